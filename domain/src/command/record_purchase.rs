//! Record goods bought for money: earn what they earn, ask for shipping.

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, CapPeriod, Cause, CreditEarned, CreditRefused, Decision, DeliverTo, EarningRule,
    Event, IdHash, LadderTier, OfUnit, Points, PurchaseEarning, PurchaseId, PurchaseLine,
    PurchaseRecorded, Refusal, RefusalCode, RuleId, RuleVersion, Timestamp, UnitId, UnitPoints,
    WarehouseId,
};

/// Records a purchase. Its id is a cause: what earned for it once earns no more. The goods were
/// paid for, so it is recorded whatever refuses its credit, which can be claimed later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPurchase {
    /// Who bought.
    pub account_id: AccountId,
    /// The purchase's id, made by the caller.
    pub purchase_id: PurchaseId,
    /// What was bought, each product once, without what it earned.
    pub lines: Vec<PurchaseLine>,
    /// Of which unit the named points are; a rule gives its own.
    pub unit: UnitId,
    /// What it earns in all, which may be 0; without it, rules say.
    pub points: Option<Points>,
    /// The rules that say, each of another unit; without one, the one named `default`.
    pub rules: Box<[RuleId]>,
    /// Who ships, and where to, where there is something to ship.
    pub shipping: Option<(WarehouseId, DeliverTo)>,
    /// From when on the credit can be spent; without it, each rule says.
    pub available_at: Option<Timestamp>,
    /// Until when; without it, each rule says.
    pub expires_at: Option<Timestamp>,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

/// What a purchase earns of a unit.
#[derive(Default)]
struct Earning {
    unit: UnitId,
    /// By line; empty where a line would earn more than an amount can say.
    points: Vec<Points>,
    /// In all, where a cap cut it.
    before_cap: Option<Points>,
    /// That counted for the rule's percentage.
    tier: Option<LadderTier>,
    rule: Option<RuleVersion>,
    /// Where the rule's cap counts them.
    cap_period: Option<CapPeriod>,
    /// The time by which a rule gave them.
    earned_at: Option<Timestamp>,
    available_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
}

