//! Archive files of another history of the same log, of a copy, of another log, or changed on
//! purpose: none is believed, none is overwritten, and each is named.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use log_record::{
    Checksum, Generation, LogId, Partition, Place, Position, Private, RecordedEvent, hex,
};
use serde_json::{Value, json};

use crate::ledger::tool::{guerdon, said};
use crate::ledger::{Ledger, ends, serve};

/// How many positions a range has.
const RANGE: u64 = 50;

/// The way of the worst case: a backup is restored and declared to be the history, the log goes on
/// and is archived, and then the archive of before comes back.
#[tokio::test]
async fn an_archive_of_the_history_before_a_fork_is_never_believed() {
    let (folder, before) = forked().await;
    let archive = folder.path().join("archive");
    assert!(said(&guerdon(folder.path(), &["snapshot"])).contains("snapshot up to"));
    let of_now = swap(&archive, &before);

    // From the snapshot it starts, and an event of the file is needed only now.
    let ledger = Ledger::start(folder.path());
    ledger.client.redeems("ann", "second-5", "mug").await.is_problem(503, "outcome-unknown");
    let credit = json!({"points": 7, "cause": {"kind": "purchase", "id": "second"}});
    let again = ledger.client.post("merchant", "/v1/accounts/ann/credits", credit).await;
    again.is_problem(503, "outcome-unknown");
    assert_eq!(ledger.stop(), Some(0));
    let (file, sha256) = &of_now[0];
    let known = [file.as_str(), sha256.as_str(), "another history"];
    let copy = folder.path().join("copy.sqlite");
    refused(&guerdon(folder.path(), &["rebuild"]), &known);
    refused(&copy_log(folder.path(), &copy), &known);
    refused(&guerdon(folder.path(), &["check", "--archives"]), &known);
    fs::remove_dir_all(folder.path().join("snapshots")).expect("removed");
    refused(&ends(serve(folder.path())), &known);

    // As it should be, everything goes on.
    for (file, _) in &of_now {
        let kept = archive.join(format!("{file}.kept"));
        fs::rename(kept, archive.join(file)).expect("put back");
    }
    let ledger = Ledger::start(folder.path());
    ledger.client.redeems("ann", "second-5", "mug").await.is(200);
    ledger.client.redeems("ann", "first-5", "mug").await.is(201);
    assert_eq!(ledger.stop(), Some(0));
    assert!(
        said(&guerdon(folder.path(), &["check", "--archives"])).contains("2 of 2 archive files")
    );
    assert!(guerdon(folder.path(), &["rebuild"]).status.success());
    assert!(copy_log(folder.path(), &folder.path().join("copy-2.sqlite")).status.success());
}

#[tokio::test]
async fn two_histories_share_a_folder_and_neither_overwrites_the_other() {
    let (folder, before) = forked().await;
    let archive = folder.path().join("archive");
    let of_before = files(&before);
    assert_eq!(of_before.len(), 2);
    for file in &of_before {
        let there = archive.join(file.file_name().expect("a name"));
        assert_eq!(fs::read(there).expect("it is there"), fs::read(file).expect("read"));
    }
    assert_eq!(files(&archive).len(), 4, "two of each history");
    let name = |generation: &str| {
        let of = |file: &PathBuf| file.to_string_lossy().contains(generation);
        files(&archive).iter().filter(|file| of(file)).count()
    };
    assert_eq!((name("-g1-"), name("-g2-")), (2, 2));
}

#[tokio::test]
async fn a_line_that_was_changed_together_with_its_checksum_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = started(folder.path()).await;
    redeemed(&ledger, "first", 25).await;
    assert_eq!(ledger.stop(), Some(0));
    archived(folder.path());
    let file = files(&folder.path().join("archive")).remove(0);
    make_rich(&file, log_id(folder.path()));
    let name = file.file_name().expect("a name").to_string_lossy().into_owned();
    let known = [name.as_str(), "SHA-256"];
    refused(&ends(serve(folder.path())), &known);
    refused(&guerdon(folder.path(), &["rebuild"]), &known);
    refused(&copy_log(folder.path(), &folder.path().join("copy.sqlite")), &known);
}

