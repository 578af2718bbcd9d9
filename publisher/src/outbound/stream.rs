//! The shipping messages to send, as the read model has them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use log_record::{Generation, LogId, PackedPlace, Partition, Place, Position};
use read_model::{
    Query, ReadError, ReadModel, Reading, RequestProgress, ShippingMessage, ShippingStatus,
};

use super::encoded::{Encoded, Form};
use super::message::Message;
use crate::error::PublishError;
use crate::lane_name::{FeedName, LaneName, NoLaneName};
use crate::state::checkpoint::LaneCheckpoint;

const LANES: Query = Query::same(include_str!("sql/list_lane_ends.sql"));

/// How many rows a search reads at once.
const SEARCH_PAGE: u32 = 1_000;

/// How long a reading waits for a place that the read model has not reached.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// The read model as a stream of shipping messages.
#[derive(Clone)]
pub(crate) struct Stream {
    read_model: ReadModel,
}

/// Where a lane ends, as the projector has counted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LaneEnd {
    pub(crate) lane: LaneName,
    pub(crate) last_sequence: i64,
    pub(crate) last_place: PackedPlace,
}

/// How far the read model is, by partition; nowhere by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached(pub(crate) Vec<Known>);

/// How far it is in a partition, and in which history of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) at: PackedPlace,
    pub(crate) history: Option<(LogId, Generation)>,
}

/// What has become of the lanes.
#[derive(Debug)]
pub(crate) struct Moved {
    pub(crate) reached: Reached,
    /// The lanes that have moved, or all of them where the read model has gone back or is of
    /// another history.
    pub(crate) lanes: Vec<LaneEnd>,
    pub(crate) has_gone_back: bool,
}

/// Which part of a feed to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    /// Rows up to this place are skipped.
    pub(crate) after: PackedPlace,
    /// The read model must have reached this place; rows after it may come, too.
    pub(crate) reached: PackedPlace,
    pub(crate) limit: u32,
}

impl Reached {
    /// Tables of another history may be further; then their lanes may end before there.
    fn has_gone_back_from(&self, known: &Self) -> bool {
        let mut pairs = self.0.iter().zip(&known.0);
        pairs.any(|(now, then)| now.at < then.at || now.history != then.history)
    }
}

impl Stream {
    pub(crate) const fn new(read_model: ReadModel) -> Self {
        Self { read_model }
    }

    /// Begins to read tables that have reached a place.
    async fn read(&self, reached: &[PackedPlace]) -> Result<Reading, PublishError> {
        let reached: Vec<Place> = reached.iter().map(|place| (*place).into()).collect();
        Ok(self.read_model.read(&reached, WAIT_MAX).await?)
    }

    /// Fails unless the read model has reached a place.
    pub(crate) async fn check_reached(&self, place: PackedPlace) -> Result<(), PublishError> {
        self.read(&[place]).await.map(drop)
    }

    /// Waits until the projector of this process, if it has one, is past a place.
    pub(crate) async fn wait_past(&self, place: PackedPlace, wait_max: Duration) {
        // The caller reads again in any case, so a wait that ends early does no harm.
        drop(self.read_model.wait_for(&[place.next().into()], wait_max).await);
    }

    /// How far the read model is in a partition.
    pub(crate) async fn reached(&self, partition: Partition) -> Result<PackedPlace, PublishError> {
        let start = Place { partition, position: Position::START };
        let position = self.read(&[]).await?.as_of().reached(&start);
        Ok(PackedPlace::new(partition, position))
    }

    /// Where every lane ends.
    pub(crate) async fn lane_ends(&self, partitions: u16) -> Result<Vec<LaneEnd>, PublishError> {
        let nowhere = Reached::default();
        Ok(self.lanes_moved_since(&nowhere, partitions).await?.map_or(vec![], |moved| moved.lanes))
    }

