//! Bad, cut, swapped and doubled lines and files are named, whether or not the manifest was made to
//! fit them.

use std::fs;
use std::path::{Path, PathBuf};

use log_export::{ExportError, Manifest, from_line, to_line};
use log_record::{NewEvent, RecordedEvent};

use crate::exports::{
    LOG, events, export, finding, make_manifest_fit, pack, plan, unpacked, verify,
};

const FIRST: &str = "0-000000000000001-000000000000010.ndjson.gz";
const SECOND: &str = "0-000000000000011-000000000000020.ndjson.gz";

fn made() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let into = folder.path().join("export");
    let events = events(40);
    let plan = plan(&events, 10);
    export(&into, &events, plan);
    (folder, into)
}

/// Changes the lines of the first file, in every way of hiding it, and looks for what is said.
fn changed(change: impl Fn(&mut Vec<String>), line: Option<u64>, what: &str) {
    for is_hidden in [false, true] {
        let (_folder, into) = made();
        let file = into.join(FIRST);
        let text = String::from_utf8(unpacked(&file)).expect("text");
        let mut lines: Vec<String> = text.split_inclusive('\n').map(ToOwned::to_owned).collect();
        change(&mut lines);
        pack(&file, lines.concat().as_bytes());
        if is_hidden {
            make_manifest_fit(&into);
        }
        let said = finding(&into, vec![]);
        let place = line.map(|line| format!(", line {line}: ")).unwrap_or_default();
        let named = format!("{FIRST}{place}");
        assert!(said.contains(&named) && said.contains(what), "{said}");
    }
}

fn replaced(number: usize, from: &'static str, to: &'static str) -> impl Fn(&mut Vec<String>) {
    move |lines| {
        assert!(lines[number - 1].contains(from), "{}", lines[number - 1]);
        lines[number - 1] = lines[number - 1].replacen(from, to, 1);
    }
}

#[test]
fn what_was_done_to_a_line_is_named_by_file_and_line() {
    let is_changed = "the event at 0:3 was changed";
    changed(replaced(3, "\"points\":3", "\"points\":4"), Some(3), is_changed);
    changed(replaced(3, "{\"salt\":\"00", "{\"salt\":\"01"), Some(3), is_changed);
    changed(replaced(3, "\"Zoë-3\"", "null"), Some(3), is_changed);
    changed(replaced(3, "credit-earned", "credit-expired"), Some(3), is_changed);
    changed(replaced(3, "\"generation\":1", "\"generation\":2"), Some(3), is_changed);
    changed(
        replaced(3, "\"position\":3", "\"position\":9"),
        Some(3),
        "it is the event at 0:9, where 0:3 should be",
    );
    let unusual = "the event at 0:3 isn't written as an export writes it";
    changed(replaced(3, "\"version\"", " \"version\""), Some(3), unusual);
    changed(replaced(3, "{\"partition\"", "{\"more\":1,\"partition\""), Some(3), unusual);
    changed(replaced(3, "\"private_hash\":\"", "\"private_hash\":\"0"), Some(3), unusual);
    changed(replaced(3, "{", ""), Some(3), "it is no event of an export");
    changed(|lines| lines[2] = "null\n".into(), Some(3), "it is no event of an export");
    changed(|lines| lines[2] = "\n".into(), Some(3), "it is no event of an export");
}

#[test]
fn lines_out_of_place_are_named() {
    let other = "it is the event at 0:4, where 0:3 should be";
    changed(|lines| lines.swap(2, 3), Some(3), other);
    changed(|lines| drop(lines.remove(2)), Some(3), other);
    changed(
        |lines| lines.insert(3, lines[2].clone()),
        Some(4),
        "it is the event at 0:3, where 0:4 should be",
    );
    changed(
        |lines| lines.push(lines[9].clone()),
        Some(11),
        "the file should end before it, with position 10",
    );
    changed(
        |lines| lines.truncate(9),
        None,
        "it ends after line 9: the events from 0:10 to 0:10 are missing",
    );
    changed(
        |lines| {
            lines[9].pop();
        },
        Some(10),
        "it has no end, or is too long for an event",
    );
    changed(Vec::clear, None, "it ends after line 0");
}

#[test]
fn every_bit_of_a_line_counts() {
    let (_folder, into) = made();
    let file = into.join(FIRST);
    let whole = unpacked(&file);
    let starts: Vec<usize> =
        whole.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::len).collect();
    let start: usize = starts[..4].iter().sum();
    let length = starts[4];
    for at in start..start + length - 1 {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        pack(&file, &bytes);
        make_manifest_fit(&into);
        let said = finding(&into, vec![]);
        assert!(said.contains(&format!("{FIRST}, line 5: ")), "byte {at}: {said}");
    }
}

