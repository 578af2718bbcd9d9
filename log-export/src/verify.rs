//! Reading an export from its first event to its last, each verified.

use std::path::{Path, PathBuf};

use log_record::{Generation, LogFormat, Partition, RecordedEvent};
use transparency::{Frontier, TreeHash};

use crate::folder::{MANIFEST, UNFINISHED, sha256};
use crate::read_file::{FileReader, unread};
use crate::signed::wrong;
use crate::{ExportError, ExportedRange, Form, Manifest, Signed};

/// A whole export in a folder.
#[derive(Clone, Debug)]
pub struct Export {
    folder: PathBuf,
    manifest: Manifest,
}

impl Export {
    /// Opens an export, which must be finished.
    pub fn open(folder: &Path) -> Result<Self, ExportError> {
        let file = folder.join(MANIFEST);
        let Some(manifest) = Manifest::read(&file)? else {
            let what = if folder.join(UNFINISHED).exists() {
                "the run that wrote it was cut short; run the same `guerdon log export` again, \
                 which finishes it"
            } else {
                "there is no manifest.json; name a folder that `guerdon log export` wrote"
            };
            return Err(ExportError::NoExport { folder: folder.into(), what });
        };
        if !manifest.is_whole() {
            let what = "it doesn't have all files of its ranges".into();
            return Err(ExportError::Manifest { file, what });
        }
        if let Some(range) = manifest.ranges.iter().find(|range| !manifest.has_ends_of(range)) {
            let what = format!("the files of {range} begin or end with another event than it");
            return Err(ExportError::Manifest { file, what });
        }
        Ok(Self { folder: folder.into(), manifest })
    }

    /// What it is.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Compares each file with the manifest, whatever is in it. `told` hears how many events the
    /// files so far have.
    pub fn compare_files(&self, mut told: impl FnMut(u64)) -> Result<(), ExportError> {
        let mut events = 0;
        for file in &self.manifest.files {
            let path = self.folder.join(&file.name);
            let found = sha256(&path).map_err(unread(&path))?;
            if found != (file.bytes, file.sha256) {
                let what = format!(
                    "its SHA-256 is {} ({} bytes); the manifest has {} ({} bytes)",
                    found.1, found.0, file.sha256, file.bytes
                );
                return Err(ExportError::File { file: path, what });
            }
            events += file.last + 1 - file.first;
            told(events);
        }
        Ok(())
    }

    /// Begins to read the events, each verified, which must fit the checkpoints, too.
    pub fn verify(&self, checkpoints: Vec<Signed>) -> Result<Verifying<'_>, ExportError> {
        if self.manifest.form != Form::Ndjson {
            return Err(ExportError::Unreadable(self.folder.clone()));
        }
        for checkpoint in &checkpoints {
            checkpoint.check(&self.manifest)?;
        }
        LogFormat(self.manifest.log_format).check(format_args!("{}", self.folder.display()))?;
        Ok(Verifying {
            export: self,
            checkpoints,
            files: 0,
            reader: None,
            range: None,
            tree: Frontier::default(),
            generation: None,
            verified: vec![],
        })
    }
}

/// What was verified of a partition.
#[derive(Clone, Debug)]
pub struct PartitionVerified {
    /// The partition.
    pub partition: Partition,
    /// How many events.
    pub events: u64,
    /// The root of the tree over them, where they begin with the log's first.
    pub root: Option<TreeHash>,
    /// The checkpoints that they fit.
    pub checkpoints: Vec<Signed>,
}

/// An export that is read in the order of its events. Once it has given the last one, all is
/// verified: each line, each file, and the checkpoints.
pub struct Verifying<'a> {
    export: &'a Export,
    checkpoints: Vec<Signed>,
    /// How many files were begun.
    files: usize,
    reader: Option<FileReader>,
    /// The number of the range that is read.
    range: Option<usize>,
    tree: Frontier,
    generation: Option<Generation>,
    verified: Vec<PartitionVerified>,
}

