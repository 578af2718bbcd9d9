//! What is read of further units than points.

use domain::{Cause, CauseKind, Clock, CreditEarned, Event};
use serde_json::{Value, json};

use crate::asks::Reads;
use testing::ledger::{On, id, points};
use testing::life::{self, DAY, day, history};

testing::on_every_database! {
    units_are_read_with_their_versions,
    an_account_shows_what_it_has_of_each_unit,
    lists_are_of_all_units_or_of_one,
    a_unit_that_nobody_made_is_refused_by_every_read_that_is_asked_for_it,
    a_page_of_expiring_credit_of_one_unit_is_full,
    a_page_of_a_statement_goes_on_with_the_balance_of_its_unit_alone,
    sums_are_of_one_unit,
    what_falls_due_falls_due_in_its_unit,
}

/// Credit of miles.
fn miles(name: &str, amount: u64, cause: &str, expires_on: Option<i64>) -> Event {
    let cause = Cause { kind: CauseKind::Review, id: id(cause) };
    let expires_at = expires_on.map(day);
    let fact = CreditEarned { expires_at, ..CreditEarned::new(id("miles"), points(amount), cause) };
    Event::CreditEarned(id(name), fact)
}

/// Ann earns points, miles and points again; bob miles alone.
async fn two(on: On) -> Reads {
    let history = history(Clock::Commands);
    let events = vec![
        history[0].clone(),
        (DAY, history[53].1.clone()),
        (DAY, life::earned("ann", 100, "B-1", None, Some(30))),
        (2 * DAY, miles("ann", 50, "R-1", Some(20))),
        (3 * DAY, life::earned("ann", 30, "B-2", None, None)),
        (3 * DAY, miles("bob", 7, "R-2", Some(30))),
    ];
    Reads::of(on, events).await
}

async fn units_are_read_with_their_versions(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let units = reads.list("/v1/units").await;
    assert_eq!(
        units,
        [
            json!({"unit": "points", "spendable": true, "decimals": 0, "time_zone": "UTC",
                "version": 1, "position": "0:1"}),
            json!({"unit": "miles", "name": "Miles", "spendable": true, "decimals": 2,
                "time_zone": "Europe/Berlin", "closed_at": "1970-02-11T00:00:00Z", "version": 2,
                "position": "0:57"}),
            json!({"unit": "stars", "spendable": true, "decimals": 0, "time_zone": "UTC",
                "version": 1, "position": "0:61"}),
            json!({"unit": "status", "spendable": true, "decimals": 0, "time_zone": "UTC",
                "version": 1, "position": "0:62"}),
        ]
    );
    let (status, headers, one) = reads.ask("shopper", "/v1/units/miles").await;
    assert_eq!((status, &one), (200, &units[1]));
    assert!(headers["etag"].to_str().expect("ASCII").starts_with("\"2"));
    reads.missing("/v1/units/gold").await;
    let closure = reads.get("/v1/units/miles/closure").await;
    assert_eq!((&closure["unit"], &closure["version"]), (&json!("miles"), &json!(2)));
    reads.missing("/v1/units/points/closure").await;
    let (status, _, problem) = reads.ask("operator", "/v1/units/Miles").await;
    assert_eq!((status, &problem["field"]), (400, &json!("unit")));
}

async fn an_account_shows_what_it_has_of_each_unit(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let of = |available: u64| {
        json!({"available": available, "held": 0, "pending": 0, "owed": 0,
            "expiring_within_30_days": 0})
    };
    let dan = reads.get("/v1/accounts/dan").await;
    let all = json!({"points": of(100), "miles": of(1_200), "stars": of(30), "status": of(20)});
    assert_eq!(dan["units"], all);
    assert_eq!((&dan["available"], &dan["position"]), (&json!(100), &json!("0:70")));
}

async fn lists_are_of_all_units_or_of_one(on: On) {
    let reads = two(on).await;
    let path = "/v1/accounts/ann/entries";
    let entries = reads.list(path).await;
    let found: Vec<_> = entries
        .iter()
        .map(|entry| json!([entry["unit"], entry["points"], entry["balance"]]))
        .collect();
    assert_eq!(
        found,
        [json!(["points", 30, 130]), json!(["miles", 50, 50]), json!(["points", 100, 100])]
    );
    for limit in [1, 2] {
        assert_eq!(reads.paged(path, limit).await, entries, "{limit}");
    }
    assert_eq!(reads.list(&format!("{path}?unit=miles")).await, entries[1..2]);
    let lots = async |query: &str| -> Vec<Value> {
        let lots = reads.list(&format!("/v1/accounts/ann/lots{query}")).await;
        lots.iter().map(|lot| json!([lot["unit"], lot["available"]])).collect()
    };
    let [first, second, third] =
        [json!(["miles", 50]), json!(["points", 100]), json!(["points", 30])];
    assert_eq!(lots("").await, [first.clone(), second.clone(), third.clone()], "by expiry");
    assert_eq!(lots("?unit=miles").await, [first]);
    assert_eq!(lots("?unit=points").await, [second, third]);
    let expiring = async |query: &str| -> Vec<Value> {
        let path = format!("/v1/expiring-credit?before=1970-03-01T00:00:00Z{query}");
        let items = reads.whole(&path).await;
        items.iter().map(|it| json!([it["account_id"], it["unit"], it["points"]])).collect()
    };
    let [first, second, third] =
        [json!(["ann", "miles", 50]), json!(["ann", "points", 100]), json!(["bob", "miles", 7])];
    for limit in ["", "&limit=1", "&limit=2"] {
        let mut all = expiring(limit).await;
        all.sort_by_key(ToString::to_string);
        assert_eq!(all, [first.clone(), second.clone(), third.clone()], "{limit}");
        assert_eq!(expiring(&format!("&unit=miles{limit}")).await, [first.clone(), third.clone()]);
    }
}

