//! Rules, policy and totals.

use rusqlite::{Connection, params};

use crate::rows::Rows;

const RULE: &str = include_str!("../../sql/sqlite/insert_earning_rule.sql");
const POLICY: &str = include_str!("../../sql/sqlite/upsert_policy.sql");
const TOTALS: &str = include_str!("../../sql/sqlite/add_programme_total.sql");

pub(super) fn write_programme(
    connection: &Connection,
    partition: u16,
    rows: &Rows,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(RULE)?;
    for rule in &rows.earning_rules {
        insert.execute(params![
            rule.rule_id,
            rule.version,
            rule.terms,
            rule.recorded_at,
            rule.partition,
            rule.position,
        ])?;
    }
    if let Some(policy) = &rows.policy {
        let (partition, position) = (policy.partition, policy.position);
        let row = params![policy.spent_credit, policy.refund_grace_days, partition, position];
        connection.prepare_cached(POLICY)?.execute(row)?;
    }
    let totals = &rows.totals;
    connection.prepare_cached(TOTALS)?.execute(params![
        partition,
        totals.issued,
        totals.redeemed,
        totals.refunded,
        totals.expired,
        totals.withdrawn,
        totals.sent,
        totals.received,
        totals.repaid,
        totals.exchanges,
        totals.cancellations,
        totals.purchases,
        totals.returns,
        totals.holds,
        totals.transfers,
        totals.shipments,
    ])?;
    Ok(())
}
