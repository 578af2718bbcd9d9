//! A log without a ledger: events of nothing in particular to put into it, and all that is in it.

use event_store::{Access, Append, EventStore, NewLog, READ_EVENTS_MAX, StoreError, StoreUrl};
use log_record::{BatchId, LogId, NewEvent, Partition, Position, RecordedEvent, WriterId};
use uuid::Uuid;

const P0: Partition = Partition(0);

/// Makes a log that isn't there yet.
pub(crate) const NEW_LOG: NewLog = NewLog { log_id: LogId(Uuid::from_u128(42)), partitions: 1 };

/// Appends portions of so many events, each by a writer of its own. On PostgreSQL a writer makes
/// the range that its events go to.
pub(crate) async fn append(url: &StoreUrl, portions: impl IntoIterator<Item = u64>) {
    let store = EventStore::open(url, Access::Write(NEW_LOG)).await.expect("it opens");
    for portion in portions {
        let head = store.take_over(P0, WriterId(Uuid::now_v7())).await.expect("taken over");
        let event = |number| NewEvent {
            event_type: "credit-earned",
            version: 1,
            recorded_at: 1_795_248_000_000_000,
            account_id: Some(format!("ann-{number}").into()),
            public: format!(r#"{{"points":{number}}}"#).into(),
            private: format!(r#"{{"salt":"{number:02}"}}"#).into(),
        };
        let append = Append {
            partition: P0,
            epoch: head.epoch,
            generation: head.generation,
            expected: head.position,
            batch: BatchId(Uuid::now_v7()),
            events: (0..portion).map(event).collect(),
        };
        store.append(append).await.expect("appended");
    }
}

/// Every event of the log, partition by partition. Reading checks that positions are dense and
/// every row is intact.
pub(crate) async fn read_all(store: &EventStore) -> Result<Vec<RecordedEvent>, StoreError> {
    let mut all: Vec<RecordedEvent> = vec![];
    for partition in (0..store.partitions()).map(Partition) {
        let mut after = Position::START;
        loop {
            let more = store.read(partition, after, READ_EVENTS_MAX).await?;
            let Some(last) = more.last() else { break };
            after = last.position();
            all.extend(more);
        }
    }
    Ok(all)
}
