//! The primary of a log in PostgreSQL is lost under load, and a standby promoted. With synchronous
//! replication nothing that was answered is lost. With asynchronous replication the end of the log
//! may be; that is noticed, nothing goes on by itself, and an operator's word begins the next
//! generation. A log in SQLite that is restored from an older copy is the same case.
//!
//! Two failovers of each kind; `GUERDON_FAULTS` says another number, `cargo xtask faults` 20.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use event_store::StoreUrl;
use serde_json::json;
use services::Stop;

use crate::ledger::load::{Known, Load};
use crate::ledger::server::{Server, store_on, until};
use crate::ledger::tool::{guerdon, said, succeeds};
use crate::ledger::{Api, Ledger, audit, ends, faults, serve};

/// How many answers show that there is service.
const SERVED: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_synchronous_standby_nothing_answered_is_lost_by_a_failover() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut primary = Server::start(&[]);
    primary.migrate(folder.path());
    let mut load = None;
    for _ in 0..faults() {
        let standby = primary.streaming();
        primary.set("synchronous_standby_names", "standby").expect("set");
        until(|| primary.asked("select sync_state from pg_stat_replication") == "sync");
        let store = store_on(&primary, &standby);
        let ledger = Ledger::start_on(&store, folder.path(), &[]);
        if load.is_none() {
            load = Some(Load::prepare(&ledger.client).await);
        }
        let load = load.as_ref().expect("made");
        load.asks(&ledger.client);
        let clients = load.begin().await;
        clients.answers(SERVED).await;
        primary.stop(Stop::Kill).expect("killed");
        standby.promote().expect("promoted");
        let promoted = Instant::now();
        clients.answers(1).await;
        let back = promoted.elapsed();
        clients.answers(SERVED).await;
        println!("failover, served {back:.2?} after the promotion: {}", clients.end().await);
        let url: StoreUrl = store.parse().expect("a URL");
        audit::check(load, &url).await;
        load.ask_all_again().await;
        audit::check(load, &url).await;
        audit::check_read_model(load, folder.path(), &store).await;
        assert_eq!(ledger.stop(), Some(0));
        primary = standby;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_an_asynchronous_standby_a_lost_tail_is_noticed_and_declared() {
    for number in 0..faults() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut primary = Server::start(&[]);
        primary.migrate(folder.path());
        let standby = primary.streaming();
        let store = store_on(&primary, &standby);
        let ledger = Ledger::start_on(&store, folder.path(), &[]);
        let load = Load::prepare(&ledger.client).await;
        let clients = load.begin().await;
        clients.answers(SERVED).await;
        lags(&standby);
        clients.answers(SERVED + 17 * number).await;
        primary.stop(Stop::Kill).expect("killed");
        standby.promote().expect("promoted");
        let head = standby.head();
        let (code, said) = tokio::task::block_in_place(|| ledger.ends());
        let told = clients.end().await;
        println!("failover to a standby that lagged: {told}");

        assert_eq!(code, Some(1), "{said}");
        let (durable, lost) = lost_by(&said, head);
        let answered = answered_positions(&load);
        assert!(answered.iter().all(|position| *position <= durable), "{said}");
        assert!(answered.iter().any(|position| *position > head), "none was lost: {said}");
        println!("the log was at {durable} and ended at {head}: {lost} events were lost");
        assert_eq!(standby.head(), head, "no position was used again");

        refuses_to_start(&store, folder.path());
        assert_eq!(standby.head(), head, "a start that is refused uses no position");
        goes_on_in_the_next_generation(&load, &store, folder.path(), head).await;
    }
}

/// A repeat appends nothing; it is answered from the log all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_of_what_was_lost_is_not_told_to_be_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut primary = Server::start(&[]);
    primary.migrate(folder.path());
    let standby = primary.streaming();
    let ledger = Ledger::start_on(&store_on(&primary, &standby), folder.path(), &[]);
    ledger.client.opens("mug", 3, None, None).await;
    ledger.client.earns("ann", 100, "start").await;
    let head = primary.head();
    until(|| standby.head() == head);
    lags(&standby);
    ledger.client.redeems("ann", "x-1", "mug").await.is(201);
    primary.stop(Stop::Kill).expect("killed");
    standby.promote().expect("promoted");
    let again = ledger.client.redeems("ann", "x-1", "mug").await;
    again.is_problem(503, "not-decided");
    let (code, said) = tokio::task::block_in_place(|| ledger.ends());
    assert_eq!(code, Some(1), "{said}");
    lost_by(&said, head);
}

