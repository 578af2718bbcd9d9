//! Real history all the way: the Complete Journey is imported, each of its exchanges leaves the
//! example warehouse once over a real Kafka, and what the warehouse says of it comes back.
//!
//! By default the slice in `data/complete-journey`, 96 exchanges; `GUERDON_COMPLETE_JOURNEY` names
//! a folder with the whole year's files, 1,903 exchanges.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use services::shared_kafka;

use crate::ledger::{Answer, Ledger, journey};
use crate::topic::chain::told_of_parcels;
use crate::topic::shop::{own_topic, publisher};
use crate::topic::warehouse::{Parcel, Warehouse};
use crate::topic::{check_lanes, until_published};

/// How many exchanges the slice and the year come to, by the READMEs.
const OF_SLICE: usize = 96;
const OF_YEAR: usize = 1_903;

/// How long a parcel is packed: it can be cancelled until then.
const PACKING: Duration = Duration::from_secs(5);

/// How long a year's answers may be on their way to a debug build.
const ARRIVE_MAX: Duration = Duration::from_secs(300);

type Requests = BTreeMap<String, Value>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_exchange_of_a_real_year_leaves_once_and_a_cancelled_one_never_or_with_an_alarm() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let rest = ["--role", "command-api,projector,query-api"];
    let ledger = Ledger::start_with(folder.path(), &rest, &[]);
    let publishes = || publisher(folder.path(), &ledger, &brokers, &topic, &[]);
    let first = publishes();
    let exchanges = import(&ledger, folder.path());
    sees_all(&ledger).await;
    let all: Vec<Value> = requests(&ledger).await.into_values().collect();
    assert_eq!(all.len(), exchanges, "each exchange asks for one parcel");
    let every = |first: usize| all.iter().skip(first).step_by(10);

    // Some are cancelled before the warehouse hears of them, and are never dispatched.
    let mut cancelled = BTreeSet::new();
    for request in every(0) {
        cancel(&ledger, request).await.is(201);
        cancelled.insert(id(request));
    }
    let never = cancelled.clone();
    until_published(&brokers, &topic, exchanges + never.len()).await;

    // Some while it packs.
    let packing = PACKING.as_millis().to_string();
    let mut warehouse = Warehouse::new(folder.path(), &brokers, &topic);
    warehouse.start(&["--packing", &packing]);
    let begun = Instant::now();
    for request in every(3) {
        cancel_or_be_late(&ledger, request, &mut cancelled).await;
    }
    until_published(&brokers, &topic, exchanges + cancelled.len()).await;
    println!("cancelled {:.1?} after the warehouse began", begun.elapsed());

    // And some when they have left, and the ledger, whose publisher is away, hasn't heard of it.
    assert_eq!(first.stop(), Some(0));
    until_dispatched(&warehouse, exchanges).await;
    let mut late = 0;
    for request in every(6) {
        late += usize::from(!cancel_or_be_late(&ledger, request, &mut cancelled).await);
    }
    let second = publishes();
    // Nobody knows what becomes of these: they are cancelled while the answers come in.
    for request in every(9) {
        late += usize::from(!cancel_or_be_late(&ledger, request, &mut cancelled).await);
    }

    let parcels = until_all_is_told(&ledger, &warehouse, &cancelled).await;
    let crossed = check(&ledger, &parcels, &cancelled, exchanges).await;
    assert!(never.is_disjoint(&crossed), "what was cancelled before is never dispatched");
    assert!(!crossed.is_empty(), "what had left before it was cancelled is alarmed");
    let told = told_of_parcels(folder.path()).await;
    check_log(&told, &parcels, exchanges);
    let firsts = check_lanes(&until_published(&brokers, &topic, 0).await);
    assert_eq!(firsts.len(), exchanges + cancelled.len(), "requests and their cancellations");
    assert_eq!(warehouse.counts("select count(*) from gap").await, 0);
    let report = second.client.get("operator", "/v1/publisher").await.is(200);
    assert_eq!((&report["parked"], &report["overdue"]), (&json!(0), &json!(0)));
    let delivered = parcels.values().filter(|parcel| parcel.state == "delivered").count();
    println!(
        "{exchanges} exchanges, {} parcels in the warehouse's table, {delivered} accepted, \
         dispatched and delivered, each once; {} cancelled, of them {} before the warehouse \
         began and {} crossed by their dispatch and alarmed; {late} came too late to be cancelled",
        parcels.len(),
        cancelled.len(),
        never.len(),
        crossed.len(),
    );
    assert_eq!(second.stop(), Some(0));
    assert_eq!(ledger.stop(), Some(0));
}

fn id(request: &Value) -> String {
    request["shipping_request_id"].as_str().expect("an id").to_owned()
}

/// What the ledger says of each parcel.
async fn requests(ledger: &Ledger) -> Requests {
    let list = ledger.client.list("warehouse", "/v1/shipping-requests").await;
    let requests: Requests = list.iter().map(|request| (id(request), request.clone())).collect();
    assert_eq!(requests.len(), list.len(), "every id is another");
    requests
}

async fn cancel(ledger: &Ledger, request: &Value) -> Answer {
    let [account, exchange] =
        ["account_id", "exchange_id"].map(|name| request[name].as_str().expect("an id"));
    let path = format!("/v1/accounts/{account}/exchanges/{exchange}/cancellations/c-1");
    ledger.client.put("shopper", &path, json!({})).await
}

