//! Rules by which purchases earn: so many points per unit of currency, more in some categories and
//! at some times, so many per shopper and period, for so long.

use log_record::Position;
use serde::{Deserialize, Serialize};

use crate::amount::sum;
use crate::multiplier::percent;
use crate::{
    BACKDATE_DAYS_MAX, Calendar, CapPeriod, Category, LadderTier, Multiplier, Points, PurchaseLine,
    TimeZone, Timestamp, UnitId,
};

/// What a rule says; a change replaces all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarningTerms {
    /// Of which unit it gives; it keeps that for good. The cap counts in it, too.
    pub unit: UnitId,
    /// What an amount of money earns.
    pub rate: Rate,
    /// What it earns in some categories instead.
    pub categories: Vec<CategoryRate>,
    /// When, and for whom, it earns more (or less); where several apply, the highest does.
    pub multipliers: Vec<Multiplier>,
    /// The most that a shopper earns by this rule.
    pub cap: Option<Cap>,
    /// For how long what was earned can be spent; without it, for ever.
    pub expiry: Option<ExpiryRule>,
    /// After how many days it can be spent: the time in which goods can be returned.
    pub pending_days: u16,
    /// Where the cap's periods, and the months and years of `expiry`, are those of the calendar.
    pub time_zone: TimeZone,
    /// A purchase that is told of so many days late, or less, earns by when it happened.
    pub backdate_days: u16,
}

/// A rule as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarningRule {
    /// The present terms.
    pub terms: EarningTerms,
    /// Counts changes, from 1.
    pub version: u64,
    /// The event that last changed it.
    pub changed_at: Position,
    /// Former versions by which a purchase can still earn, the oldest first.
    pub earlier: Vec<EarlierVersion>,
    /// Before this time, the version that was in force is not known: there were too many to keep.
    pub known_from: Timestamp,
}

/// A version of a rule that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierVersion {
    /// Its terms.
    pub terms: EarningTerms,
    /// Its number.
    pub version: u64,
    /// The next version counts from then on.
    pub replaced_at: Timestamp,
}

/// How many former versions of a rule are kept at most: a rule that is changed three times a day
/// keeps all that a purchase can be told late for.
const EARLIER_MAX: usize = 100;

/// So many points for so much money. What all lines with this rate earn is rounded down once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// The points; 0 for goods that earn nothing.
    #[serde(with = "sum")]
    pub points: Points,
    /// The money, in the currency's smallest unit.
    pub per_amount: Points,
    /// Whether only the whole steps of `per_amount` earn.
    pub full_steps_only: bool,
}

/// A rate for some goods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryRate {
    /// The goods.
    pub category: Category,
    /// The rate.
    pub rate: Rate,
}

/// The most that a shopper earns by a rule within a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cap {
    /// The most.
    pub points: Points,
    /// Within which period.
    pub period: Period,
}

/// A stretch of the calendar, in the rule's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From the first to the first.
    Month,
    /// From new year to new year.
    Year,
    /// All of it.
    Ever,
}

/// For how long credit can be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExpiryRule {
    /// So many calendar months.
    Months(u16),
    /// Until the end of the year that is so many years after this one.
    EndOfYear(u16),
}

impl Period {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Day, Self::Month, Self::Year, Self::Ever];
}

/// The fewest days of so many months that follow each other, from none to eleven.
const FEWEST_DAYS: [u32; 12] = [0, 28, 59, 89, 120, 150, 181, 212, 242, 273, 303, 334];

impl ExpiryRule {
    /// The fewest `pending_days` that are too many. For `months`: the days of the shortest such
    /// months; credit earned at their beginning would expire while pending. For `end_of_year`: the
    /// days of the longest such years; credit would expire while pending, whenever it is earned.
    #[must_use]
    pub fn pending_days_end(self) -> u32 {
        match self {
            Self::Months(months) => {
                let (years, months) = (u32::from(months / 12), usize::from(months % 12));
                years * 365 + FEWEST_DAYS[months]
            }
            Self::EndOfYear(years) => {
                let years = u32::from(years) + 1;
                years * 365 + years.div_ceil(4)
            }
        }
    }
}

