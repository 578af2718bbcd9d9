//! What a collector gets of a redemption: its request, its decision, the append, the projection and
//! the Kafka message, under one trace id.

pub(crate) mod receiver;

use std::path::Path;

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::json;
use services::shared_kafka;

use crate::ledger::{Api, Ledger, PATIENCE, until_said};
use crate::topic::shop::{own_topic, prepare, start};
use crate::topic::until_published;
use receiver::{Received, Receiver};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// OpenTelemetry's numbers of kinds.
const INTERNAL: i32 = 1;
const SERVER: i32 = 2;
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;

const REDEEM: &str = "PUT /v1/accounts/{account_id}/exchanges/{exchange_id}";

fn traced(folder: &Path, receiver: &Receiver, share: &str) -> Ledger {
    Ledger::start_with(folder, &["--otlp", receiver.url(), "--trace-share", share], &[])
}

/// Redeems in a trace that the caller keeps, or doesn't.
async fn redeem(api: &Api, exchange: &str, flags: &str) -> u16 {
    let traceparent = format!("00-{TRACE}-{CALLER}-{flags}");
    let request = api.redemption("shopper-0", exchange, "mug").header("traceparent", traceparent);
    api.send(request).await.expect("answered").status
}

#[track_caller]
fn only<'a>(spans: &'a [Received], name: &str) -> &'a Received {
    let mut found = spans.iter().filter(|span| span.name == name);
    match (found.next(), found.next()) {
        (Some(span), None) => span,
        _ => panic!("not one {name}: {spans:#?}"),
    }
}

