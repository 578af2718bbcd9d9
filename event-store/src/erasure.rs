//! Erasing private texts: what was recorded to be erased, how far that is, and each step of it.
//!
//! The event `account-erased` says which account, and up to which position; it and `log-forked` are
//! the only event types that this crate knows. Each step can be done again, so that a process that
//! was killed anywhere goes on at its next start. No step changes a checksum: the fixed record has
//! the text's SHA-256, which stays.

use std::collections::{HashMap, HashSet};

use log_record::{Partition, Place, Position, RecordedEvent};

use crate::{EventStore, StoreError};

/// Positions that are looked at together, and of which the texts are erased together: so few that
/// an append waits for them no longer than for others.
const PORTION: u64 = 10_000;

/// An erasure of what is private of an account, and how far it is. Times are in microseconds since
/// 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The event that says so.
    pub place: Place,
    /// The account.
    pub account_id: String,
    /// Events up to this position, of the event's partition, lose their private texts.
    pub until: Position,
    /// When the event was recorded.
    pub asked_at: i64,
    /// Since when nothing private is left in the table of events and beside the keys.
    pub log_at: Option<i64>,
    /// Since when nothing is left in archives.
    pub archive_at: Option<i64>,
    /// Since when nothing is left in the rows of the read tables.
    pub read_model_at: Option<i64>,
    /// The ranges of the table of events whose files still have the bytes, by their numbers.
    pub ranges: Vec<u64>,
    /// Since when no file has the bytes either.
    pub done_at: Option<i64>,
    /// Events of no account whose texts are this account's, too: the codes that it got. It isn't
    /// kept: whoever goes on finds them again.
    pub also: Vec<Place>,
}

impl Erasure {
    /// Whether nobody can read the texts any more: only files of the log may have their bytes.
    #[must_use]
    pub const fn is_unreadable(&self) -> bool {
        self.log_at.is_some() && self.archive_at.is_some() && self.read_model_at.is_some()
    }
}

/// The accounts of a partition that are erased, each up to a position.
#[derive(Clone, Debug, Default)]
pub(crate) struct Erased {
    accounts: HashMap<String, Position>,
    /// Further events of the partition.
    also: HashSet<Position>,
}

impl Erased {
    pub(crate) fn of(erasures: &[Erasure], partition: Partition) -> Self {
        let mut erased = HashMap::<_, Position>::new();
        for erasure in erasures.iter().filter(|erasure| erasure.place.partition == partition) {
            let until = erased.entry(erasure.account_id.clone()).or_default();
            *until = erasure.until.max(*until);
        }
        let also = erasures.iter().flat_map(|erasure| &erasure.also);
        let also = also.filter(|place| place.partition == partition).map(|place| place.position);
        Self { accounts: erased, also: also.collect() }
    }

    /// Up to where anything is to be erased.
    pub(crate) fn end(&self) -> Position {
        let ends = self.accounts.values().chain(&self.also);
        ends.copied().max().unwrap_or(Position::START)
    }

    pub(crate) fn accounts(&self) -> Vec<String> {
        self.accounts.keys().cloned().collect()
    }

    /// Whether the private text of an event, of any type but [`RecordedEvent::ERASURE`], is erased.
    pub(crate) fn has(&self, account_id: &str, position: Position) -> bool {
        self.accounts.get(account_id).is_some_and(|until| position <= *until)
    }

    pub(crate) fn has_event(&self, event: &RecordedEvent) -> bool {
        let account_id = event.account_id.as_deref();
        self.also.contains(&event.position())
            || *event.event_type != *RecordedEvent::ERASURE
                && account_id.is_some_and(|account_id| self.has(account_id, event.position()))
    }
}

/// An event of an account that is erased.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) position: Position,
    pub(crate) account_id: String,
    /// Whether it still has its text.
    pub(crate) has_text: bool,
}

impl EventStore {
    /// Whether a private text can be erased. An event in `KurrentDB` never changes.
    #[must_use]
    pub const fn can_erase(&self) -> bool {
        match self {
            Self::Memory(_) | Self::Sqlite(_) | Self::Postgres(_) => true,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => false,
        }
    }

