//! The read tables, to read: which server is asked, and waiting for a position.
//!
//! A file is one server. A PostgreSQL may be several: replicas first, where there are any, then the
//! URL's own, in their order; those that are late or don't answer come after those that serve. A
//! read that asks for a position gives the first that answers half of its time to get there, and
//! asks the others, too, after that.

mod as_of;
mod file;
mod idle;
mod log_clock;
mod log_ends;
mod never_there;
mod of_log;
mod pages;
mod polls;
mod proof;
mod read_error;
mod reading;
mod server;
mod single_read;
mod stale;
mod warehouse_ends;

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use log_record::{Partition, Place, Position};
use postgres_connection::{PostgresError, PostgresUrl};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::schema::{self, failed, options};
use crate::{LogChanges, ReadModelError, ReadModelUrl, Side};
use file::ReadFile;
use log_clock::LogClock;
use polls::Polls;
use server::{Server, watch_servers};
use warehouse_ends::WarehouseEnds;

pub use as_of::AsOf;
pub use log_ends::LogEnds;
pub use never_there::NeverThere;
pub use of_log::{LogHistory, OfLog};
pub use proof::{AskLog, LastEvent};
pub use read_error::ReadError;
pub use reading::{Argument, Query, Reading, RowOf};
pub use server::ServerStatus;
pub use single_read::SingleRead;
pub use warehouse_ends::Following;

/// How many rows of a page a file's thread reads ahead of who takes them: to wake each other for a
/// few rows takes longer than to read those.
const ROWS_AHEAD: usize = 1_000;

/// How often those who wait have somebody look how far the tables are.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The read tables, to read. Clones share the connections.
#[derive(Clone, Debug)]
pub struct ReadModel {
    url: ReadModelUrl,
    /// Never empty.
    servers: Arc<[Server]>,
    /// By partition; empty where the projector runs in another process.
    positions: Arc<[watch::Receiver<Position>]>,
    changes: Option<LogChanges>,
    polls: Arc<Polls>,
    ends: Arc<WarehouseEnds>,
    clock: Option<Arc<LogClock>>,
    /// The log that it must have been made of, once that is known; the same for all clones.
    log: Arc<OnceLock<OfLog>>,
    /// Whether some server's tables have come to where the log was at the start.
    is_complete: Arc<AtomicBool>,
    /// Whether tables are read, too, that haven't.
    also_incomplete: bool,
    _watching: Arc<DropGuard>,
}

