//! Facts about credit: how it comes into an account, and how it leaves.

use std::fmt;

use log_record::{PackedPlace, Place};
use serde::{Deserialize, Serialize};

use super::Note;
use crate::{
    AccountId, CancellationId, CapPeriod, CapRoom, CauseId, Day, ExchangeId, Grace, HoldId, Points,
    Price, PurchaseId, Reference, RefundId, RefusalCode, ReturnId, RuleId, Timestamp, TransferId,
    UnitId, WithdrawalId,
};

/// What credit was earned for. One cause earns once per account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cause {
    /// What sort of thing it was.
    pub kind: CauseKind,
    /// The id of that thing, from the caller.
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
    /// Credit of another unit.
    Conversion,
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
            Self::Conversion => "conversion",
        }
    }
}

impl Cause {
    /// The cause that a purchase is.
    #[must_use]
    pub fn purchase(id: &PurchaseId) -> Self {
        Self { kind: CauseKind::Purchase, id: id.into() }
    }
}

/// Names a lot by the place of the event that made it, `partition:position`. A lot keeps its name
/// wherever parts of it go, also into another account and another partition.
///
/// Of two lots the one from the lower partition comes first, then the one from the lower position.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct LotId(PackedPlace);

impl From<Place> for LotId {
    fn from(place: Place) -> Self {
        Self(place.into())
    }
}

impl LotId {
    /// The place of the event that made it.
    #[must_use]
    pub const fn place(self) -> PackedPlace {
        self.0
    }
}

impl fmt::Display for LotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Some points of a lot, with all that must be known to put them back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotPart {
    /// The lot.
    pub lot: LotId,
    /// How much of it.
    pub points: Points,
    /// They can be spent before then; without it, for ever.
    pub expires_at: Option<Timestamp>,
    /// Whether `expires_at` is a period of grace, of which there is one and no second.
    pub graced: bool,
}

impl LotPart {
    /// Whether it could be spent before `now` only.
    pub(crate) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires| expires <= now)
    }

    /// Points that can be spent for ever.
    #[must_use]
    pub const fn lasting(lot: LotId, points: Points) -> Self {
        Self { lot, points, expires_at: None, graced: false }
    }
}

/// The version of an earning rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVersion {
    /// The rule.
    pub rule_id: RuleId,
    /// Its version.
    pub version: u64,
}

/// A lot of credit came into being; its id is this event's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditEarned {
    /// Of which unit.
    pub unit: UnitId,
    /// How much.
    pub points: Points,
    /// What for.
    pub cause: Cause,
    /// It can be spent from then on; without it, at once.
    pub available_at: Option<Timestamp>,
    /// It can be spent before then; without it, for ever.
    pub expires_at: Option<Timestamp>,
    /// The rule that gave it, where a rule did.
    pub rule: Option<RuleVersion>,
    /// Where it is the credit that was refused when its purchase was recorded: what the claim said.
    pub claim: Option<Claim>,
    /// The period in which the rule's cap counts it, where the rule has a cap.
    pub cap_period: Option<CapPeriod>,
    /// The day on which ladders count it, by the calendar of the unit's time zone, where a ladder
    /// may.
    pub counted_on: Option<Day>,
    /// What an adjustment refers to.
    pub reference: Option<Reference>,
    /// When it happened, as the caller said.
    pub occurred_at: Option<Timestamp>,
    /// Who adjusted, and why; private, and nothing once it has been erased.
    pub note: Note,
}

impl CreditEarned {
    /// Credit that can be spent at once and for ever.
    #[must_use]
    pub const fn new(unit: UnitId, points: Points, cause: Cause) -> Self {
        let note = Note { by: None, reason: None };
        Self {
            unit,
            points,
            cause,
            available_at: None,
            expires_at: None,
            rule: None,
            claim: None,
            cap_period: None,
            counted_on: None,
            reference: None,
            occurred_at: None,
            note,
        }
    }
}

