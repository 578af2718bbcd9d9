//! What belongs to the programme: its offers, rules, policy and clock. It has one home partition.

use std::collections::HashMap;

use indexmap::IndexMap;
use log_record::Position;
use serde::{Deserialize, Serialize};

use super::ById;
use super::across::EMPTY_SHELF;
use super::impossible::{Changed, ensure};
use crate::account::OfferNumber;
use crate::conversion::ConversionRates;
use crate::unit::KnownUnits;
use crate::{
    Allocation, BalancesSealed, CodePool, EarningRule, EarningRuleSet, IdHash, Inventory,
    LadderSet, Ladders, LogOpened, Offer, OfferAmended, OfferClosed, OfferHome, OfferId,
    OfferOpened, OfferPaused, OfferPhase, OfferReopened, OfferResumed, Policy, PolicyChanged,
    RuleId, StockAdded, StockAmended, StockRemoved, SwitchTurned, Timestamp, UnitClosed, UnitId,
    UnitSet, UnitTerms, Units,
};

/// What is of a unit that nobody made.
pub(super) const UNKNOWN_UNIT: &str = "of an unknown unit";

const COUNTED: &str = "a rule's versions are counted";

/// The programme's part of the state.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Programme {
    pub(super) opened: Option<LogOpened>,
    /// Why the wall clock can't be trusted, until it is confirmed.
    pub(super) clock_doubt: Option<Box<str>>,
    pub(super) policy: Policy,
    /// Counts changes of the policy; 0 before the first.
    pub(super) policy_version: u64,
    /// The event that last changed the policy; before the first, the log's opening.
    pub(super) policy_changed_at: Position,
    pub(super) rules: HashMap<RuleId, EarningRule>,
    pub(super) offers: ById<OfferId, Offer>,
    /// The codes of the offers that have had some and have their home here.
    pub(super) codes: ById<OfferId, CodePool>,
    /// How many codes of an upload have come, before the event that ends it.
    #[serde(skip)]
    pub(super) uploading: u64,
    pub(super) units: KnownUnits,
    pub(super) ladders: Ladders,
    pub(super) conversion_rates: ConversionRates,
    /// The ids of the programme's own commands, such as additions to stock. It is written as a list
    /// of pairs, for an id's hash can't be a key in every format.
    #[serde(with = "indexmap::map::serde_seq")]
    pub(super) recorded: IndexMap<IdHash, Position>,
}

impl Programme {
    pub(super) fn log_opened(&mut self, at: Position, fact: &LogOpened) -> Changed {
        self.opened = Some(fact.clone());
        self.policy_changed_at = at;
        let points = self.units.add(UnitId::POINTS, UnitTerms::of_points(), at);
        points.ok_or("points are there from the start")
    }

    pub(super) fn unit_set(&mut self, at: Position, fact: &UnitSet) -> Changed {
        let Some(unit) = self.units.get_mut(fact.unit) else {
            ensure(fact.version == 1, "a unit's versions are counted")?;
            let added = self.units.add(fact.unit, fact.terms.clone(), at);
            return added.ok_or("there are more units than there can be");
        };
        ensure(fact.version == unit.version + 1, "a unit's versions are counted")?;
        let is_renamed = unit.terms.first_fixed_difference(&fact.terms).is_none();
        ensure(is_renamed, "a unit keeps all but its name")?;
        unit.terms = fact.terms.clone();
        unit.version = fact.version;
        unit.changed_at = at;
        Ok(())
    }

    pub(super) fn unit_closed(
        &mut self,
        at: Position,
        time: Timestamp,
        fact: &UnitClosed,
    ) -> Changed {
        ensure(fact.unit != UnitId::POINTS, "points can't be closed")?;
        let unit = self.units.get_mut(fact.unit).ok_or(UNKNOWN_UNIT)?;
        ensure(unit.closed_at.is_none(), "a unit was closed twice")?;
        ensure(fact.version == unit.version + 1, "a unit's versions are counted")?;
        unit.closed_at = Some(time);
        unit.version = fact.version;
        unit.changed_at = at;
        Ok(())
    }

    pub(super) fn ladder_set(
        &mut self,
        at: Position,
        time: Timestamp,
        fact: &LadderSet,
    ) -> Changed {
        let unit = self.units.get(fact.terms.unit).ok_or(UNKNOWN_UNIT)?;
        self.ladders.set(at, time, fact, &unit.terms.time_zone)
    }

    pub(super) fn policy_changed(&mut self, at: Position, fact: &PolicyChanged) -> Changed {
        ensure(fact.version == self.policy_version + 1, "the policy's versions are counted")?;
        self.policy = fact.policy;
        self.policy_version = fact.version;
        self.policy_changed_at = at;
        Ok(())
    }

