//! What purchases and their returns leave in the accounts, beside credit.

use log_record::Position;
use serde::{Deserialize, Serialize};

use super::super::impossible::{Changed, TOO_MUCH, ensure};
use super::super::programme::UNKNOWN_UNIT;
use super::{Accounts, Returned, Returns};
use crate::original::EarnedCredit;
use crate::unit::KnownUnits;
use crate::{
    AccountId, IdHash, Points, PurchaseRecorded, PurchaseReturned, TakenBack, Timestamp, UnitId,
    UnitPoints, Units,
};

/// What the last events earned for one cause. A purchase that earned several units is the next one
/// (I3); between appends only one unit was.
#[derive(Debug, Default)]
pub(super) struct Earnings {
    cause: Option<IdHash>,
    pub(super) last_at: Position,
    pub(super) credit: Vec<UnitPoints>,
}

/// Credit of a unit that was refused when a purchase was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefusedCredit {
    pub(crate) unit: UnitId,
    /// What a claim has earned for it.
    pub(crate) claimed: Option<EarnedCredit>,
}

impl Earnings {
    /// Takes in credit that was earned for a cause; `former` is what had been recorded of the
    /// cause. Nothing where that can't be.
    pub(super) fn earn(
        &mut self,
        at: Position,
        cause: IdHash,
        former: Option<Position>,
        credit: UnitPoints,
    ) -> Option<()> {
        if let Some(former) = former {
            let is_next = former.next() == at && self.last_at == former;
            let is_same = self.cause == Some(cause);
            let is_other_unit = self.credit.iter().all(|earned| earned.unit != credit.unit);
            (is_next && is_same && is_other_unit).then_some(())?;
        } else {
            self.credit.clear();
        }
        self.cause = Some(cause);
        self.last_at = at;
        self.credit.push(credit);
        Some(())
    }

    /// What the events right before `at` earned for a cause.
    fn right_before(&self, at: Position, cause: IdHash) -> &[UnitPoints] {
        let is_next = self.last_at.next() == at && self.cause == Some(cause);
        if is_next { &self.credit } else { &[] }
    }
}

impl Accounts {
    pub(in crate::state) fn purchase_recorded(
        &mut self,
        at: Position,
        recorded_at: Timestamp,
        id: &AccountId,
        units: &KnownUnits,
        fact: &PurchaseRecorded,
    ) -> Changed {
        // A purchase that earns nothing makes the account, too.
        let account = self.account_mut(id);
        let mut all_refused = vec![];
        for refused in &fact.credit_refused {
            let earning = fact.earned_of(refused.unit).ok_or("of a unit that it doesn't earn")?;
            ensure(earning.points == Points::ZERO, "a purchase earned what was refused")?;
            if let (Some(rule), Some(period)) = (&earning.rule, refused.cap_period) {
                let points = fact.lines.iter().map(|line| line.earned_of(refused.unit));
                let sum = points
                    .fold(Points::ZERO, |sum, points| sum.plus(points).unwrap_or(Points::MOST));
                let wallet = account.wallet_mut(units.number(refused.unit).ok_or(UNKNOWN_UNIT)?);
                wallet.credit_refused(recorded_at, &rule.rule_id, period, sum)?;
            }
            all_refused.push(RefusedCredit { unit: refused.unit, claimed: None });
        }
        if !all_refused.is_empty() {
            self.refused.insert(at, all_refused.into());
        }
        let cause = IdHash::purchase(id, &fact.purchase_id);
        // What it earned stands right before it under the same cause.
        let former = self.recorded.insert(cause, at);
        let earned = self.earnings.right_before(at, cause);
        ensure(former.is_some() != earned.is_empty(), "I2: a purchase is recorded once")?;
        let is_all = earned.iter().copied().eq(fact.credit());
        ensure(is_all, "I3: what a purchase earned stands right before it, unit by unit")
    }

    pub(in crate::state) fn purchase_returned(
        &mut self,
        at: Position,
        id: &AccountId,
        units: &KnownUnits,
        fact: &PurchaseReturned,
    ) -> Changed {
        let cause = IdHash::purchase(id, &fact.purchase_id);
        let purchase =
            self.recorded.position_of(cause).ok_or("an unknown purchase was returned")?;
        self.record(IdHash::purchase_return(id, &fact.purchase_id, &fact.return_id), at)?;
        for TakenBack { unit, room_back, .. } in &fact.taken {
            let Some(back) = room_back else { continue };
            let account = self.by_id.get_mut(id).ok_or("of an unknown account")?;
            let wallet = account.wallet_mut(units.number(*unit).ok_or(UNKNOWN_UNIT)?);
            wallet.give_room_back(&back.room, back.points)?;
        }
        let Returns { lines: returned, last_at, .. } = self.returned.entry(purchase).or_default();
        *last_at = at;
        for back in &fact.lines {
            match returned.iter_mut().find(|returned| returned.product == back.product_id) {
                Some(line) => line.quantity = line.quantity.plus(back.quantity).ok_or(TOO_MUCH)?,
                None => returned.push(Returned {
                    product: back.product_id.clone(),
                    quantity: back.quantity,
                    reversed: Units::ZERO,
                }),
            }
        }
        Ok(())
    }
}
