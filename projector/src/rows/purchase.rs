//! Purchases: goods for money, and what came back of them.

use std::collections::BTreeMap;

use domain::{
    AccountId, Category, CauseKind, CreditWithdrawn, Points, ProductId, PurchaseLine,
    PurchaseRecorded, PurchaseReturned, Shipped, Timestamp, Units,
};
use serde::{Deserialize, Serialize};

use super::shipping::ShippingNews;
use super::{At, Rows, int, json};

#[derive(Debug)]
pub(crate) struct Purchase {
    pub(crate) place: i64,
    pub(crate) account_id: AccountId,
    pub(crate) purchase_id: String,
    /// JSON in a text, as the table keeps it.
    pub(crate) lines: String,
    pub(crate) points: i64,
    pub(crate) rule: Option<(String, i64)>,
    pub(crate) warehouse: Option<String>,
    pub(crate) occurred_at: Option<i64>,
    pub(crate) recorded_at: i64,
}

/// What came back of a purchase, and of its credit.
#[derive(Debug, Default)]
pub(crate) struct PurchaseChange {
    /// By product.
    pub(crate) returned: BTreeMap<ProductId, i64>,
    pub(crate) returned_points: i64,
    pub(crate) withdrawn_points: i64,
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

impl PurchaseChange {
    /// The lines as the table keeps them, with what came back of each.
    pub(crate) fn lines_after(&self, lines: &str) -> Result<String, serde_json::Error> {
        let mut lines: Vec<LineRow> = serde_json::from_str(lines)?;
        for row in &mut lines {
            row.returned += self.returned.get(&row.product_id).copied().unwrap_or_default();
        }
        json(&lines)
    }
}

impl Rows {
    pub(super) fn purchased(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: PurchaseRecorded,
    ) -> Result<(), serde_json::Error> {
        self.totals.purchases += 1;
        self.ship_purchase(at, &account_id, &fact);
        let lines: Vec<LineRow> = fact.lines.into_iter().map(LineRow::from).collect();
        self.purchases.push(Purchase {
            place: at.place(),
            account_id,
            purchase_id: fact.purchase_id.to_string(),
            lines: json(&lines)?,
            points: fact.points.map_or(0, |points| int(points.get())),
            rule: fact.rule.map(|rule| (rule.rule_id.to_string(), int(rule.version))),
            warehouse: fact.warehouse.map(|warehouse| warehouse.to_string()),
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            recorded_at: at.recorded_at.micros(),
        });
        Ok(())
    }

    pub(super) fn returned(&mut self, at: At<'_>, account_id: AccountId, fact: PurchaseReturned) {
        self.totals.returns += 1;
        let returned: BTreeMap<ProductId, i64> = fact
            .lines
            .iter()
            .map(|line| (line.product_id.clone(), int(line.quantity.get())))
            .collect();
        let key = (account_id.clone(), fact.purchase_id.clone());
        let change = self.purchase_changes.entry(key).or_default();
        for (product_id, quantity) in &returned {
            *change.returned.entry(product_id.clone()).or_default() += quantity;
        }
        change.returned_points += fact.points.map_or(0, |points| int(points.get()));
        let news = ShippingNews::Less(returned);
        self.hear_of_shipping(at, account_id, Shipped::PurchaseId(fact.purchase_id), news);
    }

    /// A purchase shows what was taken back of the credit that it earned, whoever took it.
    pub(super) fn note_withdrawal_of_purchase(
        &mut self,
        account_id: &AccountId,
        fact: &CreditWithdrawn,
    ) {
        let Some(cause) = fact.of.as_ref().filter(|cause| cause.kind == CauseKind::Purchase) else {
            return;
        };
        // A cause's id is an id as a purchase's is.
        if let Ok(purchase_id) = cause.id.as_str().parse() {
            let change =
                self.purchase_changes.entry((account_id.clone(), purchase_id)).or_default();
            change.withdrawn_points += int(fact.points.get());
        }
    }
}
