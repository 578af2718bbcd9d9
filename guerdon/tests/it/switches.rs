//! Switches turned under load: each takes effect in every process and back again, and nothing that
//! was answered is lost.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use event_store::{Access, EventStore, StoreUrl, SwitchChange};
use rusqlite::Connection;
use serde_json::{Value, json};
use services::{Stop, shared_kafka};

use crate::ledger::load::{Load, MUG};
use crate::ledger::server::Server;
use crate::ledger::{Api, Ledger, PATIENCE, account_in, ends, until, until_said};
use crate::topic::records;
use crate::topic::shop::{all_are_there_once, own_topic, prepare, publisher, redeem};

async fn turn(api: &Api, switch: &str, body: Value) -> Value {
    api.put("operator", &format!("/v1/switches/{switch}"), body).await.is(200)
}

/// Waits until processes go by these switches, and no others.
async fn until_on(processes: &[&Ledger], on: &[&str]) {
    for process in processes {
        let names = |health: &Value| -> Vec<String> {
            let switches = health["switches"].as_array().cloned().unwrap_or_default();
            switches.iter().filter_map(|it| it["switch"].as_str().map(Into::into)).collect()
        };
        let health = until(&process.client, "/health/ready", |health| names(health) == on).await;
        let degraded = health["degraded"].to_string();
        assert_eq!(degraded.contains("switch-on"), !on.is_empty(), "{health}");
    }
}

/// Waits until the event of a switch's last turn is recorded.
async fn until_recorded(api: &Api, switch: &str) -> Value {
    until(api, &format!("/v1/switches/{switch}"), |switch| switch["recorded"] == true).await
}

