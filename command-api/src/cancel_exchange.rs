//! `PUT /v1/accounts/{account_id}/exchanges/{exchange_id}/cancellations/{cancellation_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::CancelExchange;
use domain::{
    AccountId, CancellationId, Command, Event, ExchangeCancelled, ExchangeId, Note, Ordered,
};
use log_record::Place;
use wire::body::{CancelExchangeBody, ExchangeCancelledBody, OrderedBody};
use wire::{Caller, JsonBody, Problem, Role, ThreePathIds};

use crate::CommandApi;
use crate::execute::unexpected;

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
    let command = Command::CancelExchange(CancelExchange {
        account_id,
        exchange_id,
        cancellation_id,
        quantity: body.quantity,
        by_operator: caller.role == Role::Operator,
        note: Note { by: body.by, reason: body.reason },
        occurred_at: body.occurred_at,
        original: None,
    });
    let mut done = api.execute(command, caller).await?;
    let Some(Event::ExchangeCancelled(account_id, fact)) = done.event.take() else {
        return Err(unexpected());
    };
    done.respond(&exchange_cancelled(account_id, fact, done.place))
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
