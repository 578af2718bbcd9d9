//! What the writer does while the log takes no append because somebody holds its lock: nothing can
//! have landed, so it keeps its decisions and its state, and appends the same events again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use command_api::{Answer, NotDecided, Unanswered, Writer, WriterConfig, WriterStatus};
use domain::{Command, Decision, Refusal, State, Timestamp, decide};
use event_store::{Access, EventStore, Fault, MemoryStore, NewLog, StoreUrl};
use log_record::{LogId, Position, WriterId};
use uuid::Uuid;

use crate::ledger::*;

#[tokio::test]
async fn an_append_that_does_not_begin_is_made_again_by_the_same_decisions() {
    static DECIDED: AtomicUsize = AtomicUsize::new(0);
    fn count_and_decide(
        state: &State,
        command: &Command,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        DECIDED.fetch_add(1, Ordering::Relaxed);
        decide(state, command, now)
    }
    let ledger = Ledger::with(count_and_decide, Duration::from_secs(5)).await;
    let (before, decided) = (head(&ledger).await, DECIDED.load(Ordering::Relaxed));
    for _ in 0..3 {
        ledger.store.fail_next_append(Fault::NotBegun);
    }
    ledger.recorded(redeem("ann", "x-1", "mug")).await;
    assert_eq!(DECIDED.load(Ordering::Relaxed), decided + 1, "it was decided once");
    let after = head(&ledger).await;
    assert_eq!(after.epoch, before.epoch, "no doubt was resolved");
    assert_eq!(after.position, before.position.plus(2));
    assert_eq!(*ledger.writer.status().borrow(), WriterStatus::Serving);
    ledger.agrees_with_its_log().await;
}

#[tokio::test]
async fn while_the_log_is_locked_what_is_decided_is_unknown_and_the_rest_is_not_decided() {
    let ledger = Ledger::with(decide, Duration::from_millis(200)).await;
    let mut status = ledger.writer.status();
    ledger.store.lock();
    let first = ledger.begins(redeem("ann", "x-1", "mug"));
    let waits = status.wait_for(|status| *status == WriterStatus::Recovering).await;
    drop(waits.expect("it runs"));
    let second = ledger.asks(redeem("ann", "x-2", "mug")).await;
    let late = Unanswered::NotDecided(NotDecided::DeadlinePassed);
    assert_eq!(second.err(), Some(late), "it was never decided");
    assert_eq!(first.await.expect("ran").err(), Some(Unanswered::OutcomeUnknown));
    ledger.store.unlock();
    let serves = status.wait_for(|status| *status == WriterStatus::Serving).await;
    drop(serves.expect("it runs"));
    let first = ledger.asks(redeem("ann", "x-1", "mug")).await;
    assert!(matches!(first, Ok(Answer::Repeat { .. })), "it landed after all: {first:?}");
    assert_eq!(ledger.exchanges().await.len(), 1);
    ledger.agrees_with_its_log().await;
}

#[tokio::test]
async fn a_start_waits_for_a_log_that_is_locked_for_a_moment() {
    let store = MemoryStore::new(NewLog { log_id: LogId(Uuid::from_u128(7)), partitions: 1 });
    let hands = Hands::at(1_000);
    let log = EventStore::Memory(store.clone());
    let config = WriterConfig {
        read_clock: hands.clone().into(),
        ..WriterConfig::new(log.clone(), Duration::from_secs(5))
    };
    store.fail_next_append(Fault::NotBegun);
    let (writer, _) = Writer::start(config.clone(), P0).await.expect("it opens the log");
    assert!(matches!(writer.submit(earn("ann")).await, Ok(Answer::Recorded { .. })));
    drop(writer);
    hands.jump(-100);
    store.fail_next_append(Fault::NotBegun);
    let (_writer, _) = Writer::start(config, P0).await.expect("it records the doubt");
    assert_eq!(log.head(P0).await.expect("head").position, Position(3));
}

