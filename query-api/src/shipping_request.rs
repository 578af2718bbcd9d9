//! `GET /v1/shipping-requests`: what is asked of the warehouses, in the order of the log.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, ExchangeId, PurchaseId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wire::{Caller, Page, Problem, QueryString, Role, json_with_etag, page_limit, read_cursor};

use crate::freshness::Fresh;
use crate::{QueryApi, bad_cursor, failed, place, raw_json};

const LIST: &str = include_str!("sql/list_shipping_requests.sql");
const LIST_OF_ACCOUNT: &str = include_str!("sql/list_shipping_requests_of_account.sql");
const LIST_OF_EXCHANGE: &str = include_str!("sql/list_shipping_requests_of_exchange.sql");
const LIST_OF_PURCHASE: &str = include_str!("sql/list_shipping_requests_of_purchase.sql");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShippingRequestsQuery {
    exchange_id: Option<ExchangeId>,
    purchase_id: Option<PurchaseId>,
    account_id: Option<AccountId>,
    status: Option<Status>,
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Requested,
    Accepted,
    BackOrdered,
    Dispatched,
    Delivered,
    Rejected,
    Cancelled,
    Settled,
}

#[derive(sqlx::FromRow)]
struct Row {
    shipping_request_id: String,
    r#type: i64,
    account_id: String,
    exchange_id: Option<String>,
    purchase_id: Option<String>,
    lines: String,
    deliver_to: Option<String>,
    warehouse: String,
    lane: String,
    sequence: i64,
    status: String,
    carrier: Option<String>,
    express_no: Option<String>,
    partition: i64,
    position: i64,
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
    status: String,
    carrier: Option<String>,
    express_no: Option<String>,
    position: String,
}

pub(crate) async fn list_shipping_requests(
    State(api): State<QueryApi>,
    caller: Caller,
    _: Fresh,
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
        (Some(_), None, _) => LIST_OF_EXCHANGE,
        (None, Some(_), _) => LIST_OF_PURCHASE,
        (None, None, Some(_)) => LIST_OF_ACCOUNT,
        (None, None, None) => LIST,
    };
    let rows: Vec<Row> = sqlx::query_as(statement)
        .bind(partition)
        .bind(position)
        .bind(query.status.map(Status::as_str))
        .bind(limit + 1)
        .bind(account_id)
        .bind(exchange_id.or(purchase_id))
        .fetch_all(api.read_model.pool())
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

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Accepted => "accepted",
            Self::BackOrdered => "back-ordered",
            Self::Dispatched => "dispatched",
            Self::Delivered => "delivered",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Settled => "settled",
        }
    }
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
        shipping_request_id: row.shipping_request_id,
        r#type: row.r#type,
        account_id: row.account_id,
        exchange_id: row.exchange_id,
        purchase_id: row.purchase_id,
        lines: raw_json(row.lines)?,
        deliver_to: row.deliver_to.filter(|_| may_see_address),
        warehouse: row.warehouse,
        lane: row.lane,
        sequence: row.sequence,
        status: row.status,
        carrier: row.carrier,
        express_no: row.express_no,
        position: place(row.partition, row.position),
    })
}
