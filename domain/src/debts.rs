//! What an account owes, by the withdrawals that made it owe, and what has paid that.

use log_record::Position;
use serde::{Deserialize, Serialize};

use crate::amount::sum;
use crate::lots::{split_at, sum_of};
use crate::{LotPart, Points};

/// An account's debts, the oldest first. The oldest is paid first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Debts {
    /// What is left of all of them.
    #[serde(with = "sum")]
    owed: Points,
    debts: Vec<Debt>,
}

/// What one withdrawal made the account owe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Debt {
    /// The event that made it.
    made_at: Position,
    /// Whether the withdrawal can be reversed, for which what has paid it is kept.
    is_reversible: bool,
    #[serde(with = "sum")]
    left: Points,
    /// What has paid it.
    repaid: Vec<LotPart>,
}

impl Debts {
    /// What is left of all of them.
    pub(crate) const fn owed(&self) -> Points {
        self.owed
    }

    /// The bytes that it has allocated.
    pub(crate) fn allocated_bytes(&self) -> usize {
        let repaid: usize = self.debts.iter().map(|debt| debt.repaid.capacity()).sum();
        self.debts.capacity() * size_of::<Debt>() + repaid * size_of::<LotPart>()
    }

    /// A withdrawal makes the account owe more; nothing where that is more than an amount.
    #[must_use]
    pub(crate) fn add(
        &mut self,
        made_at: Position,
        points: Points,
        is_reversible: bool,
    ) -> Option<()> {
        self.owed = self.owed.plus(points)?;
        self.debts.push(Debt { made_at, is_reversible, left: points, repaid: vec![] });
        Some(())
    }

    /// Credit pays what is owed; nothing where less is owed.
    #[must_use]
    pub(crate) fn repay(&mut self, parts: &[LotPart]) -> Option<()> {
        let mut parts = parts.to_vec();
        for debt in self.debts.iter_mut().filter(|debt| debt.left > Points::ZERO) {
            let (paid, rest) = split_at(&parts, debt.left);
            let points = sum_of(&paid)?;
            self.owed = self.owed.minus(points)?;
            debt.left = debt.left.minus(points)?;
            parts = rest;
            if debt.is_reversible {
                debt.repaid.extend(paid);
            }
        }
        self.debts.retain(|debt| debt.is_reversible || debt.left > Points::ZERO);
        parts.is_empty().then_some(())
    }

    /// What is left of the debt that a withdrawal made, and what has paid the rest.
    pub(crate) fn made_by(&self, withdrawal: Position) -> (Points, &[LotPart]) {
        let debt = self.debts.iter().find(|debt| debt.made_at == withdrawal);
        debt.map_or((Points::ZERO, &[]), |debt| (debt.left, &debt.repaid))
    }

    /// A withdrawal is reversed, of whose debt so much is left.
    #[must_use]
    pub(crate) fn cancel(&mut self, withdrawal: Position, left: Points) -> Option<()> {
        if self.made_by(withdrawal).0 != left {
            return None;
        }
        self.owed = self.owed.minus(left)?;
        self.debts.retain(|debt| debt.made_at != withdrawal);
        Some(())
    }

    /// Another account owes all of it from now on; nothing where that is another sum. What has paid
    /// a part of a debt is still known.
    #[must_use]
    pub(crate) fn pass_on(&mut self, points: Points) -> Option<()> {
        if self.owed != points {
            return None;
        }
        self.owed = Points::ZERO;
        self.debts.retain(|debt| debt.is_reversible && !debt.repaid.is_empty());
        for debt in &mut self.debts {
            debt.left = Points::ZERO;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{lot, points};

    fn part(number: u64, amount: u64) -> LotPart {
        LotPart::lasting(lot(number), points(amount))
    }

    #[test]
    fn the_oldest_debt_is_paid_first_and_keeps_what_paid_it() {
        let (first, second) = (Position(7), Position(9));
        let mut debts = Debts::default();
        assert_eq!(debts.add(first, points(100), true), Some(()));
        assert_eq!(debts.add(second, points(50), true), Some(()));
        assert_eq!(debts.repay(&[part(10, 80), part(11, 30)]), Some(()));
        assert_eq!(debts.owed(), points(40));
        assert_eq!(debts.made_by(first), (Points::ZERO, &[part(10, 80), part(11, 20)][..]));
        assert_eq!(debts.made_by(second), (points(40), &[part(11, 10)][..]));
        assert_eq!(debts.cancel(second, points(41)), None);
        assert_eq!(debts.cancel(second, points(40)), Some(()));
        assert_eq!(debts.owed(), Points::ZERO);
        assert_eq!(debts.repay(&[part(12, 1)]), None);
    }

    #[test]
    fn what_paid_a_debt_for_good_is_not_kept() {
        let mut debts = Debts::default();
        assert_eq!(debts.add(Position(7), points(100), false), Some(()));
        assert_eq!(debts.repay(&[part(10, 100)]), Some(()));
        assert_eq!(debts, Debts::default());
    }
}
