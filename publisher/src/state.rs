//! What the publisher has to remember, in tables that no rebuild touches.
//!
//! Only who holds the lease writes what is sent: each such write is conditional on its epoch, so
//! that a publisher that was deposed without noticing changes nothing. What an operator asks for,
//! and what is parked, may be written by anybody.

mod database;
mod lease;
mod parked;
mod unaccepted;

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::ends::FeedName;
use database::{Database, Transaction, Value};

pub use database::{StateUrl, migrate_state};
use lease::LEASE_MILLIS;
pub(crate) use lease::{LEASE, Lease};
pub(crate) use parked::{ParkedMessage, ToPark};
pub(crate) use unaccepted::Unaccepted;

/// Why the state can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The database refused.
    #[error("the publisher's state at {at} can't be used")]
    Database {
        /// The state.
        at: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A newer build made it.
    #[error(
        "the publisher's state {at} was made by a newer build (migration {version}); run that one"
    )]
    NewerSchema {
        /// The state.
        at: String,
        /// The migration that this build doesn't know.
        version: i64,
    },
    /// A PostgreSQL can't be reached, or its schema isn't this build's.
    #[error("the publisher's state can't be used")]
    Postgres(#[from] postgres_connection::PostgresError),
    /// It is of another log.
    #[error(
        "the publisher's state is of log {of}, and this is log {log}; give it the state that \
         belongs to the log, or a new place for another one"
    )]
    OtherLog {
        /// Whose it is.
        of: String,
        /// Whose it was to be.
        log: String,
    },
    /// Another publisher has taken the lease.
    #[error("another publisher has taken over")]
    Deposed,
}

/// The publisher's tables.
#[derive(Debug)]
pub(crate) struct State {
    database: Database,
    /// Of this process; another start has another.
    holder: String,
}

/// What is to be kept of a lane.
#[derive(Clone, Debug, PartialEq, Eq, sql_macros::FromRow)]
pub(crate) struct LaneRow {
    pub(crate) lane: String,
    pub(crate) feed: String,
    pub(crate) topic: String,
    pub(crate) topic_partition: i64,
    /// Of the last message before which, and with which, all is acknowledged; 0: of none.
    pub(crate) place: i64,
    pub(crate) sequence: i64,
    pub(crate) message_id: String,
    pub(crate) digest: String,
    pub(crate) blocked_why: Option<String>,
    /// 1: its partition has lost messages, and it is yet to go back.
    pub(crate) is_lost: i64,
}

impl LaneRow {
    /// A lane that has sent nothing yet, and has no partition.
    pub(crate) fn new(lane: &str, feed: &FeedName) -> Self {
        Self {
            lane: lane.into(),
            feed: feed.to_string(),
            topic: String::new(),
            topic_partition: 0,
            place: 0,
            sequence: 0,
            message_id: String::new(),
            digest: String::new(),
            blocked_why: None,
            is_lost: 0,
        }
    }

    /// The lane as if a message was the next that it has to send.
    pub(crate) fn before(&self, place: i64, sequence: i64) -> Self {
        let (place, sequence) = (place - 1, sequence - 1);
        let (message_id, digest) = (String::new(), String::new());
        Self { place, sequence, message_id, digest, is_lost: 0, ..self.clone() }
    }
}

/// What is to be kept of a warehouse.
#[derive(Clone, Debug, PartialEq, Eq, sql_macros::FromRow)]
pub(crate) struct FeedRow {
    pub(crate) feed: String,
    /// Every message up to here is acknowledged, but for those of blocked lanes.
    pub(crate) acknowledged_to: i64,
    pub(crate) checked_to: i64,
    pub(crate) stopped_why: Option<String>,
}

/// How far a topic's partition was acknowledged, and how often it has lost messages.
#[derive(Clone, Debug, PartialEq, Eq, sql_macros::FromRow)]
pub(crate) struct PartitionRow {
    pub(crate) topic: String,
    pub(crate) topic_partition: i64,
    pub(crate) topic_offset: i64,
    pub(crate) losses: i64,
}

