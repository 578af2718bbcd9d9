//! The calendar of a plain ladder, by years, months and days as numbers.

use std::collections::BTreeMap;

use domain::{Calendar, CauseKind, Day, LadderId, LadderTerms, Points, TierId, Timestamp, Window};

use super::plain::Line;

/// A date as three numbers.
pub(crate) type Date = (i32, u32, u32);

/// A ladder with all its versions.
#[derive(Clone, Debug)]
pub(crate) struct PlainLadder {
    pub(crate) id: LadderId,
    pub(crate) calendar: Calendar,
    pub(crate) order: usize,
    /// Each version with the time from which on it was there.
    pub(crate) versions: Vec<(Timestamp, LadderTerms)>,
}

pub(crate) fn date(day: Day) -> Date {
    let text = day.to_string();
    let part = |from: usize, to: usize| text[from..to].parse::<i32>().expect("digits");
    let small = |from, to| u32::try_from(part(from, to)).expect("small");
    (part(0, 4), small(5, 7), small(8, 10))
}

pub(crate) fn days_of(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// So many months later; the month's last day where it has no such day.
pub(crate) fn plus_months((year, month, day): Date, more: i32) -> Date {
    let months = year * 12 + i32::try_from(month).expect("small") - 1 + more;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    let month = u32::try_from(month).expect("small");
    (year, month, day.min(days_of(year, month)))
}

pub(crate) fn start(calendar: Calendar, (year, month, day): Date) -> Timestamp {
    calendar.start_of_day(Day::of(year, month, day).expect("a date"))
}

pub(crate) fn day_before((year, month, day): Date) -> Date {
    match (month, day) {
        (1, 1) => (year - 1, 12, 31),
        (_, 1) => (year, month - 1, days_of(year, month - 1)),
        _ => (year, month, day - 1),
    }
}

impl PlainLadder {
    pub(crate) fn terms(&self) -> &LadderTerms {
        &self.versions.last().expect("at least one").1
    }

    /// The first day of the year or the month that a day is in.
    pub(crate) fn first_of(&self, (year, month, day): Date) -> Date {
        match self.terms().window {
            Window::Years { from, .. } => {
                let text = from.to_string();
                let (of_month, of_day) = text.split_once('-').expect("a month and a day");
                let number = |text: &str| text.parse::<u32>().expect("digits");
                let (of_month, of_day) = (number(of_month), number(of_day));
                let has_begun = (month, day) >= (of_month, of_day);
                (if has_begun { year } else { year - 1 }, of_month, of_day)
            }
            Window::Months { .. } => (year, month, 1),
            Window::Ever => (1, 1, 1),
        }
    }

    /// The days that a count has which ends with the year or the month of a day.
    pub(crate) fn days(&self, day: Date) -> (Date, Date) {
        let first = self.first_of(day);
        match self.terms().window {
            Window::Years { .. } => (first, day_before(plus_months(first, 12))),
            Window::Months { months, .. } => {
                let last = day_before(plus_months(first, 1));
                (plus_months(first, -i32::from(u8::from(months))), last)
            }
            Window::Ever => ((1, 1, 1), (9999, 12, 31)),
        }
    }

    /// Until when a tier holds by a version that a count gives which has these days.
    pub(crate) fn until(&self, version: usize, (first, last): (Date, Date)) -> Option<Timestamp> {
        let end = match self.versions[version - 1].1.window {
            Window::Years { years, months, .. } => {
                let end = plus_months(first, 12 * (1 + i32::from(u8::from(years))));
                plus_months(end, u8::from(months).into())
            }
            Window::Months { keeps, .. } => {
                let (year, month, _) = last;
                plus_months((year, month, 1), 1 + i32::from(u8::from(keeps)))
            }
            Window::Ever => return None,
        };
        Some(start(self.calendar, end))
    }

    pub(crate) fn counts(&self, line: &Line, lines: &[Line]) -> bool {
        let is_of_kind = match line.kind {
            CauseKind::Adjustment => self.terms().adjustments,
            CauseKind::Conversion => false,
            _ => true,
        };
        let written = line.lot.map_or(line.order, |lot| lines[lot].order);
        line.unit == self.terms().unit && is_of_kind && written > self.order
    }

    /// What is kept of the sums of lines, by the first day of their year or month: the oldest are
    /// forgotten, as no tier follows from them any more.
    fn kept(&self, lines: &[Line]) -> BTreeMap<Date, i128> {
        let mut sums = BTreeMap::<Date, i128>::new();
        for line in lines.iter().filter(|line| self.counts(line, lines)) {
            let first = self.first_of(date(line.day));
            let latest = sums.last_key_value().map_or(first, |(latest, _)| (*latest).max(first));
            let oldest = match self.terms().window {
                Window::Years { .. } => (latest.0 - 3, latest.1, latest.2),
                Window::Months { months, .. } => plus_months(latest, -i32::from(u8::from(months))),
                Window::Ever => first,
            };
            if first >= oldest {
                *sums.entry(first).or_default() += line.points;
                sums.retain(|first, sum| *first >= oldest && *sum != 0);
            }
        }
        sums
    }

    /// What another account that has these lines counts, as far as it hasn't forgotten it: its
    /// sums, and how much more or less they are on some days than the lines.
    pub(crate) fn forgotten(&self, (first, last): (Date, Date), lines: &[Line]) -> i128 {
        let is_then = |day: Date| first <= day && day <= last;
        let kept = self.kept(lines);
        let kept: i128 = kept.iter().filter(|(day, _)| is_then(**day)).map(|(_, sum)| sum).sum();
        let lines = lines.iter().filter(|it| is_then(date(it.day)) && self.counts(it, lines));
        lines.map(|line| line.points).sum::<i128>() - kept
    }

    /// Whether lines leave any sum, and any below zero.
    pub(crate) fn leave(&self, lines: &[Line]) -> (bool, bool) {
        let kept = self.kept(lines);
        (!kept.is_empty(), kept.values().any(|sum| *sum < 0))
    }

    pub(crate) fn rank(&self, version: usize, tier: TierId) -> usize {
        let levels = &self.versions[version - 1].1.levels;
        levels.iter().position(|level| level.tier == tier).expect("a tier")
    }

    pub(crate) fn base(&self, version: usize) -> Option<usize> {
        let first = self.versions[version - 1].1.levels.iter().next().expect("a level");
        (first.from == Points::ZERO).then_some(0)
    }
}
