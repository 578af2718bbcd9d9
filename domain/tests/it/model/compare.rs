//! What one partition has beside what the plain ledger has: accounts, parcels, the programme.

use domain::offer::OfferPhase;
use domain::{
    AccountId, Command, Event, ExchangeCreated, OfferId, Shipped, ShippedLine, State, Timestamp,
    Unwanted, Wallet,
};

use super::effect::Lots;
use super::ledger::{self, Ledger, Part, Time};
use super::shipping::{contents, says_again};
use super::values::{id, units};

/// A partition and the plain ledger.
pub(crate) struct Side<'a> {
    pub(crate) state: &'a State,
    pub(crate) model: &'a Ledger,
    pub(crate) lots: &'a Lots,
    /// To be read where something is not the same.
    pub(crate) story: &'a dyn Fn() -> String,
}

impl Side<'_> {
    /// All accounts that live in the partition; they are settled in both.
    pub(crate) fn compare_accounts(&self) {
        let names = self.model.accounts.iter().map(|account| account.name.as_str());
        let names: Vec<&str> = names.filter(|name| self.lives_here(name)).collect();
        names.iter().for_each(|name| self.compare_account(name));
        for (id, account) in self.state.accounts() {
            let is_empty =
                |wallet: &Wallet| wallet.available().get() == 0 && wallet.holds().is_empty();
            let is_empty = account.wallets().all(|(_, wallet)| is_empty(wallet));
            assert!(names.iter().any(|name| *name == id.as_str()) || is_empty, "{id} has credit");
        }
    }

    fn lives_here(&self, name: &str) -> bool {
        id::<AccountId>(name).partition(self.state.partitions()) == self.state.partition()
    }

    /// Which parcels are wanted.
    pub(crate) fn compare_parcels(&self) {
        let exchanges = self.model.exchanges.iter();
        for exchange in exchanges.filter(|it| self.lives_here(&it.account)) {
            let shipped = Shipped::ExchangeId(id(&exchange.id));
            let unwanted = self.state.unwanted(&id(&exchange.account), &shipped);
            let expected = self.model.unwanted(&exchange.account, &contents(&shipped));
            assert_eq!(unwanted.map(Unwanted::as_str), expected, "{exchange:?}");
        }
        let requests = self.model.requests.iter().filter(|request| !request.is_early);
        for request in requests.filter(|it| self.lives_here(&it.account)) {
            let [kind, of] = &request.what;
            let shipped = match kind.as_str() {
                "exchange" => Shipped::ExchangeId(id(of)),
                _ => Shipped::PurchaseId(id(of)),
            };
            let line = |(product, asked, _): &(String, u128, u128)| ShippedLine {
                product_id: id(product),
                quantity: units((*asked).try_into().expect("few")),
            };
            let asked: Vec<ShippedLine> = request.lines.iter().map(line).collect();
            let shipment = self.state.shipment(&id(&request.account), &shipped, &asked);
            assert_eq!(shipment.status.as_str(), request.status, "{request:?}");
            let left = shipment.lines_left.iter().map(|line| u128::from(line.quantity.get()));
            let expected = if shipment.status.is_open() { request.units_left() } else { 0 };
            assert_eq!(left.sum::<u128>(), expected, "{request:?}");
        }
    }

    /// An account that lives here, and is settled in both.
    pub(crate) fn compare_account(&self, name: &str) {
        let model = self.model.account(name);
        let account = self.state.account(&id(name));
        let Some(model) = model else {
            let is_empty = |(_, wallet): (_, &Wallet)| wallet.available().get() == 0;
            assert!(account.is_none_or(|account| account.wallets().all(is_empty)), "{name}");
            return;
        };
        let account = account.unwrap_or_else(|| panic!("{name} is no account"));
        for unit in &self.model.units {
            let number = self.state.unit_number(unit.id).expect("the unit is known");
            let name = format!("{name}'s {}", unit.id);
            self.compare_wallet(&name, &model.wallet(unit.id), account.wallet(number));
        }
    }

    fn compare_wallet(&self, name: &str, model: &ledger::Wallet, wallet: &Wallet) {
        let story = self.story;
        let parts: Vec<Part> = wallet.lots().map(|part| self.lots.part(part)).collect();
        assert_eq!(parts, model.available, "{name}: available parts\n{}", story());
        let pending = wallet.pending_parts().iter();
        let pending: Vec<(Time, Part)> = pending
            .map(|pending| (pending.available_at.micros(), self.lots.part(&pending.part)))
            .collect();
        let mut expected = model.pending.clone();
        expected.sort_by_key(|(available_at, part)| (*available_at, part.lot));
        assert_eq!(pending, expected, "{name}: pending parts\n{}", story());
        let holds = wallet.holds().iter();
        let holds: Vec<(&str, Time, Vec<Part>)> = holds
            .map(|hold| {
                let parts = hold.lots.iter().map(|part| self.lots.part(part)).collect();
                (hold.id.as_str(), hold.deadline.micros(), parts)
            })
            .collect();
        let expected = model.holds.iter();
        let expected: Vec<(&str, Time, Vec<Part>)> =
            expected.map(|hold| (hold.id.as_str(), hold.deadline, hold.parts.clone())).collect();
        assert_eq!(holds, expected, "{name}: holds\n{}", story());
        let numbers = [wallet.available(), wallet.pending(), wallet.held(), wallet.owed()];
        let expected = [model.sum_available(), model.sum_pending(), model.sum_held(), model.owed];
        assert_eq!(numbers.map(|it| u128::from(it.get())), expected, "{name}: sums");
    }

    /// All of the programme but the offers' stock.
    pub(crate) fn compare_programme(&self) {
        for offer in &self.model.offers {
            let id: OfferId = id(&offer.id);
            let real = self.state.offer(&id).unwrap_or_else(|| panic!("{id} is no offer"));
            assert_eq!(real.terms, offer.terms, "{id}");
            assert_eq!(real.version, offer.version, "{id}");
            let stopped_at = match real.phase {
                OfferPhase::Open => (None, None),
                OfferPhase::Paused { at } => (Some(at.micros()), None),
                OfferPhase::Closed { at } => (None, Some(at.micros())),
            };
            assert_eq!(stopped_at, (offer.paused_at, offer.closed_at), "{id}");
        }
        for rule in &self.model.rules {
            let real = self.state.rule(&id(&rule.id)).expect("the rule exists");
            assert_eq!((&real.terms, real.version), (&rule.terms, rule.version), "{}", rule.id);
        }
        let units = self.state.units().map(|(id, unit)| (id, unit.version, &unit.terms));
        let expected = self.model.units.iter().map(|unit| (unit.id, unit.version, &unit.terms));
        assert_eq!(units.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        for rate in &self.model.conversion_rates {
            let real = self.state.conversion_rate(rate.from, rate.to).expect("the rate exists");
            let closed_at = real.closed_at.map(Timestamp::micros);
            let found = (&real.terms, real.version, closed_at);
            assert_eq!(found, (&rate.terms, rate.version, rate.closed_at));
        }
        assert_eq!(self.state.policy().0, self.model.policy);
        assert_eq!(self.state.offers().count(), self.model.offers.len());
    }
}

/// A command that repeats one that was done, and the event that bears their id.
pub(crate) fn compare_repeat(command: &Command, first: &Command, event: &Event) {
    let difference = command.first_difference(event);
    let has_address =
        !matches!(event, Event::ExchangeCreated(_, ExchangeCreated { deliver_to: None, .. }));
    assert!(
        difference.is_none() == says_again(first, command, has_address),
        "{command:?} after {first:?}: {difference:?}"
    );
}
