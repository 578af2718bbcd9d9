//! What the state knows of shipping requests: which facts were told of each, and what is still to
//! be shipped where not all left in one parcel.

use log_record::Position;
use serde::{Deserialize, Serialize};

use super::accounts::Accounts;
use super::impossible::{Changed, TOO_MUCH, ensure};
use crate::{
    AccountId, DispatchId, IdHash, ParcelLines, Shipment, ShipmentDispatched, ShipmentReport,
    Shipped, ShippedLine, ShippingStatus, Units,
};

/// Why a parcel isn't wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwanted {
    /// All of the exchange was cancelled.
    Cancelled,
    /// The warehouse rejected it.
    Rejected,
    /// An operator saw to it by hand.
    Settled,
    /// More is in it than is still to be shipped.
    Surplus,
}

impl Unwanted {
    /// The name of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::Settled => "settled",
            Self::Surplus => "surplus",
        }
    }
}

/// The parcels of a request, of which one at least has another id than `dispatch`. A request that
/// leaves in the one parcel `dispatch` has no such entry: that the id is recorded says it all.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Parcels {
    /// What is wanted and hasn't left; a line of which nothing is left isn't here.
    to_ship: Vec<ShippedLine>,
    /// The event that told of the first.
    first_at: Position,
    count: u32,
    delivered: u32,
    /// The event after which nothing was to be shipped and every parcel was delivered.
    all_delivered_at: Option<Position>,
}

impl Parcels {
    fn note_delivered(&mut self, at: Position) {
        if self.to_ship.is_empty() && self.delivered == self.count {
            self.all_delivered_at.get_or_insert(at);
        }
    }

    /// Takes units off what is to be shipped.
    pub(super) fn take(&mut self, lines: &[ShippedLine]) {
        for line in &mut self.to_ship {
            let taken = lines.iter().find(|taken| taken.product_id == line.product_id);
            let taken = taken.map_or(Units::ZERO, |taken| taken.quantity);
            line.quantity = line.quantity.minus(taken).unwrap_or(Units::ZERO);
        }
        self.to_ship.retain(|line| line.quantity > Units::ZERO);
    }

    /// Takes cancelled units off what is to be shipped of an exchange, which has one line.
    pub(super) fn cancel(&mut self, quantity: Units, at: Position) -> Changed {
        let left = self.to_ship.first_mut().and_then(|line| {
            line.quantity = line.quantity.minus(quantity)?;
            Some(())
        });
        ensure(left.is_some(), "I12: units were cancelled that have left")?;
        self.to_ship.retain(|line| line.quantity > Units::ZERO);
        self.note_delivered(at);
        Ok(())
    }

    pub(super) fn is_all(&self) -> bool {
        self.to_ship.is_empty()
    }
}

impl Accounts {
    /// Why goods aren't wanted any more, whether or not they left all the same.
    pub(super) fn unwanted(&self, account: &AccountId, shipped: &Shipped) -> Option<Unwanted> {
        if self.is_recorded(IdHash::rejection(account, shipped)) {
            return Some(Unwanted::Rejected);
        }
        if self.is_settled(account, shipped) {
            return Some(Unwanted::Settled);
        }
        let Shipped::ExchangeId(_) = shipped else { return None };
        let created_at = self.asked_at(account, shipped)?;
        self.cancelled(created_at).is_all().then_some(Unwanted::Cancelled)
    }

    /// Why a parcel that is about to be recorded isn't wanted.
    pub(super) fn unwanted_parcel(
        &self,
        account: &AccountId,
        fact: &ShipmentDispatched,
    ) -> Option<Unwanted> {
        let ShipmentDispatched { shipped, lines, .. } = fact;
        let is_surplus = || match lines {
            ParcelLines::Rest(_) => {
                let whole = DispatchId::whole();
                let parcels = self.asked_at(account, shipped).and_then(|at| self.parcels.get(&at));
                parcels.is_some_and(Parcels::is_all)
                    || self.is_recorded(IdHash::dispatch(account, shipped, &whole))
            }
            ParcelLines::Named { lines, of } => {
                let to_ship = self.to_ship(account, shipped, of);
                lines.iter().any(|line| line.quantity > quantity_of(&to_ship, line))
            }
        };
        self.unwanted(account, shipped).or_else(|| is_surplus().then_some(Unwanted::Surplus))
    }

    /// The event that asked for shipping.
    pub(super) fn asked_at(&self, account: &AccountId, shipped: &Shipped) -> Option<Position> {
        self.recorded.position_of(match shipped {
            Shipped::ExchangeId(id) => IdHash::exchange(account, id),
            Shipped::PurchaseId(id) => IdHash::purchase(account, id),
        })
    }

