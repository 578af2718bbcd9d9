//! The stores that the contract is run over, each empty, with two partitions; in KurrentDB, a log
//! has one.

use event_store::{Access, EventStore, NewLog, StoreUrl};
use log_record::{LogId, Partition, Position, RecordedEvent};
use services::TestDatabase;
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const NEW_LOG: NewLog = NewLog { log_id: LogId(Uuid::from_u128(42)), partitions: 2 };

/// A store, and what it stands on.
pub(crate) struct Fixture {
    pub(crate) store: EventStore,
    pub(crate) url: StoreUrl,
    pub(crate) _folder: Option<TempDir>,
    pub(crate) database: Option<TestDatabase>,
    #[cfg(feature = "kurrent")]
    _kurrent: Option<services::KurrentServer>,
}

pub(crate) async fn memory() -> Fixture {
    let folder = tempfile::tempdir().expect("a folder");
    let url = StoreUrl::Memory;
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    Fixture::new(store, url, Some(folder), None)
}

pub(crate) async fn sqlite() -> Fixture {
    let folder = tempfile::tempdir().expect("a folder");
    let url = StoreUrl::Sqlite(folder.path().join("log.sqlite"));
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    Fixture::new(store, url, Some(folder), None)
}

pub(crate) async fn postgres() -> Fixture {
    let database = TestDatabase::create().expect("a database");
    let url: StoreUrl = database.url().parse().expect("a URL");
    EventStore::migrate(&url).await.expect("migrated");
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    Fixture::new(store, url, None, Some(database))
}

/// A database for a new log, whose ranges have so many positions each.
pub(crate) async fn postgres_with_ranges_of(positions: u64) -> (TestDatabase, StoreUrl) {
    let database = TestDatabase::create().expect("a database");
    let url: StoreUrl = database.url().parse().expect("a URL");
    EventStore::migrate(&url).await.expect("migrated");
    let size =
        format!("alter table guerdon_log.log alter column range_positions set default {positions}");
    database.sql(&size).expect("altered");
    (database, url)
}

/// The one that the variable names, as `kurrentdb://HOST:PORT?…`, or the one of `services`.
#[cfg(feature = "kurrent")]
pub(crate) async fn kurrent() -> Fixture {
    #[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
    let real = std::env::var("GUERDON_TEST_KURRENTDB").ok();
    let name = Uuid::now_v7().simple();
    let (url, server, new_log) = match real {
        Some(url) => {
            let mark = if url.contains('?') { '&' } else { '?' };
            (
                format!("{url}{mark}log={name}"),
                None,
                NewLog { log_id: LogId(Uuid::now_v7()), partitions: 1 },
            )
        }
        None => {
            let server = services::KurrentServer::start().expect("a server");
            (server.url("main"), Some(server), NewLog { partitions: 1, ..NEW_LOG })
        }
    };
    let url: StoreUrl = url.parse().expect("a URL");
    let store = EventStore::open(&url, Access::Write(new_log)).await.expect("it opens");
    Fixture { _kurrent: server, ..Fixture::new(store, url, None, None) }
}

impl Fixture {
    fn new(
        store: EventStore,
        url: StoreUrl,
        folder: Option<TempDir>,
        database: Option<TestDatabase>,
    ) -> Self {
        Self {
            store,
            url,
            _folder: folder,
            database,
            #[cfg(feature = "kurrent")]
            _kurrent: None,
        }
    }
}

/// Every event of a partition.
pub(crate) async fn read_everything(
    store: &EventStore,
    partition: Partition,
) -> Vec<RecordedEvent> {
    let mut all: Vec<RecordedEvent> = vec![];
    loop {
        let after = all.last().map_or(Position::START, RecordedEvent::position);
        let more = store.read(partition, after, usize::MAX).await.expect("read");
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
}
