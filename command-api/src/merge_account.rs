//! `PUT /v1/accounts/{account_id}/merger`: merges the account into another.
//!
//! Where the other lives in another partition, the merger is begun, the other's partition is asked,
//! and then it is done. Whoever dies in between leaves a merger that was begun, which the same call
//! goes on with.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::command::{AdmitMerger, MergeAccount, MergerStep};
use domain::{AccountId, Command, Merger, Subject};
use log_record::{Place, Position};
use wire::body::{AccountMergedBody, MergeAccountBody};
use wire::{Caller, HasKeys as _, JsonBody, PathId, Problem};

use crate::CommandApi;
use crate::execute::{Done, unexpected};

pub(crate) async fn merge_account(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(account_id): PathId<AccountId>,
    JsonBody(MergeAccountBody { into }): JsonBody<MergeAccountBody>,
) -> Result<Response, Problem> {
    let merge = MergeAccount { account_id: account_id.clone(), into, step: MergerStep::Asked };
    let done = api.execute(Command::MergeAccount(merge.clone()), caller.clone()).await?;
    let merger = merger_of(&done)?;
    let begun_at = (!merger.is_done).then_some(merger.at);
    let done = match begun_at {
        None => done,
        Some(begun_at) => agree(&api, merge, begun_at, caller).await?,
    };
    let Merger { into, at, is_done: _ } = merger_of(&done)?.clone();
    // Other processes read it from the tables.
    api.keys().note_merger(account_id.as_str(), into.as_str());
    let position = Place { partition: done.place.partition, position: at };
    done.respond(&AccountMergedBody { account_id, into, position })
}

/// The other account's partition is asked, and the merger that was begun is done or abandoned.
async fn agree(
    api: &CommandApi,
    merge: MergeAccount,
    begun_at: Position,
    caller: Caller,
) -> Result<Done, Problem> {
    let step = |step| Command::MergeAccount(MergeAccount { step, ..merge.clone() });
    let admit = Command::AdmitMerger(AdmitMerger { account_id: merge.into.clone() });
    let done = match api.execute(admit, caller.clone()).await {
        Ok(_) => api.execute(step(MergerStep::Agreed(begun_at)), caller.clone()).await,
        Err(problem) => Err(problem),
    };
    if let Err(problem) = &done
        && problem.status() == StatusCode::CONFLICT
        && let Err(left) = api.execute(step(MergerStep::Refused(begun_at)), caller).await
    {
        // It stands as begun until somebody asks for it again, or for another.
        let account_id = merge.account_id.as_str();
        tracing::warn!(account_id, code = left.code(), "a merger was begun and is not done");
    }
    done
}

fn merger_of(done: &Done) -> Result<&Merger, Problem> {
    match &done.subject {
        Some(Subject::Merger(Some(merger))) => Ok(merger),
        _ => Err(unexpected()),
    }
}
