//! Every partition's writer, and the choice of the one that decides a command.
//!
//! An account lives in the partition that its id gives
//! ([`AccountId::partition`](domain::AccountId)); the programme has one home. A ledger has one
//! partition for now. No other file of this crate chooses a partition for a command.

use std::sync::Arc;
use std::time::Duration;

use domain::{Clock, Owner};
use futures_util::future::join_all;
use log_record::{Partition, Position};
use tokio::sync::{oneshot, watch};
use trace::Tracer;

use crate::metrics::CommandMetrics;
use crate::writer::command_trace::MarkedCommand;
use crate::writer::{
    Answer, ReadClock, Request, StartError, Unanswered, Writer, WriterConfig, WriterStatus,
};

/// The partition of the programme: its offers, rules, policy and clock.
pub const PROGRAMME_HOME: Partition = Partition(0);

/// The writers of a log; clones share them. They stop when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Writers(Arc<Running>);

#[derive(Debug)]
struct Running {
    home: Writer,
    /// Of the other partitions, from the second on.
    others: Vec<Writer>,
    metrics: CommandMetrics,
    tracer: Tracer,
}

impl Writers {
    /// Starts a writer for each partition of the log. The receiver gets a message when the last of
    /// them has stopped: a partition whose writer has stopped leaves the others serving.
    pub async fn start(config: WriterConfig) -> Result<(Self, oneshot::Receiver<()>), StartError> {
        let (partitions, metrics) = (config.store.partitions(), config.metrics.clone());
        let tracer = config.tracer.clone();
        let (home, home_stopped) = Writer::start(config.clone(), PROGRAMME_HOME).await?;
        let (mut others, mut all_stopped) = (vec![], vec![home_stopped]);
        for partition in (1..partitions).map(Partition) {
            let (writer, stopped) = Writer::start(config.clone(), partition).await?;
            others.push(writer);
            all_stopped.push(stopped);
        }
        let (stopped, has_stopped) = oneshot::channel();
        tokio::spawn(async move {
            drop(join_all(all_stopped).await);
            // Whoever asked for the message may have gone.
            let _ = stopped.send(());
        });
        Ok((Self(Arc::new(Running { home, others, metrics, tracer })), has_stopped))
    }

    /// Has the command decided by the writer of its owner's partition.
    pub async fn submit(&self, mut request: Request) -> Result<Answer, Unanswered> {
        let marked = MarkedCommand::begin(&self.0.tracer, &mut request);
        let outcome = self.of(request.command.owner()).submit(request).await;
        self.0.metrics.count(&outcome);
        if let Some(marked) = marked {
            marked.end(&outcome);
        }
        outcome
    }

    fn of(&self, owner: Owner<'_>) -> &Writer {
        let Running { home, others, .. } = &*self.0;
        match owner {
            Owner::Account(id) if !others.is_empty() => {
                let partitions = u16::try_from(others.len() + 1).unwrap_or(u16::MAX);
                let partition = usize::from(id.partition(partitions).0);
                partition.checked_sub(1).and_then(|other| others.get(other)).unwrap_or(home)
            }
            Owner::Account(_) | Owner::Programme => home,
        }
    }

    /// How long a command waits for its writer, and how long one read of the log for it may take.
    pub(crate) fn deadline(&self) -> Duration {
        self.0.home.deadline()
    }

    /// Begins the spans of commands.
    pub(crate) fn tracer(&self) -> &Tracer {
        &self.0.tracer
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

    /// The status of each partition's writer, now and as it changes.
    pub fn statuses(&self) -> impl Iterator<Item = (Partition, watch::Receiver<WriterStatus>)> {
        (0..).map(Partition).zip(self.all().map(Writer::status))
    }

    /// The last event of the snapshot from which each partition was started; before the first,
    /// where there was no snapshot.
    pub fn loaded_from(&self) -> impl Iterator<Item = (Partition, Position)> {
        (0..).map(Partition).zip(self.all().map(Writer::loaded_from))
    }

    /// In the order of their partitions.
    fn all(&self) -> impl Iterator<Item = &Writer> {
        let Running { home, others, .. } = &*self.0;
        [home].into_iter().chain(others)
    }
}
