//! What can be redeemed, on which terms, and what is left of it.

use log_record::Position;
use serde::{Deserialize, Serialize};

use crate::{Inventory, NotOpen, Points, ProductId, Timestamp, Units, WarehouseId};

/// What an offer says; an amendment replaces all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What is handed out.
    pub product_id: ProductId,
    /// Points for one unit.
    pub price: Points,
    /// Redemptions are taken from then on.
    pub opens_at: Option<Timestamp>,
    /// Redemptions are taken before then.
    pub closes_at: Option<Timestamp>,
    /// How many one shopper may have, for ever.
    pub limit_per_shopper: Option<Units>,
    /// Who ships it.
    pub warehouse: WarehouseId,
}

/// Whether an offer can still take redemptions at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OfferPhase {
    /// It takes them within its window.
    Open,
    /// An operator ended it for good.
    Closed {
        /// When it was closed.
        at: Timestamp,
    },
}

/// An offer as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The present terms.
    pub terms: Terms,
    /// Counts changes of the terms and of the phase, from 1; sales don't count.
    pub version: u64,
    /// The stock that it was opened with; without it, there is no end of them.
    pub opening_stock: Option<Units>,
    /// What is left.
    pub inventory: Inventory,
    /// Whether it was closed.
    pub phase: OfferPhase,
    /// The event that last changed its terms or phase.
    pub changed_at: Position,
}

impl Offer {
    /// Whether the offer takes redemptions at `now`.
    pub fn check_open(&self, now: Timestamp) -> Result<(), NotOpen> {
        if let OfferPhase::Closed { at } = self.phase {
            return Err(NotOpen::Closed { at });
        }
        if let Some(opens_at) = self.terms.opens_at
            && now < opens_at
        {
            return Err(NotOpen::NotYet { opens_at });
        }
        if let Some(closes_at) = self.terms.closes_at
            && now >= closes_at
        {
            return Err(NotOpen::Ended { closes_at });
        }
        Ok(())
    }
}
