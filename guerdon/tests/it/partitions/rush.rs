//! A rush on one offer over eight partitions: as many exchanges as units, everyone is answered, and
//! what was accepted is the same exchange when it is asked for again.
//!
//! `GUERDON_RUSH_SHOPPERS` says how many come; `cargo xtask faults` says 20,000.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use domain::Event;
use event_store::{Access, EventStore};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::EIGHT;
use crate::ledger::combination::log_of;
use crate::ledger::{Answer, Api, Ledger, log};

/// How many requests are on a connection at the same time; the rest stand behind them.
const CONNECTIONS: usize = 400;

/// How long a shopper rests who was told to come again.
const REST: Duration = Duration::from_millis(20);

/// How long a rush may take in a debug build on a busy machine.
const OVER_WITHIN: Duration = Duration::from_secs(100);

/// How many units there are for so many shoppers.
fn units(shoppers: usize) -> usize {
    (shoppers / 20).max(200)
}

#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
fn shoppers() -> usize {
    let number = std::env::var("GUERDON_RUSH_SHOPPERS").ok();
    number.and_then(|number| number.parse().ok()).unwrap_or(2_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_the_stock_is_sold_over_eight_partitions() {
    rush_with_kills(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_the_stock_is_sold_where_the_ledger_is_killed_five_times_meanwhile() {
    rush_with_kills(5).await;
}

/// Shoppers at work.
struct Rush {
    /// Where the ledger is at the moment.
    api: Mutex<Api>,
    answers: Mutex<BTreeMap<String, Answer>>,
    begun: Instant,
}

async fn rush_with_kills(kills: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let shoppers = shoppers();
    let units = units(shoppers);
    let mut ledger = Ledger::start_with(folder.path(), &EIGHT, &[]);
    ledger.client.opens("rare", 300, Some(units as u64), Some(1)).await;
    give_credit(&ledger.client, shoppers).await;

    let rush = Arc::new(Rush {
        api: Mutex::new(ledger.client.clone()),
        answers: Mutex::default(),
        begun: Instant::now(),
    });
    let turns = Arc::new(Semaphore::new(CONNECTIONS));
    let mut asking = JoinSet::new();
    for shopper in 0..shoppers {
        let (rush, turns) = (Arc::clone(&rush), Arc::clone(&turns));
        asking.spawn(async move {
            let _turn = turns.acquire_owned().await.expect("never closed");
            rush.redeems(format!("shopper-{shopper}")).await;
        });
    }
    for kill in 1..=kills {
        rush.accepts(kill * units / (kills + 1)).await;
        ledger.kill();
        ledger = Ledger::start_with(folder.path(), &EIGHT, &[]);
        *rush.api.lock().expect("not poisoned") = ledger.client.clone();
    }
    while let Some(asked) = asking.join_next().await {
        asked.expect("everyone is answered");
    }
    println!("{shoppers} shoppers were answered within {:.1?}", rush.begun.elapsed());

    let answers = rush.answers.lock().expect("not poisoned").clone();
    assert_eq!(answers.len(), shoppers);
    let is_accepted = |answer: &Answer| matches!(answer.status, 200 | 201);
    let accepted = answers.iter().filter(|(_, answer)| is_accepted(answer)).count();
    assert_eq!(accepted, units, "exactly the stock is sold");
    for (shopper, answer) in &answers {
        if is_accepted(answer) {
            let again = ledger.client.redeems(shopper, "x-1", "rare").await;
            assert_eq!(again.is(200), answer.body, "{shopper} has the same exchange");
        } else {
            answer.is_problem(409, "sold-out");
        }
    }
    let last = ledger.client.earns("probe", 1, "B-1").await;
    let offer = ledger.client.get_after(&last, "operator", "/v1/offers/rare").await.is(200);
    assert_eq!(offer["remaining"], 0);
    let requests = ledger.client.list("warehouse", "/v1/shipping-requests").await;
    assert_eq!(requests.len(), units, "one parcel for each");
    let totals = ledger.client.get("auditor", "/v1/totals").await.is(200);
    assert_eq!(totals["difference"], "0", "{totals}");
    assert_eq!(ledger.stop(), Some(0));
    check_log(folder.path(), units).await;
}

/// Everyone can pay for one.
async fn give_credit(api: &Api, shoppers: usize) {
    let all: Vec<usize> = (0..shoppers).collect();
    for some in all.chunks(1_000) {
        let credits = some.iter().map(|shopper| {
            let cause = json!({"kind": "purchase", "id": "B-1"});
            json!({"account_id": format!("shopper-{shopper}"), "points": 500, "cause": cause})
        });
        let body = json!({"credits": credits.collect::<Vec<Value>>()});
        api.post("merchant", "/v1/credits", body).await.is(200);
    }
}

/// Nobody has two, and no partition alone sold them all.
async fn check_log(folder: &Path, units: usize) {
    let store = EventStore::open(&log_of(folder), Access::Read).await.expect("it opens");
    let (mut sold, mut partitions) = (HashSet::new(), HashSet::new());
    for row in log::read_all(&store).await.expect("every row is intact") {
        let (_, event) = event_schema::decode(&row).expect("it decodes");
        if let Event::ExchangeCreated(account, _) = event {
            assert!(sold.insert(account.clone()), "{account} has two");
            partitions.insert(row.place.partition);
        }
    }
    assert_eq!((sold.len(), partitions.len()), (units, 8));
}

impl Rush {
    fn api(&self) -> Api {
        self.api.lock().expect("not poisoned").clone()
    }

    /// Asks with the same id until there is an answer.
    async fn redeems(&self, shopper: String) {
        loop {
            let api = self.api();
            match api.send(api.redemption(&shopper, "x-1", "rare")).await {
                Ok(answer) if !matches!(answer.status, 429 | 503) => {
                    self.answers.lock().expect("not poisoned").insert(shopper, answer);
                    return;
                }
                told => assert!(self.begun.elapsed() < OVER_WITHIN, "{shopper}: {told:?}"),
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// Waits until so many are accepted.
    async fn accepts(&self, wanted: usize) {
        let accepted = || {
            let answers = self.answers.lock().expect("not poisoned");
            answers.values().filter(|answer| matches!(answer.status, 200 | 201)).count()
        };
        while accepted() < wanted {
            assert!(self.begun.elapsed() < OVER_WITHIN, "{} are accepted", accepted());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}
