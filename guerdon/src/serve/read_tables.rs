//! Which read tables are read: those of this log, in its present generation, once they contain all
//! that the log did when this process started.

use std::time::Duration;

use event_store::{EventStore, StoreError};
use log_record::{Generation, Head, Partition};
use projector::Projector;
use read_model::{OfLog, ReadModel};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::serve_config::{Part, ServeConfig};

/// How often it is looked in which generation the log is. A process that only reads may run on
/// across a fork.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What the read tables must have been made of, as the log is now.
pub(super) async fn required(
    store: &EventStore,
    stop: &CancellationToken,
) -> Result<OfLog, StoreError> {
    let heads = heads(store).await?;
    let generation = watch::Sender::new(latest(&heads));
    let ends = heads.iter().map(|head| head.position).collect();
    let required = OfLog::now(store.log_id(), generation.subscribe(), ends);
    tokio::spawn(stop.clone().run_until_cancelled_owned(follow(store.clone(), generation)));
    Ok(required)
}

pub(super) async fn open(
    config: &ServeConfig,
    projector: Option<&Projector>,
    required: &OfLog,
) -> anyhow::Result<ReadModel> {
    let replica = config.read_model_replica.as_ref();
    let opened = match projector {
        Some(projector) => projector.read_model(replica).await?,
        None => ReadModel::open(&config.data.read_model(), replica).await?,
    };
    // Where the writer runs, it checks this host's clock.
    let is_checked = config.runs(Part::CommandApi);
    let opened = if is_checked { opened } else { opened.with_log_clock() };
    Ok(opened.of_log(required.clone()).await?)
}

async fn follow(store: EventStore, generation: watch::Sender<Generation>) {
    loop {
        tokio::time::sleep(LOOK_INTERVAL).await;
        // A log that is away is in the generation that it was in.
        if let Ok(heads) = heads(&store).await {
            generation.send_replace(latest(&heads));
        }
    }
}

async fn heads(store: &EventStore) -> Result<Vec<Head>, StoreError> {
    let mut heads = vec![];
    for partition in (0..store.partitions()).map(Partition) {
        heads.push(store.head(partition).await?);
    }
    Ok(heads)
}

fn latest(heads: &[Head]) -> Generation {
    heads.iter().map(|head| head.generation).max().unwrap_or(Generation(1))
}
