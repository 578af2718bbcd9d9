//! An offer as the command API answers it.

use axum::http::StatusCode;
use axum::response::Response;
use domain::{Offer, OfferId, OfferPhase, Subject, Terms, Units};
use serde::Serialize;
use wire::Problem;

use crate::execute::{Done, unexpected};

#[derive(Serialize)]
struct OfferBody<'a> {
    offer_id: &'a OfferId,
    #[serde(flatten)]
    terms: &'a Terms,
    stock: Option<Units>,
    remaining: Option<Units>,
    version: u64,
    status: &'static str,
    position: String,
}

/// The offer, with its version as ETag.
pub(crate) fn respond(
    done: &Done,
    status: StatusCode,
    offer_id: &OfferId,
) -> Result<Response, Problem> {
    let Some(Subject::Offer(offer)) = &done.subject else { return Err(unexpected()) };
    let Offer { terms, version, inventory, phase, .. } = &**offer;
    let body = OfferBody {
        offer_id,
        terms,
        stock: inventory.stock(),
        remaining: inventory.remaining(),
        version: *version,
        status: match phase {
            OfferPhase::Open => "open",
            OfferPhase::Closed { .. } => "closed",
        },
        position: done.place.to_string(),
    };
    done.respond_version(status, *version, &body)
}
