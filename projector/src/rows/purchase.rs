//! Purchases: goods for money, and what came back of them.

use std::collections::BTreeMap;

use domain::{
    AccountId, Category, Cause, CauseKind, CreditEarned, CreditGivenBack, CreditWithdrawn,
    LadderTier, Points, ProductId, PurchaseId, PurchaseLine, PurchaseRecorded, PurchaseReturned,
    RefusalCode, ReturnCreditGivenBack, ReturnId, ReturnReversed, RuleId, Shipped, Timestamp,
    UnitId, UnitPoints, Units,
};
use read_model::{LedgerEntry, Purchase, Total, row};
use serde::{Deserialize, Serialize};

use super::shipping::UpdateKind;
use super::{At, Rows, int, json};

row! {
    /// The lines of a purchase after a batch, and what it earned by then.
    pub(crate) struct PurchaseChange in "purchase" {
        place: i64,
        lines: String,
        earned: String,
    }
}

/// What came back of a purchase, and what became of its credit, by the events of a batch.
#[derive(Debug, Default)]
pub(crate) struct Returned {
    /// By product.
    returned: BTreeMap<ProductId, i64>,
    points: BTreeMap<UnitId, PointsChange>,
}

/// What became of a purchase's credit of a unit.
#[derive(Debug, Default)]
struct PointsChange {
    claimed: i64,
    returned: i64,
    withdrawn: i64,
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
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    earned: Box<[UnitPoints]>,
    returned: i64,
}

impl From<PurchaseLine> for LineRow {
    fn from(line: PurchaseLine) -> Self {
        let PurchaseLine { product_id, quantity, amount, category, earned } = line;
        Self { product_id, quantity, amount, category, earned, returned: 0 }
    }
}

/// What a purchase earned of a unit, as the table keeps it.
#[derive(Deserialize, Serialize)]
struct EarnedRow {
    unit: UnitId,
    /// Also what was claimed.
    points: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule_id: Option<RuleId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule_version: Option<u64>,
    /// What its rule gave, where a cap cut that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    points_before_cap: Option<Points>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier: Option<LadderTier>,
    /// Why the credit was refused, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<RefusalCode>,
    /// What was to be taken back for returns.
    returned_points: i64,
    /// What was taken of the credit in all.
    withdrawn_points: i64,
}

impl Returned {
    /// How the purchase at a place changes, of which this is in the table.
    pub(crate) fn change(
        &self,
        place: i64,
        lines: &str,
        earned: &str,
    ) -> Result<PurchaseChange, serde_json::Error> {
        let mut lines: Vec<LineRow> = serde_json::from_str(lines)?;
        for row in &mut lines {
            row.returned += self.returned.get(&row.product_id).copied().unwrap_or_default();
        }
        let mut earned: Vec<EarnedRow> = serde_json::from_str(earned)?;
        for row in &mut earned {
            let Some(change) = self.points.get(&row.unit) else { continue };
            row.points += change.claimed;
            row.returned_points += change.returned;
            row.withdrawn_points += change.withdrawn;
        }
        Ok(PurchaseChange { place, lines: json(&lines)?, earned: json(&earned)? })
    }

    fn points_of(&mut self, unit: UnitId) -> &mut PointsChange {
        self.points.entry(unit).or_default()
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
        if fact.credit().next().is_none() {
            self.opened(at, &account_id);
        }
        let earned = earned_rows(&fact);
        let lines: Vec<LineRow> = fact.lines.into_iter().map(LineRow::from).collect();
        self.purchases.push(Purchase {
            place: at.place(),
            account_id: account_id.to_string(),
            purchase_id: fact.purchase_id.to_string(),
            lines: json(&lines)?,
            earned: json(&earned)?,
            warehouse: fact.warehouse.map(|warehouse| warehouse.to_string()),
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
        for UnitPoints { unit, points } in fact.credit() {
            change.points_of(unit).returned += int(points.get());
        }
        let kind = UpdateKind::Less(returned);
        self.update_request(at, account_id, Shipped::PurchaseId(fact.purchase_id), kind);
    }

    /// A purchase shows what was claimed of the credit that was refused when it was recorded.
    pub(super) fn note_claim_of_purchase(&mut self, account_id: &AccountId, fact: &CreditEarned) {
        if fact.claim.is_none() {
            return;
        }
        if let Some(change) = self.purchase_of(account_id, &fact.cause) {
            change.points_of(fact.unit).claimed += int(fact.points.get());
        }
    }

    /// A purchase shows what was taken back of the credit that it earned, whoever took it.
    pub(super) fn note_withdrawal_of_purchase(
        &mut self,
        account_id: &AccountId,
        fact: &CreditWithdrawn,
    ) {
        if let Some(cause) = &fact.of {
            self.note_taken_of_purchase(account_id, cause, fact.unit, int(fact.points.get()));
        }
    }

    /// Adds to what was taken back of a purchase's credit, if the cause is a purchase; a reversal
    /// adds a negative number.
    pub(super) fn note_taken_of_purchase(
        &mut self,
        account_id: &AccountId,
        cause: &Cause,
        unit: UnitId,
        points: i64,
    ) {
        if cause.kind != CauseKind::Purchase {
            return;
        }
        if let Some(change) = self.purchase_of(account_id, cause) {
            change.points_of(unit).withdrawn += points;
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
        let of = (&fact.purchase_id, &fact.return_id);
        let entry = self.return_given_back("return-reversed", at, account_id, of, credit)?;
        let occurred_at = fact.occurred_at.map(Timestamp::micros);
        self.entries.push(LedgerEntry { occurred_at, ..entry });
        Ok(())
    }

    /// What a reversal gives back of a further unit.
    pub(super) fn further_given_back(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &ReturnCreditGivenBack,
    ) -> Result<(), serde_json::Error> {
        let ReturnCreditGivenBack { purchase_id, return_id, credit } = fact;
        let of = (purchase_id, return_id);
        let entry = self.return_given_back("credit-given-back", at, account_id, of, credit)?;
        self.entries.push(entry);
        Ok(())
    }

    /// What the reversal of a return gives back of a unit; its entry is still to be pushed.
    fn return_given_back(
        &mut self,
        kind: &str,
        at: At<'_>,
        account_id: &AccountId,
        (purchase_id, return_id): (&PurchaseId, &ReturnId),
        credit: &CreditGivenBack,
    ) -> Result<LedgerEntry, serde_json::Error> {
        let key = (account_id.clone(), purchase_id.clone());
        let change = self.returned.entry(key).or_default();
        change.points_of(credit.unit).returned -= int(credit.points.get());
        Ok(LedgerEntry {
            withdrawal_kind: Some("return".into()),
            withdrawal_id: Some(return_id.to_string()),
            purchase_id: Some(purchase_id.to_string()),
            ..self.given_back(kind, at, account_id, credit)?
        })
    }
}

/// What a purchase earned when it was recorded.
fn earned_rows(fact: &PurchaseRecorded) -> Vec<EarnedRow> {
    let rows = fact.earned.iter().map(|earned| {
        let mut refused = fact.credit_refused.iter();
        EarnedRow {
            unit: earned.unit,
            points: int(earned.points.get()),
            rule_id: earned.rule.as_ref().map(|rule| rule.rule_id.clone()),
            rule_version: earned.rule.as_ref().map(|rule| rule.version),
            points_before_cap: earned.points_before_cap,
            tier: earned.tier,
            refused: refused.find(|it| it.unit == earned.unit).map(|refused| refused.code),
            returned_points: 0,
            withdrawn_points: 0,
        }
    });
    rows.collect()
}
