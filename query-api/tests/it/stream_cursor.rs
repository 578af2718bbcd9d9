//! Cursors of the shipping stream across restores: a reader goes on after what the log still has,
//! and is told of what it hasn't.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use domain::{Event, Shipped};
use log_record::{Generation, LogId};
use query_api::{FollowersMax, QueryApi};
use read_model::{LogEnds, LogHistory, OfLog};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;
use tower::ServiceExt as _;
use wire::{KeyHash, KeyRing, Role};

use crate::asks::stream::{Stream, cursor};
use testing::ledger::{Ledger, On, earned, id, log_opened, place};
use testing::life::{exchanged, report};

testing::on_every_database! {
    a_reader_before_a_fork_goes_on_and_one_after_it_is_told,
    a_reader_who_is_ahead_of_a_log_that_was_shortened_is_told,
    a_reader_whose_message_another_event_replaced_is_told,
    a_cursor_of_another_ledger_is_of_another_history,
    a_reader_who_is_ahead_of_the_tables_waits_for_them,
    tables_that_do_not_come_to_a_cursor_are_behind_while_the_log_has_it,
    followers_are_told_when_the_tables_change_their_history,
    a_request_that_is_sent_once_more_moves_its_reader_on,
    one_stream_has_the_messages_of_all_partitions,
    a_stream_takes_no_parameter_that_it_would_ignore,
    no_more_follow_than_may,
}

/// A moment for what may come to have come.
const SHORTLY: Duration = Duration::from_millis(50);

/// A log's beginning, and one message at each position from 2 to `last`.
async fn with_messages(log_id: u128, last: u64, on: On) -> Ledger {
    let ledger = Ledger::new(log_id, on).await;
    ledger.record(&[log_opened(1)]).await;
    more_messages(&ledger, "before", 2..=last).await;
    ledger.project().await;
    ledger
}

async fn more_messages(ledger: &Ledger, when: &str, positions: std::ops::RangeInclusive<u64>) {
    let events: Vec<Event> = positions
        .map(|number| exchanged(&format!("{when}-{number}"), "x-1", 1, 300, None))
        .collect();
    ledger.record(&events).await;
}

/// What was in the same log's backup up to a position, and declared to be the history.
async fn restored(to: u64, then_to: u64, on: On) -> Ledger {
    let ledger = with_messages(1, to, on).await;
    ledger.fork().await;
    more_messages(&ledger, "after", to + 2..=then_to).await;
    ledger.project().await;
    ledger
}

async fn router(ledger: &Ledger) -> Router {
    query_api::router(QueryApi::new(ledger.read_model().await, keys(), SHORTLY))
}

fn keys() -> KeyRing {
    Role::ALL.iter().map(|role| (KeyHash::of(role.as_str()), *role)).collect()
}

/// A page of the warehouse `main`.
async fn page(router: &Router, query: &str) -> (u16, Value) {
    let request = Request::builder()
        .uri(format!("/v1/shipping-stream?warehouse=main{query}"))
        .header("authorization", "Bearer warehouse")
        .body(Body::empty())
        .expect("a request");
    let answer = router.clone().oneshot(request).await.expect("answered");
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    (status, serde_json::from_slice(&body).expect("JSON"))
}

async fn page_after(router: &Router, cursor: &str) -> (u16, Value) {
    page(router, &format!("&after={cursor}")).await
}

/// Whoever asks for a page or for a stream is told the same.
async fn is_told(router: &Router, cursor: &str) {
    let (status, problem) = page_after(router, cursor).await;
    assert_eq!((status, &problem["code"]), (409, &json!("log-forked")), "{problem}");
    let detail = problem["detail"].as_str().expect("a text");
    assert!(detail.contains("without a cursor"), "{detail}");
    assert_eq!(Stream::ask(router, Some(cursor)).await.status(), 409);
}

fn positions(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().expect("a list").iter();
    items.map(|item| item["data"]["position"].as_str().expect("a position")).collect()
}

