//! Somebody holds a lock on one of the ledger's databases for longer than a command may take.
//!
//! Only who needs that database waits. Commands are answered throughout; while it is the log, they
//! may be refused, but not after their deadline.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use services::TestDatabase;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::task::JoinSet;

use crate::ledger::tool::migrate;
use crate::ledger::{Answer, Api, Ledger, PATIENCE, said};

/// How long the lock is held: longer than the ledger's own connections wait for one.
const HELD: Duration = Duration::from_secs(8);

/// The deadline of a command, and how late its answer may be on a busy machine.
const DEADLINE: Duration = Duration::from_millis(1_500);
const LATE_MAX: Duration = Duration::from_secs(3);

/// How long a question to the publisher may take, which waits for its state.
const PUBLISHER_MAX: Duration = Duration::from_secs(5);

const CALLERS: usize = 3;

/// Whose lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Log,
    ReadModel,
    Publisher,
}

/// A ledger with all its databases in one place.
struct Scene {
    ledger: Ledger,
    folder: tempfile::TempDir,
    database: Option<TestDatabase>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_are_answered_in_time_while_the_log_is_locked() {
    commands_are_answered(Held::Log, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_are_answered_in_time_while_the_log_is_locked_on_postgres() {
    commands_are_answered(Held::Log, Some(database())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_go_on_while_the_read_model_is_locked() {
    commands_are_answered(Held::ReadModel, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_go_on_while_the_read_model_is_locked_on_postgres() {
    commands_are_answered(Held::ReadModel, Some(database())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_go_on_while_the_publishers_state_is_locked() {
    commands_are_answered(Held::Publisher, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_go_on_while_the_publishers_state_is_locked_on_postgres() {
    commands_are_answered(Held::Publisher, Some(database())).await;
}

fn database() -> TestDatabase {
    TestDatabase::create().expect("a database")
}

async fn commands_are_answered(held: Held, database: Option<TestDatabase>) {
    let scene = Scene::start(database);
    let api = &scene.ledger.client;
    api.earns("ann", 1, "before").await;
    let locked = scene.hold(held).await;
    let until = Instant::now() + HELD;
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        callers.spawn(earn_until(api.clone(), caller, until));
    }
    callers.spawn(look_until(api.clone(), until));
    let answers: Vec<(String, Answer)> = callers.join_all().await.into_iter().flatten().collect();
    locked.await.expect("it was held");
    println!("{held:?} locked for {HELD:?}: {} answers", answers.len());

    let refused = answers.iter().filter(|(_, answer)| answer.status == 503).count();
    if held == Held::Log {
        assert!(refused > 0, "nothing can be recorded meanwhile");
    } else {
        assert_eq!(refused, 0, "nobody needs this lock to decide: {}", said(scene.folder.path()));
    }
    // All that was asked is recorded once, whatever was said to those who asked.
    let mut last = String::new();
    for (purchase, _) in &answers {
        last = earns_at_last(api, purchase).await;
    }
    let account = api.get_after(&last, "shopper", "/v1/accounts/ann").await.is(200);
    assert_eq!(account["available"], answers.len() + 1);
    assert_eq!(scene.ledger.stop(), Some(0));
}

impl Scene {
    /// The publisher's broker is away; its state is used all the same.
    fn start(database: Option<TestDatabase>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut args = vec!["--kafka".to_owned(), "127.0.0.1:9".to_owned()];
        args.extend(["--command-deadline-ms".into(), DEADLINE.as_millis().to_string()]);
        if let Some(database) = &database {
            let url = database.url();
            migrate(folder.path(), &url);
            args.extend(["--store", &url, "--read-model", &url].map(str::to_owned));
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ledger = Ledger::start_with(folder.path(), &args, &[]);
        Self { ledger, folder, database }
    }

    /// Takes the lock, and gives it back after [`HELD`].
    async fn hold(&self, held: Held) -> tokio::task::JoinHandle<()> {
        match &self.database {
            None => hold_file(held.file(self.folder.path())).await,
            Some(database) => hold_table(database.url(), held.table()).await,
        }
    }
}

impl Held {
    fn file(self, folder: &Path) -> PathBuf {
        folder.join(match self {
            Self::Log => "log.sqlite",
            Self::ReadModel => "read-model.sqlite",
            Self::Publisher => "publisher.sqlite",
        })
    }

    const fn table(self) -> &'static str {
        match self {
            Self::Log => "guerdon_log.partition_head",
            Self::ReadModel => "guerdon_read_model.checkpoint",
            Self::Publisher => "guerdon_publisher.lease",
        }
    }
}

async fn hold_file(file: PathBuf) -> tokio::task::JoinHandle<()> {
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(PATIENCE);
    let mut connection = options.connect().await.expect("it opens");
    sqlx::query("begin immediate").execute(&mut connection).await.expect("locked");
    tokio::spawn(async move {
        tokio::time::sleep(HELD).await;
        connection.close().await.expect("closed");
    })
}

async fn hold_table(url: String, table: &'static str) -> tokio::task::JoinHandle<()> {
    let mut connection = sqlx::PgConnection::connect(&url).await.expect("connected");
    let lock = format!("begin; lock table {table} in access exclusive mode");
    sqlx::raw_sql(sqlx::AssertSqlSafe(lock)).execute(&mut connection).await.expect("locked");
    tokio::spawn(async move {
        tokio::time::sleep(HELD).await;
        connection.close().await.expect("closed");
    })
}

/// Gives credit for one purchase after the other.
async fn earn_until(api: Api, caller: usize, until: Instant) -> Vec<(String, Answer)> {
    let mut answers = vec![];
    for number in 0.. {
        if Instant::now() >= until {
            break;
        }
        let purchase = format!("B-{caller}-{number}");
        let begun = Instant::now();
        let answer = earns(&api, &purchase).await;
        let took = begun.elapsed();
        assert!(took < DEADLINE + LATE_MAX, "{purchase} took {took:?}: {answer:?}");
        assert!([201, 503].contains(&answer.status), "{answer:?}");
        answers.push((purchase, answer));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    answers
}

/// Asks what an operator asks.
async fn look_until(api: Api, until: Instant) -> Vec<(String, Answer)> {
    while Instant::now() < until {
        for (path, within) in [
            ("/health/live", LATE_MAX),
            ("/health/ready", DEADLINE + LATE_MAX),
            ("/v1/publisher", PUBLISHER_MAX),
        ] {
            let begun = Instant::now();
            let answer = api.get("operator", path).await;
            let took = begun.elapsed();
            assert!(took < within, "{path} took {took:?}: {answer:?}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    vec![]
}

async fn earns(api: &Api, purchase: &str) -> Answer {
    let body = serde_json::json!({"points": 1, "cause": {"kind": "purchase", "id": purchase}});
    api.post("merchant", "/v1/accounts/ann/credits", body).await
}

/// The same again until it is known what became of it; gives its position.
async fn earns_at_last(api: &Api, purchase: &str) -> String {
    let begun = Instant::now();
    loop {
        let answer = earns(api, purchase).await;
        if answer.status != 503 {
            assert!([200, 201].contains(&answer.status), "{answer:?}");
            return answer.position.expect("a write has a position");
        }
        assert!(begun.elapsed() < PATIENCE, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
