//! How credit is set aside, spent and passed on, and how it comes back, by docs/CREDIT.md.

use domain::command::{
    CancelExchange, Capture, CaptureHold, ExtendHold, HoldCredit, Order, Redeem, RefundCapture,
    ReleaseHold, TransferCredit,
};
use domain::{Command, UnitId};

use super::effect::{Costs, Effect};
use super::ledger::{
    Captured, DAY, Effects, Exchange, Grace, Hold, Ledger, MOST, No, Offer, Part, Time, split, sum,
};
use super::offers::counted_days;
use super::rules::{
    Answer, done, insufficient, named_or_all, no, no_for, no_of, no_of_unit, number, signed,
    too_large,
};

/// The next points to come back of what was drawn, from its end, where some did before.
fn undrawn(drawn: &[Part], before: u128, points: u128) -> Vec<Part> {
    let reversed: Vec<Part> = drawn.iter().rev().cloned().collect();
    let (_, still_drawn) = split(&reversed, before);
    let (back, _) = split(&still_drawn, points);
    back
}

/// Whether a cost is the expected one, unit by unit.
fn check_cost(costs: &[(UnitId, u128)], expected: &[(UnitId, u128)]) -> Result<(), No> {
    let of = |costs: &[(UnitId, u128)], unit: UnitId| {
        costs.iter().find(|(other, _)| *other == unit).map_or(0, |(_, cost)| *cost)
    };
    for (unit, _) in costs.iter().chain(expected) {
        let (needed, said) = (of(costs, *unit), of(expected, *unit));
        if needed != said {
            let facts = vec![("needed", signed(needed)), ("expected", signed(said))];
            let units = vec![("unit", *unit)];
            return Err(No { code: "price-changed", facts: Some(facts), units });
        }
    }
    Ok(())
}

impl Ledger {
    /// What an order costs of each unit.
    pub(crate) fn price(
        &self,
        account: &str,
        order: &Order,
        now: Time,
        held: Option<UnitId>,
    ) -> Result<Costs, No> {
        let Some(offer) = self.offer(order.offer_id.as_str()) else { return no("offer-unknown") };
        let quantity = u128::from(order.quantity.get());
        if self.partitions == 1 {
            self.check_stock(order)?;
        }
        offer.check_takes(now)?;
        if let Some(segment) = offer.terms.segment
            && !self.is_in(account, segment)
        {
            return no("segment-required");
        }
        let mut others = offer.terms.prices.iter().filter(|price| number(price.points) > 0);
        if let Some(unit) = held
            && let Some(asked) = others.find(|price| price.unit != unit)
        {
            return no_of("unit-mismatch", [("unit", unit), ("asked", asked.unit)]);
        }
        let prices = offer.terms.prices.iter();
        let costs: Costs =
            prices.map(|price| (price.unit, number(price.points) * quantity)).collect();
        let is_counted = offer.stock.is_some();
        let is_too_many = !is_counted && self.sold_where_lives(account, offer) + quantity > MOST;
        if is_too_many || costs.iter().any(|(_, cost)| *cost > MOST) {
            return too_large();
        }
        if let Some(expected) = order.expected_points {
            check_cost(&costs, &[(costs[0].0, number(expected))])?;
        }
        if let Some(expected) = &order.expected_prices {
            let expected: Costs =
                expected.iter().map(|price| (price.unit, number(price.points))).collect();
            check_cost(&costs, &expected)?;
        }
        if offer.terms.ships && order.deliver_to.is_none() {
            return no("deliver-to-missing");
        }
        Ok(costs)
    }

    /// Whether there are so many. Over several partitions an offer's home alone can say so, and is
    /// asked last.
    fn check_stock(&self, order: &Order) -> Result<(), No> {
        let asked = u128::from(order.quantity.get());
        let offer = self.offer(order.offer_id.as_str()).expect("it was priced");
        let remaining = offer.stock.map(|stock| stock - offer.sold);
        match remaining.filter(|remaining| *remaining < asked) {
            Some(remaining) => {
                let facts = [("remaining", signed(remaining)), ("asked", signed(asked))];
                no_for("sold-out", facts)
            }
            None => Ok(()),
        }
    }

    /// How many of an offer are sold in the partition that an account lives in.
    fn sold_where_lives(&self, account: &str, offer: &Offer) -> u128 {
        let home = self.home_of(account);
        let exchanges = self.exchanges.iter().filter(|it| it.offer == offer.id);
        let there = exchanges.filter(|it| self.home_of(&it.account) == home);
        there.map(|it| it.quantity - it.cancelled).sum()
    }

