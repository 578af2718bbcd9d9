//! Messages that are gone before the ledger reads them: retention deleted them, or their topic was
//! deleted and created again.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use services::shared_kafka;

use crate::ledger::{Ledger, PATIENCE};
use crate::topic::admin::{delete_before, replace_topic};
use crate::topic::say;
use crate::topic::shop::{own_topic, start, until_has};

/// Says that zoe has earned one point each for these purchases.
fn say_earned(brokers: &str, topic: &str, purchases: std::ops::Range<usize>) {
    let earned = purchases.map(|number| {
        let cause = json!({"kind": "purchase", "id": format!("b-{number}")});
        json!({"account_id": "zoe", "points": 1, "cause": cause}).to_string()
    });
    let earned: Vec<String> = earned.collect();
    let said: Vec<(&str, &str)> = earned.iter().map(|body| ("zoe", body.as_str())).collect();
    say(brokers, topic, &said);
}

/// A ledger that has read ten earnings of a topic with one partition.
async fn started(folder: &Path, brokers: &str, topic: &str) -> Ledger {
    let earnings = format!("{topic}-earnings");
    replace_topic(brokers, &earnings, 1).await;
    let ledger = start(folder, brokers, topic, &[]);
    say_earned(brokers, &earnings, 0..10);
    until_has(&ledger.client, "zoe", 10).await;
    ledger
}

/// What the publisher says of the earnings.
async fn earnings(ledger: &Ledger) -> Value {
    let report = ledger.client.get("operator", "/v1/publisher").await.is(200);
    report["inbound_topics"][1].clone()
}

async fn warnings(ledger: &Ledger) -> String {
    let health = ledger.client.get("operator", "/health/ready").await;
    health.body["publisher"]["warnings"].to_string()
}

async fn metric(ledger: &Ledger, name: &str, topic: &str) -> Option<String> {
    let asked = ledger.client.request("GET", "/metrics", "operator").send().await;
    let text = asked.expect("answered").text().await.expect("a text");
    let start = format!("guerdon_publisher_{name}_total{{topic=\"{topic}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&start)).map(ToOwned::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_retention_deleted_unread_are_counted_and_told_of() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = started(folder.path(), &brokers, &topic).await;
    assert_eq!(ledger.stop(), Some(0));
    let name = format!("{topic}-earnings");
    say_earned(&brokers, &name, 10..60);
    delete_before(&brokers, &name, 0, 40).await;

    let ledger = start(folder.path(), &brokers, &topic, &[]);
    until_has(&ledger.client, "zoe", 30).await;
    let told = earnings(&ledger).await;
    let losses = [&told["losses"], &told["lost_messages"], &told["read_again"]];
    assert_eq!(losses, [1, 30, 0], "{told}");
    let warned = warnings(&ledger).await;
    assert!(warned.contains("has lost 30 messages before they were read"), "{warned}");
    assert_eq!(metric(&ledger, "topic_losses", &name).await.as_deref(), Some("1"));
    assert_eq!(metric(&ledger, "inbound_lost_messages", &name).await.as_deref(), Some("30"));
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_created_again_while_it_is_read_is_read_from_its_beginning() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = started(folder.path(), &brokers, &topic).await;
    let name = format!("{topic}-earnings");
    replace_topic(&brokers, &name, 1).await;
    say_earned(&brokers, &name, 10..13);
    until_has(&ledger.client, "zoe", 13).await;
    let told = earnings(&ledger).await;
    assert_eq!(told["losses"], 1, "{told}");
    let warned = warnings(&ledger).await;
    assert!(warned.contains("was created again"), "{warned}");
    assert_eq!(ledger.stop(), Some(0));
    // It goes on where it was in the new topic.
    say_earned(&brokers, &name, 13..15);
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    until_has(&ledger.client, "zoe", 15).await;
    let told = earnings(&ledger).await;
    assert_eq!([&told["losses"], &told["read_again"]], [0, 0], "{told}");
    assert_eq!(ledger.stop(), Some(0));
}

/// A topic that has been there for long has no first message any more: then its new one is known.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_created_again_and_longer_is_known_by_its_first_message() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = started(folder.path(), &brokers, &topic).await;
    assert_eq!(ledger.stop(), Some(0));
    let name = format!("{topic}-earnings");
    delete_before(&brokers, &name, 0, 5).await;
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    say_earned(&brokers, &name, 10..11);
    until_has(&ledger.client, "zoe", 11).await;
    replace_topic(&brokers, &name, 1).await;
    say_earned(&brokers, &name, 11..41);
    until_has(&ledger.client, "zoe", 41).await;
    let told = earnings(&ledger).await;
    assert_eq!(told["losses"], 1, "{told}");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_created_again_while_nobody_reads_is_read_from_its_beginning() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = started(folder.path(), &brokers, &topic).await;
    assert_eq!(ledger.stop(), Some(0));
    let name = format!("{topic}-earnings");
    replace_topic(&brokers, &name, 1).await;
    say_earned(&brokers, &name, 10..13);
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    until_has(&ledger.client, "zoe", 13).await;
    let told = earnings(&ledger).await;
    assert_eq!(told["losses"], 1, "{told}");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_whose_state_is_lost_reads_again_what_the_log_may_lack() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = started(folder.path(), &brokers, &topic).await;
    assert_eq!(ledger.stop(), Some(0));
    for name in ["publisher.sqlite", "publisher.sqlite-wal", "publisher.sqlite-shm"] {
        let file = folder.path().join(name);
        assert!(!file.exists() || std::fs::remove_file(file).is_ok());
    }
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    let begun = Instant::now();
    loop {
        let told = earnings(&ledger).await;
        if told["read_again"] == 10 && told["read_again_left"] == 0 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{told}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    until_has(&ledger.client, "zoe", 10).await;
    assert_eq!(ledger.stop(), Some(0));
}
