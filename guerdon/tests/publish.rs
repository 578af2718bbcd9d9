//! Shipping requests on a real Kafka: each is there once by its id, its lane is dense and in order,
//! whatever is killed on the way.

mod ledger;
mod topic;

use std::collections::BTreeSet;
use std::time::Duration;

use ledger::{Ledger, faults};
use services::{Kafka, Stop, shared_kafka};
use topic::shop::{all_are_there_once, own_topic, prepare, publisher, redeem, start};
use topic::{check_lanes, until_published};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_redeemed_is_published_as_documented() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    prepare(&ledger.client).await;
    let asked = redeem(&ledger.client, "mug", 0, 40).await;
    all_are_there_once(&brokers, &topic, &asked).await;
    let found = until_published(&brokers, &topic, 40).await;
    let first = found.iter().find(|record| record.body["exchange_id"] == "x-0").expect("there");
    assert_eq!(first.key, "shopper-0");
    assert_eq!(first.header("ce_type"), "guerdon.shipping-requested");
    assert_eq!(first.header("ce_specversion"), "1.0");
    assert_eq!(first.header("ce_subject"), "x-0");
    assert_eq!(first.header("attempt"), "1");
    assert_eq!(first.header("log_id"), &first.id()[..36]);
    assert_eq!(first.header("content-type"), "application/json");
    assert_eq!(first.body["shipping_request_id"], first.id());
    assert_eq!(first.body["deliver_to"], "1 Elm Street");
    assert_eq!(first.body["lane"], first.header("lane"));
    assert_eq!(first.body["position"], first.header("position"));
    assert_eq!(ledger.stop(), Some(0));

    // A start goes on from there, and sends nothing again.
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    let more = redeem(&ledger.client, "mug", 40, 5).await;
    let found = until_published(&brokers, &topic, 45).await;
    assert_eq!(found.len(), 45, "nothing is there twice");
    check_lanes(&found);
    assert_eq!(more.len(), 5);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_is_killed_loses_nothing() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let rest = ["--role", "command-api,projector,query-api"];
    let ledger = Ledger::start_with(folder.path(), &rest, &[]);
    prepare(&ledger.client).await;
    let mut asked = BTreeSet::new();
    for fault in 0..faults() {
        let publisher = publisher(folder.path(), &ledger, &brokers, &topic);
        asked.extend(redeem(&ledger.client, "mug", asked.len(), 60).await);
        let pause = u64::try_from(fault * 137 % 400).expect("few");
        tokio::time::sleep(Duration::from_millis(pause)).await;
        publisher.kill();
    }
    let publisher = publisher(folder.path(), &ledger, &brokers, &topic);
    all_are_there_once(&brokers, &topic, &asked).await;
    assert_eq!(publisher.stop(), Some(0));
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_killed_or_away_loses_nothing_and_holds_up_nobody() {
    let broker_folder = tempfile::tempdir().expect("a folder");
    let mut broker = Kafka::start(broker_folder.path(), &[]).expect("a broker");
    let (brokers, topic) = (broker.bootstrap(), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    prepare(&ledger.client).await;
    let mut asked = redeem(&ledger.client, "mug", 0, 60).await;
    for fault in 0..faults() {
        let how = if fault % 2 == 0 { Stop::Kill } else { Stop::Fast };
        broker.stop(how).expect("stopped");
        asked.extend(redeem(&ledger.client, "mug", asked.len(), 60).await);
        tokio::time::sleep(Duration::from_secs(5)).await;
        broker.restart().expect("it starts again");
        asked.extend(redeem(&ledger.client, "mug", asked.len(), 60).await);
    }
    all_are_there_once(&brokers, &topic, &asked).await;
    assert_eq!(ledger.stop(), Some(0));
}
