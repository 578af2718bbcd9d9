//! `guerdon archive` is killed again and again, while others read: nothing is lost, and it ends.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use event_store::{Access, EventStore, StoreUrl};
use log_record::RecordedEvent;
use services::TestDatabase;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, query, query_scalar};

use crate::ledger::log::{self, NEW_LOG};
use crate::ledger::{PATIENCE, faults};

/// Small ranges, and many: so that there is much to be cut short.
const RANGE: u64 = 50;
const RANGES: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_run_that_is_killed_loses_nothing_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.sqlite");
    let url = StoreUrl::Sqlite(file.clone());
    drop(EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens"));
    let mut log = SqliteConnectOptions::new().filename(&file).connect().await.expect("it opens");
    let size = query("update log set range_positions = ?").bind(RANGE.cast_signed());
    size.execute(&mut log).await.expect("updated");
    killed_again_and_again(&url, folder.path()).await;
    let left = "select count(*) from event";
    let left: i64 = query_scalar(left).fetch_one(&mut log).await.expect("asked");
    assert_eq!(left, 1, "all but the last event is in files");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_run_that_is_killed_loses_nothing_on_postgres() {
    let database = TestDatabase::create().expect("a database");
    let url: StoreUrl = database.url().parse().expect("a URL");
    EventStore::migrate(&url).await.expect("migrated");
    let size =
        format!("alter table guerdon_log.log alter column range_positions set default {RANGE}");
    database.sql(&size).expect("altered");
    let folder = tempfile::tempdir().expect("a folder");
    killed_again_and_again(&url, folder.path()).await;
    let left = "select count(*) from pg_class where relkind = 'r' and relname like 'event_0%'";
    let left = database.sql(left).expect("asked");
    assert_eq!(left, "2", "the range in use is left, and the one that was made ahead");
}

async fn killed_again_and_again(url: &StoreUrl, folder: &Path) {
    log::append(url, [RANGE; RANGES].into_iter().chain([1])).await;
    let store = EventStore::open(url, Access::Read).await.expect("it opens");
    let before = read_all(&store).await;
    assert_eq!(before.len() as u64, RANGES as u64 * RANGE + 1);
    let store = store.with_archive(folder.join("archive"));
    let is_over = AtomicBool::new(false);
    let reading = async {
        while !is_over.load(Ordering::Relaxed) {
            assert!(read_all(&store).await == before, "somebody read another log");
        }
    };
    let killing = async {
        for kill in 0..u32::try_from(faults() * 8).expect("a few") {
            // From before it opens the log until it has archived some ranges.
            kill_after(url, folder, Duration::from_millis(5 + u64::from(kill * 13 % 120))).await;
            assert!(read_all(&store).await == before, "something was lost by kill {kill}");
        }
        let begun = Instant::now();
        while let Some(said) = refused(url, folder).await {
            // What the server still does for one that was killed may be in the way for a moment.
            assert!(begun.elapsed() < PATIENCE, "it isn't completed: {said}");
        }
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(reading, killing);
    assert!(read_all(&store).await == before);
    let files = std::fs::read_dir(folder.join("archive")).expect("it is there");
    let names = files.map(|file| file.expect("read").file_name().into_string().expect("a name"));
    let of_the_folder = |name: &String| name == "lock" || name == "archive.json";
    let names = names.filter(|name| !of_the_folder(name));
    let (whole, unfinished): (Vec<_>, Vec<_>) = names.partition(|name| name.ends_with(".gz"));
    assert_eq!((whole.len(), unfinished), (RANGES, vec![]));
}

fn archive(url: &StoreUrl, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(["archive", "--older-than", "0d", "--store", &url.with_password()]);
    command.arg("--data-dir").arg(folder);
    command
}

async fn kill_after(url: &StoreUrl, folder: &Path, time: Duration) {
    let mut command = archive(url, folder);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.expect("it runs");
    tokio::time::sleep(time).await;
    child.kill().expect("killed");
    child.wait().expect("gone");
}

/// What it says where it doesn't come to an end.
async fn refused(url: &StoreUrl, folder: &Path) -> Option<String> {
    let mut command = archive(url, folder);
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    let output = output.expect("it ran").expect("it ran");
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

async fn read_all(store: &EventStore) -> Vec<RecordedEvent> {
    log::read_all(store).await.expect("read")
}
