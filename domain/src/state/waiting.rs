//! Who waits for units of offers that are sold out, and for whom one is kept.
//!
//! A unit that is left goes to who waits longest before anybody else: that is a step of its own,
//! which the sweep records, and until then nobody else gets the unit.
//!
//! Where there are several partitions, the order is kept by the offer's home (`queue.rs`), and each
//! partition has the waits of its own accounts and keeps their units.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use log_record::Position;
use serde::{Deserialize, Serialize};

use super::State;
use super::impossible::{Changed, ensure};
use super::queue::Queue;
use crate::account::OfferNumber;
use crate::command::WAITING_MAX;
use crate::schedule::{AccountNumber, Due};
use crate::sharing::tell_homes;
use crate::{
    AccountId, Allocation, Event, IdHash, Inventory, Offer, OfferId, OfferPhase, Timestamp, Units,
    WaitBegun, WaitEnd, WaitEnded, WaitId, WaitServed,
};

/// For how long a unit is kept for who waited, in days of 24 hours.
const KEPT_DAYS: u32 = 1;

/// While nobody can redeem, no unit is kept for less than this from now on.
const KEPT_LEAST_MICROS: i64 = 60 * 60 * 1_000_000;

/// How many are served, and how many waits end, by one step of the sweep.
const STEP_MAX: usize = 64;

/// The waiting lists of all offers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct WaitingLists {
    /// Those of this partition's accounts.
    lists: BTreeMap<OfferNumber, WaitingList>,
    /// Where there are several partitions: those of all, of the offers that have their home here.
    pub(super) queues: BTreeMap<OfferNumber, Queue>,
}

/// Who waits for an offer.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct WaitingList {
    /// In the order in which they came.
    waiters: BTreeMap<u64, Waiter>,
    next: u64,
    /// Those for whom no unit is kept.
    #[serde(skip)]
    unserved: BTreeSet<u64>,
    /// Those for whom one is, by the deadline.
    #[serde(skip)]
    served: BTreeSet<(Timestamp, u64)>,
    #[serde(skip)]
    by_account: HashMap<AccountNumber, u64>,
}

/// A shopper who waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Waiter {
    account: AccountNumber,
    pub(crate) id: WaitId,
    /// Until when a unit is kept, where one is.
    pub(crate) deadline: Option<Timestamp>,
}

impl Waiter {
    /// Whether a unit was kept, and no longer is.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }
}

impl WaitingLists {
    /// Finds again what follows from the waiters, after the lists were read from a snapshot.
    fn index(&mut self) {
        self.queues.values_mut().for_each(Queue::index);
        for list in self.lists.values_mut() {
            for (number, waiter) in &list.waiters {
                list.by_account.insert(waiter.account, *number);
                match waiter.deadline {
                    Some(deadline) => list.served.insert((deadline, *number)),
                    None => list.unserved.insert(*number),
                };
            }
        }
    }

    fn get(&self, offer: OfferNumber) -> Option<&WaitingList> {
        self.lists.get(&offer)
    }

    /// About how many bytes they have allocated: trees' nodes are two thirds full.
    pub(super) fn allocated_bytes(&self) -> usize {
        let lists = self.lists.values().map(WaitingList::allocated_bytes).sum::<usize>();
        lists + self.queues.values().map(Queue::allocated_bytes).sum::<usize>()
    }

    /// Whether nobody waits anywhere.
    fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.queues.is_empty()
    }

    /// The offers for which somebody waits.
    fn offers(&self) -> impl Iterator<Item = OfferNumber> {
        let elsewhere = self.queues.keys().filter(|offer| !self.lists.contains_key(offer));
        self.lists.keys().chain(elsewhere).copied()
    }
}

