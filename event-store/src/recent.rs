//! What this process has appended to a partition last. Whoever follows the log in the same process
//! gets it from here and needn't read it again.
//!
//! The rows are those that were stored, and they come here once they are durable. They follow each
//! other in one generation, and were appended over one connection: whatever may lead to another
//! history forgets them (a failed append, a take-over, a new connection), and so does an erasure.
//! A follower gets what comes after a row that it knows by its checksum, or reads the log.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use log_record::{Checksum, Generation, Position, RecordedEvent};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::Followed;

/// The most memory that the rows of all partitions take: what is appended in a second of a rush. A
/// follower that is further behind reads thousands of rows at once, which costs little a row.
const RECENT_BYTES_MAX: usize = 32 << 20;

/// What was appended last to one partition.
#[derive(Debug)]
pub(crate) struct Recent {
    /// Where it ended after this process's last append.
    end: watch::Sender<Position>,
    appends: Mutex<Appends>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Appends {
    /// The oldest first.
    kept: VecDeque<Kept>,
    bytes: usize,
}

/// The rows of one append; at least one.
#[derive(Debug)]
struct Kept {
    rows: Arc<Vec<RecordedEvent>>,
    first: Position,
    next: Position,
    generation: Generation,
    bytes: usize,
}

impl Recent {
    /// Of a log with so many partitions.
    pub(crate) fn of_log(partitions: u16) -> Vec<Arc<Self>> {
        let bytes_max = RECENT_BYTES_MAX / usize::from(partitions.max(1));
        (0..partitions).map(|_| Arc::new(Self::new(bytes_max))).collect()
    }

    fn new(bytes_max: usize) -> Self {
        Self { end: watch::Sender::new(Position::START), appends: Mutex::default(), bytes_max }
    }

    /// Keeps the rows of an append that is durable. Appends come in the log's order.
    pub(crate) fn keep(&self, rows: Vec<RecordedEvent>) {
        let Some(append) = Kept::of(rows) else { return self.forget() };
        // What goes is freed after the lock.
        let mut gone = VecDeque::new();
        let mut appends = self.appends.lock();
        if appends.kept.back().is_some_and(|last| !append.follows(last)) {
            gone = appends.take();
        }
        appends.bytes += append.bytes;
        appends.kept.push_back(append);
        while appends.bytes > self.bytes_max
            && let Some(oldest) = appends.kept.pop_front()
        {
            appends.bytes -= oldest.bytes;
            gone.push_back(oldest);
        }
        drop(appends);
    }

    /// Forgets all rows: the log may go on otherwise than after them, or a text in them was erased.
    pub(crate) fn forget(&self) {
        let gone = self.appends.lock().take();
        drop(gone);
    }

    /// At most `limit` events after one that is known by its checksum, if they are here.
    pub(crate) fn after(
        &self,
        known: Position,
        checksum: Checksum,
        limit: usize,
    ) -> Option<Followed> {
        let appends = self.appends.lock();
        let index = appends.kept.partition_point(|append| append.next <= known);
        let append = appends.kept.get(index)?;
        let at = usize::try_from(known.0.checked_sub(append.first.0)?).ok()?;
        append.rows.get(at).filter(|row| row.checksum == checksum)?;
        let mut events = Followed::default();
        events.push(&append.rows, at + 1, limit);
        for append in appends.kept.range(index + 1..) {
            if events.len() >= limit {
                break;
            }
            events.push(&append.rows, 0, limit);
        }
        (!events.is_empty()).then_some(events)
    }

    /// Wakes whoever waits for an append.
    pub(crate) fn tell(&self, end: Position) {
        self.end.send_replace(end);
    }

    /// Tells of appends of this process.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Position> {
        self.end.subscribe()
    }
}

impl Appends {
    fn take(&mut self) -> VecDeque<Kept> {
        self.bytes = 0;
        mem::take(&mut self.kept)
    }
}

impl Kept {
    /// Nothing where there is no row, or where the rows begin another generation.
    fn of(rows: Vec<RecordedEvent>) -> Option<Self> {
        let (first, last) = (rows.first()?, rows.last()?);
        if first.generation != last.generation {
            return None;
        }
        let (generation, first, next) =
            (first.generation, first.position(), last.position().next());
        let bytes = rows.iter().map(bytes_of).sum();
        Some(Self { rows: Arc::new(rows), first, next, generation, bytes })
    }

    fn follows(&self, before: &Self) -> bool {
        (self.first, self.generation) == (before.next, before.generation)
    }
}

/// What a row takes in memory.
fn bytes_of(row: &RecordedEvent) -> usize {
    /// The allocator's, for each text.
    const SPARE: usize = 16;
    let account_id = row.account_id.as_deref().map_or(0, str::len);
    let texts = row.event_type.len() + account_id + row.text_bytes();
    size_of::<RecordedEvent>() + texts + 4 * SPARE
}
