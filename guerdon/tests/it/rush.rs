//! A rush, as `cargo xtask bench rush` has it with a million shoppers: they come before the offer
//! opens, ask again though they were told to wait, ask again for what they have got, and some try
//! with two devices. The ledger's limits hold; how fast it is counts for nothing here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use domain::Timestamp;
use event_store::{Access, EventStore};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::ledger::combination::log_of;
use crate::ledger::log::read_all;
use crate::ledger::{Api, Ledger, PATIENCE};

const SHOPPERS: usize = 1_000;
const UNITS: u64 = 250;
const PRICE: u64 = 300;

/// Of all callers, and of each shopper: a few of those who ask hear that it is too much.
const LIMITS: [&str; 5] = [
    "--limit-all",
    "redemptions=500/1s",
    "--limit-shopper",
    "redemptions=3/1s",
    "--limit-shoppers-of-apps",
];

/// How many of the requests are on a connection at the same time; the rest stand behind them.
const CONNECTIONS: usize = 100;

/// How long before its opening the offer is made, and how long after that one more shopper comes:
/// half of them are early.
const EARLY: Duration = Duration::from_secs(1);
const BETWEEN: Duration = Duration::from_millis(2);

/// How long somebody waits who was told to come again, at least: less than is said.
const IMPATIENCE: Duration = Duration::from_millis(250);

/// Every so many shoppers asks from two devices at once.
const SECOND_DEVICE_EVERY: usize = 8;

/// Account and id.
type Key = (String, String);

/// What the crowd was told.
#[derive(Debug, Default)]
struct Told {
    asked: u64,
    /// Answers by status.
    statuses: BTreeMap<u16, u64>,
    /// Of requests whose connection broke.
    broken: u64,
    created: BTreeMap<Key, Value>,
}

/// The shoppers, wherever the ledger is at the moment.
struct Crowd {
    /// Nothing while it is away.
    api: watch::Sender<Option<Api>>,
    turns: Semaphore,
    told: Mutex<Told>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_the_stock_is_sold_to_one_shopper_each_and_none_of_it_early() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ledger, opens) = prepare(folder.path()).await;
    let crowd = Crowd::new(&ledger.client);
    crowd.comes().join_all().await;
    let api = &ledger.client;
    until_all_is_read(api, &crowd).await;
    let requests = api.list("warehouse", "/v1/shipping-requests").await;
    assert_eq!(requests.len() as u64, UNITS, "one parcel for each");
    assert_eq!(ledger.stop(), Some(0));

    let sold = sold(folder.path(), opens).await;
    let told = crowd.told();
    let answers: u64 = told.statuses.values().sum();
    assert_eq!((answers, told.broken), (told.asked, 0), "every request is answered");
    assert!(told.statuses[&429] > 0, "the limits were reached: {:?}", told.statuses);
    assert_eq!(told.statuses[&201], UNITS, "each exchange was created once");
    assert_eq!(sold, told.created.keys().cloned().collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stock_is_exact_when_the_ledger_is_killed_in_the_middle() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ledger, opens) = prepare(folder.path()).await;
    let crowd = Crowd::new(&ledger.client);
    let coming = crowd.comes();
    let begun = std::time::Instant::now();
    while (crowd.told().created.len() as u64) < UNITS / 2 {
        assert!(begun.elapsed() < PATIENCE, "nobody is sold anything: {:?}", crowd.told());
        sleep(Duration::from_millis(2)).await;
    }
    crowd.api.send_replace(None);
    ledger.kill();

    let ledger = Ledger::start_with(folder.path(), &LIMITS, &[]);
    until_all_is_read(&ledger.client, &crowd).await;
    let answered = crowd.told().created.clone();
    assert!((answered.len() as u64) < UNITS, "it was killed too late");
    for ((account, exchange), first) in &answered {
        let path = format!("/v1/accounts/{account}/exchanges/{exchange}");
        let found = ledger.client.get("auditor", &path).await.is(200);
        assert_eq!(found["position"], first["position"], "{account} {exchange}");
    }
    crowd.api.send_replace(Some(ledger.client.clone()));
    coming.join_all().await;
    until_all_is_read(&ledger.client, &crowd).await;
    assert_eq!(ledger.stop(), Some(0));
    let sold = sold(folder.path(), opens).await;
    assert_eq!(sold, crowd.told().created.keys().cloned().collect());
}

/// A ledger on which everybody has credit for one unit of an offer that opens soon.
async fn prepare(folder: &Path) -> (Ledger, Timestamp) {
    let ledger = Ledger::start_with(folder, &LIMITS, &[]);
    for call in (0..SHOPPERS).collect::<Vec<_>>().chunks(1_000) {
        let credit = |shopper: &usize| {
            let cause = json!({"kind": "purchase", "id": "B-1"});
            json!({"account_id": format!("shopper-{shopper}"), "points": 2 * PRICE, "cause": cause})
        };
        let credits: Vec<Value> = call.iter().map(credit).collect();
        ledger.client.post("merchant", "/v1/credits", json!({"credits": credits})).await.is(200);
    }
    let opens = Timestamp::from_system(clock() + EARLY).expect("a time");
    let offer = json!({"product_id": "rare", "price": PRICE, "stock": UNITS,
        "limit_per_shopper": 1, "opens_at": opens.to_string()});
    ledger.client.put("operator", "/v1/offers/rare", offer).await.is(201);
    (ledger, opens)
}

