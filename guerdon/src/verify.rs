//! `guerdon verify log`: the transparency log from its first event to its newest checkpoint, in a
//! folder or at a ledger. It needs a key of the log and, from nobody, trust. An export of a log is
//! verified in `verify/export.rs`, a receipt of an exchange in `verify/receipt.rs`, an account's
//! balance and the sums of all in `verify/balance.rs`.

mod balance;
mod export;
mod receipt;

use std::fmt::{Display, Formatter};
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use domain::Timestamp;
use event_store::with_causes;
use reqwest::{Client, Response, StatusCode};
use serde::Serialize;
use transparency::{
    Cosigned, KeyError, KeyKind, Known, Note, Quorum, ReadFile, TILE_HASHES, VerifiedLog,
    VerifierKey, verify_log,
};

use crate::command_line::path;
use crate::exit::FoundWrong;
use crate::http_client::http_client;
use crate::key_file::keys_in;
use crate::printing::{Printing, plain};
use balance::ProofArgs;
use receipt::ReceiptArgs;

/// How long one file may take.
const FILE_MAX: Duration = Duration::from_secs(60);

/// How many bytes a checkpoint, a handover or a refusal may have.
const TEXT_BYTES_MAX: usize = 1 << 20;

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
    /// Verify a folder that `guerdon log export` wrote: every file, every event and, with a key,
    /// that the events are those that were signed.
    Export(export::ExportArgs),
    /// Verify a receipt of an exchange, which GET
    /// `/v1/accounts/{account_id}/exchanges/{exchange_id}/receipt` answered: its events are in the
    /// signed log. It needs no network.
    Receipt(ReceiptArgs),
    /// Verify an account's balance, which GET `/v1/accounts/{account_id}/balance-proof` answered: a
    /// seal in the signed log commits to it. It needs no network.
    Balance(ProofArgs),
    /// Verify what all accounts had together, which GET `/v1/seals/{seal_id}/proof` answered. It
    /// needs no network.
    Liability(ProofArgs),
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
    #[arg(long, value_parser = log_key)]
    key: VerifierKey,

    /// A file with the checkpoint that was kept last. The log must go on from it. The newest
    /// checkpoint takes its place once the log is verified; a missing file is made.
    #[arg(long, value_name = "FILE", value_parser = path)]
    kept: Option<PathBuf>,

    /// A file with a checkpoint that somebody else kept: of --checkpoints-dir, of the topic of
    /// checkpoints, or another auditor's. The log must go on from it. Repeat the option for each.
    #[arg(long, value_name = "FILE", value_parser = path)]
    against: Vec<PathBuf>,

    /// The key of a witness, NAME+ID+KEY, whose signature the co-signed checkpoint must have.
    /// Repeat the option for each.
    #[arg(long, value_name = "KEY", value_parser = witness_key)]
    witness: Vec<VerifierKey>,

    /// The number of these witnesses who must have signed. [default: all of them]
    #[arg(long, requires = "witness")]
    quorum: Option<usize>,

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
    /// The files of others' checkpoints that the log goes on from, too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    against: Vec<PathBuf>,
    /// The checkpoint that enough witnesses signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    cosigned: Option<CosignedBy>,
}

#[derive(Serialize)]
struct CosignedBy {
    size: u64,
    witnesses: Vec<SignedBy>,
}

#[derive(Serialize)]
struct SignedBy {
    name: String,
    signed_at: Option<Timestamp>,
}

impl Display for Verified {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { origin, size, root, key, entries, goes_on_from, against, cosigned } = self;
        let what = if *entries { "entries and tree" } else { "tree, without entries," };
        write!(f, "{origin}: {what} of {size} events give the root {root}, signed by {key}")?;
        if let Some(from) = goes_on_from {
            write!(f, "\nit goes on from the kept checkpoint of {from} events")?;
        }
        for file in against {
            write!(f, "\nit goes on from the checkpoint in {}", file.display())?;
        }
        let Some(CosignedBy { size, witnesses }) = cosigned else { return Ok(()) };
        write!(f, "\nits first {size} events were signed by the witnesses")?;
        for (number, SignedBy { name, signed_at }) in witnesses.iter().enumerate() {
            let and = if number > 0 { "," } else { "" };
            write!(f, "{and} {}", plain(name))?;
            if let Some(at) = signed_at {
                write!(f, " at {at}")?;
            }
        }
        Ok(())
    }
}

pub(crate) async fn run(VerifyArgs { printing, what }: VerifyArgs) -> anyhow::Result<()> {
    match what {
        What::Log(args) => verify_log_at(args, printing).await,
        What::Export(args) => export::run(args, printing).await,
        What::Receipt(args) => receipt::run(&args, printing),
        What::Balance(args) => balance::balance(&args, printing),
        What::Liability(args) => balance::liability(&args, printing),
    }
}

