//! The one binary: `guerdon serve` (all parts of a ledger, or some by `--role`), and the tools.
//!
//! It holds no rule of the ledger; it puts the parts together and says in one sentence why it
//! can't. Start with `serve.rs`.

mod archive;
mod confirm_clock;
mod copy_log;
mod data_config;
mod duration;
mod first_keys;
mod fork_log;
mod http_client;
mod import;
mod kafka_config;
mod key_file;
mod keys;
mod migrate;
mod operator;
mod rebuild;
mod serve;
mod serve_config;
mod shipping;
mod snapshot;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};

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
    /// Runs the ledger (also without saying `serve`).
    Serve(Box<serve_config::ServeConfig>),
    /// Brings history into a running ledger over its REST API.
    Import(import::ImportArgs),
    /// Tells a running ledger that its wall clock is right, so that it decides again.
    ConfirmClock(confirm_clock::ConfirmClockArgs),
    /// Lists, creates, revokes and rotates API keys; the ledger may be running.
    Keys(keys::KeysArgs),
    /// Brings the schemas of the log and the read model up to date, where they are in PostgreSQL.
    Migrate(migrate::MigrateArgs),
    /// Copies a log into an empty store, byte for byte, or goes on where an earlier copy ended.
    ///
    /// Stop the server first: what it appends later is not in the copy.
    CopyLog(copy_log::CopyLogArgs),
    /// Moves old ranges of the log into files, where they are read as before.
    Archive(archive::ArchiveArgs),
    /// Declares a log that was shortened to be the history, after a standby that lagged was
    /// promoted or a backup restored.
    ForkLog(fork_log::ForkLogArgs),
    /// Makes the read model anew from the log, beside the one in use, and swaps them.
    Rebuild(data_config::DataConfig),
    /// Looks after parcels on a running ledger: overdue, resend, settle, cancel, parked, retry,
    /// discard.
    Shipping(shipping::ShippingArgs),
    /// Publishes what was asked of warehouses once more, into another topic, marked as a replay.
    Publish(shipping::PublishArgs),
    /// Writes the state to a file, so that the next start is short; the ledger may be running.
    Snapshot(data_config::DataConfig),
}

/// What is said where `RUST_LOG` doesn't say otherwise. Why a connection failed is told by whoever
/// wanted it.
const SAID: &str = "info,sqlx=warn,deadpool=error";

/// The program allocates and frees for every request, and so do SQLite and librdkafka; mimalloc is
/// faster than glibc for all of them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    // What a ledger keeps holds addresses and keys: it is for its owner alone.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let cli = Cli::try_parse().unwrap_or_else(|error| without_passwords(error).exit());
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(SAID)),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let done = match cli.tool.unwrap_or(Tool::Serve(Box::new(cli.serve))) {
        Tool::Serve(config) => serve::serve(*config).await,
        Tool::Import(args) => import::run(args).await,
        Tool::ConfirmClock(args) => confirm_clock::run(args).await,
        Tool::Keys(args) => keys::run(args).await,
        Tool::Migrate(args) => migrate::migrate(args).await,
        Tool::CopyLog(args) => copy_log::run(args).await,
        Tool::Archive(args) => archive::run(args).await,
        Tool::ForkLog(args) => fork_log::run(args).await,
        Tool::Rebuild(config) => rebuild::rebuild(config).await,
        Tool::Shipping(args) => shipping::run(args).await,
        Tool::Publish(args) => shipping::publish(args).await,
        Tool::Snapshot(config) => snapshot::snapshot(config).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guerdon: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What isn't understood is shown to who asked, and kept by what keeps a service's words; a URL may
/// hold a password.
fn without_passwords(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::ArgumentConflict {
        let tip = "a tool's options come after its name, as in guerdon snapshot --data-dir FOLDER";
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    let may_hold_one = |text: &str| text.contains("://") || text.contains('@');
    let kinds = error.context().filter_map(|(kind, value)| match value {
        ContextValue::String(text) if may_hold_one(text) => Some(kind),
        _ => None,
    });
    for kind in kinds.collect::<Vec<_>>() {
        error.insert(kind, ContextValue::String("(a URL, not shown)".into()));
    }
    error
}
