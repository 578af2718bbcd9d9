//! The state of a shipping request, and the updates that change it. It gives the messages that a
//! warehouse gets about them, without their numbers.

use std::collections::BTreeMap;

use domain::{DispatchId, ProductId};
use read_model::{LineRow, ParcelRow, ShippingChange, ShippingStatus};

use super::{NewMessage, ShippingRequestChange};
use crate::rows::json;

/// What can change of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestState {
    /// JSON in a text, where less is wanted than was asked for.
    pub(crate) lines_wanted: Option<String>,
    /// JSON in a text, where less is wanted and hasn't left.
    pub(crate) lines_left: Option<String>,
    pub(crate) status: ShippingStatus,
    pub(crate) status_since: Option<i64>,
    pub(crate) reason: Option<String>,
    pub(crate) carrier: Option<String>,
    pub(crate) express_no: Option<String>,
    /// JSON in a text, where a parcel left.
    pub(crate) parcels: Option<String>,
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
    /// A parcel left. It has all that was to be shipped, or what the warehouse named.
    Dispatched { parcel: Box<ParcelRow>, has_rest: bool },
    /// One parcel arrived.
    ParcelDelivered(DispatchId),
    /// It has this status, and why.
    Status(ShippingStatus, Option<String>),
}

impl RequestState {
    /// The state of a new request.
    pub(super) fn requested(place: i64) -> Self {
        Self {
            lines_wanted: None,
            lines_left: None,
            status: ShippingStatus::Requested,
            status_since: None,
            reason: None,
            carrier: None,
            express_no: None,
            parcels: None,
            crossed: false,
            changed_at: place,
        }
    }

