//! Pauses between two attempts to append while another writer was faster, up to a limit.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

use super::connection::PATIENCE;
use super::stream_error::StreamError;

/// The first pause and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// Rounds that each read where a stream ends and append there.
pub(super) struct Rounds<'a> {
    stream: &'a str,
    begun: Instant,
    pauses: ExponentialBackoff,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(stream: &'a str) -> Self {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(PAUSE_MIN)
            .with_max_delay(PAUSE_MAX)
            .without_max_times();
        Self { stream, begun: Instant::now(), pauses: pauses.build() }
    }

    /// Waits before the next round; an error once the rounds take too long.
    pub(super) async fn next(&mut self) -> Result<(), StreamError> {
        let for_long = self.begun.elapsed();
        if for_long > PATIENCE {
            return Err(StreamError::Restless { stream: self.stream.into(), for_long });
        }
        tokio::time::sleep(self.pauses.next().unwrap_or(PAUSE_MAX)).await;
        Ok(())
    }
}
