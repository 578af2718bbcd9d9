//! What may never be, looked for over all partitions at once. Every message that was received was
//! sent before, so the states together are a causally closed cut.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::{
    AccountId, Event, Grant, HoldCaptured, HoldReleased, Inventory, Message, OfferId, Points,
    Policy, ShelfGranted, State, UnitId, UnitTerms, Units,
};
use log_record::{Partition, Place};

use super::asking;
use super::node::Node;
use super::waiting::Lines;
use super::world::{PARTITIONS, World};

/// More than there are accounts that are merged.
const ACCOUNTS_MAX: usize = 100;

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
        for offer in self.offers() {
            self.invariant_i17_units(&offer)?;
        }
        for (unit, _) in self.nodes[0].state.units() {
            self.invariant_i20_transit(unit)?;
        }
        self.invariant_i10_debts()?;
        self.invariant_i21_mergers()?;
        self.invariant_i22_codes()?;
        self.invariant_i23_lists()?;
        self.invariant_i19_messages()
    }

    /// The offers that were opened, each by its home.
    pub(super) fn offers(&self) -> Vec<OfferId> {
        let known =
            self.nodes.iter().flat_map(|node| node.state.offers().map(move |it| (node, it)));
        let homes = known.filter(|(node, (id, _))| node.state.offer_home(id).is_some());
        homes.map(|(_, (id, _))| id.clone()).collect()
    }

    /// I10: who owes has nothing to spend.
    fn invariant_i10_debts(&self) -> Result<(), String> {
        for (id, account) in self.nodes.iter().flat_map(|node| node.state.accounts()) {
            for (_, wallet) in account.wallets() {
                if wallet.owed() > Points::ZERO && wallet.available() > Points::ZERO {
                    return Err(format!("I10: {id} owes {} and has credit", wallet.owed()));
                }
            }
        }
        Ok(())
    }

    /// I21: an account that was merged has nothing that can be spent, and mergers make no circle.
    fn invariant_i21_mergers(&self) -> Result<(), String> {
        for node in &self.nodes {
            for (id, account) in node.state.accounts() {
                if node.state.merged_into(id).is_none() {
                    continue;
                }
                for (_, wallet) in account.wallets() {
                    if wallet.available().get() > 0 || wallet.owed().get() > 0 {
                        return Err(format!("I21: {id} was merged and has {wallet:?}"));
                    }
                }
                if self.end_of(id).is_none() {
                    return Err(format!("I21: the mergers of {id} make a circle"));
                }
            }
        }
        Ok(())
    }

    /// Where the mergers of an account lead; nothing where they make a circle.
    fn end_of<'a>(&'a self, id: &'a AccountId) -> Option<&'a AccountId> {
        let mut end = id;
        for _ in 0..=ACCOUNTS_MAX {
            let home = &self.nodes[usize::from(end.partition(PARTITIONS).0)];
            match home.state.merged_into(end) {
                Some(next) => end = next,
                None => return Some(end),
            }
        }
        None
    }

    /// I21, once all is delivered: what accounts counted on ladders counts for those that have them
    /// now, and for nobody else.
    fn invariant_i21_counts(&self) -> Result<(), String> {
        let (mut counted, mut found) = (BTreeMap::new(), BTreeMap::new());
        for node in &self.nodes {
            for (_, ladder) in node.state.ladders().iter() {
                for (position, recorded) in (1..).zip(&node.log) {
                    let counts = ladder.counts(&recorded.event);
                    let is_later = position > ladder.made_at.0;
                    if let Some((_, points)) = counts.filter(|_| is_later)
                        && let Some(id) = recorded.event.account_id()
                    {
                        let end = self.end_of(id).ok_or("I21: a circle")?;
                        *counted.entry(end).or_insert(0) += points;
                    }
                }
            }
            for (id, account) in node.state.accounts() {
                for (number, standing) in account.standings().iter() {
                    let (_, ladder) = node.state.ladders().at(number).ok_or("no such ladder")?;
                    let sums = standing.parts(ladder).sums;
                    *found.entry(id).or_insert(0) += sums.iter().map(|(_, sum)| sum).sum::<i64>();
                }
            }
        }
        counted.retain(|_, sum| *sum != 0);
        found.retain(|_, sum| *sum != 0);
        if counted == found {
            return Ok(());
        }
        Err(format!("I21: on ladders count {found:?}, and should {counted:?}"))
    }

    /// I22: nobody was shown a code that somebody else was.
    fn invariant_i22_codes(&self) -> Result<(), String> {
        let mut shown = HashSet::new();
        let mut codes = self.nodes.iter().flat_map(|node| &node.tally.codes);
        match codes.find(|code| !shown.insert(**code)) {
            Some(code) => Err(format!("I22: the code at {code} was handed out twice")),
            None => Ok(()),
        }
    }

    /// I23: who waits longest is served first, each once.
    fn invariant_i23_lists(&self) -> Result<(), String> {
        let wrong = self.nodes.iter().find_map(|node| node.tally.lines.wrong.clone());
        wrong.map_or(Ok(()), |wrong| Err(format!("I23: {wrong}")))
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

    /// I18, at the moment when a home says so: all units but fewer than are asked for are sold, or
    /// granted to somebody, or on their way back from somebody.
    pub(super) fn invariant_i18_sold_out(
        &self,
        offer: &OfferId,
        asked: Units,
    ) -> Result<(), String> {
        let home = self.home_of(offer).state.offer_home(offer).ok_or("no home")?;
        let Whereabouts { on_shelves, unsold_in_mail, .. } = self.whereabouts(offer);
        let waiting = self.home_of(offer).state.waiting_line(offer).count() as u64;
        let unsold = (home.pool.get() + on_shelves + unsold_in_mail).saturating_sub(waiting);
        if home.stock.is_some() && unsold < asked.get() {
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

    /// I20: what left and hasn't come is in the mail, and never below nothing. What came back to an
    /// account that had no room for it any more stays between.
    fn invariant_i20_transit(&self, unit: UnitId) -> Result<(), String> {
        let (mut left, mut came, mut mail) = (0, 0, 0);
        for node in &self.nodes {
            let (here_left, here_came) = node.state.transit(unit);
            left += here_left;
            came += here_came;
            mail += node.tally.stuck.get(&unit).copied().unwrap_or_default();
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

    /// I7 over all partitions: what came into being and isn't gone is in an account or in transit.
    fn check_credit(&self, unit: UnitId, transit: u128) -> Result<(), String> {
        let (mut made, mut there) = (0, i128::try_from(transit).expect("less than 2^127"));
        for node in &self.nodes {
            made += node.tally.made.get(&unit).copied().unwrap_or_default();
            let Some(number) = node.state.unit_number(unit) else { continue };
            for (_, account) in node.state.accounts() {
                let wallet = account.wallet(number);
                let has = [wallet.available(), wallet.pending(), wallet.held()];
                there += has.into_iter().map(number_of).sum::<i128>() - number_of(wallet.owed());
            }
        }
        if made == there {
            return Ok(());
        }
        Err(format!("I7: {unit}: {made} came into being and aren't gone, {there} are there"))
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
            for command in node.accepted.iter().filter(|command| command.id_hash().is_some()) {
                if command.recorded_at(&node.state).is_none() {
                    return Err(format!("{command:?} was answered and is gone"));
                }
            }
        }
        self.invariant_i21_counts()?;
        let first = &self.nodes[0].state;
        for Node { state, .. } in &self.nodes {
            if programme_of(state) != programme_of(first) {
                return Err("partitions have different programmes".to_owned());
            }
            for offer in self.offers() {
                let [here, home] = [state, &self.home_of(&offer).state].map(|it| it.offer(&offer));
                let what =
                    |offer: &domain::Offer| (offer.terms.clone(), offer.version, offer.phase);
                if here.map(what) != home.map(what) {
                    return Err(format!("partitions have different terms of {offer}"));
                }
            }
        }
        for offer in self.offers() {
            self.sell_all_that_is_left(&offer)?;
        }
        Ok(())
    }

    /// To one shopper, who can pay it.
    fn sell_all_that_is_left(&mut self, offer_id: &OfferId) -> Result<(), String> {
        let Some(home) = self.home_of(offer_id).state.offer_home(offer_id) else {
            return Ok(());
        };
        let is_open = self.home_of(offer_id).state.offer(offer_id).map(|it| it.phase)
            == Some(domain::OfferPhase::Open);
        let Some(stock) = home.stock.filter(|_| is_open) else { return Ok(()) };
        let (rich, offer) = (self.accounts[0].clone(), offer_id.as_str());
        let cause = self.number();
        self.ask(asking::earn(&rich, UnitId::POINTS, 5_000, cause))?;
        let mut quantity = stock.get().max(1);
        loop {
            let before = self.whereabouts(offer_id).sold;
            let exchange = self.number();
            self.ask(asking::redeem(&rich, exchange, offer, quantity))?;
            self.settle()?;
            if self.whereabouts(offer_id).sold != before {
                continue;
            }
            if quantity == 1 {
                return if stock.get() == before {
                    Ok(())
                } else {
                    Err(format!("I18: {before} of {stock} of {offer} are sold, and no more"))
                };
            }
            quantity /= 2;
        }
    }

    pub(super) fn home_of(&self, offer: &OfferId) -> &Node {
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
                        Grant::Code(..) => it.other_in_mail += 1,
                    }
                }
                Message::ShelfDrained(fact) if fact.offer_id == *offer => {
                    it.unsold_in_mail += fact.units.get();
                }
                Message::UnitKept(of) if of.offer_id == *offer => it.other_in_mail += 1,
                Message::StockReturned(fact) if fact.offer_id == *offer => {
                    it.other_in_mail += fact.units.get();
                }
                _ => {}
            }
        }
        it
    }
}

