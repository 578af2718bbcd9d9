//! What every store promises, run over each of them.

use event_store::{
    Access, Append, AppendError, EventStore, Fault, NewLog, READ_EVENTS_MAX, StoreError, StoreUrl,
};
use log_record::{
    BatchId, Epoch, Head, LogId, NewEvent, Partition, Place, Position, RecordedEvent, WriterId,
};
use tempfile::TempDir;
use uuid::Uuid;

const P0: Partition = Partition(0);
const P1: Partition = Partition(1);
const NEW_LOG: NewLog = NewLog { log_id: LogId(Uuid::from_u128(42)), partitions: 2 };

/// A store with two partitions, and what it stands on.
struct Fixture {
    store: EventStore,
    url: StoreUrl,
    _folder: TempDir,
}

macro_rules! every_store {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test] async fn $name() { super::$name(super::memory().await).await })*
        }
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(super::sqlite().await).await })*
        }
    };
}

every_store! {
    positions_are_dense_from_1_in_each_partition,
    what_is_read_is_what_was_appended,
    an_append_on_a_moved_head_is_a_conflict_and_lands_nothing,
    an_append_in_an_old_epoch_is_a_conflict_and_lands_nothing,
    a_take_over_raises_the_epoch_and_keeps_the_position,
    a_doubt_is_resolved_by_a_write_that_shuts_the_old_epoch_out,
    a_deposed_writer_learns_that_it_is,
    reads_are_cut_to_their_limit,
    a_follower_gets_each_event_once_in_order,
    an_unknown_partition_is_named,
    api_keys_are_replaced_as_a_whole,
}

async fn positions_are_dense_from_1_in_each_partition(Fixture { store, .. }: Fixture) {
    let (first, second) = (writer(&store, P0, 1).await, writer(&store, P1, 2).await);
    assert_eq!(first.append(&store, ["a", "b"]).await.ok(), Some(Position(2)));
    assert_eq!(second.append(&store, ["c"]).await.ok(), Some(Position(1)));
    assert_eq!(first.at(2).append(&store, ["d"]).await.ok(), Some(Position(3)));
    assert_eq!(positions(&read_all(&store, P0).await), [1, 2, 3]);
    assert_eq!(positions(&read_all(&store, P1).await), [1]);
}

async fn what_is_read_is_what_was_appended(Fixture { store, .. }: Fixture) {
    let writer = writer(&store, P0, 1).await;
    let sent = event("a");
    writer.append(&store, ["a"]).await.expect("appended");
    let read = read_all(&store, P0).await.remove(0);
    let place = Place { partition: P0, position: Position(1) };
    assert_eq!(read, RecordedEvent::seal(NEW_LOG.log_id, read.generation, place, sent));
    assert_eq!(store.read_one(place).await.expect("it is there"), read);
}

async fn an_append_on_a_moved_head_is_a_conflict_and_lands_nothing(f: Fixture) {
    let writer = writer(&f.store, P0, 1).await;
    writer.append(&f.store, ["a"]).await.expect("appended");
    for expected in [0, 2] {
        let error = writer.at(expected).append(&f.store, ["b", "c"]).await;
        assert!(matches!(error, Err(AppendError::Conflict(head)) if head.position.0 == 1));
    }
    assert_eq!(read_all(&f.store, P0).await.len(), 1);
    assert_eq!(f.store.head(P0).await.expect("head").position, Position(1));
}

async fn an_append_in_an_old_epoch_is_a_conflict_and_lands_nothing(f: Fixture) {
    let deposed = writer(&f.store, P0, 1).await;
    let holder = writer(&f.store, P0, 2).await;
    let error = deposed.append(&f.store, ["a"]).await;
    assert!(matches!(error, Err(AppendError::Conflict(head)) if head.epoch == Epoch(2)));
    assert!(read_all(&f.store, P0).await.is_empty());
    holder.append(&f.store, ["b"]).await.expect("the holder appends");
}

