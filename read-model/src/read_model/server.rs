//! A server that has the read tables, and its present status.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use postgres_connection::session;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgPool};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::ReadError;
use super::as_of::AsOf;
use super::file::ReadFile;
use super::of_log::OfLog;
use super::proof::{AskLog, LastEvent, Proof, last_events};
use super::reading::{Argument, CHECKPOINT, Query, Reading, RowOf};
use super::single_read::{ServerSingleReads, SingleRead};
use super::stale::Stale;
use crate::Side;

/// How many reads in a transaction run on one PostgreSQL at the same time; most of their time is
/// the way there.
const CONNECTIONS_MAX: u32 = 12;

/// How many single reads do; balances that are asked for at once are read together.
const SINGLE_READS_MAX: usize = 4;

/// How long a server may take to say where its tables are. Another is asked after that.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a read waits for a connection before it asks another server.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a query may run, and wait for a rebuild's swap: longer than any here takes on millions
/// of rows, and shorter than the minute after which proxies give up.
const STATEMENT_MAX: Duration = Duration::from_secs(20);

/// How long a query's answer may take: a server that is frozen, or whose host is lost, doesn't end
/// its queries itself.
const ANSWER_MAX: Duration = Duration::from_secs(25);

const SESSION: &str = include_str!("../sql/session.sql");

/// How often each server is checked, and how long its answer may take.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A server is late if after this time it hasn't reached where the furthest one was at its start.
const LATE_AFTER: Duration = Duration::from_secs(5);

/// The status of a server. Reads ask the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServerStatus {
    /// It answers and keeps up.
    Serving,
    /// It answers, and has been behind for more than five seconds.
    Late,
    /// It answers, and has tables of another log, or of another history of it.
    OtherLog,
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
            Self::OtherLog => "other-log",
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
    /// Of a replica.
    proof: Mutex<Proof>,
}

#[derive(Debug)]
pub(super) enum Pool {
    Sqlite(Box<ReadFile>),
    Postgres(Box<PostgresServer>),
}

/// The connections to a PostgreSQL.
#[derive(Debug)]
pub(super) struct PostgresServer {
    pub(super) pool: PgPool,
    pub(super) single_reads: ServerSingleReads,
    pub(super) stale: Stale,
}

/// The generation and position of each partition.
type Reached = BTreeMap<i64, (i64, i64)>;

impl Server {
    pub(super) fn file(name: String, file: ReadFile) -> Self {
        Self::new(name, Pool::Sqlite(Box::new(file)), false)
    }

