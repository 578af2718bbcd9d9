//! `guerdon log import DIR`: verified whole, then landed as it was recorded, then verified again on
//! the way. Until all has landed, the store says that its import isn't finished.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use event_store::{Access, Append, EventStore, ImportState, NewLog};
use log_export::{Export, Form, Manifest, PrivateTexts, Sha256Hex, Signed};
use log_record::{Head, Partition, Place, RecordedEvent, WriterId};
use serde::Serialize;
use uuid::Uuid;

use super::signed::{CheckpointArgs, PartitionRow, found_wrong, verify};
use crate::command_line::path;
use crate::data_config::DataConfig;
use crate::partitions;
use crate::printing::Printing;
use crate::progress::Progress;

/// The events that are landed at once: about 2 MB of them.
const PORTION: usize = 4_096;

/// What to import.
#[derive(Args, Clone, Debug)]
pub(super) struct ImportArgs {
    /// The folder of an export as NDJSON with private texts, of whole partitions from their first
    /// event on.
    #[arg(value_name = "DIR", value_parser = path)]
    folder: PathBuf,

    #[command(flatten)]
    checkpoints: CheckpointArgs,
}

/// What was imported, to be printed.
#[derive(Serialize)]
struct Imported {
    log_id: String,
    /// The store, without its password.
    store: String,
    events: u64,
    /// The events that this run has brought there.
    events_landed: u64,
    partitions: Vec<PartitionRow>,
}

impl Display for Imported {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { log_id, store, events, events_landed, partitions } = self;
        write!(f, "log {log_id} was imported into {store}: {events} events, all verified")?;
        if events_landed < events {
            write!(f, "; this run brought {events_landed} of them")?;
        }
        for partition in partitions {
            write!(f, "\n{partition}")?;
        }
        Ok(())
    }
}

pub(super) async fn run(
    args: ImportArgs,
    data: &DataConfig,
    printing: Printing,
) -> anyhow::Result<()> {
    let ImportArgs { folder, checkpoints } = args;
    let url = data.store();
    printing.about(format_args!("importing the log in {} into {url}", folder.display()));
    let export = Export::open(&folder).map_err(found_wrong)?;
    let manifest = export.manifest();
    check_importable(manifest).with_context(|| format!("can't import {}", folder.display()))?;
    partitions::check_store(manifest.partitions, &url)?;
    let signed = checkpoints.signed(&export)?;
    let progress = printing.progress("events verified", Some(manifest.events()));
    let verified = verify(&export, signed.clone(), &progress).await?;
    drop(progress);
    EventStore::migrate(&url).await?;
    let log = NewLog { log_id: manifest.log_id(), partitions: manifest.partitions };
    let store = EventStore::open(&url, Access::Import(log)).await?;
    ensure!(
        (store.log_id(), store.partitions()) == (log.log_id, log.partitions),
        "{url} holds log {} with {} partitions, not log {} with {}; import into an empty store",
        store.log_id(),
        store.partitions(),
        log.log_id,
        log.partitions
    );
    let events_landed = match store.import_state().await? {
        Some(ImportState::Unfinished) => {
            let progress = printing.progress("events imported", Some(manifest.events()));
            let landed = fill(&export, signed, &store, &progress).await?;
            ensure!(
                has_all(&store, manifest).await?,
                "{url} doesn't end as the export does; import into an empty store"
            );
            store.finish_import().await?;
            landed
        }
        // The run that finished it may have been killed right then.
        Some(ImportState::Finished) if has_all(&store, manifest).await? => 0,
        Some(ImportState::Finished) | None => bail!(
            "{url} holds log {} already, and it is in use; import into an empty store",
            log.log_id
        ),
    };
    printing.one(&Imported {
        log_id: log.log_id.to_string(),
        store: url.to_string(),
        events: manifest.events(),
        events_landed,
        partitions: verified.into_iter().map(Into::into).collect(),
    })
}

