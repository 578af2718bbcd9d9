//! A plain, slow ledger of points, written from docs/CREDIT.md alone: vectors and loops.

use domain::{
    AccountId, Command, ConversionTerms, EarningTerms, Page, Policy, SpentCredit, Terms, Timestamp,
    UnitId, UnitTerms,
};

use super::earning::{self, Span};
use super::effect::{Due, Effect};
use super::offers;
use super::shipping::{Request, Told};
use super::values;
pub(crate) use super::wallet::{split, sum};

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
    /// Where the lot was earned: of lots that expire at one time, this comes before their age.
    pub(crate) partition: u16,
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
    pub(crate) unit: UnitId,
    pub(crate) drawn: Vec<Part>,
    pub(crate) refunded: u128,
    pub(crate) grace: Grace,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pub(crate) name: String,
    /// In the order in which the units were made; those that it has had something of.
    pub(crate) wallets: Vec<Wallet>,
    /// All that ever happened by itself in this account.
    pub(crate) fallen: Vec<Due>,
}

/// What an account has of a unit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wallet {
    pub(crate) unit: UnitId,
    pub(crate) available: Vec<Part>,
    pub(crate) pending: Vec<(Time, Part)>,
    /// The oldest first.
    pub(crate) holds: Vec<Hold>,
    pub(crate) owed: u128,
    /// The oldest first; those that were paid, too.
    pub(crate) debts: Vec<Debt>,
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

#[derive(Clone, Debug)]
pub(crate) struct Lot {
    pub(crate) account: String,
    pub(crate) unit: UnitId,
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
    /// What paid it, of each unit that it costs, in the offer's order.
    pub(crate) paid: Vec<(UnitId, Vec<Part>)>,
    pub(crate) ships: bool,
    pub(crate) grace: Grace,
    pub(crate) cancelled: u128,
    /// In which periods it counts, by their first days.
    pub(crate) counted: Vec<(&'static str, String)>,
}

#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) product: String,
    pub(crate) quantity: u128,
    /// Of each unit, in the purchase's order.
    pub(crate) points: Vec<u128>,
    pub(crate) returned: u128,
}

#[derive(Debug)]
pub(crate) struct Purchase {
    pub(crate) account: String,
    pub(crate) id: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) units: Vec<OfUnit>,
}

/// What a purchase earned of a unit.
#[derive(Clone, Debug)]
pub(crate) struct OfUnit {
    pub(crate) unit: UnitId,
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
    pub(crate) paused_at: Option<Time>,
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

/// A kind of points.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) id: UnitId,
    pub(crate) terms: UnitTerms,
    pub(crate) version: u64,
    pub(crate) closed_at: Option<Time>,
}

/// By which a unit becomes another.
#[derive(Debug)]
pub(crate) struct ConversionRate {
    pub(crate) from: UnitId,
    pub(crate) to: UnitId,
    pub(crate) terms: ConversionTerms,
    pub(crate) version: u64,
    pub(crate) closed_at: Option<Time>,
}

/// Why not.
#[derive(Debug)]
pub(crate) struct No {
    pub(crate) code: &'static str,
    /// Nothing where the document doesn't say.
    pub(crate) facts: Option<Vec<(&'static str, i128)>>,
    /// The units that it names.
    pub(crate) units: Vec<(&'static str, UnitId)>,
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
    /// How many partitions the ledger beside it has. The model has none, but for what differs
    /// with them: which lot is spent first, what becomes of a transfer, and when stock is looked
    /// at.
    pub(crate) partitions: u16,
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
    /// In the order in which they were made.
    pub(crate) units: Vec<Unit>,
    pub(crate) conversion_rates: Vec<ConversionRate>,
    pub(crate) gains: Vec<Gain>,
    pub(crate) policy: Policy,
    pub(crate) policy_version: u64,
    pub(crate) deeds: Vec<Deed>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            partitions: 1,
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
            units: vec![Unit {
                id: UnitId::POINTS,
                terms: UnitTerms::of_points(),
                version: 1,
                closed_at: None,
            }],
            conversion_rates: vec![],
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

    /// What happens by itself in an account at one time, unit by unit.
    pub(crate) fn fall(&mut self, index: usize, at: Time) {
        for unit in 0..self.accounts[index].wallets.len() {
            let fallen = self.fall_in(index, unit, at);
            self.accounts[index].fallen.extend(fallen);
        }
    }

    /// The four things that happen by themselves, at one time, in one unit.
    fn fall_in(&mut self, index: usize, unit: usize, at: Time) -> Vec<Due> {
        let Account { name, wallets, .. } = &mut self.accounts[index];
        let account = &mut wallets[unit];
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
                if self.lots[part.lot].account == *name {
                    self.lots[part.lot].expired += part.points;
                }
                fallen.push(Due::Expired(part));
            } else {
                account.available.push(part);
            }
        }
        fallen
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

    /// What an account has of a unit; nothing where there is no such account.
    pub(crate) fn wallet(&self, name: &str, unit: UnitId) -> Wallet {
        self.account(name).cloned().unwrap_or_default().wallet(unit)
    }

    pub(crate) fn wallet_mut(&mut self, name: &str, unit: UnitId) -> &mut Wallet {
        let order: Vec<UnitId> = self.units.iter().map(|unit| unit.id).collect();
        let wallets = &mut self.account_mut(name).wallets;
        if wallets.iter().all(|wallet| wallet.unit != unit) {
            wallets.push(Wallet { unit, ..Wallet::default() });
            wallets.sort_by_key(|wallet| order.iter().position(|unit| *unit == wallet.unit));
        }
        wallets.iter_mut().find(|wallet| wallet.unit == unit).expect("it is there")
    }

    /// The partition that an account lives in.
    pub(crate) fn home_of(&self, account: &str) -> u16 {
        if self.partitions == 1 {
            return 0;
        }
        values::id::<AccountId>(account).partition(self.partitions).0
    }

    pub(crate) fn unit(&self, id: UnitId) -> Option<&Unit> {
        self.units.iter().find(|unit| unit.id == id)
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
        for account in self.accounts.iter().flat_map(|account| &account.wallets) {
            times.extend(account.pending.iter().map(|(at, _)| *at));
            times.extend(account.holds.iter().map(|hold| hold.deadline));
            let held = account.holds.iter().flat_map(|hold| &hold.parts);
            times.extend(account.available.iter().chain(held).filter_map(|part| part.expires_at));
        }
        for offer in &self.offers {
            times.extend(offer.terms.opens_at.map(|at| at.micros()));
            times.extend(offer.terms.closes_at.map(|at| at.micros()));
            times.extend(offers::renewals(&offer.terms, now));
        }
        times.extend(self.rules.iter().map(|rule| earning::next_day(&rule.terms, now)));
        for multiplier in self.rules.iter().flat_map(|rule| &rule.terms.multipliers) {
            let ends = [multiplier.from, multiplier.until].into_iter().flatten();
            times.extend(ends.map(Timestamp::micros));
        }
        times.retain(|time| *time > now);
        times.sort_unstable();
        times.dedup();
        times
    }
}
