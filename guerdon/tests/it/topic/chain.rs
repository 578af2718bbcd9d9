//! The whole way of a parcel under load: shoppers who redeem, a ledger, a publisher in a process of
//! its own, a Kafka, and the example warehouse, which answers. Whatever happens on the way, at its
//! end [`Chain::ends`] looks at every place that a parcel leaves a trace in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use domain::{Event, Shipped};
use event_store::StoreUrl;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::dice::Dice;
use super::shop::{own_topic, prepare, publisher, redeem_one, short};
use super::warehouse::Warehouse;
use super::{check_lanes, records};

use crate::ledger::audit::events;
use crate::ledger::{Api, Ledger};

/// How many shoppers redeem at once, and how long each rests after an answer: as much as a debug
/// build on two processors sees to with all its parts.
const SHOPPERS: usize = 4;
const REST: Duration = Duration::from_millis(60);

/// How long what was asked for may be on its way after the last fault.
const ARRIVE_MAX: Duration = Duration::from_secs(180);

/// All of it, running.
pub(crate) struct Chain {
    folder: TempDir,
    pub(crate) brokers: String,
    pub(crate) topic: String,
    pub(crate) ledger: Ledger,
    publisher: Option<Ledger>,
    publisher_args: Vec<&'static str>,
    pub(crate) warehouse: Warehouse,
    pub(crate) dice: Dice,
    shoppers: Shoppers,
    faults: usize,
}

/// What may be otherwise than it should be at the end, because a fault makes it so.
#[derive(Clone, Copy, Default)]
pub(crate) struct Forgiven {
    /// The topic no longer has all that stood in it: what was there is known by the warehouse.
    pub(crate) topic_was_deleted: bool,
    /// The ledger wasn't told all; that a parcel was delivered it was told at last.
    pub(crate) answers_were_lost: bool,
}

/// People who redeem until they are told to stop. An answer that isn't a redemption fails.
struct Shoppers {
    stop: Arc<AtomicBool>,
    answered: Arc<Mutex<Vec<String>>>,
    clients: JoinSet<()>,
}

