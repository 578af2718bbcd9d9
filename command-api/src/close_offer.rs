//! `PUT /v1/offers/{offer_id}/closure`

use axum::extract::State;
use axum::response::Response;
use domain::command::CloseOffer;
use domain::{Command, OfferId, Subject};
use wire::body::CloseOfferBody;
use wire::{Caller, JsonBody, PathId, Problem};

use crate::CommandApi;
use crate::execute::unexpected;
use crate::put_offer::respond_offer;
use crate::refusal_problem::not_found_where_unknown;

pub(crate) async fn close_offer(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(offer_id): PathId<OfferId>,
    JsonBody(CloseOfferBody {}): JsonBody<CloseOfferBody>,
) -> Result<Response, Problem> {
    let command = Command::CloseOffer(CloseOffer { offer_id: offer_id.clone() });
    let done = api.execute(command, caller).await.map_err(not_found_where_unknown)?;
    let Some(Subject::Offer(offer, _)) = &done.subject else { return Err(unexpected()) };
    // It is recorded: an answer without the page is better than one that doubts it.
    let page = api.page_of(done.place.partition, offer).await.unwrap_or_default();
    respond_offer(&done, done.status(), offer_id, page)
}
