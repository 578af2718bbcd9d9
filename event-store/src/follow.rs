//! Reading on: what is there, then what comes, in order, each event once.
//!
//! A follower knows the checksum of the last event that it gave, and reads that event again with
//! the next ones: a server that has another history, or a shorter one, is noticed before anything
//! of it is given. What this process has appended itself comes from memory, if it follows that
//! event.

use std::time::Duration;

use log_record::{Checksum, Partition, Place, Position};
use tokio::sync::watch;

use crate::{EventStore, Followed, StoreError};

/// How often a follower looks when nobody tells it of new events: one in another process than the
/// writer. A projection there is at most this late.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Reads a partition from a position on, for as long as one likes.
#[derive(Debug)]
pub struct Follower {
    store: EventStore,
    partition: Partition,
    after: Position,
    /// Of the event at `after`, once it is known.
    known: Option<Checksum>,
    appended: watch::Receiver<Position>,
}

impl Follower {
    pub(crate) fn new(
        store: EventStore,
        partition: Partition,
        after: Position,
        known: Option<Checksum>,
        appended: watch::Receiver<Position>,
    ) -> Self {
        Self { store, partition, after, known, appended }
    }

    /// The next events, at least one and at most `limit`; waits until there is one. Dropping the
    /// future loses nothing.
    pub async fn next(&mut self, limit: usize) -> Result<Followed, StoreError> {
        loop {
            let events = self.available(limit).await?;
            if !events.is_empty() {
                return Ok(events);
            }
            tokio::select! {
                Ok(()) = self.appended.changed() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
    }

    /// The next events that there are by now, at most `limit`, and perhaps none.
    pub async fn available(&mut self, limit: usize) -> Result<Followed, StoreError> {
        self.appended.borrow_and_update();
        let events = self.read_on(limit).await?;
        if let Some(last) = events.last() {
            (self.after, self.known) = (last.position(), Some(last.checksum));
        }
        Ok(events)
    }

    /// Waits until this process has appended something since the events that were available last.
    /// It asks no server, and learns nothing of other processes.
    pub async fn appended(&mut self) {
        if self.appended.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The events that there are, after the one that is known.
    async fn read_on(&self, limit: usize) -> Result<Followed, StoreError> {
        let Some(known) = self.known else {
            return Ok(self.store.read(self.partition, self.after, limit).await?.into());
        };
        let recent = self.store.recent(self.partition)?;
        if let Some(events) = recent.after(self.after, known, limit) {
            return Ok(events);
        }
        let before = Position(self.after.0 - 1);
        let events = self.store.read(self.partition, before, limit.saturating_add(1)).await?;
        let there = match events.first() {
            Some(event) => event.checksum == known,
            // It may be there and not shown for now.
            None => self.store.head_past(self.partition, self.after).await?.position >= self.after,
        };
        if !there {
            let place = Place { partition: self.partition, position: self.after };
            return Err(StoreError::Forked { place });
        }
        Ok(Followed::read(events, 1))
    }
}
