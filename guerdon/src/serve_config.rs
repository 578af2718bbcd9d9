//! The options of `guerdon serve`. Each field's text is the operator's manual.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use clap::{Args, ValueEnum};
use domain::Clock;
use event_store::StoreUrl;
use postgres_connection::PostgresUrl;
use publisher::PublisherConfig;

use crate::command_line::{database_url, path};
use crate::connection_config::{ConnectionConfig, address};
use crate::data_config::DataConfig;
use crate::duration::some_time;
use crate::edge_config::EdgeConfig;
use crate::kafka_config::KafkaConfig;
use crate::limit_config::LimitConfig;
use crate::log_config::LogConfig;
use crate::partitions;
use crate::reconcile_config::ReconcileConfig;
use crate::token_config::TokenConfig;
use crate::trace_config::TraceConfig;
use crate::witness_config::WitnessConfig;

/// How to run a ledger.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServeConfig {
    #[command(flatten)]
    pub(crate) data: DataConfig,

    /// The address to listen on. Port 0 takes a free port, which is printed.
    #[arg(long, env = "GUERDON_LISTEN", default_value = "127.0.0.1:8080", value_parser = address)]
    pub(crate) listen: SocketAddr,

    /// The parts to run in this process, separated by commas.
    #[arg(long, env = "GUERDON_ROLE", value_delimiter = ',', default_value = "all")]
    pub(crate) role: Vec<Part>,

    /// The number of partitions of the log, each with a writer of its own. A new log is made with
    /// it, and it can't be changed later.
    #[arg(long, env = "GUERDON_PARTITIONS", default_value_t = 1, allow_negative_numbers = true)]
    pub(crate) partitions: u16,

    /// The clock of a new log: wall, or commands (the time in each command, to import history). It
    /// can't be changed later. [default: the log's own clock; for a new log, wall]
    #[arg(long, env = "GUERDON_CLOCK", value_parser = clock)]
    pub(crate) clock: Option<Clock>,

    /// Start although api-keys.json is missing from the data folder.
    #[arg(long, env = "GUERDON_API_KEYS_ELSEWHERE")]
    pub(crate) api_keys_elsewhere: bool,

    /// Start although nothing but the log is there: no read model, no publisher's state and no
    /// snapshot that could show whether the log lacks events. For a log that was moved, or that
    /// lost these alone. A restored backup needs `guerdon fork-log` instead.
    #[arg(long)]
    pub(crate) this_is_the_history: bool,

    /// Streaming standbys of the read model's PostgreSQL, which answer reads as long as they keep
    /// up: postgres://USER:PASSWORD@HOST:PORT/DATABASE. Separate several hosts by commas.
    #[arg(
        long,
        env = "GUERDON_READ_MODEL_REPLICA",
        hide_env_values = true,
        value_parser = database_url::<PostgresUrl>
    )]
    pub(crate) read_model_replica: Option<PostgresUrl>,

    /// How long a command waits for its decision, in milliseconds. One that needs an older event
    /// waits twice, and each read of the log for it may take as long.
    #[arg(
        long,
        env = "GUERDON_COMMAND_DEADLINE_MS",
        default_value = "5000",
        value_parser = deadline,
        allow_negative_numbers = true
    )]
    pub(crate) command_deadline_ms: Duration,

    /// The longest wait for the writer, in milliseconds, at which every request is let in. If
    /// commands would wait longer, dry runs and lists are refused; from twice this wait on also new
    /// redemptions, and from four times on all but what operators ask. 0 for never.
    #[arg(
        long,
        env = "GUERDON_SHED_AFTER_MS",
        default_value = "500",
        value_parser = wait,
        allow_negative_numbers = true
    )]
    pub(crate) shed_after_ms: Duration,

    /// Take a snapshot after this many events, so that the next start is fast; 0 for never.
    #[arg(
        long,
        env = "GUERDON_SNAPSHOT_EVERY",
        default_value_t = 1_000_000,
        value_parser = events,
        allow_negative_numbers = true
    )]
    pub(crate) snapshot_every: u64,

    /// A folder that also gets each newest checkpoint of the transparency log, as
    /// LOG-GENERATION-PARTITION.checkpoint: best on a disk of somebody else, who then notices a
    /// rewritten log.
    #[arg(long, env = "GUERDON_CHECKPOINTS_DIR", value_parser = path)]
    pub(crate) checkpoints_dir: Option<PathBuf>,

    /// Seal the balances of all accounts once a day, as `daily-` with the day of UTC. An operator
    /// can seal them at any time with a request to `/v1/seals`.
    #[arg(long, env = "GUERDON_SEAL_BALANCES_DAILY")]
    pub(crate) seal_balances_daily: bool,

    /// Seal nothing in the transparency log. Only the benchmark does, to see what sealing costs.
    #[arg(long, hide = true)]
    pub(crate) unsealed: bool,

    /// The longest time that a read with Guerdon-Position waits for the read model, in
    /// milliseconds.
    #[arg(
        long,
        env = "GUERDON_READ_WAIT_MS",
        default_value = "2000",
        value_parser = wait,
        allow_negative_numbers = true
    )]
    pub(crate) read_wait_ms: Duration,

    /// How long a shipping request may wait for its warehouse's acceptance before an operator is
    /// alarmed, on a ledger without Kafka: 90s, 15min, 4h. With Kafka, --accept-within and
    /// --alert-after decide.
    #[arg(long, env = "GUERDON_OVERDUE_AFTER", default_value = "4h", value_parser = some_time)]
    pub(crate) overdue_after: Duration,

    #[command(flatten)]
    pub(crate) reconcile: ReconcileConfig,

    #[command(flatten)]
    pub(crate) connections: ConnectionConfig,

    #[command(flatten)]
    pub(crate) limits: LimitConfig,

    #[command(flatten)]
    pub(crate) edge: EdgeConfig,

    #[command(flatten)]
    pub(crate) tokens: TokenConfig,

    #[command(flatten)]
    pub(crate) log: LogConfig,

    #[command(flatten)]
    pub(crate) traces: TraceConfig,

    #[command(flatten)]
    pub(crate) witnesses: WitnessConfig,

    #[command(flatten)]
    pub(crate) kafka: KafkaConfig,
}

