//! The ladders and the standings that a batch goes on from.

use log_record::Partition;
use rusqlite::Connection;

use crate::rows::{FoundTier, Rows, TierRows};
use crate::write::WriteError;

const LADDERS: &str = include_str!("../../sql/sqlite/list_ladders.sql");
const STANDINGS: &str = include_str!("../../sql/sqlite/find_account_tiers.sql");

/// What the batch does to tiers; nothing is looked up where it does nothing.
pub(super) fn apply(
    connection: &Connection,
    partition: Partition,
    rows: &mut Rows,
) -> Result<TierRows, WriteError> {
    if rows.tiers.is_empty() {
        return Ok(TierRows::default());
    }
    let versions: Option<String> =
        connection.prepare_cached(LADDERS)?.query_row((partition.0,), |row| row.get(0))?;
    let mut select = connection.prepare_cached(STANDINGS)?;
    let mut found = vec![];
    for account_id in rows.tiers.accounts() {
        let standings = select.query_map((account_id,), |row| {
            Ok(FoundTier {
                account_id: account_id.to_owned(),
                ladder: row.get(0)?,
                standing: row.get(1)?,
                tier: row.get(2)?,
            })
        })?;
        for standing in standings {
            found.push(standing?);
        }
    }
    drop(select);
    Ok(rows.apply_tiers(partition, versions.as_deref(), found)?)
}
