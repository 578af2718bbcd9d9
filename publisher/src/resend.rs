//! Sends a request again until its warehouse has accepted it: without end, and less and less often.
//!
//! Each request is looked at once, when its warehouse has had time to accept it; only one that is
//! still unaccepted then gets a row, and is sent again with the same id and sequence, and an
//! attempt more. How long it had is counted from its acknowledgement by Kafka, not from its event:
//! what waited for a broker to come back is not overdue for that.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ends::FeedName;
use crate::kafka::{Failure, Ticket, Unsent};
use crate::message::Target;
use crate::pace::Pace;
use crate::session::Session;
use crate::state::Unaccepted;
use crate::stream::{is_unaccepted, key, place};
use crate::{PublishError, clock};

/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(6 * 3_600);

/// How many requests are looked at, or sent again, in one go.
const AT_ONCE: u32 = 500;

/// When a request is sent again, and when somebody is told.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long a warehouse has to accept a request.
    pub accept_within: Duration,
    /// After how many attempts an operator is told.
    pub alert_after: u32,
}

impl Patience {
    /// After so many attempts, when the next one is due.
    fn pause(self, attempts: i64) -> i64 {
        let doubled = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(20);
        let pause = self.accept_within.saturating_mul(1 << doubled);
        millis(pause.min(PAUSE_MAX.max(self.accept_within)))
    }

