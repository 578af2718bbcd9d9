//! What claims give, beside what their purchases would have earned.

use std::collections::HashMap;

use domain::{AccountId, Cause, Event, UnitId};
use proptest::prelude::*;

use super::random::{History, steps};

proptest! {
    #[test]
    fn a_claim_gives_once_and_at_most_what_was_refused(steps in steps()) {
        let mut refused: HashMap<(AccountId, Cause, UnitId), u128> = HashMap::new();
        for recorded in History::of(&steps).events {
            match recorded.event {
                Event::PurchaseRecorded(account, fact) => {
                    for unit in fact.credit_refused.iter().map(|refused| refused.unit) {
                        let points = fact.lines.iter().map(|line| line.earned_of(unit).get());
                        let key = (account.clone(), Cause::purchase(&fact.purchase_id), unit);
                        refused.insert(key, points.map(u128::from).sum());
                    }
                }
                Event::CreditEarned(account, fact) if fact.claim.is_some() => {
                    let most = refused.remove(&(account, fact.cause, fact.unit));
                    let points = u128::from(fact.points.get());
                    prop_assert!(most.is_some_and(|most| points <= most), "{points} of {most:?}");
                }
                _ => {}
            }
        }
    }
}
