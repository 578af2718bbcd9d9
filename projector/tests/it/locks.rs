//! Somebody holds a lock on the read model, or a transaction stays open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use log_record::Position;
use projector::{Projector, rebuild};
use read_model::{Query, ReadModel, ReadModelUrl};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use testing::ledger::{Ledger, On, earned, encoded, log_opened, place};

const PATIENCE: Duration = Duration::from_secs(20);

/// How long a lock is held, and how late a task may be meanwhile that has slept: on a busy machine,
/// and not for as long as the lock is held.
const HELD: Duration = Duration::from_secs(4);
const LATE_MAX: Duration = Duration::from_secs(2);

/// A lock on the file, until this is dropped.
struct Locked(Connection);

impl Locked {
    fn hold(ledger: &Ledger) -> Self {
        let ReadModelUrl::Sqlite(file) = ledger.url() else { unreachable!("it is a file") };
        let connection = Connection::open(file).expect("it opens");
        connection.execute_batch("begin immediate").expect("locked");
        Self(connection)
    }

    async fn for_a_while(self) {
        tokio::time::sleep(HELD).await;
        self.0.execute_batch("rollback").expect("unlocked");
    }
}

/// Sleeps again and again; gives by how much it was late at most. This runtime has one thread.
fn watch_the_runtime() -> impl AsyncFnOnce() -> Duration {
    const NAP: Duration = Duration::from_millis(10);
    let stop = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&stop);
    let napping = tokio::spawn(async move {
        let mut latest = Duration::ZERO;
        while !until.load(Ordering::Relaxed) {
            let begun = Instant::now();
            tokio::time::sleep(NAP).await;
            latest = latest.max(begun.elapsed() - NAP);
        }
        latest
    });
    async move || {
        stop.store(true, Ordering::Relaxed);
        napping.await.expect("it ends")
    }
}

#[tokio::test]
async fn a_projector_that_waits_for_a_locked_file_holds_up_no_thread_of_the_runtime() {
    let ledger = Ledger::new(1, On::Sqlite).await;
    ledger.record(&[log_opened(1), earned("ann")]).await;
    ledger.project().await;

    let locked = Locked::hold(&ledger);
    let lateness = watch_the_runtime();
    let (opened, ()) = tokio::join!(ledger.projector(), locked.for_a_while());
    let projector = opened.expect("it opens once the lock is gone");
    assert!(lateness().await < LATE_MAX, "the start of a projector");

    let mut status = projector.statuses().remove(0);
    let stop = CancellationToken::new();
    let running = tokio::spawn(projector.run(stop.clone()));
    let locked = Locked::hold(&ledger);
    let lateness = watch_the_runtime();
    ledger.record(&[earned("bob")]).await;
    locked.for_a_while().await;
    status.wait_for(|status| status.position == Position(3)).await.expect("it goes on");
    assert!(lateness().await < LATE_MAX, "a batch");

    let locked = Locked::hold(&ledger);
    let lateness = watch_the_runtime();
    let mut unknown = encoded(&earned("cat"));
    unknown.version = 9;
    ledger.append(vec![unknown]).await;
    locked.for_a_while().await;
    status.wait_for(|status| status.stopped.is_some()).await.expect("it stops");
    assert!(lateness().await < LATE_MAX, "the note of what stopped it");
    stop.cancel();
    running.await.expect("it ends");
}

#[tokio::test]
async fn a_rebuild_gives_the_files_name_to_the_new_file_and_removes_the_old_one() {
    let ledger = Ledger::new(1, On::Sqlite).await;
    ledger.record(&[log_opened(1), earned("ann")]).await;
    let expected = ledger.projected().await;
    let ReadModelUrl::Sqlite(file) = ledger.url() else { unreachable!("it is a file") };
    let model = ledger.read_model().await;
    for rebuilt in ["read-model.sqlite.rebuilt-1", "read-model.sqlite.rebuilt-2"] {
        ledger.alter("update account_balance set available = 9999");
        rebuild(&ledger.url(), &ledger.store).await.expect("rebuilt");
        assert_eq!(std::fs::read_link(&file).expect("a link").to_str(), Some(rebuilt));
        until_dumped(&model, &expected).await;
        let folder = std::fs::read_dir(file.parent().expect("a folder")).expect("read");
        let names = folder.map(|entry| entry.expect("read").file_name().into_string());
        let mut names: Vec<String> = names.map(|name| name.expect("a name")).collect();
        let lock = "read-model.sqlite.rebuild.lock";
        assert!(names.iter().any(|name| name == lock), "it stays: {names:?}");
        names.retain(|name| !["-wal", "-shm", ".lock"].iter().any(|end| name.ends_with(end)));
        names.sort();
        assert_eq!(names, ["read-model.sqlite", rebuilt]);
    }
}

/// The name may be a link already, to another disk.
#[tokio::test]
async fn a_rebuild_stays_on_the_disk_to_which_an_operator_has_linked() {
    let ledger = Ledger::new(1, On::Sqlite).await;
    ledger.record(&[log_opened(1), earned("ann")]).await;
    let expected = ledger.projected().await;
    let disk = TempDir::new().expect("a folder");
    let ReadModelUrl::Sqlite(file) = ledger.url() else { unreachable!("it is a file") };
    std::fs::rename(&file, disk.path().join("points.sqlite")).expect("moved");
    std::os::unix::fs::symlink(disk.path().join("points.sqlite"), &file).expect("linked");
    for rebuilt in ["points.sqlite.rebuilt-1", "points.sqlite.rebuilt-2"] {
        rebuild(&ledger.url(), &ledger.store).await.expect("rebuilt");
        let live = std::fs::canonicalize(&file).expect("it is there");
        assert_eq!(live, disk.path().canonicalize().expect("it is there").join(rebuilt));
    }
    assert_eq!(ledger.projected().await, expected);
}

