//! Tiers that an operator grants.

use crate::scenario::*;
use crate::{LadderTerms, Points};

fn silver() -> Scenario {
    given([])
        .on("2026-01-05T00:00:00Z")
        .does(make_ladder("status", two_levels(years("01-01", 0, 0))))
        .does(earn("ann", 1_000, "B-1"))
        .does(open_account("bob"))
}

#[test]
fn the_higher_of_what_is_earned_and_what_is_granted_counts() {
    let granted = silver()
        .when(grant("ann", "g-1", "gold", "2026-03-01T00:00:00Z"))
        .then_records(["TierGranted"])
        .has_tier("ann", "gold", "2026-03-01T00:00:00Z");
    let tier = granted.tier("ann");
    assert_eq!(tier.earned, Some(id("silver")));
    assert_eq!(tier.granted, Some((id("gold"), id("2026-03-01T00:00:00Z"))));
    assert_eq!((tier.counted, tier.next), (points(1_000), None));
    granted
        .on("2026-02-28T23:59:59.999999Z")
        .has_tier("ann", "gold", "2026-03-01T00:00:00Z")
        .on("2026-03-01T00:00:00Z")
        .when(earn("ann", 5, "B-2"))
        .then_records(["TierGrantEnded", "CreditEarned"])
        .has_tier("ann", "silver", "2027-01-01T00:00:00Z");
    // What is earned goes on beneath it.
    silver()
        .does(grant("ann", "g-1", "gold", "2028-03-01T00:00:00Z"))
        .on("2027-01-01T00:00:00Z")
        .when(earn("ann", 5, "B-2"))
        .then_records(["TierLapsed", "CreditEarned"])
        .has_tier("ann", "gold", "2028-03-01T00:00:00Z")
        .does(revoke("ann", "g-1"))
        .has_tier("ann", "-", "-");
    // Of two of one level, the one that holds for longer says until when.
    silver().does(grant("ann", "g-1", "silver", "2028-03-01T00:00:00Z")).has_tier(
        "ann",
        "silver",
        "2028-03-01T00:00:00Z",
    );
}

#[test]
fn a_grant_needs_no_credit_and_counts_none() {
    let granted = silver().does(grant("bob", "g-1", "silver", "2026-03-01T00:00:00Z"));
    let granted = granted.has_tier("bob", "silver", "2026-03-01T00:00:00Z");
    let tier = granted.tier("bob");
    assert_eq!((tier.earned, tier.counted), (None, Points::ZERO));
    assert_eq!(tier.next, Some((id("gold"), points(5_000))));
    granted.when(earn("bob", 1_000, "B-2")).then_records(["CreditEarned", "TierReached"]).has_tier(
        "bob",
        "silver",
        "2027-01-01T00:00:00Z",
    );
}

#[test]
fn a_later_grant_takes_the_place_of_the_one_in_force() {
    silver()
        .does(grant("ann", "g-1", "gold", "2026-03-01T00:00:00Z"))
        .does(grant("ann", "g-2", "silver", "2026-09-01T00:00:00Z"))
        .has_tier("ann", "silver", "2027-01-01T00:00:00Z")
        .refuses(revoke("ann", "g-1"), "grant-ended")
        .when(grant("ann", "g-1", "gold", "2026-03-01T00:00:00Z"))
        .then_repeats(6);
}

#[test]
fn a_grant_is_revoked_once() {
    silver()
        .does(grant("ann", "g-1", "gold", "2026-03-01T00:00:00Z"))
        .does(revoke("ann", "g-1"))
        .has_tier("ann", "silver", "2027-01-01T00:00:00Z")
        .when(revoke("ann", "g-1"))
        .then_repeats(7);
    silver().refuses(revoke("ann", "g-1"), "grant-unknown");
    // It ended at that time.
    silver()
        .does(grant("ann", "g-1", "gold", "2026-03-01T00:00:00Z"))
        .on("2026-03-01T00:00:00Z")
        .refuses(revoke("ann", "g-1"), "grant-ended");
}

#[test]
fn a_grant_ends_within_five_years_and_is_of_a_tier_and_an_account_that_there_are() {
    silver()
        .refuses(grant("ann", "g-1", "gold", "2026-01-05T00:00:00Z"), "until-out-of-range")
        .refuses(grant("ann", "g-1", "gold", "2031-01-05T00:00:00.000001Z"), "until-out-of-range")
        .refuses(grant("cat", "g-1", "gold", "2026-03-01T00:00:00Z"), "account-unknown")
        .refuses(grant("ann", "g-1", "copper", "2026-03-01T00:00:00Z"), "tier-unknown")
        .does(grant("ann", "g-1", "gold", "2031-01-05T00:00:00Z"));
    given([earned("ann", 5, "B-1")])
        .refuses(grant("ann", "g-1", "gold", "2026-03-01T00:00:00Z"), "ladder-unknown")
        .refuses(revoke("ann", "g-1"), "ladder-unknown");
}

#[test]
fn a_grant_of_the_level_that_everybody_has_changes_nothing() {
    let levels = [("bronze", 0), ("silver", 1_000)];
    let terms: LadderTerms = ladder(years("01-01", 0, 0), &levels);
    given([])
        .on("2026-01-05T00:00:00Z")
        .does(make_ladder("status", terms))
        .does(open_account("bob"))
        .does(grant("bob", "g-1", "bronze", "2026-03-01T00:00:00Z"))
        .has_tier("bob", "bronze", "-")
        .on("2026-03-01T00:00:00Z")
        .has_tier("bob", "bronze", "-");
}
