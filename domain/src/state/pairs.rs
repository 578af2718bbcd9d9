//! Pairs: events that stand side by side and agree (I3).

use std::iter;

use super::State;
use super::impossible::{Changed, ensure};
use crate::{
    AccountId, CancellationId, CauseKind, ConversionId, CountsInTransit, CreditInTransit,
    DebtInTransit, Event, ExchangeId, HoldId, Keeps, LotPart, Message, OfferId, Points, Price,
    PurchaseId, RefundCause, ReturnId, Timestamp, TransferId, UnitId, UnitPoints, WithdrawalCause,
};

/// The first half of a pair of events, by what the second half must agree with. Of several units it
/// is several events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Half {
    /// What was paid of the first unit, and of further ones so far.
    Deductions(AccountId, ExchangeId, Price, Vec<Price>),
    /// What was captured of the first unit, and of further ones so far.
    Capture(AccountId, HoldId, Price, Vec<Price>),
    /// What of its price a reservation has still to hold, until when.
    Reserved(AccountId, HoldId, Timestamp, Vec<Price>),
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
    /// The account that was merged, and the one that has it from now on; by the event or by the
    /// message that tells of it.
    Merged(AccountId, AccountId),
    /// Who had counted it, and who adds it.
    CountsPassedOn(AccountId, AccountId),
    /// The same from another partition.
    CountsInTransit(Box<CountsInTransit>),
    /// Who owed it and who owes it from now on, the unit and how much.
    DebtPassedOn(AccountId, AccountId, UnitId, Points),
    /// The same from another partition.
    DebtInTransit(Box<DebtInTransit>),
}

impl State {
    /// Keeps the halves of a pair side by side (I3).
    pub(super) fn pair(&mut self, event: &Event) -> Changed {
        let mut first = self.unpaired.take();
        if first.as_ref().is_some_and(Half::may_be_last)
            && !matches!(event, Event::CreditReturned(..))
        {
            first = None;
        }
        if first.as_mut().is_some_and(|first| first.goes_on_with(event)) {
            self.unpaired = first.filter(|first| !first.is_complete());
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
                Message::AccountMerged(_)
                | Message::CountsPassedOn(_)
                | Message::DebtPassedOn(_) => {
                    return Err("I3: a merger told of that there wasn't");
                }
                _ => true,
            },
            (
                None,
                Event::AccountTakenOver(..) | Event::CountsTakenOver(..) | Event::DebtTakenOver(..),
            ) => {
                return Err("I3: something was taken over from nobody");
            }
            (None, Event::CreditEarned(_, fact)) if fact.cause.kind == CauseKind::Conversion => {
                return Err("I3: credit of a conversion from nowhere");
            }
            (None, Event::CreditHeld(_, fact)) => match &fact.keeps {
                Keeps::Nothing => true,
                Keeps::Offer(kept) => fact.price() == kept.prices.first(),
                Keeps::Further => return Err("I3: what pays a reservation stands side by side"),
            },
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
            (Some(Half::Capture(payer, hold, paid, further)), Event::ExchangeCreated(id, fact)) => {
                // A hold that pays what is free gives all back.
                let is_paid = if fact.prices.is_free() {
                    paid.points == Points::ZERO && further.is_empty()
                } else {
                    fact.prices.iter().eq(iter::once(paid).chain(further))
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
            (Some(Half::Merged(from, into)), Event::AccountTakenOver(id, fact)) => {
                into == *id && from == fact.from
            }
            (Some(Half::Merged(from, into)), Event::MessageSent(fact)) => {
                matches!(&fact.message, Message::AccountMerged(it)
                    if [&it.from, &it.into] == [&from, &into]
                        && into.partition(self.partitions()) == fact.to)
            }
            (Some(Half::CountsPassedOn(from, to)), Event::CountsTakenOver(id, fact)) => {
                to == *id && from == fact.from
            }
            (Some(Half::CountsPassedOn(from, to)), Event::MessageSent(fact)) => {
                matches!(&fact.message, Message::CountsPassedOn(it)
                    if [&it.from, &it.to] == [&from, &to]
                        && to.partition(self.partitions()) == fact.to)
            }
            (Some(Half::CountsInTransit(it)), Event::CountsTakenOver(id, fact)) => {
                [&it.to, &it.from] == [id, &fact.from] && it.counts == fact.counts
            }
            (
                Some(Half::DebtPassedOn(debtor, to, unit, points)),
                Event::DebtTakenOver(id, fact),
            ) => to == *id && debtor == fact.from && (unit, points) == (fact.unit, fact.points),
            (Some(Half::DebtPassedOn(debtor, to, unit, points)), Event::MessageSent(fact)) => {
                matches!(&fact.message, Message::DebtPassedOn(it)
                    if [&it.from, &it.to] == [&debtor, &to]
                        && (it.unit, it.points) == (unit, points)
                        && to.partition(self.partitions()) == fact.to)
            }
            (Some(Half::DebtInTransit(debt)), Event::DebtTakenOver(id, fact)) => {
                [&debt.to, &debt.from] == [id, &fact.from]
                    && debt.unit == fact.unit
                    && debt.points >= fact.points
            }
            (Some(_), _) => false,
        };
        ensure(is_second, NOT_THE_OTHER_HALF)?;
        self.unpaired = half_of(event);
        Ok(())
    }
}

const NOT_THE_OTHER_HALF: &str = "I3: the two halves of a pair stand side by side and agree";

impl Half {
    /// Whether an append may end with it.
    pub(super) const fn may_be_last(&self) -> bool {
        matches!(self, Self::ComingBack(_))
    }

