//! The codes of offers: how events put them into pools and hand them out (I22).

use log_record::{Partition, Place, Position};

use super::impossible::{Changed, ensure};
use super::{Programme, State};
use crate::{
    Allocation, CodeAdded, CodePool, CodesUploaded, OfferHome, OfferId, StockReturned, Units,
};

const NO_POOL: &str = "I22: of an offer without codes";

impl State {
    /// The codes of an offer that has its home here, where it has had some.
    #[must_use]
    pub fn code_pool(&self, id: &OfferId) -> Option<&CodePool> {
        self.programme.codes.get(id)
    }

    /// The place of an event of this partition.
    pub(crate) const fn place_at(&self, position: Position) -> Place {
        Place { partition: self.partition, position }
    }

    /// What was taken of an offer of codes is the code whose turn it is or, where many partitions
    /// hand them out, the one that came for the exchange.
    pub(super) fn code_taken(&mut self, id: &OfferId, taken: &Allocation) -> Changed {
        let is_of_codes = self.offer(id).is_some_and(|offer| offer.terms.codes);
        let Allocation::Code(place) = taken else {
            return ensure(!is_of_codes, "I22: what was exchanged isn't a code");
        };
        ensure(is_of_codes, NO_POOL)?;
        if self.is_shared() {
            let came = self.across.loose_code.take();
            return ensure(
                came == Some(*place),
                "I22: an exchange takes the code that came for it",
            );
        }
        ensure(place.partition == self.partition, "I22: a code of another partition")?;
        self.programme.code_pool(id)?.hand_out(place.position)
    }

    /// A code came from the home for an exchange here.
    pub(super) fn code_came(&mut self, id: &OfferId, home: Partition, at: Position) -> Changed {
        ensure(self.is_drained(id), "a code came to an offer without codes")?;
        ensure(self.across.loose_code.is_none(), "I22: one code comes at a time")?;
        self.across.loose_code = Some(Place { partition: home, position: at });
        self.across.on_shelf(id, Units::ONE, true)?;
        self.programme.shelve(id, Units::ONE)
    }

    /// Units go home: where one is a code, it is the one that came, and nobody was shown it.
    pub(super) fn code_leaves(&mut self, fact: &StockReturned) -> Changed {
        let Some(code) = fact.code else { return Ok(()) };
        let came = self.across.loose_code.take();
        let is_it = came.is_some_and(|came| came.position == code);
        ensure(is_it && fact.units == Units::ONE, "I22: a code went home that didn't come")
    }
}

impl Programme {
    pub(super) fn code_added(
        &mut self,
        at: Position,
        fact: &CodeAdded,
        home: Option<&mut OfferHome>,
    ) -> Changed {
        let offer = self.open_offer(&fact.offer_id)?;
        ensure(offer.terms.codes, NO_POOL)?;
        match home {
            Some(home) => home.add(Units::ONE)?,
            None => {
                let stock = offer.inventory.add(Units::ONE);
                offer.inventory = stock.ok_or("I22: the stock of codes can't be counted")?;
            }
        }
        self.uploading += 1;
        self.codes.entry(fact.offer_id.clone()).or_default().add(fact.hash, at)
    }

    pub(super) fn codes_uploaded(&mut self, at: Position, fact: &CodesUploaded) -> Changed {
        let before = std::mem::take(&mut self.uploading);
        ensure(before == fact.codes.get(), "I3: an upload's codes stand right before it")?;
        self.record(crate::IdHash::code_upload(&fact.offer_id, &fact.upload_id), at)
    }

    pub(super) fn code_pool(&mut self, id: &OfferId) -> Result<&mut CodePool, &'static str> {
        self.codes.get_mut(id).ok_or(NO_POOL)
    }

    /// The stock of an offer of codes is the number of its codes.
    pub(super) fn check_no_codes(&self, id: &OfferId) -> Changed {
        let has_codes = self.offers.get(id).is_some_and(|offer| offer.terms.codes);
        ensure(!has_codes, "I22: the stock of an offer of codes was set")
    }
}
