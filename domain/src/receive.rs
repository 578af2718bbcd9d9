//! What follows from a message of another partition. Deciding on one is total: it is received, or
//! answered by a message of its own, and never refused.

use log_record::{Partition, Place, Position};

use crate::command::decide_draft;
use crate::draft::{Draft, Granted};
use crate::merged::pass_on;
use crate::post::Post;
use crate::sharing::tell_homes;
use crate::{
    AccountId, AccountTakenOver, Command, CountsInTransit, CountsTakenOver, CreditInTransit,
    CreditReceived, CreditReturned, DebtInTransit, DebtTakenOver, Decision, Event, ExchangeKey,
    Grant, Letter, Message, MessageReceived, OfferId, Points, Refusal, RefusalCode,
    ShelfCalledBack, ShelfDrained, ShelfGranted, State, StockReturned, Timestamp, Undelivered,
    Units, WaitOf, Whose,
};

/// What is appended for a message, all or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// When: no earlier than the message was sent.
    pub recorded_at: Timestamp,
    /// The receipt, and what follows from it.
    pub events: Vec<Event>,
    /// The index of the event that bears the id of the command that waited, where the message was
    /// all that it lacked.
    pub outcome: Option<usize>,
}

/// Decides on the next message of a source. `waiting` is the command that waits for the units of
/// the message, if one still does ([`Letter::exchange`]). After an error nothing is appended.
pub fn receive(
    state: &State,
    letter: &Letter,
    waiting: Option<&Command>,
    now: Timestamp,
) -> Result<Receipt, Undelivered> {
    state.check_next(letter)?;
    let Letter { source, message, .. } = letter;
    let recorded_at = now.max(source.sent_at).max(state.recorded_at());
    let received = MessageReceived { source: *source, message: message.clone() };
    let receiving =
        Receiving { state, now: recorded_at, receipt: Event::MessageReceived(Box::new(received)) };
    let (mut events, outcome) = match message {
        Message::OfferShared(_)
        | Message::Programme(_)
        | Message::ShelfDrained(_)
        | Message::StockReturned(_)
        | Message::WaitJoined(_)
        | Message::WaitLeft(_) => (vec![receiving.receipt], None),
        Message::UnitKept(of) => (receiving.keep(of), None),
        Message::ShelfGranted(ShelfGranted { offer_id, grant: Grant::For(key, units) }) => {
            receiving.grant(offer_id, key, (*units, None), waiting)
        }
        Message::ShelfGranted(ShelfGranted { offer_id, grant: Grant::Code(key, code) }) => {
            receiving.grant(offer_id, key, (Units::ONE, Some(*code)), waiting)
        }
        Message::ShelfGranted(_) => (vec![receiving.receipt], None),
        Message::ShelfCalledBack(fact) => (receiving.call_back(fact), None),
        Message::CreditSent(credit) => (receiving.credit(credit), None),
        Message::CreditReturned(credit, why) => (receiving.credit_back(credit, *why), None),
        Message::AccountMerged(merged) => {
            let taken = AccountTakenOver { from: merged.from.clone() };
            let taken = Event::AccountTakenOver(merged.into.clone(), taken);
            (vec![receiving.receipt, taken], None)
        }
        Message::CountsPassedOn(it) => (receiving.counts(it), None),
        Message::DebtPassedOn(debt) => (receiving.debt(debt), None),
        Message::DebtReturned(debt) => (receiving.debt_back(debt), None),
    };
    pass_on(state, &mut events, recorded_at);
    tell_homes(state, &mut events);
    Ok(Receipt { recorded_at, events, outcome })
}

impl Letter {
    /// The exchange whose units the message brings.
    #[must_use]
    pub const fn exchange(&self) -> Option<&ExchangeKey> {
        match &self.message {
            Message::ShelfGranted(ShelfGranted {
                grant: Grant::For(key, _) | Grant::Code(key, _),
                ..
            }) => Some(key),
            _ => None,
        }
    }
}

struct Receiving<'a> {
    state: &'a State,
    now: Timestamp,
    receipt: Event,
}

impl<'a> Receiving<'a> {
    /// The exchange gets its units; where it is gone, or is refused by now, they go home.
    fn grant(
        self,
        offer_id: &OfferId,
        key: &ExchangeKey,
        (units, code): (Units, Option<Position>),
        waiting: Option<&Command>,
    ) -> (Vec<Event>, Option<usize>) {
        let Self { state, now, receipt } = self;
        let home = offer_id.home(state.partitions());
        let waiting = waiting.filter(|command| command.exchange().as_ref() == Some(key));
        let waiting = waiting.filter(|command| command.recorded_at(state).is_none());
        if let Some(command) = waiting
            && let Some((number, _)) = state.numbered_offer(offer_id)
        {
            let code = code.map(|position| Place { partition: home, position });
            let granted = Granted { offer: number, units, code };
            let draft = Draft::new(state, now).with_grant(receipt.clone(), granted);
            if let Ok(Decision::Record { events, outcome, .. }) = decide_draft(command, draft) {
                return (events, Some(outcome));
            }
        }
        let returned = StockReturned { offer_id: offer_id.clone(), units, code };
        (vec![receipt, Post::of(state).write(home, Message::StockReturned(returned))], None)
    }

    /// The unit is kept for who waits for it. Where nobody does any more, it goes home, or stays on
    /// a shelf that is in use.
    fn keep(self, of: &WaitOf) -> Vec<Event> {
        let Self { state, now, receipt } = self;
        let next = state.keep_here(of, now).or_else(|| {
            let home = of.offer_id.home(state.partitions());
            let (offer_id, units) = (of.offer_id.clone(), Units::ONE);
            let returned = StockReturned { offer_id, units, code: None };
            let is_drained = state.is_drained(&of.offer_id);
            is_drained.then(|| Post::of(state).write(home, Message::StockReturned(returned)))
        });
        std::iter::once(receipt).chain(next).collect()
    }

