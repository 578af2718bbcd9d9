//! Holds: credit that is set aside, and how that ends.

use domain::{
    AccountId, CreditHeld, HoldCaptured, HoldReleased, HoldSwapped, ReleaseReason, Timestamp,
};

use super::credit::entry;
use super::programme::add;
use super::{At, Change, Entry, Rows, int, json};

#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) place: i64,
    pub(crate) account_id: AccountId,
    pub(crate) hold_id: String,
    pub(crate) points: i64,
    /// JSON in a text, as the table keeps it.
    pub(crate) lots: String,
    pub(crate) deadline: i64,
    pub(crate) occurred_at: Option<i64>,
    pub(crate) recorded_at: i64,
}

/// How a hold ended, and what it paid.
#[derive(Debug, Default)]
pub(crate) struct HoldChange {
    pub(crate) status: Option<&'static str>,
    pub(crate) captured_points: Option<i64>,
    pub(crate) exchange_id: Option<String>,
    /// What it keeps from now on, as JSON.
    pub(crate) lots: Option<String>,
}

impl Rows {
    pub(super) fn held(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: &CreditHeld,
    ) -> Result<(), serde_json::Error> {
        self.totals.holds += 1;
        let change = self.move_parts(at, &account_id, &fact.lots, Change::IS_HELD);
        let lots = json(&fact.lots)?;
        let occurred_at = fact.occurred_at.map(Timestamp::micros);
        self.entries.push(Entry {
            change,
            hold_id: Some(fact.hold_id.to_string()),
            lots: Some(lots.clone()),
            occurred_at,
            ..entry("credit-held", at, &account_id)
        });
        self.holds.push(Hold {
            place: at.place(),
            account_id,
            hold_id: fact.hold_id.to_string(),
            points: int(fact.points.get()),
            lots,
            deadline: fact.deadline.micros(),
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
        self.entries.push(Entry {
            change,
            hold_id: Some(fact.hold_id.to_string()),
            lots: Some(json(&fact.taken)?),
            released: Some(json(&fact.returned)?),
            ..entry("hold-swapped", at, &account_id)
        });
        let hold = self.hold_changes.entry((account_id, fact.hold_id)).or_default();
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
        add(&mut self.totals.redeemed, points);
        let mut change = self.move_parts(at, &account_id, &fact.lots, Change::IS_CAPTURED);
        change += self.move_parts(at, &account_id, &fact.released, Change::IS_RELEASED);
        let released = (!fact.released.is_empty()).then(|| json(&fact.released)).transpose()?;
        self.entries.push(Entry {
            change,
            hold_id: Some(fact.hold_id.to_string()),
            lots: Some(json(&fact.lots)?),
            released,
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            ..entry("hold-captured", at, &account_id)
        });
        let hold = self.hold_changes.entry((account_id, fact.hold_id)).or_default();
        hold.status = Some("captured");
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
        self.entries.push(Entry {
            change,
            hold_id: Some(fact.hold_id.to_string()),
            lots: Some(json(&fact.lots)?),
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            ..entry("hold-released", at, &account_id)
        });
        let hold = self.hold_changes.entry((account_id, fact.hold_id)).or_default();
        hold.status = Some(match fact.reason {
            ReleaseReason::Asked => "released",
            ReleaseReason::Deadline => "expired",
        });
        Ok(())
    }
}
