//! What is asked of the warehouses, for exchanges and for purchases, and what becomes of it.
//!
//! What a batch hears of requests is done once it is known how they stood before it
//! (`Rows::settle_shipping`): only then is it clear which of it a warehouse is to be told, and each
//! message's number in its lane.

use std::collections::{BTreeMap, HashMap};

use domain::{
    AccountId, DeliverTo, ExchangeCreated, ProductId, PurchaseRecorded, Reason, ShipmentDispatched,
    ShipmentReport, Shipped, WarehouseId,
};
use event_schema::decode_metadata;
use read_model::{ShippingStatus, lane};
use serde::{Deserialize, Serialize};

use super::{At, Rows, json};

/// Whom a request is of, and what for.
pub(crate) type RequestKey = (AccountId, Shipped);

/// Where each lane stands.
pub(crate) type Lanes = BTreeMap<String, LaneEnd>;

/// The last message of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LaneEnd {
    pub(crate) warehouse: String,
    pub(crate) sequence: i64,
    pub(crate) place: i64,
}

/// What a batch has of shipping.
#[derive(Debug, Default)]
pub(crate) struct Shipping {
    pub(crate) requests: Vec<ShippingRequest>,
    /// One by one, in the order of the log: what is dispatched is not changed by what comes after.
    pub(crate) heard: HashMap<RequestKey, Vec<Heard>>,
    /// Requests of batches before, by their places, as they are after this one.
    pub(crate) changed: Vec<(i64, RequestState)>,
    pub(crate) changes: Vec<ShippingChange>,
    /// The lanes that the batch used.
    pub(crate) lanes: Lanes,
}

#[derive(Debug)]
pub(crate) struct ShippingRequest {
    pub(crate) place: i64,
    pub(crate) generation: i64,
    pub(crate) account_id: AccountId,
    pub(crate) shipped: Shipped,
    /// JSON in a text, as the table keeps it.
    pub(crate) lines: String,
    pub(crate) deliver_to: Option<String>,
    pub(crate) warehouse: String,
    pub(crate) lane: String,
    /// 0 until it is counted.
    pub(crate) sequence: i64,
    pub(crate) recorded_at: i64,
    pub(crate) traceparent: Option<String>,
    pub(crate) state: RequestState,
}

/// What a warehouse is to be told of a request.
#[derive(Debug)]
pub(crate) struct ShippingChange {
    pub(crate) place: i64,
    pub(crate) generation: i64,
    /// The request's place.
    pub(crate) request: i64,
    pub(crate) kind: &'static str,
    /// JSON in a text: what is left.
    pub(crate) lines: String,
    pub(crate) warehouse: String,
    pub(crate) lane: String,
    pub(crate) sequence: i64,
    pub(crate) recorded_at: i64,
    pub(crate) traceparent: Option<String>,
}

/// A request of a batch before.
#[derive(Debug)]
pub(crate) struct FoundRequest {
    pub(crate) place: i64,
    pub(crate) lines: String,
    pub(crate) warehouse: String,
    pub(crate) lane: String,
    pub(crate) state: RequestState,
}

/// What can change of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestState {
    /// JSON in a text, where less is left than was asked for.
    pub(crate) lines_left: Option<String>,
    pub(crate) status: ShippingStatus,
    pub(crate) status_since: Option<i64>,
    pub(crate) reason: Option<String>,
    pub(crate) carrier: Option<String>,
    pub(crate) express_no: Option<String>,
    pub(crate) crossed: bool,
    /// The place of the last event that changed it: applied again, it changes nothing.
    pub(crate) changed_at: i64,
}

/// What of a request doesn't change.
#[derive(Clone, Copy, Debug)]
struct RequestOf<'a> {
    place: i64,
    lines: &'a str,
    warehouse: &'a str,
    lane: &'a str,
}

/// Something became known of a request.
#[derive(Debug)]
pub(crate) struct Heard {
    place: i64,
    generation: i64,
    recorded_at: i64,
    traceparent: Option<String>,
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
    /// It has come as far as this, and why.
    Reached(ShippingStatus, Option<String>),
}

