//! The ladders and the standings that a batch goes on from.

use log_record::Partition;
use tokio::try_join;
use tokio_postgres::types::ToSql;

use super::PostgresTables;
use crate::rows::{FoundTier, Rows, TierRows};
use crate::write::WriteError;

const LADDERS: &str = include_str!("../../sql/postgres/list_ladders.sql");
const STANDINGS: &str = include_str!("../../sql/postgres/find_account_tiers.sql");

/// All versions of all ladders, and where accounts stand on them.
type Found = (Option<String>, Vec<FoundTier>);

/// What the batch does to tiers goes on from this; nothing is looked up where it does nothing.
pub(super) async fn find(
    tables: &PostgresTables,
    partition: Partition,
    rows: &Rows,
) -> Result<Option<Found>, WriteError> {
    if rows.tiers.is_empty() {
        return Ok(None);
    }
    let accounts: Vec<&str> = rows.tiers.accounts().into_iter().collect();
    let accounts: [&(dyn ToSql + Sync); 1] = [&accounts];
    let number = i64::from(partition.0);
    let known_there: [&(dyn ToSql + Sync); 1] = [&number];
    let (listed, standings) =
        try_join!(tables.find(LADDERS, &known_there), tables.find(STANDINGS, &accounts))?;
    let versions = match listed.first() {
        Some(row) => row.try_get(0)?,
        None => None,
    };
    let found = standings.iter().map(|row| {
        Ok(FoundTier {
            account_id: row.try_get(0)?,
            ladder: row.try_get(1)?,
            standing: row.try_get(2)?,
            tier: row.try_get(3)?,
        })
    });
    Ok(Some((versions, found.collect::<Result<_, tokio_postgres::Error>>()?)))
}

/// What the batch does to tiers.
pub(super) fn apply(
    partition: Partition,
    rows: &mut Rows,
    found: Option<Found>,
) -> Result<TierRows, WriteError> {
    let Some((versions, found)) = found else { return Ok(TierRows::default()) };
    Ok(rows.apply_tiers(partition, versions.as_deref(), found)?)
}
