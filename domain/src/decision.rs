//! What is to be done about a command that wasn't refused.

use log_record::Position;

use crate::account::OfferNumber;
use crate::{Ask, Event, LadderTier, LotPart, OfferId, Points, UnitId, Units};

/// What is to be done about a command that wasn't refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Append these events, all or none.
    Record {
        /// What fell due in the accounts, what the command does, and what follows from it.
        events: Vec<Event>,
        /// The index of the event that bears the command's id: its outcome.
        outcome: usize,
        /// The offer whose counted stock changes, where one does.
        stock: Option<StockChange>,
    },
    /// The command's id was recorded by the event at this position: answer from it.
    Repeat(Position),
    /// Deciding needs the event at this position and those before it that belong to it
    /// ([`Event::events_before`]): read them, give them to the command
    /// ([`Command::with_original`](crate::Command::with_original)), and decide again.
    Load(Position),
    /// The thing is as asked for already; nothing is recorded.
    Unchanged,
    /// Deciding needs what other partitions have. Where there is one, nothing ever waits.
    Wait(Wait),
}

impl Decision {
    /// One event, which bears the id.
    pub(crate) fn of(event: Event) -> Self {
        Self::Record { events: vec![event], outcome: 0, stock: None }
    }
}

/// What a command waits for. The caller keeps it until then, or until its deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Units of an offer, of which this partition's shelf has too few: its home is asked.
    Units(Ask),
    /// All shelves of an offer, which are to come home first: append these events, if any.
    Shelves {
        /// The offer.
        offer_id: OfferId,
        /// What calls them back; nothing where they are on their way.
        calls: Vec<Event>,
    },
}

/// How a decision changes an offer's counted stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StockChange {
    /// The offer.
    pub offer: OfferNumber,
    /// How many are left once the decision is recorded, where there is an end of them.
    pub remaining: Option<Units>,
    /// Whether others are reserved then: they come back by themselves unless somebody takes them.
    pub is_reserved: bool,
    /// Whether units were taken; otherwise some came back or were added.
    pub is_sale: bool,
}

impl StockChange {
    /// Whether nothing is left, and nothing comes back by itself.
    #[must_use]
    pub fn is_sold_out(self) -> bool {
        self.remaining == Some(Units::ZERO) && !self.is_reserved
    }
}

/// What a redemption would do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// What it would cost of each unit, in the offer's order.
    pub costs: Vec<PreviewedCost>,
    /// The tier that would count, where one would.
    pub tier: Option<LadderTier>,
}

/// What a redemption would cost of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewedCost {
    /// The unit.
    pub unit: UnitId,
    /// How much of it.
    pub points: Points,
    /// Which lots it would draw on.
    pub lots: Vec<LotPart>,
    /// What can be spent before it.
    pub available: Points,
    /// What could be spent after it.
    pub available_after: Points,
}
