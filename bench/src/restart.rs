//! How long a restart takes on a big log, with and without a snapshot, until the first answer; and
//! how fast events are folded into a state.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use command_api::Snapshots;
use log_record::Partition;
use serde_json::{Value, json};

use crate::binary::Binary;
use crate::connection::{Ask, Connection};
use crate::keys::Keys;
use crate::listener::free_port;
use crate::machine::Machine;
use crate::make_log::{self, Content, count_events, make_missing_log, open_log};
use crate::memory::resident_kb;

/// How long to wait for a start, before giving up.
const PATIENCE: Duration = Duration::from_secs(600);

/// What to measure.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct RestartArgs {
    #[command(flatten)]
    content: Content,
    /// The folder of the log; one that is there is used as it is. [default: a new one]
    #[arg(long)]
    folder: Option<PathBuf>,
    #[command(flatten)]
    guerdon: Binary,
    /// How often each start is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// Makes the log where there is none, and restarts a ledger on it.
pub(crate) async fn restart(args: &RestartArgs) -> anyhow::Result<()> {
    let own = tempfile::tempdir()?;
    let folder = args.folder.as_deref().unwrap_or(own.path());
    make_missing_log(&args.content, folder).await?;
    let binary = args.guerdon.path()?;
    let snapshots = folder.join("snapshots");
    let mut without = vec![];
    for _ in 0..args.rounds {
        drop(fs::remove_dir_all(&snapshots));
        without.push(start(&binary, folder).await?);
    }
    let started = Instant::now();
    let taken = Command::new(&binary).args(["snapshot", "--data-dir"]).arg(folder).status()?;
    ensure!(taken.success(), "no snapshot was taken");
    let snapshot_seconds = started.elapsed().as_secs_f64();
    let mut with = vec![];
    for _ in 0..args.rounds {
        with.push(start(&binary, folder).await?);
    }
    let events = count_events(&open_log(folder).await?).await?;
    let (without, with) = (median(without), median(with));
    let bytes = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    let of_snapshot: u64 =
        fs::read_dir(&snapshots)?.flatten().map(|entry| bytes(&entry.path())).sum();
    println!("{}\n", Machine::here(&std::env::temp_dir()));
    println!("| {events} events | until ready, s | first redemption, s | resident, MB |");
    println!("|---|---|---|---|");
    for (name, it) in [("from the log alone", without), ("from a snapshot", with)] {
        println!("| {name} | {:.2} | {:.2} | {} |", it.ready, it.answered, it.resident_kb / 1024);
    }
    let report = json!({
        "events": events,
        "log_bytes": bytes(&make_log::file(folder)),
        "snapshot_bytes": of_snapshot,
        "snapshot_seconds": snapshot_seconds,
        "from_the_log_alone": without.report(),
        "from_a_snapshot": with.report(),
    });
    println!("\n{report:#}");
    Ok(())
}

/// How fast the log in a folder is folded into a state, in this process.
pub(crate) async fn replay(folder: &Path) -> anyhow::Result<()> {
    let store = open_log(folder).await?;
    let head = store.head(Partition(0)).await?.position;
    for snapshots in [None, Some(Snapshots::in_folder(folder.join("snapshots")))] {
        let started = Instant::now();
        let loaded = command_api::load(&store, Partition(0), snapshots.as_ref(), head).await?;
        let seconds = started.elapsed().as_secs_f64();
        let events = head.since(loaded.from);
        #[expect(clippy::cast_precision_loss, reason = "a figure of a report")]
        let rate = events as f64 / seconds;
        println!("{}", json!({"events": events, "seconds": seconds, "events_a_second": rate}));
    }
    Ok(())
}

/// One start.
#[derive(Clone, Copy, Debug)]
struct Start {
    /// Seconds from the start of the process to `/health/ready`.
    ready: f64,
    /// And to the answer of the first redemption.
    answered: f64,
    resident_kb: u64,
}

impl Start {
    fn report(self) -> Value {
        json!({
            "ready_seconds": self.ready,
            "first_redemption_seconds": self.answered,
            "resident_kb": self.resident_kb,
        })
    }
}

fn median(mut starts: Vec<Start>) -> Start {
    starts.sort_by(|one, other| one.answered.total_cmp(&other.answered));
    starts[starts.len() / 2]
}

async fn start(binary: &Path, folder: &Path) -> anyhow::Result<Start> {
    let listen = free_port()?;
    let started = Instant::now();
    let mut process = Command::new(binary)
        .args(["serve", "--role", "command-api", "--snapshot-every", "0"])
        .args(["--listen", &listen.to_string(), "--data-dir"])
        .arg(folder)
        .env("RUST_LOG", "warn")
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("{} does not start", binary.display()))?;
    let measured = measure(&mut process, listen, folder, started).await;
    Command::new("kill").args(["-TERM", &process.id().to_string()]).status()?;
    process.wait()?;
    measured
}

async fn measure(
    process: &mut Child,
    listen: SocketAddr,
    folder: &Path,
    started: Instant,
) -> anyhow::Result<Start> {
    let mut connection = loop {
        // It listens from the beginning, and answers once it is ready.
        if let Ok(mut connection) = Connection::open(listen).await {
            let ready = connection.must(200, Ask::get("/health/ready", ""));
            if tokio::time::timeout(PATIENCE, ready).await?.is_ok() {
                break connection;
            }
        }
        if process.try_wait()?.is_some() || started.elapsed() > PATIENCE {
            bail!("it isn't ready");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let ready = started.elapsed().as_secs_f64();
    let keys = Keys::in_folder(folder)?;
    // The id is new with every start.
    let path = format!("/v1/accounts/shopper-0/exchanges/first-{}", uuid::Uuid::now_v7());
    let body = r#"{"offer_id":"offer-0","quantity":1,"deliver_to":"1 Elm Street"}"#;
    connection.must(201, Ask::put(&path, keys.of("shopper"), body)).await?;
    let answered = started.elapsed().as_secs_f64();
    Ok(Start { ready, answered, resident_kb: resident_kb(process.id()) })
}
