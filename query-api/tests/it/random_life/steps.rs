//! What somebody may do in a random life.

use domain::command::{
    AdjustCredit, CancelExchange, Capture, CaptureHold, ClaimCredit, ConvertCredit, Direction,
    DispatchShipment, EarnCredit, EraseAccount, ExtendHold, HoldCredit, OpenAccount, Order,
    RecordPurchase, Redeem, RefundCapture, ReleaseHold, ReturnPurchase, ReverseReturn,
    ReverseWithdrawal, SetPolicy, TransferCredit, WithdrawCredit,
};
use domain::{
    Cause, CauseKind, Command, Note, Policy, PurchaseLine, Shipped, SpentCredit, Timestamp, UnitId,
};
use log_record::Position;
use proptest::prelude::*;
use testing::ledger::{id, points, time, units};

use super::{OFFERS, PEOPLE};

/// One thing that somebody may do, and when: its numbers mean what the command makes of them.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) what: u8,
    pub(super) who: usize,
    pub(super) amount: u64,
    pub(super) which: usize,
    pub(super) days: i64,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let numbers = (0_u8..25, 0_usize..3, 1_u64..120, 0_usize..60, 0_i64..12);
    numbers.prop_map(|(what, who, amount, which, days)| {
        // Mostly on the same day, so that a hold can be captured before it ends.
        Step { what, who, amount, which, days: (days - 7).max(0) }
    })
}

/// The step that made what a step names, and whose it is.
fn target(before: &[Step], step: &Step) -> (usize, usize) {
    // Things are named after the step that made them, if it wasn't refused.
    let made_by: &[u8] = match step.what {
        5 | 14 | 21 => &[4],
        19 => &[6],
        20 => &[5],
        6 => &[0, 1, 2, 3],
        10 | 11 | 16 | 17 => &[8, 9],
        13 => &[10, 12],
        _ => &[],
    };
    let made = before.iter().enumerate().filter(|(_, made)| made_by.contains(&made.what));
    let made: Vec<(usize, usize)> =
        made.map(|(index, made)| (index, target(&before[..index], made).1)).collect();
    match made.len() {
        0 => (before.len(), step.who),
        // One of the last, which is the likeliest to stand.
        some => made[some - 1 - step.which % some.min(4)],
    }
}

/// Of what unit is what a step earns, by the step's number.
fn unit_of(number: usize) -> UnitId {
    id(if number % 3 == 2 { "miles" } else { "points" })
}

