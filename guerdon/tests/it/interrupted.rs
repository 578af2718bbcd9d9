//! A tool that is told to stop ends at once, says what stands, and its next run goes on from there.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use event_store::{Access, EventStore, StoreUrl};
use log_record::RecordedEvent;
use rusqlite::Connection;

use crate::ledger::server::until;
use crate::ledger::{Ledger, ends, log};

/// Work that keeps SQLite busy for some tenths of a millisecond for each row, so that a tool is
/// still at it when it is told to stop.
const SLOW: &str = "create trigger slow before insert on event begin \
    select (with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000) \
    select count(*) from n); end";

/// The same for each range that is archived: some tenths of a second.
const SLOW_RANGE: &str = "create trigger slow before insert on archived_range begin \
    select (with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000000) \
    select count(*) from n); end";

/// A tool at work.
struct Tool {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

/// Starts a tool; from when it has said what it is about to do, it hears signals.
fn begin(mut command: Command) -> Tool {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.env("RUST_LOG", "warn").spawn().expect("it runs");
    let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
    let mut said = String::new();
    stderr.read_line(&mut said).expect("read");
    Tool { child, stderr, said }
}

/// Tells it to stop; gives the exit code and what it said.
fn interrupted(tool: Tool, signal: &str) -> (Option<i32>, String) {
    let Tool { mut child, mut stderr, mut said } = tool;
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().expect("kill").success());
    let begun = Instant::now();
    while child.try_wait().expect("it can be asked").is_none() {
        if begun.elapsed() > Duration::from_secs(10) {
            drop(child.kill());
            panic!("it goes on");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    stderr.read_to_string(&mut said).expect("read");
    (child.wait().expect("it ended").code(), said)
}

fn guerdon(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(args).current_dir(folder);
    command
}

fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn url(file: &Path) -> StoreUrl {
    StoreUrl::Sqlite(file.to_owned())
}

async fn read_all(file: &Path, archive: Option<&Path>) -> Vec<RecordedEvent> {
    let mut store = EventStore::open(&url(file), Access::Read).await.expect("it opens");
    if let Some(folder) = archive {
        store = store.with_archive(folder.to_owned());
    }
    log::read_all(&store).await.expect("read")
}

fn count(file: &Path, table: &str) -> i64 {
    let asked = Connection::open(file).and_then(|log| {
        log.query_row(&format!("select count(*) from {table}"), (), |row| row.get(0))
    });
    asked.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_goes_on_where_it_was_interrupted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, copy) = (folder.path().join("log.sqlite"), folder.path().join("copy.sqlite"));
    log::append(&url(&log), [10]).await;
    let args = ["copy-log", "sqlite:log.sqlite", "sqlite:copy.sqlite"];
    succeeds(&ends(guerdon(folder.path(), &args)));
    log::append(&url(&log), [1_000; 12]).await;
    Connection::open(&copy).and_then(|copy| copy.execute_batch(SLOW)).expect("slowed");
    let child = begin(guerdon(folder.path(), &args));
    until(|| count(&copy, "event") > 10);
    let (code, said) = interrupted(child, "-INT");
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("copying the log sqlite:log.sqlite to sqlite:copy.sqlite"), "{said}");
    assert!(said.contains("guerdon: interrupted; the copy has the beginning"), "{said}");
    let there = count(&copy, "event");
    assert!((11..12_010).contains(&there), "{there}");
    Connection::open(&copy)
        .and_then(|log| log.execute_batch("drop trigger slow"))
        .expect("dropped");
    let copied = succeeds(&ends(guerdon(folder.path(), &args)));
    assert!(copied.contains(&format!("{} events came", 12_010 - there)), "{copied}");
    assert!(read_all(&log, None).await == read_all(&copy, None).await, "the copy differs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_run_goes_on_where_it_was_interrupted() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log.sqlite");
    log::append(&url(&log), [50; 20]).await;
    log::append(&url(&log), [1]).await;
    let before = read_all(&log, None).await;
    let slowed = format!("update log set range_positions = 50; {SLOW_RANGE}");
    Connection::open(&log).and_then(|log| log.execute_batch(&slowed)).expect("slowed");
    let args = ["archive", "--older-than", "0d", "--data-dir", "."];
    let child = begin(guerdon(folder.path(), &args));
    until(|| count(&log, "archived_range") > 0);
    let (code, said) = interrupted(child, "-TERM");
    assert_eq!(code, Some(143), "{said}");
    assert!(said.contains("interrupted; no event is lost"), "{said}");
    let archive = folder.path().join("archive");
    assert!(read_all(&log, Some(&archive)).await == before, "something was lost");
    Connection::open(&log).and_then(|log| log.execute_batch("drop trigger slow")).expect("dropped");
    let archived = succeeds(&ends(guerdon(folder.path(), &args)));
    assert!(archived.contains("the log itself begins at 1001"), "{archived}");
    assert!(read_all(&log, Some(&archive)).await == before, "something was lost");
    let checked = ends(guerdon(folder.path(), &["check", "--archives", "--data-dir", "."]));
    assert!(succeeds(&checked).contains("20 of 20 archive files"), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_goes_on_where_it_was_interrupted() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("guerdon-data");
    let ledger = Ledger::start(&data);
    let mut purchases = String::from("account_id,purchase_id,purchased_at,amount_cents\n");
    for day in 1..=28 {
        for number in 0..40 {
            use std::fmt::Write as _;
            writeln!(purchases, "ann-{number},p-{day}-{number},2026-02-{day:02}T10:00:00Z,1000")
                .expect("a text grows");
        }
    }
    std::fs::write(folder.path().join("purchases.csv"), purchases).expect("written");
    let redemptions = "account_id,product_id,campaign_id,redeemed_on\nann-1,mug,c,2026-02-28\n";
    std::fs::write(folder.path().join("redemptions.csv"), redemptions).expect("written");
    let import = || {
        let url = ["import", "--url", &ledger.client.url, "--price", "100", "--connections", "1"];
        let files = ["--purchases", "purchases.csv", "--redemptions", "redemptions.csv"];
        guerdon(folder.path(), &[&url[..], &files, &["--output", "json"]].concat())
    };
    let child = begin(import());
    let journal = folder.path().join("guerdon-import.ndjson");
    let is_begun = || std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("finished"));
    until(is_begun);
    let (code, said) = interrupted(child, "-INT");
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("importing purchases.csv"), "{said}");
    assert!(said.contains("run the same command again to continue"), "{said}");

    let done = succeeds(&ends(import()));
    let summary: serde_json::Value = serde_json::from_str(&done).expect("JSON");
    let number = |name: &str| summary[name].as_u64().expect(name);
    let (accepted, repeated) = (number("purchases_accepted"), number("purchases_repeated"));
    assert_eq!(accepted + repeated, 28 * 40, "{summary}");
    assert!(accepted > 0 && repeated >= 40, "{summary}");
    assert_eq!(number("redemptions_accepted"), 1);
    let listed = ledger.client.get("auditor", "/v1/accounts/ann-0").await.is(200);
    assert_eq!(listed["available"], 28 * 100, "each purchase counts once");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_is_interrupted_leaves_the_read_model_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("guerdon-data");
    let ledger = Ledger::start(&data);
    let position = ledger.client.earns("ann", 500, "B-1").await;
    ledger.client.get_after(&position, "auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!(ledger.stop(), Some(0));
    // Somebody reads the tables, so they can't be swapped.
    let reader = Connection::open(data.join("read-model.sqlite")).expect("it opens");
    reader.execute_batch("begin immediate").expect("held");
    let child = begin(guerdon(folder.path(), &["rebuild"]));
    let (code, said) = interrupted(child, "-INT");
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("interrupted; the read model is as it was"), "{said}");
    reader.execute_batch("rollback").expect("let go");
    drop(reader);
    succeeds(&ends(guerdon(folder.path(), &["check", "--sums"])));
    succeeds(&ends(guerdon(folder.path(), &["rebuild"])));
    succeeds(&ends(guerdon(folder.path(), &["check", "--sums"])));
    let ledger = Ledger::start(&data);
    let account = ledger.client.get("auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!(account["available"], 500);
    assert_eq!(ledger.stop(), Some(0));
}

