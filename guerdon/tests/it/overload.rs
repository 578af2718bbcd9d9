//! A ledger that is asked for too much, and one whose log takes nothing: who is served all the
//! same, and who is told at once to come again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::ledger::full_disk::Disk;
use crate::ledger::load::Load;
use crate::ledger::{Answer, Api, Ledger, PATIENCE};

/// How long people redeem beside merchants.
const ROUND: Duration = Duration::from_secs(2);

const SHOPPERS: u64 = 16;
const MERCHANTS: u64 = 4;

/// A merchant's thousand stands in a queue of its own: for each redemption fewer than a tenth of
/// one call are decided, though four calls wait all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redemptions_go_on_beside_merchants_who_send_a_thousand_earnings_a_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with(folder.path(), &["--command-deadline-ms", "20000"], &[]);
    let api = &ledger.client;
    api.opens("mug", 1, None, None).await;
    for shopper in 0..SHOPPERS {
        api.earns(&format!("shopper-{shopper}"), 1_000_000, "start").await;
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let mut merchants = JoinSet::new();
    for merchant in 0..MERCHANTS {
        let (api, is_over) = (api.clone(), is_over.clone());
        merchants.spawn(async move {
            let mut call = 0;
            while !is_over.load(Ordering::Relaxed) {
                earn_a_thousand(&api, &format!("{merchant}-{call}")).await;
                call += 1;
            }
        });
    }
    let begin = events(&api.earns("probe", 1, "begin").await);
    let redeemed = redeem_for(api, ROUND).await;
    let end = events(&api.earns("probe", 1, "end").await);
    is_over.store(true, Ordering::Relaxed);
    merchants.join_all().await;
    // A redemption is two events, and the probe is one.
    let earned = end - begin - 2 * redeemed - 1;
    println!("{redeemed} redemptions beside {earned} earnings");
    // Without queues of their own, four calls of a thousand would stand before each.
    assert!(earned <= redeemed * 100, "{redeemed} redemptions, {earned} earnings");
    assert!(earned > 0, "merchants are served, too");
    assert_eq!(ledger.stop(), Some(0));
}

/// The number of events up to a position.
fn events(position: &str) -> u64 {
    let number = position.strip_prefix("0:").expect("a position");
    number.parse().expect("a number")
}

/// Has everybody redeem, one thing after the other; gives how many did. Each of them succeeds.
async fn redeem_for(api: &Api, time: Duration) -> u64 {
    let until = Instant::now() + time;
    let mut redeeming = JoinSet::new();
    for shopper in 0..SHOPPERS {
        let api = api.clone();
        redeeming.spawn(async move {
            let account = format!("shopper-{shopper}");
            let mut redeemed = 0;
            while Instant::now() < until {
                let id = format!("x-{redeemed}");
                api.redeems(&account, &id, "mug").await.is(201);
                redeemed += 1;
            }
            redeemed
        });
    }
    redeeming.join_all().await.into_iter().sum()
}

/// Gives a hundred accounts credit, and checks that each item is recorded.
async fn earn_a_thousand(api: &Api, call: &str) {
    let credit = |number: usize| {
        let cause = json!({"kind": "review", "id": format!("{call}-{number}")});
        json!({"account_id": format!("a-{call}-{}", number % 100), "points": 1, "cause": cause})
    };
    let credits: Vec<Value> = (0..1_000).map(credit).collect();
    let answer = api.post("merchant", "/v1/credits", json!({"credits": credits})).await.is(200);
    let items = answer["items"].as_array().expect("items");
    assert!(items.iter().all(|item| item["status"] == 201), "{answer}");
}

