//! Gives the query API the codes that exchanges got, which are in the log alone.

use std::error::Error;
use std::sync::Arc;

use domain::Event;
use event_schema::decode;
use event_store::EventStore;
use query_api::ReadCode;
use wire::Problem;

/// A function that reads a code where it stands.
pub(super) fn reader(store: EventStore) -> ReadCode {
    Arc::new(move |place| {
        let store = store.clone();
        Box::pin(async move {
            let unread = |error: &(dyn Error + 'static), problem: Problem| {
                tracing::error!(%place, error, "a code can't be read");
                problem
            };
            let row = store.read_one(place).await;
            let row = row.map_err(|error| unread(&error, Problem::log_unreachable()))?;
            match decode(&row) {
                Ok((_, Event::CodeAdded(fact))) => Ok(fact.code),
                Ok(_) => {
                    tracing::error!(%place, "the log has another event where a code should be");
                    Err(Problem::internal())
                }
                Err(error) => Err(unread(&error, Problem::internal())),
            }
        })
    })
}
