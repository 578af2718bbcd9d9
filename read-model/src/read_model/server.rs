//! A server that has the read tables, and its present status.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgPool, SqlitePool};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::reading::{Argument, Query, Reading, RowOf};
use super::single_read::{FileSingleReads, SingleRead, single_read_of_postgres};

/// How many reads run on one PostgreSQL at the same time; most of their time is the way there.
const CONNECTIONS_MAX: u32 = 16;

/// How many single reads of a file run at the same time; more would share the same cores.
const FILE_SINGLE_READS_MAX: usize = 4;

/// How long a read waits for a connection before it asks another server.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);

/// How often each server is checked, and how long its answer may take.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A server is late if after this time it hasn't reached where the furthest one was at its start.
const LATE_AFTER: Duration = Duration::from_secs(5);

/// The status of a server. Reads ask the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServerStatus {
    /// It answers and keeps up.
    Serving,
    /// It answers, and has been behind for more than five seconds.
    Late,
    /// It doesn't answer.
    Unreachable,
}

impl ServerStatus {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Late => "late",
            Self::Unreachable => "unreachable",
        }
    }
}

/// A server that has the read tables: a file or a PostgreSQL.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) pool: Pool,
    pub(super) is_replica: bool,
    status: watch::Sender<ServerStatus>,
}

#[derive(Debug)]
pub(super) enum Pool {
    Sqlite(SqlitePool, Box<FileSingleReads>),
    Postgres(PgPool),
}

/// The generation and position of each partition.
type Reached = BTreeMap<i64, (i64, i64)>;

impl Server {
    pub(super) fn file(file: &Path, pool: SqlitePool, options: SqliteConnectOptions) -> Self {
        let single_reads = Box::new(FileSingleReads::new(options, FILE_SINGLE_READS_MAX));
        Self::new(file.display().to_string(), Pool::Sqlite(pool, single_reads), false)
    }

    /// Connects when it is first asked.
    pub(super) fn postgres(
        options: PgConnectOptions,
        schema: &'static str,
        is_replica: bool,
    ) -> Self {
        let name = format!("{}:{}", options.get_host(), options.get_port());
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(move |connection, _| {
                // Every statement finds few rows by a key, whatever the planner thinks it costs: to
                // compile one would take a thousand times as long as to run it.
                let session = format!("set search_path to {schema}; set jit = off");
                let session = AssertSqlSafe(session);
                Box::pin(async move { connection.execute(session).await.map(drop) })
            })
            .connect_lazy_with(options);
        Self::new(name, Pool::Postgres(pool), is_replica)
    }

    fn new(name: String, pool: Pool, is_replica: bool) -> Self {
        Self { name, pool, is_replica, status: watch::Sender::new(ServerStatus::Serving) }
    }

    pub(super) fn status(&self) -> ServerStatus {
        *self.status.borrow()
    }

    /// Begins to read, all as of one event.
    pub(super) async fn begin(&self) -> Result<Reading, sqlx::Error> {
        match &self.pool {
            Pool::Sqlite(pool, _) => Reading::of_sqlite(pool).await,
            Pool::Postgres(pool) => Reading::of_postgres(pool).await,
        }
    }