    pub(super) fn into_change(self, place: i64) -> ShippingRequestChange {
        let Self {
            lines_wanted,
            lines_left,
            status,
            status_since,
            reason,
            carrier,
            express_no,
            parcels,
            crossed,
            changed_at,
        } = self;
        let status = status.as_str().to_owned();
        ShippingRequestChange {
            place,
            lines_wanted,
            lines_left,
            status,
            status_since,
            reason,
            carrier,
            express_no,
            parcels,
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
            if self.changed_at >= place {
                continue;
            }
            let wanted = match kind {
                UpdateKind::Dispatched { parcel, has_rest } => {
                    self.dispatch(fixed.lines, *parcel, has_rest, recorded_at)?;
                    None
                }
                UpdateKind::ParcelDelivered(dispatch_id) => {
                    self.deliver(fixed.lines, Some(&dispatch_id), recorded_at)?;
                    None
                }
                UpdateKind::Status(ShippingStatus::Delivered, _) => {
                    self.deliver(fixed.lines, None, recorded_at)?;
                    None
                }
                UpdateKind::Status(status, reason) => {
                    self.reach(status, reason, recorded_at);
                    None
                }
                // What left, or isn't to be sent any more, is not changed.
                _ if !self.status.is_open() => continue,
                UpdateKind::LessOfEach(quantity) => Some(self.lower(fixed.lines, |_| quantity)?),
                // Once a parcel has left, only the shop knows what a return means for the rest.
                UpdateKind::Less(_) if self.parcels.is_some() => continue,
                UpdateKind::Less(by_product) => Some(self.lower(fixed.lines, |product| {
                    by_product.get(product).copied().unwrap_or_default()
                })?),
            };
            self.changed_at = place;
            let Some(wanted) = wanted else { continue };
            let nothing_is_wanted = is_nothing(&wanted);
            if nothing_is_wanted {
                self.reach(ShippingStatus::Cancelled, None, recorded_at);
            }
            self.note_departure(fixed.lines, recorded_at)?;
            let lines = json(&wanted)?;
            self.lines_wanted = Some(lines.clone());
            let kind = if nothing_is_wanted { "cancelled" } else { "reduced" };
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

    /// A parcel left. More than was to be shipped is nobody's wish.
    fn dispatch(
        &mut self,
        asked: &str,
        mut parcel: ParcelRow,
        has_rest: bool,
        recorded_at: i64,
    ) -> Result<(), serde_json::Error> {
        let mut parcels = self.parcels()?;
        let mut left = self.left(asked)?;
        let is_surplus = if has_rest {
            is_nothing(&left) && !parcels.is_empty()
        } else {
            parcel.lines.iter().any(|line| line.quantity > quantity_of(&left, &line.product_id))
        };
        self.crossed |= self.status.is_called_off() || is_surplus;
        if self.status == ShippingStatus::Delivered && !is_nothing(&left) {
            // All was told to have arrived before this one was told of.
            parcel.status = ShippingStatus::Delivered;
        }
        for line in &mut left {
            let taken = quantity_of(&parcel.lines, &line.product_id);
            line.quantity = if has_rest { 0 } else { (line.quantity - taken).max(0) };
        }
        self.lines_left = Some(json(&left)?);
        self.carrier = Some(parcel.carrier.to_string());
        self.express_no = Some(parcel.express_no.to_string());
        parcels.push(parcel);
        self.parcels = Some(json(&parcels)?);
        self.note_departure(asked, recorded_at)
    }

    /// One parcel arrived, or all of it, which shows that it left.
    fn deliver(
        &mut self,
        asked: &str,
        dispatch_id: Option<&DispatchId>,
        recorded_at: i64,
    ) -> Result<(), serde_json::Error> {
        let mut parcels = self.parcels()?;
        for parcel in &mut parcels {
            if dispatch_id.is_none_or(|id| *id == parcel.dispatch_id) {
                parcel.status = ShippingStatus::Delivered;
            }
        }
        let has_left = !parcels.is_empty();
        if has_left {
            self.parcels = Some(json(&parcels)?);
        }
        if dispatch_id.is_some() {
            return self.note_departure(asked, recorded_at);
        }
        self.crossed |= self.status.is_called_off() && !has_left;
        self.reach(ShippingStatus::Delivered, None, recorded_at);
        Ok(())
    }

    /// The status that follows from the parcels that have left.
    fn note_departure(&mut self, asked: &str, recorded_at: i64) -> Result<(), serde_json::Error> {
        let parcels = self.parcels()?;
        if parcels.is_empty() {
            return Ok(());
        }
        let status = if !is_nothing(&self.left(asked)?) {
            ShippingStatus::PartlyDispatched
        } else if parcels.iter().all(|parcel| parcel.status == ShippingStatus::Delivered) {
            ShippingStatus::Delivered
        } else {
            ShippingStatus::Dispatched
        };
        self.reach(status, None, recorded_at);
        Ok(())
    }

    fn parcels(&self) -> Result<Vec<ParcelRow>, serde_json::Error> {
        self.parcels.as_deref().map_or_else(|| Ok(vec![]), serde_json::from_str)
    }

    /// What is wanted and hasn't left.
    fn left(&self, asked: &str) -> Result<Vec<LineRow>, serde_json::Error> {
        serde_json::from_str(self.lines_left.as_deref().unwrap_or(asked))
    }

    /// What is wanted of the lines when there is less; less of it is left to ship, too.
    fn lower(
        &mut self,
        asked: &str,
        less: impl Fn(&ProductId) -> i64,
    ) -> Result<Vec<LineRow>, serde_json::Error> {
        let mut left = self.left(asked)?;
        let wanted = self.lines_wanted.as_deref().unwrap_or(asked);
        let mut wanted: Vec<LineRow> = serde_json::from_str(wanted)?;
        for line in left.iter_mut().chain(&mut wanted) {
            line.quantity = (line.quantity - less(&line.product_id)).max(0);
        }
        self.lines_left = Some(json(&left)?);
        Ok(wanted)
    }
}

fn is_nothing(lines: &[LineRow]) -> bool {
    lines.iter().all(|line| line.quantity == 0)
}

fn quantity_of(lines: &[LineRow], product: &ProductId) -> i64 {
    lines.iter().find(|line| line.product_id == *product).map_or(0, |line| line.quantity)
}
