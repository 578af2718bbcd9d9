//! The publisher: takes the lease, and while it has it, feeds every warehouse.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use log_record::LogId;
use read_model::ReadModel;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ends::{self, Ends};
use crate::feeds::feed_all;
use crate::inbound::{WayIn, take_in};
use crate::kafka::{Brokers, TopicAdmin};
use crate::producers::Producers;
use crate::replay::Replays;
use crate::resend::Patience;
use crate::session::Session;
use crate::state::{LEASE, Lease, State, StateError, StateUrl};
use crate::status::{Health, Phase, Report, Status};
use crate::stream::Stream;
use crate::topic::{Topic, TopicReport};
use crate::{PublishError, WarehouseRate, with_causes};

/// How long it waits before it asks for the lease again, or for what else it needs.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How a publisher is run.
#[derive(Clone, Debug)]
pub struct PublisherConfig {
    /// The brokers.
    pub brokers: Brokers,
    /// The topic that shipping requests are sent to.
    pub topic: String,
    /// How many partitions a topic has that is made where there is none; nothing: none is made.
    pub create_topics: Option<i32>,
    /// Where it keeps what it has to remember.
    pub state: StateUrl,
    /// What warehouses take; one that isn't named takes all there is.
    pub rates: Vec<WarehouseRate>,
    /// When a request that isn't accepted is sent again.
    pub patience: Patience,
    /// How messages that come in get to the command API.
    pub way_in: WayIn,
}

/// A publisher that is ready to run. Clones are the same one.
#[derive(Clone)]
pub struct Publisher {
    pub(crate) config: Arc<PublisherConfig>,
    pub(crate) log_id: LogId,
    partitions: u16,
    pub(crate) state: Arc<State>,
    pub(crate) stream: Stream,
    pub(crate) topic: Arc<Topic>,
    /// The topics of what comes in.
    inbound_topics: Arc<[Topic; 2]>,
    pub(crate) admin: TopicAdmin,
    pub(crate) status: Arc<Status>,
    pub(crate) ends: watch::Sender<Ends>,
    pub(crate) resend_asked: Arc<Notify>,
    pub(crate) replays: Replays,
    /// It is told to stop.
    pub(crate) closing: CancellationToken,
}

impl Publisher {
    /// Opens the publisher's state; the brokers may be away, but what librdkafka is told must be
    /// what it understands.
    pub async fn open(
        config: PublisherConfig,
        read_model: ReadModel,
        (log_id, partitions): (LogId, u16),
    ) -> Result<Self, PublishError> {
        let admin = TopicAdmin::new(&config.brokers)?;
        let state = Arc::new(State::open(&config.state).await?);
        let inbound = config.way_in.topics();
        let inbound_topics = inbound.map(|it| Topic::new(&it.topic, config.create_topics));
        Ok(Self {
            admin,
            inbound_topics: Arc::new(inbound_topics),
            topic: Arc::new(Topic::new(&config.topic, config.create_topics)),
            config: Arc::new(config),
            log_id,
            partitions,
            state,
            stream: Stream::new(read_model),
            status: Arc::default(),
            ends: watch::Sender::new(Ends::default()),
            resend_asked: Arc::default(),
            replays: Replays::default(),
            closing: CancellationToken::new(),
        })
    }

    /// Publishes until it is told to stop. While another publisher has the lease, it stands by.
    pub async fn run(self, stop: CancellationToken) {
        let _closing = self.closing.clone().drop_guard();
        while !stop.is_cancelled() {
            match self.state.take_lease(&self.log_id.to_string()).await {
                Ok(Some(lease)) => match self.publish(lease, &stop).await {
                    Ok(()) => return self.give_up(lease).await,
                    Err(error) => self.pause(Phase::Starting, Some(with_causes(&error))),
                },
                Ok(None) => self.pause(Phase::StandingBy, None),
                Err(error) => self.pause(Phase::Starting, Some(with_causes(&error))),
            }
            stop.run_until_cancelled(tokio::time::sleep(ASK_AGAIN_AFTER)).await;
        }
    }

    /// What operators are told of it.
    pub(crate) async fn report(&self) -> Result<Report, PublishError> {
        let (resent, overdue) = self.state.unaccepted_count().await?;
        let parked = self.state.parked_count().await?;
        let ends = self.ends.borrow().clone();
        let (topic, inbound) = (self.topic.report(), self.inbound_reports());
        Ok(self.status.report(topic, inbound, &ends, (resent, overdue, parked)))
    }

