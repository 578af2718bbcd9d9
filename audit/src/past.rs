//! What there was at a moment: the events of one account, exchange or offer up to then, found by
//! the read tables' places, put into tables of their own.

use std::sync::Arc;
use std::time::Duration;

use domain::{OfferId, Timestamp};
use event_store::{EventStore, StoreError, with_causes};
use log_record::{PackedPlace, Partition, Place, Position, RecordedEvent};
use projector::{Past, ProjectError};
use query_api::{PastOf, ReadPast, failed, unread};
use read_model::{PROGRAMME, Query, ReadModel, Reading};
use tokio::sync::Semaphore;
use wire::{Moment, Problem};

use crate::places::{
    Found, places_of_account, places_of_exchange, places_of_offer, places_of_subject,
};
use crate::read_places::read_places;
use crate::until::{Until, last_by};

const SUM_SOLD: Query = Query::same(include_str!("sql/sum_sold.sql"));

/// How many events of an account, an exchange or an offer are put into tables for one answer, which
/// takes about a second.
const EVENTS_MAX: usize = 100_000;

/// How many answers are made at the same time: each may take some hundred megabytes.
const MADE_AT_ONCE: usize = 4;

/// How many places are asked for at a time.
const PLACES_AT_ONCE: u32 = 2_000;

/// Answers what there was, for the query API.
#[must_use]
pub fn read_past(store: EventStore, read_model: ReadModel, wait_max: Duration) -> ReadPast {
    let turns = Semaphore::new(MADE_AT_ONCE);
    let reader = Arc::new(PastReader { store, read_model, wait_max, turns });
    Arc::new(move |of, at| {
        let reader = Arc::clone(&reader);
        Box::pin(async move { reader.read(&of, at).await })
    })
}

/// Whose events are looked for.
#[derive(Clone, Copy)]
enum Subject<'a> {
    /// Those of units and ladders, which every account's credit goes by.
    Programme,
    Asked(&'a PastOf),
}

impl Subject<'_> {
    async fn places(self, tables: &mut Reading, after: i64) -> Result<Found, Problem> {
        let limit = PLACES_AT_ONCE;
        match self {
            Self::Programme => places_of_subject(tables, PROGRAMME, after, limit).await,
            Self::Asked(PastOf::Account(account_id)) => {
                places_of_account(tables, account_id, after, limit).await
            }
            Self::Asked(PastOf::Exchange(account_id, exchange_id)) => {
                places_of_exchange(tables, Some(account_id), exchange_id, after, limit).await
            }
            Self::Asked(PastOf::Offer(offer_id)) => {
                places_of_offer(tables, offer_id, after, limit).await
            }
        }
    }
}

struct PastReader {
    store: EventStore,
    read_model: ReadModel,
    wait_max: Duration,
    turns: Semaphore,
}

impl PastReader {
    async fn read(&self, of: &PastOf, at: Moment) -> Result<Reading, Problem> {
        let partition = match of {
            PastOf::Account(account_id) | PastOf::Exchange(account_id, _) => {
                account_id.partition(self.store.partitions())
            }
            PastOf::Offer(offer_id) => offer_id.home(self.store.partitions()),
        };
        let turn = self.turns.acquire().await.map_err(|_| Problem::internal())?;
        let (until, contained) = self.until(partition, at).await?;
        let mut wanted = vec![Place { partition, position: contained }];
        if let PastOf::Offer(_) = of {
            wanted.extend(self.other_ends(partition, until.time).await?);
        }
        let begun = self.read_model.read(&wanted, self.wait_max).await;
        let mut tables = begun.map_err(unread)?;
        let mut events = self.events(&mut tables, until, Subject::Asked(of)).await?;
        let mut sold = None;
        match of {
            PastOf::Account(_) => {
                events.extend(self.events(&mut tables, until, Subject::Programme).await?);
            }
            // What moved credit needs all of the account's credit.
            PastOf::Exchange(..) => events.retain(is_of_exchange),
            PastOf::Offer(offer_id) => {
                sold = Some((offer_id.clone(), sum_sold(&mut tables, offer_id, until).await?));
            }
        }
        drop(tables);
        let past = Past { partition, events: in_order(events), sold, time: until.time };
        let made = past.read(self.store.log_id()).await.map_err(unprojected);
        drop(turn);
        made
    }

