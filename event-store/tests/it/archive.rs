//! Events that were moved to files are read as before, and a file that was changed is named.

use std::path::Path;
use std::time::Duration;

use event_store::{
    Access, Append, ArchiveFolder, EventStore, MEMBER_EVENTS, READ_EVENTS_MAX, StoreError, StoreUrl,
};
use log_record::{
    BatchId, EventRef, NewEvent, Partition, Place, Position, RecordedEvent, WriterId,
};
use services::TestDatabase;
use uuid::Uuid;

use crate::stores::{NEW_LOG, postgres_with_ranges_of, read_everything};

/// More than one member of a file, and no whole number of them.
const RANGE: u64 = MEMBER_EVENTS + 1_000;
/// How long a test waits for something that takes milliseconds, before it fails.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn an_archived_range_is_read_as_before_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.sqlite");
    let url = StoreUrl::Sqlite(file.clone());
    drop(EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens"));
    let connection = rusqlite::Connection::open(&file).expect("it opens");
    connection
        .execute("update log set range_positions = ?", (RANGE.cast_signed(),))
        .expect("updated");
    an_archived_range_is_read_as_before(&url).await;
}

#[tokio::test]
async fn an_archived_range_is_read_as_before_on_postgres() {
    let (database, url) = postgres_with_ranges_of(RANGE).await;
    an_archived_range_is_read_as_before(&url).await;
    let ranges = database
        .sql("select count(*) from pg_inherits where inhparent = 'guerdon_log.event'::regclass");
    assert_eq!(ranges.expect("asked"), "2", "one was dropped, one is in use, one was made ahead");
}