impl ReadModel {
    /// Opens a read model that a projector in another process keeps.
    pub async fn open(
        url: &ReadModelUrl,
        replica: Option<&PostgresUrl>,
    ) -> Result<Self, ReadModelError> {
        match url {
            ReadModelUrl::Sqlite(file) if !file.exists() => {
                return Err(ReadModelError::Missing { file: file.clone() });
            }
            ReadModelUrl::Sqlite(_) => {}
            ReadModelUrl::Postgres(url) => match schema::check(url).await {
                Err(error @ (PostgresError::Connect { .. } | PostgresError::NoPrimary { .. })) => {
                    // A standby may answer; no projector writes meanwhile.
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "the read model's schema can't be checked");
                }
                checked => checked?,
            },
        }
        Self::open_with(url, replica, vec![], None).await
    }

    /// Opens a read model that this process keeps up to date: `positions` has the last projected
    /// position of each partition, and `changes` what each batch touched.
    pub async fn open_with(
        url: &ReadModelUrl,
        replica: Option<&PostgresUrl>,
        positions: Vec<watch::Receiver<Position>>,
        changes: Option<LogChanges>,
    ) -> Result<Self, ReadModelError> {
        let servers: Vec<Server> = match (url, replica) {
            (ReadModelUrl::Sqlite(file), None) => {
                let options = options(file).read_only(true).row_buffer_size(ROWS_AHEAD);
                let opened = ReadFile::open(file.clone(), options).await;
                let opened = opened.map_err(|error| failed("open", file, error))?;
                vec![Server::file(file.display().to_string(), opened)]
            }
            (ReadModelUrl::Sqlite(file), Some(_)) => {
                return Err(ReadModelError::ReplicaOfFile { file: file.clone() });
            }
            (ReadModelUrl::Postgres(primary), replica) => {
                let schema = Side::Live.schema();
                let replicas = replica.into_iter().flat_map(PostgresUrl::options);
                let replicas = replicas.map(|options| Server::postgres(options, schema, true));
                let own = primary.options().into_iter();
                let own = own.map(|options| Server::postgres(options, schema, false));
                replicas.chain(own).collect()
            }
        };
        let servers: Arc<[Server]> = servers.into();
        let (stop, log) = (CancellationToken::new(), Arc::new(OnceLock::new()));
        let (polls, ends) = (Arc::new(Polls::of(&servers)), Arc::new(WarehouseEnds::new()));
        let positions: Arc<[watch::Receiver<Position>]> = positions.into();
        let watching = watch_servers(Arc::clone(&servers), Arc::clone(&log));
        let polling = Arc::clone(&polls).keep_asking(Arc::clone(&servers));
        // A replica may be behind the projector.
        let of_only_server = if servers.len() == 1 { positions.to_vec() } else { vec![] };
        let reading = Arc::clone(&ends);
        let reading = reading.keep_reading(Arc::clone(&servers), Arc::clone(&log), of_only_server);
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            tokio::join!(watching, polling, reading);
        }));
        // One that lags would give old rows after what changed everything.
        let changes = changes.filter(|_| servers.len() == 1);
        let _watching = Arc::new(stop.drop_guard());
        Ok(Self {
            url: url.clone(),
            servers,
            positions,
            changes,
            polls,
            ends,
            clock: None,
            log,
            is_complete: Arc::default(),
            also_incomplete: false,
            _watching,
        })
    }

    /// The same read model, which from now on gives nothing that was made of another log than
    /// this: a server that has such tables is passed over. Refused at once where it can be seen
    /// already that all of them have.
    pub async fn of_log(self, log: OfLog) -> Result<Self, ReadModelError> {
        // Whoever said so first knew it, too.
        let _ = self.log.set(log);
        match self.read(&[], Duration::ZERO).await {
            Err(ReadError::OtherLog { of, log, .. }) => {
                Err(ReadModelError::OtherLog { at: self.url, of, log })
            }
            // Every read looks again.
            _ => Ok(self),
        }
    }

    /// The same read model, whose reads know the log's time: no writer in this process checks the
    /// wall clock.
    #[must_use]
    pub fn with_log_clock(mut self) -> Self {
        self.clock = Some(Arc::new(LogClock::start()));
        self
    }

    /// The log's time in microseconds, where it is kept and the last event was recorded at this
    /// time.
    #[must_use]
    pub fn log_time(&self, recorded_at: i64) -> Option<i64> {
        self.clock.as_ref().map(|clock| clock.now(recorded_at))
    }

    /// The same read model for those who can do with tables that are still being made from
    /// nothing.
    #[must_use]
    pub fn also_incomplete(mut self) -> Self {
        self.also_incomplete = true;
        self
    }

    /// The replicas and how each is; none where there is none.
    #[must_use]
    pub fn replicas(&self) -> Vec<(&str, ServerStatus)> {
        let replicas = self.servers.iter().filter(|server| server.is_replica);
        replicas.map(|server| (server.name.as_str(), server.status())).collect()
    }

    /// Closes the connections. Closed before the projector's, they leave a file's the last one,
    /// which moves all that is written into the one file.
    pub async fn close(&self) {
        for server in self.servers.iter() {
            server.close().await;
        }
    }

    /// Begins to read tables that contain every one of these places, which it waits for.
    pub async fn read(&self, wanted: &[Place], wait_max: Duration) -> Result<Reading, ReadError> {
        self.seek(wanted, wait_max, &Begin).await
    }

    /// Likewise, but with one statement, whose first table is `checkpoint`. Some of its rows have
    /// the columns of [`AsOf`], which are null in all others.
    pub async fn read_once<T: RowOf>(
        &self,
        wanted: &[Place],
        wait_max: Duration,
        query: Query,
        arguments: &[Argument<'_>],
    ) -> Result<SingleRead<T>, ReadError> {
        self.seek(wanted, wait_max, &Look { query, arguments, _row: PhantomData }).await
    }

    /// The changes that the projector reports, where it runs in this process and one server has the
    /// tables.
    #[must_use]
    pub const fn changes(&self) -> Option<&LogChanges> {
        self.changes.as_ref()
    }

    /// Waits until the projector in this process, where it does, has come to all of these places.
    pub async fn wait_for(&self, wanted: &[Place], wait_max: Duration) -> Result<(), ReadError> {
        self.wait_until(wanted, Instant::now() + wait_max).await
    }

    /// Follows a warehouse's messages in a partition, as all do who follow any: with one reader.
    #[must_use]
    pub fn follow(&self, warehouse: &str, partition: Partition) -> Following {
        self.ends.follow(warehouse, partition)
    }

    async fn wait_until(&self, wanted: &[Place], deadline: Instant) -> Result<(), ReadError> {
        // No server is ahead of the projector in this process.
        for place in wanted {
            if let Some(position) = self.positions.get(usize::from(place.partition.0)) {
                let reached = watch_for(position.clone(), place.position, deadline).await;
                if reached < place.position {
                    return Err(behind(*place, reached));
                }
            }
        }
        Ok(())
    }

    /// Waits for the projector in this process to come to where the log was at the start; most
    /// often that takes milliseconds.
    async fn wait_to_be_complete(&self, deadline: Instant) {
        let ends: Vec<Place> = self.log.get().map(OfLog::ends).unwrap_or_default();
        for place in ends {
            if let Some(position) = self.positions.get(usize::from(place.partition.0)) {
                watch_for(position.clone(), place.position, deadline).await;
            }
        }
    }

    async fn seek<A: Ask>(
        &self,
        wanted: &[Place],
        wait_max: Duration,
        ask: &A,
    ) -> Result<A::Answer, ReadError> {
        let begun = Instant::now();
        let deadline = begun + wait_max;
        self.wait_until(wanted, deadline).await?;
        if !self.also_incomplete && !self.is_complete.load(Ordering::Relaxed) {
            self.wait_to_be_complete(deadline).await;
        }
        let patient_until = begun + wait_max / 2;
        let mut waiting = None;
        loop {
            let is_patient = Instant::now() < patient_until;
            let refused = match self.ask(wanted, is_patient, ask).await {
                Ok(answer) => return Ok(answer),
                Err(refused) => refused,
            };
            if wanted.is_empty() || Instant::now() >= deadline {
                return Err(refused);
            }
            let waiting = waiting.get_or_insert_with(|| self.polls.wait());
            tokio::time::sleep(POLL_INTERVAL).await;
            // Those who can do with incomplete tables need no more than the places.
            let log = self.log.get().filter(|_| !self.also_incomplete);
            if is_patient {
                waiting.until_reached(&[best_of(&self.servers)], wanted, log, patient_until).await;
            } else {
                let all: Vec<usize> = (0..self.servers.len()).collect();
                waiting.until_reached(&all, wanted, log, deadline).await;
            }
        }
    }

    /// Asks one server after the other, the best first; a patient reader only until one answers.
    async fn ask<A: Ask>(
        &self,
        wanted: &[Place],
        is_patient: bool,
        ask: &A,
    ) -> Result<A::Answer, ReadError> {
        let mut refused = None;
        for server in best_first(&self.servers) {
            let mut answer = match ask.ask(server).await {
                Ok(answer) => answer,
                Err(error) => {
                    refused = Some(ReadError::Unreachable(error).or_rather(refused));
                    continue;
                }
            };
            let as_of = A::as_of(&mut answer);
            if let Err(error) = self.check(server, as_of) {
                refused = Some(error.or_rather(refused));
                server.renew().await;
                continue;
            }
            // Another log has another time.
            as_of.note_log_time(self.log_time(as_of.recorded_at()));
            let missing = wanted.iter().find(|place| as_of.reached(place) < place.position);
            let Some(missing) = missing else { return Ok(answer) };
            refused = Some(behind(*missing, as_of.reached(missing)));
            // A file that was replaced comes no further.
            if !server.renew().await && is_patient {
                break;
            }
        }
        Err(refused.unwrap_or(ReadError::Unreachable(sqlx::Error::PoolClosed)))
    }

    /// Whether the tables of a server may be read: they are of this log, and hold all that the log
    /// did when this process started.
    fn check(&self, server: &Server, as_of: &AsOf) -> Result<(), ReadError> {
        server.check(as_of, self.log.get())?;
        let Some(log) = self.log.get() else { return Ok(()) };
        match log.missing(as_of) {
            Some(missing) if !self.also_incomplete => Err(behind(missing, as_of.reached(&missing))),
            Some(_) => Ok(()),
            None => {
                self.is_complete.store(true, Ordering::Relaxed);
                Ok(())
            }
        }
    }
}

