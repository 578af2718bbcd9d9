//! `GET /v1/shipping-requests`: what is asked of the warehouses, in the order of the log.

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, ExchangeId, PurchaseId, WarehouseId};
use read_model::{Query, ShippingStatus, shipping_id};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wire::{Caller, Page, Problem, QueryString, Role, json_with_etag, page_limit, read_cursor};

use crate::freshness::Fresh;
use crate::{bad_cursor, failed, log_id, raw_json, split_place, time};

const LIST: Query = Query::same(include_str!("sql/list_shipping_requests.sql"));
const LIST_CROSSED: Query =
    Query::same(include_str!("sql/list_shipping_requests_that_crossed.sql"));
const LIST_OF_ACCOUNT: Query =
    Query::same(include_str!("sql/list_shipping_requests_of_account.sql"));
const LIST_OF_EXCHANGE: Query =
    Query::same(include_str!("sql/list_shipping_requests_of_exchange.sql"));
const LIST_OF_PURCHASE: Query =
    Query::same(include_str!("sql/list_shipping_requests_of_purchase.sql"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShippingRequestsQuery {
    exchange_id: Option<ExchangeId>,
    purchase_id: Option<PurchaseId>,
    account_id: Option<AccountId>,
    warehouse: Option<WarehouseId>,
    status: Option<ShippingStatus>,
    crossed: Option<Crossed>,
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
enum Crossed {
    #[serde(rename = "true")]
    Only,
}

#[derive(sqlx::FromRow)]
struct Row {
    log_id: Vec<u8>,
    generation: i64,
    r#type: i64,
    account_id: String,
    exchange_id: Option<String>,
    purchase_id: Option<String>,
    lines: String,
    deliver_to: Option<String>,
    warehouse: String,
    lane: String,
    sequence: i64,
    recorded_at: i64,
    status: String,
    status_since: Option<i64>,
    reason: Option<String>,
    carrier: Option<String>,
    express_no: Option<String>,
    crossed: bool,
    place: i64,
}

#[derive(Serialize)]
struct ShippingRequestBody {
    shipping_request_id: String,
    r#type: i64,
    account_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_id: Option<String>,
    lines: Box<RawValue>,
    deliver_to: Option<String>,
    warehouse: String,
    lane: String,
    sequence: i64,
    requested_at: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    carrier: Option<String>,
    express_no: Option<String>,
    /// It left although it had been called off.
    crossed: bool,
    position: String,
}

pub(crate) async fn list_shipping_requests(
    caller: Caller,
    Fresh(mut reading): Fresh,
    QueryString(query): QueryString<ShippingRequestsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    const LIST_NAME: &str = "shipping-requests";
    let limit = page_limit(query.limit)?;
    let (partition, position) = after(read_cursor(LIST_NAME, query.cursor.as_deref())?)?;
    let account_id = query.account_id.as_ref().map(AccountId::as_str);
    let exchange_id = query.exchange_id.as_ref().map(ExchangeId::as_str);
    let purchase_id = query.purchase_id.as_ref().map(PurchaseId::as_str);
    let statement = match (exchange_id, purchase_id, account_id) {
        (Some(_), Some(_), _) => {
            let complaint = "can't be asked for with exchange_id: a request is for one of them";
            return Err(Problem::invalid_query("purchase_id", complaint));
        }
        (None, None, None) if query.crossed.is_some() => LIST_CROSSED,
        _ if query.crossed.is_some() => {
            let complaint = "can be asked for with status and warehouse only";
            return Err(Problem::invalid_query("crossed", complaint));
        }
        (Some(_), None, _) => LIST_OF_EXCHANGE,
        (None, Some(_), _) => LIST_OF_PURCHASE,
        (None, None, Some(_)) => LIST_OF_ACCOUNT,
        (None, None, None) => LIST,
    };
    let rows: Vec<Row> = reading
        .all(
            statement,
            &[
                partition.into(),
                position.into(),
                query.status.map(ShippingStatus::as_str).into(),
                (limit + 1).into(),
                account_id.into(),
                exchange_id.or(purchase_id).into(),
                query.warehouse.as_ref().map(WarehouseId::as_str).into(),
            ],
        )
        .await
        .map_err(failed)?;
    // An address is for those who ship, and for those who help them.
    let may_see_address = matches!(caller.role, Role::Warehouse | Role::Operator);
    let requests = rows
        .into_iter()
        .map(|row| shipping_request(row, may_see_address))
        .collect::<Result<Vec<_>, _>>()?;
    let page = Page::of(requests, limit, LIST_NAME, |request| request.position.clone());
    json_with_etag(&headers, &page)
}

/// The partition and position that the page comes after.
fn after(cursor: Option<String>) -> Result<(i64, i64), Problem> {
    let Some(cursor) = cursor else { return Ok((0, 0)) };
    let place = cursor
        .split_once(':')
        .and_then(|(partition, position)| Some((partition.parse().ok()?, position.parse().ok()?)));
    place.ok_or_else(bad_cursor)
}

fn shipping_request(row: Row, may_see_address: bool) -> Result<ShippingRequestBody, Problem> {
    Ok(ShippingRequestBody {
        shipping_request_id: shipping_id(log_id(&row.log_id)?, row.generation, row.place)
            .to_string(),
        r#type: row.r#type,
        account_id: row.account_id,
        exchange_id: row.exchange_id,
        purchase_id: row.purchase_id,
        lines: raw_json(row.lines)?,
        deliver_to: row.deliver_to.filter(|_| may_see_address),
        warehouse: row.warehouse,
        lane: row.lane,
        sequence: row.sequence,
        requested_at: time(row.recorded_at)?,
        status: row.status,
        status_since: row.status_since.map(time).transpose()?,
        reason: row.reason,
        carrier: row.carrier,
        express_no: row.express_no,
        crossed: row.crossed,
        position: split_place(row.place),
    })
}
