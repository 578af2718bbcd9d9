//! What can be read of an account, over HTTP, from real read tables.

use domain::{Clock, LotPart};
use serde_json::{Value, json};

use crate::asks::Reads;
use testing::ledger::On;
use testing::life::{self, DAY, history};

testing::on_every_database! {
    an_account_shows_what_can_be_spent_now,
    a_log_with_the_wall_clock_is_read_at_its_time,
    a_host_clock_that_nobody_checks_expires_nothing,
    what_is_owed_is_paid_from_what_is_available_now,
    a_hold_is_over_at_its_deadline,
    lots_come_in_spending_order_with_what_they_came_from,
    what_came_back_late_has_a_period_of_grace,
    the_statement_runs_from_the_balance_down_to_nothing,
    a_page_goes_on_where_it_was_although_more_was_recorded,
    an_entry_says_why,
    every_entry_of_the_life_can_be_explained,
    exchanges_and_purchases_show_what_came_back_of_them,
}

async fn an_account_shows_what_can_be_spent_now(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let body = reads.get("/v1/accounts/cat").await;
    assert_eq!(
        body,
        json!({"account_id": "cat", "available": 500, "held": 200, "pending": 90, "owed": 0,
            "expiring_within_30_days": 500, "units": {"points": {"available": 500, "held": 200,
                "pending": 90, "owed": 0, "expiring_within_30_days": 500}}, "position": "0:42"})
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

async fn a_log_with_the_wall_clock_is_read_at_its_time(on: On) {
    let reads = Reads::of(on, history(Clock::Wall)).await;
    let body = reads.get("/v1/accounts/cat").await;
    assert_eq!((&body["available"], &body["pending"]), (&json!(0), &json!(0)), "1970 is over");
}

async fn a_host_clock_that_nobody_checks_expires_nothing(on: On) {
    // The log's last event is of 1970: this host's clock is decades ahead of it.
    let reads = Reads::of(on, history(Clock::Wall)).await;
    let body = reads.get_without_writer("/v1/accounts/cat").await;
    let found = ["available", "held", "pending"].map(|name| body[name].clone());
    assert_eq!(found, [500, 200, 90], "by the log's time it is day 41");
    let liability = reads.get_without_writer("/v1/liability").await;
    assert_eq!(liability["total"], (500 + 200 + 90 + 910).to_string());
    let hold = reads.get_without_writer("/v1/accounts/cat/holds/h-1").await;
    assert_eq!(hold["status"], "held");
    reads.pass_to(48).await;
    let body = reads.get_without_writer("/v1/accounts/cat").await;
    assert_eq!((&body["available"], &body["held"]), (&json!(790), &json!(0)), "its hold is over");
}

async fn what_is_owed_is_paid_from_what_is_available_now(on: On) {
    let reads = Reads::of(
        on,
        vec![
            history(Clock::Commands)[0].clone(),
            (DAY, life::earned("ann", 100, "B-1", None, None)),
            (2 * DAY, life::owed("ann", "a-1", 2, 100, 40)),
            (3 * DAY, life::earned("ann", 60, "B-2", Some(9), Some(20))),
        ],
    )
    .await;
    let figures = async || {
        let body = reads.get("/v1/accounts/ann").await;
        let liability = reads.get("/v1/liability").await;
        let [available, pending, owed] = ["available", "pending", "owed"].map(|it| &body[it]);
        let total = liability["total"].as_str().expect("a decimal string").parse::<u64>();
        [available.clone(), pending.clone(), owed.clone(), json!(total.expect("a number"))]
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

async fn a_hold_is_over_at_its_deadline(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let hold = reads.get("/v1/accounts/cat/holds/h-1").await;
    assert_eq!(
        hold,
        json!({"hold_id": "h-1", "account_id": "cat", "unit": "points", "points": 200,
            "deadline": "1970-02-18T00:00:00Z", "status": "held", "refunded_points": 0,
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
    let kept_on = reads.get("/v1/accounts/bob/holds/h-1").await;
    assert_eq!(kept_on["deadline"], "1970-02-16T00:00:00Z", "it was extended");
    assert_eq!(
        (&kept_on["captured_points"], &kept_on["refunded_points"]),
        (&50.into(), &50.into())
    );
    reads.missing("/v1/accounts/ann/holds/h-9").await;
    reads.missing("/v1/accounts/nobody/holds").await;
}

async fn lots_come_in_spending_order_with_what_they_came_from(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)[..29].to_vec()).await;
    let lots = reads.list("/v1/accounts/bob/lots").await;
    assert_eq!(
        lots,
        [
            json!({"lot": "0:27", "unit": "points", "points": 80, "available": 80, "pending": 0,
                "held": 0, "expires_at": "1970-01-31T00:00:00Z", "graced": false,
                "cause": {"kind": "purchase", "id": "B-3"}, "earned_at": "1970-01-16T00:00:00Z"}),
            json!({"lot": "0:13", "unit": "points", "points": 1000, "available": 150, "pending": 0,
                "held": 0, "graced": false, "cause": {"kind": "purchase", "id": "B-2"}, "earned_by": "ann",
                "earned_at": "1970-01-06T00:00:00Z"}),
        ]
    );
    assert_eq!(reads.paged("/v1/accounts/bob/lots", 1).await, lots);
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let lots = reads.list("/v1/accounts/cat/lots").await;
    assert_eq!((&lots[0]["held"], &lots[1]["pending"]), (&json!(200), &json!(90)));
    assert_eq!(lots[1]["available_at"], "1970-02-15T00:00:00Z");
    assert_eq!(lots[1]["rule"], json!({"rule_id": "default", "version": 2}));
    reads.pass_to(50).await;
    assert_eq!(reads.list("/v1/accounts/cat/lots").await.len(), 1, "what is gone is not shown");
}

async fn what_came_back_late_has_a_period_of_grace(on: On) {
    let graced = LotPart { graced: true, ..life::part(2, 300, Some(34)) };
    let mut events = vec![
        history(Clock::Commands)[0].clone(),
        (DAY, life::earned("ann", 500, "B-1", None, Some(20))),
        (DAY, life::earned("ann", 70, "B-2", None, Some(34))),
    ];
    let spent = vec![life::part(2, 300, Some(20))];
    events.push((5 * DAY, life::deducted("ann", "x-1", spent)));
    events.push((10 * DAY, life::refunded("ann", "x-1", "c-1", vec![graced])));
    let reads = Reads::of(on, events).await;
    let found = async || -> Vec<(Value, Value, Value)> {
        let lots = reads.list("/v1/accounts/ann/lots").await;
        let columns =
            |lot: &Value| (lot["lot"].clone(), lot["available"].clone(), lot["graced"].clone());
        lots.iter().map(columns).collect()
    };
    let [first, second, third] = [
        ("0:2".into(), 200.into(), false.into()),
        ("0:2".into(), 300.into(), true.into()),
        ("0:3".into(), 70.into(), false.into()),
    ];
    assert_eq!(found().await, [first, second.clone(), third.clone()]);
    reads.pass_to(20).await;
    assert_eq!(found().await, [second, third], "only what has grace is left of the lot");
}

async fn the_statement_runs_from_the_balance_down_to_nothing(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
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
            ("withdrawal-reversed", 0, 60),
            ("credit-refunded", 50, 60),
            ("hold-captured", -50, 10),
            ("credit-held", 0, 60),
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
        entries[6],
        json!({"kind": "credit-withdrawn", "unit": "points", "points": -190, "balance": -40,
            "change": {"available": -150, "held": 0, "pending": 0, "owed": 40},
            "withdrawal": {"kind": "adjustment", "id": "a-2"}, "reference": "ticket-8",
            "recorded_at": "1970-02-02T00:00:00Z", "position": "0:32"})
    );
    assert_eq!(
        (&entries[9]["transfer_id"], &entries[9]["counterparty"]),
        (&"t-1".into(), &"ann".into())
    );
    for limit in [1, 2, 3] {
        assert_eq!(reads.paged("/v1/accounts/bob/entries", limit).await, entries);
    }
    let (status, _, problem) = reads.ask("operator", "/v1/accounts/bob/entries?cursor=x").await;
    assert_eq!((status, &problem["code"]), (400, &json!("invalid-query")));
    reads.missing("/v1/accounts/nobody/entries").await;
}

async fn a_page_goes_on_where_it_was_although_more_was_recorded(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let whole = reads.list("/v1/accounts/bob/entries").await;
    let first = reads.get("/v1/accounts/bob/entries?limit=3").await;
    reads.record(vec![(42 * DAY, life::earned("bob", 7, "B-9", None, None))]).await;
    let next = first["next"].as_str().expect("there is more");
    let rest = reads.list(&format!("/v1/accounts/bob/entries?cursor={next}")).await;
    assert_eq!(rest, whole[3..]);
}

async fn an_entry_says_why(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let deducted = reads.get("/v1/accounts/ann/entries/0:15").await;
    assert_eq!(
        deducted,
        json!({"kind": "credit-deducted", "unit": "points", "points": -600,
        "change": {"available": -600, "held": 0, "pending": 0, "owed": 0},
        "exchange_id": "x-1", "offer_id": "mug", "product_id": "product", "quantity": 2,
        "recorded_at": "1970-01-07T00:00:00Z", "position": "0:15",
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

async fn every_entry_of_the_life_can_be_explained(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    for account in ["ann", "bob", "cat"] {
        for entry in reads.list(&format!("/v1/accounts/{account}/entries")).await {
            let position = entry["position"].as_str().expect("a position");
            let explained = reads.get(&format!("/v1/accounts/{account}/entries/{position}")).await;
            assert!(explained["lots"].is_array(), "{explained}");
        }
    }
}

async fn exchanges_and_purchases_show_what_came_back_of_them(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
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
                {"product_id": "pan", "quantity": 3, "amount": 1999, "points": 300,
                    "earned": [{"unit": "points", "points": 300}], "returned": 1},
                {"product_id": "7", "quantity": 1, "amount": 1999, "points": 0, "earned": [],
                    "returned": 0},
            ],
            "unit": "points", "points": 300, "rule": {"rule_id": "default", "version": 2},
            "earned": [{"unit": "points", "points": 300,
                "rule": {"rule_id": "default", "version": 2}, "returned_points": 100,
                "withdrawn_points": 100}],
            "returned_points": 100,
            "withdrawn_points": 100, "warehouse": "main", "status": "dispatched",
            "parcels": [{"dispatch_id": "dispatch",
                "lines": [{"product_id": "product", "quantity": 1}],
                "carrier": "post", "express_no": "EX-1", "status": "dispatched"}],
            "carrier": "post", "express_no": "EX-1", "occurred_at": "1970-01-03T00:00:00Z",
            "recorded_at": "1970-01-03T00:00:00Z", "position": "0:8"})
    );
    let purchases = reads.list("/v1/accounts/ann/purchases").await;
    assert_eq!((purchases.len(), &purchases[1]), (2, &purchase), "newest first");
    assert_eq!(reads.paged("/v1/accounts/ann/purchases", 1).await, purchases);
    assert!(reads.list("/v1/accounts/cat/purchases").await.is_empty());
    reads.missing("/v1/accounts/nobody/purchases").await;
    reads.missing("/v1/accounts/bob/purchases/B-1").await;
}
