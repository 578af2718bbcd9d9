//! Work that hashes and waits for the disk, apart from the tasks.

use crate::SealError;

/// Does such work.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SealError> + Send + 'static,
) -> Result<T, SealError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| SealError::Closed)?
}
