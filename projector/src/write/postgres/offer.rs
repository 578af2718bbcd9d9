//! Offers.

use super::{Write, column};
use crate::rows::Rows;

const OFFER: &str = include_str!("../../sql/postgres/upsert_offer_availability.sql");
const OFFER_CHANGE: &str = include_str!("../../sql/postgres/change_offer_availability.sql");

pub(super) fn write_offers<'a>(writes: &mut Vec<Write<'a>>, rows: &'a Rows) {
    let offers = &rows.offers;
    if !offers.is_empty() {
        let arguments = vec![
            column(offers, |(offer_id, _)| offer_id.as_str()),
            column(offers, |(_, terms)| terms.product_id.as_str()),
            column(offers, |(_, terms)| terms.price),
            column(offers, |(_, terms)| terms.stock),
            column(offers, |(_, terms)| terms.opens_at),
            column(offers, |(_, terms)| terms.closes_at),
            column(offers, |(_, terms)| terms.limit_per_shopper),
            column(offers, |(_, terms)| terms.warehouse.as_str()),
            column(offers, |(_, terms)| terms.version),
            column(offers, |(_, terms)| i64::from(terms.partition)),
            column(offers, |(_, terms)| terms.position),
        ];
        writes.push(Write::of(OFFER, arguments));
    }
    let changes = &rows.offer_changes;
    if !changes.is_empty() {
        let arguments = vec![
            column(changes, |(offer_id, _)| offer_id.as_str()),
            column(changes, |(_, change)| change.stock),
            column(changes, |(_, change)| change.remaining),
            column(changes, |(_, change)| change.closed_at),
        ];
        writes.push(Write::of(OFFER_CHANGE, arguments));
    }
}
