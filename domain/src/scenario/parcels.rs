//! What is told of parcels, in few words.

use super::values::*;
use crate::command::{DispatchShipment, RejectShipment, Report, ReportShipment};
use crate::*;

pub(crate) fn report(account: &str, exchange: &str, report: Report) -> Command {
    Command::ReportShipment(ReportShipment {
        account_id: id(account),
        shipped: Shipped::ExchangeId(id(exchange)),
        asked: vec![line("product", 1)],
        report,
        dispatch_id: None,
        note: Note::default(),
        occurred_at: None,
    })
}

/// One parcel has arrived.
pub(crate) fn deliver(account: &str, exchange: &str, parcel: &str) -> Command {
    let Command::ReportShipment(it) = report(account, exchange, Report::Delivered) else {
        unreachable!()
    };
    Command::ReportShipment(ReportShipment { dispatch_id: Some(id(parcel)), ..it })
}

pub(crate) fn reject(account: &str, exchange: &str) -> Command {
    reject_parcel(account, Shipped::ExchangeId(id(exchange)))
}

pub(crate) fn reject_purchase(account: &str, basket: &str) -> Command {
    reject_parcel(account, Shipped::PurchaseId(id(basket)))
}

fn reject_parcel(account: &str, shipped: Shipped) -> Command {
    Command::RejectShipment(RejectShipment {
        account_id: id(account),
        shipped,
        asked: vec![line("product", 1)],
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

pub(crate) fn line(product: &str, quantity: u64) -> ShippedLine {
    ShippedLine { product_id: id(product), quantity: units(quantity) }
}

/// One parcel with everything, of one unit.
pub(crate) fn dispatch(account: &str, exchange: &str) -> Command {
    dispatch_of(account, exchange, 1)
}

/// One parcel with everything, of so many units.
pub(crate) fn dispatch_of(account: &str, exchange: &str, of: u64) -> Command {
    dispatch_rest(account, exchange, "dispatch", of)
}

/// A parcel with all that is left of so many units.
pub(crate) fn dispatch_rest(account: &str, exchange: &str, parcel: &str, of: u64) -> Command {
    let shipped = Shipped::ExchangeId(id(exchange));
    Command::DispatchShipment(parcel_of(account, shipped, parcel, &[("product", of)]))
}

/// A parcel with so many units of so many.
pub(crate) fn dispatch_some(
    account: &str,
    exchange: &str,
    parcel: &str,
    quantity: u64,
    of: u64,
) -> Command {
    let shipped = Shipped::ExchangeId(id(exchange));
    let lines = Some(vec![line("product", quantity)]);
    let it = parcel_of(account, shipped, parcel, &[("product", of)]);
    Command::DispatchShipment(DispatchShipment { lines, ..it })
}

/// A parcel of a purchase.
pub(crate) fn dispatch_purchase(
    account: &str,
    basket: &str,
    parcel: &str,
    of: &[(&str, u64)],
    lines: &[(&str, u64)],
) -> Command {
    let lines = Some(lines.iter().map(|(product, quantity)| line(product, *quantity)).collect());
    let it = parcel_of(account, Shipped::PurchaseId(id(basket)), parcel, of);
    Command::DispatchShipment(DispatchShipment { lines, ..it })
}

fn parcel_of(
    account: &str,
    shipped: Shipped,
    parcel: &str,
    of: &[(&str, u64)],
) -> DispatchShipment {
    DispatchShipment {
        account_id: id(account),
        shipped,
        asked: of.iter().map(|(product, quantity)| line(product, *quantity)).collect(),
        dispatch_id: id(parcel),
        lines: None,
        carrier: id("post"),
        express_no: id("1Z"),
        tracking_url: None,
        occurred_at: None,
    }
}
