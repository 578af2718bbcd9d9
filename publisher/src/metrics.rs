//! The publisher's metrics. `docs/operations/metrics.md` explains them.
//!
//! They are read at each scrape, and cost nothing while messages are sent.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::timeout;

use crate::activity::Activity;
use crate::causes::with_causes;
use crate::clock::UnixMillis;
use crate::kafka::topic::{Topic, TopicReport};
use crate::operator::report::{WarehouseReport, WarehouseStatus, activity};
use crate::publisher::Publisher;
use crate::state::error::StateError;

/// How long the reads of the read tables for one scrape may take, and those of the publisher's own
/// tables: a scrape that takes ten seconds is lost, with all that other parts say.
const READ_MAX: Duration = Duration::from_secs(2);

/// The publisher's metrics in a registry.
#[derive(Clone, Debug, Default)]
pub struct PublisherMetrics {
    latest: Arc<Mutex<Option<Numbers>>>,
}

/// The publisher in numbers, at one moment.
#[derive(Debug)]
struct Numbers {
    activity: Activity,
    topics: Vec<TopicReport>,
    warehouses: Vec<WarehouseReport>,
    inbound_waits: bool,
    /// For how many seconds each warehouse's first message that isn't acknowledged has waited;
    /// without those that can't be read.
    ages: BTreeMap<String, f64>,
    acknowledged: u64,
    /// `None` while the publisher's own tables can't be read.
    counts: Option<Counts>,
}

#[derive(Clone, Copy, Debug)]
struct Counts {
    sent_again: i64,
    overdue: i64,
    parked: i64,
}

impl PublisherMetrics {
    /// Registers the metrics. They have values after [`PublisherMetrics::read`].
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// Reads the present values; tells whether all could be read in time. The rest is left out.
    pub async fn read(&self, publisher: &Publisher) -> bool {
        let mut ages = BTreeMap::new();
        let reading_ages =
            in_time(READ_MAX, "the ages of messages", publisher.read_ages(&mut ages));
        let reading_counts =
            in_time(READ_MAX, "the counts of the publisher's tables", publisher.counts());
        let (has_ages, counts) = tokio::join!(reading_ages, reading_counts);
        let is_whole = has_ages.is_some() && counts.is_some();
        let topic = publisher.topic.report();
        let inbound = publisher.inbound_topics.iter().map(Topic::report);
        let numbers = Numbers {
            activity: activity(publisher.activity.get().activity, &topic),
            topics: inbound.chain([topic]).collect(),
            warehouses: publisher.warehouse_reports(),
            inbound_waits: !publisher.waiting.by_topic().is_empty(),
            ages,
            acknowledged: publisher.topic.acknowledged.messages(),
            counts,
        };
        *self.latest.lock() = Some(numbers);
        is_whole
    }
}

/// What is read, if that is in time.
async fn in_time<T>(
    most: Duration,
    what: &str,
    read: impl Future<Output = Result<T, StateError>>,
) -> Option<T> {
    let error = match timeout(most, read).await {
        Ok(Ok(read)) => return Some(read),
        Ok(Err(error)) => with_causes(&error),
        Err(_) => "it took too long".to_owned(),
    };
    tracing::warn!(error, "the metrics lack {what}");
    None
}

impl Publisher {
    /// How long the first message of each warehouse that the brokers have not acknowledged has
    /// waited, by when its event was recorded. Messages of blocked lanes are left out.
    async fn read_ages(&self, ages: &mut BTreeMap<String, f64>) -> Result<(), StateError> {
        for (feed, progress) in self.progress.all() {
            if progress.stopped.is_some() {
                continue;
            }
            let Ok(page) = self.stream.page(&feed, progress.acknowledged_to, 1).await else {
                continue;
            };
            let recorded = page.first().map(|first| UnixMillis::of(first.content.recorded_at));
            let age = recorded.map_or(0.0, age_seconds);
            let oldest = ages.entry(feed.warehouse).or_default();
            *oldest = oldest.max(age);
        }
        Ok(())
    }

    async fn counts(&self) -> Result<Counts, StateError> {
        let unaccepted = self.state.unaccepted_count().await?;
        let parked = self.state.parked_count().await?;
        Ok(Counts { sent_again: unaccepted.sent_again, overdue: unaccepted.overdue, parked })
    }
}