    /// The moment, and up to where the tables must be.
    async fn until(&self, partition: Partition, at: Moment) -> Result<(Until, Position), Problem> {
        let head = self.store.head(partition).await.map_err(unreadable)?.position;
        match at {
            Moment::Time(time) => Ok((Until::time(partition, time), head)),
            Moment::Position(place) if place.partition != partition => {
                let complaint = format!("must be a position of partition {partition}");
                Err(Problem::invalid_query("at", complaint))
            }
            Moment::Position(place) if place.position > head => {
                let complaint =
                    format!("is after the end of the log, which is at {partition}:{head}");
                Err(Problem::invalid_query("at", complaint))
            }
            Moment::Position(place) => {
                let until = Until::place(&self.store, place).await.map_err(unreadable)?;
                Ok((until, place.position))
            }
        }
    }

    /// Where the other partitions were at a time: an offer is sold in each of them.
    async fn other_ends(&self, home: Partition, time: Timestamp) -> Result<Vec<Place>, Problem> {
        let mut ends = vec![];
        for partition in (0..self.store.partitions()).map(Partition).filter(|it| *it != home) {
            let position = last_by(&self.store, partition, time).await.map_err(unreadable)?;
            ends.push(Place { partition, position });
        }
        Ok(ends)
    }

    /// The events about a subject up to a moment.
    async fn events(
        &self,
        tables: &mut Reading,
        until: Until,
        subject: Subject<'_>,
    ) -> Result<Vec<RecordedEvent>, Problem> {
        let (mut events, mut after) = (vec![], 0);
        loop {
            let found = subject.places(tables, after).await?;
            let read = read_places(&self.store, &found.places).await.map_err(unreadable)?;
            let is_over = read.last().is_some_and(|last| !until.includes(last));
            events.extend(read.into_iter().filter(|event| until.includes(event)));
            if events.len() > EVENTS_MAX {
                let complaint = format!(
                    "is a moment with more than {EVENTS_MAX} events before it, which are too many \
                     for a call; use `guerdon audit replay`"
                );
                return Err(Problem::invalid_query("at", complaint));
            }
            let Some(next) = found.next else { return Ok(events) };
            // What follows one that came later in its partition came later, too.
            let end = PackedPlace::from_i64(next).last_of_partition();
            after = if is_over { end.as_i64() } else { next };
        }
    }
}

/// What was taken of an offer by then, without what came back.
async fn sum_sold(tables: &mut Reading, offer_id: &OfferId, until: Until) -> Result<i64, Problem> {
    let [last, end] = until.last_places();
    let time = until.time.micros();
    let arguments = [offer_id.as_str().into(), time.into(), last.into(), end.into()];
    let (sold,): (i64,) = tables.one(SUM_SOLD, &arguments).await.map_err(failed)?;
    Ok(sold)
}

/// Whether units of an offer may be kept by it, or come back.
pub(crate) fn is_of_hold(event: &RecordedEvent) -> bool {
    matches!(
        &*event.event_type,
        "credit-held" | "hold-captured" | "hold-released" | "wait-served" | "wait-ended"
    )
}

/// Whether an event says what became of an exchange.
pub(crate) fn is_of_exchange(event: &RecordedEvent) -> bool {
    let name = &*event.event_type;
    name.starts_with("exchange-") || name.starts_with("shipment-")
}

/// Events of several partitions, in the order in which they were recorded.
pub(crate) fn in_order(mut events: Vec<RecordedEvent>) -> Vec<RecordedEvent> {
    events.sort_by_key(|event| (event.recorded_at, PackedPlace::from(event.place)));
    events
}

#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err as it is")]
fn unreadable(error: StoreError) -> Problem {
    let why = with_causes(&error);
    tracing::error!(why, "the log can't be read");
    Problem::log_unreachable()
}

#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err as it is")]
fn unprojected(error: ProjectError) -> Problem {
    let why = with_causes(&error);
    tracing::error!(why, "the tables of a past moment can't be made");
    Problem::internal()
}