/// A part of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// All parts.
    All,
    /// Accepts commands; the only part that writes the log.
    CommandApi,
    /// Builds the read model from the log.
    Projector,
    /// Answers reads from the read model. In one process with the projector, it keeps 100,000
    /// balances in memory.
    QueryApi,
    /// Publishes shipping requests to Kafka and reads the warehouses' reports from Kafka. It runs
    /// only with --kafka.
    Publisher,
}

impl ServeConfig {
    /// Checks what can be checked without opening anything, beyond each option by itself.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.check_options()?;
        let here = self.runs(Part::CommandApi).then(Router::new);
        self.publisher(here)?;
        Ok(())
    }

    /// Checks what options say together.
    pub(crate) fn check_options(&self) -> anyhow::Result<()> {
        partitions::check(self.partitions, &self.data.store())?;
        self.edge.check(self.listen, self.connections.operators_listen)?;
        self.limits.rules()?;
        self.witnesses.check()?;
        self.kafka.checkpoints()?;
        self.tokens.check()
    }

    /// From which wait on requests are refused.
    pub(crate) fn shed_after(&self) -> Duration {
        if self.shed_after_ms.is_zero() { Duration::MAX } else { self.shed_after_ms }
    }

    pub(crate) fn runs(&self, part: Part) -> bool {
        self.role.contains(&Part::All) || self.role.contains(&part)
    }

    /// How often this process has its read tables compared with the log, where it does. A log in
    /// memory is nobody else's to read.
    pub(crate) fn reconciles_every(&self) -> Option<Duration> {
        let can = self.runs(Part::Projector) && self.data.store() != StoreUrl::Memory;
        self.reconcile.reconcile_every.filter(|_| can)
    }

    /// Whether a publisher runs in this process.
    pub(crate) fn publishes(&self) -> bool {
        self.runs(Part::Publisher) && self.kafka.is_on()
    }

    /// The publisher's settings, if it runs in this process; with the command API's router, if that
    /// runs here, too.
    pub(crate) fn publisher(
        &self,
        here: Option<Router>,
    ) -> anyhow::Result<Option<PublisherConfig>> {
        if self.runs(Part::Publisher) { self.kafka.publisher(&self.data, here) } else { Ok(None) }
    }
}

fn clock(name: &str) -> Result<Clock, String> {
    let clocks = [Clock::Wall, Clock::Commands];
    let clock = clocks.into_iter().find(|clock| clock.as_str() == name);
    clock.ok_or_else(|| format!("a clock is wall or commands, not {name:?}"))
}

fn events(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a whole number of events"))
}

/// A deadline of 0 would refuse every command.
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
