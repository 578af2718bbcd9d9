//! One snapshot in a file: which event it stands after, the state, and a hash over both.
//!
//! All integers are big-endian. The state is in postcard's format, which has no names: whatever
//! changes a type in [`State`] or what an event does to it must raise [`FORMAT`].

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use domain::State;
use event_store::Owner;
use log_record::{
    Checksum, Generation, LogFormat, LogId, OtherFormat, Partition, Position, RecordedEvent,
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::hashed_reader::HashedReader;

/// What such a file begins with.
const MAGIC: &[u8; 16] = b"guerdon snapshot";

/// The version of the format, of the state's shape in it, and of what events make of a state.
const FORMAT: u32 = 12;

pub(super) const HASH_BYTES: usize = 32;

/// How much is gathered before it is hashed and written, and read at a time.
pub(super) const BUFFER_BYTES: usize = 1 << 20;

/// The longest text in a state: no id, reason or address is longer than a body may be.
const TEXT_BYTES_MAX: usize = 1 << 16;

/// The last event that is in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) log_id: LogId,
    pub(super) generation: Generation,
    pub(super) partition: Partition,
    pub(super) position: Position,
    pub(super) checksum: Checksum,
}

/// A state as it was after an event.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) file: PathBuf,
    pub(super) checkpoint: Checkpoint,
    pub(super) state: State,
}

