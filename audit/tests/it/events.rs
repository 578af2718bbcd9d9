//! The events as the log has them, over HTTP: whole, in order, and to nobody who may not see them.

use std::collections::BTreeSet;

use domain::{Clock, Event};
use log_record::{FixedRecord, Generation, Private, RecordedEvent, parse_hex};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testing::ledger::On;
use testing::life::{self, DAY, history};
use wire::{KeyHash, Role, write_cursor};

use crate::audited::{Audited, RANGE};

testing::on_every_database! {
    every_event_is_shown_as_it_stands_in_the_log,
    an_accounts_events_are_all_that_the_log_has_of_it,
    an_exchanges_events_are_all_that_name_it,
    archived_events_are_shown_like_others,
    a_stream_goes_on_with_what_is_appended,
}

fn sha256(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

fn bytes(item: &Value, field: &str) -> Vec<u8> {
    let digits = item[field].as_str().expect("a text").as_bytes();
    let pair = |pair| parse_hex::<1>(std::str::from_utf8(pair).expect("digits")).expect("a byte");
    digits.chunks(2).flat_map(pair).collect()
}

fn positions(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["position"].as_str().expect("a position")).collect()
}

/// Whether an event is about an exchange of the account.
fn names(event: &RecordedEvent, account: &str, exchange: &str) -> bool {
    let public: Value = serde_json::from_str(&event.public).expect("JSON");
    let is_cause = public["cause"]["exchange_id"] == exchange;
    event.account_id.as_deref() == Some(account) && (public["exchange_id"] == exchange || is_cause)
}

async fn every_event_is_shown_as_it_stands_in_the_log(on: On) {
    let log = Audited::on(on, &history(Clock::Commands)).await;
    let events = log.events().await;
    assert_eq!(events.len(), life::EVENTS);
    for limit in [7, 500] {
        let path = format!("/v1/events?partition=0&limit={limit}");
        let (all, audited) =
            (log.whole("operator", &path).await, log.whole("auditor", &path).await);
        assert_eq!((all.len(), audited.len()), (events.len(), events.len()));
        for (event, (item, seen)) in events.iter().zip(all.iter().zip(&audited)) {
            let record = bytes(item, "record");
            let fixed = FixedRecord::parse(&record).expect("a record");
            assert_eq!(fixed.place, event.place);
            assert_eq!(fixed.log_id, log.ledger.store.log_id());
            assert_eq!(item["position"], event.place.to_string());
            assert_eq!(item["generation"], fixed.generation.0);
            assert_eq!(item["type"], fixed.event_type);
            assert_eq!(item["version"], fixed.version);
            assert_eq!(item["account_id"].as_str(), fixed.account_id);
            assert_eq!(bytes(item, "checksum"), sha256(&record));
            assert_eq!(bytes(item, "checksum"), event.checksum.0);
            let public = item["public"].as_str().expect("a text");
            assert_eq!((public, sha256(public.as_bytes())), (&*event.public, fixed.public_sha256));
            let private = item["private"].as_str().expect("an operator sees it");
            assert_eq!(sha256(private.as_bytes()), fixed.private_sha256);
            assert_eq!(bytes(item, "private_sha256"), fixed.private_sha256);
            let mut without = item.clone();
            without.as_object_mut().expect("an object").remove("private");
            assert_eq!(*seen, without, "an auditor sees all but the private text");
        }
    }
}

async fn an_accounts_events_are_all_that_the_log_has_of_it(on: On) {
    let log = Audited::on(on, &history(Clock::Commands)).await;
    let events = log.events().await;
    let accounts: BTreeSet<&str> =
        events.iter().filter_map(|event| event.account_id.as_deref()).collect();
    assert!(accounts.len() >= 4, "{accounts:?}");
    for account in accounts {
        let own = events.iter().filter(|event| event.account_id.as_deref() == Some(account));
        let own: Vec<String> = own.map(|event| event.place.to_string()).collect();
        for limit in [1, 3, 500] {
            let path = format!("/v1/events?account_id={account}&limit={limit}");
            assert_eq!(positions(&log.whole("auditor", &path).await), own, "{account}");
        }
        let path = format!("/v1/events?partition=0&account_id={account}&after={}", own.len());
        let later = own.iter().filter(|place| after(place) > own.len()).collect::<Vec<_>>();
        assert_eq!(positions(&log.whole("auditor", &path).await), later);
    }
    let nobody = log.get("auditor", "/v1/events?account_id=nobody").await;
    assert_eq!(nobody, json!({"items": [], "next": null}));
}

