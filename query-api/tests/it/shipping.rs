//! What warehouses read, page by page and as a stream, and what shoppers see of their parcels.

use std::time::Duration;

use axum::http::StatusCode;
use domain::{Event, OfferOpened, Page, Shipped};
use query_api::QueryApi;
use read_model::ShippingMessage;
use serde_json::{Value, json};
use tokio::time::timeout;
use wire::{KeyHash, KeyRing, Role};

use crate::asks::Reads;
use crate::asks::stream::{Stream, cursor};
use testing::ledger::{On, id, log_opened, place, terms};
use testing::life::{cancelled, dispatched, exchanged, report};

testing::on_every_database! {
    a_shopper_sees_how_far_a_parcel_is_and_why_there_is_none,
    what_left_too_late_to_be_called_off_is_listed_for_an_operator,
    requests_are_listed_by_status_and_warehouse,
    a_cursor_belongs_to_its_list_and_filter,
    a_page_has_what_the_broker_would_have_carried,
    a_page_waits_until_there_is_something,
    pages_of_any_size_make_up_the_whole,
    an_auditor_reads_no_address,
    texts_that_the_tables_keep_longer_than_they_came_are_answered,
    what_no_stream_can_be_asked_for_is_named,
    a_stream_that_is_cut_goes_on_without_gap_or_double,
    a_stream_ends_when_the_server_stops,
    a_stream_ends_when_its_key_is_let_in_no_more,
}

/// More than this nothing here takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

async fn a_shopper_sees_how_far_a_parcel_is_and_why_there_is_none(on: On) {
    let reads = Reads::of(on, opening()).await;
    let path = "/v1/accounts/ann/exchanges/x-1";
    let mut seen = vec![];
    for event in [
        exchanged("ann", "x-1", 2, 600, None),
        accepted("x-1"),
        back_ordered("x-1", "the printer is late"),
        dispatched("ann", exchange("x-1")),
        Event::ShipmentDelivered(id("ann"), report(exchange("x-1"), None)),
    ] {
        reads.record(vec![(1, event)]).await;
        let (_, _, body) = reads.ask("shopper", path).await;
        seen.push((body["status"].clone(), body["reason"].clone(), body["express_no"].clone()));
    }
    let expected = [
        json!(["created", null, null]),
        json!(["accepted", null, null]),
        json!(["back-ordered", "the printer is late", null]),
        json!(["dispatched", null, "EX-1"]),
        json!(["delivered", null, "EX-1"]),
    ];
    let seen: Vec<Value> = seen.into_iter().map(|(a, b, c)| json!([a, b, c])).collect();
    assert_eq!(seen, expected);

    let rejected = Event::ShipmentRejected(id("ann"), report(exchange("x-2"), Some("damaged")));
    reads
        .record(vec![
            (1, exchanged("ann", "x-2", 1, 300, None)),
            (1, rejected),
            (1, cancelled("ann", "x-2", "c-1", 1, 300, (1, 300))),
            (1, exchanged("ann", "x-3", 1, 300, None)),
            (1, settled("x-3")),
            (1, cancelled("ann", "x-3", "c-1", 1, 300, (1, 300))),
        ])
        .await;
    let body = reads.get("/v1/accounts/ann/exchanges/x-2").await;
    let found = ["status", "reason", "refunded_points"].map(|name| body[name].clone());
    assert_eq!(found, [json!("rejected"), json!("damaged"), json!(300)]);
    let body = reads.get("/v1/accounts/ann/exchanges/x-3").await;
    assert_eq!((&body["status"], &body["reason"]), (&json!("cancelled"), &Value::Null));
    let request = &reads.list("/v1/shipping-requests?exchange_id=x-3").await[0];
    assert_eq!((&request["status"], &request["reason"]), (&json!("settled"), &json!("by hand")));
}

