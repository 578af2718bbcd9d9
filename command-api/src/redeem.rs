//! `PUT /v1/accounts/{account_id}/exchanges/{exchange_id}`, and `POST …/exchanges` for clients that
//! prefer an `Idempotency-Key`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse as _, Response};
use domain::command::{Order, Redeem};
use domain::{
    AccountId, Command, Event, ExchangeCreated, ExchangeId, Preview, PreviewedCost, Price,
};
use wire::body::{
    CreatedExchangeBody, DryRunBody, DryRunOutcome, LadderTierBody, PreviewBody,
    PreviewedPriceBody, PriceBody, RedeemBody, RedeemQuery,
};
use wire::{Caller, IdempotencyKey, JsonBody, PathId, PathIds, Problem, QueryString};

use crate::CommandApi;
use crate::credit_lot::lot_parts;
use crate::execute::{Previewed, unexpected};
use crate::prices::expected;

pub(crate) async fn redeem(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, exchange_id): PathIds<AccountId, ExchangeId>,
    QueryString(query): QueryString<RedeemQuery>,
    JsonBody(body): JsonBody<RedeemBody>,
) -> Result<Response, Problem> {
    let command = command(account_id, exchange_id, body)?;
    if query.dry_run {
        // In a box, for every redemption's future would have room for it.
        Box::pin(preview(&api, command, caller)).await
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
    let command = command(account_id, exchange_id, body)?;
    if query.dry_run {
        return Box::pin(preview(&api, command, caller)).await;
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
    let ExchangeCreated { exchange_id, offer_id, allocation, prices, .. } = fact;
    let Price { unit, points } = prices.first();
    let body = CreatedExchangeBody {
        exchange_id,
        account_id,
        offer_id,
        quantity: allocation.quantity(),
        points,
        unit,
        prices: PriceBody::all(&prices),
        // As it was when it was created: the first answer, for ever. A read gives the present one.
        status: "created",
        position: done.place,
    };
    done.respond_written(body.to_json())
}

/// Answers what the redemption would come to; nothing is recorded.
async fn preview(api: &CommandApi, command: Command, caller: Caller) -> Result<Response, Problem> {
    let body = match api.preview(command, caller).await? {
        Previewed::New(preview) => DryRunBody {
            outcome: DryRunOutcome::WouldBeCreated,
            preview: Some(preview_body(*preview).ok_or_else(unexpected)?),
            position: None,
        },
        Previewed::Repeat(place) => {
            DryRunBody { outcome: DryRunOutcome::Exists, preview: None, position: Some(place) }
        }
    };
    Ok(Json(body).into_response())
}

/// Nothing where it has no cost, not even one of 0 points.
fn preview_body(preview: Preview) -> Option<PreviewBody> {
    let Preview { costs, tier } = preview;
    let prices: Vec<PreviewedPriceBody> = costs.into_iter().map(previewed_price).collect();
    let tier = tier.map(LadderTierBody::from);
    Some(PreviewBody { first: prices.first()?.clone(), prices, tier })
}

fn previewed_price(cost: PreviewedCost) -> PreviewedPriceBody {
    let PreviewedCost { unit, points, lots, available, available_after } = cost;
    PreviewedPriceBody {
        points,
        unit,
        lots: lot_parts(lots),
        available: available.get(),
        available_after: available_after.get(),
    }
}

fn command(
    account_id: AccountId,
    exchange_id: ExchangeId,
    body: RedeemBody,
) -> Result<Command, Problem> {
    let RedeemBody {
        offer_id,
        quantity,
        deliver_to,
        expected_points,
        expected_prices,
        occurred_at,
    } = body;
    let expected_prices = expected(expected_points, expected_prices, "")?;
    let order =
        Order { exchange_id, offer_id, quantity, deliver_to, expected_points, expected_prices };
    Ok(Command::Redeem(Redeem { account_id, order, occurred_at }))
}
