//! Connections that wait for the next read.

use parking_lot::Mutex;
use sqlx::Error;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Connections that nobody uses at the moment, and how many may be in use. A pool checks before and
/// after each use whether a connection is alive, which takes as long as a short read. One whose use
/// failed, or was cancelled, isn't given back, and so isn't used again.
#[derive(Debug)]
pub(super) struct Idle<C> {
    idle: Mutex<Vec<C>>,
    permits: Semaphore,
}

impl<C> Idle<C> {
    pub(super) fn new(connections_max: usize) -> Self {
        Self { idle: Mutex::default(), permits: Semaphore::new(connections_max) }
    }

    /// Waits until one more connection may be used.
    pub(super) async fn permit(&self) -> Result<SemaphorePermit<'_>, Error> {
        self.permits.acquire().await.map_err(|_| Error::PoolClosed)
    }

    pub(super) fn take(&self) -> Option<C> {
        self.idle.lock().pop()
    }

    /// Takes a connection back; gives it to the caller to be closed if all are closed by now.
    pub(super) fn put(&self, connection: C) -> Option<C> {
        if self.permits.is_closed() {
            return Some(connection);
        }
        self.idle.lock().push(connection);
        None
    }

    /// Nothing is read any more; gives the connections that are to be closed.
    pub(super) fn close(&self) -> Vec<C> {
        self.permits.close();
        std::mem::take(&mut *self.idle.lock())
    }
}
