//! What is asked of the warehouses, for exchanges and for purchases.

use domain::{
    AccountId, DeliverTo, ExchangeCreated, PurchaseRecorded, ShipmentDispatched, Shipped,
    WarehouseId,
};

use super::{At, Rows};
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
    pub(crate) place: i64,
    pub(crate) account_id: AccountId,
    pub(crate) shipped: Shipped,
    pub(crate) news: ShippingNews,
}

/// What became known of it.
#[derive(Debug)]
pub(crate) enum ShippingNews {
    /// So many less of every line: an exchange has one.
    LessOfEach(i64),
    /// Less of some products: JSON in a text, the quantity by product.
    Less(String),
    /// The parcel left.
    Dispatched { carrier: String, express_no: String },
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
            deliver_to: deliver_to.map(|to| to.as_str().to_owned()),
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

    pub(super) fn change_shipping(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        shipped: Shipped,
        news: ShippingNews,
    ) {
        self.shipping_changes.push(ShippingChange { place: at.place(), account_id, shipped, news });
    }
}
