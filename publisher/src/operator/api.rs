//! What the operators' handlers share.

use wire::{HasKeys, KeyRing, Problem};

use super::problems::PUBLISHER_AWAY;
use crate::causes::with_causes;
use crate::error::PublishError;
use crate::publisher::Publisher;

/// What the handlers share.
#[derive(Clone)]
pub struct PublisherApi {
    pub(super) publisher: Publisher,
    /// The keys of the callers.
    pub(super) keys: KeyRing,
}

impl HasKeys for PublisherApi {
    fn keys(&self) -> &KeyRing {
        &self.keys
    }
}

/// Logs an error with its causes, and makes it a problem.
pub(super) fn failed(error: impl Into<PublishError>) -> Problem {
    let error = error.into();
    let why = with_causes(&error);
    tracing::error!(why, "an operator's request to the publisher failed");
    let detail =
        "The publisher can't do this now; the server's log says why. Ask again in a second.";
    Problem::of(&PUBLISHER_AWAY, detail).retry_after(1)
}
