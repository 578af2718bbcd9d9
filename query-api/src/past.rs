//! `?at=`: what there was at a moment, for auditors and operators.
//!
//! The tables of then are made of the events of what is asked about, by whoever can read the log:
//! this crate can't. They are read by the same handlers as the live ones, so the answer has the
//! same shape.

use std::sync::Arc;

use axum::http::HeaderMap;
use domain::{AccountId, ExchangeId, OfferId};
use futures_util::future::BoxFuture;
use read_model::Reading;
use serde::Deserialize;
use wire::{Caller, Moment, Problem, Role};

use crate::QueryApi;
use crate::clock::now;

/// Who may ask for the past.
const OF_AUDITORS: &[Role] = &[Role::Operator, Role::Auditor];

/// Of what the past is asked.
#[derive(Clone, Debug)]
pub enum PastOf {
    /// An account's balance or statement.
    Account(AccountId),
    /// An exchange.
    Exchange(AccountId, ExchangeId),
    /// An offer.
    Offer(OfferId),
}

/// Gives the read tables as they were at a moment, with all that an answer about this needs.
pub type ReadPast =
    Arc<dyn Fn(PastOf, Moment) -> BoxFuture<'static, Result<Reading, Problem>> + Send + Sync>;

/// The query of a call that answers for a moment, too.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AtQuery {
    pub(crate) at: Option<Moment>,
}

/// Where nobody can read the log.
pub(crate) fn without_log() -> ReadPast {
    Arc::new(|_, _| Box::pin(async { Err(Problem::log_unreachable()) }))
}

impl QueryApi {
    /// Begins to read what there is, or what there was at a moment.
    pub(crate) async fn reading_of(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        at: Option<Moment>,
        of: PastOf,
    ) -> Result<Reading, Problem> {
        match at {
            None => self.fresh(headers).await,
            Some(at) => self.reading_at(caller, headers, at, of).await,
        }
    }

    /// Begins to read what there was at a moment.
    pub(crate) async fn reading_at(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        at: Moment,
        of: PastOf,
    ) -> Result<Reading, Problem> {
        if !OF_AUDITORS.contains(&caller.role) {
            return Err(Problem::forbidden(caller.role, OF_AUDITORS));
        }
        let present = self.fresh(headers).await?;
        let is_to_come = matches!(at, Moment::Time(time) if time.micros() > now(present.as_of()));
        drop(present);
        if is_to_come {
            let complaint = "is later than the ledger's time; ask for a moment that has passed";
            return Err(Problem::invalid_query("at", complaint));
        }
        (self.read_past)(of, at).await
    }
}