impl EarningRule {
    /// Its first version.
    pub(crate) const fn new(terms: EarningTerms, changed_at: Position) -> Self {
        let known_from = Timestamp::EPOCH;
        Self { terms, version: 1, changed_at, earlier: vec![], known_from }
    }

    /// Replaces the terms.
    pub(crate) fn set(&mut self, terms: EarningTerms, changed_at: Position, now: Timestamp) {
        let former = std::mem::replace(&mut self.terms, terms);
        let version = self.version;
        self.earlier.push(EarlierVersion { terms: former, version, replaced_at: now });
        let kept_from = |it: &EarlierVersion| it.replaced_at.plus_days(BACKDATE_DAYS_MAX.into());
        self.earlier.retain(|earlier| kept_from(earlier) > now);
        let too_many = self.earlier.len().saturating_sub(EARLIER_MAX);
        if let Some(last) = self.earlier.drain(..too_many).next_back() {
            self.known_from = last.replaced_at;
        }
        self.version += 1;
        self.changed_at = changed_at;
    }

    /// The time by which a purchase earns: when it happened, where that isn't too long ago and not
    /// to come, and otherwise now.
    pub(crate) fn earns_at(&self, occurred_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let first = now.minus_days(self.terms.backdate_days.into()).max(self.known_from);
        occurred_at.filter(|at| first <= *at && *at < now).unwrap_or(now)
    }

    /// The version in force at a time, or the first if there was none yet; its terms and its
    /// number.
    pub(crate) fn version_at(&self, time: Timestamp) -> (&EarningTerms, u64) {
        let earlier = self.earlier.iter().find(|earlier| time < earlier.replaced_at);
        earlier.map_or((&self.terms, self.version), |earlier| (&earlier.terms, earlier.version))
    }
}

impl Rate {
    /// What so much money earns, rounded down; nothing where that can't be reckoned.
    fn points_for(self, amount: u128, percent: u32) -> Option<u128> {
        let per_amount = u128::from(self.per_amount.get());
        // The money beyond the last full step, where that earns nothing.
        let rest = if self.full_steps_only { amount % per_amount } else { 0 };
        let product = (amount - rest).checked_mul(self.points.get().into())?;
        Some(product.checked_mul(percent.into())? / per_amount / 100)
    }
}

impl EarningTerms {
    /// Whether other terms say the same: the order of categories and of multipliers says nothing.
    #[must_use]
    pub fn says_same(&self, other: &Self) -> bool {
        let (categories, multipliers) = (other.categories.clone(), other.multipliers.clone());
        is_same_set(&self.categories, &other.categories)
            && is_same_set(&self.multipliers, &other.multipliers)
            && Self { categories, multipliers, ..self.clone() } == *other
    }

    /// The period in which the cap counts what is earned at a time, where there is a cap.
    pub(crate) fn cap_period(&self, calendar: Calendar, at: Timestamp) -> Option<CapPeriod> {
        self.cap.map(|cap| calendar.period(cap.period, at))
    }

    /// What each line earns at a percentage of its rate, before any cap; nothing where it is more
    /// than an amount can say. Lines of the same rate are rounded down together: each adds what the
    /// lines up to it earn more than those before it, so that many small lines earn what one large
    /// line would.
    #[must_use]
    pub fn points_of(&self, lines: &[PurchaseLine], percent: u32) -> Option<Vec<Points>> {
        let mut amounts: Vec<(Rate, u128)> = Vec::new();
        let points = lines.iter().map(|line| {
            let rate = self.rate_of(line);
            let before = amounts.iter().find(|(of, _)| *of == rate).map_or(0, |(_, sum)| *sum);
            let with_it = before + u128::from(line.amount.unwrap_or_default());
            amounts.retain(|(of, _)| *of != rate);
            amounts.push((rate, with_it));
            let points = rate.points_for(with_it, percent)? - rate.points_for(before, percent)?;
            Points::sum_of(u64::try_from(points).ok()?)
        });
        points.collect()
    }

