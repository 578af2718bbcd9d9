//! A shipping request as it is now: how far it is, and what is still to be shipped.

use serde::{Deserialize, Serialize};

use crate::ShippedLine;

/// The most parcels of one shipping request. It bounds what a read of the request has to carry.
pub const PARCELS_MAX: u32 = 100;

/// How far a shipping request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipment {
    /// Its status.
    pub status: ShippingStatus,
    /// Every line that was asked for, with what is still to be shipped of it.
    pub lines_left: Vec<ShippedLine>,
}

/// The status of a shipping request, in the order of its way; the last three lie beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShippingStatus {
    /// The warehouse was asked to ship, or is about to be.
    Requested,
    /// The warehouse will ship.
    Accepted,
    /// The warehouse will ship once it has the goods.
    BackOrdered,
    /// A parcel has left, and something is still to be shipped.
    PartlyDispatched,
    /// Everything that was wanted has left.
    Dispatched,
    /// Everything has arrived.
    Delivered,
    /// Nothing was left to ship.
    Cancelled,
    /// The warehouse won't ship what is left.
    Rejected,
    /// An operator settled it by hand.
    Settled,
}

impl Shipment {
    /// Whether the goods are wanted. If not, nothing may leave any more.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        !self.status.is_called_off()
    }
}

impl ShippingStatus {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Requested,
        Self::Accepted,
        Self::BackOrdered,
        Self::PartlyDispatched,
        Self::Dispatched,
        Self::Delivered,
        Self::Cancelled,
        Self::Rejected,
        Self::Settled,
    ];

    /// As the tables and the API write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Accepted => "accepted",
            Self::BackOrdered => "back-ordered",
            Self::PartlyDispatched => "partly-dispatched",
            Self::Dispatched => "dispatched",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::Settled => "settled",
        }
    }

    /// The status that the tables write so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether something is still to be shipped.
    #[must_use]
    pub fn is_open(self) -> bool {
        self < Self::Dispatched
    }

    /// Whether nothing was to be shipped any more.
    #[must_use]
    pub fn is_called_off(self) -> bool {
        self > Self::Delivered
    }

    /// Whether a report of `next` changes it. A late report of an earlier status changes nothing,
    /// and what was delivered or called off stays so.
    #[must_use]
    pub fn gives_way_to(self, next: Self) -> bool {
        self < next && self < Self::Delivered
    }
}
