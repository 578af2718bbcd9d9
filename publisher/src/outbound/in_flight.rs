//! A feed's messages that Kafka has and that have no outcome yet.

use std::sync::Arc;

use trace::Tracer;

use super::encoded::{Encoded, Target};
use crate::kafka::outcomes::{Delivery, MessageTag, Outcomes};
use crate::kafka::producer::{Producer, Ticket, Unsent};

/// How many messages of a feed are in flight: a thousand in each of sixteen lanes, which fill a
/// batch. They take some 40 MB.
const IN_FLIGHT_MAX: u64 = 16_384;

/// The producer of a feed, and the messages that it holds.
pub(crate) struct InFlight {
    count: u64,
    producer: Arc<Producer>,
    tracer: Tracer,
    outcomes: Arc<Outcomes>,
}

impl InFlight {
    pub(crate) fn new(producer: Arc<Producer>, tracer: Tracer) -> Self {
        Self { count: 0, producer, tracer, outcomes: Arc::default() }
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.count >= IN_FLIGHT_MAX
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) const fn producer(&self) -> &Arc<Producer> {
        &self.producer
    }

    /// Sends what follows by another producer.
    pub(crate) fn change_producer(&mut self, producer: Arc<Producer>) {
        self.producer = producer;
    }

    pub(crate) fn send(
        &mut self,
        message: &Encoded,
        target: Target<'_>,
        tag: MessageTag,
    ) -> Result<(), Unsent> {
        let ticket = Ticket::new(Arc::clone(&self.outcomes), tag);
        message.send(&self.producer, target, ticket, &self.tracer)?;
        self.count += 1;
        Ok(())
    }

    /// The next outcome, which is waited for.
    pub(crate) async fn next(&mut self) -> Delivery {
        let delivery = self.outcomes.next().await;
        self.count = self.count.saturating_sub(delivery.run.count);
        delivery
    }

    /// An outcome that is there already.
    pub(crate) fn try_next(&mut self) -> Option<Delivery> {
        let delivery = self.outcomes.try_next()?;
        self.count = self.count.saturating_sub(delivery.run.count);
        Some(delivery)
    }
}
