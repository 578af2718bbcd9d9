//! `guerdon audit reconcile`: the log folded afresh, beside the read tables, the messages that
//! Kafka acknowledged, a merchant's purchases and a warehouse's parcels. What differs is named row
//! by row.

mod difference;
mod file;
mod parcels;
mod purchases;
mod state;

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use domain::{Timestamp, WarehouseId};
use event_store::{Access, EventStore};
use projector::{Reconciled, Share, TableDigest, Told};
use publisher::ReconciledMessages;
use read_model::ReadModel;
use serde::Serialize;

use crate::command_line::path;
use crate::data_config::DataConfig;
use crate::duration::duration;
use crate::exit::FoundWrong;
use crate::printing::Printing;
use crate::progress::Progress;
use difference::{Difference, FileDifferences};

/// The niceness of a reconciliation that the server has begun: it gives way to all else.
const NICE: i32 = 19;

/// What to compare with the log, and how much of the time to take for it.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReconcileArgs {
    /// Work this many percent of the time, so that the databases have time for others.
    #[arg(long, value_name = "PERCENT", default_value = "100", value_parser = share)]
    share: Share,

    /// How old a message to a warehouse may be that Kafka hasn't acknowledged: 90s, 15min, 4h.
    #[arg(long, default_value = "10min", value_parser = duration)]
    sent_within: Duration,

    /// Also compare the purchases with a merchant's file: CSV with the columns `purchase_id`,
    /// `account_id` and, as far as they are to be compared, `amount` and a column of points for
    /// each unit, named as the unit.
    #[arg(long, value_name = "FILE.csv", value_parser = path)]
    purchases: Option<PathBuf>,

    /// The file has the purchases since this time; the ledger's earlier ones needn't be in it.
    #[arg(long, value_name = "TIME", requires = "purchases")]
    purchases_since: Option<Timestamp>,

    /// The file has the purchases before this time; the ledger's later ones needn't be in it.
    #[arg(long, value_name = "TIME", requires = "purchases")]
    purchases_until: Option<Timestamp>,

    /// Also compare the parcels with a warehouse's file: CSV with the columns
    /// `shipping_request_id`, `dispatch_id`, `product_id` and `quantity`, a line for each product
    /// of a parcel.
    #[arg(long, value_name = "FILE.csv", value_parser = path)]
    parcels: Option<PathBuf>,

    /// The file has the parcels of this warehouse alone.
    #[arg(long, requires = "parcels")]
    warehouse: Option<WarehouseId>,

    /// Also compare all balances with the writer's own state, which decides what can be spent: made
    /// of the log anew, in memory, as at a server's start.
    #[arg(long)]
    with_state: bool,

    /// The server has begun it, and everything else goes before.
    #[arg(long, hide = true)]
    in_background: bool,
}

/// What was compared, and how much of it differs.
#[derive(Debug, Serialize)]
struct Outcome {
    log_id: String,
    read_model: String,
    /// Up to which event of each partition.
    at: Vec<String>,
    tables: usize,
    rows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Messages>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchases: Option<OfFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parcels: Option<OfFile>,
    /// How many differences each part has.
    differences: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Serialize)]
struct Messages {
    messages: u64,
    acknowledged: u64,
    waiting: u64,
}

#[derive(Debug, Serialize)]
struct OfFile {
    file: String,
    in_file: u64,
    in_ledger: u64,
}

/// The parts whose differences are counted.
const TABLES: &str = "tables";
const SUMS: &str = "sums";
const STATE: &str = "state";
const MESSAGES: &str = "messages";
const PURCHASES: &str = "purchases";
const PARCELS: &str = "parcels";

fn share(text: &str) -> Result<Share, String> {
    let share = text.parse().ok().and_then(Share::of_percent);
    share.ok_or_else(|| format!("{text:?} is not a percentage from 1 to 100"))
}

pub(crate) async fn run(
    data: &DataConfig,
    printing: Printing,
    args: ReconcileArgs,
) -> anyhow::Result<()> {
    if args.in_background {
        // One that may not be niced is as fast as others.
        let _ = rustix::process::nice(NICE);
    }
    let url = data.read_model();
    printing.about(format_args!(
        "comparing the read model {url} with {}, folded afresh beside it; nothing is changed",
        data.store()
    ));
    let store = data.open(Access::Read).await?;
    let folded = projector::fold_and_compare(&url, &store, args.share, tell(printing)).await;
    let mut folded = folded?;
    let state =
        if args.with_state { Some(state::compare(&store, &mut folded).await) } else { None };
    let found = folded.discard().await?;
    let state = state.transpose()?;
    let read_model = ReadModel::open(&url, None).await?;
    let others = Others::compare(data, &store, &read_model, &args).await;
    read_model.close().await;
    let others = Others { state, ..others? };

    printing.rows(DIGEST_HEADER, &digests(&found), Digest::cells)?;
    let mut differences = Difference::of_reconciled(&found);
    differences.extend(others.named());
    if !differences.is_empty() || printing.is_json() {
        printing.rows(Difference::HEADER, &differences, Difference::cells)?;
    }
    let outcome = Outcome {
        log_id: store.log_id().to_string(),
        read_model: url.to_string(),
        at: found.at.iter().map(ToString::to_string).collect(),
        tables: found.tables.len(),
        rows: found.tables.iter().map(|table| table.rows).sum(),
        differences: others.counts(&found),
        messages: others.messages.map(Messages::of),
        purchases: others.purchases.map(OfFile::of),
        parcels: others.parcels.map(OfFile::of),
    };
    printing.one(&outcome)?;
    match outcome.differences.values().sum::<u64>() {
        0 => Ok(()),
        1 => Err(FoundWrong("there is a difference, which is named above".into()).into()),
        count => {
            let named = "which are named above, up to a hundred of each table and kind";
            Err(FoundWrong(format!("there are {count} differences, {named}")).into())
        }
    }
}

