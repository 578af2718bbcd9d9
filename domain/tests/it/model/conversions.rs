//! What conversions do to the plain ledger, and the rates that they go by.

use domain::command::{CloseConversionRate, ConvertCredit, ExpectedVersion, SetConversionRate};
use domain::{AccountId, CreditConverted, UnitId};

use super::earning;
use super::effect::Effect;
use super::ledger::{ConversionRate, Ledger, MOST, No, Part, Time};
use super::lots::Life;
use super::rules::{
    Answer, done, done_elsewhere, insufficient, no, no_for, no_of, no_of_unit, number, signed,
    too_large_of,
};

/// What an account converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Converted {
    account: String,
    id: String,
    unit: UnitId,
    pub(crate) parts: Vec<Part>,
    to: UnitId,
    to_points: u128,
    /// The rate's.
    version: u64,
}

impl Converted {
    pub(crate) fn of(account: &AccountId, fact: &CreditConverted, parts: Vec<Part>) -> Self {
        Self {
            account: account.to_string(),
            id: fact.conversion_id.to_string(),
            unit: fact.unit,
            parts,
            to: fact.to,
            to_points: number(fact.to_points),
            version: fact.rate.version,
        }
    }
}

fn unknown<T>(from: UnitId, to: UnitId) -> Result<T, No> {
    no_of("rate-unknown", [("from", from), ("to", to)])
}

impl ConversionRate {
    fn check_open(&self) -> Result<(), No> {
        let Some(closed_at) = self.closed_at else { return Ok(()) };
        let facts = Some(vec![("closed_at", closed_at.into())]);
        let units = vec![("from", self.from), ("to", self.to)];
        Err(No { code: "rate-closed", facts, units })
    }
}

impl Ledger {
    pub(crate) fn conversion_rate(&self, from: UnitId, to: UnitId) -> Option<&ConversionRate> {
        self.conversion_rates.iter().find(|rate| (rate.from, rate.to) == (from, to))
    }

    fn rate_mut(&mut self, from: UnitId, to: UnitId) -> Option<&mut ConversionRate> {
        self.conversion_rates.iter_mut().find(|rate| (rate.from, rate.to) == (from, to))
    }

    pub(super) fn set_rate(&mut self, it: &SetConversionRate) -> Answer {
        let (from, to) = (it.from, it.to);
        self.check_unit(from)?;
        self.check_unit(to)?;
        let present = self.conversion_rate(from, to);
        if present.is_some_and(|rate| rate.closed_at.is_none() && rate.terms == it.terms) {
            return Ok(None);
        }
        self.check_not_closed(from)?;
        self.check_not_closed(to)?;
        self.check_spendable(from)?;
        let Some(rate) = self.rate_mut(from, to) else {
            if it.expected != ExpectedVersion::Absent {
                return unknown(from, to);
            }
            let terms = it.terms.clone();
            self.conversion_rates.push(ConversionRate {
                from,
                to,
                terms,
                version: 1,
                closed_at: None,
            });
            return done_elsewhere(Effect::ConversionRateSet(from, to, 1));
        };
        rate.check_open()?;
        let version = ("version", rate.version.into());
        match &it.expected {
            ExpectedVersion::Absent => return no_for("rate-exists", [version]),
            ExpectedVersion::OneOf(read) if !read.contains(&rate.version) => {
                return no_for("rate-changed", [version]);
            }
            ExpectedVersion::OneOf(_) | ExpectedVersion::Any => {}
        }
        rate.version += 1;
        rate.terms = it.terms.clone();
        done_elsewhere(Effect::ConversionRateSet(from, to, rate.version))
    }

    pub(super) fn close_rate(&mut self, it: &CloseConversionRate, now: Time) -> Answer {
        let (from, to) = (it.from, it.to);
        let Some(rate) = self.rate_mut(from, to) else { return unknown(from, to) };
        if rate.closed_at.is_some() {
            return Ok(None);
        }
        rate.closed_at = Some(now);
        rate.version += 1;
        done_elsewhere(Effect::ConversionRateClosed(from, to, rate.version))
    }

    pub(super) fn convert(&mut self, it: &ConvertCredit, now: Time) -> Answer {
        let (name, asked) = (it.account_id.as_str(), number(it.points));
        self.check_unit(it.from)?;
        self.check_not_closed(it.to)?;
        self.check_spendable(it.from)?;
        let Some(rate) = self.conversion_rate(it.from, it.to) else {
            return unknown(it.from, it.to);
        };
        rate.check_open()?;
        let version = rate.version;
        let (give, take) = (number(rate.terms.give), number(rate.terms.take));
        let least = rate.terms.minimum.map_or(0, number).max(give);
        if asked < least {
            let facts = [("least", signed(least)), ("asked", signed(asked))];
            return no_of_unit("points-too-small", it.from, facts);
        }
        let zone = self.check_unit(it.to)?.terms.time_zone.name().parse().expect("a zone");
        let expires_at = rate.terms.expiry.map(|rule| earning::ends(zone, rule, now));
        // What is less than a step stays.
        let (points, to_points) = (asked / give * give, asked / give * take);
        if to_points > MOST {
            return too_large_of(it.to);
        }
        self.check_room(name, it.to, to_points)?;
        if let Some(expected) = it.expected_points.map(number)
            && expected != to_points
        {
            let facts = vec![("needed", signed(to_points)), ("expected", signed(expected))];
            let units = vec![("unit", it.to)];
            return Err(No { code: "price-changed", facts: Some(facts), units });
        }
        let Some(account) = self.account(name) else { return no("account-unknown") };
        let available = account.wallet(it.from).sum_available();
        if points > available {
            return insufficient(it.from, points, available);
        }
        let id = it.conversion_id.as_str();
        let converted = Effect::Converted(Converted {
            account: name.to_owned(),
            id: id.to_owned(),
            unit: it.from,
            parts: self.wallet_mut(name, it.from).spend(points),
            to: it.to,
            to_points,
            version,
        });
        let life = Life::of_no_rule(now, None, expires_at);
        let earned = self.new_lot(name, ["conversion", id], it.to, to_points, life);
        done(name, [converted, earned])
    }
}
