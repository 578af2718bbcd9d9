//! Events as they come, one server-sent event for each.
//!
//! A stream reads the same pages as a caller would, and holds one at a time: a slow reader holds up
//! nobody. While there is nothing new, all streams together ask the log where it ends.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{Stream, unfold};
use query_api::{Turn, unread};
use read_model::Reading;
use tokio::time::{Instant, sleep};
use wire::body::EventBody;
use wire::{Caller, Problem, is_known_still};

use super::log_ends::LOOK_INTERVAL;
use super::reader::{EventReader, Read};

/// How many events a stream reads at once.
const STREAM_EVENTS_MAX: u32 = 50;

/// How many bytes of texts a stream has in memory; one event may be larger.
const STREAM_BYTES_MAX: usize = 32 * 1024;

/// How long a stream of an account or an exchange rests after it found nothing, though the log went
/// on: each look is a read of the tables.
const TABLES_REST: Duration = Duration::from_millis(250);

/// How often a stream that has nothing to say looks whether its key is let in still.
const STREAM_WAIT: Duration = Duration::from_secs(5);

/// How often a stream that has nothing to say shows that it lives.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// One who follows.
struct Follower {
    reader: EventReader,
    /// What was read and not sent yet, with the cursor of each.
    read: VecDeque<(String, EventBody)>,
    caller: Caller,
    /// With the key that was asked with.
    headers: HeaderMap,
    _turn: Turn,
}

impl EventReader {
    /// The answer that goes on for as long as the caller likes.
    pub(super) async fn follow(
        mut self,
        caller: Caller,
        headers: HeaderMap,
    ) -> Result<Response, Problem> {
        let _turn = self.api.query.admit_follower(&caller)?;
        // What is wrong with the request is answered as such, and not by a stream that ends.
        let reading = self.begin(&headers).await?;
        let read = self.read(reading, STREAM_EVENTS_MAX, STREAM_BYTES_MAX).await?;
        let read = self.bodies(&read)?;
        let follower = Follower { reader: self, read, caller, headers, _turn };
        let keep_alive = KeepAlive::new().interval(KEEP_ALIVE_INTERVAL);
        Ok(Sse::new(follower.events()).keep_alive(keep_alive).into_response())
    }

    fn bodies(&self, read: &Read) -> Result<VecDeque<(String, EventBody)>, Problem> {
        let bodies = read.events.iter();
        bodies.map(|event| Ok((self.cursor_of(event), self.body(event)?))).collect()
    }

    /// Begins to read the tables anew, where they are needed.
    async fn begin_anew(&self) -> Result<Option<Reading>, Problem> {
        self.api.query.check_may_ask()?;
        if !self.wanted.is_filtered() {
            return Ok(None);
        }
        let reading = self.api.query.read_model.read(&[], self.api.query.wait_max);
        reading.await.map(Some).map_err(unread)
    }
}

impl Follower {
    /// All events from here on, until the server stops. It ends, too, when the log can't be read or
    /// is another history, or the key isn't let in any more; whoever asks again with
    /// `Last-Event-ID` misses nothing, or is told why.
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        unfold(self, |mut follower| async move {
            while follower.read.is_empty() {
                follower.read = follower.next().await?;
            }
            // A slow reader may take the next one long after it was read.
            if !follower.is_known_still() {
                return None;
            }
            let (cursor, body) = follower.read.pop_front()?;
            let event = Event::default().id(cursor).json_data(body).ok()?;
            Some((Ok(event), follower))
        })
    }

    /// The next events, which may be none; nothing when it is over.
    async fn next(&mut self) -> Option<VecDeque<(String, EventBody)>> {
        let draining = self.reader.api.query.draining.clone();
        let read = draining.run_until_cancelled(self.read_on()).await?;
        // The program's log says why it can't be read.
        let read = read.ok()?;
        if read.events.is_empty() && !read.has_more {
            draining.run_until_cancelled(self.wait()).await??;
        }
        self.is_known_still().then(|| self.reader.bodies(&read).ok()).flatten()
    }

    async fn read_on(&mut self) -> Result<Read, Problem> {
        let reading = self.reader.begin_anew().await?;
        self.reader.read(reading, STREAM_EVENTS_MAX, STREAM_BYTES_MAX).await
    }

    /// Waits until the log goes on, or some seconds; nothing when the log can't be read.
    async fn wait(&self) -> Option<()> {
        let until = Instant::now() + STREAM_WAIT;
        let rest = if self.reader.wanted.is_filtered() { TABLES_REST } else { LOOK_INTERVAL };
        loop {
            sleep(rest).await;
            self.reader.api.query.check_may_ask().ok()?;
            let (api, partition) = (&self.reader.api, self.reader.wanted.partition);
            let end = api.ends.end(&api.store, partition).await;
            let end = end.inspect_err(|error| tracing::warn!(%error, "a stream of events ends"));
            if end.ok()? > self.reader.seen || Instant::now() >= until {
                return Some(());
            }
        }
    }

    fn is_known_still(&self) -> bool {
        is_known_still(&self.reader.api.query.keys, &self.headers, &self.caller)
    }
}
