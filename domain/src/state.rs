//! What a partition's events add up to.
//!
//! `evolve` decides nothing. It refuses only what no correct history can hold, naming the
//! invariant; a partition whose log holds such an event is stopped.

mod evolve;
mod shipment;

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use log_record::{Partition, Place, Position};
use serde::{Deserialize, Serialize};

use crate::account::OfferNumber;
use crate::amount::sum;
use crate::schedule::Schedule;
use crate::{
    Account, AccountId, Event, LogOpened, LotId, Offer, OfferId, Points, Policy, ProductId,
    RecordedIds, RuleId, Timestamp, Units, due,
};
use evolve::Half;
pub use evolve::Impossible;
pub use shipment::Unwanted;

use crate::EarningRule;

/// The state of a partition after the event at `position`.
#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    partition: Partition,
    position: Position,
    recorded_at: Timestamp,
    opened: Option<LogOpened>,
    /// Why the wall clock can't be trusted, until it is confirmed.
    clock_doubt: Option<Box<str>>,
    policy: Policy,
    /// The event that last changed the policy; before the first, the log's opening.
    policy_changed_at: Position,
    rules: HashMap<RuleId, EarningRule>,
    accounts: IndexMap<AccountId, Account>,
    offers: IndexMap<OfferId, Offer>,
    /// Exchanges of which something was cancelled, by the event that created them.
    cancelled: HashMap<Position, Cancelled>,
    /// What came back of purchases, by the event that recorded them.
    returned: HashMap<Position, Vec<Returned>>,
    /// How much of what a lot was earned as has been withdrawn.
    withdrawn: HashMap<LotId, Points>,
    recorded: Arc<RecordedIds>,
    /// The first half of a pair, whose second half must be the next event (I3). Between appends
    /// there is none.
    #[serde(skip)]
    unpaired: Option<Half>,
    #[serde(skip)]
    schedule: Schedule,
}

/// What was cancelled of an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cancelled {
    #[serde(with = "sum")]
    pub(crate) quantity: Units,
    #[serde(with = "sum")]
    pub(crate) points: Points,
    /// Whether nothing is left of it.
    pub(crate) is_all: bool,
}

/// How many of a product of a purchase came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Returned {
    pub(crate) product: ProductId,
    pub(crate) quantity: Units,
}

impl State {
    /// The state of a partition before its first event.
    #[must_use]
    pub fn new(partition: Partition) -> Self {
        Self {
            partition,
            position: Position::START,
            recorded_at: Timestamp::default(),
            opened: None,
            clock_doubt: None,
            policy: Policy::default(),
            policy_changed_at: Position::START,
            rules: HashMap::default(),
            accounts: IndexMap::default(),
            offers: IndexMap::default(),
            cancelled: HashMap::default(),
            returned: HashMap::default(),
            withdrawn: HashMap::default(),
            recorded: Arc::default(),
            unpaired: None,
            schedule: Schedule::default(),
        }
    }

    /// The place of the last event.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place { partition: self.partition, position: self.position }
    }

    /// The lot that an event of this partition made.
    #[must_use]
    pub fn lot_at(&self, position: Position) -> LotId {
        Place { partition: self.partition, position }.into()
    }

    /// The position of the last event.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// When the last event was recorded; the next is recorded no earlier.
    #[must_use]
    pub const fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }

    /// What the log was opened with, once it was.
    #[must_use]
    pub const fn opened(&self) -> Option<&LogOpened> {
        self.opened.as_ref()
    }

    /// Why the wall clock can't be trusted, where that was recorded and not confirmed since.
    #[must_use]
    pub fn clock_doubt(&self) -> Option<&str> {
        self.clock_doubt.as_deref()
    }

    /// Whether the last event is no half of a pair whose other half is missing (I3).
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.unpaired.is_none()
    }

    /// What the operator chose, and the event that says so.
    #[must_use]
    pub const fn policy(&self) -> (Policy, Position) {
        (self.policy, self.policy_changed_at)
    }

    /// An earning rule, if it was ever made.
    #[must_use]
    pub fn rule(&self, id: &RuleId) -> Option<&EarningRule> {
        self.rules.get(id)
    }

    /// An account, if it has ever had credit.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.get(id)
    }

    /// Every account with its id, in the order of their first credit.
    pub fn accounts(&self) -> impl Iterator<Item = (&AccountId, &Account)> {
        self.accounts.iter()
    }

    /// An offer, if it was ever opened.
    #[must_use]
    pub fn offer(&self, id: &OfferId) -> Option<&Offer> {
        self.offers.get(id)
    }

    /// Every offer with its id, in the order in which they were opened.
    pub fn offers(&self) -> impl Iterator<Item = (&OfferId, &Offer)> {
        self.offers.iter()
    }

    /// The ids that have been recorded, shared with whoever looks ids up while the state is busy.
    #[must_use]
    pub const fn recorded(&self) -> &Arc<RecordedIds> {
        &self.recorded
    }

    /// When something falls due next, or earlier than that; nothing where nothing will.
    #[must_use]
    pub fn earliest_due(&self) -> Option<Timestamp> {
        self.schedule.first()
    }

    /// The next account in which something is due by `now`, with the events that say so. It is
    /// given once: record them, or what was due waits until the account is changed.
    pub fn take_due(&mut self, now: Timestamp) -> Option<Vec<Event>> {
        let place = self.place();
        while let Some(number) = self.schedule.take(now) {
            let Some((id, account)) = self.accounts.get_index(number as usize) else { continue };
            if account.has_due(now) {
                let (mut account, mut events) = (account.clone(), vec![]);
                due::apply_due(&mut account, id, Timestamp::EPOCH, now, place, &mut events);
                return Some(events);
            }
            if let Some(due) = account.next_due() {
                self.schedule.plan(number, due);
            }
        }
        None
    }

    /// Plans anew when something falls due, after the state was read from a snapshot.
    #[must_use]
    pub fn with_schedule(mut self) -> Self {
        for (number, account) in self.accounts.values().enumerate() {
            if let (Some(due), Ok(number)) = (account.next_due(), u32::try_from(number)) {
                self.schedule.plan(number, due);
            }
        }
        self
    }

    /// The id of an offer by its number.
    #[must_use]
    pub fn offer_id(&self, number: OfferNumber) -> Option<&OfferId> {
        self.offers.get_index(number.0 as usize).map(|(id, _)| id)
    }

    pub(crate) fn numbered_offer(&self, id: &OfferId) -> Option<(OfferNumber, &Offer)> {
        let (number, _, offer) = self.offers.get_full(id)?;
        Some((OfferNumber(u32::try_from(number).ok()?), offer))
    }

    pub(crate) fn cancelled(&self, exchange: Position) -> Cancelled {
        self.cancelled.get(&exchange).copied().unwrap_or_default()
    }

    pub(crate) fn returned(&self, purchase: Position, product: &ProductId) -> Units {
        let returned = self.returned.get(&purchase).map(Vec::as_slice).unwrap_or_default();
        let of_product = returned.iter().find(|returned| returned.product == *product);
        of_product.map(|returned| returned.quantity).unwrap_or_default()
    }

    pub(crate) fn withdrawn(&self, lot: LotId) -> Points {
        self.withdrawn.get(&lot).copied().unwrap_or_default()
    }
}