async fn what_left_too_late_to_be_called_off_is_listed_for_an_operator(on: On) {
    let reads = Reads::of(on, opening()).await;
    let mut events = vec![];
    for number in 0..4 {
        let exchange_id = format!("x-{number}");
        events.push(exchanged("ann", &exchange_id, 1, 300, None));
        if number % 2 == 0 {
            events.push(cancelled("ann", &exchange_id, "c-1", 1, 300, (1, 300)));
        }
        events.push(dispatched("ann", exchange(&exchange_id)));
    }
    record(&reads, events).await;
    let crossed = reads.list("/v1/shipping-requests?crossed=true").await;
    let found: Vec<_> = crossed.iter().map(|one| one["exchange_id"].clone()).collect();
    assert_eq!(found, ["x-0", "x-2"]);
    assert_eq!(
        (&crossed[0]["status"], &crossed[0]["express_no"]),
        (&json!("cancelled"), &json!("EX-1"))
    );
    assert_eq!(reads.paged("/v1/shipping-requests", 3).await.len(), 4);
    for (query, field) in [("crossed=false", "crossed"), ("crossed=true&account_id=ann", "crossed")]
    {
        let path = format!("/v1/shipping-requests?{query}");
        let (status, _, problem) = reads.ask("operator", &path).await;
        assert_eq!((status, &problem["field"]), (400, &json!(field)), "{query}");
    }
}

async fn requests_are_listed_by_status_and_warehouse(on: On) {
    let reads = Reads::of(on, opening()).await;
    let mut events: Vec<Event> =
        (0..4).map(|number| exchanged("ann", &format!("x-{number}"), 2, 600, None)).collect();
    events.extend([accepted("x-1"), cancelled("ann", "x-2", "c-1", 1, 300, (2, 600))]);
    record(&reads, events).await;
    let accepted = reads.list("/v1/shipping-requests?status=accepted&warehouse=main").await;
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0]["status_since"], "1970-01-01T00:00:01Z");
    assert_eq!(accepted[0]["requested_at"], "1970-01-01T00:00:01Z");
    let id = format!("{}-1-0-4", reads.ledger.store.log_id());
    assert_eq!(accepted[0]["shipping_request_id"], id);
    assert!(reads.list("/v1/shipping-requests?warehouse=west").await.is_empty());
    let reduced = &reads.list("/v1/shipping-requests?exchange_id=x-2").await[0];
    assert_eq!(reduced["lines"], json!([{"product_id": "product", "quantity": 1}]));
    assert_eq!(reduced["crossed"], json!(false));
}

async fn a_cursor_belongs_to_its_list_and_filter(on: On) {
    let reads = Reads::of(on, opening()).await;
    let of_two = ["ann", "bob"]
        .map(|account| ["x-0", "x-1"].map(|exchange| exchanged(account, exchange, 2, 600, None)));
    record(&reads, of_two.into_iter().flatten().collect()).await;
    let filters = [
        "account_id=ann",
        "account_id=bob",
        "account_id=ann&status=requested",
        "status=requested",
        "warehouse=main",
        "warehouse=main&status=requested",
        "exchange_id=x-0",
        "",
    ];
    for filter in filters {
        let page = reads.get(&format!("/v1/shipping-requests?limit=1&{filter}")).await;
        let next = page["next"].as_str().expect("there is more").to_owned();
        for other in filters {
            let path = format!("/v1/shipping-requests?cursor={next}&{other}");
            let (status, _, body) = reads.ask("operator", &path).await;
            assert_eq!(status, if other == filter { 200 } else { 400 }, "{filter}, then {other}");
            assert!(other == filter || body["field"] == "cursor", "{body}");
        }
    }
    let named = |exchange: &str| format!("/v1/exchanges?exchange_id={exchange}");
    let first = reads.get(&format!("{}&limit=1", named("x-0"))).await;
    let next = first["next"].as_str().expect("there is more");
    let other = format!("{}&cursor={next}", named("x-1"));
    assert_eq!(reads.ask("operator", &other).await.0, 400);
}

