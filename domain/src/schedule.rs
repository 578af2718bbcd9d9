//! When things are to be looked at because something falls due in them by itself.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::Timestamp;
use crate::account::OfferNumber;

/// An account's place in the state.
pub type AccountNumber = u32;

/// A thing in which something falls due by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// An account: credit matures or expires, a hold ends.
    Account(AccountNumber),
    /// An offer.
    Offer(OfferNumber),
}

/// Things by the time at which something falls due in them next. A thing that must be looked at
/// earlier than planned is entered again; what was planned before is then passed over.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    queue: BinaryHeap<Reverse<(Timestamp, Due)>>,
    /// The earliest time at which each account is in the queue.
    accounts: Vec<Option<Timestamp>>,
    /// Likewise each offer.
    offers: Vec<Option<Timestamp>>,
}

impl Schedule {
    /// Something falls due in a thing at `time`.
    pub(crate) fn plan(&mut self, due: Due, time: Timestamp) {
        let planned = self.planned(due);
        if planned.is_none_or(|planned| time < planned) {
            *planned = Some(time);
            self.queue.push(Reverse((time, due)));
        }
    }

    /// The earliest time that was ever planned and hasn't been taken.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        self.queue.peek().map(|Reverse((time, _))| *time)
    }

    /// Takes out the next thing that was planned for `now` or before. The caller finds out whether
    /// something really is due there, and plans when it is next.
    pub(crate) fn take(&mut self, now: Timestamp) -> Option<Due> {
        while let Some(Reverse((time, due))) = self.queue.peek().copied() {
            if time > now {
                return None;
            }
            self.queue.pop();
            let planned = self.planned(due);
            if *planned == Some(time) {
                *planned = None;
                return Some(due);
            }
        }
        None
    }

    fn planned(&mut self, due: Due) -> &mut Option<Timestamp> {
        let (planned, index) = match due {
            Due::Account(number) => (&mut self.accounts, number as usize),
            Due::Offer(OfferNumber(number)) => (&mut self.offers, number as usize),
        };
        if planned.len() <= index {
            planned.resize(index + 1, None);
        }
        &mut planned[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_taken_at_its_earliest_time_and_once() {
        let (ann, mug) = (Due::Account(7), Due::Offer(OfferNumber(7)));
        let mut schedule = Schedule::default();
        schedule.plan(ann, time(20));
        schedule.plan(ann, time(10));
        schedule.plan(ann, time(30));
        schedule.plan(mug, time(15));
        assert_eq!(schedule.take(time(9)), None);
        assert_eq!(schedule.take(time(40)), Some(ann));
        assert_eq!(schedule.take(time(40)), Some(mug));
        assert_eq!(schedule.take(time(40)), None);
        schedule.plan(ann, time(50));
        assert_eq!(schedule.take(time(50)), Some(ann));
    }

    fn time(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap_or_default()
    }
}
