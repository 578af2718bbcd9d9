//! What comes of a command in other partitions than its own: whether they have been told of a
//! change, and whether credit has arrived. The caller waits for it up to a deadline.

use std::time::Instant;

use domain::{AccountId, Command, Event, IdHash, RefusalCode, TransferId, TransferStatus};
use log_record::{Partition, Place};

use super::Writers;
use crate::writer::neighbours::Neighbours;

/// How many of the partitions have a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// How many have it.
    pub have: u16,
    /// How many there are.
    pub of: u16,
}

/// What has become of a transfer, and why it came back, if it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferOutcome {
    /// What has become of it by now.
    pub status: TransferStatus,
    /// Why the recipient could not have it; nothing where that can't be read.
    pub reason: Option<RefusalCode>,
    /// Where the event stands that ended it, if that isn't right behind its own.
    pub ended_at: Option<Place>,
}

/// A caller's waiting for a transfer. It ends however the caller's call ends.
struct Waiting<'a> {
    neighbours: &'a Neighbours,
    transfer: IdHash,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.neighbours.leave_transfer(self.transfer);
    }
}

impl Writers {
    /// How many partitions have what a partition has told them so far. Those that have stopped
    /// aren't waited for. Nothing where there is one partition.
    pub async fn spread(&self, from: Partition, deadline: Instant) -> Option<Spread> {
        let neighbours = self.0.neighbours.as_ref()?;
        let is_away = |partition| self.at(partition).is_stopped();
        let have = neighbours.have(from, deadline, is_away).await;
        Some(Spread { have, of: self.partitions() })
    }

    /// Whether the command's id was decided on in its own partition. Where it wasn't a moment ago,
    /// it may be by now.
    pub(crate) fn knows(&self, command: &Command) -> bool {
        let writer = self.of(command);
        command.id_hash().is_some_and(|id| writer.position_of(id).is_some())
    }

    /// What has become of a transfer that its sender's partition has recorded; nothing where there
    /// is one partition.
    pub async fn transfer_outcome(
        &self,
        from: &AccountId,
        to: &AccountId,
        id: &TransferId,
        deadline: Instant,
    ) -> Option<TransferOutcome> {
        let neighbours = self.0.neighbours.as_ref()?;
        let [here, there] = [from, to].map(|account| account.partition(self.partitions()));
        if here == there {
            let status = TransferStatus::Received;
            return Some(TransferOutcome { status, reason: None, ended_at: None });
        }
        let key = IdHash::transfer(from, id);
        let waiting = Waiting { neighbours, transfer: key };
        // Before it is looked up, so that nothing comes in between.
        let told = neighbours.transfer(key);
        let mut found = self.find(neighbours, (from, here), there, id);
        if found.is_none() {
            // At the deadline it is on its way; so it is where the news is lost.
            let _ = tokio::time::timeout_at(deadline.into(), told).await;
            found = self.find(neighbours, (from, here), there, id);
        } else {
            drop(told);
        }
        drop(waiting);
        let ended_at = found.map(|(_, place)| place);
        let (status, reason) = match found {
            None => (TransferStatus::InTransit, None),
            Some((TransferStatus::Returned, place)) => match self.at(here).event(place).await {
                Ok(Event::CreditReturned(_, fact)) => (TransferStatus::Returned, Some(fact.why)),
                // It is recorded: an answer without the reason is better than none.
                _ => (TransferStatus::Returned, None),
            },
            Some((status, _)) => (status, None),
        };
        Some(TransferOutcome { status, reason, ended_at })
    }

    /// The durable event that ended a transfer.
    fn find(
        &self,
        neighbours: &Neighbours,
        (from, here): (&AccountId, Partition),
        there: Partition,
        id: &TransferId,
    ) -> Option<(TransferStatus, Place)> {
        let ends = [
            (here, IdHash::transfer_return(from, id), TransferStatus::Returned),
            (there, IdHash::transfer_receipt(from, id), TransferStatus::Received),
        ];
        ends.into_iter().find_map(|(partition, hash, status)| {
            let position = self.at(partition).position_of(hash)?;
            let place = Place { partition, position };
            neighbours.is_durable(partition, position).then_some((status, place))
        })
    }
}
