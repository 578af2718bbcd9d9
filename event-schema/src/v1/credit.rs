//! How credit comes into an account, and how it leaves.

use std::borrow::Cow;

use domain::{
    AccountId, CancellationId, CauseId, CauseKind, Day, ExchangeId, Grace, HoldId, Note, Points,
    Reference, RefundId, RefusalCode, RuleId, Timestamp, TransferId, UnitId,
};
use serde::{Deserialize, Serialize};

use super::cap::CapPeriod;
use super::part::{Parts, is_false};
use super::recorded_cancellation;

/// What credit was earned for.
#[derive(Serialize, Deserialize)]
pub(crate) struct Cause<'a> {
    kind: CauseKind,
    id: Cow<'a, CauseId>,
}

impl<'a> From<&'a domain::Cause> for Cause<'a> {
    fn from(fact: &'a domain::Cause) -> Self {
        let domain::Cause { kind, id } = fact;
        Self { kind: *kind, id: Cow::Borrowed(id) }
    }
}

impl From<Cause<'_>> for domain::Cause {
    fn from(stored: Cause<'_>) -> Self {
        let Cause { kind, id } = stored;
        Self { kind, id: id.into_owned() }
    }
}

/// The version of an earning rule.
#[derive(Serialize, Deserialize)]
pub(crate) struct RuleVersion<'a> {
    rule_id: Cow<'a, RuleId>,
    version: u64,
}

impl<'a> From<&'a domain::RuleVersion> for RuleVersion<'a> {
    fn from(fact: &'a domain::RuleVersion) -> Self {
        let domain::RuleVersion { rule_id, version } = fact;
        Self { rule_id: Cow::Borrowed(rule_id), version: *version }
    }
}

impl From<RuleVersion<'_>> for domain::RuleVersion {
    fn from(stored: RuleVersion<'_>) -> Self {
        let RuleVersion { rule_id, version } = stored;
        Self { rule_id: rule_id.into_owned(), version }
    }
}

/// What a caller said who claimed the credit of a purchase.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Claim {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_available_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_expires_at: Option<Timestamp>,
}

impl From<domain::Claim> for Claim {
    fn from(fact: domain::Claim) -> Self {
        let domain::Claim { asked_available_at, asked_expires_at } = fact;
        Self { asked_available_at, asked_expires_at }
    }
}

impl From<Claim> for domain::Claim {
    fn from(stored: Claim) -> Self {
        let Claim { asked_available_at, asked_expires_at } = stored;
        Self { asked_available_at, asked_expires_at }
    }
}

/// `credit-earned`.
#[derive(Serialize, Deserialize)]
pub(crate) struct CreditEarned<'a> {
    unit: UnitId,
    points: Points,
    cause: Cause<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    available_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<RuleVersion<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claim: Option<Claim>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cap_period: Option<CapPeriod>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counted_on: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<Cow<'a, Reference>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::CreditEarned> for CreditEarned<'a> {
    fn from(fact: &'a domain::CreditEarned) -> Self {
        // What is private goes into the private text.
        let domain::CreditEarned {
            unit,
            points,
            cause,
            available_at,
            expires_at,
            rule,
            claim,
            cap_period,
            counted_on,
            reference,
            occurred_at,
            note: _,
        } = fact;
        Self {
            unit: *unit,
            points: *points,
            cause: cause.into(),
            available_at: *available_at,
            expires_at: *expires_at,
            rule: rule.as_ref().map(Into::into),
            claim: claim.map(Into::into),
            cap_period: cap_period.map(Into::into),
            counted_on: *counted_on,
            reference: reference.as_ref().map(Cow::Borrowed),
            occurred_at: *occurred_at,
        }
    }
}

impl From<CreditEarned<'_>> for domain::CreditEarned {
    fn from(stored: CreditEarned<'_>) -> Self {
        let CreditEarned {
            unit,
            points,
            cause,
            available_at,
            expires_at,
            rule,
            claim,
            cap_period,
            counted_on,
            reference,
            occurred_at,
        } = stored;
        Self {
            unit,
            points,
            cause: cause.into(),
            available_at,
            expires_at,
            rule: rule.map(Into::into),
            claim: claim.map(Into::into),
            cap_period: cap_period.map(Into::into),
            counted_on,
            reference: reference.map(Cow::into_owned),
            occurred_at,
            note: Note::default(),
        }
    }
}

/// `credit-deducted`.
#[derive(Serialize, Deserialize)]
pub(crate) struct CreditDeducted<'a> {
    exchange_id: Cow<'a, ExchangeId>,
    unit: UnitId,
    points: Points,
    lots: Parts<'a>,
    grace_days: u16,
    #[serde(default, skip_serializing_if = "is_false")]
    grace_on_own_request: bool,
}

