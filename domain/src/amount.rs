//! Points and units: whole numbers up to 2^53−1, so that every JSON reader keeps them exact.
//!
//! This is the only file that does arithmetic on them, all of it checked.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

/// The largest amount of points or units, in one call or in any sum: 2^53−1.
pub const AMOUNT_MAX: u64 = (1 << 53) - 1;

/// A number that is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to {AMOUNT_MAX}")]
pub struct AmountError;

/// A number that is neither an amount nor nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 0 to {AMOUNT_MAX}")]
pub struct SumError;

macro_rules! amount {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// Nothing. It stands in sums; an amount that is asked for or recorded is at least 1.
            pub const ZERO: Self = Self(0);

            /// The least that is asked for or recorded.
            pub const ONE: Self = Self(1);

            /// The largest.
            pub const MOST: Self = Self(AMOUNT_MAX);

            /// An amount that is asked for or recorded: from 1 to [`AMOUNT_MAX`].
            pub const fn new(value: u64) -> Result<Self, AmountError> {
                if value >= 1 && value <= AMOUNT_MAX { Ok(Self(value)) } else { Err(AmountError) }
            }

            /// A sum, which may be nothing: up to [`AMOUNT_MAX`].
            #[must_use]
            pub const fn sum_of(value: u64) -> Option<Self> {
                if value <= AMOUNT_MAX { Some(Self(value)) } else { None }
            }

            /// The amount, unless it is nothing.
            #[must_use]
            pub const fn some(self) -> Option<Self> {
                if self.0 == 0 { None } else { Some(self) }
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The sum, where it is an amount.
            #[must_use]
            pub const fn plus(self, other: Self) -> Option<Self> {
                match self.0.checked_add(other.0) {
                    Some(sum) if sum <= AMOUNT_MAX => Some(Self(sum)),
                    _ => None,
                }
            }

            /// What remains, where `other` is not more than this.
            #[must_use]
            pub const fn minus(self, other: Self) -> Option<Self> {
                match self.0.checked_sub(other.0) {
                    Some(rest) => Some(Self(rest)),
                    None => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // A snapshot's format has no types in it; JSON is asked what is there, so that what
                // isn't a whole number is named.
                let value = if deserializer.is_human_readable() {
                    deserializer.deserialize_any(WholeNumber)?
                } else {
                    u64::deserialize(deserializer)?
                };
                Self::new(value).map_err(de::Error::custom)
            }
        }
    };
}

amount! {
    /// Credit.
    Points
}
amount! {
    /// Units of something: stock, a quantity, a limit.
    Units
}

impl Points {
    /// The cost of `units` at this price, where it is an amount.
    #[must_use]
    pub const fn times(self, units: Units) -> Option<Self> {
        match self.0.checked_mul(units.0) {
            Some(product) if product <= AMOUNT_MAX => Some(Self(product)),
            _ => None,
        }
    }

    /// How many whole steps of so much there are in it.
    #[must_use]
    pub const fn whole_steps(self, step: Self) -> Units {
        // An amount is at least 1; of a step of nothing there would be no number.
        Units(self.0 / if step.0 == 0 { 1 } else { step.0 })
    }

    /// The product of two amounts, which is more than an amount can say.
    #[must_use]
    pub fn product(self, other: Self) -> u128 {
        u128::from(self.0) * u128::from(other.0)
    }

    /// What `part` of a `whole` is worth that is worth this much, rounded down.
    #[must_use]
    pub fn share(self, part: Units, whole: Units) -> Self {
        let product = u128::from(self.0) * u128::from(part.0);
        let share = product / u128::from(whole.0.max(1));
        u64::try_from(share).ok().and_then(Self::sum_of).unwrap_or(self)
    }
}

/// Amounts that may be nothing, such as sums: `#[serde(with = "sum")]`.
pub mod sum {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    /// An amount that may be nothing.
    pub trait Sum: Copy {
        /// The number.
        fn number(self) -> u64;
        /// The amount with this number, where there is one.
        fn of(number: u64) -> Option<Self>;
    }

    impl Sum for super::Points {
        fn number(self) -> u64 {
            self.get()
        }
        fn of(number: u64) -> Option<Self> {
            Self::sum_of(number)
        }
    }

    impl Sum for super::Units {
        fn number(self) -> u64 {
            self.get()
        }
        fn of(number: u64) -> Option<Self> {
            Self::sum_of(number)
        }
    }

    /// Writes the number.
    pub fn serialize<T: Sum, S: Serializer>(sum: &T, to: S) -> Result<S::Ok, S::Error> {
        sum.number().serialize(to)
    }

    /// Reads a number from 0 on.
    pub fn deserialize<'de, T: Sum, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        T::of(u64::deserialize(from)?).ok_or_else(|| de::Error::custom(super::SumError))
    }
}

/// Amounts that may be nothing and may be missing: `#[serde(with = "optional_sum")]` beside
/// `default`.
pub mod optional_sum {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use super::sum::Sum;

    /// Writes the number.
    pub fn serialize<T: Sum, S: Serializer>(sum: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
        sum.map(Sum::number).serialize(to)
    }

    /// Reads a number from 0 on.
    pub fn deserialize<'de, T: Sum, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
        let Some(number) = Option::<u64>::deserialize(from)? else { return Ok(None) };
        T::of(number).map(Some).ok_or_else(|| de::Error::custom(super::SumError))
    }
}

/// Reads a JSON number that is whole and not negative, and says so in words where it isn't.
struct WholeNumber;

impl Visitor<'_> for WholeNumber {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from 1 to {AMOUNT_MAX}")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<u64, E> {
        Ok(value)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<u64, E> {
        u64::try_from(value).map_err(|_| E::custom(AmountError))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<u64, E> {
        Err(E::custom(AmountError))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_at_least_1_and_at_most_2_to_the_53_minus_1() {
        assert_eq!(Points::new(0), Err(AmountError));
        assert_eq!(Points::new(1).map(Points::get), Ok(1));
        assert_eq!(Points::new(AMOUNT_MAX).map(Points::get), Ok(9_007_199_254_740_991));
        assert_eq!(Points::new(AMOUNT_MAX + 1), Err(AmountError));
    }

    #[test]
    fn no_sum_difference_or_product_wraps() -> Result<(), AmountError> {
        let (one, most) = (Points::new(1)?, Points::new(AMOUNT_MAX)?);
        assert_eq!(most.plus(one), None);
        assert_eq!(one.minus(most), None);
        assert_eq!(most.times(Units::new(2)?), None);
        assert_eq!(most.times(Units::new(AMOUNT_MAX)?), None);
        assert_eq!(one.times(Units::new(AMOUNT_MAX)?), Some(most));
        assert_eq!(one.minus(one), Some(Points::ZERO));
        Ok(())
    }
}
