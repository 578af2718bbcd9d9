//! What counts on a ladder, and what doesn't.

use crate::command::Direction;
use crate::scenario::*;
use crate::{
    AMOUNT_MAX, Command, Event, GrantEnd, LadderNumber, LadderTerms, Points, Standing, TierChanged,
    TierGrantEnded, Window,
};

fn with(terms: LadderTerms) -> Scenario {
    given([]).on("2026-01-05T00:00:00Z").does(make_ladder("status", terms))
}

fn club() -> LadderTerms {
    two_levels(Window::Ever)
}

#[test]
fn what_was_earned_before_the_ladder_counts_nothing_and_nor_does_its_return() {
    given([])
        .on("2026-01-05T00:00:00Z")
        .does(earn("ann", 5_000, "B-1"))
        .does(make_ladder("other", two_levels(years("01-01", 0, 0))))
        .does(earn("ann", 400, "B-2"))
        .does(make_ladder("status", club()))
        .does(earn("ann", 1_000, "B-3"))
        .has_tier("ann", "silver", "-")
        .does(withdraw("ann", "w-1", "B-1"))
        .does(withdraw("ann", "w-2", "B-2"))
        .has_tier("ann", "silver", "-")
        .does(withdraw_some("ann", "w-3", "B-3", 1))
        .has_tier("ann", "-", "-");
}

#[test]
fn another_units_credit_counts_nothing() {
    with(club())
        .does(make_unit("miles"))
        .does(in_unit("miles", earn("ann", 5_000, "B-1")))
        .has_tier("ann", "-", "-")
        .does(earn("ann", 1_000, "B-2"))
        .has_tier("ann", "silver", "-");
}

#[test]
fn spending_passing_on_and_expiry_change_nothing() {
    with(club())
        .does(open("mug", 300, None))
        .does(open_account("bob"))
        .does(earn_until(1_800_000_000, "ann", 1_000, "B-1"))
        .does(redeem("ann", "x-1", "mug"))
        .does(transfer("ann", "bob", 600, "t-1"))
        .has_tier("ann", "silver", "-")
        .has_tier("bob", "-", "-")
        .on("2028-01-01T00:00:00Z")
        .has_tier("ann", "silver", "-")
        // What was owed or had expired counts as come back all the same.
        .does(withdraw_some("ann", "w-1", "B-1", 1))
        .has_tier("ann", "-", "-");
}

#[test]
fn adjustments_count_where_the_ladder_says_so_on_their_own_day() {
    let adjusted = |adjustments, window| {
        with(LadderTerms { adjustments, ..two_levels(window) }).does(adjust(
            Direction::Add,
            "ann",
            1_000,
            "a-1",
        ))
    };
    let year = years("01-01", 1, 0);
    let uncounted = adjusted(false, year).has_tier("ann", "-", "-");
    assert_eq!(uncounted.tier("ann").counted, Points::ZERO);
    adjusted(true, year)
        .has_tier("ann", "silver", "2028-01-01T00:00:00Z")
        .on("2027-05-01T00:00:00Z")
        // It counts in 2027, and leaves what 2026 gave.
        .does(adjust(Direction::Take, "ann", 900, "a-2"))
        .has_tier("ann", "silver", "2028-01-01T00:00:00Z")
        .does(earn("ann", 1_850, "B-1"))
        .has_tier("ann", "silver", "2028-01-01T00:00:00Z")
        .when(earn("ann", 50, "B-2"))
        .then_records(["CreditEarned", "TierKept"]);
    // What was added by mistake is taken again.
    adjusted(true, year).does(adjust(Direction::Take, "ann", 1, "a-2")).has_tier("ann", "-", "-");
}

#[test]
fn a_level_from_0_is_everybodys_and_no_event_says_so() {
    let levels = [("bronze", 0), ("silver", 1_000)];
    let terms = ladder(years("01-01", 0, 0), &levels);
    let started = with(terms);
    assert_eq!(started.tier("nobody").tier, Some(id("bronze")));
    let reached = started
        .when(earn("ann", 500, "B-1"))
        .then_records(["CreditEarned"])
        .has_tier("ann", "bronze", "-")
        .does(earn("ann", 500, "B-2"));
    assert_eq!(reached.last_tier().before, Some(id("bronze")));
    let lapsed = reached.on("2027-01-01T00:00:00Z").has_tier("ann", "bronze", "-");
    let fact = lapsed.last_tier();
    assert_eq!((fact.tier, fact.until), (Some(id("bronze")), None));
}

#[test]
fn claimed_credit_counts_on_the_day_of_its_claim() {
    let full = with(two_levels(years("01-01", 0, 0))).does(earn("ann", AMOUNT_MAX, "B-1"));
    full.when(purchase("ann", "P-1", Some(1_500), &[("tv", 1, 5)]))
        .then_records(["PurchaseRecorded"])
        .on("2027-01-02T00:00:00Z")
        .does(withdraw("ann", "w-1", "B-1"))
        .has_tier("ann", "-", "-")
        .does(claim("ann", "P-1"))
        .has_tier("ann", "silver", "2028-01-01T00:00:00Z")
        .does(bring_all_back("ann", "P-1", "r-1"))
        .has_tier("ann", "-", "-");
}

#[test]
fn several_ladders_are_judged_in_the_order_in_which_they_were_made() {
    let told = with(club())
        .does(make_ladder("club", ladder(Window::Ever, &[("member", 1)])))
        .when(earn("ann", 1_000, "B-1"))
        .then_records(["CreditEarned", "TierReached", "TierReached"]);
    assert_eq!(told.last_tier().ladder, id("club"));
}

