//! The messages to the warehouses, in the order of the log, for a broker or for HTTP.
//! `docs/decisions/0013-how-shipping-is-published.md` says what they promise.

use std::sync::LazyLock;

use domain::Timestamp;
use log_record::{Generation, LogId, PackedPlace, Place, ShippingRequestId};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{Query, Reading, ShippingStatus, lines_to_ship};

static REQUESTS: LazyLock<Query> = LazyLock::new(|| {
    let text = include_str!("sql/list_requested_messages.sql");
    Query::of_index_range(text, &["warehouse", "place"])
});
static CHANGES: LazyLock<Query> = LazyLock::new(|| {
    let text = include_str!("sql/list_changed_messages.sql");
    Query::of_index_range(text, &["change.warehouse", "change.place"])
});
const MESSAGE: Query = Query::same(include_str!("sql/select_shipping_message.sql"));
static STATES: LazyLock<Query> = LazyLock::new(|| {
    let text = include_str!("sql/list_request_states.sql");
    Query::of_index_range(text, &["warehouse", "place"])
});
const STATE: Query = Query::same(include_str!("sql/select_request_state.sql"));
const WAREHOUSES: Query = Query::same(include_str!("sql/list_warehouses.sql"));
const LOG_ID: Query = Query::same("select log_id from checkpoint limit 1");

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// Ship this.
    Requested,
    /// There is less to ship than was asked for.
    Reduced,
    /// There is nothing left to ship.
    Cancelled,
}

/// One message to a warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShippingMessage {
    /// Of the event that made it.
    pub place: Place,
    /// The generation of that event.
    pub generation: Generation,
    /// Its id, `{log id}-{generation}-{partition}-{position}` of that event; a request that is
    /// asked for again keeps its own.
    pub id: String,
    /// The log that it comes from.
    pub log_id: LogId,
    /// What it says.
    pub kind: MessageKind,
    /// The request that it is, or changes.
    pub shipping_request_id: String,
    /// Whose goods they are.
    pub account_id: String,
    /// The exchange that is shipped; else it is a purchase.
    pub exchange_id: Option<String>,
    /// The purchase that is shipped; else it is an exchange.
    pub purchase_id: Option<String>,
    /// What was asked for, or what is left of it: a JSON list of products with their quantities.
    pub lines: String,
    /// Where to, in a request; nothing once that was erased.
    pub deliver_to: Option<String>,
    /// Who ships.
    pub warehouse: String,
    /// Its lane.
    pub lane: String,
    /// Its number there, counted from 1.
    pub sequence: i64,
    /// How often its request had been asked for when it was made.
    pub attempt: u32,
    /// When the event was recorded; of a request, when it was asked for first.
    pub recorded_at: Timestamp,
    /// The trace in which it came about.
    pub traceparent: Option<String>,
    /// The request's status when the message was read.
    pub request_status: ShippingStatus,
    /// What was still to be shipped of the request then, in the form of `lines`.
    pub request_lines: String,
}

/// The progress of a shipping request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestProgress {
    /// The place of the event that asked for it, and of its message.
    pub place: Place,
    /// What became of it.
    pub status: ShippingStatus,
    /// What is still to be shipped of it: a JSON list of products with their quantities.
    pub lines_left: String,
    /// When it was asked for.
    pub recorded_at: Timestamp,
}

impl MessageKind {
    /// As a `CloudEvent`'s type.
    #[must_use]
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::Requested => "guerdon.shipping-requested",
            Self::Reduced => "guerdon.shipping-request-reduced",
            Self::Cancelled => "guerdon.shipping-request-cancelled",
        }
    }
}