impl Chain {
    /// Starts it all, and the load. The publisher is told more than where its Kafka is.
    pub(crate) async fn start(what: &str, brokers: &str, more: &[&'static str]) -> Self {
        let dice = Dice::new(what);
        let (folder, topic) = (tempfile::tempdir().expect("a folder"), own_topic());
        let rest = ["--role", "command-api,projector,query-api"];
        let ledger = Ledger::start_with(folder.path(), &rest, &[]);
        prepare(&ledger.client).await;
        let mut chain = Self {
            warehouse: Warehouse::new(folder.path(), brokers, &topic),
            shoppers: Shoppers::begin(&ledger.client),
            brokers: brokers.into(),
            folder,
            topic,
            ledger,
            publisher: None,
            publisher_args: more.to_vec(),
            dice,
            faults: 0,
        };
        chain.start_publisher();
        chain.until(|report| report["status"] == "publishing").await;
        chain.warehouse.start(&[]);
        chain
    }

    pub(crate) fn start_publisher(&mut self) {
        let (folder, topic) = (self.folder.path(), &self.topic);
        self.publisher =
            Some(publisher(folder, &self.ledger, &self.brokers, topic, &self.publisher_args));
    }

    /// `kill -9`.
    pub(crate) fn kill_publisher(&mut self) {
        self.publisher.take().expect("it runs").kill();
    }

    /// What the publisher says of itself.
    pub(crate) async fn report(&self) -> Value {
        let publisher = self.publisher.as_ref().expect("it runs");
        publisher.client.get("operator", "/v1/publisher").await.is(200)
    }

    /// Waits until the publisher says so.
    pub(crate) async fn until(&self, is_so: impl Fn(&Value) -> bool) {
        let begun = Instant::now();
        loop {
            let report = self.report().await;
            if is_so(&report) {
                return;
            }
            assert!(begun.elapsed() < ARRIVE_MAX, "it doesn't come to be: {report}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How many redemptions were answered by now.
    pub(crate) fn answered(&self) -> usize {
        self.shoppers.answered.lock().expect("not poisoned").len()
    }

    /// How many redemptions are answered from now on in so long a time.
    pub(crate) async fn answered_within(&self, window: Duration) -> usize {
        let before = self.answered();
        tokio::time::sleep(window).await;
        self.answered() - before
    }

    /// Lets so many faults happen, each at any moment.
    pub(crate) async fn suffers(&mut self, faults: usize, mut fault: impl AsyncFnMut(&mut Self)) {
        for _ in 0..faults {
            self.dice.pause(2_000).await;
            fault(self).await;
            self.faults += 1;
        }
        self.dice.pause(1_000).await;
    }

    /// When nothing is lost: everything that was asked for is in the warehouse's table, each once,
    /// and was accepted, dispatched and delivered in the ledger, each once.
    pub(crate) async fn ends(mut self, what: &str, forgiven: Forgiven) {
        let asked = self.shoppers.end().await;
        let begun = Instant::now();
        self.all_arrives(asked.len()).await;
        let took = begun.elapsed();
        let parcels = self.warehouse.parcels().await;
        let ids: BTreeSet<String> =
            parcels.iter().map(|parcel| short(&parcel.shipping_request_id)).collect();
        assert_eq!(ids, asked, "the warehouse's table holds what was asked for");
        let sent_again = parcels.iter().filter(|parcel| parcel.attempt > 1).count();
        self.check_sequences(&asked, forgiven).await;
        self.check_ledger(&asked, forgiven).await;
        let found = records(&self.brokers, &self.topic);
        let different: BTreeSet<&str> = found.iter().map(super::Record::id).collect();
        if !forgiven.topic_was_deleted {
            let firsts = check_lanes(&found);
            let ids: BTreeSet<String> = firsts.keys().map(|id| short(id)).collect();
            assert_eq!(ids, asked, "the topic holds what was asked for");
        }
        println!(
            "{what}: {} faults, {} redemptions, lost 0; {} records, {} of them repeats; {} sent \
             again; all delivered {took:.1?} after the last",
            self.faults,
            asked.len(),
            found.len(),
            found.len() - different.len(),
            sent_again,
        );
        assert_eq!(self.publisher.take().expect("it runs").stop(), Some(0));
        assert_eq!(self.ledger.stop(), Some(0));
    }

    async fn all_arrives(&mut self, asked: usize) {
        let begun = Instant::now();
        let wanted = i64::try_from(asked).expect("it fits");
        loop {
            self.warehouse.is_at_work();
            let delivered = "select count(*) from parcel where state = 'delivered'";
            let delivered = self.warehouse.counts(delivered).await;
            let open = self.requests_in(&["requested", "accepted", "dispatched"]).await;
            if delivered == wanted && open.is_none() {
                return;
            }
            let complaints = self.warehouse.complaints();
            let complaints = complaints.lines().rev().take(5).collect::<Vec<_>>();
            assert!(
                begun.elapsed() < ARRIVE_MAX,
                "{delivered} of {wanted} were delivered, and the ledger still has {open:?}; \
                 {complaints:?}; {}",
                self.report().await
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Any request that is in one of these states.
    async fn requests_in(&self, states: &[&str]) -> Option<Value> {
        for state in states {
            let path = format!("/v1/shipping-requests?limit=1&status={state}");
            let page = self.ledger.client.get("operator", &path).await;
            // While the projector is busy, nobody is told.
            let first = &page.body["items"][0];
            if page.status != 200 || first.is_object() {
                return Some(first.clone());
            }
        }
        None
    }

    /// The requests that are in one of these states.
    pub(crate) async fn ids_in(&self, states: &[&str]) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for state in states {
            let path = format!("/v1/shipping-requests?status={state}");
            let list = self.ledger.client.list("operator", &path).await;
            ids.extend(
                list.iter().filter_map(|it| it["shipping_request_id"].as_str().map(Into::into)),
            );
        }
        ids
    }

    /// An operator has a request sent once more.
    pub(crate) async fn sends_again(&self, id: &str) {
        let path = format!("/v1/shipping-requests/{id}/resend");
        let publisher = self.publisher.as_ref().expect("it runs");
        let answer = publisher.client.post("operator", &path, json!({})).await;
        assert!(matches!(answer.status, 200..=202), "{answer:?}");
    }

    /// The warehouse missed nothing, and where the topic kept what it had, got all in order.
    async fn check_sequences(&self, asked: &BTreeSet<String>, forgiven: Forgiven) {
        let nothing = ["select count(*) from gap", "select count(*) from unreadable"];
        for sql in nothing {
            assert_eq!(self.warehouse.counts(sql).await, 0, "{sql}");
        }
        let sequences = self.warehouse.counts("select sum(sequence) from lane").await;
        assert_eq!(usize::try_from(sequences), Ok(asked.len()), "the lanes' ends add up");
        if !forgiven.topic_was_deleted {
            let complaints = self.warehouse.complaints();
            let out_of_order = ["gap  ", "two of one", "too late"];
            let told =
                complaints.lines().find(|line| out_of_order.iter().any(|it| line.starts_with(it)));
            assert_eq!(told, None, "the warehouse got it all in order");
        }
    }

    /// In the ledger, every exchange was recorded, accepted, dispatched and delivered once.
    async fn check_ledger(&self, asked: &BTreeSet<String>, forgiven: Forgiven) {
        assert_eq!(self.report().await["parked"], 0, "all that the warehouse said can be used");
        let requests = self.ledger.client.list("warehouse", "/v1/shipping-requests").await;
        let ids: BTreeSet<String> = requests.iter().map(request_id).collect();
        assert_eq!((&ids, requests.len()), (asked, asked.len()), "the ledger's list");
        assert!(requests.iter().all(|request| request["status"] == "delivered"));
        let told = told_of_parcels(self.folder.path()).await;
        assert_eq!(told.len(), asked.len(), "every parcel was told of");
        for (exchange, told) in told {
            let mut once = told.clone();
            once.sort_unstable();
            if forgiven.answers_were_lost {
                once.dedup();
                assert_eq!(once.len(), told.len(), "{exchange}: {told:?}");
                assert!(once.contains(&"delivered"), "{exchange}: {told:?}");
                continue;
            }
            assert_eq!(once, ["accepted", "delivered", "dispatched"], "{exchange}: {told:?}");
        }
    }
}

fn request_id(request: &Value) -> String {
    short(request["shipping_request_id"].as_str().expect("an id"))
}

/// What the log says of each exchange's parcel, in order. An exchange that is there twice fails.
pub(crate) async fn told_of_parcels(
    folder: &std::path::Path,
) -> BTreeMap<String, Vec<&'static str>> {
    let mut told = BTreeMap::<String, Vec<&str>>::new();
    for row in events(&StoreUrl::Sqlite(folder.join("log.sqlite"))).await {
        let (_, event) = event_schema::decode(&row).expect("it decodes");
        let (shipped, what) = match event {
            Event::ExchangeCreated(_, fact) => {
                let before = told.insert(fact.exchange_id.to_string(), vec![]);
                assert_eq!(before, None, "{} is there twice", fact.exchange_id);
                continue;
            }
            Event::ShipmentAccepted(_, report) => (report.shipped, "accepted"),
            Event::ShipmentDispatched(_, fact) => (fact.shipped, "dispatched"),
            Event::ShipmentDelivered(_, report) => (report.shipped, "delivered"),
            _ => continue,
        };
        if let Shipped::ExchangeId(exchange) = shipped {
            told.entry(exchange.to_string()).or_default().push(what);
        }
    }
    told
}

impl Shoppers {
    fn begin(api: &Api) -> Self {
        let (stop, next) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let answered = Arc::<Mutex<Vec<_>>>::default();
        let mut clients = JoinSet::new();
        for _ in 0..SHOPPERS {
            let (api, stop, next) = (api.clone(), Arc::clone(&stop), Arc::clone(&next));
            let answered = Arc::clone(&answered);
            clients.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let id = redeem_one(&api, "mug", number).await;
                    answered.lock().expect("not poisoned").push(id);
                    tokio::time::sleep(REST).await;
                }
            });
        }
        Self { stop, answered, clients }
    }

    /// Lets everyone end what they are at; the ids of what was asked of the warehouse.
    async fn end(&mut self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(client) = self.clients.join_next().await {
            client.expect("every redemption is answered");
        }
        self.answered.lock().expect("not poisoned").iter().cloned().collect()
    }
}
