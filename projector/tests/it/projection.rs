//! What the projector promises, on a real read model and a real log.

use std::time::Duration;

use domain::{
    Event, OfferAmended, OfferClosed, OfferOpened, OfferReopened, Page, StockAmended, StockRemoved,
    UnitClosed, UnitSet, UnitTerms,
};
use event_store::{EventStore, with_causes};
use log_record::{Partition, Position};
use projector::{ProjectError, ProjectionStop, Projector, rebuild};
use read_model::{ReadError, ReadModel, ReadModelError, ReadModelUrl, dump};
use tokio_util::sync::CancellationToken;

use testing::ledger::{
    Ledger, On, earned, encoded, id, log_opened, offer_opened, place, redemption, stock_added,
    terms, units,
};

testing::on_every_database! {
    a_history_becomes_rows,
    the_rows_do_not_depend_on_how_the_events_came_in,
    an_offers_changes_in_one_batch_are_those_of_many,
    a_closed_unit_that_is_renamed_has_its_last_version_however_the_log_is_cut,
    an_event_that_is_applied_again_asks_for_no_second_parcel,
    each_lane_is_counted_without_a_gap,
    a_read_model_of_another_log_is_refused,
    a_history_that_was_shortened_or_changed_is_a_fork,
    a_log_that_forks_under_a_running_projector_stops_it,
    an_event_that_cannot_be_applied_stops_the_projection_and_says_why,
    an_event_that_breaks_a_rule_of_the_tables_stops_the_projection_too,
    a_rebuild_gives_the_same_rows_and_mends_what_was_tampered_with,
    a_rebuild_replaces_what_is_further_in_an_older_generation,
    two_rebuilds_at_once_are_one_and_a_refusal,
    a_live_projection_goes_on_from_a_rebuild,
    a_read_waits_for_a_position_and_no_longer_than_it_may,
}

async fn a_history_becomes_rows(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&history()).await;
    let rows = ledger.projected().await;
    for row in [
        "account_balance|'ann'|200|0|0|0|0|6",
        "account_balance|'bob'|500|0|0|0|0|4",
        "credit_lot|3|'ann'|'points'|500|'purchase'|'B-1'|NULL|NULL|NULL|1000000|NULL|NULL",
        "credit_part|'ann'|9223372036854775807|3|0|'points'|200|0|0|NULL",
        "exchange|7|'ann'|'x-1'|'mug'|'product'|1|'points'|300|NULL|NULL|NULL|NULL|NULL|0|0|NULL|1000000",
        "offer_availability|'mug'|'product'|'points'|250|NULL|NULL|NULL|NULL|15|1|NULL|NULL|NULL|NULL\
         |'UTC'|'main'|1|0|NULL|NULL|NULL|NULL|NULL|NULL|3|'closed'|0|10",
    ] {
        assert!(rows.iter().any(|found| found == row), "{row} is not in {rows:#?}");
    }
    let request = rows.iter().find(|row| row.starts_with("shipping_request|7|1|2|")).expect("one");
    assert!(request.contains("1 Elm Street"), "{request}");
}

async fn an_offers_changes_in_one_batch_are_those_of_many(on: On) {
    let amended = |version, price| {
        let (terms, page) = (terms(price), Page::default());
        Event::OfferAmended(OfferAmended { offer_id: id("mug"), version, terms, page })
    };
    let stocked = |version, stock: Option<u64>| {
        let stock = stock.map(units);
        Event::StockAmended(StockAmended { offer_id: id("mug"), version, stock })
    };
    let removal_id = id("d-1");
    let events = [
        log_opened(1),
        offer_opened(),
        Event::OfferClosed(OfferClosed { offer_id: id("mug"), version: 2 }),
        Event::OfferReopened(OfferReopened {
            offer_id: id("mug"),
            reopening_id: id("o-1"),
            version: 3,
        }),
        amended(4, 250),
        Event::StockRemoved(StockRemoved { offer_id: id("mug"), removal_id, units: units(3) }),
        stocked(5, None),
        amended(6, 200),
        stocked(7, Some(20)),
        Event::StockAdded(stock_added("s-1")),
    ];
    let row = "offer_availability|'mug'|'product'|'points'|200|NULL|NULL|NULL|NULL|25|0|NULL|NULL|NULL\
               |NULL|'UTC'|'main'|1|0|NULL|NULL|NULL|NULL|NULL|NULL|7|'open'|0|9";
    for chunk in [1, 2, 3, events.len()] {
        let ledger = Ledger::new(1, on).await;
        for events in events.chunks(chunk) {
            ledger.record(events).await;
            ledger.project().await;
        }
        let rows = ledger.projected().await;
        assert!(rows.iter().any(|found| found == row), "{chunk} at a time: {rows:#?}");
    }
}

