//! A batch's rows, a prepared statement for each table, run once for each row.

use rusqlite::{Connection, params};

use crate::rows::{Lanes, Rows};

const NEW_BALANCE: &str = include_str!("sql/insert_account_balance.sql");
const BALANCE_CHANGE: &str = include_str!("sql/change_account_balance.sql");
const LOT: &str = include_str!("sql/insert_credit_lot.sql");
const DRAW: &str = include_str!("sql/draw_credit_lot.sql");
const ENTRY: &str = include_str!("sql/insert_ledger_entry.sql");
const EXCHANGE: &str = include_str!("sql/insert_exchange.sql");
const SHIPPING_REQUEST: &str = include_str!("sql/insert_shipping_request.sql");
const OFFER: &str = include_str!("sql/upsert_offer_availability.sql");
const OFFER_CHANGE: &str = include_str!("sql/change_offer_availability.sql");
const LANE: &str = include_str!("sql/upsert_lane.sql");

/// Writes all rows; within the caller's transaction.
pub(crate) fn write(connection: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    // Lots before what is drawn from them, offers before what is sold of them.
    write_credit(connection, rows)?;
    write_offers(connection, rows)?;
    write_exchanges(connection, rows)
}

fn write_credit(connection: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(LOT)?;
    for lot in &rows.lots {
        insert.execute(params![
            lot.account_id.as_str(),
            lot.lot,
            lot.points,
            lot.cause_kind,
            lot.cause_id,
            lot.recorded_at,
        ])?;
    }
    let mut draw = connection.prepare_cached(DRAW)?;
    for ((account_id, lot), points) in &rows.draws {
        draw.execute(params![account_id.as_str(), lot, points])?;
    }
    let mut insert = connection.prepare_cached(NEW_BALANCE)?;
    let mut update = connection.prepare_cached(BALANCE_CHANGE)?;
    for (account_id, change) in &rows.balances {
        let row = params![account_id.as_str(), change.available, change.partition, change.position];
        if update.execute(row)? == 0 {
            insert.execute(row)?;
        }
    }
    let mut insert = connection.prepare_cached(ENTRY)?;
    for entry in &rows.entries {
        insert.execute(params![
            entry.place,
            entry.account_id,
            entry.kind,
            entry.points,
            entry.cause_kind,
            entry.cause_id,
            entry.exchange_id,
            entry.occurred_at,
            entry.recorded_at,
        ])?;
    }
    Ok(())
}

fn write_offers(connection: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(OFFER)?;
    for (offer_id, terms) in &rows.offers {
        upsert.execute(params![
            offer_id.as_str(),
            terms.product_id,
            terms.price,
            terms.stock,
            terms.opens_at,
            terms.closes_at,
            terms.limit_per_shopper,
            terms.warehouse,
            terms.version,
            terms.partition,
            terms.position,
        ])?;
    }
    let mut update = connection.prepare_cached(OFFER_CHANGE)?;
    for (offer_id, change) in &rows.offer_changes {
        update.execute(params![
            offer_id.as_str(),
            change.stock,
            change.remaining,
            change.closed_at
        ])?;
    }
    Ok(())
}

fn write_exchanges(connection: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(EXCHANGE)?;
    for exchange in &rows.exchanges {
        insert.execute(params![
            exchange.place,
            exchange.account_id.as_str(),
            exchange.exchange_id,
            exchange.offer_id.as_str(),
            exchange.product_id,
            exchange.quantity,
            exchange.points,
            exchange.occurred_at,
            exchange.recorded_at,
        ])?;
    }
    let mut insert = connection.prepare_cached(SHIPPING_REQUEST)?;
    for request in &rows.shipping_requests {
        insert.execute(params![
            request.place,
            request.shipping_request_id,
            request.account_id.as_str(),
            request.exchange_id,
            request.lines,
            request.deliver_to,
            request.warehouse,
            request.lane,
            request.sequence,
        ])?;
    }
    let mut upsert = connection.prepare_cached(LANE)?;
    for (lane, last) in &rows.lanes {
        upsert.execute(params![lane, last])?;
    }
    Ok(())
}

/// Where every lane stands.
pub(crate) fn read_lanes(connection: &Connection) -> rusqlite::Result<Lanes> {
    let mut select = connection.prepare_cached("select lane, last_sequence from lane")?;
    let lanes = select.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    lanes.collect()
}
