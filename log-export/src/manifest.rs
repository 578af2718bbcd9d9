//! What an export is: which log, which events, and each file with its SHA-256.
//!
//! It has nothing of when or where it was made: two exports of the same events have the same
//! manifest.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use log_record::{LogFormat, LogId, PackedPlace, Partition, Place, Position};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ExportError, Sha256Hex};

/// How many events go to a file, unless somebody chooses otherwise: some 10 MB as NDJSON.
pub const EVENTS_PER_FILE: u64 = 100_000;

/// The most events that a file may have: a file that a killed run left is written anew.
pub const EVENTS_PER_FILE_MAX: u64 = 10_000_000;

/// What an export is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The format of the manifest and of the files.
    pub format: u32,
    /// The form of the files.
    pub form: Form,
    /// The format of the log: how its events' texts are to be understood.
    pub log_format: u32,
    /// The log's id.
    pub log_id: Uuid,
    /// How many partitions the log has.
    pub partitions: u16,
    /// Whether the private texts are in it.
    pub private: PrivateTexts,
    /// How many events a file has; the last of a partition may have fewer.
    pub events_per_file: u64,
    /// The events, by partition.
    pub ranges: Vec<ExportedRange>,
    /// The files, in the order of their events.
    pub files: Vec<ExportedFile>,
}

/// The form of an export's files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// An event a line, compressed with gzip.
    #[default]
    Ndjson,
    /// Apache Parquet, an event a row.
    Parquet,
}

/// What an export has of the private texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrivateTexts {
    /// The texts, but for those that were erased.
    Texts,
    /// Their SHA-256 alone.
    Hashes,
}

/// The events of a partition that are in an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedRange {
    /// The partition.
    pub partition: u16,
    /// The first position.
    pub first: u64,
    /// The last position; before `first` where there is no event.
    pub last: u64,
    /// The generation of the last event.
    pub generation: u32,
    /// The checksum of the event before the first; none where the first is the log's first.
    pub checksum_before: Option<Sha256Hex>,
    /// The checksum of the first event.
    pub first_checksum: Option<Sha256Hex>,
    /// The checksum of the last event.
    pub last_checksum: Option<Sha256Hex>,
    /// The newest signed checkpoint of the transparency log that covers no event after the last.
    pub checkpoint: Option<String>,
}

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedFile {
    /// Its name in the folder.
    pub name: String,
    /// The partition of its events.
    pub partition: u16,
    /// The first position.
    pub first: u64,
    /// The last position.
    pub last: u64,
    /// The checksum of the first event.
    pub first_checksum: Sha256Hex,
    /// The checksum of the last event.
    pub last_checksum: Sha256Hex,
    /// How many bytes it has.
    pub bytes: u64,
    /// The SHA-256 of the file.
    pub sha256: Sha256Hex,
    /// The SHA-256 of its lines, unpacked; none where it has no lines. Another build may pack them
    /// otherwise, but never writes other lines.
    pub lines_sha256: Option<Sha256Hex>,
}

impl Form {
    /// How the names of its files end.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson.gz",
            Self::Parquet => "parquet",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ndjson => "NDJSON",
            Self::Parquet => "Parquet",
        })
    }
}

impl ExportedRange {
    /// How many events it has.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.last.saturating_add(1).saturating_sub(self.first)
    }

    /// Its first place.
    #[must_use]
    pub const fn first_place(&self) -> Place {
        Place { partition: Partition(self.partition), position: Position(self.first) }
    }

    /// Its last place.
    #[must_use]
    pub const fn last_place(&self) -> Place {
        Place { partition: Partition(self.partition), position: Position(self.last) }
    }
}

impl fmt::Display for ExportedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, first, last, .. } = self;
        match self.events() {
            0 => write!(f, "no event of partition {partition}"),
            _ => write!(f, "{partition}:{first} to {partition}:{last}"),
        }
    }
}

impl Manifest {
    /// The format of manifests and files that this build writes and reads.
    pub const FORMAT: u32 = 1;

    /// The log.
    #[must_use]
    pub const fn log_id(&self) -> LogId {
        LogId(self.log_id)
    }