fn after(place: &str) -> usize {
    place.split(':').nth(1).expect("a position").parse().expect("a number")
}

async fn an_exchanges_events_are_all_that_name_it(on: On) {
    let log = Audited::on(on, &history(Clock::Commands)).await;
    let events = log.events().await;
    for exchange in ["x-1", "x-2"] {
        let own = events.iter().filter(|event| names(event, "ann", exchange));
        let own: Vec<String> = own.map(|event| event.place.to_string()).collect();
        assert!(own.len() >= 3, "{exchange}: {own:?}");
        for (limit, account) in [(1, ""), (500, ""), (2, "&account_id=ann")] {
            let path = format!("/v1/events?exchange_id={exchange}{account}&limit={limit}");
            assert_eq!(positions(&log.whole("auditor", &path).await), own, "{path}");
        }
        let path = format!("/v1/events?exchange_id={exchange}&account_id=bob");
        assert!(log.whole("auditor", &path).await.is_empty(), "{path}");
    }
}

async fn archived_events_are_shown_like_others(on: On) {
    let mut log = Audited::on(on, &history(Clock::Commands)).await;
    let paths = ["/v1/events?limit=20", "/v1/events?account_id=ann&limit=20"];
    let mut before = vec![];
    for path in paths {
        before.push(log.whole("operator", path).await);
    }
    log.archive().await;
    log.look_in("archive").await;
    for (path, before) in paths.iter().zip(&before) {
        assert_eq!(log.whole("operator", path).await, *before, "{path}");
    }
    log.look_in("elsewhere").await;
    for path in paths {
        let (status, headers, problem) = log.ask("operator", path, &[]).await;
        assert_eq!((status, &problem["code"]), (503, &json!("log-unreachable")), "{path}");
        assert!(headers.contains_key("retry-after"), "{path}");
    }
    let range = usize::try_from(RANGE).expect("a few");
    let later = format!("/v1/events?after={RANGE}");
    assert_eq!(log.whole("operator", &later).await, before[0][range..]);
}

async fn a_stream_goes_on_with_what_is_appended(on: On) {
    let mut later = history(Clock::Commands);
    let first = later.drain(..20).collect::<Vec<_>>();
    let log = Audited::on(on, &first).await;
    let mut all = log.stream("/v1/events", None).await;
    let mut of_ann = log.stream("/v1/events?account_id=ann", None).await;
    let mut got = all.next_positions(20).await;
    let own = |events: &[RecordedEvent]| -> Vec<String> {
        let own = events.iter().filter(|event| event.account_id.as_deref() == Some("ann"));
        own.map(|event| event.place.to_string()).collect()
    };
    let mut got_of_ann = of_ann.next_positions(own(&log.events().await).len()).await;
    for batch in later.chunks(9) {
        log.record(batch).await;
        got.extend(all.next_positions(batch.len()).await);
    }
    let events = log.events().await;
    let places: Vec<String> = events.iter().map(|event| event.place.to_string()).collect();
    assert_eq!(got, places, "each once, in order");
    let left = own(&events).len() - got_of_ann.len();
    got_of_ann.extend(of_ann.next_positions(left).await);
    assert_eq!(got_of_ann, own(&events));

    // A browser that lost its stream asks again with the id that it had last.
    for path in ["/v1/events", "/v1/events?account_id=ann"] {
        let mut stream = log.stream(path, None).await;
        let (id, third) = [stream.next().await, stream.next().await, stream.next().await]
            .into_iter()
            .flatten()
            .nth(2)
            .expect("there are three");
        let (_, fourth) = stream.next().await.expect("there are four");
        drop(stream);
        let (_, next) = log.stream(path, Some(&id)).await.next().await.expect("it goes on");
        assert_eq!(next, fourth, "{path}");
        let page = log.get("auditor", &with(path, &format!("limit=1&after={id}"))).await;
        assert_eq!(page["items"], json!([fourth]), "the id of an event is good for pages, too");
        assert_ne!(third, fourth);
    }
}