fn number(position: &str) -> u64 {
    position.strip_prefix("0:").and_then(|text| text.parse().ok()).expect("a position")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redemptions_are_paused_and_the_ledger_is_read_only_in_every_process_under_load() {
    let folder = tempfile::tempdir().expect("a folder");
    let commands = Ledger::start_with(folder.path(), &["--role", "command-api"], &[]);
    let reads = Ledger::start_with(folder.path(), &["--role", "projector,query-api"], &[]);
    let (api, both) = (&commands.client, [&commands, &reads]);
    let load = Load::prepare(api).await;
    let running = load.begin().await;
    running.answers(20).await;

    turn(api, "pause-redemptions", json!({"on": true})).await;
    until_on(&both, &["pause-redemptions"]).await;
    let gates = reads.client.get("shopper", "/v1/gates").await.is(200);
    assert_eq!(gates["switches"], json!(["pause-redemptions"]), "{gates}");
    until_recorded(api, "pause-redemptions").await;
    // Others go on, and between two of them nothing is recorded.
    let first = api.earns("probe", 1, "B-1").await;
    for number in 0..20 {
        let refused = api.redeems("shopper-0", &format!("paused-{number}"), MUG).await;
        let refused = refused.is_problem(503, "not-decided");
        assert_eq!(refused["switch"], "pause-redemptions", "{refused}");
    }
    let second = api.earns("probe", 1, "B-2").await;
    assert_eq!(number(&second), number(&first) + 1, "nothing was redeemed");
    turn(api, "pause-redemptions", json!({"on": false})).await;
    running.answers(20).await;
    until_on(&both, &[]).await;

    turn(api, "read-only", json!({"on": true})).await;
    until_on(&both, &["read-only"]).await;
    let credit = json!({"points": 1, "cause": {"kind": "purchase", "id": "B-3"}});
    let refused = api.post("merchant", "/v1/accounts/probe/credits", credit).await;
    assert_eq!(refused.is_problem(503, "not-decided")["switch"], "read-only");
    until_recorded(api, "read-only").await;
    let heads = async || {
        // What was told a moment ago is told again for a while.
        tokio::time::sleep(Duration::from_millis(300)).await;
        api.get("operator", "/health/ready").await.is(200)["log"]["heads"].clone()
    };
    let before = heads().await;
    let read = reads.client.get_after(&second, "auditor", "/v1/accounts/probe").await.is(200);
    assert_eq!(read["available"], 2);
    assert_eq!(heads().await, before, "the load records nothing");
    turn(api, "read-only", json!({"on": false})).await;
    running.answers(20).await;
    until_on(&both, &[]).await;

    println!("{}", running.end().await);
    load.ask_all_again().await;
    let totals = api.earns("probe", 1, "B-4").await;
    let totals = reads.client.get_after(&totals, "auditor", "/v1/totals").await.is(200);
    assert_eq!(totals["difference"], "0", "{totals}");
    let turned = reads.client.get("auditor", "/v1/operations?outcome=recorded").await.is(200);
    let events = turned["items"].as_array().expect("a list").iter();
    let turns = events.filter(|it| it["event"]["type"] == "switch-turned");
    assert_eq!(turns.count(), 4, "each turn has its event: {turned}");
    assert_eq!((reads.stop(), commands.stop()), (Some(0), Some(0)));
}

/// The server of the read tables is stopped before the switch is turned, so that no answer that was
/// kept is as good as new by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_are_answered_from_memory_only_in_every_process_while_their_postgres_is_stopped() {
    const KEPT: [&str; 5] = [
        "/v1/accounts/shopper-0",
        "/v1/offers/mug",
        "/v1/offers/mug/countdown",
        "/v1/offers",
        "/v1/gates",
    ];
    let mut server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let url = server.store();
    let mut migrate = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    migrate.args(["migrate", "--read-model", &url, "--data-dir"]).arg(folder.path());
    let migrated = ends(migrate);
    assert!(migrated.status.success(), "{migrated:?}");
    let commands = Ledger::start_with(folder.path(), &["--role", "command-api"], &[]);
    let parts = ["--role", "projector,query-api", "--read-model", &url];
    let reads = Ledger::start_with(folder.path(), &parts, &[]);
    let (api, both) = (&commands.client, [&commands, &reads]);
    let load = Load::prepare(api).await;
    let running = load.begin().await;
    running.answers(20).await;
    let before = api.earns("probe", 1, "B-1").await;
    for path in KEPT {
        reads.client.get_after(&before, "operator", path).await.is(200);
    }
    server.stop(Stop::Fast).expect("stopped");
    until_status(&reads, KEPT[1], 503).await;

    turn(api, "cached-reads-only", json!({"on": true})).await;
    until_status(&reads, "/health/ready", 200).await;
    until_on(&both, &["cached-reads-only"]).await;
    for path in KEPT {
        let request = reads.client.request("GET", path, "operator");
        let answer = request.send().await.expect("answered");
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        let of = |name: &str| answer.headers()[name].to_str().expect("a text").to_owned();
        let age: u64 = of("age").parse().expect("seconds");
        assert!(age >= 1 && of("cache-status").ends_with("detail=cached-reads-only"), "{path}");
    }
    let gates = reads.client.get("shopper", "/v1/gates").await.is(200);
    assert_eq!(gates["switches"], json!(["cached-reads-only"]), "{gates}");
    let not_there = ["/v1/totals", "/v1/accounts/shopper-1/entries", "/v1/accounts/shopper-9"];
    for path in not_there {
        let refused = reads.client.get("operator", path).await.is_problem(503, "not-cached");
        assert_eq!(refused["switch"], "cached-reads-only", "{path}");
    }
    let after = api.earns("shopper-0", 1, "B-2").await;
    let request = reads.client.request("GET", KEPT[0], "operator");
    let request = request.header("guerdon-position", &after);
    let refused = reads.client.send(request).await.expect("answered");
    refused.is_problem(503, "not-cached");
    let found = api.get("operator", "/v1/switches/cached-reads-only").await.is(200);
    assert_eq!(found["on"], true, "{found}");
    let metrics = reads.client.request("GET", "/metrics", "operator");
    let metrics = metrics.send().await.expect("answered").text().await.expect("a text");
    assert!(metrics.contains("guerdon_switch_on{switch=\"cached-reads-only\"} 1"), "{metrics}");
    running.answers(20).await;

    server.restart().expect("started");
    let is_back = |health: &Value| health["read_model"]["status"] == "serving";
    until(&reads.client, "/health/ready", is_back).await;
    turn(api, "cached-reads-only", json!({"on": false})).await;
    until_on(&both, &[]).await;
    println!("{}", running.end().await);
    load.ask_all_again().await;
    let last = api.earns("probe", 1, "B-3").await;
    let totals = reads.client.get_after(&last, "auditor", "/v1/totals").await.is(200);
    assert_eq!(totals["difference"], "0", "{totals}");
    let turned = reads.client.get("auditor", "/v1/operations?outcome=recorded").await.is(200);
    let events = turned["items"].as_array().expect("a list").iter();
    let turns = events.filter(|it| it["event"]["type"] == "switch-turned");
    assert_eq!(turns.count(), 2, "each turn has its event: {turned}");
    assert_eq!((reads.stop(), commands.stop()), (Some(0), Some(0)));
}

