//! The operations of every store.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log_record::{
    Checksum, Epoch, Generation, Head, LogId, Partition, Place, Position, RecordedEvent, WriterId,
};

#[cfg(feature = "kurrent")]
use crate::KurrentStore;
use crate::archive::Archive;
use crate::check::{MISSING, check_generations, check_rows};
use crate::recent::Recent;
use crate::{
    ApiKeyChange, ApiKeyRow, Append, AppendError, AppendLimit, ArchivedRange, Follower, Landed,
    MemoryStore, PostgresStore, SqliteStore, StoreError, StoreUrl, Unlanded, postgres,
};

/// The most events that one read gives, about 8 MB of them; a larger limit is cut to this.
pub const READ_EVENTS_MAX: usize = 16_384;

/// How long until a store is asked again that may have shown an old end.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// A log. Cloning gives another handle to the same one.
///
/// Every store promises:
/// - Positions in a partition are dense, from 1; an append lands whole or not at all.
/// - An append lands only after the expected position and in the writer's epoch, and it is durable
///   before it is answered.
/// - Repeated reads return the same events, to everyone, until a fork is declared.
/// - A read gives intact events without a gap, or an error that says which one is damaged.
#[derive(Clone, Debug)]
pub enum EventStore {
    /// In this process's memory.
    Memory(MemoryStore),
    /// In a SQLite file.
    Sqlite(SqliteStore),
    /// In PostgreSQL.
    Postgres(PostgresStore),
    /// In KurrentDB.
    #[cfg(feature = "kurrent")]
    Kurrent(KurrentStore),
}

/// Whether a process may append. Any number of processes may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Append and read; creates a missing log.
    Write(NewLog),
    /// Fill a log with events that were recorded before; creates a missing log. Nobody else opens
    /// it until [`EventStore::finish_import`].
    Import(NewLog),
    /// Read a log that is there.
    Read,
}

/// What a log is made with, where there is none yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewLog {
    /// Its id.
    pub log_id: LogId,
    /// How many partitions it gets.
    pub partitions: u16,
}

impl EventStore {
    /// Brings the schema at `url` up to date. What is embedded does that when it is opened.
    pub async fn migrate(url: &StoreUrl) -> Result<(), StoreError> {
        match url {
            StoreUrl::Postgres(url) => postgres::migrate(url).await,
            StoreUrl::Sqlite(_) | StoreUrl::Memory => Ok(()),
            #[cfg(feature = "kurrent")]
            StoreUrl::Kurrent(_) => Ok(()),
        }
    }

    /// Chooses how many positions a range takes, in a log in PostgreSQL that isn't opened yet.
    pub async fn choose_range_positions(url: &StoreUrl, positions: u64) -> Result<(), StoreError> {
        match url {
            StoreUrl::Postgres(url) => postgres::choose_range_positions(url, positions).await,
            StoreUrl::Sqlite(_) | StoreUrl::Memory => Ok(()),
            #[cfg(feature = "kurrent")]
            StoreUrl::Kurrent(_) => Ok(()),
        }
    }

    /// Opens the log at `url`.
    pub async fn open(url: &StoreUrl, access: Access) -> Result<Self, StoreError> {
        if matches!(access, Access::Import(_)) && !url.takes_imports() {
            return Err(StoreError::NoImport { log: url.to_string() });
        }
        match url {
            StoreUrl::Sqlite(file) => Ok(Self::Sqlite(SqliteStore::open(file, access).await?)),
            StoreUrl::Postgres(url) => Ok(Self::Postgres(PostgresStore::open(url, access).await?)),
            #[cfg(feature = "kurrent")]
            StoreUrl::Kurrent(url) => Ok(Self::Kurrent(KurrentStore::open(url, access).await?)),
            StoreUrl::Memory => match access {
                Access::Write(new_log) | Access::Import(new_log) => {
                    Ok(Self::Memory(MemoryStore::new(new_log)))
                }
                Access::Read => Err(StoreError::Missing { log: url.to_string() }),
            },
        }
    }