/// A line as the table keeps it.
#[derive(Deserialize, Serialize)]
struct LineRow {
    product_id: ProductId,
    quantity: i64,
}

impl Shipping {
    /// Does what was heard, of requests that were `found` in the tables and of the batch's own, and
    /// counts the messages. `before` is where the lanes stood. A purchase that was carried home has
    /// no request, and nothing comes of what is heard of it.
    pub(crate) fn settle(
        &mut self,
        found: Vec<(RequestKey, FoundRequest)>,
        before: &Lanes,
    ) -> Result<(), serde_json::Error> {
        for (key, mut request) in found {
            let of = RequestOf {
                place: request.place,
                lines: &request.lines,
                warehouse: &request.warehouse,
                lane: &request.lane,
            };
            let heard = self.heard.remove(&key).unwrap_or_default();
            request.state.hear(of, heard, &mut self.changes)?;
            self.changed.push((request.place, request.state));
        }
        let own = if self.heard.is_empty() { &mut [] } else { self.requests.as_mut_slice() };
        for request in own {
            let of = RequestOf {
                place: request.place,
                lines: &request.lines,
                warehouse: &request.warehouse,
                lane: &request.lane,
            };
            let key = (request.account_id.clone(), request.shipped.clone());
            let heard = self.heard.remove(&key).unwrap_or_default();
            request.state.hear(of, heard, &mut self.changes)?;
        }
        self.count(before);
        Ok(())
    }

    /// Gives each message its number in its lane, in the order of the log.
    fn count(&mut self, before: &Lanes) {
        type Message<'a> = (i64, &'a str, &'a str, &'a mut i64);
        let requests = self.requests.iter_mut().map(|request| -> Message<'_> {
            (request.place, &request.lane, &request.warehouse, &mut request.sequence)
        });
        let changes = self.changes.iter_mut().map(|change| -> Message<'_> {
            (change.place, &change.lane, &change.warehouse, &mut change.sequence)
        });
        let mut messages: Vec<Message<'_>> = requests.chain(changes).collect();
        messages.sort_unstable_by_key(|(place, ..)| *place);
        for (place, lane, warehouse, sequence) in messages {
            let end = match self.lanes.get_mut(lane) {
                Some(end) => end,
                None => self.lanes.entry(lane.into()).or_insert_with(|| {
                    let none = || LaneEnd { warehouse: warehouse.into(), sequence: 0, place: 0 };
                    before.get(lane).cloned().unwrap_or_else(none)
                }),
            };
            // An event that is applied again has its row, which stays as it is.
            if end.place < place {
                (end.sequence, end.place) = (end.sequence + 1, place);
            }
            *sequence = end.sequence;
        }
    }
}

impl RequestState {
    /// As it is when it was just asked for.
    fn requested(place: i64) -> Self {
        Self {
            lines_left: None,
            status: ShippingStatus::Requested,
            status_since: None,
            reason: None,
            carrier: None,
            express_no: None,
            crossed: false,
            changed_at: place,
        }
    }

    /// Does what was heard since, in the order of the log, and adds what of it the warehouse is
    /// to be told.
    fn hear(
        &mut self,
        of: RequestOf<'_>,
        heard: Vec<Heard>,
        told: &mut Vec<ShippingChange>,
    ) -> Result<(), serde_json::Error> {
        for Heard { place, generation, recorded_at, traceparent, news } in heard {
            let is_open = self.status.is_open();
            let left = match news {
                _ if self.changed_at >= place => continue,
                ShippingNews::Dispatched { carrier, express_no } => {
                    self.leave(ShippingStatus::Dispatched, recorded_at);
                    (self.carrier, self.express_no) = (Some(carrier), Some(express_no));
                    None
                }
                ShippingNews::Reached(ShippingStatus::Delivered, _) => {
                    self.leave(ShippingStatus::Delivered, recorded_at);
                    None
                }
                ShippingNews::Reached(status, reason) => {
                    self.reach(status, reason, recorded_at);
                    None
                }
                // What left, or isn't to be sent any more, is not changed.
                _ if !is_open => continue,
                ShippingNews::LessOfEach(quantity) => Some(self.lower(of.lines, |_| quantity)?),
                ShippingNews::Less(by_product) => Some(self.lower(of.lines, |product| {
                    by_product.get(product).copied().unwrap_or_default()
                })?),
            };
            self.changed_at = place;
            let Some(left) = left else { continue };
            let nothing_is_left = left.iter().all(|line| line.quantity == 0);
            if nothing_is_left {
                self.reach(ShippingStatus::Cancelled, None, recorded_at);
            }
            let lines = json(&left)?;
            self.lines_left = Some(lines.clone());
            told.push(ShippingChange {
                place,
                generation,
                request: of.place,
                kind: if nothing_is_left { "cancelled" } else { "reduced" },
                lines,
                warehouse: of.warehouse.into(),
                lane: of.lane.into(),
                sequence: 0,
                recorded_at,
                traceparent,
            });
        }
        Ok(())
    }

