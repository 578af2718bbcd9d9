//! Take units out of an offer's stock that nobody has bought, once for each removal.

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::shelves::home_first;
use crate::{Decision, Event, IdHash, Inventory, OfferId, Refusal, RemovalId, StockRemoved, Units};

/// Takes units away from an offer whose stock is counted, and never what is sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveStock {
    /// The offer.
    pub offer_id: OfferId,
    /// The removal's id, made by the caller; the same removal counts once.
    pub removal_id: RemovalId,
    /// How many.
    pub units: Units,
    /// The versions of which the caller read one; without them, any.
    pub read_versions: Option<Box<[u64]>>,
}

impl CommandRules for RemoveStock {
    fn name(&self) -> &'static str {
        "remove-stock"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::stock_removal(&self.offer_id, &self.removal_id))
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let offer = draft.state.numbered_offer(&self.offer_id);
        let (number, offer) = offer.ok_or(Refusal::OfferUnknown)?;
        offer.check_version(self.read_versions.as_deref())?;
        offer.check_not_closed()?;
        offer.check_no_codes()?;
        draft.end_due_reservations(number, offer, self.units, None);
        let stock = draft.stock_of(&self.offer_id, (number, offer));
        if let Inventory::Unlimited { .. } = stock {
            return Err(Refusal::StockUnlimited);
        }
        if let Some(wait) = home_first(draft.state, &self.offer_id) {
            return Ok(wait);
        }
        let sold = stock.sold();
        let left = stock.remove(self.units).ok_or(Refusal::StockSold { sold })?;
        draft.restock(number, left);
        draft.push_outcome(Event::StockRemoved(StockRemoved {
            offer_id: self.offer_id.clone(),
            removal_id: self.removal_id.clone(),
            units: self.units,
        }));
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::StockRemoved(fact) = event else { return OTHER_CALL };
        first_different(&[("units", self.units == fact.units)])
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn stock_is_taken_away_once_for_each_removal() {
        given([opened("mug", 300, Some(10))])
            .when(remove_stock("mug", "d-1", 4, 1))
            .then([stock_removed("mug", "d-1", 4)]);
        given([opened("mug", 300, Some(10)), stock_removed("mug", "d-1", 4)])
            .when(remove_stock("mug", "d-1", 4, 9))
            .then_repeats(3);
        given([opened("mug", 300, Some(10)), stock_removed("mug", "d-1", 4)])
            .when(remove_stock("mug", "d-1", 5, 1))
            .then_differs_from(3, "units");
    }

    #[test]
    fn what_is_sold_is_never_taken_away() {
        given([opened("mug", 1, Some(10)), earned("ann", 500, "B-1")])
            .does(redeem_many("ann", "x-1", "mug", 4))
            .refuses(remove_stock("mug", "d-1", 7, 1), "stock-sold")
            .does(remove_stock("mug", "d-1", 6, 1))
            .refuses(redeem("ann", "x-2", "mug"), "sold-out")
            .refuses(remove_stock("mug", "d-2", 1, 1), "stock-sold")
            .does(cancel("ann", "x-1", "c-1", None))
            .does(remove_stock("mug", "d-2", 4, 1))
            .when(redeem("ann", "x-2", "mug"))
            .then_refused("sold-out");
    }

    /// Each case removes the previous case's refusal.
    #[test]
    fn refusals_come_in_their_order_of_precedence() {
        let remove = || remove_stock("mug", "d-1", 5, 1);
        given([]).refuses(remove(), "offer-unknown");
        given([opened("mug", 300, None), closed("mug")]).refuses(remove(), "offer-changed");
        let remove = || remove_stock("mug", "d-1", 5, 2);
        given([opened("mug", 300, None), closed("mug")]).refuses(remove(), "offer-closed");
        given([opened("mug", 300, None), amended("mug", 400, 2)])
            .refuses(remove(), "stock-unlimited");
        given([opened("mug", 300, Some(4)), amended("mug", 400, 2)])
            .refuses(remove(), "stock-sold");
    }
}
