//! A projector that is behind takes what there is in batches of many pages of the log, and makes
//! the next one while the last is written. What comes of it is what small batches make.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use domain::{Event, OfferOpened, Page};
use event_store::{Access, EventStore, NewLog, READ_EVENTS_MAX, StoreUrl, with_causes};
use log_record::{LogId, Position};
use projector::{ProjectionStop, Projector, rebuild};
use read_model::ReadModelUrl;
use rusqlite::Connection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use testing::ledger::{
    Home, Ledger, On, earned, encoded, id, log_opened, place, redemption, terms,
};

/// Three events each: more than are read at once.
const SHOPPERS: usize = READ_EVENTS_MAX / 3 + 100;

/// So many are recorded at once.
const RECORDED: usize = 2_500;

const PATIENCE: Duration = Duration::from_secs(60);

/// Where the child finds the log.
const FOLDER: &str = "GUERDON_TEST_LARGE_BATCHES";

testing::on_every_database! {
    the_rows_do_not_depend_on_how_large_the_batches_are,
    an_event_that_cannot_be_applied_ends_what_is_projected_of_a_large_batch,
}

fn rush() -> Vec<Event> {
    let endless =
        OfferOpened { offer_id: id("mug"), terms: terms(300), page: Page::default(), stock: None };
    let mut events = vec![log_opened(1), Event::OfferOpened(endless)];
    let accounts = || (0..SHOPPERS).map(|shopper| format!("shopper-{shopper}"));
    events.extend(accounts().map(|account| earned(&account)));
    for (lot, account) in (3..).zip(accounts()) {
        events.extend(redemption(&account, "x-1", lot));
    }
    events
}

async fn the_rows_do_not_depend_on_how_large_the_batches_are(on: On) {
    let (behind, beside) = (Ledger::new(1, on).await, Ledger::new(1, on).await);
    let projector = beside.projector().await.expect("it opens");
    let mut status = projector.statuses().remove(0);
    let stop = CancellationToken::new();
    let running = tokio::spawn(projector.run(stop.clone()));
    let rush = rush();
    for events in rush.chunks(RECORDED) {
        behind.record(events).await;
        // What comes while a batch is written is the next one.
        beside.record(events).await;
    }
    let end = Position(rush.len() as u64);
    let reached = status.wait_for(|status| status.position == end);
    drop(tokio::time::timeout(PATIENCE, reached).await.expect("in time").expect("it runs"));
    stop.cancel();
    running.await.expect("it ends");
    let expected = beside.projected().await;
    assert_eq!(behind.projected().await, expected, "in one batch");
    rebuild(&behind.url(), &behind.store).await.expect("rebuilt");
    assert_eq!(behind.projected().await, expected, "rebuilt");
}

async fn an_event_that_cannot_be_applied_ends_what_is_projected_of_a_large_batch(on: On) {
    let ledger = Ledger::new(1, on).await;
    let rush = rush();
    ledger.record(&rush).await;
    let mut unknown = encoded(&earned("ann"));
    unknown.version = 9;
    ledger.append(vec![unknown, encoded(&earned("bob"))]).await;
    let projector = ledger.projector().await.expect("it opens");
    let mut status = projector.statuses().remove(0);
    let stop = CancellationToken::new();
    let running = tokio::spawn(projector.run(stop.clone()));
    let stopped = status.wait_for(|status| status.stopped.is_some()).await.expect("it stops");
    let ProjectionStop { at, why } = stopped.stopped.clone().expect("stopped");
    let last = Position(rush.len() as u64);
    assert_eq!((at, stopped.position), (last.next(), last), "{}", with_causes(why.as_ref()));
    drop(stopped);
    stop.cancel();
    running.await.expect("it ends");
}

