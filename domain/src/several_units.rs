//! Purchases that earn several units: what becomes of each unit's credit.

use crate::command::ExpectedVersion;
use crate::scenario::*;
use crate::{
    Cap, Command, CreditEarned, Decision, EarningTerms, Event, Period, PurchaseEarning,
    PurchaseRecorded, SpentCredit,
};

#[test]
fn a_purchase_earns_several_units_by_a_rule_of_each() {
    with_two_units()
        .when(purchase_by(["miles", "default"], "ann", "B-1", &[("tv", 2, 200)]))
        .then_records(["CreditEarned", "CreditEarned", "PurchaseRecorded"])
        .leaves("ann", [20, 0, 0, 0])
        .leaves_of("ann", "miles", [2, 0, 0, 0])
        .when(purchase_by(["miles", "default"], "ann", "B-1", &[("tv", 2, 200)]))
        .then_repeats(9);
    let other = |rules| {
        let bought = purchase_by(["default", "miles"], "ann", "B-1", &[("tv", 2, 200)]);
        with_two_units()
            .does(bought)
            .when(purchase_by(rules, "ann", "B-1", &[("tv", 2, 200)]))
            .then_differs_from(9, "rules");
    };
    other(["miles", "default"]);
    other(["default", "status"]);
}

#[test]
fn the_rules_of_a_purchase_are_known_and_of_different_units() {
    let bought = |rules| purchase_by(rules, "ann", "B-1", &[("tv", 2, 200)]);
    with_two_units()
        .refuses(bought(["default", "gold"]), "rule-unknown")
        .does(rule("gold", rate(1), ExpectedVersion::Absent))
        .refuses(bought(["default", "gold"]), "unit-repeated");
}

#[test]
fn a_unit_whose_credit_is_refused_keeps_no_other_from_being_earned() {
    with_two_units()
        .does(close_unit("miles"))
        .when(purchase_by(["miles", "default"], "ann", "B-1", &[("tv", 2, 200)]))
        .then_records(["CreditEarned", "PurchaseRecorded"])
        .leaves("ann", [20, 0, 0, 0])
        .refuses(in_unit("miles", claim("ann", "B-1")), "unit-closed")
        .refuses(claim("ann", "B-1"), "unit-mismatch")
        .refuses(in_unit("miles", withdraw("ann", "w-1", "B-1")), "credit-unknown")
        .does(bring_back("ann", "B-1", "r-1", Some(&[("tv", 1)])))
        .leaves("ann", [10, 0, 0, 0])
        .leaves_of("ann", "miles", [0, 0, 0, 0]);
}

#[test]
fn the_last_place_of_an_account_is_that_of_the_first_rules_lot() {
    let mut full = with_two_units();
    for number in 0..9_999 {
        full = full.does(earn("ann", 1, &format!("C-{number}")));
    }
    full.when(purchase_by(["miles", "default"], "ann", "B-1", &[("tv", 2, 200)]))
        .then_records(["CreditEarned", "PurchaseRecorded"])
        .leaves("ann", [9_999, 0, 0, 0])
        .leaves_of("ann", "miles", [2, 0, 0, 0])
        .refuses(claim("ann", "B-1"), "account-full");
}

#[test]
fn new_credit_pays_the_debt_of_its_own_unit() {
    given([])
        .does(make_unit("miles"))
        .does(policy(SpentCredit::Debt, 30))
        .does(rule("default", rate(10), ExpectedVersion::Absent))
        .does(rule("miles", in_miles(rate(1)), ExpectedVersion::Absent))
        .does(in_unit("miles", earn("ann", 5, "M-1")))
        .does(in_unit("miles", hold("ann", "h-1", 5, 100)))
        .does(capture("ann", "h-1", None))
        .does(in_unit("miles", withdraw("ann", "w-1", "M-1")))
        .leaves_of("ann", "miles", [0, 0, 0, 5])
        .when(purchase_by(["default", "miles"], "ann", "B-1", &[("tv", 2, 200)]))
        .then_records(["CreditEarned", "CreditEarned", "PurchaseRecorded", "DebtRepaid"])
        .leaves("ann", [20, 0, 0, 0])
        .leaves_of("ann", "miles", [0, 0, 0, 3]);
}

#[test]
fn a_cap_counts_in_the_rules_own_unit() {
    let capped = |terms, most| EarningTerms {
        cap: Some(Cap { points: points(most), period: Period::Day }),
        ..terms
    };
    let bought = |id| purchase_by(["default", "miles"], "ann", id, &[("tv", 2, 200)]);
    given([])
        .does(make_unit("miles"))
        .does(rule("default", capped(rate(10), 30), ExpectedVersion::Absent))
        .does(rule("miles", capped(in_miles(rate(1)), 3), ExpectedVersion::Absent))
        .does(bought("B-1"))
        .does(bought("B-2"))
        .leaves("ann", [30, 0, 0, 0])
        .leaves_of("ann", "miles", [3, 0, 0, 0])
        .does(bring_back("ann", "B-1", "r-1", None))
        .does(bought("B-3"))
        .leaves("ann", [30, 0, 0, 0])
        .leaves_of("ann", "miles", [3, 0, 0, 0]);
}

