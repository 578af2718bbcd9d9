//! Feeds one warehouse: reads its messages in the order of the log, hands them to Kafka, and keeps
//! up to where all is acknowledged.
//!
//! Each warehouse has a feed of its own, with its own bound, so that one which is slow, stopped or
//! in trouble holds up no other. A lane whose message can't be sent is left behind, and is read
//! again from its checkpoint once that message can be.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::PublishError;
use crate::ends::{Ends, FeedName};
use crate::kafka::{Delivery, Failure, Producer, Ticket, Unsent};
use crate::lane::{Lane, Then};
use crate::message::{Message, Target};
use crate::pace::Pace;
use crate::session::Session;
use crate::state::{Checkpoint, LaneRow, PartitionRow};

/// How many messages of a warehouse are in flight: what a broker acknowledges in tens of
/// milliseconds, at a hundred thousand a second.
const IN_FLIGHT_MAX: usize = 10_000;

/// How many are read at once, at most. A warehouse that is fed slowly has a second's: what waits
/// here is sent as it was read, though its address may be erased meanwhile.
const PAGE_MESSAGES: u32 = 1_000;

/// How often what was acknowledged is written down.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(200);

/// How often it is told how far it is.
const TELL_EVERY: Duration = Duration::from_millis(50);

/// How long it waits before it tries again what failed.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// How long it waits before it looks again, where nothing wakes it.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long acknowledgements are waited for when it is told to stop.
const DRAIN_MAX: Duration = Duration::from_secs(2);

type Page = Result<Vec<Message>, PublishError>;

/// One warehouse's messages on their way.
pub(crate) struct Feed {
    session: Arc<Session>,
    name: FeedName,
    ends: watch::Receiver<Ends>,
    lanes: Vec<Lane>,
    by_name: HashMap<String, usize>,
    /// Up to where messages were read.
    cursor: i64,
    /// Read, and not handed over yet.
    ready: VecDeque<Message>,
    /// What is read meanwhile, and after which place.
    ahead: Option<(i64, JoinHandle<Page>)>,
    in_flight: usize,
    told: (mpsc::UnboundedSender<Delivery>, mpsc::UnboundedReceiver<Delivery>),
    producer: Arc<Producer>,
    pace: Arc<Pace>,
    /// The partitions that have acknowledged something since the last checkpoint.
    touched: BTreeSet<i64>,
    /// How often each partition had lost messages when the lanes went back for it.
    losses: BTreeMap<i32, u64>,
    /// The partitions whose lanes have gone back since the last checkpoint.
    lost: BTreeSet<i64>,
    acknowledged_to: i64,
    checkpointed: Instant,
    told_at: Option<Instant>,
}

impl Feed {
    pub(crate) fn new(
        session: Arc<Session>,
        name: FeedName,
        lanes: Vec<LaneRow>,
        losses: BTreeMap<i32, u64>,
        acknowledged_to: i64,
        pace: Arc<Pace>,
    ) -> Self {
        let lanes: Vec<Lane> = lanes.into_iter().map(|row| Lane::new(row, false)).collect();
        let names = lanes.iter().enumerate().map(|(index, lane)| (lane.row().lane.clone(), index));
        Self {
            by_name: names.collect(),
            lanes,
            cursor: acknowledged_to,
            ready: VecDeque::new(),
            ahead: None,
            in_flight: 0,
            told: mpsc::unbounded_channel(),
            producer: session.producers.current(),
            pace,
            ends: session.ends.clone(),
            touched: BTreeSet::new(),
            losses,
            lost: BTreeSet::new(),
            acknowledged_to,
            checkpointed: Instant::now(),
            told_at: None,
            name,
            session,
        }
    }

