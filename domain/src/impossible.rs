//! Histories that no ledger has written, whoever wrote them: `evolve` refuses the event that breaks
//! an invariant, and the partition stops.

use crate::command::{ExpectedVersion, Report};
use crate::scenario::*;
use crate::*;

#[test]
fn what_has_expired_is_not_set_aside() {
    let lots = vec![part(2, 300, Some(100))];
    let held = CreditHeld {
        unit: crate::UnitId::POINTS,
        hold_id: id("h-1"),
        points: points(300),
        lots,
        deadline: time(200),
        grace: Grace::default(),
        keeps: Keeps::Nothing,
        occurred_at: None,
    };
    let earned = given([]).does(earn_until(100, "ann", 300, "B-1"));
    earned.at(100).never_has(&Event::CreditHeld(id("ann"), held));
}

#[test]
fn a_hold_is_not_captured_after_its_deadline() {
    let captured = HoldCaptured {
        unit: crate::UnitId::POINTS,
        hold_id: id("h-1"),
        points: points(300),
        lots: vec![part(2, 300, None)],
        released: vec![],
        grace_until: None,
        grace: Grace::default(),
        pays_exchange: false,
        asked_points: None,
        keeps: Keeps::Nothing,
        occurred_at: None,
    };
    let held = given([earned("ann", 300, "B-1")]).does(hold("ann", "h-1", 300, 100));
    held.at(100).never_has(&Event::HoldCaptured(id("ann"), captured));
}

#[test]
fn what_is_received_is_what_was_sent() {
    let sent = CreditSent {
        unit: crate::UnitId::POINTS,
        transfer_id: id("t-1"),
        to: id("bob"),
        points: points(300),
        lots: vec![part(2, 300, Some(100))],
        occurred_at: None,
    };
    let received = CreditReceived {
        unit: crate::UnitId::POINTS,
        transfer_id: id("t-1"),
        from: id("ann"),
        points: points(300),
        lots: vec![part(2, 300, None)],
    };
    given([])
        .does(earn_until(100, "ann", 300, "B-1"))
        .does(earn("bob", 1, "B-1"))
        .and([Event::CreditSent(id("ann"), sent)])
        .never_has(&Event::CreditReceived(id("bob"), received));
}

#[test]
fn pending_credit_matures_in_its_time_and_as_it_is() {
    let pending = || given([]).does(earn_from(100, "ann", 300, "B-1"));
    let matured = |expires| {
        let lots = vec![part(2, 300, expires)];
        Event::CreditMatured(
            id("ann"),
            CreditMatured { unit: crate::UnitId::POINTS, points: points(300), lots },
        )
    };
    pending().at(99).never_has(&matured(None));
    pending().at(100).never_has(&matured(Some(200)));
    pending().at(100).and([matured(None)]).leaves("ann", [300, 0, 0, 0]);
}

#[test]
fn nothing_expires_before_its_time() {
    let lots = vec![part(2, 300, Some(100))];
    let expired = Event::CreditExpired(
        id("ann"),
        CreditExpired { unit: crate::UnitId::POINTS, points: points(300), lots },
    );
    let earned = || given([]).does(earn_until(100, "ann", 300, "B-1"));
    earned().at(99).never_has(&expired);
    earned().at(100).and([expired]).leaves("ann", [0, 0, 0, 0]);
}

#[test]
fn a_deduction_stands_beside_its_exchange() {
    given([opened("mug", 300, None), earned("ann", 900, "B-1")])
        .and([deducted("ann", "x-1", &[(3, 300)])])
        .never_has(&earned("ann", 5, "B-2"));
    given([opened("mug", 300, None), earned("ann", 900, "B-1")])
        .never_has(&exchanged("ann", "x-1", "mug", 300));
}

