//! Takes in one topic: each message becomes a request to the command API or is parked, and only
//! then counts as read.
//!
//! Messages about one shipping request, or one account, are worked on in their order; others at the
//! same time. While the command API can't answer, no message is skipped. Each topic is taken in by
//! itself, so a topic whose messages wait holds up no other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use log_record::Generation;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use trace::Tracer;

use super::queues::{QUEUE_MESSAGES, Queues};
use super::read_offsets::ReadOffsets;
use super::waiting::Waiting;
use super::way_in::{InboundTopic, WayIn};
use super::worker::Worker;
use crate::causes::with_causes;
use crate::clock::UnixMillis;
use crate::error::PublishError;
use crate::kafka::brokers::Brokers;
use crate::kafka::consumer::{Consumer, Received};
use crate::kafka::reader::{Beginning, ReadConfig, Remembered};
use crate::kafka::reading::Reading;
use crate::kafka::topic_partition::TopicPartition;
use crate::state::store::State;

/// How often offsets are committed.
const COMMIT_EVERY: Duration = Duration::from_millis(500);

/// How often the publisher's own tables are told how far the topic is read.
const REMEMBER_EVERY: Duration = Duration::from_secs(5);

/// A topic to take in, with what its messages need.
pub(crate) struct Intake {
    pub(crate) brokers: Brokers,
    pub(crate) way_in: WayIn,
    pub(crate) inbound: InboundTopic,
    pub(crate) state: Arc<State>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) reading: Arc<Reading>,
    /// The log's present generation.
    pub(crate) generation: Generation,
    /// After a fork, messages from this time on are read again; `None`: all that are kept.
    pub(crate) reread_from: Option<UnixMillis>,
    /// Begins the spans of messages.
    pub(crate) tracer: Tracer,
}

/// Takes in a topic until `stop`, or until a part of it fails. Messages that are not done then come
/// again at the next start.
pub(crate) async fn take_in(intake: Intake, stop: &CancellationToken) -> Result<(), PublishError> {
    let Intake { brokers, way_in, inbound, state, waiting, tracer, .. } = intake;
    let (to, mut incoming) = mpsc::channel(QUEUE_MESSAGES);
    let remembered = state.inbound(&inbound.topic).await?;
    let read = ReadConfig {
        group: inbound.group,
        topic: inbound.topic.clone(),
        generation: intake.generation,
        reread_from: intake.reread_from,
        remembered,
        reading: intake.reading,
    };
    let consumer = Consumer::start(&brokers, read, to)?;
    let (done, mut is_done) = mpsc::unbounded_channel();
    let worker = Worker { way_in: way_in.clone(), state: Arc::clone(&state), waiting, tracer };
    let (queues, mut workers) = Queues::start(&worker, &done, stop);
    let mut read = ReadOffsets::of(&inbound.topic);
    let mut memory = Memory::of(&inbound.topic, Arc::clone(&state));
    let mut commit_at = Instant::now() + COMMIT_EVERY;
    let hand_out = async {
        loop {
            tokio::select! {
                received = incoming.recv() => {
                    let message = match received {
                        // The receiving thread has failed.
                        None => return,
                        Some(Received::Begun(beginnings)) => {
                            for Beginning { partition, from, generation } in beginnings {
                                read.begin_at(partition, from);
                                memory.begin(partition, generation);
                            }
                            continue;
                        }
                        Some(Received::Message(message)) => message,
                    };
                    read.begin(&message.at);
                    let call = way_in.call(&message.at.topic, &message.body);
                    queues.put(message, call).await;
                }
                Some(at) = is_done.recv() => read.end(&at),
                () = tokio::time::sleep_until(commit_at) => {
                    consumer.commit(&read.uncommitted());
                    memory.note(&read).await;
                    commit_at = Instant::now() + COMMIT_EVERY;
                }
            }
        }
    };
    let ended = tokio::select! {
        biased;
        () = stop.cancelled() => Ok(()),
        // The worker's message, and all after it, would never count as read.
        Some(ended) = workers.join_next() => {
            tracing::error!(?ended, topic = inbound.topic, "a worker for inbound messages failed");
            Err(PublishError::Failed)
        }
        () = hand_out => Err(PublishError::Failed),
    };
    workers.shutdown().await;
    while let Ok(at) = is_done.try_recv() {
        read.end(&at);
    }
    memory.save(&read).await;
    let last = read.all();
    drop(tokio::task::spawn_blocking(move || consumer.commit_now(&last)).await);
    ended
}