    /// How often it is looked what is due: often enough that the time to accept is kept to.
    fn look_every(self) -> Duration {
        (self.accept_within / 8).clamp(Duration::from_millis(100), Duration::from_secs(30))
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// What is sent again to one warehouse.
pub(crate) struct Resend {
    session: Arc<Session>,
    feed: FeedName,
    patience: Patience,
    checked_to: i64,
    /// Up to where it was noted last that all is acknowledged.
    marked: Option<i64>,
    pace: Arc<Pace>,
}

impl Resend {
    pub(crate) fn new(
        session: Arc<Session>,
        feed: FeedName,
        checked_to: i64,
        pace: Arc<Pace>,
    ) -> Self {
        let patience = session.patience;
        Self { session, feed, patience, checked_to, marked: None, pace }
    }

    /// Looks again and again what is due, until it is told to stop or another publisher took over.
    pub(crate) async fn run(mut self, stop: &CancellationToken) -> Result<(), PublishError> {
        loop {
            match self.turn(stop).await {
                Err(error) if error.may_pass() => {
                    let (error, feed) = (crate::with_causes(&error), self.feed.to_string());
                    tracing::warn!(error, feed, "nothing is sent again for now");
                }
                done => done?,
            }
            let asked = self.session.resend_asked.notified();
            let pause = tokio::time::timeout(self.patience.look_every(), asked);
            if stop.run_until_cancelled(pause).await.is_none() {
                return Ok(());
            }
        }
    }

    async fn turn(&mut self, stop: &CancellationToken) -> Result<(), PublishError> {
        self.mark().await?;
        self.check().await?;
        self.send_due(stop).await
    }

    /// Notes up to where all is acknowledged by now.
    async fn mark(&mut self) -> Result<(), PublishError> {
        let Some(to) = self.session.status.acknowledged_to(&self.feed) else { return Ok(()) };
        if to > self.checked_to && self.marked != Some(to) {
            let (state, lease) = (&self.session.state, self.session.lease);
            state.mark_acknowledged(lease, &self.feed.to_string(), (clock::now(), to)).await?;
            self.marked = Some(to);
        }
        Ok(())
    }

    /// Looks at all requests whose time to be accepted has passed, each of them once.
    async fn check(&mut self) -> Result<(), PublishError> {
        let (now, feed) = (clock::now(), self.feed.to_string());
        let by = now.saturating_sub(millis(self.patience.accept_within));
        let Some(to) = self.session.state.acknowledged_by(&feed, by).await? else { return Ok(()) };
        loop {
            let stream = &self.session.stream;
            let page = stream.progress(&self.feed, (self.checked_to, to), AT_ONCE).await?;
            let passed = page.iter().filter(|request| key(request.place) <= to);
            let late = passed.filter(|request| is_unaccepted(request.status));
            let mut unaccepted = vec![];
            for request in late {
                if let Some(message) = self.session.stream.message_at(key(request.place)).await? {
                    unaccepted.push(Unaccepted {
                        place: message.sent.place,
                        shipping_request_id: message.sent.message_id,
                        feed: feed.clone(),
                        attempts: 1,
                        due_at: now,
                        is_overdue: 0,
                        is_asked_for: 0,
                    });
                }
            }
            let last = page.last().map(|request| key(request.place)).filter(|last| *last < to);
            let (state, lease) = (&self.session.state, self.session.lease);
            let reached = last.unwrap_or(to);
            let done_by = last.is_none().then_some(by);
            state.note_checked(lease, &feed, reached, &unaccepted, done_by).await?;
            self.checked_to = reached;
            if last.is_none() {
                return Ok(());
            }
        }
    }

    /// Sends again what is due.
    async fn send_due(&mut self, stop: &CancellationToken) -> Result<(), PublishError> {
        let (state, lease) = (Arc::clone(&self.session.state), self.session.lease);
        let due = state.due(&self.feed.to_string(), clock::now(), AT_ONCE.into()).await?;
        let reached = key(self.session.stream.reached(self.feed.partition).await?);
        let (mut done, mut sent) = (vec![], vec![]);
        let (told, mut heard) = mpsc::unbounded_channel();
        for row in due {
            // Nobody knows yet what has become of it, or whether it is there at all.
            if row.place > reached {
                self.put_off(row).await?;
                continue;
            }
            // First, for it waits until the read model has come to that place.
            let message = self.session.stream.message_at(row.place).await?;
            let progress = self.session.stream.progress_of(&row.shipping_request_id).await?;
            let is_wanted =
                row.is_asked_for == 1 || progress.is_some_and(|it| is_unaccepted(it.status));
            let Some(message) = message.filter(|_| is_wanted) else {
                done.push(row);
                continue;
            };
            // What its lane is yet to send, or to send again, comes from there, in its order.
            let Some((topic, partition)) = self.session.status.partition_of(&message) else {
                self.put_off(row).await?;
                continue;
            };
            while let Err(at) = self.pace.take(Instant::now()) {
                if stop.run_until_cancelled(tokio::time::sleep_until(at)).await.is_none() {
                    return Ok(());
                }
            }
            let attempt = u32::try_from(row.attempts + 1).unwrap_or(u32::MAX);
            let target = Target { topic: &topic, partition, attempt, replay: None };
            let ticket = Ticket { to: told.clone(), lane: sent.len(), place: row.place };
            match message.send(&self.session.producers.current(), target, ticket) {
                Ok(()) => sent.push(row),
                Err(Unsent::QueueFull) => break,
                Err(Unsent::Failed(failure)) => {
                    self.could_not_be_sent(row, &failure).await?;
                }
            }
        }
        drop(told);
        state.settle(lease, &done).await?;
        // However long that takes: what waits for a broker already must not be sent once more.
        while let Some(Some(delivery)) = stop.run_until_cancelled(heard.recv()).await {
            let Some(row) = sent.get(delivery.lane).cloned() else { continue };
            match delivery.outcome {
                Ok(()) => self.was_sent_again(row).await?,
                Err(failure) => self.could_not_be_sent(row, &failure).await?,
            }
        }
        Ok(())
    }

    async fn could_not_be_sent(&self, row: Unaccepted, why: &Failure) -> Result<(), PublishError> {
        tracing::warn!(id = row.shipping_request_id, ?why, "a request can't be sent again for now");
        match why {
            Failure::ProducerLost(_) => Ok(()),
            Failure::Refused(_) => self.put_off(row).await,
        }
    }

    /// Looks at one later, so that it isn't in the way of those that can be sent.
    async fn put_off(&self, read: Unaccepted) -> Result<(), PublishError> {
        let due_at = clock::now().saturating_add(self.patience.pause(1));
        let row = Unaccepted { due_at, ..read.clone() };
        Ok(self.session.state.put_off(self.session.lease, &read, &row).await?)
    }

    /// Counts an attempt, and tells an operator when there were too many.
    async fn was_sent_again(&self, read: Unaccepted) -> Result<(), PublishError> {
        let mut row = read.clone();
        row.attempts += 1;
        row.is_asked_for = 0;
        row.due_at = clock::now().saturating_add(self.patience.pause(row.attempts));
        if row.is_overdue == 0 && row.attempts >= i64::from(self.patience.alert_after) {
            row.is_overdue = 1;
            let (id, attempts) = (&row.shipping_request_id, row.attempts);
            let at = place(row.place).to_string();
            tracing::error!(id, attempts, at, "a shipping request is overdue: nobody accepts it");
        }
        Ok(self.session.state.put_off(self.session.lease, &read, &row).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_a_quarter_of_a_day() {
        let patience = Patience { accept_within: Duration::from_secs(900), alert_after: 5 };
        let minutes = |attempts| patience.pause(attempts) / 60_000;
        assert_eq!([1, 2, 3, 4].map(minutes), [15, 30, 60, 120]);
        assert_eq!([6, 60, i64::MAX].map(minutes), [360, 360, 360]);
    }
}
