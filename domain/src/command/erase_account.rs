//! Erase what is private of an account.
//!
//! Deciding erases nothing: the event says what is to be erased, and whoever keeps a private text
//! goes by it. The state has no private text.

use log_record::Position;

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{AccountErased, AccountId, Decision, ErasureId, Event, IdHash, Reason, Refusal};

/// Has the private texts of an account's events erased, up to an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EraseAccount {
    /// The account.
    pub account_id: AccountId,
    /// Which erasure of the account.
    pub erasure_id: ErasureId,
    /// Why. It is kept.
    pub reason: Reason,
    /// Up to which event of the account's partition.
    pub until: Position,
    /// How many shipping requests of the account had goods that hadn't left, as of that event: the
    /// read tables know, and the state doesn't.
    pub unshipped: u64,
}

impl CommandRules for EraseAccount {
    fn name(&self) -> &'static str {
        "erase-account"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::erasure(&self.account_id, &self.erasure_id))
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        draft.state.account(&self.account_id).ok_or(Refusal::AccountUnknown)?;
        if self.unshipped > 0 {
            return Err(Refusal::GoodsUnshipped { requests: self.unshipped });
        }
        let erased = AccountErased {
            erasure_id: self.erasure_id.clone(),
            // The tables can't have seen more than there is.
            until: self.until.min(draft.state.position()),
            reason: self.reason.clone(),
        };
        draft.push_outcome(Event::AccountErased(self.account_id.clone(), erased));
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::AccountErased(_, fact) = event else { return OTHER_CALL };
        first_different(&[("reason", self.reason == fact.reason)])
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn an_account_is_erased_once_under_an_id() {
        given([earned("ann", 500, "B-1")])
            .when(erase("ann", "e-1", 0))
            .then_records(["AccountErased"])
            .when(erase("ann", "e-1", 0))
            .then_repeats(3);
    }

    #[test]
    fn what_an_account_has_stays_when_it_is_erased() {
        given([earned("ann", 500, "B-1")])
            .does(erase("ann", "e-1", 0))
            .leaves("ann", [500, 0, 0, 0])
            .does(earn("ann", 100, "B-2"))
            .does(erase("ann", "e-2", 0))
            .leaves("ann", [600, 0, 0, 0]);
    }

    #[test]
    fn an_account_isnt_erased_while_its_goods_are_unshipped() {
        given([earned("ann", 500, "B-1")])
            .refuses(erase("ann", "e-1", 2), "goods-unshipped")
            .does(erase("ann", "e-1", 0))
            // A repeat is a repeat, whatever is to be shipped by then.
            .when(erase("ann", "e-1", 1))
            .then_repeats(3);
    }

    #[test]
    fn nothing_is_erased_of_an_account_that_doesnt_exist() {
        given([]).refuses(erase("ann", "e-1", 0), "account-unknown");
    }
}
