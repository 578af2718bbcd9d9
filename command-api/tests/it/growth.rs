//! What bounds the writer's memory and its batches.

use std::time::Duration;

use command_api::{Answer, Request, Writer, WriterConfig, WriterStatus};
use domain::command::{EarnCredit, RecordPurchase};
use domain::{Cause, CauseKind, Command, CreditEarned, Event, Points, PurchaseLine, Units, decide};
use event_schema::{Metadata, Salt, decode, encode};
use event_store::{Append, AppendLimit, EventStore, Fault, MemoryStore, NewLog};
use log_record::{LogId, Place, WriterId};
use uuid::Uuid;

use crate::ledger::*;

const DAY: i64 = 24 * 60 * 60;

/// A thousand purchases of many lines wait while an append is held; they become appends of some
/// megabytes, and not one of a hundred.
#[tokio::test]
async fn a_batch_has_a_bound_in_bytes() {
    let ledger = Ledger::with(decide, Duration::from_secs(60)).await;
    ledger.store.hold_appends();
    let first = ledger.begins(redeem("ann", "x-1", "mug"));
    let asked: Vec<_> =
        (0..1_000).map(|number| ledger.begins(long_purchase(&format!("B-{number}")))).collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    ledger.store.release_appends();
    for answer in asked.into_iter().chain([first]) {
        let answer = answer.await.expect("ran");
        assert!(matches!(answer, Ok(Answer::Recorded { .. })), "{answer:?}");
    }
    let largest = ledger.store.largest_append();
    assert!((8_000_000..10_000_000).contains(&largest), "{largest} bytes in one append");
    let ids: Vec<_> =
        ledger.events().await.into_iter().filter_map(|(_, event)| purchase(event)).collect();
    assert_eq!(ids.len(), 1_000);
    assert!(
        ids.is_sorted_by_key(|id| id[2..].parse::<u32>().ok()),
        "in the order of their arrival"
    );
}

/// What falls due at once in one account, and is more than an append to the log may have.
#[tokio::test]
async fn what_falls_due_and_no_append_can_have_is_recorded_in_several() {
    let hands = Hands::at(DAY);
    let ledger = Ledger::with_clock(None, &hands).await;
    ledger.recorded(open("mug", None)).await;
    for number in 0..500 {
        ledger.recorded(earns_until(2 * DAY, &format!("B-{number}"))).await;
    }
    // An event of a hundred parts fits, and five do not.
    ledger.store.limit_appends(AppendLimit::of(20_000));
    hands.pass(DAY);
    ledger.until_expired(500, Duration::from_secs(20)).await;
    ledger.agrees_with_its_log().await;
}

/// An account whose due events are too much for any append keeps no other waiting.
#[tokio::test]
async fn what_falls_due_and_no_append_can_ever_have_is_left_out_alone() {
    let hands = Hands::at(DAY);
    let ledger = Ledger::with_clock(None, &hands).await;
    for number in 0..100 {
        ledger.recorded(earns_until(2 * DAY, &format!("B-{number}"))).await;
    }
    let bobs = request(match earns_until(2 * DAY + 10, "B-1").command {
        Command::EarnCredit(earning) => {
            Command::EarnCredit(EarnCredit { account_id: id("bob"), ..earning })
        }
        other => other,
    });
    ledger.recorded(bobs).await;
    // An event of one part fits, and one of a hundred doesn't.
    ledger.store.limit_appends(AppendLimit::of(3_000));
    hands.pass(DAY + 10);
    ledger.until_expired(1, Duration::from_secs(20)).await;
    assert_eq!(ledger.expired().await, 1);
    assert_eq!(*ledger.writer.status().borrow(), WriterStatus::Serving);
}

