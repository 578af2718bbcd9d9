//! What a writer refuses that has too much to do, or whose log takes nothing: at once, in an order,
//! and never what it has begun.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use command_api::{Answer, NotDecided, Request, Unanswered, WriterStatus};
use domain::decide;
use event_store::Fault;
use tokio::task::JoinSet;
use wire::{Shed, Stage};

use crate::ledger::*;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_longer_commands_wait_the_more_is_refused_and_nothing_that_was_begun() {
    let ledger = Ledger::shedding(Duration::from_millis(250)).await;
    ledger.recorded(redeem("ann", "x-old", "mug")).await;
    ledger.store.hold_appends();
    // A batch is in the log's hands, the next is full, and more wait than a look is worth.
    let mut accepted = JoinSet::new();
    for number in 0..2_400 {
        let writer = ledger.writer.clone();
        let request = redeem("bob", &format!("x-{number}"), "mug");
        accepted.spawn(async move { writer.submit(request).await });
    }
    tokio::time::sleep(Duration::from_millis(20)).await;

    let (mut begun, mut rounds) = (Instant::now(), vec![]);
    let mut asked = 0;
    while rounds.last() != Some(&[true; 3]) {
        asked += 1;
        let id = format!("x-new-{asked}");
        // What is refused last is asked first: then what goes before it must be refused, too.
        let repeat = is_shed(&ledger, redeem("ann", "x-old", "mug")).await;
        let new = is_shed(&ledger, redeem("ann", &id, "mug")).await;
        let dry = Request { is_dry_run: true, ..redeem("ann", &id, "mug") };
        let dry = is_shed(&ledger, dry).await;
        assert!(!repeat || new, "a repeat was refused before a new redemption");
        assert!(!new || dry, "a redemption was refused before a dry run");
        rounds.push([dry, new, repeat]);
        assert!(begun.elapsed() < PATIENCE, "{rounds:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let overload = ledger.config.metrics.overload().clone();
    assert_eq!(overload.stage(), Stage::All);
    let shed = |what: usize| rounds.iter().filter(|round| round[what]).count() as u64;
    let counted: HashMap<&str, u64> =
        overload.counts().map(|(what, count)| (what.as_str(), count)).collect();
    for (what, kind) in [Shed::DryRun, Shed::Redemption, Shed::Command].into_iter().enumerate() {
        assert_eq!(counted[kind.as_str()], shed(what), "{kind:?}");
    }
    // What the programme's operators ask, and what came with many, is let in all the same.
    assert!(!is_shed(&ledger, open("cup", None)).await);
    assert!(!is_shed(&ledger, Request { is_one_of_many: true, ..earn("carl") }).await);

    ledger.store.release_appends();
    while let Some(answer) = accepted.join_next().await {
        let answer = answer.expect("ran");
        assert!(matches!(answer, Ok(Answer::Recorded { .. })), "{answer:?}");
    }
    begun = Instant::now();
    while is_shed(&ledger, redeem("ann", "x-after", "mug")).await {
        assert!(begun.elapsed() < PATIENCE, "it goes on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    ledger.recorded(redeem("ann", "x-last", "mug")).await;
    let exchanges = ledger.exchanges().await;
    for (number, [_, is_refused, _]) in rounds.iter().enumerate() {
        let id = format!("ann x-new-{}", number + 1);
        assert!(!is_refused || !exchanges.contains_key(&id), "{id} was refused, and is recorded");
    }
    assert_eq!(
        (0..2_400).filter(|id| exchanges.contains_key(&format!("bob x-{id}"))).count(),
        2_400
    );
    ledger.agrees_with_its_log().await;
}

/// Whether it is refused at once, for the wait. Where it isn't, nobody waits for it.
async fn is_shed(ledger: &Ledger, request: Request) -> bool {
    match tokio::time::timeout(Duration::ZERO, ledger.asks(request)).await {
        Ok(Err(Unanswered::NotDecided(NotDecided::Overloaded { seconds }))) => {
            assert!((1..=PATIENCE.as_secs()).contains(&u64::from(seconds)), "{seconds}");
            true
        }
        Ok(Ok(_)) | Err(_) => false,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn while_the_log_takes_nothing_commands_are_refused_at_once_and_the_next_append_lets_them_in()
{
    let ledger = Ledger::start().await;
    let overload = ledger.config.metrics.overload().clone();
    let mut status = ledger.writer.status();
    ledger.store.lock();
    let first = ledger.begins(redeem("ann", "x-1", "mug"));
    let waits = status.wait_for(|status| *status == WriterStatus::Recovering).await;
    drop(waits.expect("it runs"));
    let away = Unanswered::NotDecided(NotDecided::LogAway);
    let waiting: Vec<_> =
        (2..12).map(|number| ledger.begins(redeem("ann", &format!("x-{number}"), "mug"))).collect();
    let waiting_many = ledger.begins(Request { is_one_of_many: true, ..earn("carl") });
    for waiting in waiting.into_iter().chain([waiting_many]) {
        assert_eq!(waiting.await.expect("ran").err(), Some(away), "it was never begun");
    }
    assert_eq!((overload.logs_away(), overload.went_away()), (1, 1));
    for request in [redeem("bob", "x-1", "mug"), redeem("ann", "x-1", "mug"), open("cup", None)] {
        let begun = Instant::now();
        assert_eq!(ledger.asks(request).await.err(), Some(away));
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
    ledger.store.unlock();
    let first = first.await.expect("ran");
    assert!(matches!(first, Ok(Answer::Recorded { .. })), "what was decided lands: {first:?}");
    assert_eq!((overload.logs_away(), overload.went_away()), (0, 1));
    ledger.recorded(redeem("bob", "x-1", "mug")).await;
    assert_eq!(ledger.exchanges().await.len(), 2);
    ledger.agrees_with_its_log().await;
}

/// Nobody waits any more for what the writer could try the log with.
#[tokio::test]
async fn a_log_that_has_come_back_unnoticed_is_tried_by_the_next_command() {
    let ledger = Ledger::with(decide, Duration::from_millis(300)).await;
    let overload = ledger.config.metrics.overload().clone();
    for _ in 0..7 {
        ledger.store.fail_next_append(Fault::Refused);
    }
    let begun = Instant::now();
    let mut asked = 0;
    loop {
        asked += 1;
        match ledger.asks(redeem("ann", &format!("x-{asked}"), "mug")).await {
            Ok(Answer::Recorded { .. }) => break,
            Err(Unanswered::NotDecided(_) | Unanswered::OutcomeUnknown) => {}
            other => panic!("{other:?}"),
        }
        assert!(begun.elapsed() < PATIENCE, "it stays closed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(overload.went_away() >= 1 && overload.logs_away() == 0);
    ledger.agrees_with_its_log().await;
}

#[tokio::test]
async fn a_caller_may_wait_for_less_than_the_writer_gives_and_for_no_more() {
    let ledger = Ledger::with(decide, Duration::from_secs(2)).await;
    ledger.store.hold_appends();
    for (wait, least, most) in [(100, 100, 1_900), (60_000, 1_900, 15_000)] {
        let wait = Some(Duration::from_millis(wait));
        let begun = Instant::now();
        let request = redeem("ann", &format!("x-{least}"), "mug");
        let answer = ledger.asks(Request { wait, ..request }).await;
        assert_eq!(answer.err(), Some(Unanswered::OutcomeUnknown));
        let took = begun.elapsed().as_millis();
        assert!((least..most).contains(&took), "{wait:?} took {took} ms");
    }
    ledger.store.release_appends();
}
