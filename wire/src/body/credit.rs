//! Credit: earned, withdrawn, adjusted.

use domain::{
    AccountId, Actor, CapPeriod, CapRoom, CauseId, CauseKind, Day, LotId, Period, Points,
    PurchaseId, Reason, Reference, ReturnId, RuleId, Timestamp, UnitId, WithdrawalId,
};
use log_record::Place;
use serde::{Deserialize, Serialize};

use super::{LotPartBody, present};
use crate::{Object, Problem};

/// What credit is to be earned for, or was. One cause earns once per account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedCauseBody {
    /// The kind of cause.
    pub kind: AskedCauseKind,
    /// The caller's id of the purchase, review, promotion or adjustment.
    pub id: CauseId,
}

/// The kind of a cause that a caller can name. What a conversion earns, it earns by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskedCauseKind {
    /// A basket that was paid.
    Purchase,
    /// A review that was written.
    Review,
    /// A campaign.
    Promotion,
    /// An operator's hand.
    Adjustment,
}

impl From<AskedCauseKind> for CauseKind {
    fn from(asked: AskedCauseKind) -> Self {
        match asked {
            AskedCauseKind::Purchase => Self::Purchase,
            AskedCauseKind::Review => Self::Review,
            AskedCauseKind::Promotion => Self::Promotion,
            AskedCauseKind::Adjustment => Self::Adjustment,
        }
    }
}

/// What credit was earned for. One cause earns once per account.
#[derive(Clone, Debug, Serialize)]
pub struct CauseBody {
    /// The kind of cause: `purchase`, `review`, `promotion`, `adjustment` or `conversion`.
    pub kind: CauseKind,
    /// The caller's id of the purchase, review, promotion, adjustment or conversion.
    pub id: CauseId,
}

/// A version of an earning rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleVersionBody {
    /// The rule.
    pub rule_id: RuleId,
    /// The rule's version, from 1.
    pub version: u64,
}

/// The period in which a rule's cap counts.
#[derive(Clone, Debug, Serialize)]
pub struct CapPeriodBody {
    /// `day`, `month`, `year` or `ever`.
    pub kind: Period,
    /// The first moment of the period.
    pub start: Timestamp,
    /// The period ends before this moment; without it, never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
}

/// Room under a rule's cap.
#[derive(Clone, Debug, Serialize)]
pub struct CapRoomBody {
    /// The rule.
    pub rule_id: RuleId,
    /// The period in which its cap counts.
    pub period: CapPeriodBody,
}

impl From<CapPeriod> for CapPeriodBody {
    fn from(period: CapPeriod) -> Self {
        let CapPeriod { kind, start, end } = period;
        Self { kind, start, end }
    }
}

impl From<CapRoom> for CapRoomBody {
    fn from(room: CapRoom) -> Self {
        let CapRoom { rule_id, period } = room;
        Self { rule_id, period: period.into() }
    }
}

/// `POST /v1/accounts/{account_id}/credits`: gives an account credit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarnCreditBody {
    /// The kind of points; without it, `points`.
    pub unit: Option<UnitId>,
    /// The credit, in points. Without it, the call claims the credit that was refused when the
    /// purchase was recorded that `cause` names. It can't be `null`.
    #[serde(default, deserialize_with = "present")]
    pub points: Option<Points>,
    /// What it is earned for.
    pub cause: Object<AskedCauseBody>,
    /// The credit can be spent from this time on; without it, at once, or as the purchase says.
    pub available_at: Option<Timestamp>,
    /// The credit can be spent before this time; without it, for ever, or as the purchase says.
    pub expires_at: Option<Timestamp>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// `POST /v1/credits`: gives many accounts credit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarnCreditsBody {
    /// 1 to 1,000 earnings, decided in this order.
    pub credits: Vec<Object<EarnCreditItemBody>>,
}

