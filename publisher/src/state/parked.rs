//! Inbound messages that can't be used, until an operator retries or discards them.

use postgres_connection::storable;
use sha2::{Digest as _, Sha256};

use super::database::Value;
use super::error::StateError;
use super::store::State;
use crate::clock::UnixMillis;
use crate::kafka::consumer::Incoming;

/// How much of a key and a body a list shows, in bytes.
pub(crate) const SHOWN_BYTES_MAX: i32 = 256;

/// A message that could not be used. In a list, it has the beginnings of key and body.
#[derive(Clone, Debug, PartialEq, Eq, sql_macros::FromRow)]
pub(crate) struct ParkedMessage {
    pub(crate) parked_id: i64,
    pub(crate) topic: String,
    pub(crate) topic_partition: i64,
    pub(crate) topic_offset: i64,
    pub(crate) message_key: Option<Vec<u8>>,
    pub(crate) body: Vec<u8>,
    /// The length of the whole body.
    pub(crate) body_bytes: i64,
    pub(crate) traceparent: Option<String>,
    /// The code of the problem that the command API answered.
    pub(crate) code: String,
    pub(crate) reason: String,
    parked_at: i64,
}

impl ParkedMessage {
    pub(crate) const fn parked_at(&self) -> UnixMillis {
        UnixMillis(self.parked_at)
    }
}

/// A message to park, and why.
#[derive(Clone, Copy)]
pub(crate) struct Parking<'a> {
    pub(crate) message: &'a Incoming,
    pub(crate) code: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) at: UnixMillis,
}

impl State {
    /// Parks a message. A message that comes again is parked once.
    pub(crate) async fn park(&self, parking: Parking<'_>) -> Result<(), StateError> {
        let Incoming { at, key, body, traceparent } = parking.message;
        let digest = Sha256::new()
            .chain_update(key.as_deref().unwrap_or_default())
            .chain_update([0])
            .chain_update(body)
            .finalize();
        let values = [
            Value::Text(&at.topic),
            Value::Int(at.partition.0.into()),
            Value::Int(at.offset),
            Value::Bytes(key.as_deref()),
            Value::Bytes(Some(body)),
            Value::OptionText(traceparent.as_deref()),
            Value::Text(parking.code),
            Value::Text(&storable(parking.reason)),
            Value::Int(parking.at.0),
            Value::Text(&log_record::hex(&digest)),
        ];
        let insert = include_str!("sql/insert_parked.sql");
        self.database.run(insert, &values).await.map(drop)
    }

    /// The parked messages after an id, in the order of their ids, with the beginnings of their
    /// keys and bodies.
    pub(crate) async fn parked(
        &self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<ParkedMessage>, StateError> {
        let values = [Value::Int(after), Value::Int(limit), Value::Int(SHOWN_BYTES_MAX.into())];
        self.database.select(include_str!("sql/list_parked.sql"), &values).await
    }

    /// One parked message, whole.
    pub(crate) async fn parked_message(
        &self,
        parked_id: i64,
    ) -> Result<Option<ParkedMessage>, StateError> {
        let select = include_str!("sql/select_parked.sql");
        let found: Vec<ParkedMessage> =
            self.database.select(select, &[Value::Int(parked_id)]).await?;
        Ok(found.into_iter().next())
    }

    /// The number of parked messages.
    pub(crate) async fn parked_count(&self) -> Result<i64, StateError> {
        let count = include_str!("sql/count_parked.sql");
        let found: Vec<(i64,)> = self.database.select(count, &[]).await?;
        Ok(found.first().map_or(0, |(count,)| *count))
    }

    /// Stores why a retry of a parked message failed.
    pub(crate) async fn park_again(
        &self,
        parked_id: i64,
        code: &str,
        reason: &str,
    ) -> Result<(), StateError> {
        let values = [Value::Int(parked_id), Value::Text(code), Value::Text(&storable(reason))];
        let update = include_str!("sql/update_parked_reason.sql");
        self.database.run(update, &values).await.map(drop)
    }

    /// Deletes a parked message; returns whether it existed.
    pub(crate) async fn discard(&self, parked_id: i64) -> Result<bool, StateError> {
        let delete = include_str!("sql/delete_parked.sql");
        Ok(self.database.run(delete, &[Value::Int(parked_id)]).await? > 0)
    }
}
