//! Appends of several partitions that wait together on SQLite: they share one commit, and how one
//! ends is nothing to the others.

use std::collections::BTreeSet;

use event_store::{Access, Append, AppendError, EventStore, NewLog, StoreError, StoreUrl};
use log_record::{Partition, Position};
use rusqlite::Connection;

use super::messages::message;
use super::read_all;
use super::writer::{event, writer_id};
use crate::stores::NEW_LOG;

#[tokio::test]
async fn appends_of_several_partitions_that_wait_share_a_commit_and_fail_alone_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.sqlite");
    let access = Access::Write(NewLog { partitions: 6, ..NEW_LOG });
    let store = EventStore::open(&StoreUrl::Sqlite(file.clone()), access).await.expect("it opens");
    let mut appends = vec![];
    for partition in (0..6).map(Partition) {
        let head = store.take_over(partition, writer_id(1)).await.expect("taken over");
        let mut append = Append::after(partition, &head, vec![event("a"), event("b")]);
        match partition.0 {
            2 => append.expected = Position(1),
            4 => append.events.push(message(Partition(0), 1)),
            _ => {}
        }
        appends.push(append);
    }
    let connection = Connection::open(&file).expect("it opens");
    let sent = "insert into message (source, destination, number, position) values (4, 0, 1, 9)";
    connection.execute(sent, ()).expect("inserted");
    // What waits can't begin until somebody else's transaction ends.
    connection.execute_batch("begin immediate").expect("begun");
    let mut appends = appends.into_iter().map(|append| store.append(append));
    let mut next = || appends.next().expect("there are six");
    let (zero, one, two, three, four, five, ()) =
        tokio::join!(next(), next(), next(), next(), next(), next(), async {
            connection.execute_batch("rollback").expect("ended");
        });
    assert!(matches!(two, Err(AppendError::Conflict(head)) if head.position == Position(0)));
    assert!(matches!(four, Err(AppendError::InDoubt(StoreError::RepeatedMessage { .. }))));
    let landed = [zero, one, three, five].map(|landed| landed.expect("it landed"));
    // The first may have begun before the others came.
    let commits: BTreeSet<_> = landed.iter().map(|landed| landed.committed_in).collect();
    assert!(commits.len() <= 2, "{commits:?}");
    for (partition, events) in (0..6).map(Partition).zip([2, 2, 0, 2, 0, 2]) {
        assert_eq!(read_all(&store, partition).await.len(), events, "{partition}");
        let head = store.head(partition).await.expect("head");
        assert_eq!(head.position, Position(events as u64), "{partition}");
    }
}
