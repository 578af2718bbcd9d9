//! What an auditor finds in a log, and with which keys.

use transparency::{
    Checkpoint, Cosigned, Finding, KeyKind, Known, Note, Quorum, VerifierKey, verify_log,
};

use crate::log::{checkpoint, files, key, origin, record, records, sign, signing, told, verify};

#[tokio::test]
async fn a_log_of_any_size_is_verified() {
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 700] {
        let files = files(&records(size), 1);
        assert_eq!(told(verify(&files, key(1), None).await), Ok(size));
    }
}

#[tokio::test]
async fn a_tree_of_three_levels_is_verified_without_its_entries() {
    let size = 256 * 256 + 300;
    let files = files(&records(size), 1);
    assert!(files.contains_key("tile/2/000.p/1"));
    let known = Known { entries: false, ..Known::key(key(1)) };
    let mut tiles = vec![];
    let read = async |path: &str| {
        assert!(!path.contains("entries"), "{path}");
        Ok(files.get(path).cloned())
    };
    let verified = verify_log(&known, read, |events| tiles.push(events)).await;
    assert_eq!(told(verified), Ok(size));
    assert_eq!((tiles.len(), tiles.last()), (258, Some(&size)));
}

#[tokio::test]
async fn a_kept_checkpoint_shows_that_the_log_only_grew() {
    for kept in [0, 1, 100, 256, 300] {
        let all = records(300);
        let note = sign(1, &checkpoint(&all[..kept], 1));
        assert_eq!(told(verify(&files(&all, 1), key(1), Some(&note)).await), Ok(300));
    }
}

#[tokio::test]
async fn handovers_without_an_end_are_not_followed_for_ever() {
    let all = records(300);
    let files = files(&all, 1);
    let nobodys = sign(2, &checkpoint(&all, 1)).to_string();
    let known = Known::key(key(1));
    let mut asked = 0;
    let read = async |path: &str| {
        if path.starts_with("handover/") {
            asked += 1;
            assert!(asked <= 1_000, "{path}");
            return Ok(Some(nobodys.clone().into_bytes()));
        }
        Ok(files.get(path).cloned())
    };
    assert_eq!(told(verify_log(&known, read, |_| ()).await), Ok(300));
}

#[tokio::test]
async fn a_tile_that_became_full_is_read_in_place_of_the_partial_one() {
    let mut files_then = files(&records(300), 1);
    let later = files(&records(600), 1);
    files_then.retain(|path, _| !path.contains(".p/"));
    files_then.extend(
        later.into_iter().filter(|(path, _)| path.starts_with("tile/") && !path.contains(".p/")),
    );
    let found = told(verify(&files_then, key(1), None).await);
    assert_eq!(found, Err("tile/1/000.p/1 is missing (positions 1 to 256)".into()));
    files_then.insert("tile/1/000.p/1".into(), files(&records(300), 1)["tile/1/000.p/1"].clone());
    assert_eq!(told(verify(&files_then, key(1), None).await), Ok(300));
}

#[tokio::test]
async fn a_truncated_log_lacks_what_a_kept_checkpoint_has() {
    let note = sign(1, &checkpoint(&records(300), 1));
    let found = told(verify(&files(&records(280), 1), key(1), Some(&note)).await);
    let expected = "positions 281 to 300 are missing: the kept checkpoint has them";
    assert_eq!(found, Err(expected.into()));
}

#[tokio::test]
async fn a_rewritten_history_with_a_fresh_tree_differs_from_a_kept_checkpoint() {
    let all = records(300);
    let note = sign(1, &checkpoint(&all[..200], 1));
    let mut rewritten = all.clone();
    rewritten[149] = record(150, 1, "credit-withdrawn");
    // The same key signs it: whoever rewrites a log may have its key.
    let files = files(&rewritten, 1);
    assert_eq!(told(verify(&files, key(1), None).await), Ok(300));
    let found = verify(&files, key(1), Some(&note)).await;
    assert!(matches!(&found, Err(Finding::Rewritten { size: 200, .. })), "{found:?}");
    let told = told(found).expect_err("it is found");
    let start =
        "events of the positions 1 to 200 were changed since the kept checkpoint was signed";
    assert!(told.starts_with(start), "{told}");
}

#[tokio::test]
async fn another_key_or_another_log_is_refused() {
    let files = files(&records(3), 1);
    let found = told(verify(&files, key(2), None).await).expect_err("it is refused");
    assert!(found.starts_with("checkpoint can't be believed: it isn't signed by"), "{found}");
    let other = "guerdon/00000000-0000-0000-0000-000000000008-1-0";
    let of_other = signing(1).verifier(other).expect("a key");
    let found = told(verify(&files, of_other, None).await);
    let expected = format!(
        "checkpoint is of {}, and the key is of {other}: another log or partition",
        origin(1)
    );
    assert_eq!(found, Err(expected));
    let stranger = VerifierKey::new("example.com/log", [7; 32]).expect("a key");
    let found = told(verify(&files, stranger, None).await).expect_err("it is refused");
    assert!(found.contains("example.com/log, names no partition"), "{found}");
}