async fn a_reader_before_a_fork_goes_on_and_one_after_it_is_told(on: On) {
    let longer = with_messages(1, 9, on).await;
    let before = router(&longer).await;
    let seen = async |limit: u32| {
        let (_, page) = page(&before, &format!("&limit={limit}")).await;
        page["next"].as_str().expect("a cursor").to_owned()
    };
    let (at_4, at_9) = (seen(3).await, seen(8).await);
    let restored = restored(5, 12, on).await;
    let after = router(&restored).await;
    let (status, rest) = page_after(&after, &at_4).await;
    assert_eq!(status, 200, "{rest}");
    let expected: Vec<String> = [5].into_iter().chain(7..=12).map(|it| format!("0:{it}")).collect();
    assert_eq!(positions(&rest), expected, "what was in the backup, and what came since");
    is_told(&after, &at_9).await;
    let (_, whole) = page(&after, "").await;
    assert_eq!(positions(&whole).len(), 10, "without a cursor it gets all that there is");
}

async fn a_reader_who_is_ahead_of_a_log_that_was_shortened_is_told(on: On) {
    let ahead = cursor(LogId(uuid::Uuid::from_u128(1)), 1, 9);
    let shorter = with_messages(1, 5, on).await;
    is_told(&router(&shorter).await, &ahead).await;
}

async fn a_reader_whose_message_another_event_replaced_is_told(on: On) {
    let ledger = with_messages(1, 5, on).await;
    ledger.record(&[earned("ann")]).await;
    ledger.project().await;
    let router = router(&ledger).await;
    let log_id = ledger.store.log_id();
    is_told(&router, &cursor(log_id, 1, 6)).await;
    is_told(&router, &cursor(log_id, 2, 5)).await;
    assert_eq!(page_after(&router, &cursor(log_id, 1, 5)).await.0, 200);
}

async fn a_cursor_of_another_ledger_is_of_another_history(on: On) {
    let of_another = with_messages(2, 5, on).await;
    let other = router(&of_another).await;
    let (_, of_other) = page(&other, "").await;
    let (_, of_none) = page(&other, "&limit=1").await;
    let ledger = with_messages(1, 9, on).await;
    let own = router(&ledger).await;
    for page in [of_other, of_none] {
        is_told(&own, page["next"].as_str().expect("a cursor")).await;
    }
}

/// Read tables, and what is known of their log: so many events, looked at again and again.
async fn beside_a_log_of(ledger: &Ledger, events: u64) -> Router {
    let history = LogHistory { generation: Generation(1), ends: vec![place(1)], begins: vec![] };
    let history = watch::Sender::new(history);
    let look = move || LogEnds { looked_at: Instant::now(), ends: vec![place(events)] };
    let ends = watch::Sender::new(look());
    let log = OfLog::now(ledger.store.log_id(), history.subscribe()).with_ends(ends.subscribe());
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(SHORTLY).await;
            ends.send_replace(look());
            history.send_if_modified(|_| false);
        }
    });
    let model = ledger.read_model().await.of_log(log).await.expect("it is its log");
    query_api::router(QueryApi::new(model, keys(), 10 * SHORTLY))
}

async fn a_reader_who_is_ahead_of_the_tables_waits_for_them(on: On) {
    let ledger = with_messages(1, 5, on).await;
    let router = beside_a_log_of(&ledger, 9).await;
    let ahead = cursor(ledger.store.log_id(), 1, 7);
    more_messages(&ledger, "then", 6..=9).await;
    let later = async {
        tokio::time::sleep(SHORTLY).await;
        ledger.project().await;
    };
    let ((status, page), ()) = tokio::join!(page_after(&router, &ahead), later);
    assert_eq!((status, positions(&page)), (200, vec!["0:8", "0:9"]), "{page}");
}

async fn tables_that_do_not_come_to_a_cursor_are_behind_while_the_log_has_it(on: On) {
    let ledger = with_messages(1, 5, on).await;
    let ahead = cursor(ledger.store.log_id(), 1, 9);
    let (status, problem) = page_after(&beside_a_log_of(&ledger, 9).await, &ahead).await;
    assert_eq!((status, &problem["code"]), (503, &json!("projection-behind")), "{problem}");
    let shorter = beside_a_log_of(&ledger, 8).await;
    let begun = Instant::now();
    is_told(&shorter, &ahead).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "it isn't waited for");
}

