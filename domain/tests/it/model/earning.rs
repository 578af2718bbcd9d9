//! What purchases earn, by docs/CREDIT.md, with the calendar in the plainest way.

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone,
};
use chrono_tz::Tz;
use domain::{EarningTerms, ExpiryRule, Period, PurchaseLine, Rate, Timestamp};

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

/// The time by which a purchase earns, by the rule as it stands.
pub(crate) fn earns_at(terms: &EarningTerms, occurred_at: Option<Timestamp>, now: Time) -> Time {
    let first = now - Time::from(terms.backdate_days) * DAY;
    match occurred_at.map(Timestamp::micros) {
        Some(occurred_at) if first <= occurred_at && occurred_at <= now => occurred_at,
        _ => now,
    }
}

/// What a rule gives each line at a time, whatever its cap.
pub(crate) fn before_cap(terms: &EarningTerms, lines: &[PurchaseLine], now: Time) -> Vec<u128> {
    let applying = terms.multipliers.iter();
    let applying = applying.filter(|it| {
        let has_begun = it.from.is_none_or(|from| from.micros() <= now);
        has_begun && it.until.is_none_or(|until| now < until.micros())
    });
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
        let per: u128 = rate.per_amount.get().into();
        let amount = if rate.full_steps_only { amount / per * per } else { amount };
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

/// What is left of that by the cap, where the shopper has earned so much in its period.
pub(crate) fn capped(terms: &EarningTerms, by_line: Vec<u128>, earned: u128) -> Vec<u128> {
    let Some(cap) = terms.cap else { return by_line };
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
    terms.expiry.map(|rule| ends(zone(terms), rule, now))
}

/// When what comes now expires, in a time zone.
pub(crate) fn ends(zone: Tz, rule: ExpiryRule, now: Time) -> Time {
    match rule {
        ExpiryRule::Months(months) => {
            let local = local(zone, now).checked_add_months(Months::new(months.into()));
            moment(zone, local.expect("a near time"))
        }
        ExpiryRule::EndOfYear(years) => {
            let year = date(zone, now).year() + i32::from(years) + 1;
            midnight(zone, NaiveDate::from_ymd_opt(year, 1, 1).expect("a day"))
        }
    }
}

/// When a period begins that a time is in, and when it ends.
pub(crate) type Span = (Time, Option<Time>);

/// The period in which the rule's cap counts.
pub(crate) fn cap_span(terms: &EarningTerms, at: Time) -> Option<Span> {
    terms.cap.map(|cap| span(terms, cap.period, at))
}

fn span(terms: &EarningTerms, period: Period, at: Time) -> Span {
    let (zone, day) = (zone(terms), date(zone(terms), at));
    let (first, next) = match period {
        Period::Day => (day, day + Days::new(1)),
        Period::Month => {
            let first = day.with_day(1).expect("a day");
            (first, first + Months::new(1))
        }
        Period::Year => {
            let first = NaiveDate::from_ymd_opt(day.year(), 1, 1).expect("a day");
            (first, first + Months::new(12))
        }
        Period::Ever => return (0, None),
    };
    (midnight(zone, first), Some(midnight(zone, next)))
}

/// When the next day begins, by the rule's calendar.
pub(crate) fn next_day(terms: &EarningTerms, now: Time) -> Time {
    span(terms, Period::Day, now).1.expect("a day ends")
}

/// Whether a purchase can still be told late that happened in the period.
pub(crate) fn is_kept((_, end): Span, now: Time) -> bool {
    end.is_none_or(|end| now < end + 31 * DAY)
}

fn zone(terms: &EarningTerms) -> Tz {
    zone_of(&terms.time_zone)
}

pub(crate) fn zone_of(zone: &domain::TimeZone) -> Tz {
    zone.name().parse().expect("a zone")
}

fn local(zone: Tz, time: Time) -> NaiveDateTime {
    let time = DateTime::from_timestamp_micros(time).expect("a near time");
    time.with_timezone(&zone).naive_local()
}

/// The latest date that has begun.
pub(crate) fn date(zone: Tz, time: Time) -> NaiveDate {
    let shown = local(zone, time).date();
    if midnight(zone, shown + Days::new(1)) <= time { shown + Days::new(1) } else { shown }
}

pub(crate) fn midnight(zone: Tz, day: NaiveDate) -> Time {
    moment(zone, day.and_time(NaiveTime::MIN))
}

/// The first time at which clocks show this; where they skip it, the next whole minute that they
/// show.
fn moment(zone: Tz, local: NaiveDateTime) -> Time {
    let mut shown = local;
    loop {
        if let Some(time) = zone.from_local_datetime(&shown).earliest() {
            return time.timestamp_micros();
        }
        let minutes = (shown.and_utc().timestamp() / 60 + 1) * 60;
        shown = DateTime::from_timestamp(minutes, 0).expect("a near time").naive_utc();
        assert!(shown - local < TimeDelta::days(2), "{zone} shows nothing after {local}");
    }
}
