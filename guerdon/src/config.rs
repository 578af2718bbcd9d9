//! What a ledger can be told when it starts. Each field's text is the operator's manual.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use clap::{Args, ValueEnum};
use command_api::Snapshots;
use domain::Clock;
use event_store::{Access, EventStore, StoreError, StoreUrl};
use postgres_connection::PostgresUrl;
use publisher::{PublisherConfig, StateUrl};
use read_model::ReadModelUrl;

use crate::publisher_config::KafkaConfig;

/// Where a ledger keeps what it keeps.
#[derive(Args, Clone, Debug)]
pub(crate) struct DataConfig {
    /// The folder for all that isn't said to be elsewhere; it is made where there is none.
    #[arg(long, env = "GUERDON_DATA_DIR", default_value = "./guerdon-data")]
    pub(crate) data_dir: PathBuf,

    /// The log: sqlite:PATH, postgres://USER:PASSWORD@HOST:PORT/DATABASE,
    /// kurrentdb://USER:PASSWORD@HOST:PORT?log=NAME (in builds with the feature `kurrent`), or
    /// memory: to keep nothing.
    /// [default: log.sqlite in the data folder]
    #[arg(long, env = "GUERDON_STORE", hide_env_values = true)]
    pub(crate) store: Option<StoreUrl>,

    /// Where old events are that `guerdon archive` has taken out of the log. [default: archive in
    /// the data folder]
    #[arg(long, env = "GUERDON_ARCHIVE_DIR")]
    pub(crate) archive_dir: Option<PathBuf>,

    /// The read model: sqlite:PATH, or postgres://USER:PASSWORD@HOST:PORT/DATABASE, on the log's
    /// server or another; several hosts are separated by commas, and the one that takes writes is
    /// written. [default: read-model.sqlite in the data folder]
    #[arg(long, env = "GUERDON_READ_MODEL", hide_env_values = true)]
    pub(crate) read_model: Option<ReadModelUrl>,

    /// What the publisher has to remember, whatever becomes of the read model: sqlite:PATH or
    /// postgres://… [default: publisher.sqlite in the data folder, or a schema of its own on the
    /// read model's PostgreSQL]
    #[arg(long, env = "GUERDON_PUBLISHER_STATE")]
    pub(crate) publisher_state: Option<StateUrl>,
}

/// How a ledger is run.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServeConfig {
    #[command(flatten)]
    pub(crate) data: DataConfig,

    /// The address to listen on; port 0 takes a free one and prints it.
    #[arg(long, env = "GUERDON_LISTEN", default_value = "127.0.0.1:8080", value_parser = address)]
    pub(crate) listen: SocketAddr,

    /// Which parts to run in this process, separated by commas.
    #[arg(long, env = "GUERDON_ROLE", value_delimiter = ',', default_value = "all")]
    pub(crate) role: Vec<Part>,

    /// How many partitions the log has; it counts when the log is opened, and must stay.
    #[arg(long, env = "GUERDON_PARTITIONS", default_value_t = 1, allow_negative_numbers = true)]
    pub(crate) partitions: u16,

    /// Where the log takes its time from: wall, or commands (what they say happened when, to import
    /// history); it counts when the log is opened, and must stay. [default: as opened, or wall]
    #[arg(long, env = "GUERDON_CLOCK", value_parser = clock)]
    pub(crate) clock: Option<Clock>,

    /// Start although api-keys.json isn't in the data folder, because the keys are kept elsewhere.
    #[arg(long, env = "GUERDON_API_KEYS_ELSEWHERE")]
    pub(crate) api_keys_elsewhere: bool,

    /// Streaming standbys of the read model's PostgreSQL, which answer reads while they keep up:
    /// postgres://USER:PASSWORD@HOST:PORT/DATABASE, with a comma between hosts.
    #[arg(long, env = "GUERDON_READ_MODEL_REPLICA", hide_env_values = true)]
    pub(crate) read_model_replica: Option<PostgresUrl>,

    /// How long a command may take from its arrival to its answer, in milliseconds.
    #[arg(
        long,
        env = "GUERDON_COMMAND_DEADLINE_MS",
        default_value = "5000",
        value_parser = deadline,
        allow_negative_numbers = true
    )]
    pub(crate) command_deadline_ms: Duration,

    /// After how many events a snapshot is taken, which the next start goes on from; 0 for never.
    #[arg(
        long,
        env = "GUERDON_SNAPSHOT_EVERY",
        default_value_t = 1_000_000,
        value_parser = events,
        allow_negative_numbers = true
    )]
    pub(crate) snapshot_every: u64,

    /// How long a read with Guerdon-Position waits for the read model, in milliseconds.
    #[arg(
        long,
        env = "GUERDON_READ_WAIT_MS",
        default_value = "2000",
        value_parser = wait,
        allow_negative_numbers = true
    )]
    pub(crate) read_wait_ms: Duration,

    #[command(flatten)]
    pub(crate) kafka: KafkaConfig,
}

