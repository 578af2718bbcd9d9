//! Between the tables' rows and the log's types.

use log_record::{
    Checksum, EventRef, Generation, Head, LogId, PackedPlace, Partition, Place, Position, Private,
    PrivateRef, RecordedEvent,
};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, Transaction};

use super::head_of_row;
use crate::StoreError;
use crate::check::{HistoryCheck, RowCheck, check_rows};
use crate::read_public::{Made, Make};

const INSERT_EVENT: &str = include_str!("insert_event.sql");
const READ_EVENTS: &str = include_str!("read_events.sql");
const READ_PUBLIC: &str = include_str!("read_public.sql");

/// The first version of SQLite in which two connections can't damage a WAL between them.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

pub(super) fn check_library() -> Result<(), StoreError> {
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        return Err(StoreError::SqliteTooOld { found: rusqlite::version() });
    }
    Ok(())
}

pub(super) fn select_head(
    connection: &Connection,
    partition: Partition,
) -> Result<Head, StoreError> {
    connection
        .prepare_cached(
            "select position, epoch, generation, writer, last_batch \
             from partition_head where partition = ?",
        )
        .and_then(|mut select| select.query_row((partition.0,), head_of_row).optional())
        .map_err(|source| failed(connection, "read", source))?
        .ok_or(StoreError::NoSuchPartition(partition))
}

/// All heads, of one moment.
pub(super) fn select_heads(
    connection: &Connection,
    partitions: u16,
) -> Result<Vec<(Partition, Head)>, StoreError> {
    let transaction =
        connection.unchecked_transaction().map_err(|source| failed(connection, "read", source))?;
    let partitions = (0..partitions).map(Partition);
    partitions.map(|partition| Ok((partition, select_head(&transaction, partition)?))).collect()
}

/// Up to `limit` events after `after`, checked to be intact and to be all that the head promises.
pub(super) fn read_events(
    connection: &Connection,
    log_id: LogId,
    partition: Partition,
    after: Position,
    limit: usize,
) -> Result<Vec<RecordedEvent>, StoreError> {
    // One transaction, so that the head and the rows are of one moment.
    let transaction =
        connection.unchecked_transaction().map_err(|source| failed(connection, "read", source))?;
    let wanted = wanted_of(&transaction, partition, after, limit)?;
    let rows = transaction
        .prepare_cached(READ_EVENTS)
        .and_then(|mut select| {
            let rows = select.query_map(range(partition, after, wanted), event_of_row)?;
            rows.collect::<Result<Vec<_>, _>>()
        })
        .map_err(|source| failed(&transaction, "read", source))?;
    check_rows(log_id, partition, after, wanted, &rows)?;
    Ok(rows)
}

/// What `make` gives for up to `limit` events after `after`, checked likewise, and to be of
/// one history. Nothing is copied, and no private text is read.
pub(super) fn read_public<T, E>(
    connection: &Connection,
    log_id: LogId,
    partition: Partition,
    after: Position,
    limit: usize,
    mut make: impl Make<T, E>,
) -> Result<Made<T, E>, StoreError> {
    let unread = |source| failed(connection, "read", source);
    let transaction = connection.unchecked_transaction().map_err(unread)?;
    let wanted = wanted_of(&transaction, partition, after, limit)?;
    let mut made = Vec::with_capacity(limit);
    let mut check = RowCheck::new(log_id, partition, after);
    let mut history = HistoryCheck::default();
    let mut select = transaction.prepare_cached(READ_PUBLIC).map_err(unread)?;
    let mut rows = select.query(range(partition, after, wanted)).map_err(unread)?;
    while let Some(row) = rows.next().map_err(unread)? {
        let row = event_in(row).map_err(unread)?;
        check.next(&row)?;
        history.next(&row)?;
        match make(&row) {
            Some(Ok(it)) => made.push(it),
            Some(Err(error)) => return Ok(Err(error)),
            None => {}
        }
    }
    check.end(wanted)?;
    Ok(Ok(made))
}

/// How many events there are after `after`, but at most `limit`.
fn wanted_of(
    connection: &Connection,
    partition: Partition,
    after: Position,
    limit: usize,
) -> Result<u64, StoreError> {
    let head = select_head(connection, partition)?;
    Ok(head.position.since(after).min(limit as u64))
}

/// The range of keys of so many events after `after`, and how many they are.
fn range(partition: Partition, after: Position, wanted: u64) -> (i64, i64, i64) {
    let key = |position| key(Place { partition, position });
    (key(after), key(after.plus(wanted)), wanted.cast_signed())
}

pub(super) fn insert_events(
    transaction: &Transaction<'_>,
    rows: &[RecordedEvent],
) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(INSERT_EVENT)?;
    for row in rows {
        let private = match &row.private {
            Private::Text(text) => Some(&**text),
            Private::Erased(_) => None,
        };
        insert.execute((
            key(row.place),
            row.generation.0,
            &*row.event_type,
            row.version,
            row.recorded_at,
            row.account_id.as_deref(),
            &*row.public,
            private,
            row.private_hash(),
            row.checksum.0,
        ))?;
    }
    Ok(())
}

pub(super) fn event_of_row(row: &Row<'_>) -> rusqlite::Result<RecordedEvent> {
    let text = |index| row.get_ref(index)?.as_str().map(Box::from).map_err(rusqlite::Error::from);
    let private = match row.get_ref(7)?.as_str_or_null()? {
        Some(text) => Private::Text(text.into()),
        None => Private::Erased(row.get(8)?),
    };
    Ok(RecordedEvent {
        place: PackedPlace::from_i64(row.get(0)?).into(),
        generation: Generation(row.get(1)?),
        event_type: text(2)?,
        version: row.get(3)?,
        recorded_at: row.get(4)?,
        account_id: row.get_ref(5)?.as_str_or_null()?.map(Box::from),
        public: text(6)?,
        private,
        checksum: Checksum(row.get(9)?),
    })
}

/// The event of a row of `read_public.sql`.
fn event_in<'row>(row: &'row Row<'_>) -> rusqlite::Result<EventRef<'row>> {
    Ok(EventRef {
        place: PackedPlace::from_i64(row.get(0)?).into(),
        generation: Generation(row.get(1)?),
        event_type: row.get_ref(2)?.as_str()?,
        version: row.get(3)?,
        recorded_at: row.get(4)?,
        account_id: row.get_ref(5)?.as_str_or_null()?,
        public: row.get_ref(6)?.as_str()?,
        private: PrivateRef::Hash(row.get(7)?),
        checksum: Checksum(row.get(8)?),
    })
}

/// The place as `event.place` keeps it.
pub(super) fn key(place: Place) -> i64 {
    PackedPlace::from(place).as_i64()
}

/// What SQLite's refusal means for the log.
pub(super) fn failed(
    connection: &Connection,
    doing: &'static str,
    source: rusqlite::Error,
) -> StoreError {
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt {
            file: connection.path().unwrap_or_default().into(),
            what: source.to_string(),
        },
        Some(ErrorCode::DatabaseBusy) => {
            StoreError::Locked { doing, file: connection.path().unwrap_or_default().into() }
        }
        _ => StoreError::Sqlite { doing, source },
    }
}
