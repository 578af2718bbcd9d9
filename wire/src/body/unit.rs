//! Units: the kinds of points.

use domain::{Decimals, TimeZone, Timestamp, Unit, UnitId, UnitName, UnitTerms};
use log_record::Place;
use serde::{Deserialize, Serialize};

use super::null_is_default;

/// `PUT /v1/units/{unit}`: makes a unit; with `If-Match`, gives it another name.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutUnitBody {
    /// What pages call it.
    pub name: Option<UnitName>,
    /// Whether it can be redeemed, held, passed on or converted; without it, `true`.
    pub spendable: Option<bool>,
    /// With how many decimals pages show amounts, 0 to 4; without it, 0. Amounts are whole numbers
    /// all the same.
    #[serde(default, deserialize_with = "null_is_default")]
    pub decimals: Decimals,
    /// The IANA name of the time zone in which its days begin; without it, UTC.
    #[serde(default, deserialize_with = "null_is_default")]
    pub time_zone: TimeZone,
}

/// `PUT /v1/units/{unit}/closure`: closes a unit, for good.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseUnitBody {}

/// A unit, as both APIs answer it.
#[derive(Clone, Debug, Serialize)]
pub struct UnitBody {
    /// The unit.
    pub unit: UnitId,
    /// What pages call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<UnitName>,
    /// Whether it can be redeemed, held, passed on or converted.
    pub spendable: bool,
    /// With how many decimals pages show amounts.
    pub decimals: Decimals,
    /// The time zone in which its days begin.
    pub time_zone: TimeZone,
    /// When it was closed; left out where it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// Counts changes of the unit, from 1. It is the ETag.
    pub version: u64,
    /// The position of the event that set this version.
    pub position: Place,
}

impl UnitBody {
    /// A unit as it stands.
    #[must_use]
    pub fn new(id: UnitId, unit: Unit, position: Place) -> Self {
        let Unit { terms, version, closed_at, changed_at: _ } = unit;
        let UnitTerms { name, spendable, decimals, time_zone } = terms;
        Self { unit: id, name, spendable, decimals, time_zone, closed_at, version, position }
    }
}
