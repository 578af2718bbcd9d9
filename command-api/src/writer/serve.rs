//! The writer's loop: gather, decide, append, answer.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::BackoffBuilder as _;
use event_store::{Append, AppendError, StoreError, Unlanded};
use log_record::{BatchId, Checksum, NewEvent, Position};
use tokio::task::JoinSet;

use super::across::Across;
use super::answer::{NotDecided, Unanswered};
use super::batch::Batch;
use super::commits::Turn;
use super::decide::BATCH_COMMANDS_MAX;
use super::queued_command::QueuedCommand;
use super::recover::{Backoff, Trouble, delays};
use super::run::Run;
use super::status::{StopReason, WriterStatus};
use super::sweep::{SWEEP_BUSY, SWEEP_IDLE, SWEEP_SHARE};
use crate::writer_metrics::CommittedBatch;

/// How often an idle writer asks whether the log is still its own.
const OWN_EVERY: Duration = Duration::from_secs(2);

/// The checksum of the last event that has landed, and a turn in the next commit.
type Landing = (Option<Checksum>, Option<Turn>);

/// The events of a batch on their way into the log.
enum Rows {
    /// As they were decided.
    New(Vec<NewEvent>),
    /// As they were sealed for an append that didn't begin.
    Again(Unlanded),
}

impl Rows {
    const fn len(&self) -> usize {
        match self {
            Self::New(events) => events.len(),
            Self::Again(Unlanded(events)) => events.len(),
        }
    }
}

impl Run {
    /// Decides until every handle is dropped, or until it can't go on.
    pub(super) async fn until_stopped(mut self) {
        let mut backoff = Backoff::new();
        while let Err(trouble) = self.serve().await {
            self.status.send_replace(WriterStatus::Recovering);
            self.give_back_turn();
            // Who was deposed answers at once and stops.
            if !matches!(trouble, Trouble::Append(AppendError::Conflict(_), ..)) {
                if matches!(trouble, Trouble::Append(..)) {
                    self.log_failed();
                }
                backoff.before_recovering(self.durable).await;
            }
            if let Err(why) = self.recover(trouble).await {
                self.gate.open();
                if let Some(across) = &self.across
                    && why.is_fork()
                {
                    across.neighbours.fork(&why.to_string());
                }
                tracing::error!(partition = %self.partition, %why, "the writer has stopped");
                self.status.send_replace(WriterStatus::Stopped(why));
                self.pressure.breaker.stopped();
                self.refuse_all().await;
                return;
            }
            self.pressure.settled();
            self.check_clock();
        }
        self.status.send_replace(WriterStatus::Stopped(StopReason::HandlesDropped));
    }

    /// Gathers and decides the next batch while one commits. Ends when the queue is closed and
    /// empty and everything is answered.
    async fn serve(&mut self) -> Result<(), Trouble> {
        let mut arrived = std::mem::take(&mut self.redo);
        let served = self.serve_from(&mut arrived).await;
        self.redo.append(&mut arrived);
        served
    }

    /// Begins with the commands that `arrived`; those that no batch had room for are left in it.
    async fn serve_from(&mut self, arrived: &mut Vec<QueuedCommand>) -> Result<(), Trouble> {
        let mut gathered = std::mem::replace(&mut self.gathered, Batch::new());
        if !self.check_clock() {
            gathered = self.record_doubt(gathered).map_err(Trouble::State)?;
        }
        loop {
            gathered = self.decide_all(arrived, gathered).map_err(Trouble::State)?;
            while gathered.is_empty() {
                // What was noticed when an append landed waits for no command.
                if !self.check_clock() {
                    gathered = self.record_doubt(gathered).map_err(Trouble::State)?;
                    if !gathered.is_empty() {
                        break;
                    }
                }
                self.give_back_turn();
                if arrived.is_empty() && !self.next_arrive(arrived).await? {
                    return Ok(());
                }
                gathered = self.decide_all(arrived, gathered).map_err(Trouble::State)?;
                if gathered.decided.is_empty() {
                    gathered = self.sweep(gathered, SWEEP_IDLE).map_err(Trouble::State)?;
                }
            }
            let mut committing = self.gather_until_turn(gathered, arrived).await?;
            // Messages of others may come without a pause, and no command with them.
            if !(committing.decided.is_empty() && committing.news.is_empty()) {
                let portion = SWEEP_BUSY.max(committing.events.len() / SWEEP_SHARE);
                committing = self.sweep(committing, portion).map_err(Trouble::State)?;
                // What fell due may be all that there is to append.
                committing = self.gather_until_turn(committing, arrived).await?;
            }
            gathered = committing.cut(self.config.store.append_limit());
            gathered = self.commit(&mut committing, gathered, arrived).await?;
            self.release(committing);
        }
    }

