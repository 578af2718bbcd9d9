//! Conversion rates, and whether conversions follow them.

use log_record::Position;

use super::impossible::{Changed, ensure};
use super::programme::{Programme, UNKNOWN_UNIT};
use crate::{
    ConversionRate, ConversionRateClosed, ConversionRateSet, CreditConverted, RateVersion,
    Timestamp,
};

const UNKNOWN_RATE: &str = "of an unknown conversion rate";

impl Programme {
    pub(super) fn conversion_rate_set(
        &mut self,
        at: Position,
        fact: &ConversionRateSet,
    ) -> Changed {
        let (from, to) = (fact.from, fact.to);
        ensure(from != to, "a conversion rate of a unit to itself")?;
        for unit in [from, to] {
            let unit = self.units.get(unit).ok_or(UNKNOWN_UNIT)?;
            ensure(unit.closed_at.is_none(), "I14: a conversion rate of a closed unit was set")?;
        }
        let is_spendable = self.units.get(from).is_some_and(|unit| unit.terms.spendable);
        ensure(is_spendable, "I14: a conversion rate of a unit was set that can't be spent")?;
        let Some(rate) = self.conversion_rates.get_mut(from, to) else {
            ensure(fact.version == 1, "a conversion rate's versions are counted")?;
            self.conversion_rates.add(from, to, fact.terms.clone(), at);
            return Ok(());
        };
        rate.next_version(at, fact.version)?;
        rate.terms = fact.terms.clone();
        Ok(())
    }

    pub(super) fn conversion_rate_closed(
        &mut self,
        at: Position,
        time: Timestamp,
        fact: &ConversionRateClosed,
    ) -> Changed {
        let rate = self.conversion_rates.get_mut(fact.from, fact.to).ok_or(UNKNOWN_RATE)?;
        rate.next_version(at, fact.version)?;
        rate.closed_at = Some(time);
        Ok(())
    }

    /// Whether a conversion is by the rate in force (I15).
    pub(super) fn check_conversion(&self, fact: &CreditConverted) -> Changed {
        let rate = self.conversion_rates.get(fact.unit, fact.to).ok_or(UNKNOWN_RATE)?;
        ensure(rate.closed_at.is_none(), "I15: a conversion by a closed rate")?;
        let RateVersion { version, give, take } = fact.rate;
        let is_in_force = (version, give, take) == (rate.version, rate.terms.give, rate.terms.take);
        ensure(is_in_force, "I15: a conversion by a rate that isn't in force")?;
        let balances = fact.rate.balances(fact.points, fact.to_points);
        ensure(balances, "I15: a conversion gives what its rate says")
    }
}

impl ConversionRate {
    /// Takes it to the version that an event says.
    fn next_version(&mut self, at: Position, version: u64) -> Changed {
        ensure(self.closed_at.is_none(), "a closed conversion rate was changed")?;
        ensure(version == self.version + 1, "a conversion rate's versions are counted")?;
        self.version = version;
        self.changed_at = at;
        Ok(())
    }
}
