//! Between the tables' rows and the log's types.

use log_record::{
    BatchId, Checksum, Epoch, EventRef, Generation, Head, Partition, Place, Position, Private,
    PrivateRef, RecordedEvent, WriterId,
};
use postgres_types::ToSql;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::messages::MessageColumns;
use crate::Append;

/// An append as `append.sql` takes it: the head's condition, then a column of the rows each.
pub(super) struct Columns<'a> {
    partition: i32,
    expected: i64,
    epoch: i64,
    generation: i32,
    last: i64,
    next_generation: i32,
    batch: Uuid,
    generations: Vec<i32>,
    types: Vec<&'a str>,
    versions: Vec<i32>,
    recorded_at: Vec<i64>,
    account_ids: Vec<Option<&'a str>>,
    publics: Vec<&'a str>,
    privates: Vec<Option<&'a str>>,
    private_hashes: Vec<&'a [u8]>,
    checksums: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    /// With the hashes of the private texts, in the order of the rows.
    pub(super) fn of(append: &'a Append<RecordedEvent>, private_hashes: &'a [[u8; 32]]) -> Self {
        let rows = &append.events;
        Self {
            partition: i32::from(append.partition.0),
            expected: append.expected.0.cast_signed(),
            epoch: append.epoch.0.cast_signed(),
            generation: append.generation.0.cast_signed(),
            last: append.last().0.cast_signed(),
            next_generation: append.next_generation().0.cast_signed(),
            batch: append.batch.0,
            generations: rows.iter().map(|row| row.generation.0.cast_signed()).collect(),
            types: rows.iter().map(|row| &*row.event_type).collect(),
            versions: rows.iter().map(|row| i32::from(row.version)).collect(),
            recorded_at: rows.iter().map(|row| row.recorded_at).collect(),
            account_ids: rows.iter().map(|row| row.account_id.as_deref()).collect(),
            publics: rows.iter().map(|row| &*row.public).collect(),
            privates: rows.iter().map(private_text).collect(),
            private_hashes: private_hashes.iter().map(<[u8; 32]>::as_slice).collect(),
            checksums: rows.iter().map(|row| &row.checksum.0[..]).collect(),
        }
    }

    /// Those of the messages come last, where there are any.
    pub(super) fn params<'this>(
        &'this self,
        messages: Option<&'this MessageColumns>,
    ) -> Vec<&'this (dyn ToSql + Sync)> {
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![
            &self.partition,
            &self.expected,
            &self.epoch,
            &self.generation,
            &self.last,
            &self.next_generation,
            &self.batch,
            &self.generations,
            &self.types,
            &self.versions,
            &self.recorded_at,
            &self.account_ids,
            &self.publics,
            &self.privates,
            &self.private_hashes,
            &self.checksums,
        ];
        if let Some(MessageColumns { destinations, numbers, positions }) = messages {
            params.extend([destinations as &(dyn ToSql + Sync), numbers, positions]);
        }
        params
    }
}

fn private_text(row: &RecordedEvent) -> Option<&str> {
    match &row.private {
        Private::Text(text) => Some(text),
        Private::Erased(_) => None,
    }
}

pub(super) fn head_of_row(row: &Row) -> Result<Head, Error> {
    Ok(Head {
        position: Position(row.try_get::<_, i64>("position")?.cast_unsigned()),
        epoch: Epoch(row.try_get::<_, i64>("epoch")?.cast_unsigned()),
        generation: Generation(row.try_get::<_, i32>("generation")?.cast_unsigned()),
        writer: row.try_get::<_, Option<Uuid>>("writer")?.map(WriterId),
        last_batch: row.try_get::<_, Option<Uuid>>("last_batch")?.map(BatchId),
    })
}

/// The event of a row of `read_events.sql`; nothing where the row is of the head alone.
pub(super) fn event_of_row(
    partition: Partition,
    row: &Row,
) -> Result<Option<RecordedEvent>, Error> {
    let Some(position) = row.try_get::<_, Option<i64>>(1)? else { return Ok(None) };
    let position = Position(position.cast_unsigned());
    let private = match row.try_get::<_, Option<&str>>(8)? {
        Some(text) => Private::Text(text.into()),
        None => Private::Erased(row.try_get::<_, &[u8]>(9)?.try_into().unwrap_or_default()),
    };
    Ok(Some(RecordedEvent {
        place: Place { partition, position },
        generation: Generation(row.try_get::<_, i32>(2)?.cast_unsigned()),
        event_type: row.try_get::<_, &str>(3)?.into(),
        // A version that doesn't fit is none of ours, and fails the checksum.
        version: u16::try_from(row.try_get::<_, i32>(4)?).unwrap_or_default(),
        recorded_at: row.try_get(5)?,
        account_id: row.try_get::<_, Option<&str>>(6)?.map(Box::from),
        public: row.try_get::<_, &str>(7)?.into(),
        private,
        checksum: Checksum(row.try_get::<_, &[u8]>(10)?.try_into().unwrap_or_default()),
    }))
}

/// The event of a row of `read_public.sql`; nothing where the row is of the head alone.
pub(super) fn event_in(partition: Partition, row: &Row) -> Result<Option<EventRef<'_>>, Error> {
    let Some(position) = row.try_get::<_, Option<i64>>(1)? else { return Ok(None) };
    let position = Position(position.cast_unsigned());
    Ok(Some(EventRef {
        place: Place { partition, position },
        generation: Generation(row.try_get::<_, i32>(2)?.cast_unsigned()),
        event_type: row.try_get(3)?,
        // A version that doesn't fit is none of ours, and fails the checksum.
        version: u16::try_from(row.try_get::<_, i32>(4)?).unwrap_or_default(),
        recorded_at: row.try_get(5)?,
        account_id: row.try_get(6)?,
        public: row.try_get(7)?,
        private: PrivateRef::Hash(row.try_get::<_, &[u8]>(8)?.try_into().unwrap_or_default()),
        checksum: Checksum(row.try_get::<_, &[u8]>(9)?.try_into().unwrap_or_default()),
    }))
}
