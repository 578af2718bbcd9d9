//! Ladders by years: when tiers are reached, kept and lapse, to the microsecond.

use crate::scenario::*;
use crate::{Command, Downgrade, LadderTerms, Points, Returns, UnitTerms};

fn with(terms: LadderTerms) -> Scenario {
    given([]).on("2026-01-05T00:00:00Z").does(make_ladder("status", terms))
}

fn calendar_year(years_kept: u8) -> LadderTerms {
    two_levels(years("01-01", years_kept, 0))
}

#[test]
fn a_level_is_reached_at_once_and_straight_to_the_highest() {
    let one = with(calendar_year(1))
        .does(earn("ann", 999, "B-1"))
        .has_tier("ann", "-", "-")
        .when(earn("ann", 1, "B-2"))
        .then_records(["CreditEarned", "TierReached"])
        .has_tier("ann", "silver", "2028-01-01T00:00:00Z");
    let fact = one.last_tier();
    assert_eq!((fact.counted, fact.before, fact.version), (points(1_000), None, 1));
    assert_eq!(fact.counted_from, "2026-01-01".parse().ok());
    with(calendar_year(1))
        .when(purchase("bob", "B-1", Some(7_000), &[("tv", 1, 5)]))
        .then_records(["CreditEarned", "PurchaseRecorded", "TierReached"])
        .has_tier("bob", "gold", "2028-01-01T00:00:00Z");
}

#[test]
fn a_tier_holds_until_the_microsecond_at_which_its_time_is_over() {
    with(calendar_year(0))
        .does(earn("ann", 1_000, "B-1"))
        .on("2026-12-31T23:59:59.999999Z")
        .has_tier("ann", "silver", "2027-01-01T00:00:00Z")
        .on("2027-01-01T00:00:00Z")
        .has_tier("ann", "-", "-");
}

#[test]
fn a_purchase_at_the_microsecond_at_which_a_year_ends_counts_in_the_next_one() {
    let earned = || with(calendar_year(0)).does(earn("ann", 600, "B-1"));
    earned().on("2026-12-31T23:59:59.999999Z").does(earn("ann", 400, "B-2")).has_tier(
        "ann",
        "silver",
        "2027-01-01T00:00:00Z",
    );
    earned()
        .on("2027-01-01T00:00:00Z")
        .does(earn("ann", 400, "B-2"))
        .has_tier("ann", "-", "-")
        .does(earn("ann", 600, "B-3"))
        .has_tier("ann", "silver", "2028-01-01T00:00:00Z");
    // The tier that ended at that time is gone before the purchase is decided.
    with(calendar_year(0))
        .does(earn("ann", 1_000, "B-1"))
        .on("2027-01-01T00:00:00Z")
        .when(earn("ann", 1_000, "B-2"))
        .then_records(["TierLapsed", "CreditEarned", "TierReached"])
        .has_tier("ann", "silver", "2028-01-01T00:00:00Z");
}

#[test]
fn what_is_due_at_one_time_goes_credit_first_then_ladders() {
    let midnight = 1_798_761_600;
    with(calendar_year(0))
        .does(earn_until(midnight, "ann", 1_000, "B-1"))
        .on("2027-01-01T00:00:00Z")
        .when(earn("ann", 1, "B-2"))
        .then_records(["CreditExpired", "TierLapsed", "CreditEarned"]);
}

#[test]
fn a_purchase_that_is_told_late_counts_in_the_year_before() {
    let late = |at: &str| {
        let Command::RecordPurchase(it) = purchase("ann", "B-9", None, &[("tv", 1, 40_000)]) else {
            panic!("a purchase")
        };
        Command::RecordPurchase(crate::command::RecordPurchase {
            occurred_at: at.parse().ok(),
            ..it
        })
    };
    let backdated = |days| crate::EarningTerms { backdate_days: days, ..rate(1) };
    let told = |years_kept, days, at| {
        with(calendar_year(years_kept))
            .does(rule("default", backdated(days), crate::command::ExpectedVersion::Absent))
            .does(earn("ann", 600, "B-1"))
            .on("2027-01-03T12:00:00Z")
            .does(late(at))
    };
    // It reaches the level of 2026, whose tiers hold until the end of 2027.
    told(1, 5, "2026-12-31T23:59:59.999999Z").has_tier("ann", "silver", "2028-01-01T00:00:00Z");
    // It counts in the new year where the rule doesn't look back so far, or it was in it.
    told(1, 2, "2026-12-31T23:59:59.999999Z").has_tier("ann", "-", "-");
    told(1, 5, "2027-01-01T00:00:00Z").has_tier("ann", "-", "-");
    // And nothing follows where the tiers of the year before have ended.
    told(0, 5, "2026-12-31T23:59:59.999999Z").has_tier("ann", "-", "-");
}

