//! Ladders and tiers over HTTP, on a real ledger: what a tier makes worth more, cheaper and open,
//! and what an account, a list and the statement show of it.

use serde_json::{Value, json};

use crate::ledger::{Answer, Api, Ledger};

/// Silver from 100 points on, and gold from 500.
fn status() -> Value {
    json!({"levels": [{"tier": "silver", "from": 100}, {"tier": "gold", "from": 500}],
        "window": "ever", "downgrade": "by-count"})
}

/// A ledger with the ladder `status`.
fn started(folder: &tempfile::TempDir) -> Ledger {
    Ledger::start(folder.path())
}

async fn put_for(api: &Api, if_match: &str, path: &str, body: Value) -> Answer {
    api.put_over(path, if_match, body).await
}

/// A purchase of one television.
fn bought(amount: u64) -> Value {
    json!({"lines": [{"product_id": "tv", "quantity": 1, "amount": amount}]})
}

fn named(tier: &str) -> Value {
    json!({"ladder": "status", "tier": tier})
}

async fn status_of(api: &Api, account: &str, at: &str) -> Value {
    let path = format!("/v1/accounts/{account}");
    api.get_after(at, "shopper", &path).await.is(200)["tiers"]["status"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ladder_is_made_amended_and_read_by_version() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = started(&folder);
    let api = &ledger.client;
    let path = "/v1/ladders/status";
    let made = api.put("operator", path, status()).await.is(201);
    assert_eq!((&made["version"], &made["unit"]), (&json!(1), &json!("points")));
    assert_eq!(api.put("operator", path, status()).await.is(200), made);
    let mut higher = status();
    higher["levels"][1]["from"] = json!(600);
    api.put("operator", path, higher.clone()).await.is_problem(428, "ladder-exists");
    let new = api.request("PUT", path, "operator").header("if-none-match", "*").json(&higher);
    api.send(new).await.expect("answered").is_problem(412, "already-exists");
    let answer = put_for(api, "\"1\"", path, higher.clone()).await;
    let at = answer.position.clone().expect("a position");
    assert_eq!(answer.is(200)["version"], 2);
    put_for(api, "\"1\"", path, status()).await.is_problem(412, "ladder-changed");
    for (field, value) in [("unit", json!("miles")), ("adjustments", json!(true))] {
        api.put("operator", "/v1/units/miles", json!({})).await;
        let mut other = higher.clone();
        other[field] = value;
        put_for(api, "*", path, other).await.is_problem(409, "ladder-fixed");
    }
    let mut without_gold = higher.clone();
    without_gold["levels"] = json!([{"tier": "silver", "from": 100}]);
    put_for(api, "*", path, without_gold).await.is_problem(409, "ladder-fixed");
    put_for(api, "*", "/v1/ladders/club", status()).await.is_problem(404, "not-found");
    let read = api.get_after(&at, "shopper", path).await.is(200);
    assert_eq!((&read["version"], &read["levels"][1]["from"]), (&json!(2), &json!(600)));
    let first = api.get_after(&at, "shopper", &format!("{path}?version=1")).await.is(200);
    assert_eq!((&first["version"], &first["levels"][1]["from"]), (&json!(1), &json!(500)));
    api.get_after(&at, "shopper", &format!("{path}?version=3")).await.is_problem(404, "not-found");
    let all = api.get_after(&at, "shopper", "/v1/ladders").await.is(200);
    assert_eq!(all["items"], json!([read]));
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_ladders_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = started(&folder);
    let api = &ledger.client;
    api.put("operator", "/v1/units/old", json!({})).await.is(201);
    api.put("operator", "/v1/units/old/closure", json!({})).await.is(201);
    let level = |tier: &str, from: i64| json!({"tier": tier, "from": from});
    let many: Vec<Value> = (1..=11).map(|from| level(&format!("t-{from}"), from)).collect();
    let year = json!({"year_from": "01-01"});
    let wrong = [
        (json!({"levels": []}), "levels"),
        (json!({"levels": many}), "levels"),
        (json!({"levels": [level("gold", 500), level("silver", 100)]}), "levels"),
        (json!({"levels": [level("silver", 100), level("gold", 100)]}), "levels"),
        (json!({"levels": [level("silver", 100), level("silver", 200)]}), "levels"),
        (json!({"levels": [level("Silver", 100)]}), "levels[0].tier"),
        (json!({"levels": [level("silver", -1)]}), "levels[0].from"),
        (json!({"window": "year", "keeps": {"years": 1}}), "window"),
        (json!({"window": {}, "keeps": {"years": 1}}), "window"),
        (json!({"window": {"year_from": "02-29"}, "keeps": {"years": 1}}), "window.year_from"),
        (json!({"window": {"year_from": "13-01"}, "keeps": {"years": 1}}), "window.year_from"),
        (json!({"window": {"year_from": "1-1"}, "keeps": {"years": 1}}), "window.year_from"),
        (json!({"window": {"months": 0}, "keeps": {"months": 1}}), "window.months"),
        (json!({"window": {"months": 37}, "keeps": {"months": 1}}), "window.months"),
        (json!({"window": "ever", "keeps": {"months": 1}}), "keeps"),
        (json!({"window": year}), "keeps"),
        (json!({"window": {"months": 12}}), "keeps"),
        (json!({"window": year, "keeps": {"years": 3}}), "keeps.years"),
        (json!({"window": year, "keeps": {"years": 1, "months": 4}}), "keeps.months"),
        (json!({"window": {"months": 12}, "keeps": {"years": 1}}), "keeps.years"),
        (json!({"window": {"months": 12}, "keeps": {"months": 0}}), "keeps.months"),
        (json!({"window": {"months": 12}, "keeps": {"months": 37}}), "keeps.months"),
        (json!({"downgrade": "never"}), "downgrade"),
        (json!({"returns": "never"}), "returns"),
        (json!({"unit": "Miles"}), "unit"),
        (json!({"colour": "blue"}), "colour"),
    ];
    for (change, field) in wrong {
        let mut body = status();
        for (name, value) in change.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let answer = api.put("operator", "/v1/ladders/status", body).await;
        assert_eq!(answer.is_problem(400, "invalid-field")["field"], field, "{change}");
    }
    for (unit, code) in [("miles", "unit-unknown"), ("old", "unit-closed")] {
        let mut body = status();
        body["unit"] = json!(unit);
        api.put("operator", "/v1/ladders/status", body).await.is_problem(409, code);
    }
    api.get("operator", "/v1/ladders/Status").await.is_problem(400, "invalid-id");
    for number in 0..10 {
        api.put("operator", &format!("/v1/ladders/l-{number}"), status()).await.is(201);
    }
    api.put("operator", "/v1/ladders/status", status()).await.is_problem(409, "too-many-ladders");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_names_an_unknown_tier_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = started(&folder);
    let api = &ledger.client;
    api.put("operator", "/v1/ladders/status", status()).await.is(201);
    api.put("operator", "/v1/ladders/club", status()).await.is(201);
    let offer = |change: Value| {
        let mut body = json!({"product_id": "mug", "price": 100, "stock": null});
        for (name, value) in change.as_object().expect("an object") {
            body[name] = value.clone();
        }
        body
    };
    let of = |ladder: &str, tier: &str| json!({"ladder": ladder, "tier": tier});
    let unknown = [(of("vip", "gold"), "ladder-unknown"), (of("status", "jade"), "tier-unknown")];
    for (tier, code) in unknown {
        let body = offer(json!({"tier": tier}));
        api.put("operator", "/v1/offers/mug", body).await.is_problem(409, code);
        let price = json!({"tier": tier, "prices": [{"unit": "points", "points": 90}]});
        let body = offer(json!({"tier_prices": [price]}));
        api.put("operator", "/v1/offers/mug", body).await.is_problem(409, code);
        let rule = json!({"rate": {"points": 1, "per_amount": 100},
            "multipliers": [{"tier": tier, "percent": 200}]});
        api.put("operator", "/v1/earning-rules/r", rule).await.is_problem(409, code);
    }
    api.put("operator", "/v1/units/miles", json!({})).await.is(201);
    let priced = |tier: Value, unit: &str, points: u64| {
        let prices = json!([{"unit": unit, "points": points}]);
        json!({"tier": tier, "prices": prices})
    };
    let silver = || priced(of("status", "silver"), "points", 90);
    let wrong = [
        (json!({"tier": "gold"}), "tier"),
        (json!({"tier": {"ladder": "status"}}), "tier.tier"),
        (json!({"tier_prices": [silver(), silver()]}), "tier_prices[1].tier"),
        (
            json!({"tier_prices": [silver(), priced(of("club", "gold"), "points", 80)]}),
            "tier_prices[1].tier",
        ),
        (
            json!({"tier_prices": [priced(of("status", "gold"), "miles", 80)]}),
            "tier_prices[0].prices[0].unit",
        ),
        (
            json!({"tier_prices": [priced(of("status", "gold"), "points", 0)]}),
            "tier_prices[0].prices[0].points",
        ),
        (
            json!({"tier_prices": [{"tier": of("status", "gold"), "prices": []}]}),
            "tier_prices[0].prices",
        ),
    ];
    for (change, field) in wrong {
        let answer = api.put("operator", "/v1/offers/mug", offer(change.clone())).await;
        assert_eq!(answer.is_problem(400, "invalid-field")["field"], field, "{change}");
    }
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tier_earns_more_pays_less_and_opens_an_offer() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = started(&folder);
    let api = &ledger.client;
    api.put("operator", "/v1/ladders/status", status()).await.is(201);
    let rule = json!({"rate": {"points": 1, "per_amount": 1},
        "multipliers": [{"tier": named("silver"), "percent": 150},
            {"tier": named("gold"), "percent": 200}]});
    api.put("operator", "/v1/earning-rules/default", rule).await.is(201);
    let price = |tier: &str, points: u64| {
        let prices = json!([{"unit": "points", "points": points}]);
        json!({"tier": named(tier), "prices": prices})
    };
    let mug = json!({"product_id": "mug", "price": 100, "stock": null, "tier": named("silver"),
        "tier_prices": [price("gold", 60)]});
    let offer = api.put("operator", "/v1/offers/mug", mug).await.is(201);
    assert_eq!(
        (&offer["tier"], &offer["tier_prices"]),
        (&named("silver"), &json!([price("gold", 60)]))
    );

    // The tier before what a purchase earns counts.
    let path = |id: &str| format!("/v1/accounts/ann/purchases/{id}");
    let first = api.put("merchant", &path("P-1"), bought(99)).await.is(201);
    assert_eq!(first["points"], 99);
    let refused = api.redeems("ann", "x-1", "mug").await.is(409);
    assert_eq!(refused["code"], "tier-required");
    assert_eq!((&refused["ladder"], &refused["tier"]), (&json!("status"), &json!("silver")));
    let stranger = api.redeems("bob", "x-1", "mug").await;
    stranger.is_problem(409, "tier-required");
    let second = api.put("merchant", &path("P-2"), bought(10)).await.is(201);
    assert_eq!(second["points"], 10, "without a tier");
    let third = api.put("merchant", &path("P-3"), bought(300)).await.is(201);
    assert_eq!((&third["points"], &third["earned"][0]["tier"]), (&json!(450), &named("silver")));
    let answer = api.put("merchant", &path("P-4"), bought(10)).await;
    let at = answer.position.clone().expect("a position");
    let fourth = answer.is(201);
    assert_eq!((&fourth["points"], &fourth["earned"][0]["tier"]), (&json!(20), &named("gold")));

    let of_ann = status_of(api, "ann", &at).await;
    assert_eq!((&of_ann["tier"], &of_ann["earned"]), (&json!("gold"), &json!("gold")));
    assert_eq!((&of_ann["counted"], &of_ann["next"]), (&json!(579), &Value::Null));
    let shown = api.get_after(&at, "shopper", "/v1/accounts/ann/offers/mug").await.is(200);
    assert_eq!((&shown["price"], &shown["tier"]), (&json!(60), &named("gold")));
    let dry = json!({"offer_id": "mug", "quantity": 2, "deliver_to": "1 Elm Street"});
    let path = "/v1/accounts/ann/exchanges/x-1?dry_run=true";
    let dry = api.put("shopper", path, dry).await.is(200);
    assert_eq!((&dry["preview"]["points"], &dry["preview"]["tier"]), (&json!(120), &named("gold")));
    let answer = api.redeems("ann", "x-1", "mug").await;
    let at = answer.position.clone().expect("a position");
    assert_eq!(answer.is(201)["points"], 60);
    let exchange = api.get_after(&at, "shopper", "/v1/accounts/ann/exchanges/x-1").await.is(200);
    assert_eq!(exchange["tier"], named("gold"));
    let purchase = api.get_after(&at, "merchant", "/v1/accounts/ann/purchases/P-3").await.is(200);
    assert_eq!(purchase["earned"][0]["tier"], named("silver"));
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_counts_until_it_is_revoked_and_the_statement_shows_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = started(&folder);
    let api = &ledger.client;
    api.put("operator", "/v1/ladders/status", status()).await.is(201);
    let of = |ladder: &str, id: &str| format!("/v1/accounts/ann/tiers/{ladder}/grants/{id}");
    let grant = |tier: &str, until: &str| json!({"tier": tier, "until": until, "reason": "sorry"});
    let gold = || grant("gold", "2029-06-01T00:00:00Z");
    let path = of("status", "g-1");
    api.put("operator", &path, gold()).await.is_problem(409, "account-unknown");
    api.earns("ann", 150, "B-1").await;
    api.put("operator", &of("vip", "g-1"), gold()).await.is_problem(409, "ladder-unknown");
    let jade = grant("jade", "2029-06-01T00:00:00Z");
    api.put("operator", &path, jade).await.is_problem(409, "tier-unknown");
    for until in ["2020-01-01T00:00:00Z", "2059-01-01T00:00:00Z"] {
        let answer = api.put("operator", &path, grant("gold", until)).await;
        answer.is_problem(409, "until-out-of-range");
    }
    let no_reason = json!({"tier": "gold", "until": "2029-06-01T00:00:00Z"});
    let answer = api.put("operator", &path, no_reason).await;
    assert_eq!(answer.is_problem(400, "invalid-field")["field"], "reason");
    let revocation = format!("{path}/revocation");
    api.put("operator", &revocation, json!({})).await.is_problem(409, "grant-unknown");

    let answer = api.put("operator", &path, gold()).await;
    let at = answer.position.clone().expect("a position");
    let granted = answer.is(201);
    assert_eq!((&granted["tier"], &granted["grant_id"]), (&json!("gold"), &json!("g-1")));
    assert_eq!(api.put("operator", &path, gold()).await.is(200), granted);
    let other = grant("silver", "2029-06-01T00:00:00Z");
    assert_eq!(api.put("operator", &path, other).await.is(422)["field"], "tier");
    let tiers = status_of(api, "ann", &at).await;
    assert_eq!((&tiers["tier"], &tiers["earned"]), (&json!("gold"), &json!("silver")));
    assert_eq!(tiers["granted"], json!({"tier": "gold", "until": "2029-06-01T00:00:00Z"}));
    assert_eq!((&tiers["until"], &tiers["counted"]), (&json!("2029-06-01T00:00:00Z"), &json!(150)));
    let read = api.get_after(&at, "auditor", &path).await.is(200);
    assert_eq!((&read["tier"], &read["reason"]), (&json!("gold"), &json!("sorry")));
    let shown = api.get_after(&at, "shopper", &path).await.is(200);
    assert_eq!((&shown["tier"], &shown["reason"]), (&json!("gold"), &Value::Null));
    let listed = |tier: &'static str| async move {
        let path = format!("/v1/ladders/status/accounts?tier={tier}");
        let accounts = api.list("auditor", &path).await;
        accounts.iter().map(|it| it["account_id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((listed("gold").await, listed("silver").await), (vec![json!("ann")], vec![]));
    let totals = api.get("auditor", "/v1/totals").await.is(200);
    assert_eq!(totals["tiers"], json!({"status": {"gold": "1"}}));

    let second = api.put("operator", &of("status", "g-2"), gold()).await.is(201);
    assert_eq!(second["replaces"], json!({"grant_id": "g-1", "tier": "gold"}));
    api.put("operator", &revocation, json!({})).await.is_problem(409, "grant-ended");
    let revocation = format!("{}/revocation", of("status", "g-2"));
    let answer = api.put("operator", &revocation, json!({"reason": "enough"})).await;
    let at = answer.position.clone().expect("a position");
    assert_eq!(answer.is(201)["ended"], "revoked");
    assert_eq!(api.get_after(&at, "auditor", &revocation).await.is(200)["reason"], "enough");
    let tiers = status_of(api, "ann", &at).await;
    assert_eq!((&tiers["tier"], &tiers["granted"]), (&json!("silver"), &Value::Null));
    assert_eq!(tiers["next"], json!({"tier": "gold", "missing": 350}));
    assert_eq!((listed("gold").await, listed("silver").await), (vec![], vec![json!("ann")]));
    let totals = api.get("auditor", "/v1/totals").await.is(200);
    assert_eq!(totals["tiers"], json!({"status": {"silver": "1"}}));

    let entries = api.list("shopper", "/v1/accounts/ann/entries").await;
    let kinds: Vec<_> =
        entries.iter().map(|it| (it["kind"].clone(), it["points"].clone())).collect();
    let kind = |kind: &str, points: i64| (json!(kind), json!(points));
    let expected = [
        kind("tier-grant-ended", 0),
        kind("tier-granted", 0),
        kind("tier-granted", 0),
        kind("tier-reached", 0),
        kind("credit-earned", 150),
    ];
    assert_eq!(kinds, expected);
    let reached = &entries[3];
    assert_eq!((&reached["balance"], &reached["tier"]["tier"]), (&json!(150), &json!("silver")));
    assert_eq!(
        (&reached["tier"]["ladder"], &reached["tier"]["counted"]),
        (&json!("status"), &json!(150))
    );
    let path =
        format!("/v1/accounts/ann/entries/{}", reached["position"].as_str().expect("a place"));
    let one = api.get("shopper", &path).await.is(200);
    assert_eq!((&one["lots"], &one["tier"]), (&json!([]), &reached["tier"]));
    assert_eq!(ledger.stop(), Some(0));
}
