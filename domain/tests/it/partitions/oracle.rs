//! What may never be, looked for over all partitions at once. Every message that was received was
//! sent before, so the states together are a causally closed cut.

use std::collections::HashMap;

use domain::{Event, Grant, Inventory, Message, OfferId, ShelfGranted, UnitId, Units};
use log_record::Partition;

use super::asking::{self, id};
use super::node::Node;
use super::world::{OFFERS, PARTITIONS, World};

/// Where the units of an offer are, by what the shelves and the mail hold.
#[derive(Debug, Default)]
struct Whereabouts {
    on_shelves: u64,
    /// Portions, and what comes home from a shelf that was called back.
    unsold_in_mail: u64,
    /// Units that were granted to one exchange, or come back from one.
    other_in_mail: u64,
    sold: u64,
}

impl World {
    /// After each step.
    pub(super) fn check(&self) -> Result<(), String> {
        for offer in OFFERS {
            self.invariant_i17_units(&id(offer))?;
        }
        for unit in [UnitId::POINTS, id("miles")] {
            self.invariant_i20_transit(unit)?;
        }
        self.invariant_i19_messages()
    }

    /// I17: no unit is lost, and none is there twice.
    fn invariant_i17_units(&self, offer: &OfferId) -> Result<(), String> {
        let Some(home) = self.home_of(offer).state.offer_home(offer) else { return Ok(()) };
        let Some(stock) = home.stock else { return Ok(()) };
        let whereabouts = self.whereabouts(offer);
        let Whereabouts { on_shelves, unsold_in_mail, other_in_mail, sold } = whereabouts;
        let sum = home.pool.get() + on_shelves + unsold_in_mail + other_in_mail + sold;
        if sum == stock.get() {
            return Ok(());
        }
        Err(format!("I17: {offer}: stock {stock}, pool {}, {whereabouts:?}", home.pool))
    }

    /// I18, at the moment when a home says so: every unit is sold, or granted to somebody, or on
    /// its way back from somebody.
    pub(super) fn invariant_i18_sold_out(
        &self,
        offer: &OfferId,
        asked: Units,
    ) -> Result<(), String> {
        let home = self.home_of(offer).state.offer_home(offer).ok_or("no home")?;
        let Whereabouts { on_shelves, unsold_in_mail, .. } = self.whereabouts(offer);
        if home.stock.is_some() && home.pool < asked && on_shelves + unsold_in_mail == 0 {
            return Ok(());
        }
        // So many have never been there.
        if home.stock.is_some_and(|stock| stock < asked) {
            return Ok(());
        }
        Err(format!(
            "I18: {offer} is said to be sold out; pool {}, on shelves {on_shelves}, in the mail \
             {unsold_in_mail}",
            home.pool
        ))
    }

    /// I18, where a shopper is refused: the home has said a moment ago that fewer are left.
    pub(super) fn check_refused(&self, offer: &OfferId, asked: Units) -> Result<(), String> {
        let is_known = self.sold_out.get(offer).is_some_and(|said| {
            said.iter().any(|(until, left)| *until >= self.now && *left < asked)
        });
        if is_known {
            return Ok(());
        }
        Err(format!("I18: a shopper was refused, and {offer} isn't known to be sold out"))
    }

    /// I20: what left and hasn't come is in the mail, and never below nothing.
    fn invariant_i20_transit(&self, unit: UnitId) -> Result<(), String> {
        let (mut left, mut came, mut mail) = (0, 0, 0);
        for node in &self.nodes {
            let (here_left, here_came) = node.state.transit(unit);
            left += here_left;
            came += here_came;
        }
        for (_, _, message) in self.mail() {
            if let Message::CreditSent(credit) | Message::CreditReturned(credit, _) = message
                && credit.unit == unit
            {
                mail += u128::from(credit.points.get());
            }
        }
        match left.checked_sub(came) {
            Some(transit) if transit == mail => {}
            transit => return Err(format!("I20: in transit {transit:?} of {unit}, mail {mail}")),
        }
        self.check_credit(unit, mail)
    }

    /// I7 over all partitions: what was earned is in an account, spent or in transit.
    fn check_credit(&self, unit: UnitId, transit: u128) -> Result<(), String> {
        let (mut earned, mut spent, mut there) = (0_u128, 0_u128, transit);
        for node in &self.nodes {
            earned += u128::from(node.tally.earned.get(&unit).copied().unwrap_or_default());
            spent += u128::from(node.tally.spent.get(&unit).copied().unwrap_or_default());
            let Some(number) = node.state.unit_number(unit) else { continue };
            for (_, account) in node.state.accounts() {
                there += u128::from(account.wallet(number).available().get());
            }
        }
        if earned == there + spent {
            return Ok(());
        }
        Err(format!("I7: {unit}: earned {earned}, there {there}, spent {spent}"))
    }

    /// I19: what was received was sent, under the same number, and is still there.
    fn invariant_i19_messages(&self) -> Result<(), String> {
        for to in &self.nodes {
            for from in &self.nodes {
                let cursor = to.state.received_from(from.state.partition());
                let sent = from.sent_to(to.state.partition());
                let Some(last) = cursor.number.0.checked_sub(1) else { continue };
                let index = usize::try_from(last).ok().and_then(|last| sent.get(last));
                if index.map(|index| *index as u64 + 1) != Some(cursor.position.0) {
                    return Err(format!("I19: {:?} was received and never sent", cursor.number));
                }
            }
        }
        Ok(())
    }