    /// Whether nothing is missing.
    const fn is_complete(&self) -> bool {
        matches!(self, Self::Reserved(.., missing) if missing.is_empty())
    }

    /// Takes in the same of another unit, where the event is that.
    fn goes_on_with(&mut self, event: &Event) -> bool {
        if let Self::Reserved(owner, hold, deadline, missing) = self {
            let Event::CreditHeld(id, fact) = event else { return false };
            let is_next = *owner == *id
                && *hold == fact.hold_id
                && *deadline == fact.deadline
                && fact.keeps == Keeps::Further
                && missing.first() == Some(&fact.price());
            if is_next {
                missing.remove(0);
            }
            return is_next;
        }
        match (self, half_of(event)) {
            (Self::Capture(payer, hold, _, further), Some(Self::Capture(id, other, next, _)))
                if *payer == id && *hold == other =>
            {
                further.push(next);
            }
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
            Some(Half::Capture(id.clone(), fact.hold_id.clone(), price, vec![]))
        }
        Event::CreditHeld(id, fact) => {
            let further = fact.keeps.reservation()?.prices.further();
            let missing =
                Half::Reserved(id.clone(), fact.hold_id.clone(), fact.deadline, further.to_vec());
            (!further.is_empty()).then_some(missing)
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
        Event::AccountMerged(id, fact) => Some(Half::Merged(id.clone(), fact.into.clone())),
        Event::CountsPassedOn(id, fact) => Some(Half::CountsPassedOn(id.clone(), fact.to.clone())),
        Event::DebtPassedOn(id, fact) => {
            Some(Half::DebtPassedOn(id.clone(), fact.to.clone(), fact.unit, fact.points))
        }
        Event::MessageReceived(fact) => match &fact.message {
            Message::AccountMerged(it) => Some(Half::Merged(it.from.clone(), it.into.clone())),
            Message::CountsPassedOn(it) => Some(Half::CountsInTransit(it.clone())),
            Message::DebtPassedOn(debt) => Some(Half::DebtInTransit(Box::new(debt.clone()))),
            Message::DebtReturned(debt) => {
                let (from, to) = (debt.to.clone(), debt.from.clone());
                Some(Half::DebtInTransit(Box::new(DebtInTransit { from, to, ..debt.clone() })))
            }
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