/// Why a file is passed over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it can't be read: {0}")]
    Io(#[from] io::Error),
    #[error("it is no snapshot")]
    NoSnapshot,
    #[error("its snapshot format is {0}; this build reads {FORMAT} only")]
    OtherFormat(u32),
    #[error(transparent)]
    OtherLogFormat(#[from] OtherFormat),
    #[error("it is damaged: its bytes don't give the hash at its end")]
    Damaged,
    #[error("it is damaged: what is in it is no state: {0}")]
    NoState(#[from] postcard::Error),
    #[error("it stands after another event than its name and its state say")]
    Misnamed,
}

impl Checkpoint {
    pub(super) const fn at(log_id: LogId, row: &RecordedEvent) -> Self {
        Self {
            log_id,
            generation: row.generation,
            partition: row.place.partition,
            position: row.place.position,
            checksum: row.checksum,
        }
    }

    /// Whether it is of this event, wherever its log is.
    pub(super) fn is_at(&self, row: &RecordedEvent) -> bool {
        *self == Self::at(self.log_id, row)
    }

    fn header(&self) -> Vec<u8> {
        let mut header = vec![];
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&FORMAT.to_be_bytes());
        header.extend_from_slice(&LogFormat::CURRENT.0.to_be_bytes());
        header.extend_from_slice(self.log_id.0.as_bytes());
        header.extend_from_slice(&self.generation.0.to_be_bytes());
        header.extend_from_slice(&self.partition.0.to_be_bytes());
        header.extend_from_slice(&self.position.0.to_be_bytes());
        header.extend_from_slice(&self.checksum.0);
        header
    }

    /// Of the header's bytes after the format.
    fn take(bytes: &mut impl Read) -> io::Result<Self> {
        Ok(Self {
            log_id: LogId(Uuid::from_bytes(next(bytes)?)),
            generation: Generation(u32::from_be_bytes(next(bytes)?)),
            partition: Partition(u16::from_be_bytes(next(bytes)?)),
            position: Position(u64::from_be_bytes(next(bytes)?)),
            checksum: Checksum(next(bytes)?),
        })
    }
}

impl Snapshot {
    /// Reads the file twice, and nothing else is in memory than the state: first for its hash, for
    /// nothing of it is believed before that is right. What is read the second time must give it,
    /// too.
    pub(super) fn read(
        file: &Path,
        expected: (LogId, Partition, Position),
    ) -> Result<Self, Unusable> {
        let mut bytes = HashedReader::open(file)?.ok_or(Unusable::NoSnapshot)?;
        check_format(&mut bytes)?;
        if !bytes.has_right_hash()? {
            return Err(Unusable::Damaged);
        }
        let mut bytes = HashedReader::open(file)?.ok_or(Unusable::Damaged)?;
        check_format(&mut bytes)?;
        let checkpoint = Checkpoint::take(&mut bytes)
            .map_err(|error| where_it_ends(error, Unusable::Damaged))?;
        let mut text = vec![0; TEXT_BYTES_MAX];
        let decoded: Result<(State, _), _> = postcard::from_io((&mut bytes, &mut text));
        let decoded = decoded.map(|(state, _)| state);
        let has_more = bytes.has_more();
        if !bytes.has_right_hash()? {
            return Err(Unusable::Damaged);
        }
        let state = decoded?;
        let Checkpoint { log_id, partition, position, .. } = checkpoint;
        let is_as_named = (log_id, partition, position) == expected;
        if !is_as_named || state.position() != position || has_more {
            return Err(Unusable::Misnamed);
        }
        Ok(Self { file: file.into(), checkpoint, state: state.with_schedule() })
    }
}

/// Refuses what isn't a snapshot of this build's format, by what the file begins with.
fn check_format(bytes: &mut impl Read) -> Result<(), Unusable> {
    let no_snapshot = |error| where_it_ends(error, Unusable::NoSnapshot);
    if next(bytes).map_err(no_snapshot)? != *MAGIC {
        return Err(Unusable::NoSnapshot);
    }
    let format = u32::from_be_bytes(next(bytes).map_err(no_snapshot)?);
    if format != FORMAT {
        return Err(Unusable::OtherFormat(format));
    }
    let log_format = u32::from_be_bytes(next(bytes).map_err(no_snapshot)?);
    Ok(LogFormat(log_format).check("the snapshot")?)
}

/// What a file is that ends here; one that can't be read may be whole.
fn where_it_ends(error: io::Error, what: Unusable) -> Unusable {
    if error.kind() == io::ErrorKind::UnexpectedEof { what } else { error.into() }
}

/// Writes a snapshot, durably; gives its size.
pub(super) fn write(
    file: &Path,
    owner: Owner,
    checkpoint: &Checkpoint,
    state: &State,
) -> io::Result<u64> {
    let file = File::create(file)?;
    owner.own(&file)?;
    let hashing = Hashing { file, hash: Sha256::new(), bytes: 0, failed: None };
    let mut buffered = BufWriter::with_capacity(BUFFER_BYTES, hashing);
    buffered.write_all(&checkpoint.header())?;
    if let Err(error) = postcard::to_io(state, &mut buffered) {
        // What postcard says of a full disk is that its buffer is full.
        return Err(buffered.get_mut().failed.take().unwrap_or_else(|| io::Error::other(error)));
    }
    let Hashing { mut file, hash, bytes, .. } =
        buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.write_all(&hash.finalize())?;
    file.sync_all()?;
    Ok(bytes + HASH_BYTES as u64)
}

/// How large a snapshot of a state is.
pub(super) fn size(checkpoint: &Checkpoint, state: &State) -> io::Result<u64> {
    let Counting(bytes) = postcard::to_io(state, Counting(0)).map_err(io::Error::other)?;
    Ok(checkpoint.header().len() as u64 + bytes + HASH_BYTES as u64)
}

/// Counts what is written to it.
struct Counting(u64);

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file, and the hash of what was written to it.
struct Hashing {
    file: File,
    hash: Sha256,
    bytes: u64,
    /// Why the file took no more.
    failed: Option<io::Error>,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Megabyte by megabyte onto the disk: all of it at once would hold up the log's own syncs
        // for half a second.
        if let Err(error) = self.file.write_all(bytes).and_then(|()| self.file.sync_data()) {
            let same =
                error.raw_os_error().map_or(error.kind().into(), io::Error::from_raw_os_error);
            self.failed = Some(error);
            return Err(same);
        }
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The next bytes.
fn next<const N: usize>(bytes: &mut impl Read) -> io::Result<[u8; N]> {
    let mut taken = [0; N];
    bytes.read_exact(&mut taken)?;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_of_another_format_is_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.snapshot");
        let (log_id, partition) = (LogId(Uuid::from_u128(7)), Partition(0));
        let checkpoint = Checkpoint {
            log_id,
            generation: Generation(1),
            partition,
            position: Position::START,
            checksum: Checksum([0; 32]),
        };
        let owner = Owner::of(&file).expect("it has one");
        write(&file, owner, &checkpoint, &State::new(partition)).expect("written");
        let bytes = size(&checkpoint, &State::new(partition)).expect("counted");
        assert_eq!(std::fs::metadata(&file).expect("it is there").len(), bytes);
        let read = || Snapshot::read(&file, (log_id, partition, Position::START));
        assert_eq!(read().expect("it is whole").checkpoint, checkpoint);
        let mut bytes = std::fs::read(&file).expect("read");
        bytes[20..24].copy_from_slice(&(FORMAT + 1).to_be_bytes());
        std::fs::write(&file, bytes).expect("written");
        let refused = read().expect_err("it is of the next format").to_string();
        let next = FORMAT + 1;
        let expected = format!(
            "the snapshot was written in format {next}; this build reads format {FORMAT} only"
        );
        assert!(refused.starts_with(&expected), "{refused}");
    }
}
