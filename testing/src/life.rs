//! The life of some points, from the log's opening on: a history that has every type of event, in
//! days of its own. On each day stands what is decided then. The file is long because most events
//! have their words here.

mod conversion;
mod hold;
mod parcel;
mod standstill;
mod two_units;

use domain::{
    AccountId, AccountOpened, Allocation, Cap, CapPeriod, CapRoom, Cause, CauseKind, Clock,
    ClockConfirmed, ConversionRateClosed, CreditDeducted, CreditEarned, CreditExpired,
    CreditGivenBack, CreditMatured, CreditReceived, CreditRefunded, CreditSent, CreditWithdrawn,
    DebtRepaid, Decimals, EarningRuleSet, EarningTerms, Event, ExchangeCancelled, ExchangeCreated,
    LimitDays, LogOpened, LotId, LotPart, Note, OfferAmended, OfferClosed, OfferOpened,
    OfferReopened, Ordered, Page, Period, Points, Policy, PolicyChanged, Prices, PurchaseEarning,
    PurchaseLine, PurchaseRecorded, PurchaseReturned, Rate, RefundCause, ReleaseReason,
    ReturnReversed, ReturnedLine, RuleVersion, Shipped, SpentCredit, StockAmended, StockRemoved,
    TakenBack, Timestamp, UnitClosed, UnitId, UnitPoints, UnitSet, UnitTerms, WithdrawalCause,
    WithdrawalReversed,
};
use log_record::{Partition, Place, Position};

use crate::ledger::{id, points, stock_added, terms, time, units};
use conversion::{converted, earned_by_conversion, miles_to_points};
pub use hold::{capture_refunded, extended, held};
use hold::{captured, grace, released};
pub use parcel::{dispatched, parcel_arrived, parcel_left, report};

/// A day, in seconds.
pub const DAY: i64 = 24 * 60 * 60;

/// Noon of a day.
pub fn day(day: i64) -> Timestamp {
    time(day * DAY)
}

