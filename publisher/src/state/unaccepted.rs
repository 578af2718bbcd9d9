//! Shipping requests that their warehouse has not accepted in time, and how often they were sent.

use log_record::PackedPlace;

use super::database::{Transaction, Value};
use super::error::StateError;
use super::store::{Lease, State};
use crate::clock::UnixMillis;
use crate::lane_name::FeedName;

/// A request that is sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unaccepted {
    pub(crate) place: PackedPlace,
    pub(crate) shipping_request_id: String,
    pub(crate) feed: FeedName,
    /// How often it was sent.
    pub(crate) attempts: i64,
    pub(crate) due_at: UnixMillis,
    /// It is in the operators' list of overdue requests.
    pub(crate) is_overdue: bool,
    /// An operator wants it sent once more, whatever its status is.
    pub(crate) is_asked_for: bool,
}

/// Up to which place a feed was acknowledged at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AcknowledgedAt {
    pub(crate) at: UnixMillis,
    pub(crate) to: PackedPlace,
}

/// The result of checking a feed's requests for acceptance.
#[derive(Debug)]
pub(crate) struct Checked<'a> {
    pub(crate) feed: &'a FeedName,
    /// Every request up to here was checked.
    pub(crate) to: PackedPlace,
    /// The requests that are not accepted.
    pub(crate) unaccepted: &'a [Unaccepted],
    /// Everything that was acknowledged by this time was checked.
    pub(crate) done_by: Option<UnixMillis>,
}

/// How many requests are sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UnacceptedCount {
    pub(crate) sent_again: i64,
    pub(crate) overdue: i64,
}

impl State {
    /// Stores up to which place a feed is acknowledged now.
    pub(crate) async fn mark_acknowledged(
        &self,
        lease: Lease,
        feed: &FeedName,
        acknowledged: AcknowledgedAt,
    ) -> Result<(), StateError> {
        let mut writing = self.fenced(lease).await?;
        let AcknowledgedAt { at, to } = acknowledged;
        let values = [Value::Text(&feed.to_string()), Value::Int(at.0), Value::Place(to)];
        writing.run(include_str!("sql/insert_acknowledgement.sql"), &values).await?;
        writing.commit().await
    }

    /// Up to which place a feed was acknowledged by a time; `None` if nothing was stored by then.
    pub(crate) async fn acknowledged_by(
        &self,
        feed: &FeedName,
        time: UnixMillis,
    ) -> Result<Option<PackedPlace>, StateError> {
        let values = [Value::Text(&feed.to_string()), Value::Int(time.0)];
        let select = include_str!("sql/select_acknowledgement.sql");
        let found: Vec<(i64,)> = self.database.select(select, &values).await?;
        Ok(found.first().map(|(to,)| PackedPlace::from_i64(*to)))
    }

    /// Stores the result of a check.
    pub(crate) async fn note_checked(
        &self,
        lease: Lease,
        checked: Checked<'_>,
    ) -> Result<(), StateError> {
        let mut writing = self.fenced(lease).await?;
        for row in checked.unaccepted {
            insert(&mut writing, row).await?;
        }
        let feed = checked.feed.to_string();
        let values = [Value::Text(&feed), Value::Place(checked.to)];
        writing.run(include_str!("sql/update_checked_to.sql"), &values).await?;
        if let Some(time) = checked.done_by {
            let values = [Value::Text(&feed), Value::Int(time.0)];
            writing.run(include_str!("sql/delete_acknowledgements.sql"), &values).await?;
        }
        writing.commit().await
    }

    /// The place up to which none of a feed's requests waits for acceptance.
    pub(crate) async fn accepted_to(&self, feed: &FeedName) -> Result<PackedPlace, StateError> {
        let values = [Value::Text(&feed.to_string())];
        let select = include_str!("sql/select_accepted_to.sql");
        let found: Vec<(Option<i64>,)> = self.database.select(select, &values).await?;
        let to = found.first().and_then(|(to,)| *to).map(PackedPlace::from_i64);
        Ok(to.unwrap_or_default().max(feed.start()))
    }

