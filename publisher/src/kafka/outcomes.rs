//! The outcomes of a sender's messages, on their way from librdkafka's thread.
//!
//! Kafka acknowledges batches, and a batch has messages of one lane in a row. So what was
//! acknowledged in a row is told as one run, and the sender is woken once for all that waits.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::producer::Failure;

/// The number by which a sender knows one of its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageTag {
    /// The index of the message's lane, or whatever index the sender has.
    pub(crate) lane: usize,
    /// Counts the lane's messages.
    pub(crate) number: u64,
}

/// Messages of one lane in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The number of the first.
    pub(crate) first: u64,
    pub(crate) count: u64,
}

/// The outcome of a run of messages; those that failed are told one by one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) lane: usize,
    pub(crate) run: Run,
    pub(crate) outcome: Result<(), Failure>,
}

/// What became of a sender's messages, and isn't known to the sender yet.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    told: Mutex<VecDeque<Delivery>>,
    news: Notify,
}

impl Delivery {
    /// Of one message.
    pub(crate) const fn of(tag: MessageTag, outcome: Result<(), Failure>) -> Self {
        let MessageTag { lane, number } = tag;
        Self { lane, run: Run { first: number, count: 1 }, outcome }
    }

    /// Adds a message that was acknowledged right after these.
    fn extend(&mut self, tag: MessageTag) -> bool {
        let Run { first, count } = self.run;
        let follows = tag.lane == self.lane && tag.number == first + count && self.outcome.is_ok();
        self.run.count += u64::from(follows);
        follows
    }
}

impl Outcomes {
    /// Tells the outcome of a message.
    pub(super) fn tell(&self, tag: MessageTag, outcome: Result<(), Failure>) {
        let was_empty = {
            let mut told = self.told.lock();
            let was_empty = told.is_empty();
            if outcome.is_err() || !told.back_mut().is_some_and(|last| last.extend(tag)) {
                told.push_back(Delivery::of(tag, outcome));
            }
            was_empty
        };
        if was_empty {
            self.news.notify_one();
        }
    }

    /// The next outcome, which is waited for.
    pub(crate) async fn next(&self) -> Delivery {
        loop {
            if let Some(delivery) = self.try_next() {
                return delivery;
            }
            self.news.notified().await;
        }
    }

    /// An outcome that is there already.
    pub(crate) fn try_next(&self) -> Option<Delivery> {
        self.told.lock().pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(lane: usize, number: u64) -> MessageTag {
        MessageTag { lane, number }
    }

    #[tokio::test]
    async fn what_is_acknowledged_in_a_row_is_one_outcome() {
        let (outcomes, refused) = (Outcomes::default(), Failure::Refused("too large".into()));
        for number in 3..6 {
            outcomes.tell(tag(1, number), Ok(()));
        }
        outcomes.tell(tag(2, 6), Ok(()));
        outcomes.tell(tag(2, 8), Ok(()));
        outcomes.tell(tag(2, 9), Err(refused.clone()));
        outcomes.tell(tag(2, 10), Ok(()));
        let run =
            |lane, first, count, outcome| Delivery { lane, run: Run { first, count }, outcome };
        for expected in [
            run(1, 3, 3, Ok(())),
            run(2, 6, 1, Ok(())),
            run(2, 8, 1, Ok(())),
            run(2, 9, 1, Err(refused)),
            run(2, 10, 1, Ok(())),
        ] {
            assert_eq!(outcomes.next().await, expected);
        }
        assert_eq!(outcomes.try_next(), None);
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let outcomes = std::sync::Arc::new(Outcomes::default());
        let waits = std::sync::Arc::clone(&outcomes);
        let waiting = tokio::spawn(async move { waits.next().await });
        tokio::task::yield_now().await;
        outcomes.tell(tag(0, 0), Ok(()));
        assert_eq!(waiting.await.expect("no panic"), Delivery::of(tag(0, 0), Ok(())));
    }
}
