//! Who did what, when, why and with which outcome: from the read tables, and from beside the keys.

use std::sync::Arc;

use axum::Router;
use domain::{AccountId, Clock, Event, LogForked, Note};
use event_schema::{Metadata, Salt, encode};
use log_record::{NewEvent, Partition, Principal, UnrecordedCall};
use serde_json::{Value, json};
use testing::ledger::{Ledger, On, earned, id, log_opened, recorded_at, redemption, time};
use testing::life::{cancelled, history, report, returned};
use uuid::Uuid;

use crate::asks::Reads;

testing::on_every_database! {
    what_an_operator_does_is_listed_with_who_and_why,
    of_others_only_what_they_do_by_hand_is_listed,
    calls_and_events_are_one_list_in_pages,
    what_happened_at_once_in_several_partitions_is_listed_once,
    the_list_is_filtered_by_key_account_outcome_and_time,
    only_operators_and_auditors_see_the_list,
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// An event of a request, and whether it was recorded beside the one with the command's id.
struct Of<'a> {
    second: i64,
    event: &'a Event,
    role: &'static str,
    key: &'a str,
    beside: bool,
}

fn encoded(Of { second, event, role, key, beside }: &Of<'_>) -> NewEvent {
    let metadata = Metadata {
        command: "some-command".into(),
        key: Some((*key).into()),
        role: Some((*role).into()),
        traceparent: Some(TRACE.into()),
        request: Some(format!("r-{second}").into()),
        beside: *beside,
    };
    let principal = Principal {
        subject: Some("otto@example.org".into()),
        name: Some("Otto Opal\0".into()),
        reason: Some("a goodwill".into()),
        ..Principal::of_role(role)
    };
    let principal = Some(&principal).filter(|_| !beside);
    encode(event, time(*second), &metadata, principal, Salt([0; 16])).expect("encoded")
}

async fn record(reads: &Reads, events: &[Of<'_>]) {
    reads.ledger.append(events.iter().map(encoded).collect()).await;
    reads.project().await;
}

fn by<'a>(second: i64, role: &'static str, key: &'a str, event: &'a Event) -> Of<'a> {
    Of { second, event, role, key, beside: false }
}

async fn opened(on: On) -> Reads {
    Reads::of(on, vec![(1, log_opened(1))]).await
}

fn call(second: i64, key: &str, path: &str, status: u16) -> UnrecordedCall {
    UnrecordedCall {
        id: Uuid::from_u128(u128::from(status)),
        at: second * 1_000_000,
        request_id: Some(format!("c-{second}")),
        traceparent: None,
        key: Some(key.into()),
        role: Some("operator".into()),
        subject: None,
        name: Some("Otto Opal".into()),
        reason: Some("by mistake".into()),
        method: "PUT".into(),
        path: path.into(),
        account_id: path.contains("/ann").then(|| "ann".into()),
        status,
        code: (status >= 400).then(|| "insufficient-credit".into()),
        detail: (status >= 400).then(|| "Ann has 5 points.".into()),
    }
}

/// A router that also reads the calls beside the keys of the ledger's log.
fn with_calls(reads: &Reads) -> Router {
    let (mut api, store) = (reads.api.clone(), reads.ledger.store.clone());
    api.read_calls = Arc::new(move |asked| {
        let store = store.clone();
        Box::pin(async move { Ok(store.unrecorded_calls(asked).await.expect("read")) })
    });
    query_api::router(api)
}

async fn items(router: &Router, query: &str) -> (Vec<Value>, Value) {
    let path = format!("/v1/operations?{query}");
    let (status, _, body) = Reads::ask_at(router, "auditor", &path, None).await;
    assert_eq!(status, 200, "{path}: {body}");
    (body["items"].as_array().expect("a list").clone(), body["next"].clone())
}

/// The ids of the requests, in the list's order.
async fn requests(router: &Router, query: &str) -> Vec<String> {
    let (items, next) = items(router, query).await;
    assert_eq!(next, Value::Null, "it fits on a page");
    let id = |item: &Value| item["request_id"].as_str().unwrap_or("none").to_owned();
    items.iter().map(id).collect()
}

