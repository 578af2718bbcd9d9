//! The facts that are recorded, past tense.
//!
//! How an event is stored is `event-schema`'s alone: it maps each struct here to the stored one and
//! back. An event says what happened and never what it added up to; the account is beside the fact,
//! because the log has a column for it.

mod about;
mod account;
mod code;
mod conversion;
mod counts;
mod credit;
mod exchange;
mod hold;
mod ladder;
mod message;
mod offer;
mod programme;
mod purchase;
mod segment;
mod shipment;
mod wait;

pub use account::{
    AccountErased, AccountMerged, AccountMergerAbandoned, AccountMergerBegun, AccountOpened,
    AccountTakenOver,
};
pub use code::{CodeAdded, CodesUploaded};
pub use conversion::{ConversionRateClosed, ConversionRateSet, CreditConverted, RateVersion};
pub use counts::{
    CapCount, Counts, CountsPassedOn, CountsTakenOver, GrantInForce, LadderCounts, LimitCount,
    TierEarned,
};
pub use credit::{
    CaptureRefund, Cause, CauseKind, Claim, CreditDeducted, CreditEarned, CreditExpired,
    CreditGivenBack, CreditMatured, CreditReceived, CreditRefunded, CreditReturned, CreditSent,
    CreditWithdrawn, DebtPassedOn, DebtRepaid, DebtTakenOver, LotId, LotPart, RefundCause,
    RuleVersion, WithdrawalCause, WithdrawalReversed,
};
pub use exchange::{ExchangeCancelled, ExchangeCreated, Ordered};
pub use hold::{
    CreditHeld, HoldCaptured, HoldExtended, HoldReleased, HoldSwapped, Keeps, ReleaseReason,
    Reservation,
};
pub use ladder::{GrantEnd, LadderSet, ReplacedGrant, TierChanged, TierGrantEnded, TierGranted};
pub use message::{MessageReceived, MessageSent};
pub use offer::{
    OfferAmended, OfferClosed, OfferOpened, OfferPaused, OfferReopened, OfferResumed, StockAdded,
    StockAmended, StockRemoved,
};
pub use programme::{
    BalancesSealed, Clock, ClockConfirmed, ClockDoubted, EarningRuleSet, LogForked, LogOpened,
    PolicyChanged, SaltsId, SealedBalances, SealedTrees, SealedUnit, SwitchTurned, UnitClosed,
    UnitSet,
};
pub use purchase::{
    CreditRefused, PurchaseEarning, PurchaseLine, PurchaseRecorded, PurchaseReturned,
    RULES_OF_PURCHASE_MAX, ReturnCreditGivenBack, ReturnReversed, ReturnedLine, RoomBack,
    TakenBack, UnitPoints,
};
pub use segment::SegmentSet;
pub use shipment::{ParcelLines, ShipmentDispatched, ShipmentReport, Shipped, ShippedLine};
pub use wait::{WaitBegun, WaitEnd, WaitEnded, WaitServed};

use crate::{AccountId, Actor, Day, Reason, UnitId};

