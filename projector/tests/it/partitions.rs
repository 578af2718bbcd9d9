//! Several partitions become one set of tables.

use std::time::Duration;

use domain::command::{MergeAccount, MergerStep};
use domain::{AccountId, Command, Event, UnitId};
use log_record::{Partition, Position};
use projector::{Share, rebuild, reconcile};
use read_model::{AsOf, joined_sum};
use tokio_util::sync::CancellationToken;

use testing::ledger::{On, id};
use testing::partitions::{Partitions, SHOPPERS, cancel, elsewhere, life, redeem, transfer};

testing::on_every_database! {
    the_tables_of_several_partitions_are_those_of_a_rebuild_and_agree_with_each_other,
    what_partitions_have_sold_and_what_is_in_transit_are_sums_over_all_of_them,
    the_tables_never_have_a_receipt_before_what_was_sent,
    a_merger_leaves_tables_that_agree_and_that_a_rebuild_gives_again,
}

const PATIENCE: Duration = Duration::from_secs(20);

async fn the_tables_of_several_partitions_are_those_of_a_rebuild_and_agree_with_each_other(on: On) {
    let log = life(on).await;
    let rows = log.ledger.projected().await;
    rebuild(&log.ledger.url(), &log.ledger.store).await.expect("rebuilt");
    assert_eq!(log.ledger.projected().await, rows);
    let found = reconcile(&log.ledger.url(), &log.ledger.store, Share::ALL, |_| {}).await;
    let found = found.expect("reconciled");
    assert_eq!((found.differences(), found.disagreements, found.sums), (0, vec![], vec![]));
    for row in ["unit|'miles'|", "ladder|0|'status'|1|", "ladder|3|'status'|1|"] {
        let with_it = rows.iter().filter(|found| found.starts_with(row)).count();
        assert_eq!(with_it, 1, "{row} is once in {rows:#?}");
    }
    let tiers = rows.iter().filter(|row| row.starts_with("account_tier|")).count();
    assert_eq!(tiers, SHOPPERS.len(), "each partition judges by the ladder that it was told of");
}

async fn what_partitions_have_sold_and_what_is_in_transit_are_sums_over_all_of_them(on: On) {
    let log = life(on).await;
    log.ledger.project().await;
    let home: Vec<(i64, i64)> = log
        .ledger
        .select("select stock, sold from offer_availability where offer_id = 'mug'")
        .await;
    let others: Vec<(i64, i64)> = log
        .ledger
        .select("select \"partition\", sold from offer_sold where offer_id = 'mug'")
        .await;
    assert_eq!(others.len(), 3, "of all partitions but the home: {others:?}");
    let sold = home[0].1 + others.iter().map(|(_, sold)| sold).sum::<i64>();
    assert_eq!((home[0].0, sold), (40, 20));
    let of_states: u64 = log
        .states()
        .iter()
        .map(|state| state.offer(&id("mug")).expect("known").inventory.sold().get())
        .sum();
    assert_eq!(sold.unsigned_abs(), of_states);
    for (unit, under_way) in [("points", 4), ("miles", 0)] {
        assert_eq!(in_transit(&log, unit).await, under_way, "{unit}");
    }
    let available: Vec<(i64, i64)> = log
        .ledger
        .select(
            "select high, low from programme_total where name = 'available' and unit = 'points'",
        )
        .await;
    let available: i128 = available.iter().map(|(high, low)| joined_sum(*high, *low)).sum();
    let of_accounts: u64 = log
        .states()
        .iter()
        .map(|state| {
            let points = state.unit_number(UnitId::POINTS).expect("always there");
            let accounts =
                state.accounts().map(|(_, account)| account.wallet(points).available().get());
            accounts.sum::<u64>()
        })
        .sum();
    assert_eq!(available, of_accounts.into());
}