    /// Hands the goods of an order out.
    pub(crate) fn exchange(
        &mut self,
        account: &str,
        order: &Order,
        paid: Vec<(UnitId, Vec<Part>)>,
        (grace, now): (Grace, Time),
        hold: Option<&str>,
    ) -> Effect {
        let quantity = u128::from(order.quantity.get());
        let costs = paid.iter().map(|(unit, parts)| (*unit, sum(parts))).collect();
        let offers = self.offers.iter_mut();
        let mut offers = offers.filter(|offer| offer.id == order.offer_id.as_str());
        let offer = offers.next().expect("it was priced");
        offer.sold += quantity;
        let counted = counted_days(&offer.terms, now);
        self.exchanges.push(Exchange {
            account: account.to_owned(),
            id: order.exchange_id.to_string(),
            offer: order.offer_id.to_string(),
            quantity,
            paid,
            ships: offer.terms.ships,
            grace,
            cancelled: 0,
            counted: counted.clone(),
        });
        let product = offer.terms.product_id.to_string();
        let what = ["exchange".to_owned(), order.exchange_id.to_string()];
        self.ask_for(account, what, vec![(product.clone(), quantity)]);
        Effect::Exchanged {
            account: account.to_owned(),
            exchange: order.exchange_id.to_string(),
            offer: order.offer_id.to_string(),
            product,
            quantity,
            costs,
            hold: hold.map(str::to_owned),
            counted,
        }
    }

    pub(crate) fn redeem(&mut self, it: &Redeem, now: Time) -> Answer {
        let name = it.account_id.as_str();
        let costs = self.price(name, &it.order, now, None)?;
        let Some(account) = self.account(name) else { return no("account-unknown") };
        let account = account.clone();
        self.check_limits(name, &it.order, now)?;
        for (unit, cost) in &costs {
            let available = account.wallet(*unit).sum_available();
            if *cost > available {
                return insufficient(*unit, *cost, available);
            }
        }
        self.check_stock(&it.order)?;
        let (mut paid, mut own) = (vec![], vec![]);
        for (unit, cost) in costs {
            let drawn = self.wallet_mut(name, unit).spend(cost);
            // What is free has no deduction.
            if cost > 0 {
                own.push(Effect::Deducted {
                    account: name.to_owned(),
                    exchange: it.order.exchange_id.to_string(),
                    parts: drawn.clone(),
                });
            }
            paid.push((unit, drawn));
        }
        own.push(self.exchange(name, &it.order, paid, (self.grace(), now), None));
        done(name, own)
    }

    pub(crate) fn hold(&mut self, it: &HoldCredit, now: Time) -> Answer {
        let (name, unit, points) = (it.account_id.as_str(), it.unit, number(it.points));
        self.check_spendable(unit)?;
        let Some(account) = self.account(name) else { return no("account-unknown") };
        let (deadline, latest) = (it.deadline.micros(), now + 30 * DAY);
        if deadline <= now || deadline > latest {
            let facts = [("after", now.into()), ("latest", latest.into())];
            return no_for("deadline-out-of-range", facts);
        }
        let available = account.wallet(unit).sum_available();
        if points > available {
            return insufficient(unit, points, available);
        }
        let id = it.hold_id.to_string();
        self.holds.push((name.to_owned(), id.clone()));
        let grace = self.grace();
        let account = self.wallet_mut(name, unit);
        let parts = account.spend(points);
        account.holds.push(Hold {
            id: id.clone(),
            made_at: now,
            deadline,
            parts: parts.clone(),
            grace,
        });
        done(name, [Effect::Held { account: name.to_owned(), hold: id, deadline, parts }])
    }

    /// The unit and the place of a hold that hasn't ended.
    pub(crate) fn running(&self, account: &str, hold: &str) -> Result<(UnitId, usize), No> {
        if !self.holds.contains(&(account.to_owned(), hold.to_owned())) {
            return no("hold-unknown");
        }
        for wallet in &self.account(account).expect("it had a hold").wallets {
            if let Some(place) = wallet.holds.iter().position(|it| it.id == hold) {
                return Ok((wallet.unit, place));
            }
        }
        no("hold-ended")
    }