/// One recorded fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `log-opened`: the first event of every partition.
    LogOpened(LogOpened),
    /// `log-forked`.
    LogForked(LogForked),
    /// `clock-doubted`.
    ClockDoubted(ClockDoubted),
    /// `clock-confirmed`.
    ClockConfirmed(ClockConfirmed),
    /// `policy-changed`.
    PolicyChanged(PolicyChanged),
    /// `earning-rule-set`.
    EarningRuleSet(EarningRuleSet),
    /// `unit-set`.
    UnitSet(UnitSet),
    /// `unit-closed`.
    UnitClosed(UnitClosed),
    /// `ladder-set`.
    LadderSet(LadderSet),
    /// `conversion-rate-set`.
    ConversionRateSet(ConversionRateSet),
    /// `conversion-rate-closed`.
    ConversionRateClosed(ConversionRateClosed),
    /// `account-opened`.
    AccountOpened(AccountId, AccountOpened),
    /// `account-erased`: what was private of it.
    AccountErased(AccountId, AccountErased),
    /// `account-merger-begun`: into one of another partition.
    AccountMergerBegun(AccountId, AccountMergerBegun),
    /// `account-merger-abandoned`.
    AccountMergerAbandoned(AccountId, AccountMergerAbandoned),
    /// `account-merged`: the first half of a merger.
    AccountMerged(AccountId, AccountMerged),
    /// `account-taken-over`: the second half of a merger.
    AccountTakenOver(AccountId, AccountTakenOver),
    /// `counts-passed-on`: by an account that was merged.
    CountsPassedOn(AccountId, CountsPassedOn),
    /// `counts-taken-over`.
    CountsTakenOver(AccountId, CountsTakenOver),
    /// `credit-earned`: a new lot.
    CreditEarned(AccountId, CreditEarned),
    /// `credit-deducted`: the first half of a redemption.
    CreditDeducted(AccountId, CreditDeducted),
    /// `credit-matured`.
    CreditMatured(AccountId, CreditMatured),
    /// `credit-expired`.
    CreditExpired(AccountId, CreditExpired),
    /// `credit-refunded`: the first half of a cancellation, or a refund of a capture.
    CreditRefunded(AccountId, CreditRefunded),
    /// `credit-withdrawn`.
    CreditWithdrawn(AccountId, CreditWithdrawn),
    /// `withdrawal-reversed`.
    WithdrawalReversed(AccountId, WithdrawalReversed),
    /// `debt-repaid`.
    DebtRepaid(AccountId, DebtRepaid),
    /// `debt-passed-on`: by an account that was merged.
    DebtPassedOn(AccountId, DebtPassedOn),
    /// `debt-taken-over`.
    DebtTakenOver(AccountId, DebtTakenOver),
    /// `credit-sent`: the first half of a transfer.
    CreditSent(AccountId, CreditSent),
    /// `credit-received`: the second half of a transfer.
    CreditReceived(AccountId, CreditReceived),
    /// `credit-returned`: credit that was sent comes back, for its recipient couldn't have it.
    CreditReturned(AccountId, CreditReturned),
    /// `credit-converted`: the first half of a conversion; the second is `credit-earned`.
    CreditConverted(AccountId, CreditConverted),
    /// `credit-held`.
    CreditHeld(AccountId, CreditHeld),
    /// `hold-extended`.
    HoldExtended(AccountId, HoldExtended),
    /// `hold-captured`.
    HoldCaptured(AccountId, HoldCaptured),
    /// `hold-swapped`.
    HoldSwapped(AccountId, HoldSwapped),
    /// `hold-released`.
    HoldReleased(AccountId, HoldReleased),
    /// `exchange-created`: the second half of a redemption, side by side with the first.
    ExchangeCreated(AccountId, ExchangeCreated),
    /// `exchange-cancelled`: the second half of a cancellation.
    ExchangeCancelled(AccountId, ExchangeCancelled),
    /// `shipment-accepted`: the warehouse will ship it.
    ShipmentAccepted(AccountId, ShipmentReport),
    /// `shipment-back-ordered`: the warehouse will ship it once it has the goods.
    ShipmentBackOrdered(AccountId, ShipmentReport),
    /// `shipment-dispatched`: a parcel has left.
    ShipmentDispatched(AccountId, ShipmentDispatched),
    /// `shipment-delivered`: a parcel has arrived, or all of them.
    ShipmentDelivered(AccountId, ShipmentReport),
    /// `shipment-rejected`: the warehouse won't ship what is left.
    ShipmentRejected(AccountId, ShipmentReport),
    /// `shipment-settled`: an operator has seen to it by hand.
    ShipmentSettled(AccountId, ShipmentReport),
    /// `shipment-asked-again`: an operator has the warehouse asked once more.
    ShipmentAskedAgain(AccountId, ShipmentReport),
    /// `purchase-recorded`.
    PurchaseRecorded(AccountId, PurchaseRecorded),
    /// `purchase-returned`.
    PurchaseReturned(AccountId, PurchaseReturned),
    /// `credit-given-back`: a part of the reversal of a return, of a further unit.
    CreditGivenBack(AccountId, ReturnCreditGivenBack),
    /// `return-reversed`.
    ReturnReversed(AccountId, ReturnReversed),
    /// `tier-reached`.
    TierReached(AccountId, TierChanged),
    /// `tier-kept`.
    TierKept(AccountId, TierChanged),
    /// `tier-lapsed`.
    TierLapsed(AccountId, TierChanged),
    /// `tier-granted`.
    TierGranted(AccountId, TierGranted),
    /// `tier-grant-ended`.
    TierGrantEnded(AccountId, TierGrantEnded),
    /// `segment-set`.
    SegmentSet(AccountId, SegmentSet),
    /// `wait-begun`: onto an offer's waiting list.
    WaitBegun(AccountId, WaitBegun),
    /// `wait-served`: a unit is kept for who waits.
    WaitServed(AccountId, WaitServed),
    /// `wait-ended`.
    WaitEnded(AccountId, WaitEnded),
    /// `offer-opened`.
    OfferOpened(OfferOpened),
    /// `offer-amended`.
    OfferAmended(OfferAmended),
    /// `offer-closed`.
    OfferClosed(OfferClosed),
    /// `offer-reopened`.
    OfferReopened(OfferReopened),
    /// `offer-paused`.
    OfferPaused(OfferPaused),
    /// `offer-resumed`.
    OfferResumed(OfferResumed),
    /// `stock-added`.
    StockAdded(StockAdded),
    /// `stock-removed`.
    StockRemoved(StockRemoved),
    /// `stock-amended`.
    StockAmended(StockAmended),
    /// `code-added`.
    CodeAdded(CodeAdded),
    /// `codes-uploaded`: the last event of an upload of codes.
    CodesUploaded(CodesUploaded),
    /// `balances-sealed`.
    BalancesSealed(BalancesSealed),
    /// `switch-turned`.
    SwitchTurned(SwitchTurned),
    /// `message-sent`: to another partition.
    MessageSent(Box<MessageSent>),
    /// `message-received`: from another partition.
    MessageReceived(Box<MessageReceived>),
}

