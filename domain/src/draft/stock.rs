//! What a decision takes of offers' stock, and gives back.

use log_record::Place;

use super::Draft;
use crate::account::OfferNumber;
use crate::{
    AccountId, Allocation, Event, Inventory, Offer, OfferHome, OfferId, Reservation, StockChange,
    Units, WaitEnd, Waiter,
};

/// Units of an offer that came for an exchange.
pub(crate) struct Granted {
    pub(crate) offer: OfferNumber,
    pub(crate) units: Units,
    /// Where the event stands that has the code, where it is one.
    pub(crate) code: Option<Place>,
}

impl Granted {
    fn allocation(&self) -> Allocation {
        self.code.map_or(Allocation::Units(self.units), Allocation::Code)
    }
}

impl Draft<'_> {
    /// A draft of the receipt of units for one exchange, which may be decided with them.
    pub(crate) fn with_grant(mut self, receipt: Event, granted: Granted) -> Self {
        self.push(receipt);
        self.granted = Some(granted);
        self
    }

    /// Chooses units of an offer, and gives what is left of the shelf without them.
    pub(crate) fn allocate(
        &self,
        number: OfferNumber,
        offer: &Offer,
        quantity: Units,
        account: Option<&AccountId>,
    ) -> Option<(Allocation, Inventory)> {
        match &self.granted {
            Some(granted) => (granted.offer == number && granted.units == quantity)
                .then(|| (granted.allocation(), offer.inventory)),
            None if offer.terms.codes => {
                // Whoever asks for several of them is refused later, unless fewer are left.
                let (_, left) = offer.inventory.allocate(quantity)?;
                let pool = self.state.code_pool(self.state.offer_id(number)?)?;
                Some((Allocation::Code(self.state.place_at(pool.next_code()?)), left))
            }
            None => {
                let (allocation, left) = self.shelf(number, offer).allocate(quantity)?;
                let before = self.waiting_before(number, account);
                let is_enough = left.remaining().is_none_or(|left| left >= before);
                let is_own = quantity == Units::ONE && self.has_turn(number);
                (is_enough || is_own).then_some((allocation, left))
            }
        }
    }

    /// How many units of an offer are left for an account, where they can be counted. Those who
    /// wait come first.
    pub(crate) fn left_for(
        &self,
        number: OfferNumber,
        offer: &Offer,
        account: &AccountId,
    ) -> Option<Units> {
        let before = self.waiting_before(number, Some(account));
        let left = self.shelf(number, offer).remaining()?;
        let own = if self.has_turn(number) { Units::ONE } else { Units::ZERO };
        Some(left.minus(before).unwrap_or_default().max(own))
    }

    /// Whether a unit was kept for the account, which goes before all who wait.
    fn has_turn(&self, number: OfferNumber) -> bool {
        let Some(id) = self.state.offer_id(number) else { return false };
        self.events.iter().any(|event| is_turn_taken(event, id))
    }

    /// How many units go to others than an account first; an operator comes before all.
    fn waiting_before(&self, number: OfferNumber, account: Option<&AccountId>) -> Units {
        let before = account.map(|account| self.state.waiting_before(number, account));
        before.and_then(Units::sum_of).unwrap_or_default()
    }

    /// The unit that is kept for an account that waited goes back, for the account to take it.
    /// Where units came for the exchange, it takes those.
    pub(crate) fn take_turn(&mut self, number: OfferNumber, account: &AccountId) {
        if self.granted.is_some() {
            return;
        }
        let now = self.now;
        let ends = |waiter: &Waiter| waiter.deadline.is_some_and(|it| it > now);
        self.end_wait(number, account, ends, WaitEnd::Taken);
    }

    /// The unit that was kept for an account that waited goes back, for its deadline has passed.
    pub(crate) fn end_lapsed(&mut self, number: OfferNumber, account: &AccountId) {
        let now = self.now;
        self.end_wait(number, account, |waiter| waiter.is_over(now), WaitEnd::Lapsed);
    }

    /// An account that waits gets what it waits for without having been served.
    pub(crate) fn wait_no_more(&mut self, number: OfferNumber, account: &AccountId) {
        self.end_wait(number, account, |waiter| waiter.deadline.is_none(), WaitEnd::Taken);
    }

    fn end_wait(
        &mut self,
        number: OfferNumber,
        account: &AccountId,
        ends: impl FnOnce(&Waiter) -> bool,
        reason: WaitEnd,
    ) {
        let state = self.state;
        let waiter = state.waiter(number, account).filter(|waiter| ends(waiter));
        if let Some(ended) = waiter.and_then(|it| state.end_of_wait(number, it, reason)) {
            self.push(ended);
        }
    }

    /// What is left of an offer after the events so far. What comes back to a shelf that was called
    /// back goes home, but for what is taken at once.
    pub(crate) fn shelf(&self, number: OfferNumber, offer: &Offer) -> Inventory {
        let mut shelf = offer.inventory;
        let Some(id) = self.state.offer_id(number) else { return shelf };
        if self.events.is_empty() {
            return shelf;
        }
        let is_drained = self.state.is_drained(id);
        let stays = |event: &&Event| !is_drained || is_turn_taken(event, id);
        for allocation in self.events.iter().filter(stays).filter_map(|event| event.frees(id)) {
            // What can't be applied is refused by the state, which names the invariant.
            shelf = shelf.give_back(&allocation).unwrap_or(shelf);
        }
        shelf
    }

    /// Ends reservations of an offer that are due, in the order of their deadlines, and then what
    /// was kept for who waited and is due, until so many units are there for an account or an
    /// operator: from its deadline on a unit is free, whatever was recorded. Where many partitions
    /// sell the offer, each of them records what is due there by itself.
    pub(crate) fn end_due_reservations(
        &mut self,
        number: OfferNumber,
        offer: &Offer,
        quantity: Units,
        account: Option<&AccountId>,
    ) {
        if self.state.is_shared() {
            return;
        }
        let (state, now) = (self.state, self.now);
        for due in state.due_reservations(number, now) {
            if self.allocate(number, offer, quantity, account).is_some() {
                return;
            }
            self.apply_due(due);
        }
        for ended in state.lapsed(number, now) {
            if self.allocate(number, offer, quantity, account).is_some() {
                return;
            }
            self.push(ended);
        }
    }

    /// An offer's whole stock: where many partitions sell it, as its home knows it.
    pub(crate) fn stock_of(
        &self,
        id: &OfferId,
        (number, offer): (OfferNumber, &Offer),
    ) -> Inventory {
        let home = self.state.offer_home(id);
        home.map_or_else(|| self.shelf(number, offer), OfferHome::inventory)
    }

    /// Takes off the shopper's count what a reservation kept.
    pub(super) fn uncount(&mut self, id: &AccountId, kept: &Reservation) {
        let Some((offer, _)) = self.state.numbered_offer(&kept.offer_id) else { return };
        let (units, account) = (kept.allocation.quantity(), self.changed_account(id));
        // What can't be applied is refused by the state, which names the invariant.
        let _ = account.count_back(offer, units, kept.counted);
    }

    /// Units of an offer are taken, which leaves `left`.
    pub(crate) fn sell(&mut self, offer: OfferNumber, left: Inventory) {
        self.change_stock(offer, left, true);
    }

    /// Units of an offer come back, are added or removed, which gives `left`.
    pub(crate) fn restock(&mut self, offer: OfferNumber, left: Inventory) {
        self.change_stock(offer, left, false);
    }

    fn change_stock(&mut self, offer: OfferNumber, left: Inventory, is_sale: bool) {
        if left.remaining().is_some() {
            let (remaining, is_reserved) = (left.remaining(), false);
            self.stock = Some(StockChange { offer, remaining, is_reserved, is_sale });
        }
    }

    /// An offer's stock becomes limited or unlimited, which gives `left`.
    pub(crate) const fn limit(&mut self, offer: OfferNumber, left: Inventory) {
        let (remaining, is_reserved) = (left.remaining(), false);
        self.stock = Some(StockChange { offer, remaining, is_reserved, is_sale: false });
    }

    /// Whether units of an offer are reserved after the events.
    pub(super) fn is_reserved(&self, number: OfferNumber) -> bool {
        let Some(id) = self.state.offer_id(number) else { return false };
        let mut begun = self.events.iter().filter_map(|event| match event {
            Event::CreditHeld(_, fact) => fact.keeps.reservation(),
            _ => None,
        });
        if begun.any(|kept| kept.offer_id == *id) {
            return true;
        }
        let ended = self.events.iter().filter_map(|event| event.frees(id));
        let ended = ended.map(|allocation| allocation.quantity());
        let reserved = self.state.offer(id).map(|offer| offer.reserved).unwrap_or_default();
        ended.fold(reserved, |left, units| left.minus(units).unwrap_or_default()) > Units::ZERO
    }
}

/// Whether an event gives a unit back that was kept for its shopper, who takes it.
fn is_turn_taken(event: &Event, offer: &OfferId) -> bool {
    matches!(event, Event::WaitEnded(_, fact)
        if fact.served && fact.reason == WaitEnd::Taken && fact.offer_id == *offer)
}