pub(super) fn command(before: &[Step], step: &Step, now: Timestamp) -> Command {
    let index = before.len();
    let Step { what, amount, .. } = *step;
    let amount_of = points(amount);
    let (which, who) = target(before, step);
    let account_id = id(PEOPLE[who]);
    let after = |days: u64| Some(now.plus_days(u32::try_from(days).expect("small")));
    let note = Note::default();
    let order = |name: usize| Order {
        exchange_id: id(&format!("x-{name}")),
        offer_id: id(OFFERS[name % OFFERS.len()].0),
        quantity: units(amount % 3 + 1),
        deliver_to: Some(id("1 Elm Street")),
        expected_points: None,
        expected_prices: None,
    };
    match what {
        0..=3 => Command::EarnCredit(EarnCredit {
            unit: unit_of(index),
            account_id,
            points: amount_of,
            cause: Cause { kind: CauseKind::Review, id: id(&format!("e-{index}")) },
            available_at: if what == 1 { after(amount % 7 + 1) } else { None },
            expires_at: if what == 0 { None } else { after(amount % 20 + 9) },
            occurred_at: None,
        }),
        4 => Command::RecordPurchase(RecordPurchase {
            unit: unit_of(index),
            account_id,
            purchase_id: id(&format!("p-{index}")),
            lines: vec![PurchaseLine {
                product_id: id("pan"),
                quantity: units(3),
                amount: Some(amount),
                category: None,
                earned: Box::default(),
            }],
            // Of some, rules give points and miles.
            points: (amount % 5 > 0).then_some(amount_of),
            rules: if amount % 5 == 0 {
                [id("miles"), id("default")].into()
            } else {
                Box::default()
            },
            shipping: Some((id("main"), id("2 Oak Street"))),
            available_at: if amount % 2 == 0 { after(4) } else { None },
            // Of some, the credit is refused.
            expires_at: if amount % 3 == 0 { Some(time(1)) } else { after(15) },
            occurred_at: None,
        }),
        21 => Command::ClaimCredit(ClaimCredit {
            unit: unit_of(which),
            account_id,
            purchase_id: id(&format!("p-{which}")),
            available_at: None,
            expires_at: after(15),
            occurred_at: None,
            original: None,
        }),
        5 => Command::ReturnPurchase(ReturnPurchase {
            account_id,
            purchase_id: id(&format!("p-{which}")),
            return_id: id(&format!("r-{index}")),
            lines: (amount % 2 == 0)
                .then(|| vec![domain::ReturnedLine { product_id: id("pan"), quantity: units(1) }]),
            note,
            occurred_at: None,
            original: None,
        }),
        6 => Command::WithdrawCredit(WithdrawCredit {
            unit: unit_of(which),
            account_id,
            withdrawal_id: id(&format!("w-{index}")),
            cause: Cause { kind: CauseKind::Review, id: id(&format!("e-{which}")) },
            points: (amount % 2 == 0).then(|| points(amount / 4 + 1)),
            note,
            occurred_at: None,
            original: None,
        }),
        7 => Command::AdjustCredit(AdjustCredit {
            unit: unit_of(step.which),
            account_id,
            adjustment_id: id(&format!("a-{index}")),
            direction: if amount % 3 == 0 { Direction::Add } else { Direction::Take },
            points: amount_of,
            expires_at: None,
            reference: id("ticket-1"),
            note,
            occurred_at: None,
        }),
        8 | 9 => Command::HoldCredit(HoldCredit {
            unit: unit_of(step.which),
            account_id,
            hold_id: id(&format!("h-{index}")),
            points: points(amount / 2 + 1),
            deadline: now.plus_days(u32::try_from(amount % 8 + 1).expect("small")),
            occurred_at: None,
        }),
        10 => Command::CaptureHold(CaptureHold {
            account_id,
            hold_id: id(&format!("h-{which}")),
            capture: if amount % 2 == 0 {
                Capture::Exchange(order(index))
            } else {
                Capture::Points((amount % 3 == 0).then(|| points(amount / 4 + 1)))
            },
            occurred_at: None,
        }),
        11 => Command::ReleaseHold(ReleaseHold {
            account_id,
            hold_id: id(&format!("h-{which}")),
            by_operator: amount % 2 == 0,
            occurred_at: None,
        }),
        12 => Command::Redeem(Redeem { account_id, order: order(index), occurred_at: None }),
        13 => Command::CancelExchange(CancelExchange {
            account_id,
            exchange_id: id(&format!("x-{which}")),
            cancellation_id: id(&format!("c-{index}")),
            quantity: (amount % 2 == 0).then(|| units(1)),
            by_operator: amount % 3 == 0,
            note,
            occurred_at: None,
            original: None,
        }),
        14 => Command::DispatchShipment(DispatchShipment {
            account_id,
            shipped: Shipped::PurchaseId(id(&format!("p-{which}"))),
            asked: vec![],
            dispatch_id: id("dispatch"),
            lines: None,
            carrier: id("post"),
            express_no: id("EX-1"),
            tracking_url: None,
            occurred_at: None,
        }),
        22 => {
            let (from, to) =
                (unit_of(step.which), unit_of(if step.which % 3 == 2 { 0 } else { 2 }));
            Command::ConvertCredit(ConvertCredit {
                account_id,
                conversion_id: id(&format!("c-{index}")),
                from,
                points: amount_of,
                to,
                expected_points: None,
                occurred_at: None,
            })
        }
        15 => Command::TransferCredit(TransferCredit {
            unit: unit_of(step.which),
            account_id,
            transfer_id: id(&format!("t-{index}")),
            to: id(PEOPLE[(who + 1) % PEOPLE.len()]),
            points: points(amount / 2 + 1),
            occurred_at: None,
        }),
        16 => Command::ExtendHold(ExtendHold {
            account_id,
            hold_id: id(&format!("h-{which}")),
            extension_id: id(&format!("e-{index}")),
            deadline: now.plus_days(u32::try_from(amount % 20 + 1).expect("small")),
            occurred_at: None,
        }),
        17 => Command::RefundCapture(RefundCapture {
            account_id,
            hold_id: id(&format!("h-{which}")),
            refund_id: id(&format!("f-{index}")),
            points: (amount % 2 == 0).then(|| points(amount / 8 + 1)),
            note,
            occurred_at: None,
            original: None,
        }),
        24 => Command::EraseAccount(EraseAccount {
            account_id,
            erasure_id: id(&format!("e-{index}")),
            reason: id("asked for by letter"),
            until: Position(amount * 2),
            unshipped: 0,
        }),
        18 => Command::OpenAccount(OpenAccount { account_id, occurred_at: None }),
        19 => Command::ReverseWithdrawal(ReverseWithdrawal {
            account_id,
            withdrawal_id: id(&format!("w-{which}")),
            note,
            occurred_at: None,
            original: None,
        }),
        20 => {
            // Of the purchase that the return named.
            let back = before.get(which);
            let purchase = back.map_or(which, |back| target(&before[..which], back).0);
            Command::ReverseReturn(ReverseReturn {
                account_id,
                purchase_id: id(&format!("p-{purchase}")),
                return_id: id(&format!("r-{which}")),
                note,
                occurred_at: None,
                original: None,
            })
        }
        _ => Command::SetPolicy(SetPolicy {
            policy: Policy {
                spent_credit: match amount % 5 {
                    0 => SpentCredit::Refuse,
                    1 => SpentCredit::Forgive,
                    _ => SpentCredit::Debt,
                },
                refund_grace_days: if amount % 3 == 0 { 0 } else { 5 },
                grace_on_own_request: amount % 5 < 2,
                earning_points_max: points(if amount % 7 == 0 { 100 } else { 1_000 }),
            },
            read_versions: None,
        }),
    }
}
