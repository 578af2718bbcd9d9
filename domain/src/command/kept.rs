//! What a hold keeps of an offer, when it is captured or released: all of its price and units.

use super::Order;
use crate::account::OfferNumber;
use crate::draft::Draft;
use crate::{
    AccountId, ExchangeCreated, Hold, HoldId, Offer, Refusal, Reservation, Timestamp, UnitId,
};

/// A reservation with the holds that pay it.
pub(super) struct Kept<'a> {
    number: OfferNumber,
    offer: &'a Offer,
    reservation: Reservation,
    /// One for each unit of the price, in its order; the first says what is reserved.
    pub(super) holds: Vec<(UnitId, Hold)>,
}

/// What a running hold keeps.
pub(super) fn kept_by<'a>(
    draft: &Draft<'a>,
    account: &AccountId,
    id: &HoldId,
) -> Result<Kept<'a>, Refusal> {
    let account = draft.account(account).ok_or(Refusal::AccountUnknown)?;
    let mut holds = account.wallets().filter_map(|(_, wallet)| wallet.hold(id));
    let reservation = holds.find_map(|hold| hold.keeps.reservation()).cloned();
    let reservation = reservation.ok_or(Refusal::HoldEnded)?;
    let holds = reservation.prices.iter().map(|price| {
        let hold = account.wallet(draft.unit_number(price.unit)?).hold(id);
        Ok((price.unit, hold.ok_or(Refusal::HoldEnded)?.clone()))
    });
    let holds = holds.collect::<Result<Vec<_>, Refusal>>()?;
    let offer = draft.state.numbered_offer(&reservation.offer_id);
    let (number, offer) = offer.ok_or(Refusal::OfferUnknown)?;
    Ok(Kept { number, offer, reservation, holds })
}

impl Kept<'_> {
    /// The exchange that takes what was reserved, on the terms then.
    pub(super) fn created(
        &self,
        hold_id: HoldId,
        order: &Order,
        occurred_at: Option<Timestamp>,
    ) -> Result<ExchangeCreated, Refusal> {
        let kept = &self.reservation;
        if (&order.offer_id, order.quantity) != (&kept.offer_id, kept.allocation.quantity()) {
            return Err(Refusal::HoldReservesOffer);
        }
        order.check_cost(&kept.prices)?;
        let ships = kept.warehouse.is_some();
        if ships && order.deliver_to.is_none() {
            return Err(Refusal::DeliverToMissing);
        }
        Ok(ExchangeCreated {
            exchange_id: order.exchange_id.clone(),
            offer_id: kept.offer_id.clone(),
            product_id: kept.product_id.clone(),
            allocation: kept.allocation.clone(),
            prices: kept.prices.clone(),
            tier: kept.tier,
            counted: kept.counted,
            warehouse: kept.warehouse.clone(),
            hold_id: Some(hold_id),
            expected_points: order.expected_points,
            expected_prices: order.expected_prices.clone(),
            occurred_at,
            deliver_to: order.deliver_to.clone().filter(|_| ships),
        })
    }

    /// The holds were captured by the draft's last events: what they kept is sold.
    pub(super) fn sell(&self, draft: &mut Draft<'_>) {
        let back = draft.shelf(self.number, self.offer);
        draft.sell(self.number, back.take(&self.reservation.allocation).unwrap_or(back));
    }

    /// The holds were released by the draft's last events: what they kept is free.
    pub(super) fn restock(&self, draft: &mut Draft<'_>) {
        draft.restock(self.number, draft.shelf(self.number, self.offer));
    }
}
