//! Where each warehouse's messages end, read once for all who follow them, and by nobody while
//! nobody follows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::select_all;
use log_record::{PackedPlace, Partition, Position};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::reading::{CHECKPOINT, Query};
use super::server::Server;
use super::single_read::{NoColumns, SingleRead};
use super::{POLL_INTERVAL, best};

const ENDS: Query = Query::same(include_str!("../sql/list_warehouse_ends.sql"));

/// The pause after a read that failed, and the longest one beside a projector that does nothing.
const REST: Duration = Duration::from_secs(1);

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
        mut positions: Vec<watch::Receiver<Position>>,
    ) {
        let mut followers = self.followers.subscribe();
        let mut known = BTreeMap::new();
        // The sender is in `self`.
        while followers.wait_for(|followers| *followers > 0).await.is_ok() {
            for position in &mut positions {
                position.mark_unchanged();
            }
            if let Err(error) = self.read(best(&servers), &mut known).await {
                tracing::debug!(%error, "the ends of the warehouses' messages can't be read");
                sleep(REST).await;
            }
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

    /// Reads the ends that have moved since `known`.
    async fn read(
        &self,
        server: &Server,
        known: &mut BTreeMap<Partition, Position>,
    ) -> Result<(), sqlx::Error> {
        let SingleRead { as_of, .. } = server.read_one::<NoColumns>(CHECKPOINT, &[]).await?;
        if as_of.positions().all(|(partition, at)| known.get(&partition) == Some(&at)) {
            return Ok(());
        }
        let mut reading = server.begin().await?;
        let positions: Vec<(Partition, Position)> = reading.as_of().positions().collect();
        for (partition, position) in positions {
            let mut from = known.get(&partition).copied().unwrap_or(Position::START);
            if from > position {
                self.era.fetch_add(1, Ordering::AcqRel);
                self.forget(Some(partition));
                from = Position::START;
            }
            let span = [from, position].map(|at| PackedPlace::new(partition, at).as_i64().into());
            let ends: Vec<(String, i64)> = reading.all(ENDS, &span).await?;
            for (warehouse, place) in ends {
                self.note(partition, warehouse, PackedPlace::from_i64(place).position());
            }
            known.insert(partition, position);
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
