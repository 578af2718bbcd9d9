//! After a failed append or a panic: the log says what is so. What is in memory stays where all of
//! it has landed or follows from what has; otherwise it is thrown away and built again.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use domain::State;
use event_store::{AppendError, StoreError, with_causes};
use log_record::{Checksum, Head, Position};

use super::answer::{NotDecided, Unanswered};
use super::batch::Batch;
use super::run::Run;
use super::status::StopReason;
use crate::restart::{LoadError, Loaded, load};

/// Why the loop can't simply go on.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and seldom")]
pub(super) enum Trouble {
    /// An append of the first batch failed; the second was decided after it.
    Append(AppendError, Batch, Batch),
    /// The state can't be trusted any more; the batch was decided and not appended yet.
    State(Batch),
}

/// The log is asked again after 20 ms, then less and less often, at last once a second. Commands
/// keep their own deadlines meanwhile.
pub(super) fn delays() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(20))
        .with_max_delay(Duration::from_secs(1))
        .without_max_times()
}

/// Keeps a writer from asking all the time where the log can be read and takes nothing, as on a
/// full disk, or where nothing can be recorded: between two failures without anything that landed,
/// it waits.
pub(super) struct Backoff {
    failed_at: Option<Position>,
    delays: ExponentialBackoff,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { failed_at: None, delays: delays().build() }
    }

    pub(super) async fn before_recovering(&mut self, durable: Position) {
        if self.failed_at.replace(durable) != Some(durable) {
            self.delays = delays().build();
        } else if let Some(delay) = self.delays.next() {
            tokio::time::sleep(delay).await;
        }
    }
}

impl Run {
    /// Finds out what became of every batch, and rebuilds the state. An error says why the writer
    /// can't go on; everyone it held has been answered by then.
    pub(super) async fn recover(&mut self, trouble: Trouble) -> Result<(), StopReason> {
        let later = std::mem::take(&mut self.redo);
        let mut undecided = Vec::new();
        match trouble {
            Trouble::State(gathered) => undecided.extend(gathered.take_back()),
            Trouble::Append(AppendError::Conflict(head), failed, gathered) => {
                failed.leave(Unanswered::NotDecided(NotDecided::Deposed));
                gathered.leave(Unanswered::NotDecided(NotDecided::Deposed));
                let Head { position, epoch, .. } = head;
                let forked = self.forked(head.position).await;
                return Err(forked.unwrap_or(StopReason::Deposed { position, epoch }));
            }
            // An append that didn't begin comes here if trying again can't help.
            Trouble::Append(failure, failed, gathered) => {
                tracing::warn!(
                    error = &failure as &dyn std::error::Error,
                    "an append failed; the log is asked what became of it"
                );
                let is_certain = matches!(failure, AppendError::NotBegun(..));
                let told = |why| {
                    if is_certain {
                        Unanswered::NotDecided(why)
                    } else {
                        Unanswered::OutcomeUnknown
                    }
                };
                match self.resolve_doubt().await {
                    Err(why) => {
                        failed.leave(told(NotDecided::Stopped));
                        gathered.leave(Unanswered::NotDecided(NotDecided::Stopped));
                        return Err(why);
                    }
                    Ok(None) => {
                        failed.leave(told(NotDecided::Deposed));
                        gathered.leave(Unanswered::NotDecided(NotDecided::Deposed));
                        // Where the history is shorter, the take-over may be lost with its end.
                        let head = self.config.store.head(self.partition).await.ok();
                        let forked = match head {
                            Some(head) => self.forked(head.position).await,
                            None => None,
                        };
                        return Err(forked.unwrap_or(StopReason::DeposedUnseen));
                    }
                    Ok(Some(head)) if head.position < self.durable => {
                        let forked = self.fork_at(head.position);
                        failed.leave(told(NotDecided::Deposed));
                        gathered.leave(Unanswered::NotDecided(NotDecided::Deposed));
                        return Err(forked);
                    }
                    Ok(Some(head)) if head.last_batch == Some(failed.id) => {
                        // The write that said so is durable, and so is all before it.
                        let last = self.config.store.read_one(self.place(head.position)).await;
                        self.durable = head.position;
                        self.durable_checksum = last.ok().map(|row| row.checksum);
                        self.release(failed);
                        if !self.is_state_lost {
                            // All that was decided follows from what has landed.
                            (self.gathered, self.redo) = (gathered, later);
                            return Ok(());
                        }
                    }
                    Ok(Some(_)) => undecided.extend(failed.take_back()),
                }
                undecided.extend(gathered.take_back());
            }
        }
        undecided.extend(later);
        self.redo = undecided;
        if let Some(across) = &mut self.across {
            if let Some(why) = across.stop.take() {
                return Err(why);
            }
            across.state_is_lost();
        }
        self.reload().await
    }

