//! Checkpoints of the transparency log outside of the ledger: on a Kafka topic, and with witnesses;
//! and what happens where its keys are gone.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;
use services::shared_kafka;
use transparency::{Checkpoint, KeyKind, Note, SigningKey, TreeHash, VerifierKey};

use crate::ledger::tool::{guerdon, said, text};
use crate::ledger::{Api, Ledger, PATIENCE};
use crate::receipts::first_secret_key;
use crate::topic::shop::{own_topic, start};
use crate::transparency::until_sealed;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_of_checkpoints_shows_a_log_that_was_rewritten() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let checkpoints = format!("{topic}-checkpoints");
    let folder = tempfile::tempdir().expect("a folder");
    let more = ["--kafka-checkpoints", &checkpoints];
    let ledger = start(folder.path(), &brokers, &topic, &more);
    ledger.client.earns("ann", 500, "B-1").await;
    let (key, note) = first_on(&brokers, &checkpoints).await;
    let published: Note = note.parse().expect("a note");
    let keys = ledger.client.get("auditor", "/log/keys").await.is(200);
    let verifier = keys["keys"][0]["key"].as_str().expect("a key").to_owned();
    published.verify(&verifier.parse().expect("a key")).expect("signed");
    let checkpoint = Checkpoint::of(&published).expect("a checkpoint");
    assert_eq!(key, checkpoint.origin.to_string());

    // Whoever read it compares the log with it.
    ledger.client.earns("ann", 500, "B-2").await;
    let size = until_sealed(&ledger.client, checkpoint.size + 1).await;
    let size = Checkpoint::of(&size).expect("a checkpoint").size;
    let (kept, forged) = (folder.path().join("kept"), folder.path().join("forged"));
    fs::write(&kept, &note).expect("written");
    let url = format!("{}/log/0", ledger.client.url);
    let verify = ["verify", "log", &url, "--key", &verifier, "--against", &text(&kept)];
    let verified = guerdon(folder.path(), &verify);
    let expected = format!("it goes on from the checkpoint in {}", kept.display());
    assert!(said(&verified).contains(&expected), "{verified:?}");

    // The same key signed another history, and the topic has it.
    let forgery = Checkpoint { size: size - 1, root: TreeHash::of_leaf(b"other"), ..checkpoint };
    let forgery = first_secret_key(folder.path()).sign(&key, forgery.to_string()).expect("signed");
    fs::write(&forged, forgery.to_string()).expect("written");
    let forged_file = text(&forged);
    let verify = [&verify[..], &["--against", &forged_file]].concat();
    let caught = guerdon(folder.path(), &verify);
    assert_eq!(caught.status.code(), Some(3), "{caught:?}");
    let why = String::from_utf8_lossy(&caught.stderr).into_owned();
    let expected = format!("were changed since the checkpoint in {} was signed", forged.display());
    assert!(why.contains(&expected), "{why}");
    assert_eq!(ledger.stop(), Some(0));
    send(&brokers, &checkpoints, &key, &forgery.to_string());

    let ledger = start(folder.path(), &brokers, &topic, &more);
    let health = until_degraded(&ledger.client, true).await;
    let why = health["transparency"][0]["why"].as_str().expect("why").to_owned();
    let expected = format!("log-forked: the events up to 0:{} were signed", size - 1);
    assert!(why.starts_with(&expected) && why.contains(&checkpoints), "{why}");
    let ends = all_on(&brokers, &checkpoints);
    assert_eq!(ends.last().expect("one").1, forgery.to_string(), "nothing comes after it");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_whose_signing_keys_are_gone_signs_once_an_operator_says_that_they_are_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.earns("ann", 500, "B-1").await;
    until_sealed(&ledger.client, 2).await;
    let none = guerdon(folder.path(), &["transparency", "new-key"]);
    assert_eq!(none.status.code(), Some(1), "{none:?}");
    let why = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(why.contains("`guerdon transparency rotate-key` adds another"), "{why}");
    assert_eq!(ledger.stop(), Some(0));

    fs::remove_dir_all(folder.path().join("transparency")).expect("removed");
    let ledger = Ledger::start(folder.path());
    let health = until_degraded(&ledger.client, true).await;
    let why = health["transparency"][0]["why"].as_str().expect("why");
    assert!(why.contains("is missing, and this log was in use"), "{why}");
    ledger.client.earns("ann", 500, "B-2").await;
    let made = guerdon(folder.path(), &["transparency", "new-key"]);
    assert!(said(&made).contains("Tell the auditors: they know another key"), "{made:?}");
    until_degraded(&ledger.client, false).await;
    until_sealed(&ledger.client, 3).await;
    assert_eq!(ledger.stop(), Some(0));
}

