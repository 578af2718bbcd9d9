//! What can be asked of the ledger, and the one function that answers.
//!
//! Each command's file has its fields, its rules in order of precedence, and its scenarios.

mod add_stock;
mod adjust_credit;
mod amend_offer;
mod cancel_exchange;
mod capture_hold;
mod close_offer;
mod confirm_clock;
mod dispatch_shipment;
mod earn_credit;
mod hold_credit;
mod open_offer;
mod order;
mod original;
mod record_purchase;
mod redeem;
mod refund;
mod reject_shipment;
mod release_hold;
mod report_shipment;
mod return_purchase;
mod set_earning_rule;
mod set_policy;
mod take_back;
mod transfer_credit;
mod withdraw_credit;

pub use add_stock::AddStock;
pub use adjust_credit::{AdjustCredit, Direction};
pub use amend_offer::AmendOffer;
pub use cancel_exchange::CancelExchange;
pub use capture_hold::{Capture, CaptureHold};
pub use close_offer::CloseOffer;
pub use confirm_clock::ConfirmClock;
pub use dispatch_shipment::DispatchShipment;
pub use earn_credit::EarnCredit;
pub use hold_credit::{HOLD_DAYS_MAX, HoldCredit};
pub use open_offer::OpenOffer;
pub use order::Order;
pub use original::{EarnedCredit, OriginalCredit, OriginalExchange, OriginalPurchase};
pub use record_purchase::RecordPurchase;
pub use redeem::{Preview, Redeem};
pub use reject_shipment::RejectShipment;
pub use release_hold::ReleaseHold;
pub use report_shipment::{Report, ReportShipment};
pub use return_purchase::ReturnPurchase;
pub use set_earning_rule::{Known, SetEarningRule};
pub use set_policy::SetPolicy;
pub use transfer_credit::TransferCredit;
pub use withdraw_credit::WithdrawCredit;

use log_record::Position;

use crate::draft::Draft;
use crate::{Event, IdHash, OfferId, Refusal, State, Timestamp};

/// Something asked of the ledger, valid in itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Give a shopper credit.
    EarnCredit(EarnCredit),
    /// Record goods bought for money.
    RecordPurchase(RecordPurchase),
    /// Take goods of a purchase back.
    ReturnPurchase(ReturnPurchase),
    /// Take back what was earned for a cause.
    WithdrawCredit(WithdrawCredit),
    /// Add or take credit by hand.
    AdjustCredit(AdjustCredit),
    /// Set credit aside.
    HoldCredit(HoldCredit),
    /// Spend what is held.
    CaptureHold(CaptureHold),
    /// Give back what is held.
    ReleaseHold(ReleaseHold),
    /// Exchange credit for goods.
    Redeem(Redeem),
    /// Cancel an exchange and refund it.
    CancelExchange(CancelExchange),
    /// Record that a parcel left.
    DispatchShipment(DispatchShipment),
    /// Record what else became of a parcel.
    ReportShipment(ReportShipment),
    /// Record that a parcel won't be shipped, and refund it.
    RejectShipment(RejectShipment),
    /// Pass credit on.
    TransferCredit(TransferCredit),
    /// Begin to offer something.
    OpenOffer(OpenOffer),
    /// Replace an offer's terms.
    AmendOffer(AmendOffer),
    /// End an offer.
    CloseOffer(CloseOffer),
    /// Add to an offer's stock.
    AddStock(AddStock),
    /// Make or replace an earning rule.
    SetEarningRule(SetEarningRule),
    /// Choose the policy.
    SetPolicy(SetPolicy),
    /// Vouch for the clock.
    ConfirmClock(ConfirmClock),
}

/// What is to be done about a command that wasn't refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Append these events, all or none.
    Record {
        /// What fell due in the accounts, what the command does, and what follows from it.
        events: Vec<Event>,
        /// Which of them bears the command's id, and is its outcome.
        bearer: usize,
    },
    /// The command's id was recorded by the event at this position: answer from it.
    Repeat(Position),
    /// What stands at this position, and before it, is needed to decide: read it, give it to the
    /// command ([`Command::with_original`]), and ask again.
    Load(Position),
    /// What was asked for is so already, and nothing is recorded.
    Standing,
}

impl Decision {
    /// One event, which bears the id.
    fn of(event: Event) -> Self {
        Self::Record { events: vec![event], bearer: 0 }
    }
}

