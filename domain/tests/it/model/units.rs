//! What commands about units do to the plain ledger.

use domain::UnitId;
use domain::command::{CloseUnit, ExpectedVersion, SetUnit};

use super::effect::Effect;
use super::ledger::{Ledger, No, Time, Unit};
use super::rules::{Answer, done_elsewhere, no, no_for, no_of};

impl Ledger {
    pub(super) fn set_unit(&mut self, it: &SetUnit) -> Answer {
        let many = self.units.len();
        let Some(unit) = self.units.iter_mut().find(|unit| unit.id == it.unit) else {
            if it.expected != ExpectedVersion::Absent {
                return no_of("unit-unknown", [("unit", it.unit)]);
            }
            if many == 100 {
                return no_for("too-many-units", [("max", 100)]);
            }
            let terms = it.terms.clone();
            self.units.push(Unit { id: it.unit, terms, version: 1, closed_at: None });
            return done_elsewhere(Effect::UnitSet(it.unit, 1));
        };
        if unit.terms == it.terms {
            return Ok(None);
        }
        let version = ("version", unit.version.into());
        let (had, has) = (&unit.terms, &it.terms);
        let is_fixed = had.spendable != has.spendable
            || had.decimals != has.decimals
            || had.time_zone != has.time_zone;
        match &it.expected {
            ExpectedVersion::Absent if is_fixed => return no("unit-fixed"),
            ExpectedVersion::Absent => return no_for("unit-exists", [version]),
            ExpectedVersion::OneOf(read) if !read.contains(&unit.version) => {
                return no_for("unit-changed", [version]);
            }
            ExpectedVersion::OneOf(_) | ExpectedVersion::Any => {}
        }
        if is_fixed {
            return no("unit-fixed");
        }
        unit.version += 1;
        unit.terms = it.terms.clone();
        done_elsewhere(Effect::UnitSet(it.unit, unit.version))
    }

    pub(super) fn close_unit(&mut self, it: &CloseUnit, now: Time) -> Answer {
        if it.unit == UnitId::POINTS {
            return no("unit-not-closable");
        }
        let Some(unit) = self.units.iter_mut().find(|unit| unit.id == it.unit) else {
            return no_of("unit-unknown", [("unit", it.unit)]);
        };
        if unit.closed_at.is_some() {
            return Ok(None);
        }
        unit.closed_at = Some(now);
        unit.version += 1;
        done_elsewhere(Effect::UnitClosed(it.unit, unit.version))
    }

    /// Whether there is such a unit.
    pub(crate) fn check_unit(&self, unit: UnitId) -> Result<&Unit, No> {
        self.unit(unit).map_or_else(|| no_of("unit-unknown", [("unit", unit)]), Ok)
    }

    /// Whether the unit can be spent.
    pub(crate) fn check_spendable(&self, unit: UnitId) -> Result<(), No> {
        let is_spendable = self.check_unit(unit)?.terms.spendable;
        if is_spendable { Ok(()) } else { no_of("unit-not-spendable", [("unit", unit)]) }
    }

    /// Whether more of the unit can be earned.
    pub(crate) fn check_not_closed(&self, unit: UnitId) -> Result<(), No> {
        let Some(closed_at) = self.check_unit(unit)?.closed_at else { return Ok(()) };
        let facts = Some(vec![("closed_at", closed_at.into())]);
        Err(No { code: "unit-closed", facts, units: vec![("unit", unit)] })
    }
}
