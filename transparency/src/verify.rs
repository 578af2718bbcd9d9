//! Verifying a whole log: its checkpoint, its keys, each tile and, where they can be had, each
//! entry.
//!
//! It asks for files by their path below the log's prefix, and trusts nothing but the auditor's key
//! and the checkpoints that the auditor kept. `signers.rs` follows the keys, `walk.rs` the
//! tree, and `quorum.rs` counts witnesses.

mod quorum;
mod signers;
mod walk;

use std::error::Error;

use log_record::{Generation, Position};

use crate::{
    Checkpoint, CheckpointError, KeyError, Note, NoteError, Origin, Tile, TileKind, TreeHash,
    VerifierKey,
};
pub use quorum::{Cosigned, Quorum};
pub(crate) use signers::Signers;
use walk::Walk;

/// Where a log's newest checkpoint is, below its prefix.
const CHECKPOINT: &str = "checkpoint";

/// Why a file couldn't be read; a file that isn't there is no error.
pub type ReadFile = Box<dyn Error + Send + Sync>;

/// What an auditor brings.
#[derive(Clone, Debug)]
pub struct Known {
    /// The log's key, or its first, under the name of any of the log's generations.
    pub key: VerifierKey,
    /// A checkpoint that was kept before.
    pub kept: Option<Note>,
    /// Further checkpoints that the log must go on from, and what each is: somebody else kept them.
    pub against: Vec<(String, Note)>,
    /// Which witnesses must have signed, too.
    pub quorum: Quorum,
    /// Whether to read the entries, too, and not only the tree.
    pub entries: bool,
}

impl Known {
    /// An auditor who knows the log's key alone, and reads the entries.
    #[must_use]
    pub fn key(key: VerifierKey) -> Self {
        Self { key, kept: None, against: vec![], quorum: Quorum::default(), entries: true }
    }
}

/// A log that was verified.
#[derive(Clone, Debug)]
pub struct VerifiedLog {
    /// Its newest checkpoint, to be kept.
    pub note: Note,
    /// The same, read.
    pub checkpoint: Checkpoint,
    /// The key that signed it.
    pub key: VerifierKey,
    /// The size of the kept checkpoint that the log goes on from.
    pub kept: Option<u64>,
    /// The checkpoint that enough witnesses signed, where some were asked for.
    pub cosigned: Option<Cosigned>,
}

/// What is wrong with a log, and where.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "a variant's sentence explains its fields")]
pub enum Finding {
    /// A file couldn't be read.
    #[error("{path} can't be read")]
    Unread {
        path: String,
        #[source]
        source: ReadFile,
    },
    /// A file isn't there.
    #[error("{path} is missing{}", range(.positions))]
    Missing {
        path: String,
        /// The events that it has or stands for.
        positions: Option<(u64, u64)>,
    },
    /// The key is no ledger's.
    #[error("the key's name, {0}, names no partition of a log: guerdon/LOG-GENERATION-PARTITION")]
    KeyName(String),
    /// A key's name can't be made.
    #[error("a key can't be used")]
    Key(#[from] KeyError),
    /// A note is wrong.
    #[error("{path} can't be believed")]
    Note {
        path: String,
        #[source]
        source: NoteError,
    },
    /// A checkpoint is wrong.
    #[error("{path} is no checkpoint")]
    Checkpoint {
        path: String,
        #[source]
        source: CheckpointError,
    },
    /// It is of another log or partition than the key.
    #[error("{path} is of {found}, and the key is of {expected}: another log or partition")]
    OtherLog { path: String, found: Origin, expected: Origin },
    /// A key signed after it was replaced, or before it was in use.
    #[error(
        "{path} is of size {size}, and {key} signed it, which signs sizes from {first} to {last}"
    )]
    OutsideRange { path: String, key: Box<VerifierKey>, size: u64, first: u64, last: u64 },
    /// What is served is older than what was signed.
    #[error(
        "the newest checkpoint is of generation {} and size {}, and a key handed over at size {} of \
         generation {}: events are gone, or an older copy of the log is shown",
        .newest.0, .newest.1, .handover.1, .handover.0
    )]
    BeforeHandover {
        /// The generation and the size of the newest checkpoint.
        newest: (Generation, u64),
        /// Those of the last checkpoint in which a key handed over.
        handover: (Generation, u64),
    },
    /// Too few witnesses signed.
    #[error(
        "{path} needs the signatures of {needed} of the witnesses, and has {}", of(.signed_by)
    )]
    TooFewWitnesses {
        path: String,
        needed: usize,
        /// The names of those who signed.
        signed_by: Vec<String>,
    },
    /// The log ends before a checkpoint.
    #[error("positions {} to {kept} are missing: {what} has them", .size + 1)]
    Shorter {
        what: String,
        /// The size of the newest checkpoint.
        size: u64,
        kept: u64,
    },
    /// Another history.
    #[error(
        "events of the positions 1 to {size} were changed since {what} was signed: their root was \
         {expected} and is {found}{}",
        forked(.generation)
    )]
    Rewritten {
        what: String,
        size: u64,
        expected: TreeHash,
        found: TreeHash,
        /// The generation that was begun since, by a declared fork.
        generation: Option<Generation>,
    },
    /// An entry isn't what it should be.
    #[error("position {position}: {what}")]
    Entry { position: Position, what: String },
    /// A tile isn't what it should be.
    #[error("{path}: {what}{}", range(&Some(*.positions)))]
    Tile {
        path: String,
        what: &'static str,
        /// The events that it stands for.
        positions: (u64, u64),
    },
}

fn range(positions: &Option<(u64, u64)>) -> String {
    match positions {
        None => String::new(),
        Some((first, last)) if first == last => format!(" (position {first})"),
        Some((first, last)) => format!(" (positions {first} to {last})"),
    }
}