/// Who did something, and why, in words; private.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// Who did it.
    pub by: Option<Actor>,
    /// Why it was done.
    pub reason: Option<Reason>,
}

impl Note {
    /// The first field in which it differs from what was kept. What has been erased isn't compared.
    pub(crate) fn first_difference(&self, kept: &Self) -> Option<&'static str> {
        if kept.by.is_some() && kept.by != self.by {
            return Some("by");
        }
        (kept.reason.is_some() && kept.reason != self.reason).then_some("reason")
    }
}

impl Event {
    /// The account that the event belongs to; an offer's and the programme's belong to none.
    #[must_use]
    pub const fn account_id(&self) -> Option<&AccountId> {
        match self {
            Self::AccountOpened(account, _)
            | Self::AccountErased(account, _)
            | Self::AccountMergerBegun(account, _)
            | Self::AccountMergerAbandoned(account, _)
            | Self::AccountMerged(account, _)
            | Self::AccountTakenOver(account, _)
            | Self::CountsPassedOn(account, _)
            | Self::CountsTakenOver(account, _)
            | Self::CreditEarned(account, _)
            | Self::CreditDeducted(account, _)
            | Self::CreditMatured(account, _)
            | Self::CreditExpired(account, _)
            | Self::CreditRefunded(account, _)
            | Self::CreditWithdrawn(account, _)
            | Self::WithdrawalReversed(account, _)
            | Self::DebtRepaid(account, _)
            | Self::DebtPassedOn(account, _)
            | Self::DebtTakenOver(account, _)
            | Self::CreditSent(account, _)
            | Self::CreditReceived(account, _)
            | Self::CreditReturned(account, _)
            | Self::CreditConverted(account, _)
            | Self::CreditHeld(account, _)
            | Self::HoldExtended(account, _)
            | Self::HoldCaptured(account, _)
            | Self::HoldSwapped(account, _)
            | Self::HoldReleased(account, _)
            | Self::ExchangeCreated(account, _)
            | Self::ExchangeCancelled(account, _)
            | Self::ShipmentAccepted(account, _)
            | Self::ShipmentBackOrdered(account, _)
            | Self::ShipmentDispatched(account, _)
            | Self::ShipmentDelivered(account, _)
            | Self::ShipmentRejected(account, _)
            | Self::ShipmentSettled(account, _)
            | Self::ShipmentAskedAgain(account, _)
            | Self::PurchaseRecorded(account, _)
            | Self::PurchaseReturned(account, _)
            | Self::CreditGivenBack(account, _)
            | Self::ReturnReversed(account, _)
            | Self::TierReached(account, _)
            | Self::TierKept(account, _)
            | Self::TierLapsed(account, _)
            | Self::TierGranted(account, _)
            | Self::TierGrantEnded(account, _)
            | Self::SegmentSet(account, _)
            | Self::WaitBegun(account, _)
            | Self::WaitServed(account, _)
            | Self::WaitEnded(account, _) => Some(account),
            Self::LogOpened(_)
            | Self::LogForked(_)
            | Self::ClockDoubted(_)
            | Self::ClockConfirmed(_)
            | Self::PolicyChanged(_)
            | Self::EarningRuleSet(_)
            | Self::UnitSet(_)
            | Self::UnitClosed(_)
            | Self::LadderSet(_)
            | Self::ConversionRateSet(_)
            | Self::ConversionRateClosed(_)
            | Self::OfferOpened(_)
            | Self::OfferAmended(_)
            | Self::OfferClosed(_)
            | Self::OfferReopened(_)
            | Self::OfferPaused(_)
            | Self::OfferResumed(_)
            | Self::StockAdded(_)
            | Self::StockRemoved(_)
            | Self::StockAmended(_)
            | Self::CodeAdded(_)
            | Self::CodesUploaded(_)
            | Self::BalancesSealed(_)
            | Self::SwitchTurned(_)
            | Self::MessageSent(_)
            | Self::MessageReceived(_) => None,
        }
    }

