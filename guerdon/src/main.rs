//! The one binary: `guerdon serve` (all parts of a ledger, or some by `--role`), and the tools.
//!
//! It contains no rule of the ledger. It puts the parts together, and reports in one sentence why
//! it can't start. Begin with `serve.rs`.

// First, for all others print through its macros.
#[macro_use]
mod output;

mod adopt;
mod archive;
mod audit;
mod balances;
mod check;
mod command_line;
mod config;
mod confirm_clock;
mod connection_config;
mod copy_log;
mod csv_rows;
mod data_config;
mod duration;
mod edge_config;
mod erase;
mod exit;
mod file_modes;
mod first_keys;
mod fork_log;
mod fork_note;
mod http_client;
mod import;
mod interruption;
mod kafka_config;
mod key_file;
mod keys;
mod ledger_client;
mod limit_config;
mod log;
mod log_config;
mod mark;
mod migrate;
mod operator;
#[cfg(feature = "otlp")]
mod otlp;
mod partitions;
mod printing;
mod progress;
mod rebuild;
mod reconcile_config;
mod serve;
mod serve_config;
mod settings;
mod shell;
mod shipping;
mod snapshot;
mod spread;
mod token_config;
mod trace_config;
mod transparency;
mod verify;
mod witness_config;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use command_line::Parsed;
use log_config::LogFormat;

/// A ledger for points: an append-only log, a command API, a projector and a query API.
#[derive(Parser)]
#[command(name = "guerdon", version, args_conflicts_with_subcommands = true)]
#[command(after_long_help = exit::help())]
struct Cli {
    #[command(subcommand)]
    tool: Option<Tool>,
    /// A file with settings, in TOML. A setting is every option that has a variable; its key is the
    /// option's name. Flags win over variables, and variables over the file.
    #[arg(long, global = true, env = "GUERDON_CONFIG", value_name = "FILE.toml")]
    #[arg(value_parser = command_line::path)]
    config: Option<PathBuf>,
    #[command(flatten)]
    serve: serve_config::ServeConfig,
}

