//! Facts about exchanges of points for goods.

use super::Note;
use crate::{
    Allocation, CancellationId, DeliverTo, ExchangeId, HoldId, LadderTier, LimitDays, OfferId,
    Points, Price, Prices, ProductId, Timestamp, Units, WarehouseId,
};

/// Goods were got for points; most are to be shipped. It bears the exchange id and every field of
/// the request, so that a repeat is answered from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeCreated {
    /// The client's id for it.
    pub exchange_id: ExchangeId,
    /// What was redeemed.
    pub offer_id: OfferId,
    /// What is shipped, as the offer said then.
    pub product_id: ProductId,
    /// What was taken of the offer's stock.
    pub allocation: Allocation,
    /// What it cost in all. For each unit stands a deduction before it, in this order, or the
    /// capture of a hold; where it is free, nothing.
    pub prices: Prices,
    /// The tier that counted, where one did: that of the price or, where no price was a tier's,
    /// that which the offer was for.
    pub tier: Option<LadderTier>,
    /// In which periods it counts towards the offer's limits, beside that for ever.
    pub counted: LimitDays,
    /// Who ships, as the offer said then; without it, nothing is shipped.
    pub warehouse: Option<WarehouseId>,
    /// The hold that paid it, where one did.
    pub hold_id: Option<HoldId>,
    /// The cost that the caller insisted on, of an offer that costs one unit.
    pub expected_points: Option<Points>,
    /// Likewise, of all units, in the caller's order.
    pub expected_prices: Option<Box<[Price]>>,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
    /// Where to ship; private, and nothing once it has been erased or where nothing is shipped.
    pub deliver_to: Option<DeliverTo>,
}

/// What an exchange was when it was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// How many units.
    pub quantity: Units,
    /// What they cost in all.
    pub prices: Prices,
    /// In which periods they counted towards the offer's limits.
    pub counted: LimitDays,
}

/// An exchange was cancelled, whole or in part; the events before gave its credit back, one for
/// each unit of which some came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeCancelled {
    /// The exchange.
    pub exchange_id: ExchangeId,
    /// The caller's id for this cancellation, unique within the exchange; `~rejected` where the
    /// warehouse rejected it.
    pub cancellation_id: CancellationId,
    /// The offer that the units go back to.
    pub offer_id: OfferId,
    /// What goes back into the offer's stock: a part of what was taken.
    pub allocation: Allocation,
    /// What was refunded for them, in the order of the prices; units of which nothing comes back
    /// aren't there.
    pub refunded: Box<[Price]>,
    /// What the exchange was when it was created.
    pub of: Ordered,
    /// The quantity that the caller named; without it, all that were left.
    pub asked_quantity: Option<Units>,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
    /// Who, and why; private, and nothing once it has been erased.
    pub note: Note,
}
