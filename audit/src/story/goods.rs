//! Exchanges, parcels and purchases.

use domain::{
    ExchangeCancelled, ExchangeCreated, Price, PurchaseRecorded, PurchaseReturned, ReturnReversed,
    ReturnedLine, ShipmentDispatched, ShipmentReport, Shipped, UnitPoints,
};

use super::{amount, credit, list, note};

pub(super) fn exchanged(fact: &ExchangeCreated) -> String {
    let ExchangeCreated { exchange_id, offer_id, product_id, allocation, prices, .. } = fact;
    let cost = if prices.is_free() {
        "for nothing".to_owned()
    } else {
        format!("for {}", list(prices.due().map(of_price)))
    };
    let hold = fact.hold_id.as_ref().map(|hold| format!(", paid by hold {hold}"));
    let tier = fact.tier.as_ref().map(|it| format!(", as {} of ladder {}", it.tier, it.ladder));
    let shipped = match &fact.warehouse {
        Some(warehouse) => format!(" Warehouse {warehouse} was asked to ship it."),
        None => match allocation.code() {
            Some(code) => format!(" It got the code at {code}."),
            None => " It was handed over at once.".to_owned(),
        },
    };
    format!(
        "Exchange {exchange_id} got {} of product {product_id} by offer {offer_id} {cost}{}{}.{shipped}",
        allocation.quantity(),
        hold.unwrap_or_default(),
        tier.unwrap_or_default(),
    )
}

pub(super) fn cancelled(fact: &ExchangeCancelled) -> String {
    let ExchangeCancelled { exchange_id, cancellation_id, offer_id, allocation, of, .. } = fact;
    let back = match &*fact.refunded {
        [] => "nothing was paid for them".to_owned(),
        refunded => format!("{} came back", list(refunded.iter().copied().map(of_price))),
    };
    let left = match allocation.code() {
        Some(_) => format!("and the code of offer {offer_id} stays handed out"),
        None => format!("and went back to offer {offer_id}"),
    };
    format!(
        "{} of the {} units of exchange {exchange_id} were cancelled by cancellation \
         {cancellation_id} {left}; {back}.{}",
        allocation.quantity(),
        of.quantity,
        note(&fact.note)
    )
}

/// `what` continues "The parcel for exchange x-1 was".
pub(super) fn report(what: &str, fact: &ShipmentReport) -> String {
    let parcel = match &fact.dispatch_id {
        Some(id) => format!("The parcel {id} for {}", of(&fact.shipped)),
        None => format!("The shipping request for {}", of(&fact.shipped)),
    };
    format!("{parcel} was {what}.{}", note(&fact.note))
}

pub(super) fn dispatched(fact: &ShipmentDispatched) -> String {
    let ShipmentDispatched { shipped, dispatch_id, lines, carrier, express_no, .. } = fact;
    let lines =
        lines.lines().iter().map(|line| format!("{} of {}", line.quantity, line.product_id));
    format!(
        "Parcel {dispatch_id} for {} left with {carrier}, number {express_no}: {}.",
        of(shipped),
        list(lines)
    )
}

pub(super) fn purchased(fact: &PurchaseRecorded) -> String {
    let lines = fact.lines.iter().map(|line| format!("{} of {}", line.quantity, line.product_id));
    let earned = match fact.credit().next() {
        None => "It earned nothing.".to_owned(),
        Some(_) => format!("It earned {}.", list(fact.credit().map(of_unit))),
    };
    let refused: Vec<String> = (fact.credit_refused.iter())
        .map(|refused| format!("{} ({})", refused.unit, refused.code))
        .collect();
    let refused = match refused.as_slice() {
        [] => String::new(),
        refused => format!(" Credit was refused of {}.", list(refused)),
    };
    let shipped = fact.warehouse.as_ref();
    let shipped = shipped.map(|it| format!(" Warehouse {it} was asked to ship it."));
    let shipped = shipped.unwrap_or_default();
    format!("Purchase {}: {}. {earned}{refused}{shipped}", fact.purchase_id, list(lines))
}

pub(super) fn returned(fact: &PurchaseReturned) -> String {
    let PurchaseReturned { purchase_id, return_id, lines, .. } = fact;
    let taken = match fact.credit().next() {
        None => "no credit was taken back".to_owned(),
        Some(_) => format!("{} were taken back", list(fact.credit().map(of_unit))),
    };
    format!(
        "Return {return_id} of purchase {purchase_id}: {}; {taken}.{}",
        list(lines.iter().map(of_line)),
        note(&fact.note)
    )
}

pub(super) fn return_reversed(fact: &ReturnReversed) -> String {
    let ReturnReversed { purchase_id, return_id, lines, credit, note: why, .. } = fact;
    let back = credit.as_ref().map(|credit| format!(" {}", credit::back(credit)));
    format!(
        "Return {return_id} of purchase {purchase_id} was undone: {} were not returned.{}{}",
        list(lines.iter().map(of_line)),
        back.unwrap_or_default(),
        note(why)
    )
}

fn of(shipped: &Shipped) -> String {
    match shipped {
        Shipped::ExchangeId(id) => format!("exchange {id}"),
        Shipped::PurchaseId(id) => format!("purchase {id}"),
    }
}

fn of_price(price: Price) -> String {
    amount(price.points, price.unit)
}

fn of_unit(earned: UnitPoints) -> String {
    amount(earned.points, earned.unit)
}

fn of_line(line: &ReturnedLine) -> String {
    format!("{} of {}", line.quantity, line.product_id)
}
