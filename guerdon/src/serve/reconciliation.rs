//! Has the read tables compared with the log again and again while the ledger serves: by a child
//! process, `guerdon audit reconcile`, which gives way to all else and whose memory ends with it.
//!
//! What it found last is a file in the data folder, so that a restart neither forgets it nor begins
//! anew.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use event_store::replace_json;
use publisher::StateUrl;
use read_model::ReadModelUrl;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use trace::unix_micros;

use super::child;
use crate::serve_config::ServeConfig;

/// How long after its start a server begins with the first one, at most.
const FIRST_AFTER_MAX: Duration = Duration::from_secs(60);

/// After one that failed, the next one comes when this has passed, or sooner where they come
/// oftener.
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// How often it is looked whether one is due. The wall clock may be set meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The exit code of a reconciliation that found differences.
const FOUND_DIFFERENCES: i32 = 3;

/// How long a child may take to end that was told to.
const END_MAX: Duration = Duration::from_millis(500);

/// How many of the last bytes of what a child says are kept.
const SAID_BYTES_MAX: usize = 2_000;

/// The reconciliations of this process.
#[derive(Clone, Debug, Default)]
pub(super) struct ReconciliationStatus {
    /// When the process began with them, in microseconds.
    pub(super) begun_at: i64,
    pub(super) is_running: bool,
    /// The last one that ran to its end.
    pub(super) last: Option<Reconciliation>,
    /// Why the last one didn't.
    pub(super) failing: Option<Arc<str>>,
    pub(super) failures: u64,
}

/// A reconciliation that ran to its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Reconciliation {
    /// In microseconds.
    pub(super) completed_at: i64,
    pub(super) seconds: f64,
    /// Of each part that was compared.
    pub(super) differences: BTreeMap<String, u64>,
}

/// What a reconciliation prints last.
#[derive(Deserialize)]
struct Outcome {
    differences: BTreeMap<String, u64>,
}

impl ReconciliationStatus {
    /// As `GET /health/ready` tells it. It is no reason not to be ready.
    pub(super) fn told(&self) -> Value {
        let Self { is_running, last, failing, .. } = self;
        let differences = last.as_ref().map(Reconciliation::count);
        let status = match differences {
            None => "not-yet",
            Some(0) => "equal",
            Some(_) => "differs",
        };
        let completed_at = last.as_ref().map(|last| time(last.completed_at));
        json!({
            "status": status, "completed_at": completed_at, "differences": differences,
            "running": is_running, "why": failing.as_deref(),
        })
    }
}

impl Reconciliation {
    pub(super) fn count(&self) -> u64 {
        self.differences.values().sum()
    }
}

fn time(micros: i64) -> Option<Timestamp> {
    Timestamp::from_micros(micros).ok()
}

/// What the server knows of reconciliations when it starts.
pub(super) fn start(config: &ServeConfig) -> watch::Sender<ReconciliationStatus> {
    let last = remembered(&file_in(&config.data.data_dir));
    let begun_at = unix_micros();
    watch::Sender::new(ReconciliationStatus { begun_at, last, ..Default::default() })
}

/// Reconciles so often, until it is told to stop.
pub(super) async fn keep_reconciling(
    config: ServeConfig,
    every: Duration,
    status: watch::Sender<ReconciliationStatus>,
    stop: CancellationToken,
) {
    let file = file_in(&config.data.data_dir);
    let mut failed_at = None;
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
        if !is_due(&status.borrow(), every, failed_at) {
            continue;
        }
        status.send_modify(|status| status.is_running = true);
        let ran = run(&config, &stop).await;
        let Some(ran) = ran.transpose() else { return };
        let ran = ran.and_then(|found| replace_json(&file, &found, None).map(|()| found));
        failed_at = ran.is_err().then(Instant::now);
        status.send_modify(|status| {
            status.is_running = false;
            match ran {
                Ok(found) => {
                    note(&found);
                    status.failing = None;
                    status.last = Some(found);
                }
                Err(error) => {
                    tracing::warn!(%error, "the read tables could not be compared with the log");
                    status.failing = Some(error.to_string().into());
                    status.failures += 1;
                }
            }
        });
    }
}

fn is_due(status: &ReconciliationStatus, every: Duration, failed_at: Option<Instant>) -> bool {
    if let Some(failed_at) = failed_at {
        return failed_at.elapsed() >= every.min(AGAIN_AFTER_MAX);
    }
    let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    let due_at = match &status.last {
        Some(last) => last.completed_at.saturating_add(micros(every)),
        None => status.begun_at.saturating_add(micros(every.min(FIRST_AFTER_MAX))),
    };
    unix_micros() >= due_at
}

/// The rows are named by the tool alone: they are of accounts, and the log is read by many.
fn note(found: &Reconciliation) {
    let Reconciliation { seconds, differences, .. } = found;
    if found.count() == 0 {
        tracing::info!(seconds, "the read tables and messages are what the log gives");
        return;
    }
    let differences = differences.iter().map(|(part, count)| format!("{part} {count}"));
    let differences = differences.collect::<Vec<_>>().join(", ");
    tracing::error!(
        differences,
        "something isn't what the log gives; `guerdon audit reconcile` names each row"
    );
}

