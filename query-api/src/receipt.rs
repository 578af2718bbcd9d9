//! A receipt of an exchange: its events, each with the proof that a signed checkpoint has it.
//!
//! The read tables know where the events stand. What they say and what proves them is in the log,
//! where this crate can't look: whoever starts the API gives it a function that does
//! ([`ProveEvents`]).

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use axum::Json;
use axum::extract::State;
use domain::{AccountId, ExchangeId, PRICES_MAX};
use futures_util::future::BoxFuture;
use log_record::{Place, Position, RecordedEvent};
use read_model::{Argument, Query};
use serde::Deserialize;
use wire::body::{ReceiptBody, ReceiptEventBody};
use wire::{PathIds, Problem};

use crate::cell::split_place;
use crate::freshness::Fresh;
use crate::{QueryApi, failed};

/// How many commands' events a receipt has at most: far more than an exchange has cancellations and
/// parcels, so that a receipt stays below some megabytes.
const COMMANDS_MAX: usize = 1_000;

static PLACES: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/select_exchange_places.sql")));

/// Reads the events at these places, which are in the order of the log, and proves those that are
/// wanted; nothing where none is.
pub type ProveEvents = Arc<
    dyn Fn(Vec<Place>, IsWanted) -> BoxFuture<'static, Result<Option<ProvedEvents>, Unproved>>
        + Send
        + Sync,
>;

/// Whether an event belongs to what is asked for.
pub type IsWanted = Box<dyn Fn(&RecordedEvent) -> bool + Send + Sync>;

/// Events, and the signed checkpoint that has them.
#[derive(Clone, Debug)]
pub struct ProvedEvents {
    /// The signed note of the checkpoint.
    pub checkpoint: String,
    /// The notes in which a key handed over to the next.
    pub handovers: Vec<String>,
    /// Each event with its fixed record in base64 and its proof.
    pub events: Vec<(RecordedEvent, String, Vec<String>)>,
}

/// Why nothing was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproved {
    /// The last of the events isn't sealed yet.
    NotSealed {
        /// Its place.
        wanted: Place,
        /// Up to where the log is sealed.
        reached: Place,
    },
    /// This process seals nothing.
    NotHere,
    /// The log can't be read for now, and the program's log says why.
    LogUnread,
    /// Something is wrong, and the program's log says what.
    Wrong,
}

/// The place of an event that is about an exchange.
#[derive(sql_macros::FromRow)]
struct PlaceRow {
    place: i64,
}

pub(crate) async fn get_receipt(
    State(api): State<QueryApi>,
    Fresh(mut reading): Fresh,
    PathIds(account_id, exchange_id): PathIds<AccountId, ExchangeId>,
) -> Result<Json<ReceiptBody>, Problem> {
    let path = format!("accounts/{account_id}/exchanges/{exchange_id}");
    // What is below the path: '0' is the character after '/'.
    let (from, to) = (format!("{path}/"), format!("{path}0"));
    let most = i64::try_from(COMMANDS_MAX + 1).unwrap_or(i64::MAX);
    let arguments: [Argument<'_>; 5] = [
        account_id.as_str().into(),
        exchange_id.as_str().into(),
        from.as_str().into(),
        to.as_str().into(),
        most.into(),
    ];
    let rows: Vec<PlaceRow> = reading.all(*PLACES, &arguments).await.map_err(failed)?;
    // Nothing of the read model is held while the log is signed.
    drop(reading);
    let complete = rows.len() <= COMMANDS_MAX;
    let places: Vec<Place> =
        rows.iter().take(COMMANDS_MAX).map(|row| split_place(row.place)).collect();
    if places.is_empty() {
        let detail = format!("The account {account_id} has no exchange {exchange_id}.");
        return Err(Problem::not_found(detail));
    }
    let (account, exchange) = (account_id.clone(), exchange_id.clone());
    let is_wanted = move |event: &RecordedEvent| {
        event.account_id.as_deref() == Some(account.as_str())
            && serde_json::from_str::<Named>(&event.public)
                .is_ok_and(|named| named.exchange_id.as_deref() == Some(exchange.as_str()))
    };
    let proved = (api.prove_events)(with_credit(&places), Box::new(is_wanted)).await;
    let proved = proved.map_err(unproved)?;
    let has = |proved: &ProvedEvents, place| proved.events.iter().any(|it| it.0.place == place);
    let proved = proved.filter(|proved| places.iter().all(|place| has(proved, *place)));
    let Some(ProvedEvents { checkpoint, handovers, events }) = proved else {
        let error = "the log has other events where the read tables have the exchange's";
        tracing::error!(%account_id, %exchange_id, error, "a receipt can't be made");
        return Err(Problem::internal());
    };
    let events = events.into_iter().map(body).collect();
    Ok(Json(ReceiptBody { account_id, exchange_id, complete, checkpoint, handovers, events }))
}

/// Why nothing was proved, as an answer.
pub(crate) fn unproved(why: Unproved) -> Problem {
    match why {
        Unproved::NotSealed { wanted, reached } => Problem::not_sealed(wanted, reached),
        Unproved::NotHere => Problem::sealed_elsewhere(),
        Unproved::LogUnread => Problem::log_unreachable(),
        Unproved::Wrong => Problem::internal(),
    }
}

/// The places, and those before each that may have the credit of the same command: a redemption
/// and a cancellation move credit of each unit by an event of its own, which no table names.
fn with_credit(places: &[Place]) -> Vec<Place> {
    let most = PRICES_MAX as u64;
    let before = |place: &Place| {
        let first = place.position.0.saturating_sub(most).max(1);
        let (partition, last) = (place.partition, place.position.0);
        (first..=last).map(move |at| Place { partition, position: Position(at) })
    };
    let all: BTreeSet<Place> = places.iter().flat_map(before).collect();
    all.into_iter().collect()
}

/// The field of a public text that says which exchange an event is of.
#[derive(Deserialize)]
struct Named {
    exchange_id: Option<String>,
}

/// An event, as the body of an answer has it.
pub(crate) fn body(
    (event, entry, proof): (RecordedEvent, String, Vec<String>),
) -> ReceiptEventBody {
    ReceiptEventBody {
        position: event.place,
        r#type: event.event_type.into(),
        public: event.public.into(),
        entry,
        proof,
    }
}

#[cfg(test)]
mod tests {
    use log_record::Partition;

    use super::*;

    #[test]
    fn the_credit_of_each_unit_is_looked_for_before_an_event() {
        let at = |position| Place { partition: Partition(2), position: Position(position) };
        let found = |places: &[u64]| -> Vec<u64> {
            let places: Vec<Place> = places.iter().map(|position| at(*position)).collect();
            with_credit(&places).iter().map(|place| place.position.0).collect()
        };
        assert_eq!(found(&[20]), [16, 17, 18, 19, 20]);
        assert_eq!(found(&[3, 5]), [1, 2, 3, 4, 5]);
        assert_eq!(found(&[10, 30]), [6, 7, 8, 9, 10, 26, 27, 28, 29, 30]);
    }
}
