//! A purchase that earned two units, a return of a part of it, and the return's reversal.

use domain::{
    CreditEarned, CreditGivenBack, CreditWithdrawn, Event, Note, PurchaseEarning, PurchaseLine,
    PurchaseRecorded, PurchaseReturned, ReturnCreditGivenBack, ReturnReversed, ReturnedLine,
    TakenBack, UnitSet, UnitTerms, WithdrawalCause,
};

use super::{account, lot_at, of_unit, part, purchase, withdrawn};
use crate::ledger::{id, points, units};

/// From position 61 on.
pub(super) fn events() -> Vec<Event> {
    vec![
        unit_set("stars"),
        unit_set("status"),
        credit_earned("stars", 30), // 63
        credit_earned("status", 20),
        purchase_recorded(),
        credit_withdrawn("stars", 63, 10), // 66
        credit_withdrawn("status", 64, 6),
        purchase_returned(),
        given_back(), // 69
        return_reversed(),
    ]
}

fn unit_set(unit: &str) -> Event {
    Event::UnitSet(UnitSet { unit: id(unit), version: 1, terms: UnitTerms::of_points() })
}

fn credit_earned(unit: &str, amount: u64) -> Event {
    let fact = CreditEarned::new(id(unit), points(amount), purchase("B-8"));
    Event::CreditEarned(account("dan"), fact)
}

fn purchase_recorded() -> Event {
    let earned = |unit: &str, amount| PurchaseEarning {
        unit: id(unit),
        points: points(amount),
        rule: None,
        points_before_cap: None,
        tier: None,
    };
    let fact = PurchaseRecorded {
        purchase_id: id("B-8"),
        lines: vec![PurchaseLine {
            product_id: id("pan"),
            quantity: units(3),
            amount: Some(1999),
            category: None,
            earned: [of_unit("stars", 30), of_unit("status", 20)].into(),
        }],
        earned: [earned("stars", 30), earned("status", 20)].into(),
        credit_refused: Box::default(),
        asked_points: None,
        asked_rules: [id("stars"), id("status")].into(),
        warehouse: None,
        available_at: None,
        expires_at: None,
        occurred_at: None,
        deliver_to: None,
    };
    Event::PurchaseRecorded(account("dan"), fact)
}

fn credit_withdrawn(unit: &str, lot: u64, amount: u64) -> Event {
    let cause = WithdrawalCause::Return { purchase_id: id("B-8"), id: id("r-8") };
    let fact = CreditWithdrawn {
        unit: id(unit),
        of: Some(purchase("B-8")),
        of_lot: Some(lot_at(lot)),
        ..withdrawn(cause, amount, vec![part(lot, amount, None)])
    };
    Event::CreditWithdrawn(account("dan"), fact)
}

fn purchase_returned() -> Event {
    let taken =
        |unit: &str, amount| TakenBack { unit: id(unit), points: points(amount), room_back: None };
    let fact = PurchaseReturned {
        purchase_id: id("B-8"),
        return_id: id("r-8"),
        lines: vec![a_pan()],
        taken: [taken("stars", 10), taken("status", 6)].into(),
        asked_lines: true,
        occurred_at: None,
        note: Note::default(),
    };
    Event::PurchaseReturned(account("dan"), fact)
}

fn credit(unit: &str, withdrawn_at: u64, lot: u64, amount: u64) -> CreditGivenBack {
    CreditGivenBack {
        withdrawn_at: lot_at(withdrawn_at).place(),
        unit: id(unit),
        of: purchase("B-8"),
        of_lot: lot_at(lot),
        points: points(amount),
        lots: vec![part(lot, amount, None)],
        available_at: None,
        owed: None,
        expired: None,
        forgiven: None,
        counted_on: None,
        cap_room: None,
    }
}

fn given_back() -> Event {
    let fact = ReturnCreditGivenBack {
        purchase_id: id("B-8"),
        return_id: id("r-8"),
        credit: credit("status", 67, 64, 6),
    };
    Event::CreditGivenBack(account("dan"), fact)
}

fn return_reversed() -> Event {
    let fact = ReturnReversed {
        purchase_id: id("B-8"),
        return_id: id("r-8"),
        lines: vec![a_pan()],
        credit: Some(credit("stars", 66, 63, 10)),
        further: [of_unit("status", 6)].into(),
        occurred_at: None,
        note: Note::default(),
    };
    Event::ReturnReversed(account("dan"), fact)
}

fn a_pan() -> ReturnedLine {
    ReturnedLine { product_id: id("pan"), quantity: units(1) }
}
