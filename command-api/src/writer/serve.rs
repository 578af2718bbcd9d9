//! The writer's loop: gather, decide, append, answer.

use std::pin::pin;
use std::time::Instant;

use event_store::{Append, AppendError};
use log_record::{BatchId, Checksum, NewEvent, Position};

use super::answer::{NotDecided, Unanswered};
use super::batch::Batch;
use super::decide::BATCH_COMMANDS_MAX;
use super::queued_command::QueuedCommand;
use super::recover::{Backoff, Trouble};
use super::run::Run;
use super::status::{StopReason, WriterStatus};
use super::sweep::{SWEEP_BUSY, SWEEP_IDLE, SWEEP_SHARE};
use crate::metrics::CommittedBatch;

impl Run {
    /// Decides until every handle is dropped, or until it can't go on.
    pub(super) async fn until_stopped(mut self) {
        let mut backoff = Backoff::new();
        while let Err(trouble) = self.serve().await {
            self.status.send_replace(WriterStatus::Recovering);
            if matches!(trouble, Trouble::Append(AppendError::InDoubt(_), ..)) {
                backoff.before_recovering(self.durable).await;
            }
            if let Err(why) = self.recover(trouble).await {
                tracing::error!(partition = %self.partition, %why, "the writer has stopped");
                self.status.send_replace(WriterStatus::Stopped(why));
                self.refuse_all().await;
                return;
            }
            self.status.send_replace(WriterStatus::Serving);
            self.check_clock();
        }
        self.status.send_replace(WriterStatus::Stopped(StopReason::HandlesDropped));
    }

    /// Gathers and decides the next batch while one commits. Ends when the queue is closed and
    /// empty and everything is answered.
    async fn serve(&mut self) -> Result<(), Trouble> {
        let mut arrived = std::mem::take(&mut self.redo);
        let mut gathered = Batch::new();
        if !arrived.is_empty() {
            gathered = self.decide_all(&mut arrived, gathered).map_err(Trouble::State)?;
        }
        loop {
            while gathered.is_empty() {
                let wait = self.until_due();
                tokio::select! {
                    biased;
                    count = self.commands.recv_many(&mut arrived, BATCH_COMMANDS_MAX) => {
                        if count == 0 {
                            return Ok(());
                        }
                    }
                    () = wait => {}
                }
                gathered = self.decide_all(&mut arrived, gathered).map_err(Trouble::State)?;
                if gathered.decided.is_empty() {
                    gathered = self.sweep(gathered, SWEEP_IDLE).map_err(Trouble::State)?;
                }
            }
            let mut committing = std::mem::replace(&mut gathered, Batch::new());
            if !committing.decided.is_empty() {
                let portion = SWEEP_BUSY.max(committing.events.len() / SWEEP_SHARE);
                committing = self.sweep(committing, portion).map_err(Trouble::State)?;
            }
            gathered = committing.cut(self.config.store.append_limit());
            gathered = self.commit(&mut committing, gathered, &mut arrived).await?;
            committing.release(&self.gate);
        }
    }

    /// Appends `committing`, or confirms the epoch if it has no events. Meanwhile decides the next
    /// batch and returns it.
    async fn commit(
        &mut self,
        committing: &mut Batch,
        mut gathered: Batch,
        arrived: &mut Vec<QueuedCommand>,
    ) -> Result<Batch, Trouble> {
        let begun = Instant::now();
        let events = std::mem::take(&mut committing.events);
        let event_count = events.len();
        let last = Position(self.state.position().0 - gathered.events.len() as u64);
        let mut landed = pin!(self.land(last, committing.id, events));
        let mut is_open = true;
        let mut lost_state = false;
        let result = loop {
            let room = BATCH_COMMANDS_MAX - gathered.decided.len().min(BATCH_COMMANDS_MAX);
            tokio::select! {
                biased;
                result = &mut landed => break result,
                count = self.commands.recv_many(arrived, room.max(1)),
                    if room > 0 && is_open && !lost_state =>
                {
                    is_open = count > 0;
                    match self.decide_all(arrived, gathered) {
                        Ok(decided) => gathered = decided,
                        Err(decided) => {
                            lost_state = true;
                            gathered = decided;
                        }
                    }
                }
            }
        };
        if let Ok(checksum) = result {
            self.durable = last;
            self.durable_checksum = checksum.or(self.durable_checksum);
            self.gate.confirm(begun);
            self.config.metrics.committed(CommittedBatch {
                partition: self.partition,
                epoch: self.epoch,
                last,
                events: event_count,
                queued: self.commands.len(),
            });
        }
        match result {
            Err(error) => {
                let failed = std::mem::replace(committing, Batch::new());
                Err(Trouble::Append(error, failed, gathered))
            }
            Ok(_) if lost_state => {
                std::mem::replace(committing, Batch::new()).release(&self.gate);
                Err(Trouble::State(gathered))
            }
            Ok(_) => Ok(gathered),
        }
    }

    /// Ends when the events, of which `last` is the last, are durable; gives the last one's checksum.
    fn land(
        &self,
        last: Position,
        batch: BatchId,
        events: Vec<NewEvent>,
    ) -> impl Future<Output = Result<Option<Checksum>, AppendError>> + 'static {
        let expected = Position(last.0 - events.len() as u64);
        let (partition, epoch, generation) = (self.partition, self.epoch, self.generation);
        let store = self.config.store.clone();
        async move {
            if events.is_empty() {
                return store.confirm(partition, epoch, last).await.map(|()| None);
            }
            let append = Append { partition, epoch, generation, expected, batch, events };
            store.append(append).await.map(|landed| landed.checksum)
        }
    }

    async fn refuse_all(&mut self) {
        self.commands.close();
        for command in std::mem::take(&mut self.redo) {
            command.answer(Err(Unanswered::NotDecided(NotDecided::Stopped)));
        }
        while let Some(command) = self.commands.recv().await {
            command.answer(Err(Unanswered::NotDecided(NotDecided::Stopped)));
        }
    }
}
