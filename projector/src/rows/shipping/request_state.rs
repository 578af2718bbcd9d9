//! The state of a shipping request, and the updates that change it. It gives the messages that a
//! warehouse gets about them, without their numbers.

use std::collections::BTreeMap;

use domain::ProductId;
use read_model::{ShippingChange, ShippingStatus};
use serde::{Deserialize, Serialize};

use super::{NewMessage, ShippingRequestChange};
use crate::rows::json;

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

/// What doesn't change of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fixed<'a> {
    pub(super) place: i64,
    pub(super) lines: &'a str,
    pub(super) warehouse: &'a str,
    pub(super) lane: &'a str,
}

/// An event that updates a request.
#[derive(Debug)]
pub(crate) struct Update {
    pub(super) place: i64,
    pub(super) generation: i64,
    pub(super) recorded_at: i64,
    pub(super) traceparent: Option<String>,
    pub(super) kind: UpdateKind,
}

/// How an event updates a request.
#[derive(Debug)]
pub(in crate::rows) enum UpdateKind {
    /// Every line has this much less to ship: an exchange has one line.
    LessOfEach(i64),
    /// Some products have less to ship.
    Less(BTreeMap<ProductId, i64>),
    /// The parcel left.
    Dispatched { carrier: String, express_no: String },
    /// It has this status, and why.
    Status(ShippingStatus, Option<String>),
}

/// A line as the table keeps it.
#[derive(Deserialize, Serialize)]
struct LineRow {
    product_id: ProductId,
    quantity: i64,
}

impl RequestState {
    /// The state of a new request.
    pub(super) fn requested(place: i64) -> Self {
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

    pub(super) fn into_change(self, place: i64) -> ShippingRequestChange {
        let Self {
            lines_left,
            status,
            status_since,
            reason,
            carrier,
            express_no,
            crossed,
            changed_at,
        } = self;
        let status = status.as_str().to_owned();
        ShippingRequestChange {
            place,
            lines_left,
            status,
            status_since,
            reason,
            carrier,
            express_no,
            crossed,
            changed_at,
        }
    }

    /// Applies updates in the order of the log, and adds the messages that the warehouse gets about
    /// them.
    pub(super) fn apply(
        &mut self,
        fixed: Fixed<'_>,
        updates: Vec<Update>,
        messages: &mut Vec<NewMessage>,
    ) -> Result<(), serde_json::Error> {
        for Update { place, generation, recorded_at, traceparent, kind } in updates {
            let is_open = self.status.is_open();
            let left = match kind {
                _ if self.changed_at >= place => continue,
                UpdateKind::Dispatched { carrier, express_no } => {
                    self.leave(ShippingStatus::Dispatched, recorded_at);
                    (self.carrier, self.express_no) = (Some(carrier), Some(express_no));
                    None
                }
                UpdateKind::Status(ShippingStatus::Delivered, _) => {
                    self.leave(ShippingStatus::Delivered, recorded_at);
                    None
                }
                UpdateKind::Status(status, reason) => {
                    self.reach(status, reason, recorded_at);
                    None
                }
                // What left, or isn't to be sent any more, is not changed.
                _ if !is_open => continue,
                UpdateKind::LessOfEach(quantity) => Some(self.lower(fixed.lines, |_| quantity)?),
                UpdateKind::Less(by_product) => Some(self.lower(fixed.lines, |product| {
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
            let kind = if nothing_is_left { "cancelled" } else { "reduced" };
            let row = ShippingChange {
                place,
                generation,
                request: fixed.place,
                kind: kind.into(),
                lines,
                warehouse: fixed.warehouse.into(),
                sequence: 0,
                recorded_at,
                traceparent,
            };
            messages.push(NewMessage { lane: fixed.lane.into(), row });
        }
        Ok(())
    }

    fn reach(&mut self, status: ShippingStatus, reason: Option<String>, recorded_at: i64) {
        if self.status.gives_way_to(status) {
            (self.status, self.status_since, self.reason) = (status, Some(recorded_at), reason);
        }
    }

    /// The goods have left, or arrived, which shows that they left.
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
