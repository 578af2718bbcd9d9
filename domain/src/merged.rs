//! What an account that was merged passes on: all that can be spent of it, and all that it owes, of
//! every unit, and all that it counts, in the append in which it is there (I21). So what is
//! pending, held or spent keeps its account and its ids, and what comes of it later follows.
//!
//! It moves as a transfer does, under an id that the ledger makes, within a partition by two events
//! and to another by a message. What the other account has no room for stays where it is, and is
//! tried again with the next event of the account.

use crate::draft::Draft;
use crate::lots::sum_of;
use crate::post::Post;
use crate::{
    AccountId, Counts, CountsInTransit, CountsPassedOn, CountsTakenOver, CreditInTransit,
    CreditReceived, CreditSent, DebtInTransit, DebtPassedOn, DebtTakenOver, Event, LotPart,
    Message, Points, State, Timestamp, TransferId, UnitId, UnitNumber, UnitShared,
};

/// Adds to events that are decided what accounts of theirs pass on that were merged, before them or
/// by them.
pub(crate) fn pass_on(state: &State, events: &mut Vec<Event>, now: Timestamp) {
    let merged = merged_accounts(state, events);
    if merged.is_empty() {
        return;
    }
    let mut post = Post::after(state, events);
    let mut draft = Draft::after(state, now, std::mem::take(events));
    for (from, into) in merged {
        let end = state.end_of(&into).clone();
        // Of what has come in, some may pay a debt first, and some may have expired.
        draft.apply_due_again(&from);
        Passing { draft: &mut draft, post: &mut post, from, to: end }.all();
    }
    *events = draft.into_events();
}

/// The accounts of these events that were merged, and into which.
fn merged_accounts(state: &State, events: &[Event]) -> Vec<(AccountId, AccountId)> {
    let mut merged: Vec<(AccountId, AccountId)> = vec![];
    for event in events {
        let Some(id) = event.account_id() else { continue };
        let into = match event {
            Event::AccountMerged(_, fact) => Some(&fact.into),
            _ => state.merged_into(id),
        };
        if let Some(into) = into
            && merged.iter().all(|(other, _)| other != id)
        {
            merged.push((id.clone(), into.clone()));
        }
    }
    merged
}

/// One account passes on what it has.
struct Passing<'d, 's> {
    draft: &'d mut Draft<'s>,
    post: &'d mut Post<'s>,
    from: AccountId,
    /// Where the mergers lead, as far as this partition knows.
    to: AccountId,
}

impl Passing<'_, '_> {
    fn all(&mut self) {
        let now = self.draft.now;
        let Some(account) = self.draft.account(&self.from) else { return };
        let wallets = account.wallets().map(|(number, wallet)| {
            let lots = wallet.lots().filter(|part| !part.has_expired(now)).cloned();
            (number, wallet.owed(), lots.collect::<Vec<_>>())
        });
        let wallets = wallets.filter(|(_, owed, lots)| *owed > Points::ZERO || !lots.is_empty());
        let mut wallets: Vec<_> = wallets.collect();
        if self.came_back() {
            wallets.clear();
        }
        let (come, owed_anew) = self.of_new_units();
        let counts = self.counts();
        let moves_credit = !(wallets.is_empty() && come.is_empty() && owed_anew.is_empty());
        if !moves_credit && counts.is_empty() {
            return;
        }
        if self.is_here() {
            self.draft.apply_due(&self.to);
        }
        self.pass_counts(counts);
        for (number, owed, lots) in wallets {
            let Some(unit) = self.draft.state.unit_id(number) else { continue };
            let Some(of) = self.known_unit(unit) else { continue };
            if owed > Points::ZERO {
                self.debt(unit, of, owed);
            } else {
                self.credit((unit, number), of, lots);
            }
        }
        for CreditInTransit { unit, of, lots, .. } in come {
            let lots = lots.into_iter().filter(|part| !part.has_expired(now)).collect();
            // It isn't closed here before the programme's home says so.
            let of = UnitShared { closed_at: None, ..of };
            self.send(unit, of, lots);
        }
        for DebtInTransit { unit, of, points, .. } in owed_anew {
            self.debt(unit, UnitShared { closed_at: None, ..of }, points);
        }
        self.draft.apply_due_again(&self.to);
    }

    /// What it counts: by a merger all that it ever did, and later what counts more or less by the
    /// events.
    fn counts(&self) -> Counts {
        let (state, id) = (self.draft.state, &self.from);
        let is_new = state.merged_into(id).is_none();
        let before = state.account(id).filter(|_| is_new);
        let mut counts = before.map(|account| Counts::of(state, account)).unwrap_or_default();
        counts.add_events(id, self.draft.events());
        counts.ladders = self.draft.ladder_counts(id);
        counts
    }