/// Building the state anew costs one state, and what is read at a time.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_is_built_anew_is_never_beside_the_former_one() {
    const SHOPPERS: usize = 300_000;
    let store = log_with_credit(SHOPPERS).await;
    let log = EventStore::Memory(store.clone());
    // A start forgets the rows that were appended last. They are no part of a state.
    log.take_over(P0, WriterId(Uuid::from_u128(2))).await.expect("taken over");
    let before = memory::now();
    let config = WriterConfig::new(log, Duration::from_secs(60));
    let (writer, _) = Writer::start(config, P0).await.expect("it starts");
    let started = memory::now();
    let state = started - before;
    memory::forget_peak();
    store.fail_next_append(Fault::NotLanded);
    let answer = writer.submit(open("mug", None)).await;
    assert!(matches!(answer, Ok(Answer::Recorded { .. })), "{answer:?}");
    let more = memory::peak().saturating_sub(started);
    println!("a state takes {state} kB; building it anew took {more} kB more");
    // Up to 30 MB of it are the events that are read ahead, however large the state is. Two states
    // beside each other would take them and a state.
    assert!(more < state, "a state takes {state} kB, and building it anew took {more} kB more");
}

/// A log in which so many shoppers earned credit.
#[cfg(target_os = "linux")]
async fn log_with_credit(shoppers: usize) -> MemoryStore {
    let new_log = NewLog { log_id: LogId(Uuid::from_u128(7)), partitions: 1 };
    let memory = MemoryStore::new(new_log);
    let store = EventStore::Memory(memory.clone());
    let config = WriterConfig::new(store.clone(), Duration::from_secs(5));
    drop(Writer::start(config, P0).await.expect("it opens the log"));
    let mut head = store.take_over(P0, WriterId(Uuid::now_v7())).await.expect("taken over");
    let metadata = Metadata::of_command("earn-credit");
    let opened = store.read_one(head_place(&head)).await.expect("read");
    let (now, _) = decode(&opened).expect("decoded");
    let shoppers: Vec<_> = (0..shoppers).collect();
    for portion in shoppers.chunks(5_000) {
        let earned = portion.iter().map(|shopper| {
            let cause = Cause { kind: CauseKind::Promotion, id: id("start") };
            let fact = CreditEarned::new(
                domain::UnitId::POINTS,
                Points::new(100).expect("an amount"),
                cause,
            );
            let event = Event::CreditEarned(id(&format!("a-longer-name-{shopper}")), fact);
            encode(&event, now, &metadata, None, Salt([7; 16])).expect("encoded")
        });
        let append = Append::after(P0, &head, earned.collect());
        head.position = store.append(append).await.expect("appended").position;
    }
    memory
}

#[cfg(target_os = "linux")]
const fn head_place(head: &log_record::Head) -> Place {
    Place { partition: P0, position: head.position }
}

#[cfg(target_os = "linux")]
mod memory {
    pub(super) fn now() -> usize {
        field("VmRSS:")
    }

    pub(super) fn peak() -> usize {
        field("VmHWM:")
    }

    pub(super) fn forget_peak() {
        std::fs::write("/proc/self/clear_refs", "5").expect("written");
    }

    /// In kB.
    fn field(name: &str) -> usize {
        let status = std::fs::read_to_string("/proc/self/status").expect("read");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("there");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

fn purchase(event: Event) -> Option<String> {
    match event {
        Event::PurchaseRecorded(_, fact) => Some(fact.purchase_id.to_string()),
        _ => None,
    }
}

fn earns_until(seconds: i64, basket: &str) -> Request {
    request(Command::EarnCredit(EarnCredit {
        unit: domain::UnitId::POINTS,
        account_id: id("ann"),
        points: Points::new(100).expect("an amount"),
        cause: Cause { kind: CauseKind::Purchase, id: id(basket) },
        available_at: None,
        expires_at: Some(time(seconds)),
        occurred_at: None,
    }))
}

/// Some 20 kB in the log.
fn long_purchase(purchase: &str) -> Request {
    let line = |number: u64| PurchaseLine {
        product_id: id(&format!("product-with-a-very-long-name-{number:034}")),
        quantity: Units::new(1).expect("an amount"),
        amount: None,
        category: None,
        earned: Box::default(),
    };
    request(Command::RecordPurchase(RecordPurchase {
        unit: domain::UnitId::POINTS,
        account_id: id("ann"),
        purchase_id: id(purchase),
        lines: (0..200).map(line).collect(),
        points: Some(Points::new(100).expect("an amount")),
        rules: Box::default(),
        shipping: None,
        available_at: None,
        expires_at: None,
        occurred_at: None,
    }))
}
