//! The query API's metrics. `docs/operations/metrics.md` explains them.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

type Source = [(&'static str, &'static str); 1];

const CACHE: Source = [("source", "cache")];
const TABLES: Source = [("source", "tables")];

/// The query API's counters. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct QueryMetrics {
    /// Reads of the read tables.
    pub(crate) reads: Counter,
    /// Balances.
    pub(crate) balances: Answers,
    /// What everybody is shown of offers.
    pub(crate) offers: Answers,
    /// Ids that were answered without a query, because they do not exist.
    pub(crate) unknown_ids: Counter,
    /// Ids of accounts and offers by which that is known.
    pub(crate) known_ids: Gauge,
    /// Those who follow messages at the moment.
    pub(crate) followers: Gauge,
    /// Shipping requests that nobody has accepted in time, where this process watches for them.
    pub overdue: Gauge,
}

/// How often something was answered, by where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    /// From memory.
    pub(crate) kept: Counter,
    /// From the tables.
    pub(crate) loaded: Counter,
    by_source: Family<Source, Counter>,
}

impl Default for Answers {
    fn default() -> Self {
        let by_source = Family::<Source, Counter>::default();
        let kept = by_source.get_or_create(&CACHE).clone();
        let loaded = by_source.get_or_create(&TABLES).clone();
        Self { kept, loaded, by_source }
    }
}

impl QueryMetrics {
    /// Registers the counters.
    pub fn register(&self, registry: &mut Registry) {
        let help = "reads of the read tables";
        registry.register("guerdon_query_reads", help, self.reads.clone());
        let help = "account balances that were asked for, by where they came from";
        registry.register("guerdon_query_balances", help, self.balances.by_source.clone());
        let help = "what everybody is shown of offers, by where it came from";
        registry.register("guerdon_query_offers", help, self.offers.by_source.clone());
        let help = "reads of accounts and offers that do not exist, answered without a query";
        registry.register("guerdon_query_unknown_ids", help, self.unknown_ids.clone());
        let help = "ids of accounts and offers in the filter of those that exist";
        registry.register("guerdon_query_known_ids", help, self.known_ids.clone());
        let help = "streams of shipping messages and of events, and pages that wait";
        registry.register("guerdon_query_followers", help, self.followers.clone());
        let help = "shipping requests that nobody has accepted in time, on a ledger without Kafka";
        registry.register("guerdon_query_overdue_shipping_requests", help, self.overdue.clone());
    }
}
