//! `guerdon check`: reads the log from end to end, and every archive file with `--archives`. The
//! ledger may be running.
//!
//! It names all that is wrong, not only the first, and changes nothing.

use anyhow::ensure;
use clap::Args;
use event_store::{Access, EventStore, READ_EVENTS_MAX, StoreError, with_causes};
use log_record::{Partition, Position};

use crate::data_config::DataConfig;

/// The log, and how much of it to read.
#[derive(Args, Clone, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    data: DataConfig,

    /// Also read every archive file: its SHA-256 and each of its events.
    #[arg(long)]
    archives: bool,
}

pub(crate) async fn run(args: CheckArgs) -> anyhow::Result<()> {
    let store = args.data.open(Access::Read).await?;
    let mut wrong = 0;
    let mut name = |error: StoreError| {
        wrong += 1;
        eprintln!("{}", with_causes(&error));
    };
    if let Err(error) = store.check_archive().await {
        name(error);
    }
    let ranges = store.archived_ranges().await?;
    let files = if args.archives { ranges.len() } else { 0 };
    for range in ranges.iter().take(files) {
        if let Err(error) = store.check_archived(range.clone()).await {
            name(error);
        }
    }
    let mut events = 0;
    for partition in (0..store.partitions()).map(Partition) {
        let archived = ranges.iter().filter(|range| range.partition == partition);
        let archived = archived.map(|range| range.last).max().unwrap_or_default();
        match read(&store, partition, archived, args.archives).await {
            Ok(read) => events += read,
            Err(error) => name(error),
        }
    }
    println!(
        "log {}: {events} events in the log itself and {files} of {} archive files were read",
        store.log_id(),
        ranges.len()
    );
    ensure!(wrong == 0, "{wrong} things are wrong; they are named above");
    Ok(())
}

/// Reads a partition to its end; every read verifies what it gives. Gives how many events it has
/// after `archived`.
async fn read(
    store: &EventStore,
    partition: Partition,
    archived: Position,
    reads_archive: bool,
) -> Result<u64, StoreError> {
    let mut after = archived;
    loop {
        // The last of those before, too: two histories must not meet between two reads.
        let known = u64::from(after > archived || (reads_archive && archived > Position::START));
        let from = Position(after.0 - known);
        let events = store.read(partition, from, READ_EVENTS_MAX).await?;
        match events.last() {
            Some(last) if last.position() > after => after = last.position(),
            _ => return Ok(after.since(archived)),
        }
    }
}
