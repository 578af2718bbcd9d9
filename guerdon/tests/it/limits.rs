//! Limits on calls, counted over HTTP: whom they stop, whom they don't, and what they cost.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::ledger::{Answer, Api, Ledger, ends, said, serve, tool_of};
use crate::raw::resident_mib;

/// A ledger with an offer `mug` for 1 point.
async fn ledger(folder: &tempfile::TempDir, args: &[&str]) -> Ledger {
    let ledger = Ledger::start_with(folder.path(), args, &[]);
    ledger.client.opens("mug", 1, None, None).await;
    ledger
}

/// An account with credit, and the caller with a key of its own for it.
async fn shopper(api: &Api, account: &str) -> Api {
    api.earns(account, 1_000, "B-1").await;
    own_key(api, account).await
}

async fn own_key(api: &Api, account: &str) -> Api {
    let body = json!({"role": "shopper", "label": "phone", "account_id": account});
    let made = api.post("operator", "/v1/keys", body).await.is(201);
    api.with_key("shopper", made["key"].as_str().expect("a key"))
}

/// How many of so many redemptions at once are let in, and the first that isn't.
async fn redeem(api: &Api, account: &str, offer: &str, calls: usize) -> (usize, Option<Value>) {
    let mut asking = JoinSet::new();
    for number in 0..calls {
        let request = api.redemption(account, &format!("x-{offer}-{number}"), offer);
        let api = api.clone();
        asking.spawn(async move { api.send(request).await.expect("answered") });
    }
    let mut answers: Vec<Answer> = asking.join_all().await;
    answers.sort_by_key(|answer| answer.status);
    let let_in = answers.iter().filter(|answer| answer.status < 400).count();
    let refused = answers.get(let_in).map(|answer| answer.is_problem(429, "rate-limited"));
    assert!(answers[let_in..].iter().all(|answer| answer.status == 429), "{answers:?}");
    (let_in, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shopper_who_hammers_gets_five_attempts_and_nobody_else_is_concerned() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = ledger(&folder, &[]).await;
    let api = &ledger.client;
    let (ann, bob) = (shopper(api, "ann").await, shopper(api, "bob").await);
    let second = own_key(api, "ann").await;
    let begun = Instant::now();
    let (first, rest) = tokio::join!(redeem(&ann, "ann", "mug", 20), redeem(&bob, "bob", "mug", 4));
    // One comes back each two seconds.
    let most = 5 + usize::try_from(begun.elapsed().as_secs() / 2).expect("a number");
    assert!((5..=most).contains(&first.0), "{} of at most {most}", first.0);
    assert_eq!(rest, (4, None));
    let refused = first.1.expect("some were refused");
    let facts = ["of", "what", "limit", "window_seconds"].map(|name| refused[name].to_string());
    assert_eq!(facts, ["\"shopper\"", "\"redemptions\"", "5", "10"]);

    // Another key of hers changes nothing, and after the time that it says one is let in.
    let mut number = 0;
    let (again, refused) = loop {
        number += 1;
        let again = second.redemption("ann", &format!("x-again-{number}"), "mug");
        let answer = again.try_clone().expect("a body").send().await.expect("answered");
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            break (again, answer);
        }
        assert!(number < 5, "{answer:?}");
    };
    let header = |name: &str| refused.headers()[name].to_str().expect("a text").to_owned();
    assert_eq!(header("ratelimit-policy"), "\"shopper-redemptions\";q=5;w=10");
    let wait: u64 = header("retry-after").parse().expect("seconds");
    assert_eq!(header("ratelimit"), format!("\"shopper-redemptions\";r=0;t={wait}"));
    assert!((1..=2).contains(&wait), "{wait}");
    // The app acts for all shoppers, and reads are no attempts.
    assert_eq!(redeem(api, "ann", "mug", 30).await, (30, None));
    for _ in 0..20 {
        ann.get("shopper", "/v1/accounts/ann").await.is(200);
    }
    tokio::time::sleep(Duration::from_secs(wait)).await;
    let let_in = again.send().await.expect("answered");
    assert_eq!(let_in.status(), StatusCode::CREATED);
    assert_eq!(let_in.headers()["ratelimit-policy"], "\"shopper-redemptions\";q=5;w=10");
    let metrics = api.request("GET", "/metrics", "operator").send().await.expect("answered");
    let metrics = metrics.text().await.expect("a text");
    let refused = 20 - first.0 + 1;
    let line = "guerdon_http_limited_requests_total{of=\"shopper\",what=\"redemptions\"}";
    assert!(metrics.contains(&format!("{line} {refused}\n")), "{refused}: {metrics}");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_may_be_tried_once_in_a_time_and_an_apps_shoppers_are_limited_if_wanted() {
    let folder = tempfile::tempdir().expect("a folder");
    let args =
        ["--limit-offer=mug=1/1h", "--limit-shopper=redemptions=5/1h", "--limit-shoppers-of-apps"];
    let ledger = ledger(&folder, &args).await;
    let api = &ledger.client;
    api.opens("hat", 1, None, None).await;
    for account in ["ann", "bob"] {
        api.earns(account, 1_000, "B-1").await;
        let (let_in, refused) = redeem(api, account, "mug", 4).await;
        let refused = refused.expect("three are refused");
        assert_eq!((let_in, &refused["of"], &refused["limit"]), (1, &json!("offer"), &json!(1)));
        // All four were attempts of the five that a shopper has.
        assert_eq!(redeem(api, account, "hat", 4).await.0, 1);
    }
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_distinct_shoppers_takes_no_memory_and_none_of_them_is_refused() {
    const SHOPPERS: usize = 10_000;
    let folder = tempfile::tempdir().expect("a folder");
    let args = ["--limit-shoppers-of-apps", "--limit-offer", "sold=1/1h"];
    let ledger = ledger(&folder, &args).await;
    let api = &ledger.client;
    api.opens("sold", 1, Some(1), None).await;
    api.earns("first", 1, "B-1").await;
    api.redeems("first", "x", "sold").await.is(201);
    // Connections and their buffers are there before the count begins.
    crowd(api, "warm", 2_000).await;
    let before = resident_mib(&ledger);
    crowd(api, "shopper", SHOPPERS).await;
    let grown = resident_mib(&ledger).saturating_sub(before);
    println!("{SHOPPERS} shoppers took {grown} MiB");
    assert!(grown <= 12, "the cells have 4 MiB, and it grew by {grown}");
    let early = api.redeems("shopper-1", "x", "sold").await;
    assert_eq!(early.is_problem(429, "rate-limited")["of"], "offer", "it is known still");
    assert_eq!(ledger.stop(), Some(0));
}

/// So many shoppers, each of whom comes once, too late, and is told so.
async fn crowd(api: &Api, name: &str, shoppers: usize) {
    const CALLERS: usize = 16;
    let mut asking = JoinSet::new();
    for caller in 0..CALLERS {
        let (api, name) = (api.clone(), name.to_owned());
        asking.spawn(async move {
            for number in (caller..shoppers).step_by(CALLERS) {
                let answer = api.redeems(&format!("{name}-{number}"), "x", "sold").await;
                answer.is_problem(409, "sold-out");
            }
        });
    }
    asking.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_keys_are_limited_by_address_and_health_and_metrics_never_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let args = [
        "--limit-wrong-keys=20/1h",
        "--limit-key=reads=3/1h",
        "--limit-all=reads=2/1h",
        "--trusted-proxies=127.0.0.1",
    ];
    let ledger = Ledger::start_with(folder.path(), &args, &[]);
    let api = &ledger.client;
    let http = reqwest::Client::new();
    let ask = async |path: &str, key: &str, client: &str| {
        let request = http.get(format!("{}{path}", api.url)).bearer_auth(key);
        request.header("x-forwarded-for", client).send().await.expect("answered").status().as_u16()
    };
    let mut statuses = vec![];
    for number in 0..30 {
        statuses.push(ask("/v1/offers", &format!("guess-{number}"), "203.0.113.7").await);
    }
    assert_eq!(statuses, [[401; 20].as_slice(), &[429; 10]].concat());
    assert_eq!(ask("/v1/offers", "guess", "203.0.113.8").await, 401, "another address");
    let auditor = api.key("auditor");
    assert_eq!(ask("/v1/offers", auditor, "203.0.113.7").await, 200, "a key that is known");
    for _ in 0..50 {
        for path in ["/health/live", "/health/ready"] {
            assert_eq!(ask(path, "guess", "203.0.113.7").await, 200, "{path}");
            assert_eq!(ask(path, auditor, "203.0.113.7").await, 200, "{path}");
        }
        assert_eq!(ask("/metrics", auditor, "203.0.113.7").await, 200);
        assert_eq!(ask("/problems/rate-limited", "", "203.0.113.7").await, 200);
    }
    let mut reads = vec![];
    for role in
        ["merchant", "merchant", "warehouse", "operator", "operator", "operator", "operator"]
    {
        reads.push(ask("/v1/offers", api.key(role), "203.0.113.9").await);
    }
    assert_eq!(reads, [200, 200, 429, 200, 200, 200, 429], "all, and then the operator's own");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_waits_out_the_limit_of_its_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with(folder.path(), &["--limit-key", "commands=3/3s"], &[]);
    let (purchases, redemptions) = (folder.path().join("p.csv"), folder.path().join("r.csv"));
    let rows = (1..=5).map(|day| format!("ann,B-{day},2026-01-0{day}T10:00:00Z,1000\n"));
    let head = "account_id,purchase_id,purchased_at,amount_cents\n".to_owned();
    std::fs::write(&purchases, head + &rows.collect::<String>()).expect("written");
    let rows = "account_id,product_id,campaign_id,redeemed_on\nann,mug,1,2026-01-05\n";
    std::fs::write(&redemptions, rows).expect("written");
    let mut import = tool_of(&ledger, &["import"]);
    import.arg("--purchases").arg(&purchases).arg("--redemptions").arg(&redemptions);
    let begun = Instant::now();
    let output = ends(import);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told} {}", String::from_utf8_lossy(&output.stderr));
    assert!(begun.elapsed() > Duration::from_secs(1), "it waited: {:?}", begun.elapsed());
    let accepted = told.lines().find(|line| line.starts_with("purchases accepted"));
    assert!(accepted.is_some_and(|line| line.ends_with(" 5")), "{told}");
    assert_eq!(ledger.stop(), Some(0));
}

#[test]
fn a_limit_that_cannot_be_meant_stops_the_start_by_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    for (option, value) in [
        ("--limit-shopper", "redemptions=0/10s"),
        ("--limit-key", "reads=1/1s,reads=2/1s"),
        ("--limit-all", "everything=5/10s"),
        ("--limit-offer", "mug=1/0s"),
        ("--limit-wrong-keys", "nonsense"),
    ] {
        let mut command = serve(folder.path());
        command.args([option, value]);
        let output = ends(command);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(option), "{option} {value}: {told}");
    }
    assert!(said(folder.path()).is_empty());
}