    /// Connects when it is first asked.
    pub(super) fn postgres(
        options: PgConnectOptions,
        schema: &'static str,
        is_replica: bool,
    ) -> Self {
        let name = format!("{}:{}", options.get_host(), options.get_port());
        let stale = Stale::default();
        let statement_max = STATEMENT_MAX.as_millis().to_string();
        let session = session(&[("statement_timeout", &statement_max)]);
        let session = format!("{session}; set search_path to {schema}; {SESSION}");
        let single_reads = ServerSingleReads::new(
            options.clone(),
            session.clone(),
            ACQUIRE_TIMEOUT,
            stale.clone(),
            SINGLE_READS_MAX,
        );
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let session = AssertSqlSafe(session.clone());
                Box::pin(async move { connection.execute(session).await.map(drop) })
            })
            .before_acquire({
                let stale = stale.clone();
                move |_, connection| {
                    let is_fit = !stale.is_of(connection.age);
                    Box::pin(async move { Ok(is_fit) })
                }
            })
            .connect_lazy_with(options);
        Self::new(
            name,
            Pool::Postgres(Box::new(PostgresServer { pool, single_reads, stale })),
            is_replica,
        )
    }

    fn new(name: String, pool: Pool, is_replica: bool) -> Self {
        let status = watch::Sender::new(ServerStatus::Serving);
        Self { name, pool, is_replica, status, proof: Mutex::new(Proof::Unasked) }
    }

    pub(super) fn status(&self) -> ServerStatus {
        *self.status.borrow()
    }

    /// Begins to read, all as of one event. Connecting is in boxes, here and below: every handler's
    /// future would have room for it, tens of kilobytes.
    pub(super) async fn begin(&self) -> Result<Reading, sqlx::Error> {
        match &self.pool {
            Pool::Sqlite(file) => {
                let open = file.current();
                match in_time(Box::pin(Reading::of_sqlite(&open.pool))).await {
                    Err(error) => {
                        let open = file.instead(&open, error)?;
                        in_time(Box::pin(Reading::of_sqlite(&open.pool))).await
                    }
                    begun => begun,
                }
            }
            Pool::Postgres(server) => {
                let begin = || Reading::of_postgres(server);
                in_time(Box::pin(server.stale.asked_again(begin))).await
            }
        }
    }

    /// One statement that begins with `checkpoint`.
    pub(super) async fn read_one<T: RowOf>(
        &self,
        query: Query,
        arguments: &[Argument<'_>],
    ) -> Result<SingleRead<T>, sqlx::Error> {
        match &self.pool {
            Pool::Sqlite(file) => {
                let open = file.current();
                match in_time(open.single_reads.all(query, arguments)).await {
                    Err(error) => {
                        let open = file.instead(&open, error)?;
                        in_time(Box::pin(open.single_reads.all(query, arguments))).await
                    }
                    read => read,
                }
            }
            Pool::Postgres(server) => {
                let read = || server.single_reads.all(query, arguments);
                in_time(Box::pin(server.stale.asked_again(read))).await
            }
        }
    }

    /// Turns to the file that a rebuild has put in the place of the one that was read, if it has.
    pub(super) async fn renew(&self) -> bool {
        let Pool::Sqlite(file) = &self.pool else { return false };
        let renewed = Box::pin(file.renew()).await;
        renewed.unwrap_or_else(|error| {
            tracing::debug!(%error, "the file that was put in its place can't be opened");
            false
        })
    }

    pub(super) async fn close(&self) {
        match &self.pool {
            Pool::Sqlite(file) => file.current().close().await,
            Pool::Postgres(server) => {
                server.single_reads.close().await;
                server.pool.close().await;
            }
        }
    }

    /// Whether its tables have been begun and are of this log, where that is known.
    pub(super) fn check(&self, as_of: &AsOf, log: Option<&OfLog>) -> Result<(), ReadError> {
        if !as_of.has_begun() {
            return Err(ReadError::NotBegun);
        }
        let Some(log) = log else { return Ok(()) };
        match self.check_log(as_of, log) {
            Ok(()) => self.note_own(),
            Err(unproven @ ReadError::Unproven { .. }) => return Err(unproven),
            Err(other) => {
                self.note_other(&other);
                return Err(other);
            }
        }
        Ok(())
    }

    /// Whether its tables are of this log, and were made of events that the log has.
    fn check_log(&self, as_of: &AsOf, log: &OfLog) -> Result<(), ReadError> {
        log.check(&self.name, as_of)?;
        self.check_proof(log)
    }

    /// Whether the log is known to have the events of which a replica's tables were made.
    fn check_proof(&self, log: &OfLog) -> Result<(), ReadError> {
        if !self.is_replica || log.ask().is_none() {
            return Ok(());
        }
        let server = || self.name.clone();
        match *self.proof.lock() {
            Proof::Own => Ok(()),
            Proof::Unasked => Err(ReadError::Unproven { server: server() }),
            Proof::Lost(place) => Err(ReadError::LostEvents { server: server(), place }),
        }
    }

    /// Asks the log whether it has these events, of which the tables were made. A log that can't
    /// tell leaves what is known.
    async fn prove(&self, events: &[LastEvent], ask: &AskLog) -> bool {
        let Some(lost) = ask.first_lost(events).await else { return false };
        *self.proof.lock() = lost.map_or(Proof::Own, Proof::Lost);
        lost.is_none()
    }

    /// Notes that it has tables of another log, and says of which.
    fn note_other(&self, why: &ReadError) {
        if self.status() != ServerStatus::OtherLog {
            tracing::error!(%why, "a server of the read model is passed over");
        }
        self.note(ServerStatus::OtherLog);
    }

    /// Notes that its tables are of this log, if that wasn't so.
    fn note_own(&self) {
        if self.status() == ServerStatus::OtherLog {
            self.note(ServerStatus::Serving);
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
            (true, "other-log") => {}
            (true, "serving") => tracing::info!(server, status, "reads go to this server again"),
            (true, _) => tracing::warn!(server, status, "reads go to other servers first"),
        }
    }
}

