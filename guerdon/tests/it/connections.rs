//! Clients that keep a ledger waiting, one and many: each wait has a deadline, everybody else is
//! answered meanwhile, and descriptors and memory come back.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Client;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use crate::ledger::{Api, Ledger, PATIENCE, said, serve, until_said};
use crate::raw::{
    Raw, allow_many_descriptors, descriptors, head, resident_kib, resident_mib,
    until_descriptors_are_back,
};

const LIVE: &str = "GET /health/live HTTP/1.1\r\nhost: ledger\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_does_not_come_in_time_ends_its_connection() {
    let folder = tempfile::tempdir().expect("a folder");
    let times = ["--header-timeout", "2s", "--idle-timeout", "6s"];
    let ledger = Ledger::start_with(folder.path(), &times, &[]);
    let url = &ledger.client.url;

    let silent = Raw::to(url).await.until_closed();
    let mut slow = Raw::to(url).await;
    slow.says("GET /health/live HTTP/1.1\r\nhost: ledger\r\nx-long: ").await;
    let slow = slow.drips_until_it_is_closed(Some(b"x"));
    let mut idle = Raw::to(url).await;
    idle.says(LIVE).await;
    assert!(idle.hears().await.starts_with("HTTP/1.1 200 "));
    let mut second = Raw::to(url).await;
    second.says(LIVE).await;
    second.hears().await;
    second.says("GET /health/live").await;
    let (silent, slow, idle, second) = tokio::join!(
        silent,
        slow,
        idle.until_closed(),
        second.drips_until_it_is_closed(Some(b"x"))
    );
    // The server counts whole milliseconds.
    let [header, idle_time] = [1_999, 5_999].map(Duration::from_millis);
    for closed in [&silent, &slow, &second] {
        assert!(closed.after >= header && closed.text.is_empty(), "{closed:?}");
        assert!(closed.after < idle.after, "{closed:?}, and between two requests {idle:?}");
    }
    assert!(idle.after >= idle_time && idle.text.is_empty(), "{idle:?}");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_has_time_for_its_size_and_then_is_408() {
    let folder = tempfile::tempdir().expect("a folder");
    let pace = ["--body-timeout", "1s", "--body-bytes-per-second", "1000"];
    let ledger = Ledger::start_with(folder.path(), &pace, &[]);
    let url = &ledger.client.url;
    let post = "POST /v1/accounts/ann/credits";

    let mut slow = Raw::to(url).await;
    slow.says(&head(&ledger, "merchant", post, 10_000)).await;
    slow.says("{\"points\":").await;
    let slow = slow.drips_until_it_is_closed(Some(b" ")).await;
    assert!(slow.text.starts_with("HTTP/1.1 408 "), "{slow:?}");
    assert!(slow.text.contains("body-too-slow") && slow.after.as_secs() >= 1, "{slow:?}");

    // Twice as fast as it must be, and so longer under way than the time that any body has.
    let body = json!({"points": 5, "cause": {"kind": "purchase", "id": "B-1"}}).to_string();
    let body = format!("{}{body}", " ".repeat(3_000));
    let mut steady = Raw::to(url).await;
    steady.says(&head(&ledger, "merchant", post, body.len())).await;
    let begin = Instant::now();
    for piece in body.as_bytes().chunks(500) {
        steady.stream.write_all(piece).await.expect("sent");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let heard = steady.hears().await;
    assert!(heard.starts_with("HTTP/1.1 201 ") && begin.elapsed().as_secs() >= 1, "{heard}");
    assert_eq!(ledger.stop(), Some(0));
}

/// Closing it without a word would end the client's next request, which may have been sent already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_outlives_an_answer_before_its_body_or_its_end_is_announced() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let (nowhere, credits) = ("POST /v1/nowhere", "POST /v1/accounts/ann/credits");
    let wrong = |length| {
        head(&ledger, "merchant", credits, length).replace("application/json", "text/plain")
    };
    let chunk = format!("{:x}\r\n{}\r\n", 50_000, "x".repeat(50_000)).repeat(10);
    let chunked = head(&ledger, "merchant", credits, 0)
        .replace("content-length: 0", "transfer-encoding: chunked");
    let long = "x".repeat(500_000);
    let mut client = Raw::to(&ledger.client.url).await;
    for (head, body, status) in [
        (head(&ledger, "merchant", nowhere, 9), "{\"a\":123}", 404),
        (wrong(7), "nothing", 415),
        (head(&ledger, "shopper", credits, 2), "{}", 403),
        (head(&ledger, "merchant", credits, long.len()), &long, 413),
        (chunked, &format!("{chunk}0\r\n\r\n"), 413),
    ] {
        client.says(&head).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        client.says(body).await;
        let heard = client.hears().await;
        assert!(heard.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {heard}");
        assert!(!heard.contains("connection: close"), "{heard}");
    }
    client.says(LIVE).await;
    assert!(client.hears().await.starts_with("HTTP/1.1 200 "), "the same connection");

    for (path, status, length, more) in [
        (nowhere, 404, "9223372036854775808", ""),
        (credits, 413, "9223372036854775808", ""),
        (nowhere, 404, "2000000", ""),
        (nowhere, 404, "9", "expect: 100-continue\r\n"),
    ] {
        let head = head(&ledger, "merchant", path, 7)
            .replace("content-length: 7\r\n", &format!("content-length: {length}\r\n{more}"));
        let mut client = Raw::to(&ledger.client.url).await;
        client.says(&head).await;
        let closed = client.until_closed().await;
        let begin = format!("HTTP/1.1 {status} ");
        assert!(closed.text.starts_with(&begin), "{length}: {closed:?}");
        assert!(closed.text.contains("connection: close"), "{length}: {closed:?}");
        assert!(closed.after < Duration::from_secs(5), "{length}: {closed:?}");
    }
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_loses_its_connection() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with(folder.path(), &["--write-timeout", "1s"], &[]);
    // The sealer opens its files a moment after the ledger is ready.
    let checkpoint = || ledger.client.request("GET", "/log/0/checkpoint", "auditor").send();
    while checkpoint().await.expect("an answer").status() != 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let before = descriptors(&ledger);
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("set");
    let address = ledger.client.url.strip_prefix("http://").expect("a URL").parse();
    let mut client = socket.connect(address.expect("an address")).await.expect("connected");
    // Some 60 MB of answers, of which the system's buffers take a few.
    let asks = "GET /problems HTTP/1.1\r\nhost: ledger\r\n\r\n".repeat(20_000);
    drop(tokio::time::timeout(PATIENCE, client.write_all(asks.as_bytes())).await);
    let is_closed = async {
        while client.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, is_closed).await.expect("it is left open");
    until_descriptors_are_back(&ledger, before).await;
    ledger.client.earns("ann", 5, "B-1").await;
    assert_eq!(ledger.stop(), Some(0));
}

/// An answer under way is no idle connection, and a line that is slow no client that doesn't read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_slowly_is_answered_in_full() {
    const ASKED: usize = 2_000;
    let folder = tempfile::tempdir().expect("a folder");
    let times = ["--idle-timeout", "1s", "--header-timeout", "1s", "--write-timeout", "5s"];
    let ledger = Ledger::start_with(folder.path(), &times, &[]);
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(32 * 1_024).expect("set");
    let address = ledger.client.url.strip_prefix("http://").expect("a URL").parse();
    let client = socket.connect(address.expect("an address")).await.expect("connected");
    let (mut reading, mut writing) = client.into_split();
    let asks = "GET /problems HTTP/1.1\r\nhost: ledger\r\n\r\n".repeat(ASKED);
    let asking = tokio::spawn(async move {
        writing.write_all(asks.as_bytes()).await.expect("asked");
        writing
    });
    let mut heard = vec![];
    for _ in 0..16 {
        let mut some = vec![0; 25_000];
        reading.read_exact(&mut some).await.expect("it is left open while it reads");
        heard.append(&mut some);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let rest = tokio::time::timeout(PATIENCE, reading.read_to_end(&mut heard)).await;
    rest.expect("it is closed as an idle one, once all is answered").expect("read");
    drop(asking.await.expect("asked"));
    let answers = String::from_utf8_lossy(&heard).matches("HTTP/1.1 200 OK").count();
    assert_eq!(answers, ASKED, "of {} bytes", heard.len());
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_has_one_host_and_a_header_of_16_kib() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let ask = async |lines: &str| {
        let mut client = Raw::to(&ledger.client.url).await;
        client.says(&format!("GET /health/live HTTP/1.{lines}\r\n\r\n")).await;
        client.hears().await
    };
    for lines in ["1\r\nhost: ledger:8080", "1\r\nhost:", "0"] {
        let heard = ask(lines).await;
        assert!(heard.contains(" 200 OK"), "{lines}: {heard}");
    }
    for lines in ["1", "1\r\nhost: a\r\nhost: a", "1\r\nhost: a\r\nHost: b", "1\r\nhost: a b"] {
        let heard = ask(lines).await;
        assert!(heard.starts_with("HTTP/1.1 400 ") && heard.contains("Host"), "{lines}: {heard}");
    }
    let fits = format!("1\r\nhost: a\r\nx-long: {}", "x".repeat(16_000));
    assert!(ask(&fits).await.starts_with("HTTP/1.1 200 "));
    let long = format!("1\r\nhost: a\r\nx-long: {}", "x".repeat(17_000));
    let heard = ask(&long).await;
    assert!(heard.starts_with("HTTP/1.1 431 "), "{heard}");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_lock_nobody_out() {
    let folder = tempfile::tempdir().expect("a folder");
    // As many descriptors as a service has by default, and a deadline that is far.
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 1024; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_guerdon")]);
    limited.args(["serve", "--listen", "127.0.0.1:0", "--header-timeout", "60s", "--data-dir"]);
    limited.arg(folder.path()).env("RUST_LOG", "warn");
    let ledger = Ledger::run(limited, folder.path());
    ledger.client.opens("mug", 1, None, None).await;
    ledger.client.earns("ann", 500, "B-1").await;
    let mut silent = vec![];
    for _ in 0..1_100 {
        silent.push(Raw::to(&ledger.client.url).await);
    }
    for number in 0..20 {
        let newcomer = newcomer(&ledger.client);
        newcomer.redeems("ann", &format!("x-{number}"), "mug").await.is(201);
    }
    assert!(descriptors(&ledger) < 1_024);
    let said = said(folder.path());
    assert!(said.contains("ulimit -n") && said.contains("connections"), "{said}");
    drop(silent);
    assert_eq!(ledger.stop(), Some(0));
}

/// As many as a rush may bring: none is closed for another, each is answered twice, and what they
/// take of memory has a bound.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifteen_thousand_connections_are_open_at_once_and_go_on() {
    const CONNECTIONS: usize = 15_000;
    allow_many_descriptors();
    let folder = tempfile::tempdir().expect("a folder");
    let options = ["--connections-max", "15500", "--header-timeout", "60s"];
    let ledger = Ledger::start_with(folder.path(), &options, &[]);
    ledger.client.opens("mug", 1, None, None).await;
    ledger.client.earns("ann", 500, "B-1").await;
    let (open_before, kib_before) = (descriptors(&ledger), resident_kib(&ledger));
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS / 100 {
        let url = ledger.client.url.clone();
        clients.spawn(async move {
            let mut some = vec![];
            for _ in 0..100 {
                let mut client = Raw::to(&url).await;
                client.is_alive().await;
                some.push(client);
            }
            some
        });
    }
    let mut open: Vec<Raw> = clients.join_all().await.into_iter().flatten().collect();
    assert!(descriptors(&ledger) >= open_before + CONNECTIONS, "all of them are open");
    newcomer(&ledger.client).redeems("ann", "x-1", "mug").await.is(201);
    let mut again = JoinSet::new();
    while !open.is_empty() {
        let mut some = open.split_off(open.len() - 100);
        again.spawn(async move {
            for client in &mut some {
                client.is_alive().await;
            }
            some
        });
    }
    let open = again.join_all().await;
    let grown = resident_kib(&ledger).saturating_sub(kib_before);
    println!("{CONNECTIONS} connections took {} MiB", grown / 1_024);
    assert!(grown < CONNECTIONS * CONNECTION_KIB_MAX, "{grown} KiB");
    drop(open);
    until_descriptors_are_back(&ledger, open_before + 2).await;
    assert_eq!(ledger.stop(), Some(0));
}

/// What the operator's page says of a connection that waits for its next request, 24 KiB, and a
/// third more, for a debug build's futures are larger.
const CONNECTION_KIB_MAX: usize = 32;

/// The same caller on a connection of its own.
fn newcomer(api: &Api) -> Api {
    let client = Client::builder().timeout(PATIENCE).pool_max_idle_per_host(0).build();
    api.with_client(client.expect("a client"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_can_not_be_accepted_is_logged_and_let_in_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let pid = i32::try_from(ledger.pid()).ok().and_then(Pid::from_raw);
    let limit = getrlimit(Resource::Nofile);
    let open = u64::try_from(descriptors(&ledger)).expect("few");
    prlimit(pid, Resource::Nofile, Rlimit { current: Some(open), ..limit }).expect("lowered");
    let mut client = Raw::to(&ledger.client.url).await;
    client.says(LIVE).await;
    until_said(folder.path(), "can't accept a connection").await;
    assert!(said(folder.path()).contains("ulimit -n"));
    prlimit(pid, Resource::Nofile, limit).expect("raised");
    let heard = client.hears().await;
    assert!(heard.starts_with("HTTP/1.1 200 "), "{heard:?}: {}", said(folder.path()));
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_are_answered_on_their_own_address_while_all_connections_are_busy() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = ["--operators-listen", "127.0.0.1:0", "--connections-max", "4"];
    let ledger = Ledger::start_with(folder.path(), &options, &[("RUST_LOG", "info")]);
    let own = operators_address(folder.path()).await;
    let url = ledger.client.url.clone();
    let follow = "GET /v1/shipping-stream?warehouse=main";
    let follow = head(&ledger, "warehouse", follow, 0);
    let follow = follow.replace("\r\n\r\n", "\r\naccept: text/event-stream\r\n\r\n");
    let mut followers = vec![];
    for _ in 0..4 {
        let mut follower = Raw::to(&url).await;
        follower.says(&follow).await;
        assert!(follower.hears().await.starts_with("HTTP/1.1 200 "));
        followers.push(follower);
    }
    let mut waiting = Raw::to(&url).await;
    waiting.says(LIVE).await;
    assert!(waiting.is_left_waiting(Duration::from_millis(500)).await, "all are busy");

    let for_operators = ledger.client.at(&format!("http://{own}"));
    for_operators.get("auditor", "/health/ready").await.is(200);
    for_operators.get("operator", "/v1/keys").await.is(200);
    for_operators.opens("mug", 1, None, None).await;
    for role in ["shopper", "merchant", "warehouse"] {
        let refused = for_operators.get(role, "/v1/offers").await;
        assert_eq!(refused.is_problem(403, "forbidden")["allowed"], json!(["operator", "auditor"]));
    }
    // Whose turn it is once one of them goes.
    drop(followers.pop());
    assert!(waiting.hears().await.starts_with("HTTP/1.1 200 "));
    drop((followers, waiting));
    assert_eq!(ledger.stop(), Some(0));
}

/// The address for operators, as the log says it.
pub(crate) async fn operators_address(folder: &Path) -> String {
    let begin = Instant::now();
    loop {
        let said = said(folder);
        let line = said.lines().find(|line| line.contains("operators are answered"));
        let address = line.and_then(|line| line.split("address=").nth(1));
        if let Some(address) = address.and_then(|rest| rest.split_whitespace().next()) {
            return address.to_owned();
        }
        assert!(begin.elapsed() < PATIENCE, "no address: {said}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What a connection of the flood does.
#[derive(Clone, Copy)]
enum Slow {
    /// Says nothing.
    Silent,
    /// A byte of a header each second.
    Header,
    /// A byte each second of a body of 16 KB; a longer one is refused at once.
    Body,
}

/// Ten thousand connections, each of which is made anew when the server closes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_slow_connections_take_little_memory_and_nobodys_turn() {
    allow_many_descriptors();
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = serve(folder.path());
    command.env("RUST_LOG", "error");
    let ledger = Ledger::run(command, folder.path());
    ledger.client.opens("mug", 1, None, None).await;
    ledger.client.earns("ann", 5_000, "B-1").await;
    let (open_before, mib_before) = (descriptors(&ledger), resident_mib(&ledger));
    let body = head(&ledger, "merchant", "POST /v1/accounts/ann/credits", 16_000);
    let (stop, connected) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut flood = JoinSet::new();
    for number in 0..10_000 {
        let slow = [Slow::Silent, Slow::Header, Slow::Body][number % 3];
        let (url, body) = (ledger.client.url.clone(), body.clone());
        let (stop, connected) = (Arc::clone(&stop), Arc::clone(&connected));
        flood.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                keep_waiting(slow, &url, &body, &stop, &connected).await;
            }
        });
    }
    let (begin, mut answered, mut most_mib) = (Instant::now(), 0, 0);
    // Of connections that were closed before their request was read: the client sends it again.
    let mut again = 0;
    while begin.elapsed() < Duration::from_secs(15) || connected.load(Ordering::Relaxed) < 10_000 {
        let exchange = format!("x-{answered}");
        loop {
            let client = newcomer(&ledger.client);
            match client.send(client.redemption("ann", &exchange, "mug")).await {
                Ok(answer) => break drop(answer.is(201)),
                Err(_) => again += 1,
            }
            assert!(again <= 10 + answered, "{again} of {answered} were sent again");
        }
        answered += 1;
        most_mib = most_mib.max(resident_mib(&ledger));
    }
    println!(
        "{answered} redemptions, {again} sent again, beside {} slow connections; memory \
         {mib_before} to {most_mib} MiB",
        connected.load(Ordering::Relaxed)
    );
    stop.store(true, Ordering::Relaxed);
    flood.shutdown().await;
    assert!(most_mib - mib_before < MEMORY_MIB_MAX, "{mib_before} to {most_mib} MiB");
    until_descriptors_are_back(&ledger, open_before + 2).await;
    assert_eq!(ledger.stop(), Some(0));
}

/// For 4,096 connections: two buffers of 24 KiB each, and what the allocator keeps of those before.
const MEMORY_MIB_MAX: usize = 256;

/// One connection until it is closed.
async fn keep_waiting(
    slow: Slow,
    url: &str,
    body: &str,
    stop: &AtomicBool,
    connected: &AtomicUsize,
) {
    let Ok(mut client) = Raw::try_to(url).await else {
        return tokio::time::sleep(Duration::from_millis(100)).await;
    };
    connected.fetch_add(1, Ordering::Relaxed);
    let begin = match slow {
        Slow::Silent => "",
        Slow::Header => "GET /health/live HTTP/1.1\r\nhost: ledger\r\nx-long: ",
        Slow::Body => body,
    };
    let mut said = client.stream.write_all(begin.as_bytes()).await;
    while said.is_ok() && !stop.load(Ordering::Relaxed) {
        if !client.is_left_waiting(Duration::from_secs(1)).await {
            break;
        }
        said = match slow {
            Slow::Silent => Ok(()),
            Slow::Header | Slow::Body => client.stream.write_all(b" ").await,
        };
    }
}
