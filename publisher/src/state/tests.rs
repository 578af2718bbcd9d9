//! Tests of the state, on SQLite and on PostgreSQL.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use log_record::{Generation, PackedPlace};
use services::TestDatabase;
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

use super::checkpoint::{Checkpoint, FeedCheckpoint, LaneCheckpoint};
use super::error::StateError;
use super::parked::{Parking, SHOWN_BYTES_MAX};
use super::store::{LEASE, State};
use super::unaccepted::{AcknowledgedAt, Checked, Unaccepted};
use super::{ParkedAbout, StateUrl, erase_parked, has_state, migrate_state, parked_about};
use crate::clock::UnixMillis;
use crate::kafka::acknowledged::PartitionOffset;
use crate::kafka::consumer::{Incoming, Offset};
use crate::kafka::reader::Remembered;
use crate::kafka::topic_partition::TopicPartition;
use crate::lane_name::FeedName;

/// A state on each database, with the folder or server under it.
async fn states() -> [(State, Option<TempDir>, Option<TestDatabase>); 2] {
    let folder = tempfile::tempdir().expect("a folder");
    let file = StateUrl::Sqlite(folder.path().join("publisher.sqlite"));
    let database = TestDatabase::create().expect("a database");
    let server: StateUrl = database.url().parse().expect("a URL");
    let (on_file, on_server) = (open(&file).await, open(&server).await);
    [(on_file, Some(folder), None), (on_server, None, Some(database))]
}

fn feed(name: &str) -> FeedName {
    name.parse().expect("a feed's name")
}

async fn open(url: &StateUrl) -> State {
    migrate_state(url).await.expect("migrated");
    State::open(url).await.expect("opened")
}

#[tokio::test]
async fn a_state_is_there_once_a_publisher_has_begun() {
    for (state, ..) in states().await {
        let url = &state.database.url;
        assert!(!has_state(url).await.expect("asked"), "it has tables, and nothing in them");
        assert!(state.take_lease("log").await.expect("asked").is_some());
        assert!(has_state(url).await.expect("asked"));
    }
    let nowhere = StateUrl::Sqlite("/nowhere/publisher.sqlite".into());
    assert!(!has_state(&nowhere).await.expect("asked"), "nothing is made");
}

#[tokio::test]
async fn another_takes_a_lease_only_when_it_has_run_out() {
    for (state, ..) in states().await {
        let other = State::open(&state.database.url).await.expect("opened");
        assert!(state.take_lease("log").await.expect("asked").is_some());
        assert_eq!(other.take_lease("log").await.expect("asked"), None);
        tokio::time::sleep(LEASE).await;
        assert!(other.take_lease("log").await.expect("asked").is_some());
    }
}

#[tokio::test]
async fn a_lease_that_a_clock_left_which_went_back_is_taken() {
    for (state, ..) in states().await {
        let other = State::open(&state.database.url).await.expect("opened");
        let lease = state.take_lease("log").await.expect("asked").expect("a lease");
        let mut writing = state.database.begin().await.expect("begun");
        let hour = "update lease set expires_at = expires_at + 3600000";
        assert_eq!(writing.run(hour, &[]).await.expect("written"), 1);
        writing.commit().await.expect("written");
        assert!(other.take_lease("log").await.expect("asked").is_some());
        assert!(matches!(state.renew_lease(lease).await, Err(StateError::Deposed)));
    }
}