async fn a_closed_unit_that_is_renamed_has_its_last_version_however_the_log_is_cut(on: On) {
    let named = |version, name: &str| {
        let terms = UnitTerms { name: Some(id(name)), ..UnitTerms::of_points() };
        Event::UnitSet(UnitSet { unit: id("miles"), version, terms })
    };
    let closed = Event::UnitClosed(UnitClosed { unit: id("miles"), version: 3 });
    let events = [
        log_opened(1),
        named(1, "Miles"),
        named(2, "Stars"),
        closed,
        named(4, "Old stars"),
        named(5, "Former stars"),
    ];
    for chunk in [1, 2, 3, events.len()] {
        let ledger = Ledger::new(1, on).await;
        for events in events.chunks(chunk) {
            ledger.record(events).await;
            ledger.project().await;
        }
        let found: Vec<(String, Option<i64>, i64, i64)> = ledger
            .select("select name, closed_at, version, position from unit where unit = 'miles'")
            .await;
        let expected = [("Former stars".to_owned(), Some(1_000_000), 5, 6)];
        assert_eq!(found, expected, "{chunk} at a time");
    }
}

async fn the_rows_do_not_depend_on_how_the_events_came_in(on: On) {
    let whole = Ledger::new(1, on).await;
    whole.record(&history()).await;
    let expected = whole.projected().await;
    for chunk in [1, 2, 3] {
        let ledger = Ledger::new(1, on).await;
        for events in history().chunks(chunk) {
            ledger.record(events).await;
            // A projector of its own for each, which goes on from the checkpoint.
            ledger.project().await;
        }
        assert_eq!(ledger.projected().await, expected, "in pieces of {chunk}");
    }
}

async fn an_event_that_is_applied_again_asks_for_no_second_parcel(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&history()).await;
    let before = ledger.projected().await;
    ledger.alter("update checkpoint set position = 0");
    ledger.alter(
        "delete from account_balance; delete from unit; delete from credit_part; delete from offer_availability; \
         delete from programme_total; delete from credit_month",
    );
    let after = ledger.projected().await;
    let requests = |rows: &[String]| -> Vec<String> {
        rows.iter().filter(|row| row.starts_with("shipping_request|")).cloned().collect()
    };
    assert_eq!(requests(&after), requests(&before));
}

async fn each_lane_is_counted_without_a_gap(on: On) {
    let ledger = Ledger::new(1, on).await;
    let endless =
        OfferOpened { offer_id: id("mug"), terms: terms(300), page: Page::default(), stock: None };
    let mut events = vec![log_opened(1), Event::OfferOpened(endless)];
    for shopper in 0..60 {
        let account = format!("shopper-{shopper}");
        let lot = 3 * shopper + 3;
        events.push(earned(&account));
        events.extend(redemption(&account, "x-1", lot));
    }
    ledger.record(&events).await;
    ledger.project().await;
    let dense: Vec<(i64,)> = ledger
        .select(
            "select count(*) from (select lane from shipping_request group by lane \
             having count(*) = max(sequence) and min(sequence) = 1 \
             and count(distinct sequence) = count(*)) as lanes",
        )
        .await;
    let lanes = ledger.select::<(i64,)>("select count(*) from lane").await[0].0;
    assert!(lanes > 8, "sixty shoppers are spread over the lanes: {lanes}");
    assert_eq!(dense, [(lanes,)]);
}

async fn a_read_model_of_another_log_is_refused(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&history()).await;
    ledger.project().await;
    let other = Ledger::new(2, on).await;
    other.record(&history()).await;
    let error = Projector::open(&ledger.url(), other.store.clone()).await;
    assert!(
        matches!(error, Err(ProjectError::ReadModel(ReadModelError::OtherLog { .. }))),
        "{error:?}"
    );
}

