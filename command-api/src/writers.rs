//! Every partition's writer, and the choice of the one that decides a command.
//!
//! An account lives in the partition that its id gives
//! ([`AccountId::partition`](domain::AccountId::partition)), an offer has its home in the one that
//! its id gives, and the rest of the programme has its home in the first
//! ([`Command::partition`](domain::Command::partition)). No other file of this crate chooses a
//! partition for a command.

mod outcomes;

use std::sync::Arc;
use std::time::Duration;

use domain::{Clock, Command, MessageNumber, PROGRAMME_HOME, Timestamp};
use event_store::EventStore;
use futures_util::future::{join, join_all, try_join_all};
use log_record::{Partition, Place, Position};
use tokio::sync::{oneshot, watch};
use trace::Tracer;
use wire::Switches;

pub use outcomes::{Spread, TransferOutcome};

use crate::metrics::CommandMetrics;
use crate::writer::command_trace::MarkedCommand;
use crate::writer::commits::Commits;
use crate::writer::neighbours::Neighbours;
use crate::writer::record::read_at_start;
use crate::writer::{
    Answer, ReadClock, Request, StartError, Unanswered, Writer, WriterConfig, WriterStatus,
};

/// The writers of a log; clones share them. They stop when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Writers(Arc<Running>);

#[derive(Debug)]
struct Running {
    home: Writer,
    /// Of the other partitions, from the second on.
    others: Vec<Writer>,
    /// What they share, where there are others.
    neighbours: Option<Arc<Neighbours>>,
    metrics: CommandMetrics,
    tracer: Tracer,
    switches: Switches,
}

impl Writers {
    /// Starts a writer for each partition of the log. The receiver gets a message when all of them
    /// have stopped: one that stops leaves the others serving.
    pub async fn start(
        mut config: WriterConfig,
    ) -> Result<(Self, oneshot::Receiver<()>), StartError> {
        let (partitions, metrics) = (config.store.partitions(), config.metrics.clone());
        let (tracer, switches) = (config.tracer.clone(), config.switches.clone());
        if partitions <= 1 {
            let (home, has_stopped) = Writer::start(config, PROGRAMME_HOME).await?;
            let (others, neighbours) = (vec![], None);
            let running = Running { home, others, neighbours, metrics, tracer, switches };
            return Ok((Self(Arc::new(running)), has_stopped));
        }
        let (last_of_all, is_begun) = last_of_all(&config.store).await?;
        let (neighbours, words) = Neighbours::new(partitions);
        let commits = Commits::new(config.store.clone());
        let start = |config: &WriterConfig, (partition, words)| {
            let across = Some((Arc::clone(&neighbours), commits.clone(), words));
            Writer::start_among(config.clone(), partition, across, last_of_all)
        };
        let mut starts = (0..).map(Partition).zip(words);
        let mut started = vec![];
        if !is_begun {
            // All are opened with the first one's clock, also by a start after one that broke off.
            for first in starts.by_ref().take(1) {
                let home = start(&config, first).await?;
                config.clock = Some(home.0.clock());
                started.push(home);
            }
        }
        started.extend(try_join_all(starts.map(|each| start(&config, each))).await?);
        let (mut writers, all_stopped): (Vec<_>, Vec<_>) = started.into_iter().unzip();
        let home: Writer = writers.remove(0);
        for (partition, writer) in (1..).map(Partition).zip(&writers) {
            let (opened, home) = (writer.clock(), home.clock());
            if opened != home {
                return Err(StartError::ClocksDiffer { partition, opened, home });
            }
        }
        check_received(&config.store, &neighbours).await?;
        let (stopped, has_stopped) = oneshot::channel();
        tokio::spawn(async move {
            drop(join_all(all_stopped).await);
            // Whoever asked for the message may have gone.
            let _ = stopped.send(());
        });
        let (others, neighbours) = (writers, Some(neighbours));
        let running = Running { home, others, neighbours, metrics, tracer, switches };
        Ok((Self(Arc::new(running)), has_stopped))
    }

