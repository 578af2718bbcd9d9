//! A log in memory and a read model on either database, and events to put into them.

use std::time::Duration;

use domain::{
    AccountId, Cause, CauseKind, Clock, CreditDeducted, CreditEarned, Event, ExchangeCreated,
    LimitDays, LogForked, LogOpened, LotPart, OfferOpened, Page, PeriodLimits, Points, Policy,
    Prices, StockAdded, Terms, TimeZone, Timestamp, UnitId, Units,
};
use event_schema::{Metadata, Salt, encode};
use event_store::{Access, Append, EventStore, NewLog, StoreUrl};
use log_record::{
    BatchId, Generation, LogId, NewEvent, Partition, Place, Position, RecordedEvent, WriterId,
};
use projector::{ProjectError, Projector, rebuild};
use read_model::{Query, ReadModel, ReadModelUrl, RowOf, dump, wrong_sums};
use services::TestDatabase;
use tempfile::TempDir;
use uuid::Uuid;

use crate::life::lot_at;

const P0: Partition = Partition(0);

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Sqlite,
    Postgres,
}

/// Runs each of these tests, which take an [`On`], on every database.
#[macro_export]
macro_rules! on_every_database {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name($crate::ledger::On::Sqlite).await })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name($crate::ledger::On::Postgres).await })*
        }
    };
}
/// A log in memory, and a read model.
pub struct Ledger {
    pub store: EventStore,
    pub home: Home,
}

/// Where the read model is; gone with this.
pub enum Home {
    Folder(TempDir),
    Database(TestDatabase),
}

impl Ledger {
    pub async fn new(log_id: u128, on: On) -> Self {
        Self::of_partitions(log_id, on, 1).await
    }

    pub async fn of_partitions(log_id: u128, on: On, partitions: u16) -> Self {
        let new_log = NewLog { log_id: LogId(Uuid::from_u128(log_id)), partitions };
        let store = EventStore::open(&StoreUrl::Memory, Access::Write(new_log)).await;
        let home = match on {
            On::Sqlite => Home::Folder(tempfile::tempdir().expect("a folder")),
            On::Postgres => Home::Database(TestDatabase::create().expect("a database")),
        };
        let ledger = Self { store: store.expect("it opens"), home };
        read_model::migrate(&ledger.url()).await.expect("migrated");
        ledger
    }

    pub async fn record(&self, events: &[Event]) {
        self.append(events.iter().map(encoded).collect()).await;
    }

    /// Each at its own second.
    pub async fn record_at(&self, events: &[(i64, Event)]) {
        self.append(events.iter().map(|(second, event)| encoded_at(*second, event)).collect())
            .await;
    }

    pub async fn append(&self, events: Vec<NewEvent>) {
        self.append_in(P0, events).await;
    }

    pub async fn append_in(&self, partition: Partition, events: Vec<NewEvent>) {
        let head = self.store.take_over(partition, WriterId(Uuid::from_u128(1))).await;
        let head = head.expect("held");
        let batch = BatchId(Uuid::from_u128(head.position.0.into()));
        let (epoch, generation, expected) = (head.epoch, head.generation, head.position);
        let append = Append { partition, epoch, generation, expected, batch, events };
        self.store.append(append).await.expect("appended");
    }

    /// An operator declares what is left to be the history, which begins the next generation.
    pub async fn fork(&self) {
        let head = self.store.take_over(P0, WriterId(Uuid::from_u128(1))).await.expect("held");
        let next = Generation(head.generation.0 + 1);
        let reason = "a backup was restored".into();
        let event = encoded(&Event::LogForked(LogForked { generation: next.0, reason }));
        let place = Place { partition: P0, position: head.position.next() };
        let row = RecordedEvent::seal(self.store.log_id(), next, place, event);
        self.store.append_recorded(Append::after(P0, &head, vec![row])).await.expect("declared");
    }

    pub fn url(&self) -> ReadModelUrl {
        match &self.home {
            Home::Folder(folder) => ReadModelUrl::Sqlite(folder.path().join("read-model.sqlite")),
            Home::Database(database) => database.url().parse().expect("a URL"),
        }
    }

    pub async fn projector(&self) -> Result<Projector, ProjectError> {
        Projector::open(&self.url(), self.store.clone()).await
    }

    pub async fn project(&self) {
        self.projector().await.expect("it opens").catch_up().await.expect("projected");
    }

    pub async fn read_model(&self) -> ReadModel {
        ReadModel::open(&self.url(), None).await.expect("it opens")
    }