/// Then the standby doesn't know the writer, either; a fork it is all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_tail_is_named_also_where_the_take_over_is_lost_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut primary = Server::start(&[]);
    primary.migrate(folder.path());
    let standby = primary.streaming();
    let store = store_on(&primary, &standby);
    assert_eq!(Ledger::start_on(&store, folder.path(), &[]).stop(), Some(0));
    let head = primary.head();
    until(|| standby.head() == head);
    lags(&standby);
    let ledger = Ledger::start_on(&store, folder.path(), &[]);
    let load = Load::prepare(&ledger.client).await;
    let clients = load.begin().await;
    clients.answers(SERVED).await;
    primary.stop(Stop::Kill).expect("killed");
    standby.promote().expect("promoted");
    let (code, said) = tokio::task::block_in_place(|| ledger.ends());
    clients.end().await;
    assert_eq!(code, Some(1), "{said}");
    lost_by(&said, head);
}

/// From now on it hears nothing more of its primary.
fn lags(standby: &Server) {
    standby.set("primary_conninfo", "").expect("set");
    until(|| standby.asked("select count(*) from pg_stat_wal_receiver") == "0");
}

/// Positions of the shortened log are used again only after an operator has said so; also where the
/// ledger didn't run while it was shortened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_restored_from_an_older_copy_goes_on_by_an_operators_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.sqlite");
    let store = format!("sqlite:{}", file.display());
    let ledger = Ledger::start_on(&store, folder.path(), &[]);
    let load = Load::prepare(&ledger.client).await;
    let clients = load.begin().await;
    clients.answers(SERVED).await;
    clients.end().await;
    // A start of the copy finds credit that has expired meanwhile, and must leave it alone.
    for number in 0..20 {
        expires_soon(&ledger.client, &format!("passing-{number}")).await;
    }
    assert_eq!(ledger.stop(), Some(0));
    let copy = folder.path().join("copy.sqlite");
    std::fs::copy(&file, &copy).expect("copied");
    let url: StoreUrl = store.parse().expect("a URL");
    let head = audit::events(&url).await.len() as u64;

    let ledger = Ledger::start_on(&store, folder.path(), &[]);
    load.asks(&ledger.client);
    let clients = load.begin().await;
    clients.answers(SERVED).await;
    clients.end().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(ledger.stop(), Some(0));
    assert!(audit::events(&url).await.len() as u64 > head);
    std::fs::rename(&copy, &file).expect("restored");

    refuses_to_start(&store, folder.path());
    assert_eq!(audit::events(&url).await.len() as u64, head, "no position was used again");
    goes_on_in_the_next_generation(&load, &store, folder.path(), head).await;
}

/// Gives credit that expires in two seconds.
#[expect(clippy::disallowed_methods, reason = "what expires does so by the wall clock")]
async fn expires_soon(api: &Api, account: &str) {
    let then = std::time::SystemTime::now() + Duration::from_secs(2);
    let expires_at = domain::Timestamp::from_system(then).expect("a time").to_string();
    let body = json!({
        "points": 1, "expires_at": expires_at, "cause": {"kind": "promotion", "id": "passing"},
    });
    api.post("merchant", &format!("/v1/accounts/{account}/credits"), body).await.is(201);
}