impl WaitingList {
    /// How many are on it.
    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    fn allocated_bytes(&self) -> usize {
        let id = self.waiters.values().next().map_or(0, |waiter| waiter.id.as_str().len());
        let in_trees = self.len() * (size_of::<(u64, Waiter)>() + id)
            + self.unserved.len() * size_of::<u64>()
            + self.served.len() * size_of::<(Timestamp, u64)>();
        in_trees * 3 / 2
            + self.by_account.capacity() * 8 / 7 * (size_of::<(AccountNumber, u64)>() + 1)
    }

    /// How many units go to others than this account before anybody else gets one.
    fn before(&self, account: Option<AccountNumber>) -> u64 {
        let own = account.and_then(|account| self.of(account));
        let is_waiting = own.is_some_and(|waiter| waiter.deadline.is_none());
        self.unserved.len() as u64 - u64::from(is_waiting)
    }

    fn of(&self, account: AccountNumber) -> Option<&Waiter> {
        self.waiters.get(self.by_account.get(&account)?)
    }

    fn begin(&mut self, account: AccountNumber, id: WaitId) -> Changed {
        ensure(self.len() < WAITING_MAX, "more wait than may")?;
        ensure(self.by_account.insert(account, self.next).is_none(), "an account waits twice")?;
        self.waiters.insert(self.next, Waiter { account, id, deadline: None });
        self.unserved.insert(self.next);
        self.next += 1;
        Ok(())
    }

    fn serve(&mut self, account: AccountNumber, fact: &WaitServed) -> Changed {
        let first = self.unserved.pop_first().ok_or("a unit was kept for nobody")?;
        let waiter = self.waiters.get_mut(&first).ok_or("a unit was kept for nobody")?;
        let is_first = waiter.account == account && waiter.id == fact.wait_id;
        ensure(is_first, "I23: who waits longest is served first, each once")?;
        waiter.deadline = Some(fact.deadline);
        self.served.insert((fact.deadline, first));
        Ok(())
    }

    fn keep_longer(&mut self, account: AccountNumber, fact: &WaitServed) -> Changed {
        let number = self.by_account.get(&account).ok_or("a unit was kept for nobody")?;
        let waiter = self.waiters.get_mut(number).ok_or("a unit was kept for nobody")?;
        ensure(waiter.id == fact.wait_id, "a unit was kept for nobody")?;
        let before = waiter.deadline.replace(fact.deadline);
        let before = before.filter(|before| *before < fact.deadline);
        let before =
            before.ok_or("I23: a unit was kept for longer that wasn't kept, or for less")?;
        self.served.remove(&(before, *number));
        self.served.insert((fact.deadline, *number));
        Ok(())
    }

    fn end(&mut self, account: AccountNumber, fact: &WaitEnded, now: Timestamp) -> Changed {
        let number = self.by_account.remove(&account).ok_or("a wait ended twice")?;
        let waiter = self.waiters.remove(&number).ok_or("a wait ended twice")?;
        ensure(waiter.id == fact.wait_id, "a wait ended twice")?;
        ensure(waiter.deadline.is_some() == fact.served, "I23: a unit was kept, or none was")?;
        self.unserved.remove(&number);
        let Some(deadline) = waiter.deadline else {
            return ensure(fact.reason != WaitEnd::Lapsed, "a wait lapsed before it was served");
        };
        self.served.remove(&(deadline, number));
        let is_over = deadline <= now;
        ensure(
            is_over == (fact.reason == WaitEnd::Lapsed),
            "I23: a unit is kept until its deadline",
        )
    }
}

impl State {
    /// How many units of an offer go to others than this account before anybody else gets one. Where
    /// there are several partitions, the home holds these back.
    pub(crate) fn waiting_before(&self, offer: OfferNumber, account: &AccountId) -> u64 {
        if self.is_shared() {
            return 0;
        }
        let Some(list) = self.waiting.get(offer) else { return 0 };
        list.before(self.account_number(account))
    }

    /// How many wait for an offer, or have a unit kept.
    pub(crate) fn waiting_for(&self, offer: OfferNumber) -> usize {
        self.waiting.get(offer).map_or(0, WaitingList::len)
    }

