//! Governments change the rules of time zones, and a newer build knows the newer ones. What is
//! recorded stays as it is: an event has every time and day that follows from a zone's rules, and a
//! state that is made of events asks no zone.

use std::collections::HashMap;

use domain::{Account, AccountId, Event, State, TimeZone, Timestamp};
use log_record::Partition;
use proptest::prelude::*;
use serde_json::json;

use crate::laws::random::{History, steps};

/// What stands for newer rules: a zone whose days begin at other moments, and one whose rules
/// nobody knows.
const OTHER_RULES: [&str; 2] = ["Pacific/Auckland", "Nowhere/Unknown"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn other_rules_of_a_zone_change_nothing_that_is_recorded(steps in steps()) {
        let History { state, events, .. } = History::of(&steps);
        assert_other_rules_change_nothing(events.iter().map(|it| (it.time, &it.event)), &state);
    }
}

/// A state that is made of the events has the same accounts, whatever the zones' rules are then.
pub(crate) fn assert_other_rules_change_nothing<'a>(
    events: impl Iterator<Item = (Timestamp, &'a Event)> + Clone,
    state: &State,
) {
    assert!(events.clone().any(|(_, event)| matches!(event, Event::UnitSet(_))), "it has zones");
    for name in OTHER_RULES {
        // One that the build doesn't know can only be read.
        let zone: TimeZone = serde_json::from_value(json!(name)).expect("a name");
        let mut replayed = State::new(Partition(0));
        for (time, event) in events.clone() {
            let mut event = event.clone();
            match &mut event {
                Event::UnitSet(fact) => fact.terms.time_zone = zone.clone(),
                Event::EarningRuleSet(fact) => fact.terms.time_zone = zone.clone(),
                _ => {}
            }
            let next = replayed.position().next();
            assert_eq!(replayed.evolve(next, time, &event), Ok(()), "{name}: {event:?}");
        }
        assert_eq!(accounts(&replayed), accounts(state), "by the rules of {name}");
    }
}

fn accounts(state: &State) -> HashMap<&AccountId, &Account> {
    state.accounts().collect()
}
