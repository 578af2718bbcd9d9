//! What comes in: each message becomes a request to the command API, is done or is parked, and only
//! then counts as read.
//!
//! Messages about one shipping request, or one account, are taken in their order; others at the
//! same time. While the command API can't answer, nothing is skipped: what came is tried again.
//! Each topic is taken in by itself, so that one whose messages wait holds up no other.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::PublishError;
use crate::clock;
use crate::command_api::{Answered, Call, CommandApiAt, earning_call, warehouse_call};
use crate::kafka::{Brokers, Consumer, Incoming, Offset};
use crate::state::{State, ToPark};
use crate::status::Status;

/// How many keys of a topic are worked on at the same time.
const WORKERS: usize = 64;

/// How many messages wait for a worker, and how many in all.
const QUEUE_MESSAGES: usize = 64;

/// How many bytes those of a topic have that wait for the command API, or are being parked.
const QUEUE_BYTES: u32 = 32 * 1024 * 1024;

/// How often it is said what has been read.
const COMMIT_EVERY: Duration = Duration::from_millis(500);

/// How long it waits before it tries again, at first and at most.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// How messages that come in get to the command API.
#[derive(Clone, Debug)]
pub struct WayIn {
    /// The command API.
    pub command_api: CommandApiAt,
    /// The consumer group that reads what warehouses say; the other's is named after it.
    pub group: String,
    /// The topic of what warehouses say.
    pub warehouse_events: String,
    /// The topic of what shoppers earn.
    pub earnings: String,
}

/// A topic, and the consumer group that reads it: one of its own, for a group is not balanced anew
/// while one of its members waits for room.
pub(crate) struct Inbound {
    pub(crate) topic: String,
    group: String,
}

impl WayIn {
    pub(crate) fn topics(&self) -> [Inbound; 2] {
        let (events, earnings) = (self.warehouse_events.clone(), self.earnings.clone());
        [
            Inbound { topic: events, group: self.group.clone() },
            Inbound { topic: earnings, group: format!("{}-earnings", self.group) },
        ]
    }

    /// What a message asks of the command API; or why it can't be used.
    pub(crate) fn call(&self, topic: &str, body: &[u8]) -> Result<Call, String> {
        if topic == self.earnings { earning_call(body) } else { warehouse_call(body) }
    }
}

/// Takes in what comes by a topic until it is told to stop, or a part of that fails; what isn't
/// done then comes again at a start.
pub(crate) async fn take_in(
    brokers: &Brokers,
    (way_in, inbound): (&WayIn, &Inbound),
    (state, status): (Arc<State>, Arc<Status>),
    stop: &CancellationToken,
) -> Result<(), PublishError> {
    let (to, mut incoming) = mpsc::channel(QUEUE_MESSAGES);
    let consumer = Consumer::start(brokers, &inbound.group, &inbound.topic, to)?;
    let (done, mut is_done) = mpsc::unbounded_channel();
    let (mut queues, mut workers) = (vec![], JoinSet::new());
    for _ in 0..WORKERS {
        let (queue, queued) = mpsc::channel(QUEUE_MESSAGES);
        let (way_in, state, status) = (way_in.clone(), Arc::clone(&state), Arc::clone(&status));
        let worker = Worker { way_in, state, status };
        let (done, stop) = (done.clone(), stop.clone());
        workers.spawn(async move {
            stop.run_until_cancelled(worker.run(queued, done)).await;
        });
        queues.push(queue);
    }
    let room = Arc::new(Semaphore::new(QUEUE_BYTES as usize));
    let mut read = Read::default();
    let mut commit_at = Instant::now() + COMMIT_EVERY;
    let hand_out = async {
        loop {
            tokio::select! {
                message = incoming.recv() => {
                    // The thread that receives has failed.
                    let Some(message) = message else { return };
                    read.begin(&message.at);
                    let call = way_in.call(&message.at.topic, &message.body);
                    let queue = &queues[worker_of(&message, call.as_ref().ok())];
                    let bytes = u32::try_from(message.body.len()).unwrap_or(QUEUE_BYTES);
                    let room = Arc::clone(&room).acquire_many_owned(bytes.min(QUEUE_BYTES)).await;
                    // Workers that wait for the command API hold up the rest, which needs it, too.
                    drop(queue.send(Work { message, call, _room: room.ok() }).await);
                }
                Some(at) = is_done.recv() => read.end(&at),
                () = tokio::time::sleep_until(commit_at) => {
                    consumer.commit(&read.news());
                    commit_at = Instant::now() + COMMIT_EVERY;
                }
            }
        }
    };
    let ended = tokio::select! {
        biased;
        () = stop.cancelled() => Ok(()),
        // Its message, and all that came after it, would never count as read.
        Some(ended) = workers.join_next() => {
            tracing::error!(?ended, topic = inbound.topic, "a worker on what comes in has failed");
            Err(PublishError::Failed)
        }
        () = hand_out => Err(PublishError::Failed),
    };
    workers.shutdown().await;
    while let Ok(at) = is_done.try_recv() {
        read.end(&at);
    }
    // All of it: what was said while a broker was away may have been lost.
    let last = read.all();
    drop(tokio::task::spawn_blocking(move || consumer.commit_now(&last)).await);
    ended
}

