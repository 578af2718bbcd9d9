//! The log read from its beginning to a moment, by nothing but itself: no read table is asked, and
//! no snapshot.

use std::collections::BTreeMap;
use std::pin::pin;

use command_api::{LoadError, load};
use domain::{
    AccountId, Allocation, Event, ExchangeId, HoldCaptured, HoldReleased, Impossible, Keeps,
    OfferId, PROGRAMME_HOME, State, Timestamp,
};
use event_schema::{DecodeError, decode};
use event_store::{EventStore, StoreError};
use futures_util::stream::{self, Stream, StreamExt as _};
use log_record::{Partition, Place, Position, RecordedEvent};
use projector::{Past, ProjectError};
use query_api::PastOf;
use read_model::Reading;
use tokio::task::JoinError;
use wire::Moment;

use crate::past::{in_order, is_of_exchange, is_of_hold};
use crate::until::{last_by, time_at};

/// How many events are read at a time.
const CHUNK_EVENTS: usize = 4_096;

/// How many chunks are read ahead.
const CHUNKS_AHEAD: usize = 4;

/// A log that can't be replayed to a moment.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "a variant's sentence explains its fields")]
pub enum ReplayError {
    /// The log can't be read.
    #[error("the log can't be read")]
    Read(#[from] StoreError),
    /// The log gives no state.
    #[error("the log can't be folded into a state")]
    Load(#[from] LoadError),
    /// An event can't be decoded.
    #[error("an event can't be decoded")]
    Decode(#[from] DecodeError),
    /// What falls due can't follow.
    #[error("what falls due by then can't follow the log")]
    Due(#[from] Impossible),
    /// The tables of then can't be made.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A thread that read ahead has failed.
    #[error("reading the log was cut short")]
    CutShort(#[from] JoinError),
    /// The log ends before the moment.
    #[error("the log ends at {end}, before {asked}; name an earlier moment")]
    BeyondEnd { asked: Place, end: Place },
    /// A position is of one partition.
    #[error("{asked} is a position of partition {}, and not of {of}; name a time", asked.partition)]
    OtherPartition { asked: Place, of: Partition },
    /// Nobody knows in which partition an exchange is.
    #[error(
        "the exchange {exchange_id} is in the partition of its account, and this log has \
         {partitions} partitions; name its account: --account"
    )]
    OfUnknownAccount { exchange_id: ExchangeId, partitions: u16 },
    /// Events that are recorded together are there together.
    #[error(
        "the event at {asked} was recorded together with the next one; name the event before them \
         or the last of them"
    )]
    WithinAnAppend { asked: Place },
}

/// A moment in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Then {
    /// The last event that it includes.
    pub last: Place,
    /// The time: what fell due by then counts as done.
    pub time: Timestamp,
}

impl Then {
    /// Finds a moment in a partition; without one, the end of the log.
    pub async fn find(
        store: &EventStore,
        partition: Partition,
        moment: Option<Moment>,
    ) -> Result<Self, ReplayError> {
        let end = Place { partition, position: store.head(partition).await?.position };
        let last = match moment {
            None => end,
            Some(Moment::Time(time)) => {
                let position = last_by(store, partition, time).await?;
                return Ok(Self { last: Place { partition, position }, time });
            }
            Some(Moment::Position(asked)) if asked.partition != partition => {
                return Err(ReplayError::OtherPartition { asked, of: partition });
            }
            Some(Moment::Position(asked)) if asked.position > end.position => {
                return Err(ReplayError::BeyondEnd { asked, end });
            }
            Some(Moment::Position(asked)) => asked,
        };
        Ok(Self { last, time: time_at(store, last).await? })
    }
}

