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
use super::serving::is_over;
use crate::account::OfferNumber;
use crate::command::WAITING_MAX;
use crate::schedule::AccountNumber;
use crate::{
    AccountId, Allocation, Event, IdHash, OfferId, Timestamp, Units, WaitBegun, WaitEnd, WaitEnded,
    WaitId, WaitServed,
};

/// The waiting lists of all offers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct WaitingLists {
    /// Those of this partition's accounts.
    pub(super) lists: BTreeMap<OfferNumber, WaitingList>,
    /// Where there are several partitions: those of all, of the offers that have their home here.
    pub(super) queues: BTreeMap<OfferNumber, Queue>,
}

/// Who waits for an offer.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct WaitingList {
    /// In the order in which they came.
    pub(super) waiters: BTreeMap<u64, Waiter>,
    next: u64,
    /// Those for whom no unit is kept.
    #[serde(skip)]
    pub(super) unserved: BTreeSet<u64>,
    /// Those for whom one is, by the deadline.
    #[serde(skip)]
    pub(super) served: BTreeSet<(Timestamp, u64)>,
    #[serde(skip)]
    by_account: HashMap<AccountNumber, u64>,
}

/// A shopper who waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Waiter {
    pub(super) account: AccountNumber,
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
    pub(super) fn index(&mut self) {
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

    pub(super) fn get(&self, offer: OfferNumber) -> Option<&WaitingList> {
        self.lists.get(&offer)
    }

    /// About how many bytes they have allocated: trees' nodes are two thirds full.
    pub(super) fn allocated_bytes(&self) -> usize {
        let lists = self.lists.values().map(WaitingList::allocated_bytes).sum::<usize>();
        lists + self.queues.values().map(Queue::allocated_bytes).sum::<usize>()
    }

    /// Whether nobody waits anywhere.
    pub(super) fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.queues.is_empty()
    }

    /// The offers for which somebody waits.
    pub(super) fn offers(&self) -> impl Iterator<Item = OfferNumber> {
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
    /// How many units of an offer go to others than this account before anybody else gets one.
    /// Where there are several partitions, the home holds these back.
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
            let is_over = offer.is_some_and(|offer| is_over(offer, now));
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