/// Without a read model a snapshot knows what is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_has_seen_what_is_lost_refuses_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.sqlite");
    let store = format!("sqlite:{}", file.display());
    let alone = ["--role", "command-api", "--snapshot-every", "10"];
    let ledger = Ledger::start_on(&store, folder.path(), &alone);
    ledger.client.earns("ann", 100, "start").await;
    assert_eq!(ledger.stop(), Some(0));
    let copy = folder.path().join("copy.sqlite");
    std::fs::copy(&file, &copy).expect("copied");
    let ledger = Ledger::start_on(&store, folder.path(), &alone);
    for number in 0..30 {
        ledger.client.earns("ann", 100, &format!("later-{number}")).await;
    }
    let snapshots = folder.path().join("snapshots");
    // Whole, under its own name: one that is being written is given up at a stop.
    let is_whole =
        |file: std::fs::DirEntry| file.path().extension().is_some_and(|e| e == "snapshot");
    until(|| std::fs::read_dir(&snapshots).is_ok_and(|files| files.flatten().any(is_whole)));
    assert_eq!(ledger.stop(), Some(0));
    let journal = folder.path().join("log.sqlite-wal");
    assert!(!journal.exists(), "the process that takes snapshots has the log open yet");
    std::fs::rename(&copy, &file).expect("restored");

    let url: StoreUrl = store.parse().expect("a URL");
    let head = audit::events(&url).await.len();
    let mut command = serve(folder.path());
    command.args(["--store", &store]).args(alone);
    let refused = ends(command);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("log-forked: the snapshot"), "{said}");
    assert_eq!(audit::events(&url).await.len(), head, "no position was used again");
    fork(&store, folder.path());
    let ledger = Ledger::start_on(&store, folder.path(), &alone);
    assert_eq!(ledger.client.earns("ann", 100, "later-0").await, format!("0:{}", head + 2));
    assert_eq!(ledger.stop(), Some(0));
}

/// `guerdon fork-log`; gives what it printed.
fn fork(store: &str, folder: &Path) -> String {
    let reason = "a standby that lagged was promoted";
    let forked = guerdon(folder, &["fork-log", "--reason", reason, "--store", store]);
    said(&succeeds(forked))
}

/// The end that the writer had answered by, and how many events are lost, by what it said.
fn lost_by(said: &str, head: u64) -> (u64, u64) {
    let line = said.lines().find(|line| line.contains("guerdon: the writer has stopped: log-fork"));
    let line = line.unwrap_or_else(|| panic!("it was not noticed: {said}"));
    let number = |before: &str, after: &str| {
        let rest = line.split_once(before).expect(before).1;
        rest.split_once(after).expect(after).0.parse::<u64>().expect("a number")
    };
    let durable = number("was at 0:", " and");
    assert_eq!(number("now ends at 0:", ":"), head, "{line}");
    let lost = number(&format!("ends at 0:{head}: "), " events that were answered are lost");
    assert_eq!(lost, durable - head, "{line}");
    (durable, lost)
}

fn answered_positions(load: &Load) -> Vec<u64> {
    load.sent()
        .values()
        .filter_map(|sent| match &sent.known {
            Known::Answered(body) => body["position"].as_str()?.strip_prefix("0:")?.parse().ok(),
            _ => None,
        })
        .collect()
}

fn refuses_to_start(store: &str, folder: &Path) {
    let mut command = serve(folder);
    command.args(["--store", store]);
    let output = ends(command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("log-forked") && said.contains("read-model.sqlite"), "{said}");
}

/// `guerdon fork-log`, `guerdon rebuild`, and on: what stands up to `head` stands, what came after
/// it is no longer known, and all of it can be asked for again.
async fn goes_on_in_the_next_generation(load: &Load, store: &str, folder: &Path, head: u64) {
    let said = fork(store, folder);
    assert!(said.contains(&format!("goes on in generation 2 after 0:{head}")), "{said}");
    refuses_to_start(store, folder);
    audit::rebuild(folder, store, None);

    let url: StoreUrl = store.parse().expect("a URL");
    let there = audit::exchanges(&audit::events(&url).await);
    load.forget_after(head);
    let known: BTreeMap<_, _> = load.sent().clone();
    for (key, sent) in &known {
        let is_answered = matches!(sent.known, Known::Answered(_));
        assert!(!is_answered || there.contains_key(key), "{key:?} stands before the fork");
    }
    let ledger = Ledger::start_on(store, folder, &[]);
    load.asks(&ledger.client);
    load.ask_all_again().await;
    audit::check(load, &url).await;
    let events = audit::events(&url).await;
    let generations = events.iter().map(|event| (event.position().0, event.generation.0));
    for (position, generation) in generations {
        assert_eq!(generation, if position > head { 2 } else { 1 }, "at {position}");
    }
    audit::check_read_model(load, folder, store).await;
    assert_eq!(ledger.stop(), Some(0));
}
