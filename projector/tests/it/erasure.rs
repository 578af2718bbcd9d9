//! What is private in the rows of an account goes with the event that says so, and stays away.

use domain::{AccountErased, Clock, Event};
use log_record::Position;
use projector::rewrite_erased;
use testing::ledger::{Ledger, On, id, redemption};
use testing::life::{EVENTS, day, history};

testing::on_every_database! {
    an_erasure_takes_what_is_private_however_the_events_came_in,
    rows_are_the_same_of_a_log_whose_texts_are_erased,
}

/// The last position of the history that is erased: what comes after it has another address.
const UNTIL: u64 = EVENTS as u64;

fn erased() -> Event {
    let erased = AccountErased {
        erasure_id: id("e-1"),
        until: Position(UNTIL),
        reason: id("asked for by letter"),
    };
    Event::AccountErased(id("ann"), erased)
}

/// The life of ann and others, an exchange of ann's after that, and the erasure of what was before
/// that exchange.
fn erased_life() -> Vec<(i64, Event)> {
    let mut events = history(Clock::Wall);
    let last = day(42).micros() / 1_000_000;
    let [deducted, mut created] = redemption("ann", "x-9", 13);
    if let Event::ExchangeCreated(_, fact) = &mut created {
        fact.deliver_to = Some(id("9 Ash Street"));
    }
    events.extend([deducted, created, erased()].map(|event| (last, event)));
    let erasure = events.len();
    assert_eq!(erasure, EVENTS + 3);
    events
}

async fn an_erasure_takes_what_is_private_however_the_events_came_in(on: On) {
    let events = erased_life();
    let whole = Ledger::new(1, on).await;
    whole.record_at(&events).await;
    let rows = whole.projected().await;
    let of_ann = |words: &str| {
        let mut rows = rows.iter().filter(|row| row.contains("'ann'"));
        rows.any(|row| row.contains(words))
    };
    assert!(!of_ann("Elm Street") && !of_ann("2 Oak Street"), "{rows:#?}");
    assert!(of_ann("9 Ash Street"), "what came after is kept: {rows:#?}");
    assert!(rows.iter().any(|row| row.contains("accounts/ann/erasures/e-1")), "{rows:#?}");
    let pieces = Ledger::new(1, on).await;
    for event in &events {
        pieces.record_at(std::slice::from_ref(event)).await;
        pieces.project().await;
    }
    assert_eq!(pieces.projected().await, rows);
    rewrite_erased(&whole.url()).await.expect("written anew");
    assert_eq!(whole.projected().await, rows, "nothing else is changed");
}

async fn rows_are_the_same_of_a_log_whose_texts_are_erased(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record_at(&erased_life()).await;
    let rows = ledger.projected().await;
    assert_eq!(ledger.rebuilt_of_erased_texts().await, rows);
}
