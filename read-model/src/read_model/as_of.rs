//! As of which event something was read.

use std::fmt;

use domain::AccountId;
use log_record::{Generation, LogId, Partition, Place, Position};
use uuid::Uuid;

/// As of which event of each partition something was read.
#[derive(Clone, Debug, Default)]
pub struct AsOf {
    progress: Vec<Progress>,
    log_time: Option<i64>,
}

/// How far a partition is projected: the columns of `checkpoint` that every read begins with.
#[derive(Clone, Debug, PartialEq, sql_macros::FromRow)]
pub(super) struct Progress {
    partition: i64,
    generation: i64,
    position: i64,
    recorded_at: i64,
    clock: Option<String>,
    log_id: Vec<u8>,
    stopped_at: Option<i64>,
}

impl AsOf {
    pub(super) const fn of(progress: Vec<Progress>) -> Self {
        Self { progress, log_time: None }
    }

    pub(super) const fn note_log_time(&mut self, now: Option<i64>) {
        self.log_time = now;
    }

    /// How far the partition of a place is projected.
    #[must_use]
    pub fn reached(&self, place: &Place) -> Position {
        let partition = i64::from(place.partition.0);
        let found = self.progress.iter().find(|progress| progress.partition == partition);
        Position(found.map(|progress| progress.position).unwrap_or_default().cast_unsigned())
    }

    /// Where the partition with this number is projected to.
    #[must_use]
    pub fn position(&self, partition: Partition) -> Position {
        self.reached(&Place { partition, position: Position::START })
    }

    /// Where each partition is projected to.
    pub(super) fn positions(&self) -> impl Iterator<Item = (Partition, Position)> {
        self.progress.iter().map(|progress| {
            // The projector writes the numbers of partitions only.
            let partition = Partition(u16::try_from(progress.partition).unwrap_or_default());
            (partition, Position(progress.position.cast_unsigned()))
        })
    }

    /// Whether both are as of the same events of the same history.
    pub(super) fn is_at(&self, other: &Self) -> bool {
        self.progress == other.progress
    }

    /// Of which log the partition's events are, and of which history of it.
    #[must_use]
    pub fn history(&self, partition: Partition) -> Option<(LogId, Generation)> {
        let number = i64::from(partition.0);
        self.progress.iter().find(|at| at.partition == number).map(Progress::history)
    }

    /// How far the partition is projected that an account lives in.
    #[must_use]
    pub fn position_of(&self, account_id: &AccountId) -> Position {
        self.position(self.partition_of(account_id))
    }

    /// The partition that an account lives in.
    #[must_use]
    pub fn partition_of(&self, account_id: &AccountId) -> Partition {
        account_id.partition(u16::try_from(self.progress.len()).unwrap_or(u16::MAX))
    }

    /// The log's partitions.
    pub fn partitions(&self) -> impl Iterator<Item = Partition> {
        self.positions().map(|(partition, _)| partition)
    }

    /// Which log the events are of; of none before a projector has begun.
    #[must_use]
    pub fn log_id(&self) -> Option<LogId> {
        self.log_ids().next()
    }

    /// Whether the log has this partition.
    #[must_use]
    pub fn has(&self, partition: Partition) -> bool {
        self.progress.iter().any(|progress| progress.partition == i64::from(partition.0))
    }

    /// Whether anything was projected.
    pub(super) const fn has_begun(&self) -> bool {
        !self.progress.is_empty()
    }

    /// Which log each partition is of.
    pub(super) fn log_ids(&self) -> impl Iterator<Item = LogId> {
        self.progress.iter().map(|at| at.history().0)
    }

    /// In which generation each partition is, and up to where.
    pub(super) fn generations(&self) -> impl Iterator<Item = (Generation, Place)> {
        self.progress
            .iter()
            .zip(self.positions())
            .map(|(at, (partition, position))| (at.history().1, Place { partition, position }))
    }

    /// Whether the projection of a partition has stopped at an event that can't be applied.
    pub(super) fn is_stopped(&self, partition: Partition) -> bool {
        let partition = i64::from(partition.0);
        self.progress.iter().any(|at| at.partition == partition && at.stopped_at.is_some())
    }

    /// Generation and position of each partition.
    pub(super) fn progress(&self) -> impl Iterator<Item = (i64, (i64, i64))> {
        self.progress.iter().map(|at| (at.partition, (at.generation, at.position)))
    }

    /// When the last event was recorded, in microseconds.
    #[must_use]
    pub fn recorded_at(&self) -> i64 {
        self.progress.iter().map(|progress| progress.recorded_at).max().unwrap_or_default()
    }

    /// The log's time when it was read, in microseconds, where no writer in this process checks the
    /// wall clock.
    #[must_use]
    pub const fn log_time(&self) -> Option<i64> {
        self.log_time
    }

    /// The clock of the log, once its first event is projected. Where one partition's is doubted,
    /// the log's is.
    #[must_use]
    pub fn clock(&self) -> Option<&str> {
        let clocks = self.progress.iter().filter_map(|progress| progress.clock.as_deref());
        clocks.min_by_key(|clock| match *clock {
            "doubted" => 0,
            "commands" => 1,
            _ => 2,
        })
    }
}

impl Progress {
    /// From a file's row, in the order of the statement's columns.
    pub(super) fn of_file(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            partition: row.get(0)?,
            generation: row.get(1)?,
            position: row.get(2)?,
            recorded_at: row.get(3)?,
            clock: row.get(4)?,
            log_id: row.get(5)?,
            stopped_at: row.get(6)?,
        })
    }

    fn history(&self) -> (LogId, Generation) {
        // What is no id is no log's.
        let log_id = Uuid::from_slice(&self.log_id).unwrap_or_default();
        (LogId(log_id), Generation(self.generation.try_into().unwrap_or_default()))
    }
}

/// The last place of each partition, with commas between them: `0:42,1:7`.
impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self
            .progress
            .iter()
            .map(|Progress { partition, position, .. }| format!("{partition}:{position}"));
        f.write_str(&places.collect::<Vec<_>>().join(","))
    }
}