/// A ledger that takes connections and never answers.
#[test]
fn whoever_waits_for_a_ledger_can_be_interrupted() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = r#"{"operator": "gk_x", "merchant": "gk_x", "shopper": "gk_x", "auditor": "gk_x"}"#;
    std::fs::write(folder.path().join("keys.json"), keys).expect("written");
    let purchases =
        "account_id,purchase_id,purchased_at,amount_cents\na,p,2026-02-01T10:00:00Z,100\n";
    std::fs::write(folder.path().join("p.csv"), purchases).expect("written");
    let redemptions = "account_id,product_id,campaign_id,redeemed_on\n";
    std::fs::write(folder.path().join("r.csv"), redemptions).expect("written");
    let lots = "row_id,account_id,points\n1,ann,500\n";
    std::fs::write(folder.path().join("l.csv"), lots).expect("written");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("it has one"));
    for args in [
        &["shipping", "overdue"][..],
        &["shipping", "resend", "x"],
        &["shipping", "retry", "--all"],
        &["publish", "--from", "0:1", "--to-topic", "again"],
        &["confirm-clock", "2026-11-29T00:00:00Z"],
        &["import", "--purchases", "p.csv", "--redemptions", "r.csv"],
        &["adopt", "--lots", "l.csv"],
    ] {
        let args = [args, &["--url", &url, "--api-keys", "keys.json"]].concat();
        let child = begin(guerdon(folder.path(), &args));
        let asked = silent.accept().expect("it asks");
        let (code, said) = interrupted(child, "-INT");
        drop(asked);
        assert_eq!(code, Some(130), "{args:?}: {said}");
        assert!(said.contains("guerdon: interrupted; "), "{args:?}: {said}");
    }
}

/// A change of keys waits for whoever has the log locked.
#[test]
fn a_change_of_keys_that_is_interrupted_is_made_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("guerdon-data");
    assert_eq!(Ledger::start(&data).stop(), Some(0));
    let holder = Connection::open(data.join("log.sqlite")).expect("it opens");
    holder.execute_batch("begin immediate").expect("held");
    let child = begin(guerdon(folder.path(), &["keys", "replace-all"]));
    let (code, said) = interrupted(child, "-INT");
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("guerdon keys list shows all keys"), "{said}");
    holder.execute_batch("rollback").expect("let go");
    drop(holder);
    let listed = succeeds(&ends(guerdon(folder.path(), &["keys", "list", "--output", "json"])));
    assert_eq!(listed.matches("\"valid\"").count(), 5, "{listed}");
    assert_eq!(Ledger::start(&data).stop(), Some(0), "the next start has its keys");
}
