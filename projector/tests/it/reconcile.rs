//! What a reconciliation promises: each row that isn't what the log gives is named, and no other.

use std::time::Duration;

use domain::{
    Allocation, Clock, CodeAdded, CodeHash, CodesUploaded, CreditDeducted, Event, OfferId,
    OfferOpened, Page, Policy, Terms, UnitId,
};
use log_record::Position;
use projector::{ProjectError, Reconciled, RowDifference, Share, reconcile};
use read_model::{ColumnKind, ReadModelUrl, Side, TABLES, Table, column_list};
use testing::ledger::{
    Home, Ledger, On, earned, id, log_opened, offer_opened, place, points, redemption, terms, units,
};
use testing::life::{EVENTS, cancelled, history, part, refunded};
use tokio_util::sync::CancellationToken;

testing::on_every_database! {
    a_read_model_that_follows_its_log_differs_in_nothing,
    a_row_that_was_changed_taken_away_or_put_in_is_named,
    what_people_said_is_not_shown,
    nothing_differs_while_the_log_grows_under_a_running_projector,
    an_event_whose_lots_do_not_add_up_is_named_though_both_sides_have_it,
    a_code_whose_exchange_was_cancelled_stays_sold_and_nothing_differs,
    two_reconciliations_at_once_are_one_and_a_refusal,
    tables_of_another_log_or_without_a_beginning_are_refused,
}

async fn reconciled(ledger: &Ledger) -> Reconciled {
    reconcile(&ledger.url(), &ledger.store, Share::ALL, |_| {}).await.expect("reconciled")
}

/// Each difference in one line.
fn named(reconciled: &Reconciled) -> Vec<String> {
    let line = |difference: &RowDifference| {
        let RowDifference { kind, table, row, column, log, there } = difference;
        let [log, there] = [log, there].map(|text| text.as_deref().unwrap_or("-"));
        let column = column.unwrap_or("-");
        format!("{} {table} {row} {column}: {log}; {there}", kind.as_str())
    };
    reconciled.rows.iter().map(line).collect()
}

async fn life(on: On) -> Ledger {
    let ledger = Ledger::new(1, on).await;
    ledger.record_at(&history(Clock::Wall)).await;
    ledger.project().await;
    ledger
}

async fn a_read_model_that_follows_its_log_differs_in_nothing(on: On) {
    let ledger = life(on).await;
    let before = ledger.projected().await;
    let found = reconciled(&ledger).await;
    assert_eq!(named(&found), Vec::<String>::new());
    assert_eq!((&found.disagreements, &found.sums), (&vec![], &vec![]));
    assert_eq!(found.differences(), 0);
    let at: Vec<u64> = found.at.iter().map(|place| place.position.0).collect();
    assert_eq!(at, [EVENTS as u64]);
    assert_eq!(found.tables.len(), TABLES.len());
    let rows: u64 = found.tables.iter().map(|table| table.rows).sum();
    assert_eq!(rows, before.len() as u64);
    for table in &found.tables {
        assert_eq!(table.digest, table.digest_of_log, "{}", table.table);
    }
    assert_eq!(ledger.projected().await, before, "the live tables are as they were");
    if let ReadModelUrl::Sqlite(file) = ledger.url() {
        assert!(!Side::Shadow.file(&file).exists(), "nothing is left");
    }
    // Projected an event at a time, the digests are the same: they are of the rows alone.
    let other = Ledger::new(1, on).await;
    for event in history(Clock::Wall) {
        other.record_at(&[event]).await;
        other.project().await;
    }
    assert_eq!(reconciled(&other).await.tables, found.tables);
}

