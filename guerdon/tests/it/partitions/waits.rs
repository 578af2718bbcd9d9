//! Shoppers of all partitions wait for one offer, while the ledger is killed: each unit that comes
//! back is kept for one of them, and nobody else gets it.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use domain::{Event, Message};
use event_store::{Access, EventStore};
use serde_json::{Value, json};

use super::EIGHT;
use crate::ledger::combination::log_of;
use crate::ledger::{Answer, Api, Ledger, PATIENCE, log};

/// How many have a unit at first.
const BUYERS: usize = 8;

/// How many wait.
const WAITING: usize = 40;

/// How many units come for them.
const BACK: usize = 14;

/// How many of those who have a unit give it back.
const CANCELLED: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_unit_that_comes_back_is_kept_for_one_who_waits_in_whatever_partition() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with(folder.path(), &EIGHT, &[]);
    let api = &ledger.client;
    api.opens("mug", 100, Some(BUYERS as u64), None).await;
    for number in 0..BUYERS {
        api.earns(&buyer(number), 100, "B-1").await;
        asks(api, &exchange(&buyer(number), 1), redemption()).await.is(201);
    }
    for number in 0..WAITING {
        api.earns(&shopper(number), 100, "B-1").await;
        asks(api, &wait(number), json!({"offer_id": "mug"})).await.is(201);
    }
    // Somebody else hears that nothing is left, and who has joined may ask again.
    api.earns("late", 100, "B-1").await;
    asks(api, &exchange("late", 1), redemption()).await.is_problem(409, "sold-out");
    asks(api, &wait(0), json!({"offer_id": "mug"})).await.is(200);

    for number in 0..CANCELLED {
        let path = format!("{}/cancellations/c-1", exchange(&buyer(number), 1));
        asks(api, &path, json!({})).await.is(201);
    }
    ledger.kill();
    let ledger = Ledger::start_with(folder.path(), &EIGHT, &[]);
    let api = &ledger.client;
    let rest = json!({"units": BACK - CANCELLED});
    api.put("operator", "/v1/offers/mug/stock-additions/s-1", rest).await.is(201);
    ledger.kill();
    let ledger = Ledger::start_with(folder.path(), &EIGHT, &[]);
    let api = &ledger.client;

    let served = are_served(api, BACK).await;
    asks(api, &exchange("late", 2), redemption()).await.is_problem(409, "sold-out");
    for number in 0..WAITING {
        let asked = asks(api, &exchange(&shopper(number), 1), redemption()).await;
        if served.contains(&number) {
            asked.is(201);
        } else {
            asked.is_problem(409, "sold-out");
            let leaving = format!("{}/leaving", wait(number));
            asks(api, &leaving, json!({})).await.is(201);
        }
    }
    // Nobody waits, so what comes back now is anybody's.
    let path = format!("{}/cancellations/c-1", exchange(&buyer(CANCELLED), 1));
    asks(api, &path, json!({})).await.is(201);
    let begun = Instant::now();
    while asks(api, &exchange("late", 3), redemption()).await.status != 201 {
        assert!(begun.elapsed() < PATIENCE, "the unit never came home");
        // No more attempts than a shopper may make.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let last = api.earns("probe", 1, "B-1").await;
    let offer = api.get_after(&last, "operator", "/v1/offers/mug").await.is(200);
    assert_eq!(
        (&offer["remaining"], &offer["stock"]),
        (&json!(0), &json!(BUYERS + BACK - CANCELLED))
    );
    assert_eq!(api.get("auditor", "/v1/totals").await.is(200)["difference"], "0");
    assert_eq!(ledger.stop(), Some(0));
    check_log(folder.path()).await;
}

/// For each wait one unit came at most, and as many were kept as came back.
async fn check_log(folder: &Path) {
    let store = EventStore::open(&log_of(folder), Access::Read).await.expect("it opens");
    let (mut kept, mut served, mut partitions) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut sold = 0_usize;
    for row in log::read_all(&store).await.expect("every row is intact") {
        let (_, event) = event_schema::decode(&row).expect("it decodes");
        match event {
            Event::MessageSent(fact) => {
                if let Message::UnitKept(of) = fact.message {
                    assert!(kept.insert(of.account_id.clone()), "{of:?} was served twice");
                }
            }
            Event::WaitServed(account, _) => {
                served.insert(account);
                partitions.insert(row.place.partition);
            }
            Event::ExchangeCreated(..) => sold += 1,
            Event::ExchangeCancelled(..) => sold -= 1,
            _ => {}
        }
    }
    assert_eq!((served.len(), sold), (BACK, BUYERS + BACK - CANCELLED));
    assert!(partitions.len() > 1, "they live in several partitions");
}

/// Waits until so many are served, and gives them.
async fn are_served(api: &Api, wanted: usize) -> HashSet<usize> {
    let begun = Instant::now();
    loop {
        let mut served = HashSet::new();
        for number in 0..WAITING {
            // After a kill, the tables may come up to it a moment later.
            let answer = api.get("shopper", &wait(number)).await;
            if answer.body["status"] == "served" {
                assert!(answer.body["deadline"].is_string(), "{answer:?}");
                served.insert(number);
            }
        }
        if served.len() >= wanted || begun.elapsed() > PATIENCE {
            assert_eq!(served.len(), wanted, "as many are served as units came back");
            return served;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Asks until something is decided.
async fn asks(api: &Api, path: &str, body: Value) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = api.put("shopper", path, body.clone()).await;
        if !matches!(answer.status, 429 | 503) || begun.elapsed() > PATIENCE {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn redemption() -> Value {
    json!({"offer_id": "mug", "quantity": 1, "deliver_to": "1 Elm Street"})
}

fn buyer(number: usize) -> String {
    format!("buyer-{number}")
}

fn shopper(number: usize) -> String {
    format!("shopper-{number}")
}

fn exchange(account: &str, number: usize) -> String {
    format!("/v1/accounts/{account}/exchanges/x-{number}")
}

fn wait(number: usize) -> String {
    format!("/v1/accounts/{}/waits/w-1", shopper(number))
}