fn of(signed_by: &[String]) -> String {
    if signed_by.is_empty() { "none".into() } else { format!("that of {}", signed_by.join(", ")) }
}

fn forked(generation: &Option<Generation>) -> String {
    let told = |at| format!("; an operator has declared a fork since, which began generation {at}");
    generation.map(told).unwrap_or_default()
}

/// Verifies a log whose files `read` gives by their paths; `None` means that there is no such file.
/// `told` hears how many events are verified so far.
pub async fn verify_log(
    known: &Known,
    mut read: impl AsyncFnMut(&str) -> Result<Option<Vec<u8>>, ReadFile>,
    mut told: impl FnMut(u64),
) -> Result<VerifiedLog, Finding> {
    let mut files = Files { read: &mut read };
    // Before the newest one, which then is no smaller.
    let signed_too = known.quorum.read(&mut files).await?;
    let (mut note, mut checkpoint) = files.newest().await?;
    let signers = Signers::follow(&known.key, &checkpoint.origin, &mut files).await?;
    if signers.check_handovers(&checkpoint).is_err() {
        // A key may have handed over meanwhile.
        (note, checkpoint) = files.newest().await?;
        signers.check_handovers(&checkpoint)?;
    }
    let key = signers.check(CHECKPOINT, &note, &checkpoint)?;
    let mut roots = signers.roots(&checkpoint);
    let mut kept_size = None;
    let mut must_go_on_from = |what: &str, note: &Note| {
        let of = checkpoint_of(note, what)?;
        signers.check(what, note, &of)?;
        let kept = of.size;
        if kept > checkpoint.size {
            return Err(Finding::Shorter { what: what.into(), size: checkpoint.size, kept });
        }
        roots.push((of, what.into()));
        Ok(kept)
    };
    if let Some(kept) = &known.kept {
        kept_size = Some(must_go_on_from("the kept checkpoint", kept)?);
    }
    for (what, note) in &known.against {
        must_go_on_from(what, note)?;
    }
    let cosigned = match signed_too {
        Some(note) => {
            let size = must_go_on_from("the co-signed checkpoint", &note)?;
            Some(known.quorum.check(&note, size)?)
        }
        None => None,
    };
    let mut walk = Walk::new(&checkpoint, roots);
    walk.compare_roots()?;
    for tile in TileKind::Hashes(0).tiles(checkpoint.size) {
        let leaves = files.hashes(tile).await?;
        let entries = Tile { kind: TileKind::Entries, ..tile };
        let bundle = if known.entries { Some(files.tile(entries).await?) } else { None };
        walk.leaves(tile, &leaves, bundle.as_ref().map(|(read, bytes)| (*read, &**bytes)))?;
        files.compare(&mut walk).await?;
        told(walk.size());
    }
    walk.fill_edge();
    files.compare(&mut walk).await?;
    walk.end()?;
    Ok(VerifiedLog { note, checkpoint, key, kept: kept_size, cosigned })
}

fn checkpoint_of(note: &Note, path: &str) -> Result<Checkpoint, Finding> {
    Checkpoint::of(note).map_err(|source| Finding::Checkpoint { path: path.into(), source })
}

/// The log's files.
struct Files<'a, R> {
    read: &'a mut R,
}

impl<R: AsyncFnMut(&str) -> Result<Option<Vec<u8>>, ReadFile>> Files<'_, R> {
    /// The newest checkpoint, and its note.
    async fn newest(&mut self) -> Result<(Note, Checkpoint), Finding> {
        let missing = || Finding::Missing { path: CHECKPOINT.into(), positions: None };
        let note = self.note(CHECKPOINT).await?.ok_or_else(missing)?;
        let checkpoint = checkpoint_of(&note, CHECKPOINT)?;
        Ok((note, checkpoint))
    }

    async fn note(&mut self, path: &str) -> Result<Option<Note>, Finding> {
        let Some(bytes) = self.file(path).await? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|_| NoteError::Form("it is no UTF-8"));
        let note = text.and_then(|text| text.parse());
        note.map(Some).map_err(|source| Finding::Note { path: path.into(), source })
    }

    /// Compares the tiles that the walk has filled.
    async fn compare(&mut self, walk: &mut Walk) -> Result<(), Finding> {
        while let Some(tile) = walk.wanted() {
            let hashes = self.hashes(tile).await?;
            walk.compare(tile, &hashes)?;
        }
        Ok(())
    }

    async fn hashes(&mut self, tile: Tile) -> Result<Vec<TreeHash>, Finding> {
        let (read, bytes) = self.tile(tile).await?;
        let hashes = TreeHash::all_in(&bytes).filter(|it| it.len() == usize::from(read.width));
        let mut hashes = hashes.ok_or_else(|| Finding::Tile {
            path: read.to_string(),
            what: "it has more or fewer hashes than its name says",
            positions: walk::positions(tile),
        })?;
        hashes.truncate(tile.width.into());
        Ok(hashes)
    }

    /// The tile, or the full one that it became since.
    async fn tile(&mut self, tile: Tile) -> Result<(Tile, Vec<u8>), Finding> {
        if let Some(bytes) = self.file(&tile.to_string()).await? {
            return Ok((tile, bytes));
        }
        let full = if tile.is_full() { None } else { self.file(&tile.full().to_string()).await? };
        full.map(|bytes| (tile.full(), bytes)).ok_or_else(|| Finding::Missing {
            path: tile.to_string(),
            positions: Some(walk::positions(tile)),
        })
    }

    async fn file(&mut self, path: &str) -> Result<Option<Vec<u8>>, Finding> {
        let read = (self.read)(path).await;
        read.map_err(|source| Finding::Unread { path: path.into(), source })
    }
}
