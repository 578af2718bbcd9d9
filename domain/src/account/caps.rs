//! What an account has earned under rules' caps.

use serde::{Deserialize, Serialize};

use super::Account;
use crate::cap_count::{CapCounts, NO_PERIOD};
use crate::{CapPeriod, CapRoom, CreditRefused, Points, PurchaseRecorded, RuleId, Timestamp};

/// What was earned by a rule under its cap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Earned {
    rule: RuleId,
    counts: CapCounts,
}

impl Account {
    /// What the rule has given under its cap in a period.
    pub(crate) fn earned_by(&self, rule: &RuleId, period: CapPeriod) -> Points {
        let earned = self.rare.as_ref().map(|rare| &*rare.earned).unwrap_or_default();
        let of_rule = earned.iter().find(|earned| earned.rule == *rule);
        of_rule.map(|earned| earned.counts.get(period)).unwrap_or_default()
    }

    /// What a rule would have given counts as given: it can be claimed, whatever the cap says then.
    pub(crate) fn credit_refused(
        &mut self,
        recorded_at: Timestamp,
        fact: &PurchaseRecorded,
        refused: &CreditRefused,
    ) -> Result<(), &'static str> {
        let (Some(rule), Some(period)) = (&fact.rule, refused.cap_period) else { return Ok(()) };
        let counts = self.counts_mut(&rule.rule_id);
        for points in fact.lines.iter().filter_map(|line| line.points) {
            counts.add(period, points, recorded_at).ok_or(NO_PERIOD)?;
        }
        Ok(())
    }

    /// Goods came back whose credit was refused and not claimed.
    pub(crate) fn give_room_back(
        &mut self,
        room: &CapRoom,
        points: Points,
    ) -> Result<(), &'static str> {
        let counts = self.counts_mut(&room.rule_id);
        counts.give_back(room.period, points).ok_or(NO_PERIOD)
    }

    pub(super) fn counts_mut(&mut self, rule: &RuleId) -> &mut CapCounts {
        let earned = &mut self.rare_mut().earned;
        let index = earned.iter().position(|earned| earned.rule == *rule).unwrap_or_else(|| {
            earned.push(Earned { rule: rule.clone(), counts: CapCounts::default() });
            earned.len() - 1
        });
        &mut earned[index].counts
    }
}