#[tokio::test]
async fn a_copy_that_went_on_by_itself_needs_a_folder_of_its_own() {
    let (folder, other) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("other"));
    let ledger = started(folder.path()).await;
    assert_eq!(ledger.stop(), Some(0));
    assert!(copy_log(folder.path(), &other.path().join("log.sqlite")).status.success());
    fs::copy(folder.path().join("api-keys.json"), other.path().join("api-keys.json"))
        .expect("keys");
    set_ranges(other.path());
    let archive = folder.path().join("archive");
    let shared = ["--archive-dir", archive.to_str().expect("UTF-8")];
    for (folder, number) in [(folder.path(), "first"), (other.path(), "second")] {
        let options = [&shared[..], &["--this-is-the-history"]].concat();
        let ledger = Ledger::start_with(folder, &options, &[]);
        redeemed(&ledger, number, 25).await;
        assert_eq!(ledger.stop(), Some(0));
    }
    archived(folder.path());
    let of_one: Vec<_> = files(&archive).iter().map(|file| fs::read(file).expect("read")).collect();
    let archiving = [&["archive", "--older-than", "0d"], &shared[..]].concat();
    let place = format!("0:{RANGE}");
    refused(&guerdon(other.path(), &archiving), &["log-forked", &place, "--archive-dir"]);
    let mut command = serve(other.path());
    command.args(shared);
    refused(&ends(command), &["log-forked", &place, "--archive-dir"]);
    let now: Vec<_> = files(&archive).iter().map(|file| fs::read(file).expect("read")).collect();
    assert!(of_one == now, "nothing was touched");
}

#[tokio::test]
async fn a_folder_of_another_log_is_refused() {
    let (one, other) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("other"));
    for folder in [&one, &other] {
        let ledger = started(folder.path()).await;
        redeemed(&ledger, "first", 25).await;
        assert_eq!(ledger.stop(), Some(0));
        archived(folder.path());
    }
    let archive = other.path().join("archive");
    let args = ["--archive-dir", archive.to_str().expect("UTF-8")];
    let of_other = log_id(other.path()).to_string();
    let known = [of_other.as_str(), "--archive-dir"];
    for name in [&["archive", "--older-than", "0d"][..], &["rebuild"], &["check"], &["snapshot"]] {
        refused(&guerdon(one.path(), &[name, &args[..]].concat()), &known);
    }
    let mut command = serve(one.path());
    command.args(args);
    refused(&ends(command), &known);
}

/// A ledger that was restored from a backup, declared to be the history, and archived; and the
/// archive of the history before.
async fn forked() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = started(folder.path()).await;
    assert_eq!(ledger.stop(), Some(0));
    let (log, backup) = (folder.path().join("log.sqlite"), folder.path().join("backup.sqlite"));
    fs::copy(&log, &backup).expect("backed up");
    let ledger = Ledger::start(folder.path());
    ledger.client.earns("ann", 7, "first").await;
    let last = redeemed(&ledger, "first", 50).await;
    ledger.client.get_after(&last, "auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!(ledger.stop(), Some(0));
    archived(folder.path());
    let (archive, before) = (folder.path().join("archive"), folder.path().join("before"));
    fs::create_dir(&before).expect("made");
    for file in files(&archive) {
        fs::copy(&file, before.join(file.file_name().expect("a name"))).expect("copied");
    }
    fs::copy(&backup, &log).expect("restored");
    refused(&ends(serve(folder.path())), &["log-forked"]);
    let fork = guerdon(folder.path(), &["fork-log", "--reason", "the disk was lost"]);
    assert!(fork.status.success(), "{fork:?}");
    assert!(guerdon(folder.path(), &["rebuild"]).status.success());
    let ledger = Ledger::start(folder.path());
    ledger.client.earns("ann", 7, "second").await;
    redeemed(&ledger, "second", 50).await;
    assert_eq!(ledger.stop(), Some(0));
    archived(folder.path());
    (folder, before)
}

/// Puts the files of another history under the names of those that the log knows. Gives those names
/// with their SHA-256.
fn swap(archive: &Path, before: &Path) -> Vec<(String, String)> {
    use sha2::Digest as _;
    let others = files(before);
    let range = |file: &Path| {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        name.split("-g").next().expect("a range").to_owned()
    };
    let mut swapped = vec![];
    for file in files(archive) {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        if before.join(&name).exists() {
            continue;
        }
        let other = others.iter().find(|other| range(other) == range(&file)).expect("it has both");
        let sha256 = hex(&sha2::Sha256::digest(fs::read(&file).expect("read")));
        fs::rename(&file, archive.join(format!("{name}.kept"))).expect("kept");
        fs::copy(other, &file).expect("swapped");
        swapped.push((name, sha256));
    }
    assert_eq!(swapped.len(), 2);
    swapped
}