async fn a_history_that_was_shortened_or_changed_is_a_fork(on: On) {
    for (kept, changed) in [(9, false), (10, true)] {
        let ledger = Ledger::new(1, on).await;
        ledger.record(&history()).await;
        ledger.project().await;
        let other = Ledger::new(1, on).await;
        let mut events = history();
        if changed {
            events[9] = Event::StockAdded(stock_added("s-9"));
        }
        other.record(&events[..kept]).await;
        let error = Projector::open(&ledger.url(), other.store.clone()).await;
        assert!(matches!(error, Err(ProjectError::Forked { .. })), "{kept}: {error:?}");
    }
}

async fn a_log_that_forks_under_a_running_projector_stops_it(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&history()).await;
    let projector = ledger.projector().await.expect("it opens");
    let mut status = projector.statuses().remove(0);
    let stop = CancellationToken::new();
    let running = tokio::spawn(projector.run(stop.clone()));
    status.wait_for(|status| status.position == Position(10)).await.expect("it gets there");
    // Another server answers, which lacks the last two events and has others in their place.
    let EventStore::Memory(memory) = &ledger.store else { unreachable!("it is made so") };
    memory.lose_tail(Partition(0), 2);
    ledger.record(&[earned("carl"), earned("dora"), earned("emma")]).await;
    let stopped = status.wait_for(|status| status.stopped.is_some()).await.expect("it stops");
    let why = with_causes(stopped.stopped.clone().expect("stopped").why.as_ref());
    assert!(why.contains("log-forked") && why.contains("0:10"), "{why}");
    assert_eq!(stopped.position, Position(10), "nothing of the other history was projected");
    drop(stopped);
    stop.cancel();
    running.await.expect("it ends");
}

async fn an_event_that_cannot_be_applied_stops_the_projection_and_says_why(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&history()).await;
    let mut unknown = encoded(&earned("ann"));
    unknown.version = 9;
    ledger.append(vec![unknown, encoded(&earned("bob"))]).await;

    let projector = ledger.projector().await.expect("it opens");
    let mut status = projector.statuses().remove(0);
    let stop = CancellationToken::new();
    let running = tokio::spawn(projector.run(stop.clone()));
    let stopped = status.wait_for(|status| status.stopped.is_some()).await.expect("it stops");
    let ProjectionStop { at, why } = stopped.stopped.clone().expect("stopped");
    let why = with_causes(why.as_ref());
    assert_eq!((at, stopped.position), (Position(11), Position(10)), "what stands before is there");
    assert!(why.contains("0:11") && why.contains("version 9"), "{why}");
    drop(stopped);
    let noted: Vec<(i64, String)> =
        ledger.select("select stopped_at, stopped_why from checkpoint").await;
    assert!(noted[0].0 == 11 && noted[0].1.contains("version 9"), "{noted:?}");
    stop.cancel();
    running.await.expect("it ends");
}

async fn an_event_that_breaks_a_rule_of_the_tables_stops_the_projection_too(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&history()).await;
    ledger.project().await;
    ledger.record(&redemption("bob", "x-1", 4)).await;
    ledger.record(&redemption("bob", "x-2", 4)).await;
    let overdrawn = ledger.projector().await.expect("it opens").catch_up().await;
    assert!(matches!(overdrawn, Err(ProjectError::Unapplicable { .. })), "{overdrawn:?}");
}

async fn a_rebuild_gives_the_same_rows_and_mends_what_was_tampered_with(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&history()).await;
    let expected = ledger.projected().await;
    ledger.alter("update account_balance set available = 9999");
    ledger.alter("delete from exchange");
    rebuild(&ledger.url(), &ledger.store).await.expect("rebuilt");
    assert_eq!(ledger.projected().await, expected);
    match ledger.url() {
        ReadModelUrl::Sqlite(file) => assert!(!file.with_extension("sqlite.rebuild").exists()),
        ReadModelUrl::Postgres(_) => {
            let schemas = "select count(*) from information_schema.schemata \
                           where schema_name like 'guerdon_read_model%'";
            assert_eq!(ledger.select::<(i64,)>(schemas).await, [(1,)]);
        }
    }
}

/// After a fork the log's generation is the next, and it may be shorter than what was projected.
async fn a_rebuild_replaces_what_is_further_in_an_older_generation(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&history()).await;
    let expected = ledger.projected().await;
    ledger.alter("update checkpoint set generation = 0, position = 99");
    rebuild(&ledger.url(), &ledger.store).await.expect("rebuilt");
    assert_eq!(ledger.projected().await, expected);
    ledger.alter("update checkpoint set position = 99");
    let forked = rebuild(&ledger.url(), &ledger.store).await;
    assert!(matches!(forked, Err(ProjectError::Forked { .. })), "of no later one: {forked:?}");
}

