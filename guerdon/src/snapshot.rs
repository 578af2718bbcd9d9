//! `guerdon snapshot`: the state as the log makes it, in a file, so that the next start needs only
//! the events after it. The ledger may be running; `serve` starts this by itself, too.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use command_api::Taken;
use event_store::Access;
use log_record::{Partition, Place};
use serde::Serialize;

use crate::data_config::DataConfig;
use crate::partitions;
use crate::printing::Printing;

/// How far it steps back behind the ledger where both want a processor.
const NICE: i32 = 10;

/// The log to take snapshots of.
#[derive(Args, Clone, Debug)]
pub(crate) struct SnapshotArgs {
    #[command(flatten)]
    data: DataConfig,
    #[command(flatten)]
    printing: Printing,

    /// The partition. [default: all]
    #[arg(long)]
    partition: Option<u16>,
}

/// A partition's newest snapshot.
#[derive(Serialize)]
struct Snapshot {
    /// The last event that is in it.
    up_to: Place,
    /// The file that was written now; none where the newest had all events already.
    #[serde(flatten)]
    new: Option<New>,
}

#[derive(Serialize)]
struct New {
    file: PathBuf,
    bytes: u64,
}

impl Display for Snapshot {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let up_to = self.up_to;
        match &self.new {
            Some(New { file, bytes }) => {
                write!(f, "snapshot up to {up_to} in {} ({bytes} bytes)", file.display())
            }
            None => write!(f, "the newest snapshot holds all up to {up_to}"),
        }
    }
}

pub(crate) async fn snapshot(args: SnapshotArgs) -> anyhow::Result<()> {
    let SnapshotArgs { data, printing, partition } = args;
    // Where the system refuses, it competes, which is no reason not to begin.
    let _ = rustix::process::nice(NICE);
    printing.about(format_args!("reading the state of {} to write a snapshot", data.store()));
    let store = data.open(Access::Read).await?;
    for partition in partitions::chosen(partition, &store)?.map(Partition) {
        let progress = printing.progress("snapshots", None);
        let taken = data.snapshots().take(&store, partition).await;
        drop(progress);
        let (up_to, new) = match taken.context("no snapshot was taken")? {
            Taken::New { place, file, bytes } => (place, Some(New { file, bytes })),
            Taken::UpToDate(place) => (place, None),
        };
        printing.one(&Snapshot { up_to, new })?;
    }
    Ok(())
}
