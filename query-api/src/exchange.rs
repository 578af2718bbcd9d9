//! Exchanges: one, an account's (newest first), and all that bear an id, whoever they belong to.

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, ExchangeId};
use read_model::Query;
use serde::{Deserialize, Serialize};
use wire::{Page, PathId, PathIds, Problem, QueryString, json_with_etag, page_limit, read_cursor};

use crate::account_balance::check_exists;
use crate::freshness::Fresh;
use crate::ledger_entry::PageQuery;
use crate::{failed, row_of_account, rows_of_account, split_place, time};

const SELECT: Query = Query::same(include_str!("sql/select_exchange.sql"));
const LIST: Query = Query::same(include_str!("sql/list_exchanges.sql"));
const FIND: Query = Query::same(include_str!("sql/find_exchanges.sql"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindQuery {
    exchange_id: ExchangeId,
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    exchange_id: String,
    account_id: String,
    offer_id: String,
    product_id: String,
    quantity: i64,
    points: i64,
    hold_id: Option<String>,
    cancelled_quantity: i64,
    refunded_points: i64,
    place: i64,
    occurred_at: Option<i64>,
    recorded_at: i64,
    // of its shipping request
    status: String,
    reason: Option<String>,
    carrier: Option<String>,
    express_no: Option<String>,
}

#[derive(Serialize)]
struct ExchangeBody {
    exchange_id: String,
    account_id: String,
    offer_id: String,
    product_id: String,
    quantity: i64,
    points: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_id: Option<String>,
    status: String,
    /// Why the warehouse won't ship it, or not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    express_no: Option<String>,
    cancelled_quantity: i64,
    refunded_points: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<String>,
    recorded_at: String,
    position: String,
    #[serde(skip)]
    key: i64,
}

pub(crate) async fn get_exchange(
    Fresh(mut reading): Fresh,
    PathIds(account_id, exchange_id): PathIds<AccountId, ExchangeId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row: Option<Row> =
        row_of_account(&mut reading, SELECT, &account_id, exchange_id.as_str()).await?;
    let row = row.ok_or_else(|| {
        Problem::not_found(format!("The account {account_id} has no exchange {exchange_id}."))
    })?;
    json_with_etag(&headers, &exchange(row)?)
}

pub(crate) async fn list_exchanges(
    Fresh(mut reading): Fresh,
    PathId(account_id): PathId<AccountId>,
    QueryString(query): QueryString<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let list = format!("exchanges of {account_id}");
    let (limit, before) = query.position_page(&list)?;
    check_exists(&mut reading, &account_id).await?;
    let rows: Vec<Row> = rows_of_account(&mut reading, LIST, &account_id, before, limit).await?;
    let exchanges = rows.into_iter().map(exchange).collect::<Result<Vec<_>, _>>()?;
    let page = Page::of(exchanges, limit, &list, |exchange| exchange.key.to_string());
    json_with_etag(&headers, &page)
}

pub(crate) async fn find_exchanges(
    Fresh(mut reading): Fresh,
    QueryString(query): QueryString<FindQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    const LIST_NAME: &str = "exchanges-by-id";
    let limit = page_limit(query.limit)?;
    let after = read_cursor(LIST_NAME, query.cursor.as_deref())?.unwrap_or_default();
    let rows: Vec<Row> = reading
        .all(FIND, &[query.exchange_id.as_str().into(), after.as_str().into(), (limit + 1).into()])
        .await
        .map_err(failed)?;
    let exchanges = rows.into_iter().map(exchange).collect::<Result<Vec<_>, _>>()?;
    let page = Page::of(exchanges, limit, LIST_NAME, |exchange| exchange.account_id.clone());
    json_with_etag(&headers, &page)
}

fn exchange(row: Row) -> Result<ExchangeBody, Problem> {
    let is_refused = row.status == "rejected";
    let status = match row.status.as_str() {
        "requested" => "created",
        // Also where the parcel left too late to count, or an operator had seen to it.
        _ if row.cancelled_quantity == row.quantity && !is_refused => "cancelled",
        status => status,
    };
    // What an operator noted isn't said to the shopper.
    let reason = row.reason.filter(|_| is_refused || status == "back-ordered");
    Ok(ExchangeBody {
        status: status.into(),
        reason,
        carrier: row.carrier,
        express_no: row.express_no,
        exchange_id: row.exchange_id,
        account_id: row.account_id,
        offer_id: row.offer_id,
        product_id: row.product_id,
        quantity: row.quantity,
        points: row.points,
        hold_id: row.hold_id,
        cancelled_quantity: row.cancelled_quantity,
        refunded_points: row.refunded_points,
        occurred_at: row.occurred_at.map(time).transpose()?,
        recorded_at: time(row.recorded_at)?,
        position: split_place(row.place),
        key: row.place,
    })
}
