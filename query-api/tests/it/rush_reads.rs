//! Reads in a rush: what many ask for is read once, and what there isn't is not looked for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Clock, Event, OfferPaused, Terms, Timestamp};
use futures_util::future::join_all;
use serde_json::{Value, json};
use testing::ledger::{Ledger, On, earned, id, redemption, stock_added, terms};
use testing::life::DAY;

use crate::asks::Reads;
use crate::asks::queries::Queries;
use crate::kept::{beginning, opened, warm};

const MUG: &str = "/v1/offers/mug";
const COUNTDOWN: &str = "/v1/offers/mug/countdown";

testing::on_every_database! {
    ten_thousand_who_poll_an_offer_read_it_once,
    ids_that_there_are_none_of_are_answered_without_a_query,
    an_account_is_not_unknown_at_a_position_that_is_not_projected,
    what_is_kept_of_offers_ends_with_a_change,
    a_read_with_a_position_never_gets_an_offer_from_before_it,
    nobody_reads_an_offer_again_when_it_opens,
    whoever_polls_what_has_not_changed_gets_304,
    what_everybody_may_read_is_packed_and_kept_and_what_is_private_is_not,
    the_first_page_of_a_statement_looks_for_mergers_once,
}

/// With a mug of which there are a hundred, and Ann, who has credit.
async fn reads(on: On) -> Reads {
    let mut events = beginning(Clock::Wall);
    events.extend([opened("mug", terms(300)), (DAY, earned("ann"))]);
    Reads::of(on, events).await
}

/// How many queries there were for what is in a table, since they were counted last.
fn count(queries: &Queries, table: &str) -> usize {
    queries.take().iter().filter(|query| query.contains(table)).count()
}

/// Ten thousand requests at once are much for one thread that waits for a server, too.
async fn ten_thousand_who_poll_an_offer_read_it_once(on: On) {
    let pollers = if on == On::Sqlite { 10_000 } else { 2_000 };
    let (queries, reads) = (Queries::watch(), reads(on).await);
    queries.take();
    let all = join_all((0..pollers).map(|_| reads.ask("shopper", COUNTDOWN))).await;
    assert!(all.iter().all(|(status, _, body)| *status == 200 && body["remaining"] == 100));
    assert_eq!(count(&queries, "offer_availability"), 1);
}

