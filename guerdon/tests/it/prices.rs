//! Offers that cost several units, over HTTP on a real ledger: all are paid or none, and each comes
//! back by itself.

use serde_json::{Value, json};

use crate::ledger::{Answer, Api, Ledger};

const MUG: &str = "/v1/offers/mug";
const EXCHANGES: &str = "/v1/accounts/ann/exchanges";

/// A ledger with miles, and with status, which only counts. Ann has 500 points and some miles.
/// Gives the position.
async fn prepare(api: &Api, miles: u64) -> String {
    api.put("operator", "/v1/units/miles", json!({"name": "Miles"})).await.is(201);
    api.put("operator", "/v1/units/status", json!({"spendable": false})).await.is(201);
    api.earns("ann", 500, "B-1").await;
    let body = json!({"unit": "miles", "points": miles, "cause": {"kind": "review", "id": "R-1"}});
    let answer = api.post("merchant", "/v1/accounts/ann/credits", body).await;
    answer.is(201);
    answer.position.expect("a write has a position")
}

fn prices(prices: &[(&str, u64)]) -> Value {
    prices.iter().map(|(unit, points)| json!({"unit": unit, "points": points})).collect()
}

fn mug(costs: &[(&str, u64)]) -> Value {
    json!({"product_id": "mug-blue", "prices": prices(costs), "stock": null})
}

async fn buys(api: &Api, exchange: &str, quantity: u64, more: Value) -> Answer {
    let mut body = json!({"offer_id": "mug", "quantity": quantity, "deliver_to": "1 Elm Street"});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
    api.put("shopper", &format!("{EXCHANGES}/{exchange}"), body).await
}

