//! What came in and can't be used, until an operator has it tried again or discards it.

use sha2::{Digest as _, Sha256};

use super::{State, StateError, Value};
use crate::kafka::Incoming;

/// A message that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, sql_macros::FromRow)]
pub(crate) struct ParkedMessage {
    pub(crate) parked_id: i64,
    pub(crate) topic: String,
    pub(crate) topic_partition: i64,
    pub(crate) topic_offset: i64,
    pub(crate) message_key: Option<Vec<u8>>,
    pub(crate) body: Vec<u8>,
    pub(crate) traceparent: Option<String>,
    pub(crate) reason: String,
    pub(crate) parked_at: i64,
}

/// A message to be parked, and why.
#[derive(Clone, Copy)]
pub(crate) struct ToPark<'a> {
    pub(crate) message: &'a Incoming,
    pub(crate) reason: &'a str,
    pub(crate) now: i64,
}

impl State {
    /// Parks a message; one that comes again is parked once.
    pub(crate) async fn park(&self, parked: ToPark<'_>) -> Result<(), StateError> {
        let Incoming { at, key, body, traceparent } = parked.message;
        let digest = Sha256::new()
            .chain_update(key.as_deref().unwrap_or_default())
            .chain_update([0])
            .chain_update(body)
            .finalize();
        let mut writing = self.database.begin().await?;
        let values = [
            Value::Text(&at.topic),
            Value::Int(at.partition.into()),
            Value::Int(at.offset),
            Value::Bytes(key.as_deref()),
            Value::Bytes(Some(body)),
            Value::OptionText(traceparent.as_deref()),
            Value::Text(&keepable(parked.reason)),
            Value::Int(parked.now),
            Value::Text(&log_record::hex(&digest)),
        ];
        writing.run(include_str!("../sql/insert_parked.sql"), &values).await?;
        writing.commit().await
    }

    /// Those after an id.
    pub(crate) async fn parked(
        &self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<ParkedMessage>, StateError> {
        let mut reading = self.database.begin().await?;
        let values = [Value::Int(after), Value::Int(limit)];
        let parked = reading.all(include_str!("../sql/select_parked.sql"), &values).await?;
        reading.commit().await?;
        Ok(parked)
    }

    /// How many there are.
    pub(crate) async fn parked_count(&self) -> Result<i64, StateError> {
        let mut reading = self.database.begin().await?;
        let found: Vec<(i64,)> = reading.all(include_str!("../sql/count_parked.sql"), &[]).await?;
        reading.commit().await?;
        Ok(found.first().map_or(0, |(count,)| *count))
    }

    /// One was tried again, for nothing.
    pub(crate) async fn park_again(&self, parked_id: i64, reason: &str) -> Result<(), StateError> {
        let mut writing = self.database.begin().await?;
        let values = [Value::Int(parked_id), Value::Text(&keepable(reason))];
        writing.run(include_str!("../sql/park_again.sql"), &values).await?;
        writing.commit().await
    }

    /// Forgets one; whether it was there.
    pub(crate) async fn discard(&self, parked_id: i64) -> Result<bool, StateError> {
        let mut writing = self.database.begin().await?;
        let values = [Value::Int(parked_id)];
        let gone = writing.run(include_str!("../sql/delete_parked.sql"), &values).await?;
        writing.commit().await?;
        Ok(gone > 0)
    }
}

/// Without the character 0, which a reason has where it repeats a message's own words, and which
/// PostgreSQL can't keep.
fn keepable(reason: &str) -> String {
    reason.replace('\0', "\u{fffd}")
}