#[test]
fn an_exchange_of_two_units_stands_beside_a_deduction_of_each_in_its_order() {
    let shop = || {
        given([])
            .does(make_unit("miles"))
            .does(costing(&[("points", 100), ("miles", 5)], open("mug", 1, None)))
            .does(earn("ann", 300, "B-1"))
            .does(in_unit("miles", earn("ann", 30, "M-1")))
    };
    let of_points = deducted("ann", "x-1", &[(4, 100)]);
    let of_miles = deducted_of("miles", "ann", "x-1", &[(5, 5)]);
    let exchanged = exchanged_for(&[("points", 100), ("miles", 5)], "ann", "x-1", "mug");
    shop().and([of_points.clone()]).never_has(&exchanged);
    shop().and([of_miles.clone(), of_points.clone()]).never_has(&exchanged);
    let twice = [of_points.clone(), of_points.clone(), of_miles.clone()];
    shop().and(twice).never_has(&exchanged);
    let other = deducted_of("miles", "ann", "x-2", &[(5, 5)]);
    shop().and([of_points.clone()]).never_has(&other);
    let less = exchanged_for(&[("points", 100), ("miles", 4)], "ann", "x-1", "mug");
    shop().and([of_points.clone(), of_miles.clone()]).never_has(&less);
    shop().and([of_points, of_miles, exchanged]).leaves_of("ann", "miles", [25, 0, 0, 0]);
}

#[test]
fn credit_of_one_unit_pays_no_exchange_of_another_and_none_comes_back_in_another() {
    let captured = HoldCaptured {
        unit: id("miles"),
        hold_id: id("h-1"),
        points: points(300),
        lots: vec![part(4, 300, None)],
        released: vec![],
        grace_until: None,
        grace: Grace::default(),
        pays_exchange: true,
        asked_points: None,
        keeps: Keeps::Nothing,
        occurred_at: None,
    };
    let paid = |unit: &str| {
        let event = exchanged_for(&[(unit, 300)], "ann", "x-1", "mug");
        let Event::ExchangeCreated(account, fact) = event else { panic!("an exchange") };
        Event::ExchangeCreated(account, ExchangeCreated { hold_id: Some(id("h-1")), ..fact })
    };
    let held = || {
        given([])
            .does(make_unit("miles"))
            .does(open("mug", 300, None))
            .does(in_unit("miles", earn("ann", 300, "M-1")))
            .does(in_unit("miles", hold("ann", "h-1", 300, 100)))
            .and([Event::HoldCaptured(id("ann"), captured.clone())])
    };
    held().never_has(&paid("points"));
    held().and([paid("miles")]).leaves_of("ann", "miles", [0, 0, 0, 0]);
    let [refunded, cancelled] = cancellation(id("c-1"), 1);
    let Event::CreditRefunded(account, fact) = refunded else { panic!("a refund") };
    let in_miles = Event::CreditRefunded(account, CreditRefunded { unit: id("miles"), ..fact });
    redeemed().does(make_unit("miles")).and([in_miles]).never_has(&cancelled);
}

#[test]
fn what_is_refunded_is_the_share_of_the_pieces_cancelled() {
    let [refunded, cancelled] = cancellation(id("c-1"), 1);
    let Event::ExchangeCancelled(account, fact) = &cancelled else { panic!("a cancellation") };
    let of_two = ExchangeCancelled { allocation: Allocation::Units(units(2)), ..fact.clone() };
    redeemed()
        .and([refunded.clone()])
        .never_has(&Event::ExchangeCancelled(account.clone(), of_two));
    let nothing = ExchangeCancelled { refunded: Box::default(), ..fact.clone() };
    redeemed().never_has(&Event::ExchangeCancelled(account.clone(), nothing));
    redeemed().and([refunded, cancelled]).leaves("ann", [300, 0, 0, 0]);
}

#[test]
fn a_parcel_that_left_or_was_settled_is_not_rejected() {
    redeemed().does(dispatch("ann", "x-1")).never_has(&rejected("x-1"));
    redeemed().does(report("ann", "x-1", Report::Delivered)).never_has(&rejected("x-1"));
    redeemed().does(report("ann", "x-1", Report::Settled)).never_has(&rejected("x-1"));
    redeemed().never_has(&rejected("x-2"));
    redeemed().does(reject("ann", "x-1")).never_has(&rejected("x-1"));
}

#[test]
fn a_rejection_cancels_all_that_is_left_at_once() {
    let [refunded, cancelled] = cancellation(CancellationId::of_rejection(), 2);
    redeemed().and([refunded.clone()]).never_has(&cancelled);
    let earned_between = earned("ann", 1, "B-2");
    redeemed().and([rejected("x-1"), earned_between, refunded.clone()]).never_has(&cancelled);
    let [part_refunded, part_cancelled] = cancellation(CancellationId::of_rejection(), 1);
    redeemed().and([rejected("x-1"), part_refunded]).never_has(&part_cancelled);
    let [other_refunded, other_cancelled] = cancellation(id("c-1"), 2);
    redeemed().and([rejected("x-1"), other_refunded.clone()]).never_has(&other_cancelled);
    redeemed().does(dispatch("ann", "x-1")).and([other_refunded]).never_has(&other_cancelled);
    redeemed().and([rejected("x-1"), refunded, cancelled]).leaves("ann", [600, 0, 0, 0]);
}