async fn an_archived_range_is_read_as_before(url: &StoreUrl) {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path();
    let store = EventStore::open(url, Access::Write(NEW_LOG)).await.expect("it opens");
    assert_eq!(store.range_positions().await.expect("read"), RANGE);
    for partition in 0..2 {
        fill(&store, Partition(partition), RANGE + 500).await;
    }
    let before = read_everything(&store, Partition(1)).await;
    let (first, last) = (Position(1), Position(RANGE));
    let early = store.take_out(first, last).await.expect_err("it isn't archived yet");
    assert!(matches!(early, StoreError::NotArchived { .. }), "{early}");
    no_other_range_is_archived(&store, archive).await;
    let mut folder = ArchiveFolder::take(&store, archive).await.expect("it is this log's");
    let second = ArchiveFolder::take(&store, archive).await.expect_err("it is in use").to_string();
    assert!(second.contains("another process is archiving"), "{second}");
    let mut ranges = vec![];
    for partition in [Partition(0), Partition(1)] {
        let archived = store.archive_range(&mut folder, partition, first, last).await;
        let range = archived.expect("archived");
        let archived = store.archive_range(&mut folder, partition, first, last).await;
        let again = archived.expect("archived");
        assert_eq!(range, again, "a range is archived once");
        ranges.push(range);
    }
    assert!(store.is_live(last).await.expect("asked"));
    store.take_out(first, last).await.expect("taken out");
    store.take_out(first, last).await.expect("what was cut short is done again");
    assert!(!store.is_live(last).await.expect("asked"));

    let lost = store.read(Partition(1), Position(7), 3).await.expect_err("where is it?");
    assert!(lost.to_string().contains("--archive-dir"), "{lost}");
    let store = store.with_archive(archive.to_owned());
    assert_eq!(read_everything(&store, Partition(1)).await, before);
    let checksum = |row: &EventRef<'_>| Some(Ok::<_, ()>(row.checksum));
    let made = store.read_public(Partition(1), Position(RANGE - 1), 2, checksum).await;
    let around = before.iter().filter(|row| (RANGE..=RANGE + 1).contains(&row.position().0));
    assert_eq!(
        made.expect("read"),
        Ok(around.map(|row| row.checksum).collect()),
        "in the archive and after it"
    );
    for position in [1, MEMBER_EVENTS, MEMBER_EVENTS + 1, RANGE, RANGE + 1] {
        let place = Place { partition: Partition(1), position: Position(position) };
        let index = usize::try_from(position - 1).expect("it fits");
        assert_eq!(store.read_one(place).await.expect("read"), before[index]);
    }
    let known = &before[10];
    from_the_log(&store).await;
    let mut follower = store.follow_from(known.place, known.checksum).expect("a partition");
    let next = follower.next(5).await.expect("read");
    assert!(next.iter().eq(&before[11..16]));
    follows_on_past_the_range(&store, &before).await;

    // A run may be killed before it has noted its range. The next one notes it.
    drop(folder);
    assert_eq!(forget_newest(archive), 2, "one of each partition");
    let mut folder = ArchiveFolder::take(&store, archive).await.expect("it is this log's");
    let again = store.archive_range(&mut folder, Partition(1), first, last).await;
    assert_eq!(again.expect("archived"), ranges[1]);
    assert_eq!(forget_newest(archive), 1, "the range is noted");

    damage(&archive.join(&ranges[1].file));
    let known = log_record::hex(&ranges[1].sha256);
    let error = store.archive_range(&mut folder, Partition(1), first, last).await;
    let read = store.read(Partition(1), Position(7), 3).await;
    for error in [error.map(drop), read.map(drop)] {
        let error = error.expect_err("it was changed");
        assert!(error.is_passing(), "the file may be put back: {error}");
        let error = error.to_string();
        for part in ["is not the file that this log knows", &ranges[1].file, &known] {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
    }
    std::fs::remove_file(archive.join(&ranges[1].file)).expect("removed");
    let error = store.read(Partition(1), Position(7), 3).await.expect_err("it is gone").to_string();
    assert!(error.contains("is missing") && error.contains("--archive-dir"), "{error}");
}

/// What the marker says of the newest events is gone; how many there were.
fn forget_newest(archive: &Path) -> usize {
    let file = archive.join("archive.json");
    let marker = std::fs::read(&file).expect("it is there");
    let mut marker: serde_json::Value = serde_json::from_slice(&marker).expect("JSON");
    let newest = marker["newest"].take();
    marker["newest"] = serde_json::json!([]);
    std::fs::write(file, marker.to_string()).expect("written");
    newest.as_array().expect("a list").len()
}

/// The others wait for it, or everything else would wait for a thread. The file is one whose
/// reading takes for ever.
#[test]
fn those_who_read_one_archived_file_hold_up_one_thread() {
    const READERS: usize = 16;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(4).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let url = StoreUrl::Sqlite(folder.path().join("log.sqlite"));
        drop(EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens"));
        let log = rusqlite::Connection::open(folder.path().join("log.sqlite")).expect("it opens");
        log.execute("update log set range_positions = 50", ()).expect("updated");
        drop(log);
        let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
        let (first, last) = (Position(1), Position(50));
        let archive = folder.path().join("archive");
        let store = store.with_archive(archive.clone());
        let mut taken = ArchiveFolder::take(&store, &archive).await.expect("it is this log's");
        let mut files = vec![];
        for partition in [Partition(0), Partition(1)] {
            fill(&store, partition, 60).await;
            let range = store.archive_range(&mut taken, partition, first, last).await;
            files.push(range.expect("archived").file);
        }
        store.take_out(first, last).await.expect("taken out");
        let file = archive.join(&files[0]);
        let (kept, held) = (archive.join("kept"), archive.join("held"));
        std::fs::rename(&file, &kept).expect("renamed");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &file, fifo, mode, 0).expect("made");
        let mut readers = tokio::task::JoinSet::new();
        for _ in 0..READERS {
            let store = store.clone();
            readers.spawn(async move { store.read(Partition(0), Position(7), 3).await.is_ok() });
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let other = tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(|| ())).await;
        std::fs::rename(&file, &held).expect("renamed");
        std::fs::rename(&kept, &file).expect("put back");
        drop(std::fs::File::options().write(true).open(&held).expect("it opens"));
        other.expect("a thread is free").expect("it ran");
        let read = readers.join_all().await;
        assert_eq!(read.into_iter().filter(|is_read| *is_read).count(), READERS - 1);
    });
}

