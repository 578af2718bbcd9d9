//! `guerdon log export DIR`.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Args;
use clap::ValueEnum;
use event_store::{Access, EventStore, READ_EVENTS_MAX, with_causes};
use log_export::{
    EVENTS_PER_FILE, EVENTS_PER_FILE_MAX, ExportFolder, ExportedFile, ExportedRange, Form, Found,
    Manifest, PrivateTexts, Sha256Hex,
};
use log_record::{Head, LogFormat, Partition, Place, Position};
use sealer::newest_checkpoint;
use serde::Serialize;
use transparency::Origin;

use crate::command_line::path;
use crate::data_config::DataConfig;
use crate::partitions;
use crate::printing::Printing;

/// What to export, and where to.
#[derive(Args, Clone, Debug)]
pub(super) struct ExportArgs {
    /// The folder, which is made where it is missing. It must be empty, or have what an earlier run
    /// of the same export left.
    #[arg(value_name = "DIR", value_parser = path)]
    folder: PathBuf,

    /// The form of the files. Only NDJSON can be imported; Parquet is for analysis, in builds with
    /// the feature `parquet`.
    #[arg(long, value_enum, default_value_t = FormName::Ndjson)]
    form: FormName,

    /// The partition. [default: all]
    #[arg(long)]
    partition: Option<u16>,

    /// The first position.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    from: u64,

    /// The last position. [default: the log's last]
    #[arg(long)]
    until: Option<u64>,

    /// Put the SHA-256 of each private text in its place. For auditors; such an export can't be
    /// imported.
    #[arg(long)]
    without_private: bool,

    /// How many events go to a file.
    #[arg(
        long,
        default_value_t = EVENTS_PER_FILE,
        value_parser = clap::value_parser!(u64).range(1..=EVENTS_PER_FILE_MAX)
    )]
    events_per_file: u64,
}

/// The form of an export's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormName {
    /// An event a line of JSON, compressed with gzip.
    Ndjson,
    /// Apache Parquet, an event a row.
    Parquet,
}

/// What was exported, to be printed.
#[derive(Serialize)]
struct Exported {
    folder: PathBuf,
    log_id: String,
    form: Form,
    private: PrivateTexts,
    events: u64,
    /// The events that this run has written; the others were there.
    events_written: u64,
    files: usize,
    bytes: u64,
    ranges: Vec<ExportedRange>,
}

impl Display for Exported {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { folder, log_id, form, events, events_written, files, bytes, ranges, .. } = self;
        write!(
            f,
            "log {log_id}: {events} events in {files} files of {form}, {bytes} bytes, are in {}",
            folder.display()
        )?;
        if events_written < events {
            write!(f, "; this run wrote {events_written} of them")?;
        }
        for range in ranges {
            write!(f, "\n{range}")?;
            if let Some(checksum) = range.last_checksum {
                write!(f, ", which has the checksum {checksum}")?;
            }
        }
        Ok(())
    }
}

pub(super) async fn run(
    args: ExportArgs,
    data: &DataConfig,
    printing: Printing,
) -> anyhow::Result<()> {
    let into = args.folder.display();
    printing.about(format_args!("exporting the log {} to {into}", data.store()));
    let store = data.open(Access::Read).await?;
    let folder = ExportFolder::take(&args.folder)?;
    let plan = plan(&args, data, &store, &folder.found()?).await?;
    let events = plan.events();
    let mut exporting = folder.begin(plan)?;
    let there = exporting.events_written();
    let progress = printing.progress("events", Some(events));
    progress.set(there);
    while let Some(mut file) = exporting.next_file()? {
        while file.missing() > 0 {
            let limit = usize::try_from(file.missing()).unwrap_or(READ_EVENTS_MAX);
            let events = store.read(file.partition(), file.after(), limit).await?;
            let place = Place { partition: file.partition(), position: file.after().next() };
            ensure!(!events.is_empty(), "the event at {place} is missing: the log is shorter now");
            let count = events.len() as u64;
            for event in events {
                file.add(event)?;
            }
            progress.inc(count);
        }
        exporting.end_file(file)?;
    }
    let manifest = exporting.finish()?;
    drop(progress);
    printing.one(&Exported {
        folder: args.folder,
        log_id: manifest.log_id.to_string(),
        form: manifest.form,
        private: manifest.private,
        events,
        events_written: events - there,
        files: manifest.files.len(),
        bytes: manifest.files.iter().map(|file: &ExportedFile| file.bytes).sum(),
        ranges: manifest.ranges,
    })
}

