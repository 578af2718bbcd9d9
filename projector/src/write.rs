//! The read tables, to write: a batch's rows and its checkpoint in one transaction.
//!
//! `first_writes` and `last_writes` say what is written, and in which order; the statements of each
//! noun are in the file of its name. `sqlite` and `postgres` have what differs: how statements are
//! run, how rows of earlier batches are looked up between the first and the last, and how the parts
//! of lots change.

mod checkpoint;
mod credit;
mod erasure;
mod event_place;
mod exchange;
mod fact;
mod hold;
mod merger;
mod offer;
mod operation;
mod postgres;
mod programme;
mod purchase;
mod seal;
mod shipping;
mod sqlite;
mod statement;
mod tier;
mod wait;

use std::time::Duration;

use log_record::{LogId, Partition, Place};
use postgres_connection::PostgresError;
use read_model::{Checkpoint, ReadModelError, ReadModelUrl, Side};

use crate::rows::{Lanes, PurchaseChange, Rows, ShippingRows, TierError, TierRows, TotalRows};
use statement::Writes;

pub(crate) use postgres::PostgresTables;
pub(crate) use sqlite::{
    SqliteTables, TablesFile, begin_draft, failed, finish_draft, open_to_read, write_past,
};

/// A connection that writes.
#[derive(Debug)]
pub(crate) enum Tables {
    Sqlite(SqliteTables),
    Postgres(Box<PostgresTables>),
}

/// A partition's batch.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) partition: Partition,
    pub(crate) from: Checkpoint,
    pub(crate) next: Checkpoint,
    /// Where every lane ended before it.
    pub(crate) lanes: Lanes,
    pub(crate) rows: Rows,
}

/// How writing a batch ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// The batch is written. Contains the new ends of the lanes it used.
    Moved(Lanes),
    /// Somebody else has projected meanwhile, and nothing was written.
    Overtaken,
}

/// The tables can't be written.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The rows break a rule of the tables; trying again won't change that.
    Rule(Box<dyn std::error::Error + Send + Sync>),
    /// The database refused or is away, or a table has an unreadable value.
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

/// Lots and purchases: what the lookups may look for.
fn first_writes(rows: &Rows) -> Writes<'_> {
    let mut writes = Writes::default();
    credit::write_lots(&mut writes, rows);
    purchase::write_new(&mut writes, rows);
    writes
}

/// The sums over all accounts, once it is known which of them are new; and what accounts have of
/// further units, which makes no account.
fn total_writes<'a>(rows: &'a Rows, totals: &'a TotalRows) -> Writes<'a> {
    let mut writes = Writes::default();
    credit::write_further_units(&mut writes, rows);
    programme::write_totals(&mut writes, totals);
    writes
}

/// By how much balances change, which makes those of new accounts.
fn balance_writes(rows: &Rows) -> Writes<'_> {
    let mut writes = Writes::default();
    credit::write_balances(&mut writes, rows);
    writes
}

/// All that remains but the parts of lots and the totals. Rows are inserted before they are
/// changed: offers before what is sold of them.
fn last_writes<'a>(
    rows: &'a Rows,
    purchases: &'a [PurchaseChange],
    shipping: &'a ShippingRows,
    tiers: &'a TierRows,
) -> Writes<'a> {
    let mut writes = Writes::default();
    credit::write(&mut writes, rows);
    hold::write(&mut writes, rows);
    wait::write(&mut writes, rows);
    offer::write(&mut writes, rows);
    exchange::write(&mut writes, rows);
    fact::write(&mut writes, rows);
    operation::write(&mut writes, rows);
    seal::write(&mut writes, rows);
    merger::write(&mut writes, rows);
    event_place::write(&mut writes, rows);
    purchase::write_changes(&mut writes, purchases);
    shipping::write(&mut writes, shipping);
    programme::write(&mut writes, rows);
    tier::write(&mut writes, rows, tiers);
    erasure::write(&mut writes, rows);
    writes
}

impl Tables {
    pub(crate) async fn open(url: &ReadModelUrl, side: Side) -> Result<Self, ReadModelError> {
        match url {
            ReadModelUrl::Sqlite(file) => Ok(Self::Sqlite(SqliteTables::open(file, side).await?)),
            ReadModelUrl::Postgres(url) => {
                let tables = PostgresTables::open(url, side.schema()).await?;
                Ok(Self::Postgres(Box::new(tables)))
            }
        }
    }

