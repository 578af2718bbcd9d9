//! What belongs to accounts: their credit, and the ids and leftovers of what was done with it. An
//! account lives in the partition that its id gives.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use log_record::{Place, Position};
use serde::{Deserialize, Serialize};

use super::impossible::{Changed, TOO_MUCH, ensure};
use super::shipment::Parcels;
use crate::account::OfferNumber;
use crate::amount::sum;
use crate::original::EarnedCredit;
use crate::schedule::AccountNumber;
use crate::{
    Account, AccountId, CaptureRefund, Cause, CauseKind, CreditEarned, CreditWithdrawn, Event,
    ExchangeCancelled, ExchangeCreated, IdHash, LotId, Points, ProductId, PurchaseRecorded,
    PurchaseReturned, RecordedIds, Shipped, ShippedLine, Timestamp, Units, WithdrawalCause,
};

/// The accounts' part of the state.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Accounts {
    pub(super) by_id: IndexMap<AccountId, Account>,
    /// Exchanges of which something was cancelled, by the event that created them.
    cancelled: HashMap<Position, Cancelled>,
    /// What was refunded of captures that paid no exchange, by the event of the capture.
    refunded: HashMap<Position, Points>,
    /// What came back of purchases, by the event that recorded them.
    returned: HashMap<Position, Returns>,
    /// Purchases whose credit was refused, by the event that recorded them, each with what a claim
    /// has earned for it.
    refused: HashMap<Position, Option<EarnedCredit>>,
    /// Requests that left in several parcels, by the event that asked for them.
    pub(super) parcels: HashMap<Position, Parcels>,
    /// How much of what a lot was earned as has been withdrawn.
    withdrawn: HashMap<LotId, Points>,
    /// The ids of the accounts' commands.
    pub(super) recorded: Arc<RecordedIds>,
}

/// What was cancelled of an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cancelled {
    #[serde(with = "sum")]
    pub(crate) quantity: Units,
    #[serde(with = "sum")]
    pub(crate) points: Points,
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
struct Returns {
    lines: Vec<Returned>,
    last_at: Position,
}

/// How many of a product of a purchase came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Returned {
    pub(crate) product: ProductId,
    pub(crate) quantity: Units,
}

impl Accounts {
    pub(super) fn cancelled(&self, exchange: Position) -> Cancelled {
        self.cancelled.get(&exchange).copied().unwrap_or_default()
    }

    pub(super) fn refunded(&self, capture: Position) -> Points {
        self.refunded.get(&capture).copied().unwrap_or_default()
    }

    pub(super) fn returned(&self, purchase: Position, product: &ProductId) -> Units {
        let returned = self.returned.get(&purchase).map(|returns| returns.lines.as_slice());
        let mut returned = returned.unwrap_or_default().iter();
        let of_product = returned.find(|returned| returned.product == *product);
        of_product.map(|returned| returned.quantity).unwrap_or_default()
    }

    /// The return after which nothing was left of a purchase's lines.
    pub(super) fn all_returned_at(
        &self,
        purchase: Position,
        lines: &[ShippedLine],
    ) -> Option<Position> {
        let returns = self.returned.get(&purchase)?;
        let is_back =
            |line: &ShippedLine| self.returned(purchase, &line.product_id) >= line.quantity;
        lines.iter().all(is_back).then_some(returns.last_at)
    }

    /// What a claim has earned of the credit that was refused when a purchase was recorded; the
    /// outer nothing where none was refused.
    pub(super) fn refused_credit(&self, purchase: Position) -> Option<Option<EarnedCredit>> {
        self.refused.get(&purchase).copied()
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
        account.evolve(at, recorded_at, event)?;
        let number = u32::try_from(number).map_err(|_| "more than 2^32 accounts")?;
        Ok((number, account.next_due()))
    }

    pub(super) fn credit_earned(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &CreditEarned,
    ) -> Changed {
        let cause = IdHash::cause(id, &fact.cause);
        if fact.claim.is_none() {
            return self.record(cause, at);
        }
        let purchase = self.recorded.position_of(cause);
        let refused = purchase.and_then(|purchase| self.refused.get_mut(&purchase));
        let unclaimed = refused.filter(|claimed| claimed.is_none());
        let unclaimed = unclaimed.ok_or("credit was claimed that was never refused, or twice")?;
        *unclaimed = Some(EarnedCredit { position: at, points: fact.points });
        self.record(IdHash::claim(id, &fact.cause.id), at)
    }

