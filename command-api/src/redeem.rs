//! `PUT /v1/accounts/{account_id}/exchanges/{exchange_id}`, and `POST …/exchanges` for clients that
//! prefer an `Idempotency-Key`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse as _, Response};
use domain::command::{Order, Redeem};
use domain::{AccountId, Command, Event, ExchangeCreated, ExchangeId, Preview};
use wire::body::{
    CreatedExchangeBody, DryRunBody, DryRunOutcome, PreviewBody, RedeemBody, RedeemQuery,
};
use wire::{Caller, IdempotencyKey, JsonBody, PathId, PathIds, Problem, QueryString};

use crate::CommandApi;
use crate::credit_lot::lot_parts;
use crate::execute::{Previewed, unexpected};

pub(crate) async fn redeem(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, exchange_id): PathIds<AccountId, ExchangeId>,
    QueryString(query): QueryString<RedeemQuery>,
    JsonBody(body): JsonBody<RedeemBody>,
) -> Result<Response, Problem> {
    let command = command(account_id, exchange_id, body);
    if query.dry_run {
        preview(&api, command, caller).await
    } else {
        exchange(&api, command, caller).await
    }
}

pub(crate) async fn redeem_by_key(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(account_id): PathId<AccountId>,
    QueryString(query): QueryString<RedeemQuery>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(body): JsonBody<RedeemBody>,
) -> Result<Response, Problem> {
    let exchange_id: ExchangeId =
        key.parse().map_err(|error| Problem::invalid_header("Idempotency-Key", error))?;
    let address = format!("/v1/accounts/{account_id}/exchanges/{exchange_id}");
    let command = command(account_id, exchange_id, body);
    if query.dry_run {
        return preview(&api, command, caller).await;
    }
    let mut response = exchange(&api, command, caller).await?;
    let location = HeaderValue::from_str(&address).map_err(|_| Problem::internal())?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

async fn exchange(api: &CommandApi, command: Command, caller: Caller) -> Result<Response, Problem> {
    let mut done = api.execute(command, caller).await?;
    let Some(Event::ExchangeCreated(account_id, fact)) = done.event.take() else {
        return Err(unexpected());
    };
    let ExchangeCreated { exchange_id, offer_id, allocation, points, .. } = fact;
    done.respond(&CreatedExchangeBody {
        exchange_id,
        account_id,
        offer_id,
        quantity: allocation.quantity(),
        points,
        // As it was when it was created: the first answer, for ever. A read gives the present one.
        status: "created",
        position: done.place,
    })
}

/// Answers what the redemption would come to; nothing is recorded.
async fn preview(api: &CommandApi, command: Command, caller: Caller) -> Result<Response, Problem> {
    let body = match api.preview(command, caller).await? {
        Previewed::New(preview) => DryRunBody {
            outcome: DryRunOutcome::WouldBeCreated,
            preview: Some(preview_body(*preview)),
            position: None,
        },
        Previewed::Repeat(place) => {
            DryRunBody { outcome: DryRunOutcome::Exists, preview: None, position: Some(place) }
        }
    };
    Ok(Json(body).into_response())
}

fn preview_body(preview: Preview) -> PreviewBody {
    let Preview { points, lots, available, available_after } = preview;
    PreviewBody {
        points,
        lots: lot_parts(lots),
        available: available.get(),
        available_after: available_after.get(),
    }
}

fn command(account_id: AccountId, exchange_id: ExchangeId, body: RedeemBody) -> Command {
    let RedeemBody { offer_id, quantity, deliver_to, expected_points, occurred_at } = body;
    let order = Order { exchange_id, offer_id, quantity, deliver_to, expected_points };
    Command::Redeem(Redeem { account_id, order, occurred_at })
}