#[test]
fn witnesses_that_can_not_be_asked_as_they_are_named_are_refused() {
    let key = |byte, name| {
        let public = SigningKey::from_seed(&[byte; 32]).expect("a key").public();
        VerifierKey::of_kind(KeyKind::Witness, name, public).expect("a key")
    };
    let (one, again) = (key(1, "w1"), key(1, "w2"));
    let of_log = SigningKey::from_seed(&[1; 32]).expect("a key").verifier("w1").expect("a key");
    let at = "http://127.0.0.1:1";
    for (args, sentence) in [
        (vec![format!("{of_log}={at}")], "must be a witness's key, of the type 4"),
        (vec![one.to_string()], "a witness is NAME+ID+KEY=URL"),
        (vec![format!("{one}={at},{again}={at}")], "--witnesses names a key twice"),
        (vec![format!("{one}={at}"), "--witness-quorum=2".into()], "so it must be from 1 to 1"),
        (vec![format!("{one}={at}"), "--witness-every=0s".into()], "it must be longer than 0"),
        (
            vec![format!("{one}={at}"), "--kafka-checkpoints=x".into()],
            "--kafka-checkpoints names a topic, and --kafka no broker",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let serve = ["serve", "--listen", "127.0.0.1:0", "--witnesses"].map(str::to_owned);
        let args: Vec<String> = serve.into_iter().chain(args).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let refused = guerdon(folder.path(), &args);
        assert!(!refused.status.success(), "{args:?}");
        let why = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(why.contains(sentence), "{sentence} in {why}");
    }
}

/// Waits until the log is or isn't unsealed; gives the health.
async fn until_degraded(api: &Api, is_unsealed: bool) -> Value {
    let begun = Instant::now();
    loop {
        let health = api.get("operator", "/health/ready").await.is(200);
        if health["degraded"].to_string().contains("log-unsealed") == is_unsealed {
            return health;
        }
        assert!(begun.elapsed() < 2 * PATIENCE, "{health}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The key and the text of the first message, once it is there.
async fn first_on(brokers: &str, topic: &str) -> (String, String) {
    let begun = Instant::now();
    loop {
        let (brokers, topic) = (brokers.to_owned(), topic.to_owned());
        let read = tokio::task::spawn_blocking(move || all_on(&brokers, &topic)).await;
        if let Some(first) = read.expect("it reads").into_iter().next() {
            return first;
        }
        assert!(begun.elapsed() < 2 * PATIENCE, "no checkpoint is published");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The key and the text of each message; nothing where there is no such topic.
fn all_on(brokers: &str, topic: &str) -> Vec<(String, String)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "a-test-that-looks")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer");
    let Ok((first, end)) = consumer.fetch_watermarks(topic, 0, PATIENCE) else { return vec![] };
    let mut assigned = TopicPartitionList::new();
    assigned.add_partition_offset(topic, 0, Offset::Offset(first)).expect("assigned");
    consumer.assign(&assigned).expect("assigned");
    let (mut found, begun) = (BTreeMap::new(), Instant::now());
    while i64::try_from(found.len()).expect("few") < end - first {
        assert!(begun.elapsed() < PATIENCE, "{found:?}");
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(200)) else { continue };
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec());
        let record =
            (text(message.key()).expect("a key"), text(message.payload()).expect("a text"));
        found.insert(message.offset(), record);
    }
    found.into_values().collect()
}

fn send(brokers: &str, topic: &str, key: &str, text: &str) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a producer");
    let record = BaseRecord::to(topic).partition(0).key(key).payload(text);
    producer.send(record).map_err(|(error, _)| error).expect("taken");
    producer.flush(PATIENCE).expect("sent");
}
