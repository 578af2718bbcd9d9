//! Why the read tables can't be read.

use log_record::{Generation, LogId, Place};

/// The tables can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The read tables did not come far enough in time.
    #[error("the read tables are at {reached}, and {wanted} is wanted")]
    Behind {
        /// What they should contain.
        wanted: Place,
        /// What they do contain.
        reached: Place,
    },
    /// The log itself ends before what they should contain.
    #[error(
        "has {wanted}, and the log ends at {end}: no event has this position; read without the \
         header, or with the position of an answer of this ledger"
    )]
    BeyondEnd {
        /// What they should contain.
        wanted: Place,
        /// Where its partition of the log ends.
        end: Place,
    },
    /// No projector has begun to make the read tables.
    #[error("the read tables are empty: no projector has run on them yet")]
    NotBegun,
    /// They were made from another log.
    #[error("the read tables of {server} were made of log {of}, and this is log {log}")]
    OtherLog {
        /// Who has them.
        server: String,
        /// The log that they were made of.
        of: LogId,
        /// The log that is there.
        log: LogId,
    },
    /// They were made from another history of the log.
    #[error(
        "the read tables of {server} are of the log's generation {of}, and the log is in \
         generation {log}; `guerdon rebuild` makes them anew"
    )]
    OtherGeneration {
        /// Who has them.
        server: String,
        /// The generation of their last event.
        of: Generation,
        /// The log's generation.
        log: Generation,
    },
    /// They were made of an event that the log doesn't have.
    #[error(
        "the read tables of {server} were made of an event at {place} that the log doesn't have; \
         make this server anew from the primary"
    )]
    LostEvents {
        /// Who has them.
        server: String,
        /// The place of their last event.
        place: Place,
    },
    /// The log was not asked yet whether it has the events of which they were made.
    #[error("the log was not asked yet whether it has the events of {server}'s read tables")]
    Unproven {
        /// Who has them.
        server: String,
    },
    /// No server answers, or none lets the tables be read.
    #[error("the read tables can't be read")]
    Unreachable(#[source] sqlx::Error),
}

impl ReadError {
    /// Of two servers' errors the one that passes sooner.
    pub(super) fn or_rather(self, known: Option<Self>) -> Self {
        const fn rank(error: &ReadError) -> u8 {
            match error {
                ReadError::Behind { .. } => 0,
                ReadError::NotBegun | ReadError::Unproven { .. } => 1,
                ReadError::Unreachable(_) => 2,
                ReadError::OtherLog { .. }
                | ReadError::OtherGeneration { .. }
                | ReadError::LostEvents { .. }
                | ReadError::BeyondEnd { .. } => 3,
            }
        }
        match known {
            Some(known) if rank(&known) <= rank(&self) => known,
            _ => self,
        }
    }
}
