//! Connections of no more use. Prepared statements may fit the tables no more: a column has another
//! type since, or a table was put in the place of another. PostgreSQL refuses them on each
//! connection that has prepared them, for as long as it has them. Or the server has ended the
//! connections; that is found out by whoever uses one, because to ask before each read takes longer
//! than the read.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sqlx::Error;

/// "cached plan must not change result type", and "prepared statement does not exist".
const CODES: [&str; 2] = ["0A000", "26000"];

/// The server ends the session: an administrator wants it, or it crashes, or it starts.
const ENDED: [&str; 3] = ["57P01", "57P02", "57P03"];

/// How often a read is asked again on another connection. One that was made since can't be stale,
/// unless the tables are changed again meanwhile.
const TRIES: usize = 3;

/// Since when the connections of a pool are stale, where one of them was found to be so.
#[derive(Clone, Debug, Default)]
pub(super) struct Stale(Arc<Mutex<Option<Instant>>>);

impl Stale {
    /// Whether a connection of this age was made before statements were found to be stale.
    pub(super) fn is_of(&self, age: Duration) -> bool {
        self.0.lock().is_some_and(|since| age >= since.elapsed())
    }

    /// Looks at how a statement failed. All connections that there are by now are left then.
    pub(super) fn note<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        let Err(error) = &answer else { return answer };
        if is_stale(error) {
            tracing::info!("the read tables were changed; connections to them are made anew");
            *self.0.lock() = Some(Instant::now());
        } else if is_lost(error) {
            tracing::debug!(%error, "a connection to the read tables is lost; all are made anew");
            *self.0.lock() = Some(Instant::now());
        }
        answer
    }

    /// Reads, and again where that was on a stale connection.
    pub(super) async fn asked_again<T, F>(&self, ask: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut answer = self.note(ask().await);
        for _ in 1..TRIES {
            if !answer.as_ref().is_err_and(|error| is_stale(error) || is_lost(error)) {
                break;
            }
            answer = self.note(ask().await);
        }
        answer
    }
}

fn is_stale(error: &Error) -> bool {
    has_code(error, &CODES)
}

fn is_lost(error: &Error) -> bool {
    match error {
        Error::Io(error) => error.kind() != ErrorKind::TimedOut,
        error => has_code(error, &ENDED),
    }
}

fn has_code(error: &Error, codes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| codes.contains(&&*code))
}
