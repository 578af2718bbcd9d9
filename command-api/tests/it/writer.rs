//! What the writer promises, attacked on a log that can be told to fail.

use std::time::Duration;

use command_api::{Answer, NotDecided, Unanswered, WriterStatus};
use domain::{Command, Refusal, State, decide};
use event_schema::decode;
use event_store::{AppendLimit, EventStore, Fault};
use log_record::WriterId;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::ledger::*;

#[tokio::test]
async fn a_repeat_in_flight_waits_with_the_first_and_is_a_repeat() {
    let ledger = Ledger::start().await;
    ledger.store.hold_appends();
    let first = ledger.begins(redeem("ann", "x-1", "mug"));
    let second = ledger.begins(redeem("ann", "x-1", "mug"));
    ledger.store.release_appends();
    let (first, second) = (first.await.expect("ran"), second.await.expect("ran"));
    let recorded = |answer: &_| matches!(answer, &Ok(Answer::Recorded { .. }));
    let repeated = |answer: &_| matches!(answer, &Ok(Answer::Repeat { .. }));
    assert!(
        recorded(&first) && repeated(&second) || repeated(&first) && recorded(&second),
        "{first:?} {second:?}"
    );
    assert_eq!(ledger.exchanges().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_rests_on_an_append_that_failed() {
    let ledger = Ledger::start().await;
    for round in 0..30 {
        let fault = [Fault::NotLanded, Fault::Landed, Fault::LandsLate][round % 3];
        let mut asked = JoinSet::new();
        for shopper in 0..100 {
            let writer = ledger.writer.clone();
            let id = format!("x-{round}-{shopper}");
            asked.spawn(async move {
                let account = format!("shopper-{shopper}");
                let request = redeem(&account, &id, "mug");
                (format!("{account} {id}"), writer.submit(request).await)
            });
            if shopper == 50 {
                ledger.store.fail_next_append(fault);
            }
        }
        while let Some(Ok((id, answer))) = asked.join_next().await {
            let Ok(Answer::Recorded { place, event, .. }) = answer else {
                panic!("{id}: {answer:?}")
            };
            let row = ledger.config.store.read_one(place).await.expect("what is answered is there");
            assert_eq!(decode(&row).expect("decoded").1, *event, "{id}");
        }
    }
    let exchanges = ledger.exchanges().await;
    assert_eq!(exchanges.len(), 3_000);
    assert!(exchanges.values().all(|count| *count == 1));
    ledger.agrees_with_its_log().await;
}

#[tokio::test]
async fn what_is_unresolved_at_the_deadline_is_unknown_and_the_same_id_tells() {
    let ledger = Ledger::with(decide, Duration::from_millis(100)).await;
    ledger.store.hold_appends();
    let unanswered = ledger.asks(redeem("ann", "x-1", "mug")).await;
    assert_eq!(unanswered.err(), Some(Unanswered::OutcomeUnknown));
    ledger.store.release_appends();
    let answer = ledger.asks(redeem("ann", "x-1", "mug")).await;
    assert!(matches!(answer, Ok(Answer::Repeat { .. })), "{answer:?}");
}

#[tokio::test]
async fn a_repeat_whose_event_cannot_be_read_in_time_is_answered_all_the_same() {
    let ledger = Ledger::with(decide, Duration::from_millis(100)).await;
    ledger.recorded(redeem("ann", "x-1", "mug")).await;
    ledger.store.hold_reads();
    let asked = ledger.asks(redeem("ann", "x-1", "mug"));
    let answer = tokio::time::timeout(Duration::from_secs(5), asked).await.expect("in time");
    assert_eq!(answer.err(), Some(Unanswered::OriginalUnread));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_the_queue_and_past_the_deadline_nothing_is_decided() {
    let ledger = Ledger::with(decide, Duration::from_secs(3)).await;
    ledger.store.hold_appends();
    let mut asked = JoinSet::new();
    for number in 0..12_000 {
        let writer = ledger.writer.clone();
        let request = redeem("ann", &format!("x-{number}"), "mug");
        asked.spawn(async move { (number, writer.submit(request).await) });
    }
    let (mut full, mut late, mut unknown) = (vec![], vec![], vec![]);
    while let Some(Ok((number, answer))) = asked.join_next().await {
        match answer {
            Err(Unanswered::NotDecided(NotDecided::QueueFull)) => full.push(number),
            Err(Unanswered::NotDecided(NotDecided::DeadlinePassed)) => late.push(number),
            Err(Unanswered::OutcomeUnknown) => unknown.push(number),
            other => panic!("{number}: {other:?}"),
        }
    }
    assert!(!full.is_empty() && !late.is_empty() && !unknown.is_empty());
    ledger.store.release_appends();
    // Once the writer has come round to a new command, all that it will ever decide is decided.
    while ledger.asks(redeem("ann", "x-last", "mug")).await.is_err() {
        tokio::task::yield_now().await;
    }
    let exchanges = ledger.exchanges().await;
    for number in full.iter().chain(&late) {
        assert_eq!(exchanges.get(&format!("ann x-{number}")), None, "{number} was not decided");
    }
    ledger.agrees_with_its_log().await;
}

#[tokio::test]
async fn a_panic_while_deciding_is_the_commands_own_trouble() {
    fn decide_or_panic(
        state: &State,
        command: &Command,
        now: domain::Timestamp,
    ) -> Result<domain::Decision, Refusal> {
        assert!(!format!("{command:?}").contains("x-panic"), "on purpose");
        decide(state, command, now)
    }
    let ledger = Ledger::with(decide_or_panic, Duration::from_secs(5)).await;
    let before = ledger.begins(redeem("ann", "x-1", "mug"));
    let panicking = ledger.begins(redeem("ann", "x-panic", "mug"));
    let after = ledger.begins(redeem("ann", "x-2", "mug"));
    assert!(matches!(before.await, Ok(Ok(Answer::Recorded { .. }))));
    assert_eq!(panicking.await.expect("ran").err(), Some(Unanswered::Panicked));
    assert!(matches!(after.await, Ok(Ok(Answer::Recorded { .. }))));
    let again = ledger.asks(redeem("ann", "x-panic", "mug")).await;
    assert_eq!(again.err(), Some(Unanswered::Panicked));
    assert_eq!(ledger.exchanges().await.len(), 2);
    ledger.agrees_with_its_log().await;
}

/// A store that takes only so much at once gets several appends, and each command is answered as
/// ever.
#[tokio::test]
async fn more_than_an_append_may_have_becomes_several() {
    let ledger = Ledger::start().await;
    ledger.store.limit_appends(AppendLimit::of(20_000));
    ledger.store.hold_appends();
    let first = ledger.begins(redeem("ann", "x-first", "mug"));
    let asked: Vec<_> = (0..100)
        .flat_map(|shopper| {
            let shopper = numbered(shopper);
            [redeem(&shopper, "x-1", "mug"), redeem(&shopper, "x-1", "none")]
        })
        .map(|request| ledger.begins(request))
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    ledger.store.release_appends();
    assert!(matches!(first.await, Ok(Ok(Answer::Recorded { .. }))));
    for (number, answer) in asked.into_iter().enumerate() {
        let answer = answer.await.expect("ran").expect("answered");
        let is_recorded = matches!(answer, Answer::Recorded { .. });
        assert_eq!(is_recorded, number % 2 == 0, "{answer:?}");
    }
    assert_eq!(ledger.exchanges().await.len(), 101);
    ledger.agrees_with_its_log().await;
}

#[tokio::test]
async fn a_command_that_no_append_can_have_is_refused_and_nothing_of_it_lands() {
    let ledger = Ledger::start().await;
    ledger.store.limit_appends(AppendLimit::of(1_200));
    // A state that is built anew would have to read the log.
    ledger.store.hold_reads();
    let answer = ledger.asks(redeem("ann", "x-1", "mug")).await;
    assert!(matches!(answer, Ok(Answer::Refused(Refusal::TooMuchAtOnce))), "{answer:?}");
    ledger.store.release_reads();
    ledger.store.limit_appends(AppendLimit::NONE);
    ledger.recorded(redeem("bob", "x-1", "mug")).await;
    assert_eq!(ledger.exchanges().await.len(), 1);
    ledger.agrees_with_its_log().await;
}

#[tokio::test]
async fn a_deposed_writer_answers_nothing_more() {
    let ledger = Ledger::start().await;
    let other = WriterId(Uuid::from_u128(2));
    let store = EventStore::Memory(ledger.store.clone());
    store.take_over(P0, other).await.expect("taken over");
    let answer = ledger.asks(redeem("ann", "x-1", "mug")).await;
    assert_eq!(answer.err(), Some(Unanswered::NotDecided(NotDecided::Deposed)));
    let mut status = ledger.writer.status();
    let stopped = status.wait_for(|status| matches!(status, WriterStatus::Stopped(_))).await;
    assert!(reason(&stopped.expect("it stops")).contains("another writer"));
    let answer = ledger.asks(redeem("ann", "x-2", "mug")).await;
    assert_eq!(answer.err(), Some(Unanswered::NotDecided(NotDecided::Stopped)));
    assert!(ledger.exchanges().await.is_empty());
}

#[tokio::test]
async fn a_deposed_writer_answers_no_refusal_and_no_repeat_either() {
    for asked in [redeem("nobody", "x-1", "mug"), redeem("ann", "x-1", "mug")] {
        let ledger = Ledger::start().await;
        ledger.recorded(redeem("ann", "x-1", "mug")).await;
        let store = EventStore::Memory(ledger.store.clone());
        store.take_over(P0, WriterId(Uuid::from_u128(2))).await.expect("taken over");
        let answer = ledger.asks(asked).await;
        assert_eq!(answer.err(), Some(Unanswered::NotDecided(NotDecided::Deposed)));
    }
}

#[tokio::test]
async fn a_deposed_writer_turns_nobody_away_for_long() {
    let ledger = Ledger::start().await;
    ledger.recorded(open("rare", Some(1))).await;
    ledger.recorded(redeem("ann", "x-1", "rare")).await;
    let store = EventStore::Memory(ledger.store.clone());
    store.take_over(P0, WriterId(Uuid::from_u128(2))).await.expect("taken over");
    // Another writer may have added stock; for a second, the gate may not know.
    let started = std::time::Instant::now();
    while let Ok(Answer::Refused(Refusal::SoldOut { .. })) =
        ledger.asks(redeem("bob", "x-1", "rare")).await
    {
        assert!(started.elapsed() < Duration::from_secs(5), "the gate believes for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let answer = ledger.asks(redeem("bob", "x-1", "rare")).await;
    assert!(matches!(answer, Err(Unanswered::NotDecided(_))), "{answer:?}");
}

#[tokio::test]
async fn a_log_that_went_backwards_stops_its_writer_as_forked() {
    for fault in [None, Some(Fault::NotLanded)] {
        let ledger = Ledger::start().await;
        ledger.recorded(redeem("ann", "x-1", "mug")).await;
        ledger.store.lose_tail(P0, 2);
        if let Some(fault) = fault {
            ledger.store.fail_next_append(fault);
        }
        let answer = ledger.asks(redeem("ann", "x-2", "mug")).await;
        assert!(answer.is_err(), "{answer:?}");
        let mut status = ledger.writer.status();
        let stopped = status.wait_for(|status| matches!(status, WriterStatus::Stopped(_))).await;
        let why = reason(&stopped.expect("it stops"));
        assert!(why.contains("log-forked") && why.contains("2 events"), "{why}");
    }
}

#[tokio::test]
async fn once_sold_out_only_repeats_and_added_stock_come_through() {
    let ledger = Ledger::start().await;
    ledger.recorded(open("rare", Some(1))).await;
    ledger.recorded(redeem("ann", "x-1", "rare")).await;
    let turned_away = ledger.asks(redeem("bob", "x-1", "rare")).await;
    assert!(matches!(turned_away, Ok(Answer::Refused(Refusal::SoldOut { .. }))));
    let repeat = ledger.asks(redeem("ann", "x-1", "rare")).await;
    assert!(matches!(repeat, Ok(Answer::Repeat { .. })), "{repeat:?}");
    ledger.recorded(add_stock("rare", 1)).await;
    ledger.recorded(redeem("bob", "x-1", "rare")).await;
    let turned_away = ledger.asks(redeem("ann", "x-2", "rare")).await;
    assert!(matches!(turned_away, Ok(Answer::Refused(Refusal::SoldOut { .. }))));
}

#[tokio::test]
async fn a_restart_knows_all_that_was_answered() {
    let mut ledger = Ledger::start().await;
    ledger.recorded(redeem("ann", "x-1", "mug")).await;
    ledger.restart().await;
    assert!(matches!(ledger.asks(redeem("ann", "x-1", "mug")).await, Ok(Answer::Repeat { .. })));
    ledger.recorded(redeem("ann", "x-2", "mug")).await;
    ledger.agrees_with_its_log().await;
}

fn reason(status: &WriterStatus) -> String {
    let WriterStatus::Stopped(reason) = status else { panic!("{status:?}") };
    reason.to_string()
}
