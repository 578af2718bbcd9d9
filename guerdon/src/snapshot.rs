//! `guerdon snapshot`: the state as the log makes it, in a file, so that the next start needs only
//! the events after it. The ledger may be running; `serve` starts this by itself, too.

use anyhow::Context as _;
use command_api::Taken;
use event_store::Access;
use log_record::Partition;

use crate::data_config::DataConfig;

/// How far it steps back behind the ledger where both want a processor.
const NICE: i32 = 10;

pub(crate) async fn snapshot(config: DataConfig) -> anyhow::Result<()> {
    // Where the system refuses, it competes, which is no reason not to begin.
    let _ = rustix::process::nice(NICE);
    let store = config.open(Access::Read).await?;
    for partition in (0..store.partitions()).map(Partition) {
        let taken = config.snapshots().take(&store, partition).await;
        match taken.context("no snapshot was taken")? {
            Taken::New { place, file, bytes } => {
                println!("snapshot up to {place} in {} ({bytes} bytes)", file.display());
            }
            Taken::UpToDate(place) => println!("the newest snapshot holds all up to {place}"),
        }
    }
    Ok(())
}
