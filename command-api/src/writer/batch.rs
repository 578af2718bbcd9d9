//! The commands that are appended together, and their answers, held back until it is durable.

use domain::OfferId;
use event_store::AppendLimit;
use log_record::{BatchId, NewEvent};
use uuid::Uuid;

use super::answer::Unanswered;
use super::decide::BATCH_COMMANDS_MAX;
use super::gate::Gate;
use super::neighbours::News;
use super::queue::Class;
use super::queued_command::{QueuedCommand, Reply};

/// The size of the events in a batch from which on no more commands are added: ten times what a
/// thousand redemptions record. The command that reaches it may add its megabytes.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// Commands that were decided one after the other.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) id: BatchId,
    pub(super) events: Vec<NewEvent>,
    pub(super) decided: Vec<(QueuedCommand, Reply)>,
    /// Offers that the batch left sold out (or no longer), in order.
    pub(super) sold_out: Vec<(OfferId, bool)>,
    /// What other partitions' writers are told of it.
    pub(super) news: Vec<News>,
    /// Where it can be cut: after each command.
    ends: Vec<End>,
    /// The length of the events' texts.
    bytes: usize,
}

/// How much of each there is in a batch.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    events: usize,
    decided: usize,
    sold_out: usize,
    news: usize,
}

impl Batch {
    /// Whether there is neither anything to append nor anybody to answer.
    pub(super) const fn is_empty(&self) -> bool {
        self.events.is_empty() && self.decided.is_empty() && self.news.is_empty()
    }

    pub(super) fn new() -> Self {
        let id = BatchId(Uuid::now_v7());
        let (events, decided, sold_out, news) = (vec![], vec![], vec![], vec![]);
        Self { id, events, decided, sold_out, news, ends: vec![], bytes: 0 }
    }

    /// How many of its commands came alone.
    pub(super) fn singles(&self) -> usize {
        let classes = self.decided.iter().map(|(command, _)| command.request.class());
        classes.filter(|class| *class == Class::Single).count()
    }

    /// Whether no further command or message belongs into it.
    pub(super) const fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES_MAX
            || self.decided.len() >= BATCH_COMMANDS_MAX
            || self.ends.len() >= BATCH_COMMANDS_MAX
    }

    /// Adds an event.
    pub(super) fn push(&mut self, event: NewEvent) {
        self.bytes += bytes_of(&event);
        self.events.push(event);
    }

    /// Removes all but the first events.
    pub(super) fn truncate(&mut self, events: usize) {
        self.bytes -= self.events.drain(events..).map(|event| bytes_of(&event)).sum::<usize>();
    }

    /// All that belongs to a command is in it.
    pub(super) fn end_command(&mut self) {
        let end = End {
            events: self.events.len(),
            decided: self.decided.len(),
            sold_out: self.sold_out.len(),
            news: self.news.len(),
        };
        match self.ends.last_mut() {
            Some(last) if last.events == end.events => *last = end,
            _ => self.ends.push(end),
        }
    }

    /// Keeps as many commands, from the first on, as one append can have; gives back the others,
    /// which come after them. No command is cut in two.
    pub(super) fn cut(&mut self, limit: AppendLimit) -> Self {
        let mut rest = Self::new();
        let fitting = if limit.is_none() { self.events.len() } else { limit.fitting(&self.events) };
        if fitting == self.events.len() {
            return rest;
        }
        let kept = self.ends.iter().take_while(|end| end.events <= fitting).count();
        let at = kept.checked_sub(1).map_or_else(End::default, |last| self.ends[last]);
        rest.events = self.events.split_off(at.events);
        rest.bytes = rest.events.iter().map(bytes_of).sum();
        self.bytes -= rest.bytes;
        rest.decided = self.decided.split_off(at.decided);
        rest.sold_out = self.sold_out.split_off(at.sold_out);
        rest.news = self.news.split_off(at.news);
        rest.ends = self.ends.split_off(kept);
        for end in &mut rest.ends {
            end.events -= at.events;
            end.decided -= at.decided;
            end.sold_out -= at.sold_out;
            end.news -= at.news;
        }
        rest
    }

    /// Tells the commands that are traced that the batch goes into the log now.
    pub(super) fn trace(&mut self, events: usize) {
        let commands = self.decided.len();
        for trace in self.decided.iter_mut().filter_map(|(command, _)| command.trace.as_mut()) {
            trace.committing(events, commands);
        }
    }

    /// Gives every answer: the batch, and all before it, are durable.
    pub(super) fn release(self, gate: &Gate) {
        for (offer, is_sold_out) in &self.sold_out {
            gate.set_sold_out(offer, *is_sold_out);
        }
        for (command, reply) in self.decided {
            command.answer(Ok(reply));
        }
    }

    /// Takes back what was decided; none of it landed.
    pub(super) fn take_back(self) -> impl Iterator<Item = QueuedCommand> {
        self.decided.into_iter().map(|(command, _)| {
            command.claim.put_back();
            command
        })
    }

    /// Tells everyone why there is no outcome.
    pub(super) fn leave(self, unanswered: Unanswered) {
        for (command, _) in self.decided {
            command.answer(Err(unanswered));
        }
    }
}

fn bytes_of(event: &NewEvent) -> usize {
    event.public.len() + event.private.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(commands: &[usize]) -> Batch {
        let mut batch = Batch::new();
        for (command, events) in commands.iter().enumerate() {
            for _ in 0..*events {
                batch.push(NewEvent {
                    event_type: "credit-earned",
                    version: 1,
                    recorded_at: i64::try_from(command).expect("it fits"),
                    account_id: None,
                    public: "x".repeat(1_000).into(),
                    private: "{}".into(),
                });
            }
            batch.end_command();
        }
        batch
    }

    fn commands(batch: &Batch) -> Vec<i64> {
        batch.events.iter().map(|event| event.recorded_at).collect()
    }

    #[test]
    fn a_batch_is_cut_between_commands() {
        // Three events fit, and the second command's would be the third and the fourth.
        let limit = AppendLimit::of(3 * 1_700);
        let mut first = batch(&[2, 2, 0, 1, 3]);
        let mut second = first.cut(limit);
        let mut third = second.cut(limit);
        let none = third.cut(limit);
        assert_eq!(commands(&first), [0, 0]);
        assert_eq!(commands(&second), [1, 1, 3]);
        assert_eq!(commands(&third), [4, 4, 4]);
        assert!(none.is_empty());
    }

    #[test]
    fn a_batch_has_room_for_so_many_commands_and_messages() {
        assert!(!batch(&[1; BATCH_COMMANDS_MAX - 1]).is_full());
        assert!(batch(&[1; BATCH_COMMANDS_MAX]).is_full());
    }

    #[test]
    fn a_batch_that_fits_stays_whole() {
        let mut whole = batch(&[2, 2]);
        assert!(whole.cut(AppendLimit::NONE).is_empty());
        assert_eq!(whole.events.len(), 4);
    }
}
