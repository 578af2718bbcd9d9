//! Sends a request again until its warehouse accepts it: without end, and less and less often.
//!
//! Each request is checked once, when its warehouse has had time to accept it. Only a request that
//! is unaccepted then gets a row in the state, and is sent again with the same id and sequence and
//! the next attempt. The time counts from Kafka's acknowledgement and not from the event, so a
//! request that waited for a broker is not overdue for that.

use std::sync::Arc;

use log_record::PackedPlace;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::encoded::{Form, Target};
use super::message::Message;
use super::pace::Pace;
use super::progress::LaneTarget;
use super::resend_policy::ResendPolicy;
use super::session::Session;
use super::stream::{Range, is_unaccepted};
use crate::causes::with_causes;
use crate::clock::UnixMillis;
use crate::error::PublishError;
use crate::kafka::outcomes::{Delivery, MessageTag, Outcomes};
use crate::kafka::producer::{Failure, Ticket, Unsent};
use crate::lane_name::FeedName;
use crate::state::unaccepted::{AcknowledgedAt, Checked, Unaccepted};

/// How many requests are checked, or sent again, at once.
const AT_ONCE: u32 = 500;

/// The resends to one warehouse.
pub(crate) struct Resend {
    session: Arc<Session>,
    feed: FeedName,
    policy: ResendPolicy,
    /// Every request up to here was checked.
    checked_to: PackedPlace,
    /// The acknowledged place that was stored last.
    marked: Option<PackedPlace>,
    pace: Arc<Pace>,
}

/// What to do about a request that is due.
enum Due {
    /// Send it to this target.
    Send(Box<Message>, LaneTarget),
    /// Check it later.
    Later,
    /// It needs no resend any more.
    Done,
}

impl Resend {
    pub(crate) fn new(
        session: Arc<Session>,
        feed: FeedName,
        checked_to: PackedPlace,
        pace: Arc<Pace>,
    ) -> Self {
        let policy = session.resend_policy;
        Self { session, feed, policy, checked_to, marked: None, pace }
    }