    /// Asks until there is an answer; nothing when another writer has taken over. An error says why
    /// there never will be one.
    async fn resolve_doubt(&mut self) -> Result<Option<Head>, StopReason> {
        let resolve =
            async |run: &Self| run.config.store.resolve_doubt(run.partition, run.writer).await;
        let head = self.insist("resolve the doubt", StoreError::is_passing, resolve).await;
        let head = head.map_err(|error| StopReason::LogFailed(with_causes(&error).into()))?;
        self.epoch = head.map_or(self.epoch, |head| head.epoch);
        Ok(head)
    }

    /// Rebuilds the state. The one that can't be trusted goes first, with the ids that the gate
    /// shares with it, so that there are never two.
    async fn reload(&mut self) -> Result<(), StopReason> {
        let compare = async |run: &Self| run.has_answered().await;
        let what = "compare the last answer with the log";
        let has_answered = self.insist(what, StoreError::is_passing, compare).await;
        let has_answered =
            has_answered.map_err(|error| StopReason::LogFailed(with_causes(&error).into()))?;
        if let Err(head) = has_answered {
            return Err(self.fork_at(head));
        }
        self.gate.forget();
        let former = std::mem::replace(&mut self.state, State::new(self.partition));
        // A large state takes a while to be given back. Whether that panics changes nothing.
        let _: Result<(), _> = tokio::task::spawn_blocking(move || drop(former)).await;
        let load = async |run: &Self| run.load().await;
        let loaded = self.insist("rebuild the state", LoadError::is_passing, load).await;
        let (Loaded { state, .. }, checksum) =
            loaded.map_err(|error| StopReason::NoState(with_causes(&error).into()))?;
        (self.durable, self.durable_checksum) = (state.position(), Some(checksum));
        self.gate.install(&state);
        self.clock.follow(&state);
        self.state = state;
        self.is_state_lost = false;
        Ok(())
    }

    /// Asks the log until it answers, and says each time that it didn't. An error says why it never
    /// will.
    async fn insist<T, E: std::error::Error + 'static>(
        &mut self,
        what: &str,
        is_passing: fn(&E) -> bool,
        ask: impl AsyncFn(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut rests = delays().build();
        loop {
            match ask(self).await {
                Err(error) if is_passing(&error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "can't {what} yet");
                    self.log_failed();
                }
                answered => return answered,
            }
            tokio::time::sleep(rests.next().unwrap_or_default()).await;
        }
    }

    /// The state, and the checksum of its last event.
    async fn load(&self) -> Result<(Loaded, Checksum), LoadError> {
        let head = self.config.store.head(self.partition).await?.position;
        let snapshots = self.config.snapshots.as_ref();
        let loaded = load(&self.config.store, self.partition, snapshots, head).await?;
        let last = self.config.store.read_one(self.place(head)).await?;
        Ok((loaded, last.checksum))
    }

    /// Whether the log has the last event that this writer has answered by: a standby that lagged
    /// may have been promoted, or a backup restored. Where it hasn't, its end.
    async fn has_answered(&self) -> Result<Result<(), Position>, StoreError> {
        let (store, durable) = (&self.config.store, self.place(self.durable));
        let head = store.head_past(self.partition, self.durable).await?.position;
        let is_there = head >= self.durable
            && match self.durable_checksum {
                Some(checksum) => store.has(durable, self.generation, checksum).await?,
                None => true,
            };
        Ok(if is_there { Ok(()) } else { Err(head) })
    }

    /// Whether another writer's log is of another history than this one has answered by. A log that
    /// can't be read shows that by its end only.
    async fn forked(&self, head: Position) -> Option<StopReason> {
        let is_other = head < self.durable || matches!(self.has_answered().await, Ok(Err(_)));
        is_other.then(|| self.fork_at(head))
    }

    fn fork_at(&self, head: Position) -> StopReason {
        StopReason::Forked {
            partition: self.partition,
            answered: self.durable,
            generation: self.generation,
            checksum: self.durable_checksum,
            head,
        }
    }
}
