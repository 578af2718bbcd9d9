//! Whether Kafka has acknowledged the messages that the read tables have for warehouses, and no
//! other; and what came back that nobody could use.
//!
//! It reads the publisher's state and then the read tables, beside a publisher at work: what is
//! acknowledged by then was in the tables before.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Timestamp;
use log_record::{LogId, PackedPlace};
use read_model::{MessageKind, ReadModel};

use crate::clock::UnixMillis;
use crate::error::PublishError;
use crate::lane_name::{FeedName, LaneName};
use crate::outbound::message::Message;
use crate::outbound::stream::{LaneEnd, Stream, is_unaccepted};
use crate::state::StateUrl;
use crate::state::checkpoint::{FeedCheckpoint, LaneCheckpoint, Stored};
use crate::state::store::State;

/// How many differences of each kind are named; all are counted.
const MESSAGES_NAMED_MAX: usize = 100;

/// How many rows are read at once.
const PAGE: u32 = 1_000;

/// How a message differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageDifferenceKind {
    /// The tables have it, and Kafka hasn't acknowledged it.
    Unsent,
    /// Kafka acknowledged it, and the tables don't have it, or have another one.
    Unasked,
    /// A warehouse or a shop sent it, and it can't be used.
    Parked,
    /// The warehouse has not accepted the request in time.
    Unanswered,
}

/// A message that isn't as the log asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageDifference {
    /// How it differs.
    pub kind: MessageDifferenceKind,
    /// Its lane, or the topic that it came from.
    pub of: String,
    /// The message: its id, or where it stands in its topic.
    pub message: String,
    /// What the log asks for.
    pub log: String,
    /// What there is.
    pub there: String,
}

/// What was found about messages.
#[derive(Clone, Debug, Default)]
pub struct ReconciledMessages {
    /// How many messages the tables have for warehouses.
    pub messages: u64,
    /// How many of them Kafka has acknowledged.
    pub acknowledged: u64,
    /// How many are on their way, and not late.
    pub waiting: u64,
    /// The differences, as far as they are named.
    pub named: Vec<MessageDifference>,
    /// How many differences of each kind there are.
    pub counts: BTreeMap<MessageDifferenceKind, u64>,
}

impl MessageDifferenceKind {
    /// As reports name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsent => "message-unsent",
            Self::Unasked => "message-unasked",
            Self::Parked => "message-parked",
            Self::Unanswered => "request-unanswered",
        }
    }
}

impl ReconciledMessages {
    /// How many differences there are.
    #[must_use]
    pub fn differences(&self) -> u64 {
        self.counts.values().sum()
    }

    fn add(&mut self, difference: MessageDifference) {
        let count = self.counts.entry(difference.kind).or_default();
        *count += 1;
        if *count <= MESSAGES_NAMED_MAX as u64 {
            self.named.push(difference);
        }
    }
}

/// Compares the messages of the read tables with what Kafka has acknowledged. One that was asked
/// for less than `sent_within` ago is on its way. Nothing where no publisher of this log has ever
/// sent anything.
pub async fn reconcile_messages(
    url: &StateUrl,
    read_model: ReadModel,
    log_id: LogId,
    partitions: u16,
    sent_within: Duration,
) -> Result<Option<ReconciledMessages>, PublishError> {
    let Some(state) = State::open_if_there(url).await? else { return Ok(None) };
    if !state.is_of_log(&log_id.to_string()).await? {
        return Ok(None);
    }
    // First what is acknowledged, then what there is to acknowledge.
    let stored = state.load().await?;
    let due = UnixMillis::now().minus(sent_within).to_timestamp();
    let stream = Stream::new(read_model);
    let mut found = ReconciledMessages::default();
    for lane in &stored.lanes {
        if let Some(difference) = unasked(&stream, lane).await? {
            found.add(difference);
        }
    }
    let ends = stream.lane_ends(partitions).await?;
    unsent(&stream, &stored, &ends, due, &mut found).await?;
    parked(&state, &mut found).await?;
    unanswered(&state, &stream, &mut found).await?;
    Ok(Some(found))
}

/// The last message of a lane that was acknowledged, if the tables don't have it. Those before it
/// went out in order.
async fn unasked(
    stream: &Stream,
    lane: &LaneCheckpoint,
) -> Result<Option<MessageDifference>, PublishError> {
    // The lane has sent nothing yet, or went back.
    if lane.message_id.is_empty() {
        return Ok(None);
    }
    let log = match stream.message_if_there(lane.place).await? {
        Some(message) if message.entry.digest.text() == lane.digest => return Ok(None),
        Some(message) if message.entry.id.to_string() == lane.message_id => {
            "this message with another text".to_owned()
        }
        Some(message) => format!("the message {}", message.entry.id),
        None => "no message there".to_owned(),
    };
    Ok(Some(MessageDifference {
        kind: MessageDifferenceKind::Unasked,
        of: lane.lane.to_string(),
        message: lane.message_id.clone(),
        log,
        there: format!("acknowledged as number {} of the lane", lane.sequence),
    }))
}

