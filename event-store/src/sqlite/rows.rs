//! Between the tables' rows and the log's types.

use log_record::{
    Checksum, Generation, Head, LogId, PackedPlace, Partition, Place, Position, Private,
    RecordedEvent,
};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, Transaction};

use super::head_of_row;
use crate::StoreError;
use crate::store::check_rows;

const INSERT_EVENT: &str = include_str!("insert_event.sql");
const READ_EVENTS: &str = include_str!("read_events.sql");

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
    let head = select_head(&transaction, partition)?;
    let wanted = head.position.since(after).min(limit as u64);
    let last = Place { partition, position: after.plus(wanted) };
    let rows = transaction
        .prepare_cached(READ_EVENTS)
        .and_then(|mut select| {
            let range =
                (key(Place { partition, position: after }), key(last), wanted.cast_signed());
            select.query_map(range, event_of_row)?.collect::<Result<Vec<_>, _>>()
        })
        .map_err(|source| failed(&transaction, "read", source))?;
    check_rows(log_id, partition, after, wanted, &rows)?;
    Ok(rows)
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

fn event_of_row(row: &Row<'_>) -> rusqlite::Result<RecordedEvent> {
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
