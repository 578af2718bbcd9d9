//! The index of messages in a SQLite log.

use log_record::{Partition, Position, RecordedEvent};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Transaction};

use super::SqliteStore;
use super::rows::{event_of_row, failed};
use crate::StoreError;
use crate::messages::{Indexed, MessageRow};

const INSERT: &str = include_str!("insert_message.sql");
const READ: &str = include_str!("read_messages.sql");

impl SqliteStore {
    /// The rows of the index from a number on, with their events.
    pub(crate) async fn read_messages(
        &self,
        from: Partition,
        to: Partition,
        first: u64,
        limit: usize,
    ) -> Result<Vec<Indexed>, StoreError> {
        let read = move |connection: &mut Connection| {
            select(connection, from, to, first, limit)
                .map_err(|source| failed(connection, "read the messages of", source))
        };
        self.on_reader(read).await
    }
}

fn select(
    connection: &Connection,
    from: Partition,
    to: Partition,
    first: u64,
    limit: usize,
) -> rusqlite::Result<Vec<Indexed>> {
    let (first, limit) = (in_column(first), i64::try_from(limit).unwrap_or(i64::MAX));
    let mut select = connection.prepare_cached(READ)?;
    let rows = select.query_map((from.0, to.0, first, limit), |row| indexed_of_row(to, row))?;
    rows.collect()
}

/// The event's columns come first, as they do where events are read.
fn indexed_of_row(to: Partition, row: &Row<'_>) -> rusqlite::Result<Indexed> {
    let event: Option<RecordedEvent> = match row.get_ref(0)? {
        ValueRef::Null => None,
        _ => Some(event_of_row(row)?),
    };
    let number = row.get::<_, i64>("number")?.cast_unsigned();
    let position = Position(row.get::<_, i64>("position")?.cast_unsigned());
    Ok(Indexed { row: MessageRow { to, number, position }, event })
}

/// Whether one of these messages was sent before.
pub(super) fn is_any_there(
    transaction: &Transaction<'_>,
    from: Partition,
    messages: &[MessageRow],
) -> rusqlite::Result<bool> {
    const IS_THERE: &str = "select exists (select 1 from message \
                            where source = ?1 and destination = ?2 and number = ?3)";
    if messages.is_empty() {
        return Ok(false);
    }
    let mut select = transaction.prepare_cached(IS_THERE)?;
    for MessageRow { to, number, .. } in messages {
        if select.query_row((from.0, to.0, in_column(*number)), |row| row.get(0))? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn insert_messages(
    transaction: &Transaction<'_>,
    from: Partition,
    messages: &[MessageRow],
) -> rusqlite::Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let mut insert = transaction.prepare_cached(INSERT)?;
    for MessageRow { to, number, position } in messages {
        insert.execute((from.0, to.0, in_column(*number), in_column(position.0)))?;
    }
    Ok(())
}

/// No number that was counted is larger than the column's largest.
fn in_column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
