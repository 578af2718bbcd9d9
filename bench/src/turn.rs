//! One contender's turn in one round: it is started on a fresh stage, loaded, and stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use services::Postgres;

use crate::broker::Broker;
use crate::contender::{self, Contender, Credit, Server};
use crate::follower::Follower;
use crate::histogram::Histogram;
use crate::lag::{self, Sample};
use crate::ledger::{self, Ledger, TOPIC};
use crate::load::{Load, Loaded, load};
use crate::messages::Messages;
use crate::naive;
use crate::process::Process;
use crate::sender;
use crate::settings::Settings;
use crate::slow_clients::SlowClients;
use crate::stage::Stage;
use crate::written::bytes_written;

#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) contender: &'static str,
    pub(crate) loaded: Loaded,
    /// On the whole way.
    pub(crate) visible: Option<Visible>,
    /// How many lots expired meanwhile, where some did.
    pub(crate) expired: Option<u64>,
    /// How long after its answer each message came to a consumer, where one looked.
    pub(crate) published: Option<Histogram>,
    /// What the partitions told each other meanwhile, where there are several.
    pub(crate) messages: Option<Messages>,
    /// The broker's processor seconds, in hundredths, where one took messages from a sender.
    pub(crate) broker_cpu: Option<u64>,
}

/// How what was accepted became readable.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Visible {
    /// How long after the last answer all of it was.
    pub(crate) after: Duration,
    /// Bytes that the ledger and its database gave to the disk for each event meanwhile.
    pub(crate) written: f64,
    pub(crate) lag: Vec<Sample>,
}

impl Visible {
    /// The most events that the projection was seen to be behind.
    pub(crate) fn most_events(&self) -> f64 {
        self.lag.iter().map(Sample::behind_events).max().unwrap_or_default() as f64
    }

    /// The longest that it was seen to be behind.
    pub(crate) fn most_seconds(&self) -> f64 {
        self.lag.iter().map(|sample| sample.behind_seconds).fold(0.0, f64::max)
    }
}

impl Turn {
    /// Answers that count, a second; on the whole way until all of them could be read.
    pub(crate) fn rate(&self) -> f64 {
        let late = self.visible.as_ref().map_or(0.0, |visible| visible.after.as_secs_f64());
        self.loaded.tally.wanted as f64 / (self.loaded.seconds + late)
    }

    /// Answers that count for a second of processor time, whoever spent it.
    pub(crate) fn per_cpu_second(&self) -> f64 {
        1000.0 / self.per_thousand(self.loaded.servers_cpu() + self.loaded.client_cpu)
    }

    /// So many of what was counted meanwhile for each that was accepted, also before and after the
    /// time that counts.
    pub(crate) fn per_accepted(&self, count: u64) -> f64 {
        count as f64 / self.loaded.tally.accepted_in_all.max(1) as f64
    }

    /// Processor seconds for a thousand answers that count.
    pub(crate) fn per_thousand(&self, hundredths: u64) -> f64 {
        hundredths as f64 / 100.0 / (self.loaded.tally.wanted.max(1) as f64 / 1000.0)
    }
}

/// What a turn is to be like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) contender: &'a Contender,
    /// Of the naive contender's pool.
    pub(crate) pool: usize,
    /// Requests a second at fixed times; else as many as are answered.
    pub(crate) rate: Option<f64>,
}

