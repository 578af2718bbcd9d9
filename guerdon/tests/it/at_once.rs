//! Requests that meet: whatever the order, the points are spent, given back and passed on once.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::ledger::{Answer, Ledger};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_captures_of_one_hold_at_once_spend_it_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.earns("ann", 500, "B-1").await;
    ledger.client.holds("ann", "h-1", 300).await;
    let path = "/v1/accounts/ann/holds/h-1/capture";
    let answers = at_once(&ledger, (0..20).map(|_| put("shopper", path, json!({})))).await;
    assert_eq!(with_status(&answers, 201), 1);
    assert_eq!(with_status(&answers, 200), 19);

    // For two exchanges: one is bought, and the other is told that the capture is another.
    ledger.client.opens("mug", 100, None, None).await;
    ledger.client.holds("ann", "h-2", 200).await;
    let path = "/v1/accounts/ann/holds/h-2/capture";
    let order = |id: usize| {
        json!({"exchange": {"exchange_id": format!("x-{id}"), "offer_id": "mug", "quantity": 1,
            "deliver_to": "1 Elm Street"}})
    };
    let answers = at_once(&ledger, (0..20).map(|id| put("shopper", path, order(id)))).await;
    assert_eq!(with_status(&answers, 201), 1);
    assert_eq!(with_status(&answers, 422), 19);
    assert_eq!(left(&ledger, "ann").await, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_cancellations_at_once_refund_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.opens("mug", 300, Some(1), None).await;
    ledger.client.earns("ann", 300, "B-1").await;
    ledger.client.redeems("ann", "x-1", "mug").await.is(201);
    let path = |id: usize| format!("/v1/accounts/ann/exchanges/x-1/cancellations/c-{id}");
    let asked = (0..20).map(|id| put("operator", &path(id), json!({"reason": "broken"})));
    let answers = at_once(&ledger, asked).await;
    assert_eq!(with_status(&answers, 201), 1);
    assert_eq!(with_code(&answers, "already-cancelled"), 19);
    assert_eq!(left(&ledger, "ann").await, 300);

    // The same one twenty times: it is done once, and everybody is told of it.
    ledger.client.redeems("ann", "x-2", "mug").await.is(201);
    let path = "/v1/accounts/ann/exchanges/x-2/cancellations/c-1";
    let answers = at_once(&ledger, (0..20).map(|_| put("operator", path, json!({})))).await;
    assert_eq!((with_status(&answers, 201), with_status(&answers, 200)), (1, 19));
    assert_eq!(left(&ledger, "ann").await, 300);
    ledger.client.redeems("ann", "x-3", "mug").await.is(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_refunds_of_a_capture_at_once_give_back_no_more_than_it_spent() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.earns("ann", 500, "B-1").await;
    ledger.client.holds("ann", "h-1", 300).await;
    let capture = "/v1/accounts/ann/holds/h-1/capture";
    ledger.client.put("shopper", capture, json!({})).await.is(201);
    let path = |id: usize| format!("/v1/accounts/ann/holds/h-1/refunds/f-{id}");
    let asked = (0..20).map(|id| put("merchant", &path(id), json!({"points": 100})));
    let answers = at_once(&ledger, asked).await;
    assert_eq!(with_status(&answers, 201), 3);
    assert_eq!(with_code(&answers, "points-too-large"), 17);
    assert_eq!(left(&ledger, "ann").await, 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_hundred_points_transferred_twenty_times_at_once_arrive_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.earns("ann", 100, "B-1").await;
    for friend in 0..20 {
        ledger.client.earns(&format!("friend-{friend}"), 1, "B-1").await;
    }
    let asked = (0..20).map(|friend| {
        let path = format!("/v1/accounts/ann/transfers/t-{friend}");
        put("shopper", &path, json!({"to": format!("friend-{friend}"), "points": 100}))
    });
    let answers = at_once(&ledger, asked).await;
    assert_eq!(with_status(&answers, 201), 1);
    assert_eq!(with_code(&answers, "insufficient-credit"), 19);
    let mut sum = left(&ledger, "ann").await;
    for friend in 0..20 {
        sum += left(&ledger, &format!("friend-{friend}")).await;
    }
    assert_eq!(sum, 120);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancellation_and_a_dispatch_at_once_leave_one_winner() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.opens("mug", 300, None, None).await;
    ledger.client.earns("ann", 6_000, "B-1").await;
    let mut dispatched = 0;
    for round in 0..20 {
        let exchange = format!("x-{round}");
        let last = ledger.client.redeems("ann", &exchange, "mug").await;
        let log = log_id(folder.path()).await;
        let place = last.position.expect("a place").replace(':', "-");
        let dispatch = format!("/v1/shipping-requests/{log}-1-{place}/dispatch");
        let cancel = format!("/v1/accounts/ann/exchanges/{exchange}/cancellations/c-1");
        let asked = [
            put("warehouse", &dispatch, json!({"carrier": "post", "express_no": "1Z"})),
            put("operator", &cancel, json!({})),
        ];
        let answers = at_once(&ledger, asked).await;
        // A parcel that left is a fact; a cancellation that came before it stands, too.
        assert!(answers.iter().any(|answer| answer.status == 201), "{answers:?}");
        dispatched += with_code(&answers, "exchange-dispatched");
    }
    assert_eq!(left(&ledger, "ann").await, 6_000 - 300 * dispatched as u64);
}

/// A request that is sent with others.
struct Asked(&'static str, String, Value);

fn put(role: &'static str, path: &str, body: Value) -> Asked {
    Asked(role, path.to_owned(), body)
}

async fn at_once(ledger: &Ledger, asked: impl IntoIterator<Item = Asked>) -> Vec<Answer> {
    let mut sent = JoinSet::new();
    for Asked(role, path, body) in asked {
        let client = ledger.client.clone();
        sent.spawn(async move { client.put(role, &path, body).await });
    }
    sent.join_all().await
}

fn with_status(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

fn with_code(answers: &[Answer], code: &str) -> usize {
    answers.iter().filter(|answer| answer.body["code"] == code).count()
}

/// What an account can spend, as its own next decision sees it.
async fn left(ledger: &Ledger, account: &str) -> u64 {
    const RICH: u64 = 1 << 50;
    ledger
        .client
        .put(
            "operator",
            "/v1/offers/moon",
            json!({
                "product_id": "moon", "price": RICH, "stock": null,
            }),
        )
        .await;
    let problem = ledger.client.redeems(account, "probe", "moon").await;
    let problem = problem.is_problem(409, "insufficient-credit");
    problem["available"].as_u64().expect("a number")
}

async fn log_id(folder: &std::path::Path) -> String {
    use event_store::{Access, EventStore, StoreUrl};
    let url = StoreUrl::Sqlite(folder.join("log.sqlite"));
    EventStore::open(&url, Access::Read).await.expect("it opens").log_id().to_string()
}
