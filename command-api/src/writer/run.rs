//! A running writer: what it holds, and how it starts.
//!
//! In reading order: `serve.rs` is the loop, `decide.rs` decides commands into a batch, `sweep.rs`
//! what falls due, `record.rs` adds events to a batch, `recover.rs` follows a failed append or a
//! panic.

use std::collections::HashSet;
use std::sync::Arc;

use domain::{AccountId, Clock, Event, LogOpened, State, Timestamp};
use event_schema::{Metadata, encode};
use event_store::{Append, AppendError};
use log_record::{Checksum, Epoch, Generation, Head, Partition, Place, Position, WriterId};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::across::Across;
use super::batch::Batch;
use super::clock::WriterClock;
use super::config::{StartError, WriterConfig};
use super::gate::Gate;
use super::pressure::Pressure;
use super::queue::Arrivals;
use super::queued_command::QueuedCommand;
use super::record::{append_at_start, take_over_at_start};
use super::salts::Salts;
use super::status::WriterStatus;
use crate::restart::{LoadError, Loaded, load};
use crate::writer_metrics::WriterMetrics;

/// A running writer.
pub(super) struct Run {
    pub(super) config: WriterConfig,
    pub(super) metrics: WriterMetrics,
    pub(super) partition: Partition,
    pub(super) writer: WriterId,
    pub(super) epoch: Epoch,
    pub(super) generation: Generation,
    /// Every event up to this one is durable, and may have been answered.
    pub(super) durable: Position,
    /// That of the event at `durable`; none from when a doubt is resolved until the state is there.
    pub(super) durable_checksum: Option<Checksum>,
    pub(super) state: State,
    pub(super) gate: Arc<Gate>,
    pub(super) status: watch::Sender<WriterStatus>,
    pub(super) clock: WriterClock,
    /// The last event of the snapshot that the state was made of.
    pub(super) loaded_from: Position,
    pub(super) salts: Salts,
    /// Whether what falls due is recorded in the background.
    pub(super) sweeps: bool,
    /// Accounts in which what falls due can't be recorded in the background.
    pub(super) left_out: HashSet<AccountId>,
    pub(super) commands: Arrivals,
    pub(super) pressure: Arc<Pressure>,
    /// Commands whose deciding panicked, by the hash of all their fields.
    pub(super) panicked: HashSet<[u8; 32]>,
    /// Decided before the queue is looked at: they came first.
    pub(super) redo: Vec<QueuedCommand>,
    /// What was decided and isn't appended yet, where the decisions still stand.
    pub(super) gathered: Batch,
    /// Whether the state can't be trusted any more, until it is rebuilt.
    pub(super) is_state_lost: bool,
    /// What it holds because of other partitions, where there are any.
    pub(super) across: Option<Box<Across>>,
    /// The task that asks the log whether this writer is deposed, for that epoch and end.
    pub(super) deposed: Option<((Epoch, Position), JoinSet<AppendError>)>,
}

impl Run {
    pub(super) async fn start(
        config: WriterConfig,
        partition: Partition,
        commands: Arrivals,
        (gate, pressure): (Arc<Gate>, Arc<Pressure>),
        status: watch::Sender<WriterStatus>,
        across: Option<Across>,
        last_of_all: Option<Timestamp>,
    ) -> Result<Self, StartError> {
        let writer = WriterId(Uuid::now_v7());
        let head = take_over_at_start(&config.store, partition, writer)
            .await
            .map_err(|source| StartError::TakeOver { partition, source })?;
        let is_new = head.position == Position::START;
        if is_new {
            open_log(&config, partition, &head)
                .await
                .map_err(|source| StartError::OpenLog { partition, source })?;
        }
        let end = head.position.max(Position(1));
        let Loaded { state, from } = load(&config.store, partition, config.snapshots.as_ref(), end)
            .await
            .map_err(|source| StartError::Load { partition, source })?;
        let last = config
            .store
            .read_one(Place { partition, position: end })
            .await
            .map_err(|error| StartError::Load { partition, source: LoadError::Read(error) })?;
        let opened = state.opened().map_or(Clock::Wall, |opened| opened.clock);
        if let Some(asked) = config.clock.filter(|asked| *asked != opened) {
            return Err(StartError::OtherClock { opened, asked });
        }
        // A partition may rest for long while others don't.
        let last_event = (!is_new).then(|| state.recorded_at()).max(last_of_all);
        let doubted = state.clock_doubt();
        let clock = WriterClock::start(opened, config.read_clock.clone(), last_event, doubted);
        gate.install(&state);
        if let Some(keys) = &config.keys {
            for (account_id, into) in state.all_merged() {
                keys.note_merger(account_id.as_str(), into.as_str());
            }
        }
        if let Some(across) = &across {
            across.neighbours.begin(&state);
        }
        let metrics = config.metrics.of(partition);
        let mut run = Self {
            config,
            metrics,
            partition,
            writer,
            epoch: head.epoch,
            generation: head.generation,
            durable: end,
            durable_checksum: Some(last.checksum),
            state,
            gate,
            status,
            clock,
            loaded_from: from,
            salts: Salts::new(),
            sweeps: true,
            left_out: HashSet::new(),
            commands,
            pressure,
            panicked: HashSet::new(),
            redo: vec![],
            gathered: Batch::new(),
            is_state_lost: false,
            across: across.map(Box::new),
            deposed: None,
        };
        if !run.check_clock() {
            run.append_doubt()
                .await
                .map_err(|source| StartError::DoubtClock { partition, source })?;
        }
        run.metrics.start(run.epoch, run.durable, &run.state);
        Ok(run)
    }

    /// Looks at the clock, publishes the status where that has changed, and gives whether anything
    /// may be decided.
    pub(super) fn check_clock(&mut self) -> bool {
        let status = match self.clock.check() {
            None if self.sweeps => WriterStatus::Serving,
            None => WriterStatus::NotSweeping,
            Some(doubt) => WriterStatus::ClockUnconfirmed(doubt.clone()),
        };
        let is_right = self.clock.doubt().is_none();
        self.status.send_if_modified(|published| {
            let is_news = *published != status;
            if is_news {
                if let WriterStatus::ClockUnconfirmed(why) = &status {
                    tracing::error!(%why, "nothing is decided until `guerdon confirm-clock`");
                }
                *published = status;
            }
            is_news
        });
        is_right
    }

    /// A position of this partition.
    pub(super) const fn place(&self, position: Position) -> Place {
        Place { partition: self.partition, position }
    }
}

async fn open_log(
    config: &WriterConfig,
    partition: Partition,
    head: &Head,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let clock = config.clock.unwrap_or(Clock::Wall);
    let event = Event::LogOpened(LogOpened {
        log_id: config.store.log_id().to_string().into(),
        partitions: config.store.partitions(),
        clock,
    });
    let metadata = Metadata::of_command("open-log");
    // A log that goes by its commands has no time before the first of them.
    let now = match clock {
        Clock::Wall => (config.read_clock.0)().wall,
        Clock::Commands => Timestamp::EPOCH,
    };
    let opened = encode(&event, now, &metadata, None, Salts::new().next()?)?;
    let append = Append::after(partition, head, vec![opened]);
    append_at_start(&config.store, append).await?;
    Ok(())
}
