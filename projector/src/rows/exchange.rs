//! Exchanges: goods for points, and what was cancelled of them.

use domain::{AccountId, ExchangeCancelled, ExchangeCreated, Price, Shipped, Timestamp, UnitId};
use log_record::PackedPlace;
use read_model::{Exchange, Total, row};

use super::shipping::UpdateKind;
use super::{At, Rows, further, int, json};

row! {
    /// What was cancelled of an exchange.
    pub(crate) struct ExchangeChange in "exchange" {
        account_id: String,
        exchange_id: String,
        cancelled_quantity: i64,
        refunded_points: i64,
    }
}

impl Rows {
    pub(super) fn exchanged(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: ExchangeCreated,
    ) -> Result<(), serde_json::Error> {
        self.totals.add(UnitId::POINTS, Total::Exchanges, 1);
        self.ship_exchange(at, &account_id, &fact);
        self.sell(at, &fact.offer_id, int(fact.allocation.quantity().get()));
        if let Some(hold_id) = &fact.hold_id {
            let hold = self.change_hold(&account_id, hold_id, String::new());
            hold.exchange_id = Some(fact.exchange_id.to_string());
        }
        let Price { unit, points } = fact.prices.first();
        self.exchanges.push(Exchange {
            place: at.place(),
            account_id: account_id.to_string(),
            exchange_id: fact.exchange_id.to_string(),
            offer_id: fact.offer_id.to_string(),
            product_id: fact.product_id.to_string(),
            quantity: int(fact.allocation.quantity().get()),
            unit: unit.to_string(),
            points: int(points.get()),
            further_prices: further(&fact.prices)?,
            hold_id: fact.hold_id.map(|hold_id| hold_id.to_string()),
            code_at: fact.allocation.code().map(|code| PackedPlace::from(code).as_i64()),
            tier: fact.tier.as_ref().map(json).transpose()?,
            counted: Some(&fact.counted).filter(|days| !days.is_empty()).map(json).transpose()?,
            cancelled_quantity: 0,
            refunded_points: 0,
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            recorded_at: at.recorded_at.micros(),
        });
        Ok(())
    }

    pub(super) fn cancelled(&mut self, at: At<'_>, account_id: AccountId, fact: ExchangeCancelled) {
        self.totals.add(UnitId::POINTS, Total::Cancellations, 1);
        let quantity = int(fact.allocation.quantity().get());
        // The units go back, also to an offer that was closed meanwhile; a code doesn't.
        self.sell(at, &fact.offer_id, -int(fact.allocation.restocked().get()));
        let key = (account_id.clone(), fact.exchange_id.clone());
        let change = self.exchange_changes.entry(key).or_insert_with(|| ExchangeChange {
            account_id: account_id.to_string(),
            exchange_id: fact.exchange_id.to_string(),
            cancelled_quantity: 0,
            refunded_points: 0,
        });
        change.cancelled_quantity += quantity;
        let first = fact.of.prices.first().unit;
        let refunds = fact.refunded.iter().filter(|price| price.unit == first);
        change.refunded_points += refunds.map(|price| int(price.points.get())).sum::<i64>();
        let kind = UpdateKind::LessOfEach(quantity);
        self.update_request(at, account_id, Shipped::ExchangeId(fact.exchange_id), kind);
    }
}
