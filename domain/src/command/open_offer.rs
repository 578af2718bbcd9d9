//! Begin to offer something.

use log_record::Position;

use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::{
    Decision, Event, Offer, OfferId, OfferOpened, OfferPhase, Page, Refusal, State, Subject, Terms,
    Units,
};

/// Opens an offer. Asked for again as it was opened, it stands while it still has these terms;
/// anything else is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenOffer {
    /// The offer's id, made by the caller.
    pub offer_id: OfferId,
    /// Its terms.
    pub terms: Terms,
    /// What a page shows of it.
    pub page: Page,
    /// How many there are to begin with; without it there is no end of them.
    pub stock: Option<Units>,
}

impl CommandRules for OpenOffer {
    fn name(&self) -> &'static str {
        "open-offer"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        let state = draft.state;
        match state.offer(&self.offer_id) {
            None => {
                if self.terms.codes && self.stock.is_some() {
                    return Err(Refusal::StockOfCodes);
                }
                draft.check_costs(&self.terms, None)?;
                Ok(Decision::of(Event::OfferOpened(OfferOpened {
                    offer_id: self.offer_id.clone(),
                    terms: self.terms.clone(),
                    page: self.page.clone(),
                    stock: self.stock,
                })))
            }
            Some(offer) if self.asks_for(offer) => match offer.phase {
                OfferPhase::Open | OfferPhase::Paused { .. } => Ok(Decision::Unchanged),
                OfferPhase::Closed { at } => Err(Refusal::OfferClosed { at }),
            },
            Some(offer) => Err(Refusal::OfferExists { version: offer.version }),
        }
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Subject::offer(state, &self.offer_id)
    }
}

impl OpenOffer {
    /// Whether the offer is as this command wants it. Units that were added later don't matter:
    /// whoever opened it can't have known of them.
    fn asks_for(&self, offer: &Offer) -> bool {
        offer.terms == self.terms
            && offer.page == self.page.hash()
            && offer.opening_stock == Some(self.stock)
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn an_offer_costs_units_that_there_are_and_that_can_be_spent() {
        let of = |unit: &str| costing(&[("points", 100), (unit, 5)], open("mug", 1, None));
        given([])
            .refuses(of("miles"), "unit-unknown")
            .does(make_unit("miles"))
            .does(set_unit("status", unspendable(), crate::command::ExpectedVersion::Absent))
            .refuses(of("status"), "unit-not-spendable")
            .does(of("miles"))
            .does(close_unit("miles"))
            .refuses(costing(&[("miles", 5)], open("cup", 1, None)), "unit-closed")
            .when(of("miles"))
            .then_unchanged();
    }

    #[test]
    fn an_offer_opens() {
        given([]).when(open("mug", 300, Some(10))).then([opened("mug", 300, Some(10))]);
    }

    #[test]
    fn an_offer_that_is_as_asked_for_stands() {
        given([opened("mug", 300, Some(10))]).when(open("mug", 300, Some(10))).then_unchanged();
        given([opened("mug", 300, Some(10)), stock_added("mug", "s-1", 5)])
            .when(open("mug", 300, Some(10)))
            .then_unchanged();
    }

    #[test]
    fn an_offer_that_was_opened_with_another_stock_is_not_the_same() {
        for stock in [Some(9), Some(11), Some(15), None] {
            given([opened("mug", 300, Some(10)), stock_added("mug", "s-1", 5)])
                .when(open("mug", 300, stock))
                .then_refused("offer-exists");
        }
    }

    #[test]
    fn a_closed_offer_is_not_opened_again_by_the_body_of_its_opening() {
        given([opened("mug", 300, Some(10)), closed("mug")])
            .refuses(open("mug", 300, Some(10)), "offer-closed")
            .refuses(open("mug", 400, Some(10)), "offer-exists");
    }

    #[test]
    fn an_offer_with_another_page_is_not_the_same() {
        given([])
            .does(called("Mug", open("mug", 300, None)))
            .refuses(open("mug", 300, None), "offer-exists")
            .refuses(called("Cup", open("mug", 300, None)), "offer-exists")
            .when(called("Mug", open("mug", 300, None)))
            .then_unchanged();
    }

    #[test]
    fn an_offer_with_other_terms_is_not_replaced_unread() {
        given([opened("mug", 300, Some(10))])
            .when(open("mug", 400, Some(10)))
            .then_refused("offer-exists");
        given([opened("mug", 300, None)])
            .when(open("mug", 300, Some(10)))
            .then_refused("offer-exists");
    }
}