/// All that a start goes on from.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) lanes: Vec<LaneRow>,
    pub(crate) feeds: Vec<FeedRow>,
    pub(crate) partitions: Vec<PartitionRow>,
}

/// What has changed since the last time, of one warehouse.
#[derive(Debug, Default)]
pub(crate) struct Checkpoint {
    pub(crate) lanes: Vec<LaneRow>,
    pub(crate) partitions: Vec<PartitionRow>,
    /// Those of them whose loss the warehouse's lanes have gone back for.
    pub(crate) lost: BTreeSet<i64>,
    /// How far the warehouse is acknowledged; never lower than its lanes say.
    pub(crate) acknowledged: Option<(String, i64)>,
}

impl State {
    pub(crate) async fn open(url: &StateUrl) -> Result<Self, StateError> {
        let database = Database::open(url).await?;
        Ok(Self { database, holder: Uuid::now_v7().to_string() })
    }

    pub(crate) async fn read(&self) -> Result<Kept, StateError> {
        let mut reading = self.database.begin().await?;
        let lanes = reading.all(include_str!("sql/select_lanes.sql"), &[]).await?;
        let feeds = reading.all(include_str!("sql/select_feeds.sql"), &[]).await?;
        let partitions = reading.all(include_str!("sql/select_topic_partitions.sql"), &[]).await?;
        reading.commit().await?;
        Ok(Kept { lanes, feeds, partitions })
    }

    /// Writes what was acknowledged; all of it or nothing.
    pub(crate) async fn save(&self, lease: Lease, news: &Checkpoint) -> Result<(), StateError> {
        let mut writing = self.fenced(lease).await?;
        for row in &news.partitions {
            let (topic, partition) = (Value::Text(&row.topic), Value::Int(row.topic_partition));
            let losses = Value::Int(row.losses);
            // Other warehouses' lanes go back when they get to it, if need be after a start.
            if news.lost.contains(&row.topic_partition) {
                let values = [topic, partition, losses];
                writing.run(include_str!("sql/mark_lanes_lost.sql"), &values).await?;
            }
            let values = [topic, partition, Value::Int(row.topic_offset), losses];
            writing.run(include_str!("sql/upsert_topic_partition.sql"), &values).await?;
        }
        write_lanes(&mut writing, &news.lanes).await?;
        if let Some((feed, to)) = &news.acknowledged {
            let values = [Value::Text(feed), Value::Int(*to)];
            writing.run(include_str!("sql/upsert_feed.sql"), &values).await?;
        }
        writing.commit().await
    }

    /// A topic has so many partitions: of others nothing is known any more.
    pub(crate) async fn forget_partitions(
        &self,
        lease: Lease,
        topic: &str,
        partitions: i32,
    ) -> Result<(), StateError> {
        let mut writing = self.fenced(lease).await?;
        let values = [Value::Text(topic), Value::Int(partitions.into())];
        writing.run(include_str!("sql/forget_topic_partitions.sql"), &values).await?;
        writing.commit().await
    }

    /// Notes why nothing is sent to a warehouse.
    pub(crate) async fn stop_feed(
        &self,
        lease: Lease,
        feed: &str,
        why: Option<&str>,
    ) -> Result<(), StateError> {
        let mut writing = self.fenced(lease).await?;
        let values = [Value::Text(feed), Value::OptionText(why)];
        writing.run(include_str!("sql/stop_feed.sql"), &values).await?;
        writing.commit().await
    }

    /// An operator's word from where to go on with a feed that nobody feeds. What was noted beyond
    /// that is of a history that there isn't any more.
    pub(crate) async fn continue_feed(
        &self,
        row: &FeedRow,
        lanes: &[LaneRow],
    ) -> Result<(), StateError> {
        let mut writing = self.database.begin().await?;
        write_lanes(&mut writing, lanes).await?;
        let values =
            [Value::Text(&row.feed), Value::Int(row.acknowledged_to), Value::Int(row.checked_to)];
        writing.run(include_str!("sql/continue_feed.sql"), &values).await?;
        let beyond = [Value::Text(&row.feed), Value::Int(row.acknowledged_to)];
        writing.run(include_str!("sql/delete_unaccepted_after.sql"), &beyond).await?;
        writing.run(include_str!("sql/delete_acknowledgements_after.sql"), &beyond).await?;
        writing.commit().await
    }