/// What ann has of points and of miles.
async fn has(api: &Api, position: &str) -> [Value; 2] {
    let ann = api.get_after(position, "shopper", "/v1/accounts/ann").await.is(200);
    ["points", "miles"].map(|unit| ann["units"][unit]["available"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_units_are_paid_or_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    prepare(api, 5).await;
    let opened = api.put("operator", MUG, mug(&[("points", 100), ("miles", 3)])).await.is(201);
    assert_eq!((&opened["price"], &opened["unit"]), (&json!(100), &json!("points")));
    assert_eq!(opened["prices"], prices(&[("points", 100), ("miles", 3)]));
    let lacks = buys(api, "x-1", 2, json!({})).await.is_problem(409, "insufficient-credit");
    let found = ["unit", "needed", "available"].map(|fact| lacks[fact].clone());
    assert_eq!(found, [json!("miles"), json!(6), json!(5)]);

    let body = json!({"offer_id": "mug", "quantity": 1, "deliver_to": "1 Elm Street"});
    let dry = api.put("shopper", &format!("{EXCHANGES}/x-1?dry_run=true"), body).await.is(200);
    let preview = &dry["preview"];
    assert_eq!((&preview["points"], &preview["unit"]), (&json!(100), &json!("points")));
    assert_eq!((&preview["available"], &preview["available_after"]), (&json!(500), &json!(400)));
    let of_miles = &preview["prices"][1];
    let found = ["unit", "points", "available", "available_after"].map(|it| of_miles[it].clone());
    assert_eq!(found, [json!("miles"), json!(3), json!(5), json!(2)]);

    for (expected, unit, needed, said) in [
        (json!({"expected_points": 100}), "miles", 3, 0),
        (json!({"expected_prices": [{"points": 100}]}), "miles", 3, 0),
        (json!({"expected_prices": prices(&[("miles", 3), ("points", 90)])}), "points", 100, 90),
    ] {
        let changed = buys(api, "x-1", 1, expected).await.is_problem(409, "price-changed");
        let found = ["unit", "needed", "expected"].map(|fact| changed[fact].clone());
        assert_eq!(found, [json!(unit), json!(needed), json!(said)]);
    }
    let expected = json!({"expected_prices": [{"unit": "miles", "points": 3}, {"points": 100}]});
    let bought = buys(api, "x-1", 1, expected.clone()).await;
    let position = bought.position.clone().expect("a position");
    let bought = bought.is(201);
    assert_eq!((&bought["points"], &bought["unit"]), (&json!(100), &json!("points")));
    assert_eq!(bought["prices"], prices(&[("points", 100), ("miles", 3)]));
    assert_eq!(has(api, &position).await, [json!(400), json!(2)]);
    let other_order = json!({"expected_prices": prices(&[("points", 100), ("miles", 3)])});
    assert_eq!(buys(api, "x-1", 1, other_order).await.is(200), bought);
    let other = json!({"expected_prices": prices(&[("points", 100), ("miles", 2)])});
    let other = buys(api, "x-1", 1, other).await.is_problem(422, "id-reused");
    assert_eq!(other["field"], "expected_prices");

    let entries = api.list("shopper", "/v1/accounts/ann/entries").await;
    let found: Vec<Value> = entries[..2]
        .iter()
        .map(|entry| json!([entry["kind"], entry["unit"], entry["points"], entry["balance"]]))
        .collect();
    let deducted = |unit, points, balance| json!(["credit-deducted", unit, points, balance]);
    assert_eq!(found, [deducted("miles", -3, 2), deducted("points", -100, 400)]);
    for (query, count) in [("", 1), ("?unit=miles", 1), ("?unit=points", 1), ("?unit=status", 0)] {
        assert_eq!(api.list("shopper", &format!("{EXCHANGES}{query}")).await.len(), count);
    }
    let offer = api.get("shopper", "/v1/accounts/ann/offers/mug").await.is(200);
    assert_eq!(offer["prices"], prices(&[("points", 100), ("miles", 3)]));
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_unit_comes_back_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    prepare(api, 9).await;
    api.put("operator", MUG, mug(&[("miles", 3), ("points", 100)])).await.is(201);
    buys(api, "x-1", 3, json!({})).await.is(201);
    let path = format!("{EXCHANGES}/x-1/cancellations/c-1");
    let answer = api.put("shopper", &path, json!({"quantity": 1})).await;
    let position = answer.position.clone().expect("a position");
    let cancelled = answer.is(201);
    assert_eq!((&cancelled["points"], &cancelled["unit"]), (&json!(3), &json!("miles")));
    assert_eq!(cancelled["refunded"], prices(&[("miles", 3), ("points", 100)]));
    let whole = prices(&[("miles", 9), ("points", 300)]);
    let of = json!({"quantity": 3, "points": 9, "unit": "miles", "prices": whole});
    assert_eq!(cancelled["of"], of);
    assert_eq!(has(api, &position).await, [json!(300), json!(3)]);
    let read = api.get("shopper", &path).await.is(200);
    for (name, value) in cancelled.as_object().expect("an object") {
        assert_eq!(&read[name], value, "{name} is read as it was answered");
    }
    let exchange = api.get("shopper", &format!("{EXCHANGES}/x-1")).await.is(200);
    assert_eq!((&exchange["prices"], &exchange["refunded_points"]), (&whole, &json!(3)));
    assert_eq!(exchange["refunded"], prices(&[("miles", 3), ("points", 100)]));
    let rest = api.put("shopper", &format!("{EXCHANGES}/x-1/cancellations/c-2"), json!({})).await;
    let position = rest.position.clone().expect("a position");
    assert_eq!(rest.is(201)["refunded"], prices(&[("miles", 6), ("points", 200)]));
    assert_eq!(has(api, &position).await, [json!(500), json!(9)]);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_pays_an_offer_of_its_unit_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    prepare(api, 9).await;
    api.put("operator", MUG, mug(&[("points", 100), ("miles", 3)])).await.is(201);
    let deadline = api.holds("ann", "h-1", 200).await;
    let hold = json!({"unit": "miles", "points": 8, "deadline": deadline});
    api.put("shopper", "/v1/accounts/ann/holds/h-2", hold).await.is(201);
    let capture = async |hold: &str, more: Value| {
        let mut exchange = json!({"exchange_id": "x-1", "offer_id": "mug", "quantity": 1,
            "deliver_to": "1 Elm Street"});
        exchange.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
        let path = format!("/v1/accounts/ann/holds/{hold}/capture");
        api.put("shopper", &path, json!({"exchange": exchange})).await
    };
    let other = capture("h-1", json!({})).await.is_problem(409, "unit-mismatch");
    assert_eq!((&other["unit"], &other["asked"]), (&json!("points"), &json!("miles")));
    let both = json!({"expected_points": 3, "expected_prices": [{"unit": "miles", "points": 3}]});
    let both = capture("h-2", both).await.is_problem(400, "invalid-field");
    assert_eq!(both["field"], "exchange.expected_prices");
    api.patch(MUG, "*", json!({"prices": prices(&[("miles", 3)])})).await.is(200);
    capture("h-1", json!({})).await.is_problem(409, "unit-mismatch");
    let paid = capture("h-2", json!({"expected_prices": prices(&[("miles", 3)])})).await;
    let position = paid.position.clone().expect("a position");
    let paid = paid.is(201);
    assert_eq!((&paid["points"], &paid["unit"]), (&json!(3), &json!("miles")));
    assert_eq!(paid["expected_prices"], prices(&[("miles", 3)]));
    assert_eq!(has(api, &position).await, [json!(300), json!(6)]);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_changes_what_an_offer_costs() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    prepare(api, 9).await;
    let one = json!({"product_id": "mug-blue", "price": 100, "stock": null});
    api.put("operator", MUG, one.clone()).await.is(201);
    let of_points =
        json!({"product_id": "mug-blue", "price": 100, "unit": "points", "stock": null});
    assert_eq!(api.put("operator", MUG, of_points).await.is(200)["version"], 1, "the same offer");
    assert_eq!(api.put("operator", MUG, mug(&[("points", 100)])).await.is(200)["version"], 1);
    let in_miles = api.patch(MUG, "*", json!({"unit": "miles"})).await.is(200);
    assert_eq!(in_miles["prices"], prices(&[("miles", 100)]));
    let both = api
        .patch(MUG, "*", json!({"prices": prices(&[("points", 5), ("miles", 7)])}))
        .await
        .is(200);
    assert_eq!(
        (&both["price"], &both["unit"], &both["version"]),
        (&json!(5), &json!("points"), &json!(3))
    );
    let named = api.patch(MUG, "*", json!({"name": "Blue mug"})).await.is(200);
    assert_eq!(named["prices"], both["prices"]);
    let beside = api.patch(MUG, "*", json!({"price": 6})).await.is_problem(400, "invalid-field");
    assert_eq!(beside["field"], "price");
    let again =
        api.patch(MUG, "*", json!({"prices": null, "price": 6, "unit": "miles"})).await.is(200);
    assert_eq!(again["prices"], prices(&[("miles", 6)]));
    api.put("operator", "/v1/units/miles/closure", json!({})).await.is(201);
    assert_eq!(api.patch(MUG, "*", json!({"name": "Mug"})).await.is(200)["unit"], "miles");
    api.patch(MUG, "*", json!({"price": 7})).await.is_problem(409, "unit-closed");
    let free = api.patch(MUG, "*", json!({"price": 0, "unit": "miles"})).await;
    assert_eq!(free.is_problem(400, "invalid-field")["field"], "unit");
    let free = api.patch(MUG, "*", json!({"price": 0})).await.is(200);
    assert_eq!(free["prices"], prices(&[("points", 0)]));
    buys(api, "x-1", 1, json!({"expected_prices": [{"points": 0}]})).await.is(201);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_price_is_refused_by_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    let position = prepare(api, 9).await;
    let five: Vec<(String, u64)> = (0..5).map(|number| (format!("unit-{number}"), 1)).collect();
    let five: Vec<(&str, u64)> =
        five.iter().map(|(unit, points)| (unit.as_str(), *points)).collect();
    for (fields, field) in [
        (json!({}), "price"),
        (json!({"price": null, "prices": null}), "price"),
        (json!({"prices": []}), "prices"),
        (json!({"prices": prices(&five)}), "prices"),
        (json!({"prices": {"points": 1}}), "prices"),
        (json!({"prices": [["points", 1]]}), "prices[0]"),
        (json!({"prices": [{"points": 0}]}), "prices[0].points"),
        (json!({"prices": prices(&[("points", 0), ("miles", 0)])}), "prices[0].points"),
        (json!({"prices": prices(&[("points", 1), ("miles", 0)])}), "prices[1].points"),
        (json!({"prices": prices(&[("miles", 1), ("miles", 2)])}), "prices[1].unit"),
        (json!({"prices": [{"points": 1}, {"unit": "points", "points": 2}]}), "prices[1].unit"),
        (json!({"prices": [{"unit": "Miles", "points": 1}]}), "prices[0].unit"),
        (json!({"prices": [{"unit": "miles"}]}), "prices[0].points"),
        (json!({"prices": [{"points": 1, "colour": "blue"}]}), "prices[0].colour"),
        (json!({"price": 1, "prices": [{"points": 1}]}), "price"),
        (json!({"unit": "points", "prices": [{"points": 1}]}), "unit"),
        (json!({"price": 0, "unit": "miles"}), "unit"),
        (json!({"price": 1, "unit": ""}), "unit"),
    ] {
        let mut body = json!({"product_id": "p", "stock": null});
        body.as_object_mut().expect("an object").extend(fields.as_object().expect("one").clone());
        let answer = api.put("operator", MUG, body).await.is_problem(400, "invalid-field");
        assert_eq!(answer["field"], field, "{fields}");
    }
    for (unit, code) in [("gold", "unit-unknown"), ("status", "unit-not-spendable")] {
        let offer = mug(&[("points", 1), (unit, 5)]);
        api.put("operator", MUG, offer).await.is_problem(409, code);
    }
    api.put("operator", MUG, mug(&[("points", 1), ("miles", 5)])).await.is(201);
    let expected = |prices: Value| json!({"expected_prices": prices});
    for (fields, field) in [
        (json!({"expected_points": 1, "expected_prices": [{"points": 1}]}), "expected_prices"),
        (expected(json!([])), "expected_prices"),
        (expected(prices(&[("miles", 1), ("miles", 1)])), "expected_prices[1].unit"),
        (expected(json!([{"points": -1}])), "expected_prices[0].points"),
        (expected(json!([{"unit": "miles"}])), "expected_prices[0].points"),
    ] {
        let answer = buys(api, "x-1", 1, fields.clone()).await.is_problem(400, "invalid-field");
        assert_eq!(answer["field"], field, "{fields}");
    }
    let list = api.get_after(&position, "shopper", EXCHANGES).await.is(200);
    assert_eq!(list["items"], json!([]));
    assert_eq!(ledger.stop(), Some(0));
}
