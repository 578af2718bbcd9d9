//! Credit that is set aside.

use std::borrow::Cow;

use domain::{ExtensionId, Grace, HoldId, Points, ReleaseReason, Timestamp, UnitId};
use serde::{Deserialize, Serialize};

use super::part::{Parts, is_false};

/// `credit-held`.
#[derive(Serialize, Deserialize)]
pub(crate) struct CreditHeld<'a> {
    hold_id: Cow<'a, HoldId>,
    unit: UnitId,
    points: Points,
    lots: Parts<'a>,
    deadline: Timestamp,
    grace_days: u16,
    #[serde(default, skip_serializing_if = "is_false")]
    grace_on_own_request: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::CreditHeld> for CreditHeld<'a> {
    fn from(fact: &'a domain::CreditHeld) -> Self {
        let domain::CreditHeld { hold_id, unit, points, lots, deadline, grace, occurred_at } = fact;
        let Grace { days, on_own_request } = *grace;
        Self {
            hold_id: Cow::Borrowed(hold_id),
            unit: *unit,
            points: *points,
            lots: lots.into(),
            deadline: *deadline,
            grace_days: days,
            grace_on_own_request: on_own_request,
            occurred_at: *occurred_at,
        }
    }
}

impl From<CreditHeld<'_>> for domain::CreditHeld {
    fn from(stored: CreditHeld<'_>) -> Self {
        let CreditHeld {
            hold_id,
            unit,
            points,
            lots,
            deadline,
            grace_days: days,
            grace_on_own_request: on_own_request,
            occurred_at,
        } = stored;
        Self {
            hold_id: hold_id.into_owned(),
            unit,
            points,
            lots: lots.into(),
            deadline,
            grace: Grace { days, on_own_request },
            occurred_at,
        }
    }
}

/// `hold-extended`.
#[derive(Serialize, Deserialize)]
pub(crate) struct HoldExtended<'a> {
    hold_id: Cow<'a, HoldId>,
    extension_id: Cow<'a, ExtensionId>,
    deadline: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::HoldExtended> for HoldExtended<'a> {
    fn from(fact: &'a domain::HoldExtended) -> Self {
        let domain::HoldExtended { hold_id, extension_id, deadline, occurred_at } = fact;
        Self {
            hold_id: Cow::Borrowed(hold_id),
            extension_id: Cow::Borrowed(extension_id),
            deadline: *deadline,
            occurred_at: *occurred_at,
        }
    }
}

impl From<HoldExtended<'_>> for domain::HoldExtended {
    fn from(stored: HoldExtended<'_>) -> Self {
        let HoldExtended { hold_id, extension_id, deadline, occurred_at } = stored;
        let (hold_id, extension_id) = (hold_id.into_owned(), extension_id.into_owned());
        Self { hold_id, extension_id, deadline, occurred_at }
    }
}

/// `hold-captured`.
#[derive(Serialize, Deserialize)]
pub(crate) struct HoldCaptured<'a> {
    hold_id: Cow<'a, HoldId>,
    unit: UnitId,
    /// 0 where it bought something free.
    #[serde(with = "domain::sum")]
    points: Points,
    lots: Parts<'a>,
    #[serde(default, skip_serializing_if = "Parts::is_empty")]
    released: Parts<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grace_until: Option<Timestamp>,
    grace_days: u16,
    #[serde(default, skip_serializing_if = "is_false")]
    grace_on_own_request: bool,
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
            unit,
            points,
            lots,
            released,
            grace_until,
            grace,
            pays_exchange,
            asked_points,
            occurred_at,
        } = fact;
        let Grace { days, on_own_request } = *grace;
        Self {
            hold_id: Cow::Borrowed(hold_id),
            unit: *unit,
            points: *points,
            lots: lots.into(),
            released: released.into(),
            grace_until: *grace_until,
            grace_days: days,
            grace_on_own_request: on_own_request,
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
            unit,
            points,
            lots,
            released,
            grace_until,
            grace_days: days,
            grace_on_own_request: on_own_request,
            pays_exchange,
            asked_points,
            occurred_at,
        } = stored;
        Self {
            hold_id: hold_id.into_owned(),
            unit,
            points,
            lots: lots.into(),
            released: released.into(),
            grace_until,
            grace: Grace { days, on_own_request },
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
    unit: UnitId,
    lots: Parts<'a>,
    returned: Parts<'a>,
    taken: Parts<'a>,
}

impl<'a> From<&'a domain::HoldSwapped> for HoldSwapped<'a> {
    fn from(fact: &'a domain::HoldSwapped) -> Self {
        let domain::HoldSwapped { hold_id, unit, lots, returned, taken } = fact;
        Self {
            hold_id: Cow::Borrowed(hold_id),
            unit: *unit,
            lots: lots.into(),
            returned: returned.into(),
            taken: taken.into(),
        }
    }
}

impl From<HoldSwapped<'_>> for domain::HoldSwapped {
    fn from(stored: HoldSwapped<'_>) -> Self {
        let HoldSwapped { hold_id, unit, lots, returned, taken } = stored;
        Self {
            hold_id: hold_id.into_owned(),
            unit,
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
    unit: UnitId,
    points: Points,
    lots: Parts<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grace_until: Option<Timestamp>,
    /// `asked` or `deadline`.
    reason: ReleaseReason,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::HoldReleased> for HoldReleased<'a> {
    fn from(fact: &'a domain::HoldReleased) -> Self {
        let domain::HoldReleased { hold_id, unit, points, lots, grace_until, reason, occurred_at } =
            fact;
        Self {
            hold_id: Cow::Borrowed(hold_id),
            unit: *unit,
            points: *points,
            lots: lots.into(),
            grace_until: *grace_until,
            reason: *reason,
            occurred_at: *occurred_at,
        }
    }
}

impl From<HoldReleased<'_>> for domain::HoldReleased {
    fn from(stored: HoldReleased<'_>) -> Self {
        let HoldReleased { hold_id, unit, points, lots, grace_until, reason, occurred_at } = stored;
        Self {
            hold_id: hold_id.into_owned(),
            unit,
            points,
            lots: lots.into(),
            grace_until,
            reason,
            occurred_at,
        }
    }
}