async fn what_an_operator_does_is_listed_with_who_and_why(on: On) {
    let reads = opened(on).await;
    record(&reads, &[by(5, "operator", "k-1", &earned("ann"))]).await;
    let list = reads.list("/v1/operations").await;
    assert_eq!(
        list,
        [json!({
            "at": "1970-01-01T00:00:05Z",
            "outcome": "recorded",
            "caller": {"key_id": "k-1", "role": "operator", "subject": "otto@example.org",
                "name": "Otto Opal\u{fffd}"},
            "account_id": "ann",
            "event": {"type": "credit-earned", "command": "some-command", "position": "0:2",
                "fact": {"unit": "points", "points": 500,
                    "cause": {"kind": "purchase", "id": "B-1"}}},
            "reason": "a goodwill",
            "request_id": "r-5",
            "traceparent": TRACE,
        })]
    );
    // Whoever recorded it says in the body who it was, and why.
    let Event::ExchangeCancelled(account, fact) = cancelled("ann", "x-1", "c-1", 1, 300, (1, 300))
    else {
        panic!("a cancellation")
    };
    let note = Note { by: Some(id("Olga")), reason: Some(id("it broke")) };
    let deducted = redemption("ann", "x-1", 2);
    let exchange = [by(6, "shopper", "k-2", &deducted[0]), by(6, "shopper", "k-2", &deducted[1])];
    record(&reads, &exchange).await;
    let event = Event::ExchangeCancelled(account, domain::ExchangeCancelled { note, ..fact });
    record(&reads, &[by(7, "operator", "k-1", &event)]).await;
    let list = reads.list("/v1/operations").await;
    assert_eq!(list.len(), 2, "the shopper's redemption isn't listed");
    assert_eq!((&list[0]["by"], &list[0]["reason"]), (&json!("Olga"), &json!("it broke")));
}

async fn of_others_only_what_they_do_by_hand_is_listed(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let later = |days: i64| (42 + days) * testing::life::DAY;
    let back = returned("ann", "B-2", "r-2", 1, 0);
    let exchange = domain::Shipped::ExchangeId(id("x-1"));
    let accepted = Event::ShipmentAccepted(id("ann"), report(exchange, None));
    let shoppers = earned("bob");
    record(
        &reads,
        &[
            by(later(0), "merchant", "k-1", &earned("ann")),
            by(later(1), "merchant", "k-1", &back),
            by(later(2), "warehouse", "k-2", &accepted),
            by(later(3), "operator", "k-3", &accepted),
            by(later(4), "shopper", "k-4", &shoppers),
            Of { beside: true, ..by(later(5), "operator", "k-3", &shoppers) },
        ],
    )
    .await;
    let requests = requests(&with_calls(&reads), "").await;
    assert_eq!(requests, [format!("r-{}", later(3)), format!("r-{}", later(1))]);
    let forked = LogForked { generation: 2, reason: "a backup was restored".into() };
    let metadata = Metadata::of_command("fork-log");
    let event = Event::LogForked(forked);
    // As the tool writes it, without a fork of this log.
    let event = encode(&event, time(later(6)), &metadata, None, Salt([0; 16])).expect("encoded");
    reads.ledger.append(vec![event]).await;
    reads.project().await;
    let fork = &reads.list("/v1/operations").await[0];
    assert_eq!(fork["event"]["command"], "fork-log");
    assert_eq!((&fork["reason"], fork.get("caller")), (&json!("a backup was restored"), None));
}

async fn calls_and_events_are_one_list_in_pages(on: On) {
    let reads = opened(on).await;
    let event = earned("ann");
    let events = [2, 3, 3, 5].map(|second| by(second, "operator", "k-1", &event));
    record(&reads, &events).await;
    let (ann, keys) = ("/v1/accounts/ann/adjustments/a-1", "/v1/keys");
    let calls = [call(1, "k-1", ann, 409), call(3, "k-1", keys, 201), call(3, "k-1", ann, 500)];
    reads.ledger.store.note_calls(calls.into()).await.expect("noted");
    let router = with_calls(&reads);
    let whole = ["r-5", "c-3", "c-3", "r-3", "r-3", "r-2", "c-1"];
    assert_eq!(requests(&router, "").await, whole);
    for limit in 1..=7 {
        let seen = paged(&router, limit).await;
        let seen: Vec<&Value> = seen.iter().map(|item| &item["request_id"]).collect();
        assert_eq!(seen, whole, "{limit} at a time");
    }
    let (list, _) = items(&router, "").await;
    let outcomes: Vec<_> =
        list.iter().map(|item| item["outcome"].as_str().expect("an outcome")).collect();
    let recorded = "recorded";
    assert_eq!(outcomes, [recorded, "failed", "done", recorded, recorded, recorded, "refused"]);
    assert_eq!(
        list[6],
        json!({
            "at": "1970-01-01T00:00:01Z",
            "outcome": "refused",
            "caller": {"key_id": "k-1", "role": "operator", "name": "Otto Opal"},
            "account_id": "ann",
            "call": {"method": "PUT", "path": ann, "status": 409, "code": "insufficient-credit",
                "detail": "Ann has 5 points."},
            "reason": "by mistake",
            "request_id": "c-1",
        })
    );
}

