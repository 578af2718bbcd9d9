//! Accounts on ladders that are merged.

use crate::scenario::*;
use crate::{LadderTerms, SpentCredit};

fn with(terms: LadderTerms) -> Scenario {
    given([]).on("2026-01-05T00:00:00Z").does(make_ladder("status", terms))
}

fn calendar_year(years_kept: u8) -> Scenario {
    with(two_levels(years("01-01", years_kept, 0)))
}

#[test]
fn what_two_accounts_counted_in_a_year_is_added() {
    calendar_year(1)
        .does(earn("ann", 600, "B-1"))
        .does(earn("bob", 400, "B-2"))
        .when(merge("ann", "bob"))
        .then_records([
            "AccountMerged",
            "AccountTakenOver",
            "CountsPassedOn",
            "CountsTakenOver",
            "TierReached",
            "CreditSent",
            "CreditReceived",
        ])
        .has_tier("bob", "silver", "2028-01-01T00:00:00Z")
        .has_tier("ann", "-", "-")
        .on("2028-01-01T00:00:00Z")
        .has_tier("bob", "-", "-");
}

#[test]
fn the_higher_tier_and_the_later_until_stay_whoever_had_them() {
    for (from, into) in [("ann", "bob"), ("bob", "ann")] {
        calendar_year(1)
            .does(earn("ann", 5_000, "B-1"))
            .on("2027-02-01T00:00:00Z")
            .does(earn("bob", 1_000, "B-2"))
            .does(merge(from, into))
            .has_tier(into, "gold", "2029-01-01T00:00:00Z")
            .has_tier(from, "-", "-")
            .on("2029-01-01T00:00:00Z")
            .has_tier(into, "-", "-");
    }
}

#[test]
fn the_later_grant_stays_and_is_revoked_under_the_new_id() {
    for (from, into) in [("ann", "bob"), ("bob", "ann")] {
        calendar_year(1)
            .does(earn("ann", 1, "B-1"))
            .does(earn("bob", 1, "B-2"))
            .does(grant("ann", "g-1", "gold", "2027-01-01T00:00:00Z"))
            .on("2026-02-01T00:00:00Z")
            .does(grant("bob", "g-2", "silver", "2026-12-01T00:00:00Z"))
            .does(merge(from, into))
            .has_tier(into, "silver", "2026-12-01T00:00:00Z")
            .has_tier(from, "-", "-")
            .refuses(revoke(from, "g-2"), "account-merged")
            .refuses(grant(from, "g-3", "gold", "2027-01-01T00:00:00Z"), "account-merged")
            .does(revoke(into, "g-2"))
            .has_tier(into, "-", "-");
    }
    calendar_year(1)
        .does(earn("ann", 1, "B-1"))
        .does(earn("bob", 1, "B-2"))
        .does(grant("ann", "g-1", "gold", "2026-02-01T00:00:00Z"))
        .does(merge("ann", "bob"))
        .refuses(revoke("bob", "g-2"), "grant-unknown")
        .on("2026-02-01T00:00:00Z")
        .has_tier("bob", "-", "-");
}

#[test]
fn what_is_taken_back_under_the_old_id_counts_no_more_for_the_new_account() {
    calendar_year(1)
        .does(policy(SpentCredit::Debt, 30))
        .does(earn("ann", 600, "B-1"))
        .does(earn("bob", 400, "B-2"))
        .does(merge("ann", "bob"))
        .has_tier("bob", "silver", "2028-01-01T00:00:00Z")
        .when(withdraw_some("ann", "w-1", "B-1", 100))
        .then_records([
            "CreditWithdrawn",
            "CountsPassedOn",
            "CountsTakenOver",
            "TierLapsed",
            "DebtPassedOn",
            "DebtTakenOver",
            "DebtRepaid",
        ])
        .has_tier("bob", "-", "-")
        .does(earn("bob", 100, "B-3"))
        .has_tier("bob", "silver", "2028-01-01T00:00:00Z")
        .has_tier("ann", "-", "-");
}

#[test]
fn a_tier_that_came_with_an_account_is_lost_with_what_gave_it() {
    calendar_year(1)
        .does(policy(SpentCredit::Debt, 30))
        .does(earn("ann", 5_000, "B-1"))
        .does(earn("bob", 300, "B-2"))
        .does(merge("ann", "bob"))
        // What bob had counted in that year makes up for it.
        .does(withdraw_some("ann", "w-1", "B-1", 300))
        .has_tier("bob", "gold", "2028-01-01T00:00:00Z")
        .does(withdraw_some("ann", "w-2", "B-1", 1))
        .has_tier("bob", "silver", "2028-01-01T00:00:00Z");
}

#[test]
fn a_chain_of_mergers_adds_all_and_an_amendment_gives_nothing_to_who_was_merged() {
    calendar_year(1)
        .does(earn("ann", 300, "B-1"))
        .does(earn("bob", 300, "B-2"))
        .does(earn("cat", 300, "B-3"))
        .does(merge("ann", "bob"))
        .does(merge("bob", "cat"))
        .has_tier("cat", "-", "-")
        .does(amend_ladder(
            "status",
            ladder(years("01-01", 1, 0), &[("silver", 900), ("gold", 5_000)]),
        ))
        .has_tier("cat", "silver", "2028-01-01T00:00:00Z")
        .has_tier("bob", "-", "-")
        .has_tier("ann", "-", "-");
}

#[test]
fn by_months_what_slid_out_of_the_window_gives_nothing_more() {
    with(two_levels(months(2, 3)))
        .does(earn("ann", 700, "B-1"))
        .on("2026-05-05T00:00:00Z")
        .does(earn("bob", 500, "B-2"))
        .does(merge("ann", "bob"))
        .has_tier("bob", "-", "-")
        .does(earn("bob", 500, "B-3"))
        .has_tier("bob", "silver", "2026-09-01T00:00:00Z");
}

#[test]
fn an_exchange_under_the_old_id_has_the_tier_of_the_new_account() {
    let for_silver = || {
        with_terms(open("mug", 100, None), |terms| crate::Terms {
            tier: Some(crate::LadderTier { ladder: id("status"), tier: id("silver") }),
            ..terms
        })
    };
    calendar_year(1)
        .does(for_silver())
        .does(earn("ann", 1_000, "B-1"))
        .does(earn("bob", 1, "B-2"))
        .does(hold("ann", "h-1", 100, 1_767_571_200 + 24 * 60 * 60))
        .does(merge("ann", "bob"))
        .does(capture_for("ann", "h-1", "x-1", "mug"))
        .does(redeem("bob", "x-1", "mug"));
}
