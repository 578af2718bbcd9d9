//! What purchases earn, at once or by a claim, and what returns take back, by docs/CREDIT.md.

use domain::UnitId;
use domain::command::{ClaimCredit, RecordPurchase, ReturnPurchase};

use super::bought::{BoughtOf, TakenOf};
use super::earning;
use super::effect::Effect;
use super::ledger::{
    Effects, Gain, Ledger, Line, MOST, No, OfUnit, Purchase, Refused, Time, Withdrawal,
};
use super::lots::{Life, check_expiry};
use super::rules::{Answer, done, micros, no, no_for, no_of, number, signed, too_large_of};

/// What a purchase would earn of a unit.
struct Plan {
    unit: UnitId,
    /// Nothing where what the lines earn can't be said.
    by_line: Vec<u128>,
    life: Life,
    /// What the rule gave, where its cap cut that.
    before_cap: Option<u128>,
}

impl Ledger {
    pub(crate) fn record_purchase(&mut self, it: &RecordPurchase, now: Time) -> Answer {
        let account = it.account_id.as_str();
        let mut own = vec![];
        let (mut units, mut bought) = (vec![], vec![]);
        for Plan { unit, by_line, life, before_cap } in self.plans(it, now)? {
            let points = by_line.iter().fold(0_u128, |sum, line| sum.saturating_add(*line));
            let mut gain = None;
            if let (Some((rule, _)), Some(period)) = (&life.rule, life.cap_period) {
                // Also what is refused, for it can be claimed.
                let (account, rule) = (account.to_owned(), rule.clone());
                gain = Some(self.gains.len());
                self.gains.push(Gain { account, rule, period, points });
            }
            let refused = self.check_earning(account, unit, &by_line, points, &life).err();
            let refused = refused.map(|no| Refused {
                code: no.code,
                available_at: life.available_at,
                expires_at: life.expires_at,
                cap_period: life.cap_period,
            });
            let sum = if refused.is_some() { 0 } else { points };
            let rule = life.rule.clone();
            let mut lot = None;
            if sum > 0 {
                lot = Some(self.lots.len());
                let cause = ["purchase", it.purchase_id.as_str()];
                own.push(self.new_lot(account, cause, unit, points, life));
            }
            let points: Vec<u128> =
                (0..it.lines.len()).map(|line| by_line.get(line).copied().unwrap_or(0)).collect();
            let (of_rule, why) = (rule.clone(), refused.clone());
            units.push(OfUnit { unit, lot, rule, refused, gain });
            bought.push(BoughtOf { unit, points, sum, rule: of_rule, refused: why, before_cap });
        }
        self.make_account(account);
        let asked = it.lines.iter();
        let asked = asked.map(|line| (line.product_id.to_string(), line.quantity.get().into()));
        let what = ["purchase".to_owned(), it.purchase_id.to_string()];
        self.ask_for(account, what, asked.collect());
        let lines = it.lines.iter().enumerate().map(|(number, line)| Line {
            product: line.product_id.to_string(),
            quantity: line.quantity.get().into(),
            points: bought.iter().map(|of_unit| of_unit.points[number]).collect(),
            returned: 0,
        });
        self.purchases.push(Purchase {
            account: account.to_owned(),
            id: it.purchase_id.to_string(),
            lines: lines.collect(),
            units,
        });
        own.push(Effect::Purchased {
            account: account.to_owned(),
            purchase: it.purchase_id.to_string(),
            units: bought,
        });
        Ok(Some(Effects { accounts: vec![account.to_owned()], own, after: vec![] }))
    }