    /// A transaction that only the lease's holder can begin, and which renews it.
    async fn fenced(&self, lease: Lease) -> Result<Transaction<'_>, StateError> {
        let mut writing = self.database.begin().await?;
        let until = writing.now().await? + LEASE_MILLIS;
        let values = [Value::Int(lease.epoch()), Value::Text(&self.holder), Value::Int(until)];
        if writing.run(include_str!("sql/renew_lease.sql"), &values).await? == 0 {
            return Err(StateError::Deposed);
        }
        Ok(writing)
    }
}

async fn write_lanes(writing: &mut Transaction<'_>, lanes: &[LaneRow]) -> Result<(), StateError> {
    for row in lanes {
        let values = [
            Value::Text(&row.lane),
            Value::Text(&row.feed),
            Value::Text(&row.topic),
            Value::Int(row.topic_partition),
            Value::Int(row.place),
            Value::Int(row.sequence),
            Value::Text(&row.message_id),
            Value::Text(&row.digest),
            Value::OptionText(row.blocked_why.as_deref()),
            Value::Int(row.is_lost),
        ];
        writing.run(include_str!("sql/upsert_lane.sql"), &values).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use services::TestDatabase;
    use tempfile::TempDir;

    use super::*;
    use crate::kafka::{Incoming, Offset};

    /// A state on either database, and what it stands on.
    async fn states() -> [(State, Option<TempDir>, Option<TestDatabase>); 2] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = StateUrl::Sqlite(folder.path().join("publisher.sqlite"));
        let database = TestDatabase::create().expect("a database");
        let server: StateUrl = database.url().parse().expect("a URL");
        let (on_file, on_server) = (open(&file).await, open(&server).await);
        [(on_file, Some(folder), None), (on_server, None, Some(database))]
    }

    async fn open(url: &StateUrl) -> State {
        migrate_state(url).await.expect("migrated");
        State::open(url).await.expect("opened")
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

    fn unaccepted(feed: &str, place: i64) -> Unaccepted {
        Unaccepted {
            place,
            shipping_request_id: place.to_string(),
            feed: feed.into(),
            attempts: 1,
            due_at: 1,
            is_overdue: 0,
            is_asked_for: 0,
        }
    }

    #[tokio::test]
    async fn what_was_noted_beyond_where_an_operator_goes_on_is_forgotten() {
        for (state, ..) in states().await {
            let lease = state.take_lease("log").await.expect("asked").expect("a lease");
            let places = async |feed: &str| {
                let due = state.due(feed, 1, 10).await.expect("read");
                due.into_iter().map(|row| row.place).collect::<Vec<_>>()
            };
            for (feed, first) in [("0/main", 0), ("0/north", 1)] {
                let late = [300 + first, 900 + first].map(|place| unaccepted(feed, place));
                state.note_checked(lease, feed, 950, &late, None).await.expect("noted");
                for acknowledged in [(1, 300), (2, 950)] {
                    let marked = state.mark_acknowledged(lease, feed, acknowledged).await;
                    marked.expect("marked");
                }
            }
            let (feed, to) = ("0/main".into(), 300);
            let row = FeedRow { feed, acknowledged_to: to, checked_to: to, stopped_why: None };
            state.continue_feed(&row, &[]).await.expect("gone on");
            assert_eq!(places("0/main").await, [300]);
            assert_eq!(state.acknowledged_by("0/main", 2).await.expect("read"), Some(300));
            assert_eq!(places("0/north").await, [301, 901], "it is no other warehouse's");
            assert_eq!(state.acknowledged_by("0/north", 2).await.expect("read"), Some(950));
        }
    }

    #[tokio::test]
    async fn what_an_operator_asks_for_while_a_turn_is_under_way_is_still_done() {
        for (state, ..) in states().await {
            let lease = state.take_lease("log").await.expect("asked").expect("a lease");
            let due = async || {
                let mut due = state.due("0/main", 1, 10).await.expect("read");
                due.sort_by_key(|row| row.place);
                due
            };
            let late = [1, 2, 3].map(|place| unaccepted("0/main", place));
            state.note_checked(lease, "0/main", 3, &late, None).await.expect("noted");
            let turn = async |read: Vec<Unaccepted>| {
                state.settle(lease, &read[..1]).await.expect("settled");
                let later = Unaccepted { due_at: 2, ..read[1].clone() };
                state.put_off(lease, &read[1], &later).await.expect("put off");
                let sent = Unaccepted { place: 3, attempts: 2, is_asked_for: 0, ..later };
                state.put_off(lease, &read[2], &sent).await.expect("put off");
            };
            let read = due().await;
            for row in &read {
                let asked = Unaccepted { is_asked_for: 1, ..row.clone() };
                state.ask_for(&asked).await.expect("asked for");
            }
            turn(read).await;
            let asked = due().await;
            let told = asked.iter().map(|row| (row.place, row.attempts, row.is_asked_for));
            assert_eq!(told.collect::<Vec<_>>(), [(1, 1, 1), (2, 1, 1), (3, 2, 1)]);

            turn(asked).await;
            assert_eq!(due().await, [], "it was asked for once");
        }
    }

    #[tokio::test]
    async fn a_loss_is_remembered_of_the_lanes_that_have_not_gone_back() {
        for (state, ..) in states().await {
            let lease = state.take_lease("log").await.expect("asked").expect("a lease");
            let feed: FeedName = "0/main".parse().expect("a feed");
            let lane = |name: &str, topic_partition| LaneRow {
                topic: "requests".into(),
                topic_partition,
                place: 7,
                ..LaneRow::new(name, &feed)
            };
            let ends_at = |topic_offset, losses| PartitionRow {
                topic: "requests".into(),
                topic_partition: 3,
                topic_offset,
                losses,
            };
            let lanes = vec![lane("a", 3), lane("b", 3), lane("c", 4)];
            let partitions = vec![ends_at(50, 0)];
            let before = Checkpoint { lanes, partitions, ..Checkpoint::default() };
            state.save(lease, &before).await.expect("saved");
            // By then it may have got more than it had before.
            let lost = |lanes: Vec<LaneRow>, offset| Checkpoint {
                lanes,
                partitions: vec![ends_at(offset, 1)],
                lost: BTreeSet::from([3]),
                ..Checkpoint::default()
            };
            state.save(lease, &lost(vec![lane("a", 3).before(1, 1)], 60)).await.expect("saved");
            assert_eq!(lost_lanes(&state).await, ["b"]);
            // Whoever goes back later finds it written down.
            state.save(lease, &lost(vec![lane("b", 3).before(1, 1)], 64)).await.expect("saved");
            assert_eq!(lost_lanes(&state).await, [""; 0]);
            state.forget_partitions(lease, "requests", 3).await.expect("saved");
            assert_eq!(state.read().await.expect("read").partitions, []);
        }
    }

    async fn lost_lanes(state: &State) -> Vec<String> {
        let lanes = state.read().await.expect("read").lanes;
        lanes.into_iter().filter(|lane| lane.is_lost == 1).map(|lane| lane.lane).collect()
    }

    #[tokio::test]
    async fn a_reason_that_repeats_the_character_0_is_kept_without_it() {
        for (state, ..) in states().await {
            let message = Incoming {
                at: Offset { topic: "events".into(), partition: 0, offset: 7 },
                key: Some(b"\0".to_vec()),
                body: b"\0".to_vec(),
                traceparent: None,
            };
            let parking =
                ToPark { message: &message, reason: "The field a\0 is not known", now: 1 };
            state.park(parking).await.expect("parked");
            let parked = state.parked(0, 10).await.expect("read");
            assert_eq!(parked[0].reason, "The field a\u{fffd} is not known");
            state.park_again(parked[0].parked_id, "\0").await.expect("parked");
        }
    }
}
