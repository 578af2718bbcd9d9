//! Which read tables are read: those of this log, in its present generation, once they contain all
//! that the log did when this process started, or first saw it in that generation.

use std::time::Duration;

use event_store::{EventStore, StoreError};
use log_record::{Generation, Head, Partition, Place, Position};
use projector::Projector;
use read_model::{AskLog, LastEvent, LogEnds, LogHistory, OfLog, ReadModel};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::serve_config::{Part, ServeConfig};

/// How often it is looked in which generation the log is, and where it ends. A process that only
/// reads may run on across a fork.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How long the log may take to say whether it has an event. A replica is asked again a second
/// later.
const ASK_MAX: Duration = Duration::from_millis(500);

/// What the read tables must have been made of, as the log is now.
pub(super) async fn required(
    store: &EventStore,
    stop: &CancellationToken,
) -> Result<OfLog, StoreError> {
    let looked_at = Instant::now();
    let heads = store.heads().await?;
    let ends = watch::Sender::new(LogEnds { looked_at, ends: ends(&heads) });
    let history = watch::Sender::new(history(store, heads).await);
    let required = OfLog::now(store.log_id(), history.subscribe())
        .with_ends(ends.subscribe())
        .with_proof(ask(store.clone()));
    tokio::spawn(stop.clone().run_until_cancelled_owned(follow(store.clone(), history, ends)));
    Ok(required)
}

pub(super) async fn open(
    config: &ServeConfig,
    projector: Option<&Projector>,
    required: &OfLog,
) -> anyhow::Result<ReadModel> {
    let replica = config.read_model_replica.as_ref();
    let Some(projector) = projector else { return open_beside(config, required).await };
    prepared(config, projector.read_model(replica).await?, required).await
}

/// The same where no projector of this process has anything to say of them.
pub(super) async fn open_beside(
    config: &ServeConfig,
    required: &OfLog,
) -> anyhow::Result<ReadModel> {
    let replica = config.read_model_replica.as_ref();
    let opened = ReadModel::open(&config.data.read_model(), replica).await?;
    prepared(config, opened, required).await
}

async fn prepared(
    config: &ServeConfig,
    opened: ReadModel,
    required: &OfLog,
) -> anyhow::Result<ReadModel> {
    // Where the writer runs, it checks this host's clock.
    let is_checked = config.runs(Part::CommandApi);
    let opened = if is_checked { opened } else { opened.with_log_clock() };
    Ok(opened.of_log(required.clone()).await?)
}

/// Asks the log for the events of which a replica's tables were made.
fn ask(store: EventStore) -> AskLog {
    AskLog::new(move |LastEvent { place, generation, checksum }| {
        let store = store.clone();
        Box::pin(async move {
            let has = tokio::time::timeout(ASK_MAX, store.has(place, generation, checksum)).await;
            has.ok()?.inspect_err(|error| tracing::debug!(%error, "the log can't be asked")).ok()
        })
    })
}

async fn follow(
    store: EventStore,
    known: watch::Sender<LogHistory>,
    known_ends: watch::Sender<LogEnds>,
) {
    loop {
        tokio::time::sleep(LOOK_INTERVAL).await;
        let looked_at = Instant::now();
        // A log that is away is in the generation that it was in.
        let Ok(heads) = store.heads().await else { continue };
        known_ends.send_replace(LogEnds { looked_at, ends: ends(&heads) });
        let is_known = latest(&heads) == known.borrow().generation;
        if !is_known {
            known.send_replace(history(&store, heads).await);
        }
    }
}

/// A log's history up to these heads.
async fn history(store: &EventStore, heads: Vec<(Partition, Head)>) -> LogHistory {
    let mut begins = vec![];
    for (partition, head) in &heads {
        if let Err(error) = find_begins(store, *partition, *head, &mut begins).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "can't read where the log's generations begin");
        }
    }
    LogHistory { generation: latest(&heads), ends: ends(&heads), begins }
}

fn ends(heads: &[(Partition, Head)]) -> Vec<Place> {
    let end = |(partition, head): &(Partition, Head)| Place {
        partition: *partition,
        position: head.position,
    };
    heads.iter().map(end).collect()
}

/// Where the generations of a partition begin, but the first. Archived events aren't looked at: a
/// generation that begins in the archive is known by its first event in the log itself.
async fn find_begins(
    store: &EventStore,
    partition: Partition,
    head: Head,
    begins: &mut Vec<(Generation, Place)>,
) -> Result<(), StoreError> {
    if head.generation == Generation(1) {
        return Ok(());
    }
    let ranges = store.archived_ranges().await?.into_iter();
    let archived = ranges.filter(|range| range.partition == partition).map(|range| range.last);
    let first = archived.max().unwrap_or(Position::START).next();
    let (mut generation, mut end) = (head.generation, head.position);
    while generation > Generation(1) && end >= first {
        // Generations only rise, so half of what is left is left out each time.
        let (mut low, mut high) = (first.0, end.0);
        let mut before = None;
        while low < high {
            let middle = low + (high - low) / 2;
            let place = Place { partition, position: Position(middle) };
            let there = store.read_one(place).await?.generation;
            if there < generation {
                (low, before) = (middle + 1, Some(there));
            } else {
                high = middle;
            }
        }
        begins.push((generation, Place { partition, position: Position(low) }));
        let Some(former) = before else { break };
        (generation, end) = (former, Position(low - 1));
    }
    Ok(())
}

fn latest(heads: &[(Partition, Head)]) -> Generation {
    heads.iter().map(|(_, head)| head.generation).max().unwrap_or(Generation(1))
}

#[cfg(test)]
mod tests;
