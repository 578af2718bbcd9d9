//! Conversion rates: how much of one unit becomes how much of another.

use indexmap::IndexMap;
use log_record::Position;
use serde::{Deserialize, Serialize};

use crate::{Calendar, ExpiryRule, Points, RateVersion, Timestamp, UnitId};

/// What a conversion rate says; a change replaces all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversionTerms {
    /// Each whole step of so much …
    pub give: Points,
    /// … becomes so much of the other unit.
    pub take: Points,
    /// A conversion of less than this is refused.
    pub minimum: Option<Points>,
    /// For how long what comes can be spent; without it, for ever.
    pub expiry: Option<ExpiryRule>,
}

/// A conversion rate as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversionRate {
    /// The present terms.
    pub terms: ConversionTerms,
    /// Counts changes of the terms, and the closure, from 1.
    pub version: u64,
    /// When an operator closed it, where one did: nothing more is converted by it.
    pub closed_at: Option<Timestamp>,
    /// The event that last changed it.
    pub changed_at: Position,
}

/// What a conversion of some points comes to: what goes, and what comes; nothing comes where that
/// would be more than an amount can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Converted {
    pub(crate) points: Points,
    pub(crate) to_points: Option<Points>,
}

impl ConversionTerms {
    /// The least that can be converted.
    pub(crate) fn least(&self) -> Points {
        self.minimum.map_or(self.give, |minimum| minimum.max(self.give))
    }

    /// What so many points come to: whole steps only, so the rest stays.
    pub(crate) fn convert(&self, points: Points) -> Converted {
        let steps = points.whole_steps(self.give);
        // The steps of some points are no more than these.
        let drawn = self.give.times(steps).unwrap_or(points);
        Converted { points: drawn, to_points: self.take.times(steps) }
    }

    /// When what comes at `now` expires, if ever.
    pub(crate) fn expires_at(&self, calendar: Calendar, now: Timestamp) -> Option<Timestamp> {
        self.expiry.map(|rule| calendar.end_of(rule, now))
    }
}

impl RateVersion {
    /// Whether so many points give so many of the other unit: in × give = out × take.
    pub(crate) fn balances(&self, points: Points, to_points: Points) -> bool {
        to_points.product(self.give) == points.product(self.take)
    }
}

/// The conversion rates that there are, by the unit that goes and the one that comes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ConversionRates(
    // Written as a list of pairs, for two units can't be a key in every format.
    #[serde(with = "indexmap::map::serde_seq")] IndexMap<(UnitId, UnitId), ConversionRate>,
);

impl ConversionRates {
    pub(crate) fn get(&self, from: UnitId, to: UnitId) -> Option<&ConversionRate> {
        self.0.get(&(from, to))
    }

    pub(crate) fn get_mut(&mut self, from: UnitId, to: UnitId) -> Option<&mut ConversionRate> {
        self.0.get_mut(&(from, to))
    }

    pub(crate) fn add(&mut self, from: UnitId, to: UnitId, terms: ConversionTerms, at: Position) {
        let rate = ConversionRate { terms, version: 1, closed_at: None, changed_at: at };
        self.0.insert((from, to), rate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AMOUNT_MAX;
    use crate::scenario::points;

    fn terms(give: u64, take: u64) -> ConversionTerms {
        let (give, take) = (points(give), points(take));
        ConversionTerms { give, take, minimum: None, expiry: None }
    }

    #[test]
    fn whole_steps_are_converted_and_the_rest_stays() {
        let converted = |asked| {
            let Converted { points, to_points } = terms(3, 2).convert(points(asked));
            [points.get(), to_points.expect("an amount").get()]
        };
        assert_eq!([2, 3, 5, 6, 300].map(converted), [[0, 0], [3, 2], [3, 2], [6, 4], [300, 200]]);
    }

    #[test]
    fn what_would_be_more_than_an_amount_is_none() {
        let most = points(AMOUNT_MAX);
        assert_eq!(terms(1, 1).convert(most).to_points, Some(most));
        assert_eq!(terms(1, 2).convert(most).to_points, None);
        assert_eq!(terms(AMOUNT_MAX, AMOUNT_MAX).convert(most).to_points, Some(most));
    }

    #[test]
    fn a_conversion_balances_by_its_rate_alone() {
        let rate = RateVersion { version: 1, give: points(3), take: points(2) };
        assert!(rate.balances(points(6), points(4)));
        assert!(!rate.balances(points(6), points(5)));
        assert!(!rate.balances(points(4), points(4)));
    }
}
