//! `PUT /v1/accounts/{account_id}/exchanges/{exchange_id}`, and `POST …/exchanges` for clients that
//! prefer an `Idempotency-Key`.

use axum::Json;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::command::{Order, Redeem};
use domain::{
    AccountId, Command, Event, ExchangeCreated, ExchangeId, OfferId, Preview, PreviewedCost, Price,
};
use log_record::Place;
use wire::body::{
    CreatedExchangeBody, DryRunBody, DryRunOutcome, LadderTierBody, PreviewBody,
    PreviewedPriceBody, PriceBody, RedeemBody, RedeemQuery,
};
use wire::{Caller, HasKeys as _, IdempotencyKey, JsonBody, PathId, PathIds, Problem, QueryString};

use crate::CommandApi;
use crate::credit_lot::lot_parts;
use crate::execute::{Done, Previewed, unexpected};
use crate::prices::expected;
use crate::redeem_later::redeem_later;

pub(crate) async fn redeem(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, exchange_id): PathIds<AccountId, ExchangeId>,
    QueryString(query): QueryString<RedeemQuery>,
    JsonBody(body): JsonBody<RedeemBody>,
) -> Result<Response, Problem> {
    count_attempt(&api, &account_id, &body.offer_id)?;
    let redeem = command(account_id, exchange_id, body)?;
    // In boxes, for every redemption's future would have room for them.
    if query.dry_run {
        Box::pin(preview(&api, redeem, caller)).await
    } else if caller.responds_async {
        Box::pin(redeem_later(&api, redeem, caller)).await
    } else {
        exchange(&api, redeem, caller).await
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
    count_attempt(&api, &account_id, &body.offer_id)?;
    let redeem = command(account_id, exchange_id, body)?;
    if query.dry_run {
        return Box::pin(preview(&api, redeem, caller)).await;
    }
    let mut response = if caller.responds_async {
        Box::pin(redeem_later(&api, redeem, caller)).await?
    } else {
        exchange(&api, redeem, caller).await?
    };
    if response.status() == StatusCode::ACCEPTED {
        return Ok(response);
    }
    let location = HeaderValue::from_str(&address).map_err(|_| Problem::internal())?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// Answers with the exchange.
pub(crate) async fn exchange(
    api: &CommandApi,
    redeem: Redeem,
    caller: Caller,
) -> Result<Response, Problem> {
    create(api, redeem, caller).await?.respond(api).await
}

/// An exchange that was created, now or before.
pub(crate) struct Created {
    pub(crate) done: Done,
    /// Without its code: that is read whenever it is answered.
    pub(crate) exchange: CreatedExchangeBody,
    /// The event that has the code, of an offer of codes.
    pub(crate) code_at: Option<Place>,
}

impl Created {
    /// Answers with the exchange.
    pub(crate) async fn respond(&self, api: &CommandApi) -> Result<Response, Problem> {
        let json = match self.code_at {
            None => self.exchange.to_json(),
            Some(_) => Box::pin(self.with_code(api)).await?.to_json(),
        };
        self.done.respond_written(json)
    }

    /// The exchange with its code, where it has one.
    pub(crate) async fn with_code(&self, api: &CommandApi) -> Result<CreatedExchangeBody, Problem> {
        let mut exchange = self.exchange.clone();
        if let Some(place) = self.code_at {
            let code = api.code_at(place).await?;
            (exchange.erased, exchange.code) = (code.is_none(), Some(code));
        }
        Ok(exchange)
    }
}

/// Has the redemption decided.
pub(crate) async fn create(
    api: &CommandApi,
    redeem: Redeem,
    caller: Caller,
) -> Result<Created, Problem> {
    let mut done = api.execute(Command::Redeem(redeem), caller).await?;
    let Some(Event::ExchangeCreated(account_id, fact)) = done.event.take() else {
        return Err(unexpected());
    };
    let ExchangeCreated { exchange_id, offer_id, allocation, prices, .. } = fact;
    let Price { unit, points } = prices.first();
    let code_at = allocation.code();
    let exchange = CreatedExchangeBody {
        exchange_id,
        account_id,
        offer_id,
        quantity: allocation.quantity(),
        points,
        unit,
        prices: PriceBody::all(&prices),
        // As it was when it was created: the first answer, for ever. A read gives the present one.
        status: "created",
        code: None,
        erased: false,
        position: done.place,
    };
    Ok(Created { done, exchange, code_at })
}

/// Counts an attempt, where the offer has a limit of its own.
pub(crate) fn count_attempt(
    api: &CommandApi,
    account_id: &AccountId,
    offer_id: &OfferId,
) -> Result<(), Problem> {
    let limits = api.keys().limits();
    limits.map_or(Ok(()), |it| it.count_attempt(account_id.as_str(), offer_id.as_str()))
}

/// Answers what the redemption would come to; nothing is recorded.
async fn preview(api: &CommandApi, redeem: Redeem, caller: Caller) -> Result<Response, Problem> {
    let body = match api.preview(Command::Redeem(redeem), caller).await? {
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
) -> Result<Redeem, Problem> {
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
    Ok(Redeem { account_id, order, occurred_at })
}
