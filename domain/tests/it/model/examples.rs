//! Histories that are easily got wrong, told in words. Each command is compared as in the random
//! ones; what is asserted beside that is what the document says of it.

use domain::command::{AdjustCredit, Capture, Direction, EarnCredit};
use domain::{
    AMOUNT_MAX, Cause, CauseKind, Command, ExpiryRule, Note, Period, SpentCredit, UnitId,
};

use super::ask::Sweep;
use super::asking::{
    cancel, cancel_by_operator, capture, claim, day, earn, earn_between, earn_until, hold,
    make_unit, of, open, order, policy, purchase, redeem, release, return_one, rule, take,
    transfer, withdraw,
};
use super::beside::Pair;
use super::effect::{Due, Effect};
use super::ledger::{Outcome, Part, Time};
use super::values::{id, points};

impl Pair {
    /// Does it at a time; what it did, and what followed.
    #[track_caller]
    fn does(&mut self, at: Time, command: Command) -> Vec<Effect> {
        self.now = at;
        match self.execute(&command) {
            Outcome::Done(effects) => [effects.own, effects.after].concat(),
            other => panic!("{command:?} was not done: {other:?}"),
        }
    }

    #[track_caller]
    fn refuses(&mut self, at: Time, command: Command, code: &str) {
        self.now = at;
        match self.execute(&command) {
            Outcome::Refused(no) => assert_eq!(no.code, code, "{command:?}"),
            other => panic!("{command:?} was not refused: {other:?}"),
        }
    }

    #[track_caller]
    fn has(&self, who: &str, available: u128, owed: u128) {
        let wallet = self.model.account(who).expect("an account").wallet(UnitId::POINTS);
        assert_eq!((wallet.sum_available(), wallet.owed), (available, owed), "{who}");
    }
}

fn part(lot: usize, amount: u128, expires_at: Option<Time>, graced: bool) -> Part {
    Part { lot, partition: 0, points: amount, expires_at, graced }
}

// Falling due

#[test]
fn at_one_time_credit_matures_then_holds_end_then_debts_are_paid_then_credit_expires() {
    let mut pair = Pair::new();
    pair.does(day(0), policy(SpentCredit::Debt, 0));
    pair.does(day(0), earn_between("ann", "late", 5, Some(day(3)), Some(day(9))));
    pair.does(day(0), earn_until("ann", "soon", 20, day(3)));
    pair.does(day(0), hold("ann", "h", 20, day(3)));
    pair.does(day(0), take("ann", "a", 12));
    pair.has("ann", 0, 12);
    pair.now = day(3) - 1;
    pair.sweep(Sweep::All);
    assert_eq!(pair.model.account("ann").expect("she is").fallen, vec![]);
    pair.now = day(3);
    pair.sweep(Sweep::All);
    let late = part(0, 5, Some(day(9)), false);
    let soon = part(1, 20, Some(day(3)), false);
    assert_eq!(
        pair.model.account("ann").expect("she is").fallen,
        vec![
            Due::Matured(late),
            Due::Released("h".into(), vec![soon]),
            Due::Repaid(part(1, 12, Some(day(3)), false)),
            Due::Expired(part(1, 8, Some(day(3)), false)),
        ]
    );
    pair.has("ann", 5, 0);
    pair.finish();
}

#[test]
fn at_one_time_it_goes_unit_by_unit_and_over_all_units_by_time() {
    let mut pair = Pair::new();
    for unit in ["stars", "miles"] {
        pair.does(day(0), make_unit(unit));
    }
    let earn = |unit: &str, cause: &str, until| of(unit, earn_until("ann", cause, 5, until));
    pair.does(day(0), earn("miles", "m-late", day(3)));
    pair.does(day(0), earn("points", "p-late", day(3)));
    pair.does(day(0), earn("stars", "s-late", day(3)));
    pair.does(day(0), of("stars", earn_between("ann", "s-new", 7, Some(day(3)), None)));
    pair.does(day(0), earn("miles", "m-soon", day(2)));
    pair.does(day(0), of("miles", hold("ann", "h", 5, day(3))));
    pair.now = day(4);
    pair.sweep(Sweep::All);
    let expired = |lot, until| Due::Expired(part(lot, 5, Some(until), false));
    assert_eq!(
        pair.model.account("ann").expect("she is").fallen,
        vec![
            expired(1, day(3)),
            Due::Matured(part(3, 7, None, false)),
            expired(2, day(3)),
            Due::Released("h".into(), vec![part(4, 5, Some(day(2)), false)]),
            expired(4, day(2)),
            expired(0, day(3)),
        ]
    );
    pair.finish();
}

