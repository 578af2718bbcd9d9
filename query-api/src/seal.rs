//! `GET /v1/seals` and what is below it: commitments to the balances of all accounts, newest first;
//! and `GET /v1/accounts/{account_id}/balance-proof`.
//!
//! The read tables know the seals. The trees of balances, and what proves an event, are where this
//! crate can't look: whoever starts the API gives it functions that do ([`ProveBalance`] and
//! [`crate::ProveEvents`]).

use std::sync::{Arc, LazyLock};

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, SealId, Timestamp, UnitId};
use futures_util::future::BoxFuture;
use log_record::{Partition, Place, Position, RecordedEvent};
use read_model::{BalanceSeal, Query, Reading};
use serde::Deserialize;
use wire::body::{
    BalanceProofBody, PathNodeBody, ReceiptEventBody, SealBody, SealProofBody, SealedTreesBody,
    SealedUnitBody,
};
use wire::{Page, PathId, Problem, QueryString, json_with_etag, page_limit, read_cursor};

use crate::account_balance::check_exists;
use crate::cell::{json, split_place};
use crate::freshness::Fresh;
use crate::receipt::{body as event_body, unproved};
use crate::unit::check_unit;
use crate::{PageQuery, ProvedEvents, QueryApi, bad_cursor, failed};

static SELECT: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/select_balance_seal.sql")));
static LIST: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/list_balance_seals.sql")));

/// Proves a balance in the tree of a seal; nothing where the account isn't in it.
pub type ProveBalance = Arc<
    dyn Fn(BalanceAsked) -> BoxFuture<'static, Result<Option<ProvedBalance>, UnprovedBalance>>
        + Send
        + Sync,
>;

/// A balance that is to be proved.
#[derive(Clone, Debug)]
pub struct BalanceAsked {
    /// The last event whose effect is in the tree.
    pub up_to: Place,
    /// Tells the secret from which the salts come from other secrets, in hexadecimal digits.
    pub salts: String,
    /// The unit.
    pub unit: UnitId,
    /// The tree's root, in hexadecimal digits.
    pub root: String,
    /// The account.
    pub account_id: AccountId,
}

/// What proves a balance.
#[derive(Clone, Debug)]
pub struct ProvedBalance {
    /// The account's salt, in hexadecimal digits.
    pub salt: String,
    /// Which leaf it is, from 0.
    pub index: u64,
    /// What it had available, held, pending and owed.
    pub amounts: [u64; 4],
    /// The nodes beside the way to the top, from below.
    pub path: Vec<PathNodeBody>,
}

/// Why a balance isn't proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnprovedBalance {
    /// Its tree was lost, and is being made again.
    NotYet,
    /// The secret of the seal's salts isn't here.
    SecretLost,
    /// This process has no trees.
    NotHere,
    /// What hinders it is in the program's log already.
    Unread,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BalanceProofQuery {
    seal: Option<SealId>,
    unit: Option<UnitId>,
}

/// The public text of `balances-sealed`.
#[derive(Deserialize)]
struct Public {
    seal_id: SealId,
    up_to: Position,
    as_of: Timestamp,
    salts: String,
    units: Vec<SealedUnitBody>,
    /// Of the partitions from 1 on, in their order.
    #[serde(default)]
    further: Vec<PublicTrees>,
}

#[derive(Deserialize)]
struct PublicTrees {
    up_to: Position,
    as_of: Timestamp,
    salts: String,
    units: Vec<SealedUnitBody>,
}

pub(crate) async fn list_seals(
    Fresh(mut reading): Fresh,
    QueryString(query): QueryString<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    const LIST_NAME: &str = "seals";
    let limit = page_limit(query.limit)?;
    let before = match read_cursor(LIST_NAME, query.cursor.as_deref())? {
        None => i64::MAX,
        Some(key) => key.parse().map_err(|_| bad_cursor())?,
    };
    let arguments = [before.into(), (limit + 1).into()];
    let rows: Vec<BalanceSeal> = reading.all(*LIST, &arguments).await.map_err(failed)?;
    let Page { items, next } = Page::of(rows, limit, LIST_NAME, |row| row.place.to_string());
    let items = items.iter().map(body).collect::<Result<Vec<_>, _>>()?;
    json_with_etag(&headers, &Page { items, next })
}

pub(crate) async fn get_seal(
    Fresh(mut reading): Fresh,
    PathId(seal): PathId<SealId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    json_with_etag(&headers, &body(&find(&mut reading, &seal).await?)?)
}

pub(crate) async fn get_seal_proof(
    State(api): State<QueryApi>,
    Fresh(mut reading): Fresh,
    PathId(seal): PathId<SealId>,
) -> Result<Json<SealProofBody>, Problem> {
    let row = find(&mut reading, &seal).await?;
    drop(reading);
    let (ProvedEvents { checkpoint, handovers, .. }, events) = prove_event(&api, &row).await?;
    Ok(Json(SealProofBody { seal_id: seal, checkpoint, handovers, events }))
}

