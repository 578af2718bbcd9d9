//! What is KurrentDB's own: answers that are lost, appends that come late, entries without a
//! position, names of logs; on the server of `services`.

mod damaged_streams;

use std::time::Duration;

use event_store::{
    Access, Append, AppendError, EventStore, NewLog, StoreError, StoreUrl, StoreUrlError,
};
use eventstore::{Client, StreamPosition, SubscribeToStreamOptions};
use log_record::{
    Epoch, Head, LogId, NewEvent, Partition, Place, Position, Private, RecordedEvent, WriterId,
};
use services::{AppendFault, KurrentServer};
use uuid::Uuid;

const P0: Partition = Partition(0);
const NEW_LOG: NewLog = NewLog { log_id: LogId(Uuid::from_u128(42)), partitions: 1 };
const STREAM: &str = "guerdon-00000000-0000-0000-0000-00000000002a-0";
const MINE: WriterId = WriterId(Uuid::from_u128(1));
const ANOTHERS: WriterId = WriterId(Uuid::from_u128(2));

#[tokio::test]
async fn an_append_whose_answer_is_lost_has_landed_or_never_will() {
    let faults = [AppendFault::NotLanded, AppendFault::NotLeader].map(|fault| (fault, 0));
    for (fault, lands) in faults.into_iter().chain([(AppendFault::Landed, 2)]) {
        let (server, store) = ledger().await;
        let head = store.take_over(P0, MINE).await.expect("taken over");
        server.fail_next_append(fault);
        let append = Append::after(P0, &head, two());
        let batch = append.batch;
        let lost = store.append(append).await;
        assert!(matches!(lost, Err(AppendError::InDoubt(StoreError::Kurrent { .. }))), "{lost:?}");
        let head = store.resolve_doubt(P0, MINE).await.expect("asked").expect("held");
        assert_eq!((head.position, head.epoch), (Position(lands), Epoch(2)), "{fault:?}");
        assert_eq!(head.last_batch == Some(batch), lands > 0, "{fault:?}");
        let landed = store.append(Append::after(P0, &head, two())).await;
        let landed = landed.ok().map(|landed| landed.position);
        assert_eq!(landed, Some(Position(lands + 2)), "it goes on after {fault:?}");
        assert_eq!(read(&store).await.len() as u64, lands + 2);
    }
}

#[tokio::test]
async fn an_append_that_arrives_before_the_doubt_is_resolved_has_landed() {
    let (server, store) = ledger().await;
    let (batch, _) = give_up(&server, &store).await;
    assert_eq!(server.deliver_late(), [true]);
    let head = store.resolve_doubt(P0, MINE).await.expect("asked").expect("held");
    assert_eq!((head.position, head.last_batch), (Position(2), Some(batch)));
}

#[tokio::test]
async fn an_append_that_arrives_after_the_doubt_was_resolved_never_lands() {
    let (server, store) = ledger().await;
    give_up(&server, &store).await;
    let head = store.resolve_doubt(P0, MINE).await.expect("asked").expect("held");
    assert_eq!((head.position, head.last_batch), (Position(0), None));
    assert_eq!(server.deliver_late(), [false], "it is shut out");
    store.append(Append::after(P0, &head, two())).await.expect("in the new epoch it lands");
    assert_eq!(read(&store).await.len(), 2);
}

#[tokio::test]
async fn an_append_that_arrives_after_another_writer_took_over_never_lands() {
    let (server, store) = ledger().await;
    give_up(&server, &store).await;
    let other = EventStore::open(&url(&server), Access::Write(NEW_LOG)).await.expect("it opens");
    let head = other.take_over(P0, ANOTHERS).await.expect("taken over");
    other.append(Append::after(P0, &head, two())).await.expect("appended");
    assert_eq!(server.deliver_late(), [false], "it is shut out");
    assert_eq!(store.resolve_doubt(P0, MINE).await.expect("asked"), None, "it was deposed");
    assert_eq!(server.types_in(STREAM), [RAISED, RAISED, EARNED, EARNED]);
}

