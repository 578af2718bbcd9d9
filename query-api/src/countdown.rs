//! `GET /v1/offers/{offer_id}/countdown`: what a page polls before and while an offer is open.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::{OfferId, RemainingShown, Timestamp};
use wire::body::CountdownBody;
use wire::{JsonAnswer, PathId, Problem};

use crate::QueryApi;
use crate::cache::PublicRead;
use crate::cell::time;

/// In microseconds.
const SECOND: i64 = 1_000_000;

pub(crate) async fn get_countdown(
    State(api): State<QueryApi>,
    PathId(offer_id): PathId<OfferId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let shown = api.shown(&headers, &PublicRead::Offer(offer_id)).await?;
    let (offer, now) = (shown.offer()?, time(shown.now)?);
    let (remaining, remaining_at_least) = match offer.page.remaining_shown {
        Some(RemainingShown::Steps) => (None, offer.remaining.map(RemainingShown::step)),
        Some(RemainingShown::Exact) | None => (offer.remaining, None),
    };
    let body = CountdownBody {
        offer_id: offer.offer_id.clone(),
        status: offer.status,
        opens_at: offer.opens_at,
        closes_at: offer.closes_at,
        remaining,
        remaining_at_least,
        version: offer.version,
        now,
    };
    // A 304 makes a stored body fresh again, with its time: it must be of the same second.
    let second = Timestamp::from_micros(now.micros().div_euclid(SECOND) * SECOND);
    let of_second = CountdownBody { now: second.unwrap_or(now), ..body.clone() };
    Ok(shown.with_age(JsonAnswer::weak(&of_second, &body)?.public(&headers)))
}
