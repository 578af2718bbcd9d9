//! What comes back of exchanges, of each unit that they cost.

use std::collections::HashMap;

use domain::{AccountId, Event, ExchangeId, LotId, LotPart, RefundCause, UnitId};
use proptest::prelude::*;

use super::random::{History, Recorded, steps};

/// What an exchange cost, by unit.
type Paid = HashMap<UnitId, u64>;

proptest! {
    #![proptest_config(ProptestConfig { cases: super::cases(), ..ProptestConfig::default() })]

    #[test]
    fn invariant_i9_refunds_never_exceed_what_an_exchange_cost(steps in steps()) {
        let History { events, .. } = History::of(&steps);
        let mut cost: HashMap<(&AccountId, &ExchangeId), (u64, Paid)> = HashMap::new();
        let mut drawn: HashMap<(&AccountId, &ExchangeId, LotId), u64> = HashMap::new();
        let mut paid: Vec<&LotPart> = vec![];
        for Recorded { event, .. } in &events {
            match event {
                Event::CreditDeducted(_, fact) => paid.extend(&fact.lots),
                Event::HoldCaptured(_, fact) if fact.pays_exchange => paid.extend(&fact.lots),
                Event::ExchangeCreated(account, fact) => {
                    let key = (account, &fact.exchange_id);
                    let prices = fact.prices.iter();
                    let prices = prices.map(|price| (price.unit, price.points.get())).collect();
                    cost.insert(key, (fact.allocation.quantity().get(), prices));
                    for part in paid.drain(..) {
                        *drawn.entry((account, &fact.exchange_id, part.lot)).or_default() +=
                            part.points.get();
                    }
                }
                Event::CreditRefunded(account, fact) => {
                    let RefundCause::Cancellation { exchange_id, .. } = &fact.cause else {
                        continue;
                    };
                    for part in &fact.lots {
                        let key = (account, exchange_id, part.lot);
                        let left = drawn.get_mut(&key).and_then(|left| {
                            *left = left.checked_sub(part.points.get())?;
                            Some(())
                        });
                        prop_assert!(left.is_some(), "more of a lot than it drew: {:?}", fact);
                    }
                }
                Event::ExchangeCancelled(account, fact) => {
                    let (quantity, costs) =
                        cost.get_mut(&(account, &fact.exchange_id)).expect("it was created");
                    let left = quantity.checked_sub(fact.allocation.quantity().get());
                    *quantity = left.ok_or_else(|| TestCaseError::fail("too many pieces"))?;
                    for refund in &fact.refunded {
                        let points = costs.get_mut(&refund.unit).expect("it was paid");
                        let left = points.checked_sub(refund.points.get());
                        *points = left.ok_or_else(|| TestCaseError::fail("too many points"))?;
                    }
                    let is_all = costs.values().all(|points| *points == 0);
                    prop_assert!(*quantity > 0 || is_all, "all pieces, and not all points");
                }
                _ => {}
            }
        }
    }
}
