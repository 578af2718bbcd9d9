//! Faults that points programmes have had, each as a story that ends well here. Those that need
//! requests at once are in `guerdon/tests/it/at_once.rs`.

use crate::SpentCredit;
use crate::scenario::*;

const DAY: i64 = 24 * 60 * 60;

#[test]
fn goods_are_bought_returned_and_the_points_kept() {
    let bought = || {
        given([opened("mug", 300, None)])
            .does(purchase("ann", "B-1", Some(300), &[("tv", 1, 30_000)]))
            .does(redeem("ann", "x-1", "mug"))
    };
    // Nobody may owe: the return is refused, and can be asked again.
    bought()
        .refuses(bring_back("ann", "B-1", "r-1", None), "credit-already-spent")
        .does(earn("ann", 300, "B-2"))
        .does(bring_back("ann", "B-1", "r-1", None))
        .leaves("ann", [0, 0, 0, 0]);
    // Or what is there is taken, and the rest is forgiven.
    bought()
        .does(earn("ann", 100, "B-2"))
        .does(policy(SpentCredit::Forgive, 30))
        .does(bring_back("ann", "B-1", "r-1", None))
        .leaves("ann", [0, 0, 0, 0])
        .does(earn("ann", 500, "B-3"))
        .leaves("ann", [500, 0, 0, 0]);
    // Or the account owes, and the next credit pays first.
    bought()
        .does(policy(SpentCredit::Debt, 30))
        .does(bring_back("ann", "B-1", "r-1", None))
        .leaves("ann", [0, 0, 0, 300])
        .does(earn("ann", 500, "B-2"))
        .leaves("ann", [200, 0, 0, 0]);
}

#[test]
fn expired_credit_stays_behind_and_what_was_spent_of_it_drags_the_balance_down() {
    // Had the deduction not named its lot, expiring the whole lot would take 300 twice.
    given([opened("mug", 300, None)])
        .does(earn_until(100, "ann", 500, "B-1"))
        .does(earn("ann", 1_000, "B-2"))
        .does(redeem("ann", "x-1", "mug"))
        .at(100)
        .sweeps()
        .leaves("ann", [1_000, 0, 0, 0]);
}

#[test]
fn a_refund_in_parts_adds_up_to_more_than_it_cost() {
    let bought = || {
        given([opened("mug", 300, Some(3)), earned("ann", 1_000, "B-1")])
            .does(two("ann", "x-1", "mug"))
            .leaves("ann", [400, 0, 0, 0])
    };
    bought()
        .does(cancel("ann", "x-1", "c-1", Some(1)))
        .does(cancel("ann", "x-1", "c-2", Some(1)))
        .refuses(cancel("ann", "x-1", "c-3", Some(1)), "already-cancelled")
        .leaves("ann", [1_000, 0, 0, 0]);
    bought()
        .does(cancel("ann", "x-1", "c-1", Some(1)))
        .refuses(cancel("ann", "x-1", "c-2", Some(2)), "quantity-too-large")
        .does(cancel("ann", "x-1", "c-3", None))
        .refuses(cancel("ann", "x-1", "c-4", None), "already-cancelled")
        .leaves("ann", [1_000, 0, 0, 0]);
}

#[test]
fn redeeming_and_cancelling_in_turn_renews_an_expiry() {
    let mut story = given([opened("mug", 300, None)])
        .does(earn_until(100, "ann", 300, "B-1"))
        .does(redeem("ann", "x-1", "mug"))
        .at(100 + DAY)
        .does(cancel_by_operator("ann", "x-1", "c"))
        .leaves("ann", [300, 0, 0, 0]);
    // The one period of grace began with the first refund; none after it goes further.
    for (day, key) in [(10, "x-2"), (20, "x-3"), (30, "x-4")] {
        story = story
            .at(100 + day * DAY)
            .does(redeem("ann", key, "mug"))
            .does(cancel_by_operator("ann", key, "c"))
            .leaves("ann", [300, 0, 0, 0]);
    }
    story
        .does(redeem("ann", "x-5", "mug"))
        .at(32 * DAY)
        .does(cancel_by_operator("ann", "x-5", "c"))
        .leaves("ann", [0, 0, 0, 0])
        .refuses(redeem("ann", "x-6", "mug"), "insufficient-credit");
}

#[test]
fn a_hold_renews_an_expiry() {
    given([])
        .does(earn_until(100, "ann", 300, "B-1"))
        .does(hold("ann", "h-1", 300, 200))
        .at(150)
        .leaves("ann", [0, 0, 300, 0])
        .does(release("ann", "h-1"))
        .leaves("ann", [0, 0, 0, 0]);
}

#[test]
fn one_exchange_is_cancelled_after_its_parcel_left() {
    given([opened("mug", 300, Some(1)), earned("ann", 300, "B-1")])
        .does(redeem("ann", "x-1", "mug"))
        .does(dispatch("ann", "x-1"))
        .refuses(cancel("ann", "x-1", "c-1", None), "exchange-dispatched")
        .leaves("ann", [0, 0, 0, 0]);
}

#[test]
fn credit_is_passed_on_to_outlive_its_expiry() {
    given([earned("bob", 1, "B-0")])
        .does(earn_until(100, "ann", 300, "B-1"))
        .does(transfer("ann", "bob", 300, "t-1"))
        .leaves("bob", [301, 0, 0, 0])
        .at(100)
        .sweeps()
        .leaves("bob", [1, 0, 0, 0]);
}

#[test]
fn a_cause_that_was_withdrawn_earns_again() {
    given([])
        .does(earn("ann", 300, "B-1"))
        .does(withdraw("ann", "w-1", "B-1"))
        .leaves("ann", [0, 0, 0, 0])
        .when(earn("ann", 300, "B-1"))
        .then_repeats(2);
}

#[test]
fn a_return_and_a_cancellation_come_to_another_debt_in_another_order() {
    let spent = || {
        given([opened("mug", 300, None)])
            .does(policy(SpentCredit::Debt, 0))
            .does(earn_until(100, "ann", 300, "B-1"))
            .does(redeem("ann", "x-1", "mug"))
            .at(200)
    };
    spent()
        .does(cancel("ann", "x-1", "c-1", None))
        .does(withdraw("ann", "w-1", "B-1"))
        .leaves("ann", [0, 0, 0, 0]);
    spent()
        .does(withdraw("ann", "w-1", "B-1"))
        .leaves("ann", [0, 0, 0, 300])
        .does(cancel("ann", "x-1", "c-1", None))
        .leaves("ann", [0, 0, 0, 0]);
}

#[test]
fn who_holds_credit_and_gives_it_back_goes_on_owing_it() {
    given([])
        .does(policy(SpentCredit::Debt, 30))
        .does(earn_until(100, "ann", 300, "B-1"))
        .does(hold("ann", "h-1", 300, 200))
        .does(withdraw("ann", "w-1", "B-1"))
        .leaves("ann", [0, 0, 300, 300])
        .at(200)
        .sweeps()
        .leaves("ann", [0, 0, 0, 0]);
}

#[test]
fn what_is_held_is_given_back_at_the_expense_of_other_credit() {
    given([earned("ann", 300, "gift")])
        .does(earn_until(100, "ann", 300, "B-1"))
        .does(hold("ann", "h-1", 300, 200))
        .when(withdraw("ann", "w-1", "B-1"))
        .then_records(["HoldSwapped", "CreditWithdrawn"])
        .leaves("ann", [0, 0, 300, 0])
        .at(200)
        .sweeps()
        .leaves("ann", [300, 0, 0, 0]);
}
