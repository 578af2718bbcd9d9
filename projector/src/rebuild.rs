//! All read tables anew from the log's first event, beside the live ones, then swapped.
//!
//! Readers see the old rows or the new ones. The live projector, in this process or another, finds
//! its checkpoint moved and goes on from there. Nothing is published by it.

mod file;
mod lock;
mod schema;

use event_store::EventStore;
use read_model::{ReadModelError, ReadModelUrl, Side};

use crate::{ProjectError, Projector};
use lock::RebuildLock;

/// How a try to swap ended.
enum Swap {
    Done,
    /// The live tables are ahead of the new ones.
    Behind,
    /// A reader holds the tables for so long that all others would have to wait.
    Busy,
}

/// Rebuilds the read model at `url`, whether or not a projector is at work on it.
pub async fn rebuild(url: &ReadModelUrl, store: &EventStore) -> Result<(), ProjectError> {
    match url {
        ReadModelUrl::Sqlite(_) => read_model::migrate(url).await?,
        ReadModelUrl::Postgres(url) => {
            read_model::check(url).await.map_err(ReadModelError::from)?;
        }
    }
    let _lock = RebuildLock::take(url).await?;
    // A rebuild that was killed may have left tables behind.
    discard(url).await?;
    read_model::migrate_side(url, Side::Rebuilt).await?;
    let mut projector = Projector::open_side(url, Side::Rebuilt, store.clone()).await?;
    loop {
        projector.catch_up().await?;
        let swapped = match url {
            ReadModelUrl::Sqlite(file) => file::swap(file)?,
            ReadModelUrl::Postgres(url) => schema::swap(url).await?,
        };
        match swapped {
            Swap::Done => break,
            Swap::Busy => tracing::info!("the read model is being read; swapping is tried again"),
            // Unless the live tables have another history, the log has more events by now.
            Swap::Behind => drop(Projector::open_side(url, Side::Live, store.clone()).await?),
        }
    }
    drop(projector);
    Ok(discard(url).await?)
}

/// Removes what is beside the live tables.
async fn discard(url: &ReadModelUrl) -> Result<(), ReadModelError> {
    match url {
        ReadModelUrl::Sqlite(file) => file::discard(file),
        ReadModelUrl::Postgres(url) => schema::discard(url).await,
    }
}
