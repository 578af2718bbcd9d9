//! Given these events, when this is asked, then that follows: how the rules' tests speak.
//!
//! `given` begins with `log-opened` at position 1, so the first event named stands at position 2.

use log_record::Position;

use crate::command::{
    AddStock, AdjustCredit, AmendOffer, CancelExchange, Capture, CaptureHold, CloseOffer,
    Direction, DispatchShipment, EarnCredit, HoldCredit, Known, OpenOffer, Order, RecordPurchase,
    Redeem, ReleaseHold, ReturnPurchase, SetEarningRule, SetPolicy, TransferCredit, WithdrawCredit,
};
use crate::*;

pub(crate) struct Scenario {
    state: State,
    events: Vec<Event>,
    now: Timestamp,
}

pub(crate) struct Outcome {
    scenario: Scenario,
    command: Command,
    decided: Result<Decision, Refusal>,
}

pub(crate) fn given<const N: usize>(events: [Event; N]) -> Scenario {
    let opened = LogOpened { log_id: "log".into(), partitions: 1, clock: Clock::Wall };
    Scenario { state: State::default(), events: vec![], now: time(1) }
        .and([Event::LogOpened(opened)])
        .and(events)
}

impl Scenario {
    pub(crate) fn and<const N: usize>(mut self, events: [Event; N]) -> Self {
        for event in events {
            let position = self.state.position().next();
            let evolved = self.state.evolve(position, self.now, &event);
            assert_eq!(evolved, Ok(()), "{event:?}");
            self.events.push(event);
        }
        self
    }

    pub(crate) fn at(mut self, seconds: i64) -> Self {
        self.now = time(seconds);
        self
    }

    pub(crate) fn when(self, command: Command) -> Outcome {
        let mut decided = decide(&self.state, &command, self.now);
        if let Ok(Decision::Load(at)) = decided {
            let index = usize::try_from(at.0).expect("small") - 1;
            let (before, event) = (&self.events[index - 1], &self.events[index]);
            let command = command.with_original(before, at, event).expect("it takes it");
            decided = decide(&self.state, &command, self.now);
        }
        Outcome { scenario: self, command, decided }
    }

    /// It is decided and recorded.
    #[track_caller]
    pub(crate) fn does(self, command: Command) -> Self {
        let Outcome { scenario, decided, .. } = self.when(command);
        let Ok(Decision::Record { events, .. }) = decided else {
            panic!("nothing is recorded: {decided:?}")
        };
        events.into_iter().fold(scenario, |scenario, event| scenario.and([event]))
    }

    /// It is refused, and the story goes on.
    #[track_caller]
    pub(crate) fn refuses(self, command: Command, code: &str) -> Self {
        let Outcome { scenario, decided, .. } = self.when(command);
        assert_eq!(decided.expect_err("it was not refused").code(), code);
        scenario
    }

    /// What falls due by now is recorded, as in the background.
    pub(crate) fn sweeps(mut self) -> Self {
        while let Some(events) = self.state.next_due(self.now) {
            self = events.into_iter().fold(self, |scenario, event| scenario.and([event]));
        }
        self
    }

    /// What the account has, as recorded: available, pending, held, owed.
    #[track_caller]
    pub(crate) fn leaves(self, account: &str, sums: [u64; 4]) -> Self {
        let account = self.state.account(&id(account)).expect("an account");
        let found = [account.available(), account.pending(), account.held(), account.owed()];
        assert_eq!(found.map(Points::get), sums, "available, pending, held, owed");
        self
    }
}

impl Outcome {
    /// The events are decided, and the state takes them.
    #[track_caller]
    pub(crate) fn then<const N: usize>(self, events: [Event; N]) {
        let Ok(Decision::Record { events: decided, .. }) = &self.decided else {
            panic!("nothing is recorded: {:?}", self.decided);
        };
        assert_eq!(decided, &events.to_vec());
        self.scenario.and(events);
    }

    /// Events of these types are decided, in this order; the story goes on with them.
    #[track_caller]
    pub(crate) fn then_records<const N: usize>(self, types: [&str; N]) -> Scenario {
        let Ok(Decision::Record { events, .. }) = self.decided else {
            panic!("nothing is recorded: {:?}", self.decided)
        };
        let printed: Vec<String> = events.iter().map(|event| format!("{event:?}")).collect();
        let found: Vec<&str> =
            printed.iter().map(|text| text.split('(').next().unwrap_or_default()).collect();
        assert_eq!(found, types);
        events.into_iter().fold(self.scenario, |scenario, event| scenario.and([event]))
    }

