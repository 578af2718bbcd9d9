//! A look at what events will need, before they are applied one after the other.
//!
//! A state of millions of accounts and ids is far larger than the processor's caches, and each
//! event needs several places of it that nothing has touched for long. One event after the other
//! would wait for each of them; here the events don't depend on each other, so that the processor
//! fetches for several at a time.

use std::hint::black_box;
use std::sync::Arc;

use super::State;
use crate::{Event, IdHash};

impl State {
    /// Fetches what these events will need, which are applied next. It changes nothing.
    pub fn look_ahead<'a>(&mut self, events: impl Iterator<Item = &'a Event> + Clone) {
        let mut last = None;
        let accounts = events.clone().filter_map(Event::account_id).filter(|id| {
            // A pair of events is of one account.
            last.replace(*id) != Some(*id)
        });
        let accounts: Vec<usize> =
            accounts.filter_map(|id| self.accounts.by_id.get_index_of(id)).collect();
        for index in accounts {
            black_box(self.accounts.by_id.get_index(index).map(|(_, account)| account.touch()));
        }
        // While a state is made, nobody else has the ids.
        let Some(recorded) = Arc::get_mut(&mut self.accounts.recorded) else { return };
        for event in events {
            let id = match event {
                Event::ExchangeCreated(id, fact) => IdHash::exchange(id, &fact.exchange_id),
                Event::CreditEarned(id, fact) => IdHash::cause(id, &fact.cause),
                _ => continue,
            };
            black_box(recorded.touch(id));
        }
    }
}

#[cfg(test)]
mod tests {
    use log_record::Partition;

    use super::*;
    use crate::{Cause, CauseKind, Clock, CreditEarned, LogOpened, Points, Timestamp, UnitId};

    #[test]
    fn a_look_ahead_changes_nothing() {
        let mut state = State::new(Partition(0));
        let opened = LogOpened { log_id: "log".into(), partitions: 1, clock: Clock::Wall };
        let earned = |number: u32| {
            let id = format!("B-{number}").parse().expect("an id");
            let cause = Cause { kind: CauseKind::Purchase, id };
            let fact = CreditEarned::new(UnitId::POINTS, Points::ZERO, cause);
            Event::CreditEarned(format!("shopper-{}", number % 3).parse().expect("an id"), fact)
        };
        let events: Vec<Event> =
            [Event::LogOpened(opened)].into_iter().chain((0..9).map(earned)).collect();
        for event in &events {
            let before = format!("{state:?}");
            state.look_ahead(events.iter());
            assert_eq!(format!("{state:?}"), before);
            let next = state.position().next();
            state.evolve(next, Timestamp::EPOCH, event).expect("it follows");
        }
    }
}
