//! Reading a file of the archive: compared with the log once, then read from.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use log_line::from_line;
use log_record::{LogFormat, LogId, Position, RecordedEvent, hex};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::write_file::Header;
use super::{ArchivedRange, MEMBER_EVENTS};
use crate::StoreError;
use crate::check::check_rows;

/// The files whose SHA-256 this process has compared with the log's, by their names, and what came
/// of it. A file that was replaced or written to since is compared again.
#[derive(Debug, Default)]
pub(super) struct ComparedFiles(Mutex<HashMap<String, Arc<AsyncMutex<Option<Comparison>>>>>);

/// One of them, which nobody else compares meanwhile: also not when its reader is gone.
pub(super) struct Compared(OwnedMutexGuard<Option<Comparison>>);

/// What came of comparing a file.
#[derive(Debug)]
struct Comparison {
    of: Stamp,
    /// What is wrong with it.
    wrong: Option<String>,
}

/// What a file was when it was compared; each write changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    sha256: [u8; 32],
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(range: &ArchivedRange, file: &Metadata) -> Self {
        Self {
            sha256: range.sha256,
            device: file.dev(),
            inode: file.ino(),
            bytes: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }
}

impl ComparedFiles {
    /// The file of this name, once nobody else compares it.
    pub(super) async fn of(&self, file: &str) -> Compared {
        let known = Arc::clone(self.0.lock().entry(file.to_owned()).or_default());
        Compared(known.lock_owned().await)
    }
}

impl Compared {
    /// Opens the file of a range, which has the bytes that the log knows of.
    pub(super) fn open(mut self, path: &Path, range: &ArchivedRange) -> Result<File, StoreError> {
        let failed = |source| unreadable(path, range, source);
        let mut file = File::open(path).map_err(failed)?;
        let of = Stamp::of(range, &file.metadata().map_err(failed)?);
        if let Some(known) = &*self.0
            && known.of == of
        {
            return match &known.wrong {
                Some(wrong) => Err(range.damaged(path, wrong)),
                None => Ok(file),
            };
        }
        let compared = compare(&mut file, path, range);
        let wrong = match &compared {
            Ok(()) => None,
            Err(StoreError::DamagedArchive { what, .. }) => Some(what.clone()),
            Err(_) => return compared.map(|()| file),
        };
        *self.0 = Some(Comparison { of, wrong });
        compared.map(|()| file)
    }
}

/// Compares a file with what the log knows of it.
pub(super) fn compare(
    file: &mut File,
    path: &Path,
    range: &ArchivedRange,
) -> Result<(), StoreError> {
    let found = sha256(file).map_err(|source| unreadable(path, range, source))?;
    if found == range.sha256 {
        return Ok(());
    }
    check_format(file, path)?;
    let what =
        format!("its SHA-256 is {}, so it is of another history, or was changed", hex(&found));
    Err(range.damaged(path, what))
}

/// Whether a file has these bytes.
pub(super) fn has(path: &Path, expected: [u8; 32]) -> io::Result<bool> {
    Ok(sha256(&mut File::open(path)?)? == expected)
}

fn sha256(file: &mut File) -> io::Result<[u8; 32]> {
    let (mut hash, mut portion) = (Sha256::new(), vec![0; 1 << 16]);
    file.rewind()?;
    loop {
        match file.read(&mut portion)? {
            0 => return Ok(hash.finalize().into()),
            read => hash.update(portion.get(..read).unwrap_or_default()),
        }
    }
}

/// Refuses a file of another format by that. A first line that can't be read says nothing.
fn check_format(file: &mut File, path: &Path) -> Result<(), StoreError> {
    let mut line = String::new();
    let read = file.rewind().and_then(|()| {
        BufReader::new(MultiGzDecoder::new(BufReader::new(&mut *file))).read_line(&mut line)
    });
    let Ok(Header { format }) = read.and_then(|_| Ok(serde_json::from_str(&line)?)) else {
        return Ok(());
    };
    let format = format.map_or(LogFormat::UNNUMBERED, LogFormat);
    Ok(format.check(format_args!("the archived {}", path.display()))?)
}

/// The `wanted` events after `after`, each verified.
pub(super) fn read(
    mut file: File,
    path: &Path,
    log_id: LogId,
    range: &ArchivedRange,
    after: Position,
    wanted: u64,
) -> Result<Vec<RecordedEvent>, StoreError> {
    let read = || {
        let member = (after.0 + 1 - range.first.0) / MEMBER_EVENTS;
        let offset = usize::try_from(member).ok().and_then(|member| range.members.get(member));
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
    let events = read().map_err(|source| unreadable(path, range, source))?;
    // The file is at fault, and not the log.
    match check_rows(log_id, range.partition, after, wanted, &events) {
        Err(StoreError::CorruptEvent { place, what }) => {
            Err(range.damaged(path, format!("the event at {place} {what}")))
        }
        checked => checked.map(|()| events),
    }
}

/// Reads a whole file again, from the disk, and checks it: its hash, every event, and that it is
/// the range from end to end.
pub(super) fn read_back(
    folder: &Path,
    log_id: LogId,
    range: &ArchivedRange,
) -> Result<(), StoreError> {
    let path = folder.join(&range.file);
    let open = || File::open(&path).map_err(|source| unreadable(&path, range, source));
    compare(&mut open()?, &path, range)?;
    let mut after = Position(range.first.0.saturating_sub(1));
    while after < range.last {
        let wanted = range.last.since(after).min(MEMBER_EVENTS);
        read(open()?, &path, log_id, range, after, wanted)?;
        after = after.plus(wanted);
    }
    Ok(())
}

fn unreadable(path: &Path, range: &ArchivedRange, source: io::Error) -> StoreError {
    match source.kind() {
        io::ErrorKind::NotFound => {
            StoreError::MissingArchive { file: path.into(), sha256: hex(&range.sha256) }
        }
        // What gzip and JSON say of what is neither.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            range.damaged(path, source.to_string())
        }
        _ => StoreError::Io { doing: "read the archived", file: path.into(), source },
    }
}
