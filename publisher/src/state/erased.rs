//! Erasing the parked messages of an account: what a warehouse or a shop wrote of it, as it came.

use std::io;
use std::path::Path;

use postgres_connection::{PostgresUrl, rewrite_table};
use serde_json::Value as Json;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use super::database::{StateUrl, options};
use super::error::StateError;
use super::parked::ParkedMessage;
use super::store::State;

/// How many parked messages are listed at once; each is read whole by itself.
const LISTED: i64 = 500;

/// The table on PostgreSQL.
const TABLE: &str = "guerdon_publisher.parked";

/// Whom a parked message is about, as far as can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParkedAbout {
    /// An account.
    Account(String),
    /// A shipping request.
    Request(String),
}

/// Whom each parked message is about, by its number, where that can be told. A ledger that never
/// had a publisher has none.
pub async fn parked_about(url: &StateUrl) -> Result<Vec<(i64, ParkedAbout)>, StateError> {
    if !is_there(url).await? {
        return Ok(vec![]);
    }
    let state = State::open(url).await?;
    let (mut after, mut found) = (0, vec![]);
    loop {
        let listed = state.parked(after, LISTED).await?;
        let Some(last) = listed.last() else { return Ok(found) };
        after = last.parked_id;
        for ParkedMessage { parked_id, .. } in listed {
            let message = state.parked_message(parked_id).await?;
            found.extend(message.and_then(|message| Some((parked_id, about(&message)?))));
        }
    }
}

/// Deletes these parked messages, and sees to it that the state's files don't have them any more.
pub async fn erase_parked(url: &StateUrl, parked: &[i64]) -> Result<(), StateError> {
    if !is_there(url).await? {
        return Ok(());
    }
    let state = State::open(url).await?;
    for parked_id in parked {
        state.discard(*parked_id).await?;
    }
    rewrite(url).await
}

fn about(message: &ParkedMessage) -> Option<ParkedAbout> {
    let body: Json = serde_json::from_slice(&message.body).unwrap_or_default();
    let text = |field: &str| body.get(field).and_then(Json::as_str).map(ToOwned::to_owned);
    let named = text("account_id").map(ParkedAbout::Account);
    named.or_else(|| text("shipping_request_id").map(ParkedAbout::Request))
}

async fn is_there(url: &StateUrl) -> Result<bool, StateError> {
    match url {
        StateUrl::Sqlite(file) => Ok(file.exists()),
        StateUrl::Postgres(at) => {
            let connection = at.connect().await?;
            let select = "select to_regclass($1) is not null";
            let row = connection.client.query_one(select, &[&TABLE]).await;
            row.and_then(|row| row.try_get(0)).map_err(|source| failed(url, source))
        }
    }
}

/// Gives the table other files, or writes the file anew.
async fn rewrite(url: &StateUrl) -> Result<(), StateError> {
    match url {
        StateUrl::Sqlite(file) => rewrite_file(file).await.map_err(|source| failed(url, source)),
        StateUrl::Postgres(at) => rewrite_on(at, url).await,
    }
}

async fn rewrite_file(file: &Path) -> Result<(), sqlx::Error> {
    let mut connection = options(file).connect().await?;
    connection.execute("vacuum").await?;
    let is_busy: i64 =
        sqlx::query_scalar("pragma wal_checkpoint(truncate)").fetch_one(&mut connection).await?;
    connection.close().await?;
    if is_busy == 0 { Ok(()) } else { Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())) }
}

async fn rewrite_on(at: &PostgresUrl, url: &StateUrl) -> Result<(), StateError> {
    let connection = at.connect().await?;
    let rewritten = rewrite_table(&connection.client, TABLE).await;
    match rewritten.map_err(|source| failed(url, source))?.why_not() {
        None => Ok(()),
        Some(why) => Err(failed(url, format!("the table {TABLE} can't be written anew: {why}"))),
    }
}

fn failed(
    url: &StateUrl,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StateError {
    StateError::Database { at: url.to_string(), source: source.into() }
}
