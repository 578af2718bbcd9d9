//! Who waits for an offer that has its home here, in the order in which the home heard of them.
//!
//! Where there are several partitions, a shopper's wait is in the account's (`waiting.rs`). The
//! home is told that it began, and sends each unit to the partition of the first in the queue,
//! which keeps it (decision 75).

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::State;
use super::impossible::{Changed, ensure};
use super::serving::is_open_from;
use crate::account::OfferNumber;
use crate::post::Post;
use crate::shelves::HomeDraft;
use crate::{
    AccountId, Event, HomePhase, OfferHome, OfferId, Timestamp, Units, WaitId, WaitOf, WaitServed,
};

/// How many are served by one step of the sweep.
const STEP_MAX: usize = 64;

/// Those of all partitions who wait for a unit of an offer, without those who were sent one.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Queue {
    turns: BTreeMap<u64, (AccountId, WaitId)>,
    next: u64,
    #[serde(skip)]
    by_account: HashMap<AccountId, u64>,
}

impl Queue {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.turns.len()
    }

    /// How many units go to others than an account before anybody else gets one.
    pub(crate) fn before(&self, account: Option<&AccountId>) -> u64 {
        let is_waiting = account.is_some_and(|account| self.by_account.contains_key(account));
        self.len() as u64 - u64::from(is_waiting)
    }

    /// About how many bytes it has allocated: the tree's nodes are two thirds full.
    pub(super) fn allocated_bytes(&self) -> usize {
        let turn = size_of::<(u64, (AccountId, WaitId))>() * 3 / 2;
        let indexed = size_of::<(AccountId, u64)>() + 1;
        let ids = self.turns.values().next().map_or(0, |(account, wait)| {
            // The account's id is there twice.
            2 * account.as_str().len() + wait.as_str().len()
        });
        self.len() * (turn + ids) + self.by_account.capacity() * 8 / 7 * indexed
    }

    /// Finds again whose turn is which, after it was read from a snapshot.
    pub(super) fn index(&mut self) {
        let turns = self.turns.iter().map(|(turn, (account, _))| (account.clone(), *turn));
        self.by_account = turns.collect();
    }

    fn join(&mut self, of: &WaitOf) -> Changed {
        let before = self.by_account.insert(of.account_id.clone(), self.next);
        ensure(before.is_none(), "an account waits twice")?;
        self.turns.insert(self.next, (of.account_id.clone(), of.wait_id.clone()));
        self.next += 1;
        Ok(())
    }

    /// Who was sent a unit meanwhile is in it no more: the unit comes back.
    fn leave(&mut self, of: &WaitOf) {
        let Some(turn) = self.by_account.get(&of.account_id) else { return };
        if self.turns.get(turn).is_some_and(|(_, wait)| *wait == of.wait_id) {
            self.turns.remove(turn);
            self.by_account.remove(&of.account_id);
        }
    }

    fn serve(&mut self, of: &WaitOf) -> Changed {
        let (_, (account, wait)) = self.turns.pop_first().ok_or("a unit was kept for nobody")?;
        self.by_account.remove(&account);
        let is_first = account == of.account_id && wait == of.wait_id;
        ensure(is_first, "I23: who waits longest is served first, each once")
    }
}

impl State {
    /// Who waits for an offer that has its home here; nothing where nobody does.
    pub(crate) fn queue(&self, id: &OfferId) -> Option<&Queue> {
        if self.waiting.queues.is_empty() {
            return None;
        }
        let (number, _) = self.numbered_offer(id)?;
        self.waiting.queues.get(&number)
    }

    /// Those of all partitions who wait for an offer that has its home here, and weren't sent a
    /// unit, in their order.
    pub fn waiting_line(&self, id: &OfferId) -> impl Iterator<Item = (&AccountId, &WaitId)> {
        let turns = self.queue(id).into_iter().flat_map(|queue| queue.turns.values());
        turns.map(|(account, wait)| (account, wait))
    }

    pub(super) fn wait_joined(&mut self, of: &WaitOf) -> Changed {
        ensure(self.offer_home(&of.offer_id).is_some(), "somebody waits elsewhere")?;
        let (number, _) = self.numbered_offer(&of.offer_id).ok_or("of an unknown offer")?;
        self.waiting.queues.entry(number).or_default().join(of)
    }

    pub(super) fn wait_left(&mut self, of: &WaitOf) -> Changed {
        ensure(self.offer_home(&of.offer_id).is_some(), "somebody waits elsewhere")?;
        self.change_queue(of, |queue, of| {
            queue.leave(of);
            Ok(())
        })
    }

