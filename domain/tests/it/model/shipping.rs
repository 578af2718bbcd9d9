//! What is told of parcels, and what it does, by docs/CREDIT.md.

use domain::command::{Capture, DispatchShipment, RejectShipment, Report, ReportShipment};
use domain::{AccountId, Command, Shipped, ShippedLine};

use super::effect::Effect;
use super::ledger::{Ledger, Time};
use super::rules::{Answer, done, done_elsewhere, no, no_for};

/// Something that was told of a parcel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) account: String,
    /// "exchange x-1"
    pub(crate) what: [String; 2],
    pub(crate) news: &'static str,
}

/// A shipping request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) account: String,
    pub(crate) what: [String; 2],
    /// Products, each with how many were asked for, and how many are to be shipped.
    pub(crate) lines: Vec<(String, u128, u128)>,
    pub(crate) parcels: Vec<Parcel>,
    pub(crate) status: &'static str,
    /// Something was told of it before it was asked for.
    pub(crate) is_early: bool,
}

/// A parcel that left.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) id: String,
    pub(crate) has_arrived: bool,
}

/// The way of a request; what comes after the delivery lies beside it.
const WAY: [&str; 9] = [
    "requested",
    "accepted",
    "back-ordered",
    "partly-dispatched",
    "dispatched",
    "delivered",
    "cancelled",
    "rejected",
    "settled",
];

impl Request {
    fn reach(&mut self, status: &'static str) {
        let rank = |status| WAY.iter().position(|other| *other == status).expect("a status");
        if rank(self.status) < rank(status).min(rank("delivered")) || {
            rank(self.status) < rank("delivered") && rank(status) > rank("delivered")
        } {
            self.status = status;
        }
    }

    pub(crate) fn is_nothing_left(&self) -> bool {
        self.lines.iter().all(|(_, _, left)| *left == 0)
    }

    /// How many units are to be shipped.
    pub(crate) fn units_left(&self) -> u128 {
        self.lines.iter().map(|(_, _, left)| left).sum()
    }

    /// By its parcels.
    pub(crate) fn look_at_parcels(&mut self) {
        let have_arrived = self.parcels.iter().all(|parcel| parcel.has_arrived);
        match self.parcels[..] {
            [] => {}
            _ if !self.is_nothing_left() => self.reach("partly-dispatched"),
            _ if have_arrived => self.reach("delivered"),
            _ => self.reach("dispatched"),
        }
    }

    /// Units of each line are not wanted any more.
    pub(crate) fn call_off(&mut self, units: &[u128], is_all: bool) {
        for ((_, _, left), units) in self.lines.iter_mut().zip(units) {
            *left = left.saturating_sub(*units);
        }
        if is_all {
            self.reach("cancelled");
        }
        self.look_at_parcels();
    }
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
        Report::AskedAgain => "asked-again",
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

    /// Something is to be shipped.
    pub(crate) fn ask_for(&mut self, account: &str, what: [String; 2], lines: Vec<(String, u128)>) {
        let mut told = self.told.iter();
        let is_early = told.any(|it| it.account == account && it.what == what);
        self.requests.push(Request {
            account: account.to_owned(),
            what,
            lines: lines.into_iter().map(|(product, units)| (product, units, units)).collect(),
            parcels: vec![],
            status: "requested",
            is_early,
        });
    }

    pub(crate) fn request_mut(
        &mut self,
        account: &str,
        what: &[String; 2],
    ) -> Option<&mut Request> {
        self.requests.iter_mut().find(|it| it.account == account && it.what == *what)
    }

    pub(crate) fn request(&self, account: &str, what: &[String; 2]) -> Option<&Request> {
        self.requests.iter().find(|it| it.account == account && it.what == *what)
    }

    /// The request, for which credit alone is enough: such a one is for nothing.
    fn known_request(&mut self, account: &str, what: &[String; 2]) -> Option<&mut Request> {
        let [kind, id] = what;
        if self.request(account, what).is_none()
            && kind == "purchase"
            && self.has_cause(account, id)
        {
            self.ask_for(account, what.clone(), vec![]);
        }
        self.request_mut(account, what)
    }

    fn tell(&mut self, account: &AccountId, shipped: &Shipped, news: &'static str) -> [String; 2] {
        let (account, what) = (account.to_string(), contents(shipped));
        self.told.push(Told { account: account.clone(), what: what.clone(), news });
        let [_, id] = what;
        [account, id]
    }

