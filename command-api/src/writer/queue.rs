//! The queue in front of a writer: two bounded ones, which share the writer by weight. Commands
//! that came alone stand in one, commands of a call with many in the other, so that a thousand
//! earnings of a merchant's call delay nobody's redemption by more than a few of them.
//!
//! Within each, who came first is decided first.

use std::future::poll_fn;
use std::task::{Context, Poll};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::answer::{NotDecided, Unanswered};
use super::queued_command::QueuedCommand;

/// The most commands that wait in each queue. A sixth of a second at 50,000 commands a second; a
/// longer queue only adds waiting.
pub(crate) const QUEUE_COMMANDS_MAX: usize = 8192;

/// For so many commands that came alone, a batch takes one that came with many.
const WEIGHT: usize = 4;

/// Or so many, if that is more: a call with a thousand earnings takes 32 batches.
const MANY_BESIDE: usize = 32;

/// Whose place in the queue a command takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// It came alone.
    Single,
    /// It came in a call with many.
    Many,
}

/// Where commands are queued. The queue is closed when the last is dropped.
#[derive(Debug)]
pub(super) struct Queue {
    single: mpsc::Sender<QueuedCommand>,
    many: mpsc::Sender<QueuedCommand>,
}

/// Says how many commands wait, and keeps no queue open.
#[derive(Debug)]
pub(crate) struct QueueLengths {
    single: mpsc::WeakSender<QueuedCommand>,
    many: mpsc::WeakSender<QueuedCommand>,
}

/// Where the writer takes them.
#[derive(Debug)]
pub(super) struct Arrivals {
    single: mpsc::Receiver<QueuedCommand>,
    many: mpsc::Receiver<QueuedCommand>,
    taken: Taken,
}

/// How many commands were taken for the batch that is gathered.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    single: usize,
    many: usize,
    /// How many came alone in the batch before: whoever was answered with it asks again while this
    /// one is gathered.
    single_before: usize,
}

/// A queue, and where its commands are taken.
pub(super) fn queue() -> (Queue, Arrivals) {
    let (to_single, single) = mpsc::channel(QUEUE_COMMANDS_MAX);
    let (to_many, many) = mpsc::channel(QUEUE_COMMANDS_MAX);
    let queue = Queue { single: to_single, many: to_many };
    (queue, Arrivals { single, many, taken: Taken::default() })
}

impl Class {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Single, Self::Many];

    /// As metrics write it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Many => "many",
        }
    }
}

impl Queue {
    /// Queues the command, if there is room.
    pub(super) fn push(&self, class: Class, command: QueuedCommand) -> Result<(), NotDecided> {
        let queue = match class {
            Class::Single => &self.single,
            Class::Many => &self.many,
        };
        queue.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => NotDecided::QueueFull,
            TrySendError::Closed(_) => NotDecided::Stopped,
        })
    }

    /// How many wait that came alone.
    pub(super) fn waiting(&self) -> usize {
        length(&self.single)
    }

    pub(super) fn lengths(&self) -> QueueLengths {
        QueueLengths { single: self.single.downgrade(), many: self.many.downgrade() }
    }
}

impl QueueLengths {
    /// How many of each class wait.
    pub(crate) fn read(&self) -> [usize; 2] {
        let length = |queue: &mpsc::WeakSender<_>| queue.upgrade().as_ref().map_or(0, length);
        [length(&self.single), length(&self.many)]
    }
}

fn length(queue: &mpsc::Sender<QueuedCommand>) -> usize {
    queue.max_capacity() - queue.capacity()
}

impl Arrivals {
    /// Takes at most `room` commands, which isn't 0: waits until there are some, and gives how many
    /// came; 0 if none will come any more. Nothing is lost where this is dropped while it waits.
    pub(super) async fn take(&mut self, into: &mut Vec<QueuedCommand>, room: usize) -> usize {
        poll_fn(|context| self.poll_take(context, into, room)).await
    }

    fn poll_take(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<QueuedCommand>,
        room: usize,
    ) -> Poll<usize> {
        let kept = if self.many.is_empty() { 0 } else { room / (WEIGHT + 1) };
        let single = self.single.poll_recv_many(context, into, room - kept);
        let taken = if let Poll::Ready(taken) = single { taken } else { 0 };
        self.taken.single += taken;
        let for_many = self.taken.room_for_many().min(room - taken);
        let many = match for_many {
            // The queue would take no room for the end of all commands.
            0 => Poll::Pending,
            room => self.many.poll_recv_many(context, into, room),
        };
        let taken_of_many = if let Poll::Ready(taken) = many { taken } else { 0 };
        self.taken.many += taken_of_many;
        let have_ended = single.is_ready() && many.is_ready();
        match taken + taken_of_many {
            0 if !have_ended => Poll::Pending,
            taken => Poll::Ready(taken),
        }
    }

    /// How many wait that came alone.
    pub(super) fn waiting(&self) -> usize {
        self.single.len()
    }

    /// What was taken goes into the log, and the next batch is gathered.
    pub(super) fn begin_batch(&mut self) {
        self.taken = Taken { single_before: self.taken.single, ..Taken::default() };
    }

    /// No batch is gathered: nothing that was taken is left.
    pub(super) fn empty_batch(&mut self) {
        self.taken = Taken { single_before: self.taken.single_before, ..Taken::default() };
    }

    /// Lets nothing more in.
    pub(super) fn close(&mut self) {
        self.single.close();
        self.many.close();
    }

    /// The next command of either class; none once the queue is closed and empty.
    pub(super) async fn next(&mut self) -> Option<QueuedCommand> {
        match self.single.recv().await {
            None => self.many.recv().await,
            single => single,
        }
    }

    /// Answers all that wait: none of them is decided.
    pub(super) fn turn_away(&mut self, why: NotDecided) {
        for queue in [&mut self.single, &mut self.many] {
            while let Ok(command) = queue.try_recv() {
                command.answer(Err(Unanswered::NotDecided(why)));
            }
        }
    }
}

impl Taken {
    /// How many more of those that came with many the batch may take: as many as there are, where
    /// nobody came alone of late.
    fn room_for_many(self) -> usize {
        let single = self.single.max(self.single_before);
        let most = if single == 0 { usize::MAX } else { MANY_BESIDE.max(single / WEIGHT) };
        most.saturating_sub(self.many)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_with_many_have_all_places_where_nobody_asks_alone_and_a_fifth_where_all_are_wanted() {
        let of =
            |single, single_before, many| Taken { single, many, single_before }.room_for_many();
        assert_eq!(of(0, 0, 1_000), usize::MAX - 1_000);
        assert_eq!(of(1, 0, 0), MANY_BESIDE);
        assert_eq!(of(0, 64, 28), MANY_BESIDE - 28, "those of the batch before ask again");
        assert_eq!(of(820, 820, 0), 205, "four for one");
        assert_eq!(of(820, 820, 300), 0);
    }
}
