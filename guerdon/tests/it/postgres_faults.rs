//! A ledger with its log in PostgreSQL under load, and what may happen to it on one server: killed,
//! cut off from its log at every step of an append, without a PostgreSQL for a while, deposed.
//!
//! Two faults of each kind; `GUERDON_FAULTS` says another number, `cargo xtask faults` 20.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use event_store::StoreUrl;
use services::Stop;

use crate::ledger::frozen::Frozen;
use crate::ledger::load::Load;
use crate::ledger::server::{Server, until};
use crate::ledger::{Ledger, audit, faults};

/// How many answers show that service is back.
const BACK: usize = 100;

/// A ledger on a server of its own, and people who redeem there.
struct Scene {
    server: Server,
    folder: tempfile::TempDir,
    ledger: Ledger,
    load: Load,
}

impl Scene {
    async fn start() -> Self {
        let server = Server::start(&[]);
        let folder = tempfile::tempdir().expect("a folder");
        server.migrate(folder.path());
        let ledger = Ledger::start_on(&server.store(), folder.path(), &[]);
        let load = Load::prepare(&ledger.client).await;
        Self { server, folder, ledger, load }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// While nobody redeems: what was told is so, and asking all again changes nothing of it.
    async fn check(&self) {
        let url: StoreUrl = self.server.store().parse().expect("a URL");
        audit::check(&self.load, &url).await;
        self.load.ask_all_again().await;
    }

    async fn end(self) {
        self.check().await;
        audit::check_read_model(&self.load, self.folder(), &self.server.store()).await;
        assert_eq!(self.ledger.stop(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_that_starts_again_has_all_it_answered() {
    let mut scene = Scene::start().await;
    for number in 0..faults() {
        let clients = scene.load.begin().await;
        clients.answers(BACK + 37 * number).await;
        scene.ledger.kill();
        scene.ledger = Ledger::start_on(&scene.server.store(), scene.folder.path(), &[]);
        scene.load.asks(&scene.ledger.client);
        clients.answers(BACK).await;
        println!("kill -9 of the server: {}", clients.end().await);
        scene.check().await;
    }
    scene.end().await;
}

/// The next start finds out what became of its last append; nobody waits for that any more.
#[tokio::test]
async fn a_ledger_that_is_told_to_stop_while_its_log_is_away_ends() {
    let mut server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    server.migrate(folder.path());
    let ledger = Ledger::start_on(&server.store(), folder.path(), &[]);
    ledger.client.opens("mug", 300, None, None).await;
    ledger.client.earns("ann", 500, "B-1").await;
    server.stop(Stop::Kill).expect("stopped");
    ledger.client.redeems("ann", "x-1", "mug").await.is_problem(503, "outcome-unknown");
    let told = Command::new("kill").args(["-TERM", &ledger.pid().to_string()]).status();
    assert!(told.expect("kill is there").success());
    assert_eq!(ledger.ends().0, Some(0));
    server.restart().expect("it comes back");
    let ledger = Ledger::start_on(&server.store(), folder.path(), &[]);
    ledger.client.redeems("ann", "x-1", "mug").await.is(201);
    assert_eq!(ledger.stop(), Some(0));
}

/// Whoever stops services kills what hasn't ended after 10 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_is_told_to_stop_while_its_log_hangs_ends_within_ten_seconds() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    server.migrate(folder.path());
    let ledger = Ledger::start_on(&server.store(), folder.path(), &[]);
    ledger.client.opens("mug", 300, None, None).await;
    ledger.client.earns("ann", 500, "B-1").await;
    let frozen = Frozen::all_of(&server);
    ledger.client.redeems("ann", "x-1", "mug").await.is_problem(503, "outcome-unknown");
    let told = Command::new("kill").args(["-TERM", &ledger.pid().to_string()]).status();
    assert!(told.expect("kill is there").success());
    let begin = Instant::now();
    let (code, said) = tokio::task::spawn_blocking(|| ledger.ends()).await.expect("it ends");
    let ended = begin.elapsed();
    assert!(code == Some(0) && ended < Duration::from_secs(10), "{code:?} {ended:?}: {said}");
    drop(frozen);
    let ledger = Ledger::start_on(&server.store(), folder.path(), &[]);
    let again = ledger.client.redeems("ann", "x-1", "mug").await;
    assert!([200, 201].contains(&again.status), "{again:?}");
    assert_eq!(ledger.stop(), Some(0));
}

/// Where an append can be stopped to be cut off there.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Between two appends.
    BeforeItIsSent,
    WhileItWaitsForTheHead,
    AfterItInserted,
    AtCommit,
    /// Committed on this server, and not answered yet.
    WhileItWaitsForAStandby,
    AtAnyTime,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_is_cut_off_at_any_step_has_landed_once_or_never() {
    use Step::*;
    let scene = Scene::start().await;
    scene.server.asked(include_str!("../data/stop_append.sql"));
    for number in 0..faults() {
        for step in [
            BeforeItIsSent,
            WhileItWaitsForTheHead,
            AfterItInserted,
            AtCommit,
            WhileItWaitsForAStandby,
            AtAnyTime,
        ] {
            let clients = scene.load.begin().await;
            clients.answers(BACK + number).await;
            let server = &scene.server;
            tokio::task::block_in_place(|| cut_off(server, step));
            clients.answers(BACK).await;
            println!("cut off {step:?}: {}", clients.end().await);
            scene.check().await;
        }
    }
    scene.end().await;
}

fn cut_off(server: &Server, step: Step) {
    let terminate = |how: &str| {
        let sql = format!(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity \
             where application_name = 'guerdon' and query like '%moved as (%' and {how}"
        );
        until(|| server.asked(&sql) != "0");
    };
    let hold = |at: &str| {
        server.asked(&format!("update public.stop_append set at = '{at}'"));
        terminate("wait_event = 'PgSleep'");
        server.asked("update public.stop_append set at = ''");
        // The next append may have run into it by then.
        let again = "select pg_terminate_backend(pid) from pg_stat_activity \
                     where wait_event = 'PgSleep'";
        server.asked(again);
    };
    let is_cut_off = AtomicBool::new(false);
    match step {
        Step::BeforeItIsSent => terminate("state = 'idle'"),
        Step::WhileItWaitsForTheHead => std::thread::scope(|scope| {
            let lock = "select from guerdon_log.partition_head for update; select pg_sleep(0.5)";
            scope.spawn(|| {
                // Half a second may be too short on a machine that is busy.
                for _ in 0..20 {
                    server.asked(lock);
                    if is_cut_off.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
            terminate("wait_event_type = 'Lock'");
            is_cut_off.store(true, Ordering::Relaxed);
        }),
        Step::AfterItInserted => hold("insert"),
        Step::AtCommit => hold("commit"),
        Step::WhileItWaitsForAStandby => {
            server.set("synchronous_standby_names", "nobody").expect("set");
            terminate("wait_event = 'SyncRep'");
            server.set("synchronous_standby_names", "").expect("set");
        }
        Step::AtAnyTime => terminate("true"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_stops_and_comes_back_is_gone_on_with() {
    let mut scene = Scene::start().await;
    for number in 0..faults() {
        for how in [Stop::Fast, Stop::Kill] {
            let clients = scene.load.begin().await;
            clients.answers(BACK + 53 * number).await;
            scene.server.stop(how).expect("stopped");
            // Long enough for a deadline to pass: some are told that they weren't decided.
            tokio::time::sleep(Duration::from_millis(1_700)).await;
            scene.server.restart().expect("it starts again");
            clients.answers(BACK).await;
            println!("PostgreSQL stopped ({how:?}) and started: {}", clients.end().await);
            scene.check().await;
        }
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_takes_nothing_for_a_while_is_not_asked_all_the_time() {
    let scene = Scene::start().await;
    scene.server.asked(include_str!("../data/stop_append.sql"));
    let clients = scene.load.begin().await;
    clients.answers(BACK).await;
    scene.server.asked("update public.stop_append set at = 'full'");
    tokio::time::sleep(Duration::from_secs(4)).await;
    let said = crate::ledger::said(scene.folder());
    scene.server.asked("update public.stop_append set at = ''");
    let tries = said.matches("an append failed").count();
    assert!((2..15).contains(&tries), "{tries} tries in 4 s");
    clients.answers(BACK).await;
    println!("no room for 4 s, {tries} tries: {}", clients.end().await);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_deposes_the_first_which_says_so_and_ends() {
    let mut scene = Scene::start().await;
    for _ in 0..faults() {
        let clients = scene.load.begin().await;
        clients.answers(BACK).await;
        let second = Ledger::start_on(&scene.server.store(), scene.folder.path(), &[]);
        let first = std::mem::replace(&mut scene.ledger, second);
        let (code, said) = tokio::task::block_in_place(|| first.ends());
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("another writer has taken over this partition"), "{said}");
        scene.load.asks(&scene.ledger.client);
        clients.answers(BACK).await;
        println!("deposed by a second server: {}", clients.end().await);
        scene.check().await;
    }
    scene.end().await;
}
