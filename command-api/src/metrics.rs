//! The command API's metrics. `docs/operations/metrics.md` explains them.
//!
//! A command raises two counters and adds to one histogram; everything else is set once for each
//! batch, or read at a scrape.

use std::sync::Arc;

use domain::Refusal;
use log_record::Partition;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use wire::Overload;

use crate::refusal_problem::ID_REUSED;
use crate::shed_metrics::ShedMetrics;
use crate::writer::answer::{Answer, Unanswered};
use crate::writer::queue::{Class, QUEUE_COMMANDS_MAX};
use crate::writer_metrics::{Histograms, OfClass, OfPartition, Seconds, WriterMetrics};

type Outcome = [(&'static str, &'static str); 1];

/// The command API's metrics. Clones share them.
#[derive(Clone, Debug)]
pub struct CommandMetrics {
    outcomes: Family<Outcome, Counter>,
    by_outcome: [Counter; OUTCOMES.len()],
    refusals: Family<Outcome, Counter>,
    queued: Family<OfClass, Gauge>,
    queue_limit: Gauge,
    queue_wait: Histograms<OfClass>,
    overload: Overload,
    batch_commands: Histograms,
    batch_events: Histograms,
    events: Family<OfPartition, Counter>,
    append: Histograms,
    commit: Histograms,
    append_pending: Family<OfPartition, Seconds>,
    epoch: Family<OfPartition, Gauge>,
    position: Family<OfPartition, Gauge>,
    accounts: Family<OfPartition, Gauge>,
    offers: Family<OfPartition, Gauge>,
    ids: Family<OfPartition, Gauge>,
    state_bytes: Family<OfPartition, Gauge>,
    writers: Arc<Mutex<Vec<WriterMetrics>>>,
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

/// From half a millisecond to eight seconds: the default command deadline is below that.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.000_5, 2.0, 15))
}

/// From 1 to 16,384: a batch has at most 1,024 commands, and most of them make two events.
fn sizes() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 15))
}

impl Default for CommandMetrics {
    fn default() -> Self {
        let outcomes = Family::<Outcome, Counter>::default();
        let by_outcome = OUTCOMES.map(|name| outcomes.get_or_create(&[("outcome", name)]).clone());
        let histograms = |make: fn() -> Histogram| Family::new_with_constructor(make);
        // A counter that begins with its first refusal would hide that one from `increase`.
        let refusals = Family::<Outcome, Counter>::default();
        let codes = Refusal::ROWS.iter().map(|row| row.code);
        for code in codes.chain([ID_REUSED.slug]) {
            drop(refusals.get_or_create(&[("code", code)]));
        }
        let queue_limit = Gauge::default();
        queue_limit.set(i64::try_from(QUEUE_COMMANDS_MAX).unwrap_or(i64::MAX));
        Self {
            outcomes,
            by_outcome,
            refusals,
            queued: Family::default(),
            queue_limit,
            queue_wait: Family::new_with_constructor(seconds as fn() -> Histogram),
            overload: Overload::default(),
            batch_commands: histograms(sizes),
            batch_events: histograms(sizes),
            events: Family::default(),
            append: histograms(seconds),
            commit: histograms(seconds),
            append_pending: Family::default(),
            epoch: Family::default(),
            position: Family::default(),
            accounts: Family::default(),
            offers: Family::default(),
            ids: Family::default(),
            state_bytes: Family::default(),
            writers: Arc::default(),
        }
    }
}

impl CommandMetrics {
    /// Registers the metrics.
    pub fn register(&self, registry: &mut Registry) {
        let help = "commands by their outcome";
        registry.register("guerdon_commands", help, self.outcomes.clone());
        let help = "commands that were refused, by the refusal's code";
        registry.register("guerdon_refusals", help, self.refusals.clone());
        self.register_queue(registry);
        registry.register_collector(Box::new(ShedMetrics(self.overload.clone())));
        self.register_batches(registry);
        let help = "the writer's epoch, which each take-over raises";
        registry.register("guerdon_writer_epoch", help, self.epoch.clone());
        let help = "position of the last durable event";
        registry.register("guerdon_writer_position", help, self.position.clone());
        let help = "accounts in the writer's state";
        registry.register("guerdon_state_accounts", help, self.accounts.clone());
        let help = "offers in the writer's state, open or not";
        registry.register("guerdon_state_offers", help, self.offers.clone());
        let help = "ids of commands in the writer's state, which are kept for ever";
        registry.register("guerdon_state_ids", help, self.ids.clone());
        let help = "about how much memory the writer's state takes";
        let (name, bytes) = ("guerdon_state", self.state_bytes.clone());
        registry.register_with_unit(name, help, Unit::Bytes, bytes);
    }

