//! What there is to send, as the read model has it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use log_record::{PackedPlace, Partition, Place, Position};
use read_model::{Query, ReadError, ReadModel, Reading, RequestProgress, ShippingStatus};

use crate::PublishError;
use crate::ends::{FeedName, LaneEnd};
use crate::message::Message;
use crate::state::LaneRow;

const LANES: Query = Query::same(include_str!("sql/list_lane_ends.sql"));

/// How many rows are looked through at once where one is sought.
const SOUGHT_AT_ONCE: u32 = 1_000;

/// The read model, as what is to be sent.
#[derive(Clone)]
pub(crate) struct Stream {
    read_model: ReadModel,
}

/// A place as one number, by which the messages of one partition are in order.
pub(crate) fn key(place: Place) -> i64 {
    PackedPlace::from(place).as_i64()
}

/// The place that a number stands for.
pub(crate) fn place(key: i64) -> Place {
    PackedPlace::from_i64(key).into()
}

impl Stream {
    pub(crate) const fn new(read_model: ReadModel) -> Self {
        Self { read_model }
    }

    /// Begins to read tables that have come to a place; nothing waits for long here.
    pub(crate) async fn read(&self, reached: &[Place]) -> Result<Reading, PublishError> {
        Ok(self.read_model.read(reached, Duration::from_secs(1)).await?)
    }

    /// Waits until the projector, where it runs in this process, is past a place; at most so long.
    pub(crate) async fn wait_past(&self, place: Place, wait_max: Duration) {
        let next = Place { position: Position(place.position.0 + 1), ..place };
        // One that isn't there yet is looked for again.
        drop(self.read_model.wait_for(&[next], wait_max).await);
    }

    /// How far the read model is in a partition.
    pub(crate) async fn reached(&self, partition: Partition) -> Result<Place, PublishError> {
        let start = Place { partition, position: Position::START };
        let reading = self.read(&[]).await?;
        Ok(Place { partition, position: reading.as_of().reached(&start) })
    }

    /// Where every lane ends.
    pub(crate) async fn lane_ends(&self) -> Result<Vec<LaneEnd>, PublishError> {
        Ok(self.read(&[]).await?.all(LANES, &[]).await?)
    }

    /// A feed's next messages, in the order of the log.
    pub(crate) async fn page(
        &self,
        feed: &FeedName,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Message>, PublishError> {
        let mut reading = self.read(&[]).await?;
        let after = place(after.max(key(feed.start())));
        let messages = reading.shipping_messages(&feed.warehouse, after, limit).await?;
        Ok(messages.into_iter().map(Message::from).collect())
    }

    /// The next message of one lane.
    pub(crate) async fn next_of_lane(
        &self,
        feed: &FeedName,
        lane: &str,
        mut after: i64,
    ) -> Result<Option<Message>, PublishError> {
        loop {
            let page = self.page(feed, after, SOUGHT_AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(None) };
            after = last.sent.place;
            if let Some(found) = page.into_iter().find(|message| message.lane == lane) {
                return Ok(Some(found));
            }
        }
    }

    /// The message that stands at a place.
    pub(crate) async fn message_at(&self, at: i64) -> Result<Option<Message>, PublishError> {
        let mut reading = self.read(&[place(at)]).await?;
        Ok(reading.shipping_message(place(at)).await?.map(Message::from))
    }

    /// A feed's next requests, and what became of them, from tables that have come to `to`: what
    /// isn't there yet must not be taken for what there isn't.
    pub(crate) async fn progress(
        &self,
        feed: &FeedName,
        (after, to): (i64, i64),
        limit: u32,
    ) -> Result<Vec<RequestProgress>, PublishError> {
        let mut reading = self.read(&[place(to)]).await?;
        let after = place(after.max(key(feed.start())));
        Ok(reading.shipping_progress(&feed.warehouse, after, limit).await?)
    }

    /// What became of a request.
    pub(crate) async fn progress_of(
        &self,
        shipping_request_id: &str,
    ) -> Result<Option<RequestProgress>, PublishError> {
        Ok(self.read(&[]).await?.find_shipping_progress(shipping_request_id).await?)
    }

    /// Lanes as they were before their first request that nobody has accepted; as they are, where
    /// there is none up to their checkpoint. No such request is at `accepted_to` or before.
    pub(crate) async fn before_unaccepted(
        &self,
        feed: &FeedName,
        lanes: &[LaneRow],
        accepted_to: i64,
    ) -> Result<Vec<LaneRow>, PublishError> {
        let mut sought: BTreeMap<&str, &LaneRow> =
            lanes.iter().map(|lane| (lane.lane.as_str(), lane)).collect();
        let (mut found, mut after) = (vec![], accepted_to.max(key(feed.start())));
        while let Some(end) = sought.values().map(|lane| lane.place).max()
            && after < end
        {
            let reading = self.read(&[place(end)]).await;
            let mut reading = reading.map_err(|error| match error {
                PublishError::Unread(ReadError::Behind { .. }) => {
                    PublishError::Unverified(Box::new(error))
                }
                error => error,
            })?;
            let from = place(after);
            let warehouse = &feed.warehouse;
            let messages = reading.shipping_messages(warehouse, from, SOUGHT_AT_ONCE).await?;
            let requests = reading.shipping_progress(warehouse, from, SOUGHT_AT_ONCE).await?;
            let open = requests.into_iter().filter(|request| is_unaccepted(request.status));
            let open: BTreeSet<i64> = open.map(|request| key(request.place)).collect();
            let Some(last) = messages.last() else { break };
            after = key(last.place);
            for message in messages {
                let at = key(message.place);
                let Some(lane) = sought.get(message.lane.as_str()).copied() else { continue };
                if open.contains(&at) && at <= lane.place {
                    found.push(lane.before(at, message.sequence));
                    sought.remove(message.lane.as_str());
                }
            }
        }
        found.extend(sought.into_values().cloned());
        Ok(found)
    }
}

/// Whether a warehouse has said nothing of a request that still stands.
pub(crate) fn is_unaccepted(status: ShippingStatus) -> bool {
    status == ShippingStatus::Requested
}