/// In the order of their places, the last one first, behind the calls.
async fn what_happened_at_once_in_several_partitions_is_listed_once(on: On) {
    const PARTITIONS: u16 = 3;
    let ledger = Ledger::of_partitions(1, on, PARTITIONS).await;
    for partition in (0..PARTITIONS).map(Partition) {
        let home = |account: &String| id::<AccountId>(account).partition(PARTITIONS);
        let mut accounts = (0..).map(|number| format!("ann-{number}"));
        let account = accounts.find(|account| home(account) == partition);
        let event = earned(&account.expect("an account"));
        let twice = [3, 3].map(|second| encoded(&by(second, "operator", "k-1", &event)));
        let opened = [recorded_at(time(1), &log_opened(PARTITIONS))];
        ledger.append_in(partition, opened.into_iter().chain(twice).collect()).await;
    }
    let reads = Reads::over(&Arc::new(ledger)).await;
    let calls = [call(3, "k-1", "/v1/keys", 201), call(3, "k-1", "/v1/keys", 409)];
    reads.ledger.store.note_calls(calls.into()).await.expect("noted");
    let router = with_calls(&reads);
    let (whole, _) = items(&router, "").await;
    assert!(whole[..2].iter().all(|item| item["call"]["path"] == "/v1/keys"), "{whole:?}");
    let places = whole[2..].iter().map(|item| item["event"]["position"].clone());
    let places: Vec<Value> = places.collect();
    assert_eq!(places, ["2:3", "2:2", "1:3", "1:2", "0:3", "0:2"]);
    for limit in 1..=8 {
        assert_eq!(paged(&router, limit).await, whole, "{limit} at a time");
    }
}

/// The whole list, so many at a time.
async fn paged(router: &Router, limit: usize) -> Vec<Value> {
    let (mut seen, mut cursor) = (vec![], String::new());
    loop {
        let (page, next) = items(router, &format!("limit={limit}{cursor}")).await;
        assert!(page.len() <= limit);
        seen.extend(page);
        let Some(next) = next.as_str() else { return seen };
        cursor = format!("&cursor={next}");
    }
}

async fn the_list_is_filtered_by_key_account_outcome_and_time(on: On) {
    let reads = opened(on).await;
    let (ann, bob) = (earned("ann"), earned("bob"));
    let events = [by(2, "operator", "k-1", &ann), by(4, "operator", "k-2", &bob)];
    record(&reads, &events).await;
    let path = "/v1/accounts/ann/adjustments/a-1";
    let calls = [call(3, "k-2", path, 409), call(5, "k-2", "/v1/keys", 201)];
    reads.ledger.store.note_calls(calls.into()).await.expect("noted");
    let router = with_calls(&reads);
    for (query, found) in [
        ("key_id=k-2", &["c-5", "r-4", "c-3"][..]),
        ("account_id=ann", &["c-3", "r-2"]),
        ("outcome=recorded", &["r-4", "r-2"]),
        ("outcome=done", &["c-5"]),
        ("outcome=refused&key_id=k-2", &["c-3"]),
        ("outcome=failed", &[]),
        ("from=1970-01-01T00:00:03Z&until=1970-01-01T00:00:05Z", &["r-4", "c-3"]),
        ("key_id=k-9", &[]),
    ] {
        assert_eq!(requests(&router, query).await, found, "{query}");
    }
    for (query, field) in [
        ("key_id=k-1&account_id=ann", "key_id"),
        ("key_id=", "key_id"),
        ("key_id=a%00b", "key_id"),
        ("outcome=lost", "outcome"),
        ("from=1970-01-01T00:00:03Z&until=1970-01-01T00:00:03Z", "until"),
        ("cursor=00", "cursor"),
        ("limit=501", "limit"),
    ] {
        let path = format!("/v1/operations?{query}");
        let (status, _, problem) = Reads::ask_at(&router, "operator", &path, None).await;
        assert_eq!((status, &problem["field"]), (400, &json!(field)), "{query}: {problem}");
    }
}

async fn only_operators_and_auditors_see_the_list(on: On) {
    let mut reads = opened(on).await;
    for (role, status) in [("operator", 200), ("auditor", 200), ("merchant", 403), ("shopper", 403)]
    {
        assert_eq!(reads.ask(role, "/v1/operations").await.0, status, "{role}");
    }
    // What is beside the log's keys may be out of reach.
    reads.api.read_calls = Arc::new(|_| Box::pin(async { Err(query_api::CallsUnread) }));
    let router = query_api::router(reads.api.clone());
    let ask = async |path| Reads::ask_at(&router, "operator", path, None).await;
    let (status, headers, problem) = ask("/v1/operations").await;
    assert_eq!((status, &problem["code"]), (503, &json!("read-model-unreachable")));
    assert!(headers.contains_key("retry-after"), "{headers:?}");
    assert_eq!(ask("/v1/operations?outcome=recorded").await.0, 200);
}
