//! What is asked of the warehouses, for exchanges and for purchases.

use std::collections::BTreeMap;

use domain::{
    AccountId, DeliverTo, ExchangeCreated, ProductId, PurchaseRecorded, ShipmentDispatched,
    ShipmentReport, Shipped, WarehouseId,
};
use serde::{Deserialize, Serialize};

use super::{At, Rows, json};
use crate::lane;

#[derive(Debug)]
pub(crate) struct ShippingRequest {
    pub(crate) place: i64,
    pub(crate) shipping_request_id: String,
    pub(crate) account_id: AccountId,
    pub(crate) shipped: Shipped,
    /// JSON in a text, as the table keeps it.
    pub(crate) lines: String,
    pub(crate) deliver_to: Option<String>,
    pub(crate) warehouse: String,
    pub(crate) lane: String,
    pub(crate) sequence: i64,
}

/// Something became known of a shipping request.
#[derive(Debug)]
pub(crate) struct ShippingChange {
    place: i64,
    news: ShippingNews,
}

/// What became known of it.
#[derive(Debug)]
pub(super) enum ShippingNews {
    /// So many less of every line: an exchange has one.
    LessOfEach(i64),
    /// Less of some products.
    Less(BTreeMap<ProductId, i64>),
    /// The parcel left.
    Dispatched { carrier: String, express_no: String },
    /// It has come as far as this status.
    Reached(&'static str),
}

/// What can change of a request, as the table has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestState {
    pub(crate) lines: String,
    pub(crate) status: String,
    pub(crate) carrier: Option<String>,
    pub(crate) express_no: Option<String>,
    /// The place of the last event that changed it: applied again, it changes nothing.
    pub(crate) changed_at: i64,
}

/// A line as the table keeps it.
#[derive(Deserialize, Serialize)]
struct LineRow {
    product_id: ProductId,
    quantity: i64,
}

impl RequestState {
    /// Does what became known since, in the order of the log.
    pub(crate) fn change(&mut self, changes: &[ShippingChange]) -> Result<(), serde_json::Error> {
        for ShippingChange { place, news } in changes {
            let is_here = furtherance(&self.status) < furtherance("dispatched");
            match news {
                _ if self.changed_at >= *place => continue,
                ShippingNews::Dispatched { carrier, express_no } => {
                    self.reach("dispatched");
                    self.carrier = Some(carrier.clone());
                    self.express_no = Some(express_no.clone());
                }
                ShippingNews::Reached(status) => self.reach(status),
                // What left, or isn't to be sent any more, is not changed.
                _ if !is_here => continue,
                ShippingNews::LessOfEach(quantity) => self.lower(|_| *quantity)?,
                ShippingNews::Less(by_product) => {
                    self.lower(|product| by_product.get(product).copied().unwrap_or_default())?;
                }
            }
            self.changed_at = *place;
        }
        Ok(())
    }

    /// What is told late doesn't bring a parcel back.
    fn reach(&mut self, status: &str) {
        if furtherance(&self.status) < furtherance(status) {
            self.status = status.into();
        }
    }

    /// Where nothing is left to be shipped, there is no parcel.
    fn lower(&mut self, less: impl Fn(&ProductId) -> i64) -> Result<(), serde_json::Error> {
        let mut lines: Vec<LineRow> = serde_json::from_str(&self.lines)?;
        for line in &mut lines {
            line.quantity = (line.quantity - less(&line.product_id)).max(0);
        }
        if lines.iter().all(|line| line.quantity == 0) {
            self.status = "cancelled".into();
        }
        self.lines = json(&lines)?;
        Ok(())
    }
}

/// How far on its way a parcel is that has this status.
fn furtherance(status: &str) -> u8 {
    match status {
        "requested" => 0,
        "accepted" => 1,
        "back-ordered" => 2,
        "dispatched" => 3,
        "delivered" => 4,
        // Cancelled, rejected or settled: it goes no further.
        _ => 5,
    }
}

impl Rows {
    pub(super) fn ship_exchange(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &ExchangeCreated,
    ) {
        let (product, quantity) = (&fact.product_id, fact.quantity);
        // Neither an id nor a number needs escaping in JSON.
        let lines = format!(r#"[{{"product_id":"{product}","quantity":{quantity}}}]"#);
        let shipped = Shipped::ExchangeId(fact.exchange_id.clone());
        let to = fact.deliver_to.as_ref();
        self.request_shipping(at, account_id, shipped, &fact.warehouse, lines, to);
    }

    /// Most purchases are carried home; those with a warehouse are to be shipped.
    pub(super) fn ship_purchase(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &PurchaseRecorded,
    ) {
        let Some(warehouse) = &fact.warehouse else { return };
        let lines: Vec<String> = fact
            .lines
            .iter()
            .map(|line| {
                let (product, quantity) = (&line.product_id, line.quantity);
                format!(r#"{{"product_id":"{product}","quantity":{quantity}}}"#)
            })
            .collect();
        let lines = format!("[{}]", lines.join(","));
        let shipped = Shipped::PurchaseId(fact.purchase_id.clone());
        let to = fact.deliver_to.as_ref();
        self.request_shipping(at, account_id, shipped, warehouse, lines, to);
    }

    fn request_shipping(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        shipped: Shipped,
        warehouse: &WarehouseId,
        lines: String,
        deliver_to: Option<&DeliverTo>,
    ) {
        let (partition, position) = (at.row.partition(), at.row.position());
        let lane = lane(partition, warehouse, account_id);
        let before = at.lanes.get(&lane).copied().unwrap_or_default();
        let sequence = self.lanes.entry(lane.clone()).or_insert(before);
        *sequence += 1;
        let generation = at.row.generation;
        self.shipping_requests.push(ShippingRequest {
            place: at.place(),
            shipping_request_id: format!("{}-{generation}-{partition}-{position}", at.log_id),
            account_id: account_id.clone(),
            shipped,
            lines,
            // The one text here that may be any: PostgreSQL can't keep the character 0.
            deliver_to: deliver_to.map(|to| to.as_str().replace('\0', "\u{fffd}")),
            warehouse: warehouse.to_string(),
            lane,
            sequence: *sequence,
        });
    }

    pub(super) fn dispatched(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: ShipmentDispatched,
    ) {
        self.totals.shipments += 1;
        if let Shipped::ExchangeId(exchange_id) = &fact.shipped {
            let key = (account_id.clone(), exchange_id.clone());
            self.exchange_changes.entry(key).or_default().is_dispatched = true;
        }
        let news = ShippingNews::Dispatched {
            carrier: fact.carrier.to_string(),
            express_no: fact.express_no.to_string(),
        };
        self.change_shipping(at, account_id, fact.shipped, news);
    }

    pub(super) fn reported(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: ShipmentReport,
        status: &'static str,
    ) {
        self.change_shipping(at, account_id, fact.shipped, ShippingNews::Reached(status));
    }

    pub(super) fn change_shipping(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        shipped: Shipped,
        news: ShippingNews,
    ) {
        let changes = self.shipping_changes.entry((account_id, shipped)).or_default();
        changes.push(ShippingChange { place: at.place(), news });
    }
}
