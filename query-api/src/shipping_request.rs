//! `GET /v1/shipping-requests`: what is asked of the warehouses, in the order of the log; and one
//! request by its id.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, ExchangeId, PurchaseId, WarehouseId};
use log_record::{PackedPlace, ShippingRequestId};
use read_model::{Argument, Query, Reading, ShippingStatus, lines_to_ship, shipping_id};
use serde::Deserialize;
use wire::body::{OverdueShippingRequestBody, ShippingRequestBody};
use wire::{
    Caller, Page, PathId, Problem, QueryString, Role, json_with_etag, page_limit, read_cursor,
};

use crate::cell::{
    broken, json, log_id, optional_text, optional_time, split_place, sum, text, time,
};
use crate::failed;
use crate::freshness::Fresh;
use crate::log_order::After;
use crate::parcel::{lines, parcels};

/// The text of a list's query.
macro_rules! list {
    ($which:literal) => {
        concat!(include_str!("sql/select_shipping_requests.sql"), include_str!($which))
    };
}

const SELECT: Query = Query::same(list!("sql/select_shipping_request.sql"));
const LIST: Query = Query::same(list!("sql/list_shipping_requests.sql"));
static LIST_OF_WAREHOUSE: LazyLock<Query> = LazyLock::new(|| {
    let text = list!("sql/list_shipping_requests_of_warehouse.sql");
    Query::of_index_range(text, &["warehouse", "place"])
});
static LIST_OF_STATUS: LazyLock<Query> = LazyLock::new(|| {
    let text = list!("sql/list_shipping_requests_of_status.sql");
    let query = Query::of_index_range(text, &["status", "warehouse", "place"]);
    query.by_index("shipping_request_of_status")
});
const LIST_CROSSED: Query = Query::same(list!("sql/list_shipping_requests_that_crossed.sql"));
const LIST_OF_ACCOUNT: Query = Query::same(list!("sql/list_shipping_requests_of_account.sql"));
const LIST_OF_EXCHANGE: Query = Query::each(
    list!("sql/list_shipping_requests_of_exchange.sqlite.sql"),
    list!("sql/list_shipping_requests_of_exchange.postgres.sql"),
);
const LIST_OF_PURCHASE: Query = Query::each(
    list!("sql/list_shipping_requests_of_purchase.sqlite.sql"),
    list!("sql/list_shipping_requests_of_purchase.postgres.sql"),
);

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

impl ShippingRequestsQuery {
    /// The list with its filter: a cursor belongs to both.
    fn list(&self) -> String {
        let Self { exchange_id, purchase_id, account_id, warehouse, status, crossed, .. } = self;
        let filter = (
            exchange_id.as_ref().map(ExchangeId::as_str),
            purchase_id.as_ref().map(PurchaseId::as_str),
            account_id.as_ref().map(AccountId::as_str),
            warehouse.as_ref().map(WarehouseId::as_str),
            status.map(ShippingStatus::as_str),
            crossed.is_some(),
        );
        format!("shipping requests of {filter:?}")
    }
}

#[derive(Clone, Copy, Deserialize)]
enum Crossed {
    #[serde(rename = "true")]
    Only,
}

#[derive(sql_macros::FromRow)]
pub(crate) struct Row {
    log_id: Vec<u8>,
    generation: i64,
    r#type: i64,
    account_id: String,
    exchange_id: Option<String>,
    purchase_id: Option<String>,
    lines: String,
    lines_left: String,
    deliver_to: Option<String>,
    warehouse: String,
    lane: String,
    sequence: i64,
    pub(crate) recorded_at: i64,
    status: String,
    status_since: Option<i64>,
    reason: Option<String>,
    carrier: Option<String>,
    express_no: Option<String>,
    parcels: Option<String>,
    crossed: bool,
    pub(crate) place: i64,
}

impl Row {
    /// The request's id.
    pub(crate) fn id(&self) -> Result<ShippingRequestId, Problem> {
        Ok(shipping_id(log_id(&self.log_id)?, self.generation, self.place))
    }

    /// The path of the exchange or the purchase that asks for it.
    pub(crate) fn path(&self) -> String {
        let Self { account_id, exchange_id, purchase_id, .. } = self;
        let of = match (exchange_id, purchase_id) {
            (Some(id), _) => format!("exchanges/{id}"),
            (None, id) => format!("purchases/{}", id.as_deref().unwrap_or_default()),
        };
        format!("accounts/{account_id}/{of}")
    }

