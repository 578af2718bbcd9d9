//! Reading a file of lines: each line is the event that should be there, and the file is the
//! manifest's.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use log_line::{from_line, to_line};
use log_record::{LogId, Partition, Place, Position, Private, RecordedEvent};
use sha2::{Digest as _, Sha256};

use crate::hashed::Hashed;
use crate::{ExportError, ExportedFile, Manifest, PrivateTexts, Sha256Hex};

/// The most bytes of a line. No event has a tenth of it; without a limit, a few bytes of gzip could
/// fill the memory.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// What it is where a file of the manifest can't be read.
pub(crate) fn unread(file: &Path) -> impl FnOnce(io::Error) -> ExportError {
    move |source| match source.kind() {
        io::ErrorKind::NotFound => {
            let what = "it is missing, and the manifest has it".into();
            ExportError::File { file: file.into(), what }
        }
        _ => ExportError::io("read", file)(source),
    }
}

/// A file that is read.
pub(crate) struct FileReader {
    path: PathBuf,
    file: ExportedFile,
    log_id: LogId,
    private: PrivateTexts,
    unpacked: BufReader<MultiGzDecoder<BufReader<Hashed<File>>>>,
    lines_sha256: Sha256,
    line: Vec<u8>,
    /// How many lines were read.
    lines: u64,
}

impl FileReader {
    pub(crate) fn open(
        folder: &Path,
        manifest: &Manifest,
        file: &ExportedFile,
    ) -> Result<Self, ExportError> {
        let path = folder.join(&file.name);
        let opened = File::open(&path).map_err(unread(&path))?;
        let packed = BufReader::with_capacity(1 << 16, Hashed::new(opened));
        Ok(Self {
            path,
            file: file.clone(),
            log_id: manifest.log_id(),
            private: manifest.private,
            unpacked: BufReader::with_capacity(1 << 16, MultiGzDecoder::new(packed)),
            lines_sha256: Sha256::new(),
            line: vec![],
            lines: 0,
        })
    }

    /// Where the next line's event stands.
    fn expected(&self) -> Place {
        let position = Position(self.file.first.saturating_add(self.lines));
        Place { partition: Partition(self.file.partition), position }
    }

    /// The next event; nothing at the end of the file, which is then known to be the manifest's.
    pub(crate) fn next_event(&mut self) -> Result<Option<RecordedEvent>, ExportError> {
        let place = self.expected();
        let has_line = self.read_line()?;
        if !has_line {
            self.end()?;
            return Ok(None);
        }
        self.lines += 1;
        match self.event_at(place) {
            Ok(event) => Ok(Some(event)),
            Err(what) => Err(self.wrong(what)),
        }
    }

    /// The event of the line that was read.
    fn event_at(&self, place: Place) -> Result<RecordedEvent, String> {
        if place.position.0 > self.file.last {
            return Err(format!("the file should end before it, with position {}", self.file.last));
        }
        let line = std::str::from_utf8(&self.line).map_err(|_| "it is no UTF-8".to_owned())?;
        let event =
            from_line(line).map_err(|error| format!("it is no event of an export: {error}"))?;
        if event.place != place {
            return Err(format!("it is the event at {}, where {place} should be", event.place));
        }
        if !event.is_intact(self.log_id) {
            return Err(format!("the event at {place} was changed: its checksum is another"));
        }
        // What stands in it and isn't under the checksum, such as a field of somebody else's.
        if to_line(&event).ok().as_deref() != Some(line) {
            return Err(format!("the event at {place} isn't written as an export writes it"));
        }
        if self.private == PrivateTexts::Hashes && matches!(event.private, Private::Text(_)) {
            return Err(format!("the event at {place} has a private text, in an export without"));
        }
        let checksum = Sha256Hex::from(event.checksum);
        let (first, last) = (self.file.first_checksum, self.file.last_checksum);
        let position = place.position.0;
        if (position == self.file.first && checksum != first)
            || (position == self.file.last && checksum != last)
        {
            return Err(format!("the event at {place} is another than the manifest's"));
        }
        Ok(event)
    }

    /// Reads a line without its end; `false` where there is none.
    fn read_line(&mut self) -> Result<bool, ExportError> {
        self.line.clear();
        let read = self.unpacked.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut self.line);
        if let Err(source) = read {
            self.lines += 1;
            return Err(match source.kind() {
                // What gzip says of what it can't unpack.
                io::ErrorKind::InvalidData
                | io::ErrorKind::InvalidInput
                | io::ErrorKind::UnexpectedEof => {
                    self.wrong(format!("the file is damaged or cut off there: {source}"))
                }
                _ => ExportError::io("read", &self.path)(source),
            });
        }
        if self.line.is_empty() {
            return Ok(false);
        }
        self.lines_sha256.update(&self.line);
        if self.line.pop_if(|byte| *byte == b'\n').is_some() {
            return Ok(true);
        }
        self.lines += 1;
        Err(self.wrong("it has no end, or is too long for an event".into()))
    }

    /// At the file's end: it has all events, and the bytes that the manifest says.
    fn end(&mut self) -> Result<(), ExportError> {
        let wanted = self.file.last + 1 - self.file.first;
        if self.lines < wanted {
            let place = self.expected();
            let what = format!(
                "it ends after line {}: the events from {place} to {}:{} are missing",
                self.lines, place.partition, self.file.last
            );
            return Err(ExportError::File { file: self.path.clone(), what });
        }
        let lines = Sha256Hex(std::mem::take(&mut self.lines_sha256).finalize().into());
        // Whether it was packed by another build, or changed where no event is.
        let (bytes, sha256) = self.unpacked.get_ref().get_ref().get_ref().so_far();
        if (bytes, sha256, Some(lines))
            == (self.file.bytes, self.file.sha256, self.file.lines_sha256)
        {
            return Ok(());
        }
        let what = format!(
            "its SHA-256 is {sha256} ({bytes} bytes) and that of its lines {lines}; the manifest \
             has {} ({} bytes){}",
            self.file.sha256,
            self.file.bytes,
            self.file.lines_sha256.map(|hash| format!(" and {hash}")).unwrap_or_default()
        );
        Err(ExportError::File { file: self.path.clone(), what })
    }

    /// What is wrong with the line that was read last.
    pub(crate) fn wrong(&self, what: String) -> ExportError {
        ExportError::Line { file: self.path.clone(), line: self.lines, what }
    }
}
