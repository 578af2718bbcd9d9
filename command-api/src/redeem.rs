//! `PUT /v1/accounts/{account_id}/exchanges/{exchange_id}`, and `POST …/exchanges` for clients that
//! prefer an `Idempotency-Key`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse as _, Response};
use domain::command::{Order, Redeem};
use domain::{AccountId, Command, DeliverTo, Event, ExchangeId, OfferId, Points, Timestamp, Units};
use serde::{Deserialize, Serialize};
use serde_json::json;
use wire::{Caller, IdempotencyKey, JsonBody, PathId, PathIds, Problem, QueryString};

use crate::CommandApi;
use crate::execute::{Previewed, unexpected};
use crate::refuse_unheeded::NoIfMatch;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedeemBody {
    offer_id: OfferId,
    quantity: Units,
    deliver_to: DeliverTo,
    expected_points: Option<Points>,
    occurred_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DryRun {
    /// Whether nothing is to be recorded.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Serialize)]
struct ExchangeBody<'a> {
    exchange_id: &'a ExchangeId,
    account_id: &'a AccountId,
    offer_id: &'a OfferId,
    quantity: Units,
    points: Points,
    status: &'static str,
    position: String,
}

pub(crate) async fn redeem(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, exchange_id): PathIds<AccountId, ExchangeId>,
    QueryString(dry): QueryString<DryRun>,
    _: NoIfMatch,
    JsonBody(body): JsonBody<RedeemBody>,
) -> Result<Response, Problem> {
    let command = body.command(account_id, exchange_id);
    if dry.dry_run {
        preview(&api, command, caller).await
    } else {
        exchange(&api, command, caller).await
    }
}

pub(crate) async fn redeem_by_key(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(account_id): PathId<AccountId>,
    QueryString(dry): QueryString<DryRun>,
    IdempotencyKey(key): IdempotencyKey,
    _: NoIfMatch,
    JsonBody(body): JsonBody<RedeemBody>,
) -> Result<Response, Problem> {
    let exchange_id: ExchangeId =
        key.parse().map_err(|error| Problem::invalid_header("Idempotency-Key", error))?;
    let address = format!("/v1/accounts/{account_id}/exchanges/{exchange_id}");
    let command = body.command(account_id, exchange_id);
    if dry.dry_run {
        return preview(&api, command, caller).await;
    }
    let mut response = exchange(&api, command, caller).await?;
    let location = HeaderValue::from_str(&address).map_err(|_| Problem::internal())?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

async fn exchange(api: &CommandApi, command: Command, caller: Caller) -> Result<Response, Problem> {
    let done = api.execute(command, caller).await?;
    let Some(Event::ExchangeCreated(account_id, fact)) = &done.event else {
        return Err(unexpected());
    };
    done.respond(&ExchangeBody {
        exchange_id: &fact.exchange_id,
        account_id,
        offer_id: &fact.offer_id,
        quantity: fact.quantity,
        points: fact.points,
        // As it was when it was created: the first answer, for ever. A read gives the present one.
        status: "created",
        position: done.place.to_string(),
    })
}

/// What the redemption would come to; nothing is recorded.
async fn preview(api: &CommandApi, command: Command, caller: Caller) -> Result<Response, Problem> {
    let body = match api.preview(command, caller).await? {
        Previewed::New(preview) => json!({"outcome": "would-be-created", "preview": *preview}),
        Previewed::Repeat(place) => json!({"outcome": "exists", "position": place.to_string()}),
    };
    Ok(Json(body).into_response())
}

impl RedeemBody {
    fn command(self, account_id: AccountId, exchange_id: ExchangeId) -> Command {
        let Self { offer_id, quantity, deliver_to, expected_points, occurred_at } = self;
        let order = Order { exchange_id, offer_id, quantity, deliver_to, expected_points };
        Command::Redeem(Redeem { account_id, order, occurred_at })
    }
}
