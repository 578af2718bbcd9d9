//! AUDIT: the log, read for auditors.
//!
//! It reads events from the log, and finds those of an account or an exchange by the places in the
//! read tables. It decides nothing and writes nothing. In reading order: [`AuditApi`] (what the
//! handlers share), `router.rs` (every route, and who may use it), `events.rs` (the events
//! themselves), `trial_balance.rs` (what they add up to), `places.rs` (where those of an account,
//! an exchange or an offer are); [`read_past`] (what there was at a moment, for the query API),
//! [`replay()`] (the state of then, from the log alone), [`StateSums`] (what that adds up to),
//! [`sentence`] (what an event says).

mod events;
mod past;
mod places;
mod read_places;
mod replay;
mod router;
mod state_sums;
mod story;
mod trial_balance;
mod until;

use std::sync::Arc;

use event_store::EventStore;
use query_api::QueryApi;
use wire::{HasKeys, KeyRing, Overload};

pub use past::read_past;
pub use replay::{ReplayError, ReplayOf, Then, count_types, replay, story_of, tables_at};
pub use router::routes;
pub use state_sums::{StateSums, UnitSums};
pub use story::sentence;
pub use trial_balance::{
    AddUpError, Books, LastEvent, MomentError, TrialLine, UnitBooks, add_up, add_up_together,
    ends_at, trial_balance, trial_lines,
};

use events::LogEnds;
use trial_balance::KeptBooks;

/// What the handlers share.
#[derive(Clone)]
pub struct AuditApi {
    /// The log, to read.
    pub store: EventStore,
    /// The read tables, and how a read of them waits for a position.
    pub query: QueryApi,
    ends: Arc<LogEnds>,
    books: Arc<KeptBooks>,
}

impl AuditApi {
    /// An API over a log, and over the read tables that are made of it.
    #[must_use]
    pub fn new(store: EventStore, query: QueryApi) -> Self {
        let ends = Arc::new(LogEnds::of(&store));
        Self { store, query, ends, books: Arc::default() }
    }
}

impl HasKeys for AuditApi {
    fn keys(&self) -> &KeyRing {
        &self.query.keys
    }

    fn overload(&self) -> Option<&Overload> {
        Some(&self.query.overload)
    }
}
