//! Every row of every read table as text, to compare two read models row by row.

use sqlx::{AssertSqlSafe, SqlitePool};

/// The tables and their stored columns.
pub(crate) const TABLES: [(&str, &str); 8] = [
    ("account_balance", r#"account_id, available, held, pending, "partition", position"#),
    ("credit_lot", "account_id, lot, points, remaining, cause_kind, cause_id, recorded_at"),
    (
        "ledger_entry",
        "place, account_id, kind, points, cause_kind, cause_id, exchange_id, occurred_at, recorded_at",
    ),
    (
        "exchange",
        "place, account_id, exchange_id, offer_id, product_id, quantity, points, status, occurred_at, recorded_at",
    ),
    (
        "shipping_request",
        "place, shipping_request_id, type, account_id, exchange_id, purchase_id, lines, deliver_to, warehouse, lane, sequence, status, carrier, express_no",
    ),
    (
        "offer_availability",
        r#"offer_id, product_id, price, stock, remaining, opens_at, closes_at, limit_per_shopper, warehouse, version, phase, "partition", position"#,
    ),
    ("lane", "lane, last_sequence"),
    (
        "checkpoint",
        r#""partition", log_id, generation, position, checksum, stopped_at, stopped_why"#,
    ),
];

/// A line for each row, `table|column|…` in SQL's own notation, in the order of the keys.
pub async fn dump(pool: &SqlitePool) -> Result<Vec<String>, sqlx::Error> {
    let mut lines = vec![];
    for (table, columns) in TABLES {
        let quoted: Vec<String> =
            columns.split(", ").map(|column| format!("quote({column})")).collect();
        let select =
            format!("select '{table}|' || {} from {table} order by 1", quoted.join(" || '|' || "));
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(select)).fetch_all(pool).await?;
        lines.extend(rows);
    }
    Ok(lines)
}
