//! How each event changes the state.

use log_record::{Place, Position};

use super::{Returned, State};
use crate::account::OfferNumber;
use crate::{
    AccountId, Allocation, CancellationId, Cause, CauseKind, CreditWithdrawn, EarningRule,
    EarningRuleSet, Event, ExchangeCancelled, ExchangeCreated, ExchangeId, HoldId, IdHash,
    Inventory, LotPart, Offer, OfferAmended, OfferClosed, OfferId, OfferOpened, OfferPhase, Points,
    PurchaseId, PurchaseRecorded, PurchaseReturned, ReturnId, Shipped, StockAdded, Timestamp,
    TransferId, WithdrawalCause,
};

/// An event that no correct history can hold where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event at position {position} can't follow those before it: {why}")]
pub struct Impossible {
    /// Where it stands in its partition.
    pub position: Position,
    /// What it breaks.
    pub why: &'static str,
}

/// The first half of a pair of events, by what the second half must agree with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Deduction(AccountId, ExchangeId, Points),
    Capture(AccountId, HoldId, Points),
    Refund(AccountId, ExchangeId, CancellationId, Points),
    Sent(AccountId, AccountId, TransferId, Vec<LotPart>),
    Withdrawal(AccountId, PurchaseId, ReturnId, Points),
}

type Changed = Result<(), &'static str>;

