//! Shipping requests, for exchanges and for purchases, and what becomes of them.
//!
//! A batch collects the updates of requests; `Shipping::apply_updates` applies them once the
//! requests of earlier batches have been looked up: only then is it clear which updates a warehouse
//! gets a message about, and which number each message has in its lane.

mod request_state;

use std::collections::{BTreeMap, HashMap};

use domain::{
    AccountId, DeliverTo, ExchangeCreated, ParcelLines, PurchaseRecorded, Reason,
    ShipmentDispatched, ShipmentReport, Shipped, ShippedLine, UnitId, WarehouseId,
};
use postgres_connection::storable;
use read_model::{
    Lane, LineRow, ParcelRow, ShippingChange, ShippingRequest, ShippingStatus, Total, lane, row,
};

use super::{At, Rows, int};
use crate::traces::traceparent;
use request_state::Fixed;
pub(super) use request_state::UpdateKind;
pub(crate) use request_state::{RequestState, Update};

/// Names a request: the account, and the exchange or purchase that is shipped.
pub(crate) type RequestKey = (AccountId, Shipped);

/// The last message of each lane.
pub(crate) type Lanes = BTreeMap<String, LaneEnd>;

/// The last message of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LaneEnd {
    pub(crate) warehouse: String,
    pub(crate) sequence: i64,
    pub(crate) place: i64,
}

/// What a batch does to shipping requests.
#[derive(Debug, Default)]
pub(crate) struct Shipping {
    /// Those that it makes.
    requests: Vec<NewRequest>,
    /// The updates of requests, in the order of the log: a request that was dispatched is not
    /// changed by a later cancellation.
    pub(crate) updates: HashMap<RequestKey, Vec<Update>>,
    /// Requests of earlier batches, by their places, as they are after this one.
    changed: Vec<(i64, RequestState)>,
    messages: Vec<NewMessage>,
    /// The lanes that the batch used.
    pub(crate) lanes: Lanes,
}

/// The rows of a batch once its updates are applied.
#[derive(Debug)]
pub(crate) struct ShippingRows {
    pub(crate) requests: Vec<ShippingRequest>,
    pub(crate) changed: Vec<ShippingRequestChange>,
    pub(crate) messages: Vec<ShippingChange>,
    pub(crate) lanes: Vec<Lane>,
}

row! {
    /// What can change of a request, as it is from now on.
    pub(crate) struct ShippingRequestChange in "shipping_request" {
        place: i64,
        lines_wanted: Option<String>,
        lines_left: Option<String>,
        status: String,
        status_since: Option<i64>,
        reason: Option<String>,
        carrier: Option<String>,
        express_no: Option<String>,
        parcels: Option<String>,
        crossed: bool,
        attempts: i64,
        changed_at: i64,
    }
}

/// A request that the batch makes.
#[derive(Debug)]
struct NewRequest {
    key: RequestKey,
    state: RequestState,
    /// What doesn't change of it; its sequence is 0 until it has a number in its lane.
    row: ShippingRequest,
}

/// A later message about a request.
#[derive(Debug)]
struct NewMessage {
    lane: String,
    /// Its sequence is 0 until it has a number in its lane.
    row: ShippingChange,
}

/// A request of an earlier batch.
#[derive(Debug)]
pub(crate) struct FoundRequest {
    pub(crate) place: i64,
    pub(crate) lines: String,
    pub(crate) warehouse: String,
    pub(crate) lane: String,
    pub(crate) state: RequestState,
}

impl Shipping {
    /// Applies the updates, to requests that were `found` in the tables and to the batch's own, and
    /// numbers the messages. `before` is where the lanes ended. A purchase that was carried home
    /// has no request, and its updates change nothing.
    pub(crate) fn apply_updates(
        &mut self,
        found: Vec<(RequestKey, FoundRequest)>,
        before: &Lanes,
    ) -> Result<ShippingRows, serde_json::Error> {
        for (key, mut request) in found {
            let fixed = Fixed {
                place: request.place,
                lines: &request.lines,
                warehouse: &request.warehouse,
                lane: &request.lane,
            };
            let updates = self.updates.remove(&key).unwrap_or_default();
            request.state.apply(fixed, updates, &mut self.messages)?;
            self.changed.push((request.place, request.state));
        }
        let own = if self.updates.is_empty() { &mut [] } else { self.requests.as_mut_slice() };
        for NewRequest { key, state, row } in own {
            let fixed = Fixed {
                place: row.place,
                lines: &row.lines,
                warehouse: &row.warehouse,
                lane: &row.lane,
            };
            let updates = self.updates.remove(key).unwrap_or_default();
            state.apply(fixed, updates, &mut self.messages)?;
        }
        self.number(before);
        Ok(self.take_rows())
    }

