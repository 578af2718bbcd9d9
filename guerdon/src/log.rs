//! `guerdon log`: a whole log as files, and such files as a log again.
//!
//! `guerdon import` is something else: it sends purchases and redemptions to a running ledger,
//! which decides. Here events come and go as they were recorded.

mod export;
mod import;
mod signed;

use clap::{Args, Subcommand};

use crate::data_config::DataConfig;
use crate::printing::Printing;

pub(crate) use signed::{CheckpointArgs, PartitionRow, found_wrong, verify};

/// What to do with a log as a whole. The options of the data may come before or after the name of
/// an act.
#[derive(Args, Clone, Debug)]
#[command(mut_args(|option| option.global(true)))]
pub(crate) struct LogArgs {
    #[command(flatten)]
    data: DataConfig,
    #[command(flatten)]
    printing: Printing,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand, Clone, Debug)]
enum Act {
    /// Write a log's events into a folder, as NDJSON or as Parquet, with a manifest of the files.
    /// The ledger may be running. Run again, it finishes what an earlier run began.
    Export(export::ExportArgs),
    /// Fill an empty store with the events of an export, after every one of them was verified. Run
    /// again, it finishes what an earlier run began; until then nothing else opens the log.
    Import(import::ImportArgs),
}

pub(crate) async fn run(args: LogArgs) -> anyhow::Result<()> {
    let LogArgs { data, printing, act } = args;
    match act {
        Act::Export(args) => export::run(args, &data, printing).await,
        Act::Import(args) => import::run(args, &data, printing).await,
    }
}
