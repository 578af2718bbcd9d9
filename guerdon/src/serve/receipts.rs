//! Gives the query API the proofs of events, which only a process that seals the log has.

use std::sync::Arc;

use query_api::{ProveEvents, ProvedEvents, Unproved};
use sealer::{Proved, ProvedEvent, Prover};

/// A function that proves events.
pub(super) fn of(prover: Prover) -> ProveEvents {
    Arc::new(move |places, is_wanted| {
        let prover = prover.clone();
        Box::pin(async move {
            let proved = prover.prove(&places, is_wanted).await.map_err(|why| match why {
                sealer::Unproved::NotSealed { wanted, reached } => {
                    Unproved::NotSealed { wanted, reached }
                }
                sealer::Unproved::Unread(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "a receipt can't be made");
                    Unproved::Unread
                }
            })?;
            let Proved { checkpoint, handovers, events } = proved;
            let told = |proved: ProvedEvent| {
                let ProvedEvent { event, entry, proof } = proved;
                (event, entry, proof.iter().map(ToString::to_string).collect())
            };
            let events = events.into_iter().map(told).collect();
            Ok(ProvedEvents { checkpoint, handovers, events })
        })
    })
}
