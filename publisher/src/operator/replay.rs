//! Replays: `POST /v1/shipping-stream/replays` starts one, `GET …/{replay_id}` shows how far it is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use log_record::{PackedPlace, PlaceError};
use serde::Deserialize;
use uuid::Uuid;
use wire::{JsonBody, PathId, Problem};

use super::api::{PublisherApi, failed};
use super::problems::TOO_MANY_REPLAYS;
use crate::error::PublishError;
use crate::kafka::topic::{Topic, is_topic_name};
use crate::outbound::ends::Ends;
use crate::outbound::replay::{FeedSpan, RUNNING_MAX, Replay, ReplayRun, ReplayStatus};
use crate::publisher::{Publisher, PublisherConfig};

/// How long an operator should give a replay to end.
const REPLAY_RETRY_AFTER_SECONDS: u32 = 10;

/// What to replay, and to where.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayBody {
    from: String,
    to_topic: String,
    warehouse: Option<String>,
}

pub(super) async fn start_replay(
    State(api): State<PublisherApi>,
    JsonBody(body): JsonBody<ReplayBody>,
) -> Result<(StatusCode, Json<Replay>), Problem> {
    let publisher = api.publisher;
    let not_a_position = |error: PlaceError| Problem::invalid_field("from", error);
    let from: PackedPlace = body.from.parse().map_err(not_a_position)?;
    check_topic(&publisher.config, &body.to_topic)?;
    let feeds = feeds_from(&publisher, from, body.warehouse.as_deref()).await?;
    let topic = Arc::new(Topic::new(&body.to_topic, publisher.config.create_topics));
    topic.check(&publisher.admin).await.map_err(failed)?;
    let replay = Replay {
        replay_id: Uuid::now_v7(),
        from: body.from,
        to_topic: body.to_topic,
        warehouse: body.warehouse,
        status: ReplayStatus::Running,
        sent: 0,
        why: None,
    };
    let (replays, id) = (publisher.replays.clone(), replay.replay_id);
    if !replays.begin(replay.clone()) {
        let detail = format!(
            "{RUNNING_MAX} replays run, and no more may at once. Try again when one of them is done."
        );
        let problem = Problem::of(&TOO_MANY_REPLAYS, detail).fact("limit", RUNNING_MAX);
        return Err(problem.retry_after(REPLAY_RETRY_AFTER_SECONDS));
    }
    let run = ReplayRun {
        id,
        from,
        feeds,
        topic,
        brokers: publisher.config.brokers.clone(),
        stream: publisher.stream.clone(),
        replays: replays.clone(),
    };
    tokio::spawn(async move {
        let ended = publisher.closing.run_until_cancelled(run.run()).await;
        replays.end(id, ended.unwrap_or(Err(PublishError::Failed)));
    });
    Ok((StatusCode::ACCEPTED, Json(replay)))
}

pub(super) async fn get_replay(
    State(api): State<PublisherApi>,
    PathId(id): PathId<Uuid>,
) -> Result<Json<Replay>, Problem> {
    let no_such = "There is no such replay. A restart of the publisher forgets its replays.";
    api.publisher.replays.get(id).map(Json).ok_or_else(|| Problem::not_found(no_such))
}

/// Checks that a topic's name is valid, and that the topic isn't a live one.
fn check_topic(config: &PublisherConfig, to_topic: &str) -> Result<(), Problem> {
    let PublisherConfig { topic, way_in, .. } = config;
    if [topic.as_str(), &way_in.warehouse_events, &way_in.earnings].contains(&to_topic) {
        let complaint = "must be a topic of its own: this one is in use";
        return Err(Problem::invalid_field("to_topic", complaint));
    }
    if !is_topic_name(to_topic) {
        let complaint = "must be a topic's name: 1 to 249 letters, digits, dots, underscores and \
                         hyphens, but not `.` or `..`";
        return Err(Problem::invalid_field("to_topic", complaint));
    }
    Ok(())
}

/// The feeds of the position's partition, of one warehouse or of all, each with its present end.
async fn feeds_from(
    publisher: &Publisher,
    from: PackedPlace,
    warehouse: Option<&str>,
) -> Result<Vec<FeedSpan>, Problem> {
    let lanes = publisher.stream.lane_ends(publisher.log.partitions).await.map_err(failed)?;
    let ends = Ends::of_lanes(lanes);
    let feeds = ends.feeds().filter(|feed| feed.partition == from.partition());
    let spans = feeds.map(|feed| FeedSpan { feed: feed.clone(), end: ends.of(feed) });
    let is_wanted = |span: &FeedSpan| warehouse.is_none_or(|name| *name == span.feed.warehouse);
    let (wanted, others): (Vec<FeedSpan>, Vec<FeedSpan>) = spans.partition(is_wanted);
    let Some(last) = wanted.iter().map(|span| span.end).max() else {
        let known: Vec<&str> = others.iter().map(|span| span.feed.warehouse.as_str()).collect();
        let complaint = match known[..] {
            [] => "must be in a partition that has shipping messages".to_owned(),
            _ => format!("must be a warehouse that has shipping messages: {}", known.join(", ")),
        };
        let field = if known.is_empty() { "from" } else { "warehouse" };
        return Err(Problem::invalid_field(field, complaint));
    };
    if from > last {
        let complaint = format!("must not be after {last}, the last message");
        return Err(Problem::invalid_field("from", complaint));
    }
    Ok(wanted)
}
