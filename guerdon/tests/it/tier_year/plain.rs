//! The plain loop: what a household earns and which tiers it has, by the words of `docs/CREDIT.md`
//! and nothing of the ledger's.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};

pub(super) const LEVELS: [&str; 3] = ["silver", "gold", "platinum"];

/// A ladder of these levels, which begin at these counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ladder {
    pub(super) name: &'static str,
    pub(super) from: [u64; 3],
    pub(super) window: Window,
    /// Whether it goes down by one level at a time; else to what the count gives.
    pub(super) is_one_level: bool,
}

/// What counts, and for how long a tier holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Window {
    /// The present month and so many before it; until the end of the month so many later.
    Months { before: i32, kept: i32 },
    /// Years from the first of a month, counted from 0; until so many months past the year's end.
    Years { from: i32, kept: i32 },
}

/// The first is the one that multiplies points.
pub(super) const LADDERS: [Ladder; 5] = [
    Ladder {
        name: "recent",
        from: [300, 500, 800],
        window: Window::Months { before: 2, kept: 1 },
        is_one_level: true,
    },
    Ladder {
        name: "recent-count",
        from: [300, 500, 800],
        window: Window::Months { before: 2, kept: 1 },
        is_one_level: false,
    },
    Ladder {
        name: "half-year",
        from: [500, 900, 1_500],
        window: Window::Months { before: 5, kept: 2 },
        is_one_level: true,
    },
    Ladder {
        name: "july",
        from: [600, 1_000, 1_600],
        window: Window::Years { from: 6, kept: 2 },
        is_one_level: false,
    },
    Ladder {
        name: "october",
        from: [300, 600, 1_000],
        window: Window::Years { from: 9, kept: 1 },
        is_one_level: true,
    },
];

/// What a tier of the first ladder multiplies points by.
pub(super) const PERCENTS: [u64; 3] = [120, 150, 200];

/// A day in New York.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(NaiveDate);

impl Day {
    /// New York is five hours behind UTC, and four from 12 March to 5 November 2017.
    fn of(at: DateTime<Utc>) -> Self {
        Self((at - TimeDelta::hours(hours_behind(at))).date_naive())
    }

    /// Months since January 2017.
    pub(super) fn month(self) -> i32 {
        (self.0.year() - 2017) * 12 + i32::try_from(self.0.month0()).expect("small")
    }
}

fn hours_behind(at: DateTime<Utc>) -> i64 {
    let time = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
    let is_summer = time("2017-03-12T07:00:00Z") <= at && at < time("2017-11-05T06:00:00Z")
        || time("2018-03-11T07:00:00Z") <= at && at < time("2018-11-04T06:00:00Z");
    if is_summer { 4 } else { 5 }
}

/// When a month begins in New York.
pub(super) fn month_begins(month: i32) -> DateTime<Utc> {
    let number = u32::try_from(month.rem_euclid(12) + 1).expect("small");
    let day = NaiveDate::from_ymd_opt(2017 + month.div_euclid(12), number, 1).expect("a day");
    let midnight = day.and_hms_opt(0, 0, 0).expect("a time").and_utc();
    midnight + TimeDelta::hours(hours_behind(midnight + TimeDelta::hours(5)))
}

/// A purchase of the file.
#[derive(Debug)]
pub(super) struct Basket {
    pub(super) account: String,
    pub(super) id: String,
    pub(super) at: DateTime<Utc>,
    pub(super) cents: u64,
}

/// The purchases of the first so many households, by the days of New York, in their order.
pub(super) fn baskets(rows: &[Vec<String>], most: usize) -> BTreeMap<Day, Vec<Basket>> {
    let (mut days, mut households) = (BTreeMap::<Day, Vec<Basket>>::new(), vec![]);
    for row in rows {
        let [account, id, at, cents] = &row[..] else { panic!("{row:?}") };
        if !households.contains(account) {
            if households.len() == most {
                continue;
            }
            households.push(account.clone());
        }
        let (account, id) = (account.clone(), id.clone());
        let (at, cents) = (at.parse().expect("a time"), cents.parse().expect("cents"));
        days.entry(Day::of(at)).or_default().push(Basket { account, id, at, cents });
    }
    for of_day in days.values_mut() {
        of_day.sort_by_key(|basket| basket.at);
    }
    days
}

