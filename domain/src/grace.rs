//! A period of grace: how long what comes back can be spent at least.

use serde::{Deserialize, Serialize};

use crate::{LotPart, Timestamp};

/// The grace that was promised when credit was taken or set aside. A later policy doesn't change
/// it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grace {
    /// For how many days of 24 hours credit can be spent at least once it comes back; 0 for none.
    pub days: u16,
    /// Whether that is so where it comes back on the shopper's own request, too.
    pub on_own_request: bool,
}

/// On whose request credit comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackFor {
    /// The shopper's own: a cancellation or a release that the shopper asked for, or a hold's end
    /// by its deadline or by its capture.
    OwnRequest,
    /// Somebody else's: an operator's, a merchant's or a warehouse's.
    Other,
}

impl Grace {
    /// Until when credit that comes back at a time can be spent at least.
    #[must_use]
    pub fn until(self, now: Timestamp, back_for: BackFor) -> Option<Timestamp> {
        let days = match back_for {
            BackFor::OwnRequest => self.days_on_own_request(),
            BackFor::Other => self.days,
        };
        end_of_grace(now, days)
    }

    /// For how many days, where it comes back on the shopper's own request.
    #[must_use]
    pub const fn days_on_own_request(self) -> u16 {
        if self.on_own_request { self.days } else { 0 }
    }
}

/// Until when a grace of so many days lasts: to the end of a day in UTC, so that what comes back of
/// a lot bit by bit becomes one part a day and not one each time.
pub(crate) fn end_of_grace(from: Timestamp, days: u16) -> Option<Timestamp> {
    const DAY: i64 = 24 * 60 * 60 * 1_000_000;
    if days == 0 {
        return None;
    }
    let end = from.plus_days(days.into()).micros();
    let whole = (end + DAY - 1) / DAY * DAY;
    Some(Timestamp::from_micros(whole).unwrap_or(Timestamp::LAST))
}

impl LotPart {
    /// The part as it comes back where it can be spent until then at least. A part has one period
    /// of grace and no second.
    #[must_use]
    pub fn with_grace(&self, until: Option<Timestamp>) -> Self {
        match until {
            Some(until) if self.gains(until) => {
                Self { expires_at: Some(until), graced: true, ..self.clone() }
            }
            _ => self.clone(),
        }
    }

    fn gains(&self, until: Timestamp) -> bool {
        !self.graced && self.expires_at.is_some_and(|expires| expires < until)
    }
}

/// The parts as they come back.
#[must_use]
pub fn with_grace(parts: &[LotPart], until: Option<Timestamp>) -> Vec<LotPart> {
    parts.iter().map(|part| part.with_grace(until)).collect()
}

/// The same time, where a part gains by it: an event names no grace that changes nothing.
pub(crate) fn gained(until: Option<Timestamp>, parts: &[LotPart]) -> Option<Timestamp> {
    until.filter(|until| parts.iter().any(|part| part.gains(*until)))
}
