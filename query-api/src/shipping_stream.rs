//! `GET /v1/shipping-stream`: what is asked of a warehouse, for those who need no broker. A page
//! that waits until there is something, or a stream of server-sent events.
//!
//! Both read the same pages: a stream holds one at a time, and reads on when that has been sent, so
//! a slow reader holds up nobody and takes no memory. Who waits is woken by a message of the
//! warehouse and by nothing else; what is new is read once for all who wait for it (`feeds.rs`).

mod feeds;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::{Timestamp, WarehouseId};
use futures_util::stream::{Stream, unfold};
use log_record::{Place, PlaceError, Position};
use read_model::{Following, ReadError, Reading, ShippingMessage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};
use wire::{Caller, Problem, QueryString, Role, is_known_still, json_with_etag, page_limit};

use crate::freshness::{Fresh, unread};
use crate::{QueryApi, failed, raw_json};
use feeds::{Feed, Wanted};

pub(crate) use feeds::Feeds;

/// The longest that a page waits for something: below the minute after which proxies give up.
const WAIT_MS_MAX: u32 = 30_000;

/// How many messages a stream has in memory: some dozens of kilobytes.
const STREAM_MESSAGES_MAX: u32 = 100;

/// How often a stream that has nothing to say looks whether its key is let in still.
const STREAM_WAIT: Duration = Duration::from_secs(5);

/// How often a stream that has nothing to say shows that it lives.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Whoever reads here asks again by himself; only a broker is sent the same twice.
const ATTEMPT: u32 = 1;

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
    #[serde(skip)]
    place: Place,
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
    /// The last message that was read.
    after: Place,
    /// Up to here there is no other after that.
    seen: Position,
    /// Wakes it.
    following: Following,
    feed: Arc<Feed>,
    caller: Caller,
    /// With the key that was asked with.
    headers: HeaderMap,
}

pub(crate) async fn get_shipping_stream(
    State(api): State<QueryApi>,
    caller: Caller,
    Fresh(reading): Fresh,
    QueryString(query): QueryString<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.check_warehouse(query.warehouse.as_str())?;
    let limit = page_limit(query.limit)?;
    let wait_max = wait_max(query.wait_ms)?;
    let after = after(query.after.as_deref(), &headers)?;
    if !reading.as_of().has(after.partition) {
        return Err(Problem::invalid_query("after", "names a partition that doesn't exist"));
    }
    let follower = Follower {
        following: api.read_model.follow(query.warehouse.as_str(), after.partition),
        feed: api.feeds.of(&query.warehouse, after.partition),
        api,
        warehouse: query.warehouse,
        after,
        seen: Position::START,
        caller,
        headers: headers.clone(),
    };
    if wants_events(&headers) {
        drop(reading);
        let keep_alive = KeepAlive::new().interval(KEEP_ALIVE_INTERVAL);
        return Ok(Sse::new(follower.events()).keep_alive(keep_alive).into_response());
    }
    json_with_etag(&headers, &follower.page(reading, limit, wait_max).await?)
}

impl Follower {
    /// The next messages; where there are none, it waits for them so long.
    async fn page(
        mut self,
        reading: Reading,
        limit: u32,
        wait_max: Duration,
    ) -> Result<StreamPage, Problem> {
        let deadline = Instant::now() + wait_max;
        let mut items = self.read(reading, limit).await?;
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
        Ok(StreamPage { items, next: self.after.to_string() })
    }

