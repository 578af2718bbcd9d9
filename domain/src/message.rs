//! What partitions tell each other. An event that is meant for another partition is a numbered
//! message; the event by which it is received names the message, and that is the cursor.
//!
//! Numbers are dense for each pair of partitions, and a receiver takes the messages of a source in
//! their order. So nothing is acknowledged, and a message that is missing or comes again is seen by
//! its number. The last one that was received is read again before the next: if its checksum is
//! another, the source's history is (`docs/decisions/0063-messages-between-partitions.md`).

use log_record::{Checksum, Partition, Position};
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, ConversionRateClosed, ConversionRateSet, Counts, EarningRuleSet, Event, ExchangeId,
    LadderSet, LotPart, OfferId, OfferPhase, Points, PolicyChanged, RefusalCode, Terms, Timestamp,
    TransferId, Unit, UnitClosed, UnitId, UnitSet, Units, WaitId,
};

/// Counts the messages from one partition to another: 1, 2, 3 … without a gap.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct MessageNumber(pub u64);

impl MessageNumber {
    /// Before the first message.
    pub const START: Self = Self(0);

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Where a message comes from: the event that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The partition that sent it.
    pub partition: Partition,
    /// Its number among the messages from there to here.
    pub number: MessageNumber,
    /// Where it stands in the source's log.
    pub position: Position,
    /// The checksum of its record, by which a forked history is told.
    pub checksum: Checksum,
    /// When it was sent, by the source's clock. It is received no earlier.
    pub sent_at: Timestamp,
}

/// A message as it was read from its source's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Where it comes from.
    pub source: Source,
    /// For whom it is.
    pub to: Partition,
    /// What it says.
    pub message: Message,
}

/// What a partition tells another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// What an offer is, from its home to all others.
    OfferShared(OfferShared),
    /// Units of an offer, from its home.
    ShelfGranted(ShelfGranted),
    /// What is left on a shelf is to come home.
    ShelfCalledBack(ShelfCalledBack),
    /// What was left on a shelf, to the offer's home. From then on the shelf holds nothing of its
    /// own.
    ShelfDrained(ShelfDrained),
    /// Units that nobody has any more, to the offer's home: a cancellation's, or those of a grant
    /// that came too late.
    StockReturned(StockReturned),
    /// A shopper waits for a unit of an offer, to the offer's home.
    WaitJoined(WaitOf),
    /// A shopper who had no unit yet waits no more, to the offer's home.
    WaitLeft(WaitOf),
    /// A unit for who waits longest, from the offer's home to the shopper's partition.
    UnitKept(WaitOf),
    /// Credit, to the recipient's partition.
    CreditSent(CreditInTransit),
    /// Credit that couldn't be received, back to the sender's partition.
    CreditReturned(CreditInTransit, RefusalCode),
    /// An account was merged into one of this partition.
    AccountMerged(MergedAccount),
    /// What an account counted that was merged, to the partition of the account that adds it. It
    /// waits there until the partition knows all that it names.
    CountsPassedOn(Box<CountsInTransit>),
    /// What an account owed that was merged, to the partition of the account that owes it now.
    DebtPassedOn(DebtInTransit),
    /// What of it is more than the account can owe, back to the partition of the one that was
    /// merged.
    DebtReturned(DebtInTransit),
    /// What an operator chose, from the programme's home to all others.
    Programme(Box<ProgrammeChange>),
}

impl Message {
    /// The offer that it is about.
    pub(crate) const fn offer_id(&self) -> Option<&OfferId> {
        match self {
            Self::OfferShared(it) => Some(&it.offer_id),
            Self::ShelfGranted(it) => Some(&it.offer_id),
            Self::ShelfCalledBack(it) => Some(&it.offer_id),
            Self::ShelfDrained(it) => Some(&it.offer_id),
            Self::StockReturned(it) => Some(&it.offer_id),
            Self::WaitJoined(it) | Self::WaitLeft(it) | Self::UnitKept(it) => Some(&it.offer_id),
            Self::CreditSent(_)
            | Self::CreditReturned(..)
            | Self::AccountMerged(_)
            | Self::CountsPassedOn(_)
            | Self::DebtPassedOn(_)
            | Self::DebtReturned(_)
            | Self::Programme(_) => None,
        }
    }
}

/// What an offer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferShared {
    /// The offer.
    pub offer_id: OfferId,
    /// Counts changes of the terms and the phase, as at the home.
    pub version: u64,
    /// The terms, whole.
    pub terms: Terms,
    /// Whether it was paused or closed.
    pub phase: OfferPhase,
}

/// Units of an offer that a partition may sell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShelfGranted {
    /// The offer.
    pub offer_id: OfferId,
    /// How many, and for whom.
    pub grant: Grant,
}

/// How units are granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// A portion to sell to whoever comes.
    Portion(Units),
    /// There is no end of them.
    NoEnd,
    /// Units for one exchange and nobody else.
    For(ExchangeKey, Units),
    /// A code for one exchange and nobody else: the home's event at this position has it.
    Code(ExchangeKey, Position),
}

