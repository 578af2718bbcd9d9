//! What Guerdon does in a second, beside what the same machine does at most: contenders take the
//! same load in turn, in several rounds, and what counts is the ratio within a round.
//!
//! In reading order: `load.rs` (the client), `noop.rs` and `guerdon.rs` (the contenders),
//! `report.rs` (the table); beside them `restart.rs`, `memory.rs` and `disk.rs`, on logs and states
//! that `make_log.rs` makes. Everything runs on loopback, bounded in time.

mod credit;
mod disk;
mod guerdon;
mod histogram;
mod load;
mod machine;
mod make_log;
mod memory;
mod noop;
mod report;
mod restart;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

/// The same allocator as the ledger's, so that the handler that only parses has no handicap.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    tool: Option<Tool>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Tool {
    /// Serves the handler that parses and answers; the benchmark starts it by itself.
    #[command(hide = true)]
    Noop {
        #[arg(long)]
        listen: SocketAddr,
    },
    /// Measures restarts on a big log, with and without a snapshot.
    Restart(restart::RestartArgs),
    /// Measures the bytes in memory of an account and of an id.
    Memory,
    /// Measures the bytes on disk of a redemption.
    Disk {
        /// The ledger's binary. [default: beside this one]
        #[arg(long)]
        guerdon: Option<PathBuf>,
    },
    /// Makes a big log in a folder.
    #[command(hide = true)]
    MakeLog {
        #[command(flatten)]
        content: make_log::Content,
        folder: PathBuf,
    },
    /// Folds the log in a folder into a state, in this process, for a profiler.
    #[command(hide = true)]
    Replay { folder: PathBuf },
    /// Holds a state and says how much memory that takes; `memory` starts it by itself.
    #[command(hide = true)]
    Hold(memory::Held),
}

/// What to measure, and how long.
#[derive(Args, Clone, Debug)]
struct Settings {
    /// How often each contender has its turn.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds that count, for each turn.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Seconds before them that don't count.
    #[arg(long, default_value_t = 2)]
    warm_up: u64,
    /// Connections that each send one request after the other.
    #[arg(long, default_value_t = 256)]
    connections: usize,
    /// Shoppers, each chosen equally often.
    #[arg(long, default_value_t = 10_000)]
    shoppers: u64,
    /// Offers, each chosen equally often; 1 is a rush for one product.
    #[arg(long, default_value_t = 100)]
    offers: u64,
    /// The ledger's binary. [default: beside this one]
    #[arg(long)]
    guerdon: Option<PathBuf>,
    /// The folder for data, on the disk to be measured. [default: the system's for temporary files]
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Contenders, separated by commas; also one-lot, thousand-lots, expiring.
    #[arg(long, value_delimiter = ',', default_values_t = CONTENDERS.map(String::from))]
    only: Vec<String>,
    /// Also writes the figures to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

const CONTENDERS: [&str; 3] = ["noop", "command-api", "whole-way"];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.tool {
        Some(Tool::Noop { listen }) => return noop::serve(listen).await,
        Some(Tool::Restart(args)) => return restart::restart(&args).await,
        Some(Tool::Memory) => return memory::memory(),
        Some(Tool::Disk { guerdon }) => return disk::disk(guerdon).await,
        Some(Tool::MakeLog { content, folder }) => {
            return make_log::make_log(&content, &folder).await;
        }
        Some(Tool::Replay { folder }) => return restart::replay(&folder).await,
        Some(Tool::Hold(held)) => return memory::hold(held),
        None => {}
    }
    let settings = cli.settings;
    let folder = settings.folder.clone().unwrap_or_else(std::env::temp_dir);
    let fsync = machine::fsync_micros(&folder).context("can't measure the disk")?;
    let mut turns = vec![];
    for round in 0..settings.rounds {
        for contender in &settings.only {
            eprintln!("round {} of {}: {contender}", round + 1, settings.rounds);
            let turn = match contender.as_str() {
                "noop" => noop::measure(&settings).await,
                other => {
                    let way = guerdon::Way::parse(other);
                    let way = way.with_context(|| format!("there is no contender {other}"))?;
                    guerdon::measure(&settings, &folder, way).await
                }
            };
            turns.push(turn.with_context(|| format!("{contender} can't be measured"))?);
        }
    }
    report::print(&settings, fsync, &turns)
}

impl Settings {
    const fn measured(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}
