//! What this process has appended, for who follows the log in it: from memory where that is the
//! log, and from the log otherwise. Whether it came from memory shows where the log can't be read,
//! or where it was changed behind the ledger's back.

use std::time::Duration;

use event_store::{Append, AppendError, EventStore, Fault, Followed, Follower, StoreError};
use log_record::{BatchId, Generation, NewEvent, Place, Position, Private, RecordedEvent};
use rusqlite::Connection;
use tokio::time::timeout;
use uuid::Uuid;

use super::writer::{Writer, event, writer, writer_id};
use super::{P0, another, positions, read_all};
use crate::stores::{self, Fixture};

/// Long enough to be sure that nothing comes.
const MOMENT: Duration = Duration::from_millis(60);

pub(super) async fn a_follower_in_the_same_process_gets_what_is_stored(
    Fixture { store, .. }: Fixture,
) {
    let mine = writer(&store, P0, 1).await;
    let other = match another(&store) {
        Some(other) => Some(writer(&store, other, 1).await),
        None => None,
    };
    mine.append(&store, ["a"]).await.expect("appended");
    let mut follower = follower_of(&store, 1).await;
    let mut seen = vec![];
    for round in 0..30 {
        mine.at(1 + round * 3).append(&store, ["b", "c", "d"]).await.expect("appended");
        if let Some(other) = other {
            other.at(round).append(&store, ["elsewhere"]).await.expect("appended");
        }
        if round % 3 == 2 {
            // Within appends, and across them.
            for limit in [1, 4, 100] {
                let events = follower.next(limit).await.expect("read");
                assert!(events.len() <= limit);
                seen.extend(events.iter().cloned());
            }
        }
    }
    assert_eq!(seen, read_all(&store, P0).await[1..]);
    assert!(follower.available(5).await.expect("read").is_empty());
    assert_eq!(mine.at(91).append(&store, ["late"]).await.ok(), Some(Position(92)));
    let behind = follower_of(&store, 40).await.next(usize::MAX).await.expect("read");
    assert_eq!(positions(behind.iter()), (41..=92).collect::<Vec<_>>());
}

pub(super) async fn a_follower_gets_no_text_that_was_erased(Fixture { store, .. }: Fixture) {
    let mine = writer(&store, P0, 1).await;
    let erasure = NewEvent {
        event_type: RecordedEvent::ERASURE,
        public: r#"{"erasure_id":"e-1","until":3,"reason":"a letter"}"#.into(),
        ..event("erased")
    };
    let events = vec![event("a"), event("b"), event("c"), event("d"), erasure];
    mine.append_events(&store, events).await.expect("appended");
    let mut follower = follower_of(&store, 1).await;
    store.note_erasures().await.expect("noted");
    let erasures = store.unfinished_erasures().await.expect("read");
    store.erase_texts(&erasures).await.expect("erased");
    let events = follower.next(10).await.expect("read");
    let is_erased = events.iter().map(|event| matches!(event.private, Private::Erased(_)));
    let can = store.can_erase();
    assert_eq!(is_erased.collect::<Vec<_>>(), [can, can, false, false]);
    mine.at(5).append(&store, ["later"]).await.expect("appended");
    assert_eq!(positions(follower.next(10).await.expect("read").iter()), [6]);
}

#[tokio::test]
async fn what_was_appended_is_followed_although_the_log_cannot_be_read() {
    let mut ledger = Held::new().await;
    ledger.append(["b", "c"]).await.expect("appended");
    ledger.append(["d"]).await.expect("appended");
    assert_eq!(ledger.given_by_memory(2).await, [2, 3]);
    assert_eq!(ledger.given_by_memory(9).await, [4]);
    let (store, writer) = (ledger.store.clone(), ledger.writer);
    let append = async {
        tokio::task::yield_now().await;
        writer.append(&store, ["e"]).await.expect("appended");
    };
    ledger.memory().release_reads();
    let (woken, ()) = tokio::join!(ledger.follower.next(9), append);
    assert_eq!(positions(woken.expect("given").iter()), [5]);
}

#[tokio::test]
async fn who_knows_no_event_or_another_one_or_a_later_one_reads_the_log() {
    let mut ledger = Held::new().await;
    ledger.append(["b", "c"]).await.expect("appended");
    let known = ledger.known.clone();
    let from = |position, checksum| {
        let place = Place { partition: P0, position: Position(position) };
        ledger.store.follow_from(place, checksum).expect("a partition")
    };
    let mut unknowing = ledger.store.follow(P0, Position(1)).expect("a partition");
    reads_the_log(&mut unknowing).await;
    for position in [0, 2, 3, 4, 99] {
        reads_the_log(&mut from(position, known.checksum)).await;
    }
    assert_eq!(ledger.given_by_memory(9).await, [2, 3]);
}

