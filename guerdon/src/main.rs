//! The one binary: `guerdon serve` (all parts of a ledger, or some by `--role`), and the tools.
//!
//! It contains no rule of the ledger. It puts the parts together, and reports in one sentence why
//! it can't start. Begin with `serve.rs`.

// First, for all others print through its macros.
#[macro_use]
mod output;

mod archive;
mod check;
mod command_line;
mod confirm_clock;
mod connection_config;
mod copy_log;
mod data_config;
mod duration;
mod edge_config;
mod file_modes;
mod first_keys;
mod fork_log;
mod fork_note;
mod http_client;
mod import;
mod kafka_config;
mod key_file;
mod keys;
mod log_config;
mod migrate;
mod operator;
mod rebuild;
mod serve;
mod serve_config;
mod shipping;
mod snapshot;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use log_config::LogFormat;

/// A ledger for points: an append-only log, a command API, a projector and a query API.
#[derive(Parser)]
#[command(name = "guerdon", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    tool: Option<Tool>,
    #[command(flatten)]
    serve: serve_config::ServeConfig,
}

#[derive(Subcommand)]
enum Tool {
    /// Run the ledger. This is also what guerdon does without a command.
    Serve(Box<serve_config::ServeConfig>),
    /// Import a history of purchases and redemptions into a running ledger.
    Import(import::ImportArgs),
    /// Confirm to a running ledger that its wall clock is right, so that it accepts commands again.
    ConfirmClock(confirm_clock::ConfirmClockArgs),
    /// List, create, revoke and rotate API keys. The ledger may be running.
    Keys(keys::KeysArgs),
    /// Create or update the schemas in PostgreSQL.
    Migrate(migrate::MigrateArgs),
    /// Copy a log into an empty store, byte for byte, or continue an earlier copy.
    ///
    /// Stop the server first: the copy lacks what the server appends later.
    CopyLog(copy_log::CopyLogArgs),
    /// Move old events from the log into files. They stay readable.
    Archive(archive::ArchiveArgs),
    /// Read the log from end to end and verify it; with --archives, every archive file, too.
    Check(check::CheckArgs),
    /// Continue on a log that has lost its last events, after the promotion of a lagging standby or
    /// the restore of a backup.
    ForkLog(fork_log::ForkLogArgs),
    /// Rebuild the read model from the log, and replace the present one when it is complete.
    Rebuild(data_config::DataConfig),
    /// List, resend, settle and cancel shipping requests; handle parked messages.
    Shipping(shipping::ShippingArgs),
    /// Publish old shipping messages again, into another topic, marked as a replay.
    Publish(shipping::PublishArgs),
    /// Write a snapshot of the state, so that the next start is fast. The ledger may be running.
    Snapshot(data_config::DataConfig),
}

/// The program allocates and frees for every request, and so do SQLite and librdkafka; mimalloc is
/// faster than glibc for all of them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long blocking work, such as a message to brokers that are away, may go on at the end.
const BLOCKING_END_MAX: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    // The data contains addresses and keys, so only its owner may read it.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let cli = command_line::parse::<Cli>().unwrap_or_else(|error| error.exit());
    let serves = match &cli.tool {
        None => Some(&cli.serve),
        Some(Tool::Serve(config)) => Some(&**config),
        Some(_) => None,
    };
    log_config::start(serves.map_or(LogFormat::Text, |config| config.log.log_format));
    // What a server prints may be read by nobody; what a tool prints is what it was asked for.
    let is_tool = serves.is_none();
    let done = tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| {
        let done = runtime.block_on(run(cli));
        runtime.shutdown_timeout(BLOCKING_END_MAX);
        done
    });
    match done {
        Ok(()) if is_tool && output::lost_lines() > 0 => {
            eprintln!("guerdon: {} lines could not be printed", output::lost_lines());
            ExitCode::FAILURE
        }
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guerdon: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.tool.unwrap_or(Tool::Serve(Box::new(cli.serve))) {
        Tool::Serve(config) => serve::serve(*config).await,
        Tool::Import(args) => import::run(args).await,
        Tool::ConfirmClock(args) => confirm_clock::run(args).await,
        Tool::Keys(args) => keys::run(args).await,
        Tool::Migrate(args) => migrate::migrate(args).await,
        Tool::CopyLog(args) => copy_log::run(args).await,
        Tool::Archive(args) => archive::run(args).await,
        Tool::Check(args) => check::run(args).await,
        Tool::ForkLog(args) => fork_log::run(args).await,
        Tool::Rebuild(config) => rebuild::rebuild(config).await,
        Tool::Shipping(args) => shipping::run(args).await,
        Tool::Publish(args) => shipping::publish(args).await,
        Tool::Snapshot(config) => snapshot::snapshot(config).await,
    }
}
