//! A shop whose goods are in warehouses, on a Kafka.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::{check_lanes, until_published};

use crate::ledger::{Api, Ledger, until};

/// A topic that no other test has.
pub(crate) fn own_topic() -> String {
    format!("requests-{}", uuid::Uuid::now_v7().simple())
}

/// An offer whose goods are in a warehouse.
pub(crate) async fn offers(api: &Api, offer: &str, warehouse: &str) {
    let body = json!({"product_id": "mug", "price": 1, "stock": null, "warehouse": warehouse});
    api.put("operator", &format!("/v1/offers/{offer}"), body).await.is(201);
}

/// What `guerdon serve` is told of Kafka.
pub(crate) fn kafka(brokers: &str, topic: &str) -> Vec<String> {
    let args = [
        ("--kafka", brokers.to_owned()),
        ("--kafka-topic", topic.to_owned()),
        ("--kafka-partitions", "4".to_owned()),
        ("--kafka-warehouse-events", format!("{topic}-events")),
        ("--kafka-earnings", format!("{topic}-earnings")),
        ("--kafka-group", topic.to_owned()),
    ];
    let args = args.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
    args.chain(["--kafka-create-topics".to_owned()]).collect()
}

/// Starts a ledger that publishes.
pub(crate) fn start(folder: &Path, brokers: &str, topic: &str, more: &[&str]) -> Ledger {
    let args = kafka(brokers, topic);
    let args: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
    Ledger::start_with(folder, &args, &[])
}

/// Redeems so many, from account to account, and gives the ids of what was asked of warehouses.
pub(crate) async fn redeem(api: &Api, offer: &str, from: usize, count: usize) -> BTreeSet<String> {
    let mut asked = BTreeSet::new();
    for number in from..from + count {
        asked.insert(redeem_one(api, offer, number).await);
    }
    asked
}

/// Redeems once, and gives the id of what was asked of the warehouse.
pub(crate) async fn redeem_one(api: &Api, offer: &str, number: usize) -> String {
    let account = format!("shopper-{}", number % 20);
    let redeemed = api.redeems(&account, &format!("x-{number}"), offer).await.is(201);
    let position = redeemed["position"].as_str().expect("a position").replace(':', "-");
    format!("1-{position}")
}

pub(crate) async fn prepare(api: &Api) {
    offers(api, "mug", "main").await;
    for shopper in 0..20 {
        api.earns(&format!("shopper-{shopper}"), 1_000_000, "start").await;
    }
}

/// An id without its log's.
pub(crate) fn short(id: &str) -> String {
    id[37..].to_owned()
}

pub(crate) async fn all_are_there_once(brokers: &str, topic: &str, asked: &BTreeSet<String>) {
    let found = until_published(brokers, topic, asked.len()).await;
    let firsts = check_lanes(&found);
    let ids: BTreeSet<String> = firsts.keys().map(|id| short(id)).collect();
    assert_eq!(&ids, asked, "of {} records", found.len());
    println!("{} messages, {} of them repeats", found.len(), found.len() - firsts.len());
}

/// A ledger, and so many redemptions' ids, each of which is in the topic once.
pub(crate) async fn start_and_publish(
    folder: &Path,
    brokers: &str,
    topic: &str,
    count: usize,
) -> (Ledger, BTreeSet<String>) {
    let ledger = start(folder, brokers, topic, &[]);
    prepare(&ledger.client).await;
    let asked = redeem(&ledger.client, "mug", 0, count).await;
    all_are_there_once(brokers, topic, &asked).await;
    (ledger, asked)
}

/// Starts a publisher beside a ledger.
pub(crate) fn publisher(
    folder: &Path,
    beside: &Ledger,
    brokers: &str,
    topic: &str,
    more: &[&str],
) -> Ledger {
    let alone = ["--role", "publisher", "--command-api", &beside.client.url];
    start(folder, brokers, topic, &[&alone, more].concat())
}

/// Waits until an account, which may not be there yet, has so many points.
pub(crate) async fn until_has(api: &Api, account: &str, points: usize) {
    let path = format!("/v1/accounts/{account}");
    until(api, &path, |found| found["available"] == points).await;
}
