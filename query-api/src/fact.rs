//! What can be put can be got: a call's fact, by the path at which it was put.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{
    AccountId, CancellationId, CauseId, GrantId, HoldId, IdError, LadderId, OfferId,
    TransferStatus, UnitId, WaitId,
};
use futures_util::future::BoxFuture;
use read_model::{Fact, Query, Reading};
use serde::Deserialize;
use serde_json::{Map, Value};
use wire::body::{FactBody, FactCallerBody};
use wire::{Caller, PathId, PathIds, Problem, Role, ThreePathIds, json_with_etag};

use crate::cell::{json, optional_text, split_place, time};
use crate::failed;
use crate::freshness::Fresh;
use crate::hold::find_hold;
use crate::shipping_request::find_request;

static SELECT: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/select_fact.sql")));

/// An answer that is on its way.
type Answer = BoxFuture<'static, Result<Response, Problem>>;

/// An id as it was recorded: a client's, or the ledger's own, as a rejection's cancellation has.
pub(crate) struct RecordedId(CancellationId);

impl std::str::FromStr for RecordedId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        CancellationId::from_recorded(text.into()).map(Self)
    }
}

/// The part of an event's public text that says who asked.
#[derive(Default, Deserialize)]
struct Meta {
    key: Option<String>,
    role: Option<String>,
}

/// The part of `credit-returned` that says why a transfer came back.
#[derive(Deserialize)]
struct Returned {
    why: String,
}

/// A handler for `/v1/accounts/{account_id}/{kind}/{id}`.
pub(crate) fn of_account(
    kind: &'static str,
) -> impl Fn(Caller, Fresh, PathIds<AccountId, CauseId>, HeaderMap) -> Answer + Clone {
    move |caller, fresh, PathIds(account, id), headers| {
        Box::pin(answer(caller, fresh, format!("accounts/{account}/{kind}/{id}"), headers))
    }
}

/// The ids in the path of what is a part of something else.
type PartOfFact = ThreePathIds<AccountId, CauseId, RecordedId>;

/// A handler for `/v1/accounts/{account_id}/{of}/{id}/{kind}/{id}`.
pub(crate) fn of_what(
    of: &'static str,
    kind: &'static str,
) -> impl Fn(Caller, Fresh, PartOfFact, HeaderMap) -> Answer + Clone {
    move |caller, fresh, ThreePathIds(account, whole, RecordedId(id)), headers| {
        let path = format!("accounts/{account}/{of}/{whole}/{kind}/{id}");
        Box::pin(answer(caller, fresh, path, headers))
    }
}

/// A handler for `/v1/accounts/{account_id}/tiers/{ladder}/grants/{grant_id}`, and for what may
/// stand behind that.
pub(crate) fn of_grant(
    what: &'static str,
) -> impl Fn(Caller, Fresh, ThreePathIds<AccountId, LadderId, GrantId>, HeaderMap) -> Answer + Clone
{
    move |caller, fresh, ThreePathIds(account, ladder, grant), headers| {
        let path = format!("accounts/{account}/tiers/{ladder}/grants/{grant}{what}");
        Box::pin(answer(caller, fresh, path, headers))
    }
}

pub(crate) async fn get_return(
    caller: Caller,
    Fresh(mut reading): Fresh,
    ThreePathIds(account, purchase, id): ThreePathIds<AccountId, CauseId, CauseId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let path = format!("accounts/{account}/purchases/{purchase}/returns/{id}");
    let mut body = read(&mut reading, &caller, &path).await?;
    // What was taken of the first unit stands beside the list of all.
    let first = body.fields.get("taken").and_then(|taken| taken.get(0)).and_then(Value::as_object);
    if let Some(first) = first.cloned() {
        body.fields.extend(first);
    }
    json_with_etag(&headers, &body)
}

/// A cancellation also names what came back of the first unit that the exchange had cost.
pub(crate) async fn get_cancellation(
    caller: Caller,
    Fresh(mut reading): Fresh,
    ThreePathIds(account, exchange, RecordedId(id)): PartOfFact,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let path = format!("accounts/{account}/exchanges/{exchange}/cancellations/{id}");
    let mut body = read(&mut reading, &caller, &path).await?;
    add_first(&mut body.fields);
    json_with_etag(&headers, &body)
}

pub(crate) async fn get_withdrawal_reversal(
    caller: Caller,
    fresh: Fresh,
    PathIds(account, id): PathIds<AccountId, CauseId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(caller, fresh, format!("accounts/{account}/withdrawals/{id}/reversal"), headers).await
}