/// Every event with the second at which it was recorded; the number behind is its position.
#[rustfmt::skip]
pub fn history(clock: Clock) -> Vec<(i64, Event)> {
    let opened = LogOpened { log_id: "log".into(), partitions: 1, clock };
    let on = |day: i64, event: Event| (day * DAY, event);
    let mut events = vec![
        on(1, Event::LogOpened(opened)),                                                   // 1
        on(1, Event::ClockConfirmed(ClockConfirmed { wall: day(1) })),                     // 2
        on(1, rule(1, 1)),                                                                 // 3
        on(1, rule(2, 2)),                                                                 // 4
        on(1, policy()),                                                                   // 5
        on(1, offer()),                                                                    // 6
        // ann buys for 300 points, pending for two days, gone on day 100
        on(2, earned("ann", 300, "B-1", Some(4), Some(100))),                              // 7
        on(2, purchased("ann", "B-1", 300, Some("main"))),                                 // 8
        // half of it comes back while it is pending
        on(3, returned_credit("ann", "B-1", "r-1", 7, 100, Some(100))),                    // 9
        on(3, returned("ann", "B-1", "r-1", 1, 100)),                                      // 10
        on(4, matured("ann", 7, 200, Some(100))),                                          // 11
        on(5, dispatched("ann", Shipped::PurchaseId(id("B-1")))),                          // 12
        // what is carried home is not shipped
        on(5, earned("ann", 1000, "B-2", None, None)),                                     // 13
        on(5, purchased("ann", "B-2", 1000, None)),                                        // 14
        // two mugs: 200 of the lot that expires first, 400 of the other; one is cancelled
        on(6, deducted("ann", "x-1", vec![part(7, 200, Some(100)), part(13, 400, None)])), // 15
        on(6, exchanged("ann", "x-1", 2, 600, None)),                                      // 16
        on(7, refunded("ann", "x-1", "c-1", vec![part(13, 300, None)])),                   // 17
        on(7, cancelled("ann", "x-1", "c-1", 1, 300, (2, 600))),                           // 18
        on(8, dispatched("ann", Shipped::ExchangeId(id("x-1")))),                          // 19
        // a hold that buys a mug, and gives 100 back; two that end otherwise
        on(9, held("ann", "h-1", vec![part(13, 400, None)], 20)),                          // 20
        on(10, captured("ann", "h-1", 13, 300, 100, true)),                                // 21
        on(10, exchanged("ann", "x-2", 1, 300, Some("h-1"))),                              // 22
        on(11, held("ann", "h-2", vec![part(13, 50, None)], 20)),                          // 23
        on(12, released("ann", "h-2", 13, 50, ReleaseReason::Asked)),                      // 24
        on(12, held("ann", "h-3", vec![part(13, 60, None)], 14)),                          // 25
        on(14, released("ann", "h-3", 13, 60, ReleaseReason::Deadline)),                   // 26
        // bob earns, and gets 150 of ann's
        on(15, earned("bob", 80, "B-3", None, Some(30))),                                  // 27
        on(15, sent("ann", "bob", "t-1", 13, 150)),                                        // 28
        on(15, received("bob", "ann", "t-1", 13, 150)),                                    // 29
        // what bob didn't spend in time is gone, and what he did spend is owed
        on(30, expired("bob", 27, 80, Some(30))),                                          // 30
        on(31, withdrawn_expired("bob", "w-1", 27, 80)),                                   // 31
        on(32, owed("bob", "a-2", 13, 150, 40)),                                           // 32
        on(33, earned("bob", 100, "B-4", None, None)),                                     // 33
        on(33, repaid("bob", 33, 40)),                                                     // 34
        on(34, Event::OfferAmended(OfferAmended { offer_id: id("mug"), version: 2,
            terms: terms(250), page: Page::default() })),                                      // 35
        on(34, Event::StockAdded(stock_added("s-1"))),                                     // 36
        on(35, Event::OfferClosed(OfferClosed { offer_id: id("mug"), version: 3 })),       // 37
        // all of it, of a closed offer, before it was shipped
        on(36, refunded("ann", "x-2", "c-1", vec![part(13, 300, None)])),                  // 38
        on(36, cancelled("ann", "x-2", "c-1", 1, 300, (1, 300))),                          // 39
        // a hold, credit to come and credit that goes: what is due later
        on(40, earned("cat", 700, "B-5", None, Some(50))),                                 // 40
        on(40, earned("cat", 90, "B-6", Some(45), Some(60))),                              // 41
        on(41, held("cat", "h-1", vec![part(40, 200, Some(50))], 48)),                     // 42
        // an account that transfers reach, though it has had no credit
        on(41, account_opened("dan")),                                                     // 43
        // a hold that is kept on, and spent in the shop, which gives all of it back
        on(41, held("bob", "h-1", vec![part(33, 50, None)], 44)),                          // 44
        on(41, extended("bob", "h-1", "e-1", 46)),                                         // 45
        on(41, captured("bob", "h-1", 33, 50, 0, false)),                                  // 46
        on(41, capture_refunded("bob", "h-1", "f-1", 50, vec![part(33, 50, None)])),       // 47
        // goods that were not returned, and credit that was not to be withdrawn, after all
        on(41, returned("ann", "B-2", "r-9", 1, 0)),                                       // 48
        on(41, return_reversed("ann", "B-2", "r-9", 1)),                                   // 49
        on(41, withdrawal_reversed("bob", "w-1", 31, 27, 80)),                             // 50
        // the mug is offered again; three are taken away, and then there is no end of them
        on(41, Event::OfferReopened(OfferReopened { offer_id: id("mug"), reopening_id: id("o-1"),
            version: 4 })),                                                                // 51
        on(41, Event::StockRemoved(StockRemoved { offer_id: id("mug"), removal_id: id("d-1"),
            units: units(3) })),                                                           // 52
        on(41, Event::StockAmended(StockAmended { offer_id: id("mug"), version: 5,
            stock: None })),                                                               // 53
        // miles, of which dan gets some before they are closed
        on(41, miles()),                                                                   // 54
        on(41, earned_miles("dan", 1_500, "B-7")),                                         // 55
        on(41, miles_to_points()),                                                         // 56
        on(41, Event::UnitClosed(UnitClosed { unit: id("miles"), version: 2 })),         // 57
        // three of which become a point, until that ends
        on(41, converted("dan", "c-1", 55, 300)),                                          // 58
        on(41, earned_by_conversion("dan", "c-1", 100)),                                   // 59
        on(41, Event::ConversionRateClosed(ConversionRateClosed { from: id("miles"),
            to: id("points"), version: 2 })),                                              // 60
    ];
    // a purchase of two units; a pan of it comes back, and then it didn't
    events.extend(two_units::events().into_iter().map(|event| on(41, event)));         // 61 to 70
    // the mug stands still for a while, and ann is staff
    events.extend(standstill::events().into_iter().map(|event| on(41, event)));        // 71 to 73
    events
}

