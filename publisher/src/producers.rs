//! The producer that all feeds share, and another one when it is no longer any good.

use std::sync::{Arc, PoisonError, RwLock};

use crate::PublishError;
use crate::kafka::{Brokers, Producer};
use crate::topic::Topic;

pub(crate) struct Producers {
    brokers: Brokers,
    topic: Arc<Topic>,
    current: RwLock<Arc<Producer>>,
}

impl Producers {
    pub(crate) fn start(brokers: &Brokers, topic: Arc<Topic>) -> Result<Self, PublishError> {
        let first = Arc::new(Producer::new(brokers, Arc::clone(&topic))?);
        Ok(Self { brokers: brokers.clone(), topic, current: RwLock::new(first) })
    }

    pub(crate) fn current(&self) -> Arc<Producer> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another one in the place of `old`, unless somebody has already. What the old one holds
    /// is given back to those who sent it.
    pub(crate) fn replace(&self, old: &Arc<Producer>, why: &str) -> Result<(), PublishError> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, old) {
            tracing::warn!(why, "another producer takes the place of this one");
            *current = Arc::new(Producer::new(&self.brokers, Arc::clone(&self.topic))?);
            old.give_back();
        }
        Ok(())
    }
}
