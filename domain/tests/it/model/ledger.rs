//! A plain, slow ledger of points, written from docs/CREDIT.md alone: vectors and loops.

use domain::{Command, EarningTerms, Page, Policy, SpentCredit, Terms};

use super::earning::{self, Span};
use super::effect::{Due, Effect};
use super::shipping::{Request, Told};

/// The most that an amount can be.
pub(crate) const MOST: u128 = (1 << 53) - 1;
/// 24 hours.
pub(crate) const DAY: Time = 24 * 60 * 60 * 1_000_000;

/// Microseconds since 1970.
pub(crate) type Time = i64;

/// Some points of a lot; lots are numbered from 0 in the order in which they were earned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) lot: usize,
    pub(crate) points: u128,
    pub(crate) expires_at: Option<Time>,
    pub(crate) graced: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Hold {
    pub(crate) id: String,
    pub(crate) made_at: Time,
    pub(crate) deadline: Time,
    pub(crate) parts: Vec<Part>,
    pub(crate) grace: Grace,
}

/// The policy's grace when credit was taken: for how many days, and whether on own request, too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grace {
    pub(crate) days: Time,
    pub(crate) for_all: bool,
}

/// A hold that was captured and paid no exchange.
#[derive(Debug)]
pub(crate) struct Captured {
    pub(crate) account: String,
    pub(crate) hold: String,
    pub(crate) drawn: Vec<Part>,
    pub(crate) refunded: u128,
    pub(crate) grace: Grace,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) available: Vec<Part>,
    pub(crate) pending: Vec<(Time, Part)>,
    /// The oldest first.
    pub(crate) holds: Vec<Hold>,
    pub(crate) owed: u128,
    /// The oldest first; those that were paid, too.
    pub(crate) debts: Vec<Debt>,
    /// All that ever happened by itself in this account.
    pub(crate) fallen: Vec<Due>,
}

/// What a withdrawal made an account owe.
#[derive(Clone, Debug)]
pub(crate) struct Debt {
    /// The place of the withdrawal among all of them; an adjustment has none.
    pub(crate) withdrawal: Option<usize>,
    pub(crate) left: u128,
    pub(crate) paid: Vec<Part>,
}

/// What a withdrawal or a return took.
#[derive(Clone, Debug)]
pub(crate) struct Withdrawal {
    pub(crate) account: String,
    /// "withdrawal w-1", or "return B-1/r-1"
    pub(crate) what: [String; 2],
    pub(crate) lot: Option<usize>,
    /// What made room under a cap.
    pub(crate) gain: Option<usize>,
    pub(crate) points: u128,
    pub(crate) parts: Vec<Part>,
    /// Until when those of the lot were pending.
    pub(crate) pending_until: Option<Time>,
    pub(crate) expired: u128,
    pub(crate) forgiven: u128,
    /// The goods that came back: product and how many.
    pub(crate) lines: Vec<(String, u128)>,
}

#[derive(Debug)]
pub(crate) struct Lot {
    pub(crate) account: String,
    pub(crate) kind: String,
    pub(crate) cause: String,
    pub(crate) earned: u128,
    pub(crate) withdrawn: u128,
    /// What expired in the account that earned it, and was not forgiven.
    pub(crate) expired: u128,
}

#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) account: String,
    pub(crate) id: String,
    pub(crate) offer: String,
    pub(crate) quantity: u128,
    pub(crate) cost: u128,
    pub(crate) drawn: Vec<Part>,
    pub(crate) ships: bool,
    pub(crate) grace: Grace,
    pub(crate) cancelled: u128,
    pub(crate) refunded: u128,
}

#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) product: String,
    pub(crate) quantity: u128,
    pub(crate) points: u128,
    pub(crate) returned: u128,
}

#[derive(Debug)]
pub(crate) struct Purchase {
    pub(crate) account: String,
    pub(crate) id: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) lot: Option<usize>,
    pub(crate) rule: Option<(String, u64)>,
    pub(crate) refused: Option<Refused>,
    /// What it earned under a cap, or would have earned.
    pub(crate) gain: Option<usize>,
}

/// Why a purchase earned nothing, and what the lot would have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: &'static str,
    pub(crate) available_at: Option<Time>,
    pub(crate) expires_at: Option<Time>,
    pub(crate) cap_period: Option<Span>,
}

#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) id: String,
    pub(crate) terms: Terms,
    pub(crate) page: Page,
    pub(crate) version: u64,
    pub(crate) opening_stock: Option<Option<u128>>,
    pub(crate) stock: Option<u128>,
    pub(crate) sold: u128,
    pub(crate) closed_at: Option<Time>,
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) terms: EarningTerms,
    pub(crate) version: u64,
    /// The terms of the versions before, with the time at which they were replaced.
    pub(crate) former: Vec<(Time, EarningTerms)>,
}

/// What a shopper earned by a rule under its cap, and in which of its periods.
#[derive(Debug)]
pub(crate) struct Gain {
    pub(crate) account: String,
    pub(crate) rule: String,
    pub(crate) period: Span,
    pub(crate) points: u128,
}

