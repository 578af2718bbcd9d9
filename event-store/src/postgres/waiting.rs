//! A statement that may wait for somebody's transaction: every second the program's log says for
//! whom.

use std::pin::pin;
use std::time::Duration;

use postgres_connection::PostgresUrl;
use tokio_postgres::{Client, Error};

/// How long a statement waits before somebody is told, and again.
const TELL_EVERY: Duration = Duration::from_secs(1);

const BLOCKING: &str = include_str!("blocking.sql");

/// Runs it on `client`. `what` is said of it while it waits.
pub(super) async fn run_and_tell(
    url: &PostgresUrl,
    client: &Client,
    what: &str,
    statement: &str,
) -> Result<(), Error> {
    tell_while(url, client, what, client.batch_execute(statement)).await
}

/// The same of a statement that is sent when `running` is first polled.
pub(super) async fn tell_while<T>(
    url: &PostgresUrl,
    client: &Client,
    what: &str,
    running: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await?.try_get(0)?;
    let mut running = pin!(running);
    loop {
        tokio::select! {
            done = &mut running => return done,
            () = tokio::time::sleep(TELL_EVERY) => tell(url, pid, what).await,
        }
    }
}

/// What can't be asked isn't told; the statement itself has the error.
async fn tell(url: &PostgresUrl, pid: i32, what: &str) {
    let Ok(connection) = url.connect().await else { return };
    let Ok(rows) = connection.client.query(BLOCKING, &[&pid]).await else { return };
    for row in rows {
        let waits_for: String = row.try_get(0).unwrap_or_default();
        tracing::warn!(waits_for, "{what}; it waits for a transaction that stays open");
    }
}
