//! The home of an offer that many partitions sell: the one place that knows all of its units.
//!
//! Units are in exactly one place: the home's pool, a numbered message, a partition's shelf, or an
//! exchange. While there is plenty, partitions sell from their shelves. When the pool runs low, the
//! home calls every shelf back, and grants the last units exchange by exchange. Nothing is left
//! only once every shelf has come home (`docs/decisions/0062-one-offer-over-many-partitions.md`).

use std::collections::{BTreeMap, BTreeSet};

use log_record::Partition;
use serde::{Deserialize, Serialize};

use crate::amount::{optional_sum, sum};
use crate::{Inventory, MessageNumber, ShelfDrained, Terms, Units};

/// With fewer units than this for each partition in the pool, the shelves are called back.
pub const SCARCE_BELOW_UNITS: u64 = 2;

/// With so many units for each partition in the pool, shelves are filled again.
pub const WIDE_FROM_UNITS: u64 = 4;

const TOO_MANY: &str = "a sum of units is more than an amount can say";

/// What an offer's home knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferHome {
    /// How many there have been in all; nothing where there is no end of them.
    #[serde(with = "optional_sum")]
    pub stock: Option<Units>,
    /// How many are neither sold nor on a shelf nor on their way.
    #[serde(with = "sum")]
    pub pool: Units,
    /// Counts the times that all shelves were called back.
    pub round: u64,
    /// Whether partitions sell from their shelves.
    pub phase: HomePhase,
    /// The last portion that each partition was granted: until it was received, none follows.
    pub portions: BTreeMap<Partition, MessageNumber>,
    /// Whether its units are codes, which are granted by exchange only.
    pub has_codes: bool,
}

/// Whether partitions sell from their shelves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HomePhase {
    /// They do.
    Wide,
    /// Shelves are called back, and units are granted by exchange.
    Scarce {
        /// The partitions whose shelves have come home in this round.
        drained: BTreeSet<Partition>,
        /// How many are sold in these, and granted by exchange since. Of what has no end, it may be
        /// more than an amount can say.
        sold: u128,
    },
}

impl OfferHome {
    /// The home of an offer that opens with `stock`.
    #[must_use]
    pub fn opening(stock: Option<Units>) -> Self {
        let pool = stock.unwrap_or_default();
        let (round, phase, portions) = (0, HomePhase::Wide, BTreeMap::new());
        Self { stock, pool, round, phase, portions, has_codes: false }
    }

    /// The home of an offer that opens on these terms. Codes can't be divided: no shelf ever has
    /// some.
    #[must_use]
    pub(crate) fn opening_with(terms: &Terms, stock: Option<Units>, partitions: u16) -> Self {
        if !terms.codes {
            return Self::opening(stock);
        }
        let drained = (0..partitions).map(Partition).collect();
        let phase = HomePhase::Scarce { drained, sold: 0 };
        Self { phase, has_codes: true, ..Self::opening(Some(Units::ZERO)) }
    }

    /// Whether every shelf has come home in this round: then the pool is all that is left, but for
    /// what comes back later.
    #[must_use]
    pub fn is_drained(&self, partitions: u16) -> bool {
        match &self.phase {
            HomePhase::Wide => false,
            HomePhase::Scarce { drained, .. } => drained.len() == usize::from(partitions),
        }
    }

    /// How many of the pool are left behind those who wait.
    #[must_use]
    pub fn unclaimed(&self, before: Units) -> Units {
        self.pool.minus(before).unwrap_or_default()
    }

    /// How many are left where fewer than `asked` are, and where that is certain (I18); units that
    /// go to others who wait `before` aren't left. More than there have been in all are never
    /// there: no shelf is called back for that, and how many are left isn't known then, but for the
    /// stock.
    #[must_use]
    pub fn sold_out(&self, partitions: u16, asked: Units, before: Units) -> Option<Units> {
        let is_home = self.is_drained(partitions);
        let left = if is_home { self.unclaimed(before) } else { self.stock? };
        (self.stock.is_some() && left < asked).then_some(left)
    }

