//! The facts that are recorded, past tense, as they are stored.
//!
//! The field names here are the names in the log: they are frozen, and `event-schema` keeps a
//! golden text of each that must decode for ever. An event says what happened and never what it
//! added up to; the account stands beside the fact, for the log has a column for it.

use log_record::Position;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, AdditionId, CauseId, DeliverTo, ExchangeId, OfferId, Points, ProductId, Terms,
    Timestamp, Units, WarehouseId,
};

/// One recorded fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `log-opened`: the first event of every partition.
    LogOpened(LogOpened),
    /// `credit-earned`: a new lot.
    CreditEarned(AccountId, CreditEarned),
    /// `credit-deducted`: the first half of a redemption.
    CreditDeducted(AccountId, CreditDeducted),
    /// `exchange-created`: the second half of a redemption, side by side with the first.
    ExchangeCreated(AccountId, ExchangeCreated),
    /// `offer-opened`.
    OfferOpened(OfferOpened),
    /// `offer-amended`.
    OfferAmended(OfferAmended),
    /// `offer-closed`.
    OfferClosed(OfferClosed),
    /// `stock-added`.
    StockAdded(StockAdded),
}

/// Where a log takes its time from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// The wall clock of the machine that the writer runs on.
    Wall,
}

/// What a log was opened with; a start with anything else is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogOpened {
    /// The log's own id, a UUID.
    pub log_id: Box<str>,
    /// How many partitions it has.
    pub partitions: u16,
    /// Where its time comes from.
    pub clock: Clock,
}

/// What credit was earned for. One cause earns once per account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// What sort of thing it was.
    pub kind: CauseKind,
    /// Which one.
    pub id: CauseId,
}

/// What sort of thing credit is earned for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// A basket that was paid.
    Purchase,
    /// A review that was written.
    Review,
    /// A campaign.
    Promotion,
    /// An operator's hand.
    Adjustment,
}

impl CauseKind {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Review => "review",
            Self::Promotion => "promotion",
            Self::Adjustment => "adjustment",
        }
    }
}

/// A lot of credit came into being; its id is this event's position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditEarned {
    /// How much.
    pub points: Points,
    /// What for.
    pub cause: Cause,
    /// When it happened, as the caller said; it informs and decides nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
}

/// Credit was spent on an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditDeducted {
    /// The exchange that it paid, created by the next event.
    pub exchange_id: ExchangeId,
    /// How much in all.
    pub points: Points,
    /// Which lots it drew on, in the order in which they were drawn; they sum to `points`.
    pub lots: Vec<DrawnLot>,
}

/// The part of a lot that a deduction took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawnLot {
    /// The position of the event that made the lot.
    pub lot: LotId,
    /// How much of it.
    pub points: Points,
}

/// Names a lot within its partition: the position of the event that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LotId(u64);

impl From<Position> for LotId {
    fn from(position: Position) -> Self {
        Self(position.0)
    }
}

impl LotId {
    /// The number, which is the position.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Goods were got for points, and are to be shipped. It bears the exchange id and every field of
/// the request, so that a repeat is answered from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeCreated {
    /// The client's id for it.
    pub exchange_id: ExchangeId,
    /// What was redeemed.
    pub offer_id: OfferId,
    /// What is shipped, as the offer said then.
    pub product_id: ProductId,
    /// How many.
    pub quantity: Units,
    /// What it cost in all.
    pub points: Points,
    /// Who ships, as the offer said then.
    pub warehouse: WarehouseId,
    /// The cost that the caller insisted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_points: Option<Points>,
    /// When it happened, as the caller said; it informs and decides nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// Where to ship; private, and nothing once it has been erased.
    #[serde(skip)]
    pub deliver_to: Option<DeliverTo>,
}

/// An offer came into being, open within its window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferOpened {
    /// The offer.
    pub offer_id: OfferId,
    /// Its first terms.
    #[serde(flatten)]
    pub terms: Terms,
    /// How many there are to begin with; without it there is no end of them.
    pub stock: Option<Units>,
}

/// An offer's terms were replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferAmended {
    /// The offer.
    pub offer_id: OfferId,
    /// The version that these terms are; the first terms were version 1.
    pub version: u64,
    /// The terms from now on, whole.
    #[serde(flatten)]
    pub terms: Terms,
}

/// An offer ended for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferClosed {
    /// The offer.
    pub offer_id: OfferId,
}

/// An offer's stock grew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockAdded {
    /// The offer.
    pub offer_id: OfferId,
    /// The caller's id for this addition.
    pub addition_id: AdditionId,
    /// By how many.
    pub units: Units,
}

impl Event {
    /// The account that the event belongs to; an offer's belong to none.
    #[must_use]
    pub const fn account_id(&self) -> Option<&AccountId> {
        match self {
            Self::CreditEarned(account, _)
            | Self::CreditDeducted(account, _)
            | Self::ExchangeCreated(account, _) => Some(account),
            Self::LogOpened(_)
            | Self::OfferOpened(_)
            | Self::OfferAmended(_)
            | Self::OfferClosed(_)
            | Self::StockAdded(_) => None,
        }
    }
}
