//! Reads of a log of several partitions, beside plain sums over the partitions' states.

use std::collections::BTreeSet;

use domain::{Refusal, UnitId};
use serde_json::{Value, json};

use crate::asks::Reads;
use testing::ledger::{On, id};
use testing::partitions::{
    Partitions, SHOPPERS, STRANGER, cancel, earn, elsewhere, life, offer, redeem, transfer,
};

testing::on_every_database! {
    totals_add_up_over_partitions_with_a_line_for_what_is_in_transit,
    an_offer_has_left_what_no_partition_has_sold,
    a_transfer_says_how_far_it_is,
    a_read_waits_for_every_partition_that_it_names,
    lists_over_all_accounts_have_each_request_once_while_more_come,
    lists_have_each_request_once_of_those_that_were_recorded_at_once,
    balances_are_kept_and_read_anew_whatever_their_partition,
    the_past_is_read_in_the_partitions_that_have_it,
}

/// The life of several partitions, and what is read of it.
async fn read_life(on: On) -> (Partitions, Reads) {
    let log = life(on).await;
    let reads = Reads::over(&log.ledger).await;
    (log, reads)
}

async fn totals_add_up_over_partitions_with_a_line_for_what_is_in_transit(on: On) {
    let (mut log, reads) = read_life(on).await;
    let totals = reads.get("/v1/totals").await;
    let text = |number: u64| json!(number.to_string());
    let available: u64 = log
        .states()
        .iter()
        .map(|state| {
            let unit = state.unit_number(UnitId::POINTS).expect("points");
            state.accounts().map(|(_, account)| account.wallet(unit).available().get()).sum::<u64>()
        })
        .sum();
    assert_eq!(totals["issued"], text(12 * 60));
    assert_eq!(totals["available"], text(available));
    assert_eq!((&totals["in_transit"], &totals["difference"]), (&text(4), &text(0)), "{totals}");
    assert_eq!(totals["accounts"], text(12));
    assert_eq!(totals["tiers"]["status"]["silver"], text(12));
    let ends: Vec<String> = log.states().iter().map(|state| state.place().to_string()).collect();
    assert_eq!(totals["position"], json!(ends.join(",")));
    log.deliver().await;
    reads.project().await;
    let totals = reads.get("/v1/totals").await;
    assert_eq!((&totals["in_transit"], &totals["difference"]), (&text(0), &text(0)), "{totals}");
}

async fn an_offer_has_left_what_no_partition_has_sold(on: On) {
    let (mut log, reads) = read_life(on).await;
    let mug = reads.get("/v1/offers/mug").await;
    assert_eq!((&mug["stock"], &mug["remaining"]), (&json!(40), &json!(20)), "{mug}");
    let listed = reads.list("/v1/offers").await;
    assert_eq!(listed.iter().find(|offer| offer["offer_id"] == "mug"), Some(&mug));
    // The last units, also those of other partitions' shelves.
    let mut left = 20;
    for number in 0.. {
        let shopper = SHOPPERS[number % SHOPPERS.len()];
        let exchange = format!("x-{}", 10 + number);
        match log.tries(&redeem(shopper, &exchange, "mug", 1)).await {
            Ok(()) => left -= 1,
            Err(refusal) => {
                assert!(matches!(refusal, Refusal::SoldOut { .. }) && left == 0, "{refusal:?}");
                break;
            }
        }
        log.deliver().await;
    }
    reads.project().await;
    let mug = reads.get("/v1/offers/mug").await;
    assert_eq!((&mug["remaining"], &mug["status"]), (&json!(0), &json!("sold-out")), "{mug}");
    let sold_out = reads.list("/v1/offers?status=sold-out").await;
    assert_eq!(sold_out, [mug]);
    let open = reads.list("/v1/offers?status=open").await;
    assert_eq!(open.len(), 1, "{open:?}");
    log.does(cancel(SHOPPERS[5], "x-1", "c-9", 2)).await;
    reads.project().await;
    assert_eq!(reads.get("/v1/offers/mug").await["remaining"], 2, "wherever they are by now");
}

