//! The publisher: takes the lease, and while it holds it, runs the outbound and inbound rooms.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use log_record::{Generation, LogId};
use read_model::{LogHistory, ReadModel};
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use trace::Tracer;
use wire::Switches;

use crate::activity::{Activity, CurrentActivity};
use crate::causes::with_causes;
use crate::clock::UnixMillis;
use crate::error::PublishError;
use crate::inbound::take_in::{Intake, take_in};
use crate::inbound::waiting::Waiting;
use crate::inbound::way_in::WayIn;
use crate::kafka::brokers::Brokers;
use crate::kafka::topic::Topic;
use crate::kafka::topic_admin::TopicAdmin;
use crate::outbound::ends::{self, Ends};
use crate::outbound::feeds::feed_all;
use crate::outbound::pace::WarehouseRate;
use crate::outbound::producers::Producers;
use crate::outbound::progress::FeedsProgress;
use crate::outbound::replay::Replays;
use crate::outbound::resend_policy::ResendPolicy;
use crate::outbound::session::Session;
use crate::outbound::stream::Stream;
use crate::state::StateUrl;
use crate::state::error::StateError;
use crate::state::store::{LEASE, Lease, State};

/// The pause before the publisher asks again for the lease, or for a topic.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How a publisher is run.
#[derive(Clone, Debug)]
pub struct PublisherConfig {
    /// The brokers.
    pub brokers: Brokers,
    /// The topic of the shipping requests.
    pub topic: String,
    /// The number of partitions of a topic that is created; `None`: no topic is created.
    pub create_topics: Option<i32>,
    /// Where the publisher's own tables are.
    pub state: StateUrl,
    /// The warehouses' rates; a warehouse without one gets all messages at once.
    pub rates: Vec<WarehouseRate>,
    /// When an unaccepted request is sent again.
    pub resend_policy: ResendPolicy,
    /// Which topics come in, and which command API gets them.
    pub way_in: WayIn,
    /// After a fork, inbound messages from this time on are read again; `None`: all that Kafka
    /// keeps.
    pub reread_from: Option<Timestamp>,
    /// Begins the spans of messages.
    pub tracer: Tracer,
    /// What operators have turned on.
    pub switches: Switches,
}

/// The log whose shipping messages are published.
#[derive(Clone, Debug)]
pub struct PublishedLog {
    /// Its id.
    pub log_id: LogId,
    /// The number of its partitions.
    pub partitions: u16,
    /// Its present history. A fork begins another generation.
    pub history: watch::Receiver<LogHistory>,
}

impl PublishedLog {
    fn generation(&self) -> Generation {
        self.history.borrow().generation
    }
}

/// A publisher that is ready to run. Clones share everything.
#[derive(Clone)]
pub struct Publisher {
    pub(crate) config: Arc<PublisherConfig>,
    pub(crate) log: PublishedLog,
    pub(crate) state: Arc<State>,
    pub(crate) stream: Stream,
    pub(crate) topic: Arc<Topic>,
    pub(crate) inbound_topics: Arc<[Topic; 2]>,
    pub(crate) admin: TopicAdmin,
    pub(crate) activity: Arc<CurrentActivity>,
    pub(crate) progress: Arc<FeedsProgress>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) ends: watch::Sender<Ends>,
    /// Wakes the resends: an operator wants a request sent again.
    pub(crate) resend_asked: Arc<Notify>,
    pub(crate) replays: Replays,
    /// Cancelled when the publisher stops; ends its replays.
    pub(crate) closing: CancellationToken,
}

type Parts = JoinSet<Result<(), PublishError>>;

impl Publisher {
    /// Opens the publisher's state. The brokers may be away, but librdkafka must understand its
    /// properties.
    pub async fn open(
        config: PublisherConfig,
        read_model: ReadModel,
        log: PublishedLog,
    ) -> Result<Self, PublishError> {
        let admin = TopicAdmin::new(&config.brokers)?;
        let state = Arc::new(State::open(&config.state).await?);
        let inbound = config.way_in.topics();
        let inbound_topics = inbound.map(|it| Topic::inbound(&it.topic, config.create_topics));
        Ok(Self {
            admin,
            inbound_topics: Arc::new(inbound_topics),
            topic: Arc::new(Topic::new(&config.topic, config.create_topics)),
            config: Arc::new(config),
            log,
            state,
            stream: Stream::new(read_model),
            activity: Arc::default(),
            progress: Arc::default(),
            waiting: Arc::default(),
            ends: watch::Sender::new(Ends::default()),
            resend_asked: Arc::default(),
            replays: Replays::default(),
            closing: CancellationToken::new(),
        })
    }

