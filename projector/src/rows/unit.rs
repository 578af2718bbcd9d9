//! Units: the kinds of points.

use domain::{UnitClosed, UnitId, UnitSet, UnitTerms};
use read_model::{Unit, row};

use super::{At, Rows, int};

/// A version of a unit.
#[derive(Debug)]
pub(crate) enum UnitChange {
    /// It was made, or has another name.
    Set(Unit),
    Closed(UnitClosure),
}

row! {
    /// A unit's closure.
    pub(crate) struct UnitClosure in "unit" {
        unit: String,
        closed_at: i64,
        version: i64,
        position: i64,
    }
}

impl Rows {
    /// Points are there from the log's opening on; the programme lives in the first partition.
    pub(super) fn points_are_there(&mut self, at: At<'_>) {
        if at.partition() == 0 {
            let (unit, terms) = (UnitId::POINTS, UnitTerms::of_points());
            self.unit_set(at, UnitSet { unit, version: 1, terms });
        }
    }

    pub(super) fn unit_set(&mut self, at: At<'_>, fact: UnitSet) {
        let UnitSet { unit, version, terms } = fact;
        let UnitTerms { name, spendable, decimals, time_zone } = terms;
        let unit = Unit {
            unit: unit.to_string(),
            made_at: at.place(),
            name: name.map(|name| name.to_string()),
            spendable,
            decimals: u8::from(decimals).into(),
            time_zone: time_zone.name().to_owned(),
            closed_at: None,
            version: int(version),
            partition: at.partition().into(),
            position: at.position(),
        };
        self.unit_changes.push(UnitChange::Set(unit));
    }

    pub(super) fn unit_closed(&mut self, at: At<'_>, fact: &UnitClosed) {
        let closure = UnitClosure {
            unit: fact.unit.to_string(),
            closed_at: at.recorded_at.micros(),
            version: int(fact.version),
            position: at.position(),
        };
        self.unit_changes.push(UnitChange::Closed(closure));
    }
}