#[test]
fn no_more_is_refunded_than_a_capture_spent() {
    let refunded = |key: &str, amount| refunded_of(200, key, amount);
    let held = || given([earned("ann", 300, "B-1")]).does(hold("ann", "h-1", 200, 100));
    held().never_has(&refunded("f-1", 200));
    let captured = || held().does(capture("ann", "h-1", None));
    captured().never_has(&refunded("f-1", 201));
    captured().and([refunded("f-1", 150)]).never_has(&refunded("f-2", 51));
    captured().and([refunded("f-1", 150)]).never_has(&refunded("f-1", 1));
    captured().and([refunded("f-1", 150)]).never_has(&refunded_of(300, "f-2", 51));
}

#[test]
fn a_capture_is_refunded_in_one_unit() {
    let captured = given([])
        .does(make_unit("miles"))
        .does(in_unit("miles", earn("ann", 300, "M-1")))
        .does(in_unit("miles", hold("ann", "h-1", 200, 100)))
        .does(capture("ann", "h-1", None))
        .and([refunded_in(id("miles"), 3, 200, "f-1", 150)]);
    captured.never_has(&refunded_in(UnitId::POINTS, 3, 200, "f-2", 50));
}

#[test]
fn what_was_taken_of_a_lot_is_given_back_in_its_unit() {
    let reversed = |unit| {
        let credit = CreditGivenBack {
            unit,
            withdrawn_at: lot(5).place(),
            of: cause("M-1"),
            of_lot: lot(4),
            points: points(300),
            lots: vec![part(4, 300, None)],
            available_at: None,
            owed: None,
            expired: None,
            forgiven: None,
            cap_room: None,
            counted_on: None,
        };
        let (withdrawal_id, note) = (id("w-1"), Note::default());
        let fact = WithdrawalReversed { withdrawal_id, credit, occurred_at: None, note };
        Event::WithdrawalReversed(id("ann"), fact)
    };
    let taken = || {
        given([earned("ann", 300, "B-1")])
            .does(make_unit("miles"))
            .does(in_unit("miles", earn("ann", 300, "M-1")))
            .does(in_unit("miles", withdraw("ann", "w-1", "M-1")))
            .leaves_of("ann", "miles", [0, 0, 0, 0])
    };
    taken().never_has(&reversed(UnitId::POINTS));
    taken().and([reversed(id("miles"))]).leaves_of("ann", "miles", [300, 0, 0, 0]);
}

#[test]
fn what_is_taken_of_a_lot_is_of_one_unit() {
    let withdrawn = |unit, withdrawal: &str| {
        let fact = CreditWithdrawn {
            withdrawal: WithdrawalCause::Withdrawal { id: id(withdrawal) },
            unit,
            points: points(100),
            lots: vec![part(if unit == UnitId::POINTS { 2 } else { 4 }, 100, None)],
            owed: None,
            expired: None,
            forgiven: None,
            available_at: None,
            of: Some(cause("M-1")),
            of_lot: Some(lot(4)),
            cap_room: None,
            counted_on: None,
            asked_points: None,
            reference: None,
            occurred_at: None,
            note: Note::default(),
        };
        Event::CreditWithdrawn(id("ann"), fact)
    };
    given([earned("ann", 300, "B-1")])
        .does(make_unit("miles"))
        .does(in_unit("miles", earn("ann", 300, "M-1")))
        .and([withdrawn(id("miles"), "w-1")])
        .never_has(&withdrawn(UnitId::POINTS, "w-2"));
}

fn refunded_of(captured: u64, key: &str, amount: u64) -> Event {
    refunded_in(UnitId::POINTS, 2, captured, key, amount)
}

fn refunded_in(unit: UnitId, lot: u64, captured: u64, key: &str, amount: u64) -> Event {
    let refund = CaptureRefund {
        hold_id: id("h-1"),
        refund_id: id(key),
        captured_points: points(captured),
        asked_points: None,
        occurred_at: None,
        note: Note::default(),
    };
    let (cause, lots) = (RefundCause::Capture(refund), vec![part(lot, amount, None)]);
    Event::CreditRefunded(id("ann"), CreditRefunded { unit, cause, points: points(amount), lots })
}

