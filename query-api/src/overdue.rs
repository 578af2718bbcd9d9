//! Shipping requests that no warehouse has accepted in time, where no publisher counts attempts:
//! `GET /v1/overdue-shipping-requests`, and the alarm in the program's log.
//!
//! They are those with the status `requested` that were asked for longer ago than they may wait.
//! An index has each warehouse's requests of a status in the order of the log, so the oldest are
//! found first.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use log_record::Partition;
use read_model::{ReadError, Reading, ShippingStatus};
use serde::Deserialize;
use wire::body::OverdueShippingRequestBody;
use wire::{
    Page, Problem, QueryString, Role, Routes, get, json_with_etag, only, page_limit, read_cursor,
};

use crate::cell::split_place;
use crate::clock::now;
use crate::freshness::Fresh;
use crate::log_order::After;
use crate::shipping_request::{Row, in_log_order};
use crate::{QueryApi, failed};

/// How many overdue requests of a warehouse are counted and told of: enough for an alarm.
const COUNTED_MAX: u32 = 500;

/// How long a look may wait for the read tables.
const LOOK_WITHIN: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OverdueQuery {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// The list's route, for a process without a publisher: a publisher has its own, which also shows
/// the attempts.
pub fn overdue_routes() -> Routes<QueryApi> {
    let list = only(&[Role::Operator], list_overdue).with_query();
    Routes::new().route("/v1/overdue-shipping-requests", get(list))
}

pub(crate) async fn list_overdue(
    State(api): State<QueryApi>,
    Fresh(mut reading): Fresh,
    QueryString(query): QueryString<OverdueQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    const LIST_NAME: &str = "overdue-shipping-requests";
    let limit = page_limit(query.limit)?;
    let cursor = read_cursor(LIST_NAME, query.cursor.as_deref())?;
    let after = After::read(cursor.as_deref(), reading.as_of())?;
    let by = api.overdue_by(&reading);
    let rows = in_log_order(&mut reading, None, Some(ShippingStatus::Requested), &after, limit + 1);
    let mut rows: Vec<Row> = rows.await.map_err(failed)?;
    rows.retain(|row| row.recorded_at <= by);
    let items = rows.into_iter().map(Row::overdue).collect::<Result<Vec<_>, _>>()?;
    let page: Page<OverdueShippingRequestBody> =
        after.page(items, limit, LIST_NAME, |item| item.position);
    json_with_etag(&headers, &page)
}

/// Looks again and again for overdue requests, counts them in the metrics, and says each in the
/// program's log once.
pub async fn watch_overdue(api: QueryApi) {
    let pause = (api.overdue_after / 8).clamp(Duration::from_millis(100), Duration::from_secs(30));
    let mut told = BTreeMap::new();
    loop {
        tokio::time::sleep(pause).await;
        // That the tables can't be read is told elsewhere, by whoever reads them for a caller.
        if let Ok(count) = look(&api, &mut told).await {
            api.metrics.overdue.set(count);
        }
    }
}

/// Counts the overdue requests; `told` is up to where each warehouse's were told in each partition.
async fn look(
    api: &QueryApi,
    told: &mut BTreeMap<(String, Partition), i64>,
) -> Result<i64, ReadError> {
    let mut reading = api.read_model.read(&[], LOOK_WITHIN).await?;
    let (by, start) = (api.overdue_by(&reading), After::start(reading.as_of()));
    let mut count = 0;
    for warehouse in reading.warehouses().await.map_err(ReadError::Unreachable)? {
        let (status, warehouses) = (Some(ShippingStatus::Requested), Some(vec![warehouse.clone()]));
        let rows = in_log_order(&mut reading, warehouses, status, &start, COUNTED_MAX).await;
        let mut rows = rows.map_err(ReadError::Unreachable)?;
        rows.retain(|row| row.recorded_at <= by);
        count += i64::try_from(rows.len()).unwrap_or(i64::MAX);
        for request in rows {
            let partition = split_place(request.place).partition;
            let told = told.entry((warehouse.clone(), partition)).or_default();
            if request.place <= *told {
                continue;
            }
            *told = request.place;
            let id = request.id().map(|id| id.to_string()).unwrap_or_default();
            tracing::error!(
                id,
                warehouse,
                "a shipping request is overdue: its warehouse does not accept it"
            );
        }
    }
    Ok(count)
}

impl QueryApi {
    /// What was asked for by then, in microseconds, should be accepted by now.
    fn overdue_by(&self, reading: &Reading) -> i64 {
        let after = i64::try_from(self.overdue_after.as_micros()).unwrap_or(i64::MAX);
        now(reading.as_of()).saturating_sub(after)
    }
}
