//! `GET /v1/shipping-stream`: what is asked of a warehouse, for those who need no broker. A page
//! that waits until there is something, or a stream of server-sent events.
//!
//! Both read the same pages: a stream holds one at a time, and reads on when that has been sent, so
//! a slow reader holds up nobody and takes no memory. Who waits is woken by a message of the
//! warehouse and by nothing else; what is new is read once for all who wait for it (`feeds.rs`).
//! How many may wait is bounded (`followers.rs`). A reader goes on after the messages that its
//! cursor names (`cursor.rs`), or is told that the log doesn't have them.

mod cursor;
mod feeds;
mod followers;

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::{SwitchName, Timestamp, WarehouseId};
use futures_util::future::select_all;
use futures_util::stream::{Stream, unfold};
use log_record::{Generation, LogId, Partition, Place, Position};
use read_model::{Following, ReadError, Reading, ShippingMessage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};
use wire::{Caller, Problem, QueryString, Role, is_known_still, json_with_etag, page_limit};

use crate::accept::accepted;
use crate::freshness::{Fresh, unread};
use crate::{QueryApi, failed, raw_json};
use cursor::StreamCursor;
use feeds::{Feed, Wanted};

pub(crate) use feeds::Feeds;
pub(crate) use followers::Followers;
pub use followers::{FollowersMax, Turn};

/// The longest that a page waits for something: below the minute after which proxies give up.
const WAIT_MS_MAX: u32 = 30_000;

/// How many messages a stream reads at once.
const STREAM_MESSAGES_MAX: u32 = 50;

/// How many bytes of messages a stream has in memory; one message may be larger. As many streams as
/// may be are to take no more than some dozens of megabytes, whatever the messages say.
const STREAM_BYTES_MAX: usize = 32 * 1024;

/// How many bytes of messages a page has, about; one message may be larger.
const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// About how many bytes of a message are neither its lines nor its address.
const MESSAGE_BYTES: usize = 512;

/// How often a stream that has nothing to say looks whether its key is let in still.
const STREAM_WAIT: Duration = Duration::from_secs(5);

/// How often it is looked whether publishing is paused still.
const PAUSE_LOOK: Duration = Duration::from_millis(250);

/// How often a stream that has nothing to say shows that it lives.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamQuery {
    warehouse: WarehouseId,
    after: Option<String>,
    limit: Option<u32>,
    wait_ms: Option<u32>,
}

/// A message as a `CloudEvent` in JSON.
#[derive(Serialize)]
struct Item {
    specversion: &'static str,
    id: String,
    r#type: &'static str,
    source: String,
    subject: String,
    time: Timestamp,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    data: Box<RawValue>,
    /// Where to go on after it.
    #[serde(skip)]
    cursor: String,
}

#[derive(Serialize)]
struct StreamPage {
    items: Vec<Item>,
    /// What to ask for next, as `after`.
    next: String,
}

/// Who follows what, and how far.
struct Follower {
    api: QueryApi,
    warehouse: WarehouseId,
    /// The last messages that were read.
    cursor: StreamCursor,
    /// Never empty.
    partitions: Vec<Followed>,
    /// How many bytes of messages it takes at once.
    bytes_max: usize,
    caller: Caller,
    /// With the key that was asked with.
    headers: HeaderMap,
}

/// A partition of what is followed.
struct Followed {
    partition: Partition,
    /// Up to here there is no message after the last one that was read.
    seen: Position,
    /// Wakes the follower.
    following: Following,
    feed: Arc<Feed>,
    /// The history and the tables' era in which the last message was found.
    history: Option<(LogId, Generation)>,
    era: u64,
}