impl State {
    /// Applies the event at `position`, by nothing but the event and the state (I11). After an
    /// error the state is of no use.
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
        self.pair(event)?;
        match event {
            Event::LogOpened(fact) => {
                self.opened = Some(fact.clone());
                self.policy_changed_at = at;
            }
            Event::LogForked(_) => {}
            Event::ClockDoubted(fact) => self.clock_doubt = Some(fact.why.clone()),
            Event::ClockConfirmed(_) => self.clock_doubt = None,
            Event::CreditMatured(..)
            | Event::HoldSwapped(..)
            | Event::CreditExpired(..)
            | Event::DebtRepaid(..)
            | Event::CreditDeducted(..)
            | Event::CreditRefunded(..)
            | Event::CreditReceived(..) => {}
            Event::PolicyChanged(fact) => {
                self.policy = fact.policy;
                self.policy_changed_at = at;
            }
            Event::EarningRuleSet(fact) => self.earning_rule_set(at, fact)?,
            Event::CreditEarned(id, fact) => self.record(IdHash::cause(id, &fact.cause), at)?,
            Event::CreditWithdrawn(id, fact) => self.credit_withdrawn(at, id, fact)?,
            Event::CreditSent(id, fact) => {
                self.record(IdHash::transfer(id, &fact.transfer_id), at)?;
            }
            Event::CreditHeld(id, fact) => self.record(IdHash::hold(id, &fact.hold_id), at)?,
            Event::HoldCaptured(id, fact) if !fact.pays_exchange => {
                self.record(IdHash::capture(id, &fact.hold_id), at)?;
            }
            Event::HoldCaptured(..) => {}
            Event::HoldReleased(id, fact) => {
                // By its deadline it is released by nobody, so there is nothing to repeat.
                if fact.reason == crate::ReleaseReason::Asked {
                    self.record(IdHash::release(id, &fact.hold_id), at)?;
                }
            }
            Event::ExchangeCreated(id, fact) => self.exchange_created(at, id, fact)?,
            Event::ExchangeCancelled(id, fact) => self.exchange_cancelled(at, id, fact)?,
            Event::ShipmentDispatched(id, fact) => {
                self.record(IdHash::dispatch(id, &fact.shipped), at)?;
            }
            Event::ShipmentAccepted(id, fact) => {
                self.record(IdHash::acceptance(id, &fact.shipped), at)?;
            }
            Event::ShipmentBackOrdered(id, fact) => {
                self.record(IdHash::back_order(id, &fact.shipped), at)?;
            }
            Event::ShipmentDelivered(id, fact) => {
                self.record(IdHash::delivery(id, &fact.shipped), at)?;
            }
            Event::ShipmentRejected(id, fact) => {
                self.shipment_rejected(at, id, &fact.shipped)?;
            }
            Event::ShipmentSettled(id, fact) => {
                self.record(IdHash::settlement(id, &fact.shipped), at)?;
            }
            Event::PurchaseRecorded(id, fact) => self.purchase_recorded(at, id, fact)?,
            Event::PurchaseReturned(id, fact) => self.purchase_returned(at, id, fact)?,
            Event::OfferOpened(fact) => self.offer_opened(at, fact)?,
            Event::OfferAmended(fact) => self.offer_amended(at, fact)?,
            Event::OfferClosed(fact) => self.offer_closed(at, recorded_at, fact)?,
            Event::StockAdded(fact) => self.stock_added(at, fact)?,
        }
        if let Some(id) = event.account_id()
            && event.is_of_credit()
        {
            self.evolve_account(at, recorded_at, id, event)?;
        }
        self.position = at;
        self.recorded_at = recorded_at;
        Ok(())
    }

    /// Applies an event to its account's credit, and plans when the account is looked at next.
    fn evolve_account(
        &mut self,
        at: Position,
        recorded_at: Timestamp,
        id: &AccountId,
        event: &Event,
    ) -> Changed {
        // Looked up first: `entry` would clone the id of every account that is there already.
        let number = match self.accounts.get_index_of(id) {
            Some(number) => number,
            None if matches!(event, Event::CreditEarned(..)) => {
                self.accounts.insert_full(id.clone(), crate::Account::default()).0
            }
            None => return Err("of an unknown account"),
        };
        let (_, account) = self.accounts.get_index_mut(number).ok_or("of an unknown account")?;
        account.evolve(Place { partition: self.partition, position: at }, recorded_at, event)?;
        if let Some(due) = account.next_due() {
            let number = u32::try_from(number).map_err(|_| "more than 2^32 accounts")?;
            self.schedule.plan(number, due);
        }
        Ok(())
    }

    /// Keeps the two halves of a pair side by side (I3).
    fn pair(&mut self, event: &Event) -> Changed {
        let is_second = match (self.unpaired.take(), event) {
            (None, Event::ExchangeCreated(..)) => {
                return Err("I3: an exchange without deduction");
            }
            (None, Event::ExchangeCancelled(..)) => {
                return Err("I3: a cancellation without refund");
            }
            (None, Event::CreditReceived(..)) => return Err("I3: credit received from nowhere"),
            (None, Event::PurchaseReturned(_, fact)) => fact.points.is_none(),
            (None, _) => true,
            (Some(Half::Deduction(payer, exchange, points)), Event::ExchangeCreated(id, fact)) => {
                payer == *id
                    && exchange == fact.exchange_id
                    && points == fact.points
                    && fact.hold_id.is_none()
            }
            (Some(Half::Capture(payer, hold, points)), Event::ExchangeCreated(id, fact)) => {
                payer == *id && fact.hold_id == Some(hold) && points == fact.points
            }
            (
                Some(Half::Refund(payee, exchange, cancellation, points)),
                Event::ExchangeCancelled(id, fact),
            ) => {
                payee == *id
                    && exchange == fact.exchange_id
                    && cancellation == fact.cancellation_id
                    && points == fact.points
            }
            (Some(Half::Sent(from, to, transfer, lots)), Event::CreditReceived(id, fact)) => {
                to == *id && from == fact.from && transfer == fact.transfer_id && lots == fact.lots
            }
            (
                Some(Half::Withdrawal(owner, purchase, back, points)),
                Event::PurchaseReturned(id, fact),
            ) => {
                owner == *id
                    && purchase == fact.purchase_id
                    && back == fact.return_id
                    && fact.points == Some(points)
            }
            (Some(_), _) => false,
        };
        ensure(is_second, "I3: the two halves of a pair stand side by side and agree")?;
        self.unpaired = half_of(event);
        Ok(())
    }

    fn credit_withdrawn(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &CreditWithdrawn,
    ) -> Changed {
        match &fact.withdrawal {
            WithdrawalCause::Withdrawal { id: withdrawal } => {
                self.record(IdHash::withdrawal(id, withdrawal), at)?;
            }
            WithdrawalCause::Adjustment { id: adjustment } => {
                let cause = Cause { kind: CauseKind::Adjustment, id: adjustment.clone() };
                self.record(IdHash::cause(id, &cause), at)?;
            }
            WithdrawalCause::Return { .. } => {}
        }
        let Some(lot) = fact.of_lot else { return Ok(()) };
        let withdrawn = self.withdrawn.entry(lot).or_default();
        *withdrawn = withdrawn.plus(fact.points).ok_or(TOO_MUCH)?;
        Ok(())
    }

    fn exchange_created(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &ExchangeCreated,
    ) -> Changed {
        self.record(IdHash::exchange(id, &fact.exchange_id), at)?;
        if let Some(hold) = &fact.hold_id {
            self.record(IdHash::capture(id, hold), at)?;
        }
        let (number, offer) = self.offer_mut(&fact.offer_id)?;
        offer.inventory = offer
            .inventory
            .take(&Allocation::Units(fact.quantity))
            .ok_or("I4: more sold than stocked")?;
        let account = self.accounts.get_mut(id).ok_or("an exchange of an unknown account")?;
        account.count(number, fact.quantity).ok_or(TOO_MUCH)
    }

    fn exchange_cancelled(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &ExchangeCancelled,
    ) -> Changed {
        let exchange = self
            .recorded
            .position_of(IdHash::exchange(id, &fact.exchange_id))
            .ok_or("an unknown exchange was cancelled")?;
        self.record(IdHash::cancellation(id, &fact.exchange_id, &fact.cancellation_id), at)?;
        let shipped = Shipped::ExchangeId(fact.exchange_id.clone());
        ensure(
            !self.has_left(id, &shipped),
            "I12: an exchange was cancelled after its parcel left",
        )?;
        let is_of_rejection = fact.cancellation_id.is_of_rejection();
        // The refund stands between a rejection and its cancellation.
        let rejected = self.recorded.position_of(IdHash::rejection(id, &shipped));
        ensure(
            rejected.map(|rejected| rejected.plus(2)) == is_of_rejection.then_some(at),
            "I12: a rejection cancels what is left of an exchange at once, and nothing does later",
        )?;
        let cancelled = self.cancelled.entry(exchange).or_default();
        cancelled.quantity = cancelled.quantity.plus(fact.quantity).ok_or(TOO_MUCH)?;
        cancelled.points = cancelled.points.plus(fact.points).ok_or(TOO_MUCH)?;
        ensure(cancelled.quantity <= fact.of.quantity, "more was cancelled than exchanged")?;
        ensure(cancelled.points <= fact.of.points, "I9: more was refunded than it cost")?;
        cancelled.is_all = cancelled.quantity == fact.of.quantity;
        ensure(cancelled.is_all || !is_of_rejection, "I12: a rejected exchange has pieces left")?;
        let (number, offer) = self.offer_mut(&fact.offer_id)?;
        offer.inventory = offer
            .inventory
            .give_back(&Allocation::Units(fact.quantity))
            .ok_or("I4: more came back than was sold")?;
        let account = self.accounts.get_mut(id).ok_or("an exchange of an unknown account")?;
        account.count_back(number, fact.quantity).ok_or("more came back than was taken")
    }

    fn shipment_rejected(&self, at: Position, id: &AccountId, shipped: &Shipped) -> Changed {
        ensure(self.asked_at(id, shipped).is_some(), "nobody asked for what was rejected")?;
        ensure(!self.has_left(id, shipped), "I12: a parcel was rejected after it left")?;
        ensure(!self.is_settled(id, shipped), "I12: a parcel was rejected after it was settled")?;
        self.record(IdHash::rejection(id, shipped), at)
    }

    fn purchase_recorded(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &PurchaseRecorded,
    ) -> Changed {
        let cause = IdHash::purchase(id, &fact.purchase_id);
        // What it earned stands right before it under the same cause.
        let earned = fact.points.map(|_| Position(at.0 - 1));
        ensure(self.recorded.insert(cause, at) == earned, "I2: a purchase is recorded once")
    }

    fn purchase_returned(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &PurchaseReturned,
    ) -> Changed {
        let cause = IdHash::purchase(id, &fact.purchase_id);
        let purchase =
            self.recorded.position_of(cause).ok_or("an unknown purchase was returned")?;
        self.record(IdHash::purchase_return(id, &fact.purchase_id, &fact.return_id), at)?;
        let returned = self.returned.entry(purchase).or_default();
        for back in &fact.lines {
            match returned.iter_mut().find(|returned| returned.product == back.product_id) {
                Some(line) => line.quantity = line.quantity.plus(back.quantity).ok_or(TOO_MUCH)?,
                None => returned
                    .push(Returned { product: back.product_id.clone(), quantity: back.quantity }),
            }
        }
        Ok(())
    }

    fn earning_rule_set(&mut self, at: Position, fact: &EarningRuleSet) -> Changed {
        let before = self.rules.get(&fact.rule_id).map_or(0, |rule| rule.version);
        ensure(fact.version == before + 1, "a rule's versions are counted")?;
        let rule = EarningRule { terms: fact.terms.clone(), version: fact.version, changed_at: at };
        self.rules.insert(fact.rule_id.clone(), rule);
        Ok(())
    }

    fn offer_opened(&mut self, at: Position, fact: &OfferOpened) -> Changed {
        let offer = Offer {
            terms: fact.terms.clone(),
            version: 1,
            inventory: Inventory::opening(fact.stock),
            phase: OfferPhase::Open,
            changed_at: at,
        };
        let former = self.offers.insert(fact.offer_id.clone(), offer);
        ensure(former.is_none(), "I2: an offer is opened once")
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
        let (_, offer) = self.offer_mut(id)?;
        ensure(offer.phase == OfferPhase::Open, "a closed offer was changed")?;
        Ok(offer)
    }

    fn offer_mut(&mut self, id: &OfferId) -> Result<(OfferNumber, &mut Offer), &'static str> {
        let (number, _, offer) = self.offers.get_full_mut(id).ok_or("of an unknown offer")?;
        let number = u32::try_from(number).map_err(|_| "more than 2^32 offers")?;
        Ok((OfferNumber(number), offer))
    }

    fn record(&self, id: IdHash, at: Position) -> Changed {
        ensure(self.recorded.insert(id, at).is_none(), "I2: an id is recorded once")
    }
}

