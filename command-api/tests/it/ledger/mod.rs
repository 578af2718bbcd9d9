//! A writer on a memory log, and what is asked of it.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use command_api::{
    Answer, ClockReading, Decide, ReadClock, Request, Unanswered, Writer, WriterConfig,
};
use domain::command::{AddStock, EarnCredit, OpenOffer, Order, Redeem};
use domain::{
    Cause, CauseKind, Clock, Command, Event, Page, Points, Prices, Refusal, State, Terms,
    Timestamp, UnitNumber, Units, decide,
};
use event_schema::decode;
use event_store::{EventStore, MemoryStore, NewLog};
use log_record::{LogId, Partition, Position};
use uuid::Uuid;

pub(crate) const P0: Partition = Partition(0);

/// A writer on a memory log with ann, bob and a hundred shoppers, each rich, and an unlimited mug.
pub(crate) struct Ledger {
    pub(crate) store: MemoryStore,
    pub(crate) writer: Writer,
    pub(crate) config: WriterConfig,
}

impl Ledger {
    pub(crate) async fn start() -> Self {
        Self::with(decide, Duration::from_secs(5)).await
    }

    pub(crate) async fn with(decide: Decide, deadline: Duration) -> Self {
        Self::with_config(deadline, |config| WriterConfig { decide, ..config }).await
    }

    /// A ledger that refuses by the wait of commands.
    pub(crate) async fn shedding(shed_after: Duration) -> Self {
        let deadline = Duration::from_secs(10);
        Self::with_config(deadline, |config| WriterConfig { shed_after, ..config }).await
    }

    async fn with_config(
        deadline: Duration,
        change: impl FnOnce(WriterConfig) -> WriterConfig,
    ) -> Self {
        let store = MemoryStore::new(NewLog { log_id: LogId(Uuid::from_u128(7)), partitions: 1 });
        let config = change(WriterConfig::new(EventStore::Memory(store.clone()), deadline));
        let (writer, _) = Writer::start(config.clone(), P0).await.expect("it starts");
        let ledger = Self { store, writer, config };
        ledger.recorded(open("mug", None)).await;
        for shopper in ["ann".into(), "bob".into()].into_iter().chain((0..100).map(numbered)) {
            ledger.recorded(earn(&shopper)).await;
        }
        ledger
    }

    /// A ledger whose clocks a test moves.
    pub(crate) async fn with_clock(clock: Option<Clock>, hands: &Hands) -> Self {
        let store = MemoryStore::new(NewLog { log_id: LogId(Uuid::from_u128(7)), partitions: 1 });
        let config = WriterConfig {
            clock,
            read_clock: hands.clone().into(),
            ..WriterConfig::new(EventStore::Memory(store.clone()), Duration::from_secs(5))
        };
        let (writer, _) = Writer::start(config.clone(), P0).await.expect("it starts");
        Self { store, writer, config }
    }

    pub(crate) async fn restart(&mut self) {
        self.writer = Writer::start(self.config.clone(), P0).await.expect("it starts").0;
    }

    pub(crate) async fn asks(&self, request: Request) -> Result<Answer, Unanswered> {
        self.writer.submit(request).await
    }

    pub(crate) fn begins(
        &self,
        request: Request,
    ) -> tokio::task::JoinHandle<Result<Answer, Unanswered>> {
        let writer = self.writer.clone();
        tokio::spawn(async move { writer.submit(request).await })
    }

    pub(crate) async fn recorded(&self, request: Request) {
        let answer = self.asks(request).await;
        assert!(matches!(answer, Ok(Answer::Recorded { .. })), "{answer:?}");
    }

    /// How often each exchange is in the log, by account and id.
    pub(crate) async fn exchanges(&self) -> HashMap<String, usize> {
        let mut exchanges = HashMap::new();
        for (_, event) in self.events().await {
            if let Event::ExchangeCreated(account, fact) = event {
                *exchanges.entry(format!("{account} {}", fact.exchange_id)).or_default() += 1;
            }
        }
        exchanges
    }

    pub(crate) async fn events(&self) -> Vec<(domain::Timestamp, Event)> {
        let store = &self.config.store;
        let (mut events, mut after) = (vec![], Position::START);
        loop {
            let rows = store.read(P0, after, usize::MAX).await.expect("read");
            let Some(last) = rows.last() else { return events };
            after = last.position();
            events.extend(rows.iter().map(|row| decode(row).expect("decoded")));
        }
    }

    /// How many parts of lots have expired.
    pub(crate) async fn expired(&self) -> usize {
        let events = self.events().await;
        let parts = events.iter().map(|(_, event)| match event {
            Event::CreditExpired(_, fact) => fact.lots.len(),
            _ => 0,
        });
        parts.sum()
    }