async fn a_row_that_was_changed_taken_away_or_put_in_is_named(on: On) {
    let ledger = life(on).await;
    ledger.alter(
        "update account_balance set available = available + 5 where account_id = 'ann'; \
         delete from exchange where exchange_id = 'x-2'; \
         insert into ledger_entry (place, account_id, kind, unit, points, available, held, pending, \
         recorded_at) select 1000, account_id, kind, unit, points, available, held, pending, \
         recorded_at from ledger_entry where place = 7",
    );
    let mut expected = vec![
        "row-changed account_balance account_id=ann available: 750; 755".to_owned(),
        "row-unexpected ledger_entry place=0:1000 -: -; ".to_owned(),
        "row-missing exchange place=0:22 -: ".to_owned(),
    ];
    if on == On::Postgres {
        // A damaged index lets it in.
        ledger.alter(
            "alter table lane drop constraint lane_pkey; insert into lane select * from lane",
        );
        expected.push("row-doubled lane lane=".to_owned());
    }
    let found = reconciled(&ledger).await;
    let lines = named(&found);
    for expected in &expected {
        let count = lines.iter().filter(|line| line.starts_with(expected)).count();
        assert!(count >= 1, "{expected} in {lines:#?}");
    }
    let lanes = found.tables.iter().find(|table| table.table == "lane").expect("it is compared");
    let times = if on == On::Postgres { 2 } else { 1 };
    assert_eq!(lanes.rows, times * lanes.rows_of_log);
    assert_eq!(found.differences(), 3 + lanes.differences);
    for table in &found.tables {
        assert_eq!(table.digest == table.digest_of_log, table.differences == 0, "{table:?}");
    }
    let exchange = lines.iter().find(|line| line.contains("exchange_id=x-2")).expect("named");
    assert!(exchange.contains("account_id=ann"), "a missing row is shown whole: {exchange}");
    assert_eq!((&found.disagreements, &found.sums), (&vec![], &vec![]), "the log's rows agree");
}

async fn what_people_said_is_not_shown(on: On) {
    let ledger = life(on).await;
    ledger.alter("update shipping_request set deliver_to = 'another street' where type = 2");
    let found = reconciled(&ledger).await;
    let lines = named(&found);
    assert!(!lines.is_empty());
    for line in lines {
        assert!(line.contains(" deliver_to: a private text of "), "{line}");
        assert!(line.ends_with("; a private text of 14 bytes"), "{line}");
    }
}

/// Every column of every table, each changed in some row.
#[tokio::test]
async fn every_column_that_was_changed_is_named_by_itself() {
    let ledger = Ledger::new(1, On::Sqlite).await;
    ledger.record_at(&history(Clock::Wall)).await;
    let mut projector = ledger.projector().await.expect("it opens");
    projector.catch_up().await.expect("projected");
    projector.close().await;
    let (mut filled, mut rounds) = (vec![], 0);
    for table in &TABLES {
        rounds = rounds.max(table.columns.len());
        // A checkpoint that was changed is another log's, or a fork.
        if table.name != "checkpoint" && !columns(&ledger, any_row(table)).await.is_empty() {
            filled.push(table);
        }
    }
    let mut planted = 0;
    for round in 0..rounds {
        let copy = Ledger {
            store: ledger.store.clone(),
            home: Home::Folder(tempfile::tempdir().expect("a folder")),
        };
        let (ReadModelUrl::Sqlite(from), ReadModelUrl::Sqlite(to)) = (ledger.url(), copy.url())
        else {
            unreachable!("both are files")
        };
        let live = rusqlite::Connection::open(from).expect("it opens");
        live.execute("vacuum into ?1", [to.to_string_lossy()]).expect("copied");
        copy.alter("pragma journal_mode = wal");
        let mut expected = vec![];
        for table in &filled {
            let key = table.key();
            let Some(column) = table.columns.get(key.len() + round) else { continue };
            let name = format!("\"{}\"", column.name);
            let other = match column.kind {
                ColumnKind::Int => format!("coalesce({name}, 0) + 1"),
                ColumnKind::Bool => format!("1 - {name}"),
                ColumnKind::Text => format!("coalesce({name}, '') || 'x'"),
                ColumnKind::Bytes => format!("zeroblob(length({name}) + 1)"),
            };
            let (key, table) = (column_list(key), table.name);
            copy.alter(&format!(
                "pragma ignore_check_constraints = on; \
                 update {table} set {name} = {other} \
                 where ({key}) = (select {key} from {table} order by {key} limit 1)"
            ));
            expected.push((table, column.name));
        }
        let found = reconciled(&copy).await;
        let named: Vec<(&str, &str)> =
            found.rows.iter().map(|row| (row.table, row.column.unwrap_or("-"))).collect();
        assert_eq!(named, expected, "round {round}");
        assert_eq!(found.differences(), expected.len() as u64);
        planted += expected.len();
    }
    assert!(planted > 100, "the columns had their turns: {planted}");
}