    /// One statement that begins with `checkpoint`.
    pub(super) async fn read_one<T: RowOf>(
        &self,
        query: Query,
        arguments: &[Argument<'_>],
    ) -> Result<SingleRead<T>, sqlx::Error> {
        match &self.pool {
            Pool::Sqlite(_, single_reads) => single_reads.all(query, arguments).await,
            Pool::Postgres(pool) => single_read_of_postgres(pool, query, arguments).await,
        }
    }

    pub(super) async fn close(&self) {
        match &self.pool {
            Pool::Sqlite(pool, single_reads) => {
                single_reads.close().await;
                pool.close().await;
            }
            Pool::Postgres(pool) => pool.close().await,
        }
    }

    fn note(&self, status: ServerStatus) {
        let changed = self.status.send_if_modified(|known| {
            let is_new = *known != status;
            *known = status;
            is_new
        });
        let (server, status) = (self.name.as_str(), status.as_str());
        match (changed, status) {
            (false, _) => {}
            (true, "serving") => tracing::info!(server, status, "reads go to this server again"),
            (true, _) => {
                tracing::warn!(server, status, "reads go to other servers, where there are any");
            }
        }
    }
}

/// Checks the servers again and again; it never ends by itself. It has connections of its own, so
/// that a busy server still answers it.
pub(super) async fn watch_servers(servers: Arc<[Server]>) {
    let mut watched: Vec<Watched<'_>> = servers.iter().filter_map(Watched::of).collect();
    if watched.is_empty() {
        return;
    }
    loop {
        let reached = join_all(watched.iter_mut().map(Watched::look)).await;
        let furthest = furthest(reached.iter().flatten());
        for (watched, reached) in watched.iter_mut().zip(&reached) {
            watched.judge(reached.as_ref(), &furthest);
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// A PostgreSQL under watch.
struct Watched<'a> {
    server: &'a Server,
    options: Arc<PgConnectOptions>,
    connection: Option<PgConnection>,
    /// Where the furthest server was when this one last caught up, and when that was.
    goal: Reached,
    since: Instant,
}

impl<'a> Watched<'a> {
    fn of(server: &'a Server) -> Option<Self> {
        let Pool::Postgres(pool) = &server.pool else { return None };
        let options = pool.connect_options();
        Some(Self {
            server,
            options,
            connection: None,
            goal: Reached::new(),
            since: Instant::now(),
        })
    }

    /// How far the server is, if it answers in time.
    async fn look(&mut self) -> Option<Reached> {
        let looked = timeout(LOOK_INTERVAL, self.ask()).await;
        let reached = looked.ok().and_then(|asked| {
            asked.inspect_err(|error| tracing::debug!(%error, "a server can't be watched")).ok()
        });
        if reached.is_none() {
            self.connection = None;
        }
        reached
    }

    async fn ask(&mut self) -> Result<Reached, sqlx::Error> {
        const REACHED: &str =
            r#"select "partition", generation, position from guerdon_read_model.checkpoint"#;
        let connection = match self.connection.as_mut() {
            Some(connection) => connection,
            None => self.connection.insert(self.options.connect().await?),
        };
        let rows: Vec<(i64, i64, i64)> = sqlx::query_as(REACHED).fetch_all(connection).await?;
        Ok(rows.into_iter().map(|(partition, at, position)| (partition, (at, position))).collect())
    }

    fn judge(&mut self, reached: Option<&Reached>, furthest: &Reached) {
        let Some(reached) = reached else { return self.server.note(ServerStatus::Unreachable) };
        // After a fork no server may have the goal any more; then none is late for it.
        if is_at(reached, &self.goal) || !is_at(furthest, &self.goal) {
            (self.goal, self.since) = (furthest.clone(), Instant::now());
            self.server.note(ServerStatus::Serving);
        } else if self.since.elapsed() >= LATE_AFTER {
            self.server.note(ServerStatus::Late);
        } else if self.server.status() == ServerStatus::Unreachable {
            self.server.note(ServerStatus::Serving);
        }
    }
}

/// Whether every partition is where it was to be.
fn is_at(reached: &Reached, goal: &Reached) -> bool {
    goal.iter().all(|(partition, goal)| reached.get(partition).is_some_and(|at| at >= goal))
}

fn furthest<'a>(all: impl Iterator<Item = &'a Reached>) -> Reached {
    let mut furthest = Reached::new();
    for (partition, at) in all.flatten() {
        let known = furthest.entry(*partition).or_insert(*at);
        if at.cmp(known) == Ordering::Greater {
            *known = *at;
        }
    }
    furthest
}
