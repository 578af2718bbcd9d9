//! What a partition's events add up to, and how each event changes it.
//!
//! `evolve` decides nothing. It refuses only what no correct history can hold, naming the
//! invariant; a partition whose log holds such an event is stopped.

use std::collections::HashMap;
use std::sync::Arc;

use log_record::Position;

use crate::account::OfferNumber;
use crate::{
    Account, AccountId, CreditDeducted, CreditEarned, Event, ExchangeCreated, IdHash, Inventory,
    LogOpened, Lot, Offer, OfferAmended, OfferClosed, OfferId, OfferOpened, OfferPhase, Points,
    RecordedIds, StockAdded, Timestamp,
};

/// The state of a partition after the event at `position`.
#[derive(Debug, Default)]
pub struct State {
    position: Position,
    recorded_at: Timestamp,
    opened: Option<LogOpened>,
    accounts: HashMap<AccountId, Account>,
    offer_numbers: HashMap<OfferId, OfferNumber>,
    offers: Vec<Offer>,
    recorded: Arc<RecordedIds>,
    /// A deduction whose exchange must be the next event (I3).
    unpaired: Option<(AccountId, CreditDeducted)>,
}

/// An event that no correct history can hold where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event at position {position} can't follow those before it: {why}")]
pub struct Impossible {
    /// Where it stands in its partition.
    pub position: Position,
    /// What it breaks.
    pub why: &'static str,
}

impl State {
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