/// What the publisher's own tables are told of a topic.
struct Memory {
    topic: String,
    state: Arc<State>,
    generations: BTreeMap<TopicPartition, Generation>,
    saved: BTreeMap<TopicPartition, Remembered>,
    save_at: Instant,
}

impl Memory {
    fn of(topic: &str, state: Arc<State>) -> Self {
        let (generations, saved) = (BTreeMap::new(), BTreeMap::new());
        Self { topic: topic.into(), state, generations, saved, save_at: Instant::now() }
    }

    /// Reading of a partition begins, in a generation of the log; that is stored soon.
    fn begin(&mut self, partition: TopicPartition, generation: Generation) {
        self.generations.insert(partition, generation);
        self.save_at = Instant::now();
    }

    /// Saves, if it is time to.
    async fn note(&mut self, read: &ReadOffsets) {
        if Instant::now() >= self.save_at {
            self.save(read).await;
            self.save_at = Instant::now() + REMEMBER_EVERY;
        }
    }

    /// Saves what changed. What can't be saved now is saved later: it may be less than was read.
    async fn save(&mut self, read: &ReadOffsets) {
        let known = read.done().into_iter().filter_map(|(partition, next)| {
            let generation = *self.generations.get(&partition)?;
            Some((partition, Remembered { next, generation }))
        });
        let changed = known.filter(|(partition, now)| self.saved.get(partition) != Some(now));
        let changed: BTreeMap<TopicPartition, Remembered> = changed.collect();
        if changed.is_empty() {
            return;
        }
        match self.state.save_inbound(&self.topic, &changed).await {
            Ok(()) => self.saved.extend(changed),
            Err(error) => {
                let error = with_causes(&error);
                tracing::debug!(error, topic = self.topic, "can't store yet how far it is read");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use uuid::Uuid;

    use super::super::command_api::CommandApiAt;
    use super::*;
    use crate::kafka::outcomes::{MessageTag, Outcomes};
    use crate::kafka::producer::{Outgoing, Producer, Ticket};
    use crate::kafka::topic::Topic;
    use crate::kafka::topic_admin::TopicAdmin;
    use crate::kafka::topic_partition::TopicPartition;
    use crate::state::StateUrl;

    /// A topic on a real broker, with one warehouse's answer in it.
    async fn topic_with_an_answer(brokers: &Brokers) -> String {
        let name = format!("events-{}", Uuid::now_v7().simple());
        let topic = Topic::new(&name, Some(1));
        let admin = TopicAdmin::new(brokers).expect("a client");
        topic.check(&admin).await.expect("it is created");
        let producer = Producer::new(brokers, None, topic.acknowledged).expect("a producer");
        let body = br#"{"shipping_request_id":"l-1-0-5","event":"accepted"}"#;
        let partition = TopicPartition(0);
        let message = Outgoing { topic: &name, partition, key: b"l-1-0-5", headers: &[], body };
        let outcomes = Arc::new(Outcomes::default());
        let tag = MessageTag { lane: 0, number: 0 };
        producer.send(message, Ticket::new(Arc::clone(&outcomes), tag)).expect("taken");
        assert_eq!(outcomes.next().await.outcome, Ok(()));
        name
    }

    #[tokio::test]
    async fn a_worker_that_fails_is_the_end_of_taking_in() {
        let servers = services::shared_kafka().expect("a broker");
        let brokers = Brokers { servers, properties: vec![] };
        let topic = topic_with_an_answer(&brokers).await;
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateUrl::Sqlite(folder.path().join("publisher.sqlite"));
        let state = Arc::new(State::open(&state).await.expect("opened"));
        let fails = Router::new().fallback(async || -> StatusCode { panic!("on purpose") });
        let way_in = WayIn {
            command_api: CommandApiAt::InProcess(fails),
            group: topic.clone(),
            warehouse_events: topic,
            earnings: "earnings".into(),
        };
        let [inbound, _] = way_in.topics();
        let intake = Intake {
            brokers,
            way_in,
            inbound,
            state,
            waiting: Arc::default(),
            reading: Arc::default(),
            generation: Generation(1),
            reread_from: None,
            tracer: Tracer::default(),
        };
        let stop = CancellationToken::new();
        let ended = tokio::time::timeout(Duration::from_secs(20), take_in(intake, &stop)).await;
        let ended = ended.expect("it is noticed");
        assert!(matches!(ended, Err(PublishError::Failed)), "{ended:?}");
    }
}
