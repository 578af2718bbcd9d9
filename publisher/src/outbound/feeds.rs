//! A feed for every warehouse, each verified before it starts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::feed::Feed;
use super::pace::Pace;
use super::progress::StopReason;
use super::resend::Resend;
use super::resume::{FeedStart, StoredFeedRows, resume};
use super::session::Session;
use crate::causes::with_causes;
use crate::error::PublishError;
use crate::kafka::topic_partition::Losses;
use crate::lane_name::FeedName;
use crate::state::checkpoint::Stored;

/// The pause before a stopped feed is looked at again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// What the state has of all feeds, read in one transaction.
struct StoredFeeds {
    feeds: BTreeMap<FeedName, StoredFeedRows>,
    losses: Losses,
}

/// Feeds every warehouse, until `stop` or until an error that concerns all of them.
pub(crate) async fn feed_all(
    session: Arc<Session>,
    stored: Stored,
    stop: CancellationToken,
) -> Result<(), PublishError> {
    let mut ends = session.ends.clone();
    let mut stored = StoredFeeds::new(stored, &session.topic.name);
    let (mut running, mut known) = (JoinSet::new(), BTreeSet::new());
    let ended = loop {
        let mut feeds: BTreeSet<FeedName> = stored.feeds.keys().cloned().collect();
        feeds.extend(ends.borrow_and_update().feeds().cloned());
        for feed in feeds {
            if known.insert(feed.clone()) {
                let rows = stored.take(&feed);
                running.spawn(run(Arc::clone(&session), feed, rows, stop.clone()));
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

impl StoredFeeds {
    fn new(stored: Stored, topic: &str) -> Self {
        let mut feeds = BTreeMap::<FeedName, StoredFeedRows>::new();
        for lane in stored.lanes {
            feeds.entry(lane.lane.feed.clone()).or_default().lanes.push(lane);
        }
        for row in stored.feeds {
            let feed = feeds.entry(row.feed.clone()).or_default();
            feed.feed = Some(row);
        }
        let partitions = stored.partitions.into_iter().filter(|row| row.topic == topic);
        Self { feeds, losses: partitions.map(|row| (row.partition, row.losses)).collect() }
    }

    fn take(&mut self, feed: &FeedName) -> StoredFeedRows {
        let rows = self.feeds.remove(feed).unwrap_or_default();
        StoredFeedRows { losses: self.losses.clone(), ..rows }
    }
}

/// Feeds one warehouse. If the messages that were sent differ from the read model, this feed alone
/// stops, until an operator continues it.
async fn run(
    session: Arc<Session>,
    feed: FeedName,
    mut stored: StoredFeedRows,
    stop: CancellationToken,
) -> Result<(), PublishError> {
    while !stop.is_cancelled() {
        let stopped_why = stored.feed.as_ref().and_then(|row| row.stopped_why.clone());
        if let Some(why) = stopped_why {
            session.progress.note_stop(&feed, StopReason::Forked(why));
            stop.run_until_cancelled(tokio::time::sleep(RETRY_AFTER)).await;
        } else {
            match resume_and_feed(&session, &feed, stored, &stop).await {
                Err(error @ PublishError::Forked { .. }) => {
                    session.state.stop_feed(session.lease, &feed, &error.to_string()).await?;
                }
                Err(error @ PublishError::Unverified(_)) => {
                    let why = StopReason::Unverified(with_causes(&error));
                    session.progress.note_stop(&feed, why);
                    stop.run_until_cancelled(tokio::time::sleep(RETRY_AFTER)).await;
                }
                fed => return fed,
            }
        }
        stored = StoredFeeds::new(session.state.load().await?, &session.topic.name).take(&feed);
    }
    Ok(())
}

/// Feeds one warehouse, and sends its unaccepted requests again, until `stop`.
async fn resume_and_feed(
    session: &Arc<Session>,
    feed: &FeedName,
    stored: StoredFeedRows,
    stop: &CancellationToken,
) -> Result<(), PublishError> {
    let start: FeedStart = resume(session, feed, stored).await?;
    let pace = Arc::new(Pace::new(session.rate(&feed.warehouse)));
    let (shared, checked_to) = (Arc::clone(session), start.checked_to);
    let resend = Resend::new(Arc::clone(session), feed.clone(), checked_to, Arc::clone(&pace));
    let feeding = Feed::new(shared, start, pace);
    tokio::try_join!(feeding.run(stop), resend.run(stop)).map(drop)
}