#[test]
fn a_file_that_is_cut_damaged_or_packed_anew_is_named() {
    let (_folder, into) = made();
    let file = into.join(FIRST);
    let whole = fs::read(&file).expect("read");
    for at in (0..whole.len()).step_by(7) {
        fs::write(&file, &whole[..at]).expect("written");
        let said = finding(&into, vec![]);
        assert!(said.contains(FIRST), "cut at {at}: {said}");
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&file, flipped).expect("written");
        let said = finding(&into, vec![]);
        assert!(said.contains(FIRST), "flipped at {at}: {said}");
    }
    let lines = { fs::write(&file, &whole).map(|()| unpacked(&file)).expect("written") };
    pack(&file, &lines);
    let said = finding(&into, vec![]);
    assert!(said.contains(&format!("{FIRST}: its SHA-256 is ")), "{said}");
    fs::write(&file, [&whole[..], b"more"].concat()).expect("written");
    let said = finding(&into, vec![]);
    assert!(said.contains(&format!("{FIRST}, line 11: the file is damaged")), "{said}");
    fs::remove_file(&file).expect("removed");
    let said = finding(&into, vec![]);
    assert!(said.contains(&format!("{FIRST}: it is missing, and the manifest has it")), "{said}");
}

#[test]
fn files_that_changed_names_are_named() {
    let (_folder, into) = made();
    let (first, second) = (into.join(FIRST), into.join(SECOND));
    let bytes = (fs::read(&first).expect("read"), fs::read(&second).expect("read"));
    fs::write(&first, &bytes.1).and_then(|()| fs::write(&second, &bytes.0)).expect("written");
    for is_hidden in [false, true] {
        if is_hidden {
            make_manifest_fit(&into);
        }
        let said = finding(&into, vec![]);
        let what = format!("{FIRST}, line 1: it is the event at 0:11, where 0:1 should be");
        assert!(said.contains(&what), "{said}");
    }
}

#[test]
fn a_bomb_of_gzip_fills_no_memory() {
    let (_folder, into) = made();
    pack(&into.join(FIRST), &vec![b' '; 40 << 20]);
    let said = finding(&into, vec![]);
    assert!(said.contains("line 1: it has no end, or is too long for an event"), "{said}");
}

#[test]
fn an_event_that_begins_a_generation_without_a_fork_is_named() {
    let (_folder, into) = made();
    let file = into.join(FIRST);
    let text = String::from_utf8(unpacked(&file)).expect("text");
    let mut lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
    let before = from_line(lines[4].trim_end()).expect("an event");
    let event = NewEvent {
        event_type: "credit-earned",
        version: 1,
        recorded_at: before.recorded_at,
        account_id: None,
        public: "{}".into(),
        private: "{}".into(),
    };
    let event = RecordedEvent::seal(LOG, log_record::Generation(3), before.place, event);
    lines[4] = to_line(&event).expect("a line") + "\n";
    pack(&file, lines.concat().as_bytes());
    make_manifest_fit(&into);
    let said = finding(&into, vec![]);
    let what = "line 5: the event at 0:5 is of generation 3, and the one before of 1";
    assert!(said.contains(what), "{said}");
}

/// Changes the manifest and looks for what is said.
fn manifest_changed(change: impl Fn(&mut Manifest), what: &str) {
    let (_folder, into) = made();
    let file = into.join("manifest.json");
    let mut manifest: Manifest =
        serde_json::from_slice(&fs::read(&file).expect("read")).expect("a manifest");
    change(&mut manifest);
    fs::write(&file, serde_json::to_vec(&manifest).expect("JSON")).expect("written");
    let said = finding(&into, vec![]);
    assert!(said.contains(what), "{said}");
}

#[test]
fn a_manifest_that_contradicts_itself_or_its_files_is_named() {
    manifest_changed(|it| drop(it.files.pop()), "it doesn't have all files of its ranges");
    manifest_changed(|it| it.files.swap(0, 1), "is out of place");
    manifest_changed(|it| it.files[0].name = "../../etc/passwd".into(), "is out of place");
    manifest_changed(|it| it.files[1].first = 1, "is out of place");
    manifest_changed(|it| it.ranges[0].last = 39, "is out of place");
    manifest_changed(|it| it.ranges[0].last = u64::MAX, "the range of partition 0 is none");
    manifest_changed(|it| it.ranges[0].first = 0, "the range of partition 0 is none");
    manifest_changed(|it| it.ranges.clear(), "it has no range");
    manifest_changed(|it| it.ranges[0].partition = 1, "partition 1 is out of place");
    manifest_changed(|it| it.events_per_file = 0, "a file has 1 to 10000000 events");
    manifest_changed(|it| it.ranges[0].generation = 1, "is of generation 2, and not 1");
    manifest_changed(
        |it| it.files[0].first_checksum = it.files[1].first_checksum,
        "begin or end with another event",
    );
    manifest_changed(
        |it| it.files[1].first_checksum = it.files[0].first_checksum,
        "line 1: the event at 0:11 is another than the manifest's",
    );
    manifest_changed(
        |it| it.log_id = uuid::Uuid::from_u128(8),
        "line 1: the event at 0:1 was changed",
    );
}

#[test]
fn what_is_no_manifest_is_named() {
    let (_folder, into) = made();
    let file = into.join("manifest.json");
    for text in ["", "{", "[]", "{\"format\":1}", "{\"format\":\"1\"}", "\u{feff}{}"] {
        fs::write(&file, text).expect("written");
        let said = finding(&into, vec![]);
        assert!(said.contains("manifest.json: "), "{said}");
    }
    fs::remove_file(&file).expect("removed");
    let said = opened(&into).to_string();
    assert!(said.contains("there is no manifest.json; name a folder that"), "{said}");
}

fn opened(folder: &Path) -> ExportError {
    verify(folder, vec![]).map(drop).expect_err("it is in order")
}
