//! The configuration in `docs/operations/nginx/`, as nginx runs it, before processes of a ledger.
//! Where Debian's nginx can't be had, the tests say so and end.

mod proxy;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::ledger::{Api, Ledger, PATIENCE};
use crate::routes_and_roles::{filled, table};
use proxy::{Proxy, Upstreams};

/// How many clients ask at once.
const CLIENTS: usize = 6;

/// How many rounds of requests are answered before a process is killed, while it is dead, and after
/// it is back.
const ROUNDS: usize = 60;

/// A part of the ledger in the folder, at this port.
fn part(folder: &Path, role: &str, port: u16) -> Ledger {
    part_with(folder, role, port, &[])
}

fn part_with(folder: &Path, role: &str, port: u16, more: &[&str]) -> Ledger {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    let listen = format!("127.0.0.1:{port}");
    command.args(["serve", "--role", role, "--listen", &listen, "--data-dir"]).arg(folder);
    command.args(["--trusted-proxies", "127.0.0.1", "--read-wait-ms", "5000"]).args(more);
    command.env("RUST_LOG", "warn").stdin(std::process::Stdio::null());
    Ledger::run(command, folder)
}

fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("its address").port()
}

/// A key that reads offers and does nothing else.
async fn public_key(api: &Api) -> String {
    let scopes = json!(["read-only", "offers"]);
    let body = json!({"role": "merchant", "label": "nginx", "scopes": scopes});
    let made = api.post("operator", "/v1/keys", body).await.is(201);
    made["key"].as_str().expect("a key").to_owned()
}

/// What clients were told through the proxy.
#[derive(Default)]
struct Told {
    rounds: AtomicUsize,
    failures: Mutex<Vec<String>>,
    stop: AtomicBool,
}

