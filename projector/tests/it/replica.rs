//! Reads from streaming standbys: what they promise while those come, lag and go.

use std::time::Duration;

use domain::Event;
use log_record::Position;
use postgres_connection::PostgresUrl;
use projector::{Projector, rebuild};
use read_model::{ReadError, ReadModel, ReadModelUrl, ServerStatus, migrate};
use services::{Postgres, Stop};
use tempfile::TempDir;

use testing::ledger::{Ledger, On, earned, log_opened, place};

const PATIENCE: Duration = Duration::from_secs(20);

/// A primary with a standby, a log in memory, and its projection.
struct Servers {
    ledger: Ledger,
    primary: Postgres,
    standby: Postgres,
    projector: Projector,
    _folder: TempDir,
}

impl Servers {
    async fn start() -> Self {
        let home = services::home().expect("a folder");
        let folder = tempfile::tempdir_in(home).expect("a folder");
        // PostgreSQL runs as another user.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).expect("opened");
        let primary = Postgres::start(&folder.path().join("primary"), &[]).expect("it starts");
        let standby = primary.standby(&folder.path().join("standby"), &[]).expect("it streams");
        let ledger = Ledger::new(1, On::Sqlite).await;
        let url: ReadModelUrl = primary.url("postgres").parse().expect("a URL");
        migrate(&url).await.expect("migrated");
        ledger.record(&[log_opened(1), earned("ann")]).await;
        let mut projector = Projector::open(&url, ledger.store.clone()).await.expect("it opens");
        projector.catch_up().await.expect("projected");
        let servers = Self { ledger, primary, standby, projector, _folder: folder };
        servers.until_the_standby_has(2).await;
        servers
    }