    /// Who did it and why, as the request's body said.
    #[must_use]
    pub const fn note(&self) -> Option<&Note> {
        match self {
            Self::CreditEarned(_, fact) => Some(&fact.note),
            Self::CreditWithdrawn(_, fact) => Some(&fact.note),
            Self::CreditRefunded(_, fact) => match &fact.cause {
                RefundCause::Capture(refund) => Some(&refund.note),
                RefundCause::Cancellation { .. } => None,
            },
            Self::WithdrawalReversed(_, fact) => Some(&fact.note),
            Self::ReturnReversed(_, fact) => Some(&fact.note),
            Self::PurchaseReturned(_, fact) => Some(&fact.note),
            Self::ExchangeCancelled(_, fact) => Some(&fact.note),
            Self::TierGranted(_, fact) => Some(&fact.note),
            Self::TierGrantEnded(_, fact) => Some(&fact.note),
            Self::ShipmentAccepted(_, fact)
            | Self::ShipmentBackOrdered(_, fact)
            | Self::ShipmentDelivered(_, fact)
            | Self::ShipmentRejected(_, fact)
            | Self::ShipmentAskedAgain(_, fact)
            | Self::ShipmentSettled(_, fact) => Some(&fact.note),
            _ => None,
        }
    }

    /// How many events before it belong to it and are read with it: one, and more where an
    /// exchange was paid of several units, a purchase earned them, or a return took them.
    #[must_use]
    pub fn events_before(&self) -> usize {
        match self {
            Self::ExchangeCreated(_, fact) => fact.prices.due().count().max(1),
            Self::PurchaseRecorded(_, fact) => fact.credit().count().max(1),
            Self::PurchaseReturned(_, fact) => fact.credit().count().max(1),
            _ => 1,
        }
    }

    /// The unit of the credit that the event moves, where it moves some.
    #[must_use]
    pub const fn unit(&self) -> Option<UnitId> {
        match self {
            Self::CreditEarned(_, fact) => Some(fact.unit),
            Self::CreditMatured(_, fact) => Some(fact.unit),
            Self::CreditDeducted(_, fact) => Some(fact.unit),
            Self::CreditExpired(_, fact) => Some(fact.unit),
            Self::CreditRefunded(_, fact) => Some(fact.unit),
            Self::CreditWithdrawn(_, fact) => Some(fact.unit),
            Self::WithdrawalReversed(_, fact) => Some(fact.credit.unit),
            Self::CreditGivenBack(_, fact) => Some(fact.credit.unit),
            Self::DebtRepaid(_, fact) => Some(fact.unit),
            Self::DebtPassedOn(_, fact) => Some(fact.unit),
            Self::DebtTakenOver(_, fact) => Some(fact.unit),
            Self::CreditSent(_, fact) => Some(fact.unit),
            Self::CreditReceived(_, fact) => Some(fact.unit),
            Self::CreditReturned(_, fact) => Some(fact.unit),
            Self::CreditConverted(_, fact) => Some(fact.unit),
            Self::CreditHeld(_, fact) => Some(fact.unit),
            Self::HoldCaptured(_, fact) => Some(fact.unit),
            Self::HoldSwapped(_, fact) => Some(fact.unit),
            Self::HoldReleased(_, fact) => Some(fact.unit),
            Self::ReturnReversed(_, fact) => match &fact.credit {
                Some(credit) => Some(credit.unit),
                None => None,
            },
            _ => None,
        }
    }