/// A log of 300 events whose first key handed over after 200.
fn rotated() -> (crate::log::Files, Vec<Vec<u8>>) {
    let all = records(300);
    let mut files = files(&all, 2);
    let last = Checkpoint { next_key: Some(key(2)), ..checkpoint(&all[..200], 1) };
    files.insert("handover/1".into(), sign(1, &last).to_string().into_bytes());
    (files, all)
}

#[tokio::test]
async fn an_auditor_with_the_first_key_follows_to_the_present_one() {
    let (files, _) = rotated();
    let verified = verify(&files, key(1), None).await.expect("verified");
    assert_eq!(verified.key, key(2));
    assert_eq!(told(verify(&files, key(2), None).await), Ok(300));
}

#[tokio::test]
async fn a_checkpoint_signed_by_a_key_outside_its_range_is_refused() {
    let (mut files, all) = rotated();
    let note = sign(1, &checkpoint(&all, 1));
    files.insert("checkpoint".into(), note.to_string().into_bytes());
    let found = told(verify(&files, key(1), None).await);
    let expected = format!(
        "checkpoint is of size 300, and {} signed it, which signs sizes from 0 to 200",
        key(1)
    );
    assert_eq!(found, Err(expected));

    let (files, all) = rotated();
    for (byte, size, is_in_range) in
        [(1, 150, true), (1, 200, true), (1, 201, false), (2, 199, false), (2, 201, true)]
    {
        let kept = sign(byte, &checkpoint(&all[..size], 1));
        let found = verify(&files, key(1), Some(&kept)).await;
        assert_eq!(found.is_ok(), is_in_range, "{byte} signs {size}: {found:?}");
        if !is_in_range {
            assert!(matches!(found, Err(Finding::OutsideRange { .. })), "{found:?}");
        }
    }
}

#[tokio::test]
async fn a_log_that_ends_before_a_key_handed_over_is_refused() {
    let (_, all) = rotated();
    let mut files = files(&all[..150], 1);
    let last = Checkpoint { next_key: Some(key(2)), ..checkpoint(&all[..200], 1) };
    files.insert("handover/1".into(), sign(1, &last).to_string().into_bytes());
    let expected = "the newest checkpoint is of generation 1 and size 150, and a key handed over at \
                    size 200 of generation 1: events are gone, or an older copy of the log is \
                    shown";
    assert_eq!(told(verify(&files, key(1), None).await), Err(expected.into()));
}

#[tokio::test]
async fn a_handover_of_another_history_is_refused() {
    let (mut files, all) = rotated();
    let mut other = all.clone();
    other[0] = record(1, 1, "credit-withdrawn");
    let last = Checkpoint { next_key: Some(key(2)), ..checkpoint(&other[..200], 1) };
    files.insert("handover/1".into(), sign(1, &last).to_string().into_bytes());
    let found = verify(&files, key(1), None).await;
    assert!(matches!(found, Err(Finding::Rewritten { size: 200, .. })), "{found:?}");
}

#[tokio::test]
async fn a_declared_fork_begins_another_tree_which_the_same_key_signs() {
    let mut all = records(300);
    all.truncate(290);
    all.push(record(291, 2, "log-forked"));
    let mut files = files(&all, 1);
    files.insert("checkpoint".into(), sign(1, &checkpoint(&all, 2)).to_string().into_bytes());
    assert_eq!(told(verify(&files, key(1), None).await), Ok(291));
    // A checkpoint of before that lost nothing, and one that did.
    let before = sign(1, &checkpoint(&records(290), 1));
    assert_eq!(told(verify(&files, key(1), Some(&before)).await), Ok(291));
    let lost = sign(1, &checkpoint(&records(291), 1));
    let found = told(verify(&files, key(1), Some(&lost)).await).expect_err("it is told");
    assert!(
        found.ends_with("an operator has declared a fork since, which began generation 2"),
        "{found}"
    );
}

#[tokio::test]
async fn a_generation_that_begins_without_a_fork_is_refused() {
    let mut all = records(10);
    all[5] = record(6, 2, "credit-earned");
    let found = told(verify(&files(&all, 1), key(1), None).await);
    let expected = "position 6: its entry is of generation 2, and the one before of 1";
    assert_eq!(found, Err(expected.into()));
}