impl Told {
    async fn until(&self, rounds: usize) {
        let begun = Instant::now();
        while self.rounds.load(Ordering::Relaxed) < rounds {
            assert!(begun.elapsed() < PATIENCE, "{:?}", self.failures.lock());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Redeems, and reads what was recorded, until told to stop. Each request is sent once.
async fn shops(api: Api, told: Arc<Told>, client: usize) {
    for number in 0.. {
        if told.stop.load(Ordering::Relaxed) {
            return;
        }
        let account = format!("shopper-{}", (client + number) % 40);
        let exchange = format!("x-{client}-{number}");
        let path = format!("/v1/accounts/{account}/exchanges/{exchange}");
        let redeemed = api.send(api.redemption(&account, &exchange, "mug")).await;
        let position = match redeemed {
            Ok(answer) if answer.status == 201 => answer.position.unwrap_or_default(),
            other => {
                told.failures.lock().push(format!("PUT {path}: {other:?}"));
                continue;
            }
        };
        let account = format!("/v1/accounts/{account}");
        for (path, position) in
            [(&path, Some(&position)), (&account, Some(&position)), (&account, None)]
        {
            let mut request = api.request("GET", path, "shopper");
            if let Some(position) = position {
                request = request.header("guerdon-position", position);
            }
            match api.send(request).await {
                Ok(answer) if answer.status == 200 => {}
                other => told.failures.lock().push(format!("GET {path}: {other:?}")),
            }
        }
        told.rounds.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_that_answers_reads_is_killed_under_load_and_no_request_fails() {
    let Some(nginx) = proxy::program() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("made");
    let [commands, first, second] = [free_port(), free_port(), free_port()];
    let writer = part(&data, "command-api,projector", commands);
    let reader = part(&data, "query-api", first);
    let victim = part(&data, "query-api", second);
    let upstreams = Upstreams { commands: [commands, free_port()], queries: [first, second] };
    let key = public_key(&writer.client).await;
    let proxy = Proxy::start(&nginx, &folder.path().join("nginx"), &upstreams, &key);
    let api = writer.client.at(&proxy.url).with_client(proxy.client());
    api.opens("mug", 3, None, None).await;
    for shopper in 0..40 {
        api.earns(&format!("shopper-{shopper}"), 1_000_000, "start").await;
    }

    let (told, mut clients) = (Arc::new(Told::default()), JoinSet::new());
    for client in 0..CLIENTS {
        clients.spawn(shops(api.clone(), Arc::clone(&told), client));
    }
    told.until(ROUNDS).await;
    let before = proxy.answered_by(second);
    assert!(before > 0 && proxy.answered_by(first) > 0, "both answer reads");
    victim.kill();
    told.until(told.rounds.load(Ordering::Relaxed) + ROUNDS).await;
    assert!(proxy.retried_after(second) > 0, "some reads came to the one that is gone");
    let back = part(&data, "query-api", second);
    let gone = proxy.answered_by(second);
    told.until(told.rounds.load(Ordering::Relaxed) + ROUNDS).await;
    let begun = Instant::now();
    while proxy.answered_by(second) == gone {
        assert!(begun.elapsed() < PATIENCE, "it is asked again when it is back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    told.stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
    let rounds = told.rounds.load(Ordering::Relaxed);
    let (failures, retried) = (told.failures.lock(), proxy.retried_after(second));
    println!("{rounds} rounds of four requests, {retried} reads tried again at the other process");
    assert!(failures.is_empty(), "{} failed: {:?}", failures.len(), failures.first());
    drop((proxy, back, reader, writer));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_reaches_a_process_that_knows_it() {
    let Some(nginx) = proxy::program() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("made");
    let [commands, queries] = [free_port(), free_port()];
    let all_but_reads = "command-api,projector,publisher";
    let writer = part_with(&data, all_but_reads, commands, &["--kafka", "127.0.0.1:1"]);
    let reader = part(&data, "query-api", queries);
    let upstreams = Upstreams { commands: [commands, free_port()], queries: [queries, queries] };
    let key = public_key(&writer.client).await;
    let proxy = Proxy::start(&nginx, &folder.path().join("nginx"), &upstreams, &key);
    let api = writer.client.at(&proxy.url).with_client(proxy.client());
    // The metrics are of one process, and nginx gives nobody's.
    for route in table().into_iter().filter(|route| route.path != "/metrics") {
        let path = filled(&route.path, "ann");
        let mut request = api.request(route.method.as_str(), &path, route.roles[0]);
        if route.method != "GET" {
            request = request.json(&json!({}));
        }
        let answer = request.send().await.expect("answered");
        let (status, body) = (answer.status(), answer.text().await.expect("read"));
        let is_known = status != 405 && !body.contains("no-such-route");
        assert!(is_known, "{}: {status} {body}", route.name());
    }
    drop((proxy, reader, writer));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_public_is_kept_for_a_moment_and_whoever_shows_a_key_reads_as_ever() {
    let Some(nginx) = proxy::program() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("made");
    let port = free_port();
    let ledger = part(&data, "all", port);
    let upstreams = Upstreams { commands: [port, free_port()], queries: [port, free_port()] };
    let key = public_key(&ledger.client).await;
    let proxy = Proxy::start(&nginx, &folder.path().join("nginx"), &upstreams, &key);
    let api = ledger.client.at(&proxy.url).with_client(proxy.client());
    api.opens("mug", 3, Some(10), None).await;
    let position = api.earns("ann", 500, "B-1").await;
    api.get_after(&position, "shopper", "/v1/accounts/ann").await.is(200);
    let client = proxy.client();
    let ask = async |path: &str, header: Option<(&str, &str)>| {
        let mut request = client.get(format!("{}{path}", proxy.url));
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let answer = request.send().await.expect("answered");
        let status = answer.status().as_u16();
        let etag = answer.headers().get("etag").map(|etag| etag.to_str().expect("text").to_owned());
        (status, etag, answer.text().await.expect("read"))
    };

    let (status, etag, offers) = ask("/v1/offers", None).await;
    assert_eq!(status, 200, "{offers}");
    assert!(offers.contains("\"mug\""), "{offers}");
    let etag = etag.expect("offers have one");
    // A second holds many reads.
    let begun = Instant::now();
    while proxy.kept() == 0 {
        assert!(begun.elapsed() < PATIENCE, "nothing is kept");
        assert_eq!(ask("/v1/offers", None).await.2, offers);
    }
    let (status, _, body) = ask("/v1/offers", Some(("if-none-match", &etag))).await;
    assert_eq!((status, body.as_str()), (304, ""));
    assert_eq!(ask("/problems/sold-out", None).await.0, 200);
    // Nothing else is open.
    for (path, status_with_a_key) in [
        ("/v1/accounts/ann", 200),
        ("/v1/offers/mug/closure", 404),
        ("/v1/policy", 200),
        ("/v1/totals", 200),
    ] {
        for _ in 0..2 {
            let (status, _, body) = ask(path, None).await;
            let problem: Value = serde_json::from_str(&body).expect("a problem");
            assert_eq!((status, &problem["code"]), (401, &json!("unauthorized")), "{path}");
            api.get("auditor", path).await.is(status_with_a_key);
        }
    }
    assert_eq!(ask("/metrics", None).await.0, 404, "of one process alone");
    // It is kept now, and not for those who show a key or a position.
    assert_eq!(ask("/v1/offers/mug", None).await.0, 200);
    for _ in 0..3 {
        api.get("shopper", "/v1/offers/mug").await.is(200);
        let after = api.request("GET", "/v1/offers/mug", "shopper");
        api.send(after.header("guerdon-position", &position)).await.expect("answered").is(200);
        let unknown = Some(("authorization", "Bearer nobody's"));
        assert_eq!(ask("/v1/offers/mug", unknown).await.0, 401);
    }
    let balance = api.request("GET", "/v1/accounts/ann", "shopper").send().await.expect("read");
    let etag = balance.headers()["etag"].clone();
    let again = api.request("GET", "/v1/accounts/ann", "shopper").header("if-none-match", etag);
    assert_eq!(again.send().await.expect("read").status(), 304, "no more is sent through nginx");

    for own in [Some("of-the-client"), None] {
        let mut asked = api.request("GET", "/v1/policy", "shopper");
        if let Some(own) = own {
            asked = asked.header("x-request-id", own);
        }
        let answer = asked.send().await.expect("read");
        let id = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
        assert!(own.is_none_or(|own| own == id), "{id}");
        let begun = Instant::now();
        while !proxy.log().contains(&format!("request_id={id}\n")) {
            assert!(begun.elapsed() < PATIENCE, "{id} isn't logged: {}", proxy.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    let log = proxy.log();
    for kept in log.lines().filter(|line| line.contains("cache=HIT")) {
        let is_public =
            [" GET /v1/offers 200 ", " GET /v1/offers 304 ", " GET /problems/sold-out "];
        assert!(is_public.iter().any(|public| kept.contains(public)), "{kept}");
    }
    assert!(!log.contains("gk_"), "no key is logged");
    let large = json!({"credits": [{"note": "x".repeat(1_100_000)}]});
    api.post("merchant", "/v1/credits", large).await.is_problem(413, "body-too-large");
    drop(proxy);
    assert_eq!(ledger.stop(), Some(0));
}

/// Hears requests, and closes each connection without an answer.
async fn mute(port: u16) -> Arc<AtomicUsize> {
    let heard = Arc::new(AtomicUsize::new(0));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("bound");
    let count = Arc::clone(&heard);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("accepted");
            let mut some = vec![0; 16_384];
            if stream.read(&mut some).await.is_ok_and(|length| length > 0) {
                count.fetch_add(1, Ordering::Relaxed);
            }
            drop(stream.shutdown().await);
        }
    });
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_recorded_twice_is_sent_once_and_all_else_is_tried_elsewhere() {
    let Some(nginx) = proxy::program() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let upstreams =
        Upstreams { commands: [free_port(), free_port()], queries: [free_port(), free_port()] };
    let mut commands = vec![];
    for port in upstreams.commands {
        commands.push(mute(port).await);
    }
    let mut queries = vec![];
    for port in upstreams.queries {
        queries.push(mute(port).await);
    }
    let proxy = Proxy::start(&nginx, folder.path(), &upstreams, "gk_merchant_x");
    let client = proxy.client();
    let heard = |of: &[Arc<AtomicUsize>]| -> usize {
        of.iter().map(|heard| heard.swap(0, Ordering::Relaxed)).sum()
    };
    for (method, times, code) in [
        ("PUT", 2, "outcome-unknown"),
        ("DELETE", 2, "outcome-unknown"),
        ("POST", 1, "outcome-unknown"),
        ("PATCH", 1, "outcome-unknown"),
        ("GET", 2, "read-model-unreachable"),
    ] {
        let url = format!("{}/v1/accounts/ann/exchanges/x-1", proxy.url);
        let asked = client.request(method.parse().expect("a method"), url).json(&json!({}));
        let answer = asked.send().await.expect("answered");
        assert_eq!(answer.status(), 503, "{method}");
        assert_eq!(answer.headers()["retry-after"], "1", "{method}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{method}");
        let problem: Value = answer.json().await.expect("a problem");
        assert_eq!(problem["code"], code, "{method}: {problem}");
        let expected = if method == "GET" { (0, times) } else { (times, 0) };
        assert_eq!((heard(&commands), heard(&queries)), expected, "{method}");
    }
}
