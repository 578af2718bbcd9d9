//! Where a rule's cap counts what was earned.

use std::borrow::Cow;

use domain::{Period, RuleId, Timestamp};
use serde::{Deserialize, Serialize};

/// The period in which a cap counts.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct CapPeriod {
    kind: Period,
    start: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<Timestamp>,
}

impl From<domain::CapPeriod> for CapPeriod {
    fn from(fact: domain::CapPeriod) -> Self {
        let domain::CapPeriod { kind, start, end } = fact;
        Self { kind, start, end }
    }
}

impl From<CapPeriod> for domain::CapPeriod {
    fn from(stored: CapPeriod) -> Self {
        let CapPeriod { kind, start, end } = stored;
        Self { kind, start, end }
    }
}

/// Room under a cap.
#[derive(Serialize, Deserialize)]
pub(crate) struct CapRoom<'a> {
    rule_id: Cow<'a, RuleId>,
    period: CapPeriod,
}

impl<'a> From<&'a domain::CapRoom> for CapRoom<'a> {
    fn from(fact: &'a domain::CapRoom) -> Self {
        let domain::CapRoom { rule_id, period } = fact;
        Self { rule_id: Cow::Borrowed(rule_id), period: (*period).into() }
    }
}

impl From<CapRoom<'_>> for domain::CapRoom {
    fn from(stored: CapRoom<'_>) -> Self {
        let CapRoom { rule_id, period } = stored;
        Self { rule_id: rule_id.into_owned(), period: period.into() }
    }
}
