//! How far those partitions are projected that send messages.
//!
//! A receipt comes into the tables after what was sent, so the tables always have a state that all
//! partitions together could have been in: no credit that came from nowhere, nothing sold that
//! wasn't granted. Nobody waits for a partition whose projection has stopped, or whose log hasn't
//! been readable for some seconds: its events may be damaged.

use std::sync::Arc;

use domain::Event;
use event_schema::decode;
use log_record::{Place, RecordedEvent};
use tokio::sync::watch;

use crate::ProjectionStatus;

/// The type of an event by which a message is received.
const RECEIPT: &str = "message-received";

/// How far each partition is, by its number. Empty where nobody waits: a log has one partition, or
/// nobody reads the tables yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Senders(Arc<[watch::Receiver<ProjectionStatus>]>);

impl Senders {
    pub(crate) fn of(statuses: Vec<watch::Receiver<ProjectionStatus>>) -> Self {
        if statuses.len() < 2 { Self::default() } else { Self(statuses.into()) }
    }

    /// The first receipt of something that isn't in the tables yet: its index, and what it waits
    /// for.
    pub(crate) fn first_missing<'a>(
        &self,
        events: impl Iterator<Item = &'a RecordedEvent>,
    ) -> Option<(usize, Place)> {
        if self.0.is_empty() {
            return None;
        }
        let receipts = events.enumerate().filter(|(_, event)| &*event.event_type == RECEIPT);
        let mut sent = receipts.filter_map(|(index, event)| Some((index, sent_at(event)?)));
        sent.find(|(_, place)| {
            let sender = self.0.get(usize::from(place.partition.0));
            sender.is_some_and(|sender| !has(&sender.borrow(), *place))
        })
    }

    /// Ends once what was sent at a place is in the tables, or never will be.
    pub(crate) async fn reach(&self, place: Place) {
        let Some(sender) = self.0.get(usize::from(place.partition.0)) else { return };
        // A sender that is gone sends nothing more.
        drop(sender.clone().wait_for(|status| has(status, place)).await);
    }
}

fn has(status: &ProjectionStatus, place: Place) -> bool {
    status.stopped.is_some() || status.is_given_up || status.position >= place.position
}

/// Where the event is that sent what an event receives.
fn sent_at(receipt: &RecordedEvent) -> Option<Place> {
    // What can't be decoded stops the projection when its turn comes.
    match decode(receipt).ok()? {
        (_, Event::MessageReceived(fact)) => {
            Some(Place { partition: fact.source.partition, position: fact.source.position })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use log_record::Position;
    use testing::golden::golden_rows;

    use super::*;
    use crate::{ProjectError, ProjectionStop};

    fn at(position: u64) -> ProjectionStatus {
        ProjectionStatus { position: Position(position), ..ProjectionStatus::default() }
    }

    #[test]
    fn a_receipt_waits_until_what_was_sent_is_in_the_tables_or_never_will_be() {
        let rows = golden_rows();
        let sent = rows.iter().find_map(sent_at).expect("an example of a receipt");
        let statuses: Vec<_> =
            (0..=sent.partition.0.max(1)).map(|_| watch::Sender::new(at(0))).collect();
        let senders = Senders::of(statuses.iter().map(watch::Sender::subscribe).collect());
        let (index, missing) = senders.first_missing(rows.iter()).expect("one is missing");
        assert_eq!((&*rows[index].event_type, missing), (RECEIPT, sent));
        let sender = &statuses[usize::from(sent.partition.0)];
        sender.send_replace(at(sent.position.0));
        let next = senders.first_missing(rows.iter());
        assert!(next.is_none_or(|(next, _)| next > index), "that one waits no more");
        let why = Arc::new(ProjectError::Unapplicable { place: sent, why: "unknown".into() });
        for status in &statuses {
            let stopped = Some(ProjectionStop { at: sent.position, why: Arc::clone(&why) });
            status.send_replace(ProjectionStatus { stopped, ..at(0) });
        }
        assert_eq!(senders.first_missing(rows.iter()), None, "nobody waits for who has stopped");
        for status in &statuses {
            status.send_replace(ProjectionStatus { is_given_up: true, ..at(0) });
        }
        assert_eq!(senders.first_missing(rows.iter()), None, "nor for whose log can't be read");
        assert_eq!(Senders::of(vec![]).first_missing(rows.iter()), None);
    }
}