fn with(path: &str, more: &str) -> String {
    let mark = if path.contains('?') { '&' } else { '?' };
    format!("{path}{mark}{more}")
}

#[tokio::test]
async fn a_page_ends_where_its_texts_are_large() {
    let mut events = history(Clock::Commands);
    let Some((_, Event::OfferAmended(amended))) =
        events.iter().find(|(_, event)| matches!(event, Event::OfferAmended(_))).cloned()
    else {
        panic!("an offer is amended");
    };
    let long = "x".repeat(4_000);
    for version in 6..306 {
        let mut page = amended.page.clone();
        page.description = Some(long.parse().expect("a description"));
        let next = domain::OfferAmended { version, page, ..amended.clone() };
        events.push((42 * DAY, Event::OfferAmended(next)));
    }
    let log = Audited::in_memory(&events).await;
    let path = "/v1/events?limit=500";
    let page = log.get("auditor", path).await;
    let count = page["items"].as_array().expect("a list").len();
    assert!((100..events.len()).contains(&count), "{count}");
    let all = log.whole("auditor", path).await;
    assert_eq!(all.len(), events.len(), "each once");
}

#[tokio::test]
async fn an_erased_private_text_is_shown_by_its_hash_alone() {
    let log = Audited::in_memory(&history(Clock::Commands)).await;
    let item = log.get("operator", "/v1/events?after=15&limit=1").await["items"][0].clone();
    assert!(item["private"].as_str().expect("a text").contains("deliver_to"), "{item}");
    let mut events = log.events().await;
    events[15].private = Private::Erased(events[15].private_hash());
    // Another log, made of the same records.
    let erased = Audited::in_memory(&[]).await;
    let store = &erased.ledger.store;
    let writer = log_record::WriterId(uuid::Uuid::from_u128(1));
    let head = store.take_over(crate::audited::P0, writer).await.expect("held");
    let append = event_store::Append::after(crate::audited::P0, &head, events);
    store.append_recorded(append).await.expect("appended");
    let shown = erased.get("operator", "/v1/events?after=15&limit=1").await["items"][0].clone();
    let mut without = item.clone();
    without.as_object_mut().expect("an object").remove("private");
    assert_eq!(shown, without);
}

#[tokio::test]
async fn a_cursor_of_another_history_is_refused_by_name() {
    let events = history(Clock::Commands);
    let log = Audited::in_memory(&events).await;
    let cursor = |page: &Value| page["next"].as_str().expect("there is more").to_owned();
    let (all, of_ann) = ("/v1/events?limit=40", "/v1/events?account_id=ann&limit=20");
    let at_40 = cursor(&log.get("auditor", all).await);
    let of_ann_20 = cursor(&log.get("auditor", of_ann).await);
    let early = cursor(&log.get("auditor", "/v1/events?limit=3").await);
    // A restored backup has fewer events, and an operator declares it to be the history.
    let restored = Audited::in_memory(&events[..10]).await;
    restored.ledger.fork().await;
    restored.ledger.record_at(&events[11..45]).await;
    for (path, cursor) in [(all, &at_40), (of_ann, &of_ann_20)] {
        let path = format!("{path}&after={cursor}");
        let (status, _, problem) = restored.ask("auditor", &path, &[]).await;
        assert_eq!((status, &problem["code"]), (409, &json!("log-forked")), "{path}");
    }
    let stream = [("accept", "text/event-stream"), ("last-event-id", at_40.as_str())];
    let (status, _, problem) = restored.ask("auditor", "/v1/events", &stream).await;
    assert_eq!((status, &problem["code"]), (409, &json!("log-forked")));
    let page = restored.get("auditor", &format!("/v1/events?limit=3&after={early}")).await;
    assert_eq!(positions(page["items"].as_array().expect("a list")), ["0:4", "0:5", "0:6"]);
    // A log that is shorter than the cursor was restored, and nobody has declared it yet.
    let short = Audited::in_memory(&events[..10]).await;
    let path = format!("{all}&after={at_40}");
    let (status, ..) = short.ask("auditor", &path, &[]).await;
    assert_eq!(status, 409);
    let other = write_cursor(
        "events of (0, None, None)",
        &format!("{} {} 3", uuid::Uuid::from_u128(43), Generation(1)),
    );
    let path = format!("/v1/events?after={other}");
    let (status, _, problem) = log.ask("auditor", &path, &[]).await;
    assert_eq!((status, &problem["code"]), (409, &json!("log-forked")), "it is another log's");
}