    /// The home sent a unit to who waits longest.
    pub(super) fn unit_kept(&mut self, of: &WaitOf) -> Changed {
        let home = self.across.home_mut(&of.offer_id).ok_or("a unit was kept elsewhere")?;
        home.keep()?;
        ensure(self.queue(&of.offer_id).is_some(), "a unit was kept for nobody")?;
        self.change_queue(of, Queue::serve)
    }

    fn change_queue(
        &mut self,
        of: &WaitOf,
        change: impl FnOnce(&mut Queue, &WaitOf) -> Changed,
    ) -> Changed {
        let (number, _) = self.numbered_offer(&of.offer_id).ok_or("of an unknown offer")?;
        let Some(queue) = self.waiting.queues.get_mut(&number) else { return Ok(()) };
        change(queue, of)?;
        if queue.turns.is_empty() {
            self.waiting.queues.remove(&number);
        }
        Ok(())
    }

    /// A unit came from the home for who waits here: it is on the shelf until the next event. Where
    /// there is no end of them, one of the shelf's is meant.
    pub(super) fn kept_unit_came(&mut self, of: &WaitOf) -> Changed {
        let offer = self.offer(&of.offer_id).ok_or("of an unknown offer")?;
        if offer.inventory.remaining().is_none() {
            return Ok(());
        }
        self.across.on_shelf(&of.offer_id, Units::ONE, true)?;
        self.programme.shelve(&of.offer_id, Units::ONE)
    }

    /// What is kept for a shopper who waits here, of a unit that came from the offer's home;
    /// nothing where the wait is over.
    pub(crate) fn keep_here(&self, of: &WaitOf, now: Timestamp) -> Option<Event> {
        let (number, offer) = self.numbered_offer(&of.offer_id)?;
        let waiter = self.waiter(number, &of.account_id)?;
        if waiter.id != of.wait_id || waiter.deadline.is_some() {
            return None;
        }
        let served = WaitServed {
            wait_id: of.wait_id.clone(),
            offer_id: of.offer_id.clone(),
            deadline: offer.kept_until(now),
            again: false,
        };
        Some(Event::WaitServed(of.account_id.clone(), served))
    }

    /// From when on the home of an offer has something to do for those who wait: it has a unit, or
    /// so few that all shelves are to come home.
    pub(super) fn home_serves_from(
        &self,
        number: OfferNumber,
        now: Timestamp,
    ) -> Option<Timestamp> {
        self.waiting.queues.get(&number)?;
        let (id, offer) = self.programme.offers.get_index(number.0 as usize)?;
        let home = self.offer_home(id)?;
        let can = home.can_keep() || home.is_low(self.partitions());
        is_open_from(offer, now).filter(|_| can)
    }

    /// Sends units to those who wait longest, in their order, behind these events. Where that
    /// leaves few, all shelves come home.
    pub(super) fn serve_queue(
        &self,
        number: OfferNumber,
        now: Timestamp,
        before: &[Event],
    ) -> Vec<Event> {
        let is_due = self.home_serves_from(number, now).is_some_and(|from| from <= now);
        let known = self.programme.offers.get_index(number.0 as usize);
        let queue = self.waiting.queues.get(&number);
        let (Some((id, _)), Some(queue)) = (known, queue.filter(|_| is_due)) else {
            return vec![];
        };
        let Some(home) = self.offer_home(id) else { return vec![] };
        let mut post = Post::after(self, before);
        let mut draft = HomeDraft::new(self, id, home.clone(), &mut post);
        for (account_id, wait_id) in queue.turns.values().take(STEP_MAX) {
            if !draft.home.can_keep() {
                break;
            }
            let (account_id, wait_id) = (account_id.clone(), wait_id.clone());
            draft.keep(WaitOf { account_id, wait_id, offer_id: id.clone() });
        }
        if draft.home.is_low(self.partitions()) {
            draft.call_back();
        }
        draft.finish()
    }

    /// Whether somebody who joins an offer's list now has to wait, as far as its home knows.
    pub(crate) fn has_to_wait(&self, id: &OfferId, home: &OfferHome) -> bool {
        let waiting = self.queue(id).map_or(0, |queue| queue.len() as u64);
        let is_wide = home.phase == HomePhase::Wide;
        home.stock.is_some() && !is_wide && home.pool.get() <= waiting
    }
}