/// The log is locked by somebody else, so that whoever is let in waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_would_wait_too_long_is_refused_at_once_and_was_never_begun() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with(folder.path(), &["--shed-after-ms", "200"], &[]);
    let api = &ledger.client;
    api.opens("mug", 1, None, None).await;
    api.earns("ann", 1_000, "start").await;
    let position = api.redeems("ann", "x-old", "mug").await.position.expect("a position");
    api.get_after(&position, "shopper", "/v1/accounts/ann").await.is(200);
    let other = rusqlite::Connection::open(folder.path().join("log.sqlite")).expect("it opens");
    other.execute_batch("begin immediate").expect("locked");
    let mut asked = JoinSet::new();
    redeem_soon(&mut asked, api, "ann", "x-0");
    until_ready_says(api, "reasons", "writer-recovering").await;
    // Whatever comes now stands in the queue, and some of them find it long.
    for number in 1..=120 {
        redeem_soon(&mut asked, api, "ann", &format!("x-{number}"));
    }
    until_ready_says(api, "degraded", "overloaded").await;

    let body = json!({"offer_id": "mug", "quantity": 1, "deliver_to": "1 Elm Street"});
    let put = |path: &str| api.request("PUT", path, "shopper").json(&body);
    let get = |path: &str| api.request("GET", path, "shopper");
    for (request, code) in [
        (put("/v1/accounts/ann/exchanges/x-dry?dry_run=true"), "not-decided"),
        (put("/v1/accounts/ann/exchanges/x-new"), "not-decided"),
        (put("/v1/accounts/ann/exchanges/x-old"), "not-decided"),
        (get("/v1/accounts/ann/exchanges"), "overloaded"),
        (get("/v1/accounts/ann"), "overloaded"),
    ] {
        let begun = Instant::now();
        let response = request.send().await.expect("answered");
        let after = response.headers().get("retry-after").expect("it says when to come again");
        let after: u64 = after.to_str().expect("a text").parse().expect("seconds");
        assert!((1..=10).contains(&after), "{after}");
        let status = response.status().as_u16();
        let answer = Answer { status, body: response.json().await.expect("JSON"), position: None };
        answer.is_problem(503, code);
        assert!(begun.elapsed() < Duration::from_secs(2), "{code} took {:?}", begun.elapsed());
    }
    // Whoever is to find out why isn't refused.
    api.get("operator", "/v1/accounts/ann").await.is(200);
    api.get("operator", "/v1/accounts/ann/exchanges").await.is(200);
    let shed = shed_counts(api).await;
    for what in ["dry-run", "list", "redemption", "command", "read"] {
        assert!(shed[what] >= 1, "{what}: {shed:?}");
    }

    other.execute_batch("rollback").expect("let go");
    let mut recorded = vec![];
    for (id, answer) in asked.join_all().await {
        match answer.status {
            201 => recorded.push(id),
            _ => drop(answer.is_problem(503, "not-decided")),
        }
    }
    assert!(recorded.len() > 1 && recorded.len() < 121, "{}", recorded.len());
    let last = api.earns("ann", 1, "last").await;
    let exchanges = api.get_after(&last, "operator", "/v1/accounts/ann/exchanges?limit=500").await;
    let exchanges = exchanges.is(200)["items"].as_array().expect("items").clone();
    let mut ids: Vec<&str> =
        exchanges.iter().filter_map(|exchange| exchange["exchange_id"].as_str()).collect();
    recorded.push("x-old".into());
    recorded.sort_unstable();
    ids.sort_unstable();
    assert_eq!(ids, recorded, "who was told so is recorded, and nobody else");
    // What the writer told counts for a second.
    let begun = Instant::now();
    while api.get("shopper", "/v1/accounts/ann/exchanges").await.status != 200 {
        assert!(begun.elapsed() < PATIENCE, "lists are refused for ever");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(ledger.stop(), Some(0));
}

fn redeem_soon(asked: &mut JoinSet<(String, Answer)>, api: &Api, account: &'static str, id: &str) {
    let (api, id) = (api.clone(), id.to_owned());
    asked.spawn(async move {
        let answer = api.redeems(account, &id, "mug").await;
        (id, answer)
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_disk_is_full_commands_are_refused_at_once_and_nothing_that_was_told_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let (disk, data) = (Disk::with_room(folder.path()), folder.path().join("data"));
    let args = ["--command-deadline-ms", "20000"];
    let ledger = Ledger::start_with(&data, &args, &disk.variables());
    let api = &ledger.client;
    let load = Load::prepare(api).await;
    let clients = load.begin().await;
    clients.answers(50).await;
    disk.fill();
    until_ready_says(api, "reasons", "log-unwritable").await;
    for number in 0..3 {
        let begun = Instant::now();
        let answer = api.redeems("shopper-0", &format!("y-{number}"), "mug").await;
        answer.is_problem(503, "not-decided");
        assert!(begun.elapsed() < Duration::from_secs(5), "its deadline is 20 s");
    }
    api.get("shopper", "/v1/accounts/shopper-0").await.is(200);
    assert_eq!(number_of(api, "guerdon_writer_log_away").await, 1);
    disk.make_room();
    clients.answers(50).await;
    println!("the disk was full for a while: {}", clients.end().await);
    assert!(number_of(api, "guerdon_writer_log_went_away_total").await >= 1);
    assert_eq!(number_of(api, "guerdon_writer_log_away").await, 0);
    load.ask_all_again().await;
    assert_eq!(ledger.stop(), Some(0));
}

/// Waits until health names the reason.
async fn until_ready_says(api: &Api, list: &str, reason: &str) {
    let begun = Instant::now();
    loop {
        let answer = api.get("auditor", "/health/ready").await;
        let reasons = answer.body[list].as_array().expect("a list");
        if reasons.iter().any(|told| told == reason) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn metrics(api: &Api) -> String {
    let response = api.request("GET", "/metrics", "operator").send().await.expect("answered");
    response.text().await.expect("a text")
}

async fn number_of(api: &Api, name: &str) -> u64 {
    let text = metrics(api).await;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} isn't there: {text}")).parse().expect("a number")
}

/// How many requests of each kind were refused.
async fn shed_counts(api: &Api) -> BTreeMap<String, u64> {
    let text = metrics(api).await;
    let lines = text.lines().filter_map(|line| {
        let (what, count) =
            line.strip_prefix("guerdon_shed_requests_total{what=\"")?.split_once("\"} ")?;
        Some((what.to_owned(), count.parse().ok()?))
    });
    lines.collect()
}
