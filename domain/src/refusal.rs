//! The answers that say no: a vocabulary with stable codes, listed from the first to be given to
//! the last where several would apply.
//!
//! A refusal is an answer and not an event: a refused id is not remembered, and asking again
//! decides anew.

use crate::{AMOUNT_MAX, Points, Timestamp, Units};

/// Why a command was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The account never had such a hold.
    #[error("the account has never had such a hold; check its id")]
    HoldUnknown,
    /// It was captured or released.
    #[error("the hold has ended: it was captured or released, or its deadline has passed")]
    HoldEnded,
    /// The capture's exchange id belongs to another exchange.
    #[error("the exchange id was used by another exchange of the account; take a new one")]
    ExchangeExists,
    /// There is nothing to cancel.
    #[error("there is no such exchange of the account; check both ids")]
    ExchangeUnknown,
    /// There is nothing to return.
    #[error("there is no such purchase of the account; check both ids")]
    PurchaseUnknown,
    /// There is nothing to withdraw.
    #[error("the cause has earned the account no credit; check kind and id")]
    CreditUnknown,
    /// The parcel has left.
    #[error(
        "the goods have left the warehouse; from then on an exchange can't be cancelled, and its \
         parcel can't be rejected"
    )]
    ExchangeDispatched,
    /// An operator has seen to the parcel by hand.
    #[error(
        "an operator has settled the shipping request by hand; from then on only an operator can \
         cancel the exchange"
    )]
    ShipmentSettled,
    /// The purchase has no such line.
    #[error("the purchase has no line of the product named in line {line} of the return")]
    LineUnknown {
        /// Which line of the return, from 1.
        line: u64,
    },
    /// More pieces are to come back than are left.
    #[error("{left} left to come back, {asked} asked for")]
    QuantityTooLarge {
        /// What is left.
        left: Units,
        /// What was asked for.
        asked: Units,
    },
    /// More points are to be captured or withdrawn than are left.
    #[error("{left} points left, {asked} asked for")]
    PointsTooLarge {
        /// What is left.
        left: Points,
        /// What was asked for.
        asked: Points,
    },
    /// Nobody made such a rule.
    #[error("there is no such earning rule; make it first, or name the points")]
    RuleUnknown,
    /// The rule exists with other terms, and the caller didn't say which version it read.
    #[error(
        "the rule exists with other terms; to change it, send the header If-Match: \"{version}\", if \
         that is the version that you read"
    )]
    RuleExists {
        /// The present version.
        version: u64,
    },
    /// The rule isn't at the version that the caller read.
    #[error("the rule has changed since it was read; it is at version {version}: read it again")]
    RuleChanged {
        /// The present version.
        version: u64,
    },
    /// Nobody opened such an offer.
    #[error("there is no such offer; open it first, or check its id")]
    OfferUnknown,
    /// The offer exists with other terms, and the caller didn't say which version it read.
    #[error(
        "the offer exists with other terms; to amend it, send the header If-Match: \"{version}\", if \
         that is the version that you read"
    )]
    OfferExists {
        /// The present version.
        version: u64,
    },
    /// The offer isn't at the version that the caller read.
    #[error("the offer has changed since it was read; it is at version {version}: read it again")]
    OfferChanged {
        /// The present version.
        version: u64,
    },
    /// What was closed stays as it is.
    #[error("the offer was closed at {at} and can't be changed; open another one")]
    OfferClosed {
        /// When it was closed.
        at: Timestamp,
    },
    /// An amendment that would change the stock.
    #[error(
        "stock counts when an offer is opened only; leave it out or send it as it is, and add \
         units by stock-additions"
    )]
    StockNotAmendable {
        /// The units that the offer has had in all, where they can be counted.
        stock: Option<Units>,
    },
    /// Units can't be added to what has no end.
    #[error("the offer's stock is unlimited; there is nothing to add to")]
    StockUnlimited,
    /// Less is left than was asked for.
    #[error("{remaining} left, {asked} asked for")]
    SoldOut {
        /// What is left.
        remaining: Units,
        /// What was asked for.
        asked: Units,
    },
    /// The offer takes no redemptions now.
    #[error(transparent)]
    OfferNotOpen(#[from] NotOpen),
    /// A sum or product would be more than an amount can say.
    #[error("{what} would exceed {AMOUNT_MAX}, the most that an amount can be")]
    AmountTooLarge {
        /// Which sum or product.
        what: &'static str,
    },
    /// It doesn't cost what the caller insisted on.
    #[error("it costs {needed} points, not the {expected} expected; look at the offer again")]
    PriceChanged {
        /// What it costs.
        needed: Points,
        /// What the caller expected.
        expected: Points,
    },
    /// The account has never had any credit.
    #[error("there is no such account; it comes into being with its first credit")]
    AccountUnknown,
    /// The recipient's account has never had any credit.
    #[error("the recipient has no account; it comes into being with its first credit")]
    RecipientUnknown,
    /// The hold would end too early or too late.
    #[error("a hold's deadline lies after now and at {latest} at the latest")]
    DeadlineOutOfRange {
        /// The last deadline possible now.
        latest: Timestamp,
    },
    /// The account is as full as one may be.
    #[error("the account has {max} {what}, and may not have more")]
    AccountFull {
        /// Of what.
        what: &'static str,
        /// How many.
        max: u64,
    },
    /// The shopper would have more of the offer than one shopper may.
    #[error("one shopper may have {limit} in all; {taken} taken, {asked} asked for")]
    ShopperLimitReached {
        /// What one shopper may have.
        limit: Units,
        /// What this one has had.
        taken: Units,
        /// What was asked for.
        asked: Units,
    },
    /// There isn't enough credit.
    #[error("{needed} points needed, {available} available")]
    InsufficientCredit {
        /// What it costs.
        needed: Points,
        /// What can be spent.
        available: Points,
    },
    /// Credit is to be withdrawn that was spent, and the policy lets nobody owe.
    #[error(
        "{asked} points are to be taken back, {left} can be; the rest was spent or is held, and the \
         policy `spent_credit` is `refuse`"
    )]
    CreditAlreadySpent {
        /// What can be taken.
        left: Points,
        /// What was to be taken.
        asked: Points,
    },
}

