//! Of what a process knows of its log: where it ends, and where each generation begins.

use event_store::{Access, Append, StoreUrl};
use log_record::{LogId, NewEvent, RecordedEvent, WriterId};
use uuid::Uuid;

use super::*;
use crate::serve::new_log;

const P0: Partition = Partition(0);

#[tokio::test]
async fn it_is_known_where_each_generation_of_a_log_begins() {
    let store = EventStore::open(&StoreUrl::Memory, Access::Write(new_log(1))).await;
    let store = store.expect("it opens");
    store.take_over(P0, WriterId(Uuid::from_u128(1))).await.expect("taken over");
    append(&store, 1, 5).await;
    let first = history(&store, store.heads().await.expect("read")).await;
    assert_eq!(first, of(1, 5, &[]));
    append(&store, 3, 1).await;
    append(&store, 4, 9).await;
    let last = history(&store, store.heads().await.expect("read")).await;
    assert_eq!(last, of(4, 15, &[(4, 7), (3, 6)]));
}

/// What a process without a restart must see after a fork: the ends are those of the new history.
#[tokio::test]
async fn a_process_that_runs_on_across_a_fork_expects_what_the_new_history_has() {
    let memory = event_store::MemoryStore::new(new_log(1));
    let store = EventStore::Memory(memory.clone());
    store.take_over(P0, WriterId(Uuid::from_u128(1))).await.expect("taken over");
    append(&store, 1, 9).await;
    let known = watch::Sender::new(history(&store, store.heads().await.expect("read")).await);
    let mut seen = known.subscribe();
    let ends = watch::Sender::new(LogEnds { looked_at: Instant::now(), ends: vec![at(9)] });
    let mut seen_ends = ends.subscribe();
    let following = tokio::spawn(follow(store.clone(), known, ends));
    memory.lose_tail(P0, 4);
    append(&store, 2, 1).await;
    seen.changed().await.expect("it is followed");
    assert_eq!(*seen.borrow(), of(2, 6, &[(2, 6)]));
    append(&store, 2, 1).await;
    tokio::time::sleep(2 * LOOK_INTERVAL).await;
    assert!(!seen.has_changed().expect("it is followed"), "later events aren't required");
    let follows_its_end = seen_ends.wait_for(|known| known.ends == [at(7)]);
    follows_its_end.await.expect("it is followed");
    following.abort();
}

fn at(position: u64) -> Place {
    Place { partition: P0, position: Position(position) }
}

fn of(generation: u32, end: u64, begins: &[(u32, u64)]) -> LogHistory {
    let begins = begins.iter().map(|(later, begin)| (Generation(*later), at(*begin)));
    LogHistory { generation: Generation(generation), ends: vec![at(end)], begins: begins.collect() }
}

/// Events of a generation; the first begins it, if the log was in an earlier one.
async fn append(store: &EventStore, generation: u32, events: u64) {
    let head = store.head(P0).await.expect("read");
    let generation = Generation(generation);
    let log_id: LogId = store.log_id();
    let rows = (1..=events).map(|number| {
        let is_fork = number == 1 && generation > head.generation;
        let event = NewEvent {
            event_type: if is_fork { RecordedEvent::FORK } else { "clock-doubted" },
            version: 1,
            recorded_at: 1,
            account_id: None,
            public: "{}".into(),
            private: r#"{"salt":"00"}"#.into(),
        };
        RecordedEvent::seal(log_id, generation, at(head.position.0 + number), event)
    });
    let append = Append::after(P0, &head, rows.collect());
    store.append_recorded(append).await.expect("appended");
}
