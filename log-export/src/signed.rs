//! What a checkpoint of the transparency log says of an export.

use log_record::Partition;
use transparency::{Checkpoint, Note, Origin, VerifierKey};

use crate::{ExportError, Manifest};

/// A checkpoint that the events of an export must fit.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Where it comes from, for people.
    pub what: String,
    /// The key that signed it, of those that were given; none where it is believed as it stands.
    pub key: Option<VerifierKey>,
}

impl Signed {
    /// Reads a checkpoint that one of the keys must have signed. A key counts for its log and
    /// partition in every generation.
    pub fn by(keys: &[VerifierKey], what: &str, text: &str) -> Result<Self, ExportError> {
        let (note, checkpoint) = read(what, text)?;
        for key in keys {
            let Ok(of) = key.name().parse::<Origin>() else {
                let name = key.name();
                return Err(wrong(format!(
                    "the key {name} is no ledger's: guerdon/LOG-GENERATION-PARTITION"
                )));
            };
            let origin = checkpoint.origin;
            if (of.log_id, of.partition) != (origin.log_id, origin.partition) {
                continue;
            }
            let Ok(key) = VerifierKey::new(origin.to_string(), key.public()) else { continue };
            if note.verify(&key).is_ok() {
                return Ok(Self { checkpoint, what: what.into(), key: Some(key) });
            }
        }
        let origin = checkpoint.origin;
        Err(wrong(format!("{what}, of {origin}, was signed by none of the given keys")))
    }

    /// The checkpoints in the manifest itself: signed by one of the keys, where any are given.
    pub fn in_manifest(
        manifest: &Manifest,
        keys: &[VerifierKey],
    ) -> Result<Vec<Self>, ExportError> {
        let mut found = vec![];
        for range in manifest.ranges.iter().filter(|range| range.first == 1) {
            let Some(text) = &range.checkpoint else { continue };
            let what = format!("the manifest's checkpoint of partition {}", range.partition);
            found.push(if keys.is_empty() {
                let (_, checkpoint) = read(&what, text)?;
                Self { checkpoint, what, key: None }
            } else {
                Self::by(keys, &what, text)?
            });
        }
        Ok(found)
    }

    /// That the export has the events that the checkpoint is of.
    pub(crate) fn check(&self, manifest: &Manifest) -> Result<(), ExportError> {
        let Self { checkpoint: Checkpoint { origin, size, .. }, what, .. } = self;
        if origin.log_id != manifest.log_id() {
            let log_id = manifest.log_id;
            return Err(wrong(format!("{what} is of {origin}, and the export of log {log_id}")));
        }
        let of = |range: &&crate::ExportedRange| Partition(range.partition) == origin.partition;
        let Some(range) = manifest.ranges.iter().find(of) else {
            let partition = origin.partition;
            return Err(wrong(format!("{what} is of partition {partition}, which isn't exported")));
        };
        if range.first > 1 {
            return Err(wrong(format!(
                "{what} is over all events from the first on, and the export begins at {}: it \
                 can't be compared",
                range.first_place()
            )));
        }
        if *size > range.last {
            return Err(wrong(format!(
                "{what} is of {size} events, and the export ends at {}: events are missing",
                range.last_place()
            )));
        }
        Ok(())
    }
}

fn read(what: &str, text: &str) -> Result<(Note, Checkpoint), ExportError> {
    let note: Note =
        text.parse().map_err(|error| wrong(format!("{what} is no signed note: {error}")))?;
    let checkpoint = Checkpoint::of(&note).map_err(|error| wrong(format!("{what}: {error}")))?;
    Ok((note, checkpoint))
}

pub(crate) const fn wrong(what: String) -> ExportError {
    ExportError::Checkpoint(what)
}
