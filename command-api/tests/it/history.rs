//! A writer compares the log with what it has answered by before it goes on: by the end, and by the
//! checksum of the event there.

use std::time::Duration;

use command_api::{Answer, StopReason, WriterStatus, load};
use domain::{Command, Decision, Refusal, State, Timestamp, decide};
use event_store::{Append, EventStore};
use log_record::{NewEvent, WriterId};
use uuid::Uuid;

use crate::ledger::*;

fn decide_or_panic(state: &State, command: &Command, now: Timestamp) -> Result<Decision, Refusal> {
    assert!(!format!("{command:?}").contains("x-panic"), "on purpose");
    decide(state, command, now)
}

#[tokio::test]
async fn after_a_panic_a_log_that_is_shorter_is_a_fork() {
    let ledger = Ledger::with(decide_or_panic, Duration::from_secs(5)).await;
    ledger.recorded(redeem("ann", "x-1", "mug")).await;
    ledger.store.lose_tail(P0, 2);
    drop(ledger.asks(redeem("ann", "x-panic", "mug")).await);
    let why = stopped(&ledger).await.to_string();
    assert!(why.contains("log-forked") && why.contains("2 events"), "{why}");
}

#[tokio::test]
async fn after_a_panic_a_log_of_the_same_length_with_other_events_is_a_fork() {
    let ledger = Ledger::with(decide_or_panic, Duration::from_secs(5)).await;
    ledger.recorded(redeem("ann", "x-1", "mug")).await;
    replace_tail(&ledger).await;
    drop(ledger.asks(redeem("ann", "x-panic", "mug")).await);
    let why = stopped(&ledger).await;
    assert!(matches!(why, StopReason::Forked { checksum: Some(_), .. }), "{why:?}");
    assert!(why.to_string().contains("is another than the one that was answered"), "{why}");
}

#[tokio::test]
async fn a_writer_that_took_over_another_history_is_no_mere_successor() {
    let ledger = Ledger::start().await;
    ledger.recorded(redeem("ann", "x-1", "mug")).await;
    replace_tail(&ledger).await;
    let store = EventStore::Memory(ledger.store.clone());
    store.take_over(P0, WriterId(Uuid::from_u128(2))).await.expect("taken over");
    let answer = ledger.asks(redeem("ann", "x-2", "mug")).await;
    assert!(!matches!(answer, Ok(Answer::Recorded { .. })), "{answer:?}");
    let why = stopped(&ledger).await;
    assert!(matches!(why, StopReason::Forked { .. }), "{why:?}");
}

#[tokio::test]
async fn a_log_with_fewer_events_than_its_head_says_gives_no_state() {
    let ledger = Ledger::start().await;
    let store = EventStore::Memory(ledger.store.clone());
    let last = store.head(P0).await.expect("read").position;
    let why = load(&store, P0, None, last.next()).await.expect_err("one is missing").to_string();
    assert!(why.contains(&format!("its last event at {last}")), "{why}");
}

/// The last two events are lost, and two others are there.
async fn replace_tail(ledger: &Ledger) {
    let store = EventStore::Memory(ledger.store.clone());
    ledger.store.lose_tail(P0, 2);
    let head = store.head(P0).await.expect("read");
    let event = || NewEvent {
        event_type: "clock-doubted",
        version: 1,
        recorded_at: i64::MAX / 2,
        account_id: None,
        public: "{}".into(),
        private: r#"{"salt":"00"}"#.into(),
    };
    store.append(Append::after(P0, &head, vec![event(), event()])).await.expect("appended");
}

async fn stopped(ledger: &Ledger) -> StopReason {
    let mut status = ledger.writer.status();
    let stopped = status.wait_for(|status| matches!(status, WriterStatus::Stopped(_))).await;
    let WriterStatus::Stopped(why) = stopped.expect("it stops").clone() else {
        panic!("it has stopped")
    };
    why
}