impl CommandRules for RecordPurchase {
    fn name(&self) -> &'static str {
        "record-purchase"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::purchase(&self.account_id, &self.purchase_id))
    }

    fn cause(&self) -> Option<Cause> {
        Some(Cause::purchase(&self.purchase_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        draft.apply_due(&self.account_id);
        let earnings = match self.points {
            Some(points) => {
                draft.unit_number(self.unit)?;
                let points = self.spread(points);
                vec![Earning { unit: self.unit, points, ..Earning::default() }]
            }
            None => self.earn_by_rules(&draft)?,
        };
        let (mut earned, mut credit_refused) = (vec![], vec![]);
        for earning in &earnings {
            let points = self.earn(&mut draft, earning).unwrap_or_else(|refused| {
                credit_refused.push(refused);
                Points::ZERO
            });
            earned.push(PurchaseEarning {
                unit: earning.unit,
                points,
                rule: earning.rule.clone(),
                points_before_cap: earning.before_cap,
                tier: earning.tier,
            });
        }
        let lines = self.lines.iter().enumerate().map(|(index, line)| {
            let earned = earnings.iter().filter_map(|earning| {
                let points = earning.points.get(index).and_then(|points| points.some())?;
                Some(UnitPoints { unit: earning.unit, points })
            });
            PurchaseLine { earned: earned.collect(), ..line.clone() }
        });
        let (warehouse, deliver_to) = self.shipping.clone().unzip();
        let recorded = PurchaseRecorded {
            purchase_id: self.purchase_id.clone(),
            lines: lines.collect(),
            earned: earned.into(),
            credit_refused: credit_refused.into(),
            asked_points: self.points,
            asked_rules: self.rules.clone(),
            warehouse,
            available_at: self.available_at,
            expires_at: self.expires_at,
            occurred_at: self.occurred_at,
            deliver_to,
        };
        draft.push_outcome(Event::PurchaseRecorded(self.account_id.clone(), recorded));
        draft.apply_due_again(&self.account_id);
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::PurchaseRecorded(_, fact) = event else { return OTHER_CALL };
        let is_line = |(asked, line): (&PurchaseLine, &PurchaseLine)| {
            *asked == PurchaseLine { earned: Box::default(), ..line.clone() }
        };
        let same_lines =
            self.lines.len() == fact.lines.len() && self.lines.iter().zip(&fact.lines).all(is_line);
        let (warehouse, deliver_to) = self.shipping.as_ref().map(|(who, to)| (who, to)).unzip();
        // A rule gives its own unit, and nobody names it.
        let has_points = self.points.is_some() && fact.asked_points.is_some();
        let are_several = self.rules.len() > 1 || fact.asked_rules.len() > 1;
        let same_address = fact.deliver_to.is_none() || fact.deliver_to.as_ref() == deliver_to;
        first_different(&[
            ("lines", same_lines),
            ("unit", !has_points || self.unit == fact.first_unit()),
            ("points", self.points == fact.asked_points),
            (if are_several { "rules" } else { "rule" }, self.rules == fact.asked_rules),
            ("warehouse", warehouse == fact.warehouse.as_ref()),
            ("deliver_to", same_address),
            ("available_at", self.available_at == fact.available_at),
            ("expires_at", self.expires_at == fact.expires_at),
            ("occurred_at", self.occurred_at == fact.occurred_at),
        ])
    }
}

impl Earning {
    /// What it comes to.
    fn sum(&self) -> Result<Points, Refusal> {
        let unit = OfUnit(Some(self.unit));
        if self.points.is_empty() {
            return Err(Refusal::AmountTooLarge { what: "what a line earns", unit });
        }
        let sum = self.points.iter().try_fold(Points::ZERO, |sum, points| sum.plus(*points));
        sum.ok_or(Refusal::AmountTooLarge { what: "what the purchase earns", unit })
    }
}

impl RecordPurchase {
    /// Records what is earned of a unit, if anything: how much, or why not.
    fn earn(&self, draft: &mut Draft<'_>, earning: &Earning) -> Result<Points, CreditRefused> {
        let (id, unit, cap_period) = (&self.account_id, earning.unit, earning.cap_period);
        let available_at = self.available_at.or(earning.available_at);
        let expires_at = self.expires_at.or(earning.expires_at);
        let sum = earning.sum();
        if sum == Ok(Points::ZERO) {
            return Ok(Points::ZERO);
        }
        let points = draft.check_credit(id, unit, sum, available_at, expires_at);
        let points = points.map_err(|refusal| {
            let code = RefusalCode::from(&refusal);
            CreditRefused { unit, code, available_at, expires_at, cap_period }
        })?;
        let cause = Cause::purchase(&self.purchase_id);
        let earned_at = earning.earned_at.unwrap_or(draft.now);
        let fact = CreditEarned {
            available_at,
            expires_at,
            counted_on: draft.counted_on(unit, cause.kind, earned_at),
            rule: earning.rule.clone(),
            cap_period,
            occurred_at: self.occurred_at,
            ..CreditEarned::new(unit, points, cause)
        };
        draft.come_in(Event::CreditEarned(id.clone(), fact));
        Ok(points)
    }

    /// Spreads points over the lines in proportion to what was paid for them, or to how many they
    /// are; rounding leaves nothing over.
    fn spread(&self, points: Points) -> Vec<Points> {
        let by_amount = self.lines.iter().any(|line| line.amount.is_some_and(|amount| amount > 0));
        let weights = self.lines.iter().map(|line| {
            let amount = line.amount.unwrap_or_default();
            u128::from(if by_amount { amount } else { line.quantity.get() })
        });
        let total: u128 = weights.clone().sum();
        let (mut before, mut given) = (0_u128, 0_u64);
        weights
            .map(|weight| {
                before += weight;
                let so_far = u128::from(points.get()) * before / total.max(1);
                // The share of all lines so far is at most all of the points.
                let so_far = u64::try_from(so_far).unwrap_or(points.get());
                let share = Points::sum_of(so_far - given).unwrap_or_default();
                given = so_far;
                share
            })
            .collect()
    }

    /// What each of the rules gives, in their order.
    fn earn_by_rules(&self, draft: &Draft<'_>) -> Result<Vec<Earning>, Refusal> {
        let default = [RuleId::default_rule()];
        let ids = if self.rules.is_empty() { &default } else { &*self.rules };
        let rules = ids.iter().map(|id| {
            let rule = draft.state.rule(id).map(|rule| (id, rule));
            rule.ok_or(Refusal::RuleUnknown)
        });
        let rules = rules.collect::<Result<Vec<_>, _>>()?;
        for (index, (_, rule)) in rules.iter().enumerate() {
            let unit = rule.terms.unit;
            if rules[..index].iter().any(|(_, before)| before.terms.unit == unit) {
                return Err(Refusal::UnitRepeated { unit });
            }
        }
        rules.into_iter().map(|(id, rule)| self.earn_by_rule(draft, id, rule)).collect()
    }

    fn earn_by_rule(
        &self,
        draft: &Draft<'_>,
        id: &RuleId,
        rule: &EarningRule,
    ) -> Result<Earning, Refusal> {
        let at = rule.earns_at(self.occurred_at, draft.now);
        let (terms, version) = rule.version_at(at);
        let calendar = terms.time_zone.calendar().map_err(|_| Refusal::TimeZoneUnknown)?;
        let unit = terms.unit;
        let has_tier = |tier| draft.level_of(&self.account_id, tier).is_some();
        let (percent, tier) = terms.percent(at, has_tier);
        let mut points = terms.points_of(&self.lines, percent).unwrap_or_default();
        let cap_period = terms.cap_period(calendar, at);
        let mut before_cap = None;
        if let (Some(cap), Some(period)) = (terms.cap, cap_period) {
            let number = draft.unit_number(unit)?;
            let given = in_all(&points);
            let account = draft.account(&self.account_id);
            let earned = account.map(|account| account.wallet(number).earned_by(id, period));
            let mut room = cap.points.minus(earned.unwrap_or_default()).unwrap_or_default();
            for line in &mut points {
                *line = (*line).min(room);
                room = room.minus(*line).unwrap_or_default();
            }
            before_cap = Some(given).filter(|given| *given > in_all(&points));
        }
        Ok(Earning {
            unit,
            points,
            before_cap,
            tier,
            rule: Some(RuleVersion { rule_id: id.clone(), version }),
            cap_period,
            earned_at: Some(at),
            available_at: terms.available_at(draft.now),
            expires_at: terms.expires_at(calendar, draft.now),
        })
    }
}

/// What the lines earn in all, as far as an amount goes.
fn in_all(points: &[Points]) -> Points {
    points.iter().fold(Points::ZERO, |sum, points| sum.plus(*points).unwrap_or(Points::MOST))
}

#[cfg(test)]
mod tests {
    use crate::command::ExpectedVersion;
    use crate::scenario::*;
    use crate::{Cap, Command, EarningTerms, ExpiryRule, Period};

    #[test]
    fn a_purchase_earns_the_points_that_are_named() {
        given([])
            .when(purchase("ann", "B-1", Some(100), &[("tv", 1, 200), ("dvd", 2, 100)]))
            .then_records(["CreditEarned", "PurchaseRecorded"])
            .leaves("ann", [100, 0, 0, 0])
            .when(purchase("ann", "B-1", Some(100), &[("tv", 1, 200), ("dvd", 2, 100)]))
            .then_repeats(3);
    }

    #[test]
    fn a_purchase_and_credit_for_it_are_one_cause() {
        let bought = || given([]).does(purchase("ann", "B-1", Some(100), &[("tv", 1, 200)]));
        bought().when(earn("ann", 100, "B-1")).then_differs_from(3, "call");
        given([earned("ann", 100, "B-1")])
            .when(purchase("ann", "B-1", Some(100), &[("tv", 1, 200)]))
            .then_differs_from(2, "call");
    }

    #[test]
    fn a_rule_gives_what_nobody_named() {
        let bought = || purchase("ann", "B-1", None, &[("tv", 1, 250), ("dvd", 2, 99)]);
        given([]).refuses(bought(), "rule-unknown");
        given([])
            .does(rule("default", rate(10), ExpectedVersion::Absent))
            .does(bought())
            // 34.9: 25 for the one, and what both earn more than it for the other.
            .leaves("ann", [34, 0, 0, 0]);
    }

    #[test]
    fn twenty_small_lines_earn_what_one_large_line_does() {
        let names: Vec<String> = (0..20).map(|number| format!("sweet-{number}")).collect();
        let small: Vec<(&str, u64, u64)> = names.iter().map(|name| (&**name, 1, 99)).collect();
        let ruled = || given([]).does(rule("default", rate(1), ExpectedVersion::Absent));
        ruled()
            .does(purchase("ann", "B-1", None, &[("cake", 1, 1_980)]))
            .leaves("ann", [19, 0, 0, 0]);
        let bought = || ruled().does(purchase("ann", "B-1", None, &small));
        bought().leaves("ann", [19, 0, 0, 0]);
        // Piece by piece nothing stays.
        let back = |bought, number: usize| {
            let (id, line) = (format!("r-{number}"), [(&*names[number], 1)]);
            Scenario::does(bought, bring_back("ann", "B-1", &id, Some(&line)))
        };
        (0..20).fold(bought(), back).leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn only_full_steps_earn_where_the_rate_says_so() {
        // 10 points for each full 2.50.
        let rate =
            crate::Rate { points: points(10), per_amount: points(250), full_steps_only: true };
        let terms = EarningTerms { rate, ..crate::scenario::rate(1) };
        let bought = |amounts: [u64; 2]| {
            let lines = [("tv", 1, amounts[0]), ("dvd", 1, amounts[1])];
            given([])
                .does(rule("default", terms.clone(), ExpectedVersion::Absent))
                .does(purchase("ann", "B-1", None, &lines))
        };
        bought([249, 250]).leaves("ann", [10, 0, 0, 0]);
        // Both lines make the second step together.
        bought([249, 251]).leaves("ann", [20, 0, 0, 0]);
        bought([100, 149]).leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn some_goods_earn_nothing() {
        let none = crate::Rate { points: crate::Points::ZERO, ..rate(1).rate };
        let category = "gift-cards".parse().expect("a category");
        let terms = EarningTerms {
            categories: vec![crate::CategoryRate { category, rate: none }],
            ..rate(1)
        };
        let Command::RecordPurchase(mut bought) =
            purchase("ann", "B-1", None, &[("card", 1, 5_000), ("tv", 1, 100)])
        else {
            panic!("a purchase")
        };
        bought.lines[0].category = "gift-cards".parse().ok();
        given([])
            .does(rule("default", terms, ExpectedVersion::Absent))
            .does(Command::RecordPurchase(bought))
            .leaves("ann", [1, 0, 0, 0]);
    }

    #[test]
    fn a_cap_counts_what_the_rule_gave_in_its_period() {
        let points = points(30);
        let capped = EarningTerms { cap: Some(Cap { points, period: Period::Day }), ..rate(10) };
        let bought = |basket| purchase("ann", basket, None, &[("tv", 1, 250)]);
        given([])
            .does(rule("default", capped, ExpectedVersion::Absent))
            .does(bought("B-1"))
            .does(bought("B-2"))
            .leaves("ann", [30, 0, 0, 0])
            .when(bought("B-3"))
            .then_records(["PurchaseRecorded"])
            .at(24 * 60 * 60)
            .does(bought("B-4"))
            .leaves("ann", [55, 0, 0, 0]);
    }

    #[test]
    fn a_purchase_says_what_a_cap_cut() {
        let points = points(30);
        let capped = EarningTerms { cap: Some(Cap { points, period: Period::Day }), ..rate(10) };
        let bought = |basket| purchase("ann", basket, None, &[("tv", 1, 250)]);
        given([])
            .does(rule("default", capped, ExpectedVersion::Absent))
            .when(bought("B-1"))
            .then_is_cut_from(None)
            .when(bought("B-2"))
            .then_is_cut_from(Some(25))
            .leaves("ann", [30, 0, 0, 0])
            .when(bought("B-3"))
            .then_is_cut_from(Some(25))
            .when(purchase("ann", "B-4", Some(70), &[("tv", 1, 250)]))
            .then_is_cut_from(None);
    }

    #[test]
    fn categories_and_times_have_rates_of_their_own() {
        let rate_of = |points_per_100| rate(points_per_100).rate;
        let terms = EarningTerms {
            categories: vec![crate::CategoryRate {
                category: "toys".parse().expect("a category"),
                rate: rate_of(20),
            }],
            multipliers: vec![during(50, 60, 150)],
            expiry: Some(ExpiryRule::Months(1)),
            pending_days: 1,
            ..rate(10)
        };
        let Command::RecordPurchase(mut bought) =
            purchase("ann", "B-1", None, &[("doll", 1, 100), ("tv", 1, 100)])
        else {
            panic!("a purchase")
        };
        bought.lines[0].category = "toys".parse().ok();
        let bought = Command::RecordPurchase(bought);
        let ruled = || given([]).does(rule("default", terms.clone(), ExpectedVersion::Absent));
        ruled().at(49).does(bought.clone()).leaves("ann", [0, 30, 0, 0]);
        ruled().at(50).does(bought.clone()).leaves("ann", [0, 45, 0, 0]);
        ruled()
            .at(60)
            .does(bought)
            .at(60 + 24 * 60 * 60)
            .sweeps()
            .leaves("ann", [30, 0, 0, 0])
            .at(60 + 31 * 24 * 60 * 60)
            .sweeps()
            .leaves("ann", [0, 0, 0, 0]);
    }
}