/// Changes the first credit in a file to five million points, and makes its checksum anew.
fn make_rich(file: &Path, log_id: LogId) {
    let mut text = String::new();
    MultiGzDecoder::new(fs::File::open(file).expect("opened"))
        .read_to_string(&mut text)
        .expect("read");
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    let earned = lines.iter_mut().find(|line| line.contains("credit-earned")).expect("a credit");
    let line: Value = serde_json::from_str(earned).expect("JSON");
    let mut row = row_of(&line, earned);
    row.public = row.public.replacen("100000", "5000000", 1).into();
    row.checksum = row.compute_checksum(log_id);
    let old = line["checksum"].as_str().expect("a checksum");
    *earned = earned.replacen("100000", "5000000", 1).replace(old, &hex(&row.checksum.0));
    let mut packed = vec![];
    for lines in [&lines[..1], &lines[1..]] {
        let mut member = GzEncoder::new(&mut packed, Compression::default());
        lines.iter().for_each(|line| writeln!(member, "{line}").expect("packed"));
        member.finish().expect("packed");
    }
    fs::write(file, packed).expect("written");
}

fn row_of(line: &Value, text: &str) -> RecordedEvent {
    #[derive(serde::Deserialize)]
    struct Texts<'a> {
        #[serde(borrow)]
        public: &'a serde_json::value::RawValue,
        #[serde(borrow)]
        private: &'a serde_json::value::RawValue,
    }
    let texts: Texts<'_> = serde_json::from_str(text).expect("an event");
    let number = |name: &str| line[name].as_u64().expect("a number");
    RecordedEvent {
        place: Place { partition: Partition(0), position: Position(number("position")) },
        generation: Generation(u32::try_from(number("generation")).expect("small")),
        event_type: line["type"].as_str().expect("a type").into(),
        version: 1,
        recorded_at: line["recorded_at"].as_i64().expect("a time"),
        account_id: line["account_id"].as_str().map(Into::into),
        public: texts.public.get().into(),
        private: Private::Text(texts.private.get().into()),
        checksum: Checksum([0; 32]),
    }
}

async fn started(folder: &Path) -> Ledger {
    let ledger = Ledger::start(folder);
    set_ranges(folder);
    ledger.client.opens("mug", 300, None, None).await;
    ledger.client.earns("ann", 100_000, "B-1").await;
    ledger
}

/// Redeems so often; gives the last position.
async fn redeemed(ledger: &Ledger, name: &str, times: u64) -> String {
    let mut last = None;
    for number in 0..times {
        let redeemed = ledger.client.redeems("ann", &format!("{name}-{number}"), "mug").await;
        redeemed.is(201);
        last = redeemed.position;
    }
    last.expect("at least one")
}

fn set_ranges(folder: &Path) {
    let log = rusqlite::Connection::open(folder.join("log.sqlite")).expect("it opens");
    log.busy_timeout(crate::ledger::PATIENCE).expect("set");
    log.execute("update log set range_positions = ?", (RANGE.cast_signed(),)).expect("updated");
}

fn log_id(folder: &Path) -> LogId {
    let lock = fs::read_to_string(folder.join("log.sqlite.lock")).expect("read");
    LogId(lock.trim().parse().expect("an id"))
}

fn archived(folder: &Path) {
    let archived = guerdon(folder, &["archive", "--older-than", "0d"]);
    assert!(archived.status.success(), "{archived:?}");
}

/// The archive files in a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).expect("listed").map(|file| file.expect("listed").path());
    let mut files: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|end| end == "gz")).collect();
    files.sort();
    files
}

fn copy_log(folder: &Path, to: &Path) -> Output {
    let url = |file: &Path| format!("sqlite:{}", file.display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(["copy-log", &url(&folder.join("log.sqlite")), &url(to), "--archive-dir"]);
    command.arg(folder.join("archive"));
    ends(command)
}

#[track_caller]
fn refused(output: &Output, parts: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it was done: {output:?}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
}