impl<'a> From<&'a domain::CreditDeducted> for CreditDeducted<'a> {
    fn from(fact: &'a domain::CreditDeducted) -> Self {
        let domain::CreditDeducted { exchange_id, unit, points, lots, grace } = fact;
        let Grace { days, on_own_request } = *grace;
        Self {
            exchange_id: Cow::Borrowed(exchange_id),
            unit: *unit,
            points: *points,
            lots: lots.into(),
            grace_days: days,
            grace_on_own_request: on_own_request,
        }
    }
}

impl From<CreditDeducted<'_>> for domain::CreditDeducted {
    fn from(stored: CreditDeducted<'_>) -> Self {
        let CreditDeducted {
            exchange_id,
            unit,
            points,
            lots,
            grace_days: days,
            grace_on_own_request: on_own_request,
        } = stored;
        let grace = Grace { days, on_own_request };
        Self { exchange_id: exchange_id.into_owned(), unit, points, lots: lots.into(), grace }
    }
}

/// `credit-matured`.
#[derive(Serialize, Deserialize)]
pub(crate) struct CreditMatured<'a> {
    unit: UnitId,
    points: Points,
    lots: Parts<'a>,
}

impl<'a> From<&'a domain::CreditMatured> for CreditMatured<'a> {
    fn from(fact: &'a domain::CreditMatured) -> Self {
        let domain::CreditMatured { unit, points, lots } = fact;
        Self { unit: *unit, points: *points, lots: lots.into() }
    }
}

impl From<CreditMatured<'_>> for domain::CreditMatured {
    fn from(stored: CreditMatured<'_>) -> Self {
        let CreditMatured { unit, points, lots } = stored;
        Self { unit, points, lots: lots.into() }
    }
}

/// `credit-expired`.
#[derive(Serialize, Deserialize)]
pub(crate) struct CreditExpired<'a> {
    unit: UnitId,
    points: Points,
    lots: Parts<'a>,
}

impl<'a> From<&'a domain::CreditExpired> for CreditExpired<'a> {
    fn from(fact: &'a domain::CreditExpired) -> Self {
        let domain::CreditExpired { unit, points, lots } = fact;
        Self { unit: *unit, points: *points, lots: lots.into() }
    }
}

impl From<CreditExpired<'_>> for domain::CreditExpired {
    fn from(stored: CreditExpired<'_>) -> Self {
        let CreditExpired { unit, points, lots } = stored;
        Self { unit, points, lots: lots.into() }
    }
}

/// `credit-refunded`, by what it had paid.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum CreditRefunded<'a> {
    /// An exchange that was cancelled.
    Cancellation {
        exchange_id: Cow<'a, ExchangeId>,
        /// `~rejected` after a rejection.
        #[serde(deserialize_with = "recorded_cancellation")]
        cancellation_id: Cow<'a, CancellationId>,
        unit: UnitId,
        points: Points,
        lots: Parts<'a>,
    },
    /// The capture of a hold.
    Capture {
        hold_id: Cow<'a, HoldId>,
        refund_id: Cow<'a, RefundId>,
        unit: UnitId,
        points: Points,
        lots: Parts<'a>,
        captured_points: Points,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked_points: Option<Points>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        occurred_at: Option<Timestamp>,
    },
}

impl<'a> From<&'a domain::CreditRefunded> for CreditRefunded<'a> {
    fn from(fact: &'a domain::CreditRefunded) -> Self {
        let domain::CreditRefunded { cause, unit, points, lots } = fact;
        let (unit, points, lots) = (*unit, *points, lots.into());
        match cause {
            domain::RefundCause::Cancellation { exchange_id, cancellation_id } => {
                Self::Cancellation {
                    exchange_id: Cow::Borrowed(exchange_id),
                    cancellation_id: Cow::Borrowed(cancellation_id),
                    unit,
                    points,
                    lots,
                }
            }
            domain::RefundCause::Capture(refund) => {
                // What is private goes into the private text.
                let domain::CaptureRefund {
                    hold_id,
                    refund_id,
                    captured_points,
                    asked_points,
                    occurred_at,
                    note: _,
                } = refund;
                Self::Capture {
                    hold_id: Cow::Borrowed(hold_id),
                    refund_id: Cow::Borrowed(refund_id),
                    unit,
                    points,
                    lots,
                    captured_points: *captured_points,
                    asked_points: *asked_points,
                    occurred_at: *occurred_at,
                }
            }
        }
    }
}

