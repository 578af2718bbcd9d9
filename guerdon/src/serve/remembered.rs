//! Whether anything beside a log remembers how far it had come. Nothing does where a backup was put
//! onto a new disk: the log would give positions and ids out again that others have seen, and
//! nobody could notice.

use std::time::Duration;

use anyhow::bail;
use event_store::EventStore;
use read_model::{ReadError, ReadModel, ReadModelUrl};

use crate::data_config::DataConfig;
use crate::fork_log;
use crate::serve_config::{Part, ServeConfig};

/// Refuses a log that was in use, and that nothing can be compared with, unless the operator has
/// declared what it is. It is asked where the read model would be made anew and the log goes on.
pub(super) async fn check(config: &ServeConfig, store: &EventStore) -> anyhow::Result<()> {
    let goes_on = config.runs(Part::CommandApi) && config.runs(Part::Projector);
    if !goes_on || config.this_is_the_history || is_new(store).await? {
        return Ok(());
    }
    let data = &config.data;
    let is_remembered = data.snapshots().has_any(store.log_id(), store.partitions())
        || has_read_tables(&data.read_model()).await
        || has_publisher_state(data).await
        || fork_log::ends_with_a_fork(store).await?;
    if is_remembered {
        return Ok(());
    }
    bail!(
        "nothing remembers how far the log {} had come: the read model {}, the publisher's state \
         {} and snapshots are all missing. If the log is a backup, it may lack events that were \
         answered, and would give their positions and ids out again: declare it to be the history \
         with `guerdon fork-log --without-evidence`. If it lacks nothing, as after a move, start \
         once with --this-is-the-history: see docs/operations/the-disk-died.md",
        data.store(),
        data.read_model(),
        data.publisher_state()
    )
}

/// Whether nobody has used the log: nobody has called, so that nobody was answered, and it wasn't
/// imported, for those who called before were.
pub(super) async fn is_new(store: &EventStore) -> anyhow::Result<bool> {
    Ok(store.api_keys().await?.is_empty() && store.import_state().await?.is_none())
}

/// What can't be opened is there, and its own part says what is wrong with it.
async fn has_read_tables(url: &ReadModelUrl) -> bool {
    if let ReadModelUrl::Sqlite(file) = url {
        return file.exists();
    }
    let Ok(tables) = ReadModel::open(url, None).await else { return true };
    let begun = tables.read(&[], Duration::ZERO).await;
    let has_begun = !matches!(begun, Err(ReadError::NotBegun));
    drop(begun);
    tables.close().await;
    has_begun
}

/// What can't be opened remembers nothing: only a ledger with Kafka has made it.
async fn has_publisher_state(data: &DataConfig) -> bool {
    match publisher::has_state(&data.publisher_state()).await {
        Ok(has_state) => has_state,
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "no publisher's state");
            false
        }
    }
}
