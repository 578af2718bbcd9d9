//! `GET /v1/totals` and `/v1/liability`: all points of the programme, as recorded and as they may
//! still be spent.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::UnitId;
use read_model::{Query, Reading, Total, joined_sum, month_of_expiry};
use serde::Deserialize;
use wire::body::{LiabilityBody, LiabilityMonthBody, Sum, TotalsBody};
use wire::{Problem, QueryString, json_with_etag};

use crate::cell::broken;
use crate::clock::now;
use crate::failed;
use crate::freshness::Fresh;
use crate::ladder::tier_totals;
use crate::recorded::Recorded;
use crate::standing::{Part, Standing};
use crate::unit::check_unit;

const TOTALS: Query = Query::same(include_str!("sql/list_totals.sql"));
const MONTHS: Query = Query::same(include_str!("sql/list_credit_months.sql"));
const UNSETTLED: Query = Query::same(include_str!("sql/list_unsettled_accounts.sql"));
const EXPIRED: Query = Query::each(
    include_str!("sql/sum_expired_credit.sqlite.sql"),
    include_str!("sql/sum_expired_credit.postgres.sql"),
);

/// Of how many bits the lower half of a sum of expired credit is.
const EXPIRED_LOW_BITS: u32 = 32;

/// A sum in two columns, of a partition or of a month.
#[derive(sql_macros::FromRow)]
struct SumRow {
    name: String,
    high: i64,
    low: i64,
}

/// The same of a unit.
#[derive(sql_macros::FromRow)]
struct TotalRow {
    unit: String,
    name: String,
    high: i64,
    low: i64,
}

/// Sums by their names.
type Sums = BTreeMap<String, i128>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfUnitQuery {
    unit: Option<UnitId>,
}

impl OfUnitQuery {
    /// The unit that is asked for, which there must be.
    async fn read(self, reading: &mut Reading) -> Result<UnitId, Problem> {
        check_unit(reading, self.unit).await?;
        Ok(self.unit.unwrap_or_default())
    }
}

/// What is counted over all units, with those of `points`.
const OF_NO_UNIT: [Total; 6] = [
    Total::Accounts,
    Total::Exchanges,
    Total::Cancellations,
    Total::Purchases,
    Total::Returns,
    Total::Shipments,
];

pub(crate) async fn get_totals(
    Fresh(mut reading): Fresh,
    QueryString(query): QueryString<OfUnitQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let unit = query.read(&mut reading).await?;
    let rows: Vec<TotalRow> = reading.all(TOTALS, &[unit.as_str().into()]).await.map_err(failed)?;
    let counts = |row: &TotalRow| {
        let is_of_no_unit = OF_NO_UNIT.iter().any(|total| total.as_str() == row.name);
        row.unit == if is_of_no_unit { UnitId::POINTS.as_str() } else { unit.as_str() }
    };
    let rows = rows.into_iter().filter(counts);
    let rows = rows.map(|TotalRow { unit: _, name, high, low }| SumRow { name, high, low });
    let sums = add_up(rows.collect(), |row| joined_sum(row.high, row.low));
    let tiers = tier_totals(&mut reading, unit).await?;
    let position = reading.as_of().to_string();
    json_with_etag(&headers, &TotalsBody { tiers, ..totals(&sums, position)? })
}

pub(crate) async fn get_liability(
    Fresh(mut reading): Fresh,
    QueryString(query): QueryString<OfUnitQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let unit = query.read(&mut reading).await?;
    let months = liability(&mut reading, unit).await.map_err(failed)?;
    let total = sum(months.values().sum())?;
    let months = months
        .into_iter()
        .filter(|(_, points)| *points != 0)
        .map(|(month, points)| Ok(LiabilityMonthBody { month, points: sum(points)? }))
        .collect::<Result<_, Problem>>()?;
    json_with_etag(&headers, &LiabilityBody { months, total })
}