/// What a caller said who claimed the credit of a purchase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// From when on it can be spent; without it, as the purchase would have earned it.
    pub asked_available_at: Option<Timestamp>,
    /// Until when it can be spent; without it, as the purchase would have earned it.
    pub asked_expires_at: Option<Timestamp>,
}

/// Credit was spent on an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditDeducted {
    /// The exchange that it paid, created by the next event.
    pub exchange_id: ExchangeId,
    /// Of which unit.
    pub unit: UnitId,
    /// How much in all.
    pub points: Points,
    /// Which lots it drew on, in the order in which they were drawn; they sum to `points`.
    pub lots: Vec<LotPart>,
    /// The grace of what comes back of it.
    pub grace: Grace,
}

/// Credit that was pending can be spent from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditMatured {
    /// Of which unit.
    pub unit: UnitId,
    /// How much in all.
    pub points: Points,
    /// Of which lots; they sum to `points`.
    pub lots: Vec<LotPart>,
}

/// Credit that nobody spent in time is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditExpired {
    /// Of which unit.
    pub unit: UnitId,
    /// How much in all.
    pub points: Points,
    /// Of which lots; they sum to `points`.
    pub lots: Vec<LotPart>,
}

/// What spent credit comes back from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundCause {
    /// An exchange, cancelled by the next event.
    Cancellation {
        /// The exchange that it had paid.
        exchange_id: ExchangeId,
        /// The cancellation.
        cancellation_id: CancellationId,
    },
    /// The capture of a hold that paid no exchange. The event bears the refund's id.
    Capture(CaptureRefund),
}

/// A refund of a capture, with every field of its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureRefund {
    /// The hold that was captured.
    pub hold_id: HoldId,
    /// The caller's id for this refund, unique within the hold.
    pub refund_id: RefundId,
    /// How much the capture had spent in all.
    pub captured_points: Points,
    /// The points that the caller named; without them, all that were left to come back.
    pub asked_points: Option<Points>,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
    /// Who, and why; private, and nothing once it has been erased.
    pub note: Note,
}

/// Credit that was spent came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditRefunded {
    /// What it had paid.
    pub cause: RefundCause,
    /// Of which unit.
    pub unit: UnitId,
    /// How much in all.
    pub points: Points,
    /// Into which lots, as they are from now on; they sum to `points`.
    pub lots: Vec<LotPart>,
}

impl CreditRefunded {
    /// How much, of which unit.
    #[must_use]
    pub const fn price(&self) -> Price {
        Price { unit: self.unit, points: self.points }
    }
}

/// Why credit is taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithdrawalCause {
    /// What it was earned for doesn't stand.
    Withdrawal {
        /// The caller's id for it.
        id: WithdrawalId,
    },
    /// Goods of a purchase came back; recorded by the next event.
    Return {
        /// The purchase.
        purchase_id: PurchaseId,
        /// The caller's id for the return.
        id: ReturnId,
    },
    /// An operator's hand.
    Adjustment {
        /// The caller's id for it.
        id: CauseId,
    },
}

/// Credit was taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditWithdrawn {
    /// The cause of the withdrawal, with its id.
    pub withdrawal: WithdrawalCause,
    /// Of which unit.
    pub unit: UnitId,
    /// How much was to be taken: the sum of `lots`, `owed`, `expired` and `forgiven`.
    pub points: Points,
    /// What was taken from lots.
    pub lots: Vec<LotPart>,
    /// What was spent already, and is owed now.
    pub owed: Option<Points>,
    /// What had expired already, and is asked of nobody.
    pub expired: Option<Points>,
    /// What was spent already, and isn't asked for, by the policy.
    pub forgiven: Option<Points>,
    /// From when on what was taken of `of_lot` could have been spent, where it was pending.
    pub available_at: Option<Timestamp>,
    /// What the credit had been earned for; an adjustment's was not.
    pub of: Option<Cause>,
    /// The lot that it had been earned as.
    pub of_lot: Option<LotId>,
    /// The room under a cap that a return gives back, as much as `points`.
    pub cap_room: Option<CapRoom>,
    /// The day on which ladders counted the credit, and count it no more; of an adjustment, the day
    /// on which it counts.
    pub counted_on: Option<Day>,
    /// The points that the caller named; without them, all that were left to be taken.
    pub asked_points: Option<Points>,
    /// What an adjustment refers to.
    pub reference: Option<Reference>,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
    /// Who, and why; private, and nothing once it has been erased.
    pub note: Note,
}

