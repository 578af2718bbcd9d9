//! Time zones by their IANA names, and the calendar in them.
//!
//! Where clocks are changed, a local time may not exist, or exist twice. One rule serves for all:
//! a local time that is skipped is the first moment after the gap, and of two that are the same,
//! the first counts. So a day begins with the first moment of its date, and ends when the next
//! begins.

use std::fmt;
use std::str::FromStr;

use chrono::{
    DateTime, Datelike, MappedLocalTime, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _,
};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{CapPeriod, Day, ExpiryRule, Period, Timestamp};

/// The name of a time zone of the IANA database. It is a text: what was recorded is read also by a
/// build that doesn't know the zone. Only whoever needs its calendar asks for that.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeZone(Box<str>);

/// The calendar of a time zone, as the build knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar(Tz);

/// A text that names no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an IANA time zone such as Europe/Berlin; {0:?} is not one that the ledger knows")]
pub struct UnknownTimeZone(Box<str>);

/// A time as it is written: with an offset, or without one, as clocks show it in some zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZonedTime {
    /// With an offset.
    At(Timestamp),
    /// Without one.
    Local(NaiveDateTime),
}

/// A text that is not a time, with an offset or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a time from 1970 to 9999: in RFC 3339, such as 2026-11-21T09:30:00Z, or without an \
     offset, such as 2026-11-21T09:30:00, for a time in the rule's time zone"
)]
pub struct ZonedTimeError;

/// No zone's clocks are further from UTC, in microseconds.
const OFFSET_MAX: i64 = 24 * 60 * 60 * 1_000_000;

impl TimeZone {
    /// The IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Whether it is universal time, by its first name.
    #[must_use]
    pub fn is_utc(&self) -> bool {
        self.name() == Tz::UTC.name()
    }

    /// The zone's calendar, where the build knows it.
    pub fn calendar(&self) -> Result<Calendar, UnknownTimeZone> {
        /// The longest name has 32 characters; of what isn't one, more needn't be told.
        const SHOWN_MAX: usize = 64;
        let unknown = |_| UnknownTimeZone(self.0.chars().take(SHOWN_MAX).collect());
        Tz::from_str(&self.0).map(Calendar).map_err(unknown)
    }
}

impl Calendar {
    /// The calendar of universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// The stretch of the calendar that a time is in.
    #[must_use]
    pub fn period(self, period: Period, at: Timestamp) -> CapPeriod {
        let begun = || self.date_begun(at);
        let from = |first: Option<NaiveDate>, next: Option<NaiveDate>| CapPeriod {
            kind: period,
            start: first.and_then(|day| self.start_of(day)).unwrap_or(Timestamp::EPOCH),
            end: next.and_then(|day| self.start_of(day)),
        };
        match period {
            Period::Day => {
                let day = begun();
                from(day, day.and_then(|day| day.succ_opt()))
            }
            Period::Month => {
                let first = begun().and_then(|day| day.with_day(1));
                from(first, first.and_then(|day| day.checked_add_months(Months::new(1))))
            }
            Period::Year => {
                let first = begun().and_then(|day| NaiveDate::from_ymd_opt(day.year(), 1, 1));
                from(first, first.and_then(|day| day.checked_add_months(Months::new(12))))
            }
            Period::Ever => CapPeriod { kind: period, start: Timestamp::EPOCH, end: None },
        }
    }

    /// When the year begins that is so many years after the one that a time is in, or the last time
    /// there is.
    #[must_use]
    pub fn start_of_year(self, at: Timestamp, years_later: u16) -> Timestamp {
        let begun = self.date_begun(at);
        let first = begun
            .and_then(|day| NaiveDate::from_ymd_opt(day.year() + i32::from(years_later), 1, 1));
        first.and_then(|day| self.start_of(day)).unwrap_or(Timestamp::LAST)
    }

    /// When credit that comes at a time expires.
    #[must_use]
    pub fn end_of(self, rule: ExpiryRule, at: Timestamp) -> Timestamp {
        match rule {
            ExpiryRule::Months(months) => self.plus_months(at, months.into()),
            ExpiryRule::EndOfYear(years) => self.start_of_year(at, years.saturating_add(1)),
        }
    }