#[tokio::test]
async fn bad_input_is_refused_by_name() {
    let log = Audited::in_memory(&history(Clock::Commands)).await;
    let of_ann = log.get("auditor", "/v1/events?account_id=ann&limit=2").await;
    let of_ann = format!("after={}", of_ann["next"].as_str().expect("there is more"));
    for (query, field) in [
        ("partition=1", "partition"),
        ("partition=-1", "partition"),
        ("partition=65536", "partition"),
        ("partition=x", "partition"),
        ("after=-1", "after"),
        ("after=0:7", "after"),
        ("after=281474976710656", "after"),
        ("after=99999999999999999999999", "after"),
        ("after=abc", "after"),
        ("after=", "after"),
        (&of_ann, "after"),
        ("after=1&after=2", "after"),
        ("account_id=", "account_id"),
        ("account_id=a%00b", "account_id"),
        ("account_id=..", "account_id"),
        ("exchange_id=a%2Fb", "exchange_id"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=many", "limit"),
        ("until=7", "until"),
    ] {
        let path = format!("/v1/events?{query}");
        let (status, _, problem) = log.ask("auditor", &path, &[]).await;
        assert_eq!((status, &problem["field"]), (400, &json!(field)), "{query}: {problem}");
    }
    let stream = ("accept", "text/event-stream");
    let (status, _, problem) = log.ask("auditor", "/v1/events?limit=5", &[stream]).await;
    assert_eq!((status, &problem["field"]), (400, &json!("limit")));
    for (header, value) in [("last-event-id", "x"), ("guerdon-position", "7")] {
        let (status, _, problem) = log.ask("auditor", "/v1/events", &[(header, value)]).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid-header")), "{header}");
    }
    let beyond = log.get("auditor", "/v1/events?after=281474976710655").await;
    assert_eq!(beyond, json!({"items": [], "next": null}));
}

#[tokio::test]
async fn only_auditors_and_operators_read_the_log() {
    let log = Audited::in_memory(&history(Clock::Commands)).await;
    for role in Role::ALL {
        let (status, ..) = log.ask(role.as_str(), "/v1/events", &[]).await;
        let may = matches!(role, Role::Auditor | Role::Operator);
        assert_eq!(status, if may { 200 } else { 403 }, "{role}");
    }
    assert_eq!(log.ask("nobody", "/v1/events", &[]).await.0, 401);
}

#[tokio::test]
async fn a_page_that_is_known_is_not_sent_again() {
    let log = Audited::in_memory(&history(Clock::Commands)).await;
    let (_, headers, _) = log.ask("auditor", "/v1/events?limit=3", &[]).await;
    let etag = headers["etag"].to_str().expect("a text");
    let known = [("if-none-match", etag)];
    assert_eq!(log.ask("auditor", "/v1/events?limit=3", &known).await.0, 304);
    assert_eq!(log.ask("operator", "/v1/events?limit=3", &known).await.0, 200, "it has more");
}

#[tokio::test]
async fn a_stream_ends_with_its_key() {
    let log = Audited::in_memory(&history(Clock::Commands)).await;
    let mut stream = log.stream("/v1/events", None).await;
    stream.next_positions(3).await;
    log.keys.replace(&std::iter::empty::<(KeyHash, Role)>().collect());
    assert_eq!(stream.next().await, None, "what was read before isn't given any more");
}
