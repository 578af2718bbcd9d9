//! How a writer is, and why it stopped.

use domain::Undelivered;
use log_record::{Checksum, Epoch, Generation, Partition, Position};

use super::clock::ClockDoubt;

/// How the writer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriterStatus {
    /// It decides and appends.
    Serving,
    /// It decides and appends, but no longer records in the background what falls due, because that
    /// failed.
    NotSweeping,
    /// It decides nothing until an operator confirms the clock.
    ClockUnconfirmed(ClockDoubt),
    /// An append failed, and is tried again; or it is in doubt or a decision panicked, and the
    /// writer finds out what the log holds.
    Recovering,
    /// It decides no more.
    Stopped(StopReason),
}

/// Why a writer decides no more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StopReason {
    /// Every handle is dropped.
    #[error("the process that it is a part of ends")]
    HandlesDropped,
    /// Another writer has taken over, and the log shows its head.
    #[error(
        "another writer has taken over this partition: its head is at {position} in epoch {epoch}; \
         only one command API can run on a log, so leave it to the other one, or stop that before \
         this one is started again"
    )]
    Deposed {
        /// The end of the partition.
        position: Position,
        /// The other writer's epoch.
        epoch: Epoch,
    },
    /// Another writer has taken over.
    #[error("another writer has taken over this partition")]
    DeposedUnseen,
    /// The log isn't what this writer answered by: a standby that lagged was promoted, or a backup
    /// restored.
    #[error(
        "log-forked: the log of partition {partition} was at {partition}:{answered} and now ends \
         at {partition}:{head}: {}; see docs/operations/postgresql.md, or kurrentdb.md where it is \
         there, for what to do after a fork",
        lost(*answered, *head)
    )]
    Forked {
        /// The partition.
        partition: Partition,
        /// The last event that was answered.
        answered: Position,
        /// Its generation.
        generation: Generation,
        /// Its checksum, if it is known.
        checksum: Option<Checksum>,
        /// The end of the partition now.
        head: Position,
    },
    /// Another partition has found that the log isn't what was answered by.
    #[error("another partition of this log has stopped, and with it this one: {0}")]
    ForkedElsewhere(Box<str>),
    /// A message of another partition isn't the one that must come.
    #[error("partition {partition} can't take in what another has sent: {why}")]
    Undelivered {
        /// The partition.
        partition: Partition,
        /// What is wrong with the message.
        #[source]
        why: Undelivered,
    },
    /// What another partition says can't be applied. It isn't passed over.
    #[error("partition {partition} can't take in what another has sent or asked: {why}")]
    NotApplied {
        /// The partition.
        partition: Partition,
        /// What is wrong with it.
        why: Box<str>,
    },
    /// The log can't be read or written, and trying again doesn't help.
    #[error("{0}")]
    LogFailed(Box<str>),
    /// The log gives no state.
    #[error("{0}")]
    NoState(Box<str>),
}

impl StopReason {
    /// Whether the log's history is another: then nothing of it can be trusted, in any partition.
    pub(super) const fn is_fork(&self) -> bool {
        matches!(
            self,
            Self::Forked { .. } | Self::Undelivered { why: Undelivered::Forked { .. }, .. }
        )
    }
}

fn lost(answered: Position, head: Position) -> String {
    match answered.since(head) {
        0 => format!("the event at {answered} is another than the one that was answered"),
        events => format!("{events} events that were answered are lost"),
    }
}