#[tokio::test]
async fn a_take_over_whose_answer_is_lost_is_taken_again() {
    for (fault, epoch) in [(AppendFault::NotLanded, 1), (AppendFault::Landed, 2)] {
        let (server, store) = ledger().await;
        server.fail_next_append(fault);
        store.take_over(P0, MINE).await.expect_err("its answer was lost");
        let head = store.take_over(P0, MINE).await.expect("taken over");
        assert_eq!(head.epoch, Epoch(epoch), "{fault:?}");
    }
    // One that comes late deposes nobody.
    let (server, store) = ledger().await;
    server.fail_next_append(AppendFault::LandsLate);
    store.take_over(P0, MINE).await.expect_err("its answer was lost");
    let head = store.take_over(P0, ANOTHERS).await.expect("taken over");
    assert_eq!(server.deliver_late(), [false]);
    store.append(Append::after(P0, &head, two())).await.expect("it is the one");
}

#[tokio::test]
async fn an_append_that_is_refused_is_a_conflict_and_another_try_lands() {
    let (server, store) = ledger().await;
    let head = store.take_over(P0, MINE).await.expect("taken over");
    server.fail_next_append(AppendFault::Refused);
    let refused = store.append(Append::after(P0, &head, two())).await;
    assert!(matches!(refused, Err(AppendError::Conflict(there)) if there == head), "{refused:?}");
    store.append(Append::after(P0, &head, two())).await.expect("the head is where it was");
}

#[tokio::test]
async fn a_head_is_confirmed_by_the_server_alone() {
    let (server, store) = ledger().await;
    let head = store.take_over(P0, MINE).await.expect("taken over");
    store.confirm(P0, head.epoch, head.position).await.expect("it is so");
    server.fail_next_append(AppendFault::Landed);
    let lost = store.confirm(P0, head.epoch, head.position).await;
    assert!(matches!(lost, Err(AppendError::InDoubt(_))), "{lost:?}");
    let other = EventStore::open(&url(&server), Access::Write(NEW_LOG)).await.expect("it opens");
    other.take_over(P0, ANOTHERS).await.expect("taken over");
    let deposed = store.confirm(P0, head.epoch, head.position).await;
    assert!(matches!(deposed, Err(AppendError::Conflict(head)) if head.writer == Some(ANOTHERS)));
    assert_eq!(server.types_in(STREAM), [RAISED, RAISED], "to ask adds nothing");
}

#[tokio::test]
async fn reads_go_on_when_every_connection_was_cut() {
    let (server, store) = ledger().await;
    let head = store.take_over(P0, MINE).await.expect("taken over");
    store.append(Append::after(P0, &head, two())).await.expect("appended");
    for _ in 0..3 {
        server.cut_connections();
        // The first may be the one that finds out.
        let again = store.read(P0, Position::START, 9).await;
        assert!(again.is_ok() || again.is_err_and(|error| error.is_passing()));
        assert_eq!(read(&store).await.len(), 2);
    }
}

#[tokio::test]
async fn a_read_that_ends_early_is_no_whole_one() {
    let (server, store) = ledger().await;
    let head = store.take_over(P0, MINE).await.expect("taken over");
    store.append(Append::after(P0, &head, two())).await.expect("appended");
    server.cut_next_read();
    let error = store.read(P0, Position::START, 9).await.expect_err("some of it is missing");
    assert!(error.is_passing(), "{error}");
    assert_eq!(read(&store).await.len(), 2);
}

#[tokio::test]
async fn a_server_that_is_gone_is_named_and_one_that_comes_is_found() {
    let (server, store) = ledger().await;
    store.take_over(P0, MINE).await.expect("taken over");
    server.be_reachable(false);
    for _ in 0..2 {
        let error = store.head(P0).await.expect_err("nobody is there");
        assert!(error.is_passing(), "{error}");
        let said = error.to_string();
        assert!(said.contains(STREAM) && said.contains("127.0.0.1"), "{said}");
    }
    server.be_reachable(true);
    assert_eq!(store.head(P0).await.expect("it is back").epoch, Epoch(1));
}

/// Whatever node the URL prefers.
#[tokio::test]
async fn every_call_asks_for_the_leader() {
    let server = KurrentServer::start().expect("a server");
    let url = format!("{}&nodePreference=random", server.url("main"));
    let url: StoreUrl = url.parse().expect("a URL");
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    let head = store.take_over(P0, MINE).await.expect("taken over");
    store.append(Append::after(P0, &head, two())).await.expect("appended");
    store.confirm(P0, head.epoch, Position(2)).await.expect("it is so");
    store.change_api_keys(vec![]).await.expect("replaced");
    store.api_keys().await.expect("read");
    assert_eq!(read(&store).await.len(), 2);
    assert_eq!(server.calls_of_any_node(), 0);
}