#[test]
fn a_return_in_the_new_year_is_taken_off_the_year_before() {
    let bought = |returns| {
        with(LadderTerms { returns, ..calendar_year(1) })
            .does(purchase("ann", "B-1", Some(1_000), &[("tv", 2, 200)]))
            .on("2027-03-01T00:00:00Z")
            .does(purchase("ann", "B-2", Some(700), &[("tv", 2, 200)]))
    };
    bought(Returns::Recount)
        .when(bring_back("ann", "B-1", "r-1", Some(&[("tv", 1)])))
        .then_records(["CreditWithdrawn", "PurchaseReturned", "TierLapsed"])
        .has_tier("ann", "-", "-");
    bought(Returns::Keep)
        .does(bring_back("ann", "B-1", "r-1", Some(&[("tv", 1)])))
        .has_tier("ann", "silver", "2028-01-01T00:00:00Z")
        .on("2028-01-01T00:00:00Z")
        .has_tier("ann", "-", "-");
    // A return of this year's purchase is no part of what gave the tier.
    bought(Returns::Recount).does(bring_all_back("ann", "B-2", "r-1")).has_tier(
        "ann",
        "silver",
        "2028-01-01T00:00:00Z",
    );
}

#[test]
fn a_year_that_reached_the_level_again_and_does_no_more_leaves_the_end_of_the_year_before() {
    let again = |returns| {
        with(LadderTerms { returns, ..calendar_year(1) })
            .does(purchase("ann", "B-1", Some(1_000), &[("tv", 2, 200)]))
            .on("2027-03-01T00:00:00Z")
            .does(purchase("ann", "B-2", Some(1_000), &[("tv", 2, 200)]))
            .has_tier("ann", "silver", "2029-01-01T00:00:00Z")
    };
    again(Returns::Recount)
        .when(bring_all_back("ann", "B-2", "r-1"))
        .then_records(["CreditWithdrawn", "PurchaseReturned", "TierKept"])
        .has_tier("ann", "silver", "2028-01-01T00:00:00Z")
        .when(reverse_return("ann", "B-2", "r-1"))
        .then_records(["ReturnReversed", "TierKept"])
        .has_tier("ann", "silver", "2029-01-01T00:00:00Z");
    again(Returns::Keep).does(bring_all_back("ann", "B-2", "r-1")).has_tier(
        "ann",
        "silver",
        "2029-01-01T00:00:00Z",
    );
}

#[test]
fn undoing_a_return_gives_the_tier_back() {
    with(calendar_year(1))
        .does(purchase("ann", "B-1", Some(1_000), &[("tv", 2, 200)]))
        .on("2027-03-01T00:00:00Z")
        .does(bring_all_back("ann", "B-1", "r-1"))
        .has_tier("ann", "-", "-")
        .when(reverse_return("ann", "B-1", "r-1"))
        .then_records(["ReturnReversed", "TierReached"])
        .has_tier("ann", "silver", "2028-01-01T00:00:00Z")
        .does(withdraw("ann", "w-1", "B-1"))
        .has_tier("ann", "-", "-")
        .does(reverse_withdrawal("ann", "w-1"))
        .has_tier("ann", "silver", "2028-01-01T00:00:00Z");
}

#[test]
fn credit_that_is_pending_over_the_years_end_counts_on_the_day_on_which_it_was_earned() {
    // Until the middle of January.
    let pending = with(calendar_year(0)).on("2026-12-20T00:00:00Z").does(earn_from(
        1_800_000_000,
        "ann",
        1_000,
        "B-1",
    ));
    let pending = pending.has_tier("ann", "silver", "2027-01-01T00:00:00Z");
    pending
        .on("2027-02-01T00:00:00Z")
        .when(earn("ann", 999, "B-2"))
        .then_records(["TierLapsed", "CreditMatured", "CreditEarned"])
        .has_tier("ann", "-", "-");
}

#[test]
fn a_year_that_reaches_the_level_again_keeps_the_tier_at_once() {
    let again = with(calendar_year(1))
        .does(earn("ann", 1_200, "B-1"))
        .on("2027-05-01T00:00:00Z")
        .does(earn("ann", 999, "B-2"))
        .when(earn("ann", 1, "B-3"))
        .then_records(["CreditEarned", "TierKept"])
        .has_tier("ann", "silver", "2029-01-01T00:00:00Z");
    assert_eq!(again.last_tier().counted, points(1_000));
    again
        .on("2027-06-01T00:00:00Z")
        .when(earn("ann", 100, "B-4"))
        .then_records(["CreditEarned"])
        .on("2028-01-01T00:00:00Z")
        .has_tier("ann", "silver", "2029-01-01T00:00:00Z")
        .on("2029-01-01T00:00:00Z")
        .has_tier("ann", "-", "-");
    // The last year of two says it: the tier lapses to what a year gives that still holds.
    with(calendar_year(1))
        .does(earn("ann", 6_000, "B-1"))
        .on("2027-05-01T00:00:00Z")
        .does(earn("ann", 1_500, "B-2"))
        .has_tier("ann", "gold", "2028-01-01T00:00:00Z")
        .on("2028-01-01T00:00:00Z")
        .has_tier("ann", "silver", "2029-01-01T00:00:00Z");
}

