//! What is sealed, on every store, and how sealing goes on after a restart, a damage or a fork.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use sealer::{Kept, Sealer, SigningKeys};

use crate::log::{LOG, Log};

async fn what_is_appended_is_sealed_and_verified(log: Log) {
    let running = log.seal();
    for events in [1, 254, 1, 300] {
        log.append(events).await;
    }
    let note = running.until(556).await;
    let verified = running.audit(&log.key(), None).await.expect("verified");
    assert_eq!((verified.checkpoint.size, verified.note), (556, note.clone()));
    running.stop().await;

    // The next process goes on from there.
    log.append(500).await;
    let running = log.seal();
    running.until(1_056).await;
    let verified = running.audit(&log.key(), Some(&note)).await.expect("verified");
    assert_eq!((verified.checkpoint.size, verified.kept), (1_056, Some(556)));
    running.stop().await;
    assert_eq!(log.audit(&log.key()).await, Ok(1_056));
}

#[tokio::test]
async fn what_is_appended_is_sealed_and_verified_in_memory() {
    what_is_appended_is_sealed_and_verified(Log::memory().await).await;
}

#[tokio::test]
async fn what_is_appended_is_sealed_and_verified_on_sqlite() {
    what_is_appended_is_sealed_and_verified(Log::sqlite().await).await;
}

#[tokio::test]
async fn what_is_appended_is_sealed_and_verified_on_postgres() {
    what_is_appended_is_sealed_and_verified(Log::postgres().await).await;
}

#[tokio::test]
async fn a_log_that_nobody_appends_to_is_served_at_once() {
    let log = Log::memory().await;
    log.append(3).await;
    log.seal_all().await;
    let running = log.seal();
    running.until(3).await;
    running.stop().await;
}

#[tokio::test]
async fn damaged_files_of_a_tree_are_made_anew() {
    let log = Log::memory().await;
    log.append(600).await;
    log.seal_all().await;
    let hashes = log.tree(1).join("hashes-0");
    let whole = fs::read(&hashes).expect("read");
    let mut flipped = whole.clone();
    flipped[4_000] ^= 1;
    for damaged in [&whole[..100], &flipped] {
        fs::write(&hashes, damaged).expect("written");
        let running = log.seal();
        running.until(600).await;
        running.audit(&log.key(), None).await.expect("verified");
        running.stop().await;
        assert_eq!(fs::read(&hashes).expect("read"), whole);
    }
    // So is a checkpoint of which the power left nothing.
    fs::write(log.tree(1).join("checkpoint"), "").expect("written");
    log.seal_all().await;
    assert_eq!(log.audit(&log.key()).await, Ok(600));
}

#[tokio::test]
async fn a_key_that_is_added_takes_over_and_the_first_leads_to_it() {
    let log = Log::memory().await;
    let running = log.seal();
    log.append(10).await;
    running.until(10).await;
    let first = log.key();
    SigningKeys::add(&log.folder()).expect("added");
    log.append(5).await;
    running.until(15).await;
    let verified = running.audit(&first, None).await.expect("verified");
    assert_eq!(verified.key, log.key());
    assert_ne!(verified.key, first);
    running.audit(&log.key(), None).await.expect("the new key alone does, too");
    let answer = running.get("/log/keys", None).await;
    let keys: serde_json::Value = serde_json::from_slice(&answer.bytes).expect("JSON");
    let handed_over = keys["keys"][0]["last_size"].as_u64().expect("a size");
    assert!((10..=15).contains(&handed_over), "{keys}");
    assert_eq!(
        keys,
        serde_json::json!({"log_id": LOG.to_string(), "keys": [
            {"partition": 0, "generation": 1, "key": first.to_string(),
             "first_size": 0, "last_size": handed_over},
            {"partition": 0, "generation": 1, "key": log.key().to_string(),
             "first_size": handed_over},
        ]})
    );
    running.stop().await;
    assert_eq!(log.audit(&first).await, Ok(15));
}

