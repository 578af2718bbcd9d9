//! Which topics come in, and which command API gets them.

use super::call::{Call, Unreadable, earning_call, warehouse_call};
use super::command_api::CommandApiAt;

/// Which topics come in, and which command API gets them.
#[derive(Clone, Debug)]
pub struct WayIn {
    /// The command API.
    pub command_api: CommandApiAt,
    /// The consumer group that reads the warehouses' answers; the group of the earnings is named
    /// after it.
    pub group: String,
    /// The topic of the warehouses' answers.
    pub warehouse_events: String,
    /// The topic of what shoppers earn.
    pub earnings: String,
}

/// A topic and the consumer group that reads it. Each topic has its own group: a group isn't
/// rebalanced while one of its members waits for room.
pub(crate) struct InboundTopic {
    pub(crate) topic: String,
    pub(super) group: String,
}

impl WayIn {
    pub(crate) fn topics(&self) -> [InboundTopic; 2] {
        let (events, earnings) = (self.warehouse_events.clone(), self.earnings.clone());
        [
            InboundTopic { topic: events, group: self.group.clone() },
            InboundTopic { topic: earnings, group: format!("{}-earnings", self.group) },
        ]
    }

    /// The request that a message of a topic stands for.
    pub(crate) fn call(&self, topic: &str, body: &[u8]) -> Result<Call, Unreadable> {
        if topic == self.earnings { earning_call(body) } else { warehouse_call(body) }
    }
}
