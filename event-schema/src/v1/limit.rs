//! A shopper's limits by the calendar, and the periods in which an exchange counts.

use domain::{Day, Units};
use serde::{Deserialize, Serialize};

/// How many units one shopper may have; a period without a limit is missing.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct PeriodLimits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<Units>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    week: Option<Units>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    month: Option<Units>,
}

/// The first day of each period in which an exchange counts; one in which it doesn't is missing.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct LimitDays {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    week: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    month: Option<Day>,
}

impl PeriodLimits {
    pub(super) fn is_empty(&self) -> bool {
        domain::PeriodLimits::from(*self).is_empty()
    }
}

impl LimitDays {
    pub(super) fn is_empty(&self) -> bool {
        domain::LimitDays::from(*self).is_empty()
    }
}

impl From<domain::PeriodLimits> for PeriodLimits {
    fn from(limits: domain::PeriodLimits) -> Self {
        let domain::PeriodLimits { day, week, month } = limits;
        Self { day, week, month }
    }
}

impl From<PeriodLimits> for domain::PeriodLimits {
    fn from(stored: PeriodLimits) -> Self {
        let PeriodLimits { day, week, month } = stored;
        Self { day, week, month }
    }
}

impl From<domain::LimitDays> for LimitDays {
    fn from(days: domain::LimitDays) -> Self {
        let domain::LimitDays { day, week, month } = days;
        Self { day, week, month }
    }
}

impl From<LimitDays> for domain::LimitDays {
    fn from(stored: LimitDays) -> Self {
        let LimitDays { day, week, month } = stored;
        Self { day, week, month }
    }
}
