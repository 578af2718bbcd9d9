//! Rules by which purchases earn: so many points per unit of currency, more in some categories and
//! at some times, so many per shopper and period, for so long.

use log_record::Position;
use serde::{Deserialize, Serialize};

use crate::amount::sum;
use crate::{Category, Points, PurchaseLine, Refusal, Timestamp};

/// What a rule says; a change replaces all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarningTerms {
    /// What an amount of money earns.
    pub rate: Rate,
    /// What it earns in some categories instead.
    pub categories: Vec<CategoryRate>,
    /// Times in which it earns more (or less); where several apply, the highest does.
    pub multipliers: Vec<Multiplier>,
    /// The most that a shopper earns by this rule.
    pub cap: Option<Cap>,
    /// For how long what was earned can be spent; without it, for ever.
    pub expiry: Option<ExpiryRule>,
    /// After how many days it can be spent: the time in which goods can be returned.
    pub pending_days: u16,
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
}

/// So many points for so much money. What all lines with this rate earn is rounded down once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// The points; 0 for goods that earn nothing.
    #[serde(with = "sum")]
    pub points: Points,
    /// The money, in the currency's smallest unit.
    pub per_amount: Points,
}

/// A rate for some goods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryRate {
    /// The goods.
    pub category: Category,
    /// The rate.
    pub rate: Rate,
}

/// A time in which everything earns more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Multiplier {
    /// From then on.
    pub from: Timestamp,
    /// Before then.
    pub until: Timestamp,
    /// 200 doubles.
    pub percent: u32,
}

/// The most that a shopper earns by a rule within a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cap {
    /// The most.
    pub points: Points,
    /// Within which period.
    pub period: Period,
}

/// A stretch of the calendar, in UTC.
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

    /// When the period began that `now` is in.
    #[must_use]
    pub fn start(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Day => now.start_of_day(),
            Self::Month => now.start_of_month(),
            Self::Year => now.start_of_year(0),
            Self::Ever => Timestamp::EPOCH,
        }
    }
}

impl Rate {
    /// What so much money earns, rounded down; nothing where that can't be reckoned.
    fn points_for(self, amount: u128, percent: u32) -> Option<u128> {
        let product = amount.checked_mul(self.points.get().into())?.checked_mul(percent.into())?;
        Some(product / u128::from(self.per_amount.get()) / 100)
    }
}

impl EarningTerms {
    /// What each line earns at `now`, before any cap; nothing where it is more than an amount can
    /// say. Lines of the same rate are rounded down together: each adds what the lines up to it
    /// earn more than those before it, so that many small lines earn what one large line would.
    #[must_use]
    pub fn points_of(&self, lines: &[PurchaseLine], now: Timestamp) -> Option<Vec<Points>> {
        let percent = self.percent(now);
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

    fn percent(&self, now: Timestamp) -> u32 {
        let applying = self.multipliers.iter().filter(|it| it.from <= now && now < it.until);
        applying.map(|multiplier| multiplier.percent).max().unwrap_or(100)
    }

    /// When credit that is earned at `now` becomes available, if not at once.
    #[must_use]
    pub fn available_at(&self, now: Timestamp) -> Option<Timestamp> {
        (self.pending_days > 0).then(|| now.plus_days(self.pending_days.into()))
    }

    /// When credit that is earned at `now` expires, if ever.
    #[must_use]
    pub fn expires_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.expiry.map(|rule| match rule {
            ExpiryRule::Months(months) => now.plus_months(months.into()),
            ExpiryRule::EndOfYear(years) => now.start_of_year(years.saturating_add(1)),
        })
    }
}

/// Refuses credit that would be pending until it has expired, and so could never be spent.
pub(crate) fn check_matures(
    available_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Refusal> {
    match (available_at, expires_at) {
        (Some(available_at), Some(expires_at))
            if now < available_at && expires_at <= available_at =>
        {
            Err(Refusal::NeverMatures { available_at, expires_at })
        }
        _ => Ok(()),
    }
}