    /// Waits until so many parts of lots have expired.
    pub(crate) async fn until_expired(&self, parts: usize, within: Duration) {
        let begun = Instant::now();
        while self.expired().await < parts {
            assert!(begun.elapsed() < within, "{} of {parts} expired", self.expired().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the writer believes of every account is what the log adds up to.
    pub(crate) async fn agrees_with_its_log(&self) {
        let mut replayed = State::new(P0);
        for (recorded_at, event) in self.events().await {
            let next = replayed.position().next();
            replayed.evolve(next, recorded_at, &event).expect("possible");
        }
        for (id, account) in replayed.accounts() {
            let probe = redeem_many(id.as_str(), "x-probe", "mug", domain::AMOUNT_MAX / 1_000);
            let Ok(Answer::Refused(Refusal::InsufficientCredit { available, .. })) =
                self.asks(probe).await
            else {
                panic!("nobody is that rich")
            };
            assert_eq!(available, account.wallet(UnitNumber::POINTS).available(), "{id}");
        }
    }
}

/// Clocks that stand still until they are moved.
#[derive(Clone)]
pub(crate) struct Hands(Arc<Mutex<ClockReading>>);

impl Hands {
    pub(crate) fn at(seconds: i64) -> Self {
        let since_boot = Duration::from_secs(1_000_000);
        Self(Arc::new(Mutex::new(ClockReading { wall: time(seconds), since_boot })))
    }

    /// Time goes by.
    pub(crate) fn pass(&self, seconds: i64) {
        self.jump(seconds);
        let mut reading = self.0.lock().expect("not poisoned");
        reading.since_boot += Duration::from_secs(u64::try_from(seconds).expect("forward"));
    }

    /// Somebody sets the wall clock.
    pub(crate) fn jump(&self, seconds: i64) {
        let mut reading = self.0.lock().expect("not poisoned");
        let micros = reading.wall.micros() + seconds * 1_000_000;
        reading.wall = Timestamp::from_micros(micros).expect("a time");
    }
}

impl From<Hands> for ReadClock {
    fn from(hands: Hands) -> Self {
        Self(Arc::new(move || *hands.0.lock().expect("not poisoned")))
    }
}

pub(crate) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).expect("a time")
}

pub(crate) fn numbered(shopper: usize) -> String {
    format!("shopper-{shopper}")
}

pub(crate) fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("a valid id")
}

pub(crate) fn request(command: Command) -> Request {
    Request::of(command)
}

pub(crate) fn earn(account: &str) -> Request {
    request(Command::EarnCredit(EarnCredit {
        unit: domain::UnitId::POINTS,
        account_id: id(account),
        points: Points::new(100_000_000).expect("an amount"),
        cause: Cause { kind: CauseKind::Promotion, id: id("start") },
        available_at: None,
        expires_at: None,
        occurred_at: None,
    }))
}

pub(crate) fn open(offer: &str, stock: Option<u64>) -> Request {
    let terms = Terms {
        product_id: id("product"),
        prices: Prices::of_points(Points::new(300).expect("an amount")),
        tier: None,
        segment: None,
        tier_prices: domain::TierPrices::default(),
        opens_at: None,
        closes_at: None,
        limit_per_shopper: None,
        period_limits: domain::PeriodLimits::default(),
        time_zone: domain::TimeZone::default(),
        warehouse: id("main"),
        ships: true,
        codes: false,
    };
    let stock = stock.map(|stock| Units::new(stock).expect("an amount"));
    request(Command::OpenOffer(OpenOffer {
        offer_id: id(offer),
        terms,
        page: Page::default(),
        stock,
    }))
}

pub(crate) fn add_stock(offer: &str, units: u64) -> Request {
    request(Command::AddStock(AddStock {
        offer_id: id(offer),
        addition_id: id("s-1"),
        units: Units::new(units).expect("an amount"),
    }))
}

pub(crate) fn redeem(account: &str, exchange: &str, offer: &str) -> Request {
    redeem_many(account, exchange, offer, 1)
}

pub(crate) fn redeem_many(account: &str, exchange: &str, offer: &str, quantity: u64) -> Request {
    request(Command::Redeem(Redeem {
        account_id: id(account),
        order: Order {
            exchange_id: id(exchange),
            offer_id: id(offer),
            quantity: Units::new(quantity).expect("an amount"),
            deliver_to: Some(id("1 Elm Street")),
            expected_points: None,
            expected_prices: None,
        },
        occurred_at: None,
    }))
}
