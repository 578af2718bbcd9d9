//! Sums that were made before, to go on from: they are the log's for as long as it has the event
//! that they end with.

use std::collections::BTreeMap;

use event_store::{EventStore, with_causes};
use log_record::{Partition, Place, Position};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use wire::{INTERNAL, Problem};

use super::{AddUpError, Books, add_up};
use crate::events::unreadable;

/// After how many events the sums are kept on the way.
const STRIDE: u64 = 100_000;

/// How many sums of a partition are kept: a few kilobytes each, and what is pending.
const KEPT_MAX: usize = 32;

/// How many pending lots all of them may have in mind together, some dozens of megabytes.
const LOTS_MAX: usize = 1_000_000;

/// The sums that are kept, by partition, each in the order of the log.
#[derive(Debug, Default)]
pub(crate) struct KeptBooks(Mutex<BTreeMap<Partition, Vec<Books>>>);

impl KeptBooks {
    /// The sums up to an event. One caller adds up at a time; who waits for long is told to ask
    /// again, and then finds what the other has left.
    pub(super) async fn at(
        &self,
        store: &EventStore,
        end: Place,
        deadline: Instant,
    ) -> Result<Books, Problem> {
        let at = |position| Place { position, ..end };
        let Ok(mut kept) = timeout_at(deadline, self.0.lock()).await else {
            return Err(Problem::not_added_up(end, at(Position::START)));
        };
        let kept = kept.entry(end.partition).or_default();
        let mut books = newest_whole(kept, store, end).await?;
        while books.position() < end.position {
            let begin = books.position();
            let next = Position((begin.0 / STRIDE + 1) * STRIDE).min(end.position);
            let added = add_up(store, books, at(next), Some(deadline), |_| {}).await;
            books = added.map_err(not_added)?;
            keep(kept, &books);
            if books.position() == begin {
                tracing::error!(place = %end, "the log ends before an event that it had");
                return Err(Problem::log_unreachable());
            }
            if books.position() < end.position && Instant::now() >= deadline {
                return Err(Problem::not_added_up(end, at(books.position())));
            }
        }
        Ok(books)
    }
}

/// The newest of the sums before this place whose last event the log still has; those of events
/// that it hasn't are dropped.
async fn newest_whole(
    kept: &mut Vec<Books>,
    store: &EventStore,
    end: Place,
) -> Result<Books, Problem> {
    loop {
        let index = kept.partition_point(|books| books.position() <= end.position);
        let newest = index.checked_sub(1).and_then(|index| kept.get(index));
        let Some((books, last)) = newest.and_then(|books| Some((books, books.last()?))) else {
            return Ok(Books::default());
        };
        let there = store.read_one(last.place).await.map_err(unreadable)?;
        if there.checksum == last.checksum {
            return Ok(books.clone());
        }
        kept.truncate(index - 1);
    }
}

fn keep(kept: &mut Vec<Books>, books: &Books) {
    let index = kept.partition_point(|other| other.position() < books.position());
    if kept.get(index).is_none_or(|other| other.position() != books.position()) {
        kept.insert(index, books.clone());
    }
    // Every other one, and never the last.
    while is_much(kept) && kept.len() > 1 {
        let mut left = kept.len();
        kept.retain(|_| {
            left -= 1;
            left.is_multiple_of(2)
        });
    }
}

fn is_much(kept: &[Books]) -> bool {
    kept.len() > KEPT_MAX || kept.iter().map(Books::pending_lots).sum::<usize>() > LOTS_MAX
}

fn not_added(error: AddUpError) -> Problem {
    match error {
        AddUpError::Read(error) => unreadable(error),
        AddUpError::Decode(_) | AddUpError::CutShort(_) => {
            let why = with_causes(&error);
            tracing::error!(error = why, "the log can't be added up");
            Problem::of(&INTERNAL, format!("The log can't be added up: {why}."))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::Clock;
    use testing::ledger::{Ledger, On};
    use testing::life::history;

    use super::*;
    use crate::trial_balance::trial_balance;

    fn at(position: u64) -> Place {
        Place { partition: Partition(0), position: Position(position) }
    }

    #[tokio::test]
    async fn sums_of_events_that_the_log_lost_are_made_anew() {
        let events = history(Clock::Commands);
        let (whole, restored) =
            (Ledger::new(7, On::Sqlite).await, Ledger::new(7, On::Sqlite).await);
        whole.record_at(&events[..40]).await;
        restored.record_at(&events[..20]).await;
        restored.fork().await;
        let kept = KeptBooks::default();
        let deadline = Instant::now() + Duration::from_secs(60);
        for position in [10, 40] {
            kept.at(&whole.store, at(position), deadline).await.expect("added up");
        }
        let books = kept.at(&restored.store, at(21), deadline).await.expect("added up");
        let anew = KeptBooks::default().at(&restored.store, at(21), deadline).await;
        let [shown, anew] =
            [books, anew.expect("added up")].map(|books| format!("{:?}", trial_balance(&[books])));
        assert_eq!(shown, anew);
        let later = kept.at(&whole.store, at(30), deadline).await.expect("added up");
        let anew = KeptBooks::default().at(&whole.store, at(30), deadline).await;
        let [shown, anew] =
            [later, anew.expect("added up")].map(|books| format!("{:?}", trial_balance(&[books])));
        assert_eq!(shown, anew, "sums of the other history are passed over");
    }

    #[test]
    fn what_is_kept_grows_thin_and_keeps_its_end() {
        let mut kept: Vec<Books> = (1..=KEPT_MAX as u64).map(Books::at_position).collect();
        keep(&mut kept, &Books::at_position(40));
        let positions: Vec<u64> = kept.iter().map(|books| books.position().0).collect();
        let expected: Vec<u64> = (1..=31).step_by(2).chain([40]).collect();
        assert_eq!(positions, expected);
        keep(&mut kept, &Books::at_position(40));
        keep(&mut kept, &Books::at_position(4));
        assert_eq!(kept.len(), expected.len() + 1, "each position once");
        assert!(kept.is_sorted_by_key(Books::position));
    }
}