    /// The log's id.
    #[must_use]
    pub fn log_id(&self) -> LogId {
        match self {
            Self::Memory(store) => store.log_id(),
            Self::Sqlite(store) => store.log_id(),
            Self::Postgres(store) => store.log_id(),
            #[cfg(feature = "kurrent")]
            Self::Kurrent(store) => store.log_id(),
        }
    }

    /// How many partitions it has.
    #[must_use]
    pub fn partitions(&self) -> u16 {
        match self {
            Self::Memory(store) => store.partitions(),
            Self::Sqlite(store) => store.partitions(),
            Self::Postgres(store) => store.partitions(),
            #[cfg(feature = "kurrent")]
            Self::Kurrent(store) => store.partitions(),
        }
    }

    /// Makes `writer` the partition's one writer: raises the epoch, so that nothing an earlier
    /// writer sent can land any more.
    pub async fn take_over(
        &self,
        partition: Partition,
        writer: WriterId,
    ) -> Result<Head, StoreError> {
        self.forget_recent(partition);
        match self {
            Self::Memory(store) => store.take_over(partition, writer),
            Self::Sqlite(store) => store.take_over(partition, writer).await,
            Self::Postgres(store) => store.take_over(partition, writer).await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(store) => store.take_over(partition, writer).await,
        }
    }

    /// Raises the epoch if `writer` still owns the partition. Pending appends can't land after
    /// that. Returns the head, which names the last landed batch; `None` if another writer took
    /// over.
    pub async fn resolve_doubt(
        &self,
        partition: Partition,
        writer: WriterId,
    ) -> Result<Option<Head>, StoreError> {
        self.forget_recent(partition);
        match self {
            Self::Memory(store) => store.resolve_doubt(partition, writer),
            Self::Sqlite(store) => store.resolve_doubt(partition, writer).await,
            Self::Postgres(store) => store.resolve_doubt(partition, writer).await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(store) => store.resolve_doubt(partition, writer).await,
        }
    }

    /// Appends all of the events or none, and gives the last one's position and checksum.
    pub async fn append(&self, append: Append) -> Result<Landed, AppendError> {
        only(self.append_together(vec![append]).await)
    }

    /// Appends to several partitions, in the order of these, in one commit where the store can.
    /// Each lands whole or not at all, whatever becomes of the others.
    pub async fn append_together(&self, appends: Vec<Append>) -> Vec<Result<Landed, AppendError>> {
        let (log_id, partitions) = (self.log_id(), partitions_of(&appends));
        let seal = move || appends.into_iter().map(|append| append.seal(log_id)).collect();
        self.append_sealed(&partitions, seal).await
    }

    /// Appends rows as they are: recorded before, elsewhere, or written by an operator's tool.
    pub async fn append_recorded(
        &self,
        append: Append<RecordedEvent>,
    ) -> Result<Position, AppendError> {
        let partition = append.partition;
        check_rows(self.log_id(), partition, append.expected, 0, &append.events)
            .and_then(|()| check_generations(&append.events))
            .map_err(AppendError::InDoubt)?;
        let ended = self.append_sealed(&[partition], move || vec![append]).await;
        only(ended).map(|landed| landed.position)
    }

    async fn append_sealed(
        &self,
        partitions: &[Partition],
        sealed: impl FnOnce() -> Vec<Append<RecordedEvent>> + Send + 'static,
    ) -> Vec<Result<Landed, AppendError>> {
        let ended = match self {
            Self::Memory(store) => {
                let mut ended = vec![];
                for append in sealed() {
                    ended.push(store.append(append).await);
                }
                ended
            }
            Self::Sqlite(store) => store.append(partitions.len(), sealed).await,
            Self::Postgres(store) => store.append(partitions, sealed).await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(store) => store.append(partitions.len(), sealed).await,
        };
        for (partition, ended) in partitions.iter().zip(&ended) {
            self.note_append(*partition, ended);
        }
        ended
    }

    /// Makes certain that the partition still is in this epoch and ends at `position`, so that the
    /// writer may answer a batch without events. Begin it after deciding. (On a standby that lagged
    /// and was promoted, the epoch is the same and the end another.)
    pub async fn confirm(
        &self,
        partition: Partition,
        epoch: Epoch,
        position: Position,
    ) -> Result<(), AppendError> {
        #[cfg(feature = "kurrent")]
        if let Self::Kurrent(store) = self {
            return store.confirm(partition, epoch, position).await;
        }
        self.look(partition, epoch, position).await
    }