#[derive(Subcommand)]
enum Tool {
    /// Run the ledger. This is also what guerdon does without a command.
    Serve(Box<serve_config::ServeConfig>),
    /// Check the configuration of `guerdon serve`, or show what each setting came to.
    Config(config::ConfigArgs),
    /// Import a history of purchases and redemptions into a running ledger. For a log's own export,
    /// see `guerdon log import`.
    Import(import::ImportArgs),
    /// Adopt another points system's balances, tiers and open exchanges into a running ledger, and
    /// compare both systems.
    Adopt(adopt::AdoptArgs),
    /// Confirm to a running ledger that its wall clock is right, so that it accepts commands again.
    ConfirmClock(confirm_clock::ConfirmClockArgs),
    /// List, create, revoke and rotate API keys. The ledger may be running.
    Keys(keys::KeysArgs),
    /// Mark an account or a request for a time: every part of a running ledger then logs it in
    /// detail and keeps its traces.
    Mark(mark::MarkArgs),
    /// Erase what is private of an account: names, addresses, subjects and reasons.
    Erase(erase::EraseArgs),
    /// Create or update the schemas in PostgreSQL.
    Migrate(migrate::MigrateArgs),
    /// Copy a log into an empty store, byte for byte, or continue an earlier copy.
    ///
    /// Stop the server first: the copy lacks what the server appends later.
    CopyLog(copy_log::CopyLogArgs),
    /// Export a log as files, or import such files into an empty store.
    ///
    /// Events come and go as they were recorded. `guerdon import` is for purchases and redemptions
    /// of another system, and `guerdon copy-log` for a log from one store straight into another.
    Log(log::LogArgs),
    /// Move old events from the log into files. They stay readable.
    Archive(archive::ArchiveArgs),
    /// Read the log from end to end and verify it; with --archives, every archive file, too.
    Check(check::CheckArgs),
    /// Replay the log to any moment, and compare and explain what it says.
    Audit(audit::AuditArgs),
    /// Verify the transparency log or an export of the log, with nothing but its key.
    Verify(verify::VerifyArgs),
    /// Export the transparency log as files, print its keys, or add a signing key.
    Transparency(transparency::TransparencyArgs),
    /// Continue on a log that has lost its last events, after the promotion of a lagging standby or
    /// the restore of a backup.
    ForkLog(fork_log::ForkLogArgs),
    /// Rebuild the read model from the log, and replace the present one when it is complete.
    Rebuild(rebuild::RebuildArgs),
    /// List, resend, settle and cancel shipping requests; handle parked messages.
    Shipping(shipping::ShippingArgs),
    /// Publish old shipping messages again, into another topic, marked as a replay.
    Publish(shipping::PublishArgs),
    /// Make the trees over all accounts' balances that a seal commits to, and print their roots and
    /// sums. The ledger may be running; run this as its user, who reads the trees.
    Balances(balances::BalancesArgs),
    /// Write a snapshot of the state, so that the next start is fast. The ledger may be running.
    Snapshot(snapshot::SnapshotArgs),
    /// Print the completions of this command line for a shell.
    Completions(shell::CompletionsArgs),
    /// Print the man page, or write the pages of all tools into a folder.
    Man(shell::ManArgs),
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
    let parsed = command_line::parse::<Cli>().unwrap_or_else(|error| error.exit());
    let Parsed { cli, private_file, listing, misspelt } = parsed;
    let serves = match &cli.tool {
        None => Some(&cli.serve),
        Some(Tool::Serve(config)) => Some(&**config),
        Some(_) => None,
    };
    log_config::start(serves.map_or(LogFormat::Text, |config| config.log.log_format));
    if serves.is_some() {
        file_modes::warn_of_open(private_file);
        misspelt.iter().for_each(|complaint| tracing::warn!("{complaint}"));
    }
    // What a server prints may be read by nobody; what a tool prints is what it was asked for.
    let is_tool = serves.is_none();
    let found = config::Found { file: cli.config.clone(), listing, misspelt };
    let done = tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| {
        let done = runtime.block_on(run(cli, found));
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
            exit::code(&error)
        }
    }
}

async fn run(cli: Cli, found: config::Found) -> anyhow::Result<()> {
    let tool = cli.tool.unwrap_or(Tool::Serve(Box::new(cli.serve)));
    match tool.what_stands() {
        Some(what_stands) => interruption::or_interrupted(begin(tool, found), what_stands).await,
        None => begin(tool, found).await,
    }
}

async fn begin(tool: Tool, found: config::Found) -> anyhow::Result<()> {
    match tool {
        Tool::Serve(config) => serve::serve(*config).await,
        Tool::Config(args) => config::run(args, found),
        Tool::Import(args) => import::run(args).await,
        Tool::Adopt(args) => adopt::run(args).await,
        Tool::ConfirmClock(args) => confirm_clock::run(args).await,
        Tool::Keys(args) => keys::run(args).await,
        Tool::Mark(args) => mark::run(args).await,
        Tool::Erase(args) => erase::run(args).await,
        Tool::Migrate(args) => migrate::migrate(args).await,
        Tool::CopyLog(args) => copy_log::run(args).await,
        Tool::Log(args) => log::run(args).await,
        Tool::Archive(args) => archive::run(args).await,
        Tool::Check(args) => check::run(args).await,
        Tool::Audit(args) => audit::run(args).await,
        Tool::Verify(args) => verify::run(args).await,
        Tool::Transparency(args) => transparency::run(args).await,
        Tool::ForkLog(args) => fork_log::run(args).await,
        Tool::Rebuild(args) => rebuild::rebuild(args).await,
        Tool::Shipping(args) => shipping::run(args).await,
        Tool::Publish(args) => shipping::publish(args).await,
        Tool::Balances(args) => balances::run(args).await,
        Tool::Snapshot(args) => snapshot::snapshot(args).await,
        Tool::Completions(args) => shell::completions(&args),
        Tool::Man(args) => shell::man(&args),
    }
}
