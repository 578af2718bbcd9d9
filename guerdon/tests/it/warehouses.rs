//! What warehouses say, and don't, over a real Kafka: what is accepted is left alone, what isn't is
//! sent again; what can't be used is parked; one warehouse's trouble is no other's.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use services::shared_kafka;
use sqlx::{Connection as _, SqliteConnection};

use crate::ledger::tool::{guerdon, succeeds};
use crate::ledger::{Ledger, PATIENCE, ends, tool_of, until};
use crate::topic::shop::{offers, own_topic, prepare, redeem, start};
use crate::topic::{Record, check_lanes, records, say, until_published};

fn attempts(found: &[Record], id: &str) -> Vec<String> {
    let of_it = found.iter().filter(|record| record.id() == id);
    of_it.map(|record| record.header("attempt").to_owned()).collect()
}

/// A tool of an operator's; what it prints.
fn tool(ledger: &Ledger, args: &[&str]) -> String {
    let done = ends(tool_of(ledger, args));
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).expect("UTF-8")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_sent_again_until_it_is_accepted_and_overdue_after_some_attempts() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let patience = ["--accept-within", "1s", "--alert-after", "2"];
    let ledger = start(folder.path(), &brokers, &topic, &patience);
    prepare(&ledger.client).await;
    redeem(&ledger.client, "mug", 0, 2).await;
    let found = until_published(&brokers, &topic, 2).await;
    let [accepted, ignored] = ["x-0", "x-1"].map(|exchange| {
        let record = found.iter().find(|record| record.body["exchange_id"] == exchange);
        record.expect("it is there").id().to_owned()
    });
    let events = format!("{topic}-events");
    let said = json!({"shipping_request_id": accepted, "event": "accepted"}).to_string();
    say(&brokers, &events, &[(&accepted, &said)]);

    let overdue = "/v1/overdue-shipping-requests";
    let listed = until(&ledger.client, overdue, |list| list["items"][0].is_object()).await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(listed["items"][0]["shipping_request_id"], ignored);
    let item = &listed["items"][0];
    assert_eq!((&item["warehouse"], &item["status"]), (&json!("main"), &json!("requested")));
    let exchange = item["exchange_id"].as_str().expect("what to cancel");
    let account = item["account_id"].as_str().expect("whose it is");
    let path = format!("/v1/accounts/{account}/exchanges/{exchange}");
    ledger.client.get("operator", &path).await.is(200);
    assert!(tool(&ledger, &["shipping", "overdue"]).contains(&ignored));
    let found = records(&brokers, &topic);
    check_lanes(&found);
    assert_eq!(attempts(&found, &accepted), ["1"], "it was accepted");
    assert_eq!(attempts(&found, &ignored)[..2], ["1", "2"]);

    // Accepted late, it is left alone from then on.
    let said = json!({"shipping_request_id": ignored, "event": "accepted"}).to_string();
    say(&brokers, &events, &[(&ignored, &said)]);
    until(&ledger.client, overdue, |list| list["items"] == json!([])).await;
    let before = attempts(&records(&brokers, &topic), &ignored).len();
    // An operator may have any sent once more.
    tool(&ledger, &["shipping", "resend", &accepted]);
    let begun = Instant::now();
    while attempts(&records(&brokers, &topic), &accepted) != ["1", "2"] {
        assert!(begun.elapsed() < PATIENCE, "it isn't sent once more");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(attempts(&records(&brokers, &topic), &ignored).len(), before);
    ledger.client.post("operator", "/v1/shipping-requests/none/resend", json!({})).await.is(404);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_leaves_in_several_parcels_over_kafka() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    prepare(&ledger.client).await;
    let path = "/v1/accounts/shopper-0/exchanges/x-1";
    let order = json!({"offer_id": "mug", "quantity": 3, "deliver_to": "1 Elm Street"});
    ledger.client.put("shopper", path, order).await.is(201);
    let request = until_published(&brokers, &topic, 1).await.remove(0);
    let product = &request.body["lines"][0]["product_id"];
    let lines = |quantity: u64| json!([{"product_id": product, "quantity": quantity}]);
    let said = |event: &str, more: Value| {
        let mut body = json!({"shipping_request_id": request.id(), "event": event});
        body.as_object_mut().expect("it is one").extend(more.as_object().expect("one").clone());
        body.to_string()
    };
    let parcel = |id: &str, quantity: u64| {
        let more = json!({"dispatch_id": id, "lines": lines(quantity),
            "carrier": "Deutsche Post", "express_no": "1Z 999"});
        said("dispatched", more)
    };
    let rest = json!({"dispatch_id": "box-2", "carrier": "post", "express_no": "2Z"});
    let events = [
        parcel("box-1", 1),
        parcel("box-1", 1),
        said("delivered", json!({"dispatch_id": "box-1"})),
        said("dispatched", rest),
        // Neither is a message that there is.
        parcel("box-1", 2),
        said("accepted", json!({"dispatch_id": "box-1"})),
        said("delivered", json!({"dispatch_id": "box-7"})),
    ];
    let events: Vec<(&str, &str)> = events.iter().map(|body| (request.id(), &**body)).collect();
    say(&brokers, &format!("{topic}-events"), &events);
    let path = "/v1/shipping-requests?status=dispatched";
    let list = until(&ledger.client, path, |list| list["items"][0].is_object()).await;
    let parcels = list["items"][0]["parcels"].as_array().expect("a list");
    let seen: Vec<Value> =
        parcels.iter().map(|it| json!([it["dispatch_id"], it["lines"], it["status"]])).collect();
    let expected =
        [json!(["box-1", lines(1), "delivered"]), json!(["box-2", lines(2), "dispatched"])];
    assert_eq!(seen, expected);
    let parked = until(&ledger.client, "/v1/parked-messages", |list| {
        list["items"].as_array().is_some_and(|items| items.len() == 3)
    });
    parked.await;
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_in_is_recorded_once_and_what_can_not_be_used_is_parked() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    prepare(&ledger.client).await;
    redeem(&ledger.client, "mug", 0, 1).await;
    let id = until_published(&brokers, &topic, 1).await[0].id().to_owned();
    let said = |event: &str, more: Value| {
        let mut body = json!({"shipping_request_id": id, "event": event});
        body.as_object_mut().expect("it is one").extend(more.as_object().expect("one").clone());
        body.to_string()
    };
    let dispatched = said("dispatched", json!({"carrier": "post", "express_no": "1Z"}));
    let another = said("dispatched", json!({"carrier": "post", "express_no": "2Z"}));
    let accepted = said("accepted", json!({}));
    let unknown = r#"{"shipping_request_id":"none","event":"accepted"}"#;
    let delivered = said("delivered", json!({}));
    let events: Vec<(&str, &str)> = [
        accepted.as_str(),
        &dispatched,
        &accepted,
        &dispatched,
        &another,
        "no JSON",
        unknown,
        &delivered,
    ]
    .map(|body| (id.as_str(), body))
    .into();
    say(&brokers, &format!("{topic}-events"), &events);
    let earned = r#"{"account_id":"zoe","points":7,"cause":{"kind":"purchase","id":"b-1"}}"#;
    let early = r#"{"account_id":"zoe","points":"many"}"#;
    let earnings = [("zoe", earned), ("zoe", earned), ("zoe", early)];
    say(&brokers, &format!("{topic}-earnings"), &earnings);

    let path = "/v1/shipping-requests?status=delivered";
    let list = until(&ledger.client, path, |list| list["items"][0].is_object()).await;
    assert_eq!(list["items"][0]["express_no"], "1Z");
    let parked = until(&ledger.client, "/v1/parked-messages", |list| {
        list["items"].as_array().is_some_and(|items| items.len() == 4)
    });
    let parked = parked.await;
    for item in parked["items"].as_array().expect("a list") {
        let reason = item["reason"].as_str().expect("a reason");
        assert!(reason.ends_with('.'), "{item}");
    }
    let zoe = until(&ledger.client, "/v1/accounts/zoe", |zoe| zoe["available"] == 7).await;
    assert_eq!(zoe["available"], 7, "what was said twice was earned once");

    // One is tried again for nothing; another is discarded.
    let number = |index: usize| parked["items"][index]["parked_id"].clone();
    let retry = format!("/v1/parked-messages/{}/retry", number(0));
    ledger.client.post("operator", &retry, json!({})).await.is_problem(409, "message-unusable");
    tool(&ledger, &["shipping", "discard", &number(1).to_string()]);
    let json = ["shipping", "parked", "--output", "json"];
    assert_eq!(tool(&ledger, &json).lines().count(), 3);
    let report = ledger.client.get("operator", "/v1/publisher").await.is(200);
    assert_eq!((&report["status"], &report["parked"]), (&json!("publishing"), &json!(3)));
    assert_eq!(ledger.stop(), Some(0));

    // What was taken in is not taken in again.
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    let marker = r#"{"account_id":"yan","points":1,"cause":{"kind":"purchase","id":"b-2"}}"#;
    say(&brokers, &format!("{topic}-earnings"), &[("yan", marker)]);
    let known = |answer: &Value| answer["items"].as_array().is_some_and(|list| !list.is_empty());
    let begun = Instant::now();
    while ledger.client.get("operator", "/v1/accounts/yan").await.status != 200 {
        assert!(begun.elapsed() < PATIENCE, "nothing is taken in after a restart");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let parked = until(&ledger.client, "/v1/parked-messages", known).await;
    assert_eq!(parked["items"].as_array().map(Vec::len), Some(3), "{parked}");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_retries_all_parked_messages_at_once_and_is_told_of_each() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    prepare(&ledger.client).await;
    // No account can have more, so nothing is earned until something is spent.
    ledger.client.earns("zoe", 9_007_199_254_740_991, "b-0").await;
    let earned = |id: &str| {
        json!({"account_id": "zoe", "points": 1, "cause": {"kind": "purchase", "id": id}})
            .to_string()
    };
    let (first, second) = (earned("b-1"), earned("b-2"));
    let earnings = [("zoe", first.as_str()), ("zoe", second.as_str())];
    say(&brokers, &format!("{topic}-earnings"), &earnings);
    let both = |list: &Value| list["items"].as_array().is_some_and(|items| items.len() == 2);
    let parked = until(&ledger.client, "/v1/parked-messages", both).await;
    let number = |index: usize| parked["items"][index]["parked_id"].to_string();
    let one: Value = serde_json::from_str(&tool(
        &ledger,
        &["shipping", "parked", &number(0), "--output", "json"],
    ))
    .expect("JSON");
    assert_eq!(one["body"], first);

    ledger.client.redeems("zoe", "x-1", "mug").await.is(201);
    let done = ends(tool_of(&ledger, &["shipping", "retry", "--all"]));
    assert!(!done.status.success(), "one is refused still: {done:?}");
    let told = String::from_utf8(done.stdout).expect("UTF-8");
    let of = |number: &str| told.lines().find(|line| line.starts_with(&format!("{number}: ")));
    assert_eq!(of(&number(0)), Some(format!("{}: done", number(0)).as_str()));
    assert!(of(&number(1)).is_some_and(|line| line.contains("still can't be used")), "{told}");
    ledger.client.redeems("zoe", "x-2", "mug").await.is(201);
    let told = tool(&ledger, &["shipping", "retry", "--all"]);
    assert!(told.contains("none is parked any more"), "{told}");
    assert_eq!(tool(&ledger, &["shipping", "parked"]), "");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_and_a_rebuild_publish_nothing_again_and_a_replay_says_that_it_is_one() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    prepare(&ledger.client).await;
    redeem(&ledger.client, "mug", 0, 30).await;
    let live = until_published(&brokers, &topic, 30).await;
    let rejected = live[7].id().to_owned();
    let path = format!("/v1/shipping-requests/{rejected}/rejection");
    let answer = ledger.client.put("warehouse", &path, json!({"reason": "it broke"})).await;
    answer.is(201);
    let rejected_at = answer.position.expect("a position");
    ledger.client.get_after(&rejected_at, "auditor", "/v1/accounts/shopper-0").await;

    let again = format!("{topic}-again");
    let from = ["publish", "--from", "0:1", "--to-topic", &again];
    assert_eq!(tool(&ledger, &from).trim_end(), format!("messages sent to {again}: 30"));
    let replayed = records(&brokers, &again);
    let (live, firsts) = (check_lanes(&live), check_lanes(&replayed));
    assert_eq!(live.keys().collect::<Vec<_>>(), firsts.keys().collect::<Vec<_>>());
    assert!(replayed.iter().all(|record| record.header("replay") == "true"));
    for record in firsts.values() {
        let became = if record.id() == rejected { "rejected" } else { "requested" };
        assert_eq!(record.header("request_status"), became, "{}", record.id());
        let quantity = u64::from(became == "requested");
        let left = json!([{"product_id": "mug", "quantity": quantity}]).to_string();
        assert_eq!(record.header("request_lines"), left, "{}", record.id());
    }
    assert!(live.values().all(|record| !record.headers.contains_key("replay")));

    rebuild(folder.path());
    redeem(&ledger.client, "mug", 30, 5).await;
    let found = until_published(&brokers, &topic, 35).await;
    assert_eq!(found.len(), 35, "nothing was published again");
    assert_eq!(ledger.stop(), Some(0));
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    redeem(&ledger.client, "mug", 35, 1).await;
    assert_eq!(until_published(&brokers, &topic, 36).await.len(), 36, "nor after a restart");
    assert_eq!(ledger.stop(), Some(0));
}

fn rebuild(folder: &Path) {
    succeeds(guerdon(folder, &["rebuild"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_warehouse_is_fed_slowly_and_holds_up_no_other() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path(), &brokers, &topic, &["--warehouse-rate", "north=2/s"]);
    prepare(&ledger.client).await;
    offers(&ledger.client, "cup", "north").await;
    redeem(&ledger.client, "cup", 0, 40).await;
    redeem(&ledger.client, "mug", 40, 40).await;
    let begun = Instant::now();
    let found = loop {
        let found = records(&brokers, &topic);
        let main = found.iter().filter(|record| record.body["warehouse"] == "main").count();
        if main == 40 {
            break found;
        }
        assert!(begun.elapsed() < PATIENCE, "{main} of 40 are published");
    };
    let north = found.iter().filter(|record| record.body["warehouse"] == "north").count();
    assert!(north < 40, "all of what is slow was there as soon");
    let found = until_published(&brokers, &topic, 80).await;
    check_lanes(&found);
    assert_eq!(found.len(), 80);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warehouse_that_was_sent_another_history_stops_alone_until_an_operator_goes_on() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path(), &brokers, &topic, &[]);
    prepare(&ledger.client).await;
    offers(&ledger.client, "cup", "north").await;
    redeem(&ledger.client, "cup", 0, 10).await;
    redeem(&ledger.client, "mug", 10, 10).await;
    let last = until_published(&brokers, &topic, 20).await;
    assert_eq!(ledger.stop(), Some(0));
    let state = format!("sqlite:{}", folder.path().join("publisher.sqlite").display());
    let mut state = SqliteConnection::connect(&state).await.expect("it opens");
    let other = "update lane set digest = 'another' where feed = '0/north'";
    sqlx::query(other).execute(&mut state).await.expect("changed");
    state.close().await.expect("closed");

    let ledger = start(folder.path(), &brokers, &topic, &[]);
    redeem(&ledger.client, "cup", 20, 3).await;
    redeem(&ledger.client, "mug", 23, 3).await;
    let found = until_published(&brokers, &topic, 23).await;
    assert_eq!(found.iter().filter(|it| it.body["warehouse"] == "north").count(), 10);
    let report = ledger.client.get("operator", "/v1/publisher").await.is(200);
    let north = report["warehouses"].as_array().expect("a list")[1].clone();
    assert_eq!((&north["warehouse"], &north["status"]), (&json!("north"), &json!("stopped")));
    assert!(north["why"].as_str().is_some_and(|why| why.starts_with("log-forked")), "{north}");

    let of_north = last.iter().filter(|record| record.body["warehouse"] == "north");
    let number = |record: &Record| record.header("position")[2..].parse::<u64>().expect("one");
    let end = of_north.map(number).max().expect("some");
    let body = json!({"position": format!("0:{end}")});
    let path = "/v1/publisher/warehouses/north/continuation";
    ledger.client.post("operator", path, body.clone()).await.is(200);
    let found = until_published(&brokers, &topic, 26).await;
    assert_eq!(found.len(), 26, "nothing is there twice");
    check_lanes(&found);
    let again = ledger.client.post("operator", path, body).await;
    again.is_problem(409, "warehouse-not-stopped");
    assert_eq!(ledger.stop(), Some(0));
}
