//! What purchases earn, at once or by a claim, and what returns take back, by docs/CREDIT.md.

use domain::UnitId;
use domain::command::{ClaimCredit, RecordPurchase, ReturnPurchase};

use super::earning;
use super::effect::Effect;
use super::ledger::{Effects, Gain, Ledger, Line, MOST, No, Purchase, Refused, Time, Withdrawal};
use super::lots::{Life, check_expiry};
use super::rules::{Answer, done, micros, no, no_for, no_of, number, signed, too_large};

impl Ledger {
    pub(crate) fn record_purchase(&mut self, it: &RecordPurchase, now: Time) -> Answer {
        let account = it.account_id.as_str();
        // Rules give points.
        let unit = if it.points.is_some() { it.unit } else { UnitId::POINTS };
        self.check_unit(unit)?;
        let mut life = Life {
            now,
            available_at: micros(it.available_at),
            expires_at: micros(it.expires_at),
            rule: None,
            is_claim: false,
            cap_period: None,
        };
        let mut before_cap = None;
        let by_line = if let Some(points) = it.points {
            earning::spread(number(points), &it.lines)
        } else {
            let rule_id = it.rule.as_ref().map_or("default", |rule| rule.as_str());
            let Some(rule) = self.rule(rule_id) else { return no("rule-unknown") };
            let at = earning::earns_at(&rule.terms, it.occurred_at, now);
            let (terms, version) = self.version_at(rule_id, at).expect("the rule exists");
            life.rule = Some((rule_id.to_owned(), version));
            life.available_at = life.available_at.or_else(|| earning::matures(terms, now));
            life.expires_at = life.expires_at.or_else(|| earning::expires(terms, now));
            life.cap_period = earning::cap_span(terms, at);
            let uncapped = earning::before_cap(terms, &it.lines, at);
            if uncapped.iter().any(|points| *points > MOST) {
                // What the lines earn can't be said.
                vec![]
            } else {
                let gains = self.gains.iter().filter(|gain| {
                    gain.account == account
                        && gain.rule == rule_id
                        && Some(gain.period) == life.cap_period
                });
                let earned = gains.map(|gain| gain.points).sum();
                let given: u128 = uncapped.iter().sum();
                let by_line = earning::capped(terms, uncapped, earned);
                if by_line.iter().sum::<u128>() < given {
                    before_cap = Some(given.min(MOST));
                }
                by_line
            }
        };
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
        let earned = if refused.is_some() { 0 } else { points };
        let rule = life.rule.clone();
        let mut own = vec![];
        let mut lot = None;
        if earned > 0 {
            lot = Some(self.lots.len());
            let cause = ["purchase", it.purchase_id.as_str()];
            own.push(self.new_lot(account, cause, unit, points, life));
        }
        self.make_account(account);
        let by_line: Vec<u128> =
            (0..it.lines.len()).map(|line| by_line.get(line).copied().unwrap_or(0)).collect();
        let lines = it.lines.iter().zip(&by_line);
        let asked = it.lines.iter();
        let asked = asked.map(|line| (line.product_id.to_string(), line.quantity.get().into()));
        let what = ["purchase".to_owned(), it.purchase_id.to_string()];
        self.ask_for(account, what, asked.collect());
        self.purchases.push(Purchase {
            account: account.to_owned(),
            id: it.purchase_id.to_string(),
            unit,
            lines: lines
                .map(|(line, points)| Line {
                    product: line.product_id.to_string(),
                    quantity: line.quantity.get().into(),
                    points: *points,
                    returned: 0,
                })
                .collect(),
            lot,
            rule,
            refused: refused.clone(),
            gain,
        });
        own.push(Effect::Purchased {
            account: account.to_owned(),
            purchase: it.purchase_id.to_string(),
            unit,
            points: by_line,
            sum: earned,
            refused,
            before_cap,
        });
        Ok(Some(Effects { accounts: vec![account.to_owned()], own, after: vec![] }))
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
            return too_large();
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
        let Some(refused) = purchase.refused.clone() else { return no("nothing-to-claim") };
        let unit = purchase.unit;
        if unit != it.unit {
            return no_of("unit-mismatch", [("unit", unit), ("asked", it.unit)]);
        }
        let is_known = purchase.lines.iter().any(|line| line.points > 0);
        let left = |line: &Line| line.points - line.points * line.returned / line.quantity;
        let points: u128 = purchase.lines.iter().map(left).sum();
        if is_known && points == 0 {
            return no("nothing-to-claim");
        }
        let life = Life {
            now,
            available_at: micros(it.available_at).or(refused.available_at),
            expires_at: micros(it.expires_at).or(refused.expires_at),
            rule: purchase.rule.clone(),
            cap_period: refused.cap_period,
            is_claim: true,
        };
        self.check_lot(account, unit, points, is_known && points <= MOST, &life)?;
        self.purchases[place].lot = Some(self.lots.len());
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

        let lines = purchase.lines.iter().zip(&back);
        let mut points: u128 = lines
            .map(|(line, back)| {
                let with_it = line.points * (line.returned + back) / line.quantity;
                with_it - line.points * line.returned / line.quantity
            })
            .sum();
        let lot = purchase.lot;
        let is_unclaimed = purchase.refused.is_some() && lot.is_none();
        let gain = purchase.gain.filter(|_| is_unclaimed && points > 0);
        let gain = gain.filter(|gain| earning::is_kept(self.gains[*gain].period, now));
        let room = gain.map(|gain| {
            let gain = &self.gains[gain];
            (gain.rule.clone(), gain.period, points)
        });
        let left = lot.map_or(0, |lot| self.lots[lot].earned - self.lots[lot].withdrawn);
        points = points.min(left);
        if let Some(gain) = gain {
            self.give_room_back(gain, room.as_ref().map_or(0, |(.., points)| *points));
        }
        let mut own = vec![];
        let what = ["return".to_owned(), format!("{id}/{}", it.return_id)];
        if points > 0 {
            let lot = lot.expect("something was earned");
            own.extend(self.take_back(name, lot, points, &what)?);
            let of = self.purchases[place].gain;
            let of_kept = of.filter(|gain| earning::is_kept(self.gains[*gain].period, now));
            if let Some(gain) = of_kept {
                self.give_room_back(gain, points);
                let gain = &self.gains[gain];
                let Some(Effect::Withdrawn { cap_room, .. }) = own.last_mut() else {
                    unreachable!("a return ends with what it takes")
                };
                *cap_room = Some((gain.rule.clone(), gain.period));
                self.withdrawals.last_mut().expect("it was pushed").gain = of;
            }
        } else {
            self.withdrawals.push(Withdrawal {
                account: name.to_owned(),
                what,
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
        own.push(Effect::Returned {
            account: name.to_owned(),
            purchase: id.to_owned(),
            lines: returned,
            points,
            room,
        });
        Ok(Some(Effects { accounts: vec![name.to_owned()], own, after: vec![] }))
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
