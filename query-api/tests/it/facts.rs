//! What can be put can be got, at the same path, with who and why for those who may know.

use domain::{Clock, Event, Note, Shipped};
use serde_json::{Value, json};
use testing::ledger::{On, id};
use testing::life::{
    DAY, cancelled, exchanged, history, parcel_arrived, parcel_left, purchased, report, returned,
};

use crate::asks::Reads;

testing::on_every_database! {
    what_was_put_can_be_got_at_its_path,
    who_and_why_is_for_operators_and_auditors,
    a_fact_has_the_fields_that_its_call_answered,
    a_capture_names_the_exchange_that_it_paid,
    what_comes_later_stands_at_a_path_that_is_put_to_again,
    a_warehouses_reports_can_be_got_of_its_own_requests,
    a_purchase_shows_its_parcels_and_whoever_has_its_id,
}

/// The paths of a life of points, and the positions of what stands there.
const FACTS: [(&str, &str); 24] = [
    ("accounts/ann/purchases/B-1/returns/r-1", "0:10"),
    ("accounts/ann/exchanges/x-1/cancellations/c-1", "0:18"),
    ("accounts/ann/exchanges/x-2/cancellations/c-1", "0:39"),
    ("accounts/ann/holds/h-1/capture", "0:21"),
    ("accounts/ann/holds/h-2/release", "0:24"),
    ("accounts/ann/holds/h-3/release", "0:26"),
    ("accounts/bob/holds/h-1/extensions/e-1", "0:45"),
    ("accounts/bob/holds/h-1/refunds/f-1", "0:47"),
    ("accounts/ann/purchases/B-2/returns/r-9", "0:48"),
    ("accounts/ann/purchases/B-2/returns/r-9/reversal", "0:49"),
    ("accounts/bob/withdrawals/w-1/reversal", "0:50"),
    ("accounts/ann/transfers/t-1", "0:28"),
    ("accounts/bob/withdrawals/w-1", "0:31"),
    ("accounts/bob/adjustments/a-2", "0:32"),
    ("accounts/dan/conversions/c-1", "0:58"),
    ("conversion-rates/miles/points/closure", "0:60"),
    ("offers/mug/stock-additions/s-1", "0:36"),
    ("offers/mug/closure", "0:37"),
    ("offers/mug/reopenings/o-1", "0:51"),
    ("offers/mug/pause", "0:71"),
    ("offers/mug/resumptions/r-1", "0:72"),
    ("offers/mug/stock-removals/d-1", "0:52"),
    ("clock/confirmation", "0:2"),
    ("shipping-requests/{log}-1-0-16/dispatch", "0:19"),
];

async fn what_was_put_can_be_got_at_its_path(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let log = reads.ledger.store.log_id().to_string();
    for (path, position) in FACTS {
        let path = format!("/v1/{}", path.replace("{log}", &log));
        let fact = reads.get(&path).await;
        assert_eq!(fact["position"], position, "{path}");
        assert!(fact["recorded_at"].is_string() && fact.get("meta").is_none(), "{fact}");
    }
    for path in [
        "accounts/ann/purchases/B-1/returns/r-2",
        "accounts/ann/purchases/B-2/returns/r-1",
        "accounts/bob/purchases/B-1/returns/r-1",
        "accounts/ann/exchanges/x-1/cancellations/~rejected",
        "accounts/ann/holds/h-1/release",
        "accounts/ann/holds/h-2/capture",
        "accounts/bob/transfers/t-1",
        "accounts/ann/withdrawals/w-1",
        "accounts/bob/withdrawals/a-2",
        "offers/mug/stock-additions/s-2",
        "accounts/dan/conversions/c-2",
        "conversion-rates/points/miles/closure",
        "offers/hat/closure",
    ] {
        reads.missing(&format!("/v1/{path}")).await;
    }
}

async fn who_and_why_is_for_operators_and_auditors(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let Event::ExchangeCancelled(account, fact) = cancelled("ann", "x-1", "c-2", 1, 300, (2, 600))
    else {
        panic!("a cancellation")
    };
    // The longest reason, with a character that PostgreSQL keeps in no text.
    let why = format!("{}\0", "y".repeat(511));
    let note = Note { by: Some(id("Otto Opal")), reason: Some(id(&why)) };
    let event = Event::ExchangeCancelled(account, domain::ExchangeCancelled { note, ..fact });
    reads.record(vec![(42 * DAY, event)]).await;
    let path = "/v1/accounts/ann/exchanges/x-1/cancellations/c-2";
    for (role, by, reason) in [
        ("operator", json!("Otto Opal"), json!(why.replace('\0', "\u{fffd}"))),
        ("auditor", json!("Otto Opal"), json!(why.replace('\0', "\u{fffd}"))),
        ("merchant", Value::Null, Value::Null),
        ("shopper", Value::Null, Value::Null),
    ] {
        let (status, _, body) = reads.ask(role, path).await;
        assert_eq!((status, &body["by"], &body["reason"]), (200, &by, &reason), "{role}: {body}");
        assert_eq!(body["caller"].is_object(), by.is_string(), "{role}: {body}");
    }
}

