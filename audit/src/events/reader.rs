//! Reads the events that are asked for, one page after the other.

use axum::http::HeaderMap;
use domain::{AccountId, Timestamp};
use event_store::{StoreError, with_causes};
use log_record::{PackedPlace, Place, Position, Private, RecordedEvent, hex};
use read_model::Reading;
use wire::body::EventBody;
use wire::{Caller, INTERNAL, Problem, Role};

use super::Wanted;
use super::cursor::EventCursor;
use crate::AuditApi;
use crate::places::{Found, places_of_account, places_of_exchange};
use crate::read_places::read_places;

/// About how many bytes of an event aren't its texts.
const EVENT_BYTES: usize = 1024;

/// The event that has a code of an offer.
const CODE_ADDED: &str = "code-added";

/// Reads on from one event to the next.
pub(super) struct EventReader {
    pub(super) api: AuditApi,
    pub(super) wanted: Wanted,
    /// The last event that was looked at.
    cursor: EventCursor,
    /// Up to here there is no further event.
    pub(super) seen: Position,
    shows_private: bool,
}

/// Events in the order of the log.
pub(super) struct Read {
    pub(super) events: Vec<RecordedEvent>,
    /// Whether there may be others behind them.
    pub(super) has_more: bool,
}

impl EventReader {
    pub(super) fn new(
        api: AuditApi,
        wanted: Wanted,
        cursor: EventCursor,
        caller: &Caller,
    ) -> Result<Self, Problem> {
        if let Some((log_id, _)) = cursor.event
            && log_id != api.store.log_id()
        {
            return Err(Problem::events_forked());
        }
        let shows_private = caller.role == Role::Operator;
        Ok(Self { api, wanted, cursor, seen: cursor.position, shows_private })
    }

    /// The cursor's text.
    pub(super) fn cursor_text(&self) -> String {
        self.cursor.write(&self.wanted.list())
    }

    /// That of an event that was read.
    pub(super) fn cursor_of(&self, event: &RecordedEvent) -> String {
        self.at(event).write(&self.wanted.list())
    }

    fn at(&self, event: &RecordedEvent) -> EventCursor {
        let history = (self.api.store.log_id(), event.generation);
        EventCursor { position: event.position(), event: Some(history) }
    }

    /// Begins to read the tables that know the places, where they are needed.
    pub(super) async fn begin(&self, headers: &HeaderMap) -> Result<Option<Reading>, Problem> {
        self.api.query.check_may_ask()?;
        if self.wanted.is_filtered() {
            self.api.query.fresh(headers).await.map(Some)
        } else {
            Ok(None)
        }
    }

    /// The next events, with so many bytes of texts or with one event.
    pub(super) async fn read(
        &mut self,
        reading: Option<Reading>,
        limit: u32,
        bytes_max: usize,
    ) -> Result<Read, Problem> {
        let (mut events, next) = match reading {
            None => self.read_log(limit).await?,
            Some(reading) => self.read_found(reading, limit).await?,
        };
        let is_cut = keep_first(&mut events, bytes_max);
        match (events.last(), next) {
            (Some(last), None) => self.cursor = self.at(last),
            (Some(last), Some(next)) if is_cut || last.position() == next => {
                self.cursor = self.at(last);
            }
            (_, Some(next)) => {
                let place = Place { partition: self.wanted.partition, position: next };
                let event = self.api.store.read_one(place).await.map_err(unreadable)?;
                self.cursor = self.at(&event);
            }
            (None, None) => {}
        }
        let has_more = is_cut || next.is_some();
        if has_more {
            self.seen = self.cursor.position;
        }
        Ok(Read { events, has_more })
    }

    /// The next events of the partition, and where the last one is, if there are more.
    async fn read_log(
        &mut self,
        limit: u32,
    ) -> Result<(Vec<RecordedEvent>, Option<Position>), Problem> {
        let limit = limit as usize;
        let (store, partition) = (&self.api.store, self.wanted.partition);
        let EventCursor { position, event } = self.cursor;
        let mut events = match event {
            None => store.read(partition, position, limit + 1).await.map_err(unreadable)?,
            Some((_, generation)) => {
                // Together with the one that was read last: another history is noticed.
                let before = Position(position.0.saturating_sub(1));
                let read = store.read(partition, before, limit + 2).await;
                let mut events = read.map_err(unreadable)?;
                match events.first() {
                    Some(last) if last.generation == generation => events.split_off(1),
                    Some(_) => return Err(Problem::events_forked()),
                    None => {
                        self.check_end(position).await?;
                        vec![]
                    }
                }
            }
        };
        let has_more = events.len() > limit;
        events.truncate(limit);
        let last = events.last().map(RecordedEvent::position);
        self.seen = last.unwrap_or(position);
        Ok((events, last.filter(|_| has_more)))
    }

    /// The log has an end as late as this, though a read doesn't show it for now.
    async fn check_end(&self, position: Position) -> Result<(), Problem> {
        let head = self.api.store.head_past(self.wanted.partition, position).await;
        if head.map_err(unreadable)?.position < position {
            return Err(Problem::events_forked());
        }
        Ok(())
    }

