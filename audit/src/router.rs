//! Every route that reads the log, and who may use it.

use wire::Role::{Auditor, Operator};
use wire::{Role, Routes, get, only};

use crate::AuditApi;
use crate::events::list_events;
use crate::trial_balance::get_trial_balance;

const OF_THE_LOG: &[Role] = &[Operator, Auditor];

/// The routes of what auditors read.
pub fn routes() -> Routes<AuditApi> {
    Routes::new()
        .route("/v1/events", get(only(OF_THE_LOG, list_events).as_list().with_query()))
        .route("/v1/trial-balance", get(only(OF_THE_LOG, get_trial_balance).as_list().with_query()))
}
