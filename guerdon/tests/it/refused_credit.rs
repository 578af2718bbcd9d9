//! A purchase whose credit is refused: its goods are shipped, and the credit is claimed once.

use serde_json::{Value, json};

use crate::ledger::Ledger;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_ships_though_the_account_is_full_and_its_credit_is_claimed_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    api.opens("mug", 100, None, None).await;
    api.fills("ann").await;
    let purchase = json!({"points": 70, "deliver_to": "1 Elm Street",
        "lines": [{"product_id": "tv", "quantity": 2, "amount": 900}]});
    let path = "/v1/accounts/ann/purchases/P-1";
    let answer = api.put("merchant", path, purchase.clone()).await;
    let at = answer.position.clone().expect("a position");
    let recorded = answer.is(201);
    assert_eq!(
        (&recorded["points"], &recorded["credit_refused"], &recorded["lines"][0]["points"]),
        (&json!(0), &json!([{"unit": "points", "code": "account-full"}]), &json!(70))
    );
    let shipping = "/v1/shipping-requests?purchase_id=P-1";
    let requests = api.get_after(&at, "operator", shipping).await.is(200);
    assert_eq!(requests["items"].as_array().map(Vec::len), Some(1));
    let refusal =
        |claimed: bool| json!([{"unit": "points", "code": "account-full", "claimed": claimed}]);
    let read = api.get_after(&at, "merchant", path).await.is(200);
    assert_eq!((&read["points"], &read["credit_refused"]), (&json!(0), &refusal(false)));

    // Whatever is refused is recorded nowhere: the same claim succeeds once there is room.
    let cause = json!({"kind": "purchase", "id": "P-1"});
    let credits = "/v1/accounts/ann/credits";
    let claim = json!({"cause": cause});
    let full = api.post("merchant", credits, claim.clone()).await.is(409);
    assert_eq!(full["code"], "account-full");
    api.redeems("ann", "x-1", "mug").await.is(201);
    let named = json!({"points": 70, "cause": cause});
    let named = api.post("merchant", credits, named).await.is(422);
    assert_eq!((&named["code"], &named["field"]), (&json!("id-reused"), &json!("points")));
    let many = json!({"credits": [{"account_id": "ann", "cause": cause}]});
    let answer = api.post("merchant", "/v1/credits", many).await;
    let at = answer.position.clone().expect("a position");
    let many = answer.is(200);
    let (status, credit) = (&many["items"][0]["status"], &many["items"][0]["credit"]);
    assert_eq!((status, &credit["points"]), (&json!(201), &json!(70)));
    let again = api.post("merchant", credits, claim).await.is(200);
    assert_eq!(&again, credit);
    assert_eq!(api.put("merchant", path, purchase).await.is(200), recorded);

    let account = api.get_after(&at, "shopper", "/v1/accounts/ann").await.is(200);
    assert_eq!(account["available"], 9_970);
    let read = api.get_after(&at, "merchant", path).await.is(200);
    assert_eq!((&read["points"], &read["credit_refused"]), (&json!(70), &refusal(true)));
    // What was claimed is taken back as what was earned.
    let back = json!({"lines": [{"product_id": "tv", "quantity": 1}]});
    let path = "/v1/accounts/ann/purchases/P-1/returns/r-1";
    assert_eq!(api.put("merchant", path, back).await.is(201)["points"], 35);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_that_earns_nothing_makes_the_account() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    let path = "/v1/accounts/ann/purchases/P-1";
    let purchase = json!({"points": 0, "lines": [{"product_id": "gift-card", "quantity": 1}]});
    let answer = api.put("merchant", path, purchase.clone()).await;
    let at = answer.position.clone().expect("a position");
    let recorded = answer.is(201);
    assert_eq!((&recorded["points"], &recorded["asked_points"]), (&json!(0), &json!(0)));
    api.put("merchant", path, purchase).await.is(200);
    let account = api.get_after(&at, "shopper", "/v1/accounts/ann").await.is(200);
    let sums = ["available", "held", "pending", "owed"].map(|name| account[name].clone());
    assert_eq!(sums, [0, 0, 0, 0]);
    assert!(api.list("shopper", "/v1/accounts/ann/entries").await.is_empty());
    // Credit can be passed to it.
    api.earns("bob", 10, "B-1").await;
    let sent = json!({"to": "ann", "points": 10});
    api.put("shopper", "/v1/accounts/bob/transfers/t-1", sent).await.is(201);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_purchases_in_one_call_have_each_their_outcome() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    let lines = json!([{"product_id": "tv", "quantity": 1, "amount": 900}]);
    let item = |account: &str, id: &str, more: Value| {
        let mut item = json!({"account_id": account, "purchase_id": id, "lines": lines});
        item.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
        item
    };
    let purchases = json!({"purchases": [
        item("ann", "P-1", json!({"points": 7})),
        item("bob", "P-1", json!({"points": 7, "expires_at": "2020-01-01T00:00:00Z"})),
        item("ann", "P-2", json!({})),
        item("ann", "P-1", json!({"points": 7})),
        item("ann", "P-3", json!({"points": 7, "rule": "gold"})),
    ]});
    let answer = api.post("merchant", "/v1/purchases", purchases).await.is(200);
    let items = answer["items"].as_array().expect("a list");
    let statuses: Vec<&Value> = items.iter().map(|item| &item["status"]).collect();
    assert_eq!(statuses, [201, 201, 409, 200, 400]);
    assert_eq!(items[0]["purchase"], items[3]["purchase"]);
    assert_eq!(items[1]["purchase"]["credit_refused"][0]["code"], "expiry-passed");
    assert_eq!(items[2]["problem"]["code"], "rule-unknown");
    assert_eq!(items[4]["problem"]["field"], "rule");
    let none = json!({"purchases": []});
    assert_eq!(api.post("merchant", "/v1/purchases", none).await.is(400)["field"], "purchases");
    assert_eq!(ledger.stop(), Some(0));
}
