//! Every row of every read table as text, to compare two read models row by row.

use std::time::Duration;

use crate::{ReadError, ReadModel};

/// The tables and their stored columns.
pub const TABLES: [(&str, &str); 15] = [
    ("account_balance", r#"account_id, available, held, pending, owed, "partition", position"#),
    ("credit_part", "account_id, expires_at, lot, graced, available, pending, held, available_at"),
    (
        "credit_lot",
        "lot, account_id, points, cause_kind, cause_id, rule_id, rule_version, reference, recorded_at, available_at, expires_at",
    ),
    (
        "ledger_entry",
        "place, account_id, kind, points, available, held, pending, cause_kind, cause_id, exchange_id, cancellation_id, hold_id, transfer_id, counterparty, withdrawal_kind, withdrawal_id, purchase_id, reference, lots, released, occurred_at, recorded_at",
    ),
    (
        "hold",
        "place, account_id, hold_id, points, lots, deadline, status, captured_points, exchange_id, occurred_at, recorded_at",
    ),
    (
        "exchange",
        "place, account_id, exchange_id, offer_id, product_id, quantity, points, hold_id, cancelled_quantity, refunded_points, occurred_at, recorded_at",
    ),
    (
        "purchase",
        "place, account_id, purchase_id, lines, points, rule_id, rule_version, warehouse, returned_points, withdrawn_points, occurred_at, recorded_at",
    ),
    (
        "shipping_request",
        "place, generation, type, account_id, exchange_id, purchase_id, lines, lines_left, deliver_to, warehouse, lane, sequence, recorded_at, traceparent, status, status_since, reason, carrier, express_no, crossed, changed_at",
    ),
    (
        "shipping_change",
        "place, generation, request, kind, lines, warehouse, sequence, recorded_at, traceparent",
    ),
    (
        "offer_availability",
        r#"offer_id, product_id, price, stock, remaining, opens_at, closes_at, limit_per_shopper, warehouse, version, phase, "partition", position"#,
    ),
    ("earning_rule", r#"rule_id, version, terms, recorded_at, "partition", position"#),
    ("policy", r#"number, spent_credit, refund_grace_days, "partition", position"#),
    (
        "programme_total",
        r#""partition", issued, redeemed, refunded, expired, withdrawn, sent, received, repaid, exchanges, cancellations, purchases, returns, holds, transfers, shipments"#,
    ),
    ("lane", "lane, warehouse, last_sequence, last_place"),
    (
        "checkpoint",
        r#""partition", log_id, generation, position, checksum, recorded_at, clock, stopped_at, stopped_why"#,
    ),
];

/// A line for each row, `table|column|…` in SQLite's own notation, in the order of its bytes: the
/// same lines on either database.
pub async fn dump(model: &ReadModel) -> Result<Vec<String>, ReadError> {
    let mut reading = model.read(&[], Duration::ZERO).await?;
    let quoted = if reading.is_of_postgres() { quoted_by_postgres } else { quoted_by_sqlite };
    let mut lines = vec![];
    for (table, columns) in TABLES {
        let columns: Vec<String> = columns.split(", ").map(quoted).collect();
        let select = format!("select '{table}|' || {} from {table}", columns.join(" || '|' || "));
        let mut rows = reading.texts(select).await.map_err(ReadError::Unreachable)?;
        rows.sort_unstable();
        lines.append(&mut rows);
    }
    Ok(lines)
}

fn quoted_by_sqlite(column: &str) -> String {
    format!("quote({column})")
}

fn quoted_by_postgres(column: &str) -> String {
    format!(
        "coalesce(case pg_typeof({column})::text \
         when 'text' then '''' || replace({column}::text, '''', '''''') || '''' \
         when 'bytea' then 'X''' || upper(substr({column}::text, 3)) || '''' \
         when 'boolean' then case {column}::text when 'true' then '1' else '0' end \
         else {column}::text end, 'NULL')"
    )
}
