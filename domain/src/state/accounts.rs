//! What belongs to accounts: their credit, and the ids and leftovers of what was done with it. An
//! account lives in the partition that its id gives.

mod purchases;

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexSet;
use log_record::{Place, Position};
use serde::{Deserialize, Serialize};

use super::ById;
use super::impossible::{Changed, TOO_MUCH, ensure};
use super::shipment::Parcels;
use crate::account::{OfferNumber, SegmentNumber};
use crate::amount::sum;
use crate::original::EarnedCredit;
use crate::schedule::AccountNumber;
use crate::{
    Account, AccountId, CaptureRefund, Cause, CauseKind, CreditEarned, CreditGivenBack,
    CreditWithdrawn, Event, ExchangeCancelled, ExchangeCreated, IdHash, LimitDays, LotId, Points,
    ProductId, RecordedIds, ReturnReversed, SegmentId, SegmentSet, Shipped, ShippedLine, Timestamp,
    UnitId, UnitNumber, UnitPoints, Units, WithdrawalCause, WithdrawalReversed,
};
use purchases::Earnings;
pub(crate) use purchases::RefusedCredit;

/// The accounts' part of the state.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Accounts {
    pub(super) by_id: ById<AccountId, Account>,
    /// Exchanges of which something was cancelled, by the event that created them.
    cancelled: HashMap<Position, Cancelled>,
    /// What was refunded of captures that paid no exchange, by the event of the capture.
    refunded: HashMap<Position, Refunded>,
    /// What came back of purchases, by the event that recorded them.
    returned: HashMap<Position, PurchaseReturns>,
    /// Purchases whose credit was refused, by the event that recorded them.
    refused: HashMap<Position, Box<[RefusedCredit]>>,
    /// Requests that left in several parcels, by the event that asked for them.
    pub(super) parcels: HashMap<Position, Parcels>,
    /// How much of what a lot was earned as has been withdrawn.
    withdrawn: HashMap<LotId, Points>,
    /// Of which unit that was, where it wasn't points.
    withdrawn_unit: HashMap<LotId, UnitId>,
    /// The segments that accounts are or were in, in the order in which they were named.
    segments: IndexSet<SegmentId, RandomState>,
    /// The ids of the accounts' commands.
    pub(super) recorded: Arc<RecordedIds>,
    /// What the last events earned for one cause.
    #[serde(skip)]
    earnings: Earnings,
}

/// What was refunded of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Refunded {
    unit: UnitNumber,
    points: Points,
    /// Of so many that the capture had spent.
    of: Points,
}

/// What was cancelled of an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cancelled {
    #[serde(with = "sum")]
    pub(crate) quantity: Units,
    /// The cancellation after which nothing was left of it.
    pub(crate) all_at: Option<Position>,
}

impl Cancelled {
    /// Whether nothing is left of it.
    pub(crate) const fn is_all(&self) -> bool {
        self.all_at.is_some()
    }
}

/// What came back of a purchase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct PurchaseReturns {
    lines: Vec<Returned>,
    last_at: Position,
    /// What had been called off by the time of each reversal.
    before_reversals: Vec<CalledOff>,
}

/// What returns had called off at a time, and the last return before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CalledOff {
    lines: Vec<Returned>,
    last_at: Position,
}

impl Returned {
    /// How many were ever returned.
    fn called_off(&self) -> Units {
        self.quantity.plus(self.reversed).unwrap_or(Units::MOST)
    }
}

/// Whether all of these lines were called off.
fn is_all(called_off: &[Returned], lines: &[ShippedLine]) -> bool {
    lines.iter().all(|line| {
        let gone = called_off.iter().find(|gone| gone.product == line.product_id);
        gone.is_some_and(|gone| gone.called_off() >= line.quantity)
    })
}

/// How many of a product of a purchase came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Returned {
    pub(crate) product: ProductId,
    #[serde(with = "sum")]
    pub(crate) quantity: Units,
    /// How many of its returns were reversed. What they called off at the warehouse stays so.
    #[serde(with = "sum")]
    pub(crate) reversed: Units,
}

impl Accounts {
    /// The bytes of the tables of leftovers, without what their entries have allocated.
    pub(super) fn leftover_bytes(&self) -> usize {
        let Self { cancelled, refunded, returned, refused, parcels, withdrawn, .. } = self;
        map_bytes(cancelled)
            + map_bytes(refunded)
            + map_bytes(returned)
            + map_bytes(refused)
            + map_bytes(parcels)
            + map_bytes(withdrawn)
            + map_bytes(&self.withdrawn_unit)
    }