/// How many events the history has.
pub const EVENTS: usize = 73;

/// The lot that the event at a position of partition 0 made.
pub fn lot_at(position: u64) -> LotId {
    Place { partition: Partition(0), position: Position(position) }.into()
}

pub fn part(lot: u64, amount: u64, expires_on: Option<i64>) -> LotPart {
    LotPart { expires_at: expires_on.map(day), ..LotPart::lasting(lot_at(lot), points(amount)) }
}

fn sum(lots: &[LotPart]) -> domain::Points {
    points(lots.iter().map(|part| part.points.get()).sum())
}

fn account(name: &str) -> AccountId {
    id(name)
}

fn purchase(basket: &str) -> Cause {
    Cause { kind: CauseKind::Purchase, id: id(basket) }
}

fn rule(version: u64, points_each: u64) -> Event {
    let rate =
        Rate { points: points(points_each), per_amount: points(100), full_steps_only: false };
    let terms = EarningTerms {
        unit: UnitId::POINTS,
        rate,
        categories: vec![],
        multipliers: vec![],
        cap: Some(Cap { points: points(5_000), period: Period::Month }),
        expiry: None,
        pending_days: 2,
        time_zone: id("Europe/Berlin"),
        backdate_days: 7,
    };
    Event::EarningRuleSet(EarningRuleSet { rule_id: id("default"), version, terms })
}

/// The month in which the rule's cap counts, as its time zone's calendar has it.
fn january() -> CapPeriod {
    let (kind, end) = (Period::Month, Some(time(31 * DAY - 60 * 60)));
    CapPeriod { kind, start: Timestamp::EPOCH, end }
}

fn policy() -> Event {
    let policy = Policy {
        spent_credit: SpentCredit::Debt,
        refund_grace_days: 14,
        grace_on_own_request: false,
        earning_points_max: domain::Points::MOST,
    };
    Event::PolicyChanged(PolicyChanged { version: 1, policy })
}

fn offer() -> Event {
    let stock = Some(units(10));
    Event::OfferOpened(OfferOpened {
        offer_id: id("mug"),
        terms: terms(300),
        page: Page::default(),
        stock,
    })
}

fn miles() -> Event {
    let terms = UnitTerms {
        name: Some(id("Miles")),
        spendable: true,
        decimals: Decimals::try_from(2).expect("few"),
        time_zone: id("Europe/Berlin"),
    };
    Event::UnitSet(UnitSet { unit: id("miles"), version: 1, terms })
}

fn earned_miles(name: &str, amount: u64, basket: &str) -> Event {
    let fact = CreditEarned::new(id("miles"), points(amount), purchase(basket));
    Event::CreditEarned(account(name), fact)
}

pub fn account_opened(name: &str) -> Event {
    Event::AccountOpened(account(name), AccountOpened { occurred_at: None })
}

pub fn earned(
    name: &str,
    amount: u64,
    basket: &str,
    available_on: Option<i64>,
    expires_on: Option<i64>,
) -> Event {
    let rule = RuleVersion { rule_id: id("default"), version: 2 };
    let fact = CreditEarned {
        available_at: available_on.map(day),
        expires_at: expires_on.map(day),
        rule: available_on.map(|_| rule),
        cap_period: available_on.map(|_| january()),
        ..CreditEarned::new(UnitId::POINTS, points(amount), purchase(basket))
    };
    Event::CreditEarned(account(name), fact)
}