    /// An account, if it has ever had credit.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.get(id)
    }

    /// An offer, if it was ever opened.
    #[must_use]
    pub fn offer(&self, id: &OfferId) -> Option<&Offer> {
        self.numbered_offer(id).map(|(_, offer)| offer)
    }

    /// Every offer with its id, in no order.
    pub fn offers(&self) -> impl Iterator<Item = (&OfferId, &Offer)> {
        self.offer_numbers
            .iter()
            .filter_map(|(id, number)| Some((id, self.offers.get(number.0 as usize)?)))
    }

    /// Every account with its id, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = (&AccountId, &Account)> {
        self.accounts.iter()
    }

    /// The ids that have been recorded, shared with whoever looks ids up while the state is busy.
    #[must_use]
    pub const fn recorded(&self) -> &Arc<RecordedIds> {
        &self.recorded
    }

    pub(crate) fn numbered_offer(&self, id: &OfferId) -> Option<(OfferNumber, &Offer)> {
        let number = *self.offer_numbers.get(id)?;
        Some((number, self.offers.get(number.0 as usize)?))
    }

    /// Applies the event at `position`. After an error the state is of no use.
    pub fn evolve(
        &mut self,
        position: Position,
        recorded_at: Timestamp,
        event: &Event,
    ) -> Result<(), Impossible> {
        self.apply(position, recorded_at, event).map_err(|why| Impossible { position, why })
    }

    fn apply(&mut self, at: Position, recorded_at: Timestamp, event: &Event) -> Changed {
        ensure(at == self.position().next(), "I5: positions are dense")?;
        ensure(recorded_at >= self.recorded_at(), "I6: recorded times never decrease")?;
        let is_first = self.opened.is_none();
        ensure(is_first == matches!(event, Event::LogOpened(_)), "log-opened comes first, once")?;
        ensure(
            self.unpaired.is_none() || matches!(event, Event::ExchangeCreated(..)),
            "I3: a deduction is followed by its exchange",
        )?;
        match event {
            Event::LogOpened(fact) => self.opened = Some(fact.clone()),
            Event::CreditEarned(account, fact) => self.credit_earned(at, account, fact)?,
            Event::CreditDeducted(account, fact) => self.credit_deducted(account, fact)?,
            Event::ExchangeCreated(account, fact) => self.exchange_created(at, account, fact)?,
            Event::OfferOpened(fact) => self.offer_opened(at, fact)?,
            Event::OfferAmended(fact) => self.offer_amended(at, fact)?,
            Event::OfferClosed(fact) => self.offer_closed(at, recorded_at, fact)?,
            Event::StockAdded(fact) => self.stock_added(at, fact)?,
            _ => return Err("it isn't known yet"),
        }
        self.position = at;
        self.recorded_at = recorded_at;
        Ok(())
    }

    fn credit_earned(&mut self, at: Position, id: &AccountId, fact: &CreditEarned) -> Changed {
        self.record(IdHash::cause(id, &fact.cause), at)?;
        let lot = Lot { id: at.into(), points: fact.points };
        // Looked up first: `entry` would clone the id of every account that is there already.
        let earned = match self.accounts.get_mut(id) {
            Some(account) => account.earn(lot),
            None => self.accounts.entry(id.clone()).or_default().earn(lot),
        };
        earned.ok_or("an account holds more than an amount can say")
    }

    fn credit_deducted(&mut self, id: &AccountId, fact: &CreditDeducted) -> Changed {
        let drawn = fact.lots.iter().try_fold(Points::ZERO, |sum, lot| sum.plus(lot.points));
        ensure(drawn == Some(fact.points), "I3: a deduction is the sum of what it drew")?;
        let account = self.accounts.get_mut(id).ok_or("a deduction from an unknown account")?;
        account.spend(&fact.lots).ok_or("I1: more was deducted than was available")?;
        self.unpaired = Some((id.clone(), fact.clone()));
        Ok(())
    }

    fn exchange_created(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &ExchangeCreated,
    ) -> Changed {
        let (payer, deduction) = self.unpaired.take().ok_or("I3: an exchange without deduction")?;
        ensure(
            payer == *id
                && deduction.exchange_id == fact.exchange_id
                && deduction.points == fact.points,
            "I3: an exchange is paid by its own deduction",
        )?;
        self.record(IdHash::exchange(id, &fact.exchange_id), at)?;
        let number = *self.offer_numbers.get(&fact.offer_id).ok_or("of an unknown offer")?;
        let offer = self.offers.get_mut(number.0 as usize).ok_or("of an unknown offer")?;
        offer.inventory =
            offer.inventory.take(fact.quantity).ok_or("I4: more sold than stocked")?;
        let account = self.accounts.get_mut(id).ok_or("an exchange of an unknown account")?;
        account.count(number, fact.quantity).ok_or("a count is more than an amount can say")
    }

    fn offer_opened(&mut self, at: Position, fact: &OfferOpened) -> Changed {
        let number = u32::try_from(self.offers.len()).map_err(|_| "more than 2^32 offers")?;
        let former = self.offer_numbers.insert(fact.offer_id.clone(), OfferNumber(number));
        ensure(former.is_none(), "I2: an offer is opened once")?;
        self.offers.push(Offer {
            terms: fact.terms.clone(),
            version: 1,
            inventory: Inventory::opening(fact.stock),
            phase: OfferPhase::Open,
            changed_at: at,
        });
        Ok(())
    }

    fn offer_amended(&mut self, at: Position, fact: &OfferAmended) -> Changed {
        let offer = self.open_offer(&fact.offer_id)?;
        ensure(fact.version == offer.version + 1, "an offer's versions are counted")?;
        offer.version = fact.version;
        offer.terms = fact.terms.clone();
        offer.changed_at = at;
        Ok(())
    }

    fn offer_closed(&mut self, at: Position, time: Timestamp, fact: &OfferClosed) -> Changed {
        let offer = self.open_offer(&fact.offer_id)?;
        offer.version += 1;
        offer.phase = OfferPhase::Closed { at: time };
        offer.changed_at = at;
        Ok(())
    }

    fn stock_added(&mut self, at: Position, fact: &StockAdded) -> Changed {
        self.record(IdHash::stock_addition(&fact.offer_id, &fact.addition_id), at)?;
        let offer = self.open_offer(&fact.offer_id)?;
        offer.inventory = offer.inventory.add(fact.units).ok_or("stock that can't be added")?;
        Ok(())
    }

    fn open_offer(&mut self, id: &OfferId) -> Result<&mut Offer, &'static str> {
        let number = self.offer_numbers.get(id).ok_or("an unknown offer was changed")?;
        let offer = self.offers.get_mut(number.0 as usize).ok_or("an unknown offer was changed")?;
        ensure(offer.phase == OfferPhase::Open, "a closed offer was changed")?;
        Ok(offer)
    }

    fn record(&self, id: IdHash, at: Position) -> Changed {
        ensure(self.recorded.insert(id, at).is_none(), "I2: an id is recorded once")
    }
}

type Changed = Result<(), &'static str>;

fn ensure(holds: bool, why: &'static str) -> Changed {
    if holds { Ok(()) } else { Err(why) }
}
