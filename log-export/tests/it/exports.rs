//! Events, and exports of them.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use log_export::{
    Export, ExportError, ExportFolder, ExportedRange, Exporting, Form, Manifest, PartitionVerified,
    PrivateTexts, Sha256Hex, Signed,
};
use log_record::{
    Generation, LogFormat, LogId, NewEvent, Partition, Place, Position, RecordedEvent,
};
use uuid::Uuid;

pub(crate) const LOG: LogId = LogId(Uuid::from_u128(7));

/// So many events of one partition, with a fork in the middle and texts of several alphabets.
pub(crate) fn events(count: u64) -> Vec<RecordedEvent> {
    let event = |position: u64| {
        let is_fork = position == count / 2 + 1;
        let event = NewEvent {
            event_type: if is_fork { RecordedEvent::FORK } else { "credit-earned" },
            version: 1,
            recorded_at: 1_795_248_000_000_000 + position.cast_signed(),
            account_id: (!is_fork).then(|| format!("Zoë-{position}").into()),
            public: format!(r#"{{"points":{position},"note":"東京 é"}}"#).into(),
            private: format!(r#"{{"salt":"{position:032x}"}}"#).into(),
        };
        let place = Place { partition: Partition(0), position: Position(position) };
        RecordedEvent::seal(LOG, Generation(if position > count / 2 { 2 } else { 1 }), place, event)
    };
    (1..=count).map(event).collect()
}

/// What an export of these events is to be.
pub(crate) fn plan(events: &[RecordedEvent], events_per_file: u64) -> Manifest {
    let (first, last) = (&events[0], &events[events.len() - 1]);
    Manifest {
        format: Manifest::FORMAT,
        form: Form::Ndjson,
        log_format: LogFormat::CURRENT.0,
        log_id: LOG.0,
        partitions: 1,
        private: PrivateTexts::Texts,
        events_per_file,
        ranges: vec![ExportedRange {
            partition: 0,
            first: first.place.position.0,
            last: last.place.position.0,
            generation: last.generation.0,
            checksum_before: None,
            first_checksum: Some(Sha256Hex::from(first.checksum)),
            last_checksum: Some(Sha256Hex::from(last.checksum)),
            checkpoint: None,
        }],
        files: vec![],
    }
}

/// Takes the folder in hand and begins, or goes on.
pub(crate) fn begin(folder: &Path, plan: Manifest) -> Result<Exporting, ExportError> {
    ExportFolder::take(folder)?.begin(plan)
}

/// Writes events until the export is whole or so many are written; `true` when it is whole.
pub(crate) fn write(
    exporting: &mut Exporting,
    events: &[RecordedEvent],
    mut most: u64,
) -> Result<bool, ExportError> {
    while let Some(mut file) = exporting.next_file()? {
        while file.missing() > 0 {
            if most == 0 {
                return Ok(false);
            }
            most -= 1;
            let index = usize::try_from(file.after().0).expect("an index");
            file.add(events[index].clone())?;
        }
        exporting.end_file(file)?;
    }
    Ok(true)
}

pub(crate) fn export(folder: &Path, events: &[RecordedEvent], plan: Manifest) -> Manifest {
    let mut exporting = begin(folder, plan).expect("begun");
    assert!(write(&mut exporting, events, u64::MAX).expect("written"));
    exporting.finish().expect("finished")
}

/// Reads an export from end to end.
pub(crate) fn verify(
    folder: &Path,
    signed: Vec<Signed>,
) -> Result<(Vec<RecordedEvent>, Vec<PartitionVerified>), ExportError> {
    let export = Export::open(folder)?;
    let (mut verifying, mut events) = (export.verify(signed)?, vec![]);
    while let Some(event) = verifying.next_event()? {
        events.push(event);
    }
    Ok((events, verifying.verified()))
}

/// What it says of an export that isn't in order.
pub(crate) fn finding(folder: &Path, signed: Vec<Signed>) -> String {
    let error = verify(folder, signed).map(drop).expect_err("it is in order");
    assert!(error.is_finding(), "{error:?}");
    error.to_string()
}

pub(crate) fn unpacked(file: &Path) -> Vec<u8> {
    let mut lines = vec![];
    let packed = fs::read(file).expect("read");
    GzDecoder::new(&packed[..]).read_to_end(&mut lines).expect("it unpacks");
    lines
}

pub(crate) fn pack(file: &Path, lines: &[u8]) {
    let mut packed = GzEncoder::new(vec![], Compression::best());
    packed.write_all(lines).expect("packed");
    fs::write(file, packed.finish().expect("packed")).expect("written");
}

/// Makes the manifest fit the files as they are now, as somebody does who wants to hide something.
pub(crate) fn make_manifest_fit(folder: &Path) {
    let file = folder.join("manifest.json");
    let mut manifest: Manifest =
        serde_json::from_slice(&fs::read(&file).expect("read")).expect("a manifest");
    for file in &mut manifest.files {
        let bytes = fs::read(folder.join(&file.name)).expect("read");
        file.bytes = bytes.len() as u64;
        file.sha256 = Sha256Hex::of(&bytes);
        file.lines_sha256 = Some(Sha256Hex::of(&unpacked(&folder.join(&file.name))));
    }
    fs::write(file, serde_json::to_vec(&manifest).expect("JSON")).expect("written");
}

/// Every file of a folder, by its name.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("read").map(|entry| entry.expect("read").path());
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, fs::read(path).expect("read"))
    };
    let mut files: Vec<_> = entries.map(read).collect();
    files.sort();
    files
}