/// Checks the servers again and again; it never ends by itself. It has connections of its own, so
/// that a busy server still answers it.
pub(super) async fn watch_servers(servers: Arc<[Server]>, log: Arc<OnceLock<OfLog>>) {
    let mut watched: Vec<Watched<'_>> = servers.iter().filter_map(Watched::of).collect();
    loop {
        for server in servers.iter() {
            server.renew().await;
        }
        let looked = join_all(watched.iter_mut().map(|watched| watched.look(log.get()))).await;
        let looked: Vec<Looked> = (watched.iter().zip(looked))
            .map(|(watched, as_of)| watched.server.fits(as_of, log.get()))
            .collect();
        let furthest = furthest(looked.iter().filter_map(Looked::reached));
        for (watched, looked) in watched.iter_mut().zip(&looked) {
            watched.judge(looked, &furthest);
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// What a look at a server showed.
enum Looked {
    /// It doesn't answer.
    Nothing,
    /// The log was not asked yet, or can't tell, whether it has the tables' events.
    Unproven,
    /// It has tables of another log.
    OtherLog(ReadError),
    Reached(Reached),
}

impl Looked {
    const fn reached(&self) -> Option<&Reached> {
        match self {
            Self::Reached(reached) => Some(reached),
            Self::Nothing | Self::Unproven | Self::OtherLog(_) => None,
        }
    }
}

impl Server {
    /// Whether what a look has shown is of this log.
    fn fits(&self, as_of: Option<AsOf>, log: Option<&OfLog>) -> Looked {
        let Some(as_of) = as_of else { return Looked::Nothing };
        match log.map_or(Ok(()), |log| self.check_log(&as_of, log)) {
            Ok(()) => Looked::Reached(as_of.progress().collect()),
            Err(ReadError::Unproven { .. }) => Looked::Unproven,
            Err(other) => Looked::OtherLog(other),
        }
    }
}

/// A PostgreSQL under watch.
struct Watched<'a> {
    server: &'a Server,
    options: Arc<PgConnectOptions>,
    connection: Option<PgConnection>,
    /// Up to where the log was found to have the tables' events, over this connection.
    proven: Reached,
    /// Where the furthest server was when this one last caught up, and when that was.
    goal: Reached,
    since: Instant,
}

impl<'a> Watched<'a> {
    fn of(server: &'a Server) -> Option<Self> {
        let Pool::Postgres(postgres) = &server.pool else { return None };
        let options = postgres.pool.connect_options();
        Some(Self {
            server,
            options,
            connection: None,
            proven: Reached::new(),
            goal: Reached::new(),
            since: Instant::now(),
        })
    }

    /// How far the server is, if it answers in time.
    async fn look(&mut self, log: Option<&OfLog>) -> Option<AsOf> {
        let looked = timeout(LOOK_INTERVAL, self.ask(log)).await;
        let reached = looked.ok().and_then(|asked| {
            asked.inspect_err(|error| tracing::debug!(%error, "a server can't be watched")).ok()
        });
        if reached.is_none() {
            self.connection = None;
            self.proven.clear();
        }
        reached
    }

    async fn ask(&mut self, log: Option<&OfLog>) -> Result<AsOf, sqlx::Error> {
        let connection = match self.connection.as_mut() {
            Some(connection) => connection,
            None => {
                let mut connection = self.options.connect().await?;
                let session = format!(
                    "{}; set search_path to {}",
                    session(&[("statement_timeout", "5s")]),
                    Side::Live.schema()
                );
                connection.execute(AssertSqlSafe(session)).await?;
                self.connection.insert(connection)
            }
        };
        let progress = sqlx::query_as(CHECKPOINT.postgres).fetch_all(&mut *connection).await?;
        let as_of = AsOf::of(progress);
        let reached: Reached = as_of.progress().collect();
        // Tables that went back were put there anew. What follows proven events is the log's, too:
        // it came from there.
        let is_proven = !self.proven.is_empty() && is_at(&reached, &self.proven);
        let ask = log.and_then(OfLog::ask).filter(|_| self.server.is_replica && !is_proven);
        if let Some(ask) = ask
            && self.server.prove(&last_events(connection).await?, ask).await
        {
            self.proven = reached;
        }
        Ok(as_of)
    }

    fn judge(&mut self, looked: &Looked, furthest: &Reached) {
        let reached = match looked {
            Looked::Nothing => return self.server.note(ServerStatus::Unreachable),
            // Reads pass it over by themselves.
            Looked::Unproven => return,
            Looked::OtherLog(why) => return self.server.note_other(why),
            Looked::Reached(reached) => reached,
        };
        // After a fork no server may have the goal any more; then none is late for it.
        if is_at(reached, &self.goal) || !is_at(furthest, &self.goal) {
            (self.goal, self.since) = (furthest.clone(), Instant::now());
            self.server.note(ServerStatus::Serving);
        } else if self.since.elapsed() >= LATE_AFTER {
            self.server.note(ServerStatus::Late);
        } else if self.server.status() > ServerStatus::Late {
            self.server.note(ServerStatus::Serving);
        }
    }
}

/// An answer that comes too late is none.
async fn in_time<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(BEGIN_TIMEOUT, answer).await.unwrap_or_else(|_| Err(too_late()))
}

/// The rest of an answer that has begun, likewise.
pub(super) async fn in_statement_time<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(ANSWER_MAX, answer).await.unwrap_or_else(|_| Err(too_late()))
}

pub(super) fn too_late() -> sqlx::Error {
    sqlx::Error::Io(io::ErrorKind::TimedOut.into())
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