    /// The stock as one inventory, once every shelf has come home. Before, what is on shelves and
    /// on its way counts as sold.
    #[must_use]
    pub fn inventory(&self) -> Inventory {
        match (self.stock, &self.phase) {
            (Some(stock), _) => Inventory::Units { stock, remaining: self.pool },
            (None, HomePhase::Scarce { sold, .. }) => {
                Inventory::Unlimited { sold: units_of(*sold).unwrap_or(Units::MOST) }
            }
            (None, HomePhase::Wide) => Inventory::Unlimited { sold: Units::ZERO },
        }
    }

    /// Whether so many can be all that there have been.
    #[must_use]
    pub fn can_have(&self, stock: Option<Units>) -> bool {
        match (&self.phase, stock) {
            (HomePhase::Scarce { sold, .. }, Some(stock)) => *sold <= u128::from(stock.get()),
            _ => true,
        }
    }

    /// Whether the shelves are to be called back.
    #[must_use]
    pub fn is_low(&self, partitions: u16) -> bool {
        let least = SCARCE_BELOW_UNITS * u64::from(partitions);
        self.phase == HomePhase::Wide && self.stock.is_some() && self.pool.get() < least
    }

    /// Whether the shelves can be filled: at the opening, and after a round.
    #[must_use]
    pub fn is_plenty(&self, partitions: u16) -> bool {
        let least = WIDE_FROM_UNITS * u64::from(partitions);
        !self.has_codes && (self.stock.is_none() || self.pool.get() >= least)
    }

    /// A portion for one partition: half of the pool in equal parts.
    #[must_use]
    pub fn portion(&self, partitions: u16) -> Units {
        let portion = self.pool.get() / (2 * u64::from(partitions.max(1)));
        Units::sum_of(portion).unwrap_or_default()
    }

