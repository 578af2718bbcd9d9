//! How each event changes the state.

use log_record::{Place, Position};

use super::State;
use super::impossible::{Changed, Impossible, ensure};
use super::programme::UNKNOWN_UNIT;
use crate::schedule::Due;
use crate::{
    AccountId, Event, ExchangeCancelled, ExchangeCreated, IdHash, Keeps, RefundCause, Timestamp,
    UnitId, UnitNumber,
};

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
        let is_of_upload = matches!(event, Event::CodeAdded(_) | Event::CodesUploaded(_));
        ensure(self.programme.uploading == 0 || is_of_upload, "I3: an upload of codes is whole")?;
        match event {
            Event::LogOpened(fact) => self.programme.log_opened(at, fact)?,
            Event::LogForked(_) => {}
            Event::ClockDoubted(fact) => self.programme.clock_doubt = Some(fact.why.clone()),
            Event::ClockConfirmed(_) => self.programme.clock_doubt = None,
            Event::CreditMatured(..)
            | Event::HoldSwapped(..)
            | Event::CreditExpired(..)
            | Event::DebtRepaid(..)
            | Event::DebtPassedOn(..)
            | Event::DebtTakenOver(..)
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
            Event::AccountMergerBegun(id, fact) => self.merger_begun(at, id, fact)?,
            Event::AccountMergerAbandoned(id, fact) => self.merger_abandoned(id, fact)?,
            Event::AccountMerged(id, fact) => self.account_merged(at, id, fact)?,
            Event::AccountTakenOver(id, fact) => self.account_taken_over(id, &fact.from)?,
            Event::CountsPassedOn(id, _) => self.counts_passed_on(id)?,
            Event::CountsTakenOver(id, fact) => {
                self.counts_taken_over(recorded_at, id, &fact.counts)?;
            }
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
            Event::CreditHeld(id, fact) => self.credit_held(at, recorded_at, id, fact)?,
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
            Event::HoldCaptured(id, fact) => {
                self.hold_ended(id, (&fact.hold_id, fact.unit), &fact.keeps)?;
                if !fact.pays_exchange {
                    let is_of_credit = fact.keeps == Keeps::Nothing;
                    ensure(is_of_credit, "a reservation was captured without an exchange")?;
                    self.accounts.record(IdHash::capture(id, &fact.hold_id), at)?;
                }
            }
            Event::HoldReleased(id, fact) => {
                self.hold_ended(id, (&fact.hold_id, fact.unit), &fact.keeps)?;
                // By its deadline it is released by nobody, so there is nothing to repeat. Of
                // several units, the first bears the id.
                if fact.reason == crate::ReleaseReason::Asked && fact.keeps != Keeps::Further {
                    self.accounts.record(IdHash::release(id, &fact.hold_id), at)?;
                }
            }
            Event::ExchangeCreated(id, fact) => self.exchange_created(at, recorded_at, id, fact)?,
            Event::SegmentSet(id, fact) => self.accounts.segment_set(at, id, fact)?,
            Event::WaitBegun(id, fact) => self.wait_begun(at, id, fact)?,
            Event::WaitServed(id, fact) => self.wait_served(id, fact)?,
            Event::WaitEnded(id, fact) => self.wait_ended((at, recorded_at), id, fact)?,
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
                    let partitions = self.partitions();
                    self.programme.empty_shelf(&fact.offer_id);
                    self.across.open_home(fact, partitions);
                }
            }
            Event::OfferAmended(fact) => self.programme.offer_amended(at, fact)?,
            Event::OfferClosed(fact) => self.programme.offer_closed(at, recorded_at, fact)?,
            Event::OfferReopened(fact) => self.programme.offer_reopened(at, fact)?,
            Event::OfferPaused(fact) => self.programme.offer_paused(at, recorded_at, fact)?,
            Event::OfferResumed(fact) => self.programme.offer_resumed(at, fact)?,
            Event::StockAdded(fact) => {
                let home = self.across.home_mut(&fact.offer_id);
                self.programme.stock_added(at, fact, home)?;
            }
            Event::CodeAdded(fact) => {
                let home = self.across.home_mut(&fact.offer_id);
                self.programme.code_added(at, fact, home)?;
            }
            Event::CodesUploaded(fact) => self.programme.codes_uploaded(at, fact)?,
            Event::BalancesSealed(fact) => self.programme.balances_sealed(at, fact)?,
            Event::SwitchTurned(fact) => self.programme.switch_turned(at, fact)?,
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
        self.plan_waiting(event, recorded_at);
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
        if matches!(event, Event::CountsPassedOn(..)) && account.standings().is_empty() {
            return Ok(());
        }
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
            // An account that was merged passes every unit on.
            Event::CreditSent(_, fact) if fact.transfer_id.is_of_merger() => Ok(()),
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
        recorded_at: Timestamp,
        id: &AccountId,
        fact: &ExchangeCreated,
    ) -> Changed {
        self.accounts.exchange_created(at, id, fact)?;
        self.code_taken(&fact.offer_id, &fact.allocation)?;
        let offer = self.programme.take(&fact.offer_id, &fact.allocation)?;
        self.across.on_shelf(&fact.offer_id, fact.allocation.quantity(), false)?;
        let counted = (fact.allocation.quantity(), fact.counted);
        self.accounts.count(id, offer, counted, recorded_at)
    }

    fn exchange_cancelled(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &ExchangeCancelled,
    ) -> Changed {
        self.accounts.exchange_cancelled(at, id, fact)?;
        let offer = self.programme.give_back(&fact.offer_id, &fact.allocation)?;
        self.across.on_shelf(&fact.offer_id, fact.allocation.restocked(), true)?;
        self.accounts.count_back(id, offer, (fact.allocation.quantity(), fact.of.counted))
    }
}

/// Where credit of several units was earned for one cause.
const SEVERAL_WITHOUT_PURCHASE: &str = "I3: what a purchase earned stands right before it";
