//! Reads that an operator has answered from memory only: what was read last is answered, however
//! old, and no query goes out for anything else.

use std::time::Duration;

use axum::http::HeaderMap;
use domain::{Clock, Event, OfferClosed, SwitchName, SwitchSetting, Terms, Timestamp};
use serde_json::{Value, json};
use testing::ledger::{On, earned, id, redemption, terms};
use testing::life::DAY;
use wire::TurnedSwitch;

use crate::asks::Reads;
use crate::asks::queries::Queries;
use crate::kept::{beginning, opened, warm};

const MUG: &str = "/v1/offers/mug";

/// What is kept.
const KEPT: [&str; 5] =
    [MUG, "/v1/offers/mug/countdown", "/v1/offers", "/v1/gates", "/v1/accounts/ann"];

/// What isn't, whatever was read.
const NOT_KEPT: [&str; 8] = [
    "/v1/accounts/ann/entries",
    "/v1/accounts/ann/exchanges",
    "/v1/accounts/ann/exchanges/x-1",
    "/v1/accounts/ann/offers/mug",
    "/v1/accounts/ann?at=0:3",
    "/v1/policy",
    "/v1/totals",
    "/v1/shipping-stream?warehouse=main",
];

testing::on_every_database! {
    what_was_read_is_answered_however_old_and_nothing_else_is_asked_for,
    an_offer_opens_at_its_time_and_the_gates_name_the_switches_of_now,
}

/// With a mug of which there are a hundred, and Ann and Bob, who have credit.
async fn reads(on: On) -> Reads {
    let mut events = beginning(Clock::Wall);
    events.push(opened("mug", terms(300)));
    events.extend(["ann", "bob"].map(|account| (DAY, earned(account))));
    Reads::of(on, events).await
}

fn turn(reads: &Reads, version: u64, on: bool) {
    let setting = SwitchSetting { on, ..SwitchSetting::default() };
    let switch = SwitchName::CachedReadsOnly;
    assert!(reads.api.switches.tell(TurnedSwitch { switch, version, setting }));
}

/// How old an answer says that it is, in seconds, and for how long it is as good as ever.
fn age(headers: &HeaderMap) -> Option<(u64, i64)> {
    let of = |name| headers.get(name).map(|value| value.to_str().expect("a text"));
    let status = of("cache-status")?;
    let ttl = status.strip_prefix("guerdon; hit; ttl=").expect("its form");
    let ttl = ttl.strip_suffix("; detail=cached-reads-only").expect("its form");
    Some((of("age")?.parse().expect("seconds"), ttl.parse().expect("seconds")))
}

#[track_caller]
fn is_refused((status, headers, problem): &(u16, HeaderMap, Value), words: &str) {
    assert_eq!((*status, &problem["code"]), (503, &json!("not-cached")), "{problem}");
    assert_eq!(problem["switch"], "cached-reads-only");
    assert_eq!(headers["retry-after"], "10");
    assert!(problem["detail"].as_str().expect("a sentence").contains(words), "{problem}");
}

/// No query did since they were taken last. A server of PostgreSQL is watched all the time: how far
/// it is.
#[track_caller]
fn none_went_out(queries: &Queries, on: On) {
    let mut asked = queries.take();
    if on == On::Postgres {
        let of_a_read = ["offer", "account", "credit", "exchange", "shipping", "policy"];
        asked.retain(|query| of_a_read.iter().any(|table| query.contains(table)));
    }
    assert_eq!(asked, Vec::<String>::new(), "no query goes out");
}