    /// So many calendar months later at the same time of day, or the last time there is. Where the
    /// month is shorter, its last day.
    #[must_use]
    pub fn plus_months(self, at: Timestamp, months: u32) -> Timestamp {
        let local = self.local(at.micros());
        let later = local.and_then(|local| local.checked_add_months(Months::new(months)));
        later.and_then(|local| self.moment(local)).unwrap_or(Timestamp::LAST)
    }

    /// The latest day that has begun by then.
    #[must_use]
    pub fn day(self, at: Timestamp) -> Day {
        self.date_begun(at).map(Day::from).unwrap_or_default()
    }

    /// The first moment of a day, or the last time there is.
    #[must_use]
    pub fn start_of_day(self, day: Day) -> Timestamp {
        self.start_of(day.date()).unwrap_or(Timestamp::LAST)
    }

    /// The time at which the zone's clocks show this, or the last time there is.
    #[must_use]
    pub fn at_local(self, local: NaiveDateTime) -> Timestamp {
        self.moment(local).unwrap_or(Timestamp::LAST)
    }

    /// The latest date that has begun by then. (Clocks that are set back across midnight show the
    /// date before again; that date is over.)
    fn date_begun(self, at: Timestamp) -> Option<NaiveDate> {
        let mut date = self.local(at.micros())?.date();
        while let Some(next) = date.succ_opt()
            && self.start_of(next).is_some_and(|start| start <= at)
        {
            date = next;
        }
        Some(date)
    }

    /// The first moment of a date; nothing where it is after the last time there is.
    fn start_of(self, date: NaiveDate) -> Option<Timestamp> {
        self.moment(date.and_time(NaiveTime::MIN))
    }

    /// The first moment at which the clocks show this time or, where they skip it, a later one.
    fn moment(self, local: NaiveDateTime) -> Option<Timestamp> {
        let micros = match self.0.from_local_datetime(&local) {
            MappedLocalTime::Single(time) | MappedLocalTime::Ambiguous(time, _) => {
                time.timestamp_micros()
            }
            MappedLocalTime::None => self.end_of_gap(local),
        };
        Timestamp::from_micros(micros.max(0)).ok()
    }

    /// The first microsecond after a gap that has a local time in it, by halving.
    fn end_of_gap(self, skipped: NaiveDateTime) -> i64 {
        let near = skipped.and_utc().timestamp_micros();
        let (mut before, mut after) = (near - OFFSET_MAX, near + OFFSET_MAX);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.local(middle).is_some_and(|local| local < skipped) {
                before = middle;
            } else {
                after = middle;
            }
        }
        after
    }

    /// What the zone's clocks show.
    fn local(self, micros: i64) -> Option<NaiveDateTime> {
        let time = DateTime::from_timestamp_micros(micros)?;
        Some(self.0.from_utc_datetime(&time.naive_utc()).naive_local())
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        Self(Tz::UTC.name().into())
    }
}

/// A zone that the build knows.
impl FromStr for TimeZone {
    type Err = UnknownTimeZone;

    fn from_str(text: &str) -> Result<Self, UnknownTimeZone> {
        let zone = Self(text.into());
        zone.calendar()?;
        Ok(zone)
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ZonedTime {
    /// The time, where one without an offset is of this calendar.
    #[must_use]
    pub fn by(self, calendar: Calendar) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Local(local) => calendar.at_local(local),
        }
    }
}

impl FromStr for ZonedTime {
    type Err = ZonedTimeError;

    fn from_str(text: &str) -> Result<Self, ZonedTimeError> {
        if let Ok(time) = text.parse() {
            return Ok(Self::At(time));
        }
        let shown = format!("{text}Z").parse::<Timestamp>().ok();
        let shown = shown.and_then(|it| DateTime::from_timestamp_micros(it.micros()));
        shown.map(|time| Self::Local(time.naive_utc())).ok_or(ZonedTimeError)
    }
}

