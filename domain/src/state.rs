//! The state of a partition, folded from its events.
//!
//! `evolve` decides nothing. It refuses only what no correct history can hold, naming the
//! invariant; a partition whose log holds such an event is stopped.

mod accounts;
mod across;
mod ahead;
mod codes;
mod conversion;
mod evolve;
mod impossible;
mod mergers;
mod pairs;
mod programme;
mod queue;
mod reservations;
mod serving;
mod shipment;
mod size;
mod told;
mod waiting;

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use log_record::{Partition, Place, Position};
use serde::{Deserialize, Serialize};

use crate::account::OfferNumber;
use crate::merged::pass_on;
use crate::schedule::{AccountNumber, Due, Schedule};
use crate::sharing::tell_homes;
use crate::unit::KnownUnits;
use crate::{
    Account, AccountId, ConversionRate, EarningRule, Event, IdHash, Ladder, LadderId, Ladders,
    LogOpened, LotId, Offer, OfferId, Owner, Points, Policy, PresentTier, ProductId, RecordedIds,
    RuleId, SegmentId, Shipment, ShipmentDispatched, Shipped, ShippedLine, Standings, Timestamp,
    Unit, UnitId, UnitNumber, Units, Wallet, due, present_tiers,
};
use accounts::{Accounts, Cancelled, RefusedCredit};
use across::Across;
pub use across::{Cursor, Undelivered};
pub use impossible::Impossible;
pub use mergers::Merger;
use mergers::Mergers;
use pairs::Half;
use programme::Programme;
pub(crate) use queue::Queue;
use reservations::Reservations;
pub use shipment::Unwanted;
pub use size::StateSize;
pub(crate) use size::table_bytes;
pub(crate) use waiting::Waiter;
use waiting::WaitingLists;

/// Things by their ids, which are short texts, in the order in which they came into being.
type ById<K, V> = IndexMap<K, V, RandomState>;

/// The state of a partition after the event at `position`.
#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    partition: Partition,
    position: Position,
    recorded_at: Timestamp,
    programme: Programme,
    accounts: Accounts,
    /// Of the other partitions.
    across: Across,
    mergers: Mergers,
    /// Who waits for units of offers.
    waiting: WaitingLists,
    /// The first half of a pair, whose second half must be the next event (I3). Between appends
    /// there is none.
    #[serde(skip)]
    unpaired: Option<Half>,
    #[serde(skip)]
    schedule: Schedule,
    #[serde(skip)]
    reservations: Reservations,
    /// The next account to be judged by the newest versions of ladders, after one was amended.
    #[serde(skip)]
    unjudged: Option<AccountNumber>,
}

impl State {
    /// The state of a partition before its first event.
    #[must_use]
    pub fn new(partition: Partition) -> Self {
        Self {
            partition,
            position: Position::START,
            recorded_at: Timestamp::default(),
            programme: Programme::default(),
            accounts: Accounts::default(),
            across: Across::default(),
            mergers: Mergers::default(),
            waiting: WaitingLists::default(),
            unpaired: None,
            schedule: Schedule::default(),
            reservations: Reservations::default(),
            unjudged: None,
        }
    }