async fn a_page_has_what_the_broker_would_have_carried(on: On) {
    let reads = Reads::of(on, opening()).await;
    let events = vec![
        exchanged("ann", "x-1", 2, 600, None),
        cancelled("ann", "x-1", "c-1", 1, 300, (2, 600)),
    ];
    record(&reads, events).await;
    let page = reads.get("/v1/shipping-stream?warehouse=main").await;
    let log_id = reads.ledger.store.log_id();
    let event = |position: u64, r#type: &str, data: Value| {
        json!({"specversion": "1.0", "id": format!("{log_id}-1-0-{position}"), "type": r#type,
            "source": format!("/guerdon/{log_id}"), "subject": "x-1",
            "time": "1970-01-01T00:00:01Z", "datacontenttype": "application/json", "data": data})
    };
    let messages = messages(&reads).await;
    let data = |index: usize| -> Value {
        let mut data: Value =
            serde_json::from_str(&messages[index].body(1).expect("JSON")).expect("JSON");
        // What became of the request since is beside what the broker would have carried.
        data["request_status"] = json!("requested");
        data["request_lines"] = json!([{"product_id": "product", "quantity": 1}]);
        data["wanted"] = json!(true);
        data
    };
    let items = [
        event(3, "guerdon.shipping-requested", data(0)),
        event(4, "guerdon.shipping-request-reduced", data(1)),
    ];
    let last = cursor(log_id, 1, 4);
    assert_eq!(page, json!({"items": items, "next": last}));
    assert_eq!(data(0)["deliver_to"], "1 Elm Street");
    let end = reads.get(&format!("/v1/shipping-stream?warehouse=main&after={last}")).await;
    assert_eq!(end, json!({"items": [], "next": last}));
}

async fn a_page_waits_until_there_is_something(on: On) {
    let reads = Reads::of(on, opening()).await;
    let path = "/v1/shipping-stream?warehouse=main&wait_ms=30000";
    let later = async {
        // Something of no concern to a warehouse comes first, and it waits on.
        record(&reads, vec![testing::ledger::earned("ann")]).await;
        record(&reads, vec![exchanged("ann", "x-1", 1, 300, None)]).await;
    };
    let (page, ()) = tokio::join!(timeout(PATIENCE, reads.get(path)), later);
    let page = page.expect("answered");
    let last = cursor(reads.ledger.store.log_id(), 1, 4);
    assert_eq!((&page["next"], &page["items"][0]["subject"]), (&json!(last), &json!("x-1")));
    let path = format!("/v1/shipping-stream?warehouse=main&wait_ms=20&after={last}");
    assert_eq!(reads.get(&path).await, json!({"items": [], "next": last}), "it gives up");
}

async fn pages_of_any_size_make_up_the_whole(on: On) {
    let reads = Reads::of(on, opening()).await;
    record(&reads, parcels(0..25)).await;
    let whole = reads.get("/v1/shipping-stream?warehouse=main&limit=500").await;
    let whole = whole["items"].as_array().expect("a list");
    assert_eq!(whole.len(), 50);
    for limit in [1, 7, 50] {
        let (mut items, mut after) = (vec![], String::new());
        loop {
            let path = format!("/v1/shipping-stream?warehouse=main&limit={limit}&wait_ms=0{after}");
            let page = reads.get(&path).await;
            let found = page["items"].as_array().expect("a list");
            if found.is_empty() {
                break;
            }
            assert!(found.len() <= limit);
            items.extend(found.clone());
            after = format!("&after={}", page["next"].as_str().expect("a cursor"));
        }
        assert_eq!(&items, whole, "{limit} at a time");
    }
}