    /// Feeds the warehouse until it is told to stop. An error is the end of it.
    pub(crate) async fn run(mut self, stop: &CancellationToken) -> Result<(), PublishError> {
        while !stop.is_cancelled() {
            let wake_at = match self.turn().await {
                Ok(wake_at) => wake_at,
                Err(error) if error.may_pass() => {
                    let feed = self.name.to_string();
                    let error = crate::with_causes(&error);
                    tracing::warn!(error, feed, "publishing is held up, and tried again");
                    Some(Instant::now() + RETRY_AFTER)
                }
                Err(error) => return Err(error),
            };
            // Losses are looked for, and checkpoints written, also while a slow warehouse rests.
            let look_at = in_a_while();
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                Some(delivery) = self.told.1.recv() => {
                    self.hear(delivery);
                    while let Ok(delivery) = self.told.1.try_recv() {
                        self.hear(delivery);
                    }
                }
                _ = self.ends.changed(), if wake_at.is_none() => {}
                () = tokio::time::sleep_until(wake_at.map_or(look_at, |at| at.min(look_at))) => {}
            }
        }
        self.finish().await
    }

    /// Does what there is to do; when there is more, where it knows that.
    async fn turn(&mut self) -> Result<Option<Instant>, PublishError> {
        self.change_producer()?;
        self.go_back_where_lost().await?;
        self.probe().await?;
        let next_turn = self.send().await?;
        self.checkpoint(CHECKPOINT_EVERY).await?;
        if self.told_at.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            self.session.status.tell_of_feed(&self.name, self.acknowledged_to, &self.lanes);
            self.told_at = Some(Instant::now());
        }
        Ok(next_turn)
    }

    /// Waits a little for what is in flight, and writes down what was acknowledged.
    async fn finish(mut self) -> Result<(), PublishError> {
        let until = Instant::now() + DRAIN_MAX;
        while self.in_flight > 0 {
            match tokio::time::timeout_at(until, self.told.1.recv()).await {
                Ok(Some(delivery)) => self.hear(delivery),
                _ => break,
            }
        }
        self.checkpoint(Duration::ZERO).await
    }

    /// Hands over what there is, as far as there is room; when it is to go on, where it has to wait
    /// for that.
    async fn send(&mut self) -> Result<Option<Instant>, PublishError> {
        loop {
            while let Some(message) = self.ready.pop_front() {
                if self.in_flight >= IN_FLIGHT_MAX {
                    self.ready.push_front(message);
                    return Ok(None);
                }
                let lane = match self.lane_of(&message).await {
                    Ok(lane) => lane,
                    Err(error) => {
                        self.ready.push_front(message);
                        return Err(error);
                    }
                };
                if !self.lanes[lane].takes(message.sent.place) {
                    continue;
                }
                if let Err(at) = self.pace.take(Instant::now()) {
                    self.ready.push_front(message);
                    return Ok(Some(at));
                }
                self.check_sequence(lane, &message)?;
                match self.hand_over(lane, &message) {
                    Ok(()) => self.lanes[lane].hand_over(message.sent),
                    Err(Unsent::QueueFull) => {
                        self.ready.push_front(message);
                        return Ok(Some(Instant::now() + LOOK_EVERY));
                    }
                    Err(Unsent::Failed(failure)) => {
                        self.in_flight += 1;
                        let place = message.sent.place;
                        let is_lost = matches!(failure, Failure::ProducerLost(_));
                        self.lanes[lane].hand_over(message.sent);
                        self.hear(Delivery { lane, place, outcome: Err(failure) });
                        if is_lost {
                            // What is read again for the lane would fail like this one.
                            return Ok(Some(Instant::now() + LOOK_EVERY / 10));
                        }
                    }
                }
            }
            if self.cursor >= self.ends.borrow_and_update().of(&self.name) {
                return Ok(None);
            }
            let page = self.next_page().await?;
            let Some(last) = page.last() else { return Ok(None) };
            self.cursor = last.sent.place;
            self.ready = page.into();
        }
    }

    /// The messages after the cursor. While those of a full page are handed over, the next one is
    /// read.
    async fn next_page(&mut self) -> Page {
        let limit = self.pace.a_second().unwrap_or(PAGE_MESSAGES).min(PAGE_MESSAGES);
        let read = match self.ahead.take().filter(|(after, _)| *after == self.cursor) {
            Some((_, read)) => read,
            None => self.read_after(self.cursor, limit),
        };
        let page = read.await.unwrap_or(Err(PublishError::Failed))?;
        if let Some(last) = page.last()
            && page.len() >= PAGE_MESSAGES as usize
        {
            let after = last.sent.place;
            self.ahead = Some((after, self.read_after(after, limit)));
        }
        Ok(page)
    }

    fn read_after(&self, after: i64, limit: u32) -> JoinHandle<Page> {
        let (stream, name) = (self.session.stream.clone(), self.name.clone());
        tokio::spawn(async move { stream.page(&name, after, limit).await })
    }

    fn hand_over(&mut self, lane: usize, message: &Message) -> Result<(), Unsent> {
        let row = self.lanes[lane].row();
        let ticket = Ticket { to: self.told.0.clone(), lane, place: message.sent.place };
        let partition = i32::try_from(row.topic_partition).unwrap_or_default();
        let target = Target { topic: &row.topic, partition, attempt: 1, replay: None };
        message.send(&self.producer, target, ticket)?;
        self.in_flight += 1;
        Ok(())
    }

    /// The projector counts each lane without gaps; what doesn't follow is of another history.
    fn check_sequence(&self, lane: usize, message: &Message) -> Result<(), PublishError> {
        let before = self.lanes[lane].last_sequence();
        if message.sent.sequence == before + 1 {
            return Ok(());
        }
        Err(PublishError::Forked {
            feed: self.name.to_string(),
            why: format!(
                "in lane {} message {} follows, with sequence {}, on sequence {before}",
                message.lane, message.sent.message_id, message.sent.sequence
            ),
        })
    }

    /// The lane of a message; a new one gets its partition of the topic, once and for all.
    async fn lane_of(&mut self, message: &Message) -> Result<usize, PublishError> {
        if let Some(index) = self.by_name.get(&message.lane) {
            return Ok(*index);
        }
        let row = self.session.choose_partition(&self.name, &message.lane).await?;
        let index = self.lanes.len();
        self.lanes.push(Lane::new(row, false));
        self.by_name.insert(message.lane.clone(), index);
        Ok(index)
    }

    /// What became of a message.
    fn hear(&mut self, Delivery { lane: index, place, outcome }: Delivery) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let Some(lane) = self.lanes.get_mut(index) else { return };
        let then = match outcome {
            Ok(()) => {
                self.touched.insert(lane.row().topic_partition);
                lane.acknowledged(place)
            }
            Err(Failure::ProducerLost(why)) => {
                tracing::debug!(why, lane = lane.row().lane, "a message is sent again");
                lane.given_back()
            }
            Err(Failure::Refused(why)) => {
                if lane.row().blocked_why.as_deref() != Some(&why) {
                    let lane = &lane.row().lane;
                    tracing::error!(lane, place, why, "a message can't be sent; its lane waits");
                }
                lane.refused(&why)
            }
        };
        self.go_on(then);
    }

    /// Lanes whose partition has lost messages go back to where nothing may be missing.
    async fn go_back_where_lost(&mut self) -> Result<(), PublishError> {
        let losses = self.session.topic.losses();
        if losses == self.losses {
            return Ok(());
        }
        let news =
            losses.iter().filter(|(partition, count)| self.losses.get(partition) != Some(count));
        let partitions: BTreeSet<i64> = news.map(|(partition, _)| i64::from(*partition)).collect();
        let has_lost = |row: &&LaneRow| partitions.contains(&row.topic_partition) && row.place > 0;
        let lost = self.lanes.iter().map(Lane::row).filter(has_lost);
        let lost: Vec<LaneRow> = lost.cloned().collect();
        let accepted_to = self.session.state.accepted_to(&self.name.to_string()).await?;
        let stream = &self.session.stream;
        for back in stream.before_unaccepted(&self.name, &lost, accepted_to).await? {
            let Some(index) = self.by_name.get(&back.lane).copied() else { continue };
            tracing::error!(
                lane = back.lane,
                from = self.lanes[index].row().sequence,
                to = back.sequence,
                "the topic has lost messages; what was not accepted is sent again"
            );
            let then = self.lanes[index].go_back(back);
            self.go_on(then);
        }
        self.touched.extend(&partitions);
        self.lost.extend(partitions);
        self.losses = losses;
        // Before so much is sent again that the loss doesn't show any more.
        self.checkpoint(Duration::ZERO).await
    }

    fn go_on(&mut self, then: Then) {
        if let Then::ReadAgainAfter(place) = then {
            self.cursor = self.cursor.min(place);
            // In the order of the log, so that each lane's come in theirs.
            self.ready.clear();
        }
    }

    /// A producer that is no longer any good gives back all it has; another one takes its place.
    fn change_producer(&mut self) -> Result<(), PublishError> {
        if let Some(why) = self.producer.unfit(&self.session.topic) {
            self.session.producers.replace(&self.producer, &why)?;
        }
        let current = self.session.producers.current();
        if !Arc::ptr_eq(&current, &self.producer) {
            self.lanes.iter_mut().for_each(Lane::change_producer);
            self.producer = current;
        }
        Ok(())
    }

    /// Tries the next message of each lane that has rested long enough.
    async fn probe(&mut self) -> Result<(), PublishError> {
        let now = Instant::now();
        for index in 0..self.lanes.len() {
            if self.lanes[index].rests_until().is_none_or(|until| until > now) {
                continue;
            }
            let (name, place) =
                (self.lanes[index].row().lane.clone(), self.lanes[index].row().place);
            match self.session.stream.next_of_lane(&self.name, &name, place).await? {
                None => {
                    let then = self.lanes[index].open();
                    self.go_on(then);
                }
                Some(message) => match self.hand_over(index, &message) {
                    Ok(()) => self.lanes[index].probe(message.sent),
                    Err(Unsent::QueueFull) => {}
                    Err(Unsent::Failed(failure)) => {
                        self.in_flight += 1;
                        let place = message.sent.place;
                        self.lanes[index].probe(message.sent);
                        self.hear(Delivery { lane: index, place, outcome: Err(failure) });
                    }
                },
            }
        }
        Ok(())
    }

    /// Writes down what was acknowledged, where that is news and the last time is so long ago.
    async fn checkpoint(&mut self, every: Duration) -> Result<(), PublishError> {
        if self.checkpointed.elapsed() < every {
            return Ok(());
        }
        let to = self.acknowledged();
        let lanes: Vec<LaneRow> = self.lanes.iter().filter_map(Lane::news).cloned().collect();
        let partitions: Vec<PartitionRow> = self
            .touched
            .iter()
            .filter_map(|partition| self.session.topic.kept(*partition))
            .collect();
        // Kept before this feed has gone back, they would make a start forget that it has to.
        if self.session.topic.losses() != self.losses {
            return Ok(());
        }
        if lanes.is_empty() && partitions.is_empty() && to == self.acknowledged_to {
            return Ok(());
        }
        let acknowledged = Some((self.name.to_string(), to));
        let news = Checkpoint { lanes, partitions, lost: self.lost.clone(), acknowledged };
        self.session.state.save(self.session.lease, &news).await?;
        self.lanes.iter_mut().for_each(Lane::kept);
        self.touched.clear();
        self.lost.clear();
        self.acknowledged_to = to;
        self.checkpointed = Instant::now();
        Ok(())
    }

    /// Up to where all is acknowledged, but for the lanes that are held up.
    fn acknowledged(&self) -> i64 {
        let open = self.lanes.iter().filter(|lane| !lane.is_held_up());
        let first = open.filter_map(Lane::first_in_flight).min();
        let first = first.into_iter().chain(self.ready.front().map(|message| message.sent.place));
        first.map(|place| place - 1).min().unwrap_or(self.cursor).min(self.cursor)
    }
}

fn in_a_while() -> Instant {
    Instant::now() + LOOK_EVERY
}
