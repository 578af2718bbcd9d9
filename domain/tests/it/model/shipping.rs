//! What is told of parcels, and what it does, by docs/CREDIT.md.

use domain::command::{DispatchShipment, RejectShipment, Report, ReportShipment};
use domain::{AccountId, Command, Shipped};

use super::effect::Effect;
use super::ledger::{Ledger, Time};
use super::rules::{Answer, done, done_elsewhere, no};

/// Something that was told of a parcel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) account: String,
    /// "exchange x-1"
    pub(crate) what: [String; 2],
    pub(crate) news: &'static str,
}

/// What is in a parcel.
pub(crate) fn contents(shipped: &Shipped) -> [String; 2] {
    match shipped {
        Shipped::ExchangeId(id) => ["exchange".to_owned(), id.to_string()],
        Shipped::PurchaseId(id) => ["purchase".to_owned(), id.to_string()],
    }
}

pub(crate) const fn news_of(report: Report) -> &'static str {
    match report {
        Report::Accepted => "accepted",
        Report::BackOrdered => "back-ordered",
        Report::Delivered => "delivered",
        Report::Settled => "settled",
    }
}

impl Ledger {
    pub(crate) fn was_told(&self, account: &str, what: &[String; 2], news: &str) -> bool {
        let mut told = self.told.iter();
        told.any(|it| it.account == account && it.what == *what && it.news == news)
    }

    /// Why a parcel isn't wanted any more.
    pub(crate) fn unwanted(&self, account: &str, what: &[String; 2]) -> Option<&'static str> {
        if let Some(news) =
            ["rejected", "settled"].into_iter().find(|news| self.was_told(account, what, news))
        {
            return Some(news);
        }
        let [kind, id] = what;
        let mut exchanges = self.exchanges.iter();
        let exchange = exchanges.find(|it| it.account == account && it.id == *id)?;
        let is_gone = kind == "exchange" && exchange.cancelled == exchange.quantity;
        is_gone.then_some("cancelled")
    }

    fn tell(&mut self, account: &AccountId, shipped: &Shipped, news: &'static str) -> [String; 2] {
        let (account, what) = (account.to_string(), contents(shipped));
        self.told.push(Told { account: account.clone(), what: what.clone(), news });
        let [_, id] = what;
        [account, id]
    }

    pub(crate) fn dispatch(&mut self, it: &DispatchShipment) -> Answer {
        let [account, what] = self.tell(&it.account_id, &it.shipped, "dispatched");
        done_elsewhere(Effect::Dispatched { account, what })
    }

    pub(crate) fn report(&mut self, it: &ReportShipment) -> Answer {
        let news = news_of(it.report);
        let [account, what] = self.tell(&it.account_id, &it.shipped, news);
        done_elsewhere(Effect::Reported { account, what, news })
    }

    pub(crate) fn reject(&mut self, it: &RejectShipment, now: Time) -> Answer {
        let name = it.account_id.as_str();
        let what = contents(&it.shipped);
        let [kind, id] = &what;
        let place = self.exchange_place(name, id).filter(|_| kind == "exchange");
        if kind == "exchange" && place.is_none() {
            return no("exchange-unknown");
        }
        if kind == "purchase" && !self.has_cause(name, id) {
            return no("purchase-unknown");
        }
        if self.has_left(name, &what) {
            return no("exchange-dispatched");
        }
        if self.was_told(name, &what, "settled") {
            return no("shipment-settled");
        }
        let left = place.map_or(0, |place| {
            let exchange = &self.exchanges[place];
            exchange.quantity - exchange.cancelled
        });
        let cancelled = match place.filter(|_| left > 0) {
            Some(place) => Some(self.take_back_goods(place, left, "~rejected", now)?),
            None => None,
        };
        let [account, what] = self.tell(&it.account_id, &it.shipped, "rejected");
        let rejected = Effect::Reported { account, what, news: "rejected" };
        match cancelled {
            None => done_elsewhere(rejected),
            Some([refunded, cancelled]) => done(name, [rejected, refunded, cancelled]),
        }
    }

    /// Whether the goods are on their way, or there.
    pub(crate) fn has_left(&self, account: &str, what: &[String; 2]) -> bool {
        ["dispatched", "delivered"].iter().any(|news| self.was_told(account, what, news))
    }

    /// Whether a purchase's id is known, be it of goods or of credit alone.
    fn has_cause(&self, account: &str, id: &str) -> bool {
        let mut lots = self.lots.iter();
        let mut purchases = self.purchases.iter();
        lots.any(|lot| lot.account == account && lot.kind == "purchase" && lot.cause == id)
            || purchases.any(|it| it.account == account && it.id == id)
    }
}

/// Whether a command says what the first one of its id said. What is told of a parcel may be
/// stamped anew.
pub(crate) fn says_again(first: &Command, again: &Command) -> bool {
    let unstamped = |command: &Command| {
        let mut command = command.clone();
        match &mut command {
            Command::ReportShipment(it) => it.occurred_at = None,
            Command::DispatchShipment(it) => it.occurred_at = None,
            Command::RejectShipment(it) => it.occurred_at = None,
            _ => {}
        }
        command
    };
    unstamped(first) == unstamped(again)
}