impl<'a> Verifying<'a> {
    /// The next event; nothing after the last.
    pub fn next_event(&mut self) -> Result<Option<RecordedEvent>, ExportError> {
        loop {
            if let Some(reader) = &mut self.reader {
                if let Some(event) = reader.next_event()? {
                    check_generation(self.generation, &event).map_err(|what| reader.wrong(what))?;
                    self.generation = Some(event.generation);
                    self.add(&event)?;
                    return Ok(Some(event));
                }
                self.reader = None;
            }
            let manifest = &self.export.manifest;
            let file = manifest.files.get(self.files);
            let number = self.range.map_or(0, |number| {
                let is_same = |range: &ExportedRange| {
                    file.is_some_and(|file| file.partition == range.partition)
                };
                let goes_on = manifest.ranges.get(number).is_some_and(is_same);
                if goes_on { number } else { number + 1 }
            });
            if self.range != Some(number) {
                self.end_range()?;
                if number >= manifest.ranges.len() {
                    self.range = Some(number);
                    return Ok(None);
                }
                self.begin_range(number)?;
                continue;
            }
            let Some(file) = file else { return Ok(None) };
            self.reader = Some(FileReader::open(&self.export.folder, manifest, file)?);
            self.files += 1;
        }
    }

    /// What was verified, once there are no more events.
    #[must_use]
    pub fn verified(self) -> Vec<PartitionVerified> {
        self.verified
    }

    /// The range that is being read.
    fn range(&self) -> Option<&'a ExportedRange> {
        self.range.and_then(|number| self.export.manifest.ranges.get(number))
    }

    fn begin_range(&mut self, number: usize) -> Result<(), ExportError> {
        self.range = Some(number);
        self.tree = Frontier::default();
        self.generation = None;
        self.compare_roots()
    }

    /// What is known at the end of a range.
    fn end_range(&mut self) -> Result<(), ExportError> {
        let Some(range) = self.range() else { return Ok(()) };
        let partition = Partition(range.partition);
        if let Some(generation) = self.generation
            && generation.0 != range.generation
        {
            let what = format!(
                "the last event of partition {partition} is of generation {generation}, and not {}",
                range.generation
            );
            return Err(ExportError::Manifest { file: self.export.folder.join(MANIFEST), what });
        }
        let of = |signed: &&Signed| signed.checkpoint.origin.partition == partition;
        self.verified.push(PartitionVerified {
            partition,
            events: range.events(),
            root: (range.first == 1).then(|| self.tree.root()),
            checkpoints: self.checkpoints.iter().filter(of).cloned().collect(),
        });
        Ok(())
    }

    /// Only a tree from the log's first event on can be compared.
    fn add(&mut self, event: &RecordedEvent) -> Result<(), ExportError> {
        if self.range().is_none_or(|range| range.first > 1) {
            return Ok(());
        }
        let record = event.fixed_record(self.export.manifest.log_id());
        self.tree.append(TreeHash::of_leaf(&record));
        self.compare_roots()
    }

    /// Compares the tree so far with the checkpoints of its size.
    fn compare_roots(&self) -> Result<(), ExportError> {
        let Some(range) = self.range() else { return Ok(()) };
        for signed in &self.checkpoints {
            let checkpoint = &signed.checkpoint;
            let is_due = checkpoint.origin.partition == Partition(range.partition)
                && checkpoint.size == self.tree.size();
            let root = if is_due { self.tree.root() } else { checkpoint.root };
            if root == checkpoint.root {
                continue;
            }
            let forked = if checkpoint.origin.generation.0 < range.generation {
                "; an operator has declared a fork since"
            } else {
                ""
            };
            return Err(wrong(format!(
                "the events {0}:1 to {0}:{1} aren't those that {2} was signed for: their root is \
                 {root}, and it has {3}{forked}",
                range.partition, checkpoint.size, signed.what, checkpoint.root
            )));
        }
        Ok(())
    }
}

/// Nothing but a declared fork begins another generation, and only a later one.
fn check_generation(before: Option<Generation>, event: &RecordedEvent) -> Result<(), String> {
    let Some(before) = before.filter(|before| *before != event.generation) else { return Ok(()) };
    let is_fork = event.event_type.as_ref() == RecordedEvent::FORK && event.generation > before;
    if is_fork {
        return Ok(());
    }
    let (place, found) = (event.place, event.generation);
    Err(format!("the event at {place} is of generation {found}, and the one before of {before}"))
}
