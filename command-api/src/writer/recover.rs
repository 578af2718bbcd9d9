//! After a failed append or a panic: what is in memory is thrown away, and the log says what is so.

use std::time::Duration;

use event_store::{AppendError, with_causes};
use log_record::{Head, Position};

use super::run::{Run, Trouble};
use super::{NotDecided, Unanswered, WriterConfig};
use crate::restart::{Loaded, load};

/// How long to wait before the log is asked again, at first and at most. Commands keep their own
/// deadlines meanwhile.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(20);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(1);

/// Keeps a writer from asking all the time where the log can be read and takes nothing, as on a
/// full disk: between two failures without anything that landed, it waits.
pub(super) struct Waits {
    failed_at: Option<Position>,
    delay: Duration,
}

impl Waits {
    pub(super) const fn new() -> Self {
        Self { failed_at: None, delay: RETRY_DELAY_MIN }
    }

    pub(super) async fn before_recovering(&mut self, durable: Position) {
        if self.failed_at.replace(durable) == Some(durable) {
            tokio::time::sleep(self.delay).await;
            self.delay = (self.delay * 2).min(RETRY_DELAY_MAX);
        } else {
            self.delay = RETRY_DELAY_MIN;
        }
    }
}

impl Run {
    /// Settles what became of every batch, and rebuilds the state. An error says why the writer
    /// can't go on; everyone it held has been told by then.
    pub(super) async fn recover(&mut self, trouble: Trouble) -> Result<(), String> {
        self.gate.open();
        let later = std::mem::take(&mut self.redo);
        let mut undecided = Vec::new();
        match trouble {
            Trouble::State(gathered) => undecided.extend(gathered.take_back()),
            Trouble::Append(AppendError::Conflict(head), failed, gathered) => {
                failed.leave(Unanswered::NotDecided(NotDecided::Deposed));
                gathered.leave(Unanswered::NotDecided(NotDecided::Deposed));
                return Err(self.forked(&head).unwrap_or_else(|| deposed(&head)));
            }
            Trouble::Append(AppendError::InDoubt(error), failed, gathered) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "an append is in doubt");
                match self.resolve_doubt().await {
                    Err(why) => {
                        failed.leave(Unanswered::OutcomeUnknown);
                        gathered.leave(Unanswered::NotDecided(NotDecided::Stopped));
                        return Err(why);
                    }
                    Ok(None) => {
                        failed.leave(Unanswered::OutcomeUnknown);
                        gathered.leave(Unanswered::NotDecided(NotDecided::Deposed));
                        // Where the history is shorter, the take-over may be lost with its end.
                        let head = self.config.store.head(self.config.partition).await.ok();
                        let why = head.and_then(|head| self.forked(&head));
                        return Err(why.unwrap_or_else(|| DEPOSED.into()));
                    }
                    Ok(Some(head)) if head.position < self.durable => {
                        failed.leave(Unanswered::OutcomeUnknown);
                        gathered.leave(Unanswered::NotDecided(NotDecided::Deposed));
                        return Err(self.forked(&head).unwrap_or_default());
                    }
                    Ok(Some(head)) if head.last_batch == Some(failed.id) => {
                        // The write that said so is durable, and so is all before it.
                        self.durable = head.position;
                        failed.release(&self.gate);
                        self.gate.open();
                    }
                    Ok(Some(_)) => undecided.extend(failed.take_back()),
                }
                undecided.extend(gathered.take_back());
            }
        }
        undecided.extend(later);
        self.redo = undecided;
        self.reload().await
    }

    /// Asks until there is an answer; nothing when another writer has taken over. An error says why
    /// there never will be one.
    async fn resolve_doubt(&mut self) -> Result<Option<Head>, String> {
        let mut delay = RETRY_DELAY_MIN;
        loop {
            match self.config.store.resolve_doubt(self.config.partition, self.writer).await {
                Ok(head) => {
                    self.epoch = head.map_or(self.epoch, |head| head.epoch);
                    return Ok(head);
                }
                Err(error) if !error.is_passing() => return Err(with_causes(&error)),
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "the doubt can't be resolved yet");
                }
            }
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(RETRY_DELAY_MAX);
        }
    }

    async fn reload(&mut self) -> Result<(), String> {
        let mut delay = RETRY_DELAY_MIN;
        loop {
            let WriterConfig { store, partition, snapshots, .. } = &self.config;
            let loaded = match self.head().await {
                Ok(head) => load(store, *partition, snapshots.as_ref(), head).await,
                Err(error) => Err(error.into()),
            };
            match loaded {
                Ok(Loaded { state, .. }) => {
                    self.gate.install(&state);
                    self.state = state;
                    return Ok(());
                }
                Err(error) if error.is_passing() => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "the state can't be rebuilt yet");
                }
                Err(error) => return Err(with_causes(&error)),
            }
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(RETRY_DELAY_MAX);
        }
    }

    /// Why a head can't be of the history that this writer has answered by: a standby that lagged
    /// was promoted, or a backup restored.
    fn forked(&self, head: &Head) -> Option<String> {
        (head.position < self.durable).then(|| {
            let Self { durable, config, .. } = self;
            let (partition, lost) = (config.partition, durable.since(head.position));
            format!(
                "log-forked: the log of partition {partition} was at {partition}:{durable} and \
                 now ends at {partition}:{}: {lost} events that were answered are lost; see \
                 docs/operations/postgresql.md, or kurrentdb.md where it is there, for what to do \
                 after a fork",
                head.position
            )
        })
    }

    async fn head(&self) -> Result<Position, event_store::StoreError> {
        self.config.store.head(self.config.partition).await.map(|head| head.position)
    }
}

const DEPOSED: &str = "another writer has taken over this partition";

fn deposed(head: &Head) -> String {
    format!(
        "{DEPOSED}: its head is at {} in epoch {}; only one command API can run on a log, so leave \
         it to the other one, or stop that before this one is started again",
        head.position, head.epoch
    )
}
