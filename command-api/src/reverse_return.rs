//! `PUT /v1/accounts/{account_id}/purchases/{purchase_id}/returns/{return_id}/reversal`

use axum::extract::State;
use axum::response::Response;
use domain::command::ReverseReturn;
use domain::{AccountId, Command, Note, PurchaseId, ReturnId, ReturnReversed};
use log_record::Place;
use wire::body::{ReturnReversedBody, ReverseBody};
use wire::{Caller, JsonBody, Problem, ThreePathIds};

use crate::CommandApi;
use crate::execute::respond_fact;
use crate::record_purchase::unit_points;
use crate::return_purchase::returned_lines;
use crate::reverse_withdrawal::credit_given_back;

pub(crate) async fn reverse_return(
    State(api): State<CommandApi>,
    caller: Caller,
    ThreePathIds(account_id, purchase_id, return_id): ThreePathIds<AccountId, PurchaseId, ReturnId>,
    JsonBody(ReverseBody { by, reason, occurred_at }): JsonBody<ReverseBody>,
) -> Result<Response, Problem> {
    let (note, original) = (Note { by, reason }, None);
    let command = ReverseReturn { account_id, purchase_id, return_id, note, occurred_at, original };
    let done = api.execute(Command::ReverseReturn(command), caller).await?;
    respond_fact!(done, ReturnReversed => return_reversed)
}

pub(crate) fn return_reversed(
    account_id: AccountId,
    fact: ReturnReversed,
    position: Place,
) -> ReturnReversedBody {
    let ReturnReversed {
        purchase_id,
        return_id,
        lines,
        credit,
        further,
        occurred_at,
        note: _private,
    } = fact;
    ReturnReversedBody {
        account_id,
        purchase_id,
        return_id,
        lines: returned_lines(lines),
        credit: credit.map(credit_given_back),
        further: further.into_iter().map(unit_points).collect(),
        occurred_at,
        position,
    }
}
