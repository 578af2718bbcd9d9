//! What an audit takes: a log is replayed beside a restart that does the same, sealed from its
//! first event, exported and verified on one core, and receipts of it are asked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use transparency::{Checkpoint, Known, Note, VerifierKey, verify_log};

use crate::binary::Binary;
use crate::chance::Chance;
use crate::connection::{Ask, Connection};
use crate::histogram::Histogram;
use crate::keys::Keys;
use crate::ledger::ready;
use crate::machine::Machine;
use crate::make_log::{Content, make_missing_log, redeemers};
use crate::process::Process;
use crate::results::median;

/// How long to wait for the log to be sealed, before giving up.
const PATIENCE: Duration = Duration::from_secs(600);

/// What to measure.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct AuditArgs {
    /// Events in all, about.
    #[arg(long, env = "GUERDON_BENCH_AUDIT_EVENTS", default_value_t = 1_000_000)]
    events: u64,
    /// Accounts. [default: a tenth of the events]
    #[arg(long)]
    accounts: Option<u64>,
    /// The folder of the log; one that is there is used as it is. [default: a new one]
    #[arg(long)]
    folder: Option<PathBuf>,
    #[command(flatten)]
    guerdon: Binary,
    /// How often the log is replayed and verified.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many receipts are asked for.
    #[arg(long, default_value_t = 10_000)]
    receipts: u64,
    /// Only asks for receipts: replays, exports and verifies nothing.
    #[arg(long)]
    receipts_only: bool,
}

/// What was found out; of a part that wasn't measured, nothing.
struct Audited {
    events: u64,
    /// Seconds of a restart, and of a replay.
    replayed: Option<[f64; 2]>,
    sealed: f64,
    receipts: Histogram,
    /// Seconds of an export, and of verifying it.
    verified: Option<[f64; 2]>,
}

/// Makes the log where there is none, and audits it.
pub(crate) async fn audit(args: &AuditArgs) -> anyhow::Result<()> {
    let own = tempfile::tempdir()?;
    let folder = args.folder.as_deref().unwrap_or(own.path());
    let accounts = args.accounts.unwrap_or(args.events / 10).max(1);
    let content = Content { accounts, events: args.events };
    make_missing_log(&content, folder).await?;
    let guerdon = args.guerdon.path()?;
    let replayed =
        if args.receipts_only { None } else { Some(replay(&guerdon, folder, args.rounds).await?) };
    // A receipt's events are found through the read model.
    let started = Instant::now();
    run(Command::new(&guerdon).args(["rebuild", "--data-dir"]).arg(folder))?;
    eprintln!("made its read model in {:.0?}", started.elapsed());
    drop(fs::remove_dir_all(folder.join("transparency")));
    run(Command::new(&guerdon).args(["transparency", "new-key", "--data-dir"]).arg(folder))?;
    let started = Instant::now();
    let mut command = Command::new(&guerdon);
    command.args(["serve", "--snapshot-every", "0", "--data-dir"]).arg(folder);
    let mut process = Process::start(command.env("RUST_LOG", "warn").stdout(Stdio::null()))?;
    ready(&mut process).await?;
    let mut connection = Connection::open(process.address()).await?;
    let events = until_sealed(&mut connection, args.events).await?;
    let sealed = started.elapsed().as_secs_f64();
    let keys = Keys::in_folder(folder)?;
    let receipts = receipts(&mut connection, keys.of("operator"), &content, args.receipts).await?;
    connection.must(200, Ask::get("/log/keys", "")).await?;
    let served: Value = serde_json::from_str(&connection.body())?;
    let verifier = served["keys"][0]["key"].as_str().context("it has no key")?.parse()?;
    process.stop()?;
    let verified = if args.receipts_only {
        None
    } else {
        Some(export_and_verify(&guerdon, folder, &verifier, args.rounds).await?)
    };
    println!("{}\n", Machine::here(&std::env::temp_dir()));
    Audited { events, replayed, sealed, receipts, verified }.print(args.receipts);
    Ok(())
}

/// Seconds of a restart that reads all of the log, and of a replay, in turn.
async fn replay(guerdon: &Path, folder: &Path, rounds: usize) -> anyhow::Result<[f64; 2]> {
    let (mut restarts, mut replays) = (vec![], vec![]);
    for _ in 0..rounds {
        restarts.push(restart(guerdon, folder).await?);
        let started = Instant::now();
        run(Command::new(guerdon).args(["audit", "replay", "--data-dir"]).arg(folder))?;
        replays.push(started.elapsed().as_secs_f64());
    }
    let restarted = median(restarts).context("nothing was restarted")?;
    Ok([restarted, median(replays).context("nothing was replayed")?])
}

/// Seconds of an export, and of verifying it.
async fn export_and_verify(
    guerdon: &Path,
    folder: &Path,
    key: &VerifierKey,
    rounds: usize,
) -> anyhow::Result<[f64; 2]> {
    let exported = folder.join("exported");
    drop(fs::remove_dir_all(&exported));
    let started = Instant::now();
    let mut export = Command::new(guerdon);
    export.args(["transparency", "export"]).arg(&exported).arg("--data-dir").arg(folder);
    run(&mut export)?;
    let exported_seconds = started.elapsed().as_secs_f64();
    let mut verified = vec![];
    for _ in 0..rounds {
        verified.push(verify(&exported, key).await?);
    }
    Ok([exported_seconds, median(verified).context("it was not verified")?])
}

