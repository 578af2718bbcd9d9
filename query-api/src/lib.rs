//! QUERY: read tables to HTTP.
//!
//! It can write nothing, and knows neither the log nor the rules. `router.rs` has every route on
//! one page; one file per read table has its shapes, its handlers and its statements' names;
//! `freshness.rs` is how a read waits for a write.

mod account_balance;
mod exchange;
mod freshness;
mod ledger_entry;
mod offer_availability;
mod router;
mod shipping_request;

use std::time::Duration;

use axum::extract::FromRef;
use projector::ReadModel;
use wire::{KeyRing, Problem};

pub use router::router;

/// What the handlers share.
#[derive(Clone)]
pub struct QueryApi {
    /// The read tables.
    pub read_model: ReadModel,
    /// Who may call.
    pub keys: KeyRing,
    /// How long a read with `Guerdon-Position` waits.
    pub wait_max: Duration,
}

impl FromRef<QueryApi> for KeyRing {
    fn from_ref(api: &QueryApi) -> Self {
        api.keys.clone()
    }
}

/// The read tables refused; logged here with all that is behind it.
#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err as it is")]
fn failed(error: sqlx::Error) -> Problem {
    tracing::error!(error = &error as &dyn std::error::Error, "the read model can't be read");
    Problem::internal()
}

/// Microseconds as a text in RFC 3339.
fn time(micros: i64) -> Result<String, Problem> {
    domain::Timestamp::from_micros(micros).map(|time| time.to_string()).map_err(|error| {
        tracing::error!(micros, %error, "the read model holds a time that is none");
        Problem::internal()
    })
}

/// A partition and a position as clients know them.
fn place(partition: i64, position: i64) -> String {
    format!("{partition}:{position}")
}