#[tokio::test]
async fn an_append_that_is_not_known_to_be_durable_is_never_in_memory() {
    for fault in [Fault::NotBegun, Fault::NotLanded, Fault::Landed, Fault::LandsLate] {
        let mut ledger = Held::new().await;
        ledger.append(["b"]).await.expect("appended");
        ledger.memory().fail_next_append(fault);
        ledger.append(["lost"]).await.expect_err("it fails");
        reads_the_log(&mut ledger.follower).await;
        let head = ledger.store.resolve_doubt(P0, writer_id(1)).await.expect("asked");
        let head = head.expect("it is the one");
        // Another batch comes, after what has landed or in its place.
        (ledger.writer.epoch, ledger.writer.expected) = (head.epoch, head.position);
        ledger.append(["another"]).await.expect("appended");
        reads_the_log(&mut ledger.follower).await;
        ledger.memory().release_reads();
        let mut seen: Vec<RecordedEvent> = vec![];
        while seen.len() as u64 + 1 < ledger.writer.expected.0 {
            let events = ledger.follower.next(9).await.expect("read");
            seen.extend(events.iter().cloned());
        }
        assert_eq!(seen, read_all(&ledger.store, P0).await[1..], "{fault:?}");
    }
}

#[tokio::test]
async fn a_take_over_a_doubt_and_a_lost_epoch_are_followed_from_the_log() {
    enum By {
        TakingOver,
        ResolvingADoubt,
        LosingTheEpoch,
        LookingAtTheHead,
    }
    for by in [By::TakingOver, By::ResolvingADoubt, By::LosingTheEpoch, By::LookingAtTheHead] {
        let mut ledger = Held::new().await;
        ledger.append(["b"]).await.expect("appended");
        match by {
            By::TakingOver => drop(ledger.store.take_over(P0, writer_id(2)).await),
            By::ResolvingADoubt => drop(ledger.store.resolve_doubt(P0, writer_id(1)).await),
            By::LosingTheEpoch => {
                ledger.writer.epoch.0 += 1;
                let lost = ledger.append(["c"]).await;
                assert!(matches!(lost, Err(AppendError::Conflict(_))));
            }
            By::LookingAtTheHead => {
                let looked = ledger.store.look(P0, ledger.writer.epoch, Position(1)).await;
                assert!(matches!(looked, Err(AppendError::Conflict(_))));
            }
        }
        reads_the_log(&mut ledger.follower).await;
    }
}

#[tokio::test]
async fn another_generation_is_followed_from_the_log() {
    let mut ledger = Held::new().await;
    ledger.append(["b"]).await.expect("appended");
    let place = Place { partition: P0, position: Position(3) };
    let fork = NewEvent { event_type: RecordedEvent::FORK, ..event("fork") };
    let fork = RecordedEvent::seal(ledger.store.log_id(), Generation(2), place, fork);
    let Writer { partition, epoch, generation, expected } = ledger.writer;
    let batch = BatchId(Uuid::from_u128(7));
    let append =
        Append { partition, epoch, generation, expected, batch, events: vec![fork.clone()] };
    ledger.store.append_recorded(append).await.expect("appended");
    reads_the_log(&mut ledger.follower).await;
    (ledger.writer.expected, ledger.writer.generation) = (Position(3), Generation(2));
    ledger.append(["d"]).await.expect("appended");
    reads_the_log(&mut ledger.follower).await;
    ledger.follower = ledger.store.follow_from(place, fork.checksum).expect("a partition");
    assert_eq!(ledger.given_by_memory(9).await, [4]);
}

