//! `PUT /v1/policy`: sets the policy, with `If-Match` as it was read. `PATCH` changes a part of it,
//! and needs `If-Match`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::command::{SetPolicy, ShowTerms};
use domain::{Command, Points, Policy, Refusal, Subject};
use log_record::Place;
use wire::body::{PolicyBody, PutPolicyBody};
use wire::{Caller, JsonBody, MergePatch, Precondition, Problem};

use crate::CommandApi;
use crate::execute::{Done, unexpected};
use crate::patch::{if_match, is_overtaken, stale_or, versions_as_read};

/// Ten years of grace; more is a slip.
const GRACE_DAYS_MAX: u16 = 3_650;

pub(crate) async fn put_policy(
    State(api): State<CommandApi>,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(body): JsonBody<PutPolicyBody>,
) -> Result<Response, Problem> {
    let read_versions = match Precondition::read(&headers)? {
        Precondition::Absent | Precondition::AnyVersion => None,
        Precondition::Versions(versions) => Some(versions),
        Precondition::IsNew => {
            let complaint = "isn't heeded by this call: there always is a policy; leave it out";
            return Err(Problem::invalid_header("If-None-Match", complaint));
        }
    };
    let command = Command::SetPolicy(SetPolicy { policy: policy(body)?, read_versions });
    respond(&api.execute(command, caller).await?)
}

pub(crate) async fn patch_policy(
    State(api): State<CommandApi>,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(patch): JsonBody<MergePatch>,
) -> Result<Response, Problem> {
    const ANSWER_ONLY: &[&str] = &["version", "position"];
    let read = if_match(&headers)?;
    loop {
        let shown = api.show(ShowTerms::Policy, caller.clone()).await?;
        let (present, version) = policy_body(&shown)?;
        let merged = patch.onto(&present, ANSWER_ONLY).and_then(policy);
        let policy = merged.map_err(|problem| {
            stale_or(problem, read.matches(version), Refusal::PolicyChanged { version })
        })?;
        let read_versions = Some(versions_as_read(&read, version));
        let command = Command::SetPolicy(SetPolicy { policy, read_versions });
        match api.execute(command, caller.clone()).await {
            Err(problem) if is_overtaken(&problem) && read.matches(version) => {}
            done => return respond(&done?),
        }
    }
}

fn policy(body: PutPolicyBody) -> Result<Policy, Problem> {
    let PutPolicyBody { spent_credit, refund_grace_days, .. } = body;
    let PutPolicyBody { grace_on_own_request, earning_points_max, .. } = body;
    let earning_points_max = earning_points_max.unwrap_or(Points::MOST);
    if refund_grace_days > GRACE_DAYS_MAX {
        let complaint = format!("must be a whole number from 0 to {GRACE_DAYS_MAX}");
        return Err(Problem::invalid_field("refund_grace_days", complaint));
    }
    Ok(Policy { spent_credit, refund_grace_days, grace_on_own_request, earning_points_max })
}

fn respond(done: &Done) -> Result<Response, Problem> {
    let (body, version) = policy_body(done)?;
    done.respond_version(StatusCode::OK, version, &body)
}

/// The policy, and its version.
fn policy_body(done: &Done) -> Result<(PolicyBody, u64), Problem> {
    let Some(Subject::Policy(policy, version)) = done.subject else { return Err(unexpected()) };
    let Policy { spent_credit, refund_grace_days, grace_on_own_request, earning_points_max } =
        policy;
    let position: Option<Place> = (version > 0).then_some(done.place);
    Ok((
        PolicyBody {
            spent_credit,
            refund_grace_days,
            grace_on_own_request,
            earning_points_max,
            version,
            position,
        },
        version,
    ))
}