async fn verify_log_at(args: LogArgs, printing: Printing) -> anyhow::Result<()> {
    let kept = args.kept.as_deref().map(read_kept).transpose()?.flatten();
    let files = Files::of(&args)?;
    let entries = files.have_entries();
    let needed = args.quorum.unwrap_or(args.witness.len());
    anyhow::ensure!(
        needed <= args.witness.len() && (needed > 0 || args.witness.is_empty()),
        "--quorum {needed}: --witness names {}, so it must be from 1 to that",
        args.witness.len()
    );
    let quorum = Quorum { witnesses: args.witness, needed };
    let against = args.against.iter().map(|file| kept_by_others(file));
    let against = against.collect::<anyhow::Result<_>>()?;
    let known = Known { kept, against, quorum, entries, ..Known::key(args.key) };
    printing.about(format_args!("verifying the log at {}", args.place));
    let progress = printing.progress("events", None);
    let told = |events| progress.set(events);
    let found = verify_log(&known, async |path: &str| files.read(path).await, told).await;
    drop(progress);
    let log = found.map_err(|finding| FoundWrong(with_causes(&finding)))?;
    if let Some(file) = &args.kept {
        keep(file, &log.note).with_context(|| format!("can't write {}", file.display()))?;
    }
    let VerifiedLog { checkpoint, key, kept, cosigned, note: _ } = log;
    printing.one(&Verified {
        origin: checkpoint.origin.to_string(),
        size: checkpoint.size,
        root: checkpoint.root.to_string(),
        key: key.to_string(),
        entries,
        goes_on_from: kept,
        against: args.against,
        cosigned: cosigned.map(cosigned_by),
    })
}

fn cosigned_by(Cosigned { size, by }: Cosigned) -> CosignedBy {
    let signed_by = |(key, seconds): (VerifierKey, u64)| SignedBy {
        name: key.name().into(),
        signed_at: i64::try_from(seconds)
            .ok()
            .and_then(|seconds| Timestamp::from_micros(seconds.checked_mul(1_000_000)?).ok()),
    };
    CosignedBy { size, witnesses: by.into_iter().map(signed_by).collect() }
}

pub(crate) fn log_key(text: &str) -> Result<VerifierKey, KeyError> {
    text.parse::<VerifierKey>()?.must_be(KeyKind::Log)
}

fn witness_key(text: &str) -> Result<VerifierKey, KeyError> {
    text.parse::<VerifierKey>()?.must_be(KeyKind::Witness)
}

/// A checkpoint that somebody else kept, which must be there.
fn kept_by_others(file: &Path) -> anyhow::Result<(String, Note)> {
    let note = read_kept(file)?.with_context(|| format!("{} isn't there", file.display()))?;
    Ok((format!("the checkpoint in {}", file.display()), note))
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
            Self::Folder(folder) => match fs::File::open(folder.join(path)) {
                Ok(file) => {
                    let (mut bytes, most) = (vec![], bytes_max(path));
                    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
                    not_longer(&bytes, most)?;
                    Ok(Some(bytes))
                }
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
                    StatusCode::OK => Ok(Some(body(answer, bytes_max(path)).await?)),
                    StatusCode::NOT_FOUND => Ok(None),
                    status => {
                        let bytes = body(answer, TEXT_BYTES_MAX).await.unwrap_or_default();
                        let problem: serde_json::Value =
                            serde_json::from_slice(&bytes).unwrap_or_default();
                        let detail = problem["detail"].as_str().unwrap_or_default().to_owned();
                        Err(anyhow!("{status} {detail}").into())
                    }
                }
            }
        }
    }
}

/// How many bytes a log's file may have. Whoever is checked may send without an end.
fn bytes_max(path: &str) -> usize {
    let tile = usize::from(TILE_HASHES);
    if path.starts_with("tile/entries/") {
        tile * (2 + usize::from(u16::MAX))
    } else if path.starts_with("tile/") {
        tile * 32
    } else {
        TEXT_BYTES_MAX
    }
}

fn not_longer(bytes: &[u8], most: usize) -> anyhow::Result<()> {
    anyhow::ensure!(bytes.len() <= most, "it has more than the {most} bytes that it may have");
    Ok(())
}

/// What was answered, if it isn't longer than it may be.
async fn body(mut answer: Response, most: usize) -> Result<Vec<u8>, ReadFile> {
    let mut bytes = vec![];
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        not_longer(&bytes, most)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_longer_than_it_may_be_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::Folder(folder.path().into());
        for (path, most) in
            [("checkpoint", 1 << 20), ("tile/0/000", 8_192), ("tile/entries/000", 16_777_472)]
        {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            fs::write(&file, vec![7_u8; most]).expect("written");
            let read = files.read(path).await.expect("read");
            assert_eq!(read.map(|bytes| bytes.len()), Some(most));
            fs::write(&file, vec![7_u8; most + 1]).expect("written");
            let error = files.read(path).await.expect_err("it is too long").to_string();
            assert_eq!(error, format!("it has more than the {most} bytes that it may have"));
        }
        assert!(files.read("tile/0/001").await.expect("read").is_none());
    }
}
