//! A feed for every warehouse that there is, each verified before it begins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::PublishError;
use crate::ends::FeedName;
use crate::feed::Feed;
use crate::pace::Pace;
use crate::resend::Resend;
use crate::session::Session;
use crate::state::{FeedRow, Kept, LaneRow};

/// How long a read that failed is waited with.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// What is kept of all feeds, read at one time.
struct KeptFeeds {
    feeds: BTreeMap<FeedName, KeptFeed>,
    /// How often each partition of the topic had lost messages by then. The lanes that weren't gone
    /// back for it are marked.
    losses: BTreeMap<i32, u64>,
}

/// What is kept of one.
#[derive(Default)]
struct KeptFeed {
    row: Option<FeedRow>,
    lanes: Vec<LaneRow>,
    losses: BTreeMap<i32, u64>,
}

/// Feeds every warehouse, until told to stop or one can't be fed for a reason that concerns all.
pub(crate) async fn feed_all(
    session: Arc<Session>,
    kept: Kept,
    stop: CancellationToken,
) -> Result<(), PublishError> {
    let mut ends = session.ends.clone();
    let mut kept = KeptFeeds::new(kept, &session.topic.name);
    let (mut running, mut known) = (JoinSet::new(), BTreeSet::new());
    let ended = loop {
        let mut feeds: BTreeSet<FeedName> = kept.feeds.keys().cloned().collect();
        feeds.extend(ends.borrow_and_update().feeds().map(|(feed, _)| feed.clone()));
        for feed in feeds {
            if known.insert(feed.clone()) {
                let kept = kept.take(&feed);
                running.spawn(run(Arc::clone(&session), feed, kept, stop.clone()));
            }
        }
        tokio::select! {
            () = stop.cancelled() => break Ok(()),
            _ = ends.changed() => {}
            Some(ended) = running.join_next() => {
                if let Err(error) = ended.unwrap_or(Err(PublishError::Failed)) {
                    break Err(error);
                }
            }
        }
    };
    stop.cancel();
    while running.join_next().await.is_some() {}
    ended
}

impl KeptFeeds {
    fn new(kept: Kept, topic: &str) -> Self {
        let mut feeds = BTreeMap::<FeedName, KeptFeed>::new();
        for lane in kept.lanes {
            if let Ok(feed) = lane.feed.parse() {
                feeds.entry(feed).or_default().lanes.push(lane);
            }
        }
        for row in kept.feeds {
            if let Ok(feed) = row.feed.parse() {
                feeds.entry(feed).or_default().row = Some(row);
            }
        }
        let partitions = kept.partitions.into_iter().filter(|row| row.topic == topic);
        let losses = partitions.filter_map(|row| {
            let partition = i32::try_from(row.topic_partition).ok()?;
            Some((partition, u64::try_from(row.losses).ok()?))
        });
        Self { feeds, losses: losses.collect() }
    }

    fn take(&mut self, feed: &FeedName) -> KeptFeed {
        let kept = self.feeds.remove(feed).unwrap_or_default();
        KeptFeed { losses: self.losses.clone(), ..kept }
    }
}

/// Feeds one warehouse. Where what was sent to it isn't what there is, it alone stops, until an
/// operator says from where to go on.
async fn run(
    session: Arc<Session>,
    feed: FeedName,
    mut kept: KeptFeed,
    stop: CancellationToken,
) -> Result<(), PublishError> {
    while !stop.is_cancelled() {
        if let Some(why) = kept.row.as_ref().and_then(|row| row.stopped_why.as_deref()) {
            session.status.tell_of_stop(&feed, why);
            stop.run_until_cancelled(tokio::time::sleep(RETRY_AFTER)).await;
        } else {
            match feed_on(&session, &feed, kept, &stop).await {
                Err(error @ PublishError::Forked { .. }) => {
                    let why = error.to_string();
                    session.state.stop_feed(session.lease, &feed.to_string(), Some(&why)).await?;
                }
                Err(error @ PublishError::Unverified(_)) => {
                    session.status.tell_of_stop(&feed, &crate::with_causes(&error));
                    stop.run_until_cancelled(tokio::time::sleep(RETRY_AFTER)).await;
                }
                fed => return fed,
            }
        }
        kept = KeptFeeds::new(session.state.read().await?, &session.topic.name).take(&feed);
    }
    Ok(())
}

/// Feeds it until it is told to stop.
async fn feed_on(
    session: &Arc<Session>,
    feed: &FeedName,
    KeptFeed { row, lanes, losses }: KeptFeed,
    stop: &CancellationToken,
) -> Result<(), PublishError> {
    let (mut acknowledged_to, checked_to) =
        row.map_or((0, 0), |row| (row.acknowledged_to, row.checked_to));
    for lane in &lanes {
        verify(session, feed, lane).await?;
    }
    let mut settled = vec![];
    for lane in lanes {
        let feed = (feed, &mut acknowledged_to);
        settled.push(session.settle_partition(feed, lane).await?);
    }
    let pace = Arc::new(Pace::new(session.rate(&feed.warehouse)));
    let (shared, name) = (Arc::clone(session), feed.clone());
    let fed = Feed::new(shared, name, settled, losses, acknowledged_to, Arc::clone(&pace));
    let again = Resend::new(Arc::clone(session), feed.clone(), checked_to, pace);
    tokio::try_join!(fed.run(stop), again.run(stop)).map(drop)
}

/// Verifies that the read model still has what was last acknowledged of a lane. One that hasn't
/// come so far yet is waited for: it may be made anew, or the log was shortened, which an operator
/// knows.
async fn verify(session: &Session, feed: &FeedName, lane: &LaneRow) -> Result<(), PublishError> {
    // It has sent nothing yet, or went back to before a message.
    if lane.message_id.is_empty() {
        return Ok(());
    }
    let forked = |why: String| PublishError::Forked { feed: feed.to_string(), why };
    match session.stream.message_at(lane.place).await {
        Ok(Some(message)) if message.sent.digest == lane.digest => Ok(()),
        Ok(Some(message)) => Err(forked(format!(
            "where message {} stood in lane {}, there is {} now, or another text of it",
            lane.message_id, lane.lane, message.sent.message_id
        ))),
        Ok(None) => {
            let (id, lane) = (&lane.message_id, &lane.lane);
            Err(forked(format!("message {id} of lane {lane} is not there any more")))
        }
        Err(error) => Err(PublishError::Unverified(Box::new(error))),
    }
}
