//! How lots are earned and taken back, by docs/CREDIT.md.

use domain::command::{AdjustCredit, Direction, EarnCredit, WithdrawCredit};
use domain::{SpentCredit, UnitId};

use super::earning::Span;
use super::effect::Effect;
use super::ledger::{Account, Effects, Ledger, Lot, MOST, No, Part, Time, Withdrawal, split, sum};
use super::rules::{
    Answer, done, insufficient, micros, named_or_all, no, no_for, no_of, no_of_unit, number,
    signed, too_large_of,
};

/// From when until when a lot can be spent, and the rule that gave it.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) now: Time,
    pub(crate) available_at: Option<Time>,
    pub(crate) expires_at: Option<Time>,
    pub(crate) rule: Option<(String, u64)>,
    pub(crate) cap_period: Option<Span>,
    pub(crate) is_claim: bool,
}

impl Life {
    /// The life of a lot that no rule gives.
    pub(crate) const fn of_no_rule(
        now: Time,
        available_at: Option<Time>,
        expires_at: Option<Time>,
    ) -> Self {
        Self { now, available_at, expires_at, rule: None, cap_period: None, is_claim: false }
    }

    /// Whether a lot could be spent before it expires.
    pub(crate) fn check_matures(&self) -> Result<(), No> {
        match (self.available_at, self.expires_at) {
            (Some(available), Some(expires)) if self.now < available && expires <= available => {
                let facts = [("available_at", available.into()), ("expires_at", expires.into())];
                no_for("never-matures", facts)
            }
            _ => Ok(()),
        }
    }
}

impl Ledger {
    /// Whether the account can take in so much more.
    pub(crate) fn check_room(&self, account: &str, unit: UnitId, points: u128) -> Result<(), No> {
        let total = self.wallet(account, unit).total();
        if total + points > MOST { too_large_of(unit) } else { Ok(()) }
    }

    /// Whether the policy allows one credit to be so much.
    pub(crate) fn check_earning_limit(&self, unit: UnitId, points: u128) -> Result<(), No> {
        let most = number(self.policy.earning_points_max);
        if points > most {
            let facts = [("max", signed(most)), ("asked", signed(points))];
            return no_of_unit("earning-too-large", unit, facts);
        }
        Ok(())
    }

    /// There is an account from then on, if there was none.
    pub(crate) fn make_account(&mut self, account: &str) {
        if self.account(account).is_none() {
            self.accounts.push(Account { name: account.to_owned(), ..Account::default() });
        }
    }

    /// Makes a lot.
    pub(crate) fn new_lot(
        &mut self,
        account: &str,
        cause: [&str; 2],
        unit: UnitId,
        points: u128,
        life: Life,
    ) -> Effect {
        self.make_account(account);
        let lot = self.lots.len();
        self.lots.push(Lot {
            account: account.to_owned(),
            unit,
            kind: cause[0].to_owned(),
            cause: cause[1].to_owned(),
            earned: points,
            withdrawn: 0,
            expired: 0,
        });
        let (partition, expires_at) = (self.home_of(account), life.expires_at);
        let part = Part { lot, partition, points, expires_at, graced: false };
        let owner = self.wallet_mut(account, unit);
        match life.available_at.filter(|available_at| *available_at > life.now) {
            Some(available_at) => owner.pending.push((available_at, part)),
            None => owner.put(part),
        }
        Effect::Earned {
            account: account.to_owned(),
            lot,
            unit,
            points,
            cause: (cause[0].to_owned(), cause[1].to_owned()),
            available_at: life.available_at,
            expires_at: life.expires_at,
            rule: life.rule,
            is_claim: life.is_claim,
            cap_period: life.cap_period,
        }
    }

    pub(crate) fn earn(&mut self, it: &EarnCredit, now: Time) -> Answer {
        let (account, points) = (it.account_id.as_str(), number(it.points));
        self.check_not_closed(it.unit)?;
        check_expiry(micros(it.expires_at), now)?;
        self.check_earning_limit(it.unit, points)?;
        self.check_room(account, it.unit, points)?;
        let life = Life::of_no_rule(now, micros(it.available_at), micros(it.expires_at));
        let cause = [it.cause.kind.as_str(), it.cause.id.as_str()];
        done(account, [self.new_lot(account, cause, it.unit, points, life)])
    }

    /// Whether the account may owe so much more.
    pub(crate) fn check_debt(&self, account: &str, unit: UnitId, more: u128) -> Result<(), No> {
        let owed = self.wallet(account, unit).owed;
        if owed + more > MOST { too_large_of(unit) } else { Ok(()) }
    }

