//! When accounts are to be looked at because something falls due in them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::Timestamp;

/// An account's place in the state.
pub(crate) type AccountNumber = u32;

/// Accounts by the time at which something falls due next. An account that must be looked at
/// earlier than planned is entered again; what was planned before is then passed over.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    queue: BinaryHeap<Reverse<(Timestamp, AccountNumber)>>,
    /// The earliest time at which each account is in the queue.
    planned: Vec<Option<Timestamp>>,
}

impl Schedule {
    /// Something falls due in the account at `due`.
    pub(crate) fn plan(&mut self, account: AccountNumber, due: Timestamp) {
        let index = account as usize;
        if self.planned.len() <= index {
            self.planned.resize(index + 1, None);
        }
        if let Some(planned) = self.planned.get_mut(index)
            && planned.is_none_or(|planned| due < planned)
        {
            *planned = Some(due);
            self.queue.push(Reverse((due, account)));
        }
    }

    /// The earliest time that was ever planned and hasn't been taken.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        self.queue.peek().map(|Reverse((due, _))| *due)
    }

    /// Takes out the next account that was planned for `now` or before. Whether something really
    /// is due there, and when it is next, is for the caller to see and to plan.
    pub(crate) fn take(&mut self, now: Timestamp) -> Option<AccountNumber> {
        while let Some(Reverse((due, account))) = self.queue.peek().copied() {
            if due > now {
                return None;
            }
            self.queue.pop();
            if let Some(planned) = self.planned.get_mut(account as usize)
                && *planned == Some(due)
            {
                *planned = None;
                return Some(account);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_taken_at_its_earliest_time_and_once() {
        let mut schedule = Schedule::default();
        schedule.plan(7, time(20));
        schedule.plan(7, time(10));
        schedule.plan(7, time(30));
        assert_eq!(schedule.take(time(9)), None);
        assert_eq!(schedule.take(time(40)), Some(7));
        assert_eq!(schedule.take(time(40)), None);
        schedule.plan(7, time(50));
        assert_eq!(schedule.take(time(50)), Some(7));
    }

    fn time(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap_or_default()
    }
}
