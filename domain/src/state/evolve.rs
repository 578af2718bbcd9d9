//! How each event changes the state.

use std::iter;

use log_record::{Place, Position};

use super::State;
use super::impossible::{Changed, Impossible, ensure};
use super::programme::UNKNOWN_UNIT;
use crate::schedule::Due;
use crate::{
    AccountId, CancellationId, CauseKind, ConversionId, CreditInTransit, Event, ExchangeCancelled,
    ExchangeCreated, ExchangeId, HoldId, IdHash, LotPart, Message, OfferId, Points, Price,
    PurchaseId, RefundCause, ReturnId, Timestamp, TransferId, UnitId, UnitNumber, UnitPoints,
    WithdrawalCause,
};

/// The first half of a pair of events, by what the second half must agree with. Of several units it
/// is several events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Half {
    /// What was paid of the first unit, and of further ones so far.
    Deductions(AccountId, ExchangeId, Price, Vec<Price>),
    Capture(AccountId, HoldId, Price),
    /// One for each unit so far.
    Refunds(AccountId, ExchangeId, CancellationId, Vec<Price>),
    Sent(AccountId, AccountId, TransferId, UnitId, Vec<LotPart>),
    Converted(AccountId, ConversionId, UnitId, Points, Option<Timestamp>),
    /// One for each unit so far.
    Withdrawals(AccountId, PurchaseId, ReturnId, Vec<UnitPoints>),
    /// Likewise.
    GivenBack(AccountId, PurchaseId, ReturnId, Vec<UnitPoints>),
    /// Credit that came from another partition: it is received, or goes back.
    InTransit(Box<CreditInTransit>),
    /// Credit that came back from another partition, unless there is no room for it.
    ComingBack(Box<CreditInTransit>),
    /// A shelf is called back: what it holds goes home.
    CalledBack(OfferId, u64),
}

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
        let is_first = self.programme.opened.is_none();
        ensure(is_first == matches!(event, Event::LogOpened(_)), "log-opened comes first, once")?;
        self.pair(event)?;
        let is_purchase_next = self.accounts.is_purchase_next(self.position);
        let may_follow = matches!(event, Event::CreditEarned(..) | Event::PurchaseRecorded(..));
        ensure(!is_purchase_next || may_follow, SEVERAL_WITHOUT_PURCHASE)?;
        match event {
            Event::LogOpened(fact) => self.programme.log_opened(at, fact)?,
            Event::LogForked(_) => {}
            Event::ClockDoubted(fact) => self.programme.clock_doubt = Some(fact.why.clone()),
            Event::ClockConfirmed(_) => self.programme.clock_doubt = None,
            Event::CreditMatured(..)
            | Event::HoldSwapped(..)
            | Event::CreditExpired(..)
            | Event::DebtRepaid(..)
            | Event::CreditDeducted(..)
            | Event::ShipmentAskedAgain(..) => {}
            Event::MessageSent(fact) => self.message_sent(fact)?,
            Event::MessageReceived(fact) => self.message_received(at, recorded_at, fact)?,
            Event::CreditReceived(_, fact) => {
                self.credit_received(at, &fact.from, &fact.transfer_id)?;
            }
            Event::CreditReturned(id, fact) => self.credit_returned(at, id, fact)?,
            Event::PolicyChanged(fact) => self.programme.policy_changed(at, fact)?,
            Event::EarningRuleSet(fact) => {
                self.programme.earning_rule_set(at, recorded_at, fact)?;
            }
            Event::UnitSet(fact) => self.programme.unit_set(at, fact)?,
            Event::UnitClosed(fact) => self.programme.unit_closed(at, recorded_at, fact)?,
            Event::LadderSet(fact) => {
                self.programme.ladder_set(at, recorded_at, fact)?;
                if fact.version > 1 {
                    self.unjudged = Some(0);
                }
            }
            Event::TierReached(..) | Event::TierKept(..) | Event::TierLapsed(..) => {}
            Event::TierGranted(id, fact) => {
                let grant = IdHash::tier_grant(id, fact.ladder, &fact.grant_id);
                self.accounts.record(grant, at)?;
            }
            Event::TierGrantEnded(id, fact) => {
                // By its time it is ended by nobody, so there is nothing to repeat.
                if fact.ended == crate::GrantEnd::Revoked {
                    let end = IdHash::tier_grant_revocation(id, fact.ladder, &fact.grant_id);
                    self.accounts.record(end, at)?;
                }
            }
            Event::ConversionRateSet(fact) => self.programme.conversion_rate_set(at, fact)?,
            Event::ConversionRateClosed(fact) => {
                self.programme.conversion_rate_closed(at, recorded_at, fact)?;
            }
            Event::AccountOpened(id, _) => self.accounts.opened(at, id)?,
            Event::AccountErased(id, fact) => {
                ensure(fact.until < at, "an erasure goes no further than what was recorded")?;
                self.accounts.record(IdHash::erasure(id, &fact.erasure_id), at)?;
            }
            Event::CreditEarned(id, fact) => {
                self.accounts.credit_earned(at, id, fact)?;
                let is_further = self.accounts.is_purchase_next(at);
                ensure(!is_purchase_next || is_further, SEVERAL_WITHOUT_PURCHASE)?;
            }
            Event::CreditWithdrawn(id, fact) => self.accounts.credit_withdrawn(at, id, fact)?,
            Event::WithdrawalReversed(id, fact) => {
                self.accounts.withdrawal_reversed(at, id, fact)?;
            }
            Event::CreditGivenBack(_, fact) => self.accounts.given_back(&fact.credit)?,
            Event::ReturnReversed(id, fact) => self.accounts.return_reversed(at, id, fact)?,
            Event::CreditSent(id, fact) => {
                self.accounts.record(IdHash::transfer(id, &fact.transfer_id), at)?;
            }
            Event::CreditConverted(id, fact) => {
                self.programme.check_conversion(fact)?;
                self.accounts.record(IdHash::conversion(id, &fact.conversion_id), at)?;
            }
            Event::CreditHeld(id, fact) => {
                self.accounts.record(IdHash::hold(id, &fact.hold_id), at)?;
            }
            Event::HoldExtended(id, fact) => {
                let extension = IdHash::hold_extension(id, &fact.hold_id, &fact.extension_id);
                self.accounts.record(extension, at)?;
            }
            Event::CreditRefunded(id, fact) => match &fact.cause {
                RefundCause::Cancellation { .. } => {}
                RefundCause::Capture(refund) => {
                    let points = (self.number_of(fact.unit)?, fact.points);
                    self.accounts.capture_refunded(at, id, refund, points)?;
                }
            },
            Event::HoldCaptured(id, fact) if !fact.pays_exchange => {
                self.accounts.record(IdHash::capture(id, &fact.hold_id), at)?;
            }
            Event::HoldCaptured(..) => {}
            Event::HoldReleased(id, fact) => {
                // By its deadline it is released by nobody, so there is nothing to repeat.
                if fact.reason == crate::ReleaseReason::Asked {
                    self.accounts.record(IdHash::release(id, &fact.hold_id), at)?;
                }
            }
            Event::ExchangeCreated(id, fact) => self.exchange_created(at, id, fact)?,
            Event::ExchangeCancelled(id, fact) => self.exchange_cancelled(at, id, fact)?,
            Event::ShipmentDispatched(id, fact) => {
                self.accounts.shipment_dispatched(at, id, fact)?;
            }
            Event::ShipmentAccepted(id, fact) => {
                self.accounts.record(IdHash::acceptance(id, &fact.shipped), at)?;
            }
            Event::ShipmentBackOrdered(id, fact) => {
                self.accounts.record(IdHash::back_order(id, &fact.shipped), at)?;
            }
            Event::ShipmentDelivered(id, fact) => {
                self.accounts.shipment_delivered(at, id, fact)?;
            }
            Event::ShipmentRejected(id, fact) => {
                self.accounts.shipment_rejected(at, id, &fact.shipped)?;
            }
            Event::ShipmentSettled(id, fact) => {
                self.accounts.record(IdHash::settlement(id, &fact.shipped), at)?;
            }
            Event::PurchaseRecorded(id, fact) => {
                let units = &self.programme.units;
                self.accounts.purchase_recorded(at, recorded_at, id, units, fact)?;
            }
            Event::PurchaseReturned(id, fact) => {
                let units = &self.programme.units;
                self.accounts.purchase_returned(at, id, units, fact)?;
            }
            Event::OfferOpened(fact) => {
                self.programme.offer_opened(at, fact)?;
                if self.is_shared() {
                    self.programme.empty_shelf(&fact.offer_id);
                    self.across.open_home(&fact.offer_id, fact.stock);
                }
            }
            Event::OfferAmended(fact) => self.programme.offer_amended(at, fact)?,
            Event::OfferClosed(fact) => self.programme.offer_closed(at, recorded_at, fact)?,
            Event::OfferReopened(fact) => self.programme.offer_reopened(at, fact)?,
            Event::StockAdded(fact) => {
                let home = self.across.home_mut(&fact.offer_id);
                self.programme.stock_added(at, fact, home)?;
            }
            Event::BalancesSealed(fact) => self.programme.balances_sealed(at, fact)?,
            Event::StockRemoved(fact) => {
                let partitions = self.partitions();
                let home = self.across.home_mut(&fact.offer_id).map(|home| (home, partitions));
                self.programme.stock_removed(at, fact, home)?;
            }
            Event::StockAmended(fact) => {
                let partitions = self.partitions();
                let home = self.across.home_mut(&fact.offer_id).map(|home| (home, partitions));
                self.programme.stock_amended(at, fact, home)?;
            }
        }
        if let Some(id) = event.account_id()
            && event.is_of_credit()
        {
            self.evolve_account(at, recorded_at, id, event)?;
        }
        if let Some(id) = event.account_id()
            && (event.is_of_tier() || event.counted_on().is_some())
        {
            self.evolve_standings(at, recorded_at, id, event)?;
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
        let unit = match event.unit() {
            Some(unit) => {
                self.check_unit(unit, event)?;
                self.number_of(unit)?
            }
            None => UnitNumber::POINTS,
        };
        let at = Place { partition: self.partition, position: at };
        let (number, next_due) = self.accounts.evolve(at, recorded_at, id, unit, event)?;
        if let Some(time) = next_due {
            self.schedule.plan(Due::Account(number), time);
        }
        Ok(())
    }

    /// Applies an event to where its account stands on ladders, and plans likewise.
    fn evolve_standings(
        &mut self,
        at: Position,
        recorded_at: Timestamp,
        id: &AccountId,
        event: &Event,
    ) -> Changed {
        let ladders = &self.programme.ladders;
        if !event.is_of_tier() && !ladders.iter().any(|(_, it)| it.counts(event).is_some()) {
            return Ok(());
        }
        let (number, account) = self.accounts.numbered_mut(id)?;
        account.standings_mut().evolve(ladders, at, recorded_at, event)?;
        if let Some(time) = account.next_due() {
            self.schedule.plan(Due::Account(number), time);
        }
        Ok(())
    }

    fn number_of(&self, unit: UnitId) -> Result<UnitNumber, &'static str> {
        self.programme.units.number(unit).ok_or(UNKNOWN_UNIT)
    }

    /// Whether what an event does can be done with the unit.
    fn check_unit(&self, id: UnitId, event: &Event) -> Changed {
        if id == UnitId::POINTS {
            return Ok(());
        }
        let unit = self.programme.units.get(id).ok_or(UNKNOWN_UNIT)?;
        match event {
            Event::CreditEarned(..) => {
                ensure(unit.closed_at.is_none(), "I14: credit of a closed unit was earned")
            }
            Event::CreditDeducted(..)
            | Event::CreditHeld(..)
            | Event::CreditSent(..)
            | Event::CreditConverted(..) => {
                ensure(unit.terms.spendable, "I14: a unit was spent that can't be")
            }
            _ => Ok(()),
        }
    }

    fn exchange_created(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &ExchangeCreated,
    ) -> Changed {
        self.accounts.exchange_created(at, id, fact)?;
        let offer = self.programme.take(&fact.offer_id, &fact.allocation)?;
        self.across.on_shelf(&fact.offer_id, fact.allocation.quantity(), false)?;
        self.accounts.count(id, offer, fact.allocation.quantity())
    }

    fn exchange_cancelled(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &ExchangeCancelled,
    ) -> Changed {
        self.accounts.exchange_cancelled(at, id, fact)?;
        let offer = self.programme.give_back(&fact.offer_id, &fact.allocation)?;
        self.across.on_shelf(&fact.offer_id, fact.allocation.quantity(), true)?;
        self.accounts.count_back(id, offer, fact.allocation.quantity())
    }

    /// Keeps the halves of a pair side by side (I3).
    fn pair(&mut self, event: &Event) -> Changed {
        let mut first = self.unpaired.take();
        if first.as_ref().is_some_and(Half::may_be_last)
            && !matches!(event, Event::CreditReturned(..))
        {
            first = None;
        }
        if first.as_mut().is_some_and(|first| first.goes_on_with(event)) {
            self.unpaired = first;
            return Ok(());
        }
        let is_second = match (first, event) {
            // What is free has no other half.
            (None, Event::ExchangeCreated(_, fact)) if !fact.prices.is_free() => {
                return Err("I3: an exchange without deduction");
            }
            (None, Event::ExchangeCreated(_, fact)) => fact.hold_id.is_none(),
            (None, Event::ExchangeCancelled(_, fact)) if !fact.refunded.is_empty() => {
                return Err("I3: a cancellation without refund");
            }
            (None, Event::CreditReceived(..) | Event::CreditReturned(..)) => {
                return Err("I3: credit received from nowhere");
            }
            (None, Event::MessageSent(fact)) => match fact.message {
                Message::ShelfDrained(_) => return Err("I3: a shelf drained that nobody wanted"),
                Message::CreditSent(_) | Message::CreditReturned(..) => {
                    return Err("I3: credit sent on from nowhere");
                }
                _ => true,
            },
            (None, Event::CreditEarned(_, fact)) if fact.cause.kind == CauseKind::Conversion => {
                return Err("I3: credit of a conversion from nowhere");
            }
            (None, Event::PurchaseReturned(_, fact)) => fact.credit().next().is_none(),
            (None, Event::ReturnReversed(_, fact)) => fact.further.is_empty(),
            (None, _) => true,
            (
                Some(Half::Deductions(payer, exchange, first, further)),
                Event::ExchangeCreated(id, fact),
            ) => {
                let paid = iter::once(first).chain(further);
                payer == *id
                    && exchange == fact.exchange_id
                    && fact.prices.due().eq(paid)
                    && fact.hold_id.is_none()
            }
            (Some(Half::Capture(payer, hold, paid)), Event::ExchangeCreated(id, fact)) => {
                // A hold that pays what is free gives all back.
                let is_paid = if fact.prices.is_free() {
                    paid.points == Points::ZERO
                } else {
                    fact.prices.iter().eq([paid])
                };
                payer == *id && fact.hold_id == Some(hold) && is_paid
            }
            (
                Some(Half::Refunds(payee, exchange, cancellation, refunded)),
                Event::ExchangeCancelled(id, fact),
            ) => {
                payee == *id
                    && exchange == fact.exchange_id
                    && cancellation == fact.cancellation_id
                    && *refunded == *fact.refunded
            }
            (Some(Half::Sent(from, to, transfer, unit, lots)), Event::CreditReceived(id, fact)) => {
                to == *id
                    && from == fact.from
                    && transfer == fact.transfer_id
                    && unit == fact.unit
                    && lots == fact.lots
            }
            (
                Some(Half::Converted(owner, conversion, unit, points, expires_at)),
                Event::CreditEarned(id, fact),
            ) => {
                owner == *id
                    && fact.cause.kind == CauseKind::Conversion
                    && conversion.as_str() == fact.cause.id.as_str()
                    && unit == fact.unit
                    && points == fact.points
                    && expires_at == fact.expires_at
                    && fact.available_at.is_none()
            }
            (
                Some(Half::Withdrawals(owner, purchase, back, taken)),
                Event::PurchaseReturned(id, fact),
            ) => {
                owner == *id
                    && purchase == fact.purchase_id
                    && back == fact.return_id
                    && fact.credit().eq(taken)
            }
            (
                Some(Half::GivenBack(owner, purchase, back, given)),
                Event::ReturnReversed(id, fact),
            ) => {
                owner == *id
                    && purchase == fact.purchase_id
                    && back == fact.return_id
                    && fact.credit.is_some()
                    && *given == *fact.further
            }
            (Some(Half::Sent(from, to, transfer, unit, lots)), Event::MessageSent(fact)) => {
                let Message::CreditSent(it) = &fact.message else { return Err(NOT_THE_OTHER_HALF) };
                let is_told = self
                    .programme
                    .units
                    .get(unit)
                    .is_some_and(|known| crate::UnitShared::from(known) == it.of);
                is_told
                    && [&from, &to] == [&it.from, &it.to]
                    && transfer == it.transfer_id
                    && (unit, &lots) == (it.unit, &it.lots)
                    && to.partition(self.partitions()) == fact.to
            }
            (Some(Half::InTransit(credit)), Event::CreditReceived(id, fact)) => {
                [&credit.to, &credit.from] == [id, &fact.from]
                    && credit.transfer_id == fact.transfer_id
                    && (credit.unit, credit.points) == (fact.unit, fact.points)
                    && credit.lots == fact.lots
            }
            (Some(Half::InTransit(credit)), Event::MessageSent(fact)) => {
                let Message::CreditReturned(back, _) = &fact.message else {
                    return Err(NOT_THE_OTHER_HALF);
                };
                *credit == *back && credit.from.partition(self.partitions()) == fact.to
            }
            (Some(Half::ComingBack(credit)), Event::CreditReturned(id, fact)) => {
                [&credit.from, &credit.to] == [id, &fact.to]
                    && credit.transfer_id == fact.transfer_id
                    && (credit.unit, credit.points) == (fact.unit, fact.points)
                    && credit.lots == fact.lots
            }
            (Some(Half::CalledBack(offer, round)), Event::MessageSent(fact)) => {
                matches!(&fact.message, Message::ShelfDrained(it)
                    if it.offer_id == offer && it.round == round
                        && offer.home(self.partitions()) == fact.to)
            }
            (Some(_), _) => false,
        };
        ensure(is_second, NOT_THE_OTHER_HALF)?;
        self.unpaired = half_of(event);
        Ok(())
    }
}