impl Plan<'_> {
    pub(crate) async fn take(self) -> anyhow::Result<Turn> {
        let stage = Stage::new(&self.settings.folder(), self.contender)?;
        match self.contender.server {
            Server::Noop => {
                let process = Process::ours(&["noop"])?;
                self.turn(load(&self.load(&process, None)).await?)
            }
            Server::Naive(way) => {
                let postgres = stage.postgres(naive::DATABASE)?;
                naive::prepare(&postgres, self.contender.requests, self.settings.variety())?;
                let process = naive::start(&postgres, way, self.pool)?;
                self.turn(load(&self.load(&process, Some(&postgres))).await?)
            }
            Server::Sender(sender) => {
                let (loaded, broker_cpu) = sender::send(self.settings, &stage, sender).await?;
                Ok(Turn { broker_cpu: Some(broker_cpu), ..self.turn(loaded)? })
            }
            Server::CommandApi(_) | Server::Whole(_) => self.ledger(&stage, None).await,
            Server::Publishing(contender::Broker::Absent) => self.ledger(&stage, None).await,
            Server::Publishing(_) => self.ledger(&stage, Some(Broker::start(&stage)?)).await,
        }
    }

    async fn ledger(self, stage: &Stage, mut broker: Option<Broker>) -> anyhow::Result<Turn> {
        let Self { settings, contender, .. } = self;
        let ledger = Ledger::start(settings, stage, contender, broker.as_ref()).await?;
        let variety = ledger::variety(settings, contender);
        let before = ledger.prepare(contender, variety).await?;
        let key = ledger.key("shopper").to_owned();
        let position = Arc::new(AtomicU64::new(before));
        let load_of = Load {
            key,
            variety,
            position: Arc::clone(&position),
            ..self.load(&ledger.process, ledger.postgres.as_ref())
        };
        let mut follower = None;
        if let Some(broker) = &mut broker {
            broker.warm_up().await?;
            ledger.wait_until_publishing().await?;
            match contender.server {
                Server::Publishing(contender::Broker::Stopped) => broker.stop()?,
                Server::Publishing(contender::Broker::Followed) => {
                    follower = Some(Follower::start(broker.reader(TOPIC)?));
                }
                _ => {}
            }
        }
        let mut slow_clients = None;
        if contender.is_beside_slow_clients {
            let (address, key) = (ledger.process.address(), ledger.key("merchant"));
            slow_clients = Some(SlowClients::start(address, key).await?);
        }
        let messages_before = Messages::of(&ledger, contender)?;
        let mut visible = None;
        let loaded = if contender.is_until_visible() {
            let long = load_of.warm_up + load_of.measured;
            let watching =
                tokio::spawn(lag::watch(ledger.process.address(), position.clone(), long));
            let bytes = || {
                let postgres = ledger.postgres.as_ref().and_then(Postgres::pid);
                bytes_written(ledger.process.pid()) + postgres.map_or(0, bytes_written)
            };
            let written_before = bytes();
            let loaded = load(&load_of).await?;
            let end = position.load(Ordering::Relaxed);
            let after = ledger.wait_until_visible(end).await?;
            let written = bytes().saturating_sub(written_before) as f64;
            let written = written / end.saturating_sub(before).max(1) as f64;
            visible = Some(Visible { after, written, lag: watching.await?? });
            loaded
        } else {
            load(&load_of).await?
        };
        drop(slow_clients);
        // A redemption is two events, and nothing else is recorded meanwhile but what falls due.
        let own = 2 * loaded.tally.accepted_in_all;
        let others = position.load(Ordering::Relaxed).saturating_sub(before + own);
        let expired = (contender.credit == Credit::Expiring).then_some(others);
        let published = match follower {
            None => None,
            Some(follower) => Some(follower.latencies(&loaded.tally.accepted).await?),
        };
        ledger.check_watched()?;
        let messages = Messages::of(&ledger, contender)?;
        let messages = messages.zip(messages_before).map(|(after, before)| after.since(before));
        ledger.process.stop()?;
        Ok(Turn { visible, expired, published, messages, ..self.turn(loaded)? })
    }

    pub(crate) fn load(self, process: &Process, postgres: Option<&Postgres>) -> Load {
        let Self { settings, contender, rate, .. } = self;
        Load {
            address: process.address(),
            key: String::new(),
            requests: contender.requests,
            variety: settings.variety(),
            connections: settings.connections,
            rate,
            warm_up: settings.warm_up(),
            measured: settings.measured(contender),
            server: process.pid(),
            postgres: postgres.and_then(Postgres::pid),
            first_number: 0,
            position: Arc::default(),
        }
    }

    fn turn(self, loaded: Loaded) -> anyhow::Result<Turn> {
        Ok(Turn {
            contender: self.contender.name,
            loaded,
            visible: None,
            expired: None,
            published: None,
            messages: None,
            broker_cpu: None,
        })
    }
}
