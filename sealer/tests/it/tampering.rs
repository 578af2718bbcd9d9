//! Somebody with the database's password changes events that were sealed: each change is caught,
//! and named by position.

use std::fs;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use log_record::{Place, Position, hex};
use rusqlite::Connection;
use sealer::{Sealer, SigningKeys, Unproved};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::log::{LOG, Log, P0, end};
use crate::sealing::until_there;

const EVENTS: u64 = 300;

/// A change of one column, and that which undoes it. Both databases understand them.
const CHANGES: [(&str, &str); 8] = [
    ("generation = generation + 1", "generation = generation - 1"),
    ("type = 'credit-darned'", "type = 'credit-earned'"),
    ("version = version + 2", "version = version - 2"),
    ("recorded_at = recorded_at + 4", "recorded_at = recorded_at - 4"),
    ("account_id = 'bccount-1'", "account_id = 'account-1'"),
    (
        "public = replace(public, 'points', 'qoints')",
        "public = replace(public, 'qoints', 'points')",
    ),
    ("private = replace(private, 'salt', 'rsalt')", "private = replace(private, 'rsalt', 'salt')"),
    ("account_id = null", "account_id = 'account-1'"),
];

async fn every_changed_column_is_named(log: &Log, sql: impl Fn(&str)) {
    log.append(EVENTS).await;
    log.seal_all().await;
    let key = log.key();
    assert_eq!(log.audit(&key).await, Ok(EVENTS));
    // Those of account-1.
    for (at, (change, undo)) in (0..).zip(CHANGES) {
        let position = 1 + 7 * at * 5;
        sql(&format!("update event set {change} where position = {position}"));
        let found = log.audit(&key).await.expect_err(change);
        assert!(found.contains(&format!("0:{position} ")), "{change} at {position}: {found}");
        sql(&format!("update event set {undo} where position = {position}"));
        assert_eq!(log.audit(&key).await, Ok(EVENTS), "{undo}");
    }
    sql("delete from event where position = 70");
    let found = log.audit(&key).await.expect_err("it is missing");
    assert!(found.contains("0:70 "), "{found}");
}