    /// The primary answers the projector before its commits are on disk, and a standby gets what is
    /// on disk.
    async fn until_the_standby_has(&self, position: i64) {
        const SELECT: &str = "select max(position) from guerdon_read_model.checkpoint";
        let there = tokio::time::timeout(PATIENCE, async {
            // The table itself may not be there yet.
            let at = || self.standby.sql("postgres", SELECT).unwrap_or_default();
            while at().trim() != position.to_string() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        there.await.expect("it gets what was projected");
    }

    async fn read_model(&self) -> ReadModel {
        let replica: PostgresUrl = self.standby.url("postgres").parse().expect("a URL");
        self.projector.read_model(Some(&replica)).await.expect("it opens")
    }

    /// To ask for the pause isn't to have it: what is being applied may be the next record yet.
    async fn pause_the_standby(&self) {
        const PAUSE: &str = "select pg_wal_replay_pause()";
        const STATE: &str = "select pg_get_wal_replay_pause_state()";
        self.standby.sql("postgres", PAUSE).expect("asked for");
        let paused = tokio::time::timeout(PATIENCE, async {
            while self.standby.sql("postgres", STATE).expect("told").trim() != "paused" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        paused.await.expect("it pauses");
    }

    async fn record(&mut self, event: Event) {
        self.ledger.record(&[event]).await;
        self.projector.catch_up().await.expect("projected");
    }
}

/// Where a read that asks for nothing finds the tables.
async fn position(model: &ReadModel) -> Position {
    model.read(&[], PATIENCE).await.expect("somebody answers").as_of().reached(&place(1))
}

/// A replica that didn't answer at once is passed over, but not for long, and it isn't late yet.
async fn until_the_replica_answers(model: &ReadModel, knows: Position) {
    while position(model).await != knows {
        assert_ne!(model.replicas()[0].1, ServerStatus::Late, "it is asked before it is late");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until(model: &ReadModel, status: ServerStatus) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while model.replicas()[0].1 != status {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{status:?} is never shown"));
}

#[tokio::test]
async fn a_replica_answers_reads_and_the_primary_when_it_is_late_or_gone() {
    let mut servers = Servers::start().await;
    let model = servers.read_model().await;
    model.read(&[place(2)], PATIENCE).await.expect("the standby streams");
    assert!(model.changes().is_none(), "what a standby answers is of before, and isn't kept");

    servers.pause_the_standby().await;
    servers.record(earned("bob")).await;
    until_the_replica_answers(&model, Position(2)).await;
    let wait = Duration::from_secs(2);
    let read = model.read(&[place(3)], wait).await.expect("the primary is asked in time");
    assert_eq!(read.as_of().reached(&place(3)), Position(3));
    drop(read);
    until(&model, ServerStatus::Late).await;
    assert_eq!(position(&model).await, Position(3), "what is late is not asked");

    servers.standby.sql("postgres", "select pg_wal_replay_resume()").expect("resumed");
    until(&model, ServerStatus::Serving).await;
    servers.standby.stop(Stop::Kill).expect("killed");
    assert_eq!(position(&model).await, Position(3), "reads go on");
    servers.record(earned("cat")).await;
    model.read(&[place(4)], wait).await.expect("with a position, too");
    until(&model, ServerStatus::Unreachable).await;
    servers.standby.restart().expect("it starts again");
    until(&model, ServerStatus::Serving).await;
    assert_eq!(model.replicas().len(), 1);
}

#[tokio::test]
async fn reads_and_projection_go_on_with_the_urls_other_server_after_a_failover() {
    let mut servers = Servers::start().await;
    let (first, second) = (servers.primary.port(), servers.standby.port());
    let url = format!("postgres://guerdon@127.0.0.1:{first},127.0.0.1:{second}/postgres");
    let url: ReadModelUrl = url.parse().expect("a URL");
    let store = servers.ledger.store.clone();
    let model = ReadModel::open(&url, None).await.expect("it opens");
    model.read(&[place(2)], PATIENCE).await.expect("it is there");
    servers.primary.stop(Stop::Kill).expect("killed");
    assert_eq!(position(&model).await, Position(2), "the standby answers");
    servers.standby.promote().expect("promoted");
    let mut projector = Projector::open(&url, store).await.expect("it finds the new primary");
    servers.ledger.record(&[earned("bob")]).await;
    projector.catch_up().await.expect("projected");
    model.read(&[place(3)], PATIENCE).await.expect("it is there");
    servers.standby.stop(Stop::Kill).expect("killed");
    let nobody = model.read(&[], Duration::from_millis(100)).await;
    assert!(matches!(nobody, Err(ReadError::Unreachable(_))), "{nobody:?}");
}

#[tokio::test]
async fn readers_and_the_live_projector_go_on_across_a_rebuild() {
    let ledger = Ledger::new(1, On::Postgres).await;
    ledger.record(&[log_opened(1), earned("ann")]).await;
    let projector = ledger.projector().await.expect("it opens");
    let model = projector.read_model(None).await.expect("it opens");
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(projector.run(stop.clone()));
    model.read(&[place(2)], PATIENCE).await.expect("in time");
    let reading = tokio::spawn(read_until_stopped(model.clone(), stop.clone()));
    for shopper in 0..4 {
        rebuild(&ledger.url(), &ledger.store).await.expect("rebuilt");
        ledger.record(&[earned(&format!("shopper-{shopper}"))]).await;
        model.read(&[place(3 + shopper)], PATIENCE).await.expect("in time");
    }
    stop.cancel();
    running.await.expect("it ends");
    assert!(reading.await.expect("no read was wrong") > 0);
}

/// Reads balances and checkpoint of one event: an account for each event after the first.
async fn read_until_stopped(model: ReadModel, stop: tokio_util::sync::CancellationToken) -> u64 {
    const ACCOUNTS: read_model::Query =
        read_model::Query::same("select count(*) from account_balance");
    let mut reads = 0;
    while !stop.is_cancelled() {
        let mut reading = model.read(&[], PATIENCE).await.expect("it begins");
        let (accounts,): (i64,) = reading.one(ACCOUNTS, &[]).await.expect("it reads on");
        assert_eq!(
            reading.as_of().reached(&place(1)).0,
            u64::try_from(accounts).expect("some") + 1
        );
        reads += 1;
    }
    reads
}
