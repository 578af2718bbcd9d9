//! Ladders that are amended under accounts.

use crate::scenario::*;
use crate::{Downgrade, LadderTerms, Returns};

fn with(terms: LadderTerms) -> Scenario {
    given([]).on("2026-01-05T00:00:00Z").does(make_ladder("status", terms))
}

fn year(silver: u64, gold: u64) -> LadderTerms {
    ladder(years("01-01", 0, 0), &[("silver", silver), ("gold", gold)])
}

#[test]
fn a_higher_tier_is_given_at_once() {
    let amended = || {
        with(year(1_000, 5_000))
            .does(earn("ann", 800, "B-1"))
            .does(earn("bob", 200, "B-2"))
            .on("2026-06-01T00:00:00Z")
            .does(amend_ladder("status", year(500, 5_000)))
    };
    // In the background, and before the next decision.
    amended().has_tier("ann", "silver", "2027-01-01T00:00:00Z").has_tier("bob", "-", "-");
    let (at, later) = ("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z");
    let decided = amended()
        .on(later)
        .when(hold("ann", "h-1", 5, 1_784_000_000))
        .then_records(["TierReached", "CreditHeld"]);
    assert_eq!(decided.tier("ann").since, at.parse().ok());
    amended().on(later).when(hold("bob", "h-1", 5, 1_784_000_000)).then_records(["CreditHeld"]);
    // It is given once.
    let told = amended().sweeps();
    let count = told.count();
    assert_eq!(told.sweeps().count(), count);
}

#[test]
fn a_tier_is_taken_only_at_its_end_and_a_small_return_doesnt_take_it() {
    with(year(1_000, 5_000))
        .does(earn("ann", 1_200, "B-1"))
        .does(amend_ladder("status", year(2_000, 6_000)))
        .has_tier("ann", "silver", "2027-01-01T00:00:00Z")
        .does(withdraw_some("ann", "w-1", "B-1", 200))
        .has_tier("ann", "silver", "2027-01-01T00:00:00Z")
        .does(earn("ann", 700, "B-2"))
        .has_tier("ann", "silver", "2027-01-01T00:00:00Z")
        .on("2027-01-01T00:00:00Z")
        .has_tier("ann", "-", "-")
        .does(earn("ann", 1_999, "B-3"))
        .has_tier("ann", "-", "-");
}

#[test]
fn the_end_of_a_tier_moves_only_at_its_end() {
    let longer = LadderTerms { window: years("01-01", 1, 1), ..year(1_000, 5_000) };
    let silver = || with(year(1_000, 5_000)).does(earn("ann", 1_200, "B-1"));
    silver()
        .does(amend_ladder("status", longer.clone()))
        .does(earn("ann", 100, "B-2"))
        .has_tier("ann", "silver", "2027-01-01T00:00:00Z")
        .on("2027-01-01T00:00:00Z")
        .has_tier("ann", "silver", "2028-02-01T00:00:00Z")
        .on("2028-02-01T00:00:00Z")
        .has_tier("ann", "-", "-");
    // What came after its end is too late for it.
    silver()
        .on("2027-01-01T00:00:00Z")
        .does(amend_ladder("status", longer.clone()))
        .does(open_account("bob"))
        .has_tier("ann", "silver", "2028-02-01T00:00:00Z");
    silver()
        .on("2027-01-01T00:00:00Z")
        .does(amend_ladder("status", LadderTerms { downgrade: Downgrade::OneLevel, ..longer }))
        .when(earn("ann", 1, "B-2"))
        .then_records(["TierLapsed", "TierReached", "CreditEarned"]);
}

#[test]
fn levels_may_come_between_others() {
    let levels = [("bronze", 500), ("silver", 1_000), ("pearl", 3_000), ("gold", 5_000)];
    with(year(1_000, 5_000))
        .does(earn("ann", 3_500, "B-1"))
        .does(earn("bob", 1_500, "B-2"))
        .does(earn("cat", 600, "B-3"))
        .does(amend_ladder("status", ladder(years("01-01", 0, 0), &levels)))
        .has_tier("ann", "pearl", "2027-01-01T00:00:00Z")
        .has_tier("bob", "silver", "2027-01-01T00:00:00Z")
        .has_tier("cat", "bronze", "2027-01-01T00:00:00Z")
        .does(earn("bob", 3_500, "B-4"))
        .has_tier("bob", "gold", "2027-01-01T00:00:00Z");
}

#[test]
fn each_of_several_amendments_gives_what_it_gives() {
    // The second takes back what the first gave, which holds until its end.
    with(year(1_000, 5_000))
        .does(earn("ann", 800, "B-1"))
        .on("2026-03-01T00:00:00Z")
        .does(amend_ladder("status", year(500, 5_000)))
        .on("2026-04-01T00:00:00Z")
        .does(amend_ladder("status", year(1_000, 5_000)))
        .on("2026-05-01T00:00:00Z")
        .has_tier("ann", "silver", "2027-01-01T00:00:00Z")
        .does(amend_ladder("status", year(700, 5_000)))
        .has_tier("ann", "silver", "2027-01-01T00:00:00Z");
}

#[test]
fn what_a_ladder_counts_and_its_tiers_stay() {
    let made = || with(year(1_000, 5_000));
    let base = year(1_000, 5_000);
    for other in [
        LadderTerms { unit: id("miles"), ..base.clone() },
        LadderTerms { window: years("04-01", 0, 0), ..base.clone() },
        LadderTerms { window: months(1, 1), ..base.clone() },
        LadderTerms { adjustments: true, ..base.clone() },
        ladder(base.window, &[("silver", 1_000)]),
        ladder(base.window, &[("silver", 1_000), ("golden", 5_000)]),
        ladder(base.window, &[("gold", 1_000), ("silver", 5_000)]),
    ] {
        made().refuses(amend_ladder("status", other), "ladder-fixed");
    }
    let kept = LadderTerms {
        window: years("01-01", 2, 3),
        downgrade: Downgrade::OneLevel,
        returns: Returns::Keep,
        ..base.clone()
    };
    made().does(amend_ladder("status", kept)).does(amend_ladder("status", base));
    let of_months = two_levels(months(3, 1));
    with(of_months)
        .refuses(amend_ladder("status", two_levels(months(2, 1))), "ladder-fixed")
        .does(amend_ladder("status", two_levels(months(3, 9))));
}