/// Whether it could be cancelled: not once the ledger knows that it was dispatched.
async fn cancel_or_be_late(
    ledger: &Ledger,
    request: &Value,
    cancelled: &mut BTreeSet<String>,
) -> bool {
    let answer = cancel(ledger, request).await;
    if answer.status == 201 {
        return cancelled.insert(id(request));
    }
    answer.is_problem(409, "exchange-dispatched");
    false
}

/// Waits until every parcel has left, or will not.
async fn until_dispatched(warehouse: &Warehouse, exchanges: usize) {
    let all = i64::try_from(exchanges).expect("it fits");
    let begun = Instant::now();
    let gone =
        "select count(*) from parcel where state in ('cancelled', 'dispatched', 'delivered')";
    while warehouse.counts(gone).await < all {
        assert!(begun.elapsed() < ARRIVE_MAX, "{}", warehouse.complaints());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until the ledger was told all that the warehouse knows: what it says of its parcels.
async fn until_all_is_told(
    ledger: &Ledger,
    warehouse: &Warehouse,
    cancelled: &BTreeSet<String>,
) -> BTreeMap<String, Parcel> {
    let begun = Instant::now();
    loop {
        let parcels = warehouse.parcels().await;
        let unsent = warehouse.counts("select count(*) from answer where is_sent = 0").await;
        let requests = requests(ledger).await;
        let open = parcels.iter().filter(|parcel| {
            let request = &requests[&parcel.shipping_request_id];
            let is_told = request["express_no"].as_str() == parcel.express_no.as_deref()
                && (request["status"] == "delivered" || cancelled.contains(&id(request)));
            parcel.state != "cancelled" && !is_told
        });
        let open = open.count();
        if open == 0 && unsent == 0 {
            return parcels.into_iter().map(|it| (it.shipping_request_id.clone(), it)).collect();
        }
        assert!(begun.elapsed() < ARRIVE_MAX, "{open} aren't delivered");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// The ledger says of every parcel what the warehouse knows, to shippers and to shoppers; the ids
/// of those that left although they were cancelled.
async fn check(
    ledger: &Ledger,
    parcels: &BTreeMap<String, Parcel>,
    cancelled: &BTreeSet<String>,
    exchanges: usize,
) -> BTreeSet<String> {
    assert_eq!(parcels.len(), exchanges, "each exchange is one parcel");
    let requests = requests(ledger).await;
    let ids: Vec<&String> = requests.keys().collect();
    assert_eq!(parcels.keys().collect::<Vec<_>>(), ids, "the parcels that were asked for");
    let mut crossed = BTreeSet::new();
    for (id, parcel) in parcels {
        let (request, is_cancelled) = (&requests[id], cancelled.contains(id));
        let has_left = parcel.state == "delivered";
        assert!(has_left || parcel.state == "cancelled", "{parcel:?}");
        assert!(has_left || is_cancelled, "nobody cancelled {parcel:?}");
        let status = if is_cancelled { "cancelled" } else { "delivered" };
        assert_eq!(request["status"], status, "{request}");
        assert_eq!(request["crossed"], has_left && is_cancelled, "{request}");
        assert_eq!(request["express_no"].as_str(), parcel.express_no.as_deref(), "{request}");
        let [account, exchange] =
            ["account_id", "exchange_id"].map(|name| request[name].as_str().expect("an id"));
        let path = format!("/v1/accounts/{account}/exchanges/{exchange}");
        let seen = ledger.client.get("auditor", &path).await.is(200);
        assert_eq!(seen["status"], status, "{seen}");
        if has_left && is_cancelled {
            crossed.insert(id.clone());
        }
    }
    let alarmed = ledger.client.list("operator", "/v1/shipping-requests?crossed=true").await;
    assert_eq!(alarmed.iter().map(id).collect::<BTreeSet<_>>(), crossed);
    crossed
}

/// The log has each fact once: what left was accepted, dispatched and delivered, nothing else was.
fn check_log(
    told: &BTreeMap<String, Vec<&'static str>>,
    parcels: &BTreeMap<String, Parcel>,
    exchanges: usize,
) {
    assert_eq!(told.len(), exchanges);
    let times = |what| told.values().flatten().filter(|fact| **fact == what).count();
    let left = parcels.values().filter(|parcel| parcel.state == "delivered").count();
    assert_eq!([times("dispatched"), times("delivered")], [left, left]);
    assert!(times("accepted") >= left, "what left was accepted before");
    for (exchange, facts) in told {
        let mut once = facts.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), facts.len(), "{exchange}: {facts:?}");
        let is_whole = once.len() == 3 || !once.contains(&"dispatched");
        assert!(is_whole, "{exchange}: {facts:?}");
    }
}

/// Waits until a read contains all that was written before.
async fn sees_all(ledger: &Ledger) {
    let last = ledger.client.earns("probe", 1, "probe").await;
    ledger.client.get_after(&last, "auditor", "/v1/accounts/probe").await.is(200);
}

/// How many exchanges come of it.
fn import(ledger: &Ledger, folder: &Path) -> usize {
    let expected = if journey::year().is_some() { OF_YEAR } else { OF_SLICE };
    let printed = journey::import(ledger, folder);
    let name = "redemptions accepted";
    let line = printed.lines().find_map(|line| line.trim().strip_prefix(name));
    let accepted = line.unwrap_or_else(|| panic!("no {name} in {printed}")).replace(',', "");
    let accepted = accepted.trim().parse().expect("a number");
    assert_eq!(accepted, expected, "as the README of the data says");
    accepted
}
