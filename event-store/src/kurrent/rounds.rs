//! Deciding anew where somebody was faster: after a pause, and not for ever.

use std::time::Duration;

use tokio::time::Instant;

use super::connection::PATIENCE;
use super::stream_error::StreamError;

/// How long the pauses are, at first and at most.
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// The rounds of reading where a stream ends and appending there.
pub(super) struct Rounds<'a> {
    stream: &'a str,
    begun: Instant,
    pause: Duration,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(stream: &'a str) -> Self {
        Self { stream, begun: Instant::now(), pause: PAUSE_MIN }
    }

    /// Waits for the next, while there is patience.
    pub(super) async fn next(&mut self) -> Result<(), StreamError> {
        let for_long = self.begun.elapsed();
        if for_long > PATIENCE {
            return Err(StreamError::Restless { stream: self.stream.into(), for_long });
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        Ok(())
    }
}