#[tokio::test]
async fn a_key_hands_over_once_whatever_becomes_of_the_trees() {
    let log = Log::memory().await;
    let running = log.seal();
    log.append(10).await;
    running.until(10).await;
    let first = log.key();
    SigningKeys::add(&log.folder()).expect("added");
    log.append(5).await;
    let kept = running.until(15).await;
    running.stop().await;

    // What the second key has signed counts on, also where the trees are made anew.
    fs::remove_dir_all(log.tree(1)).expect("removed");
    log.append(5).await;
    let running = log.seal();
    running.until(20).await;
    running.audit(&first, Some(&kept)).await.expect("verified");

    // And in the next generation.
    log.fork().await;
    log.append(2).await;
    running.until(23).await;
    running.audit(&first, Some(&kept)).await.expect("verified");
    let answer = running.get("/log/keys", None).await;
    let keys: serde_json::Value = serde_json::from_slice(&answer.bytes).expect("JSON");
    let [old, new, present] = keys["keys"].as_array().expect("keys").as_slice() else {
        panic!("two in the first generation, and one now: {keys}");
    };
    assert_eq!((&old["generation"], &old["first_size"]), (&1.into(), &0.into()), "{keys}");
    assert_eq!(old["key"], first.to_string());
    assert!((10..=15).contains(&old["last_size"].as_u64().expect("a size")), "{keys}");
    // What it signed of the first tree, of which nothing larger will be signed.
    assert_eq!((&new["generation"], &new["first_size"]), (&1.into(), &old["last_size"]), "{keys}");
    assert_eq!(new["key"], log.key().to_string());
    assert_eq!(new["last_size"], 20, "{keys}");
    assert_eq!((&present["generation"], &present["first_size"]), (&2.into(), &0.into()), "{keys}");
    assert!(present["last_size"].is_null(), "{keys}");
    running.stop().await;
    assert_eq!(log.audit(&first).await, Ok(23));
}

#[tokio::test]
async fn keys_that_did_not_sign_the_log_sign_nothing() {
    let log = Log::memory().await;
    let mut running = log.seal();
    log.append(10).await;
    running.until(10).await;
    let (file, checkpoint) = (log.folder().keys(), log.tree(1).join("checkpoint"));
    let old = fs::read(&file).expect("read");
    SigningKeys::add(&log.folder()).expect("added");
    log.append(5).await;
    let signed = running.until(15).await.to_string();
    let right = fs::read(&file).expect("read");

    // An older copy, under a sealer that runs and before the next starts.
    fs::write(&file, old).expect("written");
    let why = running.fails().await;
    assert!(why.contains("needs other keys than those in"), "{why}");
    running.stop().await;
    log.append(5).await;
    let mut running = log.seal();
    let why = running.fails().await;
    assert!(why.contains("needs other keys than those in"), "{why}");
    running.stop().await;
    assert_eq!(fs::read_to_string(&checkpoint).expect("read"), signed);

    // Another ledger's, also where nothing has handed over.
    for handover in [log.tree(1), log.home.path().join("transparency")] {
        for entry in fs::read_dir(handover).expect("read") {
            let path = entry.expect("read").path();
            if path.display().to_string().contains("handover-") {
                fs::rename(&path, log.home.path().join("handover")).expect("moved");
            }
        }
    }
    fs::remove_file(&file).expect("removed");
    SigningKeys::add(&log.folder()).expect("added");
    let mut running = log.seal();
    let why = running.fails().await;
    assert!(why.contains("needs other keys than those in"), "{why}");
    assert_eq!(fs::read_to_string(&checkpoint).expect("read"), signed);

    // It goes on by itself once the right ones are back.
    fs::rename(log.home.path().join("handover"), log.tree(1).join("handover-1")).expect("moved");
    fs::write(&file, right).expect("written");
    running.until(20).await;
    running.stop().await;
}