    /// The rows that are made anew once the log's texts are erased, as its events say.
    pub async fn rebuilt_of_erased_texts(&self) -> Vec<String> {
        self.store.note_erasures().await.expect("noted");
        let erasures = self.store.unfinished_erasures().await.expect("read");
        assert!(!erasures.is_empty(), "there is something to erase");
        self.store.erase_texts(&erasures).await.expect("erased");
        rebuild(&self.url(), &self.store).await.expect("rebuilt");
        self.projected().await
    }

    pub async fn projected(&self) -> Vec<String> {
        self.project().await;
        self.check_sums().await;
        dump(&self.read_model().await).await.expect("read")
    }

    /// The sums that the projector moves are those of the rows.
    pub async fn check_sums(&self) {
        let wrong = wrong_sums(&self.read_model().await).await.expect("read");
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    pub async fn select<R: RowOf>(&self, statement: &'static str) -> Vec<R> {
        let model = self.read_model().await;
        let mut reading = model.read(&[], Duration::ZERO).await.expect("it begins");
        reading.all(Query::same(statement), &[]).await.expect("read")
    }

    pub fn alter(&self, statements: &str) {
        match (&self.home, self.url()) {
            (Home::Database(database), _) => {
                let statements = format!("set search_path to guerdon_read_model; {statements}");
                database.sql(&statements).expect("altered");
            }
            (_, ReadModelUrl::Sqlite(file)) => {
                let connection = rusqlite::Connection::open(file).expect("it opens");
                connection.execute_batch(statements).expect(statements);
            }
            (Home::Folder(_), ReadModelUrl::Postgres(_)) => unreachable!("a folder has a file"),
        }
    }
}

pub fn log_opened(partitions: u16) -> Event {
    Event::LogOpened(LogOpened { log_id: "log".into(), partitions, clock: Clock::Wall })
}

pub fn offer_opened() -> Event {
    let stock = Units::new(10).ok();
    Event::OfferOpened(OfferOpened {
        offer_id: id("mug"),
        terms: terms(300),
        page: Page::default(),
        stock,
    })
}

pub fn terms(price: u64) -> Terms {
    Terms {
        product_id: id("product"),
        prices: Prices::of_points(points(price)),
        tier: None,
        segment: None,
        tier_prices: domain::TierPrices::default(),
        opens_at: None,
        closes_at: None,
        limit_per_shopper: None,
        period_limits: PeriodLimits::default(),
        time_zone: TimeZone::default(),
        warehouse: id("main"),
        ships: true,
        codes: false,
    }
}

pub fn stock_added(addition: &str) -> StockAdded {
    StockAdded { offer_id: id("mug"), addition_id: id(addition), units: units(5) }
}

pub fn earned(account: &str) -> Event {
    let cause = Cause { kind: CauseKind::Purchase, id: id("B-1") };
    Event::CreditEarned(id(account), CreditEarned::new(UnitId::POINTS, points(500), cause))
}

pub fn redemption(account: &str, exchange: &str, lot: u64) -> [Event; 2] {
    let account: AccountId = id(account);
    let lots = vec![LotPart::lasting(lot_at(lot), points(300))];
    let grace = Policy::default().grace();
    let deducted = CreditDeducted {
        unit: UnitId::POINTS,
        exchange_id: id(exchange),
        points: points(300),
        lots,
        grace,
    };
    let created = ExchangeCreated {
        exchange_id: id(exchange),
        offer_id: id("mug"),
        product_id: id("product"),
        allocation: domain::Allocation::Units(units(1)),
        prices: Prices::of_points(points(300)),
        tier: None,
        counted: LimitDays::default(),
        warehouse: Some(id("main")),
        hold_id: None,
        expected_points: None,
        expected_prices: None,
        occurred_at: None,
        deliver_to: id::<domain::DeliverTo>("1 Elm Street").into(),
    };
    [Event::CreditDeducted(account.clone(), deducted), Event::ExchangeCreated(account, created)]
}

pub fn encoded(event: &Event) -> NewEvent {
    encoded_at(1, event)
}

fn encoded_at(second: i64, event: &Event) -> NewEvent {
    recorded_at(time(second), event)
}

pub fn recorded_at(time: Timestamp, event: &Event) -> NewEvent {
    encode(event, time, &Metadata::default(), None, Salt([0; 16])).expect("encoded")
}

pub fn time(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000).expect("a time")
}

pub fn points(points: u64) -> Points {
    Points::new(points).expect("an amount")
}

pub fn units(units: u64) -> Units {
    Units::new(units).expect("an amount")
}

pub fn place(position: u64) -> Place {
    Place { partition: P0, position: Position(position) }
}

pub fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("valid")
}
