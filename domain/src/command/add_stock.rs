//! Add to an offer's stock, once for each addition.

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AdditionId, Decision, Event, IdHash, Inventory, OfUnit, OfferId, Refusal, StockAdded, Units,
};

/// Adds units to an offer whose stock is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddStock {
    /// The offer.
    pub offer_id: OfferId,
    /// The addition's id, made by the caller; the same addition counts once.
    pub addition_id: AdditionId,
    /// By how many.
    pub units: Units,
}

impl CommandRules for AddStock {
    fn name(&self) -> &'static str {
        "add-stock"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::stock_addition(&self.offer_id, &self.addition_id))
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let offer = draft.state.numbered_offer(&self.offer_id);
        let (number, offer) = offer.ok_or(Refusal::OfferUnknown)?;
        offer.check_not_closed()?;
        offer.check_no_codes()?;
        let stock = draft.stock_of(&self.offer_id, (number, offer));
        if let Inventory::Unlimited { .. } = stock {
            return Err(Refusal::StockUnlimited);
        }
        let too_large = Refusal::AmountTooLarge { what: "the offer's stock", unit: OfUnit(None) };
        let inventory = stock.add(self.units).ok_or(too_large)?;
        draft.restock(number, inventory);
        draft.push_outcome(Event::StockAdded(StockAdded {
            offer_id: self.offer_id.clone(),
            addition_id: self.addition_id.clone(),
            units: self.units,
        }));
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::StockAdded(fact) = event else { return OTHER_CALL };
        first_different(&[("units", self.units == fact.units)])
    }
}

#[cfg(test)]
mod tests {
    use crate::AMOUNT_MAX;
    use crate::scenario::*;

    #[test]
    fn stock_is_added_once_for_each_addition() {
        given([opened("mug", 300, Some(10))])
            .when(add_stock("mug", "s-1", 5))
            .then([stock_added("mug", "s-1", 5)]);
        given([opened("mug", 300, Some(10)), stock_added("mug", "s-1", 5)])
            .when(add_stock("mug", "s-1", 5))
            .then_repeats(3);
    }

    #[test]
    fn other_units_under_the_same_id_are_named() {
        given([opened("mug", 300, Some(10)), stock_added("mug", "s-1", 5)])
            .when(add_stock("mug", "s-1", 6))
            .then_differs_from(3, "units");
    }

    #[test]
    fn stock_is_added_to_what_is_open_and_counted_only() {
        given([]).when(add_stock("mug", "s-1", 5)).then_refused("offer-unknown");
        given([opened("mug", 300, None)])
            .when(add_stock("mug", "s-1", 5))
            .then_refused("stock-unlimited");
        given([opened("mug", 300, Some(10)), closed("mug")])
            .when(add_stock("mug", "s-1", 5))
            .then_refused("offer-closed");
        given([opened("mug", 300, Some(10))])
            .when(add_stock("mug", "s-1", AMOUNT_MAX))
            .then_refused("amount-too-large");
    }
}
