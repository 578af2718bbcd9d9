//! A decision in the making: the events so far, and the accounts as they would be after them.

mod stock;
mod tiers;

pub(crate) use stock::Granted;

use std::sync::LazyLock;

use log_record::Position;

use crate::due::apply_due;
use crate::original::EarnedCredit;
use crate::standing::Counted;
use crate::{
    Account, AccountId, CauseKind, CreditReceived, CreditRefunded, CreditReturned, Day, Decision,
    Event, Grace, GrantId, HeldTier, LadderId, LotPart, OfUnit, Points, Price, Prices, Refusal,
    Standing, Standings, State, StockChange, TierId, Timestamp, UnitId, UnitNumber,
};

/// Events that are decided one after the other against a state that doesn't change.
pub(crate) struct Draft<'a> {
    pub(crate) state: &'a State,
    pub(crate) now: Timestamp,
    events: Vec<Event>,
    /// The index of the event that bears the command's id.
    outcome: usize,
    stock: Option<StockChange>,
    /// Accounts whose credit the events change, as they are after them; there are at most two, and
    /// those whose reservations are due.
    changed: Vec<(AccountId, Account)>,
    /// Where accounts stand on ladders after the events that were due.
    standings: Vec<(AccountId, Standings)>,
    /// How many of the events make lots that `changed` doesn't show.
    unshown_lots: usize,
    /// Units of an offer that came for the one exchange that is decided.
    granted: Option<Granted>,
}

impl<'a> Draft<'a> {
    pub(crate) const fn new(state: &'a State, now: Timestamp) -> Self {
        Self {
            state,
            now,
            events: vec![],
            outcome: 0,
            stock: None,
            changed: vec![],
            standings: vec![],
            unshown_lots: 0,
            granted: None,
        }
    }

    /// A draft that goes on behind events that are decided, as if it had made them.
    pub(crate) fn after(state: &'a State, now: Timestamp, events: Vec<Event>) -> Self {
        let mut draft = Self::new(state, now);
        for event in events {
            draft.replay(event);
        }
        draft
    }

    /// Adds an event that is decided, and applies it to its account's credit and standings; one of
    /// a unit that isn't known yet to nothing.
    pub(crate) fn replay(&mut self, event: Event) {
        let of_tier = event.is_of_tier() || event.counted_on().is_some();
        if let Some(id) = event.account_id().filter(|_| of_tier).cloned() {
            let (at, ladders) = (self.next_position(), self.state.ladders());
            let mut standings = self.take_standings(&id);
            // An event that can't be applied is refused by the state, which names the invariant.
            let _: Result<_, &str> = standings.evolve(ladders, at, self.now, &event);
            self.standings.push((id, standings));
        }
        let is_known = event.unit().is_none_or(|unit| self.state.unit_number(unit).is_some());
        if is_known && event.is_of_credit() { self.record(event) } else { self.push(event) }
    }

    /// Where the next event will stand.
    pub(crate) fn next_position(&self) -> Position {
        self.state.position().plus(self.events.len() as u64 + 1)
    }

    /// The events so far.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// An account after the events so far, if it exists.
    pub(crate) fn account(&self, id: &AccountId) -> Option<&Account> {
        let changed = self.changed.iter().find(|(other, _)| other == id);
        changed.map(|(_, account)| account).or_else(|| self.state.account(id))
    }

    /// What an account owes of a unit after the events so far.
    pub(crate) fn owed(&self, id: &AccountId, unit: UnitId) -> Points {
        let account = self.account(id).zip(self.state.unit_number(unit));
        account.map(|(account, unit)| account.wallet(unit).owed()).unwrap_or_default()
    }

    /// Records what has fallen due in an account by now.
    pub(crate) fn apply_due(&mut self, id: &AccountId) {
        self.apply_due_since(id, Timestamp::EPOCH);
    }

    /// Records what the command's own events made due, where any was applied.
    pub(crate) fn apply_due_again(&mut self, id: &AccountId) {
        if self.changed.iter().any(|(changed, _)| changed == id) {
            self.apply_due_since(id, self.now);
        }
    }

