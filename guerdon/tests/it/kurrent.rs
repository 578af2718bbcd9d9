//! A ledger whose log is in KurrentDB, or rather on the server of `services` that speaks its
//! protocol and outlives every process of the ledger.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_store::{Access, EventStore, StoreUrl};
use serde_json::Value;
use services::{AppendFault, KurrentServer};

use crate::ledger::tool::{guerdon, url};
use crate::ledger::{Answer, Api, Ledger, audit, ends, journey};

const SHOPPERS: u64 = 20;
const CLIENTS: u64 = 16;
const PRICE: u64 = 3;
const CREDIT: u64 = 1_000_000;

/// Every redemption that was ever sent, and its first answer, if it got one.
type Sent = Arc<Mutex<BTreeMap<(String, String), Option<Value>>>>;

/// `kill -9` of the ledger while people redeem and appends fail, `GUERDON_KILLS` times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answered_redemption_survives_kill_9_and_lost_answers() {
    #[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
    let kills = std::env::var("GUERDON_KILLS").ok().and_then(|kills| kills.parse().ok());
    let server = KurrentServer::start().expect("a server");
    let store = server.url("main");
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = Ledger::start_on(&store, folder.path(), &[]);
    ledger.client.opens("mug", PRICE, None, None).await;
    for shopper in 0..SHOPPERS {
        ledger.client.earns(&format!("shopper-{shopper}"), CREDIT, "start").await;
    }
    let sent = Sent::default();
    let mut late = vec![];
    for kill in 0..kills.unwrap_or(3) {
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let name = format!("{kill}-{client}");
                let (api, sent, stop) = (ledger.client.clone(), sent.clone(), stop.clone());
                tokio::spawn(redeem_until(stop, api, sent, name))
            })
            .collect();
        for fault in [AppendFault::Landed, AppendFault::NotLanded, AppendFault::LandsLate] {
            tokio::time::sleep(Duration::from_millis(200 + 37 * kill)).await;
            server.fail_next_append(fault);
        }
        tokio::time::sleep(Duration::from_millis(400)).await;
        ledger.kill();
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.await.expect("a client ends when its ledger is gone");
        }
        // What a writer gave up arrives when the next one has taken over.
        ledger = Ledger::start_on(&store, folder.path(), &[]);
        late.extend(server.deliver_late());
        check_and_ask_again(&ledger.client, &sent, &store).await;
    }
    let sent = sent.lock().expect("not poisoned").len();
    println!("{sent} redemptions, each there once; {} appends came late", late.len());
    assert!(!late.is_empty(), "none came late");
    assert!(!late.contains(&true), "a doubt that was resolved shuts a late append out");
    assert!(sent > 100, "{sent} were sent");
    assert_eq!(ledger.stop(), Some(0), "{}", crate::ledger::said(folder.path()));
}

async fn redeem_until(stop: Arc<AtomicBool>, api: Api, sent: Sent, client: String) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    while !stop.load(Ordering::Relaxed) {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let account = format!("shopper-{}", number % SHOPPERS);
        let exchange = format!("x-{client}-{number}");
        let key = (account.clone(), exchange.clone());
        sent.lock().expect("not poisoned").insert(key.clone(), None);
        let answer = api.send(api.redemption(&account, &exchange, "mug")).await;
        let Ok(Answer { status, body, .. }) = answer else { continue };
        if status == 503 {
            continue;
        }
        assert_eq!(status, 201, "{body}");
        sent.lock().expect("not poisoned").insert(key, Some(body));
    }
}