    /// All messages from here on, as they come, until the server stops. It ends, too, when the
    /// tables can't be read, or the key isn't let in any more; whoever asks again with
    /// `Last-Event-ID` misses nothing.
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        unfold((self, VecDeque::new()), |(mut follower, mut read)| async move {
            while read.is_empty() {
                read = follower.next_items().await?;
            }
            // A slow reader may take the next one long after it was read.
            if !follower.is_known_still() {
                return None;
            }
            let item: Item = read.pop_front()?;
            let event = Event::default().id(item.place.to_string()).json_data(&item).ok()?;
            Some((Ok(event), (follower, read)))
        })
    }

    /// The next messages, which may be none; nothing when it is over.
    async fn next_items(&mut self) -> Option<VecDeque<Item>> {
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

    /// The next messages as a read that has begun finds them.
    async fn read(&mut self, mut reading: Reading, limit: u32) -> Result<Vec<Item>, Problem> {
        let warehouse = self.warehouse.as_str();
        let messages = reading.shipping_messages(warehouse, self.after, limit).await;
        let messages = messages.map_err(failed)?;
        if messages.len() < limit as usize {
            self.seen = reading.as_of().reached(&self.after);
        }
        drop(reading);
        self.items(messages)
    }

    /// The next messages once there are any; nothing comes of it when that takes longer than it
    /// may, or when the server stops.
    async fn wait(&mut self, limit: u32, wait_max: Duration) -> Option<Result<Vec<Item>, Problem>> {
        let deadline = Instant::now() + wait_max;
        let draining = self.api.draining.clone();
        let end = timeout_at(deadline, self.following.past(self.seen));
        let end = draining.run_until_cancelled(end).await?.ok()?;
        let wanted = Wanted {
            after: self.seen.max(self.after.position),
            end,
            limit,
            era: self.following.era(),
            wait_max: deadline.saturating_duration_since(Instant::now()),
        };
        // Who waits for another's read waits no longer than for his own.
        let next = timeout_at(deadline, self.feed.next(&self.api.read_model, wanted));
        match draining.run_until_cancelled(next).await?.ok()? {
            Err(ReadError::Behind { .. }) => None,
            Err(error) => Some(Err(unread(error))),
            Ok(found) => {
                self.seen = found.up_to;
                Some(self.items(found.messages.iter().map(|message| (**message).clone())))
            }
        }
    }

    fn items(
        &mut self,
        messages: impl IntoIterator<Item = ShippingMessage>,
    ) -> Result<Vec<Item>, Problem> {
        let items = messages.into_iter().map(|message| self.item(message));
        let items = items.collect::<Result<Vec<_>, _>>()?;
        self.after = items.last().map_or(self.after, |last| last.place);
        Ok(items)
    }

    fn item(&self, mut message: ShippingMessage) -> Result<Item, Problem> {
        if !matches!(self.caller.role, Role::Warehouse | Role::Operator) {
            message.deliver_to = None;
        }
        let body = message.body_with_request(ATTEMPT).map_err(|error| {
            tracing::error!(place = %message.place, %error, "a shipping request has no lines");
            Problem::internal()
        })?;
        Ok(Item {
            specversion: "1.0",
            r#type: message.kind.event_type(),
            source: message.source(),
            subject: message.subject().to_owned(),
            time: message.recorded_at,
            datacontenttype: "application/json",
            data: raw_json(body)?,
            id: message.id,
            traceparent: message.traceparent,
            place: message.place,
        })
    }
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
fn after(asked: Option<&str>, headers: &HeaderMap) -> Result<Place, Problem> {
    match headers.get("last-event-id") {
        Some(last) => last.to_str().unwrap_or_default().parse().map_err(|error: PlaceError| {
            Problem::invalid_header("Last-Event-ID", error.to_string())
        }),
        None => asked
            .unwrap_or("0:0")
            .parse()
            .map_err(|error: PlaceError| Problem::invalid_query("after", error.to_string())),
    }
}

/// Whether a parameter of a media type is the weight 0: `q=0.0` asks not to be sent the type.
fn is_nothing(parameter: &str) -> bool {
    let weight = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
    weight.is_some_and(|weight| weight.trim().parse() == Ok(0.0_f32))
}

fn wants_events(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let mut types = accept.flat_map(|line| line.split(','));
    types.any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        media_type.eq_ignore_ascii_case("text/event-stream") && !parts.any(is_nothing)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_for_those_who_ask_for_one() {
        let wants = |accept: &str| {
            let accept = accept.parse().expect("a value");
            wants_events(&HeaderMap::from_iter([(ACCEPT, accept)]))
        };
        for accept in
            ["text/event-stream", "*/*, Text/Event-Stream;q=0.5", "text/event-stream; q=1"]
        {
            assert!(wants(accept), "{accept}");
        }
        for accept in [
            "*/*",
            "application/json",
            "text/event-stream;q=0",
            "text/event-stream; charset=x; Q=0.00",
        ] {
            assert!(!wants(accept), "{accept}");
        }
    }
}