    /// What a purchase would earn of each unit.
    fn plans(&self, it: &RecordPurchase, now: Time) -> Result<Vec<Plan>, No> {
        let life = Life::of_no_rule(now, micros(it.available_at), micros(it.expires_at));
        if let Some(points) = it.points {
            self.check_unit(it.unit)?;
            let by_line = earning::spread(number(points), &it.lines);
            return Ok(vec![Plan { unit: it.unit, by_line, life, before_cap: None }]);
        }
        let rules = it.rules.iter().map(|rule| rule.as_str());
        let rules = if it.rules.is_empty() { vec!["default"] } else { rules.collect() };
        if rules.iter().any(|rule| self.rule(rule).is_none()) {
            return no("rule-unknown");
        }
        let mut units = vec![];
        for rule in &rules {
            let unit = self.rule(rule).expect("it exists").terms.unit;
            if units.contains(&unit) {
                return no_of("unit-repeated", [("unit", unit)]);
            }
            units.push(unit);
        }
        Ok(rules.iter().map(|rule| self.plan(it, rule, life.clone())).collect())
    }

    /// What a purchase would earn by a rule.
    fn plan(&self, it: &RecordPurchase, rule_id: &str, mut life: Life) -> Plan {
        let (account, now) = (it.account_id.as_str(), life.now);
        let rule = self.rule(rule_id).expect("it exists");
        let at = earning::earns_at(&rule.terms, it.occurred_at, now);
        let (terms, version) = self.version_at(rule_id, at).expect("the rule exists");
        life.rule = Some((rule_id.to_owned(), version));
        life.available_at = life.available_at.or_else(|| earning::matures(terms, now));
        life.expires_at = life.expires_at.or_else(|| earning::expires(terms, now));
        life.cap_period = earning::cap_span(terms, at);
        let uncapped = earning::before_cap(terms, &it.lines, at);
        let (unit, mut before_cap) = (terms.unit, None);
        if uncapped.iter().any(|points| *points > MOST) {
            // What the lines earn can't be said.
            return Plan { unit, by_line: vec![], life, before_cap };
        }
        let gains = self.gains.iter().filter(|gain| {
            gain.account == account && gain.rule == rule_id && Some(gain.period) == life.cap_period
        });
        let earned = gains.map(|gain| gain.points).sum();
        let given: u128 = uncapped.iter().sum();
        let by_line = earning::capped(terms, uncapped, earned);
        if by_line.iter().sum::<u128>() < given {
            before_cap = Some(given.min(MOST));
        }
        Plan { unit, by_line, life, before_cap }
    }

    /// Whether a purchase earns what its lines come to.
    fn check_earning(
        &self,
        account: &str,
        unit: UnitId,
        by_line: &[u128],
        points: u128,
        life: &Life,
    ) -> Result<(), No> {
        let is_amount = !by_line.is_empty() && points <= MOST;
        if points == 0 && is_amount {
            return Ok(());
        }
        self.check_lot(account, unit, points, is_amount, life)
    }

    /// Whether a purchase's credit can be given; `is_amount` says whether it can be said at all.
    fn check_lot(
        &self,
        account: &str,
        unit: UnitId,
        points: u128,
        is_amount: bool,
        life: &Life,
    ) -> Result<(), No> {
        self.check_not_closed(unit)?;
        check_expiry(life.expires_at, life.now)?;
        if !is_amount {
            return too_large_of(unit);
        }
        self.check_earning_limit(unit, points)?;
        self.check_room(account, unit, points)?;
        life.check_matures()
    }

