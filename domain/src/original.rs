//! What was recorded long ago and is needed again: the state keeps no more of it than an id and a
//! position, so it is read from the log and handed to the command.

use log_record::Position;
use serde::{Deserialize, Serialize};

use crate::{
    Allocation, CapPeriod, CapRoom, CreditEarned, CreditRefused, CreditWithdrawn, Day, Event,
    Grace, LotPart, OfferId, Ordered, Points, Price, PurchaseEarning, PurchaseLine, ReturnedLine,
    RuleVersion, UnitId,
};

/// An exchange as it was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalExchange {
    /// Of the event that created it.
    pub position: Position,
    /// What was redeemed.
    pub offer_id: OfferId,
    /// What was taken of the offer's stock.
    pub allocation: Allocation,
    /// How many, and what they cost.
    pub ordered: Ordered,
    /// What paid it, in the order of the prices; nothing where it was free.
    pub paid: Vec<Paid>,
    /// Whether it is shipped.
    pub ships: bool,
    /// The grace of what comes back.
    pub grace: Grace,
}

/// Credit of a unit that paid an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// How much, of which unit.
    pub price: Price,
    /// Of which lots, in the order in which they were drawn.
    pub lots: Vec<LotPart>,
}

/// The capture of a hold as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalCapture {
    /// Of the event that bears the capture's id.
    pub position: Position,
    /// What it spent; nothing where it paid an exchange.
    pub captured: Option<CapturedCredit>,
}

/// Credit as a capture spent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedCredit {
    /// Of which unit.
    pub unit: UnitId,
    /// How much.
    pub points: Points,
    /// Of which lots, in the order in which they were drawn.
    pub lots: Vec<LotPart>,
    /// The grace of what comes back.
    pub grace: Grace,
}

/// A purchase as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalPurchase {
    /// Of the event that bears the purchase's id.
    pub position: Position,
    /// What was bought, with what each line earned; nothing where only credit was earned under the
    /// id, and no purchase was recorded.
    pub lines: Vec<PurchaseLine>,
    /// What it earned of each unit, in its order.
    pub units: Vec<OriginalEarning>,
}

/// What a purchase earned of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalEarning {
    /// The unit.
    pub unit: UnitId,
    /// The credit, where it earned some.
    pub earned: Option<EarnedCredit>,
    /// The rule that it went by.
    pub rule: Option<RuleVersion>,
    /// Why it earned nothing, where its credit was refused.
    pub refused: Option<CreditRefused>,
    /// The room under the rule's cap that its credit uses.
    pub cap_room: Option<CapRoom>,
}

/// Credit as it was earned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalCredit {
    /// Of the event that bears the cause.
    pub position: Position,
    /// What was earned, of each unit.
    pub earned: Vec<EarnedCredit>,
}

/// A withdrawal or a return as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalWithdrawal {
    /// Of the event that bears its id.
    pub position: Position,
    /// The goods that came back.
    pub lines: Vec<ReturnedLine>,
    /// The credit that was taken, of each unit.
    pub credit: Vec<WithdrawnCredit>,
}

/// Credit as it was taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawnCredit {
    /// Of the event that took it.
    pub position: Position,
    /// How it was taken.
    pub fact: CreditWithdrawn,
}

/// Credit as it came into being: a lot of the state's own partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarnedCredit {
    /// Of the event that made the lot.
    pub position: Position,
    /// Of which unit it is.
    pub unit: UnitId,
    /// How much it was then.
    pub points: Points,
    /// The day on which ladders count it, where one may.
    pub counted_on: Option<Day>,
}

impl OriginalExchange {
    /// Reads it from the event at `position` and those before; nothing where they are no exchange.
    pub(crate) fn read(before: &[Event], position: Position, event: &Event) -> Option<Self> {
        let Event::ExchangeCreated(_, created) = event else { return None };
        // One for each unit that it cost, right before it; what was free has nothing that could
        // come back, whatever stands before it.
        let due: Vec<Price> = created.prices.due().collect();
        let halves = &before[before.len().checked_sub(due.len())?..];
        let (mut paid, mut grace) = (vec![], Grace::default());
        for (price, half) in due.into_iter().zip(halves) {
            let (unit, lots, promised) = match half {
                Event::CreditDeducted(_, fact) => (fact.unit, &fact.lots, fact.grace),
                Event::HoldCaptured(_, fact) => (fact.unit, &fact.lots, fact.grace),
                _ => return None,
            };
            if unit != price.unit {
                return None;
            }
            paid.push(Paid { price, lots: lots.clone() });
            grace = promised;
        }
        let (quantity, prices) = (created.allocation.quantity(), created.prices.clone());
        Some(Self {
            position,
            offer_id: created.offer_id.clone(),
            allocation: created.allocation.clone(),
            ordered: Ordered { quantity, prices, counted: created.counted },
            paid,
            ships: created.warehouse.is_some(),
            grace,
        })
    }
}