/// The policy and the units.
type Programme = (Policy, Vec<(UnitId, u64, UnitTerms, bool)>);

/// What all partitions know of the programme once they were told.
fn programme_of(state: &State) -> Programme {
    let mut units: Vec<_> = state
        .units()
        .map(|(id, unit)| (id, unit.version, unit.terms.clone(), unit.closed_at.is_some()))
        .collect();
    // Credit may have brought a unit earlier than the programme's home.
    units.sort_by_key(|(id, ..)| *id);
    (state.policy().0, units)
}

fn number_of(points: Points) -> i128 {
    points.get().into()
}

/// What events add up to, reckoned apart from the states.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// What is sold or reserved.
    sold: HashMap<OfferId, u64>,
    /// The codes that exchanges handed out, by the places of their events.
    codes: Vec<Place>,
    /// Who waits, by the messages.
    lines: Lines,
    /// Credit that came into being, less what is gone for good; what is owed is gone, too.
    made: HashMap<UnitId, i128>,
    /// Credit that came back and couldn't come in.
    stuck: HashMap<UnitId, u128>,
}

impl Tally {
    pub(super) fn count(&mut self, event: &Event) {
        self.lines.count(event);
        match event {
            Event::WaitServed(_, fact) if !fact.again => {
                *self.sold.entry(fact.offer_id.clone()).or_default() += 1;
            }
            Event::WaitEnded(_, fact) if fact.served => {
                *self.sold.entry(fact.offer_id.clone()).or_default() -= 1;
            }
            Event::ExchangeCreated(_, fact) => {
                let sold = self.sold.entry(fact.offer_id.clone()).or_default();
                *sold += fact.allocation.quantity().get();
                self.codes.extend(fact.allocation.code());
            }
            Event::ExchangeCancelled(_, fact) => {
                let sold = self.sold.entry(fact.offer_id.clone()).or_default();
                *sold -= fact.allocation.restocked().get();
            }
            Event::CreditHeld(_, fact) => {
                if let Some(kept) = fact.keeps.reservation() {
                    let sold = self.sold.entry(kept.offer_id.clone()).or_default();
                    *sold += kept.allocation.quantity().get();
                }
            }
            Event::HoldReleased(_, HoldReleased { keeps, .. })
            | Event::HoldCaptured(_, HoldCaptured { keeps, .. }) => {
                if let Some(kept) = keeps.reservation() {
                    let sold = self.sold.entry(kept.offer_id.clone()).or_default();
                    *sold -= kept.allocation.quantity().get();
                }
            }
            // The next event says that it came in, where it did.
            Event::MessageReceived(fact) => {
                if let Message::CreditReturned(credit, _) = &fact.message {
                    let stuck = self.stuck.entry(credit.unit).or_default();
                    *stuck += u128::from(credit.points.get());
                }
            }
            Event::CreditReturned(_, fact) => {
                let stuck = self.stuck.entry(fact.unit).or_default();
                *stuck -= u128::from(fact.points.get());
            }
            _ => {}
        }
        if let Some(unit) = event.unit() {
            *self.made.entry(unit).or_default() += made(event);
        }
    }
}

/// How much credit came into being by an event, less what is gone by it.
fn made(event: &Event) -> i128 {
    let nothing =
        |points: [Option<Points>; 2]| -> i128 { points.into_iter().flatten().map(number_of).sum() };
    match event {
        Event::CreditEarned(_, fact) => number_of(fact.points),
        Event::CreditRefunded(_, fact) => number_of(fact.points),
        Event::CreditDeducted(_, fact) => -number_of(fact.points),
        Event::HoldCaptured(_, fact) => -number_of(fact.points),
        Event::CreditExpired(_, fact) => -number_of(fact.points),
        Event::CreditConverted(_, fact) => -number_of(fact.points),
        Event::CreditWithdrawn(_, fact) => {
            nothing([fact.expired, fact.forgiven]) - number_of(fact.points)
        }
        Event::WithdrawalReversed(_, domain::WithdrawalReversed { credit: fact, .. })
        | Event::CreditGivenBack(_, domain::ReturnCreditGivenBack { credit: fact, .. })
        | Event::ReturnReversed(_, domain::ReturnReversed { credit: Some(fact), .. }) => {
            number_of(fact.points) - nothing([fact.expired, fact.forgiven])
        }
        _ => 0,
    }
}
