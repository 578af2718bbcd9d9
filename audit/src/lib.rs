//! AUDIT: the log, read for auditors.
//!
//! It reads events from the log, and finds those of an account or an exchange by the places in the
//! read tables. It decides nothing and writes nothing. In reading order: [`AuditApi`] (what the
//! handlers share), `router.rs` (every route, and who may use it).

mod places;
mod router;

use axum::extract::FromRef;
use event_store::EventStore;
use query_api::QueryApi;
use wire::KeyRing;

pub use router::routes;

/// What the handlers share.
#[derive(Clone)]
pub struct AuditApi {
    /// The log, to read.
    pub store: EventStore,
    /// The read tables, and how a read of them waits for a position.
    pub query: QueryApi,
}

impl FromRef<AuditApi> for KeyRing {
    fn from_ref(api: &AuditApi) -> Self {
        api.query.keys.clone()
    }
}