fn half_of(event: &Event) -> Option<Half> {
    match event {
        Event::CreditDeducted(id, fact) => {
            Some(Half::Deduction(id.clone(), fact.exchange_id.clone(), fact.points))
        }
        Event::HoldCaptured(id, fact) if fact.pays_exchange => {
            Some(Half::Capture(id.clone(), fact.hold_id.clone(), fact.points))
        }
        Event::CreditRefunded(id, fact) => {
            let (exchange, cancellation) = (&fact.exchange_id, &fact.cancellation_id);
            Some(Half::Refund(id.clone(), exchange.clone(), cancellation.clone(), fact.points))
        }
        Event::CreditSent(id, fact) => {
            let (to, transfer) = (fact.to.clone(), fact.transfer_id.clone());
            Some(Half::Sent(id.clone(), to, transfer, fact.lots.clone()))
        }
        Event::CreditWithdrawn(id, fact) => match &fact.withdrawal {
            WithdrawalCause::Return { purchase_id, id: back } => {
                Some(Half::Withdrawal(id.clone(), purchase_id.clone(), back.clone(), fact.points))
            }
            _ => None,
        },
        _ => None,
    }
}

const TOO_MUCH: &str = "a sum is more than an amount can say";

fn ensure(holds: bool, why: &'static str) -> Changed {
    if holds { Ok(()) } else { Err(why) }
}
