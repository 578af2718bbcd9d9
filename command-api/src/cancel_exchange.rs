//! `PUT /v1/accounts/{account_id}/exchanges/{exchange_id}/cancellations/{cancellation_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::CancelExchange;
use domain::{
    AccountId, CancellationId, Command, ExchangeCancelled, ExchangeId, Note, Ordered, Points, Price,
};
use log_record::Place;
use wire::body::{CancelExchangeBody, CountedBody, ExchangeCancelledBody, OrderedBody, PriceBody};
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
        refunded,
        of: Ordered { quantity: ordered_quantity, prices, counted },
        asked_quantity,
        occurred_at,
        note: _private,
    } = fact;
    let Price { unit, points: ordered_points } = prices.first();
    let of_first = refunded.iter().find(|price| price.unit == unit);
    ExchangeCancelledBody {
        account_id,
        exchange_id,
        cancellation_id,
        offer_id,
        quantity: allocation.quantity(),
        code_at: allocation.code(),
        points: of_first.map_or(Points::ZERO, |price| price.points),
        unit,
        refunded: refunded.iter().copied().map(Into::into).collect(),
        of: OrderedBody {
            quantity: ordered_quantity,
            points: ordered_points,
            unit,
            prices: PriceBody::all(&prices),
            counted: CountedBody::of(counted),
        },
        asked_quantity,
        occurred_at,
        position,
    }
}
