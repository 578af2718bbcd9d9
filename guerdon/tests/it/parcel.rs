//! What warehouses and operators tell of parcels, over HTTP.

use std::path::Path;

use event_store::{Access, EventStore, StoreUrl};
use serde_json::{Value, json};

use crate::ledger::{Answer, Ledger, said};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warehouse_tells_how_far_a_parcel_is_and_repeats_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::open(folder.path(), Some(1)).await;
    let request = shop.redeems("x-1").await;
    let at = json!("2026-11-21T10:00:00Z");
    for (what, body) in [
        ("acceptance", json!({"occurred_at": at})),
        ("back-order", json!({"reason": "the printer is late"})),
        ("dispatch", json!({"carrier": "post", "express_no": "1Z", "occurred_at": at})),
        ("delivery", json!({})),
    ] {
        let first = shop.tells("warehouse", &request, what, body.clone()).await;
        let fact = first.is(201);
        assert_eq!((&fact["account_id"], &fact["exchange_id"]), (&json!("ann"), &json!("x-1")));
        assert_eq!(fact["occurred_at"], body["occurred_at"], "{what}");
        assert_eq!(fact["position"], *first.position.as_ref().expect("a position"));
        assert!(fact.get("reason").is_none(), "what is private is not told again: {fact}");
        assert_eq!(shop.tells("operator", &request, what, body.clone()).await.is(200), fact);
        let mut other = body;
        other["occurred_at"] = json!("2026-11-22T10:00:00Z");
        let stamped_again = shop.tells("warehouse", &request, what, other).await;
        assert_eq!(stamped_again.is(200), fact, "{what}: when it happened stays as told first");
    }
    let other = json!({"reason": "the paper is out"});
    let other = shop.tells("warehouse", &request, "back-order", other).await;
    assert_eq!(other.is_problem(422, "id-reused")["field"], "reason");
    let other = json!({"carrier": "post", "express_no": "2Z", "occurred_at": at});
    let other = shop.tells("warehouse", &request, "dispatch", other).await;
    assert_eq!(other.is_problem(422, "id-reused")["field"], "express_no");
    shop.rejects(&request).await.is_problem(409, "exchange-dispatched");
    shop.cancels("operator", "x-1").await.is_problem(409, "exchange-dispatched");
}