#[expect(clippy::cast_precision_loss, reason = "figures of a report")]
impl Audited {
    fn print(&self, asked: u64) {
        let Self { events, replayed, sealed, receipts, verified } = self;
        let a_second = |seconds: f64| *events as f64 / seconds;
        let [restarted, replayed] = [0, 1].map(|at| replayed.map(|seconds| seconds[at]));
        let [exported, verified] = [0, 1].map(|at| verified.map(|seconds| seconds[at]));
        println!("| {events} events | seconds | events a second |");
        println!("|---|---|---|");
        for (name, seconds) in [
            ("a restart from the log alone, until ready", restarted),
            ("guerdon audit replay", replayed),
            ("a restart with a log that was never sealed, until all are", Some(*sealed)),
            ("exported with their entries", exported),
            ("verified with their entries, on one core", verified),
        ] {
            if let Some(seconds) = seconds {
                println!("| {name} | {seconds:.2} | {:.0} |", a_second(seconds));
            }
        }
        let [p50, p99, most] =
            [500, 990, 1000].map(|per_mille| receipts.quantile(per_mille) as f64 / 1000.0);
        println!("\n| receipts asked for | p50 ms | p99 ms | at most ms |");
        println!("|---|---|---|---|");
        println!("| {asked} | {p50:.2} | {p99:.2} | {most:.2} |\n");
        println!("| target | wanted | measured |  |");
        println!("|---|---|---|---|");
        let verdict = |is_reached| if is_reached { "reached" } else { "**missed**" };
        let ratio = restarted.zip(replayed).map(|(restarted, replayed)| restarted / replayed);
        if let Some(ratio) = ratio {
            println!("| replayed ÷ restarted | ≥ 0.8 | {ratio:.2} | {} |", verdict(ratio >= 0.8));
        }
        let rate = verified.map(a_second);
        if let Some(rate) = rate {
            println!("| verified a second | ≥ 500000 | {rate:.0} | {} |", verdict(rate >= 5e5));
        }
        println!("| p99 of a receipt, ms | ≤ 5 | {p99:.2} | {} |", verdict(p99 <= 5.0));
        let report = json!({
            "events": events,
            "restarted_seconds": restarted,
            "replayed_seconds": replayed,
            "replayed_per_restarted": ratio,
            "sealed_seconds": sealed,
            "exported_seconds": exported,
            "verified_seconds": verified,
            "verified_a_second": rate,
            "receipt_p50_ms": p50,
            "receipt_p99_ms": p99,
            "receipt_most_ms": most,
        });
        println!("\n{report:#}");
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let ended = command.env("RUST_LOG", "warn").stdout(Stdio::null()).status()?;
    ensure!(ended.success(), "{command:?} failed");
    Ok(())
}

/// The seconds until a ledger has read the log, which it doesn't seal.
async fn restart(guerdon: &Path, folder: &Path) -> anyhow::Result<f64> {
    let started = Instant::now();
    let mut command = Command::new(guerdon);
    command.args(["serve", "--role", "command-api", "--snapshot-every", "0", "--unsealed"]);
    command.arg("--data-dir").arg(folder).env("RUST_LOG", "warn").stdout(Stdio::null());
    let mut process = Process::start(&mut command)?;
    ready(&mut process).await?;
    let seconds = started.elapsed().as_secs_f64();
    process.stop()?;
    Ok(seconds)
}

/// Waits until so many events are sealed; gives how many are.
async fn until_sealed(connection: &mut Connection, events: u64) -> anyhow::Result<u64> {
    let started = Instant::now();
    loop {
        if connection.ask(Ask::get("/log/0/checkpoint", "")).await?.status == 200 {
            let note: Note = connection.body().parse()?;
            let sealed = Checkpoint::of(&note)?.size;
            if sealed >= events {
                return Ok(sealed);
            }
        }
        ensure!(started.elapsed() < PATIENCE, "the log isn't sealed: {}", connection.body());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Asks for receipts of exchanges from all over the log; gives their latencies.
async fn receipts(
    connection: &mut Connection,
    key: &str,
    content: &Content,
    count: u64,
) -> anyhow::Result<Histogram> {
    let redeemers = redeemers(content);
    let (mut chance, mut latencies) = (Chance::of_client(11), Histogram::default());
    for _ in 0..count {
        let number = chance.below(redeemers.len() as u64);
        let account = usize::try_from(number).ok().and_then(|number| redeemers.get(number));
        let account = account.context("the log has no redemption")?;
        let path = format!("/v1/accounts/shopper-{account}/exchanges/x-{number:010}/receipt");
        let started = Instant::now();
        connection.must(200, Ask::get(&path, key)).await?;
        latencies.add(u64::try_from(started.elapsed().as_micros())?);
    }
    Ok(latencies)
}

/// Verifies an export with its entries, on this thread; gives the seconds that it took.
async fn verify(exported: &Path, key: &VerifierKey) -> anyhow::Result<f64> {
    let known = Known::key(key.clone());
    let started = Instant::now();
    let read = async |path: &str| Ok(fs::read(exported.join(path)).ok());
    verify_log(&known, read, |_| ()).await?;
    Ok(started.elapsed().as_secs_f64())
}
