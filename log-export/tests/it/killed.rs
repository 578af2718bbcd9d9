//! A run that is cut short at any event is gone on with by another: the export is the same as
//! without it.

use std::fs;

use log_export::{ExportError, ExportFolder, Found, Manifest, PrivateTexts};
use log_record::RecordedEvent;

use crate::exports::{begin, events, export, files, pack, plan, verify, write};

#[test]
fn a_run_that_is_cut_short_anywhere_is_gone_on_with() {
    let events = events(12);
    let folder = tempfile::tempdir().expect("a folder");
    let whole = folder.path().join("whole");
    export(&whole, &events, plan(&events, 5));
    for cut in 0..=12 {
        let into = folder.path().join(format!("cut-{cut}"));
        let mut cut_short = begin(&into, plan(&events, 5)).expect("begun");
        write(&mut cut_short, &events, cut).expect("written");
        drop(cut_short);
        let said = verify(&into, vec![]).map(drop).expect_err("not finished").to_string();
        assert!(said.contains("the run that wrote it was cut short; run the same"), "{said}");
        let mut going_on = begin(&into, plan(&events, 5)).expect("begun");
        assert_eq!(going_on.events_written(), if cut == 12 { 12 } else { cut / 5 * 5 });
        assert!(write(&mut going_on, &events, u64::MAX).expect("written"));
        going_on.finish().expect("finished");
        assert!(files(&into) == files(&whole), "cut at {cut}");
    }
    let (read, _) = verify(&whole, vec![]).expect("in order");
    assert_eq!(read, events);
}

#[test]
fn a_file_that_was_changed_meanwhile_is_written_anew_and_no_other() {
    let events = events(12);
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, into) = (folder.path().join("whole"), folder.path().join("export"));
    let manifest = export(&whole, &events, plan(&events, 5));
    let mut cut_short = begin(&into, plan(&events, 5)).expect("begun");
    write(&mut cut_short, &events, 11).expect("written");
    drop(cut_short);
    pack(&into.join(&manifest.files[1].name), b"something else");
    let mut going_on = begin(&into, plan(&events, 5)).expect("begun");
    assert_eq!(going_on.events_written(), 5);
    assert!(write(&mut going_on, &events, u64::MAX).expect("written"));
    going_on.finish().expect("finished");
    assert!(files(&into) == files(&whole));
    // Nor is an export that was finished believed.
    pack(&into.join(&manifest.files[0].name), b"something else");
    let mut going_on = begin(&into, plan(&events, 5)).expect("begun");
    assert!(verify(&into, vec![]).is_err(), "it isn't whole");
    assert!(write(&mut going_on, &events, u64::MAX).expect("written"));
    going_on.finish().expect("finished");
    assert!(files(&into) == files(&whole));
}

#[test]
fn a_folder_with_another_export_is_refused_by_what_it_has() {
    let all = events(12);
    let folder = tempfile::tempdir().expect("a folder");
    let into = folder.path().join("export");
    let mut cut_short = begin(&into, plan(&all, 5)).expect("begun");
    write(&mut cut_short, &all, 7).expect("written");
    drop(cut_short);
    let refused =
        |plan: Manifest| begin(&into, plan).map(drop).expect_err("it is another").to_string();
    let without = Manifest { private: PrivateTexts::Hashes, ..plan(&all, 5) };
    let said = refused(without);
    assert!(said.contains("0:1 to 0:12 as NDJSON with private texts, 5 events a file"), "{said}");
    assert!(said.contains("without private texts, 5 events a file; name another folder"), "{said}");
    assert!(refused(plan(&all, 6)).contains("6 events a file"));
    assert!(refused(plan(&all[..10], 5)).contains("0:1 to 0:10"));
    let other = Manifest { log_id: uuid::Uuid::from_u128(8), ..plan(&all, 5) };
    assert!(refused(other).contains("log 00000000-0000-0000-0000-000000000008"));
    let mut forked = plan(&all, 5);
    forked.ranges[0].last_checksum = forked.ranges[0].first_checksum;
    assert!(refused(forked).contains("the event at 0:12 isn't the one that the export in"));
    // The one that was begun still can be finished.
    let mut going_on = begin(&into, plan(&all, 5)).expect("begun");
    assert!(write(&mut going_on, &all, u64::MAX).expect("written"));
    going_on.finish().expect("finished");
    verify(&into, vec![]).expect("in order");
}

#[test]
fn a_folder_of_something_else_and_one_that_is_in_use_are_refused() {
    let events = events(3);
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("letter.txt"), "dear").expect("written");
    let said = begin(folder.path(), plan(&events, 5)).map(drop).expect_err("foreign").to_string();
    assert!(said.contains("has letter.txt in it and no export; name an empty folder"), "{said}");
    let into = folder.path().join("export");
    let first = begin(&into, plan(&events, 5)).expect("begun");
    let second = begin(&into, plan(&events, 5)).map(drop).expect_err("it is taken");
    assert!(matches!(second, ExportError::Taken(_)), "{second}");
    drop(first);
    let found = ExportFolder::take(&into).and_then(|folder| folder.found()).expect("found");
    assert!(matches!(found, Found::Unfinished(_)), "{found:?}");
}

#[test]
fn events_in_another_order_are_refused() {
    let events = events(5);
    let folder = tempfile::tempdir().expect("a folder");
    let exporting = begin(folder.path(), plan(&events, 5)).expect("begun");
    let mut file = exporting.next_file().expect("begun").expect("a file");
    file.add(events[0].clone()).expect("added");
    let said = file.add(events[2].clone()).expect_err("out of order").to_string();
    assert_eq!(said, "the event at 0:3 was given, where 0:2 should be");
    let mut exporting = exporting;
    assert!(exporting.end_file(file).is_err(), "it lacks events");
    assert!(exporting.finish().is_err(), "a file is missing");
}

#[test]
fn an_export_without_private_texts_has_their_hashes_and_the_same_root() {
    let events: Vec<RecordedEvent> = events(9);
    let folder = tempfile::tempdir().expect("a folder");
    let (with, without) = (folder.path().join("with"), folder.path().join("without"));
    export(&with, &events, plan(&events, 5));
    let hashes = Manifest { private: PrivateTexts::Hashes, ..plan(&events, 5) };
    let manifest = export(&without, &events, hashes);
    for file in &manifest.files {
        let lines = crate::exports::unpacked(&without.join(&file.name));
        assert!(!String::from_utf8_lossy(&lines).contains("salt"), "a private text");
    }
    let root = |folder| verify(folder, vec![]).expect("in order").1[0].root;
    assert_eq!(root(&with), root(&without));
    // A private text in it would be one too many.
    let file = &manifest.files[0].name;
    fs::copy(with.join(file), without.join(file)).expect("copied");
    let said = crate::exports::finding(&without, vec![]);
    assert!(said.contains("line 1: the event at 0:1 has a private text, in an export"), "{said}");
}
