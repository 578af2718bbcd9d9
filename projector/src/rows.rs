//! What a batch of events adds up to: a row, or a change of a row, for each key.

use std::collections::BTreeMap;

use domain::{
    AccountId, CreditDeducted, CreditEarned, Event, ExchangeCreated, OfferId, Terms, Timestamp,
};
use event_schema::decode;
use log_record::{LogId, RecordedEvent};

use crate::{ProjectError, lane};

/// The last sequence of each lane.
pub(crate) type Lanes = BTreeMap<String, i64>;

/// The rows of a batch, by table.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) balances: BTreeMap<AccountId, BalanceChange>,
    pub(crate) lots: Vec<Lot>,
    /// What was drawn from each lot in all.
    pub(crate) draws: BTreeMap<(AccountId, i64), i64>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) shipping_requests: Vec<ShippingRequest>,
    pub(crate) offers: BTreeMap<OfferId, OfferTerms>,
    pub(crate) offer_changes: BTreeMap<OfferId, OfferChange>,
    /// The last sequence of each lane that the batch used.
    pub(crate) lanes: Lanes,
}

/// By how much a balance changes.
#[derive(Debug, Default)]
pub(crate) struct BalanceChange {
    pub(crate) available: i64,
    pub(crate) partition: u16,
    pub(crate) position: i64,
}

#[derive(Debug)]
pub(crate) struct Lot {
    pub(crate) account_id: AccountId,
    pub(crate) lot: i64,
    pub(crate) points: i64,
    pub(crate) cause_kind: &'static str,
    pub(crate) cause_id: String,
    pub(crate) recorded_at: i64,
}

#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) place: i64,
    pub(crate) account_id: String,
    pub(crate) kind: &'static str,
    pub(crate) points: i64,
    pub(crate) cause_kind: Option<&'static str>,
    pub(crate) cause_id: Option<String>,
    pub(crate) exchange_id: Option<String>,
    pub(crate) occurred_at: Option<i64>,
    pub(crate) recorded_at: i64,
}

#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) place: i64,
    pub(crate) account_id: AccountId,
    pub(crate) exchange_id: String,
    pub(crate) offer_id: OfferId,
    pub(crate) product_id: String,
    pub(crate) quantity: i64,
    pub(crate) points: i64,
    pub(crate) occurred_at: Option<i64>,
    pub(crate) recorded_at: i64,
}

#[derive(Debug)]
pub(crate) struct ShippingRequest {
    pub(crate) place: i64,
    pub(crate) shipping_request_id: String,
    pub(crate) account_id: AccountId,
    pub(crate) exchange_id: String,
    /// JSON in a text, as the table keeps it.
    pub(crate) lines: String,
    pub(crate) deliver_to: Option<String>,
    pub(crate) warehouse: String,
    pub(crate) lane: String,
    pub(crate) sequence: i64,
}

/// An offer's terms after the batch; the stock counts where the batch opened it.
#[derive(Debug)]
pub(crate) struct OfferTerms {
    pub(crate) product_id: String,
    pub(crate) price: i64,
    pub(crate) stock: Option<i64>,
    pub(crate) opens_at: Option<i64>,
    pub(crate) closes_at: Option<i64>,
    pub(crate) limit_per_shopper: Option<i64>,
    pub(crate) warehouse: String,
    pub(crate) version: i64,
    pub(crate) partition: u16,
    pub(crate) position: i64,
}

/// By how much an offer's stock changes, and whether it was closed.
#[derive(Debug, Default)]
pub(crate) struct OfferChange {
    pub(crate) stock: i64,
    pub(crate) remaining: i64,
    /// The position of the closing.
    pub(crate) closed_at: Option<i64>,
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
                let stock = fact.stock.map(|stock| int(stock.get()));
                self.offers.insert(fact.offer_id, offer_terms(row, fact.terms, 1, stock));
            }
            Event::OfferAmended(fact) => {
                let stock = self.offers.get(&fact.offer_id).and_then(|offer| offer.stock);
                let terms = offer_terms(row, fact.terms, int(fact.version), stock);
                self.offers.insert(fact.offer_id, terms);
            }
            Event::OfferClosed(fact) => {
                let change = self.offer_changes.entry(fact.offer_id).or_default();
                change.closed_at = Some(int(row.position().0));
            }
            Event::StockAdded(fact) => {
                let change = self.offer_changes.entry(fact.offer_id).or_default();
                change.stock += int(fact.units.get());
                change.remaining += int(fact.units.get());
            }
            _ => {}
        }
    }

    fn earned(
        &mut self,
        row: &RecordedEvent,
        recorded_at: Timestamp,
        account_id: AccountId,
        fact: CreditEarned,
    ) {
        let points = int(fact.points.get());
        let cause_id = fact.cause.id.to_string();
        self.entries.push(Entry {
            account_id: account_id.to_string(),
            kind: "credit-earned",
            points,
            cause_kind: Some(fact.cause.kind.as_str()),
            cause_id: Some(cause_id.clone()),
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            ..entry_at(row, recorded_at)
        });
        self.change_balance(row, &account_id, points);
        self.lots.push(Lot {
            account_id,
            lot: int(row.position().0),
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
        let points = -int(fact.points.get());
        self.change_balance(row, &account_id, points);
        self.entries.push(Entry {
            account_id: account_id.to_string(),
            kind: "credit-deducted",
            points,
            exchange_id: Some(fact.exchange_id.to_string()),
            ..entry_at(row, recorded_at)
        });
        for drawn in fact.lots {
            *self.draws.entry((account_id.clone(), int(drawn.lot.get()))).or_default() +=
                int(drawn.points.get());
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
        change.remaining -= int(fact.quantity.get());
        self.exchanges.push(Exchange {
            place: key(row),
            account_id,
            exchange_id: fact.exchange_id.to_string(),
            offer_id: fact.offer_id,
            product_id: fact.product_id.to_string(),
            quantity: int(fact.quantity.get()),
            points: int(fact.points.get()),
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
            place: key(row),
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
            change.position = int(row.position().0);
        }
    }
}

fn entry_at(row: &RecordedEvent, recorded_at: Timestamp) -> Entry {
    Entry { place: key(row), recorded_at: recorded_at.micros(), ..Entry::default() }
}

fn offer_terms(row: &RecordedEvent, terms: Terms, version: i64, stock: Option<i64>) -> OfferTerms {
    OfferTerms {
        product_id: terms.product_id.to_string(),
        price: int(terms.price.get()),
        stock,
        opens_at: terms.opens_at.map(Timestamp::micros),
        closes_at: terms.closes_at.map(Timestamp::micros),
        limit_per_shopper: terms.limit_per_shopper.map(|limit| int(limit.get())),
        warehouse: terms.warehouse.to_string(),
        version,
        partition: row.partition().0,
        position: int(row.position().0),
    }
}

/// The place in the log as the tables keep it.
fn key(row: &RecordedEvent) -> i64 {
    int(u64::from(row.partition().0) << 48 | row.position().0)
}

/// SQLite's integers have a sign; amounts and positions need 53 and 48 bits of them.
const fn int(number: u64) -> i64 {
    number.cast_signed()
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
