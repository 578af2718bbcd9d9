//! Commit to the balances of all accounts.
//!
//! The trees over the balances are made off the writer's path, of the log up to a position of each
//! partition. So the command says which positions these were, and the writer only checks that its
//! own is in its past.

use log_record::Position;

use super::rules::{CommandRules, OTHER_CALL, Owner};
use crate::draft::Draft;
use crate::{
    BalancesSealed, Decision, Event, IdHash, Refusal, SealId, SealedBalances, State, Subject,
};

/// Records a commitment to all balances, once for each id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealBalances {
    /// The seal's id, made by the caller.
    pub seal_id: SealId,
    /// What it commits to. Without it nothing is recorded: the command only asks whether the seal
    /// is there already, before anybody makes a tree.
    pub sealed: Option<SealedBalances>,
}

impl CommandRules for SealBalances {
    fn name(&self) -> &'static str {
        "seal-balances"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::seal(&self.seal_id))
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        let Some(sealed) = &self.sealed else { return Ok(Decision::Unchanged) };
        // Nothing is recorded that commits to events which aren't there.
        let is_past = sealed.home.up_to <= draft.state.position();
        if !is_past || !sealed.is_of(draft.state.partitions()) {
            return Ok(Decision::Unchanged);
        }
        let (seal_id, sealed) = (self.seal_id.clone(), sealed.clone());
        Ok(Decision::of(Event::BalancesSealed(BalancesSealed { seal_id, sealed })))
    }

    /// The request has an id alone, so a repeat asks for the same seal, whatever was made since.
    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::BalancesSealed(_) = event else { return OTHER_CALL };
        None
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Some((Subject::NotSealed, state.position()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::*;

    #[test]
    fn balances_are_sealed_once_for_each_id() {
        given([])
            .does(earn("ann", 100, "B-1"))
            .does(seal("s-1", 2))
            .does(seal("s-2", 3))
            .when(seal("s-1", 4))
            .then_repeats(3);
    }

    #[test]
    fn whether_a_seal_is_there_is_asked_without_making_one() {
        let asked =
            || crate::Command::SealBalances(SealBalances { seal_id: id("s-1"), sealed: None });
        given([]).when(asked()).then_unchanged();
        given([]).does(seal("s-1", 1)).when(asked()).then_repeats(2);
    }

    #[test]
    fn a_seal_commits_to_the_accounts_of_each_partition_and_of_no_other() {
        let further = crate::Command::SealBalances(SealBalances {
            seal_id: id("s-1"),
            sealed: Some(crate::SealedBalances {
                further: vec![no_balances(1).home],
                ..no_balances(1)
            }),
        });
        given([]).when(further).then_unchanged();
    }

    #[test]
    fn a_seal_commits_to_nothing_that_is_not_recorded_yet() {
        for up_to in [0, 2] {
            given([]).when(seal("s-1", up_to)).then_unchanged();
        }
        given([]).when(seal("s-1", 1)).then_records(["BalancesSealed"]);
        for up_to in [0, 2] {
            given([]).never_has(&sealed("s-1", up_to));
        }
    }
}