/// Where credit of several units was earned for one cause.
const SEVERAL_WITHOUT_PURCHASE: &str = "I3: what a purchase earned stands right before it";

const NOT_THE_OTHER_HALF: &str = "I3: the two halves of a pair stand side by side and agree";

impl Half {
    /// Whether an append may end with it.
    pub(super) const fn may_be_last(&self) -> bool {
        matches!(self, Self::ComingBack(_))
    }

    /// Takes in the same of another unit, where the event is that.
    fn goes_on_with(&mut self, event: &Event) -> bool {
        match (self, half_of(event)) {
            (
                Self::Deductions(payer, exchange, _, further),
                Some(Self::Deductions(id, other, next, _)),
            ) if *payer == id && *exchange == other => {
                further.push(next);
            }
            (
                Self::Refunds(payee, exchange, cancellation, refunded),
                Some(Self::Refunds(id, other, of, next)),
            ) if *payee == id && *exchange == other && *cancellation == of => refunded.extend(next),
            (
                Self::Withdrawals(owner, purchase, back, taken),
                Some(Self::Withdrawals(id, other, of, next)),
            ) if *owner == id && *purchase == other && *back == of && are_others(taken, &next) => {
                taken.extend(next);
            }
            (
                Self::GivenBack(owner, purchase, back, given),
                Some(Self::GivenBack(id, other, of, next)),
            ) if *owner == id && *purchase == other && *back == of && are_others(given, &next) => {
                given.extend(next);
            }
            _ => return false,
        }
        // A unit twice is no price, and so the second half can't agree with it.
        true
    }
}

