//! The example warehouse as a process, and what its database knows: `examples/warehouse`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use sql_macros::FromRow;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

/// One warehouse, whether it is at work at the moment or not.
pub(crate) struct Warehouse {
    folder: PathBuf,
    brokers: String,
    topic: String,
    process: Option<Child>,
}

/// A parcel as the warehouse knows it.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct Parcel {
    pub(crate) shipping_request_id: String,
    pub(crate) state: String,
    pub(crate) attempt: i64,
    pub(crate) express_no: Option<String>,
}

impl Warehouse {
    pub(crate) fn new(folder: &Path, brokers: &str, topic: &str) -> Self {
        let [brokers, topic] = [brokers, topic].map(ToOwned::to_owned);
        Self { folder: folder.to_owned(), brokers, topic, process: None }
    }

    /// Starts it where it left off; it answers on the topic where the ledger listens.
    pub(crate) fn start(&mut self, more: &[&str]) {
        let events = format!("{}-events", self.topic);
        self.start_and_answer_on(&events, more);
    }

    pub(crate) fn start_and_answer_on(&mut self, events: &str, more: &[&str]) {
        self.kill();
        let said = File::options().create(true).append(true).open(self.folder.join("complaints"));
        let mut command = Command::new(binary());
        command.args(["--brokers", &self.brokers, "--topic", &self.topic]);
        command.args(["--events-topic", events, "--database"]).arg(self.database()).args(more);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said.expect("a file"));
        self.process = Some(command.spawn().expect("the warehouse starts"));
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("killed");
            process.wait().expect("gone");
        }
    }

    /// Fails where it has ended by itself, which it never does.
    pub(crate) fn is_at_work(&mut self) {
        let process = self.process.as_mut().expect("it was started");
        let ended = process.try_wait().expect("it can be asked");
        assert_eq!(ended, None, "the warehouse has ended: {}", self.complaints());
    }

    /// What it has complained of by now.
    pub(crate) fn complaints(&self) -> String {
        std::fs::read_to_string(self.folder.join("complaints")).unwrap_or_default()
    }

    /// The one number that its database gives; nothing before it has a database.
    pub(crate) async fn counts(&self, sql: &'static str) -> i64 {
        let Some(mut database) = self.open().await else { return 0 };
        sqlx::query_scalar(sql).fetch_one(&mut database).await.unwrap_or_default()
    }

    pub(crate) async fn parcels(&self) -> Vec<Parcel> {
        let mut database = self.open().await.expect("it has a database");
        let sql = "select shipping_request_id, state, attempt, express_no from parcel";
        sqlx::query_as(sql).fetch_all(&mut database).await.expect("its table of parcels")
    }

    async fn open(&self) -> Option<SqliteConnection> {
        let options = SqliteConnectOptions::new().filename(self.database());
        SqliteConnection::connect_with(&options.busy_timeout(Duration::from_secs(20))).await.ok()
    }

    fn database(&self) -> PathBuf {
        self.folder.join("warehouse.sqlite")
    }
}

impl Drop for Warehouse {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Cargo builds the programs of a test's own package alone. This one is of another: it is there
/// where the whole workspace is tested, and is built here where it isn't, or isn't any more.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let beside = Path::new(env!("CARGO_BIN_EXE_guerdon"));
        let folder = beside.parent().expect("a folder");
        let binary = folder.join("example-warehouse");
        let built = modified(&binary);
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/warehouse");
        let sources = ["src", "sql"].map(|name| sources.join(name));
        let files = sources.iter().flat_map(|folder| folder.read_dir().expect("its source"));
        let changed = files.map(|file| modified(&file.expect("a file").path())).max();
        if built.is_none() || changed > Some(built) {
            let mut build = Command::new(env!("CARGO"));
            build.args(["build", "--quiet", "--package", "example-warehouse", "--target-dir"]);
            build.arg(folder.parent().expect("the target folder"));
            if folder.ends_with("release") {
                build.arg("--release");
            }
            assert!(build.status().expect("cargo runs").success(), "it can't be built");
        }
        binary
    })
}

fn modified(file: &Path) -> Option<SystemTime> {
    file.metadata().and_then(|metadata| metadata.modified()).ok()
}
