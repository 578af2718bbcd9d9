//! What every store promises, run over each of them.

mod api_keys;
mod commits;
mod erasures;
mod marks;
mod message_index;
mod messages;
mod read_public;
mod recent;
mod switches;
mod unrecorded_calls;
mod writer;

use std::time::{Duration, Instant};

use event_store::{
    Access, Append, AppendError, EventStore, Fault, NewLog, READ_EVENTS_MAX, StoreError, StoreUrl,
};
use log_record::{
    BatchId, Checksum, Epoch, Generation, Head, LogId, NewEvent, Partition, Place, Position,
    Private, RecordedEvent,
};
use services::TestDatabase;
use uuid::Uuid;

use crate::stores::{self, Fixture, NEW_LOG, read_everything};
use api_keys::{
    an_api_key_ends_once_and_its_latest_use_counts,
    an_api_key_with_the_id_or_the_text_of_another_is_refused,
    api_keys_are_added_and_read_in_their_order,
};
use commits::{
    a_text_that_the_store_does_not_take_keeps_the_other_of_its_commit_from_nothing,
    an_append_that_cannot_land_keeps_the_other_of_its_commit_from_nothing,
    appends_of_two_partitions_land_in_one_commit,
};
use erasures::texts_of_an_account_are_erased_up_to_a_position_and_no_checksum_changes;
use messages::{
    a_repeated_message_is_refused_with_all_of_its_append, messages_are_read_in_their_order,
    messages_that_were_recorded_before_get_their_rows_again,
};
use read_public::what_is_made_where_events_are_read_is_what_they_say;
use recent::{
    a_follower_gets_no_text_that_was_erased, a_follower_in_the_same_process_gets_what_is_stored,
};
use unrecorded_calls::{
    calls_are_bounded_by_age_and_number, calls_are_found_by_time_key_account_and_status,
    calls_are_kept_whole_and_once_and_the_newest_comes_first,
    what_is_private_in_calls_is_erased_with_their_account,
};
use writer::{Writer, event, writer, writer_id};

use marks::{a_mark_is_set_moved_and_removed, marks_that_have_ended_go_when_another_is_set};
use switches::{a_switch_is_turned_version_by_version, of_turns_at_once_one_counts};

const P0: Partition = Partition(0);
const P1: Partition = Partition(1);

