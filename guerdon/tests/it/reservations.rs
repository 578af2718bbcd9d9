//! Units of an offer that are reserved by a hold, or kept for who waited, against a running ledger.

use serde_json::{Value, json};

use crate::ledger::{Ledger, until};

const HOLD: &str = "/v1/accounts/ann/holds/h-1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reserved_unit_is_the_shoppers_at_its_price_until_the_deadline() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let client = &ledger.client;
    client.opens("mug", 100, Some(2), None).await;
    client.earns("ann", 500, "B-1").await;
    client.earns("bob", 500, "B-2").await;
    let deadline = |seconds: i64| {
        let time = chrono::Utc::now() + chrono::TimeDelta::seconds(seconds);
        time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
    };
    let put = async |path: &str, body: Value| client.put("shopper", path, body).await;
    let reservation = json!({"offer_id": "mug", "quantity": 1, "deadline": deadline(600)});
    let held = put(HOLD, reservation.clone()).await.is(201);
    assert_eq!((&held["points"], &held["reserves"]["quantity"]), (&json!(100), &json!(1)));
    assert_eq!(put(HOLD, reservation).await.is(200), held);

    // Another one, which ends by itself, frees the unit whatever the gate knew.
    let soon = json!({"offer_id": "mug", "quantity": 1, "deadline": deadline(2)});
    put("/v1/accounts/ann/holds/h-2", soon).await.is(201);
    let order = json!({"offer_id": "mug", "quantity": 1, "deliver_to": "1 Elm Street"});
    let redeems = async || put("/v1/accounts/bob/exchanges/x-1", order.clone()).await;
    redeems().await.is_problem(409, "sold-out");
    let begun = std::time::Instant::now();
    let bought = loop {
        let answer = redeems().await;
        if ![409, 429].contains(&answer.status) || begun.elapsed().as_secs() > 20 {
            break answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    bought.is(201);

    // Nothing that becomes of the offer hinders the capture.
    client.put("operator", "/v1/offers/mug/pause", json!({})).await.is(201);
    let capture = format!("{HOLD}/capture");
    put(&capture, json!({})).await.is_problem(409, "hold-reserves-offer");
    let exchange = json!({"exchange": {"exchange_id": "x-1", "offer_id": "mug", "quantity": 1,
        "deliver_to": "1 Elm Street"}});
    let captured = put(&capture, exchange).await;
    let position = captured.position.clone().expect("a write has a position");
    assert_eq!(captured.is(201)["points"], 100);

    let read = async |path: &str| client.get_after(&position, "operator", path).await.is(200);
    let hold = read(HOLD).await;
    assert_eq!((&hold["status"], &hold["exchange_id"]), (&json!("captured"), &json!("x-1")));
    assert_eq!(hold["reserves"]["offer_id"], "mug");
    assert_eq!(read("/v1/accounts/ann/holds/h-2").await["status"], "expired");
    assert_eq!(read("/v1/offers/mug").await["remaining"], 0);
    assert_eq!(read("/v1/accounts/ann").await["available"], 400);
    assert_eq!(read("/v1/totals").await["difference"], "0");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reservation_that_says_too_much_or_too_little_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let client = &ledger.client;
    let end = "2099-01-01T00:00:00Z";
    for (body, field) in [
        (json!({"deadline": end}), "points"),
        (json!({"points": 1, "quantity": 1, "deadline": end}), "quantity"),
        (json!({"points": 1, "expected_points": 1, "deadline": end}), "expected_points"),
        (json!({"offer_id": "mug", "deadline": end}), "quantity"),
        (json!({"offer_id": "mug", "quantity": 1, "points": 1, "deadline": end}), "points"),
        (json!({"offer_id": "mug", "quantity": 1, "unit": "points", "deadline": end}), "unit"),
    ] {
        let problem = client.put("shopper", HOLD, body.clone()).await;
        let problem = problem.is_problem(400, "invalid-field");
        assert_eq!(problem["field"], field, "{body}");
    }
    client.earns("ann", 500, "B-1").await;
    client.opens("mug", 100, Some(2), None).await;
    let body = json!({"offer_id": "mug", "quantity": 1, "deadline": end});
    client.put("shopper", HOLD, body).await.is_problem(409, "deadline-out-of-range");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_longest_gets_the_unit_that_comes_back_also_after_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let client = &ledger.client;
    client.opens("mug", 100, Some(1), None).await;
    for account in ["ann", "bob", "cid"] {
        client.earns(account, 500, "B-1").await;
    }
    client.redeems("ann", "x-1", "mug").await.is(201);
    let wait = |account: &str| format!("/v1/accounts/{account}/waits/w-1");
    for account in ["bob", "cid"] {
        client.put("shopper", &wait(account), json!({"offer_id": "mug"})).await.is(201);
    }
    let again = client.put("shopper", &wait("cid"), json!({"offer_id": "mug"})).await;
    let position = again.position.clone().expect("a write has a position");
    again.is(200);
    let cid = client.get_after(&position, "shopper", &wait("cid")).await.is(200);
    assert_eq!((&cid["status"], &cid["ahead"]), (&json!("waiting"), &json!(1)));
    let cancellation = "/v1/accounts/ann/exchanges/x-1/cancellations/c-1";
    client.put("shopper", cancellation, json!({})).await.is(201);
    ledger.kill();

    let ledger = Ledger::start(folder.path());
    let client = &ledger.client;
    let served = until(client, &wait("bob"), |bob| bob["status"] == "served").await;
    assert!(served["deadline"].is_string(), "{served}");
    for (account, may_take) in [("bob", 1), ("cid", 0)] {
        let offer = format!("/v1/accounts/{account}/offers/mug");
        assert_eq!(client.get("shopper", &offer).await.is(200)["may_take"], may_take);
    }
    client.redeems("cid", "x-1", "mug").await.is_problem(409, "sold-out");
    client.redeems("ann", "x-2", "mug").await.is_problem(409, "sold-out");
    let bought = client.redeems("bob", "x-1", "mug").await;
    let position = bought.position.clone().expect("a write has a position");
    bought.is(201);
    let read = async |path: &str| client.get_after(&position, "operator", path).await.is(200);
    assert_eq!(read(&wait("bob")).await["status"], "taken");
    let cid = read(&wait("cid")).await;
    assert_eq!((&cid["status"], &cid["ahead"]), (&json!("waiting"), &json!(0)));
    assert_eq!(read("/v1/offers/mug").await["remaining"], 0);
    client.put("shopper", &format!("{}/leaving", wait("cid")), json!({})).await.is(201);
    let gone = client.put("shopper", &format!("{}/leaving", wait("bob")), json!({})).await;
    gone.is_problem(409, "wait-ended");
    assert_eq!(ledger.stop(), Some(0));
}