/// Checks the spans of a redemption inside the ledger, and gives that of the request.
#[track_caller]
fn check_redemption(spans: &[Received]) -> &Received {
    let request = only(spans, REDEEM);
    assert_eq!((request.kind, request.parent.as_str()), (SERVER, CALLER));
    assert_eq!(request.says("http.request.method"), "PUT");
    assert_eq!(request.says("http.response.status_code"), "201");
    assert_eq!(request.says("http.route"), &REDEEM[4..]);
    assert_eq!(request.says("guerdon.role"), "shopper");
    let [decide, append, project] = ["decide", "append", "project"].map(|name| only(spans, name));
    for step in [decide, append, project] {
        assert_eq!((step.kind, &step.parent), (INTERNAL, &request.span_id), "{step:#?}");
        assert!(!step.is_failed);
    }
    assert!(decide.took + append.took <= request.took, "{spans:#?}");
    assert_eq!(decide.says("guerdon.command"), "redeem");
    assert_eq!(decide.says("guerdon.decision"), "recorded");
    // Credit is deducted, and the exchange is made; together they are one call's.
    assert_eq!(append.says("guerdon.batch.events"), "2");
    assert_eq!(append.says("guerdon.batch.commands"), "1");
    assert_eq!(project.says("guerdon.events"), "2");
    assert_eq!(project.says("guerdon.position"), decide.says("guerdon.last_event"));
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redemption_is_one_trace_from_its_request_to_its_projection() {
    let (folder, receiver) = (tempfile::tempdir().expect("a folder"), Receiver::start().await);
    let ledger = traced(folder.path(), &receiver, "0");
    prepare(&ledger.client).await;
    assert_eq!(redeem(&ledger.client, "x-1", "01").await, 201);
    let steps = [REDEEM, "decide", "append", "project"];
    let spans = receiver.trace_with(TRACE, &steps).await;
    check_redemption(&spans);

    // A repeat records nothing: its batch only confirms that the log is still the writer's.
    assert_eq!(redeem(&ledger.client, "x-1", "01").await, 200);
    let spans = receiver.trace_with(TRACE, &["confirm"]).await;
    let repeat = spans.iter().find(|span| {
        span.name == "decide"
            && span.attributes.get("guerdon.decision").is_some_and(|it| it == "repeated")
    });
    assert!(repeat.is_some(), "{spans:#?}");
    // Nobody keeps these: neither does the caller, nor is there a share.
    assert_eq!(redeem(&ledger.client, "x-2", "00").await, 201);
    ledger.client.redeems("shopper-1", "x-3", "mug").await.is(201);
    assert_eq!(ledger.stop(), Some(0));
    let all = receiver.all();
    let requests = all.iter().filter(|span| span.kind == SERVER);
    assert_eq!(requests.count(), 2, "{all:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_begins_at_the_ledger_where_its_share_is_kept() {
    let (folder, receiver) = (tempfile::tempdir().expect("a folder"), Receiver::start().await);
    let ledger = traced(folder.path(), &receiver, "1");
    prepare(&ledger.client).await;
    ledger.client.redeems("shopper-0", "x-1", "mug").await.is(201);
    ledger.client.redeems("nobody", "x-2", "mug").await.is(409);
    ledger.client.get("auditor", "/v1/accounts/shopper-0").await.is(200);
    ledger.client.get("auditor", "/health/ready").await.is(200);
    // What is left is sent before the ledger ends.
    assert_eq!(ledger.stop(), Some(0));
    let all = receiver.all();
    let request = |path: &str| {
        let mut found =
            all.iter().filter(|it| it.attributes.get("url.path").is_some_and(|at| at == path));
        let request = found.next().unwrap_or_else(|| panic!("no {path} in {all:#?}"));
        assert_eq!(request.parent, "", "it begins the trace");
        assert!(found.next().is_none(), "{all:#?}");
        request
    };
    let redeemed = request("/v1/accounts/shopper-0/exchanges/x-1");
    let refused = request("/v1/accounts/nobody/exchanges/x-2");
    assert_ne!(redeemed.trace_id, refused.trace_id);
    let of_refused: Vec<Received> =
        all.iter().filter(|span| span.trace_id == refused.trace_id).cloned().collect();
    assert_eq!(only(&of_refused, "decide").says("guerdon.refusal"), "account-unknown");
    assert!(!of_refused.iter().any(|span| span.name == "project"));
    assert_eq!(request("/v1/accounts/shopper-0").name, "GET /v1/accounts/{account_id}");
    assert!(
        !all.iter()
            .any(|span| span.attributes.get("url.path").is_some_and(|it| it.contains("health")))
    );
}

#[cfg(feature = "tls")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_go_by_tls_to_a_collector_that_the_system_trusts() {
    let (folder, receiver) = (tempfile::tempdir().expect("a folder"), Receiver::start().await);
    let files = crate::ledger::certificate::CertificateFiles::make(folder.path());
    let url = receiver.encrypted(&files).await;
    let chain = files.chain.to_str().expect("UTF-8");
    for (trusted, is_trusted) in [(chain, true), ("/no/such/file", false)] {
        let data = tempfile::tempdir().expect("a folder");
        let trust = [("SSL_CERT_FILE", trusted), ("SSL_CERT_DIR", "/no/such/folder")];
        let ledger = Ledger::start_with(data.path(), &["--otlp", &url], &trust);
        prepare(&ledger.client).await;
        let sent = receiver.all().len();
        assert_eq!(redeem(&ledger.client, "x-1", "01").await, 201);
        if is_trusted {
            receiver.trace_with(TRACE, &[REDEEM]).await;
        } else {
            until_said(data.path(), "traces don't reach the collector").await;
            assert_eq!(receiver.all().len(), sent, "nothing is sent to a stranger");
        }
        assert_eq!(ledger.stop(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_keeps_no_request_and_no_stop_waiting() {
    let folder = tempfile::tempdir().expect("a folder");
    // Nothing listens there.
    let away = ["--otlp", "http://127.0.0.1:9", "--trace-share", "1"];
    let ledger = Ledger::start_with(folder.path(), &away, &[]);
    prepare(&ledger.client).await;
    ledger.client.redeems("shopper-0", "x-1", "mug").await.is(201);
    until_said(folder.path(), "traces don't reach the collector").await;
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redemption_is_one_trace_from_its_request_to_its_kafka_message_and_the_answer_to_it() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let (folder, receiver) = (tempfile::tempdir().expect("a folder"), Receiver::start().await);
    let options = ["--otlp", receiver.url(), "--trace-share", "0"];
    let ledger = start(folder.path(), &brokers, &topic, &options);
    prepare(&ledger.client).await;
    assert_eq!(redeem(&ledger.client, "x-1", "01").await, 201);
    let send = format!("send {topic}");
    let steps = [REDEEM, "decide", "append", "project", &send];
    let spans = receiver.trace_with(TRACE, &steps).await;
    let request = check_redemption(&spans);
    let sent = only(&spans, &send);
    assert_eq!((sent.kind, &sent.parent), (PRODUCER, &request.span_id));

    // The message names the span of its sending.
    let found = until_published(&brokers, &topic, 1).await;
    assert_eq!(found[0].header("traceparent"), format!("00-{TRACE}-{}-01", sent.span_id));
    assert_eq!(sent.says("messaging.message.id"), found[0].id());
    assert_eq!(sent.says("messaging.kafka.offset"), found[0].offset.to_string());

    // A marked request begins a trace by itself, and the message names it.
    ledger.client.put("operator", "/v1/marks/requests/x-2", json!({})).await.is(201);
    ledger.client.redeems("shopper-1", "x-2", "mug").await.is(201);
    let found = until_published(&brokers, &topic, 2).await;
    let marked = found.iter().find(|record| record.header("ce_subject") == "x-2").expect("there");
    let marked_trace = &marked.header("traceparent")[3..35];
    receiver.trace_with(marked_trace, &steps).await;
    let said = crate::ledger::said(folder.path());
    for message in ["a message is handed to Kafka", "Kafka acknowledged a message"] {
        let is_it = |line: &&str| line.contains(message) && line.contains(marked_trace);
        assert!(said.lines().any(|line| is_it(&line)), "{message} of {marked_trace}: {said}");
    }
    let first = found.iter().find(|record| record.header("ce_subject") == "x-1").expect("there");

    // The warehouse goes on with it.
    let events = format!("{topic}-events");
    accept(&brokers, &events, first.id(), first.header("traceparent"));
    let process = format!("process {events}");
    let spans = receiver.trace_with(TRACE, &[&process]).await;
    let processed = only(&spans, &process);
    assert_eq!((processed.kind, &processed.parent), (CONSUMER, &sent.span_id));
    assert_eq!(processed.says("guerdon.outcome"), "done");
    let below = spans.iter().filter(|span| span.parent == processed.span_id);
    let names: Vec<&str> = below.map(|span| span.name.as_str()).collect();
    assert!(names.contains(&"decide") && names.contains(&"append"), "{spans:#?}");
    assert_eq!(ledger.stop(), Some(0));
}

/// A warehouse accepts a request, in the trace of its message.
fn accept(brokers: &str, topic: &str, request: &str, traceparent: &str) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a producer");
    let header = Header { key: "traceparent", value: Some(traceparent) };
    let body = json!({"shipping_request_id": request, "event": "accepted"}).to_string();
    let record = BaseRecord::to(topic).key(request).payload(&body);
    let record = record.headers(OwnedHeaders::new().insert(header));
    producer.send(record).expect("queued");
    producer.flush(PATIENCE).expect("the broker has it");
}