    /// What is told of it in short, beside the health of the ledger's other parts: it is no reason
    /// to send shoppers elsewhere.
    #[must_use]
    pub fn health(&self) -> Health {
        self.status.health(&self.topic.report(), &self.inbound_reports())
    }

    fn inbound_reports(&self) -> Vec<TopicReport> {
        self.inbound_topics.iter().map(Topic::report).collect()
    }

    fn pause(&self, phase: Phase, why: Option<String>) {
        self.status.enter(phase, why);
    }

    async fn give_up(&self, lease: Lease) {
        if let Err(error) = self.state.give_up_lease(lease).await {
            tracing::debug!(%error, "the lease runs out by itself");
        }
    }

    /// Publishes until it is told to stop, or can't go on; then all its parts have stopped.
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
        parts: &mut JoinSet<Result<(), PublishError>>,
    ) -> Result<(), PublishError> {
        parts.spawn(keep_lease(Arc::clone(&self.state), lease, stop.clone()));
        let kept = self.state.read().await?;
        self.topic.remember(&kept.partitions);
        let admin = self.admin.clone();
        while let Err(error) = self.topic.look(&admin).await {
            self.status.enter(Phase::Starting, Some(with_causes(&error)));
            let pause = tokio::time::sleep(ASK_AGAIN_AFTER);
            if stop.run_until_cancelled(pause).await.is_none() {
                return Ok(());
            }
        }
        if let Some(partitions) = self.topic.partitions() {
            self.state.forget_partitions(lease, &self.topic.name, partitions).await?;
        }
        // What comes in needs these; where they aren't there, that is said, and waited for.
        let [events, earnings] = self.inbound_topics.as_ref();
        drop(tokio::join!(events.look(&admin), earnings.look(&admin)));
        let producers = Producers::start(&self.config.brokers, Arc::clone(&self.topic))?;
        let rates = self.config.rates.iter().map(|rate| (rate.warehouse.clone(), rate.interval));
        let session = Arc::new(Session {
            state: Arc::clone(&self.state),
            lease,
            stream: self.stream.clone(),
            ends: self.ends.subscribe(),
            topic: Arc::clone(&self.topic),
            producers,
            status: Arc::clone(&self.status),
            patience: self.config.patience,
            resend_asked: Arc::clone(&self.resend_asked),
            rates: Arc::new(rates.collect::<BTreeMap<_, _>>()),
            lanes: tokio::sync::Mutex::default(),
        });
        self.status.enter(Phase::Publishing, None);
        let (topic, until) = (Arc::clone(&self.topic), stop.clone());
        let inbound = Arc::clone(&self.inbound_topics);
        parts.spawn(async move {
            let [events, earnings] = inbound.as_ref();
            tokio::try_join!(
                topic.keep_looking(topic.partitions(), &admin, &until),
                events.keep_looking(None, &admin, &until),
                earnings.keep_looking(None, &admin, &until),
            )
            .map(drop)
        });
        let (this, until) = (self.clone(), stop.clone());
        parts.spawn(async move {
            ends::keep_looking(&this.stream, this.partitions, &this.ends, &until).await;
            Ok(())
        });
        for inbound in self.config.way_in.topics() {
            let (config, until) = (Arc::clone(&self.config), stop.clone());
            let told = (Arc::clone(&self.state), Arc::clone(&self.status));
            parts.spawn(async move {
                take_in(&config.brokers, (&config.way_in, &inbound), told, &until).await
            });
        }
        parts.spawn(feed_all(session, kept, stop.clone()));
        Ok(())
    }
}

/// Waits until one part ends by itself, or all are told to.
async fn first_end(
    parts: &mut JoinSet<Result<(), PublishError>>,
    stop: &CancellationToken,
) -> Result<(), PublishError> {
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        Some(ended) = parts.join_next() => match ended {
            Ok(Ok(())) if stop.is_cancelled() => Ok(()),
            Ok(Err(error)) => Err(error),
            // It has panicked, or has nothing more to do, which none has.
            ended => {
                tracing::error!(?ended, "a part of the publisher has failed; it begins anew");
                Err(PublishError::Failed)
            }
        },
    }
}

/// Renews the lease; ends with an error when another publisher may have it.
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
