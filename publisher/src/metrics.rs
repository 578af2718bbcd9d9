//! The publisher in numbers, for Prometheus: `GET /metrics`, in the text form of `OpenMetrics`.

use std::fmt;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::status::{Phase, Report};

/// Of what: a topic, a warehouse, a status.
type Label = [(&'static str, String); 1];

/// What is sent with it.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The report as numbers. All of them are of now but the losses, which are since the start.
pub(crate) fn encode(report: &Report) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("guerdon_publisher");
    let mut gauges = |name, help| {
        let family = Family::<Label, Gauge>::default();
        registry.register(name, help, family.clone());
        family
    };
    let status = gauges("status", "1 for what the publisher does, 0 for the rest");
    for phase in Phase::ALL {
        let is_so = i64::from(phase == report.status);
        status.get_or_create(&[("status", phase.as_str().to_owned())]).set(is_so);
    }
    let weaknesses = gauges("topic_weaknesses", "settings of a topic that could lose messages");
    let troubles = gauges("topic_trouble", "1 where a topic can't be used");
    let lag = gauges("lag_messages", "messages that the brokers haven't acknowledged yet");
    let blocked = gauges("blocked_lanes", "lanes whose next message is refused");
    let stopped = gauges("stopped", "1 where nothing is sent to a warehouse any more");
    for warehouse in &report.warehouses {
        let label = [("warehouse", warehouse.warehouse.clone())];
        let held = warehouse.lanes.iter().filter(|lane| lane.blocked.is_some()).count();
        // A warehouse has a feed in each partition.
        lag.get_or_create(&label).inc_by(warehouse.lag);
        blocked.get_or_create(&label).inc_by(i64::try_from(held).unwrap_or(i64::MAX));
        stopped.get_or_create(&label).inc_by(i64::from(warehouse.status == "stopped"));
    }
    let mut gauge = |name, help, value: i64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    };
    gauge("sent_again_requests", "requests that nobody has accepted in time", report.sent_again);
    gauge("overdue_requests", "of these, those that an operator should see to", report.overdue);
    gauge("parked_messages", "messages that came in and can't be used", report.parked);
    let waits = i64::from(report.inbound_waits.is_some());
    gauge("inbound_waits", "1 while what comes in waits for the command API", waits);
    let losses = Family::<Label, Counter>::default();
    let help = "how often messages were gone that a topic had acknowledged";
    registry.register("topic_losses", help, losses.clone());
    for topic in report.inbound_topics.iter().chain([&report.topic]) {
        let label = [("topic", topic.name.clone())];
        let weak = i64::try_from(topic.weaknesses.len()).unwrap_or(i64::MAX);
        weaknesses.get_or_create(&label).set(weak);
        troubles.get_or_create(&label).set(i64::from(topic.is_in_trouble()));
        losses.get_or_create(&label).inc_by(topic.losses);
    }
    let mut encoded = String::new();
    text::encode(&mut encoded, &registry)?;
    Ok(encoded)
}
