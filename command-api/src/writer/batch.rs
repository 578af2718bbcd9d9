//! The commands that are appended together, and their answers, held back until it is durable.

use domain::OfferId;
use log_record::{BatchId, NewEvent};
use uuid::Uuid;

use super::gate::Gate;
use super::pending::Pending;
use super::{Answer, Unanswered};

/// Commands that were decided one after the other.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) id: BatchId,
    pub(super) events: Vec<NewEvent>,
    pub(super) decided: Vec<(Pending, Answer)>,
    /// Offers that the batch left sold out (or no longer), in order.
    pub(super) sold_out: Vec<(OfferId, bool)>,
}

impl Batch {
    /// Whether there is neither anything to append nor anybody to answer.
    pub(super) const fn is_empty(&self) -> bool {
        self.events.is_empty() && self.decided.is_empty()
    }

    pub(super) fn new() -> Self {
        let id = BatchId(Uuid::now_v7());
        Self { id, events: vec![], decided: vec![], sold_out: vec![] }
    }

    /// Gives every answer: the batch, and all before it, are durable.
    pub(super) fn release(self, gate: &Gate) {
        for (offer, is_sold_out) in &self.sold_out {
            gate.set_sold_out(offer, *is_sold_out);
        }
        for (pending, answer) in self.decided {
            pending.answer(Ok(answer));
        }
    }

    /// Takes back what was decided; none of it landed.
    pub(super) fn take_back(self) -> impl Iterator<Item = Pending> {
        self.decided.into_iter().map(|(pending, _)| {
            pending.claim.put_back();
            pending
        })
    }

    /// Tells everyone why there is no outcome.
    pub(super) fn leave(self, unanswered: Unanswered) {
        for (pending, _) in self.decided {
            pending.answer(Err(unanswered));
        }
    }
}