    /// The lanes that have moved since, if the read model has; all of them where it has gone back.
    pub(crate) async fn lanes_moved_since(
        &self,
        known: &Reached,
        partitions: u16,
    ) -> Result<Option<Moved>, PublishError> {
        let mut reading = self.read(&[]).await?;
        let reached = (0..partitions).map(Partition).map(|partition| Known {
            at: PackedPlace::new(partition, reading.as_of().position(partition)),
            history: reading.as_of().history(partition),
        });
        let reached = Reached(reached.collect());
        if reached == *known {
            return Ok(None);
        }
        let has_gone_back = reached.has_gone_back_from(known);
        let mut lanes = vec![];
        for (number, Known { at, .. }) in reached.0.iter().enumerate() {
            let start = PackedPlace::new(at.partition(), Position::START);
            let known = known.0.get(number).map(|known| known.at).filter(|_| !has_gone_back);
            let span = [known.unwrap_or(start), *at].map(|place| place.as_i64().into());
            let rows: Vec<LaneRow> = reading.all(LANES, &span).await?;
            for row in rows {
                lanes.push(row.end()?);
            }
        }
        Ok(Some(Moved { reached, lanes, has_gone_back }))
    }

    /// A feed's next messages, in the order of the log, as they are sent for the first time.
    pub(crate) async fn encoded(
        &self,
        feed: &FeedName,
        after: PackedPlace,
        limit: u32,
    ) -> Result<Vec<Encoded>, PublishError> {
        let (of, after) = (feed.clone(), after.max(feed.start()).into());
        let encode = move |message: &ShippingMessage<&str>| {
            let slot = of.slot_of(message.lane).map_err(undecodable)?;
            Encoded::of(message, slot, Form::FIRST).map_err(undecodable)
        };
        let model = &self.read_model;
        Ok(model.shipping_page(&feed.warehouse, after, limit, WAIT_MAX, encode).await?)
    }

    /// A feed's next messages, in the order of the log.
    pub(crate) async fn page(
        &self,
        feed: &FeedName,
        after: PackedPlace,
        limit: u32,
    ) -> Result<Vec<Message>, PublishError> {
        let mut reading = self.read(&[]).await?;
        page(&mut reading, feed, after, limit).await
    }

    /// The next message of one lane.
    pub(crate) async fn next_of_lane(
        &self,
        lane: &LaneName,
        mut after: PackedPlace,
    ) -> Result<Option<Message>, PublishError> {
        loop {
            let page = self.page(&lane.feed, after, SEARCH_PAGE).await?;
            let Some(last) = page.last() else { return Ok(None) };
            after = last.entry.place;
            if let Some(found) = page.into_iter().find(|message| message.lane == *lane) {
                return Ok(Some(found));
            }
        }
    }

    /// The message of the event at a place. Fails if the read model has not reached the place.
    pub(crate) async fn message_at(
        &self,
        place: PackedPlace,
    ) -> Result<Option<Message>, PublishError> {
        let mut reading = self.read(&[place]).await?;
        let found = reading.shipping_message(place.into()).await?;
        Ok(found.map(Message::try_from).transpose()?)
    }

    /// The message of the event at a place, if the read model has it by now.
    pub(crate) async fn message_if_there(
        &self,
        place: PackedPlace,
    ) -> Result<Option<Message>, PublishError> {
        let mut reading = self.read(&[]).await?;
        let found = reading.shipping_message(place.into()).await?;
        Ok(found.map(Message::try_from).transpose()?)
    }

    /// A feed's requests in a range, with their statuses.
    pub(crate) async fn progress(
        &self,
        feed: &FeedName,
        range: Range,
    ) -> Result<Vec<RequestProgress>, PublishError> {
        let mut reading = self.read(&[range.reached]).await?;
        let after = range.after.max(feed.start()).into();
        Ok(reading.shipping_progress(&feed.warehouse, after, range.limit).await?)
    }

    /// The status of one request.
    pub(crate) async fn progress_of(
        &self,
        shipping_request_id: &str,
    ) -> Result<Option<RequestProgress>, PublishError> {
        Ok(self.read(&[]).await?.find_shipping_progress(shipping_request_id).await?)
    }

