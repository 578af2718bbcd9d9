//! Snapshots spare time and change nothing: whatever becomes of the files, the state is the log's,
//! or nothing starts.

use std::fs;
use std::path::PathBuf;

use command_api::{Answer, Loaded, Snapshots, Taken, Writer, WriterConfig, WriterStatus, load};
use domain::State;
use event_store::{Append, EventStore, Fault, MemoryStore, NewLog};
use log_record::{
    BatchId, Generation, LogId, NewEvent, Place, Position, RecordedEvent, WriterId, hex,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use uuid::Uuid;

use crate::ledger::*;

/// Something of everything that a state keeps.
const EVENTS: [(&str, &str, &str); 18] = [
    ("log-opened", "", r#"{"log_id":"7","partitions":1,"clock":"wall"}"#),
    (
        "offer-opened",
        "",
        r#"{"offer_id":"mug","product_id":"m","prices":[{"unit":"points","points":300}],"warehouse":"main","closes_at":"2028-01-01T00:00:00Z","stock":9}"#,
    ),
    (
        "earning-rule-set",
        "",
        r#"{"rule_id":"r","version":1,"unit":"points","rate":{"points":1,"per_amount":100},"multipliers":[{"from":"2026-12-01T00:00:00Z","until":"2027-01-01T00:00:00Z","percent":200}],"expiry":{"months":12}}"#,
    ),
    ("policy-changed", "", r#"{"version":1,"spent_credit":"debt","refund_grace_days":3}"#),
    (
        "credit-earned",
        "ann",
        r#"{"unit":"points","points":5000,"cause":{"kind":"purchase","id":"B-1"}}"#,
    ),
    (
        "purchase-recorded",
        "ann",
        r#"{"purchase_id":"B-1","lines":[{"product_id":"m","quantity":2,"earned":[{"unit":"points","points":5000}]}],"earned":[{"unit":"points","points":5000}]}"#,
    ),
    (
        "credit-deducted",
        "ann",
        r#"{"unit":"points","exchange_id":"x-1","points":600,"lots":[{"lot":"0:5","points":600}],"grace_days":3}"#,
    ),
    (
        "exchange-created",
        "ann",
        r#"{"exchange_id":"x-1","offer_id":"mug","product_id":"m","quantity":2,"prices":[{"unit":"points","points":600}],"warehouse":"main"}"#,
    ),
    (
        "credit-refunded",
        "ann",
        r#"{"unit":"points","exchange_id":"x-1","cancellation_id":"c-1","points":300,"lots":[{"lot":"0:5","points":300}]}"#,
    ),
    (
        "exchange-cancelled",
        "ann",
        r#"{"exchange_id":"x-1","cancellation_id":"c-1","offer_id":"mug","quantity":1,"refunded":[{"unit":"points","points":300}],"of":{"quantity":2,"prices":[{"unit":"points","points":600}]}}"#,
    ),
    (
        "credit-withdrawn",
        "ann",
        r#"{"unit":"points","withdrawal":{"kind":"return","purchase_id":"B-1","id":"r-1"},"points":2500,"lots":[{"lot":"0:5","points":2500}],"of_lot":"0:5"}"#,
    ),
    (
        "purchase-returned",
        "ann",
        r#"{"purchase_id":"B-1","return_id":"r-1","lines":[{"product_id":"m","quantity":1}],"taken":[{"unit":"points","points":2500}],"asked_lines":true}"#,
    ),
    (
        "credit-held",
        "ann",
        r#"{"unit":"points","hold_id":"h-1","points":300,"lots":[{"lot":"0:5","points":300}],"deadline":"2027-12-01T09:00:00Z","grace_days":3}"#,
    ),
    (
        "credit-earned",
        "bob",
        r#"{"unit":"points","points":50,"cause":{"kind":"review","id":"R-1"},"available_at":"2027-01-01T00:00:00Z","expires_at":"2028-01-01T00:00:00Z","rule":{"rule_id":"r","version":1}}"#,
    ),
    (
        "credit-earned",
        "bob",
        r#"{"unit":"points","points":7,"cause":{"kind":"review","id":"R-2"},"expires_at":"2026-01-01T00:00:00Z"}"#,
    ),
    (
        "credit-expired",
        "bob",
        r#"{"unit":"points","points":7,"lots":[{"lot":"0:15","points":7,"expires_at":"2026-01-01T00:00:00Z"}]}"#,
    ),
    (
        "unit-set",
        "",
        r#"{"unit":"miles","version":1,"name":"Miles","spendable":true,"decimals":2,"time_zone":"Europe/Berlin"}"#,
    ),
    (
        "credit-earned",
        "bob",
        r#"{"unit":"miles","points":90,"cause":{"kind":"review","id":"R-3"},"expires_at":"2028-01-01T00:00:00Z"}"#,
    ),
];

#[tokio::test]
async fn a_start_with_a_snapshot_gives_the_state_of_a_start_without() {
    let ledger = Ledger::start().await;
    let (_folder, snapshots) = folder();
    let mut number = 7_u64;
    for step in 0..600 {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let shopper = numbered(usize::try_from(number >> 58).expect("small"));
        let redeemed = ledger.asks(redeem(&shopper, &format!("x-{step}"), "mug")).await;
        assert!(matches!(redeemed, Ok(Answer::Recorded { .. })), "{redeemed:?}");
        if step % 100 == 50 {
            let taken = snapshots.take(&ledger.config.store, P0).await.expect("taken");
            assert!(matches!(taken, Taken::New { .. }), "{taken:?}");
        }
        if step % 40 == 0 {
            let [without, with] = both(&ledger.config.store, &snapshots).await;
            assert_eq!(without.from, Position::START);
            assert_eq!(with.from > Position::START, step > 50);
            assert_eq!(value_of(&with.state), value_of(&without.state));
        }
    }
}

#[tokio::test]
async fn no_flipped_bit_and_no_cut_is_ever_believed() {
    let (store, (folder, snapshots)) = (log_of(&EVENTS).await, folder());
    snapshots.take(&store, P0).await.expect("taken");
    let file = files(&folder).remove(0);
    let whole = fs::read(&file).expect("read");
    let right = value_of(&both(&store, &snapshots).await[0].state);
    let mut damaged: Vec<Vec<u8>> = (0..whole.len()).map(|end| whole[..end].to_vec()).collect();
    for byte in 0..whole.len() {
        for bit in [0, 3, 7] {
            let mut flipped = whole.clone();
            flipped[byte] ^= 1 << bit;
            damaged.push(flipped);
        }
    }
    damaged.push([&whole[..], b"\0"].concat());
    for bytes in damaged {
        fs::write(&file, bytes).expect("written");
        let Loaded { state, from } = load_with(&store, &snapshots).await.expect("passed over");
        assert_eq!(from, Position::START);
        assert_eq!(value_of(&state), right);
    }
    // What is damaged makes room for one that is not.
    snapshots.take(&store, P0).await.expect("taken");
    assert_eq!(load_with(&store, &snapshots).await.expect("loaded").from, Position(18));
    assert_eq!(fs::read(&file).expect("read"), whole, "a state is written alike each time");
}

#[tokio::test]
async fn beside_a_damaged_one_the_older_is_taken() {
    let (store, (folder, snapshots)) = (log_of(&EVENTS[..6]).await, folder());
    snapshots.take(&store, P0).await.expect("taken");
    for (events, position) in [(6..8, 8), (8..13, 13)] {
        append(&store, &EVENTS[events]).await;
        snapshots.take(&store, P0).await.expect("taken");
        assert_eq!(load_with(&store, &snapshots).await.expect("loaded").from, Position(position));
    }
    let files = files(&folder);
    assert_eq!(files.len(), 2, "two are kept: {files:?}");
    let newest = files.iter().find(|file| file.ends_with(name(13))).expect("it is there");
    fs::write(newest, "torn").expect("written");
    let loaded = load_with(&store, &snapshots).await.expect("loaded");
    assert_eq!(loaded.from, Position(8));
    assert_eq!(value_of(&loaded.state), value_of(&both(&store, &snapshots).await[0].state));
}

#[tokio::test]
async fn one_under_another_ones_name_is_passed_over() {
    let (store, (folder, snapshots)) = (log_of(&EVENTS[..8]).await, folder());
    snapshots.take(&store, P0).await.expect("taken");
    append(&store, &EVENTS[8..]).await;
    fs::rename(folder.path().join(name(8)), folder.path().join(name(18))).expect("renamed");
    assert_eq!(load_with(&store, &snapshots).await.expect("loaded").from, Position::START);
}

#[tokio::test]
async fn one_of_another_build_is_passed_over_and_kept() {
    // The snapshot's own format, and the log's.
    for number in [16..20, 20..24] {
        let (store, (folder, snapshots)) = (log_of(&EVENTS[..8]).await, folder());
        snapshots.take(&store, P0).await.expect("taken");
        let file = folder.path().join(name(8));
        let mut bytes = fs::read(&file).expect("read");
        bytes[number].copy_from_slice(&99_u32.to_be_bytes());
        fs::write(&file, bytes).expect("written");
        assert_eq!(load_with(&store, &snapshots).await.expect("loaded").from, Position::START);
        append(&store, &EVENTS[8..]).await;
        snapshots.take(&store, P0).await.expect("taken");
        assert_eq!(load_with(&store, &snapshots).await.expect("loaded").from, Position(18));
        assert!(file.exists(), "the other build may come back");
    }
}

/// The disk may give it again; a folder in its place can't be read either.
#[tokio::test]
async fn one_that_cannot_be_read_is_passed_over_and_kept() {
    let (store, (folder, snapshots)) = (log_of(&EVENTS).await, folder());
    let unreadable = folder.path().join(name(8));
    fs::create_dir(&unreadable).expect("made");
    fs::write(unreadable.join("x".repeat(60)), "so that the folder has a length").expect("written");
    snapshots.take(&store, P0).await.expect("taken");
    assert!(unreadable.exists(), "it was not called damaged");
    assert_eq!(load_with(&store, &snapshots).await.expect("loaded").from, Position(18));
}

#[tokio::test]
async fn a_log_that_was_shortened_or_changed_starts_nothing() {
    let (_folder, snapshots) = folder();
    snapshots.take(&log_of(&EVENTS[..14]).await, P0).await.expect("taken");
    let shorter = log_of(&EVENTS[..12]).await;
    let mut events = EVENTS;
    events[13].2 = r#"{"unit":"points","points":51,"cause":{"kind":"review","id":"R-1"}}"#;
    let changed = log_of(&events[..14]).await;
    for (store, head) in [(shorter, 12), (changed, 14)] {
        let refused = load_with(&store, &snapshots).await.expect_err("it forked").to_string();
        let head = format!("its head is at {head}");
        for part in ["log-forked", "0:14", &head, "restore the right log"] {
            assert!(refused.contains(part), "{part:?} is not in: {refused}");
        }
        assert!(snapshots.take(&store, P0).await.is_err(), "and no snapshot is made of it");
        let deadline = std::time::Duration::from_secs(1);
        let snapshots = Some(snapshots.clone());
        let config = WriterConfig { snapshots, ..WriterConfig::new(store, deadline) };
        assert!(Writer::start(config, P0).await.is_err());
    }
}

/// By an operator at another host, whose tool sees no snapshot of this one.
#[tokio::test]
async fn a_snapshot_of_events_that_a_fork_declared_to_be_lost_is_passed_over() {
    let (folder, snapshots) = folder();
    for events in [8, 14] {
        snapshots.take(&log_of(&EVENTS[..events]).await, P0).await.expect("taken");
    }
    let store = log_of(&EVENTS[..12]).await;
    let head = store.head(P0).await.expect("a head");
    let fork = NewEvent {
        event_type: RecordedEvent::FORK,
        version: 1,
        recorded_at: 1_795_248_000_000_000,
        account_id: None,
        public: r#"{"generation":2,"reason":"the end was lost"}"#.into(),
        private: r#"{"salt":"00"}"#.into(),
    };
    let place = Place { partition: P0, position: Position(13) };
    let fork = RecordedEvent::seal(store.log_id(), Generation(2), place, fork);
    store.append_recorded(Append::after(P0, &head, vec![fork])).await.expect("appended");
    snapshots.check(&store, P0).await.expect("it was declared");
    let [without, with] = both(&store, &snapshots).await;
    assert_eq!(with.from, Position(8), "an older one is of this history, too");
    assert_eq!(value_of(&with.state), value_of(&without.state));
    snapshots.take(&store, P0).await.expect("taken");
    assert!(!folder.path().join(name(14)).exists(), "it is of no more use");
    assert_eq!(load_with(&store, &snapshots).await.expect("loaded").from, Position(13));
}

#[tokio::test]
async fn another_logs_snapshots_are_not_looked_at() {
    let (folder, snapshots) = folder();
    let store = log_of(&EVENTS).await;
    let other = name(20).replace("0007-0", "0008-0");
    fs::write(folder.path().join(other), "of another log").expect("written");
    snapshots.take(&store, P0).await.expect("taken");
    assert_eq!(load_with(&store, &snapshots).await.expect("loaded").from, Position(18));
    assert_eq!(files(&folder).len(), 2);
    let taken = snapshots.take(&store, P0).await.expect("taken");
    assert_eq!(taken, Taken::UpToDate(Place { partition: P0, position: Position(18) }));
}

#[tokio::test]
async fn the_reload_after_a_failed_append_goes_on_from_the_snapshot() {
    let mut ledger = Ledger::start().await;
    let (folder, snapshots) = folder();
    ledger.config.snapshots = Some(snapshots.clone());
    ledger.restart().await;
    snapshots.take(&ledger.config.store, P0).await.expect("taken");
    ledger.store.fail_next_append(Fault::NotLanded);
    ledger.recorded(redeem("ann", "x-1", "mug")).await;
    ledger.agrees_with_its_log().await;
    // A snapshot that contradicts the log is noticed here, too.
    let store = log_of(&EVENTS).await;
    fs::remove_dir_all(folder.path()).expect("removed");
    snapshots.take(&store, P0).await.expect("taken");
    ledger.store.fail_next_append(Fault::NotLanded);
    assert!(ledger.asks(redeem("ann", "x-2", "mug")).await.is_err());
    let mut status = ledger.writer.status();
    let stopped = status.wait_for(|status| matches!(status, WriterStatus::Stopped(_))).await;
    assert!(format!("{:?}", *stopped.expect("it stops")).contains("log-forked"));
}

/// Where this fails, the shape of a state in a snapshot has changed, or what events make of it:
/// raise `FORMAT` in `restart/snapshot.rs`, so that no build reads what another wrote, and put the
/// new hash here.
#[tokio::test]
async fn the_format_is_raised_when_a_snapshot_looks_different() {
    let (store, (folder, snapshots)) = (log_of(&EVENTS).await, folder());
    snapshots.take(&store, P0).await.expect("taken");
    let bytes = fs::read(folder.path().join(name(18))).expect("read");
    let hash = hex(&Sha256::digest(bytes));
    assert_eq!(hash, "b898bd0c45e5569f1463258227296a2fa9f1a51112281d50d3379720eb1a05ad");
}

fn folder() -> (TempDir, Snapshots) {
    let folder = tempfile::tempdir().expect("a folder");
    let snapshots = Snapshots::in_folder(folder.path().into());
    (folder, snapshots)
}

fn files(folder: &TempDir) -> Vec<PathBuf> {
    let files =
        fs::read_dir(folder.path()).expect("a folder").map(|file| file.expect("read").path());
    files.filter(|file| file.extension().is_some_and(|end| end == "snapshot")).collect()
}

fn name(position: u64) -> String {
    format!("00000000-0000-0000-0000-000000000007-0-{position}.snapshot")
}

async fn log_of(events: &[(&str, &str, &'static str)]) -> EventStore {
    let new_log = NewLog { log_id: LogId(Uuid::from_u128(7)), partitions: 1 };
    let store = EventStore::Memory(MemoryStore::new(new_log));
    append(&store, events).await;
    store
}

async fn append(store: &EventStore, events: &[(&str, &str, &'static str)]) {
    let head = store.take_over(P0, WriterId(Uuid::from_u128(1))).await.expect("taken over");
    let events = events.iter().map(|(event_type, account, public)| NewEvent {
        event_type: EVENTS.iter().find(|known| known.0 == *event_type).expect("known").0,
        version: 1,
        recorded_at: 1_795_248_000_000_000,
        account_id: (!account.is_empty()).then(|| (*account).into()),
        public: (*public).into(),
        private: r#"{"salt":"00"}"#.into(),
    });
    let (expected, batch) = (head.position, BatchId(Uuid::from_u128(2)));
    let events = events.collect();
    let append = Append {
        partition: P0,
        epoch: head.epoch,
        generation: head.generation,
        expected,
        batch,
        events,
    };
    store.append(append).await.expect("appended");
}

/// Without and with the snapshots.
async fn both(store: &EventStore, snapshots: &Snapshots) -> [Loaded; 2] {
    let head = store.head(P0).await.expect("a head").position;
    let without = load(store, P0, None, head).await.expect("loaded");
    [without, load_with(store, snapshots).await.expect("loaded")]
}

async fn load_with(
    store: &EventStore,
    snapshots: &Snapshots,
) -> Result<Loaded, command_api::LoadError> {
    let head = store.head(P0).await.expect("a head").position;
    load(store, P0, Some(snapshots), head).await
}

/// A state as JSON, with the ids, which stand in no order, in order.
fn value_of(state: &State) -> Value {
    let mut value = serde_json::to_value(state).expect("JSON");
    for shard in value["accounts"]["recorded"].as_array_mut().expect("a list") {
        shard.as_array_mut().expect("a list of pairs").sort_by_key(Value::to_string);
    }
    value
}
