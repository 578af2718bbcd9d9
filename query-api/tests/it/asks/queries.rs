//! The queries that this process runs, as `sqlx` logs them.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The texts of the queries that ran since they were taken last.
#[derive(Clone, Default)]
pub(crate) struct Queries(Arc<Mutex<Vec<String>>>);

impl Queries {
    /// Of all threads from now on.
    pub(crate) fn watch() -> Self {
        static WATCHED: OnceLock<Queries> = OnceLock::new();
        let watched = WATCHED.get_or_init(|| {
            let queries = Self::default();
            tracing::subscriber::set_global_default(queries.clone()).expect("there is no other");
            queries
        });
        watched.clone()
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Subscriber for Queries {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = QueryText::default();
        event.record(&mut text);
        let text = if text.full.trim().is_empty() { text.summary } else { text.full };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A text of few words is its own summary.
#[derive(Default)]
struct QueryText {
    summary: String,
    full: String,
}

impl Visit for QueryText {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.full),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}
