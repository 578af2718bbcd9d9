//! Parcels, as warehouses tell of them.

use domain::{Event, Note, ParcelLines, ShipmentDispatched, ShipmentReport, Shipped, ShippedLine};

use super::account;
use crate::ledger::{id, units};

pub fn dispatched(name: &str, shipped: Shipped) -> Event {
    let rest = ParcelLines::Rest(vec![shipped_line("product", 1)]);
    left_in(name, shipped, "dispatch", rest)
}

/// A parcel with these lines leaves; each line is (product, how many, of how many).
pub fn parcel_left(
    name: &str,
    shipped: Shipped,
    parcel: &str,
    lines: &[(&str, u64, u64)],
) -> Event {
    let of = lines.iter().map(|(product, _, of)| shipped_line(product, *of)).collect();
    let lines = lines.iter().filter(|(_, quantity, _)| *quantity > 0);
    let lines = lines.map(|(product, quantity, _)| shipped_line(product, *quantity)).collect();
    left_in(name, shipped, parcel, ParcelLines::Named { lines, of })
}

fn left_in(name: &str, shipped: Shipped, parcel: &str, lines: ParcelLines) -> Event {
    let fact = ShipmentDispatched {
        shipped,
        dispatch_id: id(parcel),
        lines,
        carrier: id("post"),
        express_no: id("EX-1"),
        tracking_url: None,
        occurred_at: None,
    };
    Event::ShipmentDispatched(account(name), fact)
}

fn shipped_line(product: &str, quantity: u64) -> ShippedLine {
    ShippedLine { product_id: id(product), quantity: units(quantity) }
}

/// One parcel arrives.
pub fn parcel_arrived(name: &str, shipped: Shipped, parcel: &str) -> Event {
    let fact = ShipmentReport { dispatch_id: Some(id(parcel)), ..report(shipped, None) };
    Event::ShipmentDelivered(account(name), fact)
}

/// What a warehouse or an operator says of a parcel, and why.
pub fn report(shipped: Shipped, reason: Option<&str>) -> ShipmentReport {
    let note = Note { by: None, reason: reason.map(id) };
    ShipmentReport { shipped, dispatch_id: None, occurred_at: None, note }
}
