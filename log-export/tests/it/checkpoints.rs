//! An export must have the events that were signed.

use std::path::Path;

use log_export::{ExportError, Signed};
use log_record::{Generation, LogId, NewEvent, Partition, RecordedEvent};
use transparency::{Checkpoint, Frontier, Origin, SigningKey, TreeHash, VerifierKey};
use uuid::Uuid;

use crate::exports::{LOG, events, export, finding, plan, verify};

const ORIGIN: Origin = Origin { log_id: LOG, generation: Generation(2), partition: Partition(0) };

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32]).expect("a key")
}

fn verifier(seed: u8, origin: &Origin) -> VerifierKey {
    key(seed).verifier(origin.to_string()).expect("a key")
}

/// A checkpoint of these events, as the sealer signs it.
fn signed(events: &[RecordedEvent], origin: Origin, seed: u8) -> String {
    let mut tree = Frontier::default();
    for event in events {
        tree.append(TreeHash::of_leaf(&event.fixed_record(LOG)));
    }
    let checkpoint = Checkpoint { origin, size: tree.size(), root: tree.root(), next_key: None };
    key(seed).sign(&origin.to_string(), checkpoint.to_string()).expect("signed").to_string()
}

fn made(folder: &Path) -> Vec<RecordedEvent> {
    let events = events(21);
    let plan = plan(&events, 8);
    export(folder, &events, plan);
    events
}

fn by(seed: u8, text: &str) -> Signed {
    Signed::by(&[verifier(seed, &ORIGIN)], "the checkpoint kept", text).expect("signed by it")
}

#[test]
fn a_checkpoint_of_all_or_of_the_beginning_fits() {
    let folder = tempfile::tempdir().expect("a folder");
    let events = made(folder.path());
    for size in [0, 1, 8, 13, 20, 21] {
        let text = signed(&events[..size], ORIGIN, 1);
        let (_, verified) = verify(folder.path(), vec![by(1, &text)]).expect("it fits");
        assert_eq!(verified[0].checkpoints[0].checkpoint.size, size as u64);
    }
    // A key counts in each generation of its log.
    let before = Origin { generation: Generation(1), ..ORIGIN };
    let text = signed(&events[..7], before, 1);
    verify(folder.path(), vec![by(1, &text)]).expect("it fits");
}

#[test]
fn a_history_that_was_rewritten_from_end_to_end_is_caught_by_the_checkpoint_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut events = made(folder.path());
    let text = signed(&events, ORIGIN, 1);
    let sealed_anew = NewEvent {
        event_type: "credit-earned",
        version: 1,
        recorded_at: events[4].recorded_at,
        account_id: events[4].account_id.clone(),
        public: r#"{"points":1000000}"#.into(),
        private: "{}".into(),
    };
    events[4] = RecordedEvent::seal(LOG, events[4].generation, events[4].place, sealed_anew);
    let rewritten = folder.path().join("rewritten");
    export(&rewritten, &events, plan(&events, 8));
    verify(&rewritten, vec![]).expect("it is in order by itself");
    let said = finding(&rewritten, vec![by(1, &text)]);
    assert!(said.starts_with("the events 0:1 to 0:21 aren't those that the checkpoint"), "{said}");
    // One of before the fork says so.
    let before = Origin { generation: Generation(1), ..ORIGIN };
    let said = finding(&rewritten, vec![by(1, &signed(&crate::exports::events(21), before, 1))]);
    assert!(said.ends_with("; an operator has declared a fork since"), "{said}");
    verify(&rewritten, vec![by(1, &signed(&events[..4], ORIGIN, 1))]).expect("up to there it fits");
}

#[test]
fn a_checkpoint_of_more_events_than_are_exported_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let events = made(folder.path());
    let cut = folder.path().join("cut");
    export(&cut, &events[..20], plan(&events[..20], 8));
    let said = finding(&cut, vec![by(1, &signed(&events, ORIGIN, 1))]);
    let what = "is of 21 events, and the export ends at 0:20: events are missing";
    assert!(said.ends_with(what), "{said}");
}

#[test]
fn a_checkpoint_by_another_key_or_of_another_log_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let events = made(folder.path());
    let refused = |keys: &[VerifierKey], text: &str| {
        let error = Signed::by(keys, "the checkpoint kept", text).expect_err("refused");
        assert!(matches!(error, ExportError::Checkpoint(_)), "{error}");
        error.to_string()
    };
    let text = signed(&events, ORIGIN, 1);
    let said = refused(&[verifier(2, &ORIGIN)], &text);
    assert!(said.contains("was signed by none of the given keys"), "{said}");
    let other = Origin { log_id: LogId(Uuid::from_u128(8)), ..ORIGIN };
    let said = refused(&[verifier(1, &other)], &text);
    assert!(said.contains("was signed by none of the given keys"), "{said}");
    let foreign = key(1).verifier("example.com/log").expect("a key");
    assert!(refused(&[foreign], &text).contains("is no ledger's"));
    assert!(refused(&[verifier(1, &ORIGIN)], "dear reader").contains("is no signed note"));
    let of_other = signed(&events, other, 1);
    let signed_by = Signed::by(&[verifier(1, &other)], "the checkpoint kept", &of_other);
    let said = finding(folder.path(), vec![signed_by.expect("signed")]);
    assert!(said.contains("and the export of log 00000000-"), "{said}");
    let elsewhere = Origin { partition: Partition(1), ..ORIGIN };
    let of_partition = signed(&events, elsewhere, 1);
    let signed_by = Signed::by(&[verifier(1, &elsewhere)], "the checkpoint kept", &of_partition);
    let said = finding(folder.path(), vec![signed_by.expect("signed")]);
    assert!(said.contains("is of partition 1, which isn't exported"), "{said}");
}

#[test]
fn the_manifests_own_checkpoint_counts_without_a_key_and_with_one() {
    let events = events(21);
    let folder = tempfile::tempdir().expect("a folder");
    let mut plan = plan(&events, 8);
    plan.ranges[0].checkpoint = Some(signed(&events[..15], ORIGIN, 1));
    let manifest = export(folder.path(), &events, plan.clone());
    for keys in [vec![], vec![verifier(1, &ORIGIN)]] {
        let signed = Signed::in_manifest(&manifest, &keys).expect("a checkpoint");
        assert_eq!(signed[0].key.is_some(), !keys.is_empty());
        verify(folder.path(), signed).expect("it fits");
    }
    assert!(Signed::in_manifest(&manifest, &[verifier(2, &ORIGIN)]).is_err());
    let other = folder.path().join("other");
    plan.ranges[0].checkpoint = Some(signed(&crate::exports::events(40)[..15], ORIGIN, 1));
    let manifest = export(&other, &events, plan);
    let signed = Signed::in_manifest(&manifest, &[]).expect("a checkpoint");
    assert!(finding(&other, signed).contains("the manifest's checkpoint of partition 0"));
}
