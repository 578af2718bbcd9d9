//! Appends of two partitions in one commit: how one ends is nothing to the other.

use event_store::{Append, AppendError, EventStore, StoreError};
use log_record::{NewEvent, Partition, Position};

use super::messages::message;
use super::writer::{event, writer, writer_id};
use super::{P0, another, read_all};
use crate::stores::Fixture;

async fn append(store: &EventStore, partition: Partition, events: Vec<NewEvent>) -> Append {
    let head = store.take_over(partition, writer_id(1)).await.expect("taken over");
    Append::after(partition, &head, events)
}

async fn events_of(store: &EventStore, partitions: [Partition; 2]) -> [usize; 2] {
    let mut counts = [0; 2];
    for (partition, count) in partitions.into_iter().zip(&mut counts) {
        *count = read_all(store, partition).await.len();
        let head = store.head(partition).await.expect("head");
        assert_eq!(head.position, Position(*count as u64), "{partition}");
    }
    counts
}

pub(super) async fn appends_of_two_partitions_land_in_one_commit(Fixture { store, .. }: Fixture) {
    let Some(other) = another(&store) else { return };
    let first = append(&store, P0, vec![event("a"), message(other, 1)]).await;
    let second = append(&store, other, vec![event("b"), message(P0, 1), event("c")]).await;
    let landed = store.append_together(vec![first, second]).await;
    let [first, second] = <[_; 2]>::try_from(landed).expect("two").map(|it| it.expect("it landed"));
    assert_eq!((first.position, second.position), (Position(2), Position(3)));
    assert_eq!(first.committed_in, second.committed_in);
    for (partition, landed) in [(P0, first), (other, second)] {
        let last = read_all(&store, partition).await.pop().expect("events");
        assert_eq!(Some(last.checksum), landed.checksum, "{partition}");
    }
    assert_eq!(events_of(&store, [P0, other]).await, [2, 3]);
    for (from, to, position) in [(P0, other, 2), (other, P0, 2)] {
        let sent = store.read_messages(from, to, 1, 10).await.expect("read");
        assert_eq!(sent.len(), 1, "{from}");
        assert_eq!(sent[0].position(), Position(position), "{from}");
    }
}

pub(super) async fn an_append_that_cannot_land_keeps_the_other_of_its_commit_from_nothing(
    Fixture { store, .. }: Fixture,
) {
    let Some(other) = another(&store) else { return };
    let sends = writer(&store, P0, 1).await;
    sends.append_events(&store, vec![message(other, 1)]).await.expect("appended");
    let stale = Append { expected: Position(0), ..append(&store, P0, vec![event("a")]).await };
    let repeats = append(&store, P0, vec![event("a"), message(other, 1)]).await;
    let unfit = NewEvent { public: "no JSON".into(), ..message(other, 2) };
    let unfit = append(&store, P0, vec![unfit]).await;
    // Each take-over raised the epoch: the last is P0's.
    let epoch = unfit.epoch;
    let bad = [stale, repeats, unfit].map(|append| Append { epoch, ..append });
    for (number, bad) in (1..).zip(bad) {
        for is_last in [false, true] {
            let good = append(&store, other, vec![event("b")]).await;
            let before = events_of(&store, [P0, other]).await;
            // The partitions' order isn't the order of what can land.
            let appends = if is_last { vec![good, bad.clone()] } else { vec![bad.clone(), good] };
            let mut ended = store.append_together(appends).await;
            if is_last {
                ended.reverse();
            }
            let [refused, landed] = <[_; 2]>::try_from(ended).expect("two");
            landed.expect("the other landed");
            match (number, refused.expect_err("it can't land")) {
                (1, AppendError::Conflict(head)) => assert_eq!(head.position, Position(1)),
                (2, AppendError::InDoubt(StoreError::RepeatedMessage { partition: P0 }))
                | (3, AppendError::InDoubt(StoreError::CorruptEvent { .. })) => {}
                (_, refused) => panic!("{number}: {refused:?}"),
            }
            let after = events_of(&store, [P0, other]).await;
            assert_eq!(after, [before[0], before[1] + 1], "{number}");
        }
    }
}

/// PostgreSQL takes no text with a zero character; other stores do.
pub(super) async fn a_text_that_the_store_does_not_take_keeps_the_other_of_its_commit_from_nothing(
    Fixture { store, .. }: Fixture,
) {
    let Some(other) = another(&store) else { return };
    let first = NewEvent { public: "\0".into(), ..event("a") };
    let first = append(&store, P0, vec![first]).await;
    let second = append(&store, other, vec![event("b")]).await;
    let mut ended = store.append_together(vec![first, second]).await;
    ended.pop().expect("two").expect("the other landed");
    assert_eq!(store.head(other).await.expect("head").position, Position(1));
    match ended.pop().expect("two") {
        Ok(_) | Err(AppendError::InDoubt(_)) => {}
        Err(refused) => panic!("{refused:?}"),
    }
}