/// Waits until what is read adds up: every unit is sold or remains.
async fn until_all_is_read(api: &Api, crowd: &Crowd) {
    let begun = std::time::Instant::now();
    loop {
        let offer = api.get("operator", "/v1/offers/rare").await.is(200);
        let remaining = offer["remaining"].as_u64().expect("a number");
        let requests = api.list("warehouse", "/v1/shipping-requests").await.len() as u64;
        let answered = crowd.told().created.len() as u64;
        if remaining + requests == UNITS && answered <= requests {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{requests} are sold and {remaining} remain");
        sleep(Duration::from_millis(50)).await;
    }
}

/// What the log says was sold, after it was checked that each unit is there once, that nobody has
/// two, and that none was sold before the offer opened.
async fn sold(folder: &Path, opens: Timestamp) -> BTreeSet<Key> {
    let store = EventStore::open(&log_of(folder), Access::Read).await.expect("it opens");
    let mut events = read_all(&store).await.expect("read");
    events.retain(|event| &*event.event_type == "exchange-created");
    assert_eq!(events.len() as u64, UNITS, "as many as there were");
    let early = events.iter().filter(|event| event.recorded_at < opens.micros());
    assert_eq!(early.count(), 0, "before {opens}");
    let account = |event: &log_record::RecordedEvent| {
        event.account_id.as_deref().expect("an account").to_owned()
    };
    let accounts: BTreeSet<String> = events.iter().map(account).collect();
    assert_eq!(accounts.len(), events.len(), "one for each shopper");
    let key = |event: &log_record::RecordedEvent| {
        let public: Value = serde_json::from_str(&event.public).expect("JSON");
        (account(event), public["exchange_id"].as_str().expect("an id").to_owned())
    };
    events.iter().map(key).collect()
}

impl Crowd {
    fn new(api: &Api) -> Arc<Self> {
        let (api, turns) = (watch::Sender::new(Some(api.clone())), Semaphore::new(CONNECTIONS));
        Arc::new(Self { api, turns, told: Mutex::default() })
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().expect("not poisoned")
    }

    /// Lets everybody come, each at a time of their own.
    fn comes(self: &Arc<Self>) -> JoinSet<()> {
        let mut coming = JoinSet::new();
        for shopper in 0..SHOPPERS {
            for device in ["phone", "tablet"] {
                if device == "phone" || shopper % SECOND_DEVICE_EVERY == 0 {
                    coming.spawn(Arc::clone(self).buys(shopper, device));
                }
            }
        }
        coming
    }

    async fn buys(self: Arc<Self>, shopper: usize, device: &str) {
        sleep(BETWEEN.saturating_mul(u32::try_from(shopper).expect("a few"))).await;
        let shopper = format!("shopper-{shopper}");
        let Some(first) = self.wants(&shopper, device).await else { return };
        // Whoever has one is told the same again, and gets no second one.
        assert_eq!(self.wants(&shopper, device).await, Some(first), "{shopper}");
        assert_eq!(self.wants(&shopper, &format!("{device}-2")).await, None, "{shopper}");
    }

    /// Asks until there is an answer that ends it: the exchange, or that there is none.
    async fn wants(&self, shopper: &str, exchange: &str) -> Option<Value> {
        let key = (shopper.to_owned(), exchange.to_owned());
        let mut is_in_doubt = self.told().created.contains_key(&key);
        loop {
            match self.asks(shopper, exchange).await {
                Some((status @ (200 | 201), body)) => {
                    let mut told = self.told();
                    let first = told.created.insert(key, body.clone());
                    assert!(first.is_none_or(|first| first == body), "{shopper}: {body}");
                    assert!(status == 201 || is_in_doubt, "{shopper} never asked: {body}");
                    return Some(body);
                }
                Some((409, body)) if body["code"] == "offer-not-open" => {}
                Some((409, body)) => {
                    let code = body["code"].as_str().unwrap_or_default();
                    assert!(
                        ["sold-out", "shopper-limit-reached"].contains(&code),
                        "{shopper}: {body}"
                    );
                    return None;
                }
                Some((429 | 503, body)) => is_in_doubt |= body["code"] == "outcome-unknown",
                None => is_in_doubt = true,
                Some((status, body)) => panic!("{shopper} got {status} {body}"),
            }
            sleep(IMPATIENCE).await;
        }
    }

    /// Asks once; nothing where the connection broke.
    async fn asks(&self, shopper: &str, exchange: &str) -> Option<(u16, Value)> {
        let mut there = self.api.subscribe();
        let api = there.wait_for(Option::is_some).await.expect("it comes back").clone();
        let api = api.expect("it is there");
        let _turn = self.turns.acquire().await.expect("never closed");
        self.told().asked += 1;
        let answer = api.send(api.redemption(shopper, exchange, "rare")).await;
        let mut told = self.told();
        let Ok(answer) = answer else {
            told.broken += 1;
            return None;
        };
        *told.statuses.entry(answer.status).or_default() += 1;
        Some((answer.status, answer.body))
    }
}

#[expect(clippy::disallowed_methods, reason = "an offer opens by the wall clock")]
fn clock() -> SystemTime {
    SystemTime::now()
}
