//! A whole Kafka is replaced by a new one, which has nothing of the old one's: the walk through
//! "A broker was replaced" in `docs/operations/kafka.md`.

use serde_json::{Value, json};
use services::{Kafka, shared_kafka};

use crate::ledger::until;
use crate::topic::shop::{own_topic, prepare, redeem, start, until_has};
use crate::topic::{check_lanes, say, until_published};

fn earned(id: &str) -> String {
    json!({"account_id": "zoe", "points": 1, "cause": {"kind": "purchase", "id": id}}).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_kafka_gets_what_nobody_accepted_and_is_read_from_its_beginning() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = Kafka::start(&folder.path().join("kafka"), &[]).expect("a broker");
    let (new, topic) = (shared_kafka().expect("a broker"), own_topic());
    let ledger_at = folder.path().join("ledger");
    let ledger = start(&ledger_at, &old.bootstrap(), &topic, &[]);
    prepare(&ledger.client).await;
    redeem(&ledger.client, "mug", 0, 3).await;
    let requests = until_published(&old.bootstrap(), &topic, 3).await;
    let accepted = requests[0].id().to_owned();
    let body = json!({"shipping_request_id": accepted, "event": "accepted"}).to_string();
    say(&old.bootstrap(), &format!("{topic}-events"), &[(&accepted, &body)]);
    let earnings = format!("{topic}-earnings");
    let first = ["b-0", "b-1", "b-2"].map(earned);
    let said: Vec<(&str, &str)> = first.iter().map(|body| ("zoe", body.as_str())).collect();
    say(&old.bootstrap(), &earnings, &said);
    until_has(&ledger.client, "zoe", 3).await;
    let list = "/v1/shipping-requests?status=accepted";
    until(&ledger.client, list, |page| page["items"][0].is_object()).await;
    assert_eq!(ledger.stop(), Some(0));
    drop(old);

    let ledger = start(&ledger_at, &new, &topic, &[]);
    let published = |report: &Value| report["status"] == "publishing";
    until(&ledger.client, "/v1/publisher", published).await;
    let found = until_published(&new, &topic, 2).await;
    let firsts = check_lanes(&found);
    for request in &requests[1..] {
        assert!(firsts.contains_key(request.id()), "nobody accepted {}", request.id());
    }
    // One that was sent before, in one message with another that is new.
    let later = ["b-2", "b-3"].map(earned);
    let said: Vec<(&str, &str)> = later.iter().map(|body| ("zoe", body.as_str())).collect();
    say(&new, &earnings, &said);
    until_has(&ledger.client, "zoe", 4).await;
    let report = ledger.client.get("operator", "/v1/publisher").await.is(200);
    println!("{} messages are sent again; {report}", found.len());
    assert!(report["topic"]["losses"].as_u64() > Some(0), "{report}");
    for inbound in report["inbound_topics"].as_array().expect("a list") {
        assert!(inbound["losses"].as_u64() > Some(0), "{report}");
    }
    assert_eq!(ledger.stop(), Some(0));
}