    pub(super) fn earning_rule_set(
        &mut self,
        at: Position,
        time: Timestamp,
        fact: &EarningRuleSet,
    ) -> Changed {
        let rule = self.rules.get(&fact.rule_id);
        ensure(fact.version == rule.map_or(0, |rule| rule.version) + 1, COUNTED)?;
        let keeps_unit = rule.is_none_or(|rule| rule.terms.unit == fact.terms.unit);
        ensure(keeps_unit, "a rule keeps its unit")?;
        let unit = self.units.get(fact.terms.unit).ok_or(UNKNOWN_UNIT)?;
        ensure(unit.closed_at.is_none(), "I14: a rule of a closed unit was set")?;
        match self.rules.get_mut(&fact.rule_id) {
            Some(rule) => rule.set(fact.terms.clone(), at, time),
            None => {
                let rule = EarningRule::new(fact.terms.clone(), at);
                self.rules.insert(fact.rule_id.clone(), rule);
            }
        }
        Ok(())
    }

    pub(super) fn offer_opened(&mut self, at: Position, fact: &OfferOpened) -> Changed {
        let offer = Offer {
            terms: fact.terms.clone(),
            page: fact.page.hash(),
            terms_at: at,
            version: 1,
            opening_stock: Some(fact.stock),
            inventory: if fact.terms.codes { EMPTY_SHELF } else { Inventory::opening(fact.stock) },
            reserved: Units::ZERO,
            phase: OfferPhase::Open,
            changed_at: at,
        };
        let former = self.offers.insert(fact.offer_id.clone(), offer);
        ensure(former.is_none(), "I2: an offer is opened once")
    }

    pub(super) fn offer_amended(&mut self, at: Position, fact: &OfferAmended) -> Changed {
        let offer = self.open_offer(&fact.offer_id)?;
        offer.next_version(at, fact.version)?;
        let keeps_kind = offer.terms.codes == fact.terms.codes;
        ensure(keeps_kind, "I22: an offer stays of codes or without")?;
        offer.terms = fact.terms.clone();
        offer.page = fact.page.hash();
        offer.terms_at = at;
        Ok(())
    }

    pub(super) fn offer_closed(
        &mut self,
        at: Position,
        time: Timestamp,
        fact: &OfferClosed,
    ) -> Changed {
        let offer = self.open_offer(&fact.offer_id)?;
        offer.next_version(at, fact.version)?;
        offer.phase = OfferPhase::Closed { at: time };
        Ok(())
    }

    pub(super) fn offer_reopened(&mut self, at: Position, fact: &OfferReopened) -> Changed {
        let id = IdHash::reopening(&fact.offer_id, &fact.reopening_id);
        self.record(id, at)?;
        let (_, offer) = self.offer_mut(&fact.offer_id)?;
        ensure(offer.phase.is_closed(), "an offer was reopened that wasn't closed")?;
        offer.next_version(at, fact.version)?;
        offer.phase = OfferPhase::Open;
        Ok(())
    }

    pub(super) fn offer_paused(
        &mut self,
        at: Position,
        time: Timestamp,
        fact: &OfferPaused,
    ) -> Changed {
        let (_, offer) = self.offer_mut(&fact.offer_id)?;
        ensure(offer.phase == OfferPhase::Open, "an offer was paused that wasn't open")?;
        offer.next_version(at, fact.version)?;
        offer.phase = OfferPhase::Paused { at: time };
        Ok(())
    }

    pub(super) fn offer_resumed(&mut self, at: Position, fact: &OfferResumed) -> Changed {
        let id = IdHash::resumption(&fact.offer_id, &fact.resumption_id);
        self.record(id, at)?;
        let (_, offer) = self.offer_mut(&fact.offer_id)?;
        let is_paused = matches!(offer.phase, OfferPhase::Paused { .. });
        ensure(is_paused, "an offer was resumed that wasn't paused")?;
        offer.next_version(at, fact.version)?;
        offer.phase = OfferPhase::Open;
        Ok(())
    }

    /// The shelf of an offer that many partitions sell, before its first portion.
    pub(super) fn empty_shelf(&mut self, id: &OfferId) {
        if let Some(offer) = self.offers.get_mut(id) {
            offer.inventory = EMPTY_SHELF;
        }
    }

    /// Where many partitions sell the offer, its home has the stock.
    pub(super) fn stock_added(
        &mut self,
        at: Position,
        fact: &StockAdded,
        home: Option<&mut OfferHome>,
    ) -> Changed {
        let id = IdHash::stock_addition(&fact.offer_id, &fact.addition_id);
        self.record(id, at)?;
        self.check_no_codes(&fact.offer_id)?;
        let offer = self.open_offer(&fact.offer_id)?;
        if let Some(home) = home {
            return home.add(fact.units);
        }
        offer.inventory = offer.inventory.add(fact.units).ok_or("stock that can't be added")?;
        Ok(())
    }