/// Whether no unit is in both.
fn are_others(so_far: &[UnitPoints], next: &[UnitPoints]) -> bool {
    next.iter().all(|next| so_far.iter().all(|before| before.unit != next.unit))
}

fn half_of(event: &Event) -> Option<Half> {
    match event {
        Event::CreditDeducted(id, fact) => {
            let price = Price { unit: fact.unit, points: fact.points };
            Some(Half::Deductions(id.clone(), fact.exchange_id.clone(), price, vec![]))
        }
        Event::HoldCaptured(id, fact) if fact.pays_exchange => {
            let price = Price { unit: fact.unit, points: fact.points };
            Some(Half::Capture(id.clone(), fact.hold_id.clone(), price))
        }
        Event::CreditRefunded(id, fact) => match &fact.cause {
            RefundCause::Cancellation { exchange_id, cancellation_id } => {
                let (exchange, cancellation) = (exchange_id.clone(), cancellation_id.clone());
                Some(Half::Refunds(id.clone(), exchange, cancellation, vec![fact.price()]))
            }
            RefundCause::Capture(_) => None,
        },
        Event::CreditSent(id, fact) => {
            let (to, transfer) = (fact.to.clone(), fact.transfer_id.clone());
            Some(Half::Sent(id.clone(), to, transfer, fact.unit, fact.lots.clone()))
        }
        Event::CreditConverted(id, fact) => {
            let (conversion, to) = (fact.conversion_id.clone(), fact.to);
            Some(Half::Converted(id.clone(), conversion, to, fact.to_points, fact.expires_at))
        }
        Event::CreditWithdrawn(id, fact) => match &fact.withdrawal {
            WithdrawalCause::Return { purchase_id, id: back } => {
                let (purchase, back) = (purchase_id.clone(), back.clone());
                let taken = UnitPoints { unit: fact.unit, points: fact.points };
                Some(Half::Withdrawals(id.clone(), purchase, back, vec![taken]))
            }
            _ => None,
        },
        Event::MessageReceived(fact) => match &fact.message {
            Message::CreditSent(credit) => Some(Half::InTransit(Box::new(credit.clone()))),
            Message::CreditReturned(credit, _) => Some(Half::ComingBack(Box::new(credit.clone()))),
            Message::ShelfCalledBack(it) => Some(Half::CalledBack(it.offer_id.clone(), it.round)),
            _ => None,
        },
        Event::CreditGivenBack(id, fact) => {
            let (purchase, back) = (fact.purchase_id.clone(), fact.return_id.clone());
            let given = UnitPoints { unit: fact.credit.unit, points: fact.credit.points };
            Some(Half::GivenBack(id.clone(), purchase, back, vec![given]))
        }
        _ => None,
    }
}
