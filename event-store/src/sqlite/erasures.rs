//! Erasing private texts in a SQLite file.
//!
//! Every connection that writes has `secure_delete` on, so that SQLite overwrites what it deletes.
//! What was written before stands in the write-ahead file, until that is emptied.

use std::thread;
use std::time::{Duration, Instant};

use log_record::{PackedPlace, Partition, Place, Position, RecordedEvent};
use rusqlite::{Connection, OptionalExtension as _, Row};
use tokio::task::spawn_blocking;

use super::archived::{FORGET_SUPERSEDED, NOTE_SUPERSEDED};
use super::rows::{failed, key};
use super::{SqliteStore, open};
use crate::StoreError;
use crate::erasure::{Erased, Erasure, Found};

const NOTE: &str = include_str!("note_erasures.sql");
const IS_UNNOTED: &str = include_str!("is_erasure_unnoted.sql");
const COLUMNS: &str = "select place, account_id, until, asked_at, log_at, archive_at, \
                       read_model_at, ranges, done_at from erasure";

/// Texts that are erased in one transaction: an append waits for that.
const TEXTS_MAX: usize = 256;

/// For how long it is tried to empty the write-ahead file, and the pause between two tries.
const EMPTY_MAX: Duration = Duration::from_secs(10);
const EMPTY_AGAIN: Duration = Duration::from_millis(100);

/// A file up to this size is written anew within a moment, for which appends wait.
const VACUUM_BYTES_MAX: u64 = 64 << 20;

/// How long one try may keep an append waiting.
const CUT_WAIT: Duration = Duration::from_millis(50);

impl SqliteStore {
    /// Nothing is written where there is nothing new.
    pub(crate) async fn note_erasures(&self) -> Result<(), StoreError> {
        let is_unnoted = self.read_with("read the erasures of", |connection| {
            connection.query_row(IS_UNNOTED, (), |row| row.get::<_, bool>(0))
        });
        if !is_unnoted.await? {
            return Ok(());
        }
        self.write_beside("note the erasures of", |connection| connection.execute_batch(NOTE)).await
    }

    pub(crate) async fn unfinished_erasures(&self) -> Result<Vec<Erasure>, StoreError> {
        self.read_with("read the erasures of", |connection| {
            let select = format!("{COLUMNS} where done_at is null order by place");
            let mut select = connection.prepare(&select)?;
            select.query_map((), erasure_of_row)?.collect()
        })
        .await
    }

    pub(crate) async fn last_erasure(
        &self,
        account_id: String,
    ) -> Result<Option<Erasure>, StoreError> {
        self.read_with("read the erasures of", move |connection| {
            let select = format!("{COLUMNS} where account_id = ?1 order by place desc limit 1");
            connection.query_row(&select, (account_id,), erasure_of_row).optional()
        })
        .await
    }

    pub(crate) async fn save_erasure(&self, erasure: Erasure) -> Result<(), StoreError> {
        let save = move |connection: &mut Connection| {
            let Erasure { place, log_at, archive_at, read_model_at, ranges, done_at, .. } = erasure;
            let ranges = serde_json::json!(ranges).to_string();
            let row = (key(place), log_at, archive_at, read_model_at, ranges, done_at);
            connection.execute(include_str!("save_erasure.sql"), row).map(drop)
        };
        self.write_beside("save an erasure of", save).await
    }

    pub(crate) async fn events_of(
        &self,
        partition: Partition,
        (after, to): (Position, Position),
        erased: Erased,
    ) -> Result<Vec<Found>, StoreError> {
        const SELECT: &str = include_str!("select_events_of_accounts.sql");
        let ends = [after, to].map(|position| key(Place { partition, position }));
        self.read_with("read", move |connection| {
            let mut select = connection.prepare_cached(SELECT)?;
            let mut rows = select.query((ends[0], ends[1], RecordedEvent::ERASURE))?;
            let mut found = vec![];
            while let Some(row) = rows.next()? {
                let position = Place::from(PackedPlace::from_i64(row.get(0)?)).position;
                let account_id = row.get_ref(1)?.as_str()?;
                if erased.has(account_id, position) {
                    let (account_id, has_text) = (account_id.to_owned(), row.get(2)?);
                    found.push(Found { position, account_id, has_text });
                }
            }
            Ok(found)
        })
        .await
    }