    #[track_caller]
    pub(crate) fn then_refused(self, code: &str) {
        let refusal = self.decided.expect_err("it was not refused");
        assert_eq!(refusal.code(), code, "{refusal}");
        assert!(Refusal::CODES.contains(&refusal.code()), "{refusal}");
    }

    #[track_caller]
    pub(crate) fn then_repeats(self, position: u64) {
        self.then_compares(position, None);
    }

    #[track_caller]
    pub(crate) fn then_differs_from(self, position: u64, field: &str) {
        self.then_compares(position, Some(field));
    }

    #[track_caller]
    fn then_compares(self, position: u64, difference: Option<&str>) {
        assert_eq!(self.decided, Ok(Decision::Repeat(Position(position))));
        let index = usize::try_from(position).expect("small") - 1;
        assert_eq!(self.command.first_difference(&self.scenario.events[index]), difference);
    }

    #[track_caller]
    pub(crate) fn then_stands(self) {
        assert_eq!(self.decided, Ok(Decision::Standing));
    }
}

fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("a valid id")
}

pub(crate) fn points(value: u64) -> Points {
    Points::new(value).expect("an amount")
}

fn units(value: u64) -> Units {
    Units::new(value).expect("an amount")
}

pub(crate) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).expect("a time")
}

fn terms(price: u64) -> Terms {
    Terms {
        product_id: id("product"),
        price: points(price),
        opens_at: None,
        closes_at: None,
        limit_per_shopper: None,
        warehouse: id("main"),
    }
}

fn cause(cause: &str) -> Cause {
    Cause { kind: CauseKind::Purchase, id: id(cause) }
}

pub(crate) fn earn(account: &str, amount: u64, basket: &str) -> Command {
    Command::EarnCredit(EarnCredit {
        account_id: id(account),
        points: points(amount),
        cause: cause(basket),
        available_at: None,
        expires_at: None,
        occurred_at: None,
    })
}

pub(crate) fn earned(account: &str, amount: u64, basket: &str) -> Event {
    Event::CreditEarned(id(account), CreditEarned::new(points(amount), cause(basket)))
}

/// Credit that can be spent before a time, in seconds.
pub(crate) fn earn_until(expires: i64, account: &str, amount: u64, basket: &str) -> Command {
    Command::EarnCredit(EarnCredit {
        account_id: id(account),
        points: points(amount),
        cause: cause(basket),
        available_at: None,
        expires_at: Some(time(expires)),
        occurred_at: None,
    })
}

/// Credit that can be spent from a time on, in seconds.
pub(crate) fn earn_from(available: i64, account: &str, amount: u64, basket: &str) -> Command {
    Command::EarnCredit(EarnCredit {
        account_id: id(account),
        points: points(amount),
        cause: cause(basket),
        available_at: Some(time(available)),
        expires_at: None,
        occurred_at: None,
    })
}

pub(crate) fn hold(account: &str, hold: &str, amount: u64, deadline: i64) -> Command {
    Command::HoldCredit(HoldCredit {
        account_id: id(account),
        hold_id: id(hold),
        points: points(amount),
        deadline: time(deadline),
        occurred_at: None,
    })
}

pub(crate) fn capture(account: &str, hold: &str, amount: Option<u64>) -> Command {
    Command::CaptureHold(CaptureHold {
        account_id: id(account),
        hold_id: id(hold),
        capture: Capture::Points(amount.map(points)),
        occurred_at: None,
    })
}

pub(crate) fn capture_for(account: &str, hold: &str, exchange: &str, offer: &str) -> Command {
    let Redeem { order, .. } = redemption_of(account, exchange, offer);
    Command::CaptureHold(CaptureHold {
        account_id: id(account),
        hold_id: id(hold),
        capture: Capture::Exchange(order),
        occurred_at: None,
    })
}

pub(crate) fn release(account: &str, hold: &str) -> Command {
    let (account_id, hold_id) = (id(account), id(hold));
    Command::ReleaseHold(ReleaseHold { account_id, hold_id, occurred_at: None })
}