#[tokio::test]
async fn who_is_further_behind_than_memory_reaches_reads_the_log() {
    let mut ledger = Held::new().await;
    // Of 24 MB of texts, less than 16 are kept for each of the two partitions.
    for _ in 0..24 {
        let text = format!(r#"{{"text":"{}"}}"#, "x".repeat(1 << 20));
        let large = NewEvent { public: text.into(), ..event("large") };
        let appended = ledger.writer.append_events(&ledger.store, vec![large]).await;
        ledger.writer.expected = appended.expect("appended");
    }
    reads_the_log(&mut ledger.follower).await;
    ledger.memory().release_reads();
    let mut behind = ledger.store.follow(P0, Position::START).expect("a partition");
    let mut near = follower_of(&ledger.store, 20).await;
    assert_eq!(behind.next(4).await.expect("read").len(), 4);
    ledger.memory().hold_reads();
    reads_the_log(&mut behind).await;
    assert_eq!(near.next(99).await.expect("given").len(), 5);
}

#[tokio::test]
async fn a_fork_is_noticed_by_who_has_followed_from_memory() {
    let mut ledger = Held::new().await;
    ledger.append(["b", "c"]).await.expect("appended");
    assert_eq!(ledger.given_by_memory(9).await, [2, 3]);
    ledger.memory().lose_tail(P0, 1);
    ledger.writer.expected = Position(2);
    ledger.append(["another", "history"]).await.expect("appended");
    ledger.memory().release_reads();
    let forked = ledger.follower.next(9).await.expect_err("it is another history");
    assert!(matches!(forked, StoreError::Forked { place } if place.position == Position(3)));
}

/// The log is changed behind the ledger's back: who is given the rows of memory doesn't see that,
/// and who reads the log is told.
#[tokio::test]
async fn sqlite_rows_come_from_memory_until_another_takes_over() {
    let Fixture { store, _folder: folder, .. } = stores::sqlite().await;
    let mine = writer(&store, P0, 1).await;
    mine.append(&store, ["a"]).await.expect("appended");
    mine.at(1).append(&store, ["b"]).await.expect("appended");
    let (mut first, mut second) = (follower_of(&store, 1).await, follower_of(&store, 1).await);
    let folder = folder.expect("a folder");
    let connection = Connection::open(folder.path().join("log.sqlite")).expect("it opens");
    connection.execute("update event set public = '{}'", ()).expect("changed");
    assert_eq!(positions(first.next(9).await.expect("given").iter()), [2]);
    store.take_over(P0, writer_id(2)).await.expect("taken over");
    second.next(9).await.expect_err("the log was changed");
}

/// A new connection may lead to another server, such as a standby that was promoted.
#[tokio::test]
async fn postgres_rows_come_from_memory_until_the_connection_is_another() {
    let Fixture { store, database, .. } = stores::postgres().await;
    let database = database.expect("a database");
    let mine = writer(&store, P0, 1).await;
    mine.append(&store, ["a"]).await.expect("appended");
    mine.at(1).append(&store, ["b"]).await.expect("appended");
    let (mut first, mut second) = (follower_of(&store, 1).await, follower_of(&store, 1).await);
    database.sql("update guerdon_log.event set public = '{}'").expect("changed");
    assert_eq!(positions(first.next(9).await.expect("given").iter()), [2]);
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
               where datname = current_database() and pid <> pg_backend_pid()";
    database.sql(end).expect("ended");
    let again = async {
        // The first may find out that its connection is gone.
        while mine.at(2).append(&store, ["c"]).await.is_err() {
            tokio::time::sleep(MOMENT).await;
        }
    };
    timeout(Duration::from_secs(10), again).await.expect("it connects again");
    second.next(9).await.expect_err("the log was changed");
}

/// A ledger in memory with one event that a follower knows, and a log that can't be read.
struct Held {
    store: EventStore,
    writer: Writer,
    known: RecordedEvent,
    follower: Follower,
}

impl Held {
    async fn new() -> Self {
        let Fixture { store, .. } = stores::memory().await;
        let mut writer = writer(&store, P0, 1).await;
        writer.append(&store, ["a"]).await.expect("appended");
        writer.expected = Position(1);
        let known = read_all(&store, P0).await.remove(0);
        let follower = store.follow_from(known.place, known.checksum).expect("a partition");
        let held = Self { store, writer, known, follower };
        held.memory().hold_reads();
        held
    }

    fn memory(&self) -> &event_store::MemoryStore {
        let EventStore::Memory(memory) = &self.store else { unreachable!("it was made so") };
        memory
    }

    async fn append<const N: usize>(&mut self, names: [&str; N]) -> Result<(), AppendError> {
        self.writer.expected = self.writer.append(&self.store, names).await?;
        Ok(())
    }

    /// The positions of what the follower gets although the log can't be read.
    async fn given_by_memory(&mut self, limit: usize) -> Vec<u64> {
        let given: Followed = timeout(MOMENT, self.follower.available(limit))
            .await
            .expect("it is in memory")
            .expect("given");
        positions(given.iter())
    }
}

/// While the log can't be read, a follower that has to read it gets nothing.
async fn reads_the_log(follower: &mut Follower) {
    let given = timeout(MOMENT, follower.next(9)).await;
    assert!(given.is_err(), "{given:?}");
}

/// One that knows the event at a position.
async fn follower_of(store: &EventStore, position: u64) -> Follower {
    let place = Place { partition: P0, position: Position(position) };
    let known = store.read_one(place).await.expect("it is there");
    store.follow_from(place, known.checksum).expect("a partition")
}