    pub(super) fn opened(&mut self, at: Position, id: &AccountId) -> Changed {
        if !self.by_id.contains_key(id) {
            self.by_id.insert(id.clone(), Account::default());
        }
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
        let withdrawn = self.withdrawn.entry(lot).or_default();
        *withdrawn = withdrawn.plus(fact.points).ok_or(TOO_MUCH)?;
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
        points: Points,
    ) -> Changed {
        let capture = self.recorded.position_of(IdHash::capture(id, &fact.hold_id));
        let capture = capture.ok_or("a hold was refunded that was not captured")?;
        self.record(IdHash::capture_refund(id, &fact.hold_id, &fact.refund_id), at)?;
        let refunded = self.refunded.entry(capture).or_default();
        *refunded = refunded.plus(points).ok_or(TOO_MUCH)?;
        let is_within = *refunded <= fact.captured_points;
        ensure(is_within, "I13: more was refunded than the capture had spent")
    }

    /// Counts units of an offer towards the shopper's limit.
    pub(super) fn count(&mut self, id: &AccountId, offer: OfferNumber, pieces: Units) -> Changed {
        let account = self.by_id.get_mut(id).ok_or("an exchange of an unknown account")?;
        account.count(offer, pieces).ok_or(TOO_MUCH)
    }

    /// Takes units of an offer off the shopper's count.
    pub(super) fn count_back(
        &mut self,
        id: &AccountId,
        offer: OfferNumber,
        pieces: Units,
    ) -> Changed {
        let account = self.by_id.get_mut(id).ok_or("an exchange of an unknown account")?;
        account.count_back(offer, pieces).ok_or("more came back than was taken")
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
        // The refund stands between a rejection and its cancellation.
        let rejected = self.recorded.position_of(IdHash::rejection(id, &shipped));
        ensure(
            rejected.map(|rejected| rejected.plus(2)) == is_of_rejection.then_some(at),
            "I12: a rejection cancels what is left of an exchange at once, and nothing does later",
        )?;
        let cancelled = self.cancelled.entry(exchange).or_default();
        cancelled.quantity = cancelled.quantity.plus(fact.allocation.quantity()).ok_or(TOO_MUCH)?;
        cancelled.points = cancelled.points.plus(fact.points).ok_or(TOO_MUCH)?;
        ensure(cancelled.quantity <= fact.of.quantity, "more was cancelled than exchanged")?;
        ensure(cancelled.points <= fact.of.points, "I9: more was refunded than it cost")?;
        cancelled.all_at = (cancelled.quantity == fact.of.quantity).then_some(at);
        let mut is_over = cancelled.is_all();
        if let Some(parcels) = self.parcels.get_mut(&exchange) {
            parcels.cancel(fact.allocation.quantity(), at)?;
            is_over = parcels.is_all();
        }
        ensure(is_over || !is_of_rejection, "I12: a rejected exchange has units left")
    }

    pub(super) fn purchase_recorded(
        &mut self,
        at: Position,
        recorded_at: Timestamp,
        id: &AccountId,
        fact: &PurchaseRecorded,
    ) -> Changed {
        // A purchase that earns nothing makes the account, too.
        if !self.by_id.contains_key(id) {
            self.by_id.insert(id.clone(), Account::default());
        }
        if let Some(refused) = &fact.credit_refused {
            ensure(fact.points.is_none(), "a purchase earned what was refused")?;
            let account = self.by_id.get_mut(id).ok_or("of an unknown account")?;
            account.credit_refused(recorded_at, fact, refused)?;
            self.refused.insert(at, None);
        }
        let cause = IdHash::purchase(id, &fact.purchase_id);
        // What it earned stands right before it under the same cause.
        let earned = fact.points.map(|_| Position(at.0 - 1));
        ensure(self.recorded.insert(cause, at) == earned, "I2: a purchase is recorded once")
    }

    pub(super) fn purchase_returned(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &PurchaseReturned,
    ) -> Changed {
        let cause = IdHash::purchase(id, &fact.purchase_id);
        let purchase =
            self.recorded.position_of(cause).ok_or("an unknown purchase was returned")?;
        self.record(IdHash::purchase_return(id, &fact.purchase_id, &fact.return_id), at)?;
        let Returns { lines: returned, last_at } = self.returned.entry(purchase).or_default();
        *last_at = at;
        for back in &fact.lines {
            match returned.iter_mut().find(|returned| returned.product == back.product_id) {
                Some(line) => line.quantity = line.quantity.plus(back.quantity).ok_or(TOO_MUCH)?,
                None => returned
                    .push(Returned { product: back.product_id.clone(), quantity: back.quantity }),
            }
        }
        Ok(())
    }

    pub(super) fn record(&self, id: IdHash, at: Position) -> Changed {
        ensure(self.recorded.insert(id, at).is_none(), "I2: an id is recorded once")
    }
}