    fn reach(&mut self, status: ShippingStatus, reason: Option<String>, recorded_at: i64) {
        if self.status.gives_way_to(status) {
            (self.status, self.status_since, self.reason) = (status, Some(recorded_at), reason);
        }
    }

    /// The goods have left, or arrived, which tells the same where nothing was said before.
    fn leave(&mut self, status: ShippingStatus, recorded_at: i64) {
        self.crossed |= self.status.is_called_off() && self.carrier.is_none();
        self.reach(status, None, recorded_at);
    }

    /// What is left of the lines when there is less.
    fn lower(
        &self,
        lines: &str,
        less: impl Fn(&ProductId) -> i64,
    ) -> Result<Vec<LineRow>, serde_json::Error> {
        let lines = self.lines_left.as_deref().unwrap_or(lines);
        let mut lines: Vec<LineRow> = serde_json::from_str(lines)?;
        for line in &mut lines {
            line.quantity = (line.quantity - less(&line.product_id)).max(0);
        }
        Ok(lines)
    }
}

impl Rows {
    pub(super) fn ship_exchange(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &ExchangeCreated,
    ) {
        let (product, quantity) = (&fact.product_id, fact.allocation.quantity());
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
        let place = at.place();
        self.shipping.requests.push(ShippingRequest {
            place,
            generation: at.row.generation.0.into(),
            account_id: account_id.clone(),
            shipped,
            lines,
            deliver_to: deliver_to.map(|to| keepable(to.as_str())),
            warehouse: warehouse.to_string(),
            lane: lane(at.row.partition(), warehouse, account_id),
            sequence: 0,
            recorded_at: at.recorded_at.micros(),
            traceparent: traceparent(at),
            state: RequestState::requested(place),
        });
    }

    pub(super) fn dispatched(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: ShipmentDispatched,
    ) {
        self.totals.shipments += 1;
        let news = ShippingNews::Dispatched {
            carrier: fact.carrier.to_string(),
            express_no: fact.express_no.to_string(),
        };
        self.hear_of_shipping(at, account_id, fact.shipped, news);
    }

    pub(super) fn reported(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: ShipmentReport,
        status: ShippingStatus,
    ) {
        let reason = fact.note.reason.as_ref().map(Reason::as_str).map(keepable);
        self.hear_of_shipping(at, account_id, fact.shipped, ShippingNews::Reached(status, reason));
    }

    pub(super) fn hear_of_shipping(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        shipped: Shipped,
        news: ShippingNews,
    ) {
        self.shipping.heard.entry((account_id, shipped)).or_default().push(Heard {
            place: at.place(),
            generation: at.row.generation.0.into(),
            recorded_at: at.recorded_at.micros(),
            traceparent: traceparent(at),
            news,
        });
    }
}

/// Without the character 0, which PostgreSQL can't keep, and which any text of a caller's may have.
fn keepable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The trace in which an event came about. Few have one, and metadata isn't read in vain.
fn traceparent(at: At<'_>) -> Option<String> {
    if !at.row.public.contains(r#""traceparent":"#) {
        return None;
    }
    decode_metadata(at.row).ok()?.traceparent.map(Into::into)
}
