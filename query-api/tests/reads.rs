//! What can be read of the life of some points, over HTTP, from real read tables.

#[path = "../../projector/tests/ledger/mod.rs"]
mod ledger;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use domain::{Clock, ClockConfirmed, Event};
use query_api::{QueryApi, router};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use wire::{KeyHash, KeyRing, Role};

use ledger::Ledger;
use ledger::life::{self, DAY, history};

#[tokio::test]
async fn an_account_shows_what_can_be_spent_now() {
    let reads = Reads::of(history(Clock::Commands)).await;
    let body = reads.get("/v1/accounts/cat").await;
    assert_eq!(
        body,
        json!({"account_id": "cat", "available": 500, "held": 200, "pending": 90, "owed": 0,
            "expiring_within_30_days": 500, "position": "0:42"})
    );
    // What was pending comes, a hold ends, and what nobody spent is gone; none of it is recorded.
    for (day, [available, held, pending, expiring]) in [
        (44, [500, 200, 90, 500]),
        (45, [590, 200, 0, 590]),
        (48, [790, 0, 0, 790]),
        (50, [90, 0, 0, 90]),
        (60, [0, 0, 0, 0]),
    ] {
        reads.pass_to(day).await;
        let body = reads.get("/v1/accounts/cat").await;
        let found = ["available", "held", "pending", "expiring_within_30_days"];
        assert_eq!(found.map(|name| body[name].clone()), [available, held, pending, expiring]);
        assert_eq!((&body["position"], &body["owed"]), (&json!("0:42"), &json!(0)), "day {day}");
    }
}

#[tokio::test]
async fn a_log_with_the_wall_clock_is_read_at_its_time() {
    let reads = Reads::of(history(Clock::Wall)).await;
    let body = reads.get("/v1/accounts/cat").await;
    assert_eq!((&body["available"], &body["pending"]), (&json!(0), &json!(0)), "1970 is over");
}

#[tokio::test]
async fn what_is_owed_is_paid_from_what_is_available_now() {
    let reads = Reads::of(vec![
        history(Clock::Commands)[0].clone(),
        (DAY, life::earned("ann", 100, "B-1", None, None)),
        (2 * DAY, life::owed("ann", "a-1", 2, 100, 40)),
        (3 * DAY, life::earned("ann", 60, "B-2", Some(9), Some(20))),
    ])
    .await;
    let figures = async || {
        let body = reads.get("/v1/accounts/ann").await;
        let liability = reads.get("/v1/liability").await;
        let [available, pending, owed] = ["available", "pending", "owed"];
        [&body[available], &body[pending], &body[owed], &liability["total"]].map(Value::clone)
    };
    assert_eq!(figures().await, [0, 60, 40, 60]);
    reads.pass_to(9).await;
    assert_eq!(figures().await, [20, 0, 0, 20]);
    let lots = reads.list("/v1/accounts/ann/lots").await;
    assert_eq!((lots.len(), &lots[0]["available"]), (1, &json!(20)));
    // The debt was paid before the rest expired.
    reads.pass_to(20).await;
    assert_eq!(figures().await, [0, 0, 0, 0]);
}

#[tokio::test]
async fn a_hold_is_over_at_its_deadline() {
    let reads = Reads::of(history(Clock::Commands)).await;
    let hold = reads.get("/v1/accounts/cat/holds/h-1").await;
    assert_eq!(
        hold,
        json!({"hold_id": "h-1", "account_id": "cat", "points": 200,
            "deadline": "1970-02-18T00:00:00Z", "status": "held",
            "recorded_at": "1970-02-11T00:00:00Z", "position": "0:42"})
    );
    reads.pass_to(48).await;
    assert_eq!(reads.get("/v1/accounts/cat/holds/h-1").await["status"], "expired");
    let holds = reads.list("/v1/accounts/ann/holds").await;
    let found: Vec<_> = holds.iter().map(|hold| (&hold["hold_id"], &hold["status"])).collect();
    let expected = [("h-3", "expired"), ("h-2", "released"), ("h-1", "captured")];
    assert_eq!(found.len(), 3);
    for ((hold, status), (expected_hold, expected_status)) in found.into_iter().zip(expected) {
        assert_eq!((hold, status), (&json!(expected_hold), &json!(expected_status)));
    }
    assert_eq!(
        (&holds[2]["captured_points"], &holds[2]["exchange_id"]),
        (&300.into(), &"x-2".into())
    );
    reads.missing("/v1/accounts/ann/holds/h-9").await;
    reads.missing("/v1/accounts/nobody/holds").await;
}

