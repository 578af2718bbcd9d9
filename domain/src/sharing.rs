//! What other partitions are told of a decision, in the same append. Where there is one partition,
//! nothing is told.

use crate::post::Post;
use crate::shelves::HomeDraft;
use crate::{
    AccountId, Decision, Event, Message, OfferHome, OfferId, OfferPhase, OfferShared,
    ProgrammeChange, State, StockReturned, Timestamp, WaitId, WaitOf,
};

/// Adds what others are told: a change of the programme, what an offer is from now on and its
/// units, the units that a cancellation or a release sends home from a shelf that was drained, and
/// who waits for a unit from now on or no more.
pub(crate) fn tell_others(state: &State, decision: &mut Decision, now: Timestamp) {
    let Decision::Record { events, stock, .. } = decision else { return };
    // What is left in one partition opens and closes no gate.
    *stock = None;
    let mut post = Post::after(state, events);
    let mut told = vec![];
    for event in events.iter() {
        if let Some(change) = ProgrammeChange::of(event) {
            told.extend(post.write_to_others(&Message::Programme(Box::new(change))));
        }
        told.extend(tell_home(state, event, &mut post));
    }
    told.extend(tell_of_offer(state, events, now, &mut post));
    events.extend(told);
}

/// Adds what the homes of offers are told of events that are no decision on a command: units go
/// home that were put on a shelf that was drained, and somebody waits no more.
pub(crate) fn tell_homes(state: &State, events: &mut Vec<Event>) {
    if !state.is_shared() {
        return;
    }
    let mut post = Post::after(state, events);
    let sent = events.iter().filter_map(|event| tell_home(state, event, &mut post));
    let sent: Vec<Event> = sent.collect();
    events.extend(sent);
}

/// What the home of an offer is told of an event of a shopper: units go home that are put on a
/// shelf that was drained, or somebody comes onto the waiting list or leaves it.
fn tell_home<'a>(state: &'a State, event: &Event, post: &mut Post<'a>) -> Option<Event> {
    let of = |account_id: &AccountId, wait_id: &WaitId, offer_id: &OfferId| WaitOf {
        account_id: account_id.clone(),
        wait_id: wait_id.clone(),
        offer_id: offer_id.clone(),
    };
    let home = |offer_id: &OfferId| offer_id.home(state.partitions());
    match event {
        Event::WaitBegun(account, fact) => {
            let joined = Message::WaitJoined(of(account, &fact.wait_id, &fact.offer_id));
            return Some(post.write(home(&fact.offer_id), joined));
        }
        Event::WaitEnded(account, fact) if !fact.served => {
            let left = Message::WaitLeft(of(account, &fact.wait_id, &fact.offer_id));
            return Some(post.write(home(&fact.offer_id), left));
        }
        _ => {}
    }
    let (offer_id, allocation) = event.puts_back()?;
    if !state.is_drained(offer_id) {
        return None;
    }
    // A code that was handed out stays so.
    let units = allocation.restocked().some()?;
    let returned = StockReturned { offer_id: offer_id.clone(), units, code: None };
    Some(post.write(home(offer_id), Message::StockReturned(returned)))
}

/// What the home of an offer tells of the events that change it; a decision changes one at most.
fn tell_of_offer<'a>(
    state: &'a State,
    events: &'a [Event],
    now: Timestamp,
    post: &mut Post<'a>,
) -> Vec<Event> {
    let Some(id) = events.iter().find_map(offer_of) else { return vec![] };
    let Some((mut shared, home)) = as_opened(state, events).or_else(|| as_known(state, id)) else {
        return vec![];
    };
    let version = shared.version;
    let mut is_new = false;
    let mut draft_home = home;
    for event in events {
        // What can't be applied is refused by the state, which names the invariant.
        let _: Result<(), &str> = match event {
            Event::OfferOpened(_) => {
                is_new = true;
                Ok(())
            }
            Event::OfferAmended(fact) => {
                (shared.terms, shared.version) = (fact.terms.clone(), fact.version);
                Ok(())
            }
            Event::OfferClosed(fact) => {
                (shared.phase, shared.version) = (OfferPhase::Closed { at: now }, fact.version);
                Ok(())
            }
            Event::OfferReopened(fact) => {
                (shared.phase, shared.version) = (OfferPhase::Open, fact.version);
                Ok(())
            }
            Event::OfferPaused(fact) => {
                (shared.phase, shared.version) = (OfferPhase::Paused { at: now }, fact.version);
                Ok(())
            }
            Event::OfferResumed(fact) => {
                (shared.phase, shared.version) = (OfferPhase::Open, fact.version);
                Ok(())
            }
            Event::StockAmended(fact) => {
                shared.version = fact.version;
                draft_home.amend(fact.stock, state.partitions())
            }
            Event::StockAdded(fact) => draft_home.add(fact.units),
            Event::StockRemoved(fact) => draft_home.remove(fact.units, state.partitions()),
            _ => Ok(()),
        };
    }
    let mut told = vec![];
    let is_closed = shared.phase.is_closed();
    if is_new || shared.version != version {
        told.extend(post.write_to_others(&Message::OfferShared(shared)));
    }
    let partitions = state.partitions();
    let mut draft = HomeDraft::new(state, id, draft_home, post);
    let is_home = is_new || draft.home.is_drained(partitions);
    if is_closed || (is_new && !draft.home.is_plenty(partitions)) {
        draft.call_back();
    } else if is_home && draft.may_fill() {
        draft.fill();
    }
    told.extend(draft.finish());
    told
}

/// The offer whose terms, phase or stock an event changes at its home.
const fn offer_of(event: &Event) -> Option<&OfferId> {
    match event {
        Event::OfferOpened(fact) => Some(&fact.offer_id),
        Event::OfferAmended(fact) => Some(&fact.offer_id),
        Event::OfferClosed(fact) => Some(&fact.offer_id),
        Event::OfferReopened(fact) => Some(&fact.offer_id),
        Event::OfferPaused(fact) => Some(&fact.offer_id),
        Event::OfferResumed(fact) => Some(&fact.offer_id),
        Event::StockAdded(fact) => Some(&fact.offer_id),
        Event::StockRemoved(fact) => Some(&fact.offer_id),
        Event::StockAmended(fact) => Some(&fact.offer_id),
        _ => None,
    }
}

fn as_opened(state: &State, events: &[Event]) -> Option<(OfferShared, OfferHome)> {
    events.iter().find_map(|event| {
        let Event::OfferOpened(fact) = event else { return None };
        let (offer_id, terms) = (fact.offer_id.clone(), fact.terms.clone());
        let shared = OfferShared { offer_id, version: 1, terms, phase: OfferPhase::Open };
        let partitions = state.partitions();
        Some((shared, OfferHome::opening_with(&fact.terms, fact.stock, partitions)))
    })
}

fn as_known(state: &State, id: &OfferId) -> Option<(OfferShared, OfferHome)> {
    let (offer, home) = state.offer(id).zip(state.offer_home(id))?;
    let (offer_id, version, terms) = (id.clone(), offer.version, offer.terms.clone());
    Some((OfferShared { offer_id, version, terms, phase: offer.phase }, home.clone()))
}