    /// Takes a turn in the next commit, and gathers commands until it has one. A writer that is
    /// alone needs no turn, nor does a batch without events.
    async fn gather_until_turn(
        &mut self,
        mut gathered: Batch,
        arrived: &mut Vec<QueuedCommand>,
    ) -> Result<Batch, Trouble> {
        if gathered.events.is_empty() {
            self.give_back_turn();
            return Ok(gathered);
        }
        let Some(across) = self.across.as_ref().filter(|across| across.turn.is_none()) else {
            return Ok(gathered);
        };
        let commits = across.commits.clone();
        self.pressure.append_begins(Instant::now());
        let mut taking = pin!(commits.turn());
        let mut is_open = true;
        loop {
            let room = BATCH_COMMANDS_MAX.saturating_sub(gathered.decided.len());
            let may_gather = is_open && arrived.is_empty() && room > 0 && !gathered.is_full();
            tokio::select! {
                biased;
                turn = &mut taking => {
                    if let Some(across) = &mut self.across {
                        across.turn = Some(turn);
                    }
                    return Ok(gathered);
                }
                () = Across::arrive(&mut self.across), if may_gather => {}
                count = self.commands.take(arrived, room.max(1)), if may_gather => {
                    is_open = count > 0;
                }
            }
            gathered = self.decide_all(arrived, gathered).map_err(Trouble::State)?;
        }
    }

    /// The next commit needn't wait for this writer.
    fn give_back_turn(&mut self) {
        if let Some(across) = &mut self.across {
            across.turn = None;
        }
    }

    /// Gives a durable batch's answers, and tells others of it.
    pub(super) fn release(&self, mut batch: Batch) {
        if let Some(across) = &self.across {
            across.neighbours.set_durable(self.partition, self.durable);
            across.neighbours.tell(self.partition, batch.news.drain(..));
        }
        batch.release(&self.gate);
    }