#[tokio::test]
async fn lots_come_in_spending_order_with_what_they_came_from() {
    let reads = Reads::of(history(Clock::Commands)[..29].to_vec()).await;
    let lots = reads.list("/v1/accounts/bob/lots").await;
    assert_eq!(
        lots,
        [
            json!({"lot": "0:27", "points": 80, "available": 80, "pending": 0, "held": 0,
                "expires_at": "1970-01-31T00:00:00Z", "graced": false,
                "cause": {"kind": "purchase", "id": "B-3"}, "earned_at": "1970-01-16T00:00:00Z"}),
            json!({"lot": "0:13", "points": 1000, "available": 150, "pending": 0, "held": 0,
                "graced": false, "cause": {"kind": "purchase", "id": "B-2"}, "earned_by": "ann",
                "earned_at": "1970-01-06T00:00:00Z"}),
        ]
    );
    assert_eq!(reads.paged("/v1/accounts/bob/lots", 1).await, lots);
    let reads = Reads::of(history(Clock::Commands)).await;
    let lots = reads.list("/v1/accounts/cat/lots").await;
    assert_eq!((&lots[0]["held"], &lots[1]["pending"]), (&json!(200), &json!(90)));
    assert_eq!(lots[1]["available_at"], "1970-02-15T00:00:00Z");
    assert_eq!(lots[1]["rule"], json!({"rule_id": "default", "version": 2}));
    reads.pass_to(50).await;
    assert_eq!(reads.list("/v1/accounts/cat/lots").await.len(), 1, "what is gone is not shown");
}

#[tokio::test]
async fn the_statement_runs_from_the_balance_down_to_nothing() {
    let reads = Reads::of(history(Clock::Commands)).await;
    let entries = reads.list("/v1/accounts/bob/entries").await;
    let found: Vec<_> = entries
        .iter()
        .map(|entry| {
            let [points, balance] = ["points", "balance"].map(|name| entry[name].as_i64());
            (entry["kind"].as_str().expect("a kind"), points.expect("some"), balance.expect("some"))
        })
        .collect();
    assert_eq!(
        found,
        [
            ("debt-repaid", 0, 60),
            ("credit-earned", 100, 60),
            ("credit-withdrawn", -190, -40),
            ("credit-withdrawn", 0, 150),
            ("credit-expired", -80, 150),
            ("credit-received", 150, 230),
            ("credit-earned", 80, 80),
        ]
    );
    assert_eq!(
        entries[2],
        json!({"kind": "credit-withdrawn", "points": -190, "balance": -40,
            "change": {"available": -150, "held": 0, "pending": 0, "owed": 40},
            "withdrawal": {"kind": "adjustment", "id": "a-2"}, "reference": "ticket-8",
            "recorded_at": "1970-02-02T00:00:00Z", "position": "0:32"})
    );
    assert_eq!(
        (&entries[5]["transfer_id"], &entries[5]["counterparty"]),
        (&"t-1".into(), &"ann".into())
    );
    for limit in [1, 2, 3] {
        assert_eq!(reads.paged("/v1/accounts/bob/entries", limit).await, entries);
    }
    let (status, _, problem) = reads.ask("operator", "/v1/accounts/bob/entries?cursor=x").await;
    assert_eq!((status, &problem["code"]), (400, &json!("invalid-query")));
    reads.missing("/v1/accounts/nobody/entries").await;
}

#[tokio::test]
async fn a_page_goes_on_where_it_was_although_more_was_recorded() {
    let reads = Reads::of(history(Clock::Commands)).await;
    let whole = reads.list("/v1/accounts/bob/entries").await;
    let first = reads.get("/v1/accounts/bob/entries?limit=3").await;
    reads.record(vec![(42 * DAY, life::earned("bob", 7, "B-9", None, None))]).await;
    let next = first["next"].as_str().expect("there is more");
    let rest = reads.list(&format!("/v1/accounts/bob/entries?cursor={next}")).await;
    assert_eq!(rest, whole[3..]);
}