/// One earning of many: an [`EarnCreditBody`] with its account. The fields are written out, because
/// a flattened struct can't refuse unknown fields.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarnCreditItemBody {
    /// The account that gets the credit.
    pub account_id: AccountId,
    /// The kind of points; without it, `points`.
    pub unit: Option<UnitId>,
    /// The credit, in points. Without it, the call claims the credit that was refused when the
    /// purchase was recorded that `cause` names. It can't be `null`.
    #[serde(default, deserialize_with = "present")]
    pub points: Option<Points>,
    /// What it is earned for.
    pub cause: Object<AskedCauseBody>,
    /// The credit can be spent from this time on; without it, at once, or as the purchase says.
    pub available_at: Option<Timestamp>,
    /// The credit can be spent before this time; without it, for ever, or as the purchase says.
    pub expires_at: Option<Timestamp>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// Credit that was earned.
#[derive(Clone, Debug, Serialize)]
pub struct CreditBody {
    /// The account that has it.
    pub account_id: AccountId,
    /// The kind of points.
    pub unit: UnitId,
    /// The credit, in points.
    pub points: Points,
    /// The credit can be spent from this time on; without it, at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_at: Option<Timestamp>,
    /// The credit can be spent before this time; without it, for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The position of the event `credit-earned`, which names the lot.
    pub position: Place,
}

/// The outcomes of many earnings, in the order of the request.
#[derive(Clone, Debug, Serialize)]
pub struct EarnedCreditsBody {
    /// One outcome for each earning.
    pub items: Vec<CreditOutcomeBody>,
}

/// The outcome of one earning of many. It has either `credit` or `problem`.
#[derive(Clone, Debug, Serialize)]
pub struct CreditOutcomeBody {
    /// The HTTP status that the earning alone would be answered with.
    pub status: u16,
    /// The credit, where the status is 200 or 201.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit: Option<CreditBody>,
    /// The problem document, where the earning was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// `PUT /v1/accounts/{account_id}/withdrawals/{withdrawal_id}`: takes earned credit back.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithdrawCreditBody {
    /// What the credit was earned for.
    pub cause: Object<AskedCauseBody>,
    /// The kind of points; without it, `points`.
    pub unit: Option<UnitId>,
    /// The points to take; without them, all that are left.
    pub points: Option<Points>,
    /// Who took it: private.
    pub by: Option<Actor>,
    /// The reason: private.
    pub reason: Option<Reason>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// `PUT /v1/accounts/{account_id}/adjustments/{adjustment_id}`: an operator adds or takes credit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdjustCreditBody {
    /// `add` or `take`.
    pub direction: DirectionBody,
    /// The kind of points; without it, `points`.
    pub unit: Option<UnitId>,
    /// The points to add or to take.
    pub points: Points,
    /// Added credit can be spent before this time; without it, for ever.
    pub expires_at: Option<Timestamp>,
    /// What the adjustment refers to: a ticket, a contract.
    pub reference: Reference,
    /// The reason: private.
    pub reason: Reason,
    /// Who adjusted: private.
    pub by: Option<Actor>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// The direction of an adjustment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DirectionBody {
    /// The account gets credit.
    Add,
    /// The account loses credit.
    Take,
}

/// The fact `credit-earned`: a new lot.
#[derive(Clone, Debug, Serialize)]
pub struct CreditEarnedBody {
    /// The account that has it.
    pub account_id: AccountId,
    /// The kind of points.
    pub unit: UnitId,
    /// The credit, in points.
    pub points: Points,
    /// What it was earned for.
    pub cause: CauseBody,
    /// The credit can be spent from this time on; without it, at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_at: Option<Timestamp>,
    /// The credit can be spent before this time; without it, for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The earning rule that gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleVersionBody>,
    /// The period in which the rule's cap counts it; without it, the rule has no cap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_period: Option<CapPeriodBody>,
    /// The day on which ladders count the credit, where one may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted_on: Option<Day>,
    /// What the claim said, where the credit of a purchase was claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimBody>,
    /// What an adjustment refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position, which names the lot.
    pub position: Place,
}

