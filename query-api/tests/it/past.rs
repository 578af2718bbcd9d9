//! `?at=`: what was answered at a moment is answered for that moment ever after.

use axum::http::StatusCode;
use domain::{Clock, Event, Shipped};
use serde_json::{Value, json};
use testing::ledger::{On, id, time};
use testing::life::{self, DAY, EVENTS, history, report};

use crate::asks::Reads;

testing::on_every_database! {
    what_was_answered_after_each_event_is_answered_for_it_later,
    a_report_that_was_replaced_is_there_at_its_own_moment,
    a_moment_that_never_was_is_refused,
}

/// What a life of points is asked about.
const PATHS: [&str; 14] = [
    "/v1/accounts/ann",
    "/v1/accounts/bob",
    "/v1/accounts/cat",
    "/v1/accounts/dan",
    "/v1/accounts/nobody",
    "/v1/accounts/ann/entries",
    "/v1/accounts/bob/entries?kind=credit-earned&limit=1",
    "/v1/accounts/cat/entries?unit=points",
    "/v1/accounts/dan/entries?from=1970-01-31T00:00:00Z",
    "/v1/accounts/ann/exchanges/x-1",
    "/v1/accounts/ann/exchanges/x-2",
    "/v1/accounts/ann/exchanges/x-9",
    "/v1/offers/mug",
    "/v1/offers/cup",
];

/// A path with a moment.
pub(crate) fn at(path: &str, moment: &str) -> String {
    let sign = if path.contains('?') { '&' } else { '?' };
    format!("{path}{sign}at={moment}")
}

/// What was answered, without the cursor: it belongs to its moment.
pub(crate) async fn answer(reads: &Reads, path: &str) -> (u16, Value) {
    let (status, _, mut body) = reads.ask("auditor", path).await;
    if let Some(next) = body.get_mut("next").filter(|next| next.is_string()) {
        *next = json!("there is more");
    }
    (status, body)
}

async fn what_was_answered_after_each_event_is_answered_for_it_later(on: On) {
    let events = history(Clock::Commands);
    assert_eq!(events.len(), EVENTS);
    let reads = Reads::of(on, vec![]).await;
    let mut kept = vec![];
    for (index, event) in events.iter().enumerate() {
        reads.record(vec![event.clone()]).await;
        let second = event.0;
        let is_last_of_time = events.get(index + 1).is_none_or(|(next, _)| *next > second);
        for path in PATHS {
            let answered = answer(&reads, path).await;
            if is_last_of_time {
                kept.push((at(path, &time(second).to_string()), answered.clone()));
            }
            kept.push((at(path, &format!("0:{}", index + 1)), answered));
        }
    }
    let found = kept.iter().filter(|(_, (status, _))| *status == StatusCode::OK).count();
    assert!(found > kept.len() / 3, "{found} of {}", kept.len());
    for (path, answered) in kept {
        assert_eq!(answer(&reads, &path).await, answered, "{path}");
    }
}

async fn a_report_that_was_replaced_is_there_at_its_own_moment(on: On) {
    let mut events: Vec<(i64, Event)> = history(Clock::Commands).into_iter().take(16).collect();
    let says = |reason: Option<&str>| report(Shipped::ExchangeId(id("x-1")), reason);
    events.push((7 * DAY, Event::ShipmentAccepted(id("ann"), says(None))));
    // The second takes the first one's place at the path to which both are put.
    for (day, reason) in [(8, "out of blue"), (9, "still out of blue")] {
        events.push((day * DAY, Event::ShipmentBackOrdered(id("ann"), says(Some(reason)))));
    }
    let reads = Reads::of(on, events).await;
    let exchange = "/v1/accounts/ann/exchanges/x-1";
    for (moment, status) in [
        ("0:16", "created"),
        ("0:17", "accepted"),
        ("0:18", "back-ordered"),
        ("0:19", "back-ordered"),
    ] {
        let then = reads.get(&at(exchange, moment)).await;
        assert_eq!(then["status"], status, "{moment}");
        let reason = (status == "back-ordered").then_some("out of blue");
        assert_eq!(then["reason"], json!(reason), "{moment}: the first stays");
    }
}

async fn a_moment_that_never_was_is_refused(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    for (moment, complaint) in [
        ("yesterday", "must be a position, such as 0:4711, or a time"),
        ("0:4711", "is after the end of the log, which is at 0:73"),
        ("1:1", "must be a position of partition 0"),
        ("2100-01-01T00:00:00Z", "is later than the ledger's time"),
    ] {
        for path in ["/v1/accounts/ann", "/v1/accounts/ann/exchanges/x-1", "/v1/offers/mug"] {
            let (status, _, problem) = reads.ask("operator", &at(path, moment)).await;
            assert_eq!((status, &problem["code"]), (400, &json!("invalid-query")), "{problem}");
            assert_eq!(problem["field"], "at");
            assert!(problem["detail"].as_str().expect("a text").contains(complaint), "{problem}");
        }
    }
    for moment in ["0:0", "1970-01-01T00:00:00Z"] {
        reads.missing(&at("/v1/accounts/ann", moment)).await;
    }
    for role in ["shopper", "merchant", "warehouse"] {
        let (status, _, problem) = reads.ask(role, &at("/v1/offers/mug", "0:6")).await;
        assert_eq!((status, &problem["code"]), (403, &json!("forbidden")), "{role}");
    }
}

#[tokio::test]
async fn a_page_of_the_past_goes_on_at_its_own_moment() {
    let reads = Reads::of(On::Sqlite, history(Clock::Commands)).await;
    let entries = at("/v1/accounts/ann/entries?limit=2", "0:29");
    let then = reads.whole(&entries).await;
    assert_eq!(then, reads.list(&at("/v1/accounts/ann/entries?limit=500", "0:29")).await);
    assert!(then.len() > 4 && then[0]["position"] == "0:28", "{then:?}");
    let next = reads.get(&entries).await["next"].clone();
    let of_now = format!("/v1/accounts/ann/entries?limit=2&cursor={}", next.as_str().expect("one"));
    assert_eq!(reads.ask("operator", &of_now).await.0, 400, "a cursor of then is none of now");
}

#[tokio::test]
async fn where_nobody_can_read_the_log_the_past_is_not_answered() {
    let reads = Reads::of(On::Sqlite, history(Clock::Commands)).await;
    let api = query_api::QueryApi::new(
        reads.ledger.read_model().await,
        reads.api.keys.clone(),
        std::time::Duration::ZERO,
    );
    let router = query_api::router(api);
    let path = at("/v1/accounts/ann", &life::day(9).to_string());
    let (status, _, problem) = Reads::ask_at(&router, "auditor", &path, None).await;
    assert_eq!((status, &problem["code"]), (503, &json!("log-unreachable")), "{problem}");
}