#[test]
fn what_is_owed_of_one_unit_is_not_paid_by_another() {
    let mut pair = Pair::new();
    pair.does(day(0), policy(SpentCredit::Debt, 0));
    pair.does(day(0), make_unit("miles"));
    pair.does(day(0), earn("ann", "one", 10));
    pair.does(day(0), of("miles", take("ann", "a", 4)));
    pair.has("ann", 10, 0);
    pair.does(day(0), of("miles", earn("ann", "two", 3)));
    let miles = pair.model.account("ann").expect("she is").wallet(id("miles"));
    assert_eq!((miles.sum_available(), miles.owed), (0, 1));
    pair.has("ann", 10, 0);
    pair.finish();
}

#[test]
fn credit_of_each_unit_goes_up_to_the_largest_amount() {
    let mut pair = Pair::new();
    pair.does(day(0), make_unit("miles"));
    pair.does(day(0), earn("ann", "one", AMOUNT_MAX));
    pair.does(day(0), of("miles", earn("ann", "two", AMOUNT_MAX)));
    pair.refuses(day(0), of("miles", earn("ann", "three", 1)), "amount-too-large");
    pair.refuses(day(0), earn("ann", "three", 1), "amount-too-large");
    pair.finish();
}

#[test]
fn what_comes_back_expired_pays_what_is_owed() {
    let mut pair = Pair::new();
    pair.does(day(0), policy(SpentCredit::Debt, 0));
    pair.does(day(0), earn_until("ann", "one", 10, day(2)));
    pair.does(day(0), earn_until("ann", "two", 10, day(3)));
    pair.does(day(0), earn_until("ann", "three", 10, day(5)));
    pair.does(day(0), hold("ann", "h", 30, day(20)));
    pair.does(day(0), take("ann", "a", 50));
    pair.does(day(4), release("ann", "h"));
    pair.has("ann", 0, 20);
    pair.finish();
}

#[test]
fn what_expires_in_a_hold_is_captured_until_the_deadline_and_not_at_it() {
    for (at, is_in_time) in [(day(5) - 1, true), (day(5), false)] {
        let mut pair = Pair::new();
        pair.does(day(0), earn_until("ann", "one", 10, day(2)));
        pair.does(day(0), hold("ann", "h", 10, day(5)));
        let all = || capture("ann", "h", Capture::Points(None));
        if is_in_time {
            pair.does(at, all());
        } else {
            pair.refuses(at, all(), "hold-ended");
        }
        pair.finish();
    }
}

#[test]
fn many_parts_fall_due_in_events_of_a_hundred() {
    let mut pair = Pair::new();
    pair.does(day(0), policy(SpentCredit::Debt, 0));
    for number in 0..250 {
        let (available, expires) = (Some(day(2)), Some(day(3) + number % 2));
        pair.does(day(0), earn_between("ann", &format!("p-{number}"), 2, available, expires));
    }
    pair.does(day(0), earn("ann", "more", 1));
    pair.does(day(0), take("ann", "a", 302));
    pair.does(day(2), earn("ann", "last", 1));
    pair.has("ann", 200, 0);
    pair.now = day(3) + 1;
    pair.finish();
    pair.has("ann", 1, 0);
}

#[test]
fn a_shopper_takes_no_more_of_an_offer_than_an_amount_can_say() {
    let mut pair = Pair::new();
    pair.does(day(0), open("mug", 1));
    pair.does(day(0), earn("ann", "one", AMOUNT_MAX));
    pair.does(day(0), redeem("ann", "x-1", "mug", AMOUNT_MAX));
    pair.does(day(0), earn("ann", "two", AMOUNT_MAX));
    pair.refuses(day(0), redeem("ann", "x-2", "mug", 1), "amount-too-large");
    pair.does(day(0), take("ann", "a", AMOUNT_MAX));
    pair.does(day(0), cancel("ann", "x-1", "c", Some(1)));
    pair.does(day(0), redeem("ann", "x-2", "mug", 1));
    pair.finish();
}