    /// Takes back points that were earned as a lot: what holds give back first, then the rest.
    pub(crate) fn take_back(
        &mut self,
        name: &str,
        lot: usize,
        points: u128,
        what: &[String; 2],
    ) -> Result<Vec<Effect>, No> {
        let before = self.account(name).expect("it earned the lot").clone();
        let mut effects = self.free_held(name, lot, points);
        match self.take_free(name, lot, points, what) {
            Ok(withdrawn) => {
                effects.push(withdrawn);
                Ok(effects)
            }
            Err(no) => {
                *self.account_mut(name) = before;
                Err(no)
            }
        }
    }

    /// The oldest hold first gives back what it keeps of the lot, as far as other credit that is
    /// available can take its place, and as far as it is needed.
    fn free_held(&mut self, name: &str, lot: usize, points: u128) -> Vec<Effect> {
        let mut effects = vec![];
        let account = self.wallet_mut(name, self.lots[lot].unit);
        for index in 0..account.holds.len() {
            let pending = account.pending.iter().map(|(_, part)| part);
            let own = pending.chain(&account.available).filter(|part| part.lot == lot);
            let needed = points.saturating_sub(own.map(|part| part.points).sum());
            let held = account.holds[index].parts.clone();
            let (of_lot, mut kept): (Vec<Part>, Vec<Part>) =
                held.into_iter().partition(|part| part.lot == lot);
            let (own, others): (Vec<Part>, Vec<Part>) =
                account.available.iter().cloned().partition(|part| part.lot == lot);
            let (taken, left) = split(&others, needed.min(sum(&of_lot)));
            let (returned, of_lot_left) = split(&of_lot, sum(&taken));
            if taken.is_empty() {
                continue;
            }
            kept.extend(of_lot_left);
            account.available = vec![];
            account.put_all(&kept);
            account.put_all(&taken);
            let kept = std::mem::take(&mut account.available);
            account.put_all(&own);
            account.put_all(&left);
            account.put_all(&returned);
            account.holds[index].parts = kept.clone();
            effects.push(Effect::Swapped {
                account: name.to_owned(),
                hold: account.holds[index].id.clone(),
                kept,
                returned,
                taken,
            });
        }
        effects
    }

    fn take_free(
        &mut self,
        name: &str,
        lot: usize,
        points: u128,
        what: &[String; 2],
    ) -> Result<Effect, No> {
        let unit = self.lots[lot].unit;
        let account = self.wallet(name, unit);
        // One after the other, each from what the former left.
        let own_pending: Vec<Part> = account.pending.iter().map(|(_, part)| part.clone()).collect();
        let own_pending: Vec<Part> =
            own_pending.into_iter().filter(|part| part.lot == lot).collect();
        let (own, others): (Vec<Part>, Vec<Part>) =
            account.available.iter().cloned().partition(|part| part.lot == lot);

        let (mut taken, _) = split(&own_pending, points);
        let (from_own, own_left) = split(&own, points - sum(&taken));
        taken.extend(from_own);
        let expired = self.lots[lot].expired.min(points - sum(&taken));
        let (from_others, others_left) = split(&others, points - sum(&taken) - expired);
        taken.extend(from_others);
        let missing = points - sum(&taken) - expired;
        let (owed, forgiven) = match self.policy.spent_credit {
            SpentCredit::Refuse if missing > 0 => {
                let facts = [("left", signed(points - missing)), ("asked", signed(points))];
                return no_of_unit("credit-already-spent", unit, facts);
            }
            SpentCredit::Forgive => (0, missing),
            SpentCredit::Refuse | SpentCredit::Debt => (missing, 0),
        };
        let mut pending = account.pending.iter();
        let pending_until = pending.find(|(_, part)| part.lot == lot).map(|(until, _)| *until);
        self.check_debt(name, unit, owed)?;

        self.lots[lot].withdrawn += points;
        self.lots[lot].expired -= expired;
        let account = self.wallet_mut(name, unit);
        let mut from_pending = points;
        for (_, part) in account.pending.iter_mut().filter(|(_, part)| part.lot == lot) {
            let taking = part.points.min(from_pending);
            part.points -= taking;
            from_pending -= taking;
        }
        account.pending.retain(|(_, part)| part.points > 0);
        account.available = vec![];
        account.put_all(&own_left);
        account.put_all(&others_left);
        let withdrawal = Some(self.withdrawals.len());
        self.wallet_mut(name, unit).owe(owed, withdrawal);
        self.withdrawals.push(Withdrawal {
            account: name.to_owned(),
            what: what.clone(),
            lot: Some(lot),
            gain: None,
            points,
            parts: taken.clone(),
            pending_until,
            expired,
            forgiven,
            lines: vec![],
        });
        let account = name.to_owned();
        let (lot, parts) = (Some(lot), taken);
        Ok(Effect::Withdrawn { account, unit, lot, parts, expired, owed, forgiven, cap_room: None })
    }

