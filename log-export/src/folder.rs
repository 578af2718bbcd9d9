//! The folder of an export, in the hand of the one run that writes it.
//!
//! `unfinished.json` is the manifest so far: it is written anew after each file. The run that
//! writes the last file makes it `manifest.json`, so a folder with that name in it is whole. A run
//! that was killed left whole files and at most one that is written anew.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::hashed::Hashed;
use crate::{EventsFile, ExportError, ExportedFile, ExportedRange, Manifest, Sha256Hex};

/// The manifest of a whole export.
pub(crate) const MANIFEST: &str = "manifest.json";

/// The manifest of an export under way.
pub(crate) const UNFINISHED: &str = "unfinished.json";

/// The folder of an export.
#[derive(Debug)]
pub struct ExportFolder {
    path: PathBuf,
    /// The operating system lets go of it when the process ends, however it ends.
    _lock: File,
}

/// What is in the folder.
#[derive(Clone, Debug)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// An export that a run has begun.
    Unfinished(Manifest),
    /// A whole export.
    Finished(Manifest),
}

impl ExportFolder {
    /// Takes the folder in hand; makes it where it is missing.
    pub fn take(path: &Path) -> Result<Self, ExportError> {
        fs::create_dir_all(path).map_err(ExportError::io("make", path))?;
        let lock = File::open(path).map_err(ExportError::io("open", path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.into(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(ExportError::Taken(path.into())),
            Err(TryLockError::Error(source)) => Err(ExportError::io("lock", path)(source)),
        }
    }

    /// What is in it. What belongs to no export is refused.
    pub fn found(&self) -> Result<Found, ExportError> {
        if let Some(manifest) = Manifest::read(&self.path.join(MANIFEST))? {
            return Ok(Found::Finished(manifest));
        }
        if let Some(manifest) = Manifest::read(&self.path.join(UNFINISHED))? {
            return Ok(Found::Unfinished(manifest));
        }
        for entry in fs::read_dir(&self.path).map_err(ExportError::io("read", &self.path))? {
            let entry = entry.map_err(ExportError::io("read", &self.path))?;
            // The first thing that a run writes, where it was killed meanwhile.
            if entry.file_name() != beside(Path::new(UNFINISHED)).as_os_str() {
                let found = entry.file_name().to_string_lossy().into_owned();
                return Err(ExportError::Foreign { folder: self.path.clone(), found });
            }
        }
        Ok(Found::Nothing)
    }

    /// Begins an export, or goes on with one that an earlier run has begun. `plan` has the ranges
    /// as the log has them now, and no files.
    pub fn begin(self, plan: Manifest) -> Result<Exporting, ExportError> {
        let manifest = match self.found()? {
            Found::Nothing => plan,
            Found::Unfinished(there) | Found::Finished(there) => {
                self.check_same(&there, &plan)?;
                there
            }
        };
        let mut exporting = Exporting { folder: self, manifest };
        let whole = exporting.manifest.files.iter().take_while(|file| exporting.is_whole(file));
        let whole = whole.count();
        exporting.manifest.files.truncate(whole);
        if !exporting.is_finished() || !exporting.manifest.is_whole() {
            exporting.note()?;
        }
        Ok(exporting)
    }

    fn check_same(&self, there: &Manifest, plan: &Manifest) -> Result<(), ExportError> {
        let folder = || self.path.clone();
        // All but what grows meanwhile.
        let shape =
            |manifest: &Manifest| Manifest { ranges: vec![], files: vec![], ..manifest.clone() };
        let is_same = |(one, other): (&ExportedRange, &ExportedRange)| {
            (one.partition, one.first, one.last) == (other.partition, other.first, other.last)
        };
        let ranges = || there.ranges.iter().zip(&plan.ranges);
        let is_other = there.ranges.len() != plan.ranges.len() || !ranges().all(is_same);
        if shape(there) != shape(plan) || is_other {
            let (found, wanted) = (there.subject(), plan.subject());
            return Err(ExportError::Another { folder: folder(), found, wanted });
        }
        let checksums = |range: &ExportedRange| {
            (range.generation, range.checksum_before, range.first_checksum, range.last_checksum)
        };
        match ranges().find(|(there, now)| checksums(there) != checksums(now)) {
            Some((_, now)) => {
                Err(ExportError::OtherHistory { folder: folder(), place: now.last_place() })
            }
            None => Ok(()),
        }
    }
}

/// An export under way.
#[derive(Debug)]
pub struct Exporting {
    folder: ExportFolder,
    manifest: Manifest,
}

impl Exporting {
    /// How many events are in whole files.
    #[must_use]
    pub fn events_written(&self) -> u64 {
        self.manifest.files.iter().map(|file| file.last + 1 - file.first).sum()
    }

    /// The next file that must be written; nothing where all are.
    pub fn next_file(&self) -> Result<Option<EventsFile>, ExportError> {
        let piece = self.manifest.pieces().nth(self.manifest.files.len());
        piece.map(|piece| EventsFile::begin(&self.folder.path, &self.manifest, piece)).transpose()
    }

    /// Ends a file, which has all of its events.
    pub fn end_file(&mut self, file: EventsFile) -> Result<(), ExportError> {
        let written = file.finish(&self.folder.path)?;
        self.manifest.files.push(written);
        self.note()
    }

    /// Ends the export, whose files are all written.
    pub fn finish(self) -> Result<Manifest, ExportError> {
        let Self { folder, manifest } = &self;
        let (unfinished, finished) = (folder.path.join(UNFINISHED), folder.path.join(MANIFEST));
        if self.is_finished() {
            // The run that finished it may have been killed right then.
            drop(fs::remove_file(&unfinished));
            return Ok(self.manifest);
        }
        if !manifest.is_whole() {
            let what = "files of it aren't written yet";
            return Err(ExportError::NoExport { folder: folder.path.clone(), what });
        }
        let rename = || {
            fs::rename(&unfinished, &finished)?;
            File::open(&folder.path)?.sync_all()
        };
        rename().map_err(ExportError::io("write", &finished))?;
        Ok(self.manifest)
    }

    fn is_finished(&self) -> bool {
        self.folder.path.join(MANIFEST).exists()
    }

    /// Notes what is written so far. A manifest of which files turned out not to be whole is none.
    fn note(&self) -> Result<(), ExportError> {
        let path = &self.folder.path;
        let file = path.join(UNFINISHED);
        replace(&file, &self.manifest).map_err(ExportError::io("write", &file))?;
        match fs::remove_file(path.join(MANIFEST)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(ExportError::io("remove", &path.join(MANIFEST))(error))
            }
            _ => Ok(()),
        }
    }

    /// Whether a file is there as the manifest says.
    fn is_whole(&self, file: &ExportedFile) -> bool {
        let hash = sha256(&self.folder.path.join(&file.name));
        hash.is_ok_and(|found| found == (file.bytes, file.sha256))
    }
}

/// How many bytes a file has, and their SHA-256.
pub(crate) fn sha256(file: &Path) -> io::Result<(u64, Sha256Hex)> {
    let mut read = Hashed::new(File::open(file)?);
    io::copy(&mut read, &mut io::sink())?;
    let (_, bytes, sha256) = read.finish();
    Ok((bytes, sha256))
}

fn beside(file: &Path) -> PathBuf {
    file.with_extension("new")
}

/// Puts a manifest in the place of another: durably, and whole or not at all.
fn replace(file: &Path, manifest: &Manifest) -> io::Result<()> {
    let beside = beside(file);
    let mut written = File::create(&beside)?;
    serde_json::to_writer_pretty(&mut written, manifest)?;
    writeln!(written)?;
    written.sync_all()?;
    fs::rename(&beside, file)?;
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
