//! `kill -9` at random moments under load: what was answered is there exactly once, nothing is half
//! there, and asking everything again changes nothing.
//!
//! `GUERDON_KILLS` says how often (2); `cargo xtask faults` says 20.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::ledger::{Answer, Api, Ledger};

const SHOPPERS: u64 = 40;
const CLIENTS: u64 = 16;
const PRICE: u64 = 3;
const CREDIT: u64 = 1_000_000;
const STOCK: u64 = 1_000_000;

/// Every redemption that was ever sent, and its first answer, if it got one.
type Sent = BTreeMap<(String, String), Option<Value>>;

/// How often each of them is killed.
fn kills() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
    let kills = std::env::var("GUERDON_KILLS").ok().and_then(|kills| kills.parse().ok());
    kills.unwrap_or(2)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answered_redemption_survives_kill_9() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = Ledger::start(folder.path());
    ledger.client.opens("mug", PRICE, Some(STOCK), None).await;
    for shopper in 0..SHOPPERS {
        ledger.client.earns(&format!("shopper-{shopper}"), CREDIT, "start").await;
    }
    let sent = Arc::new(Mutex::new(Sent::new()));
    let mut delays = Delays(0x9e37_79b9_7f4a_7c15);
    for kill in 0..kills() {
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (api, sent, stop) = (ledger.client.clone(), sent.clone(), stop.clone());
                tokio::spawn(redeem_until(stop, api, sent, kill, client))
            })
            .collect();
        tokio::time::sleep(delays.next()).await;
        ledger.kill();
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.await.expect("a client ends when its ledger is gone");
        }
        let restarted = Instant::now();
        ledger = Ledger::start(folder.path());
        let (answered, unanswered) = check_and_ask_again(&ledger.client, &sent).await;
        println!(
            "kill {kill}: {answered} answered redemptions are there once, {unanswered} unanswered \
             were whole or not there; started, checked and asked again within {:.1?}",
            restarted.elapsed()
        );
    }
    let before = balances(&ledger.client).await;
    let (answered, _) = check_and_ask_again(&ledger.client, &sent).await;
    assert!(answered > 0, "nothing was redeemed");
    assert_eq!(balances(&ledger.client).await, before, "asking all again changed nothing");
    let sold = u64::try_from(sent.lock().expect("not poisoned").len()).expect("fits");
    let offer = ledger.client.get("operator", "/v1/offers/mug").await.is(200);
    assert_eq!(offer["remaining"], STOCK - sold, "the stock adds up");
    assert_eq!(ledger.stop(), Some(0));
}

