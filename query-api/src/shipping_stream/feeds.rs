//! The newest messages of each warehouse that is followed, read once for all who follow it.
//!
//! Whoever is the first to want what comes after them reads it; the others wait for that one read.
//! Somebody who is further behind reads for himself.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use domain::WarehouseId;
use log_record::{Generation, LogId, Partition, Place, Position};
use parking_lot::Mutex;
use read_model::{ReadError, ReadModel, ShippingMessage};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// How many messages of a warehouse are kept: some hundreds of kilobytes.
const MESSAGES_MAX: usize = 1_000;

/// How long a message is kept: its address may be erased, and after a fork there may be another.
const KEPT_MAX: Duration = Duration::from_secs(10);

/// How many followers read the tables at once. A thousand that begin together would else take every
/// connection to them for seconds, and a file has four: others' reads would wait behind them all.
const READS_MAX: usize = 2;

/// The warehouses that are followed.
#[derive(Debug)]
pub(crate) struct Feeds {
    feeds: Mutex<BTreeMap<(Partition, WarehouseId), Weak<Feed>>>,
    reads: Arc<Semaphore>,
}

/// The newest messages of a warehouse in one partition.
#[derive(Debug)]
pub(crate) struct Feed {
    partition: Partition,
    warehouse: WarehouseId,
    newest: tokio::sync::Mutex<Newest>,
    reads: Arc<Semaphore>,
}

/// All messages after a position, up to another.
#[derive(Debug, Default)]
struct Newest {
    after: Position,
    up_to: Position,
    /// The tables' era in which they were read.
    era: u64,
    history: Option<(LogId, Generation)>,
    messages: VecDeque<(Instant, Arc<ShippingMessage>)>,
}

/// Some messages, and up to where there is no other after them.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) messages: Vec<Arc<ShippingMessage>>,
    pub(crate) up_to: Position,
    /// The history that they are of.
    pub(crate) history: Option<(LogId, Generation)>,
}

/// What a follower asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The messages after this position.
    pub(crate) after: Position,
    /// The tables must have come so far.
    pub(crate) end: Position,
    pub(crate) limit: u32,
    pub(crate) era: u64,
    pub(crate) wait_max: Duration,
}

impl Default for Feeds {
    fn default() -> Self {
        Self { feeds: Mutex::default(), reads: Arc::new(Semaphore::new(READS_MAX)) }
    }
}

impl Feeds {
    /// A follower's turn to read the tables, which it waits for. There always is one to wait for.
    pub(crate) async fn turn_to_read(&self) -> Option<SemaphorePermit<'_>> {
        self.reads.acquire().await.ok()
    }

    /// The feed of a warehouse, for as long as somebody has it.
    pub(crate) fn of(&self, warehouse: &WarehouseId, partition: Partition) -> Arc<Feed> {
        let mut feeds = self.feeds.lock();
        let key = (partition, warehouse.clone());
        if let Some(feed) = feeds.get(&key).and_then(Weak::upgrade) {
            return feed;
        }
        feeds.retain(|_, feed| feed.strong_count() > 0);
        let feed = Arc::new(Feed {
            partition,
            warehouse: warehouse.clone(),
            newest: tokio::sync::Mutex::default(),
            reads: Arc::clone(&self.reads),
        });
        feeds.insert(key, Arc::downgrade(&feed));
        feed
    }
}

impl Feed {
    /// The messages after a position.
    pub(crate) async fn next(
        &self,
        read_model: &ReadModel,
        wanted: Wanted,
    ) -> Result<Found, ReadError> {
        let mut newest = self.newest.lock().await;
        newest.forget_old(wanted.era);
        if newest.has(wanted) {
            return Ok(newest.after_position(wanted));
        }
        if wanted.after < newest.up_to {
            // Behind what is kept, or ahead of what nobody has read yet.
            drop(newest);
            return self.read(read_model, wanted).await;
        }
        let found = self.read(read_model, wanted).await?;
        // Tables that went back may not have come as far as was seen.
        if wanted.after <= found.up_to {
            newest.add(wanted, &found);
        }
        Ok(found)
    }

    async fn read(&self, read_model: &ReadModel, wanted: Wanted) -> Result<Found, ReadError> {
        let Wanted { after, end, limit, wait_max, .. } = wanted;
        let at = |position| Place { partition: self.partition, position };
        let _turn = self.reads.acquire().await.ok();
        let mut reading = read_model.read(&[at(end)], wait_max).await?;
        let messages = reading.shipping_messages(self.warehouse.as_str(), at(after), limit).await;
        let messages = messages.map_err(ReadError::Unreachable)?;
        let is_page = messages.len() >= limit as usize;
        let last = messages.last().filter(|_| is_page).map(|last| last.place.position);
        let up_to = last.unwrap_or_else(|| reading.as_of().position(self.partition));
        let history = reading.as_of().history(self.partition);
        Ok(Found { messages: messages.into_iter().map(Arc::new).collect(), up_to, history })
    }
}

impl Newest {
    fn forget_old(&mut self, era: u64) {
        if self.era != era {
            *self = Self { era, ..Self::default() };
        }
        let is_old = |(read_at, _): &(Instant, _)| read_at.elapsed() >= KEPT_MAX;
        while self.messages.len() > MESSAGES_MAX || self.messages.front().is_some_and(is_old) {
            if let Some((_, message)) = self.messages.pop_front() {
                self.after = message.place.position;
            }
        }
    }

    /// Whether all that is wanted is here.
    fn has(&self, wanted: Wanted) -> bool {
        let up_to = self.up_to;
        self.after <= wanted.after && wanted.after < up_to && wanted.end <= up_to
            || self.after <= wanted.after
                && self.messages.back().is_some_and(|(_, last)| last.place.position > wanted.after)
    }

    fn after_position(&self, wanted: Wanted) -> Found {
        let first =
            self.messages.partition_point(|(_, message)| message.place.position <= wanted.after);
        let later = self.messages.range(first..).map(|(_, message)| Arc::clone(message));
        let messages: Vec<_> = later.take(wanted.limit as usize).collect();
        let is_page = messages.len() >= wanted.limit as usize;
        let last = messages.last().filter(|_| is_page).map(|last| last.place.position);
        Found { messages, up_to: last.unwrap_or(self.up_to), history: self.history }
    }

    fn add(&mut self, wanted: Wanted, found: &Found) {
        if wanted.after > self.up_to || self.messages.is_empty() || self.history != found.history {
            self.messages.clear();
            self.after = wanted.after;
            self.history = found.history;
        }
        let now = Instant::now();
        self.messages.extend(found.messages.iter().map(|message| (now, Arc::clone(message))));
        self.up_to = found.up_to;
        self.forget_old(self.era);
    }
}
