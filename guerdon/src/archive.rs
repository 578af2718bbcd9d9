//! `guerdon archive`: moves old ranges of the log into files, which stay readable.
//!
//! A range is written, read back from the disk, noted in the log, and only then taken out of it;
//! cut short at any step, the next run goes on. The ledger may be running.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Args;
use event_store::{Access, ArchiveFolder, EventStore};
use log_record::{Partition, Place, Position, hex};
use serde::Serialize;

use crate::data_config::DataConfig;
use crate::printing::Printing;

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

    #[command(flatten)]
    printing: Printing,
}

/// What a run has moved.
#[derive(Serialize)]
struct Archived {
    folder: PathBuf,
    files: Vec<ArchivedFile>,
    /// How many ranges of positions; a range has a file for each partition.
    ranges: u64,
    positions_per_range: u64,
    /// The first position that isn't archived.
    log_begins_at: Position,
    #[serde(skip)]
    older_than_days: i64,
}

#[derive(Serialize)]
struct ArchivedFile {
    file: String,
    sha256: String,
}

impl Display for Archived {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { folder, ranges, positions_per_range: size, log_begins_at: first, .. } = self;
        if *ranges == 0 {
            return write!(
                f,
                "no range was moved: the first that isn't archived has {size} positions from \
                 {first} on, and isn't full yet, or its last event isn't {} days older than the \
                 log's last",
                self.older_than_days
            );
        }
        write!(
            f,
            "{ranges} ranges of {size} positions went to {}; the log itself begins at {first}",
            folder.display()
        )
    }
}

pub(crate) async fn run(args: ArchiveArgs) -> anyhow::Result<()> {
    let ArchiveArgs { data, older_than, printing } = args;
    printing.about(format_args!(
        "moving events of {} that are {older_than} days old to {}",
        data.store(),
        data.archive_dir().display()
    ));
    let store = data.open(Access::Read).await?;
    let size = store.range_positions().await?;
    let mut folder = ArchiveFolder::take(&store, &data.archive_dir()).await?;
    let (mut first, mut archived, mut files) = (Position(1), 0, vec![]);
    let end = first_end(&store).await?;
    let progress = printing.progress("positions", Some(end.0));
    while first.plus(size - 1) < end {
        let last = first.plus(size - 1);
        // Nothing of what was taken out is read.
        if store.is_live(last).await? {
            if !is_old(&store, last, older_than).await? {
                break;
            }
            for partition in (0..store.partitions()).map(Partition) {
                let range = store.archive_range(&mut folder, partition, first, last).await?;
                let sha256 = hex(&range.sha256);
                if !printing.is_json() {
                    progress.line(format_args!("{sha256}  {}", range.file));
                }
                files.push(ArchivedFile { file: range.file, sha256 });
            }
            store.take_out(first, last).await?;
            archived += 1;
        }
        first = last.next();
        progress.set(last.0);
    }
    drop(progress);
    printing.one(&Archived {
        folder: folder.path().to_owned(),
        files,
        ranges: archived,
        positions_per_range: size,
        log_begins_at: first,
        older_than_days: older_than,
    })
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
