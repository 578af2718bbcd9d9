//! What purchases earn.

use domain::{AccountId, Cause, Event, Points, UnitId};
use proptest::prelude::*;

use super::cases;
use super::random::{History, Recorded, steps};

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn invariant_i3_what_a_purchase_earns_stands_right_before_it_unit_by_unit(steps in steps()) {
        let History { events, .. } = History::of(&steps);
        let mut several: Vec<(&AccountId, &Cause, UnitId, Points)> = vec![];
        for Recorded { event, .. } in &events {
            match event {
                Event::CreditEarned(account, fact) if fact.claim.is_none() => {
                    let cause = &fact.cause;
                    several.retain(|(of, other, ..)| *of == account && *other == cause);
                    several.push((account, cause, fact.unit, fact.points));
                }
                Event::PurchaseRecorded(account, fact) => {
                    let cause = Cause::purchase(&fact.purchase_id);
                    several.retain(|(of, other, ..)| *of == account && **other == cause);
                    let earned = several.drain(..).map(|(.., unit, points)| (unit, points));
                    let said = fact.credit().map(|credit| (credit.unit, credit.points));
                    prop_assert!(earned.eq(said), "{:?}", event);
                }
                _ => {
                    prop_assert!(several.len() < 2, "no purchase follows: {:?}", event);
                    several.clear();
                }
            }
        }
    }
}
