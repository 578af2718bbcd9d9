//! What a ledger does when its brokers refuse: librdkafka's own cluster of mock brokers, in this
//! process, refuses what a real one can't be made to. `guerdon serve` reaches it as any other.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use serde_json::Value;

use crate::ledger::{Ledger, PATIENCE};
use crate::topic::shop::{kafka, own_topic, prepare, redeem, short};
use crate::topic::until_published;

/// Three mock brokers, and a folder for the ledger that is told to use them.
struct Refusing {
    cluster: MockCluster<'static, DefaultProducerContext>,
    topic: String,
    folder: tempfile::TempDir,
}

impl Refusing {
    fn start() -> Self {
        let cluster = MockCluster::new(3).expect("a cluster");
        let topic = own_topic();
        for (name, partitions) in
            [(topic.clone(), 4), (format!("{topic}-events"), 1), (format!("{topic}-earnings"), 1)]
        {
            cluster.create_topic(&name, partitions, 3).expect("a topic");
        }
        Self { cluster, topic, folder: tempfile::tempdir().expect("a folder") }
    }

    fn brokers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    async fn ledger(&self, more: &[&str]) -> Ledger {
        // The topics are there. A mock can't make one: it would be waited for half a minute.
        let mut args = kafka(&self.brokers(), &self.topic);
        args.retain(|arg| arg != "--kafka-create-topics");
        let args: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let mut command = crate::ledger::serve(self.folder.path());
        command.args(args);
        let ledger = Ledger::run(command, self.folder.path());
        prepare(&ledger.client).await;
        until(&ledger, |report| report["status"] == "publishing").await;
        ledger
    }

    fn are_up(&self, are_up: bool) {
        for broker in 1..=3 {
            let done = if are_up {
                self.cluster.broker_up(broker)
            } else {
                self.cluster.broker_down(broker)
            };
            done.expect("told");
        }
    }

    fn said(&self) -> String {
        crate::ledger::said(self.folder.path())
    }
}

/// That all of it is there. A broker that has refused a batch refuses what was sent behind it, for
/// that is out of sequence; a mock takes it, and so the order is seen on real ones alone.
async fn all_are_there(refusing: &Refusing, asked: &BTreeSet<String>) {
    let found = until_published(&refusing.brokers(), &refusing.topic, asked.len()).await;
    let ids: BTreeSet<String> = found.iter().map(|record| short(record.id())).collect();
    assert_eq!(&ids, asked);
}

/// Waits until the publisher says so of itself.
async fn until(ledger: &Ledger, is_so: impl Fn(&Value) -> bool) -> Value {
    crate::ledger::until(&ledger.client, "/v1/publisher", is_so).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_fatal_error_another_producer_goes_on_from_the_checkpoints() {
    let refusing = Refusing::start();
    let ledger = refusing.ledger(&[]).await;
    let mut asked = redeem(&ledger.client, "mug", 0, 20).await;
    all_are_there(&refusing, &asked).await;
    for round in 0..3 {
        // The order can't be told any more: librdkafka gives up for good.
        let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
        refusing.cluster.request_errors(RDKafkaApiKey::Produce, &[error]);
        asked.extend(redeem(&ledger.client, "mug", asked.len(), 20).await);
        all_are_there(&refusing, &asked).await;
        let begun = Instant::now();
        while refusing.said().matches("replacing the producer").count() <= round {
            assert!(begun.elapsed() < PATIENCE, "it wasn't fatal: {}", refusing.said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let report = until(&ledger, |report| report["warehouses"][0]["lag"] == 0).await;
    assert_eq!(report["warehouses"][0]["status"], "publishing", "{report}");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_the_brokers_no_longer_know_is_told_of_and_waited_for() {
    let refusing = Refusing::start();
    let soon = ["--kafka-property", "topic.metadata.propagation.max.ms=500"];
    let soon = [&soon[..], &["--kafka-property", "topic.metadata.refresh.interval.ms=500"]];
    let ledger = refusing.ledger(&soon.concat()).await;
    let mut asked = redeem(&ledger.client, "mug", 0, 20).await;
    all_are_there(&refusing, &asked).await;
    let unknown = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    refusing.cluster.topic_error(&refusing.topic, unknown).expect("unknown from now on");
    // More than are asked for while this waits: what is sent after the last would be taken.
    refusing.cluster.request_errors(RDKafkaApiKey::Produce, &[unknown; 20_000]);
    asked.extend(redeem(&ledger.client, "mug", asked.len(), 40).await);
    until(&ledger, |report| report["topic"]["trouble"].is_string()).await;
    let report = until(&ledger, |report| report["warehouses"][0]["status"] == "blocked").await;
    let lanes = report["warehouses"][0]["lanes"].to_string();
    assert!(lanes.contains("UnknownTopic"), "each lane says why it waits: {report}");
    let health = ledger.client.get("operator", "/health/ready").await.is(200);
    let warnings = health["publisher"]["warnings"].to_string();
    assert!(warnings.contains("can't be used"), "{health}");
    refusing.cluster.clear_request_errors(RDKafkaApiKey::Produce);
    let known = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
    refusing.cluster.topic_error(&refusing.topic, known).expect("known again");
    all_are_there(&refusing, &asked).await;
    until(&ledger, |report| report["topic"]["trouble"].is_null()).await;
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_full_holds_up_publishing_alone_until_there_is_room() {
    let refusing = Refusing::start();
    let small = ["--kafka-property", "queue.buffering.max.messages=5"];
    let ledger = refusing.ledger(&small).await;
    let mut asked = redeem(&ledger.client, "mug", 0, 20).await;
    all_are_there(&refusing, &asked).await;
    refusing.are_up(false);
    asked.extend(redeem(&ledger.client, "mug", asked.len(), 100).await);
    let report = until(&ledger, |report| report["warehouses"][0]["lag"] == 100).await;
    assert_eq!(report["warehouses"][0]["status"], "publishing", "{report}");
    refusing.are_up(true);
    all_are_there(&refusing, &asked).await;
    until(&ledger, |report| report["warehouses"][0]["lag"] == 0).await;
    assert_eq!(ledger.stop(), Some(0));
}
