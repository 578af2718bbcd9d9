//! Who sends many at once takes no turn of who asks for one thing, and has turns all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use command_api::{Answer, Request, Unanswered};
use domain::command::EarnCredit;
use domain::{Cause, CauseKind, Command, Points};
use tokio::task::JoinHandle;

use crate::ledger::*;

type Answering = JoinHandle<Result<Answer, Unanswered>>;

/// So many of a call with many are in a small batch at most.
const MANY_BESIDE: usize = 32;

#[tokio::test]
async fn redemptions_pass_a_call_of_thousands() {
    let ledger = Ledger::start().await;
    ledger.store.hold_appends();
    // Its append is under way until all others stand in their queues.
    let first = ledger.begins(redeem("ann", "x-0", "mug"));
    let many = begin_all(&ledger, (0..3_000).map(one_of_many)).await;
    let redemptions = (0..100).map(|number| redeem("bob", &format!("x-{number}"), "mug"));
    let redemptions = begin_all(&ledger, redemptions).await;
    ledger.store.release_appends();
    position(first).await;
    let redemptions = positions(redemptions).await;
    let many = positions(many).await;
    assert!(redemptions.is_sorted() && many.is_sorted(), "each class in its own order");
    let last = redemptions.last().expect("some");
    let before = many.iter().filter(|position| *position < last).count();
    assert!(before <= 2 * MANY_BESIDE, "{before} of 3000 were decided before the last redemption");
    ledger.agrees_with_its_log().await;
}

#[tokio::test]
async fn a_call_of_many_has_its_turns_while_others_ask() {
    let ledger = Ledger::start().await;
    ledger.store.hold_appends();
    let first = ledger.begins(redeem("ann", "x-0", "mug"));
    let redemptions = (0..7_000).map(|number| redeem("bob", &format!("x-{number}"), "mug"));
    let redemptions = begin_all(&ledger, redemptions).await;
    let many = begin_all(&ledger, (0..800).map(one_of_many)).await;
    ledger.store.release_appends();
    position(first).await;
    let redemptions = positions(redemptions).await;
    let last = *positions(many).await.last().expect("some");
    let after = redemptions.iter().filter(|position| **position > last).count();
    // Two batches were full of redemptions before the call came, and the last isn't full of it.
    let before = redemptions.len() - after;
    assert!(before <= 3 * 1_024 + 4 * 800, "{before} of 7000 came before the last of 800");
    ledger.agrees_with_its_log().await;
}

#[tokio::test]
async fn a_call_of_many_has_all_places_that_nobody_else_wants() {
    let ledger = Ledger::start().await;
    // Nobody came alone in the batch before.
    position(ledger.begins(one_of_many(1_000))).await;
    position(ledger.begins(one_of_many(1_001))).await;
    let before = appends(&ledger);
    positions(begin_all(&ledger, (0..1_000).map(one_of_many)).await).await;
    assert!(appends(&ledger) - before <= 3, "a thousand fit into one append");
}

fn one_of_many(number: usize) -> Request {
    let command = Command::EarnCredit(EarnCredit {
        unit: domain::UnitId::POINTS,
        account_id: id(&numbered(number % 100)),
        points: Points::new(1).expect("an amount"),
        cause: Cause { kind: CauseKind::Promotion, id: id(&format!("many-{number}")) },
        available_at: None,
        expires_at: None,
        occurred_at: None,
    });
    Request { is_one_of_many: true, ..request(command) }
}

/// Has all of them queued, in their order: a command is queued when its task runs first.
async fn begin_all(ledger: &Ledger, requests: impl Iterator<Item = Request>) -> Vec<Answering> {
    let begun = Arc::new(AtomicUsize::new(0));
    let begin = |request| {
        let (writer, begun) = (ledger.writer.clone(), Arc::clone(&begun));
        tokio::spawn(async move {
            begun.fetch_add(1, Ordering::Relaxed);
            writer.submit(request).await
        })
    };
    let asked: Vec<Answering> = requests.map(begin).collect();
    while begun.load(Ordering::Relaxed) < asked.len() {
        tokio::task::yield_now().await;
    }
    asked
}

async fn position(asked: Answering) -> u64 {
    match asked.await.expect("ran") {
        Ok(Answer::Recorded { place, .. }) => place.position.0,
        other => panic!("{other:?}"),
    }
}

async fn positions(asked: Vec<Answering>) -> Vec<u64> {
    let mut positions = vec![];
    for asked in asked {
        positions.push(position(asked).await);
    }
    positions
}

/// How many appends there were.
fn appends(ledger: &Ledger) -> u64 {
    let mut registry = prometheus_client::registry::Registry::default();
    ledger.config.metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("encoded");
    let count = "guerdon_writer_batch_events_count{partition=\"0\"} ";
    let line = text.lines().find_map(|line| line.strip_prefix(count)).expect("it is counted");
    line.parse().expect("a number")
}
