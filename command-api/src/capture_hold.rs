//! `PUT /v1/accounts/{account_id}/holds/{hold_id}/capture`

use axum::extract::State;
use axum::response::Response;
use domain::command::{Capture, CaptureHold, Order};
use domain::{
    AccountId, Command, DeliverTo, Event, ExchangeId, HoldId, OfferId, Points, Timestamp, Units,
};
use serde::Deserialize;
use wire::{Caller, JsonBody, Object, PathIds, Problem};

use crate::CommandApi;
use crate::execute::unexpected;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaptureHoldBody {
    points: Option<Points>,
    exchange: Option<Object<ExchangeBody>>,
    occurred_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExchangeBody {
    exchange_id: ExchangeId,
    offer_id: OfferId,
    quantity: Units,
    deliver_to: DeliverTo,
    expected_points: Option<Points>,
}

pub(crate) async fn capture_hold(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, hold_id): PathIds<AccountId, HoldId>,
    JsonBody(body): JsonBody<CaptureHoldBody>,
) -> Result<Response, Problem> {
    let occurred_at = body.occurred_at;
    let capture = match (body.points, body.exchange) {
        (points, None) => Capture::Points(points),
        (None, Some(Object(exchange))) => Capture::Exchange(exchange.order()),
        (Some(_), Some(_)) => {
            let complaint = "can't be said beside exchange, whose price it is";
            return Err(Problem::invalid_field("points", complaint));
        }
    };
    let command = Command::CaptureHold(CaptureHold { account_id, hold_id, capture, occurred_at });
    let done = api.execute(command, caller).await?;
    match &done.event {
        Some(Event::HoldCaptured(account_id, fact)) => done.respond_fact(account_id, fact),
        Some(Event::ExchangeCreated(account_id, fact)) => done.respond_fact(account_id, fact),
        _ => Err(unexpected()),
    }
}

impl ExchangeBody {
    fn order(self) -> Order {
        let Self { exchange_id, offer_id, quantity, deliver_to, expected_points } = self;
        Order { exchange_id, offer_id, quantity, deliver_to, expected_points }
    }
}