/// What a caller said who claimed the credit of a purchase.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ClaimBody {
    /// The credit can be spent from this time on; without it, as the purchase would have earned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_available_at: Option<Timestamp>,
    /// The credit can be spent before this time; without it, as the purchase would have earned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_expires_at: Option<Timestamp>,
}

/// The fact `credit-withdrawn`: credit was taken away.
#[derive(Clone, Debug, Serialize)]
pub struct CreditWithdrawnBody {
    /// The account that lost it.
    pub account_id: AccountId,
    /// The withdrawal, return or adjustment that took it.
    pub withdrawal: WithdrawalBody,
    /// The kind of points.
    pub unit: UnitId,
    /// The points to take: the sum of `lots`, `owed`, `expired` and `forgiven`.
    pub points: Points,
    /// The points taken from lots.
    pub lots: Vec<LotPartBody>,
    /// The points that had been spent already; the account owes them now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owed: Option<Points>,
    /// The points that had expired already; nobody owes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired: Option<Points>,
    /// The points that had been spent already, and that nobody owes, by the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forgiven: Option<Points>,
    /// From when on what was taken of `of_lot` could have been spent, where it was pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_at: Option<Timestamp>,
    /// What the credit had been earned for; an adjustment names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<CauseBody>,
    /// The lot that the credit had been earned as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_lot: Option<LotId>,
    /// Where a return gives back room under a cap, as much as `points`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_room: Option<CapRoomBody>,
    /// The day on which ladders counted the credit, or count what an adjustment takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted_on: Option<Day>,
    /// The points that the caller named; without them, all that were left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_points: Option<Points>,
    /// What an adjustment refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// `PUT …/reversal` of a withdrawal or a return: undoes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReverseBody {
    /// Who reversed it: private.
    pub by: Option<Actor>,
    /// The reason: private.
    pub reason: Option<Reason>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// What a reversal gives back.
#[derive(Clone, Debug, Serialize)]
pub struct CreditGivenBackBody {
    /// The position of the event `credit-withdrawn` that is undone.
    pub withdrawn_at: Place,
    /// What the credit had been earned for.
    pub of: CauseBody,
    /// The lot that the credit had been earned as.
    pub of_lot: LotId,
    /// The kind of points.
    pub unit: UnitId,
    /// The points given back: the sum of `lots`, `owed`, `expired` and `forgiven`.
    pub points: Points,
    /// The points that come back to lots, and what has paid the debt since.
    pub lots: Vec<LotPartBody>,
    /// What comes back of `of_lot` can be spent from this time on; without it, at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_at: Option<Timestamp>,
    /// The points that the account owes no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owed: Option<Points>,
    /// The points that had expired before they were taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired: Option<Points>,
    /// The points that had been forgiven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forgiven: Option<Points>,
    /// The room under a cap that is used again, as much as `points`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_room: Option<CapRoomBody>,
    /// The day on which ladders count it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted_on: Option<Day>,
}

/// The fact `withdrawal-reversed`: a withdrawal was undone.
#[derive(Clone, Debug, Serialize)]
pub struct WithdrawalReversedBody {
    /// The account.
    pub account_id: AccountId,
    /// The withdrawal.
    pub withdrawal_id: WithdrawalId,
    /// What is given back.
    pub credit: CreditGivenBackBody,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// The withdrawal, return or adjustment that took credit away.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum WithdrawalBody {
    /// A withdrawal of credit that was earned.
    Withdrawal {
        /// The caller's id for it.
        id: WithdrawalId,
    },
    /// A return of goods.
    Return {
        /// The purchase.
        purchase_id: PurchaseId,
        /// The caller's id for the return.
        id: ReturnId,
    },
    /// An operator's adjustment.
    Adjustment {
        /// The caller's id for it.
        id: CauseId,
    },
}