async fn followers_are_told_when_the_tables_change_their_history(on: On) {
    let ledger = with_messages(1, 9, on).await;
    let api = QueryApi::new(ledger.read_model().await, keys(), Duration::from_secs(5));
    let router = query_api::router(api);
    let log_id = ledger.store.log_id();
    let mut whole = Stream::open(&router, None).await;
    let mut early = Stream::open(&router, Some(&cursor(log_id, 1, 8))).await;
    for _ in 2..=9 {
        whole.next().await.expect("a message");
    }
    let (last, _) = early.next().await.expect("a message");
    assert_eq!(last, cursor(log_id, 1, 9));
    let mut elsewhere = Stream::open(&router, Some(&cursor(log_id, 1, 5))).await;
    for _ in 6..=9 {
        elsewhere.next().await.expect("a message");
    }

    // Before it comes to where they are, and after.
    let shorter = restored(5, 8, on).await;
    projector::rebuild(&ledger.url(), &shorter.store).await.expect("rebuilt");
    assert_eq!(whole.next().await, None, "it ends, although nothing new is after it");
    assert_eq!(early.next().await, None);
    assert_eq!(elsewhere.next().await, None);
    is_told(&router, &last).await;
    let mut again = Stream::open(&router, Some(&cursor(log_id, 1, 5))).await;
    for position in [7, 8] {
        let (id, _) = again.next().await.expect("a message");
        assert_eq!(id, cursor(log_id, 2, position));
    }
    let longer = restored(7, 20, on).await;
    longer.fork().await;
    longer.project().await;
    projector::rebuild(&ledger.url(), &longer.store).await.expect("rebuilt");
    assert_eq!(again.next().await, None, "another event stands where it is");
    let mut in_both = Stream::open(&router, Some(&cursor(log_id, 1, 5))).await;
    let (id, _) = in_both.next().await.expect("a message");
    assert_eq!(id, cursor(log_id, 1, 6));
}

/// It keeps its id and its sequence, and comes at a place of its own.
async fn a_request_that_is_sent_once_more_moves_its_reader_on(on: On) {
    let ledger = with_messages(1, 4, on).await;
    let shipped = Shipped::ExchangeId(id("x-1"));
    let again = Event::ShipmentAskedAgain(id("before-2"), report(shipped, None));
    ledger.record(&[again]).await;
    ledger.project().await;
    let router = router(&ledger).await;
    let (_, whole) = page(&router, "").await;
    assert_eq!(positions(&whole).len(), 4, "{whole}");
    assert_eq!(whole["items"][3]["id"], whole["items"][0]["id"], "the first, once more");
    let end = whole["next"].as_str().expect("a cursor");
    assert_eq!(end, cursor(ledger.store.log_id(), 1, 5));
    assert_eq!(page_after(&router, end).await, (200, json!({"items": [], "next": end})));
}

/// The tables of a second partition, in which somebody asked for something at each position up to
/// `last`, as its projector would have made them.
fn in_second_partition(ledger: &Ledger, first: u64, last: u64) {
    let place = |position: u64| (1 << 48) + position;
    let requests = (first..=last).map(|position| {
        format!(
            "insert into shipping_request (place, generation, type, account_id, exchange_id, \
             lines, warehouse, lane, sequence, recorded_at, status, crossed, changed_at) \
             values ({}, 1, 2, 'zoe', 'x-{position}', '[]', 'main', '1/main/3', {position}, 1, \
             'requested', 1 = 0, 1); ",
            place(position)
        )
    });
    let requests: String = requests.collect();
    let begin = if first > 1 {
        String::new()
    } else {
        "insert into checkpoint (\"partition\", log_id, generation, position, checksum, recorded_at, \
         clock) select 1, log_id, generation, 0, checksum, recorded_at, clock from checkpoint; \
         insert into lane (lane, warehouse, last_sequence, last_place) values ('1/main/3', 'main', \
         0, 0); "
            .to_owned()
    };
    ledger.alter(&format!(
        "{begin}{requests}update lane set last_sequence = {last}, last_place = {} where lane = \
         '1/main/3'; update checkpoint set position = {last} where \"partition\" = 1",
        place(last)
    ));
}

