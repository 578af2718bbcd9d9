//! What a lock of somebody else does to an append, and to opening a log.

use std::time::Duration;

use event_store::{
    Access, Append, AppendError, EventStore, Landed, NewLog, StoreError, StoreUrl, Unlanded,
};
use log_record::{BatchId, Head, LogId, NewEvent, Partition, Position, RecordedEvent, WriterId};
use rusqlite::Connection;
use services::TestDatabase;
use tokio_postgres::Client;
use uuid::Uuid;

const P0: Partition = Partition(0);
const NEW_LOG: NewLog = NewLog { log_id: LogId(Uuid::from_u128(42)), partitions: 1 };

#[tokio::test]
async fn an_append_to_a_locked_sqlite_log_does_not_begin_and_lands_when_it_is_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.sqlite");
    let url = StoreUrl::Sqlite(file.clone());
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    let head = taken_over(&store).await;
    let other = Connection::open(&file).expect("it opens");
    other.execute_batch("begin immediate").expect("locked");
    let append = append(&head, ["a", "b"]);
    let again = Again::of(&append);
    let (error, rows) = not_begun(store.append(append).await);
    let text = error.to_string();
    assert!(text.contains("log.sqlite") && text.contains("another process"), "{text}");
    other.execute_batch("rollback").expect("let go");
    again.lands(&store, rows).await;
}

/// The three answers by which PostgreSQL says that it rolled an append back for somebody's lock.
#[tokio::test]
async fn an_append_that_postgres_rolls_back_for_a_lock_has_not_begun() {
    for (code, setting) in [
        ("40001", "default_transaction_isolation = 'repeatable read'"),
        ("40P01", "deadlock_timeout = '3s'"),
        ("55P03", "lock_timeout = '200ms'"),
    ] {
        let database = TestDatabase::create().expect("a database");
        let url: StoreUrl = database.url().parse().expect("a URL");
        EventStore::migrate(&url).await.expect("migrated");
        let set = format!(
            "do $$ begin execute format($set$alter database %I set {setting}$set$, \
             current_database()); end $$"
        );
        database.sql(&set).expect("set");
        // A URL's settings count more than a connection's own.
        let patient = if code == "40P01" { "?options=-clock_timeout%3D0" } else { "" };
        let patient = format!("{}{patient}", database.url()).parse().expect("a URL");
        let store = EventStore::open(&patient, Access::Write(NEW_LOG)).await.expect("it opens");
        let head = taken_over(&store).await;
        let other = client(&url).await;
        other.batch_execute("set lock_timeout = 0; begin").await.expect("begun");
        if code == "40P01" {
            other.batch_execute(TAKE_POSITION).await.expect("locked");
        } else {
            other.batch_execute(LOCK_HEAD).await.expect("locked");
        }
        let append = append(&head, ["a", "b"]);
        let again = Again::of(&append);
        let appended = tokio::spawn({
            let store = store.clone();
            async move { store.append(append).await }
        });
        if code == "55P03" {
            // It gives up by itself.
        } else {
            somebody_waits(&database).await;
            // The append waits for what is inserted, and what is inserted for the append.
            let end = if code == "40P01" { LOCK_HEAD } else { "commit" };
            other.batch_execute(end).await.expect("the append is the one that is rolled back");
        }
        let (error, rows) = not_begun(appended.await.expect("it ends"));
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        assert!(error.is_passing(), "{code}: {error}: {cause:?}");
        other.batch_execute("rollback").await.expect("let go");
        again.lands(&store, rows).await;
    }
}

/// Reads whose callers have gone keep nobody else waiting, and the server gives them up.
#[tokio::test]
async fn a_postgres_read_that_nobody_waits_for_any_more_is_cancelled() {
    let database = TestDatabase::create().expect("a database");
    let url: StoreUrl = database.url().parse().expect("a URL");
    EventStore::migrate(&url).await.expect("migrated");
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    let head = taken_over(&store).await;
    store.append(append(&head, ["a"])).await.expect("appended");
    let other = client(&url).await;
    let lock = "begin; lock table guerdon_log.event in access exclusive mode";
    other.batch_execute(lock).await.expect("locked");
    for _ in 0..8 {
        let read = store.read(P0, Position::START, 1);
        let read = tokio::time::timeout(Duration::from_millis(200), read).await;
        assert!(read.is_err(), "it waits for the lock");
    }
    let asked = tokio::time::timeout(Duration::from_secs(10), store.head(P0)).await;
    assert_eq!(asked.expect("nothing is before it").expect("head").position, Position(1));
    let waiting = "select count(*) from pg_stat_activity \
                   where datname = current_database() and wait_event_type = 'Lock'";
    for _ in 0..500 {
        if database.sql(waiting).expect("asked") == "0" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(database.sql(waiting).expect("asked"), "0");
    other.batch_execute("rollback").await.expect("let go");
    assert_eq!(store.read(P0, Position::START, 1).await.expect("read").len(), 1);
}

/// A process that starts doesn't answer by what may be in the page cache only.
#[tokio::test]
async fn a_sqlite_log_whose_last_events_cannot_be_copied_is_not_opened_to_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.sqlite");
    let url = StoreUrl::Sqlite(file.clone());
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    let head = taken_over(&store).await;
    let reader = Connection::open(&file).expect("it opens");
    let count = |reader: &Connection| {
        reader.query_row("select count(*) from event", (), |row| row.get::<_, i64>(0))
    };
    reader.execute_batch("begin").expect("begun");
    assert_eq!(count(&reader), Ok(0));
    store.append(append(&head, ["a"])).await.expect("appended");
    drop(store);
    let refused = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect_err("refused");
    assert!(matches!(refused, StoreError::NotCopied { .. }), "{refused}");
    assert!(refused.to_string().contains("another process still reads it"), "{refused}");
    reader.execute_batch("commit").expect("ended");
    // A reader of the last events is in nobody's way.
    reader.execute_batch("begin").expect("begun");
    assert_eq!(count(&reader), Ok(1));
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    assert_eq!(store.head(P0).await.expect("head").position, Position(1));
}

