//! Rules, policy and totals.

use log_record::Partition;

use super::{Write, column, value};
use crate::rows::Rows;

const RULE: &str = include_str!("../../sql/postgres/insert_earning_rule.sql");
const POLICY: &str = include_str!("../../sql/postgres/upsert_policy.sql");
const TOTALS: &str = include_str!("../../sql/postgres/add_programme_total.sql");

pub(super) fn write_programme<'a>(
    writes: &mut Vec<Write<'a>>,
    partition: Partition,
    rows: &'a Rows,
) {
    let rules = &rows.earning_rules;
    if !rules.is_empty() {
        let arguments = vec![
            column(rules, |rule| rule.rule_id.as_str()),
            column(rules, |rule| rule.version),
            column(rules, |rule| rule.terms.as_str()),
            column(rules, |rule| rule.recorded_at),
            column(rules, |rule| i64::from(rule.partition)),
            column(rules, |rule| rule.position),
        ];
        writes.push(Write::of(RULE, arguments));
    }
    if let Some(policy) = &rows.policy {
        let arguments = vec![
            value(policy.spent_credit),
            value(i64::from(policy.refund_grace_days)),
            value(i64::from(policy.partition)),
            value(policy.position),
        ];
        writes.push(Write::of(POLICY, arguments));
    }
    let totals = &rows.totals;
    let arguments = [
        i64::from(partition.0),
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
    ];
    writes.push(Write::of(TOTALS, arguments.map(value).into()));
}
