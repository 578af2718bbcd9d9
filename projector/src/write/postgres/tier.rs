//! The ladders and the standings that a batch goes on from.

use log_record::Partition;

use super::PostgresTables;
use crate::rows::{FoundTier, Rows, TierRows};
use crate::write::WriteError;

const LADDERS: &str = include_str!("../../sql/postgres/list_ladders.sql");
const STANDINGS: &str = include_str!("../../sql/postgres/find_account_tiers.sql");

/// What the batch does to tiers; nothing is looked up where it does nothing.
pub(super) async fn apply(
    tables: &mut PostgresTables,
    partition: Partition,
    rows: &mut Rows,
) -> Result<TierRows, WriteError> {
    if rows.tiers.is_empty() {
        return Ok(TierRows::default());
    }
    let listed = tables.find(LADDERS, &[]).await?;
    let versions: Option<String> = match listed.first() {
        Some(row) => row.try_get(0)?,
        None => None,
    };
    let accounts: Vec<&str> = rows.tiers.accounts().into_iter().collect();
    let standings = tables.find(STANDINGS, &[&accounts]).await?;
    let found = standings.iter().map(|row| {
        Ok(FoundTier {
            account_id: row.try_get(0)?,
            ladder: row.try_get(1)?,
            standing: row.try_get(2)?,
            tier: row.try_get(3)?,
        })
    });
    let found = found.collect::<Result<Vec<_>, tokio_postgres::Error>>()?;
    Ok(rows.apply_tiers(partition, versions.as_deref(), found)?)
}
