//! Why something can't be published, in sentences for the people who run it.

use read_model::ReadError;

use crate::kafka::{Failure, KafkaRefused};
use crate::state::StateError;

/// Publishing can't go on, or not now.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The publisher's own tables.
    #[error(transparent)]
    State(#[from] StateError),
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaRefused),
    /// The read model can't be reached.
    #[error("it can't be read what is to be published")]
    Unread(#[from] ReadError),
    /// The read model refused.
    #[error("it can't be read what is to be published")]
    Unreadable(#[from] sqlx::Error),
    /// The topic isn't there, and isn't to be made.
    #[error(
        "there is no topic {topic}; make it, with three copies and min.insync.replicas 2, or let it \
         be made by --kafka-create-topics"
    )]
    NoTopic {
        /// Its name.
        topic: String,
    },
    /// It was made anew, and lanes are in partitions that are gone.
    #[error("topic {topic} has fewer partitions than before; lanes go to those that are left")]
    FewerPartitions {
        /// Its name.
        topic: String,
    },
    /// The read model hasn't come to what was sent: it is made anew, or the log was shortened.
    #[error("it can't be verified yet what was sent")]
    Unverified(#[source] Box<PublishError>),
    /// A replay ends with its first message that can't be sent.
    #[error("a message of the replay was not taken: {0}")]
    Replay(String),
    /// A part of it has failed; the program's log says why.
    #[error("a part of the publisher has failed, and begins anew")]
    Failed,
    /// The history that was sent isn't the one that there is.
    #[error(
        "log-forked: what was sent to warehouse {feed} isn't what the read model has: {why}; \
         restore the right log, or have an operator say from where to go on"
    )]
    Forked {
        /// `{partition}/{warehouse}`.
        feed: String,
        /// By what it shows.
        why: String,
    },
}

impl PublishError {
    pub(crate) fn replay(why: &Failure) -> Self {
        let (Failure::ProducerLost(why) | Failure::Refused(why)) = why;
        Self::Replay(why.clone())
    }

    /// Whether the same may succeed later.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::State(error) => {
                matches!(error, StateError::Database { .. } | StateError::Postgres(_))
            }
            Self::Forked { .. } | Self::Unverified(_) => false,
            _ => true,
        }
    }
}

/// An error and what is behind it, in one line.
pub(crate) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}