/// A warehouse that heard nothing of a cancellation learns it from the answer to its next report.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_to_a_warehouse_says_what_is_wanted_now() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::open(folder.path(), None).await;
    let state = |answer: &Answer, status: u16| {
        let body = answer.is(status);
        json!([body["status"], body["lines_left"][0]["quantity"], body["wanted"]])
    };
    let request = shop.redeems("x-1").await;
    let accepted = shop.tells("warehouse", &request, "acceptance", json!({})).await;
    assert_eq!(state(&accepted, 201), json!(["accepted", 1, true]));
    shop.cancels("shopper", "x-1").await.is(201);
    let accepted = shop.tells("warehouse", &request, "acceptance", json!({})).await;
    assert_eq!(state(&accepted, 200), json!(["cancelled", 0, false]), "the same, told again");
    let late = shop.tells("warehouse", &request, "back-order", json!({})).await;
    assert_eq!(state(&late, 201), json!(["cancelled", 0, false]));
    let parcel = json!({"carrier": "post", "express_no": "1Z"});
    let left = shop.tells("warehouse", &request, "dispatch", parcel).await;
    assert_eq!(state(&left, 201), json!(["cancelled", 0, false]));

    let request = shop.redeems("x-2").await;
    assert_eq!(state(&shop.rejects(&request).await, 201), json!(["rejected", 0, false]));
    let request = shop.redeems("x-3").await;
    let settlement = json!({"reason": "handed over in the shop"});
    let settled = shop.tells("operator", &request, "settlement", settlement).await;
    assert_eq!(state(&settled, 201), json!(["settled", 0, false]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_leaves_in_several_parcels_and_what_is_left_can_be_cancelled() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("log.sqlite").display());
    let ledger = Ledger::start_on(&store, folder.path(), &[]);
    let shop = Shop::in_ledger(ledger, folder.path(), None).await;
    shop.ledger.client.earns("ann", 900, "B-2").await;
    let order = json!({"offer_id": "mug", "quantity": 4, "deliver_to": "1 Elm Street"});
    let path = "/v1/accounts/ann/exchanges/x-1";
    let redeemed = shop.ledger.client.put("shopper", path, order).await;
    redeemed.is(201);
    let request = shop.request(&redeemed);
    let mugs = |quantity: u64| json!([{"product_id": "mug-product", "quantity": quantity}]);
    let parcel = |quantity: u64| {
        json!({"lines": mugs(quantity), "carrier": "Deutsche Post", "express_no": "1Z 999",
            "tracking_url": "https://post.example/1Z999"})
    };
    let first = shop.tells("warehouse", &request, "dispatches/box-1", parcel(1)).await;
    let body = first.is(201);
    assert_eq!((&body["dispatch_id"], &body["lines"]), (&json!("box-1"), &mugs(1)));
    assert_eq!((&body["status"], &body["lines_left"]), (&json!("partly-dispatched"), &mugs(3)));
    let again = shop.tells("warehouse", &request, "dispatches/box-1", parcel(1)).await;
    assert_eq!(again.is(200), body);
    let other = shop.tells("warehouse", &request, "dispatches/box-1", parcel(2)).await;
    assert_eq!(other.is_problem(422, "id-reused")["field"], "lines");
    let unknown = json!({"lines": [{"product_id": "cup", "quantity": 1}], "carrier": "post",
        "express_no": "1Z"});
    let unknown = shop.tells("warehouse", &request, "dispatches/box-2", unknown).await;
    assert_eq!(unknown.is_problem(409, "line-unknown")["line"], 1);
    let early = shop.tells("warehouse", &request, "dispatches/box-2/delivery", json!({})).await;
    early.is_problem(409, "parcel-unknown");

    // One of the three that are left is cancelled, and everything else leaves.
    let cancel = async |quantity: u64, id: &str| {
        let path = format!("/v1/accounts/ann/exchanges/x-1/cancellations/{id}");
        shop.ledger.client.put("shopper", &path, json!({"quantity": quantity})).await
    };
    assert_eq!(cancel(4, "c-1").await.is_problem(409, "quantity-too-large")["left"], 3);
    cancel(1, "c-1").await.is(201);
    let rest = json!({"carrier": "post", "express_no": "2Z"});
    let rest = shop.tells("warehouse", &request, "dispatch", rest).await.is(201);
    assert_eq!((&rest["dispatch_id"], &rest["lines"]), (&json!("dispatch"), &mugs(2)));
    assert_eq!((&rest["status"], &rest["lines_left"]), (&json!("dispatched"), &mugs(0)));
    cancel(1, "c-2").await.is_problem(409, "exchange-dispatched");
    assert!(!said(folder.path()).contains("not wanted"), "{}", said(folder.path()));

    // What leaves beyond that is recorded, and somebody must see to it.
    let surplus = shop.tells("warehouse", &request, "dispatches/box-3", parcel(1)).await;
    assert_eq!(surplus.is(201)["wanted"], true);
    assert!(said(folder.path()).contains("surplus"), "{}", said(folder.path()));
    for parcel in ["box-1", "dispatch", "box-3"] {
        let path = format!("dispatches/{parcel}/delivery");
        shop.tells("warehouse", &request, &path, json!({})).await.is(201);
    }
    let last = shop.tells("warehouse", &request, "delivery", json!({})).await;
    assert_eq!(last.is(201)["status"], "delivered");
    let position = last.position.expect("a position");
    let path = format!("/v1/shipping-requests/{request}");
    let read = shop.ledger.client.get_after(&position, "warehouse", &path).await.is(200);
    assert_eq!(read["crossed"], true);
    let parcels: Vec<_> = read["parcels"].as_array().expect("a list").iter().collect();
    let seen: Vec<Value> =
        parcels.iter().map(|it| json!([it["dispatch_id"], it["lines"], it["status"]])).collect();
    let all = [("box-1", 1), ("dispatch", 2), ("box-3", 1)];
    assert_eq!(seen, all.map(|(id, quantity)| json!([id, mugs(quantity), "delivered"])));
    assert_eq!(parcels[0]["tracking_url"], "https://post.example/1Z999");
    assert_eq!(read["express_no"], "1Z 999", "the last parcel's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejection_gives_back_credit_and_stock_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::open(folder.path(), Some(1)).await;
    let request = shop.redeems("x-1").await;
    assert_eq!(shop.available().await, 0);
    // The stock is gone, and whoever asks is turned away before the writer.
    shop.ledger.client.redeems("ann", "x-2", "mug").await.is_problem(409, "sold-out");
    shop.tells("warehouse", &request, "acceptance", json!({})).await.is(201);

    let rejected = shop.rejects(&request).await;
    let fact = rejected.is(201);
    assert_eq!(fact["exchange_id"], "x-1");
    let told = shop.rejects(&request).await;
    assert_eq!(told.is(200), fact, "the same again");
    assert_ne!(fact["position"], *rejected.position.as_ref().expect("a position"));
    let path = "/v1/accounts/ann";
    let position = rejected.position.expect("the refund's");
    let account = shop.ledger.client.get_after(&position, "shopper", path).await.is(200);
    assert_eq!(account["available"], 300, "a read of that position has the refund");
    let other = shop.tells("warehouse", &request, "rejection", json!({"reason": "lost"})).await;
    assert_eq!(other.is_problem(422, "id-reused")["field"], "reason");
    shop.cancels("operator", "x-1").await.is_problem(409, "already-cancelled");

    // The piece is there again.
    let request = shop.redeems("x-2").await;
    shop.cancels("shopper", "x-2").await.is(201);
    shop.rejects(&request).await.is(201);
    assert_eq!(shop.available().await, 300, "nothing was left to come back");
    // Nobody can make the ledger's own cancellation.
    let own = "/v1/accounts/ann/exchanges/x-1/cancellations/~rejected";
    let own = shop.ledger.client.put("operator", own, json!({})).await;
    own.is_problem(400, "invalid-id");

    // A start makes the same of it.
    let ledger = shop.ledger;
    ledger.kill();
    let shop = Shop { ledger: Ledger::start(folder.path()), log: shop.log };
    assert_eq!(shop.available().await, 300);
    shop.redeems("x-3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_operator_settled_only_an_operator_can_undo() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::open(folder.path(), None).await;
    let request = shop.redeems("x-1").await;
    let settlement = json!({"reason": "handed over in the shop", "by": "Otto Opal"});
    let refused = shop.tells("warehouse", &request, "settlement", settlement.clone()).await;
    assert_eq!(refused.is_problem(403, "forbidden")["allowed"], json!(["operator"]));
    let fact = shop.tells("operator", &request, "settlement", settlement.clone()).await.is(201);
    assert!(!fact.to_string().contains("Otto"), "{fact}");
    shop.tells("operator", &request, "settlement", settlement).await.is(200);
    shop.cancels("shopper", "x-1").await.is_problem(409, "shipment-settled");
    shop.rejects(&request).await.is_problem(409, "shipment-settled");
    assert_eq!(shop.available().await, 0);
    shop.cancels("operator", "x-1").await.is(201);
    assert_eq!(shop.available().await, 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_is_shipped_or_rejected_and_keeps_its_credit() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::open(folder.path(), None).await;
    let lines = json!([{"product_id": "tv", "quantity": 1}]);
    let bought = |purchase: &str, warehouse: Value| {
        let path = format!("/v1/accounts/ann/purchases/{purchase}");
        let mut body = json!({"lines": lines, "points": 5});
        if !warehouse.is_null() {
            body["warehouse"] = warehouse;
            body["deliver_to"] = json!("1 Elm Street");
        }
        let client = shop.ledger.client.clone();
        async move { client.put("merchant", &path, body).await }
    };
    let request = shop.request(&bought("P-1", json!("main")).await);
    let fact = shop.rejects(&request).await.is(201);
    assert_eq!(fact["purchase_id"], "P-1");
    assert_eq!(shop.available().await, 305, "what was paid with money is no credit");
    let request = shop.request(&bought("P-2", json!("main")).await);
    shop.tells("warehouse", &request, "delivery", json!({})).await.is(201);
    shop.rejects(&request).await.is_problem(409, "exchange-dispatched");
    // What was carried home is no shipping request.
    let request = shop.request(&bought("P-3", Value::Null).await);
    shop.rejects(&request).await.is_problem(404, "not-found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parcel_that_leaves_though_nobody_wants_it_is_recorded_and_alarmed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("log.sqlite").display());
    let ledger = Ledger::start_on(&store, folder.path(), &[]);
    let shop = Shop::in_ledger(ledger, folder.path(), None).await;
    shop.ledger.client.earns("ann", 1_200, "B-2").await;
    let dispatch = || json!({"carrier": "post", "express_no": "1Z"});
    let wanted = shop.redeems("x-wanted").await;
    shop.tells("warehouse", &wanted, "dispatch", dispatch()).await.is(201);
    assert!(!said(folder.path()).contains("not wanted"), "{}", said(folder.path()));
    // What is told after the dispatch speaks of goods that were wanted when they left.
    let settlement = json!({"reason": "handed over in the shop"});
    shop.tells("operator", &wanted, "settlement", settlement.clone()).await.is(201);
    shop.tells("warehouse", &wanted, "delivery", json!({})).await.is(201);
    assert!(!said(folder.path()).contains("not wanted"), "{}", said(folder.path()));
    for (exchange, why, news) in [
        ("x-1", "cancelled", "dispatch"),
        ("x-2", "rejected", "dispatch"),
        ("x-3", "settled", "dispatch"),
        ("x-4", "rejected", "delivery"),
    ] {
        let request = shop.redeems(exchange).await;
        let unwanted = match why {
            "cancelled" => shop.cancels("shopper", exchange).await,
            "rejected" => shop.rejects(&request).await,
            _ => shop.tells("operator", &request, "settlement", settlement.clone()).await,
        };
        unwanted.is(201);
        let body = if news == "dispatch" { dispatch() } else { json!({}) };
        shop.tells("warehouse", &request, news, body).await.is(201);
        let said = said(folder.path());
        let mut lines = said.lines().filter(|line| line.contains("not wanted any more"));
        let place = request.rsplitn(3, '-').collect::<Vec<_>>();
        let asked_at = format!("{}:{}", place[1], place[0]);
        let alarm = lines.next_back().expect("an alarm");
        for part in ["WARN", "ann", exchange, why, asked_at.as_str()] {
            assert!(alarm.contains(part), "{part:?} is not in {alarm}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejection_and_a_cancellation_at_once_refund_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::open(folder.path(), None).await;
    for round in 0..20 {
        let exchange = format!("x-{round}");
        let request = shop.redeems(&exchange).await;
        let (rejected, cancelled) =
            tokio::join!(shop.rejects(&request), shop.cancels("shopper", &exchange));
        // A rejection is a fact; a cancellation that came before it stands, too.
        rejected.is(201);
        assert!([201, 409].contains(&cancelled.status), "{cancelled:?}");
        assert_eq!(shop.available().await, 300, "after round {round}");
    }
}

/// A ledger with a mug for 300 points, which ann has.
struct Shop {
    ledger: Ledger,
    log: String,
}

impl Shop {
    async fn open(folder: &Path, stock: Option<u64>) -> Self {
        Self::in_ledger(Ledger::start(folder), folder, stock).await
    }

    async fn in_ledger(ledger: Ledger, folder: &Path, stock: Option<u64>) -> Self {
        ledger.client.opens("mug", 300, stock, None).await;
        ledger.client.earns("ann", 300, "B-1").await;
        let url = StoreUrl::Sqlite(folder.join("log.sqlite"));
        let store = EventStore::open(&url, Access::Read).await.expect("it opens");
        Self { ledger, log: store.log_id().to_string() }
    }

    /// The shipping request that an answer led to.
    fn request(&self, answer: &Answer) -> String {
        let place = answer.position.as_ref().expect("a position").replace(':', "-");
        format!("{}-1-{place}", self.log)
    }

    async fn redeems(&self, exchange: &str) -> String {
        let answer = self.ledger.client.redeems("ann", exchange, "mug").await;
        answer.is(201);
        self.request(&answer)
    }

    async fn tells(&self, role: &str, request: &str, what: &str, body: Value) -> Answer {
        let path = format!("/v1/shipping-requests/{request}/{what}");
        self.ledger.client.put(role, &path, body).await
    }

    async fn rejects(&self, request: &str) -> Answer {
        self.tells("warehouse", request, "rejection", json!({"reason": "damaged"})).await
    }

    async fn cancels(&self, role: &str, exchange: &str) -> Answer {
        let path = format!("/v1/accounts/ann/exchanges/{exchange}/cancellations/c-1");
        self.ledger.client.put(role, &path, json!({})).await
    }

    /// What ann can spend, as her next decision sees it.
    async fn available(&self) -> u64 {
        let moon = json!({"product_id": "moon", "price": 1_u64 << 50, "stock": null});
        self.ledger.client.put("operator", "/v1/offers/moon", moon).await;
        let refused = self.ledger.client.redeems("ann", "probe", "moon").await;
        let refused = refused.is_problem(409, "insufficient-credit");
        refused["available"].as_u64().expect("a number")
    }
}
