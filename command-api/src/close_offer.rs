//! `PUT /v1/offers/{offer_id}/closure`

use axum::extract::State;
use axum::response::Response;
use domain::command::CloseOffer;
use domain::{Command, OfferId};
use wire::body::CloseOfferBody;
use wire::{Caller, JsonBody, PathId, Problem};

use crate::CommandApi;
use crate::put_offer::respond_with_page;
use crate::refusal_problem::not_found_where_unknown;

pub(crate) async fn close_offer(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(offer_id): PathId<OfferId>,
    JsonBody(CloseOfferBody {}): JsonBody<CloseOfferBody>,
) -> Result<Response, Problem> {
    let command = Command::CloseOffer(CloseOffer { offer_id: offer_id.clone() });
    let done = api.execute(command, caller).await.map_err(not_found_where_unknown)?;
    respond_with_page(&api, &done, offer_id).await
}