fn witness(byte: u8) -> VerifierKey {
    VerifierKey::of_kind(KeyKind::Witness, format!("w{byte}"), signing(byte).public())
        .expect("a key")
}

/// The checkpoint over the first records, signed by the log and by these witnesses.
fn cosigned(records: &[Vec<u8>], witnesses: &[u8]) -> Note {
    let note = sign(1, &checkpoint(records, 1));
    witnesses.iter().fold(note, |note, byte| {
        signing(*byte).cosign(&format!("w{byte}"), 1_000, note).expect("signed")
    })
}

async fn verify_witnessed(
    files: &crate::log::Files,
    witnesses: Vec<VerifierKey>,
    needed: usize,
) -> Result<Option<Cosigned>, String> {
    let known = Known { quorum: Quorum { witnesses, needed }, ..Known::key(key(1)) };
    let read = async |path: &str| Ok(files.get(path).cloned());
    let verified = verify_log(&known, read, |_| ()).await;
    verified.map(|log| log.cosigned).map_err(|finding| finding.to_string())
}

#[tokio::test]
async fn a_log_needs_the_signatures_of_enough_witnesses() {
    let all = records(300);
    let mut files = files(&all, 1);
    let found = verify_witnessed(&files, vec![witness(5)], 1).await;
    assert_eq!(found, Err("cosigned is missing".into()));
    assert_eq!(verify_witnessed(&files, vec![], 0).await, Ok(None));
    let note = cosigned(&all[..200], &[5, 6]);
    files.insert("cosigned".into(), note.to_string().into_bytes());
    let by = vec![(witness(5), 1_000), (witness(6), 1_000)];
    let three = vec![witness(5), witness(6), witness(7)];
    let verified = verify_witnessed(&files, three.clone(), 2).await;
    assert_eq!(verified, Ok(Some(Cosigned { size: 200, by })));
    let found = verify_witnessed(&files, three, 3).await;
    let expected = "cosigned needs the signatures of 3 of the witnesses, and has that of w5, w6";
    assert_eq!(found, Err(expected.into()));
    // One that is named twice is still one.
    let found = verify_witnessed(&files, vec![witness(5), witness(5)], 2).await;
    assert!(found.is_err(), "{found:?}");
}

#[tokio::test]
async fn a_tree_that_witnesses_signed_must_be_in_the_log() {
    let all = records(300);
    let mut rewritten = all.clone();
    rewritten[7] = record(8, 1, "credit-withdrawn");
    let mut files = files(&all, 1);
    let note = cosigned(&rewritten[..200], &[5]);
    files.insert("cosigned".into(), note.to_string().into_bytes());
    let found = verify_witnessed(&files, vec![witness(5)], 1).await.expect_err("it is found");
    let start = "events of the positions 1 to 200 were changed since the co-signed checkpoint was";
    assert!(found.starts_with(start), "{found}");
    let note = cosigned(&records(310), &[5]);
    files.insert("cosigned".into(), note.to_string().into_bytes());
    let found = verify_witnessed(&files, vec![witness(5)], 1).await;
    let expected = "positions 301 to 310 are missing: the co-signed checkpoint has them";
    assert_eq!(found, Err(expected.into()));
}

#[tokio::test]
async fn a_log_goes_on_from_what_others_kept() {
    let all = records(300);
    let files = files(&all, 1);
    let mut rewritten = all.clone();
    rewritten[149] = record(150, 1, "credit-withdrawn");
    let (early, late) = (sign(1, &checkpoint(&all[..10], 1)), sign(1, &checkpoint(&all, 1)));
    let other = sign(1, &checkpoint(&rewritten[..200], 1));
    let others = |notes: &[&Note]| Known {
        against: notes.iter().map(|note| ("that of Ann".into(), (*note).clone())).collect(),
        ..Known::key(key(1))
    };
    let read = async |path: &str| Ok(files.get(path).cloned());
    assert_eq!(told(verify_log(&others(&[&early, &late]), read, |_| ()).await), Ok(300));
    let found = told(verify_log(&others(&[&early, &other, &late]), read, |_| ()).await);
    let start = "events of the positions 1 to 200 were changed since that of Ann was signed";
    assert!(found.as_ref().expect_err("it is found").starts_with(start), "{found:?}");
    let more = sign(1, &checkpoint(&records(301), 1));
    let found = told(verify_log(&others(&[&more]), read, |_| ()).await);
    assert_eq!(found, Err("positions 301 to 301 are missing: that of Ann has them".into()));
    let by_nobody = sign(9, &checkpoint(&all, 1));
    let found = told(verify_log(&others(&[&by_nobody]), read, |_| ()).await);
    let start = "that of Ann can't be believed: it isn't signed by";
    assert!(found.as_ref().expect_err("it is refused").starts_with(start), "{found:?}");
}
