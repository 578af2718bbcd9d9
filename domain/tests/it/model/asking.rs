//! Short words for commands.

use domain::command::{
    AdjustCredit, CancelExchange, Capture, CaptureHold, ClaimCredit, Direction, EarnCredit,
    ExpectedVersion, HoldCredit, OpenOffer, Order, RecordPurchase, Redeem, ReleaseHold,
    ReturnPurchase, SetEarningRule, SetPolicy, SetUnit, TransferCredit, WithdrawCredit,
};
use domain::{
    Cap, Cause, CauseKind, Command, EarningTerms, ExpiryRule, Note, Page, Period, Policy, Prices,
    PurchaseLine, Rate, ReturnedLine, SpentCredit, Terms, TimeZone, UnitId, UnitTerms,
};

use super::beside::BEGINNING;
use super::ledger::{DAY, Time};
use super::values::{id, points, time, units};

pub(crate) fn day(days: Time) -> Time {
    BEGINNING + days * DAY
}

/// Credit from one time on and until another.
pub(crate) fn earn_between(
    who: &str,
    cause: &str,
    amount: u64,
    available_at: Option<Time>,
    expires_at: Option<Time>,
) -> Command {
    Command::EarnCredit(EarnCredit {
        unit: UnitId::POINTS,
        account_id: id(who),
        points: points(amount),
        cause: Cause { kind: CauseKind::Promotion, id: id(cause) },
        available_at: available_at.map(time),
        expires_at: expires_at.map(time),
        occurred_at: None,
    })
}

pub(crate) fn earn(who: &str, cause: &str, amount: u64) -> Command {
    earn_between(who, cause, amount, None, None)
}

pub(crate) fn earn_until(who: &str, cause: &str, amount: u64, expires_at: Time) -> Command {
    earn_between(who, cause, amount, None, Some(expires_at))
}

/// A unit that can be spent.
pub(crate) fn make_unit(unit: &str) -> Command {
    let (terms, expected) = (UnitTerms::of_points(), ExpectedVersion::Absent);
    Command::SetUnit(SetUnit { unit: id(unit), terms, expected })
}

/// The same of another unit.
pub(crate) fn of(unit: &str, mut command: Command) -> Command {
    let asked = match &mut command {
        Command::EarnCredit(it) => &mut it.unit,
        Command::HoldCredit(it) => &mut it.unit,
        Command::AdjustCredit(it) => &mut it.unit,
        other => panic!("no unit is in {other:?}"),
    };
    *asked = id(unit);
    command
}

pub(crate) fn policy(spent_credit: SpentCredit, refund_grace_days: u16) -> Command {
    let policy = Policy { spent_credit, refund_grace_days, ..Policy::default() };
    Command::SetPolicy(SetPolicy { policy, read_versions: None })
}

pub(crate) fn hold(who: &str, hold: &str, amount: u64, deadline: Time) -> Command {
    Command::HoldCredit(HoldCredit {
        unit: UnitId::POINTS,
        account_id: id(who),
        hold_id: id(hold),
        points: points(amount),
        deadline: time(deadline),
        occurred_at: None,
    })
}

pub(crate) fn release(who: &str, hold: &str) -> Command {
    Command::ReleaseHold(ReleaseHold {
        account_id: id(who),
        hold_id: id(hold),
        by_operator: false,
        occurred_at: None,
    })
}

pub(crate) fn capture(who: &str, hold: &str, capture: Capture) -> Command {
    Command::CaptureHold(CaptureHold {
        account_id: id(who),
        hold_id: id(hold),
        capture,
        occurred_at: None,
    })
}

pub(crate) fn take(who: &str, adjustment: &str, amount: u64) -> Command {
    Command::AdjustCredit(AdjustCredit {
        unit: UnitId::POINTS,
        account_id: id(who),
        adjustment_id: id(adjustment),
        direction: Direction::Take,
        points: points(amount),
        expires_at: None,
        reference: id("ticket-1"),
        note: Note::default(),
        occurred_at: None,
    })
}

pub(crate) fn open(offer: &str, price: u64) -> Command {
    Command::OpenOffer(OpenOffer {
        offer_id: id(offer),
        terms: Terms {
            product_id: id("product"),
            prices: Prices::of_points(points(price)),
            tier: None,
            segment: None,
            tier_prices: domain::TierPrices::default(),
            opens_at: None,
            closes_at: None,
            limit_per_shopper: None,
            period_limits: domain::PeriodLimits::default(),
            time_zone: TimeZone::default(),
            warehouse: id("main"),
            ships: true,
            codes: false,
        },
        page: Page::default(),
        stock: None,
    })
}