/// Why an offer takes no redemptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOpen {
    /// It was closed by an operator.
    #[error("the offer was closed at {at}")]
    Closed {
        /// When.
        at: Timestamp,
    },
    /// Its window hasn't begun.
    #[error("the offer opens at {opens_at}")]
    NotYet {
        /// When it begins.
        opens_at: Timestamp,
    },
    /// Its window is over.
    #[error("the offer ended at {closes_at}")]
    Ended {
        /// When it ended.
        closes_at: Timestamp,
    },
}

/// Something that a refusal tells beside its sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A whole number.
    Number(u64),
    /// A point in time.
    Time(Timestamp),
}

impl Refusal {
    /// Every code, in order of precedence.
    pub const CODES: [&'static str; 31] = [
        "hold-unknown",
        "hold-ended",
        "exchange-exists",
        "exchange-unknown",
        "purchase-unknown",
        "credit-unknown",
        "exchange-dispatched",
        "shipment-settled",
        "line-unknown",
        "quantity-too-large",
        "points-too-large",
        "rule-unknown",
        "rule-exists",
        "rule-changed",
        "offer-unknown",
        "offer-exists",
        "offer-changed",
        "offer-closed",
        "stock-not-amendable",
        "stock-unlimited",
        "sold-out",
        "offer-not-open",
        "amount-too-large",
        "price-changed",
        "account-unknown",
        "recipient-unknown",
        "deadline-out-of-range",
        "account-full",
        "shopper-limit-reached",
        "insufficient-credit",
        "credit-already-spent",
    ];

