//! `PUT /v1/accounts/{account_id}/holds/{hold_id}/release`

use axum::extract::State;
use axum::response::Response;
use domain::command::ReleaseHold;
use domain::{AccountId, Command, HoldId, HoldReleased};
use log_record::Place;
use wire::body::{HoldReleasedBody, ReleaseHoldBody};
use wire::{Caller, JsonBody, PathIds, Problem, Role};

use crate::CommandApi;
use crate::credit_lot::lot_parts;
use crate::execute::respond_fact;
use crate::hold_credit::kept;

pub(crate) async fn release_hold(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, hold_id): PathIds<AccountId, HoldId>,
    JsonBody(ReleaseHoldBody { occurred_at }): JsonBody<ReleaseHoldBody>,
) -> Result<Response, Problem> {
    let by_operator = caller.role == Role::Operator;
    let command =
        Command::ReleaseHold(ReleaseHold { account_id, hold_id, by_operator, occurred_at });
    let done = api.execute(command, caller).await?;
    respond_fact!(done, HoldReleased => hold_released)
}

pub(crate) fn hold_released(
    account_id: AccountId,
    fact: HoldReleased,
    position: Place,
) -> HoldReleasedBody {
    let HoldReleased { hold_id, unit, points, lots, grace_until, reason, keeps, occurred_at } =
        fact;
    let (reserves, further) = kept(keeps);
    HoldReleasedBody {
        account_id,
        hold_id,
        unit,
        points,
        lots: lot_parts(lots),
        grace_until,
        reason,
        reserves,
        further,
        occurred_at,
        position,
    }
}
