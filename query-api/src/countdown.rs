//! `GET /v1/offers/{offer_id}/countdown`: what a page polls before and while an offer is open.

use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;
use domain::{OfferId, RemainingShown, Timestamp};
use wire::body::{CountdownBody, OfferBody};
use wire::{PathId, Problem, json_with_weak_etag};

use crate::cell::time;
use crate::clock::now;
use crate::freshness::Fresh;
use crate::gate::KEPT;
use crate::offer_availability::read_offer_body;

/// In microseconds.
const SECOND: i64 = 1_000_000;

pub(crate) async fn get_countdown(
    Fresh(mut reading): Fresh,
    PathId(offer_id): PathId<OfferId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let now = time(now(reading.as_of()))?;
    let OfferBody { offer_id, status, opens_at, closes_at, remaining, page, version, .. } =
        read_offer_body(&mut reading, &offer_id).await?;
    let (remaining, remaining_at_least) = match page.remaining_shown {
        Some(RemainingShown::Steps) => (None, remaining.map(RemainingShown::step)),
        Some(RemainingShown::Exact) | None => (remaining, None),
    };
    let body = CountdownBody {
        offer_id,
        status,
        opens_at,
        closes_at,
        remaining,
        remaining_at_least,
        version,
        now,
    };
    // A 304 makes a stored body fresh again, with its time: it must be of the same second.
    let second = Timestamp::from_micros(now.micros().div_euclid(SECOND) * SECOND);
    let of_second = CountdownBody { now: second.unwrap_or(now), ..body.clone() };
    let mut answer = json_with_weak_etag(&headers, &of_second, &body)?;
    answer.headers_mut().insert(CACHE_CONTROL, KEPT);
    Ok(answer)
}