/// With a hundred thousand accounts in the tables, the filter is as full as it may be.
async fn ids_that_there_are_none_of_are_answered_without_a_query(on: On) {
    const KNOWN: &str = "
        insert into account_balance
            (account_id, available, held, pending, owed, \"partition\", position)
        with recursive numbers (n) as (
            select 1 union all select n + 1 from numbers where n < 100000
        )
        select 'known-' || n, 0, 0, 0, 0, 0, 1 from numbers";
    let unknown = if on == On::Sqlite { 100_000 } else { 4_000 };
    let queries = Queries::watch();
    let ledger = Ledger::new(1, on).await;
    ledger.record_at(&beginning(Clock::Wall)).await;
    ledger.alter(KNOWN);
    let reads = Reads::over(&Arc::new(ledger)).await;
    warm(&reads).await;
    assert_eq!(reads.get("/v1/accounts/known-77777").await["available"], 0);
    queries.take();
    for number in 0..unknown {
        let path = match number % 4 {
            0 | 1 => format!("/v1/accounts/nobody-{number}"),
            2 => format!("/v1/accounts/nobody-{number}/exchanges/x-1"),
            _ => format!("/v1/offers/nothing-{number}"),
        };
        let (status, _, _) = reads.ask("operator", &path).await;
        assert_eq!(status, 404, "{path}");
    }
    let asked = queries.take().len();
    assert!(asked <= unknown / 100, "{asked} queries");
}

async fn an_account_is_not_unknown_at_a_position_that_is_not_projected(on: On) {
    let reads = reads(on).await;
    warm(&reads).await;
    let dan = "/v1/accounts/dan";
    let asked = async |position: &str| {
        reads.ask_with("operator", dan, Some(("guerdon-position", position))).await
    };
    reads.ledger.record_at(&[(2 * DAY, earned("dan"))]).await;
    assert_eq!(asked("0:3").await.0, 404, "up to there it wasn't there");
    let (status, _, problem) = asked("0:4").await;
    assert_eq!((status, &problem["code"]), (503, &json!("projection-behind")));
    reads.project().await;
    let (status, _, body) = asked("0:4").await;
    assert_eq!((status, &body["available"]), (200, &json!(500)));
    // Another projector's work is learnt anew, and until then it is looked for.
    reads.ledger.record_at(&[(2 * DAY, earned("eve"))]).await;
    reads.ledger.project().await;
    reads.project().await;
    assert_eq!(reads.get("/v1/accounts/eve").await["available"], 500);
    warm(&reads).await;
    assert_eq!(reads.get("/v1/accounts/eve").await["available"], 500);
    reads.missing("/v1/accounts/fay").await;
}

async fn what_is_kept_of_offers_ends_with_a_change(on: On) {
    let reads = reads(on).await;
    let shown = async || {
        let (offer, gates) = (reads.get(MUG).await, reads.get("/v1/gates").await);
        let list = reads.list("/v1/offers").await;
        assert_eq!(list, std::slice::from_ref(&offer));
        (offer["remaining"].clone(), offer["status"].clone(), gates["items"].clone())
    };
    assert_eq!(shown().await, (json!(100), json!("open"), json!([])));
    let sold = redemption("ann", "x-1", 3).map(|event| (DAY, event));
    reads.record(sold.to_vec()).await;
    assert_eq!(shown().await, (json!(99), json!("open"), json!([])));
    let paused = OfferPaused { offer_id: id("mug"), version: 2 };
    reads.record(vec![(DAY, Event::OfferPaused(paused))]).await;
    let gates = json!([{"offer_id": "mug", "status": "paused"}]);
    assert_eq!(shown().await, (json!(99), json!("paused"), gates));
    reads.missing("/v1/offers/cup").await;
    reads.record(vec![opened("cup", terms(200))]).await;
    assert_eq!(reads.get("/v1/offers/cup").await["status"], "open");
}

async fn a_read_with_a_position_never_gets_an_offer_from_before_it(on: On) {
    let reads = reads(on).await;
    for round in 1..=20_u64 {
        reads.get(MUG).await;
        let added = stock_added(&format!("a-{round}"));
        reads.ledger.record_at(&[(2 * DAY, Event::StockAdded(added))]).await;
        let position = format!("0:{}", round + 3);
        let seen = async {
            loop {
                let header = Some(("guerdon-position", position.as_str()));
                let (status, _, body) = reads.ask_with("shopper", MUG, header).await;
                if status == 200 {
                    return body["stock"].clone();
                }
                assert_eq!(body["code"], "projection-behind");
            }
        };
        let others = join_all((0..4).map(|_| reads.get(MUG)));
        let (seen, _, ()) = tokio::join!(seen, others, reads.project());
        assert_eq!(seen, json!(100 + 5 * round));
    }
}

async fn nobody_reads_an_offer_again_when_it_opens(on: On) {
    let (queries, reads) = (Queries::watch(), reads(on).await);
    let now = reads.get(COUNTDOWN).await["now"].as_str().expect("a time").to_owned();
    let now: Timestamp = serde_json::from_value(Value::String(now)).expect("a time");
    let opens_at = Timestamp::from_micros(now.micros() + 200_000).expect("a time");
    reads.record(vec![opened("cup", Terms { opens_at: Some(opens_at), ..terms(1) })]).await;
    warm(&reads).await;
    let begun = Instant::now();
    queries.take();
    let status = async || reads.get("/v1/offers/cup").await["status"].clone();
    while status().await == "scheduled" {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let asked = count(&queries, "offer_availability");
    assert_eq!(status().await, "open");
    // On a machine that stood still meanwhile, it was kept for too long.
    assert!(asked == 0 || begun.elapsed() > Duration::from_millis(700), "{asked} queries");
}

async fn whoever_polls_what_has_not_changed_gets_304(on: On) {
    let mut events = beginning(Clock::Commands);
    events.extend([opened("mug", terms(300)), (DAY, earned("ann"))]);
    let (queries, reads) = (Queries::watch(), Reads::of(on, events).await);
    for path in [MUG, COUNTDOWN, "/v1/offers", "/v1/gates", "/v1/accounts/ann"] {
        let (status, headers, _) = reads.ask("operator", path).await;
        assert_eq!(status, 200, "{path}");
        let etag = headers["etag"].to_str().expect("a text").to_owned();
        queries.take();
        let known = Some(("if-none-match", etag.as_str()));
        let (status, headers, body) = reads.ask_with("operator", path, known).await;
        let told = (status, headers["etag"].to_str().ok(), body);
        assert_eq!(told, (304, Some(&*etag), Value::Null), "{path}");
        let asked = queries.take();
        let is_read = |query: &&String| query.contains("offer_") || query.contains("account_");
        assert_eq!(asked.iter().find(is_read), None, "{path} was kept");
    }
    let sold = redemption("ann", "x-1", 3).map(|event| (DAY, event));
    let (_, headers, _) = reads.ask("operator", MUG).await;
    reads.record(sold.to_vec()).await;
    let known = Some(("if-none-match", headers["etag"].to_str().expect("a text")));
    assert_eq!(reads.ask_with("operator", MUG, known).await.0, 200);
}

async fn what_everybody_may_read_is_packed_and_kept_and_what_is_private_is_not(on: On) {
    let mut events = beginning(Clock::Wall);
    events.extend((10..40).map(|number| opened(&format!("mug-{number}"), terms(300))));
    events.extend((0..20).map(|_| (DAY, earned("ann"))));
    let reads = Reads::of(on, events).await;
    let packed = Some(("accept-encoding", "gzip, br"));
    for (path, is_public, is_packed) in [
        ("/v1/offers", true, true),
        ("/v1/offers/mug-10", true, false),
        ("/v1/offers/mug-10/countdown", true, false),
        ("/v1/gates", true, false),
        ("/v1/accounts/ann/entries", false, false),
        ("/v1/accounts/ann", false, false),
        ("/v1/accounts/ann/offers/mug-10", false, false),
    ] {
        let (status, headers, _) = reads.ask_with("operator", path, packed).await;
        assert_eq!(status, 200, "{path}");
        let told = |name| headers.get(name).map(|value| value.to_str().expect("a text"));
        let kept = is_public.then_some("public, max-age=1");
        // What says nothing of it is kept by nobody.
        assert_eq!(told("cache-control"), kept, "{path}");
        let by = is_public.then_some("Accept-Encoding, Guerdon-Position");
        assert_eq!(told("vary"), by, "{path}");
        assert_eq!(told("content-encoding"), is_packed.then_some("gzip"), "{path}");
    }
}

async fn the_first_page_of_a_statement_looks_for_mergers_once(on: On) {
    let (queries, reads) = (Queries::watch(), reads(on).await);
    queries.take();
    assert_eq!(reads.list("/v1/accounts/ann/entries").await.len(), 1);
    assert_eq!(count(&queries, "merger.into_id"), 1);
}
