//! Shipping requests, the later messages about them, and the lanes that number both.

use std::sync::LazyLock;

use read_model::{Lane, ShippingChange, ShippingRequest};

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::{ShippingRequestChange, ShippingRows};

static INSERT: LazyStatement = LazyLock::new(|| {
    Statement::of::<ShippingRequest>(include_str!("../sql/insert_shipping_request.sql"))
});
static CHANGE: LazyStatement = LazyLock::new(|| {
    Statement::of::<ShippingRequestChange>(include_str!("../sql/change_shipping_request.sql"))
});
static MESSAGE: LazyStatement = LazyLock::new(Statement::insert::<ShippingChange>);
static LANE: LazyStatement =
    LazyLock::new(|| Statement::of::<Lane>(include_str!("../sql/upsert_lane.sql")));

pub(super) fn write<'a>(writes: &mut Writes<'a>, rows: &'a ShippingRows) {
    writes.push(&INSERT, &rows.requests);
    writes.push(&CHANGE, &rows.changed);
    writes.push(&MESSAGE, &rows.messages);
    writes.push(&LANE, &rows.lanes);
}
