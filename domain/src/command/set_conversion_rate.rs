//! Make a conversion rate, or replace its terms as they were read.

use log_record::Position;

use super::ExpectedVersion;
use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::{ConversionRateSet, ConversionTerms, Decision, Event, Refusal, State, Subject, UnitId};

/// Sets a conversion rate. What was converted stays as it was converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetConversionRate {
    /// The unit that goes.
    pub from: UnitId,
    /// The unit that comes; another one.
    pub to: UnitId,
    /// The terms from now on, whole.
    pub terms: ConversionTerms,
    /// The version that the caller expects to replace.
    pub expected: ExpectedVersion,
}

impl CommandRules for SetConversionRate {
    fn name(&self) -> &'static str {
        "set-conversion-rate"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        let Self { from, to, .. } = *self;
        draft.unit_number(from)?;
        draft.unit_number(to)?;
        let rate = draft.state.conversion_rate(from, to);
        if rate.is_some_and(|rate| rate.closed_at.is_none() && rate.terms == self.terms) {
            return Ok(Decision::Unchanged);
        }
        draft.check_not_closed(from)?;
        draft.check_not_closed(to)?;
        draft.spendable(from)?;
        let version = match (rate, &self.expected) {
            (None, ExpectedVersion::Absent) => 1,
            (None, _) => return Err(Refusal::RateUnknown { from, to }),
            (Some(rate), expected) => {
                if let Some(at) = rate.closed_at {
                    return Err(Refusal::RateClosed { from, to, at });
                }
                let version = rate.version;
                match expected {
                    ExpectedVersion::Absent => return Err(Refusal::RateExists { version }),
                    ExpectedVersion::OneOf(read) if !read.contains(&version) => {
                        return Err(Refusal::RateChanged { version });
                    }
                    ExpectedVersion::Any | ExpectedVersion::OneOf(_) => version + 1,
                }
            }
        };
        let set = ConversionRateSet { from, to, version, terms: self.terms.clone() };
        Ok(Decision::of(Event::ConversionRateSet(set)))
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Subject::conversion_rate(state, self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::*;

    #[test]
    fn a_rate_is_made_and_changed_as_it_was_read() {
        let read = |version: u64| ExpectedVersion::OneOf([version].into());
        made()
            .refuses(
                set_rate("points", "miles", rate_of(3, 1), ExpectedVersion::Any),
                "rate-unknown",
            )
            .does(set_rate("points", "miles", rate_of(3, 1), ExpectedVersion::Absent))
            .refuses(
                set_rate("points", "miles", rate_of(2, 1), ExpectedVersion::Absent),
                "rate-exists",
            )
            .refuses(set_rate("points", "miles", rate_of(2, 1), read(2)), "rate-changed")
            .does(set_rate("points", "miles", rate_of(2, 1), read(1)))
            .does(set_rate("points", "miles", rate_of(4, 1), ExpectedVersion::Any))
            .when(set_rate("points", "miles", rate_of(4, 1), read(1)))
            .then_unchanged();
    }

    #[test]
    fn each_direction_has_a_rate_of_its_own() {
        made()
            .does(set_rate("points", "miles", rate_of(3, 1), ExpectedVersion::Absent))
            .does(set_rate("miles", "points", rate_of(1, 2), ExpectedVersion::Absent));
    }

    #[test]
    fn a_rate_is_of_units_that_there_are_and_of_one_that_can_be_spent() {
        let rate = |from, to| set_rate(from, to, rate_of(3, 1), ExpectedVersion::Absent);
        made()
            .refuses(rate("points", "stars"), "unit-unknown")
            .refuses(rate("stars", "points"), "unit-unknown")
            .does(set_unit("status", unspendable(), ExpectedVersion::Absent))
            .refuses(rate("status", "points"), "unit-not-spendable")
            .does(rate("points", "status"));
    }

    #[test]
    fn no_rate_that_is_set_names_a_closed_unit_and_one_that_was_set_stays() {
        let rate = |from, to, give| set_rate(from, to, rate_of(give, 1), ExpectedVersion::Any);
        let first = |from, to| set_rate(from, to, rate_of(3, 1), ExpectedVersion::Absent);
        made()
            .does(first("miles", "points"))
            .does(close_unit("miles"))
            .refuses(first("points", "miles"), "unit-closed")
            .refuses(rate("miles", "points", 2), "unit-closed")
            .when(rate("miles", "points", 3))
            .then_unchanged();
    }

    fn made() -> Scenario {
        given([]).does(make_unit("miles"))
    }
}
