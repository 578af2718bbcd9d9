//! The log in KurrentDB (EventStoreDB): a stream for each partition.
//!
//! An append is one call with the revision that it follows: KurrentDB lands it whole or not at all,
//! and only there. Positions are counted apart from revisions, for a stream also holds who may
//! append: taking over and resolving a doubt are entries of the same stream (`epoch-raised`). That
//! is the fence. Whatever an earlier writer sent names a revision that is no longer the last, so it
//! can't land any more, however late it arrives.
//!
//! A read asks the leader. That a head still is the head is asked by an append of no events, which
//! the whole cluster agrees on: a leader that was cut off may answer reads for a while.

mod api_keys;
mod catalogue;
mod client;
mod connection;
mod entry;
mod list;
mod marks;
mod offsets;
mod rounds;
mod stream_error;
mod switches;
mod url;

use std::sync::Arc;

use eventstore::EventData;
use log_record::{Epoch, Generation, Head, LogId, Partition, Position, RecordedEvent, WriterId};
use parking_lot::Mutex as Locked;
use tokio::sync::Mutex;

use crate::append::in_doubt;
use crate::check::check_rows;
use crate::recent::Recent;
use crate::{Access, Append, AppendError, AppendLimit, Landed, NewLog, StoreError};
use connection::{Answer, Connection, ReadAt};
use entry::{Entry, entries, epoch_raised};
use offsets::Offsets;
use rounds::Rounds;

pub use stream_error::StreamError;
pub use url::{KurrentUrl, KurrentUrlError};

/// How many entries are read at once.
const READ_ENTRIES: usize = 4_096;

/// How many entries without a position a read allows for, before it reads on.
const READ_SPARE: usize = 16;

/// A partition that nobody has taken over yet.
const EMPTY: Head = Head {
    position: Position::START,
    epoch: Epoch(0),
    generation: Generation(1),
    writer: None,
    last_batch: None,
};

/// A log in KurrentDB. Cloning gives another handle to the same connection.
#[derive(Clone, Debug)]
pub struct KurrentStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    connection: Connection,
    log_id: LogId,
    access: Access,
    append_bytes: usize,
    partitions: Vec<Stream>,
    /// They wake followers and keep no rows: nothing tells when the client reaches another server.
    recent: Vec<Arc<Recent>>,
}

/// A partition's stream.
#[derive(Debug)]
struct Stream {
    name: String,
    /// Its end as this process left it; nothing where that isn't known.
    end: Mutex<Option<End>>,
    offsets: Locked<Offsets>,
}

/// Where a stream ends.
#[derive(Clone, Copy, Debug)]
struct End {
    head: Head,
    /// Nothing before the first entry.
    revision: Option<u64>,
}

