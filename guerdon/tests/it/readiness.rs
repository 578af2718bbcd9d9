//! What `GET /health/ready` says of processes of their own: 200 only while what they are for works.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use services::Stop;

use crate::ledger::server::Server;
use crate::ledger::tool::migrate;
use crate::ledger::{Answer, Ledger, PATIENCE};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_is_ready_while_it_can_do_what_it_is_for() {
    let mut server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let store = server.store();
    let part = parts_of(&store, folder.path());
    let commands = part("command-api");
    let earned = commands.client.earns("ann", 500, "B-1").await;
    let queries = part("query-api");

    // No projector has run yet: nobody may be told that there is no such account.
    let account = queries.client.get("auditor", "/v1/accounts/ann").await;
    account.is_problem(503, "projection-behind");
    assert_eq!(ready(&queries).await.is(503)["read_model"]["status"], "not-begun");

    let projector = part("projector");
    queries.client.get_after(&earned, "auditor", "/v1/accounts/ann").await.is(200);
    until(&queries, 200, |health| health["read_model"]["positions"] == health["log"]["heads"])
        .await;
    until(&projector, 200, |health| health["projections"][0]["status"] == "running").await;

    server.stop(Stop::Fast).expect("stopped");
    until(&queries, 503, |health| health["read_model"]["status"] == "unreadable").await;
    until(&queries, 503, |health| health["reasons"] == json!(["read-model-unreadable"])).await;
    until(&projector, 503, |health| health["projections"][0]["status"] == "recovering").await;
    until(&projector, 503, |health| health["reasons"] == json!(["projection-failing"])).await;
    // What isn't a reason to send readers elsewhere is told, too.
    until(&queries, 503, |health| {
        health["degraded"] == json!(["log-unreadable", "switches-unreadable"])
    })
    .await;
    let account = queries.client.get("auditor", "/v1/accounts/ann").await;
    account.is_problem(503, "read-model-unreachable");

    server.restart().expect("started");
    for part in [&queries, &projector, &commands] {
        until(part, 200, |health| health["log"]["status"] == "serving").await;
        until(part, 200, |health| health["reasons"] == json!([])).await;
    }
    queries.client.get("auditor", "/v1/accounts/ann").await.is(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_whose_log_is_away_is_not_ready_although_nothing_was_written() {
    let mut server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    server.migrate(folder.path());
    let ledger = Ledger::start_on(&server.store(), folder.path(), &[]);
    until(&ledger, 200, |health| health["log"]["status"] == "serving").await;
    server.stop(Stop::Fast).expect("stopped");
    until(&ledger, 503, |health| health["log"]["status"] == "unreadable").await;

    // An operator learns why; a stranger, and who has another key, that it is so.
    let causes = ready(&ledger).await.is(503)["log"]["why"].as_str().map(str::to_owned);
    assert!(causes.is_some_and(|why| !why.is_empty()), "there is a cause");
    let stranger = ledger.client.with_key("auditor", "nobody's key");
    for (api, role) in [(&stranger, "auditor"), (&ledger.client, "shopper")] {
        let told = api.get(role, "/health/ready").await.is(503);
        assert_eq!(told["log"], json!({"status": "unreadable"}), "{told}");
        assert_eq!(told["reasons"], json!(["log-unreadable"]), "{told}");
        assert!(!told.to_string().contains("127.0.0.1"), "{told}");
    }
    server.restart().expect("started");
    until(&ledger, 200, |health| health["log"]["status"] == "serving").await;
    assert_eq!(ledger.stop(), Some(0));
}

/// Anyone may ask, as often as he likes: a log or a read model is asked a few times a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_questions_about_health_asks_the_log_a_few_times() {
    let database = services::TestDatabase::create().expect("a database");
    let folder = tempfile::tempdir().expect("a folder");
    migrate(folder.path(), &database.url());
    let ledger = Ledger::start_on(&database.url(), folder.path(), &["--role", "command-api"]);
    let reads = || -> u64 {
        let sql = "select idx_scan + seq_scan from pg_stat_user_tables \
                   where relname = 'partition_head'";
        database.sql(sql).expect("asked").parse().expect("a number")
    };
    until(&ledger, 200, |health| health["log"]["status"] == "serving").await;
    // What a backend has counted is seen a second later.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let (before, begin) = (reads(), Instant::now());
    for _ in 0..500 {
        ready(&ledger).await.is(200);
    }
    let asked_for = begin.elapsed();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    // And the ledger looks once a second by itself.
    let most = u64::try_from(asked_for.as_millis() / 200).expect("few") + 20;
    assert!(reads() - before <= most, "{} reads for 500 questions", reads() - before);
    assert_eq!(ledger.stop(), Some(0));
}

/// The tables are made from nothing, or a projector was away: they lack what was answered before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_read_before_the_tables_contain_what_the_log_did_at_the_start() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let store = server.store();
    let part = parts_of(&store, folder.path());
    let commands = part("command-api");
    let first = commands.client.earns("ann", 500, "B-1").await;
    let (projector, queries) = (part("projector"), part("query-api"));
    queries.client.get_after(&first, "auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!((projector.stop(), queries.stop()), (Some(0), Some(0)));

    let second = commands.client.earns("bob", 70, "B-2").await;
    let queries = part("query-api");
    for account in ["ann", "bob"] {
        let read = queries.client.get("auditor", &format!("/v1/accounts/{account}")).await;
        let problem = read.is_problem(503, "projection-behind");
        assert_eq!(problem["wanted"], second.as_str(), "{problem}");
    }
    let health = ready(&queries).await.is(503);
    assert_eq!(health["read_model"]["status"], "catching-up", "{health}");
    // Where commands are taken, too, shoppers are sent nowhere else.
    let both = part("command-api,query-api");
    let health = ready(&both).await.is(200);
    assert_eq!(health["read_model"]["status"], "catching-up", "{health}");

    let projector = part("projector");
    for part in [&queries, &both] {
        until(part, 200, |health| health["read_model"]["status"] == "serving").await;
        part.client.get("auditor", "/v1/accounts/bob").await.is(200);
    }
    drop((commands, projector));
}

async fn ready(ledger: &Ledger) -> Answer {
    ledger.client.get("auditor", "/health/ready").await
}

/// Waits until a process says of itself what is so.
async fn until(ledger: &Ledger, status: u16, is_so: impl Fn(&Value) -> bool) {
    let started = Instant::now();
    loop {
        let health = ready(ledger).await;
        if health.status == status && is_so(&health.body) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "it doesn't come to be {status}: {health:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Starts the parts of a ledger whose log and read model are in one new database.
fn parts_of<'a>(store: &'a str, folder: &'a Path) -> impl Fn(&str) -> Ledger + 'a {
    migrate(folder, store);
    move |role| Ledger::start_on(store, folder, &["--role", role, "--read-model", store])
}
