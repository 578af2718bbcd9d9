//! Conversion rates, and what was converted by them.

use std::borrow::Cow;

use domain::{ConversionId, ConversionTerms, Points, Timestamp, UnitId};
use serde::{Deserialize, Serialize};

use super::part::Parts;
use super::programme::ExpiryRule;

/// `conversion-rate-set`.
#[derive(Serialize, Deserialize)]
pub(crate) struct ConversionRateSet {
    from: UnitId,
    to: UnitId,
    version: u64,
    give: Points,
    take: Points,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minimum: Option<Points>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expiry: Option<ExpiryRule>,
}

impl From<&domain::ConversionRateSet> for ConversionRateSet {
    fn from(fact: &domain::ConversionRateSet) -> Self {
        let domain::ConversionRateSet { from, to, version, terms } = fact;
        let ConversionTerms { give, take, minimum, expiry } = terms;
        Self {
            from: *from,
            to: *to,
            version: *version,
            give: *give,
            take: *take,
            minimum: *minimum,
            expiry: expiry.map(Into::into),
        }
    }
}

impl From<ConversionRateSet> for domain::ConversionRateSet {
    fn from(stored: ConversionRateSet) -> Self {
        let ConversionRateSet { from, to, version, give, take, minimum, expiry } = stored;
        let expiry = expiry.map(Into::into);
        Self { from, to, version, terms: ConversionTerms { give, take, minimum, expiry } }
    }
}

/// `conversion-rate-closed`.
#[derive(Serialize, Deserialize)]
pub(crate) struct ConversionRateClosed {
    from: UnitId,
    to: UnitId,
    version: u64,
}

impl From<&domain::ConversionRateClosed> for ConversionRateClosed {
    fn from(fact: &domain::ConversionRateClosed) -> Self {
        let domain::ConversionRateClosed { from, to, version } = *fact;
        Self { from, to, version }
    }
}

impl From<ConversionRateClosed> for domain::ConversionRateClosed {
    fn from(stored: ConversionRateClosed) -> Self {
        let ConversionRateClosed { from, to, version } = stored;
        Self { from, to, version }
    }
}

/// The version of a conversion rate.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct RateVersion {
    version: u64,
    give: Points,
    take: Points,
}

impl From<domain::RateVersion> for RateVersion {
    fn from(fact: domain::RateVersion) -> Self {
        let domain::RateVersion { version, give, take } = fact;
        Self { version, give, take }
    }
}

impl From<RateVersion> for domain::RateVersion {
    fn from(stored: RateVersion) -> Self {
        let RateVersion { version, give, take } = stored;
        Self { version, give, take }
    }
}

/// `credit-converted`.
#[derive(Serialize, Deserialize)]
pub(crate) struct CreditConverted<'a> {
    conversion_id: Cow<'a, ConversionId>,
    unit: UnitId,
    points: Points,
    lots: Parts<'a>,
    to: UnitId,
    to_points: Points,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    rate: RateVersion,
    asked_points: Points,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected_points: Option<Points>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::CreditConverted> for CreditConverted<'a> {
    fn from(fact: &'a domain::CreditConverted) -> Self {
        let domain::CreditConverted {
            conversion_id,
            unit,
            points,
            lots,
            to,
            to_points,
            expires_at,
            rate,
            asked_points,
            expected_points,
            occurred_at,
        } = fact;
        Self {
            conversion_id: Cow::Borrowed(conversion_id),
            unit: *unit,
            points: *points,
            lots: lots.into(),
            to: *to,
            to_points: *to_points,
            expires_at: *expires_at,
            rate: (*rate).into(),
            asked_points: *asked_points,
            expected_points: *expected_points,
            occurred_at: *occurred_at,
        }
    }
}

impl From<CreditConverted<'_>> for domain::CreditConverted {
    fn from(stored: CreditConverted<'_>) -> Self {
        let CreditConverted {
            conversion_id,
            unit,
            points,
            lots,
            to,
            to_points,
            expires_at,
            rate,
            asked_points,
            expected_points,
            occurred_at,
        } = stored;
        Self {
            conversion_id: conversion_id.into_owned(),
            unit,
            points,
            lots: lots.into(),
            to,
            to_points,
            expires_at,
            rate: rate.into(),
            asked_points,
            expected_points,
            occurred_at,
        }
    }
}