    pub(super) fn stock_removed(
        &mut self,
        at: Position,
        fact: &StockRemoved,
        home: Option<(&mut OfferHome, u16)>,
    ) -> Changed {
        let id = IdHash::stock_removal(&fact.offer_id, &fact.removal_id);
        self.record(id, at)?;
        self.check_no_codes(&fact.offer_id)?;
        let offer = self.open_offer(&fact.offer_id)?;
        if let Some((home, partitions)) = home {
            return home.remove(fact.units, partitions);
        }
        let left = offer.inventory.remove(fact.units);
        offer.inventory = left.ok_or("I4: more was taken away than is left")?;
        Ok(())
    }

    pub(super) fn balances_sealed(&mut self, at: Position, fact: &BalancesSealed) -> Changed {
        let partitions = self.opened.as_ref().map_or(1, |opened| opened.partitions);
        let is_past = fact.sealed.home.up_to < at && fact.sealed.is_of(partitions);
        ensure(is_past, "balances of all accounts are sealed as earlier events made them")?;
        self.record(IdHash::seal(&fact.seal_id), at)
    }

    /// Keeps that this turn is recorded, and nothing else: how a switch is set stands elsewhere.
    pub(super) fn switch_turned(&mut self, at: Position, fact: &SwitchTurned) -> Changed {
        self.record(IdHash::switch_turn(fact.switch, fact.turned_at), at)
    }

    pub(super) fn stock_amended(
        &mut self,
        at: Position,
        fact: &StockAmended,
        home: Option<(&mut OfferHome, u16)>,
    ) -> Changed {
        self.check_no_codes(&fact.offer_id)?;
        let offer = self.open_offer(&fact.offer_id)?;
        offer.next_version(at, fact.version)?;
        offer.opening_stock = None;
        if let Some((home, partitions)) = home {
            return home.amend(fact.stock, partitions);
        }
        let left = offer.inventory.with_stock(fact.stock);
        offer.inventory = left.ok_or("I4: more is sold than stocked")?;
        Ok(())
    }

    /// Takes an allocation out of an offer's stock.
    pub(super) fn take(
        &mut self,
        id: &OfferId,
        allocation: &Allocation,
    ) -> Result<OfferNumber, &'static str> {
        let (number, offer) = self.offer_mut(id)?;
        let left = offer.inventory.take(allocation);
        offer.inventory = left.ok_or("I4: more sold than stocked")?;
        Ok(number)
    }

    /// Puts an allocation back into an offer's stock.
    pub(super) fn give_back(
        &mut self,
        id: &OfferId,
        allocation: &Allocation,
    ) -> Result<OfferNumber, &'static str> {
        let (number, offer) = self.offer_mut(id)?;
        let left = offer.inventory.give_back(allocation);
        offer.inventory = left.ok_or("I4: more came back than was sold")?;
        Ok(number)
    }

    /// Takes an allocation out of an offer's stock for somebody who may still leave it.
    pub(super) fn reserve(
        &mut self,
        id: &OfferId,
        allocation: &Allocation,
    ) -> Result<OfferNumber, &'static str> {
        self.check_no_codes(id)?;
        let number = self.take(id, allocation)?;
        let (_, offer) = self.offer_mut(id)?;
        let reserved = offer.reserved.plus(allocation.quantity());
        offer.reserved = reserved.ok_or("I4: more is reserved than an amount can say")?;
        Ok(number)
    }

    /// Puts what was reserved back into an offer's stock.
    pub(super) fn end_reservation(
        &mut self,
        id: &OfferId,
        allocation: &Allocation,
    ) -> Result<OfferNumber, &'static str> {
        let number = self.give_back(id, allocation)?;
        let (_, offer) = self.offer_mut(id)?;
        let reserved = offer.reserved.minus(allocation.quantity());
        offer.reserved = reserved.ok_or("I4: more came back than was reserved")?;
        Ok(number)
    }

    pub(super) fn record(&mut self, id: IdHash, at: Position) -> Changed {
        ensure(self.recorded.insert(id, at).is_none(), "I2: an id is recorded once")
    }

    pub(super) fn open_offer(&mut self, id: &OfferId) -> Result<&mut Offer, &'static str> {
        let (_, offer) = self.offer_mut(id)?;
        ensure(!offer.phase.is_closed(), "a closed offer was changed")?;
        Ok(offer)
    }

    fn offer_mut(&mut self, id: &OfferId) -> Result<(OfferNumber, &mut Offer), &'static str> {
        let (number, _, offer) = self.offers.get_full_mut(id).ok_or("of an unknown offer")?;
        let number = u32::try_from(number).map_err(|_| "more than 2^32 offers")?;
        Ok((OfferNumber(number), offer))
    }
}

impl Offer {
    /// Takes it to the version that an event says.
    fn next_version(&mut self, at: Position, version: u64) -> Changed {
        ensure(version == self.version + 1, "an offer's versions are counted")?;
        self.version = version;
        self.changed_at = at;
        Ok(())
    }
}