    /// Sends lanes back to before their first unaccepted request. A lane without one up to its
    /// checkpoint stays as it is. No unaccepted request is at `accepted_to` or before.
    pub(crate) async fn before_unaccepted(
        &self,
        feed: &FeedName,
        lanes: &[LaneCheckpoint],
        accepted_to: PackedPlace,
    ) -> Result<Vec<LaneCheckpoint>, PublishError> {
        let mut sought: BTreeMap<&LaneName, &LaneCheckpoint> =
            lanes.iter().map(|lane| (&lane.lane, lane)).collect();
        let (mut found, mut after) = (vec![], accepted_to.max(feed.start()));
        while let Some(end) = sought.values().map(|lane| lane.place).max()
            && after < end
        {
            let mut reading = self.read(&[end]).await.map_err(unverified)?;
            let unaccepted = unaccepted_places(&mut reading, feed, after).await?;
            let messages = page(&mut reading, feed, after, SEARCH_PAGE).await?;
            let Some(last) = messages.last() else { break };
            after = last.entry.place;
            for Message { lane: name, entry, .. } in &messages {
                let Some(lane) = sought.get(name).copied() else { continue };
                if unaccepted.contains(&entry.place) && entry.place <= lane.place {
                    found.push(lane.before(entry.place, entry.sequence));
                    sought.remove(name);
                }
            }
        }
        found.extend(sought.into_values().cloned());
        Ok(found)
    }
}

async fn page(
    reading: &mut Reading,
    feed: &FeedName,
    after: PackedPlace,
    limit: u32,
) -> Result<Vec<Message>, PublishError> {
    let after = after.max(feed.start()).into();
    let messages = reading.shipping_messages(&feed.warehouse, after, limit).await?;
    messages.into_iter().map(|message| Ok(Message::try_from(message)?)).collect()
}

async fn unaccepted_places(
    reading: &mut Reading,
    feed: &FeedName,
    after: PackedPlace,
) -> Result<BTreeSet<PackedPlace>, PublishError> {
    let requests = reading.shipping_progress(&feed.warehouse, after.into(), SEARCH_PAGE).await?;
    let unaccepted = requests.into_iter().filter(|request| is_unaccepted(request.status));
    Ok(unaccepted.map(|request| request.place.into()).collect())
}

/// The tables have a message that the projector doesn't write.
fn undecodable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}

/// A read model that is behind may be under rebuild, so the sent messages can't be verified yet.
fn unverified(error: PublishError) -> PublishError {
    match error {
        PublishError::Unread(ReadError::Behind { .. }) => PublishError::Unverified(Box::new(error)),
        error => error,
    }
}

/// Whether a request is in force and its warehouse has not answered.
pub(crate) fn is_unaccepted(status: ShippingStatus) -> bool {
    status == ShippingStatus::Requested
}

#[derive(sql_macros::FromRow)]
struct LaneRow {
    lane: String,
    last_sequence: i64,
    last_place: i64,
}

impl LaneRow {
    fn end(self) -> Result<LaneEnd, NoLaneName> {
        Ok(LaneEnd {
            lane: self.lane.parse()?,
            last_sequence: self.last_sequence,
            last_place: PackedPlace::from_i64(self.last_place),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_another_history_have_gone_back_even_if_they_are_further() {
        let log_id = LogId(uuid::Uuid::from_u128(1));
        let known = |position, generation| {
            let at = PackedPlace::new(Partition(0), Position(position));
            Reached(vec![Known { at, history: Some((log_id, Generation(generation))) }])
        };
        let before = known(100, 1);
        assert!(!known(130, 1).has_gone_back_from(&before));
        assert!(known(99, 1).has_gone_back_from(&before));
        assert!(known(130, 2).has_gone_back_from(&before), "a lane may end at 90 now");
        assert!(!known(130, 2).has_gone_back_from(&Reached::default()), "nothing was known");
    }
}