/// A part of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// All of them.
    All,
    /// Takes commands; it alone writes the log.
    CommandApi,
    /// Makes the read model of the log.
    Projector,
    /// Answers reads from the read model; beside a projector, keeps 100,000 balances in memory.
    QueryApi,
    /// Publishes shipping requests to Kafka, and takes what warehouses say from there; it runs
    /// where there is --kafka.
    Publisher,
}

impl ServeConfig {
    pub(crate) fn runs(&self, part: Part) -> bool {
        self.role.contains(&Part::All) || self.role.contains(&part)
    }
}

impl ServeConfig {
    /// How the publisher is run, where one is; with the command API, where it runs here.
    pub(crate) fn publisher(
        &self,
        here: Option<Router>,
    ) -> anyhow::Result<Option<PublisherConfig>> {
        if self.runs(Part::Publisher) { self.kafka.publisher(&self.data, here) } else { Ok(None) }
    }
}

impl DataConfig {
    pub(crate) fn store(&self) -> StoreUrl {
        self.store.clone().unwrap_or_else(|| StoreUrl::Sqlite(self.data_dir.join("log.sqlite")))
    }

    /// Opens the log, with what of it is archived.
    pub(crate) async fn open(&self, access: Access) -> Result<EventStore, StoreError> {
        Ok(EventStore::open(&self.store(), access).await?.with_archive(self.archive_dir()))
    }

    pub(crate) fn archive_dir(&self) -> PathBuf {
        self.archive_dir.clone().unwrap_or_else(|| self.data_dir.join("archive"))
    }

    pub(crate) fn read_model(&self) -> ReadModelUrl {
        let file = || ReadModelUrl::Sqlite(self.data_dir.join("read-model.sqlite"));
        self.read_model.clone().unwrap_or_else(file)
    }

    pub(crate) fn publisher_state(&self) -> StateUrl {
        self.publisher_state.clone().unwrap_or_else(|| match self.read_model() {
            ReadModelUrl::Sqlite(_) => StateUrl::Sqlite(self.data_dir.join("publisher.sqlite")),
            ReadModelUrl::Postgres(url) => StateUrl::Postgres(url),
        })
    }

    pub(crate) fn snapshots(&self) -> Snapshots {
        Snapshots::in_folder(self.data_dir.join("snapshots"))
    }

    pub(crate) fn api_keys(&self) -> PathBuf {
        self.data_dir.join("api-keys.json")
    }
}

fn clock(name: &str) -> Result<Clock, String> {
    let clocks = [Clock::Wall, Clock::Commands];
    let clock = clocks.into_iter().find(|clock| clock.as_str() == name);
    clock.ok_or_else(|| format!("a clock is wall or commands, not {name:?}"))
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let why =
        || format!("{text:?} is no IP address with a port, as in 127.0.0.1:8080 or 0.0.0.0:8080");
    text.parse().map_err(|_| why())
}

fn events(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a whole number of events"))
}

/// In no time no command can be answered.
fn deadline(text: &str) -> Result<Duration, String> {
    millis(text, 1)
}

fn wait(text: &str) -> Result<Duration, String> {
    millis(text, 0)
}

/// Whoever asks is gone after a minute.
fn millis(text: &str, least: u64) -> Result<Duration, String> {
    const MOST: u64 = 60_000;
    let millis = text.parse().ok().filter(|millis| (least..=MOST).contains(millis));
    let why = || format!("{text:?} is not a whole number of milliseconds from {least} to {MOST}");
    millis.map(Duration::from_millis).ok_or_else(why)
}
