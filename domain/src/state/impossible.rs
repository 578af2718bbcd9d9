//! What no correct history can hold.

use log_record::Position;

/// An event that no correct history can hold where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event at position {position} can't follow those before it: {why}")]
pub struct Impossible {
    /// Where it stands in its partition.
    pub position: Position,
    /// What it breaks.
    pub why: &'static str,
}

/// Nothing, or what the event breaks.
pub(super) type Changed = Result<(), &'static str>;

pub(super) const TOO_MUCH: &str = "a sum is more than an amount can say";

pub(super) fn ensure(holds: bool, why: &'static str) -> Changed {
    if holds { Ok(()) } else { Err(why) }
}
