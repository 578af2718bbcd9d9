//! Replace an offer's terms, as they were read.

use log_record::Position;

use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::shelves::home_first;
use crate::{
    Decision, Event, Inventory, OfferAmended, OfferId, Page, Refusal, State, StockAmended, Subject,
    Terms, Units,
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
    /// The stock from now on; without it, the stock stays. `Some(None)` makes it unlimited, and a
    /// number limits an unlimited stock. A limited stock's number changes by additions and removals
    /// only.
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

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let offer = draft.state.numbered_offer(&self.offer_id);
        let (number, offer) = offer.ok_or(Refusal::OfferUnknown)?;
        let mut present = draft.stock_of(&self.offer_id, (number, offer));
        let stock = self.stock.filter(|stock| *stock != present.stock());
        let is_same = offer.terms == self.terms && offer.page == self.page.hash();
        if is_same && stock.is_none() {
            return Ok(Decision::Unchanged);
        }
        offer.check_version(self.read_versions.as_deref())?;
        offer.check_not_closed()?;
        if offer.terms.codes != self.terms.codes {
            return Err(Refusal::CodesFixed);
        }
        if let Some(stock) = stock {
            offer.check_no_codes()?;
            check_amendable(present, stock)?;
            if let Some(wait) = home_first(draft.state, &self.offer_id) {
                return Ok(wait);
            }
            draft.end_due_reservations(number, offer, Units::MOST, None);
            present = draft.stock_of(&self.offer_id, (number, offer));
        }
        let home = draft.state.offer_home(&self.offer_id);
        if stock.is_some_and(|stock| home.is_some_and(|home| !home.can_have(stock))) {
            return Err(Refusal::StockSold { sold: present.sold() });
        }
        let inventory = stock.map(|stock| limited(present, stock)).transpose()?;
        draft.check_costs(&self.terms, Some(&offer.terms))?;
        let mut version = offer.version;
        if !is_same {
            version += 1;
            draft.push_outcome(Event::OfferAmended(OfferAmended {
                offer_id: self.offer_id.clone(),
                version,
                terms: self.terms.clone(),
                page: self.page.clone(),
            }));
        }
        if let Some(inventory) = inventory {
            draft.limit(number, inventory);
            draft.push_outcome(Event::StockAmended(StockAmended {
                offer_id: self.offer_id.clone(),
                version: version + 1,
                stock: inventory.stock(),
            }));
        }
        Ok(draft.finish())
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Subject::offer(state, &self.offer_id)
    }
}

/// The inventory of an offer whose stock becomes limited, or unlimited.
fn limited(present: Inventory, stock: Option<Units>) -> Result<Inventory, Refusal> {
    present.with_stock(stock).ok_or(Refusal::StockSold { sold: present.sold() })
}

/// A limited stock's number changes by additions and removals only.
fn check_amendable(present: Inventory, stock: Option<Units>) -> Result<(), Refusal> {
    let present = present.stock();
    if present.is_some() && stock.is_some() {
        return Err(Refusal::StockNotAmendable { stock: present });
    }
    Ok(())
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
    fn an_amendment_may_keep_the_price_in_a_closed_unit_and_sets_no_other_in_it() {
        let of = |amount, command| costing(&[("miles", amount)], command);
        given([])
            .does(make_unit("miles"))
            .does(of(5, open("mug", 1, None)))
            .does(close_unit("miles"))
            .refuses(of(6, amend("mug", 1, None, 1)), "unit-closed")
            .does(called("Mug", of(5, amend("mug", 1, None, 1))));
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
    fn a_stock_becomes_unlimited_and_limited_again_with_what_is_sold() {
        given([opened("mug", 1, Some(10)), earned("ann", 500, "B-1")])
            .does(redeem_many("ann", "x-1", "mug", 4))
            .does(limit("mug", 1, None, 1))
            .refuses(limit("mug", 1, Some(3), 2), "stock-sold")
            .does(redeem_many("ann", "x-2", "mug", 20))
            .refuses(limit("mug", 1, Some(23), 2), "stock-sold")
            .does(limit("mug", 1, Some(25), 2))
            .does(redeem("ann", "x-3", "mug"))
            .refuses(redeem("ann", "x-4", "mug"), "sold-out")
            .does(cancel("ann", "x-1", "c-1", None))
            .does(redeem_many("ann", "x-5", "mug", 4))
            .when(redeem("ann", "x-6", "mug"))
            .then_refused("sold-out");
    }

    #[test]
    fn terms_and_stock_are_amended_at_once() {
        given([opened("mug", 300, Some(10))])
            .when(limit("mug", 400, None, 1))
            .then([amended("mug", 400, 2), stock_amended("mug", None, 3)]);
        given([opened("mug", 300, Some(10))])
            .when(limit("mug", 300, None, 1))
            .then([stock_amended("mug", None, 2)]);
        given([opened("mug", 300, Some(10)), stock_amended("mug", None, 2)])
            .refuses(limit("mug", 300, Some(5), 1), "offer-changed")
            .refuses(open("mug", 300, Some(10)), "offer-exists")
            .when(limit("mug", 300, None, 1))
            .then_unchanged();
    }

    #[test]
    fn only_an_open_offer_is_amended() {
        given([]).when(amend("mug", 400, None, 1)).then_refused("offer-unknown");
        given([opened("mug", 300, None), closed("mug")])
            .when(amend("mug", 400, None, 2))
            .then_refused("offer-closed");
    }
}
