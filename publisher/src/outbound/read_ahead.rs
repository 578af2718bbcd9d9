//! A feed's messages in the order of the log, read a page ahead of the sender.
//!
//! A feed that keeps up gets what there is. One that is behind gets pages that grow, and a page's
//! messages lane by lane: those of a lane that are handed over in a row share a batch, which costs
//! the brokers little more than a message.

use std::collections::{BTreeMap, VecDeque};

use log_record::PackedPlace;
use tokio::task::JoinHandle;

use super::encoded::Encoded;
use super::stream::Stream;
use crate::error::PublishError;
use crate::lane_name::FeedName;

/// The first page, and the largest: some hundreds for each of sixteen lanes. A warehouse with a
/// rate gets pages of one second: a message is sent as it was read, though its address may be
/// erased while it waits here.
const PAGE_MESSAGES: u32 = 1_000;
const PAGE_MESSAGES_MAX: u32 = 4_000;

type Page = Result<Vec<Encoded>, PublishError>;

/// The messages that were read and not handed over yet.
pub(crate) struct ReadAhead {
    stream: Stream,
    feed: FeedName,
    /// All messages up to here were read.
    cursor: PackedPlace,
    /// Lane by lane, and each lane's in order.
    ready: VecDeque<Encoded>,
    /// The first place of the page that they are of.
    first: PackedPlace,
    /// How many messages the next page has at most.
    limit: u32,
    next: Option<NextPage>,
}

/// A page that is being read.
struct NextPage {
    after: PackedPlace,
    limit: u32,
    reading: JoinHandle<Page>,
}

impl ReadAhead {
    pub(crate) fn new(stream: Stream, feed: FeedName, after: PackedPlace) -> Self {
        Self {
            stream,
            feed,
            cursor: after,
            ready: VecDeque::new(),
            first: after.next(),
            limit: PAGE_MESSAGES,
            next: None,
        }
    }

    /// Takes the next message.
    pub(crate) fn pop(&mut self) -> Option<Encoded> {
        self.ready.pop_front()
    }

    /// Puts a message back that can't be handed over yet.
    pub(crate) fn put_back(&mut self, message: Encoded) {
        self.ready.push_front(message);
    }

    pub(crate) const fn cursor(&self) -> PackedPlace {
        self.cursor
    }

    /// A place before which every message was handed over; `None` where that is so of all.
    pub(crate) fn first_ready(&self) -> Option<PackedPlace> {
        (!self.ready.is_empty()).then_some(self.first)
    }

    /// Reads the messages after `place` again.
    pub(crate) fn go_back_to(&mut self, place: PackedPlace) {
        self.cursor = self.cursor.min(place);
        if !self.ready.is_empty() {
            // Those that weren't handed over are read again, too.
            self.cursor = self.cursor.min(self.first.previous());
        }
        self.ready.clear();
    }

    /// Reads the page after the cursor; returns whether it has messages. While a full page is
    /// handed over, the next one is read.
    pub(crate) async fn read_page(&mut self, a_second: Option<u32>) -> Result<bool, PublishError> {
        let limit = a_second.unwrap_or(self.limit).min(self.limit);
        let next = match self.next.take().filter(|next| next.after == self.cursor) {
            Some(next) => next,
            None => self.read_after(self.cursor, limit),
        };
        let NextPage { limit, reading, .. } = next;
        let page = reading.await.unwrap_or(Err(PublishError::Failed))?;
        let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok(false) };
        (self.first, self.cursor) = (first.entry.place, last.entry.place);
        self.limit = PAGE_MESSAGES;
        if page.len() >= limit as usize && a_second.is_none() {
            self.limit = limit.saturating_mul(2).min(PAGE_MESSAGES_MAX);
            self.next = Some(self.read_after(self.cursor, self.limit));
        }
        self.ready = by_lane(page);
        Ok(true)
    }

    fn read_after(&self, after: PackedPlace, limit: u32) -> NextPage {
        let (stream, feed) = (self.stream.clone(), self.feed.clone());
        let reading = tokio::spawn(async move { stream.encoded(&feed, after, limit).await });
        NextPage { after, limit, reading }
    }
}

fn by_lane(page: Vec<Encoded>) -> VecDeque<Encoded> {
    let mut lanes = BTreeMap::<u16, Vec<Encoded>>::new();
    for message in page {
        lanes.entry(message.slot).or_default().push(message);
    }
    lanes.into_values().flatten().collect()
}