async fn a_fact_has_the_fields_that_its_call_answered(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let (_, _, transfer) = reads.ask("shopper", "/v1/accounts/ann/transfers/t-1").await;
    assert_eq!(
        transfer,
        json!({"account_id": "ann", "transfer_id": "t-1", "to": "bob", "unit": "points",
            "points": 150, "lots": [{"lot": "0:13", "points": 150}], "status": "received",
            "recorded_at": "1970-01-16T00:00:00Z", "position": "0:28"})
    );
    reads.record(vec![(42 * DAY, returned("ann", "B-2", "r-2", 1, 0))]).await;
    let (_, _, back) = reads.ask("merchant", "/v1/accounts/ann/purchases/B-2/returns/r-2").await;
    assert_eq!(
        back,
        json!({"account_id": "ann", "purchase_id": "B-2", "return_id": "r-2",
            "lines": [{"product_id": "pan", "quantity": 1}], "unit": "points", "points": 0,
            "taken": [{"unit": "points", "points": 0}],
            "asked_lines": true, "recorded_at": "1970-02-12T00:00:00Z", "position": after(1)})
    );
    let (_, _, closure) = reads.ask("auditor", "/v1/offers/mug/closure").await;
    assert_eq!((&closure["offer_id"], closure.get("account_id")), (&json!("mug"), None));
}

async fn a_capture_names_the_exchange_that_it_paid(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let capture = reads.get("/v1/accounts/ann/holds/h-1/capture").await;
    assert_eq!(
        (&capture["points"], &capture["exchange_id"], &capture["released"][0]["points"]),
        (&json!(300), &json!("x-2"), &json!(100))
    );
    let release = reads.get("/v1/accounts/ann/holds/h-3/release").await;
    assert_eq!((&release["reason"], release.get("caller")), (&json!("deadline"), None));
    let release = reads.get("/v1/accounts/ann/holds/h-2/release").await;
    assert_eq!((&release["reason"], release["caller"].is_object()), (&json!("asked"), true));
    let reversal = reads.get("/v1/accounts/ann/purchases/B-2/returns/r-9/reversal").await;
    assert_eq!(reversal.get("points"), None, "only the return has points");
}

/// The position so many events after the history.
fn after(more: usize) -> String {
    format!("0:{}", testing::life::EVENTS + more)
}

async fn what_comes_later_stands_at_a_path_that_is_put_to_again(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    reads.pass_to(43).await;
    assert_eq!(reads.get("/v1/clock/confirmation").await["position"], after(1));
    // Twice in one batch.
    let confirmed =
        |day| Event::ClockConfirmed(domain::ClockConfirmed { wall: testing::life::day(day) });
    reads.record(vec![(44 * DAY, confirmed(44)), (45 * DAY, confirmed(45))]).await;
    let confirmation = reads.get("/v1/clock/confirmation").await;
    assert_eq!(
        (&confirmation["position"], &confirmation["wall"]),
        (&json!(after(3)), &json!("1970-02-15T00:00:00Z"))
    );
}

async fn a_warehouses_reports_can_be_got_of_its_own_requests(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)[..6].to_vec()).await;
    let of = || Shipped::ExchangeId(id("x-1"));
    let events = vec![
        exchanged("ann", "x-1", 3, 900, None),
        Event::ShipmentAccepted(id("ann"), report(of(), None)),
        Event::ShipmentBackOrdered(id("ann"), report(of(), Some("none left"))),
        parcel_left("ann", of(), "box-1", &[("product", 1, 3)]),
        parcel_arrived("ann", of(), "box-1"),
    ];
    let events = events.into_iter().map(|event| (2 * DAY, event)).collect();
    reads.record(events).await;
    let request = format!("/v1/shipping-requests/{}-1-0-7", reads.ledger.store.log_id());
    for (path, position) in [
        ("acceptance", "0:8"),
        ("back-order", "0:9"),
        ("dispatches/box-1", "0:10"),
        ("dispatches/box-1/delivery", "0:11"),
    ] {
        let (status, _, body) = reads.ask("warehouse", &format!("{request}/{path}")).await;
        assert_eq!((status, &body["position"]), (200, &json!(position)), "{path}: {body}");
    }
    let back_order = reads.get(&format!("{request}/back-order")).await;
    assert_eq!(back_order["reason"], "none left");
    for path in ["delivery", "rejection", "settlement", "dispatch", "dispatches/box-2"] {
        let (status, _, problem) = reads.ask("warehouse", &format!("{request}/{path}")).await;
        assert_eq!((status, &problem["code"]), (404, &json!("not-found")), "{path}");
    }
}

async fn a_purchase_shows_its_parcels_and_whoever_has_its_id(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let (_, _, shipped) = reads.ask("merchant", "/v1/accounts/ann/purchases/B-1").await;
    assert_eq!(
        (&shipped["status"], &shipped["carrier"], &shipped["express_no"]),
        (&json!("dispatched"), &json!("post"), &json!("EX-1"))
    );
    assert_eq!(shipped["parcels"][0]["status"], "dispatched");
    let (_, _, carried) = reads.ask("merchant", "/v1/accounts/ann/purchases/B-2").await;
    assert_eq!((carried.get("status"), &carried["parcels"]), (None, &json!([])));
    reads.record(vec![(42 * DAY, purchased("cat", "B-1", 9, None))]).await;
    for role in ["merchant", "operator", "auditor"] {
        let (status, _, page) = reads.ask(role, "/v1/purchases?purchase_id=B-1").await;
        let items = page["items"].as_array().expect("a list");
        let whose: Vec<_> = items.iter().map(|one| one["account_id"].clone()).collect();
        assert_eq!((status, whose), (200, vec![json!("ann"), json!("cat")]), "{role}");
    }
    let first = reads.get("/v1/purchases?purchase_id=B-1&limit=1").await;
    let next = first["next"].as_str().expect("there is more");
    let rest = reads.list(&format!("/v1/purchases?purchase_id=B-1&cursor={next}")).await;
    assert_eq!(rest[0]["account_id"], "cat");
    let (status, ..) = reads.ask("shopper", "/v1/purchases?purchase_id=B-1").await;
    assert_eq!(status, 403);
    let (status, ..) = reads.ask("merchant", "/v1/exchanges?exchange_id=x-1").await;
    assert_eq!(status, 200);
}
