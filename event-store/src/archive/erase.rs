//! Erasing private texts in the archive: a file that has some is written anew under another name,
//! the log's index moves to that, and then the former file is removed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use log_record::{LogId, Place, Position, Private, RecordedEvent};

use super::read_file::{compare, read, read_back};
use super::write_file::Writing;
use super::{ArchiveFolder, ArchivedRange, MEMBER_EVENTS};
use crate::erasure::{Erased, Erasure};
use crate::{EventStore, Owner, StoreError};

/// What a file is written anew with.
struct Rewrite {
    folder: PathBuf,
    owner: Owner,
    log_id: LogId,
    range: ArchivedRange,
    erased: Erased,
}

impl EventStore {
    /// The events of an archived range after `after`. If the range's file is replaced by an erased
    /// one meanwhile, they are read from the new file.
    pub(crate) async fn read_archived(
        &self,
        mut range: ArchivedRange,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        loop {
            let place = Place { partition: range.partition, position: after.next() };
            let file = range.file.clone();
            let read = self.archive().read(self.log_id(), range, after, limit).await;
            if matches!(read, Err(StoreError::MissingArchive { .. }))
                && let Some(another) = self.archived_range(place).await?
                && another.file != file
            {
                range = another;
                continue;
            }
            return read;
        }
    }

    /// Takes the archive's folder in hand, if there is one, so that nobody archives meanwhile: a
    /// file that is being written may have texts that are erased in the table right then.
    pub async fn hold_archive(&self) -> Result<Option<ArchiveFolder>, StoreError> {
        let archive = self.archive();
        let Some(folder) = archive.folder() else { return Ok(None) };
        if !folder.exists() && self.archived_ranges().await?.is_empty() {
            return Ok(None);
        }
        ArchiveFolder::take(self, folder).await.map(Some)
    }

    /// Erases the private texts of these accounts' events in the files of the archive. It reads
    /// every file with events that the erasures concern.
    pub async fn erase_archived(
        &self,
        folder: &mut ArchiveFolder,
        erasures: &[Erasure],
    ) -> Result<(), StoreError> {
        self.remove_superseded(folder.path()).await?;
        remove_unfinished(folder.path(), self.log_id()).map_err(|source| StoreError::Io {
            doing: "remove what is unfinished in",
            file: folder.path().to_owned(),
            source,
        })?;
        for range in self.archived_ranges().await? {
            let erased = Erased::of(erasures, range.partition);
            if range.first > erased.end() {
                continue;
            }
            let rewrite = Rewrite {
                folder: folder.path().to_owned(),
                owner: folder.owner(),
                log_id: self.log_id(),
                range: range.clone(),
                erased,
            };
            let (path, log_id) = (folder.path().to_owned(), self.log_id());
            // It unpacks, packs and waits for the disk.
            let writing = tokio::task::spawn_blocking(move || rewrite.run());
            let writing = writing.await.map_err(|_| StoreError::Closed)??;
            let Some(writing) = writing else { continue };
            self.note_superseded(&writing.file()).await?;
            let finishing = tokio::task::spawn_blocking(move || {
                let written = writing.finish()?;
                read_back(&path, log_id, &written)?;
                Ok::<_, StoreError>(written)
            });
            let written = finishing.await.map_err(|_| StoreError::Closed)??;
            match self {
                Self::Memory(_) => {}
                #[cfg(feature = "kurrent")]
                Self::Kurrent(_) => return Err(StoreError::NoArchive),
                Self::Sqlite(store) => {
                    store.replace_archived(range.file.clone(), written.clone()).await?;
                }
                Self::Postgres(store) => store.replace_archived(&range.file, &written).await?,
            }
            folder.note_rewritten(&range, &written)?;
            self.remove_superseded(folder.path()).await?;
        }
        Ok(())
    }

    /// Notes a file as to be removed: one that is about to get its name, until the index has it.
    pub(super) async fn note_superseded(&self, file: &str) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Err(StoreError::NoArchive),
            Self::Sqlite(store) => store.note_superseded(file.to_owned()).await,
            Self::Postgres(store) => store.note_superseded(file).await,
        }
    }

    /// Removes the files whose place another one has taken, and those that a process left behind
    /// that was killed before the index had them.
    async fn remove_superseded(&self, folder: &Path) -> Result<(), StoreError> {
        let superseded = match self {
            Self::Memory(_) => vec![],
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => vec![],
            Self::Sqlite(store) => store.superseded_archives().await?,
            Self::Postgres(store) => store.superseded_archives().await?,
        };
        for file in superseded {
            let path = folder.join(&file);
            remove(folder, &path).map_err(|source| StoreError::Io {
                doing: "remove",
                file: path,
                source,
            })?;
            match self {
                Self::Sqlite(store) => store.forget_superseded(file).await?,
                Self::Postgres(store) => store.forget_superseded(&file).await?,
                _ => {}
            }
        }
        Ok(())
    }
}

impl Rewrite {
    /// The new file, without its name; nothing where the range's file has no text that is erased.
    fn run(self) -> Result<Option<Writing>, StoreError> {
        let Self { folder, owner, log_id, range, erased } = &self;
        let path = folder.join(&range.file);
        let open = || {
            File::open(&path).map_err(|source| StoreError::Io {
                doing: "read the archived",
                file: path.clone(),
                source,
            })
        };
        compare(&mut open()?, &path, range)?;
        let member = |after: Position| {
            let wanted = range.last.since(after).min(MEMBER_EVENTS);
            read(open()?, &path, *log_id, range, after, wanted)
        };
        let has_text = |event: &RecordedEvent| {
            matches!(event.private, Private::Text(_)) && erased.has_event(event)
        };
        let mut is_concerned = false;
        for after in self.members() {
            is_concerned = member(after)?.iter().any(has_text);
            if is_concerned {
                break;
            }
        }
        if !is_concerned {
            return Ok(None);
        }
        let ends = (range.first, range.last);
        let mut writing = Writing::begin(folder, *owner, *log_id, range.partition, ends)?;
        for after in self.members() {
            let mut events = member(after)?;
            for event in events.iter_mut().filter(|event| has_text(event)) {
                event.private = Private::Erased(event.private_hash());
            }
            writing.add(&events)?;
        }
        Ok(Some(writing))
    }

    /// After which position each member of the file begins.
    fn members(&self) -> impl Iterator<Item = Position> + use<> {
        let (before, last) = (self.range.first.0.saturating_sub(1), self.range.last.0);
        let step = usize::try_from(MEMBER_EVENTS).unwrap_or(usize::MAX);
        (before..last).step_by(step).map(Position)
    }
}

/// Removes what was left half written by a process that was killed: nobody else writes there while
/// the folder is in hand.
fn remove_unfinished(folder: &Path, log_id: LogId) -> io::Result<()> {
    let begin = format!("{log_id}-");
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        let is_unfinished = file.extension().is_some_and(|extension| extension == "unfinished");
        let name = file.file_name().and_then(|name| name.to_str());
        if is_unfinished && name.is_some_and(|name| name.starts_with(&begin)) {
            remove(folder, &file)?;
        }
    }
    Ok(())
}

/// A file that is gone already was removed by a process that was killed right then.
fn remove(folder: &Path, file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::open(folder)?.sync_all()
}