/// Positions are the same whatever was raised between them, for a reader that begins anywhere.
#[tokio::test]
async fn positions_are_dense_across_the_epochs() {
    let (server, store) = ledger().await;
    for epoch in 1..=40 {
        let head = store.take_over(P0, MINE).await.expect("taken over");
        assert_eq!(head.epoch, Epoch(epoch));
        if epoch % 3 == 0 {
            store.append(Append::after(P0, &head, two())).await.expect("appended");
        }
    }
    let all = read(&store).await;
    assert_eq!(all.len(), 26);
    for after in (0..26).rev() {
        let fresh = EventStore::open(&url(&server), Access::Read).await.expect("it opens");
        for limit in [1, 3, 100] {
            let some = fresh.read(P0, Position(after), limit).await.expect("read");
            let at = usize::try_from(after).expect("it fits");
            assert_eq!(some, all[at..all.len().min(at + limit)], "{limit} after {after}");
        }
    }
    assert!(store.read(P0, Position(26), 9).await.expect("read").is_empty());
}

/// A leader that was cut off shows an old end until it notices that it leads no more.
#[tokio::test]
async fn events_that_are_not_shown_for_a_while_are_no_fork() {
    let (server, store) = ledger().await;
    let head = store.take_over(P0, MINE).await.expect("taken over");
    store.append(Append::after(P0, &head, two())).await.expect("appended");
    let last = read(&store).await.pop().expect("there are events");
    let mut follower = store.follow_from(last.place, last.checksum).expect("a partition");
    let tail = server.lose_tail(STREAM, 1);
    let looked = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.give_back(tail);
        let head = store.head(P0).await.expect("head");
        store.append(Append::after(P0, &head, two())).await.expect("appended");
    };
    let (events, ()) = tokio::join!(follower.next(9), looked);
    assert_eq!(events.expect("it is no fork").len(), 2);
}

/// What this process knew of the stream is no longer so.
#[tokio::test]
async fn a_log_that_came_back_shorter_is_noticed_by_who_had_read_on() {
    let (server, store) = ledger().await;
    for _ in 0..4 {
        let head = store.take_over(P0, MINE).await.expect("taken over");
        store.append(Append::after(P0, &head, two())).await.expect("appended");
    }
    let last = read(&store).await.pop().expect("there are events");
    let mut follower = store.follow_from(last.place, last.checksum).expect("a partition");
    // Two of the four epochs, with what was appended in them.
    server.lose_tail(STREAM, 6);
    let forked = follower.next(9).await.expect_err("it is gone");
    assert!(matches!(forked, StoreError::Forked { place } if place == last.place), "{forked}");
    let head = store.head(P0).await.expect("head");
    assert_eq!((head.position, head.epoch), (Position(4), Epoch(2)));
    let stale = Append { epoch: Epoch(4), ..Append::after(P0, &head, two()) };
    let refused = store.append(Append { expected: Position(8), ..stale }).await;
    assert!(matches!(refused, Err(AppendError::Conflict(there)) if there == head), "{refused:?}");
    for _ in 0..5 {
        store.take_over(P0, MINE).await.expect("taken over");
    }
    let head = store.head(P0).await.expect("head");
    store.append(Append::after(P0, &head, two())).await.expect("it goes on");
    let positions: Vec<u64> = read(&store).await.iter().map(|row| row.position().0).collect();
    assert_eq!(positions, [1, 2, 3, 4, 5, 6]);
    let rest = store.read(P0, Position(4), 9).await.expect("read");
    assert_eq!(rest.len(), 2, "found where they now are");
}

#[tokio::test]
async fn an_end_that_is_never_where_it_was_read_is_given_up() {
    let (server, store) = ledger().await;
    for _ in 0..10_000 {
        server.fail_next_append(AppendFault::Refused);
    }
    let error = store.take_over(P0, MINE).await.expect_err("it gives up");
    assert!(error.is_passing() && error.to_string().contains(STREAM), "{error}");
}

#[tokio::test]
async fn a_node_that_knows_no_leader_does_not_say_that_the_log_is_empty() {
    let (server, store) = ledger().await;
    store.take_over(P0, MINE).await.expect("taken over");
    server.know_leader(false);
    let error = store.head(P0).await.expect_err("nobody has looked");
    assert!(error.is_passing(), "{error}");
    server.know_leader(true);
    assert_eq!(store.head(P0).await.expect("head").epoch, Epoch(1));
}

