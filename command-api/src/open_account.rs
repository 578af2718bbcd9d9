//! `PUT /v1/accounts/{account_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::OpenAccount;
use domain::{AccountId, AccountOpened, Command};
use log_record::Place;
use wire::body::{AccountOpenedBody, OpenAccountBody};
use wire::{Caller, JsonBody, PathId, Problem};

use crate::CommandApi;
use crate::execute::respond_fact;

pub(crate) async fn open_account(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(account_id): PathId<AccountId>,
    JsonBody(OpenAccountBody { occurred_at }): JsonBody<OpenAccountBody>,
) -> Result<Response, Problem> {
    let command = Command::OpenAccount(OpenAccount { account_id, occurred_at });
    let done = api.execute(command, caller).await?;
    respond_fact!(done, AccountOpened => account_opened)
}

pub(crate) fn account_opened(
    account_id: AccountId,
    fact: AccountOpened,
    position: Place,
) -> AccountOpenedBody {
    let AccountOpened { occurred_at } = fact;
    AccountOpenedBody { account_id, occurred_at, position }
}
