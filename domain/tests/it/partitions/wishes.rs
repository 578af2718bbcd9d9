//! What shoppers and operators ask for, and what happens to what is kept for them by itself.

use domain::command::Admission;
use domain::{AccountId, Command, Refusal, UnitId};
use log_record::Partition;

use super::asking::{self, id};
use super::world::{OF_CODES, OFFERS, PARTITIONS, World, later};

/// For how long a reservation lasts at most.
const RESERVED_MICROS: u64 = 20_000_000;

impl World {
    pub(super) fn shoppers_wish(&mut self) -> Command {
        let account = self.accounts[self.dice.index(self.accounts.len())].clone();
        let number = self.number();
        match self.dice.below(28) {
            24..27 => self.wish_to_wait(&account, number),
            27 if !self.joined.is_empty() => {
                asking::leave(&self.joined[self.dice.index(self.joined.len())])
            }
            20 | 21 => {
                let offer = OFFERS[self.dice.index(OFFERS.len())];
                let quantity = 1 + self.dice.below(4) / 2;
                let deadline = later(self.now, 1 + self.dice.below(RESERVED_MICROS));
                let asked = asking::reserve(&account, number, offer, quantity, deadline);
                self.reserved.push(asked.clone());
                asked
            }
            22 | 23 if !self.reserved.is_empty() => {
                let reserved = &self.reserved[self.dice.index(self.reserved.len())];
                match self.dice.below(6) {
                    0 => reserved.clone(),
                    1 => asking::release_reserved(reserved),
                    _ => {
                        let asked = asking::capture_reserved(reserved, number);
                        self.asked.push(asked.clone());
                        asked
                    }
                }
            }
            0..12 => {
                let offer = OFFERS[self.dice.index(OFFERS.len())];
                let quantity = 1 + self.dice.below(4) / 2;
                let asked = asking::redeem(&account, number, offer, quantity);
                self.asked.push(asked.clone());
                asked
            }
            12 if !self.asked.is_empty() => self.asked[self.dice.index(self.asked.len())].clone(),
            13 | 14 if !self.asked.is_empty() => {
                let asked = &self.asked[self.dice.index(self.asked.len())];
                let key = asked.exchange().expect("an exchange");
                let quantity = if self.dice.percent(50) { None } else { Some(1) };
                asking::cancel(&key, number, quantity)
            }
            15 => asking::earn(&account, id("miles"), 1 + self.dice.below(9), number),
            16 => {
                let earned = asking::earn(&account, UnitId::POINTS, 1 + self.dice.below(9), number);
                self.earned.push(earned.clone());
                earned
            }
            17 if !self.earned.is_empty() => {
                asking::withdraw(&self.earned[self.dice.index(self.earned.len())], number)
            }
            _ => {
                let mut to = self.accounts[self.dice.index(self.accounts.len())].clone();
                if to == account || self.dice.percent(20) {
                    to = id(&format!("stranger-{}", self.dice.below(9)));
                }
                let unit = if self.dice.percent(60) { UnitId::POINTS } else { id("miles") };
                asking::transfer(&account, &to, unit, 1 + self.dice.below(9), number)
            }
        }
    }

    /// The offer's home is asked first, which may have been a while ago.
    fn wish_to_wait(&mut self, account: &AccountId, number: u64) -> Command {
        let offer = OFFERS[self.dice.index(OFFERS.len())];
        let home = id::<domain::OfferId>(offer).home(PARTITIONS);
        let now = self.now.max(self.node(home).state.recorded_at());
        let said = self.node(home).decide(&asking::admit_wait(offer), now);
        let is_old = self.dice.percent(10);
        let admission = match said {
            Err(Refusal::NotSoldOut) if !is_old => {
                self.seen.see("not sold out for a wait");
                Admission::NotSoldOut
            }
            _ => Admission::Open,
        };
        let asked = asking::join(account, number, offer, Some(admission));
        self.joined.push(asked.clone());
        asked
    }

    pub(super) fn operators_wish(&mut self) -> Command {
        let offer = OFFERS[self.dice.index(OFFERS.len())];
        let number = self.number();
        match self.dice.below(17) {
            15 | 16 => {
                let count = 1 + u8::try_from(self.dice.below(12)).expect("small");
                asking::upload(OF_CODES, number, count)
            }
            0..3 => asking::add(offer, number, 1 + self.dice.below(40)),
            3 | 4 => asking::remove(offer, number, 1 + self.dice.below(10)),
            5 => asking::amend(offer, 1 + self.dice.below(2), None),
            6 => {
                let stock =
                    if self.dice.percent(60) { Some(40 + self.dice.below(90)) } else { None };
                asking::amend(offer, 1, Some(stock))
            }
            7 => asking::close(offer),
            8 | 9 => asking::reopen(offer, number),
            10 => asking::policy(self.dice.below(30)),
            11 => asking::pause(offer),
            12 | 13 => asking::resume(offer, number),
            _ if self.dice.percent(50) => asking::amend_ladder(20 + self.dice.below(100)),
            _ => asking::name_unit(id("miles"), number),
        }
    }

    /// What is due in a partition's accounts is recorded, as in the background.
    pub(super) fn sweep_all(&mut self, here: Partition) -> Result<(), String> {
        if self.is_silent(here) {
            return Ok(());
        }
        let now = self.now.max(self.node(here).state.recorded_at());
        let is_paused = self.dice.percent(20);
        loop {
            let kept = self.node(here).state.keeps_longer(now, is_paused);
            if kept.is_empty() {
                break;
            }
            self.record(here, now, kept)?;
        }
        while let Some(events) = self.node(here).state.take_due(now) {
            self.record(here, now, events)?;
        }
        Ok(())
    }

    /// Nothing is reserved and nobody waits, so that all that isn't sold can be.
    pub(super) fn end_keeping(&mut self) -> Result<(), String> {
        self.now = later(self.now, RESERVED_MICROS);
        self.serve_all()?;
        for join in self.joined.clone() {
            self.ask(asking::leave(&join))?;
        }
        self.settle()?;
        self.serve_all()?;
        match self.nodes.iter().flat_map(|node| node.state.waits()).next() {
            Some(wait) => Err(format!("I23: {wait:?} waits, and has left")),
            None => self.check_lines(),
        }
    }

    /// What is due is recorded, and what that tells others arrives, until nothing is due.
    fn serve_all(&mut self) -> Result<(), String> {
        loop {
            let before: Vec<usize> = self.nodes.iter().map(|node| node.log.len()).collect();
            for here in (0..PARTITIONS).map(Partition) {
                self.sweep_all(here)?;
            }
            self.settle()?;
            if self.nodes.iter().map(|node| node.log.len()).eq(before) {
                self.check_lines()?;
                return self.check_all_served();
            }
        }
    }
}
