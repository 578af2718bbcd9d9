//! A file of the archive: written, read back, and read from.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use log_record::{LogFormat, LogId, Partition, Position, RecordedEvent, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::line::{from_line, to_line};
use super::{ArchivedRange, MEMBER_EVENTS};
use crate::StoreError;
use crate::store::check_rows;

/// A file that is being written, under another name until it is whole.
pub(super) struct Writing {
    folder: PathBuf,
    range: ArchivedRange,
    file: File,
    written: u64,
    hash: Sha256,
}

/// Begins the file of a range.
pub(super) fn write(
    folder: &Path,
    log_id: LogId,
    partition: Partition,
    first: Position,
    last: Position,
) -> Result<Writing, StoreError> {
    let name = format!("{log_id}-{partition}-{first}-{last}.ndjson.gz");
    let failed = |doing, file: &Path, source| StoreError::Io { doing, file: file.into(), source };
    std::fs::create_dir_all(folder).map_err(|error| failed("make the folder", folder, error))?;
    let beside = folder.join(format!("{name}.new"));
    let file = File::create(&beside).map_err(|error| failed("make", &beside, error))?;
    let range =
        ArchivedRange { partition, first, last, file: name, sha256: [0; 32], members: vec![] };
    let mut writing =
        Writing { folder: folder.into(), range, file, written: 0, hash: Sha256::new() };
    writing.add_header().map_err(|source| writing.failed("write", source))?;
    Ok(writing)
}

/// The first line of a file, in a member of its own.
#[derive(Serialize, Deserialize)]
struct Header {
    /// Files were written before it had a number.
    format: Option<u32>,
}

impl Writing {
    fn add_header(&mut self) -> io::Result<()> {
        let header = serde_json::to_string(&Header { format: Some(LogFormat::CURRENT.0) })?;
        let mut packed = GzEncoder::new(vec![], Compression::default());
        writeln!(packed, "{header}")?;
        self.write(&packed.finish()?)
    }

    /// Adds a member: the events that follow those before it.
    pub(super) fn add(&mut self, events: &[RecordedEvent]) -> Result<(), StoreError> {
        let packed = pack(events).map_err(|source| self.failed("write", source))?;
        self.range.members.push(self.written);
        self.write(&packed).map_err(|source| self.failed("write", source))
    }

    fn write(&mut self, packed: &[u8]) -> io::Result<()> {
        self.file.write_all(packed)?;
        self.hash.update(packed);
        self.written += packed.len() as u64;
        Ok(())
    }

    /// Gives the file its name, once it is on the disk.
    pub(super) fn finish(mut self) -> Result<ArchivedRange, StoreError> {
        let name = || {
            self.file.sync_all()?;
            std::fs::rename(self.beside(), self.folder.join(&self.range.file))?;
            File::open(&self.folder)?.sync_all()
        };
        name().map_err(|source| self.failed("write", source))?;
        self.range.sha256 = self.hash.finalize().into();
        Ok(self.range)
    }

    fn beside(&self) -> PathBuf {
        self.folder.join(format!("{}.new", self.range.file))
    }

    fn failed(&self, doing: &'static str, source: io::Error) -> StoreError {
        StoreError::Io { doing, file: self.beside(), source }
    }
}

fn pack(events: &[RecordedEvent]) -> io::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(vec![], Compression::default());
    for event in events {
        let line = to_line(event)?;
        if line.contains('\n') {
            let what = format!("the text of the event at {} has an end of line in it", event.place);
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        writeln!(packed, "{line}")?;
    }
    packed.finish()
}

/// Reads a whole file again, from the disk, and checks it: its hash, every event, and that it is
/// the range from end to end.
pub(super) fn read_back(
    folder: &Path,
    log_id: LogId,
    range: &ArchivedRange,
) -> Result<(), StoreError> {
    let path = folder.join(&range.file);
    let sha256 = sha256(&path).map_err(|source| unreadable(&path, range, source))?;
    if sha256 != range.sha256 {
        return Err(damaged(&path, range, "its SHA-256 is another one".into()));
    }
    let mut after = Position(range.first.0 - 1);
    while after < range.last {
        let wanted = range.last.since(after).min(MEMBER_EVENTS);
        let events = read(&path, range, after, wanted)?;
        check_rows(log_id, range.partition, after, wanted, &events)?;
        after = after.plus(wanted);
    }
    Ok(())
}

/// Refuses a file of another format.
fn check_format(path: &Path, range: &ArchivedRange) -> Result<(), StoreError> {
    let read = || {
        let mut line = String::new();
        let file = BufReader::new(File::open(path)?);
        BufReader::new(MultiGzDecoder::new(file)).read_line(&mut line)?;
        Ok(serde_json::from_str::<Header>(&line)?)
    };
    let Header { format } = read().map_err(|source| unreadable(path, range, source))?;
    let format = format.map_or(LogFormat::UNNUMBERED, LogFormat);
    Ok(format.check(format_args!("the archived {}", path.display()))?)
}

/// The `wanted` events after `after`.
pub(super) fn read(
    path: &Path,
    range: &ArchivedRange,
    after: Position,
    wanted: u64,
) -> Result<Vec<RecordedEvent>, StoreError> {
    check_format(path, range)?;
    let read = || {
        let member = (after.0 + 1 - range.first.0) / MEMBER_EVENTS;
        let offset = usize::try_from(member).ok().and_then(|member| range.members.get(member));
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset.copied().unwrap_or_default()))?;
        let unpacked = BufReader::new(MultiGzDecoder::new(BufReader::new(file)));
        let mut events = vec![];
        for line in unpacked.lines() {
            let event = from_line(&line?)?;
            if event.position() > after {
                events.push(event);
            }
            if events.len() as u64 >= wanted {
                break;
            }
        }
        Ok(events)
    };
    read().map_err(|source| unreadable(path, range, source))
}

fn sha256(path: &Path) -> io::Result<[u8; 32]> {
    let (mut file, mut hash) = (File::open(path)?, Sha256::new());
    let mut portion = vec![0; 1 << 16];
    loop {
        match file.read(&mut portion)? {
            0 => return Ok(hash.finalize().into()),
            read => hash.update(portion.get(..read).unwrap_or_default()),
        }
    }
}

fn unreadable(path: &Path, range: &ArchivedRange, source: io::Error) -> StoreError {
    match source.kind() {
        io::ErrorKind::NotFound => StoreError::MissingArchive { file: path.into() },
        // What gzip and JSON say of what is neither.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            damaged(path, range, source.to_string())
        }
        _ => StoreError::Io { doing: "read the archived", file: path.into(), source },
    }
}

fn damaged(path: &Path, range: &ArchivedRange, what: String) -> StoreError {
    StoreError::DamagedArchive { file: path.into(), what, sha256: hex(&range.sha256) }
}
