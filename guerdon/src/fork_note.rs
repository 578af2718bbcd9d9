//! `log-forked.json` in the data folder: the last event that a writer had answered by when it found
//! its log shortened or changed.
//!
//! The writer ends then, and what it knew must not end with it: the next start, a second later,
//! would give the same positions out again. `guerdon fork-log` removes the file, and so does a
//! start on a log that has the event after all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use command_api::{StopReason, WriterStatus};
use event_store::{EventStore, StoreError};
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

/// The file, which need not be there.
#[derive(Clone, Debug)]
pub(crate) struct ForkNote(PathBuf);

/// An event that was answered, and that the log doesn't have.
#[derive(Debug)]
pub(crate) struct LostEvent {
    place: Place,
    pub(crate) generation: Generation,
}

impl ForkNote {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self(folder.join("log-forked.json"))
    }

    /// Waits for the end of a writer, and writes the file if that was a fork.
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
        self.write(&noted).with_context(|| format!("can't write {}", self.0.display()))
    }

    fn write(&self, noted: &Noted) -> io::Result<()> {
        let beside = self.0.with_extension("json.new");
        let mut file = File::create(&beside)?;
        serde_json::to_writer_pretty(&mut file, noted)?;
        writeln!(file)?;
        file.sync_all()?;
        fs::rename(&beside, &self.0)?;
        let folder = self.0.parent().context("it has no folder").map_err(io::Error::other)?;
        File::open(folder)?.sync_all()
    }

    /// Refuses a log that lacks the event. A note of another log says nothing of this one.
    pub(crate) async fn check(&self, store: &EventStore) -> anyhow::Result<()> {
        let Some(LostEvent { place, .. }) = self.lost(store).await? else { return Ok(()) };
        bail!(
            "log-forked: the writer had answered up to {place} when it found that the log was \
             shortened or changed, as {} says, and this log still lacks that event; restore the \
             right log, or, where it is lost, declare this one to be the history with `guerdon \
             fork-log`: see \"After a fork\" in docs/operations/postgresql.md",
            self.0.display()
        );
    }

    /// The event, if the log doesn't have it.
    pub(crate) async fn lost(&self, store: &EventStore) -> anyhow::Result<Option<LostEvent>> {
        let Some(noted) = self.read()? else { return Ok(None) };
        if noted.log_id != store.log_id().0 {
            return Ok(None);
        }
        let place =
            Place { partition: Partition(noted.partition), position: Position(noted.position) };
        let generation = Generation(noted.generation);
        let checksum = noted.checksum.as_deref().and_then(parse_hex).map(Checksum);
        let is_there = has(store, place, generation, checksum)
            .await
            .with_context(|| format!("can't compare the log with {}", self.0.display()))?;
        Ok((!is_there).then_some(LostEvent { place, generation }))
    }

    /// Removes the file: the log has the event, or a fork was declared.
    pub(crate) fn remove(&self) -> anyhow::Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("can't remove {}", self.0.display()))
            }
            _ => Ok(()),
        }
    }

    fn read(&self) -> anyhow::Result<Option<Noted>> {
        match fs::read(&self.0) {
            Ok(bytes) => {
                let noted = serde_json::from_slice(&bytes);
                let what = "is damaged; remove it if the log lacks nothing that was answered";
                noted.map(Some).with_context(|| format!("{} {what}", self.0.display()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("can't read {}", self.0.display())),
        }
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
