//! Holds: credit that is set aside, and how that ends.

use domain::{
    AccountId, CreditHeld, HoldCaptured, HoldExtended, HoldId, HoldReleased, HoldSwapped, Keeps,
    LotPart, ReleaseReason, Timestamp, UnitId,
};
use read_model::{Hold, LedgerEntry, Total, row};

use super::credit::entry;
use super::{At, Change, Rows, int, json};

row! {
    /// How a hold ended, what it paid, what came back, and what it keeps from now on until when.
    #[derive(Default)]
    pub(crate) struct HoldChange in "hold" {
        account_id: String,
        hold_id: String,
        part: String,
        status: Option<String>,
        captured_points: Option<i64>,
        refunded_points: i64,
        deadline: Option<i64>,
        exchange_id: Option<String>,
        lots: Option<String>,
        ended: Option<i64>,
        ended_at: Option<i64>,
    }
}

impl Rows {
    pub(super) fn held(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: &CreditHeld,
    ) -> Result<(), serde_json::Error> {
        let reserves = fact.keeps.reservation();
        if let Some(kept) = reserves {
            self.sell(at, &kept.offer_id, int(kept.allocation.quantity().get()));
        }
        let part = part_of(fact.keeps == Keeps::Further, fact.unit);
        if part.is_empty() {
            self.totals.add(fact.unit, Total::Holds, 1);
        }
        let change = self.move_parts(at, &account_id, fact.unit, &fact.lots, Change::IS_HELD);
        let lots = json(&fact.lots)?;
        let occurred_at = fact.occurred_at.map(Timestamp::micros);
        self.entries.push(LedgerEntry {
            hold_id: Some(fact.hold_id.to_string()),
            lots: Some(lots.clone()),
            occurred_at,
            ..entry("credit-held", at, &account_id, fact.unit, change)
        });
        self.holds.push(Hold {
            place: at.place(),
            account_id: account_id.to_string(),
            hold_id: fact.hold_id.to_string(),
            part,
            unit: fact.unit.to_string(),
            points: int(fact.points.get()),
            lots,
            offer_id: reserves.map(|kept| kept.offer_id.to_string()),
            product_id: reserves.map(|kept| kept.product_id.to_string()),
            quantity: reserves.map(|kept| int(kept.allocation.quantity().get())),
            prices: reserves.map(|kept| json(&kept.prices)).transpose()?,
            counted: reserves
                .map(|kept| &kept.counted)
                .filter(|days| !days.is_empty())
                .map(json)
                .transpose()?,
            deadline: fact.deadline.micros(),
            grace_days: fact.grace.days_on_own_request().into(),
            status: "held".into(),
            captured_points: None,
            refunded_points: 0,
            exchange_id: None,
            ended: None,
            ended_at: None,
            occurred_at,
            recorded_at: at.recorded_at.micros(),
        });
        Ok(())
    }

    pub(super) fn extended(&mut self, account_id: &AccountId, fact: &HoldExtended) {
        let hold = self.change_hold(account_id, &fact.hold_id, String::new());
        hold.deadline = Some(fact.deadline.micros());
    }

    pub(super) fn swapped(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: HoldSwapped,
    ) -> Result<(), serde_json::Error> {
        let mut change =
            self.move_parts(at, &account_id, fact.unit, &fact.returned, Change::IS_RELEASED);
        change += self.move_parts(at, &account_id, fact.unit, &fact.taken, Change::IS_HELD);
        self.entries.push(LedgerEntry {
            hold_id: Some(fact.hold_id.to_string()),
            lots: Some(json(&fact.taken)?),
            released: Some(json(&fact.returned)?),
            ..entry("hold-swapped", at, &account_id, fact.unit, change)
        });
        let part = part_of(fact.further, fact.unit);
        let hold = self.change_hold(&account_id, &fact.hold_id, part);
        hold.lots = Some(json(&fact.lots)?);
        Ok(())
    }

    pub(super) fn captured(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: HoldCaptured,
    ) -> Result<(), serde_json::Error> {
        let points = int(fact.points.get());
        self.totals.add(fact.unit, Total::Redeemed, points);
        let mut change =
            self.move_parts(at, &account_id, fact.unit, &fact.lots, Change::IS_CAPTURED);
        let came_back = fact.came_back();
        change += self.give_back(at, &account_id, fact.unit, &fact.released, &came_back);
        let released = (!came_back.is_empty()).then(|| json(&came_back)).transpose()?;
        self.entries.push(LedgerEntry {
            hold_id: Some(fact.hold_id.to_string()),
            lots: Some(json(&fact.lots)?),
            released,
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            ..entry("hold-captured", at, &account_id, fact.unit, change)
        });
        let hold = self.end_hold(at, &account_id, (&fact.hold_id, fact.unit), &fact.keeps);
        hold.status = Some("captured".into());
        hold.captured_points = Some(points);
        Ok(())
    }

    pub(super) fn released(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: HoldReleased,
    ) -> Result<(), serde_json::Error> {
        let came_back = fact.came_back();
        let change = self.give_back(at, &account_id, fact.unit, &fact.lots, &came_back);
        self.entries.push(LedgerEntry {
            hold_id: Some(fact.hold_id.to_string()),
            lots: Some(json(&came_back)?),
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            ..entry("hold-released", at, &account_id, fact.unit, change)
        });
        let hold = self.end_hold(at, &account_id, (&fact.hold_id, fact.unit), &fact.keeps);
        let status = match fact.reason {
            ReleaseReason::Asked => "released",
            ReleaseReason::Deadline => "expired",
        };
        hold.status = Some(status.into());
        Ok(())
    }

    /// Parts that were held come back, perhaps with another expiry.
    fn give_back(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        unit: UnitId,
        held: &[LotPart],
        came_back: &[LotPart],
    ) -> Change {
        let mut change = self.move_parts(at, account_id, unit, held, Change::IS_CAPTURED);
        change += self.move_parts(at, account_id, unit, came_back, Change::COMES);
        change
    }

    /// A hold of a unit ends, and what it reserved is free, or about to be sold.
    fn end_hold(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        (id, unit): (&HoldId, UnitId),
        keeps: &Keeps,
    ) -> &mut HoldChange {
        if let Some(kept) = keeps.reservation() {
            self.sell(at, &kept.offer_id, -int(kept.allocation.quantity().get()));
        }
        let part = part_of(*keeps == Keeps::Further, unit);
        let hold = self.change_hold(account_id, id, part);
        (hold.ended, hold.ended_at) = (Some(at.place()), Some(at.recorded_at.micros()));
        hold
    }

    pub(super) fn change_hold(
        &mut self,
        account_id: &AccountId,
        id: &HoldId,
        part: String,
    ) -> &mut HoldChange {
        let key = (account_id.clone(), id.clone(), part);
        self.hold_changes.entry(key).or_insert_with_key(|(account_id, id, part)| HoldChange {
            account_id: account_id.to_string(),
            hold_id: id.to_string(),
            part: part.clone(),
            ..HoldChange::default()
        })
    }
}

/// What tells the holds apart that pay one reservation: the units after the first.
fn part_of(further: bool, unit: UnitId) -> String {
    if further { unit.to_string() } else { String::new() }
}
