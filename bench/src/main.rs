//! What Guerdon does in a second, beside what the same machine does at most and what one
//! transaction a redemption comes to: contenders take the same load in turn, in several rounds,
//! and what counts is the ratio within a round.
//!
//! In reading order: `catalogue.rs` (the contenders), `rounds.rs`, `turn.rs`, `load.rs` (the
//! client), `report.rs` (the tables); `broker.rs`, `sender.rs` and `follower.rs` for what goes to
//! Kafka; beside them `restart.rs`, `rebuild.rs`, `memory.rs` and `footprint.rs`, on logs and
//! states that `make_log.rs` makes; `tiers.rs` for what falls due at once; `rush.rs` for a
//! crowd; `audit.rs` for the transparency log. Everything runs on loopback, bounded in time.

mod audit;
mod binary;
mod broker;
mod catalogue;
mod chance;
mod connection;
mod contender;
mod credit;
mod disk;
mod follower;
mod footprint;
mod histogram;
mod keys;
mod lag;
mod ledger;
mod listener;
mod load;
mod machine;
mod make_log;
mod memory;
mod messages;
mod naive;
mod noop;
mod process;
mod processor;
mod rebuild;
mod redemption;
mod report;
mod requests;
mod restart;
mod results;
mod rounds;
mod rush;
mod sender;
mod settings;
mod slow_clients;
mod stage;
mod sweep;
mod tally;
mod target;
mod tiers;
mod turn;
mod watchers;
mod written;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use settings::Settings;

/// The same allocator as the ledger's, so that the handler that only parses has no handicap.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the ledger beside other ways to redeem, on this machine.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true, after_help = catalogue::help())]
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
    /// Serves one transaction a redemption; the benchmark starts it by itself.
    #[command(hide = true)]
    Naive(naive::NaiveConfig),
    /// Measures restarts on a big log, with and without a snapshot.
    Restart(restart::RestartArgs),
    /// Measures how fast the read model of a big log is made.
    Rebuild(rebuild::RebuildArgs),
    /// Measures how long it takes to seal and to verify a big log, and to get a receipt.
    Audit(audit::AuditArgs),
    /// Measures how commands are answered while the tiers of many accounts end in the same second.
    Tiers(tiers::TiersArgs),
    /// Lets a million shoppers come in the same second, and checks what was sold.
    Rush(rush::RushArgs),
    /// Measures the bytes in memory of an account, of an id and of a ladder.
    Memory,
    /// Measures the bytes on disk of a redemption.
    Footprint(binary::Binary),
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

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.tool {
        Some(Tool::Noop { listen }) => noop::noop(listen).await,
        Some(Tool::Naive(config)) => naive::naive(config).await,
        Some(Tool::Restart(args)) => restart::restart(&args).await,
        Some(Tool::Rebuild(args)) => rebuild::rebuild(&args).await,
        Some(Tool::Audit(args)) => audit::audit(&args).await,
        Some(Tool::Tiers(args)) => tiers::tiers(&args).await,
        Some(Tool::Rush(args)) => rush::rush(&args).await,
        Some(Tool::Memory) => memory::memory(),
        Some(Tool::Footprint(guerdon)) => footprint::footprint(&guerdon).await,
        Some(Tool::MakeLog { content, folder }) => make_log::make_log(&content, &folder).await,
        Some(Tool::Replay { folder }) => restart::replay(&folder).await,
        Some(Tool::Hold(held)) => memory::hold(held),
        None => measure(&cli.settings).await,
    }
}

async fn measure(settings: &Settings) -> anyhow::Result<()> {
    let report = rounds::play(settings).await?;
    println!("{}", report.markdown()?);
    if let Some(file) = &settings.json {
        std::fs::write(file, serde_json::to_string_pretty(&report.json())?)?;
    }
    Ok(())
}
