//! Every refusal that a message of a warehouse or a shop can cause: the message is parked, and what
//! comes after it is taken in. One that stayed would hold up its whole partition.
//!
//! The file is long because every refusal has its message here, or the reason why it has none.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use services::shared_kafka;

use crate::ledger::{Api, Ledger, PATIENCE, said};
use crate::topic::shop::{offers, own_topic, prepare, publisher, redeem, start};
use crate::topic::{say, until_published};

/// More than a message's call may have.
const LONG: usize = 20_000;

const SOON: &str = "2031-01-01T00:00:00Z";

/// The code of a message that makes no request.
const UNREADABLE: &str = "message-unreadable";

/// A message that is refused.
struct Refused {
    body: String,
    code: &'static str,
    /// A word of the reason.
    reason: &'static str,
}

/// The problems of the command API that no message causes, by what causes them. Whoever adds a
/// refusal adds it here, or a message to the lists below.
const OF_NO_MESSAGE: [(&str, &[&str]); 9] = [
    (
        "another command's",
        &[
            "time-ahead",
            "dry-run-unsupported",
            "hold-unknown",
            "hold-ended",
            "hold-not-captured",
            "capture-paid-exchange",
            "exchange-exists",
            "hold-reserves-offer",
            "wait-unknown",
            "wait-ended",
            "waiting-list-unsupported",
            "already-waiting",
            "not-sold-out",
            "waiting-list-full",
            "reservation-past-offer",
            "exchange-unknown",
            "credit-unknown",
            "already-cancelled",
            "earning-too-large",
            "already-returned",
            "withdrawal-unknown",
            "return-unknown",
            "handed-over",
            "quantity-too-large",
            "points-too-large",
            "points-too-small",
            "rate-unknown",
            "rate-closed",
            "rate-exists",
            "rate-changed",
            "rule-unknown",
            "rule-exists",
            "rule-changed",
            "rule-fixed",
            "unit-repeated",
            "policy-changed",
            "unit-exists",
            "unit-changed",
            "unit-fixed",
            "too-many-units",
            "unit-not-closable",
            "unit-not-spendable",
            "time-zone-unknown",
            "offer-unknown",
            "offer-exists",
            "offer-changed",
            "offer-not-closed",
            "offer-closed",
            "codes-fixed",
            "stock-of-codes",
            "offer-without-codes",
            "code-known",
            "one-code-at-a-time",
            "codes-not-reserved",
            "code-key-missing",
            "stock-not-amendable",
            "stock-unlimited",
            "stock-sold",
            "sold-out",
            "offer-not-open",
            "offer-not-paused",
            "segment-changed",
            "segment-required",
            "tier-required",
            "ladder-unknown",
            "ladder-exists",
            "ladder-changed",
            "ladder-fixed",
            "too-many-ladders",
            "tier-unknown",
            "grant-unknown",
            "grant-ended",
            "until-out-of-range",
            "price-changed",
            "deliver-to-missing",
            "account-unknown",
            "merger-into-itself",
            "new-account-unknown",
            "merger-under-way",
            "debt-passed-on",
            "goods-unshipped",
            "erasure-unavailable",
            "recipient-unknown",
            "deadline-out-of-range",
            "shopper-limit-reached",
            "insufficient-credit",
            "credit-already-spent",
            "already-exists",
            "if-match-missing",
            "key-ended",
            "switch-changed",
        ],
    ),
    (
        "of reads",
        &[
            "log-forked",
            "too-many-followers",
            "not-cached",
            "log-unreachable",
            "not-added-up",
            "not-sealed",
        ],
    ),
    ("of many commands at once", &["too-much-at-once"]),
    ("of more parcels than a test of Kafka should send", &["too-many-parcels"]),
    ("the publisher makes requests that are sound", SOUND),
    (
        "of the publisher's key: the message waits",
        &["unauthorized", "forbidden", "token-keys-unavailable"],
    ),
    ("of the publisher's key's scope: a test of its own is below", &["warehouse-forbidden"]),
    ("the ledger is away or slow: the message waits", AWAY),
    ("an error of the ledger's: tried again some times", &["internal", "decision-failed"]),
];