// Coming back

#[test]
fn a_refund_undoes_the_drawing_from_its_end() {
    let mut pair = Pair::new();
    pair.does(day(0), open("mug", 10));
    pair.does(day(0), earn("ann", "one", 15));
    pair.does(day(0), earn_until("ann", "two", 10, day(2)));
    pair.does(day(0), earn("ann", "three", 15));
    // Ten of the second, fifteen of the first, five of the third.
    pair.does(day(0), redeem("ann", "x", "mug", 3));
    let refund = |effects: Vec<Effect>| match effects.into_iter().next() {
        Some(Effect::Refunded { parts, .. }) => parts,
        other => panic!("no refund: {other:?}"),
    };
    let first = refund(pair.does(day(1), cancel("ann", "x", "c-1", Some(1))));
    assert_eq!(first, [part(2, 5, None, false), part(0, 5, None, false)]);
    // What expired meanwhile comes back for 30 days.
    let rest = refund(pair.does(day(3), cancel_by_operator("ann", "x", "c-2")));
    assert_eq!(rest, [part(0, 10, None, false), part(1, 10, Some(day(33)), true)]);
    pair.refuses(day(3), cancel("ann", "x", "c-3", None), "already-cancelled");
    pair.finish();
}

#[test]
fn there_is_one_period_of_grace_and_no_second() {
    let mut pair = Pair::new();
    pair.does(day(0), open("mug", 10));
    pair.does(day(0), earn_until("ann", "one", 10, day(1)));
    pair.does(day(0), redeem("ann", "x-1", "mug", 1));
    pair.does(day(2), cancel_by_operator("ann", "x-1", "c"));
    pair.has("ann", 10, 0);
    pair.does(day(2), redeem("ann", "x-2", "mug", 1));
    let effects = pair.does(day(32), cancel_by_operator("ann", "x-2", "c"));
    let graced = part(0, 10, Some(day(32)), true);
    assert_eq!(effects.last(), Some(&Effect::Due("ann".into(), Due::Expired(graced))));
    pair.has("ann", 0, 0);
    pair.finish();
}

#[test]
fn an_exchange_that_a_hold_paid_is_refunded_like_another() {
    let mut pair = Pair::new();
    pair.does(day(0), open("mug", 10));
    pair.does(day(0), earn("ann", "one", 12));
    pair.does(day(0), earn("ann", "two", 30));
    pair.does(day(0), hold("ann", "h", 25, day(9)));
    pair.does(day(1), capture("ann", "h", Capture::Exchange(order("x", "mug", 2))));
    pair.has("ann", 22, 0);
    // The exchange's id is used; so is the hold's capture.
    pair.now = day(1);
    assert!(matches!(pair.execute(&redeem("ann", "x", "mug", 2)), Outcome::Repeat(_)));
    assert!(matches!(
        pair.execute(&capture("ann", "h", Capture::Points(None))),
        Outcome::Repeat(_)
    ));
    pair.refuses(day(1), release("ann", "h"), "hold-ended");
    pair.does(day(1), hold("ann", "h-2", 10, day(9)));
    let again = Capture::Exchange(order("x", "mug", 1));
    pair.refuses(day(1), capture("ann", "h-2", again), "exchange-exists");
    pair.does(day(1), cancel("ann", "x", "c", None));
    pair.has("ann", 32, 0);
    pair.finish();
}

// Taking back