macro_rules! every_store {
    ($($name:ident),* $(,)?) => {
        mod memory {
            use super::stores;
            $(#[tokio::test] async fn $name() { super::$name(stores::memory().await).await })*
        }
        mod sqlite {
            use super::stores;
            $(#[tokio::test] async fn $name() { super::$name(stores::sqlite().await).await })*
        }
        mod postgres {
            use super::stores;
            $(#[tokio::test] async fn $name() { super::$name(stores::postgres().await).await })*
        }
        #[cfg(feature = "kurrent")]
        mod kurrent {
            use super::stores;
            $(#[tokio::test] async fn $name() { super::$name(stores::kurrent().await).await })*
        }
    };
}

every_store! {
    positions_are_dense_from_1_in_each_partition,
    what_is_read_is_what_was_appended,
    what_is_made_where_events_are_read_is_what_they_say,
    an_append_on_a_moved_head_is_a_conflict_and_lands_nothing,
    an_append_in_an_old_epoch_is_a_conflict_and_lands_nothing,
    a_take_over_raises_the_epoch_and_keeps_the_position,
    a_doubt_is_resolved_by_a_write_that_shuts_the_old_epoch_out,
    a_deposed_writer_learns_that_it_is,
    reads_are_cut_to_their_limit,
    a_follower_gets_each_event_once_in_order,
    a_follower_that_knows_another_event_is_told_of_the_fork,
    an_unknown_partition_is_named,
    api_keys_are_added_and_read_in_their_order,
    an_api_key_with_the_id_or_the_text_of_another_is_refused,
    an_api_key_ends_once_and_its_latest_use_counts,
    a_mark_is_set_moved_and_removed,
    marks_that_have_ended_go_when_another_is_set,
    a_switch_is_turned_version_by_version,
    of_turns_at_once_one_counts,
    calls_are_kept_whole_and_once_and_the_newest_comes_first,
    calls_are_found_by_time_key_account_and_status,
    calls_are_bounded_by_age_and_number,
    what_is_private_in_calls_is_erased_with_their_account,
    texts_of_an_account_are_erased_up_to_a_position_and_no_checksum_changes,
    an_epoch_is_confirmed_until_another_writer_takes_over,
    an_append_in_an_old_generation_is_a_conflict_and_lands_nothing,
    recorded_rows_are_appended_as_they_are_and_their_generation_goes_on,
    two_histories_that_meet_without_a_declared_fork_are_named,
    two_writers_that_race_append_every_acknowledged_event_once,
    a_follower_in_the_same_process_gets_what_is_stored,
    a_follower_gets_no_text_that_was_erased,
    appends_of_two_partitions_land_in_one_commit,
    an_append_that_cannot_land_keeps_the_other_of_its_commit_from_nothing,
    a_text_that_the_store_does_not_take_keeps_the_other_of_its_commit_from_nothing,
    messages_are_read_in_their_order,
    a_repeated_message_is_refused_with_all_of_its_append,
    messages_that_were_recorded_before_get_their_rows_again,
}

async fn positions_are_dense_from_1_in_each_partition(Fixture { store, .. }: Fixture) {
    let first = writer(&store, P0, 1).await;
    assert_eq!(first.append(&store, ["a", "b"]).await.ok(), Some(Position(2)));
    if let Some(other) = another(&store) {
        let second = writer(&store, other, 2).await;
        assert_eq!(second.append(&store, ["c"]).await.ok(), Some(Position(1)));
        assert_eq!(positions(&read_all(&store, other).await), [1]);
    }
    assert_eq!(first.at(2).append(&store, ["d"]).await.ok(), Some(Position(3)));
    assert_eq!(positions(&read_all(&store, P0).await), [1, 2, 3]);
    let ends = store.heads().await.expect("read");
    let ends: Vec<_> = ends.iter().map(|(at, head)| (at.0, head.position.0)).collect();
    let all = [(0, 3), (1, 1)];
    assert_eq!(ends, all[..usize::from(store.partitions())]);
}

async fn what_is_read_is_what_was_appended(Fixture { store, .. }: Fixture) {
    let writer = writer(&store, P0, 1).await;
    let sent = event("a");
    writer.append(&store, ["a"]).await.expect("appended");
    let read = read_all(&store, P0).await.remove(0);
    let place = Place { partition: P0, position: Position(1) };
    assert_eq!(read, RecordedEvent::seal(store.log_id(), read.generation, place, sent));
    assert_eq!(store.read_one(place).await.expect("it is there"), read);
}

async fn an_append_on_a_moved_head_is_a_conflict_and_lands_nothing(f: Fixture) {
    let writer = writer(&f.store, P0, 1).await;
    writer.append(&f.store, ["a"]).await.expect("appended");
    for expected in [0, 2] {
        let error = writer.at(expected).append(&f.store, ["b", "c"]).await;
        assert!(matches!(error, Err(AppendError::Conflict(head)) if head.position.0 == 1));
    }
    assert_eq!(read_all(&f.store, P0).await.len(), 1);
    assert_eq!(f.store.head(P0).await.expect("head").position, Position(1));
}

async fn an_append_in_an_old_epoch_is_a_conflict_and_lands_nothing(f: Fixture) {
    let deposed = writer(&f.store, P0, 1).await;
    let holder = writer(&f.store, P0, 2).await;
    let error = deposed.append(&f.store, ["a"]).await;
    assert!(matches!(error, Err(AppendError::Conflict(head)) if head.epoch == Epoch(2)));
    assert!(read_all(&f.store, P0).await.is_empty());
    holder.append(&f.store, ["b"]).await.expect("the holder appends");
}

async fn a_take_over_raises_the_epoch_and_keeps_the_position(Fixture { store, .. }: Fixture) {
    let first = writer(&store, P0, 1).await;
    first.append(&store, ["a"]).await.expect("appended");
    let head = store.take_over(P0, writer_id(2)).await.expect("taken over");
    assert_eq!((head.position, head.epoch), (Position(1), Epoch(2)));
    assert_eq!(head.writer, Some(writer_id(2)));
    if let Some(other) = another(&store) {
        assert_eq!(store.head(other).await.expect("head").epoch, Epoch(0));
    }
}

async fn a_doubt_is_resolved_by_a_write_that_shuts_the_old_epoch_out(f: Fixture) {
    let mut writer = writer(&f.store, P0, 1).await;
    writer.append(&f.store, ["a"]).await.expect("appended");
    let head = f.store.resolve_doubt(P0, writer_id(1)).await.expect("asked").expect("held");
    assert_eq!((head.position, head.epoch), (Position(1), Epoch(2)));
    assert_eq!(head.last_batch, Some(BatchId(Uuid::from_u128(0))));
    let late = writer.at(1).append(&f.store, ["b"]).await;
    assert!(matches!(late, Err(AppendError::Conflict(_))));
    writer.epoch = head.epoch;
    writer.at(1).append(&f.store, ["b"]).await.expect("in the new epoch it lands");
}

async fn a_deposed_writer_learns_that_it_is(Fixture { store, .. }: Fixture) {
    writer(&store, P0, 1).await;
    writer(&store, P0, 2).await;
    assert_eq!(store.resolve_doubt(P0, writer_id(1)).await.expect("asked"), None);
    assert_eq!(store.head(P0).await.expect("head").epoch, Epoch(2));
}

async fn reads_are_cut_to_their_limit(Fixture { store, .. }: Fixture) {
    let writer = writer(&store, P0, 1).await;
    writer.append_many(&store, READ_EVENTS_MAX + 10).await;
    let read = |after, limit| {
        let store = &store;
        async move { positions(&store.read(P0, Position(after), limit).await.expect("read")) }
    };
    assert_eq!(read(0, 3).await, [1, 2, 3]);
    assert_eq!(read(3, 2).await, [4, 5]);
    assert_eq!(read(0, usize::MAX).await.len(), READ_EVENTS_MAX);
    assert_eq!(read(READ_EVENTS_MAX as u64, usize::MAX).await.len(), 10);
    assert!(read(1_000_000, 5).await.is_empty());
    assert!(read(0, 0).await.is_empty());
}

async fn a_follower_gets_each_event_once_in_order(Fixture { store, .. }: Fixture) {
    let writer = writer(&store, P0, 1).await;
    let mut follower = store.follow(P0, Position::START).expect("a partition");
    let reader = tokio::spawn(async move {
        let mut seen = vec![];
        while seen.len() < 300 {
            let events = follower.next(7).await.expect("read");
            assert!((1..=7).contains(&events.len()));
            seen.extend(positions(events.iter()));
        }
        seen
    });
    for batch in 0..100 {
        writer.at(batch * 3).append(&store, ["a", "b", "c"]).await.expect("appended");
    }
    assert_eq!(reader.await.expect("it ends"), (1..=300).collect::<Vec<_>>());
}

async fn a_follower_that_knows_another_event_is_told_of_the_fork(f: Fixture) {
    let writer = writer(&f.store, P0, 1).await;
    writer.append(&f.store, ["a", "b", "c"]).await.expect("appended");
    let known = read_all(&f.store, P0).await.remove(1);
    let from = |place, checksum| f.store.follow_from(place, checksum).expect("a partition");
    let mut follower = from(known.place, known.checksum);
    assert_eq!(positions(follower.next(10).await.expect("read").iter()), [3]);
    let beyond = Place { partition: P0, position: Position(9) };
    for (place, checksum) in
        [(known.place, Checksum([1; 32])), (beyond, known.checksum), (beyond, Checksum([1; 32]))]
    {
        let error = from(place, checksum).next(10).await.expect_err("it is of another history");
        assert!(matches!(error, StoreError::Forked { place: at } if at == place), "{error}");
    }
}

async fn an_unknown_partition_is_named(Fixture { store, .. }: Fixture) {
    let unknown = Partition(store.partitions());
    let errors = [
        store.head(unknown).await.err(),
        store.read(unknown, Position::START, 1).await.err(),
        store.take_over(unknown, writer_id(1)).await.err(),
        store.follow(unknown, Position::START).err(),
        store.read_messages(unknown, P0, 1, 1).await.err(),
        store.read_messages(P0, unknown, 1, 1).await.err(),
    ];
    for error in errors {
        assert!(matches!(error, Some(StoreError::NoSuchPartition(p)) if p == unknown));
    }
}

async fn an_epoch_is_confirmed_until_another_writer_takes_over(Fixture { store, .. }: Fixture) {
    let first = writer(&store, P0, 1).await;
    store.confirm(P0, first.epoch, Position(0)).await.expect("it is the one");
    if store.is_exclusive() {
        return;
    }
    let error = store.confirm(P0, first.epoch, Position(1)).await;
    assert!(matches!(error, Err(AppendError::Conflict(head)) if head.position == Position(0)));
    writer(&store, P0, 2).await;
    let error = store.confirm(P0, first.epoch, Position(0)).await;
    assert!(matches!(error, Err(AppendError::Conflict(head)) if head.epoch == Epoch(2)));
}

async fn an_append_in_an_old_generation_is_a_conflict_and_lands_nothing(f: Fixture) {
    let mut writer = writer(&f.store, P0, 1).await;
    writer.generation = Generation(2);
    let error = writer.append(&f.store, ["a"]).await;
    assert!(matches!(error, Err(AppendError::Conflict(head)) if head.generation == Generation(1)));
    assert!(read_all(&f.store, P0).await.is_empty());
}

async fn recorded_rows_are_appended_as_they_are_and_their_generation_goes_on(f: Fixture) {
    let mut writer = writer(&f.store, P0, 1).await;
    let seal = |position, generation| {
        let place = Place { partition: P0, position: Position(position) };
        let event_type = if position == 3 { RecordedEvent::FORK } else { "credit-earned" };
        let event = NewEvent { event_type, ..event("a") };
        RecordedEvent::seal(f.store.log_id(), Generation(generation), place, event)
    };
    let mut erased = seal(2, 1);
    erased.private = Private::Erased(erased.private_hash());
    let rows = vec![seal(1, 1), erased, seal(3, 2)];
    let append = |rows: &[RecordedEvent], at: Writer| Append {
        partition: P0,
        epoch: at.epoch,
        generation: at.generation,
        expected: at.expected,
        batch: BatchId(Uuid::from_u128(7)),
        events: rows.to_vec(),
    };
    let landed = f.store.append_recorded(append(&rows, writer)).await;
    assert_eq!(landed.ok(), Some(Position(3)));
    assert_eq!(read_all(&f.store, P0).await, rows);
    let head = f.store.head(P0).await.expect("head");
    assert_eq!((head.position, head.generation), (Position(3), Generation(2)));
    writer.generation = head.generation;
    writer.at(3).append(&f.store, ["b"]).await.expect("it goes on in the new generation");

    let mut damaged = seal(5, 2);
    damaged.public = "{}".into();
    let refused = f.store.append_recorded(append(&[damaged], writer.at(4))).await;
    assert!(refused.is_err(), "what is damaged is not copied");
    let elsewhere = f.store.append_recorded(append(&[seal(9, 2)], writer.at(4))).await;
    assert!(elsewhere.is_err(), "what does not follow is not copied");
}

/// Each row is intact, and only the generation tells that the last is of another history.
async fn two_histories_that_meet_without_a_declared_fork_are_named(f: Fixture) {
    let writer = writer(&f.store, P0, 1).await;
    let rows = [(1, 1), (2, 2)].map(|(position, generation)| {
        let place = Place { partition: P0, position: Position(position) };
        RecordedEvent::seal(f.store.log_id(), Generation(generation), place, event("a"))
    });
    let append = Append {
        partition: P0,
        epoch: writer.epoch,
        generation: writer.generation,
        expected: writer.expected,
        batch: BatchId(Uuid::from_u128(7)),
        events: rows.to_vec(),
    };
    let refused = f.store.append_recorded(append).await.expect_err("it is not copied");
    let AppendError::InDoubt(refused) = refused else { panic!("{refused}") };
    assert!(matches!(refused, StoreError::TwoHistories { place, .. } if place == rows[1].place));
    assert!(refused.to_string().contains("0:2 is of generation 2"), "{refused}");
}

/// Two writers that each believe to be the one, take over from each other whenever they lose, and
/// resolve their doubts; for half a second, or `GUERDON_RACE_SECONDS`.
async fn two_writers_that_race_append_every_acknowledged_event_once(f: Fixture) {
    #[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
    let seconds = std::env::var("GUERDON_RACE_SECONDS").ok().and_then(|text| text.parse().ok());
    let ends = Instant::now() + Duration::from_secs_f64(seconds.unwrap_or(0.5));
    let race = async |id: u128| {
        let (mut acknowledged, mut losses) = (vec![], 0);
        let mut mine = writer(&f.store, P0, id).await;
        for number in 0.. {
            if Instant::now() > ends {
                break;
            }
            // Let the other one in now and then; a race that one wins is none.
            if number % 3 == 0 {
                tokio::task::yield_now().await;
            }
            let name = format!("{id}-{number}");
            match mine.append_events(&f.store, vec![event(&name), event(&name)]).await {
                Ok(last) => {
                    acknowledged.push((last, name));
                    mine.expected = last;
                }
                Err(AppendError::Conflict(_)) => {
                    losses += 1;
                    mine = writer(&f.store, P0, id).await;
                }
                Err(AppendError::InDoubt(error) | AppendError::NotBegun(error, _)) => {
                    panic!("{error}")
                }
            }
        }
        (acknowledged, losses)
    };
    let ((one, one_lost), (other, other_lost)) = tokio::join!(race(1), race(2));
    assert!(one_lost > 0 && other_lost > 0, "each loses at times: {one_lost}, {other_lost}");
    let all = read_everything(&f.store, P0).await;
    assert_eq!(positions(&all), (1..=all.len() as u64).collect::<Vec<_>>());
    assert_eq!(all.len(), 2 * (one.len() + other.len()), "nothing that was refused landed");
    for (last, name) in one.into_iter().chain(other) {
        for at in [last.0 - 2, last.0 - 1] {
            let index = usize::try_from(at).expect("it fits");
            assert!(all[index].public.contains(&name), "{name} stands at {at}");
        }
    }
}

#[tokio::test]
async fn a_postgres_log_goes_on_across_its_ranges_of_positions() {
    let (database, url) = stores::postgres_with_ranges_of(10).await;
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    let mut writer = writer(&store, P0, 1).await;
    for _ in 0..30 {
        writer.expected = loop {
            match writer.append(&store, ["a", "b", "c"]).await {
                Ok(last) => break last,
                // The next range wasn't made yet; the one who resolves the doubt makes it.
                Err(_) => {
                    let head = store.resolve_doubt(P0, writer_id(1)).await.expect("asked");
                    writer.epoch = head.expect("held").epoch;
                }
            }
        };
    }
    assert_eq!(positions(&read_all(&store, P0).await), (1..=90).collect::<Vec<_>>());
    // The next range is made in the background.
    let ranges =
        "select count(*) >= 10 from pg_inherits where inhparent = 'guerdon_log.event'::regclass";
    let begin = Instant::now();
    while database.sql(ranges).expect("asked") != "t" {
        assert!(begin.elapsed() < Duration::from_secs(30), "the next range isn't made");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn those_who_make_the_same_range_of_a_postgres_log_at_once_all_go_on() {
    let database = TestDatabase::create().expect("a database");
    let url: StoreUrl = database.url().parse().expect("a URL");
    EventStore::migrate(&url).await.expect("migrated");
    let mut stores = vec![];
    for _ in 0..6 {
        stores.push(EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens"));
    }
    for _ in 0..20 {
        let ranges = "drop table if exists guerdon_log.event_000000, guerdon_log.event_000001";
        database.sql(ranges).expect("dropped");
        let taking = stores
            .iter()
            .cloned()
            .map(|store| tokio::spawn(async move { store.take_over(P0, writer_id(1)).await }));
        for taken in taking.collect::<Vec<_>>() {
            taken.await.expect("it ran").expect("taken over");
        }
    }
}

#[tokio::test]
async fn a_postgres_without_a_schema_or_with_a_newer_one_is_refused_by_name() {
    let database = TestDatabase::create().expect("a database");
    let url: StoreUrl = database.url().parse().expect("a URL");
    let refused = async || {
        let error = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect_err("refused");
        error.to_string()
    };
    let older = refused().await;
    assert!(older.contains("guerdon_log") && older.contains("guerdon migrate"), "{older}");
    EventStore::migrate(&url).await.expect("migrated");
    let empty = EventStore::open(&url, Access::Read).await.expect_err("no log yet");
    assert!(matches!(empty, StoreError::Missing { .. }), "{empty}");
    database
        .sql("insert into guerdon_log.migration values (9999, 'later', now(), true, '', 0)")
        .expect("altered");
    assert!(refused().await.contains("9999"));
    let error = EventStore::migrate(&url).await.expect_err("refused").to_string();
    assert!(error.contains("9999"), "{error}");
}

#[tokio::test]
async fn an_append_whose_answer_is_lost_has_landed_or_never_will() {
    for (fault, lands) in [(Fault::NotLanded, 0), (Fault::Landed, 1), (Fault::LandsLate, 1)] {
        let Fixture { store, .. } = stores::memory().await;
        let writer = writer(&store, P0, 1).await;
        let EventStore::Memory(memory) = &store else { unreachable!("it was made so") };
        memory.fail_next_append(fault);
        let error = writer.append(&store, ["a"]).await;
        assert!(matches!(error, Err(AppendError::InDoubt(_))), "{fault:?}");
        let head = store.resolve_doubt(P0, writer_id(1)).await.expect("asked").expect("held");
        assert_eq!(head.position, Position(lands), "{fault:?}");
        assert_eq!(head.last_batch.is_some(), lands == 1, "{fault:?}");
        let after: Head = store.head(P0).await.expect("head");
        assert_eq!(after.position, head.position, "nothing lands after the doubt was resolved");
    }
}

#[tokio::test]
async fn a_sqlite_log_is_read_on_after_a_restart() {
    let Fixture { store, url, _folder, .. } = stores::sqlite().await;
    writer(&store, P0, 1).await.append(&store, ["a", "b"]).await.expect("appended");
    drop(store);
    let other = NewLog { log_id: LogId(Uuid::from_u128(99)), partitions: 7 };
    let store = EventStore::open(&url, Access::Write(other)).await.expect("it opens again");
    assert_eq!((store.log_id(), store.partitions()), (NEW_LOG.log_id, 2));
    assert_eq!(positions(&read_all(&store, P0).await), [1, 2]);
    writer(&store, P0, 2).await.at(2).append(&store, ["c"]).await.expect("it goes on");
}

/// A second partition, where a store can have one.
fn another(store: &EventStore) -> Option<Partition> {
    (store.partitions() > 1).then_some(P1)
}

async fn read_all(store: &EventStore, partition: Partition) -> Vec<RecordedEvent> {
    store.read(partition, Position::START, usize::MAX).await.expect("read")
}

fn positions<'a>(events: impl IntoIterator<Item = &'a RecordedEvent>) -> Vec<u64> {
    events.into_iter().map(|event| event.position().0).collect()
}
