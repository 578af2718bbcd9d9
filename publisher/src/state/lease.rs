//! Who may send: one publisher at a time.

use std::time::Duration;

use super::{State, StateError, Value};

/// For how long a lease is good that isn't renewed: a publisher that died is followed after that.
pub(crate) const LEASE: Duration = Duration::from_secs(5);

pub(super) const LEASE_MILLIS: i64 = 5_000;

/// The right to send; only the last one that was taken counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    epoch: i64,
}

impl Lease {
    pub(super) const fn epoch(self) -> i64 {
        self.epoch
    }
}

impl State {
    /// Takes the lease; none while another publisher has it.
    pub(crate) async fn take_lease(&self, log_id: &str) -> Result<Option<Lease>, StateError> {
        let mut taking = self.database.begin().await?;
        let of: Vec<(String,)> = taking.all(include_str!("../sql/select_log_id.sql"), &[]).await?;
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
        let taken: Vec<(i64,)> = taking.all(include_str!("../sql/take_lease.sql"), &values).await?;
        taking.commit().await?;
        Ok(taken.first().map(|(epoch,)| Lease { epoch: *epoch }))
    }

    /// Keeps the lease for as long again.
    pub(crate) async fn renew_lease(&self, lease: Lease) -> Result<(), StateError> {
        self.fenced(lease).await?.commit().await
    }

    /// Lets another publisher have it at once.
    pub(crate) async fn give_up_lease(&self, lease: Lease) -> Result<(), StateError> {
        let mut giving = self.fenced(lease).await?;
        let values = [Value::Int(lease.epoch), Value::Text(&self.holder), Value::Int(0)];
        giving.run(include_str!("../sql/renew_lease.sql"), &values).await?;
        giving.commit().await
    }
}