#[test]
fn a_ladder_takes_64_bytes_of_an_account_and_a_tier_56() {
    assert_eq!(size_of::<(LadderNumber, Standing)>(), 64);
    assert_eq!(size_of::<crate::standing::Held>(), 56);
}

/// Beside what units take: 48 bytes once, 64 for the ladder, 56 for the tier, and some four for
/// each month.
#[test]
fn an_account_that_no_ladder_counted_takes_no_byte_more() {
    let with_ladders = |is_counted: bool, months_counted: i64| {
        let mut it = given([]).on("2026-01-05T00:00:00Z");
        for unit in ["status", "miles"] {
            it = it.does(make_unit(unit));
        }
        if is_counted {
            let terms = LadderTerms { unit: id("status"), ..two_levels(months(36, 1)) };
            it = it.does(make_ladder("status", terms));
        }
        for month in 0..months_counted {
            it = it.at(1_767_571_200 + month * 31 * 24 * 60 * 60);
            for unit in ["points", "miles", "status"] {
                it = it.does(in_unit(unit, earn("ann", 150, &format!("{unit}-{month}"))));
            }
        }
        it.allocated_bytes("ann")
    };
    let uncounted = with_ladders(false, 37);
    let counted = with_ladders(true, 37);
    let added = counted - uncounted;
    println!(
        "three units for three years, and a ladder by months: {counted} bytes, {added} of them"
    );
    assert!((168..=320).contains(&added), "{added}");
    // Units alone take what they took before there were ladders.
    assert_eq!(
        with_ladders(false, 1),
        given([])
            .on("2026-01-05T00:00:00Z")
            .does(make_unit("status"))
            .does(make_unit("miles"))
            .does(make_ladder("status", club()))
            .does(in_unit("miles", earn("ann", 150, "B-1")))
            .does(in_unit("status", earn("ann", 150, "B-2")))
            .does(adjust(Direction::Add, "ann", 150, "B-3"))
            .allocated_bytes("ann")
    );
}

#[test]
fn no_history_has_a_tier_that_its_count_doesnt_give() {
    let silver = || with(club()).does(earn("ann", 1_200, "B-1"));
    let reached = |counted: u64, tier: &str, before: &str| {
        Event::TierReached(
            id("ann"),
            TierChanged {
                ladder: id("status"),
                version: 1,
                tier: Some(id(tier)),
                before: before.parse().ok(),
                counted: points(counted),
                counted_from: None,
                until: None,
            },
        )
    };
    // Another count, another tier before, the same tier again, and an unknown one.
    silver().never_has(&reached(5_000, "gold", "silver"));
    silver().never_has(&reached(1_200, "gold", ""));
    silver().never_has(&reached(1_200, "gold", "silver"));
    silver().never_has(&reached(1_200, "silver", "silver"));
    silver().never_has(&reached(1_200, "copper", "silver"));
    silver().never_has(&Event::TierGrantEnded(
        id("ann"),
        TierGrantEnded {
            ladder: id("status"),
            grant_id: id("g-1"),
            tier: id("gold"),
            ended: GrantEnd::Until,
            occurred_at: None,
            note: crate::Note::default(),
        },
    ));
}

#[test]
fn a_ladder_is_made_once_over_a_unit_that_is_open() {
    let of = |unit: &str| LadderTerms { unit: id(unit), ..club() };
    let made = || given([]).does(make_unit("miles")).does(make_ladder("status", of("miles")));
    made()
        .refuses(make_ladder("status", of("points")), "ladder-exists")
        .refuses(make_ladder("other", of("copper")), "unit-unknown")
        .refuses(amend_ladder("other", of("miles")), "ladder-unknown")
        .when(make_ladder("status", of("miles")))
        .then_unchanged();
    made()
        .does(close_unit("miles"))
        .refuses(make_ladder("other", of("miles")), "unit-closed")
        .when(make_ladder("status", of("miles")))
        .then_unchanged();
    let full = (0..10).fold(given([]), |given, number| {
        given.does(make_ladder(&format!("l-{number}"), of("points")))
    });
    full.refuses(make_ladder("l-10", of("points")), "too-many-ladders");
}

#[test]
fn the_ladders_of_a_closed_unit_run_on() {
    let terms = LadderTerms { unit: id("miles"), ..two_levels(years("01-01", 0, 0)) };
    given([])
        .on("2026-01-05T00:00:00Z")
        .does(make_unit("miles"))
        .does(make_ladder("status", terms))
        .does(in_unit("miles", earn("ann", 6_000, "B-1")))
        .does(close_unit("miles"))
        .has_tier("ann", "gold", "2027-01-01T00:00:00Z")
        .does(in_unit("miles", withdraw("ann", "w-1", "B-1")))
        .has_tier("ann", "-", "-")
        .does(reverse_withdrawal("ann", "w-1"))
        .has_tier("ann", "gold", "2027-01-01T00:00:00Z")
        .on("2027-01-01T00:00:00Z")
        .has_tier("ann", "-", "-");
}

#[test]
fn reviews_and_promotions_count_like_purchases() {
    let reviewed = |kind, key: &str| {
        let Command::EarnCredit(it) = earn("ann", 500, key) else { panic!("a credit") };
        let cause = crate::Cause { kind, id: id(key) };
        Command::EarnCredit(crate::command::EarnCredit { cause, ..it })
    };
    with(club())
        .does(reviewed(crate::CauseKind::Review, "R-1"))
        .does(reviewed(crate::CauseKind::Promotion, "P-1"))
        .has_tier("ann", "silver", "-");
}
