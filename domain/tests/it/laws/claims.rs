//! What claims give, beside what their purchases would have earned.

use std::collections::HashMap;

use domain::{AccountId, Cause, Event};
use proptest::prelude::*;

use super::random::{History, steps};

proptest! {
    #[test]
    fn a_claim_gives_once_and_at_most_what_was_refused(steps in steps()) {
        let mut refused: HashMap<(AccountId, Cause), u128> = HashMap::new();
        for recorded in History::of(&steps).events {
            match recorded.event {
                Event::PurchaseRecorded(account, fact) if fact.credit_refused.is_some() => {
                    let points = fact.lines.iter().filter_map(|line| line.points);
                    let points = points.map(|points| u128::from(points.get())).sum();
                    refused.insert((account, Cause::purchase(&fact.purchase_id)), points);
                }
                Event::CreditEarned(account, fact) if fact.claim.is_some() => {
                    let most = refused.remove(&(account, fact.cause));
                    let points = u128::from(fact.points.get());
                    prop_assert!(most.is_some_and(|most| points <= most), "{points} of {most:?}");
                }
                _ => {}
            }
        }
    }
}