    pub(crate) async fn erase_at(
        &self,
        partition: Partition,
        positions: Vec<Position>,
    ) -> Result<(), StoreError> {
        for positions in positions.chunks(TEXTS_MAX) {
            let positions = positions.to_vec();
            let erase = move |connection: &mut Connection| {
                let transaction = connection.transaction()?;
                let mut update = transaction
                    .prepare_cached("update event set private = null where place = ?1")?;
                for position in positions {
                    update.execute((key(Place { partition, position }),))?;
                }
                drop(update);
                transaction.commit()
            };
            self.write_beside("erase texts of", erase).await?;
        }
        Ok(())
    }

    /// Copies all that is in the write-ahead file into the log's file, and cuts it to nothing. It
    /// takes a moment in which nobody reads what is in it. A small file is written anew, too: where
    /// ranges were archived, a page may keep a copy of a row that was moved.
    pub(crate) async fn rewrite_erased(&self) -> Result<(), StoreError> {
        let file = self.file().to_owned();
        let emptied = spawn_blocking(move || {
            let connection = open::connection_beside(&file)?;
            if std::fs::metadata(&file).is_ok_and(|log| log.len() <= VACUUM_BYTES_MAX) {
                let vacuumed = connection.execute_batch("vacuum");
                vacuumed.map_err(|source| failed(&connection, "write anew", source))?;
            }
            let until = Instant::now() + EMPTY_MAX;
            loop {
                let is_empty = cut(&connection);
                if is_empty.map_err(|source| failed(&connection, "empty the -wal of", source))? {
                    return Ok(());
                }
                if Instant::now() > until {
                    return Err(StoreError::Locked { doing: "empty the -wal of", file });
                }
                thread::sleep(EMPTY_AGAIN);
            }
        });
        emptied.await.map_err(|_| StoreError::Closed)?
    }

    pub(crate) async fn replace_archived(
        &self,
        former: String,
        range: crate::ArchivedRange,
    ) -> Result<(), StoreError> {
        self.write_beside("archive", move |connection| {
            super::archived::replace(connection, &former, &range)
        })
        .await
    }

    pub(crate) async fn superseded_archives(&self) -> Result<Vec<String>, StoreError> {
        self.read_with("read", |connection| {
            let mut select = connection.prepare("select file from superseded_archive")?;
            select.query_map((), |row| row.get(0))?.collect()
        })
        .await
    }

    pub(crate) async fn note_superseded(&self, file: String) -> Result<(), StoreError> {
        self.write_beside("archive", move |connection| {
            connection.execute(NOTE_SUPERSEDED, (file,)).map(drop)
        })
        .await
    }

    pub(crate) async fn forget_superseded(&self, file: String) -> Result<(), StoreError> {
        self.write_beside("archive", move |connection| {
            connection.execute(FORGET_SUPERSEDED, (file,)).map(drop)
        })
        .await
    }
}

/// First it copies beside the appends, so that none has to wait for the rest.
fn cut(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("pragma wal_checkpoint(passive)", (), |_| Ok(()))?;
    connection.busy_timeout(CUT_WAIT)?;
    let is_busy =
        connection.query_row("pragma wal_checkpoint(truncate)", (), |row| row.get::<_, bool>(0));
    connection.busy_timeout(open::BUSY_TIMEOUT)?;
    Ok(!is_busy?)
}

fn erasure_of_row(row: &Row<'_>) -> rusqlite::Result<Erasure> {
    Ok(Erasure {
        place: PackedPlace::from_i64(row.get(0)?).into(),
        account_id: row.get(1)?,
        until: Position(row.get::<_, i64>(2)?.cast_unsigned()),
        asked_at: row.get(3)?,
        log_at: row.get(4)?,
        archive_at: row.get(5)?,
        read_model_at: row.get(6)?,
        ranges: serde_json::from_str(row.get_ref(7)?.as_str()?).unwrap_or_default(),
        done_at: row.get(8)?,
        also: vec![],
    })
}
