//! What the projector promises, on a real read model and a real log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::{
    AccountId, Cause, CauseKind, Clock, CreditDeducted, CreditEarned, Event, ExchangeCreated,
    LogOpened, LotPart, OfferAmended, OfferClosed, OfferOpened, Points, StockAdded, Terms,
    Timestamp, Units,
};
use event_schema::{Metadata, Salt, encode};
use event_store::{Access, Append, EventStore, NewLog, StoreUrl};
use log_record::{BatchId, LogId, NewEvent, Partition, Place, Position, WriterId};
use projector::{ProjectError, Projector, ReadModel, dump, rebuild};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const P0: Partition = Partition(0);

#[tokio::test]
async fn a_history_becomes_rows() {
    let ledger = Ledger::new(1).await;
    ledger.record(&history()).await;
    let rows = ledger.projected().await;
    for row in [
        "account_balance|'ann'|200|0|0|0|6",
        "account_balance|'bob'|500|0|0|0|4",
        "credit_lot|'ann'|3|500|200|'purchase'|'B-1'|1000000",
        "exchange|7|'ann'|'x-1'|'mug'|'product'|1|300|'created'|NULL|1000000",
        "offer_availability|'mug'|'product'|250|15|14|NULL|NULL|NULL|'main'|3|'closed'|0|10",
    ] {
        assert!(rows.iter().any(|found| found == row), "{row} is not in {rows:#?}");
    }
    let request = rows.iter().find(|row| row.starts_with("shipping_request|")).expect("one");
    let id = format!("{}-1-0-7", ledger.store.log_id());
    assert!(request.contains(&id) && request.contains("1 Elm Street"), "{request}");
}

#[tokio::test]
async fn the_rows_do_not_depend_on_how_the_events_came_in() {
    let whole = Ledger::new(1).await;
    whole.record(&history()).await;
    let expected = whole.projected().await;
    for chunk in [1, 2, 3] {
        let ledger = Ledger::new(1).await;
        for events in history().chunks(chunk) {
            ledger.record(events).await;
            // A projector of its own for each, which goes on from the checkpoint.
            ledger.project().await;
        }
        assert_eq!(ledger.projected().await, expected, "in pieces of {chunk}");
    }
}

#[tokio::test]
async fn an_event_that_is_applied_again_asks_for_no_second_parcel() {
    let ledger = Ledger::new(1).await;
    ledger.record(&history()).await;
    let before = ledger.projected().await;
    ledger.alter("update checkpoint set position = 0, checksum = zeroblob(32)");
    ledger.alter(
        "delete from account_balance; delete from credit_lot; delete from offer_availability",
    );
    let after = ledger.projected().await;
    let requests = |rows: &[String]| -> Vec<String> {
        rows.iter().filter(|row| row.starts_with("shipping_request|")).cloned().collect()
    };
    assert_eq!(requests(&after), requests(&before));
}

#[tokio::test]
async fn each_lane_is_counted_without_a_gap() {
    let ledger = Ledger::new(1).await;
    let endless = OfferOpened { offer_id: id("mug"), terms: terms(300), stock: None };
    let mut events = vec![log_opened(1), Event::OfferOpened(endless)];
    for shopper in 0..60 {
        let account = format!("shopper-{shopper}");
        let lot = 3 * shopper + 3;
        events.push(earned(&account));
        events.extend(redemption(&account, "x-1", lot));
    }
    ledger.record(&events).await;
    ledger.project().await;
    let model = ledger.read_model().await;
    let dense: i64 = sqlx::query_scalar(
        "select count(*) from (select lane from shipping_request group by lane \
         having count(*) = max(sequence) and min(sequence) = 1 \
         and count(distinct sequence) = count(*))",
    )
    .fetch_one(model.pool())
    .await
    .expect("read");
    let lanes: i64 = sqlx::query_scalar("select count(*) from lane")
        .fetch_one(model.pool())
        .await
        .expect("read");
    assert!(lanes > 8, "sixty shoppers are spread over the lanes: {lanes}");
    assert_eq!(dense, lanes);
}

#[tokio::test]
async fn a_read_model_of_another_log_is_refused() {
    let ledger = Ledger::new(1).await;
    ledger.record(&history()).await;
    ledger.project().await;
    let other = Ledger::new(2).await;
    other.record(&history()).await;
    let error = Projector::open(&ledger.read_model_file(), other.store.clone()).await;
    assert!(matches!(error, Err(ProjectError::OtherLog { .. })), "{error:?}");
}

