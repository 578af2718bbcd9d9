//! Which read tables are believed: those of the log, in its present generation, once they contain
//! what the log did at the start.

use std::time::Duration;

use log_record::{Generation, LogId, Position};
use postgres_connection::PostgresUrl;
use projector::Projector;
use read_model::{
    LogHistory, OfLog, ReadError, ReadModel, ReadModelError, ReadModelUrl, ServerStatus, migrate,
};
use services::TestDatabase;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use testing::ledger::{Ledger, On, earned, encoded, log_opened, place};

const PATIENCE: Duration = Duration::from_secs(20);
const SHORTLY: Duration = Duration::from_millis(50);

testing::on_every_database! {
    tables_that_lack_what_the_log_had_at_the_start_are_not_read,
    tables_whose_projection_has_stopped_are_read_as_they_are,
    tables_of_a_former_generation_are_not_read,
    tables_of_another_log_do_not_set_the_logs_time,
    tables_on_their_way_through_former_generations_are_behind,
    tables_that_were_rebuilt_after_a_fork_are_read_though_the_log_was_longer_before,
    tables_of_a_lost_history_are_believed_by_nobody_however_far_they_are,
}

/// What tables must be of, for a process that starts now.
async fn required(ledger: &Ledger) -> (OfLog, watch::Sender<LogHistory>) {
    let head = ledger.store.head(place(1).partition).await.expect("read");
    let history = history(head.generation.0, head.position.0, &[]);
    let history = watch::Sender::new(history);
    (OfLog::now(ledger.store.log_id(), history.subscribe()), history)
}

fn history(generation: u32, end: u64, begins: &[(u32, u64)]) -> LogHistory {
    let begins = begins.iter().map(|(later, begin)| (Generation(*later), place(*begin)));
    LogHistory {
        generation: Generation(generation),
        ends: vec![place(end)],
        begins: begins.collect(),
    }
}

async fn tables_that_lack_what_the_log_had_at_the_start_are_not_read(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&[log_opened(1), earned("ann")]).await;
    ledger.project().await;
    ledger.record(&[earned("bob"), earned("cat")]).await;
    let (required, _log) = required(&ledger).await;
    let mut projector = ledger.projector().await.expect("it opens");
    let here = projector.read_model(None).await.expect("it opens");
    let here = here.of_log(required.clone()).await.expect("it is its log");
    let elsewhere = ledger.read_model().await.of_log(required).await.expect("it is its log");
    for model in [&here, &elsewhere] {
        let behind = model.read(&[], SHORTLY).await;
        let Err(ReadError::Behind { wanted, reached }) = behind else { panic!("{behind:?}") };
        assert_eq!((wanted, reached), (place(4), place(2)));
        let early = model.read(&[place(2)], SHORTLY).await;
        assert!(matches!(early, Err(ReadError::Behind { .. })), "{early:?}");
        let whole = model.clone().also_incomplete().read(&[], SHORTLY).await;
        assert_eq!(whole.expect("it begins").as_of().reached(&place(1)), Position(2));
    }
    // Whoever comes a moment too early waits.
    let waiting = tokio::spawn(async move { here.read(&[], PATIENCE).await.map(drop) });
    tokio::time::sleep(SHORTLY).await;
    projector.catch_up().await.expect("projected");
    waiting.await.expect("it ran").expect("it begins");
    elsewhere.read(&[], SHORTLY).await.expect("it begins");
    // What comes later is waited for by those who ask for it.
    ledger.record(&[earned("dora")]).await;
    elsewhere.read(&[], SHORTLY).await.expect("it begins");
}

async fn tables_whose_projection_has_stopped_are_read_as_they_are(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&[log_opened(1), earned("ann")]).await;
    let mut unknown = encoded(&earned("ann"));
    unknown.version = 9;
    ledger.append(vec![unknown]).await;
    ledger.projector().await.expect("it opens").catch_up().await.expect_err("it stops");
    let (required, _log) = required(&ledger).await;
    let model = ledger.read_model().await.of_log(required).await.expect("it is its log");
    let reading = model.read(&[], SHORTLY).await.expect("it begins");
    assert_eq!(reading.as_of().reached(&place(1)), Position(2));
}

async fn tables_of_another_log_do_not_set_the_logs_time(on: On) {
    let ledger = Ledger::new(1, on).await;
    let day = 86_400;
    ledger.record_at(&[(50 * day, log_opened(1))]).await;
    ledger.project().await;
    let model = ledger.read_model().await.with_log_clock();
    let other = OfLog::any_of(LogId(Uuid::from_u128(2)));
    let refused = model.clone().of_log(other).await;
    assert!(matches!(refused, Err(ReadModelError::OtherLog { .. })), "{refused:?}");
    let now = model.log_time(0).expect("it is kept");
    assert!(now < day * 1_000_000, "{now}");
}

