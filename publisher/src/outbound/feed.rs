//! Feeds one warehouse: reads its messages in the order of the log, hands them to Kafka lane by
//! lane, and stores up to which place they are acknowledged.
//!
//! Each warehouse has its own feed with its own bound, so a warehouse that is slow, stopped or in
//! trouble holds up no other. A lane whose message can't be sent is left behind; its messages are
//! read again from its checkpoint once they can be sent.
//!
//! A feed works in turns. A turn does all that can be done now: it goes back to lost messages,
//! tries blocked lanes, hands over messages while there is room, and begins to store a checkpoint
//! if the last is old. After a turn, the feed waits for an acknowledgement, new messages or a time.

use std::sync::Arc;
use std::time::Duration;

use log_record::PackedPlace;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::encoded::{Encoded, Form, Target};
use super::ends::Ends;
use super::feed_checkpoint::StoredFeed;
use super::in_flight::InFlight;
use super::lane::{Lane, Then};
use super::lanes::Lanes;
use super::pace::Pace;
use super::read_ahead::ReadAhead;
use super::resume::FeedStart;
use super::session::Session;
use crate::causes::with_causes;
use crate::error::{ForkSign, PublishError};
use crate::kafka::outcomes::{Delivery, MessageTag};
use crate::kafka::producer::{Failure, Unsent};
use crate::lane_name::FeedName;
use crate::state::checkpoint::LaneCheckpoint;

/// How often a checkpoint is stored.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(200);

/// How often the progress is reported.
const REPORT_EVERY: Duration = Duration::from_millis(50);

/// The longest pause between two turns. New messages don't end it after a turn that failed.
const TURN_EVERY: Duration = Duration::from_millis(200);

/// How many messages are handed over before other tasks of the process have their turn.
const IN_A_ROW_MAX: usize = 256;

/// How long a stopping feed waits for acknowledgements.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// One warehouse's messages on their way.
pub(crate) struct Feed {
    session: Arc<Session>,
    name: FeedName,
    ends: watch::Receiver<Ends>,
    pace: Arc<Pace>,
    lanes: Lanes,
    read_ahead: ReadAhead,
    in_flight: InFlight,
    stored: StoredFeed,
    reported_at: Option<Instant>,
}

impl Feed {
    pub(crate) fn new(session: Arc<Session>, start: FeedStart, pace: Arc<Pace>) -> Self {
        let FeedStart { name, lanes, losses, acknowledged_to, .. } = start;
        let stream = session.stream.clone();
        Self {
            ends: session.ends.clone(),
            pace,
            lanes: lanes.into_iter().collect(),
            read_ahead: ReadAhead::new(stream, name.clone(), acknowledged_to),
            in_flight: InFlight::new(session.producers.current(), session.tracer.clone()),
            stored: StoredFeed::new(acknowledged_to, losses),
            reported_at: None,
            name,
            session,
        }
    }