/// The parts beside the read tables.
struct Others {
    state: Option<FileDifferences>,
    messages: Option<ReconciledMessages>,
    purchases: Option<FileDifferences>,
    parcels: Option<FileDifferences>,
}

impl Others {
    async fn compare(
        data: &DataConfig,
        store: &EventStore,
        read_model: &ReadModel,
        args: &ReconcileArgs,
    ) -> anyhow::Result<Self> {
        let state = data.publisher_state();
        let (model, log_id, partitions) = (read_model.clone(), store.log_id(), store.partitions());
        let messages =
            publisher::reconcile_messages(&state, model, log_id, partitions, args.sent_within)
                .await
                .context("the messages to warehouses can't be compared")?;
        let purchases = match &args.purchases {
            Some(file) => {
                let span = [args.purchases_since, args.purchases_until];
                Some(purchases::compare(file, span, read_model).await?)
            }
            None => None,
        };
        let parcels = match &args.parcels {
            Some(file) => Some(parcels::compare(file, args.warehouse.as_ref(), read_model).await?),
            None => None,
        };
        Ok(Self { state: None, messages, purchases, parcels })
    }

    /// The differences that are named.
    fn named(&self) -> Vec<Difference> {
        let Self { state, messages, purchases, parcels } = self;
        let mut named: Vec<Difference> = vec![];
        named.extend(state.iter().flat_map(|of| of.named.iter().cloned()));
        named.extend(messages.iter().flat_map(Difference::of_messages));
        let of_files = [purchases, parcels].into_iter().flatten();
        named.extend(of_files.flat_map(|of| of.named.iter().cloned()));
        named
    }

    /// How many differences each part has that was compared.
    fn counts(&self, found: &Reconciled) -> BTreeMap<&'static str, u64> {
        let Self { state, messages, purchases, parcels } = self;
        let count = |of: &Option<FileDifferences>| of.as_ref().map(|of| of.count);
        let of_rows = found.tables.iter().map(|table| table.differences).sum();
        let of_sums = (found.disagreements.len() + found.sums.len()) as u64;
        let counts = [
            (TABLES, Some(of_rows)),
            (SUMS, Some(of_sums)),
            (STATE, count(state)),
            (MESSAGES, messages.as_ref().map(ReconciledMessages::differences)),
            (PURCHASES, count(purchases)),
            (PARCELS, count(parcels)),
        ];
        counts.into_iter().filter_map(|(part, count)| Some((part, count?))).collect()
    }
}

impl Messages {
    fn of(found: ReconciledMessages) -> Self {
        let ReconciledMessages { messages, acknowledged, waiting, .. } = found;
        Self { messages, acknowledged, waiting }
    }
}

impl OfFile {
    fn of(file: FileDifferences) -> Self {
        Self { file: file.file, in_file: file.in_file, in_ledger: file.in_ledger }
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { log_id, read_model, at, tables, rows, .. } = self;
        let at = at.join(", ");
        write!(
            f,
            "log {log_id} up to {at}: {rows} rows of {tables} tables in {read_model} were compared"
        )?;
        if let Some(Messages { messages, acknowledged, waiting }) = &self.messages {
            write!(
                f,
                "\nKafka has acknowledged {acknowledged} of {messages} messages to warehouses, and \
                 {waiting} are on their way"
            )?;
        }
        for (what, of) in [(PURCHASES, &self.purchases), (PARCELS, &self.parcels)] {
            if let Some(OfFile { file, in_file, in_ledger }) = of {
                write!(f, "\n{file} has {in_file} {what}, and the ledger has {in_ledger}")?;
            }
        }
        let counts = self.differences.iter().map(|(part, count)| format!("{part} {count}"));
        write!(f, "\ndifferences: {}", counts.collect::<Vec<_>>().join(", "))
    }
}

/// A table's line in the result.
#[derive(Debug, Serialize)]
struct Digest {
    table: &'static str,
    rows: u64,
    rows_of_log: u64,
    sha256: String,
    sha256_of_log: String,
    differences: u64,
}

const DIGEST_HEADER: [&str; 4] = ["table", "rows", "sha256", "differences"];

/// How much of a digest people are shown.
const SHOWN_DIGITS: usize = 16;

impl Digest {
    fn cells(&self) -> [String; 4] {
        let digest = self.sha256.chars().take(SHOWN_DIGITS).collect();
        [self.table.to_owned(), self.rows.to_string(), digest, self.differences.to_string()]
    }
}

fn digests(found: &Reconciled) -> Vec<Digest> {
    let digests = found.tables.iter().cloned().map(|of| {
        let TableDigest { table, rows, rows_of_log, digest, digest_of_log, differences } = of;
        let (sha256, sha256_of_log) = (digest, digest_of_log);
        Digest { table, rows, rows_of_log, sha256, sha256_of_log, differences }
    });
    digests.collect()
}

/// First events are folded, then rows compared: a bar for each.
fn tell(printing: Printing) -> impl FnMut(Told) {
    let (mut events, mut rows) = (None::<Progress>, None::<Progress>);
    move |told| match told {
        Told::Folded(done, all) => {
            let events = events.get_or_insert_with(|| printing.progress("events", Some(all)));
            events.set_all(all);
            events.set(done);
        }
        Told::Compared(done) => {
            events = None;
            rows.get_or_insert_with(|| printing.progress("rows", None)).set(done);
        }
    }
}
