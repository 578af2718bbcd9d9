//! What is sealed of a partition at the moment, as it is served.

use serde::Serialize;
use transparency::{Checkpoint, Note, Origin, VerifierKey};

use crate::folder::{TreeFolder, read};
use crate::{SealError, SealFolder};

/// A signed tree.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) folder: TreeFolder,
    pub(crate) origin: Origin,
    pub(crate) size: u64,
    /// The signed note of its checkpoint.
    pub(crate) note: String,
    /// The notes in which a key handed over to the next.
    pub(crate) handovers: Vec<String>,
    pub(crate) keys: Vec<KeyRange>,
}

/// A key, and what it signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyRange {
    /// The partition whose tree it signs.
    pub partition: u16,
    /// The generation of the tree.
    pub generation: u32,
    /// The key in the form of signed notes, `NAME+ID+KEY`, under the name of the tree's origin.
    pub key: String,
    /// The size of the tree when it took over.
    pub first_size: u64,
    /// The last size that it signed; absent while it signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_size: Option<u64>,
}

/// The answer to `GET /log/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeysBody {
    /// The log.
    pub log_id: String,
    /// The keys by partition, the oldest generation and in it the oldest key first.
    pub keys: Vec<KeyRange>,
}

impl Sealed {
    /// What stands in a tree's folder; nothing where no checkpoint is there.
    pub(crate) fn read(folder: TreeFolder) -> Result<Option<Self>, SealError> {
        let path = folder.checkpoint();
        let Some(text) = read(&path)? else { return Ok(None) };
        let note: Note = text.parse().map_err(SealError::note(&path))?;
        let Checkpoint { origin, size, .. } =
            Checkpoint::of(&note).map_err(SealError::checkpoint(&path))?;
        let mut sealed = Self { folder, origin, size, note: text, handovers: vec![], keys: vec![] };
        for number in 1_u32.. {
            let path = sealed.folder.handover(number);
            match read(&path)? {
                Some(text) => sealed.handovers.push(text),
                None => break,
            }
        }
        Ok(Some(sealed))
    }

    /// The keys that signed this tree, and the sizes that each did. `public` has all keys of the
    /// log, the oldest first.
    pub(crate) fn key_ranges(&self, public: &[[u8; 32]]) -> Result<Vec<KeyRange>, SealError> {
        let (mut ranges, mut first_size) = (vec![], 0);
        for (index, public) in public.iter().enumerate() {
            let mut handed_over = None;
            if let Some(text) = self.handovers.get(index) {
                let path = self.folder.handover(u32::try_from(index + 1).unwrap_or(u32::MAX));
                let note: Note = text.parse().map_err(SealError::note(&path))?;
                let last = Checkpoint::of(&note).map_err(SealError::checkpoint(&path))?;
                // In an earlier generation, so that it never signed this tree.
                if last.origin != self.origin {
                    continue;
                }
                handed_over = Some(last.size);
            }
            ranges.push(KeyRange {
                partition: self.origin.partition.0,
                generation: self.origin.generation.0,
                key: VerifierKey::new(self.origin.to_string(), *public)?.to_string(),
                first_size,
                last_size: handed_over,
            });
            let Some(size) = handed_over else { break };
            first_size = size;
        }
        Ok(ranges)
    }
}

/// What keys signed of the trees of earlier generations, the oldest first.
pub(crate) fn earlier_keys(
    folder: &SealFolder,
    origin: &Origin,
    public: &[[u8; 32]],
) -> Result<Vec<KeyRange>, SealError> {
    let mut earlier = vec![];
    let there = folder.earlier(origin).map_err(SealError::file(folder.path()))?;
    for origin in there {
        match keys_of_earlier(folder.of_tree(&origin), public) {
            Ok(keys) => earlier.extend(keys),
            // They are only told: what is signed now goes on without them.
            Err(error @ SealError::Checkpoint { .. }) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(%origin, error, "can't read the keys of an earlier tree");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(earlier)
}

/// What keys signed of a tree to which nothing is added any more.
fn keys_of_earlier(folder: TreeFolder, public: &[[u8; 32]]) -> Result<Vec<KeyRange>, SealError> {
    let Some(sealed) = Sealed::read(folder)? else { return Ok(vec![]) };
    let last = |range: KeyRange| KeyRange {
        last_size: Some(range.last_size.unwrap_or(sealed.size)),
        ..range
    };
    Ok(sealed.key_ranges(public)?.into_iter().map(last).collect())
}