impl<'de> Deserialize<'de> for ZonedTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Calendar {
        name.parse::<TimeZone>().and_then(|zone| zone.calendar()).expect("a zone")
    }

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[track_caller]
    fn lasts(zone_name: &str, period: Period, at: &str, [start, end]: [&str; 2]) {
        let CapPeriod { start: found, end: until, .. } = zone(zone_name).period(period, time(at));
        let until = until.map(|end| end.to_string()).unwrap_or_default();
        assert_eq!([&*found.to_string(), &*until], [start, end], "{period:?} in {zone_name}");
    }

    #[test]
    fn days_months_and_years_are_those_of_the_zone() {
        let new_year = "2026-12-31T23:30:00Z";
        lasts("UTC", Period::Day, new_year, ["2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"]);
        let berlin = "Europe/Berlin";
        lasts(berlin, Period::Day, new_year, ["2026-12-31T23:00:00Z", "2027-01-01T23:00:00Z"]);
        lasts(berlin, Period::Month, new_year, ["2026-12-31T23:00:00Z", "2027-01-31T23:00:00Z"]);
        lasts(berlin, Period::Year, new_year, ["2026-12-31T23:00:00Z", "2027-12-31T23:00:00Z"]);
        lasts(berlin, Period::Ever, new_year, ["1970-01-01T00:00:00Z", ""]);
    }

    #[test]
    fn a_day_on_which_clocks_are_changed_is_shorter_or_longer() {
        let berlin = "Europe/Berlin";
        let day = |at, start_end| lasts(berlin, Period::Day, at, start_end);
        day("2026-03-29T12:00:00Z", ["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"]);
        day("2026-10-25T12:00:00Z", ["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"]);
        // March has an hour less, and October one more.
        let month = |at, start_end| lasts(berlin, Period::Month, at, start_end);
        month("2026-03-31T21:59:59Z", ["2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"]);
        month("2026-10-31T22:59:59Z", ["2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"]);
    }

    #[test]
    fn a_day_without_midnight_begins_after_the_gap() {
        // Beirut's clocks go from 24:00 to 01:00.
        lasts(
            "Asia/Beirut",
            Period::Day,
            "2026-03-28T22:00:00Z",
            ["2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"],
        );
        // Toronto's went from 23:30 to 00:30 in 1919; no log is that old, but the calendar is.
        let toronto = zone("America/Toronto");
        let missing = NaiveDate::from_ymd_opt(1919, 3, 31).expect("a day").and_time(NaiveTime::MIN);
        let found = DateTime::from_timestamp_micros(toronto.end_of_gap(missing)).expect("a time");
        assert_eq!(found.to_rfc3339(), "1919-03-31T04:30:00+00:00");
    }

    #[test]
    fn a_date_that_a_zone_skipped_has_no_time() {
        // Samoa had no 30 December 2011.
        let apia = "Pacific/Apia";
        let day = |at, start_end| lasts(apia, Period::Day, at, start_end);
        day("2011-12-30T09:59:59Z", ["2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"]);
        day("2011-12-30T10:00:00Z", ["2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"]);
    }

    #[test]
    fn a_day_with_two_midnights_begins_with_the_first() {
        // Havana's clocks go from 01:00 back to 00:00.
        let havana = "America/Havana";
        let day = |at, start_end| lasts(havana, Period::Day, at, start_end);
        day("2026-11-01T04:30:00Z", ["2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"]);
        day("2026-11-01T05:30:00Z", ["2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"]);
        // St. John's went from 00:01 back to 23:01: the date had begun, and doesn't end again.
        let johns = "America/St_Johns";
        let day = |at, start_end| lasts(johns, Period::Day, at, start_end);
        day("2010-11-07T02:30:30Z", ["2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"]);
        day("2010-11-07T02:31:30Z", ["2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"]);
    }

    #[test]
    fn months_later_it_is_the_same_time_of_day() {
        let berlin = zone("Europe/Berlin");
        let later = |at: &str, months| berlin.plus_months(time(at), months).to_string();
        // From winter to summer.
        assert_eq!(later("2026-01-15T09:00:00Z", 6), "2026-07-15T08:00:00Z");
        // 31 January, 00:30 in Berlin; the leap day, and the month's last day without one.
        assert_eq!(later("2028-01-30T23:30:00Z", 1), "2028-02-28T23:30:00Z");
        assert_eq!(later("2027-01-30T23:30:00Z", 1), "2027-02-27T23:30:00Z");
        // 29 February, 12:00, a year later.
        assert_eq!(later("2028-02-29T11:00:00Z", 12), "2029-02-28T11:00:00Z");
        // 02:30 doesn't exist on 29 March, and exists twice on 25 October.
        assert_eq!(later("2026-02-28T01:30:00Z", 1), "2026-03-28T01:30:00Z");
        assert_eq!(later("2026-01-29T01:30:00Z", 2), "2026-03-29T01:00:00Z");
        assert_eq!(later("2026-09-25T00:30:00Z", 1), "2026-10-25T00:30:00Z");
        assert_eq!(berlin.plus_months(time("2026-01-01T00:00:00Z"), u32::MAX), Timestamp::LAST);
    }

    #[test]
    fn a_year_ends_with_the_zones_last_of_december() {
        let auckland = zone("Pacific/Auckland");
        let end = |at, years| auckland.start_of_year(time(at), years).to_string();
        assert_eq!(end("2026-12-31T10:59:59Z", 1), "2026-12-31T11:00:00Z");
        assert_eq!(end("2026-12-31T11:00:00Z", 1), "2027-12-31T11:00:00Z");
        assert_eq!(auckland.start_of_year(time("9990-01-01T00:00:00Z"), 100), Timestamp::LAST);
    }

    /// Every period begins when the one before it ends.
    fn is_without_gaps(name: &str, period: Period, [from, until]: [&str; 2]) {
        let calendar = zone(name);
        let mut at = calendar.period(period, time(from)).start;
        while at < time(until) {
            let CapPeriod { start, end, .. } = calendar.period(period, at);
            let end = end.expect("long before 9999");
            assert!(start == at && at < end, "{name}: {start} {at} {end}");
            assert_eq!(calendar.period(period, before(end)).start, start, "{name}");
            at = end;
        }
    }

    fn before(time: Timestamp) -> Timestamp {
        Timestamp::from_micros(time.micros() - 1).expect("a time")
    }

    #[test]
    fn every_zone_has_a_calendar_without_gaps() {
        for zone in chrono_tz::TZ_VARIANTS {
            for period in [Period::Day, Period::Month, Period::Year] {
                let year = ["2026-01-01T00:00:00Z", "2027-02-01T00:00:00Z"];
                is_without_gaps(zone.name(), period, year);
            }
        }
        for odd in [
            "Pacific/Apia",
            "America/St_Johns",
            "Asia/Gaza",
            "Africa/Cairo",
            "Africa/Casablanca",
            "Asia/Beirut",
            "America/Santiago",
            "America/Havana",
        ] {
            is_without_gaps(odd, Period::Day, ["2010-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]);
        }
    }

    #[test]
    fn a_recorded_zone_that_the_build_does_not_know_is_read_all_the_same() {
        let recorded = postcard::to_stdvec("US/Pacific-New").expect("bytes");
        let zone: TimeZone = postcard::from_bytes(&recorded).expect("it is read");
        assert_eq!(zone.name(), "US/Pacific-New");
        assert!(zone.calendar().is_err());
    }

    #[test]
    fn a_time_without_an_offset_is_of_the_zone() {
        let berlin = zone("Europe/Berlin");
        let read = |text: &str| text.parse::<ZonedTime>().map(|it| it.by(berlin).to_string());
        assert_eq!(read("2026-11-27T00:00:00"), Ok("2026-11-26T23:00:00Z".to_owned()));
        assert_eq!(read("2026-11-27T00:00:00.5"), Ok("2026-11-26T23:00:00.500Z".to_owned()));
        assert_eq!(read("2026-11-27T00:00:00Z"), Ok("2026-11-27T00:00:00Z".to_owned()));
        assert_eq!(read("2026-03-29T02:30:00"), Ok("2026-03-29T01:00:00Z".to_owned()));
        assert_eq!(read("2026-10-25T02:30:00"), Ok("2026-10-25T00:30:00Z".to_owned()));
        for text in ["", "2026-11-27", "yesterday", "2026-13-01T00:00:00", "1969-12-31T00:00:00"] {
            assert_eq!(read(text), Err(ZonedTimeError), "{text}");
        }
    }

    #[test]
    fn an_unknown_zone_is_named() {
        let unknown = "Mars/Olympus".parse::<TimeZone>().expect_err("no zone").to_string();
        assert!(unknown.contains("\"Mars/Olympus\""), "{unknown}");
        for text in ["", "europe/berlin", "CEST", "+01:00"] {
            assert!(text.parse::<TimeZone>().is_err(), "{text}");
        }
        let long = "x".repeat(10_000).parse::<TimeZone>().expect_err("no zone").to_string();
        assert!(long.len() < 200, "{long}");
    }
}
