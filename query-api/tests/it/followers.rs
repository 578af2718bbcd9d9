//! Those who wait: however many they are, one asks for all of them.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use domain::{Event, ExchangeCreated, OfferOpened, Page};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use log_record::{Generation, Partition, Place, Position};
use query_api::QueryApi;
use read_model::{LogHistory, OfLog};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tower::ServiceExt as _;
use wire::{KeyHash, KeyRing, Role};

use crate::asks::Reads;
use crate::asks::queries::Queries;
use testing::ledger::{On, id, log_opened, terms};
use testing::life::exchanged;

testing::on_every_database! {
    followers_whose_warehouse_has_nothing_new_ask_nothing,
    what_is_new_is_read_once_for_all_who_follow,
    all_who_wait_for_a_position_have_one_who_asks,
    those_who_wait_for_incomplete_tables_have_one_who_asks,
    a_follower_is_woken_by_the_first_message_of_a_warehouse,
    a_key_that_has_ended_is_given_no_further_message,
}

/// More than this nothing here takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

const FOLLOWERS: usize = 50;

async fn followers_whose_warehouse_has_nothing_new_ask_nothing(on: On) {
    let reads = reads(on).await;
    for (round, router) in routers(&reads).await.into_iter().enumerate() {
        let mut streams = followers(&router, "west").await;
        let queries = Queries::watch();
        queries.take();
        let begun = Instant::now();
        for number in 0..20 {
            let exchange = exchanged(&format!("ann-{round}-{number}"), "x", 1, 300, None);
            reads.record(vec![(1, exchange)]).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let asked = asked_by_readers(&queries.take());
        // The one reader polls each 10 ms, and looks at the lanes in a read of its own.
        let polls = usize::try_from(begun.elapsed().as_millis() / 10).expect("a number") + 5;
        let most = polls + 20 * 4;
        assert!(asked <= most, "{asked} queries, at most {most}");
        for stream in &mut streams {
            assert!(!stream.has_something().await, "there is nothing for west");
        }
    }
}

async fn what_is_new_is_read_once_for_all_who_follow(on: On) {
    let reads = reads(on).await;
    for (round, router) in routers(&reads).await.into_iter().enumerate() {
        let mut streams = followers(&router, "west").await;
        let queries = Queries::watch();
        for number in 0..5 {
            queries.take();
            reads.record(vec![(1, for_west(&format!("bob-{round}-{number}")))]).await;
            let got = join_all(streams.iter_mut().map(Stream::next)).await;
            assert!(got.iter().all(|item| *item == got[0]), "all get the same");
            let pages = queries.take();
            let pages = pages.iter().filter(|query| query.contains("'requested' as kind")).count();
            // At first each of them is somewhere else.
            let most = if number == 0 { FOLLOWERS } else { 3 };
            assert!(pages <= most, "{pages} pages read for message {number}");
        }
    }
}

async fn all_who_wait_for_a_position_have_one_who_asks(on: On) {
    let reads = reads(on).await;
    let api = remote(&reads, Duration::from_millis(500)).await;
    wait_for_nothing(api, "0:1000").await;
}

async fn those_who_wait_for_incomplete_tables_have_one_who_asks(on: On) {
    let reads = reads(on).await;
    let log_id = reads.ledger.store.log_id();
    let end = Place { partition: Partition(0), position: Position(1_000) };
    let history = LogHistory { generation: Generation(1), ends: vec![end], begins: vec![] };
    let history = watch::Sender::new(history);
    let longer = OfLog::now(log_id, history.subscribe());
    let model = reads.ledger.read_model().await.of_log(longer).await.expect("it is its log");
    let api = QueryApi::new(model, keys(), Duration::from_millis(500));
    wait_for_nothing(api, "0:1").await;
}

/// Many wait in vain for a position.
async fn wait_for_nothing(api: QueryApi, position: &str) {
    let router = query_api::router(api);
    let queries = Queries::watch();
    queries.take();
    let ask = async || {
        let request = Request::builder()
            .uri("/v1/offers")
            .header("authorization", "Bearer operator")
            .header("guerdon-position", position);
        let request = request.body(Body::empty()).expect("a request");
        router.clone().oneshot(request).await.expect("answered").status().as_u16()
    };
    let answers = join_all((0..FOLLOWERS).map(|_| ask())).await;
    assert!(answers.iter().all(|status| *status == 503), "{answers:?}");
    let asked = asked_by_readers(&queries.take());
    // Each asks at once, when half of its time has passed, and at the end; one polls meanwhile.
    let most = FOLLOWERS * 3 * 2 + 100;
    assert!(asked <= most, "{asked} queries, at most {most}");
}

async fn a_follower_is_woken_by_the_first_message_of_a_warehouse(on: On) {
    let reads = reads(on).await;
    for (round, router) in routers(&reads).await.into_iter().enumerate() {
        let mut stream = Stream::open(&router, "west").await;
        assert!(round > 0 || !stream.has_something().await, "there is no such warehouse yet");
        reads.record(vec![(1, for_west(&format!("cat-{round}")))]).await;
        stream.next().await;
    }
}

async fn a_key_that_has_ended_is_given_no_further_message(on: On) {
    let reads = reads(on).await;
    reads.record(vec![(1, for_west("dora")), (1, for_west("eve"))]).await;
    let known = keys();
    let api = QueryApi::new(reads.ledger.read_model().await, known.clone(), PATIENCE);
    let router = query_api::router(api);
    let slow =
        Stream::ask(&router, "/v1/shipping-stream?warehouse=west", "text/event-stream").await;
    let mut slow = slow.into_data_stream();
    slow.next().await.expect("the first message").expect("it comes");
    let request = Request::builder()
        .uri("/v1/shipping-stream?warehouse=east&wait_ms=30000")
        .header("authorization", "Bearer operator");
    let request = request.body(Body::empty()).expect("a request");
    let page = tokio::spawn(router.oneshot(request));
    tokio::time::sleep(Duration::from_millis(500)).await;
    known.replace(&std::iter::empty::<(KeyHash, Role)>().collect());
    let second = timeout(PATIENCE, slow.next()).await.expect("it ends");
    assert!(second.is_none(), "the second was read before the key ended: {second:?}");
    reads.record(vec![(1, for_warehouse("fay", "east"))]).await;
    let page = timeout(PATIENCE, page).await.expect("it is answered").expect("it ran");
    assert_eq!(page.expect("answered").status(), 401);
}

/// Queries of readers; the projector has no `sqlx`.
fn asked_by_readers(queries: &[String]) -> usize {
    queries.iter().filter(|query| query.contains("select")).count()
}

async fn reads(on: On) -> Reads {
    let endless =
        OfferOpened { offer_id: id("mug"), terms: terms(300), page: Page::default(), stock: None };
    Reads::of(on, vec![(1, log_opened(1)), (1, Event::OfferOpened(endless))]).await
}

/// Beside the projector, and as in another process.
async fn routers(reads: &Reads) -> [Router; 2] {
    let remote = remote(reads, PATIENCE).await;
    [query_api::router(reads.api.clone()), query_api::router(remote)]
}

async fn remote(reads: &Reads, wait_max: Duration) -> QueryApi {
    QueryApi::new(reads.ledger.read_model().await, keys(), wait_max)
}

fn keys() -> KeyRing {
    Role::ALL.iter().map(|role| (KeyHash::of(role.as_str()), *role)).collect()
}

fn for_west(account: &str) -> Event {
    for_warehouse(account, "west")
}

fn for_warehouse(account: &str, warehouse: &str) -> Event {
    match exchanged(account, "x", 1, 300, None) {
        Event::ExchangeCreated(account, fact) => Event::ExchangeCreated(
            account,
            ExchangeCreated { warehouse: Some(id(warehouse)), ..fact },
        ),
        other => other,
    }
}

async fn followers(router: &Router, warehouse: &str) -> Vec<Stream> {
    // One after the other: together they would want more connections at once than a busy machine
    // makes in a second.
    let mut streams = vec![];
    for _ in 0..FOLLOWERS {
        streams.push(Stream::open(router, warehouse).await);
    }
    streams
}

/// What comes of a stream of server-sent events, from the present end.
struct Stream(UnboundedReceiver<String>);

impl Stream {
    async fn open(router: &Router, warehouse: &str) -> Self {
        let page = format!("/v1/shipping-stream?warehouse={warehouse}&limit=500");
        let end = Self::ask(router, &page, "application/json").await;
        let body = axum::body::to_bytes(end, usize::MAX).await.expect("a body");
        let page: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        let after = page["next"].as_str().expect("a position");
        let stream = format!("/v1/shipping-stream?warehouse={warehouse}&after={after}");
        let mut body = Self::ask(router, &stream, "text/event-stream").await.into_data_stream();
        let (to, chunks) = unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(chunk)) = body.next().await {
                if to.send(String::from_utf8_lossy(&chunk).into_owned()).is_err() {
                    return;
                }
            }
        });
        let mut stream = Self(chunks);
        assert!(!stream.has_something().await, "nothing is new");
        stream
    }

    async fn ask(router: &Router, path: &str, accept: &str) -> Body {
        let request = Request::builder()
            .uri(path)
            .header("authorization", "Bearer operator")
            .header("accept", accept)
            .body(Body::empty())
            .expect("a request");
        let answer = router.clone().oneshot(request).await.expect("answered");
        assert_eq!(answer.status(), 200);
        answer.into_body()
    }

    async fn has_something(&mut self) -> bool {
        timeout(Duration::from_millis(20), self.0.recv()).await.is_ok()
    }

    async fn next(&mut self) -> String {
        let chunk = timeout(PATIENCE, self.0.recv()).await.expect("it goes on");
        chunk.expect("it goes on")
    }
}