    /// The day on which the credit counts that is earned, taken back or given back, where a ladder
    /// may count it.
    #[must_use]
    pub const fn counted_on(&self) -> Option<Day> {
        match self {
            Self::CreditEarned(_, fact) => fact.counted_on,
            Self::CreditWithdrawn(_, fact) => fact.counted_on,
            Self::WithdrawalReversed(_, fact) => fact.credit.counted_on,
            Self::CreditGivenBack(_, fact) => fact.credit.counted_on,
            Self::ReturnReversed(_, fact) => match &fact.credit {
                Some(credit) => credit.counted_on,
                None => None,
            },
            _ => None,
        }
    }

    /// Whether the event moves credit; the others of an account say what for.
    pub(crate) const fn is_of_credit(&self) -> bool {
        match self {
            Self::CreditEarned(..)
            | Self::CreditMatured(..)
            | Self::CreditDeducted(..)
            | Self::CreditExpired(..)
            | Self::CreditRefunded(..)
            | Self::CreditWithdrawn(..)
            | Self::WithdrawalReversed(..)
            | Self::CreditGivenBack(..)
            | Self::DebtRepaid(..)
            | Self::DebtPassedOn(..)
            | Self::DebtTakenOver(..)
            | Self::CreditSent(..)
            | Self::CreditReceived(..)
            | Self::CreditReturned(..)
            | Self::CreditConverted(..)
            | Self::CreditHeld(..)
            | Self::HoldExtended(..)
            | Self::HoldCaptured(..)
            | Self::HoldSwapped(..)
            | Self::HoldReleased(..) => true,
            Self::ReturnReversed(_, fact) => fact.credit.is_some(),
            Self::AccountOpened(..)
            | Self::AccountErased(..)
            | Self::AccountMergerBegun(..)
            | Self::AccountMergerAbandoned(..)
            | Self::AccountMerged(..)
            | Self::AccountTakenOver(..)
            | Self::CountsPassedOn(..)
            | Self::CountsTakenOver(..)
            | Self::ExchangeCreated(..)
            | Self::ExchangeCancelled(..)
            | Self::ShipmentAccepted(..)
            | Self::ShipmentBackOrdered(..)
            | Self::ShipmentDispatched(..)
            | Self::ShipmentDelivered(..)
            | Self::ShipmentRejected(..)
            | Self::ShipmentSettled(..)
            | Self::ShipmentAskedAgain(..)
            | Self::PurchaseRecorded(..)
            | Self::PurchaseReturned(..)
            | Self::TierReached(..)
            | Self::TierKept(..)
            | Self::TierLapsed(..)
            | Self::TierGranted(..)
            | Self::TierGrantEnded(..)
            | Self::SegmentSet(..)
            | Self::WaitBegun(..)
            | Self::WaitServed(..)
            | Self::WaitEnded(..)
            | Self::LogOpened(_)
            | Self::LogForked(_)
            | Self::ClockDoubted(_)
            | Self::ClockConfirmed(_)
            | Self::PolicyChanged(_)
            | Self::EarningRuleSet(_)
            | Self::UnitSet(_)
            | Self::UnitClosed(_)
            | Self::LadderSet(_)
            | Self::ConversionRateSet(_)
            | Self::ConversionRateClosed(_)
            | Self::OfferOpened(_)
            | Self::OfferAmended(_)
            | Self::OfferClosed(_)
            | Self::OfferReopened(_)
            | Self::OfferPaused(_)
            | Self::OfferResumed(_)
            | Self::StockAdded(_)
            | Self::StockRemoved(_)
            | Self::StockAmended(_)
            | Self::CodeAdded(_)
            | Self::CodesUploaded(_)
            | Self::BalancesSealed(_)
            | Self::SwitchTurned(_)
            | Self::MessageSent(_)
            | Self::MessageReceived(_) => false,
        }
    }
}