/// That a log can be made of it.
fn check_importable(manifest: &Manifest) -> anyhow::Result<()> {
    ensure!(
        manifest.form == Form::Ndjson,
        "it is Parquet, which is for analysis; import an export as NDJSON"
    );
    ensure!(
        manifest.private == PrivateTexts::Texts,
        "it was made with --without-private, and a ledger needs the private texts; import an \
         export with them"
    );
    let of = |number: u16| manifest.ranges.iter().find(move |range| range.partition == number);
    for partition in 0..manifest.partitions {
        match of(partition) {
            Some(range) if range.first == 1 => {}
            Some(range) => bail!(
                "it begins at {}, and a log begins at {partition}:1; import one from there on",
                range.first_place()
            ),
            None => bail!(
                "it lacks partition {partition}, and the log has {}; import an export of all",
                manifest.partitions
            ),
        }
    }
    Ok(())
}

/// Whether the log ends with the export's last events.
async fn has_all(store: &EventStore, manifest: &Manifest) -> anyhow::Result<bool> {
    for range in &manifest.ranges {
        let head = store.head(Partition(range.partition)).await?;
        if head.position.0 != range.last {
            return Ok(false);
        }
        if let Some(checksum) = range.last_checksum
            && Sha256Hex::from(store.read_one(range.last_place()).await?.checksum) != checksum
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Lands the events that the log doesn't have yet; gives how many that were.
async fn fill(
    export: &Export,
    signed: Vec<Signed>,
    store: &EventStore,
    progress: &Progress,
) -> anyhow::Result<u64> {
    let mut verifying = export.verify(signed).map_err(found_wrong)?;
    let mut filling: Option<Filling<'_>> = None;
    let (mut landed, mut read) = (0, 0_usize);
    while let Some(event) = verifying.next_event().map_err(found_wrong)? {
        let mut of_partition = match filling.take() {
            Some(before) if before.partition == event.place.partition => before,
            before => {
                landed += end(before).await?;
                Filling::begin(store, event.place.partition, progress).await?
            }
        };
        of_partition.add(event).await?;
        filling = Some(of_partition);
        read += 1;
        if read.is_multiple_of(PORTION) {
            // What an earlier run brought is passed over without a pause; a signal is heard here.
            tokio::task::yield_now().await;
        }
    }
    Ok(landed + end(filling).await?)
}

async fn end(filling: Option<Filling<'_>>) -> anyhow::Result<u64> {
    let Some(mut filling) = filling else { return Ok(0) };
    filling.land().await?;
    Ok(filling.landed)
}

/// A partition that is filled.
struct Filling<'a> {
    store: &'a EventStore,
    progress: &'a Progress,
    partition: Partition,
    head: Head,
    /// The last event that an earlier run brought.
    there: Option<RecordedEvent>,
    portion: Vec<RecordedEvent>,
    landed: u64,
}

impl<'a> Filling<'a> {
    async fn begin(
        store: &'a EventStore,
        partition: Partition,
        progress: &'a Progress,
    ) -> anyhow::Result<Self> {
        let head = store.take_over(partition, WriterId(Uuid::now_v7())).await?;
        let place = Place { partition, position: head.position };
        let there = if head.position.0 > 0 { Some(store.read_one(place).await?) } else { None };
        progress.inc(head.position.0);
        Ok(Self { store, progress, partition, head, there, portion: vec![], landed: 0 })
    }

    async fn add(&mut self, event: RecordedEvent) -> anyhow::Result<()> {
        if let Some(there) = &self.there {
            if event.place.position < there.place.position {
                return Ok(());
            }
            if event.place == there.place {
                ensure!(
                    event.checksum == there.checksum,
                    "the event at {} in the store isn't the export's, so another export was begun \
                     there; import into an empty store",
                    there.place
                );
                return Ok(());
            }
        }
        self.portion.push(event);
        if self.portion.len() == PORTION { self.land().await } else { Ok(()) }
    }

    async fn land(&mut self) -> anyhow::Result<()> {
        let events = std::mem::take(&mut self.portion);
        let Some(generation) = events.last().map(|event| event.generation) else { return Ok(()) };
        let (partition, count) = (self.partition, events.len() as u64);
        let append = Append::after(partition, &self.head, events);
        let landed = self.store.append_recorded(append).await;
        self.head.position = landed.with_context(|| {
            let position = self.head.position;
            format!("the import of partition {partition} ended at {position}; run it again")
        })?;
        self.head.generation = generation;
        self.landed += count;
        self.progress.inc(count);
        Ok(())
    }
}