async fn tables_of_a_former_generation_are_not_read(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&[log_opened(1), earned("ann")]).await;
    ledger.project().await;
    let (required, log) = required(&ledger).await;
    let model = ledger.read_model().await.of_log(required).await.expect("it is its log");
    model.read(&[], SHORTLY).await.expect("it begins");
    log.send_replace(history(2, 2, &[(2, 2)]));
    let refused = model.read(&[], SHORTLY).await;
    let Err(ReadError::OtherGeneration { of, log, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!((of, log), (Generation(1), Generation(2)));
}

async fn tables_on_their_way_through_former_generations_are_behind(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&[log_opened(1)]).await;
    ledger.project().await;
    ledger.record(&[earned("ann")]).await;
    let (required, log) = required(&ledger).await;
    log.send_replace(history(2, 2, &[(2, 2)]));
    let model = ledger.read_model().await.of_log(required).await.expect("it is its log");
    let behind = model.read(&[], SHORTLY).await;
    assert!(matches!(behind, Err(ReadError::Behind { .. })), "{behind:?}");
}

async fn tables_that_were_rebuilt_after_a_fork_are_read_though_the_log_was_longer_before(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&[log_opened(1), earned("ann"), earned("bob"), earned("cat")]).await;
    ledger.project().await;
    let (required, log) = required(&ledger).await;
    let model = ledger.read_model().await.of_log(required).await.expect("it is its log");
    model.read(&[], SHORTLY).await.expect("it begins");
    ledger.alter("update checkpoint set generation = 2, position = 3");
    log.send_replace(history(2, 3, &[(2, 3)]));
    let reading = model.read(&[], SHORTLY).await.expect("it holds all that the log does");
    assert_eq!(reading.as_of().reached(&place(1)), Position(3));
}

/// They are behind the new history, and not on the way to it.
async fn tables_of_a_lost_history_are_believed_by_nobody_however_far_they_are(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&[log_opened(1), earned("ann"), earned("bob")]).await;
    ledger.project().await;
    let (required, log) = required(&ledger).await;
    log.send_replace(history(2, 9, &[(2, 3)]));
    let model = ledger.read_model().await.of_log(required).await.expect("it is its log");
    for model in [model.clone(), model.also_incomplete()] {
        let refused = model.read(&[], SHORTLY).await;
        let Err(ReadError::OtherGeneration { of, log, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!((of, log), (Generation(1), Generation(2)));
    }
    // What came before the fork is of both histories.
    log.send_replace(history(2, 9, &[(2, 4)]));
    let required = OfLog::now(ledger.store.log_id(), log.subscribe());
    let model = ledger.read_model().await.of_log(required).await.expect("it is its log");
    model.also_incomplete().read(&[], SHORTLY).await.expect("it begins");
}

/// A database with tables that were made of a log.
async fn projected(ledger: &Ledger) -> TestDatabase {
    let database = TestDatabase::create().expect("a database");
    let url: ReadModelUrl = database.url().parse().expect("a URL");
    migrate(&url).await.expect("migrated");
    let mut projector = Projector::open(&url, ledger.store.clone()).await.expect("it opens");
    projector.catch_up().await.expect("projected");
    database
}

async fn until(model: &ReadModel, status: ServerStatus) {
    let begun = Instant::now();
    while model.replicas()[0].1 != status {
        assert!(begun.elapsed() < PATIENCE, "{status:?} is never shown: {:?}", model.replicas());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Also where the projector runs in the same process, and where the other is further.
#[tokio::test]
async fn a_replica_of_another_log_or_history_is_passed_over_on_postgres() {
    let ledger = Ledger::new(1, On::Postgres).await;
    ledger.record(&[log_opened(1), earned("ann")]).await;
    let other = Ledger::new(2, On::Postgres).await;
    other.record(&[log_opened(1), earned("ann"), earned("bob")]).await;
    let of_other_log = projected(&other).await;
    let of_other_history = projected(&ledger).await;
    let next = "update guerdon_read_model.checkpoint set generation = 2, position = 9";
    of_other_history.sql(next).expect("changed");

    let mut projector = ledger.projector().await.expect("it opens");
    projector.catch_up().await.expect("projected");
    for database in [&of_other_log, &of_other_history] {
        let replica: PostgresUrl = database.url().parse().expect("a URL");
        let (required, _log) = required(&ledger).await;
        let model = projector.read_model(Some(&replica)).await.expect("it opens");
        let model = model.of_log(required).await.expect("the primary is of its log");
        for _ in 0..20 {
            let reading = model.read(&[], PATIENCE).await.expect("the primary answers");
            assert_eq!(reading.as_of().reached(&place(1)), Position(2));
        }
        until(&model, ServerStatus::OtherLog).await;
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(model.replicas()[0].1, ServerStatus::OtherLog);
        model.read(&[place(2)], SHORTLY).await.expect("the primary isn't late for the other");
    }
}

#[tokio::test]
async fn a_read_model_of_another_log_is_refused_by_those_who_only_read_on_postgres() {
    let ledger = Ledger::new(1, On::Postgres).await;
    ledger.record(&[log_opened(1), earned("ann")]).await;
    ledger.project().await;
    let other = Ledger::new(2, On::Postgres).await;
    let (required, _log) = required(&other).await;
    let refused = ledger.read_model().await.of_log(required).await;
    assert!(matches!(refused, Err(ReadModelError::OtherLog { .. })), "{refused:?}");
}