    fn apply_due_since(&mut self, id: &AccountId, since: Timestamp) {
        let (now, last, ladders) = (self.now, self.state.place(), self.state.ladders());
        let of_credit = self.account(id).is_some_and(|account| account.has_due(now));
        let of_tiers = self.standings(id).has_due(ladders, now);
        if !of_credit && !of_tiers {
            return;
        }
        let mut events = std::mem::take(&mut self.events);
        let before = events.len();
        let mut standings = if of_tiers { self.take_standings(id) } else { Standings::default() };
        if of_credit {
            let units = (self.state.known_units(), Some((&mut standings, ladders)));
            apply_due(self.changed_account(id), id, units, [since, now], last, &mut events);
        } else {
            // An account, which may have thousands of parts of lots, isn't copied for a tier.
            let last = last.plus(events.len() as u64).position;
            let due = standings.apply_due(ladders, now, last);
            events.extend(due.into_iter().map(|step| step.event(id)));
        }
        if of_tiers {
            self.standings.push((id.clone(), standings));
        }
        for kept in events[before..].iter().filter_map(Event::ends_reservation) {
            self.uncount(id, kept);
        }
        self.events = events;
    }

    /// Where an account stands on ladders, with what was due.
    fn standings(&self, id: &AccountId) -> &Standings {
        static NOTHING: LazyLock<Standings> = LazyLock::new(Standings::default);
        match self.standings.iter().find(|(other, _)| other == id) {
            Some((_, standings)) => standings,
            None => self.state.account(id).map_or(&NOTHING, Account::standings),
        }
    }

    fn take_standings(&mut self, id: &AccountId) -> Standings {
        match self.standings.iter().position(|(other, _)| other == id) {
            Some(index) => self.standings.swap_remove(index).1,
            None => self.standings(id).clone(),
        }
    }

    /// The tier of a ladder that counts for an account: the higher of what it has earned and what
    /// was granted. What was due was applied before. An account that the ladder never counted has
    /// the level from 0, where there is one.
    pub(crate) fn tier(&self, id: &AccountId, ladder: LadderId) -> Option<HeldTier> {
        let number = self.state.ladders().number(ladder)?;
        let (ladder, id) = (self.state.ladder(ladder)?, self.state.counting_account(id));
        match self.standings(id).get(number) {
            Some(standing) => standing.held(ladder),
            None => Standing::default().held(ladder),
        }
    }

    /// The grant that is in force for an account, by its id and its tier.
    pub(crate) fn grant(&self, id: &AccountId, ladder: LadderId) -> Option<(GrantId, TierId)> {
        let number = self.state.ladders().number(ladder)?;
        self.standings(id).get(number)?.granted_by(self.state.ladder(ladder)?)
    }

    /// The day on which credit counts that is earned at a time, where a ladder counts it.
    pub(crate) fn counted_on(&self, unit: UnitId, kind: CauseKind, at: Timestamp) -> Option<Day> {
        let ladder = self.state.ladders().count(unit, kind)?;
        Some(ladder.day(at))
    }

    /// Adds what follows on ladders from what the events count, ladder by ladder.
    fn judge_tiers(&mut self) {
        let ladders = self.state.ladders();
        if ladders.is_empty() {
            return;
        }
        let (last, now) = (self.state.position(), self.now);
        let mut counted: Vec<(AccountId, Vec<Counted>)> = vec![];
        for index in 0..self.events.len() {
            let event = &self.events[index];
            let (Some(_), Some(id)) = (event.counted_on(), event.account_id().cloned()) else {
                continue;
            };
            let mut standings = self.take_standings(&id);
            let at = last.plus(index as u64 + 1);
            // An event that can't be applied is refused by the state, which names the invariant.
            let on = standings.evolve(ladders, at, now, &self.events[index]).unwrap_or_default();
            self.standings.push((id.clone(), standings));
            match counted.iter_mut().find(|(other, _)| *other == id) {
                Some((_, all)) => all.extend(on),
                None => counted.push((id, on)),
            }
        }
        // Where an account was merged, the other one is judged.
        counted.retain(|(id, _)| self.state.merged_into(id).is_none());
        for (id, on) in counted {
            let mut standings = self.take_standings(&id);
            for (number, _) in ladders.numbered() {
                let mut here = on.iter().filter(|counted| counted.ladder == number).peekable();
                if here.peek().is_none() {
                    continue;
                }
                let is_less = here.any(|counted| counted.is_less);
                let at = last.plus(self.events.len() as u64 + 1);
                if let Some(step) = standings.judge(ladders, number, is_less, (at, now)) {
                    self.events.push(step.event(&id));
                }
            }
        }
    }