pub(crate) async fn get_shipping_stream(
    State(api): State<QueryApi>,
    caller: Caller,
    Fresh(reading): Fresh,
    QueryString(query): QueryString<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.check_warehouse(query.warehouse.as_str())?;
    let is_stream = accepted(&headers).iter().any(|range| range == "text/event-stream");
    let of_pages = [("limit", query.limit), ("wait_ms", query.wait_ms)];
    if is_stream && let Some((name, _)) = of_pages.iter().find(|(_, value)| value.is_some()) {
        let complaint = "is for pages; a stream gives each message when it comes";
        return Err(Problem::invalid_query(name, complaint));
    }
    let limit = page_limit(query.limit)?;
    let wait_max = wait_max(query.wait_ms)?;
    let asked = asked_cursor(&query.warehouse, query.after.as_deref(), &headers)?;
    let (cursor, reading) = go_on(&api, &query.warehouse, asked, reading).await?;
    let partitions = Followed::all(&api, &query.warehouse, &reading);
    let warehouse = query.warehouse;
    let bytes_max = if is_stream { STREAM_BYTES_MAX } else { PAGE_BYTES_MAX };
    let headers_then = headers.clone();
    let follower =
        Follower { api, warehouse, cursor, partitions, bytes_max, caller, headers: headers_then };
    if is_stream {
        drop(reading);
        let turn = follower.turn()?;
        let keep_alive = KeepAlive::new().interval(KEEP_ALIVE_INTERVAL);
        return Ok(Sse::new(follower.events(turn)).keep_alive(keep_alive).into_response());
    }
    json_with_etag(&headers, &follower.page(reading, limit, wait_max).await?)
}

/// Begins to read after what a cursor names, or at the log's beginning where there is none. Tables
/// that are behind the cursor are waited for.
async fn go_on(
    api: &QueryApi,
    warehouse: &WarehouseId,
    cursor: Option<StreamCursor>,
    mut reading: Reading,
) -> Result<(StreamCursor, Reading), Problem> {
    let log_id = reading.as_of().log_id().ok_or_else(Problem::projection_not_begun)?;
    let Some(cursor) = cursor else {
        return Ok((StreamCursor::start(warehouse, log_id), reading));
    };
    let places = cursor.places();
    if places.iter().any(|place| reading.as_of().reached(place) < place.position) {
        drop(reading);
        let there = api.read_model.read_if_there(&places, api.wait_max).await.map_err(unread)?;
        reading = there.ok_or_else(Problem::log_forked)?;
    }
    if cursor.is_in(&mut reading).await.map_err(failed)? {
        Ok((cursor, reading))
    } else {
        Err(Problem::log_forked())
    }
}

impl Followed {
    /// The partitions that a read finds, of each of which nothing was seen.
    fn all(api: &QueryApi, warehouse: &WarehouseId, reading: &Reading) -> Vec<Self> {
        let followed = |partition| {
            let following = api.read_model.follow(warehouse.as_str(), partition);
            Self {
                partition,
                seen: Position::START,
                era: following.era(),
                following,
                feed: api.feeds.of(warehouse, partition),
                history: reading.as_of().history(partition),
            }
        };
        reading.as_of().partitions().map(followed).collect()
    }
}

impl Follower {
    /// Its turn among those who follow, for as long as it is held.
    fn turn(&self) -> Result<Turn, Problem> {
        self.api.admit_follower(&self.caller)
    }

