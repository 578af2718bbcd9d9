//! A SQLite log that was damaged, cut short, taken away or is held by another: each is named, and
//! nothing is half read.

use std::fs;
use std::path::Path;

use event_store::{Access, Append, EventStore, NewLog, StoreError, StoreUrl};
use log_record::{
    BatchId, EventRef, LogId, NewEvent, Partition, Position, RecordedEvent, WriterId,
};
use tempfile::TempDir;
use uuid::Uuid;

const P0: Partition = Partition(0);
const NEW_LOG: NewLog = NewLog { log_id: LogId(Uuid::from_u128(42)), partitions: 1 };

#[tokio::test]
async fn a_second_writer_on_the_same_file_is_refused() {
    let folder = folder();
    let _first = open(&folder).await.expect("it opens");
    let error = open(&folder).await.expect_err("it is held");
    assert!(matches!(error, StoreError::HeldByAnother { .. }), "{error}");
    EventStore::open(&url(&folder), Access::Read).await.expect("readers are welcome");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = folder();
    fs::write(file(&folder), "not a database, but long enough to be mistaken for one ".repeat(99))
        .expect("written");
    let error = open(&folder).await.expect_err("it is damaged");
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("log.sqlite"), "{error}");
}

#[tokio::test]
async fn a_truncated_file_is_named_and_never_half_read() {
    for keep in [0.0, 0.3, 0.6, 0.95] {
        let folder = folder();
        filled(&folder, 2_000).await;
        cut(&file(&folder), keep);
        let error = open_and_read(&folder).await.expect_err("it is cut short");
        assert!(error.to_string().contains("damaged"), "kept {keep}: {error}");
    }
}

#[tokio::test]
async fn a_log_that_is_gone_is_not_taken_for_a_new_one() {
    let folder = folder();
    filled(&folder, 10).await;
    fs::remove_file(file(&folder)).expect("removed");
    let error = open(&folder).await.expect_err("it is gone");
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn an_event_that_was_changed_is_named() {
    let changes = [
        ("update event set public = replace(public, '500', '900') where position = 7", "checksum"),
        ("update event set recorded_at = recorded_at + 1 where position = 7", "checksum"),
        ("update event set account_id = 'bob' where position = 7", "checksum"),
        ("update event set private = '{}' where position = 7", "checksum"),
        ("delete from event where position = 7", "missing"),
        ("delete from event where position >= 7", "missing"),
    ];
    for (statement, what) in changes {
        let folder = folder();
        filled(&folder, 20).await;
        alter(&folder, statement);
        let error = open_and_read(&folder).await.expect_err(statement).to_string();
        assert!(error.contains("0:7") && error.contains(what), "{statement}: {error}");
        let place = |row: &EventRef<'_>| Some(Ok::<_, ()>(row.place));
        let store = open(&folder).await.expect("it opens");
        let made = store.read_public(P0, Position::START, usize::MAX, place).await;
        match made.map_err(|error| error.to_string()) {
            Ok(made) => assert!(statement.contains("set private"), "{statement}: {made:?}"),
            Err(named) => assert_eq!(named, error, "{statement}"),
        }
    }
}

#[tokio::test]
async fn an_erased_private_text_is_no_damage() {
    let folder = folder();
    filled(&folder, 20).await;
    alter(&folder, "update event set private = null where position = 7");
    assert_eq!(open_and_read(&folder).await.map(|events| events.len()).ok(), Some(20));
}

#[tokio::test]
async fn a_schema_of_a_newer_build_is_named() {
    let folder = folder();
    filled(&folder, 1).await;
    alter(
        &folder,
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
         values (9999, 'from the future', true, x'00', 0)",
    );
    for access in [Access::Write(NEW_LOG), Access::Read] {
        let error = EventStore::open(&url(&folder), access).await.expect_err("it is newer");
        assert!(matches!(error, StoreError::Schema { .. }), "{error}");
        assert!(error.to_string().contains("9999"), "{error}");
    }
}

#[tokio::test]
async fn a_reader_finds_no_log_where_there_is_none() {
    let folder = folder();
    let error = EventStore::open(&url(&folder), Access::Read).await.expect_err("nothing there");
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn file(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("log.sqlite")
}

fn url(folder: &TempDir) -> StoreUrl {
    StoreUrl::Sqlite(file(folder))
}

async fn open(folder: &TempDir) -> Result<EventStore, StoreError> {
    EventStore::open(&url(folder), Access::Write(NEW_LOG)).await
}

/// All events, or the first error on the way to them.
async fn open_and_read(folder: &TempDir) -> Result<Vec<RecordedEvent>, StoreError> {
    open(folder).await?.read(P0, Position::START, usize::MAX).await
}

async fn filled(folder: &TempDir, events: usize) {
    let store = open(folder).await.expect("it opens");
    let head = store.take_over(P0, WriterId(Uuid::from_u128(1))).await.expect("taken over");
    let event = NewEvent {
        event_type: "credit-earned",
        version: 1,
        recorded_at: 1,
        account_id: Some("ann".into()),
        public: r#"{"points":500}"#.into(),
        private: r#"{"salt":"00"}"#.into(),
    };
    let append = Append {
        partition: P0,
        epoch: head.epoch,
        generation: head.generation,
        expected: head.position,
        batch: BatchId(Uuid::from_u128(1)),
        events: vec![event; events],
    };
    store.append(append).await.expect("appended");
}

fn cut(file: &Path, keep: f64) {
    let length = fs::metadata(file).expect("it is there").len();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "any length near it will do"
    )]
    let kept = (length as f64 * keep) as u64;
    fs::File::options().write(true).open(file).and_then(|file| file.set_len(kept)).expect("cut");
}

fn alter(folder: &TempDir, statement: &str) {
    let connection = rusqlite::Connection::open(file(folder)).expect("it opens");
    connection.execute(statement, ()).expect(statement);
}
