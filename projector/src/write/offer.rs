//! Offers.

use std::sync::LazyLock;

use read_model::{OfferAvailability, OfferSold};

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::{OfferChange, Rows};

static UPSERT: LazyStatement = LazyLock::new(|| {
    Statement::of::<OfferAvailability>(include_str!("../sql/upsert_offer_availability.sql"))
});
static CHANGE: LazyStatement = LazyLock::new(|| {
    Statement::of::<OfferChange>(include_str!("../sql/change_offer_availability.sql"))
});
static SOLD_ELSEWHERE: LazyStatement =
    LazyLock::new(|| Statement::of::<OfferSold>(include_str!("../sql/add_offer_sold.sql")));

pub(super) fn write<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push(&UPSERT, rows.offers.values());
    writes.push(&CHANGE, rows.offer_changes.values());
    writes.push(&SOLD_ELSEWHERE, rows.sold_elsewhere.values());
}