#[test]
fn a_withdrawal_takes_its_own_credit_forgives_what_expired_then_takes_other_credit_then_owes() {
    let mut pair = Pair::new();
    pair.does(day(0), policy(SpentCredit::Debt, 10));
    pair.does(day(0), open("mug", 10));
    pair.does(day(0), earn("ann", "other", 5));
    pair.does(day(0), earn_until("ann", "own", 100, day(3)));
    pair.does(day(0), hold("ann", "h", 30, day(2)));
    pair.does(day(0), redeem("ann", "x-1", "mug", 3));
    pair.does(day(0), redeem("ann", "x-2", "mug", 2));
    // Thirty in the hold and twenty that are left expire; thirty come back
    // graced; twenty are spent.
    pair.does(day(4), cancel_by_operator("ann", "x-1", "c"));
    pair.has("ann", 35, 0);
    let effects = pair.does(day(4), withdraw("ann", "w", CauseKind::Promotion, "own"));
    let taken = vec![part(1, 30, Some(day(14)), true), part(0, 5, None, false)];
    let expected = Effect::Withdrawn {
        account: "ann".into(),
        unit: UnitId::POINTS,
        lot: Some(1),
        parts: taken,
        expired: 50,
        owed: 15,
        cap_room: None,
        forgiven: 0,
    };
    assert_eq!(effects, vec![expected]);
    pair.does(day(4), earn("ann", "new", 40));
    pair.has("ann", 25, 0);
    pair.finish();
}

#[test]
fn a_withdrawal_takes_pending_credit_first() {
    let mut pair = Pair::new();
    pair.does(day(0), earn_between("ann", "own", 10, Some(day(2)), None));
    pair.does(day(0), earn("ann", "other", 10));
    pair.does(day(1), withdraw("ann", "w", CauseKind::Promotion, "own"));
    pair.has("ann", 10, 0);
    pair.refuses(day(1), withdraw("ann", "w-2", CauseKind::Promotion, "own"), "points-too-large");
    pair.finish();
}

#[test]
fn nobody_comes_to_owe_more_than_an_amount() {
    let mut pair = Pair::new();
    pair.does(day(0), policy(SpentCredit::Debt, 0));
    pair.does(day(0), earn("bob", "one", 1));
    pair.does(day(0), take("bob", "a", 1));
    pair.does(day(0), purchase("ann", "p", 1, Some(AMOUNT_MAX)));
    pair.does(day(0), transfer("ann", "t", "bob", AMOUNT_MAX));
    pair.does(day(0), take("ann", "a-1", 1));
    let too_large = "amount-too-large";
    pair.refuses(day(0), withdraw("ann", "w", CauseKind::Purchase, "p"), too_large);
    pair.refuses(day(0), return_one("ann", "p", "r"), too_large);
    pair.refuses(day(0), take("ann", "a-2", AMOUNT_MAX), too_large);
    pair.does(day(0), take("ann", "a-2", AMOUNT_MAX - 1));
    pair.has("ann", 0, AMOUNT_MAX.into());
    pair.finish();
}

#[test]
fn what_an_account_owes_is_paid_by_a_transfer_that_comes_in() {
    let mut pair = Pair::new();
    pair.does(day(0), policy(SpentCredit::Debt, 0));
    pair.does(day(0), earn("ann", "one", 10));
    pair.does(day(0), earn("bob", "one", 30));
    pair.does(day(0), take("ann", "a", 25));
    let effects = pair.does(day(0), transfer("bob", "t", "ann", 20));
    let paid = Due::Repaid(part(1, 15, None, false));
    assert_eq!(effects.last(), Some(&Effect::Due("ann".into(), paid)));
    pair.has("ann", 5, 0);
    pair.finish();
}

// Earning

#[test]
fn a_cap_counts_from_midnight_to_midnight() {
    let mut pair = Pair::new();
    pair.does(day(0), rule(1, 1, Some((10, Period::Day)), Some(ExpiryRule::Months(1))));
    pair.does(day(1) - 2, purchase("ann", "p-1", 8, None));
    pair.does(day(1) - 1, purchase("ann", "p-2", 8, None));
    pair.has("ann", 10, 0);
    // A return makes room for as much, in the day on which it was earned.
    pair.does(day(1) - 1, return_one("ann", "p-1", "r-1"));
    pair.does(day(1) - 1, purchase("ann", "p-3", 9, None));
    pair.has("ann", 10, 0);
    pair.does(day(1), purchase("ann", "p-4", 8, None));
    pair.does(day(1), return_one("ann", "p-3", "r-2"));
    pair.does(day(1), purchase("ann", "p-5", 9, None));
    pair.has("ann", 12, 0);
    pair.finish();
}