    fn pass_counts(&mut self, counts: Counts) {
        for counts in counts.in_portions() {
            let (from, to) = (self.from.clone(), self.to.clone());
            let passed = CountsPassedOn { to: to.clone() };
            self.draft.replay(Event::CountsPassedOn(from.clone(), passed));
            if self.is_here() {
                self.draft.take_over(&to, CountsTakenOver { from, counts });
            } else {
                let there = to.partition(self.draft.state.partitions());
                let counts = Box::new(CountsInTransit { from, to, counts });
                let sent = self.post.write(there, Message::CountsPassedOn(counts));
                self.draft.replay(sent);
            }
        }
    }

    /// Credit and debts of units that this partition hadn't heard of before the message that brings
    /// them.
    fn of_new_units(&self) -> (Vec<CreditInTransit>, Vec<DebtInTransit>) {
        let is_new = |unit: UnitId| self.draft.state.unit_number(unit).is_none();
        let (mut come, mut owed) = (vec![], vec![]);
        for message in self.received() {
            match message {
                Message::CreditSent(it) if it.to == self.from && is_new(it.unit) => {
                    come.push(it.clone());
                }
                Message::DebtPassedOn(it) if it.to == self.from && is_new(it.unit) => {
                    owed.push(it.clone());
                }
                _ => {}
            }
        }
        (come, owed)
    }

    /// A unit as it is after the events: a message that brings some tells of it, too.
    fn known_unit(&self, id: UnitId) -> Option<UnitShared> {
        let known = self.draft.state.unit(id).map(UnitShared::from)?;
        let told = self.received().find_map(|message| match message {
            Message::CreditSent(it) if it.unit == id => Some(&it.of),
            Message::DebtPassedOn(it) if it.unit == id => Some(&it.of),
            _ => None,
        });
        Some(match told {
            Some(of) if id != UnitId::POINTS && of.version >= known.version => {
                UnitShared { closed_at: known.closed_at, ..of.clone() }
            }
            _ => known,
        })
    }

    /// Whether the events bring back what was passed on and the other had no room for. It stays
    /// for now.
    fn came_back(&self) -> bool {
        self.received().any(|message| match message {
            Message::CreditReturned(it, _) => it.from == self.from && it.transfer_id.is_of_merger(),
            Message::DebtReturned(it) => it.from == self.from,
            _ => false,
        })
    }

    fn received(&self) -> impl Iterator<Item = &Message> {
        self.draft.events().iter().filter_map(|event| match event {
            Event::MessageReceived(fact) => Some(&fact.message),
            _ => None,
        })
    }

    fn is_here(&self) -> bool {
        self.draft.state.is_home_of(&self.to)
    }

    fn credit(&mut self, (unit, number): (UnitId, UnitNumber), of: UnitShared, lots: Vec<LotPart>) {
        let sum = sum_of(&lots).unwrap_or(Points::MOST);
        if self.is_here() && self.draft.check_room(&self.to, number, sum).is_err() {
            return;
        }
        self.send(unit, of, lots);
    }

    fn send(&mut self, unit: UnitId, of: UnitShared, lots: Vec<LotPart>) {
        let Some(points) = sum_of(&lots).filter(|points| *points > Points::ZERO) else { return };
        let transfer_id = TransferId::of_merger(self.draft.next_position());
        let (from, to) = (self.from.clone(), self.to.clone());
        let sent = CreditSent {
            transfer_id: transfer_id.clone(),
            to: to.clone(),
            unit,
            points,
            lots: lots.clone(),
            occurred_at: None,
        };
        self.draft.replay(Event::CreditSent(from.clone(), sent));
        let next = if self.is_here() {
            let received = CreditReceived { transfer_id, from, unit, points, lots };
            Event::CreditReceived(to, received)
        } else {
            let there = to.partition(self.draft.state.partitions());
            let credit = CreditInTransit { transfer_id, from, to, unit, of, points, lots };
            self.post.write(there, Message::CreditSent(credit))
        };
        self.draft.replay(next);
    }

    fn debt(&mut self, unit: UnitId, of: UnitShared, points: Points) {
        let is_here = self.is_here();
        if is_here && self.draft.owed(&self.to, unit).plus(points).is_none() {
            return;
        }
        let (from, to) = (self.from.clone(), self.to.clone());
        let passed = DebtPassedOn { to: to.clone(), unit, points };
        self.draft.replay(Event::DebtPassedOn(from.clone(), passed));
        let next = if is_here {
            Event::DebtTakenOver(to, DebtTakenOver { from, unit, points })
        } else {
            let there = to.partition(self.draft.state.partitions());
            self.post
                .write(there, Message::DebtPassedOn(DebtInTransit { from, to, unit, of, points }))
        };
        self.draft.replay(next);
    }
}
