//! The plainest store: vectors behind a lock. The other stores are held to what it does.
//!
//! It keeps nothing when the process ends. It is the one store that can be told to fail, and how,
//! so that tests and simulations reach what a real disk does once in years.

mod erasures;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use log_record::{
    Epoch, Generation, Head, LogId, Partition, Position, RecordedEvent, UnrecordedCall,
    UnrecordedCalls, WriterId,
};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Semaphore;

use crate::check::check_rows;
use crate::messages::{Indexed, MessageRow, rows_of};
use crate::recent::Recent;
use crate::{
    ApiKeyChange, ApiKeyRow, Append, AppendError, AppendLimit, CodeKey, Erasure, Landed,
    MarkChange, MarkRow, NewLog, StoreError, SwitchChange, SwitchTurnRow, Unlanded,
};

/// A log in memory.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    new_log: NewLog,
    shared: Arc<Shared>,
}

/// How the memory store can be told to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The append doesn't begin.
    NotBegun,
    /// The append doesn't begin, for a reason that trying again doesn't mend.
    Refused,
    /// The append doesn't land, and its answer is lost.
    NotLanded,
    /// The append lands, and its answer is lost.
    Landed,
    /// The append's answer is lost, and it tries to land later: when the doubt is resolved.
    LandsLate,
}

#[derive(Debug)]
struct Shared {
    log: Mutex<Log>,
    recent: Vec<Arc<Recent>>,
    /// Has no permit while appends are held.
    may_append: Semaphore,
    /// Has no permit while reads are held.
    may_read: Semaphore,
}

#[derive(Debug)]
struct Log {
    partitions: Vec<PartitionLog>,
    /// By source, destination and number.
    messages: BTreeMap<(Partition, Partition, u64), Position>,
    keys: Vec<ApiKeyRow>,
    code_key: CodeKey,
    marks: Vec<MarkRow>,
    turns: Vec<SwitchTurnRow>,
    /// The oldest first.
    calls: Vec<UnrecordedCall>,
    erasures: Vec<Erasure>,
    faults: VecDeque<Fault>,
    /// Whether no append begins.
    is_locked: bool,
    late: Vec<Append<RecordedEvent>>,
    limit: AppendLimit,
    largest: usize,
}

#[derive(Debug)]
struct PartitionLog {
    head: Head,
    events: Vec<RecordedEvent>,
}

impl MemoryStore {
    /// An empty log.
    #[must_use]
    pub fn new(new_log: NewLog) -> Self {
        let partitions = (0..new_log.partitions).map(|_| PartitionLog::new()).collect();
        let log = Log {
            partitions,
            messages: BTreeMap::new(),
            keys: vec![],
            code_key: CodeKey::random(),
            marks: vec![],
            turns: vec![],
            calls: vec![],
            erasures: vec![],
            faults: VecDeque::new(),
            is_locked: false,
            late: vec![],
            limit: AppendLimit::NONE,
            largest: 0,
        };
        let log = Mutex::new(log);
        let recent = Recent::of_log(new_log.partitions);
        let (may_append, may_read) = (Semaphore::new(1), Semaphore::new(1));
        Self { new_log, shared: Arc::new(Shared { log, recent, may_append, may_read }) }
    }

    /// The next append that no earlier fault takes fails this way.
    pub fn fail_next_append(&self, fault: Fault) {
        self.log().faults.push_back(fault);
    }

    /// Appends wait from now on, until [`MemoryStore::release_appends`].
    pub fn hold_appends(&self) {
        self.shared.may_append.forget_permits(1);
    }

    /// Appends that wait go on.
    pub fn release_appends(&self) {
        self.shared.may_append.add_permits(1);
    }

    /// Reads of events wait from now on, until [`MemoryStore::release_reads`].
    pub fn hold_reads(&self) {
        self.shared.may_read.forget_permits(1);
    }

    /// Reads that wait go on.
    pub fn release_reads(&self) {
        self.shared.may_read.add_permits(1);
    }

    /// No append begins from now on, as while another process holds the log's lock, until
    /// [`MemoryStore::unlock`].
    pub fn lock(&self) {
        self.log().is_locked = true;
    }

    /// Appends begin again.
    pub fn unlock(&self) {
        self.log().is_locked = false;
    }

    /// Appends of more than this are refused from now on, as a server does that has a limit.
    pub fn limit_appends(&self, limit: AppendLimit) {
        self.log().limit = limit;
    }

    /// The texts of the largest append that was tried, in bytes.
    #[must_use]
    pub fn largest_append(&self) -> usize {
        self.log().largest
    }