/// What the write-ahead file beside the new file has would be lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuilt_file_that_somebody_reads_waits_until_it_is_whole() {
    let ledger = Ledger::new(1, On::Sqlite).await;
    ledger.record(&[log_opened(1), earned("ann")]).await;
    ledger.project().await;
    let ReadModelUrl::Sqlite(file) = ledger.url() else { unreachable!("it is a file") };
    let locked = Locked::hold(&ledger);
    let url = ledger.url();
    let mut rebuilding = std::pin::pin!(rebuild(&url, &ledger.store));
    let made = file.with_file_name("read-model.sqlite.rebuild");
    let reader = tokio::select! {
        early = &mut rebuilding => panic!("it doesn't wait for the lock: {early:?}"),
        reader = until_made(&made) => reader,
    };
    ledger.record(&[earned("bob"), earned("cat")]).await;
    drop(locked);
    let early = timeout(HELD, &mut rebuilding).await;
    early.expect_err("a part of the rows took the name");
    drop(reader);
    timeout(2 * PATIENCE, rebuilding).await.expect("in time").expect("rebuilt");
    let rebuilt = std::fs::read_link(&file).expect("a link");
    let made = Connection::open(file.with_file_name(rebuilt)).expect("it opens");
    let accounts = "select count(*) from account_balance";
    let accounts: i64 = made.query_row(accounts, (), |row| row.get(0)).expect("read");
    assert_eq!(accounts, 3);
}

/// Reads the file that a rebuild makes, from when it has events.
async fn until_made(file: &std::path::Path) -> Connection {
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < PATIENCE, "nothing is made");
        tokio::time::sleep(Duration::from_millis(20)).await;
        if !file.exists() {
            continue;
        }
        let connection = Connection::open(file).expect("it opens");
        let select = "select position from checkpoint";
        let read = connection
            .execute_batch("begin")
            .and_then(|()| connection.query_row(select, (), |row| row.get::<_, i64>(0)));
        if read.is_ok_and(|position| position == 2) {
            return connection;
        }
    }
}

async fn until_dumped(model: &ReadModel, expected: &[String]) {
    let begun = Instant::now();
    while read_model::dump(model).await.expect("read") != expected {
        assert!(begun.elapsed() < PATIENCE, "the old rows are read on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Reads balances until it is stopped; gives how long one took at most, and how many there were.
async fn read_on(model: ReadModel, stop: CancellationToken) -> (Duration, u32) {
    const ACCOUNTS: Query = Query::same("select count(*) from account_balance");
    let (mut longest, mut reads) = (Duration::ZERO, 0);
    while !stop.is_cancelled() {
        let begun = Instant::now();
        let mut reading = model.read(&[], PATIENCE).await.expect("it begins");
        let _: (i64,) = reading.one(ACCOUNTS, &[]).await.expect("it reads");
        drop(reading);
        longest = longest.max(begun.elapsed());
        reads += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    (longest, reads)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_beside_an_open_transaction_holds_up_no_read_on_postgres() {
    let ledger = Ledger::new(1, On::Postgres).await;
    ledger.record(&[log_opened(1), earned("ann")]).await;
    ledger.project().await;
    let (model, frozen) = (ledger.read_model().await, ledger.read_model().await);
    let open = frozen.read(&[place(2)], PATIENCE).await.expect("it begins");
    let stop = CancellationToken::new();
    let reading = tokio::spawn(read_on(model, stop.clone()));
    let url = ledger.url();
    let mut rebuilding = std::pin::pin!(rebuild(&url, &ledger.store));
    let early = timeout(Duration::from_secs(5), &mut rebuilding).await;
    early.expect_err("a transaction still reads the old tables");
    drop(open);
    timeout(PATIENCE, rebuilding).await.expect("in time").expect("rebuilt");
    stop.cancel();
    let (longest, reads) = reading.await.expect("it ends");
    println!("{reads} reads in 5 s beside a rebuild that waits; the longest took {longest:?}");
    // Without an end, they would have waited for the transaction.
    assert!(longest < Duration::from_secs(3), "a read took {longest:?}");
}

/// A query API that is frozen within a read, or whose machine is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_frozen_does_not_keep_a_rebuild_waiting_for_ever_on_postgres() {
    let ledger = Ledger::new(1, On::Postgres).await;
    ledger.record(&[log_opened(1), earned("ann")]).await;
    ledger.project().await;
    let frozen = ledger.read_model().await;
    let open = frozen.read(&[place(2)], PATIENCE).await.expect("it begins");
    let rebuilt = timeout(2 * PATIENCE, rebuild(&ledger.url(), &ledger.store)).await;
    rebuilt.expect("the server has ended the transaction").expect("rebuilt");
    drop(open);
}

/// A projector that is frozen within a batch holds what others would write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projector_stops_while_its_database_does_not_answer_on_postgres() {
    let ledger = Ledger::new(1, On::Postgres).await;
    ledger.record(&[log_opened(1), earned("ann")]).await;
    let projector: Projector = ledger.projector().await.expect("it opens");
    let ReadModelUrl::Postgres(url) = ledger.url() else { unreachable!("it is a server") };
    let holder = url.connect().await.expect("connected").client;
    let lock = "begin; lock table guerdon_read_model.checkpoint in access exclusive mode";
    holder.batch_execute(lock).await.expect("locked");
    let stop = CancellationToken::new();
    let running = tokio::spawn(projector.run(stop.clone()));
    ledger.record(&[earned("bob")]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.cancel();
    let begun = Instant::now();
    running.await.expect("it ends");
    assert!(begun.elapsed() < Duration::from_secs(4), "it took {:?} to stop", begun.elapsed());
}
