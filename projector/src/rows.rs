//! What a batch of events adds up to: a row, or a change of a row, for each key.

use std::collections::BTreeMap;

use domain::{
    AccountId, CreditDeducted, CreditEarned, Event, ExchangeCreated, OfferId, Terms, Timestamp,
};
use event_schema::decode;
use log_record::{LogId, RecordedEvent};
use serde::Serialize;

use crate::{ProjectError, lane};

/// The last sequence of each lane.
pub(crate) type Lanes = BTreeMap<String, u64>;

/// The rows of a batch, by table.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) balances: BTreeMap<AccountId, BalanceChange>,
    pub(crate) lots: Vec<Lot>,
    /// What was drawn from each lot in all.
    pub(crate) draws: BTreeMap<(AccountId, u64), u64>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) shipping_requests: Vec<ShippingRequest>,
    pub(crate) offers: BTreeMap<OfferId, OfferTerms>,
    pub(crate) offer_changes: BTreeMap<OfferId, OfferChange>,
    /// The last sequence of each lane that the batch used.
    pub(crate) lanes: Lanes,
}

/// By how much a balance changes.
#[derive(Debug, Default, Serialize)]
pub(crate) struct BalanceChange {
    available: i64,
    partition: u16,
    position: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Lot {
    account_id: AccountId,
    lot: u64,
    points: u64,
    cause_kind: &'static str,
    cause_id: String,
    recorded_at: i64,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Entry {
    account_id: String,
    position: u64,
    partition: u16,
    kind: &'static str,
    points: i64,
    cause_kind: Option<&'static str>,
    cause_id: Option<String>,
    exchange_id: Option<String>,
    occurred_at: Option<i64>,
    recorded_at: i64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Exchange {
    account_id: AccountId,
    exchange_id: String,
    offer_id: OfferId,
    product_id: String,
    quantity: u64,
    points: u64,
    partition: u16,
    position: u64,
    occurred_at: Option<i64>,
    recorded_at: i64,
}

#[derive(Debug, Serialize)]
pub(crate) struct ShippingRequest {
    place: u64,
    shipping_request_id: String,
    account_id: AccountId,
    exchange_id: String,
    /// JSON in a text, as the table keeps it.
    lines: String,
    deliver_to: Option<String>,
    warehouse: String,
    lane: String,
    sequence: u64,
}

/// An offer's terms after the batch; the stock counts where the batch opened it.
#[derive(Debug, Serialize)]
pub(crate) struct OfferTerms {
    product_id: String,
    price: u64,
    stock: Option<u64>,
    opens_at: Option<i64>,
    closes_at: Option<i64>,
    limit_per_shopper: Option<u64>,
    warehouse: String,
    version: u64,
    partition: u16,
    position: u64,
}

/// By how much an offer's stock changes, and whether it was closed.
#[derive(Debug, Default, Serialize)]
pub(crate) struct OfferChange {
    stock: i64,
    remaining: i64,
    /// The position of the closing.
    closed_at: Option<u64>,
}

impl Rows {
    /// Adds up a batch. `lanes` is where every lane stood before it.
    pub(crate) fn of(
        log_id: LogId,
        lanes: &Lanes,
        events: &[RecordedEvent],
    ) -> Result<Self, ProjectError> {
        let mut rows = Self::default();
        for row in events {
            let (recorded_at, event) = decode(row).map_err(|error| ProjectError::Unapplicable {
                place: row.place,
                why: sentence(&error),
            })?;
            rows.add(log_id, lanes, row, recorded_at, event);
        }
        Ok(rows)
    }

    fn add(
        &mut self,
        log_id: LogId,
        lanes: &Lanes,
        row: &RecordedEvent,
        recorded_at: Timestamp,
        event: Event,
    ) {
        match event {
            Event::LogOpened(_) => {}
            Event::CreditEarned(account, fact) => self.earned(row, recorded_at, account, fact),
            Event::CreditDeducted(account, fact) => {
                self.deducted(row, recorded_at, account, fact);
            }
            Event::ExchangeCreated(account, fact) => {
                self.request_shipping(log_id, lanes, row, &account, &fact);
                self.exchanged(row, recorded_at, account, fact);
            }
            Event::OfferOpened(fact) => {
                let stock = fact.stock.map(domain::Units::get);
                self.offers.insert(fact.offer_id, offer_terms(row, fact.terms, 1, stock));
            }
            Event::OfferAmended(fact) => {
                let stock = self.offers.get(&fact.offer_id).and_then(|offer| offer.stock);
                let terms = offer_terms(row, fact.terms, fact.version, stock);
                self.offers.insert(fact.offer_id, terms);
            }
            Event::OfferClosed(fact) => {
                let change = self.offer_changes.entry(fact.offer_id).or_default();
                change.closed_at = Some(row.position().0);
            }
            Event::StockAdded(fact) => {
                let change = self.offer_changes.entry(fact.offer_id).or_default();
                change.stock += fact.units.get().cast_signed();
                change.remaining += fact.units.get().cast_signed();
            }
        }
    }

    fn earned(
        &mut self,
        row: &RecordedEvent,
        recorded_at: Timestamp,
        account_id: AccountId,
        fact: CreditEarned,
    ) {
        let points = fact.points.get();
        let cause_id = fact.cause.id.to_string();
        self.entries.push(Entry {
            account_id: account_id.to_string(),
            kind: "credit-earned",
            points: points.cast_signed(),
            cause_kind: Some(fact.cause.kind.as_str()),
            cause_id: Some(cause_id.clone()),
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            ..entry_at(row, recorded_at)
        });
        self.change_balance(row, &account_id, points.cast_signed());
        self.lots.push(Lot {
            account_id,
            lot: row.position().0,
            points,
            cause_kind: fact.cause.kind.as_str(),
            cause_id,
            recorded_at: recorded_at.micros(),
        });
    }

    fn deducted(
        &mut self,
        row: &RecordedEvent,
        recorded_at: Timestamp,
        account_id: AccountId,
        fact: CreditDeducted,
    ) {
        let points = -fact.points.get().cast_signed();
        self.change_balance(row, &account_id, points);
        self.entries.push(Entry {
            account_id: account_id.to_string(),
            kind: "credit-deducted",
            points,
            exchange_id: Some(fact.exchange_id.to_string()),
            ..entry_at(row, recorded_at)
        });
        for drawn in fact.lots {
            *self.draws.entry((account_id.clone(), drawn.lot.get())).or_default() +=
                drawn.points.get();
        }
    }

    fn exchanged(
        &mut self,
        row: &RecordedEvent,
        recorded_at: Timestamp,
        account_id: AccountId,
        fact: ExchangeCreated,
    ) {
        let change = self.offer_changes.entry(fact.offer_id.clone()).or_default();
        change.remaining -= fact.quantity.get().cast_signed();
        self.exchanges.push(Exchange {
            account_id,
            exchange_id: fact.exchange_id.to_string(),
            offer_id: fact.offer_id,
            product_id: fact.product_id.to_string(),
            quantity: fact.quantity.get(),
            points: fact.points.get(),
            partition: row.partition().0,
            position: row.position().0,
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            recorded_at: recorded_at.micros(),
        });
    }

    fn request_shipping(
        &mut self,
        log_id: LogId,
        lanes: &Lanes,
        row: &RecordedEvent,
        account_id: &AccountId,
        fact: &ExchangeCreated,
    ) {
        let (partition, position) = (row.partition(), row.position());
        let lane = lane(partition, &fact.warehouse, account_id);
        let before = lanes.get(&lane).copied().unwrap_or_default();
        let sequence = self.lanes.entry(lane.clone()).or_insert(before);
        *sequence += 1;
        let (product, quantity) = (&fact.product_id, fact.quantity);
        self.shipping_requests.push(ShippingRequest {
            place: u64::from(partition.0) << 48 | position.0,
            shipping_request_id: format!("{log_id}-{}-{partition}-{position}", row.generation),
            account_id: account_id.clone(),
            exchange_id: fact.exchange_id.to_string(),
            // Neither an id nor a number needs escaping in JSON.
            lines: format!(r#"[{{"product_id":"{product}","quantity":{quantity}}}]"#),
            deliver_to: fact.deliver_to.as_ref().map(|to| to.as_str().to_owned()),
            warehouse: fact.warehouse.to_string(),
            lane,
            sequence: *sequence,
        });
    }

    fn change_balance(&mut self, row: &RecordedEvent, account: &AccountId, points: i64) {
        if !self.balances.contains_key(account) {
            self.balances.insert(account.clone(), BalanceChange::default());
        }
        if let Some(change) = self.balances.get_mut(account) {
            change.available += points;
            change.partition = row.partition().0;
            change.position = row.position().0;
        }
    }
}

fn entry_at(row: &RecordedEvent, recorded_at: Timestamp) -> Entry {
    Entry {
        position: row.position().0,
        partition: row.partition().0,
        recorded_at: recorded_at.micros(),
        ..Entry::default()
    }
}

fn offer_terms(row: &RecordedEvent, terms: Terms, version: u64, stock: Option<u64>) -> OfferTerms {
    OfferTerms {
        product_id: terms.product_id.to_string(),
        price: terms.price.get(),
        stock,
        opens_at: terms.opens_at.map(Timestamp::micros),
        closes_at: terms.closes_at.map(Timestamp::micros),
        limit_per_shopper: terms.limit_per_shopper.map(domain::Units::get),
        warehouse: terms.warehouse.to_string(),
        version,
        partition: row.partition().0,
        position: row.position().0,
    }
}

/// An error with all that is behind it.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