    /// Loses a partition's last events, as a server does that lagged behind the one whose place it
    /// takes.
    pub fn lose_tail(&self, at: Partition, events: usize) {
        let mut log = self.log();
        if let Ok(partition) = log.partition(at) {
            let kept = partition.events.len().saturating_sub(events);
            partition.events.truncate(kept);
            let end = Position(kept as u64);
            (partition.head.position, partition.head.last_batch) = (end, None);
            log.messages.retain(|(from, ..), position| *from != at || *position <= end);
        }
    }

    pub(crate) const fn log_id(&self) -> LogId {
        self.new_log.log_id
    }

    pub(crate) const fn partitions(&self) -> u16 {
        self.new_log.partitions
    }

    pub(crate) fn append_limit(&self) -> AppendLimit {
        self.log().limit
    }

    pub(crate) fn take_over(&self, at: Partition, writer: WriterId) -> Result<Head, StoreError> {
        let mut log = self.log();
        let partition = log.partition(at)?;
        partition.head.epoch = Epoch(partition.head.epoch.0 + 1);
        partition.head.writer = Some(writer);
        Ok(partition.head)
    }

    pub(crate) fn resolve_doubt(
        &self,
        at: Partition,
        writer: WriterId,
    ) -> Result<Option<Head>, StoreError> {
        let mut log = self.log();
        for late in std::mem::take(&mut log.late) {
            // It may lose against what has happened since, as it would on a server.
            drop(log.land(late));
        }
        let partition = log.partition(at)?;
        if partition.head.writer != Some(writer) {
            return Ok(None);
        }
        partition.head.epoch = Epoch(partition.head.epoch.0 + 1);
        Ok(Some(partition.head))
    }

    pub(crate) async fn append(
        &self,
        append: Append<RecordedEvent>,
    ) -> Result<Landed, AppendError> {
        let permit = self.shared.may_append.acquire().await;
        drop(permit.map_err(|_| AppendError::InDoubt(StoreError::Closed))?);
        let mut log = self.log();
        if log.limit.fitting_rows(&append.events) < append.events.len() {
            return Err(AppendError::InDoubt(StoreError::Injected));
        }
        log.largest = log.largest.max(append.text_bytes());
        let fault = if log.is_locked { Some(Fault::NotBegun) } else { log.faults.pop_front() };
        match fault {
            None => return self.land(&mut log, append),
            Some(Fault::NotBegun) => {
                let rows = Unlanded(append.events);
                return Err(AppendError::NotBegun(StoreError::Injected, rows));
            }
            Some(Fault::Refused) => {
                return Err(AppendError::NotBegun(StoreError::Closed, Unlanded(append.events)));
            }
            Some(Fault::NotLanded) => {}
            Some(Fault::Landed) => {
                log.land(append)?;
            }
            Some(Fault::LandsLate) => log.late.push(append),
        }
        Err(AppendError::InDoubt(StoreError::Injected))
    }

    pub(crate) fn head(&self, at: Partition) -> Result<Head, StoreError> {
        self.log().partition(at).map(|partition| partition.head)
    }

    pub(crate) fn heads(&self) -> Result<Vec<(Partition, Head)>, StoreError> {
        let mut log = self.log();
        let partitions = (0..self.partitions()).map(Partition);
        partitions.map(|at| Ok((at, log.partition(at)?.head))).collect()
    }

    pub(crate) async fn read(
        &self,
        at: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        drop(self.shared.may_read.acquire().await.map_err(|_| StoreError::Closed)?);
        let mut log = self.log();
        let partition = log.partition(at)?;
        let skipped = usize::try_from(after.0).unwrap_or(usize::MAX);
        let events: Vec<_> = partition.events.iter().skip(skipped).take(limit).cloned().collect();
        check_rows(self.log_id(), at, after, 0, &events)?;
        Ok(events)
    }

    /// What lands is known to be durable, unless the answer is lost.
    fn land(&self, log: &mut Log, append: Append<RecordedEvent>) -> Result<Landed, AppendError> {
        let (at, rows) = (append.partition, append.events.clone());
        let landed = log.land(append)?;
        if let Some(recent) = self.shared.recent.get(usize::from(at.0)) {
            recent.keep(rows);
        }
        Ok(landed)
    }

    /// The rows of the index from a number on, with their events.
    pub(crate) async fn read_messages(
        &self,
        from: Partition,
        to: Partition,
        first: u64,
        limit: usize,
    ) -> Result<Vec<Indexed>, StoreError> {
        drop(self.shared.may_read.acquire().await.map_err(|_| StoreError::Closed)?);
        let Log { partitions, messages, .. } = &*self.log();
        let partition = partitions.get(usize::from(from.0));
        let events = &partition.ok_or(StoreError::NoSuchPartition(from))?.events;
        let rows = messages.range((from, to, first)..=(from, to, u64::MAX)).take(limit);
        let indexed = rows.map(|((_, to, number), position)| {
            let at = usize::try_from(position.0).ok().and_then(|at| at.checked_sub(1));
            let event = at.and_then(|at| events.get(at)).cloned();
            Indexed { row: MessageRow { to: *to, number: *number, position: *position }, event }
        });
        Ok(indexed.collect())
    }