    /// Sends what is due again and again, until `stop` or until another publisher takes over.
    pub(crate) async fn run(mut self, stop: &CancellationToken) -> Result<(), PublishError> {
        loop {
            match self.turn(stop).await {
                Err(error) if error.may_pass() => {
                    let error = with_causes(&error);
                    tracing::warn!(error, feed = %self.feed, "resends fail, and are retried");
                }
                done => done?,
            }
            let asked = self.session.resend_asked.notified();
            let pause = tokio::time::timeout(self.policy.check_every(), asked);
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

    /// Stores up to which place the feed is acknowledged now.
    async fn mark(&mut self) -> Result<(), PublishError> {
        let Some(to) = self.session.progress.acknowledged_to(&self.feed) else { return Ok(()) };
        if to > self.checked_to && self.marked != Some(to) {
            let (state, lease) = (&self.session.state, self.session.lease);
            let acknowledged = AcknowledgedAt { at: UnixMillis::now(), to };
            state.mark_acknowledged(lease, &self.feed, acknowledged).await?;
            self.marked = Some(to);
        }
        Ok(())
    }

    /// Checks all requests whose time to be accepted has passed, each of them once.
    async fn check(&mut self) -> Result<(), PublishError> {
        let now = UnixMillis::now();
        let by = now.minus(self.policy.accept_within);
        let (state, lease) = (Arc::clone(&self.session.state), self.session.lease);
        let Some(to) = state.acknowledged_by(&self.feed, by).await? else { return Ok(()) };
        loop {
            let range = Range { after: self.checked_to, reached: to, limit: AT_ONCE };
            let page = self.session.stream.progress(&self.feed, range).await?;
            let mut unaccepted = vec![];
            for request in &page {
                let place = request.place.into();
                if place > to || !is_unaccepted(request.status) {
                    continue;
                }
                if let Some(message) = self.session.stream.message_at(place).await? {
                    unaccepted.push(Unaccepted {
                        place,
                        shipping_request_id: message.entry.id.to_string(),
                        feed: self.feed.clone(),
                        attempts: 1,
                        due_at: now,
                        is_overdue: false,
                        is_asked_for: false,
                    });
                }
            }
            let last = page.last().map(|request| request.place.into());
            let last = last.filter(|last: &PackedPlace| *last < to);
            let checked = Checked {
                feed: &self.feed,
                to: last.unwrap_or(to),
                unaccepted: &unaccepted,
                done_by: last.is_none().then_some(by),
            };
            let checked_to = checked.to;
            state.note_checked(lease, checked).await?;
            // Only now: a page that couldn't be stored is checked again.
            self.checked_to = checked_to;
            if last.is_none() {
                return Ok(());
            }
        }
    }

    /// Sends the due requests again, and waits for their outcomes.
    async fn send_due(&mut self, stop: &CancellationToken) -> Result<(), PublishError> {
        if self.session.is_paused() {
            return Ok(());
        }
        let (state, lease) = (Arc::clone(&self.session.state), self.session.lease);
        let due = state.due(&self.feed, UnixMillis::now(), AT_ONCE.into()).await?;
        let reached = self.session.stream.reached(self.feed.partition).await?;
        let (mut done, mut sent) = (vec![], vec![]);
        let outcomes = Arc::new(Outcomes::default());
        for row in due {
            let (message, target) = match self.decide(&row, reached).await? {
                Due::Send(message, target) => (message, target),
                Due::Later => {
                    self.postpone(row).await?;
                    continue;
                }
                Due::Done => {
                    done.push(row);
                    continue;
                }
            };
            while let Err(at) = self.pace.take(Instant::now()) {
                if stop.run_until_cancelled(tokio::time::sleep_until(at)).await.is_none() {
                    return Ok(());
                }
            }
            let attempt = u32::try_from(row.attempts + 1).unwrap_or(u32::MAX);
            let (topic, partition) = (target.topic.as_str(), target.partition);
            let target = Target { topic, partition };
            let form = Form { attempt, is_replay: false };
            let ticket = Ticket::new(Arc::clone(&outcomes), tag(&sent));
            let (producer, tracer) = (self.session.producers.current(), &self.session.tracer);
            match message.send(&producer, target, form, ticket, tracer) {
                Ok(()) => sent.push(row),
                Err(Unsent::QueueFull) => break,
                Err(Unsent::Failed(failure)) => self.note_failure(row, &failure).await?,
            }
        }
        state.delete_unaccepted(lease, &done).await?;
        self.note_outcomes(&sent, &outcomes, stop).await
    }

    async fn decide(&self, row: &Unaccepted, reached: PackedPlace) -> Result<Due, PublishError> {
        // The read model doesn't know yet what became of it, or whether it exists.
        if row.place > reached {
            return Ok(Due::Later);
        }
        // The message first: that read waits until the read model has reached the place.
        let message = self.session.stream.message_at(row.place).await?;
        let progress = self.session.stream.progress_of(&row.shipping_request_id).await?;
        let is_wanted = row.is_asked_for || progress.is_some_and(|it| is_unaccepted(it.status));
        let Some(message) = message.filter(|_| is_wanted) else { return Ok(Due::Done) };
        // A message that its lane has yet to send comes from the lane, in its order.
        Ok(match self.session.progress.target_of(&message) {
            Some(target) => Due::Send(Box::new(message), target),
            None => Due::Later,
        })
    }

    /// Waits for all outcomes, however long that takes: a message that Kafka may still get must not
    /// be sent once more.
    async fn note_outcomes(
        &self,
        sent: &[Unaccepted],
        outcomes: &Outcomes,
        stop: &CancellationToken,
    ) -> Result<(), PublishError> {
        let mut known = 0;
        while known < sent.len() {
            let next = stop.run_until_cancelled(outcomes.next()).await;
            let Some(Delivery { run, outcome, .. }) = next else { return Ok(()) };
            for number in run.first..run.first + run.count {
                known += 1;
                let row = usize::try_from(number).ok().and_then(|index| sent.get(index).cloned());
                let Some(row) = row else { continue };
                match &outcome {
                    Ok(()) => self.note_sent(row).await?,
                    Err(failure) => self.note_failure(row, failure).await?,
                }
            }
        }
        Ok(())
    }

    async fn note_failure(&self, row: Unaccepted, why: &Failure) -> Result<(), PublishError> {
        let id = &row.shipping_request_id;
        tracing::warn!(id, %why, "a request could not be sent again");
        match why {
            Failure::ProducerLost(_) => Ok(()),
            Failure::Refused(_) => self.postpone(row).await,
        }
    }

    /// Checks a request later, so that it doesn't hold up those that can be sent.
    async fn postpone(&self, read: Unaccepted) -> Result<(), PublishError> {
        let due_at = UnixMillis::now().plus(self.policy.pause_after(1));
        let row = Unaccepted { due_at, ..read.clone() };
        Ok(self.session.state.reschedule(self.session.lease, &read, &row).await?)
    }

    /// Counts an attempt; too many make the request overdue.
    async fn note_sent(&self, read: Unaccepted) -> Result<(), PublishError> {
        let mut row = read.clone();
        row.attempts += 1;
        row.is_asked_for = false;
        row.due_at = UnixMillis::now().plus(self.policy.pause_after(row.attempts));
        if !row.is_overdue && self.policy.is_overdue_after(row.attempts) {
            row.is_overdue = true;
            let (id, attempts) = (&row.shipping_request_id, row.attempts);
            tracing::error!(
                id,
                attempts,
                position = %row.place,
                "a shipping request is overdue: its warehouse does not accept it"
            );
        }
        Ok(self.session.state.reschedule(self.session.lease, &read, &row).await?)
    }
}

/// Tags the message that follows those that were sent.
fn tag(sent: &[Unaccepted]) -> MessageTag {
    MessageTag { lane: 0, number: sent.len() as u64 }
}
