//! `PUT /v1/accounts/{account_id}/exchanges/{exchange_id}/cancellations/{cancellation_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::CancelExchange;
use domain::{AccountId, CancellationId, Command, ExchangeCancelled, ExchangeId, Note, Ordered};
use log_record::Place;
use wire::body::{CancelExchangeBody, ExchangeCancelledBody, OrderedBody};
use wire::{Caller, JsonBody, Problem, Role, ThreePathIds};

use crate::CommandApi;
use crate::execute::respond_fact;

pub(crate) async fn cancel_exchange(
    State(api): State<CommandApi>,
    caller: Caller,
    ThreePathIds(account_id, exchange_id, cancellation_id): ThreePathIds<
        AccountId,
        ExchangeId,
        CancellationId,
    >,
    JsonBody(body): JsonBody<CancelExchangeBody>,
) -> Result<Response, Problem> {
    let CancelExchangeBody { quantity, by, reason, occurred_at } = body;
    let command = Command::CancelExchange(CancelExchange {
        account_id,
        exchange_id,
        cancellation_id,
        quantity,
        by_operator: caller.role == Role::Operator,
        note: Note { by, reason },
        occurred_at,
        original: None,
    });
    let done = api.execute(command, caller).await?;
    respond_fact!(done, ExchangeCancelled => exchange_cancelled)
}

pub(crate) fn exchange_cancelled(
    account_id: AccountId,
    fact: ExchangeCancelled,
    position: Place,
) -> ExchangeCancelledBody {
    let ExchangeCancelled {
        exchange_id,
        cancellation_id,
        offer_id,
        allocation,
        points,
        of: Ordered { quantity: ordered_quantity, points: ordered_points },
        asked_quantity,
        occurred_at,
        note: _private,
    } = fact;
    ExchangeCancelledBody {
        account_id,
        exchange_id,
        cancellation_id,
        offer_id,
        quantity: allocation.quantity(),
        points,
        of: OrderedBody { quantity: ordered_quantity, points: ordered_points },
        asked_quantity,
        occurred_at,
        position,
    }
}
