//! What a history's events add up to, by a plain walk over them.

use std::collections::HashMap;

use domain::{CauseKind, Event, LotId, LotPart, Points, UnitId};
use log_record::{Partition, Place, Position};

use super::random::Recorded;

/// Points by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) issued: i128,
    pub(crate) redeemed: i128,
    pub(crate) refunded: i128,
    pub(crate) expired: i128,
    /// Taken back, also where it is owed, less what was given back again; not what had expired or
    /// was forgiven.
    pub(crate) withdrawn: i128,
    pub(crate) sent: i128,
    pub(crate) received: i128,
    pub(crate) owed: i128,
    pub(crate) repaid: i128,
    pub(crate) converted_in: i128,
    pub(crate) converted_out: i128,
}

/// What left the accounts for good, less what came back, by lot.
pub(crate) type Gone = HashMap<LotId, i128>;

pub(crate) fn number(points: Points) -> i128 {
    points.get().into()
}

/// The lot that the event at a position made.
pub(crate) fn lot_at(partition: Partition, position: Position) -> LotId {
    Place { partition, position }.into()
}

/// The sums of each unit, and what was earned and is gone of each lot, by a partition's events.
pub(crate) fn sums(
    partition: Partition,
    events: &[Recorded],
) -> (HashMap<UnitId, Sums>, HashMap<LotId, i128>, Gone) {
    let (mut of_units, mut earned, mut gone) = (HashMap::new(), HashMap::new(), Gone::new());
    for Recorded { at, event, .. } in events {
        let mut goes = |parts: &[LotPart], sign: i128| {
            for part in parts {
                *gone.entry(part.lot).or_default() += sign * number(part.points);
            }
        };
        let Some(unit) = event.unit() else { continue };
        let sums: &mut Sums = of_units.entry(unit).or_default();
        match event {
            Event::CreditEarned(_, fact) => {
                let is_converted = fact.cause.kind == CauseKind::Conversion;
                let sum = if is_converted { &mut sums.converted_in } else { &mut sums.issued };
                *sum += number(fact.points);
                earned.insert(lot_at(partition, *at), number(fact.points));
            }
            Event::CreditDeducted(_, fact) => {
                sums.redeemed += number(fact.points);
                goes(&fact.lots, 1);
            }
            Event::HoldCaptured(_, fact) => {
                sums.redeemed += number(fact.points);
                goes(&fact.lots, 1);
            }
            Event::CreditRefunded(_, fact) => {
                sums.refunded += number(fact.points);
                goes(&fact.lots, -1);
            }
            Event::CreditExpired(_, fact) => {
                sums.expired += number(fact.points);
                goes(&fact.lots, 1);
            }
            Event::CreditWithdrawn(_, fact) => {
                let nothing = [fact.expired, fact.forgiven].map(Option::unwrap_or_default);
                let nothing: i128 = nothing.map(number).iter().sum();
                sums.withdrawn += number(fact.points) - nothing;
                sums.owed += number(fact.owed.unwrap_or_default());
                goes(&fact.lots, 1);
            }
            Event::WithdrawalReversed(_, domain::WithdrawalReversed { credit: fact, .. })
            | Event::CreditGivenBack(_, domain::ReturnCreditGivenBack { credit: fact, .. })
            | Event::ReturnReversed(_, domain::ReturnReversed { credit: Some(fact), .. }) => {
                let nothing = [fact.expired, fact.forgiven].map(Option::unwrap_or_default);
                let nothing: i128 = nothing.map(number).iter().sum();
                sums.withdrawn -= number(fact.points) - nothing;
                sums.owed -= number(fact.owed.unwrap_or_default());
                goes(&fact.lots, -1);
            }
            Event::DebtRepaid(_, fact) => {
                sums.repaid += number(fact.points);
                goes(&fact.lots, 1);
            }
            Event::CreditConverted(_, fact) => {
                sums.converted_out += number(fact.points);
                goes(&fact.lots, 1);
            }
            Event::CreditSent(_, fact) => sums.sent += number(fact.points),
            Event::CreditReceived(_, fact) => sums.received += number(fact.points),
            _ => {}
        }
    }
    (of_units, earned, gone)
}
