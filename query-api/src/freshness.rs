//! Reading one's writes: a read that says which positions it must contain waits for them.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use log_record::Place;
use read_model::{Argument, Query, ReadError, Reading, RowOf, SingleRead};
use wire::{Problem, read_positions};

use crate::QueryApi;

/// A read that contains what `Guerdon-Position` asked for; every handler takes one. All that is
/// read within is as of one event.
pub(crate) struct Fresh(pub(crate) Reading);

impl FromRequestParts<QueryApi> for Fresh {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &QueryApi) -> Result<Self, Problem> {
        let wanted = wanted_positions(api, &parts.headers)?;
        api.metrics.reads.inc();
        let reading = api.read_model.read(&wanted, api.wait_max);
        let begun = api.read_model.unless_beyond(&wanted, reading).await;
        begun.map(Self).map_err(unread)
    }
}

/// The places that a read asks to contain, each of which may come.
pub(crate) fn wanted_positions(api: &QueryApi, headers: &HeaderMap) -> Result<Vec<Place>, Problem> {
    let wanted = read_positions(headers)?;
    match api.read_model.never_there(&wanted) {
        Some(never) => Err(Problem::invalid_header("Guerdon-Position", never)),
        None => Ok(wanted),
    }
}

/// One statement that contains every one of these places.
pub(crate) async fn read_once<T: RowOf>(
    api: &QueryApi,
    wanted: &[Place],
    query: Query,
    arguments: &[Argument<'_>],
) -> Result<SingleRead<T>, Problem> {
    api.metrics.reads.inc();
    let reading = api.read_model.read_once(wanted, api.wait_max, query, arguments);
    api.read_model.unless_beyond(wanted, reading).await.map_err(unread)
}

pub(crate) fn unread(error: ReadError) -> Problem {
    match error {
        ReadError::Behind { wanted, reached } => Problem::projection_behind(wanted, reached),
        ReadError::BeyondEnd { .. } => Problem::invalid_header("Guerdon-Position", error),
        ReadError::NotBegun => Problem::projection_not_begun(),
        ReadError::Unreachable(_)
        | ReadError::OtherLog { .. }
        | ReadError::OtherGeneration { .. }
        | ReadError::LostEvents { .. }
        | ReadError::Unproven { .. } => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the read model can't be read");
            Problem::read_model_unreachable()
        }
    }
}
