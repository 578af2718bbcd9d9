//! How far a shipping request is on its way.

use serde::{Deserialize, Serialize};

/// What became of a shipping request, in the order of its way; the last three lie beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShippingStatus {
    /// The warehouse has been asked, or is to be.
    Requested,
    /// It will ship.
    Accepted,
    /// It will ship once it has the goods.
    BackOrdered,
    /// The parcel has left.
    Dispatched,
    /// The parcel has arrived.
    Delivered,
    /// Nothing is left to be shipped.
    Cancelled,
    /// The warehouse won't ship.
    Rejected,
    /// An operator has seen to it by hand.
    Settled,
}

impl ShippingStatus {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Requested,
        Self::Accepted,
        Self::BackOrdered,
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

    /// Whether the goods are where they were, and still to be shipped.
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
