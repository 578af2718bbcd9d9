//! Open an account that has no credit yet, so that transfers reach it.

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{AccountId, AccountOpened, Decision, Event, IdHash, Refusal, Timestamp};

/// Opens an account. An account that has had credit exists already; its opening is recorded all the
/// same, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAccount {
    /// The account.
    pub account_id: AccountId,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

impl CommandRules for OpenAccount {
    fn name(&self) -> &'static str {
        "open-account"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::account(&self.account_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let opened = AccountOpened { occurred_at: self.occurred_at };
        draft.push_outcome(Event::AccountOpened(self.account_id.clone(), opened));
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::AccountOpened(_, fact) = event else { return OTHER_CALL };
        first_different(&[("occurred_at", self.occurred_at == fact.occurred_at)])
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn a_transfer_reaches_an_account_that_was_opened_without_credit() {
        given([earned("ann", 500, "B-1")])
            .refuses(transfer("ann", "bob", 100, "t-1"), "recipient-unknown")
            .does(open_account("bob"))
            .leaves("bob", [0, 0, 0, 0])
            .does(transfer("ann", "bob", 100, "t-1"))
            .leaves("bob", [100, 0, 0, 0]);
    }

    #[test]
    fn an_account_is_opened_once() {
        given([])
            .when(open_account("ann"))
            .then_records(["AccountOpened"])
            .when(open_account("ann"))
            .then_repeats(2);
    }

    #[test]
    fn what_an_account_has_stays_when_it_is_opened() {
        given([earned("ann", 500, "B-1")]).does(open_account("ann")).leaves("ann", [500, 0, 0, 0]);
    }

    #[test]
    fn an_account_without_credit_can_spend_none() {
        given([])
            .does(open_account("ann"))
            .refuses(hold("ann", "h-1", 1, 60), "insufficient-credit");
    }
}
