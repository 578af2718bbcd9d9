//! An operator's word from where to go on with a warehouse that is stopped: `POST
//! /v1/publisher/warehouses/{warehouse}/continuation`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use log_record::Place;
use read_model::ReadError;
use serde::Deserialize;
use serde_json::{Value, json};
use wire::{JsonBody, PathId, Problem};

use crate::PublishError;
use crate::ends::FeedName;
use crate::router::{PublisherApi, WAREHOUSE_NOT_STOPPED, failed};
use crate::state::{FeedRow, LaneRow};
use crate::stream::{Stream, key};

/// The last position that counts as sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContinuationBody {
    position: String,
}

pub(crate) async fn go_on(
    State(api): State<PublisherApi>,
    PathId(warehouse): PathId<String>,
    JsonBody(body): JsonBody<ContinuationBody>,
) -> Result<Json<Value>, Problem> {
    let publisher = &api.publisher;
    let unreadable = |_| Problem::invalid_field("position", "must be a position, such as 0:4711");
    let position: Place = body.position.parse().map_err(unreadable)?;
    let feed = FeedName { partition: position.partition, warehouse };
    let kept = publisher.state.read().await.map_err(failed)?;
    let name = feed.to_string();
    let is_stopped = publisher.status.is_stopped(&feed);
    let is_it = |row: &&FeedRow| row.feed == name && (is_stopped || row.stopped_why.is_some());
    let row = kept.feeds.iter().find(is_it);
    let Some(row) = row else {
        let detail = format!("Warehouse {} is not stopped.", feed.warehouse);
        return Err(Problem::of(&WAREHOUSE_NOT_STOPPED, detail));
    };
    match publisher.stream.read(&[position]).await {
        Err(PublishError::Unread(ReadError::Behind { reached, .. })) => {
            // All up to there would count as sent that is still to come.
            let complaint = format!("must not be after {reached}, the last that there is");
            return Err(Problem::invalid_field("position", complaint));
        }
        reading => drop(reading.map_err(failed)?),
    }
    let lanes = kept.lanes.into_iter().filter(|lane| lane.feed == name).collect();
    let lanes = lanes_up_to(&publisher.stream, &feed, lanes, key(position)).await;
    let lanes = lanes.map_err(failed)?;
    let (to, checked_to) = (key(position), row.checked_to.min(key(position)));
    let row = FeedRow { feed: name, acknowledged_to: to, checked_to, stopped_why: None };
    publisher.state.continue_feed(&row, &lanes).await.map_err(failed)?;
    let (warehouse, position) = (feed.warehouse, body.position);
    tracing::warn!(warehouse, position, "an operator has a warehouse be fed again from there");
    Ok(Json(json!({"warehouse": warehouse, "position": position})))
}

/// The lanes as they are when all up to a place has been sent, in the partitions that they have.
async fn lanes_up_to(
    stream: &Stream,
    feed: &FeedName,
    lanes: Vec<LaneRow>,
    to: i64,
) -> Result<Vec<LaneRow>, PublishError> {
    let named = lanes
        .into_iter()
        .map(|lane| (lane.lane.clone(), LaneRow { blocked_why: None, ..lane.before(1, 1) }));
    let (mut lanes, mut after): (BTreeMap<String, LaneRow>, i64) = (named.collect(), 0);
    loop {
        let page = stream.page(feed, after, 1_000).await?;
        let Some(last) = page.last() else { break };
        after = last.sent.place;
        for message in page.into_iter().filter(|message| message.sent.place <= to) {
            // One that has no partition yet gets it when it is fed.
            let empty = || LaneRow::new(&message.lane, feed);
            let lane = lanes.entry(message.lane.clone()).or_insert_with(empty);
            lane.place = message.sent.place;
            lane.sequence = message.sent.sequence;
            lane.message_id = message.sent.message_id;
            lane.digest = message.sent.digest;
        }
        if after > to {
            break;
        }
    }
    Ok(lanes.into_values().collect())
}
