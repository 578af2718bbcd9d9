//! Exchanges: one, an account's (newest first), and all that bear an id, whoever they belong to.

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, ExchangeId, Points, Price, UnitId, Units};
use read_model::{Exchange, Query, Reading, ShippingStatus};
use serde::Deserialize;
use wire::body::{ExchangeBody, ExchangeStatus, PriceBody};
use wire::{Caller, Page, PathId, PathIds, Problem, QueryString, Role, json_with_etag, page_limit};

use crate::account_balance::check_exists;
use crate::account_list::{ListQuery, time_key};
use crate::cell::{
    broken, json, optional_text, optional_time, split_place, sum, text, time, units,
};
use crate::freshness::{Fresh, wanted_positions};
use crate::parcel::{Delivery, parcels};
use crate::past::{AtQuery, PastOf};
use crate::prices::prices;
use crate::{QueryApi, failed, id_after, row_of_account};

/// The text of a query for exchanges.
macro_rules! exchanges {
    ($which:literal) => {
        concat!(include_str!("sql/select_exchanges.sql"), include_str!($which))
    };
}

static SELECT: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(exchanges!("sql/select_exchange.sql")));
static LIST: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(exchanges!("sql/list_exchanges.sql")));
static FIND: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(exchanges!("sql/find_exchanges.sql")));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindQuery {
    exchange_id: ExchangeId,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// An exchange, and how far its shipping request is.
#[derive(sql_macros::FromRow)]
struct Row {
    #[sqlx(flatten)]
    exchange: Exchange,
    #[sqlx(flatten)]
    delivery: Delivery,
}

pub(crate) async fn get_exchange(
    State(api): State<QueryApi>,
    caller: Caller,
    PathIds(account_id, exchange_id): PathIds<AccountId, ExchangeId>,
    QueryString(AtQuery { at }): QueryString<AtQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if at.is_none() && api.has_no_account(&account_id, &wanted_positions(&api, &headers)?) {
        return Err(no_exchange(&account_id, &exchange_id));
    }
    let of = PastOf::Exchange(account_id.clone(), exchange_id.clone());
    let mut reading = api.reading_of(&caller, &headers, at, of).await?;
    let row = find_exchange(&mut reading, &account_id, &exchange_id).await?;
    // Nothing of the read model is held while the log is read.
    drop(reading);
    let code_at = row.exchange.code_at.map(split_place);
    let mut body = exchange(row)?;
    if let Some(place) = code_at
        && matches!(caller.role, Role::Shopper | Role::Merchant)
    {
        let code = (api.read_code)(place).await?;
        (body.erased, body.code) = (code.is_none(), Some(code));
    }
    json_with_etag(&headers, &body)
}

/// An account's exchange as a read has it, without its code; 404 where there is no such exchange.
pub async fn read_exchange(
    reading: &mut Reading,
    account_id: &AccountId,
    exchange_id: &ExchangeId,
) -> Result<ExchangeBody, Problem> {
    find_exchange(reading, account_id, exchange_id).await.and_then(exchange)
}

async fn find_exchange(
    reading: &mut Reading,
    account_id: &AccountId,
    exchange_id: &ExchangeId,
) -> Result<Row, Problem> {
    let row: Option<Row> =
        row_of_account(reading, *SELECT, account_id, exchange_id.as_str()).await?;
    row.ok_or_else(|| no_exchange(account_id, exchange_id))
}

fn no_exchange(account_id: &AccountId, exchange_id: &ExchangeId) -> Problem {
    Problem::not_found(format!("The account {account_id} has no exchange {exchange_id}."))
}

pub(crate) async fn list_exchanges(
    Fresh(mut reading): Fresh,
    PathId(account_id): PathId<AccountId>,
    QueryString(query): QueryString<ListQuery<ExchangeStatus>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut page = query.page("exchanges", &account_id)?;
    check_exists(&mut reading, &account_id).await?;
    let at = |row: &Row| (row.exchange.recorded_at, row.exchange.place);
    let rows: Vec<Row> = page.read(&mut reading, *LIST, &account_id, at).await?;
    let exchanges = rows.into_iter().map(exchange).collect::<Result<Vec<_>, _>>()?;
    let key = |exchange: &ExchangeBody| time_key(exchange.recorded_at, exchange.position);
    let costs = |exchange: &ExchangeBody, unit: UnitId| {
        exchange.prices.iter().any(|price| price.unit == unit && price.points > Points::ZERO)
    };
    let is_asked_for = |exchange: &ExchangeBody| {
        query.status.is_none_or(|status| status == exchange.status)
            && query.unit.is_none_or(|unit| costs(exchange, unit))
    };
    json_with_etag(&headers, &page.of(exchanges, key, is_asked_for))
}

pub(crate) async fn find_exchanges(
    Fresh(mut reading): Fresh,
    QueryString(query): QueryString<FindQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let list = format!("exchanges called {}", query.exchange_id);
    let limit = page_limit(query.limit)?;
    let after = id_after::<AccountId>(&list, query.cursor.as_deref())?;
    let rows: Vec<Row> = reading
        .all(*FIND, &[query.exchange_id.as_str().into(), after.as_str().into(), (limit + 1).into()])
        .await
        .map_err(failed)?;
    let exchanges = rows.into_iter().map(exchange).collect::<Result<Vec<_>, _>>()?;
    let page = Page::of(exchanges, limit, &list, |exchange| exchange.account_id.to_string());
    json_with_etag(&headers, &page)
}

fn exchange(row: Row) -> Result<ExchangeBody, Problem> {
    let Row { exchange: row, delivery } = row;
    let Delivery { status: request_status, reason, carrier, express_no, parcels } = delivery;
    let request_status: Option<ShippingStatus> = optional_text(request_status.as_deref())?;
    let is_cancelled = row.cancelled_quantity == row.quantity;
    let status = match request_status {
        // It isn't shipped.
        None if is_cancelled => ExchangeStatus::Cancelled,
        None | Some(ShippingStatus::Requested) => ExchangeStatus::Created,
        Some(ShippingStatus::Rejected) => ExchangeStatus::Rejected,
        // Also where the parcel left too late to count, or an operator had settled the request.
        Some(_) if is_cancelled => ExchangeStatus::Cancelled,
        Some(ShippingStatus::Accepted) => ExchangeStatus::Accepted,
        Some(ShippingStatus::BackOrdered) => ExchangeStatus::BackOrdered,
        Some(ShippingStatus::PartlyDispatched) => ExchangeStatus::PartlyDispatched,
        Some(ShippingStatus::Dispatched) => ExchangeStatus::Dispatched,
        Some(ShippingStatus::Delivered) => ExchangeStatus::Delivered,
        Some(ShippingStatus::Cancelled) => ExchangeStatus::Cancelled,
        Some(ShippingStatus::Settled) => ExchangeStatus::Settled,
    };
    // A shopper may not read an operator's reason.
    let is_warehouses = matches!(status, ExchangeStatus::Rejected | ExchangeStatus::BackOrdered);
    // Taken apart, so that a column that is added is answered, or left out on purpose.
    let Exchange {
        place,
        account_id,
        exchange_id,
        offer_id,
        product_id,
        quantity,
        unit,
        points,
        further_prices,
        hold_id,
        code_at: _read_apart,
        tier,
        counted: _,
        cancelled_quantity,
        refunded_points,
        occurred_at,
        recorded_at,
    } = row;
    let prices = prices(&unit, points, further_prices.as_deref())?;
    let quantity = units(quantity)?;
    let cancelled_quantity = sum(cancelled_quantity)?;
    let cancelled = Units::sum_of(cancelled_quantity)
        .ok_or_else(|| broken(cancelled_quantity, &"no quantity is that high"))?;
    let Price { unit, points } = prices.first();
    Ok(ExchangeBody {
        exchange_id: text(&exchange_id)?,
        account_id: text(&account_id)?,
        offer_id: text(&offer_id)?,
        product_id: text(&product_id)?,
        quantity,
        points,
        unit,
        prices: PriceBody::all(&prices),
        hold_id: optional_text(hold_id.as_deref())?,
        tier: tier.as_deref().map(json).transpose()?,
        status,
        code: None,
        erased: false,
        reason: reason.filter(|_| is_warehouses),
        parcels: self::parcels(parcels.as_deref())?,
        carrier: optional_text(carrier.as_deref())?,
        express_no: optional_text(express_no.as_deref())?,
        cancelled_quantity,
        refunded_points: sum(refunded_points)?,
        refunded: prices.refund(quantity, Units::ZERO, cancelled).map(Into::into).collect(),
        occurred_at: optional_time(occurred_at)?,
        recorded_at: time(recorded_at)?,
        position: split_place(place),
    })
}
