//! `PUT /v1/accounts/{account_id}/erasures/{erasure_id}`: what is private of an account is erased;
//! `GET /v1/accounts/{account_id}/erasure` says how far that is.
//!
//! The handler asks the read tables whether goods of the account are still to be shipped. They
//! answer as of an event, and the erasure goes up to that event: an exchange that is created
//! meanwhile keeps its address.

use std::fmt;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::command::EraseAccount;
use domain::{AccountErased, AccountId, Command, ErasureId, Timestamp};
use event_store::Erasure;
use futures_util::future::BoxFuture;
use log_record::{Place, Position};
use tokio::sync::Notify;
use wire::body::{AccountErasedBody, EraseAccountBody, ErasureBody, ErasureStatus};
use wire::{Caller, JsonBody, PathId, PathIds, Problem};

use crate::CommandApi;
use crate::execute::{failed, respond_fact, unread};
use crate::refusal_problem::erasure_unavailable;

/// What of an account was to be shipped as of an event of its partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unshipped {
    /// How many shipping requests have goods that haven't left.
    pub requests: u64,
    /// Up to which event the read tables knew.
    pub as_of: Position,
    /// The accounts that were merged into it.
    pub merged: Vec<AccountId>,
}

/// Asks the read tables, once they have the event at this place.
pub type ReadUnshipped =
    Arc<dyn Fn(AccountId, Place) -> BoxFuture<'static, Result<Unshipped, Problem>> + Send + Sync>;

/// What erasing needs that this crate can't reach.
#[derive(Clone)]
pub struct Erasing {
    /// Asks the read tables.
    pub unshipped: ReadUnshipped,
    /// Wakes whoever erases.
    pub recorded: Arc<Notify>,
}

impl Default for Erasing {
    /// Without read tables nothing can be erased.
    fn default() -> Self {
        type Asked = BoxFuture<'static, Result<Unshipped, Problem>>;
        let unreachable = |_: AccountId, _: Place| -> Asked {
            Box::pin(async { Err(Problem::read_model_unreachable()) })
        };
        Self { unshipped: Arc::new(unreachable), recorded: Arc::default() }
    }
}

impl fmt::Debug for Erasing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Erasing").finish_non_exhaustive()
    }
}

pub(crate) async fn erase_account(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, erasure_id): PathIds<AccountId, ErasureId>,
    JsonBody(EraseAccountBody { reason }): JsonBody<EraseAccountBody>,
) -> Result<Response, Problem> {
    if !api.store.can_erase() {
        return Err(erasure_unavailable());
    }
    let Unshipped { mut requests, as_of, merged } = ask_tables(&api, &account_id).await?;
    let mut of_merged = vec![];
    for account_id in merged {
        let of_it = ask_tables(&api, &account_id).await?;
        requests += of_it.requests;
        of_merged.push((account_id, of_it.as_of));
    }
    let erase = |account_id, until| {
        let (erasure_id, reason) = (erasure_id.clone(), reason.clone());
        let command = EraseAccount { account_id, erasure_id, reason, until, unshipped: requests };
        api.execute(Command::EraseAccount(command), caller.clone())
    };
    // Those that were merged into it come first: a repeat of what isn't done finds them done.
    for (account_id, until) in of_merged {
        erase(account_id, until).await?;
    }
    let done = erase(account_id, as_of).await?;
    api.erasing.recorded.notify_one();
    respond_fact!(done, AccountErased => account_erased)
}

/// What the read tables know of an account, once they have all that was answered before.
async fn ask_tables(api: &CommandApi, account_id: &AccountId) -> Result<Unshipped, Problem> {
    let partition = account_id.partition(api.store.partitions());
    let head = api.store.head(partition).await.map_err(|error| unread(&error))?;
    let at = Place { partition, position: head.position };
    (api.erasing.unshipped)(account_id.clone(), at).await
}

pub(crate) fn account_erased(
    account_id: AccountId,
    fact: AccountErased,
    position: Place,
) -> AccountErasedBody {
    let AccountErased { erasure_id, until, reason } = fact;
    AccountErasedBody { account_id, erasure_id, until: until.0, reason, position }
}

pub(crate) async fn get_erasure(
    State(api): State<CommandApi>,
    PathId(account_id): PathId<AccountId>,
) -> Result<Response, Problem> {
    // One that was just recorded may not be noted yet.
    api.store.note_erasures().await.map_err(|error| failed(&error))?;
    let erasure = api.store.last_erasure(account_id.as_str()).await;
    let erasure = erasure.map_err(|error| failed(&error))?.ok_or_else(|| {
        Problem::not_found("Nothing of this account was erased. Check the id in the path.")
    })?;
    Ok(Json(body(account_id, erasure)?).into_response())
}

fn body(account_id: AccountId, erasure: Erasure) -> Result<ErasureBody, Problem> {
    let time = |micros| Timestamp::from_micros(micros).map_err(|error| failed(&error));
    let is_unreadable = erasure.is_unreadable();
    let Erasure { place, until, asked_at, log_at, archive_at, read_model_at, done_at, .. } =
        erasure;
    let status = if done_at.is_some() {
        ErasureStatus::Done
    } else if is_unreadable {
        ErasureStatus::BytesRemain
    } else {
        ErasureStatus::Asked
    };
    Ok(ErasureBody {
        account_id,
        status,
        until: until.0,
        asked_at: time(asked_at)?,
        log_erased_at: log_at.map(time).transpose()?,
        archives_erased_at: archive_at.map(time).transpose()?,
        read_model_erased_at: read_model_at.map(time).transpose()?,
        done_at: done_at.map(time).transpose()?,
        position: place,
    })
}