impl ShippingMessage {
    /// What it is about: the exchange's id, or the purchase's.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.exchange_id.as_deref().or(self.purchase_id.as_deref()).unwrap_or_default()
    }

    /// Where it comes from: `/guerdon/{log id}`.
    #[must_use]
    pub fn source(&self) -> String {
        format!("/guerdon/{}", self.log_id)
    }

    /// Its JSON, the same whoever carries it. `attempt` counts how often a request was sent.
    pub fn body(&self, attempt: u32) -> Result<String, serde_json::Error> {
        self.write(attempt, None)
    }

    /// Its JSON with what has become of the request, for whoever reads it now.
    pub fn body_with_request(&self) -> Result<String, serde_json::Error> {
        let request = RequestNow {
            request_status: self.request_status,
            request_lines: serde_json::from_str(&self.request_lines)?,
            wanted: !self.request_status.is_called_off(),
        };
        self.write(self.attempt, Some(request))
    }

    fn write(
        &self,
        attempt: u32,
        request: Option<RequestNow<'_>>,
    ) -> Result<String, serde_json::Error> {
        let is_request = self.kind == MessageKind::Requested;
        let recorded_if = |is_it: bool| is_it.then_some(self.recorded_at);
        serde_json::to_string(&Body {
            shipping_request_id: &self.shipping_request_id,
            r#type: is_request.then_some(if self.purchase_id.is_some() { 1 } else { 2 }),
            account_id: &self.account_id,
            exchange_id: self.exchange_id.as_deref(),
            purchase_id: self.purchase_id.as_deref(),
            lines: serde_json::from_str(&self.lines)?,
            deliver_to: is_request.then_some(self.deliver_to.as_deref()),
            warehouse: &self.warehouse,
            lane: &self.lane,
            sequence: self.sequence,
            attempt: is_request.then_some(attempt),
            position: self.place.to_string(),
            requested_at: recorded_if(is_request),
            changed_at: recorded_if(!is_request),
            request,
        })
    }
}

/// A message's JSON; what is nothing isn't there, but an address that was erased is null.
#[derive(Serialize)]
struct Body<'a> {
    shipping_request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<u8>,
    account_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_id: Option<&'a str>,
    lines: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    deliver_to: Option<Option<&'a str>>,
    warehouse: &'a str,
    lane: &'a str,
    sequence: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    position: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_at: Option<Timestamp>,
    #[serde(flatten)]
    request: Option<RequestNow<'a>>,
}

/// What has become of a message's request.
#[derive(Serialize)]
struct RequestNow<'a> {
    request_status: ShippingStatus,
    request_lines: &'a RawValue,
    wanted: bool,
}

impl Reading {
    /// Every warehouse that was ever asked for something.
    pub async fn warehouses(&mut self) -> Result<Vec<String>, sqlx::Error> {
        let rows: Vec<(String,)> = self.all(WAREHOUSES, &[]).await?;
        Ok(rows.into_iter().map(|(warehouse,)| warehouse).collect())
    }

    /// A warehouse's next messages after a place, of the place's partition. Each partition is
    /// followed by itself: there is no order between two of them.
    pub async fn shipping_messages(
        &mut self,
        warehouse: &str,
        after: Place,
        limit: u32,
    ) -> Result<Vec<ShippingMessage>, sqlx::Error> {
        let Some(log_id) = self.log_id().await? else { return Ok(vec![]) };
        let (after, last) = span(after);
        let arguments = [warehouse.into(), after.into(), last.into(), limit.into()];
        let mut rows: Vec<MessageRow> = self.all(*REQUESTS, &arguments).await?;
        rows.extend(self.all::<MessageRow>(*CHANGES, &arguments).await?);
        rows.sort_unstable_by_key(|row| row.place);
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        rows.into_iter().map(|row| row.message(log_id)).collect()
    }

    /// The message that the event at a place made, if it made one.
    pub async fn shipping_message(
        &mut self,
        place: Place,
    ) -> Result<Option<ShippingMessage>, sqlx::Error> {
        let Some(log_id) = self.log_id().await? else { return Ok(None) };
        let row: Option<MessageRow> = self.optional(MESSAGE, &[key(place).into()]).await?;
        row.map(|row| row.message(log_id)).transpose()
    }

    /// How far a warehouse's next requests are after a place, of the place's partition.
    pub async fn shipping_progress(
        &mut self,
        warehouse: &str,
        after: Place,
        limit: u32,
    ) -> Result<Vec<RequestProgress>, sqlx::Error> {
        let (after, last) = span(after);
        let arguments = [warehouse.into(), after.into(), last.into(), limit.into()];
        let rows: Vec<ProgressRow> = self.all(*STATES, &arguments).await?;
        rows.into_iter().map(ProgressRow::progress).collect()
    }

    /// How far the request with an id is, if there is one.
    pub async fn find_shipping_progress(
        &mut self,
        shipping_request_id: &str,
    ) -> Result<Option<RequestProgress>, sqlx::Error> {
        let Some(log_id) = self.log_id().await? else { return Ok(None) };
        let Ok(id) = shipping_request_id.parse::<ShippingRequestId>() else { return Ok(None) };
        let row: Option<ProgressRow> = self.optional(STATE, &[key(id.place).into()]).await?;
        let is_it = |row: &ProgressRow| shipping_id(log_id, row.generation, row.place) == id;
        row.filter(is_it).map(|row| row.progress()).transpose()
    }