/// Neither one that the log doesn't reach the end of, nor a part of one.
async fn no_other_range_is_archived(store: &EventStore, archive: &Path) {
    let mut folder = ArchiveFolder::take(store, archive).await.expect("it is this log's");
    for (first, last) in [
        (RANGE + 1, 2 * RANGE),
        (10 * RANGE + 1, 11 * RANGE),
        (1, RANGE - 1),
        (2, RANGE),
        (2, RANGE + 1),
        (1, u64::MAX),
        (0, RANGE),
        (RANGE, 1),
    ] {
        let [first, last] = [first, last].map(Position);
        let archived = store.archive_range(&mut folder, Partition(0), first, last).await;
        let error = archived.expect_err("there is no such range").to_string();
        let end = format!("partition 0 of the log ends at {}", RANGE + 500);
        assert!(error.contains("can't be archived") && error.contains(&end), "{error}");
    }
    let files = std::fs::read_dir(archive).expect("it is there");
    let names = files.map(|file| file.expect("listed").file_name());
    assert_eq!(names.filter(|name| name != "lock" && name != "archive.json").count(), 0);
}

/// The server may have been stopped at any step; what is there then is made here.
#[tokio::test]
async fn a_range_that_was_taken_out_by_half_is_taken_out_on_postgres() {
    let (database, url) = postgres_with_ranges_of(100).await;
    let folder = tempfile::tempdir().expect("a folder");
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    let store = store.with_archive(folder.path().to_owned());
    for partition in 0..2 {
        for end in [100, 200, 300, 350] {
            // Each takes over, and so makes the range after the one that it begins in.
            fill(&store, Partition(partition), end).await;
        }
    }
    let before = read_everything(&store, Partition(1)).await;
    let mut archive = ArchiveFolder::take(&store, folder.path()).await.expect("it is this log's");
    for number in 0..3 {
        let [first, last] = [number * 100 + 1, number * 100 + 100].map(Position);
        for partition in [Partition(0), Partition(1)] {
            let archived = store.archive_range(&mut archive, partition, first, last).await;
            archived.expect("archived");
        }
        match number {
            0 => is_cut_short_while_it_is_detached(&database, last).await,
            1 => detach(&database, last),
            _ => {}
        }
        assert_eq!(read_everything(&store, Partition(1)).await, before);
        assert!(store.is_live(last).await.expect("asked"), "its table is there");
        store.take_out(first, last).await.expect("taken out");
        assert!(!store.is_live(last).await.expect("asked"));
        assert_eq!(read_everything(&store, Partition(1)).await, before);
    }
    let tables = "select string_agg(relname, ' ' order by relname) from pg_class
        where relkind = 'r' and relname like 'event_0%'";
    assert_eq!(database.sql(tables).expect("asked"), "event_000003 event_000004");
}

/// The server goes on for a run that was killed, and the next one would deadlock with that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_after_one_that_was_killed_waits_for_an_open_transaction_on_postgres() {
    let (database, url) = postgres_with_ranges_of(100).await;
    let folder = tempfile::tempdir().expect("a folder");
    let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
    for partition in 0..2 {
        for end in [100, 150] {
            fill(&store, Partition(partition), end).await;
        }
    }
    let (first, last) = (Position(1), Position(100));
    let mut archive = ArchiveFolder::take(&store, folder.path()).await.expect("it is this log's");
    for partition in [Partition(0), Partition(1)] {
        store.archive_range(&mut archive, partition, first, last).await.expect("archived");
    }
    let asked = |sql: &str| database.sql(sql).expect("asked");
    std::thread::scope(|scope| {
        scope.spawn(|| asked("select count(*) from guerdon_log.event, pg_sleep(5)"));
        let sleeping = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'
            and datname = current_database()";
        while asked(sleeping) == "0" {}
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let killed = store.take_out(first, last);
                let cut = tokio::time::timeout(Duration::from_millis(500), killed).await;
                cut.expect_err("it waits for the transaction");
                store.take_out(first, last).await.expect("taken out in the end");
            });
        });
    });
    assert!(!store.is_live(last).await.expect("asked"));
}