fn totals(sums: &Sums, position: String) -> Result<TotalsBody, Problem> {
    let signed = |total: Total| sums.get(total.as_str()).copied().unwrap_or_default();
    let of = |total: Total| sum(signed(total));
    Ok(TotalsBody {
        issued: of(Total::Issued)?,
        available: of(Total::Available)?,
        held: of(Total::Held)?,
        pending: of(Total::Pending)?,
        redeemed: of(Total::Redeemed)?,
        refunded: of(Total::Refunded)?,
        expired: of(Total::Expired)?,
        withdrawn: of(Total::Withdrawn)?,
        in_transit: Sum(in_transit(signed)),
        debt: of(Total::Owed)?,
        sent: of(Total::Sent)?,
        received: of(Total::Received)?,
        repaid: of(Total::Repaid)?,
        converted_in: of(Total::ConvertedIn)?,
        converted_out: of(Total::ConvertedOut)?,
        accounts: of(Total::Accounts)?,
        exchanges: of(Total::Exchanges)?,
        cancellations: of(Total::Cancellations)?,
        purchases: of(Total::Purchases)?,
        returns: of(Total::Returns)?,
        holds: of(Total::Holds)?,
        transfers: of(Total::Transfers)?,
        conversions: of(Total::Conversions)?,
        shipments: of(Total::Shipments)?,
        position,
        difference: Sum(difference(signed)),
        tiers: BTreeMap::new(),
    })
}

/// Below 0 while the recipient's partition is projected further than the sender's.
fn in_transit(of: impl Fn(Total) -> i128) -> i128 {
    of(Total::Sent) - of(Total::Received)
}

/// What was issued, or came of other units, less where it all went.
fn difference(of: impl Fn(Total) -> i128) -> i128 {
    let there = of(Total::Available) + of(Total::Held) + of(Total::Pending) + in_transit(&of);
    let gone = of(Total::Redeemed) + of(Total::Expired) + of(Total::Withdrawn);
    let gone = gone + of(Total::ConvertedOut);
    let again = of(Total::Refunded) + of(Total::Owed);
    of(Total::Issued) + of(Total::ConvertedIn) - (there + gone - again)
}

/// By month of expiry; `never` comes after every number.
async fn liability(reading: &mut Reading, unit: UnitId) -> Result<Sums, sqlx::Error> {
    let now = now(reading.as_of());
    let rows: Vec<SumRow> = reading.all(MONTHS, &[unit.as_str().into()]).await?;
    let mut months = add_up(rows, |row| joined_sum(row.high, row.low));
    // What no sum has is reckoned account by account: where a hold ended, or a debt meets credit,
    // that the log doesn't say yet. They are few, and soon recorded.
    let unsettled: Vec<(String,)> = reading.all(UNSETTLED, &[now.into()]).await?;
    let unsettled: Vec<String> = unsettled.into_iter().map(|(account_id,)| account_id).collect();
    let names =
        serde_json::to_string(&unsettled).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let arguments = [now.into(), names.as_str().into(), unit.as_str().into()];
    let expired: Vec<SumRow> = reading.all(EXPIRED, &arguments).await?;
    let expired =
        add_up(expired, |row| (i128::from(row.high) << EXPIRED_LOW_BITS) + i128::from(row.low));
    for (month, points) in expired {
        *months.entry(month).or_default() -= points;
    }
    for account_id in unsettled {
        let Some(recorded) = Recorded::read(reading, &account_id).await? else { continue };
        for part in recorded.parts.iter().filter(|part| part.unit == unit) {
            *months.entry(month_of_expiry(part.expires_at)).or_default() -= whole(part);
        }
        let standing = Standing::of(recorded, now)?;
        for part in &standing.wallet(unit).parts {
            *months.entry(month_of_expiry(part.expires_at)).or_default() += whole(part);
        }
    }
    Ok(months)
}

fn whole(part: &Part) -> i128 {
    [part.available, part.held, part.pending].map(i128::from).iter().sum()
}

/// The sums of all partitions.
fn add_up(rows: Vec<SumRow>, sum: impl Fn(&SumRow) -> i128) -> Sums {
    let mut sums = Sums::new();
    for row in rows {
        let number = sum(&row);
        *sums.entry(row.name).or_default() += number;
    }
    sums
}

/// A sum that is never below 0.
fn sum(number: i128) -> Result<Sum, Problem> {
    u128::try_from(number).map_err(|error| broken(number, &error))?;
    Ok(Sum(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_totals_can_be_read_while_a_recipients_partition_is_ahead_of_the_senders() {
        // 100 points were issued and sent; only their receipt is projected.
        let ahead = [(Total::Received, 100), (Total::Available, 100)];
        let ahead = ahead.map(|(total, points)| (total.as_str().to_owned(), points));
        let body = totals(&Sums::from(ahead), "0:0,1:1".to_owned()).expect("totals");
        let sums = [body.available, body.in_transit, body.difference];
        assert_eq!(sums, [100, -100, 0].map(Sum));
    }
}