    /// Looks whether the partition still is in this epoch and ends at `position`, for a writer that
    /// has nothing to answer: it writes nothing, whatever the store.
    pub async fn look(
        &self,
        partition: Partition,
        epoch: Epoch,
        position: Position,
    ) -> Result<(), AppendError> {
        if let Self::Sqlite(store) = self {
            return store.confirm();
        }
        let unread = |error| AppendError::NotBegun(error, Unlanded::default());
        let head = self.head(partition).await.map_err(unread)?;
        let is_so = (head.epoch, head.position) == (epoch, position);
        if !is_so {
            self.forget_recent(partition);
            return Err(AppendError::Conflict(head));
        }
        Ok(())
    }

    /// Whether nobody else can write while this process holds the log.
    #[must_use]
    pub const fn is_exclusive(&self) -> bool {
        match self {
            // Its lock is held.
            Self::Sqlite(_) => true,
            Self::Memory(_) | Self::Postgres(_) => false,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => false,
        }
    }

    /// The size limit of one append; cut larger batches between commands.
    #[must_use]
    pub fn append_limit(&self) -> AppendLimit {
        match self {
            Self::Memory(store) => store.append_limit(),
            Self::Sqlite(_) | Self::Postgres(_) => AppendLimit::NONE,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(store) => store.append_limit(),
        }
    }

    /// The partition's end.
    pub async fn head(&self, partition: Partition) -> Result<Head, StoreError> {
        match self {
            Self::Memory(store) => store.head(partition),
            Self::Sqlite(store) => store.head(partition).await,
            Self::Postgres(store) => store.head(partition).await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(store) => store.head(partition).await,
        }
    }

    /// The head, retried while a stale store shows an end before `known`.
    pub async fn head_past(
        &self,
        partition: Partition,
        known: Position,
    ) -> Result<Head, StoreError> {
        let until = Instant::now() + self.lag_max();
        loop {
            let head = self.head(partition).await?;
            if head.position >= known || Instant::now() >= until {
                return Ok(head);
            }
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
        }
    }

    /// For how long a read may show an end that is no longer so.
    const fn lag_max(&self) -> Duration {
        match self {
            Self::Memory(_) | Self::Sqlite(_) | Self::Postgres(_) => Duration::ZERO,
            // A leader that was cut off serves reads until it notices, some seconds later.
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Duration::from_secs(10),
        }
    }

    /// The events after `after`, as many as there are, but at most `limit` and
    /// [`READ_EVENTS_MAX`].
    pub async fn read(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let limit = limit.min(READ_EVENTS_MAX);
        let mut archived = vec![];
        loop {
            let (from, room) = (after.plus(archived.len() as u64), limit - archived.len());
            let read = self.read_live(partition, from, room).await;
            let Err(StoreError::CorruptEvent { place, what: MISSING }) = read else {
                archived.extend(read?);
                check_generations(&archived)?;
                return Ok(archived);
            };
            match self.archived_range(place).await? {
                Some(range) if place.position == from.next() => {
                    archived.extend(self.read_archived(range, from, room).await?);
                }
                _ => return read,
            }
        }
    }

    async fn read_live(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        match self {
            Self::Memory(store) => store.read(partition, after, limit).await,
            Self::Sqlite(store) => store.read(partition, after, limit).await,
            Self::Postgres(store) => store.read(partition, after, limit).await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(store) => store.read(partition, after, limit).await,
        }
    }

    /// The event at one place.
    pub async fn read_one(&self, place: Place) -> Result<RecordedEvent, StoreError> {
        let missing = || StoreError::CorruptEvent { place, what: MISSING };
        let before = Position(place.position.0.checked_sub(1).ok_or_else(missing)?);
        self.read(place.partition, before, 1).await?.pop().ok_or_else(missing)
    }

    /// Whether the log has this event, of this generation and with this checksum. One that is older
    /// or shorter than whoever asks knows has another there, or none.
    pub async fn has(
        &self,
        place: Place,
        generation: Generation,
        checksum: Checksum,
    ) -> Result<bool, StoreError> {
        if self.head_past(place.partition, place.position).await?.position < place.position {
            return Ok(false);
        }
        let there = self.read_one(place).await?;
        Ok((there.generation, there.checksum) == (generation, checksum))
    }

