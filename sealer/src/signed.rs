//! What was signed of a tree before, wherever it stands: its newest checkpoint, the copy of it that
//! was published, and the checkpoints in which a key handed over to the next.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use log_record::{Place, Position};
use transparency::{Checkpoint, Note, Origin, SigningKey};

use crate::folder::{Readers, TreeFolder, read, replace};
use crate::{FileError, SealError, SealFolder, SigningKeys};

/// A checkpoint that one of the keys signed, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) file: PathBuf,
}

impl Signed {
    /// That the log has another history than was signed here.
    pub(crate) fn forked(&self) -> SealError {
        let Self { checkpoint, file } = self;
        let position = Position(checkpoint.size);
        let place = Place { partition: checkpoint.origin.partition, position };
        SealError::Forked { place, file: file.clone() }
    }
}

/// What was signed before this process began.
#[derive(Debug)]
pub(crate) struct Before {
    /// The tree's checkpoints, the largest first. The tree goes on from all of them, and the copies
    /// stand in for one that is lost.
    pub(crate) signed: Vec<Signed>,
    /// How many keys have handed over.
    pub(crate) handed_over: usize,
    /// The public keys, among them all that signed.
    pub(crate) keys: Vec<[u8; 32]>,
}

impl Before {
    pub(crate) fn read(
        folder: &SealFolder,
        origin: &Origin,
        in_folder: &TreeFolder,
        publish: Option<&Path>,
    ) -> Result<Self, SealError> {
        let keys = SigningKeys::load(folder)?;
        let mut signed = handovers(folder, origin, in_folder, keys.all())?;
        let handed_over = signed.len();
        signed.retain(|it| it.checkpoint.origin == *origin);
        if let Some(file) = publish.map(|folder| published(folder, origin)) {
            match last_signed(folder, origin, file, keys.all()) {
                // Nothing depends on that folder.
                Err(SealError::File(FileError { file, source })) => {
                    let (file, error) = (file.display(), &source as &dyn std::error::Error);
                    tracing::warn!(%file, error, "the published checkpoint can't be read");
                }
                read => signed.extend(read?),
            }
        }
        for file in [in_folder.cosigned(), in_folder.checkpoint()] {
            signed.extend(last_signed(folder, origin, file, keys.all())?);
        }
        signed.retain(|it| it.checkpoint.size > 0);
        // The tree's own first, among those of a size.
        signed.reverse();
        signed.sort_by_key(|it| Reverse(it.checkpoint.size));
        Ok(Self { signed, handed_over, keys: keys.all_public() })
    }
}

/// Where a copy of the tree's newest checkpoint is published in a folder.
pub(crate) fn published(folder: &Path, origin: &Origin) -> PathBuf {
    let Origin { log_id, generation, partition } = origin;
    folder.join(format!("{log_id}-{generation}-{partition}.checkpoint"))
}

/// The checkpoints in which the keys handed over, the first key's first.
///
/// A key hands over once, whatever becomes of the trees. So these checkpoints are kept beside the
/// keys, and are put into each tree that lacks them: that of the next generation, one that was
/// lost, that of a server that takes over.
fn handovers(
    folder: &SealFolder,
    origin: &Origin,
    in_folder: &TreeFolder,
    keys: &[SigningKey],
) -> Result<Vec<Signed>, SealError> {
    let mut found = vec![];
    for number in 1_u32.. {
        let (beside, in_tree) = (folder.handover(origin, number), in_folder.handover(number));
        let kept = read(&beside)?;
        let served = read(&in_tree)?;
        let (text, file, lacks) = match (served, kept) {
            (None, None) => break,
            (Some(text), Some(_)) => (text, in_tree, None),
            (Some(text), None) => (text, in_tree, Some(beside)),
            (None, Some(text)) => (text, beside, Some(in_tree)),
        };
        let note: Note = text.parse().map_err(SealError::note(&file))?;
        let checkpoint = Checkpoint::of(&note).map_err(SealError::checkpoint(&file))?;
        let index = found.len();
        let are_theirs = match keys.get(index..index + 2) {
            Some([key, next]) => {
                let key = key.verifier(checkpoint.origin.to_string())?;
                let named = checkpoint.next_key.as_ref().map(|key| key.public());
                note.verify(&key).is_ok() && named == Some(next.public())
            }
            _ => false,
        };
        if !are_theirs {
            return Err(SealError::OtherKeys { file, keys: folder.keys() });
        }
        if let Some(lacks) = lacks {
            in_folder.make().map_err(SealError::file(in_folder.path()))?;
            replace(&lacks, &text, Readers::Owner)?;
        }
        found.push(Signed { checkpoint, file });
    }
    Ok(found)
}

/// Whether one of the keys signed a note.
pub(crate) fn signed_by(
    note: &Note,
    origin: &Origin,
    keys: &[SigningKey],
) -> Result<bool, SealError> {
    for key in keys {
        if note.verify(&key.verifier(origin.to_string())?).is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The checkpoint of a file, if it is there and whole. One that none of the keys signed is whole:
/// these keys may not go on from it.
pub(crate) fn last_signed(
    folder: &SealFolder,
    origin: &Origin,
    file: PathBuf,
    keys: &[SigningKey],
) -> Result<Option<Signed>, SealError> {
    let Some(text) = read(&file)? else { return Ok(None) };
    let note = text.parse::<Note>().ok();
    let checkpoint = note.as_ref().and_then(|note| Checkpoint::of(note).ok());
    let checkpoint = checkpoint.filter(|it| it.origin == *origin);
    if let (Some(note), Some(checkpoint)) = (note, checkpoint) {
        let name = origin.to_string();
        let mut is_theirs = false;
        for key in keys {
            let key = key.verifier(&name)?;
            if note.verify(&key).is_ok() {
                return Ok(Some(Signed { checkpoint, file }));
            }
            is_theirs |= note.bears(&key);
        }
        if !is_theirs {
            return Err(SealError::OtherKeys { file, keys: folder.keys() });
        }
    }
    // A machine that lost its power may leave half a file.
    tracing::warn!(file = %file.display(), "a checkpoint is damaged; it is made anew");
    Ok(None)
}