    pub(crate) fn withdraw(&mut self, it: &WithdrawCredit) -> Answer {
        let name = it.account_id.as_str();
        let earned = self.earned_for(name, it.cause.kind.as_str(), it.cause.id.as_str());
        let of_unit = earned.iter().find(|(unit, _)| *unit == it.unit);
        let mut others = earned.iter().filter(|(_, lot)| lot.is_some());
        if let (None, Some((unit, _))) = (of_unit, others.next()) {
            self.check_unit(it.unit)?;
            return no_of("unit-mismatch", [("unit", *unit), ("asked", it.unit)]);
        }
        let Some(lot) = of_unit.and_then(|(_, lot)| *lot) else { return no("credit-unknown") };
        let left = self.lots[lot].earned - self.lots[lot].withdrawn;
        let points = named_or_all(it.unit, it.points, left)?;
        let what = ["withdrawal".to_owned(), it.withdrawal_id.to_string()];
        let own = self.take_back(name, lot, points, &what)?;
        Ok(Some(Effects { accounts: vec![name.to_owned()], own, after: vec![] }))
    }

    /// The units that were earned for a cause, those that were claimed last, each with its lot; one
    /// whose credit was refused, and not claimed yet, has none.
    fn earned_for(&self, name: &str, kind: &str, cause: &str) -> Vec<(UnitId, Option<usize>)> {
        let mut purchases = self.purchases.iter();
        let purchase = purchases.find(|it| it.account == name && it.id == cause);
        if let Some(purchase) = purchase.filter(|_| kind == "purchase") {
            let mut units: Vec<_> = purchase.units.iter().collect();
            units.retain(|it| it.refused.is_some() || it.lot.is_some());
            units.sort_by_key(|it| it.refused.is_some());
            return units.iter().map(|it| (it.unit, it.lot)).collect();
        }
        let lots = self
            .lots
            .iter()
            .enumerate()
            .filter(|(_, lot)| lot.account == name && lot.kind == kind && lot.cause == cause);
        lots.map(|(number, lot)| (lot.unit, Some(number))).collect()
    }

    pub(crate) fn adjust(&mut self, it: &AdjustCredit, now: Time) -> Answer {
        let (name, unit, points) = (it.account_id.as_str(), it.unit, number(it.points));
        self.check_unit(unit)?;
        if it.direction == Direction::Add {
            self.check_not_closed(unit)?;
            check_expiry(micros(it.expires_at), now)?;
            self.check_earning_limit(unit, points)?;
            self.check_room(name, unit, points)?;
            let expires_at = micros(it.expires_at);
            let life = Life::of_no_rule(now, None, expires_at);
            let cause = ["adjustment", it.adjustment_id.as_str()];
            return done(name, [self.new_lot(name, cause, unit, points, life)]);
        }
        let Some(account) = self.account(name) else { return no("account-unknown") };
        let available = account.wallet(unit).sum_available();
        let missing = points.saturating_sub(available);
        let (owed, forgiven) = match self.policy.spent_credit {
            SpentCredit::Refuse if missing > 0 => {
                return insufficient(unit, points, available);
            }
            SpentCredit::Forgive => (0, missing),
            SpentCredit::Refuse | SpentCredit::Debt => (missing, 0),
        };
        self.check_debt(name, unit, owed)?;
        let account = self.wallet_mut(name, unit);
        let parts = account.spend(points - missing);
        account.owe(owed, None);
        let account = name.to_owned();
        let (lot, expired, cap_room) = (None, 0, None);
        done(
            name,
            [Effect::Withdrawn { account, unit, lot, parts, expired, owed, forgiven, cap_room }],
        )
    }
}

/// Credit that would have expired already isn't given.
pub(crate) fn check_expiry(expires_at: Option<Time>, now: Time) -> Result<(), No> {
    match expires_at {
        Some(expires_at) if expires_at <= now => no_for("expiry-passed", [("now", now.into())]),
        _ => Ok(()),
    }
}
