//! What purchases earn, by docs/CREDIT.md, with the calendar in the plainest way.

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use domain::{EarningTerms, ExpiryRule, Period, PurchaseLine, Rate};

use super::ledger::{DAY, Time};

/// Named points, spread over the lines.
pub(crate) fn spread(points: u128, lines: &[PurchaseLine]) -> Vec<u128> {
    let has_amount = lines.iter().any(|line| line.amount.is_some_and(|amount| amount > 0));
    let weights: Vec<u128> =
        lines
            .iter()
            .map(|line| {
                if has_amount {
                    line.amount.unwrap_or(0).into()
                } else {
                    line.quantity.get().into()
                }
            })
            .collect();
    let whole: u128 = weights.iter().sum();
    let share_of_first = |count: usize| points * weights[..count].iter().sum::<u128>() / whole;
    (0..lines.len()).map(|line| share_of_first(line + 1) - share_of_first(line)).collect()
}

/// What a rule gives each line, whatever its cap.
pub(crate) fn before_cap(terms: &EarningTerms, lines: &[PurchaseLine], now: Time) -> Vec<u128> {
    let applying = terms.multipliers.iter();
    let applying = applying.filter(|it| it.from.micros() <= now && now < it.until.micros());
    let percent = applying.map(|it| it.percent).max().unwrap_or(100);
    let rate_of = |line: &PurchaseLine| {
        let special =
            terms.categories.iter().find(|it| line.category.as_ref() == Some(&it.category));
        special.map_or(terms.rate, |special| special.rate)
    };
    // What the first so many lines earn that have this rate.
    let of_first = |count: usize, rate: Rate| {
        let lines = lines[..count].iter().filter(|line| rate_of(line) == rate);
        let amount: u128 = lines.map(|line| u128::from(line.amount.unwrap_or(0))).sum();
        // What is more than 128 bits is more than any amount, whatever it is divided by.
        let product = amount.saturating_mul(rate.points.get().into());
        let product = product.saturating_mul(percent.into());
        product / u128::from(rate.per_amount.get()) / 100
    };
    let line = |number: usize| {
        let rate = rate_of(&lines[number]);
        of_first(number + 1, rate) - of_first(number, rate)
    };
    (0..lines.len()).map(line).collect()
}

/// What is left of that by the cap, where the shopper has already earned so much by the rule.
pub(crate) fn capped(
    terms: &EarningTerms,
    by_line: Vec<u128>,
    earned: &[(Time, u128)],
    now: Time,
) -> Vec<u128> {
    let Some(cap) = terms.cap else { return by_line };
    let start = start_of(cap.period, now);
    let earned = earned.iter().filter(|(at, _)| *at >= start);
    let earned: u128 = earned.map(|(_, points)| points).sum();
    let mut room = u128::from(cap.points.get()).saturating_sub(earned);
    let capped = by_line.into_iter().map(|points| {
        let points = points.min(room);
        room -= points;
        points
    });
    capped.collect()
}

pub(crate) fn matures(terms: &EarningTerms, now: Time) -> Option<Time> {
    (terms.pending_days > 0).then(|| now + Time::from(terms.pending_days) * DAY)
}

pub(crate) fn expires(terms: &EarningTerms, now: Time) -> Option<Time> {
    let expires = match terms.expiry? {
        ExpiryRule::Months(months) => {
            date_time(now).checked_add_months(Months::new(months.into())).expect("a near time")
        }
        ExpiryRule::EndOfYear(years) => {
            midnight(date_time(now).year() + i32::from(years) + 1, 1, 1)
        }
    };
    Some(expires.timestamp_micros())
}

fn start_of(period: Period, now: Time) -> Time {
    let date = date_time(now);
    let start = match period {
        Period::Day => midnight(date.year(), date.month(), date.day()),
        Period::Month => midnight(date.year(), date.month(), 1),
        Period::Year => midnight(date.year(), 1, 1),
        Period::Ever => return Time::MIN,
    };
    start.timestamp_micros()
}

fn date_time(time: Time) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time).expect("a near time")
}

fn midnight(year: i32, month: u32, day: u32) -> DateTime<Utc> {
    let day = NaiveDate::from_ymd_opt(year, month, day).expect("a day");
    day.and_hms_opt(0, 0, 0).expect("midnight").and_utc()
}
