//! `GET /v1/gates`: what takes no redemptions now, as one small document for pages, load balancers
//! and CDNs; and which switches are on. What is outside of its window isn't in it, for the window
//! itself says so. A redemption may be sent all the same: it may be a repeat.

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::{OfferStatus, SwitchName, Timestamp};
use log_record::Partition;
use read_model::{Query, Reading};
use wire::body::{GateBody, GatesBody};
use wire::{Problem, Switches};

use crate::cache::PublicRead;
use crate::cell::{broken, optional_time, sum, text, time};
use crate::clock::now;
use crate::{QueryApi, failed};

/// How many there are in the document at most: some twenty kilobytes.
const GATES_MAX: usize = 400;

/// Shows that there are more.
const ONE_MORE: u32 = 401;

static STANDING_STILL: LazyLock<Query> = LazyLock::new(|| {
    Query::same(include_str!("sql/list_offers_that_stand_still.sql")).by_index("offer_stands_still")
});
const SOLD_OUT_OVER_PARTITIONS: Query =
    Query::same(include_str!("sql/list_offers_sold_out_over_partitions.sql"));
static LAST_CLOSED: LazyLock<Query> = LazyLock::new(|| {
    Query::same(include_str!("sql/list_last_closed_offers.sql")).by_index("offer_was_closed_at")
});
static LAST_CLOSED_OF_WINDOWS: LazyLock<Query> = LazyLock::new(|| {
    Query::same(include_str!("sql/list_last_closed_offers_of_windows.sql"))
        .by_index("offer_is_closed_until")
});

#[derive(sql_macros::FromRow)]
struct GateRow {
    offer_id: String,
    phase: String,
    opens_at: Option<i64>,
    closes_at: Option<i64>,
    stock: Option<i64>,
    sold: i64,
    position: i64,
}

pub(crate) async fn get_gates(
    State(api): State<QueryApi>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.shown(&headers, &PublicRead::Gates).await?.answer(&headers)
}

/// The gates at the time of a read.
pub(crate) async fn read_gates(
    reading: &mut Reading,
    switches: &Switches,
) -> Result<GatesBody, Problem> {
    let now = time(now(reading.as_of()))?;
    let (mut items, mut more) = (vec![], false);
    let partitions: Vec<Partition> = reading.as_of().partitions().collect();
    let over_partitions = (partitions.len() > 1).then_some(SOLD_OUT_OVER_PARTITIONS);
    for query in [Some(*STANDING_STILL), over_partitions].into_iter().flatten() {
        let arguments = [ONE_MORE.into(), now.micros().into()];
        let rows: Vec<GateRow> = reading.all(query, &arguments).await.map_err(failed)?;
        more |= rows.len() > GATES_MAX;
        for row in rows {
            items.extend(gate(row, now)?);
        }
    }
    for row in last_closed(reading, &partitions, now).await? {
        items.extend(gate(row, now)?);
    }
    more |= items.len() > GATES_MAX;
    items.truncate(GATES_MAX);
    Ok(GatesBody { items, more, switches: names_of_those_on(switches) })
}

pub(crate) fn names_of_those_on(switches: &Switches) -> Vec<SwitchName> {
    switches.all_on().into_iter().map(|it| it.switch).collect()
}

/// Offers that were closed, the last one of each partition first: between partitions there is no
/// order.
async fn last_closed(
    reading: &mut Reading,
    partitions: &[Partition],
    now: Timestamp,
) -> Result<Vec<GateRow>, Problem> {
    let mut ranked = vec![];
    for partition in partitions {
        let arguments = [ONE_MORE.into(), i64::from(partition.0).into(), now.micros().into()];
        let (endless, of_windows) = (&arguments[..2], &arguments[..]);
        let mut rows: Vec<GateRow> = reading.all(*LAST_CLOSED, endless).await.map_err(failed)?;
        let more: Vec<GateRow> =
            reading.all(*LAST_CLOSED_OF_WINDOWS, of_windows).await.map_err(failed)?;
        rows.extend(more);
        rows.sort_by_key(|row| std::cmp::Reverse(row.position));
        ranked.extend(rows.into_iter().enumerate());
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    Ok(ranked.into_iter().map(|(_, row)| row).collect())
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