async fn two_rebuilds_at_once_are_one_and_a_refusal(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&history()).await;
    let expected = ledger.projected().await;
    let (url, store) = (ledger.url(), &ledger.store);
    let both = tokio::join!(rebuild(&url, store), rebuild(&url, store));
    match both {
        (Ok(()), Err(refused)) | (Err(refused), Ok(())) => {
            assert!(refused.to_string().contains("another process rebuilds"), "{refused}");
        }
        both => panic!("{both:?}"),
    }
    assert_eq!(ledger.projected().await, expected);
    rebuild(&url, store).await.expect("rebuilt");
}

async fn a_live_projection_goes_on_from_a_rebuild(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&history()[..6]).await;
    let projector = ledger.projector().await.expect("it opens");
    let model = projector.read_model(None).await.expect("it opens");
    let stop = CancellationToken::new();
    let running = tokio::spawn(projector.run(stop.clone()));
    model.read(&[place(6)], PATIENCE).await.expect("in time");
    rebuild(&ledger.url(), &ledger.store).await.expect("rebuilt");
    ledger.record(&history()[6..]).await;
    model.read(&[place(10)], PATIENCE).await.expect("in time");
    let live = dump(&model).await.expect("read");
    stop.cancel();
    running.await.expect("it ends");
    let whole = Ledger::new(1, on).await;
    whole.record(&history()).await;
    assert_eq!(live, whole.projected().await);
}

async fn a_read_waits_for_a_position_and_no_longer_than_it_may(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&history()).await;
    ledger.project().await;
    let model = ledger.read_model().await;
    model.read(&[place(10)], PATIENCE).await.expect("it is there");
    let behind = model.read(&[place(11)], Duration::from_millis(30)).await;
    let Err(ReadError::Behind { wanted, reached }) = behind else { panic!("{behind:?}") };
    assert_eq!((wanted, reached), (place(11), place(10)));
}

#[tokio::test]
async fn a_schema_of_another_build_is_refused_by_name_on_postgres() {
    let ledger = Ledger::new(1, On::Postgres).await;
    let error = async || ledger.projector().await.expect_err("refused");
    ledger.alter("update migration set version = 9");
    let newer = with_causes(&error().await);
    assert!(newer.contains("guerdon_read_model") && newer.contains("newer build"), "{newer}");
    ledger.alter("drop schema guerdon_read_model cascade");
    let older = with_causes(&error().await);
    assert!(older.contains("guerdon migrate"), "{older}");
    let read_only = ReadModel::open(&ledger.url(), None).await.expect_err("refused");
    assert!(with_causes(&read_only).contains("guerdon migrate"), "{read_only:?}");
}

/// A server that ends its connections is a failover to the projector.
#[tokio::test]
async fn a_projector_that_lost_its_connection_makes_another() {
    let ledger = Ledger::new(1, On::Postgres).await;
    ledger.record(&history()[..6]).await;
    let projector = ledger.projector().await.expect("it opens");
    let model = projector.read_model(None).await.expect("it opens");
    let stop = CancellationToken::new();
    let running = tokio::spawn(projector.run(stop.clone()));
    model.read(&[place(6)], PATIENCE).await.expect("in time");
    ledger.alter(
        "select pg_terminate_backend(pid) from pg_stat_activity \
         where datname = current_database() and pid <> pg_backend_pid()",
    );
    ledger.record(&history()[6..]).await;
    model.read(&[place(10)], PATIENCE).await.expect("in time");
    stop.cancel();
    running.await.expect("it ends");
}

const PATIENCE: Duration = Duration::from_secs(20);

/// Ten events: an offer with ten mugs, of which ann gets one, and whose terms, stock and phase
/// change.
fn history() -> Vec<Event> {
    let [deducted, created] = redemption("ann", "x-1", 3);
    vec![
        log_opened(1),
        offer_opened(),
        earned("ann"),
        earned("bob"),
        Event::OfferAmended(OfferAmended {
            offer_id: id("mug"),
            version: 2,
            terms: terms(250),
            page: Page::default(),
        }),
        deducted,
        created,
        Event::StockAdded(stock_added("s-1")),
        Event::OfferOpened(OfferOpened {
            offer_id: id("cup"),
            terms: terms(1),
            page: Page::default(),
            stock: None,
        }),
        Event::OfferClosed(OfferClosed { offer_id: id("mug"), version: 3 }),
    ]
}