#[test]
fn a_hold_is_extended_while_it_runs_and_to_a_later_deadline() {
    let extended = |deadline| {
        let (hold_id, extension_id) = (id("h-1"), id("e-1"));
        let deadline = time(deadline);
        let fact = HoldExtended { hold_id, extension_id, deadline, occurred_at: None };
        Event::HoldExtended(id("ann"), fact)
    };
    let held = || given([earned("ann", 300, "B-1")]).does(hold("ann", "h-1", 200, 100));
    held().never_has(&extended(100));
    held().at(100).never_has(&extended(200));
    held().does(release("ann", "h-1")).never_has(&extended(200));
    let thirty_days = 30 * 24 * 60 * 60;
    held().never_has(&extended(1 + thirty_days + 1));
    held().and([extended(1 + thirty_days)]).leaves("ann", [100, 0, 200, 0]);
}

#[test]
fn a_withdrawal_is_reversed_once_and_by_what_it_took() {
    let reversed = |withdrawal: &str, owed: u64, parts: &[(u64, u64)]| {
        let lots: Vec<_> = parts.iter().map(|(lot, amount)| part(*lot, *amount, None)).collect();
        let back: u64 = parts.iter().map(|(_, amount)| amount).sum();
        let credit = CreditGivenBack {
            unit: crate::UnitId::POINTS,
            withdrawn_at: lot(6).place(),
            of: cause("B-1"),
            of_lot: lot(2),
            points: points(owed + back),
            lots,
            available_at: None,
            owed: Some(points(owed)),
            expired: None,
            forgiven: None,
            cap_room: None,
            counted_on: None,
        };
        let withdrawal_id = id(withdrawal);
        let note = Note::default();
        let fact = WithdrawalReversed { withdrawal_id, credit, occurred_at: None, note };
        Event::WithdrawalReversed(id("ann"), fact)
    };
    let owing = || {
        given([earned("ann", 300, "B-1"), opened("mug", 100, None)])
            .does(policy(SpentCredit::Debt, 30))
            .does(hold("ann", "h-1", 100, 100))
            .does(withdraw("ann", "w-1", "B-1"))
            .leaves("ann", [0, 0, 100, 100])
    };
    owing().never_has(&reversed("w-2", 100, &[(2, 200)]));
    owing().never_has(&reversed("w-1", 99, &[(2, 200)]));
    owing().never_has(&reversed("w-1", 100, &[(2, 201)]));
    owing()
        .and([reversed("w-1", 100, &[(2, 200)])])
        .leaves("ann", [200, 0, 100, 0])
        .never_has(&reversed("w-1", 100, &[(2, 200)]));
}

#[test]
fn a_conversion_is_by_the_rate_in_force_and_balances() {
    let rated = || {
        given([earned("ann", 300, "B-1")]).does(make_unit("miles")).does(set_rate(
            "points",
            "miles",
            rate_of(3, 1),
            ExpectedVersion::Absent,
        ))
    };
    let [converted, came] = conversion(300, 100, 1);
    rated()
        .and([converted.clone(), came])
        .leaves("ann", [0, 0, 0, 0])
        .leaves_of("ann", "miles", [100, 0, 0, 0])
        .never_has(&converted);
    for [wrong, _] in [conversion(300, 101, 1), conversion(299, 100, 1), conversion(300, 100, 2)] {
        rated().never_has(&wrong);
    }
    rated().does(close_rate("points", "miles")).never_has(&converted);
    let amended = set_rate("points", "miles", rate_of(6, 2), ExpectedVersion::Any);
    rated().does(amended).never_has(&converted);
    given([earned("ann", 300, "B-1")]).does(make_unit("miles")).never_has(&converted);
}

