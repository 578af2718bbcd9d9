//! Conversion rates, and credit that was converted by them.

use domain::{
    AccountId, ConversionId, ConversionRate, ConversionTerms, Points, RateVersion, Timestamp,
    UnitId,
};
use log_record::Place;
use serde::{Deserialize, Serialize};

use super::{ExpiryBody, LotPartBody};
use crate::Object;

/// `PUT /v1/conversion-rates/{from}/{to}`: makes a rate; with `If-Match`, replaces its terms.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutConversionRateBody {
    /// The points of a step: each whole step becomes `take`.
    pub give: Points,
    /// The points of the other unit that a step becomes.
    pub take: Points,
    /// A conversion of fewer points is refused; without it, of fewer than one step.
    pub minimum: Option<Points>,
    /// How long what comes can be spent; without it, for ever.
    pub expiry: Option<Object<ExpiryBody>>,
}

/// `PUT /v1/conversion-rates/{from}/{to}/closure`: closes a rate, for good.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseConversionRateBody {}

/// A conversion rate, as both APIs answer it.
#[derive(Clone, Debug, Serialize)]
pub struct ConversionRateBody {
    /// The unit that goes.
    pub from: UnitId,
    /// The unit that comes.
    pub to: UnitId,
    /// The points of a step: each whole step becomes `take`.
    pub give: Points,
    /// The points of the other unit that a step becomes.
    pub take: Points,
    /// A conversion of fewer points is refused; without it, of fewer than one step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Points>,
    /// How long what comes can be spent; without it, for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<ExpiryBody>,
    /// When it was closed; left out where it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// Counts changes of the terms, and the closure, from 1. The ETag begins with it.
    pub version: u64,
    /// When this version was recorded; reads answer it, commands don't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<Timestamp>,
    /// The position of the event that set this version.
    pub position: Place,
}

impl ConversionRateBody {
    /// A version of a rate.
    #[must_use]
    pub fn new(
        (from, to): (UnitId, UnitId),
        rate: ConversionRate,
        recorded_at: Option<Timestamp>,
        position: Place,
    ) -> Self {
        let ConversionRate { terms, version, closed_at, changed_at: _ } = rate;
        let ConversionTerms { give, take, minimum, expiry } = terms;
        let expiry = expiry.map(ExpiryBody::from);
        Self { from, to, give, take, minimum, expiry, closed_at, version, recorded_at, position }
    }
}

/// `PUT /v1/accounts/{account_id}/conversions/{conversion_id}`: turns credit of one unit into
/// credit of another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvertCreditBody {
    /// What to convert.
    pub from: Object<ConvertedFromBody>,
    /// The unit that comes.
    pub to: UnitId,
    /// The points that the caller expects to come; anything else is refused.
    pub expected_points: Option<Points>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// What is to be converted.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvertedFromBody {
    /// The kind of points; without it, `points`.
    pub unit: Option<UnitId>,
    /// The points to convert; what is less than a step of the rate stays.
    pub points: Points,
}

/// A version of a conversion rate.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RateVersionBody {
    /// The rate's version, from 1.
    pub version: u64,
    /// The points of a step.
    pub give: Points,
    /// The points of the other unit that a step becomes.
    pub take: Points,
}

impl From<RateVersion> for RateVersionBody {
    fn from(rate: RateVersion) -> Self {
        let RateVersion { version, give, take } = rate;
        Self { version, give, take }
    }
}

/// The fact `credit-converted`: credit of one unit became credit of another.
#[derive(Clone, Debug, Serialize)]
pub struct CreditConvertedBody {
    /// The account.
    pub account_id: AccountId,
    /// The conversion.
    pub conversion_id: ConversionId,
    /// The unit that went.
    pub unit: UnitId,
    /// The points that went: whole steps of the rate, and the sum of `lots`.
    pub points: Points,
    /// The lots that they come from, in spending order.
    pub lots: Vec<LotPartBody>,
    /// The unit that came.
    pub to: UnitId,
    /// The points that came. Their lot is made by the event after this one.
    pub to_points: Points,
    /// What came can be spent before this time; without it, for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The rate.
    pub rate: RateVersionBody,
    /// The points that the caller named; what was less than a step stayed.
    pub asked_points: Points,
    /// The points that the caller expected to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_points: Option<Points>,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}
