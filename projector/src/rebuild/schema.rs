//! On PostgreSQL the new tables are made in a schema of their own and trade places with the live
//! ones in one transaction; statements that readers have prepared find them under the same names.

use std::time::Duration;

use postgres_connection::PostgresUrl;
use read_model::{ReadModelError, ReadModelUrl, Side, TABLES, Table};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;

use super::Swap;
use crate::holders::holders;
use crate::{ProjectError, Projector};

const KEEP_GRANTS: &str = include_str!("../sql/postgres/keep_grants.sql");
const REFUSE_IF_AHEAD: &str = include_str!("../sql/postgres/refuse_if_live_is_ahead.sql");

/// That of [`REFUSE_IF_AHEAD`].
const IS_AHEAD: &str = "GU001";

/// What the server says when somebody holds a table.
const HELD: [SqlState; 2] = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED];

/// All who come after the swap's lock wait behind it, so it is given up after this.
const LOCK_TIMEOUT: &str = "set lock_timeout to '100ms'";

/// How long the live projection may be held up for the last events; the server gives up a rebuild
/// that is frozen then, or whose machine is lost.
const LOCKED_MAX: Duration = Duration::from_secs(1);
const HOLD: &str = "begin; set local idle_in_transaction_session_timeout = '5s'; \
     lock table guerdon_read_model.checkpoint in share row exclusive mode";

/// Projects the last events and swaps. Nobody writes to the live tables meanwhile, so that the new
/// ones aren't behind in one of several partitions; they are read on until all of the swap is sent
/// at once.
pub(super) async fn swap(url: &PostgresUrl, rebuilt: &mut Projector) -> Result<Swap, ProjectError> {
    let failed = |error| failed("swap the tables of", url, error);
    let client = url.connect().await.map_err(ReadModelError::from)?.client;
    client.batch_execute(LOCK_TIMEOUT).await.map_err(failed)?;
    rebuilt.catch_up().await?;
    let held = async {
        client.batch_execute(HOLD).await.map_err(Held::Failed)?;
        match timeout(LOCKED_MAX, rebuilt.catch_up()).await {
            Ok(caught_up) => caught_up.map_err(Held::Unprojected)?,
            Err(_) => return Err(Held::TooLong),
        }
        client.batch_execute(&trade()).await.map_err(Held::Failed)
    };
    let error = match held.await {
        Ok(()) => return Ok(Swap::Done),
        Err(Held::Failed(error)) => error,
        Err(Held::Unprojected(error)) => return Err(error),
        Err(Held::TooLong) => {
            client.batch_execute("rollback").await.map_err(failed)?;
            // A step wasn't waited for.
            rebuilt.reopen().await?;
            return Ok(Swap::Busy("the log grows too fast, or doesn't answer".into()));
        }
    };
    match error.code() {
        Some(code) if code.code() == IS_AHEAD => Ok(Swap::Behind),
        Some(code) if HELD.contains(code) => {
            client.batch_execute("rollback").await.map_err(failed)?;
            Ok(Swap::Busy(holders(&client).await.map_err(failed)?))
        }
        _ => Err(failed(error).into()),
    }
}

/// Why the tables weren't swapped.
enum Held {
    Failed(tokio_postgres::Error),
    Unprojected(ProjectError),
    TooLong,
}

/// Every reader and every projector holds the checkpoint from its first statement on, so whoever
/// has it alone has all tables alone.
fn trade() -> String {
    let (live, rebuilt) = (Side::Live.schema(), Side::Rebuilt.schema());
    let tables = TABLES.map(|Table { name: table, .. }| {
        format!(
            "alter table {live}.{table} set schema {live}_old; \
             alter table {rebuilt}.{table} set schema {live}"
        )
    });
    format!(
        "lock table {live}.checkpoint in access exclusive mode; {REFUSE_IF_AHEAD}; \
         {KEEP_GRANTS}; create schema {live}_old; {}; drop schema {live}_old cascade; commit",
        tables.join("; ")
    )
}

pub(super) async fn discard(url: &PostgresUrl, side: Side) -> Result<(), ReadModelError> {
    let client = url.connect().await?.client;
    let drop = format!("drop schema if exists {} cascade", side.schema());
    client.batch_execute(&drop).await.map_err(|error| failed("clear up beside", url, error))
}

fn failed(doing: &'static str, url: &PostgresUrl, error: tokio_postgres::Error) -> ReadModelError {
    let at = ReadModelUrl::Postgres(url.clone().into());
    ReadModelError::database(doing, &at, error)
}
