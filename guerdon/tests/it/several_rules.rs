//! Purchases that earn several units, over HTTP on a real ledger: one rule for each unit, one
//! refusal for each, and what returns and their reversals move of each.

use serde_json::{Value, json};

use crate::ledger::{Api, Ledger};

/// A ledger on which a purchase earns a point for each 1.00, ten of status, and a mile for each
/// 10.00.
async fn make_rules(api: &Api) {
    api.put("operator", "/v1/units/miles", json!({})).await.is(201);
    api.put("operator", "/v1/units/status", json!({"spendable": false})).await.is(201);
    for (rule, body) in [
        ("default", json!({"rate": {"points": 1, "per_amount": 100}})),
        ("status", json!({"unit": "status", "rate": {"points": 10, "per_amount": 100}})),
        ("miles", json!({"unit": "miles", "rate": {"points": 1, "per_amount": 1000}})),
    ] {
        let path = format!("/v1/earning-rules/{rule}");
        let made = api.put("operator", &path, body).await.is(201);
        assert_eq!(made["unit"], if rule == "default" { "points" } else { rule });
    }
}

fn two_tvs(more: &Value) -> Value {
    let mut body = json!({"lines": [{"product_id": "tv", "quantity": 2, "amount": 2_000}]});
    body.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
    body
}

const BOUGHT: &str = "/v1/accounts/ann/purchases/P-1";