    pub(crate) fn recent(&self) -> &[Arc<Recent>] {
        &self.shared.recent
    }

    pub(crate) fn api_keys(&self) -> Vec<ApiKeyRow> {
        self.log().keys.clone()
    }

    pub(crate) fn code_key(&self) -> Option<CodeKey> {
        Some(self.log().code_key)
    }

    pub(crate) fn set_code_key(&self, key: CodeKey) {
        self.log().code_key = key;
    }

    /// Makes all changes or none.
    pub(crate) fn change_api_keys(&self, changes: &[ApiKeyChange]) -> Result<(), StoreError> {
        let log = &mut self.log();
        let mut keys = log.keys.clone();
        changes.iter().try_for_each(|change| change.apply(&mut keys))?;
        log.keys = keys;
        Ok(())
    }

    pub(crate) fn marks(&self) -> Vec<MarkRow> {
        self.log().marks.clone()
    }

    pub(crate) fn change_mark(&self, change: &MarkChange) {
        change.apply(&mut self.log().marks);
    }

    pub(crate) fn switch_turns(&self) -> Vec<SwitchTurnRow> {
        self.log().turns.clone()
    }

    pub(crate) fn change_switch(&self, change: &SwitchChange) -> bool {
        change.apply(&mut self.log().turns)
    }

    pub(crate) fn unrecorded_calls(&self, asked: &UnrecordedCalls) -> Vec<UnrecordedCall> {
        let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
        let calls = &self.log().calls;
        calls.iter().rev().filter(|call| asked.has(call)).take(limit).cloned().collect()
    }

    pub(crate) fn note_calls(&self, calls: Vec<UnrecordedCall>) {
        let known = &mut self.log().calls;
        for call in calls {
            if known.iter().all(|known| known.id != call.id) {
                known.push(call);
            }
        }
        known.sort_by_key(|call| (call.at, call.id));
    }

    pub(crate) fn delete_calls(&self, before: i64, keep: u32) {
        let calls = &mut self.log().calls;
        for is_done in [true, false] {
            let is_of_kind = |call: &UnrecordedCall| (call.status < 400) == is_done;
            let count = calls.iter().filter(|call| is_of_kind(call)).count();
            let mut too_many = count.saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
            calls.retain(|call| {
                let is_over = too_many > 0 && is_of_kind(call);
                too_many -= usize::from(is_over);
                !is_over
            });
        }
        calls.retain(|call| call.at >= before);
    }

    pub(crate) fn erase_calls(&self, account_id: &str) {
        let log = &mut *self.log();
        let is_of = |of: &Option<String>| of.as_deref() == Some(account_id);
        for call in log.calls.iter_mut().filter(|call| is_of(&call.account_id)) {
            (call.subject, call.name) = (None, None);
            (call.reason, call.detail) = (None, None);
        }
        for key in log.keys.iter_mut().filter(|key| is_of(&key.account_id)) {
            key.name = None;
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.shared.log.lock()
    }
}

impl Log {
    fn partition(&mut self, at: Partition) -> Result<&mut PartitionLog, StoreError> {
        self.partitions.get_mut(usize::from(at.0)).ok_or(StoreError::NoSuchPartition(at))
    }

    fn land(&mut self, append: Append<RecordedEvent>) -> Result<Landed, AppendError> {
        let from = append.partition;
        let messages = rows_of(&append.events).map_err(AppendError::InDoubt)?;
        let is_repeated =
            messages.iter().any(|row| self.messages.contains_key(&(from, row.to, row.number)));
        let partition = self.partition(from).map_err(AppendError::InDoubt)?;
        let head = partition.head;
        let believed = (append.expected, append.epoch, append.generation);
        if (head.position, head.epoch, head.generation) != believed {
            return Err(AppendError::Conflict(head));
        }
        if is_repeated {
            return Err(AppendError::InDoubt(StoreError::RepeatedMessage { partition: from }));
        }
        let landed = Landed::of(&append, None);
        partition.head.position = landed.position;
        partition.head.generation = append.next_generation();
        partition.head.last_batch = Some(append.batch);
        partition.events.extend(append.events);
        let rows = messages.iter().map(|row| ((from, row.to, row.number), row.position));
        self.messages.extend(rows);
        Ok(landed)
    }
}

impl PartitionLog {
    fn new() -> Self {
        let head = Head {
            position: Position::START,
            epoch: Epoch(0),
            generation: Generation(1),
            writer: None,
            last_batch: None,
        };
        Self { head, events: vec![] }
    }
}
