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

/// Appends as `append.sql` takes them: the columns of the heads' conditions, then those of the
/// rows.
#[derive(Default)]
pub(super) struct Columns<'a> {
    heads: HeadColumns,
    partitions: Vec<i32>,
    positions: Vec<i64>,
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

/// What each append believes of its head, and where it moves that.
#[derive(Default)]
struct HeadColumns {
    partitions: Vec<i32>,
    expected: Vec<i64>,
    epochs: Vec<i64>,
    generations: Vec<i32>,
    last: Vec<i64>,
    next_generations: Vec<i32>,
    batches: Vec<Uuid>,
}

impl<'a> Columns<'a> {
    /// With the hashes of the private texts, in the order of the rows.
    pub(super) fn of(appends: &'a [Append<RecordedEvent>], private_hashes: &'a [[u8; 32]]) -> Self {
        let mut columns = Self::default();
        for append in appends {
            columns.heads.push(append);
        }
        let rows = appends.iter().flat_map(|append| &append.events);
        for (row, private_hash) in rows.zip(private_hashes) {
            columns.push(row, private_hash);
        }
        columns
    }

    fn push(&mut self, row: &'a RecordedEvent, private_hash: &'a [u8]) {
        let private = match &row.private {
            Private::Text(text) => Some(&**text),
            Private::Erased(_) => None,
        };
        self.partitions.push(i32::from(row.place.partition.0));
        self.positions.push(row.place.position.0.cast_signed());
        self.generations.push(row.generation.0.cast_signed());
        self.types.push(&row.event_type);
        self.versions.push(i32::from(row.version));
        self.recorded_at.push(row.recorded_at);
        self.account_ids.push(row.account_id.as_deref());
        self.publics.push(&row.public);
        self.privates.push(private);
        self.private_hashes.push(private_hash);
        self.checksums.push(&row.checksum.0);
    }

    /// Those of the messages come last, where there are any.
    pub(super) fn params<'this>(
        &'this self,
        messages: Option<&'this MessageColumns>,
    ) -> Vec<&'this (dyn ToSql + Sync)> {
        let HeadColumns {
            partitions,
            expected,
            epochs,
            generations,
            last,
            next_generations,
            batches,
        } = &self.heads;
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![
            partitions,
            expected,
            epochs,
            generations,
            last,
            next_generations,
            batches,
            &self.partitions,
            &self.positions,
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
        if let Some(MessageColumns { sources, destinations, numbers, positions }) = messages {
            params.extend([sources as &(dyn ToSql + Sync), destinations, numbers, positions]);
        }
        params
    }
}

impl HeadColumns {
    fn push(&mut self, append: &Append<RecordedEvent>) {
        self.partitions.push(i32::from(append.partition.0));
        self.expected.push(append.expected.0.cast_signed());
        self.epochs.push(append.epoch.0.cast_signed());
        self.generations.push(append.generation.0.cast_signed());
        self.last.push(append.last().0.cast_signed());
        self.next_generations.push(append.next_generation().0.cast_signed());
        self.batches.push(append.batch.0);
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
