//! Exchanges: goods for points, and what was cancelled of them.

use domain::{AccountId, ExchangeCancelled, ExchangeCreated, OfferId, Shipped, Timestamp};

use super::shipping::ShippingNews;
use super::{At, Rows, int};

#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) place: i64,
    pub(crate) account_id: AccountId,
    pub(crate) exchange_id: String,
    pub(crate) offer_id: OfferId,
    pub(crate) product_id: String,
    pub(crate) quantity: i64,
    pub(crate) points: i64,
    pub(crate) hold_id: Option<String>,
    pub(crate) occurred_at: Option<i64>,
    pub(crate) recorded_at: i64,
}

/// What was cancelled of an exchange.
#[derive(Debug, Default)]
pub(crate) struct ExchangeChange {
    pub(crate) cancelled_quantity: i64,
    pub(crate) refunded_points: i64,
}

impl Rows {
    pub(super) fn exchanged(&mut self, at: At<'_>, account_id: AccountId, fact: ExchangeCreated) {
        self.totals.exchanges += 1;
        self.ship_exchange(at, &account_id, &fact);
        let change = self.offer_changes.entry(fact.offer_id.clone()).or_default();
        change.remaining -= int(fact.allocation.quantity().get());
        if let Some(hold_id) = &fact.hold_id {
            let key = (account_id.clone(), hold_id.clone());
            let hold = self.hold_changes.entry(key).or_default();
            hold.exchange_id = Some(fact.exchange_id.to_string());
        }
        self.exchanges.push(Exchange {
            place: at.place(),
            account_id,
            exchange_id: fact.exchange_id.to_string(),
            offer_id: fact.offer_id,
            product_id: fact.product_id.to_string(),
            quantity: int(fact.allocation.quantity().get()),
            points: int(fact.points.get()),
            hold_id: fact.hold_id.map(|hold_id| hold_id.to_string()),
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            recorded_at: at.recorded_at.micros(),
        });
    }

    pub(super) fn cancelled(&mut self, at: At<'_>, account_id: AccountId, fact: ExchangeCancelled) {
        self.totals.cancellations += 1;
        let quantity = int(fact.allocation.quantity().get());
        // The pieces go back, also to an offer that was closed meanwhile.
        self.offer_changes.entry(fact.offer_id).or_default().remaining += quantity;
        let key = (account_id.clone(), fact.exchange_id.clone());
        let change = self.exchange_changes.entry(key).or_default();
        change.cancelled_quantity += quantity;
        change.refunded_points += int(fact.points.get());
        let news = ShippingNews::LessOfEach(quantity);
        self.hear_of_shipping(at, account_id, Shipped::ExchangeId(fact.exchange_id), news);
    }
}