/// As somebody's own program would: the makers' client, and nothing of the ledger's.
#[tokio::test]
async fn a_subscription_follows_the_ledger_and_nobody_deletes_it() {
    let (server, store) = ledger().await;
    let client = Client::new(server.url("main").parse().expect("a URL")).expect("a client");
    let from_start = SubscribeToStreamOptions::default().start_from(StreamPosition::Start);
    let head = store.take_over(P0, MINE).await.expect("taken over");
    let mut following = client.subscribe_to_stream(STREAM, &from_start).await;
    let mut types = vec![];
    store.append(Append::after(P0, &head, two())).await.expect("appended");
    while types.len() < 3 {
        let entry = following.next().await.expect("it goes on").event.expect("an event");
        types.push(entry.event_type.clone());
        if entry.event_type == EARNED {
            let public: serde_json::Value = entry.as_json().expect("the public text");
            assert_eq!(public["text"], "gruß \u{0}");
        }
    }
    assert_eq!(types, [RAISED, EARNED, EARNED]);
    client.delete_stream(STREAM, &Default::default()).await.expect_err("it deletes nothing");
    assert_eq!(read(&store).await.len(), 2);
}

#[tokio::test]
async fn what_was_erased_elsewhere_stays_erased_and_verifiable() {
    let (_server, store) = ledger().await;
    let head = store.take_over(P0, MINE).await.expect("taken over");
    let place = Place { partition: P0, position: Position(1) };
    let event = two().remove(0);
    let mut row = RecordedEvent::seal(NEW_LOG.log_id, head.generation, place, event);
    row.private = Private::Erased(row.private_hash());
    store.append_recorded(Append::after(P0, &head, vec![row.clone()])).await.expect("appended");
    assert_eq!(read(&store).await, [row]);
}

#[tokio::test]
async fn a_name_means_one_log_and_a_log_has_one_name() {
    let server = KurrentServer::start().expect("a server");
    let missing = EventStore::open(&url(&server), Access::Read).await.expect_err("none yet");
    assert!(matches!(missing, StoreError::Missing { .. }), "{missing}");
    let store = EventStore::open(&url(&server), Access::Write(NEW_LOG)).await.expect("made");
    let other = NewLog { log_id: LogId(Uuid::from_u128(7)), partitions: 5 };
    let again = EventStore::open(&url(&server), Access::Write(other)).await.expect("it opens");
    assert_eq!((again.log_id(), again.partitions()), (NEW_LOG.log_id, 1));
    let second: StoreUrl = server.url("second").parse().expect("a URL");
    let many = EventStore::open(&second, Access::Write(other)).await.expect_err("refused");
    assert!(matches!(many, StoreError::OnePartitionOnly { partitions: 5, .. }), "{many}");
    let other = NewLog { partitions: 1, ..other };
    let beside = EventStore::open(&second, Access::Write(other)).await.expect("made");
    assert_eq!(beside.log_id(), other.log_id);

    store.take_over(P0, MINE).await.expect("taken over");
    let third: StoreUrl = server.url("third").parse().expect("a URL");
    let twice = EventStore::open(&third, Access::Write(NEW_LOG)).await.expect_err("refused");
    assert!(matches!(twice, StoreError::AnotherName { .. }), "{twice}");
}

#[tokio::test]
async fn two_that_make_a_log_at_once_make_the_same() {
    let server = KurrentServer::start().expect("a server");
    let url = url(&server);
    let log = |id| Access::Write(NewLog { log_id: LogId(Uuid::from_u128(id)), partitions: 1 });
    let (one, other) = (EventStore::open(&url, log(1)), EventStore::open(&url, log(2)));
    let (one, other) = tokio::join!(one, other);
    assert_eq!(one.expect("it opens").log_id(), other.expect("it opens").log_id());
}

#[tokio::test]
async fn an_append_beyond_the_servers_limit_is_in_doubt_and_nothing_landed() {
    let (_server, store) = ledger().await;
    let head = store.take_over(P0, MINE).await.expect("taken over");
    let events: Vec<NewEvent> = (0..3_000).flat_map(|_| two()).collect();
    let fitting = store.append_limit().fitting(&events);
    assert!((700..3_000).contains(&fitting), "{fitting} fit");
    let refused = store.append(Append::after(P0, &head, events.clone())).await;
    let Err(AppendError::InDoubt(error)) = refused else { panic!("{refused:?}") };
    assert!(event_store::with_causes(&error).contains("Maximum Append Size"), "{error}");
    let head = store.resolve_doubt(P0, MINE).await.expect("asked").expect("held");
    assert_eq!(head.position, Position(0));
    let some = events[..fitting].to_vec();
    store.append(Append::after(P0, &head, some)).await.expect("what fits lands");
}