async fn a_transfer_says_how_far_it_is(on: On) {
    let (mut log, reads) = read_life(on).await;
    let transfer = |shopper: &str, id: &str| format!("/v1/accounts/{shopper}/transfers/{id}");
    for shopper in &SHOPPERS[..11] {
        let sent = reads.get(&transfer(shopper, "t-1")).await;
        assert_eq!(sent["status"], "received", "{shopper} and its partition: {sent}");
    }
    let returned = reads.get(&transfer(SHOPPERS[0], "t-3")).await;
    assert_eq!((&returned["status"], &returned["to"]), (&json!("returned"), &json!(STRANGER)));
    assert_eq!(returned["reason"], "recipient-unknown", "{returned}");
    let under_way = transfer(SHOPPERS[11], "t-4");
    assert_eq!(reads.get(&under_way).await["status"], "in-transit");
    log.deliver().await;
    reads.project().await;
    assert_eq!(reads.get(&under_way).await["status"], "received");
    let path = format!("/v1/accounts/{}/entries?kind=credit-returned", SHOPPERS[0]);
    let entries = reads.list(&path).await;
    assert_eq!((entries.len(), &entries[0]["points"]), (1, &json!(3)), "{entries:?}");
}

async fn a_read_waits_for_every_partition_that_it_names(on: On) {
    let (mut log, reads) = read_life(on).await;
    log.deliver().await;
    let path = format!("/v1/accounts/{}", SHOPPERS[0]);
    let ends: Vec<_> = log.states().iter().map(domain::State::place).collect();
    let behind: Vec<String> = ends.iter().map(ToString::to_string).collect();
    let ask = async |positions: &str| {
        let header = Some(("guerdon-position", positions));
        let (status, _, problem) = reads.ask_with("operator", &path, header).await;
        (status, problem)
    };
    let (status, problem) = ask(&behind.join(",")).await;
    assert_eq!((status, &problem["code"]), (503, &json!("projection-behind")), "{problem}");
    reads.project().await;
    assert_eq!(ask(&behind.join(",")).await.0, 200);
    for end in &ends {
        let beyond = end.plus(1).to_string();
        let (status, problem) = ask(&format!("{},{beyond}", behind.join(","))).await;
        assert_eq!((status, &problem["code"]), (503, &json!("projection-behind")), "{beyond}");
    }
    for nonsense in ["4:1", "0:1,4:1", "0:1,", "0:1;1:1", "1", "0:1,x:2", "0:1,1:-2"] {
        let (status, problem) = ask(nonsense).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid-header")), "{nonsense}");
        assert_eq!(problem["header"], "Guerdon-Position");
    }
}

async fn lists_over_all_accounts_have_each_request_once_while_more_come(on: On) {
    let (mut log, reads) = read_life(on).await;
    let all = ids(&reads.whole("/v1/shipping-requests?limit=500").await);
    assert_eq!(all.len(), 24);
    for path in ["/v1/shipping-requests?limit=5", "/v1/shipping-requests?warehouse=main&limit=7"] {
        let paged = reads.whole(path).await;
        assert_eq!((paged.len(), ids(&paged)), (24, all.clone()), "{path}");
        let times: Vec<&str> =
            paged.iter().map(|item| item["requested_at"].as_str().expect("a time")).collect();
        assert!(times.is_sorted(), "the earliest first: {times:?}");
    }
    let filtered = reads.whole("/v1/shipping-requests?status=requested&limit=3").await;
    assert_eq!(filtered.len(), 24);
    let of_id = reads.whole("/v1/shipping-requests?exchange_id=x-2&limit=5").await;
    assert_eq!(of_id.len(), 12);
    let path = format!("/v1/shipping-requests?account_id={}&limit=1", SHOPPERS[2]);
    assert_eq!(reads.whole(&path).await.len(), 2);
    // What is recorded while somebody reads on comes on a later page, in whatever partition.
    let mut page = reads.get("/v1/shipping-requests?limit=10").await;
    let mut found: Vec<Value> = page["items"].as_array().expect("a list").clone();
    for shopper in SHOPPERS {
        log.does(redeem(shopper, "x-8", "cup", 1)).await;
    }
    log.deliver().await;
    reads.project().await;
    while let Some(next) = page["next"].as_str() {
        page = reads.get(&format!("/v1/shipping-requests?limit=10&cursor={next}")).await;
        found.extend(page["items"].as_array().expect("a list").iter().cloned());
    }
    assert_eq!((found.len(), ids(&found).len()), (36, 36));
}

