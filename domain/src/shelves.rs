//! How the home of an offer shares its units out: what it grants, calls back and answers.
//!
//! An inquiry may be lost and is sent again; nothing depends on it but how soon units come. The
//! state has what counts: grants are numbered messages.

use std::collections::HashMap;

use log_record::{Partition, Position};

use crate::post::{Post, all};
use crate::state::Queue;
use crate::{
    CodePool, Decision, Event, ExchangeKey, Grant, HomePhase, Message, MessageNumber, OfferHome,
    OfferId, OfferPhase, ShelfCalledBack, ShelfGranted, State, Units, Wait, WaitOf,
};

/// Units that an exchange waits for. Nothing else hinders it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The offer.
    pub offer_id: OfferId,
    /// The exchange.
    pub key: ExchangeKey,
    /// How many units.
    pub units: Units,
}

/// What a partition asks of an offer's home, for all that wait there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// Who asks.
    pub from: Partition,
    /// The last message from the home that was received there: what was granted since is on its
    /// way.
    pub received: MessageNumber,
    /// The offer.
    pub offer_id: OfferId,
    /// The exchanges that wait, in their order, with their units.
    pub waiting: Vec<(ExchangeKey, Units)>,
}

/// What the home decides: the events, to be appended before the replies are given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// What is granted and called back.
    pub events: Vec<Event>,
    /// What each exchange is told.
    pub replies: Vec<(ExchangeKey, Reply)>,
}

/// What the home tells an exchange that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Units are on their way, or nobody can say yet: it waits on.
    Wait,
    /// Nothing is left for it, for sure.
    SoldOut {
        /// How many are left.
        remaining: Units,
        /// As of this event of the home's partition.
        at: Position,
    },
}

/// The grants to exchanges that may be on their way. It is soft: after a restart the home may grant
/// an exchange its units twice, and the second grant's come home at once.
#[derive(Debug, Default)]
pub struct Desk {
    on_their_way: HashMap<(Partition, ExchangeKey), MessageNumber>,
}

impl Desk {
    /// Notes what was appended.
    pub fn note(&mut self, events: &[Event]) {
        for event in events {
            if let Event::MessageSent(fact) = event
                && let Message::ShelfGranted(ShelfGranted {
                    grant: Grant::For(key, _) | Grant::Code(key, _),
                    ..
                }) = &fact.message
            {
                self.on_their_way.insert((fact.to, key.clone()), fact.number);
            }
        }
    }

    /// What a partition has received is on its way no more.
    pub fn forget(&mut self, from: Partition, received: MessageNumber) {
        self.on_their_way.retain(|(to, _), number| *to != from || *number > received);
    }

    fn has(&self, inquiry: &Inquiry, key: &ExchangeKey) -> bool {
        let granted = self.on_their_way.get(&(inquiry.from, key.clone()));
        granted.is_some_and(|number| *number > inquiry.received)
    }
}

/// A home in the making: as it would be after the events so far.
pub(crate) struct HomeDraft<'a, 'p> {
    id: &'a OfferId,
    pub(crate) home: OfferHome,
    /// Its codes, where it has some, and how many of them the events grant.
    codes: (Option<&'a CodePool>, usize),
    /// Who waits for a unit.
    queue: Option<&'a Queue>,
    partitions: u16,
    post: &'p mut Post<'a>,
    events: Vec<Event>,
}

impl<'a, 'p> HomeDraft<'a, 'p> {
    pub(crate) fn new(
        state: &'a State,
        id: &'a OfferId,
        home: OfferHome,
        post: &'p mut Post<'a>,
    ) -> Self {
        let (codes, queue) = ((state.code_pool(id), 0), state.queue(id));
        Self { id, home, codes, queue, partitions: state.partitions(), post, events: vec![] }
    }

    /// How many units go to others than an account first.
    fn before(&self, key: Option<&ExchangeKey>) -> Units {
        let before = self.queue.map(|queue| queue.before(key.map(|key| &key.account_id)));
        before.and_then(Units::sum_of).unwrap_or_default()
    }

    /// Whether the shelves can be filled: nobody waits for units that can be counted.
    pub(crate) fn may_fill(&self) -> bool {
        let is_waited_for = self.queue.is_some() && self.home.stock.is_some();
        self.home.is_plenty(self.partitions) && !is_waited_for
    }

    /// Sends a unit to who waits longest.
    pub(crate) fn keep(&mut self, of: WaitOf) {
        let to = of.account_id.partition(self.partitions);
        self.events.push(self.post.write(to, Message::UnitKept(of)));
        let _: Result<(), &str> = self.home.keep();
    }

    pub(crate) fn finish(self) -> Vec<Event> {
        self.events
    }

    /// Fills every shelf with its portion.
    pub(crate) fn fill(&mut self) {
        let units = self.home.stock.map(|_| self.home.portion(self.partitions));
        for to in (0..self.partitions).map(Partition) {
            self.grant_portion(to, units);
        }
    }

    /// Calls every shelf back, where they are out.
    pub(crate) fn call_back(&mut self) {
        if self.home.phase != HomePhase::Wide {
            return;
        }
        let round = self.home.round + 1;
        // What can't be applied is refused by the state, which names the invariant.
        let _: Result<(), &str> = self.home.call_back(round);
        for to in (0..self.partitions).map(Partition) {
            let called = ShelfCalledBack { offer_id: self.id.clone(), round };
            self.events.push(self.post.write(to, Message::ShelfCalledBack(called)));
        }
    }

