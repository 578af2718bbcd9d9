//! `guerdon verify log`: the transparency log from its first event to its newest checkpoint, in a
//! folder or at a ledger. `guerdon verify receipt`: a receipt of an exchange. Both need a key of
//! the log and, from nobody, trust.

use std::fmt::{Display, Formatter};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use domain::Timestamp;
use event_store::with_causes;
use log_record::Place;
use reqwest::{Client, StatusCode};
use serde::Serialize;
use transparency::{
    Known, Note, ReadFile, Receipt, VerifiedLog, VerifiedReceipt, VerifierKey, verify_log,
};

use crate::command_line::path;
use crate::exit::FoundWrong;
use crate::http_client::http_client;
use crate::key_file::keys_in;
use crate::printing::{Printing, plain};

/// How long one file may take.
const FILE_MAX: Duration = Duration::from_secs(60);

/// What to verify. The options of printing may come before or after it.
#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    printing: Printing,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Clone, Debug)]
enum What {
    /// Verify a partition's transparency log: its checkpoint, its keys, every tile and, where they
    /// can be read, every entry.
    Log(LogArgs),
    /// Verify a receipt of an exchange, as GET /v1/accounts/ID/exchanges/ID/receipt answers it.
    Receipt(ReceiptArgs),
}

/// A receipt, and what its owner knows.
#[derive(Args, Clone, Debug)]
struct ReceiptArgs {
    /// The file of the receipt.
    #[arg(value_name = "FILE.json", value_parser = path)]
    file: PathBuf,

    /// The log's key, or its first one, in the form NAME+ID+KEY, as GET /log/keys gives it.
    #[arg(long)]
    key: VerifierKey,
}

/// A transparency log, and what its auditor knows.
#[derive(Args, Clone, Debug)]
struct LogArgs {
    /// A folder that `guerdon transparency export` wrote, or a partition of a ledger, such as
    /// `http://127.0.0.1:8080/log/0`.
    #[arg(value_name = "DIR|URL")]
    place: String,

    /// The log's key, or its first one, in the form NAME+ID+KEY, as GET /log/keys gives it. Get it
    /// from somebody else than whoever serves the log.
    #[arg(long)]
    key: VerifierKey,

    /// A file with the checkpoint that was kept last. The log must go on from it. The newest
    /// checkpoint takes its place once the log is verified; a missing file is made.
    #[arg(long, value_name = "FILE", value_parser = path)]
    kept: Option<PathBuf>,

    /// A file with API keys, of which the auditor's is used to read entries at a URL. Without it
    /// only the tree is verified there.
    #[arg(long, env = "GUERDON_API_KEYS", value_name = "FILE.json", value_parser = path)]
    api_keys: Option<PathBuf>,
}

/// A verified log, to be printed.
#[derive(Serialize)]
struct Verified {
    origin: String,
    size: u64,
    root: String,
    /// The key that signed the newest checkpoint.
    key: String,
    /// Whether each entry was read, too.
    entries: bool,
    /// The size of the kept checkpoint that the log goes on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    goes_on_from: Option<u64>,
}

impl Display for Verified {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { origin, size, root, key, entries, goes_on_from } = self;
        let what = if *entries { "entries and tree" } else { "tree, without entries," };
        write!(f, "{origin}: {what} of {size} events give the root {root}, signed by {key}")?;
        match goes_on_from {
            Some(from) => write!(f, "\nit goes on from the kept checkpoint of {from} events"),
            None => Ok(()),
        }
    }
}

/// A verified receipt, to be printed.
#[derive(Serialize)]
struct VerifiedExchange {
    account_id: String,
    exchange_id: String,
    origin: String,
    size: u64,
    key: String,
    events: Vec<VerifiedEvent>,
}

#[derive(Serialize)]
struct VerifiedEvent {
    position: Place,
    #[serde(rename = "type")]
    event_type: String,
    recorded_at: Option<Timestamp>,
}

impl Display for VerifiedExchange {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { account_id, exchange_id, origin, size, key, events } = self;
        let count = events.len();
        let (account_id, exchange_id) = (plain(account_id), plain(exchange_id));
        write!(
            f,
            "exchange {exchange_id} of {account_id}: {count} events are in {origin}, of whose first \
             {size} events {key} signed the root"
        )?;
        for VerifiedEvent { position, event_type, recorded_at } in events {
            let at = recorded_at.map(|at| at.to_string()).unwrap_or_default();
            write!(f, "\n{position} {} {at}", plain(event_type))?;
        }
        Ok(())
    }
}

pub(crate) async fn run(VerifyArgs { printing, what }: VerifyArgs) -> anyhow::Result<()> {
    match what {
        What::Log(args) => log(args, printing).await,
        What::Receipt(args) => receipt(&args, printing),
    }
}