async fn sums_are_of_one_unit(on: On) {
    let reads = two(on).await;
    for (query, issued) in [("", "130"), ("?unit=points", "130"), ("?unit=miles", "57")] {
        let totals = reads.get(&format!("/v1/totals{query}")).await;
        assert_eq!((&totals["issued"], &totals["available"]), (&json!(issued), &json!(issued)));
        assert_eq!((&totals["accounts"], &totals["difference"]), (&json!("2"), &json!("0")));
        assert_eq!(reads.get(&format!("/v1/liability{query}")).await["total"], issued);
    }
}

async fn a_unit_that_nobody_made_is_refused_by_every_read_that_is_asked_for_it(on: On) {
    let reads = two(on).await;
    for path in [
        "/v1/totals?",
        "/v1/liability?",
        "/v1/accounts/ann/expiry?",
        "/v1/accounts/ann/entries?",
        "/v1/accounts/ann/lots?",
        "/v1/accounts/ann/holds?",
        "/v1/accounts/ann/purchases?",
        "/v1/accounts/ann/exchanges?",
        "/v1/expiring-credit?before=1970-03-01T00:00:00Z&",
    ] {
        let (status, _, problem) = reads.ask("operator", &format!("{path}unit=mile")).await;
        assert_eq!((status, &problem["field"]), (400, &json!("unit")), "{path}: {problem}");
        let detail = problem["detail"].as_str().expect("a sentence");
        assert!(detail.contains("GET /v1/units"), "{path}: {detail}");
        reads.get(&format!("{path}unit=miles")).await;
    }
    let export = ("accept", "text/csv");
    let path = "/v1/expiring-credit?before=1970-03-01T00:00:00Z&unit=mile";
    let (status, _, problem) = reads.ask_with("operator", path, Some(export)).await;
    assert_eq!((status, &problem["field"]), (400, &json!("unit")));
}

async fn a_page_of_expiring_credit_of_one_unit_is_full(on: On) {
    let history = history(Clock::Commands);
    let mut events = vec![history[0].clone(), (DAY, history[53].1.clone())];
    for number in 0..10 {
        let name = format!("ann-{number}");
        events.push((DAY, life::earned(&name, 10, "B-1", None, Some(10))));
        events.push((DAY, miles(&name, 1, "R-1", Some(20))));
        events.push((DAY, life::earned(&name, 10, "B-2", None, Some(30))));
    }
    let reads = Reads::of(on, events).await;
    let list = "/v1/expiring-credit?before=1970-03-01T00:00:00Z";
    for unit in ["miles", "points"] {
        let page = reads.get(&format!("{list}&unit={unit}&limit=10")).await;
        let items = page["items"].as_array().expect("a list");
        assert_eq!(items.len(), 10, "{page}");
        assert!(items.iter().all(|item| item["unit"] == unit), "{page}");
    }
}

async fn a_page_of_a_statement_goes_on_with_the_balance_of_its_unit_alone(on: On) {
    let reads = two(on).await;
    let path = "/v1/accounts/ann/entries";
    let all = reads.list(path).await;
    for (query, mentions_points, mentions_miles) in
        // Before their first entry ann had no miles.
        [("", true, true), ("&unit=points", true, false), ("&unit=miles", false, false)]
    {
        let page = reads.get(&format!("{path}?limit=1{query}")).await;
        let cursor = page["next"].as_str().expect("there is more");
        let written: Vec<u8> = cursor
            .as_bytes()
            .chunks(2)
            .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        let written = String::from_utf8_lossy(&written).into_owned();
        let mentions = ["points=", "miles="].map(|unit| written.contains(unit));
        assert_eq!(mentions, [mentions_points, mentions_miles], "{query}: {written}");
    }
    for limit in [1, 2] {
        let of = async |unit: &str| reads.whole(&format!("{path}?unit={unit}&limit={limit}")).await;
        assert_eq!(of("points").await, [all[0].clone(), all[2].clone()]);
        assert_eq!(of("miles").await, all[1..2]);
    }
}

async fn what_falls_due_falls_due_in_its_unit(on: On) {
    let reads = two(on).await;
    reads.pass_to(20).await;
    let ann = reads.get("/v1/accounts/ann").await;
    assert_eq!((&ann["available"], &ann["units"]["miles"]["available"]), (&json!(130), &json!(0)));
    assert_eq!(reads.get("/v1/liability?unit=miles").await["total"], "7");
    let expiry = reads.get("/v1/accounts/ann/expiry?unit=miles").await;
    assert_eq!((&expiry["unit"], &expiry["expired"]["points"]), (&json!("miles"), &json!(50)));
    let expiry = reads.get("/v1/accounts/ann/expiry").await;
    assert_eq!((&expiry["unit"], &expiry["expired"]["points"]), (&json!("points"), &json!(0)));
    assert_eq!(expiry["expiring"]["points"], 100);
}
