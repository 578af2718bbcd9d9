//! Make a unit, or give it another name as it was read.

use log_record::Position;

use super::ExpectedVersion;
use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::unit::UNITS_MAX;
use crate::{Decision, Event, Refusal, State, Subject, UnitId, UnitSet, UnitTerms};

/// Sets a unit. What accounts have of it stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetUnit {
    /// The unit.
    pub unit: UnitId,
    /// What it is from now on, whole.
    pub terms: UnitTerms,
    /// The version that the caller expects to replace.
    pub expected: ExpectedVersion,
}

impl CommandRules for SetUnit {
    fn name(&self) -> &'static str {
        "set-unit"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        let units = draft.state.known_units();
        let version = match (units.get(self.unit), &self.expected) {
            (None, ExpectedVersion::Absent) if units.len() >= UNITS_MAX => {
                return Err(Refusal::TooManyUnits { max: UNITS_MAX as u64 });
            }
            (None, ExpectedVersion::Absent) => 1,
            (None, _) => return Err(Refusal::UnitUnknown { unit: self.unit }),
            (Some(unit), _) if unit.terms == self.terms => return Ok(Decision::Unchanged),
            (Some(unit), ExpectedVersion::Absent) => {
                check_name_only(&unit.terms, &self.terms)?;
                return Err(Refusal::UnitExists { version: unit.version });
            }
            (Some(unit), ExpectedVersion::OneOf(read)) if !read.contains(&unit.version) => {
                return Err(Refusal::UnitChanged { version: unit.version });
            }
            (Some(unit), _) => {
                check_name_only(&unit.terms, &self.terms)?;
                unit.version + 1
            }
        };
        let set = UnitSet { unit: self.unit, version, terms: self.terms.clone() };
        Ok(Decision::of(Event::UnitSet(set)))
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Subject::unit(state, self.unit)
    }
}

/// Whether the terms differ by the name alone.
fn check_name_only(terms: &UnitTerms, asked: &UnitTerms) -> Result<(), Refusal> {
    match terms.first_fixed_difference(asked) {
        Some(field) => Err(Refusal::UnitFixed { field }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::*;

    #[test]
    fn a_unit_is_made_and_renamed_as_it_was_read() {
        let named = |name: &str| UnitTerms { name: Some(id(name)), ..spendable() };
        given([])
            .refuses(set_unit("miles", spendable(), ExpectedVersion::Any), "unit-unknown")
            .does(set_unit("miles", spendable(), ExpectedVersion::Absent))
            .refuses(set_unit("miles", named("Miles"), ExpectedVersion::Absent), "unit-exists")
            .refuses(set_unit("miles", named("Miles"), read(2)), "unit-changed")
            .does(set_unit("miles", named("Miles"), read(1)))
            .does(set_unit("miles", named("Stars"), ExpectedVersion::Any))
            .when(set_unit("miles", named("Stars"), read(1)))
            .then_unchanged();
    }

    #[test]
    fn nothing_of_a_unit_changes_but_its_name() {
        let made = || given([]).does(set_unit("miles", spendable(), ExpectedVersion::Absent));
        let others = [
            ("spendable", unspendable()),
            ("decimals", UnitTerms { decimals: 2.try_into().expect("decimals"), ..spendable() }),
            ("time_zone", UnitTerms { time_zone: id("Europe/Berlin"), ..spendable() }),
        ];
        for (field, other) in others {
            // Also where nothing says which version was read: no If-Match would help.
            for expected in [ExpectedVersion::Any, ExpectedVersion::Absent] {
                made()
                    .when(set_unit("miles", other.clone(), expected.clone()))
                    .then_refused_because(Refusal::UnitFixed { field });
                given([]).refuses(set_unit("points", other.clone(), expected), "unit-fixed");
            }
        }
    }

    #[test]
    fn points_are_there_from_the_start() {
        given([])
            .refuses(set_unit("points", unspendable(), ExpectedVersion::Absent), "unit-fixed")
            .when(set_unit("points", spendable(), ExpectedVersion::Absent))
            .then_unchanged();
    }

    #[test]
    fn there_are_a_hundred_units_at_most() {
        let made = (1..100).fold(given([]), |made, number| {
            let unit = format!("unit-{number}");
            made.does(set_unit(&unit, spendable(), ExpectedVersion::Absent))
        });
        made.refuses(set_unit("miles", spendable(), ExpectedVersion::Absent), "too-many-units");
    }

    fn read(version: u64) -> ExpectedVersion {
        ExpectedVersion::OneOf([version].into())
    }
}