fn available(account: &Value) -> [&Value; 3] {
    ["points", "miles", "status"].map(|unit| &account["units"][unit]["available"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_earns_several_units_and_a_return_and_its_reversal_move_all_of_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    make_rules(api).await;
    let body = two_tvs(&json!({"rules": ["default", "status"]}));
    let recorded = api.put("merchant", BOUGHT, body.clone()).await.is(201);
    let rule = |id: &str| json!({"rule_id": id, "version": 1});
    assert_eq!(
        recorded["earned"],
        json!([{"unit": "points", "points": 20, "rule": rule("default")},
            {"unit": "status", "points": 200, "rule": rule("status")}])
    );
    assert_eq!((&recorded["unit"], &recorded["points"]), (&json!("points"), &json!(20)));
    assert_eq!(
        (&recorded["rule"], &recorded["asked_rules"]),
        (&rule("default"), &json!(["default", "status"]))
    );
    assert_eq!(
        recorded["lines"][0]["earned"],
        json!([{"unit": "points", "points": 20}, {"unit": "status", "points": 200}])
    );
    assert_eq!(api.put("merchant", BOUGHT, body).await.is(200), recorded);
    let other = two_tvs(&json!({"rules": ["status", "default"]}));
    let other = api.put("merchant", BOUGHT, other).await.is(422);
    assert_eq!((&other["code"], &other["field"]), (&json!("id-reused"), &json!("rules")));

    let back = json!({"lines": [{"product_id": "tv", "quantity": 1}]});
    let path = format!("{BOUGHT}/returns/r-1");
    let answer = api.put("merchant", &path, back).await;
    let at = answer.position.clone().expect("a position");
    let returned = answer.is(201);
    assert_eq!(
        returned["taken"],
        json!([{"unit": "points", "points": 10}, {"unit": "status", "points": 100}])
    );
    assert_eq!((&returned["unit"], &returned["points"]), (&json!("points"), &json!(10)));
    let read = api.get_after(&at, "merchant", &path).await.is(200);
    for field in ["taken", "unit", "points", "lines"] {
        assert_eq!(read[field], returned[field], "{field}");
    }
    let account = api.get_after(&at, "shopper", "/v1/accounts/ann").await.is(200);
    assert_eq!(available(&account), [&json!(10), &Value::Null, &json!(100)]);
    let purchase = api.get_after(&at, "merchant", BOUGHT).await.is(200);
    let earned = |index: usize| {
        ["unit", "points", "returned_points", "withdrawn_points"]
            .map(|field| purchase["earned"][index][field].clone())
    };
    assert_eq!(earned(0), [json!("points"), json!(20), json!(10), json!(10)]);
    assert_eq!(earned(1), [json!("status"), json!(200), json!(100), json!(100)]);

    let path = format!("{path}/reversal");
    let answer = api.put("merchant", &path, json!({})).await;
    let at = answer.position.clone().expect("a position");
    let reversed = answer.is(201);
    assert_eq!(reversed["credit"]["unit"], "points");
    assert_eq!(reversed["further"], json!([{"unit": "status", "points": 100}]));
    let account = api.get_after(&at, "shopper", "/v1/accounts/ann").await.is(200);
    assert_eq!(available(&account), [&json!(20), &Value::Null, &json!(200)]);
    let entries = api.list("shopper", "/v1/accounts/ann/entries?unit=status").await;
    let kinds: Vec<&Value> = entries.iter().map(|entry| &entry["kind"]).collect();
    assert_eq!(kinds, ["credit-given-back", "credit-withdrawn", "credit-earned"]);
    let taken = json!({"unit": "status", "cause": {"kind": "purchase", "id": "P-1"}});
    let path = "/v1/accounts/ann/withdrawals/w-1";
    assert_eq!(api.put("merchant", path, taken).await.is(201)["points"], 200);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_is_refused_by_its_own_and_claimed_once_while_the_others_are_earned() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    make_rules(api).await;
    let limit =
        json!({"spent_credit": "refuse", "refund_grace_days": 30, "earning_points_max": 100});
    api.put("operator", "/v1/policy", limit).await.is(200);
    api.put("operator", "/v1/units/miles/closure", json!({})).await.is(201);
    let body = two_tvs(&json!({"rules": ["status", "default", "miles"]}));
    let recorded = api.put("merchant", BOUGHT, body).await.is(201);
    assert_eq!(
        recorded["credit_refused"],
        json!([{"unit": "status", "code": "earning-too-large"},
            {"unit": "miles", "code": "unit-closed"}])
    );
    assert_eq!((&recorded["unit"], &recorded["points"]), (&json!("status"), &json!(0)));
    assert_eq!(recorded["earned"][1]["points"], 20);
    let claim = |unit: &str| json!({"unit": unit, "cause": {"kind": "purchase", "id": "P-1"}});
    let credits = "/v1/accounts/ann/credits";
    api.post("merchant", credits, claim("points")).await.is_problem(409, "unit-mismatch");
    api.post("merchant", credits, claim("miles")).await.is_problem(409, "unit-closed");
    api.post("merchant", credits, claim("status")).await.is_problem(409, "earning-too-large");
    let limit =
        json!({"spent_credit": "refuse", "refund_grace_days": 30, "earning_points_max": 1000});
    api.put("operator", "/v1/policy", limit).await.is(200);
    let claimed = api.post("merchant", credits, claim("status")).await.is(201);
    assert_eq!((&claimed["unit"], &claimed["points"]), (&json!("status"), &json!(200)));
    let answer = api.post("merchant", credits, claim("status")).await;
    let at = answer.position.clone().expect("a position");
    assert_eq!(answer.is(200), claimed);
    let read = api.get_after(&at, "merchant", BOUGHT).await.is(200);
    assert_eq!(
        read["credit_refused"],
        json!([{"unit": "status", "code": "earning-too-large", "claimed": true},
            {"unit": "miles", "code": "unit-closed", "claimed": false}])
    );
    for unit in ["status", "points", "miles"] {
        let path = format!("/v1/accounts/ann/purchases?unit={unit}");
        assert_eq!(api.list("shopper", &path).await.len(), 1, "{unit}");
    }
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_that_go_together_with_nothing_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    make_rules(api).await;
    let more = json!({"rate": {"points": 2, "per_amount": 100}});
    api.put("operator", "/v1/earning-rules/more", more).await.is(201);
    for (body, field) in [
        (json!({"rules": ["default", "status"], "rule": "miles"}), "rules"),
        (json!({"rules": ["default", "status"], "points": 5}), "rules"),
        (json!({"rules": ["default", "status"], "unit": "miles"}), "unit"),
        (json!({"rules": []}), "rules"),
        (json!({"rules": ["default"]}), "rules"),
        (json!({"rules": ["a", "b", "c", "d", "e"]}), "rules"),
        (json!({"rules": ["default", "status", "default"]}), "rules[2]"),
        (json!({"rules": "default"}), "rules"),
        (json!({"rules": ["default", 7]}), "rules[1]"),
    ] {
        let problem = api.put("merchant", BOUGHT, two_tvs(&body)).await.is(400);
        assert_eq!(problem["field"], field, "{body}: {problem}");
    }
    let asked = |rules: [&str; 2]| two_tvs(&json!({"rules": rules}));
    let repeated = api.put("merchant", BOUGHT, asked(["default", "more"])).await.is(409);
    assert_eq!((&repeated["code"], &repeated["unit"]), (&json!("unit-repeated"), &json!("points")));
    let unknown = api.put("merchant", BOUGHT, asked(["default", "gold"])).await;
    unknown.is_problem(409, "rule-unknown");

    let rule = |unit: &str| json!({"unit": unit, "rate": {"points": 1, "per_amount": 100}});
    let path = "/v1/earning-rules/new";
    api.put("operator", path, rule("gold")).await.is_problem(409, "unit-unknown");
    assert_eq!(api.put("operator", path, rule("Gold")).await.is(400)["field"], "unit");
    api.put("operator", "/v1/units/miles/closure", json!({})).await.is(201);
    api.put("operator", path, rule("miles")).await.is_problem(409, "unit-closed");
    let change = |body: Value| api.patch("/v1/earning-rules/miles", "*", body);
    let fixed = change(json!({"unit": "points"})).await.is(409);
    assert_eq!((&fixed["code"], &fixed["unit"]), (&json!("rule-fixed"), &json!("miles")));
    let closed = change(json!({"pending_days": 3})).await;
    closed.is_problem(409, "unit-closed");
    assert_eq!(ledger.stop(), Some(0));
}
