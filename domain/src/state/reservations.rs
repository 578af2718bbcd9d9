//! What holds keep of offers: the units, the shopper's count, and when each falls due, offer by
//! offer.

use std::collections::BTreeMap;

use log_record::Position;

use super::State;
use super::impossible::{Changed, ensure};
use super::waiting::ONE;
use crate::account::OfferNumber;
use crate::schedule::AccountNumber;
use crate::{
    AccountId, Allocation, CreditHeld, HoldId, IdHash, Keeps, OfferId, Reservation, Timestamp,
    UnitId, WaitEnd,
};

/// How many reservations an account has of each offer, by their deadlines.
#[derive(Debug, Default)]
pub(super) struct Reservations(BTreeMap<(OfferNumber, Timestamp, AccountNumber), u32>);

impl Reservations {
    fn begin(&mut self, offer: OfferNumber, deadline: Timestamp, account: AccountNumber) {
        *self.0.entry((offer, deadline, account)).or_default() += 1;
    }

    fn end(&mut self, offer: OfferNumber, deadline: Timestamp, account: AccountNumber) -> Changed {
        let key = (offer, deadline, account);
        let count = self.0.get_mut(&key).ok_or("a reservation ended that wasn't there")?;
        *count -= 1;
        if *count == 0 {
            self.0.remove(&key);
        }
        Ok(())
    }
}

impl State {
    /// The accounts with a reservation of an offer that is due, the earliest first.
    pub(crate) fn due_reservations(
        &self,
        offer: OfferNumber,
        now: Timestamp,
    ) -> impl Iterator<Item = &AccountId> {
        let first = (offer, Timestamp::EPOCH, AccountNumber::MIN);
        let due = self.reservations.0.range(first..=(offer, now, AccountNumber::MAX));
        due.filter_map(move |((_, _, account), _)| self.account_id(*account))
    }

    pub(super) fn credit_held(
        &mut self,
        at: Position,
        recorded_at: Timestamp,
        id: &AccountId,
        fact: &CreditHeld,
    ) -> Changed {
        if fact.keeps == Keeps::Further {
            // The first bears the id.
            return Ok(());
        }
        if let Some(reservation) = fact.keeps.reservation() {
            let Reservation { offer_id, allocation, counted, .. } = reservation;
            let offer = self.programme.reserve(offer_id, allocation)?;
            self.across.on_shelf(offer_id, allocation.quantity(), false)?;
            self.accounts.count(id, offer, (allocation.quantity(), *counted), recorded_at)?;
            let (account, _) = self.accounts.numbered_mut(id)?;
            self.reservations.begin(offer, fact.deadline, account);
        }
        self.accounts.record(IdHash::hold(id, &fact.hold_id), at)
    }

    /// A hold of a unit ends, with what it kept: it goes back, also where an exchange takes it by
    /// the next event.
    pub(super) fn hold_ended(
        &mut self,
        id: &AccountId,
        (hold_id, unit): (&HoldId, UnitId),
        keeps: &Keeps,
    ) -> Changed {
        let number = self.programme.units.number(unit).ok_or(super::programme::UNKNOWN_UNIT)?;
        let hold = self.account(id).and_then(|account| account.wallet(number).hold(hold_id));
        let hold = hold.ok_or("a hold ended twice")?;
        ensure(hold.keeps == *keeps, "I4: a hold ended with what it didn't keep")?;
        let Some(reservation) = keeps.reservation() else { return Ok(()) };
        let deadline = hold.deadline;
        let Reservation { offer_id, allocation, counted, .. } = reservation;
        let offer = self.programme.end_reservation(offer_id, allocation)?;
        self.across.on_shelf(offer_id, allocation.quantity(), true)?;
        self.accounts.count_back(id, offer, (allocation.quantity(), *counted))?;
        let (account, _) = self.accounts.numbered_mut(id)?;
        self.reservations.end(offer, deadline, account)
    }

    /// All that holds keep, after the state was read from a snapshot.
    pub(super) fn all_reservations(&self) -> Reservations {
        let mut all = Reservations::default();
        for (number, (_, account)) in (0..).zip(self.accounts()) {
            for hold in account.wallets().flat_map(|(_, wallet)| wallet.holds()) {
                let offer = hold.keeps.reservation().map(|kept| &kept.offer_id);
                if let Some((offer, _)) = offer.and_then(|offer| self.numbered_offer(offer)) {
                    all.begin(offer, hold.deadline, number);
                }
            }
        }
        all
    }
}

impl crate::Event {
    /// What an event puts back of what was reserved of an offer.
    pub(crate) fn ends_reservation(&self) -> Option<&Reservation> {
        match self {
            Self::HoldReleased(_, fact) => fact.keeps.reservation(),
            Self::HoldCaptured(_, fact) => fact.keeps.reservation(),
            _ => None,
        }
    }

    /// The units of an offer that an event puts back which were kept for somebody.
    pub(crate) fn frees(&self, id: &OfferId) -> Option<Allocation> {
        match self {
            Self::WaitEnded(_, fact) if fact.served && fact.offer_id == *id => Some(ONE),
            _ => {
                let kept = self.ends_reservation().filter(|kept| kept.offer_id == *id);
                kept.map(|kept| kept.allocation.clone())
            }
        }
    }

    /// The units that an event puts back on a shelf to stay there.
    pub(crate) fn puts_back(&self) -> Option<(&OfferId, &Allocation)> {
        match self {
            Self::ExchangeCancelled(_, fact) => Some((&fact.offer_id, &fact.allocation)),
            Self::HoldReleased(_, fact) => {
                fact.keeps.reservation().map(|kept| (&kept.offer_id, &kept.allocation))
            }
            // What is taken is taken by a later event of the append.
            Self::WaitEnded(_, fact) if fact.served && fact.reason != WaitEnd::Taken => {
                Some((&fact.offer_id, &ONE))
            }
            _ => None,
        }
    }
}
