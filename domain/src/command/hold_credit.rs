//! Set credit aside, to be captured or released later.

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, CreditHeld, Decision, Event, HoldId, IdHash, Keeps, Points, Refusal, Timestamp,
    UnitId,
};

/// The longest time that a hold lasts, in days of 24 hours, with all its extensions.
pub const HOLD_DAYS_MAX: u32 = 30;

/// Holds credit until a deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldCredit {
    /// The account.
    pub account_id: AccountId,
    /// The hold's id, made by the caller.
    pub hold_id: HoldId,
    /// Of which unit.
    pub unit: UnitId,
    /// The points.
    pub points: Points,
    /// It ends by itself then.
    pub deadline: Timestamp,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

impl CommandRules for HoldCredit {
    fn name(&self) -> &'static str {
        "hold-credit"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::hold(&self.account_id, &self.hold_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let unit = draft.spendable(self.unit)?;
        draft.apply_due(&self.account_id);
        let account = draft.account(&self.account_id).ok_or(Refusal::AccountUnknown)?;
        let latest = draft.now.plus_days(HOLD_DAYS_MAX);
        if self.deadline <= draft.now || self.deadline > latest {
            return Err(Refusal::DeadlineOutOfRange { after: draft.now, latest });
        }
        account.check_holds(1)?;
        let wallet = account.wallet(unit);
        let lots = wallet.draw(self.points).ok_or(Refusal::InsufficientCredit {
            unit: self.unit,
            needed: self.points,
            available: wallet.available(),
        })?;
        let held = CreditHeld {
            hold_id: self.hold_id.clone(),
            unit: self.unit,
            points: self.points,
            lots,
            deadline: self.deadline,
            grace: draft.grace(),
            keeps: Keeps::Nothing,
            occurred_at: self.occurred_at,
        };
        draft.push_outcome(Event::CreditHeld(self.account_id.clone(), held));
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::CreditHeld(_, fact) = event else { return OTHER_CALL };
        first_different(&[
            ("offer_id", fact.keeps == Keeps::Nothing),
            ("unit", self.unit == fact.unit),
            ("points", self.points == fact.points),
            ("deadline", self.deadline == fact.deadline),
            ("occurred_at", self.occurred_at == fact.occurred_at),
        ])
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn held_credit_is_not_available() {
        given([opened("mug", 300, None), earned("ann", 500, "B-1")])
            .does(hold("ann", "h-1", 300, 100))
            .leaves("ann", [200, 0, 300, 0])
            .refuses(redeem("ann", "x-1", "mug"), "insufficient-credit")
            .when(hold("ann", "h-1", 300, 100))
            .then_repeats(4);
    }

    #[test]
    fn a_hold_ends_by_itself_at_its_deadline() {
        let held = || given([earned("ann", 500, "B-1")]).does(hold("ann", "h-1", 300, 100)).at(100);
        held().sweeps().leaves("ann", [500, 0, 0, 0]);
        held().refuses(capture("ann", "h-1", None), "hold-ended");
    }

    #[test]
    fn a_hold_keeps_what_expires_until_its_deadline() {
        given([])
            .does(earn_until(50, "ann", 300, "B-1"))
            .does(hold("ann", "h-1", 300, 100))
            .at(99)
            .sweeps()
            .leaves("ann", [0, 0, 300, 0])
            .does(capture("ann", "h-1", Some(100)))
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn refusals_come_in_their_order_of_precedence() {
        const TOO_LATE: i64 = 30 * 24 * 60 * 60 + 2;
        given([])
            .refuses(hold("ann", "h-1", 300, TOO_LATE), "account-unknown")
            .does(earn("ann", 1, "B-1"))
            .refuses(hold("ann", "h-1", 300, TOO_LATE), "deadline-out-of-range")
            .refuses(hold("ann", "h-1", 300, 1), "deadline-out-of-range")
            .refuses(hold("ann", "h-1", 300, TOO_LATE - 1), "insufficient-credit");
    }

    #[test]
    fn an_account_has_a_thousand_holds_at_most() {
        let mut held = given([earned("ann", 5_000, "B-1")]);
        for number in 0..1_000 {
            held = held.does(hold("ann", &format!("h-{number}"), 1, 100));
        }
        held.refuses(hold("ann", "h-1000", 1, 100), "account-full")
            .does(release("ann", "h-7"))
            .does(hold("ann", "h-1000", 1, 100))
            .at(100)
            .sweeps()
            .leaves("ann", [5_000, 0, 0, 0]);
    }

    #[test]
    fn a_hold_keeps_one_unit() {
        let has_both = || {
            given([earned("ann", 100, "B-1")])
                .does(make_unit("miles"))
                .does(in_unit("miles", earn("ann", 50, "B-2")))
        };
        has_both()
            .refuses(in_unit("miles", hold("ann", "h-1", 51, 100)), "insufficient-credit")
            .does(in_unit("miles", hold("ann", "h-1", 50, 100)))
            .leaves("ann", [100, 0, 0, 0])
            .leaves_of("ann", "miles", [0, 0, 50, 0])
            .when(hold("ann", "h-1", 50, 100))
            .then_differs_from(5, "unit");
        has_both().does(in_unit("miles", hold("ann", "h-1", 50, 100))).at(100).sweeps().leaves_of(
            "ann",
            "miles",
            [50, 0, 0, 0],
        );
    }

    #[test]
    fn what_only_counts_is_neither_held_nor_passed_on() {
        let has_status = || {
            given([earned("bob", 1, "B-1")])
                .does(set_unit("status", unspendable(), crate::command::ExpectedVersion::Absent))
                .does(in_unit("status", earn("ann", 50, "B-1")))
        };
        let transferred = || in_unit("status", transfer("ann", "bob", 1, "t-1"));
        has_status()
            .refuses(in_unit("status", hold("ann", "h-1", 50, 100)), "unit-not-spendable")
            .refuses(transferred(), "unit-not-spendable")
            .refuses(in_unit("miles", hold("ann", "h-1", 50, 100)), "unit-unknown")
            .does(in_unit("status", withdraw("ann", "w-1", "B-1")))
            .leaves_of("ann", "status", [0, 0, 0, 0]);
    }
}