/// The messages that are not acknowledged, by feed: those that are late, and how many are not.
async fn unsent(
    stream: &Stream,
    stored: &Stored,
    ends: &[LaneEnd],
    due: Timestamp,
    found: &mut ReconciledMessages,
) -> Result<(), PublishError> {
    let known: BTreeMap<&LaneName, &LaneCheckpoint> =
        stored.lanes.iter().map(|lane| (&lane.lane, lane)).collect();
    let mut behind: BTreeMap<&FeedName, Vec<&LaneEnd>> = BTreeMap::new();
    for end in ends {
        let acknowledged = known.get(&end.lane).map_or(0, |lane| lane.sequence);
        let acknowledged = acknowledged.clamp(0, end.last_sequence);
        found.messages += end.last_sequence.unsigned_abs();
        found.acknowledged += acknowledged.unsigned_abs();
        if acknowledged < end.last_sequence {
            behind.entry(&end.lane.feed).or_default().push(end);
        }
    }
    for (name, lanes) in behind {
        let feed = stored.feeds.iter().find(|feed| feed.feed == *name);
        let starts = lanes.iter().map(|end| known.get(&end.lane).map(|lane| lane.place));
        let mut after = starts.map(|at| at.unwrap_or(name.start())).min().unwrap_or(name.start());
        let last = lanes.iter().map(|end| end.last_place).max().unwrap_or(after);
        while after < last {
            let page = stream.page(name, after, PAGE).await?;
            let Some(end) = page.last() else { break };
            after = end.entry.place;
            for message in page.iter().filter(|message| message.entry.place <= last) {
                let lane = known.get(&message.lane).copied();
                if message.entry.sequence <= lane.map_or(0, |lane| lane.sequence) {
                    continue;
                }
                if is_late(message, feed, due) {
                    found.add(late(message, lane, feed));
                } else {
                    found.waiting += 1;
                }
            }
        }
    }
    Ok(())
}

/// Whether a message should be acknowledged by now: its feed says that all before it is, or it was
/// asked for long ago. One that asks again bears the time of its first.
fn is_late(message: &Message, feed: Option<&FeedCheckpoint>, due: Timestamp) -> bool {
    let content = &message.content;
    let asks_again = content.kind == MessageKind::Requested && content.attempt > 1;
    let is_passed = feed.is_some_and(|feed| message.entry.place <= feed.acknowledged_to);
    is_passed || (!asks_again && content.recorded_at <= due)
}

fn late(
    message: &Message,
    lane: Option<&LaneCheckpoint>,
    feed: Option<&FeedCheckpoint>,
) -> MessageDifference {
    let acknowledged = lane.map_or(0, |lane| lane.sequence);
    let mut there = format!("the lane is acknowledged up to number {acknowledged}");
    let why = [
        feed.and_then(|feed| feed.stopped_why.as_deref()),
        lane.and_then(|lane| lane.blocked_why.as_deref()),
        lane.filter(|lane| lane.is_lost).map(|_| "its topic lost messages"),
    ];
    for why in why.into_iter().flatten() {
        there = format!("{there}: {why}");
    }
    MessageDifference {
        kind: MessageDifferenceKind::Unsent,
        of: message.lane.to_string(),
        message: message.entry.id.to_string(),
        log: format!("number {}, of {}", message.entry.sequence, message.content.recorded_at),
        there,
    }
}

async fn parked(state: &State, found: &mut ReconciledMessages) -> Result<(), PublishError> {
    let mut after = 0;
    loop {
        let page = state.parked(after, PAGE.into()).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.parked_id;
        for message in page {
            found.add(MessageDifference {
                kind: MessageDifferenceKind::Parked,
                of: message.topic,
                message: format!(
                    "partition {}, offset {}",
                    message.topic_partition, message.topic_offset
                ),
                log: "a message that can be used".into(),
                there: format!("{}: {}", message.code, message.reason),
            });
        }
    }
}

async fn unanswered(
    state: &State,
    stream: &Stream,
    found: &mut ReconciledMessages,
) -> Result<(), PublishError> {
    let mut after = PackedPlace::default();
    loop {
        let page = state.overdue(after, PAGE.into()).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.place;
        for request in page {
            let progress = stream.progress_of(&request.shipping_request_id).await?;
            // It may have been accepted since it was looked at last.
            if progress.is_none_or(|progress| !is_unaccepted(progress.status)) {
                continue;
            }
            found.add(MessageDifference {
                kind: MessageDifferenceKind::Unanswered,
                of: request.feed.to_string(),
                message: request.shipping_request_id,
                log: "a request in force".into(),
                there: format!("not accepted, though it was sent {} times", request.attempts),
            });
        }
    }
}