/// Those of one key have one worker.
fn worker_of(message: &Incoming, call: Option<&Call>) -> usize {
    let mut hasher = DefaultHasher::new();
    match call {
        Some(call) => call.key.as_bytes().hash(&mut hasher),
        None => message.key.hash(&mut hasher),
    }
    usize::try_from(hasher.finish() % WORKERS as u64).unwrap_or_default()
}

/// What a worker is to do.
struct Work {
    message: Incoming,
    call: Result<Call, String>,
    /// Of [`QUEUE_BYTES`], until it is done.
    _room: Option<OwnedSemaphorePermit>,
}

struct Worker {
    way_in: WayIn,
    state: Arc<State>,
    status: Arc<Status>,
}

impl Worker {
    async fn run(self, mut queued: mpsc::Receiver<Work>, done: mpsc::UnboundedSender<Offset>) {
        while let Some(work) = queued.recv().await {
            let Work { message, call, .. } = &work;
            let refused = match call {
                Ok(call) => self.ask(message, call).await,
                Err(why) => Some(why.clone()),
            };
            if let Some(why) = refused {
                self.park(message, &why).await;
            }
            drop(done.send(work.message.at));
        }
    }

    /// Asks until there is an answer; why it can't be used, where that is the answer.
    async fn ask(&self, message: &Incoming, call: &Call) -> Option<String> {
        let mut pause = RETRY_MIN;
        loop {
            let answered = self.way_in.command_api.call(call, message.traceparent.as_deref()).await;
            let waits = match &answered {
                Answered::Later(why) => Some(why.as_str()),
                Answered::Done | Answered::Refused(_) => None,
            };
            self.status.tell_of_inbound(&message.at, waits);
            match answered {
                Answered::Done => return None,
                Answered::Refused(why) => return Some(why),
                Answered::Later(why) => {
                    if pause == RETRY_MIN {
                        let at = &message.at;
                        tracing::warn!(why, ?at, "a message waits for the command API");
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RETRY_MAX);
                }
            }
        }
    }

    /// Parks until that is durable: only then the message counts as read.
    async fn park(&self, message: &Incoming, reason: &str) {
        tracing::error!(at = ?message.at, reason, "a message can't be used, and is parked");
        let mut pause = RETRY_MIN;
        while let Err(error) = self.state.park(ToPark { message, reason, now: clock::now() }).await
        {
            let error = crate::with_causes(&error);
            tracing::warn!(error, at = ?message.at, "a message can't be parked yet");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
    }
}

/// Up to where each partition has been read, without a gap.
#[derive(Debug, Default)]
struct Read {
    partitions: BTreeMap<(String, i32), Partition>,
}

#[derive(Debug, Default)]
struct Partition {
    /// Those that are worked on, each as often as it has come.
    open: BTreeMap<i64, u32>,
    /// The offset after the last one that has come.
    next: i64,
    /// What was said last.
    committed: Option<i64>,
}

impl Read {
    fn begin(&mut self, at: &Offset) {
        let partition = self.partitions.entry((at.topic.clone(), at.partition)).or_default();
        *partition.open.entry(at.offset).or_default() += 1;
        partition.next = at.offset + 1;
    }

