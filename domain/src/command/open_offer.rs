//! Begin to offer something.

use log_record::Position;

use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::{Decision, Event, Offer, OfferId, OfferOpened, Refusal, State, Subject, Terms, Units};

/// Opens an offer. Asked for again with the same terms, it stands; with others, it is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenOffer {
    /// The offer's id, made by the caller.
    pub offer_id: OfferId,
    /// Its terms.
    pub terms: Terms,
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
            None => Ok(Decision::of(Event::OfferOpened(OfferOpened {
                offer_id: self.offer_id.clone(),
                terms: self.terms.clone(),
                stock: self.stock,
            }))),
            Some(offer) if self.asks_for(offer) => Ok(Decision::Unchanged),
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
        offer.terms == self.terms && offer.opening_stock == self.stock
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

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
    fn an_offer_with_other_terms_is_not_replaced_unread() {
        given([opened("mug", 300, Some(10))])
            .when(open("mug", 400, Some(10)))
            .then_refused("offer-exists");
        given([opened("mug", 300, None)])
            .when(open("mug", 300, Some(10)))
            .then_refused("offer-exists");
    }
}