    pub(super) fn cancelled(&self, exchange: Position) -> Cancelled {
        self.cancelled.get(&exchange).copied().unwrap_or_default()
    }

    pub(super) fn refunded(&self, capture: Position) -> Points {
        self.refunded.get(&capture).map(|refunded| refunded.points).unwrap_or_default()
    }

    pub(super) fn returned(&self, purchase: Position, product: &ProductId) -> Units {
        let line = self.returned_line(purchase, product);
        line.map(|line| line.quantity).unwrap_or_default()
    }

    /// How many were ever returned, also where the return was reversed.
    pub(super) fn called_off(&self, purchase: Position, product: &ProductId) -> Units {
        let line = self.returned_line(purchase, product);
        line.map(Returned::called_off).unwrap_or_default()
    }

    fn returned_line(&self, purchase: Position, product: &ProductId) -> Option<&Returned> {
        self.returned.get(&purchase)?.lines.iter().find(|line| line.product == *product)
    }

    /// The return after which nothing was left of a purchase's lines.
    pub(super) fn all_returned_at(
        &self,
        purchase: Position,
        lines: &[ShippedLine],
    ) -> Option<Position> {
        let PurchaseReturns { lines: returned, last_at, before_reversals } =
            self.returned.get(&purchase)?;
        let before = before_reversals.iter().find(|before| is_all(&before.lines, lines));
        let before = before.map(|before| before.last_at);
        before.or_else(|| is_all(returned, lines).then_some(*last_at))
    }

    /// The credit that was refused when a purchase was recorded, by unit.
    pub(super) fn refused_credit(&self, purchase: Position) -> &[RefusedCredit] {
        self.refused.get(&purchase).map(|refused| &**refused).unwrap_or_default()
    }

    /// Whether credit of several units was earned for a purchase that is yet to be recorded.
    pub(super) fn is_purchase_next(&self, position: Position) -> bool {
        self.earnings.credit.len() > 1 && self.earnings.last_at == position
    }

    pub(super) fn withdrawn(&self, lot: LotId) -> Points {
        self.withdrawn.get(&lot).copied().unwrap_or_default()
    }

