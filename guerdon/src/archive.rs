//! `guerdon archive`: moves old ranges of the log into files, which stay readable.
//!
//! A range is written, read back from the disk, noted in the log, and only then taken out of it;
//! cut short at any step, the next run goes on. The ledger may be running.

use anyhow::{Context as _, ensure};
use clap::Args;
use event_store::{Access, ArchiveFolder, EventStore};
use log_record::{Partition, Place, Position, hex};

use crate::data_config::DataConfig;

/// A hundred years.
const DAYS_MAX: i64 = 36_525;

const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// The log, and which part of it to archive.
#[derive(Args, Clone, Debug)]
pub(crate) struct ArchiveArgs {
    #[command(flatten)]
    data: DataConfig,

    /// The minimum age of a range's last event, counted from the log's last event.
    #[arg(long, default_value = "90d", value_parser = days, allow_hyphen_values = true)]
    older_than: i64,
}

pub(crate) async fn run(args: ArchiveArgs) -> anyhow::Result<()> {
    let store = args.data.open(Access::Read).await?;
    let size = store.range_positions().await?;
    let mut folder = ArchiveFolder::take(&store, &args.data.archive_dir()).await?;
    let (mut first, mut archived) = (Position(1), 0);
    let end = first_end(&store).await?;
    while first.plus(size - 1) < end {
        let last = first.plus(size - 1);
        // Nothing of what was taken out is read.
        if store.is_live(last).await? {
            if !is_old(&store, last, args.older_than).await? {
                break;
            }
            for partition in (0..store.partitions()).map(Partition) {
                let range = store.archive_range(&mut folder, partition, first, last).await?;
                println!("{}  {}", hex(&range.sha256), range.file);
            }
            store.take_out(first, last).await?;
            archived += 1;
        }
        first = last.next();
    }
    if archived == 0 {
        println!(
            "no range was moved: the first that isn't archived has {size} positions from {first} on, \
             and isn't full yet, or its last event isn't {} days older than the log's last",
            args.older_than
        );
        return Ok(());
    }
    println!(
        "{archived} ranges of {size} positions went to {}; the log itself begins at {first}",
        folder.path().display()
    );
    Ok(())
}

/// Where the first of the partitions ends.
async fn first_end(store: &EventStore) -> anyhow::Result<Position> {
    let mut end = None;
    for partition in (0..store.partitions()).map(Partition) {
        let head = store.head(partition).await?.position;
        end = Some(end.map_or(head, |end: Position| end.min(head)));
    }
    Ok(end.unwrap_or_default())
}

/// Whether every partition has gone past a position, and long ago. Age is by the log's own time, so
/// that a wrong wall clock archives nothing.
async fn is_old(store: &EventStore, last: Position, days: i64) -> anyhow::Result<bool> {
    for partition in (0..store.partitions()).map(Partition) {
        let head = store.head(partition).await?.position;
        if head <= last {
            return Ok(false);
        }
        let [then, now] = [last, head].map(|position| Place { partition, position });
        let then = store.read_one(then).await?.recorded_at;
        let now = store.read_one(now).await?.recorded_at;
        if now.saturating_sub(then) < days.saturating_mul(DAY_MICROS) {
            return Ok(false);
        }
    }
    Ok(store.partitions() > 0)
}

fn days(text: &str) -> anyhow::Result<i64> {
    let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
    let days: i64 = days.with_context(|| format!("{text:?} is not a number of days, as in 90d"))?;
    ensure!((0..=DAYS_MAX).contains(&days), "an age is from 0d to {DAYS_MAX}d");
    Ok(days)
}
