//! The rows of the index of messages beside their events: after a crash, after an archive, and
//! where one of them is wrong.

use std::path::Path;

use event_store::{
    Access, ArchiveFolder, EventStore, MessageCheck, READ_EVENTS_MAX, StoreError, StoreUrl,
};
use log_record::{Position, RecordedEvent};
use rusqlite::Connection;

use super::messages::message;
use super::writer::{event, writer};
use super::{P0, P1, positions, read_all};
use crate::stores::{self, Fixture, NEW_LOG, postgres_with_ranges_of};

/// How many positions a range has, where events are archived.
const RANGE: u64 = 6;

/// What the check finds wrong with the messages of partition 0 after a position.
async fn wrong(store: &EventStore, after: Position) -> Vec<String> {
    let events = store.read(P0, after, READ_EVENTS_MAX).await.expect("read");
    let mut check = MessageCheck::new(P0, after);
    let mut wrong = vec![];
    for events in events.chunks(3) {
        wrong.extend(check.next(store, events).await);
    }
    let end = events.last().map_or(after, RecordedEvent::position);
    wrong.extend(check.end(store, end).await);
    wrong.iter().map(ToString::to_string).collect()
}

/// Messages 1 to 4 of partition 0 to 1, at positions 2, 4, 6 and 8.
async fn four_messages(store: &EventStore) {
    let writer = writer(store, P0, 1).await;
    let events = (1..=4).flat_map(|number| [event("a"), message(P1, number)]);
    writer.append_events(store, events.collect()).await.expect("appended");
    assert_eq!(wrong(store, Position::START).await, [""; 0]);
}

/// What is done to the table, what undoes it, and what is said of which message. The last says
/// whether whoever reads the messages is told, too: of the last message nobody knows.
const DAMAGE: [(&str, &str, &str, bool); 4] = [
    (
        "delete from message where number = 2",
        "insert into message (source, destination, number, position) values (0, 1, 2, 4)",
        "message 2 from partition 0 to 1 is missing from the index",
        true,
    ),
    (
        "delete from message where number = 4",
        "insert into message (source, destination, number, position) values (0, 1, 4, 8)",
        "message 4 from partition 0 to 1 is missing from the index",
        false,
    ),
    (
        "update message set position = 3 where number = 2",
        "update message set position = 4 where number = 2",
        "message 2 from partition 0 to 1 isn't the event that the index",
        true,
    ),
    (
        "insert into message (source, destination, number, position) values (0, 1, 5, 7)",
        "delete from message where number = 5",
        "message 5 from partition 0 to 1 isn't the event that the index",
        true,
    ),
];

async fn wrong_rows_are_named(store: &EventStore, alter: impl Fn(&str)) {
    four_messages(store).await;
    for (damage, mend, named, is_read) in DAMAGE {
        alter(damage);
        let found = wrong(store, Position::START).await;
        assert!(found.len() == 1 && found[0].contains(named), "{damage}: {found:?}");
        match store.read_messages(P0, P1, 1, 10).await {
            Err(error) => assert!(is_read && error.to_string().contains(named), "{error}"),
            Ok(read) => assert!(!is_read && read.len() == 3, "{damage}: {read:?}"),
        }
        alter(mend);
        assert_eq!(wrong(store, Position::START).await, [""; 0], "{mend}");
    }
}

#[tokio::test]
async fn a_row_of_a_message_that_is_missing_or_wrong_is_named_on_sqlite() {
    let Fixture { store, url, _folder, .. } = stores::sqlite().await;
    let StoreUrl::Sqlite(file) = &url else { unreachable!("it was made so") };
    let connection = Connection::open(file).expect("it opens");
    wrong_rows_are_named(&store, |statement| {
        connection.execute(statement, ()).expect(statement);
    })
    .await;
}

#[tokio::test]
async fn a_row_of_a_message_that_is_missing_or_wrong_is_named_on_postgres() {
    let Fixture { store, database, .. } = stores::postgres().await;
    let database = database.expect("a database");
    wrong_rows_are_named(&store, |statement| {
        let statement = statement.replacen("message", "guerdon_log.message", 1);
        database.sql(&statement).expect("altered");
    })
    .await;
}

