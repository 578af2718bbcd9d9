//! Gives the query API the proofs of events, which only a process that seals the log has.

use std::error::Error;
use std::sync::Arc;

use query_api::{ProveEvents, ProvedEvents, Unproved};
use sealer::{Proved, ProvedEvent, Prover, SealError};

/// A function that proves events.
pub(super) fn of(prover: Prover) -> ProveEvents {
    Arc::new(move |places, is_wanted| {
        let prover = prover.clone();
        Box::pin(async move {
            let proved = prover.prove(&places, is_wanted).await.map_err(unproved)?;
            Ok(proved.map(|Proved { checkpoint, handovers, events }| ProvedEvents {
                checkpoint,
                handovers,
                events: events.into_iter().map(told).collect(),
            }))
        })
    })
}

fn unproved(why: sealer::Unproved) -> Unproved {
    if let sealer::Unproved::NotSealed { wanted, reached } = why {
        return Unproved::NotSealed { wanted, reached };
    }
    let error: &dyn Error = &why;
    tracing::error!(error, "a receipt can't be made");
    match why {
        sealer::Unproved::Unread(SealError::Store(_)) => Unproved::LogUnread,
        _ => Unproved::Wrong,
    }
}

fn told(
    ProvedEvent { event, entry, proof }: ProvedEvent,
) -> (log_record::RecordedEvent, String, Vec<String>) {
    (event, entry, proof.iter().map(ToString::to_string).collect())
}
