//! Partitions that nobody waits for: commands come while messages are under way.

use std::collections::HashMap;

use domain::command::OpenAccount;
use domain::{Account, Command, Event, LotId, LotPart, Message, OfferPhase, State};
use log_record::{Partition, Position};

use super::super::asking;
use super::super::seen::Seen;
use super::super::world::{PARTITIONS, STEP_MICROS, World, later};
use crate::laws::random::Recorded;
use crate::laws::sums::{number, sums};
use crate::model::ask::{Ask, Step, Sweep};
use crate::model::beside::BEGINNING;
use crate::model::ledger::Ledger;
use crate::model::values::{RULES, id, in_unit, time};

/// How many steps for which nobody asks come between two commands, at most.
const DRIFT_MAX: u64 = 14;

impl World {
    /// Takes all steps, heals, and sees that nothing is left over.
    pub(super) fn live(mut self, steps: &[Step]) -> Result<Seen, String> {
        self.now = time(BEGINNING);
        self.accounts = vec![id("rich")];
        // No name of a random command is so high.
        self.next_id = 1_000;
        self.open_logs()?;
        // It knows which names there may be, as if nothing had to be waited for.
        let mut guide = Ledger { partitions: PARTITIONS, ..Ledger::default() };
        for (number, step) in steps.iter().enumerate() {
            self.lives(step, &mut guide).map_err(|why| format!("step {number}: {why}"))?;
        }
        self.heal().map_err(|why| format!("healing: {why}"))?;
        self.make_offers_plain().map_err(|why| format!("making offers plain: {why}"))?;
        self.check_end().map_err(|why| format!("in the end: {why}"))?;
        self.check_lots()?;
        self.check_rules()?;
        Ok(self.seen)
    }

    /// A partition records a portion of what fell due; whether there was any.
    pub(super) fn sweep(&mut self, here: Partition) -> Result<bool, String> {
        let time = self.now.max(self.node(here).state.recorded_at());
        let Some(events) = self.node(here).state.take_due(time) else { return Ok(false) };
        self.record(here, time, events)?;
        Ok(true)
    }

    fn lives(&mut self, step: &Step, guide: &mut Ledger) -> Result<(), String> {
        let now = step.wait.after(self.now.micros(), guide);
        self.now = time(now);
        let here = self.any();
        if !self.is_silent(here) {
            match step.sweep {
                Sweep::Portions(portions) => {
                    for _ in 0..portions {
                        self.sweep(here)?;
                    }
                }
                Sweep::All => while self.sweep(here)? {},
                Sweep::Replay => {
                    let mut dice = self.dice.clone();
                    self.node(here).crash(|ends| dice.index(ends))?;
                }
                Sweep::Snapshot => self.node(here).restart_from_snapshot(),
            }
        }
        let mut command = step.ask.command(guide, now);
        if !matches!(step.ask, Ask::Again(_)) {
            command = in_unit(command, step.unit, guide);
        }
        guide.execute(&command, now);
        self.ask(command)?;
        self.check()?;
        for _ in 0..self.dice.below(DRIFT_MAX) {
            self.step += 1;
            if self.dice.percent(30) {
                self.now = later(self.now, self.dice.below(STEP_MICROS));
            }
            let (here, there) = (self.any(), self.any());
            let what = 32 + self.dice.below(68);
            self.drift(what, here, there)?;
            self.check()?;
        }
        Ok(())
    }

    /// Offers cost nothing and are open, so that one shopper alone can have all that is left.
    fn make_offers_plain(&mut self) -> Result<(), String> {
        let rich = self.accounts[0].clone();
        self.ask(Command::OpenAccount(OpenAccount { account_id: rich, occurred_at: None }))?;
        for id in self.offers() {
            let number = self.number();
            let home = &self.nodes[usize::from(id.home(PARTITIONS).0)].state;
            match home.offer(&id).map(|offer| offer.phase) {
                Some(OfferPhase::Closed { .. }) => self.ask(asking::reopen(id.as_str(), number))?,
                Some(OfferPhase::Paused { .. }) => self.ask(asking::resume(id.as_str(), number))?,
                _ => {}
            }
            self.settle()?;
            self.ask(asking::amend(id.as_str(), 0, None))?;
            self.settle()?;
        }
        Ok(())
    }

    /// I7 of each lot, over all partitions: what was earned is in accounts, or gone for good.
    fn check_lots(&self) -> Result<(), String> {
        let mut earned: HashMap<LotId, i128> = HashMap::new();
        let mut found: HashMap<LotId, i128> = HashMap::new();
        let mut find = |parts: &[LotPart], sign: i128| {
            for part in parts {
                *found.entry(part.lot).or_default() += sign * number(part.points);
            }
        };
        for node in &self.nodes {
            for (_, account) in node.state.accounts() {
                find(&parts_of(account), 1);
            }
            for recorded in &node.log {
                // What came back and found no room stays between.
                match &recorded.event {
                    Event::MessageReceived(fact) => {
                        if let Message::CreditReturned(credit, _) = &fact.message {
                            find(&credit.lots, 1);
                        }
                    }
                    Event::CreditReturned(_, fact) => find(&fact.lots, -1),
                    _ => {}
                }
            }
        }
        for node in &self.nodes {
            let log = (1..).zip(&node.log).map(|(at, recorded)| Recorded {
                at: Position(at),
                time: recorded.time,
                event: recorded.event.clone(),
            });
            let log: Vec<Recorded> = log.collect();
            let (_, made, gone) = sums(node.state.partition(), &log);
            earned.extend(made);
            for (lot, points) in gone {
                *found.entry(lot).or_default() += points;
            }
        }
        for (lot, points) in earned {
            let found = found.remove(&lot).unwrap_or_default();
            if found != points {
                return Err(format!("I7: {points} were earned as lot {lot}, {found} are found"));
            }
        }
        match found.into_iter().find(|(_, points)| *points != 0) {
            Some((lot, points)) => Err(format!("I7: {points} are of lot {lot}, which there isn't")),
            None => Ok(()),
        }
    }

    /// All partitions know the same rules and rates.
    fn check_rules(&self) -> Result<(), String> {
        let all = (0..PARTITIONS).map(Partition);
        let rules = |state: &State| {
            let rules = RULES.map(|rule| state.rule(&id(rule)));
            rules.map(|rule| rule.map(|rule| (rule.terms.clone(), rule.version)))
        };
        let units: Vec<_> = self.nodes[0].state.units().map(|(unit, _)| unit).collect();
        let rates = |state: &State| -> Vec<_> {
            let pairs = units.iter().flat_map(|from| units.iter().map(move |to| (*from, *to)));
            let rates = pairs.map(|(from, to)| state.conversion_rate(from, to));
            let shown =
                rates.map(|it| it.map(|it| (it.terms.clone(), it.version, it.closed_at.is_some())));
            shown.collect()
        };
        for here in all {
            let [first, state] = [0, here.0].map(|it| &self.nodes[usize::from(it)].state);
            if rules(first) != rules(state) || rates(first) != rates(state) {
                return Err(format!("partition {here} has other rules or rates"));
            }
        }
        Ok(())
    }
}

/// All that an account has, of every unit.
fn parts_of(account: &Account) -> Vec<LotPart> {
    let parts = account.wallets().flat_map(|(_, wallet)| {
        let pending = wallet.pending_parts().iter().map(|pending| &pending.part);
        wallet.lots().chain(pending).chain(wallet.holds().iter().flat_map(|hold| &hold.lots))
    });
    parts.cloned().collect()
}
