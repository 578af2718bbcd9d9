//! `PUT /v1/policy`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::command::SetPolicy;
use domain::{Command, Policy, Subject};
use wire::body::{PolicyBody, PutPolicyBody};
use wire::{Caller, JsonBody, Problem};

use crate::CommandApi;
use crate::execute::unexpected;

/// Ten years of grace; more is a slip.
const GRACE_DAYS_MAX: u16 = 3_650;

pub(crate) async fn put_policy(
    State(api): State<CommandApi>,
    caller: Caller,
    JsonBody(body): JsonBody<PutPolicyBody>,
) -> Result<Response, Problem> {
    let PutPolicyBody { spent_credit, refund_grace_days, grace_on_own_request } = body;
    if refund_grace_days > GRACE_DAYS_MAX {
        let complaint = format!("must be a whole number from 0 to {GRACE_DAYS_MAX}");
        return Err(Problem::invalid_field("refund_grace_days", complaint));
    }
    let policy = Policy { spent_credit, refund_grace_days, grace_on_own_request };
    let command = Command::SetPolicy(SetPolicy { policy });
    let done = api.execute(command, caller).await?;
    let Some(Subject::Policy(policy)) = &done.subject else { return Err(unexpected()) };
    let Policy { spent_credit, refund_grace_days, grace_on_own_request } = *policy;
    let position = Some(done.place);
    let body = PolicyBody { spent_credit, refund_grace_days, grace_on_own_request, position };
    done.respond_with(StatusCode::OK, &body)
}