    /// A partition is granted a portion, or no end of them.
    pub(crate) fn grant_portion(
        &mut self,
        to: Partition,
        number: MessageNumber,
        units: Option<Units>,
        partitions: u16,
    ) -> Result<(), &'static str> {
        if self.has_codes {
            return Err("I22: codes were put on a shelf");
        }
        if self.phase != HomePhase::Wide {
            let why = "I17: a shelf was filled while others were coming home";
            self.is_drained(partitions).then_some(()).ok_or(why)?;
            self.phase = HomePhase::Wide;
        }
        match (units, self.stock) {
            (Some(units), Some(_)) => self.take(units)?,
            (None, None) => {}
            _ => return Err("I17: units were granted of what can't be counted, or no end of them"),
        }
        self.portions.insert(to, number);
        Ok(())
    }

    /// Units are granted for one exchange.
    pub(crate) fn grant(&mut self, units: Units) -> Result<(), &'static str> {
        self.take(units)?;
        let HomePhase::Scarce { sold, .. } = &mut self.phase else {
            return Err("I17: units were granted by exchange while shelves were filled");
        };
        *sold += u128::from(units.get());
        Ok(())
    }

    /// Whether a unit can go to who waits longest.
    #[must_use]
    pub fn can_keep(&self) -> bool {
        match self.stock {
            Some(_) => self.pool > Units::ZERO,
            None => self.phase == HomePhase::Wide,
        }
    }

    /// A unit goes to who waits longest. Where there is no end of them, every shelf has some.
    pub(crate) fn keep(&mut self) -> Result<(), &'static str> {
        if self.stock.is_none() {
            let is_wide = self.phase == HomePhase::Wide;
            return is_wide.then_some(()).ok_or("a unit was kept that no shelf has");
        }
        self.take(Units::ONE)?;
        if let HomePhase::Scarce { sold, .. } = &mut self.phase {
            *sold += 1;
        }
        Ok(())
    }

    fn take(&mut self, units: Units) -> Result<(), &'static str> {
        self.pool = self.pool.minus(units).ok_or("I17: more was granted than the pool had")?;
        Ok(())
    }

    /// Shelves are called back, one after the other.
    pub(crate) fn call_back(&mut self, round: u64) -> Result<(), &'static str> {
        if self.phase == HomePhase::Wide {
            self.round += 1;
            self.phase = HomePhase::Scarce { drained: BTreeSet::new(), sold: 0 };
        }
        if round == self.round { Ok(()) } else { Err("an offer's rounds are counted") }
    }

    /// A shelf has come home.
    pub(crate) fn drained(
        &mut self,
        from: Partition,
        fact: &ShelfDrained,
        partitions: u16,
    ) -> Result<(), &'static str> {
        let HomePhase::Scarce { drained, sold } = &mut self.phase else {
            return Err("a shelf came home that wasn't called back");
        };
        if fact.round != self.round || !drained.insert(from) {
            return Err("I17: a shelf comes home once a round");
        }
        *sold += u128::from(fact.sold.get());
        self.pool = self.pool.plus(fact.units).ok_or(TOO_MANY)?;
        self.check_sum(partitions)
    }

    /// Units came home from a shelf that was drained before.
    pub(crate) fn returned(
        &mut self,
        from: Partition,
        units: Units,
        partitions: u16,
    ) -> Result<(), &'static str> {
        if self.stock.is_some() {
            self.pool = self.pool.plus(units).ok_or(TOO_MANY)?;
        }
        if let HomePhase::Scarce { drained, sold } = &mut self.phase
            && drained.contains(&from)
        {
            let left = sold.checked_sub(units.get().into());
            *sold = left.ok_or("I17: more came home than was sold")?;
        }
        self.check_sum(partitions)
    }

    /// Once every shelf has come home, nothing is missing and nothing is there twice.
    fn check_sum(&self, partitions: u16) -> Result<(), &'static str> {
        let (Some(stock), HomePhase::Scarce { sold, .. }) = (self.stock, &self.phase) else {
            return Ok(());
        };
        let sum = u128::from(self.pool.get()) + sold;
        let is_all = !self.is_drained(partitions) || sum == u128::from(stock.get());
        is_all.then_some(()).ok_or("I17: pool and units sold are the stock")
    }

    pub(crate) fn add(&mut self, units: Units) -> Result<(), &'static str> {
        let stock = self.stock.ok_or("stock that can't be added")?;
        self.stock = Some(stock.plus(units).ok_or(TOO_MANY)?);
        self.pool = self.pool.plus(units).ok_or(TOO_MANY)?;
        Ok(())
    }

    pub(crate) fn remove(&mut self, units: Units, partitions: u16) -> Result<(), &'static str> {
        let is_home = self.is_drained(partitions);
        is_home.then_some(()).ok_or("stock was removed while shelves were out")?;
        let stock = self.stock.and_then(|stock| stock.minus(units));
        self.stock = Some(stock.ok_or("I4: more was taken away than is left")?);
        self.take(units)
    }

    pub(crate) fn amend(
        &mut self,
        stock: Option<Units>,
        partitions: u16,
    ) -> Result<(), &'static str> {
        let HomePhase::Scarce { sold, .. } = &self.phase else {
            return Err("stock was amended while shelves were out");
        };
        let is_home = self.is_drained(partitions);
        is_home.then_some(()).ok_or("stock was amended while shelves were out")?;
        let pool = match stock {
            Some(stock) => {
                let sold = units_of(*sold).and_then(|sold| stock.minus(sold));
                sold.ok_or("I4: more is sold than stocked")?
            }
            None => Units::ZERO,
        };
        (self.stock, self.pool) = (stock, pool);
        Ok(())
    }
}

fn units_of(number: u128) -> Option<Units> {
    u64::try_from(number).ok().and_then(Units::sum_of)
}