#[tokio::test]
async fn a_key_takes_over_also_while_nothing_is_appended() {
    let log = Log::memory().await;
    let running = log.seal();
    log.append(10).await;
    let before = running.until(10).await;
    let first = log.key();
    SigningKeys::add(&log.folder()).expect("added");
    let begun = Instant::now();
    while running.until(10).await == before {
        assert!(begun.elapsed().as_secs() < 30, "it hands over");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(running.audit(&first, Some(&before)).await.expect("verified").key, log.key());
    running.stop().await;
}

#[tokio::test]
async fn a_declared_fork_begins_another_tree() {
    let log = Log::memory().await;
    let running = log.seal();
    log.append(300).await;
    let before = running.until(300).await;
    log.fork().await;
    log.append(2).await;
    running.until(303).await;
    let verified = running.audit(&log.key(), Some(&before)).await.expect("verified");
    assert_eq!(verified.checkpoint.origin.generation.0, 2);
    assert_eq!(verified.kept, Some(300));
    running.stop().await;
    log.seal_all().await;
    assert_eq!(log.audit(&log.key()).await, Ok(303));
    // The tree of before stays, for whoever asks what was signed.
    let kept = fs::read_to_string(log.tree(1).join("checkpoint")).expect("read");
    assert_eq!(kept, before.to_string());
}

#[tokio::test]
async fn each_newest_checkpoint_is_put_where_somebody_else_keeps_it() {
    let (log, elsewhere) = (Log::memory().await, tempfile::tempdir().expect("a folder"));
    let running = log.seal_and_publish(Some(elsewhere.path().into()));
    log.append(10).await;
    let note = running.until(10).await;
    let file = elsewhere.path().join(format!("{LOG}-1-0.checkpoint"));
    until_there(&file, &note.to_string()).await;
    let mode = file.metadata().expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o644, "somebody else reads it");
    running.stop().await;
    // Nothing waits for that folder.
    let running = log.seal_and_publish(Some(elsewhere.path().join("gone")));
    log.append(10).await;
    running.until(20).await;
    running.stop().await;
}

#[tokio::test]
async fn a_kept_checkpoint_of_another_history_stops_sealing_and_stays() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let file = elsewhere.path().join(format!("{LOG}-1-0.checkpoint"));
    let (log, other) = (Log::memory().await, Log::memory().await);
    fs::copy(log.folder().keys(), other.folder().keys()).expect("the same keys");
    log.append(10).await;
    let running = log.seal_and_publish(Some(elsewhere.path().into()));
    let kept = running.until(10).await.to_string();
    until_there(&file, &kept).await;
    running.stop().await;

    // At the start, though it is longer.
    other.append(20).await;
    let stopped = other.seal_and_publish(Some(elsewhere.path().into())).stops().await;
    assert!(stopped.starts_with("log-forked: the events up to 0:10 were signed"), "{stopped}");
    assert!(stopped.contains(&file.display().to_string()), "{stopped}");
    assert_eq!(fs::read_to_string(&file).expect("it stays"), kept);

    // And before it is replaced.
    fs::remove_file(&file).expect("removed");
    let running = other.seal_and_publish(Some(elsewhere.path().into()));
    let own = running.until(20).await.to_string();
    until_there(&file, &own).await;
    fs::write(&file, &kept).expect("written");
    other.append(1).await;
    let stopped = running.stops().await;
    assert!(stopped.starts_with("log-forked: the events up to 0:10 were signed"), "{stopped}");
    assert_eq!(fs::read_to_string(&file).expect("it stays"), kept);
}

