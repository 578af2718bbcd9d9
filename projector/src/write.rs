//! A batch's rows, one statement for each table. The rows of a table travel as one JSON text: a
//! statement costs a hop to the connection's thread, and rows by the hundred share it.

use serde::Serialize;
use sqlx::SqliteConnection;

use crate::rows::{Lanes, Rows};

const BALANCES: &str = include_str!("sql/upsert_account_balance.sql");
const LOTS: &str = include_str!("sql/insert_credit_lot.sql");
const DRAWS: &str = include_str!("sql/draw_credit_lot.sql");
const ENTRIES: &str = include_str!("sql/insert_ledger_entry.sql");
const EXCHANGES: &str = include_str!("sql/insert_exchange.sql");
const SHIPPING_REQUESTS: &str = include_str!("sql/insert_shipping_request.sql");
const OFFERS: &str = include_str!("sql/upsert_offer_availability.sql");
const OFFER_CHANGES: &str = include_str!("sql/change_offer_availability.sql");
const LANES: &str = include_str!("sql/upsert_lane.sql");

/// Writes all rows; within the caller's transaction.
pub(crate) async fn write(
    connection: &mut SqliteConnection,
    rows: &Rows,
) -> Result<(), sqlx::Error> {
    let Rows {
        balances,
        lots,
        draws,
        entries,
        exchanges,
        shipping_requests,
        offers,
        offer_changes,
        lanes,
    } = rows;
    // Lots before what is drawn from them, offers before what is sold of them.
    run(connection, LOTS, lots.len(), lots).await?;
    let pairs: Vec<_> =
        draws.iter().map(|((account, lot), points)| (account, lot, points)).collect();
    run(connection, DRAWS, pairs.len(), &pairs).await?;
    let pairs: Vec<_> = balances.iter().collect();
    run(connection, BALANCES, pairs.len(), &pairs).await?;
    run(connection, ENTRIES, entries.len(), entries).await?;
    run(connection, EXCHANGES, exchanges.len(), exchanges).await?;
    run(connection, SHIPPING_REQUESTS, shipping_requests.len(), shipping_requests).await?;
    let pairs: Vec<_> = offers.iter().collect();
    run(connection, OFFERS, pairs.len(), &pairs).await?;
    let pairs: Vec<_> = offer_changes.iter().collect();
    run(connection, OFFER_CHANGES, pairs.len(), &pairs).await?;
    let pairs: Vec<_> = lanes.iter().collect();
    run(connection, LANES, pairs.len(), &pairs).await
}

/// Where every lane stands.
pub(crate) async fn read_lanes(connection: &mut SqliteConnection) -> Result<Lanes, sqlx::Error> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("select lane, last_sequence from lane").fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(lane, last)| (lane, last.cast_unsigned())).collect())
}

async fn run(
    connection: &mut SqliteConnection,
    statement: &'static str,
    count: usize,
    rows: &impl Serialize,
) -> Result<(), sqlx::Error> {
    if count == 0 {
        return Ok(());
    }
    let rows = serde_json::to_string(rows).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query(statement).bind(rows).execute(connection).await?;
    Ok(())
}
