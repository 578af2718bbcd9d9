//! The producer that all feeds share, and its replacement when it fails.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::kafka::brokers::{Brokers, KafkaRefused};
use crate::kafka::producer::{Producer, Unfit};
use crate::kafka::topic::Topic;

pub(crate) struct Producers {
    brokers: Brokers,
    topic: Arc<Topic>,
    current: RwLock<Arc<Producer>>,
}

impl Producers {
    pub(crate) fn start(brokers: &Brokers, topic: Arc<Topic>) -> Result<Self, KafkaRefused> {
        let first = producer(brokers, &topic)?;
        Ok(Self { brokers: brokers.clone(), topic, current: RwLock::new(first) })
    }

    pub(crate) fn current(&self) -> Arc<Producer> {
        Arc::clone(&self.current.read())
    }

    /// Why a producer has to be replaced; `None` if it is fit.
    pub(crate) fn unfit(&self, producer: &Producer) -> Option<Unfit> {
        producer.unfit(self.topic.message_bytes_max())
    }

    /// Replaces `old` unless another feed did so already. `old` gives its messages back to their
    /// senders.
    pub(crate) fn replace(&self, old: &Arc<Producer>, why: &Unfit) -> Result<(), KafkaRefused> {
        let mut current = self.current.write();
        if Arc::ptr_eq(&current, old) {
            tracing::warn!(%why, "replacing the producer");
            *current = producer(&self.brokers, &self.topic)?;
            old.give_back();
        }
        Ok(())
    }
}

/// A producer for a topic.
pub(super) fn producer(brokers: &Brokers, topic: &Topic) -> Result<Arc<Producer>, KafkaRefused> {
    let acknowledged = Arc::clone(&topic.acknowledged);
    Ok(Arc::new(Producer::new(brokers, topic.message_bytes_max(), acknowledged)?))
}
