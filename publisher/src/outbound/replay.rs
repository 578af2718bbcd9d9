//! Sends the messages of a partition once more, to a topic of their own. Live topics and the state
//! stay as they are; each message has the header `replay`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use log_record::PackedPlace;
use parking_lot::Mutex;
use serde::Serialize;
use trace::Tracer;
use uuid::Uuid;

use super::encoded::{Form, Target};
use super::message::Message;
use super::producers::producer;
use super::stream::Stream;
use crate::causes::with_causes;
use crate::error::PublishError;
use crate::kafka::brokers::Brokers;
use crate::kafka::outcomes::{MessageTag, Outcomes};
use crate::kafka::producer::{Failure, Producer, Ticket, Unsent};
use crate::kafka::topic::Topic;
use crate::kafka::topic_partition::TopicPartition;
use crate::lane_name::{FeedName, LaneName};

/// How many messages of a replay are in flight.
const IN_FLIGHT_MAX: u64 = 5_000;

/// How many messages are read at once.
const PAGE_MESSAGES: u32 = 1_000;

/// The pause while librdkafka's queue is full.
const QUEUE_POLL: Duration = Duration::from_millis(20);

/// How many replays are remembered.
const REMEMBERED_MAX: usize = 100;

/// How many replays run at once. Each has a producer of its own, with its threads, and up to
/// `IN_FLIGHT_MAX` messages; more than these would be felt by who sends what is new.
pub(crate) const RUNNING_MAX: usize = 4;

/// A replay and how far it is. A restart forgets it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Replay {
    pub(crate) replay_id: Uuid,
    pub(crate) from: String,
    pub(crate) to_topic: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) warehouse: Option<String>,
    pub(crate) status: ReplayStatus,
    /// The number of acknowledged messages.
    pub(crate) sent: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReplayStatus {
    Running,
    Done,
    Failed,
}

/// The replays of this process, by their ids, which are in the order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replays(Arc<Mutex<BTreeMap<Uuid, Replay>>>);

/// A part of a replay: one feed, up to its end when the replay was asked for.
#[derive(Clone, Debug)]
pub(crate) struct FeedSpan {
    pub(crate) feed: FeedName,
    pub(crate) end: PackedPlace,
}

/// What a replay sends, and to where.
pub(crate) struct ReplayRun {
    pub(crate) id: Uuid,
    pub(crate) from: PackedPlace,
    pub(crate) feeds: Vec<FeedSpan>,
    pub(crate) topic: Arc<Topic>,
    pub(crate) brokers: Brokers,
    pub(crate) stream: Stream,
    pub(crate) replays: Replays,
}

/// The messages of a replay on their way.
struct Sending {
    producer: Arc<Producer>,
    /// The partition of each lane, given in turn.
    lanes: BTreeMap<LaneName, TopicPartition>,
    partitions: i32,
    /// How many messages were handed over, and how many of them have no outcome yet.
    handed_over: u64,
    in_flight: u64,
    outcomes: Arc<Outcomes>,
}

impl ReplayRun {
    /// Sends everything, and notes how that ended.
    pub(crate) async fn run(self) -> Result<(), PublishError> {
        let mut sending = Sending::start(&self.brokers, &self.topic)?;
        for FeedSpan { feed, end } in &self.feeds {
            self.send_feed(feed, *end, &mut sending).await?;
        }
        Ok(())
    }

    async fn send_feed(
        &self,
        feed: &FeedName,
        end: PackedPlace,
        sending: &mut Sending,
    ) -> Result<(), PublishError> {
        let mut after = self.from.previous();
        while after < end {
            let page = self.stream.page(feed, after, PAGE_MESSAGES).await?;
            let Some(last) = page.last().map(|message| message.entry.place) else { break };
            after = last;
            for message in &page {
                sending.send(&self.topic.name, message).await?;
                while sending.in_flight >= IN_FLIGHT_MAX {
                    let sent = sending.wait().await?;
                    self.replays.change(self.id, |replay| replay.sent += sent);
                }
            }
        }
        while sending.in_flight > 0 {
            let sent = sending.wait().await?;
            self.replays.change(self.id, |replay| replay.sent += sent);
        }
        Ok(())
    }
}