async fn a_take_over_raises_the_epoch_and_keeps_the_position(Fixture { store, .. }: Fixture) {
    let first = writer(&store, P0, 1).await;
    first.append(&store, ["a"]).await.expect("appended");
    let head = store.take_over(P0, writer_id(2)).await.expect("taken over");
    assert_eq!((head.position, head.epoch), (Position(1), Epoch(2)));
    assert_eq!(head.writer, Some(writer_id(2)));
    assert_eq!(store.head(P1).await.expect("head").epoch, Epoch(0));
}

async fn a_doubt_is_resolved_by_a_write_that_shuts_the_old_epoch_out(f: Fixture) {
    let mut writer = writer(&f.store, P0, 1).await;
    writer.append(&f.store, ["a"]).await.expect("appended");
    let head = f.store.resolve_doubt(P0, writer_id(1)).await.expect("asked").expect("held");
    assert_eq!((head.position, head.epoch), (Position(1), Epoch(2)));
    assert_eq!(head.last_batch, Some(BatchId(Uuid::from_u128(0))));
    let late = writer.at(1).append(&f.store, ["b"]).await;
    assert!(matches!(late, Err(AppendError::Conflict(_))));
    writer.epoch = head.epoch;
    writer.at(1).append(&f.store, ["b"]).await.expect("in the new epoch it lands");
}

async fn a_deposed_writer_learns_that_it_is(Fixture { store, .. }: Fixture) {
    writer(&store, P0, 1).await;
    writer(&store, P0, 2).await;
    assert_eq!(store.resolve_doubt(P0, writer_id(1)).await.expect("asked"), None);
    assert_eq!(store.head(P0).await.expect("head").epoch, Epoch(2));
}

async fn reads_are_cut_to_their_limit(Fixture { store, .. }: Fixture) {
    let writer = writer(&store, P0, 1).await;
    writer.append_many(&store, READ_EVENTS_MAX + 10).await;
    let read = |after, limit| {
        let store = &store;
        async move { positions(&store.read(P0, Position(after), limit).await.expect("read")) }
    };
    assert_eq!(read(0, 3).await, [1, 2, 3]);
    assert_eq!(read(3, 2).await, [4, 5]);
    assert_eq!(read(0, usize::MAX).await.len(), READ_EVENTS_MAX);
    assert_eq!(read(READ_EVENTS_MAX as u64, usize::MAX).await.len(), 10);
    assert!(read(1_000_000, 5).await.is_empty());
    assert!(read(0, 0).await.is_empty());
}

async fn a_follower_gets_each_event_once_in_order(Fixture { store, .. }: Fixture) {
    let writer = writer(&store, P0, 1).await;
    let mut follower = store.follow(P0, Position::START).expect("a partition");
    let reader = tokio::spawn(async move {
        let mut seen = vec![];
        while seen.len() < 300 {
            let events = follower.next(7).await.expect("read");
            assert!((1..=7).contains(&events.len()));
            seen.extend(positions(&events));
        }
        seen
    });
    for batch in 0..100 {
        writer.at(batch * 3).append(&store, ["a", "b", "c"]).await.expect("appended");
    }
    assert_eq!(reader.await.expect("it ends"), (1..=300).collect::<Vec<_>>());
}

async fn an_unknown_partition_is_named(Fixture { store, .. }: Fixture) {
    let unknown = Partition(2);
    let errors = [
        store.head(unknown).await.err(),
        store.read(unknown, Position::START, 1).await.err(),
        store.take_over(unknown, writer_id(1)).await.err(),
        store.follow(unknown, Position::START).err(),
    ];
    for error in errors {
        assert!(matches!(error, Some(StoreError::NoSuchPartition(p)) if p == unknown));
    }
}

async fn api_keys_are_replaced_as_a_whole(Fixture { store, .. }: Fixture) {
    let key = |role: &str, byte| event_store::ApiKeyRow { role: role.into(), hash: [byte; 32] };
    assert!(store.api_keys().await.expect("read").is_empty());
    store.replace_api_keys(vec![key("shopper", 1), key("auditor", 2)]).await.expect("written");
    store.replace_api_keys(vec![key("operator", 3)]).await.expect("written");
    assert_eq!(store.api_keys().await.expect("read"), [key("operator", 3)]);
}

