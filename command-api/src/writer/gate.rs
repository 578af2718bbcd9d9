//! The gate before the queue: once an offer is sold out, requests for it are turned away here, for
//! the price of a look-up.
//!
//! It is closed by committed stock alone, and it turns away only ids that are neither in flight nor
//! recorded, looked up in that order: an id is in the map before it ceases to be in flight, so a
//! repeat of what was sold is never told that it is sold out. Where another writer may take over
//! unseen, it is believed only for a moment after the log was last found to be this writer's.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::command::Redeem;
use domain::{
    ByIdHash, Gates, IdHash, Offer, OfferId, RecordedIds, Refusal, Reply, State, Timestamp, Units,
};
use log_record::Position;
use parking_lot::{Mutex, RwLock};

/// How long the gate may close by what the writer knew, where another may have taken over since.
const BELIEVED_MILLIS: u64 = 1_000;

/// Shared by the writer and everyone who submits.
#[derive(Debug)]
pub(super) struct Gate {
    /// Whether nobody else can write meanwhile.
    is_exclusive: bool,
    made: Instant,
    /// When the log was last found to be this writer's, in milliseconds after `made`.
    confirmed: AtomicU64,
    sold_out: RwLock<HashSet<OfferId>>,
    /// What homes have said, where there are several partitions.
    across: Option<RwLock<Gates>>,
    recorded: RwLock<Arc<RecordedIds>>,
    /// How many commands with an id are on their way.
    in_flight: Mutex<ByIdHash<usize>>,
}

/// An id's being in flight; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct InFlight {
    gate: Arc<Gate>,
    id: IdHash,
}

impl Gate {
    pub(super) fn new(is_exclusive: bool, is_shared: bool) -> Self {
        Self {
            is_exclusive,
            across: is_shared.then(RwLock::default),
            made: Instant::now(),
            confirmed: AtomicU64::new(0),
            sold_out: RwLock::default(),
            recorded: RwLock::default(),
            in_flight: Mutex::default(),
        }
    }

    /// The log was this writer's at some time after `begun`.
    pub(super) fn confirm(&self, begun: Instant) {
        self.confirmed.store(self.millis(begun), Ordering::Release);
    }

    /// How long ago the log was this writer's at the latest.
    pub(super) fn since_confirmed(&self) -> Duration {
        let since = self.confirmed.load(Ordering::Acquire);
        Duration::from_millis(self.millis(Instant::now()).saturating_sub(since))
    }

    fn is_believed(&self) -> bool {
        let since = self.confirmed.load(Ordering::Acquire);
        self.is_exclusive || self.millis(Instant::now()).saturating_sub(since) < BELIEVED_MILLIS
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.made).as_millis()).unwrap_or(u64::MAX)
    }

    /// The refusal of a redemption, whose id's hash is `id`, that needs no deciding.
    pub(super) fn turn_away(&self, redeem: &Redeem, id: IdHash) -> Option<Refusal> {
        let (offer, asked) = (&redeem.order.offer_id, redeem.order.quantity);
        // Until the answer is known, for the ids are forgotten together with this.
        let sold_out = self.sold_out.read();
        let is_sold_out = !sold_out.is_empty() && sold_out.contains(offer);
        let refusal = match &self.across {
            Some(gates) => gates.read().refusal(offer, asked, self.time(Instant::now()))?,
            None if is_sold_out => Refusal::SoldOut { remaining: Units::ZERO, asked },
            None => return None,
        };
        if !self.is_believed() {
            return None;
        }
        if self.knows(id) {
            return None;
        }
        Some(refusal)
    }

    /// The event that bears an id, if it was decided on; it may not be durable yet.
    pub(super) fn position_of(&self, id: IdHash) -> Option<Position> {
        self.recorded.read().position_of(id)
    }

    /// What an offer's home said, which was asked then.
    pub(super) fn hear(&self, offer: &OfferId, reply: Reply, asked_at: Instant) {
        if let Some(gates) = &self.across {
            gates.write().hear(offer, reply, self.time(asked_at));
        }
    }

    /// Units of an offer came, which its home sent by its event at this position.
    pub(super) fn open_across(&self, offer: &OfferId, at: Position) {
        if let Some(gates) = &self.across {
            gates.write().open(offer, at);
        }
    }

    /// A unit of an offer was kept for somebody: nobody is turned away for the moment.
    pub(super) fn lift(&self, offer: &OfferId) {
        if let Some(gates) = &self.across {
            gates.write().lift(offer);
        }
    }

    /// A moment as the gates count it. It isn't the log's time, which may stand still.
    fn time(&self, at: Instant) -> Timestamp {
        let micros = at.saturating_duration_since(self.made).as_micros();
        i64::try_from(micros)
            .ok()
            .and_then(|micros| Timestamp::from_micros(micros).ok())
            .unwrap_or_default()
    }

    /// Whether an id is in flight or recorded.
    pub(super) fn knows(&self, id: IdHash) -> bool {
        self.in_flight.lock().contains_key(&id) || self.recorded.read().position_of(id).is_some()
    }

    /// Registers an id as in flight.
    pub(super) fn enter(self: &Arc<Self>, id: IdHash) -> InFlight {
        *self.in_flight.lock().entry(id).or_default() += 1;
        InFlight { gate: Arc::clone(self), id }
    }

    /// An offer's committed stock is at nought, or no longer.
    pub(super) fn set_sold_out(&self, offer: &OfferId, is_sold_out: bool) {
        let mut sold_out = self.sold_out.write();
        if is_sold_out {
            sold_out.insert(offer.clone());
        } else {
            sold_out.remove(offer);
        }
    }

    /// Turns nobody away: what is committed isn't known for the moment.
    pub(super) fn open(&self) {
        self.open_all(&mut self.sold_out.write());
    }

    fn open_all(&self, sold_out: &mut HashSet<OfferId>) {
        sold_out.clear();
        if let Some(gates) = &self.across {
            gates.write().open_all();
        }
    }

    /// Turns nobody away, and lets go of the ids, until a state is installed.
    pub(super) fn forget(&self) {
        let mut sold_out = self.sold_out.write();
        self.open_all(&mut sold_out);
        *self.recorded.write() = Arc::default();
    }

    /// Goes by this state, all of which is committed.
    pub(super) fn install(&self, state: &State) {
        *self.recorded.write() = Arc::clone(state.recorded());
        // An empty shelf says nothing of what the offer's home has.
        let is_out = |offer: &Offer| {
            // A unit that is reserved comes back by itself.
            offer.inventory.remaining() == Some(Units::ZERO)
                && offer.reserved == Units::ZERO
                && !state.is_shared()
        };
        let sold_out = state.offers().filter(|(_, offer)| is_out(offer));
        *self.sold_out.write() = sold_out.map(|(id, _)| id.clone()).collect();
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut in_flight = self.gate.in_flight.lock();
        if let Some(count) = in_flight.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                in_flight.remove(&self.id);
            }
        }
    }
}
