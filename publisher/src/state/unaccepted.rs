//! Requests that a warehouse was asked to fulfil, and has not accepted.

use super::{Lease, State, StateError, Value};

/// A request that is sent again.
#[derive(Clone, Debug, PartialEq, Eq, sql_macros::FromRow)]
pub(crate) struct Unaccepted {
    pub(crate) place: i64,
    pub(crate) shipping_request_id: String,
    pub(crate) feed: String,
    /// How often it was sent.
    pub(crate) attempts: i64,
    pub(crate) due_at: i64,
    /// 1: an operator is asked to look after it.
    pub(crate) is_overdue: i64,
    /// 1: an operator wants it sent once more, whatever has become of it.
    pub(crate) is_asked_for: i64,
}

impl State {
    /// Notes up to where a warehouse is acknowledged by now.
    pub(crate) async fn mark_acknowledged(
        &self,
        lease: Lease,
        feed: &str,
        (at, to): (i64, i64),
    ) -> Result<(), StateError> {
        let mut writing = self.fenced(lease).await?;
        let values = [Value::Text(feed), Value::Int(at), Value::Int(to)];
        writing.run(include_str!("../sql/insert_acknowledgement.sql"), &values).await?;
        writing.commit().await
    }

    /// Up to where a warehouse was acknowledged by a time; none where nobody noted it.
    pub(crate) async fn acknowledged_by(
        &self,
        feed: &str,
        time: i64,
    ) -> Result<Option<i64>, StateError> {
        let mut reading = self.database.begin().await?;
        let values = [Value::Text(feed), Value::Int(time)];
        let found: Vec<(i64,)> =
            reading.all(include_str!("../sql/select_acknowledgement.sql"), &values).await?;
        reading.commit().await?;
        Ok(found.first().map(|(to,)| *to))
    }

    /// Notes that every request of a warehouse up to `to` was looked at, and these not accepted;
    /// all has been looked at that was acknowledged by `time`, where that is said.
    pub(crate) async fn note_checked(
        &self,
        lease: Lease,
        feed: &str,
        to: i64,
        unaccepted: &[Unaccepted],
        time: Option<i64>,
    ) -> Result<(), StateError> {
        let mut writing = self.fenced(lease).await?;
        for row in unaccepted {
            let values = [
                Value::Int(row.place),
                Value::Text(&row.shipping_request_id),
                Value::Text(&row.feed),
                Value::Int(row.attempts),
                Value::Int(row.due_at),
                Value::Int(row.is_asked_for),
            ];
            writing.run(include_str!("../sql/insert_unaccepted.sql"), &values).await?;
        }
        let values = [Value::Text(feed), Value::Int(to)];
        writing.run(include_str!("../sql/note_checked.sql"), &values).await?;
        if let Some(time) = time {
            let values = [Value::Text(feed), Value::Int(time)];
            writing.run(include_str!("../sql/delete_acknowledgements.sql"), &values).await?;
        }
        writing.commit().await
    }

    /// Up to where no request of a warehouse needs to be accepted any more.
    pub(crate) async fn accepted_to(&self, feed: &str) -> Result<i64, StateError> {
        let mut reading = self.database.begin().await?;
        let found: Vec<(Option<i64>,)> = reading
            .all(include_str!("../sql/select_accepted_to.sql"), &[Value::Text(feed)])
            .await?;
        reading.commit().await?;
        Ok(found.first().and_then(|(to,)| *to).unwrap_or_default())
    }

    /// An operator wants a request to be sent again now.
    pub(crate) async fn ask_for(&self, row: &Unaccepted) -> Result<(), StateError> {
        let mut writing = self.database.begin().await?;
        let values = [
            Value::Int(row.place),
            Value::Text(&row.shipping_request_id),
            Value::Text(&row.feed),
            Value::Int(row.attempts),
            Value::Int(row.due_at),
            Value::Int(row.is_asked_for),
        ];
        writing.run(include_str!("../sql/insert_unaccepted.sql"), &values).await?;
        writing.commit().await
    }

    /// Those of a warehouse that are due, the longest first.
    pub(crate) async fn due(
        &self,
        feed: &str,
        now: i64,
        limit: i64,
    ) -> Result<Vec<Unaccepted>, StateError> {
        let mut reading = self.database.begin().await?;
        let values = [Value::Text(feed), Value::Int(now), Value::Int(limit)];
        let due = reading.all(include_str!("../sql/select_due.sql"), &values).await?;
        reading.commit().await?;
        Ok(due)
    }

    /// One was sent again, or is to be looked at later: as it was read, and as it is to be. What an
    /// operator has asked for meanwhile is still to be done.
    pub(crate) async fn put_off(
        &self,
        lease: Lease,
        read: &Unaccepted,
        row: &Unaccepted,
    ) -> Result<(), StateError> {
        let mut writing = self.fenced(lease).await?;
        let values = [
            Value::Int(row.place),
            Value::Int(row.attempts),
            Value::Int(row.due_at),
            Value::Int(row.is_overdue),
            Value::Int(row.is_asked_for),
            Value::Int(read.is_asked_for),
        ];
        writing.run(include_str!("../sql/put_off.sql"), &values).await?;
        writing.commit().await
    }

    /// Some, as they were read, need no further sending.
    pub(crate) async fn settle(&self, lease: Lease, read: &[Unaccepted]) -> Result<(), StateError> {
        let mut writing = self.fenced(lease).await?;
        for row in read {
            let values = [Value::Int(row.place), Value::Int(row.is_asked_for)];
            writing.run(include_str!("../sql/delete_unaccepted.sql"), &values).await?;
        }
        writing.commit().await
    }

    /// Those that an operator is asked to look after, in the order of the log.
    pub(crate) async fn overdue(
        &self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Unaccepted>, StateError> {
        let mut reading = self.database.begin().await?;
        let values = [Value::Int(after), Value::Int(limit)];
        let overdue = reading.all(include_str!("../sql/select_overdue.sql"), &values).await?;
        reading.commit().await?;
        Ok(overdue)
    }

    /// How many are sent again, and how many of them an operator is asked to look after.
    pub(crate) async fn unaccepted_count(&self) -> Result<(i64, i64), StateError> {
        let mut reading = self.database.begin().await?;
        let found: Vec<(i64, i64)> =
            reading.all(include_str!("../sql/count_unaccepted.sql"), &[]).await?;
        reading.commit().await?;
        Ok(found.first().copied().unwrap_or_default())
    }
}
