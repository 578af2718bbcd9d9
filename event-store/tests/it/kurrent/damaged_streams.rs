//! Streams in KurrentDB that somebody deleted, truncated or wrote to beside the ledger.

use event_store::{Access, Append, AppendError, EventStore, NewLog, StoreError, StreamError};
use log_record::{LogFormat, LogId, Position};
use services::KurrentServer;
use uuid::Uuid;

use super::{ANOTHERS, EARNED, MINE, NEW_LOG, P0, RAISED, STREAM, ledger, two, url};

#[tokio::test]
async fn an_entry_that_is_none_of_the_ledgers_stops_writers_and_is_passed_over_by_readers() {
    let (server, store) = ledger().await;
    let head = store.take_over(P0, MINE).await.expect("taken over");
    store.append(Append::after(P0, &head, two())).await.expect("appended");
    let head = store.head(P0).await.expect("head");
    for _ in 0..20 {
        server.put(STREAM, "order-placed", "{}");
    }
    let refused = store.append(Append::after(P0, &head, two())).await;
    let Err(AppendError::InDoubt(in_doubt)) = refused else { panic!("{refused:?}") };
    let taken = store.take_over(P0, MINE).await.expect_err("it stops");
    let resolved = store.resolve_doubt(P0, MINE).await.expect_err("it stops");
    for error in [in_doubt, taken, resolved] {
        let said = error.to_string();
        assert!(!error.is_passing() && said.contains("revision 22"), "{said}");
        assert!(said.contains("\"order-placed\"") && said.contains(STREAM), "{said}");
    }
    let reader = EventStore::open(&url(&server), Access::Read).await.expect("it opens");
    assert_eq!(reader.head(P0).await.expect("head"), head);
    let rows = reader.read(P0, Position(0), 9).await.expect("read");
    assert_eq!(rows.len(), 2);
    assert!(reader.read(P0, Position(2), 9).await.expect("read").is_empty());
}

#[tokio::test]
async fn an_entry_of_another_build_is_passed_over_by_nobody() {
    let (server, store) = ledger().await;
    store.take_over(P0, MINE).await.expect("taken over");
    server.put(STREAM, RAISED, "{}");
    let reader = EventStore::open(&url(&server), Access::Read).await.expect("it opens");
    for error in [store.head(P0).await, reader.head(P0).await] {
        let error = error.expect_err("it stops");
        assert!(error.to_string().contains("that this build can't read"), "{error}");
    }
}

#[tokio::test]
async fn a_partition_that_was_deleted_is_not_begun_anew() {
    let (server, store) = ledger().await;
    let head = store.take_over(P0, MINE).await.expect("taken over");
    store.append(Append::after(P0, &head, two())).await.expect("appended");
    server.delete_softly(STREAM);
    let again = EventStore::open(&url(&server), Access::Write(NEW_LOG)).await.expect("it opens");
    for store in [store, again] {
        let error = store.take_over(P0, ANOTHERS).await.expect_err("it stops");
        assert!(matches!(&error, StoreError::KurrentStream(StreamError::Hidden { .. })));
        assert!(error.to_string().contains(STREAM) && !error.is_passing(), "{error}");
    }
    assert_eq!(server.types_in(STREAM), [RAISED, EARNED, EARNED], "nothing was added");
}

