//! Exchanges, and the holds that may pay them.

use rusqlite::{Connection, params};

use crate::rows::Rows;

const HOLD: &str = include_str!("../../sql/sqlite/insert_hold.sql");
const HOLD_CHANGE: &str = include_str!("../../sql/sqlite/change_hold.sql");
const EXCHANGE: &str = include_str!("../../sql/sqlite/insert_exchange.sql");
const EXCHANGE_CHANGE: &str = include_str!("../../sql/sqlite/change_exchange.sql");

pub(super) fn write_holds(connection: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(HOLD)?;
    for hold in &rows.holds {
        insert.execute(params![
            hold.place,
            hold.account_id.as_str(),
            hold.hold_id,
            hold.points,
            hold.lots,
            hold.deadline,
            hold.occurred_at,
            hold.recorded_at,
        ])?;
    }
    let mut update = connection.prepare_cached(HOLD_CHANGE)?;
    for ((account_id, hold_id), change) in &rows.hold_changes {
        update.execute(params![
            account_id.as_str(),
            hold_id.as_str(),
            change.status,
            change.captured_points,
            change.exchange_id,
            change.lots,
        ])?;
    }
    Ok(())
}

pub(super) fn write_exchanges(connection: &Connection, rows: &Rows) -> rusqlite::Result<()> {
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
            exchange.hold_id,
            exchange.occurred_at,
            exchange.recorded_at,
        ])?;
    }
    let mut update = connection.prepare_cached(EXCHANGE_CHANGE)?;
    for ((account_id, exchange_id), change) in &rows.exchange_changes {
        update.execute(params![
            account_id.as_str(),
            exchange_id.as_str(),
            change.cancelled_quantity,
            change.refunded_points,
        ])?;
    }
    Ok(())
}