impl Sending {
    fn start(brokers: &Brokers, topic: &Topic) -> Result<Self, PublishError> {
        Ok(Self {
            producer: producer(brokers, topic)?,
            lanes: BTreeMap::new(),
            partitions: topic.partitions().unwrap_or(1).max(1),
            handed_over: 0,
            in_flight: 0,
            outcomes: Arc::default(),
        })
    }

    async fn send(&mut self, topic: &str, message: &Message) -> Result<(), PublishError> {
        let next = i32::try_from(self.lanes.len()).unwrap_or_default() % self.partitions;
        let lane = self.lanes.entry(message.lane.clone());
        let partition = *lane.or_insert(TopicPartition(next));
        let target = Target { topic, partition };
        let form = Form { attempt: 1, is_replay: true };
        let tag = MessageTag { lane: 0, number: self.handed_over };
        loop {
            let ticket = Ticket::new(Arc::clone(&self.outcomes), tag);
            match message.send(&self.producer, target, form, ticket, &Tracer::default()) {
                Ok(()) => break,
                Err(Unsent::Failed(why)) => return Err(refused(&why)),
                Err(Unsent::QueueFull) => tokio::time::sleep(QUEUE_POLL).await,
            }
        }
        self.handed_over += 1;
        self.in_flight += 1;
        Ok(())
    }

    /// Waits for an outcome; returns of how many messages. One that was not acknowledged ends the
    /// replay.
    async fn wait(&mut self) -> Result<u64, PublishError> {
        let delivery = self.outcomes.next().await;
        delivery.outcome.map_err(|why| refused(&why))?;
        self.in_flight -= delivery.run.count;
        Ok(delivery.run.count)
    }
}

fn refused(why: &Failure) -> PublishError {
    PublishError::Replay(why.to_string())
}

impl Replays {
    /// Remembers a replay that begins, and forgets the oldest of too many that ended. It may not
    /// begin while as many run as may.
    pub(crate) fn begin(&self, replay: Replay) -> bool {
        let mut replays = self.0.lock();
        let runs = |replay: &Replay| replay.status == ReplayStatus::Running;
        if replays.values().filter(|replay| runs(replay)).count() >= RUNNING_MAX {
            return false;
        }
        let ended = replays.iter().find(|(_, replay)| !runs(replay)).map(|(id, _)| *id);
        if let Some(ended) = ended.filter(|_| replays.len() >= REMEMBERED_MAX) {
            replays.remove(&ended);
        }
        replays.insert(replay.replay_id, replay);
        true
    }

    /// Notes how a replay ended.
    pub(crate) fn end(&self, id: Uuid, ended: Result<(), PublishError>) {
        self.change(id, |replay| match ended {
            Ok(()) => replay.status = ReplayStatus::Done,
            Err(error) => {
                replay.status = ReplayStatus::Failed;
                replay.why = Some(with_causes(&error));
            }
        });
    }

    fn change(&self, id: Uuid, change: impl FnOnce(&mut Replay)) {
        if let Some(replay) = self.0.lock().get_mut(&id) {
            change(replay);
        }
    }

    pub(crate) fn get(&self, id: Uuid) -> Option<Replay> {
        self.0.lock().get(&id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replay() -> Replay {
        Replay {
            replay_id: Uuid::now_v7(),
            from: "0:1".into(),
            to_topic: "again".into(),
            warehouse: None,
            status: ReplayStatus::Running,
            sent: 0,
            why: None,
        }
    }

    #[test]
    fn a_few_replays_run_at_once_and_those_that_ended_are_remembered() {
        let replays = Replays::default();
        let first = replay();
        assert!(replays.begin(first.clone()));
        assert!((1..RUNNING_MAX).all(|_| replays.begin(replay())));
        assert!(!replays.begin(replay()), "as many run as may");
        replays.end(first.replay_id, Ok(()));
        assert!(replays.begin(replay()), "one has ended");
        assert!(!replays.begin(replay()));
        assert_eq!(replays.get(first.replay_id).map(|it| it.status), Some(ReplayStatus::Done));
        let running: Vec<Uuid> = replays.0.lock().keys().copied().collect();
        running.iter().for_each(|id| replays.end(*id, Err(PublishError::Failed)));
        for _ in 0..2 * REMEMBERED_MAX {
            let next = replay();
            assert!(replays.begin(next.clone()));
            replays.end(next.replay_id, Ok(()));
        }
        assert_eq!(replays.0.lock().len(), REMEMBERED_MAX);
    }
}
