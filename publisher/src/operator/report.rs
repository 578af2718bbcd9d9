//! `GET /v1/publisher`: what the publisher does, how far each lane is, and which settings of the
//! topics are not safe.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use wire::{Problem, json_with_etag};

use super::api::{PublisherApi, failed};
use crate::activity::{Activity, KnownActivity};
use crate::error::PublishError;
use crate::kafka::topic::{Topic, TopicReport};
use crate::lane_name::FeedName;
use crate::outbound::ends::Ends;
use crate::outbound::progress::FeedProgress;
use crate::publisher::Publisher;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) status: Activity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    pub(crate) topic: TopicReport,
    pub(crate) inbound_topics: Vec<TopicReport>,
    /// The requests that are sent again until they are accepted.
    pub(crate) sent_again: i64,
    /// Those of them that are overdue.
    pub(crate) overdue: i64,
    /// The inbound messages that can't be used.
    pub(crate) parked: i64,
    /// The topics whose messages wait for the command API, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inbound_waits: Option<String>,
    pub(crate) warehouses: Vec<WarehouseReport>,
}

/// One partition's messages for one warehouse.
#[derive(Debug, Serialize)]
pub(crate) struct WarehouseReport {
    pub(crate) warehouse: String,
    pub(crate) status: WarehouseStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Every message up to here is acknowledged, except those of blocked lanes.
    position: String,
    /// The number of messages that are not acknowledged yet.
    pub(crate) lag: i64,
    pub(crate) lanes: Vec<LaneReport>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WarehouseStatus {
    Publishing,
    /// Some of its lanes are blocked.
    Blocked,
    Stopped,
}

#[derive(Debug, Serialize)]
pub(crate) struct LaneReport {
    lane: String,
    topic_partition: i32,
    /// The last message up to which all are acknowledged.
    sequence: i64,
    /// The last message of the lane.
    last_sequence: i64,
    /// Why the next message can't be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blocked: Option<String>,
}

pub(super) async fn get_publisher(
    State(api): State<PublisherApi>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let report = api.publisher.report().await.map_err(failed)?;
    json_with_etag(&headers, &report)
}

impl Publisher {
    pub(crate) async fn report(&self) -> Result<Report, PublishError> {
        let count = self.state.unaccepted_count().await?;
        let parked = self.state.parked_count().await?;
        let KnownActivity { activity: current, why } = self.activity.get();
        let topic = self.topic.report();
        Ok(Report {
            status: activity(current, &topic),
            why,
            topic,
            inbound_topics: self.inbound_topics.iter().map(Topic::report).collect(),
            sent_again: count.sent_again,
            overdue: count.overdue,
            parked,
            inbound_waits: Some(self.waiting.by_topic().join("; ")).filter(|why| !why.is_empty()),
            warehouses: self.warehouse_reports(),
        })
    }

    pub(crate) fn warehouse_reports(&self) -> Vec<WarehouseReport> {
        let feeds = self.progress.all();
        let ends = self.ends.borrow();
        feeds.iter().map(|(feed, progress)| warehouse(feed, progress, &ends)).collect()
    }
}

/// A publisher waits if it would publish and the topic can't be used.
pub(crate) const fn activity(current: Activity, topic: &TopicReport) -> Activity {
    match current {
        Activity::Publishing if topic.is_in_trouble() => Activity::Waiting,
        current => current,
    }
}

fn warehouse(feed: &FeedName, progress: &FeedProgress, ends: &Ends) -> WarehouseReport {
    let lanes = progress.lanes.iter().map(|lane| LaneReport {
        lane: lane.lane.to_string(),
        topic_partition: lane.target.partition.0,
        sequence: lane.sequence,
        last_sequence: ends.sequence(&lane.lane),
        blocked: lane.blocked_why.clone(),
    });
    let lanes: Vec<LaneReport> = lanes.collect();
    let blocked = lanes.iter().find_map(|lane| lane.blocked.clone());
    let status = match (&progress.stopped, &blocked) {
        (Some(_), _) => WarehouseStatus::Stopped,
        (None, Some(_)) => WarehouseStatus::Blocked,
        (None, None) => WarehouseStatus::Publishing,
    };
    let stopped = progress.stopped.as_ref().map(ToString::to_string);
    WarehouseReport {
        warehouse: feed.warehouse.clone(),
        status,
        why: stopped.or(blocked),
        position: progress.acknowledged_to.to_string(),
        lag: lanes.iter().map(|lane| (lane.last_sequence - lane.sequence).max(0)).sum(),
        lanes,
    }
}
