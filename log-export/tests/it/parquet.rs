//! Parquet, read by somebody else's program: `DuckDB`.
//!
//! The events are those of a ledger that imported a slice of the Complete Journey, exported as
//! NDJSON once; `totals.json` is what it answered to `GET /v1/totals` then.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use log_export::{Export, Form, Manifest, PrivateTexts};
use log_record::{LogFormat, RecordedEvent};
use serde_json::Value;

use crate::exports::{begin, events, export, files, plan, verify, write};

/// A copy of the exported journey, whose log has the present format: that number is about the
/// texts, of which only sums are looked at.
fn journey(folder: &Path) -> (PathBuf, Value) {
    let (from, to) = (data(), folder.join("lines"));
    fs::create_dir(&to).expect("made");
    for (name, mut bytes) in files(&from) {
        if name == "manifest.json" {
            let mut manifest: Manifest = serde_json::from_slice(&bytes).expect("a manifest");
            manifest.log_format = LogFormat::CURRENT.0;
            bytes = serde_json::to_vec(&manifest).expect("JSON");
        }
        fs::write(to.join(name), bytes).expect("written");
    }
    let totals = fs::read(to.join("totals.json")).expect("read");
    (to, serde_json::from_slice(&totals).expect("JSON"))
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/parquet/journey")
}

/// The same export as Parquet.
fn as_parquet(folder: &Path, lines: &Path) -> (Manifest, Vec<RecordedEvent>) {
    let (events, _) = verify(lines, vec![]).expect("in order");
    let manifest = Export::open(lines).expect("an export").manifest().clone();
    let plan = Manifest { form: Form::Parquet, files: vec![], ..manifest };
    (export(folder, &events, plan), events)
}

/// What the program beside this file finds.
fn duckdb(rows: &Path, lines: &Path) -> Value {
    let python = services::python_with("duckdb==2.0.0").expect("a Python with DuckDB");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/parquet/duckdb_sums.py");
    let output = Command::new(python).arg(program).arg(rows).arg(lines).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn duckdb_reads_parquet_and_finds_the_ledgers_totals_and_the_bytes_of_the_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let (lines, totals) = journey(folder.path());
    let rows = folder.path().join("rows");
    let (manifest, events) = as_parquet(&rows, &lines);
    assert!(events.len() > 3_000 && manifest.files.len() > 1, "{} events", events.len());
    let found = duckdb(&rows, &lines);
    assert_eq!(found["differing_rows"], 0);
    for (name, sum) in found["totals"].as_object().expect("sums") {
        assert_eq!(totals[name].as_str(), sum.as_str(), "{name}: {totals} {found}");
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/parquet/columns.txt");
    let golden = fs::read_to_string(golden).expect("read");
    assert_eq!(found["columns"].as_str().expect("a text"), golden, "the columns are frozen");
}

#[test]
fn a_fork_words_of_all_alphabets_and_absent_private_texts_are_the_lines_of_the_other_form() {
    let folder = tempfile::tempdir().expect("a folder");
    let (lines, rows) = (folder.path().join("lines"), folder.path().join("rows"));
    let events = events(60);
    let hashes = Manifest { private: PrivateTexts::Hashes, ..plan(&events, 25) };
    export(&lines, &events, hashes.clone());
    export(&rows, &events, Manifest { form: Form::Parquet, ..hashes });
    assert_eq!(duckdb(&rows, &lines)["differing_rows"], 0);
    for (name, bytes) in files(&rows) {
        let is_there = bytes.windows(4).any(|window| window == b"salt");
        assert!(!is_there, "{name} has a private text");
    }
    let (golden, rows) = (folder.path().join("golden"), folder.path().join("golden-rows"));
    fs::create_dir(&golden).expect("made");
    for (name, bytes) in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")) {
        let now = format!("\"log_format\": {},", LogFormat::CURRENT);
        let is_manifest = name == "manifest.json";
        let text = || String::from_utf8_lossy(&bytes).replace("\"log_format\": 7,", &now);
        let bytes = if is_manifest { text().into_bytes() } else { bytes.clone() };
        fs::write(golden.join(name), bytes).expect("written");
    }
    as_parquet(&rows, &golden);
    assert_eq!(duckdb(&rows, &golden)["differing_rows"], 0);
}

#[test]
fn a_parquet_export_that_is_cut_short_is_gone_on_with_and_its_files_are_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let events = events(60);
    let plan = Manifest { form: Form::Parquet, ..plan(&events, 25) };
    let (whole, into) = (folder.path().join("whole"), folder.path().join("cut"));
    let manifest = export(&whole, &events, plan.clone());
    let mut cut_short = begin(&into, plan.clone()).expect("begun");
    assert!(!write(&mut cut_short, &events, 40).expect("written"));
    drop(cut_short);
    export(&into, &events, plan);
    assert!(files(&into) == files(&whole), "it was written otherwise");
    let opened = Export::open(&whole).expect("an export");
    opened.compare_files(|_| {}).expect("in order");
    let said = opened.verify(vec![]).map(drop).expect_err("it has no lines").to_string();
    assert!(said.contains("which is for analysis; events are read back from"), "{said}");
    let file = whole.join(&manifest.files[1].name);
    let mut bytes = fs::read(&file).expect("read");
    bytes[100] ^= 1;
    fs::write(&file, bytes).expect("written");
    let said = opened.compare_files(|_| {}).expect_err("changed").to_string();
    let what = "0-000000000000026-000000000000050.parquet: its SHA-256 is ";
    assert!(said.contains(what), "{said}");
    fs::remove_file(whole.join(&manifest.files[1].name)).expect("removed");
    let error = opened.compare_files(|_| {}).expect_err("missing");
    assert!(error.is_finding() && error.to_string().contains("it is missing"), "{error}");
}