    /// Feeds the warehouse until `stop`, or until an error that does not pass.
    pub(crate) async fn run(mut self, stop: &CancellationToken) -> Result<(), PublishError> {
        while !stop.is_cancelled() {
            let wake_at = match self.turn().await {
                Ok(wake_at) => wake_at,
                Err(error) if error.may_pass() => {
                    let error = with_causes(&error);
                    tracing::warn!(error, feed = %self.name, "publishing fails, and is retried");
                    Some(Instant::now() + TURN_EVERY)
                }
                Err(error) => {
                    // Nobody stores anything of a feed that has ended.
                    drop(self.stored.wait(&mut self.lanes).await);
                    return Err(error);
                }
            };
            // Losses are noticed and checkpoints stored also while a warehouse's rate is used up.
            let turn_at = Instant::now() + TURN_EVERY;
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                delivery = self.in_flight.next() => {
                    self.apply(delivery);
                    while let Some(delivery) = self.in_flight.try_next() {
                        self.apply(delivery);
                    }
                }
                _ = self.ends.changed(), if wake_at.is_none() => {}
                () = tokio::time::sleep_until(wake_at.map_or(turn_at, |at| at.min(turn_at))) => {}
            }
        }
        self.finish().await
    }

    /// Does all that can be done now; returns when the next turn is due, if the feed knows.
    async fn turn(&mut self) -> Result<Option<Instant>, PublishError> {
        self.stored.note(&mut self.lanes).await?;
        self.change_producer()?;
        self.go_back_where_lost().await?;
        self.probe().await?;
        let next_turn = self.send().await?;
        if self.stored.is_due(CHECKPOINT_EVERY) {
            let to = self.acknowledged_to();
            self.stored.begin(&self.session, &self.name, &mut self.lanes, to);
        }
        if self.reported_at.is_none_or(|at| at.elapsed() >= REPORT_EVERY) {
            let progress = &self.session.progress;
            progress.note(&self.name, self.stored.acknowledged_to, self.lanes.all());
            self.reported_at = Some(Instant::now());
        }
        Ok(next_turn)
    }

    /// Waits a little for the messages in flight, and stores the last checkpoint.
    async fn finish(mut self) -> Result<(), PublishError> {
        let until = Instant::now() + DRAIN_MAX;
        while !self.in_flight.is_empty() {
            match tokio::time::timeout_at(until, self.in_flight.next()).await {
                Ok(delivery) => self.apply(delivery),
                Err(_) => break,
            }
        }
        self.store().await
    }

    /// Hands over messages while there is room; returns when the next turn is due, if the feed has
    /// to wait for a time.
    async fn send(&mut self) -> Result<Option<Instant>, PublishError> {
        let mut in_a_row = 0;
        loop {
            while let Some(message) = self.read_ahead.pop() {
                if self.session.is_paused() {
                    self.read_ahead.put_back(message);
                    return Ok(Some(Instant::now() + TURN_EVERY));
                }
                in_a_row += 1;
                if in_a_row % IN_A_ROW_MAX == 0 {
                    tokio::task::yield_now().await;
                }
                if self.in_flight.is_full() {
                    self.read_ahead.put_back(message);
                    return Ok(None);
                }
                let lane = match self.lane_of(&message).await {
                    Ok(lane) => lane,
                    Err(error) => {
                        self.read_ahead.put_back(message);
                        return Err(error);
                    }
                };
                if !self.lanes[lane].takes(message.entry.place) {
                    continue;
                }
                if let Err(at) = self.pace.take_now() {
                    self.read_ahead.put_back(message);
                    return Ok(Some(at));
                }
                self.check_sequence(lane, &message)?;
                match self.hand_over(lane, &message) {
                    Ok(()) => self.lanes[lane].hand_over(message.entry),
                    Err(Unsent::QueueFull) => {
                        self.read_ahead.put_back(message);
                        return Ok(Some(Instant::now() + TURN_EVERY));
                    }
                    Err(Unsent::Failed(failure)) => {
                        let is_lost = matches!(failure, Failure::ProducerLost(_));
                        let tag = MessageTag { lane, number: self.lanes[lane].next_number() };
                        self.lanes[lane].hand_over(message.entry);
                        self.apply(Delivery::of(tag, Err(failure)));
                        if is_lost {
                            // The messages that are read again for the lane would fail, too.
                            return Ok(Some(Instant::now() + TURN_EVERY / 10));
                        }
                    }
                }
            }
            let end = self.ends.borrow_and_update().of(&self.name);
            if self.read_ahead.cursor() >= end
                || !self.read_ahead.read_page(self.pace.a_second()).await?
            {
                return Ok(None);
            }
        }
    }

    fn hand_over(&mut self, lane: usize, message: &Encoded) -> Result<(), Unsent> {
        let checkpoint = self.lanes[lane].checkpoint();
        let (topic, partition) = (checkpoint.topic.as_str(), checkpoint.topic_partition);
        let target = Target { topic, partition };
        let tag = MessageTag { lane, number: self.lanes[lane].next_number() };
        self.in_flight.send(message, target, tag)
    }

    /// The projector numbers each lane without gaps. A message that doesn't follow belongs to
    /// another history.
    fn check_sequence(&self, lane: usize, message: &Encoded) -> Result<(), PublishError> {
        let before = self.lanes[lane].last_sequence();
        if message.entry.sequence == before + 1 {
            return Ok(());
        }
        let sign = ForkSign::SequenceGap {
            lane: self.name.lane(message.slot).to_string(),
            message: message.entry.id.to_string(),
            before,
            found: message.entry.sequence,
        };
        Err(PublishError::forked(&self.name, sign))
    }

    /// The number of a message's lane. A new lane gets its partition of the topic, and keeps it.
    async fn lane_of(&mut self, message: &Encoded) -> Result<usize, PublishError> {
        if let Some(number) = self.lanes.number(message.slot) {
            return Ok(number);
        }
        let checkpoint = self.session.start_lane(&self.name.lane(message.slot)).await?;
        Ok(self.lanes.add(checkpoint))
    }

    /// Applies the outcome of messages to their lane.
    fn apply(&mut self, Delivery { lane, run, outcome }: Delivery) {
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        let name = &lane.checkpoint().lane;
        let then = match outcome {
            Ok(()) => {
                self.stored.touched.insert(lane.checkpoint().topic_partition);
                lane.acknowledged(run)
            }
            Err(Failure::ProducerLost(why)) => {
                tracing::debug!(why, lane = %name, "a message is sent again");
                lane.given_back()
            }
            Err(Failure::Refused(why)) => {
                if lane.checkpoint().blocked_why.as_deref() != Some(&why) {
                    let place = lane.place_of(run.first).unwrap_or_default();
                    tracing::error!(lane = %name, %place, why, "Kafka refused a message");
                }
                lane.refused(&why)
            }
        };
        self.go_on(then);
    }

    /// Lanes whose partition has lost messages go back to their first unaccepted message.
    async fn go_back_where_lost(&mut self) -> Result<(), PublishError> {
        let losses = self.session.topic.acknowledged.losses();
        if losses == self.stored.losses {
            return Ok(());
        }
        let partitions = losses.changed_since(&self.stored.losses);
        let has_lost =
            |lane: &&LaneCheckpoint| partitions.contains(&lane.topic_partition) && lane.has_sent();
        let lanes = self.lanes.all().iter().map(Lane::checkpoint).filter(has_lost);
        let lanes: Vec<LaneCheckpoint> = lanes.cloned().collect();
        let accepted_to = self.session.state.accepted_to(&self.name).await?;
        let stream = &self.session.stream;
        for back in stream.before_unaccepted(&self.name, &lanes, accepted_to).await? {
            let Some(lane) = self.lanes.number(back.lane.slot()) else { continue };
            tracing::error!(
                lane = %back.lane,
                from = self.lanes[lane].checkpoint().sequence,
                to = back.sequence,
                "the topic has lost messages; unaccepted ones are sent again"
            );
            let then = self.lanes[lane].go_back(back);
            self.go_on(then);
        }
        self.stored.went_back(&partitions, losses);
        // Store now: later messages would hide the loss.
        self.store().await
    }

    fn go_on(&mut self, then: Then) {
        match then {
            Then::Nothing => {}
            Then::ReadAgainAfter(place) => self.read_ahead.go_back_to(place),
        }
    }

    /// Replaces a producer that failed. It gives back all messages that it holds.
    fn change_producer(&mut self) -> Result<(), PublishError> {
        let producers = &self.session.producers;
        if let Some(why) = producers.unfit(self.in_flight.producer()) {
            producers.replace(self.in_flight.producer(), &why)?;
        }
        let current = producers.current();
        if !Arc::ptr_eq(&current, self.in_flight.producer()) {
            self.lanes.all_mut().iter_mut().for_each(Lane::change_producer);
            self.in_flight.change_producer(current);
        }
        Ok(())
    }

    /// Tries the next message of each lane that has rested long enough.
    async fn probe(&mut self) -> Result<(), PublishError> {
        if self.session.is_paused() {
            return Ok(());
        }
        let now = Instant::now();
        for lane in 0..self.lanes.all().len() {
            if self.lanes[lane].rests_until().is_none_or(|until| until > now) {
                continue;
            }
            let checkpoint = self.lanes[lane].checkpoint().clone();
            let stream = &self.session.stream;
            let Some(message) = stream.next_of_lane(&checkpoint.lane, checkpoint.place).await?
            else {
                let then = self.lanes[lane].open();
                self.go_on(then);
                continue;
            };
            let encoded = Encoded::of(&message.content, checkpoint.lane.slot(), Form::FIRST);
            let handed_over = encoded
                .map_err(|error| error.unsent())
                .and_then(|encoded| self.hand_over(lane, &encoded));
            match handed_over {
                Ok(()) => self.lanes[lane].probe(message.entry),
                Err(Unsent::QueueFull) => {}
                Err(Unsent::Failed(failure)) => {
                    let tag = MessageTag { lane, number: self.lanes[lane].next_number() };
                    self.lanes[lane].probe(message.entry);
                    self.apply(Delivery::of(tag, Err(failure)));
                }
            }
        }
        Ok(())
    }

    async fn store(&mut self) -> Result<(), PublishError> {
        let to = self.acknowledged_to();
        self.stored.store(&self.session, &self.name, &mut self.lanes, to).await
    }

    /// The place up to which all messages are acknowledged, except those of blocked lanes.
    fn acknowledged_to(&self) -> PackedPlace {
        let open = self.lanes.all().iter().filter(|lane| !lane.is_blocked());
        let first = open.filter_map(Lane::first_in_flight).chain(self.read_ahead.first_ready());
        let cursor = self.read_ahead.cursor();
        first.map(PackedPlace::previous).min().unwrap_or(cursor).min(cursor)
    }
}