#[tokio::test]
async fn a_projector_that_is_killed_in_a_large_batch_goes_on_from_before_it() {
    let (ledger, folder) = on_disk().await;
    let file = folder.join("read-model.sqlite");
    for kill in 0..3 {
        let mut child = start(&folder, "project");
        let live = Connection::open(&file).expect("it opens");
        while !is_being_written(&live) {
            assert_runs(&mut child);
        }
        std::thread::sleep(Duration::from_millis(40 * kill));
        child.kill().expect("killed");
        child.wait().expect("it ends");
        let at: i64 = live
            .query_row("select coalesce(max(position), 0) from checkpoint", (), |row| row.get(0))
            .expect("read");
        let whole = place(SHOPPERS as u64 * 3 + 2).position.0.cast_signed();
        assert!(at == 0 || at == whole, "a batch is in the tables as a whole or not at all: {at}");
    }
    let expected = ledger.projected().await;
    rebuild(&ledger.url(), &ledger.store).await.expect("rebuilt");
    assert_eq!(ledger.projected().await, expected);
}

#[tokio::test]
async fn what_a_killed_rebuild_left_is_thrown_away() {
    let (ledger, folder) = on_disk().await;
    let expected = ledger.projected().await;
    let draft = folder.join("read-model.sqlite.rebuild");
    let is_begun = || std::fs::metadata(&draft).is_ok_and(|file| file.len() > 1 << 20);
    let mut child = start(&folder, "rebuild");
    while !is_begun() {
        assert_runs(&mut child);
    }
    child.kill().expect("killed");
    child.wait().expect("it ends");
    assert_eq!(ledger.projected().await, expected, "the live tables are as they were");
    rebuild(&ledger.url(), &ledger.store).await.expect("rebuilt");
    assert!(!draft.exists());
    assert_eq!(ledger.projected().await, expected);
}

#[tokio::test]
async fn a_rebuilt_file_has_the_indexes_of_one_that_grew() {
    let ledger = Ledger::new(1, On::Sqlite).await;
    ledger.record(&[log_opened(1), earned("ann")]).await;
    let ReadModelUrl::Sqlite(file) = ledger.url() else { unreachable!("a file") };
    let schema = || {
        let tables = Connection::open(&file).expect("it opens");
        let mode: String =
            tables.query_row("pragma journal_mode", (), |row| row.get(0)).expect("read");
        let mut select = tables
            .prepare("select coalesce(sql, name) from sqlite_schema order by name")
            .expect("prepared");
        let found = select.query_map((), |row| row.get::<_, String>(0)).expect("read");
        (mode, found.collect::<Result<Vec<_>, _>>().expect("read"))
    };
    let grown = schema();
    rebuild(&ledger.url(), &ledger.store).await.expect("rebuilt");
    assert_eq!(schema(), grown);
}

/// With the log in a file, which a child can read.
async fn on_disk() -> (Ledger, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let new_log = NewLog { log_id: LogId(Uuid::from_u128(1)), partitions: 1 };
    let log = StoreUrl::Sqlite(folder.path().join("log.sqlite"));
    let store = EventStore::open(&log, Access::Write(new_log)).await.expect("it opens");
    let path = folder.path().to_path_buf();
    let ledger = Ledger { store, home: Home::Folder(folder) };
    read_model::migrate(&ledger.url()).await.expect("migrated");
    for events in rush().chunks(RECORDED) {
        ledger.record(events).await;
    }
    (ledger, path)
}

fn start(folder: &Path, what: &str) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "large_batches::is_killed"])
        .env(FOLDER, folder)
        .env("GUERDON_TEST_DOES", what)
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts")
}

fn assert_runs(child: &mut Child) {
    assert!(child.try_wait().expect("known").is_none(), "it ended too early");
    std::thread::sleep(Duration::from_millis(1));
}

/// Whether another process is in a transaction that writes.
fn is_being_written(tables: &Connection) -> bool {
    tables.busy_timeout(Duration::ZERO).expect("set");
    let begun = tables.execute_batch("begin immediate; rollback");
    begun.is_err()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "other tests start it in a process of its own and kill it"]
#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
async fn is_killed() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("a folder"));
    let log = StoreUrl::Sqlite(folder.join("log.sqlite"));
    let store = EventStore::open(&log, Access::Read).await.expect("it opens");
    let url = ReadModelUrl::Sqlite(folder.join("read-model.sqlite"));
    if std::env::var("GUERDON_TEST_DOES").as_deref() == Ok("rebuild") {
        rebuild(&url, &store).await.expect("rebuilt");
    } else {
        let mut projector = Projector::open(&url, store).await.expect("it opens");
        projector.catch_up().await.expect("projected");
    }
}