/// A certificate that has no end makes the client panic.
#[tokio::test]
async fn a_file_that_is_no_certificate_is_refused_in_a_sentence() {
    let server = KurrentServer::start().expect("a server");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nMIIB\n").expect("written");
    let url = format!("{}&tlsCaFile={}", server.url("main"), file.display());
    let url: StoreUrl = url.parse().expect("a URL");
    let error = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect_err("refused");
    assert!(event_store::with_causes(&error).contains("tlsCaFile"), "{error:?}");
}

#[tokio::test]
async fn a_connection_stays_where_the_server_itself_refuses() {
    let (server, store) = ledger().await;
    let mut head = store.take_over(P0, MINE).await.expect("taken over");
    let before = server.connections();
    for fault in [AppendFault::AccessDenied, AppendFault::Invalid, AppendFault::Refused] {
        server.fail_next_append(fault);
        store.append(Append::after(P0, &head, two())).await.expect_err("refused");
        head = store.resolve_doubt(P0, MINE).await.expect("asked").expect("held");
    }
    assert_eq!(server.connections(), before);
    server.fail_next_append(AppendFault::NotLanded);
    store.append(Append::after(P0, &head, two())).await.expect_err("lost");
    store.head(P0).await.expect("asked");
    assert!(server.connections() > before, "this one was cut");
}

#[tokio::test]
async fn an_append_that_is_never_answered_is_in_doubt_after_a_while() {
    let (server, store) = ledger().await;
    let head = store.take_over(P0, MINE).await.expect("taken over");
    server.fail_next_append(AppendFault::Silent);
    let lost = store.append(Append::after(P0, &head, two())).await;
    let Err(AppendError::InDoubt(error)) = lost else { panic!("{lost:?}") };
    assert!(event_store::with_causes(&error).contains("no answer came"), "{error:?}");
    let head = store.resolve_doubt(P0, MINE).await.expect("asked").expect("held");
    store.append(Append::after(P0, &head, two())).await.expect("the next is answered");
}

#[tokio::test]
async fn nothing_is_archived() {
    let (_server, store) = ledger().await;
    let refused = store.range_positions().await.expect_err("refused");
    assert!(matches!(refused, StoreError::NoArchive), "{refused}");
}

#[test]
fn a_url_that_is_none_is_refused_in_a_sentence() {
    let error = "kurrentdb://ann:s3cret@:x".parse::<StoreUrl>().expect_err("refused");
    assert!(matches!(error, StoreUrlError::Kurrent(_)) && !error.to_string().contains("s3cret"));
}

const RAISED: &str = "epoch-raised";
const EARNED: &str = "credit-earned";

async fn ledger() -> (KurrentServer, EventStore) {
    let server = KurrentServer::start().expect("a server");
    let store = EventStore::open(&url(&server), Access::Write(NEW_LOG)).await.expect("it opens");
    (server, store)
}

fn url(server: &KurrentServer) -> StoreUrl {
    server.url("main").parse().expect("a URL")
}

/// Sends an append that still is on its way when its writer gives it up.
async fn give_up(server: &KurrentServer, store: &EventStore) -> (log_record::BatchId, Head) {
    let head = store.take_over(P0, MINE).await.expect("taken over");
    server.fail_next_append(AppendFault::LandsLate);
    let append = Append::after(P0, &head, two());
    let batch = append.batch;
    let lost = store.append(append).await;
    assert!(matches!(lost, Err(AppendError::InDoubt(_))), "{lost:?}");
    (batch, head)
}

fn two() -> Vec<NewEvent> {
    let event = |name: &str| NewEvent {
        event_type: EARNED,
        version: 1,
        recorded_at: 1_795_248_000_000_000,
        account_id: Some("änn \"x\"".into()),
        public: format!(r#"{{"name":"{name}", "text":"gruß \u0000"}}"#).into(),
        private: r#"{"salt":"00","deliver_to":"1 \"Elm\" Street\n"}"#.into(),
    };
    vec![event("a"), event("b")]
}

async fn read(store: &EventStore) -> Vec<RecordedEvent> {
    store.read(P0, Position::START, usize::MAX).await.expect("read")
}