fn receipt(ReceiptArgs { file, key }: &ReceiptArgs, printing: Printing) -> anyhow::Result<()> {
    let text = fs::read_to_string(file);
    let text = text.with_context(|| format!("can't read {}", file.display()))?;
    let receipt: Receipt = serde_json::from_str(&text)
        .with_context(|| format!("{} holds no receipt", file.display()))?;
    let verified = receipt.verify(key).map_err(|error| FoundWrong(with_causes(&error)))?;
    let VerifiedReceipt { checkpoint, key, events } = verified;
    let event = |(position, event_type, micros): (Place, String, i64)| VerifiedEvent {
        position,
        event_type,
        recorded_at: Timestamp::from_micros(micros).ok(),
    };
    printing.one(&VerifiedExchange {
        account_id: receipt.account_id,
        exchange_id: receipt.exchange_id,
        origin: checkpoint.origin.to_string(),
        size: checkpoint.size,
        key: key.to_string(),
        events: events.into_iter().map(event).collect(),
    })
}

async fn log(args: LogArgs, printing: Printing) -> anyhow::Result<()> {
    let kept = args.kept.as_deref().map(read_kept).transpose()?.flatten();
    let files = Files::of(&args)?;
    let entries = files.have_entries();
    let known = Known { key: args.key, kept, entries };
    printing.about(format_args!("verifying the log at {}", args.place));
    let progress = printing.progress("events", None);
    let told = |events| progress.set(events);
    let found = verify_log(&known, async |path: &str| files.read(path).await, told).await;
    drop(progress);
    let log = found.map_err(|finding| FoundWrong(with_causes(&finding)))?;
    if let Some(file) = &args.kept {
        keep(file, &log.note).with_context(|| format!("can't write {}", file.display()))?;
    }
    let VerifiedLog { checkpoint, key, kept, note: _ } = log;
    printing.one(&Verified {
        origin: checkpoint.origin.to_string(),
        size: checkpoint.size,
        root: checkpoint.root.to_string(),
        key: key.to_string(),
        entries,
        goes_on_from: kept,
    })
}

fn read_kept(file: &Path) -> anyhow::Result<Option<Note>> {
    match fs::read_to_string(file) {
        Ok(text) => {
            let note = text.parse();
            note.map(Some).with_context(|| format!("{} holds no checkpoint", file.display()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("can't read {}", file.display())),
    }
}

/// Puts the newest checkpoint in the place of the kept one, whole or not at all.
fn keep(file: &Path, note: &Note) -> std::io::Result<()> {
    let beside = file.with_extension("new");
    fs::write(&beside, note.to_string())?;
    fs::File::open(&beside)?.sync_all()?;
    fs::rename(&beside, file)
}

/// Where a log's files are.
enum Files {
    Folder(PathBuf),
    Ledger { url: String, client: Client, key: Option<String> },
}

impl Files {
    fn of(args: &LogArgs) -> anyhow::Result<Self> {
        let LogArgs { place, api_keys, .. } = args;
        if !place.starts_with("http://") && !place.starts_with("https://") {
            let folder = PathBuf::from(place);
            let is_log = folder.join("checkpoint").is_file();
            anyhow::ensure!(
                is_log,
                "{place} holds no checkpoint; name a folder that `guerdon \
                 transparency export` wrote, or the URL of a ledger's partition, .../log/0"
            );
            return Ok(Self::Folder(folder));
        }
        let key = match api_keys {
            Some(file) => {
                let [key] = keys_in(file, ["auditor"])?;
                Some(key)
            }
            None => None,
        };
        let url = place.trim_end_matches('/').to_owned();
        Ok(Self::Ledger { url, client: http_client()?, key })
    }

    /// Whether the entries can be read, and not only the tree.
    fn have_entries(&self) -> bool {
        match self {
            Self::Folder(folder) => folder.join("tile/entries").is_dir(),
            Self::Ledger { key, .. } => key.is_some(),
        }
    }

    async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ReadFile> {
        match self {
            Self::Folder(folder) => match fs::read(folder.join(path)) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error.into()),
            },
            Self::Ledger { url, client, key } => {
                let mut request = client.get(format!("{url}/{path}")).timeout(FILE_MAX);
                if let Some(key) = key.as_ref().filter(|_| path.starts_with("tile/entries/")) {
                    request = request.bearer_auth(key);
                }
                let answer = request.send().await.map_err(reqwest::Error::without_url)?;
                match answer.status() {
                    StatusCode::OK => Ok(Some(answer.bytes().await?.to_vec())),
                    StatusCode::NOT_FOUND => Ok(None),
                    status => {
                        let text = answer.text().await.unwrap_or_default();
                        let problem: serde_json::Value =
                            serde_json::from_str(&text).unwrap_or_default();
                        let detail = problem["detail"].as_str().unwrap_or_default().to_owned();
                        Err(anyhow!("{status} {detail}").into())
                    }
                }
            }
        }
    }
}
