//! A pooler that gives each transaction or statement another of the server's sessions is refused:
//! what a connection sets and prepares would be another one's.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::{Client, Error, SimpleQueryMessage};

use crate::{PostgresError, PostgresUrl};

const SESSION: &str = "select pg_backend_pid(), current_setting('guerdon.session', true)";
const MARK: &str = "select set_config('guerdon.session', 'own', false)";

/// How often a session is asked who it is.
const TIMES: usize = 3;

/// How long it may take to say so. Behind a pooler, it may wait for a connection.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The class of errors by which a pooler that speaks PostgreSQL's protocol refuses a transaction.
const CONNECTION_ERRORS: &str = "08";

/// Who answers: its process, and what was set there.
type Session = (String, String);

/// Refuses connections that aren't sessions of their own.
pub(crate) async fn check_sessions(url: &PostgresUrl) -> Result<(), PostgresError> {
    let failed = |source: Error| url.failed(source);
    let pooled = |why: &str| PostgresError::Pooler { url: url.to_string(), why: why.into() };
    let in_time = async {
        let one = url.connect().await?.client;
        one.batch_execute(MARK).await.map_err(failed)?;
        let first = session(&one).await.map_err(failed)?;
        for _ in 0..TIMES {
            if session(&one).await.map_err(failed)? != first {
                return Err(pooled("the server's process changes from one statement to the next"));
            }
        }
        // It takes what the first one has left, if that is how it goes.
        let other = url.connect().await?.client;
        if let Err(error) = other.batch_execute("begin").await {
            let is_refused =
                error.code().is_some_and(|code| code.code().starts_with(CONNECTION_ERRORS));
            let refused = || pooled("it takes no transaction of several statements");
            return Err(if is_refused { refused() } else { failed(error) });
        }
        if session(&other).await.map_err(failed)?.0 == first.0 {
            return Err(pooled("two connections have the same process of the server"));
        }
        if session(&one).await.map_err(failed)? != first {
            return Err(pooled("a setting doesn't hold from one statement to the next"));
        }
        Ok(())
    };
    let timed_out = |_| Err(url.failed(std::io::Error::from(std::io::ErrorKind::TimedOut)));
    timeout(ANSWER_MAX + 2 * url.connect_timeout(), in_time).await.unwrap_or_else(timed_out)
}

/// Asked without a prepared statement, which a pooler may lose.
async fn session(client: &Client) -> Result<Session, Error> {
    let answer = client.simple_query(SESSION).await?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let value = |column| row.and_then(|row| row.get(column)).unwrap_or_default().to_owned();
    Ok((value(0), value(1)))
}
