//! How events get into a batch, and what can hinder them.
#![expect(
    clippy::result_large_err,
    reason = "a batch that can't go on is given back, which is rare"
)]

use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, Retryable as _};
use domain::{ClockDoubted, Event, Impossible, Timestamp};
use event_schema::{EncodeError, Metadata, encode};
use event_store::{Append, AppendError, EventStore, StoreError, Unlanded};
use log_record::{Checksum, Head, NewEvent, Partition, Principal, WriterId};

use super::batch::Batch;
use super::recover::delays;
use super::run::Run;
use super::unwanted::warn_if_unwanted;

/// A decision that can't become rows of the log; only a fault of the program's can cause it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unrecordable {
    #[error("an event can't be written: {0}")]
    Encode(#[from] EncodeError),
    #[error("an event was decided that can't follow: {0}")]
    Impossible(#[from] Impossible),
    #[error("the operating system gives no randomness: {0}")]
    Random(#[from] getrandom::Error),
    /// Nothing of it was applied.
    #[error(
        "its events are more than one append to this log may have: raise append-bytes in the log's \
         URL, and what the server takes with it"
    )]
    TooMuch,
    #[error("a decision names no event as its outcome")]
    NoOutcome,
    #[error("a command changes nothing, and its subject doesn't exist")]
    NoSubject,
    #[error("a command waits for another partition, and its writer knows no others")]
    Waits,
}

/// For how long a start waits for a log that takes no append because somebody holds its lock.
const START_WAIT: Duration = Duration::from_secs(10);

/// Reads what a start compares. A log that is busy is read again for a while.
pub(crate) async fn read_at_start<T, F>(read: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let until = Instant::now() + START_WAIT;
    read.retry(delays())
        .when(|error| error.is_passing() && Instant::now() < until)
        .notify(|error, _| {
            let error: &dyn std::error::Error = error;
            tracing::warn!(error, "the log can't be read at the moment; the start waits");
        })
        .await
}

/// Takes over the partition. A log whose head somebody holds is asked again for a while.
pub(super) async fn take_over_at_start(
    store: &EventStore,
    partition: Partition,
    writer: WriterId,
) -> Result<Head, StoreError> {
    let until = Instant::now() + START_WAIT;
    (|| store.take_over(partition, writer))
        .retry(delays())
        .when(|error| error.is_passing() && Instant::now() < until)
        .notify(|error, _| {
            let error: &dyn std::error::Error = error;
            tracing::warn!(error, "the log can't be taken over at the moment; the start waits");
        })
        .await
}

/// Appends what a start records, and gives the last event's checksum. An append that doesn't begin
/// is made again for a while.
pub(super) async fn append_at_start(
    store: &EventStore,
    append: Append,
) -> Result<Option<Checksum>, AppendError> {
    let Append { partition, epoch, generation, expected, batch, .. } = append;
    let until = Instant::now() + START_WAIT;
    let mut delays = delays().build();
    let mut appended = store.append(append).await.map(|landed| landed.checksum);
    loop {
        match appended {
            Err(AppendError::NotBegun(error, Unlanded(events)))
                if error.is_passing() && Instant::now() < until =>
            {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the log takes no append at the moment; the start waits"
                );
                tokio::time::sleep(delays.next().unwrap_or_default()).await;
                let checksum = events.last().map(|row| row.checksum);
                let again = Append { partition, epoch, generation, expected, batch, events };
                appended = store.append_recorded(again).await.map(|_| checksum);
            }
            ended => return ended,
        }
    }
}

impl Run {
    /// Adds events to the batch and applies them, if one append can have them. `asked` is the index
    /// of the event that bears the command's id, and who asked.
    pub(super) fn record(
        &mut self,
        events: &[Event],
        now: Timestamp,
        mut metadata: Metadata,
        asked: Option<(usize, &Principal)>,
        into: &mut Batch,
    ) -> Result<(), Unrecordable> {
        let begun = into.events.len();
        for (index, event) in events.iter().enumerate() {
            let principal = asked.filter(|(outcome, _)| *outcome == index).map(|(_, who)| who);
            let salt = self.salts.next()?;
            metadata.beside = asked.is_some_and(|(outcome, _)| outcome != index);
            into.push(encode(event, now, &metadata, principal, salt)?);
        }
        if !self.fits(&into.events[begun..]) {
            into.truncate(begun);
            return Err(Unrecordable::TooMuch);
        }
        for event in events {
            warn_if_unwanted(&self.state, self.partition, event);
            self.state.evolve(self.state.position().next(), now, event)?;
            self.note(event, into);
        }
        if let Some(across) = &mut self.across {
            across.desk.note(events);
        }
        Ok(())
    }

    /// Whether one append can have these events.
    pub(super) fn fits(&self, events: &[NewEvent]) -> bool {
        let limit = self.config.store.append_limit();
        limit.is_none() || limit.fitting(events) == events.len()
    }

    /// Records that the clock can't be trusted, once: a restart must not take the place of an
    /// operator, and reads must not go by that clock either.
    pub(super) fn record_doubt(&mut self, mut into: Batch) -> Result<Batch, Batch> {
        match self.add_doubt(&mut into) {
            Ok(()) => Ok(into),
            Err(error) => {
                tracing::error!(%error, "a doubt about the clock can't be recorded");
                Err(into)
            }
        }
    }

    /// Appends a doubt that the start found, before anybody reads by that clock.
    pub(super) async fn append_doubt(
        &mut self,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut batch = Batch::new();
        self.add_doubt(&mut batch)?;
        if batch.is_empty() {
            return Ok(());
        }
        let append = Append {
            partition: self.partition,
            epoch: self.epoch,
            generation: self.generation,
            expected: self.durable,
            batch: batch.id,
            events: batch.events,
        };
        self.durable_checksum = append_at_start(&self.config.store, append).await?;
        self.durable = self.state.position();
        Ok(())
    }

    fn add_doubt(&mut self, into: &mut Batch) -> Result<(), Unrecordable> {
        let Some(why) = self.clock.doubt().filter(|_| self.state.clock_doubt().is_none()) else {
            return Ok(());
        };
        let why = why.to_string().into();
        let fact = ClockDoubted { wall: self.clock.wall(), why };
        let (now, metadata) = (self.state.recorded_at(), Metadata::of_command("doubt-clock"));
        self.record(&[Event::ClockDoubted(fact)], now, metadata, None, into)?;
        into.end_command();
        Ok(())
    }
}