    /// The request as one that is overdue.
    pub(crate) fn overdue(self) -> Result<OverdueShippingRequestBody, Problem> {
        Ok(OverdueShippingRequestBody {
            shipping_request_id: self.id()?.to_string(),
            account_id: text(&self.account_id)?,
            exchange_id: optional_text(self.exchange_id.as_deref())?,
            purchase_id: optional_text(self.purchase_id.as_deref())?,
            warehouse: text(&self.warehouse)?,
            status: text(&self.status)?,
            requested_at: time(self.recorded_at)?,
            position: split_place(self.place),
        })
    }
}

pub(crate) async fn get_shipping_request(
    caller: Caller,
    Fresh(mut reading): Fresh,
    PathId(id): PathId<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row = find_request(&mut reading, &caller, &id).await?;
    json_with_etag(&headers, &shipping_request(row, may_see_address(&caller))?)
}

/// The request with this id, where the caller may see it.
pub(crate) async fn find_request(
    reading: &mut Reading,
    caller: &Caller,
    id: &str,
) -> Result<Row, Problem> {
    let unknown = || Problem::not_found("The shipping request doesn't exist. Check its id.");
    // What can't be an id is a request that doesn't exist.
    let id: ShippingRequestId = id.parse().map_err(|_| unknown())?;
    let place = PackedPlace::from(id.place).as_i64();
    let row: Option<Row> = reading.optional(SELECT, &[place.into()]).await.map_err(failed)?;
    let row = row.ok_or_else(unknown)?;
    if row.id()? != id {
        return Err(unknown());
    }
    caller.check_warehouse(&row.warehouse)?;
    Ok(row)
}

pub(crate) async fn list_shipping_requests(
    caller: Caller,
    Fresh(mut reading): Fresh,
    QueryString(query): QueryString<ShippingRequestsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let list = query.list();
    let limit = page_limit(query.limit)?;
    let cursor = read_cursor(&list, query.cursor.as_deref())?;
    let after = After::read(cursor.as_deref(), reading.as_of())?;
    let account_id = query.account_id.as_ref().map(AccountId::as_str);
    let exchange_id = query.exchange_id.as_ref().map(ExchangeId::as_str);
    let purchase_id = query.purchase_id.as_ref().map(PurchaseId::as_str);
    let statement = match (exchange_id, purchase_id, account_id) {
        (Some(_), Some(_), _) => {
            let complaint = "can't be sent with exchange_id: a shipping request has one of them";
            return Err(Problem::invalid_query("purchase_id", complaint));
        }
        (None, None, None) if query.crossed.is_some() => Some((LIST_CROSSED, 5)),
        _ if query.crossed.is_some() => {
            let complaint = "can be sent with status and warehouse only";
            return Err(Problem::invalid_query("crossed", complaint));
        }
        (Some(_), None, _) => Some((LIST_OF_EXCHANGE, 7)),
        (None, Some(_), _) => Some((LIST_OF_PURCHASE, 7)),
        (None, None, Some(_)) => Some((LIST_OF_ACCOUNT, 6)),
        (None, None, None) => None,
    };
    let warehouses = warehouses(&caller, query.warehouse.as_ref())?;
    let rows = match statement {
        None => in_log_order(&mut reading, warehouses, query.status, &after, limit + 1)
            .await
            .map_err(failed)?,
        Some((statement, arguments)) => {
            let warehouses = warehouses.map(|names| format!(",{},", names.join(",")));
            // An account lives in one partition.
            let home =
                query.account_id.as_ref().map(|account| reading.as_of().partition_of(account));
            let spans: Vec<(i64, i64)> = match home {
                Some(home) => after.span_of(home).into_iter().collect(),
                None => after.spans().collect(),
            };
            let mut rows: Vec<Row> = vec![];
            for (after, up_to) in spans {
                let values: [Argument<'_>; 7] = [
                    after.into(),
                    up_to.into(),
                    (limit + 1).into(),
                    query.status.map(ShippingStatus::as_str).into(),
                    warehouses.as_deref().into(),
                    account_id.into(),
                    exchange_id.or(purchase_id).into(),
                ];
                let found = reading.all::<Row>(statement, &values[..arguments]).await;
                rows.extend(found.map_err(failed)?);
            }
            merged(rows, limit + 1)
        }
    };
    let may_see_address = may_see_address(&caller);
    let requests = rows
        .into_iter()
        .map(|row| shipping_request(row, may_see_address))
        .collect::<Result<Vec<_>, _>>()?;
    let page: Page<ShippingRequestBody> =
        after.page(requests, limit, &list, |request| request.position);
    json_with_etag(&headers, &page)
}