    /// Gives what was refused when a purchase was recorded, less what came back of it.
    pub(crate) fn claim(&mut self, it: &ClaimCredit, now: Time) -> Answer {
        let (account, id) = (it.account_id.as_str(), it.purchase_id.as_str());
        let Some(place) = self.purchase_place(account, id) else {
            let is_cause = self
                .lots
                .iter()
                .any(|lot| lot.account == account && lot.kind == "purchase" && lot.cause == id);
            return no(if is_cause { "nothing-to-claim" } else { "purchase-unknown" });
        };
        let purchase = &self.purchases[place];
        let mut refused = purchase.units.iter().enumerate().filter(|(_, it)| it.refused.is_some());
        let Some((_, first)) = refused.clone().next() else { return no("nothing-to-claim") };
        let Some((index, of_unit)) = refused.find(|(_, of_unit)| of_unit.unit == it.unit) else {
            self.check_unit(it.unit)?;
            return no_of("unit-mismatch", [("unit", first.unit), ("asked", it.unit)]);
        };
        let (unit, refused) = (it.unit, of_unit.refused.clone().expect("it was refused"));
        let is_known = purchase.lines.iter().any(|line| line.points[index] > 0);
        let left = |line: &Line| {
            let points = line.points[index];
            points - points * line.returned / line.quantity
        };
        let points: u128 = purchase.lines.iter().map(left).sum();
        if is_known && points == 0 {
            return no("nothing-to-claim");
        }
        let life = Life {
            now,
            available_at: micros(it.available_at).or(refused.available_at),
            expires_at: micros(it.expires_at).or(refused.expires_at),
            rule: of_unit.rule.clone(),
            cap_period: refused.cap_period,
            is_claim: true,
        };
        self.check_lot(account, unit, points, is_known && points <= MOST, &life)?;
        self.purchases[place].units[index].lot = Some(self.lots.len());
        done(account, [self.new_lot(account, ["purchase", id], unit, points, life)])
    }

    pub(crate) fn return_purchase(&mut self, it: &ReturnPurchase, now: Time) -> Answer {
        let (name, id) = (it.account_id.as_str(), it.purchase_id.as_str());
        let Some(place) = self.purchase_place(name, id) else {
            return no("purchase-unknown");
        };
        let purchase = &self.purchases[place];
        if purchase.lines.iter().all(|line| line.returned == line.quantity) {
            return no("already-returned");
        }

        // How many of each line of the purchase.
        let mut back: Vec<u128> = vec![];
        match &it.lines {
            None => {
                back.extend(purchase.lines.iter().map(|line| line.quantity - line.returned));
            }
            Some(asked) => {
                for (number, line) in (1..).zip(asked) {
                    let product = line.product_id.as_str();
                    if purchase.lines.iter().all(|line| line.product != product) {
                        return no_for("line-unknown", [("line", number)]);
                    }
                }
                for line in &purchase.lines {
                    let mut asked = asked.iter();
                    let asked = asked.find(|asked| asked.product_id.as_str() == line.product);
                    back.push(asked.map_or(0, |asked| asked.quantity.get().into()));
                }
                for (line, asked) in purchase.lines.iter().zip(&back) {
                    let left = line.quantity - line.returned;
                    if *asked > left {
                        let facts = [("left", signed(left)), ("asked", signed(*asked))];
                        return no_for("quantity-too-large", facts);
                    }
                }
            }
        }

        let what = ["return".to_owned(), format!("{id}/{}", it.return_id)];
        let (own, taken) = self.take_shares(place, &back, &what, now)?;

        let lines = self.purchases[place].lines.iter_mut().zip(&back);
        let mut returned = vec![];
        for (line, back) in lines.filter(|(_, back)| **back > 0) {
            line.returned += back;
            returned.push((line.product.clone(), *back));
        }
        self.withdrawals.last_mut().expect("it was pushed").lines.clone_from(&returned);
        let what = ["purchase".to_owned(), id.to_owned()];
        let request = self.request_mut(name, &what).expect("it was asked for");
        // Once a parcel has left, nobody knows what a return means for the others.
        if request.parcels.is_empty() {
            request.call_off(&back, false);
            // What an undone return had called off is not asked for again.
            let is_nothing_left = request.is_nothing_left();
            request.call_off(&[], is_nothing_left);
        }
        let mut own = own;
        own.push(Effect::Returned {
            account: name.to_owned(),
            purchase: id.to_owned(),
            lines: returned,
            taken,
        });
        Ok(Some(Effects { accounts: vec![name.to_owned()], own, after: vec![] }))
    }

