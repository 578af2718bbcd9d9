//! When an append on PostgreSQL counts as durable, whatever the user's settings say.

use std::time::Duration;

use event_store::{Access, Append, AppendError, EventStore, NewLog, StoreUrl};
use log_record::{BatchId, Head, LogId, NewEvent, Partition, WriterId};
use services::{Postgres, TestDatabase};
use uuid::Uuid;

const P0: Partition = Partition(0);
const NEW_LOG: NewLog = NewLog { log_id: LogId(Uuid::from_u128(42)), partitions: 1 };

#[tokio::test]
async fn a_commit_that_a_standby_may_not_have_is_in_doubt() {
    let folder = services::home().expect("a folder").join(Uuid::now_v7().to_string());
    let server = Postgres::start(&folder, &[]).expect("started");
    let url: StoreUrl = server.url("postgres").parse().expect("a URL");
    EventStore::migrate(&url).await.expect("migrated");
    for settings in [
        "",
        "alter role guerdon set client_min_messages = 'error'",
        "alter role guerdon set synchronous_commit = 'off'",
    ] {
        server.sql("postgres", settings).expect("set");
        let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
        let head = store.take_over(P0, WriterId(Uuid::now_v7())).await.expect("taken over");
        server.set("synchronous_standby_names", "nobody").expect("set");
        let append = append(&head);
        let appended = tokio::spawn(async move { store.append(append).await });
        // The commit waits for a standby; somebody loses patience with it.
        let cancel = "select count(pg_cancel_backend(pid)) from pg_stat_activity \
                      where wait_event = 'SyncRep'";
        while server.sql("postgres", cancel).expect("asked") == "0" {
            assert!(!appended.is_finished(), "{settings:?}: {:?}", appended.await);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let error = appended.await.expect("it ends").expect_err("a warning is no answer");
        assert!(matches!(error, AppendError::InDoubt(_)), "{settings:?}: {error}");
        server.set("synchronous_standby_names", "").expect("set");
    }
    drop(server);
    std::fs::remove_dir_all(folder).expect("removed");
}

/// After an upgrade of the system's collations the server warns at every connection, for years.
#[tokio::test]
async fn a_warning_that_came_with_the_connection_holds_nothing_up() {
    let database = TestDatabase::create().expect("a database");
    let url: StoreUrl = database.url().parse().expect("a URL");
    EventStore::migrate(&url).await.expect("migrated");
    let other =
        "update pg_database set datcollversion = 'of old' where datname = current_database()";
    database.sql(other).expect("updated");
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    let writer = WriterId(Uuid::now_v7());
    let head = store.take_over(P0, writer).await.expect("taken over");
    assert_eq!(store.append(append(&head)).await.expect("appended").position.0, 1);
    let head = store.resolve_doubt(P0, writer).await.expect("resolved").expect("it is the writer");
    assert_eq!(store.append(append(&head)).await.expect("appended").position.0, 2);
    let lose = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                where datname = current_database() and pid <> pg_backend_pid()";
    assert_ne!(database.sql(lose).expect("asked"), "0");
    let head = store.head(P0).await;
    let head = match head {
        Ok(head) => head,
        // The reading connection was lost, too.
        Err(_) => store.head(P0).await.expect("asked again"),
    };
    let appended = match store.append(append(&head)).await {
        Err(AppendError::InDoubt(_)) => store.append(append(&head)).await,
        appended => appended,
    };
    assert_eq!(appended.expect("by a new connection").position.0, 3);
}

fn append(head: &Head) -> Append {
    Append {
        partition: P0,
        epoch: head.epoch,
        generation: head.generation,
        expected: head.position,
        batch: BatchId(Uuid::now_v7()),
        events: vec![event()],
    }
}

fn event() -> NewEvent {
    NewEvent {
        event_type: "credit-earned",
        version: 1,
        recorded_at: 1_795_248_000_000_000,
        account_id: Some("ann".into()),
        public: "{}".into(),
        private: r#"{"salt":"00"}"#.into(),
    }
}