pub fn purchased(name: &str, basket: &str, amount: u64, warehouse: Option<&str>) -> Event {
    let line = |product: &str, quantity, earned: Option<u64>| PurchaseLine {
        product_id: id(product),
        quantity: units(quantity),
        amount: Some(1999),
        category: None,
        earned: earned.map(|earned| of_unit("points", earned)).into_iter().collect(),
    };
    let fact = PurchaseRecorded {
        purchase_id: id(basket),
        lines: vec![line("pan", 3, Some(amount)), line("7", 1, None)],
        earned: [PurchaseEarning {
            unit: UnitId::POINTS,
            points: points(amount),
            rule: Some(RuleVersion { rule_id: id("default"), version: 2 }),
            points_before_cap: None,
            tier: None,
        }]
        .into(),
        credit_refused: Box::default(),
        asked_points: None,
        asked_rules: Box::default(),
        warehouse: warehouse.map(id),
        available_at: None,
        expires_at: None,
        occurred_at: Some(day(2)),
        deliver_to: warehouse.map(|_| id("2 Oak Street")),
    };
    Event::PurchaseRecorded(account(name), fact)
}

fn withdrawn(withdrawal: WithdrawalCause, amount: u64, lots: Vec<LotPart>) -> CreditWithdrawn {
    CreditWithdrawn {
        unit: UnitId::POINTS,
        withdrawal,
        points: points(amount),
        lots,
        owed: None,
        expired: None,
        forgiven: None,
        available_at: None,
        of: None,
        of_lot: None,
        cap_room: None,
        counted_on: None,
        asked_points: None,
        reference: None,
        occurred_at: None,
        note: Note::default(),
    }
}

pub fn returned_credit(
    name: &str,
    basket: &str,
    return_id: &str,
    lot: u64,
    amount: u64,
    expires_on: Option<i64>,
) -> Event {
    let cause = WithdrawalCause::Return { purchase_id: id(basket), id: id(return_id) };
    let fact = CreditWithdrawn {
        of: Some(purchase(basket)),
        of_lot: Some(lot_at(lot)),
        cap_room: Some(CapRoom { rule_id: id("default"), period: january() }),
        ..withdrawn(cause, amount, vec![part(lot, amount, expires_on)])
    };
    Event::CreditWithdrawn(account(name), fact)
}

fn withdrawn_expired(name: &str, withdrawal: &str, lot: u64, amount: u64) -> Event {
    let fact = CreditWithdrawn {
        expired: Some(points(amount)),
        of: Some(purchase("B-3")),
        of_lot: Some(lot_at(lot)),
        ..withdrawn(WithdrawalCause::Withdrawal { id: id(withdrawal) }, amount, vec![])
    };
    Event::CreditWithdrawn(account(name), fact)
}

pub fn owed(name: &str, adjustment: &str, lot: u64, amount: u64, more: u64) -> Event {
    let cause = WithdrawalCause::Adjustment { id: id(adjustment) };
    let fact = CreditWithdrawn {
        owed: Some(points(more)),
        reference: Some(id("ticket-8")),
        ..withdrawn(cause, amount + more, vec![part(lot, amount, None)])
    };
    Event::CreditWithdrawn(account(name), fact)
}

pub fn returned(name: &str, basket: &str, return_id: &str, pans: u64, amount: u64) -> Event {
    let points = Points::sum_of(amount).expect("an amount");
    let fact = PurchaseReturned {
        purchase_id: id(basket),
        return_id: id(return_id),
        lines: vec![ReturnedLine { product_id: id("pan"), quantity: units(pans) }],
        taken: [TakenBack { unit: UnitId::POINTS, points, room_back: None }].into(),
        asked_lines: true,
        occurred_at: None,
        note: Note::default(),
    };
    Event::PurchaseReturned(account(name), fact)
}

/// A return that took no credit didn't happen.
fn return_reversed(name: &str, basket: &str, return_id: &str, pans: u64) -> Event {
    let fact = ReturnReversed {
        purchase_id: id(basket),
        return_id: id(return_id),
        lines: vec![ReturnedLine { product_id: id("pan"), quantity: units(pans) }],
        credit: None,
        further: Box::default(),
        occurred_at: None,
        note: Note::default(),
    };
    Event::ReturnReversed(account(name), fact)
}

fn of_unit(unit: &str, amount: u64) -> UnitPoints {
    UnitPoints { unit: id(unit), points: points(amount) }
}

