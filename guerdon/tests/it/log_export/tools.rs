//! The commands, and what is done to an export's files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::ledger::tool::{guerdon, said, succeeds, text, tool};

/// Enough for several files, and small enough to have some.
const PER_FILE: &str = "700";

/// Seals an event of an export anew with other words, and makes the manifest fit.
pub(crate) fn rewrite(folder: &Path, position: u64) {
    use log_export::{Manifest, Sha256Hex, from_line, to_line};
    use log_record::{LogId, NewEvent, Private, RecordedEvent};
    let path = folder.join("manifest.json");
    let mut manifest: Manifest =
        serde_json::from_slice(&fs::read(&path).expect("read")).expect("a manifest");
    let at = manifest.files.iter().position(|file| file.first <= position && position <= file.last);
    let entry = &mut manifest.files[at.expect("it is there")];
    let file = folder.join(&entry.name);
    let text = String::from_utf8(unpacked(&fs::read(&file).expect("read"))).expect("text");
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    let index = usize::try_from(position - entry.first).expect("an index");
    let event = from_line(&lines[index]).expect("an event");
    let Private::Text(private) = event.private else { panic!("erased") };
    let new = NewEvent {
        event_type: "credit-earned",
        version: event.version,
        recorded_at: event.recorded_at,
        account_id: event.account_id,
        public: r#"{"points":1000000}"#.into(),
        private,
    };
    let log_id = LogId(manifest.log_id);
    let event = RecordedEvent::seal(log_id, event.generation, event.place, new);
    lines[index] = to_line(&event).expect("a line");
    pack(&file, (lines.join("\n") + "\n").as_bytes());
    let bytes = fs::read(&file).expect("read");
    let checksum = Sha256Hex::from(event.checksum);
    if position == entry.first {
        entry.first_checksum = checksum;
    }
    if position == entry.last {
        entry.last_checksum = checksum;
    }
    entry.bytes = bytes.len() as u64;
    entry.sha256 = Sha256Hex::of(&bytes);
    entry.lines_sha256 = Some(Sha256Hex::of(&unpacked(&bytes)));
    let range = &mut manifest.ranges[0];
    range.checkpoint = None;
    if position == range.last {
        range.last_checksum = Some(checksum);
    }
    fs::write(path, serde_json::to_vec(&manifest).expect("JSON")).expect("written");
}

pub(crate) fn export(store: &str, into: &Path) -> Vec<String> {
    export_by(store, into, PER_FILE)
}

pub(crate) fn export_by(store: &str, into: &Path, per_file: &str) -> Vec<String> {
    let args = ["log", "export", &text(into), "--store", store, "--events-per-file", per_file];
    args.map(ToOwned::to_owned).into()
}

pub(crate) fn with(mut args: Vec<String>, more: &[&str]) -> Vec<String> {
    args.extend(more.iter().map(|more| (*more).to_owned()));
    args
}

pub(crate) fn import(from: &Path, store: &str) -> Vec<String> {
    ["log", "import", &text(from), "--store", store].map(ToOwned::to_owned).into()
}

pub(crate) fn imported(folder: &Path, from: &Path, store: &str) {
    let done = succeeds(guerdon(folder, &import(from, store)));
    assert!(said(&done).contains("events, all verified"), "{done:?}");
}

pub(crate) fn begin(folder: &Path, args: &[String]) -> Child {
    let mut command = tool(folder, args);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs")
}

/// Every file of a folder, by its name.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("read").map(|entry| entry.expect("read").path());
    let read = |path: PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, fs::read(path).expect("read"))
    };
    let mut files: Vec<_> = entries.map(read).collect();
    files.sort();
    files
}

/// How many whole files of events there are.
pub(crate) fn count(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.flatten().filter(|it| it.file_name().to_string_lossy().ends_with(".gz")).count()
}

pub(crate) fn first_file(folder: &Path) -> PathBuf {
    let (name, _) = files(folder).into_iter().find(|(name, _)| name.starts_with('0')).expect("one");
    folder.join(name)
}

/// The lines of a file; nothing where it isn't packed.
pub(crate) fn unpacked(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut lines = vec![];
    let unpacked = flate2::read::GzDecoder::new(bytes).read_to_end(&mut lines);
    unpacked.map(|_| lines).unwrap_or_default()
}

pub(crate) fn pack(file: &Path, lines: &[u8]) {
    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
    packed.write_all(lines).expect("packed");
    fs::write(file, packed.finish().expect("packed")).expect("written");
}