/// Decides a command against the state, at a time that the writer stamped.
pub fn decide(state: &State, command: &Command, now: Timestamp) -> Result<Decision, Refusal> {
    if let Some(at) = command.id_hash().and_then(|id| state.recorded().position_of(id)) {
        return Ok(Decision::Repeat(at));
    }
    let draft = Draft::new(state, now);
    match command {
        Command::EarnCredit(it) => it.decide(draft),
        Command::RecordPurchase(it) => it.decide(draft),
        Command::ReturnPurchase(it) => it.decide(draft),
        Command::WithdrawCredit(it) => it.decide(draft),
        Command::AdjustCredit(it) => it.decide(draft),
        Command::HoldCredit(it) => it.decide(draft),
        Command::CaptureHold(it) => it.decide(draft),
        Command::ReleaseHold(it) => it.decide(draft),
        Command::Redeem(it) => it.decide(draft),
        Command::CancelExchange(it) => it.decide(draft),
        Command::DispatchShipment(it) => Ok(it.decide()),
        Command::ReportShipment(it) => Ok(it.decide()),
        Command::RejectShipment(it) => it.decide(draft),
        Command::TransferCredit(it) => it.decide(draft),
        Command::OpenOffer(it) => it.decide(state),
        Command::AmendOffer(it) => it.decide(state),
        Command::CloseOffer(it) => it.decide(state),
        Command::AddStock(it) => it.decide(state),
        Command::SetEarningRule(it) => it.decide(state),
        Command::SetPolicy(it) => Ok(it.decide(state)),
        Command::ConfirmClock(it) => Ok(it.decide()),
    }
}

