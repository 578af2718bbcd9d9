//! Erasing private texts in PostgreSQL.
//!
//! Tables that have the bytes are written anew: those ranges of the events' table that nothing is
//! appended to any more, and the small tables beside the log.

use log_record::{Partition, Place, Position, RecordedEvent};
use postgres_connection::rewrite_table;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row};

use super::archived::{FORGET_SUPERSEDED, NOTE_SUPERSEDED};
use super::{PostgresStore, postgres};
use crate::erasure::{Erased, Erasure, Found};
use crate::{ArchivedRange, StoreError};

const NOTE: &str = include_str!("note_erasures.sql");
const IS_UNNOTED: &str = include_str!("is_erasure_unnoted.sql");
const COLUMNS: &str = "select partition, position, account_id, until, asked_at, log_at, \
                       archive_at, read_model_at, ranges, done_at from guerdon_log.erasure";

/// The tables beside the log that have what is private of an account.
const TABLES_BESIDE: [&str; 2] = ["guerdon_log.unrecorded_call", "guerdon_log.api_key"];

impl PostgresStore {
    /// Nothing is written where there is nothing new.
    pub(crate) async fn note_erasures(&self) -> Result<(), StoreError> {
        const DOING: &str = "read the erasures of";
        let rows = self.ask(DOING, IS_UNNOTED, &[]).await?;
        let is_unnoted = rows.first().map(|row| row.try_get::<_, bool>(0)).transpose();
        let is_unnoted = is_unnoted.map_err(|source| postgres(DOING, source))?;
        if !is_unnoted.unwrap_or_default() {
            return Ok(());
        }
        let connection = self.shared.url.connect().await?;
        let noted = connection.client.batch_execute(NOTE).await;
        noted.map_err(|source| postgres("note the erasures of", source))
    }

    pub(crate) async fn unfinished_erasures(&self) -> Result<Vec<Erasure>, StoreError> {
        let select = format!("{COLUMNS} where done_at is null order by partition, position");
        let read = async |client: &Client| {
            client.query(select.as_str(), &[]).await?.iter().map(erasure_of_row).collect()
        };
        self.read_with("read the erasures of", read).await
    }

    pub(crate) async fn last_erasure(
        &self,
        account_id: &str,
    ) -> Result<Option<Erasure>, StoreError> {
        let select = format!("{COLUMNS} where account_id = $1 order by position desc limit 1");
        let read = async |client: &Client| {
            let row = client.query_opt(select.as_str(), &[&account_id]).await?;
            row.as_ref().map(erasure_of_row).transpose()
        };
        self.read_with("read the erasures of", read).await
    }

    pub(crate) async fn save_erasure(&self, erasure: &Erasure) -> Result<(), StoreError> {
        const SAVE: &str = include_str!("save_erasure.sql");
        let Erasure { place, log_at, archive_at, read_model_at, ranges, done_at, .. } = erasure;
        let partition = i32::from(place.partition.0);
        let position = place.position.0.cast_signed();
        let ranges = serde_json::json!(ranges).to_string();
        let row: [&(dyn ToSql + Sync); 7] =
            [&partition, &position, log_at, archive_at, read_model_at, &ranges, done_at];
        let save = async |client: &mut Client| client.execute(SAVE, &row).await.map(drop);
        self.write_with("save an erasure of", save).await
    }

    pub(crate) async fn events_of(
        &self,
        partition: Partition,
        (after, to): (Position, Position),
        erased: &Erased,
    ) -> Result<Vec<Found>, StoreError> {
        const SELECT: &str = include_str!("select_events_of_accounts.sql");
        let failed = |source| postgres("read", source);
        let (number, accounts) = (i32::from(partition.0), erased.accounts());
        let [after, to] = [after, to].map(|position| position.0.cast_signed());
        let rows = self
            .ask("read", SELECT, &[&number, &after, &to, &accounts, &RecordedEvent::ERASURE])
            .await?;
        let mut found = vec![];
        for row in rows {
            let position = Position(row.try_get::<_, i64>(0).map_err(failed)?.cast_unsigned());
            let account_id: String = row.try_get(1).map_err(failed)?;
            if erased.has(&account_id, position) {
                let has_text = row.try_get(2).map_err(failed)?;
                found.push(Found { position, account_id, has_text });
            }
        }
        Ok(found)
    }