/// What a withdrawal or a return had taken is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditGivenBack {
    /// The event `credit-withdrawn` that is undone.
    pub withdrawn_at: PackedPlace,
    /// Of which unit.
    pub unit: UnitId,
    /// What the credit had been earned for.
    pub of: Cause,
    /// The lot that it had been earned as.
    pub of_lot: LotId,
    /// How much was to be taken, and is given back: the sum of `lots`, `owed`, `expired` and
    /// `forgiven`.
    pub points: Points,
    /// What comes back, as it is from now on: what was taken from lots, then what has paid the debt
    /// since.
    pub lots: Vec<LotPart>,
    /// What comes back of `of_lot` is pending until then; without it, it can be spent at once.
    pub available_at: Option<Timestamp>,
    /// What was left of the debt, and is owed no more.
    pub owed: Option<Points>,
    /// What had expired before it was taken.
    pub expired: Option<Points>,
    /// What had been forgiven.
    pub forgiven: Option<Points>,
    /// The room under a cap that is used again, as much as `points`; the cap may be exceeded by it.
    pub cap_room: Option<CapRoom>,
    /// The day on which ladders count it again.
    pub counted_on: Option<Day>,
}

/// A withdrawal was undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawalReversed {
    /// The withdrawal.
    pub withdrawal_id: WithdrawalId,
    /// What is given back.
    pub credit: CreditGivenBack,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
    /// Who, and why; private, and nothing once it has been erased.
    pub note: Note,
}

/// Credit that came in paid what the account owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebtRepaid {
    /// Of which unit.
    pub unit: UnitId,
    /// How much in all.
    pub points: Points,
    /// From which lots; they sum to `points`.
    pub lots: Vec<LotPart>,
}

/// Credit left for another shopper's account. It bears the transfer's id and every field of the
/// request. Until it is received or comes back it is in transit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditSent {
    /// The client's id for it, unique within the sender's account.
    pub transfer_id: TransferId,
    /// Who gets it.
    pub to: AccountId,
    /// Of which unit.
    pub unit: UnitId,
    /// How much in all.
    pub points: Points,
    /// Of which lots, in the order in which they were drawn; they sum to `points`.
    pub lots: Vec<LotPart>,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

/// Credit arrived from another shopper's account. Parts of lots keep their lot and their expiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditReceived {
    /// The sender's id for it.
    pub transfer_id: TransferId,
    /// Who sent it.
    pub from: AccountId,
    /// Of which unit.
    pub unit: UnitId,
    /// How much in all.
    pub points: Points,
    /// Of which lots; they sum to `points`.
    pub lots: Vec<LotPart>,
}

/// Credit that was sent to an account of another partition came back to its sender: the recipient
/// couldn't have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditReturned {
    /// The sender's id for the transfer.
    pub transfer_id: TransferId,
    /// Who was to have it.
    pub to: AccountId,
    /// Of which unit.
    pub unit: UnitId,
    /// How much in all.
    pub points: Points,
    /// Of which lots, as they were sent; they sum to `points`.
    pub lots: Vec<LotPart>,
    /// Why the recipient couldn't have it.
    pub why: RefusalCode,
}

/// An account that was merged owes something no more: the other account does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebtPassedOn {
    /// Who owes it from now on.
    pub to: AccountId,
    /// Of which unit.
    pub unit: UnitId,
    /// All that was owed of it.
    pub points: Points,
}

/// An account owes what an account had owed that was merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebtTakenOver {
    /// Who owed it before.
    pub from: AccountId,
    /// Of which unit.
    pub unit: UnitId,
    /// How much: all of it, unless an account of another partition would owe more than an amount
    /// can say.
    pub points: Points,
}
