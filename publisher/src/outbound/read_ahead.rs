//! A feed's messages in the order of the log, read a page ahead of the sender.

use std::collections::VecDeque;

use log_record::PackedPlace;
use tokio::task::JoinHandle;

use super::message::Message;
use super::stream::Stream;
use crate::error::PublishError;
use crate::lane_name::FeedName;

/// The largest page. A warehouse with a rate gets pages of one second: a message is sent as it was
/// read, though its address may be erased while it waits here.
const PAGE_MESSAGES: u32 = 1_000;

type Page = Result<Vec<Message>, PublishError>;

/// The messages that were read and not handed over yet.
pub(crate) struct ReadAhead {
    stream: Stream,
    feed: FeedName,
    /// All messages up to here were read.
    cursor: PackedPlace,
    ready: VecDeque<Message>,
    next: Option<NextPage>,
}

/// A page that is being read.
struct NextPage {
    after: PackedPlace,
    reading: JoinHandle<Page>,
}

impl ReadAhead {
    pub(crate) fn new(stream: Stream, feed: FeedName, after: PackedPlace) -> Self {
        Self { stream, feed, cursor: after, ready: VecDeque::new(), next: None }
    }

    /// Takes the next message.
    pub(crate) fn pop(&mut self) -> Option<Message> {
        self.ready.pop_front()
    }

    /// Puts a message back that can't be handed over yet.
    pub(crate) fn put_back(&mut self, message: Message) {
        self.ready.push_front(message);
    }

    pub(crate) const fn cursor(&self) -> PackedPlace {
        self.cursor
    }

    /// The place of the first message that was read and not handed over.
    pub(crate) fn first_ready(&self) -> Option<PackedPlace> {
        self.ready.front().map(|message| message.entry.place)
    }

    /// Reads the messages after `place` again.
    pub(crate) fn go_back_to(&mut self, place: PackedPlace) {
        self.cursor = self.cursor.min(place);
        // They are read in the order of the log, so each lane's messages stay in order.
        self.ready.clear();
    }

    /// Reads the page after the cursor; returns whether it has messages. While a full page is
    /// handed over, the next one is read.
    pub(crate) async fn read_page(&mut self, a_second: Option<u32>) -> Result<bool, PublishError> {
        let limit = a_second.unwrap_or(PAGE_MESSAGES).min(PAGE_MESSAGES);
        let reading = match self.next.take().filter(|next| next.after == self.cursor) {
            Some(next) => next.reading,
            None => self.read_after(self.cursor, limit),
        };
        let page = reading.await.unwrap_or(Err(PublishError::Failed))?;
        let Some(last) = page.last() else { return Ok(false) };
        self.cursor = last.entry.place;
        if page.len() >= PAGE_MESSAGES as usize {
            let reading = self.read_after(self.cursor, limit);
            self.next = Some(NextPage { after: self.cursor, reading });
        }
        self.ready = page.into();
        Ok(true)
    }

    fn read_after(&self, after: PackedPlace, limit: u32) -> JoinHandle<Page> {
        let (stream, feed) = (self.stream.clone(), self.feed.clone());
        tokio::spawn(async move { stream.page(&feed, after, limit).await })
    }
}
