//! What must not hold up the publisher, nor be done by it: on a real Kafka, with brokers that are
//! away, a log that is away, poisonous messages and slips of operators.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::{Value, json};
use services::{Kafka, Stop, shared_kafka};
use sqlx::{Connection as _, SqliteConnection};

use crate::ledger::server::Server;
use crate::ledger::{Api, Ledger, PATIENCE, ends, serve, until};
use crate::topic::admin::{alter_topic, make_topic};
use crate::topic::shop::{kafka, own_topic, prepare, publisher, redeem, start, start_and_publish};
use crate::topic::{check_lanes, records, say, until_published};

/// How long a process may take to end that is told to.
const END_MAX: Duration = Duration::from_secs(10);

#[track_caller]
fn ends_soon(ledger: Ledger) {
    let begun = Instant::now();
    assert_eq!(ledger.stop(), Some(0));
    assert!(begun.elapsed() < END_MAX, "it took {:?} to end", begun.elapsed());
    println!("it took {:?} to end", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_starts_redeems_and_ends_soon_while_the_broker_is_away() {
    let broker_folder = tempfile::tempdir().expect("a folder");
    let mut broker = Kafka::start(broker_folder.path(), &[]).expect("a broker");
    let (brokers, topic) = (broker.bootstrap(), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let impatient = ["--accept-within", "1s"];
    let ledger = start(folder.path(), &brokers, &topic, &impatient);
    prepare(&ledger.client).await;
    redeem(&ledger.client, "mug", 0, 5).await;
    until_published(&brokers, &topic, 5).await;
    broker.stop(Stop::Kill).expect("stopped");
    redeem(&ledger.client, "mug", 5, 20).await;
    // What is sent again waits for the broker, too.
    tokio::time::sleep(Duration::from_secs(4)).await;
    ends_soon(ledger);

    let begun = Instant::now();
    let ledger = start(folder.path(), &brokers, &topic, &impatient);
    redeem(&ledger.client, "mug", 25, 5).await;
    assert!(begun.elapsed() < END_MAX, "it took {:?} to redeem", begun.elapsed());
    let health = ledger.client.get("operator", "/health/ready").await.is(200);
    assert_eq!(health["publisher"]["status"], "starting", "{health}");
    tokio::time::sleep(Duration::from_secs(6)).await;
    let health = ledger.client.get("operator", "/health/ready").await.is(200);
    assert!(health["publisher"]["warnings"].to_string().contains(&brokers), "{health}");
    ends_soon(ledger);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_behind_a_blocked_message_is_not_sent_again_before_it_was_sent() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    make_topic(&brokers, &topic, "max.message.bytes", "2000").await;
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path(), &brokers, &topic, &["--accept-within", "1s"]);
    prepare(&ledger.client).await;
    let path = "/v1/accounts/shopper-0/exchanges/large";
    let body = json!({"offer_id": "mug", "quantity": 1, "deliver_to": "far ".repeat(400)});
    ledger.client.put("shopper", path, body).await.is(201);
    redeem(&ledger.client, "mug", 0, 40).await;
    let report = until(&ledger.client, "/v1/publisher", |report| {
        report["warehouses"][0]["status"] == "blocked" && report["overdue"].as_u64() > Some(10)
    });
    let report = report.await;
    let lanes = report["warehouses"][0]["lanes"].as_array().expect("a list").clone();
    let blocked = lanes.iter().find(|lane| lane["blocked"].is_string()).expect("one");
    let found = records(&brokers, &topic);
    let of_it = found.iter().filter(|record| record.body["lane"] == blocked["lane"]);
    assert_eq!(of_it.count(), 0, "nothing goes past the large one");
    alter_topic(&brokers, &topic, "max.message.bytes", "100000").await;
    check_lanes(&until_published(&brokers, &topic, 41).await);
    ends_soon(ledger);
}

/// What a start is told that ends at once.
fn refused_with(property: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = serve(folder.path());
    command.args(["--kafka", "localhost:1", "--kafka-property", property]);
    let ended = ends(command);
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success(), "{said}");
    said
}

#[test]
fn a_property_that_can_not_be_set_is_named_at_the_start_without_its_value() {
    for name in ["sasl.pasword", "security.protocol"] {
        let said = refused_with(&format!("{name}=hunter2"));
        assert!(said.contains(name) && !said.contains("hunter2"), "{said}");
    }
    let own =
        ["acks=1", "enable.auto.commit=true", "delivery.report.only.error=true", "group.id=a"];
    for property in own {
        let said = refused_with(property);
        assert!(said.contains("the ledger's own") && !said.contains(property), "{said}");
    }
}

/// Says that somebody has earned something, in a trace.
fn say_earned(brokers: &str, topic: &str, account: &str, traceparent: &str) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a producer");
    let header = Header { key: "traceparent", value: Some(traceparent) };
    let body =
        json!({"account_id": account, "points": 5, "cause": {"kind": "purchase", "id": account}});
    let body = body.to_string();
    let record = BaseRecord::to(topic).key(account).payload(&body);
    let record = record.headers(OwnedHeaders::new().insert(header));
    producer.send(record).expect("queued");
    producer.flush(PATIENCE).expect("the broker has it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_that_is_none_holds_up_nobody() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let rest = ["--role", "command-api,projector,query-api"];
    let ledger = Ledger::start_with(folder.path(), &rest, &[]);
    prepare(&ledger.client).await;
    let publisher = publisher(folder.path(), &ledger, &brokers, &topic, &[]);
    until(&publisher.client, "/v1/publisher", |report| report["status"] == "publishing").await;
    say_earned(&brokers, &format!("{topic}-earnings"), "eve", "no trace\n");
    let begun = Instant::now();
    while ledger.client.get("operator", "/v1/accounts/eve").await.status != 200 {
        assert!(begun.elapsed() < PATIENCE, "nothing is earned");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    ends_soon(publisher);
    ends_soon(ledger);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_unaccepted_is_sent_again_although_that_could_not_be_stored_at_first() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path(), &brokers, &topic, &["--accept-within", "1s"]);
    prepare(&ledger.client).await;
    let refuse = "create trigger refuse before insert on unaccepted \
                  begin select raise(fail, 'refused by a test'); end";
    change_state(folder.path(), refuse).await;
    redeem(&ledger.client, "mug", 0, 5).await;
    until_published(&brokers, &topic, 5).await;
    // Several checks find them unaccepted, and none can store that.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(records(&brokers, &topic).len(), 5);
    change_state(folder.path(), "drop trigger refuse").await;
    let sent_again = || {
        let found = records(&brokers, &topic);
        let again = found.iter().filter(|record| record.header("attempt") != "1");
        again.map(|record| record.id().to_owned()).collect::<BTreeSet<String>>()
    };
    let begun = Instant::now();
    while sent_again().len() < 5 {
        assert!(begun.elapsed() < PATIENCE, "only {:?} were sent again", sent_again());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    ends_soon(ledger);
}

const CONTINUATION: &str = "/v1/publisher/warehouses/main/continuation";

async fn change_state(folder: &Path, sql: &'static str) {
    let state = format!("sqlite:{}", folder.join("publisher.sqlite").display());
    let mut state = SqliteConnection::connect(&state).await.expect("it opens");
    sqlx::query(sql).execute(&mut state).await.expect("changed");
    state.close().await.expect("closed");
}

/// All before what was asked for last counts as sent.
async fn go_on_before(api: &Api, asked: &BTreeSet<String>) {
    let last = asked.first().expect("one").split('-').next_back().expect("a number");
    let before = last.parse::<u64>().expect("a number") - 1;
    let body = json!({"position": format!("0:{before}")});
    api.post("operator", CONTINUATION, body).await.is(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_can_not_skip_what_is_to_come_nor_replay_into_a_topic_in_use() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let (ledger, _) = start_and_publish(folder.path(), &brokers, &topic, 3).await;
    for live in [topic.clone(), format!("{topic}-events"), format!("{topic}-earnings")] {
        let body = json!({"from": "0:1", "to_topic": live});
        let refused = ledger.client.post("operator", "/v1/shipping-stream/replays", body).await;
        refused.is_problem(400, "invalid-field");
    }
    for (asked, field, told) in [
        (json!({"from": "0:100000", "to_topic": "again"}), "from", "the last message"),
        (json!({"from": "0:281474976710655", "to_topic": "again"}), "from", "the last message"),
        (json!({"from": "0:18446744073709551615", "to_topic": "again"}), "from", "at most"),
        (json!({"from": "1:1", "to_topic": "again"}), "from", "partition"),
        (json!({"from": "0:1", "to_topic": "x".repeat(250)}), "to_topic", "1 to 249"),
        (json!({"from": "0:1", "to_topic": ".."}), "to_topic", "1 to 249"),
        (json!({"from": "0:1", "to_topic": "again", "warehouse": "nain"}), "warehouse", ": main"),
    ] {
        let refused = ledger.client.post("operator", "/v1/shipping-stream/replays", asked).await;
        let problem = refused.is_problem(400, "invalid-field");
        assert_eq!(problem["field"], field, "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|it| it.contains(told)), "{problem}");
    }
    ends_soon(ledger);
    change_state(folder.path(), "update feed set stopped_why = 'log-forked'").await;

    let ledger = start(folder.path(), &brokers, &topic, &[]);
    let asked = redeem(&ledger.client, "mug", 3, 1).await;
    for beyond in ["0:100000", "0:281474976710655", "0:18446744073709551615"] {
        let beyond = json!({"position": beyond});
        ledger.client.post("operator", CONTINUATION, beyond).await.is_problem(400, "invalid-field");
    }
    go_on_before(&ledger.client, &asked).await;
    check_lanes(&until_published(&brokers, &topic, 4).await);
    ends_soon(ledger);
}

/// As where it was killed when another warehouse's lanes had gone back already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_that_a_publisher_did_not_get_to_is_seen_to_by_the_next() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let (ledger, _) = start_and_publish(folder.path(), &brokers, &topic, 3).await;
    ends_soon(ledger);
    change_state(folder.path(), "update lane set is_lost = 1").await;
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    let begun = Instant::now();
    while records(&brokers, &topic).len() < 6 {
        assert!(begun.elapsed() < PATIENCE, "all three are sent once more");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    check_lanes(&until_published(&brokers, &topic, 3).await);
    ends_soon(ledger);
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    redeem(&ledger.client, "mug", 3, 1).await;
    assert_eq!(until_published(&brokers, &topic, 4).await.len(), 7, "and no more than that");
    ends_soon(ledger);
}

/// As a log that was shortened and forked shows itself: what was sent last isn't there any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_can_go_on_after_a_log_that_is_shorter_than_what_was_sent() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let (ledger, _) = start_and_publish(folder.path(), &brokers, &topic, 3).await;
    ends_soon(ledger);
    change_state(folder.path(), "update lane set place = place + 1000").await;

    let ledger = start(folder.path(), &brokers, &topic, &[]);
    let report = until(&ledger.client, "/v1/publisher", |report| {
        report["warehouses"][0]["status"] == "stopped"
    });
    let why = report.await["warehouses"][0]["why"].to_string();
    assert!(why.contains("can't be verified yet"), "{why}");
    let asked = redeem(&ledger.client, "mug", 3, 1).await;
    go_on_before(&ledger.client, &asked).await;
    check_lanes(&until_published(&brokers, &topic, 4).await);
    ends_soon(ledger);
}

/// A log that was shortened leaves such a row behind until an operator goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_not_in_the_log_keeps_no_other_from_being_sent_again() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let (ledger, _) = start_and_publish(folder.path(), &brokers, &topic, 3).await;
    ends_soon(ledger);
    let gone = "insert into unaccepted values (100000, 'gone', '0/main', 5, 0, 1, 0)";
    change_state(folder.path(), gone).await;

    let ledger = start(folder.path(), &brokers, &topic, &["--accept-within", "1s"]);
    let overdue = ledger.client.get("operator", "/v1/overdue-shipping-requests").await.is(200);
    assert_eq!(overdue["items"], json!([]));
    let begun = Instant::now();
    while records(&brokers, &topic).iter().all(|record| record.header("attempt") == "1") {
        assert!(begun.elapsed() < PATIENCE, "nothing is sent again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    ends_soon(ledger);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn earnings_that_wait_hold_up_nothing_that_warehouses_say_and_are_told_of() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let rest = ["--role", "command-api,projector,query-api"];
    let ledger = Ledger::start_with(folder.path(), &rest, &[]);
    prepare(&ledger.client).await;
    redeem(&ledger.client, "mug", 0, 1).await;
    let keys = fs::read(folder.path().join("api-keys.json")).expect("the keys");
    let mut keys: Value = serde_json::from_slice(&keys).expect("JSON");
    keys["merchant"] = json!("wrong");
    let file = folder.path().join("wrong-keys.json");
    fs::write(&file, keys.to_string()).expect("written");
    let wrong = ["--command-api-keys", file.to_str().expect("UTF-8")];
    let publisher = publisher(folder.path(), &ledger, &brokers, &topic, &wrong);
    let id = until_published(&brokers, &topic, 1).await[0].id().to_owned();

    // More than the account's own worker has room for.
    let earned = r#"{"account_id":"zoe","points":7,"cause":{"kind":"purchase","id":"b-1"}}"#;
    say(&brokers, &format!("{topic}-earnings"), &[("zoe", earned); 500]);
    let waits = |report: &Value| report["inbound_waits"].is_string();
    until(&publisher.client, "/v1/publisher", waits).await;
    let said = json!({"shipping_request_id": id, "event": "accepted"}).to_string();
    say(&brokers, &format!("{topic}-events"), &[(&id, &said)]);
    let path = "/v1/shipping-requests";
    until(&ledger.client, path, |page| page["items"][0]["status"] == "accepted").await;
    let report = publisher.client.get("operator", "/v1/publisher").await.is(200);
    assert!(waits(&report), "the earnings wait still: {report}");
    let why = report["inbound_waits"].as_str().expect("a text");
    assert!(why.starts_with(&format!("{topic}-earnings: ")), "{why}");
    assert_eq!(report["parked"], 0);
    ends_soon(publisher);
    ends_soon(ledger);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_warehouse_says_while_the_log_is_away_waits_for_it_and_is_not_parked() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let mut log = Server::start(&[]);
    log.migrate(folder.path());
    let args = kafka(&brokers, &topic);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ledger = Ledger::start_on(&log.store(), folder.path(), &args);
    prepare(&ledger.client).await;
    redeem(&ledger.client, "mug", 0, 1).await;
    let id = until_published(&brokers, &topic, 1).await[0].id().to_owned();
    log.stop(Stop::Fast).expect("stopped");
    let said = json!({"shipping_request_id": id, "event": "accepted"}).to_string();
    say(&brokers, &format!("{topic}-events"), &[(&id, &said)]);
    let waits =
        until(&ledger.client, "/v1/publisher", |report| report["inbound_waits"].is_string());
    waits.await;
    let health = ledger.client.get("operator", "/health/ready").await.body.to_string();
    assert!(health.contains("wait for the command API"), "{health}");
    tokio::time::sleep(Duration::from_secs(5)).await;
    log.restart().expect("it starts again");
    let path = "/v1/shipping-requests";
    until(&ledger.client, path, |page| page["items"][0]["status"] == "accepted").await;
    let report = ledger.client.get("operator", "/v1/publisher").await.is(200);
    assert_eq!(
        (&report["parked"], &report["inbound_waits"]),
        (&json!(0), &Value::Null),
        "{report}"
    );
    ends_soon(ledger);
}
