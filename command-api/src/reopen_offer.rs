//! `PUT /v1/offers/{offer_id}/reopenings/{reopening_id}`

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::command::ReopenOffer;
use domain::{Command, OfferId, ReopeningId};
use wire::body::ReopenOfferBody;
use wire::{Caller, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::patch::read_versions;
use crate::put_offer::respond_with_page;
use crate::refusal_problem::not_found_where_unknown;

pub(crate) async fn reopen_offer(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(offer_id, reopening_id): PathIds<OfferId, ReopeningId>,
    headers: HeaderMap,
    JsonBody(ReopenOfferBody {}): JsonBody<ReopenOfferBody>,
) -> Result<Response, Problem> {
    let read_versions = read_versions(&headers)?;
    let reopening = ReopenOffer { offer_id: offer_id.clone(), reopening_id, read_versions };
    let done = api.execute(Command::ReopenOffer(reopening), caller).await;
    let done = done.map_err(not_found_where_unknown)?;
    respond_with_page(&api, &done, offer_id).await
}
