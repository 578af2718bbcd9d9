//! Prepared statements that fit the tables no more: a column has another type since, or a table was
//! put in the place of another. PostgreSQL refuses them on each connection that has prepared them,
//! for as long as it has them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sqlx::Error;

/// "cached plan must not change result type", and "prepared statement does not exist".
const CODES: [&str; 2] = ["0A000", "26000"];

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
        if answer.as_ref().is_err_and(is_stale) {
            tracing::info!("the read tables were changed; connections to them are made anew");
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
            if !answer.as_ref().is_err_and(is_stale) {
                break;
            }
            answer = self.note(ask().await);
        }
        answer
    }
}

fn is_stale(error: &Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| CODES.contains(&&*code))
}