/// A tool that copies the write-ahead file just then is waited for.
#[tokio::test]
async fn a_sqlite_log_that_another_process_copies_opens_when_that_is_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.sqlite");
    let url = StoreUrl::Sqlite(file.clone());
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    let head = taken_over(&store).await;
    store.append(append(&head, ["a"])).await.expect("appended");
    let [reader, copying] = [(), ()].map(|()| Connection::open(&file).expect("it opens"));
    let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    reader.execute_batch("begin").expect("begun");
    assert_eq!(reader.query_row("select count(*) from event", (), count), Ok(1));
    drop(store);
    // It waits for the reader, with the lock that only one connection can have.
    copying.busy_timeout(Duration::from_secs(1)).expect("set");
    let copied = std::thread::spawn(move || {
        let is_busy = copying.query_row("pragma wal_checkpoint(truncate)", (), |row| row.get(0));
        reader.execute_batch("commit").expect("ended");
        is_busy
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    assert_eq!(store.head(P0).await.expect("head").position, Position(1));
    assert_eq!(copied.join().expect("ran"), Ok(true), "it was busy meanwhile");
}

const LOCK_HEAD: &str = "update guerdon_log.partition_head set last_batch = last_batch";

const TAKE_POSITION: &str = "insert into guerdon_log.event values \
    (0, 2, 1, 'credit-earned', 1, 0, null, '{}', '{}', '', '')";

/// What an append is made again by.
struct Again {
    head: Head,
    batch: BatchId,
}

impl Again {
    fn of(append: &Append) -> Self {
        let Append { epoch, generation, expected: position, batch, .. } = *append;
        let head = Head { position, epoch, generation, writer: None, last_batch: None };
        Self { head, batch }
    }

    /// Nothing landed, and the same rows do now, by the same batch.
    async fn lands(self, store: &EventStore, rows: Vec<RecordedEvent>) {
        assert_eq!(store.head(P0).await.expect("head").position, Position(0));
        let append = Append { batch: self.batch, ..Append::after(P0, &self.head, rows.clone()) };
        assert_eq!(store.append_recorded(append).await.expect("appended"), Position(2));
        assert_eq!(store.read(P0, Position::START, 9).await.expect("read"), rows);
        let head = store.head(P0).await.expect("head");
        assert_eq!((head.epoch, head.last_batch), (self.head.epoch, Some(self.batch)));
    }
}

async fn taken_over(store: &EventStore) -> Head {
    store.take_over(P0, WriterId(Uuid::now_v7())).await.expect("taken over")
}

fn not_begun(appended: Result<Landed, AppendError>) -> (StoreError, Vec<RecordedEvent>) {
    match appended {
        Err(AppendError::NotBegun(error, Unlanded(rows))) => (error, rows),
        other => panic!("{other:?}"),
    }
}

async fn client(url: &StoreUrl) -> Client {
    let StoreUrl::Postgres(url) = url else { panic!("{url}") };
    url.connect().await.expect("connected").client
}

async fn somebody_waits(database: &TestDatabase) {
    let waiting = "select count(*) from pg_stat_activity \
                   where datname = current_database() and wait_event_type = 'Lock'";
    while database.sql(waiting).expect("asked") == "0" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn append<const N: usize>(head: &Head, names: [&str; N]) -> Append {
    let event = |name| NewEvent {
        event_type: "credit-earned",
        version: 1,
        recorded_at: 1_795_248_000_000_000,
        account_id: Some("ann".into()),
        public: format!(r#"{{"name":"{name}"}}"#).into(),
        private: r#"{"salt":"00"}"#.into(),
    };
    Append::after(P0, head, names.map(event).to_vec())
}