    /// Whether all goods have left the warehouse; the delivery of the whole says so, too.
    pub(super) fn has_left(&self, account: &AccountId, shipped: &Shipped) -> bool {
        let parcels = self.asked_at(account, shipped).and_then(|at| self.parcels.get(&at));
        parcels.is_some_and(Parcels::is_all)
            || self.is_recorded(IdHash::dispatch(account, shipped, &DispatchId::whole()))
            || self.is_recorded(IdHash::delivery(account, shipped))
    }

    /// How many units of an exchange can still be cancelled, of so many that weren't yet.
    pub(super) fn left_to_cancel(&self, exchange: Position, left: Units) -> Units {
        let Some(parcels) = self.parcels.get(&exchange) else { return left };
        parcels.to_ship.first().map_or(Units::ZERO, |line| line.quantity)
    }

    /// How many parcels of a request have left.
    pub(super) fn parcel_count(&self, account: &AccountId, shipped: &Shipped) -> u32 {
        let parcels = self.asked_at(account, shipped).and_then(|at| self.parcels.get(&at));
        let whole = IdHash::dispatch(account, shipped, &DispatchId::whole());
        parcels.map_or_else(|| u32::from(self.is_recorded(whole)), |parcels| parcels.count)
    }

    /// What is wanted and hasn't left, of what was asked for. A return changes it only until the
    /// first parcel has left: later, only the shop knows whether goods came back or weren't sent.
    pub(super) fn to_ship(
        &self,
        account: &AccountId,
        shipped: &Shipped,
        of: &[ShippedLine],
    ) -> Vec<ShippedLine> {
        let Some(at) = self.asked_at(account, shipped) else { return of.to_vec() };
        if let Some(parcels) = self.parcels.get(&at) {
            return parcels.to_ship.clone();
        }
        if self.is_recorded(IdHash::dispatch(account, shipped, &DispatchId::whole())) {
            return vec![];
        }
        let lines = of.iter().map(|line| {
            let gone = match shipped {
                Shipped::ExchangeId(_) => self.cancelled(at).quantity,
                Shipped::PurchaseId(_) => self.called_off(at, &line.product_id),
            };
            let quantity = line.quantity.minus(gone).unwrap_or(Units::ZERO);
            ShippedLine { product_id: line.product_id.clone(), quantity }
        });
        lines.filter(|line| line.quantity > Units::ZERO).collect()
    }

    /// How far a request is that asked for these lines. Of what ended it, the first counts.
    pub(super) fn shipment(
        &self,
        account: &AccountId,
        shipped: &Shipped,
        of: &[ShippedLine],
    ) -> Shipment {
        let to_ship = self.to_ship(account, shipped, of);
        let at = |id: IdHash| self.recorded.position_of(id);
        let whole = DispatchId::whole();
        let asked_at = self.asked_at(account, shipped);
        let parcels = asked_at.and_then(|asked_at| self.parcels.get(&asked_at));
        let whole_left_at = at(IdHash::dispatch(account, shipped, &whole));
        let first_left_at = parcels.map(|parcels| parcels.first_at).or(whole_left_at);
        let whole_arrived_at = at(IdHash::delivery(account, shipped));
        let parcels_arrived_at = match parcels {
            Some(parcels) => parcels.all_delivered_at,
            None => at(IdHash::parcel_delivery(account, shipped, &whole)),
        };
        let cancelled_at = match shipped {
            Shipped::ExchangeId(_) => asked_at.and_then(|at| self.cancelled(at).all_at),
            Shipped::PurchaseId(_) => {
                let left_at = [first_left_at, whole_arrived_at].into_iter().flatten().min();
                let returned_at = asked_at.and_then(|at| self.all_returned_at(at, of));
                returned_at.filter(|returned| left_at.is_none_or(|left| *returned < left))
            }
        };
        let ends = [
            (whole_arrived_at, ShippingStatus::Delivered),
            (parcels_arrived_at, ShippingStatus::Delivered),
            (cancelled_at, ShippingStatus::Cancelled),
            (at(IdHash::rejection(account, shipped)), ShippingStatus::Rejected),
            (at(IdHash::settlement(account, shipped)), ShippingStatus::Settled),
        ];
        let ends = ends.into_iter().filter_map(|(at, status)| Some((at?, status)));
        let status = match ends.min_by_key(|(at, _)| *at) {
            Some((_, status)) => status,
            None if first_left_at.is_some() && to_ship.is_empty() => ShippingStatus::Dispatched,
            None if first_left_at.is_some() => ShippingStatus::PartlyDispatched,
            None if self.is_recorded(IdHash::back_order(account, shipped)) => {
                ShippingStatus::BackOrdered
            }
            None if self.is_recorded(IdHash::acceptance(account, shipped)) => {
                ShippingStatus::Accepted
            }
            None => ShippingStatus::Requested,
        };
        let left = |line: &ShippedLine| {
            let quantity = quantity_of(&to_ship, line);
            let quantity = if status.is_open() { quantity } else { Units::ZERO };
            ShippedLine { product_id: line.product_id.clone(), quantity }
        };
        Shipment { status, lines_left: of.iter().map(left).collect() }
    }