#[tokio::test]
async fn an_entry_says_why() {
    let reads = Reads::of(history(Clock::Commands)).await;
    let deducted = reads.get("/v1/accounts/ann/entries/0:15").await;
    assert_eq!(
        deducted,
        json!({"kind": "credit-deducted", "points": -600,
        "change": {"available": -600, "held": 0, "pending": 0, "owed": 0},
        "exchange_id": "x-1", "recorded_at": "1970-01-07T00:00:00Z", "position": "0:15",
        "lots": [
            {"lot": "0:7", "points": 200, "expires_at": "1970-04-11T00:00:00Z",
                "graced": false, "cause": {"kind": "purchase", "id": "B-1"},
                "rule": {"rule_id": "default", "version": 2},
                "earned_at": "1970-01-03T00:00:00Z"},
            {"lot": "0:13", "points": 400, "graced": false,
                "cause": {"kind": "purchase", "id": "B-2"},
                "earned_at": "1970-01-06T00:00:00Z"},
        ]})
    );
    let captured = reads.get("/v1/accounts/ann/entries/0:21").await;
    assert_eq!(
        (&captured["lots"][0]["points"], &captured["points"]),
        (&300.into(), &(-300).into())
    );
    assert_eq!(captured["released"][0]["points"], 100);
    let earned = reads.get("/v1/accounts/ann/entries/0:7").await;
    assert_eq!(
        (&earned["lots"][0]["lot"], &earned["lots"][0]["points"]),
        (&"0:7".into(), &300.into())
    );
    let received = reads.get("/v1/accounts/bob/entries/0:29").await;
    assert_eq!(received["lots"][0]["earned_by"], "ann");
    for nowhere in ["0:8", "0:99", "1:15", "0:18446744073709551615"] {
        reads.missing(&format!("/v1/accounts/ann/entries/{nowhere}")).await;
    }
    reads.missing("/v1/accounts/bob/entries/0:15").await;
    let (status, _, problem) = reads.ask("operator", "/v1/accounts/ann/entries/x").await;
    assert_eq!((status, &problem["field"]), (400, &json!("position")));
}

#[tokio::test]
async fn every_entry_of_the_life_can_be_explained() {
    let reads = Reads::of(history(Clock::Commands)).await;
    for account in ["ann", "bob", "cat"] {
        for entry in reads.list(&format!("/v1/accounts/{account}/entries")).await {
            let position = entry["position"].as_str().expect("a position");
            let explained = reads.get(&format!("/v1/accounts/{account}/entries/{position}")).await;
            assert!(explained["lots"].is_array(), "{explained}");
        }
    }
}

#[tokio::test]
async fn exchanges_and_purchases_show_what_came_back_of_them() {
    let reads = Reads::of(history(Clock::Commands)).await;
    let exchanges = reads.list("/v1/accounts/ann/exchanges").await;
    let found: Vec<_> = exchanges.iter().map(|one| one["status"].clone()).collect();
    assert_eq!(found, ["cancelled", "dispatched"]);
    assert_eq!(exchanges[0]["hold_id"], "h-1");
    let one = reads.get("/v1/accounts/ann/exchanges/x-1").await;
    assert_eq!((&one["cancelled_quantity"], &one["refunded_points"]), (&1.into(), &300.into()));

    let purchase = reads.get("/v1/accounts/ann/purchases/B-1").await;
    assert_eq!(
        purchase,
        json!({"purchase_id": "B-1", "account_id": "ann",
            "lines": [
                {"product_id": "pan", "quantity": 3, "amount": 1999, "points": 300, "returned": 1},
                {"product_id": "7", "quantity": 1, "amount": 1999, "returned": 0},
            ],
            "points": 300, "rule": {"rule_id": "default", "version": 2}, "returned_points": 100,
            "withdrawn_points": 100, "warehouse": "main", "occurred_at": "1970-01-03T00:00:00Z",
            "recorded_at": "1970-01-03T00:00:00Z", "position": "0:8"})
    );
    let purchases = reads.list("/v1/accounts/ann/purchases").await;
    assert_eq!((purchases.len(), &purchases[1]), (2, &purchase), "newest first");
    assert_eq!(reads.paged("/v1/accounts/ann/purchases", 1).await, purchases);
    assert!(reads.list("/v1/accounts/cat/purchases").await.is_empty());
    reads.missing("/v1/accounts/nobody/purchases").await;
    reads.missing("/v1/accounts/bob/purchases/B-1").await;
}