    /// Has the command decided by the writer of its partition.
    pub async fn submit(&self, mut request: Request) -> Result<Answer, Unanswered> {
        let marked = MarkedCommand::begin(&self.0.tracer, &mut request);
        let is_for_each = matches!(request.command, Command::ConfirmClock(_));
        let outcome = if is_for_each && !self.0.others.is_empty() {
            Box::pin(self.submit_to_each(request)).await
        } else {
            self.of(&request.command).submit(request).await
        };
        self.0.metrics.count(&outcome);
        if let Some(marked) = marked {
            marked.end(&outcome);
        }
        outcome
    }

    /// Every partition decides, but for those that have stopped. The answer is the programme's
    /// home's, or that of a partition that hasn't recorded it.
    async fn submit_to_each(&self, request: Request) -> Result<Answer, Unanswered> {
        let others = self.0.others.iter().filter(|writer| !writer.is_stopped());
        let others = join_all(others.map(|writer| writer.submit(request.clone())));
        let (home, others) = join(self.0.home.submit(request.clone()), others).await;
        let is_other = |outcome: &Result<_, _>| !matches!(outcome, Ok(Answer::Recorded { .. }));
        others.into_iter().find(is_other).unwrap_or(home)
    }

    fn of(&self, command: &Command) -> &Writer {
        let Running { home, others, .. } = &*self.0;
        if others.is_empty() { home } else { self.at(command.partition(self.partitions())) }
    }

    fn at(&self, partition: Partition) -> &Writer {
        let Running { home, others, .. } = &*self.0;
        let other = usize::from(partition.0).checked_sub(1);
        other.and_then(|other| others.get(other)).unwrap_or(home)
    }

    /// How many partitions there are.
    pub(crate) fn partitions(&self) -> u16 {
        u16::try_from(self.0.others.len() + 1).unwrap_or(u16::MAX)
    }

    fn all(&self) -> impl Iterator<Item = (Partition, &Writer)> {
        let Running { home, others, .. } = &*self.0;
        (0..).map(Partition).zip([home].into_iter().chain(others))
    }

    /// How long a command waits for its writer, and how long one read of the log for it may take.
    pub(crate) fn deadline(&self) -> Duration {
        self.0.home.deadline()
    }

    /// Begins the spans of commands.
    pub(crate) fn tracer(&self) -> &Tracer {
        &self.0.tracer
    }

    /// What operators have turned on.
    pub(crate) fn switches(&self) -> &Switches {
        &self.0.switches
    }

    /// Where the log takes its time from.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.0.home.clock()
    }

    /// The clocks that the writers go by.
    #[must_use]
    pub fn read_clock(&self) -> &ReadClock {
        self.0.home.read_clock()
    }

    /// The status of every partition's writer, now and as it changes.
    pub fn statuses(&self) -> impl Iterator<Item = (Partition, watch::Receiver<WriterStatus>)> {
        self.all().map(|(partition, writer)| (partition, writer.status()))
    }

    /// The last event of the snapshot from which each partition was started; before the first,
    /// where there was no snapshot.
    pub fn loaded_from(&self) -> impl Iterator<Item = (Partition, Position)> {
        self.all().map(|(partition, writer)| (partition, writer.loaded_from()))
    }
}

/// Checks that nobody has received what nobody sent, as in a log that was put together of several
/// moments. What was sent since the writers began, they may not have told yet; the log has it.
async fn check_received(store: &EventStore, neighbours: &Neighbours) -> Result<(), StartError> {
    for (partition, from, MessageNumber(number)) in neighbours.received_beyond() {
        let unread = |source| StartError::TakeOver { partition, source };
        let sent = store.read_messages(from, partition, number, 1).await.map_err(unread)?;
        if sent.is_empty() {
            return Err(StartError::Unsent { partition, from, number });
        }
    }
    Ok(())
}

/// The time of the last event of all partitions, if there is any, and whether all have one.
async fn last_of_all(store: &EventStore) -> Result<(Option<Timestamp>, bool), StartError> {
    let (mut last, mut is_begun) = (None, true);
    for partition in (0..store.partitions()).map(Partition) {
        let unread = |source| StartError::TakeOver { partition, source };
        let position = read_at_start(|| store.head(partition)).await.map_err(unread)?.position;
        is_begun &= position > Position::START;
        if position > Position::START {
            let place = Place { partition, position };
            let row = read_at_start(|| store.read_one(place)).await.map_err(unread)?;
            last = last.max(Timestamp::from_micros(row.recorded_at).ok());
        }
    }
    Ok((last, is_begun))
}
