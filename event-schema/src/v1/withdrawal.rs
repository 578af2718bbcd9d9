//! How credit is taken away, and given back where that was wrong.

use std::borrow::Cow;

use domain::{
    CauseId, Day, LotId, Note, Points, PurchaseId, Reference, ReturnId, Timestamp, UnitId,
    WithdrawalId,
};
use log_record::PackedPlace;
use serde::{Deserialize, Serialize};

use super::cap::CapRoom;
use super::credit::Cause;
use super::part::Parts;

/// `credit-withdrawn`.
#[derive(Serialize, Deserialize)]
pub(crate) struct CreditWithdrawn<'a> {
    withdrawal: WithdrawalCause<'a>,
    unit: UnitId,
    points: Points,
    lots: Parts<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owed: Option<Points>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expired: Option<Points>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forgiven: Option<Points>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    available_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<Cause<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of_lot: Option<LotId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cap_room: Option<CapRoom<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counted_on: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_points: Option<Points>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<Cow<'a, Reference>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::CreditWithdrawn> for CreditWithdrawn<'a> {
    fn from(fact: &'a domain::CreditWithdrawn) -> Self {
        // What is private goes into the private text.
        let domain::CreditWithdrawn {
            withdrawal,
            unit,
            points,
            lots,
            owed,
            expired,
            forgiven,
            available_at,
            of,
            of_lot,
            cap_room,
            counted_on,
            asked_points,
            reference,
            occurred_at,
            note: _,
        } = fact;
        Self {
            withdrawal: withdrawal.into(),
            unit: *unit,
            points: *points,
            lots: lots.into(),
            owed: *owed,
            expired: *expired,
            forgiven: *forgiven,
            available_at: *available_at,
            of: of.as_ref().map(Into::into),
            of_lot: *of_lot,
            cap_room: cap_room.as_ref().map(Into::into),
            counted_on: *counted_on,
            asked_points: *asked_points,
            reference: reference.as_ref().map(Cow::Borrowed),
            occurred_at: *occurred_at,
        }
    }
}

impl From<CreditWithdrawn<'_>> for domain::CreditWithdrawn {
    fn from(stored: CreditWithdrawn<'_>) -> Self {
        let CreditWithdrawn {
            withdrawal,
            unit,
            points,
            lots,
            owed,
            expired,
            forgiven,
            available_at,
            of,
            of_lot,
            cap_room,
            counted_on,
            asked_points,
            reference,
            occurred_at,
        } = stored;
        Self {
            withdrawal: withdrawal.into(),
            unit,
            points,
            lots: lots.into(),
            owed,
            expired,
            forgiven,
            available_at,
            of: of.map(Into::into),
            of_lot,
            cap_room: cap_room.map(Into::into),
            counted_on,
            asked_points,
            reference: reference.map(Cow::into_owned),
            occurred_at,
            note: Note::default(),
        }
    }
}

/// What a reversal gives back.
#[derive(Serialize, Deserialize)]
pub(crate) struct CreditGivenBack<'a> {
    withdrawn_at: PackedPlace,
    of: Cause<'a>,
    of_lot: LotId,
    unit: UnitId,
    points: Points,
    lots: Parts<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    available_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owed: Option<Points>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expired: Option<Points>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forgiven: Option<Points>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cap_room: Option<CapRoom<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counted_on: Option<Day>,
}

impl<'a> From<&'a domain::CreditGivenBack> for CreditGivenBack<'a> {
    fn from(fact: &'a domain::CreditGivenBack) -> Self {
        let domain::CreditGivenBack {
            withdrawn_at,
            of,
            of_lot,
            unit,
            points,
            lots,
            available_at,
            owed,
            expired,
            forgiven,
            cap_room,
            counted_on,
        } = fact;
        Self {
            withdrawn_at: *withdrawn_at,
            of: of.into(),
            of_lot: *of_lot,
            unit: *unit,
            points: *points,
            lots: lots.into(),
            available_at: *available_at,
            owed: *owed,
            expired: *expired,
            forgiven: *forgiven,
            cap_room: cap_room.as_ref().map(Into::into),
            counted_on: *counted_on,
        }
    }
}

impl From<CreditGivenBack<'_>> for domain::CreditGivenBack {
    fn from(stored: CreditGivenBack<'_>) -> Self {
        let CreditGivenBack {
            withdrawn_at,
            of,
            of_lot,
            unit,
            points,
            lots,
            available_at,
            owed,
            expired,
            forgiven,
            cap_room,
            counted_on,
        } = stored;
        Self {
            withdrawn_at,
            of: of.into(),
            of_lot,
            unit,
            points,
            lots: lots.into(),
            available_at,
            owed,
            expired,
            forgiven,
            cap_room: cap_room.map(Into::into),
            counted_on,
        }
    }
}

/// `withdrawal-reversed`.
#[derive(Serialize, Deserialize)]
pub(crate) struct WithdrawalReversed<'a> {
    withdrawal_id: Cow<'a, WithdrawalId>,
    credit: CreditGivenBack<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::WithdrawalReversed> for WithdrawalReversed<'a> {
    fn from(fact: &'a domain::WithdrawalReversed) -> Self {
        // What is private goes into the private text.
        let domain::WithdrawalReversed { withdrawal_id, credit, occurred_at, note: _ } = fact;
        Self {
            withdrawal_id: Cow::Borrowed(withdrawal_id),
            credit: credit.into(),
            occurred_at: *occurred_at,
        }
    }
}

impl From<WithdrawalReversed<'_>> for domain::WithdrawalReversed {
    fn from(stored: WithdrawalReversed<'_>) -> Self {
        let WithdrawalReversed { withdrawal_id, credit, occurred_at } = stored;
        Self {
            withdrawal_id: withdrawal_id.into_owned(),
            credit: credit.into(),
            occurred_at,
            note: Note::default(),
        }
    }
}

/// Why credit is taken away.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum WithdrawalCause<'a> {
    Withdrawal { id: Cow<'a, WithdrawalId> },
    Return { purchase_id: Cow<'a, PurchaseId>, id: Cow<'a, ReturnId> },
    Adjustment { id: Cow<'a, CauseId> },
}

impl<'a> From<&'a domain::WithdrawalCause> for WithdrawalCause<'a> {
    fn from(cause: &'a domain::WithdrawalCause) -> Self {
        match cause {
            domain::WithdrawalCause::Withdrawal { id } => {
                Self::Withdrawal { id: Cow::Borrowed(id) }
            }
            domain::WithdrawalCause::Return { purchase_id, id } => {
                Self::Return { purchase_id: Cow::Borrowed(purchase_id), id: Cow::Borrowed(id) }
            }
            domain::WithdrawalCause::Adjustment { id } => {
                Self::Adjustment { id: Cow::Borrowed(id) }
            }
        }
    }
}

impl From<WithdrawalCause<'_>> for domain::WithdrawalCause {
    fn from(stored: WithdrawalCause<'_>) -> Self {
        match stored {
            WithdrawalCause::Withdrawal { id } => Self::Withdrawal { id: id.into_owned() },
            WithdrawalCause::Return { purchase_id, id } => {
                Self::Return { purchase_id: purchase_id.into_owned(), id: id.into_owned() }
            }
            WithdrawalCause::Adjustment { id } => Self::Adjustment { id: id.into_owned() },
        }
    }
}
