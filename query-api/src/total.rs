//! `GET /v1/totals` and `/v1/liability`: all points of the programme, as recorded and as they may
//! still be spent.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::response::Response;
use read_model::{NEVER, Query, Reading};
use wire::body::{LiabilityBody, LiabilityMonthBody, TotalsBody};
use wire::{Problem, json_with_etag};

use crate::cell::sum;
use crate::clock::now;
use crate::failed;
use crate::freshness::Fresh;
use crate::standing::Standing;

const TOTALS: Query = Query::same(include_str!("sql/select_totals.sql"));
const UNSETTLED: Query = Query::same(include_str!("sql/list_unsettled_accounts.sql"));
const LIABILITY: Query = Query::each(
    include_str!("sql/select_liability.sqlite.sql"),
    include_str!("sql/select_liability.postgres.sql"),
);

/// What flowed, what there is, and how far the tables are.
#[derive(sql_macros::FromRow)]
struct Row {
    issued: i64,
    available: i64,
    held: i64,
    pending: i64,
    redeemed: i64,
    refunded: i64,
    expired: i64,
    withdrawn: i64,
    in_transit: i64,
    debt: i64,
    sent: i64,
    received: i64,
    repaid: i64,
    accounts: i64,
    exchanges: i64,
    cancellations: i64,
    purchases: i64,
    returns: i64,
    holds: i64,
    transfers: i64,
    shipments: i64,
    position: String,
}

pub(crate) async fn get_totals(
    Fresh(mut reading): Fresh,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row: Row = reading.one(TOTALS, &[]).await.map_err(failed)?;
    json_with_etag(&headers, &totals(row)?)
}

pub(crate) async fn get_liability(
    Fresh(mut reading): Fresh,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let months = liability(&mut reading).await.map_err(failed)?;
    let total = sum(months.values().sum())?;
    let months = months
        .into_iter()
        .filter(|(_, points)| *points > 0)
        .map(|(month, points)| Ok(LiabilityMonthBody { month, points: sum(points)? }))
        .collect::<Result<_, Problem>>()?;
    json_with_etag(&headers, &LiabilityBody { months, total })
}

fn totals(row: Row) -> Result<TotalsBody, Problem> {
    let difference = difference(&row);
    Ok(TotalsBody {
        issued: sum(row.issued)?,
        available: sum(row.available)?,
        held: sum(row.held)?,
        pending: sum(row.pending)?,
        redeemed: sum(row.redeemed)?,
        refunded: sum(row.refunded)?,
        expired: sum(row.expired)?,
        withdrawn: sum(row.withdrawn)?,
        in_transit: sum(row.in_transit)?,
        debt: sum(row.debt)?,
        sent: sum(row.sent)?,
        received: sum(row.received)?,
        repaid: sum(row.repaid)?,
        accounts: sum(row.accounts)?,
        exchanges: sum(row.exchanges)?,
        cancellations: sum(row.cancellations)?,
        purchases: sum(row.purchases)?,
        returns: sum(row.returns)?,
        holds: sum(row.holds)?,
        transfers: sum(row.transfers)?,
        shipments: sum(row.shipments)?,
        position: row.position,
        difference,
    })
}

/// What was issued less where it all went.
fn difference(row: &Row) -> i128 {
    let sum = |terms: &[i64]| terms.iter().copied().map(i128::from).sum::<i128>();
    let there = sum(&[row.available, row.held, row.pending, row.in_transit]);
    let gone = sum(&[row.redeemed, row.expired, row.withdrawn]);
    let again = sum(&[row.refunded, row.debt]);
    i128::from(row.issued) - (there + gone - again)
}

/// By month of expiry; `never` comes after every number.
async fn liability(reading: &mut Reading) -> Result<BTreeMap<String, i64>, sqlx::Error> {
    let now = now(reading.as_of());
    // What can't be added up in one statement is reckoned account by account: where a hold ended,
    // or a debt meets credit, that the log doesn't say yet. They are few, and soon recorded.
    let unsettled: Vec<(String,)> = reading.all(UNSETTLED, &[now.into()]).await?;
    let unsettled: Vec<String> = unsettled.into_iter().map(|(account_id,)| account_id).collect();
    let names =
        serde_json::to_string(&unsettled).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let settled: Vec<(String, i64)> =
        reading.all(LIABILITY, &[now.into(), names.as_str().into()]).await?;
    let mut months: BTreeMap<String, i64> = settled.into_iter().collect();
    for account_id in unsettled {
        let Some(standing) = Standing::at(reading, &account_id, now).await? else { continue };
        for part in &standing.parts {
            *months.entry(month(part.expires_at)?).or_default() +=
                part.available + part.held + part.pending;
        }
    }
    Ok(months)
}

/// `2027-11`, or `never`.
fn month(expires_at: i64) -> Result<String, sqlx::Error> {
    if expires_at == NEVER {
        return Ok("never".to_owned());
    }
    let time = domain::Timestamp::from_micros(expires_at)
        .map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(time.to_string().chars().take("2027-11".len()).collect())
}
