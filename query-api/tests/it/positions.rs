//! A read that asks for what can never be there is told so at once.

use std::time::{Duration, Instant};

use domain::Clock;
use log_record::Generation;
use query_api::QueryApi;
use read_model::{LogEnds, LogHistory, OfLog};
use serde_json::json;
use testing::ledger::{On, place};
use testing::life::{EVENTS, history};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::asks::Reads;

testing::on_every_database! {
    a_partition_that_does_not_exist_is_a_mistake_in_the_header,
    a_position_far_beyond_the_log_is_answered_at_once,
    a_position_beyond_the_log_is_answered_alike_where_answers_are_kept,
}

const PATHS: [&str; 3] = ["/v1/accounts/ann", "/v1/accounts/ann/entries", "/v1/offers"];

async fn a_partition_that_does_not_exist_is_a_mistake_in_the_header(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    for path in PATHS {
        for positions in ["7:1", "0:1, 1:1", "1:0"] {
            let header = Some(("guerdon-position", positions));
            let (status, _, problem) = reads.ask_with("operator", path, header).await;
            assert_eq!((status, &problem["code"]), (400, &json!("invalid-header")), "{path}");
            assert_eq!(problem["header"], "Guerdon-Position");
            let detail = problem["detail"].as_str().expect("a sentence");
            assert!(detail.contains("no partition"), "{detail}");
        }
    }
}

/// The ledger's log, and where it ends as somebody sees it who looks at it.
fn followed(reads: &Reads) -> (OfLog, watch::Sender<LogEnds>) {
    let end = place(u64::try_from(EVENTS).expect("small"));
    let ends = LogEnds { looked_at: tokio::time::Instant::now(), ends: vec![end] };
    let ends = watch::Sender::new(ends);
    let known = LogHistory { generation: Generation(1), ends: vec![end], begins: vec![] };
    let known = watch::Sender::new(known);
    let log_id = reads.ledger.store.log_id();
    (OfLog::now(log_id, known.subscribe()).with_ends(ends.subscribe()), ends)
}

/// Looks at a log again and again that has so many events, until it is stopped.
fn looked_at(ends: &watch::Sender<LogEnds>, events: usize) -> JoinHandle<()> {
    let ends = ends.clone();
    tokio::spawn(async move {
        loop {
            let end = place(u64::try_from(events).expect("small"));
            let looked_at = tokio::time::Instant::now();
            ends.send_replace(LogEnds { looked_at, ends: vec![end] });
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
}

async fn a_position_far_beyond_the_log_is_answered_at_once(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let (log, ends) = followed(&reads);
    let model = reads.ledger.read_model().await.of_log(log).await.expect("it is its log");
    let waits = Duration::from_secs(2);
    let api = QueryApi::new(model, reads.api.keys.clone(), waits);
    let router = query_api::router(api);
    for path in PATHS {
        let begun = Instant::now();
        for position in ["0:2000000", "0:18446744073709551615"] {
            let header = Some(("guerdon-position", position));
            let (status, _, problem) = Reads::ask_at(&router, "operator", path, header).await;
            assert_eq!((status, &problem["code"]), (400, &json!("invalid-header")), "{path}");
            let detail = problem["detail"].as_str().expect("a sentence");
            let beyond = format!("far beyond the log's end at 0:{EVENTS}");
            assert!(detail.contains(&beyond), "{detail}");
        }
        assert!(begun.elapsed() < waits, "{path} is answered at once");
    }
    // What may be on its way is waited for, as long as nobody has looked at the log since.
    let next = format!("0:{}", EVENTS + 1);
    let header = Some(("guerdon-position", &*next));
    let (status, _, problem) = Reads::ask_at(&router, "operator", PATHS[2], header).await;
    assert_eq!((status, &problem["code"]), (503, &json!("projection-behind")));
    // A look that began after the request shows whether the ledger has ever given the position.
    let given = (EVENTS + 1, PATHS[2], 503, "projection-behind");
    let never = PATHS.map(|path| (EVENTS, path, 400, "invalid-header"));
    for (log_end, path, status, code) in never.into_iter().chain([given]) {
        let looks = looked_at(&ends, log_end);
        let begun = Instant::now();
        let (answered, _, problem) = Reads::ask_at(&router, "operator", path, header).await;
        looks.abort();
        assert_eq!((answered, &problem["code"]), (status, &json!(code)), "{path}: {problem}");
        let is_soon = begun.elapsed() < waits;
        assert_eq!(is_soon, status == 400, "{path}: only what may come is waited for");
    }
}

async fn a_position_beyond_the_log_is_answered_alike_where_answers_are_kept(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let (log, ends) = followed(&reads);
    let mut api = reads.api.clone();
    api.read_model = api.read_model.clone().of_log(log).await.expect("it is its log");
    api.wait_max = Duration::from_secs(10);
    let router = query_api::router(api);
    let looks = looked_at(&ends, EVENTS);
    let (begun, next) = (Instant::now(), format!("0:{}", EVENTS + 1));
    let kept =
        ["/v1/accounts/nobody", "/v1/accounts/ann/offers/mug", "/v1/offers/mug", "/v1/gates"];
    for path in PATHS.into_iter().chain(kept) {
        let header = Some(("guerdon-position", &*next));
        let (status, _, problem) = Reads::ask_at(&router, "operator", path, header).await;
        let told = (status, &problem["code"], &problem["header"]);
        assert_eq!(told, (400, &json!("invalid-header"), &json!("Guerdon-Position")), "{path}");
        let detail = problem["detail"].as_str().expect("a sentence");
        assert!(detail.contains(&format!("the log ends at 0:{EVENTS}")), "{path}: {detail}");
    }
    looks.abort();
    assert!(begun.elapsed() < Duration::from_secs(10), "nothing is waited for");
}
