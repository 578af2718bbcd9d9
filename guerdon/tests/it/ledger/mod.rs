//! A real ledger in a process of its own, and people who use it.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod audit;
pub(crate) mod certificate;
pub(crate) mod combination;
pub(crate) mod frozen;
pub(crate) mod full_disk;
pub(crate) mod journey;
pub(crate) mod load;
pub(crate) mod log;
pub(crate) mod network;
pub(crate) mod server;
pub(crate) mod tool;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::AccountId;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use combination::{Seen, combine};

/// How long a test waits for something that takes milliseconds, before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The file of what servers on a folder say.
const SAID: &str = "said";

/// A running `guerdon serve`. Dropping it kills the process.
pub(crate) struct Ledger {
    child: Child,
    pub(crate) client: Api,
    pub(crate) folder: PathBuf,
}

/// A caller who has all keys.
#[derive(Clone)]
pub(crate) struct Api {
    http: Client,
    pub(crate) url: String,
    keys: Arc<Value>,
    seen: Seen,
}

/// A status and a body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) position: Option<String>,
}

impl Ledger {
    /// Starts a ledger in `folder` and waits until it listens.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[], &[])
    }

    pub(crate) fn start_with(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = serve(folder);
        command.args(args).envs(variables.iter().copied());
        Self::run(command, folder)
    }

    /// Starts one with a broker that isn't there, so that the publisher's routes are.
    pub(crate) fn start_with_publisher(folder: &Path) -> Self {
        Self::start_with(folder, &["--kafka", "127.0.0.1:1"], &[])
    }

    /// Starts one with its log in `store`.
    pub(crate) fn start_on(store: &str, folder: &Path, args: &[&str]) -> Self {
        let mut command = serve(folder);
        command.args(["--store", store, "--command-deadline-ms", "1500"]).args(args);
        Self::run(command, folder)
    }

    /// What it says on the way is kept in the folder, where there is one by now, and shown where
    /// its test fails.
    pub(crate) fn run(mut command: Command, folder: &Path) -> Self {
        if let Ok(file) = File::options().create(true).append(true).open(folder.join(SAID)) {
            command.stderr(file);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let stdout = child.stdout.take().expect("piped");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("it prints its address");
        let Some(url) = line.trim().strip_prefix("guerdon listens on ") else {
            panic!("it did not start: {:?}; {}", child.wait(), said(folder))
        };
        let client = Api {
            http: Client::builder().timeout(PATIENCE).build().expect("a client"),
            url: url.to_owned(),
            keys: keys_of(folder),
            seen: Seen::default(),
        };
        Self { child, client, folder: folder.to_owned() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it ends by itself; gives the exit code and all that was said in its folder.
    pub(crate) fn ends(mut self) -> (Option<i32>, String) {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be asked") {
                return (status.code(), said(&self.folder));
            }
            assert!(started.elapsed() < PATIENCE, "it goes on: {}", said(&self.folder));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// SIGTERM; gives the exit code.
    pub(crate) fn stop(self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().expect("kill is there");
        assert!(told.success());
        self.ends().0
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the ledger said: {}", said(&self.folder));
        }
        // Gone already, where a test stopped it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// How many faults of each kind.
pub(crate) fn faults() -> usize {
    faults_or(2)
}

/// The same, where another number is enough for every day.
#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
pub(crate) fn faults_or(few: usize) -> usize {
    std::env::var("GUERDON_FAULTS").ok().and_then(|faults| faults.parse().ok()).unwrap_or(few)
}

/// What servers on this folder have said by now.
pub(crate) fn said(folder: &Path) -> String {
    std::fs::read_to_string(folder.join(SAID)).unwrap_or_default()
}

/// Waits until servers on this folder have said something.
pub(crate) async fn until_said(folder: &Path, words: &str) {
    let begun = Instant::now();
    while !said(folder).contains(words) {
        assert!(begun.elapsed() < PATIENCE, "not said: {words}; {}", said(folder));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until an operator is answered as wanted; what is asked for may not be there yet.
pub(crate) async fn until(api: &Api, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let answer = api.get("operator", path).await;
        if answer.status != 404 && is_so(&answer.is(200)) {
            return answer.body;
        }
        assert!(begun.elapsed() < PATIENCE, "{path} doesn't come to be so: {}", answer.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// An account of a partition of so many.
pub(crate) fn account_in(partition: u16, partitions: u16) -> String {
    let is_there = |name: &String| {
        let id: AccountId = name.parse().expect("an id");
        id.partition(partitions).0 == partition
    };
    let mut there = (0..).map(|number| format!("ann-{number}")).filter(is_there);
    there.next().expect("some account is there")
}

/// `guerdon serve` on a free port.
pub(crate) fn serve(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder)
        .env("RUST_LOG", "warn")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null());
    combine(&mut command, folder);
    command
}

/// A tool of an operator's that asks this ledger; its options stand after all else.
pub(crate) fn tool_of(ledger: &Ledger, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    let keys = ledger.folder.join("api-keys.json");
    command.args(args).arg("--url").arg(&ledger.client.url).arg("--api-keys").arg(keys);
    command
}

/// Runs a command that must end by itself, and gives what it printed.
pub(crate) fn ends(mut command: Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let pid = child.id().to_string();
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    let Ok(output) = is_done.recv_timeout(PATIENCE) else {
        drop(Command::new("kill").args(["-KILL", &pid]).status());
        panic!("it does not end: {command:?}")
    };
    output.expect("it ran")
}

fn keys_of(folder: &Path) -> Arc<Value> {
    let keys = std::fs::read_to_string(folder.join("api-keys.json")).expect("keys");
    Arc::new(serde_json::from_str(&keys).expect("keys"))
}

impl Api {
    /// The same caller, with the keys that are in the folder by now.
    pub(crate) fn with_keys_of(&self, folder: &Path) -> Self {
        Self { keys: keys_of(folder), ..self.clone() }
    }

    /// The same caller, with connections of another client.
    pub(crate) fn with_client(&self, http: Client) -> Self {
        Self { http, ..self.clone() }
    }

    /// The same caller at another address.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self { url: url.into(), ..self.clone() }
    }

    /// The same caller, with another key of a role.
    pub(crate) fn with_key(&self, role: &str, key: &str) -> Self {
        let mut keys = (*self.keys).clone();
        keys[role] = key.into();
        Self { keys: Arc::new(keys), ..self.clone() }
    }

    /// The key of a role.
    pub(crate) fn key(&self, role: &str) -> &str {
        self.keys[role].as_str().expect("a key")
    }

    pub(crate) fn request(&self, method: &str, path: &str, role: &str) -> RequestBuilder {
        let method = method.parse().expect("a method");
        let key = self.keys[role].as_str().unwrap_or("no such key").to_owned();
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(key)
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let position = response
            .headers()
            .get("guerdon-position")
            .and_then(|value| value.to_str().ok())
            .map(ToOwned::to_owned);
        if let Some(position) = &position {
            self.seen.note(position);
        }
        let body = response.json().await?;
        Ok(Answer { status, body, position })
    }

    pub(crate) async fn put(&self, role: &str, path: &str, body: Value) -> Answer {
        self.send(self.request("PUT", path, role).json(&body)).await.expect("answered")
    }

    pub(crate) async fn post(&self, role: &str, path: &str, body: Value) -> Answer {
        self.send(self.request("POST", path, role).json(&body)).await.expect("answered")
    }

    /// Puts over a version, as an operator.
    pub(crate) async fn put_over(&self, path: &str, if_match: &str, body: Value) -> Answer {
        let request = self.request("PUT", path, "operator").header("if-match", if_match);
        self.send(request.json(&body)).await.expect("answered")
    }

    /// Changes what a body names of a version, as an operator.
    pub(crate) async fn patch(&self, path: &str, if_match: &str, body: Value) -> Answer {
        let request = self.request("PATCH", path, "operator").header("if-match", if_match);
        let request = request.header("content-type", "application/merge-patch+json");
        self.send(request.body(body.to_string())).await.expect("answered")
    }

    pub(crate) async fn get(&self, role: &str, path: &str) -> Answer {
        self.send(self.request("GET", path, role)).await.expect("answered")
    }

    /// A read that contains the write at `position`.
    pub(crate) async fn get_after(&self, position: &str, role: &str, path: &str) -> Answer {
        let position = self.seen.with(position);
        let request = || self.request("GET", path, role).header("guerdon-position", &position);
        let started = Instant::now();
        loop {
            let answer = self.send(request()).await.expect("answered");
            let is_behind = answer.status == StatusCode::SERVICE_UNAVAILABLE.as_u16();
            assert!(started.elapsed() < PATIENCE, "the projection is behind: {answer:?}");
            if !is_behind {
                return answer;
            }
        }
    }

    /// All items of a list, page by page.
    pub(crate) async fn list(&self, role: &str, path: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (vec![], String::new());
        let mark = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = self.get(role, &format!("{path}{mark}limit=500{cursor}")).await.is(200);
            items.extend(page["items"].as_array().expect("items").iter().cloned());
            match page["next"].as_str() {
                None => return items,
                Some(next) => cursor = format!("&cursor={next}"),
            }
        }
    }

    pub(crate) async fn opens(
        &self,
        offer: &str,
        price: u64,
        stock: Option<u64>,
        limit: Option<u64>,
    ) {
        let body = json!({
            "product_id": format!("{offer}-product"), "price": price, "stock": stock,
            "limit_per_shopper": limit,
        });
        self.put("operator", &format!("/v1/offers/{offer}"), body).await.is(201);
    }

    /// Gives credit; returns the position.
    pub(crate) async fn earns(&self, account: &str, points: u64, purchase: &str) -> String {
        let body = json!({"points": points, "cause": {"kind": "purchase", "id": purchase}});
        let path = format!("/v1/accounts/{account}/credits");
        let answer = self.post("merchant", &path, body).await;
        answer.is(201);
        answer.position.expect("a write has a position")
    }

    /// Gives an account as many lots as one may have.
    pub(crate) async fn fills(&self, account: &str) {
        for call in 0..10 {
            let credit = |number: usize| {
                let cause = json!({"kind": "review", "id": format!("f-{call}-{number}")});
                json!({"account_id": account, "points": 1, "cause": cause})
            };
            let credits: Vec<Value> = (0..1_000).map(credit).collect();
            self.post("merchant", "/v1/credits", json!({"credits": credits})).await.is(200);
        }
    }

    /// Holds credit for as long as can be; gives the deadline.
    pub(crate) async fn holds(&self, account: &str, hold: &str, points: u64) -> String {
        let path = format!("/v1/accounts/{account}/holds/{hold}");
        let body = json!({"points": points, "deadline": "1970-01-01T00:00:00Z"});
        let too_early = self.put("shopper", &path, body).await;
        let latest = too_early.is_problem(409, "deadline-out-of-range")["latest"].clone();
        let latest = latest.as_str().expect("a time").to_owned();
        let body = json!({"points": points, "deadline": latest});
        self.put("shopper", &path, body).await.is(201);
        latest
    }

    pub(crate) fn redemption(&self, account: &str, exchange: &str, offer: &str) -> RequestBuilder {
        let path = format!("/v1/accounts/{account}/exchanges/{exchange}");
        let body = json!({"offer_id": offer, "quantity": 1, "deliver_to": "1 Elm Street"});
        self.request("PUT", &path, "shopper").json(&body)
    }

    pub(crate) async fn redeems(&self, account: &str, exchange: &str, offer: &str) -> Answer {
        self.send(self.redemption(account, exchange, offer)).await.expect("answered")
    }
}

impl Answer {
    /// Checks the status and gives the body.
    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body.clone()
    }

    /// Checks that it is this problem, and gives the document.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) -> Value {
        let body = self.is(status);
        assert_eq!(body["code"], code, "{body}");
        assert!(body["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{body}");
        body
    }
}
