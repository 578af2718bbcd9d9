//! Checkpoints: a tree's size and root, to be signed (C2SP `tlog-checkpoint`).

use std::fmt;
use std::str::FromStr;

use log_record::{Generation, LogId, Partition};
use uuid::Uuid;

use crate::{Note, TreeHash, VerifierKey};

/// What every origin begins with.
const PREFIX: &str = "guerdon/";

/// Begins the line of a checkpoint that names the key which signs from then on.
const NEXT_KEY: &str = "next-key ";

/// Which tree a checkpoint is of, written `guerdon/LOG-GENERATION-PARTITION`. A declared fork
/// begins another generation and so another tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The log.
    pub log_id: LogId,
    /// The generation of its last event.
    pub generation: Generation,
    /// The partition.
    pub partition: Partition,
}

/// A tree's size and root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which tree.
    pub origin: Origin,
    /// How many leaves it has, which is the position of the last.
    pub size: u64,
    /// Its root.
    pub root: TreeHash,
    /// The key that signs later checkpoints: this is the last that the key before it signs.
    pub next_key: Option<VerifierKey>,
}

/// A text that is no checkpoint of a ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It has no three lines.
    #[error("a checkpoint has three lines: origin, size and root hash")]
    Lines,
    /// Its origin is another's.
    #[error("its origin, {0}, is no ledger's: guerdon/LOG-GENERATION-PARTITION")]
    Origin(String),
    /// Its size isn't one.
    #[error("its size, {0}, is no whole number")]
    Size(String),
    /// Its root isn't one.
    #[error("its root, {0}, is no SHA-256 in base64")]
    Root(String),
    /// It names a key that isn't one.
    #[error("the key that it names can't be used")]
    NextKey(#[source] crate::KeyError),
}

impl Checkpoint {
    /// The checkpoint that a note's text is.
    pub fn of(note: &Note) -> Result<Self, CheckpointError> {
        note.text().parse()
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, size, root, next_key } = self;
        write!(f, "{origin}\n{size}\n{root}\n")?;
        match next_key {
            Some(key) => writeln!(f, "{NEXT_KEY}{key}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty());
        let (Some(origin), Some(size), Some(root)) = (line(), line(), line()) else {
            return Err(CheckpointError::Lines);
        };
        let next_key = lines.find_map(|line| line.strip_prefix(NEXT_KEY));
        Ok(Self {
            origin: origin.parse()?,
            size: number(size).ok_or_else(|| CheckpointError::Size(size.into()))?,
            root: root.parse().map_err(|_| CheckpointError::Root(root.into()))?,
            next_key: next_key.map(str::parse).transpose().map_err(CheckpointError::NextKey)?,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log_id, generation, partition } = self;
        write!(f, "{PREFIX}{log_id}-{generation}-{partition}")
    }
}

impl FromStr for Origin {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let read = || {
            let (rest, partition) = text.strip_prefix(PREFIX)?.rsplit_once('-')?;
            let (log_id, generation) = rest.rsplit_once('-')?;
            let origin = Self {
                log_id: LogId(Uuid::parse_str(log_id).ok()?),
                generation: Generation(generation.parse().ok()?),
                partition: Partition(partition.parse().ok()?),
            };
            (origin.to_string() == text).then_some(origin)
        };
        read().ok_or_else(|| CheckpointError::Origin(text.into()))
    }
}

/// A whole number without a sign or leading zeros.
fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_read_as_it_is_written() {
        let origin = "guerdon/00000000-0000-0000-0000-000000000007-1-0";
        let root = TreeHash::of_nothing();
        let text = format!("{origin}\n0\n{root}\n");
        let checkpoint: Checkpoint = text.parse().expect("a checkpoint");
        assert_eq!(checkpoint.to_string(), text);
        assert_eq!((checkpoint.size, checkpoint.root), (0, root));
        let key = VerifierKey::new(origin, [7; 32]).expect("a key");
        let last = Checkpoint { next_key: Some(key), ..checkpoint };
        assert_eq!(last.to_string().parse(), Ok(last));
        let extended = format!("{text}whatever\n");
        assert_eq!(extended.parse::<Checkpoint>().map(|it| it.to_string()), Ok(text));
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let origin = "guerdon/00000000-0000-0000-0000-000000000007-1-0";
        let root = TreeHash::of_nothing();
        for text in [
            String::new(),
            format!("{origin}\n1\n{root}"),
            format!("{origin}\n\n1\n{root}\n"),
            format!("{origin}\n01\n{root}\n"),
            format!("{origin}\n-1\n{root}\n"),
            format!("{origin}\n1\n{root}=\n"),
            format!("example.com/log\n1\n{root}\n"),
            format!("guerdon/7-1-0\n1\n{root}\n"),
            format!("{origin}\n1\n{root}\nnext-key x\n"),
        ] {
            assert!(text.parse::<Checkpoint>().is_err(), "{text}");
        }
    }
}
