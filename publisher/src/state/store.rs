//! The state's tables, and the lease: one publisher sends at a time.

use std::time::Duration;

use uuid::Uuid;

use super::database::{Database, StateUrl, Transaction, Value};
use super::error::StateError;

/// How long a lease is valid without renewal. Another publisher takes over after that.
pub(crate) const LEASE: Duration = Duration::from_millis(LEASE_MILLIS.unsigned_abs());

const LEASE_MILLIS: i64 = 5_000;

const LOG_ID: &str = include_str!("sql/select_log_id.sql");

/// The publisher's tables.
#[derive(Debug)]
pub(crate) struct State {
    pub(super) database: Database,
    /// Names this process; another start has another name.
    holder: String,
}

/// The right to send. Only the lease with the highest epoch is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    epoch: i64,
}

/// Whether a publisher has ever sent or taken in anything with its state there.
pub async fn has_state(url: &StateUrl) -> Result<bool, StateError> {
    let Some(state) = State::open_if_there(url).await? else { return Ok(false) };
    let of: Vec<(String,)> = state.database.select(LOG_ID, &[]).await?;
    Ok(!of.is_empty())
}

impl State {
    /// Opens the state, if it is there: to open a file would make it.
    pub(crate) async fn open_if_there(url: &StateUrl) -> Result<Option<Self>, StateError> {
        if let StateUrl::Sqlite(file) = url
            && !file.exists()
        {
            return Ok(None);
        }
        Self::open(url).await.map(Some)
    }

    pub(crate) async fn open(url: &StateUrl) -> Result<Self, StateError> {
        let database = Database::open(url).await?;
        Ok(Self { database, holder: Uuid::now_v7().to_string() })
    }

    /// Whether a publisher of this log has ever had the lease; that of another log is refused.
    pub(crate) async fn is_of_log(&self, log_id: &str) -> Result<bool, StateError> {
        let of: Vec<(String,)> = self.database.select(LOG_ID, &[]).await?;
        match of.into_iter().next() {
            None => Ok(false),
            Some((of,)) if of == log_id => Ok(true),
            Some((of,)) => Err(StateError::OtherLog { of, log: log_id.into() }),
        }
    }

    /// Takes the lease; `None` while another publisher holds it.
    pub(crate) async fn take_lease(&self, log_id: &str) -> Result<Option<Lease>, StateError> {
        let mut taking = self.database.begin().await?;
        let of: Vec<(String,)> = taking.all(LOG_ID, &[]).await?;
        if let Some((of,)) = of.into_iter().find(|(of,)| of != log_id) {
            return Err(StateError::OtherLog { of, log: log_id.into() });
        }
        let now = taking.now().await?;
        let values = [
            Value::Text(log_id),
            Value::Text(&self.holder),
            Value::Int(now),
            Value::Int(now + LEASE_MILLIS),
        ];
        let taken: Vec<(i64,)> = taking.all(include_str!("sql/take_lease.sql"), &values).await?;
        taking.commit().await?;
        Ok(taken.first().map(|(epoch,)| Lease { epoch: *epoch }))
    }

    /// Extends the lease.
    pub(crate) async fn renew_lease(&self, lease: Lease) -> Result<(), StateError> {
        self.fenced(lease).await?.commit().await
    }

    /// Ends the lease, so that another publisher can take it at once.
    pub(crate) async fn give_up_lease(&self, lease: Lease) -> Result<(), StateError> {
        let mut giving = self.fenced(lease).await?;
        let values = [Value::Int(lease.epoch), Value::Text(&self.holder), Value::Int(0)];
        giving.run(include_str!("sql/renew_lease.sql"), &values).await?;
        giving.commit().await
    }

    /// Begins a transaction that fails unless the lease is still valid, and extends the lease.
    pub(super) async fn fenced(&self, lease: Lease) -> Result<Transaction<'_>, StateError> {
        let mut writing = self.database.begin().await?;
        let until = writing.now().await? + LEASE_MILLIS;
        let values = [Value::Int(lease.epoch), Value::Text(&self.holder), Value::Int(until)];
        if writing.run(include_str!("sql/renew_lease.sql"), &values).await? == 0 {
            return Err(StateError::Deposed);
        }
        Ok(writing)
    }
}
