//! What falls due for those who wait, and what the sweep records of it: who waits longest is
//! served, units that were kept long enough fall back, and nobody waits for an offer that is over.

use super::State;
use super::waiting::ONE;
use crate::account::OfferNumber;
use crate::schedule::Due;
use crate::sharing::tell_homes;
use crate::{Event, Inventory, Offer, OfferId, OfferPhase, Timestamp, WaitEnd, WaitServed};

/// For how long a unit is kept for who waited, in days of 24 hours.
const KEPT_DAYS: u32 = 1;

/// While nobody can redeem, no unit is kept for less than this from now on.
const KEPT_LEAST_MICROS: i64 = 60 * 60 * 1_000_000;

/// How many are served, and how many waits end, by one step of the sweep.
const STEP_MAX: usize = 64;

impl State {
    /// The ends of all other waits for an offer that is over.
    fn closed(&self, number: OfferNumber, now: Timestamp) -> impl Iterator<Item = Event> {
        let offer = self.programme.offers.get_index(number.0 as usize).map(|(_, offer)| offer);
        let offer = offer.filter(|offer| is_over(offer, now));
        let list = self.waiting.get(number).filter(|_| offer.is_some());
        let waiters = list.into_iter().flat_map(|list| list.waiters.values());
        let others = waiters.filter(move |waiter| !waiter.is_over(now));
        others.filter_map(move |waiter| self.end_of_wait(number, waiter, WaitEnd::Closed))
    }

    /// Plans when who waits is looked at, after an event that may serve somebody.
    pub(super) fn plan_waiting(&mut self, event: &Event, now: Timestamp) {
        if self.waiting.is_empty() {
            return;
        }
        let offer = match event {
            Event::MessageSent(fact) => fact.message.offer_id(),
            Event::MessageReceived(fact) => fact.message.offer_id(),
            Event::WaitBegun(_, fact) => Some(&fact.offer_id),
            Event::WaitServed(_, fact) => Some(&fact.offer_id),
            Event::WaitEnded(_, fact) => Some(&fact.offer_id),
            _ => {
                let ended = event.ends_reservation().map(|kept| &kept.offer_id);
                ended.or_else(|| event.offer_id())
            }
        };
        if let Some((number, _)) = offer.and_then(|offer| self.numbered_offer(offer)) {
            self.plan_offer(number, now);
        }
    }

    /// Plans it for all offers, after the state was read from a snapshot.
    pub(super) fn with_waiting(mut self) -> Self {
        self.waiting.index();
        let offers: Vec<OfferNumber> = self.waiting.offers().collect();
        let now = self.recorded_at;
        offers.into_iter().for_each(|offer| self.plan_offer(offer, now));
        self
    }

    fn plan_offer(&mut self, number: OfferNumber, now: Timestamp) {
        let list = self.waiting.get(number);
        let offer = self.programme.offers.get_index(number.0 as usize).map(|(_, offer)| offer);
        let closes = offer.filter(|_| list.is_some()).and_then(|offer| over_from(offer, now));
        let lapses = list.and_then(|list| list.served.first()).map(|(deadline, _)| *deadline);
        let serves = if self.is_shared() {
            self.home_serves_from(number, now)
        } else {
            let is_waited_for = list.is_some_and(|list| !list.unserved.is_empty());
            offer.filter(|_| is_waited_for).and_then(|it| serves_from(it, now))
        };
        if let Some(time) = [lapses, serves, closes].into_iter().flatten().min() {
            self.schedule.plan(Due::Offer(number), time);
        }
    }

    /// The units that are kept for another day, where they would lapse while their shoppers can't
    /// take them: an operator has paused all redemptions, or the offer. It is asked before what is
    /// due is recorded.
    #[must_use]
    pub fn keeps_longer(&self, now: Timestamp, are_redemptions_paused: bool) -> Vec<Event> {
        if self.waiting.lists.is_empty() {
            return vec![];
        }
        let soon = Timestamp::from_micros(now.micros() + KEPT_LEAST_MICROS).unwrap_or(now);
        let mut events = vec![];
        for (number, list) in &self.waiting.lists {
            let is_due = list.served.first().is_some_and(|(deadline, _)| *deadline < soon);
            let offer = self.programme.offers.get_index(number.0 as usize).filter(|_| is_due);
            let Some((offer_id, offer)) = offer else { continue };
            if !(are_redemptions_paused || matches!(offer.phase, OfferPhase::Paused { .. })) {
                continue;
            }
            let deadline = offer.kept_until(now);
            let due = list.served.range(..(soon.min(deadline), 0));
            let due = due.filter_map(|(_, number)| list.waiters.get(number));
            let due = due.filter_map(|waiter| Some((waiter, self.account_id(waiter.account)?)));
            for (waiter, account) in due.take(STEP_MAX - events.len()) {
                let (wait_id, offer_id) = (waiter.id.clone(), offer_id.clone());
                let served = WaitServed { wait_id, offer_id, deadline, again: true };
                events.push(Event::WaitServed(account.clone(), served));
            }
        }
        events
    }

