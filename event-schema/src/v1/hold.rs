//! Credit that is set aside.

use std::borrow::Cow;

use domain::{HoldId, Points, ReleaseReason, Timestamp};
use serde::{Deserialize, Serialize};

use super::part::Parts;

/// `credit-held`.
#[derive(Serialize, Deserialize)]
pub(crate) struct CreditHeld<'a> {
    hold_id: Cow<'a, HoldId>,
    points: Points,
    lots: Parts<'a>,
    deadline: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::CreditHeld> for CreditHeld<'a> {
    fn from(fact: &'a domain::CreditHeld) -> Self {
        let domain::CreditHeld { hold_id, points, lots, deadline, occurred_at } = fact;
        Self {
            hold_id: Cow::Borrowed(hold_id),
            points: *points,
            lots: lots.into(),
            deadline: *deadline,
            occurred_at: *occurred_at,
        }
    }
}

impl From<CreditHeld<'_>> for domain::CreditHeld {
    fn from(stored: CreditHeld<'_>) -> Self {
        let CreditHeld { hold_id, points, lots, deadline, occurred_at } = stored;
        Self { hold_id: hold_id.into_owned(), points, lots: lots.into(), deadline, occurred_at }
    }
}

/// `hold-captured`.
#[derive(Serialize, Deserialize)]
pub(crate) struct HoldCaptured<'a> {
    hold_id: Cow<'a, HoldId>,
    points: Points,
    lots: Parts<'a>,
    #[serde(default, skip_serializing_if = "Parts::is_empty")]
    released: Parts<'a>,
    #[serde(default, skip_serializing_if = "is_false")]
    pays_exchange: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_points: Option<Points>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::HoldCaptured> for HoldCaptured<'a> {
    fn from(fact: &'a domain::HoldCaptured) -> Self {
        let domain::HoldCaptured {
            hold_id,
            points,
            lots,
            released,
            pays_exchange,
            asked_points,
            occurred_at,
        } = fact;
        Self {
            hold_id: Cow::Borrowed(hold_id),
            points: *points,
            lots: lots.into(),
            released: released.into(),
            pays_exchange: *pays_exchange,
            asked_points: *asked_points,
            occurred_at: *occurred_at,
        }
    }
}

impl From<HoldCaptured<'_>> for domain::HoldCaptured {
    fn from(stored: HoldCaptured<'_>) -> Self {
        let HoldCaptured {
            hold_id,
            points,
            lots,
            released,
            pays_exchange,
            asked_points,
            occurred_at,
        } = stored;
        Self {
            hold_id: hold_id.into_owned(),
            points,
            lots: lots.into(),
            released: released.into(),
            pays_exchange,
            asked_points,
            occurred_at,
        }
    }
}

/// `hold-swapped`.
#[derive(Serialize, Deserialize)]
pub(crate) struct HoldSwapped<'a> {
    hold_id: Cow<'a, HoldId>,
    lots: Parts<'a>,
    returned: Parts<'a>,
    taken: Parts<'a>,
}

impl<'a> From<&'a domain::HoldSwapped> for HoldSwapped<'a> {
    fn from(fact: &'a domain::HoldSwapped) -> Self {
        let domain::HoldSwapped { hold_id, lots, returned, taken } = fact;
        Self {
            hold_id: Cow::Borrowed(hold_id),
            lots: lots.into(),
            returned: returned.into(),
            taken: taken.into(),
        }
    }
}

impl From<HoldSwapped<'_>> for domain::HoldSwapped {
    fn from(stored: HoldSwapped<'_>) -> Self {
        let HoldSwapped { hold_id, lots, returned, taken } = stored;
        Self {
            hold_id: hold_id.into_owned(),
            lots: lots.into(),
            returned: returned.into(),
            taken: taken.into(),
        }
    }
}

/// `hold-released`.
#[derive(Serialize, Deserialize)]
pub(crate) struct HoldReleased<'a> {
    hold_id: Cow<'a, HoldId>,
    points: Points,
    lots: Parts<'a>,
    /// `asked` or `deadline`.
    reason: ReleaseReason,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::HoldReleased> for HoldReleased<'a> {
    fn from(fact: &'a domain::HoldReleased) -> Self {
        let domain::HoldReleased { hold_id, points, lots, reason, occurred_at } = fact;
        Self {
            hold_id: Cow::Borrowed(hold_id),
            points: *points,
            lots: lots.into(),
            reason: *reason,
            occurred_at: *occurred_at,
        }
    }
}

impl From<HoldReleased<'_>> for domain::HoldReleased {
    fn from(stored: HoldReleased<'_>) -> Self {
        let HoldReleased { hold_id, points, lots, reason, occurred_at } = stored;
        Self { hold_id: hold_id.into_owned(), points, lots: lots.into(), reason, occurred_at }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's own signature")]
const fn is_false(value: &bool) -> bool {
    !*value
}
