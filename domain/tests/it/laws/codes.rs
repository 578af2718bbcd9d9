//! Who is handed which code.

use std::collections::HashMap;

use domain::Event;
use proptest::prelude::*;

use super::cases;
use super::random::{History, Recorded, steps};

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn invariant_i22_each_code_is_handed_out_in_its_turn_and_once(steps in steps()) {
        let History { state, events, .. } = History::of(&steps);
        let (mut pools, mut shown) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for Recorded { at, event, .. } in &events {
            match event {
                Event::CodeAdded(fact) => {
                    let pool = pools.entry(&fact.offer_id).or_default();
                    prop_assert!(pool.iter().all(|(_, hash)| *hash != fact.hash), "{:?}", fact);
                    pool.push((*at, fact.hash));
                }
                Event::ExchangeCreated(_, fact) => {
                    let code = fact.allocation.code().map(|place| place.position);
                    shown.entry(&fact.offer_id).or_default().extend(code);
                }
                _ => {}
            }
        }
        for (id, pool) in pools {
            let shown = shown.remove(id).unwrap_or_default();
            let in_turn = pool.iter().map(|(at, _)| *at).take(shown.len());
            prop_assert!(in_turn.eq(shown.iter().copied()), "{}: {:?}", id, shown);
            let left = state.code_pool(id).expect("it has some");
            prop_assert_eq!(left.count().get(), pool.len() as u64);
            prop_assert_eq!(left.left().get(), (pool.len() - shown.len()) as u64);
        }
        prop_assert!(shown.values().all(Vec::is_empty), "of offers without codes");
    }
}
