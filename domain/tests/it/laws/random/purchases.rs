//! Commands of purchases, claims and rules.

use domain::command::{ClaimCredit, ExpectedVersion, RecordPurchase, SetEarningRule};
use domain::{Cap, Command, EarningTerms, Period, PurchaseLine, Rate, RuleId, UnitId};

use super::{id, points, shopper, time, units};

pub(super) fn purchase(
    (who, cause, named, lines, expires): (u8, u8, Option<u64>, u64, Option<i64>),
) -> Command {
    let line = |number: u64| PurchaseLine {
        product_id: id(&format!("product-{number}")),
        quantity: units(number + 1),
        amount: Some(number * 70),
        category: None,
        earned: Box::default(),
    };
    Command::RecordPurchase(RecordPurchase {
        unit: domain::UnitId::POINTS,
        account_id: shopper(who),
        purchase_id: id(&format!("B-{cause}")),
        lines: (0..lines).map(line).collect(),
        points: named.map(points),
        rules: if named.is_none() && cause % 2 == 0 {
            [id("miles"), RuleId::default_rule()].into()
        } else {
            Box::default()
        },
        shipping: None,
        available_at: None,
        expires_at: expires.map(time),
        occurred_at: None,
    })
}

pub(super) fn claim((who, cause, expires): (u8, u8, Option<i64>)) -> Command {
    Command::ClaimCredit(ClaimCredit {
        unit: UnitId::POINTS,
        account_id: shopper(who),
        purchase_id: id(&format!("B-{cause}")),
        available_at: None,
        expires_at: expires.map(|seconds| time(seconds * 1_000)),
        occurred_at: None,
        original: None,
    })
}

pub(super) fn set_rule(rate: u64, pending_days: u16, of_miles: bool) -> Command {
    let rate = Rate { points: points(rate), per_amount: points(10), full_steps_only: false };
    let terms = EarningTerms {
        unit: if of_miles { id("miles") } else { UnitId::POINTS },
        rate,
        categories: vec![],
        multipliers: vec![],
        cap: Some(Cap { points: points(2_000), period: Period::Month }),
        expiry: None,
        pending_days,
        time_zone: id("Europe/Berlin"),
        backdate_days: 3,
    };
    let rule_id = if of_miles { id("miles") } else { RuleId::default_rule() };
    Command::SetEarningRule(SetEarningRule { rule_id, terms, expected: ExpectedVersion::Absent })
}
