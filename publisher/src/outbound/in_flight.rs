//! A feed's messages that Kafka has and that have no outcome yet.

use std::sync::Arc;

use tokio::sync::mpsc;
use trace::Tracer;

use super::message::{Message, Target};
use crate::kafka::producer::{Delivery, MessageTag, Producer, Ticket, Unsent};

/// How many messages of a feed are in flight: at 100,000 a second, what a broker acknowledges
/// within 100 ms.
const IN_FLIGHT_MAX: usize = 10_000;

/// The producer of a feed, and the messages that it holds.
pub(crate) struct InFlight {
    count: usize,
    producer: Arc<Producer>,
    tracer: Tracer,
    to: mpsc::UnboundedSender<Delivery>,
    outcomes: mpsc::UnboundedReceiver<Delivery>,
}

impl InFlight {
    pub(crate) fn new(producer: Arc<Producer>, tracer: Tracer) -> Self {
        let (to, outcomes) = mpsc::unbounded_channel();
        Self { count: 0, producer, tracer, to, outcomes }
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
        message: &Message,
        target: Target<'_>,
        tag: MessageTag,
    ) -> Result<(), Unsent> {
        let ticket = Ticket::new(self.to.clone(), tag);
        message.send(&self.producer, target, ticket, &self.tracer)?;
        self.count += 1;
        Ok(())
    }

    /// The next outcome; `None` never comes, as the feed keeps a sender.
    pub(crate) async fn next(&mut self) -> Option<Delivery> {
        let delivery = self.outcomes.recv().await?;
        self.count = self.count.saturating_sub(1);
        Some(delivery)
    }

    /// An outcome that is there already.
    pub(crate) fn try_next(&mut self) -> Option<Delivery> {
        let delivery = self.outcomes.try_recv().ok()?;
        self.count = self.count.saturating_sub(1);
        Some(delivery)
    }
}