    /// Publishes until `stop`. While another publisher holds the lease, this one stands by.
    pub async fn run(self, stop: CancellationToken) {
        let _closing = self.closing.clone().drop_guard();
        while !stop.is_cancelled() {
            match self.state.take_lease(&self.log.log_id.to_string()).await {
                Ok(Some(lease)) => match self.publish(lease, &stop).await {
                    Ok(()) => return self.give_up(lease).await,
                    Err(error) => self.enter(Activity::Starting, Some(with_causes(&error))),
                },
                Ok(None) => self.enter(Activity::StandingBy, None),
                Err(error) => self.enter(Activity::Starting, Some(with_causes(&error))),
            }
            stop.run_until_cancelled(tokio::time::sleep(ASK_AGAIN_AFTER)).await;
        }
    }

    fn enter(&self, activity: Activity, why: Option<String>) {
        // In each of these activities nothing is taken in any more, or not yet.
        self.waiting.clear();
        if activity == Activity::StandingBy {
            self.progress.clear();
        }
        self.activity.enter(activity, why);
    }

    async fn give_up(&self, lease: Lease) {
        if let Err(error) = self.state.give_up_lease(lease).await {
            tracing::debug!(%error, "the lease could not be given up, and runs out");
        }
    }

    /// Publishes until `stop`, or until one part fails; then all parts have ended.
    async fn publish(&self, lease: Lease, stop: &CancellationToken) -> Result<(), PublishError> {
        let stop = stop.child_token();
        let mut parts = JoinSet::new();
        let begun = self.begin(lease, &stop, &mut parts).await;
        let ended = match begun {
            Ok(()) => first_end(&mut parts, &stop).await,
            Err(error) => Err(error),
        };
        stop.cancel();
        while parts.join_next().await.is_some() {}
        ended
    }

    async fn begin(
        &self,
        lease: Lease,
        stop: &CancellationToken,
        parts: &mut Parts,
    ) -> Result<(), PublishError> {
        parts.spawn(keep_lease(Arc::clone(&self.state), lease, stop.clone()));
        let stored = self.state.load().await?;
        self.topic.acknowledged.restore(&stored.partitions);
        while let Err(error) = self.topic.check(&self.admin).await {
            self.enter(Activity::Starting, Some(with_causes(&error)));
            let pause = tokio::time::sleep(ASK_AGAIN_AFTER);
            if stop.run_until_cancelled(pause).await.is_none() {
                return Ok(());
            }
        }
        if let Some(partitions) = self.topic.partitions() {
            self.state.keep_partitions(lease, &self.topic.name, partitions).await?;
        }
        // Intake needs these. A missing one is reported, and waited for.
        let [events, earnings] = self.inbound_topics.as_ref();
        drop(tokio::join!(events.check(&self.admin), earnings.check(&self.admin)));
        let session = Arc::new(self.session(lease)?);
        self.enter(Activity::Publishing, None);
        self.check_topics(stop, parts);
        let (this, until) = (self.clone(), stop.clone());
        parts.spawn(async move {
            ends::keep_reading(&this.stream, this.log.partitions, &this.ends, &until).await;
            Ok(())
        });
        let generation = self.log.generation();
        parts.spawn(end_after_fork(self.log.clone(), generation, stop.clone()));
        self.take_topics_in(generation, stop, parts);
        parts.spawn(feed_all(session, stored, stop.clone()));
        Ok(())
    }

    fn session(&self, lease: Lease) -> Result<Session, PublishError> {
        let rates = self.config.rates.iter().map(|rate| (rate.warehouse.clone(), rate.interval));
        Ok(Session {
            state: Arc::clone(&self.state),
            lease,
            stream: self.stream.clone(),
            ends: self.ends.subscribe(),
            topic: Arc::clone(&self.topic),
            producers: Producers::start(&self.config.brokers, Arc::clone(&self.topic))?,
            progress: Arc::clone(&self.progress),
            tracer: self.config.tracer.clone(),
            switches: self.config.switches.clone(),
            resend_policy: self.config.resend_policy,
            resend_asked: Arc::clone(&self.resend_asked),
            rates: rates.collect(),
            lane_counts: Mutex::default(),
        })
    }

