//! Facts about messages between partitions.

use log_record::Partition;

use crate::{Message, MessageNumber, Source};

/// A message for another partition, or for this one: an offer's home grants itself units as it
/// grants them to all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSent {
    /// For whom it is.
    pub to: Partition,
    /// Its number among the messages from here to there.
    pub number: MessageNumber,
    /// What it says.
    pub message: Message,
}

/// A message of another partition was received; what follows from it stands behind it, in the same
/// append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageReceived {
    /// Where it comes from. It is the cursor: the next message from there has the next number.
    pub source: Source,
    /// What it says, so that the state needs no other partition's log.
    pub message: Message,
}
