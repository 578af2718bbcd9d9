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

/// A kind of sum that the projector moves, and how it is checked.
#[derive(Clone, Copy, Debug)]
pub struct SumCheck {
    /// The sums as the projector has moved them.
    moved: Query,
    /// What the rows add up to.
    of_rows: Query,
    /// Whether a sum with this name is compared.
    is_compared: fn(&str) -> bool,
    /// What is added up, by the sum's name.
    name: fn(&str) -> String,
}

/// A row that either statement of a check gives: a name, and an amount as two numbers.
pub type SumRow = (String, i64, i64);

/// Every kind of sum that can be checked against rows.
pub const SUM_CHECKS: [SumCheck; 3] = [
    SumCheck {
        moved: TOTALS,
        of_rows: BALANCES,
        is_compared: is_of_balances,
        name: |name| format!("`{name}`"),
    },
    SumCheck {
        moved: MONTHS,
        of_rows: PARTS,
        is_compared: |_| true,
        name: |month| format!("credit that expires in {month}"),
    },
    SumCheck {
        moved: TIER_TOTALS,
        of_rows: TIERS,
        is_compared: |_| true,
        name: |tier| format!("accounts with the tier {tier}"),
    },
];

impl SumCheck {
    /// The statements that give the sums as they were moved, and what the rows add up to.
    #[must_use]
    pub const fn statements(&self, is_of_postgres: bool) -> [&'static str; 2] {
        let Self { moved, of_rows, .. } = self;
        if is_of_postgres {
            [moved.postgres(), of_rows.postgres()]
        } else {
            [moved.sqlite(), of_rows.sqlite()]
        }
    }

    /// The sums that differ from what the rows add up to, by what the two statements gave.
    #[must_use]
    pub fn wrong(&self, moved: Vec<SumRow>, of_rows: Vec<SumRow>) -> Vec<WrongSum> {
        // Several partitions have a sum each.
        let mut sums = BTreeMap::new();
        for (name, high, low) in moved.into_iter().filter(|(name, ..)| (self.is_compared)(name)) {
            *sums.entry(name).or_default() += joined_sum(high, low);
        }
        let of_rows = of_rows
            .into_iter()
            .map(|(name, upper, lower)| (name, i128::from(upper) * LOWER + i128::from(lower)));
        differences(&sums, &of_rows.collect(), self.name)
    }
}

fn is_of_balances(name: &str) -> bool {
    let counted = [Total::Accounts, Total::Available, Total::Held, Total::Pending, Total::Owed];
    let (total, _of_unit) = name.split_once(" of ").unwrap_or((name, ""));
    counted.iter().any(|counted| counted.as_str() == total)
}

/// Adds up the rows of accounts and of parts of lots, and names each sum that is another. All of it
/// is as of one event.
pub async fn wrong_sums(model: &ReadModel) -> Result<Vec<WrongSum>, ReadError> {
    let mut reading = model.read(&[], Duration::ZERO).await?;
    compare(&mut reading).await.map_err(ReadError::Unreachable)
}

async fn compare(reading: &mut Reading) -> Result<Vec<WrongSum>, sqlx::Error> {
    let mut wrong = vec![];
    for check in SUM_CHECKS {
        let moved = reading.all(check.moved, &[]).await?;
        let of_rows = reading.all(check.of_rows, &[]).await?;
        wrong.extend(check.wrong(moved, of_rows));
    }
    Ok(wrong)
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
