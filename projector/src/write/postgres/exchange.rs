//! Exchanges, and the holds that may pay them.

use super::{Write, column, sparse};
use crate::rows::Rows;

const HOLD: &str = include_str!("../../sql/postgres/insert_hold.sql");
const HOLD_CHANGE: &str = include_str!("../../sql/postgres/change_hold.sql");
const EXCHANGE: &str = include_str!("../../sql/postgres/insert_exchange.sql");
const EXCHANGE_CHANGE: &str = include_str!("../../sql/postgres/change_exchange.sql");

pub(super) fn write_holds<'a>(writes: &mut Vec<Write<'a>>, rows: &'a Rows) {
    let holds = &rows.holds;
    if !holds.is_empty() {
        let arguments = vec![
            column(holds, |hold| hold.place),
            column(holds, |hold| hold.account_id.as_str()),
            column(holds, |hold| hold.hold_id.as_str()),
            column(holds, |hold| hold.points),
            column(holds, |hold| hold.lots.as_str()),
            column(holds, |hold| hold.deadline),
            sparse(holds, |hold| hold.occurred_at),
            column(holds, |hold| hold.recorded_at),
        ];
        writes.push(Write::of(HOLD, arguments));
    }
    let changes = &rows.hold_changes;
    if !changes.is_empty() {
        let arguments = vec![
            column(changes, |((account_id, _), _)| account_id.as_str()),
            column(changes, |((_, hold_id), _)| hold_id.as_str()),
            sparse(changes, |(_, change)| change.status),
            sparse(changes, |(_, change)| change.captured_points),
            sparse(changes, |(_, change)| change.exchange_id.as_deref()),
            sparse(changes, |(_, change)| change.lots.as_deref()),
        ];
        writes.push(Write::of(HOLD_CHANGE, arguments));
    }
}

pub(super) fn write_exchanges<'a>(writes: &mut Vec<Write<'a>>, rows: &'a Rows) {
    let exchanges = &rows.exchanges;
    if !exchanges.is_empty() {
        let arguments = vec![
            column(exchanges, |exchange| exchange.place),
            column(exchanges, |exchange| exchange.account_id.as_str()),
            column(exchanges, |exchange| exchange.exchange_id.as_str()),
            column(exchanges, |exchange| exchange.offer_id.as_str()),
            column(exchanges, |exchange| exchange.product_id.as_str()),
            column(exchanges, |exchange| exchange.quantity),
            column(exchanges, |exchange| exchange.points),
            sparse(exchanges, |exchange| exchange.hold_id.as_deref()),
            sparse(exchanges, |exchange| exchange.occurred_at),
            column(exchanges, |exchange| exchange.recorded_at),
        ];
        writes.push(Write::of(EXCHANGE, arguments));
    }
    let changes = &rows.exchange_changes;
    if !changes.is_empty() {
        let arguments = vec![
            column(changes, |((account_id, _), _)| account_id.as_str()),
            column(changes, |((_, exchange_id), _)| exchange_id.as_str()),
            column(changes, |(_, change)| change.cancelled_quantity),
            column(changes, |(_, change)| change.refunded_points),
        ];
        writes.push(Write::of(EXCHANGE_CHANGE, arguments));
    }
}
