//! Writing a file of the archive: under another name until it is whole, and never over another one.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use log_line::to_line;
use log_record::{Generation, LogFormat, LogId, Partition, Position, RecordedEvent};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::read_file::has;
use super::{ArchivedRange, MEMBER_EVENTS};
use crate::{Owner, StoreError, free_bytes};

/// A file that is being written. Dropping it removes what there is of it.
pub(super) struct Writing {
    folder: PathBuf,
    beside: PathBuf,
    log_id: LogId,
    range: ArchivedRange,
    generation: Generation,
    file: File,
    written: u64,
    hash: Sha256,
}

/// The first line of a file, in a member of its own.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    /// Files were written before it had a number.
    pub(super) format: Option<u32>,
}

impl Writing {
    /// Begins the file of a range. What a process that was killed left half written is written
    /// over.
    pub(super) fn begin(
        folder: &Path,
        owner: Owner,
        log_id: LogId,
        partition: Partition,
        (first, last): (Position, Position),
    ) -> Result<Self, StoreError> {
        let file = String::new();
        let range =
            ArchivedRange { partition, first, last, file, sha256: [0; 32], members: vec![] };
        let beside = folder.join(format!("{log_id}-{partition}-{first}-{last}.unfinished"));
        let file = File::create(&beside)
            .and_then(|file| owner.own(&file).map(|()| file))
            .map_err(|source| StoreError::Io { doing: "make", file: beside.clone(), source })?;
        let mut writing = Self {
            folder: folder.into(),
            beside,
            log_id,
            range,
            generation: Generation(1),
            file,
            written: 0,
            hash: Sha256::new(),
        };
        writing.add_header().map_err(|source| writing.failed(source))?;
        Ok(writing)
    }

    fn add_header(&mut self) -> io::Result<()> {
        let header = serde_json::to_string(&Header { format: Some(LogFormat::CURRENT.0) })?;
        let mut packed = GzEncoder::new(vec![], Compression::default());
        writeln!(packed, "{header}")?;
        self.write(&packed.finish()?)
    }

    /// Adds a member: the events that follow those before it.
    pub(super) fn add(&mut self, events: &[RecordedEvent]) -> Result<(), StoreError> {
        let packed = pack(events).map_err(|source| self.failed(source))?;
        if self.range.members.is_empty() {
            // By the first member one knows how large the file will be.
            let members = self.range.last.since(self.range.first) / MEMBER_EVENTS + 1;
            self.check_room(packed.len() as u64 * members)?;
        }
        self.range.members.push(self.written);
        self.generation = events.last().map_or(self.generation, |event| event.generation);
        self.write(&packed).map_err(|source| self.failed(source))
    }

    /// Before the disk is full: the ledger would stand still, too.
    fn check_room(&self, needed: u64) -> Result<(), StoreError> {
        let free = free_bytes(&self.folder).map_err(|source| self.failed(source))?;
        if free >= needed {
            return Ok(());
        }
        Err(StoreError::NoRoom { folder: self.folder.clone(), needed, free })
    }

    fn write(&mut self, packed: &[u8]) -> io::Result<()> {
        self.file.write_all(packed)?;
        self.hash.update(packed);
        self.written += packed.len() as u64;
        Ok(())
    }

    /// The name that the file will get.
    pub(super) fn file(&self) -> String {
        let sha256 = self.hash.clone().finalize().into();
        let range = ArchivedRange { sha256, ..self.range.clone() };
        range.name(self.log_id, self.generation)
    }

    /// Gives the file its name, once it is on the disk. A file of that name is left as it is: it
    /// has the same bytes, or there is an error.
    pub(super) fn finish(mut self) -> Result<ArchivedRange, StoreError> {
        let mut range = self.range.clone();
        range.sha256 = std::mem::take(&mut self.hash).finalize().into();
        range.file = range.name(self.log_id, self.generation);
        let path = self.folder.join(&range.file);
        if path.exists() {
            let io =
                |source| StoreError::Io { doing: "read the archived", file: path.clone(), source };
            if !has(&path, range.sha256).map_err(io)? {
                return Err(StoreError::ArchiveNameTaken { file: path });
            }
            return Ok(range);
        }
        let name = || {
            self.file.sync_all()?;
            std::fs::rename(&self.beside, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        name().map_err(|source| self.failed(source))?;
        Ok(range)
    }

    fn failed(&self, source: io::Error) -> StoreError {
        StoreError::Io { doing: "write", file: self.beside.clone(), source }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // Gone already, where it got its name.
        drop(std::fs::remove_file(&self.beside));
    }
}

fn pack(events: &[RecordedEvent]) -> io::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(vec![], Compression::default());
    for event in events {
        writeln!(packed, "{}", to_line(event)?)?;
    }
    packed.finish()
}
