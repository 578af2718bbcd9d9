//! `guerdon import`: plays a real history of purchases and redemptions into a running ledger.
//!
//! It is a client like any other: it knows the ledger's REST API and none of its crates. Run
//! again, it changes nothing: ids come from the files, so the ledger answers what it has, and
//! [`journal`] keeps what the ledger forgets. Reading order: [`rows`], [`times`], [`credits`],
//! [`days`], [`replay`].

mod credits;
mod day;
mod days;
mod error;
mod journal;
mod ledger;
mod replay;
mod rows;
mod summary;
mod times;

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::command_line::{http_url, path};
use crate::exit::Unreachable;
use crate::printing::Printing;
use crate::progress::Progress;
use credits::{Credit, Terms};
pub(crate) use error::ImportError;
use journal::{Fingerprint, Journal};
use ledger::Ledger;
use replay::Replay;
use rows::Redemption;
pub(crate) use summary::{Summary, grouped, seconds};

/// With more concurrent calls this client's own sockets would be the limit.
const CONNECTIONS_MAX: i64 = 1_024;

/// Import a history of purchases and redemptions into a running ledger.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// `account_id,purchase_id,purchased_at,amount_cents`; may be gzipped
    #[arg(long, value_parser = path, value_name = "FILE.csv[.gz]")]
    pub(crate) purchases: PathBuf,

    /// `account_id,product_id,campaign_id,redeemed_on`; may be gzipped
    #[arg(long, value_parser = path, value_name = "FILE.csv[.gz]")]
    pub(crate) redemptions: PathBuf,

    /// The ledger's address
    #[arg(long, env = "GUERDON_URL", hide_env_values = true)]
    #[arg(default_value = "http://127.0.0.1:8080", value_parser = http_url)]
    pub(crate) url: String,

    /// A file with API keys; the ledger writes such a file at its first start
    #[arg(long, env = "GUERDON_API_KEYS", value_name = "FILE.json")]
    #[arg(default_value = "./guerdon-data/api-keys.json")]
    #[arg(value_parser = path)]
    pub(crate) api_keys: PathBuf,

    /// Points that each whole unit of a purchase earns
    #[arg(long, value_name = "POINTS", default_value_t = 10)]
    pub(crate) points_per_unit: u64,

    /// The size of a unit, in cents
    #[arg(long, value_name = "CENTS", default_value = "100")]
    pub(crate) unit_cents: NonZeroU64,

    /// Points that each redemption costs
    #[arg(long, value_name = "POINTS", default_value_t = 2_500)]
    pub(crate) price: u64,

    /// Let earned points expire this many days (of 24 hours) after the purchase [default: never]
    #[arg(long, value_name = "DAYS")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(crate) expiry_days: Option<u32>,

    /// Accept a pause of more than a year between two rows of a file
    #[arg(long)]
    pub(crate) allow_jump: bool,

    /// The number of concurrent calls
    #[arg(long, default_value_t = 32)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=CONNECTIONS_MAX))]
    pub(crate) connections: u16,

    /// The file that the import keeps between its runs. Give the same file to continue or repeat an
    /// import
    #[arg(long, value_name = "FILE", default_value = "./guerdon-import.ndjson")]
    #[arg(value_parser = path)]
    pub(crate) journal: PathBuf,

    /// Continue with an incomplete journal. The import sends refused redemptions of the missing
    /// days again; the ledger may accept them now
    #[arg(long)]
    pub(crate) ask_again: bool,

    #[command(flatten)]
    printing: Printing,
}

/// Imports, and prints what that came to.
pub(crate) async fn run(args: ImportArgs) -> anyhow::Result<()> {
    let printing = args.printing;
    printing.about(format_args!(
        "importing {} and {} into the ledger at {}; {} keeps how far it is",
        args.purchases.display(),
        args.redemptions.display(),
        args.url,
        args.journal.display()
    ));
    let progress = printing.progress("rows", None);
    let summary = import(&args, &progress).await;
    drop(progress);
    printing.one(&summary.map_err(|error| match &error {
        ImportError::Silent { url, .. } => {
            let url = url.clone();
            anyhow::Error::from(error).context(Unreachable(url))
        }
        _ => error.into(),
    })?)
}

/// What the files hold.
struct History {
    credits: Vec<Credit>,
    redemptions: Vec<Redemption>,
    rows: usize,
    fingerprint: Fingerprint,
}

/// Reads both files whole.
fn read(args: &ImportArgs) -> Result<History, ImportError> {
    let (purchases, purchases_print) = rows::read_purchases(&args.purchases)?;
    let (redemptions, redemptions_print) = rows::read_redemptions(&args.redemptions)?;
    times::check(&purchases, &redemptions, args.allow_jump)?;
    let rows = purchases.len() + redemptions.len();
    let terms = Terms {
        points_per_unit: args.points_per_unit,
        unit_cents: args.unit_cents,
        expiry_days: args.expiry_days,
    };
    let credits = credits::of(purchases, &terms)?;
    let fingerprint = Fingerprint {
        purchases: purchases_print,
        redemptions: redemptions_print,
        points_per_unit: args.points_per_unit,
        unit_cents: args.unit_cents.get(),
        price: args.price,
        expiry_days: args.expiry_days,
    };
    Ok(History { credits, redemptions, rows, fingerprint })
}

/// Reads both files whole, then plays them into the ledger.
async fn import(args: &ImportArgs, progress: &Progress) -> Result<Summary, ImportError> {
    // Aside, so that the program hears a signal meanwhile.
    let of = args.clone();
    let read = tokio::task::spawn_blocking(move || read(&of)).await.map_err(ImportError::Task)?;
    let History { credits, redemptions, rows, fingerprint } = read?;
    progress.set_all(rows as u64);
    let ledger = Arc::new(Ledger::new(&args.url, &args.api_keys)?);
    if args.expiry_days.is_some() {
        ledger.check_clock().await?;
    }
    let mut journal = Journal::open(&args.journal, &fingerprint)?;
    let days = days::by_day(credits, redemptions);
    let replay = Replay {
        ledger: Arc::clone(&ledger),
        price: args.price,
        connections: args.connections.into(),
        ask_again: args.ask_again,
        progress: progress.clone(),
    };

    let mut summary = Summary::default();
    let began_at = Instant::now();
    replay.open_offers(&days, &mut summary).await?;
    for (day, rows) in days {
        replay.day(day, rows, &mut journal, &mut summary).await?;
    }
    summary.took = began_at.elapsed();
    summary.requests = ledger.answers();
    Ok(summary)
}