    /// Applies an event to its account's credit; gives the account's number, and when something
    /// falls due in it next.
    pub(super) fn evolve(
        &mut self,
        at: Place,
        recorded_at: Timestamp,
        id: &AccountId,
        unit: UnitNumber,
        event: &Event,
    ) -> Result<(AccountNumber, Option<Timestamp>), &'static str> {
        // Looked up first: `entry` would clone the id of every account that is there already.
        let number = match self.by_id.get_index_of(id) {
            Some(number) => number,
            None if matches!(event, Event::CreditEarned(..)) => {
                self.by_id.insert_full(id.clone(), Account::default()).0
            }
            None => return Err("of an unknown account"),
        };
        let (_, account) = self.by_id.get_index_mut(number).ok_or("of an unknown account")?;
        account.evolve(at, recorded_at, unit, event)?;
        let number = u32::try_from(number).map_err(|_| "more than 2^32 accounts")?;
        Ok((number, account.next_due()))
    }

    /// An account that is there, and its number.
    pub(super) fn numbered_mut(
        &mut self,
        id: &AccountId,
    ) -> Result<(AccountNumber, &mut Account), &'static str> {
        let (number, _, account) = self.by_id.get_full_mut(id).ok_or("of an unknown account")?;
        let number = u32::try_from(number).map_err(|_| "more than 2^32 accounts")?;
        Ok((number, account))
    }

    pub(super) fn credit_earned(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &CreditEarned,
    ) -> Changed {
        if fact.cause.kind == CauseKind::Conversion {
            // The conversion has recorded its own id right before.
            return Ok(());
        }
        let cause = IdHash::cause(id, &fact.cause);
        if fact.claim.is_none() {
            let credit = UnitPoints { unit: fact.unit, points: fact.points };
            let former = self.recorded.insert(cause, at);
            let earned = self.earnings.earn(at, cause, former, credit);
            return earned.ok_or("I2: an id is recorded once");
        }
        let purchase = self.recorded.position_of(cause);
        let refused = purchase.and_then(|purchase| self.refused.get_mut(&purchase));
        let mut refused = refused.into_iter().flatten();
        let unclaimed =
            refused.find(|refused| refused.unit == fact.unit && refused.claimed.is_none());
        let unclaimed = unclaimed.ok_or("credit was claimed that was never refused, or twice")?;
        unclaimed.claimed = Some(EarnedCredit::of(at, fact));
        self.record(IdHash::claim(id, &fact.cause.id, fact.unit), at)
    }

    pub(super) fn opened(&mut self, at: Position, id: &AccountId) -> Changed {
        self.account_mut(id);
        self.record(IdHash::account(id), at)
    }

    pub(super) fn credit_withdrawn(
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
        if fact.unit != UnitId::POINTS && !self.withdrawn.contains_key(&lot) {
            self.withdrawn_unit.insert(lot, fact.unit);
        }
        self.check_withdrawn_unit(lot, fact.unit)?;
        let withdrawn = self.withdrawn.entry(lot).or_default();
        *withdrawn = withdrawn.plus(fact.points).ok_or(TOO_MUCH)?;
        Ok(())
    }

    /// Whether what was withdrawn of the lot is of this unit.
    fn check_withdrawn_unit(&self, lot: LotId, unit: UnitId) -> Changed {
        let known = self.withdrawn_unit.get(&lot).copied().unwrap_or(UnitId::POINTS);
        ensure(known == unit, "I14: what is taken of a lot, and given back, is of one unit")
    }

    pub(super) fn withdrawal_reversed(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &WithdrawalReversed,
    ) -> Changed {
        let withdrawal = IdHash::withdrawal(id, &fact.withdrawal_id);
        ensure(self.is_recorded(withdrawal), "an unknown withdrawal was reversed")?;
        self.record(IdHash::withdrawal_reversal(id, &fact.withdrawal_id), at)?;
        self.given_back(&fact.credit)
    }

    pub(super) fn return_reversed(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &ReturnReversed,
    ) -> Changed {
        let purchase = self.recorded.position_of(IdHash::purchase(id, &fact.purchase_id));
        let purchase = purchase.ok_or("a return of an unknown purchase was reversed")?;
        let back = IdHash::purchase_return(id, &fact.purchase_id, &fact.return_id);
        let back = self.recorded.position_of(back).ok_or("an unknown return was reversed")?;
        if let Some(credit) = &fact.credit {
            // The return follows what it took, unit by unit, and the first unit is this one.
            let count = 1 + fact.further.len() as u64;
            let is_all = credit.withdrawn_at.position().0 + count == back.0;
            ensure(is_all, "I3: a reversal gives back all that the return took, unit by unit")?;
        }
        self.record(IdHash::return_reversal(id, &fact.purchase_id, &fact.return_id), at)?;
        let PurchaseReturns { lines, last_at, before_reversals } =
            self.returned.entry(purchase).or_default();
        before_reversals.push(CalledOff { lines: lines.clone(), last_at: *last_at });
        for again in &fact.lines {
            let line = lines.iter_mut().find(|line| line.product == again.product_id);
            let line = line.ok_or("a return was reversed of what never came back")?;
            let left = line.quantity.minus(again.quantity);
            line.quantity = left.ok_or("more was reversed than came back")?;
            line.reversed = line.reversed.plus(again.quantity).unwrap_or(Units::MOST);
        }
        fact.credit.as_ref().map_or(Ok(()), |credit| self.given_back(credit))
    }

    pub(super) fn given_back(&mut self, fact: &CreditGivenBack) -> Changed {
        self.check_withdrawn_unit(fact.of_lot, fact.unit)?;
        let withdrawn = self.withdrawn.entry(fact.of_lot).or_default();
        *withdrawn = withdrawn.minus(fact.points).ok_or("more was given back than was taken")?;
        if *withdrawn == Points::ZERO {
            self.withdrawn.remove(&fact.of_lot);
            self.withdrawn_unit.remove(&fact.of_lot);
        }
        Ok(())
    }

    pub(super) fn exchange_created(
        &self,
        at: Position,
        id: &AccountId,
        fact: &ExchangeCreated,
    ) -> Changed {
        self.record(IdHash::exchange(id, &fact.exchange_id), at)?;
        match &fact.hold_id {
            Some(hold) => self.record(IdHash::capture(id, hold), at),
            None => Ok(()),
        }
    }

    pub(super) fn capture_refunded(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &CaptureRefund,
        (unit, points): (UnitNumber, Points),
    ) -> Changed {
        let capture = self.recorded.position_of(IdHash::capture(id, &fact.hold_id));
        let capture = capture.ok_or("a hold was refunded that was not captured")?;
        self.record(IdHash::capture_refund(id, &fact.hold_id, &fact.refund_id), at)?;
        let before = self.refunded(capture);
        let points = before.plus(points).ok_or(TOO_MUCH)?;
        let refunded = Refunded { unit, points, of: fact.captured_points };
        let former = self.refunded.insert(capture, refunded);
        let is_same =
            former.is_none_or(|former| (former.unit, former.of) == (refunded.unit, refunded.of));
        ensure(is_same, "I13: two refunds differ about what the capture had spent")?;
        let is_within = refunded.points <= refunded.of;
        ensure(is_within, "I13: more was refunded than the capture had spent")
    }

    /// Counts units of an offer towards the shopper's limits.
    pub(super) fn count(
        &mut self,
        id: &AccountId,
        offer: OfferNumber,
        (pieces, days): (Units, LimitDays),
        now: Timestamp,
    ) -> Changed {
        let account = self.by_id.get_mut(id).ok_or("an exchange of an unknown account")?;
        account.count(offer, pieces, days, now).ok_or(TOO_MUCH)
    }

    /// Takes units of an offer off the shopper's counts.
    pub(super) fn count_back(
        &mut self,
        id: &AccountId,
        offer: OfferNumber,
        (pieces, days): (Units, LimitDays),
    ) -> Changed {
        let account = self.by_id.get_mut(id).ok_or("an exchange of an unknown account")?;
        account.count_back(offer, pieces, days).ok_or("more came back than was taken")
    }

    /// Whether an account is in a segment, and the event that said so last.
    pub(super) fn segment(&self, id: &AccountId, segment: SegmentId) -> Option<(bool, Position)> {
        let number = u32::try_from(self.segments.get_index_of(&segment)?).ok()?;
        self.by_id.get(id)?.segment(SegmentNumber(number))
    }

    /// A segment by its number.
    pub(super) fn segment_id(&self, SegmentNumber(number): SegmentNumber) -> Option<SegmentId> {
        self.segments.get_index(number as usize).copied()
    }

    pub(super) fn segment_set(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &SegmentSet,
    ) -> Changed {
        let (number, _) = self.segments.insert_full(fact.segment);
        let number = u32::try_from(number).map_err(|_| "more than 2^32 segments")?;
        let account = self.by_id.get_mut(id).ok_or("a segment of an unknown account")?;
        let present = account.segment(SegmentNumber(number));
        let is_new = present.is_none_or(|(member, _)| member != fact.member);
        ensure(is_new, "a segment was set as it was")?;
        account.set_segment(SegmentNumber(number), fact.member, at);
        Ok(())
    }

    pub(super) fn exchange_cancelled(
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
            "I12: an exchange was cancelled after all of it had left",
        )?;
        let is_of_rejection = fact.cancellation_id.is_of_rejection();
        // The refunds stand between a rejection and its cancellation.
        let after = fact.refunded.len() as u64 + 1;
        let rejected = self.recorded.position_of(IdHash::rejection(id, &shipped));
        ensure(
            rejected.map(|rejected| rejected.plus(after)) == is_of_rejection.then_some(at),
            "I12: a rejection cancels what is left of an exchange at once, and nothing does later",
        )?;
        let cancelled = self.cancelled.entry(exchange).or_default();
        let before = cancelled.quantity;
        cancelled.quantity = before.plus(fact.allocation.quantity()).ok_or(TOO_MUCH)?;
        ensure(cancelled.quantity <= fact.of.quantity, "more was cancelled than exchanged")?;
        let shares = fact.of.prices.refund(fact.of.quantity, before, cancelled.quantity);
        let are_shares = shares.eq(fact.refunded.iter().copied());
        ensure(are_shares, "I9: a refund isn't the cost's share of the pieces cancelled")?;
        cancelled.all_at = (cancelled.quantity == fact.of.quantity).then_some(at);
        let mut is_over = cancelled.is_all();
        if let Some(parcels) = self.parcels.get_mut(&exchange) {
            parcels.cancel(fact.allocation.quantity(), at)?;
            is_over = parcels.is_all();
        }
        ensure(is_over || !is_of_rejection, "I12: a rejected exchange has units left")
    }

    /// The account, which comes into being where it wasn't there yet.
    fn account_mut(&mut self, id: &AccountId) -> &mut Account {
        // Looked up first: `entry` would clone the id of every account that is there already.
        let number = self.by_id.get_index_of(id);
        let number =
            number.unwrap_or_else(|| self.by_id.insert_full(id.clone(), Account::default()).0);
        &mut self.by_id[number]
    }

    pub(super) fn record(&self, id: IdHash, at: Position) -> Changed {
        ensure(self.recorded.insert(id, at).is_none(), "I2: an id is recorded once")
    }
}

/// A table has room for seven eighths of its entries, each with a byte of control.
fn map_bytes<K, V>(map: &HashMap<K, V>) -> usize {
    map.capacity() * 8 / 7 * (size_of::<(K, V)>() + 1)
}