#[tokio::test]
async fn a_history_that_was_shortened_or_changed_is_a_fork() {
    for (kept, changed) in [(9, false), (10, true)] {
        let ledger = Ledger::new(1).await;
        ledger.record(&history()).await;
        ledger.project().await;
        let other = Ledger::new(1).await;
        let mut events = history();
        if changed {
            events[9] = Event::StockAdded(stock_added("s-9"));
        }
        other.record(&events[..kept]).await;
        let error = Projector::open(&ledger.read_model_file(), other.store.clone()).await;
        assert!(matches!(error, Err(ProjectError::Forked { .. })), "{kept}: {error:?}");
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_applied_stops_the_projection_and_says_why() {
    let ledger = Ledger::new(1).await;
    ledger.record(&history()).await;
    let mut unknown = encoded(&earned("ann"));
    unknown.version = 9;
    ledger.append(vec![unknown, encoded(&earned("bob"))]).await;

    let projector = ledger.projector().await.expect("it opens");
    let model = projector.read_model().await.expect("it opens");
    let mut status = projector.statuses().remove(0);
    let stop = CancellationToken::new();
    let running = tokio::spawn(projector.run(stop.clone()));
    let stopped = status.wait_for(|status| status.stopped.is_some()).await.expect("it stops");
    let (at, why) = stopped.stopped.clone().expect("stopped");
    assert_eq!((at, stopped.position), (Position(11), Position(10)), "what stands before is there");
    assert!(why.contains("0:11") && why.contains("version 9"), "{why}");
    drop(stopped);
    let noted: (i64, String) = sqlx::query_as("select stopped_at, stopped_why from checkpoint")
        .fetch_one(model.pool())
        .await
        .expect("reads go on");
    assert!(noted.0 == 11 && noted.1.contains("version 9"), "{noted:?}");
    stop.cancel();
    running.await.expect("it ends");
}

#[tokio::test]
async fn an_event_that_breaks_a_rule_of_the_tables_stops_the_projection_too() {
    let ledger = Ledger::new(1).await;
    ledger.record(&history()).await;
    ledger.project().await;
    ledger.record(&redemption("bob", "x-1", 4)).await;
    ledger.record(&redemption("bob", "x-2", 4)).await;
    let overdrawn = ledger.projector().await.expect("it opens").catch_up().await;
    assert!(matches!(overdrawn, Err(ProjectError::Unapplicable { .. })), "{overdrawn:?}");
}

#[tokio::test]
async fn a_rebuild_gives_the_same_rows_and_mends_what_was_tampered_with() {
    let ledger = Ledger::new(1).await;
    ledger.record(&history()).await;
    let expected = ledger.projected().await;
    ledger.alter("update account_balance set available = 9999");
    ledger.alter("delete from exchange");
    rebuild(&ledger.read_model_file(), &ledger.store).await.expect("rebuilt");
    assert_eq!(ledger.projected().await, expected);
    assert!(!ledger.folder.path().join("read-model.sqlite.rebuild").exists());
}

#[tokio::test]
async fn a_live_projection_goes_on_from_a_rebuild() {
    let ledger = Ledger::new(1).await;
    ledger.record(&history()[..6]).await;
    let projector = ledger.projector().await.expect("it opens");
    let model = projector.read_model().await.expect("it opens");
    let stop = CancellationToken::new();
    let running = tokio::spawn(projector.run(stop.clone()));
    model.wait_for(&[place(6)], PATIENCE).await.expect("in time");
    rebuild(&ledger.read_model_file(), &ledger.store).await.expect("rebuilt");
    ledger.record(&history()[6..]).await;
    model.wait_for(&[place(10)], PATIENCE).await.expect("in time");
    let live = dump(model.pool()).await.expect("read");
    stop.cancel();
    running.await.expect("it ends");
    let whole = Ledger::new(1).await;
    whole.record(&history()).await;
    assert_eq!(live, whole.projected().await);
}

#[tokio::test]
async fn a_read_waits_for_a_position_and_no_longer_than_it_may() {
    let ledger = Ledger::new(1).await;
    ledger.record(&history()).await;
    ledger.project().await;
    let model = ledger.read_model().await;
    model.wait_for(&[place(10)], PATIENCE).await.expect("it is there");
    let behind = model.wait_for(&[place(11)], Duration::from_millis(30)).await;
    let behind = behind.expect_err("it is not");
    assert_eq!((behind.wanted, behind.reached), (place(11), place(10)));
}

const PATIENCE: Duration = Duration::from_secs(20);

/// A log in memory, and a read model in a file.
struct Ledger {
    store: EventStore,
    folder: TempDir,
}

impl Ledger {
    async fn new(log_id: u128) -> Self {
        let new_log = NewLog { log_id: LogId(Uuid::from_u128(log_id)), partitions: 1 };
        let store = EventStore::open(&StoreUrl::Memory, Access::Write(new_log)).await;
        Self { store: store.expect("it opens"), folder: tempfile::tempdir().expect("a folder") }
    }

    async fn record(&self, events: &[Event]) {
        self.append(events.iter().map(encoded).collect()).await;
    }

    async fn append(&self, events: Vec<NewEvent>) {
        let head = self.store.take_over(P0, WriterId(Uuid::from_u128(1))).await.expect("held");
        let batch = BatchId(Uuid::from_u128(head.position.0.into()));
        let (epoch, expected) = (head.epoch, head.position);
        let append = Append { partition: P0, epoch, expected, batch, events };
        self.store.append(append).await.expect("appended");
    }

    fn read_model_file(&self) -> PathBuf {
        self.folder.path().join("read-model.sqlite")
    }

    async fn projector(&self) -> Result<Projector, ProjectError> {
        Projector::open(&self.read_model_file(), self.store.clone()).await
    }

    async fn project(&self) {
        self.projector().await.expect("it opens").catch_up().await.expect("projected");
    }

    async fn read_model(&self) -> ReadModel {
        ReadModel::open(&self.read_model_file()).await.expect("it opens")
    }

    async fn projected(&self) -> Vec<String> {
        self.project().await;
        dump(self.read_model().await.pool()).await.expect("read")
    }

    fn alter(&self, statements: &str) {
        let file: &Path = &self.read_model_file();
        let connection = rusqlite::Connection::open(file).expect("it opens");
        connection.execute_batch(statements).expect(statements);
    }
}

/// Ten events: an offer with ten mugs, of which ann gets one, and whose terms, stock and phase
/// change.
fn history() -> Vec<Event> {
    let [deducted, created] = redemption("ann", "x-1", 3);
    vec![
        log_opened(1),
        offer_opened(),
        earned("ann"),
        earned("bob"),
        Event::OfferAmended(OfferAmended { offer_id: id("mug"), version: 2, terms: terms(250) }),
        deducted,
        created,
        Event::StockAdded(stock_added("s-1")),
        Event::OfferOpened(OfferOpened { offer_id: id("cup"), terms: terms(1), stock: None }),
        Event::OfferClosed(OfferClosed { offer_id: id("mug") }),
    ]
}

fn log_opened(partitions: u16) -> Event {
    Event::LogOpened(LogOpened { log_id: "log".into(), partitions, clock: Clock::Wall })
}

fn offer_opened() -> Event {
    let stock = Units::new(10).ok();
    Event::OfferOpened(OfferOpened { offer_id: id("mug"), terms: terms(300), stock })
}

fn terms(price: u64) -> Terms {
    Terms {
        product_id: id("product"),
        price: Points::new(price).expect("an amount"),
        opens_at: None,
        closes_at: None,
        limit_per_shopper: None,
        warehouse: id("main"),
    }
}

fn stock_added(addition: &str) -> StockAdded {
    let units = Units::new(5).expect("an amount");
    StockAdded { offer_id: id("mug"), addition_id: id(addition), units }
}

fn earned(account: &str) -> Event {
    let points = Points::new(500).expect("an amount");
    let cause = Cause { kind: CauseKind::Purchase, id: id("B-1") };
    Event::CreditEarned(id(account), CreditEarned::new(points, cause))
}

fn redemption(account: &str, exchange: &str, lot: u64) -> [Event; 2] {
    let account: AccountId = id(account);
    let points = Points::new(300).expect("an amount");
    let lots = vec![LotPart::lasting(Position(lot).into(), points)];
    let deducted = CreditDeducted { exchange_id: id(exchange), points, lots };
    let created = ExchangeCreated {
        exchange_id: id(exchange),
        offer_id: id("mug"),
        product_id: id("product"),
        quantity: Units::new(1).expect("an amount"),
        points,
        warehouse: id("main"),
        hold_id: None,
        expected_points: None,
        occurred_at: None,
        deliver_to: id::<domain::DeliverTo>("1 Elm Street").into(),
    };
    [Event::CreditDeducted(account.clone(), deducted), Event::ExchangeCreated(account, created)]
}

fn encoded(event: &Event) -> NewEvent {
    let recorded_at = Timestamp::from_micros(1_000_000).expect("a time");
    encode(event, recorded_at, &Metadata::default(), Salt([0; 16])).expect("encoded")
}

fn place(position: u64) -> Place {
    Place { partition: P0, position: Position(position) }
}

fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("valid")
}
