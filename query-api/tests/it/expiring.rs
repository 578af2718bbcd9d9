//! Credit that has expired and credit that will: of an account, and of all accounts.

use axum::body::Body;
use axum::http::Request;
use domain::Clock;
use serde_json::{Value, json};
use testing::ledger::On;
use testing::life::{DAY, deducted, earned, history, part};
use tower::ServiceExt as _;

use crate::asks::Reads;

testing::on_every_database! {
    an_account_shows_what_expires_within_any_window_and_what_has_expired,
    accounts_are_listed_by_when_their_credit_expires,
    an_export_has_every_account_as_lines,
}

async fn an_account_shows_what_expires_within_any_window_and_what_has_expired(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let expiry = async |path: &str| {
        let body = reads.get(&format!("/v1/accounts/{path}")).await;
        (body["expiring"]["points"].clone(), body["expired"]["points"].clone())
    };
    assert_eq!(expiry("cat/expiry").await, (json!(500), json!(0)));
    assert_eq!(expiry("cat/expiry?within_days=8").await, (json!(0), json!(0)));
    assert_eq!(expiry("cat/expiry?within_days=9").await, (json!(500), json!(0)));
    assert_eq!(expiry("bob/expiry").await, (json!(0), json!(80)));
    assert_eq!(expiry("bob/expiry?since=1970-01-31T00:00:00Z").await.1, 80);
    assert_eq!(expiry("bob/expiry?since=1970-01-31T00:00:01Z").await.1, 0);
    // Nothing of this is recorded: the hold ended on day 48, and what it kept expired with the
    // rest.
    reads.pass_to(51).await;
    assert_eq!(expiry("cat/expiry?within_days=9").await, (json!(90), json!(700)));
    assert_eq!(expiry("cat/expiry?since=1970-02-20T00:00:00Z").await.1, 700);
    assert_eq!(expiry("cat/expiry?since=1970-02-20T00:00:01Z").await.1, 0, "it expired before");
    let body = reads.get("/v1/accounts/cat/expiry?within_days=90").await;
    assert_eq!(
        body,
        json!({"account_id": "cat", "unit": "points", "expiring": {"within_days": 90, "points": 90},
            "expired": {"points": 700}, "position": "0:42"})
    );
    for wrong in ["within_days=0", "within_days=3661", "within_days=x", "since=yesterday"] {
        let path = format!("/v1/accounts/cat/expiry?{wrong}");
        let (status, _, problem) = reads.ask("shopper", &path).await;
        let field = wrong.split('=').next().expect("a name");
        assert_eq!((status, &problem["field"]), (400, &json!(field)));
    }
    reads.missing("/v1/accounts/nobody/expiry").await;
}

/// Five accounts: two parts that expire, one, one later, one never, and one that has spent it.
async fn five(on: On) -> Reads {
    let events = vec![
        history(Clock::Commands)[0].clone(),
        (DAY, earned("eve", 10, "B-1", None, Some(20))),
        (DAY, earned("eve", 20, "B-2", None, Some(25))),
        (DAY, earned("ann", 40, "B-3", None, Some(20))),
        (DAY, earned("bob", 80, "B-4", None, Some(40))),
        (DAY, earned("cat", 160, "B-5", None, None)),
        (DAY, earned("dan", 320, "B-6", None, Some(20))),
        (2 * DAY, deducted("dan", "x-1", vec![part(7, 320, Some(20))])),
        (2 * DAY, earned("ann", 5, "B-7", Some(9), Some(22))),
    ];
    Reads::of(on, events).await
}

