//! What can be redeemed, on which terms, and what is left of it.

use log_record::Position;
use serde::{Deserialize, Serialize};

use crate::amount::sum;
use crate::{
    Inventory, LadderTier, NotOpen, PageHash, PeriodLimits, Prices, ProductId, Refusal, SegmentId,
    TierPrices, TimeZone, Timestamp, Units, WarehouseId,
};

/// What an offer says and decisions go by; with the page, an amendment replaces all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What is handed out.
    pub product_id: ProductId,
    /// What one piece costs.
    pub prices: Prices,
    /// Who may have it: those with this tier, or a higher one.
    pub tier: Option<LadderTier>,
    /// Who may have it: those with this label.
    pub segment: Option<SegmentId>,
    /// What one piece costs those who have a tier.
    pub tier_prices: TierPrices,
    /// Redemptions are taken from then on.
    pub opens_at: Option<Timestamp>,
    /// Redemptions are taken before then.
    pub closes_at: Option<Timestamp>,
    /// How many one shopper may have, for ever.
    pub limit_per_shopper: Option<Units>,
    /// How many one shopper may have in a day, a week and a month.
    pub period_limits: PeriodLimits,
    /// By which calendar.
    pub time_zone: TimeZone,
    /// Who ships it, if it is shipped.
    pub warehouse: WarehouseId,
    /// Whether it is shipped. A code or a download isn't: it is handed over at once, and needs no
    /// address.
    pub ships: bool,
    /// Whether each piece is a code out of the offer's pool. Then it isn't shipped, and the stock
    /// is the number of codes. It never changes.
    pub codes: bool,
}

/// Whether an offer can still take redemptions at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OfferPhase {
    /// It takes them within its window.
    Open,
    /// An operator stopped it for a while.
    Paused {
        /// When it was paused.
        at: Timestamp,
    },
    /// An operator ended it.
    Closed {
        /// When it was closed.
        at: Timestamp,
    },
}

impl OfferPhase {
    /// The name in JSON and in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paused { .. } => "paused",
            Self::Closed { .. } => "closed",
        }
    }

    /// Whether the offer can be changed.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Closed { .. })
    }
}

/// What an offer is at a time: the first that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfferStatus {
    /// An operator closed it.
    Closed,
    /// Its window is over.
    Ended,
    /// An operator paused it.
    Paused,
    /// Its window hasn't begun.
    Scheduled,
    /// Nothing is left.
    SoldOut,
    /// It takes redemptions.
    Open,
}

impl OfferStatus {
    /// The status at `now` of an offer in this phase and with this window, of which so many are
    /// left.
    #[must_use]
    pub fn of(
        [is_closed, is_paused]: [bool; 2],
        [opens_at, closes_at]: [Option<Timestamp>; 2],
        remaining: Option<u64>,
        now: Timestamp,
    ) -> Self {
        if is_closed {
            Self::Closed
        } else if closes_at.is_some_and(|closes_at| now >= closes_at) {
            Self::Ended
        } else if is_paused {
            Self::Paused
        } else if opens_at.is_some_and(|opens_at| now < opens_at) {
            Self::Scheduled
        } else if remaining == Some(0) {
            Self::SoldOut
        } else {
            Self::Open
        }
    }

    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Ended => "ended",
            Self::Paused => "paused",
            Self::Scheduled => "scheduled",
            Self::SoldOut => "sold-out",
            Self::Open => "open",
        }
    }
}

/// An offer as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The present terms.
    pub terms: Terms,
    /// What a page shows of it, as a hash; nothing where that is nothing.
    pub page: Option<PageHash>,
    /// The event that set the terms and has the page.
    pub terms_at: Position,
    /// Counts changes of the terms and of the phase, from 1; sales don't count.
    pub version: u64,
    /// The stock that it was opened with (none is no end of them); nothing once it became limited
    /// or unlimited otherwise.
    pub opening_stock: Option<Option<Units>>,
    /// What is left.
    pub inventory: Inventory,
    /// How many of those that are not left are reserved, and not sold yet.
    #[serde(with = "sum")]
    pub reserved: Units,
    /// Whether it was paused or closed.
    pub phase: OfferPhase,
    /// The event that last changed its terms or phase.
    pub changed_at: Position,
}

impl Offer {
    /// What it is at `now`.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> OfferStatus {
        let is_paused = matches!(self.phase, OfferPhase::Paused { .. });
        let phase = [self.phase.is_closed(), is_paused];
        let window = [self.terms.opens_at, self.terms.closes_at];
        OfferStatus::of(phase, window, self.inventory.remaining().map(Units::get), now)
    }

    /// Whether the offer takes redemptions at `now`.
    pub fn check_open(&self, now: Timestamp) -> Result<(), NotOpen> {
        if let OfferPhase::Closed { at } = self.phase {
            return Err(NotOpen::Closed { at });
        }
        if let Some(closes_at) = self.terms.closes_at
            && now >= closes_at
        {
            return Err(NotOpen::Ended { closes_at });
        }
        if let OfferPhase::Paused { at } = self.phase {
            return Err(NotOpen::Paused { at });
        }
        if let Some(opens_at) = self.terms.opens_at
            && now < opens_at
        {
            return Err(NotOpen::NotYet { opens_at });
        }
        Ok(())
    }

    /// Whether it is at one of the versions that the caller read; `None` is any.
    pub(crate) fn check_version(&self, read: Option<&[u64]>) -> Result<(), Refusal> {
        let version = self.version;
        if read.is_some_and(|read| !read.contains(&version)) {
            return Err(Refusal::OfferChanged { version });
        }
        Ok(())
    }

    /// Whether its stock can be set: that of an offer of codes is the number of its codes.
    pub(crate) const fn check_no_codes(&self) -> Result<(), Refusal> {
        if self.terms.codes { Err(Refusal::StockOfCodes) } else { Ok(()) }
    }

    /// Whether it can be changed.
    pub(crate) const fn check_not_closed(&self) -> Result<(), Refusal> {
        match self.phase {
            OfferPhase::Open | OfferPhase::Paused { .. } => Ok(()),
            OfferPhase::Closed { at } => Err(Refusal::OfferClosed { at }),
        }
    }
}
