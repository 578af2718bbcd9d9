//! Holds: credit that is set aside, and how that ends.

use domain::{
    AccountId, CreditHeld, HoldCaptured, HoldId, HoldReleased, HoldSwapped, ReleaseReason,
    Timestamp,
};
use read_model::{Hold, LedgerEntry, Total, row};

use super::credit::entry;
use super::{At, Change, Rows, int, json};

row! {
    /// How a hold ended, what it paid, and what it keeps from now on.
    #[derive(Default)]
    pub(crate) struct HoldChange in "hold" {
        account_id: String,
        hold_id: String,
        status: Option<String>,
        captured_points: Option<i64>,
        exchange_id: Option<String>,
        lots: Option<String>,
    }
}

impl Rows {
    pub(super) fn held(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: &CreditHeld,
    ) -> Result<(), serde_json::Error> {
        self.totals.add(Total::Holds, 1);
        let change = self.move_parts(at, &account_id, &fact.lots, Change::IS_HELD);
        let lots = json(&fact.lots)?;
        let occurred_at = fact.occurred_at.map(Timestamp::micros);
        self.entries.push(LedgerEntry {
            hold_id: Some(fact.hold_id.to_string()),
            lots: Some(lots.clone()),
            occurred_at,
            ..entry("credit-held", at, &account_id, change)
        });
        self.holds.push(Hold {
            place: at.place(),
            account_id: account_id.to_string(),
            hold_id: fact.hold_id.to_string(),
            points: int(fact.points.get()),
            lots,
            deadline: fact.deadline.micros(),
            status: "held".into(),
            captured_points: None,
            exchange_id: None,
            occurred_at,
            recorded_at: at.recorded_at.micros(),
        });
        Ok(())
    }

    pub(super) fn swapped(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: HoldSwapped,
    ) -> Result<(), serde_json::Error> {
        let mut change = self.move_parts(at, &account_id, &fact.returned, Change::IS_RELEASED);
        change += self.move_parts(at, &account_id, &fact.taken, Change::IS_HELD);
        self.entries.push(LedgerEntry {
            hold_id: Some(fact.hold_id.to_string()),
            lots: Some(json(&fact.taken)?),
            released: Some(json(&fact.returned)?),
            ..entry("hold-swapped", at, &account_id, change)
        });
        let hold = self.change_hold(&account_id, &fact.hold_id);
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
        self.totals.add(Total::Redeemed, points);
        let mut change = self.move_parts(at, &account_id, &fact.lots, Change::IS_CAPTURED);
        change += self.move_parts(at, &account_id, &fact.released, Change::IS_RELEASED);
        let released = (!fact.released.is_empty()).then(|| json(&fact.released)).transpose()?;
        self.entries.push(LedgerEntry {
            hold_id: Some(fact.hold_id.to_string()),
            lots: Some(json(&fact.lots)?),
            released,
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            ..entry("hold-captured", at, &account_id, change)
        });
        let hold = self.change_hold(&account_id, &fact.hold_id);
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
        let change = self.move_parts(at, &account_id, &fact.lots, Change::IS_RELEASED);
        self.entries.push(LedgerEntry {
            hold_id: Some(fact.hold_id.to_string()),
            lots: Some(json(&fact.lots)?),
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            ..entry("hold-released", at, &account_id, change)
        });
        let hold = self.change_hold(&account_id, &fact.hold_id);
        let status = match fact.reason {
            ReleaseReason::Asked => "released",
            ReleaseReason::Deadline => "expired",
        };
        hold.status = Some(status.into());
        Ok(())
    }

    pub(super) fn change_hold(&mut self, account_id: &AccountId, id: &HoldId) -> &mut HoldChange {
        self.hold_changes.entry((account_id.clone(), id.clone())).or_insert_with(|| HoldChange {
            account_id: account_id.to_string(),
            hold_id: id.to_string(),
            ..HoldChange::default()
        })
    }
}
