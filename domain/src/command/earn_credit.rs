//! Give a shopper credit, once for each cause.

use super::{Decision, first_different};
use crate::draft::Draft;
use crate::{AccountId, Cause, CreditEarned, Points, Refusal, Timestamp};

/// Earns a shopper a new lot of credit. The account comes into being with its first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarnCredit {
    /// Who earns.
    pub account_id: AccountId,
    /// How much.
    pub points: Points,
    /// What for; the same cause earns once.
    pub cause: Cause,
    /// From when on it can be spent; without it, at once.
    pub available_at: Option<Timestamp>,
    /// Until when it can be spent, which is after `available_at`; without it, for ever.
    pub expires_at: Option<Timestamp>,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

impl EarnCredit {
    pub(super) fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        draft.settle(&self.account_id);
        check_room(&draft, &self.account_id, self.points)?;
        let fact = CreditEarned {
            available_at: self.available_at,
            expires_at: self.expires_at,
            occurred_at: self.occurred_at,
            ..CreditEarned::new(self.points, self.cause.clone())
        };
        draft.bear_next();
        draft.earn(&self.account_id, fact);
        draft.settle_again(&self.account_id);
        Ok(draft.finish())
    }

    pub(super) fn first_difference(&self, fact: &CreditEarned) -> Option<&'static str> {
        first_different(&[
            ("points", self.points == fact.points),
            ("available_at", self.available_at == fact.available_at),
            ("expires_at", self.expires_at == fact.expires_at),
            ("occurred_at", self.occurred_at == fact.occurred_at),
        ])
    }
}

/// Whether the account can hold so much more.
pub(super) fn check_room(
    draft: &Draft<'_>,
    account: &AccountId,
    points: Points,
) -> Result<(), Refusal> {
    match draft.account(account) {
        Some(account) if !account.has_room_for(points) => {
            Err(Refusal::AmountTooLarge { what: "the account's credit" })
        }
        _ => Ok(()),
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
