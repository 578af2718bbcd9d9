//! Give a shopper credit, once for each cause.

use super::{Decision, first_different};
use crate::{Account, AccountId, Cause, CreditEarned, Event, Points, Refusal, State, Timestamp};

/// Earns a shopper a new lot of credit. The account comes into being with its first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarnCredit {
    /// Who earns.
    pub account_id: AccountId,
    /// How much.
    pub points: Points,
    /// What for; the same cause earns once.
    pub cause: Cause,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

impl EarnCredit {
    pub(super) fn decide(&self, state: &State) -> Result<Decision, Refusal> {
        let available = state.account(&self.account_id).map(Account::available).unwrap_or_default();
        if available.plus(self.points).is_none() {
            return Err(Refusal::AmountTooLarge { what: "the account's credit" });
        }
        Ok(Decision::Record(vec![Event::CreditEarned(
            self.account_id.clone(),
            CreditEarned {
                points: self.points,
                cause: self.cause.clone(),
                occurred_at: self.occurred_at,
                available_at: None,
                expires_at: None,
                rule: None,
                reference: None,
                note: crate::Note::default(),
            },
        )]))
    }

    pub(super) fn first_difference(&self, fact: &CreditEarned) -> Option<&'static str> {
        first_different(&[
            ("points", self.points == fact.points),
            ("occurred_at", self.occurred_at == fact.occurred_at),
        ])
    }
}

#[cfg(test)]
mod tests {
    use crate::AMOUNT_MAX;
    use crate::scenario::*;

    #[test]
    fn a_purchase_earns_a_lot() {
        given([]).when(earn("ann", 500, "B-1")).then([earned("ann", 500, "B-1")]);
    }

    #[test]
    fn the_same_purchase_earns_once() {
        given([earned("ann", 500, "B-1")]).when(earn("ann", 500, "B-1")).then_repeats(2);
    }

    #[test]
    fn the_same_cause_earns_once_for_each_account() {
        given([earned("ann", 500, "B-1")])
            .when(earn("bob", 500, "B-1"))
            .then([earned("bob", 500, "B-1")]);
    }

    #[test]
    fn another_amount_for_the_same_cause_is_named() {
        given([earned("ann", 500, "B-1")])
            .when(earn("ann", 600, "B-1"))
            .then_differs_from(2, "points");
    }

    #[test]
    fn an_account_never_holds_more_than_an_amount_can_say() {
        given([earned("ann", AMOUNT_MAX, "B-1")])
            .when(earn("ann", 1, "B-2"))
            .then_refused("amount-too-large");
    }
}
