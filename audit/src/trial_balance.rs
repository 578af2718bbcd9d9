//! `GET /v1/trial-balance`: what the log adds up to at a moment, of each unit.
//!
//! It is made of the log alone, from its beginning. What was added up once is kept in memory
//! (`kept.rs`), so the next moment is reckoned from the one before it.

mod add_up;
mod books;
mod kept;
mod lines;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse as _, Response};
use domain::UnitId;
use event_store::{EventStore, StoreError};
use log_record::{Head, Partition, Place};
use query_api::{accepted, wanted_positions};
use read_model::Total;
use serde::Deserialize;
use tokio::time::Instant;
use wire::body::{LiabilityBody, LiabilityMonthBody, Sum, TrialBalanceBody, UnitTrialBalanceBody};
use wire::{Moment, Problem, QueryString, json_with_etag};

use crate::AuditApi;
use crate::events::unreadable;
use crate::until::last_by;

pub use add_up::{AddUpError, add_up};
pub use books::{Books, LastEvent, UnitBooks};
pub(crate) use kept::KeptBooks;
pub use lines::{TrialLine, trial_lines};

/// How long a call adds up events, at most: the proxy of `docs/operations/nginx/` gives up after 10
/// seconds, and what was added up is kept for the next call.
const ADD_UP_MAX: Duration = Duration::from_secs(8);

const CSV: (HeaderName, &str) = (CONTENT_TYPE, "text/csv; charset=utf-8; header=present");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrialBalanceQuery {
    at: Option<Moment>,
}