/// What had expired of a lot and was withdrawn stands again.
fn withdrawal_reversed(
    name: &str,
    withdrawal: &str,
    withdrawn_at: u64,
    lot: u64,
    amount: u64,
) -> Event {
    let credit = CreditGivenBack {
        unit: UnitId::POINTS,
        withdrawn_at: lot_at(withdrawn_at).place(),
        of: purchase("B-3"),
        of_lot: lot_at(lot),
        points: points(amount),
        lots: vec![],
        available_at: None,
        owed: None,
        expired: Some(points(amount)),
        forgiven: None,
        cap_room: None,
        counted_on: None,
    };
    let withdrawal_id = id(withdrawal);
    let fact =
        WithdrawalReversed { withdrawal_id, credit, occurred_at: None, note: Note::default() };
    Event::WithdrawalReversed(account(name), fact)
}

fn matured(name: &str, lot: u64, amount: u64, expires_on: Option<i64>) -> Event {
    let lots = vec![part(lot, amount, expires_on)];
    Event::CreditMatured(
        account(name),
        CreditMatured { unit: UnitId::POINTS, points: points(amount), lots },
    )
}

fn expired(name: &str, lot: u64, amount: u64, expires_on: Option<i64>) -> Event {
    let lots = vec![part(lot, amount, expires_on)];
    Event::CreditExpired(
        account(name),
        CreditExpired { unit: UnitId::POINTS, points: points(amount), lots },
    )
}

fn repaid(name: &str, lot: u64, amount: u64) -> Event {
    let lots = vec![part(lot, amount, None)];
    Event::DebtRepaid(
        account(name),
        DebtRepaid { unit: UnitId::POINTS, points: points(amount), lots },
    )
}

pub fn deducted(name: &str, exchange: &str, lots: Vec<LotPart>) -> Event {
    let fact = CreditDeducted {
        unit: UnitId::POINTS,
        exchange_id: id(exchange),
        points: sum(&lots),
        lots,
        grace: grace(),
    };
    Event::CreditDeducted(account(name), fact)
}

pub fn refunded(name: &str, exchange: &str, cancellation: &str, lots: Vec<LotPart>) -> Event {
    let fact = CreditRefunded {
        unit: UnitId::POINTS,
        cause: RefundCause::Cancellation {
            exchange_id: id(exchange),
            cancellation_id: id(cancellation),
        },
        points: sum(&lots),
        lots,
    };
    Event::CreditRefunded(account(name), fact)
}

pub fn exchanged(
    name: &str,
    exchange: &str,
    quantity: u64,
    cost: u64,
    hold: Option<&str>,
) -> Event {
    let fact = ExchangeCreated {
        exchange_id: id(exchange),
        offer_id: id("mug"),
        product_id: id("product"),
        allocation: Allocation::Units(units(quantity)),
        prices: Prices::of_points(points(cost)),
        tier: None,
        counted: LimitDays::default(),
        warehouse: Some(id("main")),
        hold_id: hold.map(id),
        expected_points: None,
        expected_prices: None,
        occurred_at: None,
        deliver_to: Some(id("1 Elm Street")),
    };
    Event::ExchangeCreated(account(name), fact)
}

pub fn cancelled(
    name: &str,
    exchange: &str,
    cancellation: &str,
    quantity: u64,
    refund: u64,
    of: (u64, u64),
) -> Event {
    let fact = ExchangeCancelled {
        exchange_id: id(exchange),
        cancellation_id: id(cancellation),
        offer_id: id("mug"),
        allocation: Allocation::Units(units(quantity)),
        refunded: Prices::of_points(points(refund)).due().collect(),
        of: Ordered {
            quantity: units(of.0),
            prices: Prices::of_points(points(of.1)),
            counted: LimitDays::default(),
        },
        asked_quantity: None,
        occurred_at: None,
        note: Note::default(),
    };
    Event::ExchangeCancelled(account(name), fact)
}

pub fn sent(name: &str, to: &str, transfer: &str, lot: u64, amount: u64) -> Event {
    let fact = CreditSent {
        unit: UnitId::POINTS,
        transfer_id: id(transfer),
        to: id(to),
        points: points(amount),
        lots: vec![part(lot, amount, None)],
        occurred_at: None,
    };
    Event::CreditSent(account(name), fact)
}

pub fn received(name: &str, from: &str, transfer: &str, lot: u64, amount: u64) -> Event {
    let fact = CreditReceived {
        unit: UnitId::POINTS,
        transfer_id: id(transfer),
        from: id(from),
        points: points(amount),
        lots: vec![part(lot, amount, None)],
    };
    Event::CreditReceived(account(name), fact)
}