    fn register_queue(&self, registry: &mut Registry) {
        let help = "commands that wait for the writer, by whether they came alone";
        registry.register("guerdon_writer_queued_commands", help, self.queued.clone());
        let help = "how many commands of each class may wait; the next is answered not-decided";
        registry.register("guerdon_writer_queue_limit_commands", help, self.queue_limit.clone());
        let help = "how long commands waited until the writer decided them";
        let (name, waits) = ("guerdon_writer_queue_wait", self.queue_wait.clone());
        registry.register_with_unit(name, help, Unit::Seconds, waits);
    }

    fn register_batches(&self, registry: &mut Registry) {
        let help = "commands in each batch";
        registry.register("guerdon_writer_batch_commands", help, self.batch_commands.clone());
        let help = "events in each batch that has any; the count is that of appends";
        registry.register("guerdon_writer_batch_events", help, self.batch_events.clone());
        let help = "events that a writer has committed";
        registry.register("guerdon_writer_events", help, self.events.clone());
        let help = "how long appends took until their events were durable, tries again included";
        let (name, times) = ("guerdon_writer_append_duration", self.append.clone());
        registry.register_with_unit(name, help, Unit::Seconds, times);
        let help = "how long a SQLite log's commits took, which sync the disk; part of the append";
        let (name, times) = ("guerdon_writer_commit_duration", self.commit.clone());
        registry.register_with_unit(name, help, Unit::Seconds, times);
        let help = "for how long the present append has been under way; 0 where there is none";
        let (name, pending) = ("guerdon_writer_append_pending", self.append_pending.clone());
        registry.register_with_unit(name, help, Unit::Seconds, pending);
    }

    /// What the process knows of its overload, to which the writers tell it.
    #[must_use]
    pub fn overload(&self) -> &Overload {
        &self.overload
    }

    /// Counts a command.
    pub(crate) fn count(&self, outcome: &Result<Answer, Unanswered>) {
        self.by_outcome[outcome_of(outcome)].inc();
        if let Some(code) = refusal_code(outcome) {
            self.refusals.get_or_create(&[("code", code)]).inc();
        }
    }

    /// The metrics of a partition's writer.
    #[must_use]
    pub fn of(&self, partition: Partition) -> WriterMetrics {
        let of = [("partition", partition.0)];
        let classes =
            Class::ALL.map(|class| OfClass { partition: partition.0, class: class.as_str() });
        let writer = WriterMetrics {
            queued: classes.each_ref().map(|class| self.queued.get_or_create_owned(class)),
            queue_wait: classes.map(|class| self.queue_wait.get_or_create_owned(&class)),
            batch_commands: self.batch_commands.get_or_create_owned(&of),
            batch_events: self.batch_events.get_or_create_owned(&of),
            events: self.events.get_or_create_owned(&of),
            append: self.append.get_or_create_owned(&of),
            commit: self.commit.get_or_create_owned(&of),
            append_pending: self.append_pending.get_or_create_owned(&of),
            epoch: self.epoch.get_or_create_owned(&of),
            position: self.position.get_or_create_owned(&of),
            accounts: self.accounts.get_or_create_owned(&of),
            offers: self.offers.get_or_create_owned(&of),
            ids: self.ids.get_or_create_owned(&of),
            state_bytes: self.state_bytes.get_or_create_owned(&of),
            queue: Arc::default(),
            appending_since: Arc::default(),
            sized_at: None,
        };
        self.writers.lock().push(writer.clone());
        writer
    }

    /// Reads what is as it is at a scrape: how many commands wait, and for how long an append has
    /// been under way.
    pub fn read(&self) {
        self.writers.lock().iter().for_each(WriterMetrics::read);
    }
}

/// The code of a refusal.
pub(crate) const fn refusal_code(outcome: &Result<Answer, Unanswered>) -> Option<&'static str> {
    match outcome {
        Ok(Answer::Refused(refusal)) => Some(refusal.code()),
        Ok(Answer::IdReused(_)) => Some(ID_REUSED.slug),
        _ => None,
    }
}
