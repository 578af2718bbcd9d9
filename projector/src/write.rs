//! A batch's rows, a prepared statement for each table, run once for each row.

mod credit;
mod exchange;
mod offer;
mod programme;
mod purchase;
mod shipping;

use rusqlite::Connection;

use crate::rows::{Lanes, Rows};

/// Writes all rows of a partition's batch; within the caller's transaction.
pub(crate) fn write(
    connection: &Connection,
    partition: u16,
    rows: &mut Rows,
) -> rusqlite::Result<()> {
    // What is made comes before what changes it: lots before withdrawals of them, offers before
    // what is sold of them, requests before their dispatch.
    credit::write_lots(connection, rows)?;
    credit::settle_withdrawals(connection, rows)?;
    credit::write_parts(connection, rows)?;
    credit::write_balances(connection, rows)?;
    credit::write_entries(connection, rows)?;
    exchange::write_holds(connection, rows)?;
    offer::write_offers(connection, rows)?;
    exchange::write_exchanges(connection, rows)?;
    purchase::write_purchases(connection, rows)?;
    shipping::write_requests(connection, rows)?;
    programme::write_programme(connection, partition, rows)
}

/// Where every lane stands.
pub(crate) fn read_lanes(connection: &Connection) -> rusqlite::Result<Lanes> {
    let mut select = connection.prepare_cached("select lane, last_sequence from lane")?;
    let lanes = select.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    lanes.collect()
}