pub(crate) fn cancel(account: &str, exchange: &str, key: &str, pieces: Option<u64>) -> Command {
    Command::CancelExchange(CancelExchange {
        account_id: id(account),
        exchange_id: id(exchange),
        cancellation_id: id(key),
        quantity: pieces.map(units),
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

pub(crate) fn dispatch(account: &str, exchange: &str) -> Command {
    Command::DispatchShipment(DispatchShipment {
        account_id: id(account),
        shipped: Shipped::ExchangeId(id(exchange)),
        carrier: id("post"),
        express_no: id("1Z"),
        occurred_at: None,
    })
}

pub(crate) fn withdraw(account: &str, withdrawal: &str, basket: &str) -> Command {
    Command::WithdrawCredit(WithdrawCredit {
        account_id: id(account),
        withdrawal_id: id(withdrawal),
        cause: cause(basket),
        points: None,
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

/// Lines are (product, quantity, amount).
pub(crate) fn purchase(
    account: &str,
    basket: &str,
    amount: Option<u64>,
    lines: &[(&str, u64, u64)],
) -> Command {
    let line = |(product, quantity, amount): &(&str, u64, u64)| PurchaseLine {
        product_id: id(product),
        quantity: units(*quantity),
        amount: Some(*amount),
        category: None,
        points: None,
    };
    Command::RecordPurchase(RecordPurchase {
        account_id: id(account),
        purchase_id: id(basket),
        lines: lines.iter().map(line).collect(),
        points: amount.map(points),
        rule: None,
        shipping: None,
        available_at: None,
        expires_at: None,
        occurred_at: None,
    })
}

pub(crate) fn bring_back(
    account: &str,
    basket: &str,
    key: &str,
    lines: Option<&[(&str, u64)]>,
) -> Command {
    let line = |(product, quantity): &(&str, u64)| ReturnedLine {
        product_id: id(product),
        quantity: units(*quantity),
    };
    Command::ReturnPurchase(ReturnPurchase {
        account_id: id(account),
        purchase_id: id(basket),
        return_id: id(key),
        lines: lines.map(|lines| lines.iter().map(line).collect()),
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

pub(crate) fn adjust(direction: Direction, account: &str, amount: u64, key: &str) -> Command {
    Command::AdjustCredit(AdjustCredit {
        account_id: id(account),
        adjustment_id: id(key),
        direction,
        points: points(amount),
        expires_at: None,
        reference: id("ticket-7"),
        note: Note::default(),
        occurred_at: None,
    })
}

pub(crate) fn transfer(from: &str, to: &str, amount: u64, key: &str) -> Command {
    Command::TransferCredit(TransferCredit {
        account_id: id(from),
        transfer_id: id(key),
        to: id(to),
        points: points(amount),
        occurred_at: None,
    })
}

pub(crate) fn policy(spent_credit: SpentCredit, refund_grace_days: u16) -> Command {
    Command::SetPolicy(SetPolicy { policy: Policy { spent_credit, refund_grace_days } })
}

/// So many points for each hundred of money.
pub(crate) fn rate(points_per_100: u64) -> EarningTerms {
    EarningTerms {
        rate: Rate { points: points(points_per_100), per_amount: points(100) },
        categories: vec![],
        multipliers: vec![],
        cap: None,
        expiry: None,
        pending_days: 0,
    }
}

pub(crate) fn rule(rule: &str, terms: EarningTerms, known: Known) -> Command {
    Command::SetEarningRule(SetEarningRule { rule_id: id(rule), terms, known })
}

pub(crate) fn open(offer: &str, price: u64, stock: Option<u64>) -> Command {
    let stock = stock.map(units);
    Command::OpenOffer(OpenOffer { offer_id: id(offer), terms: terms(price), stock })
}

pub(crate) fn opened(offer: &str, price: u64, stock: Option<u64>) -> Event {
    opened_with(offer, price, stock, None)
}

pub(crate) fn opened_with(
    offer: &str,
    price: u64,
    stock: Option<u64>,
    limit: Option<u64>,
) -> Event {
    let terms = Terms { limit_per_shopper: limit.map(units), ..terms(price) };
    Event::OfferOpened(OfferOpened { offer_id: id(offer), terms, stock: stock.map(units) })
}

pub(crate) fn opened_between(offer: &str, price: u64, from: i64, until: i64) -> Event {
    let terms = Terms { opens_at: Some(time(from)), closes_at: Some(time(until)), ..terms(price) };
    Event::OfferOpened(OfferOpened { offer_id: id(offer), terms, stock: None })
}

pub(crate) fn amend(offer: &str, price: u64, stock: Option<u64>, read: u64) -> Command {
    Command::AmendOffer(AmendOffer {
        offer_id: id(offer),
        terms: terms(price),
        stock: stock.map(|stock| Some(units(stock))),
        read_version: Some(read),
    })
}

pub(crate) fn amended(offer: &str, price: u64, version: u64) -> Event {
    Event::OfferAmended(OfferAmended { offer_id: id(offer), version, terms: terms(price) })
}

pub(crate) fn close(offer: &str) -> Command {
    Command::CloseOffer(CloseOffer { offer_id: id(offer) })
}

pub(crate) fn closed(offer: &str) -> Event {
    Event::OfferClosed(OfferClosed { offer_id: id(offer) })
}

pub(crate) fn add_stock(offer: &str, addition: &str, by: u64) -> Command {
    Command::AddStock(AddStock { offer_id: id(offer), addition_id: id(addition), units: units(by) })
}

pub(crate) fn stock_added(offer: &str, addition: &str, by: u64) -> Event {
    Event::StockAdded(StockAdded {
        offer_id: id(offer),
        addition_id: id(addition),
        units: units(by),
    })
}

fn redemption_of(account: &str, exchange: &str, offer: &str) -> Redeem {
    Redeem {
        account_id: id(account),
        order: Order {
            exchange_id: id(exchange),
            offer_id: id(offer),
            quantity: units(1),
            deliver_to: id("1 Elm Street"),
            expected_points: None,
        },
        occurred_at: None,
    }
}

fn redeem_as(
    order: impl FnOnce(&mut Order),
    account: &str,
    exchange: &str,
    offer: &str,
) -> Command {
    let mut redeem = redemption_of(account, exchange, offer);
    order(&mut redeem.order);
    Command::Redeem(redeem)
}

pub(crate) fn redeem(account: &str, exchange: &str, offer: &str) -> Command {
    Command::Redeem(redemption_of(account, exchange, offer))
}

pub(crate) fn two(account: &str, exchange: &str, offer: &str) -> Command {
    redeem_as(|order| order.quantity = units(2), account, exchange, offer)
}

pub(crate) fn elsewhere(account: &str, exchange: &str, offer: &str) -> Command {
    redeem_as(|order| order.deliver_to = id("2 Oak Street"), account, exchange, offer)
}

pub(crate) fn expecting(cost: u64, account: &str, exchange: &str, offer: &str) -> Command {
    redeem_as(|order| order.expected_points = Some(points(cost)), account, exchange, offer)
}

pub(crate) fn deducted(account: &str, exchange: &str, lots: &[(u64, u64)]) -> Event {
    let sum = lots.iter().map(|(_, amount)| amount).sum();
    let lots = lots
        .iter()
        .map(|(lot, amount)| LotPart::lasting(Position(*lot).into(), points(*amount)))
        .collect();
    let fact = CreditDeducted { exchange_id: id(exchange), points: points(sum), lots };
    Event::CreditDeducted(id(account), fact)
}

pub(crate) fn exchanged(account: &str, exchange: &str, offer: &str, cost: u64) -> Event {
    let fact = ExchangeCreated {
        exchange_id: id(exchange),
        offer_id: id(offer),
        product_id: id("product"),
        quantity: units(1),
        points: points(cost),
        warehouse: id("main"),
        hold_id: None,
        expected_points: None,
        occurred_at: None,
        deliver_to: Some(id("1 Elm Street")),
    };
    Event::ExchangeCreated(id(account), fact)
}

pub(crate) fn redemption(
    account: &str,
    exchange: &str,
    offer: &str,
    lot: u64,
    cost: u64,
) -> [Event; 2] {
    [deducted(account, exchange, &[(lot, cost)]), exchanged(account, exchange, offer, cost)]
}