/// Runs the child; nothing where it was told to stop. Then the child is ended and waited for: it
/// has the log open.
async fn run(
    config: &ServeConfig,
    stop: &CancellationToken,
) -> std::io::Result<Option<Reconciliation>> {
    let begun = Instant::now();
    let data = &config.data;
    let read_model = match data.read_model() {
        ReadModelUrl::Sqlite(file) => format!("sqlite:{}", file.display()),
        ReadModelUrl::Postgres(url) => url.with_password().to_owned(),
    };
    let state = match data.publisher_state() {
        StateUrl::Sqlite(file) => format!("sqlite:{}", file.display()),
        StateUrl::Postgres(url) => url.with_password().to_owned(),
    };
    let share = config.reconcile.reconcile_share.to_string();
    let mut child = child::on(data)?
        .args(["audit", "reconcile", "--in-background", "--quiet", "--output", "json"])
        .args(["--share", &share])
        .env("GUERDON_READ_MODEL", read_model)
        .env("GUERDON_PUBLISHER_STATE", state)
        .env_remove("GUERDON_READ_MODEL_FILE")
        .env_remove("GUERDON_PUBLISHER_STATE_FILE")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (printed, said) = (child.stdout.take(), child.stderr.take());
    let ending = async {
        let (printed, said, ended) =
            tokio::join!(last_line(printed), last_said(said), child.wait());
        Ok::<_, std::io::Error>((ended?, printed?, said?))
    };
    let ended = stop.run_until_cancelled(ending).await;
    let Some(ended) = ended else {
        end(&mut child).await?;
        return Ok(None);
    };
    let (status, printed, said) = ended?;
    if !status.success() && status.code() != Some(FOUND_DIFFERENCES) {
        let said = said.trim().strip_prefix("guerdon: ").unwrap_or(said.trim());
        return Err(std::io::Error::other(format!("it ended with {status}: {said}")));
    }
    let outcome: Outcome = serde_json::from_str(&printed)?;
    let seconds = begun.elapsed().as_secs_f64();
    let completed_at = unix_micros();
    Ok(Some(Reconciliation { completed_at, seconds, differences: outcome.differences }))
}

/// Tells a child to end, so that it removes what it has made; one that doesn't end is killed.
async fn end(child: &mut Child) -> std::io::Result<()> {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid
        && kill_process(pid, Signal::TERM).is_ok()
        && timeout(END_MAX, child.wait()).await.is_ok()
    {
        return Ok(());
    }
    child.kill().await
}

/// Reads to the end and keeps the last line: the result comes last.
async fn last_line(from: Option<impl AsyncRead + Unpin>) -> std::io::Result<String> {
    let Some(from) = from else { return Ok(String::new()) };
    let (mut lines, mut last) = (BufReader::new(from).lines(), String::new());
    while let Some(line) = lines.next_line().await? {
        last = line;
    }
    Ok(last)
}

/// Reads to the end and keeps what was said last.
async fn last_said(from: Option<impl AsyncRead + Unpin>) -> std::io::Result<String> {
    let Some(from) = from else { return Ok(String::new()) };
    let (mut lines, mut said) = (BufReader::new(from).lines(), String::new());
    while let Some(line) = lines.next_line().await? {
        said = if said.len() + line.len() > SAID_BYTES_MAX { line } else { said + "\n" + &line };
    }
    Ok(said)
}

fn file_in(folder: &Path) -> PathBuf {
    folder.join("reconciliation.json")
}

/// What was found last, unless the file is missing or damaged: then the next one is due.
fn remembered(file: &Path) -> Option<Reconciliation> {
    match fs::read(file) {
        Ok(text) => {
            let read = serde_json::from_slice(&text);
            read.inspect_err(|error| {
                tracing::warn!(%error, file = %file.display(), "the file can't be read");
            })
            .ok()
        }
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                tracing::warn!(%error, file = %file.display(), "the file can't be read");
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(completed_at: i64, differences: &[(&str, u64)]) -> Reconciliation {
        let differences = differences.iter().map(|(part, count)| ((*part).to_owned(), *count));
        Reconciliation { completed_at, seconds: 1.5, differences: differences.collect() }
    }

    #[test]
    fn what_was_found_is_told_and_makes_no_reason() {
        let mut status = ReconciliationStatus::default();
        assert_eq!(status.told()["status"], "not-yet");
        status.last = Some(found(0, &[("tables", 0), ("messages", 0)]));
        assert_eq!(status.told()["status"], "equal");
        assert_eq!(status.told()["completed_at"], "1970-01-01T00:00:00Z");
        status.last = Some(found(0, &[("tables", 2), ("messages", 1)]));
        let told = status.told();
        assert_eq!((&told["status"], &told["differences"]), (&json!("differs"), &json!(3)));
    }

    #[test]
    fn the_next_one_is_due_a_span_after_the_last_also_in_another_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = file_in(folder.path());
        assert!(remembered(&file).is_none());
        let day = Duration::from_secs(86_400);
        let now = unix_micros();
        let mut status = ReconciliationStatus { begun_at: now, ..Default::default() };
        assert!(!is_due(&status, day, None), "a server that starts has other things to do");
        status.begun_at = now - 61_000_000;
        assert!(is_due(&status, day, None));
        replace_json(&file, &found(now - 3_600_000_000, &[("tables", 0)]), None).expect("kept");
        status.last = remembered(&file);
        assert!(!is_due(&status, day, None), "an hour ago");
        assert!(is_due(&status, Duration::from_secs(3_600), None));
        assert!(!is_due(&status, Duration::from_secs(3_600), Some(Instant::now())), "it failed");
        fs::write(&file, "torn").expect("written");
        assert!(remembered(&file).is_none());
    }
}
