//! `PUT /v1/offers/{offer_id}/closure`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::command::CloseOffer;
use domain::{Command, OfferId};
use serde::Deserialize;
use wire::{Caller, JsonBody, PathId, Problem};

use crate::refusal_problem::not_found_where_unknown;
use crate::{CommandApi, offer_body};

/// `{}`: there is nothing to say but that it is closed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloseOfferBody {}

pub(crate) async fn close_offer(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(offer_id): PathId<OfferId>,
    JsonBody(CloseOfferBody {}): JsonBody<CloseOfferBody>,
) -> Result<Response, Problem> {
    let command = Command::CloseOffer(CloseOffer { offer_id: offer_id.clone() });
    let done = api.execute(command, caller).await.map_err(not_found_where_unknown)?;
    let status = if done.is_repeat { StatusCode::OK } else { StatusCode::CREATED };
    offer_body::respond(&done, status, &offer_id)
}