async fn what_was_read_is_answered_however_old_and_nothing_else_is_asked_for(on: On) {
    let (queries, reads) = (Queries::watch(), reads(on).await);
    warm(&reads).await;
    let mut before = vec![];
    for path in KEPT {
        let (status, headers, body) = reads.ask("operator", path).await;
        assert_eq!((status, age(&headers)), (200, None), "{path}");
        before.push(body);
    }
    turn(&reads, 1, true);
    let sold = redemption("ann", "x-1", 3).map(|event| (DAY, event));
    reads.record(sold.to_vec()).await;
    // Of offers everything has ended by now.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    queries.take();
    for (path, before) in KEPT.iter().zip(&before) {
        for position in [None, Some("0:4")] {
            let header = position.map(|position| ("guerdon-position", position));
            let (status, headers, body) = reads.ask_with("operator", path, header).await;
            assert_eq!(status, 200, "{path}: {body}");
            let (age, ttl) = age(&headers).expect("its age");
            assert!((1..30).contains(&age), "{path}: {age}");
            assert_eq!(ttl < 0, !path.ends_with("ann"), "{path}: {ttl}");
            for unchanged in ["remaining", "available", "items"] {
                assert_eq!(body[unchanged], before[unchanged], "{path}");
            }
            // That of a countdown is of a second.
            if path.ends_with("countdown") {
                continue;
            }
            let etag = headers["etag"].to_str().expect("a text").to_owned();
            let known = Some(("if-none-match", etag.as_str()));
            let (status, headers, _) = reads.ask_with("operator", path, known).await;
            assert_eq!((status, headers.contains_key("age")), (304, true), "{path}");
        }
    }
    // The redemption is in none of them.
    for path in KEPT {
        let asked = Some(("guerdon-position", "0:6"));
        is_refused(&reads.ask_with("operator", path, asked).await, "before the position");
    }
    for path in NOT_KEPT.into_iter().chain(["/v1/accounts/bob", "/v1/offers?limit=7"]) {
        is_refused(&reads.ask("operator", path).await, "doesn't have there");
    }
    for path in ["/v1/accounts/nobody", "/v1/offers/nothing", "/v1/accounts/nobody/exchanges/x-1"] {
        reads.missing(path).await;
    }
    warm(&reads).await;
    none_went_out(&queries, on);

    turn(&reads, 2, false);
    for path in NOT_KEPT {
        let status = reads.ask("operator", path).await.0;
        assert_ne!(status, 503, "{path}");
    }
    let (_, headers, body) = reads.ask("operator", MUG).await;
    assert_eq!((&body["remaining"], age(&headers)), (&json!(99), None));
    assert_eq!(reads.get("/v1/accounts/ann").await["available"], 200);
    let asked = Some(("guerdon-position", "0:6"));
    assert_eq!(reads.ask_with("operator", MUG, asked).await.0, 200);
}

async fn an_offer_opens_at_its_time_and_the_gates_name_the_switches_of_now(on: On) {
    let (queries, reads) = (Queries::watch(), reads(on).await);
    let now = reads.get(KEPT[1]).await["now"].clone();
    let now: Timestamp = serde_json::from_value(now).expect("a time");
    let opens_at = Timestamp::from_micros(now.micros() + 1_500_000).expect("a time");
    reads.record(vec![opened("cup", Terms { opens_at: Some(opens_at), ..terms(1) })]).await;
    warm(&reads).await;
    let (cup, countdown) = ("/v1/offers/cup", "/v1/offers/cup/countdown");
    reads.get(cup).await;
    turn(&reads, 1, true);
    queries.take();
    let gates = reads.get("/v1/gates").await;
    assert_eq!(gates["switches"], json!(["cached-reads-only"]));
    while reads.get(cup).await["status"] == "scheduled" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let counted = reads.get(countdown).await;
    let now: Timestamp = serde_json::from_value(counted["now"].clone()).expect("a time");
    assert!(now >= opens_at && counted["status"] == "open", "{counted}");
    let setting = SwitchSetting { on: true, ..SwitchSetting::default() };
    let read_only = TurnedSwitch { switch: SwitchName::ReadOnly, version: 1, setting };
    assert!(reads.api.switches.tell(read_only));
    let gates = reads.get("/v1/gates").await;
    assert_eq!(gates["switches"], json!(["cached-reads-only", "read-only"]));
    none_went_out(&queries, on);

    // What somebody closes meanwhile shows once it is read again.
    let closed = OfferClosed { offer_id: id("cup"), version: 2 };
    reads.record(vec![(DAY, Event::OfferClosed(closed))]).await;
    assert_eq!(reads.get(cup).await["status"], "open");
    turn(&reads, 2, false);
    assert_eq!(reads.get(cup).await["status"], "closed");
    assert_eq!(reads.get("/v1/gates").await["switches"], json!(["read-only"]));
}