#[tokio::test]
async fn purchases_are_shipped_as_exchanges_are() {
    let reads = Reads::of(history(Clock::Commands)).await;
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

#[tokio::test]
async fn rules_are_read_by_version_and_the_policy_whole() {
    let reads = Reads::of(history(Clock::Commands)).await;
    let rules = reads.list("/v1/earning-rules").await;
    assert_eq!(
        rules,
        [json!({"rule_id": "default", "version": 2, "rate": {"points": 2, "per_amount": 100},
            "pending_days": 2, "recorded_at": "1970-01-02T00:00:00Z", "position": "0:4"})]
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
    let chosen = json!({"spent_credit": "debt", "refund_grace_days": 14, "position": "0:5"});
    assert_eq!(policy, chosen);
    let unchosen = Reads::of(history(Clock::Commands)[..1].to_vec()).await.get("/v1/policy").await;
    let default = json!({"spent_credit": "refuse", "refund_grace_days": 30, "position": null});
    assert_eq!(unchosen, default);
}

#[tokio::test]
async fn the_totals_come_to_what_was_issued() {
    let reads = Reads::of(history(Clock::Commands)).await;
    let totals = reads.get("/v1/totals").await;
    assert_eq!(
        totals,
        json!({"issued": 2270, "available": 1310, "held": 200, "pending": 90, "redeemed": 900,
            "refunded": 600, "expired": 80, "withdrawn": 290, "in_transit": 0, "debt": 0,
            "sent": 150, "received": 150, "repaid": 40, "accounts": 3, "exchanges": 2,
            "cancellations": 2, "purchases": 2, "returns": 1, "holds": 4, "transfers": 1,
            "shipments": 2, "position": "0:42", "difference": 0})
    );
    for events in [0, 1, 9, 28, 32] {
        let reads = Reads::of(history(Clock::Commands)[..events].to_vec()).await;
        let totals = reads.get("/v1/totals").await;
        assert_eq!(totals["difference"], 0, "after {events}: {totals}");
    }
    reads
        .ledger
        .alter("update account_balance set available = available + 1 where account_id = 'ann'");
    assert_eq!(reads.get("/v1/totals").await["difference"], -1, "a row that is wrong is seen");
}

#[tokio::test]
async fn the_liability_is_by_month_and_without_what_is_due() {
    let reads = Reads::of(history(Clock::Commands)).await;
    for (day, february, march) in
        [(41, 700, 90), (45, 700, 90), (48, 700, 90), (50, 0, 90), (60, 0, 0)]
    {
        reads.pass_to(day).await;
        let months: Vec<Value> = [("1970-02", february), ("1970-03", march), ("never", 810)]
            .into_iter()
            .filter(|(_, points)| *points > 0)
            .map(|(month, points)| json!({"month": month, "points": points}))
            .collect();
        let expected = json!({"months": months, "total": february + march + 810});
        assert_eq!(reads.get("/v1/liability").await, expected, "day {day}");
    }
}

#[tokio::test]
async fn each_read_is_for_its_roles() {
    let reads = Reads::of(history(Clock::Commands)).await;
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

#[tokio::test]
async fn every_read_has_an_etag_and_waits_for_a_position() {
    let reads = Reads::of(history(Clock::Commands)).await;
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
        let later = reads.ask_with("operator", path, Some(("guerdon-position", "0:43"))).await;
        assert_eq!((later.0, &later.2["code"]), (503, &json!("projection-behind")), "{path}");
    }
}

/// Read tables with some events in them, and a router over them.
struct Reads {
    ledger: Ledger,
    router: Router,
}

impl Reads {
    async fn of(events: Vec<(i64, Event)>) -> Self {
        let ledger = Ledger::new(1).await;
        ledger.record_at(&events).await;
        ledger.project().await;
        let keys: KeyRing =
            Role::ALL.iter().map(|role| (KeyHash::of(role.as_str()), *role)).collect();
        let read_model = ledger.read_model().await;
        let wait_max = Duration::from_millis(10);
        Self { ledger, router: router(QueryApi { read_model, keys, wait_max }) }
    }

    async fn record(&self, events: Vec<(i64, Event)>) {
        self.ledger.record_at(&events).await;
        self.ledger.project().await;
    }

    /// Time passes: something is recorded on that day that changes no credit.
    async fn pass_to(&self, day: i64) {
        let wall = life::day(day);
        self.record(vec![(day * DAY, Event::ClockConfirmed(ClockConfirmed { wall }))]).await;
    }

    async fn ask_with(
        &self,
        role: &str,
        path: &str,
        header: Option<(&str, &str)>,
    ) -> (u16, HeaderMap, Value) {
        let mut request =
            Request::builder().uri(path).header("authorization", format!("Bearer {role}"));
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let answer = self.router.clone().oneshot(request).await.expect("answered");
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        (parts.status.as_u16(), parts.headers, body)
    }

    async fn ask(&self, role: &str, path: &str) -> (u16, HeaderMap, Value) {
        self.ask_with(role, path, None).await
    }

    async fn get(&self, path: &str) -> Value {
        let (status, _, body) = self.ask("operator", path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn missing(&self, path: &str) {
        let (status, _, problem) = self.ask("operator", path).await;
        assert_eq!((status, &problem["code"]), (404, &json!("not-found")), "{path}");
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        let page = self.get(path).await;
        assert_eq!(page["next"], Value::Null, "it fits on a page");
        page["items"].as_array().expect("a list").clone()
    }

    /// The whole list, so many at a time.
    async fn paged(&self, path: &str, limit: u32) -> Vec<Value> {
        let mut items = vec![];
        let mut page = self.get(&format!("{path}?limit={limit}")).await;
        loop {
            items.extend(page["items"].as_array().expect("a list").iter().cloned());
            let Some(next) = page["next"].as_str() else { return items };
            page = self.get(&format!("{path}?limit={limit}&cursor={next}")).await;
        }
    }
}
