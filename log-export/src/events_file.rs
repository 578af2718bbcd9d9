//! A file of an export that is being written: under another name until it is whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use log_record::{Partition, Place, Position, Private, RecordedEvent};

use crate::hashed::Hashed;
use crate::ndjson::Lines;
#[cfg(feature = "parquet")]
use crate::parquet_file::Rows;
use crate::{ExportError, ExportedFile, Form, Manifest, PrivateTexts, Sha256Hex};

/// What files are written through.
pub(crate) type Sink = Hashed<BufWriter<File>>;

/// A file that is being written. What a killed run left of it is written over.
pub struct EventsFile {
    beside: PathBuf,
    name: String,
    next: Place,
    last: Position,
    private: PrivateTexts,
    ends: Option<(Sha256Hex, Sha256Hex)>,
    first: Position,
    body: Body,
}

enum Body {
    Lines(Lines<Sink>),
    #[cfg(feature = "parquet")]
    Rows(Rows),
}

impl EventsFile {
    pub(crate) fn begin(
        folder: &Path,
        manifest: &Manifest,
        (partition, first, last): (u16, u64, u64),
    ) -> Result<Self, ExportError> {
        let name = manifest.name_of((partition, first, last));
        let beside = folder.join(format!("{name}.unfinished"));
        let made = File::create(&beside).map_err(ExportError::io("make", &beside))?;
        let into = Hashed::new(BufWriter::with_capacity(1 << 16, made));
        let body = match manifest.form {
            Form::Ndjson => Body::Lines(Lines::new(into)),
            #[cfg(feature = "parquet")]
            Form::Parquet => {
                let rows = Rows::new(into, manifest.log_id());
                Body::Rows(rows.map_err(ExportError::io("write", &beside))?)
            }
            #[cfg(not(feature = "parquet"))]
            Form::Parquet => return Err(ExportError::NoParquet),
        };
        Ok(Self {
            beside,
            name,
            next: Place { partition: Partition(partition), position: Position(first) },
            last: Position(last),
            private: manifest.private,
            ends: None,
            first: Position(first),
            body,
        })
    }

    /// The position that the next event follows; the file is whole when it is the last.
    #[must_use]
    pub const fn after(&self) -> Position {
        Position(self.next.position.0.saturating_sub(1))
    }

    /// The partition of its events.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.next.partition
    }

    /// How many events are still to come.
    #[must_use]
    pub const fn missing(&self) -> u64 {
        self.last.since(self.after())
    }

    /// Adds the next event.
    pub fn add(&mut self, mut event: RecordedEvent) -> Result<(), ExportError> {
        if event.place != self.next || self.missing() == 0 {
            return Err(ExportError::OutOfOrder { found: event.place, wanted: self.next });
        }
        if self.private == PrivateTexts::Hashes {
            event.private = Private::Erased(event.private_hash());
        }
        let checksum = Sha256Hex::from(event.checksum);
        self.ends = Some((self.ends.map_or(checksum, |(first, _)| first), checksum));
        let (place, beside) = (event.place, &self.beside);
        let added = match &mut self.body {
            Body::Lines(lines) => lines.add(&event),
            #[cfg(feature = "parquet")]
            Body::Rows(rows) => rows.add(event),
        };
        added.map_err(|source| match source.kind() {
            // What JSON says of a text that is none.
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                ExportError::Event { place, source: source.into() }
            }
            _ => ExportError::io("write", beside)(source),
        })?;
        self.next.position = self.next.position.next();
        Ok(())
    }

    /// Gives the file its name, once it is on the disk.
    pub(crate) fn finish(self, folder: &Path) -> Result<ExportedFile, ExportError> {
        let after = self.after();
        let Self { beside, name, next, last, ends, first, body, .. } = self;
        let (Some((first_checksum, last_checksum)), true) = (ends, after == last) else {
            let wanted = Place { position: last, ..next };
            return Err(ExportError::OutOfOrder { found: next, wanted });
        };
        let write = || {
            let (into, lines_sha256) = match body {
                Body::Lines(lines) => {
                    let (into, lines) = lines.finish()?;
                    (into, Some(lines))
                }
                #[cfg(feature = "parquet")]
                Body::Rows(rows) => (rows.finish()?, None),
            };
            let (mut buffered, bytes, sha256) = into.finish();
            buffered.flush()?;
            buffered.get_ref().sync_all()?;
            fs::rename(&beside, folder.join(&name))?;
            File::open(folder)?.sync_all()?;
            Ok((bytes, sha256, lines_sha256))
        };
        let written: io::Result<_> = write();
        let (bytes, sha256, lines_sha256) = written.map_err(ExportError::io("write", &beside))?;
        Ok(ExportedFile {
            name,
            partition: next.partition.0,
            first: first.0,
            last: last.0,
            first_checksum,
            last_checksum,
            bytes,
            sha256,
            lines_sha256,
        })
    }
}
