//! Messages to another partition: they are found by their numbers, as soon as their append landed.

use event_store::{Append, AppendError, EventStore, Fault, StoreError};
use log_record::{Generation, NewEvent, Partition, Place, Position, RecordedEvent};

use super::writer::{event, writer, writer_id};
use super::{P0, P1, another, positions};
use crate::stores::{self, Fixture};

/// A message to a partition.
pub(super) fn message(to: Partition, number: u64) -> NewEvent {
    NewEvent {
        event_type: RecordedEvent::MESSAGE,
        account_id: None,
        public: format!(r#"{{"to":{to},"number":{number},"message":{{"says":"hello"}}}}"#).into(),
        ..event("message")
    }
}

/// The positions of the messages from partition 0 to 1, from a number on.
async fn sent(store: &EventStore, first: u64, limit: usize) -> Vec<u64> {
    positions(&store.read_messages(P0, P1, first, limit).await.expect("read"))
}

pub(super) async fn messages_are_read_in_their_order(Fixture { store, .. }: Fixture) {
    let Some(other) = another(&store) else { return };
    let (first, second) = (writer(&store, P0, 1).await, writer(&store, other, 1).await);
    assert!(sent(&store, 1, 10).await.is_empty());
    first.append(&store, ["a"]).await.expect("appended");
    let events = vec![event("b"), message(other, 1), message(other, 2), event("c")];
    first.at(1).append_events(&store, events).await.expect("appended");
    let events = vec![message(other, 3)];
    first.at(5).append_events(&store, events).await.expect("appended");
    second.append_events(&store, vec![message(P0, 1)]).await.expect("appended");

    assert_eq!(sent(&store, 1, 10).await, [3, 4, 6]);
    assert_eq!(sent(&store, 0, 10).await, [3, 4, 6], "numbers begin at 1");
    assert_eq!(sent(&store, 2, 1).await, [4]);
    assert!(sent(&store, 4, 10).await.is_empty() && sent(&store, u64::MAX, 10).await.is_empty());
    let read = store.read_messages(P0, other, 1, usize::MAX).await.expect("read");
    let all = store.read(P0, Position::START, usize::MAX).await.expect("read");
    assert_eq!(read, [all[2].clone(), all[3].clone(), all[5].clone()]);
    let back = store.read_messages(other, P0, 1, 10).await.expect("read");
    assert_eq!(back, store.read(other, Position::START, 1).await.expect("read"));
    assert!(store.read_messages(P0, P0, 1, 10).await.expect("read").is_empty());
}

pub(super) async fn a_repeated_message_is_refused_with_all_of_its_append(
    Fixture { store, .. }: Fixture,
) {
    let Some(other) = another(&store) else { return };
    let deposed = writer(&store, P0, 1).await;
    let mine = writer(&store, P0, 2).await;
    mine.append_events(&store, vec![message(other, 1)]).await.expect("appended");
    let repeats = || vec![event("a"), message(other, 1), message(other, 2)];
    let refused = mine.at(1).append_events(&store, repeats()).await.expect_err("sent before");
    let AppendError::InDoubt(error @ StoreError::RepeatedMessage { partition: P0 }) = refused
    else {
        panic!("{refused}")
    };
    assert!(error.to_string().contains("partition 0"), "{error}");
    for stale in [deposed.at(1), mine.at(0)] {
        let refused =
            stale.append_events(&store, repeats()).await.expect_err("the head is another");
        assert!(matches!(refused, AppendError::Conflict(_)), "{refused}");
        let refused = stale.append_events(&store, vec![message(other, 2)]).await;
        assert!(matches!(refused, Err(AppendError::Conflict(_))));
    }
    let unfit = ["{}", r#"{"to":1}"#, r#"{"to":1,"number":-1}"#, "no JSON"].map(|public| {
        let broken = NewEvent { public: public.into(), ..message(other, 2) };
        vec![broken]
    });
    let gap = vec![message(other, 2), message(other, 4)];
    for events in unfit.into_iter().chain([gap]) {
        let refused = mine.at(1).append_events(&store, events).await.expect_err("damaged");
        let AppendError::InDoubt(error) = refused else { panic!("{refused}") };
        assert!(matches!(error, StoreError::CorruptEvent { .. }), "{error}");
    }
    assert_eq!(store.head(P0).await.expect("head").position, Position(1));
    assert_eq!(sent(&store, 1, 10).await, [1]);
    mine.at(1).append_events(&store, vec![message(other, 2)]).await.expect("it follows");
    assert_eq!(sent(&store, 1, 10).await, [1, 2]);
}

/// As an import does it, and a copy; a declared fork may be among them.
pub(super) async fn messages_that_were_recorded_before_get_their_rows_again(
    Fixture { store, .. }: Fixture,
) {
    let Some(other) = another(&store) else { return };
    let fork = NewEvent { event_type: RecordedEvent::FORK, ..event("fork") };
    let events = [(1, message(other, 1)), (2, fork), (2, message(other, 2)), (2, event("a"))];
    let rows: Vec<_> = (1..)
        .zip(events)
        .map(|(position, (generation, event))| {
            let place = Place { partition: P0, position: Position(position) };
            RecordedEvent::seal(store.log_id(), Generation(generation), place, event)
        })
        .collect();
    let head = store.take_over(P0, writer_id(1)).await.expect("taken over");
    let append = Append::after(P0, &head, rows.clone());
    store.append_recorded(append).await.expect("appended");
    let read = store.read_messages(P0, other, 1, 10).await.expect("read");
    assert_eq!(read, [rows[0].clone(), rows[2].clone()]);
}

#[tokio::test]
async fn a_message_is_there_if_its_append_landed_and_goes_with_a_tail_that_is_lost() {
    for (fault, lands) in [(Fault::NotLanded, 1), (Fault::Landed, 2), (Fault::LandsLate, 2)] {
        let Fixture { store, .. } = stores::memory().await;
        let mine = writer(&store, P0, 1).await;
        let EventStore::Memory(memory) = &store else { unreachable!("it was made so") };
        mine.append_events(&store, vec![message(P1, 1)]).await.expect("appended");
        memory.fail_next_append(fault);
        let lost = mine.at(1).append_events(&store, vec![message(P1, 2)]).await;
        assert!(matches!(lost, Err(AppendError::InDoubt(_))), "{fault:?}");
        store.resolve_doubt(P0, writer_id(1)).await.expect("asked");
        assert_eq!(sent(&store, 1, 10).await.len(), lands, "{fault:?}");
        memory.lose_tail(P0, lands - 1);
        assert_eq!(sent(&store, 1, 10).await, [1], "{fault:?}");
    }
}