/// Those of some warehouses or of all, with a status or with any. Each warehouse's are read in the
/// order of an index: there is none over all warehouses that has a status in it.
pub(crate) async fn in_log_order(
    reading: &mut Reading,
    warehouses: Option<Vec<String>>,
    status: Option<ShippingStatus>,
    after: &After,
    limit: u32,
) -> Result<Vec<Row>, sqlx::Error> {
    let warehouses = match (warehouses, status) {
        (Some(warehouses), _) => Some(warehouses),
        (None, Some(_)) => Some(reading.warehouses().await?),
        (None, None) => None,
    };
    let mut rows: Vec<Row> = vec![];
    for (after, up_to) in after.spans() {
        let [after, up_to, limit]: [Argument<'_>; 3] = [after.into(), up_to.into(), limit.into()];
        let Some(warehouses) = &warehouses else {
            rows.extend(reading.all::<Row>(LIST, &[after, up_to, limit]).await?);
            continue;
        };
        for warehouse in warehouses {
            let warehouse = warehouse.as_str().into();
            let found: Vec<Row> = match status {
                None => reading.all(*LIST_OF_WAREHOUSE, &[warehouse, after, up_to, limit]).await?,
                Some(status) => {
                    let values = [status.as_str().into(), warehouse, after, up_to, limit];
                    reading.all(*LIST_OF_STATUS, &values).await?
                }
            };
            rows.extend(found);
        }
    }
    Ok(merged(rows, limit))
}

/// The first of these, the earliest first; those of a partition are in the order of the log.
fn merged(mut rows: Vec<Row>, limit: u32) -> Vec<Row> {
    rows.sort_unstable_by_key(|row| (row.recorded_at, row.place));
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    rows
}

/// The warehouses to list: the one that was asked for, or those that the key is for; all of them
/// where there is neither.
fn warehouses(
    caller: &Caller,
    asked: Option<&WarehouseId>,
) -> Result<Option<Vec<String>>, Problem> {
    if let Some(asked) = asked {
        caller.check_warehouse(asked.as_str())?;
        return Ok(Some(vec![asked.to_string()]));
    }
    Ok(caller.warehouses().map(|own| own.iter().map(ToString::to_string).collect()))
}

/// An address is for those who ship, and for those who help them.
fn may_see_address(caller: &Caller) -> bool {
    matches!(caller.role, Role::Warehouse | Role::Operator)
}

fn shipping_request(row: Row, may_see_address: bool) -> Result<ShippingRequestBody, Problem> {
    let id = row.id()?.to_string();
    let status: ShippingStatus = text(&row.status)?;
    let left = lines_to_ship(row.lines_left, status).map_err(|error| broken(row.place, &error))?;
    Ok(ShippingRequestBody {
        shipping_request_id: id,
        r#type: u8::try_from(row.r#type).map_err(|error| broken(row.r#type, &error))?,
        account_id: text(&row.account_id)?,
        exchange_id: optional_text(row.exchange_id.as_deref())?,
        purchase_id: optional_text(row.purchase_id.as_deref())?,
        lines: lines(json(&row.lines)?)?,
        lines_left: lines(json(&left)?)?,
        deliver_to: row.deliver_to.filter(|_| may_see_address),
        warehouse: text(&row.warehouse)?,
        lane: row.lane,
        sequence: sum(row.sequence)?,
        requested_at: time(row.recorded_at)?,
        status,
        status_since: optional_time(row.status_since)?,
        reason: row.reason,
        carrier: optional_text(row.carrier.as_deref())?,
        express_no: optional_text(row.express_no.as_deref())?,
        parcels: parcels(row.parcels.as_deref())?,
        crossed: row.crossed,
        position: split_place(row.place),
    })
}