#[test]
fn what_a_conversion_gives_stands_beside_it() {
    let rated = || {
        given([earned("ann", 300, "B-1")]).does(make_unit("miles")).does(set_rate(
            "points",
            "miles",
            rate_of(3, 1),
            ExpectedVersion::Absent,
        ))
    };
    let [converted, came] = conversion(300, 100, 1);
    rated().never_has(&came);
    rated().and([converted.clone()]).never_has(&earned("ann", 100, "B-2"));
    let [_, other] = conversion(300, 99, 1);
    rated().and([converted.clone()]).never_has(&other);
    let Event::CreditEarned(_, fact) = came else { unreachable!() };
    rated().and([converted.clone()]).never_has(&Event::CreditEarned(id("bob"), fact.clone()));
    let lasting = CreditEarned { expires_at: Some(time(9)), ..fact };
    rated().and([converted]).never_has(&Event::CreditEarned(id("ann"), lasting));
}

#[test]
fn a_conversion_is_of_all_whole_steps_of_what_was_asked_and_of_the_minimum_at_least() {
    let terms = ConversionTerms { minimum: Some(points(12)), ..rate_of(6, 2) };
    let rated = || {
        let rate = set_rate("points", "miles", terms.clone(), ExpectedVersion::Absent);
        given([earned("ann", 300, "B-1")]).does(make_unit("miles")).does(rate)
    };
    let converted = |asked: u64, amount: u64| {
        let [first, _] = conversion(amount, amount / 3, 1);
        let Event::CreditConverted(owner, fact) = first else { unreachable!() };
        let rate = RateVersion { version: 1, give: points(6), take: points(2) };
        Event::CreditConverted(owner, CreditConverted { rate, asked_points: points(asked), ..fact })
    };
    for [asked, amount] in [[12, 12], [17, 12], [300, 300]] {
        let _ = rated().and([converted(asked, amount)]);
    }
    // Half a step, less and more than was asked, and less than the minimum.
    for [asked, amount] in [[15, 15], [18, 12], [12, 18], [6, 6]] {
        rated().never_has(&converted(asked, amount));
    }
}

/// Both halves of a conversion of ann's points into miles, by a version of the rate.
fn conversion(amount: u64, into: u64, version: u64) -> [Event; 2] {
    let converted = CreditConverted {
        conversion_id: id("c-1"),
        unit: crate::UnitId::POINTS,
        points: points(amount),
        lots: vec![part(2, amount, None)],
        to: id("miles"),
        to_points: points(into),
        expires_at: None,
        rate: RateVersion { version, give: points(3), take: points(1) },
        asked_points: points(amount),
        expected_points: None,
        occurred_at: None,
    };
    let cause = Cause { kind: CauseKind::Conversion, id: id("c-1") };
    let earned = CreditEarned::new(id("miles"), points(into), cause);
    [Event::CreditConverted(id("ann"), converted), Event::CreditEarned(id("ann"), earned)]
}

/// Two mugs for 300 each.
fn redeemed() -> Scenario {
    given([opened("mug", 300, None), earned("ann", 600, "B-1")]).does(two("ann", "x-1", "mug"))
}

fn rejected(exchange: &str) -> Event {
    let shipped = Shipped::ExchangeId(id(exchange));
    let report =
        ShipmentReport { shipped, dispatch_id: None, occurred_at: None, note: Note::default() };
    Event::ShipmentRejected(id("ann"), report)
}

/// Both halves, of so many of the mugs.
fn cancellation(cancellation_id: CancellationId, quantity: u64) -> [Event; 2] {
    let cost = points(quantity * 300);
    let refunded = CreditRefunded {
        unit: crate::UnitId::POINTS,
        cause: RefundCause::Cancellation {
            exchange_id: id("x-1"),
            cancellation_id: cancellation_id.clone(),
        },
        points: cost,
        lots: vec![part(3, quantity * 300, None)],
    };
    let cancelled = ExchangeCancelled {
        exchange_id: id("x-1"),
        cancellation_id,
        offer_id: id("mug"),
        allocation: Allocation::Units(units(quantity)),
        refunded: [Price { unit: crate::UnitId::POINTS, points: cost }].into(),
        of: Ordered {
            quantity: units(2),
            prices: Prices::of_points(points(600)),
            counted: LimitDays::default(),
        },
        asked_quantity: None,
        occurred_at: None,
        note: Note::default(),
    };
    [Event::CreditRefunded(id("ann"), refunded), Event::ExchangeCancelled(id("ann"), cancelled)]
}

fn part(position: u64, amount: u64, expires: Option<i64>) -> LotPart {
    let lasting = LotPart::lasting(lot(position), points(amount));
    LotPart { expires_at: expires.map(time), ..lasting }
}