impl KurrentStore {
    /// Opens the log at `url`, as `access` allows.
    pub async fn open(url: &KurrentUrl, access: Access) -> Result<Self, StoreError> {
        let connection = Connection::new(url.settings(), url.credentials());
        let NewLog { log_id, partitions } = catalogue::open(&connection, url, access).await?;
        let stream = |partition| Stream {
            name: partition_stream(log_id, partition),
            end: Mutex::new(None),
            offsets: Locked::default(),
        };
        let recent = Recent::of_log(partitions);
        let partitions = (0..partitions).map(Partition).map(stream).collect();
        let append_bytes = url.append_bytes();
        let shared = Shared { connection, log_id, access, append_bytes, partitions, recent };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub(crate) fn log_id(&self) -> LogId {
        self.shared.log_id
    }

    pub(crate) fn partitions(&self) -> u16 {
        u16::try_from(self.shared.partitions.len()).unwrap_or(u16::MAX)
    }

    pub(crate) fn append_limit(&self) -> AppendLimit {
        AppendLimit::of(self.shared.append_bytes)
    }

    pub(crate) async fn take_over(
        &self,
        partition: Partition,
        writer: WriterId,
    ) -> Result<Head, StoreError> {
        let head = self.raise_epoch(partition, writer, |_| true).await?;
        head.ok_or(StoreError::NoSuchPartition(partition))
    }

    pub(crate) async fn resolve_doubt(
        &self,
        partition: Partition,
        writer: WriterId,
    ) -> Result<Option<Head>, StoreError> {
        self.raise_epoch(partition, writer, |head| head.writer == Some(writer)).await
    }

    /// Makes `writer` the one, if `may` says so of the head at the moment that it is done.
    async fn raise_epoch(
        &self,
        partition: Partition,
        writer: WriterId,
        may: impl Fn(&Head) -> bool,
    ) -> Result<Option<Head>, StoreError> {
        let stream = self.writable(partition)?;
        let mut held = stream.end.lock().await;
        *held = None;
        let mut rounds = Rounds::new(&stream.name);
        loop {
            let end = self.end(partition).await?;
            if !may(&end.head) {
                return Ok(None);
            }
            let epoch = Epoch(end.head.epoch.0 + 1);
            let head = Head { epoch, writer: Some(writer), ..end.head };
            let entry = epoch_raised(&head).map_err(unfit)?;
            let appended = self.send(stream, end.revision, vec![entry]).await?;
            if let Answer::Landed(revision) = appended {
                *held = Some(End { head, revision: Some(revision) });
                return Ok(Some(head));
            }
            rounds.next().await?;
        }
    }

    /// `sealed` gives the rows to append, in a task of its own: meanwhile the next are decided, and
    /// an append that nobody waits for any more goes on all the same.
    pub(crate) async fn append(
        &self,
        appends: usize,
        sealed: impl FnOnce() -> Vec<Append<RecordedEvent>> + Send + 'static,
    ) -> Vec<Result<Landed, AppendError>> {
        let store = self.clone();
        let appended = tokio::spawn(async move {
            let mut ended = vec![];
            for append in sealed() {
                ended.push(store.append_rows(append.partition, append).await);
            }
            ended
        });
        appended.await.unwrap_or_else(|_| in_doubt(StoreError::Closed, appends))
    }

    async fn append_rows(
        &self,
        partition: Partition,
        append: Append<RecordedEvent>,
    ) -> Result<Landed, AppendError> {
        let stream = self.writable(partition).map_err(AppendError::InDoubt)?;
        let mut held = stream.end.lock().await;
        let believed = (append.expected, append.epoch, append.generation);
        let end = self.end_as_believed(partition, &mut held, believed).await?;
        let in_doubt = |error| AppendError::InDoubt(unfit(error));
        let events = entries(&append, end.head.writer).map_err(in_doubt)?;
        // Until it is answered, nothing is known.
        *held = None;
        let answer = self.send(stream, end.revision, events).await.map_err(AppendError::InDoubt)?;
        let Answer::Landed(revision) = answer else {
            return Err(self.moved(partition, &mut held).await);
        };
        let landed = Landed::of(&append, None);
        let head = Head {
            position: landed.position,
            generation: append.next_generation(),
            last_batch: Some(append.batch),
            ..end.head
        };
        *held = Some(End { head, revision: Some(revision) });
        Ok(landed)
    }

    pub(crate) async fn confirm(
        &self,
        partition: Partition,
        epoch: Epoch,
        position: Position,
    ) -> Result<(), AppendError> {
        let stream = self.writable(partition).map_err(AppendError::InDoubt)?;
        let mut held = stream.end.lock().await;
        let generation = held.as_ref().map(|end| end.head.generation);
        let generation = match generation {
            Some(generation) => generation,
            None => self.end(partition).await.map_err(AppendError::InDoubt)?.head.generation,
        };
        let believed = (position, epoch, generation);
        let end = self.end_as_believed(partition, &mut held, believed).await?;
        match self.send(stream, end.revision, vec![]).await.map_err(AppendError::InDoubt)? {
            Answer::Landed(_) => Ok(()),
            Answer::Moved => Err(self.moved(partition, &mut held).await),
        }
    }

    /// The end, where it is as somebody believes it to be: as this process left it, or as it is.
    async fn end_as_believed(
        &self,
        partition: Partition,
        held: &mut Option<End>,
        believed: (Position, Epoch, Generation),
    ) -> Result<End, AppendError> {
        let is_so =
            |end: &End| (end.head.position, end.head.epoch, end.head.generation) == believed;
        if let Some(end) = held.filter(is_so) {
            return Ok(end);
        }
        *held = None;
        let end = self.end(partition).await.map_err(AppendError::InDoubt)?;
        if is_so(&end) { Ok(end) } else { Err(AppendError::Conflict(end.head)) }
    }

    /// Nothing landed, because the stream has moved on.
    async fn moved(&self, partition: Partition, held: &mut Option<End>) -> AppendError {
        *held = None;
        match self.end(partition).await {
            Ok(end) => AppendError::Conflict(end.head),
            Err(error) => AppendError::InDoubt(error),
        }
    }

    async fn send(
        &self,
        stream: &Stream,
        after: Option<u64>,
        events: Vec<EventData>,
    ) -> Result<Answer, StoreError> {
        self.shared.connection.append(&stream.name, after, events).await
    }

    pub(crate) async fn head(&self, partition: Partition) -> Result<Head, StoreError> {
        self.end(partition).await.map(|end| end.head)
    }

    async fn end(&self, partition: Partition) -> Result<End, StoreError> {
        let stream = self.stream(partition)?;
        let last = self.shared.connection.last(&stream.name).await?;
        let Some(last) = last else { return Ok(End { head: EMPTY, revision: None }) };
        let head = match Entry::read(partition, &last) {
            Ok(entry) => entry.head(),
            Err(error) if self.passes_over(&error) => {
                self.head_before(partition, stream, last.revision).await?
            }
            Err(error) => return Err(error.into()),
        };
        Ok(End { head, revision: Some(last.revision) })
    }

    /// The head as the last entry of the ledger's before a revision tells it.
    async fn head_before(
        &self,
        partition: Partition,
        stream: &Stream,
        mut revision: u64,
    ) -> Result<Head, StoreError> {
        while let Some(before) = revision.checked_sub(1) {
            let from = ReadAt::Back(before);
            let entries = self.shared.connection.read(&stream.name, from, READ_SPARE).await?;
            let Some(entries) = entries.filter(|entries| !entries.is_empty()) else { break };
            for entry in &entries {
                match Entry::read(partition, entry) {
                    Ok(entry) => return Ok(entry.head()),
                    Err(error) if self.passes_over(&error) => revision = entry.revision,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(EMPTY)
    }

    /// Nobody can append behind what isn't the ledger's; but who only reads can bring all that is
    /// to another store.
    fn passes_over(&self, error: &StreamError) -> bool {
        self.shared.access == Access::Read && matches!(error, StreamError::Foreign { .. })
    }

    pub(crate) async fn read(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let stream = self.stream(partition)?;
        if limit == 0 || after.0 == u64::MAX {
            return Ok(vec![]);
        }
        let mut events = self.read_entries(partition, stream, after, limit).await?;
        if events.first().is_none_or(|first| first.position() != after.next()) {
            // It is the end, or the stream isn't the one any more that the offsets are of.
            let head = self.end(partition).await?.head;
            if head.position <= after {
                return Ok(vec![]);
            }
            offsets_of(stream, Offsets::forget);
            events = self.read_entries(partition, stream, after, limit).await?;
        }
        check_rows(self.log_id(), partition, after, 1, &events)?;
        Ok(events)
    }

    async fn read_entries(
        &self,
        partition: Partition,
        stream: &Stream,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut revision = offsets_of(stream, |offsets| offsets.earliest(after.next()));
        let mut events: Vec<RecordedEvent> = vec![];
        while events.len() < limit {
            let wanted = (limit - events.len()).saturating_add(READ_SPARE).min(READ_ENTRIES);
            let from = ReadAt::Revision(revision);
            let entries = self.shared.connection.read(&stream.name, from, wanted).await?;
            let entries = entries.unwrap_or_default();
            for entry in &entries {
                let event = match Entry::read(partition, entry) {
                    Ok(Entry::Event { event, .. }) => event,
                    Ok(Entry::EpochRaised(_)) => continue,
                    Err(error) if self.passes_over(&error) => continue,
                    Err(error) => return Err(error.into()),
                };
                offsets_of(stream, |offsets| offsets.note(event.position(), entry.revision));
                if event.position() > after && events.len() < limit {
                    events.push(event);
                }
            }
            match entries.last() {
                Some(last) if entries.len() == wanted => revision = last.revision + 1,
                _ => break,
            }
        }
        Ok(events)
    }

    pub(crate) fn recent(&self) -> &[Arc<Recent>] {
        &self.shared.recent
    }

    fn writable(&self, partition: Partition) -> Result<&Stream, StoreError> {
        match self.shared.access {
            Access::Write(_) => self.stream(partition),
            Access::Read | Access::Import(_) => Err(StoreError::Closed),
        }
    }

    fn stream(&self, partition: Partition) -> Result<&Stream, StoreError> {
        let stream = self.shared.partitions.get(usize::from(partition.0));
        stream.ok_or(StoreError::NoSuchPartition(partition))
    }
}

fn partition_stream(log_id: LogId, partition: Partition) -> String {
    format!("guerdon-{log_id}-{partition}")
}

fn offsets_of<Gives>(stream: &Stream, ask: impl FnOnce(&mut Offsets) -> Gives) -> Gives {
    ask(&mut stream.offsets.lock())
}

/// What can't become an entry.
fn unfit(source: serde_json::Error) -> StoreError {
    let what = "the log in KurrentDB".into();
    StoreError::Kurrent { doing: "write an entry of", what, source: Box::new(source) }
}