/// Every answered redemption is in the log once, and none is there by half; all of them are sent
/// again, and each answer is the first one.
async fn check_and_ask_again(api: &Api, sent: &Sent, store: &str) {
    let url: StoreUrl = store.parse().expect("a URL");
    let there = audit::exchanges(&audit::events(&url).await);
    let snapshot = sent.lock().expect("not poisoned").clone();
    for (key, first) in snapshot {
        assert!(first.is_none() || there.contains_key(&key), "{key:?} was answered and is gone");
        let (account, exchange) = &key;
        let again = api.redeems(account, exchange, "mug").await;
        match first {
            Some(first) => assert_eq!(again.is(200), first, "{exchange}"),
            None => {
                let status = if there.contains_key(&key) { 200 } else { 201 };
                let body = again.is(status);
                sent.lock().expect("not poisoned").insert(key, Some(body));
            }
        }
    }
    let last = api.earns("probe", 1, &format!("probe-{}", there.len())).await;
    let sent = sent.lock().expect("not poisoned").clone();
    for shopper in 0..SHOPPERS {
        let account = format!("shopper-{shopper}");
        let count = sent.keys().filter(|(owner, _)| *owner == account).count() as u64;
        let path = format!("/v1/accounts/{account}");
        let balance = api.get_after(&last, "auditor", &path).await.is(200);
        assert_eq!(balance["available"], CREDIT - count * PRICE, "{account} adds up");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_copied_to_kurrentdb_and_back_is_the_same_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    journey::import(&ledger, folder.path());
    assert_eq!(ledger.stop(), Some(0));
    let file = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    let (original, back) = (file("log.sqlite"), file("back.sqlite"));
    let server = KurrentServer::start().expect("a server");
    // Its copy takes many appends.
    let there = format!("{}&append-bytes=100000", server.url("year"));

    copied(&original, &there);
    copied(&there, &back);
    assert!(copied(&original, &there).contains("0 events came"));
    let events = audit::events(&url(&original)).await;
    assert!(events.len() > 3_000, "{} events are no year", events.len());
    let (mut made, mut keys) = (vec![], vec![]);
    for (number, store) in [&original, &there, &back].into_iter().enumerate() {
        assert!(audit::events(&url(store)).await == events, "{store} holds other rows");
        let model = folder.path().join(format!("made-{number}.sqlite"));
        audit::rebuild(folder.path(), store, Some(&model));
        made.push(audit::dump(&model).await);
        let opened = EventStore::open(&url(store), Access::Read).await.expect("it opens");
        let mut known = opened.api_keys().await.expect("read");
        known.sort_by(|one, other| one.role.cmp(&other.role));
        keys.push(known);
    }
    assert!(made[0] == made[1] && made[1] == made[2], "the read models differ");
    assert!(!keys[0].is_empty() && keys[0] == keys[1] && keys[1] == keys[2]);
    println!("{} events there and back, the same byte for byte", events.len());

    // It serves, by the same keys, where it is now.
    let ledger = Ledger::start_on(&there, folder.path(), &[]);
    ledger.client.earns("probe", 1, "probe").await;
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_came_back_shorter_starts_nothing_until_a_fork_is_declared() {
    let server = KurrentServer::start().expect("a server");
    let store = server.url("main");
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_on(&store, folder.path(), &[]);
    ledger.client.earns("ann", 500, "B-1").await;
    let last = ledger.client.earns("ann", 300, "B-2").await;
    ledger.client.get_after(&last, "auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!(ledger.stop(), Some(0));
    let taken = guerdon(folder.path(), &["snapshot", "--store", &store]);
    assert!(taken.status.success(), "{taken:?}");
    let log = server.streams().into_iter().find(|name| name.starts_with("guerdon-"));
    server.lose_tail(&log.expect("its stream"), 1);

    let refused = guerdon(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--store", &store]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("log-forked"), "{said}");
    let forked = guerdon(folder.path(), &["fork-log", "--reason", "a test", "--store", &store]);
    assert!(forked.status.success(), "{forked:?}");
    audit::rebuild(folder.path(), &store, None);
    let ledger = Ledger::start_on(&store, folder.path(), &[]);
    let last = ledger.client.earns("ann", 1, "B-3").await;
    let ann = ledger.client.get_after(&last, "auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!(ann["available"], 501);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_ledger_on_the_same_log_deposes_the_first() {
    let server = KurrentServer::start().expect("a server");
    let (one, other) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("other"));
    let first = Ledger::start_on(&server.url("main"), one.path(), &[]);
    first.client.earns("ann", 500, "B-1").await;
    let keys = one.path().join("api-keys.json");
    std::fs::copy(keys, other.path().join("api-keys.json")).expect("copied");
    let as_it_is = ["--this-is-the-history"];
    let second = Ledger::start_on(&server.url("main"), other.path(), &as_it_is);
    second.client.earns("ann", 500, "B-2").await;
    let path = "/v1/accounts/ann/credits";
    let body = serde_json::json!({"points": 1, "cause": {"kind": "purchase", "id": "B-3"}});
    first.client.post("merchant", path, body).await.is_problem(503, "not-decided");
    let (code, said) = first.ends();
    assert!(code != Some(0) && said.contains("another writer"), "{said}");
    assert_eq!(second.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_somebody_else_wrote_to_stops_its_ledger_and_can_be_brought_elsewhere() {
    let server = KurrentServer::start().expect("a server");
    let store = server.url("main");
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_on(&store, folder.path(), &[]);
    ledger.client.earns("ann", 500, "B-1").await;
    let log = server.streams().into_iter().find(|name| name.starts_with("guerdon-"));
    server.put(&log.expect("its stream"), "order-placed", "{}");
    let body = serde_json::json!({"points": 1, "cause": {"kind": "purchase", "id": "B-2"}});
    let path = "/v1/accounts/ann/credits";
    ledger.client.post("merchant", path, body).await.is_problem(503, "outcome-unknown");
    let (code, said) = ledger.ends();
    assert!(code != Some(0) && said.contains("\"order-placed\""), "{said}");

    let file = format!("sqlite:{}", folder.path().join("elsewhere.sqlite").display());
    let told = copied(&store, &file);
    assert!(told.contains("the copy has a new key"), "{told}");
    let elsewhere = tempfile::tempdir().expect("a folder");
    std::fs::copy(folder.path().join("api-keys.json"), elsewhere.path().join("api-keys.json"))
        .expect("copied");
    let ledger = Ledger::start_on(&file, elsewhere.path(), &["--this-is-the-history"]);
    let last = ledger.client.earns("ann", 300, "B-2").await;
    let ann = ledger.client.get_after(&last, "auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!(ann["available"], 800);
    assert_eq!(ledger.stop(), Some(0));
}

#[test]
fn nothing_of_a_log_in_kurrentdb_is_archived() {
    let server = KurrentServer::start().expect("a server");
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_on(&server.url("main"), folder.path(), &[]);
    assert_eq!(ledger.stop(), Some(0));
    let refused = guerdon(folder.path(), &["archive", "--store", &server.url("main")]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("the log is in KurrentDB"), "{said}");
}

/// Copies a log; what that says.
fn copied(from: &str, to: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(["copy-log", from, to]);
    let output = ends(command);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
