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

type KeptFeeds = BTreeMap<FeedName, (Option<FeedRow>, Vec<LaneRow>)>;

/// Feeds every warehouse, until told to stop or one can't be fed for a reason that concerns all.
pub(crate) async fn feed_all(
    session: Arc<Session>,
    kept: Kept,
    stop: CancellationToken,
) -> Result<(), PublishError> {
    let mut ends = session.ends.clone();
    let mut kept = by_feed(kept);
    let (mut running, mut known) = (JoinSet::new(), BTreeSet::new());
    let ended = loop {
        let mut feeds: BTreeSet<FeedName> = kept.keys().cloned().collect();
        feeds.extend(ends.borrow_and_update().feeds().map(|(feed, _)| feed.clone()));
        for feed in feeds {
            if known.insert(feed.clone()) {
                let (row, lanes) = kept.remove(&feed).unwrap_or_default();
                running.spawn(run(Arc::clone(&session), feed, row, lanes, stop.clone()));
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

fn by_feed(kept: Kept) -> KeptFeeds {
    let mut feeds = KeptFeeds::new();
    for lane in kept.lanes {
        if let Ok(feed) = lane.feed.parse() {
            feeds.entry(feed).or_default().1.push(lane);
        }
    }
    for row in kept.feeds {
        if let Ok(feed) = row.feed.parse() {
            feeds.entry(feed).or_default().0 = Some(row);
        }
    }
    feeds
}

/// Feeds one warehouse. Where what was sent to it isn't what there is, it alone stops, until an
/// operator says from where to go on.
async fn run(
    session: Arc<Session>,
    feed: FeedName,
    mut row: Option<FeedRow>,
    mut lanes: Vec<LaneRow>,
    stop: CancellationToken,
) -> Result<(), PublishError> {
    while !stop.is_cancelled() {
        if let Some(why) = row.as_ref().and_then(|row| row.stopped_why.as_deref()) {
            session.status.tell_of_stop(&feed, why);
            stop.run_until_cancelled(tokio::time::sleep(RETRY_AFTER)).await;
        } else {
            match feed_on(&session, &feed, row.as_ref(), lanes, &stop).await {
                Err(error @ PublishError::Forked { .. }) => {
                    let why = error.to_string();
                    session.state.stop_feed(session.lease, &feed.to_string(), Some(&why)).await?;
                }
                Ok(false) => drop(stop.run_until_cancelled(tokio::time::sleep(RETRY_AFTER)).await),
                fed => return fed.map(drop),
            }
        }
        (row, lanes) = by_feed(session.state.read().await?).remove(&feed).unwrap_or_default();
    }
    Ok(())
}

/// Feeds it until it is told to stop; false where it can't be verified yet what was sent.
async fn feed_on(
    session: &Arc<Session>,
    feed: &FeedName,
    row: Option<&FeedRow>,
    lanes: Vec<LaneRow>,
    stop: &CancellationToken,
) -> Result<bool, PublishError> {
    let (mut acknowledged_to, checked_to) =
        row.map_or((0, 0), |row| (row.acknowledged_to, row.checked_to));
    for lane in &lanes {
        if !is_verified(session, feed, lane).await? {
            return Ok(false);
        }
    }
    let mut settled = vec![];
    for lane in lanes {
        let feed = (feed, &mut acknowledged_to);
        settled.push(session.settle_partition(feed, lane).await?);
    }
    let pace = Arc::new(Pace::new(session.rate(&feed.warehouse)));
    let (shared, name) = (Arc::clone(session), feed.clone());
    let fed = Feed::new(shared, name, settled, acknowledged_to, Arc::clone(&pace));
    let again = Resend::new(Arc::clone(session), feed.clone(), checked_to, pace);
    tokio::try_join!(fed.run(stop), again.run(stop)).map(|_| true)
}

/// Whether the read model still has what was last acknowledged of a lane. One that hasn't come so
/// far yet is waited for: it may be made anew, or the log was shortened, which an operator knows.
async fn is_verified(
    session: &Session,
    feed: &FeedName,
    lane: &LaneRow,
) -> Result<bool, PublishError> {
    // It has sent nothing yet, or went back to before a message.
    if lane.message_id.is_empty() {
        return Ok(true);
    }
    let forked = |why: String| PublishError::Forked { feed: feed.to_string(), why };
    match session.stream.message_at(lane.place).await {
        Ok(Some(message)) if message.sent.digest == lane.digest => Ok(true),
        Ok(Some(message)) => Err(forked(format!(
            "where message {} stood in lane {}, there is {} now, or another text of it",
            lane.message_id, lane.lane, message.sent.message_id
        ))),
        Ok(None) => {
            let (id, lane) = (&lane.message_id, &lane.lane);
            Err(forked(format!("message {id} of lane {lane} is not there any more")))
        }
        Err(error) => {
            let why = format!("it can't be verified yet: {}", crate::with_causes(&error));
            session.status.tell_of_stop(feed, &why);
            Ok(false)
        }
    }
}
