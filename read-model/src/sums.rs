//! Whether the sums that the projector moves are those of the rows.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::{Query, ReadError, ReadModel, Reading, Total, joined_sum};

const TOTALS: Query = Query::same(
    "select case unit when 'points' then name else name || ' of ' || unit end, high, low \
     from programme_total",
);
const MONTHS: Query = Query::same(
    "select case unit when 'points' then month else month || ' of ' || unit end, high, low \
     from credit_month",
);

/// Each amount as two numbers whose sums fit: what a table adds up to may have more than 64 bits.
const BALANCES: Query = Query::same(include_str!("sql/sum_balances.sql"));
const TIER_TOTALS: Query = Query::same(
    "select tier || ' of the ladder ' || ladder, cast(0 as bigint), accounts from tier_total",
);
const TIERS: Query = Query::same(include_str!("sql/count_tiers.sql"));
const PARTS: Query = Query::each(
    include_str!("sql/sum_parts_sqlite.sql"),
    include_str!("sql/sum_parts_postgres.sql"),
);

/// The lower number of an amount.
const LOWER: i128 = 1 << 32;

/// A sum that isn't that of its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongSum {
    /// What is added up.
    pub name: String,
    /// As the projector has moved it.
    pub sum: i128,
    /// What the rows add up to.
    pub of_rows: i128,
}

impl fmt::Display for WrongSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, sum, of_rows } = self;
        write!(
            f,
            "the read model's sum of {name} is {sum}, and its rows add up to {of_rows}; \
             `guerdon rebuild` makes both anew"
        )
    }
}

/// Adds up the rows of accounts and of parts of lots, and names each sum that is another. All of it
/// is as of one event.
pub async fn wrong_sums(model: &ReadModel) -> Result<Vec<WrongSum>, ReadError> {
    let mut reading = model.read(&[], Duration::ZERO).await?;
    compare(&mut reading).await.map_err(ReadError::Unreachable)
}

async fn compare(reading: &mut Reading) -> Result<Vec<WrongSum>, sqlx::Error> {
    let counted = [Total::Accounts, Total::Available, Total::Held, Total::Pending, Total::Owed];
    let mut totals = moved(reading, TOTALS).await?;
    let is_counted = |name: &str| {
        let (total, _of_unit) = name.split_once(" of ").unwrap_or((name, ""));
        counted.iter().any(|counted| counted.as_str() == total)
    };
    totals.retain(|name, _| is_counted(name));
    let of_accounts = added(reading, BALANCES).await?;
    let mut wrong = differences(&totals, &of_accounts, |name| format!("`{name}`"));
    let months = moved(reading, MONTHS).await?;
    let of_parts = added(reading, PARTS).await?;
    wrong
        .extend(differences(&months, &of_parts, |month| format!("credit that expires in {month}")));
    let tiers = moved(reading, TIER_TOTALS).await?;
    let of_accounts = added(reading, TIERS).await?;
    wrong
        .extend(differences(&tiers, &of_accounts, |tier| format!("accounts with the tier {tier}")));
    Ok(wrong)
}

/// The sums that the projector moves; several partitions have one each.
async fn moved(reading: &mut Reading, query: Query) -> Result<BTreeMap<String, i128>, sqlx::Error> {
    let rows: Vec<(String, i64, i64)> = reading.all(query, &[]).await?;
    let mut sums = BTreeMap::new();
    for (name, high, low) in rows {
        *sums.entry(name).or_default() += joined_sum(high, low);
    }
    Ok(sums)
}

/// The sums of rows.
async fn added(reading: &mut Reading, query: Query) -> Result<BTreeMap<String, i128>, sqlx::Error> {
    let rows: Vec<(String, i64, i64)> = reading.all(query, &[]).await?;
    let sums = rows
        .into_iter()
        .map(|(name, upper, lower)| (name, i128::from(upper) * LOWER + i128::from(lower)));
    Ok(sums.collect())
}

fn differences(
    sums: &BTreeMap<String, i128>,
    of_rows: &BTreeMap<String, i128>,
    name_of: impl Fn(&str) -> String,
) -> Vec<WrongSum> {
    let mut names: Vec<&String> = sums.keys().chain(of_rows.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let of = |all: &BTreeMap<String, i128>, name: &str| all.get(name).copied().unwrap_or_default();
    let wrong = names.into_iter().map(|name| WrongSum {
        name: name_of(name),
        sum: of(sums, name),
        of_rows: of(of_rows, name),
    });
    wrong.filter(|WrongSum { sum, of_rows, .. }| sum != of_rows).collect()
}
