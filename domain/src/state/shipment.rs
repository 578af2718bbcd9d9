//! What the state knows of shipping requests: which facts were told of each.

use log_record::Position;

use super::accounts::Accounts;
use crate::{AccountId, IdHash, Shipped};

/// Why a parcel isn't wanted any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwanted {
    /// All of the exchange was cancelled.
    Cancelled,
    /// The warehouse rejected it.
    Rejected,
    /// An operator saw to it by hand.
    Settled,
}

impl Unwanted {
    /// The name of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::Settled => "settled",
        }
    }
}

impl Accounts {
    /// Why goods aren't wanted any more, whether or not they left all the same.
    pub(super) fn unwanted(&self, account: &AccountId, shipped: &Shipped) -> Option<Unwanted> {
        if self.is_rejected(account, shipped) {
            return Some(Unwanted::Rejected);
        }
        if self.is_settled(account, shipped) {
            return Some(Unwanted::Settled);
        }
        let Shipped::ExchangeId(_) = shipped else { return None };
        let created_at = self.asked_at(account, shipped)?;
        self.cancelled(created_at).is_all.then_some(Unwanted::Cancelled)
    }

    /// The event that asked for shipping.
    pub(super) fn asked_at(&self, account: &AccountId, shipped: &Shipped) -> Option<Position> {
        self.recorded.position_of(match shipped {
            Shipped::ExchangeId(id) => IdHash::exchange(account, id),
            Shipped::PurchaseId(id) => IdHash::purchase(account, id),
        })
    }

    /// Whether the goods have left the warehouse; a delivery says so, too.
    pub(super) fn has_left(&self, account: &AccountId, shipped: &Shipped) -> bool {
        self.is_recorded(IdHash::dispatch(account, shipped))
            || self.is_recorded(IdHash::delivery(account, shipped))
    }

    fn is_rejected(&self, account: &AccountId, shipped: &Shipped) -> bool {
        self.is_recorded(IdHash::rejection(account, shipped))
    }

    pub(super) fn is_settled(&self, account: &AccountId, shipped: &Shipped) -> bool {
        self.is_recorded(IdHash::settlement(account, shipped))
    }

    fn is_recorded(&self, id: IdHash) -> bool {
        self.recorded.position_of(id).is_some()
    }
}
