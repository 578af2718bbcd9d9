//! `PUT /v1/accounts/{account_id}/holds/{hold_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::HoldCredit;
use domain::{AccountId, Command, CreditHeld, Grace, HoldId};
use log_record::Place;
use wire::body::{CreditHeldBody, HoldCreditBody};
use wire::{Caller, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::credit_lot::lot_parts;
use crate::execute::respond_fact;

pub(crate) async fn hold_credit(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, hold_id): PathIds<AccountId, HoldId>,
    JsonBody(body): JsonBody<HoldCreditBody>,
) -> Result<Response, Problem> {
    let HoldCreditBody { unit, points, deadline, occurred_at } = body;
    let unit = unit.unwrap_or_default();
    let command = HoldCredit { account_id, hold_id, unit, points, deadline, occurred_at };
    let done = api.execute(Command::HoldCredit(command), caller).await?;
    respond_fact!(done, CreditHeld => credit_held)
}

pub(crate) fn credit_held(
    account_id: AccountId,
    fact: CreditHeld,
    position: Place,
) -> CreditHeldBody {
    let CreditHeld { hold_id, unit, points, lots, deadline, grace, occurred_at } = fact;
    let Grace { days, on_own_request } = grace;
    CreditHeldBody {
        account_id,
        hold_id,
        unit,
        points,
        lots: lot_parts(lots),
        deadline,
        grace_days: days,
        grace_on_own_request: on_own_request,
        occurred_at,
        position,
    }
}