pub(crate) async fn get_return_reversal(
    caller: Caller,
    fresh: Fresh,
    ThreePathIds(account, purchase, id): ThreePathIds<AccountId, CauseId, CauseId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let path = format!("accounts/{account}/purchases/{purchase}/returns/{id}/reversal");
    answer(caller, fresh, path, headers).await
}

pub(crate) async fn get_release(
    caller: Caller,
    fresh: Fresh,
    PathIds(account, hold): PathIds<AccountId, HoldId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(caller, fresh, format!("accounts/{account}/holds/{hold}/release"), headers).await
}

pub(crate) async fn get_leaving(
    caller: Caller,
    fresh: Fresh,
    PathIds(account, wait): PathIds<AccountId, WaitId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(caller, fresh, format!("accounts/{account}/waits/{wait}/leaving"), headers).await
}

/// A capture also names the exchange that it paid.
pub(crate) async fn get_capture(
    caller: Caller,
    Fresh(mut reading): Fresh,
    PathIds(account, hold): PathIds<AccountId, HoldId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let path = format!("accounts/{account}/holds/{hold}/capture");
    let mut body = read(&mut reading, &caller, &path).await?;
    let hold = find_hold(&mut reading, &account, &hold).await?;
    if let Some(exchange_id) = hold.and_then(|hold| hold.exchange_id) {
        body.fields.insert("exchange_id".to_owned(), exchange_id.into());
    }
    json_with_etag(&headers, &body)
}

/// A transfer within a partition reaches its recipient with the event after it. One to another
/// partition is in transit until that partition has received it, or this one has it again.
pub(crate) async fn get_transfer(
    caller: Caller,
    Fresh(mut reading): Fresh,
    PathIds(account, id): PathIds<AccountId, CauseId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let path = format!("accounts/{account}/transfers/{id}");
    let mut body = read(&mut reading, &caller, &path).await?;
    let to = body.fields.get("to").and_then(Value::as_str).and_then(|to| to.parse().ok());
    let home = |account: &AccountId| reading.as_of().partition_of(account);
    let status = if to.is_none_or(|to| home(&to) == home(&account)) {
        TransferStatus::Received
    } else if let Some(back) = find_fact(&mut reading, &format!("{path}/return")).await? {
        let returned: Returned = json(&back.public)?;
        body.fields.insert("reason".to_owned(), returned.why.into());
        TransferStatus::Returned
    } else if find_fact(&mut reading, &format!("{path}/receipt")).await?.is_some() {
        TransferStatus::Received
    } else {
        TransferStatus::InTransit
    };
    body.fields.insert("status".to_owned(), status.as_str().into());
    json_with_etag(&headers, &body)
}

pub(crate) async fn get_merger(
    caller: Caller,
    fresh: Fresh,
    PathId(account): PathId<AccountId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(caller, fresh, format!("accounts/{account}/merger"), headers).await
}

pub(crate) async fn get_closure(
    caller: Caller,
    fresh: Fresh,
    PathId(offer): PathId<OfferId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(caller, fresh, format!("offers/{offer}/closure"), headers).await
}

pub(crate) async fn get_pause(
    caller: Caller,
    fresh: Fresh,
    PathId(offer): PathId<OfferId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(caller, fresh, format!("offers/{offer}/pause"), headers).await
}

pub(crate) async fn get_unit_closure(
    caller: Caller,
    fresh: Fresh,
    PathId(unit): PathId<UnitId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(caller, fresh, format!("units/{unit}/closure"), headers).await
}

pub(crate) async fn get_rate_closure(
    caller: Caller,
    fresh: Fresh,
    PathIds(from, to): PathIds<UnitId, UnitId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(caller, fresh, format!("conversion-rates/{from}/{to}/closure"), headers).await
}

/// A handler for `/v1/offers/{offer_id}/{kind}/{id}`.
pub(crate) fn of_offer(
    kind: &'static str,
) -> impl Fn(Caller, Fresh, PathIds<OfferId, CauseId>, HeaderMap) -> Answer + Clone {
    move |caller, fresh, PathIds(offer, id), headers| {
        Box::pin(answer(caller, fresh, format!("offers/{offer}/{kind}/{id}"), headers))
    }
}