/// A moment that the log doesn't have.
#[derive(Debug, thiserror::Error)]
pub enum MomentError {
    /// The position is after the end.
    #[error("is after the end of the log, which is at {0}")]
    AfterEnd(Place),
    /// The partition isn't there.
    #[error("is in a partition that the log doesn't have")]
    NoSuchPartition,
    /// A position is no moment of the other partitions.
    #[error("is an event of one of {0} partitions, and no moment of the others; name a time")]
    OneOfSeveral(u16),
    /// The log can't be read.
    #[error("the log can't be read")]
    Read(#[from] StoreError),
}

pub(crate) async fn get_trial_balance(
    State(api): State<AuditApi>,
    QueryString(query): QueryString<TrialBalanceQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // A read of the log has all that was answered; a position that can't be is refused.
    wanted_positions(&api.query, &headers)?;
    api.query.check_may_ask()?;
    let deadline = Instant::now() + ADD_UP_MAX;
    let ends = ends_at(&api.store, query.at).await.map_err(|error| match error {
        MomentError::Read(error) => unreadable(error),
        asked => Problem::invalid_query("at", asked),
    })?;
    let up_to = |end, _| api.books.at(&api.store, end, deadline);
    let books = add_up_together(api.store.partitions(), ends, up_to).await?;
    let body = trial_balance(&books);
    let is_csv = accepted(&headers).iter().find_map(|range| match range.as_str() {
        "text/csv" => Some(true),
        "application/json" => Some(false),
        _ => None,
    });
    if is_csv == Some(true) {
        return Ok(([CSV], TrialLine::csv(&trial_lines(&body))).into_response());
    }
    json_with_etag(&headers, &body)
}

/// The last event of each partition that a moment includes; without one, the log's ends. Where
/// there are several partitions, a position is no moment: what the others had received by its time
/// may have been sent after it.
pub async fn ends_at(store: &EventStore, at: Option<Moment>) -> Result<Vec<Place>, MomentError> {
    let at = match at {
        None => {
            // Of one moment: what one partition has received, another has sent.
            let heads = store.heads().await?.into_iter();
            return Ok(heads
                .map(|(partition, Head { position, .. })| Place { partition, position })
                .collect());
        }
        Some(Moment::Position(place)) => {
            if place.partition.0 >= store.partitions() {
                return Err(MomentError::NoSuchPartition);
            }
            if store.partitions() > 1 {
                return Err(MomentError::OneOfSeveral(store.partitions()));
            }
            let position = store.head(place.partition).await?.position;
            if place.position > position {
                return Err(MomentError::AfterEnd(Place { position, ..place }));
            }
            return Ok(vec![place]);
        }
        Some(Moment::Time(time)) => time,
    };
    let mut ends = vec![];
    for partition in (0..store.partitions()).map(Partition) {
        ends.push(Place { partition, position: last_by(store, partition, at).await? });
    }
    Ok(ends)
}

/// The sums of each partition up to its end; and further, where others have received what it sent
/// after that. So no credit came that hasn't left. `up_to` adds a partition up to an end, from the
/// sums that it had so far.
pub async fn add_up_together<E, F>(
    partitions: u16,
    ends: Vec<Place>,
    mut up_to: impl FnMut(Place, Books) -> F,
) -> Result<Vec<Books>, E>
where
    F: Future<Output = Result<Books, E>>,
{
    let mut books = vec![Books::default(); usize::from(partitions)];
    let mut missing = ends;
    while !missing.is_empty() {
        for end in missing {
            let Some(of) = books.get_mut(usize::from(end.partition.0)) else { continue };
            *of = up_to(end, std::mem::take(of)).await?;
        }
        missing = sent_beyond(&books);
    }
    Ok(books)
}

/// Up to where partitions must be added up, too, because others have received what they sent after
/// their ends.
fn sent_beyond(books: &[Books]) -> Vec<Place> {
    let ends = (0..).map(Partition).zip(books.iter().map(Books::position));
    let beyond = ends.filter_map(|(partition, end)| {
        let sent = books.iter().filter_map(|other| other.received_from(partition)).max();
        let position = sent.filter(|sent| *sent > end)?;
        Some(Place { partition, position })
    });
    beyond.collect()
}

/// What all partitions add up to; one of these sums for each.
#[must_use]
pub fn trial_balance(books: &[Books]) -> TrialBalanceBody {
    let mut units = BTreeMap::<UnitId, UnitBooks>::new();
    for (unit, sums) in books.iter().flat_map(Books::units) {
        units.entry(*unit).or_default().join(sums);
    }
    let points = units.remove(&UnitId::POINTS).unwrap_or_default();
    let all = std::iter::once((UnitId::POINTS, points)).chain(units);
    let positions = (0..).zip(books).map(|(partition, books)| {
        Place { partition: Partition(partition), position: books.position() }.to_string()
    });
    TrialBalanceBody {
        position: positions.collect::<Vec<_>>().join(","),
        recorded_at: books.iter().filter_map(Books::last).map(|last| last.recorded_at).max(),
        units: all.map(|(unit, sums)| unit_body(unit, &sums)).collect(),
    }
}

fn unit_body(unit: UnitId, sums: &UnitBooks) -> UnitTrialBalanceBody {
    let of = |total: Total| sums.total(total);
    let in_transit = of(Total::Sent) - of(Total::Received);
    let came = [Total::Issued, Total::Refunded, Total::ConvertedIn, Total::Owed];
    let went = [
        Total::Available,
        Total::Held,
        Total::Pending,
        Total::Redeemed,
        Total::Expired,
        Total::Withdrawn,
        Total::ConvertedOut,
    ];
    let sum_in: i128 = came.into_iter().map(of).sum();
    let sum_out: i128 = went.into_iter().map(of).sum::<i128>() + in_transit;
    let months = sums.months();
    let total = months.values().sum();
    let months = months.into_iter();
    let months = months.map(|(month, points)| LiabilityMonthBody { month, points: Sum(points) });
    UnitTrialBalanceBody {
        unit,
        issued: Sum(of(Total::Issued)),
        refunded: Sum(of(Total::Refunded)),
        converted_in: Sum(of(Total::ConvertedIn)),
        debt: Sum(of(Total::Owed)),
        sum_in: Sum(sum_in),
        available: Sum(of(Total::Available)),
        held: Sum(of(Total::Held)),
        pending: Sum(of(Total::Pending)),
        in_transit: Sum(in_transit),
        redeemed: Sum(of(Total::Redeemed)),
        expired: Sum(of(Total::Expired)),
        withdrawn: Sum(of(Total::Withdrawn)),
        converted_out: Sum(of(Total::ConvertedOut)),
        sum_out: Sum(sum_out),
        difference: Sum(sum_in - sum_out),
        liability: LiabilityBody { months: months.collect(), total: Sum(total) },
    }
}
