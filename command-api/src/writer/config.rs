//! What a writer is started with, and why it may not start.

use std::time::Duration;

use domain::{Clock, Command, Decision, Refusal, State, Timestamp};
use event_store::{EventStore, StoreError};
use log_record::Partition;
use trace::Tracer;
use wire::{KeyRing, Switches};

use super::clock::ReadClock;
use crate::metrics::CommandMetrics;
use crate::restart::{LoadError, Snapshots};

/// How a command is decided: [`domain::decide`], or what a test puts in its place.
pub type Decide = fn(&State, &Command, Timestamp) -> Result<Decision, Refusal>;

/// What a writer is started with, whichever partition it writes.
#[derive(Clone, Debug)]
pub struct WriterConfig {
    /// The log.
    pub store: EventStore,
    /// Where snapshots are, if anywhere.
    pub snapshots: Option<Snapshots>,
    /// How long a command waits for the writer each time that it is queued, and how long one read
    /// of the log may take for it. Most commands are queued once and read nothing; one that needs
    /// an older event is queued twice, with a read between.
    pub deadline: Duration,
    /// From which wait for the writer on commands are refused: dry runs from it on, new redemptions
    /// from twice as long, all others from four times as long.
    pub shed_after: Duration,
    /// Where the log takes its time from; without it, as it was opened, and a new one from the wall
    /// clock.
    pub clock: Option<Clock>,
    /// How the machine's clocks are read.
    pub read_clock: ReadClock,
    /// How commands are decided.
    pub decide: Decide,
    /// Where commands and batches are counted.
    pub metrics: CommandMetrics,
    /// Begins the spans of commands.
    pub tracer: Tracer,
    /// What operators have turned on.
    pub switches: Switches,
    /// Who is let in, and so is to know which accounts were merged.
    pub keys: Option<KeyRing>,
}

impl WriterConfig {
    /// A writer that decides as the domain does, by the machine's clocks, and refuses nothing for
    /// its wait.
    #[must_use]
    pub fn new(store: EventStore, deadline: Duration) -> Self {
        let read_clock = ReadClock::system();
        let (snapshots, clock) = (None, None);
        let (metrics, tracer) = (CommandMetrics::default(), Tracer::default());
        let (decide, shed_after) = (domain::decide, Duration::MAX);
        Self {
            store,
            snapshots,
            deadline,
            shed_after,
            clock,
            read_clock,
            decide,
            metrics,
            tracer,
            switches: Switches::default(),
            keys: None,
        }
    }
}

/// A writer could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log refused.
    #[error("the writer can't take over partition {partition} of the log")]
    TakeOver {
        /// The partition.
        partition: Partition,
        /// The store's reason.
        #[source]
        source: StoreError,
    },
    /// The state couldn't be rebuilt.
    #[error("the state of partition {partition} can't be rebuilt from the log")]
    Load {
        /// The partition.
        partition: Partition,
        /// The event or file that can't be used.
        #[source]
        source: LoadError,
    },
    /// A partition has received what another hasn't sent.
    #[error(
        "partition {partition} has received message {number} of partition {from}, which partition \
         {from} hasn't sent: the partitions aren't of one moment; restore all of them together, or \
         copy the log again"
    )]
    Unsent {
        /// The partition.
        partition: Partition,
        /// The one that should have sent it.
        from: Partition,
        /// The last message that was received.
        number: u64,
    },
    /// The log takes its time from elsewhere.
    #[error("the log was opened with --clock {}, and --clock says {}; it can't be changed later",
        opened.as_str(), asked.as_str())]
    OtherClock {
        /// Where the log takes its time from.
        opened: Clock,
        /// Where this start would have taken it from.
        asked: Clock,
    },
    /// Two partitions of the log take their time from different clocks.
    #[error(
        "partition {partition} was opened with --clock {}, and partition 0 with --clock {}: a \
         first start broke off, and the next one had another --clock; if nothing is recorded yet, \
         begin a new log, else restore a backup in which they agree",
        opened.as_str(), home.as_str()
    )]
    ClocksDiffer {
        /// The partition.
        partition: Partition,
        /// Where it takes its time from.
        opened: Clock,
        /// Where the first partition does.
        home: Clock,
    },
    /// The log couldn't be opened with its first event.
    #[error("the first event of partition {partition} can't be appended")]
    OpenLog {
        /// The partition.
        partition: Partition,
        /// The store's reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The wall clock can't be trusted, and the log didn't take the event that says so.
    #[error("the event that the wall clock is doubted can't be appended to partition {partition}")]
    DoubtClock {
        /// The partition.
        partition: Partition,
        /// The store's reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