#[test]
fn credit_of_several_units_and_their_purchase_stand_side_by_side() {
    let credit = |unit: &str| {
        let fact = CreditEarned::new(id(unit), points(5), cause("B-1"));
        Event::CreditEarned(id("ann"), fact)
    };
    let earning = |unit: &str| PurchaseEarning {
        unit: id(unit),
        points: points(5),
        rule: None,
        points_before_cap: None,
        tier: None,
    };
    let bought = |units: &[&str]| {
        let fact = PurchaseRecorded {
            purchase_id: id("B-1"),
            lines: vec![],
            earned: units.iter().map(|unit| earning(unit)).collect(),
            credit_refused: Box::default(),
            asked_points: None,
            asked_rules: Box::default(),
            warehouse: None,
            available_at: None,
            expires_at: None,
            occurred_at: None,
            deliver_to: None,
        };
        Event::PurchaseRecorded(id("ann"), fact)
    };
    let two = || with_two_units().and([credit("points"), credit("miles")]);
    two().never_has(&credit("miles"));
    two().never_has(&earned("bob", 1, "B-2"));
    two().never_has(&bought(&["points"]));
    two().never_has(&bought(&["miles", "points"]));
    two().never_has(&bought(&["points", "miles", "status"]));
    let _ = two().and([bought(&["points", "miles"])]);
    let between = || with_two_units().and([credit("points"), earned("bob", 1, "B-2")]);
    between().never_has(&credit("miles"));
    between().never_has(&bought(&["points"]));
}

#[test]
fn each_unit_that_was_refused_is_claimed_once() {
    let Command::RecordPurchase(mut late) =
        purchase_by(["default", "miles"], "ann", "B-1", &[("tv", 2, 200)])
    else {
        panic!("a purchase")
    };
    late.expires_at = Some(time(1));
    let refused = || {
        with_two_units()
            .when(Command::RecordPurchase(late.clone()))
            .then_records(["PurchaseRecorded"])
    };
    let claimed = || refused().does(in_unit("miles", claim_until(100, "ann", "B-1")));
    claimed()
        .leaves("ann", [0, 0, 0, 0])
        .leaves_of("ann", "miles", [2, 0, 0, 0])
        .when(in_unit("miles", claim_until(100, "ann", "B-1")))
        .then_repeats(8);
    claimed()
        .does(claim_until(100, "ann", "B-1"))
        .leaves("ann", [20, 0, 0, 0])
        .does(bring_back("ann", "B-1", "r-1", Some(&[("tv", 1)])))
        .leaves("ann", [10, 0, 0, 0])
        .leaves_of("ann", "miles", [1, 0, 0, 0])
        .does(in_unit("miles", withdraw("ann", "w-1", "B-1")))
        .leaves_of("ann", "miles", [0, 0, 0, 0]);
    // What comes back before a claim is taken of what was claimed; the rest is claimed less.
    claimed()
        .does(bring_back("ann", "B-1", "r-1", Some(&[("tv", 1)])))
        .leaves_of("ann", "miles", [1, 0, 0, 0])
        .does(claim_until(100, "ann", "B-1"))
        .leaves("ann", [10, 0, 0, 0]);
    claimed().refuses(in_unit("status", claim("ann", "B-1")), "unit-mismatch");
    claimed().refuses(withdraw("ann", "w-1", "B-1"), "credit-unknown");
    claimed().refuses(in_unit("status", withdraw("ann", "w-1", "B-1")), "unit-mismatch");
}

#[test]
fn a_withdrawal_takes_one_of_the_units_that_a_purchase_earned() {
    let bought =
        || earned_two().leaves("ann", [20, 0, 0, 0]).leaves_of("ann", "miles", [2, 0, 0, 0]);
    bought()
        .does(in_unit("miles", withdraw("ann", "w-1", "B-1")))
        .leaves("ann", [20, 0, 0, 0])
        .leaves_of("ann", "miles", [0, 0, 0, 0])
        .does(withdraw("ann", "w-2", "B-1"))
        .leaves("ann", [0, 0, 0, 0]);
    bought().refuses(in_unit("status", withdraw("ann", "w-1", "B-1")), "unit-mismatch");
}