/// Killed while it records what has fallen due, it goes on where the log ends: every lot expires
/// once, and everything adds up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credit_that_expires_while_it_is_killed_expires_once() {
    const LOTS: u64 = 4_000;
    const POINTS: u64 = 7;
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = Ledger::start(folder.path());
    let mut delays = Delays(0x2545_f491_4f6c_dd1d);
    for round in 0..kills() {
        let expires_at = in_seconds(4);
        for call in 0..LOTS / 1_000 {
            let credits: Vec<Value> = (0..1_000)
                .map(|number| {
                    json!({
                        "account_id": format!("shopper-{}", call * 1_000 + number),
                        "points": POINTS, "expires_at": expires_at,
                        "cause": {"kind": "promotion", "id": format!("round-{round}")},
                    })
                })
                .collect();
            let body = json!({"credits": credits});
            ledger.client.post("merchant", "/v1/credits", body).await.is(200);
        }
        // Some time around the expiry.
        tokio::time::sleep(Duration::from_secs(3) + delays.next()).await;
        ledger.kill();
        ledger = Ledger::start(folder.path());
    }
    let started = Instant::now();
    let all = json!((kills() * LOTS * POINTS).to_string());
    loop {
        let totals = ledger.client.get("auditor", "/v1/totals").await.is(200);
        assert_eq!(totals["difference"], "0", "{totals}");
        if totals["expired"] == all {
            assert_eq!(totals["available"], "0", "{totals}");
            break;
        }
        assert!(started.elapsed() < crate::ledger::PATIENCE, "{totals}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(ledger.stop(), Some(0));
}

/// What costs two units is paid of both or not there, and a conversion takes and gives or does
/// neither, whenever the ledger is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_moves_two_units_is_whole_after_kill_9() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = Ledger::start(folder.path());
    let pair = json!({"product_id": "pair", "stock": null,
        "prices": [{"unit": "points", "points": 3}, {"unit": "miles", "points": 2}]});
    let operators = [
        ("/v1/units/miles", json!({"name": "Miles"})),
        ("/v1/conversion-rates/points/miles", json!({"give": 3, "take": 1})),
        ("/v1/offers/pair", pair),
    ];
    for (path, body) in operators {
        ledger.client.put("operator", path, body).await.is(201);
    }
    for shopper in 0..SHOPPERS {
        let account = format!("shopper-{shopper}");
        ledger.client.earns(&account, CREDIT, "start").await;
        let miles = json!({"unit": "miles", "points": CREDIT,
            "cause": {"kind": "promotion", "id": "start"}});
        let path = format!("/v1/accounts/{account}/credits");
        ledger.client.post("merchant", &path, miles).await.is(201);
    }
    let sent = Arc::new(Mutex::new(Sent::new()));
    let mut delays = Delays(0x1234_5678_9abc_def1);
    for kill in 0..2 {
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (api, sent, stop) = (ledger.client.clone(), sent.clone(), stop.clone());
                tokio::spawn(move_two_units_until(stop, api, sent, format!("{kill}-{client}")))
            })
            .collect();
        tokio::time::sleep(delays.next()).await;
        ledger.kill();
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.await.expect("a client ends when its ledger is gone");
        }
        ledger = Ledger::start(folder.path());
        let sent = sent.lock().expect("not poisoned").clone();
        check_two_units(&ledger.client, &sent).await;
    }
    let sent = sent.lock().expect("not poisoned").clone();
    for path in ["exchanges", "conversions"] {
        let is_answered = |((_, it), first): (&(String, String), &Option<Value>)| {
            it.starts_with(path) && first.is_some()
        };
        assert!(sent.iter().any(is_answered), "{path}: nothing was answered");
    }
    for ((account, path), first) in &sent {
        let again = ledger.client.send(two_units(&ledger.client, account, path)).await;
        let again = again.expect("answered");
        match first {
            Some(first) => assert_eq!(&again.is(200), first, "{path}"),
            None => assert!(matches!(again.status, 200 | 201), "{path}: {again:?}"),
        }
    }
    check_two_units(&ledger.client, &sent).await;
    assert_eq!(ledger.stop(), Some(0));
}

/// The request of an exchange or a conversion: 3 points and 2 miles, or 3 points for 1 mile.
fn two_units(api: &Api, account: &str, path: &str) -> RequestBuilder {
    let body = if path.starts_with("exchanges") {
        json!({"offer_id": "pair", "quantity": 1, "deliver_to": "1 Elm Street"})
    } else {
        json!({"from": {"points": 3}, "to": "miles"})
    };
    api.request("PUT", &format!("/v1/accounts/{account}/{path}"), "shopper").json(&body)
}

async fn move_two_units_until(
    stop: Arc<AtomicBool>,
    api: Api,
    sent: Arc<Mutex<Sent>>,
    client: String,
) {
    for number in 0..u64::MAX {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let account = format!("shopper-{}", number % SHOPPERS);
        let kind = if number % 2 == 0 { "exchanges/x" } else { "conversions/c" };
        let key = (account.clone(), format!("{kind}-{client}-{number}"));
        sent.lock().expect("not poisoned").insert(key.clone(), None);
        let Ok(answer) = api.send(two_units(&api, &account, &key.1)).await else { continue };
        assert_eq!(answer.status, 201, "{}", answer.body);
        sent.lock().expect("not poisoned").insert(key, Some(answer.body));
    }
}

/// Each account has what its exchanges and conversions leave of both units, and whatever was
/// answered is there.
async fn check_two_units(api: &Api, sent: &Sent) {
    all_is_projected(api).await;
    for shopper in 0..SHOPPERS {
        let account = format!("shopper-{shopper}");
        let (mut exchanges, mut conversions) = (0, 0);
        for ((_, path), first) in sent.iter().filter(|((owner, _), _)| *owner == account) {
            let found = api.get("auditor", &format!("/v1/accounts/{account}/{path}")).await;
            match found.status {
                200 if path.starts_with("exchanges") => exchanges += 1,
                200 => conversions += 1,
                status => {
                    assert_eq!(status, 404, "{path}: {found:?}");
                    assert!(first.is_none(), "{path} was answered and is gone");
                }
            }
        }
        let found = api.get("auditor", &format!("/v1/accounts/{account}")).await.is(200);
        let found = ["points", "miles"].map(|unit| found["units"][unit]["available"].clone());
        let left = [CREDIT - 3 * exchanges - 3 * conversions, CREDIT - 2 * exchanges + conversions];
        assert_eq!(found, left.map(Value::from), "{account} adds up");
    }
}