    /// How many events there are.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.ranges.iter().map(ExportedRange::events).sum()
    }

    /// The positions of each file that the export has once it is whole: the partition, the first
    /// and the last.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (u16, u64, u64)> + '_ {
        let size = self.events_per_file.max(1);
        self.ranges.iter().flat_map(move |range| {
            let firsts =
                (0..range.events().div_ceil(size)).map(move |piece| range.first + piece * size);
            firsts.map(move |first| (range.partition, first, range.last.min(first + size - 1)))
        })
    }

    /// The name of a file.
    pub(crate) fn name_of(&self, (partition, first, last): (u16, u64, u64)) -> String {
        // As many digits as the largest position has, so that names are in the order of events.
        format!("{partition}-{first:015}-{last:015}.{}", self.form.extension())
    }

    /// What it is of, for people.
    pub(crate) fn subject(&self) -> String {
        let ranges: Vec<String> = self.ranges.iter().map(ToString::to_string).collect();
        let private = match self.private {
            PrivateTexts::Texts => "with private texts",
            PrivateTexts::Hashes => "without private texts",
        };
        format!(
            "log {} from {} as {} {private}, {} events a file",
            self.log_id,
            ranges.join(" and "),
            self.form,
            self.events_per_file
        )
    }

    /// Reads a manifest, finished or not, and checks that it doesn't contradict itself; nothing
    /// where there is none.
    pub(crate) fn read(file: &Path) -> Result<Option<Self>, ExportError> {
        let bytes = match fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ExportError::io("read", file)(error)),
        };
        let wrong = |what: String| ExportError::Manifest { file: file.into(), what };
        let json: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        let found = json["format"].as_u64().ok_or_else(|| wrong("it has no format".into()))?;
        if found != u64::from(Self::FORMAT) {
            return Err(ExportError::Format { file: file.into(), found, wanted: Self::FORMAT });
        }
        let manifest: Self =
            serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        LogFormat(manifest.log_format).check(format_args!("the export {}", file.display()))?;
        manifest.check().map_err(wrong)?;
        Ok(Some(manifest))
    }

    /// That it doesn't contradict itself. Its files are the first of those that it must have.
    fn check(&self) -> Result<(), String> {
        if !(1..=EVENTS_PER_FILE_MAX).contains(&self.events_per_file) {
            return Err(format!("a file has 1 to {EVENTS_PER_FILE_MAX} events"));
        }
        let mut before = BTreeSet::new();
        for range in &self.ranges {
            let is_new = before.last().is_none_or(|before| *before < range.partition);
            if range.partition >= self.partitions || !is_new {
                return Err(format!("partition {} is out of place", range.partition));
            }
            before.insert(range.partition);
            let is_range = range.first >= 1
                && range.last <= PackedPlace::LAST_POSITION.0
                && range.last >= range.first - 1;
            let has_ends = range.first_checksum.is_some() == (range.events() > 0)
                && range.last_checksum.is_some() == (range.events() > 0)
                && range.checksum_before.is_some() == (range.first > 1);
            if !is_range || !has_ends {
                return Err(format!("the range of partition {} is none", range.partition));
            }
        }
        if self.ranges.is_empty() {
            return Err("it has no range".into());
        }
        let mut pieces = self.pieces();
        for file in &self.files {
            let piece = pieces.next();
            if piece != Some((file.partition, file.first, file.last))
                || piece.is_none_or(|piece| self.name_of(piece) != file.name)
                || file.lines_sha256.is_some() != (self.form == Form::Ndjson)
            {
                return Err(format!("the file {:?} is out of place", file.name));
            }
        }
        Ok(())
    }

    /// Whether all of its files are written.
    pub(crate) fn is_whole(&self) -> bool {
        // Without a look at each: a manifest of somebody else's may claim any number.
        let size = self.events_per_file.max(1);
        let pieces: u64 = self.ranges.iter().map(|range| range.events().div_ceil(size)).sum();
        self.files.len() as u64 == pieces
    }

    /// Whether the files of a range begin and end with its events.
    pub(crate) fn has_ends_of(&self, range: &ExportedRange) -> bool {
        let mut files = self.files.iter().filter(|file| file.partition == range.partition);
        let first = files.next();
        let last = files.next_back().or(first);
        first.map(|file| file.first_checksum) == range.first_checksum
            && last.map(|file| file.last_checksum) == range.last_checksum
    }
}