/// The state after the last event of a moment, folded from the log's first event on: by the code
/// that a restart uses, without its snapshots.
pub async fn replay(store: &EventStore, then: Then) -> Result<State, ReplayError> {
    let Place { partition, position } = then.last;
    match load(store, partition, None, position).await {
        Ok(loaded) => Ok(loaded.state),
        Err(LoadError::HalfAPair { .. }) => Err(ReplayError::WithinAnAppend { asked: then.last }),
        Err(error) => Err(error.into()),
    }
}

/// Of what a replay is asked.
#[derive(Clone, Debug)]
pub enum ReplayOf {
    /// An account.
    Account(AccountId),
    /// The exchanges with an id, of an account or of all.
    Exchange(Option<AccountId>, ExchangeId),
    /// An offer.
    Offer(OfferId),
}

impl ReplayOf {
    /// The partition that it is in.
    pub fn partition(&self, partitions: u16) -> Result<Partition, ReplayError> {
        Ok(match self {
            Self::Account(account_id) | Self::Exchange(Some(account_id), _) => {
                account_id.partition(partitions)
            }
            Self::Offer(offer_id) => offer_id.home(partitions),
            Self::Exchange(None, _) if partitions <= 1 => PROGRAMME_HOME,
            Self::Exchange(None, exchange_id) => {
                let exchange_id = exchange_id.clone();
                return Err(ReplayError::OfUnknownAccount { exchange_id, partitions });
            }
        })
    }

    /// The other partitions that have something of it: the programme's that of units, and for an
    /// offer all, because accounts of each have redeemed it.
    fn others(&self, partition: Partition, partitions: u16) -> Vec<Partition> {
        let mut others = match self {
            Self::Account(_) => vec![PROGRAMME_HOME],
            Self::Exchange(..) => vec![],
            Self::Offer(_) => (0..partitions).map(Partition).collect(),
        };
        others.retain(|other| *other != partition);
        others
    }

    /// Whether an event tells what there is of it. Those of an exchange that moved credit don't.
    fn needs(&self, event: &RecordedEvent) -> bool {
        match self {
            Self::Account(account_id) => is_of_account(event, account_id) || is_of_units(event),
            Self::Exchange(account_id, exchange_id) => {
                is_of_exchange(event)
                    && account_id.as_ref().is_none_or(|account_id| is_of_account(event, account_id))
                    && names(event, exchange_id.as_str())
            }
            Self::Offer(offer_id) => {
                (event.account_id.is_none() || is_of_exchange(event) || is_of_hold(event))
                    && names(event, offer_id.as_str())
            }
        }
    }

    /// Whether an event is a part of its story.
    fn tells(&self, event: &RecordedEvent) -> bool {
        match self {
            Self::Account(account_id) => is_of_account(event, account_id),
            Self::Exchange(account_id, exchange_id) => {
                event.account_id.is_some()
                    && account_id.as_ref().is_none_or(|account_id| is_of_account(event, account_id))
                    && names(event, exchange_id.as_str())
            }
            Self::Offer(offer_id) => event.account_id.is_none() && names(event, offer_id.as_str()),
        }
    }

    /// Whether a decoded event is about it. A text may have the same id as another thing's.
    fn is_about(&self, event: &Event) -> bool {
        match self {
            Self::Account(account_id) => event.account_id() == Some(account_id),
            Self::Exchange(_, exchange_id) => event.exchange_id() == Some(exchange_id),
            Self::Offer(offer_id) => event.offer_id() == Some(offer_id),
        }
    }
}

