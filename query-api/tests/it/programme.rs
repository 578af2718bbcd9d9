//! What can be read of the whole programme, and what holds for every read.

use domain::Clock;
use serde_json::{Value, json};

use crate::asks::Reads;
use testing::ledger::On;
use testing::life::{EVENTS, history};

testing::on_every_database! {
    purchases_are_shipped_as_exchanges_are,
    rules_are_read_by_version_and_the_policy_whole,
    the_totals_come_to_what_was_issued,
    the_liability_is_by_month_and_without_what_is_due,
    each_read_is_for_its_roles,
    every_read_has_an_etag_and_waits_for_a_position,
}

async fn purchases_are_shipped_as_exchanges_are(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let all = reads.list("/v1/shipping-requests").await;
    let types: Vec<_> = all.iter().map(|request| request["type"].clone()).collect();
    assert_eq!(types, [1, 2, 2]);
    let of_purchase = reads.list("/v1/shipping-requests?purchase_id=B-1").await;
    assert_eq!(of_purchase, all[..1]);
    assert_eq!(all[0]["deliver_to"], "2 Oak Street");
    let lines = json!([{"product_id": "pan", "quantity": 2}, {"product_id": "7", "quantity": 1}]);
    assert_eq!((&all[0]["lines"], &all[0]["status"]), (&lines, &json!("dispatched")));
    let cancelled = reads.list("/v1/shipping-requests?status=cancelled&account_id=ann").await;
    assert_eq!(cancelled, all[2..]);
    assert!(reads.list("/v1/shipping-requests?purchase_id=B-1&account_id=bob").await.is_empty());
    let both = "/v1/shipping-requests?purchase_id=B-1&exchange_id=x-1";
    let (status, _, problem) = reads.ask("operator", both).await;
    assert_eq!((status, &problem["field"]), (400, &json!("purchase_id")));
}

async fn rules_are_read_by_version_and_the_policy_whole(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let rules = reads.list("/v1/earning-rules").await;
    assert_eq!(
        rules,
        [json!({"rule_id": "default", "version": 2, "unit": "points",
            "rate": {"points": 2, "per_amount": 100},
            "cap": {"points": 5_000, "period": "month"}, "pending_days": 2,
            "time_zone": "Europe/Berlin", "backdate_days": 7, "recorded_at": "1970-01-02T00:00:00Z", "position": "0:4"})]
    );
    let (_, headers, latest) = reads.ask("shopper", "/v1/earning-rules/default").await;
    assert_eq!(latest, rules[0]);
    let etag = headers["etag"].to_str().expect("ASCII");
    assert!(etag.starts_with("\"2-"), "{etag}");
    let first = reads.get("/v1/earning-rules/default?version=1").await;
    assert_eq!((&first["version"], &first["rate"]["points"]), (&1.into(), &1.into()));
    reads.missing("/v1/earning-rules/default?version=3").await;
    reads.missing("/v1/earning-rules/other").await;

    let policy = reads.get("/v1/policy").await;
    let chosen = json!({"spent_credit": "debt", "refund_grace_days": 14, "version": 1,
        "grace_on_own_request": false, "earning_points_max": 9_007_199_254_740_991_u64,
        "position": "0:5"});
    assert_eq!(policy, chosen);
    let unchosen =
        Reads::of(on, history(Clock::Commands)[..1].to_vec()).await.get("/v1/policy").await;
    let default = json!({"spent_credit": "refuse", "refund_grace_days": 30, "version": 0,
        "grace_on_own_request": false, "earning_points_max": 9_007_199_254_740_991_u64,
        "position": null});
    assert_eq!(unchosen, default);
}

async fn the_totals_come_to_what_was_issued(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let totals = reads.get("/v1/totals").await;
    assert_eq!(
        totals,
        json!({"issued": "2270", "available": "1410", "held": "200", "pending": "90",
            "redeemed": "950", "refunded": "650", "expired": "80", "withdrawn": "290", "in_transit": "0", "debt": "0",
            "sent": "150", "received": "150", "repaid": "40", "converted_in": "100", "accounts": "4", "exchanges": "2",
            "cancellations": "2", "purchases": "3", "returns": "3", "holds": "5", "transfers": "1",
            "shipments": "2", "position": "0:73", "difference": "0"})
    );
    for events in [0, 1, 9, 28, 32] {
        let reads = Reads::of(on, history(Clock::Commands)[..events].to_vec()).await;
        let totals = reads.get("/v1/totals").await;
        assert_eq!(totals["difference"], "0", "after {events}: {totals}");
    }
    reads.ledger.check_sums().await;
    reads.ledger.alter("update programme_total set low = low + 1 where name = 'available'");
    assert_eq!(reads.get("/v1/totals").await["difference"], "-1", "a sum that is wrong is seen");
}

async fn the_liability_is_by_month_and_without_what_is_due(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    for (day, february, march) in
        [(41, 700, 90), (45, 700, 90), (48, 700, 90), (50, 0, 90), (60, 0, 0)]
    {
        reads.pass_to(day).await;
        let months: Vec<Value> = [("1970-02", february), ("1970-03", march), ("never", 910)]
            .into_iter()
            .filter(|(_, points)| *points > 0)
            .map(|(month, points)| json!({"month": month, "points": points.to_string()}))
            .collect();
        let expected = json!({"months": months, "total": (february + march + 910).to_string()});
        assert_eq!(reads.get("/v1/liability").await, expected, "day {day}");
    }
}

async fn each_read_is_for_its_roles(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    for (role, path, status) in [
        ("shopper", "/v1/totals", 403),
        ("merchant", "/v1/liability", 403),
        ("warehouse", "/v1/accounts/ann/lots", 403),
        ("warehouse", "/v1/accounts/ann/entries/0:15", 403),
        ("auditor", "/v1/totals", 200),
        ("auditor", "/v1/liability", 200),
        ("shopper", "/v1/accounts/ann/holds", 200),
        ("merchant", "/v1/accounts/ann/purchases", 200),
        ("warehouse", "/v1/policy", 200),
    ] {
        assert_eq!(reads.ask(role, path).await.0, status, "{role} {path}");
    }
}

async fn every_read_has_an_etag_and_waits_for_a_position(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let next = format!("0:{}", EVENTS + 1);
    for path in [
        "/v1/accounts/cat",
        "/v1/accounts/cat/lots",
        "/v1/accounts/cat/entries",
        "/v1/accounts/ann/entries/0:15",
        "/v1/accounts/cat/holds",
        "/v1/accounts/cat/holds/h-1",
        "/v1/accounts/ann/purchases",
        "/v1/accounts/ann/purchases/B-1",
        "/v1/earning-rules",
        "/v1/earning-rules/default",
        "/v1/policy",
        "/v1/totals",
        "/v1/liability",
    ] {
        let (status, headers, _) = reads.ask("operator", path).await;
        assert_eq!(status, 200, "{path}");
        let etag = headers["etag"].to_str().expect("ASCII");
        let known = reads.ask_with("operator", path, Some(("if-none-match", etag))).await;
        assert_eq!(known.0, 304, "{path}");
        let later = reads.ask_with("operator", path, Some(("guerdon-position", &*next))).await;
        assert_eq!((later.0, &later.2["code"]), (503, &json!("projection-behind")), "{path}");
    }
}
