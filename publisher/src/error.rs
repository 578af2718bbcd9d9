//! Why publishing fails, in sentences for the people who run the ledger.

use std::fmt;

use read_model::ReadError;

use crate::kafka::brokers::KafkaRefused;
use crate::kafka::topic::TopicError;
use crate::lane_name::{FeedName, NoLaneName};
use crate::state::error::StateError;

/// Publishing fails, for now or for good.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The publisher's own tables.
    #[error(transparent)]
    State(#[from] StateError),
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaRefused),
    /// A topic can't be used.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The read model can't be reached, or is behind.
    #[error("can't read the shipping messages")]
    Unread(#[from] ReadError),
    /// The read model's database refused.
    #[error("can't read the shipping messages")]
    Unreadable(#[from] sqlx::Error),
    /// The read model ends before a message that was sent: it is being rebuilt, or the log was
    /// shortened.
    #[error("the messages that were sent can't be verified yet")]
    Unverified(#[source] Box<PublishError>),
    /// A replay ends at the first message that can't be sent.
    #[error("Kafka refused a message of the replay: {0}")]
    Replay(String),
    /// The log was forked while it was published.
    #[error("the log was forked; publishing starts again, and inbound messages are read again")]
    NewGeneration,
    /// A task panicked, or ended early; the program's log has the reason.
    #[error("a part of the publisher failed, and starts again")]
    Failed,
    /// The messages that were sent are not those of the read model.
    #[error(
        "log-forked: the messages sent to warehouse {feed} differ from the read model: {sign}; \
         restore the right log, or continue the warehouse from a position"
    )]
    Forked {
        /// `{partition}/{warehouse}`.
        feed: String,
        /// The difference.
        sign: Box<ForkSign>,
    },
}

/// How a history that differs from the messages that were sent shows.
#[derive(Debug)]
pub enum ForkSign {
    /// Another message, or another text of it, is where a sent message was.
    Replaced {
        /// The lane.
        lane: String,
        /// The id of the message that was sent.
        sent: String,
        /// The id of the message that is there now.
        found: String,
    },
    /// No message is where a sent message was.
    Gone {
        /// The lane.
        lane: String,
        /// The id of the message that was sent.
        sent: String,
    },
    /// A lane's next message doesn't have the next sequence.
    SequenceGap {
        /// The lane.
        lane: String,
        /// The id of that message.
        message: String,
        /// The sequence before it.
        before: i64,
        /// Its sequence.
        found: i64,
    },
}

impl fmt::Display for ForkSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replaced { lane, sent, found } => {
                write!(f, "in lane {lane}, message {found} or another text replaces message {sent}")
            }
            Self::Gone { lane, sent } => write!(f, "in lane {lane}, message {sent} is gone"),
            Self::SequenceGap { lane, message, before, found } => write!(
                f,
                "in lane {lane}, message {message} has sequence {found} and follows sequence \
                 {before}"
            ),
        }
    }
}

impl PublishError {
    pub(crate) fn forked(feed: &FeedName, sign: ForkSign) -> Self {
        Self::Forked { feed: feed.to_string(), sign: Box::new(sign) }
    }

    /// Whether the same may succeed later.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::State(error) => {
                matches!(
                    error,
                    StateError::Database { .. }
                        | StateError::InUse { .. }
                        | StateError::Postgres(_)
                )
            }
            Self::Forked { .. } | Self::Unverified(_) => false,
            _ => true,
        }
    }
}

/// A lane's name in the read model that can't be parsed.
impl From<NoLaneName> for PublishError {
    fn from(error: NoLaneName) -> Self {
        Self::Unreadable(sqlx::Error::Decode(Box::new(error)))
    }
}