    /// The next messages; where there are none, it waits for them so long.
    async fn page(
        mut self,
        reading: Reading,
        limit: u32,
        wait_max: Duration,
    ) -> Result<StreamPage, Problem> {
        let deadline = Instant::now() + wait_max;
        let mut items = self.read(reading, limit).await?;
        let waits = items.is_empty() && !wait_max.is_zero();
        let _turn = if waits { Some(self.turn()?) } else { None };
        while items.is_empty() && Instant::now() < deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            let found = self.wait(limit, left).await;
            if !self.is_known_still() {
                let detail = "The key has expired or was revoked while the request waited.";
                return Err(Problem::unauthorized(detail));
            }
            let Some(found) = found else { break };
            items = found?;
        }
        Ok(StreamPage { items, next: self.cursor.to_string() })
    }

    /// All messages from here on, as they come, until the server stops. It ends, too, when the
    /// tables can't be read or are of another history, or the key isn't let in any more; whoever
    /// asks again with `Last-Event-ID` misses nothing, or is told why.
    fn events(self, turn: Turn) -> impl Stream<Item = Result<Event, Infallible>> {
        unfold((self, VecDeque::new(), turn), |(mut follower, mut read, turn)| async move {
            while read.is_empty() {
                read = follower.next_items().await?;
            }
            // A slow reader may take the next one long after it was read.
            if !follower.is_known_still() {
                return None;
            }
            let item: Item = read.pop_front()?;
            let event = Event::default().id(&item.cursor).json_data(&item).ok()?;
            Some((Ok(event), (follower, read, turn)))
        })
    }

    /// The next messages, which may be none; nothing when it is over.
    async fn next_items(&mut self) -> Option<VecDeque<Item>> {
        self.api.check_may_ask().ok()?;
        let found = self.wait(STREAM_MESSAGES_MAX, STREAM_WAIT).await;
        if !self.is_known_still() {
            return None;
        }
        match found {
            Some(items) => Some(items.ok()?.into()),
            None => (!self.api.draining.is_cancelled()).then(VecDeque::new),
        }
    }

    fn is_known_still(&self) -> bool {
        is_known_still(&self.api.keys, &self.headers, &self.caller)
    }

    /// The next messages as a read that has begun finds them, one partition after the other.
    async fn read(&mut self, mut reading: Reading, limit: u32) -> Result<Vec<Item>, Problem> {
        if self.is_paused() {
            return Ok(vec![]);
        }
        let warehouse = self.warehouse.as_str();
        let (mut messages, mut left) = (vec![], limit);
        for followed in &mut self.partitions {
            let partition = followed.partition;
            let after = Place { partition, position: self.cursor.position(partition) };
            let found = reading.shipping_messages(warehouse, after, left).await.map_err(failed)?;
            // A page has at most 500 messages.
            left = left.saturating_sub(u32::try_from(found.len()).unwrap_or(left));
            messages.extend(found);
            if keep_first(&mut messages, self.bytes_max) || left == 0 {
                break;
            }
            followed.seen = reading.as_of().position(partition);
        }
        drop(reading);
        self.items(messages)
    }

    /// The next messages once there are any; nothing comes of it when that takes longer than it
    /// may, or when the server stops.
    async fn wait(&mut self, limit: u32, wait_max: Duration) -> Option<Result<Vec<Item>, Problem>> {
        let deadline = Instant::now() + wait_max;
        self.until_published(deadline).await?;
        if self.partitions.iter().any(|followed| followed.following.era() != followed.era) {
            return Some(self.find_again(limit).await);
        }
        let draining = self.api.draining.clone();
        let following = self.partitions.iter_mut();
        let following = following.map(|it| Box::pin(it.following.past(it.seen)));
        let woken = timeout_at(deadline, select_all(following));
        let (end, index, others) = draining.run_until_cancelled(woken).await?.ok()?;
        drop(others);
        if let Err(problem) = self.api.check_may_ask() {
            return Some(Err(problem));
        }
        let followed = self.partitions.get_mut(index)?;
        let wanted = Wanted {
            after: followed.seen.max(self.cursor.position(followed.partition)),
            end,
            limit,
            era: followed.following.era(),
            wait_max: deadline.saturating_duration_since(Instant::now()),
        };
        // Who waits for another's read waits no longer than for his own.
        let next = timeout_at(deadline, followed.feed.next(&self.api.read_model, wanted));
        match draining.run_until_cancelled(next).await?.ok()? {
            Err(ReadError::Behind { .. }) => None,
            Err(error) => Some(Err(unread(error))),
            Ok(found) if found.history != followed.history || wanted.era != followed.era => {
                Some(self.find_again(limit).await)
            }
            Ok(mut found) => {
                let has_more = keep_first(&mut found.messages, self.bytes_max);
                let last = found.messages.last().filter(|_| has_more);
                followed.seen = last.map_or(found.up_to, |last| last.place.position);
                Some(self.items(found.messages.iter().map(|message| (**message).clone())))
            }
        }
    }

    /// Whether warehouses are told nothing.
    fn is_paused(&self) -> bool {
        self.api.switches.is_on(SwitchName::PausePublishing)
    }

    /// Waits while publishing is paused; nothing where that lasts longer than it may wait, or until
    /// the server stops.
    async fn until_published(&self, deadline: Instant) -> Option<()> {
        while self.is_paused() {
            let look = (Instant::now() + PAUSE_LOOK).min(deadline);
            self.api.draining.run_until_cancelled(tokio::time::sleep_until(look)).await?;
            if Instant::now() >= deadline {
                return None;
            }
        }
        Some(())
    }

    /// The next messages after the tables were found to be of another history, or to have gone
    /// back: if they still have those that were read last.
    async fn find_again(&mut self, limit: u32) -> Result<Vec<Item>, Problem> {
        for followed in &mut self.partitions {
            followed.era = followed.following.era();
        }
        self.api.check_may_ask()?;
        let feeds = Arc::clone(&self.api.feeds);
        let _turn = feeds.turn_to_read().await;
        let reading = self.api.read_model.read(&[], self.api.wait_max).await.map_err(unread)?;
        let (_, reading) =
            go_on(&self.api, &self.warehouse, Some(self.cursor.clone()), reading).await?;
        for followed in &mut self.partitions {
            followed.history = reading.as_of().history(followed.partition);
            followed.seen = Position::START;
        }
        self.read(reading, limit).await
    }

    fn items(
        &mut self,
        messages: impl IntoIterator<Item = ShippingMessage>,
    ) -> Result<Vec<Item>, Problem> {
        messages.into_iter().map(|message| self.item(message)).collect()
    }

    fn item(&mut self, mut message: ShippingMessage) -> Result<Item, Problem> {
        if !matches!(self.caller.role, Role::Warehouse | Role::Operator) {
            message.deliver_to = None;
        }
        let body = message.body_with_request().map_err(|error| {
            tracing::error!(place = %message.place, %error, "a shipping request has no lines");
            Problem::internal()
        })?;
        self.cursor.pass(message.generation, message.place);
        Ok(Item {
            specversion: "1.0",
            r#type: message.kind.event_type(),
            source: message.source(),
            subject: message.subject().to_owned(),
            time: message.recorded_at,
            datacontenttype: "application/json",
            data: raw_json(body)?,
            id: message.id.to_string(),
            traceparent: message.traceparent,
            cursor: self.cursor.to_string(),
        })
    }
}