#[test]
fn a_return_takes_each_units_share_or_none() {
    earned_two()
        .when(bring_back("ann", "B-1", "r-1", Some(&[("tv", 1)])))
        .then_records(["CreditWithdrawn", "CreditWithdrawn", "PurchaseReturned"])
        .leaves("ann", [10, 0, 0, 0])
        .leaves_of("ann", "miles", [1, 0, 0, 0]);
    // Of the miles nothing is left, and the policy allows no debt.
    earned_two()
        .does(in_unit("miles", hold("ann", "h-1", 2, 100)))
        .does(capture("ann", "h-1", None))
        .refuses(bring_back("ann", "B-1", "r-1", None), "credit-already-spent")
        .leaves("ann", [20, 0, 0, 0])
        .does(policy(SpentCredit::Debt, 30))
        .when(bring_back("ann", "B-1", "r-1", None))
        .then_records(["CreditWithdrawn", "CreditWithdrawn", "PurchaseReturned"])
        .leaves("ann", [0, 0, 0, 0])
        .leaves_of("ann", "miles", [0, 0, 0, 2]);
}

#[test]
fn holds_of_every_unit_give_back_before_a_return_takes() {
    earned_two()
        .does(earn("ann", 20, "B-2"))
        .does(in_unit("miles", earn("ann", 2, "B-3")))
        .does(hold("ann", "h-1", 20, 100))
        .does(in_unit("miles", hold("ann", "h-2", 2, 100)))
        .when(bring_back("ann", "B-1", "r-1", None))
        .then_records([
            "HoldSwapped",
            "HoldSwapped",
            "CreditWithdrawn",
            "CreditWithdrawn",
            "PurchaseReturned",
        ])
        .leaves("ann", [0, 0, 20, 0])
        .leaves_of("ann", "miles", [0, 0, 2, 0]);
}

#[test]
fn a_reversal_gives_every_unit_back() {
    earned_two()
        .does(bring_back("ann", "B-1", "r-1", None))
        .leaves("ann", [0, 0, 0, 0])
        .leaves_of("ann", "miles", [0, 0, 0, 0])
        .when(reverse_return("ann", "B-1", "r-1"))
        .then_records(["CreditGivenBack", "ReturnReversed"])
        .leaves("ann", [20, 0, 0, 0])
        .leaves_of("ann", "miles", [2, 0, 0, 0])
        .refuses(bring_back("ann", "B-1", "r-2", Some(&[("tv", 3)])), "quantity-too-large")
        .does(bring_back("ann", "B-1", "r-2", Some(&[("tv", 1)])))
        .leaves("ann", [10, 0, 0, 0])
        .leaves_of("ann", "miles", [1, 0, 0, 0]);
}

#[test]
fn the_debts_of_a_return_shrink_in_every_unit() {
    let spent = earned_two()
        .does(policy(SpentCredit::Debt, 30))
        .does(hold("ann", "h-1", 20, 100))
        .does(capture("ann", "h-1", None))
        .does(in_unit("miles", hold("ann", "h-2", 2, 100)))
        .does(capture("ann", "h-2", None))
        .does(bring_back("ann", "B-1", "r-1", None))
        .leaves("ann", [0, 0, 0, 20])
        .leaves_of("ann", "miles", [0, 0, 0, 2]);
    spent
        .does(in_unit("miles", earn("ann", 1, "M-1")))
        .when(reverse_return("ann", "B-1", "r-1"))
        .then_records(["CreditGivenBack", "ReturnReversed"])
        .leaves("ann", [0, 0, 0, 0])
        .leaves_of("ann", "miles", [1, 0, 0, 0]);
}

#[test]
fn what_a_return_takes_stands_side_by_side_unit_by_unit_and_so_does_what_comes_back() {
    let (_, decided) = earned_two().decides(bring_back("ann", "B-1", "r-1", None));
    let Ok(Decision::Record { events: taken, .. }) = decided else { panic!("{decided:?}") };
    let [points, miles, returned] = &*taken else { panic!("{taken:?}") };
    let taking = || earned_two().and([points.clone()]);
    taking().never_has(points);
    taking().never_has(returned);
    taking().never_has(&earned("bob", 1, "B-2"));
    let _ = taking().and([miles.clone(), returned.clone()]);
    earned_two().and([miles.clone()]).never_has(returned);
    earned_two().and([miles.clone(), points.clone()]).never_has(returned);

    let returned = || earned_two().does(bring_back("ann", "B-1", "r-1", None));
    let (_, decided) = returned().decides(reverse_return("ann", "B-1", "r-1"));
    let Ok(Decision::Record { events, .. }) = decided else { panic!("{decided:?}") };
    let [given, reversed] = &*events else { panic!("{events:?}") };
    returned().never_has(reversed);
    returned().and([given.clone()]).never_has(given);
    returned().and([given.clone()]).never_has(&earned("bob", 1, "B-2"));
    let _ = returned().and([given.clone(), reversed.clone()]);
}
