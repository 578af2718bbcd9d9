//! The reading side: a pool of connections that can't write, and waiting for a position.

use std::path::Path;
use std::time::Duration;

use log_record::{Place, Position};
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::database::{failed, options};
use crate::{ProjectError, ProjectionStatus};

/// How many reads run at the same time; more would share the same cores.
const CONNECTIONS_MAX: u32 = 4;

/// How often a reader in another process than the projector looks how far it is.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The read tables, to read. Clones share the connections.
#[derive(Clone, Debug)]
pub struct ReadModel {
    pool: SqlitePool,
    /// By partition; empty where the projector runs in another process.
    statuses: Vec<watch::Receiver<ProjectionStatus>>,
}

/// The read tables did not come far enough in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// What they should contain.
    pub wanted: Place,
    /// What they do contain.
    pub reached: Place,
}

impl ReadModel {
    /// Opens a read model that a projector in another process keeps.
    pub async fn open(file: &Path) -> Result<Self, ProjectError> {
        if !file.exists() {
            return Err(ProjectError::Missing { file: file.into() });
        }
        Self::beside(file, vec![]).await
    }

    pub(crate) async fn beside(
        file: &Path,
        statuses: Vec<watch::Receiver<ProjectionStatus>>,
    ) -> Result<Self, ProjectError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .connect_with(options(file).read_only(true))
            .await
            .map_err(|error| failed("open", file, error))?;
        Ok(Self { pool, statuses })
    }

    /// The connections.
    #[must_use]
    pub const fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Closes the connections. Closed before the projector's, they leave it the last one, which
    /// moves all that is written into the one file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Waits until the tables contain every one of these places.
    pub async fn wait_for(&self, places: &[Place], wait_max: Duration) -> Result<(), Behind> {
        let deadline = Instant::now() + wait_max;
        for wanted in places {
            let reached = match self.statuses.get(usize::from(wanted.partition.0)) {
                Some(status) => watch_for(status.clone(), wanted.position, deadline).await,
                None => self.poll_for(*wanted, deadline).await,
            };
            if reached < wanted.position {
                let reached = Place { partition: wanted.partition, position: reached };
                return Err(Behind { wanted: *wanted, reached });
            }
        }
        Ok(())
    }

    async fn poll_for(&self, wanted: Place, deadline: Instant) -> Position {
        loop {
            let reached = self.position(wanted).await;
            if reached >= wanted.position || Instant::now() >= deadline {
                return reached;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn position(&self, place: Place) -> Position {
        let found: Result<Option<i64>, _> =
            sqlx::query_scalar(r#"select position from checkpoint where "partition" = ?1"#)
                .bind(place.partition.0)
                .fetch_optional(&self.pool)
                .await;
        match found {
            Ok(found) => Position(found.unwrap_or_default().cast_unsigned()),
            Err(error) => {
                tracing::warn!(%error, "the checkpoint can't be read");
                Position::START
            }
        }
    }
}

async fn watch_for(
    mut status: watch::Receiver<ProjectionStatus>,
    wanted: Position,
    deadline: Instant,
) -> Position {
    let reached = status.wait_for(|status| status.position >= wanted);
    if let Ok(Ok(status)) = tokio::time::timeout_at(deadline, reached).await {
        return status.position;
    }
    status.borrow().position
}