#[tokio::test]
async fn an_append_whose_answer_is_lost_has_landed_or_never_will() {
    for (fault, lands) in [(Fault::NotLanded, 0), (Fault::Landed, 1), (Fault::LandsLate, 1)] {
        let Fixture { store, .. } = memory().await;
        let writer = writer(&store, P0, 1).await;
        let EventStore::Memory(memory) = &store else { unreachable!("it was made so") };
        memory.fail_next_append(fault);
        let error = writer.append(&store, ["a"]).await;
        assert!(matches!(error, Err(AppendError::InDoubt(_))), "{fault:?}");
        let head = store.resolve_doubt(P0, writer_id(1)).await.expect("asked").expect("held");
        assert_eq!(head.position, Position(lands), "{fault:?}");
        assert_eq!(head.last_batch.is_some(), lands == 1, "{fault:?}");
        let after: Head = store.head(P0).await.expect("head");
        assert_eq!(after.position, head.position, "nothing lands after the doubt was resolved");
    }
}

#[tokio::test]
async fn a_sqlite_log_is_read_on_after_a_restart() {
    let Fixture { store, url, _folder } = sqlite().await;
    writer(&store, P0, 1).await.append(&store, ["a", "b"]).await.expect("appended");
    drop(store);
    let other = NewLog { log_id: LogId(Uuid::from_u128(99)), partitions: 7 };
    let store = EventStore::open(&url, Access::Write(other)).await.expect("it opens again");
    assert_eq!((store.log_id(), store.partitions()), (NEW_LOG.log_id, 2));
    assert_eq!(positions(&read_all(&store, P0).await), [1, 2]);
    writer(&store, P0, 2).await.at(2).append(&store, ["c"]).await.expect("it goes on");
}

async fn memory() -> Fixture {
    let folder = tempfile::tempdir().expect("a folder");
    let url = StoreUrl::Memory;
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    Fixture { store, url, _folder: folder }
}

async fn sqlite() -> Fixture {
    let folder = tempfile::tempdir().expect("a folder");
    let url = StoreUrl::Sqlite(folder.path().join("log.sqlite"));
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    Fixture { store, url, _folder: folder }
}

/// A writer as it believes the partition to be.
#[derive(Clone, Copy)]
struct Writer {
    partition: Partition,
    epoch: Epoch,
    expected: Position,
}

async fn writer(store: &EventStore, partition: Partition, id: u128) -> Writer {
    let head = store.take_over(partition, writer_id(id)).await.expect("taken over");
    Writer { partition, epoch: head.epoch, expected: head.position }
}

impl Writer {
    fn at(mut self, position: u64) -> Self {
        self.expected = Position(position);
        self
    }

    async fn append<const N: usize>(
        self,
        store: &EventStore,
        names: [&str; N],
    ) -> Result<Position, AppendError> {
        self.append_events(store, names.map(event).to_vec()).await
    }

    async fn append_many(self, store: &EventStore, count: usize) {
        let events = (0..count).map(|_| event("many")).collect();
        self.append_events(store, events).await.expect("appended");
    }

    async fn append_events(
        self,
        store: &EventStore,
        events: Vec<NewEvent>,
    ) -> Result<Position, AppendError> {
        let Self { partition, epoch, expected } = self;
        let batch = BatchId(Uuid::from_u128(expected.0.into()));
        store.append(Append { partition, epoch, expected, batch, events }).await
    }
}

fn writer_id(id: u128) -> WriterId {
    WriterId(Uuid::from_u128(id))
}

fn event(name: &str) -> NewEvent {
    NewEvent {
        event_type: "credit-earned",
        version: 1,
        recorded_at: 1_795_248_000_000_000,
        account_id: Some("ann".into()),
        public: format!(r#"{{"name":"{name}","text":"gruß \u0000"}}"#).into(),
        private: (name == "a").then(|| r#"{"salt":"00","deliver_to":"1 Elm Street"}"#.into()),
    }
}

async fn read_all(store: &EventStore, partition: Partition) -> Vec<RecordedEvent> {
    store.read(partition, Position::START, usize::MAX).await.expect("read")
}

fn positions(events: &[RecordedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.position().0).collect()
}