    /// Once all is delivered: nothing is in transit, everybody knows the same, nobody who was
    /// answered was forgotten, and one shopper alone can have all that is left.
    pub(super) fn check_end(&mut self) -> Result<(), String> {
        if self.mail().next().is_some() {
            return Err("messages are left over".to_owned());
        }
        for node in &self.nodes {
            for key in &node.accepted {
                let id = domain::IdHash::exchange(&key.account_id, &key.exchange_id);
                if node.state.recorded().position_of(id).is_none() {
                    return Err(format!("{key:?} was answered and is gone"));
                }
            }
        }
        let first = &self.nodes[0].state;
        for Node { state, .. } in &self.nodes {
            let miles = |state: &domain::State| state.unit(id("miles")).map(|it| it.terms.clone());
            if state.policy().0 != first.policy().0 || miles(state) != miles(first) {
                return Err("partitions have different programmes".to_owned());
            }
            for offer in OFFERS.map(id::<OfferId>) {
                let [here, home] = [state, &self.home_of(&offer).state].map(|it| it.offer(&offer));
                let what =
                    |offer: &domain::Offer| (offer.terms.clone(), offer.version, offer.phase);
                if here.map(what) != home.map(what) {
                    return Err(format!("partitions have different terms of {offer}"));
                }
            }
        }
        for offer in OFFERS {
            self.sell_all_that_is_left(offer)?;
        }
        Ok(())
    }

    fn sell_all_that_is_left(&mut self, offer: &str) -> Result<(), String> {
        let offer_id: OfferId = id(offer);
        let Some(home) = self.home_of(&offer_id).state.offer_home(&offer_id) else {
            return Ok(());
        };
        let is_open = self.home_of(&offer_id).state.offer(&offer_id).map(|it| it.phase)
            == Some(domain::OfferPhase::Open);
        if home.stock.is_none() || !is_open {
            return Ok(());
        }
        let rich = id("shopper-0");
        let cause = self.number();
        self.ask(asking::earn(&rich, UnitId::POINTS, 5_000, cause))?;
        let mut quantity = 16;
        loop {
            let before = self.whereabouts(&offer_id).sold;
            let exchange = self.number();
            self.ask(asking::redeem(&rich, exchange, offer, quantity))?;
            self.settle()?;
            if self.whereabouts(&offer_id).sold != before {
                continue;
            }
            if quantity == 1 {
                let home = self.home_of(&offer_id).state.offer_home(&offer_id);
                let stock = home.and_then(|home| home.stock).unwrap_or_default();
                return if stock.get() == before {
                    Ok(())
                } else {
                    Err(format!("I18: {before} of {stock} of {offer} are sold, and no more"))
                };
            }
            quantity /= 2;
        }
    }

    fn home_of(&self, offer: &OfferId) -> &Node {
        &self.nodes[usize::from(offer.home(PARTITIONS).0)]
    }

    fn mail(&self) -> impl Iterator<Item = (Partition, Partition, &Message)> {
        self.nodes.iter().flat_map(move |from| {
            self.nodes.iter().flat_map(move |to| {
                let [source, there] = [from, to].map(|node| node.state.partition());
                from.under_way(to).map(move |message| (source, there, message))
            })
        })
    }

    fn whereabouts(&self, offer: &OfferId) -> Whereabouts {
        let mut it = Whereabouts::default();
        for node in &self.nodes {
            if let Some(Inventory::Units { remaining, .. }) =
                node.state.offer(offer).map(|it| it.inventory)
            {
                it.on_shelves += remaining.get();
            }
            it.sold += node.tally.sold.get(offer).copied().unwrap_or_default();
        }
        for (_, _, message) in self.mail() {
            match message {
                Message::ShelfGranted(ShelfGranted { offer_id, grant }) if offer_id == offer => {
                    match grant {
                        Grant::Portion(units) => it.unsold_in_mail += units.get(),
                        Grant::NoEnd => {}
                        Grant::For(_, units) => it.other_in_mail += units.get(),
                    }
                }
                Message::ShelfDrained(fact) if fact.offer_id == *offer => {
                    it.unsold_in_mail += fact.units.get();
                }
                Message::StockReturned(fact) if fact.offer_id == *offer => {
                    it.other_in_mail += fact.units.get();
                }
                _ => {}
            }
        }
        it
    }
}

/// What events add up to, reckoned apart from the states.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    sold: HashMap<OfferId, u64>,
    earned: HashMap<UnitId, u64>,
    spent: HashMap<UnitId, u64>,
}

impl Tally {
    pub(super) fn count(&mut self, event: &Event) {
        match event {
            Event::ExchangeCreated(_, fact) => {
                let sold = self.sold.entry(fact.offer_id.clone()).or_default();
                *sold += fact.allocation.quantity().get();
            }
            Event::ExchangeCancelled(_, fact) => {
                let sold = self.sold.entry(fact.offer_id.clone()).or_default();
                *sold -= fact.allocation.quantity().get();
            }
            Event::CreditEarned(_, fact) => {
                *self.earned.entry(fact.unit).or_default() += fact.points.get();
            }
            Event::CreditDeducted(_, fact) => {
                *self.spent.entry(fact.unit).or_default() += fact.points.get();
            }
            Event::CreditRefunded(_, fact) => {
                *self.spent.entry(fact.unit).or_default() -= fact.points.get();
            }
            _ => {}
        }
    }
}