    /// Adds an event and applies it to its account, for what is to be decided after it.
    pub(crate) fn record(&mut self, event: Event) {
        let (now, at) = (self.now, self.state.place().plus(self.events.len() as u64 + 1));
        if let Some(id) = event.account_id() {
            let unit = event.unit().and_then(|unit| self.state.unit_number(unit));
            let unit = unit.unwrap_or_default();
            // An event that can't be applied is refused by the state, which names the invariant.
            let _: Result<(), &str> = self.changed_account(id).evolve(at, now, unit, &event);
        }
        self.events.push(event);
    }

    /// Adds an event after which nothing is decided.
    pub(crate) fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Adds an event by which credit comes into an account. It is applied only where something
    /// follows from it, because it pays a debt or has expired: the account, which may have
    /// thousands of parts of lots, isn't copied for every command.
    pub(crate) fn come_in(&mut self, mut event: Event) {
        if let Event::CreditEarned(_, fact) = &mut event
            && fact.counted_on.is_none()
        {
            fact.counted_on = self.counted_on(fact.unit, fact.cause.kind, self.now);
        }
        let has_expired = match &event {
            Event::CreditEarned(_, fact) => {
                fact.expires_at.is_some_and(|expires| expires <= self.now)
            }
            Event::CreditReceived(_, CreditReceived { lots, .. })
            | Event::CreditRefunded(_, CreditRefunded { lots, .. })
            | Event::CreditReturned(_, CreditReturned { lots, .. }) => self.have_expired(lots),
            Event::HoldReleased(_, fact) => self.have_expired(&fact.came_back()),
            Event::HoldCaptured(_, fact) => self.have_expired(&fact.came_back()),
            Event::ReturnReversed(_, fact) => fact.credit.is_some(),
            _ => true,
        };
        let owes = event.account_id().zip(event.unit());
        let owes = owes.is_some_and(|(id, unit)| self.owed(id, unit) > Points::ZERO);
        if has_expired || owes {
            return self.record(event);
        }
        self.unshown_lots += usize::from(matches!(event, Event::CreditEarned(..)));
        self.push(event);
    }

    /// Adds the event that bears the command's id, by which credit comes into the account, and what
    /// that makes due there.
    pub(crate) fn come_in_as_outcome(&mut self, id: &AccountId, event: Event) {
        self.outcome_is_next();
        self.come_in(event);
        self.apply_due_again(id);
    }

    fn have_expired(&self, parts: &[LotPart]) -> bool {
        parts.iter().any(|part| part.has_expired(self.now))
    }

    /// The grace that the policy promises for what is taken now.
    pub(crate) fn grace(&self) -> Grace {
        let (policy, _) = self.state.policy();
        policy.grace()
    }

    /// The next event bears the command's id.
    pub(crate) fn outcome_is_next(&mut self) {
        self.outcome = self.events.len();
    }

    /// Adds the event that bears the command's id; nothing is decided after it.
    pub(crate) fn push_outcome(&mut self, event: Event) {
        self.outcome_is_next();
        self.push(event);
    }

    /// A unit's place in the state.
    pub(crate) fn unit_number(&self, unit: UnitId) -> Result<UnitNumber, Refusal> {
        self.state.unit_number(unit).ok_or(Refusal::UnitUnknown { unit })
    }

    /// A unit's place in the state, if it can be spent.
    pub(crate) fn spendable(&self, unit: UnitId) -> Result<UnitNumber, Refusal> {
        let number = self.unit_number(unit)?;
        // Nobody can make points otherwise.
        if unit != UnitId::POINTS && !self.state.unit(unit).is_some_and(|it| it.terms.spendable) {
            return Err(Refusal::UnitNotSpendable { unit });
        }
        Ok(number)
    }

    /// Whether something can cost this from now on.
    pub(crate) fn check_prices(&self, prices: &Prices) -> Result<(), Refusal> {
        prices.iter().try_for_each(|Price { unit, .. }| {
            self.unit_number(unit)?;
            self.check_not_closed(unit)?;
            self.spendable(unit).map(|_| ())
        })
    }

    /// Whether credit of a unit can still come into being.
    pub(crate) fn check_not_closed(&self, unit: UnitId) -> Result<(), Refusal> {
        match self.state.unit(unit).and_then(|it| it.closed_at) {
            Some(at) => Err(Refusal::UnitClosed { unit, at }),
            None => Ok(()),
        }
    }

