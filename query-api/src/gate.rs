//! `GET /v1/gates`: what takes no redemptions now, as one small document for pages, load balancers
//! and CDNs. What is outside of its window isn't in it, for the window itself says so. A redemption
//! may be sent all the same: it may be a repeat.

use std::sync::LazyLock;

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use domain::{OfferStatus, Timestamp};
use read_model::Query;
use wire::body::{GateBody, GatesBody};
use wire::{Problem, json_with_etag};

use crate::cell::{broken, optional_time, sum, text, time};
use crate::clock::now;
use crate::failed;
use crate::freshness::Fresh;

/// How many there are in the document at most: some twenty kilobytes.
const GATES_MAX: usize = 400;

/// For how long everybody may keep what all see alike and what changes at any time.
pub(crate) const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=1");

static STANDING_STILL: LazyLock<Query> = LazyLock::new(|| {
    Query::same(include_str!("sql/list_offers_that_stand_still.sql")).by_index("offer_stands_still")
});
const SOLD_OUT_OVER_PARTITIONS: Query =
    Query::same(include_str!("sql/list_offers_sold_out_over_partitions.sql"));
static LAST_CLOSED: LazyLock<Query> = LazyLock::new(|| {
    Query::same(include_str!("sql/list_last_closed_offers.sql")).by_index("offer_was_closed_at")
});

#[derive(sql_macros::FromRow)]
struct GateRow {
    offer_id: String,
    phase: String,
    opens_at: Option<i64>,
    closes_at: Option<i64>,
    stock: Option<i64>,
    sold: i64,
}

pub(crate) async fn get_gates(
    Fresh(mut reading): Fresh,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let now = time(now(reading.as_of()))?;
    let one_more = i64::try_from(GATES_MAX + 1).unwrap_or(i64::MAX);
    let mut items = vec![];
    let mut more = false;
    let is_shared = reading.as_of().partitions().count() > 1;
    let over_partitions = is_shared.then_some(SOLD_OUT_OVER_PARTITIONS);
    let queries = [Some(*STANDING_STILL), over_partitions, Some(*LAST_CLOSED)];
    for query in queries.into_iter().flatten() {
        let rows: Vec<GateRow> = reading.all(query, &[one_more.into()]).await.map_err(failed)?;
        more |= rows.len() > GATES_MAX;
        for row in rows {
            items.extend(gate(row, now)?);
        }
    }
    more |= items.len() > GATES_MAX;
    items.truncate(GATES_MAX);
    let mut answer = json_with_etag(&headers, &GatesBody { items, more })?;
    answer.headers_mut().insert(CACHE_CONTROL, KEPT);
    Ok(answer)
}

/// Nothing of an offer that is outside of its window.
fn gate(row: GateRow, now: Timestamp) -> Result<Option<GateBody>, Problem> {
    let status = status_of(&row.phase, [row.opens_at, row.closes_at], (row.stock, row.sold), now)?;
    let is_gate = match status {
        OfferStatus::Paused | OfferStatus::SoldOut => true,
        OfferStatus::Closed => row.closes_at.is_none_or(|closes_at| now.micros() < closes_at),
        OfferStatus::Ended | OfferStatus::Scheduled | OfferStatus::Open => false,
    };
    let offer_id = text(&row.offer_id)?;
    Ok(is_gate.then_some(GateBody { offer_id, status }))
}

/// What an offer is at a time, by its row.
pub(crate) fn status_of(
    phase: &str,
    [opens_at, closes_at]: [Option<i64>; 2],
    (stock, sold): (Option<i64>, i64),
    now: Timestamp,
) -> Result<OfferStatus, Problem> {
    let phase = match phase {
        "open" => [false, false],
        "paused" => [false, true],
        "closed" => [true, false],
        other => return Err(broken(other, &"no offer has this phase")),
    };
    let window = [optional_time(opens_at)?, optional_time(closes_at)?];
    let remaining = stock.map(|stock| sum((stock - sold).max(0))).transpose()?;
    Ok(OfferStatus::of(phase, window, remaining, now))
}