#[test]
fn room_in_a_day_comes_back_while_a_purchase_can_be_told_late_for_it() {
    let bought = || {
        let mut pair = Pair::new();
        pair.does(day(0), rule(1, 1, Some((10, Period::Day)), None));
        pair.does(day(0), purchase("ann", "p", 8, None));
        pair
    };
    let room_of = |effects: &[Effect]| match &effects[0] {
        Effect::Withdrawn { cap_room, .. } => cap_room.clone(),
        other => panic!("{other:?}"),
    };
    // The day ends at 1, and 31 days later nothing counts in it any more.
    let (mut last, mut late) = (bought(), bought());
    let room = room_of(&last.does(day(32) - 1, return_one("ann", "p", "r")));
    assert_eq!(room, Some(("default".to_owned(), (day(0), Some(day(1))))));
    assert_eq!(room_of(&late.does(day(32), return_one("ann", "p", "r"))), None);
    last.finish();
    late.finish();
}

#[test]
fn a_purchase_that_earns_nothing_is_recorded_and_makes_an_account() {
    let mut pair = Pair::new();
    pair.does(day(0), rule(1, 1_000, None, None));
    pair.does(day(0), purchase("ann", "p", 999, None));
    pair.refuses(day(0), hold("ann", "h", 1, day(1)), "insufficient-credit");
    pair.has("ann", 0, 0);
    pair.refuses(day(0), withdraw("ann", "w", CauseKind::Purchase, "p"), "credit-unknown");
    pair.does(day(0), return_one("ann", "p", "r"));
    pair.finish();
}

// What the ledger did otherwise than the document says, until one of them was mended

#[test]
fn what_a_rule_gave_in_all_may_be_more_than_an_amount() {
    let mut pair = Pair::new();
    pair.does(day(0), rule(1, 1, None, None));
    pair.does(day(0), purchase("ann", "p-1", AMOUNT_MAX, None));
    pair.does(day(0), withdraw("ann", "w", CauseKind::Purchase, "p-1"));
    pair.does(day(0), purchase("ann", "p-2", 1, None));
    pair.has("ann", 1, 0);
    pair.finish();
}

#[test]
fn what_expired_in_another_account_was_passed_on_and_is_not_forgiven() {
    let mut pair = Pair::new();
    pair.does(day(0), earn_until("ann", "one", 10, day(1)));
    pair.does(day(0), earn("bob", "one", 1));
    pair.does(day(0), transfer("ann", "t", "bob", 10));
    let withdrawal = withdraw("ann", "w", CauseKind::Promotion, "one");
    pair.refuses(day(1), withdrawal, "credit-already-spent");
    pair.finish();
}

#[test]
fn credit_of_a_line_that_would_be_no_amount_is_refused_whatever_the_cap() {
    let mut pair = Pair::new();
    pair.does(day(0), rule(2, 1, Some((10, Period::Ever)), None));
    pair.does(day(0), purchase("ann", "p", AMOUNT_MAX, None));
    pair.refuses(day(0), claim("ann", "p"), "amount-too-large");
    pair.finish();
}

#[test]
fn a_return_that_takes_no_credit_records_what_fell_due_too() {
    let mut pair = Pair::new();
    pair.does(day(0), rule(1, 1_000, None, None));
    pair.does(day(0), earn_until("ann", "one", 10, day(1)));
    pair.does(day(0), purchase("ann", "p", 1, None));
    pair.does(day(1), return_one("ann", "p", "r"));
    pair.finish();
}

#[test]
fn credit_earned_for_an_adjustment_is_not_the_adjustment_again() {
    let mut pair = Pair::new();
    let cause = Cause { kind: CauseKind::Adjustment, id: id("a") };
    pair.does(
        day(0),
        Command::AdjustCredit(AdjustCredit {
            unit: UnitId::POINTS,
            account_id: id("ann"),
            adjustment_id: id("a"),
            direction: Direction::Add,
            points: points(10),
            expires_at: None,
            reference: id("ticket-1"),
            note: Note::default(),
            occurred_at: None,
        }),
    );
    let earn = EarnCredit {
        unit: UnitId::POINTS,
        account_id: id("ann"),
        points: points(10),
        cause,
        available_at: None,
        expires_at: None,
        occurred_at: None,
    };
    assert!(matches!(pair.execute(&Command::EarnCredit(earn)), Outcome::Repeat(_)));
    pair.finish();
}
