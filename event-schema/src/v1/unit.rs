//! The kinds of points.

use std::borrow::Cow;

use domain::{Decimals, TimeZone, UnitId, UnitName, UnitTerms};
use serde::{Deserialize, Serialize};

/// `unit-set`.
#[derive(Serialize, Deserialize)]
pub(crate) struct UnitSet<'a> {
    unit: UnitId,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, UnitName>>,
    spendable: bool,
    decimals: Decimals,
    #[serde(default, skip_serializing_if = "TimeZone::is_utc")]
    time_zone: TimeZone,
}

impl<'a> From<&'a domain::UnitSet> for UnitSet<'a> {
    fn from(fact: &'a domain::UnitSet) -> Self {
        let domain::UnitSet { unit, version, terms } = fact;
        Self::new(*unit, *version, terms)
    }
}

impl<'a> UnitSet<'a> {
    pub(super) fn new(unit: UnitId, version: u64, terms: &'a UnitTerms) -> Self {
        let UnitTerms { name, spendable, decimals, time_zone } = terms;
        Self {
            unit,
            version,
            name: name.as_ref().map(Cow::Borrowed),
            spendable: *spendable,
            decimals: *decimals,
            time_zone: time_zone.clone(),
        }
    }
}

impl From<UnitSet<'_>> for domain::UnitSet {
    fn from(stored: UnitSet<'_>) -> Self {
        let UnitSet { unit, version, name, spendable, decimals, time_zone } = stored;
        let name = name.map(Cow::into_owned);
        Self { unit, version, terms: UnitTerms { name, spendable, decimals, time_zone } }
    }
}

/// `unit-closed`.
#[derive(Serialize, Deserialize)]
pub(crate) struct UnitClosed {
    unit: UnitId,
    version: u64,
}

impl From<&domain::UnitClosed> for UnitClosed {
    fn from(fact: &domain::UnitClosed) -> Self {
        let domain::UnitClosed { unit, version } = *fact;
        Self { unit, version }
    }
}

impl From<UnitClosed> for domain::UnitClosed {
    fn from(stored: UnitClosed) -> Self {
        let UnitClosed { unit, version } = stored;
        Self { unit, version }
    }
}
