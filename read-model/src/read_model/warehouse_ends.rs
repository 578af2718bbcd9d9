//! Where each warehouse's messages end, read once for all who follow them, and by nobody while
//! nobody follows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::select_all;
use log_record::{Generation, LogId, PackedPlace, Partition, Position};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::of_log::OfLog;
use super::reading::{CHECKPOINT, Query};
use super::server::{Server, too_late};
use super::single_read::{NoColumns, SingleRead};
use super::{POLL_INTERVAL, ReadError, best_first};

const ENDS: Query = Query::same(include_str!("../sql/list_warehouse_ends.sql"));

/// The pause after a read that failed, and the longest one beside a projector that does nothing.
const REST: Duration = Duration::from_secs(1);

/// How long one server may take to say where the ends are. One that is frozen never does.
const READ_MAX: Duration = Duration::from_secs(10);

/// How far each partition was read, and in which history.
type Known = BTreeMap<Partition, (Option<(LogId, Generation)>, Position)>;

/// The ends of all warehouses' messages, by partition.
#[derive(Debug)]
pub(super) struct WarehouseEnds {
    followers: watch::Sender<usize>,
    ends: Mutex<BTreeMap<(Partition, String), watch::Sender<Position>>>,
    /// How often the tables were found to have gone back, as after a fork.
    era: AtomicU64,
}

/// Follows one warehouse's messages in a partition. It is woken by them alone.
#[derive(Debug)]
pub struct Following {
    all: Arc<WarehouseEnds>,
    end: watch::Receiver<Position>,
}

impl Following {
    /// The end of the messages, once it is after a position.
    pub async fn past(&mut self, seen: Position) -> Position {
        let end = self.end.wait_for(|end| *end > seen).await.map(|end| *end);
        match end {
            Ok(end) => end,
            // The sender is in `all`.
            Err(_) => std::future::pending().await,
        }
    }

    /// What was read in another era may be of another history.
    #[must_use]
    pub fn era(&self) -> u64 {
        self.all.era.load(Ordering::Acquire)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.all.followers.send_modify(|followers| *followers -= 1);
    }
}

impl WarehouseEnds {
    pub(super) fn new() -> Self {
        Self { followers: watch::Sender::new(0), ends: Mutex::default(), era: AtomicU64::new(0) }
    }

    pub(super) fn follow(self: &Arc<Self>, warehouse: &str, partition: Partition) -> Following {
        let end = {
            let mut ends = self.ends.lock();
            // What has no messages and is followed by nobody is as if it weren't there.
            ends.retain(|_, end| end.receiver_count() > 0 || *end.borrow() > Position::START);
            let end = ends.entry((partition, warehouse.to_owned()));
            end.or_insert_with(|| watch::Sender::new(Position::START)).subscribe()
        };
        self.followers.send_modify(|followers| *followers += 1);
        Following { all: Arc::clone(self), end }
    }

    /// Never ends by itself. `positions` are those of the projector in this process, where it keeps
    /// the only server.
    pub(super) async fn keep_reading(
        self: Arc<Self>,
        servers: Arc<[Server]>,
        log: Arc<OnceLock<OfLog>>,
        mut positions: Vec<watch::Receiver<Position>>,
    ) {
        let mut followers = self.followers.subscribe();
        let mut known = Known::new();
        let mut has_failed = false;
        // The sender is in `self`.
        while followers.wait_for(|followers| *followers > 0).await.is_ok() {
            for position in &mut positions {
                position.mark_unchanged();
            }
            let read = self.read_any(&servers, log.get(), &mut known).await;
            if let Err(error) = &read {
                if !has_failed {
                    let error = error as &dyn std::error::Error;
                    tracing::warn!(error, "can't look for new messages for followers");
                }
                sleep(REST).await;
            }
            has_failed = read.is_err();
            sleep(POLL_INTERVAL).await;
            if !positions.is_empty() {
                let moved = positions.iter_mut().map(|position| Box::pin(position.changed()));
                drop(timeout(REST, select_all(moved)).await);
            }
            if *followers.borrow() == 0 {
                // An end of another history would wake those who come next for nothing.
                known.clear();
                self.forget(None);
            }
        }
    }

    /// Asks one server after the other, the best first, until one can be read.
    async fn read_any(
        &self,
        servers: &[Server],
        log: Option<&OfLog>,
        known: &mut Known,
    ) -> Result<(), ReadError> {
        let mut refused = None;
        for server in best_first(servers) {
            let read = timeout(READ_MAX, self.read(server, log, known)).await;
            match read.unwrap_or_else(|_| Err(ReadError::Unreachable(too_late()))) {
                Ok(()) => return Ok(()),
                Err(error) => refused = Some(error.or_rather(refused)),
            }
            server.renew().await;
        }
        Err(refused.unwrap_or(ReadError::Unreachable(sqlx::Error::PoolClosed)))
    }

    /// Reads the ends that have moved since `known`.
    async fn read(
        &self,
        server: &Server,
        log: Option<&OfLog>,
        known: &mut Known,
    ) -> Result<(), ReadError> {
        let looked = server.read_one::<NoColumns>(CHECKPOINT, &[]).await;
        let SingleRead { as_of, .. } = looked.map_err(ReadError::Unreachable)?;
        server.check(&as_of, log)?;
        let is_known =
            |(partition, at)| known.get(&partition) == Some(&(as_of.history(partition), at));
        if as_of.positions().all(is_known) {
            return Ok(());
        }
        let mut reading = server.begin().await.map_err(ReadError::Unreachable)?;
        let as_of = reading.as_of().clone();
        server.check(&as_of, log)?;
        for (partition, position) in as_of.positions() {
            let history = as_of.history(partition);
            let mut from = Position::START;
            if let Some((of, at)) = known.get(&partition) {
                // Tables of another history may be further, and have other ends before there.
                if *of == history && *at <= position {
                    from = *at;
                } else {
                    self.era.fetch_add(1, Ordering::AcqRel);
                    self.forget(Some(partition));
                }
            }
            let span = [from, position].map(|at| PackedPlace::new(partition, at).as_i64().into());
            let ends: Result<Vec<(String, i64)>, _> = reading.all(ENDS, &span).await;
            let ends = ends.map_err(ReadError::Unreachable)?;
            for (warehouse, place) in ends {
                self.note(partition, warehouse, PackedPlace::from_i64(place).position());
            }
            known.insert(partition, (history, position));
        }
        Ok(())
    }

    fn note(&self, partition: Partition, warehouse: String, end: Position) {
        let mut ends = self.ends.lock();
        let known = ends.entry((partition, warehouse));
        known.or_insert_with(|| watch::Sender::new(Position::START)).send_replace(end);
    }

    /// As if a partition, or each of them, had no messages.
    fn forget(&self, partition: Option<Partition>) {
        let ends = self.ends.lock();
        let forgotten = ends.iter().filter(|((of, _), _)| partition.is_none_or(|it| it == *of));
        for (_, end) in forgotten {
            end.send_replace(Position::START);
        }
    }
}
