//! `guerdon adopt`: another points system's balances, tiers and open exchanges into a running
//! ledger, and a comparison of both while both run.
//!
//! It is a client like any other. Every row has the old system's id, so a row that was adopted is
//! repeated and changes nothing: whatever ends a run, the same command again finishes it. Reading
//! order: `rows.rs` (the files), `send.rs` (what is asked for each row), `compare.rs`, `report.rs`.

mod compare;
mod report;
mod rows;
mod send;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use wire::Moment;

use crate::command_line::{http_url, path};
use crate::exit::FoundWrong;
use crate::ledger_client::LedgerClient;
use crate::printing::Printing;
use crate::progress::Progress;
use report::{Report, Rows};
use rows::Files;
use send::{Keys, Sender};

/// With more concurrent calls this client's own sockets would be the limit.
const CONNECTIONS_MAX: i64 = 1_024;

/// Adopt another points system's balances, tiers and open exchanges, and compare both systems.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct AdoptArgs {
    #[command(flatten)]
    files: FileArgs,

    /// Compare with what the ledger had at this time or right after this position, for a file that
    /// was made then. Accounts that the file doesn't name are then left out
    #[arg(long, requires = "compare", value_name = "TIME|POSITION")]
    at: Option<Moment>,

    /// Read the files, say what is wrong in them, and send nothing
    #[arg(long)]
    check_only: bool,

    /// The ledger's address
    #[arg(long, env = "GUERDON_URL", hide_env_values = true)]
    #[arg(default_value = "http://127.0.0.1:8080", value_parser = http_url)]
    url: String,

    /// A file with API keys, of which the operator's, the shopper's and the auditor's are used
    #[arg(long, env = "GUERDON_API_KEYS", value_name = "FILE.json")]
    #[arg(default_value = "./guerdon-data/api-keys.json")]
    #[arg(value_parser = path)]
    api_keys: PathBuf,

    /// The number of concurrent calls
    #[arg(long, default_value_t = 32)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=CONNECTIONS_MAX))]
    connections: u16,

    #[command(flatten)]
    printing: Printing,
}

/// The old system's files, adopted in this order.
#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(crate) struct FileArgs {
    /// Tiers: `row_id,account_id,ladder,tier,until` and perhaps `reason`; may be gzipped
    #[arg(long, value_parser = path, value_name = "FILE.csv[.gz]")]
    tiers: Option<PathBuf>,

    /// Open exchanges: `exchange_id,account_id,offer_id,quantity,prices` and perhaps `deliver_to`,
    /// `expires_at`, `ordered_at`; may be gzipped
    #[arg(long, value_parser = path, value_name = "FILE.csv[.gz]")]
    exchanges: Option<PathBuf>,

    /// Opening balances, a row for each lot: `row_id,account_id,points` and perhaps `unit`,
    /// `available_at`, `expires_at`, `earned_at`; may be gzipped
    #[arg(long, value_parser = path, value_name = "FILE.csv[.gz]")]
    lots: Option<PathBuf>,

    /// The old system's balances, to be compared with the ledger's: `account_id,available` and
    /// perhaps `unit`, `pending`, `held`; may be gzipped
    #[arg(long, value_parser = path, value_name = "FILE.csv[.gz]")]
    compare: Option<PathBuf>,
}

/// Adopts and compares, and prints what that came to.
pub(crate) async fn run(args: AdoptArgs) -> anyhow::Result<()> {
    let AdoptArgs { files, at, check_only, url, api_keys, connections, printing } = args;
    // Aside, so that the program hears a signal meanwhile.
    let files = tokio::task::spawn_blocking(move || Files::read(&files)).await??;
    let found = Rows::of(&files);
    if check_only {
        return printing.one(&found);
    }
    printing.about(format_args!("{found}; the ledger is at {url}"));
    let progress = printing.progress("rows", Some(found.all()));
    let sender = Sender {
        client: LedgerClient::new(&url)?,
        keys: Keys::read(&api_keys)?,
        connections: connections.into(),
    };
    let report = adopt(Arc::new(sender), files, at, &progress).await;
    drop(progress);
    let report = report?;
    printing.one(&report)?;
    match report.wrong() {
        Some(wrong) => Err(FoundWrong(wrong).into()),
        None => Ok(()),
    }
}

/// Tiers come first, because an offer may be for a tier. Then exchanges, whose points are given and
/// spent at once: an account has no other credit yet on which they could draw.
async fn adopt(
    sender: Arc<Sender>,
    files: Files,
    at: Option<Moment>,
    progress: &Progress,
) -> anyhow::Result<Report> {
    let began_at = Instant::now();
    let Files { tiers, exchanges, lots, balances } = files;
    let mut report = Report::default();
    sender.grants(tiers, progress, &mut report).await?;
    sender.exchanges(exchanges, progress, &mut report).await?;
    sender.lots(lots, progress, &mut report).await?;
    if let Some(balances) = balances {
        report.compared = Some(compare::compare(&sender, balances, at, progress).await?);
    }
    report.requests = sender.client.answers();
    report.took = began_at.elapsed();
    Ok(report)
}