/// A command that was done.
#[derive(Debug)]
pub(crate) struct Deed {
    pub(crate) id: Option<Vec<String>>,
    pub(crate) command: Command,
}

/// Why not.
#[derive(Debug)]
pub(crate) struct No {
    pub(crate) code: &'static str,
    /// Nothing where the document doesn't say.
    pub(crate) facts: Option<Vec<(&'static str, i128)>>,
}

/// What became of a command.
#[derive(Debug)]
pub(crate) enum Outcome {
    Refused(No),
    /// It was done before, as that deed.
    Repeat(usize),
    Unchanged,
    Done(Effects),
}

/// What a command did.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// The accounts that it was decided on, in order.
    pub(crate) accounts: Vec<String>,
    pub(crate) own: Vec<Effect>,
    /// What followed from it by itself.
    pub(crate) after: Vec<Effect>,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) accounts: Vec<Account>,
    pub(crate) lots: Vec<Lot>,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) purchases: Vec<Purchase>,
    /// Account, hold: every one there ever was.
    pub(crate) holds: Vec<(String, String)>,
    pub(crate) captures: Vec<Captured>,
    pub(crate) withdrawals: Vec<Withdrawal>,
    pub(crate) told: Vec<Told>,
    pub(crate) requests: Vec<Request>,
    pub(crate) offers: Vec<Offer>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) gains: Vec<Gain>,
    pub(crate) policy: Policy,
    pub(crate) policy_version: u64,
    pub(crate) deeds: Vec<Deed>,
}

impl Part {
    /// What expires first, then the lower lot, then the part without grace.
    fn order(&self) -> (Time, usize, bool) {
        (self.expires_at.unwrap_or(Time::MAX), self.lot, self.graced)
    }
}

pub(crate) fn sum(parts: &[Part]) -> u128 {
    parts.iter().map(|part| part.points).sum()
}

impl Grace {
    /// The parts as they come back at a time. A part gets grace once.
    pub(crate) fn given(self, parts: &[Part], now: Time, is_own_request: bool) -> Vec<Part> {
        let mut parts = parts.to_vec();
        // To the end of that day.
        let ends = (now + self.days * DAY + DAY - 1) / DAY * DAY;
        if self.days > 0 && (self.for_all || !is_own_request) {
            for part in parts.iter_mut().filter(|part| !part.graced) {
                if part.expires_at.is_some_and(|expires_at| expires_at < ends) {
                    part.expires_at = Some(ends);
                    part.graced = true;
                }
            }
        }
        parts
    }
}

/// Takes up to so many points from parts that are in the order to be taken in. What was taken, and
/// what is left.
pub(crate) fn split(parts: &[Part], points: u128) -> (Vec<Part>, Vec<Part>) {
    let (mut taken, mut left, mut missing) = (vec![], vec![], points);
    for part in parts {
        let taking = part.points.min(missing);
        missing -= taking;
        if taking > 0 {
            taken.push(Part { points: taking, ..part.clone() });
        }
        if taking < part.points {
            left.push(Part { points: part.points - taking, ..part.clone() });
        }
    }
    (taken, left)
}

impl Account {
    /// What is available, pending and held.
    pub(crate) fn total(&self) -> u128 {
        self.sum_available() + self.sum_pending() + self.sum_held()
    }

    pub(crate) fn sum_available(&self) -> u128 {
        sum(&self.available)
    }

    pub(crate) fn sum_pending(&self) -> u128 {
        self.pending.iter().map(|(_, part)| part.points).sum()
    }

    pub(crate) fn sum_held(&self) -> u128 {
        self.holds.iter().map(|hold| sum(&hold.parts)).sum()
    }

    /// Makes a part available; what is the same in all but points is one part.
    pub(crate) fn put(&mut self, part: Part) {
        match self.available.iter_mut().find(|other| other.order() == part.order()) {
            Some(other) => other.points += part.points,
            None => self.available.push(part),
        }
        self.available.sort_by_key(Part::order);
    }

    pub(crate) fn put_all(&mut self, parts: &[Part]) {
        parts.iter().for_each(|part| self.put(part.clone()));
    }

    /// Takes from what is available, in spending order.
    pub(crate) fn spend(&mut self, points: u128) -> Vec<Part> {
        let (taken, left) = split(&self.available, points);
        self.available = left;
        taken
    }

    pub(crate) fn owe(&mut self, points: u128, withdrawal: Option<usize>) {
        self.owed += points;
        if points > 0 {
            self.debts.push(Debt { withdrawal, left: points, paid: vec![] });
        }
    }

    /// Credit pays the oldest debt first.
    fn pay(&mut self, part: &Part) {
        self.owed -= part.points;
        let mut rest = part.points;
        for debt in self.debts.iter_mut().filter(|debt| debt.left > 0) {
            let paying = rest.min(debt.left);
            debt.left -= paying;
            rest -= paying;
            if paying > 0 {
                debt.paid.push(Part { points: paying, ..part.clone() });
            }
        }
    }