    fn check_topics(&self, stop: &CancellationToken, parts: &mut Parts) {
        let (topic, admin, until) = (Arc::clone(&self.topic), self.admin.clone(), stop.clone());
        let inbound = Arc::clone(&self.inbound_topics);
        parts.spawn(async move {
            let [events, earnings] = inbound.as_ref();
            tokio::try_join!(
                topic.keep_checking(topic.partitions(), &admin, &until),
                events.keep_checking(None, &admin, &until),
                earnings.keep_checking(None, &admin, &until),
            )?;
            Ok(())
        });
    }

    fn take_topics_in(&self, generation: Generation, stop: &CancellationToken, parts: &mut Parts) {
        let reread_from = self.config.reread_from.map(UnixMillis::of);
        let topics = self.inbound_topics.iter();
        for (inbound, topic) in self.config.way_in.topics().into_iter().zip(topics) {
            let intake = Intake {
                reading: topic.reading.clone().unwrap_or_default(),
                generation,
                reread_from,
                brokers: self.config.brokers.clone(),
                way_in: self.config.way_in.clone(),
                inbound,
                state: Arc::clone(&self.state),
                waiting: Arc::clone(&self.waiting),
                tracer: self.config.tracer.clone(),
            };
            let until = stop.clone();
            parts.spawn(async move { take_in(intake, &until).await });
        }
    }
}

/// Waits for `stop`, or for the first part that ends by itself.
async fn first_end(parts: &mut Parts, stop: &CancellationToken) -> Result<(), PublishError> {
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        Some(ended) = parts.join_next() => match ended {
            Ok(Ok(())) if stop.is_cancelled() => Ok(()),
            Ok(Err(error)) => Err(error),
            // The part panicked, or ended early; no part does so by design.
            ended => {
                tracing::error!(?ended, "a part of the publisher failed; it starts again");
                Err(PublishError::Failed)
            }
        },
    }
}

/// Ends all parts when the log is forked: what came in before is read again then.
async fn end_after_fork(
    log: PublishedLog,
    generation: Generation,
    stop: CancellationToken,
) -> Result<(), PublishError> {
    let mut history = log.history;
    let is_forked =
        async { history.wait_for(|history| history.generation > generation).await.is_ok() };
    match stop.run_until_cancelled(is_forked).await {
        Some(true) => Err(PublishError::NewGeneration),
        // Nobody follows the log any more: the process stops.
        Some(false) => {
            stop.cancelled().await;
            Ok(())
        }
        None => Ok(()),
    }
}

/// Renews the lease. Fails when another publisher may have taken it.
async fn keep_lease(
    state: Arc<State>,
    lease: Lease,
    stop: CancellationToken,
) -> Result<(), PublishError> {
    let mut good_until = tokio::time::Instant::now() + LEASE;
    while stop.run_until_cancelled(tokio::time::sleep(LEASE / 5)).await.is_some() {
        let begun = tokio::time::Instant::now();
        match tokio::time::timeout_at(good_until, state.renew_lease(lease)).await {
            Ok(Ok(())) => good_until = begun + LEASE,
            Ok(Err(StateError::Deposed)) => return Err(StateError::Deposed.into()),
            Ok(Err(error)) => tracing::warn!(%error, "the lease could not be renewed"),
            Err(_) => {}
        }
        if tokio::time::Instant::now() >= good_until {
            return Err(StateError::Deposed.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(generation: u32) -> LogHistory {
        let generation = Generation(generation);
        LogHistory { generation, ends: vec![], begins: vec![] }
    }

    #[tokio::test]
    async fn a_publisher_that_runs_across_a_fork_begins_again() {
        let (log_id, partitions) = (LogId(uuid::Uuid::now_v7()), 1);
        let (following, history_of_it) = watch::channel(history(1));
        let log = PublishedLog { log_id, partitions, history: history_of_it };
        let (generation, stop) = (log.generation(), CancellationToken::new());
        let waiting = tokio::spawn(end_after_fork(log.clone(), generation, stop.clone()));
        // The same generation, seen again.
        following.send_replace(history(1));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        following.send_replace(history(2));
        let ended = waiting.await.expect("no panic");
        assert!(matches!(ended, Err(PublishError::NewGeneration)), "{ended:?}");
        let waiting = tokio::spawn(end_after_fork(log, Generation(2), stop.clone()));
        stop.cancel();
        assert!(waiting.await.expect("no panic").is_ok());
    }
}