    /// The next events of the account or exchange, and where to look on, if there may be more.
    async fn read_found(
        &mut self,
        mut reading: Reading,
        limit: u32,
    ) -> Result<(Vec<RecordedEvent>, Option<Position>), Problem> {
        let Wanted { partition, account_id, exchange_id } = &self.wanted;
        let after = PackedPlace::new(*partition, self.cursor.position).as_i64();
        let Found { places, next } = match (account_id, exchange_id) {
            (account_id, Some(exchange_id)) => {
                let account_id = account_id.as_ref();
                places_of_exchange(&mut reading, account_id, exchange_id, after, limit).await?
            }
            (Some(account_id), None) => {
                places_of_account(&mut reading, account_id, after, limit).await?
            }
            (None, None) => Found { places: vec![], next: None },
        };
        let reached = reading.as_of().position(*partition);
        drop(reading);
        let is_here = |place: &i64| PackedPlace::from_i64(*place).partition() == *partition;
        let places: Vec<i64> = places.into_iter().filter(is_here).collect();
        let next = next.filter(is_here).map(|place| PackedPlace::from_i64(place).position());
        self.check_cursor().await?;
        let events = read_places(&self.api.store, &places).await.map_err(unreadable)?;
        if events.len() < places.len() {
            tracing::error!(events = places.len(), "the log lacks events that the tables have");
            return Err(Problem::log_unreachable());
        }
        if let Some(account_id) = account_id {
            check_account(&events, account_id)?;
        }
        self.seen = self.seen.max(reached);
        Ok((events, next))
    }

    /// The log still has the event that was looked at last.
    async fn check_cursor(&self) -> Result<(), Problem> {
        let EventCursor { position, event } = self.cursor;
        let Some((_, generation)) = event else { return Ok(()) };
        self.check_end(position).await?;
        let place = Place { partition: self.wanted.partition, position };
        let there = self.api.store.read_one(place).await.map_err(unreadable)?;
        if there.generation == generation { Ok(()) } else { Err(Problem::events_forked()) }
    }

    /// An event as the caller may see it.
    pub(super) fn body(&self, event: &RecordedEvent) -> Result<EventBody, Problem> {
        let recorded_at = Timestamp::from_micros(event.recorded_at).map_err(|error| {
            tracing::error!(place = %event.place, %error, "an event has a time that can't be");
            Problem::internal()
        })?;
        // Who has a code can use it, and no operator needs one.
        let shows_private = self.shows_private && *event.event_type != *CODE_ADDED;
        let private = match &event.private {
            Private::Text(text) if shows_private => Some(text.to_string()),
            Private::Text(_) | Private::Erased(_) => None,
        };
        Ok(EventBody {
            position: event.place,
            generation: event.generation.0,
            r#type: event.event_type.to_string(),
            version: event.version,
            recorded_at,
            account_id: event.account_id.as_ref().map(ToString::to_string),
            public: event.public.to_string(),
            private,
            private_sha256: hex(&event.private_hash()),
            record: hex(&event.fixed_record(self.api.store.log_id())),
            checksum: hex(&event.checksum.0),
        })
    }
}

impl Wanted {
    pub(super) const fn is_filtered(&self) -> bool {
        self.account_id.is_some() || self.exchange_id.is_some()
    }
}

/// Keeps the first of the events that have so many bytes together, and at least one. Gives whether
/// there were more.
fn keep_first(events: &mut Vec<RecordedEvent>, bytes_max: usize) -> bool {
    let mut bytes = 0;
    let fitting = events.iter().take_while(|event| {
        bytes += event.text_bytes() + EVENT_BYTES;
        bytes <= bytes_max
    });
    let fitting = fitting.count().max(1);
    let is_cut = fitting < events.len();
    events.truncate(fitting);
    is_cut
}

/// The read tables and the log agree whose events these are.
fn check_account(events: &[RecordedEvent], account_id: &AccountId) -> Result<(), Problem> {
    let own = Some(account_id.as_str());
    match events.iter().find(|event| event.account_id.as_deref() != own) {
        None => Ok(()),
        Some(event) => {
            let place = event.place;
            tracing::error!(%place, "the read tables have another account's event for this one's");
            let detail = format!(
                "The read tables say that the event at {place} is of account {account_id}, and the \
                 log says otherwise. The operator finds out more with guerdon verify."
            );
            Err(Problem::of(&INTERNAL, detail))
        }
    }
}

/// The problem of a log that can't be read. What is behind it may name servers: it is in the
/// program's log alone.
#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err as it is")]
pub(crate) fn unreadable(error: StoreError) -> Problem {
    match error {
        StoreError::Forked { .. } => Problem::events_forked(),
        StoreError::CorruptEvent { .. } | StoreError::TwoHistories { .. } => {
            tracing::error!(error = with_causes(&error), "the log is damaged");
            Problem::of(&INTERNAL, format!("An event can't be shown: {error}."))
        }
        _ => {
            tracing::error!(error = with_causes(&error), "the log can't be read");
            Problem::log_unreachable()
        }
    }
}
