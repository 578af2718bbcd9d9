//! How much a state holds, and about how much memory that takes.

use indexmap::IndexMap;

use super::State;
use crate::{CodePool, IdHash, Offer, OfferId};

/// How many accounts are looked at to reckon what all of them take.
const SAMPLED_ACCOUNTS_MAX: usize = 256;

/// An index of an [`IndexMap`] takes eight bytes and one of control.
const INDEX_BYTES: usize = 9;

/// What a state holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateSize {
    /// Accounts.
    pub accounts: usize,
    /// Offers, open or not.
    pub offers: usize,
    /// Ids of commands, which are kept for ever.
    pub ids: usize,
    /// About how many bytes all of it takes.
    pub bytes: usize,
}

impl State {
    /// What it holds. The bytes are reckoned from the room of the tables and from some accounts, so
    /// that this takes some microseconds however much there is, and some more for each offer of
    /// codes and each waiting list.
    #[must_use]
    pub fn size(&self) -> StateSize {
        let Self { programme, accounts, schedule, waiting, mergers, .. } = self;
        let (account_ids, ids_bytes) = accounts.recorded.size();
        let (accounts_count, offers) = (accounts.by_id.len(), programme.offers.len());
        let bytes = ids_bytes
            + table_bytes(&accounts.by_id)
            + self.allocated_by_accounts()
            + accounts.leftover_bytes()
            + table_bytes::<OfferId, Offer, _>(&programme.offers)
            + table_bytes::<IdHash, _, _>(&programme.recorded)
            + schedule.allocated_bytes()
            + table_bytes::<OfferId, CodePool, _>(&programme.codes)
            + programme.codes.values().map(CodePool::allocated_bytes).sum::<usize>()
            + waiting.allocated_bytes()
            + mergers.allocated_bytes();
        let ids = account_ids + programme.recorded.len();
        StateSize { accounts: accounts_count, offers, ids, bytes }
    }

    /// What accounts and their ids have allocated, by some of them.
    fn allocated_by_accounts(&self) -> usize {
        let by_id = &self.accounts.by_id;
        let step = by_id.len().div_ceil(SAMPLED_ACCOUNTS_MAX).max(1);
        let sampled = (0..by_id.len()).step_by(step).filter_map(|number| by_id.get_index(number));
        let (mut bytes, mut count) = (0, 0);
        for (id, account) in sampled {
            bytes += id.as_str().len() + account.allocated_bytes();
            count += 1;
        }
        bytes.saturating_mul(by_id.len()).checked_div(count).unwrap_or_default()
    }
}

pub(crate) fn table_bytes<K, V, S>(table: &IndexMap<K, V, S>) -> usize {
    // Each entry bears its hash.
    table.capacity() * (size_of::<usize>() + size_of::<K>() + size_of::<V>() + INDEX_BYTES)
}

#[cfg(test)]
mod tests {
    use log_record::Partition;

    use super::*;
    use crate::scenario::{id, join, merge, open, open_codes, redeem, upload};
    use crate::{
        AccountId, Cause, CauseKind, Clock, Command, CreditEarned, Decision, Event, LogOpened,
        Points, Timestamp, UnitId,
    };

    /// `cargo xtask bench memory` has measured 196 to 205 bytes an account and 42 to 45 an id.
    #[test]
    fn an_account_with_a_lot_and_its_id_takes_what_was_measured() {
        let state = state_of(100_000);
        let size = state.size();
        assert_eq!((size.accounts, size.offers, size.ids), (100_000, 0, 100_000));
        let each = size.bytes / size.accounts;
        assert!((190..=310).contains(&each), "{each} bytes");
    }

    #[test]
    fn a_state_of_nothing_takes_next_to_nothing() {
        let size = State::new(Partition(0)).size();
        assert_eq!(size, StateSize { bytes: size.bytes, ..StateSize::default() });
        assert!(size.bytes < 10_000, "{size:?}");
    }

    #[test]
    fn codes_waits_and_mergers_take_what_they_have_room_for() {
        const MANY: usize = 1_000;
        let mut state = state_of(3_000);
        does(&mut state, &open("mug", 1, Some(1)));
        does(&mut state, &open_codes("gift", 1));
        does(&mut state, &redeem("shopper-0", "x-1", "mug"));
        assert_eq!(state.waiting.allocated_bytes() + state.mergers.allocated_bytes(), 0);
        let codes: Vec<String> = (0..MANY).map(|number| format!("CODE-{number}")).collect();
        does(&mut state, &upload("gift", "u-1", codes.iter().map(String::as_str)));
        for number in 1..=MANY {
            does(&mut state, &join(&format!("shopper-{number}"), "w-1", "mug"));
        }
        for number in 2 * MANY..3 * MANY {
            let [old, new] = [number, number - MANY].map(|number| format!("shopper-{number}"));
            does(&mut state, &merge(&old, &new));
        }
        let pool = state.code_pool(&id("gift")).expect("it has some").allocated_bytes();
        let (waits, mergers) = (state.waiting.allocated_bytes(), state.mergers.allocated_bytes());
        for (bytes, each) in [(pool, 30..=120), (waits, 100..=400), (mergers, 100..=600)] {
            assert!(each.contains(&(bytes / MANY)), "{bytes} bytes");
        }
        assert!(state.size().bytes > pool + waits + mergers);
    }

    fn does(state: &mut State, command: &Command) {
        let decided = crate::decide(state, command, Timestamp::EPOCH).expect("it isn't refused");
        let Decision::Record { events, .. } = decided else {
            panic!("{command:?} changes nothing")
        };
        for event in events {
            let next = state.position().next();
            state.evolve(next, Timestamp::EPOCH, &event).expect("it follows");
        }
    }

    fn state_of(accounts: u64) -> State {
        let mut state = State::new(Partition(0));
        let opened = LogOpened { log_id: "log".into(), partitions: 1, clock: Clock::Wall };
        let earnings = (0..accounts).map(|number| {
            let account_id: AccountId = format!("shopper-{number}").parse().expect("an id");
            let id = format!("B-{number}").parse().expect("an id");
            let cause = Cause { kind: CauseKind::Purchase, id };
            let points = Points::new(500).expect("points");
            Event::CreditEarned(account_id, CreditEarned::new(UnitId::POINTS, points, cause))
        });
        for event in [Event::LogOpened(opened)].into_iter().chain(earnings) {
            let next = state.position().next();
            state.evolve(next, Timestamp::EPOCH, &event).expect("it follows");
        }
        state
    }
}
