//! A Kafka that is reached by TLS and wants a password, with the feature `kafka-tls`. The broker
//! says itself, by acknowledging, that the messages came.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use services::Kafka;

use crate::ledger::{Ledger, until};
use crate::topic::shop::{own_topic, prepare, redeem, start};

const STORE_PASSWORD: &str = "of-the-store";

/// A broker that takes nobody who doesn't know the password, and the folder with its certificate.
fn broker(folder: &Path) -> Kafka {
    let store = folder.join("broker.p12").display().to_string();
    let name = ["-alias", "broker", "-storepass", STORE_PASSWORD, "-keystore", &store];
    let made = ["-genkeypair", "-keyalg", "EC", "-storetype", "PKCS12", "-validity", "2"];
    let of = ["-dname", "CN=127.0.0.1", "-ext", "SAN=IP:127.0.0.1"];
    keytool(&[&made[..], &of, &name].concat());
    let certificate = folder.join("broker.pem").display().to_string();
    keytool(&[&["-exportcert", "-rfc", "-file", &certificate][..], &name].concat());
    let plain = "org.apache.kafka.common.security.plain.PlainLoginModule required";
    let who = r#"username="broker" password="b" user_broker="b" user_guerdon="let-me-in";"#;
    let settings = [
        // The services' names for the listeners stay; what is spoken there is another thing.
        "listener.security.protocol.map=PLAINTEXT:SASL_SSL,CONTROLLER:PLAINTEXT".to_owned(),
        "ssl.keystore.type=PKCS12".to_owned(),
        format!("ssl.keystore.location={store}"),
        format!("ssl.keystore.password={STORE_PASSWORD}"),
        "ssl.truststore.type=PEM".to_owned(),
        format!("ssl.truststore.location={certificate}"),
        "sasl.enabled.mechanisms=PLAIN".to_owned(),
        "sasl.mechanism.inter.broker.protocol=PLAIN".to_owned(),
        format!("listener.name.plaintext.plain.sasl.jaas.config={plain} {who}"),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    Kafka::start(&folder.join("kafka"), &settings).expect("a broker")
}

fn keytool(args: &[&str]) {
    let made = Command::new("keytool").args(args).output().expect("Java's keytool");
    assert!(made.status.success(), "{made:?}");
}

/// A ledger that is told the broker's certificate, and a password.
async fn ledger(folder: &Path, broker: &Kafka, password: &str) -> Ledger {
    let properties = folder.join("kafka.properties");
    let certificate = folder.join("broker.pem");
    let lines = [
        "security.protocol=SASL_SSL".to_owned(),
        format!("ssl.ca.location={}", certificate.display()),
        "sasl.mechanism=PLAIN".to_owned(),
        "sasl.username=guerdon".to_owned(),
        format!("sasl.password={password}"),
    ];
    std::fs::write(&properties, lines.join("\n")).expect("written");
    let properties = properties.display().to_string();
    let more = ["--kafka-properties", properties.as_str()];
    let ledger = start(&folder.join("ledger"), &broker.bootstrap(), &own_topic(), &more);
    prepare(&ledger.client).await;
    ledger
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_redeemed_reaches_a_broker_behind_tls_and_a_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = broker(folder.path());
    let ledger = ledger(folder.path(), &broker, "let-me-in").await;
    redeem(&ledger.client, "mug", 0, 20).await;
    let acknowledged = |report: &Value| -> i64 {
        let lanes = report["warehouses"][0]["lanes"].as_array();
        let lanes = lanes.into_iter().flatten().map(|lane| lane["sequence"].as_i64());
        lanes.flatten().sum()
    };
    until(&ledger.client, "/v1/publisher", |report| acknowledged(report) == 20).await;
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_refused_is_told_of_without_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = broker(folder.path());
    let ledger = ledger(folder.path(), &broker, "open-sesame").await;
    redeem(&ledger.client, "mug", 0, 1).await;
    let told = |report: &Value| report["why"].as_str().is_some_and(|why| why.contains("uthentic"));
    let report = until(&ledger.client, "/v1/publisher", told).await;
    assert!(!report.to_string().contains("open-sesame"), "{report}");
    assert_eq!(ledger.stop(), Some(0));
}
