//! What Guerdon does in a second, beside what the same machine does at most and what one
//! transaction a redemption comes to: contenders take the same load in turn, in several rounds,
//! and what counts is the ratio within a round.
//!
//! In reading order: `catalogue.rs` (the contenders), `rounds.rs`, `turn.rs`, `load.rs` (the
//! client), `report.rs` (the tables). Everything runs on loopback, bounded in time.

mod catalogue;
mod chance;
mod connection;
mod contender;
mod credit;
mod disk;
mod histogram;
mod lag;
mod ledger;
mod listener;
mod load;
mod machine;
mod naive;
mod noop;
mod process;
mod processor;
mod redemption;
mod report;
mod requests;
mod results;
mod rounds;
mod settings;
mod stage;
mod sweep;
mod tally;
mod target;
mod turn;

use std::net::SocketAddr;

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
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.tool {
        Some(Tool::Noop { listen }) => noop::noop(listen).await,
        Some(Tool::Naive(config)) => naive::naive(config).await,
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