/// Somebody reads for longer than the detaching waits.
async fn is_cut_short_while_it_is_detached(database: &TestDatabase, last: Position) {
    let url = format!("{}?options=-cstatement_timeout%3D500", database.url());
    let url: StoreUrl = url.parse().expect("a URL");
    let hasty = EventStore::open(&url, Access::Read).await.expect("it opens");
    std::thread::scope(|scope| {
        let read = "select count(*) from guerdon_log.event, pg_sleep(3)";
        scope.spawn(|| database.sql(read).expect("read"));
        let reads = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'
            and datname = current_database()";
        while database.sql(reads).expect("asked") == "0" {}
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let cut = std::thread::spawn(move || {
            runtime.block_on(hasty.take_out(Position(last.0 - 99), last))
        });
        cut.join().expect("it ran").expect_err("it was cut short");
    });
    let pending = "select count(*) from pg_inherits where inhdetachpending";
    assert_eq!(database.sql(pending).expect("asked"), "1");
}

/// As when the server stopped before the table was dropped.
fn detach(database: &TestDatabase, last: Position) {
    let table = format!("guerdon_log.event_{:06}", (last.0 - 1) / 100);
    let detach = format!("alter table guerdon_log.event detach partition {table}");
    database.sql(&detach).expect("detached");
}

/// Also where the last event that was followed is the range's last: the next isn't in its file.
async fn follows_on_past_the_range(store: &EventStore, before: &[RecordedEvent]) {
    let to_its_end = usize::try_from(RANGE).expect("it fits");
    let mut follower = store.follow(Partition(1), Position::START).expect("a partition");
    from_the_log(store).await;
    let first = follower.next(to_its_end).await.expect("read");
    assert_eq!(first.len(), to_its_end);
    let mut followed: Vec<RecordedEvent> = first.iter().cloned().collect();
    while followed.len() < before.len() {
        let next = tokio::time::timeout(PATIENCE, follower.next(READ_EVENTS_MAX)).await;
        let next = next.expect("there are more events").expect("read");
        followed.extend(next.iter().cloned());
    }
    assert_eq!(followed, before);
}

/// Followers read the log: a take-over makes this process forget what it has appended.
async fn from_the_log(store: &EventStore) {
    store.take_over(Partition(1), WriterId(Uuid::from_u128(2))).await.expect("taken over");
}

async fn fill(store: &EventStore, partition: Partition, events: u64) {
    let head = store.take_over(partition, WriterId(Uuid::from_u128(1))).await.expect("taken over");
    let mut expected = head.position;
    while expected.0 < events {
        let count = (events - expected.0).min(1_000);
        let event = |number| NewEvent {
            event_type: "credit-earned",
            version: 1,
            recorded_at: 1_795_248_000_000_000,
            account_id: (number % 3 > 0).then(|| format!("ann-{number}").into()),
            public: format!(r#"{{"points":{number}, "text" : "gruß \u0000 \n"}}"#).into(),
            private: format!(r#"{{"salt":"{number:02}"}}"#).into(),
        };
        let append = Append {
            partition,
            epoch: head.epoch,
            generation: head.generation,
            expected,
            batch: BatchId(Uuid::from_u128(expected.0.into())),
            events: (0..count).map(event).collect(),
        };
        expected = store.append(append).await.expect("appended").position;
    }
}

fn damage(file: &Path) {
    let mut bytes = std::fs::read(file).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).expect("written");
}
