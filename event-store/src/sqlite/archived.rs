//! What a SQLite log keeps of the ranges that were archived, and taking their events out.

use log_record::{Partition, Place, Position};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::SqliteStore;
use super::rows::{failed, key};
use crate::{ArchivedRange, StoreError};

/// A file that the index has isn't to be removed.
pub(super) const FORGET_SUPERSEDED: &str = "delete from superseded_archive where file = ?1";

/// Notes a file as to be removed.
pub(super) const NOTE_SUPERSEDED: &str =
    "insert into superseded_archive values (?1) on conflict do nothing";

/// Events that are deleted at once: so few that a command waits for them no longer than for others.
const PORTION: u64 = 10_000;

impl SqliteStore {
    pub(crate) async fn range_positions(&self) -> Result<u64, StoreError> {
        self.on_reader(|connection| range_positions(connection)).await
    }

    pub(crate) async fn archived_range(
        &self,
        place: Place,
    ) -> Result<Option<ArchivedRange>, StoreError> {
        self.on_reader(move |connection| range_of(connection, place)).await
    }

    pub(crate) async fn archived_ranges(&self) -> Result<Vec<ArchivedRange>, StoreError> {
        self.on_reader(|connection| ranges(connection)).await
    }

    pub(crate) async fn archive_served(&self) -> Result<Option<(Uuid, String)>, StoreError> {
        self.on_reader(|connection| served(connection)).await
    }

    pub(crate) async fn serve_archive(
        &self,
        archive_id: Uuid,
        folder: String,
    ) -> Result<(), StoreError> {
        let serve = move |connection: &mut Connection| serve(connection, archive_id, &folder);
        self.beside_the_writer("note the archive of", serve).await
    }

    pub(crate) async fn is_live(&self, last: Position) -> Result<bool, StoreError> {
        for partition in (0..self.partitions()).map(Partition) {
            let first = move |connection: &mut _| first_live(connection, partition);
            let first = self.on_reader(first).await?;
            if first.is_some_and(|first| first <= last) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) async fn keep_archived(&self, range: ArchivedRange) -> Result<(), StoreError> {
        self.beside_the_writer("archive", move |connection| keep(connection, &range)).await
    }

    pub(crate) async fn take_out(&self, first: Position, last: Position) -> Result<(), StoreError> {
        for partition in (0..self.partitions()).map(Partition) {
            let take =
                move |connection: &mut Connection| take_out(connection, partition, first, last);
            self.beside_the_writer("archive", take).await?;
        }
        Ok(())
    }
}

fn range_positions(connection: &Connection) -> Result<u64, StoreError> {
    connection
        .query_row("select range_positions from log", (), |row| row.get::<_, i64>(0))
        .map(i64::unsigned_abs)
        .map_err(|source| failed(connection, "read", source))
}

fn range_of(connection: &Connection, place: Place) -> Result<Option<ArchivedRange>, StoreError> {
    const SELECT: &str = include_str!("select_archived_range.sql");
    connection
        .query_row(SELECT, (place.partition.0, place.position.0.cast_signed()), range_of_row)
        .optional()
        .map_err(|source| failed(connection, "read", source))
}

fn ranges(connection: &Connection) -> Result<Vec<ArchivedRange>, StoreError> {
    const SELECT: &str = include_str!("select_archived_ranges.sql");
    connection
        .prepare(SELECT)
        .and_then(|mut select| select.query_map((), range_of_row)?.collect())
        .map_err(|source| failed(connection, "read", source))
}

/// The id of the folder that the log's server reads, and where that is for it.
fn served(connection: &Connection) -> Result<Option<(Uuid, String)>, StoreError> {
    connection
        .query_row("select archive_id, archive_folder from log", (), |row| {
            let id = row.get::<_, Option<[u8; 16]>>(0)?.map(Uuid::from_bytes);
            Ok(id.zip(row.get::<_, Option<String>>(1)?))
        })
        .map_err(|source| failed(connection, "read", source))
}

fn serve(connection: &Connection, archive_id: Uuid, folder: &str) -> rusqlite::Result<()> {
    let update = "update log set archive_id = ?1, archive_folder = ?2";
    connection.execute(update, (archive_id.as_bytes(), folder)).map(drop)
}

fn range_of_row(row: &Row<'_>) -> rusqlite::Result<ArchivedRange> {
    let members = row.get_ref(5)?.as_str()?;
    Ok(ArchivedRange {
        partition: Partition(row.get(0)?),
        first: Position(row.get::<_, i64>(1)?.cast_unsigned()),
        last: Position(row.get::<_, i64>(2)?.cast_unsigned()),
        file: row.get(3)?,
        sha256: row.get(4)?,
        members: serde_json::from_str(members).unwrap_or_default(),
    })
}

fn keep(connection: &mut Connection, range: &ArchivedRange) -> rusqlite::Result<()> {
    let insert = "insert into archived_range values (?1, ?2, ?3, ?4, ?5, ?6)";
    let row = params![
        range.partition.0,
        range.first.0.cast_signed(),
        range.last.0.cast_signed(),
        range.file,
        range.sha256,
        serde_json::json!(range.members).to_string(),
    ];
    let transaction = connection.transaction()?;
    transaction.execute(insert, row)?;
    transaction.execute(FORGET_SUPERSEDED, (&range.file,))?;
    transaction.commit()
}

/// The first event that is in the table.
fn first_live(
    connection: &Connection,
    partition: Partition,
) -> Result<Option<Position>, StoreError> {
    let start = Place { partition, position: Position::START };
    let end = Place { partition: Partition(partition.0.saturating_add(1)), ..start };
    let select = "select min(position) from event where place > ?1 and place < ?2";
    connection
        .query_row(select, (key(start), key(end)), |row| row.get::<_, Option<i64>>(0))
        .map(|found| found.map(|position| Position(position.cast_unsigned())))
        .map_err(|source| failed(connection, "read", source))
}

fn take_out(
    connection: &Connection,
    partition: Partition,
    first: Position,
    last: Position,
) -> rusqlite::Result<()> {
    let mut delete = connection.prepare("delete from event where place between ?1 and ?2")?;
    let mut from = first;
    while from <= last {
        let to = from.plus(PORTION - 1).min(last);
        let ends = [from, to].map(|position| key(Place { partition, position }));
        delete.execute(ends)?;
        from = to.next();
    }
    Ok(())
}

/// Puts another file in the place of a range's former one, which is noted as to be removed.
pub(super) fn replace(
    connection: &mut Connection,
    former: &str,
    range: &ArchivedRange,
) -> rusqlite::Result<()> {
    let members = serde_json::json!(range.members).to_string();
    let transaction = connection.transaction()?;
    let row = params![
        range.partition.0,
        range.first.0.cast_signed(),
        range.file,
        range.sha256,
        members,
        former
    ];
    transaction.execute(include_str!("replace_archived_range.sql"), row)?;
    transaction.execute(NOTE_SUPERSEDED, (former,))?;
    transaction.execute(FORGET_SUPERSEDED, (&range.file,))?;
    transaction.commit()
}
