//! A log or an archive file of another format is refused by name, before anything of it is read.

use std::fs;
use std::io::Write as _;

use event_store::{Access, Append, ArchiveFolder, EventStore, NewLog, StoreError, StoreUrl};
use flate2::Compression;
use flate2::write::GzEncoder;
use log_record::{BatchId, LogFormat, LogId, NewEvent, Partition, Position, WriterId};
use services::TestDatabase;
use uuid::Uuid;

const NEW_LOG: NewLog = NewLog { log_id: LogId(Uuid::from_u128(42)), partitions: 1 };
const P0: Partition = Partition(0);

/// A format that no build knows yet.
const NEXT: u32 = LogFormat::CURRENT.0 + 1;

#[tokio::test]
async fn a_log_of_another_format_is_refused_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.sqlite");
    let url = StoreUrl::Sqlite(file.clone());
    drop(EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens"));
    let alter = |statement: &str| {
        let connection = rusqlite::Connection::open(&file).expect("it opens");
        connection.execute(statement, ()).expect("altered");
    };
    alter(&format!("update log set format = {NEXT}"));
    is_refused(&url, NEXT).await;
    alter("alter table log drop column format");
    is_refused(&url, 1).await;
}

#[tokio::test]
async fn a_log_of_another_format_is_refused_on_postgres() {
    let database = TestDatabase::create().expect("a database");
    let url: StoreUrl = database.url().parse().expect("a URL");
    EventStore::migrate(&url).await.expect("migrated");
    drop(EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens"));
    let next = format!("update guerdon_log.log set format = {NEXT}");
    database.sql(&next).expect("altered");
    is_refused(&url, NEXT).await;
    database.sql("alter table guerdon_log.log drop column format").expect("altered");
    is_refused(&url, 1).await;
    let refused = EventStore::migrate(&url).await.expect_err("it is of format 1");
    assert!(refused.to_string().contains("written in format 1"), "{refused}");
}

async fn is_refused(url: &StoreUrl, format: u32) {
    for access in [Access::Write(NEW_LOG), Access::Read] {
        let Err(refused) = EventStore::open(url, access).await else { panic!("it opens") };
        assert!(matches!(refused, StoreError::Format(_)), "{refused:?}");
        says(&refused, format);
    }
}

fn says(refused: &StoreError, format: u32) {
    let current = LogFormat::CURRENT;
    let expected = format!("in format {format}; this build reads format {current} only: run");
    assert!(refused.to_string().contains(&expected), "{refused}");
}

#[tokio::test]
async fn an_archive_file_of_another_format_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.sqlite");
    let url = StoreUrl::Sqlite(file.clone());
    drop(EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens"));
    let connection = rusqlite::Connection::open(&file).expect("it opens");
    connection.execute("update log set range_positions = 2", ()).expect("updated");
    drop(connection);
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    let head = store.take_over(P0, WriterId(Uuid::from_u128(1))).await.expect("taken over");
    let event = || NewEvent {
        event_type: "credit-earned",
        version: 1,
        recorded_at: 1,
        account_id: Some("ann".into()),
        public: "{}".into(),
        private: r#"{"salt":"00"}"#.into(),
    };
    let append = Append {
        batch: BatchId(Uuid::from_u128(7)),
        ..Append::after(P0, &head, vec![event(), event(), event()])
    };
    store.append(append).await.expect("appended");
    let archive = folder.path().join("archive");
    let (first, last) = (Position(1), Position(2));
    let mut taken = ArchiveFolder::take(&store, &archive).await.expect("it is this log's");
    let range = store.archive_range(&mut taken, P0, first, last).await.expect("archived");
    store.take_out(first, last).await.expect("taken out");
    let store = store.with_archive(archive.clone());
    assert_eq!(store.read(P0, Position::START, 2).await.expect("read").len(), 2);

    let path = archive.join(&range.file);
    let whole = fs::read(&path).expect("read");
    let ours = header(LogFormat::CURRENT.0);
    assert!(whole.starts_with(&ours));
    let others = [&header(NEXT)[..], &whole[ours.len()..]].concat();
    assert_eq!(others.len(), whole.len(), "the members begin where they did");
    fs::write(&path, others).expect("written");
    let refused = store.read(P0, Position::START, 2).await.expect_err("it is of the next format");
    assert!(refused.to_string().contains(&range.file), "{refused}");
    says(&refused, NEXT);
}

/// The first line of an archive file, compressed.
fn header(format: u32) -> Vec<u8> {
    let mut packed = GzEncoder::new(vec![], Compression::default());
    writeln!(packed, r#"{{"format":{format}}}"#).expect("packed");
    packed.finish().expect("packed")
}