#[tokio::test]
async fn an_archived_message_is_read_by_its_number_on_sqlite() {
    let Fixture { store, url, _folder, .. } = stores::sqlite().await;
    let StoreUrl::Sqlite(file) = &url else { unreachable!("it was made so") };
    let connection = Connection::open(file).expect("it opens");
    let ranges = "update log set range_positions = ?";
    connection.execute(ranges, (RANGE.cast_signed(),)).expect("updated");
    an_archived_message_is_read_by_its_number(store).await;
}

#[tokio::test]
async fn an_archived_message_is_read_by_its_number_on_postgres() {
    let (_database, url) = postgres_with_ranges_of(RANGE).await;
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    an_archived_message_is_read_by_its_number(store).await;
}

async fn an_archived_message_is_read_by_its_number(store: EventStore) {
    four_messages(&store).await;
    let before = store.read_messages(P0, P1, 1, 10).await.expect("read");
    assert_eq!(positions(&before), [2, 4, 6, 8]);
    let folder = tempfile::tempdir().expect("a folder");
    let (first, last) = (Position(1), Position(RANGE));
    let other = writer(&store, P1, 1).await;
    other.append_many(&store, 8).await;
    let mut archive = ArchiveFolder::take(&store, folder.path()).await.expect("this log's");
    for partition in [P0, P1] {
        let archived = store.archive_range(&mut archive, partition, first, last).await;
        archived.expect("archived");
    }
    store.take_out(first, last).await.expect("taken out");
    let lost = store.read_messages(P0, P1, 1, 10).await.expect_err("where is it?");
    assert!(matches!(lost, StoreError::Archived { .. }), "{lost}");
    assert_eq!(positions(&store.read_messages(P0, P1, 4, 10).await.expect("read")), [8]);
    let store = store.with_archive(folder.path().into());
    assert_eq!(store.read_messages(P0, P1, 1, 10).await.expect("read"), before);
    assert_eq!(wrong(&store, last).await, [""; 0], "the rows of archived messages stay");
    assert_eq!(wrong(&store, Position::START).await, [""; 0]);
}

/// A process that dies leaves the write-ahead file as far as it came. Wherever that is cut, the
/// log has an append's events and its rows, or neither.
#[tokio::test]
async fn a_crash_leaves_an_event_and_its_row_together_on_sqlite() {
    let Fixture { store, url, _folder, .. } = stores::sqlite().await;
    let StoreUrl::Sqlite(file) = &url else { unreachable!("it was made so") };
    let (first, second) = (writer(&store, P0, 1).await, writer(&store, P1, 1).await);
    let wal_of = |file: &Path| file.with_extension("sqlite-wal");
    let empty = std::fs::read(wal_of(file)).expect("read").len();
    for round in 0..4 {
        let letters = |to| vec![event("a"), message(to, round + 1)];
        let (one, other) = tokio::join!(
            first.at(round * 2).append_events(&store, letters(P1)),
            second.at(round * 2).append_events(&store, letters(P0)),
        );
        one.and(other).expect("appended");
    }
    let (log, wal) = (std::fs::read(file), std::fs::read(wal_of(file)));
    let (log, wal) = (log.expect("read"), wal.expect("read"));
    let mut landed = vec![];
    for tenth in 0..=10 {
        let folder = tempfile::tempdir().expect("a folder");
        let crashed = folder.path().join("log.sqlite");
        std::fs::write(&crashed, &log).expect("written");
        let kept = empty + (wal.len() - empty) * tenth / 10;
        std::fs::write(wal_of(&crashed), &wal[..kept]).expect("written");
        let url = StoreUrl::Sqlite(crashed);
        let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
        assert_eq!(wrong(&store, Position::START).await, [""; 0], "{tenth} of 10");
        let sent = store.read_messages(P0, P1, 1, 10).await.expect("read");
        assert_eq!(sent.len() * 2, read_all(&store, P0).await.len());
        landed.push(sent.len());
    }
    assert!(landed.is_sorted(), "{landed:?}");
    assert_eq!((landed[0], landed[10]), (0, 4));
}
