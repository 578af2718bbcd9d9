//! The messages to the warehouses, in the order of the log, for a broker or for HTTP.
//! `docs/decisions/0013-how-shipping-is-published.md` says what they promise.

use std::sync::LazyLock;

use domain::Timestamp;
use log_record::{Generation, LogId, PackedPlace, Place, ShippingRequestId};
use uuid::Uuid;

use crate::{MessageKind, Query, Reading, ShippingMessage, ShippingStatus, lines_to_ship};

pub(crate) static REQUESTS: LazyLock<Query> = LazyLock::new(|| {
    let text = include_str!("sql/list_requested_messages.sql");
    Query::of_index_range(text, &["warehouse", "place"])
});
pub(crate) static CHANGES: LazyLock<Query> = LazyLock::new(|| {
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
pub(crate) fn span(after: Place) -> (i64, i64) {
    let after = PackedPlace::from(after);
    (after.as_i64(), after.last_of_partition().as_i64())
}

/// A message as a row of the tables has it; in the order of the statements' columns.
#[derive(sql_macros::FromRow)]
pub(crate) struct MessageRow<T = String> {
    pub(crate) place: i64,
    pub(crate) generation: i64,
    pub(crate) kind: T,
    pub(crate) request: i64,
    pub(crate) request_generation: i64,
    pub(crate) account_id: T,
    pub(crate) exchange_id: Option<T>,
    pub(crate) purchase_id: Option<T>,
    pub(crate) lines: T,
    pub(crate) deliver_to: Option<T>,
    pub(crate) warehouse: T,
    pub(crate) lane: T,
    pub(crate) sequence: i64,
    pub(crate) attempt: i64,
    pub(crate) recorded_at: i64,
    pub(crate) traceparent: Option<T>,
    pub(crate) status: T,
    pub(crate) lines_left: T,
}

impl<T: AsRef<str>> MessageRow<T> {
    pub(crate) fn message(self, log_id: LogId) -> Result<ShippingMessage<T>, sqlx::Error> {
        let kind = self.kind.as_ref();
        let unknown = || undecodable(format!("no message is of the kind {kind}"));
        let kind = MessageKind::named(kind).ok_or_else(unknown)?;
        let request_id = shipping_id(log_id, self.request_generation, self.request);
        let event = shipping_id(log_id, self.generation, self.place);
        let is_request = kind == MessageKind::Requested;
        Ok(ShippingMessage {
            place: event.place,
            generation: event.generation,
            id: if is_request { request_id } else { event },
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
            request_status: status_named(self.status.as_ref())?,
            lines_left: self.lines_left,
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
