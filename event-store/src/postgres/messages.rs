//! The index of messages in PostgreSQL.

use std::sync::LazyLock;

use log_record::{Partition, Position, RecordedEvent};
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::rows::event_of_row;
use super::{APPEND, PostgresStore, postgres};
use crate::messages::{Indexed, MessageRow, rows_of};
use crate::{Append, StoreError};

/// The append of events among which there are messages.
pub(super) static APPEND_MESSAGES: LazyLock<String> =
    LazyLock::new(|| APPEND.replace("-- messages\n", include_str!("insert_messages.sql")));

const READ: &str = include_str!("read_messages.sql");

/// The rows of the messages of appends as the statement takes them: a column each.
#[derive(Default)]
pub(super) struct MessageColumns {
    pub(super) sources: Vec<i32>,
    pub(super) destinations: Vec<i32>,
    pub(super) numbers: Vec<i64>,
    pub(super) positions: Vec<i64>,
}

impl MessageColumns {
    /// Of these appends; none where no event of theirs is a message.
    pub(super) fn of(appends: &[Append<RecordedEvent>]) -> Result<Option<Self>, StoreError> {
        let mut columns = Self::default();
        for append in appends {
            for MessageRow { to, number, position } in rows_of(&append.events)? {
                columns.sources.push(i32::from(append.partition.0));
                columns.destinations.push(i32::from(to.0));
                columns.numbers.push(in_column(number));
                columns.positions.push(in_column(position.0));
            }
        }
        Ok((!columns.sources.is_empty()).then_some(columns))
    }
}

/// Whether the server rolled the append back because one of its messages was sent before.
pub(super) fn is_repeated(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|error| {
        *error.code() == SqlState::UNIQUE_VIOLATION && error.table() == Some("message")
    })
}

impl PostgresStore {
    /// The rows of the index from a number on, with their events.
    pub(crate) async fn read_messages(
        &self,
        from: Partition,
        to: Partition,
        first: u64,
        limit: usize,
    ) -> Result<Vec<Indexed>, StoreError> {
        const DOING: &str = "read the messages of";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (source, destination) = (i32::from(from.0), i32::from(to.0));
        let rows =
            self.ask(DOING, READ, &[&source, &destination, &in_column(first), &limit]).await?;
        let indexed = rows.iter().map(|row| indexed_of_row(from, to, row));
        indexed.collect::<Result<_, _>>().map_err(|source| postgres(DOING, source))
    }
}

fn indexed_of_row(
    from: Partition,
    to: Partition,
    row: &Row,
) -> Result<Indexed, tokio_postgres::Error> {
    let number = row.try_get::<_, i64>("number")?.cast_unsigned();
    let position = Position(row.try_get::<_, i64>("indexed")?.cast_unsigned());
    Ok(Indexed { row: MessageRow { to, number, position }, event: event_of_row(from, row)? })
}

/// No number that was counted is larger than the column's largest.
fn in_column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