/// Whoever can write can also write the checksum that fits.
async fn a_fitting_checksum_does_not_hide_a_change(log: &Log, sql: impl Fn(&str)) {
    log.append(EVENTS).await;
    log.seal_all().await;
    let place = Place { partition: P0, position: Position(123) };
    sql(&changed(log, place, r#"{"points":1000000}"#).await);
    log.store.read_one(place).await.expect("the log finds it in order");
    let found = log.audit(&log.key()).await.expect_err("it is caught");
    let expected = "position 123: its entry and its leaf in tile/0/000 differ";
    assert!(found.starts_with(expected), "{found}");
}

async fn a_cut_log_is_not_sealed_again(log: &Log, sql: impl Fn(&str)) {
    log.append(EVENTS).await;
    log.seal_all().await;
    sql("delete from event where position > 290");
    sql("update partition_head set position = 290");
    assert_eq!(end(&log.store).await, Position(290));
    let found = log.audit(&log.key()).await.expect_err("it is caught");
    assert!(found.contains("0:291 is missing, and was sealed"), "{found}");
    // Not even when as much has been appended again.
    for events in [0, 20] {
        if events > 0 {
            log.append(events).await;
        }
        let running = log.seal();
        let router = running.router.clone();
        let stopped = running.stops().await;
        assert!(stopped.starts_with("log-forked: the events up to 0:300 were signed"), "{stopped}");
        // What was signed is still served: it shows what is gone.
        let asked = Request::get("/log/0/checkpoint").body(Body::empty()).expect("a request");
        let served = router.oneshot(asked).await.expect("answered");
        let served = to_bytes(served.into_body(), 1 << 20).await.expect("read");
        assert!(served == fs::read(log.tree(1).join("checkpoint")).expect("read"), "{served:?}");
    }
}

/// Nor where the checkpoint was lost: the published copy has it, and a handover its own.
async fn a_cut_log_is_not_sealed_again_without_its_checkpoint(log: &Log, sql: impl Fn(&str)) {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let publish = || Some(elsewhere.path().to_owned());
    log.append(EVENTS).await;
    let running = log.seal_and_publish(publish());
    let signed = running.until(EVENTS).await;
    let file = elsewhere.path().join(format!("{LOG}-1-0.checkpoint"));
    until_there(&file, &signed.to_string()).await;
    running.stop().await;
    sql("delete from event where position > 290");
    sql("update partition_head set position = 290");
    fs::remove_file(log.tree(1).join("checkpoint")).expect("removed");
    let stopped = log.seal_and_publish(publish()).stops().await;
    assert!(stopped.starts_with("log-forked: the events up to 0:300 were signed"), "{stopped}");
    assert_eq!(fs::read_to_string(file).expect("it stays"), signed.to_string());
}

async fn a_log_that_was_cut_before_a_handover_is_not_sealed(log: &Log, sql: impl Fn(&str)) {
    log.append(EVENTS).await;
    log.seal_all().await;
    SigningKeys::add(&log.folder()).expect("added");
    log.seal_all().await;
    sql("delete from event where position > 290");
    sql("update partition_head set position = 290");
    fs::remove_dir_all(log.tree(1)).expect("removed");
    let stopped = log.seal().stops().await;
    assert!(stopped.starts_with("log-forked: the events up to 0:300 were signed"), "{stopped}");
}

async fn a_rewritten_log_is_not_sealed_again(log: &Log, sql: impl Fn(&str)) {
    log.append(EVENTS).await;
    log.seal_all().await;
    let place = Place { partition: P0, position: Position(5) };
    sql(&changed(log, place, "{}").await);
    // The tree would be made anew. What is left of it shows what was signed, and stays.
    fs::remove_file(log.tree(1).join("hashes-0")).expect("removed");
    let left = fs::read(log.tree(1).join("hashes-1")).expect("read");
    let stopped = log.seal().stops().await;
    assert!(stopped.starts_with("log-forked: the events up to 0:300 were signed"), "{stopped}");
    assert!(!log.tree(1).join("hashes-0").exists(), "nothing is made of a log that isn't it");
    assert_eq!(fs::read(log.tree(1).join("hashes-1")).expect("read"), left);
}

/// The log finds it in order, and the tree's files know better.
async fn a_changed_event_has_no_proof(log: &Log, sql: impl Fn(&str)) {
    log.append(EVENTS).await;
    let sealer = Sealer::new(log.store.clone(), log.folder(), None);
    let (prover, stop) = (sealer.prover(), CancellationToken::new());
    let running = tokio::spawn(sealer.run(stop.clone()));
    let place = Place { partition: P0, position: Position(7) };
    let prove = async || prover.prove(&[place], |_| true).await;
    assert!(prove().await.expect("proved").is_some());
    sql(&changed(log, place, r#"{"points":1000000}"#).await);
    let found = prove().await.expect_err("it was changed");
    assert!(matches!(found, Unproved::Changed(at) if at == place), "{found}");
    stop.cancel();
    running.await.expect("it ends");
}

/// The statement that gives an event another public text, with the checksum that fits.
async fn changed(log: &Log, place: Place, public: &str) -> String {
    let mut row = log.store.read_one(place).await.expect("read");
    row.public = public.into();
    let checksum = hex(&row.compute_checksum(LOG).0);
    let is_sqlite = log.database.is_none();
    let checksum = if is_sqlite { format!("x'{checksum}'") } else { format!("'\\x{checksum}'") };
    let position = place.position;
    format!(
        "update event set public = '{public}', checksum = {checksum} where position = {position}"
    )
}

macro_rules! on_both {
    ($($name:ident),*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let log = super::Log::sqlite().await;
                super::$name(&log, super::sqlite_sql(&log)).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                let log = super::Log::postgres().await;
                super::$name(&log, super::postgres_sql(&log)).await;
            })*
        }
    };
}
on_both!(
    every_changed_column_is_named,
    a_fitting_checksum_does_not_hide_a_change,
    a_cut_log_is_not_sealed_again,
    a_cut_log_is_not_sealed_again_without_its_checkpoint,
    a_log_that_was_cut_before_a_handover_is_not_sealed,
    a_rewritten_log_is_not_sealed_again,
    a_changed_event_has_no_proof
);

fn sqlite_sql(log: &Log) -> impl Fn(&str) {
    let file = Connection::open(log.home.path().join("log.sqlite")).expect("it opens");
    move |sql| file.execute_batch(sql).expect("changed")
}

fn postgres_sql(log: &Log) -> impl Fn(&str) {
    let database = log.database.as_ref().expect("a database");
    move |sql| {
        let sql = sql.replace("update ", "update guerdon_log.");
        let sql = sql.replace("delete from ", "delete from guerdon_log.");
        database.sql(&sql).expect("changed");
    }
}