/// An upload of codes, without what they are known again by.
pub(crate) async fn get_code_upload(
    caller: Caller,
    Fresh(mut reading): Fresh,
    PathIds(offer, upload): PathIds<OfferId, CauseId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let path = format!("offers/{offer}/code-uploads/{upload}");
    let mut body = read(&mut reading, &caller, &path).await?;
    body.fields.remove("hash");
    json_with_etag(&headers, &body)
}

pub(crate) async fn get_clock_confirmation(
    caller: Caller,
    fresh: Fresh,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(caller, fresh, "clock/confirmation".to_owned(), headers).await
}

/// A handler for `/v1/shipping-requests/{shipping_request_id}/{what}`.
pub(crate) fn of_request(
    what: &'static str,
) -> impl Fn(Caller, Fresh, PathId<String>, HeaderMap) -> Answer + Clone {
    move |caller, fresh, PathId(request), headers| {
        Box::pin(report(caller, fresh, request, what.to_owned(), headers))
    }
}

/// A handler for `/v1/shipping-requests/{shipping_request_id}/dispatches/{dispatch_id}`, and for
/// what may stand behind that.
pub(crate) fn of_parcel(
    what: &'static str,
) -> impl Fn(Caller, Fresh, PathIds<String, CauseId>, HeaderMap) -> Answer + Clone {
    move |caller, fresh, PathIds(request, parcel), headers| {
        Box::pin(report(caller, fresh, request, format!("dispatches/{parcel}{what}"), headers))
    }
}

/// What a warehouse or an operator said of a request.
async fn report(
    caller: Caller,
    Fresh(mut reading): Fresh,
    request: String,
    what: String,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let of = find_request(&mut reading, &caller, &request).await?;
    let row = find_fact(&mut reading, &format!("{}/{what}", of.path())).await?;
    let row = row.ok_or_else(|| no_fact(&format!("shipping-requests/{request}/{what}")))?;
    json_with_etag(&headers, &fact(row, &caller)?)
}

async fn answer(
    caller: Caller,
    Fresh(mut reading): Fresh,
    path: String,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    json_with_etag(&headers, &read(&mut reading, &caller, &path).await?)
}

async fn read(reading: &mut Reading, caller: &Caller, path: &str) -> Result<FactBody, Problem> {
    fact(find_fact(reading, path).await?.ok_or_else(|| no_fact(path))?, caller)
}

/// Adds to a cancellation's fields what its exchange had cost of its first unit, and what came back
/// of that.
fn add_first(fields: &mut Map<String, Value>) {
    let Some(of) = fields.get_mut("of").and_then(Value::as_object_mut) else { return };
    let first = of.get("prices").and_then(|prices| prices.get(0)).cloned().unwrap_or_default();
    let unit = first["unit"].clone();
    of.insert("unit".to_owned(), unit.clone());
    of.insert("points".to_owned(), first["points"].clone());
    let refunded = fields.get("refunded").and_then(Value::as_array).into_iter().flatten();
    let mut of_first = refunded.filter(|refund| refund["unit"] == unit);
    let points = of_first.next().map_or_else(|| 0.into(), |refund| refund["points"].clone());
    fields.insert("points".to_owned(), points);
    fields.insert("unit".to_owned(), unit);
}

/// The last fact at a path.
pub(crate) async fn find_fact(reading: &mut Reading, path: &str) -> Result<Option<Fact>, Problem> {
    reading.optional(*SELECT, &[path.into()]).await.map_err(failed)
}

fn no_fact(path: &str) -> Problem {
    Problem::not_found(format!("Nothing was recorded at /v1/{path}. Check the ids in it."))
}

fn fact(row: Fact, caller: &Caller) -> Result<FactBody, Problem> {
    let Fact { path: _, place, account_id, public, by, reason, recorded_at } = row;
    let mut fields: Map<String, Value> = json(&public)?;
    let meta = fields.remove("meta").map(serde_json::from_value).transpose();
    let Meta { key, role } = meta.ok().flatten().unwrap_or_default();
    let may_know = matches!(caller.role, Role::Operator | Role::Auditor);
    // What the ledger did by itself was recorded beside whatever came next.
    let has_caller = fields.get("reason").is_none_or(|reason| reason != "deadline");
    let told = |text: Option<String>| text.filter(|_| may_know);
    Ok(FactBody {
        account_id: optional_text(account_id.as_deref())?,
        fields,
        caller: (may_know && has_caller).then_some(FactCallerBody { key_id: key, role }),
        by: told(by),
        reason: told(reason),
        recorded_at: time(recorded_at)?,
        position: split_place(place),
    })
}
