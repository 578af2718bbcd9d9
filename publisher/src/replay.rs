//! All that was asked of warehouses once more, into a topic of its own: `POST
//! /v1/shipping-stream/replays`. What is live is not touched, and every message says that it is a
//! replay.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use log_record::Place;
use read_model::RequestProgress;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use uuid::Uuid;
use wire::{JsonBody, PathId, Problem};

use crate::ends::{Ends, FeedName};
use crate::kafka::{Producer, Ticket, Unsent};
use crate::message::{Replayed, Target};
use crate::router::{PublisherApi, failed};
use crate::stream::{key, place};
use crate::topic::Topic;
use crate::{PublishError, Publisher, PublisherConfig, with_causes};

/// How many messages of a replay are in flight.
const IN_FLIGHT_MAX: usize = 5_000;

/// How many are read at once.
const PAGE_MESSAGES: u32 = 1_000;

/// How many replays are remembered.
const REMEMBERED_MAX: usize = 100;

/// What is to be replayed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayBody {
    from: String,
    to_topic: String,
    warehouse: Option<String>,
}

/// How far a replay is; a restart forgets it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Replay {
    replay_id: Uuid,
    from: String,
    to_topic: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    warehouse: Option<String>,
    /// `running`, `done` or `failed`.
    status: &'static str,
    sent: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// The replays of this process, by their ids, which follow each other in time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replays(Arc<Mutex<BTreeMap<Uuid, Replay>>>);

