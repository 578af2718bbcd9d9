//! A ledger that is told to stop: what has begun is answered, what doesn't end is closed at the
//! deadline, and the log says what is true.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::ledger::{Ledger, said, serve};
use crate::raw::{Raw, head};

/// A service manager kills what hasn't ended by then.
const STOP_MAX: Duration = Duration::from_secs(10);

const REDEMPTION: &str = r#"{"offer_id":"mug","quantity":1,"deliver_to":"1 Elm Street"}"#;

/// A ledger with an offer, and a shopper who can pay; its log says more than warnings.
async fn start(folder: &Path) -> Ledger {
    let mut command = serve(folder);
    command.env("RUST_LOG", "info");
    let ledger = Ledger::run(command, folder);
    ledger.client.opens("mug", 1, None, None).await;
    ledger.client.earns("ann", 500, "B-1").await;
    ledger
}

fn tell(ledger: &Ledger, signal: &str) -> Instant {
    let pid = ledger.pid().to_string();
    let told = Command::new("kill").args([signal, &pid]).status().expect("kill is there");
    assert!(told.success());
    Instant::now()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_never_comes_in_full_is_closed_at_the_deadline_and_not_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path()).await;
    let mut unfinished = Raw::to(&ledger.client.url).await;
    let path = "PUT /v1/accounts/ann/exchanges/x-1";
    unfinished.says(&head(&ledger, "shopper", path, REDEMPTION.len())).await;
    unfinished.says(&REDEMPTION[..20]).await;
    assert!(unfinished.is_left_waiting(Duration::from_millis(200)).await);
    let told = tell(&ledger, "-TERM");
    let (code, said) = tokio::task::spawn_blocking(|| ledger.ends()).await.expect("it ends");
    let ended = told.elapsed();
    assert!(code == Some(0) && ended < STOP_MAX, "{code:?} after {ended:?}: {said}");
    let closed = unfinished.drips_until_it_is_closed(Some(&REDEMPTION.as_bytes()[20..])).await;
    assert_eq!(closed.text, "", "it can't be answered any more");
    assert!(said.contains("unfinished=1") && said.contains("busy=0"), "{said}");
    assert!(!said.contains("append"), "there was none: {said}");

    let ledger = Ledger::start(folder.path());
    let exchange = ledger.client.get("operator", "/v1/accounts/ann/exchanges/x-1").await;
    exchange.is_problem(404, "not-found");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_begun_is_answered_and_what_is_idle_ends_at_once() {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = start(folder.path()).await;
        let mut idle = Raw::to(&ledger.client.url).await;
        idle.says("GET /health/live HTTP/1.1\r\nhost: ledger\r\n\r\n").await;
        idle.hears().await;
        let silent = Raw::to(&ledger.client.url).await;
        let mut begun = Raw::to(&ledger.client.url).await;
        let path = "PUT /v1/accounts/ann/exchanges/x-1";
        begun.says(&head(&ledger, "shopper", path, REDEMPTION.len())).await;
        begun.says(&REDEMPTION[..20]).await;
        assert!(begun.is_left_waiting(Duration::from_millis(200)).await);
        let told = tell(&ledger, signal);
        assert_eq!(idle.until_closed().await.text, "", "{signal}");
        assert_eq!(silent.until_closed().await.text, "", "{signal}");
        begun.says(&REDEMPTION[20..]).await;
        let heard = begun.hears().await;
        assert!(heard.starts_with("HTTP/1.1 201 "), "{signal}: {heard}");
        let (code, said) = tokio::task::spawn_blocking(|| ledger.ends()).await.expect("it ends");
        assert!(code == Some(0) && told.elapsed() < STOP_MAX / 2, "{signal}: {code:?} {said}");
        let name = signal.replace('-', "SIG");
        assert!(said.contains(&name) && !said.contains("deadline"), "{signal}: {said}");
        let ledger = Ledger::start(folder.path());
        ledger.client.redeems("ann", "x-1", "mug").await.is(200);
        assert_eq!(ledger.stop(), Some(0));
    }
}

/// No request has begun with a byte: whoever sent it holds up nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_beginning_of_a_header_holds_up_no_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path()).await;
    let mut begun = Raw::to(&ledger.client.url).await;
    begun.says("G").await;
    assert!(begun.is_left_waiting(Duration::from_millis(200)).await);
    let told = tell(&ledger, "-TERM");
    assert_eq!(begun.drips_until_it_is_closed(Some(b"E")).await.text, "");
    let (code, said) = tokio::task::spawn_blocking(|| ledger.ends()).await.expect("it ends");
    let ended = told.elapsed();
    assert!(code == Some(0) && ended < STOP_MAX / 2, "{code:?} after {ended:?}: {said}");
    assert!(!said.contains("did not end in time"), "{said}");
}

/// As `nohup` starts it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_was_started_to_outlive_its_terminal_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_guerdon")]);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.path());
    let ledger = Ledger::run(command, folder.path());
    tell(&ledger, "-HUP");
    tokio::time::sleep(Duration::from_millis(500)).await;
    ledger.client.earns("ann", 5, "B-1").await;
    assert_eq!(ledger.stop(), Some(0));
}

/// Whoever follows a stream is told to go elsewhere by its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_when_the_ledger_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path()).await;
    let mut follower = Raw::to(&ledger.client.url).await;
    let follow = head(&ledger, "warehouse", "GET /v1/shipping-stream?warehouse=main", 0);
    let follow = follow.replace("\r\n\r\n", "\r\naccept: text/event-stream\r\n\r\n");
    follower.says(&follow).await;
    assert!(follower.hears().await.starts_with("HTTP/1.1 200 "));
    let told = tell(&ledger, "-TERM");
    follower.until_closed().await;
    let (code, _) = tokio::task::spawn_blocking(|| ledger.ends()).await.expect("it ends");
    assert!(code == Some(0) && told.elapsed() < STOP_MAX / 2);
    assert!(!said(folder.path()).contains("did not end in time"));
}

/// A start can take long: it waits for a database, or replays a log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_is_still_starting_stops_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    // It takes connections, and answers none.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = mute.local_addr().expect("it has one");
    let store = format!("postgres://guerdon@{address}/ledger");
    let mut command = serve(folder.path());
    command.args(["--store", &store]).stdout(std::process::Stdio::null());
    let mut child = command.spawn().expect("the binary starts");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
    let told = Instant::now();
    let ended = loop {
        if let Some(status) = child.try_wait().expect("it can be asked") {
            break status;
        }
        if told.elapsed() > STOP_MAX {
            child.kill().expect("killed");
            panic!("it goes on");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(ended.success(), "{ended:?}");
}
