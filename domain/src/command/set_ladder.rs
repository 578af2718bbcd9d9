//! Make a ladder, or amend it as it was read.

use log_record::Position;

use super::ExpectedVersion;
use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::{
    Decision, Event, LADDERS_MAX, LadderId, LadderSet, LadderTerms, Refusal, State, Subject,
};

/// Sets a ladder. A tier that an amendment gives is had at once; one that it takes, or whose end it
/// moves, stays until its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetLadder {
    /// The ladder.
    pub ladder: LadderId,
    /// What it is from now on, whole.
    pub terms: LadderTerms,
    /// The version that the caller expects to replace.
    pub expected: ExpectedVersion,
}

impl CommandRules for SetLadder {
    fn name(&self) -> &'static str {
        "set-ladder"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        let ladders = draft.state.ladders();
        let version = match (ladders.get(self.ladder), &self.expected) {
            (None, ExpectedVersion::Absent) if ladders.len() >= LADDERS_MAX => {
                return Err(Refusal::TooManyLadders { max: LADDERS_MAX as u64 });
            }
            (None, ExpectedVersion::Absent) => 1,
            (None, _) => return Err(Refusal::LadderUnknown { ladder: self.ladder }),
            (Some(ladder), _) if ladder.terms == self.terms => return Ok(Decision::Unchanged),
            (Some(ladder), ExpectedVersion::Absent) => {
                return Err(Refusal::LadderExists { version: ladder.version });
            }
            (Some(ladder), ExpectedVersion::OneOf(read)) if !read.contains(&ladder.version) => {
                return Err(Refusal::LadderChanged { version: ladder.version });
            }
            (Some(ladder), _) if !ladder.terms.can_become(&self.terms) => {
                return Err(Refusal::LadderFixed);
            }
            (Some(ladder), _) => ladder.version + 1,
        };
        draft.unit_number(self.terms.unit)?;
        draft.check_not_closed(self.terms.unit)?;
        let set = LadderSet { ladder: self.ladder, version, terms: self.terms.clone() };
        Ok(Decision::of(Event::LadderSet(set)))
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Subject::ladder(state, self.ladder)
    }
}
