//! `log-forked.json` in the data folder: the last event that a writer had answered by when it found
//! its log shortened or changed. Of another partition than the first it is `log-forked-1.json` and
//! so on.
//!
//! The writer ends then, and what it knew must not end with it: the next start, a second later,
//! would give the same positions out again. `guerdon fork-log` removes the file, and so does a
//! start on a log that has the event after all, or in which a fork was declared since.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use command_api::{StopReason, WriterStatus};
use event_store::{EventStore, StoreError, replace_json};
use log_record::{Checksum, Generation, LogId, Partition, Place, Position, hex, parse_hex};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use uuid::Uuid;

/// The last event that was answered.
#[derive(Debug, Serialize, Deserialize)]
struct Noted {
    log_id: Uuid,
    partition: u16,
    generation: u32,
    position: u64,
    /// Unknown where the writer ended while it was finding out what the log held.
    checksum: Option<String>,
}

/// The files, one for each partition; none need be there.
#[derive(Clone, Debug)]
pub(crate) struct ForkNotes {
    folder: PathBuf,
}

/// An event that was answered, and that the log doesn't have.
#[derive(Debug)]
pub(crate) struct LostEvent {
    place: Place,
    pub(crate) generation: Generation,
}

impl ForkNotes {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    fn file(&self, Partition(partition): Partition) -> PathBuf {
        self.folder.join(match partition {
            0 => "log-forked.json".into(),
            other => format!("log-forked-{other}.json"),
        })
    }

    /// Waits for the end of a partition's writer, and writes its file if that was a fork.
    pub(crate) async fn keep(
        self,
        log_id: LogId,
        mut status: watch::Receiver<WriterStatus>,
    ) -> anyhow::Result<()> {
        let stopped = status.wait_for(|status| matches!(status, WriterStatus::Stopped(_))).await;
        let Ok(WriterStatus::Stopped(StopReason::Forked {
            partition,
            answered,
            generation,
            checksum,
            ..
        })) = stopped.as_deref()
        else {
            return Ok(());
        };
        let noted = Noted {
            log_id: log_id.0,
            partition: partition.0,
            generation: generation.0,
            position: answered.0,
            checksum: checksum.map(|checksum| hex(&checksum.0)),
        };
        let file = self.file(*partition);
        replace_json(&file, &noted, None).with_context(|| format!("can't write {}", file.display()))
    }

    /// Refuses a log that lacks one of the events, and another log than that of a note.
    pub(crate) async fn check(&self, store: &EventStore) -> anyhow::Result<()> {
        for file in self.files(store) {
            check(&file, store).await?;
        }
        Ok(())
    }

    /// The events that the log doesn't have, unless a fork was declared since.
    pub(crate) async fn lost(&self, store: &EventStore) -> anyhow::Result<Vec<LostEvent>> {
        let mut all = vec![];
        for file in self.files(store) {
            all.extend(lost(&file, store).await?);
        }
        Ok(all)
    }

    /// Removes the files, but for another log's: this one has the events, or a fork was declared.
    pub(crate) fn remove(&self, store: &EventStore) -> anyhow::Result<()> {
        self.files(store).try_for_each(|file| remove(&file, store.log_id()))
    }

    fn files(&self, store: &EventStore) -> impl Iterator<Item = PathBuf> {
        (0..store.partitions()).map(move |partition| self.file(Partition(partition)))
    }
}

async fn check(file: &Path, store: &EventStore) -> anyhow::Result<()> {
    let log_id = store.log_id();
    if let Some(noted) = read(file)?.map(|noted| LogId(noted.log_id))
        && noted != log_id
    {
        bail!(
            "{} is of the log {noted}, which was shortened or changed, and the log here is \
             {log_id}; name the right log with --store, or another folder with --data-dir; if \
             the other log is no longer kept here, remove the file",
            file.display()
        );
    }
    let Some(LostEvent { place, .. }) = lost(file, store).await? else { return Ok(()) };
    bail!(
        "log-forked: the writer had answered up to {place} when it found that the log was \
         shortened or changed, as {} says, and this log still lacks that event; restore the \
         right log, or, where it is lost, declare this one to be the history with `guerdon \
         fork-log`: see \"After a fork\" in docs/operations/postgresql.md",
        file.display()
    );
}

async fn lost(file: &Path, store: &EventStore) -> anyhow::Result<Option<LostEvent>> {
    let Some(noted) = read(file)? else { return Ok(None) };
    if noted.log_id != store.log_id().0 {
        return Ok(None);
    }
    let place = Place { partition: Partition(noted.partition), position: Position(noted.position) };
    let generation = Generation(noted.generation);
    let checksum = noted.checksum.as_deref().and_then(parse_hex).map(Checksum);
    let is_there = has(store, place, generation, checksum)
        .await
        .with_context(|| format!("can't compare the log with {}", file.display()))?;
    if is_there || generation < store.head(place.partition).await?.generation {
        return Ok(None);
    }
    Ok(Some(LostEvent { place, generation }))
}

fn remove(file: &Path, log_id: LogId) -> anyhow::Result<()> {
    if let Ok(Some(noted)) = read(file)
        && noted.log_id != log_id.0
    {
        return Ok(());
    }
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", file.display()))
        }
        _ => Ok(()),
    }
}

fn read(file: &Path) -> anyhow::Result<Option<Noted>> {
    match fs::read(file) {
        Ok(bytes) => {
            let noted = serde_json::from_slice(&bytes);
            let what = "is damaged; remove it if the log lacks nothing that was answered";
            noted.map(Some).with_context(|| format!("{} {what}", file.display()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("can't read {}", file.display())),
    }
}

async fn has(
    store: &EventStore,
    place: Place,
    generation: Generation,
    checksum: Option<Checksum>,
) -> Result<bool, StoreError> {
    match checksum {
        Some(checksum) => store.has(place, generation, checksum).await,
        None => {
            let head = store.head_past(place.partition, place.position).await?;
            Ok(head.position >= place.position)
        }
    }
}