impl From<CreditRefunded<'_>> for domain::CreditRefunded {
    fn from(stored: CreditRefunded<'_>) -> Self {
        match stored {
            CreditRefunded::Cancellation { exchange_id, cancellation_id, unit, points, lots } => {
                let cause = domain::RefundCause::Cancellation {
                    exchange_id: exchange_id.into_owned(),
                    cancellation_id: cancellation_id.into_owned(),
                };
                Self { cause, unit, points, lots: lots.into() }
            }
            CreditRefunded::Capture {
                hold_id,
                refund_id,
                unit,
                points,
                lots,
                captured_points,
                asked_points,
                occurred_at,
            } => {
                let refund = domain::CaptureRefund {
                    hold_id: hold_id.into_owned(),
                    refund_id: refund_id.into_owned(),
                    captured_points,
                    asked_points,
                    occurred_at,
                    note: Note::default(),
                };
                let cause = domain::RefundCause::Capture(refund);
                Self { cause, unit, points, lots: lots.into() }
            }
        }
    }
}

/// `debt-repaid`.
#[derive(Serialize, Deserialize)]
pub(crate) struct DebtRepaid<'a> {
    unit: UnitId,
    points: Points,
    lots: Parts<'a>,
}

impl<'a> From<&'a domain::DebtRepaid> for DebtRepaid<'a> {
    fn from(fact: &'a domain::DebtRepaid) -> Self {
        let domain::DebtRepaid { unit, points, lots } = fact;
        Self { unit: *unit, points: *points, lots: lots.into() }
    }
}

impl From<DebtRepaid<'_>> for domain::DebtRepaid {
    fn from(stored: DebtRepaid<'_>) -> Self {
        let DebtRepaid { unit, points, lots } = stored;
        Self { unit, points, lots: lots.into() }
    }
}

/// `credit-sent`.
#[derive(Serialize, Deserialize)]
pub(crate) struct CreditSent<'a> {
    transfer_id: Cow<'a, TransferId>,
    to: Cow<'a, AccountId>,
    unit: UnitId,
    points: Points,
    lots: Parts<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::CreditSent> for CreditSent<'a> {
    fn from(fact: &'a domain::CreditSent) -> Self {
        let domain::CreditSent { transfer_id, to, unit, points, lots, occurred_at } = fact;
        Self {
            transfer_id: Cow::Borrowed(transfer_id),
            to: Cow::Borrowed(to),
            unit: *unit,
            points: *points,
            lots: lots.into(),
            occurred_at: *occurred_at,
        }
    }
}

impl From<CreditSent<'_>> for domain::CreditSent {
    fn from(stored: CreditSent<'_>) -> Self {
        let CreditSent { transfer_id, to, unit, points, lots, occurred_at } = stored;
        Self {
            transfer_id: transfer_id.into_owned(),
            to: to.into_owned(),
            unit,
            points,
            lots: lots.into(),
            occurred_at,
        }
    }
}

/// `credit-returned`.
#[derive(Serialize, Deserialize)]
pub(crate) struct CreditReturned<'a> {
    transfer_id: Cow<'a, TransferId>,
    to: Cow<'a, AccountId>,
    unit: UnitId,
    points: Points,
    lots: Parts<'a>,
    /// The code of a refusal.
    why: RefusalCode,
}

impl<'a> From<&'a domain::CreditReturned> for CreditReturned<'a> {
    fn from(fact: &'a domain::CreditReturned) -> Self {
        let domain::CreditReturned { transfer_id, to, unit, points, lots, why } = fact;
        Self {
            transfer_id: Cow::Borrowed(transfer_id),
            to: Cow::Borrowed(to),
            unit: *unit,
            points: *points,
            lots: lots.into(),
            why: *why,
        }
    }
}

impl From<CreditReturned<'_>> for domain::CreditReturned {
    fn from(stored: CreditReturned<'_>) -> Self {
        let CreditReturned { transfer_id, to, unit, points, lots, why } = stored;
        let (transfer_id, to) = (transfer_id.into_owned(), to.into_owned());
        Self { transfer_id, to, unit, points, lots: lots.into(), why }
    }
}

/// `credit-received`.
#[derive(Serialize, Deserialize)]
pub(crate) struct CreditReceived<'a> {
    transfer_id: Cow<'a, TransferId>,
    from: Cow<'a, AccountId>,
    unit: UnitId,
    points: Points,
    lots: Parts<'a>,
}

impl<'a> From<&'a domain::CreditReceived> for CreditReceived<'a> {
    fn from(fact: &'a domain::CreditReceived) -> Self {
        let domain::CreditReceived { transfer_id, from, unit, points, lots } = fact;
        Self {
            transfer_id: Cow::Borrowed(transfer_id),
            from: Cow::Borrowed(from),
            unit: *unit,
            points: *points,
            lots: lots.into(),
        }
    }
}

impl From<CreditReceived<'_>> for domain::CreditReceived {
    fn from(stored: CreditReceived<'_>) -> Self {
        let CreditReceived { transfer_id, from, unit, points, lots } = stored;
        Self {
            transfer_id: transfer_id.into_owned(),
            from: from.into_owned(),
            unit,
            points,
            lots: lots.into(),
        }
    }
}
