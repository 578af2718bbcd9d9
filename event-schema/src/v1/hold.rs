//! Credit that is set aside.

use std::borrow::Cow;

use domain::{
    Allocation, ExtensionId, Grace, HoldId, Keeps, LadderTier, OfferId, Points, Price, Prices,
    ProductId, ReleaseReason, Timestamp, UnitId, Units, WarehouseId,
};
use serde::{Deserialize, Serialize};

use super::limit::LimitDays;
use super::part::{Parts, is_false};

/// Units of an offer.
#[derive(Serialize, Deserialize)]
struct Reservation<'a> {
    offer_id: Cow<'a, OfferId>,
    product_id: Cow<'a, ProductId>,
    quantity: Units,
    /// 0 points where it is free.
    prices: Cow<'a, Prices>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier: Option<LadderTier>,
    #[serde(default, skip_serializing_if = "LimitDays::is_empty")]
    counted: LimitDays,
    /// Missing where nothing is shipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    warehouse: Option<Cow<'a, WarehouseId>>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "domain::optional_sum")]
    expected_points: Option<Points>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected_prices: Option<Cow<'a, [Price]>>,
}

/// What is reserved, and whether a hold pays a further unit of it.
fn kept(keeps: &Keeps) -> (Option<Reservation<'_>>, bool) {
    let kept = match keeps {
        Keeps::Nothing => return (None, false),
        Keeps::Further => return (None, true),
        Keeps::Offer(kept) => &**kept,
    };
    let domain::Reservation {
        offer_id,
        product_id,
        allocation,
        prices,
        tier,
        counted,
        warehouse,
        expected_points,
        expected_prices,
    } = kept;
    let reserves = Reservation {
        offer_id: Cow::Borrowed(offer_id),
        product_id: Cow::Borrowed(product_id),
        quantity: allocation.quantity(),
        prices: Cow::Borrowed(prices),
        tier: *tier,
        counted: (*counted).into(),
        warehouse: warehouse.as_ref().map(Cow::Borrowed),
        expected_points: *expected_points,
        expected_prices: expected_prices.as_deref().map(Cow::Borrowed),
    };
    (Some(reserves), false)
}

fn keeps(reserves: Option<Reservation<'_>>, further: bool) -> Keeps {
    let Some(reserves) = reserves else {
        return if further { Keeps::Further } else { Keeps::Nothing };
    };
    let Reservation {
        offer_id,
        product_id,
        quantity,
        prices,
        tier,
        counted,
        warehouse,
        expected_points,
        expected_prices,
    } = reserves;
    Keeps::Offer(Box::new(domain::Reservation {
        offer_id: offer_id.into_owned(),
        product_id: product_id.into_owned(),
        allocation: Allocation::Units(quantity),
        prices: prices.into_owned(),
        tier,
        counted: counted.into(),
        warehouse: warehouse.map(Cow::into_owned),
        expected_points,
        expected_prices: expected_prices.map(|prices| prices.into_owned().into()),
    }))
}