const SOUND: &[&str] = &[
    "invalid-json",
    "invalid-id",
    "invalid-query",
    "invalid-header",
    "no-such-route",
    "method-not-allowed",
    "not-json",
    "body-encoded",
];

const AWAY: &[&str] = &[
    "body-too-slow",
    "overloaded",
    "rate-limited",
    "projection-behind",
    "read-model-unreachable",
    "not-decided",
    "outcome-unknown",
];

/// One message for each refusal that an earning can cause. All are about one account, so that each
/// holds up the next if it isn't parked.
fn refused_earnings() -> Vec<Refused> {
    let of_zoe = |more: Value| {
        let mut body = json!({"account_id": "zoe", "points": 7});
        body["cause"] = json!({"kind": "purchase", "id": "b-7"});
        body.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
        body.to_string()
    };
    let claim_of = |id: &str| {
        json!({"account_id": "zoe", "cause": {"kind": "purchase", "id": id}}).to_string()
    };
    let unreadable = [
        ("no JSON".into(), "not valid JSON"),
        ("[".repeat(5_000), "not valid JSON"),
        ("[]".into(), "must be a JSON object"),
        (r#"{"points":7}"#.into(), "account_id is missing"),
        (of_zoe(json!({"account_id": 7})), "account_id must be a text"),
        (of_zoe(json!({"account_id": "../zoe"})), "account_id is not an id"),
        (of_zoe(json!({"account_id": ".."})), "account_id is not an id"),
        (of_zoe(json!({"account_id": "~zoe"})), "account_id is not an id"),
        (
            r#"{"account_id":"zoe","points":1,"points":9,"cause":{"kind":"purchase","id":"b-7"}}"#
                .into(),
            "The field points is there twice.",
        ),
    ];
    let invalid = [
        (of_zoe(json!({"points": "many"})), "points"),
        (of_zoe(json!({"points": 0})), "points"),
        (of_zoe(json!({"point\0s": 7})), "unknown"),
        (of_zoe(json!({"cause": null})), "cause"),
        (
            json!({"account_id": "zoe", "cause": {"kind": "review", "id": "b-7"}}).to_string(),
            "points",
        ),
        (of_zoe(json!({"cause": {"kind": "gift", "id": "b-7"}})), "cause.kind"),
        (of_zoe(json!({"cause": {"kind": "purchase", "id": "\0"}})), "cause.id"),
        (
            r#"{"account_id":"zoe","points":1,"cause":{"kind":"purchase","id":"a","id":"b"}}"#
                .into(),
            "id of the body is there twice",
        ),
        (of_zoe(json!({"occurred_at": "yesterday"})), "occurred_at"),
        (of_zoe(json!({"unit": "Miles"})), "unit"),
        (of_zoe(json!({"available_at": SOON, "expires_at": SOON})), "expires_at"),
    ];
    let others = [
        (
            of_zoe(json!({"cause": {"kind": "adjustment", "id": "a-1"}})),
            "adjustment-forbidden",
            "role operator",
        ),
        (
            of_zoe(json!({"cause": {"kind": "purchase", "id": "x".repeat(LONG)}})),
            "body-too-large",
            "longer than",
        ),
        // Of the cause that the test has earned for before.
        (of_zoe(json!({"cause": {"kind": "purchase", "id": "b-0"}})), "id-reused", "already used"),
        (of_zoe(json!({"expires_at": "2020-01-01T00:00:00Z"})), "expiry-passed", "at once"),
        (of_zoe(json!({"points": 9_007_199_254_740_991_u64})), "amount-too-large", "account"),
        (of_zoe(json!({"account_id": "full"})), "account-full", "at most 10000"),
        (of_zoe(json!({"account_id": "old"})), "account-merged", "merged into another"),
        (of_zoe(json!({"unit": "gold"})), "unit-unknown", "names the unit gold"),
        (of_zoe(json!({"unit": "shells"})), "unit-closed", "nothing more is earned"),
        // Claims, which have no points.
        (claim_of("b-7"), "purchase-unknown", "no purchase"),
        (claim_of("b-0"), "nothing-to-claim", "refused credit"),
        (claim_of("p-late"), "expiry-passed", "at once"),
        (claim_of("p-never"), "never-matures", "would have expired"),
        // Of a purchase whose refused credit is of shells.
        (claim_of("p-shells"), "unit-mismatch", "of the unit shells"),
    ];
    refused(unreadable, invalid, others)
}

fn refused(
    unreadable: impl IntoIterator<Item = (String, &'static str)>,
    invalid: impl IntoIterator<Item = (String, &'static str)>,
    others: impl IntoIterator<Item = (String, &'static str, &'static str)>,
) -> Vec<Refused> {
    let of = |code| move |(body, reason)| Refused { body, code, reason };
    let unreadable = unreadable.into_iter().map(of(UNREADABLE));
    let invalid = invalid.into_iter().map(of("invalid-field"));
    let others = others.into_iter().map(|(body, code, reason)| Refused { body, code, reason });
    unreadable.chain(invalid).chain(others).collect()
}

/// Likewise for what a warehouse says about the first of these requests; about the second it has
/// said that the parcel left, and the third was settled by hand.
fn refused_reports(requests: &[String]) -> Vec<Refused> {
    let about = |id: &str, event: &str, more: Value| {
        let mut body = json!({"shipping_request_id": id, "event": event});
        body.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
        body.to_string()
    };
    let [first, dispatched, settled] = [&requests[0], &requests[1], &requests[2]];
    let other_log = format!("{}-1-0-5", uuid::Uuid::now_v7());
    let parcel = |no: &str| json!({"carrier": "post", "express_no": no});
    let reason = json!({"reason": "it broke"});
    let unreadable = [
        ("no JSON".into(), "not valid JSON"),
        (r#""accepted""#.into(), "must be a JSON object"),
        (r#"{"event":"accepted"}"#.into(), "shipping_request_id is missing"),
        (json!({"shipping_request_id": first}).to_string(), "event is missing"),
        (about(first, "eaten\0", json!({})), "must be accepted"),
        (about("a/b", "accepted", json!({})), "is not an id"),
        (
            format!(r#"{{"event":"rejected","shipping_request_id":{first:?},"event":"accepted"}}"#),
            "The field event is there twice.",
        ),
    ];
    let invalid = [
        (about(first, "accepted", json!({"colour": "red"})), "unknown"),
        (
            about(first, "dispatched", json!({"carrier": "post"})),
            "express_no of the body is missing",
        ),
        (about(first, "rejected", json!({})), "reason of the body is missing"),
        (about(first, "accepted", json!({"occurred_at": "2030-13-01T00:00:00Z"})), "occurred_at"),
    ];
    let unknown_line = json!({"dispatch_id": "box-9", "carrier": "post", "express_no": "1Z",
        "lines": [{"product_id": "no-product", "quantity": 1}]});
    let too_long = json!({"reason": "x".repeat(LONG)});
    let others = [
        (about("none", "accepted", json!({})), "not-found", "doesn't exist"),
        (about(&other_log, "accepted", json!({})), "not-found", "doesn't exist"),
        (about(first, "rejected", too_long), "body-too-large", "longer than"),
        (about(dispatched, "dispatched", parcel("2Z")), "id-reused", "already used"),
        (
            about(dispatched, "rejected", reason.clone()),
            "exchange-dispatched",
            "have left the warehouse",
        ),
        (about(settled, "rejected", reason), "shipment-settled", "settled"),
        (
            about(first, "delivered", json!({"dispatch_id": "box-9"})),
            "parcel-unknown",
            "No dispatch with this dispatch_id",
        ),
        (about(first, "dispatched", unknown_line), "line-unknown", "names a product"),
    ];
    refused(unreadable, invalid, others)
}

#[test]
fn every_refusal_of_the_table_is_tried_by_a_message_or_is_of_something_else() {
    let requests: [String; 3] = std::array::from_fn(|number| format!("request-{number}"));
    let tried = refused_earnings().into_iter().chain(refused_reports(&requests));
    let tried: BTreeSet<&str> = tried.map(|message| message.code).collect();
    let elsewhere: BTreeSet<&str> =
        OF_NO_MESSAGE.iter().flat_map(|(_, codes)| codes.iter().copied()).collect();
    let both: Vec<&&str> = tried.intersection(&elsewhere).collect();
    assert!(both.is_empty(), "{both:?}");
    let shared = wire::SHARED_PROBLEM_PAGES.iter().copied();
    let all = command_api::problem_pages().chain(shared);
    let all: BTreeSet<&str> = all.map(|page| page.slug).collect();
    let known: BTreeSet<&str> =
        tried.union(&elsewhere).copied().filter(|code| *code != UNREADABLE).collect();
    assert_eq!(known, all);
}

/// Records three purchases of zoe's whose credit is refused: one of a unit that is closed, beside
/// one that isn't.
async fn refuse_credit(api: &Api) {
    // Bought on any day but the year's first, its credit expires while it is pending.
    let rule = json!({"rate": {"points": 1, "per_amount": 100}, "pending_days": 364,
        "expiry": {"end_of_year": 0}});
    api.put("operator", "/v1/earning-rules/never", rule).await.is(201);
    for unit in ["miles", "shells"] {
        api.put("operator", &format!("/v1/units/{unit}"), json!({})).await.is(201);
    }
    api.put("operator", "/v1/units/shells/closure", json!({})).await.is(201);
    let lines = json!([{"product_id": "tv", "quantity": 1, "amount": 500}]);
    for (id, body) in [
        ("p-late", json!({"lines": lines, "points": 5, "expires_at": "2020-01-01T00:00:00Z"})),
        ("p-never", json!({"lines": lines, "rule": "never"})),
        ("p-shells", json!({"lines": lines, "points": 5, "unit": "shells"})),
    ] {
        let path = format!("/v1/accounts/zoe/purchases/{id}");
        let answer = api.put("merchant", &path, body).await.is(201);
        assert!(answer["credit_refused"][0]["code"].is_string(), "{answer}");
    }
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
        let miles = &earned.body["units"]["miles"]["available"];
        if earned.body["available"] == 2
            && *miles == 3
            && accepted.len() == 1
            && parked.len() == count
        {
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
    api.fills("full").await;
    api.earns("old", 1, "b-0").await;
    let into = json!({"into": "shopper-0"});
    api.put("operator", "/v1/accounts/old/merger", into).await.is(201);
    refuse_credit(api).await;

    let earnings = refused_earnings();
    // Of points, one of which names them, and the other repeats it without; and of miles.
    let last = [("points", 1, "b-1"), ("miles", 3, "b-2")].map(|(unit, points, id)| {
        let cause = json!({"kind": "purchase", "id": id});
        json!({"account_id": "zoe", "unit": unit, "points": points, "cause": cause}).to_string()
    });
    let again =
        json!({"account_id": "zoe", "points": 1, "cause": {"kind": "purchase", "id": "b-1"}});
    let again = again.to_string();
    let last = [last[0].as_str(), again.as_str(), last[1].as_str()];
    let said = earnings.iter().map(|message| message.body.as_str()).chain(last);
    let said: Vec<(&str, &str)> = said.map(|body| ("zoe", body)).collect();
    say(&brokers, &format!("{topic}-earnings"), &said);
    let reports = refused_reports(&requests);
    let last = json!({"shipping_request_id": requests[0], "event": "accepted"}).to_string();
    let said = reports.iter().map(|message| message.body.as_str()).chain([last.as_str()]);
    let said: Vec<(&str, &str)> = said.map(|body| (requests[0].as_str(), body)).collect();
    say(&brokers, &format!("{topic}-events"), &said);

    let count = earnings.len() + reports.len();
    let parked = until_all_are_taken(&here, publisher, count).await;
    let text = |item: &Value, field: &str| item[field].as_str().expect("a text").to_owned();
    // A list shows the beginnings of the bodies.
    let mut whole = vec![];
    for item in &parked {
        let path = format!("/v1/parked-messages/{}", item["parked_id"]);
        let one = publisher.client.get("operator", &path).await.is(200);
        assert!(text(&one, "body").starts_with(&text(item, "body")), "{item}");
        assert_eq!(item["body_bytes"], text(&one, "body").len(), "{item}");
        whole.push(one);
    }
    for Refused { body, code, reason } in earnings.iter().chain(&reports) {
        let item = whole.iter().find(|item| item["body"] == body.as_str());
        let item = item.unwrap_or_else(|| panic!("it isn't parked: {body:.200}"));
        let told = text(item, "reason");
        assert!(told.contains(reason) && told.ends_with('.'), "{body:.200}: {told}");
        assert_eq!(item["code"], *code, "{body:.200}: {told}");
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

/// How many bytes an answer has.
async fn bytes_of(api: &Api, path: &str) -> usize {
    let answer = api.request("GET", path, "operator").send().await.expect("answered");
    assert_eq!(answer.status().as_u16(), 200);
    answer.bytes().await.expect("a body").len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_messages_of_strangers_make_neither_the_log_nor_a_list_large() {
    const LIST_BYTES_MAX: usize = 300_000;
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    prepare(&ledger.client).await;
    let long = "x".repeat(900_000);
    let mut bodies = vec![
        json!({"shipping_request_id": long, "event": "accepted"}).to_string(),
        json!({"shipping_request_id": "a", "event": long}).to_string(),
        format!(r#"{{"{long}":1,"{long}":2}}"#).replace(&long, &long[..400_000]),
        json!({"shipping_request_id": "a", "event": "accepted", &long[..15_000]: 1}).to_string(),
    ];
    // Each of these characters takes six bytes in JSON.
    bodies.extend((0..500).map(|number| format!("{number} {}", "\u{1}".repeat(1_000))));
    let events: Vec<(&str, &str)> =
        bodies.iter().map(|body| (&long[..2_000], body.as_str())).collect();
    say(&brokers, &format!("{topic}-events"), &events);
    let begun = Instant::now();
    let items = loop {
        let items = parked(&ledger.client).await;
        if items.len() == bodies.len() {
            break items;
        }
        assert!(begun.elapsed() < PATIENCE, "{} of {}", items.len(), bodies.len());
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let list = bytes_of(&ledger.client, "/v1/parked-messages?limit=500").await;
    let log = said(folder.path()).len();
    println!("a page of the list has {list} bytes, the log of all {log}");
    assert!(list < LIST_BYTES_MAX, "a page has {list} bytes");
    assert!(log < 600 * bodies.len(), "the log has {log} bytes");
    let largest = items.iter().map(|item| item.to_string().len()).max();
    assert!(largest < Some(3_000), "{largest:?}");
    let first = items.iter().find(|item| item["body_bytes"] == bodies[0].len()).expect("it");
    let one = format!("/v1/parked-messages/{}", first["parked_id"]);
    let one = ledger.client.get("operator", &one).await.is(200);
    assert_eq!(one["body"], bodies[0]);
    assert_eq!(ledger.stop(), Some(0));
}
