//! Shipping requests on a real Kafka: each is there once by its id, its lane is dense and in order.
//! What is killed on the way is in `shipping_faults.rs`.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use services::{TestDatabase, shared_kafka};

use crate::ledger::tool::{guerdon, succeeds};
use crate::ledger::{Ledger, PATIENCE, until};
use crate::topic::admin::{add_partitions, alter_topic, delete_topic, make_topic, replace_topic};
use crate::topic::shop::{
    all_are_there_once, own_topic, prepare, redeem, short, start, start_and_publish,
};
use crate::topic::{Record, check_lanes, records, until_published};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_redeemed_is_published_as_documented() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let (ledger, _) = start_and_publish(folder.path(), &brokers, &topic, 40).await;
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
    let health = ledger.client.get("operator", "/health/ready").await.is(200);
    let warnings = health["publisher"]["warnings"].to_string();
    for topic in [topic.clone(), format!("{topic}-events"), format!("{topic}-earnings")] {
        let weakness = format!("topic {topic}: 1 copy of each message");
        assert!(warnings.contains(&weakness), "{weakness} in {warnings}");
        let weaknesses = format!("guerdon_publisher_topic_weaknesses{{topic=\"{topic}\"}}");
        assert_eq!(metric(&ledger, &weaknesses).await, "1");
    }
    assert_eq!(metric(&ledger, "guerdon_publisher_status{status=\"publishing\"}").await, "1");
    assert_eq!(metric(&ledger, "guerdon_publisher_status{status=\"waiting\"}").await, "0");
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
async fn messages_that_kafka_has_not_acknowledged_are_shown_with_their_age() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path(), &brokers, &topic, &["--warehouse-rate", "main=1/h"]);
    prepare(&ledger.client).await;
    redeem(&ledger.client, "mug", 0, 5).await;
    let begun = Instant::now();
    let age = loop {
        let seen = metrics(&ledger).await;
        let of_main = |name: &str| -> Option<f64> {
            let name = format!("guerdon_publisher_{name}{{warehouse=\"main\"}} ");
            seen.lines().find_map(|line| line.strip_prefix(&name))?.parse().ok()
        };
        let lag_and_age = of_main("lag_messages").zip(of_main("unacknowledged_age_seconds"));
        if seen.contains("guerdon_publisher_acknowledged_messages_total 1\n")
            // Of five one went at once. The rest count once the publisher has looked at their
            // lanes, which it does with the next message at the latest.
            && let Some((_, age)) = lag_and_age.filter(|(lag, _)| (0.5..4.5).contains(lag))
        {
            break age;
        }
        assert!(begun.elapsed() < PATIENCE, "{seen}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(age > 0.0 && age < PATIENCE.as_secs_f64(), "the first of the others: {age}");
    assert_eq!(ledger.stop(), Some(0));
}

/// Kafka tells nobody; it shows by the offsets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_deleted_gets_again_what_nobody_has_accepted() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let (ledger, _) = start_and_publish(folder.path(), &brokers, &topic, 40).await;
    // The first ones are accepted.
    let first = until_published(&brokers, &topic, 40).await;
    let mut accepted = BTreeSet::new();
    for record in first.iter().filter(|record| record.sequence() == 1) {
        let path = format!("/v1/shipping-requests/{}/acceptance", record.id());
        ledger.client.put("warehouse", &path, json!({})).await.is(201);
        accepted.insert(record.id().to_owned());
    }
    let probe = ledger.client.earns("probe", 1, "probe").await;
    ledger.client.get_after(&probe, "auditor", "/v1/accounts/probe").await.is(200);
    delete_topic(&brokers, &topic).await;
    let begun = Instant::now();
    let wanted: BTreeSet<&str> =
        first.iter().map(Record::id).filter(|id| !accepted.contains(*id)).collect();
    loop {
        let found = records(&brokers, &topic);
        let ids: BTreeSet<&str> = found.iter().map(Record::id).collect();
        if wanted.is_subset(&ids) {
            assert!(accepted.iter().all(|id| !ids.contains(id.as_str())), "accepted is accepted");
            break;
        }
        assert!(begun.elapsed() < PATIENCE * 2, "{} of {}", ids.len(), wanted.len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let report = ledger.client.get("operator", "/v1/publisher").await.is(200);
    assert!(report["topic"]["losses"].as_u64() > Some(0), "{report}");
    let health = ledger.client.get("operator", "/health/ready").await.is(200);
    let warnings = health["publisher"]["warnings"].to_string();
    assert!(warnings.contains("has lost what it acknowledged"), "{health}");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_made_anew_with_fewer_partitions_gets_all_again_and_is_gone_on_with() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let (ledger, mut asked) = start_and_publish(folder.path(), &brokers, &topic, 40).await;
    replace_topic(&brokers, &topic, 1).await;
    for from in [40, 50] {
        asked.extend(redeem(&ledger.client, "mug", from, 10).await);
        let found = until_published(&brokers, &topic, asked.len()).await;
        let ids: BTreeSet<String> = found.iter().map(|record| short(record.id())).collect();
        assert_eq!(ids, asked);
        assert!(found.iter().all(|record| record.partition == 0));
    }
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lanes_in_partitions_that_were_added_go_on_where_the_topic_is_made_anew_without_them() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let (ledger, mut asked) = start_and_publish(folder.path(), &brokers, &topic, 3).await;
    add_partitions(&brokers, &topic, 8).await;
    until(&ledger.client, "/v1/publisher", |report| report["topic"]["partitions"] == 8).await;
    asked.extend(redeem(&ledger.client, "mug", 3, 37).await);
    let found = until_published(&brokers, &topic, asked.len()).await;
    assert!(found.iter().any(|record| record.partition > 3), "new lanes go to new partitions");
    replace_topic(&brokers, &topic, 4).await;
    let found = until_published(&brokers, &topic, asked.len()).await;
    let ids: BTreeSet<String> = found.iter().map(|record| short(record.id())).collect();
    assert_eq!(ids, asked);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_too_large_holds_up_its_lane_alone_until_it_can_be_sent() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    make_topic(&brokers, &topic, "max.message.bytes", "2000").await;
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    prepare(&ledger.client).await;
    let path = "/v1/accounts/shopper-0/exchanges/large";
    let body = json!({"offer_id": "mug", "quantity": 1, "deliver_to": "far ".repeat(400)});
    ledger.client.put("shopper", path, body).await.is(201);
    redeem(&ledger.client, "mug", 0, 40).await;
    let begun = Instant::now();
    let blocked = loop {
        let report = ledger.client.get("operator", "/v1/publisher").await.is(200);
        let warehouse = report["warehouses"][0].clone();
        let lanes = warehouse["lanes"].as_array().cloned().unwrap_or_default();
        let (held, free): (Vec<Value>, Vec<Value>) =
            lanes.into_iter().partition(|lane| lane["blocked"].is_string());
        let is_through = free.iter().all(|lane| lane["sequence"] == lane["last_sequence"]);
        if held.len() == 1 && is_through && !free.is_empty() {
            assert_eq!(warehouse["status"], "blocked");
            break held[0].clone();
        }
        assert!(begun.elapsed() < PATIENCE, "{report}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(blocked["sequence"], 0, "{blocked}");
    let held = "guerdon_publisher_blocked_lanes{warehouse=\"main\"}";
    assert_eq!(metric(&ledger, held).await, "1");
    let lane = blocked["lane"].as_str().expect("a lane");
    let found = records(&brokers, &topic);
    check_lanes(&found);
    assert!(found.iter().all(|record| record.header("lane") != lane), "not past the large one");
    alter_topic(&brokers, &topic, "max.message.bytes", "100000").await;
    let found = until_published(&brokers, &topic, 41).await;
    check_lanes(&found);
    assert_eq!(ledger.stop(), Some(0));
}

/// Another producer takes over each time, while the one before has messages in flight.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_while_the_topic_takes_larger_messages_stays_in_order() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    make_topic(&brokers, &topic, "max.message.bytes", "100000").await;
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    prepare(&ledger.client).await;
    let redeeming = (0..4).map(|shopper| {
        let api = ledger.client.clone();
        tokio::spawn(async move {
            let (begun, mut asked) = (Instant::now(), BTreeSet::new());
            while begun.elapsed() < Duration::from_secs(13) {
                asked.extend(redeem(&api, "mug", shopper * 1_000_000 + asked.len(), 1).await);
            }
            asked
        })
    });
    let redeeming: Vec<_> = redeeming.collect();
    for bytes in ["200000", "300000"] {
        alter_topic(&brokers, &topic, "max.message.bytes", bytes).await;
        tokio::time::sleep(Duration::from_secs(6)).await;
    }
    let mut asked = BTreeSet::new();
    for shopper in redeeming {
        asked.extend(shopper.await.expect("redeemed"));
    }
    let found = until_published(&brokers, &topic, asked.len()).await;
    assert_eq!(check_lanes(&found).len(), asked.len());
    assert!(crate::ledger::said(folder.path()).matches("replacing the producer").count() >= 2);
    assert_eq!(ledger.stop(), Some(0));
}

/// What Prometheus reads.
async fn metric(ledger: &Ledger, name: &str) -> String {
    let metrics = metrics(ledger).await;
    let value = metrics.lines().find_map(|line| line.strip_prefix(name));
    value.unwrap_or_else(|| panic!("no {name} in {metrics}")).trim().to_owned()
}

async fn metrics(ledger: &Ledger) -> String {
    let request = ledger.client.request("GET", "/metrics", "auditor");
    let answer = request.send().await.expect("answered");
    let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    answer.text().await.expect("text")
}

async fn status(publisher: &Ledger) -> String {
    let report = publisher.client.get("operator", "/v1/publisher").await.is(200);
    report["status"].as_str().expect("a status").to_owned()
}

/// What is kept on PostgreSQL, and a second publisher that stands by and then takes over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_publisher_stands_by_and_takes_over_with_its_state_in_postgres() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let (folder, database) = (tempfile::tempdir().expect("a folder"), TestDatabase::create());
    let url = database.expect("a database");
    let state = url.url();
    succeeds(guerdon(folder.path(), &["migrate", "--publisher-state", &state]));
    let rest = ["--role", "command-api,projector,query-api"];
    let ledger = Ledger::start_with(folder.path(), &rest, &[]);
    prepare(&ledger.client).await;
    let beside = ledger.client.url.clone();
    let alone = ["--role", "publisher", "--command-api", &beside, "--publisher-state", &state];
    let first = start(folder.path(), &brokers, &topic, &alone);
    let mut asked = redeem(&ledger.client, "mug", 0, 20).await;
    all_are_there_once(&brokers, &topic, &asked).await;
    let second = start(folder.path(), &brokers, &topic, &alone);
    tokio::time::sleep(Duration::from_secs(2)).await;
    // On a busy machine the first may have lost its lock meanwhile; then it is the one that waits.
    let (publishing, standing_by) = loop {
        match [status(&first).await.as_str(), status(&second).await.as_str()] {
            ["publishing", "standing-by"] => break (first, second),
            ["standing-by", "publishing"] => break (second, first),
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    publishing.kill();
    asked.extend(redeem(&ledger.client, "mug", 20, 20).await);
    all_are_there_once(&brokers, &topic, &asked).await;
    assert_eq!(status(&standing_by).await, "publishing");
    assert_eq!(standing_by.stop(), Some(0));
    assert_eq!(ledger.stop(), Some(0));
}