    pub(crate) fn capture(&mut self, it: &CaptureHold, now: Time) -> Answer {
        let (name, id) = (it.account_id.as_str(), it.hold_id.as_str());
        let (unit, place) = self.running(name, id)?;
        let Hold { parts, grace, .. } = self.wallet(name, unit).holds[place].clone();
        let held = sum(&parts);
        let points = match &it.capture {
            Capture::Points(asked) => {
                let points = asked.map_or(held, number);
                if points > held {
                    let facts = [("left", signed(held)), ("asked", signed(points))];
                    return no_of_unit("points-too-large", unit, facts);
                }
                points
            }
            Capture::Exchange(order) => {
                let exchange = order.exchange_id.as_str();
                if self.exchanges.iter().any(|it| it.account == name && it.id == exchange) {
                    return no("exchange-exists");
                }
                let costs = self.price(name, order, now, Some(unit))?;
                let cost = costs.iter().map(|(_, cost)| cost).sum();
                self.check_limits(name, order, now)?;
                if cost > held {
                    return insufficient(unit, cost, held);
                }
                self.check_stock(order)?;
                cost
            }
        };
        let (taken, released) = split(&parts, points);
        let released = grace.given(&released, now, true);
        let account = self.wallet_mut(name, unit);
        account.holds.remove(place);
        account.put_all(&released);
        let captured = Effect::Captured {
            account: name.to_owned(),
            hold: id.to_owned(),
            parts: taken.clone(),
            released,
            pays_exchange: matches!(it.capture, Capture::Exchange(_)),
        };
        match &it.capture {
            Capture::Points(_) => {
                let (account, hold) = (name.to_owned(), id.to_owned());
                let drawn = taken;
                self.captures.push(Captured { account, hold, unit, drawn, refunded: 0, grace });
                done(name, [captured])
            }
            Capture::Exchange(order) => {
                // What is free costs 0 points, of whatever unit the hold is.
                let unit = if taken.is_empty() { UnitId::POINTS } else { unit };
                let paid = vec![(unit, taken)];
                let exchanged = self.exchange(name, order, paid, (grace, now), Some(id));
                done(name, [captured, exchanged])
            }
        }
    }

    pub(crate) fn release(&mut self, it: &ReleaseHold, now: Time) -> Answer {
        let (name, id) = (it.account_id.as_str(), it.hold_id.as_str());
        let (unit, place) = self.running(name, id)?;
        let account = self.wallet_mut(name, unit);
        let hold = account.holds.remove(place);
        let parts = hold.grace.given(&hold.parts, now, !it.by_operator);
        account.put_all(&parts);
        done(name, [Effect::Released { account: name.to_owned(), hold: hold.id, parts }])
    }

    pub(crate) fn extend(&mut self, it: &ExtendHold) -> Answer {
        let (name, id) = (it.account_id.as_str(), it.hold_id.as_str());
        let (unit, place) = self.running(name, id)?;
        let hold = &mut self.wallet_mut(name, unit).holds[place];
        let (deadline, latest) = (it.deadline.micros(), hold.made_at + 30 * DAY);
        if deadline <= hold.deadline || deadline > latest {
            let facts = [("after", hold.deadline.into()), ("latest", latest.into())];
            return no_for("deadline-out-of-range", facts);
        }
        hold.deadline = deadline;
        done(name, [Effect::Extended { account: name.to_owned(), hold: id.to_owned(), deadline }])
    }

    pub(crate) fn refund_capture(&mut self, it: &RefundCapture, now: Time) -> Answer {
        let (name, id) = (it.account_id.as_str(), it.hold_id.as_str());
        if !self.holds.contains(&(name.to_owned(), id.to_owned())) {
            return no("hold-unknown");
        }
        if self.paid_exchange(name, id) {
            return no("capture-paid-exchange");
        }
        let mut captures = self.captures.iter();
        let Some(place) = captures.position(|it| it.account == name && it.hold == id) else {
            self.running(name, id)?;
            return no("hold-not-captured");
        };
        let captured = &self.captures[place];
        let left = sum(&captured.drawn) - captured.refunded;
        let unit = captured.unit;
        let points = named_or_all(unit, it.points, left)?;
        self.check_room(name, unit, points)?;
        let captured = &mut self.captures[place];
        let back = undrawn(&captured.drawn, captured.refunded, points);
        let parts = captured.grace.given(&back, now, false);
        captured.refunded += points;
        self.wallet_mut(name, unit).put_all(&parts);
        done(name, [Effect::Refunded { account: name.to_owned(), of: id.to_owned(), parts }])
    }

    /// Whether a hold paid an exchange.
    fn paid_exchange(&self, account: &str, hold: &str) -> bool {
        self.deeds.iter().any(|deed| match &deed.command {
            Command::CaptureHold(it) => {
                matches!(it.capture, Capture::Exchange(_))
                    && (it.account_id.as_str(), it.hold_id.as_str()) == (account, hold)
            }
            _ => false,
        })
    }