    /// What is due in an offer: units that were kept long enough fall back, and who waits longest
    /// is served, or waits no more where the offer is over. Where nothing is due yet, it is planned
    /// anew.
    pub(super) fn due_in_offer(
        &mut self,
        number: OfferNumber,
        now: Timestamp,
    ) -> Option<Vec<Event>> {
        let events = self.due_of_waits(number, now)?;
        if events.is_empty() {
            self.plan_offer(number, now);
            return None;
        }
        Some(events)
    }

    fn due_of_waits(&self, number: OfferNumber, now: Timestamp) -> Option<Vec<Event>> {
        let ended = self.lapsed(number, now).chain(self.closed(number, now));
        let mut events: Vec<Event> = ended.take(STEP_MAX).collect();
        if self.is_shared() {
            tell_homes(self, &mut events);
            let served = self.serve_queue(number, now, &events);
            events.extend(served);
            return Some(events);
        }
        let (offer_id, offer) = self.programme.offers.get_index(number.0 as usize)?;
        let mut left = offer.inventory;
        for allocation in events.iter().filter_map(|event| event.frees(offer_id)) {
            left = left.give_back(&allocation).unwrap_or(left);
        }
        if serves_from(offer, now).is_some_and(|from| from <= now) || !events.is_empty() {
            events.extend(self.served(number, (offer_id, offer), left, now));
        }
        Some(events)
    }

    /// Who waits longest is served while there are units.
    fn served(
        &self,
        number: OfferNumber,
        (offer_id, offer): (&OfferId, &Offer),
        mut left: Inventory,
        now: Timestamp,
    ) -> Vec<Event> {
        let Some(list) = self.waiting.get(number) else { return vec![] };
        if offer.check_open(now).is_err() {
            return vec![];
        }
        let deadline = offer.kept_until(now);
        let mut events = vec![];
        for waiter in list.unserved.iter().take(STEP_MAX).filter_map(|it| list.waiters.get(it)) {
            let account = self.account_id(waiter.account);
            let (Some(next), Some(account)) = (left.take(&ONE), account) else { break };
            left = next;
            let (wait_id, offer_id) = (waiter.id.clone(), offer_id.clone());
            let served = WaitServed { wait_id, offer_id, deadline, again: false };
            events.push(Event::WaitServed(account.clone(), served));
        }
        events
    }
}

/// From when on somebody who waits for the offer can be served; nothing while that waits for
/// another event.
fn serves_from(offer: &Offer, now: Timestamp) -> Option<Timestamp> {
    offer.inventory.take(&ONE)?;
    is_open_from(offer, now)
}

/// From when on the offer takes redemptions; nothing while that waits for another event.
pub(super) fn is_open_from(offer: &Offer, now: Timestamp) -> Option<Timestamp> {
    let has_ended = offer.terms.closes_at.is_some_and(|closes_at| closes_at <= now);
    if offer.phase != OfferPhase::Open || has_ended {
        return None;
    }
    Some(offer.terms.opens_at.unwrap_or(now).max(now))
}

/// From when on the offer takes no redemptions any more, whatever opens or resumes; nothing where
/// that isn't known.
fn over_from(offer: &Offer, now: Timestamp) -> Option<Timestamp> {
    if offer.phase.is_closed() { Some(now) } else { offer.terms.closes_at }
}

/// Whether the offer takes no redemptions any more.
pub(super) fn is_over(offer: &Offer, now: Timestamp) -> bool {
    over_from(offer, now).is_some_and(|from| from <= now)
}

impl Offer {
    /// Until when a unit is kept that goes now to who waits.
    pub(super) fn kept_until(&self, now: Timestamp) -> Timestamp {
        let latest = now.plus_days(KEPT_DAYS);
        self.terms.closes_at.map_or(latest, |closes_at| closes_at.min(latest))
    }
}