/// The first column of a table's first row, as a text.
fn any_row(table: &Table) -> String {
    format!("select cast(\"{}\" as text) from {} limit 1", table.columns[0].name, table.name)
}

async fn columns(ledger: &Ledger, statement: String) -> Vec<String> {
    let found: Vec<(String,)> = ledger.select(statement.leak()).await;
    found.into_iter().map(|(text,)| text).collect()
}

async fn nothing_differs_while_the_log_grows_under_a_running_projector(on: On) {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&[log_opened(1), offer_opened()]).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(ledger.projector().await.expect("it opens").run(stop.clone()));
    let (mut lot, mut reconciliations, mut last) = (3, vec![], Position::START);
    // A shopper after the other, each with an account, while it is reconciled five times.
    let (done, mut is_done) = tokio::sync::watch::channel(false);
    let grow = async {
        let mut shopper = 0;
        while !*is_done.borrow_and_update() {
            let account = format!("shopper-{shopper}");
            ledger.record(&[earned(&account)]).await;
            if shopper < 10 {
                ledger.record(&redemption(&account, "x-1", lot)).await;
                lot += 2;
            }
            (lot, shopper) = (lot + 1, shopper + 1);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let compare = async {
        for _ in 0..5 {
            let found = reconciled(&ledger).await;
            let at = found.at.first().expect("one partition").position;
            assert!(at >= last, "it moves on");
            last = at;
            reconciliations.push(found);
        }
        done.send_replace(true);
    };
    tokio::join!(grow, compare);
    stop.cancel();
    running.await.expect("it ends");
    for found in &reconciliations {
        assert_eq!(named(found), Vec::<String>::new());
        assert_eq!((&found.disagreements, &found.sums), (&vec![], &vec![]));
    }
    assert!(last > reconciliations[0].at[0].position, "it grew meanwhile");
}

async fn an_event_whose_lots_do_not_add_up_is_named_though_both_sides_have_it(on: On) {
    let ledger = Ledger::new(1, on).await;
    let deducted = CreditDeducted {
        unit: UnitId::POINTS,
        exchange_id: id("x-1"),
        points: points(300),
        lots: vec![part(2, 200, None)],
        grace: Policy::default().grace(),
    };
    let events = [log_opened(1), earned("ann"), Event::CreditDeducted(id("ann"), deducted)];
    ledger.record(&events).await;
    ledger.project().await;
    let found = reconciled(&ledger).await;
    assert_eq!(named(&found), Vec::<String>::new(), "the rows are what the log gives");
    let named: Vec<(&str, i128, i128)> =
        found.disagreements.iter().map(|it| (it.of.as_str(), it.first, it.second)).collect();
    // The 500 that came in are 300 that were redeemed and 300 that are there.
    assert_eq!(named, [("points", 500, 600)], "{:?}", found.disagreements);
}

async fn a_code_whose_exchange_was_cancelled_stays_sold_and_nothing_differs(on: On) {
    let (offer_id, hash): (OfferId, _) = (id("mug"), CodeHash([1; 16]));
    let opened = OfferOpened {
        offer_id: offer_id.clone(),
        terms: Terms { ships: false, codes: true, ..terms(300) },
        page: Page::default(),
        stock: None,
    };
    let uploaded =
        CodesUploaded { offer_id: offer_id.clone(), upload_id: id("u-1"), codes: units(1), hash };
    let [deducted, mut created] = redemption("ann", "x-1", 5);
    if let Event::ExchangeCreated(_, fact) = &mut created {
        (fact.allocation, fact.warehouse) = (Allocation::Code(place(3)), None);
    }
    let mut cancelled = cancelled("ann", "x-1", "c-1", 1, 300, (1, 300));
    if let Event::ExchangeCancelled(_, fact) = &mut cancelled {
        fact.allocation = Allocation::Code(place(3));
    }
    let events = [
        log_opened(1),
        Event::OfferOpened(opened),
        Event::CodeAdded(CodeAdded { offer_id, hash, code: None }),
        Event::CodesUploaded(uploaded),
        earned("ann"),
        deducted,
        created,
        refunded("ann", "x-1", "c-1", vec![part(5, 300, None)]),
        cancelled,
    ];
    let ledger = Ledger::new(1, on).await;
    ledger.record(&events).await;
    ledger.project().await;
    let sold: Vec<(i64, i64)> = ledger.select("select stock, sold from offer_availability").await;
    assert_eq!(sold, [(1, 1)]);
    let found = reconciled(&ledger).await;
    assert_eq!(named(&found), Vec::<String>::new());
    assert_eq!((&found.disagreements, &found.sums), (&vec![], &vec![]));
}

async fn two_reconciliations_at_once_are_one_and_a_refusal(on: On) {
    let ledger = life(on).await;
    let (url, store) = (ledger.url(), &ledger.store);
    let both = tokio::join!(
        reconcile(&url, store, Share::ALL, |_| {}),
        reconcile(&url, store, Share::ALL, |_| {}),
    );
    let refused = match both {
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => error,
        both => panic!("{both:?}"),
    };
    assert!(matches!(refused, ProjectError::BeingReconciled { .. }), "{refused}");
    assert_eq!(reconciled(&ledger).await.differences(), 0);
    // A rebuild and a reconciliation don't disturb each other.
    projector::rebuild(&url, store).await.expect("rebuilt");
    assert_eq!(reconciled(&ledger).await.differences(), 0);
}

async fn tables_of_another_log_or_without_a_beginning_are_refused(on: On) {
    let ledger = life(on).await;
    let other = Ledger::new(2, on).await;
    let refused = reconcile(&ledger.url(), &other.store, Share::ALL, |_| {}).await;
    let refused = refused.expect_err("tables of another log").to_string();
    assert!(refused.contains("was made of log"), "{refused}");
    let refused = reconcile(&other.url(), &other.store, Share::ALL, |_| {}).await;
    assert!(matches!(refused, Err(ProjectError::NotBegun { .. })), "{refused:?}");
    // A log that lost its end since.
    let shortened = Ledger::new(1, on).await;
    let events = history(Clock::Wall);
    shortened.record_at(&events[..EVENTS - 5]).await;
    let refused = reconcile(&ledger.url(), &shortened.store, Share::ALL, |_| {}).await;
    assert!(matches!(refused, Err(ProjectError::Forked { .. })), "{refused:?}");
}

/// The first columns of each table are its primary key, and on PostgreSQL their texts are in the
/// order of their bytes, by which the two sides are compared.
#[tokio::test]
async fn a_tables_key_is_its_first_columns_by_their_bytes_on_postgres_too() {
    let sqlite = Ledger::new(1, On::Sqlite).await;
    let postgres = Ledger::new(1, On::Postgres).await;
    // Tables without a beginning aren't read.
    sqlite.project().await;
    postgres.project().await;
    for table in &TABLES {
        let key: Vec<&str> = table.key().iter().map(|column| column.name).collect();
        let statement = format!(
            "select name from pragma_table_info('{}') where pk > 0 order by pk",
            table.name
        );
        assert_eq!(columns(&sqlite, statement).await, key, "{}", table.name);
        let statement = format!(
            "select cast(attname as text) from pg_index \
             join pg_attribute on attrelid = indrelid and attnum = any(indkey) \
             where indrelid = '{}'::regclass and indisprimary \
             order by array_position(cast(indkey as smallint[]), attnum)",
            table.name
        );
        assert_eq!(columns(&postgres, statement).await, key, "{}", table.name);
    }
    let by_language: Vec<(String, String)> = postgres
        .select(
            "select cast(attrelid::regclass as text), cast(attname as text) from pg_attribute \
             join pg_index on indrelid = attrelid and indisprimary and attnum = any(indkey) \
             join pg_class on pg_class.oid = attrelid \
             where relnamespace = 'guerdon_read_model'::regnamespace \
             and attcollation <> 0 and attcollation <> 'pg_catalog.\"C\"'::regcollation",
        )
        .await;
    assert_eq!(by_language, []);
}
