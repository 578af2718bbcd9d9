//! What every event of the life of a point does to the rows.

use std::collections::BTreeSet;

use domain::{Clock, Shipped};
use event_schema::{Metadata, Salt, encode};
use projector::rebuild;

use testing::ledger::{Ledger, On, id};
use testing::life::{self, DAY, EVENTS, history};

const NEVER: i64 = i64::MAX;

testing::on_every_database! {
    every_event_has_its_effect,
    a_request_is_for_what_is_left_of_it_when_it_is_dispatched,
    what_comes_back_after_the_parcel_left_leaves_its_request_alone,
    the_rows_of_a_life_do_not_depend_on_how_the_events_came_in,
    a_shipping_request_does_not_change_by_an_event_that_is_applied_again,
    every_point_is_accounted_for_after_every_event,
    pending_credit_is_withdrawn_as_pending_whatever_else_the_batch_has,
    a_transfer_takes_parts_as_they_are_to_another_account,
    the_checkpoint_knows_the_time_and_where_it_comes_from,
    totals_may_outgrow_64_bits,
    a_parcel_of_what_nobody_asked_to_ship_changes_nothing,
}

async fn every_event_has_its_effect(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record_at(&history(Clock::Wall)).await;
    let rows = ledger.projected().await;
    for row in [
        "account_balance|'ann'|750|0|0|0|0|38".to_owned(),
        "account_balance|'bob'|60|0|0|0|0|50".to_owned(),
        "account_balance|'cat'|500|200|90|0|0|42".to_owned(),
        "account_balance|'dan'|100|0|0|0|0|70".to_owned(),
        "unit_balance|'dan'|'miles'|1200|0|0|0|0|58".to_owned(),
        "unit_balance|'dan'|'stars'|30|0|0|0|0|70".to_owned(),
        "unit_balance|'dan'|'status'|20|0|0|0|0|69".to_owned(),
        format!("credit_part|'ann'|{NEVER}|13|0|'points'|750|0|0|NULL"),
        format!("credit_part|'bob'|{NEVER}|33|0|'points'|60|0|0|NULL"),
        format!("credit_part|'dan'|{NEVER}|55|0|'miles'|1200|0|0|NULL"),
        format!("credit_part|'dan'|{NEVER}|59|0|'points'|100|0|0|NULL"),
        format!("credit_part|'cat'|{}|40|0|'points'|500|0|200|NULL", micros(50)),
        format!("credit_part|'cat'|{}|41|0|'points'|0|90|0|{}", micros(60), micros(45)),
        format!(
            "credit_lot|7|'ann'|'points'|300|'purchase'|'B-1'|'default'|2|NULL|{}|{}|{}",
            micros(2),
            micros(4),
            micros(100)
        ),
        total_row("issued", 2270),
        total_row("redeemed", 950),
        total_row("refunded", 650),
        total_row("expired", 80),
        total_row("withdrawn", 290),
        total_row("sent", 150),
        total_row("received", 150),
        total_row("repaid", 40),
        total_row("converted_in", 100),
        total_row("exchanges", 2),
        total_row("cancellations", 2),
        total_row("purchases", 3),
        total_row("returns", 3),
        total_row("holds", 5),
        total_row("transfers", 1),
        total_row("shipments", 2),
        total_row("available", 1410),
        total_row("held", 200),
        total_row("pending", 90),
        total_row("owed", 0),
        total_row("accounts", 4),
        "credit_month|0|'points'|'1970-02'|0|700".to_owned(),
        "credit_month|0|'points'|'1970-03'|0|90".to_owned(),
        "credit_month|0|'points'|'never'|0|910".to_owned(),
        "credit_month|0|'miles'|'never'|0|1200".to_owned(),
        "programme_total|0|'miles'|'issued'|0|1500".to_owned(),
        "programme_total|0|'miles'|'available'|0|1200".to_owned(),
        "programme_total|0|'miles'|'converted_out'|0|300".to_owned(),
        "programme_total|0|'miles'|'conversions'|0|1".to_owned(),
        rate_row(1, "NULL", 56),
        rate_row(2, &micros(41).to_string(), 60),
        "unit|'points'|1|NULL|1|0|'UTC'|NULL|1|0|1".to_owned(),
        format!("unit|'miles'|54|'Miles'|1|2|'Europe/Berlin'|{}|2|0|57", micros(41)),
        "policy|1|1|'debt'|14|0|9007199254740991|0|5".to_owned(),
        "offer_availability|'mug'|'product'|'points'|250|NULL|NULL|NULL|NULL|NULL|1|NULL|NULL|NULL|NULL\
         |'UTC'|'main'|1|0|NULL|NULL|NULL|NULL|NULL|NULL|7|'open'|0|72"
            .into(),
        hold_row(20, "h-1", 400, 20, ("'captured'|300|0|'x-2'", 21, 10), 9),
        hold_row(23, "h-2", 50, 20, ("'released'|NULL|0|NULL", 24, 12), 11),
        hold_row(25, "h-3", 60, 14, ("'expired'|NULL|0|NULL", 26, 14), 12),
        exchange_row(16, "x-1", "2|'points'|600|NULL|NULL|NULL|NULL|NULL|1|300", 6),
        exchange_row(22, "x-2", "1|'points'|300|NULL|'h-1'|NULL|NULL|NULL|1|300", 10),
    ] {
        assert!(rows.contains(&row), "{row} is not in {rows:#?}");
    }
    let of = |table: &str| rows.iter().filter(|row| row.starts_with(table)).count();
    assert_eq!((of("credit_part|"), of("earning_rule|")), (8, 2), "what is used up has no row");
    let purchase = rows.iter().find(|row| row.starts_with("purchase|8|")).expect("B-1");
    let earned = r#""earned":[{"unit":"points","points":300}]"#;
    let pan = r#""product_id":"pan","quantity":3,"amount":1999"#;
    let pans = format!(r#"{{{pan},{earned},"returned":1}}"#);
    let other = r#"{"product_id":"7","quantity":1,"amount":1999,"returned":0}"#;
    let by_rule = r#""unit":"points","points":300,"rule_id":"default","rule_version":2"#;
    let back = r#""returned_points":100,"withdrawn_points":100"#;
    let shown = format!("'[{pans},{other}]'|'[{{{by_rule},{back}}}]'|'main'|");
    assert!(purchase.contains(&shown), "{purchase}");
}

async fn a_request_is_for_what_is_left_of_it_when_it_is_dispatched(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record_at(&history(Clock::Wall)).await;
    let rows = ledger.projected().await;
    let requests: Vec<Vec<&str>> = rows
        .iter()
        .filter_map(|row| Some(row.strip_prefix("shipping_request|")?.split('|').collect()))
        .collect();
    let two_pans = r#"'[{"product_id":"pan","quantity":2},{"product_id":"7","quantity":1}]'"#;
    let one = r#"'[{"product_id":"product","quantity":1}]'"#;
    let none = r#"'[{"product_id":"product","quantity":0}]'"#;
    let columns = |request: &[&str]| -> Vec<String> {
        [0, 2, 4, 5, 7, 15, 18, 19, 23].map(|column| request[column].to_owned()).to_vec()
    };
    let found: Vec<Vec<String>> = requests.iter().map(|request| columns(request)).collect();
    assert_eq!(found.len(), 3, "B-2 was carried home");
    let dispatched = ["'dispatched'", "'post'", "'EX-1'"];
    let [status, carrier, number] = dispatched;
    for expected in [
        ["8", "1", "NULL", "'B-1'", two_pans, status, carrier, number, "12"],
        ["16", "2", "'x-1'", "NULL", one, status, carrier, number, "19"],
        ["22", "2", "'x-2'", "NULL", none, "'cancelled'", "NULL", "NULL", "39"],
    ] {
        assert!(found.iter().any(|request| *request == expected), "{expected:?}: {found:#?}");
    }
}

async fn what_comes_back_after_the_parcel_left_leaves_its_request_alone(on: On) {
    for batches in [1, 3] {
        let ledger = Ledger::new(1, on).await;
        let mut events = history(Clock::Wall)[..14].to_vec();
        events.push((6 * DAY, life::returned("ann", "B-1", "r-2", 2, 0)));
        for events in events.chunks(events.len().div_ceil(batches)) {
            ledger.record_at(events).await;
            ledger.project().await;
        }
        let rows = ledger.projected().await;
        let request =
            rows.iter().find(|row| row.starts_with("shipping_request|8|")).expect("it is there");
        assert!(request.contains(r#""quantity":2"#), "{request}");
        let purchase = rows.iter().find(|row| row.starts_with("purchase|8|")).expect("B-1");
        assert!(purchase.contains(r#""returned":3"#), "{purchase}");
    }
}

async fn the_rows_of_a_life_do_not_depend_on_how_the_events_came_in(on: On) {
    let whole = Ledger::new(1, on).await;
    whole.record_at(&history(Clock::Wall)).await;
    let expected = whole.projected().await;
    for chunk in [1, 2, 3, 5, 8] {
        let ledger = Ledger::new(1, on).await;
        for events in history(Clock::Wall).chunks(chunk) {
            ledger.record_at(events).await;
            ledger.project().await;
        }
        assert_eq!(ledger.projected().await, expected, "in pieces of {chunk}");
        rebuild(&ledger.url(), &ledger.store).await.expect("rebuilt");
        assert_eq!(ledger.projected().await, expected, "rebuilt");
    }
}

async fn a_shipping_request_does_not_change_by_an_event_that_is_applied_again(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record_at(&history(Clock::Wall)).await;
    let before = ledger.projected().await;
    ledger.alter(
        "update checkpoint set position = 0; \
         delete from account_balance; delete from unit_balance; delete from unit; \
         delete from conversion_rate; \
         delete from credit_part; delete from exchange; \
         delete from hold; \
         delete from purchase; delete from offer_availability; \
         delete from programme_total; delete from credit_month",
    );
    let after = ledger.projected().await;
    let of = |rows: &[String], table: &str| -> Vec<String> {
        rows.iter().filter(|row| row.starts_with(table)).cloned().collect()
    };
    for table in ["shipping_request|", "ledger_entry|", "hold|", "credit_lot|", "earning_rule|"] {
        assert_eq!(of(&after, table), of(&before, table));
    }
}

async fn every_point_is_accounted_for_after_every_event(on: On) {
    const DIFFERENCE: &str = "select \
         (select cast(coalesce(sum(case \
            when name in ('issued', 'refunded', 'received', 'converted_in') then low \
            when name in ('redeemed', 'expired', 'withdrawn', 'sent', 'converted_out') then -low \
            else 0 end), 0) as bigint) from programme_total) \
         - (select cast(coalesce(sum(available + held + pending - owed), 0) as bigint) from \
            (select available, held, pending, owed from account_balance \
             union all select available, held, pending, owed from unit_balance) as balance)";
    const OF_PARTS: &str = "select available, held + pending from \
         (select account_id, 'points' as unit, available, held, pending from account_balance \
          union all \
          select account_id, unit, available, held, pending from unit_balance) as balance \
         where available + held + pending > 0 order by account_id, unit";
    const OF_ENTRIES: &str = "select available + held + pending - owed, available from \
         (select account_id, 'points' as unit, available, held, pending, owed \
          from account_balance \
          union all \
          select account_id, unit, available, held, pending, owed from unit_balance) as balance \
         where exists (select 1 from ledger_entry as entry \
          where entry.account_id = balance.account_id and entry.unit = balance.unit) \
         order by account_id, unit";
    let ledger = Ledger::new(1, on).await;
    for event in history(Clock::Wall) {
        ledger.record_at(&[event]).await;
        ledger.project().await;
        let read = async |statement| ledger.select::<(i64, i64)>(statement).await;
        assert_eq!(ledger.select::<(i64,)>(DIFFERENCE).await, [(0,)]);
        let parts = read(
            "select cast(sum(available) as bigint), cast(sum(held + pending) as bigint) from credit_part \
             group by account_id, unit order by account_id, unit",
        );
        let balances = read(OF_PARTS);
        assert_eq!(parts.await, balances.await, "the parts are the balance");
        let entries = read(
            "select cast(sum(points) as bigint), cast(sum(available) as bigint) from ledger_entry \
             group by account_id, unit order by account_id, unit",
        );
        let balances = read(OF_ENTRIES);
        assert_eq!(entries.await, balances.await, "the statement is the balance");
    }
}

async fn pending_credit_is_withdrawn_as_pending_whatever_else_the_batch_has(on: On) {
    for chunk in [1, 2, 4] {
        let ledger = Ledger::new(1, on).await;
        let events = [
            (DAY, testing::ledger::log_opened(1)),
            (DAY, life::earned("ann", 300, "B-1", Some(9), None)),
            (DAY, life::earned("ann", 500, "B-2", None, None)),
            (2 * DAY, life::returned_credit("ann", "B-1", "r-1", 2, 120, None)),
            (2 * DAY, life::returned_credit("ann", "B-2", "r-1", 3, 50, None)),
        ];
        for events in events.chunks(chunk) {
            ledger.record_at(events).await;
            ledger.project().await;
        }
        let rows = ledger.projected().await;
        assert!(rows.contains(&"account_balance|'ann'|450|0|180|0|0|5".to_owned()), "{rows:#?}");
        let entry = "ledger_entry|4|'ann'|'credit-withdrawn'|'points'|-120|0|0|-120|";
        assert!(rows.iter().any(|row| row.starts_with(entry)), "{rows:#?}");
    }
}

async fn a_transfer_takes_parts_as_they_are_to_another_account(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger
        .record_at(&[
            (DAY, testing::ledger::log_opened(1)),
            (DAY, life::earned("ann", 500, "B-1", None, None)),
            (DAY, life::sent("ann", "bob", "t-1", 2, 200)),
        ])
        .await;
    let before = ledger.projected().await;
    for row in [total_row("issued", 500), total_row("sent", 200)] {
        assert!(before.contains(&row), "{row} is not in {before:#?}");
    }
    assert!(!before.iter().any(|row| row.contains("'received'")), "{before:#?}");
    ledger.record_at(&[(DAY, life::received("bob", "ann", "t-1", 2, 200))]).await;
    let rows = ledger.projected().await;
    for row in [
        format!("credit_part|'ann'|{NEVER}|2|0|'points'|300|0|0|NULL"),
        format!("credit_part|'bob'|{NEVER}|2|0|'points'|200|0|0|NULL"),
    ] {
        assert!(rows.contains(&row), "{row} is not in {rows:#?}");
    }
    let received = "ledger_entry|4|'bob'|'credit-received'|'points'|200|200|0|0|NULL|NULL|NULL|NULL|NULL|NULL|\
                    't-1'|'ann'|";
    assert!(rows.iter().any(|row| row.starts_with(received)), "{rows:#?}");
}

async fn the_checkpoint_knows_the_time_and_where_it_comes_from(on: On) {
    for (clock, name) in [(Clock::Wall, "wall"), (Clock::Commands, "commands")] {
        let ledger = Ledger::new(1, on).await;
        ledger.record_at(&history(clock)).await;
        ledger.project().await;
        let found: Vec<(i64, String)> =
            ledger.select("select recorded_at, clock from checkpoint").await;
        assert_eq!(found, [(micros(41), name.to_owned())]);
    }
}

async fn totals_may_outgrow_64_bits(on: On) {
    let mut events = vec![(DAY, testing::ledger::log_opened(1))];
    for number in 0..1100 {
        let account = format!("shopper-{number}");
        events.push((DAY, life::earned(&account, domain::AMOUNT_MAX, "B-1", None, None)));
    }
    for chunk in [2000, 600] {
        let ledger = Ledger::new(1, on).await;
        for events in events.chunks(chunk) {
            ledger.record_at(events).await;
            ledger.project().await;
        }
        let rows = ledger.projected().await;
        let (high, low) = read_model::split_sum(1100 * i128::from(domain::AMOUNT_MAX));
        assert!(high > 0, "it is more than 62 bits can have");
        for row in [
            format!("programme_total|0|'points'|'issued'|{high}|{low}"),
            format!("programme_total|0|'points'|'available'|{high}|{low}"),
            format!("credit_month|0|'points'|'never'|{high}|{low}"),
        ] {
            assert!(rows.contains(&row), "{row} is not in {rows:#?}");
        }
    }
}

#[test]
fn the_life_has_every_type_of_event() {
    let types: BTreeSet<&str> = history(Clock::Wall)
        .iter()
        .map(|(_, event)| {
            let at = testing::ledger::time(1);
            encode(event, at, &Metadata::default(), None, Salt([0; 16]))
                .expect("encoded")
                .event_type
        })
        .collect();
    assert_eq!((types.len(), history(Clock::Wall).len()), (41, EVENTS), "{types:?}");
}

async fn a_parcel_of_what_nobody_asked_to_ship_changes_nothing(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record_at(&history(Clock::Wall)).await;
    let before = ledger.projected().await;
    let parcel = life::dispatched("ann", Shipped::PurchaseId(id("B-2")));
    ledger.record_at(&[(42 * DAY, parcel)]).await;
    let after = ledger.projected().await;
    let requests = |rows: &[String]| -> Vec<String> {
        rows.iter().filter(|row| row.starts_with("shipping_request|")).cloned().collect()
    };
    assert_eq!(requests(&after), requests(&before));
}

fn micros(day: i64) -> i64 {
    day * DAY * 1_000_000
}

fn rate_row(version: u64, closed_at: &str, position: u64) -> String {
    let terms = r#"{"give":3,"take":1,"minimum":30,"expiry":null}"#;
    let at = micros(41);
    format!("conversion_rate|'miles'|'points'|{version}|'{terms}'|{closed_at}|{at}|0|{position}")
}

fn total_row(name: &str, sum: i64) -> String {
    format!("programme_total|0|'points'|'{name}'|0|{sum}")
}

/// A hold of a day, with how it ended, by which event and on which day.
fn hold_row(
    place: u64,
    hold: &str,
    points: u64,
    ends: i64,
    (end, ended, on): (&str, u64, i64),
    day: i64,
) -> String {
    let lots = format!(r#"[{{"lot":"0:13","points":{points},"expires_at":null,"graced":false}}]"#);
    let (deadline, ended_at, at) = (micros(ends), micros(on), micros(day));
    format!(
        "hold|{place}|'ann'|'{hold}'|''|'points'|{points}|'{lots}'|NULL|NULL|NULL|NULL|NULL\
         |{deadline}|0|{end}|{ended}|{ended_at}|NULL|{at}"
    )
}

fn exchange_row(place: u64, exchange: &str, state: &str, day: i64) -> String {
    let at = micros(day);
    format!("exchange|{place}|'ann'|'{exchange}'|'mug'|'product'|{state}|NULL|{at}")
}
