//! Has snapshots taken while the ledger serves: by a child process, `guerdon snapshot`, so that the
//! writer is never held up and no second state stays in memory.

use std::process::Stdio;
use std::time::Duration;

use event_store::EventStore;
use log_record::{Partition, Place, Position};
use tokio_util::sync::CancellationToken;

use super::child;
use crate::serve_config::ServeConfig;

/// How often the log's end is looked at: one read of one row.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Takes one after the other, each once so many events of its partition have come since the one
/// before, until it is told to stop. One that fails is named and hurts nobody; the next is due as
/// many events later. However many partitions there are, there is one child at a time, and no
/// second state beside it.
pub(super) async fn keep_taking(
    config: ServeConfig,
    store: EventStore,
    mut newest: Vec<(Partition, Position)>,
    stop: CancellationToken,
) {
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
        for (partition, newest) in &mut newest {
            // A log that can't be read is the writer's to tell of.
            let Ok(head) = store.head(*partition).await else { continue };
            if head.position.since(*newest) < config.snapshot_every {
                continue;
            }
            *newest = head.position;
            let at_least_to = Place { partition: *partition, position: head.position };
            match take(&config, *partition, &stop).await {
                Ok(Child::GivenUp) => return,
                Ok(Child::Ended) => tracing::info!(%at_least_to, "a snapshot was taken"),
                Err(error) => {
                    tracing::warn!(
                        %error, %partition, "no snapshot was taken; the ledger serves without it"
                    );
                }
            }
        }
    }
}

/// What became of a child.
enum Child {
    Ended,
    GivenUp,
}

/// Runs the child. When it is told to stop, the child is killed and waited for: it has the log
/// open, and SQLite tidies its journal away only when the last process lets go of it. A log whose
/// journal stayed behind would, were its file replaced by an older copy, go on from neither.
async fn take(
    config: &ServeConfig,
    partition: Partition,
    stop: &CancellationToken,
) -> std::io::Result<Child> {
    let mut command = child::on(&config.data)?;
    command.args(["snapshot", "--quiet", "--partition"]).arg(partition.to_string());
    let mut child = command.stdout(Stdio::null()).spawn()?;
    match stop.run_until_cancelled(child.wait()).await.transpose()? {
        None => {
            child.kill().await?;
            Ok(Child::GivenUp)
        }
        Some(ended) if ended.success() => Ok(Child::Ended),
        Some(ended) => Err(std::io::Error::other(format!("it ended with {ended}"))),
    }
}
