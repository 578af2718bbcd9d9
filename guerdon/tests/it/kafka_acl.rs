//! A Kafka that hides topics from the ledger's user by access control lists.

use std::path::Path;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use services::Kafka;

use crate::ledger::{Ledger, until};
use crate::topic::shop::{kafka, own_topic};

/// A broker on which the user `guerdon` may do nothing.
fn broker(folder: &Path) -> Kafka {
    let plain = "org.apache.kafka.common.security.plain.PlainLoginModule required";
    let who = r#"username="broker" password="b" user_broker="b" user_guerdon="g";"#;
    let settings = [
        "listener.security.protocol.map=PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
        "sasl.enabled.mechanisms=PLAIN".to_owned(),
        "sasl.mechanism.inter.broker.protocol=PLAIN".to_owned(),
        format!("listener.name.plaintext.plain.sasl.jaas.config={plain} {who}"),
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer".to_owned(),
        // Who speaks to the controller has no name.
        "super.users=User:broker;User:ANONYMOUS".to_owned(),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    Kafka::start(folder, &settings).expect("a broker")
}

/// The owner of the cluster makes a topic.
async fn make_topic(brokers: &str, topic: &str) {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("security.protocol", "SASL_PLAINTEXT")
        .set("sasl.mechanism", "PLAIN")
        .set("sasl.username", "broker")
        .set("sasl.password", "b")
        .create()
        .expect("a client");
    let topic = NewTopic::new(topic, 1, TopicReplication::Fixed(1));
    let made = admin.create_topics([&topic], &AdminOptions::new()).await.expect("answered");
    made.into_iter().for_each(|made| assert!(made.is_ok(), "{made:?}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_an_access_control_list_hides_is_not_authorized_and_not_missing() {
    let (folder, topic) = (tempfile::tempdir().expect("a folder"), own_topic());
    let broker = broker(&folder.path().join("kafka"));
    make_topic(&broker.bootstrap(), &topic).await;
    let properties = folder.path().join("kafka.properties");
    let lines = [
        "security.protocol=SASL_PLAINTEXT",
        "sasl.mechanism=PLAIN",
        "sasl.username=guerdon",
        "sasl.password=g",
    ];
    std::fs::write(&properties, lines.join("\n")).expect("written");
    let properties = properties.display().to_string();
    let args = kafka(&broker.bootstrap(), &topic);
    let args = args.iter().map(String::as_str).filter(|arg| *arg != "--kafka-create-topics");
    let args: Vec<&str> = args.chain(["--kafka-properties", properties.as_str()]).collect();
    let ledger = Ledger::start_with(&folder.path().join("ledger"), &args, &[]);
    let report = until(&ledger.client, "/v1/publisher", |report| report["why"].is_string()).await;
    let why = report["why"].as_str().expect("a text");
    assert!(why.contains("not authorized") && !why.contains("doesn't exist"), "{why}");
    assert_eq!(report["topic"]["trouble"], why, "{report}");
    assert_eq!(ledger.stop(), Some(0));
}