#[tokio::test]
async fn a_checkpoint_that_is_kept_elsewhere_is_compared() {
    let (log, other) = (Log::memory().await, Log::memory().await);
    fs::copy(log.folder().keys(), other.folder().keys()).expect("the same keys");
    let running = log.seal();
    log.append(10).await;
    let early = running.until(10).await.to_string();
    log.append(10).await;
    let late = running.until(20).await.to_string();
    running.stop().await;
    other.append(15).await;
    other.seal_all().await;
    let rewritten = fs::read_to_string(other.tree(1).join("checkpoint")).expect("read");
    let stranger = Log::memory().await;
    stranger.append(3).await;
    stranger.seal_all().await;
    let strangers = fs::read_to_string(stranger.tree(1).join("checkpoint")).expect("read");

    let sealer = Sealer::new(log.store.clone(), log.folder(), None);
    let mut kept = sealer.sealed_logs().remove(0);
    let running = log.run(sealer);
    assert_eq!(kept.newest().await.expect("one").size, 20);
    for (note, expected) in [
        (&early, Kept::Beginning),
        (&late, Kept::Beginning),
        (&strangers, Kept::OfAnother),
        (&"no note".to_owned(), Kept::OfAnother),
    ] {
        assert_eq!(kept.compare(note, "a place").await.expect("compared"), expected, "{note}");
    }
    assert!(running.is_sealing());
    assert_eq!(kept.compare(&rewritten, "the archive").await.expect("compared"), Kept::Rewritten);
    let stopped = running.stops().await;
    let expected = "log-forked: the events up to 0:15 were signed and are others now, or gone, as \
                    the archive shows";
    assert!(stopped.starts_with(expected), "{stopped}");
    assert!(kept.newest().await.is_none());

    // One that has more than the log has shows that events are gone.
    fs::remove_file(other.tree(1).join("checkpoint")).expect("removed");
    let sealer = Sealer::new(other.store.clone(), other.folder(), None);
    let kept = sealer.sealed_logs().remove(0);
    let running = other.run(sealer);
    assert_eq!(kept.compare(&late, "the archive").await.expect("compared"), Kept::Rewritten);
    let stopped = running.stops().await;
    assert!(stopped.starts_with("log-forked: the events up to 0:20 were signed"), "{stopped}");
}

#[tokio::test]
async fn a_log_whose_keys_are_gone_is_not_signed_by_another_key_unless_an_operator_says_so() {
    let log = Log::memory().await;
    log.append(10).await;
    log.seal_all().await;
    let first = log.key();
    fs::remove_dir_all(log.home.path().join("transparency")).expect("removed");
    let mut running = log.seal();
    let why = running.fails().await;
    assert!(why.contains("is missing, and this log was in use: restore it"), "{why}");
    assert!(!log.folder().keys().exists());
    SigningKeys::replace_lost(&log.folder()).expect("made");
    running.until(10).await;
    running.audit(&log.key(), None).await.expect("verified");
    let found = running.audit(&first, None).await.expect_err("the auditor knows another key");
    assert!(found.contains("isn't signed by"), "{found}");
    running.stop().await;
}

#[tokio::test]
async fn a_tree_that_is_made_anew_goes_on_from_where_it_had_come() {
    let log = Log::sqlite().await;
    log.append(33_000).await;
    log.seal_all().await;
    let noted = fs::read_to_string(log.tree(1).join("unsigned")).expect("noted");
    assert_eq!(noted.lines().nth(1), Some("32768"));
    // As after a process that was ended before the tree was signed. Nothing before what it has
    // noted is read again: these events couldn't be.
    fs::remove_file(log.tree(1).join("checkpoint")).expect("removed");
    let file = Connection::open(log.home.path().join("log.sqlite")).expect("it opens");
    file.execute_batch("delete from event where position < 1000").expect("changed");
    log.seal_all().await;

    // Damaged hashes are made of the log from its first event, which isn't there.
    fs::remove_file(log.tree(1).join("checkpoint")).expect("removed");
    fs::write(log.tree(1).join("hashes-1"), [7; 4_096]).expect("written");
    let why = log.seal().fails().await;
    assert!(why.contains("0:1"), "{why}");
}

/// Waits until a file has this text.
pub(crate) async fn until_there(file: &Path, text: &str) {
    let begun = Instant::now();
    while fs::read_to_string(file).ok().as_deref() != Some(text) {
        assert!(begun.elapsed().as_secs() < 30, "{} isn't there", file.display());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
