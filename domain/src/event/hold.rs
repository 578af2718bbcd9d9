//! Facts about credit that is set aside.

use serde::{Deserialize, Serialize};

use super::LotPart;
use crate::amount::optional_sum;
use crate::grace::with_grace;
use crate::{
    Allocation, ExtensionId, Grace, HoldId, LadderTier, LimitDays, OfferId, Points, Price, Prices,
    ProductId, Timestamp, UnitId, WarehouseId,
};

/// What a hold keeps beside its credit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keeps {
    /// Nothing.
    #[default]
    Nothing,
    /// Units of an offer, which the credit pays. Of a price of several units, this is the first.
    Offer(Box<Reservation>),
    /// It pays a further unit of the price, and the hold of the first unit, which stands right
    /// before it and has the same id, says of what.
    Further,
}

/// Units of an offer that a shopper can have until the hold's deadline, at a price that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The offer.
    pub offer_id: OfferId,
    /// What is handed out, as the offer said then.
    pub product_id: ProductId,
    /// What was taken of the offer's stock: units, for codes can't be reserved.
    #[serde(with = "units_alone")]
    pub allocation: Allocation,
    /// What it costs in all; for each of them stands a hold, in this order.
    pub prices: Prices,
    /// The tier that counted, where one did.
    pub tier: Option<LadderTier>,
    /// In which periods it counts towards the offer's limits, beside that for ever.
    pub counted: LimitDays,
    /// Who ships, as the offer said then; without it, nothing is shipped.
    pub warehouse: Option<WarehouseId>,
    /// The cost that the caller insisted on, of an offer that costs one unit.
    #[serde(with = "optional_sum")]
    pub expected_points: Option<Points>,
    /// Likewise, of all units, in the caller's order.
    pub expected_prices: Option<Box<[Price]>>,
}

impl Keeps {
    /// The units of an offer, where this hold says which.
    #[must_use]
    pub fn reservation(&self) -> Option<&Reservation> {
        match self {
            Self::Offer(reservation) => Some(reservation),
            Self::Nothing | Self::Further => None,
        }
    }
}

/// Credit was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditHeld {
    /// The client's id for it.
    pub hold_id: HoldId,
    /// Of which unit.
    pub unit: UnitId,
    /// How much in all.
    pub points: Points,
    /// Of which lots, in the order in which they were drawn; they sum to `points`.
    pub lots: Vec<LotPart>,
    /// It ends by itself then.
    pub deadline: Timestamp,
    /// The grace of what comes back of it.
    pub grace: Grace,
    /// What it keeps beside the credit.
    pub keeps: Keeps,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

impl CreditHeld {
    /// How much was set aside, of which unit.
    pub(crate) const fn price(&self) -> Price {
        Price { unit: self.unit, points: self.points }
    }
}

/// Credit that was set aside was spent; what is left of it came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldCaptured {
    /// The hold, which ended.
    pub hold_id: HoldId,
    /// Of which unit.
    pub unit: UnitId,
    /// How much was spent.
    pub points: Points,
    /// Of which lots; they sum to `points`.
    pub lots: Vec<LotPart>,
    /// What came back: the parts as they were held.
    pub released: Vec<LotPart>,
    /// Released parts that would expire before this time, and have had no grace yet, expire at this
    /// time instead.
    pub grace_until: Option<Timestamp>,
    /// The grace of what comes back of what was spent: the hold's.
    pub grace: Grace,
    /// Whether it paid an exchange, created by the next event, which then bears every field of the
    /// request.
    pub pays_exchange: bool,
    /// The points that the caller named; without them, all that were held.
    pub asked_points: Option<Points>,
    /// What it kept beside the credit, which the exchange takes.
    pub keeps: Keeps,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

impl HoldCaptured {
    /// What came back, as it is from now on.
    #[must_use]
    pub fn came_back(&self) -> Vec<LotPart> {
        with_grace(&self.released, self.grace_until)
    }
}

/// A hold's deadline was moved on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldExtended {
    /// The hold, which goes on.
    pub hold_id: HoldId,
    /// The caller's id for this extension, unique within the hold.
    pub extension_id: ExtensionId,
    /// It ends by itself then.
    pub deadline: Timestamp,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

/// A hold gave parts of a lot back that are to be taken away, and keeps others instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldSwapped {
    /// The hold, which goes on.
    pub hold_id: HoldId,
    /// Of which unit.
    pub unit: UnitId,
    /// What it keeps from now on, in spending order.
    pub lots: Vec<LotPart>,
    /// What it gave back.
    pub returned: Vec<LotPart>,
    /// What it took in its place; as many points.
    pub taken: Vec<LotPart>,
    /// Whether it pays a further unit of what is reserved.
    pub further: bool,
}

/// Why a hold was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseReason {
    /// Somebody asked for it.
    Asked,
    /// Its deadline passed.
    Deadline,
}

/// Credit that was set aside came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldReleased {
    /// The hold, which ended.
    pub hold_id: HoldId,
    /// Of which unit.
    pub unit: UnitId,
    /// How much in all.
    pub points: Points,
    /// Of which lots, as they were held; they sum to `points`.
    pub lots: Vec<LotPart>,
    /// Parts that would expire before this time, and have had no grace yet, expire at this time
    /// instead.
    pub grace_until: Option<Timestamp>,
    /// Who ended it: somebody, or the deadline.
    pub reason: ReleaseReason,
    /// What it kept beside the credit, which is free again.
    pub keeps: Keeps,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

impl HoldReleased {
    /// What came back, as it is from now on.
    #[must_use]
    pub fn came_back(&self) -> Vec<LotPart> {
        with_grace(&self.lots, self.grace_until)
    }
}

/// An allocation of units as their number.
mod units_alone {
    use serde::{Deserializer, Serializer};

    use crate::Allocation;
    use crate::amount::sum;

    pub(super) fn serialize<S: Serializer>(units: &Allocation, to: S) -> Result<S::Ok, S::Error> {
        sum::serialize(&units.quantity(), to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Allocation, D::Error> {
        sum::deserialize(from).map(Allocation::Units)
    }
}
