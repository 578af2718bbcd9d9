//! A PostgreSQL that is killed takes the last batches of the read tables with it, rows and
//! checkpoint alike; they are made again from the log.

use std::time::Duration;

use domain::{AccountErased, Event};
use log_record::Position;
use projector::Projector;
use read_model::{Query, ReadModel, ReadModelUrl, dump, migrate};
use services::{Postgres, Stop};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use testing::ledger::{Ledger, On, earned, id, log_opened, place, redemption};

const PATIENCE: Duration = Duration::from_secs(20);

/// How often the server is killed.
const KILLS: u64 = 3;

const CHECKPOINT: Query = Query::same("select position from checkpoint");

/// A log in memory, and read tables on a server that writes nothing that nobody waits for.
struct Scene {
    ledger: Ledger,
    server: Postgres,
    url: ReadModelUrl,
    _folder: TempDir,
}

impl Scene {
    async fn start() -> Self {
        let home = services::home().expect("a folder");
        let folder = tempfile::tempdir_in(home).expect("a folder");
        // PostgreSQL runs as another user.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).expect("opened");
        let settings = ["wal_buffers=64MB", "autovacuum=off"];
        let server = Postgres::start(&folder.path().join("server"), &settings).expect("started");
        let ledger = Ledger::new(1, On::Sqlite).await;
        let url: ReadModelUrl = server.url("postgres").parse().expect("a URL");
        migrate(&url).await.expect("migrated");
        ledger.record(&[log_opened(1), earned("ann")]).await;
        Self { ledger, server, url, _folder: folder }
    }

    async fn projector(&self) -> Projector {
        Projector::open(&self.url, self.ledger.store.clone()).await.expect("it opens")
    }

    fn kill(&mut self) {
        self.server.stop(Stop::Kill).expect("killed");
        self.server.restart().expect("it starts again");
    }

    /// How far the tables are, though nobody projects.
    async fn checkpoint(&self) -> u64 {
        let position =
            self.server.sql("postgres", "select position from guerdon_read_model.checkpoint");
        position.expect("told").parse().expect("a position")
    }

    /// The tables are those that the log makes.
    async fn check(&self, model: &ReadModel) {
        let live = dump(model).await.expect("read");
        let anew = Scene::start_empty(&self.ledger).await;
        assert_eq!(live, anew);
    }

    /// What a server of its own makes of the same log.
    async fn start_empty(ledger: &Ledger) -> Vec<String> {
        let database = services::TestDatabase::create().expect("a database");
        let url: ReadModelUrl = database.url().parse().expect("a URL");
        migrate(&url).await.expect("migrated");
        let mut projector = Projector::open(&url, ledger.store.clone()).await.expect("it opens");
        projector.catch_up().await.expect("projected");
        dump(&ReadModel::open(&url, None).await.expect("it opens")).await.expect("read")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_a_killed_server_has_lost_are_made_again() {
    let mut scene = Scene::start().await;
    let projector = scene.projector().await;
    let model = projector.read_model(None).await.expect("it opens");
    let stop = CancellationToken::new();
    let running = tokio::spawn(projector.run(stop.clone()));
    let mut last = 2;
    model.read(&[place(last)], PATIENCE).await.expect("in time");
    for kill in 0..KILLS {
        scene.server.hold_back_commits().expect("held");
        for number in 0..20 {
            let account = format!("shopper-{kill}-{number}");
            scene.ledger.record(&[earned(&account)]).await;
            scene.ledger.record(&redemption(&account, "x-1", last + 1)).await;
            last += 3;
            let read = model.read(&[place(last)], PATIENCE).await.expect("projected");
            assert!(read.as_of().reached(&place(last)) >= Position(last));
        }
        scene.kill();
        // Of what it was shown, a reader is given all: it waits for that.
        let read = model.read(&[place(last)], PATIENCE).await.expect("made again");
        assert!(read.as_of().reached(&place(last)) >= Position(last));
        drop(read);
        scene.check(&model).await;
    }
    stop.cancel();
    running.await.expect("it ends");
}

#[tokio::test]
async fn tables_go_back_as_a_whole_but_never_behind_an_erasure() {
    let mut scene = Scene::start().await;
    let mut projector = scene.projector().await;
    projector.catch_up().await.expect("projected");
    scene.server.sql("postgres", "checkpoint").expect("written");
    scene.server.hold_back_commits().expect("held");
    scene.ledger.record(&[earned("bob")]).await;
    projector.catch_up().await.expect("projected");
    drop(projector);
    scene.kill();
    assert_eq!(scene.checkpoint().await, 2, "the last batch is lost");

    let erased = AccountErased {
        erasure_id: id("e-1"),
        until: Position(2),
        reason: id("asked for by letter"),
    };
    scene.ledger.record(&[Event::AccountErased(id("ann"), erased)]).await;
    let mut projector = scene.projector().await;
    scene.server.hold_back_commits().expect("held");
    projector.catch_up().await.expect("projected");
    scene.ledger.record(&[earned("cat")]).await;
    projector.catch_up().await.expect("projected");
    scene.kill();
    assert_eq!(scene.checkpoint().await, 4, "what was erased stays so; what came after is lost");

    // This one knows a later checkpoint; its connection is gone, and with it what it knows.
    scene.ledger.record(&[earned("dan")]).await;
    assert!(projector.catch_up().await.is_err(), "it doesn't go on from memory");
    scene.projector().await.catch_up().await.expect("projected");
    let model = ReadModel::open(&scene.url, None).await.expect("it opens");
    let mut reading = model.read(&[], PATIENCE).await.expect("read");
    let at: (i64,) = reading.one(CHECKPOINT, &[]).await.expect("read");
    assert_eq!(at.0, 6);
    drop(reading);
    scene.check(&model).await;
}