/// The tables as they were at a moment, of each thing that was asked for.
pub async fn tables_at(
    store: &EventStore,
    of: &ReplayOf,
    then: Then,
    told: impl Fn(u64),
) -> Result<Vec<(PastOf, Reading)>, ReplayError> {
    let asked = of.clone();
    let needed = move |event: &RecordedEvent| asked.needs(event);
    let mut events = select(store, then.last, needed, told).await?;
    let partition = then.last.partition;
    for other in of.others(partition, store.partitions()) {
        let position = last_by(store, other, then.time).await?;
        let (last, asked) = (Place { partition: other, position }, of.clone());
        let needed = move |event: &RecordedEvent| asked.needs(event);
        events.extend(select(store, last, needed, |_| {}).await?);
    }
    let log_id = store.log_id();
    let past = |events, sold| Past { partition, events: in_order(events), sold, time: then.time };
    let mut tables = vec![];
    match of {
        ReplayOf::Account(account_id) => {
            let reading = past(events, None).read(log_id).await?;
            tables.push((PastOf::Account(account_id.clone()), reading));
        }
        ReplayOf::Exchange(_, exchange_id) => {
            let mut of_accounts = BTreeMap::<AccountId, Vec<RecordedEvent>>::new();
            for row in events {
                let (_, event) = decode(&row)?;
                if let Some(account_id) = event.account_id().filter(|_| of.is_about(&event)) {
                    of_accounts.entry(account_id.clone()).or_default().push(row);
                }
            }
            for (account_id, events) in of_accounts {
                let reading = past(events, None).read(log_id).await?;
                tables.push((PastOf::Exchange(account_id, exchange_id.clone()), reading));
            }
        }
        ReplayOf::Offer(offer_id) => {
            let (mut own, mut sold) = (vec![], 0);
            for row in events {
                let (_, event) = decode(&row)?;
                match units_sold(&event, offer_id) {
                    Some(units) => sold += units,
                    None if of.is_about(&event) => own.push(row),
                    None => {}
                }
            }
            let reading = past(own, Some((offer_id.clone(), sold))).read(log_id).await?;
            tables.push((PastOf::Offer(offer_id.clone()), reading));
        }
    }
    Ok(tables)
}

/// How many units of an offer an event sells, less those that it gives back; nothing where it does
/// neither.
fn units_sold(event: &Event, offer_id: &OfferId) -> Option<i64> {
    let kept = |keeps: &Keeps| match keeps.reservation() {
        Some(kept) if kept.offer_id == *offer_id => units(&kept.allocation),
        _ => 0,
    };
    match event {
        Event::ExchangeCreated(_, fact) if fact.offer_id == *offer_id => {
            Some(units(&fact.allocation))
        }
        Event::CreditHeld(_, fact) => Some(kept(&fact.keeps)),
        Event::WaitServed(_, fact) if fact.offer_id == *offer_id => Some(i64::from(!fact.again)),
        Event::WaitEnded(_, fact) if fact.served && fact.offer_id == *offer_id => Some(-1),
        Event::HoldCaptured(_, HoldCaptured { keeps, .. })
        | Event::HoldReleased(_, HoldReleased { keeps, .. }) => Some(-kept(keeps)),
        _ => None,
    }
}

const fn units(allocation: &Allocation) -> i64 {
    allocation.quantity().get().cast_signed()
}

/// The events of the story of what is asked about, up to a moment.
pub async fn story_of(
    store: &EventStore,
    of: &ReplayOf,
    then: Then,
    told: impl Fn(u64),
) -> Result<Vec<(RecordedEvent, Event)>, ReplayError> {
    let asked = of.clone();
    let telling = move |event: &RecordedEvent| asked.tells(event);
    let mut story = vec![];
    for row in select(store, then.last, telling, told).await? {
        let (_, event) = decode(&row)?;
        if of.is_about(&event) {
            story.push((row, event));
        }
    }
    Ok(story)
}

/// How many events of each type there are after a position, up to a place.
pub async fn count_types(
    store: &EventStore,
    after: Position,
    last: Place,
    told: impl Fn(u64),
) -> Result<BTreeMap<Box<str>, u64>, ReplayError> {
    let count = |rows: Vec<RecordedEvent>| {
        let mut counts = BTreeMap::<Box<str>, u64>::new();
        for row in rows {
            *counts.entry(row.event_type).or_default() += 1;
        }
        counts
    };
    let mut chunks = pin!(chunks(store, after, last, count));
    let mut all = BTreeMap::<Box<str>, u64>::new();
    while let Some(chunk) = chunks.next().await {
        for (name, count) in chunk?? {
            told(count);
            *all.entry(name).or_default() += count;
        }
    }
    Ok(all)
}

