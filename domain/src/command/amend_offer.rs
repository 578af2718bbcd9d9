//! Replace an offer's terms, as they were read.

use log_record::Position;

use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::{
    Decision, Event, OfferAmended, OfferId, OfferPhase, Page, Refusal, State, Subject, Terms, Units,
};

/// Amends an offer. What was sold stays as it was sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmendOffer {
    /// The offer.
    pub offer_id: OfferId,
    /// The terms from now on, whole.
    pub terms: Terms,
    /// What a page shows of it from now on, whole.
    pub page: Page,
    /// The stock as the caller knows it, if said (none is no end of it); it can't be changed this
    /// way.
    pub stock: Option<Option<Units>>,
    /// The versions of which the caller read one; without them, any.
    pub read_versions: Option<Box<[u64]>>,
}

impl CommandRules for AmendOffer {
    fn name(&self) -> &'static str {
        "amend-offer"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        let state = draft.state;
        let offer = state.offer(&self.offer_id).ok_or(Refusal::OfferUnknown)?;
        let stock = offer.inventory.stock();
        let keeps_stock = self.stock.is_none_or(|said| said == stock);
        let is_same = offer.terms == self.terms && offer.page == self.page.hash();
        if is_same && keeps_stock {
            return Ok(Decision::Unchanged);
        }
        if self.read_versions.as_ref().is_some_and(|read| !read.contains(&offer.version)) {
            return Err(Refusal::OfferChanged { version: offer.version });
        }
        if let OfferPhase::Closed { at } = offer.phase {
            return Err(Refusal::OfferClosed { at });
        }
        if !keeps_stock {
            return Err(Refusal::StockNotAmendable { stock });
        }
        Ok(Decision::of(Event::OfferAmended(OfferAmended {
            offer_id: self.offer_id.clone(),
            version: offer.version + 1,
            terms: self.terms.clone(),
            page: self.page.clone(),
        })))
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Subject::offer(state, &self.offer_id)
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn an_offer_is_amended_as_it_was_read() {
        given([opened("mug", 300, None)])
            .when(amend("mug", 400, None, 1))
            .then([amended("mug", 400, 2)]);
    }

    #[test]
    fn an_amendment_sent_again_stands() {
        given([opened("mug", 300, None), amended("mug", 400, 2)])
            .when(amend("mug", 400, None, 1))
            .then_unchanged();
    }

    #[test]
    fn an_amendment_of_what_has_changed_since_is_refused() {
        given([opened("mug", 300, None), amended("mug", 400, 2)])
            .when(amend("mug", 500, None, 1))
            .then_refused("offer-changed");
    }

    #[test]
    fn another_page_is_an_amendment() {
        given([opened("mug", 300, None)])
            .does(called("Mug", amend("mug", 300, None, 1)))
            .refuses(called("Cup", amend("mug", 300, None, 1)), "offer-changed")
            .when(called("Mug", amend("mug", 300, None, 1)))
            .then_unchanged();
    }

    #[test]
    fn an_amendment_leaves_the_stock_alone() {
        let offered = || given([opened("mug", 300, Some(10))]);
        offered().when(amend("mug", 400, Some(10), 1)).then([amended("mug", 400, 2)]);
        offered().when(amend("mug", 400, Some(20), 1)).then_refused("stock-not-amendable");
    }

    #[test]
    fn only_an_open_offer_is_amended() {
        given([]).when(amend("mug", 400, None, 1)).then_refused("offer-unknown");
        given([opened("mug", 300, None), closed("mug")])
            .when(amend("mug", 400, None, 2))
            .then_refused("offer-closed");
    }
}
