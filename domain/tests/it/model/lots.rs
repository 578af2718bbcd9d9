//! How lots are earned and taken back, by docs/CREDIT.md.

use domain::SpentCredit;
use domain::command::{
    AdjustCredit, ClaimCredit, Direction, EarnCredit, RecordPurchase, ReturnPurchase,
    WithdrawCredit,
};

use super::earning::{self, Span};
use super::effect::Effect;
use super::ledger::{
    Account, Effects, Gain, Ledger, Line, Lot, MOST, No, Part, Purchase, Refused, Time, Withdrawal,
    split, sum,
};
use super::rules::{Answer, done, micros, no, no_for, number, signed, too_large};

/// From when until when a lot can be spent, and the rule that gave it.
pub(crate) struct Life {
    now: Time,
    available_at: Option<Time>,
    expires_at: Option<Time>,
    rule: Option<(String, u64)>,
    cap_period: Option<Span>,
    is_claim: bool,
}

impl Life {
    /// Whether a lot could be spent before it expires.
    fn check_matures(&self) -> Result<(), No> {
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
    pub(crate) fn check_room(&self, account: &str, points: u128) -> Result<(), No> {
        let total = self.account(account).map_or(0, Account::total);
        if total + points > MOST { too_large() } else { Ok(()) }
    }

    /// Whether the policy allows one credit to be so much.
    fn check_earning_limit(&self, points: u128) -> Result<(), No> {
        let most = number(self.policy.earning_points_max);
        if points > most {
            let facts = [("max", signed(most)), ("asked", signed(points))];
            return no_for("earning-too-large", facts);
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
        points: u128,
        life: Life,
    ) -> Effect {
        self.make_account(account);
        let lot = self.lots.len();
        self.lots.push(Lot {
            account: account.to_owned(),
            kind: cause[0].to_owned(),
            cause: cause[1].to_owned(),
            earned: points,
            withdrawn: 0,
            expired: 0,
        });
        let part = Part { lot, points, expires_at: life.expires_at, graced: false };
        let owner = self.account_mut(account);
        match life.available_at.filter(|available_at| *available_at > life.now) {
            Some(available_at) => owner.pending.push((available_at, part)),
            None => owner.put(part),
        }
        Effect::Earned {
            account: account.to_owned(),
            lot,
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
        check_expiry(micros(it.expires_at), now)?;
        self.check_earning_limit(points)?;
        self.check_room(account, points)?;
        let life = Life {
            now,
            available_at: micros(it.available_at),
            expires_at: micros(it.expires_at),
            rule: None,
            is_claim: false,
            cap_period: None,
        };
        let cause = [it.cause.kind.as_str(), it.cause.id.as_str()];
        done(account, [self.new_lot(account, cause, points, life)])
    }

    pub(crate) fn record_purchase(&mut self, it: &RecordPurchase, now: Time) -> Answer {
        let account = it.account_id.as_str();
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
        let refused = self.check_earning(account, &by_line, points, &life).err();
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
            own.push(self.new_lot(account, ["purchase", it.purchase_id.as_str()], points, life));
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
        by_line: &[u128],
        points: u128,
        life: &Life,
    ) -> Result<(), No> {
        let is_amount = !by_line.is_empty() && points <= MOST;
        if points == 0 && is_amount {
            return Ok(());
        }
        check_expiry(life.expires_at, life.now)?;
        if !is_amount {
            return too_large();
        }
        self.check_earning_limit(points)?;
        self.check_room(account, points)?;
        life.check_matures()
    }

    /// Gives what was refused when a purchase was recorded, less what came back of it.
    pub(crate) fn claim(&mut self, it: &ClaimCredit, now: Time) -> Answer {
        let (account, id) = (it.account_id.as_str(), it.purchase_id.as_str());
        let mut places = 0..self.purchases.len();
        let Some(place) = places.find(|place| {
            let purchase = &self.purchases[*place];
            purchase.account == account && purchase.id == id
        }) else {
            let is_cause = self
                .lots
                .iter()
                .any(|lot| lot.account == account && lot.kind == "purchase" && lot.cause == id);
            return no(if is_cause { "nothing-to-claim" } else { "purchase-unknown" });
        };
        let purchase = &self.purchases[place];
        let Some(refused) = purchase.refused.clone() else { return no("nothing-to-claim") };
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
        check_expiry(life.expires_at, now)?;
        if !is_known || points > MOST {
            return too_large();
        }
        self.check_earning_limit(points)?;
        self.check_room(account, points)?;
        life.check_matures()?;
        self.purchases[place].lot = Some(self.lots.len());
        done(account, [self.new_lot(account, ["purchase", id], points, life)])
    }

    /// Whether the account may owe so much more.
    pub(crate) fn check_debt(&self, account: &str, more: u128) -> Result<(), No> {
        let owed = self.account(account).map_or(0, |account| account.owed);
        if owed + more > MOST { too_large() } else { Ok(()) }
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
        let account = self.account_mut(name);
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
        let account = self.account(name).expect("it earned the lot");
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
                return no_for("credit-already-spent", facts);
            }
            SpentCredit::Forgive => (0, missing),
            SpentCredit::Refuse | SpentCredit::Debt => (missing, 0),
        };
        let mut pending = account.pending.iter();
        let pending_until = pending.find(|(_, part)| part.lot == lot).map(|(until, _)| *until);
        self.check_debt(name, owed)?;

        self.lots[lot].withdrawn += points;
        self.lots[lot].expired -= expired;
        let account = self.account_mut(name);
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
        let account = self.account_mut(name);
        account.owe(owed, withdrawal);
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
        Ok(Effect::Withdrawn { account, lot, parts, expired, owed, forgiven, cap_room: None })
    }

    pub(crate) fn withdraw(&mut self, it: &WithdrawCredit) -> Answer {
        let name = it.account_id.as_str();
        let Some(lot) = self.lots.iter().position(|lot| {
            lot.account == name
                && lot.kind == it.cause.kind.as_str()
                && lot.cause == it.cause.id.as_str()
        }) else {
            return no("credit-unknown");
        };
        let left = self.lots[lot].earned - self.lots[lot].withdrawn;
        let points = match it.points.map(number) {
            Some(asked) if asked > left => {
                let facts = [("left", signed(left)), ("asked", signed(asked))];
                return no_for("points-too-large", facts);
            }
            None if left == 0 => return Err(No { code: "points-too-large", facts: None }),
            asked => asked.unwrap_or(left),
        };
        let what = ["withdrawal".to_owned(), it.withdrawal_id.to_string()];
        let own = self.take_back(name, lot, points, &what)?;
        Ok(Some(Effects { accounts: vec![name.to_owned()], own, after: vec![] }))
    }

    pub(crate) fn return_purchase(&mut self, it: &ReturnPurchase, now: Time) -> Answer {
        let (name, id) = (it.account_id.as_str(), it.purchase_id.as_str());
        let mut places = 0..self.purchases.len();
        let Some(place) = places.find(|place| {
            let purchase = &self.purchases[*place];
            purchase.account == name && purchase.id == id
        }) else {
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
            self.gains[gain].points -= room.as_ref().map_or(0, |(.., points)| *points);
        }
        let mut own = vec![];
        let what = ["return".to_owned(), format!("{id}/{}", it.return_id)];
        if points > 0 {
            let lot = lot.expect("something was earned");
            own.extend(self.take_back(name, lot, points, &what)?);
            let of = self.purchases[place].gain;
            let gain = of.map(|gain| &mut self.gains[gain]);
            if let Some(gain) = gain.filter(|gain| earning::is_kept(gain.period, now)) {
                gain.points -= points;
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

    pub(crate) fn adjust(&mut self, it: &AdjustCredit, now: Time) -> Answer {
        let (name, points) = (it.account_id.as_str(), number(it.points));
        if it.direction == Direction::Add {
            check_expiry(micros(it.expires_at), now)?;
            self.check_earning_limit(points)?;
            self.check_room(name, points)?;
            let expires_at = micros(it.expires_at);
            let life = Life {
                now,
                available_at: None,
                expires_at,
                rule: None,
                cap_period: None,
                is_claim: false,
            };
            let cause = ["adjustment", it.adjustment_id.as_str()];
            return done(name, [self.new_lot(name, cause, points, life)]);
        }
        let Some(account) = self.account(name) else { return no("account-unknown") };
        let available = account.sum_available();
        let missing = points.saturating_sub(available);
        let (owed, forgiven) = match self.policy.spent_credit {
            SpentCredit::Refuse if missing > 0 => {
                let facts = [("needed", signed(points)), ("available", signed(available))];
                return no_for("insufficient-credit", facts);
            }
            SpentCredit::Forgive => (0, missing),
            SpentCredit::Refuse | SpentCredit::Debt => (missing, 0),
        };
        self.check_debt(name, owed)?;
        let account = self.account_mut(name);
        let parts = account.spend(points - missing);
        account.owe(owed, None);
        let account = name.to_owned();
        let (lot, expired, cap_room) = (None, 0, None);
        done(name, [Effect::Withdrawn { account, lot, parts, expired, owed, forgiven, cap_room }])
    }
}

/// Credit that would have expired already isn't given.
fn check_expiry(expires_at: Option<Time>, now: Time) -> Result<(), No> {
    match expires_at {
        Some(expires_at) if expires_at <= now => no_for("expiry-passed", [("now", now.into())]),
        _ => Ok(()),
    }
}