/// PostgreSQL can't store the character 0, and what stands in the tables for it is longer.
async fn texts_that_the_tables_keep_longer_than_they_came_are_answered(on: On) {
    let mut event = exchanged("ann", "x-1", 2, 600, None);
    let Event::ExchangeCreated(_, fact) = &mut event else { unreachable!("an exchange") };
    fact.deliver_to = Some(id(&format!("{}\0", "x".repeat(2047))));
    let why = format!("{}\0", "y".repeat(511));
    let reads = Reads::of(on, opening()).await;
    reads.record(vec![(1, event), (1, back_ordered("x-1", &why))]).await;
    let (status, _, page) = reads.ask("warehouse", "/v1/shipping-requests").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let address = page["items"][0]["deliver_to"].as_str().expect("an address");
    assert_eq!(address.chars().count(), 2048);
    let (status, _, exchange) = reads.ask("shopper", "/v1/accounts/ann/exchanges/x-1").await;
    assert_eq!(status, StatusCode::OK, "{exchange}");
    assert!(exchange["reason"].as_str().expect("a reason").starts_with("yyy"));
}

async fn an_auditor_reads_no_address(on: On) {
    let reads = Reads::of(on, opening()).await;
    record(&reads, vec![exchanged("ann", "x-1", 1, 300, None)]).await;
    let path = "/v1/shipping-stream?warehouse=main";
    for (role, address) in [
        ("warehouse", json!("1 Elm Street")),
        ("operator", json!("1 Elm Street")),
        ("auditor", Value::Null),
    ] {
        let (_, _, page) = reads.ask(role, path).await;
        assert_eq!(page["items"][0]["data"]["deliver_to"], address, "{role}");
    }
    for role in ["shopper", "merchant"] {
        assert_eq!(reads.ask(role, path).await.0, 403, "{role}");
    }
}

async fn what_no_stream_can_be_asked_for_is_named(on: On) {
    let reads = Reads::of(on, opening()).await;
    for (query, field) in [
        ("", "warehouse"),
        ("warehouse=a%20b", "warehouse"),
        ("warehouse=main&after=", "after"),
        ("warehouse=main&after=0:4", "after"),
        ("warehouse=main&after=0:18446744073709551615", "after"),
        ("warehouse=main&limit=501", "limit"),
        ("warehouse=main&wait_ms=30001", "wait_ms"),
    ] {
        let path = format!("/v1/shipping-stream?{query}");
        let (status, _, problem) = reads.ask("warehouse", &path).await;
        assert_eq!((status, &problem["field"]), (400, &json!(field)), "{query}: {problem}");
    }
    let path = "/v1/shipping-stream?warehouse=main";
    for id in ["x", "0:4"] {
        let (status, _, problem) =
            reads.ask_with("warehouse", path, Some(("last-event-id", id))).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid-header")), "{id}");
    }
}

async fn a_stream_that_is_cut_goes_on_without_gap_or_double(on: On) {
    let reads = Reads::of(on, opening()).await;
    // Beside the projector, and as in another process.
    let remote = QueryApi::new(reads.ledger.read_model().await, keys(), PATIENCE);
    for (round, api) in (0_usize..).zip([reads.api.clone(), remote]) {
        let router = query_api::router(api);
        let (first, last) = (round * 150, round * 150 + 150);
        record(&reads, parcels(first..first + 120)).await;
        let mut seen = vec![];
        let log_id = reads.ledger.store.log_id();
        let at = |position: &Value| {
            let position = position.as_str().and_then(|it| it.strip_prefix("0:"));
            cursor(log_id, 1, position.expect("a position").parse().expect("a number"))
        };
        let mut last_seen = (first > 0).then(|| cursor(log_id, 1, 2 + 2 * first as u64));
        // More than a stream has in memory, cut again and again, with more coming meanwhile.
        for wanted in [1, 130, 30, 79] {
            let mut stream = Stream::open(&router, last_seen.as_deref()).await;
            for _ in 0..wanted {
                let (id, item) = stream.next().await.expect("one more");
                assert_eq!(at(&item["data"]["position"]), id);
                last_seen = Some(id);
                seen.push(item["id"].clone());
            }
        }
        let mut stream = Stream::open(&router, last_seen.as_deref()).await;
        let (rest, ()) = tokio::join!(
            async {
                let mut rest = vec![];
                while rest.len() < 60 {
                    rest.push(stream.next().await.expect("one more").1["id"].clone());
                }
                rest
            },
            async {
                for number in first + 120..last {
                    record(&reads, parcels(number..number + 1)).await;
                }
            }
        );
        seen.extend(rest);
        let all: Vec<Value> = messages(&reads).await[2 * first..]
            .iter()
            .map(|message| message.id.to_string().into())
            .collect();
        assert_eq!(seen, all[..300]);
    }
}

