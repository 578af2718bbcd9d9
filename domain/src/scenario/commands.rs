//! Commands in few words.

use super::values::*;
use crate::command::{
    AddStock, AdjustCredit, AmendOffer, CancelExchange, Capture, CaptureHold, ClaimCredit,
    CloseOffer, CloseUnit, Direction, EarnCredit, ExpectedVersion, ExtendHold, HoldCredit,
    OpenAccount, OpenOffer, Order, RecordPurchase, Redeem, RefundCapture, ReleaseHold, RemoveStock,
    ReopenOffer, ReturnPurchase, ReverseReturn, ReverseWithdrawal, SetEarningRule, SetPolicy,
    SetUnit, TransferCredit, WithdrawCredit,
};
use crate::*;

pub(crate) fn earn(account: &str, amount: u64, basket: &str) -> Command {
    Command::EarnCredit(EarnCredit {
        unit: crate::UnitId::POINTS,
        account_id: id(account),
        points: points(amount),
        cause: cause(basket),
        available_at: None,
        expires_at: None,
        occurred_at: None,
    })
}

/// Credit that can be spent before a time, in seconds.
pub(crate) fn earn_until(expires: i64, account: &str, amount: u64, basket: &str) -> Command {
    Command::EarnCredit(EarnCredit {
        unit: crate::UnitId::POINTS,
        account_id: id(account),
        points: points(amount),
        cause: cause(basket),
        available_at: None,
        expires_at: Some(time(expires)),
        occurred_at: None,
    })
}

/// Credit that can be spent from a time on, in seconds.
pub(crate) fn earn_from(available: i64, account: &str, amount: u64, basket: &str) -> Command {
    Command::EarnCredit(EarnCredit {
        unit: crate::UnitId::POINTS,
        account_id: id(account),
        points: points(amount),
        cause: cause(basket),
        available_at: Some(time(available)),
        expires_at: None,
        occurred_at: None,
    })
}

pub(crate) fn hold(account: &str, hold: &str, amount: u64, deadline: i64) -> Command {
    Command::HoldCredit(HoldCredit {
        unit: crate::UnitId::POINTS,
        account_id: id(account),
        hold_id: id(hold),
        points: points(amount),
        deadline: time(deadline),
        occurred_at: None,
    })
}

pub(crate) fn extend(account: &str, hold: &str, key: &str, deadline: i64) -> Command {
    Command::ExtendHold(ExtendHold {
        account_id: id(account),
        hold_id: id(hold),
        extension_id: id(key),
        deadline: time(deadline),
        occurred_at: None,
    })
}

