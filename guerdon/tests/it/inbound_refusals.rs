//! Every refusal that a message of a warehouse or a shop can cause: the message is parked, and what
//! comes after it is taken in. One that stayed would hold up its whole partition.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use services::shared_kafka;

use crate::ledger::{Api, Ledger, PATIENCE};
use crate::topic::shop::{offers, own_topic, prepare, publisher, redeem, start};
use crate::topic::{say, until_published};

/// More than a message's call may have.
const LONG: usize = 20_000;

const SOON: &str = "2031-01-01T00:00:00Z";

/// One message for each refusal that an earning can cause, and a word of its reason. All are about
/// one account, so that each holds up the next if it isn't parked.
fn refused_earnings() -> Vec<(String, &'static str)> {
    let of_zoe = |more: Value| {
        let mut body = json!({"account_id": "zoe", "points": 7});
        body["cause"] = json!({"kind": "purchase", "id": "b-7"});
        body.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
        body.to_string()
    };
    vec![
        ("no JSON".into(), "not valid JSON"),
        ("[".repeat(5_000), "not valid JSON"),
        ("[]".into(), "must be a JSON object"),
        (r#"{"points":7}"#.into(), "account_id is missing"),
        (of_zoe(json!({"account_id": 7})), "account_id must be a text"),
        (of_zoe(json!({"account_id": "../zoe"})), "account_id is not an id"),
        (of_zoe(json!({"account_id": "~zoe"})), "account_id"),
        (of_zoe(json!({"points": "many"})), "points"),
        (of_zoe(json!({"points": 0})), "points"),
        (of_zoe(json!({"point\0s": 7})), "unknown"),
        (of_zoe(json!({"cause": null})), "cause"),
        (of_zoe(json!({"cause": {"kind": "gift", "id": "b-7"}})), "cause.kind"),
        (of_zoe(json!({"cause": {"kind": "purchase", "id": "\0"}})), "cause.id"),
        (of_zoe(json!({"cause": {"kind": "adjustment", "id": "a-1"}})), "role operator"),
        (of_zoe(json!({"occurred_at": "yesterday"})), "occurred_at"),
        (of_zoe(json!({"available_at": SOON, "expires_at": SOON})), "expires_at"),
        (of_zoe(json!({"cause": {"kind": "purchase", "id": "x".repeat(LONG)}})), "longer than"),
        // Of the cause that the test has earned for before.
        (of_zoe(json!({"cause": {"kind": "purchase", "id": "b-0"}})), "already used"),
        (of_zoe(json!({"points": 9_007_199_254_740_991_u64})), "account"),
    ]
}

/// Likewise for what a warehouse says about the first of these requests; about the second it has
/// said that the parcel left, and the third was settled by hand.
fn refused_reports(requests: &[String]) -> Vec<(String, &'static str)> {
    let about = |id: &str, event: &str, more: Value| {
        let mut body = json!({"shipping_request_id": id, "event": event});
        body.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
        body.to_string()
    };
    let [first, dispatched, settled] = [&requests[0], &requests[1], &requests[2]];
    let other_log = format!("{}-1-0-5", uuid::Uuid::now_v7());
    let parcel = |no: &str| json!({"carrier": "post", "express_no": no});
    let reason = json!({"reason": "it broke"});
    vec![
        ("no JSON".into(), "not valid JSON"),
        (r#""accepted""#.into(), "must be a JSON object"),
        (r#"{"event":"accepted"}"#.into(), "shipping_request_id is missing"),
        (json!({"shipping_request_id": first}).to_string(), "event is missing"),
        (about(first, "eaten\0", json!({})), "must be accepted"),
        (about("a/b", "accepted", json!({})), "is not an id"),
        (about("none", "accepted", json!({})), "doesn't exist"),
        (about(&other_log, "accepted", json!({})), "doesn't exist"),
        (about(first, "accepted", json!({"colour": "red"})), "unknown"),
        (
            about(first, "dispatched", json!({"carrier": "post"})),
            "express_no of the body is missing",
        ),
        (about(first, "rejected", json!({})), "reason of the body is missing"),
        (about(first, "rejected", json!({"reason": "x".repeat(LONG)})), "longer than"),
        (about(first, "accepted", json!({"occurred_at": "2030-13-01T00:00:00Z"})), "occurred_at"),
        (about(dispatched, "dispatched", parcel("2Z")), "already used"),
        (about(dispatched, "rejected", reason.clone()), "have left the warehouse"),
        (about(settled, "rejected", reason), "settled"),
    ]
}

/// What is parked, by topic and offset: the reasons.
async fn parked(api: &Api) -> Vec<Value> {
    api.list("operator", "/v1/parked-messages").await
}

/// What shows that all messages of both topics were taken in.
async fn until_all_are_taken(ledger: &Ledger, publisher: &Ledger, count: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let earned = ledger.client.get("operator", "/v1/accounts/zoe").await;
        let accepted =
            ledger.client.list("operator", "/v1/shipping-requests?status=accepted").await;
        let parked = parked(&publisher.client).await;
        if earned.body["available"] == 2 && accepted.len() == 1 && parked.len() == count {
            return parked;
        }
        let waits = publisher.client.get("operator", "/v1/publisher").await;
        assert!(
            begun.elapsed() < PATIENCE,
            "{} of {count} are parked, {} accepted, zoe has {}; what waits: {}",
            parked.len(),
            accepted.len(),
            earned.body["available"],
            waits.body["inbound_waits"],
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn everything_is_parked(is_alone: bool) {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let here = if is_alone {
        let parts = ["--role", "command-api,projector,query-api"];
        Ledger::start_with(folder.path(), &parts, &[])
    } else {
        start(folder.path(), &brokers, &topic, &[])
    };
    let beside = is_alone.then(|| publisher(folder.path(), &here, &brokers, &topic, &[]));
    let publisher = beside.as_ref().unwrap_or(&here);
    let api = &here.client;
    prepare(api).await;
    redeem(api, "mug", 0, 3).await;
    let found = until_published(&brokers, &topic, 3).await;
    let requests: BTreeSet<&str> = found.iter().map(|record| record.id()).collect();
    let requests: Vec<String> = requests.into_iter().map(ToOwned::to_owned).collect();
    let path = |request: &str, what: &str| format!("/v1/shipping-requests/{request}/{what}");
    let parcel = json!({"carrier": "post", "express_no": "1Z"});
    api.put("warehouse", &path(&requests[1], "dispatch"), parcel).await.is(201);
    let settled = json!({"reason": "handed over"});
    api.put("operator", &path(&requests[2], "settlement"), settled).await.is(201);
    api.earns("zoe", 1, "b-0").await;

    let earnings = refused_earnings();
    let last =
        json!({"account_id": "zoe", "points": 1, "cause": {"kind": "purchase", "id": "b-1"}});
    let last = last.to_string();
    let said = earnings.iter().map(|(body, _)| body.as_str()).chain([last.as_str()]);
    let said: Vec<(&str, &str)> = said.map(|body| ("zoe", body)).collect();
    say(&brokers, &format!("{topic}-earnings"), &said);
    let reports = refused_reports(&requests);
    let last = json!({"shipping_request_id": requests[0], "event": "accepted"}).to_string();
    let said = reports.iter().map(|(body, _)| body.as_str()).chain([last.as_str()]);
    let said: Vec<(&str, &str)> = said.map(|body| (requests[0].as_str(), body)).collect();
    say(&brokers, &format!("{topic}-events"), &said);

    let count = earnings.len() + reports.len();
    let parked = until_all_are_taken(&here, publisher, count).await;
    for (body, reason) in earnings.iter().chain(&reports) {
        let item = parked.iter().find(|item| item["body"] == body.as_str());
        let item = item.unwrap_or_else(|| panic!("it isn't parked: {body:.200}"));
        let text = item["reason"].as_str().expect("a reason");
        assert!(text.contains(reason) && text.ends_with('.'), "{body:.200}: {text}");
    }
    let report = publisher.client.get("operator", "/v1/publisher").await.is(200);
    assert!(report["inbound_waits"].is_null(), "{report}");
    drop(beside);
    assert_eq!(here.stop(), Some(0));
}

/// The refusal is of the one message, and not of the key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_about_a_warehouse_that_the_publishers_key_is_not_for_holds_up_nothing() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let parts = ["--role", "command-api,projector,query-api"];
    let here = Ledger::start_with(folder.path(), &parts, &[]);
    let api = &here.client;
    let body = json!({"role": "warehouse", "label": "main", "scopes": ["warehouses:main"]});
    let narrowed = api.post("operator", "/v1/keys", body).await.is(201);
    let file = std::fs::read_to_string(folder.path().join("api-keys.json")).expect("keys");
    let mut keys: Value = serde_json::from_str(&file).expect("keys");
    keys["warehouse"] = narrowed["key"].clone();
    let file = folder.path().join("publisher-keys.json");
    std::fs::write(&file, keys.to_string()).expect("written");
    let more = ["--command-api-keys", file.to_str().expect("a path")];
    let beside = publisher(folder.path(), &here, &brokers, &topic, &more);
    prepare(api).await;
    offers(api, "north-mug", "north").await;
    redeem(api, "north-mug", 0, 1).await;
    redeem(api, "mug", 1, 1).await;
    until_published(&brokers, &topic, 2).await;
    let request = async |warehouse: &str| {
        let path = format!("/v1/shipping-requests?warehouse={warehouse}");
        let found = api.list("operator", &path).await;
        found[0]["shipping_request_id"].as_str().expect("an id").to_owned()
    };
    let accepted = async |warehouse: &str| {
        let id = request(warehouse).await;
        json!({"shipping_request_id": id, "event": "accepted"}).to_string()
    };
    let (of_north, of_main) = (accepted("north").await, accepted("main").await);
    let said = [("main", of_north.as_str()), ("main", of_main.as_str())];
    say(&brokers, &format!("{topic}-events"), &said);
    let begun = Instant::now();
    while api.list("operator", "/v1/shipping-requests?status=accepted").await.is_empty() {
        let waits = beside.client.get("operator", "/v1/publisher").await;
        assert!(begun.elapsed() < PATIENCE, "it waits: {}", waits.body["inbound_waits"]);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let parked = parked(&beside.client).await;
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert_eq!(parked[0]["body"], of_north);
    assert!(parked[0]["reason"].as_str().is_some_and(|why| why.contains("warehouses:main")));
    drop(beside);
    assert_eq!(here.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_ledger_refuses_is_parked_and_what_follows_is_taken_in() {
    everything_is_parked(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_in_its_own_process_parks_what_is_refused_and_takes_in_what_follows() {
    everything_is_parked(true).await;
}