impl Command {
    /// The name that is kept in the events' metadata.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::EarnCredit(_) => "earn-credit",
            Self::RecordPurchase(_) => "record-purchase",
            Self::ReturnPurchase(_) => "return-purchase",
            Self::WithdrawCredit(_) => "withdraw-credit",
            Self::AdjustCredit(_) => "adjust-credit",
            Self::HoldCredit(_) => "hold-credit",
            Self::CaptureHold(_) => "capture-hold",
            Self::ReleaseHold(_) => "release-hold",
            Self::Redeem(_) => "redeem",
            Self::CancelExchange(_) => "cancel-exchange",
            Self::DispatchShipment(_) => "dispatch-shipment",
            Self::ReportShipment(it) => it.report.command_name(),
            Self::RejectShipment(_) => "reject-shipment",
            Self::TransferCredit(_) => "transfer-credit",
            Self::OpenOffer(_) => "open-offer",
            Self::AmendOffer(_) => "amend-offer",
            Self::CloseOffer(_) => "close-offer",
            Self::AddStock(_) => "add-stock",
            Self::SetEarningRule(_) => "set-earning-rule",
            Self::SetPolicy(_) => "set-policy",
            Self::ConfirmClock(_) => "confirm-clock",
        }
    }

    /// The id that makes a repeat of this command a repeat. What is set as a whole needs none: its
    /// repeat is known by its being as asked for.
    #[must_use]
    pub fn id_hash(&self) -> Option<IdHash> {
        match self {
            Self::EarnCredit(it) => Some(IdHash::cause(&it.account_id, &it.cause)),
            Self::RecordPurchase(it) => Some(IdHash::purchase(&it.account_id, &it.purchase_id)),
            Self::ReturnPurchase(it) => {
                Some(IdHash::purchase_return(&it.account_id, &it.purchase_id, &it.return_id))
            }
            Self::WithdrawCredit(it) => Some(IdHash::withdrawal(&it.account_id, &it.withdrawal_id)),
            Self::AdjustCredit(it) => Some(IdHash::cause(&it.account_id, &it.cause())),
            Self::HoldCredit(it) => Some(IdHash::hold(&it.account_id, &it.hold_id)),
            Self::CaptureHold(it) => Some(IdHash::capture(&it.account_id, &it.hold_id)),
            Self::ReleaseHold(it) => Some(IdHash::release(&it.account_id, &it.hold_id)),
            Self::Redeem(it) => Some(IdHash::exchange(&it.account_id, &it.order.exchange_id)),
            Self::CancelExchange(it) => {
                Some(IdHash::cancellation(&it.account_id, &it.exchange_id, &it.cancellation_id))
            }
            Self::DispatchShipment(it) => Some(IdHash::dispatch(&it.account_id, &it.shipped)),
            Self::ReportShipment(it) => Some(it.id_hash()),
            Self::RejectShipment(it) => Some(IdHash::rejection(&it.account_id, &it.shipped)),
            Self::TransferCredit(it) => Some(IdHash::transfer(&it.account_id, &it.transfer_id)),
            Self::AddStock(it) => Some(IdHash::stock_addition(&it.offer_id, &it.addition_id)),
            Self::OpenOffer(_)
            | Self::AmendOffer(_)
            | Self::CloseOffer(_)
            | Self::SetEarningRule(_)
            | Self::SetPolicy(_)
            | Self::ConfirmClock(_) => None,
        }
    }

    /// When it happened, as the caller says, where the caller can say.
    #[must_use]
    pub const fn occurred_at(&self) -> Option<Timestamp> {
        match self {
            Self::EarnCredit(it) => it.occurred_at,
            Self::RecordPurchase(it) => it.occurred_at,
            Self::ReturnPurchase(it) => it.occurred_at,
            Self::WithdrawCredit(it) => it.occurred_at,
            Self::AdjustCredit(it) => it.occurred_at,
            Self::HoldCredit(it) => it.occurred_at,
            Self::CaptureHold(it) => it.occurred_at,
            Self::ReleaseHold(it) => it.occurred_at,
            Self::Redeem(it) => it.occurred_at,
            Self::CancelExchange(it) => it.occurred_at,
            Self::DispatchShipment(it) => it.occurred_at,
            Self::ReportShipment(it) => it.occurred_at,
            Self::RejectShipment(it) => it.occurred_at,
            Self::TransferCredit(it) => it.occurred_at,
            Self::AddStock(_)
            | Self::OpenOffer(_)
            | Self::AmendOffer(_)
            | Self::CloseOffer(_)
            | Self::SetEarningRule(_)
            | Self::SetPolicy(_)
            | Self::ConfirmClock(_) => None,
        }
    }

    /// The offer whose stock or terms the command may change, where that is known beforehand.
    #[must_use]
    pub const fn offer_id(&self) -> Option<&OfferId> {
        match self {
            Self::OpenOffer(it) => Some(&it.offer_id),
            Self::AmendOffer(it) => Some(&it.offer_id),
            Self::CloseOffer(it) => Some(&it.offer_id),
            Self::AddStock(it) => Some(&it.offer_id),
            _ => None,
        }
    }

    /// The command with what was recorded at `position`, and right before it; nothing where the
    /// command can do nothing with that.
    #[must_use]
    pub fn with_original(&self, before: &Event, position: Position, event: &Event) -> Option<Self> {
        match self {
            Self::CancelExchange(it) => {
                let original = Some(OriginalExchange::read(before, position, event)?);
                Some(Self::CancelExchange(CancelExchange { original, ..it.clone() }))
            }
            Self::RejectShipment(it) => {
                let original = Some(OriginalExchange::read(before, position, event)?);
                Some(Self::RejectShipment(RejectShipment { original, ..it.clone() }))
            }
            Self::ReturnPurchase(it) => {
                let original = Some(OriginalPurchase::read(before, position, event));
                Some(Self::ReturnPurchase(ReturnPurchase { original, ..it.clone() }))
            }
            Self::WithdrawCredit(it) => {
                let original = Some(OriginalCredit::read(before, position, event));
                Some(Self::WithdrawCredit(WithdrawCredit { original, ..it.clone() }))
            }
            _ => None,
        }
    }

    /// The first field in which this command differs from the request that `event` was recorded
    /// for; nothing where they ask the same. What has been erased isn't compared.
    #[must_use]
    pub fn first_difference(&self, event: &Event) -> Option<&'static str> {
        match (self, event) {
            (Self::EarnCredit(it), Event::CreditEarned(_, fact)) => it.first_difference(fact),
            (Self::RecordPurchase(it), Event::PurchaseRecorded(_, fact)) => {
                it.first_difference(fact)
            }
            (Self::ReturnPurchase(it), Event::PurchaseReturned(_, fact)) => {
                it.first_difference(fact)
            }
            (Self::WithdrawCredit(it), Event::CreditWithdrawn(_, fact)) => {
                it.first_difference(fact)
            }
            (Self::HoldCredit(it), Event::CreditHeld(_, fact)) => it.first_difference(fact),
            (Self::ReleaseHold(it), Event::HoldReleased(_, fact)) => it.first_difference(fact),
            (Self::Redeem(it), Event::ExchangeCreated(_, fact)) => it.first_difference(fact),
            (Self::CancelExchange(it), Event::ExchangeCancelled(_, fact)) => {
                it.first_difference(fact)
            }
            (Self::DispatchShipment(it), Event::ShipmentDispatched(_, fact)) => {
                it.first_difference(fact)
            }
            (
                Self::ReportShipment(it),
                Event::ShipmentAccepted(_, fact)
                | Event::ShipmentBackOrdered(_, fact)
                | Event::ShipmentDelivered(_, fact)
                | Event::ShipmentSettled(_, fact),
            ) => it.first_difference(fact),
            (Self::RejectShipment(it), Event::ShipmentRejected(_, fact)) => {
                it.first_difference(fact)
            }
            (Self::TransferCredit(it), Event::CreditSent(_, fact)) => it.first_difference(fact),
            (Self::AddStock(it), Event::StockAdded(fact)) => it.first_difference(fact),
            (Self::AdjustCredit(it), event) => it.first_difference(event),
            (Self::CaptureHold(it), event) => it.first_difference(event),
            // A cause, a capture or an adjustment shares its ids with another call.
            _ => Some("call"),
        }
    }
}

/// The first name whose values differ.
fn first_different(fields: &[(&'static str, bool)]) -> Option<&'static str> {
    fields.iter().find(|(_, is_same)| !is_same).map(|(name, _)| *name)
}
