//! `PUT /v1/offers/{offer_id}/pause`, and `PUT …/resumptions/{resumption_id}`

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::command::{PauseOffer, ResumeOffer};
use domain::{Command, OfferId, ResumptionId};
use wire::body::{PauseOfferBody, ResumeOfferBody};
use wire::{Caller, JsonBody, PathId, PathIds, Precondition, Problem};

use crate::CommandApi;
use crate::patch::read_versions;
use crate::put_offer::respond_with_page;
use crate::refusal_problem::not_found_where_unknown;

pub(crate) async fn pause_offer(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(offer_id): PathId<OfferId>,
    headers: HeaderMap,
    JsonBody(PauseOfferBody {}): JsonBody<PauseOfferBody>,
) -> Result<Response, Problem> {
    let read_versions = match Precondition::read(&headers)? {
        Precondition::Absent => None,
        _ => read_versions(&headers)?,
    };
    let pause = PauseOffer { offer_id: offer_id.clone(), read_versions };
    let done =
        api.execute(Command::PauseOffer(pause), caller).await.map_err(not_found_where_unknown)?;
    respond_with_page(&api, &done, offer_id).await
}

pub(crate) async fn resume_offer(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(offer_id, resumption_id): PathIds<OfferId, ResumptionId>,
    headers: HeaderMap,
    JsonBody(ResumeOfferBody {}): JsonBody<ResumeOfferBody>,
) -> Result<Response, Problem> {
    let read_versions = read_versions(&headers)?;
    let resumption = ResumeOffer { offer_id: offer_id.clone(), resumption_id, read_versions };
    let done = api.execute(Command::ResumeOffer(resumption), caller).await;
    let done = done.map_err(not_found_where_unknown)?;
    respond_with_page(&api, &done, offer_id).await
}