/// Keeps the first of the messages that have so many bytes together, and at least one. Gives
/// whether there were more.
fn keep_first<M: Borrow<ShippingMessage>>(messages: &mut Vec<M>, bytes_max: usize) -> bool {
    let size = |message: &ShippingMessage| {
        let address = message.deliver_to.as_ref().map_or(0, String::len);
        message.lines.len() + address + MESSAGE_BYTES
    };
    let mut bytes = 0;
    let fitting = messages.iter().take_while(|message| {
        bytes += size((*message).borrow());
        bytes <= bytes_max
    });
    let fitting = fitting.count().max(1);
    let has_more = fitting < messages.len();
    messages.truncate(fitting);
    has_more
}

fn wait_max(wait_ms: Option<u32>) -> Result<Duration, Problem> {
    match wait_ms.unwrap_or_default() {
        wait @ 0..=WAIT_MS_MAX => Ok(Duration::from_millis(wait.into())),
        _ => {
            let complaint = format!("must be a whole number from 0 to {WAIT_MS_MAX}");
            Err(Problem::invalid_query("wait_ms", complaint))
        }
    }
}

/// Where to go on. A browser that lost its stream asks the same again and says in a header what it
/// had last.
fn asked_cursor(
    warehouse: &WarehouseId,
    asked: Option<&str>,
    headers: &HeaderMap,
) -> Result<Option<StreamCursor>, Problem> {
    let read = |text: &str| StreamCursor::read(warehouse, text);
    let complaint = "must be the next of a page or the id of an event of this stream, unchanged";
    let after =
        asked.map(|asked| read(asked).ok_or_else(|| Problem::invalid_query("after", complaint)));
    let after = after.transpose()?;
    let Some(last) = headers.get("last-event-id") else { return Ok(after) };
    let cursor = last.to_str().ok().and_then(read);
    cursor.map(Some).ok_or_else(|| Problem::invalid_header("Last-Event-ID", complaint))
}
