//! Credit that is given back by somebody else than the shopper, against a running ledger.

use serde_json::{Value, json};

use crate::ledger::{Answer, Ledger};

const HOLD: &str = "/v1/accounts/ann/holds/h-1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_is_refunded_by_the_merchant_and_counts_as_refunded() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.earns("ann", 500, "B-1").await;
    ledger.client.holds("ann", "h-1", 300).await;
    ledger.client.put("shopper", &format!("{HOLD}/capture"), json!({})).await.is(201);
    let refund = async |role: &str, id: &str, body: Value| {
        ledger.client.put(role, &format!("{HOLD}/refunds/{id}"), body).await
    };
    refund("shopper", "f-1", json!({})).await.is_problem(403, "forbidden");
    let body = json!({"points": 120, "by": "till 3", "reason": "broken"});
    let first = refund("merchant", "f-1", body.clone()).await.is(201);
    assert_eq!((&first["points"], &first["captured_points"]), (&json!(120), &json!(300)));
    assert_eq!(refund("merchant", "f-1", body).await.is(200), first);
    let too_many = refund("operator", "f-2", json!({"points": 181})).await;
    assert_eq!(too_many.is_problem(409, "points-too-large")["left"], 180);
    let rest = refund("operator", "f-2", json!({})).await;
    let position = rest.position.clone().expect("a write has a position");
    assert_eq!(rest.is(201)["points"], 180);
    refund("operator", "f-3", json!({})).await.is_problem(409, "points-too-large");

    let read =
        async |path: &str| ledger.client.get_after(&position, "operator", path).await.is(200);
    assert_eq!(read("/v1/accounts/ann").await["available"], 500);
    let held = read(HOLD).await;
    assert_eq!((&held["status"], &held["refunded_points"]), (&json!("captured"), &json!(300)));
    let totals = read("/v1/totals").await;
    let sums = ["redeemed", "refunded", "difference"].map(|name| totals[name].clone());
    assert_eq!(sums, [json!("300"), json!("300"), json!("0")]);
    let entries = ledger.client.list("operator", "/v1/accounts/ann/entries").await;
    let newest = &entries[0];
    assert_eq!((&newest["kind"], &newest["refund_id"]), (&json!("credit-refunded"), &json!("f-2")));
    let got = read(&format!("{HOLD}/refunds/f-1")).await;
    assert_eq!((&got["points"], &got["reason"]), (&json!(120), &json!("broken")));
    assert_eq!((&newest["hold_id"], &newest["exchange_id"]), (&json!("h-1"), &Value::Null));
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_that_paid_an_exchange_is_refunded_by_cancelling_the_exchange() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.opens("mug", 100, None, None).await;
    ledger.client.earns("ann", 500, "B-1").await;
    let refund = format!("{HOLD}/refunds/f-1");
    let asks = async || ledger.client.put("merchant", &refund, json!({})).await;
    asks().await.is_problem(409, "hold-unknown");
    ledger.client.holds("ann", "h-1", 300).await;
    asks().await.is_problem(409, "hold-not-captured");
    let order = json!({"exchange": {"exchange_id": "x-1", "offer_id": "mug", "quantity": 1,
        "deliver_to": "1 Elm Street"}});
    ledger.client.put("shopper", &format!("{HOLD}/capture"), order).await.is(201);
    asks().await.is_problem(409, "capture-paid-exchange");
    let cancellation = "/v1/accounts/ann/exchanges/x-1/cancellations/c-1";
    ledger.client.put("operator", cancellation, json!({})).await.is(201);
    asks().await.is_problem(409, "capture-paid-exchange");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_is_extended_to_thirty_days_after_it_was_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.earns("ann", 500, "B-1").await;
    let latest = ledger.client.holds("ann", "h-1", 300).await;
    let extend = async |id: &str, deadline: &str| -> Answer {
        let path = format!("{HOLD}/extensions/{id}");
        ledger.client.put("shopper", &path, json!({"deadline": deadline})).await
    };
    let refused = extend("e-1", "2999-01-01T00:00:00Z").await;
    let refused = refused.is_problem(409, "deadline-out-of-range");
    let last = refused["latest"].as_str().expect("a time").to_owned();
    let [first, end] =
        [&latest, &last].map(|time| time.parse::<domain::Timestamp>().expect("a time"));
    assert!(end >= first, "counted from when the hold was made, after the first refusal");
    let extended = extend("e-1", &last).await;
    let position = extended.position.clone().expect("a write has a position");
    assert_eq!(extended.is(201)["deadline"], last.as_str());
    extend("e-1", &last).await.is(200);
    let again = extend("e-2", &last).await;
    assert_eq!(again.is_problem(409, "deadline-out-of-range")["after"], last.as_str());
    let got =
        ledger.client.get_after(&position, "shopper", &format!("{HOLD}/extensions/e-1")).await;
    assert_eq!(got.is(200)["deadline"], last.as_str());
    let held = ledger.client.get_after(&position, "shopper", HOLD).await.is(200);
    assert_eq!((&held["deadline"], &held["status"]), (&json!(last), &json!("held")));
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_operator_releases_is_read_with_its_grace_and_what_the_shopper_releases_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with(folder.path(), &["--clock", "commands"], &[]);
    let put = async |role: &str, path: &str, mut body: Value, at: &str| {
        body["occurred_at"] = json!(format!("2026-03-{at}T00:00:00Z"));
        ledger.client.put(role, path, body).await
    };
    for (account, role, expected, [earned, expires, released, deadline]) in [
        ("ann", "operator", 300, ["01", "05", "10", "20"]),
        ("bob", "shopper", 0, ["11", "15", "20", "30"]),
    ] {
        let expires = format!("2026-03-{expires}T00:00:00Z");
        let adjustment = json!({"direction": "add", "points": 300, "reference": "ticket-1",
            "reason": "sorry", "expires_at": expires});
        let account = format!("/v1/accounts/{account}");
        let adjustments = format!("{account}/adjustments/a-1");
        put("operator", &adjustments, adjustment, earned).await.is(201);
        let deadline = format!("2026-03-{deadline}T00:00:00Z");
        let hold = json!({"points": 300, "deadline": deadline});
        put("shopper", &format!("{account}/holds/h-1"), hold, earned).await.is(201);
        let release = format!("{account}/holds/h-1/release");
        let released = put(role, &release, json!({}), released).await;
        let position = released.position.clone().expect("a write has a position");
        let until = &released.is(201)["grace_until"];
        assert_eq!(until.is_string(), expected > 0, "30 days by the first policy: {until}");
        let body = ledger.client.get_after(&position, "operator", &account).await.is(200);
        assert_eq!(body["available"], expected, "{account}");
    }
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_return_and_a_withdrawal_are_undone_once_and_nothing_is_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let put = async |role: &str, path: &str, body: Value| ledger.client.put(role, path, body).await;
    let purchase = "/v1/accounts/ann/purchases/B-1";
    let lines = json!([{"product_id": "tv", "quantity": 1, "amount": 200},
        {"product_id": "dvd", "quantity": 3, "amount": 100}]);
    put("merchant", purchase, json!({"lines": lines, "points": 30})).await.is(201);
    let back = format!("{purchase}/returns/r-1");
    let unknown = put("merchant", &format!("{back}/reversal"), json!({})).await;
    unknown.is_problem(409, "return-unknown");
    put("merchant", &back, json!({"lines": [{"product_id": "dvd", "quantity": 3}]})).await.is(201);
    let reversal = format!("{back}/reversal");
    put("shopper", &reversal, json!({})).await.is_problem(403, "forbidden");
    let body = json!({"by": "till 3", "reason": "wrong basket"});
    let reversed = put("merchant", &reversal, body.clone()).await;
    let position = reversed.position.clone().expect("a write has a position");
    let reversed = reversed.is(201);
    assert_eq!(
        (&reversed["credit"]["points"], &reversed["lines"][0]["quantity"]),
        (&10.into(), &3.into())
    );
    assert_eq!(put("merchant", &reversal, body).await.is(200), reversed);
    let read = async |position: &str, path: &str| {
        ledger.client.get_after(position, "operator", path).await.is(200)
    };
    assert_eq!(read(&position, "/v1/accounts/ann").await["available"], 30);
    let got = read(&position, &reversal).await;
    assert_eq!((&got["credit"]["points"], &got["reason"]), (&10.into(), &"wrong basket".into()));
    let bought = read(&position, purchase).await;
    assert_eq!(
        (&bought["lines"][1]["returned"], &bought["returned_points"]),
        (&0.into(), &0.into())
    );
    assert_eq!(bought["withdrawn_points"], 0);

    // All of it is taken although 20 were spent: nobody owes them, and nobody gets them back.
    ledger.client.opens("mug", 20, None, None).await;
    ledger.client.redeems("ann", "x-1", "mug").await.is(201);
    let policy = json!({"spent_credit": "forgive", "refund_grace_days": 30});
    put("operator", "/v1/policy", policy).await.is(200);
    let withdrawal = "/v1/accounts/ann/withdrawals/w-1";
    let cause = json!({"cause": {"kind": "purchase", "id": "B-1"}});
    let withdrawn = put("merchant", withdrawal, cause).await.is(201);
    assert_eq!((&withdrawn["points"], &withdrawn["forgiven"]), (&30.into(), &20.into()));
    let reversal = format!("{withdrawal}/reversal");
    let reversed = put("operator", &reversal, json!({})).await;
    let position = reversed.position.clone().expect("a write has a position");
    assert_eq!(reversed.is(201)["credit"]["withdrawn_at"], withdrawn["position"]);
    let account = read(&position, "/v1/accounts/ann").await;
    assert_eq!((&account["available"], &account["owed"]), (&10.into(), &0.into()));
    assert_eq!(read(&position, "/v1/totals").await["difference"], "0");
    let kinds: Vec<Value> = ledger.client.list("operator", "/v1/accounts/ann/entries").await;
    let kinds: Vec<&str> = kinds.iter().filter_map(|entry| entry["kind"].as_str()).collect();
    let all = [
        "withdrawal-reversed",
        "credit-withdrawn",
        "credit-deducted",
        "return-reversed",
        "credit-withdrawn",
        "credit-earned",
    ];
    assert_eq!(kinds, all);
    assert_eq!(ledger.stop(), Some(0));
}