    /// Gives each message its number in its lane, in the order of the log.
    fn number(&mut self, before: &Lanes) {
        type Message<'a> = (i64, &'a str, &'a str, &'a mut i64);
        let requests = self.requests.iter_mut().map(|NewRequest { row, .. }| -> Message<'_> {
            (row.place, &row.lane, &row.warehouse, &mut row.sequence)
        });
        let changes = self.messages.iter_mut().map(|NewMessage { lane, row }| -> Message<'_> {
            (row.place, lane, &row.warehouse, &mut row.sequence)
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

    fn take_rows(&mut self) -> ShippingRows {
        let requests = std::mem::take(&mut self.requests).into_iter().map(NewRequest::into_row);
        let changed = std::mem::take(&mut self.changed).into_iter();
        let messages = std::mem::take(&mut self.messages).into_iter().map(|message| message.row);
        let lanes = self.lanes.iter().map(|(lane, end)| Lane {
            lane: lane.clone(),
            warehouse: end.warehouse.clone(),
            last_sequence: end.sequence,
            last_place: end.place,
        });
        ShippingRows {
            requests: requests.collect(),
            changed: changed.map(|(place, state)| state.into_change(place)).collect(),
            messages: messages.collect(),
            lanes: lanes.collect(),
        }
    }
}

impl NewRequest {
    fn into_row(self) -> ShippingRequest {
        let RequestState {
            lines_wanted,
            lines_left,
            status,
            status_since,
            reason,
            carrier,
            express_no,
            parcels,
            crossed,
            attempts,
            changed_at,
        } = self.state;
        let status = status.as_str().to_owned();
        ShippingRequest {
            lines_wanted,
            lines_left,
            status,
            status_since,
            reason,
            carrier,
            express_no,
            parcels,
            crossed,
            attempts,
            changed_at,
            ..self.row
        }
    }
}

impl Rows {
    /// What is handed over at once isn't shipped.
    pub(super) fn ship_exchange(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &ExchangeCreated,
    ) {
        let Some(warehouse) = &fact.warehouse else { return };
        let (product, quantity) = (&fact.product_id, fact.allocation.quantity());
        // Neither an id nor a number needs escaping in JSON.
        let lines = format!(r#"[{{"product_id":"{product}","quantity":{quantity}}}]"#);
        let shipped = Shipped::ExchangeId(fact.exchange_id.clone());
        let to = fact.deliver_to.as_ref();
        self.request_shipping(at, account_id, shipped, warehouse, lines, to);
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
        let state = RequestState::requested(place);
        let (r#type, exchange_id, purchase_id) = match &shipped {
            Shipped::PurchaseId(id) => (1, None, Some(id.to_string())),
            Shipped::ExchangeId(id) => (2, Some(id.to_string()), None),
        };
        let row = ShippingRequest {
            place,
            generation: at.row.generation.0.into(),
            r#type,
            account_id: account_id.to_string(),
            exchange_id,
            purchase_id,
            lines,
            lines_wanted: None,
            lines_left: None,
            deliver_to: deliver_to.map(|to| storable(to.as_str())),
            warehouse: warehouse.to_string(),
            lane: lane(at.row.partition(), warehouse, account_id),
            sequence: 0,
            recorded_at: at.recorded_at.micros(),
            traceparent: traceparent(at.row).map(Into::into),
            status: state.status.as_str().into(),
            status_since: None,
            reason: None,
            carrier: None,
            express_no: None,
            parcels: None,
            crossed: false,
            attempts: 1,
            changed_at: place,
        };
        let key = (account_id.clone(), shipped);
        self.shipping.requests.push(NewRequest { key, state, row });
    }

    pub(super) fn dispatched(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: ShipmentDispatched,
    ) {
        self.totals.add(UnitId::POINTS, Total::Shipments, 1);
        let line = |line: &ShippedLine| LineRow {
            product_id: line.product_id.clone(),
            quantity: int(line.quantity.get()),
        };
        let parcel = ParcelRow {
            dispatch_id: fact.dispatch_id,
            lines: fact.lines.lines().iter().map(line).collect(),
            carrier: fact.carrier,
            express_no: fact.express_no,
            tracking_url: fact.tracking_url,
            status: ShippingStatus::Dispatched,
        };
        let has_rest = matches!(fact.lines, ParcelLines::Rest(_));
        let kind = UpdateKind::Dispatched { parcel: Box::new(parcel), has_rest };
        self.update_request(at, account_id, fact.shipped, kind);
    }

    pub(super) fn reported(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: ShipmentReport,
        status: ShippingStatus,
    ) {
        let reason = fact.note.reason.as_ref().map(Reason::as_str).map(storable);
        let kind = match fact.dispatch_id {
            Some(dispatch_id) => UpdateKind::ParcelDelivered(dispatch_id),
            None => UpdateKind::Status(status, reason),
        };
        self.update_request(at, account_id, fact.shipped, kind);
    }

    pub(super) fn update_request(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        shipped: Shipped,
        kind: UpdateKind,
    ) {
        self.shipping.updates.entry((account_id, shipped)).or_default().push(Update {
            place: at.place(),
            generation: at.row.generation.0.into(),
            recorded_at: at.recorded_at.micros(),
            traceparent: traceparent(at.row).map(Into::into),
            kind,
        });
    }
}
