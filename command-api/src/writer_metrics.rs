//! The metrics of one partition's writer, which holds them so that it looks none of them up.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use domain::{State, StateSize};
use log_record::{Epoch, Position};
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::writer::queue::{Class, QueueLengths};

pub(crate) type OfPartition = [(&'static str, u16); 1];

/// Commands of a class that wait for a partition's writer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfClass {
    pub(crate) partition: u16,
    pub(crate) class: &'static str,
}

pub(crate) type Histograms<S = OfPartition> = Family<S, Histogram, fn() -> Histogram>;
pub(crate) type Seconds = Gauge<f64, AtomicU64>;

/// How often the state's size is reckoned, which takes some microseconds.
const SIZED_EVERY: Duration = Duration::from_secs(10);

/// The metrics of a writer. Clones share them.
#[derive(Clone, Debug)]
pub struct WriterMetrics {
    /// By [`Class::ALL`], as is the next.
    pub(crate) queued: [Gauge; 2],
    pub(crate) queue_wait: [Histogram; 2],
    pub(crate) batch_commands: Histogram,
    pub(crate) batch_events: Histogram,
    pub(crate) events: Counter,
    pub(crate) append: Histogram,
    pub(crate) commit: Histogram,
    pub(crate) append_pending: Seconds,
    pub(crate) epoch: Gauge,
    pub(crate) position: Gauge,
    pub(crate) accounts: Gauge,
    pub(crate) offers: Gauge,
    pub(crate) ids: Gauge,
    pub(crate) state_bytes: Gauge,
    /// Says how many commands wait, once there is a queue.
    pub(crate) queue: Arc<Mutex<Option<QueueLengths>>>,
    pub(crate) appending_since: Arc<Mutex<Option<Instant>>>,
    /// When the state's size was reckoned last.
    pub(crate) sized_at: Option<Instant>,
}

/// A batch of a partition that is durable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommittedBatch {
    pub(crate) epoch: Epoch,
    /// The position of its last event.
    pub(crate) last: Position,
    /// The number of its commands.
    pub(crate) commands: usize,
    /// The number of its events.
    pub(crate) events: usize,
    /// How long it took.
    pub(crate) took: Duration,
}

impl WriterMetrics {
    /// Shows where the writer starts, and what its state holds.
    pub(crate) fn start(&mut self, epoch: Epoch, position: Position, state: &State) {
        self.epoch.set(clamped(epoch.0));
        self.position.set(clamped(position.0));
        self.size(state);
    }

    /// Has the queue say how long it is.
    pub(crate) fn watch(&self, lengths: QueueLengths) {
        *self.queue.lock() = Some(lengths);
    }

    /// A command waited so long until it was looked at.
    pub(crate) fn waited(&self, class: Class, wait: Duration) {
        self.queue_wait[class as usize].observe(wait.as_secs_f64());
    }

    /// An append begins.
    pub(crate) fn append_begins(&self) {
        *self.appending_since.lock() = Some(Instant::now());
    }

    /// The append has landed or failed.
    pub(crate) fn append_ends(&self) {
        *self.appending_since.lock() = None;
    }

    /// Counts a batch.
    pub(crate) fn committed(&self, batch: CommittedBatch) {
        let CommittedBatch { epoch, last, commands, events, took } = batch;
        if commands > 0 {
            self.batch_commands.observe(count(commands));
        }
        if events > 0 {
            self.batch_events.observe(count(events));
            self.events.inc_by(events as u64);
            self.append.observe(took.as_secs_f64());
        }
        self.epoch.set(clamped(epoch.0));
        self.position.set(clamped(last.0));
    }

    /// Reckons the state's size, where that was long ago.
    pub(crate) fn size_now_and_then(&mut self, state: &State) {
        if self.sized_at.is_none_or(|at| at.elapsed() >= SIZED_EVERY) {
            self.size(state);
        }
    }

    fn size(&mut self, state: &State) {
        let StateSize { accounts, offers, ids, bytes } = state.size();
        self.accounts.set(clamped(accounts as u64));
        self.offers.set(clamped(offers as u64));
        self.ids.set(clamped(ids as u64));
        self.state_bytes.set(clamped(bytes as u64));
        self.sized_at = Some(Instant::now());
    }

    /// Reads what is as it is now.
    pub(crate) fn read(&self) {
        let waiting = self.queue.lock().as_ref().map_or([0; 2], QueueLengths::read);
        for (queued, waiting) in self.queued.iter().zip(waiting) {
            queued.set(clamped(waiting as u64));
        }
        let since = *self.appending_since.lock();
        self.append_pending.set(since.map_or(0.0, |since| since.elapsed().as_secs_f64()));
    }
}

fn clamped(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// As a number that a histogram takes; a batch is smaller than what that can't say exactly.
fn count(items: usize) -> f64 {
    u32::try_from(items).unwrap_or(u32::MAX).into()
}