/// Asks again and again until a read is answered so.
async fn until_status(ledger: &Ledger, path: &str, status: u16) {
    let begun = Instant::now();
    while ledger.client.get("operator", path).await.status != status {
        assert!(begun.elapsed() < PATIENCE, "{path} isn't answered {status}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishing_is_paused_in_a_process_of_its_own_and_for_those_who_need_no_kafka() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let rest = ["--role", "command-api,projector,query-api"];
    let ledger = Ledger::start_with(folder.path(), &rest, &[]);
    let publishing = publisher(folder.path(), &ledger, &brokers, &topic, &[]);
    let (api, both) = (&ledger.client, [&ledger, &publishing]);
    prepare(api).await;
    let mut asked = redeem(api, "mug", 0, 10).await;
    all_are_there_once(&brokers, &topic, &asked).await;
    let stream = "/v1/shipping-stream?warehouse=main&limit=100";
    let page = api.get("warehouse", stream).await.is(200);
    assert_eq!(page["items"].as_array().map(Vec::len), Some(10), "{page}");
    let next = page["next"].as_str().expect("a cursor").to_owned();

    turn(api, "pause-publishing", json!({"on": true})).await;
    until_on(&both, &["pause-publishing"]).await;
    let held_back = redeem(api, "mug", 10, 10).await;
    let probe = api.earns("probe", 1, "probe").await;
    api.get_after(&probe, "auditor", "/v1/accounts/probe").await.is(200);
    let rest = format!("{stream}&after={next}");
    let paused = api.get("warehouse", &format!("{rest}&wait_ms=300")).await.is(200);
    assert_eq!((&paused["items"], &paused["next"]), (&json!([]), &json!(next)));
    let found = {
        let (brokers, topic) = (brokers.clone(), topic.clone());
        tokio::task::spawn_blocking(move || records(&brokers, &topic)).await.expect("it reads")
    };
    assert_eq!(found.len(), 10, "nothing is sent");
    // A page that waits gets them when it is over.
    let waits = format!("{rest}&wait_ms=20000");
    let (page, _) = tokio::join!(
        api.get("warehouse", &waits),
        turn(api, "pause-publishing", json!({"on": false})),
    );
    assert_ne!(page.is(200)["items"], json!([]));
    until_on(&both, &[]).await;
    asked.extend(held_back);
    all_are_there_once(&brokers, &topic, &asked).await;
    assert_eq!((publishing.stop(), ledger.stop()), (Some(0), Some(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_are_scaled_in_a_process_that_only_reads_and_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let commands = Ledger::start_with(folder.path(), &["--role", "command-api"], &[]);
    let limited = ["--role", "projector,query-api", "--limit-key=reads=40/1h"];
    let reads = Ledger::start_with(folder.path(), &limited, &[]);
    commands.client.opens("mug", 1, None, None).await;
    let let_in = async |role: &str, calls: usize| {
        let mut let_in = 0;
        for _ in 0..calls {
            let_in += usize::from(reads.client.get(role, "/v1/policy").await.status == 200);
        }
        let_in
    };
    turn(&commands.client, "scale-limits", json!({"on": true, "percent": 10})).await;
    until_on(&[&reads], &["scale-limits"]).await;
    assert_eq!(let_in("merchant", 10).await, 4, "a tenth of forty");
    turn(&commands.client, "scale-limits", json!({"on": false})).await;
    until_on(&[&reads], &[]).await;
    assert_eq!(let_in("merchant", 1).await, 0, "its bucket isn't full for that");
    assert_eq!(let_in("auditor", 20).await, 20);
    assert_eq!((reads.stop(), commands.stop()), (Some(0), Some(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_survives_kill_9_and_its_event_follows_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let path = "/v1/switches/read-only";
    let request = ledger.client.request("PUT", path, "operator");
    let request =
        request.header("guerdon-reason", "the disk is replaced").json(&json!({"on": true}));
    ledger.client.send(request).await.expect("answered").is(200);
    ledger.kill();
    let ledger = Ledger::start(folder.path());
    until_on(&[&ledger], &["read-only"]).await;
    let credit = json!({"points": 1, "cause": {"kind": "purchase", "id": "B-1"}});
    let refused = ledger.client.post("merchant", "/v1/accounts/ann/credits", credit).await;
    refused.is_problem(503, "not-decided");
    until_recorded(&ledger.client, "read-only").await;
    ledger.kill();

    // As a process leaves it that was killed between the row and the event.
    let url = format!("sqlite:{}", folder.path().join("log.sqlite").display());
    let url: StoreUrl = url.parse().expect("a URL");
    let store = EventStore::open(&url, Access::Read).await.expect("it is there");
    let mut off = store.switch_turns().await.expect("read").remove(0);
    off.version += 1;
    off.turned_at += 1;
    off.setting = r#"{"on":false}"#.into();
    off.caller = Some(r#"{"role":"operator","key":"k-killed"}"#.into());
    assert!(store.change_switch(SwitchChange::Turn(off)).await.expect("changed"));
    drop(store);
    for purchase in ["B-1", "B-2"] {
        let ledger = Ledger::start(folder.path());
        until_recorded(&ledger.client, "read-only").await;
        until_on(&[&ledger], &[]).await;
        let position = ledger.client.earns("ann", 1, purchase).await;
        ledger.client.get_after(&position, "auditor", "/v1/accounts/ann").await.is(200);
        let operations = ledger.client.list("auditor", "/v1/operations?outcome=recorded").await;
        let turns: Vec<&Value> =
            operations.iter().filter(|it| it["event"]["type"] == "switch-turned").collect();
        let of = |turn: &Value| (turn["event"]["fact"]["version"].clone(), turn["reason"].clone());
        let told: Vec<_> = turns.iter().map(|turn| of(turn)).collect();
        assert_eq!(told, [(json!(2), Value::Null), (json!(1), json!("the disk is replaced"))]);
        assert_eq!(turns[0]["caller"]["key_id"], "k-killed");
        ledger.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_waits_until_it_has_read_the_switches() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    turn(&ledger.client, "read-only", json!({"on": true})).await;
    until_recorded(&ledger.client, "read-only").await;
    assert_eq!(ledger.stop(), Some(0));
    let renamed = |from: &str, to: &str| {
        let log = Connection::open(folder.path().join("log.sqlite")).expect("it opens");
        log.execute(&format!("alter table {from} rename to {to}"), ()).expect("renamed");
    };
    renamed("switch_turn", "aside");
    let starting = std::thread::spawn({
        let folder = folder.path().to_owned();
        move || Ledger::start(&folder)
    });
    until_said(folder.path(), "can't read the switches; the start waits until it can").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!starting.is_finished(), "it would go by none");
    renamed("aside", "switch_turn");
    let ledger = starting.join().expect("it starts");
    let credit = json!({"points": 1, "cause": {"kind": "purchase", "id": "B-1"}});
    let refused = ledger.client.post("merchant", "/v1/accounts/ann/credits", credit).await;
    assert_eq!(refused.is_problem(503, "not-decided")["switch"], "read-only");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_is_turned_while_the_first_partition_is_away_and_its_event_follows_a_restart() {
    /// As another writer would take it over.
    const DEPOSE: &str = "update partition_head set epoch = epoch + 1 where partition = 0";
    let (folder, two) = (tempfile::tempdir().expect("a folder"), ["--partitions", "2"]);
    let ledger = Ledger::start_with(folder.path(), &two, &[]);
    let account = account_in(1, 2);
    ledger.client.earns(&account, 10, "B-1").await;
    let connection = Connection::open(folder.path().join("log.sqlite")).expect("it opens");
    connection.execute(DEPOSE, ()).expect("changed");
    drop(connection);

    let path = format!("/v1/accounts/{account}/credits");
    let body = json!({"points": 1, "cause": {"kind": "purchase", "id": "B-2"}});
    turn(&ledger.client, "read-only", json!({"on": true})).await;
    let refused = ledger.client.post("merchant", &path, body).await;
    assert_eq!(refused.is_problem(503, "not-decided")["switch"], "read-only");
    let off = turn(&ledger.client, "read-only", json!({"on": false})).await;
    assert_eq!((&off["version"], &off["recorded"]), (&json!(2), &json!(false)));
    ledger.client.earns(&account, 10, "B-2").await;
    let found = ledger.client.get("operator", "/v1/switches/read-only").await.is(200);
    assert_eq!(found["recorded"], false, "{found}");
    assert_eq!(ledger.stop(), Some(0));

    let ledger = Ledger::start_with(folder.path(), &two, &[]);
    until_recorded(&ledger.client, "read-only").await;
    let page = ledger.client.get("auditor", "/v1/events?partition=0&limit=500").await.is(200);
    let events = page["items"].as_array().expect("a list").iter();
    let turned = events.filter(|it| it["type"] == "switch-turned");
    assert_eq!(turned.count(), 2);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_log_has_its_switches_and_goes_on_counting() {
    let (folder, other) =
        (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let ledger = Ledger::start(folder.path());
    turn(&ledger.client, "pause-publishing", json!({"on": true})).await;
    until_recorded(&ledger.client, "pause-publishing").await;
    assert_eq!(ledger.stop(), Some(0));
    let copy = other.path().join("log.sqlite");
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.arg("copy-log");
    for file in [&folder.path().join("log.sqlite"), &copy] {
        command.arg(format!("sqlite:{}", file.display()));
    }
    let copied = ends(command);
    assert!(copied.status.success(), "{copied:?}");
    let url: StoreUrl = format!("sqlite:{}", copy.display()).parse().expect("a URL");
    let store = EventStore::open(&url, Access::Read).await.expect("it is there");
    let turns = store.switch_turns().await.expect("read");
    let of: BTreeSet<(&str, i64, bool)> =
        turns.iter().map(|it| (&*it.switch, it.version, it.caller.is_none())).collect();
    assert_eq!(of, BTreeSet::from([("pause-publishing", 1, true)]));
    let mut next = turns[0].clone();
    for (version, counts) in [(1, false), (2, true)] {
        next.version = version;
        let turned = store.change_switch(SwitchChange::Turn(next.clone())).await;
        assert_eq!(turned.expect("changed"), counts, "{version}");
    }
}
