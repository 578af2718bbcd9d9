//! The histories that are mixed: two logs, each with an early backup, a later end of the same
//! generation, and the history that began when the backup was restored and a fork declared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use event_store::{Access, EventStore, StoreUrl};
use log_record::RecordedEvent;
use serde_json::Value;

use crate::ledger::log::read_all;
use crate::ledger::{Ledger, audit, ends};

/// How many positions a range has.
const RANGE: i64 = 20;

const CREDIT: u64 = 100_000;
pub(super) const PRICE: u64 = 3;

/// How many redemptions each time of a history adds: some 15 ranges in all.
const REDEMPTIONS: u64 = 24;

/// A stopped ledger's folder, and what its log says.
pub(super) struct Exhibit {
    pub(super) name: &'static str,
    /// Which of the two logs.
    pub(super) log: usize,
    pub(super) folder: PathBuf,
    /// A copy of the log alone, with all of its events in it, by `guerdon copy-log`.
    pub(super) copy: PathBuf,
    /// Each exchange with the answer that a repeat of it gets.
    pub(super) exchanges: Vec<(String, Value)>,
    pub(super) events: Vec<RecordedEvent>,
    /// The rows of a read model that is made of it.
    pub(super) rows: Vec<String>,
}

impl Exhibit {
    /// What the shopper has.
    pub(super) fn balance(&self) -> u64 {
        CREDIT - PRICE * self.exchanges.len() as u64
    }

    /// Whether another exhibit is of an earlier time of this one's history.
    pub(super) fn comes_after(&self, other: &str) -> bool {
        let early = self.name.split(',').next().map(|log| format!("{log}, early"));
        early.as_deref() == Some(other)
    }

    /// Whether another exhibit is of the same log, of whatever history.
    pub(super) fn is_of_the_same_log(&self, other: &str) -> bool {
        self.name.split(',').next() == other.split(',').next()
    }

    pub(super) fn has(&self, exchange: &str) -> bool {
        self.exchanges.iter().any(|(id, _)| id == exchange)
    }
}

/// All six.
pub(super) async fn build(within: &Path) -> Vec<Exhibit> {
    let mut exhibits = vec![];
    for (log, names) in [
        ["log a, early", "log a, later", "log a, after the fork"],
        ["log b, early", "log b, later", "log b, after the fork"],
    ]
    .into_iter()
    .enumerate()
    {
        let folders = [0, 1, 2].map(|number| within.join(format!("{log}-{number}")));
        begin(&folders[0]).await;
        goes_on(&folders[0], "early").await;
        copy_folder(&folders[0], &folders[1]);
        goes_on(&folders[1], "later").await;
        // The later one's log is lost, and all else is there.
        copy_folder(&folders[1], &folders[2]);
        fs::copy(folders[0].join("log.sqlite"), folders[2].join("log.sqlite")).expect("restored");
        done(&ends(tool(&folders[2], &["fork-log", "--reason", "the disk was lost"])));
        done(&ends(tool(&folders[2], &["rebuild"])));
        goes_on(&folders[2], "forked").await;
        for (name, folder) in names.into_iter().zip(folders) {
            exhibits.push(exhibit(name, log, folder).await);
        }
    }
    exhibits
}

async fn begin(folder: &Path) {
    let ledger = Ledger::start(folder);
    ledger.client.opens("mug", PRICE, None, None).await;
    ledger.client.earns("ann", CREDIT, "start").await;
    assert_eq!(ledger.stop(), Some(0));
    let log = rusqlite::Connection::open(folder.join("log.sqlite")).expect("it opens");
    log.execute("update log set range_positions = ?", (RANGE,)).expect("updated");
}

async fn goes_on(folder: &Path, time: &str) {
    let ledger = Ledger::start(folder);
    let mut last = None;
    for number in 0..REDEMPTIONS {
        let redeemed = ledger.client.redeems("ann", &format!("{time}-{number}"), "mug").await;
        redeemed.is(201);
        last = redeemed.position;
    }
    let last = last.expect("it redeemed");
    ledger.client.get_after(&last, "auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!(ledger.stop(), Some(0));
    done(&ends(tool(folder, &["archive", "--older-than", "0d"])));
    done(&ends(tool(folder, &["snapshot"])));
}

async fn exhibit(name: &'static str, log: usize, folder: PathBuf) -> Exhibit {
    let ledger = Ledger::start(&folder);
    let mut exchanges = vec![];
    for time in ["early", "later", "forked"] {
        let path = format!("/v1/accounts/ann/exchanges/{time}-0");
        if ledger.client.get("auditor", &path).await.status == 404 {
            continue;
        }
        for number in 0..REDEMPTIONS {
            let exchange = format!("{time}-{number}");
            let repeat = ledger.client.redeems("ann", &exchange, "mug").await;
            exchanges.push((exchange, repeat.is(200)));
        }
    }
    assert_eq!(ledger.stop(), Some(0));
    let store = format!("sqlite:{}", folder.join("log.sqlite").display());
    let events = events(&store, Some(&folder.join("archive"))).await.expect("intact and dense");
    let made = folder.with_extension("made");
    audit::rebuild(&folder, &store, Some(&made));
    let rows = audit::dump(&made).await;
    let copy = folder.with_extension("copy");
    done(&copy_log(&folder, &copy));
    Exhibit { name, log, folder, copy, exchanges, events, rows }
}

/// Every event of a log.
pub(super) async fn events(
    store: &str,
    archive: Option<&Path>,
) -> Result<Vec<RecordedEvent>, event_store::StoreError> {
    let url: StoreUrl = store.parse().expect("a URL");
    let mut store = EventStore::open(&url, Access::Read).await?;
    if let Some(archive) = archive {
        store = store.with_archive(archive.to_owned());
    }
    read_all(&store).await
}

pub(super) fn tool(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(args).arg("--data-dir").arg(folder).env("RUST_LOG", "error");
    command
}

pub(super) fn copy_log(folder: &Path, to: &Path) -> Output {
    let url = |file: &Path| format!("sqlite:{}", file.display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(["copy-log", &url(&folder.join("log.sqlite")), &url(to), "--archive-dir"]);
    command.arg(folder.join("archive")).env("RUST_LOG", "error");
    ends(command)
}

#[track_caller]
pub(super) fn done(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}

pub(super) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listed").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_folder(&from, &to);
        } else {
            fs::copy(&from, &to).expect("copied");
        }
    }
}
