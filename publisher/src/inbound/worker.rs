//! Works on the messages of some keys, one after the other: calls the command API, or parks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::call::{Call, Unreadable};
use super::command_api::{Answer, NoAnswer};
use super::waiting::Waiting;
use super::way_in::WayIn;
use crate::causes::with_causes;
use crate::clock::UnixMillis;
use crate::kafka::consumer::{Incoming, Offset};
use crate::state::error::StateError;
use crate::state::parked::Parking;
use crate::state::store::State;

/// The pause before a retry, at first and at most.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// What a worker works with.
#[derive(Clone)]
pub(super) struct Worker {
    pub(super) way_in: WayIn,
    pub(super) state: Arc<State>,
    pub(super) waiting: Arc<Waiting>,
}

/// A message to work on.
pub(super) struct Work {
    pub(super) message: Incoming,
    pub(super) call: Result<Call, Unreadable>,
    /// Its share of the bytes that may wait, until it is done.
    pub(super) _room: Option<OwnedSemaphorePermit>,
}

/// Why a message is parked.
#[derive(Debug)]
enum ParkReason<'a> {
    Unreadable(&'a Unreadable),
    /// The command API's detail.
    Refused(String),
}

impl fmt::Display for ParkReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => why.fmt(f),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

impl Worker {
    pub(super) async fn run(
        self,
        mut queued: mpsc::Receiver<Work>,
        done: mpsc::UnboundedSender<Offset>,
    ) {
        while let Some(work) = queued.recv().await {
            let Work { message, call, .. } = &work;
            let park = match call {
                Ok(call) => self.ask(message, call).await.map(ParkReason::Refused),
                Err(why) => Some(ParkReason::Unreadable(why)),
            };
            if let Some(reason) = park {
                self.park(message, &reason.to_string()).await;
            }
            drop(done.send(work.message.at));
        }
    }

    /// Calls the command API until it answers; returns the reason if it refuses the message.
    async fn ask(&self, message: &Incoming, call: &Call) -> Option<String> {
        let at = &message.at;
        let mut is_logged = false;
        let asked = || async {
            match self.way_in.command_api.call(call, message.traceparent.as_deref()).await {
                Answer::Done => Ok(None),
                Answer::Refused(why) => Ok(Some(why)),
                Answer::Later(why) => Err(why),
            }
        };
        let waits = |why: &NoAnswer, _: Duration| {
            self.waiting.note(at, why.to_string());
            if !is_logged {
                is_logged = true;
                tracing::warn!(%why, ?at, "a message waits for the command API");
            }
        };
        let refused = asked.retry(endless()).notify(waits).await;
        self.waiting.end(at);
        refused.unwrap_or_else(|why| Some(why.to_string()))
    }

    /// Parks a message until that is durable. Only then the message counts as read.
    async fn park(&self, message: &Incoming, reason: &str) {
        tracing::error!(at = ?message.at, reason, "a message can't be used, and is parked");
        let parking = || self.state.park(Parking { message, reason, at: UnixMillis::now() });
        let failed = |error: &StateError, _: Duration| {
            let error = with_causes(error);
            tracing::warn!(error, at = ?message.at, "a message can't be parked yet");
        };
        // The retries don't end before it is parked.
        drop(parking.retry(endless()).notify(failed).await);
    }
}

/// Retries without end; the pauses double up to [`RETRY_MAX`], with jitter.
fn endless() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(RETRY_MIN)
        .with_max_delay(RETRY_MAX)
        .without_max_times()
        .with_jitter()
}

#[cfg(test)]
mod tests {
    use backon::BackoffBuilder as _;

    use super::*;

    #[test]
    fn retries_do_not_end_and_their_pauses_are_bounded() {
        let pauses: Vec<Duration> = endless().build().take(10_000).collect();
        assert_eq!(pauses.len(), 10_000);
        assert!(pauses.iter().all(|pause| *pause >= RETRY_MIN && *pause <= RETRY_MAX * 2));
    }
}
