//! The warehouses against a real Kafka: nothing is lost, nothing goes out twice.

use std::time::Duration;

use rdkafka::message::OwnedHeaders;

use crate::ledger::{Ledger, Warehouse, events};

const UNTIL_IDLE: [&str; 2] = ["--until-idle", "4"];

#[test]
fn a_parcel_is_accepted_dispatched_and_delivered() {
    let ledger = Ledger::open();
    ledger.requests(1, 1);
    ledger.starts_warehouse(&UNTIL_IDLE).ends();
    let heard = ledger.hears(1);
    let said = &heard[&ledger.id(1)];
    assert_eq!(events(said), ["accepted", "dispatched", "delivered"]);
    assert_eq!(said[1]["carrier"], "parcel-post");
    let express_no: Vec<String> = ledger.asks("select express_no from parcel");
    assert_eq!(said[1]["express_no"], express_no[0].as_str());
    assert!(said[2]["occurred_at"].as_str().is_some_and(|at| at.ends_with('Z')));
}

#[test]
fn a_repeat_is_one_parcel_and_one_that_was_not_heard_is_answered_again() {
    let ledger = Ledger::open();
    for attempt in [1, 1, 2] {
        ledger.requests(1, attempt);
    }
    ledger.starts_warehouse(&UNTIL_IDLE).ends();
    assert_eq!(ledger.asks::<i64>("select count(*) from parcel"), [1]);
    ledger.requests(1, 3);
    ledger.starts_warehouse(&UNTIL_IDLE).ends();
    let once = ["accepted", "dispatched", "delivered"];
    assert_eq!(events(&ledger.hears(1)[&ledger.id(1)]), [once, once].concat());
    assert_eq!(ledger.asks::<i64>("select count(*) from parcel"), [1]);
}

#[test]
fn what_was_over_when_it_was_replayed_is_not_shipped_by_either() {
    let over = ["delivered", "cancelled", "rejected", "settled"];
    let in_rust = |ledger: &Ledger| ledger.starts_warehouse(&UNTIL_IDLE).ends();
    let in_python = |ledger: &Ledger| ledger.starts_warehouse_in_python(&UNTIL_IDLE).ends();
    for runs in [&in_rust as &dyn Fn(&Ledger), &in_python] {
        let ledger = Ledger::open();
        for (sequence, status) in (1..).zip(over) {
            ledger.replays(sequence, status);
        }
        ledger.replays(5, "accepted");
        runs(&ledger);
        let heard = ledger.hears(1);
        assert_eq!(heard.keys().collect::<Vec<_>>(), [&ledger.id(5)]);
        assert_eq!(events(&heard[&ledger.id(5)]), ["accepted", "dispatched", "delivered"]);
        let states = ledger.asks::<String>("select state from parcel order by 1");
        assert_eq!(states, ["cancelled", "delivered", "delivered", "rejected", "settled"]);
        let quantities = "select distinct json_extract(lines, '$[0].quantity') from parcel";
        assert_eq!(ledger.asks::<i64>(quantities), [1], "of two, one had been taken back by then");
    }
}

#[test]
fn a_warehouse_that_never_got_to_its_topic_does_not_end_well() {
    let in_rust = |ledger: &Ledger| ledger.starts_warehouse(&["--until-idle", "1"]);
    let in_python = |ledger: &Ledger| ledger.starts_warehouse_in_python(&["--until-idle", "1"]);
    for starts in [&in_rust as &dyn Fn(&Ledger) -> Warehouse, &in_python] {
        let mut ledger = Ledger::open();
        ledger.misleads_warehouses();
        assert!(!starts(&ledger).ended_well());
        let printed = std::fs::read_to_string(ledger.printed()).expect("printed");
        assert!(printed.contains("nothing was ever read of"), "{printed}");
    }
}

#[test]
fn a_gap_is_noticed_and_closed_by_what_comes_late() {
    let ledger = Ledger::open();
    for sequence in [1, 5] {
        ledger.requests(sequence, 1);
    }
    ledger.starts_warehouse(&UNTIL_IDLE).ends();
    assert_eq!(ledger.asks::<i64>("select first from gap"), [2]);
    assert_eq!(ledger.asks::<i64>("select last from gap"), [4]);
    ledger.requests(3, 2);
    ledger.starts_warehouse(&UNTIL_IDLE).ends();
    assert_eq!(ledger.asks::<i64>("select first from gap order by first"), [2, 4]);
    assert_eq!(ledger.asks::<i64>("select sequence from lane"), [5]);
    assert_eq!(ledger.hears(3).len(), 3);
}

#[test]
fn a_cancelled_parcel_is_never_dispatched() {
    // A parcel is in hand for long enough to be cancelled.
    let packing = [&UNTIL_IDLE[..], &["--packing", "2000"]].concat();
    let ledger = Ledger::open();
    ledger.requests(1, 1);
    ledger.requests_of("mug-red", 2, 1);
    ledger.leaves(1, 3, 0);
    // This one's request is in a gap and comes after its cancellation.
    ledger.leaves(4, 5, 0);
    ledger.requests(4, 1);
    let waiting = [&packing[..], &["--back-order", "mug-red"]].concat();
    ledger.starts_warehouse(&waiting).ends();
    ledger.leaves(2, 6, 0);
    ledger.starts_warehouse(&waiting).ends();
    ledger.requests(7, 1);
    ledger.leaves(7, 8, 1);
    ledger.starts_warehouse(&packing).ends();
    let states = ledger.asks::<String>("select state from parcel order by shipping_request_id");
    assert_eq!(states, ["cancelled", "cancelled", "cancelled", "delivered"]);
    let left = ledger.asks::<i64>(
        "select json_extract(lines, '$[0].quantity') from parcel where state = 'delivered'",
    );
    assert_eq!(left, [1], "the reduction was obeyed");
    let heard = ledger.hears(1);
    assert_eq!(events(&heard[&ledger.id(1)]), ["accepted"]);
    assert_eq!(events(&heard[&ledger.id(2)]), ["accepted", "back-ordered"]);
    assert!(!heard.contains_key(&ledger.id(4)), "it was over before it came");
}

