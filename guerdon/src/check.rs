//! `guerdon check`: reads the log from end to end, every archive file with `--archives`, and the
//! read model's totals with `--sums`. The ledger may be running.
//!
//! It names all that is wrong, not only the first, and changes nothing.

use anyhow::ensure;
use clap::Args;
use event_store::{Access, EventStore, READ_EVENTS_MAX, StoreError, with_causes};
use log_record::{Partition, Position};
use read_model::{ReadModel, wrong_sums};

use crate::data_config::DataConfig;

/// How many damaged or missing events of a partition are named; there may be millions.
const NAMED_MAX: usize = 100;

/// The log, and how much of it to read.
#[derive(Args, Clone, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    data: DataConfig,

    /// Also read every archive file: its SHA-256 and each of its events.
    #[arg(long)]
    archives: bool,

    /// Also add up the read model's rows of accounts and lots, and compare its totals with that.
    #[arg(long)]
    sums: bool,
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
    let (mut files, mut whole) = (0, vec![]);
    for range in ranges.iter().take(if args.archives { ranges.len() } else { 0 }) {
        match store.check_archived(range.clone()).await {
            Ok(()) => whole.push(range),
            Err(error) => name(error),
        }
        files += 1;
    }
    let mut events = 0;
    for partition in (0..store.partitions()).map(Partition) {
        let archived = ranges.iter().filter(|range| range.partition == partition);
        let newest = archived.max_by_key(|range| range.last);
        let archived = newest.map(|range| range.last).unwrap_or_default();
        // A file that was named isn't read again.
        let reads_archive = newest.is_some_and(|newest| whole.contains(&newest));
        events += read(&store, partition, archived, reads_archive, &mut name).await;
    }
    println!(
        "log {}: {events} events in the log itself and {files} of {} archive files were read",
        store.log_id(),
        ranges.len()
    );
    if args.sums {
        wrong += check_sums(&args.data).await?;
    }
    ensure!(wrong == 0, "{wrong} things are wrong; they are named above");
    Ok(())
}

/// Names the sums of the read model that aren't those of its rows, and gives how many.
async fn check_sums(data: &DataConfig) -> anyhow::Result<u64> {
    let url = data.read_model();
    let read_model = ReadModel::open(&url, None).await?;
    let wrong = wrong_sums(&read_model).await?;
    read_model.close().await;
    for sum in &wrong {
        eprintln!("{sum}");
    }
    println!("read model {url}: {} of its sums differ from its rows", wrong.len());
    Ok(wrong.len() as u64)
}

/// Reads a partition to its end, also past a damaged event; every read verifies what it gives.
/// Gives how many events were read after `archived`.
async fn read(
    store: &EventStore,
    partition: Partition,
    archived: Position,
    reads_archive: bool,
    name: &mut impl FnMut(StoreError),
) -> u64 {
    let (mut after, mut read) = (archived, 0);
    let mut knows_last = reads_archive && archived > Position::START;
    let mut named = 0;
    loop {
        // The last of those before, too: two histories must not meet between two reads.
        let from = Position(after.0 - u64::from(knows_last));
        match store.read(partition, from, READ_EVENTS_MAX).await {
            Ok(events) => match events.last() {
                Some(last) if last.position() > after => {
                    read += last.position().since(after);
                    (after, knows_last) = (last.position(), true);
                }
                _ => return read,
            },
            Err(error) => {
                named += 1;
                let damaged = match &error {
                    StoreError::CorruptEvent { place, .. } if named < NAMED_MAX => {
                        Some(place.position)
                    }
                    _ => None,
                };
                name(error);
                match damaged {
                    // What stands before it was verified in the same read.
                    Some(position) if position > after => {
                        read += position.since(after) - 1;
                        (after, knows_last) = (position, false);
                    }
                    _ => return read,
                }
            }
        }
    }
}
