//! A refusal's code where an event keeps it.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

use super::Refusal;

/// The code of a refusal that there is. An event keeps it for ever, so no row of the table that an
/// event can name goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusalCode(&'static str);

/// A text that is no refusal's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no refusal's code")]
pub struct RefusalCodeError;

impl RefusalCode {
    /// The name that programs decide by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl From<&Refusal> for RefusalCode {
    fn from(refusal: &Refusal) -> Self {
        Self(refusal.code())
    }
}

impl FromStr for RefusalCode {
    type Err = RefusalCodeError;

    fn from_str(text: &str) -> Result<Self, RefusalCodeError> {
        let row = Refusal::ROWS.iter().find(|row| row.code == text);
        row.map(|row| Self(row.code)).ok_or(RefusalCodeError)
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Serialize for RefusalCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for RefusalCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_one_of_the_table() {
        let full = Refusal::AccountFull { what: "parts of lots", max: 1 };
        assert_eq!("account-full".parse(), Ok(RefusalCode::from(&full)));
        // Events keep these.
        for code in [
            "unit-closed",
            "expiry-passed",
            "earning-too-large",
            "amount-too-large",
            "never-matures",
            "account-full",
        ] {
            assert_eq!(code.parse().map(RefusalCode::as_str), Ok(code));
        }
        assert_eq!("account-wide".parse::<RefusalCode>(), Err(RefusalCodeError));
    }
}