/// It is frozen within a transaction, or its machine is lost.
#[tokio::test]
async fn a_frozen_publisher_keeps_nobody_waiting_and_its_lease_no_longer_than_it_lasts() {
    const SOON: Duration = Duration::from_secs(4);
    for (state, ..) in states().await {
        let other = State::open(&state.database.url).await.expect("opened");
        let lease = state.take_lease("log").await.expect("asked").expect("a lease");
        let frozen = state.fenced(lease).await.expect("begun");
        let begun = Instant::now();
        let asked = async || timeout(SOON, other.take_lease("log")).await.expect("in time");
        let counted = async || timeout(SOON, other.parked_count()).await.expect("in time");
        let (taken, parked) = tokio::join!(asked(), counted());
        assert!(!matches!(taken, Ok(Some(_))), "{taken:?}");
        assert_eq!(parked.expect("whoever reads needs no lock"), 0);
        let own = timeout(SOON, state.renew_lease(lease)).await.expect("in time");
        assert!(matches!(own, Err(StateError::InUse { .. })), "{own:?}");
        if let StateUrl::Postgres(_) = state.database.url {
            while !matches!(asked().await, Ok(Some(_))) {
                assert!(begun.elapsed() < 4 * LEASE, "the lease is held");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            println!("the lease was taken after {:.1?}", begun.elapsed());
            drop(frozen);
            let deposed = state.renew_lease(lease).await;
            assert!(matches!(deposed, Err(StateError::Deposed)), "{deposed:?}");
        }
    }
}

fn unaccepted(feed: &FeedName, place: i64) -> Unaccepted {
    Unaccepted {
        place: PackedPlace::from_i64(place),
        shipping_request_id: place.to_string(),
        feed: feed.clone(),
        attempts: 1,
        due_at: UnixMillis(1),
        is_overdue: false,
        is_asked_for: false,
    }
}

/// A check up to a place that found these requests unaccepted.
fn checked<'a>(feed: &'a FeedName, to: i64, unaccepted: &'a [Unaccepted]) -> Checked<'a> {
    Checked { feed, to: PackedPlace::from_i64(to), unaccepted, done_by: None }
}

#[tokio::test]
async fn rows_beyond_the_place_where_an_operator_goes_on_are_deleted() {
    for (state, ..) in states().await {
        let lease = state.take_lease("log").await.expect("asked").expect("a lease");
        let places = async |feed: &FeedName| {
            let due = state.due(feed, UnixMillis(1), 10).await.expect("read");
            due.into_iter().map(|row| row.place.as_i64()).collect::<Vec<_>>()
        };
        let acknowledged_by_2 = async |feed: &FeedName| {
            let to = state.acknowledged_by(feed, UnixMillis(2)).await.expect("read");
            to.map(PackedPlace::as_i64)
        };
        let (main, north) = (feed("0/main"), feed("0/north"));
        for (feed, first) in [(&main, 0), (&north, 1)] {
            let late = [300 + first, 900 + first].map(|place| unaccepted(feed, place));
            state.note_checked(lease, checked(feed, 950, &late)).await.expect("noted");
            for (at, to) in [(1, 300), (2, 950)] {
                let (at, to) = (UnixMillis(at), PackedPlace::from_i64(to));
                let marked = state.mark_acknowledged(lease, feed, AcknowledgedAt { at, to }).await;
                marked.expect("marked");
            }
        }
        let to = PackedPlace::from_i64(300);
        let row = FeedCheckpoint {
            feed: main.clone(),
            acknowledged_to: to,
            checked_to: to,
            stopped_why: None,
        };
        state.continue_feed(&row, &[]).await.expect("gone on");
        assert_eq!(places(&main).await, [300]);
        assert_eq!(acknowledged_by_2(&main).await, Some(300));
        assert_eq!(places(&north).await, [301, 901], "another warehouse's rows stay");
        assert_eq!(acknowledged_by_2(&north).await, Some(950));
    }
}

#[tokio::test]
async fn a_resend_that_an_operator_asks_for_during_a_turn_is_still_done() {
    for (state, ..) in states().await {
        let lease = state.take_lease("log").await.expect("asked").expect("a lease");
        let main = feed("0/main");
        let due = async || {
            let mut due = state.due(&main, UnixMillis(1), 10).await.expect("read");
            due.sort_by_key(|row| row.place);
            due
        };
        let late = [1, 2, 3].map(|place| unaccepted(&main, place));
        state.note_checked(lease, checked(&main, 3, &late)).await.expect("noted");
        let turn = async |read: Vec<Unaccepted>| {
            state.delete_unaccepted(lease, &read[..1]).await.expect("deleted");
            let later = Unaccepted { due_at: UnixMillis(2), ..read[1].clone() };
            state.reschedule(lease, &read[1], &later).await.expect("rescheduled");
            let place = PackedPlace::from_i64(3);
            let sent = Unaccepted { place, attempts: 2, is_asked_for: false, ..later };
            state.reschedule(lease, &read[2], &sent).await.expect("rescheduled");
        };
        let read = due().await;
        for row in &read {
            let asked = Unaccepted { is_asked_for: true, ..row.clone() };
            state.ask_for(&asked).await.expect("asked for");
        }
        turn(read).await;
        let asked = due().await;
        let rows = asked.iter().map(|row| (row.place.as_i64(), row.attempts, row.is_asked_for));
        assert_eq!(rows.collect::<Vec<_>>(), [(1, 1, true), (2, 1, true), (3, 2, true)]);

        turn(asked).await;
        assert_eq!(due().await, [], "it was asked for once");
    }
}

#[tokio::test]
async fn a_loss_stays_marked_on_the_lanes_that_have_not_gone_back() {
    for (state, ..) in states().await {
        let lease = state.take_lease("log").await.expect("asked").expect("a lease");
        let partition = TopicPartition(3);
        let lane = |name: &str, topic_partition| LaneCheckpoint {
            topic: "requests".into(),
            topic_partition: TopicPartition(topic_partition),
            place: PackedPlace::from_i64(7),
            ..LaneCheckpoint::new(name.parse().expect("a lane's name"))
        };
        let ends_at = |offset, losses| PartitionOffset {
            topic: "requests".into(),
            partition,
            offset,
            losses,
        };
        let lanes = vec![lane("0/main/1", 3), lane("0/main/2", 3), lane("0/main/3", 4)];
        let partitions = vec![ends_at(50, 0)];
        let before = Checkpoint { lanes, partitions, ..Checkpoint::default() };
        state.save(lease, &before).await.expect("saved");
        // By then the partition may have got more messages than it had before.
        let lost = |lanes: Vec<LaneCheckpoint>, offset| Checkpoint {
            lanes,
            partitions: vec![ends_at(offset, 1)],
            gone_back: BTreeSet::from([partition]),
            ..Checkpoint::default()
        };
        let back = |name: &str| vec![lane(name, 3).before(PackedPlace::from_i64(1), 1)];
        state.save(lease, &lost(back("0/main/1"), 60)).await.expect("saved");
        assert_eq!(lost_lanes(&state).await, ["0/main/2"]);
        // A lane that goes back later finds its mark.
        state.save(lease, &lost(back("0/main/2"), 64)).await.expect("saved");
        assert_eq!(lost_lanes(&state).await, [""; 0]);
        state.keep_partitions(lease, "requests", 3).await.expect("saved");
        assert_eq!(state.load().await.expect("read").partitions, []);
    }
}

async fn lost_lanes(state: &State) -> Vec<String> {
    let lanes = state.load().await.expect("read").lanes;
    lanes.into_iter().filter(|lane| lane.is_lost).map(|lane| lane.lane.to_string()).collect()
}

#[tokio::test]
async fn a_reason_that_quotes_the_character_0_is_stored_without_it() {
    for (state, ..) in states().await {
        let message = Incoming {
            at: Offset { topic: "events".into(), partition: TopicPartition(0), offset: 7 },
            key: Some(b"\0".to_vec()),
            body: b"\0".to_vec(),
            traceparent: None,
        };
        let reason = "The field a\0 is not known";
        let code = "invalid-field";
        let parking = Parking { message: &message, code, reason, at: UnixMillis(1) };
        state.park(parking).await.expect("parked");
        let parked = state.parked(0, 10).await.expect("read");
        assert_eq!(parked[0].reason, "The field a\u{fffd} is not known");
        state.park_again(parked[0].parked_id, code, "\0").await.expect("parked");
    }
}

#[tokio::test]
async fn a_list_has_the_beginnings_of_large_messages_and_one_by_its_id_is_whole() {
    for (state, ..) in states().await {
        let message = Incoming {
            at: Offset { topic: "events".into(), partition: TopicPartition(0), offset: 7 },
            key: Some(vec![b'k'; 1_000_000]),
            body: vec![b'b'; 1_000_000],
            traceparent: None,
        };
        let (code, reason) = ("invalid-field", "It is too long.");
        let parking = Parking { message: &message, code, reason, at: UnixMillis(1) };
        state.park(parking).await.expect("parked");
        let listed = state.parked(0, 10).await.expect("read");
        let shown = usize::try_from(SHOWN_BYTES_MAX).expect("it fits");
        assert_eq!(listed[0].body.len(), shown);
        assert_eq!(listed[0].message_key.as_ref().map(Vec::len), Some(shown));
        assert_eq!(listed[0].body_bytes, 1_000_000);
        let whole = state.parked_message(listed[0].parked_id).await.expect("read").expect("one");
        assert_eq!((whole.body, whole.message_key), (message.body, message.key));
        assert_eq!(state.parked_message(0).await.expect("read"), None);
    }
}

#[tokio::test]
async fn how_far_an_inbound_topic_is_read_is_kept_by_topic_and_partition() {
    for (state, ..) in states().await {
        let at = |next, generation| Remembered { next, generation: Generation(generation) };
        let first = BTreeMap::from([(TopicPartition(0), at(5, 1)), (TopicPartition(7), at(0, 1))]);
        state.save_inbound("events", &first).await.expect("saved");
        state.save_inbound("earnings", &first).await.expect("saved");
        let later = BTreeMap::from([(TopicPartition(7), at(3, 2))]);
        state.save_inbound("events", &later).await.expect("saved");
        let found = state.inbound("events").await.expect("read");
        let wanted = BTreeMap::from([(TopicPartition(0), at(5, 1)), (TopicPartition(7), at(3, 2))]);
        assert_eq!(found, wanted);
        assert_eq!(state.inbound("earnings").await.expect("read"), first);
    }
}

#[tokio::test]
async fn the_parked_messages_of_an_account_go_with_what_is_private_of_it() {
    for (state, folder, _database) in states().await {
        let bodies = [
            r#"{"account_id":"ann","reason":"Zyxwolf"}"#,
            r#"{"account_id":"bob","reason":"hers"}"#,
            r#"{"shipping_request_id":"of-ann","event":"lost","reason":"Zyxwolf"}"#,
            r#"{"shipping_request_id":"of-bob","event":"lost"}"#,
            "no JSON of anybody's",
        ];
        for (offset, body) in (0..).zip(bodies) {
            let message = Incoming {
                at: Offset { topic: "events".into(), partition: TopicPartition(0), offset },
                key: None,
                body: body.into(),
                traceparent: None,
            };
            let (code, reason) = ("invalid-field", "It can't be used.");
            let parking = Parking { message: &message, code, reason, at: UnixMillis(1) };
            state.park(parking).await.expect("parked");
        }
        let url = &state.database.url;
        let found = parked_about(url).await.expect("read");
        let account = |id: &str| ParkedAbout::Account(id.into());
        let request = |id: &str| ParkedAbout::Request(id.into());
        let whom: Vec<_> = found.iter().map(|(_, about)| about.clone()).collect();
        assert_eq!(whom, [account("ann"), account("bob"), request("of-ann"), request("of-bob")]);
        erase_parked(url, &[found[0].0, found[2].0]).await.expect("erased");
        erase_parked(url, &[found[0].0]).await.expect("erased again");
        let left = state.parked(0, 10).await.expect("read");
        let left: Vec<&[u8]> = left.iter().map(|message| &*message.body).collect();
        assert_eq!(left, [1, 3, 4].map(|kept| bodies[kept].as_bytes()));
        for file in folder.iter().flat_map(|folder| std::fs::read_dir(folder).expect("listed")) {
            let bytes = std::fs::read(file.expect("listed").path()).expect("read");
            assert!(!bytes.windows(7).any(|found| found == b"Zyxwolf"));
        }
    }
    let nowhere = StateUrl::Sqlite("/nowhere/publisher.sqlite".into());
    assert_eq!(parked_about(&nowhere).await.expect("asked"), []);
    erase_parked(&nowhere, &[1]).await.expect("nothing is there");
}
