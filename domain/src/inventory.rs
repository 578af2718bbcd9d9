//! What an offer has left to hand out, behind one way of taking.

use serde::{Deserialize, Serialize};

use crate::Units;
use crate::amount::sum;

/// An offer's stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Inventory {
    /// There is no end of them.
    Unlimited,
    /// Countable pieces.
    Units {
        /// How many there have been in all: the first stock and every addition.
        stock: Units,
        /// How many are not sold.
        #[serde(with = "sum")]
        remaining: Units,
    },
}

impl Inventory {
    /// The inventory of an offer that opens with `stock`.
    #[must_use]
    pub const fn opening(stock: Option<Units>) -> Self {
        match stock {
            None => Self::Unlimited,
            Some(stock) => Self::Units { stock, remaining: stock },
        }
    }

    /// What is left once `quantity` is taken, or nothing where there is less than that.
    #[must_use]
    pub const fn take(self, quantity: Units) -> Option<Self> {
        match self {
            Self::Unlimited => Some(self),
            Self::Units { stock, remaining } => match remaining.minus(quantity) {
                Some(remaining) => Some(Self::Units { stock, remaining }),
                None => None,
            },
        }
    }

    /// What there is once `units` are added; nothing where the inventory can't be counted or the
    /// sum is out of range.
    #[must_use]
    pub const fn add(self, units: Units) -> Option<Self> {
        match self {
            Self::Unlimited => None,
            Self::Units { stock, remaining } => match (stock.plus(units), remaining.plus(units)) {
                (Some(stock), Some(remaining)) => Some(Self::Units { stock, remaining }),
                _ => None,
            },
        }
    }

    /// What is left once `quantity` comes back; nothing where that is more than was taken.
    #[must_use]
    pub fn give_back(self, quantity: Units) -> Option<Self> {
        match self {
            Self::Unlimited => Some(self),
            Self::Units { stock, remaining } => {
                let remaining = remaining.plus(quantity).filter(|left| *left <= stock)?;
                Some(Self::Units { stock, remaining })
            }
        }
    }

    /// How many are left, where they can be counted.
    #[must_use]
    pub const fn remaining(self) -> Option<Units> {
        match self {
            Self::Unlimited => None,
            Self::Units { remaining, .. } => Some(remaining),
        }
    }

    /// How many there have been in all, where they can be counted.
    #[must_use]
    pub const fn stock(self) -> Option<Units> {
        match self {
            Self::Unlimited => None,
            Self::Units { stock, .. } => Some(stock),
        }
    }
}
