//! The way of a redemption from the request to the shipping request, over HTTP, on a real ledger.

use serde_json::json;

use crate::ledger::Ledger;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redemption_goes_from_the_request_to_the_shipping_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    api.opens("mug", 300, Some(10), Some(2)).await;
    api.earns("ann", 500, "B-1").await;
    let answer = api.redeems("ann", "x-1", "mug").await;
    let first = answer.is(201);
    assert_eq!(
        first,
        json!({"exchange_id": "x-1", "account_id": "ann", "offer_id": "mug", "quantity": 1,
            "points": 300, "unit": "points",
            "prices": [{"unit": "points", "points": 300}], "status": "created",
            "position": "0:5"})
    );
    let position = answer.position.expect("a write has a position");

    let balance = api.get_after(&position, "shopper", "/v1/accounts/ann").await.is(200);
    assert_eq!((&balance["available"], &balance["position"]), (&json!(200), &json!("0:4")));
    let exchange = api.get("shopper", "/v1/accounts/ann/exchanges/x-1").await.is(200);
    assert_eq!(exchange["status"], "created");
    let found = api.list("auditor", "/v1/exchanges?exchange_id=x-1").await;
    assert_eq!(found.len(), 1);
    let entries = api.list("shopper", "/v1/accounts/ann/entries").await;
    let amounts: Vec<_> = entries.iter().map(|entry| entry["points"].clone()).collect();
    assert_eq!(amounts, [json!(-300), json!(500)], "newest first");
    let offer = api.get("shopper", "/v1/offers/mug").await.is(200);
    assert_eq!((&offer["remaining"], &offer["stock"]), (&json!(9), &json!(10)));

    let requests = api.list("warehouse", "/v1/shipping-requests?exchange_id=x-1").await;
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!(request["type"], 2);
    assert_eq!(request["lines"], json!([{"product_id": "mug-product", "quantity": 1}]));
    assert_eq!((&request["deliver_to"], &request["sequence"]), (&json!("1 Elm Street"), &json!(1)));
    let unseen = api.list("auditor", "/v1/shipping-requests?account_id=ann").await;
    assert_eq!(unseen[0]["deliver_to"], json!(null), "an auditor needs no address");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_was_opened_gets_credit_from_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    api.earns("ann", 500, "B-1").await;
    // The longest id of an account.
    let bob = format!("shop-7:{}", "b".repeat(121));
    let path = format!("/v1/accounts/{bob}");
    let sent = json!({"to": bob, "points": 100});
    let transfer = "/v1/accounts/ann/transfers/t-1";
    api.put("shopper", transfer, sent.clone()).await.is_problem(409, "recipient-unknown");
    let opened = api.put("merchant", &path, json!({})).await;
    let first = opened.is(201);
    assert_eq!(first, json!({"account_id": bob, "position": "0:3"}));
    assert_eq!(api.put("shopper", &path, json!({})).await.is(200), first, "once");
    let position = opened.position.expect("a write has a position");
    let balance = api.get_after(&position, "shopper", &path).await.is(200);
    assert_eq!((&balance["available"], &balance["position"]), (&json!(0), &json!("0:3")));
    let sent = api.put("shopper", transfer, sent).await;
    sent.is(201);
    let position = sent.position.expect("a write has a position");
    let balance = api.get_after(&position, "shopper", &path).await.is(200);
    assert_eq!(balance["available"], 100);
    let too_long = format!("/v1/accounts/{}", "b".repeat(129));
    let problem = api.put("merchant", &too_long, json!({})).await.is_problem(400, "invalid-id");
    assert_eq!(problem["field"], "account_id");
    let hold = format!("{path}/holds/{}", "h".repeat(65));
    let problem = api.get("shopper", &hold).await.is_problem(400, "invalid-id");
    assert_eq!(problem["field"], "hold_id");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_is_told_what_this_is_and_where_to_read_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    for path in ["/", "/v1"] {
        let answer = reqwest::get(format!("{}{path}", ledger.client.url)).await.expect("answered");
        assert_eq!(answer.status(), 200, "{path}, without a key");
        let about: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!(about["name"], "Guerdon");
        assert_eq!(about["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(about["parts"], json!(["command-api", "projector", "query-api"]));
        for further in ["document", "docs", "problems", "health"] {
            let further = about[further].as_str().expect("a path");
            let page = reqwest::get(format!("{}{further}", ledger.client.url)).await;
            assert_eq!(page.expect("answered").status(), 200, "{further}");
        }
    }
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exchange_id_is_the_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    api.opens("mug", 300, None, None).await;
    api.earns("ann", 500, "B-1").await;
    let first = api.redeems("ann", "x-1", "mug").await.is(201);
    assert_eq!(api.redeems("ann", "x-1", "mug").await.is(200), first);
    let by_key = api
        .request("POST", "/v1/accounts/ann/exchanges", "shopper")
        .header("idempotency-key", "\"x-1\"")
        .json(&json!({"offer_id": "mug", "quantity": 1, "deliver_to": "1 Elm Street"}));
    assert_eq!(api.send(by_key).await.expect("answered").is(200), first);

    let path = "/v1/accounts/ann/exchanges/x-1";
    for (field, body) in [
        ("offer_id", json!({"offer_id": "cup", "quantity": 1, "deliver_to": "1 Elm Street"})),
        ("quantity", json!({"offer_id": "mug", "quantity": 2, "deliver_to": "1 Elm Street"})),
        ("deliver_to", json!({"offer_id": "mug", "quantity": 1, "deliver_to": "2 Oak Street"})),
    ] {
        let answer = api.put("shopper", path, body).await;
        assert_eq!(answer.is_problem(422, "id-reused")["field"], field);
    }
    let refused = api.redeems("ann", "x-2", "mug").await.is_problem(409, "insufficient-credit");
    assert_eq!((&refused["needed"], &refused["available"]), (&json!(300), &json!(200)));
    api.earns("ann", 100, "B-2").await;
    api.redeems("ann", "x-2", "mug").await.is(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_is_amended_as_it_was_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    api.opens("mug", 300, Some(10), None).await;
    let terms = json!({"product_id": "mug-product", "price": 250});
    let amend = |if_match: &str| {
        api.request("PUT", "/v1/offers/mug", "operator").header("if-match", if_match).json(&terms)
    };
    let unread = json!({"product_id": "mug-product", "price": 250, "stock": 10});
    let exists = api.put("operator", "/v1/offers/mug", unread).await;
    let exists = exists.is_problem(428, "offer-exists");
    let detail = exists["detail"].as_str().expect("a text");
    assert!(detail.contains("If-Match: \"1\""), "as it is to be sent: {detail}");
    let amended = api.send(amend("\"1\"")).await.expect("answered").is(200);
    assert_eq!((&amended["version"], &amended["price"]), (&json!(2), &json!(250)));
    assert_eq!(api.send(amend("\"1\"")).await.expect("answered").is(200)["version"], 2, "a repeat");
    let other = json!({"product_id": "mug-product", "price": 200});
    let stale =
        api.request("PUT", "/v1/offers/mug", "operator").header("if-match", "\"1\"").json(&other);
    api.send(stale).await.expect("answered").is_problem(412, "offer-changed");
    let more = api.put("operator", "/v1/offers/mug/stock-additions/s-1", json!({"units": 5})).await;
    more.is(201);
    let closed = api.put("operator", "/v1/offers/mug/closure", json!({})).await.is(201);
    assert_eq!((&closed["status"], &closed["stock"]), (&json!("closed"), &json!(15)));
    api.earns("ann", 500, "B-1").await;
    api.redeems("ann", "x-1", "mug").await.is_problem(409, "offer-not-open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_part_runs_in_a_process_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let commands = Ledger::start_with(folder.path(), &["--role", "command-api"], &[]);
    let reads = Ledger::start_with(folder.path(), &["--role", "projector,query-api"], &[]);
    commands.client.opens("mug", 300, None, None).await;
    commands.client.earns("ann", 500, "B-1").await;
    let position = commands.client.redeems("ann", "x-1", "mug").await.position.expect("a position");
    let balance = reads.client.get_after(&position, "shopper", "/v1/accounts/ann").await.is(200);
    assert_eq!(balance["available"], 200);
    let unread = commands.client.get("shopper", "/v1/accounts/ann/entries").await;
    unread.is_problem(404, "no-such-route");
    assert_eq!((reads.stop(), commands.stop()), (Some(0), Some(0)));
}