    /// What the shelf holds goes home.
    fn call_back(self, fact: &ShelfCalledBack) -> Vec<Event> {
        let Self { state, receipt, .. } = self;
        let ShelfCalledBack { offer_id, round } = fact;
        let shelf = state.offer(offer_id).map(|offer| offer.inventory);
        let units = shelf.and_then(crate::Inventory::remaining).unwrap_or_default();
        let sold = shelf.map(crate::Inventory::sold).unwrap_or_default();
        let drained = ShelfDrained { offer_id: offer_id.clone(), round: *round, units, sold };
        let home = offer_id.home(state.partitions());
        vec![receipt, Post::of(state).write(home, Message::ShelfDrained(drained))]
    }

    /// The credit comes in, or goes back with the reason.
    fn credit(self, credit: &CreditInTransit) -> Vec<Event> {
        let Self { state, now, receipt } = self;
        let mut draft = Draft::new(state, now);
        draft.apply_due(&credit.to);
        let number = state.unit_number(credit.unit);
        let is_of_merger = credit.transfer_id.is_of_merger();
        let checked = match (draft.account(&credit.to), number) {
            (None, _) => Err(Refusal::RecipientUnknown),
            (Some(_), _) if !is_of_merger && state.merged_into(&credit.to).is_some() => {
                Err(Refusal::AccountMerged { whose: Whose::Recipient })
            }
            // Of a unit that nobody here has had, there is room.
            (Some(_), None) => Ok(()),
            (Some(_), Some(number)) => draft
                .check_room(&credit.to, number, credit.points)
                .and_then(|()| match is_of_merger {
                    // An account may have more parts of lots by a merger.
                    true => Ok(()),
                    false => draft.check_parts(&credit.to, number, &credit.lots),
                }),
        };
        draft.push(receipt);
        if let Err(refusal) = checked {
            let back = Message::CreditReturned(credit.clone(), RefusalCode::from(&refusal));
            let there: Partition = credit.from.partition(state.partitions());
            draft.push(Post::of(state).write(there, back));
            return draft.into_events();
        }
        let received = CreditReceived {
            transfer_id: credit.transfer_id.clone(),
            from: credit.from.clone(),
            unit: credit.unit,
            points: credit.points,
            lots: credit.lots.clone(),
        };
        let received = Event::CreditReceived(credit.to.clone(), received);
        if number.is_some() {
            draft.come_in(received);
            draft.apply_due_again(&credit.to);
        } else {
            draft.push(received);
        }
        draft.into_events()
    }

    /// The account adds what one had counted that was merged into it.
    fn counts(self, it: &CountsInTransit) -> Vec<Event> {
        let Self { state, now, receipt } = self;
        let mut draft = Draft::new(state, now);
        draft.apply_due(&it.to);
        draft.push(receipt);
        let (from, counts) = (it.from.clone(), it.counts.clone());
        draft.take_over(&it.to, CountsTakenOver { from, counts });
        draft.into_events()
    }

    /// The account owes what one had owed that was merged into it. More than an amount can say goes
    /// back.
    fn debt(self, debt: &DebtInTransit) -> Vec<Event> {
        let DebtInTransit { from, to, points, .. } = debt;
        let state = self.state;
        let (mut draft, taken) = self.owes(debt, [from, to]);
        if let Some(rest) = points.minus(taken).and_then(Points::some) {
            let back = Message::DebtReturned(DebtInTransit { points: rest, ..debt.clone() });
            draft.push(Post::of(state).write(from.partition(state.partitions()), back));
        }
        draft.apply_due_again(to);
        draft.into_events()
    }

    /// The account that was merged owes again what the other has no room for.
    fn debt_back(self, debt: &DebtInTransit) -> Vec<Event> {
        let (mut draft, _) = self.owes(debt, [&debt.to, &debt.from]);
        draft.apply_due_again(&debt.from);
        draft.into_events()
    }

    /// An account owes as much of a debt that another passes to it as an amount can say.
    fn owes(self, debt: &DebtInTransit, [from, to]: [&AccountId; 2]) -> (Draft<'a>, Points) {
        let Self { state, now, receipt } = self;
        let mut draft = Draft::new(state, now);
        draft.apply_due(to);
        let owed = draft.owed(to, debt.unit);
        draft.push(receipt);
        let points = Points::MOST.minus(owed).unwrap_or_default().min(debt.points);
        let taken = DebtTakenOver { from: from.clone(), unit: debt.unit, points };
        draft.replay(Event::DebtTakenOver(to.clone(), taken));
        (draft, points)
    }

    /// The sender has it again. Where its account has no room any more, which takes more credit
    /// than one amount can say, it stays in transit.
    fn credit_back(self, credit: &CreditInTransit, why: RefusalCode) -> Vec<Event> {
        let Self { state, now, receipt } = self;
        let mut draft = Draft::new(state, now);
        draft.apply_due(&credit.from);
        draft.push(receipt);
        let number = state.unit_number(credit.unit).unwrap_or_default();
        if draft.check_room(&credit.from, number, credit.points).is_ok() {
            let returned = CreditReturned {
                transfer_id: credit.transfer_id.clone(),
                to: credit.to.clone(),
                unit: credit.unit,
                points: credit.points,
                lots: credit.lots.clone(),
                why,
            };
            draft.come_in(Event::CreditReturned(credit.from.clone(), returned));
            draft.apply_due_again(&credit.from);
        }
        draft.into_events()
    }
}
