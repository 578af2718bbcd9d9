//! Erasing the parked messages of an account: what a warehouse or a shop wrote of it, as it came.

use std::io;
use std::path::Path;

use postgres_connection::{PostgresUrl, Rewritten, rewrite_table};
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

/// Deletes the parked messages of an account, and sees to it that the state's files don't have them
/// any more: those that name it, and those about a shipping request that is the account's, as
/// `is_own` says. Gives their number. A ledger that never had a publisher has none.
pub async fn erase_parked<E: From<StateError>>(
    url: &StateUrl,
    account_id: &str,
    is_own: impl AsyncFn(&str) -> Result<bool, E>,
) -> Result<usize, E> {
    if !is_there(url).await? {
        return Ok(0);
    }
    let state = State::open(url).await?;
    let (mut after, mut erased) = (0, 0);
    loop {
        let listed = state.parked(after, LISTED).await?;
        let Some(last) = listed.last() else { break };
        after = last.parked_id;
        for ParkedMessage { parked_id, .. } in listed {
            let Some(message) = state.parked_message(parked_id).await? else { continue };
            let is_own = match about(&message) {
                About::Account(id) => id == account_id,
                About::Request(id) => is_own(&id).await?,
                About::Nobody => false,
            };
            if is_own && state.discard(parked_id).await? {
                erased += 1;
            }
        }
    }
    rewrite(url).await?;
    Ok(erased)
}

/// Whom a message is about.
enum About {
    Account(String),
    Request(String),
    /// It can't be told.
    Nobody,
}

fn about(message: &ParkedMessage) -> About {
    let body: Json = serde_json::from_slice(&message.body).unwrap_or_default();
    let text = |field: &str| body.get(field).and_then(Json::as_str).map(ToOwned::to_owned);
    let named = text("account_id").map(About::Account);
    named.or_else(|| text("shipping_request_id").map(About::Request)).unwrap_or(About::Nobody)
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
    let why = match rewritten.map_err(|source| failed(url, source))? {
        Rewritten::Done => return Ok(()),
        Rewritten::Older => "a transaction, a standby or a slot may still see its former rows",
        Rewritten::Locked => "others hold it all the time",
        Rewritten::Forbidden => {
            "the server doesn't let this role; have it own the table, or grant it `maintain`"
        }
    };
    Err(failed(url, format!("the table {TABLE} can't be written anew: {why}")))
}

fn failed(
    url: &StateUrl,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StateError {
    StateError::Database { at: url.to_string(), source: source.into() }
}