/// Names an exchange that waits for its units.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeKey {
    /// The account.
    pub account_id: AccountId,
    /// The exchange, by its client's id.
    pub exchange_id: ExchangeId,
}

/// A home wants back what is left on a shelf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShelfCalledBack {
    /// The offer.
    pub offer_id: OfferId,
    /// Counts the times that all shelves were called back.
    pub round: u64,
}

/// What was left on a shelf that was called back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShelfDrained {
    /// The offer.
    pub offer_id: OfferId,
    /// The round in which it was called back.
    pub round: u64,
    /// How many come home; often none.
    pub units: Units,
    /// How many are sold in the partition, without those that came back.
    pub sold: Units,
}

/// Units that come home from a shelf that was drained before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockReturned {
    /// The offer.
    pub offer_id: OfferId,
    /// How many.
    pub units: Units,
    /// The home's event that has the code, where it is one: nobody was shown it.
    pub code: Option<Position>,
}

/// A shopper's wait for a unit of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitOf {
    /// The account.
    pub account_id: AccountId,
    /// The wait, by its client's id.
    pub wait_id: WaitId,
    /// The offer.
    pub offer_id: OfferId,
}

/// Credit on its way from an account to another, with all that its receiver must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditInTransit {
    /// The sender's id for the transfer.
    pub transfer_id: TransferId,
    /// Who sent it.
    pub from: AccountId,
    /// For whom it is.
    pub to: AccountId,
    /// Of which unit.
    pub unit: UnitId,
    /// What the unit is: the receiver may not know it yet.
    pub of: UnitShared,
    /// How much in all.
    pub points: Points,
    /// Of which lots; they sum to `points`.
    pub lots: Vec<LotPart>,
}

/// An account that was merged into one of another partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedAccount {
    /// The account that was merged.
    pub from: AccountId,
    /// The account that has it from now on.
    pub into: AccountId,
}

/// What an account counted that was merged, on its way to the one that adds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountsInTransit {
    /// Who had counted it.
    pub from: AccountId,
    /// Who adds it.
    pub to: AccountId,
    /// What is added.
    pub counts: Counts,
}

/// A debt on its way from an account that was merged to the one that has it from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebtInTransit {
    /// Who owed it.
    pub from: AccountId,
    /// Who owes it from now on.
    pub to: AccountId,
    /// Of which unit.
    pub unit: UnitId,
    /// What the unit is: the receiver may not know it yet.
    pub of: UnitShared,
    /// How much.
    pub points: Points,
}

/// A unit's whole definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitShared {
    /// Its terms.
    pub terms: crate::UnitTerms,
    /// Its version.
    pub version: u64,
    /// When it was closed, where it was. The receiver closes it once the programme's home says so.
    pub closed_at: Option<Timestamp>,
}

impl From<&Unit> for UnitShared {
    fn from(unit: &Unit) -> Self {
        let Unit { terms, version, closed_at, changed_at: _ } = unit;
        Self { terms: terms.clone(), version: *version, closed_at: *closed_at }
    }
}

/// A change of the programme, as its home recorded it. Each counts its own versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgrammeChange {
    /// The policy.
    Policy(PolicyChanged),
    /// An earning rule.
    EarningRule(EarningRuleSet),
    /// A unit.
    Unit(UnitSet),
    /// The end of a unit.
    UnitClosed(UnitClosed),
    /// A ladder.
    Ladder(LadderSet),
    /// A conversion rate.
    ConversionRate(ConversionRateSet),
    /// The end of a conversion rate.
    ConversionRateClosed(ConversionRateClosed),
}

impl ProgrammeChange {
    /// What other partitions are to know of an event, where it changes the programme.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::PolicyChanged(fact) => Self::Policy(fact.clone()),
            Event::EarningRuleSet(fact) => Self::EarningRule(fact.clone()),
            Event::UnitSet(fact) => Self::Unit(fact.clone()),
            Event::UnitClosed(fact) => Self::UnitClosed(fact.clone()),
            Event::LadderSet(fact) => Self::Ladder(fact.clone()),
            Event::ConversionRateSet(fact) => Self::ConversionRate(fact.clone()),
            Event::ConversionRateClosed(fact) => Self::ConversionRateClosed(fact.clone()),
            _ => return None,
        })
    }

    /// The version that it makes.
    #[must_use]
    pub const fn version(&self) -> u64 {
        match self {
            Self::Policy(fact) => fact.version,
            Self::EarningRule(fact) => fact.version,
            Self::Unit(fact) => fact.version,
            Self::UnitClosed(fact) => fact.version,
            Self::Ladder(fact) => fact.version,
            Self::ConversionRate(fact) => fact.version,
            Self::ConversionRateClosed(fact) => fact.version,
        }
    }
}

/// What became of a transfer to another partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferStatus {
    /// It has left its sender and isn't received yet.
    InTransit,
    /// The recipient has it.
    Received,
    /// The recipient couldn't have it, and the sender has it again.
    Returned,
}

impl TransferStatus {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InTransit => "in-transit",
            Self::Received => "received",
            Self::Returned => "returned",
        }
    }
}