async fn a_merger_leaves_tables_that_agree_and_that_a_rebuild_gives_again(on: On) {
    let mut log = life(on).await;
    log.deliver().await;
    let old = SHOPPERS[0];
    let new = elsewhere(&log, old);
    let merge = |step| {
        let (account_id, into) = (id(old), id(new));
        Command::MergeAccount(MergeAccount { account_id, into, step })
    };
    log.does(merge(MergerStep::Asked)).await;
    let state = &log.states()[usize::from(log.home(old).0)];
    let at = state.merger(&id::<AccountId>(old)).expect("it is begun").at;
    log.does(merge(MergerStep::Agreed(at))).await;
    log.deliver().await;
    let rows = log.ledger.projected().await;
    rebuild(&log.ledger.url(), &log.ledger.store).await.expect("rebuilt");
    assert_eq!(log.ledger.projected().await, rows);
    let found = reconcile(&log.ledger.url(), &log.ledger.store, Share::ALL, |_| {}).await;
    let found = found.expect("reconciled");
    assert_eq!((found.differences(), found.disagreements, found.sums), (0, vec![], vec![]));
    let mergers = rows.iter().filter(|row| row.starts_with("merger|")).count();
    assert_eq!(mergers, 1, "{rows:#?}");
}

async fn in_transit(log: &Partitions, unit: &str) -> i128 {
    let rows: Vec<(String, String, i64, i64)> =
        log.ledger.select("select unit, name, high, low from programme_total").await;
    let of = |total: &str| -> i128 {
        let rows = rows.iter().filter(|(of, name, ..)| of == unit && name == total);
        rows.map(|(.., high, low)| joined_sum(*high, *low)).sum()
    };
    of("sent") - of("received")
}

/// While projectors run, and once they have come to the end.
async fn the_tables_never_have_a_receipt_before_what_was_sent(on: On) {
    let mut log = life(on).await;
    let sent_before = receipts(&log).await;
    let projector = log.ledger.projector().await.expect("it opens");
    let model = projector.read_model(None).await.expect("it opens");
    let (statuses, stop) = (projector.statuses(), CancellationToken::new());
    let running = tokio::spawn(projector.run(stop.clone()));
    for (number, shopper) in SHOPPERS.into_iter().enumerate() {
        let to = elsewhere(&log, shopper);
        log.does(transfer(shopper, to, UnitId::POINTS, 1, &format!("t-{}", 10 + number))).await;
        log.does(redeem(shopper, "x-9", "mug", 1)).await;
        log.does(cancel(shopper, "x-9", "c-9", 1)).await;
        log.deliver().await;
        let mut reading = model.read(&[], PATIENCE).await.expect("read");
        is_closed(reading.as_of(), &sent_before);
        let transit: Vec<(i64,)> = reading.all(TRANSIT, &[]).await.expect("read");
        assert!(transit.iter().all(|(points,)| *points >= 0), "{transit:?}");
    }
    for (mut status, state) in statuses.into_iter().zip(log.states()) {
        let reached = status.wait_for(|status| status.position == state.position());
        drop(tokio::time::timeout(PATIENCE, reached).await.expect("in time").expect("it runs"));
    }
    stop.cancel();
    running.await.expect("it ends");
    let grown = log.ledger.projected().await;
    rebuild(&log.ledger.url(), &log.ledger.store).await.expect("rebuilt");
    assert_eq!(log.ledger.projected().await, grown);
}

const TRANSIT: read_model::Query = read_model::Query::same(
    "select cast(sum(case name when 'sent' then low else -low end) as bigint)
     from programme_total where name in ('sent', 'received') group by unit",
);

/// Each receipt, and what it receives, by partition and position.
type Receipts = Vec<((Partition, Position), (Partition, Position))>;

async fn receipts(log: &Partitions) -> Receipts {
    let mut receipts = vec![];
    for state in log.states() {
        let here = state.partition();
        let rows = log.ledger.store.read(here, Position::START, 10_000).await.expect("read");
        for row in rows {
            let (_, event) = event_schema::decode(&row).expect("decoded");
            if let Event::MessageReceived(fact) = event {
                let sent = (fact.source.partition, fact.source.position);
                receipts.push(((here, row.position()), sent));
            }
        }
    }
    receipts
}

fn is_closed(as_of: &AsOf, receipts: &Receipts) {
    for ((here, at), (from, sent)) in receipts {
        let is_there = as_of.position(*here) >= *at;
        assert!(!is_there || as_of.position(*from) >= *sent, "{here}:{at} and not {from}:{sent}");
    }
}
