//! Opens the log that is served, and makes it where there is none.

use event_store::{Access, EventStore, NewLog, StoreError};
use log_record::LogId;
use read_model::{OfLog, ReadModel, ReadModelError};
use uuid::Uuid;

use crate::key_file;
use crate::partitions;
use crate::serve_config::{Part, ServeConfig};

/// The log, which is made if this process takes commands and there is none.
pub(super) async fn open_store(config: &ServeConfig) -> anyhow::Result<EventStore> {
    let access = if config.runs(Part::CommandApi) {
        let new_log = new_log(config.partitions);
        // Other errors appear again when the store is opened for writing.
        if let Err(StoreError::Missing { .. }) = config.data.open(Access::Read).await {
            check_place(config, &new_log).await?;
        }
        Access::Write(new_log)
    } else {
        Access::Read
    };
    let store = config.data.open(access).await?;
    partitions::check_opened(config.partitions, &store)?;
    Ok(store)
}

/// Notes in the log which folder the part that takes commands reads archived events in.
pub(super) async fn open_archive(store: &EventStore) -> anyhow::Result<()> {
    match store.open_archive().await {
        Err(error @ StoreError::Io { .. }) => {
            // A disk for old events may come later than the ledger.
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the archive's folder can't be used yet");
            Ok(())
        }
        opened => Ok(opened?),
    }
}

/// Checks, before a log is made, that nothing of another ledger is where its own things go.
async fn check_place(config: &ServeConfig, new_log: &NewLog) -> anyhow::Result<()> {
    key_file::check_absent(&config.data.api_keys(), &config.data.store().to_string())?;
    if !config.runs(Part::Projector) && !config.runs(Part::QueryApi) {
        return Ok(());
    }
    match ReadModel::open(&config.data.read_model(), None).await {
        Err(ReadModelError::Missing { .. }) if config.runs(Part::Projector) => Ok(()),
        opened => {
            opened?.of_log(OfLog::any_of(new_log.log_id)).await?.close().await;
            Ok(())
        }
    }
}

/// The log that is made where there is none yet.
pub(crate) fn new_log(partitions: u16) -> NewLog {
    NewLog { log_id: LogId(Uuid::now_v7()), partitions }
}
