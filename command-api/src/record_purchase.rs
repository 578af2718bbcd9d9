//! `PUT /v1/accounts/{account_id}/purchases/{purchase_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::RecordPurchase;
use domain::{
    AMOUNT_MAX, AccountId, Category, Command, DeliverTo, Event, Points, ProductId, PurchaseId,
    PurchaseLine, RuleId, Timestamp, Units, WarehouseId,
};
use serde::Deserialize;
use wire::{Caller, JsonBody, Object, PathIds, Problem};

use crate::CommandApi;
use crate::execute::unexpected;
use crate::lifetime::check_lifetime;
use crate::put_offer::warehouse_or_default;

/// The most lines of a purchase.
const LINES_MAX: usize = 500;

/// So many lines fit.
pub(crate) const PURCHASE_BYTES_MAX: usize = 128 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordPurchaseBody {
    lines: Vec<Object<LineBody>>,
    points: Option<Points>,
    rule: Option<RuleId>,
    warehouse: Option<WarehouseId>,
    deliver_to: Option<DeliverTo>,
    available_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    occurred_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineBody {
    product_id: ProductId,
    quantity: Units,
    amount: Option<u64>,
    category: Option<Category>,
}

pub(crate) async fn record_purchase(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, purchase_id): PathIds<AccountId, PurchaseId>,
    JsonBody(body): JsonBody<RecordPurchaseBody, PURCHASE_BYTES_MAX>,
) -> Result<Response, Problem> {
    let command = Command::RecordPurchase(body.command(account_id, purchase_id)?);
    let done = api.execute(command, caller).await?;
    let Some(Event::PurchaseRecorded(account_id, fact)) = &done.event else {
        return Err(unexpected());
    };
    done.respond_fact(account_id, fact)
}

impl RecordPurchaseBody {
    fn command(
        self,
        account_id: AccountId,
        purchase_id: PurchaseId,
    ) -> Result<RecordPurchase, Problem> {
        check_lifetime(self.available_at, self.expires_at)?;
        if self.points.is_some() && self.rule.is_some() {
            let complaint = "can't be said beside points, which a rule would give";
            return Err(Problem::invalid_field("rule", complaint));
        }
        let shipping = match (self.warehouse, self.deliver_to) {
            (warehouse, Some(deliver_to)) => Some((warehouse_or_default(warehouse)?, deliver_to)),
            (Some(_), None) => {
                let complaint = "says who ships; say deliver_to, too, or leave it out";
                return Err(Problem::invalid_field("warehouse", complaint));
            }
            (None, None) => None,
        };
        Ok(RecordPurchase {
            account_id,
            purchase_id,
            lines: lines(self.lines)?,
            points: self.points,
            rule: self.rule,
            shipping,
            available_at: self.available_at,
            expires_at: self.expires_at,
            occurred_at: self.occurred_at,
        })
    }
}

fn lines(bodies: Vec<Object<LineBody>>) -> Result<Vec<PurchaseLine>, Problem> {
    if bodies.is_empty() || bodies.len() > LINES_MAX {
        let complaint = format!("must be a list of 1 to {LINES_MAX} lines");
        return Err(Problem::invalid_field("lines", complaint));
    }
    let mut lines: Vec<PurchaseLine> = Vec::with_capacity(bodies.len());
    for (index, Object(body)) in bodies.into_iter().enumerate() {
        let LineBody { product_id, quantity, amount, category } = body;
        check_product_is_new(index, &product_id, lines.iter().map(|line| &line.product_id))?;
        if amount.is_some_and(|amount| amount > AMOUNT_MAX) {
            let field = format!("lines[{index}].amount");
            let complaint = format!("must be a whole number from 0 to {AMOUNT_MAX}");
            return Err(Problem::invalid_field(&field, complaint));
        }
        lines.push(PurchaseLine { product_id, quantity, amount, category, points: None });
    }
    Ok(lines)
}

/// A product stands in one line; `index` is the line's, and `before` are the products of those
/// before it.
pub(crate) fn check_product_is_new<'a>(
    index: usize,
    product_id: &ProductId,
    mut before: impl Iterator<Item = &'a ProductId>,
) -> Result<(), Problem> {
    if before.any(|product| product == product_id) {
        let field = format!("lines[{index}].product_id");
        let complaint = "stands in a line before; say the product once, with the whole quantity";
        return Err(Problem::invalid_field(&field, complaint));
    }
    Ok(())
}
