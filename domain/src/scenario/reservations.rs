//! Commands about units of offers that are reserved or waited for.

use super::values::*;
use crate::command::{
    Capture, CaptureHold, Command, JoinWaitingList, LeaveWaitingList, Order, ReserveOffer,
};

pub(crate) fn reserve(
    account: &str,
    hold: &str,
    offer: &str,
    quantity: u64,
    deadline: i64,
) -> Command {
    Command::ReserveOffer(ReserveOffer {
        account_id: id(account),
        hold_id: id(hold),
        offer_id: id(offer),
        quantity: units(quantity),
        deadline: time(deadline),
        expected_points: None,
        expected_prices: None,
        occurred_at: None,
    })
}

/// A capture for so many units.
pub(crate) fn capture_of(
    account: &str,
    hold: &str,
    exchange: &str,
    offer: &str,
    quantity: u64,
) -> Command {
    capture_as(|order| order.quantity = units(quantity), [account, hold, exchange, offer])
}

pub(crate) fn capture_unaddressed(
    account: &str,
    hold: &str,
    exchange: &str,
    offer: &str,
) -> Command {
    capture_as(|order| order.deliver_to = None, [account, hold, exchange, offer])
}

pub(crate) fn capture_expecting(
    cost: u64,
    account: &str,
    hold: &str,
    exchange: &str,
    offer: &str,
) -> Command {
    let expecting = |order: &mut Order| order.expected_points = Some(points(cost));
    capture_as(expecting, [account, hold, exchange, offer])
}

fn capture_as(change: impl FnOnce(&mut Order), ids: [&str; 4]) -> Command {
    let [account, hold, exchange, offer] = ids;
    let capture = super::capture_for(account, hold, exchange, offer);
    let Command::CaptureHold(mut it) = capture else { unreachable!() };
    if let Capture::Exchange(order) = &mut it.capture {
        change(order);
    }
    Command::CaptureHold(CaptureHold { ..it })
}

pub(crate) fn join(account: &str, wait: &str, offer: &str) -> Command {
    Command::JoinWaitingList(JoinWaitingList {
        admission: None,
        account_id: id(account),
        wait_id: id(wait),
        offer_id: id(offer),
        occurred_at: None,
    })
}

pub(crate) fn leave(account: &str, wait: &str) -> Command {
    let (account_id, wait_id) = (id(account), id(wait));
    Command::LeaveWaitingList(LeaveWaitingList { account_id, wait_id, occurred_at: None })
}