impl Collector for PublisherMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let latest = self.latest.lock();
        let numbers = latest.as_ref();
        let topics = || numbers.iter().flat_map(|numbers| &numbers.topics);
        let warehouses = || numbers.iter().flat_map(|numbers| &numbers.warehouses);

        let help = "1 for what the publisher does, 0 for the rest";
        let statuses = numbers.iter().flat_map(|numbers| {
            let is_it = |it| i64::from(it == numbers.activity);
            Activity::ALL.map(|it| (it.as_str().to_owned(), is_it(it)))
        });
        gauges(&mut encoder, Family { name: "status", help, label: "status" }, statuses)?;

        let help = "settings of a topic that could lose messages";
        let family = Family { name: "topic_weaknesses", help, label: "topic" };
        gauges(&mut encoder, family, topics().map(|it| (it.name.clone(), count(&it.weaknesses))))?;
        let help = "1 if a topic can't be used";
        let family = Family { name: "topic_trouble", help, label: "topic" };
        let trouble = topics().map(|it| (it.name.clone(), i64::from(it.is_in_trouble())));
        gauges(&mut encoder, family, trouble)?;

        let help = "losses of messages that a topic had acknowledged, or that were not read yet, \
                    since the start";
        let losses = topics().map(|it| (it.name.as_str(), it.losses));
        counters(&mut encoder, Family { name: "topic_losses", help, label: "topic" }, losses)?;
        let inbound = || topics().filter_map(|it| Some((it.name.as_str(), it.reading?)));
        let help = "inbound messages that were deleted before they were read, since the start";
        let family = Family { name: "inbound_lost_messages", help, label: "topic" };
        counters(&mut encoder, family, inbound().map(|(name, it)| (name, it.lost_messages)))?;
        let help = "inbound messages that were read again, since the start";
        let family = Family { name: "inbound_read_again_messages", help, label: "topic" };
        counters(&mut encoder, family, inbound().map(|(name, it)| (name, it.read_again)))?;

        let help = "messages that the brokers have not acknowledged yet";
        let family = Family { name: "lag_messages", help, label: "warehouse" };
        gauges(&mut encoder, family, by_warehouse(warehouses(), |it| it.lag))?;
        let help = "how long ago the first message was recorded that is not acknowledged yet";
        let name = full("unacknowledged_age");
        let unit = Some(&Unit::Seconds);
        let mut metric = encoder.encode_descriptor(&name, help, unit, MetricType::Gauge)?;
        for (warehouse, age) in numbers.iter().flat_map(|numbers| &numbers.ages) {
            let labels = [("warehouse", warehouse.as_str())];
            ConstGauge::new(*age).encode(metric.encode_family(&labels)?)?;
        }
        let help = "messages that the brokers have acknowledged, since the start";
        let name = full("acknowledged_messages");
        let metric = encoder.encode_descriptor(&name, help, None, MetricType::Counter)?;
        if let Some(numbers) = numbers {
            ConstCounter::new(numbers.acknowledged).encode(metric)?;
        }
        let help = "lanes whose next message is refused";
        let family = Family { name: "blocked_lanes", help, label: "warehouse" };
        let blocked = |it: &WarehouseReport| {
            let lanes = it.lanes.iter().filter(|lane| lane.blocked.is_some()).count();
            i64::try_from(lanes).unwrap_or(i64::MAX)
        };
        gauges(&mut encoder, family, by_warehouse(warehouses(), blocked))?;
        let help = "1 for each partition whose messages are not sent to a warehouse any more";
        let family = Family { name: "stopped", help, label: "warehouse" };
        let stopped = |it: &WarehouseReport| i64::from(it.status == WarehouseStatus::Stopped);
        gauges(&mut encoder, family, by_warehouse(warehouses(), stopped))?;

        let counts = numbers.and_then(|numbers| numbers.counts);
        let help = "requests that no warehouse accepted in time";
        gauge(&mut encoder, "sent_again_requests", help, counts.map(|it| it.sent_again))?;
        let help = "requests that were sent again too often, for an operator";
        gauge(&mut encoder, "overdue_requests", help, counts.map(|it| it.overdue))?;
        let help = "inbound messages that can't be used";
        gauge(&mut encoder, "parked_messages", help, counts.map(|it| it.parked))?;
        let help = "1 while inbound messages wait for the command API";
        let waits = numbers.map(|numbers| i64::from(numbers.inbound_waits));
        gauge(&mut encoder, "inbound_waits", help, waits)
    }
}

/// How long ago that was, in seconds.
fn age_seconds(recorded: UnixMillis) -> f64 {
    let millis = UnixMillis::now().0.saturating_sub(recorded.0).max(0);
    Duration::from_millis(millis.unsigned_abs()).as_secs_f64()
}

/// A metric with one label.
struct Family {
    name: &'static str,
    help: &'static str,
    label: &'static str,
}

fn full(short: &str) -> String {
    format!("guerdon_publisher_{short}")
}

fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    family: Family,
    values: impl Iterator<Item = (String, i64)>,
) -> fmt::Result {
    let Family { name: short, help, label } = family;
    let name = full(short);
    let mut metric = encoder.encode_descriptor(&name, help, None, MetricType::Gauge)?;
    for (of, value) in values {
        let labels = [(label, of.as_str())];
        ConstGauge::new(value).encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

fn counters<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    family: Family,
    values: impl Iterator<Item = (&'a str, u64)>,
) -> fmt::Result {
    let Family { name: short, help, label } = family;
    let name = full(short);
    let mut metric = encoder.encode_descriptor(&name, help, None, MetricType::Counter)?;
    for (of, value) in values {
        let labels = [(label, of)];
        ConstCounter::new(value).encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    short: &str,
    help: &str,
    value: Option<i64>,
) -> fmt::Result {
    let name = full(short);
    let metric = encoder.encode_descriptor(&name, help, None, MetricType::Gauge)?;
    value.map_or(Ok(()), |value| ConstGauge::new(value).encode(metric))
}

/// The sums over a warehouse's partitions, each of which has a report.
fn by_warehouse<'a>(
    reports: impl Iterator<Item = &'a WarehouseReport>,
    value: impl Fn(&WarehouseReport) -> i64,
) -> impl Iterator<Item = (String, i64)> {
    let mut sums = BTreeMap::<String, i64>::new();
    for report in reports {
        *sums.entry(report.warehouse.clone()).or_default() += value(report);
    }
    sums.into_iter()
}

fn count<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_scrape_does_not_wait_for_a_database_that_hangs() {
        let most = Duration::from_millis(10);
        let hung = in_time(most, "a number", std::future::pending::<Result<i64, StateError>>());
        let read = in_time(most, "a number", async { Ok(7) });
        assert_eq!(tokio::join!(hung, read), (None, Some(7)));
    }
}
