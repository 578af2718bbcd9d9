//! The golden export, which every later build must read, and write line by line. It was made apart
//! from this code, with Python's `hashlib` and `gzip`.

use std::fs;
use std::path::{Path, PathBuf};

use log_export::Manifest;
use log_record::{LogFormat, Private};

use crate::exports::{export, unpacked, verify};

/// The root of the tree over the golden events, worked out with them.
const ROOT: &str = "XJeqv8MPox1OdaY/xquezfi/SRBfrTgFghrdUxGr1qY=";

/// A copy whose log has the present format: that number is about the texts, which aren't looked at.
fn golden(folder: &Path) -> PathBuf {
    let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("golden"), folder.join("golden"));
    fs::create_dir(&to).expect("made");
    for entry in fs::read_dir(from).expect("read") {
        let path = entry.expect("read").path();
        let mut bytes = fs::read(&path).expect("read");
        if path.ends_with("manifest.json") {
            let now = format!("\"log_format\": {},", LogFormat::CURRENT);
            let text = String::from_utf8(bytes).expect("text");
            bytes = text.replace("\"log_format\": 7,", &now).into_bytes();
        }
        fs::write(to.join(path.file_name().expect("a name")), bytes).expect("written");
    }
    to
}

#[test]
fn the_golden_export_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let (events, verified) = verify(&golden(folder.path()), vec![]).expect("it is in order");
    assert_eq!(events.len(), 5);
    assert_eq!(events[3].account_id.as_deref(), Some("Zoë \"Z\""));
    assert_eq!(&*events[1].public, r#"{"points":1.50,  "note":"a \"b\" \u00e9"}"#);
    let private = r#"{"salt":"02","deliver_to":"Straße 1\nKöln 🏠"}"#;
    assert_eq!(events[3].private, Private::Text(private.into()));
    assert!(matches!(events[4].private, Private::Erased(_)));
    let root = verified[0].root.expect("from the first event on").to_string();
    assert_eq!((verified[0].events, &*root), (5, ROOT));
}

#[test]
fn its_events_are_exported_as_the_same_lines_under_the_same_manifest() {
    let folder = tempfile::tempdir().expect("a folder");
    let golden = golden(folder.path());
    let (events, _) = verify(&golden, vec![]).expect("it is in order");
    let text = fs::read(golden.join("manifest.json")).expect("read");
    let expected: Manifest = serde_json::from_slice(&text).expect("a manifest");
    let made = folder.path().join("made");
    let plan = Manifest { files: vec![], ..expected.clone() };
    let mut manifest = export(&made, &events, plan);
    for (file, expected) in manifest.files.iter_mut().zip(&expected.files) {
        let lines = unpacked(&made.join(&file.name));
        assert_eq!(lines, unpacked(&golden.join(&file.name)), "{}", file.name);
        // Another library may pack the same lines otherwise.
        (file.bytes, file.sha256) = (expected.bytes, expected.sha256);
    }
    assert_eq!(manifest, expected);
    let mut written = serde_json::to_vec_pretty(&manifest).expect("JSON");
    written.push(b'\n');
    assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(&text));
}

#[test]
fn a_manifest_of_another_format_is_refused_by_its_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let golden = golden(folder.path());
    let file = golden.join("manifest.json");
    let text = fs::read_to_string(&file).expect("read");
    fs::write(&file, text.replace("\"format\": 1,", "\"format\": 2,\n  \"new\": 1,"))
        .expect("written");
    let said = verify(&golden, vec![]).map(drop).expect_err("refused").to_string();
    assert!(said.contains("it was written in format 2, and this build reads format 1"), "{said}");
    let now = format!("\"log_format\": {},", LogFormat::CURRENT);
    fs::write(&file, text.replace(&now, "\"log_format\": 1,")).expect("written");
    let said = verify(&golden, vec![]).map(drop).expect_err("refused").to_string();
    assert!(said.contains("was written in format 1; this build reads format"), "{said}");
}