async fn accounts_are_listed_by_when_their_credit_expires(on: On) {
    let reads = five(on).await;
    let found = async |query: &str| -> Vec<(String, u64)> {
        let items = reads.whole(&format!("/v1/expiring-credit?{query}")).await;
        let found = items.iter().map(|item| {
            let account = item["account_id"].as_str().expect("an account");
            (account.to_owned(), item["points"].as_u64().expect("points"))
        });
        found.collect()
    };
    let of = |accounts: &[(&str, u64)]| -> Vec<(String, u64)> {
        accounts.iter().map(|(name, points)| ((*name).to_owned(), *points)).collect()
    };
    for limit in [1, 2, 50] {
        let month = format!("before=1970-02-01T00:00:00Z&limit={limit}");
        assert_eq!(found(&month).await, of(&[("ann", 40), ("eve", 30)]), "{limit}");
        let year = format!("before=1971-01-01T00:00:00Z&limit={limit}");
        assert_eq!(found(&year).await, of(&[("ann", 40), ("eve", 30), ("bob", 80)]));
    }
    assert_eq!(found("before=1970-01-21T00:00:00Z").await, of(&[]), "day 20 isn't before itself");
    let later = "from=1970-01-22T00:00:00Z&before=1970-02-01T00:00:00Z";
    assert_eq!(found(later).await, of(&[("eve", 20)]));
    // On day 10 what was pending can be spent, though nobody has recorded that.
    reads.pass_to(10).await;
    assert_eq!(found("before=1970-02-01T00:00:00Z").await, of(&[("ann", 45), ("eve", 30)]));
    // On day 20 a part of it has expired.
    reads.pass_to(20).await;
    assert_eq!(found("before=1970-02-01T00:00:00Z").await, of(&[("ann", 5), ("eve", 20)]));
    let (status, _, problem) = reads.ask("operator", "/v1/expiring-credit").await;
    assert_eq!((status, &problem["code"]), (400, &json!("invalid-query")));
    let page = reads.get("/v1/expiring-credit?before=1971-01-01T00:00:00Z&limit=1").await;
    let next = page["next"].as_str().expect("there is more");
    let other = format!("/v1/expiring-credit?before=1972-01-01T00:00:00Z&cursor={next}");
    let (status, _, problem) = reads.ask("operator", &other).await;
    assert_eq!((status, &problem["field"]), (400, &json!("cursor")));
}

async fn an_export_has_every_account_as_lines(on: On) {
    let mut events = vec![history(Clock::Commands)[0].clone()];
    let accounts = 1_203;
    for number in 0..accounts {
        let name = format!("ann-{number:04}");
        events.push((DAY, earned(&name, 1 + number, "B-1", None, Some(20))));
    }
    let reads = Reads::of(on, events).await;
    let (media, text) = export(&reads, "application/x-ndjson").await;
    assert_eq!(media, "application/x-ndjson");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), usize::try_from(accounts).expect("few"));
    assert_eq!(
        lines[1_202],
        json!({"account_id": "ann-1202", "unit": "points", "points": 1_203,
            "expires_at": "1970-01-21T00:00:00Z"})
    );
    let csv = "text/event-stream, application/json;q=0.1, Text/CSV;q=0.5, application/x-ndjson;q=0";
    let (media, text) = export(&reads, csv).await;
    assert!(media.starts_with("text/csv"), "{media}");
    let mut lines = text.split("\r\n");
    assert_eq!(lines.next(), Some("account_id,unit,points,expires_at"));
    assert_eq!(lines.next(), Some("ann-0000,points,1,1970-01-21T00:00:00Z"));
    assert_eq!(text.matches('\n').count(), 1_204);
    let path = "/v1/expiring-credit?before=1970-02-01T00:00:00Z&limit=1";
    let (status, _, problem) = reads.ask_with("operator", path, Some(("accept", "text/csv"))).await;
    assert_eq!((status, &problem["field"]), (400, &json!("limit")));
}

async fn export(reads: &Reads, accept: &str) -> (String, String) {
    let request = Request::builder()
        .uri("/v1/expiring-credit?before=1970-02-01T00:00:00Z")
        .header("authorization", "Bearer merchant")
        .header("accept", accept)
        .body(Body::empty())
        .expect("a request");
    let answer = query_api::router(reads.api.clone()).oneshot(request).await.expect("answered");
    assert_eq!(answer.status(), 200);
    let media = answer.headers()["content-type"].to_str().expect("a text").to_owned();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("the whole");
    (media, String::from_utf8(body.to_vec()).expect("a text"))
}