pub(crate) async fn get_balance_proof(
    State(api): State<QueryApi>,
    Fresh(mut reading): Fresh,
    PathId(account_id): PathId<AccountId>,
    QueryString(query): QueryString<BalanceProofQuery>,
) -> Result<Json<BalanceProofBody>, Problem> {
    check_exists(&mut reading, &account_id).await?;
    check_unit(&mut reading, query.unit).await?;
    let unit = query.unit.unwrap_or_default();
    let row = match &query.seal {
        Some(seal) => find(&mut reading, seal).await?,
        None => newest(&mut reading).await?,
    };
    // Nothing of the read model is held while a tree is read and the log is signed.
    drop(reading);
    let SealBody { seal_id, up_to, as_of, salts, units, mut further, position: _ } = body(&row)?;
    // The account is in the trees of its partition.
    let home = account_id.partition(u16::try_from(further.len() + 1).unwrap_or(u16::MAX));
    let SealedTreesBody { up_to, as_of, salts, units } = match usize::from(home.0).checked_sub(1) {
        None => SealedTreesBody { up_to, as_of, salts, units },
        Some(index) => further.swap_remove(index),
    };
    let not_in_it = || {
        Problem::not_found(format!(
            "The account {account_id} isn't in the seal {seal_id}, which has the balances of {unit} \
             as of {up_to}: it hadn't had any by then. Ask for the proof in a later seal."
        ))
    };
    let sealed = units.into_iter().find(|sealed| sealed.unit == unit).ok_or_else(not_in_it)?;
    let SealedUnitBody { accounts, root, .. } = sealed;
    let asked = BalanceAsked { up_to, salts, unit, root, account_id: account_id.clone() };
    let proved = (api.prove_balance)(asked).await.map_err(|why| no_proof(why, &seal_id))?;
    let ProvedBalance { salt, index, amounts, path } = proved.ok_or_else(not_in_it)?;
    let [available, held, pending, owed] = amounts;
    let (ProvedEvents { checkpoint, handovers, .. }, events) = prove_event(&api, &row).await?;
    Ok(Json(BalanceProofBody {
        account_id,
        unit,
        available,
        held,
        pending,
        owed,
        up_to,
        as_of,
        salt,
        index,
        accounts,
        path,
        seal_id,
        checkpoint,
        handovers,
        events,
    }))
}

fn no_proof(why: UnprovedBalance, seal: &SealId) -> Problem {
    match why {
        UnprovedBalance::NotYet => Problem::tree_being_made(seal.as_str()),
        UnprovedBalance::SecretLost => Problem::not_found(format!(
            "No balance of the seal {seal} can be proved any more: the secret of its salts isn't on \
             this server. Have an operator restore balance-salts.json, or ask for a later seal."
        )),
        UnprovedBalance::NotHere => Problem::sealed_elsewhere(),
        UnprovedBalance::Unread => Problem::internal(),
    }
}

/// The log's first event, which says how many partitions a seal must be of, and the seal's, each
/// with its proof, as the body of an answer has it.
async fn prove_event(
    api: &QueryApi,
    row: &BalanceSeal,
) -> Result<(ProvedEvents, Vec<ReceiptEventBody>), Problem> {
    let seal = split_place(row.place);
    let first = Place { position: Position(1), ..seal };
    let is_wanted = move |event: &RecordedEvent| {
        let wanted = if event.place == first { "log-opened" } else { "balances-sealed" };
        &*event.event_type == wanted
    };
    let proved = (api.prove_events)(vec![first, seal], Box::new(is_wanted)).await;
    let both = proved.map_err(unproved)?.filter(|proved| proved.events.len() == 2);
    let Some(mut proved) = both else {
        let error = "the log has another event where the read tables have the seal's";
        tracing::error!(seal = row.seal_id, error, "a seal can't be proved");
        return Err(Problem::internal());
    };
    let events = std::mem::take(&mut proved.events);
    let events = events.into_iter().map(event_body).collect();
    Ok((proved, events))
}

async fn find(reading: &mut Reading, seal: &SealId) -> Result<BalanceSeal, Problem> {
    let row = reading.optional(*SELECT, &[seal.as_str().into()]).await.map_err(failed)?;
    row.ok_or_else(|| {
        Problem::not_found(format!("The seal {seal} doesn't exist. GET /v1/seals lists all seals."))
    })
}

async fn newest(reading: &mut Reading) -> Result<BalanceSeal, Problem> {
    let row = reading.optional(*LIST, &[i64::MAX.into(), 1_u32.into()]).await.map_err(failed)?;
    row.ok_or_else(|| {
        Problem::not_found(
            "The balances haven't been sealed yet. An operator seals them with PUT \
             /v1/seals/{seal_id}.",
        )
    })
}

fn body(row: &BalanceSeal) -> Result<SealBody, Problem> {
    let position = split_place(row.place);
    let Public { seal_id, up_to, as_of, salts, units, further } = json(&row.public)?;
    let up_to = Place { position: up_to, ..position };
    let further = (1..).map(Partition).zip(further);
    let further = further.map(|(partition, PublicTrees { up_to, as_of, salts, units })| {
        let up_to = Place { partition, position: up_to };
        SealedTreesBody { up_to, as_of, salts, units }
    });
    let further = further.collect();
    Ok(SealBody { seal_id, up_to, as_of, salts, units, further, position })
}