/// So many seconds from now.
#[expect(clippy::disallowed_methods, reason = "what expires does so by the wall clock")]
fn in_seconds(seconds: u64) -> String {
    let then = std::time::SystemTime::now() + Duration::from_secs(seconds);
    domain::Timestamp::from_system(then).expect("a time").to_string()
}

async fn redeem_until(
    stop: Arc<AtomicBool>,
    api: Api,
    sent: Arc<Mutex<Sent>>,
    kill: u64,
    client: u64,
) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    while !stop.load(Ordering::Relaxed) {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let account = format!("shopper-{}", number % SHOPPERS);
        let exchange = format!("x-{kill}-{client}-{number}");
        let key = (account.clone(), exchange.clone());
        sent.lock().expect("not poisoned").insert(key.clone(), None);
        let answer = api.send(api.redemption(&account, &exchange, "mug")).await;
        let Ok(Answer { status, body, .. }) = answer else { continue };
        assert_eq!(status, 201, "{body}");
        sent.lock().expect("not poisoned").insert(key, Some(body));
    }
}

/// Before anything is sent again: every balance is what the exchanges leave, and every answered
/// exchange is there. Then everything is sent again, and each answer is the first one.
async fn check_and_ask_again(api: &Api, sent: &Mutex<Sent>) -> (usize, usize) {
    let snapshot = sent.lock().expect("not poisoned").clone();
    all_is_projected(api).await;
    for shopper in 0..SHOPPERS {
        let account = format!("shopper-{shopper}");
        let listed = api.list("auditor", &format!("/v1/accounts/{account}/exchanges")).await;
        let ids: Vec<&str> =
            listed.iter().filter_map(|item| item["exchange_id"].as_str()).collect();
        let balance = api.get("auditor", &format!("/v1/accounts/{account}")).await.is(200);
        let count = u64::try_from(listed.len()).expect("fits");
        assert_eq!(balance["available"], CREDIT - count * PRICE, "{account} adds up");
        let entries = api.list("auditor", &format!("/v1/accounts/{account}/entries")).await;
        assert_eq!(entries.len(), 1 + listed.len(), "{account}: one deduction for each exchange");
        for ((_, exchange), answer) in snapshot.iter().filter(|((owner, _), _)| *owner == account) {
            let times = ids.iter().filter(|id| *id == exchange).count();
            assert!(times <= 1, "{exchange} is there {times} times");
            assert!(answer.is_none() || times == 1, "{exchange} was answered and is gone");
        }
    }
    let (mut answered, mut unanswered) = (0, 0);
    for ((account, exchange), first) in snapshot {
        let again = api.redeems(&account, &exchange, "mug").await;
        match first {
            Some(first) => {
                assert_eq!(again.is(200), first, "{exchange}");
                answered += 1;
            }
            None => {
                assert!(matches!(again.status, 200 | 201), "{exchange}: {again:?}");
                sent.lock().expect("not poisoned").insert((account, exchange), Some(again.body));
                unanswered += 1;
            }
        }
    }
    (answered, unanswered)
}

/// From now on, reads contain all that was answered before.
async fn all_is_projected(api: &Api) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let probe = format!("probe-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let head = api.earns("probe", 1, &probe).await;
    api.get_after(&head, "auditor", "/v1/accounts/probe").await.is(200);
}

async fn balances(api: &Api) -> Vec<Value> {
    all_is_projected(api).await;
    let mut balances = vec![];
    for shopper in 0..SHOPPERS {
        let balance = api.get("auditor", &format!("/v1/accounts/shopper-{shopper}")).await.is(200);
        balances.push(balance["available"].clone());
    }
    balances
}

/// Moments between 50 ms and 600 ms, the same in every run.
struct Delays(u64);

impl Delays {
    fn next(&mut self) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_millis(50 + self.0 % 550)
    }
}
