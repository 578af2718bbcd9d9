//! Reading one's writes: a read that says which positions it must contain waits for them.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use wire::{Problem, read_positions};

use crate::QueryApi;

/// The read tables contain what `Guerdon-Position` asked for; every handler takes one first.
pub(crate) struct Fresh;

impl FromRequestParts<QueryApi> for Fresh {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &QueryApi) -> Result<Self, Problem> {
        let wanted = read_positions(&parts.headers)?;
        if wanted.is_empty() {
            return Ok(Self);
        }
        let waited = api.read_model.wait_for(&wanted, api.wait_max).await;
        waited.map_err(|behind| Problem::projection_behind(behind.wanted, behind.reached))?;
        Ok(Self)
    }
}