    /// The log that all of it was made of; none before a projector has begun.
    async fn log_id(&mut self) -> Result<Option<LogId>, sqlx::Error> {
        let row: Option<(Vec<u8>,)> = self.optional(LOG_ID, &[]).await?;
        row.map(|(bytes,)| Uuid::from_slice(&bytes).map(LogId).map_err(undecodable)).transpose()
    }
}

/// The id of a request, or of a change of one, by the event that made it as the tables keep it.
#[must_use]
pub fn shipping_id(log_id: LogId, generation: i64, place: i64) -> ShippingRequestId {
    // The tables' generations were u32 when they were written.
    let generation = Generation(u32::try_from(generation).unwrap_or_default());
    ShippingRequestId { log_id, generation, place: place_of(place) }
}

fn key(place: Place) -> i64 {
    PackedPlace::from(place).as_i64()
}

fn place_of(key: i64) -> Place {
    PackedPlace::from_i64(key).into()
}

/// From a place to the last of its partition.
fn span(after: Place) -> (i64, i64) {
    let after = PackedPlace::from(after);
    (after.as_i64(), after.last_of_partition().as_i64())
}

#[derive(sql_macros::FromRow)]
struct MessageRow {
    place: i64,
    generation: i64,
    kind: String,
    request: i64,
    request_generation: i64,
    account_id: String,
    exchange_id: Option<String>,
    purchase_id: Option<String>,
    lines: String,
    deliver_to: Option<String>,
    warehouse: String,
    lane: String,
    sequence: i64,
    attempt: i64,
    recorded_at: i64,
    traceparent: Option<String>,
    status: String,
    lines_left: String,
}

impl MessageRow {
    fn message(self, log_id: LogId) -> Result<ShippingMessage, sqlx::Error> {
        let kind = match self.kind.as_str() {
            "requested" => MessageKind::Requested,
            "reduced" => MessageKind::Reduced,
            "cancelled" => MessageKind::Cancelled,
            kind => return Err(undecodable(format!("no message is of the kind {kind}"))),
        };
        let request_status = status_named(&self.status)?;
        let request_id = shipping_id(log_id, self.request_generation, self.request).to_string();
        let event = shipping_id(log_id, self.generation, self.place);
        let is_request = kind == MessageKind::Requested;
        Ok(ShippingMessage {
            place: event.place,
            generation: event.generation,
            id: if is_request { request_id.clone() } else { event.to_string() },
            log_id,
            kind,
            shipping_request_id: request_id,
            account_id: self.account_id,
            exchange_id: self.exchange_id,
            purchase_id: self.purchase_id,
            lines: self.lines,
            deliver_to: self.deliver_to,
            warehouse: self.warehouse,
            lane: self.lane,
            sequence: self.sequence,
            attempt: u32::try_from(self.attempt).unwrap_or(u32::MAX),
            recorded_at: time(self.recorded_at)?,
            traceparent: self.traceparent,
            request_status,
            request_lines: lines_to_ship(self.lines_left, request_status).map_err(undecodable)?,
        })
    }
}

#[derive(sql_macros::FromRow)]
struct ProgressRow {
    place: i64,
    generation: i64,
    status: String,
    lines_left: String,
    recorded_at: i64,
}

impl ProgressRow {
    fn progress(self) -> Result<RequestProgress, sqlx::Error> {
        let status = status_named(&self.status)?;
        let recorded_at = time(self.recorded_at)?;
        let lines_left = lines_to_ship(self.lines_left, status).map_err(undecodable)?;
        let place = place_of(self.place);
        Ok(RequestProgress { place, status, lines_left, recorded_at })
    }
}

fn status_named(name: &str) -> Result<ShippingStatus, sqlx::Error> {
    let status = ShippingStatus::named(name);
    status.ok_or_else(|| undecodable(format!("no request has the status {name}")))
}

fn time(micros: i64) -> Result<Timestamp, sqlx::Error> {
    Timestamp::from_micros(micros).map_err(undecodable)
}

/// A table has a value that the projector doesn't write.
fn undecodable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
