//! AUDIT: the log, read for auditors.
//!
//! It reads events from the log, and finds those of an account or an exchange by the places in the
//! read tables. It decides nothing and writes nothing. In reading order: [`AuditApi`] (what the
//! handlers share), `router.rs` (every route, and who may use it); [`read_past`] (what there was at
//! a moment, for the query API), [`replay()`] (the state of then, from the log alone),
//! [`sentence`] (what an event says).

mod about;
mod past;
mod places;
mod read_places;
mod replay;
mod router;
mod story;
mod until;

use axum::extract::FromRef;
use event_store::EventStore;
use query_api::QueryApi;
use wire::KeyRing;

pub use past::read_past;
pub use replay::{
    ReplayError, ReplayOf, StateSums, Then, UnitSums, count_types, replay, story_of, tables_at,
};
pub use router::routes;
pub use story::sentence;
pub use until::last_by;

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