/// A tier, until the beginning of a month.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tier {
    pub(super) level: Option<usize>,
    pub(super) until: Option<i32>,
}

/// What a household has, and what it has counted.
#[derive(Debug, Default)]
pub(super) struct Household {
    pub(super) points: u64,
    pub(super) status: u64,
    /// One for each ladder.
    pub(super) tiers: [Tier; LADDERS.len()],
    /// The level that multiplied the points of the last purchase.
    pub(super) multiplied_by: Option<usize>,
    by_month: BTreeMap<i32, u64>,
}

impl Household {
    /// The points and the status that a purchase earns, by the tier before it.
    pub(super) fn buys(&mut self, basket: &Basket) -> [u64; 2] {
        let month = Day::of(basket.at).month();
        self.come_to(month);
        self.multiplied_by = self.tiers[0].level;
        let percent = self.multiplied_by.map_or(100, |level| PERCENTS[level]);
        let points = basket.cents * 10 * percent / 100 / 100;
        let status = basket.cents / 100;
        self.points += points;
        self.status += status;
        *self.by_month.entry(month).or_default() += status;
        for (at, ladder) in LADDERS.into_iter().enumerate() {
            let (level, until) = self.of_period(&ladder, month);
            let tier = self.tiers[at];
            let is_year = matches!(ladder.window, Window::Years { .. });
            let is_again = is_year && level.is_some() && level == tier.level && until > tier.until;
            if level > tier.level || is_again {
                self.tiers[at] = Tier { level, until };
            }
        }
        [points, status]
    }

    /// Lets end what ends by the beginning of a month.
    pub(super) fn come_to(&mut self, month: i32) {
        for (at, ladder) in LADDERS.into_iter().enumerate() {
            while let Some(end) = self.tiers[at].until.filter(|end| *end <= month) {
                self.tiers[at] = self.after_its_end(&ladder, self.tiers[at], end);
            }
        }
    }

    fn after_its_end(&self, ladder: &Ladder, tier: Tier, end: i32) -> Tier {
        let (level, until) = match ladder.window {
            Window::Months { .. } => self.of_period(ladder, end),
            Window::Years { .. } => {
                let years =
                    (-24..=48).step_by(12).map(|months| self.of_period(ladder, end + months));
                // Years that have begun, and whose tiers haven't ended.
                let counted = years.filter(|(_, until)| until.is_none_or(|until| until > end));
                counted.max().expect("there are years")
            }
        };
        if level >= tier.level {
            return Tier { level, until };
        }
        let lower = tier.level.and_then(|level| level.checked_sub(1));
        let sunk = ladder.holds_until(end);
        if ladder.is_one_level && lower > level {
            return Tier { level: lower, until: Some(sunk) };
        }
        let is_lower = ladder.is_one_level && lower == level;
        let until = until.map(|until| if is_lower { until.max(sunk) } else { until });
        Tier { level, until }
    }

    /// The level that the count of a month's window or year gives, and until when.
    fn of_period(&self, ladder: &Ladder, month: i32) -> (Option<usize>, Option<i32>) {
        let months = match ladder.window {
            Window::Months { before, .. } => month - before..month + 1,
            Window::Years { from, .. } => {
                let first = (month - from).div_euclid(12) * 12 + from;
                first..first + 12
            }
        };
        let counted: u64 = self.by_month.range(months).map(|(_, status)| status).sum();
        let level = ladder.from.iter().rposition(|from| *from <= counted);
        (level, level.map(|_| ladder.holds_until(month)))
    }
}

impl Ladder {
    /// The month at whose beginning a tier ends that was given in a month.
    const fn holds_until(&self, month: i32) -> i32 {
        match self.window {
            Window::Months { kept, .. } => month + kept + 1,
            Window::Years { from, kept } => (month - from).div_euclid(12) * 12 + from + 12 + kept,
        }
    }
}
