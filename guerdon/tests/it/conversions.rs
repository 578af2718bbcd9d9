//! Conversions over HTTP, on a real ledger: credit of one unit becomes credit of another by the
//! operator's rate, and both balance.

use serde_json::{Value, json};

use crate::ledger::{Answer, Api, Ledger};

const RATE: &str = "/v1/conversion-rates/points/miles";

/// A ledger with miles, three points for one, and 500 points of ann's.
async fn make_rate(api: &Api) {
    api.put("operator", "/v1/units/miles", json!({"name": "Miles"})).await.is(201);
    api.put("operator", RATE, json!({"give": 3, "take": 1, "minimum": 30})).await.is(201);
    earn(api, json!({"points": 500, "cause": {"kind": "review", "id": "R-1"}})).await.is(201);
}

async fn earn(api: &Api, body: Value) -> Answer {
    api.post("merchant", "/v1/accounts/ann/credits", body).await
}

async fn convert(api: &Api, id: &str, points: u64, more: Value) -> Answer {
    let mut body = json!({"from": {"points": points}, "to": "miles"});
    body.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
    api.put("shopper", &format!("/v1/accounts/ann/conversions/{id}"), body).await
}

async fn set_rate(api: &Api, if_match: &str, body: Value) -> Answer {
    api.put_over(RATE, if_match, body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_steps_become_miles_and_both_units_balance() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    make_rate(api).await;
    let expected = || json!({"expected_points": 100});
    convert(api, "c-1", 303, expected()).await.is_problem(409, "price-changed");
    let done = convert(api, "c-1", 302, expected()).await.is(201);
    let found = ["points", "to_points", "asked_points"].map(|field| done[field].clone());
    assert_eq!(found, [300, 100, 302].map(Value::from), "{done}");
    assert_eq!(done["rate"], json!({"version": 1, "give": 3, "take": 1}));
    let again = convert(api, "c-1", 302, expected()).await;
    let at = again.position.clone().expect("a position");
    assert_eq!(again.is(200), done);
    let other = convert(api, "c-1", 303, expected()).await.is(422);
    assert_eq!((&other["code"], &other["field"]), (&json!("id-reused"), &json!("from")));

    let ann = api.get_after(&at, "shopper", "/v1/accounts/ann").await.is(200);
    assert_eq!(
        (&ann["available"], &ann["units"]["miles"]["available"]),
        (&json!(200), &json!(100))
    );
    let path = "/v1/accounts/ann/conversions/c-1";
    assert_eq!(api.get("auditor", path).await.is(200)["position"], done["position"]);
    let entries = api.get("shopper", "/v1/accounts/ann/entries").await.is(200);
    let entries = entries["items"].as_array().expect("a list");
    let lines = [&entries[0], &entries[1]].map(|entry| {
        let fields = ["kind", "unit", "points", "balance", "cause"];
        fields.map(|field| entry[field].clone())
    });
    let cause = json!({"kind": "conversion", "id": "c-1"});
    let came = [json!("credit-earned"), json!("miles"), json!(100), json!(100), cause.clone()];
    let went = [json!("credit-converted"), json!("points"), json!(-300), json!(200), cause];
    assert_eq!(lines, [came, went]);
    let converted = api.get("shopper", "/v1/accounts/ann/entries?kind=credit-converted").await;
    assert_eq!(converted.is(200)["items"].as_array().map(Vec::len), Some(1));

    let points = api.get("auditor", "/v1/totals").await.is(200);
    let sums = ["issued", "available", "converted_out", "conversions", "difference"];
    assert_eq!(sums.map(|sum| points[sum].clone()), ["500", "200", "300", "1", "0"]);
    assert_eq!(points.get("converted_in"), None);
    let miles = api.get("auditor", "/v1/totals?unit=miles").await.is(200);
    let sums = ["issued", "available", "converted_in", "difference"];
    assert_eq!(sums.map(|sum| miles[sum].clone()), ["0", "100", "100", "0"]);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_is_changed_as_it_was_read_and_closed_for_good() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    make_rate(api).await;
    let same = json!({"give": 3, "take": 1, "minimum": 30});
    assert_eq!(api.put("operator", RATE, same).await.is(200)["version"], 1);
    let double = json!({"give": 3, "take": 2, "expiry": {"months": 12}});
    api.put("operator", RATE, double.clone()).await.is_problem(428, "rate-exists");
    let only_new = api.request("PUT", RATE, "operator").header("if-none-match", "*").json(&double);
    api.send(only_new).await.expect("answered").is_problem(412, "already-exists");
    set_rate(api, "\"2\"", double.clone()).await.is_problem(412, "rate-changed");
    assert_eq!(set_rate(api, "\"1\"", double.clone()).await.is(200)["version"], 2);
    let done = convert(api, "c-1", 3, json!({})).await.is(201);
    assert_eq!((&done["to_points"], &done["rate"]["version"]), (&json!(2), &json!(2)));
    assert!(done["expires_at"].is_string(), "{done}");

    let closure = format!("{RATE}/closure");
    assert_eq!(api.put("operator", &closure, json!({})).await.is(201)["version"], 3);
    let answer = api.put("operator", &closure, json!({})).await;
    let at = answer.position.clone().expect("a position");
    assert!(answer.is(200)["closed_at"].is_string());
    convert(api, "c-2", 3, json!({})).await.is_problem(409, "rate-closed");
    set_rate(api, "*", double.clone()).await.is_problem(409, "rate-closed");
    api.put("operator", RATE, double).await.is_problem(409, "rate-closed");

    let read = api.get_after(&at, "shopper", RATE).await.is(200);
    assert_eq!((&read["version"], &read["take"]), (&json!(3), &json!(2)));
    assert!(read["closed_at"].is_string(), "{read}");
    let first = api.get("shopper", &format!("{RATE}?version=1")).await.is(200);
    assert_eq!((&first["take"], first.get("closed_at")), (&json!(1), None));
    api.get("shopper", &format!("{RATE}?version=4")).await.is_problem(404, "not-found");
    let list = api.get("shopper", "/v1/conversion-rates?limit=1").await.is(200);
    assert_eq!((&list["items"], &list["next"]), (&json!([read]), &Value::Null));
    assert_eq!(api.get("auditor", &closure).await.is(200)["version"], 3);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_no_sense_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    make_rate(api).await;
    api.put("operator", "/v1/units/status", json!({"spendable": false})).await.is(201);

    let rate = || json!({"give": 3, "take": 1});
    let to_itself = api.put("operator", "/v1/conversion-rates/miles/miles", rate()).await.is(400);
    assert_eq!((&to_itself["code"], &to_itself["field"]), (&json!("invalid-id"), &json!("to")));
    for (field, body) in [
        ("give", json!({"give": 0, "take": 1})),
        ("take", json!({"give": 3, "take": 0})),
        ("minimum", json!({"give": 3, "take": 1, "minimum": 0})),
        ("expiry", json!({"give": 3, "take": 1, "expiry": {}})),
        ("expiry.months", json!({"give": 3, "take": 1, "expiry": {"months": 0}})),
    ] {
        let problem = api.put("operator", "/v1/conversion-rates/miles/points", body).await.is(400);
        assert_eq!((&problem["code"], &problem["field"]), (&json!("invalid-field"), &json!(field)));
    }
    for (path, code) in [
        ("/v1/conversion-rates/points/gold", "unit-unknown"),
        ("/v1/conversion-rates/status/points", "unit-not-spendable"),
    ] {
        api.put("operator", path, rate()).await.is_problem(409, code);
    }
    let path = "/v1/conversion-rates/miles/points";
    api.put_over(path, "*", rate()).await.is_problem(404, "not-found");
    let path = format!("{path}/closure");
    api.put("operator", &path, json!({})).await.is_problem(404, "not-found");

    let path = "/v1/accounts/ann/conversions/c-1";
    let to_itself = json!({"from": {"unit": "miles", "points": 3}, "to": "miles"});
    let to_itself = api.put("shopper", path, to_itself).await.is(400);
    assert_eq!((&to_itself["code"], &to_itself["field"]), (&json!("invalid-field"), &json!("to")));
    let none = json!({"from": {"points": 0}, "to": "miles"});
    assert_eq!(api.put("shopper", path, none).await.is(400)["field"], "from.points");
    for (from, to, code) in [
        ("points", "gold", "unit-unknown"),
        ("status", "points", "unit-not-spendable"),
        ("miles", "points", "rate-unknown"),
    ] {
        let body = json!({"from": {"unit": from, "points": 300}, "to": to});
        api.put("operator", path, body).await.is_problem(409, code);
    }
    let small = convert(api, "c-1", 29, json!({})).await.is(409);
    let facts = (&small["code"], &small["least"], &small["asked"]);
    assert_eq!(facts, (&json!("points-too-small"), &json!(30), &json!(29)));
    let lacks = convert(api, "c-1", 601, json!({})).await.is(409);
    let facts = (&lacks["code"], &lacks["unit"], &lacks["needed"], &lacks["available"]);
    assert_eq!(facts, (&json!("insufficient-credit"), &json!("points"), &json!(600), &json!(500)));

    // What a conversion earns, nobody else earns, and nobody takes back.
    convert(api, "c-1", 30, json!({})).await.is(201);
    let cause = || json!({"kind": "conversion", "id": "c-1"});
    let earned = earn(api, json!({"unit": "miles", "points": 5, "cause": cause()})).await.is(400);
    assert_eq!(
        (&earned["code"], &earned["field"]),
        (&json!("invalid-field"), &json!("cause.kind"))
    );
    let of_many = json!({"account_id": "ann", "points": 5, "cause": cause()});
    let of_many = api.post("merchant", "/v1/credits", json!({"credits": [of_many]})).await;
    assert_eq!(of_many.is(400)["field"], "credits[0].cause.kind");
    let taken = json!({"unit": "miles", "cause": cause(), "reason": "a slip"});
    let taken = api.put("operator", "/v1/accounts/ann/withdrawals/w-1", taken).await.is(400);
    assert_eq!(taken["field"], "cause.kind");

    api.put("operator", "/v1/units/miles/closure", json!({})).await.is(201);
    convert(api, "c-2", 30, json!({})).await.is_problem(409, "unit-closed");
    set_rate(api, "*", json!({"give": 2, "take": 1})).await.is_problem(409, "unit-closed");
    assert_eq!(ledger.stop(), Some(0));
}