    /// When the next thing happens by itself.
    fn next_due(&self) -> Option<Time> {
        let mut times = vec![];
        times.extend(self.pending.iter().map(|(at, _)| *at));
        times.extend(self.holds.iter().map(|hold| hold.deadline));
        times.extend(self.available.iter().filter_map(|part| part.expires_at));
        times.into_iter().min()
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            accounts: vec![],
            lots: vec![],
            exchanges: vec![],
            purchases: vec![],
            holds: vec![],
            captures: vec![],
            withdrawals: vec![],
            told: vec![],
            requests: vec![],
            offers: vec![],
            rules: vec![],
            gains: vec![],
            policy: Policy {
                spent_credit: SpentCredit::Refuse,
                refund_grace_days: 30,
                earning_points_max: domain::Points::MOST,
                grace_on_own_request: false,
            },
            policy_version: 0,
            deeds: vec![],
        }
    }
}

impl Ledger {
    /// The grace of what is taken now.
    pub(crate) fn grace(&self) -> Grace {
        let Policy { refund_grace_days, grace_on_own_request, .. } = self.policy;
        Grace { days: refund_grace_days.into(), for_all: grace_on_own_request }
    }

    /// Does all that falls due until then, in every account.
    pub(crate) fn advance(&mut self, now: Time) {
        for index in 0..self.accounts.len() {
            while let Some(at) = self.accounts[index].next_due().filter(|at| *at <= now) {
                self.fall(index, at);
            }
        }
    }

    /// The four things that happen by themselves, at one time.
    pub(crate) fn fall(&mut self, index: usize, at: Time) {
        let account = &mut self.accounts[index];
        let mut fallen = vec![];

        account.pending.sort_by_key(|(available_at, part)| (*available_at, part.lot));
        while account.pending.first().is_some_and(|(available_at, _)| *available_at <= at) {
            let (_, part) = account.pending.remove(0);
            account.put(part.clone());
            fallen.push(Due::Matured(part));
        }

        // `min_by_key` gives the first of equal ones, which is the older hold.
        while let Some(place) = (0..account.holds.len())
            .filter(|place| account.holds[*place].deadline <= at)
            .min_by_key(|place| account.holds[*place].deadline)
        {
            let hold = account.holds.remove(place);
            let parts = hold.grace.given(&hold.parts, hold.deadline, true);
            account.put_all(&parts);
            fallen.push(Due::Released(hold.id, parts));
        }

        for part in account.spend(account.owed) {
            account.pay(&part);
            fallen.push(Due::Repaid(part));
        }

        for part in std::mem::take(&mut account.available) {
            if part.expires_at.is_some_and(|expires_at| expires_at <= at) {
                if self.lots[part.lot].account == account.name {
                    self.lots[part.lot].expired += part.points;
                }
                fallen.push(Due::Expired(part));
            } else {
                account.available.push(part);
            }
        }

        account.fallen.extend(fallen);
    }

    /// What is done again after a command's own events.
    pub(crate) fn settle_after(&mut self, done: &mut Effects, now: Time) {
        for name in done.accounts.clone() {
            let Some(index) = self.accounts.iter().position(|it| it.name == name) else { continue };
            let before = self.accounts[index].fallen.len();
            self.fall(index, now);
            let after = self.accounts[index].fallen[before..].iter();
            done.after.extend(after.map(|due| Effect::Due(name.clone(), due.clone())));
        }
    }

    pub(crate) fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.name == name)
    }

    pub(crate) fn account_mut(&mut self, name: &str) -> &mut Account {
        self.accounts.iter_mut().find(|account| account.name == name).expect("it exists")
    }

    pub(crate) fn offer(&self, id: &str) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.id == id)
    }

    pub(crate) fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// The terms and the number of a rule's version that was in force at a time; the first, before.
    pub(crate) fn version_at(&self, id: &str, at: Time) -> Option<(&EarningTerms, u64)> {
        let rule = self.rule(id)?;
        for (number, (replaced_at, terms)) in (1..).zip(&rule.former) {
            if at < *replaced_at {
                return Some((terms, number));
            }
        }
        Some((&rule.terms, rule.version))
    }

    /// Every time after `now` at which something will be otherwise.
    pub(crate) fn turning_points(&self, now: Time) -> Vec<Time> {
        let mut times = vec![(now / DAY + 1) * DAY];
        for account in &self.accounts {
            times.extend(account.pending.iter().map(|(at, _)| *at));
            times.extend(account.holds.iter().map(|hold| hold.deadline));
            let held = account.holds.iter().flat_map(|hold| &hold.parts);
            times.extend(account.available.iter().chain(held).filter_map(|part| part.expires_at));
        }
        for offer in &self.offers {
            times.extend(offer.terms.opens_at.map(|at| at.micros()));
            times.extend(offer.terms.closes_at.map(|at| at.micros()));
        }
        times.extend(self.rules.iter().map(|rule| earning::next_day(&rule.terms, now)));
        for multiplier in self.rules.iter().flat_map(|rule| &rule.terms.multipliers) {
            times.extend([multiplier.from.micros(), multiplier.until.micros()]);
        }
        times.retain(|time| *time > now);
        times.sort_unstable();
        times.dedup();
        times
    }
}
