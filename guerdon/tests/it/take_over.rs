//! A second server takes over from one that is frozen, or whose host is gone, in the middle of its
//! projector's transaction: it serves within ten seconds, nothing is lost, and the first ends when
//! it wakes.
//!
//! Once each; `GUERDON_FAULTS` says another number, `cargo xtask faults` 20.

use std::process::Command;
use std::time::{Duration, Instant};

use event_store::StoreUrl;

use crate::ledger::load::Load;
use crate::ledger::network::Network;
use crate::ledger::server::{DATABASE, Server, until};
use crate::ledger::tool::migrate;
use crate::ledger::{Api, Ledger, audit, faults_or, said};

/// How soon the second server serves commands and reads, from its start on.
const SERVES_WITHIN: Duration = Duration::from_secs(10);

/// How many answers show that service is back.
const BACK: usize = 100;

const IN_TRANSACTION: &str = "select count(*) from pg_stat_activity \
    where application_name like 'guerdon%' and state = 'idle in transaction'";

/// A PostgreSQL with log and read model, and people who redeem.
struct Scene {
    server: Server,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let server = Server::start(&[]);
        let folder = tempfile::tempdir().expect("a folder");
        migrate(folder.path(), &server.store());
        server.asked(include_str!("../data/slow_projector.sql"));
        Self { server, folder }
    }

    fn start(&self, store: &str) -> Ledger {
        Ledger::start_on(store, self.folder.path(), &["--read-model", store])
    }

    /// Waits until a projector is within a transaction, and cuts it off from there by `cut_off`.
    fn within_a_transaction(&self, cut_off: impl FnOnce()) {
        self.server.asked("update public.slow_projector set is_slow = true");
        let sleeps = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
        until(|| self.server.asked(sleeps) != "0");
        cut_off();
        self.server.asked("update public.slow_projector set is_slow = false");
        until(|| self.server.asked(IN_TRANSACTION) != "0");
    }

    /// Starts the second server, which serves in time.
    async fn second_serves(&self, number: usize) -> Ledger {
        let begun = Instant::now();
        let ledger = tokio::task::block_in_place(|| self.start(&self.server.store()));
        let api = &ledger.client;
        let position = api.earns("late", 1, &format!("B-{number}")).await;
        let taken = begun.elapsed();
        let account = api.get_after(&position, "shopper", "/v1/accounts/late").await.is(200);
        let served = begun.elapsed();
        println!(
            "the second server took a command after {taken:.2?}, and read it after {served:.2?}"
        );
        assert_eq!(account["available"], number + 1);
        assert!(served < SERVES_WITHIN, "{served:?}: {}", said(self.folder.path()));
        api.get("operator", "/health/ready").await.is(200);
        ledger
    }
}

fn signal(ledger: &Ledger, signal: &str) {
    let pid = ledger.pid().to_string();
    let sent = Command::new("kill").args([signal, &pid]).status().expect("kill is there");
    assert!(sent.success());
}

/// Ends by itself, although nobody asks it for anything, and says why.
async fn ends_deposed(ledger: Ledger) {
    let (code, said) = tokio::task::block_in_place(|| ledger.ends());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another writer has taken over this partition"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_takes_over_from_one_that_is_frozen_in_its_projectors_transaction() {
    let scene = Scene::new();
    let store = scene.server.store();
    let mut ledger = scene.start(&store);
    let load = Load::prepare(&ledger.client).await;
    for number in 0..faults_or(1) {
        let clients = load.begin().await;
        clients.answers(BACK).await;
        tokio::task::block_in_place(|| {
            scene.within_a_transaction(|| signal(&ledger, "-STOP"));
        });
        let second = scene.second_serves(number).await;
        load.asks(&second.client);
        let first = std::mem::replace(&mut ledger, second);
        signal(&first, "-CONT");
        ends_deposed(first).await;
        clients.answers(BACK).await;
        println!("frozen: {}", clients.end().await);
        check(&load, &store).await;
    }
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_takes_over_from_one_whose_host_is_gone() {
    let scene = Scene::new();
    let direct = scene.server.store();
    let mut load: Option<Load> = None;
    for number in 0..faults_or(1) {
        // Everybody's first server is behind a network of its own.
        let network = Network::to(scene.server.port());
        let behind = format!("postgres://guerdon@127.0.0.1:{}/{DATABASE}", network.port());
        let first = scene.start(&behind);
        if load.is_none() {
            load = Some(Load::prepare(&first.client).await);
        }
        let load = load.as_ref().expect("it is there");
        load.asks(&first.client);
        let clients = load.begin().await;
        clients.answers(BACK).await;
        tokio::task::block_in_place(|| scene.within_a_transaction(|| network.swallows()));
        let second = scene.second_serves(number).await;
        load.asks(&second.client);
        clients.answers(BACK).await;
        network.is_back();
        ends_deposed(first).await;
        println!("its host gone: {}", clients.end().await);
        check(load, &direct).await;
        assert_eq!(second.stop(), Some(0));
    }
}

/// While nobody redeems: what was told is so, and asking all again changes nothing of it.
async fn check(load: &Load, store: &str) {
    let url: StoreUrl = store.parse().expect("a URL");
    audit::check(load, &url).await;
    load.ask_all_again().await;
}

/// The log's head is held by somebody else's transaction, so the start waits, and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_waits_for_the_log_answers_health_and_goes_on() {
    let scene = Scene::new();
    assert_eq!(scene.start(&scene.server.store()).stop(), Some(0));
    let lock = "begin; select from guerdon_log.partition_head for update";
    let mut holder = <sqlx::PgConnection as sqlx::Connection>::connect(&scene.server.store())
        .await
        .expect("connected");
    sqlx::raw_sql(lock).execute(&mut holder).await.expect("locked");

    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("it has one").to_string();
    drop(free);
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(["serve", "--listen", &address, "--data-dir"]).arg(scene.folder.path());
    command.args(["--store", &scene.server.store(), "--read-model", &scene.server.store()]);
    let folder = scene.folder.path().to_owned();
    let starting = tokio::task::spawn_blocking(move || Ledger::run(command, &folder));
    let http =
        reqwest::Client::builder().timeout(Duration::from_secs(2)).build().expect("a client");
    let begun = Instant::now();
    let told = loop {
        assert!(begun.elapsed() < SERVES_WITHIN, "nobody answers: {}", said(scene.folder.path()));
        match http.get(format!("http://{address}/health/ready")).send().await {
            Ok(answer) => break (answer.status().as_u16(), answer.text().await.expect("a text")),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    assert_eq!(told.0, 503, "{}", told.1);
    assert!(told.1.contains(r#""starting":""#), "{}", told.1);
    let live = http.get(format!("http://{address}/health/live")).send().await.expect("answered");
    assert_eq!(live.status(), 200);
    let other = http.get(format!("http://{address}/v1/totals")).send().await.expect("answered");
    assert_eq!(other.status(), 503);
    assert_eq!(other.headers()["retry-after"], "1");

    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!starting.is_finished(), "it waits");
    sqlx::raw_sql("rollback").execute(&mut holder).await.expect("let go");
    let ledger = starting.await.expect("it starts");
    let api: &Api = &ledger.client;
    api.earns("ann", 1, "B-1").await;
    assert_eq!(ledger.stop(), Some(0), "{}", said(scene.folder.path()));
}