pub(crate) async fn start_replay(
    State(api): State<PublisherApi>,
    JsonBody(body): JsonBody<ReplayBody>,
) -> Result<(StatusCode, Json<Replay>), Problem> {
    let publisher = api.publisher;
    let from: Place = body
        .from
        .parse()
        .map_err(|_| Problem::invalid_field("from", "must be a position, such as 0:4711"))?;
    let PublisherConfig { topic, way_in, .. } = publisher.config.as_ref();
    if [topic, &way_in.warehouse_events, &way_in.earnings].contains(&&body.to_topic) {
        let complaint = "must be a topic of its own: this one is in use";
        return Err(Problem::invalid_field("to_topic", complaint));
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if body.to_topic.is_empty() || !body.to_topic.bytes().all(is_name) {
        let complaint = "must be a topic's name: letters, digits, dots, underscores and hyphens";
        return Err(Problem::invalid_field("to_topic", complaint));
    }
    let feeds = feeds_from(&publisher, from, body.warehouse.as_deref()).await?;
    let topic = Arc::new(Topic::new(&body.to_topic, publisher.config.create_topics));
    topic.look(&publisher.admin).await.map_err(failed)?;
    let replay = Replay {
        replay_id: Uuid::now_v7(),
        from: body.from,
        to_topic: body.to_topic,
        warehouse: body.warehouse,
        status: "running",
        sent: 0,
        why: None,
    };
    let (replays, id) = (publisher.replays.clone(), replay.replay_id);
    replays.note(replay.clone());
    let asked = replay.clone();
    tokio::spawn(async move {
        let sending = send_all(&publisher, (from, feeds), &asked, topic);
        let ended = publisher.closing.run_until_cancelled(sending).await;
        let ended = ended.unwrap_or(Err(PublishError::Failed));
        replays.change(id, |replay| match ended {
            Ok(()) => replay.status = "done",
            Err(error) => {
                replay.status = "failed";
                replay.why = Some(with_causes(&error));
            }
        });
    });
    Ok((StatusCode::ACCEPTED, Json(replay)))
}

pub(crate) async fn get_replay(
    State(api): State<PublisherApi>,
    PathId(id): PathId<Uuid>,
) -> Result<Json<Replay>, Problem> {
    let no_such = "There is no such replay; those before the last start are forgotten.";
    api.publisher.replays.get(id).map(Json).ok_or_else(|| Problem::not_found(no_such))
}

/// Who was asked for something from a position on, each with the last place so far; or what is
/// wrong with the question, where nobody was.
async fn feeds_from(
    publisher: &Publisher,
    from: Place,
    warehouse: Option<&str>,
) -> Result<Vec<(FeedName, i64)>, Problem> {
    let ends = Ends::of_lanes(publisher.stream.lane_ends().await.map_err(failed)?);
    let feeds = ends.feeds().filter(|(feed, _)| feed.partition == from.partition);
    let is_wanted = |feed: &FeedName| warehouse.is_none_or(|wanted| *wanted == feed.warehouse);
    let (wanted, others): (Vec<_>, Vec<_>) = feeds.partition(|(feed, _)| is_wanted(feed));
    let Some(last) = wanted.iter().map(|(_, end)| *end).max() else {
        let known: Vec<&str> = others.iter().map(|(feed, _)| feed.warehouse.as_str()).collect();
        let complaint = match known[..] {
            [] => "must be in a partition that asked a warehouse for something".to_owned(),
            _ => format!("must be one that was asked for something: {}", known.join(", ")),
        };
        let field = if known.is_empty() { "from" } else { "warehouse" };
        return Err(Problem::invalid_field(field, complaint));
    };
    if key(from) > last {
        let last = place(last);
        let complaint = format!("must not be after the last message, which stands at {last}");
        return Err(Problem::invalid_field("from", complaint));
    }
    Ok(wanted.into_iter().map(|(feed, end)| (feed.clone(), end)).collect())
}

/// Sends what stands from a position on, up to what there was when it was asked for, warehouse by
/// warehouse.
async fn send_all(
    publisher: &Publisher,
    (from, feeds): (Place, Vec<(FeedName, i64)>),
    replay: &Replay,
    topic: Arc<Topic>,
) -> Result<(), PublishError> {
    let partitions = topic.partitions().unwrap_or(1).max(1);
    let producer = Arc::new(Producer::new(&publisher.config.brokers, topic)?);
    let (topic, id) = (replay.to_topic.as_str(), replay.replay_id);
    let mut lanes = BTreeMap::<String, i32>::new();
    for (feed, end) in feeds {
        let (told, mut heard) = mpsc::unbounded_channel();
        let (mut after, mut in_flight) = (key(from) - 1, 0_usize);
        while after < end {
            let page = publisher.stream.page(&feed, after, PAGE_MESSAGES).await?;
            let Some(last) = page.last().map(|message| message.sent.place) else { break };
            let progress = publisher.stream.progress(&feed, (after, last), PAGE_MESSAGES).await?;
            let requests: BTreeMap<i64, &RequestProgress> =
                progress.iter().map(|request| (key(request.place), request)).collect();
            after = last;
            for message in page {
                let next = i32::try_from(lanes.len()).unwrap_or_default() % partitions;
                let partition = *lanes.entry(message.lane.clone()).or_insert(next);
                let request = requests.get(&message.sent.place).copied();
                let replay = Some(Replayed { request });
                let target = Target { topic, partition, attempt: 1, replay };
                loop {
                    let ticket = Ticket { to: told.clone(), lane: 0, place: message.sent.place };
                    match message.send(&producer, target, ticket) {
                        Ok(()) => break in_flight += 1,
                        Err(Unsent::Failed(why)) => return Err(PublishError::replay(&why)),
                        Err(Unsent::QueueFull) => {
                            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                        }
                    }
                }
                while in_flight >= IN_FLIGHT_MAX {
                    in_flight -= hear(publisher, id, heard.recv().await)?;
                }
            }
        }
        while in_flight > 0 {
            in_flight -= hear(publisher, id, heard.recv().await)?;
        }
    }
    Ok(())
}

/// Counts what was acknowledged; what wasn't ends the replay.
fn hear(
    publisher: &Publisher,
    id: Uuid,
    delivery: Option<crate::kafka::Delivery>,
) -> Result<usize, PublishError> {
    let Some(delivery) = delivery else { return Err(PublishError::Failed) };
    delivery.outcome.map_err(|why| PublishError::replay(&why))?;
    publisher.replays.change(id, |replay| replay.sent += 1);
    Ok(1)
}

impl Replays {
    fn note(&self, replay: Replay) {
        let mut replays = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        replays.insert(replay.replay_id, replay);
        while replays.len() > REMEMBERED_MAX {
            replays.pop_first();
        }
    }

    fn change(&self, id: Uuid, change: impl FnOnce(&mut Replay)) {
        let mut replays = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(replay) = replays.get_mut(&id) {
            change(replay);
        }
    }

    fn get(&self, id: Uuid) -> Option<Replay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }
}