async fn a_stream_ends_when_the_server_stops(on: On) {
    let reads = Reads::of(on, opening()).await;
    record(&reads, parcels(0..1)).await;
    let router = query_api::router(reads.api.clone());
    let log_id = reads.ledger.store.log_id();
    let mut stream = Stream::open(&router, Some(&cursor(log_id, 1, 3))).await;
    assert!(stream.next().await.is_some());
    let waiting = tokio::spawn(async move { stream.next().await });
    let last = cursor(log_id, 1, 4);
    let path = format!("/v1/shipping-stream?warehouse=main&after={last}&wait_ms=30000");
    let (page, ()) = tokio::join!(reads.get(&path), async { reads.api.draining.cancel() });
    assert_eq!(page["items"], json!([]), "who waits is answered at once");
    assert_eq!(timeout(PATIENCE, waiting).await.expect("it ends").expect("it ends"), None);
}

async fn a_stream_ends_when_its_key_is_let_in_no_more(on: On) {
    let reads = Reads::of(on, opening()).await;
    record(&reads, parcels(0..1)).await;
    let after = cursor(reads.ledger.store.log_id(), 1, 3);
    let mut stream = Stream::open(&query_api::router(reads.api.clone()), Some(&after)).await;
    assert!(stream.next().await.is_some());
    reads.api.keys.replace(&KeyRing::from_iter([] as [(KeyHash, Role); 0]));
    record(&reads, parcels(1..2)).await;
    assert_eq!(stream.next().await, None);
}

fn keys() -> KeyRing {
    Role::ALL.iter().map(|role| (KeyHash::of(role.as_str()), *role)).collect()
}

pub(crate) fn opening() -> Vec<(i64, Event)> {
    let endless =
        OfferOpened { offer_id: id("mug"), terms: terms(300), page: Page::default(), stock: None };
    vec![(1, log_opened(1)), (1, Event::OfferOpened(endless))]
}

pub(crate) async fn record(reads: &Reads, events: Vec<Event>) {
    reads.record(events.into_iter().map(|event| (1, event)).collect()).await;
}

/// A request and a reduction of it for each number.
fn parcels(numbers: std::ops::Range<usize>) -> Vec<Event> {
    numbers
        .flat_map(|number| {
            let account = format!("shopper-{number}");
            [
                exchanged(&account, "x-1", 2, 600, None),
                cancelled(&account, "x-1", "c-1", 1, 300, (2, 600)),
            ]
        })
        .collect()
}

async fn messages(reads: &Reads) -> Vec<ShippingMessage> {
    let model = reads.ledger.read_model().await;
    let mut reading = model.read(&[], Duration::ZERO).await.expect("it begins");
    reading.shipping_messages("main", place(0), 10_000).await.expect("read")
}

pub(crate) fn exchange(exchange_id: &str) -> Shipped {
    Shipped::ExchangeId(id(exchange_id))
}

fn accepted(exchange_id: &str) -> Event {
    Event::ShipmentAccepted(id("ann"), report(exchange(exchange_id), None))
}

fn back_ordered(exchange_id: &str, reason: &str) -> Event {
    Event::ShipmentBackOrdered(id("ann"), report(exchange(exchange_id), Some(reason)))
}

pub(crate) fn settled(exchange_id: &str) -> Event {
    Event::ShipmentSettled(id("ann"), report(exchange(exchange_id), Some("by hand")))
}
