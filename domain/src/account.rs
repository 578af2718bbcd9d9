//! A shopper's credit, in lots, and how much of each offer the shopper has had.

use std::collections::VecDeque;

use crate::event::LotId;
use crate::{LotPart, Points, Units};

/// A shopper's account. It comes into being with its first credit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Oldest first; a lot that is used up is gone.
    lots: VecDeque<Lot>,
    /// The sum over `lots` (I1), kept so that a check doesn't walk them.
    available: Points,
    /// How many pieces of each offer were redeemed, by the offer's number in the state.
    taken: Vec<(OfferNumber, Units)>,
}

/// What is left of some credit that was earned at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lot {
    /// The position of the event that made it.
    pub id: LotId,
    /// What is left.
    pub points: Points,
}

/// An offer's place in the state, four bytes where its id would be many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OfferNumber(pub(crate) u32);

impl Account {
    /// What can be spent.
    #[must_use]
    pub const fn available(&self) -> Points {
        self.available
    }

    /// The lots with something left, oldest first.
    pub fn lots(&self) -> impl Iterator<Item = &Lot> {
        self.lots.iter()
    }

    /// How many pieces of the offer this shopper has had.
    pub(crate) fn taken(&self, offer: OfferNumber) -> Units {
        self.taken.iter().find(|(other, _)| *other == offer).map_or(Units::ZERO, |(_, n)| *n)
    }

    /// Which lots `points` would draw on, oldest first, or nothing where they don't suffice.
    pub(crate) fn draw(&self, points: Points) -> Option<Vec<LotPart>> {
        let mut drawn = Vec::with_capacity(1);
        let mut wanted = points;
        for lot in &self.lots {
            let part = lot.points.min(wanted);
            drawn.push(LotPart { lot: lot.id, points: part, expires_at: None, graced: false });
            wanted = wanted.minus(part)?;
            if wanted == Points::ZERO {
                return Some(drawn);
            }
        }
        None
    }

    /// A new lot: the sum and the lots grow by the same points (I7); nothing where the account
    /// would hold more than an amount can say.
    #[must_use]
    pub(crate) fn earn(&mut self, lot: Lot) -> Option<()> {
        self.available = self.available.plus(lot.points)?;
        self.lots.push_back(lot);
        Some(())
    }

    /// Takes what a deduction drew: the sum and the lots shrink by the same points (I7); nothing
    /// where a lot hasn't that much (I1).
    #[must_use]
    pub(crate) fn spend(&mut self, drawn: &[LotPart]) -> Option<()> {
        for part in drawn {
            self.available = self.available.minus(part.points)?;
            let index = self.lots.iter().position(|lot| lot.id == part.lot)?;
            let lot = self.lots.get_mut(index)?;
            lot.points = lot.points.minus(part.points)?;
            if lot.points == Points::ZERO {
                self.lots.remove(index);
            }
        }
        Some(())
    }

    /// Counts pieces of an offer towards its limit.
    #[must_use]
    pub(crate) fn count(&mut self, offer: OfferNumber, quantity: Units) -> Option<()> {
        if let Some((_, taken)) = self.taken.iter_mut().find(|(other, _)| *other == offer) {
            *taken = taken.plus(quantity)?;
        } else {
            self.taken.push((offer, quantity));
        }
        Some(())
    }
}
