//! All read tables anew from the log's first event, beside the live ones, then swapped.
//!
//! Readers see the old rows or the new ones. The live projector, in this process or another, finds
//! its checkpoint moved and goes on from there. Nothing is published by it.

mod file;
mod lock;
mod schema;

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use event_store::EventStore;
use read_model::{ReadModelError, ReadModelUrl, Side};
use tokio::sync::watch;

use crate::{ProjectError, ProjectionStatus, Projector};
pub(crate) use file::{name_of, remove_side};
pub(crate) use lock::RebuildLock;

/// How long to wait after somebody held the live tables, at first and at most. Each try holds up
/// reads for a moment.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The longest wait after the live tables were further: what the log has more by then must be
/// projected again.
const BEHIND_MAX: Duration = Duration::from_secs(1);
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(PAUSE_MIN)
    .with_max_delay(PAUSE_MAX)
    .without_max_times();

/// How a try to swap ended.
enum Swap {
    Done,
    /// The live tables are ahead of the new ones.
    Behind,
    /// Somebody holds the live tables; says who, as far as it is known.
    Busy(String),
}

/// Rebuilds the read model at `url`, whether or not a projector is at work on it.
pub async fn rebuild(url: &ReadModelUrl, store: &EventStore) -> Result<(), ProjectError> {
    rebuild_watched(url, store, |_| {}).await
}

/// Rebuilds it, and gives away how far each partition of the new tables is.
pub async fn rebuild_watched(
    url: &ReadModelUrl,
    store: &EventStore,
    watch: impl FnOnce(Vec<watch::Receiver<ProjectionStatus>>),
) -> Result<(), ProjectError> {
    let url = &named(url)?;
    match url {
        ReadModelUrl::Sqlite(file) => {
            read_model::migrate(url).await?;
            file::check_owner(file)?;
        }
        ReadModelUrl::Postgres(url) => {
            read_model::check(url).await.map_err(ReadModelError::from)?;
        }
    }
    let _lock = RebuildLock::take(url, Side::Rebuilt).await?;
    // A rebuild that was killed may have left tables behind.
    discard(url).await?;
    read_model::migrate_side(url, Side::Rebuilt).await?;
    if let ReadModelUrl::Sqlite(file) = url {
        file::begin(file).await?;
    }
    let mut projector = Projector::open_side(url, Side::Rebuilt, store.clone()).await?;
    watch(projector.statuses());
    match url {
        ReadModelUrl::Sqlite(file) => file::make(file, &mut projector).await?,
        ReadModelUrl::Postgres(_) => projector.catch_up_in_turn().await?,
    }
    // Readers see what comes from now on.
    projector.keep_order();
    let (mut pauses, mut short_pauses) =
        (PAUSES.build(), PAUSES.with_max_delay(BEHIND_MAX).build());
    loop {
        let swapped = match url {
            ReadModelUrl::Sqlite(file) => {
                projector.catch_up().await?;
                file::swap(file, &mut projector).await?
            }
            ReadModelUrl::Postgres(url) => schema::swap(url, &mut projector).await?,
        };
        match swapped {
            Swap::Done => break,
            Swap::Busy(who) => {
                let pause = pauses.next().unwrap_or(PAUSE_MAX);
                let pause_ms = pause.as_millis();
                tracing::warn!(%who, pause_ms, "the read tables are held; swapping is tried again");
                tokio::time::sleep(pause).await;
            }
            // Unless the live tables have another history, the log has more events by now.
            Swap::Behind => {
                Projector::open_side(url, Side::Live, store.clone()).await?.close().await;
                let pause = short_pauses.next().unwrap_or(BEHIND_MAX);
                let pause_ms = pause.as_millis();
                tracing::info!(pause_ms, "the live tables are ahead; swapping is tried again");
                tokio::time::sleep(pause).await;
            }
        }
    }
    projector.close().await;
    Ok(discard(url).await?)
}

/// Removes what a rebuild left that was killed. None begins for as long as the lock is held.
pub(crate) async fn clear_up(url: &ReadModelUrl) -> Result<RebuildLock, ProjectError> {
    let url = named(url)?;
    let lock = RebuildLock::take(&url, Side::Rebuilt).await?;
    discard(&url).await?;
    Ok(lock)
}

/// The read model under the name that a rebuild gives to another file.
fn named(url: &ReadModelUrl) -> Result<ReadModelUrl, ReadModelError> {
    Ok(match url {
        ReadModelUrl::Sqlite(file) => ReadModelUrl::Sqlite(file::name_of(file)?),
        ReadModelUrl::Postgres(_) => url.clone(),
    })
}

/// Removes what a reconciliation has made, or left when it was killed.
pub(crate) async fn discard_shadow(url: &ReadModelUrl) -> Result<(), ReadModelError> {
    match url {
        ReadModelUrl::Sqlite(file) => file::discard_side(file, Side::Shadow).await,
        ReadModelUrl::Postgres(url) => schema::discard(url, Side::Shadow).await,
    }
}

/// Removes what is beside the live tables.
async fn discard(url: &ReadModelUrl) -> Result<(), ReadModelError> {
    match url {
        ReadModelUrl::Sqlite(file) => file::discard(file).await,
        ReadModelUrl::Postgres(url) => schema::discard(url, Side::Rebuilt).await,
    }
}