/// What is to be exported. A run that goes on with another one's export ends where that one was to
/// end, however far the log has come since.
async fn plan(
    args: &ExportArgs,
    data: &DataConfig,
    store: &EventStore,
    found: &Found,
) -> anyhow::Result<Manifest> {
    let all = store.partitions();
    let chosen = partitions::chosen(args.partition, store)?;
    let is_whole = args.from == 1 && args.until.is_none();
    ensure!(
        is_whole || chosen.len() == 1,
        "the log has {all} partitions, and positions count in each: say which one with \
         --partition"
    );
    let mut checkpoints = vec![];
    for (partition, head) in store.heads().await? {
        let origin = Origin { log_id: store.log_id(), generation: head.generation, partition };
        checkpoints.push(newest(data, &origin));
    }
    // After the checkpoints, so that no end is before its checkpoint's; and all of one moment: what
    // one partition has received, another has sent.
    let heads = store.heads().await?;
    let mut ranges = vec![];
    for ((partition, head), checkpoint) in heads.into_iter().zip(checkpoints) {
        if !chosen.contains(&partition.0) {
            continue;
        }
        let begun = match found {
            Found::Unfinished(begun) => {
                begun.ranges.iter().find(|range| range.partition == partition.0)
            }
            Found::Nothing | Found::Finished(_) => None,
        };
        let last = args.until.or(begun.map(|range| range.last));
        let span = (args.from, last.unwrap_or(head.position.0));
        ranges.push(range(span, partition, head, checkpoint, store).await?);
    }
    Ok(Manifest {
        format: Manifest::FORMAT,
        form: match args.form {
            FormName::Ndjson => Form::Ndjson,
            FormName::Parquet => Form::Parquet,
        },
        log_format: LogFormat::CURRENT.0,
        log_id: store.log_id().0,
        partitions: all,
        private: if args.without_private { PrivateTexts::Hashes } else { PrivateTexts::Texts },
        events_per_file: args.events_per_file,
        ranges,
        files: vec![],
    })
}

/// The newest checkpoint of a partition, with its size.
fn newest(data: &DataConfig, origin: &Origin) -> Option<(u64, String)> {
    match newest_checkpoint(&data.transparency(), origin) {
        Ok(newest) => newest.map(|(checkpoint, note)| (checkpoint.size, note.to_string())),
        Err(error) => {
            eprintln!("the export gets no checkpoint: {}", with_causes(&error));
            None
        }
    }
}

async fn range(
    (first, last): (u64, u64),
    partition: Partition,
    head: Head,
    checkpoint: Option<(u64, String)>,
    store: &EventStore,
) -> anyhow::Result<ExportedRange> {
    let (generation, head) = (head.generation, head.position.0);
    ensure!(last <= head, "partition {partition} ends at {head}, before {last}");
    ensure!(first <= last + 1, "partition {partition} ends at {last}, before {first}");
    let at = async |position: u64| {
        let place = Place { partition, position: Position(position) };
        let event = store.read_one(place).await;
        event.with_context(|| format!("can't begin an export with the event at {place}"))
    };
    let has_events = last >= first;
    let before = if first > 1 { Some(at(first - 1).await?) } else { None };
    let begin = if has_events { Some(at(first).await?) } else { None };
    let end = if has_events { Some(at(last).await?) } else { None };
    let checkpoint = checkpoint.filter(|(size, _)| *size <= last);
    Ok(ExportedRange {
        partition: partition.0,
        first,
        last,
        generation: end.as_ref().map_or(generation, |event| event.generation).0,
        checksum_before: before.map(|event| Sha256Hex::from(event.checksum)),
        first_checksum: begin.map(|event| Sha256Hex::from(event.checksum)),
        last_checksum: end.map(|event| Sha256Hex::from(event.checksum)),
        checkpoint: checkpoint.map(|(_, note)| note),
    })
}