    /// The place of the last event.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place { partition: self.partition, position: self.position }
    }

    /// The id of the lot that the event at `position` made.
    #[must_use]
    pub fn lot_at(&self, position: Position) -> LotId {
        self.place_at(position).into()
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

    /// The `log-opened` event, if there is one.
    #[must_use]
    pub const fn opened(&self) -> Option<&LogOpened> {
        self.programme.opened.as_ref()
    }

    /// The recorded doubt about the wall clock, until an operator confirms the clock.
    #[must_use]
    pub fn clock_doubt(&self) -> Option<&str> {
        self.programme.clock_doubt.as_deref()
    }

    /// Whether every pair of events is complete (I3).
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unpaired.as_ref().is_none_or(Half::may_be_last)
            && !self.accounts.is_purchase_next(self.position)
            && self.across.is_whole()
            && self.programme.uploading == 0
    }

    /// Whether an append may end with this event, which is the last that was applied: the event may
    /// leave its account with a debt and with credit that is about to pay it (I10).
    #[must_use]
    pub fn may_end_after(&self, event: &Event) -> bool {
        let account = event.account_id().and_then(|id| self.account(id));
        let pays =
            |wallet: &Wallet| wallet.owed() > Points::ZERO && wallet.available() > Points::ZERO;
        let pays = |account: &Account| account.wallets().any(|(_, wallet)| pays(wallet));
        self.is_whole() && !account.is_some_and(pays)
    }

    /// The policy, and the position of the event that set it.
    #[must_use]
    pub const fn policy(&self) -> (Policy, Position) {
        (self.programme.policy, self.programme.policy_changed_at)
    }

    /// Counts changes of the policy; 0 before the first.
    #[must_use]
    pub const fn policy_version(&self) -> u64 {
        self.programme.policy_version
    }

    /// An earning rule, if it was ever made.
    #[must_use]
    pub fn rule(&self, id: &RuleId) -> Option<&EarningRule> {
        self.programme.rules.get(id)
    }

    /// A unit, if it was ever made.
    #[must_use]
    pub fn unit(&self, id: UnitId) -> Option<&Unit> {
        self.programme.units.get(id)
    }

    /// A conversion rate, if it was ever made.
    #[must_use]
    pub fn conversion_rate(&self, from: UnitId, to: UnitId) -> Option<&ConversionRate> {
        self.programme.conversion_rates.get(from, to)
    }

    /// Every unit with its id, in the order in which they were made.
    pub fn units(&self) -> impl Iterator<Item = (UnitId, &Unit)> {
        self.programme.units.iter()
    }

    /// A unit's place in the state.
    #[must_use]
    pub fn unit_number(&self, id: UnitId) -> Option<UnitNumber> {
        self.programme.units.number(id)
    }

    /// The id of a unit by its place.
    #[must_use]
    pub fn unit_id(&self, number: UnitNumber) -> Option<UnitId> {
        self.programme.units.id(number)
    }

    /// All ladders.
    #[must_use]
    pub const fn ladders(&self) -> &Ladders {
        &self.programme.ladders
    }

    /// A ladder, if it was ever made.
    #[must_use]
    pub fn ladder(&self, id: LadderId) -> Option<&Ladder> {
        self.programme.ladders.get(id)
    }

    /// What an account has on each ladder at a time, with what is due counted as done.
    #[must_use]
    pub fn tiers(&self, id: &AccountId, now: Timestamp) -> Vec<(LadderId, PresentTier)> {
        let nothing = Standings::default();
        let standings = self.account(id).map_or(&nothing, Account::standings);
        present_tiers(&self.programme.ladders, standings, now)
    }

    pub(crate) const fn known_units(&self) -> &KnownUnits {
        &self.programme.units
    }

    /// An account, if it exists.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.by_id.get(id)
    }

    /// Whether an account is in a segment, and the event that said so last; nothing where none did.
    #[must_use]
    pub fn segment(&self, account: &AccountId, segment: SegmentId) -> Option<(bool, Position)> {
        self.accounts.segment(account, segment)
    }

    /// Every account with its id, in the order in which they came into being.
    pub fn accounts(&self) -> impl Iterator<Item = (&AccountId, &Account)> {
        self.accounts.by_id.iter()
    }

    /// An offer, if it was ever opened.
    #[must_use]
    pub fn offer(&self, id: &OfferId) -> Option<&Offer> {
        self.programme.offers.get(id)
    }

    /// Every offer with its id, in the order in which they were opened.
    pub fn offers(&self) -> impl Iterator<Item = (&OfferId, &Offer)> {
        self.programme.offers.iter()
    }

    /// The ids of the accounts' commands that have been recorded, shared with whoever looks ids up
    /// while the state is busy.
    #[must_use]
    pub const fn recorded(&self) -> &Arc<RecordedIds> {
        &self.accounts.recorded
    }

    /// The position of the event recorded under `id`.
    #[must_use]
    pub fn position_of(&self, owner: Owner<'_>, id: IdHash) -> Option<Position> {
        match owner {
            Owner::Account(_) => self.accounts.recorded.position_of(id),
            Owner::Programme => self.programme.recorded.get(&id).copied(),
        }
    }

    /// A lower bound of the next due time; `None` if nothing is planned.
    #[must_use]
    pub fn earliest_due(&self) -> Option<Timestamp> {
        if self.unjudged.is_some() { Some(Timestamp::EPOCH) } else { self.schedule.first() }
    }

    /// The due events of the next planned account, and what it passes on where it was merged. Each
    /// call takes one account off the schedule: record its events, or they wait until the account
    /// changes. After a ladder was amended, each
    /// call looks at some accounts, whether something is due in them or not, so that the next one
    /// may find more where this one found nothing: while it does, something is planned.
    pub fn take_due(&mut self, now: Timestamp) -> Option<Vec<Event>> {
        while let Some(due) = self.schedule.take(now) {
            let events = match due {
                Due::Account(number) => self.due_in_account(number, now),
                // `opens_at` and `closes_at` need no event, but for those who wait.
                Due::Offer(number) => self.due_in_offer(number, now),
            };
            if events.is_some() {
                return events;
            }
        }
        self.take_unjudged(now)
    }

    /// The due events of the next account in which an amended ladder gives something.
    fn take_unjudged(&mut self, now: Timestamp) -> Option<Vec<Event>> {
        /// Some hundred microseconds of looking.
        const LOOKED_AT_MAX: usize = 1_024;
        for _ in 0..LOOKED_AT_MAX {
            let number = self.unjudged?;
            let Some((_, account)) = self.accounts.by_id.get_index(number as usize) else {
                self.unjudged = None;
                return None;
            };
            let has_due = account.standings().has_due(&self.programme.ladders, now);
            self.unjudged = number.checked_add(1);
            if has_due && let Some(events) = self.due_in_account(number, now) {
                return Some(events);
            }
        }
        None
    }

    /// What is due in an account; where nothing is yet, it is planned anew.
    fn due_in_account(&mut self, number: AccountNumber, now: Timestamp) -> Option<Vec<Event>> {
        let (id, account) = self.accounts.by_id.get_index(number as usize)?;
        let ladders = &self.programme.ladders;
        let mut events = vec![];
        if account.has_due(now) {
            let (mut account, mut standings) = (account.clone(), account.standings().clone());
            let (units, times) = (&self.programme.units, [Timestamp::EPOCH, now]);
            let units = (units, Some((&mut standings, ladders)));
            due::apply_due(&mut account, id, units, times, self.place(), &mut events);
        } else if account.standings().has_due(ladders, now) {
            // An account, which may have thousands of parts of lots, isn't copied for a tier.
            let mut standings = account.standings().clone();
            let due = standings.apply_due(ladders, now, self.position);
            events.extend(due.into_iter().map(|step| step.event(id)));
        }
        // An amended ladder may give nothing.
        if !events.is_empty() {
            pass_on(self, &mut events, now);
            tell_homes(self, &mut events);
            return Some(events);
        }
        self.schedule.plan(Due::Account(number), account.next_due()?);
        None
    }

    /// Plans anew when something falls due, after the state was read from a snapshot.
    #[must_use]
    pub fn with_schedule(mut self) -> Self {
        self.schedule = Schedule::of_accounts(self.accounts.by_id.values().map(Account::next_due));
        self.reservations = self.all_reservations();
        self.unjudged = self.programme.ladders.were_amended().then_some(0);
        self.with_waiting()
    }

    /// The id of an offer by its number.
    #[must_use]
    pub fn offer_id(&self, number: OfferNumber) -> Option<&OfferId> {
        self.programme.offers.get_index(number.0 as usize).map(|(id, _)| id)
    }

    pub(crate) fn numbered_offer(&self, id: &OfferId) -> Option<(OfferNumber, &Offer)> {
        let (number, _, offer) = self.programme.offers.get_full(id)?;
        Some((OfferNumber(u32::try_from(number).ok()?), offer))
    }

    pub(crate) fn cancelled(&self, exchange: Position) -> Cancelled {
        self.accounts.cancelled(exchange)
    }

    /// What was refunded of a capture.
    pub(crate) fn refunded(&self, capture: Position) -> Points {
        self.accounts.refunded(capture)
    }

    pub(crate) fn returned(&self, purchase: Position, product: &ProductId) -> Units {
        self.accounts.returned(purchase, product)
    }

    /// The credit that was refused when a purchase was recorded, by unit.
    pub(crate) fn refused_credit(&self, purchase: Position) -> &[RefusedCredit] {
        self.accounts.refused_credit(purchase)
    }

    pub(crate) fn withdrawn(&self, lot: LotId) -> Points {
        self.accounts.withdrawn(lot)
    }

    /// Why a shipping request isn't wanted any more, even if its parcel has left.
    #[must_use]
    pub fn unwanted(&self, account: &AccountId, shipped: &Shipped) -> Option<Unwanted> {
        self.accounts.unwanted(account, shipped)
    }

    /// The position of the event that requested shipping.
    #[must_use]
    pub fn asked_at(&self, account: &AccountId, shipped: &Shipped) -> Option<Position> {
        self.accounts.asked_at(account, shipped)
    }

    /// Why a parcel that is about to be recorded isn't wanted.
    #[must_use]
    pub fn unwanted_parcel(
        &self,
        account: &AccountId,
        fact: &ShipmentDispatched,
    ) -> Option<Unwanted> {
        self.accounts.unwanted_parcel(account, fact)
    }

    /// How far a shipping request is that asked for these lines.
    #[must_use]
    pub fn shipment(&self, account: &AccountId, shipped: &Shipped, of: &[ShippedLine]) -> Shipment {
        self.accounts.shipment(account, shipped, of)
    }

    pub(crate) fn to_ship(
        &self,
        account: &AccountId,
        shipped: &Shipped,
        of: &[ShippedLine],
    ) -> Vec<ShippedLine> {
        self.accounts.to_ship(account, shipped, of)
    }

    pub(crate) fn left_to_cancel(&self, exchange: Position, left: Units) -> Units {
        self.accounts.left_to_cancel(exchange, left)
    }

    /// How many parcels of a request have left.
    #[must_use]
    pub fn parcel_count(&self, account: &AccountId, shipped: &Shipped) -> u32 {
        self.accounts.parcel_count(account, shipped)
    }

    pub(crate) fn has_left(&self, account: &AccountId, shipped: &Shipped) -> bool {
        self.accounts.has_left(account, shipped)
    }

    pub(crate) fn is_settled(&self, account: &AccountId, shipped: &Shipped) -> bool {
        self.accounts.is_settled(account, shipped)
    }
}
