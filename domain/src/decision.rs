//! What is to be done about a command that wasn't refused.

use log_record::Position;
use serde::Serialize;

use crate::{Event, LotPart, Points};

/// What is to be done about a command that wasn't refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Append these events, all or none.
    Record {
        /// What fell due in the accounts, what the command does, and what follows from it.
        events: Vec<Event>,
        /// The index of the event that bears the command's id: its outcome.
        outcome: usize,
    },
    /// The command's id was recorded by the event at this position: answer from it.
    Repeat(Position),
    /// Deciding needs the event at this position and the one before it: read them, give them to the
    /// command ([`Command::with_original`](crate::Command::with_original)), and decide again.
    Load(Position),
    /// The thing is as asked for already; nothing is recorded.
    Unchanged,
}

impl Decision {
    /// One event, which bears the id.
    pub(crate) fn of(event: Event) -> Self {
        Self::Record { events: vec![event], outcome: 0 }
    }
}

/// What a redemption would do now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// What it would cost.
    pub points: Points,
    /// Which lots it would draw on.
    pub lots: Vec<LotPart>,
    /// What can be spent before it.
    pub available: Points,
    /// What could be spent after it.
    pub available_after: Points,
}
