//! `guerdon verify log`: the transparency log from its first event to its newest checkpoint, in a
//! folder or at a ledger.

use std::fmt::{Display, Formatter};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use domain::Timestamp;
use event_store::with_causes;
use serde::Serialize;
use transparency::{
    Cosigned, KeyError, KeyKind, Known, Note, Quorum, VerifiedLog, VerifierKey, verify_log,
};

use super::log_files::Files;
use super::log_key;
use crate::command_line::path;
use crate::exit::FoundWrong;
use crate::printing::{Printing, plain};

/// A transparency log, and what its auditor knows.
#[derive(Args, Clone, Debug)]
pub(super) struct LogArgs {
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

pub(super) async fn run(args: LogArgs, printing: Printing) -> anyhow::Result<()> {
    let kept = args.kept.as_deref().map(read_kept).transpose()?.flatten();
    let files = Files::of(&args.place, args.api_keys.as_deref())?;
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