    fn grant_portion(&mut self, to: Partition, units: Option<Units>) {
        let grant = match units {
            Some(Units::ZERO) => return,
            Some(units) => Grant::Portion(units),
            None => Grant::NoEnd,
        };
        let number = self.grant(to, grant);
        let _: Result<(), &str> = self.home.grant_portion(to, number, units, self.partitions);
    }

    fn grant_for(&mut self, to: Partition, key: &ExchangeKey, units: Units) {
        let grant = if self.home.has_codes {
            // Whoever waits asks for one, and one is left.
            let (pool, granted) = &mut self.codes;
            let Some(code) = pool.and_then(|pool| pool.after_next(*granted)) else { return };
            *granted += 1;
            Grant::Code(key.clone(), code)
        } else {
            Grant::For(key.clone(), units)
        };
        self.grant(to, grant);
        let _: Result<(), &str> = self.home.grant(units);
    }

    fn grant(&mut self, to: Partition, grant: Grant) -> MessageNumber {
        let granted = ShelfGranted { offer_id: self.id.clone(), grant };
        let event = self.post.write(to, Message::ShelfGranted(granted));
        let number = match &event {
            Event::MessageSent(fact) => fact.number,
            _ => MessageNumber::START,
        };
        self.events.push(event);
        number
    }
}

/// What is to be done before an offer's stock can be reduced, limited or unlimited, or before the
/// offer is reopened; nothing once every shelf is home, and nothing where there is one partition.
pub(crate) fn home_first(state: &State, id: &OfferId) -> Option<Decision> {
    let home = state.offer_home(id)?;
    if home.is_drained(state.partitions()) {
        return None;
    }
    let mut post = Post::of(state);
    let mut draft = HomeDraft::new(state, id, home.clone(), &mut post);
    draft.call_back();
    let calls = draft.finish();
    Some(Decision::Wait(Wait::Shelves { offer_id: id.clone(), calls }))
}

/// Answers what a partition asks of an offer that has its home here. What isn't granted is asked
/// again.
#[must_use]
pub fn answer(state: &State, desk: &Desk, inquiry: &Inquiry) -> Answers {
    let id = &inquiry.offer_id;
    let wait = |(key, _): &(ExchangeKey, Units)| (key.clone(), Reply::Wait);
    let waiting = || inquiry.waiting.iter().map(wait).collect();
    let (Some(home), Some(offer)) = (state.offer_home(id), state.offer(id)) else {
        return Answers { events: vec![], replies: waiting() };
    };
    if offer.phase != OfferPhase::Open || !all(state).any(|it| it == inquiry.from) {
        // The asker is being told of the end.
        return Answers { events: vec![], replies: waiting() };
    }
    let mut post = Post::of(state);
    let mut draft = HomeDraft::new(state, id, home.clone(), &mut post);
    let replies = match home.phase {
        HomePhase::Wide => answer_from_plenty(&mut draft, inquiry, state.position()),
        HomePhase::Scarce { .. } => answer_by_exchange(&mut draft, desk, inquiry, state.position()),
    };
    Answers { events: draft.finish(), replies }
}

/// Another portion for a shelf that runs short; where there is too little, all shelves come home.
/// For more than there ever were, none does.
fn answer_from_plenty(
    draft: &mut HomeDraft<'_, '_>,
    inquiry: &Inquiry,
    at: Position,
) -> Vec<(ExchangeKey, Reply)> {
    let partitions = draft.partitions;
    let (mut wanted, mut replies) = (Units::ZERO, vec![]);
    for (key, units) in &inquiry.waiting {
        let reply = match draft.home.sold_out(partitions, *units, Units::ZERO) {
            Some(remaining) => Reply::SoldOut { remaining, at },
            None => {
                wanted = wanted.plus(*units).unwrap_or(Units::MOST);
                Reply::Wait
            }
        };
        replies.push((key.clone(), reply));
    }
    let last = draft.home.portions.get(&inquiry.from);
    let is_on_its_way = last.is_some_and(|number| *number > inquiry.received);
    if !is_on_its_way && wanted > Units::ZERO {
        let unclaimed = draft.home.unclaimed(draft.before(None));
        match draft.home.stock {
            None => draft.grant_portion(inquiry.from, None),
            Some(_) if wanted > unclaimed => draft.call_back(),
            Some(_) => {
                let portion = wanted.max(draft.home.portion(partitions).min(unclaimed));
                draft.grant_portion(inquiry.from, Some(portion));
            }
        }
    }
    if draft.home.is_low(partitions) {
        draft.call_back();
    }
    replies
}

/// Grants by exchange while the pool lasts; where much has come back, shelves are filled again.
fn answer_by_exchange(
    draft: &mut HomeDraft<'_, '_>,
    desk: &Desk,
    inquiry: &Inquiry,
    at: Position,
) -> Vec<(ExchangeKey, Reply)> {
    let partitions = draft.partitions;
    let is_counted = draft.home.stock.is_some();
    let mut replies = vec![];
    for (key, units) in &inquiry.waiting {
        let mut reply = Reply::Wait;
        if is_counted && !desk.has(inquiry, key) {
            let before = draft.before(Some(key));
            if draft.home.unclaimed(before) >= *units {
                draft.grant_for(inquiry.from, key, *units);
            } else if let Some(remaining) = draft.home.sold_out(partitions, *units, before) {
                reply = Reply::SoldOut { remaining, at };
            }
        }
        replies.push((key.clone(), reply));
    }
    if draft.home.is_drained(partitions) && draft.may_fill() {
        draft.fill();
    }
    replies
}