#[tokio::test]
async fn a_partition_that_was_deleted_and_begun_anew_is_noticed() {
    let (server, store) = ledger().await;
    let head = store.take_over(P0, MINE).await.expect("taken over");
    store.append(Append::after(P0, &head, two())).await.expect("appended");
    server.set_metadata(STREAM, r#"{"$tb":3}"#);
    let raised = r#"{"epoch":1,"writer":null,"position":0,"generation":1,"last_batch":null}"#;
    server.put(STREAM, RAISED, raised);
    let reader = EventStore::open(&url(&server), Access::Read).await.expect("it opens");
    for error in [store.take_over(P0, MINE).await, reader.head(P0).await] {
        let error = error.expect_err("it stops");
        let misplaced = StreamError::Misplaced { stream: STREAM.into(), revision: 3, expected: 0 };
        assert_eq!(error.to_string(), misplaced.to_string());
        assert!(!error.is_passing());
    }
}

#[tokio::test]
async fn a_partition_whose_entries_are_all_hidden_is_named() {
    for metadata in [r#"{"$tb":3}"#, r#"{"$tb":900}"#, r#"{"$maxAge":1}"#] {
        let (server, store) = ledger().await;
        let head = store.take_over(P0, MINE).await.expect("taken over");
        store.append(Append::after(P0, &head, two())).await.expect("appended");
        server.set_metadata(STREAM, metadata);
        for error in [
            store.take_over(P0, MINE).await.expect_err("it stops"),
            store.resolve_doubt(P0, MINE).await.expect_err("it stops"),
        ] {
            assert!(error.to_string().contains(STREAM) && !error.is_passing(), "{error}");
        }
    }
}

#[tokio::test]
async fn a_partition_that_hides_what_it_will_hold_is_not_begun() {
    for metadata in [r#"{"$maxCount":5}"#, r#"{"$maxAge":60}"#, r#"{"$tb":7}"#] {
        let (server, store) = ledger().await;
        server.set_metadata(STREAM, metadata);
        let error = store.take_over(P0, MINE).await.expect_err("it stops").to_string();
        assert!(error.contains(metadata) && error.contains(STREAM), "{error}");
        server.set_metadata(STREAM, r#"{"$acl":{"$w":"ledger"}}"#);
        store.take_over(P0, MINE).await.expect("this hides nothing");
    }
}

#[tokio::test]
async fn a_log_of_another_format_is_refused() {
    let log_id = NEW_LOG.log_id;
    let current = LogFormat::CURRENT;
    let next = current.0 + 1;
    for (fact, format) in [
        (format!(r#"{{"log_id":"{log_id}","partitions":1,"format":{next}}}"#), next),
        (format!(r#"{{"log_id":"{log_id}","partitions":1}}"#), 1),
    ] {
        let server = KurrentServer::start().expect("a server");
        server.put("guerdon_log-main", "log-made", &fact);
        for access in [Access::Write(NEW_LOG), Access::Read] {
            let refused = EventStore::open(&url(&server), access).await.expect_err("it stops");
            let expected = format!("in format {format}; this build reads format {current} only");
            assert!(refused.to_string().contains(&expected), "{refused}");
        }
    }
}

#[tokio::test]
async fn a_log_whose_name_was_deleted_is_not_made_anew() {
    let (server, _) = ledger().await;
    server.delete_softly("guerdon_log-main");
    let other = NewLog { log_id: LogId(Uuid::from_u128(7)), partitions: 1 };
    let error = EventStore::open(&url(&server), Access::Write(other)).await.expect_err("it stops");
    assert!(matches!(error, StoreError::KurrentStream(StreamError::Hidden { .. })), "{error}");
    assert_eq!(server.types_in("guerdon_log-main"), ["log-made"]);
}

#[tokio::test]
async fn keys_that_were_hidden_are_named() {
    let (server, store) = ledger().await;
    store.change_api_keys(vec![]).await.expect("changed");
    let keys = format!("guerdon_keys-{}", NEW_LOG.log_id);
    server.set_metadata(&keys, r#"{"$maxAge":1}"#);
    let error = store.api_keys().await.expect_err("it stops").to_string();
    assert!(error.contains(&keys), "{error}");
    let error = store.change_api_keys(vec![]).await.expect_err("it stops").to_string();
    assert!(error.contains(&keys), "{error}");
}

#[tokio::test]
async fn a_partition_that_was_deleted_for_good_is_named() {
    let (server, store) = ledger().await;
    let head = store.take_over(P0, MINE).await.expect("taken over");
    server.tombstone(STREAM);
    let refused = store.append(Append::after(P0, &head, two())).await;
    let Err(AppendError::InDoubt(in_doubt)) = refused else { panic!("{refused:?}") };
    let resolved = store.resolve_doubt(P0, MINE).await.expect_err("it stops");
    for error in [in_doubt, resolved] {
        assert!(error.to_string().contains("deleted for good") && !error.is_passing(), "{error}");
    }
}