    /// The same tables for another partition, which takes turns with this one in a file, and has a
    /// connection of its own to a server.
    pub(crate) async fn more(
        &self,
        url: &ReadModelUrl,
        side: Side,
    ) -> Result<Self, ReadModelError> {
        match self {
            Self::Sqlite(tables) => Ok(Self::Sqlite(tables.clone())),
            Self::Postgres(_) => Self::open(url, side).await,
        }
    }

    /// Opens them anew.
    pub(crate) async fn reopen(
        &mut self,
        url: &ReadModelUrl,
        side: Side,
    ) -> Result<(), ReadModelError> {
        match self {
            // Whoever comes next opens the file.
            Self::Sqlite(tables) => tables.close().await,
            Self::Postgres(_) => *self = Self::open(url, side).await?,
        }
        Ok(())
    }

    /// The checkpoint of a partition, and the log that its checkpoint is of; makes it where there
    /// is none.
    pub(crate) async fn read_checkpoint(
        &mut self,
        partition: Partition,
        log_id: LogId,
    ) -> Result<(LogId, Checkpoint), WriteError> {
        match self {
            Self::Sqlite(tables) => tables.read_checkpoint(partition, log_id).await,
            Self::Postgres(tables) => tables.read_checkpoint(partition, log_id).await,
        }
    }

    /// Where every lane ends.
    pub(crate) async fn read_lanes(&mut self) -> Result<Lanes, WriteError> {
        match self {
            Self::Sqlite(tables) => tables.read_lanes().await,
            Self::Postgres(tables) => tables.read_lanes().await,
        }
    }

    /// Writes a batch. After an error the tables have to be opened anew.
    pub(crate) async fn write(&mut self, batch: Batch) -> Result<Written, WriteError> {
        match self {
            Self::Sqlite(tables) => tables.write(batch).await,
            Self::Postgres(tables) => tables.write(batch).await,
        }
    }

    /// Notes which event stopped the projection, and why.
    pub(crate) async fn note_stop(&mut self, place: Place, why: &str) -> Result<(), WriteError> {
        match self {
            Self::Sqlite(tables) => tables.note_stop(place, why).await,
            Self::Postgres(tables) => tables.note_stop(place, why).await,
        }
    }

    /// Closes a file's connection. What comes later makes another.
    pub(crate) async fn close(&mut self) {
        if let Self::Sqlite(tables) = self {
            tables.close().await;
        }
    }

    /// While there is nothing to write, and while nothing was written of other partitions either.
    pub(crate) async fn rest(&mut self, quiet: Duration) {
        if let Self::Sqlite(tables) = self {
            tables.rest(quiet).await;
        }
    }

    /// Ends when the connection has. A file's never does by itself.
    pub(crate) async fn lost(&mut self) {
        match self {
            Self::Sqlite(_) => std::future::pending().await,
            Self::Postgres(tables) => tables.lost().await,
        }
    }
}

impl WriteError {
    /// The database's own error.
    pub(crate) fn into_source(self) -> Box<dyn std::error::Error + Send + Sync> {
        match self {
            Self::Rule(source) | Self::Failed(source) => source,
        }
    }
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::ConstraintViolation) => Self::Rule(error.into()),
            _ => Self::Failed(error.into()),
        }
    }
}

impl From<tokio_postgres::Error> for WriteError {
    fn from(error: tokio_postgres::Error) -> Self {
        // A constraint (class 23), or a value that its column can't hold (class 22).
        let code = error.code().map(tokio_postgres::error::SqlState::code);
        match code {
            Some(code) if code.starts_with("22") || code.starts_with("23") => {
                Self::Rule(error.into())
            }
            _ => Self::Failed(error.into()),
        }
    }
}

impl From<PostgresError> for WriteError {
    fn from(error: PostgresError) -> Self {
        Self::Failed(error.into())
    }
}

/// An event breaks a rule of ladders, or a table has a value that the projector doesn't write.
impl From<TierError> for WriteError {
    fn from(error: TierError) -> Self {
        match error {
            TierError::Event { .. } => Self::Rule(error.into()),
            TierError::Row(_) | TierError::Ladders(_) | TierError::Unknown(_) => {
                Self::Failed(error.into())
            }
        }
    }
}

/// A table has a value that the projector doesn't write.
impl From<serde_json::Error> for WriteError {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(error.into())
    }
}
