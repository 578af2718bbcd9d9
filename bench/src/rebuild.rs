//! How fast the read model of a big log is made.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use crate::binary::beside_this;
use crate::machine::Machine;
use crate::make_log::{Content, count_events, make_missing_log, open_log};
use crate::processor::hundredths;
use crate::written::bytes_written;

/// How long a rebuild may take, before it is given up.
const PATIENCE: Duration = Duration::from_secs(1800);

/// What to measure.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct RebuildArgs {
    #[command(flatten)]
    content: Content,
    /// The folder of the log; one that is there is used as it is. [default: a new one]
    #[arg(long)]
    folder: Option<PathBuf>,
    /// The ledger's binary; several take turns. [default: beside this one]
    #[arg(long)]
    guerdon: Vec<PathBuf>,
    /// How often each binary has its turn.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
}

/// Makes the log where there is none, and lets each binary make its read model.
pub(crate) async fn rebuild(args: &RebuildArgs) -> anyhow::Result<()> {
    let own = tempfile::tempdir()?;
    let folder = args.folder.as_deref().unwrap_or(own.path());
    make_missing_log(&args.content, folder).await?;
    let events = count_events(&open_log(folder).await?).await?;
    let mut binaries = args.guerdon.clone();
    if binaries.is_empty() {
        binaries.push(beside_this()?);
    }
    println!("{}\n", Machine::here(folder));
    println!("| {events} events by | events a second | CPU µs an event | bytes written an event |");
    println!("|---|---|---|---|");
    let mut reports = vec![];
    for _ in 0..args.rounds {
        for binary in &binaries {
            let made = make(binary, folder)?;
            println!("{}", made.row(binary, events));
            reports.push(made.report(binary, events));
        }
    }
    println!("\n{:#}", json!({"events": events, "rebuilds": reports}));
    Ok(())
}

/// One rebuild.
#[derive(Clone, Copy, Debug)]
struct Made {
    seconds: f64,
    /// Processor seconds, in hundredths.
    cpu: u64,
    /// As last seen while it ran.
    written: u64,
}

#[expect(clippy::cast_precision_loss, reason = "figures of a report")]
impl Made {
    fn rate(self, events: u64) -> f64 {
        events as f64 / self.seconds
    }

    fn cpu_micros(self, events: u64) -> f64 {
        self.cpu as f64 * 10_000.0 / events as f64
    }

    fn written_each(self, events: u64) -> f64 {
        self.written as f64 / events as f64
    }

    fn row(self, binary: &Path, events: u64) -> String {
        format!(
            "| {} | {:.0} | {:.1} | {:.0} |",
            binary.display(),
            self.rate(events),
            self.cpu_micros(events),
            self.written_each(events)
        )
    }

    fn report(self, binary: &Path, events: u64) -> Value {
        json!({
            "binary": binary,
            "seconds": self.seconds,
            "events_a_second": self.rate(events),
            "cpu_micros_an_event": self.cpu_micros(events),
            "written_an_event": self.written_each(events),
        })
    }
}

fn make(binary: &Path, folder: &Path) -> anyhow::Result<Made> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("read-model") {
            fs::remove_file(path)?;
        }
    }
    let started = Instant::now();
    let mut process = Command::new(binary)
        .args(["rebuild", "--data-dir"])
        .arg(folder)
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("{} does not start", binary.display()))?;
    let (mut cpu, mut written) = (0, 0);
    let status = loop {
        // What a process used can't be read any more once it has been waited for.
        cpu = cpu.max(hundredths(process.id()));
        written = written.max(bytes_written(process.id()));
        if let Some(status) = process.try_wait()? {
            break status;
        }
        if started.elapsed() > PATIENCE {
            process.kill()?;
            process.wait()?;
            bail!("the rebuild took more than {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    ensure!(status.success(), "there is no read model");
    Ok(Made { seconds: started.elapsed().as_secs_f64(), cpu, written })
}