pub(crate) fn order(exchange: &str, offer: &str, quantity: u64) -> Order {
    Order {
        exchange_id: id(exchange),
        offer_id: id(offer),
        quantity: units(quantity),
        deliver_to: Some(id("1 Elm Street")),
        expected_points: None,
        expected_prices: None,
    }
}

pub(crate) fn redeem(who: &str, exchange: &str, offer: &str, quantity: u64) -> Command {
    let order = order(exchange, offer, quantity);
    Command::Redeem(Redeem { account_id: id(who), order, occurred_at: None })
}

pub(crate) fn cancel(
    who: &str,
    exchange: &str,
    cancellation: &str,
    quantity: Option<u64>,
) -> Command {
    Command::CancelExchange(CancelExchange {
        account_id: id(who),
        exchange_id: id(exchange),
        cancellation_id: id(cancellation),
        quantity: quantity.map(units),
        by_operator: false,
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

/// Of all that is left.
pub(crate) fn cancel_by_operator(who: &str, exchange: &str, cancellation: &str) -> Command {
    let Command::CancelExchange(it) = cancel(who, exchange, cancellation, None) else {
        unreachable!()
    };
    Command::CancelExchange(CancelExchange { by_operator: true, ..it })
}

pub(crate) fn withdraw(who: &str, withdrawal: &str, kind: CauseKind, cause: &str) -> Command {
    Command::WithdrawCredit(WithdrawCredit {
        unit: UnitId::POINTS,
        account_id: id(who),
        withdrawal_id: id(withdrawal),
        cause: Cause { kind, id: id(cause) },
        points: None,
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

pub(crate) fn transfer(who: &str, transfer: &str, to: &str, amount: u64) -> Command {
    Command::TransferCredit(TransferCredit {
        unit: UnitId::POINTS,
        account_id: id(who),
        transfer_id: id(transfer),
        to: id(to),
        points: points(amount),
        occurred_at: None,
    })
}

/// One piece of a product.
pub(crate) fn purchase(
    who: &str,
    purchase: &str,
    amount: u64,
    asked_points: Option<u64>,
) -> Command {
    let product_id = id("product");
    let (quantity, amount) = (units(1), Some(amount));
    let earned = Box::default();
    let line = PurchaseLine { product_id, quantity, amount, category: None, earned };
    Command::RecordPurchase(RecordPurchase {
        unit: UnitId::POINTS,
        account_id: id(who),
        purchase_id: id(purchase),
        lines: vec![line],
        points: asked_points.map(points),
        rules: Box::default(),
        shipping: None,
        available_at: None,
        expires_at: None,
        occurred_at: None,
    })
}

/// The credit of a purchase that was refused.
pub(crate) fn claim(who: &str, purchase: &str) -> Command {
    Command::ClaimCredit(ClaimCredit {
        unit: UnitId::POINTS,
        account_id: id(who),
        purchase_id: id(purchase),
        available_at: None,
        expires_at: None,
        occurred_at: None,
        original: None,
    })
}

pub(crate) fn return_one(who: &str, purchase: &str, name: &str) -> Command {
    Command::ReturnPurchase(ReturnPurchase {
        account_id: id(who),
        purchase_id: id(purchase),
        return_id: id(name),
        lines: Some(vec![ReturnedLine { product_id: id("product"), quantity: units(1) }]),
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

/// The rule that is used where none is named.
pub(crate) fn rule(
    gives: u64,
    per: u64,
    cap: Option<(u64, Period)>,
    expiry: Option<ExpiryRule>,
) -> Command {
    Command::SetEarningRule(SetEarningRule {
        rule_id: id("default"),
        terms: EarningTerms {
            unit: UnitId::POINTS,
            rate: Rate { points: points(gives), per_amount: points(per), full_steps_only: false },
            categories: vec![],
            multipliers: vec![],
            cap: cap.map(|(most, period)| Cap { points: points(most), period }),
            expiry,
            pending_days: 0,
            time_zone: TimeZone::default(),
            backdate_days: 0,
        },
        expected: ExpectedVersion::Absent,
    })
}