    /// Stores an operator's wish to send a request again now.
    pub(crate) async fn ask_for(&self, row: &Unaccepted) -> Result<(), StateError> {
        let mut writing = self.database.begin().await?;
        insert(&mut writing, row).await?;
        writing.commit().await
    }

    /// A feed's requests that are due, the longest overdue first.
    pub(crate) async fn due(
        &self,
        feed: &FeedName,
        now: UnixMillis,
        limit: i64,
    ) -> Result<Vec<Unaccepted>, StateError> {
        let values = [Value::Text(&feed.to_string()), Value::Int(now.0), Value::Int(limit)];
        let select = include_str!("sql/select_due.sql");
        let due: Vec<Row> = self.database.select(select, &values).await?;
        due.into_iter().map(Row::unaccepted).collect()
    }

    /// Replaces a row by `changed` after a resend, or to check it later. If an operator asked for
    /// a resend since the row was read, that stays due.
    pub(crate) async fn reschedule(
        &self,
        lease: Lease,
        read: &Unaccepted,
        changed: &Unaccepted,
    ) -> Result<(), StateError> {
        let mut writing = self.fenced(lease).await?;
        let values = [
            Value::Place(changed.place),
            Value::Int(changed.attempts),
            Value::Int(changed.due_at.0),
            Value::Bool(changed.is_overdue),
            Value::Bool(changed.is_asked_for),
            Value::Bool(read.is_asked_for),
        ];
        writing.run(include_str!("sql/reschedule_unaccepted.sql"), &values).await?;
        writing.commit().await
    }

    /// Deletes rows, given as they were read, that need no resend any more.
    pub(crate) async fn delete_unaccepted(
        &self,
        lease: Lease,
        read: &[Unaccepted],
    ) -> Result<(), StateError> {
        let mut writing = self.fenced(lease).await?;
        for row in read {
            let values = [Value::Place(row.place), Value::Bool(row.is_asked_for)];
            writing.run(include_str!("sql/delete_unaccepted.sql"), &values).await?;
        }
        writing.commit().await
    }

    /// The overdue requests after a place, in the order of the log.
    pub(crate) async fn overdue(
        &self,
        after: PackedPlace,
        limit: i64,
    ) -> Result<Vec<Unaccepted>, StateError> {
        let values = [Value::Place(after), Value::Int(limit)];
        let select = include_str!("sql/select_overdue.sql");
        let overdue: Vec<Row> = self.database.select(select, &values).await?;
        overdue.into_iter().map(Row::unaccepted).collect()
    }

    pub(crate) async fn unaccepted_count(&self) -> Result<UnacceptedCount, StateError> {
        let count = include_str!("sql/count_unaccepted.sql");
        let found: Vec<(i64, i64)> = self.database.select(count, &[]).await?;
        let (sent_again, overdue) = found.first().copied().unwrap_or_default();
        Ok(UnacceptedCount { sent_again, overdue })
    }
}

async fn insert(writing: &mut Transaction<'_>, row: &Unaccepted) -> Result<(), StateError> {
    let values = [
        Value::Place(row.place),
        Value::Text(&row.shipping_request_id),
        Value::Text(&row.feed.to_string()),
        Value::Int(row.attempts),
        Value::Int(row.due_at.0),
        Value::Bool(row.is_asked_for),
    ];
    writing.run(include_str!("sql/insert_unaccepted.sql"), &values).await.map(drop)
}

#[derive(sql_macros::FromRow)]
struct Row {
    place: i64,
    shipping_request_id: String,
    feed: String,
    attempts: i64,
    due_at: i64,
    is_overdue: i64,
    is_asked_for: i64,
}

impl Row {
    fn unaccepted(self) -> Result<Unaccepted, StateError> {
        Ok(Unaccepted {
            place: PackedPlace::from_i64(self.place),
            shipping_request_id: self.shipping_request_id,
            feed: self.feed.parse()?,
            attempts: self.attempts,
            due_at: UnixMillis(self.due_at),
            is_overdue: self.is_overdue == 1,
            is_asked_for: self.is_asked_for == 1,
        })
    }
}