    pub(crate) fn cancel(&mut self, it: &CancelExchange, now: Time) -> Answer {
        let (name, id) = (it.account_id.as_str(), it.exchange_id.as_str());
        let Some(place) = self.exchange_place(name, id) else { return no("exchange-unknown") };
        if self.exchanges[place].cancelled == self.exchanges[place].quantity {
            return no("already-cancelled");
        }
        let parcel = ["exchange".to_owned(), id.to_owned()];
        if self.has_left(name, &parcel) {
            return no("exchange-dispatched");
        }
        if !it.by_operator && self.was_told(name, &parcel, "settled") {
            return no("shipment-settled");
        }
        if !it.by_operator && !self.exchanges[place].ships {
            return no("handed-over");
        }
        let left = self.request(name, &parcel).expect("it was asked for").units_left();
        let quantity = match it.quantity.map(|quantity| u128::from(quantity.get())) {
            Some(asked) if asked > left => {
                let facts = [("left", signed(left)), ("asked", signed(asked))];
                return no_for("quantity-too-large", facts);
            }
            asked => asked.unwrap_or(left),
        };
        let both = self.take_back_goods(
            place,
            quantity,
            it.cancellation_id.as_str(),
            now,
            !it.by_operator,
        )?;
        let exchange = &self.exchanges[place];
        let is_all = exchange.cancelled == exchange.quantity;
        let request = self.request_mut(name, &parcel).expect("it was asked for");
        request.call_off(&[quantity], is_all);
        done(name, both)
    }

    pub(crate) fn exchange_place(&self, account: &str, id: &str) -> Option<usize> {
        self.exchanges.iter().position(|it| it.account == account && it.id == id)
    }

    /// Cancels pieces that are left of an exchange, and refunds them.
    pub(crate) fn take_back_goods(
        &mut self,
        place: usize,
        quantity: u128,
        cancellation: &str,
        now: Time,
        is_own_request: bool,
    ) -> Result<Vec<Effect>, No> {
        let exchange = &self.exchanges[place];
        let name = &exchange.account.clone();
        let cancelled = exchange.cancelled + quantity;
        let (before, quantity_then) = (exchange.cancelled, exchange.quantity);
        let mut backs = vec![];
        for (unit, drawn) in exchange.paid.clone() {
            let cost = sum(&drawn);
            let came_back = cost * before / quantity_then;
            let refund = cost * cancelled / quantity_then - came_back;
            self.check_room(name, unit, refund)?;
            let back = undrawn(&drawn, came_back, refund);
            let back = self.exchanges[place].grace.given(&back, now, is_own_request);
            if refund > 0 {
                backs.push((unit, refund, back));
            }
        }

        let exchange = &mut self.exchanges[place];
        exchange.cancelled = cancelled;
        let offer_id = exchange.offer.clone();
        let offer = self.offers.iter_mut().find(|offer| offer.id == offer_id);
        offer.expect("it was exchanged").sold -= quantity;
        for (unit, _, back) in &backs {
            self.wallet_mut(name, *unit).put_all(back);
        }
        let (account, exchange) = (name.clone(), self.exchanges[place].id.clone());
        let cancelled = Effect::Cancelled {
            account: account.clone(),
            exchange: exchange.clone(),
            cancellation: cancellation.to_owned(),
            offer: offer_id,
            quantity,
            refunds: backs.iter().map(|(unit, refund, _)| (*unit, *refund)).collect(),
        };
        // What was free has no refund.
        let refunded = backs.into_iter().map(|(_, _, parts)| Effect::Refunded {
            account: account.clone(),
            of: exchange.clone(),
            parts,
        });
        Ok(refunded.chain([cancelled]).collect())
    }

    pub(crate) fn transfer(&mut self, it: &TransferCredit) -> Answer {
        let (name, to, points) = (it.account_id.as_str(), it.to.as_str(), number(it.points));
        let unit = it.unit;
        self.check_spendable(unit)?;
        let is_across = self.home_of(name) != self.home_of(to);
        if !is_across {
            self.check_room(to, unit, points)?;
        }
        let Some(account) = self.account(name) else { return no("account-unknown") };
        if !is_across && self.account(to).is_none() {
            return no("recipient-unknown");
        }
        let available = account.wallet(unit).sum_available();
        if points > available {
            return insufficient(unit, points, available);
        }
        let parts = self.wallet_mut(name, unit).spend(points);
        let (sender, recipient) = (name.to_owned(), to.to_owned());
        let (account, to) = (sender.clone(), recipient.clone());
        let mut own = vec![Effect::Sent { account, to, parts: parts.clone() }];
        let mut accounts = vec![sender.clone()];
        let is_known = self.account(&recipient).is_some();
        accounts.extend(is_known.then(|| recipient.clone()));
        let room = self.check_room(&recipient, unit, points);
        let room = if is_known { room } else { no("recipient-unknown") };
        match room {
            Ok(()) => {
                self.wallet_mut(&recipient, unit).put_all(&parts);
                let (account, from) = (recipient, sender);
                own.push(Effect::Received { account, from, parts });
            }
            // The recipient's partition sends it back, with the reason.
            Err(No { code: why, .. }) => {
                self.wallet_mut(&sender, unit).put_all(&parts);
                let (account, to) = (sender, recipient);
                own.push(Effect::SentBack { account, to, why, parts });
            }
        }
        Ok(Some(Effects { accounts, own, after: vec![] }))
    }
}