    pub(super) fn is_settled(&self, account: &AccountId, shipped: &Shipped) -> bool {
        self.is_recorded(IdHash::settlement(account, shipped))
    }

    pub(super) fn is_recorded(&self, id: IdHash) -> bool {
        self.recorded.position_of(id).is_some()
    }

    pub(super) fn shipment_dispatched(
        &mut self,
        at: Position,
        account: &AccountId,
        fact: &ShipmentDispatched,
    ) -> Changed {
        let ShipmentDispatched { shipped, dispatch_id, lines, .. } = fact;
        let asked_at = self.asked_at(account, shipped).ok_or("nobody asked for what left")?;
        let is_whole = *dispatch_id == DispatchId::whole();
        let to_ship = match lines {
            ParcelLines::Rest(_) if is_whole && !self.parcels.contains_key(&asked_at) => None,
            ParcelLines::Rest(_) => Some(vec![]),
            ParcelLines::Named { of, .. } => {
                ensure(!is_whole, "the parcel `dispatch` has all that is to be shipped")?;
                Some(self.to_ship(account, shipped, of))
            }
        };
        if let Some(to_ship) = to_ship {
            let whole = DispatchId::whole();
            let at_of = |id: IdHash| self.recorded.position_of(id);
            let whole_left_at = at_of(IdHash::dispatch(account, shipped, &whole));
            let whole_arrived_at = at_of(IdHash::parcel_delivery(account, shipped, &whole));
            let parcels = self.parcels.entry(asked_at).or_insert_with(|| Parcels {
                to_ship: vec![],
                first_at: whole_left_at.unwrap_or(at),
                count: whole_left_at.is_some().into(),
                delivered: whole_arrived_at.is_some().into(),
                all_delivered_at: whole_arrived_at,
            });
            parcels.to_ship = to_ship;
            parcels.take(lines.lines());
            parcels.count = parcels.count.checked_add(1).ok_or(TOO_MUCH)?;
        }
        self.record(IdHash::dispatch(account, shipped, dispatch_id), at)
    }

    pub(super) fn shipment_delivered(
        &mut self,
        at: Position,
        account: &AccountId,
        fact: &ShipmentReport,
    ) -> Changed {
        let ShipmentReport { shipped, dispatch_id, .. } = fact;
        let Some(dispatch_id) = dispatch_id else {
            return self.record(IdHash::delivery(account, shipped), at);
        };
        let dispatch = IdHash::dispatch(account, shipped, dispatch_id);
        ensure(self.is_recorded(dispatch), "a parcel was delivered that never left")?;
        self.record(IdHash::parcel_delivery(account, shipped, dispatch_id), at)?;
        let asked_at = self.asked_at(account, shipped).ok_or("nobody asked for what arrived")?;
        if let Some(parcels) = self.parcels.get_mut(&asked_at) {
            parcels.delivered = parcels.delivered.checked_add(1).ok_or(TOO_MUCH)?;
            parcels.note_delivered(at);
        }
        Ok(())
    }

    pub(super) fn shipment_rejected(
        &self,
        at: Position,
        id: &AccountId,
        shipped: &Shipped,
    ) -> Changed {
        ensure(self.asked_at(id, shipped).is_some(), "nobody asked for what was rejected")?;
        ensure(!self.has_left(id, shipped), "I12: a request was rejected after all had left")?;
        ensure(!self.is_settled(id, shipped), "I12: a parcel was rejected after it was settled")?;
        self.record(IdHash::rejection(id, shipped), at)
    }
}

fn quantity_of(lines: &[ShippedLine], of: &ShippedLine) -> Units {
    let line = lines.iter().find(|line| line.product_id == of.product_id);
    line.map_or(Units::ZERO, |line| line.quantity)
}