async fn lists_have_each_request_once_of_those_that_were_recorded_at_once(on: On) {
    let mut log = Partitions::open(on, 4).await;
    log.does(offer("cup", 1_000)).await;
    log.deliver().await;
    for shopper in SHOPPERS {
        log.does(earn(shopper, UnitId::POINTS, 60, "r-1")).await;
    }
    log.stand_still();
    for (exchange, shopper) in ["x-1", "x-2"].iter().flat_map(|it| SHOPPERS.map(|of| (it, of))) {
        log.does(redeem(shopper, exchange, "cup", 1)).await;
    }
    log.deliver().await;
    let reads = Reads::over(&log.ledger).await;
    let all = reads.list("/v1/shipping-requests").await;
    assert!(all.iter().all(|item| item["requested_at"] == all[0]["requested_at"]), "{all:?}");
    for (filter, count) in [("", 24), ("&warehouse=main", 24), ("&exchange_id=x-2", 12)] {
        for limit in [1, 5] {
            let paged = reads.whole(&format!("/v1/shipping-requests?limit={limit}{filter}")).await;
            assert_eq!((paged.len(), ids(&paged).len()), (count, count), "{limit}{filter}");
        }
    }
}

fn ids(requests: &[Value]) -> BTreeSet<String> {
    requests.iter().map(|item| item["shipping_request_id"].to_string()).collect()
}

async fn balances_are_kept_and_read_anew_whatever_their_partition(on: On) {
    let (mut log, reads) = read_life(on).await;
    let balance = async |shopper: &str| reads.get(&format!("/v1/accounts/{shopper}")).await;
    for shopper in SHOPPERS {
        let first = balance(shopper).await;
        assert_eq!(first["tiers"]["status"]["tier"], "silver", "{shopper}: {first}");
        let read = reads.api.balances_read();
        assert_eq!(balance(shopper).await, first);
        assert_eq!(reads.api.balances_read(), read, "{shopper} was kept");
        log.does(transfer(shopper, elsewhere(&log, shopper), UnitId::POINTS, 1, "t-9")).await;
        log.deliver().await;
        reads.project().await;
        let state = &log.states()[usize::from(log.home(shopper).0)];
        let unit = state.unit_number(UnitId::POINTS).expect("points");
        let account = state.account(&id(shopper)).expect("there");
        let after = balance(shopper).await;
        assert_eq!(after["available"], json!(account.wallet(unit).available().get()), "{shopper}");
        let path = format!("/v1/accounts/{shopper}");
        assert_eq!(reads.get_anew(&path).await, after);
    }
}

async fn the_past_is_read_in_the_partitions_that_have_it(on: On) {
    let (mut log, reads) = read_life(on).await;
    let mug = reads.get("/v1/offers/mug").await;
    let balances = async || {
        let mut balances = vec![];
        for shopper in SHOPPERS {
            balances.push(reads.get(&format!("/v1/accounts/{shopper}")).await);
        }
        balances
    };
    let then = balances().await;
    let at: Vec<String> = log.states().iter().map(|state| state.place().to_string()).collect();
    let of = |home: log_record::Partition| &at[usize::from(home.0)];
    let moment = log.states().iter().map(domain::State::recorded_at).max().expect("some");
    for shopper in SHOPPERS {
        log.does(redeem(shopper, "x-7", "mug", 1)).await;
        log.deliver().await;
    }
    reads.project().await;
    assert_ne!(reads.get("/v1/offers/mug").await, mug);
    assert_eq!(reads.get(&format!("/v1/offers/mug?at={moment}")).await, mug);
    let home = id::<domain::OfferId>("mug").home(4);
    let there = reads.get(&format!("/v1/offers/mug?at={}", of(home))).await;
    assert_eq!(there["stock"], mug["stock"]);
    for (shopper, balance) in SHOPPERS.into_iter().zip(then) {
        for at in [moment.to_string(), of(log.home(shopper)).clone()] {
            let past = reads.get(&format!("/v1/accounts/{shopper}?at={at}")).await;
            assert_eq!(past["available"], balance["available"], "{shopper} at {at}");
            assert_eq!(past["tiers"], balance["tiers"], "{shopper} at {at}");
        }
        let elsewhere = of(log.home(elsewhere(&log, shopper)));
        let path = format!("/v1/accounts/{shopper}?at={elsewhere}");
        assert_eq!(reads.ask("operator", &path).await.0, 400, "a position of another partition");
    }
}