    /// Takes back what lines of a purchase had earned of each unit, of all of them or of none: what
    /// holds swap for that, then what is taken.
    fn take_shares(
        &mut self,
        place: usize,
        back: &[u128],
        what: &[String; 2],
        now: Time,
    ) -> Result<(Vec<Effect>, Vec<TakenOf>), No> {
        let purchase = &self.purchases[place];
        let (name, units) = (purchase.account.clone(), purchase.units.clone());
        let account = self.account(&name).expect("it bought").clone();
        let (lots, withdrawals) = (self.lots.clone(), self.withdrawals.len());
        let (mut swapped, mut own, mut shares, mut rooms) = (vec![], vec![], vec![], vec![]);
        for (index, of_unit) in units.iter().enumerate() {
            let lines = self.purchases[place].lines.iter().zip(back);
            let worth: u128 = lines
                .map(|(line, back)| {
                    let points = line.points[index];
                    let with_it = points * (line.returned + back) / line.quantity;
                    with_it - points * line.returned / line.quantity
                })
                .sum();
            let kept = of_unit.gain.filter(|gain| earning::is_kept(self.gains[*gain].period, now));
            let room = |gain: usize| {
                let gain = &self.gains[gain];
                (gain.rule.clone(), gain.period)
            };
            let is_unclaimed = of_unit.refused.is_some() && of_unit.lot.is_none();
            let unclaimed = kept.filter(|_| is_unclaimed && worth > 0);
            let room_back = unclaimed.map(room).map(|(rule, period)| (rule, period, worth));
            let left = of_unit.lot.map(|lot| self.lots[lot].earned - self.lots[lot].withdrawn);
            let points = worth.min(left.unwrap_or(0));
            rooms.extend(unclaimed.map(|gain| (gain, worth)));
            if points > 0 {
                let lot = of_unit.lot.expect("something was earned");
                let cap_room = kept.map(room);
                let taken = self.take_back(&name, lot, points, what);
                let mut taken = taken.inspect_err(|_| {
                    // What was taken of a unit before isn't, either.
                    *self.account_mut(&name) = account.clone();
                    self.lots.clone_from(&lots);
                    self.withdrawals.truncate(withdrawals);
                })?;
                let Some(Effect::Withdrawn { cap_room: said, .. }) = taken.last_mut() else {
                    unreachable!("it ends with what it takes")
                };
                said.clone_from(&cap_room);
                own.extend(taken.pop());
                swapped.extend(taken);
                rooms.extend(kept.map(|gain| (gain, points)));
                self.withdrawals.last_mut().expect("it was pushed").gain = kept;
            }
            shares.push(TakenOf { unit: of_unit.unit, points, room: room_back });
        }
        for (gain, points) in rooms {
            self.give_room_back(gain, points);
        }
        if own.is_empty() {
            self.withdrawals.push(Withdrawal {
                account: name,
                what: what.clone(),
                lot: None,
                gain: None,
                points: 0,
                parts: vec![],
                pending_until: None,
                expired: 0,
                forgiven: 0,
                lines: vec![],
            });
        }
        swapped.extend(own);
        Ok((swapped, shares))
    }

    fn purchase_place(&self, account: &str, id: &str) -> Option<usize> {
        self.purchases.iter().position(|it| it.account == account && it.id == id)
    }

    /// Makes room under a cap. What counts in a period is one number, which is never less than 0.
    fn give_room_back(&mut self, gain: usize, points: u128) {
        let of = |gain: &Gain| (gain.account.clone(), gain.rule.clone(), gain.period);
        let (wanted, mut left) = (of(&self.gains[gain]), points);
        for index in std::iter::once(gain).chain(0..self.gains.len()) {
            let gain = &mut self.gains[index];
            if of(gain) == wanted {
                let taken = left.min(gain.points);
                gain.points -= taken;
                left -= taken;
            }
        }
    }
}