/// `credit-held`.
#[derive(Serialize, Deserialize)]
pub(crate) struct CreditHeld<'a> {
    hold_id: Cow<'a, HoldId>,
    unit: UnitId,
    /// 0 where it keeps what is free.
    #[serde(with = "domain::sum")]
    points: Points,
    lots: Parts<'a>,
    deadline: Timestamp,
    grace_days: u16,
    #[serde(default, skip_serializing_if = "is_false")]
    grace_on_own_request: bool,
    /// Missing where it keeps credit alone, or the hold of another unit says what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reserves: Option<Reservation<'a>>,
    /// Whether it pays a further unit of what the hold before it reserves.
    #[serde(default, skip_serializing_if = "is_false")]
    further: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::CreditHeld> for CreditHeld<'a> {
    fn from(fact: &'a domain::CreditHeld) -> Self {
        let domain::CreditHeld {
            hold_id,
            unit,
            points,
            lots,
            deadline,
            grace: Grace { days, on_own_request },
            keeps,
            occurred_at,
        } = fact;
        let (reserves, further) = kept(keeps);
        Self {
            hold_id: Cow::Borrowed(hold_id),
            unit: *unit,
            points: *points,
            lots: lots.into(),
            deadline: *deadline,
            grace_days: *days,
            grace_on_own_request: *on_own_request,
            reserves,
            further,
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
            reserves,
            further,
            occurred_at,
        } = stored;
        Self {
            hold_id: hold_id.into_owned(),
            unit,
            points,
            lots: lots.into(),
            deadline,
            grace: Grace { days, on_own_request },
            keeps: keeps(reserves, further),
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
    /// Missing where it keeps credit alone, or the hold of another unit says what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reserves: Option<Reservation<'a>>,
    /// Whether it pays a further unit of what the hold before it reserves.
    #[serde(default, skip_serializing_if = "is_false")]
    further: bool,
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
            keeps,
            occurred_at,
        } = fact;
        let (reserves, further) = kept(keeps);
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
            reserves,
            further,
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
            reserves,
            further,
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
            keeps: keeps(reserves, further),
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
    /// Whether it pays a further unit of what is reserved.
    #[serde(default, skip_serializing_if = "is_false")]
    further: bool,
}

impl<'a> From<&'a domain::HoldSwapped> for HoldSwapped<'a> {
    fn from(fact: &'a domain::HoldSwapped) -> Self {
        let domain::HoldSwapped { hold_id, unit, lots, returned, taken, further } = fact;
        Self {
            hold_id: Cow::Borrowed(hold_id),
            unit: *unit,
            lots: lots.into(),
            returned: returned.into(),
            taken: taken.into(),
            further: *further,
        }
    }
}

impl From<HoldSwapped<'_>> for domain::HoldSwapped {
    fn from(stored: HoldSwapped<'_>) -> Self {
        let HoldSwapped { hold_id, unit, lots, returned, taken, further } = stored;
        Self {
            hold_id: hold_id.into_owned(),
            unit,
            lots: lots.into(),
            returned: returned.into(),
            taken: taken.into(),
            further,
        }
    }
}

/// `hold-released`.
#[derive(Serialize, Deserialize)]
pub(crate) struct HoldReleased<'a> {
    hold_id: Cow<'a, HoldId>,
    unit: UnitId,
    /// 0 where it kept what is free.
    #[serde(with = "domain::sum")]
    points: Points,
    lots: Parts<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grace_until: Option<Timestamp>,
    /// `asked` or `deadline`.
    reason: ReleaseReason,
    /// Missing where it keeps credit alone, or the hold of another unit says what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reserves: Option<Reservation<'a>>,
    /// Whether it pays a further unit of what the hold before it reserves.
    #[serde(default, skip_serializing_if = "is_false")]
    further: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::HoldReleased> for HoldReleased<'a> {
    fn from(fact: &'a domain::HoldReleased) -> Self {
        let domain::HoldReleased {
            hold_id,
            unit,
            points,
            lots,
            grace_until,
            reason,
            keeps,
            occurred_at,
        } = fact;
        let (reserves, further) = kept(keeps);
        Self {
            hold_id: Cow::Borrowed(hold_id),
            unit: *unit,
            points: *points,
            lots: lots.into(),
            grace_until: *grace_until,
            reason: *reason,
            reserves,
            further,
            occurred_at: *occurred_at,
        }
    }
}

impl From<HoldReleased<'_>> for domain::HoldReleased {
    fn from(stored: HoldReleased<'_>) -> Self {
        let HoldReleased {
            hold_id,
            unit,
            points,
            lots,
            grace_until,
            reason,
            reserves,
            further,
            occurred_at,
        } = stored;
        Self {
            hold_id: hold_id.into_owned(),
            unit,
            points,
            lots: lots.into(),
            grace_until,
            reason,
            keeps: keeps(reserves, further),
            occurred_at,
        }
    }
}
