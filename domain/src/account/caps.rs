//! What an account has earned under rules' caps.

use serde::{Deserialize, Serialize};

use super::Wallet;
use crate::cap_count::{CapCounts, NO_PERIOD};
use crate::{CapPeriod, CapRoom, Points, RuleId, Timestamp};

/// What was earned by a rule under its cap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Earned {
    rule: RuleId,
    counts: CapCounts,
}

impl Wallet {
    /// What the rule has given under its cap in a period.
    pub(crate) fn earned_by(&self, rule: &RuleId, period: CapPeriod) -> Points {
        let earned = self.rare.as_ref().map(|rare| &*rare.earned).unwrap_or_default();
        let of_rule = earned.iter().find(|earned| earned.rule == *rule);
        of_rule.map(|earned| earned.counts.get(period)).unwrap_or_default()
    }

    /// What a rule would have given in a period of its cap counts as given: it can be claimed,
    /// whatever the cap says then.
    pub(crate) fn credit_refused(
        &mut self,
        recorded_at: Timestamp,
        rule: &RuleId,
        period: CapPeriod,
        points: Points,
    ) -> Result<(), &'static str> {
        if points == Points::ZERO {
            // No line says what it would have earned; the rule has its place here all the same.
            self.counts_mut(rule);
            return Ok(());
        }
        self.use_room(rule, period, points, recorded_at)
    }

    /// Counts what a rule gives under its cap in a period.
    pub(super) fn use_room(
        &mut self,
        rule: &RuleId,
        period: CapPeriod,
        points: Points,
        now: Timestamp,
    ) -> Result<(), &'static str> {
        self.counts_mut(rule).add(period, points, now).ok_or(NO_PERIOD)
    }

    /// Gives room under a cap back.
    pub(crate) fn give_room_back(
        &mut self,
        room: &CapRoom,
        points: Points,
    ) -> Result<(), &'static str> {
        let counts = self.counts_mut(&room.rule_id);
        counts.give_back(room.period, points).ok_or(NO_PERIOD)
    }

    /// What rules gave under their caps, by rule and period.
    pub(crate) fn all_earned(&self) -> impl Iterator<Item = (&RuleId, CapPeriod, Points)> {
        let earned = self.rare.as_ref().map(|rare| &*rare.earned).unwrap_or_default();
        earned
            .iter()
            .flat_map(|it| it.counts.iter().map(move |(period, points)| (&it.rule, period, points)))
    }

    /// Adds to what a rule gave in a period, or takes off it.
    pub(crate) fn take_over(
        &mut self,
        rule: &RuleId,
        period: CapPeriod,
        points: i64,
        now: Timestamp,
    ) -> Result<(), &'static str> {
        let amount = Points::sum_of(points.unsigned_abs()).unwrap_or(Points::MOST);
        if points < 0 {
            self.counts_mut(rule).give_back(period, amount).ok_or(NO_PERIOD)
        } else {
            self.use_room(rule, period, amount, now)
        }
    }

    fn counts_mut(&mut self, rule: &RuleId) -> &mut CapCounts {
        let earned = &mut self.rare_mut().earned;
        let index = earned.iter().position(|earned| earned.rule == *rule).unwrap_or_else(|| {
            let more = Earned { rule: rule.clone(), counts: CapCounts::default() };
            *earned = std::mem::take(earned).into_iter().chain([more]).collect();
            earned.len() - 1
        });
        &mut earned[index].counts
    }
}
