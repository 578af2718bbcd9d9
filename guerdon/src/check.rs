//! `guerdon check`: reads the log from end to end, with its index of messages, every archive file
//! with `--archives`, and the read model's totals with `--sums`. The ledger may be running.
//!
//! It names all that is wrong, not only the first, and changes nothing.

use std::fmt::{Display, Formatter};

use clap::Args;
use event_store::{
    Access, ArchivedRange, EventStore, MessageCheck, READ_EVENTS_MAX, StoreError, with_causes,
};
use log_record::{Partition, Position};
use read_model::{ReadModel, wrong_sums};
use serde::Serialize;

use crate::data_config::DataConfig;
use crate::exit::FoundWrong;
use crate::printing::Printing;
use crate::progress::Progress;

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

    #[command(flatten)]
    printing: Printing,
}

/// What was read, and what is wrong with it.
#[derive(Serialize)]
struct Checked {
    log_id: String,
    /// The events in the log itself, without those in archive files.
    events: u64,
    archive_files: usize,
    archive_files_read: usize,
    /// A sentence for each thing that is wrong.
    wrong: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sums: Option<CheckedSums>,
}

#[derive(Serialize)]
struct CheckedSums {
    read_model: String,
    differ: usize,
}

impl Display for Checked {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { log_id, events, archive_files, archive_files_read, sums, .. } = self;
        write!(
            f,
            "log {log_id}: {events} events in the log itself and {archive_files_read} of \
             {archive_files} archive files were read"
        )?;
        if let Some(CheckedSums { read_model, differ }) = sums {
            write!(f, "\nread model {read_model}: {differ} of its sums differ from its rows")?;
        }
        Ok(())
    }
}

pub(crate) async fn run(args: CheckArgs) -> anyhow::Result<()> {
    let CheckArgs { data, archives, sums, printing } = args;
    printing.about(format_args!("reading {} from end to end; nothing is changed", data.store()));
    let store = data.open(Access::Read).await?;
    let mut wrong = vec![];
    let mut name = |error: StoreError| {
        let sentence = with_causes(&error);
        eprintln!("{sentence}");
        wrong.push(sentence);
    };
    if let Err(error) = store.check_archive().await {
        name(error);
    }
    let ranges = store.archived_ranges().await?;
    let (mut files, mut whole) = (0, vec![]);
    for range in ranges.iter().take(if archives { ranges.len() } else { 0 }) {
        match store.check_archived(range.clone()).await {
            Ok(()) => whole.push(range),
            Err(error) => name(error),
        }
        files += 1;
    }
    let mut events = 0;
    let to_read = positions_to_read(&store, &ranges).await?;
    let progress = printing.progress("events", Some(to_read));
    for partition in (0..store.partitions()).map(Partition) {
        let archived = ranges.iter().filter(|range| range.partition == partition);
        let newest = archived.max_by_key(|range| range.last);
        let archived = newest.map(|range| range.last).unwrap_or_default();
        // A file that was named isn't read again.
        let reads_archive = newest.is_some_and(|newest| whole.contains(&newest));
        events += read(&store, partition, archived, reads_archive, &mut name, &progress).await;
    }
    drop(progress);
    let sums = if sums { Some(check_sums(&data, &mut wrong).await?) } else { None };
    let checked = Checked {
        log_id: store.log_id().to_string(),
        events,
        archive_files: ranges.len(),
        archive_files_read: files,
        wrong,
        sums,
    };
    printing.one(&checked)?;
    match checked.wrong.len() {
        0 => Ok(()),
        wrong => Err(FoundWrong(format!("{wrong} things are wrong; they are named above")).into()),
    }
}

/// How many positions all partitions have that aren't archived.
async fn positions_to_read(store: &EventStore, ranges: &[ArchivedRange]) -> anyhow::Result<u64> {
    let mut all = 0;
    for partition in (0..store.partitions()).map(Partition) {
        let archived = ranges.iter().filter(|range| range.partition == partition);
        let archived = archived.map(|range| range.last).max().unwrap_or_default();
        all += store.head(partition).await?.position.since(archived);
    }
    Ok(all)
}

/// Names the sums of the read model that aren't those of its rows.
async fn check_sums(data: &DataConfig, wrong: &mut Vec<String>) -> anyhow::Result<CheckedSums> {
    let url = data.read_model();
    let read_model = ReadModel::open(&url, None).await?;
    let sums = wrong_sums(&read_model).await?;
    read_model.close().await;
    for sum in &sums {
        eprintln!("{sum}");
    }
    wrong.extend(sums.iter().map(ToString::to_string));
    Ok(CheckedSums { read_model: url.to_string(), differ: sums.len() })
}

/// Reads a partition to its end, also past a damaged event; every read verifies what it gives.
/// Gives how many events were read after `archived`.
async fn read(
    store: &EventStore,
    partition: Partition,
    archived: Position,
    reads_archive: bool,
    name: &mut impl FnMut(StoreError),
    progress: &Progress,
) -> u64 {
    let (mut after, mut read) = (archived, 0);
    let mut knows_last = reads_archive && archived > Position::START;
    let mut named = 0;
    // What stands before a damaged event isn't given, so no messages are compared after one.
    let mut messages = Some(MessageCheck::new(partition, archived));
    loop {
        // The last of those before, too: two histories must not meet between two reads.
        let from = Position(after.0 - u64::from(knows_last));
        match store.read(partition, from, READ_EVENTS_MAX).await {
            Ok(events) => match events.last() {
                Some(last) if last.position() > after => {
                    if let Some(messages) = &mut messages {
                        let new = events.get(usize::from(knows_last)..).unwrap_or_default();
                        messages.next(store, new).await.into_iter().for_each(&mut *name);
                    }
                    read += last.position().since(after);
                    progress.inc(last.position().since(after));
                    (after, knows_last) = (last.position(), true);
                }
                _ => {
                    if let Some(messages) = messages {
                        messages.end(store, after).await.into_iter().for_each(name);
                    }
                    return read;
                }
            },
            Err(error) => {
                messages = None;
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
