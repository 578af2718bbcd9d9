//! Give a shopper credit, once for each cause.

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, Cause, CreditEarned, Decision, Event, IdHash, Points, Refusal, Timestamp, UnitId,
};

/// Earns a shopper a new lot of credit. The account comes into being with its first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarnCredit {
    /// Who earns.
    pub account_id: AccountId,
    /// Of which unit.
    pub unit: UnitId,
    /// The points.
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

impl CommandRules for EarnCredit {
    fn name(&self) -> &'static str {
        "earn-credit"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::cause(&self.account_id, &self.cause))
    }

    fn cause(&self) -> Option<Cause> {
        Some(self.cause.clone())
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        draft.apply_due(&self.account_id);
        // It expires after `available_at`, so nothing asks whether it matures.
        draft.check_credit(&self.account_id, self.unit, Ok(self.points), None, self.expires_at)?;
        let fact = CreditEarned {
            available_at: self.available_at,
            expires_at: self.expires_at,
            occurred_at: self.occurred_at,
            ..CreditEarned::new(self.unit, self.points, self.cause.clone())
        };
        let event = Event::CreditEarned(self.account_id.clone(), fact);
        draft.come_in_as_outcome(&self.account_id, event);
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let fact = match event {
            Event::CreditEarned(_, fact) => fact,
            // Its credit can be claimed, and a claim names no points.
            Event::PurchaseRecorded(_, fact) if !fact.credit_refused.is_empty() => {
                return Some("points");
            }
            _ => return OTHER_CALL,
        };
        first_different(&[
            ("unit", self.unit == fact.unit),
            ("points", self.points == fact.points),
            // Only an adjustment has one, which is another call under the same key.
            ("reference", fact.reference.is_none()),
            ("available_at", self.available_at == fact.available_at),
            ("expires_at", self.expires_at == fact.expires_at),
            ("occurred_at", self.occurred_at == fact.occurred_at),
        ])
    }
}

#[cfg(test)]
mod tests {
    use crate::command::{Direction, SetPolicy};
    use crate::scenario::*;
    use crate::{AMOUNT_MAX, Command, Policy};

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

    #[test]
    fn the_policy_limits_what_one_credit_may_be() {
        let late = |basket| {
            let Command::RecordPurchase(it) = purchase("ann", basket, Some(101), &[("tv", 1, 5)])
            else {
                panic!("a purchase")
            };
            Command::RecordPurchase(it)
        };
        let limit = |most| {
            let policy = Policy { earning_points_max: points(most), ..Policy::default() };
            Command::SetPolicy(SetPolicy { policy, read_versions: None })
        };
        given([])
            .does(limit(100))
            .refuses(earn("ann", 101, "B-1"), "earning-too-large")
            .refuses(adjust(Direction::Add, "ann", 101, "a-1"), "earning-too-large")
            .does(earn("ann", 100, "B-1"))
            .when(late("P-1"))
            .then_records(["PurchaseRecorded"])
            .refuses(claim("ann", "P-1"), "earning-too-large")
            .does(limit(101))
            .does(claim("ann", "P-1"))
            .leaves("ann", [201, 0, 0, 0]);
    }

    #[test]
    fn pending_credit_becomes_available_in_its_time() {
        given([opened("mug", 300, None)])
            .does(earn_from(100, "ann", 300, "B-1"))
            .leaves("ann", [0, 300, 0, 0])
            .at(99)
            .refuses(redeem("ann", "x-1", "mug"), "insufficient-credit")
            .at(100)
            .when(redeem("ann", "x-1", "mug"))
            .then_records(["CreditMatured", "CreditDeducted", "ExchangeCreated"])
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn credit_can_be_spent_until_it_expires_and_no_longer() {
        let earned = || {
            given([opened("mug", 300, None)])
                .does(earn_until(100, "ann", 300, "B-1"))
                .does(earn("ann", 200, "B-2"))
        };
        earned().at(99).does(redeem("ann", "x-1", "mug")).leaves("ann", [200, 0, 0, 0]);
        earned()
            .at(100)
            .refuses(redeem("ann", "x-1", "mug"), "insufficient-credit")
            .when(earn("ann", 100, "B-3"))
            .then_records(["CreditExpired", "CreditEarned"])
            .leaves("ann", [300, 0, 0, 0]);
    }

    #[test]
    fn credit_that_would_have_expired_already_is_not_given() {
        given([])
            .at(100)
            .refuses(earn_until(100, "ann", 300, "B-1"), "expiry-passed")
            .does(earn_until(101, "ann", 300, "B-1"))
            .leaves("ann", [300, 0, 0, 0])
            .at(101)
            .when(earn_until(101, "ann", 300, "B-1"))
            .then_repeats(2);
    }

    #[test]
    fn what_expires_first_is_spent_first_then_the_oldest() {
        given([opened("mug", 300, None), earned("ann", 100, "B-1"), earned("ann", 100, "B-2")])
            .does(earn_until(200, "ann", 100, "B-3"))
            .does(earn_until(100, "ann", 100, "B-4"))
            .does(redeem("ann", "x-1", "mug"))
            .at(200)
            .sweeps()
            .leaves("ann", [100, 0, 0, 0])
            .does(withdraw("ann", "w-1", "B-2"))
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn an_account_has_ten_thousand_parts_of_lots_at_most() {
        let mut full = given([earned("bob", 5, "B-1")]);
        for number in 0..10_000 {
            full = full.does(earn_until(100, "ann", 1, &format!("B-{number}")));
        }
        full.refuses(earn("ann", 1, "B-10000"), "account-full")
            .refuses(transfer("bob", "ann", 1, "t-1"), "account-full")
            .at(100)
            .does(earn("ann", 1, "B-10000"))
            .leaves("ann", [1, 0, 0, 0]);
    }
}
