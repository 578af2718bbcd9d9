//! Conversions balance.

use std::collections::HashMap;

use domain::{CauseKind, ConversionTerms, Event, UnitId};
use proptest::prelude::*;

use super::cases;
use super::random::{History, Recorded, steps};
use super::sums::number;

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn invariant_i15_a_conversion_gives_what_its_rate_says(steps in steps()) {
        let History { events, .. } = History::of(&steps);
        let mut rates: HashMap<(UnitId, UnitId), (u64, ConversionTerms)> = HashMap::new();
        for (index, Recorded { event, .. }) in events.iter().enumerate() {
            match event {
                Event::ConversionRateSet(fact) => {
                    rates.insert((fact.from, fact.to), (fact.version, fact.terms.clone()));
                }
                Event::ConversionRateClosed(fact) => {
                    rates.remove(&(fact.from, fact.to));
                }
                Event::CreditConverted(account, fact) => {
                    let rate = rates.get(&(fact.unit, fact.to));
                    let (version, terms) = rate.expect("a rate is in force");
                    let said = (fact.rate.version, fact.rate.give, fact.rate.take);
                    prop_assert_eq!(said, (*version, terms.give, terms.take));
                    let (out, into) = (number(fact.points), number(fact.to_points));
                    prop_assert_eq!(into * number(terms.give), out * number(terms.take));
                    // Less than a step stays, and what the account hadn't isn't taken.
                    let rest = number(fact.asked_points) - out;
                    prop_assert!((0..number(terms.give)).contains(&rest), "{:?}", fact);
                    prop_assert!(terms.minimum.is_none_or(|least| fact.asked_points >= least));
                    let Event::CreditEarned(other, earned) = &events[index + 1].event else {
                        panic!("{:?}", events[index + 1]);
                    };
                    prop_assert_eq!((account, fact.to, fact.to_points),
                        (other, earned.unit, earned.points));
                    prop_assert_eq!(earned.cause.kind, CauseKind::Conversion);
                    prop_assert_eq!(earned.cause.id.as_str(), fact.conversion_id.as_str());
                }
                _ => {}
            }
        }
    }
}