    fn end(&mut self, at: &Offset) {
        let key = (at.topic.clone(), at.partition);
        let Some(partition) = self.partitions.get_mut(&key) else { return };
        if let Some(count) = partition.open.get_mut(&at.offset) {
            *count -= 1;
            if *count == 0 {
                partition.open.remove(&at.offset);
            }
        }
    }

    /// Where each partition is.
    fn all(mut self) -> Vec<Offset> {
        self.partitions.values_mut().for_each(|partition| partition.committed = None);
        self.news()
    }

    /// Where it is further than was said.
    fn news(&mut self) -> Vec<Offset> {
        let mut news = vec![];
        for ((topic, number), partition) in &mut self.partitions {
            let read = partition.open.keys().next().copied().unwrap_or(partition.next);
            if partition.committed != Some(read) {
                partition.committed = Some(read);
                news.push(Offset { topic: topic.clone(), partition: *number, offset: read });
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use uuid::Uuid;

    use super::*;
    use crate::kafka::{Outgoing, Producer, Ticket, TopicAdmin};
    use crate::state::StateUrl;
    use crate::topic::Topic;

    /// A topic of its own on a real broker, with something in it that a warehouse says.
    async fn said(brokers: &Brokers) -> String {
        let name = format!("events-{}", Uuid::now_v7().simple());
        let topic = Arc::new(Topic::new(&name, Some(1)));
        let admin = TopicAdmin::new(brokers).expect("a client");
        topic.look(&admin).await.expect("it is made");
        let producer = Producer::new(brokers, topic).expect("a producer");
        let body = br#"{"shipping_request_id":"l-1-0-5","event":"accepted"}"#;
        let message = Outgoing { topic: &name, partition: 0, key: "l-1-0-5", headers: &[], body };
        let (to, mut told) = mpsc::unbounded_channel();
        producer.send(message, Ticket { to, lane: 0, place: 1 }).expect("taken");
        assert_eq!(told.recv().await.expect("it is told").outcome, Ok(()));
        name
    }

    #[tokio::test]
    async fn a_worker_that_fails_is_the_end_of_taking_in() {
        let servers = services::shared_kafka().expect("a broker");
        let brokers = Brokers { servers, properties: vec![] };
        let topic = said(&brokers).await;
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateUrl::Sqlite(folder.path().join("publisher.sqlite"));
        let state = Arc::new(State::open(&state).await.expect("opened"));
        let fails = Router::new().fallback(async || -> StatusCode { panic!("on purpose") });
        let way_in = WayIn {
            command_api: CommandApiAt::Here(fails),
            group: topic.clone(),
            warehouse_events: topic,
            earnings: "earnings".into(),
        };
        let [events, _] = way_in.topics();
        let (told, stop) = ((state, Arc::default()), CancellationToken::new());
        let taken_in = take_in(&brokers, (&way_in, &events), told, &stop);
        let ended = tokio::time::timeout(Duration::from_secs(20), taken_in).await;
        let ended = ended.expect("it is noticed");
        assert!(matches!(ended, Err(PublishError::Failed)), "{ended:?}");
    }

    fn at(offset: i64) -> Offset {
        Offset { topic: "events".into(), partition: 0, offset }
    }

    #[test]
    fn only_what_has_nothing_open_before_it_counts_as_read() {
        let mut read = Read::default();
        (5..9).for_each(|offset| read.begin(&at(offset)));
        assert_eq!(read.news(), [at(5)]);
        read.end(&at(6));
        read.end(&at(8));
        assert_eq!(read.news(), []);
        read.end(&at(5));
        assert_eq!(read.news(), [at(7)]);
        read.end(&at(7));
        assert_eq!(read.news(), [at(9)]);
    }

    #[test]
    fn what_comes_again_while_it_is_worked_on_is_waited_for_twice() {
        let mut read = Read::default();
        read.begin(&at(5));
        read.begin(&at(5));
        read.end(&at(5));
        assert_eq!(read.news(), [at(5)]);
        read.end(&at(5));
        assert_eq!(read.news(), [at(6)]);
    }
}
