//! The facts of a refusal, as programs read them and as its sentence words them.

use std::fmt;

use crate::{LadderId, LimitPeriod, Points, SegmentId, TierId, Timestamp, UnitId, Units};

/// A fact of one refusal, for programs to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A whole number.
    Number(u64),
    /// A point in time.
    Time(Timestamp),
    /// A unit.
    Unit(UnitId),
    /// A ladder.
    Ladder(LadderId),
    /// A tier.
    Tier(TierId),
    /// A segment.
    Segment(SegmentId),
    /// The name of a field of the body.
    Field(&'static str),
    /// One of a few words.
    Word(&'static str),
}

/// Which account of a request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Whose {
    /// That of the path.
    #[error("The account")]
    Own,
    /// A transfer's recipient.
    #[error("The recipient's account")]
    Recipient,
    /// The one that was to take another over.
    #[error("The account that is to take the other one over")]
    New,
}

/// Why an offer takes no redemptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOpen {
    /// An operator closed it.
    #[error("The offer was closed at {at}.")]
    Closed {
        /// The time of the closure.
        at: Timestamp,
    },
    /// An operator paused it.
    #[error("The offer has been paused since {at}.")]
    Paused {
        /// The time of the pause.
        at: Timestamp,
    },
    /// Its window hasn't begun.
    #[error("The offer opens at {opens_at}.")]
    NotYet {
        /// The time of the opening.
        opens_at: Timestamp,
    },
    /// Its window is over.
    #[error("The offer ended at {closes_at}.")]
    Ended {
        /// The time of the end.
        closes_at: Timestamp,
    },
}

impl NotOpen {
    /// Why, in a word.
    pub(super) const fn reason(self) -> Reason {
        Reason(match self {
            Self::Closed { .. } => "closed",
            Self::Paused { .. } => "paused",
            Self::NotYet { .. } => "scheduled",
            Self::Ended { .. } => "ended",
        })
    }
}

/// A word for programs to decide by.
pub(super) struct Reason(&'static str);

/// How many units a request asks to cancel or return; `None` asks for all that are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedUnits(pub Option<Units>);

impl fmt::Display for AskedUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(units) => write!(f, "{units} units"),
            None => f.write_str("all units that are left"),
        }
    }
}

/// The unit of an amount, where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfUnit(pub Option<UnitId>);

impl fmt::Display for OfUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(unit) => write!(f, " of the unit {unit}"),
            None => Ok(()),
        }
    }
}

/// What can be a fact.
pub(super) trait IntoFact {
    /// The fact under this name, if there is one.
    fn into_fact(self, name: &'static str) -> Option<(&'static str, Fact)>;
}

impl IntoFact for u64 {
    fn into_fact(self, name: &'static str) -> Option<(&'static str, Fact)> {
        Some((name, Fact::Number(self)))
    }
}

impl IntoFact for Points {
    fn into_fact(self, name: &'static str) -> Option<(&'static str, Fact)> {
        self.get().into_fact(name)
    }
}

impl IntoFact for Units {
    fn into_fact(self, name: &'static str) -> Option<(&'static str, Fact)> {
        self.get().into_fact(name)
    }
}

impl IntoFact for Timestamp {
    fn into_fact(self, name: &'static str) -> Option<(&'static str, Fact)> {
        Some((name, Fact::Time(self)))
    }
}

impl IntoFact for UnitId {
    fn into_fact(self, name: &'static str) -> Option<(&'static str, Fact)> {
        Some((name, Fact::Unit(self)))
    }
}

impl IntoFact for LadderId {
    fn into_fact(self, name: &'static str) -> Option<(&'static str, Fact)> {
        Some((name, Fact::Ladder(self)))
    }
}

impl IntoFact for TierId {
    fn into_fact(self, name: &'static str) -> Option<(&'static str, Fact)> {
        Some((name, Fact::Tier(self)))
    }
}

impl IntoFact for SegmentId {
    fn into_fact(self, name: &'static str) -> Option<(&'static str, Fact)> {
        Some((name, Fact::Segment(self)))
    }
}

impl IntoFact for LimitPeriod {
    fn into_fact(self, name: &'static str) -> Option<(&'static str, Fact)> {
        Some((name, Fact::Word(self.as_str())))
    }
}

impl IntoFact for Reason {
    fn into_fact(self, name: &'static str) -> Option<(&'static str, Fact)> {
        Some((name, Fact::Word(self.0)))
    }
}

impl IntoFact for &'static str {
    fn into_fact(self, name: &'static str) -> Option<(&'static str, Fact)> {
        Some((name, Fact::Field(self)))
    }
}

impl IntoFact for AskedUnits {
    fn into_fact(self, name: &'static str) -> Option<(&'static str, Fact)> {
        self.0.into_fact(name)
    }
}

impl IntoFact for OfUnit {
    fn into_fact(self, name: &'static str) -> Option<(&'static str, Fact)> {
        self.0.into_fact(name)
    }
}

impl<T: IntoFact> IntoFact for Option<T> {
    fn into_fact(self, name: &'static str) -> Option<(&'static str, Fact)> {
        self?.into_fact(name)
    }
}

/// A time under the name that says what happens then.
impl IntoFact for NotOpen {
    fn into_fact(self, _: &'static str) -> Option<(&'static str, Fact)> {
        match self {
            Self::Closed { at } => at.into_fact("closed_at"),
            Self::Paused { at } => at.into_fact("paused_at"),
            Self::NotYet { opens_at } => opens_at.into_fact("opens_at"),
            Self::Ended { closes_at } => closes_at.into_fact("closes_at"),
        }
    }
}
