//! What an offer has left to hand out, behind one way of taking and giving back.
//!
//! A command chooses an [`Allocation`] by [`Inventory::allocate`]; the event names it; and the
//! state takes exactly that. A cancellation names the part of it that comes back.

use log_record::Place;
use serde::{Deserialize, Serialize};

use crate::Units;
use crate::amount::sum;

/// An offer's stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Inventory {
    /// There is no end of them.
    Unlimited {
        /// How many are sold.
        #[serde(with = "sum")]
        sold: Units,
    },
    /// Countable units.
    Units {
        /// How many there have been in all: the first stock and every addition, less every removal.
        #[serde(with = "sum")]
        stock: Units,
        /// How many are not sold.
        #[serde(with = "sum")]
        remaining: Units,
    },
}

/// What was taken out of an inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// So many units that are all alike.
    Units(Units),
    /// One code, which the event at this place has. Whoever has seen it can use it, so it never
    /// comes back to the stock.
    Code(Place),
}

impl Allocation {
    /// How many units it is.
    #[must_use]
    pub const fn quantity(&self) -> Units {
        match self {
            Self::Units(quantity) => *quantity,
            Self::Code(_) => Units::ONE,
        }
    }

    /// How many units are in stock again once it comes back.
    #[must_use]
    pub const fn restocked(&self) -> Units {
        match self {
            Self::Units(quantity) => *quantity,
            Self::Code(_) => Units::ZERO,
        }
    }

    /// The place of the event that has the code, where it is one.
    #[must_use]
    pub const fn code(&self) -> Option<Place> {
        match self {
            Self::Units(_) => None,
            Self::Code(place) => Some(*place),
        }
    }

    /// The part of the allocation that returns after `before` units have returned; `None` if the
    /// sum exceeds the allocation.
    #[must_use]
    pub fn part(&self, before: Units, quantity: Units) -> Option<Self> {
        match self {
            Self::Units(all) => {
                before.plus(quantity).filter(|then| then <= all)?;
                Some(Self::Units(quantity))
            }
            Self::Code(place) => {
                (before == Units::ZERO && quantity == Units::ONE).then_some(Self::Code(*place))
            }
        }
    }
}

impl Inventory {
    /// The inventory of an offer that opens with `stock`.
    #[must_use]
    pub const fn opening(stock: Option<Units>) -> Self {
        match stock {
            None => Self::Unlimited { sold: Units::ZERO },
            Some(stock) => Self::Units { stock, remaining: stock },
        }
    }

    /// Chooses `quantity` units that can be taken, and gives what is left without them; nothing
    /// where there are fewer.
    #[must_use]
    pub fn allocate(self, quantity: Units) -> Option<(Allocation, Self)> {
        let allocation = Allocation::Units(quantity);
        let left = self.take(&allocation)?;
        Some((allocation, left))
    }

    /// What is left once the allocation is taken; nothing where it can't be, and nothing where the
    /// units that are sold of an unlimited stock would be more than there are numbers for.
    #[must_use]
    pub const fn take(self, allocation: &Allocation) -> Option<Self> {
        let quantity = allocation.quantity();
        match self {
            Self::Unlimited { sold } => match sold.plus(quantity) {
                Some(sold) => Some(Self::Unlimited { sold }),
                None => None,
            },
            Self::Units { stock, remaining } => match remaining.minus(quantity) {
                Some(remaining) => Some(Self::Units { stock, remaining }),
                None => None,
            },
        }
    }

    /// What is left once the allocation comes back; nothing where that is more than was taken.
    #[must_use]
    pub fn give_back(self, allocation: &Allocation) -> Option<Self> {
        let quantity = allocation.restocked();
        match self {
            Self::Unlimited { sold } => Some(Self::Unlimited { sold: sold.minus(quantity)? }),
            Self::Units { stock, remaining } => {
                let remaining = remaining.plus(quantity).filter(|left| *left <= stock)?;
                Some(Self::Units { stock, remaining })
            }
        }
    }

    /// What there is once `units` are added; nothing where the inventory can't be counted or the
    /// sum is out of range.
    #[must_use]
    pub const fn add(self, units: Units) -> Option<Self> {
        match self {
            Self::Unlimited { .. } => None,
            Self::Units { stock, remaining } => match (stock.plus(units), remaining.plus(units)) {
                (Some(stock), Some(remaining)) => Some(Self::Units { stock, remaining }),
                _ => None,
            },
        }
    }

    /// What there is once `units` that nobody bought are taken away; nothing where the inventory
    /// can't be counted or fewer are left.
    #[must_use]
    pub const fn remove(self, units: Units) -> Option<Self> {
        match self {
            Self::Unlimited { .. } => None,
            Self::Units { stock, remaining } => {
                match (stock.minus(units), remaining.minus(units)) {
                    (Some(stock), Some(remaining)) => Some(Self::Units { stock, remaining }),
                    _ => None,
                }
            }
        }
    }

    /// What there is with this stock instead, or without end; nothing where more is sold.
    #[must_use]
    pub fn with_stock(self, stock: Option<Units>) -> Option<Self> {
        let sold = self.sold();
        match stock {
            None => Some(Self::Unlimited { sold }),
            Some(stock) => Some(Self::Units { stock, remaining: stock.minus(sold)? }),
        }
    }

    /// How many are sold, without those that came back.
    #[must_use]
    pub fn sold(self) -> Units {
        match self {
            Self::Unlimited { sold } => sold,
            Self::Units { stock, remaining } => stock.minus(remaining).unwrap_or_default(),
        }
    }

    /// How many are left, where they can be counted.
    #[must_use]
    pub const fn remaining(self) -> Option<Units> {
        match self {
            Self::Unlimited { .. } => None,
            Self::Units { remaining, .. } => Some(remaining),
        }
    }

    /// How many there have been in all, where they can be counted.
    #[must_use]
    pub const fn stock(self) -> Option<Units> {
        match self {
            Self::Unlimited { .. } => None,
            Self::Units { stock, .. } => Some(stock),
        }
    }
}