    /// Waits for commands, or until the clock is to be looked at; false where none will come. An
    /// error says that another writer has taken over meanwhile. Only an idle writer asks for that.
    async fn next_arrive(&mut self, arrived: &mut Vec<QueuedCommand>) -> Result<bool, Trouble> {
        self.commands.empty_batch();
        self.pressure.breaker.lets_try();
        let wait = self.until_due();
        let held = (self.epoch, self.durable);
        self.deposed.take_if(|(of, _)| *of != held);
        let idle_at = OWN_EVERY.saturating_sub(self.gate.since_confirmed());
        if self.deposed.is_none() && idle_at.is_zero() {
            // A task of its own: an answer may take longer than this wait.
            let mut asking = JoinSet::new();
            asking.spawn(self.until_deposed());
            self.deposed = Some((held, asking));
        }
        let deposed = async {
            let Some((_, asking)) = &mut self.deposed else {
                tokio::time::sleep(idle_at).await;
                return None;
            };
            match asking.join_next().await {
                Some(Ok(error)) => Some(error),
                // The question failed; the next command finds out.
                Some(Err(_)) | None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = Across::arrive(&mut self.across) => Ok(true),
            count = self.commands.take(arrived, BATCH_COMMANDS_MAX) => Ok(count > 0),
            error = deposed => match error {
                None => Ok(true),
                Some(error) => {
                    self.deposed = None;
                    Err(Trouble::Append(error, Batch::new(), Batch::new()))
                }
            },
            () = wait => Ok(true),
        }
    }

    /// Ends when another writer has taken over, or when the log is lost. Where nothing is appended,
    /// the log is asked: a server that was frozen, or cut off, must not report for hours that it
    /// serves.
    fn until_deposed(&self) -> impl Future<Output = AppendError> + use<> {
        let (store, gate) = (self.config.store.clone(), Arc::clone(&self.gate));
        let (partition, epoch, durable) = (self.partition, self.epoch, self.durable);
        async move {
            loop {
                tokio::time::sleep(OWN_EVERY.saturating_sub(gate.since_confirmed())).await;
                let begun = Instant::now();
                match store.look(partition, epoch, durable).await {
                    Ok(()) => gate.confirm(begun),
                    // It is away; the next command finds out more.
                    Err(AppendError::NotBegun(error, _) | AppendError::InDoubt(error))
                        if error.is_passing() =>
                    {
                        tokio::time::sleep(OWN_EVERY).await;
                    }
                    Err(error) => return error,
                }
            }
        }
    }

    /// Appends `committing`, or confirms the epoch if it has no events. Meanwhile decides the next
    /// batch and returns it.
    async fn commit(
        &mut self,
        committing: &mut Batch,
        gathered: Batch,
        arrived: &mut Vec<QueuedCommand>,
    ) -> Result<Batch, Trouble> {
        let begun = Instant::now();
        let events = std::mem::take(&mut committing.events);
        let (command_count, event_count) = (committing.decided.len(), events.len());
        if event_count > 0 {
            self.metrics.append_begins();
        }
        committing.trace(event_count);
        self.commands.begin_batch();
        // What was cut off waits for the next append, as those in the queue do.
        let waiting = self.commands.waiting() + gathered.singles();
        self.pressure.hand_over(committing.singles(), waiting, begun);
        let last = Position(self.state.position().0 - gathered.events.len() as u64);
        let at = (last, committing.id);
        let (landed, gathered) = self.land_and_gather(at, events, gathered, arrived).await;
        self.metrics.append_ends();
        match landed {
            Ok((checksum, turn)) => {
                self.durable_checksum = checksum.or(self.durable_checksum);
                if let Some(across) = &mut self.across {
                    across.turn = turn;
                }
            }
            Err(error) => {
                let failed = std::mem::replace(committing, Batch::new());
                return Err(Trouble::Append(error, failed, gathered));
            }
        }
        self.pressure.settled();
        if event_count > 0 {
            self.pressure.breaker.landed();
        } else {
            // The log answers. Whether it takes something, the next events show.
            self.pressure.breaker.lets_try();
        }
        self.durable = last;
        self.gate.confirm(begun);
        self.metrics.committed(CommittedBatch {
            epoch: self.epoch,
            last,
            commands: command_count,
            events: event_count,
            took: begun.elapsed(),
        });
        self.metrics.size_now_and_then(&self.state);
        if self.is_state_lost {
            self.release(std::mem::replace(committing, Batch::new()));
            return Err(Trouble::State(gathered));
        }
        Ok(gathered)
    }

    /// Decides commands into `gathered` until the append has ended. An append that doesn't begin is
    /// made again with the same events, for nothing of it can have landed; until it lands, nothing
    /// more is decided.
    async fn land_and_gather(
        &mut self,
        (last, batch): (Position, BatchId),
        events: Vec<NewEvent>,
        mut gathered: Batch,
        arrived: &mut Vec<QueuedCommand>,
    ) -> (Result<Landing, AppendError>, Batch) {
        let mut landing = pin!(self.land(last, batch, Rows::New(events), Duration::ZERO));
        let (mut begins, mut delays) = (Instant::now(), delays().build());
        let (mut is_open, mut is_held_up) = (true, false);
        loop {
            if !self.is_state_lost && !is_held_up {
                gathered = self.decide_all(arrived, gathered).unwrap_or_else(|decided| {
                    self.is_state_lost = true;
                    decided
                });
            }
            let may_gather = is_open && !self.is_state_lost && !is_held_up && arrived.is_empty();
            let room = BATCH_COMMANDS_MAX.saturating_sub(gathered.decided.len());
            tokio::select! {
                biased;
                landed = &mut landing => match landed {
                    Err(AppendError::NotBegun(error, rows)) if error.is_passing() => {
                        is_held_up = true;
                        self.say_held_up(&error);
                        self.log_failed();
                        let delay = delays.next().unwrap_or_default();
                        let rest = delay.saturating_sub(begins.elapsed());
                        begins = Instant::now() + rest;
                        landing.set(self.land(last, batch, Rows::Again(rows), rest));
                    }
                    landed => {
                        if is_held_up && landed.is_ok() {
                            self.check_clock();
                        }
                        return (landed, gathered);
                    }
                },
                () = Across::arrive(&mut self.across),
                    if may_gather && room > 0 && !gathered.is_full() => {}
                count = self.commands.take(arrived, room.max(1)),
                    if may_gather && room > 0 && !gathered.is_full() =>
                {
                    is_open = count > 0;
                }
            }
        }
    }

    /// Ends when the rows, of which `last` is the last, are durable. It begins after `delay`.
    fn land(
        &mut self,
        last: Position,
        batch: BatchId,
        rows: Rows,
        delay: Duration,
    ) -> impl Future<Output = Result<Landing, AppendError>> + use<> {
        let expected = Position(last.0 - rows.len() as u64);
        let (partition, epoch, generation) = (self.partition, self.epoch, self.generation);
        let (store, commits) = (self.config.store.clone(), self.metrics.commit.clone());
        let turn = self.across.as_mut().and_then(|across| across.turn.take());
        async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            if rows.len() == 0 {
                return store.confirm(partition, epoch, last).await.map(|()| (None, turn));
            }
            match rows {
                Rows::New(events) => {
                    let append = Append { partition, epoch, generation, expected, batch, events };
                    let (landed, turn) = match turn {
                        Some(turn) => {
                            let (landed, turn) = turn.append(append).await;
                            (landed?, Some(turn))
                        }
                        None => (store.append(append).await?, None),
                    };
                    if let Some(took) = landed.committed_in {
                        commits.observe(took.as_secs_f64());
                    }
                    Ok((landed.checksum, turn))
                }
                Rows::Again(Unlanded(events)) => {
                    let checksum = events.last().map(|row| row.checksum);
                    let append = Append { partition, epoch, generation, expected, batch, events };
                    store.append_recorded(append).await.map(|_| (checksum, turn))
                }
            }
        }
    }

    /// Says that the log takes nothing at the moment.
    fn say_held_up(&self, error: &StoreError) {
        let error = error as &dyn std::error::Error;
        tracing::warn!(error, "the log takes no append at the moment; the same one is tried again");
        self.status.send_replace(WriterStatus::Recovering);
    }

    /// Counts a failure of the log. After some in a row, those that wait are refused: they would
    /// wait in vain.
    pub(super) fn log_failed(&mut self) {
        if self.pressure.breaker.failed() {
            self.commands.turn_away(NotDecided::LogAway);
        }
    }

    async fn refuse_all(&mut self) {
        self.commands.close();
        for command in std::mem::take(&mut self.redo) {
            command.answer(Err(Unanswered::NotDecided(NotDecided::Stopped)));
        }
        while let Some(command) = self.commands.next().await {
            command.answer(Err(Unanswered::NotDecided(NotDecided::Stopped)));
        }
    }
}
