//! `POST /v1/publisher/warehouses/{warehouse}/continuation`: an operator decides from which
//! position a stopped warehouse is fed again.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use log_record::{PackedPlace, PlaceError};
use read_model::ReadError;
use serde::{Deserialize, Serialize};
use wire::{JsonBody, PathId, Problem, excerpt};

use super::api::{PublisherApi, failed};
use super::problems::WAREHOUSE_NOT_STOPPED;
use crate::error::PublishError;
use crate::lane_name::{FeedName, LaneName};
use crate::outbound::stream::Stream;
use crate::state::checkpoint::{FeedCheckpoint, LaneCheckpoint};

/// How many messages are read at once.
const PAGE_MESSAGES: u32 = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ContinuationBody {
    /// The last position that counts as sent.
    position: String,
}

#[derive(Serialize)]
pub(super) struct ContinuedBody {
    warehouse: String,
    position: String,
}

pub(super) async fn continue_warehouse(
    State(api): State<PublisherApi>,
    PathId(warehouse): PathId<String>,
    JsonBody(body): JsonBody<ContinuationBody>,
) -> Result<Json<ContinuedBody>, Problem> {
    let publisher = &api.publisher;
    let unreadable = |error: PlaceError| Problem::invalid_field("position", error);
    let to: PackedPlace = body.position.parse().map_err(unreadable)?;
    let feed = FeedName { partition: to.partition(), warehouse };
    let stored = publisher.state.load().await.map_err(failed)?;
    let is_stopped = publisher.progress.is_stopped(&feed);
    let is_it =
        |row: &&FeedCheckpoint| row.feed == feed && (is_stopped || row.stopped_why.is_some());
    let Some(row) = stored.feeds.iter().find(is_it) else {
        let warehouse = excerpt(&feed.warehouse);
        let detail = format!(
            "Warehouse {warehouse} is not stopped. GET /v1/publisher says which are, and in which \
             partition."
        );
        return Err(Problem::of(&WAREHOUSE_NOT_STOPPED, detail));
    };
    match publisher.stream.check_reached(to).await {
        Err(PublishError::Unread(ReadError::Behind { reached, .. })) => {
            // All messages up to there would count as sent, also those that don't exist yet.
            let complaint = format!("must not be after {reached}, the last position");
            return Err(Problem::invalid_field("position", complaint));
        }
        checked => checked.map_err(failed)?,
    }
    let lanes = stored.lanes.into_iter().filter(|lane| lane.lane.feed == feed).collect();
    let lanes = lanes_up_to(&publisher.stream, &feed, lanes, to).await.map_err(failed)?;
    let row = FeedCheckpoint {
        acknowledged_to: to,
        checked_to: row.checked_to.min(to),
        stopped_why: None,
        feed: feed.clone(),
    };
    publisher.state.continue_feed(&row, &lanes).await.map_err(failed)?;
    let (warehouse, position) = (feed.warehouse, body.position);
    tracing::warn!(warehouse, position, "an operator continued a stopped warehouse");
    Ok(Json(ContinuedBody { warehouse, position }))
}

/// The lanes as they are once all messages up to a place are sent. Each keeps its partition.
async fn lanes_up_to(
    stream: &Stream,
    feed: &FeedName,
    lanes: Vec<LaneCheckpoint>,
    to: PackedPlace,
) -> Result<Vec<LaneCheckpoint>, PublishError> {
    let first = feed.start().next();
    let unsent =
        |lane: LaneCheckpoint| LaneCheckpoint { blocked_why: None, ..lane.before(first, 1) };
    let mut lanes: BTreeMap<LaneName, LaneCheckpoint> =
        lanes.into_iter().map(|lane| (lane.lane.clone(), unsent(lane))).collect();
    let mut after = feed.start();
    loop {
        let page = stream.page(feed, after, PAGE_MESSAGES).await?;
        let Some(last) = page.last() else { break };
        after = last.entry.place;
        for message in page.into_iter().filter(|message| message.entry.place <= to) {
            // A lane without a partition gets one when it is fed.
            let new = || LaneCheckpoint::new(message.lane.clone());
            let lane = lanes.entry(message.lane.clone()).or_insert_with(new);
            lane.pass(message.entry);
        }
        if after > to {
            break;
        }
    }
    Ok(lanes.into_values().collect())
}