    /// Whether this credit may come into the account as a new lot; the first check that fails is
    /// the answer.
    pub(crate) fn check_credit(
        &self,
        id: &AccountId,
        unit: UnitId,
        points: Result<Points, Refusal>,
        available_at: Option<Timestamp>,
        expires_at: Option<Timestamp>,
    ) -> Result<Points, Refusal> {
        let number = self.unit_number(unit)?;
        self.check_not_closed(unit)?;
        self.check_expiry(expires_at)?;
        let points = points?;
        self.check_earning(unit, points)?;
        self.check_room(id, number, points)?;
        check_matures(available_at, expires_at, self.now)?;
        self.check_new_lot(id)?;
        Ok(points)
    }

    /// Whether so much more credit of a unit may come into the account.
    pub(crate) fn check_room(
        &self,
        id: &AccountId,
        unit: UnitNumber,
        points: Points,
    ) -> Result<(), Refusal> {
        match self.account(id) {
            Some(account) if !account.wallet(unit).has_room_for(points) => {
                let unit = OfUnit(self.state.unit_id(unit));
                Err(Refusal::AmountTooLarge { what: "the account's credit", unit })
            }
            _ => Ok(()),
        }
    }

    /// Whether credit that is given until then can be spent at all.
    fn check_expiry(&self, expires_at: Option<Timestamp>) -> Result<(), Refusal> {
        match expires_at {
            Some(expires_at) if expires_at <= self.now => {
                Err(Refusal::ExpiryPassed { now: self.now })
            }
            _ => Ok(()),
        }
    }

    /// Whether one credit may be so much.
    const fn check_earning(&self, unit: UnitId, points: Points) -> Result<(), Refusal> {
        let (policy, _) = self.state.policy();
        let max = policy.earning_points_max;
        if points.get() > max.get() {
            return Err(Refusal::EarningTooLarge { unit, max, asked: points });
        }
        Ok(())
    }

    /// Whether another lot may come into the account.
    fn check_new_lot(&self, id: &AccountId) -> Result<(), Refusal> {
        let lots = self.unshown_lots + 1;
        self.account(id).map_or(Ok(()), |account| account.check_new_lots(lots))
    }

    /// Whether these parts of a unit may come into the account, beside those that it has.
    pub(crate) fn check_parts(
        &self,
        id: &AccountId,
        unit: UnitNumber,
        coming: &[LotPart],
    ) -> Result<(), Refusal> {
        self.account(id).map_or(Ok(()), |account| account.check_parts(unit, coming))
    }

    /// Likewise of several units.
    pub(crate) fn check_parts_of_all(
        &self,
        id: &AccountId,
        coming: &[(UnitNumber, Vec<LotPart>)],
    ) -> Result<(), Refusal> {
        self.account(id).map_or(Ok(()), |account| account.check_parts_of_all(coming))
    }

    /// What was earned as a lot and has not been withdrawn.
    pub(crate) fn left_to_withdraw(&self, earned: EarnedCredit) -> Points {
        let withdrawn = self.state.withdrawn(self.state.lot_at(earned.position));
        earned.points.minus(withdrawn).unwrap_or_default()
    }

    /// The events alone, where they bear no command's id.
    pub(crate) fn into_events(self) -> Vec<Event> {
        self.events
    }

    pub(crate) fn finish(mut self) -> Decision {
        self.judge_tiers();
        if let Some(change) = self.stock {
            self.stock =
                Some(StockChange { is_reserved: self.is_reserved(change.offer), ..change });
        }
        Decision::Record { events: self.events, outcome: self.outcome, stock: self.stock }
    }

    fn changed_account(&mut self, id: &AccountId) -> &mut Account {
        let index = self.changed.iter().position(|(other, _)| other == id).unwrap_or_else(|| {
            let account = self.state.account(id).cloned().unwrap_or_default();
            self.changed.push((id.clone(), account));
            self.changed.len() - 1
        });
        &mut self.changed[index].1
    }
}

/// Refuses credit that would be pending until it has expired, and so could never be spent.
fn check_matures(
    available_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Refusal> {
    match (available_at, expires_at) {
        (Some(available_at), Some(expires_at))
            if now < available_at && expires_at <= available_at =>
        {
            Err(Refusal::NeverMatures { available_at, expires_at })
        }
        _ => Ok(()),
    }
}