impl OriginalCapture {
    /// Reads it from the event at `position`; nothing where it is no capture.
    pub(crate) fn read(position: Position, event: &Event) -> Option<Self> {
        let captured = match event {
            Event::HoldCaptured(_, fact) => Some(CapturedCredit {
                unit: fact.unit,
                points: fact.points,
                lots: fact.lots.clone(),
                grace: fact.grace,
            }),
            Event::ExchangeCreated(_, fact) if fact.hold_id.is_some() => None,
            _ => return None,
        };
        Some(Self { position, captured })
    }
}

impl OriginalPurchase {
    /// Reads it from the event at `position` and those before.
    pub(crate) fn read(before: &[Event], position: Position, event: &Event) -> Self {
        let Event::PurchaseRecorded(_, fact) = event else {
            return Self { position, lines: vec![], units: vec![] };
        };
        let halves: Vec<_> = halves(before, position, event).collect();
        let of_unit = |earning: &PurchaseEarning| {
            let PurchaseEarning { unit, rule, .. } = earning;
            let refused = fact.credit_refused.iter().find(|refused| refused.unit == *unit);
            let half = halves.iter().find_map(|(position, half)| match half {
                Event::CreditEarned(_, fact) if fact.unit == *unit => Some((*position, fact)),
                _ => None,
            });
            let period = match (refused, half) {
                (Some(refused), _) => refused.cap_period,
                (None, Some((_, earned))) => earned.cap_period,
                (None, None) => None,
            };
            let room = |(rule, period): (&RuleVersion, CapPeriod)| CapRoom {
                rule_id: rule.rule_id.clone(),
                period,
            };
            OriginalEarning {
                unit: *unit,
                earned: half.map(|(position, earned)| EarnedCredit::of(position, earned)),
                rule: rule.clone(),
                refused: refused.copied(),
                cap_room: rule.as_ref().zip(period).map(room),
            }
        };
        let units = fact.earned.iter().map(of_unit).collect();
        Self { position, lines: fact.lines.clone(), units }
    }
}

impl OriginalCredit {
    /// Reads it from the event at `position` and those before. A purchase's credit stands before
    /// the purchase.
    pub(crate) fn read(before: &[Event], position: Position, event: &Event) -> Self {
        let own = std::iter::once((position, event));
        let earned = halves(before, position, event).chain(own).filter_map(|(position, event)| {
            let Event::CreditEarned(_, fact) = event else { return None };
            Some(EarnedCredit::of(position, fact))
        });
        Self { position, earned: earned.collect() }
    }
}

impl OriginalWithdrawal {
    /// Reads it from the event at `position` and those before; nothing where it is none of the two.
    /// A return's credit stands before the return.
    pub(crate) fn read(before: &[Event], position: Position, event: &Event) -> Option<Self> {
        let lines = match event {
            Event::CreditWithdrawn(..) => vec![],
            Event::PurchaseReturned(_, fact) => fact.lines.clone(),
            _ => return None,
        };
        let own = std::iter::once((position, event));
        let credit = halves(before, position, event).chain(own).filter_map(|(position, event)| {
            let Event::CreditWithdrawn(_, fact) = event else { return None };
            Some(WithdrawnCredit { position, fact: fact.clone() })
        });
        Some(Self { position, lines, credit: credit.collect() })
    }
}

impl EarnedCredit {
    /// What the event at `position` made.
    pub(crate) const fn of(position: Position, fact: &CreditEarned) -> Self {
        let CreditEarned { unit, points, counted_on, .. } = *fact;
        Self { position, unit, points, counted_on }
    }
}

/// The events right before the one at `position` that say which credit it moved, each with its
/// position.
fn halves<'a>(
    before: &'a [Event],
    position: Position,
    event: &Event,
) -> impl Iterator<Item = (Position, &'a Event)> {
    let count = match event {
        Event::PurchaseRecorded(_, fact) => fact.credit().count(),
        Event::PurchaseReturned(_, fact) => fact.credit().count(),
        _ => 0,
    };
    let count = count.min(before.len());
    let first = position.0.saturating_sub(count as u64);
    let positions = (first..).map(Position);
    positions.zip(&before[before.len() - count..])
}