/// What is asked of a server.
trait Ask: Sync {
    type Answer: Send;

    fn ask(
        &self,
        server: &Server,
    ) -> impl Future<Output = Result<Self::Answer, sqlx::Error>> + Send;

    fn as_of(answer: &mut Self::Answer) -> &mut AsOf;
}

/// To begin a read.
struct Begin;

impl Ask for Begin {
    type Answer = Reading;

    async fn ask(&self, server: &Server) -> Result<Reading, sqlx::Error> {
        server.begin().await
    }

    fn as_of(reading: &mut Reading) -> &mut AsOf {
        reading.as_of_mut()
    }
}

/// To answer one statement.
struct Look<'a, T> {
    query: Query,
    arguments: &'a [Argument<'a>],
    _row: PhantomData<fn() -> T>,
}

impl<T: RowOf> Ask for Look<'_, T> {
    type Answer = SingleRead<T>;

    async fn ask(&self, server: &Server) -> Result<SingleRead<T>, sqlx::Error> {
        server.read_one(self.query, self.arguments).await
    }

    fn as_of(read: &mut SingleRead<T>) -> &mut AsOf {
        &mut read.as_of
    }
}

/// The servers in the order in which reads ask them.
fn best_first(servers: &[Server]) -> Vec<&Server> {
    let mut servers: Vec<&Server> = servers.iter().collect();
    servers.sort_by_key(|server| server.status());
    servers
}

/// The number of the first of them.
fn best_of(servers: &[Server]) -> usize {
    // Of equals the first; there is always one.
    let statuses = servers.iter().map(Server::status).enumerate();
    statuses.min_by_key(|(_, status)| *status).map_or(0, |(number, _)| number)
}

const fn behind(wanted: Place, reached: Position) -> ReadError {
    let reached = Place { partition: wanted.partition, position: reached };
    ReadError::Behind { wanted, reached }
}

async fn watch_for(
    mut position: watch::Receiver<Position>,
    wanted: Position,
    deadline: Instant,
) -> Position {
    let reached = position.wait_for(|position| *position >= wanted);
    if let Ok(Ok(position)) = tokio::time::timeout_at(deadline, reached).await {
        return *position;
    }
    *position.borrow()
}