    /// The stable name that clients decide by.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::HoldUnknown => "hold-unknown",
            Self::HoldEnded => "hold-ended",
            Self::ExchangeExists => "exchange-exists",
            Self::ExchangeUnknown => "exchange-unknown",
            Self::PurchaseUnknown => "purchase-unknown",
            Self::CreditUnknown => "credit-unknown",
            Self::ExchangeDispatched => "exchange-dispatched",
            Self::ShipmentSettled => "shipment-settled",
            Self::LineUnknown { .. } => "line-unknown",
            Self::QuantityTooLarge { .. } => "quantity-too-large",
            Self::PointsTooLarge { .. } => "points-too-large",
            Self::RuleUnknown => "rule-unknown",
            Self::RuleExists { .. } => "rule-exists",
            Self::RuleChanged { .. } => "rule-changed",
            Self::OfferUnknown => "offer-unknown",
            Self::OfferExists { .. } => "offer-exists",
            Self::OfferChanged { .. } => "offer-changed",
            Self::OfferClosed { .. } => "offer-closed",
            Self::StockNotAmendable { .. } => "stock-not-amendable",
            Self::StockUnlimited => "stock-unlimited",
            Self::SoldOut { .. } => "sold-out",
            Self::OfferNotOpen(_) => "offer-not-open",
            Self::AmountTooLarge { .. } => "amount-too-large",
            Self::PriceChanged { .. } => "price-changed",
            Self::AccountUnknown => "account-unknown",
            Self::RecipientUnknown => "recipient-unknown",
            Self::DeadlineOutOfRange { .. } => "deadline-out-of-range",
            Self::AccountFull { .. } => "account-full",
            Self::ShopperLimitReached { .. } => "shopper-limit-reached",
            Self::InsufficientCredit { .. } => "insufficient-credit",
            Self::CreditAlreadySpent { .. } => "credit-already-spent",
        }
    }

    /// Whether the very same request can be accepted at another time.
    #[must_use]
    pub const fn can_succeed_later(&self) -> bool {
        match self {
            Self::HoldUnknown
            | Self::ExchangeUnknown
            | Self::PurchaseUnknown
            | Self::CreditUnknown
            | Self::RuleUnknown
            | Self::RecipientUnknown
            | Self::DeadlineOutOfRange { .. }
            | Self::AccountFull { .. }
            | Self::CreditAlreadySpent { .. }
            | Self::OfferUnknown
            | Self::SoldOut { .. }
            | Self::OfferNotOpen(NotOpen::NotYet { .. } | NotOpen::Ended { .. })
            | Self::PriceChanged { .. }
            | Self::AccountUnknown
            | Self::ShopperLimitReached { .. }
            | Self::InsufficientCredit { .. } => true,
            Self::HoldEnded
            | Self::ExchangeExists
            | Self::ExchangeDispatched
            | Self::ShipmentSettled
            | Self::LineUnknown { .. }
            | Self::QuantityTooLarge { .. }
            | Self::PointsTooLarge { .. }
            | Self::RuleExists { .. }
            | Self::RuleChanged { .. }
            | Self::OfferExists { .. }
            | Self::OfferChanged { .. }
            | Self::OfferClosed { .. }
            | Self::StockNotAmendable { .. }
            | Self::StockUnlimited
            | Self::OfferNotOpen(NotOpen::Closed { .. })
            | Self::AmountTooLarge { .. } => false,
        }
    }

    /// The facts behind the sentence, by name.
    #[must_use]
    pub fn facts(&self) -> Vec<(&'static str, Fact)> {
        match *self {
            Self::HoldUnknown
            | Self::HoldEnded
            | Self::ExchangeExists
            | Self::ExchangeUnknown
            | Self::PurchaseUnknown
            | Self::CreditUnknown
            | Self::ExchangeDispatched
            | Self::ShipmentSettled
            | Self::RuleUnknown
            | Self::OfferUnknown
            | Self::StockUnlimited
            | Self::AccountUnknown
            | Self::RecipientUnknown => vec![],
            Self::LineUnknown { line } => vec![("line", Fact::Number(line))],
            Self::QuantityTooLarge { left, asked } => {
                vec![("left", Fact::Number(left.get())), ("asked", Fact::Number(asked.get()))]
            }
            Self::PointsTooLarge { left, asked } | Self::CreditAlreadySpent { left, asked } => {
                vec![("left", Fact::Number(left.get())), ("asked", Fact::Number(asked.get()))]
            }
            Self::AccountFull { max, .. } => vec![("max", Fact::Number(max))],
            Self::DeadlineOutOfRange { latest } => vec![("latest", Fact::Time(latest))],
            Self::RuleExists { version }
            | Self::RuleChanged { version }
            | Self::OfferExists { version }
            | Self::OfferChanged { version } => vec![("version", Fact::Number(version))],
            Self::OfferClosed { at } | Self::OfferNotOpen(NotOpen::Closed { at }) => {
                vec![("closed_at", Fact::Time(at))]
            }
            Self::StockNotAmendable { stock } => {
                stock.map(|stock| ("stock", Fact::Number(stock.get()))).into_iter().collect()
            }
            Self::SoldOut { remaining, asked } => vec![
                ("remaining", Fact::Number(remaining.get())),
                ("asked", Fact::Number(asked.get())),
            ],
            Self::OfferNotOpen(NotOpen::NotYet { opens_at }) => {
                vec![("opens_at", Fact::Time(opens_at))]
            }
            Self::OfferNotOpen(NotOpen::Ended { closes_at }) => {
                vec![("closes_at", Fact::Time(closes_at))]
            }
            Self::AmountTooLarge { .. } => vec![("max", Fact::Number(AMOUNT_MAX))],
            Self::PriceChanged { needed, expected } => vec![
                ("needed", Fact::Number(needed.get())),
                ("expected", Fact::Number(expected.get())),
            ],
            Self::ShopperLimitReached { limit, taken, asked } => vec![
                ("limit", Fact::Number(limit.get())),
                ("taken", Fact::Number(taken.get())),
                ("asked", Fact::Number(asked.get())),
            ],
            Self::InsufficientCredit { needed, available } => vec![
                ("needed", Fact::Number(needed.get())),
                ("available", Fact::Number(available.get())),
            ],
        }
    }
}
