//! `GET /` and `GET /v1`: what this is, and where to read on. They are open to everyone.

use axum::Json;
use serde_json::{Value, json};
use wire::Routes;

use crate::serve_config::{Part, ServeConfig};

/// The routes, which name the parts that run in this process.
pub(super) fn routes(config: &ServeConfig) -> Routes {
    let parts = [
        (config.runs(Part::CommandApi), "command-api"),
        (config.runs(Part::Projector), "projector"),
        (config.runs(Part::QueryApi), "query-api"),
        (config.publishes(), "publisher"),
    ];
    let parts = parts.into_iter().filter(|(runs, _)| *runs).map(|(_, name)| name);
    let body = about(parts.collect());
    let answer = async move || Json(body);
    Routes::new().open("/", answer.clone()).open("/v1", answer)
}

fn about(parts: Vec<&str>) -> Value {
    json!({
        "name": "Guerdon",
        "description": "A ledger of credit points and of what they are redeemed for.",
        "version": env!("CARGO_PKG_VERSION"),
        "parts": parts,
        "api": "/v1",
        "document": "/openapi.json",
        "docs": "/docs",
        "problems": "/problems",
        "health": "/health/ready",
    })
}