    /// The wait of an account for an offer.
    pub(crate) fn waiter(&self, offer: OfferNumber, account: &AccountId) -> Option<&Waiter> {
        self.waiting.get(offer)?.of(self.account_number(account)?)
    }

    /// Whether units of an offer are kept here for shoppers who waited.
    #[must_use]
    pub fn keeps_units_of(&self, offer: &OfferId) -> bool {
        if self.waiting.lists.is_empty() {
            return false;
        }
        let list = self.numbered_offer(offer).and_then(|(number, _)| self.waiting.get(number));
        list.is_some_and(|list| !list.served.is_empty())
    }

    /// All who wait in this partition, with the offer, and until when a unit is kept where one is.
    pub fn waits(
        &self,
    ) -> impl Iterator<Item = (&OfferId, &AccountId, &WaitId, Option<Timestamp>)> {
        let lists = self.waiting.lists.iter();
        let lists = lists.filter_map(|(offer, list)| Some((self.offer_id(*offer)?, list)));
        lists.flat_map(move |(offer, list)| {
            list.waiters.values().filter_map(move |waiter| {
                let account = self.account_id(waiter.account)?;
                Some((offer, account, &waiter.id, waiter.deadline))
            })
        })
    }

    /// A wait of an account, and for which offer it is.
    pub(crate) fn waiter_by_id(
        &self,
        account: &AccountId,
        id: &WaitId,
    ) -> Option<(OfferNumber, &Waiter)> {
        let number = self.account_number(account)?;
        self.waiting.lists.iter().find_map(|(offer, list)| {
            let waiter = list.of(number).filter(|waiter| waiter.id == *id)?;
            Some((*offer, waiter))
        })
    }

    /// The ends of waits for which a unit was kept until now or before, the earliest first.
    pub(crate) fn lapsed(&self, offer: OfferNumber, now: Timestamp) -> impl Iterator<Item = Event> {
        let list = self.waiting.get(offer);
        let due = list.into_iter().flat_map(move |list| {
            let due = list.served.range(..=(now, u64::MAX));
            due.filter_map(move |(_, number)| list.waiters.get(number))
        });
        due.filter_map(move |waiter| self.end_of_wait(offer, waiter, WaitEnd::Lapsed))
    }

    /// The ends of all other waits for an offer that is over.
    fn closed(&self, number: OfferNumber, now: Timestamp) -> impl Iterator<Item = Event> {
        let offer = self.programme.offers.get_index(number.0 as usize).map(|(_, offer)| offer);
        let is_over = offer.and_then(|offer| over_from(offer, now)).is_some_and(|from| from <= now);
        let list = self.waiting.get(number).filter(|_| is_over);
        let waiters = list.into_iter().flat_map(|list| list.waiters.values());
        let others = waiters.filter(move |waiter| !waiter.is_over(now));
        others.filter_map(move |waiter| self.end_of_wait(number, waiter, WaitEnd::Closed))
    }

    /// The event by which a wait ends.
    pub(crate) fn end_of_wait(
        &self,
        offer: OfferNumber,
        waiter: &Waiter,
        reason: WaitEnd,
    ) -> Option<Event> {
        let account = self.account_id(waiter.account)?;
        let ended = WaitEnded {
            wait_id: waiter.id.clone(),
            offer_id: self.offer_id(offer)?.clone(),
            reason,
            served: waiter.deadline.is_some(),
            occurred_at: None,
        };
        Some(Event::WaitEnded(account.clone(), ended))
    }

    /// The ends of all waits of an account in which nothing begins any more.
    pub(crate) fn ends_of_waits(&self, account: &AccountId, now: Timestamp) -> Vec<Event> {
        let Some(number) = self.account_number(account) else { return vec![] };
        let waits = self.waiting.lists.iter();
        let waits = waits.filter_map(|(offer, list)| Some((*offer, list.of(number)?)));
        let ended = waits.filter_map(|(offer, waiter)| {
            let reason = if waiter.is_over(now) { WaitEnd::Lapsed } else { WaitEnd::Left };
            self.end_of_wait(offer, waiter, reason)
        });
        ended.collect()
    }