    /// Notes the erasures that were recorded and aren't noted yet.
    pub async fn note_erasures(&self) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => store.note_erasures(),
            Self::Sqlite(store) => store.note_erasures().await?,
            Self::Postgres(store) => store.note_erasures().await?,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => {}
        }
        Ok(())
    }

    /// The noted erasures that aren't done, in the order of the log.
    pub async fn unfinished_erasures(&self) -> Result<Vec<Erasure>, StoreError> {
        match self {
            Self::Memory(store) => {
                let all = store.erasures().into_iter();
                Ok(all.filter(|erasure| erasure.done_at.is_none()).collect())
            }
            Self::Sqlite(store) => store.unfinished_erasures().await,
            Self::Postgres(store) => store.unfinished_erasures().await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Ok(vec![]),
        }
    }

    /// The last erasure of an account that was noted.
    pub async fn last_erasure(&self, account_id: &str) -> Result<Option<Erasure>, StoreError> {
        match self {
            Self::Memory(store) => {
                let mut all = store.erasures().into_iter();
                Ok(all.rfind(|erasure| erasure.account_id == account_id))
            }
            Self::Sqlite(store) => store.last_erasure(account_id.to_owned()).await,
            Self::Postgres(store) => store.last_erasure(account_id).await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Ok(None),
        }
    }

    /// Keeps how far a noted erasure is.
    pub async fn save_erasure(&self, erasure: &Erasure) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => store.save_erasure(erasure),
            Self::Sqlite(store) => store.save_erasure(erasure.clone()).await?,
            Self::Postgres(store) => store.save_erasure(erasure).await?,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => {}
        }
        Ok(())
    }

    /// Erases the private texts of these accounts' events in the log's table. It looks at every
    /// event once, however many erasures there are. Gives, for each erasure, the ranges of the
    /// table that have events of it; also where their texts were erased before.
    pub async fn erase_texts(&self, erasures: &[Erasure]) -> Result<Vec<Vec<u64>>, StoreError> {
        let mut ranges = vec![vec![]; erasures.len()];
        for partition in (0..self.partitions()).map(Partition) {
            let erased = Erased::of(erasures, partition);
            let (mut after, end) = (Position::START, erased.end());
            while after < end {
                let to = after.plus(PORTION).min(end);
                let found = self.events_of(partition, (after, to), &erased).await?;
                for (erasure, ranges) in erasures.iter().zip(&mut ranges) {
                    let own = found.iter().filter(|found| {
                        erasure.place.partition == partition
                            && found.account_id == erasure.account_id
                            && found.position <= erasure.until
                    });
                    ranges.extend(own.filter_map(|found| self.range_number(found.position)));
                    ranges.dedup();
                }
                let texts = found.iter().filter(|found| found.has_text);
                let texts: Vec<Position> = texts.map(|found| found.position).collect();
                if !texts.is_empty() {
                    self.erase_at(partition, texts).await?;
                }
                after = to;
            }
            for (erasure, ranges) in erasures.iter().zip(&mut ranges) {
                let own = erasure.also.iter().filter(|place| place.partition == partition);
                let own: Vec<Position> = own.map(|place| place.position).collect();
                ranges.extend(own.iter().filter_map(|position| self.range_number(*position)));
                ranges.sort_unstable();
                ranges.dedup();
                if !own.is_empty() {
                    self.erase_at(partition, own).await?;
                }
            }
            // All that was erased was there before: it was read from the log.
            self.forget_recent(partition);
        }
        Ok(ranges)
    }

    /// The events after one position and up to another whose texts are, or were, to be erased.
    async fn events_of(
        &self,
        partition: Partition,
        within: (Position, Position),
        erased: &Erased,
    ) -> Result<Vec<Found>, StoreError> {
        match self {
            Self::Memory(store) => store.events_of(partition, within, erased),
            Self::Sqlite(store) => store.events_of(partition, within, erased.clone()).await,
            Self::Postgres(store) => store.events_of(partition, within, erased).await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Ok(vec![]),
        }
    }

    async fn erase_at(
        &self,
        partition: Partition,
        positions: Vec<Position>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => store.erase_at(partition, &positions),
            Self::Sqlite(store) => store.erase_at(partition, positions).await,
            Self::Postgres(store) => store.erase_at(partition, &positions).await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Ok(()),
        }
    }

    /// The range of the table that an event is in, where the table has ranges.
    fn range_number(&self, position: Position) -> Option<u64> {
        match self {
            Self::Postgres(store) => {
                position.0.checked_sub(1)?.checked_div(store.range_positions())
            }
            _ => None,
        }
    }

    /// Erases the private columns of the calls about an account, and the names of its own keys.
    pub async fn erase_calls(&self, account_id: &str) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => store.erase_calls(account_id),
            Self::Sqlite(store) => store.erase_calls(account_id.to_owned()).await?,
            Self::Postgres(store) => store.erase_calls(account_id).await?,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => {}
        }
        Ok(())
    }

    /// Sees to it that the tables beside the log don't have the bytes of what was erased in them.
    pub async fn rewrite_beside(&self) -> Result<(), StoreError> {
        match self {
            Self::Postgres(store) => store.rewrite_beside().await,
            // A file is one for all tables.
            _ => Ok(()),
        }
    }

    /// Sees to it that the log's own files don't have the bytes of what was erased, as far as that
    /// can be done now: takes the ranges that were written anew out of the erasures' lists. The
    /// range that is appended to is never written anew.
    pub async fn rewrite_erased(&self, erasures: &mut [Erasure]) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Sqlite(store) => store.rewrite_erased().await,
            Self::Postgres(store) => store.rewrite_erased(erasures).await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Ok(()),
        }
    }
}
