//! A connection that reads, lent for one answer.

use postgres_connection::{PooledClient, PostgresUrl};
use tokio::runtime::Handle;

use crate::StoreError;

/// Goes back to the others once its answer is there. One whose answer nobody waits for any more, or
/// that failed, is closed instead: the next question on it would wait behind the former, and so the
/// server would work on for callers that have gone.
pub(super) struct Lent {
    reader: Option<PooledClient>,
    url: PostgresUrl,
}

impl Lent {
    pub(super) const fn new(reader: PooledClient, url: PostgresUrl) -> Self {
        Self { reader: Some(reader), url }
    }

    pub(super) fn client(&self) -> Result<&PooledClient, StoreError> {
        self.reader.as_ref().ok_or(StoreError::Closed)
    }

    /// The answer is there.
    pub(super) fn give_back(mut self) {
        drop(self.reader.take());
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(reader) = self.reader.take() else { return };
        let client = PooledClient::take(reader);
        let Ok(runtime) = Handle::try_current() else { return };
        let (url, token) = (self.url.clone(), client.cancel_token());
        runtime.spawn(async move {
            if let Err(error) = url.cancel(token).await {
                tracing::debug!(%error, "a read that nobody waits for can't be cancelled");
            }
            drop(client);
        });
    }
}
