//! Units never mix.

use std::collections::{HashMap, HashSet};

use domain::{Event, LotId, UnitId};
use log_record::Partition;
use proptest::prelude::*;

use super::pairs::parts_in;
use super::random::{History, Recorded, steps};
use super::sums::lot_at;
use super::{cases, parts_of_wallet};

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn invariant_i14_units_never_mix(steps in steps()) {
        let History { state, events, .. } = History::of(&steps);
        let mut lots: HashMap<LotId, UnitId> = HashMap::new();
        let mut closed: HashSet<UnitId> = HashSet::new();
        for Recorded { at, event, .. } in &events {
            match event {
                Event::UnitClosed(fact) => {
                    closed.insert(fact.unit);
                }
                Event::CreditEarned(_, fact) => {
                    prop_assert!(!closed.contains(&fact.unit), "{:?}", event);
                    lots.insert(lot_at(Partition(0), *at), fact.unit);
                }
                Event::CreditDeducted(..)
                | Event::CreditHeld(..)
                | Event::CreditSent(..)
                | Event::CreditConverted(..) => {
                    let unit = event.unit().and_then(|unit| state.unit(unit));
                    prop_assert!(unit.is_some_and(|unit| unit.terms.spendable), "{:?}", event);
                }
                _ => {}
            }
            for part in parts_in(event) {
                prop_assert_eq!(event.unit(), lots.get(&part.lot).copied(), "{:?}", event);
            }
        }
        for (_, account) in state.accounts() {
            for (unit, wallet) in account.wallets() {
                for part in parts_of_wallet(wallet) {
                    prop_assert_eq!(state.unit_id(unit), lots.get(&part.lot).copied());
                }
            }
        }
    }
}
