//! Commitments to the balances of all accounts.

use std::borrow::Cow;

use domain::{SaltsId, SealId, SealedBalances, SealedTrees, SealedUnit, Timestamp, UnitId};
use log_record::{Position, hex, parse_hex};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `balances-sealed`.
#[derive(Serialize, Deserialize)]
pub(crate) struct BalancesSealed<'a> {
    seal_id: Cow<'a, SealId>,
    up_to: u64,
    as_of: Timestamp,
    salts: Hex<8>,
    units: Vec<Unit>,
    /// Of the partitions from 1 on, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    further: Vec<Trees>,
}

/// Of the accounts of a further partition.
#[derive(Serialize, Deserialize)]
struct Trees {
    up_to: u64,
    as_of: Timestamp,
    salts: Hex<8>,
    units: Vec<Unit>,
}

/// What all accounts have of a unit.
#[derive(Serialize, Deserialize)]
struct Unit {
    unit: UnitId,
    accounts: u64,
    root: Hex<32>,
    available: Sum,
    held: Sum,
    pending: Sum,
    owed: Sum,
}

/// Bytes as hexadecimal digits.
pub(super) struct Hex<const N: usize>(pub(super) [u8; N]);

/// A sum over all accounts, as a decimal string: it may be larger than the numbers that every JSON
/// reader keeps exact.
struct Sum(u128);

impl<'a> From<&'a domain::BalancesSealed> for BalancesSealed<'a> {
    fn from(fact: &'a domain::BalancesSealed) -> Self {
        let domain::BalancesSealed { seal_id, sealed } = fact;
        let SealedBalances { home, further } = sealed;
        let Trees { up_to, as_of, salts, units } = home.into();
        let further = further.iter().map(Trees::from).collect();
        Self { seal_id: Cow::Borrowed(seal_id), up_to, as_of, salts, units, further }
    }
}

impl From<BalancesSealed<'_>> for domain::BalancesSealed {
    fn from(stored: BalancesSealed<'_>) -> Self {
        let BalancesSealed { seal_id, up_to, as_of, salts, units, further } = stored;
        let home = Trees { up_to, as_of, salts, units }.into();
        let further = further.into_iter().map(SealedTrees::from).collect();
        Self { seal_id: seal_id.into_owned(), sealed: SealedBalances { home, further } }
    }
}

impl From<&SealedTrees> for Trees {
    fn from(sealed: &SealedTrees) -> Self {
        let SealedTrees { up_to, as_of, salts, units } = sealed;
        Self {
            up_to: up_to.0,
            as_of: *as_of,
            salts: Hex(salts.0),
            units: units.iter().map(Unit::from).collect(),
        }
    }
}

impl From<Trees> for SealedTrees {
    fn from(stored: Trees) -> Self {
        let Trees { up_to, as_of, salts, units } = stored;
        Self {
            up_to: Position(up_to),
            as_of,
            salts: SaltsId(salts.0),
            units: units.into_iter().map(SealedUnit::from).collect(),
        }
    }
}

impl From<&SealedUnit> for Unit {
    fn from(sealed: &SealedUnit) -> Self {
        let SealedUnit { unit, accounts, root, available, held, pending, owed } = *sealed;
        Self {
            unit,
            accounts,
            root: Hex(root),
            available: Sum(available),
            held: Sum(held),
            pending: Sum(pending),
            owed: Sum(owed),
        }
    }
}

impl From<Unit> for SealedUnit {
    fn from(stored: Unit) -> Self {
        let Unit { unit, accounts, root, available, held, pending, owed } = stored;
        Self {
            unit,
            accounts,
            root: root.0,
            available: available.0,
            held: held.0,
            pending: pending.0,
            owed: owed.0,
        }
    }
}

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        let not_hex = || D::Error::custom(format_args!("not {} hexadecimal digits", 2 * N));
        parse_hex(&text).map(Self).ok_or_else(not_hex)
    }
}

impl Serialize for Sum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Sum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}