/// What trying again doesn't mend is tried less and less often.
#[tokio::test]
async fn a_log_that_refuses_every_append_is_not_asked_all_the_time() {
    let ledger = Ledger::start().await;
    for _ in 0..5 {
        ledger.store.fail_next_append(Fault::Refused);
    }
    let begun = Instant::now();
    ledger.recorded(redeem("ann", "x-1", "mug")).await;
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(250), "five appends within {took:?}");
    ledger.agrees_with_its_log().await;
}

#[tokio::test]
async fn an_append_that_did_not_begin_leaves_no_doubt_though_the_writer_is_deposed() {
    let ledger = Ledger::start().await;
    let log = &ledger.config.store;
    log.take_over(P0, WriterId(Uuid::from_u128(2))).await.expect("taken over");
    ledger.store.fail_next_append(Fault::Refused);
    let answer = ledger.asks(redeem("ann", "x-1", "mug")).await;
    assert_eq!(answer.err(), Some(Unanswered::NotDecided(NotDecided::Deposed)));
    assert!(ledger.exchanges().await.is_empty());
}

/// For longer than one try of an append waits.
#[tokio::test]
async fn a_sqlite_log_that_is_locked_for_a_while_holds_commands_up_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.sqlite");
    let new_log = NewLog { log_id: LogId(Uuid::from_u128(7)), partitions: 1 };
    let url = StoreUrl::Sqlite(file.clone());
    let store = EventStore::open(&url, Access::Write(new_log)).await.expect("it opens");
    let config = WriterConfig::new(store.clone(), Duration::from_secs(20));
    let (writer, _) = Writer::start(config, P0).await.expect("it starts");
    let mut status = writer.status();
    let other = rusqlite::Connection::open(&file).expect("it opens");
    other.execute_batch("begin immediate").expect("locked");
    let (begun, before) = (Instant::now(), store.head(P0).await.expect("head"));
    let earning = tokio::spawn({
        let writer = writer.clone();
        async move { writer.submit(earn("ann")).await }
    });
    let waits = status.wait_for(|status| *status == WriterStatus::Recovering).await;
    drop(waits.expect("it runs"));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    other.execute_batch("rollback").expect("let go");
    let answer = earning.await.expect("ran");
    assert!(matches!(answer, Ok(Answer::Recorded { .. })), "{answer:?}");
    let after = store.head(P0).await.expect("head");
    assert_eq!((after.epoch, after.position), (before.epoch, before.position.next()));
}

/// The answer of a landed append is lost while the next commands are decided after it. They would
/// be decided again if the state were built anew.
#[tokio::test]
async fn what_was_decided_after_a_batch_that_landed_stands() {
    static DECIDED: AtomicUsize = AtomicUsize::new(0);
    fn count_and_decide(
        state: &State,
        command: &Command,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        DECIDED.fetch_add(1, Ordering::Relaxed);
        decide(state, command, now)
    }
    let ledger = Ledger::with(count_and_decide, Duration::from_secs(5)).await;
    let (before, decided) = (head(&ledger).await, DECIDED.load(Ordering::Relaxed));
    ledger.store.hold_appends();
    ledger.store.fail_next_append(Fault::Landed);
    let first = ledger.begins(redeem("ann", "x-1", "mug"));
    let is_decided = async |number| {
        while DECIDED.load(Ordering::Relaxed) < decided + number {
            tokio::task::yield_now().await;
        }
    };
    is_decided(1).await;
    let second = ledger.begins(redeem("bob", "x-1", "mug"));
    is_decided(2).await;
    ledger.store.release_appends();
    for answer in [first, second] {
        let answer = answer.await.expect("ran");
        assert!(matches!(answer, Ok(Answer::Recorded { .. })), "{answer:?}");
    }
    assert_eq!(DECIDED.load(Ordering::Relaxed), decided + 2, "nothing was decided anew");
    let after = head(&ledger).await;
    assert_eq!((after.epoch.0, after.position), (before.epoch.0 + 1, before.position.plus(4)));
    ledger.agrees_with_its_log().await;
}

async fn head(ledger: &Ledger) -> log_record::Head {
    ledger.config.store.head(P0).await.expect("head")
}