/// Those events up to a place that are asked for; `told` hears how many were read.
async fn select(
    store: &EventStore,
    last: Place,
    is_asked_for: impl Fn(&RecordedEvent) -> bool + Clone + Send + 'static,
    told: impl Fn(u64),
) -> Result<Vec<RecordedEvent>, ReplayError> {
    let pick = move |mut rows: Vec<RecordedEvent>| {
        let read = rows.len() as u64;
        rows.retain(|row| is_asked_for(row));
        (read, rows)
    };
    let mut chunks = pin!(chunks(store, Position::START, last, pick));
    let mut selected = vec![];
    while let Some(chunk) = chunks.next().await {
        let (read, rows) = chunk??;
        told(read);
        selected.extend(rows);
    }
    Ok(selected)
}

/// What some work makes of the events after a position, up to a place, in portions that are read
/// ahead on other threads.
fn chunks<T: Send + 'static>(
    store: &EventStore,
    after: Position,
    last: Place,
    work: impl Fn(Vec<RecordedEvent>) -> T + Clone + Send + 'static,
) -> impl Stream<Item = Result<Result<T, StoreError>, JoinError>> {
    let (store, Place { partition, position }) = (store.clone(), last);
    let starts = (after.0..position.0).step_by(CHUNK_EVENTS).map(Position);
    stream::iter(starts)
        .map(move |after| {
            let (store, work) = (store.clone(), work.clone());
            tokio::spawn(async move {
                // The event before them, too, so that the store sees that they are of its history.
                let known = usize::from(after > Position::START);
                let limit = usize::try_from(position.since(after)).unwrap_or(usize::MAX);
                let limit = limit.min(CHUNK_EVENTS);
                let from = Position(after.0 - known as u64);
                let mut rows = store.read(partition, from, limit + known).await?;
                rows.drain(..known.min(rows.len()));
                Ok(work(rows))
            })
        })
        .buffered(CHUNKS_AHEAD)
}

fn is_of_account(event: &RecordedEvent, account_id: &AccountId) -> bool {
    event.account_id.as_deref() == Some(account_id.as_str())
}

/// Whether every account's credit goes by it.
fn is_of_units(event: &RecordedEvent) -> bool {
    match &*event.event_type {
        "log-opened" | "unit-set" | "unit-closed" | "ladder-set" => true,
        // A partition judges accounts by the ladders that it was told of.
        "message-received" => event.public.contains(r#""says":"ladder-set""#),
        _ => false,
    }
}

/// Whether the public text has an id somewhere. An id needs no escaping in JSON.
fn names(event: &RecordedEvent, id: &str) -> bool {
    event.public.match_indices(id).any(|(index, _)| {
        let (before, after) = (event.public.get(..index), event.public.get(index + id.len()..));
        let begins = before.is_some_and(|text| text.ends_with('"'));
        begins && after.is_some_and(|text| text.starts_with('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_of_several_partitions_is_asked_for_by_its_account() {
        let exchange: ExchangeId = "x-1".parse().expect("an id");
        let of_all = ReplayOf::Exchange(None, exchange.clone());
        assert_eq!(of_all.partition(1).expect("the only one"), PROGRAMME_HOME);
        let refused = of_all.partition(4).expect_err("nobody knows where").to_string();
        assert!(refused.ends_with("has 4 partitions; name its account: --account"), "{refused}");
        let account: AccountId = "ann".parse().expect("an id");
        let of_one = ReplayOf::Exchange(Some(account.clone()), exchange);
        assert_eq!(of_one.partition(4).expect("its account's"), account.partition(4));
    }
}
