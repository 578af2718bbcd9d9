//! Ladders by months and over all time.

use crate::scenario::*;
use crate::{Downgrade, LadderTerms, Returns, UnitTerms, Window};

fn with(terms: LadderTerms) -> Scenario {
    given([]).on("2026-01-05T00:00:00Z").does(make_ladder("status", terms))
}

#[test]
fn a_window_of_months_is_looked_at_when_the_tier_ends() {
    // The present month and the two before it, until the end of the month after.
    let silver = || {
        with(two_levels(months(2, 1)))
            .on("2026-01-31T23:59:59.999999Z")
            .does(earn("ann", 1_000, "B-1"))
            .has_tier("ann", "silver", "2026-03-01T00:00:00Z")
    };
    // In March the window has January still; in May it hasn't.
    silver()
        .on("2026-03-01T00:00:00Z")
        .has_tier("ann", "silver", "2026-05-01T00:00:00Z")
        .on("2026-05-01T00:00:00Z")
        .has_tier("ann", "-", "-");
    // What is earned meanwhile moves nothing before.
    silver()
        .on("2026-02-10T00:00:00Z")
        .when(earn("ann", 2_000, "B-2"))
        .then_records(["CreditEarned"])
        .on("2026-05-01T00:00:00Z")
        .has_tier("ann", "-", "-");
    silver()
        .on("2026-02-10T00:00:00Z")
        .does(earn("ann", 4_000, "B-2"))
        .has_tier("ann", "gold", "2026-04-01T00:00:00Z")
        .on("2026-04-01T00:00:00Z")
        .has_tier("ann", "silver", "2026-06-01T00:00:00Z")
        .on("2026-06-01T00:00:00Z")
        .has_tier("ann", "-", "-");
}

#[test]
fn months_end_where_their_last_day_does() {
    let bought = |at: &str, until: &str| {
        with(two_levels(months(1, 1)))
            .on(at)
            .does(earn("ann", 1_000, "B-1"))
            .has_tier("ann", "silver", until);
    };
    bought("2028-02-29T23:59:59.999999Z", "2028-04-01T00:00:00Z");
    bought("2028-01-31T12:00:00Z", "2028-03-01T00:00:00Z");
    bought("2027-01-31T12:00:00Z", "2027-03-01T00:00:00Z");
    bought("2026-11-30T23:59:59.999999Z", "2027-01-01T00:00:00Z");
    // In Berlin the month has ended; two months later is summer time.
    let berlin = UnitTerms { time_zone: id("Europe/Berlin"), ..unspendable() };
    let terms = LadderTerms { unit: id("status"), ..two_levels(months(1, 1)) };
    given([])
        .on("2026-01-05T00:00:00Z")
        .does(set_unit("status", berlin, crate::command::ExpectedVersion::Absent))
        .does(make_ladder("status", terms))
        .on("2026-01-31T23:00:00Z")
        .does(in_unit("status", earn("ann", 1_000, "B-1")))
        .has_tier("ann", "silver", "2026-03-31T22:00:00Z");
}

#[test]
fn a_purchase_at_the_microsecond_at_which_a_month_ends_counts_in_the_next_one() {
    let earned = || with(two_levels(months(1, 1))).does(earn("ann", 600, "B-1"));
    earned().on("2026-02-28T23:59:59.999999Z").does(earn("ann", 400, "B-2")).has_tier(
        "ann",
        "silver",
        "2026-04-01T00:00:00Z",
    );
    earned().on("2026-03-01T00:00:00Z").does(earn("ann", 400, "B-2")).has_tier("ann", "-", "-");
}

#[test]
fn a_window_that_has_slid_on_lowers_nobody_for_a_small_return() {
    let slid = || {
        with(two_levels(months(2, 12)))
            .does(earn("ann", 1_200, "B-1"))
            .has_tier("ann", "silver", "2027-02-01T00:00:00Z")
            .on("2026-08-01T00:00:00Z")
            .does(earn("ann", 300, "B-2"))
    };
    slid()
        .does(withdraw_some("ann", "w-1", "B-1", 200))
        .does(withdraw("ann", "w-2", "B-2"))
        .has_tier("ann", "silver", "2027-02-01T00:00:00Z")
        .does(withdraw_some("ann", "w-3", "B-1", 1))
        .has_tier("ann", "-", "-");
    // While the window has enough, nothing is lowered.
    with(two_levels(months(2, 12)))
        .does(earn("ann", 1_200, "B-1"))
        .on("2026-03-01T00:00:00Z")
        .does(earn("ann", 1_000, "B-2"))
        .does(withdraw("ann", "w-1", "B-1"))
        .has_tier("ann", "silver", "2027-02-01T00:00:00Z");
}

#[test]
fn a_window_of_months_sinks_by_one_level_where_the_ladder_says_so() {
    let levels = [("silver", 1_000), ("gold", 2_000), ("platinum", 3_000)];
    let terms = LadderTerms { downgrade: Downgrade::OneLevel, ..ladder(months(1, 2), &levels) };
    with(terms.clone())
        .does(earn("ann", 3_000, "B-1"))
        .has_tier("ann", "platinum", "2026-04-01T00:00:00Z")
        .on("2026-04-01T00:00:00Z")
        .has_tier("ann", "gold", "2026-07-01T00:00:00Z")
        .on("2026-09-30T23:59:59.999999Z")
        .has_tier("ann", "silver", "2026-10-01T00:00:00Z")
        .on("2027-12-01T00:00:00Z")
        .has_tier("ann", "-", "-");
    // Where the count gives a higher one, to that.
    with(terms)
        .does(earn("ann", 3_000, "B-1"))
        .on("2026-03-15T00:00:00Z")
        .does(earn("ann", 2_500, "B-2"))
        .on("2026-04-01T00:00:00Z")
        .has_tier("ann", "gold", "2026-07-01T00:00:00Z");
}

#[test]
fn a_ladder_over_all_time_ends_only_with_what_gave_it() {
    let club = |returns| LadderTerms { returns, ..two_levels(Window::Ever) };
    let joined = |returns| {
        with(club(returns))
            .does(earn("ann", 700, "B-1"))
            .on("2029-02-28T00:00:00Z")
            .does(earn("ann", 300, "B-2"))
            .on("2035-01-01T00:00:00Z")
            .has_tier("ann", "silver", "-")
    };
    joined(Returns::Recount)
        .when(withdraw_some("ann", "w-1", "B-1", 1))
        .then_records(["CreditWithdrawn", "TierLapsed"])
        .has_tier("ann", "-", "-");
    joined(Returns::Keep).does(withdraw("ann", "w-1", "B-1")).has_tier("ann", "silver", "-");
}