    fn rate_of(&self, line: &PurchaseLine) -> Rate {
        let special =
            self.categories.iter().find(|rate| Some(&rate.category) == line.category.as_ref());
        special.map_or(self.rate, |special| special.rate)
    }

    /// The percentage of the rate that is earned at `now`, and the tier that counted, where there
    /// is less to earn without one. `has_tier` says whether the shopper has a tier or a higher one.
    #[must_use]
    pub fn percent(
        &self,
        now: Timestamp,
        has_tier: impl Fn(LadderTier) -> bool,
    ) -> (u32, Option<LadderTier>) {
        percent(&self.multipliers, now, has_tier)
    }

    /// When credit that is earned at `now` becomes available, if not at once.
    #[must_use]
    pub fn available_at(&self, now: Timestamp) -> Option<Timestamp> {
        (self.pending_days > 0).then(|| now.plus_days(self.pending_days.into()))
    }

    /// When credit that is earned at `now` expires, if ever.
    #[must_use]
    pub fn expires_at(&self, calendar: Calendar, now: Timestamp) -> Option<Timestamp> {
        self.expiry.map(|rule| calendar.end_of(rule, now))
    }
}

fn is_same_set<T: PartialEq>(first: &[T], second: &[T]) -> bool {
    first.len() == second.len()
        && first.iter().all(|item| second.contains(item))
        && second.iter().all(|item| first.contains(item))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::ExpectedVersion;
    use crate::scenario::*;
    use crate::{Command, CreditEarned, Event, RuleVersion};

    const HOUR: i64 = 60 * 60;
    const DAY: i64 = 24 * HOUR;

    fn seconds(text: &str) -> i64 {
        let time: Timestamp = text.parse().expect("a time");
        time.micros() / 1_000_000
    }

    fn capped(points_a_day: u64) -> EarningTerms {
        let cap = Cap { points: points(points_a_day), period: Period::Day };
        EarningTerms { cap: Some(cap), ..rate(10) }
    }

    /// A ledger with the rule for all purchases.
    fn ruled(terms: EarningTerms) -> Scenario {
        given([]).does(set(terms))
    }

    fn set(terms: EarningTerms) -> Command {
        rule("default", terms, ExpectedVersion::Absent)
    }

    fn bought(basket: &str, amount: u64) -> Command {
        purchase("ann", basket, None, &[("tv", 1, amount)])
    }

    #[test]
    fn a_caps_day_is_that_of_the_rules_time_zone() {
        let terms = EarningTerms { time_zone: id("Europe/Berlin"), ..capped(30) };
        ruled(terms)
            .at(seconds("2026-12-31T12:00:00Z"))
            .does(bought("B-1", 250))
            .at(seconds("2026-12-31T22:59:59Z"))
            .does(bought("B-2", 250))
            .leaves("ann", [30, 0, 0, 0])
            .at(seconds("2026-12-31T23:00:00Z"))
            .does(bought("B-3", 250))
            .leaves("ann", [55, 0, 0, 0])
            .at(seconds("2027-01-01T00:00:00Z"))
            .does(bought("B-4", 250))
            .leaves("ann", [60, 0, 0, 0]);
    }

    #[test]
    fn a_year_ends_in_the_rules_time_zone() {
        let expiry = Some(ExpiryRule::EndOfYear(0));
        let terms = EarningTerms { expiry, time_zone: id("Europe/Berlin"), ..rate(10) };
        ruled(terms)
            .at(seconds("2026-12-31T22:59:59Z"))
            .does(bought("B-1", 100))
            .at(seconds("2026-12-31T23:00:00Z"))
            .does(bought("B-2", 100))
            .leaves("ann", [10, 0, 0, 0]);
    }

    #[test]
    fn a_purchase_that_is_told_late_earns_by_when_it_happened() {
        let doubled = during(10 * DAY, 11 * DAY, 200);
        let late = EarningTerms { multipliers: vec![doubled], backdate_days: 3, ..rate(10) };
        let lower = EarningTerms { rate: rate(1).rate, multipliers: vec![], ..late.clone() };
        let told = || {
            ruled(late.clone())
                .at(12 * DAY)
                .does(rule("default", lower.clone(), ExpectedVersion::Any))
                .at(13 * DAY)
        };
        // Twice what the version of that day gives.
        told().does(purchase_at(10 * DAY, "ann", "B-1", 100)).leaves("ann", [20, 0, 0, 0]);
        told().does(purchase_at(11 * DAY, "ann", "B-1", 100)).leaves("ann", [10, 0, 0, 0]);
        // By now: not late, from too long ago, or to come.
        told().does(purchase_at(12 * DAY, "ann", "B-1", 100)).leaves("ann", [1, 0, 0, 0]);
        told().does(purchase_at(10 * DAY - 1, "ann", "B-1", 100)).leaves("ann", [1, 0, 0, 0]);
        told().does(purchase_at(14 * DAY, "ann", "B-1", 100)).leaves("ann", [1, 0, 0, 0]);
        told().does(bought("B-1", 100)).leaves("ann", [1, 0, 0, 0]);
        let no_longer = EarningTerms { backdate_days: 0, ..lower.clone() };
        told()
            .does(rule("default", no_longer, ExpectedVersion::Any))
            .does(purchase_at(10 * DAY, "ann", "B-1", 100))
            .leaves("ann", [1, 0, 0, 0]);
    }

    #[test]
    fn a_purchase_before_the_first_version_earns_by_the_first() {
        let terms = EarningTerms { backdate_days: 3, ..rate(10) };
        given([])
            .at(5 * DAY)
            .does(set(terms))
            .does(purchase_at(4 * DAY, "ann", "B-1", 100))
            .leaves("ann", [10, 0, 0, 0]);
    }

    #[test]
    fn a_purchase_that_is_told_late_counts_under_the_cap_of_its_day() {
        let noon = |day| day * DAY + 12 * HOUR;
        ruled(EarningTerms { backdate_days: 2, ..capped(30) })
            .at(noon(5))
            .does(bought("B-1", 250))
            .at(noon(6))
            .does(purchase_at(noon(5), "ann", "B-2", 250))
            .leaves("ann", [30, 0, 0, 0])
            .does(bought("B-3", 250))
            .leaves("ann", [55, 0, 0, 0])
            // What a return gives back is room in that day.
            .does(bring_back("ann", "B-1", "r-1", None))
            .leaves("ann", [30, 0, 0, 0])
            .does(bought("B-4", 250))
            .leaves("ann", [35, 0, 0, 0])
            .does(purchase_at(noon(5), "ann", "B-5", 990))
            .leaves("ann", [60, 0, 0, 0]);
    }

    #[test]
    fn what_is_told_late_is_pending_and_expires_by_the_writers_clock() {
        let expiry = Some(ExpiryRule::Months(1));
        ruled(EarningTerms { backdate_days: 9, pending_days: 2, expiry, ..rate(10) })
            .at(seconds("2026-02-10T00:00:00Z"))
            .does(purchase_at(seconds("2026-02-03T00:00:00Z"), "ann", "B-1", 100))
            .at(seconds("2026-02-11T23:59:59Z"))
            .sweeps()
            .leaves("ann", [0, 10, 0, 0])
            .at(seconds("2026-03-09T23:59:59Z"))
            .sweeps()
            .leaves("ann", [10, 0, 0, 0])
            .at(seconds("2026-03-10T00:00:00Z"))
            .sweeps()
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn credit_that_could_never_be_spent_is_refused() {
        let expiry = Some(ExpiryRule::EndOfYear(0));
        let zone = id("Europe/Berlin");
        let terms = EarningTerms { expiry, pending_days: 14, time_zone: zone, ..rate(10) };
        ruled(terms)
            .at(seconds("2026-12-17T22:59:59Z"))
            .does(bought("B-1", 100))
            .at(seconds("2026-12-17T23:00:00Z"))
            .when(bought("B-4", 100))
            .then_records(["PurchaseRecorded"])
            .refuses(claim("ann", "B-4"), "never-matures")
            // What earns nothing needs no time to be spent in.
            .when(bought("B-2", 1))
            .then_records(["PurchaseRecorded"])
            .at(seconds("2026-12-31T23:00:00Z"))
            .does(bought("B-3", 100))
            .at(seconds("2027-01-14T23:00:00Z"))
            .sweeps()
            .leaves("ann", [10, 0, 0, 0]);
    }

    #[test]
    fn so_many_days_are_never_fewer_than_a_year_has() {
        let ends = [0, 1, 3, 4].map(|years| ExpiryRule::EndOfYear(years).pending_days_end());
        // At most one year of four is a leap year.
        assert_eq!(ends, [366, 731, 1_461, 1_827]);
        let ends = [1, 2, 12, 14].map(|months| ExpiryRule::Months(months).pending_days_end());
        assert_eq!(ends, [28, 59, 365, 424]);
    }

    #[test]
    fn the_state_counts_in_the_period_that_the_event_says() {
        let now = 20 * DAY;
        let earned_in = |start: i64, end: i64| {
            let (kind, start, end) = (Period::Day, time(start), Some(time(end)));
            let fact = CreditEarned {
                rule: Some(RuleVersion { rule_id: id("default"), version: 1 }),
                cap_period: Some(CapPeriod { kind, start, end }),
                ..CreditEarned::new(crate::UnitId::POINTS, points(30), cause("B-1"))
            };
            Event::CreditEarned(id("ann"), fact)
        };
        let told = |event| ruled(capped(30)).at(now).and([event]).does(bought("B-2", 100));
        told(earned_in(now, now + DAY)).leaves("ann", [30, 0, 0, 0]);
        // A build that knows the zone otherwise reckoned another end: it is the same day.
        told(earned_in(now, now + DAY + HOUR)).leaves("ann", [30, 0, 0, 0]);
        // Another day.
        told(earned_in(now - DAY, now)).leaves("ann", [40, 0, 0, 0]);
        for (start, end) in [(now, now), (now + DAY, now)] {
            ruled(capped(30)).at(now).never_has(&earned_in(start, end));
        }
    }

    #[test]
    fn former_versions_are_kept_for_31_days_and_in_a_bounded_number() {
        let set_at = |rule: &mut EarningRule, seconds| {
            rule.set(rate(rule.version), Position(rule.version), time(seconds));
        };
        let mut rule = EarningRule::new(rate(1), Position(1));
        for day in 1..=40 {
            set_at(&mut rule, day * DAY);
        }
        // The version of day 9 was replaced on day 10, which is 30 days ago.
        assert_eq!(rule.earlier.first().map(|earlier| earlier.replaced_at), Some(time(10 * DAY)));
        assert_eq!(rule.version_at(time(9 * DAY)).1, 10);
        assert_eq!(rule.version_at(time(40 * DAY - 1)).1, 40);
        assert_eq!(rule.version_at(time(40 * DAY)).1, 41);
        for second in 0..1_000 {
            set_at(&mut rule, 41 * DAY + second);
        }
        assert_eq!(rule.earlier.len(), EARLIER_MAX);
        // Which version was in force on day 20 is forgotten: such a purchase earns by now.
        let now = time(42 * DAY);
        rule.terms.backdate_days = 31;
        assert_eq!(rule.earns_at(Some(time(20 * DAY)), now), now);
        let last = time(41 * DAY + 999);
        assert_eq!(rule.earns_at(Some(last), now), last);
    }
}