#[test]
fn what_it_never_has_is_rejected_and_what_makes_no_sense_is_set_aside() {
    let ledger = Ledger::open();
    ledger.sends_raw(OwnedHeaders::new(), "hello");
    ledger.requests_of("mug-gold", 1, 1);
    ledger.requests_of("mug-red", 2, 1);
    ledger.starts_warehouse(&["--reject", "mug-gold", "--until-idle", "4"]).ends();
    let heard = ledger.hears(1);
    assert_eq!(events(&heard[&ledger.id(1)]), ["rejected"]);
    assert_eq!(heard[&ledger.id(1)][0]["reason"], "we don't stock mug-gold");
    assert_eq!(events(&heard[&ledger.id(2)]), ["accepted", "dispatched", "delivered"]);
    assert_eq!(ledger.asks::<i64>("select position from unreadable"), [0]);
}

#[test]
fn a_warehouse_killed_at_any_moment_ships_each_parcel_once() {
    const PARCELS: u32 = 2000;
    let ledger = Ledger::open();
    let requests = |range: std::ops::RangeInclusive<u32>| {
        range.for_each(|sequence| ledger.requests(sequence, 1));
    };
    requests(1..=PARCELS / 2);
    let kills = kills();
    let share = PARCELS / 2 / kills.max(1);
    for kill in 0..kills {
        let warehouse = ledger.starts_warehouse(&[]);
        requests(PARCELS / 2 + kill * share + 1..=PARCELS / 2 + (kill + 1) * share);
        // Another moment each time and in each run.
        let moment = uuid::Uuid::now_v7().as_u64_pair().1 % 3000;
        std::thread::sleep(Duration::from_millis(moment));
        warehouse.dies();
    }
    requests(PARCELS / 2 + kills * share + 1..=PARCELS);
    ledger.starts_warehouse(&UNTIL_IDLE).ends();
    let parcels = usize::try_from(PARCELS).expect("a number");
    let delivered = ledger.asks::<i64>("select count(*) from parcel where state = 'delivered'");
    assert_eq!(delivered, [i64::from(PARCELS)]);
    assert_eq!(ledger.asks::<i64>("select count(*) from gap"), [0]);
    let heard = ledger.hears(parcels);
    assert_eq!(heard.len(), parcels);
    for (id, said) in &heard {
        let mut firsts = events(said);
        let mut seen = std::collections::BTreeSet::new();
        firsts.retain(|event| seen.insert(*event));
        assert_eq!(firsts, ["accepted", "dispatched", "delivered"], "{id}");
        let dispatched = said.iter().filter(|body| body["event"] == "dispatched");
        let numbers: std::collections::BTreeSet<_> =
            dispatched.map(|body| body["express_no"].as_str()).collect();
        assert_eq!(numbers.len(), 1, "{id} left once, under one number");
    }
}

/// So it looks to the brokers, too, when one of them was away while the warehouse joined its group.
#[test]
fn a_warehouse_whose_place_in_the_group_was_taken_takes_it_back() {
    let ledger = Ledger::open();
    ledger.requests(1, 1);
    let warehouse = ledger.starts_warehouse(&["--until-idle", "8"]);
    ledger.hears(1);
    ledger.takes_the_place_of_the_warehouse();
    ledger.requests(2, 1);
    warehouse.ends();
    let printed = std::fs::read_to_string(ledger.printed()).expect("printed");
    assert!(printed.contains("another consumer goes on"), "{printed}");
    let delivered = "select count(*) from parcel where state = 'delivered'";
    assert_eq!(ledger.asks::<i64>(delivered), [2]);
}

#[test]
fn a_warehouse_in_python_does_the_same() {
    let ledger = Ledger::open();
    ledger.requests(1, 1);
    ledger.requests(1, 1);
    ledger.requests(2, 1);
    ledger.leaves(2, 3, 0);
    ledger.requests(5, 1);
    ledger.starts_warehouse_in_python(&UNTIL_IDLE).ends();
    let states = ledger.asks::<String>("select state from parcel order by id");
    assert_eq!(states, ["delivered", "cancelled", "delivered"]);
    let heard = ledger.hears(2);
    assert_eq!(events(&heard[&ledger.id(1)]), ["accepted", "dispatched", "delivered"]);
    assert_eq!(events(&heard[&ledger.id(2)]), ["accepted"]);
    let printed = std::fs::read_to_string(ledger.printed()).expect("printed");
    assert!(printed.contains("gap in lane 0/main/3: 4 to 4 missing"), "{printed}");
    let headers = r#"{"headers": {"ce_specversion": "1.0", "ce_id": "#;
    assert!(printed.contains(headers), "{printed}");
}

/// `GUERDON_KILLS`, or two.
#[expect(clippy::disallowed_methods, reason = "a test's own setting")]
fn kills() -> u32 {
    std::env::var("GUERDON_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(2)
}
