//! What the publisher is doing, and why it does not publish.

use parking_lot::Mutex;
use serde::Serialize;

/// What the publisher is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Activity {
    /// It waits for its state or for Kafka.
    #[default]
    Starting,
    /// Another publisher holds the lease.
    StandingBy,
    /// It sends the messages that there are.
    Publishing,
    /// It holds the lease, but the topic can't be used.
    Waiting,
}

impl Activity {
    pub(crate) const ALL: [Self; 4] =
        [Self::Starting, Self::StandingBy, Self::Publishing, Self::Waiting];

    /// As the API and the metrics write it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::StandingBy => "standing-by",
            Self::Publishing => "publishing",
            Self::Waiting => "waiting",
        }
    }
}

/// The present activity of a publisher.
#[derive(Debug, Default)]
pub(crate) struct CurrentActivity {
    known: Mutex<KnownActivity>,
}

/// An activity, and why the publisher does not publish.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownActivity {
    pub(crate) activity: Activity,
    pub(crate) why: Option<String>,
}

impl CurrentActivity {
    /// Changes the activity, and logs a new reason.
    pub(crate) fn enter(&self, activity: Activity, why: Option<String>) {
        let mut known = self.known.lock();
        if known.why != why
            && let Some(why) = &why
        {
            tracing::warn!(why, "the publisher can't publish");
        }
        *known = KnownActivity { activity, why };
    }

    pub(crate) fn get(&self) -> KnownActivity {
        self.known.lock().clone()
    }
}