pub(crate) fn refund(account: &str, hold: &str, key: &str, amount: Option<u64>) -> Command {
    Command::RefundCapture(RefundCapture {
        account_id: id(account),
        hold_id: id(hold),
        refund_id: id(key),
        points: amount.map(points),
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

pub(crate) fn capture(account: &str, hold: &str, amount: Option<u64>) -> Command {
    Command::CaptureHold(CaptureHold {
        account_id: id(account),
        hold_id: id(hold),
        capture: Capture::Points(amount.map(points)),
        occurred_at: None,
    })
}

pub(crate) fn capture_for(account: &str, hold: &str, exchange: &str, offer: &str) -> Command {
    let Redeem { order, .. } = redemption_of(account, exchange, offer);
    Command::CaptureHold(CaptureHold {
        account_id: id(account),
        hold_id: id(hold),
        capture: Capture::Exchange(order),
        occurred_at: None,
    })
}

pub(crate) fn release(account: &str, hold: &str) -> Command {
    let (account_id, hold_id) = (id(account), id(hold));
    let by_operator = false;
    Command::ReleaseHold(ReleaseHold { account_id, hold_id, by_operator, occurred_at: None })
}

pub(crate) fn release_by_operator(account: &str, hold: &str) -> Command {
    let Command::ReleaseHold(it) = release(account, hold) else { unreachable!() };
    Command::ReleaseHold(ReleaseHold { by_operator: true, ..it })
}

pub(crate) fn cancel(account: &str, exchange: &str, key: &str, pieces: Option<u64>) -> Command {
    Command::CancelExchange(CancelExchange {
        account_id: id(account),
        exchange_id: id(exchange),
        cancellation_id: id(key),
        quantity: pieces.map(units),
        by_operator: false,
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

/// Of all that is left.
pub(crate) fn cancel_by_operator(account: &str, exchange: &str, key: &str) -> Command {
    let Command::CancelExchange(it) = cancel(account, exchange, key, None) else { unreachable!() };
    Command::CancelExchange(CancelExchange { by_operator: true, ..it })
}

pub(crate) fn withdraw(account: &str, withdrawal: &str, basket: &str) -> Command {
    Command::WithdrawCredit(WithdrawCredit {
        unit: crate::UnitId::POINTS,
        account_id: id(account),
        withdrawal_id: id(withdrawal),
        cause: cause(basket),
        points: None,
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

/// Lines are (product, quantity, amount).
pub(crate) fn purchase(
    account: &str,
    basket: &str,
    amount: Option<u64>,
    lines: &[(&str, u64, u64)],
) -> Command {
    let line = |(product, quantity, amount): &(&str, u64, u64)| PurchaseLine {
        product_id: id(product),
        quantity: units(*quantity),
        amount: Some(*amount),
        category: None,
        earned: Box::default(),
    };
    Command::RecordPurchase(RecordPurchase {
        unit: crate::UnitId::POINTS,
        account_id: id(account),
        purchase_id: id(basket),
        lines: lines.iter().map(line).collect(),
        points: amount.map(points),
        rules: Box::default(),
        shipping: None,
        available_at: None,
        expires_at: None,
        occurred_at: None,
    })
}

/// One that earns by these rules.
pub(crate) fn purchase_by(
    rules: [&str; 2],
    account: &str,
    basket: &str,
    lines: &[(&str, u64, u64)],
) -> Command {
    let Command::RecordPurchase(it) = purchase(account, basket, None, lines) else {
        unreachable!()
    };
    Command::RecordPurchase(RecordPurchase { rules: rules.map(id).into(), ..it })
}

/// The credit of a purchase that was refused.
pub(crate) fn claim(account: &str, basket: &str) -> Command {
    Command::ClaimCredit(ClaimCredit {
        unit: crate::UnitId::POINTS,
        account_id: id(account),
        purchase_id: id(basket),
        available_at: None,
        expires_at: None,
        occurred_at: None,
        original: None,
    })
}

/// Such credit, to be spent before a time, in seconds.
pub(crate) fn claim_until(expires: i64, account: &str, basket: &str) -> Command {
    let Command::ClaimCredit(it) = claim(account, basket) else { unreachable!() };
    Command::ClaimCredit(ClaimCredit { expires_at: Some(time(expires)), ..it })
}

/// One line, told of late: it happened at a time in seconds.
pub(crate) fn purchase_at(seconds: i64, account: &str, basket: &str, amount: u64) -> Command {
    let Command::RecordPurchase(it) = purchase(account, basket, None, &[("tv", 1, amount)]) else {
        unreachable!()
    };
    Command::RecordPurchase(RecordPurchase { occurred_at: Some(time(seconds)), ..it })
}

pub(crate) fn bring_back(
    account: &str,
    basket: &str,
    key: &str,
    lines: Option<&[(&str, u64)]>,
) -> Command {
    let line = |(product, quantity): &(&str, u64)| ReturnedLine {
        product_id: id(product),
        quantity: units(*quantity),
    };
    Command::ReturnPurchase(ReturnPurchase {
        account_id: id(account),
        purchase_id: id(basket),
        return_id: id(key),
        lines: lines.map(|lines| lines.iter().map(line).collect()),
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

pub(crate) fn reverse_return(account: &str, basket: &str, key: &str) -> Command {
    Command::ReverseReturn(ReverseReturn {
        account_id: id(account),
        purchase_id: id(basket),
        return_id: id(key),
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

pub(crate) fn reverse_withdrawal(account: &str, withdrawal: &str) -> Command {
    Command::ReverseWithdrawal(ReverseWithdrawal {
        account_id: id(account),
        withdrawal_id: id(withdrawal),
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

pub(crate) fn adjust(direction: Direction, account: &str, amount: u64, key: &str) -> Command {
    Command::AdjustCredit(AdjustCredit {
        unit: crate::UnitId::POINTS,
        account_id: id(account),
        adjustment_id: id(key),
        direction,
        points: points(amount),
        expires_at: None,
        reference: id("ticket-7"),
        note: Note::default(),
        occurred_at: None,
    })
}

pub(crate) fn transfer(from: &str, to: &str, amount: u64, key: &str) -> Command {
    Command::TransferCredit(TransferCredit {
        unit: crate::UnitId::POINTS,
        account_id: id(from),
        transfer_id: id(key),
        to: id(to),
        points: points(amount),
        occurred_at: None,
    })
}

pub(crate) fn policy(spent_credit: SpentCredit, refund_grace_days: u16) -> Command {
    let policy = Policy { spent_credit, refund_grace_days, ..Policy::default() };
    Command::SetPolicy(SetPolicy { policy, read_versions: None })
}

/// What comes back on the shopper's own request has grace, too.
pub(crate) fn grace_for_all(refund_grace_days: u16) -> Command {
    let policy = Policy { refund_grace_days, grace_on_own_request: true, ..Policy::default() };
    Command::SetPolicy(SetPolicy { policy, read_versions: None })
}

pub(crate) fn policy_read(
    version: u64,
    spent_credit: SpentCredit,
    refund_grace_days: u16,
) -> Command {
    let policy = Policy { spent_credit, refund_grace_days, ..Policy::default() };
    Command::SetPolicy(SetPolicy { policy, read_versions: Some([version].into()) })
}

pub(crate) fn rule(rule: &str, terms: EarningTerms, expected: ExpectedVersion) -> Command {
    Command::SetEarningRule(SetEarningRule { rule_id: id(rule), terms, expected })
}

pub(crate) fn open(offer: &str, price: u64, stock: Option<u64>) -> Command {
    let stock = stock.map(units);
    Command::OpenOffer(OpenOffer {
        offer_id: id(offer),
        terms: terms(price),
        page: Page::default(),
        stock,
    })
}

pub(crate) fn amend(offer: &str, price: u64, stock: Option<u64>, read: u64) -> Command {
    Command::AmendOffer(AmendOffer {
        offer_id: id(offer),
        terms: terms(price),
        page: Page::default(),
        stock: stock.map(|stock| Some(units(stock))),
        read_versions: Some([read].into()),
    })
}

/// The same offer under a name.
pub(crate) fn called(name: &str, mut command: Command) -> Command {
    match &mut command {
        Command::OpenOffer(OpenOffer { page, .. })
        | Command::AmendOffer(AmendOffer { page, .. }) => {
            page.name = Some(id(name));
        }
        other => panic!("no page is in {other:?}"),
    }
    command
}

pub(crate) fn close(offer: &str) -> Command {
    Command::CloseOffer(CloseOffer { offer_id: id(offer) })
}

pub(crate) fn add_stock(offer: &str, addition: &str, by: u64) -> Command {
    Command::AddStock(AddStock { offer_id: id(offer), addition_id: id(addition), units: units(by) })
}

pub(crate) fn remove_stock(offer: &str, removal: &str, by: u64, read: u64) -> Command {
    Command::RemoveStock(RemoveStock {
        offer_id: id(offer),
        removal_id: id(removal),
        units: units(by),
        read_versions: Some([read].into()),
    })
}

pub(crate) fn reopen(offer: &str, reopening: &str, read: u64) -> Command {
    Command::ReopenOffer(ReopenOffer {
        offer_id: id(offer),
        reopening_id: id(reopening),
        read_versions: Some([read].into()),
    })
}

/// An amendment of the stock, which becomes limited or unlimited.
pub(crate) fn limit(offer: &str, price: u64, stock: Option<u64>, read: u64) -> Command {
    Command::AmendOffer(AmendOffer {
        offer_id: id(offer),
        terms: terms(price),
        page: Page::default(),
        stock: Some(stock.map(units)),
        read_versions: Some([read].into()),
    })
}

pub(crate) fn open_with(
    offer: &str,
    price: u64,
    stock: Option<u64>,
    limit: Option<u64>,
) -> Command {
    Command::OpenOffer(OpenOffer {
        offer_id: id(offer),
        terms: Terms { limit_per_shopper: limit.map(units), ..terms(price) },
        page: Page::default(),
        stock: stock.map(units),
    })
}

fn redemption_of(account: &str, exchange: &str, offer: &str) -> Redeem {
    Redeem {
        account_id: id(account),
        order: Order {
            exchange_id: id(exchange),
            offer_id: id(offer),
            quantity: units(1),
            deliver_to: Some(id("1 Elm Street")),
            expected_points: None,
            expected_prices: None,
        },
        occurred_at: None,
    }
}

fn redeem_as(
    order: impl FnOnce(&mut Order),
    account: &str,
    exchange: &str,
    offer: &str,
) -> Command {
    let mut redeem = redemption_of(account, exchange, offer);
    order(&mut redeem.order);
    Command::Redeem(redeem)
}

pub(crate) fn redeem(account: &str, exchange: &str, offer: &str) -> Command {
    Command::Redeem(redemption_of(account, exchange, offer))
}

pub(crate) fn two(account: &str, exchange: &str, offer: &str) -> Command {
    redeem_as(|order| order.quantity = units(2), account, exchange, offer)
}

pub(crate) fn redeem_many(account: &str, exchange: &str, offer: &str, quantity: u64) -> Command {
    redeem_as(|order| order.quantity = units(quantity), account, exchange, offer)
}

pub(crate) fn elsewhere(account: &str, exchange: &str, offer: &str) -> Command {
    redeem_as(|order| order.deliver_to = Some(id("2 Oak Street")), account, exchange, offer)
}

pub(crate) fn without_address(account: &str, exchange: &str, offer: &str) -> Command {
    redeem_as(|order| order.deliver_to = None, account, exchange, offer)
}

/// The same offer, of something that isn't shipped.
pub(crate) fn unshipped(mut command: Command) -> Command {
    match &mut command {
        Command::OpenOffer(OpenOffer { terms, .. }) => terms.ships = false,
        other => panic!("no terms are in {other:?}"),
    }
    command
}

pub(crate) fn expecting(cost: u64, account: &str, exchange: &str, offer: &str) -> Command {
    redeem_as(|order| order.expected_points = Some(points(cost)), account, exchange, offer)
}

pub(crate) fn open_account(account: &str) -> Command {
    Command::OpenAccount(OpenAccount { account_id: id(account), occurred_at: None })
}

pub(crate) fn set_unit(unit: &str, terms: UnitTerms, expected: ExpectedVersion) -> Command {
    Command::SetUnit(SetUnit { unit: id(unit), terms, expected })
}

/// One that can be spent.
pub(crate) fn make_unit(unit: &str) -> Command {
    set_unit(unit, spendable(), ExpectedVersion::Absent)
}

pub(crate) fn close_unit(unit: &str) -> Command {
    Command::CloseUnit(CloseUnit { unit: id(unit) })
}

/// The same offer at these prices.
pub(crate) fn costing(prices: &[(&str, u64)], mut command: Command) -> Command {
    let terms = match &mut command {
        Command::OpenOffer(it) => &mut it.terms,
        Command::AmendOffer(it) => &mut it.terms,
        other => panic!("{} has no prices", other.name()),
    };
    terms.prices = prices_of(prices);
    command
}

/// The same redemption, if it costs this.
pub(crate) fn expecting_prices(
    prices: &[(&str, u64)],
    account: &str,
    exchange: &str,
    offer: &str,
) -> Command {
    let expect = |order: &mut Order| order.expected_prices = Some(price_list(prices));
    redeem_as(expect, account, exchange, offer)
}

/// The same of another unit.
pub(crate) fn in_unit(unit: &str, mut command: Command) -> Command {
    let of = match &mut command {
        Command::EarnCredit(it) => &mut it.unit,
        Command::ClaimCredit(it) => &mut it.unit,
        Command::RecordPurchase(it) => &mut it.unit,
        Command::WithdrawCredit(it) => &mut it.unit,
        Command::AdjustCredit(it) => &mut it.unit,
        Command::HoldCredit(it) => &mut it.unit,
        Command::TransferCredit(it) => &mut it.unit,
        other => panic!("{other:?} names no unit"),
    };
    *of = id(unit);
    command
}
