//! The query API's metrics. `docs/operations/metrics.md` explains them.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

type Source = [(&'static str, &'static str); 1];

const CACHE: Source = [("source", "cache")];
const TABLES: Source = [("source", "tables")];

/// The query API's counters. Clones share them.
#[derive(Clone, Debug)]
pub struct QueryMetrics {
    /// Reads of the read tables.
    pub(crate) reads: Counter,
    /// Balances that were answered from memory.
    pub(crate) balances_cached: Counter,
    /// Balances that were read from the tables.
    pub(crate) balances_read: Counter,
    balances: Family<Source, Counter>,
    /// Those who follow messages at the moment.
    pub(crate) followers: Gauge,
    /// Shipping requests that nobody has accepted in time, where this process watches for them.
    pub overdue: Gauge,
}

impl Default for QueryMetrics {
    fn default() -> Self {
        let balances = Family::<Source, Counter>::default();
        let balances_cached = balances.get_or_create(&CACHE).clone();
        let balances_read = balances.get_or_create(&TABLES).clone();
        let (reads, followers, overdue) = Default::default();
        Self { reads, balances_cached, balances_read, balances, followers, overdue }
    }
}

impl QueryMetrics {
    /// Registers the counters.
    pub fn register(&self, registry: &mut Registry) {
        let help = "reads of the read tables";
        registry.register("guerdon_query_reads", help, self.reads.clone());
        let help = "account balances that were asked for, by where they came from";
        registry.register("guerdon_query_balances", help, self.balances.clone());
        let help = "streams of shipping messages and of events, and pages that wait";
        registry.register("guerdon_query_followers", help, self.followers.clone());
        let help = "shipping requests that nobody has accepted in time, on a ledger without Kafka";
        registry.register("guerdon_query_overdue_shipping_requests", help, self.overdue.clone());
    }
}