    pub(crate) async fn erase_at(
        &self,
        partition: Partition,
        positions: &[Position],
    ) -> Result<(), StoreError> {
        let positions: Vec<i64> =
            positions.iter().map(|position| position.0.cast_signed()).collect();
        let update = include_str!("erase_texts.sql");
        let erase = async |client: &mut Client| {
            client.execute(update, &[&i32::from(partition.0), &positions]).await.map(drop)
        };
        self.write_with("erase texts of", erase).await
    }

    pub(crate) async fn rewrite_beside(&self) -> Result<(), StoreError> {
        let connection = self.shared.url.connect().await?;
        for table in TABLES_BESIDE {
            write_anew(&connection.client, table).await?;
        }
        Ok(())
    }

    /// Writes the ranges anew that have the bytes of what was erased, and that nothing is appended
    /// to any more. A range that was archived meanwhile has no table any more.
    pub(crate) async fn rewrite_erased(&self, erasures: &mut [Erasure]) -> Result<(), StoreError> {
        let mut closed = u64::MAX;
        for partition in (0..self.partitions()).map(Partition) {
            closed = closed.min(self.head(partition).await?.position.0 / self.range_positions());
        }
        let mut ranges: Vec<u64> = erasures.iter().flat_map(|it| it.ranges.clone()).collect();
        ranges.sort_unstable();
        ranges.dedup();
        ranges.retain(|range| *range < closed);
        for range in ranges {
            let last = Position((range + 1) * self.range_positions());
            let connection = self.shared.url.connect().await?;
            write_anew(&connection.client, &self.shared.ranges.table_of(last)).await?;
            for erasure in erasures.iter_mut() {
                erasure.ranges.retain(|left| *left != range);
            }
        }
        Ok(())
    }

    pub(crate) async fn replace_archived(
        &self,
        former: &str,
        range: &ArchivedRange,
    ) -> Result<(), StoreError> {
        let replace =
            async |client: &mut Client| super::archived::replace(client, former, range).await;
        self.write_with("archive a range of", replace).await
    }

    pub(crate) async fn superseded_archives(&self) -> Result<Vec<String>, StoreError> {
        let select = "select file from guerdon_log.superseded_archive";
        let read = async |client: &Client| {
            client.query(select, &[]).await?.iter().map(|row| row.try_get(0)).collect()
        };
        self.read_with("read the archived ranges of", read).await
    }

    pub(crate) async fn note_superseded(&self, file: &str) -> Result<(), StoreError> {
        let note =
            async |client: &mut Client| client.execute(NOTE_SUPERSEDED, &[&file]).await.map(drop);
        self.write_with("archive a range of", note).await
    }

    pub(crate) async fn forget_superseded(&self, file: &str) -> Result<(), StoreError> {
        let forget =
            async |client: &mut Client| client.execute(FORGET_SUPERSEDED, &[&file]).await.map(drop);
        self.write_with("archive a range of", forget).await
    }
}

/// Gives a table other files.
async fn write_anew(client: &Client, table: &str) -> Result<(), StoreError> {
    let rewritten = rewrite_table(client, table).await;
    let rewritten = rewritten.map_err(|source| postgres("write anew a table of", source))?;
    match rewritten.why_not() {
        None => Ok(()),
        Some(why) => Err(StoreError::NotWrittenAnew { table: table.to_owned(), why }),
    }
}

fn erasure_of_row(row: &Row) -> Result<Erasure, Error> {
    let partition = Partition(u16::try_from(row.try_get::<_, i32>(0)?).unwrap_or_default());
    let position = Position(row.try_get::<_, i64>(1)?.cast_unsigned());
    Ok(Erasure {
        place: Place { partition, position },
        account_id: row.try_get(2)?,
        until: Position(row.try_get::<_, i64>(3)?.cast_unsigned()),
        asked_at: row.try_get(4)?,
        log_at: row.try_get(5)?,
        archive_at: row.try_get(6)?,
        read_model_at: row.try_get(7)?,
        ranges: serde_json::from_str(row.try_get(8)?).unwrap_or_default(),
        done_at: row.try_get(9)?,
        also: vec![],
    })
}
