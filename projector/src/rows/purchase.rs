//! Purchases: goods for money, and what came back of them.

use std::collections::BTreeMap;

use domain::{
    AccountId, Category, Cause, CauseKind, CreditEarned, CreditWithdrawn, Points, ProductId,
    PurchaseLine, PurchaseRecorded, PurchaseReturned, ReturnReversed, Shipped, Timestamp, UnitId,
    Units,
};
use read_model::{LedgerEntry, Purchase, Total, row};
use serde::{Deserialize, Serialize};

use super::credit::or_zero;
use super::shipping::UpdateKind;
use super::{At, Rows, int, json, rule_columns};

row! {
    /// The lines of a purchase after a batch, and what the batch adds to its points.
    pub(crate) struct PurchaseChange in "purchase" {
        place: i64,
        lines: String,
        claimed_points: i64,
        returned_points: i64,
        withdrawn_points: i64,
    }
}

/// What came back of a purchase, and what became of its credit, by the events of a batch.
#[derive(Debug, Default)]
pub(crate) struct Returned {
    /// By product.
    returned: BTreeMap<ProductId, i64>,
    claimed_points: i64,
    returned_points: i64,
    withdrawn_points: i64,
}

/// A line as the table keeps it.
#[derive(Deserialize, Serialize)]
struct LineRow {
    product_id: ProductId,
    quantity: Units,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<Category>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    points: Option<Points>,
    returned: i64,
}

impl From<PurchaseLine> for LineRow {
    fn from(line: PurchaseLine) -> Self {
        let PurchaseLine { product_id, quantity, amount, category, points } = line;
        Self { product_id, quantity, amount, category, points, returned: 0 }
    }
}

impl Returned {
    /// How the purchase at a place changes, whose lines in the table are these.
    pub(crate) fn change(
        &self,
        place: i64,
        lines: &str,
    ) -> Result<PurchaseChange, serde_json::Error> {
        let mut lines: Vec<LineRow> = serde_json::from_str(lines)?;
        for row in &mut lines {
            row.returned += self.returned.get(&row.product_id).copied().unwrap_or_default();
        }
        let Self { claimed_points, returned_points, withdrawn_points, .. } = *self;
        let lines = json(&lines)?;
        Ok(PurchaseChange { place, lines, claimed_points, returned_points, withdrawn_points })
    }
}

impl Rows {
    pub(super) fn purchased(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: PurchaseRecorded,
    ) -> Result<(), serde_json::Error> {
        self.totals.add(UnitId::POINTS, Total::Purchases, 1);
        self.ship_purchase(at, &account_id, &fact);
        if fact.points.is_none() {
            self.opened(at, &account_id);
        }
        let lines: Vec<LineRow> = fact.lines.into_iter().map(LineRow::from).collect();
        let (rule_id, rule_version) = rule_columns(fact.rule);
        self.purchases.push(Purchase {
            place: at.place(),
            account_id: account_id.to_string(),
            purchase_id: fact.purchase_id.to_string(),
            lines: json(&lines)?,
            unit: fact.unit.to_string(),
            points: or_zero(fact.points),
            credit_refused: fact.credit_refused.map(|refused| refused.code.to_string()),
            points_before_cap: fact.points_before_cap.map(|points| int(points.get())),
            rule_id,
            rule_version,
            warehouse: fact.warehouse.map(|warehouse| warehouse.to_string()),
            returned_points: 0,
            withdrawn_points: 0,
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            recorded_at: at.recorded_at.micros(),
        });
        Ok(())
    }

    pub(super) fn returned(&mut self, at: At<'_>, account_id: AccountId, fact: PurchaseReturned) {
        self.totals.add(UnitId::POINTS, Total::Returns, 1);
        let returned: BTreeMap<ProductId, i64> = fact
            .lines
            .iter()
            .map(|line| (line.product_id.clone(), int(line.quantity.get())))
            .collect();
        let key = (account_id.clone(), fact.purchase_id.clone());
        let change = self.returned.entry(key).or_default();
        for (product_id, quantity) in &returned {
            *change.returned.entry(product_id.clone()).or_default() += quantity;
        }
        change.returned_points += or_zero(fact.points);
        let kind = UpdateKind::Less(returned);
        self.update_request(at, account_id, Shipped::PurchaseId(fact.purchase_id), kind);
    }

    /// A purchase shows what was claimed of the credit that was refused when it was recorded.
    pub(super) fn note_claim_of_purchase(&mut self, account_id: &AccountId, fact: &CreditEarned) {
        if fact.claim.is_none() {
            return;
        }
        if let Some(change) = self.purchase_of(account_id, &fact.cause) {
            change.claimed_points += int(fact.points.get());
        }
    }

    /// A purchase shows what was taken back of the credit that it earned, whoever took it.
    pub(super) fn note_withdrawal_of_purchase(
        &mut self,
        account_id: &AccountId,
        fact: &CreditWithdrawn,
    ) {
        if let Some(cause) = &fact.of {
            self.note_taken_of_purchase(account_id, cause, int(fact.points.get()));
        }
    }

    /// Adds to what was taken back of a purchase's credit, if the cause is a purchase; a reversal
    /// adds a negative number.
    pub(super) fn note_taken_of_purchase(
        &mut self,
        account_id: &AccountId,
        cause: &Cause,
        points: i64,
    ) {
        if cause.kind != CauseKind::Purchase {
            return;
        }
        if let Some(change) = self.purchase_of(account_id, cause) {
            change.withdrawn_points += points;
        }
    }

    /// What the batch changes of the purchase that this cause names.
    fn purchase_of(&mut self, account_id: &AccountId, cause: &Cause) -> Option<&mut Returned> {
        // A cause's id is an id as a purchase's is.
        let purchase_id = cause.id.as_str().parse().ok()?;
        Some(self.returned.entry((account_id.clone(), purchase_id)).or_default())
    }

    /// Goods count as bought again. What their return called off at the warehouse stays so.
    pub(super) fn return_reversed(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &ReturnReversed,
    ) -> Result<(), serde_json::Error> {
        let key = (account_id.clone(), fact.purchase_id.clone());
        let change = self.returned.entry(key).or_default();
        for line in &fact.lines {
            let returned = change.returned.entry(line.product_id.clone()).or_default();
            *returned -= int(line.quantity.get());
        }
        let Some(credit) = &fact.credit else { return Ok(()) };
        change.returned_points -= int(credit.points.get());
        let entry = self.given_back("return-reversed", at, account_id, credit)?;
        self.entries.push(LedgerEntry {
            withdrawal_kind: Some("return".into()),
            withdrawal_id: Some(fact.return_id.to_string()),
            purchase_id: Some(fact.purchase_id.to_string()),
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            ..entry
        });
        Ok(())
    }
}
