//! The command API's metrics. `docs/operations/metrics.md` explains them.
//!
//! A command raises one counter; everything else is set once for each batch.

use log_record::{Epoch, Partition, Position};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::writer::answer::{Answer, Unanswered};

type Outcome = [(&'static str, &'static str); 1];
type OfPartition = [(&'static str, u16); 1];

/// The command API's metrics. Clones share them.
#[derive(Clone, Debug)]
pub struct CommandMetrics {
    outcomes: Family<Outcome, Counter>,
    by_outcome: [Counter; OUTCOMES.len()],
    batches: Family<OfPartition, Counter>,
    events: Family<OfPartition, Counter>,
    queued: Family<OfPartition, Gauge>,
    epoch: Family<OfPartition, Gauge>,
    position: Family<OfPartition, Gauge>,
}

/// The outcomes of commands, in the order of [`outcome_of`].
const OUTCOMES: [&str; 8] = [
    "recorded",
    "repeated",
    "unchanged",
    "previewed",
    "refused",
    "not-decided",
    "unknown",
    "failed",
];

const fn outcome_of(outcome: &Result<Answer, Unanswered>) -> usize {
    match outcome {
        Ok(Answer::Recorded { .. }) => 0,
        Ok(Answer::Repeat { .. }) => 1,
        Ok(Answer::Unchanged(..)) => 2,
        Ok(Answer::Preview(_)) => 3,
        Ok(Answer::IdReused(_) | Answer::Refused(_)) => 4,
        Err(Unanswered::NotDecided(_)) => 5,
        Err(Unanswered::OutcomeUnknown) => 6,
        Err(Unanswered::Panicked | Unanswered::OriginalUnread | Unanswered::Failed) => 7,
    }
}

/// The outcome's name.
pub(crate) const fn outcome_name(outcome: &Result<Answer, Unanswered>) -> &'static str {
    OUTCOMES[outcome_of(outcome)]
}

/// A batch of a partition that is durable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommittedBatch {
    pub(crate) partition: Partition,
    pub(crate) epoch: Epoch,
    /// The position of its last event.
    pub(crate) last: Position,
    /// The number of its events.
    pub(crate) events: usize,
    /// The commands that wait in the queue by now.
    pub(crate) queued: usize,
}

impl Default for CommandMetrics {
    fn default() -> Self {
        let outcomes = Family::<Outcome, Counter>::default();
        let by_outcome = OUTCOMES.map(|name| outcomes.get_or_create(&[("outcome", name)]).clone());
        Self {
            outcomes,
            by_outcome,
            batches: Family::default(),
            events: Family::default(),
            queued: Family::default(),
            epoch: Family::default(),
            position: Family::default(),
        }
    }
}

impl CommandMetrics {
    /// Registers the metrics.
    pub fn register(&self, registry: &mut Registry) {
        let help = "commands by their outcome";
        registry.register("guerdon_commands", help, self.outcomes.clone());
        let help = "batches that a writer has committed";
        registry.register("guerdon_writer_batches", help, self.batches.clone());
        let help = "events that a writer has committed";
        registry.register("guerdon_writer_events", help, self.events.clone());
        let help = "commands that waited for the writer when it committed its last batch";
        registry.register("guerdon_writer_queued_commands", help, self.queued.clone());
        let help = "the writer's epoch, which each take-over raises";
        registry.register("guerdon_writer_epoch", help, self.epoch.clone());
        let help = "position of the last durable event";
        registry.register("guerdon_writer_position", help, self.position.clone());
    }

    /// Counts a command.
    pub(crate) fn count(&self, outcome: &Result<Answer, Unanswered>) {
        self.by_outcome[outcome_of(outcome)].inc();
    }

    /// Shows where a writer starts.
    pub fn start(&self, partition: Partition, epoch: Epoch, position: Position) {
        let of = [("partition", partition.0)];
        self.batches.get_or_create(&of).inc_by(0);
        self.events.get_or_create(&of).inc_by(0);
        self.queued.get_or_create(&of).set(0);
        self.epoch.get_or_create(&of).set(clamped(epoch.0));
        self.position.get_or_create(&of).set(clamped(position.0));
    }

    /// Counts a batch.
    pub(crate) fn committed(&self, batch: CommittedBatch) {
        let of = [("partition", batch.partition.0)];
        if batch.events > 0 {
            self.batches.get_or_create(&of).inc();
            self.events.get_or_create(&of).inc_by(batch.events as u64);
        }
        self.queued.get_or_create(&of).set(clamped(batch.queued as u64));
        self.epoch.get_or_create(&of).set(clamped(batch.epoch.0));
        self.position.get_or_create(&of).set(clamped(batch.last.0));
    }
}

fn clamped(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