    pub(super) fn account_id(&self, number: AccountNumber) -> Option<&AccountId> {
        self.accounts.by_id.get_index(number as usize).map(|(id, _)| id)
    }

    fn account_number(&self, id: &AccountId) -> Option<AccountNumber> {
        self.accounts.by_id.get_index_of(id).and_then(|number| u32::try_from(number).ok())
    }

    pub(super) fn wait_begun(&mut self, at: Position, id: &AccountId, fact: &WaitBegun) -> Changed {
        let (offer, _) = self.numbered_offer(&fact.offer_id).ok_or("of an unknown offer")?;
        let (account, _) = self.accounts.numbered_mut(id)?;
        self.waiting.lists.entry(offer).or_default().begin(account, fact.wait_id.clone())?;
        self.accounts.record(IdHash::wait(id, &fact.wait_id), at)
    }

    pub(super) fn wait_served(&mut self, id: &AccountId, fact: &WaitServed) -> Changed {
        let (account, _) = self.accounts.numbered_mut(id)?;
        if fact.again {
            let (offer, _) = self.numbered_offer(&fact.offer_id).ok_or("of an unknown offer")?;
            let list = self.waiting.lists.get_mut(&offer).ok_or("a unit was kept for nobody")?;
            return list.keep_longer(account, fact);
        }
        let offer = self.programme.reserve(&fact.offer_id, &ONE)?;
        self.across.on_shelf(&fact.offer_id, Units::ONE, false)?;
        let list = self.waiting.lists.get_mut(&offer).ok_or("a unit was kept for nobody")?;
        list.serve(account, fact)
    }

    pub(super) fn wait_ended(
        &mut self,
        (at, now): (Position, Timestamp),
        id: &AccountId,
        fact: &WaitEnded,
    ) -> Changed {
        let (account, _) = self.accounts.numbered_mut(id)?;
        let (offer, _) = self.numbered_offer(&fact.offer_id).ok_or("of an unknown offer")?;
        let list = self.waiting.lists.get_mut(&offer).ok_or("a wait ended twice")?;
        list.end(account, fact, now)?;
        if fact.reason == WaitEnd::Closed {
            let offer = self.programme.offers.get_index(offer.0 as usize).map(|(_, offer)| offer);
            let is_over = offer.and_then(|it| over_from(it, now)).is_some_and(|from| from <= now);
            ensure(is_over, "a wait ended with an offer that goes on")?;
        }
        if list.waiters.is_empty() {
            self.waiting.lists.remove(&offer);
        }
        if fact.served {
            self.programme.end_reservation(&fact.offer_id, &ONE)?;
            self.across.on_shelf(&fact.offer_id, Units::ONE, true)?;
        }
        // Nobody asked for any other end, so none can be repeated.
        if fact.reason == WaitEnd::Left {
            self.accounts.record(IdHash::wait_leaving(id, &fact.wait_id), at)?;
        }
        Ok(())
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
            let due = list.served.range(..(soon, 0)).filter(|(before, _)| *before < deadline);
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

impl Offer {
    /// Until when a unit is kept that goes now to who waits.
    pub(super) fn kept_until(&self, now: Timestamp) -> Timestamp {
        let latest = now.plus_days(KEPT_DAYS);
        self.terms.closes_at.map_or(latest, |closes_at| closes_at.min(latest))
    }
}

/// What each of them waits for.
pub(super) const ONE: Allocation = Allocation::Units(Units::ONE);

impl IdHash {
    /// A wait for a unit of an offer.
    #[must_use]
    pub fn wait(account: &AccountId, id: &WaitId) -> Self {
        Self::of(account.as_str(), "wait", id.as_str())
    }

    /// That the shopper left the list on which it was.
    #[must_use]
    pub fn wait_leaving(account: &AccountId, id: &WaitId) -> Self {
        Self::of(account.as_str(), "wait-leaving", id.as_str())
    }
}