    /// Follows a partition from the position after `after` on.
    pub fn follow(&self, partition: Partition, after: Position) -> Result<Follower, StoreError> {
        let appended = self.recent(partition)?.subscribe();
        Ok(Follower::new(self.clone(), partition, after, None, appended))
    }

    /// Follows a partition from the event after one that is known by its checksum. Another event at
    /// that place is a fork; the follower returns an error.
    pub fn follow_from(&self, known: Place, checksum: Checksum) -> Result<Follower, StoreError> {
        let Place { partition, position } = known;
        let checksum = (position > Position::START).then_some(checksum);
        let appended = self.recent(partition)?.subscribe();
        Ok(Follower::new(self.clone(), partition, position, checksum, appended))
    }

    /// What this process has appended to a partition last.
    pub(crate) fn recent(&self, partition: Partition) -> Result<&Arc<Recent>, StoreError> {
        let recent = match self {
            Self::Memory(store) => store.recent(),
            Self::Sqlite(store) => store.recent(),
            Self::Postgres(store) => store.recent(),
            #[cfg(feature = "kurrent")]
            Self::Kurrent(store) => store.recent(),
        };
        recent.get(usize::from(partition.0)).ok_or(StoreError::NoSuchPartition(partition))
    }

    /// After what may have led to another history, or has erased a text.
    pub(crate) fn forget_recent(&self, partition: Partition) {
        if let Ok(recent) = self.recent(partition) {
            recent.forget();
        }
    }

    /// Wakes the followers in this process after an append that landed.
    fn note_append(&self, partition: Partition, appended: &Result<Landed, AppendError>) {
        match (self.recent(partition), appended) {
            (Ok(recent), Ok(landed)) => recent.tell(landed.position),
            (Ok(recent), Err(_)) => recent.forget(),
            (Err(_), _) => {}
        }
    }

    /// The same log, which finds archived events in `folder`.
    #[must_use]
    pub fn with_archive(mut self, folder: PathBuf) -> Self {
        match &mut self {
            Self::Memory(_) => {}
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => {}
            Self::Sqlite(store) => store.archive = Archive::at(folder),
            Self::Postgres(store) => store.archive = Archive::at(folder),
        }
        self
    }

    pub(crate) fn archive(&self) -> Archive {
        match self {
            Self::Memory(_) => Archive::default(),
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Archive::default(),
            Self::Sqlite(store) => store.archive.clone(),
            Self::Postgres(store) => store.archive.clone(),
        }
    }

    /// The archived range that an event is in.
    pub async fn archived_range(&self, place: Place) -> Result<Option<ArchivedRange>, StoreError> {
        match self {
            Self::Memory(_) => Ok(None),
            Self::Sqlite(store) => store.archived_range(place).await,
            Self::Postgres(store) => store.archived_range(place).await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Ok(None),
        }
    }

    /// The API keys beside the log, also those that expired or were revoked, in the order in which
    /// they were made.
    pub async fn api_keys(&self) -> Result<Vec<ApiKeyRow>, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.api_keys()),
            Self::Sqlite(store) => store.api_keys().await,
            Self::Postgres(store) => store.api_keys().await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(store) => store.api_keys().await,
        }
    }

    /// Makes all these changes of API keys or none, durably. A process that only reads the log may
    /// do so, too, beside the writer.
    pub async fn change_api_keys(&self, changes: Vec<ApiKeyChange>) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => store.change_api_keys(&changes),
            Self::Sqlite(store) => store.change_api_keys(changes).await,
            Self::Postgres(store) => store.change_api_keys(changes).await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(store) => store.change_api_keys(changes).await,
        }
    }
}

fn partitions_of(appends: &[Append]) -> Vec<Partition> {
    appends.iter().map(|append| append.partition).collect()
}

/// How the one append of a commit ended.
fn only(mut ended: Vec<Result<Landed, AppendError>>) -> Result<Landed, AppendError> {
    ended.pop().unwrap_or(Err(AppendError::InDoubt(StoreError::Closed)))
}
