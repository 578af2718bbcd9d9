//! `PUT /v1/accounts/{account_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::OpenAccount;
use domain::{AccountId, AccountOpened, Command, Event};
use log_record::Place;
use wire::body::{AccountOpenedBody, OpenAccountBody};
use wire::{Caller, JsonBody, PathId, Problem};

use crate::CommandApi;
use crate::execute::unexpected;

pub(crate) async fn open_account(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(account_id): PathId<AccountId>,
    JsonBody(OpenAccountBody { occurred_at }): JsonBody<OpenAccountBody>,
) -> Result<Response, Problem> {
    let command = Command::OpenAccount(OpenAccount { account_id, occurred_at });
    let mut done = api.execute(command, caller).await?;
    let Some(Event::AccountOpened(account_id, fact)) = done.event.take() else {
        return Err(unexpected());
    };
    done.respond(&account_opened(account_id, fact, done.place))
}

pub(crate) fn account_opened(
    account_id: AccountId,
    fact: AccountOpened,
    position: Place,
) -> AccountOpenedBody {
    let AccountOpened { occurred_at } = fact;
    AccountOpenedBody { account_id, occurred_at, position }
}
