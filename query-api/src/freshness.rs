//! Reading one's writes: a read that says which positions it must contain waits for them.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use domain::SwitchName;
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
        api.fresh(&parts.headers).await.map(Self)
    }
}

impl QueryApi {
    /// Begins a read that contains what the request's `Guerdon-Position` asks for.
    pub async fn fresh(&self, headers: &HeaderMap) -> Result<Reading, Problem> {
        let wanted = wanted_positions(self, headers)?;
        self.reading(&wanted).await
    }

    /// Waits until the projector in this process has come to all of these places, as a read of the
    /// tables does.
    pub(crate) async fn until_projected(&self, wanted: &[Place]) -> Result<(), Problem> {
        if wanted.is_empty() {
            return Ok(());
        }
        let waiting = self.read_model.wait_for(wanted, self.wait_max);
        self.read_model.unless_beyond(wanted, waiting).await.map_err(unread)
    }

    /// Begins a read that contains every one of these places.
    pub(crate) async fn reading(&self, wanted: &[Place]) -> Result<Reading, Problem> {
        self.check_may_ask()?;
        self.metrics.reads.inc();
        let reading = self.read_model.read(wanted, self.wait_max);
        self.read_model.unless_beyond(wanted, reading).await.map_err(unread)
    }

    /// Refuses to ask a database for a caller while an operator has reads answered from memory
    /// only.
    pub fn check_may_ask(&self) -> Result<(), Problem> {
        if self.reads_memory_only() { Err(Problem::not_cached()) } else { Ok(()) }
    }

    /// Whether reads are answered from memory, however old that is, and no database is asked.
    pub(crate) fn reads_memory_only(&self) -> bool {
        self.switches.is_on(SwitchName::CachedReadsOnly)
    }
}

/// The places that a request asks its answer to contain, each of which may come.
pub fn wanted_positions(api: &QueryApi, headers: &HeaderMap) -> Result<Vec<Place>, Problem> {
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
    api.check_may_ask()?;
    api.metrics.reads.inc();
    let reading = api.read_model.read_once(wanted, api.wait_max, query, arguments);
    api.read_model.unless_beyond(wanted, reading).await.map_err(unread)
}

/// The problem of a read that can't begin.
pub fn unread(error: ReadError) -> Problem {
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