async fn one_stream_has_the_messages_of_all_partitions(on: On) {
    let ledger = with_messages(1, 5, on).await;
    in_second_partition(&ledger, 1, 5);
    let router = router(&ledger).await;
    let expected: Vec<String> = (2..=5)
        .map(|position| format!("0:{position}"))
        .chain((1..=5).map(|position| format!("1:{position}")))
        .collect();
    for limit in [1, 3, 9] {
        let (mut found, mut after) = (vec![], String::new());
        loop {
            let (status, page) = page(&router, &format!("&limit={limit}{after}")).await;
            assert_eq!(status, 200, "{page}");
            let some = positions(&page);
            if some.is_empty() {
                break;
            }
            found.extend(some.into_iter().map(ToOwned::to_owned));
            after = format!("&after={}", page["next"].as_str().expect("a cursor"));
        }
        assert_eq!(found, expected, "{limit} at a time");
    }
    let mut stream = Stream::open(&router, None).await;
    let mut last = None;
    for _ in &expected {
        last = Some(stream.next().await.expect("a message").0);
    }
    in_second_partition(&ledger, 6, 7);
    for position in ["1:6", "1:7"] {
        let (id, item) = stream.next().await.expect("a message");
        assert_eq!(item["data"]["position"], position);
        last = Some(id);
    }
    more_messages(&ledger, "then", 6..=6).await;
    ledger.project().await;
    assert_eq!(stream.next().await.expect("a message").1["data"]["position"], "0:6");
    let mut again = Stream::open(&router, last.as_deref()).await;
    let (id, item) = again.next().await.expect("a message");
    assert_eq!(item["data"]["position"], "0:6", "of each partition it goes on where it was");
    assert_eq!(page_after(&router, &id).await.1["items"], json!([]));
}

async fn a_stream_takes_no_parameter_that_it_would_ignore(on: On) {
    let ledger = with_messages(1, 5, on).await;
    let router = &router(&ledger).await;
    let at_3 = cursor(ledger.store.log_id(), 1, 3);
    for query in ["&limit=5", "&wait_ms=100", "&after=rubbish"] {
        let answer = Stream::ask_with(router, query, Some(&at_3)).await;
        assert_eq!(answer.status(), 400, "{query}");
    }
    let answer = Stream::ask_with(router, &format!("&after={at_3}"), Some(&at_3)).await;
    assert_eq!(answer.status(), 200, "a browser sends both when it comes again");
}

async fn no_more_follow_than_may(on: On) {
    let ledger = with_messages(1, 2, on).await;
    let mut api = QueryApi::new(ledger.read_model().await, keys(), SHORTLY);
    api.followers_max = FollowersMax { of_key: 2, of_all: 3 };
    let router = query_api::router(api);
    // The keys of these tests have no id, so all are one key.
    let streams = [Stream::open(&router, None).await, Stream::open(&router, None).await];
    let end = cursor(ledger.store.log_id(), 1, 2);
    let waits = format!("&after={end}&wait_ms=20");
    let (status, problem) = page(&router, &waits).await;
    assert_eq!((status, &problem["code"]), (429, &json!("too-many-followers")), "{problem}");
    assert_eq!((&problem["of"], &problem["limit"]), (&json!("key"), &json!(2)));
    let refused = Stream::ask(&router, None).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    for asked in [format!("&after={end}"), "&wait_ms=20".to_owned()] {
        assert_eq!(page(&router, &asked).await.0, 200, "{asked}: it needn't wait");
    }
    let [first, second] = streams;
    drop(first);
    assert_eq!(page(&router, &waits).await.0, 200);
    assert_eq!(page(&router, &waits).await.0, 200, "who waited gives its turn back");
    drop(second);
}
