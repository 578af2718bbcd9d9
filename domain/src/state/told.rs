//! What the programme's home told, and units as they came with credit.

use log_record::Position;

use super::impossible::{Changed, TOO_MUCH, ensure};
use super::programme::UNKNOWN_UNIT;
use super::{Programme, State};
use crate::{ProgrammeChange, Timestamp, UnitClosed, UnitId, UnitSet, UnitShared};

impl State {
    pub(super) fn programme_changed(
        &mut self,
        at: Position,
        recorded_at: Timestamp,
        change: &ProgrammeChange,
    ) -> Changed {
        let programme = &mut self.programme;
        match change {
            ProgrammeChange::Policy(fact) => programme.policy_changed(at, fact),
            ProgrammeChange::EarningRule(fact) => programme.earning_rule_set(at, recorded_at, fact),
            ProgrammeChange::Unit(fact) => programme.unit_told(at, fact),
            ProgrammeChange::UnitClosed(fact) => programme.unit_closure_told(at, recorded_at, fact),
            ProgrammeChange::Ladder(fact) => {
                programme.ladder_set(at, recorded_at, fact)?;
                if fact.version > 1 {
                    self.unjudged = Some(0);
                }
                Ok(())
            }
            ProgrammeChange::ConversionRate(fact) => programme.conversion_rate_set(at, fact),
            ProgrammeChange::ConversionRateClosed(fact) => {
                programme.conversion_rate_closed(at, recorded_at, fact)
            }
        }
    }
}

impl Programme {
    /// A unit's whole definition, which may be older or newer than the one that is known. The unit
    /// isn't closed by it: rules that the programme's home set before may still be under way.
    pub(super) fn unit_shared(&mut self, at: Position, id: UnitId, of: &UnitShared) -> Changed {
        if id == UnitId::POINTS {
            return Ok(());
        }
        if self.units.get(id).is_none() {
            self.units.add(id, of.terms.clone(), at).ok_or(TOO_MUCH)?;
        }
        let unit = self.units.get_mut(id).ok_or(UNKNOWN_UNIT)?;
        let is_same = unit.terms.first_fixed_difference(&of.terms).is_none();
        ensure(is_same, "a unit keeps all but its name")?;
        if of.version >= unit.version {
            unit.terms = of.terms.clone();
            unit.version = of.version;
            unit.changed_at = at;
        }
        Ok(())
    }

    /// A unit as its home set it; a message with credit may have told it before.
    fn unit_told(&mut self, at: Position, fact: &UnitSet) -> Changed {
        let known = self.units.get(fact.unit).map_or(0, |unit| unit.version);
        if fact.version <= known { Ok(()) } else { self.unit_set(at, fact) }
    }

    /// A unit as its home closed it; a message with credit may have told the version before, or a
    /// later one.
    fn unit_closure_told(&mut self, at: Position, time: Timestamp, fact: &UnitClosed) -> Changed {
        let unit = self.units.get_mut(fact.unit).ok_or(UNKNOWN_UNIT)?;
        ensure(unit.closed_at.is_none(), "a unit was closed twice")?;
        ensure(fact.version <= unit.version + 1, "a unit's versions are counted")?;
        unit.closed_at = Some(time);
        unit.version = unit.version.max(fact.version);
        unit.changed_at = at;
        Ok(())
    }
}