    pub(crate) fn dispatch(&mut self, it: &DispatchShipment) -> Answer {
        let (account, what) = (it.account_id.as_str(), contents(&it.shipped));
        let Some(request) = self.known_request(account, &what) else {
            return no(if what[0] == "exchange" { "exchange-unknown" } else { "purchase-unknown" });
        };
        let named = it.lines.as_deref().filter(|_| it.dispatch_id.as_str() != "dispatch");
        let units_of = |product: &str, lines: &[ShippedLine]| -> u128 {
            let line = lines.iter().find(|line| line.product_id.as_str() == product);
            line.map_or(0, |line| line.quantity.get().into())
        };
        for (number, line) in (1..).zip(named.unwrap_or_default()) {
            let product = line.product_id.as_str();
            if request.lines.iter().all(|(asked, ..)| asked != product) {
                return no_for("line-unknown", [("line", number)]);
            }
        }
        let is_nothing_left = request.is_nothing_left();
        let mut units = 0;
        for (product, asked, left) in &mut request.lines {
            let in_it = match named {
                Some(lines) => units_of(product, lines),
                None if is_nothing_left => *asked,
                None => *left,
            };
            units += in_it;
            *left = left.saturating_sub(in_it);
        }
        let id = it.dispatch_id.to_string();
        request.parcels.push(Parcel { id: id.clone(), has_arrived: false });
        request.look_at_parcels();
        let [account, what] = self.tell(&it.account_id, &it.shipped, "dispatched");
        done_elsewhere(Effect::Dispatched { account, what, parcel: id, units })
    }

    pub(crate) fn report(&mut self, it: &ReportShipment) -> Answer {
        let (account, what) = (it.account_id.as_str(), contents(&it.shipped));
        if let Some(parcel) = &it.dispatch_id {
            let Some(request) = self.request_mut(account, &what) else {
                return no("parcel-unknown");
            };
            let mut parcels = request.parcels.iter_mut();
            let Some(parcel) = parcels.find(|it| it.id == parcel.as_str()) else {
                return no("parcel-unknown");
            };
            parcel.has_arrived = true;
            request.look_at_parcels();
            let [account, what] = self.tell(&it.account_id, &it.shipped, "parcel-delivered");
            return done_elsewhere(Effect::Reported { account, what, news: "parcel-delivered" });
        }
        let news = news_of(it.report);
        if it.report != Report::AskedAgain
            && let Some(request) = self.request_mut(account, &what)
        {
            request.reach(news);
        }
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
        let left =
            place.map_or(0, |_| self.request(name, &what).expect("it was asked for").units_left());
        let cancelled = match place.filter(|_| left > 0) {
            Some(place) => Some(self.take_back_goods(place, left, "~rejected", now, false)?),
            None => None,
        };
        if let Some(request) = self.request_mut(name, &what) {
            request.reach("rejected");
            if place.is_some() {
                request.call_off(&[left], false);
            }
        }
        let [account, what] = self.tell(&it.account_id, &it.shipped, "rejected");
        let rejected = Effect::Reported { account, what, news: "rejected" };
        match cancelled {
            None => done_elsewhere(rejected),
            Some(cancelled) => {
                let own: Vec<_> = [rejected].into_iter().chain(cancelled).collect();
                done(name, own)
            }
        }
    }

    /// Whether all goods are on their way, or there.
    pub(crate) fn has_left(&self, account: &str, what: &[String; 2]) -> bool {
        let request = self.request(account, what);
        let have_left = request.is_some_and(|it| !it.parcels.is_empty() && it.is_nothing_left());
        have_left || self.was_told(account, what, "delivered")
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
pub(crate) fn says_again(first: &Command, again: &Command, has_address: bool) -> bool {
    let unstamped = |command: &Command| {
        let mut command = command.clone();
        match &mut command {
            Command::ReportShipment(it) => (it.occurred_at, it.asked) = (None, vec![]),
            Command::DispatchShipment(it) => (it.occurred_at, it.asked) = (None, vec![]),
            Command::RejectShipment(it) => (it.occurred_at, it.asked) = (None, vec![]),
            // What was read before is a condition, and no part of what is asked for.
            Command::RemoveStock(it) => it.read_versions = None,
            Command::ReopenOffer(it) => it.read_versions = None,
            Command::ResumeOffer(it) => it.read_versions = None,
            // Of what isn't shipped no address is kept that could be compared.
            Command::Redeem(it) if !has_address => it.order.deliver_to = None,
            Command::CaptureHold(it) if !has_address => {
                if let Capture::Exchange(order) = &mut it.capture {
                    order.deliver_to = None;
                }
            }
            _ => {}
        }
        command
    };
    unstamped(first) == unstamped(again)
}
