//! What is sealed of a partition at the moment, as it is served.

use serde::Serialize;
use transparency::{Checkpoint, Note, Origin, VerifierKey};

use crate::SealError;
use crate::folder::{TreeFolder, read};

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
    /// The keys by partition, the oldest first.
    pub keys: Vec<KeyRange>,
}

impl Sealed {
    /// What stands in a tree's folder; nothing where no checkpoint is there.
    pub(crate) fn read(folder: TreeFolder) -> Result<Option<Self>, SealError> {
        let path = folder.checkpoint();
        let Some(text) = read(&path).map_err(SealError::file(&path))? else { return Ok(None) };
        let note: Note = text.parse().map_err(SealError::note(&path))?;
        let Checkpoint { origin, size, .. } =
            Checkpoint::of(&note).map_err(SealError::checkpoint(&path))?;
        let mut sealed = Self { folder, origin, size, note: text, handovers: vec![], keys: vec![] };
        for number in 1_u32.. {
            let path = sealed.folder.handover(number);
            match read(&path).map_err(SealError::file(&path))? {
                Some(text) => sealed.handovers.push(text),
                None => break,
            }
        }
        Ok(Some(sealed))
    }

    /// The same with the keys and the sizes that each signed, in the generation in which it handed
    /// over. `public` has all keys, the oldest first.
    pub(crate) fn with_keys(mut self, public: &[[u8; 32]]) -> Result<Self, SealError> {
        let mut before: Option<Checkpoint> = None;
        for (number, public) in public.iter().enumerate() {
            let mut last = None;
            if let Some(text) = self.handovers.get(number) {
                let path = self.folder.handover(u32::try_from(number + 1).unwrap_or(u32::MAX));
                let note: Note = text.parse().map_err(SealError::note(&path))?;
                last = Some(Checkpoint::of(&note).map_err(SealError::checkpoint(&path))?);
            }
            // It may have handed over in an earlier generation, of another tree.
            let origin = last.as_ref().map_or(self.origin, |it| it.origin);
            let first = before.filter(|it| it.origin == origin);
            self.keys.push(KeyRange {
                partition: origin.partition.0,
                generation: origin.generation.0,
                key: VerifierKey::new(origin.to_string(), *public)?.to_string(),
                first_size: first.map_or(0, |it| it.size),
                last_size: last.as_ref().map(|it| it.size),
            });
            before = last;
        }
        Ok(self)
    }
}
