//! When things are to be looked at because something falls due in them by itself.

use std::collections::BTreeSet;

use crate::Timestamp;
use crate::account::OfferNumber;

/// An account's place in the state.
pub type AccountNumber = u32;

/// A thing in which something falls due by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// An account: credit matures or expires, a hold ends.
    Account(AccountNumber),
    /// An offer: who waits is served, or has waited long enough.
    Offer(OfferNumber),
}

/// Things by the time at which something falls due in them next. Each is in it at most once, at the
/// earliest time that was planned for it: about 40 bytes a thing, however many holds and maturities
/// an account has had.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    queue: BTreeSet<(Timestamp, Due)>,
    /// The time at which each account is in the queue.
    accounts: Vec<Option<Timestamp>>,
    /// Likewise each offer.
    offers: Vec<Option<Timestamp>>,
}

impl Schedule {
    /// The next due time of each account, by its number.
    pub(crate) fn of_accounts(times: impl Iterator<Item = Option<Timestamp>>) -> Self {
        let accounts: Vec<_> = times.collect();
        let numbered = (0..).zip(&accounts);
        let queue =
            numbered.filter_map(|(number, time)| time.map(|time| (time, Due::Account(number))));
        // It sorts them first, which is quicker than one by one.
        Self { queue: queue.collect(), accounts, offers: vec![] }
    }

    /// About how many bytes it has allocated: the queue's nodes are two thirds full.
    pub(crate) fn allocated_bytes(&self) -> usize {
        let queue = self.queue.len() * size_of::<(Timestamp, Due)>() * 3 / 2;
        let planned = self.accounts.capacity() + self.offers.capacity();
        queue + planned * size_of::<Option<Timestamp>>()
    }

    /// Something falls due in a thing at `time`.
    pub(crate) fn plan(&mut self, due: Due, time: Timestamp) {
        let planned = self.planned(due);
        let before = *planned;
        if before.is_some_and(|before| before <= time) {
            return;
        }
        *planned = Some(time);
        if let Some(before) = before {
            self.queue.remove(&(before, due));
        }
        self.queue.insert((time, due));
    }

    /// The earliest time that is planned.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        self.queue.first().map(|(time, _)| *time)
    }

    /// Takes out the next thing that was planned for `now` or before. The caller finds out whether
    /// something really is due there, and plans when it is next.
    pub(crate) fn take(&mut self, now: Timestamp) -> Option<Due> {
        if self.first().is_none_or(|time| time > now) {
            return None;
        }
        let (_, due) = self.queue.pop_first()?;
        *self.planned(due) = None;
        Some(due)
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

    #[test]
    fn however_often_a_thing_is_planned_it_takes_one_entry() {
        let mut schedule = Schedule::default();
        for sooner in 0..1_000 {
            schedule.plan(Due::Account(7), time(2_000 - sooner));
            schedule.plan(Due::Account(7), time(5_000));
        }
        assert_eq!(schedule.queue.len(), 1);
        assert_eq!(schedule.first(), Some(time(1_001)));
    }

    #[test]
    fn it_can_be_made_for_all_accounts_at_once() {
        let mut schedule =
            Schedule::of_accounts([Some(time(20)), None, Some(time(10))].into_iter());
        schedule.plan(Due::Account(0), time(5));
        assert_eq!(schedule.take(time(40)), Some(Due::Account(0)));
        assert_eq!(schedule.take(time(40)), Some(Due::Account(2)));
        assert_eq!(schedule.take(time(40)), None);
    }

    fn time(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap_or_default()
    }
}
