//! On PostgreSQL the new tables are made in a schema of their own and trade places with the live
//! ones in one transaction; statements that readers have prepared find them under the same names.

use postgres_connection::PostgresUrl;
use read_model::{ReadModelError, ReadModelUrl, Side, TABLES, Table};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::Swap;

const KEEP_GRANTS: &str = include_str!("../sql/postgres/keep_grants.sql");
const ARE_AHEAD: &str = include_str!("../sql/postgres/are_live_tables_ahead.sql");

/// Every reader and every projector holds the checkpoint from its first statement on, so whoever
/// has it alone has all tables alone. Those who come later wait; for no longer than a read may
/// take, or all would wait for the slowest.
const LOCK: &str = "begin; set local lock_timeout to '2s'; \
    lock table guerdon_read_model.checkpoint in access exclusive mode";

pub(super) async fn swap(url: &PostgresUrl) -> Result<Swap, ReadModelError> {
    let client = url.connect().await?.client;
    match trade(&client).await {
        Ok(swap) => Ok(swap),
        Err(error)
            if [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED]
                .iter()
                .any(|code| error.code() == Some(code)) =>
        {
            Ok(Swap::Busy)
        }
        Err(error) => Err(failed("swap the tables of", url, error)),
    }
}

async fn trade(client: &Client) -> Result<Swap, tokio_postgres::Error> {
    client.batch_execute(LOCK).await?;
    if client.query_one(ARE_AHEAD, &[]).await?.try_get(0)? {
        return Ok(Swap::Behind);
    }
    client.batch_execute(KEEP_GRANTS).await?;
    let (live, rebuilt) = (Side::Live.schema(), Side::Rebuilt.schema());
    let mut trade = format!("create schema {live}_old;");
    for Table { name: table, .. } in TABLES {
        trade.push_str(&format!(
            "alter table {live}.{table} set schema {live}_old; \
             alter table {rebuilt}.{table} set schema {live};"
        ));
    }
    trade.push_str(&format!("drop schema {live}_old cascade; commit"));
    client.batch_execute(&trade).await?;
    Ok(Swap::Done)
}

pub(super) async fn discard(url: &PostgresUrl) -> Result<(), ReadModelError> {
    let client = url.connect().await?.client;
    let drop = format!("drop schema if exists {} cascade", Side::Rebuilt.schema());
    client.batch_execute(&drop).await.map_err(|error| failed("clear up beside", url, error))
}

fn failed(doing: &'static str, url: &PostgresUrl, error: tokio_postgres::Error) -> ReadModelError {
    let at = ReadModelUrl::Postgres(url.clone().into());
    ReadModelError::database(doing, &at, error)
}