#[test]
fn an_account_that_nobody_touches_for_five_years_sinks_year_by_year() {
    let levels = [("bronze", 0), ("silver", 1_000), ("gold", 2_000), ("platinum", 3_000)];
    let sinking =
        LadderTerms { downgrade: Downgrade::OneLevel, ..ladder(years("01-01", 0, 2), &levels) };
    let platinum = || with(sinking.clone()).does(earn("ann", 3_000, "B-1"));
    let untouched = platinum().on("2031-06-01T00:00:00Z");
    assert_eq!(untouched.tier("ann").since, "2029-03-01T00:00:00Z".parse().ok());
    untouched
        .when(hold("ann", "h-1", 5, 1_940_000_000))
        .then_records(["TierLapsed", "TierLapsed", "TierLapsed", "CreditHeld"])
        .has_tier("ann", "bronze", "-");
    // Whenever somebody looks meanwhile, it is the same.
    platinum()
        .has_tier("ann", "platinum", "2027-03-01T00:00:00Z")
        .on("2027-03-01T00:00:00Z")
        .has_tier("ann", "gold", "2028-03-01T00:00:00Z")
        .on("2028-02-29T23:59:59.999999Z")
        .has_tier("ann", "gold", "2028-03-01T00:00:00Z")
        .on("2028-03-01T00:00:00Z")
        .has_tier("ann", "silver", "2029-03-01T00:00:00Z")
        .on("2029-03-01T00:00:00Z")
        .has_tier("ann", "bronze", "-");
}

#[test]
fn one_level_down_is_as_far_as_a_tier_sinks_and_a_small_return_doesnt_lower_it() {
    let sunk = || {
        with(LadderTerms { downgrade: Downgrade::OneLevel, ..calendar_year(0) })
            .does(earn("ann", 6_000, "B-1"))
            .on("2027-02-01T00:00:00Z")
            .does(earn("ann", 100, "B-2"))
            .has_tier("ann", "silver", "2028-01-01T00:00:00Z")
    };
    // Of what gave gold, enough for silver is left.
    sunk()
        .does(withdraw_some("ann", "w-1", "B-1", 4_900))
        .has_tier("ann", "silver", "2028-01-01T00:00:00Z")
        .does(withdraw("ann", "w-2", "B-2"))
        .has_tier("ann", "silver", "2028-01-01T00:00:00Z")
        .does(withdraw_some("ann", "w-3", "B-1", 101))
        .has_tier("ann", "-", "-");
    // What the year gives by itself is lost only with it.
    sunk().does(earn("ann", 1_000, "B-3")).does(withdraw("ann", "w-1", "B-1")).has_tier(
        "ann",
        "silver",
        "2028-01-01T00:00:00Z",
    );
}

#[test]
fn years_begin_where_the_units_clocks_say() {
    let berlin = UnitTerms { time_zone: id("Europe/Berlin"), ..unspendable() };
    let terms = LadderTerms { unit: id("status"), ..two_levels(years("04-01", 0, 3)) };
    let made = || {
        given([])
            .on("2026-01-05T00:00:00Z")
            .does(set_unit("status", berlin.clone(), crate::command::ExpectedVersion::Absent))
            .does(make_ladder("status", terms.clone()))
            .does(in_unit("status", earn("ann", 600, "B-1")))
    };
    // The first of April begins at 22:00 UTC, in summer time; three months later is the first of
    // July.
    made()
        .on("2026-03-31T21:59:59.999999Z")
        .does(in_unit("status", earn("ann", 400, "B-2")))
        .has_tier("ann", "silver", "2026-06-30T22:00:00Z");
    made()
        .on("2026-03-31T22:00:00Z")
        .does(in_unit("status", earn("ann", 400, "B-2")))
        .has_tier("ann", "-", "-")
        .does(in_unit("status", earn("ann", 600, "B-3")))
        .has_tier("ann", "silver", "2027-06-30T22:00:00Z");
}

#[test]
fn a_leap_day_ends_no_year() {
    let april = with(two_levels(years("03-01", 0, 0))).on("2028-02-29T12:00:00Z");
    april
        .does(earn("ann", 1_000, "B-1"))
        .has_tier("ann", "silver", "2028-03-01T00:00:00Z")
        .on("2028-02-29T23:59:59.999999Z")
        .has_tier("ann", "silver", "2028-03-01T00:00:00Z")
        .on("2028-03-01T00:00:00Z")
        .has_tier("ann", "-", "-");
    // Three months past the end of November is the last of February, with its leap day.
    with(two_levels(years("11-30", 0, 3)))
        .on("2027-10-01T00:00:00Z")
        .does(earn("ann", 1_000, "B-1"))
        .has_tier("ann", "silver", "2028-02-29T00:00:00Z");
}

#[test]
fn what_is_missing_is_what_the_running_year_lacks() {
    let shown = with(calendar_year(1))
        .does(earn("ann", 1_200, "B-1"))
        .on("2027-02-01T00:00:00Z")
        .does(earn("ann", 300, "B-2"));
    let tier = shown.tier("ann");
    assert_eq!(tier.counted, points(300));
    assert_eq!(tier.next, Some((id("gold"), points(4_700))));
    let tier = shown.tier("nobody");
    assert_eq!((tier.tier, tier.counted), (None, Points::ZERO));
    assert_eq!(tier.next, Some((id("silver"), points(1_000))));
}
