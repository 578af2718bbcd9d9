//! What every connection sets for itself on the server.
//!
//! Whoever holds a lock may be frozen, or its host may be gone without a word. The server must let
//! go of what such a session holds, and nobody may wait for it without a limit, whatever the role's
//! or the database's settings are. What the URL says in `options` counts more than this.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _};

const DURABILITY: &str = include_str!("session.sql");

/// How long the server keeps what a session holds that is idle within a transaction: its process is
/// frozen, or its host is gone.
const IDLE_IN_TRANSACTION: &str = "5s";

/// How long a statement waits for a lock. Whoever must have it asks again.
const LOCK_WAIT: &str = "2s";

/// A host that is gone without a word is noticed after 5 s and three probes, 11 s in all; one that
/// is sent something, after 10 s.
const KEEPALIVES: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "2"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "10s"),
];

/// A statement that sets it, with `own` settings beside, which count more than those of all.
#[must_use]
pub fn session(own: &[(&str, &str)]) -> String {
    let of_all =
        [("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION), ("lock_timeout", LOCK_WAIT)];
    let of_all = of_all.into_iter().chain(KEEPALIVES);
    let of_all = of_all.filter(|(name, _)| own.iter().all(|(known, _)| known != name));
    let settings: Vec<String> = of_all
        .chain(own.iter().copied())
        .map(|(name, value)| format!("('{name}', '{value}')"))
        .collect();
    format!(
        "select set_config(own.name, own.value, false) from (values {}) as own (name, value) \
         join pg_settings as known using (name) where known.source <> 'client'; {DURABILITY}",
        settings.join(", ")
    )
}

/// Sets it on a connection of sqlx.
pub(crate) async fn set_session(
    connection: &mut PgConnection,
    own: &[(&str, &str)],
) -> Result<(), sqlx::Error> {
    connection.execute(AssertSqlSafe(session(own))).await.map(drop)
}
