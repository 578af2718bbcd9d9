//! Every route of the publisher, and who may use it.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use wire::Role::{Auditor, Operator};
use wire::{KeyRing, Problem, ProblemPage, json_with_etag, only};

use crate::continuation::go_on;
use crate::overdue::{list_overdue, resend};
use crate::parked::{discard_parked, list_parked, retry_parked};
use crate::replay::{get_replay, start_replay};
use crate::{PublishError, Publisher, metrics};

/// What the handlers share.
#[derive(Clone)]
pub struct PublisherApi {
    pub(crate) publisher: Publisher,
    /// Who may call.
    keys: KeyRing,
}

/// The pages of the publisher's own problems.
pub const PROBLEM_PAGES: &[ProblemPage] =
    &[MESSAGE_UNUSABLE, WAREHOUSE_NOT_STOPPED, PUBLISHER_AWAY];

pub(crate) const WAREHOUSE_NOT_STOPPED: ProblemPage = ProblemPage {
    status: StatusCode::CONFLICT,
    slug: "warehouse-not-stopped",
    title: "The warehouse is not stopped",
    meaning: "Only a warehouse to which nothing is sent any more, because what was sent isn't what \
              the log has, needs an operator's word from where to go on.",
    remedy: "Nothing needs to be done. To send something again, ask for a resend or a replay.",
    can_succeed_later: false,
};

pub(crate) const MESSAGE_UNUSABLE: ProblemPage = ProblemPage {
    status: StatusCode::CONFLICT,
    slug: "message-unusable",
    title: "The message still can't be used",
    meaning: "A parked message was tried again and refused again. It stays parked, with the reason \
              that the detail says.",
    remedy: "Correct what it is about, and try again; or discard it.",
    can_succeed_later: true,
};

pub(crate) const PUBLISHER_AWAY: ProblemPage = ProblemPage {
    status: StatusCode::SERVICE_UNAVAILABLE,
    slug: "publisher-away",
    title: "The publisher can't do it now",
    meaning: "Kafka, the read model, the command API or the publisher's own tables can't be \
              reached. The detail says which.",
    remedy: "Ask again after Retry-After.",
    can_succeed_later: true,
};

/// The publisher's routes.
pub fn router(publisher: Publisher, keys: KeyRing) -> Router {
    Router::new()
        .route("/v1/publisher", get(only(&[Operator, Auditor], get_publisher)))
        .route("/metrics", get(only(&[Operator, Auditor], get_metrics)))
        .route("/v1/publisher/warehouses/{warehouse}/continuation", post(only(&[Operator], go_on)))
        .route("/v1/overdue-shipping-requests", get(only(&[Operator], list_overdue)))
        .route(
            "/v1/shipping-requests/{shipping_request_id}/resend",
            post(only(&[Operator], resend)),
        )
        .route("/v1/parked-messages", get(only(&[Operator], list_parked)))
        .route("/v1/parked-messages/{parked_id}", delete(only(&[Operator], discard_parked)))
        .route("/v1/parked-messages/{parked_id}/retry", post(only(&[Operator], retry_parked)))
        .route("/v1/shipping-stream/replays", post(only(&[Operator], start_replay)))
        .route("/v1/shipping-stream/replays/{replay_id}", get(only(&[Operator], get_replay)))
        .with_state(PublisherApi { publisher, keys })
}

/// What it does, how far each lane is, and where the topic is less safe than it could be.
async fn get_publisher(
    State(api): State<PublisherApi>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let report = api.publisher.report().await.map_err(failed)?;
    json_with_etag(&headers, &report)
}

/// The same in numbers.
async fn get_metrics(State(api): State<PublisherApi>) -> Result<Response, Problem> {
    let report = api.publisher.report().await.map_err(failed)?;
    let metrics = metrics::encode(&report).map_err(|error| {
        tracing::error!(%error, "the metrics can't be written");
        Problem::internal()
    })?;
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics).into_response())
}

/// Logged here with all that is behind it.
pub(crate) fn failed(error: impl Into<PublishError>) -> Problem {
    let error = error.into();
    let why = crate::with_causes(&error);
    tracing::error!(why, "the publisher can't do what an operator asks for");
    Problem::of(&PUBLISHER_AWAY, format!("It can't be done now: {why}.")).retry_after(1)
}

impl FromRef<PublisherApi> for KeyRing {
    fn from_ref(api: &PublisherApi) -> Self {
        api.keys.clone()
    }
}
